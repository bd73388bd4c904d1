"""Measures what a patient attacker can teach: `python -m benchmarks.poison [--stream NAME]`.

Somebody who knows that thresholds follow a brand's own past lets a crowd grow slowly for a fortnight, or floods two
days and stops, so that the real crisis is missed. Several such pasts are run, each beside the same one without the
crowd. Then, at the same moments of both, with the crowd gone, a crisis of five times the hour's posts is planted; with
`--least` the least that is paged is found too, by bisection, which takes ten times as long.
"""

import argparse
import json
import multiprocessing
import statistics
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from random import Random
from typing import Literal, NamedTuple

import msgspec
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.budget import FIRST_DAY, angry_share, whole_days
from benchmarks.running import Episodes, Run, contents_for, is_paged, wakes
from benchmarks.streams import STEP_MS, Stream, stream_of, streams
from detectors.surge import SPIKE_SHARE_MILLI
from stream.codec import DAY_MS, HOUR_MS, MINUTE_MS
from tocsin.planting import Plant, Post, StepPart, angry_mood, parts_of

LEARNT_DAYS = 14
RAMP_DAYS = 14
FLOOD_DAYS = 2
MOST_POSTS = 4_096
CRISIS = Plant("burst", size_milli=5_000, negative_milli=400)
WATCHED_MS = 61 * MINUTE_MS
ALLOWED_SHIFT = 0.20
ALLOWED_DELAY = 0.25
STREAMS = ("spotify", "CVS", "20-an-hour", "FB")


class Poison(NamedTuple):
    """A crowd that joins a brand's own posts, and what it is like."""

    name: str
    days: int
    height: float
    """Of the brand's usual posts, at its end (a ramp) or throughout (a flood)."""
    shape: Literal["ramp", "flood"]
    negative_milli: int | None
    """`None`: as angry as the brand's own posts are."""
    rest_days: int
    """Quiet days between its end and the crisis."""


POISONS = (
    Poison("ramp to +50 %", RAMP_DAYS, 0.5, "ramp", None, 0),
    Poison("ramp to +100 %", RAMP_DAYS, 1.0, "ramp", None, 0),
    Poison("ramp to +50 %, six in ten negative", RAMP_DAYS, 0.5, "ramp", 600, 0),
    Poison("two days at five times, then a day of quiet", FLOOD_DAYS, 4.0, "flood", None, 1),
)


class Probe(NamedTuple):
    """Posts that come evenly within a span; the least number that is paged is looked for."""

    name: str
    span_ms: int
    negative_milli: int


PROBES = (
    Probe("posts in 15 min", 15 * MINUTE_MS, 400),
    Probe("posts in 60 min", 60 * MINUTE_MS, 400),
    Probe("angry voices in 15 min", 15 * MINUTE_MS, 1000),
    Probe("angry voices in 60 min", 60 * MINUTE_MS, 1000),
)


class Found(msgspec.Struct):
    """What is found at one moment: the thresholds, the least that is paged by probe (-1: not even the most), and a
    crisis' delay."""

    thresholds: list[int]
    """As `THRESHOLDS` names them."""
    least: list[int]
    delay_ms: int
    busy: bool
    """Somebody was paged already for what was open: nothing can be told from this moment."""


THRESHOLDS = ("anger", "volume", "slow burn")
"""Of which the thresholds of a page are read."""


def thresholds_of(run: Run) -> list[int]:
    """The scores from which on these three count as a page now."""
    brand = run.engine.brand(run.brand)
    assert brand is not None
    anger, surge = brand.panel.negativity.standing(brand.state.window), brand.panel.volume.surge
    spike, slow = (surge.budget.share(share) for share in (SPIKE_SHARE_MILLI, 1000 - SPIKE_SHARE_MILLI))
    return [anger.page, surge.spikes.threshold(spike.pages_milli), surge.burns.threshold(slow.pages_milli)]


class Result(msgspec.Struct):
    """One stream with one poison, beside itself without."""

    stream: str
    poison: str
    clean: list[Found]
    poisoned: list[Found]
    pages: int
    """While the poison was given."""

    def add(self, other: "Result") -> None:
        """The same of another past."""
        self.clean += other.clean
        self.poisoned += other.poisoned
        self.pages += other.pages


def days_of(stream: Stream, poison: Poison, seed: int, *, given: bool) -> Iterator[tuple[int, list[Post]]]:
    """The past, the poisoned days and those in which the crisis comes: day and posts. The same with and without."""
    rng = Random(f"{seed}/{stream.name}/past")
    material = whole_days(stream)
    own = 1000 * angry_share(stream.name)
    for place in range(LEARNT_DAYS + poison.days + poison.rest_days + 1):
        day = rng.choice(material)
        moved_ms = (FIRST_DAY + place - day) * DAY_MS
        posts = [msgspec.structs.replace(post, at_ms=post.at_ms + moved_ms) for post in stream.posts(day)]
        if given and LEARNT_DAYS <= place < LEARNT_DAYS + poison.days:
            dice = Random(f"{seed}/{stream.name}/{poison.name}/{place}")
            mood_milli = round(own) if poison.negative_milli is None else poison.negative_milli
            posts = sorted([*posts, *_crowd(posts, poison, place, mood_milli, dice)], key=lambda post: post.at_ms)
        yield FIRST_DAY + place, posts


def _crowd(posts: Sequence[Post], poison: Poison, place: int, mood_milli: int, dice: Random) -> Iterator[Post]:
    """The crowd keeps the brand's own hours, so that it does not show."""
    for post in posts:
        day = post.at_ms / DAY_MS - FIRST_DAY - LEARNT_DAYS
        height = poison.height * (day / poison.days if poison.shape == "ramp" else 1.0)
        for _ in range(int(height) + (dice.random() < height % 1)):
            mood, score = angry_mood(dice, mood_milli)
            start_ms = (FIRST_DAY + place) * DAY_MS
            at_ms = min(max(post.at_ms + dice.randrange(-10, 10) * MINUTE_MS, start_ms), start_ms + DAY_MS - 1)
            yield Post(at_ms=at_ms, voice=dice.getrandbits(64), text=dice.getrandbits(64), mood=mood, score=score)


def moments_of(poison: Poison, count: int) -> list[int]:
    """When the crisis comes: over the last day, evenly."""
    start_ms = (FIRST_DAY + LEARNT_DAYS + poison.days + poison.rest_days) * DAY_MS
    return [start_ms + HOUR_MS + k * 22 * HOUR_MS // count // STEP_MS * STEP_MS for k in range(count)]


def run_past(
    stream: Stream, poison: Poison, seed: int, count: int, probes: Sequence[Probe], *, given: bool
) -> tuple[list[Found], int]:
    """Run one past to its moments; what is found at each, and the pages while the poison was given."""
    contents, digest = contents_for(stream.brand)
    run = Run.begin(stream.brand, contents, digest, FIRST_DAY * DAY_MS)
    episodes, found, waiting = Episodes(), [], moments_of(poison, count)
    for day, posts in days_of(stream, poison, seed, given=given):
        parts = parts_of(posts, step_ms=STEP_MS, source=stream.source, chunk=0)
        while waiting and waiting[0] < (day + 1) * DAY_MS:
            moment = waiting.pop(0)
            for decision in run.feed([p for p in parts if p.step * STEP_MS < moment], moment):
                episodes.see(decision)
            parts = [p for p in parts if p.step * STEP_MS >= moment]
            found.append(probed(run, stream, parts, moment, probes, seed))
        for decision in run.feed(parts, (day + 1) * DAY_MS):
            episodes.see(decision)
    begins_ms = (FIRST_DAY + LEARNT_DAYS) * DAY_MS
    return found, sum(begins_ms <= t < begins_ms + poison.days * DAY_MS for t in episodes.pages)


def probed(
    run: Run, stream: Stream, parts: Sequence[StepPart], moment: int, probes: Sequence[Probe], seed: int
) -> Found:
    """What is found at a moment."""
    snapshot, sealed = run.snapshot(), run.sealed
    base = [part for part in parts if part.step * STEP_MS < moment + WATCHED_MS]
    split = partial(run.split, snapshot, sealed)
    least = [least_paged(split, base, stream, moment, probe, f"{seed}/{moment}") for probe in probes]
    usual_milli = stream.usual_milli[moment // HOUR_MS % 24]
    crisis = CRISIS.posts(moment, usual_milli, f"{seed}/{moment}")
    return Found(
        thresholds_of(run), least, first_page(split(), base, crisis, stream, moment, WATCHED_MS), busy=is_paged(run)
    )


def least_paged(
    split: "partial[Run]", base: Sequence[StepPart], stream: Stream, moment: int, probe: Probe, seed: str
) -> int:
    """The least number of posts that is paged within the probe's span; more posts always hold fewer ones."""
    plant = Plant("steady", MOST_POSTS * 1000, probe.negative_milli, last_ms=probe.span_ms)
    posts = plant.posts(moment, 1000, seed)
    Random(seed).shuffle(posts)

    def pages(count: int) -> bool:
        return first_page(split(), base, posts[:count], stream, moment, probe.span_ms) >= 0

    most = 8
    while not pages(most):
        most *= 2
        if most > MOST_POSTS:
            return -1
    below = most // 2 if most > 8 else 0
    while most - below > max(1, most // 64):
        middle = (most + below) // 2
        below, most = (below, middle) if pages(middle) else (middle, most)
    return most


def first_page(
    run: Run, base: Sequence[StepPart], posts: Sequence[Post], stream: Stream, moment: int, span_ms: int
) -> int:
    """When somebody is first paged, after the moment; -1: not within the span."""
    planted = parts_of(posts, step_ms=STEP_MS, source=stream.source)
    near = [part for part in base if part.step * STEP_MS < moment + span_ms]
    for decision in run.feed([*near, *planted], moment + span_ms + MINUTE_MS):
        if wakes(decision):
            return decision.at_ms - moment
    return -1


class Job(NamedTuple):
    """One past of one stream with one poison."""

    stream: str
    poison: Poison
    seed: int
    moments: int
    probes: Sequence[Probe]


def run_one(job: Job) -> Result:
    """A past with its poison, and without."""
    stream = stream_of(job.stream)
    clean, _ = run_past(stream, job.poison, job.seed, job.moments, job.probes, given=False)
    poisoned, pages = run_past(stream, job.poison, job.seed, job.moments, job.probes, given=True)
    return Result(job.stream, job.poison.name, clean, poisoned, pages)


# --- what comes out ---------------------------------------------------------------------------------------------------


def pairs_of(result: Result) -> list[tuple[Found, Found]]:
    """What was found without and with the poison, at the moments of which something can be told."""
    return [(c, p) for c, p in zip(result.clean, result.poisoned, strict=True) if not c.busy and not p.busy]


def threshold_shift(result: Result, place: int) -> float:
    """The median shift of a threshold over the moments."""
    pairs = [(c.thresholds[place], p.thresholds[place]) for c, p in zip(result.clean, result.poisoned, strict=True)]
    return statistics.median(p / c - 1 for c, p in pairs)


def least_shift(result: Result, probe: int) -> float | None:
    """The same of the least that is paged; `None` where nothing was paged without the poison."""
    pairs = [(c.least[probe], p.least[probe]) for c, p in pairs_of(result)]
    shifts = [(b if b > 0 else 2 * MOST_POSTS) / a - 1 for a, b in pairs if a > 0]
    return statistics.median(shifts) if shifts else None


def delays_of(result: Result) -> tuple[float | None, float | None, int, int]:
    """Median minutes to the page without and with the poison, where both came; and how many were found in each."""
    pairs = [(c.delay_ms, p.delay_ms) for c, p in pairs_of(result)]
    found_clean, found_poisoned = sum(c >= 0 for c, _ in pairs), sum(p >= 0 for _, p in pairs)
    both = [(c / MINUTE_MS, p / MINUTE_MS) for c, p in pairs if c >= 0 and p >= 0]
    if not both:
        return None, None, found_clean, found_poisoned
    clean, poisoned = statistics.median(c for c, _ in both), statistics.median(p for _, p in both)
    return clean, poisoned, found_clean, found_poisoned


def holds(result: Result) -> bool:
    """Whether every threshold and the delay stay within what is allowed, and no fewer crises are found."""
    shifts = [threshold_shift(result, place) for place in range(len(THRESHOLDS))]
    clean, poisoned, found_clean, found_poisoned = delays_of(result)
    late = clean is not None and poisoned is not None and poisoned > clean * (1 + ALLOWED_DELAY)
    return all(shift <= ALLOWED_SHIFT for shift in shifts) and not late and found_poisoned >= found_clean


def table(results: Sequence[Result], probes: Sequence[Probe]) -> list[str]:
    """One row per stream and poison."""
    lines = [
        f"| stream | past | thresholds of a page: {', '.join(THRESHOLDS)} | crisis of 5x: found, median minutes "
        f"| holds |{''.join(f' least paged: {probe.name} |' for probe in probes)} pages meanwhile |",
        "|---|---|" + "---|" * (len(probes) + 4),
    ]
    for result in results:
        shifts = ", ".join(f"{threshold_shift(result, place):+.0%}" for place in range(len(THRESHOLDS)))
        clean, poisoned, found_clean, found_poisoned = delays_of(result)
        minutes = f", {clean:.1f} → {poisoned:.1f}" if clean is not None and poisoned is not None else ""
        cells = [
            result.stream,
            result.poison,
            shifts,
            f"{found_clean} → {found_poisoned} of {len(pairs_of(result))}{minutes}",
            "yes" if holds(result) else "no",
            *(least_cell(result, place) for place in range(len(probes))),
            str(result.pages),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def least_cell(result: Result, probe: int) -> str:
    """The least that is paged without and with the poison, and by how much it moved."""
    shift = least_shift(result, probe)
    if shift is None:
        return "-"
    least = [statistics.median(pair[side].least[probe] for pair in pairs_of(result)) for side in (0, 1)]
    return f"{least[0]:g} → {least[1]:g}, {shift:+.0%}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 1 when a threshold or a delay shifts by more than is allowed, or fewer crises are found."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.poison", description=__doc__)
    parser.add_argument("--stream", action="append", help="only this one; may be repeated")
    parser.add_argument("--pasts", type=int, default=4, help="of each kind, by seed")
    parser.add_argument("--moments", type=int, default=12, help="at which each past is probed")
    parser.add_argument("--least", action="store_true", help="find the least that is paged too")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="print a line of JSON for each row instead")
    call = parser.parse_args(arguments)
    at_hand = streams(call.stream or STREAMS)
    probes = PROBES if call.least else ()
    jobs = [
        Job(stream.name, poison, call.seed + past, call.moments, probes)
        for stream in at_hand
        for poison in POISONS
        for past in range(call.pasts)
    ]
    if not jobs:
        print("no recording is at hand: nothing to poison")
        return 0
    results: dict[tuple[str, str], Result] = {}
    columns = TextColumn("pasts"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns) as bar, multiprocessing.Pool(call.workers) as pool:
        task = bar.add_task("pasts", total=len(jobs))
        for result in pool.imap(run_one, jobs):
            held = results.setdefault((result.stream, result.poison), result)
            if held is not result:
                held.add(result)
            bar.advance(task)
    if call.json:
        print("\n".join(json.dumps(msgspec.to_builtins(result)) for result in results.values()))
    else:
        print("\n".join(table(list(results.values()), probes)))
    return 0 if all(holds(result) for result in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
