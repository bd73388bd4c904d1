"""What happens in a run, by its seed: a crisis or two, what breaks, and what people do."""

import random
from collections.abc import Sequence
from functools import cache

from stream.codec import MINUTE_MS, rfc3339
from tests.acceptance.living import PEOPLE
from tests.simulation.faults import Mix, break_things
from tests.simulation.oracle import Oracle
from tests.simulation.past import BRANDS, START_MS, line_of
from tests.simulation.world import Batch, World
from tocsin.synthetic import crisis

POSTS = 24
"""As many angry posts as wake somebody, and a few more."""
FIRST_MS = 20_000
APART_MS = 25_000
BATCHES = 3


@cache
def lines_of(brand: str, variant: int) -> tuple[bytes, ...]:
    """The posts of a crisis, as their sender writes them."""
    # no two brands share a post
    rows = crisis(
        10 * BRANDS.index(brand) + variant, brand=brand, start_ms=START_MS, posts=POSTS * 4, negative_share=1.0
    )
    found = [row for row in rows if brand.casefold() in row["text"].casefold()][:POSTS]
    assert len(found) == POSTS
    for number, row in enumerate(found):
        row["created_at"] = rfc3339(START_MS + number * MINUTE_MS // POSTS)
    return tuple(line_of(row) for row in found)


def batches_of(brand: str, variant: int, start_ms: float) -> list[Batch]:
    """A crisis in pieces, as it comes in."""
    lines, size = lines_of(brand, variant), POSTS // BATCHES
    return [Batch(brand, start_ms + n * APART_MS, list(lines[n * size : (n + 1) * size])) for n in range(BATCHES)]


def tell(world: World, rng: random.Random, mix: Mix, without: Sequence[str] = ()) -> tuple[str, list[str]]:
    """Lay out a run: a crisis, people, and what breaks. Returns what people do, in words, and what breaks."""
    for brand in world.past.brands:
        world.batches += batches_of(brand, rng.randrange(8), START_MS + FIRST_MS + rng.uniform(0, 30_000))
    world.poll_ms = rng.choice([1_000, 4_000, 8_000])
    habit = _people(world, rng)
    return habit, break_things(world, rng, mix, without)


def _people(world: World, rng: random.Random) -> str:
    """Who does what when woken: mostly somebody has it after a while, sometimes nobody, sometimes everybody."""
    habit = rng.choice(["ana", "ana", "bram", "bram", "chloe", "nobody", "nobody", "two", "twice", "closes", "late"])
    after_ms = rng.choice([2_000, 20_000, 60_000, 118_000, 120_000, 121_000])
    woken: list[tuple[str, str]] = []

    def reacts(who: str, incident: str) -> None:
        if (who, incident) in woken:
            return
        woken.append((who, incident))
        for name, action, wait_ms in _acts(habit, who, after_ms):
            world.timeline.after(wait_ms, lambda name=name, action=action: world.press(name, action, incident))  # type: ignore[misc]

    world.reacts = reacts
    oracle = Oracle(world)
    settled: list[float] = []

    def over() -> bool:
        if not settled and oracle.is_settled():
            settled.append(world.timeline.now_ms)
        quiet_ms = world.timeline.now_ms - settled[0] if settled else 0
        return quiet_ms > world.lasts_ms and all(batch.accepted_ms for batch in world.batches)

    world.over = over
    return f"{habit} after {after_ms // 1000} s"


def _acts(habit: str, who: str, after_ms: float) -> list[tuple[str, str, float]]:
    """What follows when this person is woken: who presses what, and how long after."""
    first = who == "ana"
    match habit:
        case "two" if first:
            return [("ana", "acknowledge", after_ms), ("bram", "acknowledge", after_ms + 10)]
        case "twice" if first:
            return [
                ("ana", "acknowledge", after_ms),
                ("ana", "acknowledge", after_ms),
                ("ana", "own", after_ms + 3_000),
            ]
        case "closes" if first:
            return [("ana", "resolve", after_ms), ("bram", "acknowledge", after_ms + 5_000)]
        case "late" if who == "chloe":
            return [(name, "acknowledge", after_ms) for name in PEOPLE]
    return [(who, "acknowledge", after_ms)] if who == habit else []
