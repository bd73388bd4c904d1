"""An hour in seconds: a program on an event loop whose time jumps to the next timer whenever nothing else is to do.

    run(story())     # `story` is a coroutine that sleeps by `asyncio.sleep` and reads `now_ms()`

The same seed gives the same hour. There are no sockets and no threads on such a loop: whatever a source reaches is
given to its `Web` as a transport or a dial that plays in memory.
"""

import asyncio
import random
from collections.abc import Coroutine
from typing import Any, TypeVar

from tests.simulation.loop import Timeline, VirtualLoop

T = TypeVar("T")

BEGAN_MS = 1_767_625_200_000
"""5 January 2026, 15:00 UTC: a Monday afternoon."""


def run(story: Coroutine[Any, Any, T], *, seed: int = 1, began_ms: int = BEGAN_MS, disk_ms: float = 0.0) -> T:
    """Run a coroutine to its end in virtual time; what it leaves running is cancelled. `disk_ms` is how long a piece of
    work in a thread takes.
    """
    random.seed(seed)  # the waits between two attempts have a part that is left to chance
    timeline = Timeline(began_ms)
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(timeline, lambda: disk_ms)) as runner:
        return runner.run(story)


def now_ms() -> int:
    """Milliseconds since 1970, on the loop that runs."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    return int(loop.timeline.now_ms)
