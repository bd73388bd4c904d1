"""The sequencer: steps are sealed by what comes later, written before they are applied, taken up where they ended."""

from collections.abc import Sequence
from itertools import pairwise
from random import Random

import pytest

from alerting.decision import Decision
from stream.mention import Mention
from stream.names import REPLAY_KEY, Names
from stream.sources.text_store import StoredPost, TextStore
from tests.mentions import mention
from tests.tocsin.stories import (
    START_MS,
    STEP_MS,
    Bench,
    Lived,
    Said,
    Tape,
    apply_all,
    brands,
    chains_of,
    contents_of,
    intake_of,
    lived,
)
from tocsin.engine import Engine
from tocsin.entry import Answer, ConfigChange, Control, Entry, Event, Mark, Part
from tocsin.intake import Intake
from tocsin.sequencer import Sequencer
from tocsin.state import Contents

NAME = brands()[0].name


def post(number: int, step: int, text: str = "Tulpatel is down") -> Mention:
    return mention(number, at_ms=START_MS + step * STEP_MS + 17, text=text)


def bench() -> Bench:
    return Bench(brands(), Contents(contents_of(brands())[0]))


def marks(of: Bench) -> list[Mark]:
    return [e.event for e in of.tape.entries if isinstance(e.event, Mark)]


# --- sealing ----------------------------------------------------------------------------------------------------------


def test_a_step_is_sealed_by_a_record_of_a_later_one() -> None:
    it = bench()
    for n, step in enumerate((0, 0, 0)):
        it.feed(Said(0, post(n, step)))
    assert [m.counts for m in marks(it)] == [{}], "all steps before the first record"
    it.feed(Said(START_MS + STEP_MS, None))
    assert marks(it)[-1].counts == {START_MS // STEP_MS: 1}


def test_a_beat_within_the_open_step_seals_nothing() -> None:
    it = bench()
    it.feed(Said(0, post(1, 3)))
    before = len(it.tape.entries)
    it.feed(Said(START_MS + 4 * STEP_MS - 1, None))
    assert len(it.tape.entries) == before
    it.feed(Said(START_MS + 4 * STEP_MS, None))
    assert len(it.tape.entries) == before + 2


def test_marks_follow_each_other_without_a_gap_and_name_what_was_written() -> None:
    story = lived(1)
    written: dict[int, int] = {}
    sealed = -1
    for entry in story.entries:
        event = entry.event
        if isinstance(event, Part | Control):
            assert event.step > sealed
            written[event.step] = written.get(event.step, 0) + 1
        elif isinstance(event, Mark):
            assert (event.from_step, event.counts) == (sealed, written)
            assert event.upto_step > sealed
            sealed, written = event.upto_step, {}
    assert not written


def test_entries_bear_the_time_at_which_their_step_was_over() -> None:
    story = lived(1)
    assert all(a.at_ms <= b.at_ms for a, b in pairwise(story.entries))
    for entry in story.entries:
        assert entry.at_ms % STEP_MS == 0
        if isinstance(entry.event, Mark):
            assert entry.at_ms == (entry.event.upto_step + 1) * STEP_MS


def test_no_decision_is_taken_before_its_grid_point_is_sealed_and_none_is_late() -> None:
    """A decision's time is a grid point; the entry that led to it sealed all that was known before."""
    story = lived(1)
    engine = Engine(step_ms=STEP_MS, contents=Contents(story.bodies))
    for entry in story.entries:
        before = engine.sealing.done
        for decision in engine.apply(entry):
            assert decision.at_ms % STEP_MS == 0
            assert (before + 1) * STEP_MS < decision.at_ms <= (engine.sealing.done + 1) * STEP_MS


def test_controls_of_one_step_keep_their_order() -> None:
    it = bench()
    ((_, digest),) = contents_of(brands())[1]
    it.feed(Said(START_MS, ConfigChange(NAME, digest, START_MS)))
    for n in range(12):
        it.feed(Said(START_MS + n, Answer(f"c{n}", NAME, "tulpatel-1", "own", "anna", START_MS + n)))
    it.end()
    controls = [e.event for e in it.tape.entries if isinstance(e.event, Control)]
    assert [c.number for c in controls] == list(range(13))
    assert [c.event.id for c in controls if isinstance(c.event, Answer)] == [f"c{n}" for n in range(12)]


# --- written before it is applied -------------------------------------------------------------------------------------


class Witness(Tape):
    """Notes what was done in which order."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[str] = []

    def append(self, events: Sequence[tuple[int, Event]]) -> list[Entry]:
        self.done.append(f"append {len(events)}")
        return super().append(events)

    def record(self, decided: Sequence[tuple[int, Decision]], *, applied_seq: int) -> int:
        self.done.append(f"record up to {applied_seq}")
        return super().record(decided, applied_seq=applied_seq)

    def save_snapshot(self, engine: Engine) -> None:
        self.done.append(f"snapshot at {engine.seq}")


class WitnessedTexts(TextStore):
    """A text store that tells the same witness."""

    def __init__(self, witness: Witness) -> None:
        super().__init__(None)
        self._witness = witness

    def put(self, posts: Sequence[StoredPost]) -> None:
        self._witness.done.append(f"texts {len(posts)}")
        super().put(posts)


def test_texts_then_entries_then_decisions_then_the_record_of_them() -> None:
    """A crash between any two of these may repeat something, and loses nothing (DESIGN rules 2 and 5)."""
    witness = Witness()
    texts = WitnessedTexts(witness)
    bodies, ((_, digest),) = contents_of(brands())
    sequencer = Sequencer(
        journal=witness,
        engine=Engine(step_ms=STEP_MS, contents=Contents(bodies)),
        intake=Intake(brands(), Names(REPLAY_KEY), step_ms=STEP_MS),
        texts=texts,
        step_ms=STEP_MS,
        incarnation="a",
        sink=lambda decided: witness.done.append(f"sink {len(decided)}"),
        snapshot_every=5,
    )
    sequencer.control(ConfigChange(NAME, digest, START_MS), observed_ms=START_MS, offset=0)
    witness.done.clear()
    sequencer.mention(post(1, 0), offset=1)
    sequencer.mention(post(2, 1), offset=2)
    assert witness.done == ["texts 1", "append 3", "sink 0", "record up to 4"]
    witness.done.clear()
    sequencer.close(offset=3)
    assert witness.done == ["texts 1", "append 2", "sink 0", "record up to 6", "snapshot at 6"]


def test_a_deleted_post_is_out_of_the_text_store_before_its_step_is_journaled() -> None:
    texts = TextStore(None)
    intake = Intake(brands(), Names(REPLAY_KEY), step_ms=STEP_MS)
    tape = Tape()
    sequencer = Sequencer(
        journal=tape,
        engine=Engine(step_ms=STEP_MS, contents=Contents(contents_of(brands())[0])),
        intake=intake,
        texts=texts,
        step_ms=STEP_MS,
        incarnation="a",
        sink=lambda _: None,
    )
    name = Names(REPLAY_KEY).mention("x:1")
    sequencer.mention(post(1, 0), offset=1)
    sequencer.mention(post(2, 1), offset=2)
    assert texts.get([name])
    gone = mention(1, at_ms=START_MS + STEP_MS + 900, text="", kind="delete")
    sequencer.mention(gone, offset=3)
    sequencer.close(offset=4)
    assert not texts.get([name])


@pytest.mark.parametrize("batch", [1, 5, 50])
def test_a_commit_waits_for_its_batch_and_never_splits_a_step(batch: int) -> None:
    sizes: list[int] = []

    class Sizes(Tape):
        def append(self, events: Sequence[tuple[int, Event]]) -> list[Entry]:
            sizes.append(len(events))
            assert isinstance(events[-1][1], Mark), "a commit ends with a mark: a restart needs to know where to go on"
            return super().append(events)

    it = Bench(brands(), Contents(contents_of(brands())[0]), batch=batch)
    it.sequencer._journal = Sizes()
    for step in range(100):
        it.feed(Said(0, post(step, step)))
    it.end()
    assert all(size >= batch for size in sizes[:-1])
    assert sum(sizes) == 1 + 2 * 100


# --- restart ----------------------------------------------------------------------------------------------------------


def taken_up(story: Lived, journaled: int) -> tuple[dict[str, str], list[Decision]]:
    """What becomes of a story whose process died with so many entries on the disk (the last one a mark)."""
    kept = story.entries[:journaled]
    last = kept[-1].event
    assert isinstance(last, Mark)
    before = apply_all(kept, story.bodies)
    cursor = last.offset  # 1-based, as the bench counts: the first record that is to be read again
    intake = intake_of(story.brands)
    for offset, said in enumerate(story.log[: cursor - 1], 1):
        if isinstance(said.what, Mention):
            intake.remember(said.what, offset)
    again = Bench(story.brands, Contents(story.bodies))
    tape = Tape()
    tape._seq = journaled
    again.sequencer = Sequencer(
        journal=tape,
        engine=before.engine,
        intake=intake,
        texts=TextStore(None),
        step_ms=STEP_MS,
        incarnation="b",
        sink=again.decided.extend,
    )
    again._offset = cursor - 1
    for said in story.log[cursor - 1 :]:
        again.feed(said)
    again.end()
    return chains_of(before.engine), before.decisions + again.decided


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 6))])
def test_after_a_crash_at_any_mark_the_story_goes_on_as_if_nothing_had_happened(seed: int) -> None:
    """The log is read again from the offset that the last mark names; what is sealed is known again, not counted."""
    story = lived(seed)
    ends = [n for n, entry in enumerate(story.entries, 1) if isinstance(entry.event, Mark)]
    rng = Random(f"{seed}/crashes")
    for journaled in [ends[0], *rng.sample(ends, 3)]:
        chains, decisions = taken_up(story, journaled)
        assert chains == story.chains, f"seed {seed}: died after entry {journaled}"
        assert decisions == story.decisions
