"""A way on which nothing leaves unmarked: every message of a drill says that it is one. EDGE."""

import re
from typing import Any

import msgspec

from alerting.delivery.ways import Message, Outcome, Settles, Way, ready

DRILL = "DRILL"
NOTHING_REAL = "DRILL: nothing of this is real."


class DrillWay:
    """Another way, with DRILL before every line, card and letter that goes through it.

    Whoever writes a message may forget that it is a drill; what goes to people passes through here.
    """

    settles: Settles
    """As the way itself."""

    def __init__(self, way: Way) -> None:
        self._way = way
        self.settles = way.settles

    def __getattr__(self, name: str) -> Any:
        return getattr(self._way, name)

    async def prepare(self, to: str) -> Outcome | None:
        """As the way itself."""
        return await ready(self._way, to)

    async def post(self, message: Message) -> Outcome:
        """Send once, marked."""
        return await self._way.post(marked(message))

    async def find(self, message: Message, oldest_ms: int) -> Outcome | None:
        """As the way itself: a message is looked for by its page id."""
        return await self._way.find(message, oldest_ms)

    async def edit(self, channel: str, ts: str, message: Message) -> Outcome:
        """Make a message say something else, marked."""
        return await self._way.edit(channel, ts, marked(message))


def marked(message: Message) -> Message:
    """The message as one of a drill, wherever it is looked at. Marked once, however often.

    >>> said = Message(page_id="p", incident="a-0", kind="story", to="C1", text="Paged: ana.", words="Paged: ana.")
    >>> marked(marked(said)).text, marked(said).words
    ('DRILL · Paged: ana.', 'DRILL: nothing of this is real.\\nPaged: ana.')
    """
    view = msgspec.structs.replace(message.view, drill=True) if message.view is not None else None
    return msgspec.structs.replace(
        message,
        text=_first(message.text, f"{DRILL} · "),
        words=_first(message.words, f"{NOTHING_REAL}\n") if message.words else "",
        line=_first(message.line, f"{DRILL} · ") if message.line else "",
        blocks=_blocks(message.blocks),
        view=view,
    )


_IS_MARKED = re.compile(rf"(?:<[^<>]*>\s*)*{DRILL}\b")
"""Who is named comes first in a message that rings."""


def _first(text: str, mark: str) -> str:
    return text if _IS_MARKED.match(text) else f"{mark}{text}"


def _blocks(blocks: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
    """With a mark above them, unless their header bears it."""
    if not blocks:
        return blocks
    head = blocks[0].get("text") or (blocks[0].get("elements") or [{}])[0]
    if str(head.get("text", "")).startswith(DRILL):
        return blocks
    said = {"type": "plain_text", "text": NOTHING_REAL, "emoji": False}
    return ({"type": "context", "elements": [said]}, *blocks)[:50]
