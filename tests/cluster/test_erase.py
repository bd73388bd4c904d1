"""An erasure in a cluster, on Apache Kafka and Valkey: what is told to the topics reaches every copy of the words.

The canary's texts are written by a real intake worker and read by a real delivery worker's store; then the files of the
broker are searched byte by byte, after compaction and after retention, at a speed that a test can wait for.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from redis.asyncio import Redis

from alerting.delivery.ways import Click
from stream.brands import Brand
from stream.codec import rfc3339
from stream.kafka.appender import TopicAppender
from stream.kafka.clients import Brokers
from stream.kafka.cuts import Outgoing
from stream.kafka.starting import started
from stream.kafka.topics import partition_of
from stream.kafka.writer import Writer
from stream.names import Names
from stream.sources.intake_log import Item
from stream.sources.text_store import StoredPost, post_bytes
from tests.acceptance.living import PEOPLE, staffed
from tests.cluster.broker import Broker
from tests.cluster.conftest import MakeBrokers
from tests.cluster.delivery_helpers import at_work as at_work_delivering
from tests.cluster.delivery_helpers import decide, page, said, written
from tests.cluster.intake_helpers import PATIENCE_S, at_work, write
from tests.fakes.slack import FakeSlack
from tocsin.entry import Answer
from tocsin.erasing import Erase
from tocsin.scaled.delivery_texts import DeliveryTexts
from tocsin.scaled.erasing import erase
from tocsin.scaled.intake_worker import IntakeWorker
from tocsin.scaled.text_order import Read

pytestmark = [pytest.mark.slow]

HANDLE, WORDS = b"kanarie.pietersen", b"zwavelgeel"
NAMES = Names(b"k" * 32)
STEP_MS = 1_000
SOON = {
    "segment.ms": "1000",
    "min.compaction.lag.ms": "0",
    "max.compaction.lag.ms": "1000",
    "min.cleanable.dirty.ratio": "0.01",
    "delete.retention.ms": "1000",
    "compression.type": "uncompressed",
}
"""Compaction while a test looks (in a deployment it is a day at most), and bytes that it can read."""


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def row(number: int, author: str, text: str) -> Item:
    fields = {"id": str(number), "created_at": rfc3339(now_ms()), "author": author, "text": text}
    return "mention", "x", json.dumps(fields).encode()


def hits(kafka: Broker, brokers: Brokers, topic: str) -> list[str]:
    """Files of a topic that hold the handle or the words."""
    found = []
    for path in kafka.data.glob(f"{brokers.layout.name(topic)}-*/*"):
        with contextlib.suppress(FileNotFoundError):  # the broker removes files meanwhile
            body = path.read_bytes()
            found += [f"{path.parent.name}/{path.name}"] if HANDLE in body or WORDS in body else []
    return found


async def until(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, f"not in {PATIENCE_S} s: {what}"
        await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def writing(brokers: Brokers) -> AsyncIterator[TopicAppender]:
    writer = Writer(brokers)
    await writer.start()
    try:
        yield TopicAppender(brokers, writer)
    finally:
        await writer.stop()


async def test_after_compaction_and_retention_no_byte_is_left(
    kafka: Broker, make_brokers: MakeBrokers, valkey_url: str, tmp_path: Path
) -> None:
    brokers = await make_brokers(mentions=2, entries=1, more=SOON)
    redis = Redis.from_url(valkey_url)
    gone: list[str] = []
    writer = Writer(brokers)
    texts = DeliveryTexts(
        brokers, writer, now_ms, tmp_path, names=NAMES, erasing=lambda posts, _: gone.extend(one.text for one in posts)
    )
    worker = IntakeWorker(brokers, [Brand("Acme", "acme")], NAMES, step_ms=STEP_MS, redis=redis)
    canary = HANDLE.decode()
    async with writing(brokers) as door, at_work(worker):
        await writer.start()
        texts.open()
        following = asyncio.create_task(texts.run())
        try:
            others = [row(n, f"u{n}", f"acme is down, number {n}") for n in range(40)]
            await door.append([*others, *(row(n, canary, f"acme {WORDS.decode()} {n}") for n in range(100, 106))])
            await until(lambda: texts.store.count() == 46, "texts of all")
            assert hits(kafka, brokers, "texts"), "or nothing is shown here"
            looked = await erase(brokers, ["x"], Erase(id="a", author="@Kanarie.Pietersen"), now_ms(), dry_run=True)
            done = await erase(brokers, ["x"], Erase(id="a", author="@Kanarie.Pietersen"), now_ms(), dry_run=False)
            assert looked.posts == done.posts == 6
            await until(lambda: texts.store.count() == 40, "the canary's to go")
            assert len({*gone}) == 6, "whoever shows them is told"
            await door.append([row(200, "u200", "acme, later"), row(201, "u201", "acme, later still")])
            await until(lambda: texts.store.count() == 42, "what comes after")
            await until(lambda: worker.written["purges"] == 2, "each partition says who is gone")
            await rolled(texts, lambda: not hits(kafka, brokers, "texts"))
            held = [await redis.dump(key) for key in await redis.keys("*")]
            assert held, "Redis holds what was seen"
            assert not any(HANDLE in (body or b"") or WORDS in (body or b"") for body in held)
            assert hits(kafka, brokers, "mentions"), "raw posts stay for as long as was said"
            for topic in ("entries", "decisions", "control", "deliveries", "contents", "dead-letters"):
                assert hits(kafka, brokers, topic) == [], topic
            await let_mentions_go(brokers)
            await door.append([row(n, f"u{n}", "acme, at last") for n in range(300, 320)])
            await until(lambda: not hits(kafka, brokers, "mentions"), "retention")
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            texts.close()
            await writer.stop()
            await redis.aclose()


async def test_cards_and_lines_that_quoted_it_are_edited(tmp_path: Path, brokers: Brokers, valkey_url: str) -> None:
    """By whoever leads, wherever the command was called; the note's line keeps who wrote it."""
    layout, name, words = brokers.layout, "5eed5eed5eed5eed", WORDS.decode()
    post = StoredPost(
        name=name, id="x:1", source="x", author=HANDLE.decode(), text=f"awful, {words}", created_ms=now_ms()
    )
    home = partition_of(name, layout.mentions)
    kept = Outgoing(layout.name("texts"), home, name.encode(), post_bytes(post), [Read(0, 3).header()])

    def quoted(slack: FakeSlack) -> bool:
        said = " ".join(f"{one.text} {one.blocks}" for one in slack.ledger.posts)
        return words in said or HANDLE.decode() in said

    async with FakeSlack() as slack:
        staffed(slack)
        config = written(tmp_path, brokers, valkey_url, slack)
        async with at_work_delivering(config) as worker:
            await until(lambda: worker.health().ready, "a leader")
            await write(brokers, [kept])
            await until(lambda: worker.people.texts.count() == 1, "the text")
            await decide(brokers, [page(1, "OpenIncident", exemplars=(name,)), page(2, exemplars=(name,))])
            await until(lambda: quoted(slack), "a card that quotes it")
            done = await erase(brokers, [], Erase(id="a", author=HANDLE.decode()), now_ms(), dry_run=False)
            assert done.posts == 1
            await until(lambda: not quoted(slack), "a card that does not")
            click = Click("c1", "tulpatel-1", "note", PEOPLE["ana"], "T1", 0, note=f"{words} called")
            assert (await worker.clicks(click)).accepted
            (answer,) = [one for one in await said(brokers) if isinstance(one, Answer)]
            noted = page(3, "Update", reason="noted", note="ana", said=answer.note_digest)
            await decide(brokers, [noted])
            await until(lambda: quoted(slack), "a line that quotes the note")
            done = await erase(brokers, [], Erase(id="b", note=answer.note_digest[:12]), now_ms(), dry_run=False)
            assert done.notes == 1
            await until(lambda: not quoted(slack), "a line that does not")


async def rolled(texts: DeliveryTexts, true: Callable[[], bool]) -> None:
    """Do what is done every hour, until compaction has been there."""
    async with asyncio.timeout(PATIENCE_S):
        while not true():
            await texts.roll()
            await asyncio.sleep(1.1)


async def let_mentions_go(brokers: Brokers) -> None:
    """What `keep` does in days."""
    admin = await started(brokers.admin)
    told = {"retention.ms": "1000", "segment.ms": "1000", "cleanup.policy": "delete"}
    told |= {"message.timestamp.type": "LogAppendTime", "compression.type": "uncompressed"}
    try:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, brokers.layout.name("mentions"), told)])
    finally:
        await admin.close()
