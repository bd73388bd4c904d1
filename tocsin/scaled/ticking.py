"""When a tick is due: marks lag, and it is not we who are behind. Reads the clock that it is given, and no other."""

from collections.abc import Callable

TICK_AFTER_MS = 15_000
"""How far marks may lag behind the clock before time passes without them (DESIGN T3a)."""
NO_LATER_MS = TICK_AFTER_MS // 2
"""So far before its own stamp must a tick lie. The rest is left to clocks that differ a little from the brokers'."""


def is_of_its_time(step: int, step_ms: int, stamp_ms: int) -> bool:
    """Whether a tick to `step` may be believed, by the brokers' stamp on it: time that was never there is not.

    A worker whose clock is ahead, or who counts in another grid, would else take the core where no mark follows for
    hours, or for ever.

    >>> is_of_its_time(19, 5_000, 107_500), is_of_its_time(19, 5_000, 107_499)
    (True, False)
    """
    return (step + 1) * step_ms <= stamp_ms - NO_LATER_MS


class Ticking:
    """One partition's ticks.

    >>> ticking = Ticking(5_000)
    >>> ticking.looked(lambda: 100_000, even=True)
    >>> ticking.due(lambda: 114_999, 2) is None
    True
    >>> ticking.due(lambda: 115_000, 2)
    19
    >>> ticking.wrote(19)
    >>> ticking.due(lambda: 119_999, 2) is None
    True
    """

    def __init__(self, step_ms: int) -> None:
        self._step_ms = step_ms
        self._even_since_ms: int | None = None
        self._wrote = -1

    def looked(self, clock: Callable[[], int] | None, *, even: bool) -> None:
        """Note whether all was read that was there at the look before: only who is even may say that marks lag."""
        if clock is None or not even:
            self._even_since_ms = None
        elif self._even_since_ms is None:
            self._even_since_ms = clock()

    def due(self, clock: Callable[[], int] | None, complete_step: int) -> int | None:
        """The step to which time is to be forced, if any."""
        if clock is None or self._even_since_ms is None:
            return None
        now_ms = clock()
        step = (now_ms - TICK_AFTER_MS) // self._step_ms - 1
        if now_ms - self._even_since_ms < TICK_AFTER_MS or step <= max(complete_step, self._wrote):
            return None
        return step

    def wrote(self, step: int) -> None:
        """A tick was written."""
        self._wrote = step
