"""EDGE. Beats: records that say nothing but that time has passed, so that an idle partition keeps nobody waiting."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence

from aiokafka import TopicPartition

from stream.kafka.cuts import Outgoing
from stream.kafka.records import headers_of
from stream.kafka.writer import Writer

SOON_S = 0.002


async def beat_on(
    writer: Writer,
    homes: Callable[[], Sequence[TopicPartition]],
    counts: Counter[str],
    *,
    step_ms: int,
    clock: Callable[[], float],
) -> None:
    """Write one beat into each of `homes` once a step, just after it began, until cancelled.

    The broker stamps them; `clock`, in seconds since 1970, only says when to write. `counts` counts beats and
    beats_failed: nobody writes one later, for the next is due.
    """
    step_s = step_ms / 1000
    while True:
        await asyncio.sleep(step_s - clock() % step_s + SOON_S)
        records = [Outgoing(home.topic, home.partition, None, b"", headers=headers_of("beat", "")) for home in homes()]
        became = "beats" if await writer.try_to_write(records) else "beats_failed"
        counts[became] += len(records)
