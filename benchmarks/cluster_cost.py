"""What a mention costs over Kafka, beside one process and beside Faust: `python -m benchmarks.cluster_cost`.

One made-up stream, the same for the same seed, and its jobs, each in a process of its own: intake as one process does
it, from the intake log to texts and journal; the same over Kafka, from `mentions` to `texts` and `entries`, in one
process and in two; and a small job (read, match, count each brand's posts of a minute), once as an incarnation in the
loop of our intake, once in Faust: a windowed table fed by brand, as its documentation teaches, and one fed as the posts
come, whose counts are right in one worker alone. Rounds are interleaved, and a figure is the median of the rounds.

It is the processor time of the process that is counted, from the first record until the last write is acknowledged:
fetching, unpacking, writing and the client's background work are in it. That of the broker, of Redis and of whoever
sends is not; neither is the start of a process. Topics are filled beforehand, so batches are full; one process syncs
its files as it does live. Both sides end where the core begins.
"""

import argparse
import asyncio
import statistics
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from rich.progress import Progress

from benchmarks.cluster_corpus import Post, fill, stream
from benchmarks.cluster_ground import Ground, laid, take, write_lines
from benchmarks.cluster_jobs import Job, Took
from benchmarks.telling import conclude
from stream.kafka.clients import Brokers

PAGE = Path(__file__).parent.parent / "docs" / "cluster-cost.md"
SHOWN = {
    "embedded": "in one process, from the intake log to the journal",
    "intake": "over Kafka, one process",
    "two": "over Kafka, two processes",
    "small": "the small job in our loop",
    "faust": "the small job in a windowed Faust table",
    "bare_faust": "the same, right in one worker alone",
}
KEPT = ("read", "matched", "unmatched", "repeated", "scored", "unscored")
"""What must come out alike, however it is taken in."""


class Bar(NamedTuple):
    """A ratio that is held, of two jobs' microseconds in the same round."""

    what: str
    over: str
    under: str
    limit: float
    at_least: bool = False

    def holds(self, ratio: float) -> bool:
        """Whether the median is as it must be."""
        return ratio >= self.limit if self.at_least else ratio <= self.limit


BARS = (
    Bar("over Kafka beside one process", "intake", "embedded", 2.0),
    Bar("two processes beside one", "two", "intake", 1.15),
    Bar("Faust's table beside our loop", "faust", "small", 20.0, at_least=True),
)

Round = dict[str, float]
"""Microseconds of processor time for a mention, by job."""


class Bench:
    """One stream in a file and in topics, to be read again and again by groups of its own."""

    def __init__(self, ground: Ground, brokers: Brokers, posts: Sequence[Post], until_step: int) -> None:
        self._ground, self._brokers, self._until_step = ground, brokers, until_step
        self._mentions = len(posts)
        self._lines = ground.home / "lines"
        self._round = 0
        write_lines(self._lines, posts)

    def round(self, tell: Callable[[str], object]) -> Round:
        """Every job once. Raises `AssertionError` where two that do the same do not count the same."""
        self._round += 1
        found: Round = {}
        counted: dict[str, dict[str, int]] = {}
        for name, what in SHOWN.items():
            tell(what)
            took = take(*self._jobs(name))
            assert sum(one.mentions for one in took) == self._mentions, f"{name}: {[one.mentions for one in took]}"
            found[name] = sum(one.cpu_s for one in took) / self._mentions * 1e6
            counted[name] = summed(took)
        for name in ("intake", "two"):
            told = {key: (counted["embedded"].get(key), counted[name].get(key)) for key in KEPT}
            assert all(one == other for one, other in told.values()), f"{name}: {told}"
        assert counted["small"] == counted["faust"] == counted["bare_faust"], "our loop and Faust counted differently"
        return found

    def _jobs(self, name: str) -> list[Job]:
        job = Job(
            name={"two": "intake"}.get(name, name),
            lines=str(self._lines),
            until_step=self._until_step,
            mentions=self._mentions,
            bootstrap=self._brokers.bootstrap,
            layout=self._brokers.layout,
            group=f"{name}-{self._round}",
            redis=self._ground.valkey.url(self._round * len(SHOWN) + list(SHOWN).index(name)),
        )
        return [job, job] if name == "two" else [job]


def summed(took: Sequence[Took]) -> dict[str, int]:
    """What processes counted together."""
    found: Counter[str] = Counter()
    for one in took:
        found.update(one.counted)
    return dict(found)


def measure(mentions: int, rate: int, partitions: int, rounds: int, seed: int) -> list[Round]:
    """The rounds, on servers of their own."""
    posts = list(stream(mentions, rate, seed))
    with laid() as ground, Progress(transient=True) as bar:
        brokers, until_step = asyncio.run(_filled(ground, posts, partitions))
        bench = Bench(ground, brokers, posts, until_step)
        task = bar.add_task("", total=rounds * len(SHOWN))
        return [
            bench.round(lambda what: bar.update(task, advance=1, description=what)) for _ in range(rounds)
        ]  # fmt: skip


async def _filled(ground: Ground, posts: Sequence[Post], partitions: int) -> tuple[Brokers, int]:
    brokers = await ground.topics(mentions=partitions, entries=partitions)
    return brokers, await fill(brokers, posts)


# ---- telling


def ratios(rounds: Sequence[Round], bar: Bar) -> list[float]:
    """A bar's ratio in each round, sorted."""
    return sorted(one[bar.over] / one[bar.under] for one in rounds)


def figures(rounds: Sequence[Round]) -> dict[str, float]:
    """Medians: microseconds by job, and the ratios."""
    found = {f"{name}_us": round(statistics.median(one[name] for one in rounds), 1) for name in SHOWN}
    return found | {f"{bar.over}_over_{bar.under}": round(statistics.median(ratios(rounds, bar)), 2) for bar in BARS}


def page(rounds: Sequence[Round], command: str, cut: str) -> str:
    """docs/cluster-cost.md."""
    lines = ["| a mention | µs, median | least | most |", "|---|---|---|---|"]
    for name, what in SHOWN.items():
        us = sorted(one[name] for one in rounds)
        lines.append(f"| {what} | {statistics.median(us):.1f} | {us[0]:.1f} | {us[-1]:.1f} |")
    lines += ["", "| ratio in one round | median | least | most | bar |", "|---|---|---|---|---|"]
    for bar in BARS:
        found = ratios(rounds, bar)
        must = f"{'at least' if bar.at_least else 'at most'} {bar.limit:g}"
        lines.append(f"| {bar.what} | {statistics.median(found):.2f} | {found[0]:.2f} | {found[-1]:.2f} | {must} |")
    return "\n".join(
        [
            "# What a mention costs in a cluster\n",
            *(__doc__ or "").split("\n\n", 1)[1].splitlines(),
            "",
            f"Written on {datetime.now(UTC):%Y-%m-%d} by `{command}`: {len(rounds)} rounds, {cut}.\n",
            *lines,
            "",
        ]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write the page; 1 where a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster_cost", description=__doc__)
    parser.add_argument("--mentions", type=int, default=60_000)
    parser.add_argument("--rate", type=int, default=2_000, help="mentions a second, by their stamps")
    parser.add_argument("--partitions", type=int, default=4, help="of `mentions` and of `entries`")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="one round of 10,000 mentions, and nothing is written")
    parser.add_argument("--out", type=Path, default=PAGE)
    parser.add_argument("--json", action="store_true", help="print the figures as one line of JSON")
    call = parser.parse_args(arguments)
    if call.quick:
        call.mentions, call.rounds = 10_000, 1
    rounds = measure(call.mentions, call.rate, call.partitions, call.rounds, call.seed)
    told = figures(rounds)
    command = f"python -m benchmarks.cluster_cost --mentions {call.mentions} --rate {call.rate} --rounds {call.rounds}"
    cut = f"{call.mentions} mentions at {call.rate} a second, {call.partitions} partitions of `mentions` and `entries`"
    missed = [bar.what for bar in BARS if not bar.holds(statistics.median(ratios(rounds, bar)))]
    return conclude(call, told, page(rounds, command, cut), missed)


if __name__ == "__main__":
    sys.exit(main())
