"""Counts false pages in months that never were: `python -m benchmarks.budget [--months N] [--budget B ...]`.

Each month is made from whole days of a quiet recording, drawn at random, so that its rhythm stays; on top of it come a
slow trend and now and then a benign burst. Ten days of the same are learnt before it. The month runs through the
engine at its grid of five seconds, once for each budget. Nothing in it is a crisis: every page is a false one.

Results are kept by month, for this very code, and a run that was broken off goes on where it was: elsewhere with
`--kept docs/results/budget.jsonl`, as long as nothing decides differently since.
"""

import argparse
import hashlib
import json
import math
import multiprocessing
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import IO, NamedTuple

import msgspec
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from benchmarks.running import Episodes, Run, contents_for
from benchmarks.streams import (
    CLUMPING,
    COUNTED,
    NEGATIVE_SHARE,
    ROOT,
    STEP_MS,
    Stream,
    cache_folder,
    counted_day,
    made_posts,
    stream_of,
    streams,
)
from stream.codec import DAY_MS, HOUR_MS, MINUTE_MS
from tocsin.planting import Kind, Plant, Post, StepPart, parts_of

LEARNT_DAYS = 10
DAYS = 30
FIRST_DAY = 20_514
"""2026-03-02, a Monday: where every month begins."""
LEAST_TREND, MOST_TREND = -0.4, 0.6
"""What a month does to the level, from its first day to its last."""
BURSTS_A_DAY = 1 / 6
BURST_MEDIAN, BURST_SIGMA = 3.0, 0.35
LEAST_BURST, MOST_BURST = 2.0, 6.0
"""Times the hour's usual posts, log-normal between these: nobody is angrier than usual."""
BUDGETS = (0.5, 1.0, 4.0)
SHARES: dict[str, int] = {
    "spotify": 4,
    "united": 4,
    "CVS": 4,
    "UPS": 4,
    "2-an-hour": 4,
    "20-an-hour": 2,
    "FB": 2,
    "GOOG": 2,
    "AAPL": 1,
}
"""How many of the months come from each stream, in proportion: large ones take longest and say least."""


class Month(NamedTuple):
    """One month to be run."""

    stream: str
    number: int
    budgets: tuple[float, ...]
    seed: int


class Row(msgspec.Struct):
    """What came of one month at one budget."""

    stream: str
    number: int
    budget: float
    pages: int
    notices: int
    early_pages: int
    """In the ten days before it."""
    posts: int
    seconds: float


# --- making a month ---------------------------------------------------------------------------------------------------


def whole_days(stream: Stream) -> list[int]:
    """Its days that are there from midnight to midnight and quiet."""
    return [d for d in stream.days if any(a <= d * DAY_MS and (d + 1) * DAY_MS <= b for a, b in stream.gapless)]


def month_posts(stream: Stream, number: int, seed: int) -> Iterator[list[Post]]:
    """Forty days of posts, day by day, the same for the same seed."""
    rng = Random(f"{seed}/{stream.name}/{number}/month")
    material = whole_days(stream)
    share = angry_share(stream.name)
    trend = 1 + LEAST_TREND + rng.random() * (MOST_TREND - LEAST_TREND)
    for place in range(LEARNT_DAYS + DAYS):
        level = trend ** ((place - LEARNT_DAYS) / DAYS)
        day = rng.choice(material)
        moved_ms = (FIRST_DAY + place - day) * DAY_MS
        posts = [
            msgspec.structs.replace(post, at_ms=post.at_ms + moved_ms)
            for post in scaled(_fresh(stream, day, rng), level, rng)
        ]
        while rng.random() < BURSTS_A_DAY / (1 + BURSTS_A_DAY):
            posts += benign_burst(stream, FIRST_DAY + place, level, share, rng)
        yield sorted(posts, key=lambda post: post.at_ms)


def _fresh(stream: Stream, day: int, rng: Random) -> list[Post]:
    """A day's posts: as they were, or made anew from their counts."""
    if stream.name in COUNTED:
        return made_posts(counted_day(stream.name, day), rng)
    if stream.base in COUNTED:
        kept = [one._replace(posts=_binomial(one.posts, stream.keep, rng)) for one in counted_day(stream.base, day)]
        return made_posts(kept, rng)
    return stream.posts(day)


def _binomial(count: int, share: float, rng: Random) -> int:
    return sum(rng.random() < share for _ in range(count))


def scaled(posts: Sequence[Post], level: float, rng: Random) -> Iterator[Post]:
    """So many times the posts: some left out, or written once more by another within the half hour around."""
    whole, rest = divmod(level, 1.0)
    for post in posts:
        times = int(whole) + (rng.random() < rest)
        if times:
            yield post
        for _ in range(times - 1):
            day_ms = post.at_ms - post.at_ms % DAY_MS
            at_ms = min(max(post.at_ms + rng.randrange(-15, 15) * MINUTE_MS, day_ms), day_ms + DAY_MS - 1)
            text = rng.getrandbits(64) if post.text else 0
            yield msgspec.structs.replace(
                post, at_ms=at_ms, voice=rng.getrandbits(64), text=text, thread="", join=""
            )  # fmt: skip


def benign_burst(stream: Stream, day: int, level: float, share: float, rng: Random) -> list[Post]:
    """Two to six times an hour's posts, with ordinary negativity: a match, an advertisement, a news item."""
    at_ms = day * DAY_MS + int(rng.random() * (DAY_MS - HOUR_MS))
    size = min(max(BURST_MEDIAN * math.exp(rng.gauss(0.0, BURST_SIGMA)), LEAST_BURST), MOST_BURST)
    pairs = 1 / CLUMPING - 1
    kind: Kind = "burst" if rng.random() < 0.5 else "steady"
    negative = rng.betavariate(share * pairs, (1 - share) * pairs)
    usual_milli = round(stream.usual_milli[at_ms // HOUR_MS % 24] * level)
    return Plant(kind, round(size * 1000), round(1000 * negative)).posts(at_ms, usual_milli, f"{rng.random()}")


@lru_cache(maxsize=16)
def angry_share(name: str) -> float:
    """Of a stream's posts that could be judged: negative in words of their authors' own, as those of a burst are."""
    stream = stream_of(name)
    if name in COUNTED or stream.base in COUNTED:
        return NEGATIVE_SHARE
    posts = [post for day in whole_days(stream) for post in stream.posts(day)]
    angry = sum(post.mood == -1 and post.own_words for post in posts)
    return angry / max(1, sum(post.mood != 2 for post in posts))


def month_hours(stream: Stream, number: int, seed: int) -> Iterator[tuple[int, list[StepPart], int]]:
    """The month's parts hour by hour: the hour's start, its parts, its posts."""
    for place, posts in enumerate(month_posts(stream, number, seed)):
        hours: list[list[Post]] = [[] for _ in range(24)]
        for post in posts:
            hours[post.at_ms // HOUR_MS % 24].append(post)
        for hour, held in enumerate(hours):
            at_ms = (FIRST_DAY + place) * DAY_MS + hour * HOUR_MS
            yield at_ms, parts_of(held, step_ms=STEP_MS, source=stream.source, chunk=0), len(held)


# --- running it -------------------------------------------------------------------------------------------------------


def run_month(month: Month) -> list[Row]:
    """Run one month at every budget."""
    stream = stream_of(month.stream)
    runs, seen, spent = [], [Episodes() for _ in month.budgets], [0.0] * len(month.budgets)
    for budget in month.budgets:
        contents, digest = contents_for(stream.brand, round(budget * 1000))
        runs.append(Run.begin(stream.brand, contents, digest, FIRST_DAY * DAY_MS))
    total = 0
    for at_ms, parts, posts in month_hours(stream, month.number, month.seed):
        total += posts
        for place, run in enumerate(runs):
            began = time.process_time()
            for decision in run.feed(parts, at_ms + HOUR_MS):
                seen[place].see(decision)
            spent[place] += time.process_time() - began
    begins_ms = (FIRST_DAY + LEARNT_DAYS) * DAY_MS
    return [
        Row(
            stream=month.stream,
            number=month.number,
            budget=budget,
            pages=sum(t >= begins_ms for t in episodes.pages),
            notices=sum(t >= begins_ms for t in episodes.notices),
            early_pages=sum(t < begins_ms for t in episodes.pages),
            posts=total,
            seconds=round(seconds, 2),
        )
        for budget, episodes, seconds in zip(month.budgets, seen, spent, strict=True)
    ]


def code_digest() -> str:
    """Of all that decides what a month gives: results of other code are not mixed in."""
    folders = ("stream", "detectors", "alerting", "tocsin", "benchmarks")
    files = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    files.append(ROOT / "crisis_flowchart.yaml")
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]


def months_of(names: Sequence[str], count: int, budgets: tuple[float, ...], seed: int) -> list[Month]:
    """So many months in all, shared out among the streams; of each round the shortest first."""
    whole = sum(SHARES.get(name, 1) for name in names)
    found = []
    for name in names:
        share = max(1, -(-count * SHARES.get(name, 1) // whole))
        found += [Month(name, number, budgets, seed) for number in range(share)]
    return sorted(found, key=lambda month: (month.number, stream_of(month.stream).per_hour))


def run_all(months: Sequence[Month], kept: Path, workers: int) -> list[Row]:
    """Run what is not yet in `kept`, and add it there month by month."""
    rows = [msgspec.json.decode(line, type=Row) for line in kept.read_bytes().splitlines()] if kept.exists() else []
    have = {(row.stream, row.number, row.budget) for row in rows}
    left = [
        month._replace(budgets=missing)
        for month in months
        if (missing := tuple(b for b in month.budgets if (month.stream, month.number, b) not in have))
    ]
    columns = TextColumn("months"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn()
    with Progress(*columns) as bar, multiprocessing.Pool(workers) as pool, kept.open("ab") as file:
        task = bar.add_task("months", total=len(months), completed=len(months) - len(left))
        for found in pool.imap_unordered(run_month, left):
            _keep(found, file)
            rows += found
            bar.advance(task)
    wanted = {(m.stream, m.number, b) for m in months for b in m.budgets}
    return [row for row in rows if (row.stream, row.number, row.budget) in wanted]


def _keep(rows: Sequence[Row], file: IO[bytes]) -> None:
    for row in rows:
        file.write(msgspec.json.encode(row) + b"\n")
    file.flush()


# --- what comes out ---------------------------------------------------------------------------------------------------


def upper_limits(counts: Sequence[int], seed: int = 1) -> tuple[float, float]:
    """The upper end of the mean's 95 % interval: by the normal law, and by bootstrap.

    >>> upper_limits([0, 1, 2, 1] * 50)[0] < 1.1
    True
    """
    mean = statistics.fmean(counts)
    if len(counts) < 2:
        return math.inf, math.inf
    normal = mean + 1.96 * statistics.stdev(counts) / math.sqrt(len(counts))
    rng = Random(seed)
    means = sorted(statistics.fmean(rng.choices(counts, k=len(counts))) for _ in range(2_000))
    return normal, means[int(0.975 * len(means))]


def table(rows: Sequence[Row]) -> list[str]:
    """Mean and upper limits by budget, over all streams and for each."""
    lines = [
        "| budget a month | stream | months | false pages a month | upper 95 % (normal, bootstrap) | most in one month "
        "| notices a month | pages in the 10 days before |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for budget in sorted({row.budget for row in rows}):
        for name in ("all", *dict.fromkeys(row.stream for row in sorted(rows, key=lambda row: row.stream))):
            held = [row for row in rows if row.budget == budget and name in ("all", row.stream)]
            counts = [row.pages for row in held]
            normal, bootstrap = upper_limits(counts)
            lines.append(
                f"| {budget:g} | {name} | {len(held)} | {statistics.fmean(counts):.2f} | {normal:.2f}, {bootstrap:.2f} "
                f"| {max(counts)} | {statistics.fmean(row.notices for row in held):.2f} "
                f"| {statistics.fmean(row.early_pages for row in held):.2f} |"
            )
    return lines


def verdicts(rows: Sequence[Row]) -> list[str]:
    """Whether each budget holds: its upper limit is at most a quarter above it."""
    said = []
    for budget in sorted({row.budget for row in rows}):
        counts = [row.pages for row in rows if row.budget == budget]
        worst = max(upper_limits(counts))
        holds = "holds" if worst <= 1.25 * budget else "does not hold"
        said.append(
            f"budget {budget:g}: {holds}; mean {statistics.fmean(counts):.2f}, upper limit {worst:.2f}, "
            f"{1.25 * budget:g} allowed"
        )
    return said


INTRODUCTION = """# False pages

How often somebody would be woken for nothing, at three budgets (`false_pages_per_brand_month`). Months that never
were are made from whole quiet days of recordings, drawn at random, so that a brand's rhythm, its floods and its tails
stay; on top come a trend of -40 to +60 % a month and a benign burst every six days, two to six times the hour's posts
and as angry as the brand's posts are (each burst's mood is drawn anew). Ten days are learnt before each month, from
nothing. Every month runs through the engine at its grid of five seconds, once for each budget, and nobody ever
acknowledges: so every page is a false one, and is learnt as one. A budget holds where the upper end of the mean's 95
% interval is at most a quarter above it. Why thresholds follow from a budget: decisions
[0006](decisions/0006-the-page-budget.md), [0012](decisions/0012-the-wildest-days.md) and
[0013](decisions/0013-what-lasts-is-no-chance.md).

Where few days are all that was ever recorded (`united`: eight), months hold the same day several times. Moods of
streams that are made from counts (all but `spotify` and `united`) are made too: 18 % angry, and an hour's resemble
each other.
"""


def page(rows: Sequence[Row], months: int, seed: int) -> str:
    """The page for docs."""
    asked = " ".join(f"--budget {budget:g}" for budget in sorted({row.budget for row in rows}))
    call = f"python -m benchmarks.budget --months {months} --seed {seed} {asked}"
    run = len({(row.stream, row.number) for row in rows})
    return "\n".join(
        [
            INTRODUCTION,
            f"Written by `{call}`: {run} months.",
            "",
            *(f"- {s}" for s in verdicts(rows)),
            "",
            *table(rows),
            "",
        ]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print; 1 when a budget does not hold."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.budget", description=__doc__)
    parser.add_argument("--months", type=int, default=200, help="in all, shared out among the streams")
    parser.add_argument("--budget", type=float, action="append", help="false pages a month; may be repeated")
    parser.add_argument("--stream", action="append", help="only this one; may be repeated")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--fresh", action="store_true", help="forget what was run before")
    parser.add_argument("--kept", type=Path, help="go on from the months in this file, of code that decides the same")
    parser.add_argument("--out", type=Path, help="write a page there too (docs/false-pages.md)")
    parser.add_argument("--json", action="store_true", help="print a line of JSON for each month and budget instead")
    call = parser.parse_args(arguments)
    names = [stream.name for stream in streams(call.stream or list(SHARES))]
    if not names:
        print("no recording is at hand: no month can be made")
        return 0
    kept = call.kept or cache_folder() / f"budget-{call.seed}-{code_digest()}.jsonl"
    if call.fresh:
        kept.unlink(missing_ok=True)
    budgets = tuple(call.budget or BUDGETS)
    rows = run_all(months_of(names, call.months, budgets, call.seed), kept, call.workers)
    if call.json:
        print("\n".join(json.dumps(msgspec.to_builtins(row)) for row in rows))
    else:
        lines = [*table(rows), "", *verdicts(rows)]
        print("\n".join(lines))
        print(f"engine: {sum(row.seconds for row in rows):.0f} processor seconds; kept in {kept}")
        if call.out:
            call.out.write_text(page(rows, call.months, call.seed), "utf-8")
    return 0 if all("does not" not in said for said in verdicts(rows)) else 1


if __name__ == "__main__":
    sys.exit(main())
