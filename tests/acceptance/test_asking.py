"""What the flowchart asks of people, pressed in Slack: questions and statements, over HTTP and over Socket Mode.

The service runs in real time with a flowchart of its own: whoever is woken is asked whether it is true, and a holding
statement is offered that one person writes and another approves.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance import living as lively
from tests.acceptance.living import CHANNEL, OUTSIDER, PEOPLE, STEP_MS, Living, living
from tests.acceptance.test_slack_commands import HOSTILE, controls
from tests.fakes.slack import Message, active_parts
from tocsin.entry import Answer

SEED = 20_266
pytestmark = pytest.mark.slow
WORDS = "Tulpatel knows of this and looks into it."
ASKING = """\
  ask_ana:
    ask: Is it true?
    of: [ana]
    answers: {yes: offer, no: wake_chloe}
    within: 8s
    if_no_answer: wake_chloe
  offer:
    statement: we_know
    written_by: ana
    approve_by: [ana, bram]
    within: 8s
    if_not_approved: wake_chloe
    then: nothing
"""
STATEMENTS = """\
statements:
  we_know:
    en: "{brand} knows of this and looks into it."
"""


@pytest.fixture(autouse=True)
def asking(monkeypatch: pytest.MonkeyPatch, past: Path) -> None:
    """The ladder of the other tests, with a question in the place of its second rung, once the past is made."""
    head, _, tail = lively.CHART.partition("  wake_ana:\n")
    ladder = "  wake_ana:\n" + tail[: tail.index("  wake_bram:")].replace("then: nothing", "then: ask_ana").replace(
        "if_not_acknowledged: wake_bram", "if_not_acknowledged: wake_chloe"
    )
    chart = head + ladder + ASKING.replace("{", "{{").replace("}", "}}") + tail[tail.index("  wake_chloe:") :]
    monkeypatch.setattr(lively, "CHART", chart + STATEMENTS.replace("{", "{{").replace("}", "}}"))


def sections(card: Message) -> list[str]:
    """The words of a card that are there to be read and copied."""
    return [str(block["text"]["text"]) for block in card.blocks if block["type"] == "section" and "text" in block]


def buttons(card: Message) -> dict[str, str]:
    """What can be pressed on a card: label and action."""
    elements = [e for block in card.blocks if block["type"] == "actions" for e in block["elements"]]
    return {e["text"]["text"]: e["action_id"] for e in elements if e["type"] == "button" and "url" not in e}


async def shows(service: Living, card: Message, label: str) -> None:
    """Wait until the card has a button."""
    await service.slack.wait_for(lambda: label in buttons(card), 6)


async def press(service: Living, card: Message, label: str, who: str, *, stale: bool = False, **known: str) -> None:
    """Press a button by what it says."""
    action = known.get("action") or buttons(card)[label]
    result = await service.slack.click(card, action, PEOPLE.get(who, who), stale=stale)
    assert result.acked


async def asked(service: Living, seed: int) -> Message:
    """A crisis that ana has acknowledged, so that she is asked."""
    card = await service.crisis(seed)
    assert await service.press(card, "acknowledge")
    await shows(service, card, "Yes")
    return card


def reasons(service: Living, *wanted: str) -> list[tuple[str, str]]:
    """Decisions by reason, with their note."""
    return [(d.reason, d.note) for d in service.decisions("Update") if d.reason in wanted]


@pytest.mark.parametrize("mode", ["http", "socket"])
async def test_an_answer_of_whoever_is_asked_moves_the_walk_and_nobody_elses_does(
    past: Path, verified: Path, mode: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An outsider is refused and logged; a listed responder who was not asked is told whom the question is for."""
    async with living(past, verified, mode=mode) as service:
        card = await asked(service, 1)
        await press(service, card, "No", OUTSIDER)
        assert "Only the listed responders can act" in (await service.said(2))[-1]
        assert "click_refused" in capsys.readouterr().out
        await press(service, card, "No", "bram")
        assert (await service.said(3))[-1] == "Only ana can do that. Nothing was changed."
        assert service.answers() == ["acknowledge"]
        await press(service, card, "Yes", "ana")
        await shows(service, card, "Approve the statement")
        assert reasons(service, "answered") == [("answered", "ana: yes")]
        assert service.answers() == ["acknowledge", "reply"]
        assert "Yes" not in buttons(card)


@pytest.mark.parametrize("mode", ["http", "socket"])
async def test_a_statement_is_a_draft_until_somebody_else_than_its_author_approves_it(
    past: Path, verified: Path, mode: str
) -> None:
    async with living(past, verified, mode=mode) as service:
        card = await asked(service, 2)
        await press(service, card, "Yes", "ana")
        await shows(service, card, "Approve the statement")
        assert not [words for words in sections(card) if WORDS in words], "nothing that could be copied"
        for line in _lines(card):
            assert WORDS not in line or line.startswith("DRAFT"), line
        await press(service, card, "Approve the statement", "ana")
        assert (await service.said(3))[-1] == "Nobody approves their own statement. Somebody else must."
        await press(service, card, "Approve the statement", "chloe")
        assert (await service.said(4))[-1] == "Only bram can do that. Nothing was changed."
        assert not [words for words in sections(card) if WORDS in words]
        await press(service, card, "Approve the statement", "bram")
        await service.slack.wait_for(lambda: any(WORDS in words for words in sections(card)), 6)
        assert any("approved by Bram de Vries" in words for words in sections(card))
        assert "Approve the statement" not in buttons(card)
        assert reasons(service, "approved") == [("approved", "bram")]


@pytest.fixture
def unhurried(asking: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Time to fill in a form."""
    slow = lively.CHART.replace("    within: 8s\n    if_not_approved", "    within: 60s\n    if_not_approved")
    monkeypatch.setattr(lively, "CHART", slow)


async def test_a_statement_is_approved_in_the_words_that_somebody_else_gave_it(
    past: Path, verified: Path, unhurried: None
) -> None:
    """The words are in the erasable store alone, inert wherever they are shown, and a draft until somebody else than
    who wrote them has approved what they saw.
    """
    async with living(past, verified) as service:
        slack = service.slack
        card = await asked(service, 5)
        await press(service, card, "Yes", "ana")
        await shows(service, card, "Adjust")
        await press(service, card, "Adjust", OUTSIDER)
        assert "Only the listed responders can act" in (await service.said(3))[-1]
        await press(service, card, "Adjust", "chloe")
        assert (await service.said(4))[-1] == "Only ana or bram can do that. Nothing was changed."
        assert slack.modals == []
        await press(service, card, "Adjust", "ana")
        form = slack.modals[-1]
        assert form["blocks"][1]["element"]["initial_value"] == WORDS
        assert "There is nothing in it." in await service.fill({"tocsin.text.en": " \u202e "})
        before = value_of(card, "Approve the statement")
        for _ in range(2):  # Slack delivers again what it heard no answer to
            assert "Changed. Now bram must approve it." in await service.fill({"tocsin.text.en": f"Sorry. {HOSTILE}"})
        assert "It was changed since." in json.dumps((await slack.submit(form, {}, PEOPLE["bram"])).body)
        await slack.click(card, buttons(card)["Approve the statement"], PEOPLE["bram"], value=before)
        assert (await service.said(5))[-1].startswith("It was changed since. Look at the card again")
        await slack.wait_for(lambda: any("DRAFT │ Sorry. <!channel>" in line for line in _lines(card)), 6)
        assert not [words for words in sections(card) if "Sorry." in words or WORDS in words]
        await press(service, card, "Approve the statement", "ana")
        assert (await service.said(6))[-1] == "Nobody approves their own statement. Somebody else must."
        await press(service, card, "Approve the statement", "bram")
        await slack.wait_for(lambda: any("Sorry." in words for words in sections(card)), 6)
        assert not [line for line in _lines(card) if WORDS in line or "DRAFT" in line]
        assert reasons(service, "drafted", "approved") == [("drafted", "ana"), ("approved", "bram")]
        assert service.answers() == ["acknowledge", "reply", "draft", "approve"]
        thread = [m.text for m in slack.messages(CHANNEL) if m.is_reply]
        assert any("changed by Ana Diaz" in line for line in thread)
        assert not [line for line in thread if "Sorry." in line]
        ours = {f"<@{user}>" for user in PEOPLE.values()}
        for message in slack.messages():
            others = {part for part in active_parts(message) if "evil" in part or not part.startswith("<https://")}
            assert others <= ours
        texts = service.service.home.texts
        assert all(texts.erase_note(one.note_digest) for one in controls(service, Answer) if one.answer == "draft")
        assert b"evil.example" not in b"".join(
            path.read_bytes()
            for name in ("journal", "intake", "outbox", "texts")
            for path in verified.rglob(f"{name}.db*")
        )


def value_of(card: Message, label: str) -> str:
    """What comes back when a button is pressed."""
    elements = [e for block in card.blocks if block["type"] == "actions" for e in block["elements"]]
    return next(str(e["value"]) for e in elements if e["text"]["text"] == label)


async def test_a_question_that_nobody_answers_goes_its_own_way_when_its_time_is_over(
    past: Path, verified: Path
) -> None:
    """Though somebody had acknowledged; and what is pressed afterwards counts for nothing."""
    async with living(past, verified) as service:
        card = await asked(service, 3)
        (question,) = [d for d in service.decisions("Notify") if d.action == "ask"]
        assert question.asked is not None
        await service.passed(question.asked.by_ms + STEP_MS)
        told = [d for d in service.decisions("Notify", "Page", "Escalate") if "chloe" in d.targets]
        assert [d.at_ms for d in told] == [question.asked.by_ms]
        await service.slack.wait_for(lambda: "Yes" not in buttons(card), 6)
        await press(service, card, "Yes", "ana", stale=True, action="tocsin.reply.0")
        assert "not asked any more" in (await service.said(2))[-1]
        assert reasons(service, "answered") == []


def _lines(message: Message) -> list[str]:
    def words(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            yield from words(list(node.values()))
        elif isinstance(node, list):
            for one in node:
                yield from words(one)
        elif isinstance(node, str):
            yield from node.splitlines()

    return list(words([message.text, message.blocks]))


async def test_everybody_in_the_channel_reads_the_same(past: Path, verified: Path) -> None:
    """Question, draft and approval are on the one card; the thread tells the story, and no line of it is a draft."""
    async with living(past, verified) as service:
        card = await asked(service, 4)
        await press(service, card, "Yes", "ana")
        await shows(service, card, "Approve the statement")
        await press(service, card, "Approve the statement", "bram")
        await service.slack.wait_for(lambda: any(WORDS in words for words in sections(card)), 6)
        posts = service.slack.messages(CHANNEL)
        assert [m for m in posts if not m.is_reply and not m.ephemeral_to] == [card]
        thread = [m.text for m in posts if m.is_reply]
        assert any("Is it true?" in line for line in thread)
        assert any("approved by Bram de Vries" in line for line in thread)
        assert not [line for line in thread if WORDS in line]
