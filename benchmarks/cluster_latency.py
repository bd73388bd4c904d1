"""Times a page in a cluster, from the producer to Slack, and a click while Redis is down; writes
docs/cluster-latency.md: `python -m benchmarks.cluster_latency [--crises N] [--rate N]`.

A deployment of `tocsin worker` processes on Apache Kafka and Valkey, with a fake Slack and the sender, all on this
machine, at the grid of five seconds. Brands with a quiet past of thirty hours take turns in a crisis, while others
make up the stated rate: three in ten about brands that are well, the rest about nobody. Any post of the grid step
that a page was decided upon may have been the one too many, so a delay is taken from each of them: from the moment at
which it was handed to the producer to the moment at which Slack accepted the page. Then Redis is stopped and each
card's button is pressed: a click's delay runs until it is answered, which it is once every replica in step has it.

Beside that: how far intake fell behind what was written, and how far the sender fell behind its own rate. A rate at
which either grows is more than this machine can do, and no delay at it means anything.
"""

import argparse
import asyncio
import random
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from alerting.decision import Decision
from benchmarks.cluster_ground import Ground, laid
from benchmarks.latency import brand_of, crisis_rows
from benchmarks.living_cluster import (
    STEP_MS,
    Living,
    Sent,
    deployed,
    noise,
    others,
    records_since,
    send,
)
from benchmarks.telling import conclude, quantile
from stream.codec import decode
from tests.acceptance.living import CHANNEL, PEOPLE, SOURCE
from tests.cluster.living import until
from tests.fakes.slack import Message
from tocsin.scaled.core_partition import Decided
from tocsin.synthetic import Row

PAGE = Path(__file__).parent.parent / "docs" / "cluster-latency.md"
CRISIS_S = 30
"""A crisis brings two posts a second for half a minute."""
MATCHED = 3
"""So many posts in ten of the others are about a brand that is listened to and has no crisis."""
LEAD_S = 6.0
SETTLE_S = 30
LOOK_S = 1.0
BEHIND_S = 2.0
"""Intake and sender may be so far behind while the deployment counts as healthy."""
BARS = {"page_p99_s": 12.0, "click_p99_s": 1.0, "intake_behind_s": BEHIND_S, "sender_behind_s": BEHIND_S}


class Found(NamedTuple):
    """What was measured; delays in seconds, sorted."""

    pages: list[float]
    """From each post of the step that decided."""
    clicks: list[float]
    sent: Sent
    behind_s: float
    """The longest that records waited for intake, by how many they were and the rate."""
    unpaged: int
    """Crises that nobody was paged about."""

    def figures(self) -> dict[str, float]:
        """What the bars are about, and what stands beside it."""
        return {
            "rate": round(self.sent.count / self.sent.seconds),
            "page_p50_s": round(statistics.median_low(self.pages), 2) if self.pages else 0.0,
            "page_p99_s": round(quantile(self.pages, 0.99), 2) if self.pages else float("inf"),
            "click_p50_s": round(statistics.median_low(self.clicks), 3),
            "click_p99_s": round(quantile(self.clicks, 0.99), 3),
            "intake_behind_s": round(self.behind_s, 2),
            "sender_behind_s": round(self.sent.late_s, 2),
        }

    def missed(self) -> list[str]:
        """The bars that do not hold."""
        told = self.figures()
        missed = [key for key, bar in BARS.items() if told[key] > bar]
        return [*missed, f"{self.unpaged} crises without a page"] if self.unpaged else missed


class Stream:
    """Crises among posts about nobody; remembers when each post of a crisis was handed out."""

    def __init__(self, crises: int, spread_s: float, seed: int) -> None:
        rng, posts = random.Random(seed), []
        for number in range(crises):
            begins_s = LEAD_S + spread_s * number / crises + rng.random()
            rows = crisis_rows(seed + number, brand_of(number))
            posts += [(begins_s + CRISIS_S * place / len(rows), row) for place, row in enumerate(rows)]
        self._posts = sorted(posts, key=lambda post: post[0])
        self._noise, self._others, self._count = noise(seed), others(seed), 0
        self.handed_s: dict[str, float] = {}
        """By id, as the topic has it."""

    def rows(self) -> Iterator[Row]:
        """Whatever is due first; ends a second after the last post of the last crisis."""
        began, place, end_s = time.monotonic(), 0, self._posts[-1][0] + 1
        while (now_s := time.monotonic() - began) < end_s:
            if place < len(self._posts) and self._posts[place][0] <= now_s:
                row = self._posts[place][1]
                place += 1
                self.handed_s[f"{SOURCE}:{row['id']}"] = time.time()
                yield row
            else:
                self._count += 1
                yield (self._others if self._count % 10 < MATCHED else self._noise).next()


async def measure(call: argparse.Namespace) -> Found:
    """The whole of it, on servers of its own."""
    brands = [brand_of(number) for number in range(call.crises)]
    told = {"troubled": brands, "within": "30m"}
    with laid() as ground:
        async with deployed(ground, partitions=call.partitions, entries=2, seed=call.seed, **told) as living:
            await living.up(intake=call.intakes, core=1, delivery=1)
            began_ms = int(time.time() * 1000)
            stream, behind = Stream(call.crises, call.spread, call.seed), [0.0]
            looking = asyncio.create_task(_look(living, behind, call.rate))
            sent = await send(living.brokers, stream.rows(), call.rate)
            await _settled(living, call.crises)
            looking.cancel()
            pages, paged = await page_delays(living, stream.handed_s, began_ms)
            clicks = await click_delays(ground, living)
    return Found(pages, clicks, sent, behind[0], call.crises - paged)


async def _look(living: Living, behind: list[float], rate: float) -> None:
    """Note how far intake is behind at the most."""
    while True:
        lags = [await asyncio.to_thread(one.metric, "tocsin_intake_lag_records") for one in living.of("intake")]
        behind[0] = max(behind[0], sum(lags) / rate)
        await asyncio.sleep(LOOK_S)


async def _settled(living: Living, crises: int) -> None:
    """Wait until a card stands for each crisis, or for as long as one may take."""
    deadline = time.monotonic() + SETTLE_S
    while len(cards(living)) < crises and time.monotonic() < deadline:
        await asyncio.sleep(LOOK_S)


def cards(living: Living) -> list[Message]:
    """The card of each incident."""
    return [message for message in living.slack.messages(CHANNEL) if not message.is_reply]


# ---- measuring


async def page_delays(living: Living, handed_s: dict[str, float], since_ms: int) -> tuple[list[float], int]:
    """For each incident's first page: from every post of the step that decided to Slack's acceptance; and how many
    pages.
    """
    known = await _stamps(living, handed_s, since_ms)
    delays, pages = [], 0
    for decision in await _first_pages(living, since_ms):
        names = _decided_by(known.get(decision.brand, {}), decision.at_ms)
        accepted = [one.accepted_at for one in living.slack.ledger.posts if one.incident == decision.incident]
        if names and accepted:
            delays += [min(accepted) - handed_s[name] for name in names]
            pages += 1
    return sorted(delays), pages


def _decided_by(stamps: dict[str, int], at_ms: int) -> list[str]:
    """The posts of the step that ended then; where it has none, because intake was late, those of the last that has."""
    before = {name: at for name, at in stamps.items() if at < at_ms}
    last = max((at // STEP_MS for at in before.values()), default=0)
    return [name for name, at in before.items() if at // STEP_MS == last]


async def _stamps(living: Living, handed_s: dict[str, float], since_ms: int) -> dict[str, dict[str, int]]:
    """By brand and id: the stamp that the log gave each post of a crisis."""
    found: dict[str, dict[str, int]] = {}
    for number in range(living.brokers.layout.mentions):
        for record in await records_since(living.brokers, "mentions", number, since_ms):
            name = (record.key or b"").decode()
            if name in handed_s:
                found.setdefault(name.split("-")[1], {})[name] = record.timestamp
    return found


async def _first_pages(living: Living, since_ms: int) -> list[Decision]:
    first: dict[str, Decision] = {}
    for number in range(living.brokers.layout.entries):
        for record in await records_since(living.brokers, "decisions", number, since_ms):
            decision = decode(record.value, Decided).decision
            if decision.kind == "Page" and decision.scenario != "blind":
                first.setdefault(decision.incident, decision)
    return list(first.values())


async def click_delays(ground: Ground, living: Living) -> list[float]:
    """Stop Redis, and press Acknowledge on every card."""
    await asyncio.to_thread(ground.valkey.stop)
    (delivery,) = living.of("delivery")
    await until(lambda: "edis" in delivery.ask("/readyz")[1], SETTLE_S, "the worker notices that Redis is away")
    living.slack.reached_at(delivery.url)
    delays = []
    for card in cards(living):
        began = time.monotonic()
        press = (card, "tocsin.acknowledge", PEOPLE["ana"])
        result = await asyncio.to_thread(living.slack.click, *press, stale=True)
        assert result.acked, f"a click was not answered\n{living.tell()}"
        delays.append(time.monotonic() - began)
    return sorted(delays)


# ---- telling

SHOWN = (
    ("from the producer to the page, the median", "page_p50_s"),
    ("from the producer to the page, 99 in 100", "page_p99_s"),
    ("from a click to its answer while Redis is down, the median", "click_p50_s"),
    ("from a click to its answer while Redis is down, 99 in 100", "click_p99_s"),
    ("intake behind what was written, at the most", "intake_behind_s"),
    ("the sender behind its rate, at the most", "sender_behind_s"),
)


def page(found: Found, command: str) -> str:
    """docs/cluster-latency.md."""
    told = found.figures()
    lines = [f"| {what} | {told[key]:.2f} s | {_bar(key)} |" for what, key in SHOWN]
    return "\n".join(
        [
            "# How long it takes in a cluster\n",
            *(__doc__ or "").split("\n\n", 1)[1].splitlines(),
            "",
            f"Written on {datetime.now(UTC):%Y-%m-%d} by `{command}`: {len(found.pages)} posts that decided,",
            f"{len(found.clicks)} clicks, {told['rate']:.0f} posts a second in all for {found.sent.seconds:.0f} s.\n",
            "| what | took | bar |",
            "|---|---|---|",
            *lines,
            "",
        ]
    )


def _bar(key: str) -> str:
    return f"{BARS[key]:g} s" if key in BARS else ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write the page; 1 where a bar is missed or somebody was not paged."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster_latency", description=__doc__)
    parser.add_argument("--crises", type=int, default=60, help="brands that get into one, one after the other")
    parser.add_argument("--rate", type=float, default=2_000, help="posts a second, of all kinds")
    parser.add_argument("--spread", type=float, default=180, help="seconds over which the crises begin")
    parser.add_argument("--partitions", type=int, default=4, help="of `mentions`")
    parser.add_argument("--intakes", type=int, default=2, help="intake workers")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="6 crises in half a minute, and nothing is written")
    parser.add_argument("--out", type=Path, default=PAGE)
    parser.add_argument("--json", action="store_true", help="print the figures as one line of JSON")
    call = parser.parse_args(arguments)
    if call.quick:
        call.crises, call.spread = 6, 30.0
    found = asyncio.run(measure(call))
    command = f"python -m benchmarks.cluster_latency --crises {call.crises} --rate {call.rate:g}"
    return conclude(call, found.figures(), page(found, command), found.missed())


if __name__ == "__main__":
    sys.exit(main())
