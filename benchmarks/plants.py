"""Plants crises in quiet streams and writes docs/plants.md: `python -m benchmarks.plants [--plants N] [--stream NAME]`.

Every stream is run once through the engine. At seeded moments it is split: in each branch one crisis is planted, and
the branch runs until somebody is paged, or for an hour. One branch without a crisis says what would have been told
anyway. The recordings are not part of the repository: a stream whose recording is absent is skipped.
"""

import argparse
import json
import multiprocessing
import statistics
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from benchmarks.knowing import knowing
from benchmarks.oracle import DAY, Found, Minutes, Quiet, oracle
from benchmarks.planted import PROFILES, SIZED, SIZES, SPECIAL, Outcome, Unplanted, run_stream
from benchmarks.running import utc
from benchmarks.streams import CLUMPING, NAB, NEGATIVE_SHARE, ROOT, TEXTS, THINNED, Stream, stream_of, streams
from detectors.sentiment import FEWEST_PAGE_PEOPLE
from stream.codec import DAY_MS, HOUR_MS, MINUTE_MS
from tocsin.planting import Kind, Plant

PAGE = ROOT / "docs" / "plants.md"
SOON = 10
"""Minutes within which a burst should be paged."""
QUARTERS = ("0-6 h", "6-12 h", "12-18 h", "18-24 h")
WORDS: dict[Kind, str] = {
    "angry": "15 angry voices within 30 minutes",
    "thread": "a complaint's thread: 2 in ten minutes, doubling every ten, all different people",
    "liked": "the same growth in likes of a positive post",
    "pair": "the thread's posts by two people",
    "coordinated": "500 new accounts with 20 texts within 30 minutes",
    "one_loud": "one account, 10,000 posts in an hour",
    "headline": "one text copied 249 times in an hour",
}


def paged(rows: Sequence[Outcome], minutes: int) -> float:
    """The share that is paged within so many minutes."""
    return sum(0 <= r.page_ms <= minutes * MINUTE_MS for r in rows) / max(1, len(rows))


def noticed(rows: Sequence[Outcome], minutes: int) -> float:
    """The share that is told to anybody within so many minutes."""
    return sum(0 <= r.notice_ms <= minutes * MINUTE_MS for r in rows) / max(1, len(rows))


def seen(rows: Sequence[Outcome], minutes: int) -> float:
    """The share that is judged worth telling within so many minutes, whether the hour allows it or not."""
    return sum(0 <= r.seen_ms <= minutes * MINUTE_MS for r in rows) / max(1, len(rows))


def with_a_crowd(rows: Sequence[Outcome], minutes: int) -> str:
    """The share paged among plants that bring as many angry people within that time as a page asks for, and of how
    many.
    """
    crowds = [r for r in rows if r.angry[minutes > SOON] >= FEWEST_PAGE_PEOPLE]
    return f"{_percent(paged(crowds, minutes))} of {len(crowds)}" if crowds else "-"


def _median(delays: Sequence[int]) -> str:
    """Of those that came, in minutes."""
    found = sorted(delay for delay in delays if delay >= 0)
    return f"{statistics.median(found) / MINUTE_MS:.0f}" if found else "-"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


class Known(NamedTuple):
    """What the test that is told everything finds: in a Poisson stream of the same mean, in the recording, and in the
    recording when it knows how wild that is.
    """

    poisson: Found
    recorded: Found
    knowing: Found


def known_of(stream: Stream, plants: Sequence[Plant], seed: int) -> dict[tuple[str, str, int], Known]:
    """By stream, profile and size."""
    days = [d for d in stream.days if any(a <= d * DAY_MS and b >= (d + 1) * DAY_MS for a, b in stream.gapless)]
    recorded = Minutes(*(np.zeros(len(days) * DAY, dtype=np.float32) for _ in range(2)))
    for place, day in enumerate(days):
        for post in stream.posts(day):
            recorded[post.mood != -1][place * DAY + post.at_ms % DAY_MS // MINUTE_MS] += 1
    negative, other = (float(counts.sum()) for counts in recorded)
    quiet = Quiet(tuple(stream.by_hour), negative / (negative + other), tuple(stream.usual_milli))
    poisson = quiet.poisson(seed)
    return {
        (stream.name, plant.kind, plant.size_milli): Known(
            oracle(quiet, plant, poisson, seed),
            oracle(quiet, plant, recorded, seed),
            knowing(quiet, plant, recorded, seed),
        )
        for plant in plants
    }


def sized_table(rows: Sequence[Outcome], found: dict[tuple[str, str, int], Known], names: Sequence[str]) -> list[str]:
    """One row per stream, profile and size."""
    lines = [
        "| stream | profile | size | paged in 10 min | with a crowd | oracle | in 60 min | with a crowd | oracle "
        "| median minutes to notice | to page |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name in names:
        for kind in PROFILES:
            for size in SIZES:
                cell = [r for r in rows if (r.stream, r.kind, r.size_milli) == (name, kind, size)]
                if cell:
                    known = found[name, kind, size]
                    oracles = [", ".join(_percent(share) for share in shares) for shares in zip(*known, strict=True)]
                    lines.append(
                        f"| {name} | {kind} | {size / 1000:g} "
                        f"| {_percent(paged(cell, SOON))} | {with_a_crowd(cell, SOON)} | {oracles[0]} "
                        f"| {_percent(paged(cell, 60))} | {with_a_crowd(cell, 60)} | {oracles[1]} "
                        f"| {_median([r.seen_ms for r in cell])} | {_median([r.page_ms for r in cell])} |"
                    )
    return lines


def smallest_table(rows: Sequence[Outcome], names: Sequence[str], per_hour: dict[str, float]) -> list[str]:
    """The smallest size of a burst that is paged within the hour three times in four, by volume and time of day."""
    lines = [f"| stream | posts an hour | {' | '.join(QUARTERS)} |", "|---|---|---|---|---|---|"]
    for name in sorted(names, key=lambda n: per_hour[n]):
        cells = []
        for quarter in range(4):
            held = [r for r in rows if r.stream == name and r.kind == "burst" and _quarter(r.start_ms) == quarter]
            sizes = [s for s in SIZES if paged([r for r in held if r.size_milli == s], 60) >= 0.75]
            cells.append(f"{min(sizes) / 1000:g}" if sizes else "none" if held else "-")
        lines.append(f"| {name} | {per_hour[name]:.1f} | {' | '.join(cells)} |")
    return lines


def _quarter(at_ms: int) -> int:
    return at_ms // HOUR_MS % 24 // 6


def special_table(rows: Sequence[Outcome]) -> list[str]:
    """One row per kind that has a size of its own."""
    lines = [
        "| stream | what happens | noticed in 30 min | told | paged in 30 min | in 50 min | in 60 min "
        "| median minutes to notice | to page | labelled |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, plants in SPECIAL.items():
        for plant in plants:
            cell = [r for r in rows if (r.stream, r.kind, r.negative_milli) == (name, plant.kind, plant.negative_milli)]
            if cell:
                what = WORDS[plant.kind]
                if plant.kind == "headline":
                    what += ", grim" if plant.negative_milli else ", neutral"
                lines.append(
                    f"| {name} | {what} | {_percent(seen(cell, 30))} | {_percent(noticed(cell, 30))} | "
                    f"{_percent(paged(cell, 30))} | "
                    f"{_percent(paged(cell, 50))} | {_percent(paged(cell, 60))} | "
                    f"{_median([r.seen_ms for r in cell])} | {_median([r.page_ms for r in cell])} | "
                    f"{_percent(sum(r.coordinated for r in cell) / len(cell))} |"
                )
    return lines


def unplanted_table(quiet: Sequence[Unplanted]) -> list[str]:
    """False pages and notices of each stream by itself."""
    lines = [
        "| stream | months | pages | a month | notices | a month | moments skipped |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {one.stream} | {one.months:.2f} | {len(one.pages)} | {len(one.pages) / one.months:.1f} "
        f"| {len(one.notices)} | {len(one.notices) / one.months:.1f} | {one.skipped} |"
        for one in quiet
    ]
    return lines


INTRODUCTION = """# Planted crises

Crises of a stated size, speed and mood, laid over quiet streams: recordings of ordinary weeks, and counts of posts
about five companies (Numenta Anomaly Benchmark, MIT) whose labelled days are left out. A *size* is a multiple of what
the brand usually has in that hour of the day (at least one post), and comes on top of its own posts; 40 % of the
planted posts are negative, their authors all differ, one text in ten is a copy. *burst*: a half-life of ten minutes.
*steady*: evenly over an hour. *slow*: the rate climbs for half an hour, then stays.

*Oracle* is what the likelihood-ratio test finds that is told size, mood, profile and the brand's mean by hour, at one
false alarm a month (`benchmarks/oracle.py`). First figure: on a Poisson stream of the same mean, which is beyond what
anybody can do. Second: the same test on the recording, its threshold raised until it too alarms once a month there. It
believes in Poisson, so between the two lies what a stream's own wildness costs who does not allow for it. Third: a test
that knows that wildness too, of volume and of moods (`benchmarks/knowing.py`).

*With a crowd*: the same share among plants that bring, within that time, as many angry people as a page asks for
({people}), and how many those are; at a brand's quiet hours a small multiple of nothing much is a handful of people.
"""

NOTICED = """*Noticed*: judged worth telling. *Told*: and told at once; at night the flowchart keeps what wakes nobody
for the morning.
"""

STREAMS = """Streams made from counts: each count's posts are spread over its five minutes, by 50,000 people of whom
few write much; {share:.0%} are negative, with a share of its own for each hour (beta, correlation {clumping}).
`2-an-hour` and `20-an-hour` are thinned from `spotify` and from `UPS`. Days that touch a labelled window are cut out
and the rest is closed up.
"""


def sized_plants(call: argparse.Namespace) -> tuple[Plant, ...]:
    """Those of the profiles and sizes that were asked for."""
    kinds, sizes = call.profile or PROFILES, [round(size * 1000) for size in call.size or ()] or SIZES
    return tuple(plant for plant in SIZED if plant.kind in kinds and plant.size_milli in sizes)


def page(call: argparse.Namespace, rows: Sequence[Outcome], quiet: Sequence[Unplanted]) -> str:
    """docs/plants.md."""
    names = [one.stream for one in quiet]
    sized = [name for name in names if any(r.stream == name and r.kind in PROFILES for r in rows)]
    found: dict[tuple[str, str, int], Known] = {}
    for name in sized:
        found |= known_of(stream_of(name), sized_plants(call), call.seed)
    per_hour = {name: stream_of(name).per_hour for name in names}
    command = f"python -m benchmarks.plants --plants {call.plants} --seed {call.seed}"
    budget = f" --budget {call.budget}" if call.budget else ""
    sections = [
        INTRODUCTION.format(people=FEWEST_PAGE_PEOPLE),
        f"Written on {datetime.now(UTC):%Y-%m-%d} by `{command}{budget}`: {call.plants} moments a stream.\n",
        "## By size and profile\n",
        *sized_table(rows, found, sized),
        "\n## The smallest size that is found\n",
        "Of bursts: paged within the hour in at least three of four. Hours are UTC.\n",
        *smallest_table(rows, sized, per_hour),
        "\n## Other crises, and what must wake nobody\n",
        NOTICED,
        *special_table(rows),
        "\n## The same streams, nothing planted\n",
        *unplanted_table(quiet),
        "\n## How the streams are made\n",
        STREAMS.format(share=NEGATIVE_SHARE, clumping=CLUMPING),
    ]
    return "\n".join(sections)


# --- running it ------------------------------------------------------------------------------------------------------

_progress: Any = None


def _join_in(queue: Any) -> None:
    global _progress  # noqa: PLW0603 - one queue per worker process, given when it starts
    _progress = queue


def _task(job: tuple[str, tuple[Plant, ...], int, int, int | None]) -> tuple[list[Outcome], Unplanted]:
    name, plants, count, seed, pages_milli = job
    return run_stream(name, plants, count, seed, lambda: _progress.put(1), pages_milli)


def run_all(
    jobs: Sequence[tuple[str, tuple[Plant, ...], int, int, int | None]], workers: int
) -> tuple[list[Outcome], list[Unplanted]]:
    """Run all streams, so many at a time, under a progress bar."""
    rows: list[Outcome] = []
    quiet: list[Unplanted] = []
    queue: Any = multiprocessing.Queue()
    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn()
    with Progress(*columns) as bar, multiprocessing.Pool(workers, _join_in, (queue,)) as pool:
        task = bar.add_task("planting", total=sum(job[2] for job in jobs))
        waiting = [pool.apply_async(_task, (job,)) for job in jobs]
        while not all(one.ready() for one in waiting):
            time.sleep(0.5)
            while not queue.empty():
                bar.advance(task, queue.get())
        for one in waiting:
            found, alone = one.get()
            rows += found
            quiet.append(alone)
    return rows, quiet


def main(arguments: Sequence[str] | None = None) -> int:
    """Plant and write the page; 0 also where no recording is at hand."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.plants", description=__doc__)
    parser.add_argument("--plants", type=int, default=200, help="moments a stream; every crisis is planted at each")
    parser.add_argument("--stream", action="append", help="only this one; may be repeated")
    parser.add_argument("--profile", action="append", choices=PROFILES, help="only this one; may be repeated")
    parser.add_argument(
        "--size", type=float, action="append", choices=[size / 1000 for size in SIZES], help="only this one; as above"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--budget", type=float, default=None, help="false pages a brand and month, where not as shipped"
    )
    parser.add_argument("--quick", action="store_true", help="20 moments a stream, and nothing is written")
    parser.add_argument("--out", type=Path, default=PAGE)
    parser.add_argument("--json", type=Path, help="write every plant's outcome too, a line each")
    call = parser.parse_args(arguments)
    if call.quick:
        call.plants = min(call.plants, 20)
    wanted = call.stream or [*TEXTS, *NAB, *THINNED]
    at_hand = streams(wanted)
    pages_milli = round(call.budget * 1000) if call.budget else None
    jobs = [(s.name, SPECIAL.get(s.name, sized_plants(call)), call.plants, call.seed, pages_milli) for s in at_hand]
    if not jobs:
        print("no recording is at hand: nothing to plant in")
        return 0
    per_hour = {s.name: s.per_hour for s in at_hand}
    rows, quiet = run_all(sorted(jobs, key=lambda job: -per_hour[job[0]]), call.workers)
    if call.json:
        call.json.write_text("".join(json.dumps(msgspec.to_builtins(r)) + "\n" for r in rows))
    text = page(call, rows, sorted(quiet, key=lambda q: [job[0] for job in jobs].index(q.stream)))
    print("\n".join(line for line in text.splitlines() if line.startswith(("|", "#"))))
    for alone in quiet:
        print(f"{alone.stream} alone: pages at {', '.join(utc(at) for at in alone.pages) or 'no time'}")
    print(f"processor seconds: {sum(q.seconds for q in quiet):.0f}, {len(rows)} plants")
    if not (call.quick or call.stream or call.profile or call.size):
        call.out.write_text(text, "utf-8")
        print(f"written: {call.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
