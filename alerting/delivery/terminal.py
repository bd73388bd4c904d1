"""The terminal as a way to people, for those without Slack. EDGE."""

from typing import TextIO

from alerting.delivery.ways import Message, Outcome, Settles
from alerting.inert import one_line


class TerminalWay:
    """Writes cards and lines to a stream. What is written is inert already, and holds no markup.

    >>> import asyncio, sys
    >>> way = TerminalWay(sys.stdout)
    >>> m = Message(page_id="p1", incident="a-0", kind="story", to="", text="", words="Acknowledged by ana.")
    >>> asyncio.run(way.post(m)).kind
    a-0: Acknowledged by ana.
    'sent'
    """

    settles: Settles = "never"

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    async def post(self, message: Message) -> Outcome:
        """Write it. A stream that is closed or broken is `permanent`: nobody reads it."""
        words = message.words if message.kind == "card" else f"{one_line(message.incident, 200)}: {message.words}"
        encoding = self._stream.encoding or "utf-8"
        try:
            self._stream.write(words.encode(encoding, "replace").decode(encoding) + "\n")
            self._stream.flush()
        except (OSError, ValueError) as error:
            return Outcome("permanent", detail=type(error).__name__)
        return Outcome("sent", channel="terminal", ts=message.page_id)

    async def find(self, message: Message, oldest_ms: int) -> Outcome | None:
        """A terminal cannot be read back: what is unknown is written again."""
        return None

    async def edit(self, channel: str, ts: str, message: Message) -> Outcome:
        """What was written stays; the next line tells the change."""
        return Outcome("sent", channel, ts)
