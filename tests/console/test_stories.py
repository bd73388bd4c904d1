"""Stories: what happened in an incident, from the journal beside the core that writes it, as far as it grew."""

from pathlib import Path

import msgspec
import pytest

from alerting.decision import Decision
from alerting.delivery.rows import OutboxRow
from alerting.timeline import Act
from tests.console.samples import AT_MS
from tocsin.console.seen_incident import WalkedSeen
from tocsin.console.stories import Journaled, Story, in_dutch, moments_of, notices_of, walked_before
from tocsin.entry import Answer, Control, DeliveryReport, Mark
from tocsin.journal import Journal

STEP = AT_MS // 5_000


class Written:
    """A journal in which things happen, and what people wrote."""

    def __init__(self, path: Path) -> None:
        self.journal = Journal(path, step_ms=5_000)
        self.notes: dict[str, str] = {}
        self.number = 0

    def step(self, *events: Answer | DeliveryReport) -> int:
        """A step with these events; the number of its mark."""
        self.number += 1
        step = STEP + self.number
        held = [
            (AT_MS, Control(partition=0, incarnation="x", step=step, brand="Acme", number=n, event=event))
            for n, event in enumerate(events)
        ]
        mark = Mark(partition=0, incarnation="x", from_step=step - 1, upto_step=step, counts={step: len(events)})
        return self.journal.append([*held, (AT_MS, mark)])[-1].seq

    def decide(self, incident: str, kind: str, seq: int, reason: str = "signals") -> None:
        made = Decision(
            key=f"{incident}/{self.number}/{kind}",
            at_ms=AT_MS + self.number,
            brand="Acme",
            kind=kind,  # type: ignore[arg-type]  # one of the kinds
            incident=incident,
            scenario="backlash",
            severity="high",
            reason=reason,  # type: ignore[arg-type]  # one of the reasons
            targets=("ana",),
        )
        self.journal.record([(seq, made)], applied_seq=seq)


@pytest.fixture
def written(tmp_path: Path) -> Written:
    return Written(tmp_path / "journal.db")


def told(written: Written, tmp_path: Path) -> Journaled:
    return Journaled(tmp_path / "journal.db", written.notes.get)


def test_whoever_was_told_without_being_paged_is_known_with_what_they_were_told() -> None:
    def told_of(number: int, kind: str, who: str, action: str = "", **more: object) -> Decision:
        base = {"key": f"a-1/{number}/{kind}", "at_ms": AT_MS + number, "brand": "Acme", "kind": kind}
        found = {"incident": "a-1", "scenario": "backlash", "severity": "medium", "reason": "flowchart"}
        return msgspec.convert({**base, **found, "targets": [who], "action": action, **more}, Decision)

    story = Story(
        (
            told_of(1, "Notify", "webcare_lead"),
            told_of(2, "Page", "ana"),
            told_of(3, "Notify", "webcare_lead", "ask"),
            told_of(4, "Notify", "head", "statement"),
            told_of(5, "Notify", "webcare_lead"),
            told_of(6, "Notify", "nobody_hears", shadow=True),
        ),
        (),
        (),
    )
    assert [(one.who, one.what, one.at_ms - AT_MS) for one in notices_of(story)] == [
        ("webcare_lead", "told", 1),
        ("webcare_lead", "asked", 3),
        ("head", "statement", 4),
    ]
    assert notices_of(None) == ()


def test_a_walk_that_was_begun_anew_is_kept_and_one_that_lost_its_first_steps_is_the_same() -> None:
    def told_of(number: int, *path: str) -> Decision:
        found = {"incident": "a-1", "scenario": "backlash", "severity": "medium", "reason": "flowchart"}
        base = {"key": f"a-1/{number}/Notify", "at_ms": AT_MS + number, "brand": "Acme", "kind": "Notify"}
        return msgspec.convert({**base, **found, "path": path}, Decision)

    long = [f"step {number}" for number in range(20)]
    first = ("many readers? no, by 40", "told bram about {incident}", "waits up to 30m")
    again = ("many readers? yes, by 12\nand more", "paged ana")
    assert walked_before(
        [told_of(1), told_of(2, *first[:2]), told_of(3, *first), told_of(4), told_of(5, *again), told_of(6, *long[:12])]
    ) == (
        WalkedSeen(AT_MS + 5, ("many readers? no, by 40", "told bram about a-1", "waits up to 30m")),
        WalkedSeen(AT_MS + 6, ("many readers? yes, by 12 and more", "paged ana")),
    )
    assert walked_before([told_of(1, *long[:10]), told_of(2, *long[3:15]), told_of(3, *long[8:20])]) == ()
    assert walked_before([told_of(1, *long[:12]), told_of(2, *long[:5])]) != ()


def test_a_page_shows_no_colours_as_letters_and_keeps_those_that_people_wrote(written: Written, tmp_path: Path) -> None:
    written.decide("a-1", "OpenIncident", written.step())
    written.decide("a-1", "Page", written.step())
    found = told(written, tmp_path).story("a-1")
    assert found is not None
    note = Act(at_ms=AT_MS + 9, who="ana", answer="note", note="It is 🔴 there 👍")
    moments = moments_of(found._replace(acts=(note,)), "a-1", (), "UTC")
    assert "Noticed, High." in moments[0].words
    assert moments[1].words.endswith("High.")
    assert not any(sign in one.words for one in moments[:2] for sign in "⚪🟡🟠🔴🟢")
    assert "“It is 🔴 there 👍”" in moments[2].words
    row = OutboxRow(page_id="1", brand="a", incident="a-1", key="k", way="slack", to="C", kind="story", line="🟠 High.")
    assert [one.words for one in moments_of(None, "a-1", [row], "UTC")] == ["High."]


def test_people_are_told_of_by_their_names_in_both_languages(written: Written, tmp_path: Path) -> None:
    written.decide("a-1", "OpenIncident", written.step())
    found = told(written, tmp_path).story("a-1")
    assert found is not None
    story = found._replace(acts=(Act(at_ms=AT_MS + 9, who="ana", answer="acknowledge"),))
    english = moments_of(story, "a-1", (), "UTC", {"ana": "Ana Diaz"}.__getitem__)
    dutch = in_dutch(story, "a-1", "UTC", {"ana": "Ana Diaz"}.__getitem__)
    assert [("Ana Diaz" in told[-1].words, "ana" in told[-1].words) for told in (english, dutch)] == [(True, False)] * 2


def noted(incident: str, number: int, digest: str = "") -> Answer:
    return Answer(
        id=f"{incident}-{number}",
        brand="Acme",
        incident=incident,
        answer="note",
        who="ana",
        at_ms=AT_MS + number,
        note_digest=digest,
    )


def open_one(written: Written, incident: str) -> None:
    seq = written.step()
    written.decide(incident, "OpenIncident", seq)
    written.decide(incident, "Page", seq)


def words(story: Story | None, incident: str) -> list[str]:
    return [moment.words for moment in moments_of(story, incident, (), "UTC")]


def test_a_story_is_its_own_decisions_acts_and_reports_and_no_others(written: Written, tmp_path: Path) -> None:
    open_one(written, "acme-1")
    open_one(written, "acme-10")
    report = DeliveryReport("Acme", "acme-1", "acme-1/1/Page", "slack", "sent", AT_MS + 9)
    written.step(noted("acme-1", 1), noted("acme-10", 2), report)
    story = told(written, tmp_path).story("acme-1")
    assert story is not None
    assert {one.incident for one in story.decisions} == {"acme-1"}
    assert [one.kind for one in story.decisions] == ["OpenIncident", "Page"]
    assert [one.at_ms for one in story.acts] == [AT_MS + 1]
    assert [(one.way, one.outcome) for one in story.sendings] == [("slack", "sent")]
    assert any("wrote a note" in line for line in words(story, "acme-1"))


def test_what_came_since_the_last_look_is_added_and_nothing_twice(written: Written, tmp_path: Path) -> None:
    open_one(written, "acme-1")
    stories = told(written, tmp_path)
    for number in range(1, 4):
        written.step(noted("acme-1", number))
        story = stories.story("acme-1")
        assert story is not None
        assert [one.at_ms - AT_MS for one in story.acts] == list(range(1, number + 1))
    written.decide("acme-1", "StandDown", written.step(), "resolved")
    again = stories.story("acme-1")
    assert again is not None
    assert again.decisions[-1].kind == "StandDown"
    assert len(again.acts) == 3


def test_a_note_that_was_erased_since_is_shown_no_more(written: Written, tmp_path: Path) -> None:
    open_one(written, "acme-1")
    written.notes["d1"] = "call the plant"
    written.step(noted("acme-1", 1, "d1"))
    stories = told(written, tmp_path)
    assert any("call the plant" in line for line in words(stories.story("acme-1"), "acme-1"))
    del written.notes["d1"]
    lines = words(stories.story("acme-1"), "acme-1")
    assert not any("call the plant" in line for line in lines)
    assert any("a note that was erased" in line for line in lines)


def test_what_is_not_known_has_no_story(written: Written, tmp_path: Path) -> None:
    open_one(written, "acme-1")
    assert told(written, tmp_path).story("acme-2") is None
    assert told(written, tmp_path).story("acme-1/1") is None


def test_where_no_journal_is_read_the_story_is_what_people_were_told() -> None:
    def row(name: str, key: str, line: str, wanted_ms: int) -> OutboxRow:
        return OutboxRow(
            page_id=name,
            brand="Acme",
            incident="acme-1",
            key=key,
            way="slack",
            to="C1",
            kind="card",
            line=line,
            wanted_ms=wanted_ms,
            wakes=True,
        )

    rows = [row("2", "k2", "Paged\nnext: bram", 20), row("1", "k1", "Paged: ana", 10), row("3", "k1", "Paged: ana", 11)]
    moments = moments_of(None, "acme-1", rows, "UTC")
    assert [(one.at_ms, one.words) for one in moments] == [(10, "Paged: ana"), (20, "Paged next: bram")]
