"""Time that a simulation owns: an event loop that never waits, and a world whose events happen between its steps."""

import asyncio
import heapq
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

LEAST_MS = 0.01
"""Less than this is lost in the rounding of a time in milliseconds since 1970: nothing would move."""

Event = Callable[[], None]


class Killed(SystemExit):
    """The process is gone: the loop stops where it stands, and nothing in it runs any more."""


class StuckError(RuntimeError):
    """The process waits for something that can never come."""


class Timeline:
    """True time, in milliseconds, and what the world does at which of them. It moves only by `advance`."""

    def __init__(self, now_ms: int) -> None:
        self.began_ms = now_ms
        self.now_ms: float = now_ms
        self._events: list[tuple[float, int, Event]] = []
        self._number = 0

    def at(self, at_ms: float, event: Event) -> None:
        """Let something happen at this time, or now if that has passed; what is due together happens in order."""
        self._number += 1
        heapq.heappush(self._events, (max(at_ms, self.now_ms), self._number, event))

    def after(self, delay_ms: float, event: Event) -> None:
        """Let something happen so long from now."""
        self.at(self.now_ms + delay_ms, event)

    @property
    def next_ms(self) -> float:
        """When the world does something next."""
        return self._events[0][0] if self._events else float("inf")

    def advance(self, to_ms: float) -> bool:
        """Move on to the next event and let it happen, or to `to_ms` if that is earlier; whether something happened."""
        if self._events and self._events[0][0] <= to_ms:
            self.now_ms, _, event = heapq.heappop(self._events)
            event()
            return True
        self.now_ms = max(self.now_ms, to_ms)
        return False

    def pass_to(self, to_ms: float) -> None:
        """Let everything happen up to a time, with no process."""
        while self.advance(to_ms):
            pass


class _Selector:
    """Where a real loop would sleep, time passes."""

    def __init__(self, loop: "VirtualLoop") -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        self._loop.sleep(timeout)
        return []

    def close(self) -> None:
        """Nothing is open."""


class VirtualLoop(asyncio.BaseEventLoop):
    """One process's event loop over a timeline. It has no sockets, no threads and no signals.

    The same program on the same timeline takes the same steps. `paused_until_ms` is how long it does not run, as if its
    machine were asleep; `wakes` counts how often it looked for work.
    """

    def __init__(self, timeline: Timeline, disk_ms: Callable[[], float] = lambda: 0.0) -> None:
        """`disk_ms` is how long the next piece of work in a thread takes."""
        super().__init__()
        self.timeline = timeline
        self.paused_until_ms = 0.0
        self._disk_ms = disk_ms
        self._selector = _Selector(self)
        self._clock_resolution = 1e-6
        self.set_exception_handler(lambda _loop, _context: None)

    def time(self) -> float:
        """Seconds on a clock that nobody can set."""
        return (self.timeline.now_ms - self.timeline.began_ms) / 1000

    def sleep(self, timeout: float | None) -> None:
        """Let time pass until a timer is due or the world has done something that this process may hear of."""
        timeline = self.timeline
        if timeout is None and timeline.next_ms == float("inf"):
            raise StuckError("no timer and no event")
        if timeout is None:
            timeline.advance(timeline.next_ms)
        elif timeout > 0:
            timeline.advance(timeline.now_ms + max(timeout * 1000, LEAST_MS))
        while self.paused_until_ms > timeline.now_ms:
            timeline.advance(self.paused_until_ms)

    def run_in_executor(self, executor: Executor | None, func: Any, *args: Any) -> Any:  # type: ignore[override]
        """Work of a thread: done after a while, in one piece."""
        done: asyncio.Future[Any] = self.create_future()

        def work() -> None:
            if done.cancelled():
                return
            try:
                found = func(*args)
            except Exception as error:
                done.set_exception(error)
            else:
                done.set_result(found)

        self.call_later(self._disk_ms() / 1000, work)
        return done

    def _process_events(self, _event_list: list[Any]) -> None:
        """There are no files to read from."""

    def _write_to_self(self) -> None:
        """Nobody sleeps who would have to be woken."""

    def abandon(self) -> None:
        """Forget everything that was to run: the process is gone."""
        for waiting in (self._ready, self._scheduled):  # type: ignore[attr-defined]  # of BaseEventLoop
            waiting.clear()
        if not self.is_running():
            self.close()
