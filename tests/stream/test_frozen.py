"""What a snapshot packs is read back equal, in bytes that depend on nothing but what they say."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.codec import MINUTE_MS, canonical, decode
from stream.frozen import SKETCHES, SUMS, TABLES, TOTALS, FrozenWindow
from stream.packing import Packer, Unpacker
from stream.pulse import Counts, Engagement, Exemplar, RivalCounts
from stream.sketches import REGISTERS
from stream.window import OpenMinute, SourceState, Thread, Window

AT_MS = 2_000_000 * MINUTE_MS
sparse = st.dictionaries(st.integers(0, REGISTERS - 1), st.integers(1, 60), max_size=40)
counts_of = st.dictionaries(st.integers(0, REGISTERS - 1), st.integers(1, 2**50), max_size=12)
numbers = st.integers(-(2**60), 2**60)
names = st.one_of(st.integers(0, 2**64 - 1).map(lambda n: f"{n:016x}"), st.text(max_size=20))
words = st.dictionaries(st.sampled_from(["x", "news", "fóro", "0011223344556677", ""]), numbers, max_size=3)
times = st.integers(AT_MS - 90 * MINUTE_MS, AT_MS + MINUTE_MS)
minutes = st.integers(0, 90).map(lambda n: AT_MS - n * MINUTE_MS)


@st.composite
def counts(draw: st.DrawFn) -> Counts:
    """Any facts of a minute."""
    made = Counts()
    for field in SUMS:
        setattr(made, field, draw(st.one_of(st.just(0), numbers)))
    for field in SKETCHES:
        setattr(made, field, draw(sparse))
    for field in TABLES:
        setattr(made, field, draw(words))
    return made


@st.composite
def threads(draw: st.DrawFn) -> dict[str, Thread]:
    """Any conversations."""
    made = {}
    for key in draw(st.lists(names, unique=True, max_size=3)):
        thread = made[key] = Thread(key=key, first_ms=draw(times), voices=f"{draw(st.integers(0, 2**512 - 1)):x}")
        for field in TOTALS:
            setattr(thread, field, draw(st.one_of(st.just(0), numbers)))
        thread.by_minute = draw(st.dictionaries(st.one_of(minutes, times), st.integers(0, 2**40), max_size=4))
        thread.endorsed = draw(st.dictionaries(minutes, st.integers(0, 2**40), max_size=2))
    return made


@st.composite
def windows(draw: st.DrawFn) -> Window:
    """Any window, also such as no stream would make."""
    exemplars = st.builds(Exemplar, st.integers(0, 1), st.integers(0, 1), numbers, times, names)
    rivals = st.dictionaries(names, st.builds(RivalCounts, numbers, numbers, numbers, sparse), max_size=2)
    held = st.builds(OpenMinute, counts(), counts_of, st.lists(exemplars, max_size=2), rivals)
    aliases = draw(st.dictionaries(names, st.tuples(times, names), max_size=6))
    asked = draw(st.dictionaries(names, times, max_size=3))
    asked |= {name: created_ms for name, (created_ms, _) in list(aliases.items())[:2]}
    return Window(
        at_ms=AT_MS,
        learnt_ms=draw(times),
        minutes=draw(st.dictionaries(st.one_of(minutes, times), held, max_size=3)),
        threads=draw(threads()),
        clusters=draw(threads()),
        aliases=aliases | {name: (AT_MS, name) for name in draw(st.lists(names, max_size=2))},
        asked=asked,
        answered=draw(st.dictionaries(names, times, max_size=3)),
        engagement=draw(st.dictionaries(names, st.builds(Engagement, times, numbers, numbers), max_size=3)),
        sources={"x": SourceState(last_ms=AT_MS)},
        blind=[(0, 5)],
    )


@given(windows())
@settings(max_examples=60, deadline=None)
def test_a_window_that_was_packed_is_equal_to_what_it_was(window: Window) -> None:
    body = canonical(FrozenWindow.of(window))
    again = decode(body, FrozenWindow).thawed()
    assert again == window
    assert canonical(FrozenWindow.of(again)) == body, "its tables have another order now, and that does not show"


def test_packing_forgets_no_field_of_what_it_packs() -> None:
    """Who adds a field to the counts or to a thread must say how it is packed."""
    assert {*SUMS, *SKETCHES, *TABLES} == {*Counts.__struct_fields__}
    apart = {"key", "first_ms", "voices", "by_minute", "endorsed"}
    assert {*TOTALS, *apart} == {*Thread.__struct_fields__}
    assert OpenMinute.__struct_fields__ == ("counts", "voices", "exemplars", "rivals")
    assert RivalCounts.__struct_fields__ == ("mentions", "negative", "scored", "authors")
    assert Engagement.__struct_fields__ == ("observed_ms", "likes", "reposts", "replies", "views")


def test_packing_leaves_a_window_alone_and_keeps_no_hold_of_it() -> None:
    window = Window(at_ms=AT_MS, minutes={AT_MS: OpenMinute(Counts(mentions=2))}, blind=[(1, 2)])
    frozen = FrozenWindow.of(window)
    body = canonical(frozen)
    window.minutes[AT_MS].counts.mentions = 3
    thawed = frozen.thawed()
    thawed.minutes[AT_MS].counts.mentions = 4
    assert canonical(frozen) == body
    assert (window.minutes[AT_MS].counts.mentions, frozen.thawed().minutes[AT_MS].counts.mentions) == (3, 2)


@given(
    st.dictionaries(st.integers(0, 3_000), st.integers(1, 2**70), max_size=600),
    st.integers(0, 2**600),
    st.lists(names, max_size=6),
)
@settings(max_examples=60, deadline=None)
def test_values_are_read_as_they_were_written(table: dict[int, int], bitmap: int, said: list[str]) -> None:
    packer = Packer()
    packer.table(table)
    packer.bits(bitmap)
    for word in said:
        packer.word(word)
        packer.name(word)
    unpacker = Unpacker(packer.text())
    assert unpacker.table() == table
    assert unpacker.bits() == bitmap
    assert [(unpacker.word(), unpacker.name()) for _ in said] == [(word, word) for word in said]


def _read(text: str) -> None:
    unpacker = Unpacker(text)
    unpacker.table()
    unpacker.number()


@pytest.mark.parametrize(
    "damaged",
    ["not base64!", "AA", "////", "DgAAAA==", "DgAC/w=="],
    ids=["no base64", "cut short", "no end of a number", "a table of nothing", "a table of ones"],
)
def test_what_is_damaged_is_refused(damaged: str) -> None:
    """The journal then goes on without the snapshot, and the entries lead to the same state."""
    with pytest.raises(msgspec.ValidationError):
        _read(damaged)


def test_a_snapshot_with_another_layout_is_refused() -> None:
    """Of a window as it was written before, and of one that is written hereafter."""
    body = canonical(FrozenWindow.of(Window(at_ms=5)))
    for other in (canonical(Window(at_ms=5)), body.replace(b"[2,", b"[3,", 1)):
        with pytest.raises(msgspec.ValidationError):
            decode(other, FrozenWindow)
