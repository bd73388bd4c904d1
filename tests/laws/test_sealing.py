"""Parts take effect once, through the first mark that names them, whatever crashes, repeats and zombies do (T3)."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.codec import canonical, decode
from stream.pulse import Counts, PulsePart
from tocsin.entry import Control, Mark, Part, SourceReport, Tick
from tocsin.sealing import Sealing

STEPS = 12


def part(step: int, brand: str, *, by: str, partition: int = 0, chunk: int = 0) -> Part:
    body = PulsePart(counts=Counts(mentions=step + 1))
    return Part(partition=partition, incarnation=by, step=step, brand=brand, minute_ms=0, part=body, chunk=chunk)


def mark(from_step: int, upto: int, counts: dict[int, int], *, by: str, partition: int = 0) -> Mark:
    return Mark(partition=partition, incarnation=by, from_step=from_step, upto_step=upto, counts=counts)


def test_a_part_waits_for_its_mark() -> None:
    sealing = Sealing(marks={0: -1})
    assert sealing.take(part(3, "acme", by="a")) == []
    effective = sealing.take(mark(-1, 4, {3: 1}, by="a"))
    assert [(step, item.brand) for step, item in effective] == [(3, "acme")]


def test_a_mark_waits_for_every_part_that_it_names() -> None:
    sealing = Sealing(marks={0: -1})
    assert sealing.take(mark(-1, 3, {3: 2}, by="a")) == []
    assert sealing.take(part(3, "acme", by="a")) == []
    assert len(sealing.take(part(3, "bolt", by="a"))) == 2
    assert sealing.complete_step == 3


def test_a_mark_never_takes_another_incarnations_parts() -> None:
    sealing = Sealing(marks={0: -1})
    sealing.take(part(3, "acme", by="zombie"))
    assert sealing.take(mark(-1, 3, {3: 1}, by="a")) == []
    assert len(sealing.take(part(3, "acme", by="a"))) == 1


def test_the_first_mark_wins_and_what_comes_for_sealed_steps_is_dropped_and_counted() -> None:
    sealing = Sealing(marks={0: -1})
    for by in ("a", "b"):
        sealing.take(part(3, "acme", by=by))
    assert len(sealing.take(mark(-1, 3, {3: 1}, by="b"))) == 1
    assert sealing.take(mark(-1, 3, {3: 1}, by="a")) == []
    assert sealing.take(part(3, "acme", by="a")) == []
    assert (sealing.dropped, sealing.held, sealing.waiting) == (1, {}, [])


def test_a_gap_between_marks_waits_loudly() -> None:
    sealing = Sealing(marks={0: -1})
    sealing.take(mark(4, 6, {}, by="a"))
    assert (sealing.complete_step, len(sealing.waiting)) == (-1, 1)
    sealing.take(mark(-1, 4, {}, by="a"))
    assert (sealing.complete_step, sealing.waiting) == (6, [])


def test_time_is_the_least_mark_of_all_partitions_until_a_tick_forces_it() -> None:
    sealing = Sealing(marks={0: -1, 1: -1})
    sealing.take(mark(-1, 9, {}, by="a", partition=0))
    assert sealing.complete_step == -1
    sealing.take(Tick(5))
    assert (sealing.complete_step, sealing.forced) == (5, 1)


def test_what_comes_after_a_forced_tick_joins_the_next_grid_point() -> None:
    sealing = Sealing(marks={0: -1})
    sealing.take(Tick(8))
    sealing.pass_time()
    sealing.take(part(3, "acme", by="a"))
    effective = sealing.take(mark(-1, 4, {3: 1}, by="a"))
    assert [step for step, _ in effective] == [9]


def test_controls_of_a_step_keep_the_order_in_which_they_were_said() -> None:
    sealing = Sealing(marks={0: -1})
    for number in (2, 10, 0, 1):
        report = SourceReport(brand="acme", source=f"s{number}", status="ok", at_ms=0)
        sealing.take(Control(partition=0, incarnation="a", step=1, brand="acme", number=number, event=report))
    effective = sealing.take(mark(-1, 1, {1: 4}, by="a"))
    assert [item.number for _, item in effective if isinstance(item, Control)] == [0, 1, 2, 10]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_every_part_takes_effect_exactly_once_under_crashes_zombies_repeats_and_splits(seed: int) -> None:
    """Incarnations die and come back at any earlier mark, live on as zombies, send twice and in any order."""
    rng = random.Random(seed)
    truth = {
        (p, step): [(b, c) for b in ("acme", "bolt") if rng.random() < 0.5 for c in range(rng.choice([1, 1, 3]))]
        for p in (0, 1)
        for step in range(STEPS)
    }
    streams = [_incarnation(rng, truth, p, f"i{p}{n}") for p in (0, 1) for n in range(rng.randrange(1, 4))]
    streams += [_incarnation(rng, truth, p, f"last{p}", start=-1, dies=False) for p in (0, 1)]
    sealing = Sealing(marks={0: -1, 1: -1})
    seen: list[tuple[int, int, str, int]] = []
    passed = -1
    while any(streams):
        event = rng.choice([s for s in streams if s]).pop(0)
        if rng.random() < 0.1:
            sealing = decode(canonical(sealing), Sealing)
        for step, item in sealing.take(event):
            assert isinstance(item, Part)
            assert step == item.step > passed
            seen.append((item.partition, item.step, item.brand, item.chunk))
        passed = sealing.pass_time()
    expected = sorted((p, step, b, c) for (p, step), items in truth.items() for b, c in items)
    assert sorted(seen) == expected, f"seed {seed}"
    assert (sealing.complete_step, sealing.held) == (STEPS - 1, {}), f"seed {seed}"


def _incarnation(
    rng: random.Random,
    truth: dict[tuple[int, int], list[tuple[str, int]]],
    partition: int,
    by: str,
    *,
    start: int | None = None,
    dies: bool = True,
) -> list[Part | Mark]:
    """What one incarnation writes: parts of a few steps in any order, then a mark for them; it may die midway."""
    sealed = rng.randrange(-1, STEPS - 1) if start is None else start
    out: list[Part | Mark] = []
    while sealed < STEPS - 1:
        upto = min(STEPS - 1, sealed + rng.randrange(1, 5))
        parts = [
            part(step, b, by=by, partition=partition, chunk=c)
            for step in range(sealed + 1, upto + 1)
            for b, c in truth[partition, step]
        ]
        counts = {step: len(truth[partition, step]) for step in range(sealed + 1, upto + 1) if truth[partition, step]}
        repeats = [p for p in parts if rng.random() < 0.2]
        batch: list[Part | Mark] = [*parts, *repeats, mark(sealed, upto, counts, by=by, partition=partition)]
        rng.shuffle(batch)
        out += batch
        sealed = upto
    return out[: rng.randrange(len(out) + 1)] if dies else out


def test_a_snapshot_of_the_protocol_goes_on_as_if_nothing_had_happened() -> None:
    sealing = Sealing(marks={0: -1})
    sealing.take(part(1, "acme", by="a"))
    again = decode(canonical(sealing), Sealing)
    seal = mark(-1, 1, {1: 1}, by="a")
    assert canonical(again.take(seal)) == canonical(sealing.take(seal))


@pytest.mark.parametrize("step", [0, 5])
def test_a_tick_behind_the_marks_changes_nothing(step: int) -> None:
    sealing = Sealing(marks={0: -1})
    sealing.take(mark(-1, 6, {}, by="a"))
    sealing.take(Tick(step))
    assert (sealing.complete_step, sealing.forced) == (6, 0)
