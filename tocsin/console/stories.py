"""EDGE. What happened in an incident, in its order, from where it is written down: the journal, or else the outbox.

The journal is read beside the core that writes it, by a connection of its own, and only as far as it has grown since
the last look: an incident's decisions lie together under its name, and acts and reports between them.
"""

import re
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

import msgspec

from alerting.decision import Decision
from alerting.delivery.rows import OutboxRow
from alerting.inert import one_line
from alerting.naming import NameOf
from alerting.timeline import Act, Moment, Sending, timeline
from stream.codec import decode
from tocsin.acts_told import ERASED_NOTE, act_of
from tocsin.console.dutch_story import Dutch
from tocsin.console.seen_incident import NoticeSeen, WalkedSeen
from tocsin.entry import Answer, Control, DeliveryReport, Entry
from tocsin.journal import Beside

STEPS_TOLD = 12
"""So many steps of a walk, the last, a decision tells."""
WALKS_KEPT = 5
KEPT = 64
"""Stories held, the last that were asked for."""
AFTER_ENTRIES = 20_000
"""So many entries behind an incident's last decision are looked through for notes and reports that came late: about a
day of them."""
_OF_INCIDENT = "SELECT entry_seq, body FROM decisions WHERE key >= ? AND key < ? ORDER BY n"
_CONTROLS = "SELECT seq, body FROM entries WHERE seq > ? AND seq <= ? AND instr(body, ?) > 0 ORDER BY seq"
_MARK = b'"type":"control"'
_NOTICES: Mapping[str, Literal["told", "asked", "statement"]] = {
    "": "told",
    "brief": "told",
    "open_channel": "told",
    "ask": "asked",
    "statement": "statement",
}


_COLOURS = re.compile("[⚪🟡🟠🔴🟢] ")
"""What Slack shows before a severity: a page has shapes of its own, and may lack the letters for these."""


class Story(NamedTuple):
    """What is written down of an incident."""

    decisions: tuple[Decision, ...]
    acts: tuple[Act, ...]
    sendings: tuple[Sending, ...]


class Tells(Protocol):
    """Where stories come from."""

    def story(self, incident: str) -> Story | None:
        """What is written down of an incident; `None` where nothing is. May wait: for a thread of its own."""


class _Kept:
    """A story as far as it was read."""

    def __init__(self) -> None:
        self.upto_seq = -1
        self.acts: list[Act] = []
        self.sendings: list[Sending] = []


class Journaled:
    """Stories from the journal at `path`. `note` gives what a person wrote, by its digest, while it exists. Safe to use
    from several threads.
    """

    def __init__(self, path: Path, note: Callable[[str], str | None]) -> None:
        self._journal = Beside(path)
        self._note = note
        self._kept: dict[str, _Kept] = {}

    def close(self) -> None:
        """Close the file."""
        self._journal.close()

    def story(self, incident: str) -> Story | None:
        """What is written down of an incident; `None` where nothing is. Raises `sqlite3.Error`."""
        with self._journal as db:
            rows = db.execute(_OF_INCIDENT, (f"{incident}/", f"{incident}0")).fetchall()
            decisions = tuple(decode(body, Decision) for _, body in rows)
            if not decisions or decisions[0].incident != incident:
                return None
            kept = self._kept.pop(incident, None) or _Kept()
            self._kept[incident] = kept
            while len(self._kept) > KEPT:
                del self._kept[next(iter(self._kept))]
            self._read_on(db, kept, incident, rows[0][0], rows[-1][0])
            return Story(decisions, tuple(map(self._with_note, kept.acts)), tuple(kept.sendings))

    def _read_on(self, db: sqlite3.Connection, kept: _Kept, incident: str, first_seq: int, last_seq: int) -> None:
        if kept.upto_seq < 0:
            kept.upto_seq = first_seq - 1
        newest = db.execute("SELECT max(seq) FROM entries").fetchone()[0] or 0
        until = min(newest, last_seq + AFTER_ENTRIES)
        for _, body in db.execute(_CONTROLS, (kept.upto_seq, until, _MARK)):
            event = decode(body, Entry).event
            said = event.event if isinstance(event, Control) else None
            if isinstance(said, Answer) and said.incident == incident:
                kept.acts.append(act_of(said, said.note_digest))
            elif isinstance(said, DeliveryReport) and said.incident == incident:
                kept.sendings.append(
                    Sending(at_ms=said.at_ms, key=said.key, way=said.way, outcome=said.outcome, detail=said.detail)
                )
        kept.upto_seq = max(kept.upto_seq, until)

    def _with_note(self, act: Act) -> Act:
        """With the words that were written, which may have been erased since the last look."""
        if not act.note:
            return act
        return msgspec.structs.replace(act, note=self._note(act.note) or ERASED_NOTE)


def walked_before(decisions: Sequence[Decision]) -> tuple[WalkedSeen, ...]:
    """The walks of an incident that were begun anew, by the last steps that its decisions tell of each.

    >>> def told(at_ms, *path):
    ...     return Decision(key="", at_ms=at_ms, brand="a", kind="Notify", incident="a-0", scenario="backlash",
    ...                     severity="low", reason="flowchart", path=path)
    >>> walked_before([told(1, "told bram"), told(2, "told bram", "waits 5m"), told(3, "paged ana")])
    (WalkedSeen(until_ms=3, steps=('told bram', 'waits 5m')),)
    >>> walked_before([told(1, "told bram"), told(2), told(3, "told bram", "waits 5m")])
    ()
    """
    found: list[WalkedSeen] = []
    before: tuple[str, ...] = ()
    for decision in decisions:
        if not decision.path:
            continue
        if before and not _goes_on(before, decision.path):
            steps = (step.replace("{incident}", decision.incident) for step in before)
            found.append(WalkedSeen(decision.at_ms, tuple(one_line(step, 400) for step in steps)))
        before = decision.path
    return tuple(found[-WALKS_KEPT:])


def _goes_on(before: tuple[str, ...], path: tuple[str, ...]) -> bool:
    """Whether one path is the other and more: a long one has lost its first steps."""
    most = len(before) if len(path) == STEPS_TOLD else 1
    return any(before[lost:] == path[: len(before) - lost] for lost in range(most))


def in_dutch(story: Story | None, incident: str, zone: str, name_of: NameOf = str) -> tuple[Moment, ...]:
    """What happened, in Dutch words, in the same order; nothing where the journal is not read here."""
    if story is None:
        return ()
    decisions, acts, sendings = story
    told = timeline(incident, decisions, acts=acts, sendings=sendings, zone=zone, name_of=name_of, says=Dutch())
    return told.moments


def moments_of(
    story: Story | None, incident: str, rows: Iterable[OutboxRow], zone: str, name_of: NameOf = str
) -> tuple[Moment, ...]:
    """What happened, in words: by the journal, or, where none is read here, as it was told to people."""
    if story is not None:
        decisions, acts, sendings = story
        told = timeline(incident, decisions, acts=acts, sendings=sendings, zone=zone, name_of=name_of)
        found: Iterable[Moment] = told.moments
    else:
        found = _told(rows)
    # What people did is told in their own words.
    return tuple(
        one if one.kind == "answer" else msgspec.structs.replace(one, words=_COLOURS.sub("", one.words))
        for one in found
    )


def notices_of(story: Story | None) -> tuple[NoticeSeen, ...]:
    """Who was told without being paged, each thing once: to know of it, to answer, to approve."""
    found: dict[tuple[str, str], NoticeSeen] = {}
    for one in story.decisions if story is not None else ():
        what = _NOTICES.get(one.action)
        if one.kind != "Notify" or one.shadow or what is None:
            continue
        for who in one.targets:
            found.setdefault((who, what), NoticeSeen(who=who, name=who, at_ms=one.at_ms, what=what))
    return tuple(found.values())


def _told(rows: Iterable[OutboxRow]) -> Sequence[Moment]:
    found: dict[str, Moment] = {}
    for row in rows:
        at_ms = (row.wanted_ms or row.started_ms) - row.after_ms
        if row.line:
            found.setdefault(row.key, Moment(at_ms, "paged" if row.wakes else "told", one_line(row.line, 400)))
    return sorted(found.values(), key=lambda moment: moment.at_ms)
