"""EDGE. The time of the core: it never goes back, never stands still, and is not moved by whoever moves the clock.

Everything that waits for somebody waits by this time. A machine whose clock is set an hour ahead must not wake the next
three people at once, and one that is set back must not wait an hour longer.
"""

import time
from collections.abc import Callable

import structlog

log = structlog.get_logger("tocsin")

PAUSE_MS = 15 * 60_000
"""A jump ahead up to this long is taken for a pause of the machine: that time has passed, and what was due is due."""
UNNOTICED_MS = 2_000
"""What a clock that is kept in time does at most: nobody is told of it."""
SLEWED = 20
"""A difference that is not believed is made up for by one part in so many: an hour within a day, a rung of ten minutes
half a minute off."""


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


def _running_ms() -> int:
    # The time that the machine slept counts: who was to be woken meanwhile is overdue.
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime_ns(clock) // 1_000_000


class SteadyClock:
    """Milliseconds since 1970, by the wall at the start and by a clock that cannot be set from then on.

    >>> wall, running = [1_000_000], [0]
    >>> clock = SteadyClock(lambda: wall[0], lambda: running[0])
    >>> wall[0] += 1_500
    >>> running[0] += 1_500
    >>> clock() - 1_000_000, clock.off_ms
    (1500, 0)
    """

    def __init__(self, wall_ms: Callable[[], int] = _wall_ms, running_ms: Callable[[], int] = _running_ms) -> None:
        self._wall_ms = wall_ms
        self._running_ms = running_ms
        self._now_ms = wall_ms()
        self._ran_ms = running_ms()
        self._owed = 0
        self._off_ms = 0
        self.jumps = 0
        """How often the clock on the wall was moved by more than `UNNOTICED_MS`."""

    def not_before(self, at_ms: int) -> None:
        """Go on from `at_ms` where this clock is behind it: a process before this one has lived until then.

        What it stamped stays, and stamps never go back; were this clock to begin earlier, time would stand still until
        it has caught up. The difference is made up for as any other.
        """
        behind_ms = at_ms - self()
        if behind_ms > 0:
            self._now_ms += behind_ms
            self._off_ms -= behind_ms
            self._notice(-behind_ms, believed=False)

    @property
    def off_ms(self) -> int:
        """How far the clock on the wall is ahead of this one."""
        return self._off_ms

    def __call__(self) -> int:
        """Now."""
        wall_ms, ran_ms = self._wall_ms(), self._running_ms()
        passed_ms, self._ran_ms = max(0, ran_ms - self._ran_ms), ran_ms
        off_ms = wall_ms - (self._now_ms + passed_ms)
        jump_ms = off_ms - self._off_ms
        # A jump that only makes up for an earlier one the other way is no pause.
        paused_ms = max(0, min(jump_ms, off_ms)) if jump_ms <= PAUSE_MS else 0
        self._now_ms += passed_ms + paused_ms
        self._slew(passed_ms, off_ms - paused_ms)
        self._off_ms = wall_ms - self._now_ms
        self._notice(jump_ms, believed=paused_ms == jump_ms)
        return self._now_ms

    def _slew(self, passed_ms: int, off_ms: int) -> None:
        # The parts of a millisecond are kept: asked every millisecond, it would else never come nearer.
        made_up, self._owed = divmod(self._owed + passed_ms, SLEWED)
        made_up = min(made_up, abs(off_ms), passed_ms)
        self._now_ms += made_up if off_ms > 0 else -made_up

    def _notice(self, jump_ms: int, *, believed: bool) -> None:
        if abs(jump_ms) <= UNNOTICED_MS:
            return
        self.jumps += 1
        if believed:
            log.warning("the machine stood still, or its clock was set ahead", seconds=jump_ms // 1000)
        else:
            log.error("the clock was moved, and is not believed", seconds=jump_ms // 1000)
