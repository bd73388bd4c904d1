"""The core is a fold: it can be cut anywhere, each brand stands alone, and what is idle costs nothing (rules 1, 4, 8).

Every story has a crisis, answers, pages that did not arrive, and a source that cannot be heard.
"""

from collections import Counter
from random import Random
from typing import Any

import msgspec
import pytest

from alerting.facts import BLIND
from detectors.panel import Panel
from stream.codec import DAY_MS, MINUTE_MS, canonical
from stream.mention import Mention
from stream.pulse import Counts, PulsePart
from stream.window import ClosedMinute
from tests.tocsin.stories import (
    START_MS,
    STEP_MS,
    Lived,
    apply_all,
    brands,
    chains_of,
    contents_of,
    lived,
    run,
)
from tocsin.engine import GUARD_LEAD_MS, Engine
from tocsin.entry import (
    Answer,
    ConfigChange,
    Control,
    ControlEvent,
    DeliveryReport,
    Entry,
    Event,
    Mark,
    Part,
    SourceReport,
)
from tocsin.state import Brand, Contents, snapshot_bytes, state_from

CUTS = 50
SEEDS = [
    *(1, 2),
    *(pytest.param(seed, marks=pytest.mark.slow) for seed in (3, 4)),
    *(pytest.param(seed, marks=pytest.mark.proof) for seed in range(5, 13)),
]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_story_has_a_crisis_answers_pages_that_did_not_arrive_and_a_blind_source(seed: int) -> None:
    """Else the laws below would promise little."""
    story = lived(seed)
    kinds = Counter(type(said.what) for said in story.log)
    assert kinds[Answer] > 0
    assert (kinds[SourceReport], kinds[ConfigChange]) == (2, 2)
    assert any(isinstance(s.what, DeliveryReport) and s.what.outcome == "failed" for s in story.log)
    assert {d.scenario == BLIND for d in story.decisions} == {True, False}
    assert any(d.kind in ("Page", "Escalate") and d.scenario != BLIND for d in story.decisions)


@pytest.mark.parametrize("seed", SEEDS)
def test_cut_and_restored_at_fifty_random_points_it_decides_the_same(seed: int) -> None:
    story = lived(seed)
    rng = Random(f"{seed}/cuts")
    contents = Contents(story.bodies)
    busy = [n for n, entry in enumerate(story.entries) if not isinstance(entry.event, Mark)]
    cuts = {*rng.sample(range(len(story.entries)), CUTS // 2), *rng.sample(busy, CUTS - CUTS // 2)}
    engine = Engine(step_ms=STEP_MS, contents=contents)
    decided = []
    for n, entry in enumerate(story.entries):
        decided += engine.apply(entry)
        if n in cuts:
            engine = Engine.restore(state_from(snapshot_bytes(engine.snapshot())), Contents(story.bodies))
    assert decided == story.decisions
    assert chains_of(engine) == story.chains
    assert snapshot_bytes(engine.snapshot()) == story.final


def test_cut_after_each_entry_of_a_crisis_it_decides_the_same() -> None:
    """Every seam between two entries around the first page, not only the lucky ones."""
    story = lived(1)
    paged_ms = next(d.at_ms for d in story.decisions if d.kind == "Page")
    first = next(n for n, e in enumerate(story.entries) if e.at_ms > paged_ms - 2 * MINUTE_MS)
    engine = apply_all(story.entries[:first], story.bodies).engine
    decided = []
    for entry in story.entries[first : first + 120]:
        engine = Engine.restore(state_from(snapshot_bytes(engine.snapshot())), Contents(story.bodies))
        decided += engine.apply(entry)
    until_ms = story.entries[first + 119].at_ms
    from_ms = story.entries[first].at_ms
    assert decided == [d for d in story.decisions if from_ms <= d.at_ms <= until_ms]
    assert any(d.kind == "Page" for d in decided)


def test_a_snapshot_twice_is_the_same_bytes_and_disturbs_nothing() -> None:
    story = lived(2)
    engine = Engine(step_ms=STEP_MS, contents=Contents(story.bodies))
    decided = []
    for n, entry in enumerate(story.entries):
        decided += engine.apply(entry)
        if n % 97 == 0:
            once = snapshot_bytes(engine.snapshot())
            assert snapshot_bytes(engine.snapshot()) == once
            assert snapshot_bytes(state_from(once)) == once
    assert decided == story.decisions
    assert snapshot_bytes(engine.snapshot()) == story.final


def test_a_snapshot_shares_nothing_with_the_engine_once_it_is_bytes() -> None:
    story = lived(2)
    half = len(story.entries) // 2
    ran = apply_all(story.entries[:half], story.bodies)
    body = snapshot_bytes(ran.engine.snapshot())
    kept = Engine.restore(state_from(body), Contents(story.bodies))
    for entry in story.entries[half:]:
        ran.engine.apply(entry)
    assert snapshot_bytes(kept.snapshot()) == body
    assert snapshot_bytes(ran.engine.snapshot()) != body


@pytest.mark.parametrize("seed", SEEDS[:2])
def test_the_bytes_of_a_decision_do_not_depend_on_which_object_holds_a_word(seed: int) -> None:
    """A word read back from a snapshot is another object than the same word in the code: the chain must not tell."""
    story = lived(seed)
    for value in (*story.decisions, *story.entries[-1500:]):
        assert canonical(_afresh(value)) == canonical(value)


def _afresh(value: Any) -> Any:
    """The same value, made of other objects."""
    if isinstance(value, str):
        return "".join(list(value))
    if isinstance(value, int) and not isinstance(value, bool):
        return int(str(value))
    if isinstance(value, tuple | list):
        return type(value)(_afresh(item) for item in value)
    if isinstance(value, dict):
        return {_afresh(key): _afresh(item) for key, item in value.items()}
    if isinstance(value, msgspec.Struct):
        return type(value)(**{name: _afresh(getattr(value, name)) for name in value.__struct_fields__})
    return value


@pytest.mark.parametrize(
    "seed",
    [1, pytest.param(2, marks=pytest.mark.slow), *(pytest.param(seed, marks=pytest.mark.proof) for seed in (3, 4, 5))],
)
def test_three_brands_in_one_run_decide_as_each_brand_alone(seed: int) -> None:
    story = lived(seed, 3, 60)
    told = {d.brand for d in story.decisions if d.kind in ("Page", "Notify") and d.scenario != BLIND}
    assert told == {b.name for b in story.brands}, f"seed {seed}: every brand must have something to decide"
    for brand in story.brands:
        own = [s for s in story.log if not isinstance(s.what, ControlEvent) or s.what.brand == brand.name]
        alone = run(own, [brand], story.bodies)
        assert alone.chains == {brand.name: story.chains[brand.name]}, f"seed {seed}: {brand.name}"
        assert alone.decisions == [d for d in story.decisions if d.brand == brand.name]


def test_the_order_of_brands_in_the_configuration_does_not_matter() -> None:
    story = lived(1, 3, 60)
    start = [s for s in story.log if isinstance(s.what, ConfigChange)][: len(story.brands)]
    log = [*reversed(start), *(s for s in story.log if not any(s is first for first in start))]
    turned = run(log, list(reversed(story.brands)), story.bodies)
    assert turned.chains == story.chains


def test_one_engine_over_the_parts_of_one_brand_alone_gives_its_chain() -> None:
    """Rule 4 at the core's own door: other brands' entries may be left out of a replay."""
    story = lived(1, 3, 60)
    items = [e.event for e in story.entries if isinstance(e.event, Part | Control)]
    counts = Counter((item.brand, item.step) for item in items)
    for brand in story.brands:
        events = [_only(entry.event, brand.name, counts) for entry in story.entries]
        alone = apply_all(_numbered(events), story.bodies)
        assert alone.chains == {brand.name: story.chains[brand.name]}


# --- guarded learning -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2])
def test_no_minute_of_an_incident_is_learnt_and_every_other_minute_is(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = lived(seed)
    taught: list[tuple[int, bool, bool]] = []
    real = Panel.learn

    def learn(self: Panel, closed: ClosedMinute, *, allowed: bool) -> None:
        taught.append((closed.pulse.start_ms, allowed, closed.pulse.complete))
        real(self, closed, allowed=allowed)

    monkeypatch.setattr(Panel, "learn", learn)
    apply_all(story.entries, story.bodies)
    assert [start for start, _, _ in taught] == sorted({start for start, _, _ in taught}), "each minute once, in order"
    guarded = _guarded(story)
    assert guarded
    for start_ms, allowed, _ in taught:
        inside = any(a < start_ms + MINUTE_MS and b > start_ms for a, b in guarded)
        assert allowed != inside, f"seed {seed}: the minute {(start_ms - START_MS) // MINUTE_MS}"
    assert not all(complete for _, _, complete in taught), "what was not heard is not complete"


def _guarded(story: Lived) -> list[tuple[int, int]]:
    """From half an hour before an incident of medium or more opened until it closed."""
    spans: list[tuple[int, int]] = []
    opened_ms, serious = 0, False
    for decision in story.decisions:
        if decision.scenario == BLIND:
            continue
        if decision.kind == "OpenIncident":
            opened_ms, serious = decision.at_ms, False
        serious = serious or decision.severity != "low"
        if decision.kind == "StandDown" and serious:
            spans.append((opened_ms - GUARD_LEAD_MS, decision.at_ms))
    if serious and not (spans and spans[-1][0] == opened_ms - GUARD_LEAD_MS):
        spans.append((opened_ms - GUARD_LEAD_MS, 2**53))
    return spans


def test_a_crisis_does_not_move_what_is_expected_of_an_hour() -> None:
    """The same public with and without a crisis ten times as large as its hours: the baseline hardly notices."""
    small, large = lived(2, 1, 150), lived(2, 1, 600)
    expected = []
    for story in (small, large):
        state = state_from(story.final).brands[story.brands[0].name].thawed()
        expected.append(Brand(state).panel.expected_per_hour(state.window))
    assert 4 <= expected[0] <= 16
    assert abs(expected[0] - expected[1]) <= 2


# --- what is idle costs nothing ---------------------------------------------------------------------------------------


class Counting(Engine):
    """An engine that counts its grid steps."""

    steps = 0

    def _step(self, brand: Brand, grid: int) -> list:  # type: ignore[type-arg]
        self.steps += 1
        return super()._step(brand, grid)


def test_an_idle_brand_costs_no_grid_steps() -> None:
    """A month of marks, one each step for an hour and one each day after: a brand without posts is never looked at."""
    bodies, configured = contents_of(brands(2))
    engine = Counting(step_ms=STEP_MS, contents=Contents(bodies))
    first = START_MS // STEP_MS
    events: list[Event] = [_control(n, first, ConfigChange(b, d, START_MS)) for n, (b, d) in enumerate(configured)]
    events.append(_mark(-1, first, {first: 2}))
    for step in range(first + 1, first + 720):
        events.append(_mark(step - 1, step, {}))
    for day in range(1, 31):
        upto = first + 719 + day * DAY_MS // STEP_MS
        events.append(_mark(upto - DAY_MS // STEP_MS, upto, {}))
    for entry in _numbered(events):
        engine.apply(entry)
    assert engine.steps == 2, "one look each, at its configuration"
    assert engine.sealing.complete_step == first + 719 + 30 * DAY_MS // STEP_MS


def test_a_brand_that_had_one_post_costs_one_more_step() -> None:
    bodies, configured = contents_of(brands(1))
    engine = Counting(step_ms=STEP_MS, contents=Contents(bodies))
    first = START_MS // STEP_MS
    name, digest = configured[0]
    part = PulsePart(counts=Counts(mentions=1, sources={"x": 1}))
    events: list[Event] = [
        _control(0, first, ConfigChange(name, digest, START_MS)),
        _mark(-1, first, {first: 1}),
        Part(0, "a", first + 9, name, START_MS - START_MS % MINUTE_MS, part),
        _mark(first, first + 9, {first + 9: 1}),
        _mark(first + 9, first + 30 * DAY_MS // STEP_MS, {}),
    ]
    for entry in _numbered(events):
        engine.apply(entry)
    assert engine.steps == 2


def test_the_steps_of_a_story_are_those_with_news_or_a_timer() -> None:
    """A quiet day is looked at when something came in, not 17,280 times."""
    story = lived(1)
    engine = Counting(step_ms=STEP_MS, contents=Contents(story.bodies))
    for entry in story.entries:
        engine.apply(entry)
    news = {(item.event.step) for item in story.entries if isinstance(item.event, Part | Control)}
    open_minutes = (story.entries[-1].at_ms - story.decisions[0].at_ms) // MINUTE_MS
    assert len(news) <= engine.steps <= len(news) + open_minutes + 20


# --- configuration ----------------------------------------------------------------------------------------------------


def test_what_came_in_before_a_brand_was_configured_waits_and_is_judged_then() -> None:
    story = lived(1)
    brand = story.brands[0].name
    change = next(s for s in story.log if isinstance(s.what, ConfigChange))
    posts = [s for s in story.log if isinstance(s.what, Mention)]
    late_ms = posts[40].observed_ms
    log = [*posts[:40], type(change)(late_ms, change.what), *posts[40:80]]
    ran = run(log, story.brands, story.bodies)
    window = ran.engine.brands[brand].window
    everything = sum(e.event.part.counts.mentions for e in ran.entries if isinstance(e.event, Part))
    assert everything > 40
    assert window.history + sum(m.counts.mentions for m in window.minutes.values()) > 0
    assert not ran.engine.brands[brand].pending


def test_a_configuration_that_the_journal_does_not_hold_is_loud() -> None:
    engine = Engine(step_ms=STEP_MS, contents=Contents({}))
    events: list[Event] = [_control(0, 5, ConfigChange("Acme", "f" * 64, 0)), _mark(-1, 5, {5: 1})]
    first, second = _numbered(events)
    engine.apply(first)
    with pytest.raises(KeyError):
        engine.apply(second)


def test_a_hole_or_a_repeat_in_the_entries_is_loud() -> None:
    engine = Engine(step_ms=STEP_MS, contents=Contents({}))
    engine.apply(Entry(1, 0, _mark(-1, 3, {})))
    for seq in (1, 3):
        with pytest.raises(ValueError, match="a hole or a repeat"):
            engine.apply(Entry(seq, 0, _mark(3, 4, {})))


def _control(number: int, step: int, event: ConfigChange) -> Control:
    return Control(partition=0, incarnation="a", step=step, brand=event.brand, number=number, event=event)


def _mark(from_step: int, upto: int, counts: dict[int, int]) -> Mark:
    return Mark(partition=0, incarnation="a", from_step=from_step, upto_step=upto, counts=counts)


def _numbered(events: list[Event | None]) -> list[Entry]:
    kept = [event for event in events if event is not None]
    return [Entry(n, 0, event) for n, event in enumerate(kept, 1)]


def _only(event: Event, brand: str, counts: Counter[tuple[str, int]]) -> Event | None:
    """The event as a journal without the other brands would hold it."""
    if isinstance(event, Part | Control):
        return event if event.brand == brand else None
    if isinstance(event, Mark):
        own = {step: counts[brand, step] for step in event.counts if counts[brand, step]}
        return _mark(event.from_step, event.upto_step, own)
    return event
