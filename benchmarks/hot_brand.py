"""One brand takes the whole stream: does the work spread? `python -m benchmarks.hot_brand`; writes docs/hot-brand.md.

A deployment of `tocsin worker` processes on Apache Kafka and Valkey, all on this machine, at the grid of five
seconds. Four brands are listened to, one of them has a quiet past of thirty hours. Then 19 of 20 posts are about that
one, at a steady rate: for the first quarter everybody is pleased, and then everybody is angry.

Counted are the mentions that each intake worker read and the processor time of each worker's process, from the first
post of the flood until the core has passed the last; and what each takes at rest, before it. Any post of the grid
step upon which a page was decided may have been the one too many, so the page's delay runs from the beginning of that
step until the broker had the decision. Beside that, for every step: how long after its end it was sealed.
"""

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from benchmarks.cluster_ground import Ground, laid
from benchmarks.living_cluster import (
    STEP_MS,
    Living,
    Sent,
    angry,
    deployed,
    joyful,
    metric,
    others,
    records_since,
    send,
    taken,
)
from benchmarks.telling import conclude, quantile
from stream.codec import decode
from stream.kafka.clients import Brokers
from tests.acceptance.living import BRAND
from tests.cluster.living import Worker, until
from tocsin.entry import Event, Mark
from tocsin.scaled.core_partition import Decided
from tocsin.synthetic import Row

PAGE = Path(__file__).parent.parent / "docs" / "hot-brand.md"
PARTITIONS = 4
HOT = 20
"""One post in so many is about another brand."""
JOY = 4
"""The first such share of the posts is pleased."""
CATCH_UP_S = 120
REST_S = 20.0
"""So long the workers are watched at rest before the flood."""
LOOK_S = 1.0
"""So often the core is asked how far it is: asked more often, it is the asking that is measured."""
BARS = {"mentions_max_over_mean": 1.1, "cpu_max_over_mean": 1.25, "core_share": 0.05, "page_s": 12.0}


class Found(NamedTuple):
    """What was measured."""

    sent: Sent
    read: dict[str, float]
    """Mentions by intake worker."""
    cpu_s: dict[str, float]
    """By worker."""
    at_rest_s: dict[str, float]
    """Of that, what it would have taken in the same time without a post."""
    core: str
    page_s: float
    page_after: float
    """Seconds from the first angry post to the beginning of the step that decided."""
    sealed_s: list[float]
    """From the end of each step until its last mark was there, sorted."""

    def figures(self) -> dict[str, float]:
        """What the bars are about, and what stands beside it."""
        read, intakes = list(self.read.values()), [self.cpu_s[name] for name in self.read]
        more_s = {name: cpu_s - self.at_rest_s[name] for name, cpu_s in self.cpu_s.items()}
        return {
            "mentions": self.sent.count,
            "rate": round(self.sent.count / self.sent.seconds),
            "mentions_max_over_mean": round(max(read) / statistics.mean(read), 3),
            "cpu_max_over_mean": round(max(intakes) / statistics.mean(intakes), 3),
            "core_share": round(self.cpu_s[self.core] / sum(self.cpu_s.values()), 4),
            "core_share_above_rest": round(more_s[self.core] / sum(more_s.values()), 4),
            "core_us": round(self.cpu_s[self.core] / self.sent.count * 1e6, 1),
            "core_at_rest_us": round(self.at_rest_s[self.core] / self.sent.count * 1e6, 1),
            "page_s": round(self.page_s, 2),
            "intake_us": round(sum(intakes) / self.sent.count * 1e6, 1),
            "sealed_p50_s": round(quantile(self.sealed_s, 0.5), 2),
            "sealed_p99_s": round(quantile(self.sealed_s, 0.99), 2),
        }

    def missed(self) -> list[str]:
        """The bars that do not hold."""
        told = self.figures()
        return [key for key, bar in BARS.items() if told[key] > bar]


def flood(mentions: int, seed: int, angry_since: list[float]) -> Iterator[Row]:
    """So many posts; notes when the first angry one is taken."""
    joy, anger, beside = joyful(seed), angry(seed), others(seed)
    for number in range(mentions):
        if number % HOT == 0:
            yield beside.next()
        elif number < mentions // JOY:
            yield joy.next()
        else:
            if not angry_since:
                angry_since.append(time.time())
            yield anger.next()


async def flooded(
    ground: Ground,
    mentions: int,
    rate: float,
    workers: int,
    *,
    seed: int,
    rest_s: float = REST_S,
    made: list[Brokers] | None = None,
) -> Found:
    """The whole of it, over topics of its own; `made` takes them, so that they can be deleted."""
    async with deployed(ground, partitions=PARTITIONS, entries=1, seed=seed) as living:
        if made is not None:
            made.append(living.brokers)
        await living.up(intake=workers, core=1)
        rest: dict[str, float] = {}
        with taken([*living.of("intake"), *living.of("core")], rest):
            await asyncio.sleep(rest_s)
        return await _flooded(living, mentions, rate, seed, {name: cpu_s / rest_s for name, cpu_s in rest.items()})


async def _flooded(living: Living, mentions: int, rate: float, seed: int, rest: dict[str, float]) -> Found:
    intakes, (core,) = living.of("intake"), living.of("core")
    angry_since: list[float] = []
    rows = flood(mentions, seed, angry_since)
    before = {worker.name: read(worker) for worker in intakes}
    began_ms, cpu_s = int(time.time() * 1000), dict[str, float]()
    with taken([*intakes, core], cpu_s):
        sent = await send(living.brokers, rows, rate)
        ended_s = time.time()

        async def passed() -> bool:
            await asyncio.sleep(LOOK_S)
            return await asyncio.to_thread(metric, core, "tocsin_core_sealed_timestamp_seconds") > ended_s

        await until(passed, CATCH_UP_S, living.tell)
        took_s = time.time() - began_ms / 1000

    def counted() -> dict[str, float]:
        return {worker.name: read(worker) - before[worker.name] for worker in intakes}

    # They say so only now and then.
    await until(lambda: sum(counted().values()) == mentions, CATCH_UP_S, lambda: f"{counted()} of {mentions}")
    found = counted()
    page_s, page_at_s = await first_page(living, began_ms)
    at_rest_s = {name: share * took_s for name, share in rest.items()}
    after_s = page_at_s - angry_since[0]
    return Found(sent, found, cpu_s, at_rest_s, core.name, page_s, after_s, await sealed(living, began_ms))


def read(worker: Worker) -> float:
    """Mentions that an intake worker has read."""
    return metric(worker, "tocsin_intake_mentions_total", became="read")


async def first_page(living: Living, since_ms: int) -> tuple[float, float]:
    """How long after the beginning of the step that decided the first page was written, and when that step began."""
    home = living.brokers.layout.brand_partition(BRAND)
    for record in await records_since(living.brokers, "decisions", home, since_ms):
        decision = decode(record.value, Decided).decision
        if decision.kind == "Page" and decision.brand == BRAND:
            step_ms = decision.at_ms - STEP_MS
            return (record.timestamp - step_ms) / 1000, step_ms / 1000
    raise AssertionError("nobody was paged")


async def sealed(living: Living, since_ms: int) -> list[float]:
    """For every step since then: from its end until the last input partition's mark over it was there, in seconds."""
    last: dict[int, int] = {}
    for record in await records_since(living.brokers, "entries", 0, since_ms):
        event = msgspec.json.decode(record.value, type=Event)
        if isinstance(event, Mark):
            for step in range(max(event.from_step + 1, since_ms // STEP_MS), event.upto_step + 1):
                last[step] = max(last.get(step, 0), record.timestamp)
    return sorted((stamp - (step + 1) * STEP_MS) / 1000 for step, stamp in last.items())


# ---- telling

SHOWN = (
    ("mentions of the busiest intake worker beside their mean", "mentions_max_over_mean", "{:.3f}", "at most {:g}"),
    ("processor time of the busiest beside their mean", "cpu_max_over_mean", "{:.3f}", "at most {:g}"),
    ("the core's share of all processor time", "core_share", "{:.1%}", "at most {:.0%}"),
    ("the same, without what workers take at rest in that time", "core_share_above_rest", "{:.1%}", ""),
    ("from the crossing to the page's decision", "page_s", "{:.2f} s", "at most {:g} s"),
    ("processor time of intake for a mention", "intake_us", "{:.0f} µs", ""),
    ("processor time of the core for a mention", "core_us", "{:.1f} µs", ""),
    ("of that, what it takes at rest in that time", "core_at_rest_us", "{:.1f} µs", ""),
    ("from a step's end until it is sealed, the median", "sealed_p50_s", "{:.2f} s", ""),
    ("from a step's end until it is sealed, 99 in 100", "sealed_p99_s", "{:.2f} s", ""),
)


def page(found: Found, command: str) -> str:
    """docs/hot-brand.md."""
    told = found.figures()
    lines = [
        f"| {what} | {form.format(told[key])} | {bar.format(BARS[key]) if bar else ''} |"
        for what, key, form, bar in SHOWN
    ]
    workers = [
        f"| {name} | {found.read.get(name, 0):,.0f} | {cpu_s:.1f} s |" for name, cpu_s in sorted(found.cpu_s.items())
    ]
    return "\n".join(
        [
            "# A hot brand\n",
            *(__doc__ or "").split("\n\n", 1)[1].splitlines(),
            "",
            f"Written on {datetime.now(UTC):%Y-%m-%d} by `{command}`: {found.sent.count:,} posts, "
            f"{told['rate']:.0f} a second, {PARTITIONS} partitions of `mentions`. The step that decided "
            f"began {found.page_after:+.0f} s from the first angry post.\n",
            "| what | measured | bar |",
            "|---|---|---|",
            *lines,
            "",
            "| worker | mentions | processor time |",
            "|---|---|---|",
            *workers,
            "",
        ]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write the page; 1 where a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hot_brand", description=__doc__)
    parser.add_argument("--mentions", type=int, default=2_000_000)
    parser.add_argument("--rate", type=float, default=2_000, help="posts a second")
    parser.add_argument("--workers", type=int, default=4, help="intake workers, each a process")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=PAGE)
    parser.add_argument("--quick", action="store_true", help="20,000 posts, and nothing is written")
    parser.add_argument("--json", action="store_true", help="print the figures as one line of JSON")
    call = parser.parse_args(arguments)
    if call.quick:
        call.mentions = 20_000
    with laid() as ground:
        found = asyncio.run(flooded(ground, call.mentions, call.rate, call.workers, seed=call.seed))
    command = f"python -m benchmarks.hot_brand --mentions {call.mentions} --rate {call.rate:g} --workers {call.workers}"
    return conclude(call, found.figures(), page(found, command), found.missed())


if __name__ == "__main__":
    sys.exit(main())
