"""EDGE. What humans do about an incident: durable in the intake log first, answered at once, decided later.

The core learns of an answer at its next grid point; delivery asks `Answers.is_quiet` right before it sends, so that
nobody is paged after an acknowledgement that is on the disk (DESIGN T4, rule 12). The order of the log is the order of
the answers: who is first there was first.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import get_args

from alerting.decision import Asked, Decision
from alerting.delivery.ways import Answered, Click
from alerting.drafts import CHANGED, about, redrafted, refusal, with_words
from alerting.incident import Incident
from stream import crash
from stream.codec import canonical
from tocsin.core_seen import CoreSeen, incidents_of
from tocsin.entry import Answer, AnswerKind

SAID = {
    "acknowledge": "acknowledged",
    "own": "owned",
    "escalate": "escalated",
    "false_alarm": "closed as a false alarm",
    "resolve": "resolved",
    "severity": "severity set",
    "reply": "answered",
    "approve": "approved",
    "note": "noted",
    "draft": "changed",
}
CLOSES = ("false_alarm", "resolve")
SAYS_HOW_BAD = ("severity", "reply", "approve", "draft")
"""Answers after which an incident is in nobody's hands more than before."""
REMEMBERED = 10_000
UNHEARD_MS = 10_000
"""An answer so young may be in the log without the core having heard of it."""


class Standing:
    """Where an incident stands in human hands, by the log."""

    __slots__ = ("answered_ms", "awaits", "by", "closed", "quiet", "said", "since_ms")

    def __init__(self, since_ms: int = 0) -> None:
        self.since_ms = since_ms
        """When it opened, or flared up: what was answered before that says nothing about it."""
        self.answered_ms = 0
        self.quiet = False
        self.closed = False
        self.by = ""
        self.said = ""
        self.awaits: tuple[str, ...] = ()
        """Who must all acknowledge before anybody has it (empty: anyone will do)."""

    def take(self, answer: Answer) -> bool:
        """Take in an answer; false where it comes too late to change anything."""
        if answer.answer == "note":
            return True
        if self.closed or (answer.answer == "acknowledge" and self.quiet):
            return False
        if answer.answer in SAYS_HOW_BAD:
            return True
        if answer.answer == "acknowledge" and (left := tuple(w for w in self.awaits if w != answer.who)):
            known, self.awaits = self.awaits, left
            return known != left
        self.awaits = ()
        self.quiet = answer.answer != "escalate"
        self.answered_ms = max(self.answered_ms, answer.at_ms)
        self.closed = answer.answer in CLOSES
        if self.quiet:
            self.by, self.said = answer.who, SAID[answer.answer]
        return True

    def words(self) -> str:
        """What one who comes too late is told."""
        if self.awaits:
            return f"Not enough yet: {', '.join(self.awaits)} must acknowledge too."
        return (
            f"Already {self.said or ('closed' if self.closed else 'acknowledged')}{f' by {self.by}' * bool(self.by)}."
        )


class Answers:
    """Takes human acts to the log and knows, from the log alone, which incidents are in somebody's hands.

    `append` makes an answer durable; `told` hears of each that counts, once, for the card; `brand_of` knows incidents;
    `put_note` keeps what people write where it can be erased, and gives its digest; `note` gives it back, while it is
    there.
    """

    def __init__(
        self,
        append: Callable[[bytes], Awaitable[None]],
        told: Callable[[Answered], None],
        brand_of: Callable[[str], str | None],
        put_note: Callable[[str], str],
        note: Callable[[str], str | None] = lambda _digest: None,
    ) -> None:
        self._append = append
        self._told = told
        self._brand_of = brand_of
        self._put_note = put_note
        self._words_of = note
        self._standing: dict[str, Standing] = {}
        self._seen: dict[str, str] = {}
        """Answers by their id, and what whoever gave it is told."""
        self._asked: dict[tuple[str, str], Asked] = {}
        """Questions and statements that wait for a person, by incident and node."""
        self._replied: dict[tuple[str, str], str] = {}
        """What came first of those that were answered, by the log."""
        self._counted: dict[str, None] = {}
        """Ids of answers that changed something."""
        self._under_way: dict[str, asyncio.Future[str]] = {}
        """Acts that are being made durable, by their id."""

    def restore(self, core: CoreSeen) -> None:
        """What the core knew when it stopped; `recall` says more, and what the log holds beyond comes by `note`."""
        for incident in incidents_of(core):
            self._standing[incident.id] = _standing_of(incident)
            if incident.asked is not None:
                self._asked[incident.id, incident.asked.node] = incident.asked
            self._seen.update(dict.fromkeys(incident.answers, ""))

    def believe(self, incident: str, by: str, *, closed: bool) -> None:
        """Take an incident for somebody's, or for over, as its card says, where nothing else is known of it."""
        if incident not in self._standing:
            standing = self._standing[incident] = Standing()
            standing.quiet, standing.closed, standing.by = True, closed, by

    def recall(self, answer: Answer, observed_ms: int) -> None:
        """Hear again, after a restart, an answer that the core had taken in: an escalation ends an acknowledgement."""
        standing = self._standing.get(answer.incident)
        if standing is not None and observed_ms >= standing.since_ms and not standing.closed:
            standing.take(answer)
        self._seen.setdefault(answer.id, "")

    def note(self, answer: Answer) -> str:
        """Take in an answer that is in the log, once. Returns what whoever gave it is told."""
        said = self._seen.get(answer.id)
        if said is not None:
            return said
        standing = self._standing.setdefault(answer.incident, Standing())
        counts = took = standing.take(answer)
        if counts and answer.node:
            counts, said = self._take_reply(answer)
            took = counts
        elif counts and standing.awaits and answer.answer == "acknowledge":
            counts, said = False, f"Noted. {standing.words()}"
        else:
            said = f"{SAID[answer.answer].capitalize()} by {answer.who}." if counts else standing.words()
        self._seen[answer.id] = said
        while len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]
        if took:
            self._counted[answer.id] = None
            while len(self._counted) > REMEMBERED:
                del self._counted[next(iter(self._counted))]
        if counts:
            self._told(Answered(answer.incident, answer.answer, answer.who))
        return said

    def _take_reply(self, answer: Answer) -> tuple[bool, str]:
        """Whether a reply or approval counts, and what whoever gave it is told. The first in the log is it."""
        where = answer.incident, answer.node
        asked = self._asked.get(where)
        if where in self._replied:
            return False, self._replied[where]
        if asked is None or answer.at_ms > asked.by_ms:
            return False, "This is not asked any more. Nothing was changed."
        if answer.answer == "draft":
            return self._take_words(asked, answer)
        if answer.who not in asked.may:
            who = "its author cannot" if answer.who in asked.authors else f"only {' or '.join(asked.may)} can"
            return False, f"This counts for nothing: {who} {'answer' if answer.answer == 'reply' else 'approve'} it."
        if answer.answer == "approve" and answer.choice != about(asked):
            return False, CHANGED
        words = answer.choice.replace("_", " ") if answer.answer == "reply" else ""
        self._replied[where] = f"Already {'answered' if words else 'approved'} by {answer.who}{words and f': {words}'}."
        return True, f"{SAID[answer.answer].capitalize()}{words and f': {words}'}."

    def _take_words(self, asked: Asked, answer: Answer) -> tuple[bool, str]:
        """Other words for a statement hold from here in the log on: what was seen before cannot be approved after."""
        refused = refusal(asked, answer.who, answer.choice)
        if refused:
            return False, refused
        asked = redrafted(asked, answer.who, answer.note_digest)
        self._asked[answer.incident, answer.node] = asked
        return True, f"Changed. Now {' or '.join(asked.may)} must approve it."

    def decided(self, decision: Decision) -> None:
        """What the core wants of people: who may answer a question, who must all acknowledge."""
        gone = [key for key in self._asked if key[0] == decision.incident and decision.node not in ("", key[1])]
        for key in gone:  # the walk has gone on from there
            del self._asked[key]
        if decision.action in ("ask", "statement") and decision.kind == "Notify" and decision.asked is not None:
            where = decision.incident, decision.asked.node
            self._asked[where] = decision.asked
            self._replied.pop(where, None)
        if decision.kind in ("Page", "Escalate") and decision.action != "mobilise":
            standing = self._standing.setdefault(decision.incident, Standing())
            standing.awaits = () if standing.quiet else decision.awaits

    def reopened(self, incident: str) -> None:
        """It flared up: it is in nobody's hands any more."""
        self._standing.pop(incident, None)

    def expired(self, incident: str, at_ms: int) -> None:
        """Nobody acted on its acknowledgement: it holds no longer, unless somebody answered since."""
        standing = self._standing.setdefault(incident, Standing())
        if not standing.closed and standing.answered_ms < at_ms - UNHEARD_MS:
            standing.quiet = False
            standing.since_ms = at_ms

    def closed(self, incident: str) -> None:
        """The core closed it: nobody is paged for it."""
        standing = self._standing.setdefault(incident, Standing())
        standing.quiet = standing.closed = True

    def is_quiet(self, incident: str) -> bool:
        """Whether nobody may be woken for this incident now."""
        standing = self._standing.get(incident)
        return standing is not None and standing.quiet

    def is_worth_asking(self, incident: str, action: str) -> bool:
        """Whether a form about an act makes sense: what is over, or not known here, is answered at once."""
        standing = self._standing.get(incident)
        over = standing is not None and standing.closed
        return self._brand_of(incident) is not None and (action == "note" or not over)

    def _refused(self, click: Click, who: str) -> str:
        """Why a press on one of the flowchart's own buttons cannot count: it is not written to the log then."""
        asked = self._asked.get((click.incident, click.node))
        if click.action == "draft":
            already = self._replied.get((click.incident, click.node), "")
            empty = "" if click.note else "No words came with this. Nothing was changed."
            return already or refusal(asked, who, click.choice) or empty
        if asked is not None and who in asked.authors and click.action == "approve":
            return "Nobody approves their own statement. Somebody else must."
        if asked is not None and who not in asked.may:
            return f"Only {' or '.join(asked.may)} can do that. Nothing was changed."
        if asked is None or (click.action == "reply" and click.choice not in asked.choices):
            return "This is not asked any more. Nothing was changed."
        if click.action == "approve" and click.choice != about(asked):
            return CHANGED
        return ""

    def counted(self, act: str) -> bool:
        """Whether an act, by its id, changed anything: the first did, what came too late did not."""
        return act in self._counted

    async def to_change(self, click: Click, who: str) -> Asked | str:
        """The statement that `who` wants to change, with its words as they stand; or why they cannot."""
        where = click.incident, click.node
        asked = self._asked.get(where)
        refused = self._replied.get(where, "") or refusal(asked, who, click.choice)
        if refused or asked is None:
            return refused
        return await asyncio.to_thread(with_words, asked, self._words_of)

    async def click(self, click: Click, who: str, severity: str = "") -> str:
        """A listed responder acted: durable when this returns. The first wins, the others are told who.

        One that comes again while it is being written down waits for that, and is answered the same. `severity` is how
        bad they say it is, with the action `severity`.
        """
        under_way = self._under_way.get(click.id)
        if under_way is None:
            under_way = self._under_way[click.id] = asyncio.ensure_future(self._write_down(click, who, severity))
            under_way.add_done_callback(lambda _: self._under_way.pop(click.id, None))
        return await asyncio.shield(under_way)

    async def _write_down(self, click: Click, who: str, severity: str) -> str:
        brand = self._brand_of(click.incident)
        if brand is None or click.action not in get_args(AnswerKind):
            return "This incident is not known here."
        if click.id in self._seen:
            return self._seen[click.id]
        standing = self._standing.get(click.incident)
        over = standing is not None and standing.closed and click.action != "note"
        if standing is not None and (over or (click.action == "acknowledge" and standing.quiet)):
            return standing.words()
        if (click.node or click.action == "draft") and (refused := self._refused(click, who)):
            return refused
        answer = Answer(
            id=click.id,
            brand=brand,
            incident=click.incident,
            answer=click.action,  # type: ignore[arg-type]  # checked above against AnswerKind
            who=who,
            at_ms=click.at_ms,
            note_digest=await asyncio.to_thread(self._put_note, click.note) if click.note else "",
            node=click.node,
            choice=click.choice,
            severity=severity,
        )
        crash.here("answer.before")
        await self._append(canonical(answer))
        crash.here("answer.after")
        # Two may have pressed at the same time: both are in the log, and the one who is first there has it.
        return self.note(answer)


def _standing_of(incident: Incident) -> Standing:
    standing = Standing(max(incident.opened_ms, incident.expired_ms))
    standing.closed = not incident.is_open
    standing.quiet = standing.closed or incident.is_answered
    standing.awaits = tuple(incident.walk.awaits) if incident.walk is not None else ()
    standing.by = incident.owner or incident.acknowledged_by
    if standing.closed:
        standing.said = {"false_alarm": SAID["false_alarm"], "resolved": SAID["resolve"]}.get(
            incident.closed_because, ""
        )
    elif standing.by:
        standing.said = SAID["own"] if incident.owner else SAID["acknowledge"]
    return standing
