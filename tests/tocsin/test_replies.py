"""A press on a button of the flowchart's own is durable, counts once, and only from whoever was asked."""

import asyncio

import msgspec

from alerting.asks import Asks, presses
from alerting.decision import Asked, Decision
from alerting.delivery.clicks import pressed
from alerting.delivery.ways import Answered, Click
from alerting.drafts import redrafted
from alerting.escalation import Casebook
from alerting.incident import Incident
from stream.codec import decode
from stream.sources.text_store import TextStore
from tocsin.answers import Answers
from tocsin.engine import Engine
from tocsin.entry import Answer
from tocsin.sealing import Sealing
from tocsin.state import Contents, CoreState, FrozenBrand, snapshot_bytes, state_from

QUESTION = Asked(node="is_it_true", words="Is it true?", choices=("yes", "no"), may=("ann", "ben"), by_ms=600_000)
STATEMENT = Asked(node="say", words="we_know", may=("boss",), authors=("ann",), by_ms=600_000)


def _decision(**what: object) -> Decision:
    known = {"key": "acme-0/1", "at_ms": 0, "brand": "acme", "kind": "Notify", "incident": "acme-0"}
    known |= {"scenario": "backlash", "severity": "high", "reason": "flowchart", **what}
    return msgspec.convert(known, Decision)


class Log:
    """What was made durable, and what the card was told."""

    def __init__(self) -> None:
        self.written: list[Answer] = []
        self.told: list[Answered] = []
        self.texts = TextStore(None)
        self.answers = Answers(self._append, self.told.append, lambda _: "acme", self.texts.put_note, self.texts.note)

    async def _append(self, body: bytes) -> None:
        self.written.append(decode(body, Answer))

    def press(self, action: str, who: str, node: str = "", choice: str = "", at_ms: int = 5, note: str = "") -> str:
        """What the one who pressed is told."""
        act = f"{action}-{who}-{choice}-{at_ms}"
        click = Click(act, "acme-0", action, f"U{who}", "T", at_ms, node, choice, note)
        return asyncio.run(self.answers.click(click, who))


def _asking(asked: Asked, action: str = "ask") -> Log:
    log = Log()
    log.answers.decided(_decision(node=asked.node, action=action, asked=asked))
    return log


def test_the_first_answer_in_the_log_counts_and_the_second_hears_who_it_was() -> None:
    log = _asking(QUESTION)
    assert log.press("reply", "ann", "is_it_true", "yes") == "Answered: yes."
    assert log.press("reply", "ben", "is_it_true", "no") == "Already answered by ann: yes."
    assert [(one.who, one.node, one.choice) for one in log.written] == [
        ("ann", "is_it_true", "yes"),
        ("ben", "is_it_true", "no"),
    ]
    assert [one.who for one in log.told] == ["ann"]


def test_whoever_was_not_asked_is_refused_and_nothing_is_written() -> None:
    log = _asking(QUESTION)
    assert log.press("reply", "dan", "is_it_true", "yes") == "Only ann or ben can do that. Nothing was changed."
    assert log.press("reply", "ann", "is_it_true", "perhaps") == "This is not asked any more. Nothing was changed."
    assert log.press("reply", "ann", "another", "yes") == "This is not asked any more. Nothing was changed."
    assert log.written == []


def test_an_author_is_told_that_somebody_else_must_approve() -> None:
    log = _asking(STATEMENT, "statement")
    assert log.press("approve", "ann", "say") == "Nobody approves their own statement. Somebody else must."
    assert log.press("approve", "boss", "say") == "Approved."
    assert [one.who for one in log.written] == ["boss"]


OFFERED = msgspec.structs.replace(
    STATEMENT,
    texts=(("en", "We know."),),
    writers=("ann", "boss", "cara"),
    approvers=("boss", "cara"),
    may=("boss", "cara"),
)


def test_a_change_of_a_statement_holds_from_its_place_in_the_log_on() -> None:
    """Whoever pressed on the card from before it is told so at once, long before the core has heard of either."""
    log = _asking(OFFERED, "statement")
    assert log.press("draft", "cara", "say", note="en: We are sorry.") == "Changed. Now boss must approve it."
    (written,) = log.written
    assert (written.answer, written.node, written.choice) == ("draft", "say", "")
    assert "sorry" not in str(written)
    changed = "It was changed since. Look at the card again; nothing was changed by this."
    assert log.press("approve", "boss", "say") == changed
    assert log.press("draft", "ann", "say", note="en: No.") == changed
    seen = written.note_digest[:16]
    assert log.press("approve", "cara", "say", seen) == "Nobody approves their own statement. Somebody else must."
    assert log.press("approve", "boss", "say", seen) == "Approved."
    assert log.press("draft", "ann", "say", seen, note="en: No.") == "Already approved by boss."
    assert [(one.answer, one.who) for one in log.written] == [("draft", "cara"), ("approve", "boss")]
    assert not log.answers.is_quiet("acme-0")


def test_of_two_who_change_it_at_once_the_first_in_the_log_did() -> None:
    log = _asking(OFFERED, "statement")
    kept = {"answer": "draft", "node": "say", "brand": "acme", "incident": "acme-0", "at_ms": 5}
    one, two = (
        msgspec.convert({**kept, "id": who, "who": who, "note_digest": who * 9}, Answer) for who in ("ann", "cara")
    )
    stale = Answer("a", "acme", "acme-0", "approve", "boss", 5, node="say")
    assert log.answers.note(one) == "Changed. Now boss or cara must approve it."
    assert "changed since" in log.answers.note(two)
    assert "changed since" in log.answers.note(stale)
    assert log.answers.note(one) == "Changed. Now boss or cara must approve it."
    assert [one.who for one in log.told] == ["ann"]


def test_a_change_by_whoever_may_not_or_without_words_is_refused_and_not_kept() -> None:
    log = _asking(OFFERED, "statement")
    assert (
        log.press("draft", "dan", "say", note="en: x") == "Only ann or boss or cara can do that. Nothing was changed."
    )
    assert log.press("draft", "ann", "say") == "No words came with this. Nothing was changed."
    assert log.press("draft", "ann", note="en: x") == "This is not asked any more. Nothing was changed."
    assert log.press("draft", "ann", "say", "0" * 16, note="en: x").startswith("It was changed since.")
    log.answers.decided(
        _decision(node="say", action="statement", asked=msgspec.structs.replace(OFFERED, approvers=("boss",)))
    )
    assert (
        log.press("draft", "boss", "say", note="en: x") == "Nobody but you could approve it then. Nothing was changed."
    )
    assert log.written == []


def test_who_changes_a_statement_begins_with_its_words_as_they_stand() -> None:
    log = _asking(OFFERED, "statement")

    def form(who: str, seen: str) -> Asked | str:
        click = Click("c", "acme-0", "draft", f"U{who}", "T", 5, "say", seen)
        return asyncio.run(log.answers.to_change(click, who))

    assert form("ann", "") == OFFERED
    assert form("dan", "") == "Only ann or boss or cara can do that. Nothing was changed."
    log.press("draft", "ann", "say", note="en: We are sorry.")
    found = form("cara", log.written[0].note_digest[:16])
    assert isinstance(found, Asked)
    assert found.texts == (("en", "We are sorry."),)
    assert form("cara", "") == "It was changed since. Look at the card again; nothing was changed by this."


def test_a_service_that_begins_again_offers_the_words_that_stood() -> None:
    log = Log()
    digest = log.texts.put_note("en: We are sorry.")
    changed = redrafted(OFFERED, "cara", digest)
    incident = Incident(id="acme-0", brand="acme", scenario="backlash", severity="high", opened_ms=0, asked=changed)
    brand = FrozenBrand(brand="acme", book=Casebook(brand="acme", incident=incident))
    state = CoreState(step_ms=1000, sealing=Sealing(marks={0: -1}), brands={"acme": brand})
    log.answers.restore(Engine.restore(state_from(snapshot_bytes(state)), Contents({})))
    assert log.press("approve", "boss", "say").startswith("It was changed since.")
    found = asyncio.run(log.answers.to_change(Click("c", "acme-0", "draft", "U", "T", 5, "say", digest[:16]), "ann"))
    assert isinstance(found, Asked)
    assert found.texts == (("en", "We are sorry."),)
    assert log.press("approve", "boss", "say", digest[:16]) == "Approved."


def test_an_answer_takes_the_incident_out_of_nobodys_hands_or_into_them() -> None:
    log = _asking(QUESTION)
    log.press("reply", "ann", "is_it_true", "yes")
    assert not log.answers.is_quiet("acme-0")
    log.press("acknowledge", "ann")
    log.answers.decided(_decision(node="is_it_true", action="ask", asked=QUESTION))
    log.press("reply", "ben", "is_it_true", "no", at_ms=6)
    assert log.answers.is_quiet("acme-0")


def test_a_question_asked_again_can_be_answered_again() -> None:
    log = _asking(QUESTION)
    log.press("reply", "ann", "is_it_true", "yes")
    log.answers.decided(_decision(node="wake_pr", kind="Page"))
    assert log.press("reply", "ben", "is_it_true", "no") == "This is not asked any more. Nothing was changed."
    log.answers.decided(_decision(node="is_it_true", action="ask", asked=QUESTION))
    assert log.press("reply", "ben", "is_it_true", "no", at_ms=7) == "Answered: no."


def test_an_answer_after_its_time_is_told_so() -> None:
    log = _asking(QUESTION)
    assert log.press("reply", "ann", "is_it_true", "yes", at_ms=600_001) == (
        "This is not asked any more. Nothing was changed."
    )


def test_a_page_to_everyone_is_quiet_only_when_the_last_has_acknowledged() -> None:
    log = Log()
    log.answers.decided(_decision(kind="Page", node="wake_all", awaits=["ann", "ben"]))
    assert log.press("acknowledge", "ann") == "Noted. Not enough yet: ben must acknowledge too."
    assert not log.answers.is_quiet("acme-0")
    assert log.press("acknowledge", "ben") == "Acknowledged by ben."
    assert log.answers.is_quiet("acme-0")


def test_who_owns_it_has_it_although_everyone_was_to_acknowledge() -> None:
    log = Log()
    log.answers.decided(_decision(kind="Page", node="wake_all", awaits=["ann", "ben"]))
    log.press("own", "ann")
    assert log.answers.is_quiet("acme-0")


def _payload(action_id: str, value: str) -> dict[str, object]:
    action = {"action_id": action_id, "value": value, "action_ts": "5.000000"}
    return {"type": "block_actions", "user": {"id": "U0000ANN"}, "team": {"id": "T"}, "actions": [action]}


def test_a_press_in_slack_says_which_question_it_answers_and_how() -> None:
    (yes, _) = presses("acme-0", Asks(question=QUESTION))
    (click,) = pressed(_payload("tocsin.reply.0", yes.value), 7).clicks
    assert (click.action, click.incident, click.node, click.choice) == ("reply", "acme-0", "is_it_true", "yes")
    (again,) = pressed(_payload("tocsin.reply.0", yes.value), 9).clicks
    assert again.id == click.id, "the same press delivered twice is one"
    (approve,) = presses("acme-0", Asks(statement=STATEMENT))
    (click,) = pressed(_payload("tocsin.approve.0", approve.value), 7).clicks
    assert (click.action, click.node, click.choice) == ("approve", "say", "")


def test_a_press_whose_value_is_none_of_ours_is_no_click() -> None:
    assert pressed(_payload("tocsin.reply.0", "acme-0"), 7).clicks == ()
    assert pressed(_payload("tocsin.acknowledge", "acme-0\nis_it_true\nyes"), 7).clicks == ()
