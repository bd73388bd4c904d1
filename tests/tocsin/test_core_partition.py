"""The fold of one entries partition without a broker: what it takes, what it refuses, and that it can be put away."""

import functools
from random import Random

import msgspec
import pytest

from stream.codec import CHAIN_START, canonical, decode, link
from tests.tocsin.stories import STEP_MS, Lived, lived
from tocsin.entry import ConfigChange, Control, Mark, Tick
from tocsin.scaled.anchors import Closing, newest, packed
from tocsin.scaled.core_partition import CorePartition, Decided, Kept, Place, Unknown, Unreadable
from tocsin.scaled.watchdog import Watchdog
from tocsin.state import Contents


@functools.cache
def bodies() -> tuple[bytes, ...]:
    """A story's entries, as they stand in the log."""
    return tuple(canonical(entry.event) for entry in lived(1).entries)


def fresh(story: Lived) -> CorePartition:
    """A partition with one input partition, of which nothing is known."""
    return CorePartition.fresh(inputs=1, step_ms=STEP_MS, contents=Contents(story.bodies))


def fold(core: CorePartition, upto: int) -> list[Decided]:
    """Apply the story's entries up to an offset that is not applied any more."""
    return [one for offset in range(core.next_offset, upto) for one in core.apply(offset, 0, bodies()[offset])]


def test_decisions_are_numbered_and_chained_by_brand() -> None:
    story = lived(1)
    found = fold(fresh(story), len(bodies()))
    chain = CHAIN_START
    for n, one in enumerate(found, 1):
        chain = link(chain, canonical(one.decision))
        assert (one.n, one.chain) == (n, chain)
    assert {story.brands[0].name: chain} == story.chains


@pytest.mark.parametrize("seed", range(3))
def test_put_away_anywhere_and_taken_up_again_it_decides_the_same(seed: int) -> None:
    """By its changes alone, which are what Redis is given, or whole, as an anchor."""
    story, rng = lived(1), Random(seed)
    whole = fold(fresh(story), len(bodies()))
    core, found, held = fresh(story), [], {}
    for cut in [*sorted(rng.sample(range(1, len(bodies())), 12)), len(bodies())]:
        found += fold(core, cut)
        held |= core.changed()
        kept = Kept(decode(canonical(core.meta()), type(core.meta())), dict(held))
        core.saved()
        assert core.changed() == {}
        if rng.random() < 0.5:
            anchored = newest(packed(core.kept(), 0))
            assert anchored is not None
            assert canonical(anchored.brands) == canonical(kept.brands)
            kept = anchored
        core = CorePartition.restored(kept, Contents(story.bodies))
    assert found == whole
    assert core.chain == functools.reduce(link, bodies(), CHAIN_START)


def test_what_is_no_entry_of_ours_changes_nothing_and_is_passed_over() -> None:
    story = lived(1)
    core, clean = fresh(story), fresh(story)
    fold(core, 300)
    before = canonical(core.kept().brands), core.place, core.chain
    stranger = canonical(Mark(partition=7, incarnation="x", from_step=-1, upto_step=9, counts={}))
    for bad in (b"", b"{", b"\xff\xfe", b'{"type":"tick"}', b'{"type":"tock","step":1}', b"[]", stranger):
        with pytest.raises(Unreadable):
            core.apply(300, 0, bad)
    assert (canonical(core.kept().brands), core.place, core.chain) == before
    core.skip(300, b"{")
    assert core.next_offset == 301
    rest = [one for offset, body in enumerate(bodies()[300:], 301) for one in core.apply(offset, 0, body)]
    assert rest == [
        msgspec.structs.replace(one, offset=one.offset + 1) for one in fold(clean, len(bodies())) if one.offset >= 300
    ]


def test_no_clock_that_is_ahead_takes_the_core_with_it() -> None:
    """Nor a worker who counts in finer steps: a tick counts as far as the brokers' stamp on it allows."""
    core = fresh(lived(1))
    fold(core, 300)
    next_step = core.engine.sealing.complete_step + 1
    now_ms = (next_step + 1) * STEP_MS + 15_000
    for step in (next_step + 2, next_step * 5 // 2):
        with pytest.raises(Unreadable, match="clock of a core worker"):
            core.apply(300, now_ms, canonical(Tick(step)))
    assert core.engine.sealing.complete_step == next_step - 1
    core.apply(300, now_ms, canonical(Tick(next_step)))
    assert core.engine.sealing.complete_step == next_step


def test_a_hole_or_a_repeat_is_refused() -> None:
    core = fresh(lived(1))
    fold(core, 10)
    for offset in (9, 11, 0):
        with pytest.raises(ValueError, match="a hole or a repeat"):
            core.apply(offset, 0, bodies()[10])
    assert core.next_offset == 10


def test_contents_that_nobody_has_are_waited_for() -> None:
    """Neither an entry nor a state that names them is taken; both are once they are known."""
    story = lived(1)
    contents = Contents({})
    core = CorePartition.fresh(inputs=1, step_ms=STEP_MS, contents=contents)
    at = next(n for n, body in enumerate(bodies()) if b'"type":"config"' in body)
    event = decode(bodies()[at], Control)
    assert isinstance(event.event, ConfigChange)
    fold(core, at)
    for _ in range(2):
        with pytest.raises(Unknown, match=event.event.digest[:12]):
            core.apply(at, 0, bodies()[at])
    for body in story.bodies.values():
        contents.put(body)
    fold(core, 400)
    with pytest.raises(Unknown):
        CorePartition.restored(core.kept(), Contents({}))


def test_in_a_new_log_the_state_goes_on_in_a_new_generation() -> None:
    story = lived(1)
    core = fresh(story)
    fold(core, 500)
    brands = canonical(core.kept().brands)
    core.begin_log()
    assert core.place == Place(1, -1) > Place(0, 499)
    assert canonical(core.kept().brands) == brands
    mark = Mark(partition=0, incarnation="new", from_step=-1, upto_step=core.engine.sealing.marks[0] + 1, counts={})
    core.apply(0, 0, canonical(mark))
    assert core.engine.sealing.marks[0] == mark.upto_step, "its first mark follows nothing, and holds"


# --- anchors ----------------------------------------------------------------------------------------------------------


def test_an_anchor_cut_off_anywhere_leaves_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tocsin.scaled.anchors.CHUNK_BYTES", 2_000)
    story = lived(1)
    core = fresh(story)
    fold(core, 800)
    old = packed(core.kept(), 0)
    fold(core, 1_600)
    new = packed(core.kept(), 1)
    assert len(new) > 3, "in several pieces, or nothing is cut"
    for cut in range(len(new)):
        found = newest([*old, *new[:cut]])
        assert found is not None
        assert found.place == Place(0, 799)
    whole = newest([*new, *old])
    assert whole is not None
    assert whole.place == Place(0, 1_599)


def test_an_anchor_that_another_worker_wrote_into_is_not_believed() -> None:
    core = fresh(lived(1))
    fold(core, 800)
    first = packed(core.kept(), 0)
    fold(core, 1_600)
    second = packed(core.kept(), 0)
    assert newest([first[0], *second[1:]]) is None
    assert newest([]) is None
    other = msgspec.structs.replace(decode(second[-1][1], Closing), format=99)
    assert newest([*second[:-1], (second[-1][0], canonical(other))]) is None, "of another version"


def test_a_partition_that_gets_on_or_has_nothing_to_do_never_stands_still() -> None:
    watch = Watchdog(stalled_s=10)
    for second in range(100):
        assert not watch.looked(0, lag=500 - second, progress=second, now_s=float(second))
        assert not watch.looked(1, lag=0, progress=0, now_s=float(second))
    assert not watch.looked(0, lag=1, progress=99, now_s=108.0)
    watch.forget()
    assert not watch.looked(0, lag=1, progress=99, now_s=115.0), "nothing can be said of the time that nobody saw"
    assert watch.looked(0, lag=1, progress=99, now_s=125.0)
