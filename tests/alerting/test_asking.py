"""What the flowchart asks of people becomes decisions, cards with buttons, and answers that count once."""

from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from alerting.asks import Asks, in_words, presses, read_value
from alerting.assessment import Assessment
from alerting.decision import Decision
from alerting.drafts import kept_words
from alerting.escalation import Casebook, Desk, Scene, due_ms
from alerting.facts import Facts
from alerting.flowchart.load import load_chart
from alerting.message import action_of, card, page_card, terminal_card
from alerting.view import IncidentView, grown
from alerting.words import thread_line
from detectors.detector import Signal
from stream.codec import MINUTE_MS, canonical, decode

CHART = load_chart(
    (Path(__file__).parents[1] / "flowchart" / "full.yaml").read_text(encoding="utf-8"), "crisis_flowchart.yaml"
)
T0 = 1_772_409_600_000


class Act(NamedTuple):
    """What a human did."""

    id: str
    incident: str
    answer: str
    who: str
    at_ms: int
    node: str = ""
    choice: str = ""
    severity: str = ""
    note_digest: str = ""


class OnCall:
    """The same people always."""

    def __init__(self, *people: str) -> None:
        self._people = people

    def on_call(self, at_ms: int) -> tuple[str, ...]:
        return self._people


class Story:
    """One brand's casebook, on virtual time."""

    def __init__(self, scenario: str, severity: str = "high", people: tuple[str, ...] = ("ann",)) -> None:
        self.book = Casebook(brand="acme")
        self.at_ms = T0
        self.rosters = {"press": OnCall(*people)}
        self.all: list[Decision] = []
        self.view: IncidentView | None = None
        self._signal = Signal("volume", 900, True, 60, 10, since_ms=T0, window_ms=3_600_000)
        self._trouble = Assessment(
            scenario, severity, ("loud",), Facts(scenario=scenario, severity=severity, mentions=60), (self._signal,)
        )
        self.look()

    def look(self, *acts: Act, after_ms: int = 0) -> list[Decision]:
        """Pass time, take in what humans did, and give what was decided."""
        self.at_ms += after_ms
        restored = decode(canonical(self.book), Casebook)
        desk = Desk(
            restored, CHART, lambda _: CHART, self.at_ms, Scene((self._signal,)), rosters=lambda _: self.rosters
        )
        for act in acts:
            desk.answer(act)
        desk.assess(self._trouble, blind=False)
        desk.timers()
        self.book = restored
        self.all += desk.out
        for decision in desk.out:
            self.view = grown(self.view, decision)
        return desk.out

    def act(self, answer: str, who: str, node: str = "", choice: str = "", said: str = "") -> Act:
        """An act of a person, now."""
        assert self.book.incident is not None
        incident, act = self.book.incident.id, f"{answer}-{who}-{self.at_ms}-{choice}{said}"
        return Act(act, incident, answer, who, self.at_ms, node, choice, note_digest=said)

    @property
    def asks(self) -> Asks:
        """What the card asks."""
        assert self.view is not None
        return self.view.asks


def _told(decisions: list[Decision]) -> list[tuple[str, str, str, tuple[str, ...]]]:
    return [(d.kind, d.reason, d.action, d.targets) for d in decisions]


def _buttons(story: Story) -> dict[str, str]:
    assert story.view is not None
    actions = [block for block in card(story.view).blocks if block["type"] == "actions"]
    return {one["text"]["text"]: one["value"] for block in actions for one in block["elements"]}


# --- questions --------------------------------------------------------------------------------------------------------


def test_a_question_stands_on_the_card_with_a_button_for_each_answer() -> None:
    story = Story("viral_complaint")
    assert _told(story.all)[-1] == ("Notify", "flowchart", "ask", ("ann",))
    buttons = _buttons(story)
    assert list(buttons)[-3:] == ["Yes", "No", "Not sure"]
    assert story.view is not None
    assert read_value("reply", buttons["Not sure"]) == (story.view.incident, "is_it_true", "not_sure")
    shown = str(card(story.view).blocks)
    assert "Is it true?" in shown
    assert "Asked: ann, until" in shown
    assert "Yes / No / Not sure" in terminal_card(story.view)
    assert "Is it true?" in str(page_card(story.view, "").blocks)


def test_an_answer_is_told_to_all_and_the_walk_goes_on() -> None:
    story = Story("viral_complaint")
    out = story.look(story.act("reply", "ann", "is_it_true", "yes"), after_ms=5000)
    assert _told(out)[:2] == [
        ("Update", "answered", "ask", ()),
        ("Notify", "flowchart", "statement", ("ann", "boss", "cara")),
    ]
    assert thread_line(out[0]) == "Is it true? ann: yes."
    assert out[0].facts is not None
    assert out[-1].facts is not None
    assert out[-1].facts.answers == {"is_it_true": "yes"}
    assert story.asks.question is None


@pytest.mark.parametrize(("who", "choice"), [("ben", "yes"), ("boss", "no"), ("ann", "perhaps"), ("", "yes")])
def test_an_answer_of_whoever_was_not_asked_changes_nothing(who: str, choice: str) -> None:
    story = Story("viral_complaint")
    before = canonical(story.book.incident.walk if story.book.incident else None)
    assert story.look(story.act("reply", who, "is_it_true", choice), after_ms=5000) == []
    assert story.book.incident is not None
    assert canonical(story.book.incident.walk) == before


def test_the_first_answer_counts_and_the_same_twice_is_one() -> None:
    story = Story("viral_complaint", people=("ann", "ben"))
    first = story.act("reply", "ben", "is_it_true", "no")
    out = story.look(first, first, story.act("reply", "ann", "is_it_true", "yes"), after_ms=5000)
    assert [d.note for d in out if d.reason == "answered"] == ["ben: no"]
    assert story.book.incident is not None
    assert story.book.incident.replies == {"is_it_true": "no"}


def test_a_question_nobody_answers_pages_the_next_at_its_minute_though_somebody_had_acknowledged() -> None:
    story = Story("viral_complaint")
    story.look(story.act("acknowledge", "cara"), after_ms=5000)
    assert story.book.incident is not None
    assert story.book.incident.is_answered
    early = story.look(after_ms=10 * MINUTE_MS - 5001)
    assert [d for d in early if d.kind in ("Page", "Escalate")] == []
    out = story.look(after_ms=1)
    assert ("Escalate", "escalated", "", ("boss",)) in _told(out)
    assert story.book.incident is not None
    assert not story.book.incident.is_answered
    assert story.asks.question is None


def test_the_question_is_a_timer_of_the_casebook() -> None:
    story = Story("viral_complaint")
    assert story.book.incident is not None
    assert story.book.incident.walk is not None
    assert story.book.incident.walk.due_ms == T0 + 10 * MINUTE_MS
    assert due_ms(story.book, T0) == T0 + MINUTE_MS


# --- statements -------------------------------------------------------------------------------------------------------


def _offered() -> Story:
    story = Story("viral_complaint")
    story.look(story.act("reply", "ann", "is_it_true", "yes"), after_ms=5000)
    return story


def test_a_statement_cannot_be_copied_before_its_approval() -> None:
    story = _offered()
    assert story.view is not None
    blocks = card(story.view).blocks
    text = next(t for _, t in story.asks.statement.texts) if story.asks.statement else ""
    assert text == "acme is aware of this and looks into it."
    sections = [block["text"]["text"] for block in blocks if block["type"] == "section" and "text" in block]
    assert text not in sections
    drafted = next(block for block in blocks if "DRAFT" in str(block))["elements"][0]["text"].splitlines()
    assert all(line.startswith("DRAFT") for line in drafted[1:])
    assert "waits for approval by boss or cara" in drafted[0]
    assert "Approve the statement" in _buttons(story)


@pytest.mark.parametrize("who", ["ann", "ben", "dan"])
def test_a_statement_cannot_be_approved_by_its_author_or_by_whoever_was_not_asked(who: str) -> None:
    story = _offered()
    assert story.look(story.act("approve", who, "say_something"), after_ms=5000) == []
    assert story.asks.approved == ()
    assert story.asks.statement is not None


def test_an_approved_statement_can_be_copied_and_says_who_approved_it() -> None:
    story = _offered()
    out = story.look(story.act("approve", "cara", "say_something"), after_ms=5000)
    assert _told(out) == [
        ("Update", "approved", "approved", ()),
        ("Notify", "flowchart", "open_channel", ("ann", "legal")),
        ("Page", "flowchart", "mobilise", ("reserve_team",)),
        ("Notify", "flowchart", "brief", ("head",)),
    ]
    assert story.view is not None
    sections = [b["text"]["text"] for b in card(story.view).blocks if b["type"] == "section" and "text" in b]
    assert "acme is aware of this and looks into it." in sections
    assert any("approved by cara" in section for section in sections)
    assert "acme is hiervan op de hoogte en zoekt het uit." in terminal_card(story.view, 160)
    assert story.asks.channel == f"#crisis-{story.view.incident}"
    assert [thread_line(d) for d in out] == [
        "Statement “we know” approved by cara: it may be copied.",
        f"Open the channel #crisis-{story.view.incident} for this crisis: ann, legal.",
        "Called in: reserve_team. Please come in.",
        "Briefed: head. A statement is out.",
    ]


def test_a_statement_approved_once_is_approved_once() -> None:
    story = _offered()
    approve = story.act("approve", "cara", "say_something")
    out = story.look(approve, approve, story.act("approve", "boss", "say_something"), after_ms=5000)
    assert [d.note for d in out if d.reason == "approved"] == ["cara"]


def test_a_closed_incident_asks_nothing_and_keeps_the_words_that_may_be_copied() -> None:
    story = _offered()
    story.look(story.act("approve", "cara", "say_something"), after_ms=5000)
    story.look(story.act("resolve", "ann"), after_ms=5000)
    assert list(_buttons(story)) == []
    assert len(story.asks.approved) == 1


# --- statements in other words ---------------------------------------------------------------------------------------

FIRST, SECOND = "1" * 64, "2" * 64
SEEN = FIRST[:16]
WORDS = "We are sorry, and refund everybody."


def _changed(who: str = "ann") -> Story:
    """The statement in the words of somebody."""
    story = _offered()
    story.look(story.act("draft", who, "say_something", said=FIRST), after_ms=5000)
    return story


def _approvable(story: Story) -> tuple[tuple[str, ...], tuple[str, ...]]:
    assert story.asks.statement is not None
    return story.asks.statement.authors, story.asks.statement.may


def test_whoever_changes_a_statement_is_its_author_and_another_approves_what_was_shown() -> None:
    story = _changed()
    (told,) = [d for d in story.all if d.reason == "drafted"]
    assert (told.kind, told.note, told.action, told.targets, told.said) == ("Update", "ann", "statement", (), "")
    assert thread_line(told) == "Statement “we know” changed by ann; the new words wait for approval: boss, cara."
    assert _approvable(story) == (("ann",), ("boss", "cara"))
    assert read_value("approve", _approve_value(story)) == (told.incident, "say_something", SEEN)
    assert story.look(story.act("approve", "ann", "say_something", SEEN), after_ms=5000) == []
    out = story.look(story.act("approve", "cara", "say_something", SEEN), after_ms=5000)
    assert (out[0].reason, out[0].note) == ("approved", "cara")
    assert out[0].asked is not None
    assert (out[0].asked.said, out[0].asked.texts) == (FIRST, (("en", ""), ("nl", "")))
    assert "acme is aware" not in canonical(out).decode(), "the words of the flowchart were not approved"


def test_an_approver_who_changes_it_leaves_it_to_another_approver() -> None:
    story = _changed("cara")
    assert _approvable(story) == (("cara",), ("boss",))
    assert story.look(story.act("approve", "cara", "say_something", SEEN), after_ms=5000) == []
    assert [d.note for d in story.look(story.act("approve", "boss", "say_something", SEEN)) if d.reason == "approved"]


@pytest.mark.parametrize("seen", ["", "2" * 16, FIRST])
def test_an_approval_of_other_words_than_those_that_stand_changes_nothing(seen: str) -> None:
    """What was pressed is what was seen: a card from before the change approves nothing."""
    story = _changed()
    assert story.look(story.act("approve", "cara", "say_something", seen), after_ms=5000) == []
    assert story.asks.approved == ()


def test_the_first_change_wins_and_the_same_twice_is_one() -> None:
    story = _offered()
    first = story.act("draft", "ann", "say_something", said=FIRST)
    late = story.act("draft", "cara", "say_something", said=SECOND)
    out = story.look(first, first, late, after_ms=5000)
    assert [d.note for d in out if d.reason == "drafted"] == ["ann"]
    story.look(story.act("draft", "cara", "say_something", SEEN, SECOND), after_ms=5000)
    assert _approvable(story) == (("cara",), ("boss",))


@pytest.mark.parametrize(
    ("who", "node", "said"),
    [
        ("dan", "say_something", FIRST),
        ("", "say_something", FIRST),
        ("ann", "elsewhere", FIRST),
        ("ann", "say_something", ""),
    ],
)
def test_a_change_by_whoever_may_not_write_or_without_words_changes_nothing(who: str, node: str, said: str) -> None:
    story = _offered()
    before = canonical(story.book.incident.asked if story.book.incident else None)
    assert story.look(story.act("draft", who, node, said=said), after_ms=5000) == []
    assert canonical(story.book.incident.asked if story.book.incident else None) == before


def test_a_change_wins_no_time_and_after_the_approval_there_is_none() -> None:
    story = _offered()
    assert story.book.incident is not None
    assert story.book.incident.walk is not None
    due_ms = story.book.incident.walk.due_ms
    story.look(story.act("draft", "ann", "say_something", said=FIRST), after_ms=5000)
    assert story.book.incident is not None
    assert story.book.incident.walk is not None
    assert story.book.incident.walk.due_ms == due_ms
    out = story.look(
        story.act("approve", "cara", "say_something", SEEN), story.act("draft", "ann", "say_something", SEEN, SECOND)
    )
    assert "drafted" not in [d.reason for d in out]
    assert [one.statement.said for one in story.asks.approved] == [FIRST]


def test_changed_words_are_a_draft_on_the_card_until_they_are_approved_and_gone_when_they_are_erased() -> None:
    story = _changed()
    kept: dict[str, str] = {FIRST: kept_words([("en", f"{WORDS}\n<!channel> https://evil.example"), ("nl", "Sorry.")])}
    shown = _card_of(story, kept)
    assert WORDS not in [block["text"]["text"] for block in shown if block["type"] == "section" and "text" in block]
    drafted = next(block for block in shown if "DRAFT" in str(block))["elements"][0]["text"].splitlines()
    assert "as ann wrote it, waits for approval by boss or cara" in drafted[0]
    assert all(line.startswith("DRAFT") for line in drafted[1:])
    assert f"DRAFT │ {WORDS}" in drafted
    assert "https://evil" not in str(shown)
    assert [label for label in _labels(shown) if label in ("Approve the statement", "Adjust")] == [
        "Approve the statement",
        "Adjust",
    ]
    kept_before = dict(kept)
    kept.clear()
    erased = _card_of(story, kept)
    assert "they were erased" in str(erased)
    assert "Approve the statement" not in _labels(erased), "nobody approves what cannot be read"
    story.look(story.act("approve", "cara", "say_something", SEEN), after_ms=5000)
    assert WORDS in str(_card_of(story, kept_before))
    assert "DRAFT" not in str(_card_of(story, kept_before))
    assert "they were erased" in str(_card_of(story, kept))


def test_long_words_in_many_languages_are_shown_whole_to_whoever_approves() -> None:
    story = _changed()
    assert story.asks.statement is not None
    long = " ".join(f"word{number}" for number in range(110))
    texts = tuple((language, f"{long} {language}") for language in ("en", "nl", "de", "fr", "es"))
    assert story.view is not None
    statement = msgspec.structs.replace(story.asks.statement, texts=texts)
    view = msgspec.structs.replace(story.view, asks=msgspec.structs.replace(story.asks, statement=statement))
    elements = next(block for block in card(view).blocks if "DRAFT" in str(block))["elements"]
    assert all(len(one["text"]) <= 3000 for one in elements)
    assert all(any(f"{long} {language}" in one["text"] for one in elements) for language, _ in texts)


def _approve_value(story: Story) -> str:
    (value,) = [one.value for one in presses("acme-0", story.asks) if one.action == "draft"]
    assert story.view is not None
    return value.replace("acme-0", story.view.incident)


def _card_of(story: Story, kept: dict[str, str]) -> list[dict[str, Any]]:
    assert story.view is not None
    return card(msgspec.structs.replace(story.view, asks=in_words(story.asks, kept.get))).blocks


def _labels(blocks: list[dict[str, Any]]) -> list[str]:
    return [one["text"]["text"] for block in blocks if block["type"] == "actions" for one in block["elements"]]


# --- everyone, and nobody ---------------------------------------------------------------------------------------------


def test_a_page_to_everyone_is_answered_when_the_last_has_acknowledged() -> None:
    story = Story("data_security")
    page = story.all[-1]
    assert (page.kind, page.awaits) == ("Page", ("cara", "dan"))
    out = story.look(story.act("acknowledge", "cara"), after_ms=5000)
    assert _told(out) == [("Update", "acknowledged_in_part", "", ())]
    assert thread_line(out[0]) == "Acknowledged by cara; still to come: dan."
    assert story.view is not None
    assert (story.view.status, story.asks.awaits) == ("open", ("dan",))
    assert "Must still acknowledge: dan" in str(card(story.view).blocks)
    out = story.look(story.act("acknowledge", "dan"), after_ms=5000)
    assert _told(out) == [("Update", "acknowledged", "", ())]
    assert (story.view.status, story.asks.awaits) == ("acknowledged", ())


def test_a_page_to_everyone_that_one_ignored_reaches_the_next() -> None:
    story = Story("data_security")
    story.look(story.act("acknowledge", "cara"), after_ms=5000)
    out = story.look(after_ms=5 * MINUTE_MS - 5000)
    assert ("Escalate", "not_acknowledged", "", ("boss",)) in _told(out)


def test_who_owns_it_has_it_although_everyone_was_to_acknowledge() -> None:
    story = Story("data_security")
    out = story.look(story.act("own", "cara"), after_ms=5000)
    assert _told(out) == [("Update", "owned", "", ())]
    assert story.book.incident is not None
    assert story.book.incident.is_answered


def test_a_vacant_step_is_skipped_at_once_and_written_down() -> None:
    story = Story("service_outage", people=())
    assert _told(story.all) == [
        ("OpenIncident", "signals", "", ()),
        ("NoPage", "nobody_on_call", "", ()),
        ("Escalate", "nobody_on_call", "", ("boss",)),
    ]
    assert {decision.at_ms for decision in story.all} == {T0}


# --- buttons ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "value"),
    [("reply", "acme-1"), ("reply", "a\nb\nc\nd"), ("reply", "a\n\nc"), ("approve", "a"), ("acknowledge", "a\nb")],
)
def test_a_value_that_is_none_of_ours_is_none(action: str, value: str) -> None:
    assert read_value(action, value) is None


def test_the_buttons_of_a_question_say_what_they_ask_for() -> None:
    story = Story("viral_complaint")
    assert story.view is not None
    actions = [b for b in card(story.view).blocks if b["type"] == "actions"]
    assert len(actions) == 2
    assert [action_of(one["action_id"]) for one in actions[-1]["elements"]] == ["reply"] * 3
    assert len({one["action_id"] for one in actions[-1]["elements"]}) == 3
