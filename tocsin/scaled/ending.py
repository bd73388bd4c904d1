"""EDGE. Ending what is under way: a client of the brokers may wait for ever when it closes; nobody waits so long."""

import asyncio
from typing import Any

import structlog

log = structlog.get_logger("tocsin")

PATIENCE_S = 2.0
"""So long one asking may take until it is asked again."""
ASKED = 4


async def put_away(*tasks: "asyncio.Task[Any]") -> None:
    """Cancel these and wait until they are over; what clings to closing is cancelled out of that too.

    >>> async def example() -> bool:
    ...     task = asyncio.create_task(asyncio.sleep(60))
    ...     await put_away(task)
    ...     return task.cancelled()
    >>> asyncio.run(example())
    True
    """
    left: set[asyncio.Task[Any]] = set(tasks)
    for _ in range(ASKED):
        for task in left:
            task.cancel()
        if left:
            _, left = await asyncio.wait(left, timeout=PATIENCE_S)
    if left:
        log.warning("parts of the worker did not end in time", parts=len(left))
    for task in set(tasks) - left:
        if not task.cancelled():
            task.exception()  # whoever waited for it has heard of it; nobody else need be told
