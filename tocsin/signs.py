"""EDGE. Signs of life of what no probe passes: parts of the service that must not end, its doors, and its sources."""

import asyncio
import time
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from stream.sources.feeding import Feeding
from tocsin.heartbeat import EVERY_MS, Ages

ASKED_EVERY_S = 6.0
"""How often a door is asked, at the period of the heartbeat to which it belongs; with another it is in proportion."""
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what is listened on, told apart from where it is asked


async def answers(url: str, within_s: float) -> bool:
    """Whether a door of ours answers GET at all, as whoever comes in by it would find. Raises nothing."""
    parts = urlsplit(url)
    host = EVERYWHERE.get(parts.hostname or "", parts.hostname or "")
    asked = f"GET {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n"
    try:
        async with asyncio.timeout(within_s):
            reader, writer = await asyncio.open_connection(host, parts.port)
            try:
                writer.write(asked.encode())
                status = await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError):
        return False
    return status.startswith(b"HTTP/1.1 ") and status[9:10] in b"234"


class Signs:
    """What gives signs of life in a running service. `every_ms` is the period of its heartbeat.

    >>> signs = Signs(60_000, lambda: 0)
    >>> signs.doors["the console"] = "http://127.0.0.1:1/healthz"
    >>> signs.ages([]), signs.ended()
    ((('the console', 0),), ())
    """

    def __init__(
        self, every_ms: int, monotonic_ms: Callable[[], int] = lambda: time.monotonic_ns() // 1_000_000
    ) -> None:
        self.doors: dict[str, str] = {}
        """What is asked over the loopback, by its name."""
        self.tasks: dict[str, asyncio.Task[None]] = {}
        """What must not end before the service does, by its name."""
        self._every_s = ASKED_EVERY_S * every_ms / EVERY_MS
        self._ages = Ages(monotonic_ms)
        self._answered: dict[str, int] = {}

    async def run(self) -> None:
        """Ask the doors until cancelled."""
        while True:
            await asyncio.gather(*(self._ask(name, url) for name, url in self.doors.items()))
            await asyncio.sleep(self._every_s)

    async def _ask(self, name: str, url: str) -> None:
        if await answers(url, 2 * self._every_s):
            self._answered[name] = self._answered.get(name, 0) + 1

    def ages(self, feedings: Sequence[Feeding]) -> tuple[tuple[str, int], ...]:
        """Each door and each source, with since when it gave no sign of life, in milliseconds."""
        counters = {name: self._answered.get(name, 0) for name in self.doors}
        counters |= {f"the source {feeding.source.name}": feeding.looks for feeding in feedings}
        return tuple((name, self._ages.unmoved(name, count)) for name, count in counters.items())

    def ended(self) -> tuple[str, ...]:
        """The parts that ended although nobody asked them to."""
        return tuple(name for name, task in self.tasks.items() if task.done())
