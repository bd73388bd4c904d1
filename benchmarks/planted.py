"""Splits a running stream at seeded moments, plants a crisis in each branch, and says what became of it."""

import time
from collections.abc import Callable, Sequence
from random import Random

import msgspec

from alerting.decision import Decision
from alerting.facts import BLIND
from alerting.incident import rank
from benchmarks.running import Episodes, Run, contents_for, is_paged, tells, wakes
from benchmarks.streams import STEP_MS, Stream, stream_of
from stream.codec import DAY_MS, HOUR_MS, MINUTE_MS
from stream.window import floor
from tocsin.planting import Kind, Plant, Post, StepPart, parts_of

SIZES = (1_500, 2_500, 5_000, 10_000, 20_000)
PROFILES: tuple[Kind, ...] = ("burst", "steady", "slow")
ANGRY_MILLI = 400
WATCHED_MS = 61 * MINUTE_MS
MONTH_MS = 30 * DAY_MS

SIZED: tuple[Plant, ...] = tuple(Plant(kind, size, ANGRY_MILLI) for kind in PROFILES for size in SIZES)
SPECIAL: dict[str, tuple[Plant, ...]] = {
    "2-an-hour": (Plant("angry"),),
    "20-an-hour": (
        Plant("thread", negative_milli=700),
        Plant("liked"),
        Plant("pair", negative_milli=700),
        Plant("coordinated", negative_milli=800),
        Plant("one_loud", negative_milli=800),
        Plant("headline", negative_milli=0),
        Plant("headline", negative_milli=1000),
    ),
}


class Outcome(msgspec.Struct):
    """What became of one plant. Delays in ms; -1: nothing within the hour."""

    stream: str
    kind: Kind
    size_milli: int
    negative_milli: int
    start_ms: int
    notice_ms: int = -1
    page_ms: int = -1
    seen_ms: int = -1
    """When it was judged worth telling, be it at an hour at which the flowchart holds back what wakes nobody."""
    angry: tuple[int, int] = (0, 0)
    """Angry people that the plant brings in its first 10 minutes, and in its hour."""
    coordinated: bool = False
    """Whether what was told said "possibly coordinated"."""


class Unplanted(msgspec.Struct):
    """The stream by itself, over the days in which crises are planted."""

    stream: str
    months: float
    pages: list[int]
    notices: list[int]
    skipped: int
    """Moments at which somebody was paged already: nothing was planted."""
    seconds: float


def moments_of(stream: Stream, count: int, seed: int) -> list[int]:
    """Seeded moments to plant at, in order, on grid points; each leaves room for the hour that is watched."""
    rng = Random(f"{seed}/{stream.name}/moments")
    room = [max(0, until - WATCHED_MS - since) for since, until in stream.plantable]
    found = []
    for _ in range(count):
        at = rng.randrange(sum(room))
        for (since, _), length in zip(stream.plantable, room, strict=True):
            if at < length:
                found.append(floor(since + at, STEP_MS))
                break
            at -= length
    return sorted(found)


def run_stream(
    name: str,
    plants: Sequence[Plant],
    count: int,
    seed: int,
    done: Callable[[], object],
    pages_milli: int | None = None,
) -> tuple[list[Outcome], Unplanted]:
    """Run a stream, plant at `count` moments, and say what became of it. `done` is called after each moment."""
    began = time.process_time()
    stream = stream_of(name)
    contents, digest = contents_for(stream.brand, pages_milli)
    run = Run.begin(stream.brand, contents, digest, stream.days[0] * DAY_MS)
    waiting = moments_of(stream, count, seed)
    episodes, outcomes, skipped = Episodes(), [], 0
    for at_ms in range(stream.days[0] * DAY_MS, (stream.days[-1] + 1) * DAY_MS, HOUR_MS):
        parts = stream.hour(at_ms)
        while waiting and waiting[0] < at_ms + HOUR_MS:
            moment = waiting.pop(0)
            for decision in run.feed([p for p in parts if p.step * STEP_MS < moment], moment):
                episodes.see(decision)
            parts = [p for p in parts if p.step * STEP_MS >= moment]
            if is_paged(run):
                skipped += 1
            else:
                outcomes += split(run, stream, plants, moment, seed)
            done()
        for decision in run.feed(parts, at_ms + HOUR_MS):
            episodes.see(decision)
    months = sum(until - since for since, until in stream.plantable) / MONTH_MS
    pages, notices = ([t for t in told if _within(t, stream)] for told in (episodes.pages, episodes.notices))
    return outcomes, Unplanted(name, months, pages, notices, skipped, time.process_time() - began)


def _within(at_ms: int, stream: Stream) -> bool:
    return any(since <= at_ms < until for since, until in stream.plantable)


def split(run: Run, stream: Stream, plants: Sequence[Plant], moment: int, seed: int) -> list[Outcome]:
    """Let each plant happen at this moment, in a branch of its own."""
    snapshot, sealed = run.snapshot(), run.sealed
    until_ms = moment + WATCHED_MS
    base = [
        part
        for at_ms in range(floor(moment, HOUR_MS), until_ms, HOUR_MS)
        for part in stream.hour(at_ms)
        if moment <= part.step * STEP_MS < until_ms
    ]
    alone = {_mark(d) for d in run.split(snapshot, sealed).feed(base, until_ms) if tells(d)}
    usual_milli = stream.usual_milli[moment // HOUR_MS % 24]
    outcomes = []
    for plant in plants:
        label = f"{seed}/{stream.name}/{moment}"
        posts = plant.posts(moment, usual_milli, label)
        planted = parts_of(
            posts,
            step_ms=STEP_MS,
            source=stream.source,
            likes=plant.likes(moment, label),
        )
        branch = run.split(snapshot, sealed)
        outcome = watch(branch, [*base, *planted], plant, stream.name, moment, alone)
        outcome.angry = _angry(posts, moment + 10 * MINUTE_MS), _angry(posts, moment + HOUR_MS)
        outcomes.append(outcome)
    return outcomes


def _angry(posts: Sequence[Post], before_ms: int) -> int:
    return len({post.voice for post in posts if post.mood == -1 and post.at_ms < before_ms})


def _mark(decision: Decision) -> tuple[int, str]:
    return decision.at_ms, decision.kind


def watch(
    run: Run, parts: Sequence[StepPart], plant: Plant, name: str, moment: int, alone: set[tuple[int, str]]
) -> Outcome:
    """Feed until somebody is paged, or until the hour is over; what was told `alone` too does not count."""
    outcome = Outcome(name, plant.kind, plant.size_milli, plant.negative_milli, moment)
    for decision in run.feed(parts, moment + WATCHED_MS):
        if outcome.seen_ms < 0 and decision.scenario != BLIND and rank(decision.severity) >= rank("medium"):
            outcome.seen_ms = decision.at_ms - moment
        if not tells(decision) or _mark(decision) in alone:
            continue
        if outcome.notice_ms < 0:
            outcome.notice_ms = decision.at_ms - moment
        if decision.facts is not None and decision.facts.coordinated:
            outcome.coordinated = True
        if wakes(decision):
            outcome.page_ms = decision.at_ms - moment
            break
    return outcome


# --- running ----------------------------------------------------------------------------------------------------------
