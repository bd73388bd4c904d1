"""One leads and the others do not, whatever comes late: by the log alone, and before every message."""

import asyncio
from collections.abc import Sequence
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.delivery.outbox import Outbox
from alerting.delivery.ways import Message, Outcome
from stream.kafka.clients import Brokers
from stream.kafka.cuts import Outgoing
from stream.kafka.topics import Layout
from stream.kafka.writer import Writer
from tocsin.scaled.delivery_log import DeliveryLog
from tocsin.scaled.fenced_way import FencedWay
from tocsin.scaled.leading import BEAT, Ledger, Written, signature, takeover
from tocsin.scaled.outbox_journal import OutboxJournal

LIMIT_S = 1.0


def took(who: str) -> Written:
    """Somebody takes over."""
    key, value = takeover(who, 0)
    return Written(key, value, who, 0)


def wrote(who: str, number: int, key: str = "page/1") -> Written:
    """Somebody writes a row."""
    return Written(key, b"[]", who, number)


def counted(records: Sequence[Written]) -> list[bool]:
    """Which of these count."""
    ledger = Ledger()
    return [ledger.counts(one) for one in records]


def test_only_the_leader_counts() -> None:
    """Before its takeover, and after another's, nobody does."""
    assert counted([wrote("a", 1), took("a"), wrote("a", 1), took("b"), wrote("a", 2), wrote("b", 1)]) == [
        False, False, True, False, False, True,
    ]  # fmt: skip


def test_a_request_that_comes_late_or_twice_counts_once() -> None:
    """What was made again may still arrive as it was first, after newer rows."""
    records = [took("a"), wrote("a", 1), wrote("a", 2), wrote("a", 1), wrote("a", 2), wrote("a", 3)]
    assert counted(records) == [False, True, True, False, False, True]


def test_a_takeover_that_comes_twice_deposes_nobody() -> None:
    """The second copy of a request says nothing new, and must not bring back whoever made it."""
    assert counted([took("a"), took("b"), took("a"), wrote("b", 1), wrote("a", 1)]) == [
        False,
        False,
        False,
        True,
        False,
    ]


def test_what_was_written_over_is_known_until_it_is_written_again() -> None:
    """A compaction keeps the last row of a key, even one that does not count."""
    ledger = Ledger()
    for one in (took("a"), wrote("a", 1), took("b"), wrote("a", 2, "page/1"), wrote("a", 3, BEAT)):
        ledger.counts(one)
    assert ledger.to_heal() == ["page/1"]
    assert ledger.to_heal() == []
    ledger.counts(wrote("a", 4, "page/2"))
    ledger.counts(wrote("b", 1, "page/2"))
    assert ledger.to_heal() == [], "the leader wrote it again by itself"


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.sampled_from("xyz")), max_size=40))
def test_every_reader_comes_to_the_same_rows_where_the_log_is_compacted(steps: list[tuple[str, bool, str]]) -> None:
    """The leader heals what others spoil; then the last row of each key is enough for whoever comes later."""
    log: list[Written] = []
    ledger, numbers, rows = Ledger(), dict.fromkeys("abc", 0), dict[str, bytes | None]()

    def write(one: Written) -> None:
        log.append(one)
        if ledger.counts(one):
            rows[one.key] = one.value

    for turn, (who, takes, key) in enumerate(steps):
        numbers[who] += 1
        write(
            Written(f"took/{who}{turn}", b"", f"{who}{turn}", 0)
            if takes
            else Written(key, str(turn).encode(), ledger.leader if ledger.leader.startswith(who) else who, numbers[who])
        )
        if ledger.leader and ledger.spoiled:
            for spoiled in ledger.to_heal():
                write(Written(spoiled, rows.get(spoiled), ledger.leader, ledger.number + 1))
    last = {one.key: place for place, one in enumerate(log)}
    late, found = Ledger(), dict[str, bytes | None]()
    for place, one in enumerate(log):
        if last[one.key] == place and late.counts(one):
            found[one.key] = one.value
    assert {key: value for key, value in found.items() if value is not None} == {
        key: value for key, value in rows.items() if value is not None
    }


# ---- the fence, over a log in memory whose readers and writers are as slow as the test says


class Topic:
    """The log, and everybody who reads it."""

    def __init__(self) -> None:
        self.records: list[Any] = []
        self.readers: list[Mine] = []

    def append(self, one: Outgoing) -> None:
        """Let everybody read a record."""
        record = SimpleNamespace(key=one.key, value=one.value, headers=tuple(one.headers))
        self.records.append(record)
        for reader in self.readers:
            reader.read()

    def leader_at(self, record: int) -> str:
        """Who led when this record was written."""
        ledger = Ledger()
        for one in self.records[: record + 1]:
            ledger.counts(Written(one.key.decode(), one.value, *signature(one.headers)))
        return ledger.leader


class Pen:
    """Writes to the topic, when it may: `held` is a request that does not get through yet."""

    def __init__(self, topic: Topic) -> None:
        self._topic = topic
        self.through = asyncio.Event()
        self.through.set()

    async def write(self, records: Sequence[Outgoing], *, wanted: Any = lambda: True) -> bool:
        """As a writer does."""
        await self.through.wait()
        await asyncio.sleep(0)
        for one in records:
            self._topic.append(one)
        return True


class Mine:
    """One worker: its log, its lock, its clock, and what it sent."""

    def __init__(self, topic: Topic) -> None:
        self.pen, self.holds, self.now_s = Pen(topic), True, 0.0
        self.outbox = Outbox(None)
        self.log = DeliveryLog(
            Brokers("", Layout()),
            cast("Writer", self.pen),
            OutboxJournal(self.outbox),
            may=lambda: self.holds,
            clock=lambda: 0,
            monotonic=lambda: self.now_s,
        )
        self.log._begun = self.log._follower.begun
        self.topic, self.at, self.reads = topic, 0, True
        self.read()
        topic.readers.append(self)
        self.sent: list[str] = []
        self.settles = "history"
        self._publishing: asyncio.Task[None] | None = None

    def read(self) -> None:
        """Read on, unless it is slow."""
        while self.reads and self.at < len(self.topic.records):
            self.at += 1
            self.log._take([self.topic.records[self.at - 1]])

    def last(self) -> int:
        """The place of the last record that it wrote."""
        own = [n for n, one in enumerate(self.topic.records) if signature(one.headers)[0] == self.log.mine]
        return max(own)

    async def lead(self) -> bool:
        """Take over, and write what changes."""
        led = await self.log.take_over()
        if led:
            self._publishing = asyncio.create_task(self.log.publish())
        return led

    async def post(self, message: Message) -> Outcome:
        """As a way does."""
        self.sent.append(message.page_id)
        return Outcome("sent")

    async def find(self, message: Message, oldest_ms: int) -> Outcome | None:
        """As a way does."""
        return None

    async def edit(self, channel: str, ts: str, message: Message) -> Outcome:
        """As a way does."""
        self.sent.append(f"{message.page_id} again")
        return Outcome("sent")

    async def try_to_send(self) -> Outcome:
        """Through the fence."""
        way = FencedWay(cast("Any", self), self._may, self._may)
        return await way.post(Message(page_id="p1", incident="a-0", kind="card", to="C1", text=""))

    async def _may(self, _page_id: str) -> str:
        before = self.log._number
        why = await self.log.confirm(LIMIT_S)
        if not why:
            last = self.last()
            assert signature(self.topic.records[last].headers)[1] > before, "nothing was written since it asked"
            assert self.topic.leader_at(last) == self.log.mine, "another had taken over before that"
        return why

    async def end(self) -> None:
        """Nothing of it goes on."""
        if self._publishing is not None:
            self._publishing.cancel()
            await asyncio.gather(self._publishing, return_exceptions=True)


async def test_who_leads_sends_and_what_it_did_is_written_first() -> None:
    topic = Topic()
    one = Mine(topic)
    assert await one.lead()
    one.outbox.plan([], key="a-0/1/Page")
    assert (await one.try_to_send()).kind == "sent"
    assert [record.key for record in topic.records][1:] == [b"taken/a-0/1/Page"]
    await one.end()


async def test_nobody_sends_before_it_took_over_or_after_another_did() -> None:
    topic = Topic()
    one, other = Mine(topic), Mine(topic)
    assert (await one.try_to_send()).kind == "not_sent"
    assert await one.lead()
    assert await other.lead()
    assert (await one.try_to_send()).detail == "not_leading"
    assert (await other.try_to_send()).kind == "sent"
    assert one.sent == []
    await one.end()
    await other.end()


async def test_a_claim_that_another_overtakes_is_none() -> None:
    """The other took over while the claim was on its way: whoever wrote it reads both, and sends nothing."""
    topic = Topic()
    one, other = Mine(topic), Mine(topic)
    assert await one.lead()
    one.pen.through.clear()
    sending = asyncio.create_task(one.try_to_send())
    await asyncio.sleep(0.05)
    assert await other.lead()
    one.pen.through.set()
    assert (await sending).kind == "not_sent"
    assert one.sent == []
    await one.end()
    await other.end()


async def test_a_claim_that_took_too_long_is_none() -> None:
    """The process stood still: nobody took over that it has read of, and its claim is old all the same."""
    topic = Topic()
    one = Mine(topic)
    assert await one.lead()
    one.pen.through.clear()
    sending = asyncio.create_task(one.try_to_send())
    await asyncio.sleep(0.05)
    one.now_s += LIMIT_S
    one.pen.through.set()
    assert (await sending).detail == "claim_too_old"
    one.holds = False
    assert (await one.try_to_send()).detail == "not_leading", "the lock is gone"
    one.holds = True
    assert (await one.try_to_send()).kind == "sent"
    await one.end()


async def test_without_the_log_nothing_is_sent_and_nothing_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """The brokers are away: what waits to be written goes out in its order when they are back."""
    monkeypatch.setattr("tests.tocsin.test_leading.LIMIT_S", 0.1)
    topic = Topic()
    one = Mine(topic)
    assert await one.lead()
    one.pen.through.clear()
    one.outbox.plan([], key="k1")
    assert (await one.try_to_send()).detail == "log_silent"
    one.outbox.plan([], key="k2")
    one.pen.through.set()
    assert (await one.try_to_send()).kind == "sent"
    assert [record.key for record in topic.records][1:] == [b"taken/k1", b"taken/k2"]
    assert [signature(record.headers)[1] for record in topic.records] == [0, 1, 2]
    await one.end()


@pytest.mark.parametrize("seed", range(10))
async def test_whoever_sends_led_when_its_claim_was_written(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks that all believe to hold, requests that hang, readers that are slow, takeovers in between."""
    monkeypatch.setattr("tests.tocsin.test_leading.LIMIT_S", 0.2)
    rng, topic = Random(seed), Topic()
    workers = [Mine(topic) for _ in range(3)]
    sent = 0

    async def send(worker: Mine) -> None:
        nonlocal sent
        sent += (await worker.try_to_send()).kind == "sent"

    trying: list[asyncio.Task[None]] = []
    for _ in range(60):
        worker = rng.choice(workers)
        act = rng.random()
        if act < 0.15 and not worker.log.mine:
            trying.append(asyncio.create_task(_quietly(worker)))
        elif act < 0.3:
            worker.pen.through.clear()
        elif act < 0.45:
            worker.reads = False
        elif act < 0.7:
            worker.pen.through.set()
            worker.reads = True
            worker.read()
        else:
            trying.append(asyncio.create_task(send(worker)))
        await asyncio.sleep(0.001)
    for worker in workers:
        worker.pen.through.set()
        worker.reads = True
        worker.read()
    await asyncio.gather(*trying)
    last = Mine(topic)
    assert await last.lead()
    await send(last)
    assert sent > 0
    for worker in (*workers, last):
        await worker.end()


async def _quietly(worker: Mine) -> None:
    await worker.lead()
