"""The one place through which a drill's messages leave: none of them unmarked, whatever it says."""

import asyncio

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.delivery.drill import DrillWay, marked
from alerting.delivery.ways import Message, Outcome, Settles
from alerting.letter import form, letter_text, subject
from alerting.message import card, line_card, page_card
from alerting.view import IncidentView

VIEW = IncidentView(brand="Acme", incident="drill-a-acme-0", scenario="backlash", severity="high", opened_ms=0)


class Kept:
    """A way that keeps what went through it."""

    settles: Settles = "history"
    reach = "somewhere"

    def __init__(self) -> None:
        self.said: list[Message] = []

    async def post(self, message: Message) -> Outcome:
        """Keep it."""
        self.said.append(message)
        return Outcome("sent")

    async def find(self, message: Message, oldest_ms: int) -> Outcome | None:
        """Nothing is found."""
        return None

    async def edit(self, channel: str, ts: str, message: Message) -> Outcome:
        """Keep it too."""
        return await self.post(message)


def message(made: object, **more: object) -> Message:
    """A message as delivery makes one."""
    text, blocks = made  # type: ignore[misc]
    given: dict[str, object] = {"page_id": "p", "incident": VIEW.incident, "kind": "page", "to": "C1"}
    return Message(**(given | {"text": text, "blocks": tuple(blocks)} | more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "made", [card(VIEW, "<@U1>"), page_card(VIEW, "Paged: ana.", "<@U1>"), line_card("Paged next: bram.", "<@U2>")]
)
def test_a_card_a_page_and_a_line_say_so_at_the_top(made: object) -> None:
    way = Kept()
    drill = DrillWay(way)
    asyncio.run(drill.post(message(made, words="words", line="why", view=VIEW)))
    asyncio.run(drill.edit("C1", "1", message(made)))
    posted = way.said[0]
    assert posted.text.startswith(("DRILL", "<@U")) or "DRILL" in posted.text
    head = msgspec.json.encode(posted.blocks[0]).decode()
    assert "DRILL" in head
    assert posted.words.startswith("DRILL: nothing of this is real.")
    assert posted.line.startswith("DRILL · ")
    assert len(way.said) == 2
    assert (drill.settles, drill.reach) == ("history", "somewhere")


def test_a_letter_and_a_form_of_a_drill_say_so_too() -> None:
    view = marked(message(line_card("x"), view=VIEW)).view
    assert view is not None
    assert "DRILL" in subject(view)
    assert letter_text(view).startswith("DRILL")
    assert form(view)["drill"] is True
    assert form(VIEW)["drill"] is False


@settings(max_examples=100, deadline=None)
@given(st.text(st.sampled_from("DRILL<>@U1 ·:x\n"), max_size=30))
def test_no_text_passes_for_marked_that_is_not(text: str) -> None:
    """Nor is anything marked twice."""
    once = marked(
        message((text, [{"type": "section", "text": {"type": "plain_text", "text": text}}]), words=text or "x")
    )
    bare = once.text
    while bare.startswith("<") and ">" in bare:
        bare = bare.partition(">")[2].lstrip()
    assert bare.startswith("DRILL")
    assert once.words.startswith("DRILL")
    assert marked(once) == once
