"""Any cut, batch or layout gives one chain (DESIGN T5): one partition or several, in any order.

The router here stands for a scaled deployment: mentions go by id into input partitions, each with an intake and marks
of its own; controls have a partition to themselves. `tocsin.sealing` decides what takes effect.
"""

import hashlib
from collections.abc import Iterable, Sequence
from random import Random

import msgspec
import pytest

import stream.combine
from alerting.facts import BLIND
from stream.codec import MINUTE_MS, canonical, decode
from stream.combine import Combined
from stream.mention import Mention
from tests.tocsin.stories import (
    STEP_MS,
    Lived,
    Ran,
    Said,
    apply_all,
    intake_of,
    lived,
    run,
)
from tocsin.entry import Control, ControlEvent, Entry, Event, Mark, Part, Tick

SEEDS = [
    1,
    *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 3)),
    *(pytest.param(seed, marks=pytest.mark.proof) for seed in range(4, 9)),
]
Chunks = dict[int, list[Event]]
"""Events by their step: what an incarnation of intake would write for it."""


# --- one partition ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [7, 1000])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_number_of_entries_in_a_commit_does_not_matter(seed: int, batch: int) -> None:
    story = lived(seed)
    ran = run(story.log, story.brands, story.bodies, batch=batch)
    assert ran.chains == story.chains
    assert ran.decisions == story.decisions
    assert ran.final == story.final, "not the decisions alone: the whole state"


@pytest.mark.parametrize("seed", SEEDS)
def test_beats_or_none_a_mark_for_each_step_or_one_over_a_whole_night(seed: int) -> None:
    story = lived(seed)
    bare = [s for s in story.log[:-1] if s.what is not None] + story.log[-1:]
    assert len(bare) < len(story.log)
    rng = Random(f"{seed}/beats")
    start_ms, end_ms = story.log[0].observed_ms, story.log[-1].observed_ms
    beats = [Said(rng.randrange(start_ms, end_ms), None) for _ in range(4000)]
    full = sorted([*bare, *beats], key=lambda s: s.observed_ms)
    for log in (bare, full):
        ran = run(log, story.brands, story.bodies)
        assert ran.chains == story.chains
        assert ran.decisions == story.decisions


@pytest.mark.parametrize("seed", SEEDS)
def test_entries_written_and_read_back_give_the_same_chain(seed: int) -> None:
    story = lived(seed)
    entries = [decode(canonical(entry), Entry) for entry in story.entries]
    assert entries == story.entries
    ran = apply_all(entries, story.bodies)
    assert ran.chains == story.chains
    assert ran.final == story.final


def test_a_part_with_many_keys_is_split_in_chunks_and_counts_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    story = lived(1)
    monkeypatch.setattr(stream.combine, "MAX_KEYS", 3)
    ran = run(story.log, story.brands, story.bodies)
    assert any(isinstance(e.event, Part) and e.event.chunk > 0 for e in ran.entries)
    assert ran.chains == story.chains


def test_a_stamp_that_goes_back_counts_as_known_now_and_is_not_lost() -> None:
    """DESIGN T2: when we knew is the running maximum. A part for a step already sealed would be dropped."""
    story = lived(1)
    posts = [s for s in story.log if isinstance(s.what, Mention)]
    back = posts[:200]
    for n in range(20, 200, 20):
        assert isinstance(back[n].what, Mention)
        stamp = back[n].observed_ms - 30 * MINUTE_MS
        back[n] = Said(stamp, msgspec.structs.replace(back[n].what, observed_ms=stamp))
    change = story.log[0]
    ran = run([change, *back], story.brands, story.bodies)
    assert ran.engine.sealing.dropped == 0
    steps = [e.event.step for e in ran.entries if isinstance(e.event, Part)]
    assert steps == sorted(steps)
    assert _mentions(ran) == _mentions(run([change, *posts[:200]], story.brands, story.bodies))


def _mentions(ran: Ran) -> int:
    return sum(e.event.part.counts.mentions for e in ran.entries if isinstance(e.event, Part))


# --- several partitions -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("partitions", [1, 3])
@pytest.mark.parametrize("seed", SEEDS)
def test_several_input_partitions_give_the_chain_of_one(seed: int, partitions: int) -> None:
    """Interleaved at random, written twice, by incarnations that die, come back or live on as zombies."""
    story = lived(seed)
    rng = Random(f"{seed}/{partitions}/layout")
    events = interleaved(rng, routed(rng, story, partitions, dies=True))
    ran = apply_all(numbered(events), story.bodies, partitions=range(partitions + 1))
    sealing = ran.engine.sealing
    assert sealing.dropped > 0, "the zombies must have written something"
    assert (sealing.waiting, sealing.held) == ([], {})
    assert ran.chains == story.chains, f"seed {seed}"
    assert ran.decisions == story.decisions


@pytest.mark.parametrize(
    "seed",
    [pytest.param(1, marks=pytest.mark.slow), *(pytest.param(seed, marks=pytest.mark.proof) for seed in (2, 3))],
)
def test_three_brands_over_five_partitions_give_the_chains_of_one(seed: int) -> None:
    story = lived(seed, 3, 60)
    rng = Random(f"{seed}/layout")
    events = interleaved(rng, routed(rng, story, 5, dies=True))
    ran = apply_all(numbered(events), story.bodies, partitions=range(6))
    assert ran.chains == story.chains, f"seed {seed}"


# --- forced ticks -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_a_forced_tick_is_part_of_the_live_run_and_its_replay_and_without_it_nothing_ever_stalled(seed: int) -> None:
    """One partition's marks lag for an hour from the crisis on, and a tick lets time pass each minute."""
    story = lived(seed)
    rng = Random(f"{seed}/ticks")
    events = stalled(rng, story)
    live = apply_all(numbered(events), story.bodies, partitions=range(3))
    assert live.engine.sealing.forced > 30
    assert live.chains != story.chains, (
        "decisions taken with half of the posts: the tick must show, or it proves nothing"
    )

    again = [decode(canonical(entry), Entry) for entry in live.entries]
    replayed = apply_all(again, story.bodies, partitions=range(3))
    assert replayed.chains == live.chains
    assert replayed.final == live.final

    calm = apply_all(numbered(e for e in events if not isinstance(e, Tick)), story.bodies, partitions=range(3))
    assert calm.chains == story.chains


def test_what_came_after_a_forced_tick_is_not_lost() -> None:
    story = lived(1)
    live = apply_all(numbered(stalled(Random(1), story)), story.bodies, partitions=range(3))
    calm = apply_all(story.entries, story.bodies)
    assert live.engine.sealing.dropped == 0
    assert _mentions(live) == _mentions(calm)
    late, on_time = (ran.engine.brands[story.brands[0].name].window for ran in (live, calm))
    assert late.history == on_time.history, "an hour late is within the open minutes: nothing went to history alone"


def stalled(rng: Random, story: Lived) -> list[Event]:
    """The story over two input partitions, where the second one's writes come an hour late during the crisis."""
    crisis_ms = next(d.at_ms for d in story.decisions if d.kind == "OpenIncident" and d.scenario != BLIND)
    stall = (crisis_ms // STEP_MS - 60, crisis_ms // STEP_MS + 660)
    streams = routed(rng, story, 2, dies=False)
    held_back: list[Event] = []
    events: list[Event] = []
    for minute in range(stall[0], stall[1], 12):
        until = minute + 12
        for n, stream_ in enumerate(streams):
            taken = _until(stream_, minute if minute == stall[0] else until)
            (held_back if n == 1 and minute > stall[0] else events).extend(taken)
        if minute > stall[0]:
            events.append(Tick(minute))
    events += held_back
    return events + interleaved(rng, streams)


def _until(events: list[Event], step: int) -> list[Event]:
    """Take from the front all that is sealed by marks up to a step."""
    ends = [n for n, event in enumerate(events) if isinstance(event, Mark) and event.upto_step <= step]
    cut = ends[-1] + 1 if ends else 0
    taken, events[:] = events[:cut], events[cut:]
    return taken


# --- the router -------------------------------------------------------------------------------------------------------


def routed(rng: Random, story: Lived, partitions: int, *, dies: bool) -> list[list[Event]]:
    """What the incarnations of each input partition write: one stream for each that lives."""
    last = story.log[-1].observed_ms // STEP_MS
    streams = []
    for partition in range(partitions + 1):
        own = [s for s in story.log if _home(s, partitions) == partition]
        chunks = _controls(own) if partition == partitions else _parts(story, own, last)
        if not dies:
            streams.append(_flat(_incarnation(rng, chunks, partition, "a", -1, last, twice=0.0)))
            continue
        first = _incarnation(rng, chunks, partition, "a", -1, last)
        cut = rng.randrange(len(first))
        # It dies in the middle of a step; who comes after it begins where it had committed, or further back.
        committed = [-1, *(e.upto_step for e in _flat(first[:cut]) if isinstance(e, Mark))]
        streams.append(_flat(first[:cut]) + first[cut][: rng.randrange(len(first[cut]))])
        for name in ("b", "zombie"):
            streams.append(_flat(_incarnation(rng, chunks, partition, name, rng.choice(committed), last)))
    return streams


def _flat(groups: Iterable[list[Event]]) -> list[Event]:
    return [event for group in groups for event in group]


def _home(said: Said, partitions: int) -> int:
    if isinstance(said.what, Mention):
        return int.from_bytes(hashlib.sha256(said.what.id.encode()).digest()[:4], "big") % partitions
    return partitions


def _parts(story: Lived, own: Iterable[Said], last: int) -> Chunks:
    intake = intake_of(story.brands)
    for offset, said in enumerate(own):
        assert isinstance(said.what, Mention)
        intake.take(said.what, offset)
    chunks: Chunks = {}
    for combined in intake.seal(last):
        chunks.setdefault(combined.step, []).append(_part(combined))
    return chunks


def _part(c: Combined) -> Part:
    return Part(0, "", c.step, c.brand, c.minute_ms, c.part, c.live, c.chunk)


def _controls(own: Iterable[Said]) -> Chunks:
    chunks: Chunks = {}
    for number, said in enumerate(s for s in own if isinstance(s.what, ControlEvent)):
        step = said.observed_ms // STEP_MS
        assert isinstance(said.what, ControlEvent)
        chunks.setdefault(step, []).append(Control(0, "", step, said.what.brand, number, said.what))
    return chunks


def _incarnation(
    rng: Random, chunks: Chunks, partition: int, name: str, start: int, last: int, twice: float = 0.1
) -> list[list[Event]]:
    """All steps from `start` on, cut by marks at random; within a cut in any order, and now and then twice."""
    groups: list[list[Event]] = []
    sealed, waiting = start, []
    for step in sorted(s for s in chunks if s > start):
        waiting.append(step)
        if rng.random() < 0.6:
            upto = step + (rng.randrange(4) if not any(step < s <= step + 4 for s in chunks) else 0)
            groups.append(_group(rng, chunks, partition, name, sealed, upto, waiting, twice))
            sealed, waiting = upto, []
    return [*groups, _group(rng, chunks, partition, name, sealed, max(last, sealed), waiting, twice)]


def _group(
    rng: Random, chunks: Chunks, partition: int, name: str, sealed: int, upto: int, steps: Sequence[int], twice: float
) -> list[Event]:
    items = [msgspec.structs.replace(item, partition=partition, incarnation=name) for s in steps for item in chunks[s]]
    counts = {step: len(chunks[step]) for step in steps}
    group: list[Event] = [*items, *(item for item in items if rng.random() < twice)]
    mark = Mark(partition=partition, incarnation=name, from_step=sealed, upto_step=upto, counts=counts)
    rng.shuffle(group)
    group.insert(rng.randrange(len(group) + 1) if rng.random() < 0.2 else len(group), mark)
    return group


def interleaved(rng: Random, streams: Sequence[list[Event]]) -> list[Event]:
    """One order in which the streams may be read: each in its own order, else at random, in uneven gulps."""
    left = [list(reversed(stream_)) for stream_ in streams if stream_]
    events: list[Event] = []
    while left:
        source = rng.choice(left)
        for _ in range(min(len(source), rng.choice((1, 1, 5, 40)))):
            events.append(source.pop())
        left = [stream_ for stream_ in left if stream_]
    return events


def numbered(events: Iterable[Event]) -> list[Entry]:
    """The events as entries."""
    return [Entry(n, 0, event) for n, event in enumerate(events, 1)]
