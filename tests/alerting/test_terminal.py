"""Those without Slack read the same page in a terminal."""

import io

import pytest

from alerting.delivery.terminal import TerminalWay
from alerting.delivery.ways import Message


def message(kind: str, words: str) -> Message:
    """Something to be written."""
    return Message(page_id="p1", incident="acme-1", kind=kind, to="", text="", words=words)  # type: ignore[arg-type]


async def test_a_card_and_its_story_are_written_in_order() -> None:
    """The story's lines name their incident."""
    stream = io.StringIO()
    way = TerminalWay(stream)
    assert (await way.post(message("card", "┌─┐"))).kind == "sent"
    assert (await way.post(message("story", "Acknowledged by ana."))).kind == "sent"
    assert stream.getvalue() == "┌─┐\nacme-1: Acknowledged by ana.\n"


async def test_a_terminal_without_the_characters_gets_what_it_can_show() -> None:
    """A locale of 1987 loses the box, not the page."""
    raw = io.BytesIO()
    way = TerminalWay(io.TextIOWrapper(raw, encoding="ascii"))
    assert (await way.post(message("card", "┌ High ┐"))).kind == "sent"
    assert raw.getvalue() == b"? High ?\n"


@pytest.mark.parametrize("error", [BrokenPipeError(), ValueError("closed")])
async def test_a_terminal_that_is_gone_is_said_to_be_gone(error: Exception) -> None:
    """Nobody reads it: the core may call somebody else."""

    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise error

    assert (await TerminalWay(Gone()).post(message("card", "x"))).kind == "permanent"
