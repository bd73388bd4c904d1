"""EDGE. The door of a scaled deployment: `POST /ingest/{source}`, answered once the brokers have what was sent."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence

import structlog
from starlette.routing import BaseRoute

from stream.kafka.appender import TopicAppender
from stream.kafka.clients import Brokers
from stream.kafka.cuts import Outgoing
from stream.kafka.writer import Writer
from stream.sources.dead_letters import BODY_MAX, Letter
from stream.sources.shapes import Shape
from stream.sources.signing import Verifier
from stream.sources.taking import Limits
from stream.sources.webhook import ingest_app
from tocsin.scaled.dead_letters import dead_letter

log = structlog.get_logger("tocsin")

LETTERS_WAITING = 1_000
"""What was refused at the door and is not written yet; beyond that the oldest goes, counted."""


def wall_clock_ms() -> int:
    """What the clock on the wall shows: what senders sign carries it."""
    return time.time_ns() // 1_000_000


class DoorLetters:
    """What the door refused, on its way to `dead-letters`; `lost` counts what found no room."""

    def __init__(self, brokers: Brokers) -> None:
        self._brokers = brokers
        self._waiting: deque[Outgoing] = deque()
        self.lost = 0

    def add_all(self, letters: Iterable[Letter]) -> None:
        """Let them wait for `flush`."""
        for one in letters:
            if len(self._waiting) >= LETTERS_WAITING:
                self._waiting.popleft()
                self.lost += 1
            why = f"{one.source}: {one.reason}: {one.detail}"
            self._waiting.append(dead_letter(self._brokers, "door", 0, one.at_ms, body=one.body[:BODY_MAX], why=why))

    async def flush(self, writer: Writer) -> None:
        """Write what waits; what is not acknowledged waits on."""
        some = [self._waiting[n] for n in range(min(100, len(self._waiting)))]
        if some and await writer.try_to_write(some):
            for _ in some:
                self._waiting.popleft()


class Door:
    """The route, and what it writes with. `verifiers` know who may send, `rates` how many items a second each may;
    `shapes` are of those that do not send the interchange form.
    """

    def __init__(
        self,
        brokers: Brokers,
        verifiers: Mapping[str, Verifier],
        *,
        limits: Limits,
        rates: Mapping[str, int],
        shapes: Mapping[str, Shape] | None = None,
        clock: Callable[[], int] = wall_clock_ms,
    ) -> None:
        self.writer = Writer(brokers)
        self.letters = DoorLetters(brokers)
        self.appender = TopicAppender(brokers, self.writer)
        self.ingest = ingest_app(
            appender=self.appender,
            verifiers=verifiers,
            clock=clock,
            dead=self.letters,
            limits=limits,
            rates=rates,
            shapes=shapes,
        )

    def routes(self) -> Sequence[BaseRoute]:
        """`POST /ingest/{source}`; 503 until `start` has found a broker."""
        return self.ingest.routes

    async def start(self) -> None:
        """Find a broker; waits for one."""
        await self.writer.start()

    async def sweep(self) -> None:
        """Write what was refused since; to be called now and then."""
        await self.letters.flush(self.writer)

    async def stop(self) -> None:
        """Let go of the broker."""
        await self.writer.stop()
