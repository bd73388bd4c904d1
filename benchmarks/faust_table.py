"""A windowed count in Faust, written as its documentation teaches: a record, an agent and a tumbling table.

It reads, matches and counts what `benchmarks.cluster_jobs.Counting` does, with the same matcher. A table and the stream
that feeds it must share their partitions, says the documentation, so what matches is sent on by brand to a topic of its
own, and an agent there counts. Without that the counts of more than one worker are wrong; it is measured as well.
"""

import asyncio
import contextlib
import gc
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import faust
from aiokafka.admin import NewTopic

from benchmarks.cluster_corpus import as_mention, listened
from stream.brands import Matcher
from stream.kafka.clients import Brokers

if TYPE_CHECKING:
    from benchmarks.cluster_jobs import Job

LOOK_S = 0.02
READY_S = 120.0


class Post(faust.Record, serializer="json"):  # type: ignore[misc, call-arg]
    """What of a post is counted by; what else it says is ignored."""

    id: str
    source: str
    text: str
    author: str = ""


class Seen:
    """When it began, and how many it saw."""

    def __init__(self) -> None:
        self.posts = self.hits = self.counted = 0
        self.began = 0.0

    def begin(self) -> None:
        """The first post is here."""
        gc.collect()
        self.began = time.process_time()


async def counting(
    job: "Job", ready: Callable[[], None], told: Callable[[], Awaitable[None]], *, parted: bool
) -> tuple[float, int, dict[str, int]]:
    """Count the whole topic; `parted`: by brand, in a topic of its own.

    Returns processor seconds, posts, and counts by brand and minute. An app reads as soon as it is up, so the clock
    runs from the first post on that it sees.
    """
    app = faust.App(
        job.group,
        broker=f"kafka://{job.bootstrap}",
        store="memory://",
        web_enabled=False,
        topic_partitions=job.layout.mentions,
        topic_replication_factor=1,
        consumer_auto_offset_reset="earliest",
        loop=asyncio.get_running_loop(),
    )
    hits = f"{job.group}-hits"
    if parted:
        await made(job, hits)
    seen = Seen()
    counts = written(app, job, hits if parted else "", seen)
    ready()
    await told()
    starting = asyncio.create_task(app.start())
    deadline = time.monotonic() + READY_S
    while seen.posts < job.mentions or seen.counted < seen.hits:
        if starting.done():
            starting.result()
        assert seen.posts or time.monotonic() < deadline, "Faust did not begin"
        await asyncio.sleep(LOOK_S)
    cpu_s = time.process_time() - seen.began
    counted = {f"{brand} {round(start * 1000)}": count for (brand, (start, _)), count in counts.table.data.items()}
    with contextlib.suppress(Exception):
        await app.stop()
    return cpu_s, seen.posts, counted


def written(app: faust.App, job: "Job", hits: str, seen: Seen) -> Any:
    """The agents and the table. With a topic for `hits` posts are sent on to it by brand."""
    posts_topic = app.topic(job.layout.name("mentions"), value_type=Post)
    hits_topic = app.topic(hits, key_type=str, value_type=Post) if hits else None
    counts = app.Table("counts", default=int).tumbling(timedelta(minutes=1), expires=timedelta(hours=1))
    matcher = Matcher(listened())

    @app.agent(posts_topic)  # type: ignore[untyped-decorator]
    async def match(posts: Any) -> None:
        async for post in posts:
            if not post.id:
                continue  # what ends the stream for others
            if not seen.posts:
                seen.begin()
            for brand in matcher.match(as_mention(post)):
                seen.hits += 1
                if hits_topic is None:
                    counts[brand.name] += 1
                    seen.counted += 1
                else:
                    stamp = posts.current_event.message.timestamp
                    await hits_topic.send(key=brand.name, value=post, timestamp=stamp)
            seen.posts += 1

    if hits_topic is not None:

        @app.agent(hits_topic)  # type: ignore[untyped-decorator]
        async def count(found: Any) -> None:
            async for brand, _ in found.items():  # noqa: PERF102 - a stream, not a dictionary
                counts[brand] += 1
                seen.counted += 1

    return counts


async def made(job: "Job", name: str) -> None:
    """Make a topic, as somebody who runs Faust has to."""
    admin = Brokers(job.bootstrap, job.layout).admin()
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, job.layout.mentions, 1, topic_configs={"retention.ms": "-1"})])
    finally:
        await admin.close()
