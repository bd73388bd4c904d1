"""The books of a deployment, read from its topics by somebody who takes no part in it.

What counts is what a fold of `entries` makes effective, what is in `decisions`, what `deliveries` says of each page,
and what stands in Slack's own ledger.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import msgspec

from alerting.decision import Decision
from alerting.delivery.outbox import Outbox
from alerting.delivery.rows import OutboxRow
from alerting.view import WAKES
from stream.codec import canonical
from stream.kafka.clients import Brokers
from stream.kafka.records import kind_and_source
from stream.kafka.tail import Tail
from tests.acceptance.living import STEP_MS
from tests.cluster.core_helpers import chains, decided
from tests.fakes.slack import FakeSlackThread
from tocsin.entry import Answer, Control, ControlEvent, Event, Part, is_of_a_probe
from tocsin.scaled.core_partition import CorePartition, Decided
from tocsin.scaled.leading import Ledger, Written, signature
from tocsin.scaled.outbox_journal import Change, OutboxJournal
from tocsin.sealing import Sealing
from tocsin.state import Contents


async def records_of(brokers: Brokers, topic: str, partition: int, since: int | None = None) -> list[Any]:
    """Every record of a partition that is there now."""
    found: list[Any] = []
    async with Tail(brokers, brokers.layout.name(topic), partition) as tail:
        held = await tail.held()
        async for records in tail.read(held.first if since is None else since, held.end):
            found += records
    return found


@dataclass
class Books:
    """What the journal of a deployment says, all its partitions together."""

    mentions: Counter[str] = field(default_factory=Counter)
    """By brand; its own posts too."""
    decisions: dict[str, list[Decided]] = field(default_factory=dict)
    """By brand, as a fold of the journal from its beginning decides."""
    dropped: int = 0
    straddled: int = 0
    forced: int = 0
    waiting: int = 0
    incarnations: int = 0
    """How many incarnations wrote parts that counted."""
    complete_ms: int = 0
    """Up to here time has passed in every partition."""

    def decided(self) -> list[Decision]:
        """Everything that was decided."""
        return [one.decision for brand in sorted(self.decisions) for one in self.decisions[brand]]


async def fold(brokers: Brokers) -> Books:
    """Fold the journal from its first record, as nobody in the deployment did."""
    bodies = {one.key.decode(): one.value for one in await records_of(brokers, "contents", 0) if one.value}
    books, names = Books(), set()
    passed: list[int] = []
    for number in range(brokers.layout.entries):
        core = CorePartition.fresh(inputs=brokers.layout.inputs, step_ms=STEP_MS, contents=Contents(bodies))
        sealing = Sealing(marks=dict.fromkeys(range(brokers.layout.inputs), -1))
        for record in await records_of(brokers, "entries", number):
            for one in core.apply(record.offset, record.timestamp, record.value):
                books.decisions.setdefault(one.brand, []).append(one)
            event: Event = msgspec.json.decode(record.value, type=Event)
            for _, item in sealing.take(event):
                if isinstance(item, Part) and not is_of_a_probe(item.brand):
                    books.mentions[item.brand] += item.part.counts.mentions + item.part.counts.responses
                    names.add(item.incarnation)
            sealing.pass_time()
        books.dropped += sealing.dropped
        books.straddled += sealing.straddled
        books.forced += sealing.forced
        books.waiting += len(sealing.waiting)
        passed.append((min(sealing.marks.values()) + 1) * STEP_MS)
    books.incarnations, books.complete_ms = len(names), min(passed)
    return books


async def complete_ms(brokers: Brokers) -> int:
    """Up to where the marks of every input partition have let time pass, in every partition of `entries`."""
    passed: list[int] = []
    for number in range(brokers.layout.entries):
        marks = dict.fromkeys(range(brokers.layout.inputs), -1)
        for record in (await records_of(brokers, "entries", number))[-2_000:]:
            event = msgspec.json.decode(record.value, type=Event)
            if not isinstance(event, Part | Control) and hasattr(event, "upto_step"):
                marks[event.partition] = max(marks[event.partition], event.upto_step)
        passed.append((min(marks.values()) + 1) * STEP_MS)
    return min(passed)


async def decisions_agree(brokers: Brokers, books: Books) -> bool:
    """Whether `decisions` holds, brand by brand, exactly what the fold decides. Raises `AssertionError` where two
    workers decided differently, or a number is missing.
    """
    found = await decided(brokers)
    if chains(found) != {brand: all_of[-1].chain for brand, all_of in sorted(books.decisions.items())}:
        return False
    return {brand: [canonical(one.decision) for one in all_of] for brand, all_of in found.items()} == {
        brand: [canonical(one.decision) for one in all_of] for brand, all_of in books.decisions.items()
    }


async def repeated_decisions(brokers: Brokers) -> int:
    """Decisions that were written more than once: by whoever folded again what another had folded."""
    seen: Counter[tuple[str, int]] = Counter()
    for number in range(brokers.layout.entries):
        for record in await records_of(brokers, "decisions", number):
            one = msgspec.json.decode(record.value, type=Decided)
            seen[one.brand, one.n] += 1
    return sum(count - 1 for count in seen.values())


@dataclass
class Deliveries:
    """What the topic `deliveries` says."""

    rows: list[OutboxRow]
    takeovers: int
    refused: int
    """Records of a leader that another had followed."""


async def deliveries(brokers: Brokers) -> Deliveries:
    """The outbox as whoever reads the topic has it."""
    ledger, outbox = Ledger(), Outbox(None)
    journal = OutboxJournal(outbox)
    for record in await records_of(brokers, "deliveries", 0):
        key = (record.key or b"").decode()
        if ledger.counts(Written(key, record.value, *signature(record.headers))):
            journal.apply([Change(key, record.value)])
    outbox.look_again()
    rows = [row for view in outbox.views() for row in outbox.pages(view.incident)]
    outbox.close()
    return Deliveries(rows, ledger.takeovers, ledger.refused)


async def answers(brokers: Brokers) -> list[Answer]:
    """What people answered, as it is durable."""
    found: list[Answer] = []
    for record in await records_of(brokers, "control", 0):
        if kind_and_source(record.headers)[0] == "control":
            event: ControlEvent = msgspec.json.decode(record.value, type=ControlEvent)
            if isinstance(event, Answer):
                found.append(event)
    return found


def no_page_lost_or_doubled(books: Books, told: Deliveries, slack: FakeSlackThread) -> int:
    """Each decision that wakes somebody reached the outbox, and each page of it that was sent stands in Slack once.
    How many pages stand there.
    """
    keys = {row.key for row in told.rows}
    lacking = [one.key for one in books.decided() if one.kind in WAKES and one.key not in keys]
    assert not lacking, f"never reached the outbox: {lacking}"
    there = Counter(message.page_id for message in slack.ledger.posts if message.page_id)
    assert [page for page, times in there.items() if times > 1] == [], "a page stands there twice"
    assert {row.page_id for row in told.rows if row.state == "sent"} == set(there)
    assert {row.state for row in told.rows if row.wakes} <= {"sent", "cancelled"}, "a page was lost"
    return len(there)


def nobody_woken_after(told: Deliveries, slack: FakeSlackThread, brand: str, at_s: float) -> None:
    """No page that wakes somebody for this brand was accepted by Slack after this moment."""
    waking = {row.page_id for row in told.rows if row.wakes and row.brand == brand}
    late = [one.page_id for one in slack.ledger.posts if one.page_id in waking and one.accepted_at > at_s]
    assert not late, f"paged after the acknowledgement: {late}"
