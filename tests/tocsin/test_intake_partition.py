"""One input partition of a scaled deployment, without a broker: records in, sealed steps out."""

from collections import Counter
from collections.abc import Sequence
from random import Random

import msgspec
import pytest

from stream.kafka.clients import Brokers
from stream.kafka.cuts import Cut, Outgoing, Place, PlaceError
from stream.kafka.places import Resumed, hold_names
from stream.kafka.records import InputRecord
from stream.kafka.topics import Layout
from stream.mention import Mention
from stream.names import Names
from stream.repeats import Repeats
from tests.mentions import line_of, mention
from tests.tocsin.stories import NAMES, STEP_MS, Said, _scoring, brands, chains_of, lived, run
from tocsin.engine import Engine
from tocsin.entry import Control, Entry, Event, Mark, Part
from tocsin.intake import Intake, Judges, judges_of
from tocsin.scaled.intake_partition import PartitionIntake
from tocsin.scaled.text_order import PURGE, Read, read_of
from tocsin.state import Contents

LAYOUT = Layout("t.", mentions=1, entries=3, replication=1)
FRESH = Resumed(0, -1, -1, None)
BASE_MS = 1_767_225_600_000


def partition(at: Resumed = FRESH, number: int = 0, name: str = "a", *, keep_posts: bool = False) -> PartitionIntake:
    """An incarnation of an input partition."""
    of = brands(2)
    judges = Judges(judges_of(of, NAMES).matcher, _scoring(tuple(of)))

    def make(repeats: Repeats) -> Intake:
        return Intake(of, NAMES, step_ms=STEP_MS, keep_posts=keep_posts, judges=judges, repeats=repeats)

    brokers = Brokers("nowhere:1", LAYOUT)
    return PartitionIntake(
        number, name, at, brokers=brokers, names=NAMES, step_ms=STEP_MS, make=make, counts=Counter(), letters=Counter()
    )


def record(offset: int, at_ms: int, what: object = None, number: int = 0) -> InputRecord:
    """One record as it is read."""
    if isinstance(what, Mention):
        return InputRecord(number, offset, at_ms, "mention", what.source, line_of(what))
    if what is None:
        return InputRecord(number, offset, at_ms, "beat", "", b"")
    return InputRecord(number, offset, at_ms, "control", "", msgspec.json.encode(what))


def post(number: int, at_ms: int, text: str = "Tulpatel is down, awful") -> Mention:
    """A post about a brand."""
    return mention(number, at_ms=at_ms, text=text)


def events(records: Sequence[Outgoing]) -> list[Event]:
    """The entries among what is written."""
    return [msgspec.json.decode(one.value or b"", type=Event) for one in records if one.topic == "t.entries"]


def fed(engines: Sequence[Engine], cut: Cut) -> None:
    """Let the engines of all entries partitions read what a cut holds."""
    for one in (*cut.contents, *cut.marks):
        if one.topic == "t.entries":
            engine = engines[one.partition]
            engine.apply(Entry(engine.seq + 1, 0, msgspec.json.decode(one.value or b"", type=Event)))


def test_a_record_of_a_later_step_seals_and_the_place_is_its_own() -> None:
    it = partition()
    it.take(record(10, BASE_MS + 100, post(1, BASE_MS)))
    first = it.seal()
    assert first is not None
    assert first.place == Place(10, BASE_MS // STEP_MS - 1, BASE_MS + 100, STEP_MS, NAMES.fingerprint)
    assert not first.contents, "the step of the first record is open"
    it.take(record(11, BASE_MS + 4_999))
    assert it.seal() is None
    it.take(record(12, BASE_MS + 5_000))
    it.take(record(13, BASE_MS + 5_001))
    second = it.seal()
    assert second is not None
    assert second.place == Place(12, BASE_MS // STEP_MS, BASE_MS + 5_000, STEP_MS, NAMES.fingerprint)
    assert [type(event) for event in events(second.contents)] == [Part]


def test_every_entries_partition_gets_a_mark_that_names_its_own_parts_alone() -> None:
    it = partition()
    it.take(record(0, BASE_MS, post(1, BASE_MS, "Tulpatel and Noordbank are down")))
    it.take(record(1, BASE_MS + STEP_MS))
    cut = it.seal()
    assert cut is not None
    homes = {one.partition: events([one])[0] for one in cut.contents}
    assert len(homes) == 2, "choose brands that live apart"
    marks = {one.partition: events([one])[0] for one in cut.marks}
    assert sorted(marks) == [0, 1, 2]
    for home, mark in marks.items():
        assert isinstance(mark, Mark)
        assert sum(mark.counts.values()) == (home in homes)
        assert (mark.from_step, mark.upto_step) == (-1, BASE_MS // STEP_MS)


@pytest.mark.parametrize("seed", [1, 2])
def test_it_does_not_matter_how_many_records_are_taken_between_two_seals(seed: int) -> None:
    story = lived(1)
    log = story.log[:900]
    chains = run(log, story.brands, story.bodies).chains
    rng = Random(f"{seed}/gulps")
    inputs = range(LAYOUT.inputs)
    engines = [
        Engine(step_ms=STEP_MS, partitions=inputs, contents=Contents(story.bodies)) for _ in range(LAYOUT.entries)
    ]
    both = [partition(number=number) for number in inputs]
    for offset, said in enumerate([*log, Said(log[-1].observed_ms + STEP_MS, None)]):
        for it in both:
            if said.what is None or isinstance(said.what, Mention) == (it.number == 0):
                it.take(record(offset, said.observed_ms, said.what, it.number))
            if (rng.random() < 0.05 or offset == len(log)) and (cut := it.seal()) is not None:
                fed(engines, cut)
    assert {name: chain for engine in engines for name, chain in chains_of(engine).items()} == chains


def test_a_stamp_that_goes_back_counts_as_known_with_the_one_before() -> None:
    it = partition()
    it.take(record(0, BASE_MS + 7_000))
    it.take(record(1, BASE_MS + 1_000, post(1, BASE_MS)))
    it.take(record(2, BASE_MS + 10_000))
    cut = it.seal()
    assert cut is not None
    part = events(cut.contents)[0]
    assert isinstance(part, Part)
    assert part.step == (BASE_MS + 7_000) // STEP_MS


def test_after_a_wipe_nothing_counts_in_a_step_that_was_sealed_and_the_first_mark_follows_nothing() -> None:
    sealed = BASE_MS // STEP_MS + 100
    it = partition(Resumed(0, -1, sealed, None, "wiped"))
    it.take(record(0, BASE_MS, post(1, BASE_MS)))
    it.take(record(1, BASE_MS + 102 * STEP_MS))
    cut = it.seal()
    assert cut is not None
    part, mark = events(cut.contents)[0], events(cut.marks)[0]
    assert isinstance(part, Part)
    assert isinstance(mark, Mark)
    assert (part.step, mark.from_step) == (sealed + 1, -1)


def test_controls_keep_their_order_and_wait_for_their_step() -> None:
    story = lived(1)
    said = [one for one in story.log if one.what is not None and not isinstance(one.what, Mention)][:4]
    it = partition(number=1)
    for n, one in enumerate(said[:3]):
        it.take(record(n, BASE_MS + n, one.what, 1))
    it.take(record(3, BASE_MS + STEP_MS, said[3].what, 1))
    cut = it.seal()
    assert cut is not None
    found = [event for event in events(cut.contents) if isinstance(event, Control)]
    assert [event.event for event in found] == [one.what for one in said[:3]]
    assert [event.number for event in found] == [0, 1, 2]
    it.take(record(4, BASE_MS + 2 * STEP_MS, None, 1))
    later = it.seal()
    assert later is not None
    assert [event.event for event in events(later.contents) if isinstance(event, Control)] == [said[3].what]


def test_a_text_goes_before_the_parts_and_a_deleted_one_leaves_a_tombstone() -> None:
    it = partition(keep_posts=True)
    it.take(record(0, BASE_MS, post(1, BASE_MS)))
    it.take(record(1, BASE_MS + STEP_MS))
    cut = it.seal()
    assert cut is not None
    assert [one.topic for one in cut.contents] == ["t.texts", "t.entries"]
    name = NAMES.mention("x:1").encode()
    assert (cut.contents[0].key, b"awful" in (cut.contents[0].value or b"")) == (name, True)
    it.take(record(2, BASE_MS + STEP_MS, mention(1, at_ms=BASE_MS, text="", kind="delete")))
    it.take(record(3, BASE_MS + 2 * STEP_MS))
    gone = it.seal()
    assert gone is not None
    assert (gone.contents[0].topic, gone.contents[0].key, gone.contents[0].value) == ("t.texts", name, None)
    assert gone.contents[0].partition == cut.contents[0].partition, "or it would bury nothing"
    assert [read_of(one.contents[0].headers) for one in (cut, gone)] == [Read(0, 1), Read(0, 3)], "which is older"


def test_what_is_no_mention_and_no_control_is_buried_and_counted() -> None:
    it = partition()
    it.take(InputRecord(0, 0, BASE_MS, "mention", "forum", b"{oops"))
    it.take(InputRecord(0, 1, BASE_MS, "mention", "forum", b""))
    assert buried(it, 2) == ["not_json", "no_value"]
    it = partition(number=1)
    it.take(InputRecord(1, 0, BASE_MS, "control", "", b'{"type":"nonsense"}'))
    it.take(InputRecord(1, 1, BASE_MS, "control", "", b""))
    assert buried(it, 2) == ["not_control", "not_control"]


def buried(it: PartitionIntake, offset: int) -> list[str]:
    """Why the records before this offset became dead letters; nothing else came of them, and the step goes on."""
    it.take(record(offset, BASE_MS + STEP_MS, None, it.number))
    cut = it.seal()
    assert cut is not None
    assert cut.place.offset == offset
    assert {one.topic for one in cut.contents} <= {"t.dead-letters"}
    assert sum(it._letter_counts.values()) == len(cut.contents)
    return [dict(one.headers)["why"].decode().split(": ")[1] for one in cut.contents]


def test_what_a_record_may_be_follows_from_its_topic_and_not_from_what_it_calls_itself() -> None:
    said = next(one.what for one in lived(1).log if one.what is not None and not isinstance(one.what, Mention))
    posts, controls = partition(number=0), partition(number=1)
    posts.take(record(0, BASE_MS, said, 0))
    posts.take(record(1, BASE_MS, None, 0))
    controls.take(record(0, BASE_MS, post(1, BASE_MS), 1))
    controls.take(record(1, BASE_MS, None, 1))
    assert buried(posts, 2) == ["wrong_topic"], "a source may send posts, and never an answer"
    assert buried(controls, 2) == ["wrong_topic"], "a beat may be anywhere"
    assert posts._letter_counts == {("", "wrong_topic"): 1}


def test_a_place_bears_the_fingerprint_of_the_names_key_and_another_key_is_refused() -> None:
    key, other = Names(b"one key"), Names(b"another key")
    assert len(key.fingerprint) == 8
    assert key.fingerprint == Names(b"one key").fingerprint != other.fingerprint
    place = Place.read(3, Place(3, 1, 2, 5_000, key.fingerprint).metadata())
    hold_names(place, key.fingerprint)
    with pytest.raises(PlaceError, match="another `prefix`") as wrong:
        hold_names(place, other.fingerprint)
    assert place.named_by in str(wrong.value)
    hold_names(Place.read(3, "[1,2,5000]"), other.fingerprint)


@pytest.mark.parametrize("metadata", ["", "{}", "[1,2]", "somebody else's", '["1",2,3]', "[1,2,3,4]", '[1,2,3,"4",5]'])
def test_a_place_that_is_not_ours_is_refused_in_plain_words(metadata: str) -> None:
    with pytest.raises(PlaceError, match="another `prefix`"):
        Place.read(3, metadata)


def test_a_purge_says_to_the_texts_who_is_gone_without_a_name() -> None:
    it = partition(keep_posts=True)
    first = msgspec.structs.replace(post(1, BASE_MS), author="kanarie")
    gone = msgspec.structs.replace(first, id=f"{first.source}:kanarie", kind="purge", text="")
    late = msgspec.structs.replace(post(2, BASE_MS), author="kanarie")
    for offset, one in enumerate((first, gone, late)):
        it.take(record(offset, BASE_MS + offset, one))
    it.take(record(3, BASE_MS + STEP_MS))
    cut = it.seal()
    assert cut is not None
    written = [one for one in cut.contents if one.topic == "t.texts"]
    voice = NAMES.voice(first.source, "kanarie")
    assert written[0].key == f"purge/{voice.hex()}/0".encode()
    assert written[0].value == voice
    assert PURGE in written[0].headers
    assert read_of(written[0].headers) == Read(0, 3)
    assert [one.key for one in written[1:]] == [NAMES.mention(late.id).encode()], "what came before it is never written"
