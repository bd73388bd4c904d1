"""The topics of a scaled deployment: keys lie where every other program looks for them, and nothing that must be kept
is allowed to go.
"""

import pytest
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.partitioner import murmur2 as theirs
from hypothesis import example, given
from hypothesis import strategies as st

from stream.kafka.making import compare
from stream.kafka.murmur import murmur2
from stream.kafka.records import headers_of, kind_and_source
from stream.kafka.topics import KEEP_FOR_EVER, Layout, Topic, partition_of
from tocsin.topic_words import difference_text

LAYOUT = Layout("tocsin.", mentions=4, entries=3)
DAY_MS = 86_400_000


@given(st.binary(max_size=40))
@example(b"")
@example(b"\xff" * 7)
def test_our_hash_is_the_one_of_kafkas_clients(data: bytes) -> None:
    """Byte for byte, whatever the length leaves over."""
    assert murmur2(data) == theirs(data)


@given(st.text(min_size=1, max_size=40), st.integers(1, 100))
def test_a_key_lies_where_another_program_would_put_it(key: str, count: int) -> None:
    """A sender of its own, in any language, meets the worker that knows the mention's repeats."""
    try:
        raw = key.encode()
    except UnicodeEncodeError:
        assert 0 <= partition_of(key, count) < count
        return
    everywhere = list(range(count))
    assert partition_of(key, count) == DefaultPartitioner()(raw, everywhere, everywhere)


def test_half_a_character_is_a_key_like_any_other() -> None:
    """What a broken sender sends as an id has a place too."""
    assert partition_of("\ud800", 12) in range(12)


def test_input_partitions_are_numbered_without_a_gap() -> None:
    """Those of `mentions`, then `control`; each number leads back to its partition, and nothing else has one."""
    homes = [LAYOUT.home_of(number) for number in range(LAYOUT.inputs)]
    assert homes == [(LAYOUT.name("mentions"), n) for n in range(4)] + [(LAYOUT.name("control"), 0)]
    assert [LAYOUT.input_of(topic, partition) for topic, partition in homes] == list(range(LAYOUT.inputs))
    for topic in LAYOUT.topics():
        if topic.name not in (LAYOUT.name("mentions"), LAYOUT.name("control")):
            with pytest.raises(ValueError, match="is no input"):
                LAYOUT.input_of(topic.name, 0)


def topics(layout: Layout) -> dict[str, Topic]:
    """The layout's topics by their names without the prefix."""
    return {topic.name.removeprefix(layout.prefix): topic for topic in layout.topics()}


def test_what_belongs_to_a_brand_is_in_one_partition_number_everywhere() -> None:
    """A core worker that has a partition of `entries` has all that its brands need."""
    cut = topics(LAYOUT)
    assert cut["entries"].partitions == cut["decisions"].partitions == cut["anchors"].partitions == LAYOUT.entries
    assert cut["control"].partitions == cut["deliveries"].partitions == 1


def test_the_journal_is_never_thinned() -> None:
    """What decisions are proved by is kept for ever, every record of it."""
    for name in ("control", "entries", "decisions"):
        assert topics(LAYOUT)[name].config()["cleanup.policy"] == "delete"
        assert topics(LAYOUT)[name].config()["retention.ms"] == "-1"
    assert {n for n, t in topics(LAYOUT).items() if t.cleanup == "compact"} == {"contents", "anchors", "deliveries"}


def test_texts_go_by_age_too_and_in_a_replay_never() -> None:
    """As the configuration has it: what nobody erased is not kept for ever either."""
    texts = topics(LAYOUT._replace(keep_texts_ms=5 * DAY_MS))["texts"]
    assert (texts.config()["cleanup.policy"], texts.config()["retention.ms"]) == ("compact,delete", str(5 * DAY_MS))
    assert topics(LAYOUT._replace(stamped=False))["texts"].config()["retention.ms"] == "-1"


def test_an_erased_text_does_not_outlive_the_day() -> None:
    """Texts alone hold words. Sooner is as good; later, or without a limit, is a difference."""
    cut = topics(LAYOUT)
    assert [name for name, topic in cut.items() if "max.compaction.lag.ms" in topic.config()] == ["texts"]
    texts = cut["texts"]
    told = texts.config()
    assert int(told["min.compaction.lag.ms"]) < int(told["max.compaction.lag.ms"]) == DAY_MS
    for held, fine in (("3600000", True), (str(2 * DAY_MS), False), ("9223372036854775807", False), ("", False)):
        found = compare(texts, [3] * 4, told | {"max.compaction.lag.ms": held})
        assert (found == []) is fine
        for one in found:
            assert "what somebody erased" in difference_text(LAYOUT, *one)


def test_raw_posts_are_the_only_ones_that_a_setting_lets_go() -> None:
    """`keep` is about `mentions`; a longer one changes nothing else."""
    short, long = topics(LAYOUT), topics(LAYOUT._replace(keep_ms=30 * DAY_MS))
    assert [name for name in short if short[name] != long[name]] == ["mentions"]
    assert long["mentions"].config()["retention.ms"] == str(30 * DAY_MS)


def test_brokers_stamp_what_comes_in_but_a_replay_brings_its_own_stamps() -> None:
    """When we knew is the broker's word. A replay says when it was known then, and none of it is too old to keep."""
    replay = topics(LAYOUT._replace(stamped=False))
    for name in ("mentions", "control"):
        assert topics(LAYOUT)[name].config()["message.timestamp.type"] == "LogAppendTime"
        assert replay[name].config()["message.timestamp.type"] == "CreateTime"
        assert replay[name].keep_ms == KEEP_FOR_EVER


@pytest.mark.parametrize(("copies", "enough"), [(1, "1"), (2, "2"), (3, "2"), (4, "3"), (5, "3")])
def test_more_than_half_of_the_copies_must_have_a_record(copies: int, enough: str) -> None:
    """A record that was acknowledged outlives the loss of a broker, where there are copies at all."""
    for topic in LAYOUT._replace(replication=copies).topics():
        assert topic.config()["min.insync.replicas"] == enough


@pytest.mark.parametrize("kind", ["mention", "control", "beat"])
def test_headers_say_what_was_said(kind: str) -> None:
    """Kind and source come through, a source of any language too."""
    for source in ("", "forum", "fóρum ☕"):
        assert kind_and_source(headers_of(kind, source)) == (kind, source)  # type: ignore[arg-type]


@given(st.lists(st.tuples(st.sampled_from(["kind", "source", "trace"]), st.binary(max_size=9)), max_size=4))
def test_headers_of_a_stranger_break_nothing(headers: list[tuple[str, bytes]]) -> None:
    """What came from outside is a mention, unless it says in so many words what else."""
    kind, source = kind_and_source(headers)
    said = {value for name, value in headers if name == "kind"}
    assert kind == "mention" or kind.encode() in said
    source.encode()


def test_a_difference_says_what_is_wrong_what_follows_and_what_to_do() -> None:
    """Partitions are never to be altered; a count leads to the setting that it belongs to, or to none."""
    told = difference_text(LAYOUT, "tocsin.anchors", "partitions", "12", "3")
    assert "12 partitions instead of 3" in told
    assert "set `entries` under cluster.kafka to 12" in told
    told = difference_text(LAYOUT, "tocsin.deliveries", "partitions", "1", "2")
    assert "1 partition instead" in told
    assert "cluster.kafka" not in told


@pytest.mark.parametrize(("held", "fine"), [("1", False), ("2", True), ("3", False)])
def test_neither_too_few_nor_all_copies_may_be_asked_for(held: str, fine: bool) -> None:
    """One of three loses what was acknowledged; three of three write nothing while a broker is away."""
    topic = LAYOUT.topics()[2]
    found = compare(topic, [3, 3, 3], topic.config() | {"min.insync.replicas": held})
    assert (found == []) is fine
    for one in found:
        told = difference_text(LAYOUT, *one)
        assert ("nothing can be written" in told) is (held == "3")
        assert told.endswith("--add-config min.insync.replicas=2`")


def test_every_setting_that_is_asked_for_has_its_consequence() -> None:
    """No difference comes without what follows from it."""
    for topic in [*LAYOUT.topics(), *LAYOUT._replace(stamped=False).topics()]:
        for setting, wanted in topic.config().items():
            if setting != "min.cleanable.dirty.ratio":
                told = difference_text(LAYOUT, topic.name, setting, "", wanted)
                assert "are not tried" not in told
                assert f"--add-config {setting}={wanted}`" in told
