"""A repeat is an id seen at a lower offset in the 48 hours before; a batch tried again gets the same answers."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stream.repeats
from stream.repeats import Repeats

HOUR = 3_600_000


def test_the_second_sighting_is_a_repeat_and_a_retry_is_not() -> None:
    repeats = Repeats()
    assert not repeats.is_repeat("x:1", 3, 0)
    assert not repeats.is_repeat("x:1", 3, 0), "the same offset again is the same record again"
    assert repeats.is_repeat("x:1", 4, 0)
    assert repeats.is_repeat("x:1", 4, 0), "and a repeat stays one when tried again"
    assert not repeats.is_repeat("x:2", 5, 0)


def test_after_48_hours_an_id_is_new_again_and_not_a_millisecond_before() -> None:
    repeats = Repeats()
    repeats.is_repeat("x:1", 1, 0)
    repeats.is_repeat("x:2", 2, 0)
    assert repeats.is_repeat("x:1", 3, 48 * HOUR)
    assert not repeats.is_repeat("x:2", 4, 48 * HOUR + 1)


def test_each_sighting_counts_as_seen_so_that_a_rebuild_from_48_hours_agrees() -> None:
    repeats = Repeats()
    assert [repeats.is_repeat("x:1", n, n * 40 * HOUR) for n in range(4)] == [False, True, True, True]


sightings = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 30 * HOUR)), max_size=40)


def told(posts: list[tuple[int, int]]) -> list[tuple[str, int, int]]:
    """Ids with their offsets and the partition's running time."""
    now_ms, rows = 0, []
    for offset, (number, gap_ms) in enumerate(posts):
        now_ms += gap_ms
        rows.append((f"x:{number}", offset, now_ms))
    return rows


@given(sightings)
@settings(max_examples=150)
def test_it_is_exactly_the_definition(posts: list[tuple[int, int]]) -> None:
    rows, repeats = told(posts), Repeats()
    for name, offset, now_ms in rows:
        expected = any(n == name and o < offset and now_ms - t <= 48 * HOUR for n, o, t in rows[:offset])
        assert repeats.is_repeat(name, offset, now_ms) == expected


@given(sightings, st.data())
@settings(max_examples=150)
def test_a_batch_tried_again_gets_the_same_answers(posts: list[tuple[int, int]], data: st.DataObject) -> None:
    """From any point on, also when the table remembers what came after it."""
    rows = [row for row in told(posts) if row[2] <= 47 * HOUR]
    repeats = Repeats()
    first = [repeats.is_repeat(*row) for row in rows]
    start = data.draw(st.integers(0, len(rows)))
    assert [repeats.is_repeat(*row) for row in rows[start:]] == first[start:]


@given(sightings)
@settings(max_examples=50)
def test_a_table_rebuilt_from_the_last_48_hours_agrees(posts: list[tuple[int, int]]) -> None:
    rows, live = told(posts), Repeats()
    answers = [live.is_repeat(*row) for row in rows]
    if rows:
        *before, last = rows
        rebuilt = Repeats()
        for row in before:
            if last[2] - row[2] <= 48 * HOUR:
                rebuilt.is_repeat(*row)
        assert rebuilt.is_repeat(*last) == answers[-1]


def test_memory_is_what_the_window_holds() -> None:
    repeats = Repeats(window_ms=1_000)
    for number in range(20_000):
        repeats.is_repeat(f"x:{number}", number, number)
        repeats.remember(f"x:{number}", ("acme",))
        assert len(repeats) <= 1_001
        assert len(repeats._noted) <= 1_001
        repeats.remember(f"x:{number - 3}", ("acme",))
    assert not repeats._last


def test_the_brands_of_a_post_are_known_to_its_delete() -> None:
    repeats = Repeats()
    repeats.is_repeat("x:1", 1, 0)
    repeats.remember("x:1", ("acme", "zeta"))
    assert repeats.brands_of("x:1") == ("acme", "zeta")
    repeats.remember("x:1", ("zeta",))
    assert repeats.brands_of("x:1") == ("zeta",), "an edit may change what a post is about"
    assert repeats.brands_of("x:2") == ()
    repeats.remember("x:1", ())
    assert repeats.brands_of("x:1") == ()


def test_brands_are_forgotten_with_the_window() -> None:
    repeats = Repeats()
    repeats.is_repeat("x:1", 1, 0)
    repeats.remember("x:1", ("acme",))
    repeats.is_repeat("x:2", 2, 48 * HOUR)
    assert repeats.brands_of("x:1") == ("acme",)
    repeats.is_repeat("x:3", 3, 48 * HOUR + 1)
    assert repeats.brands_of("x:1") == ()


def test_any_id_is_taken() -> None:
    repeats = Repeats()
    assert not repeats.is_repeat("x:\ud800", 1, 0)
    assert repeats.is_repeat("x:\ud800", 2, 0)


lives = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 30 * HOUR), st.sampled_from([None, (), ("acme",), ("acme", "zeta")])),
    max_size=40,
)


@given(lives)
@settings(max_examples=200)
def test_brands_are_those_of_the_last_note_in_the_window(life: list[tuple[int, int, tuple[str, ...] | None]]) -> None:
    """A repeat does not renew them, an edit does; `None` is a sighting alone."""
    repeats, now_ms = Repeats(), 0
    notes: dict[str, tuple[int, tuple[str, ...]]] = {}
    for offset, (number, gap_ms, brands) in enumerate(life):
        now_ms += gap_ms
        name = f"x:{number}"
        if brands is None or offset % 3:
            repeats.is_repeat(name, offset, now_ms)
        repeats.pass_time(now_ms)
        if brands is not None:
            repeats.remember(name, brands)
            notes[name] = (now_ms, brands)
        for other in ("x:0", "x:1", "x:2", "x:3"):
            noted_ms, known = notes.get(other, (0, ()))
            assert repeats.brands_of(other) == (known if now_ms - noted_ms <= 48 * HOUR else ())


def test_more_sets_of_brands_than_fit_into_a_number_are_known_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream.repeats, "CODE", 3)
    repeats = Repeats()
    for number in range(9):
        repeats.is_repeat(f"x:{number}", number, 0)
        repeats.remember(f"x:{number}", (f"brand {number}",))
    assert [repeats.brands_of(f"x:{number}") for number in range(9)] == [(f"brand {number}",) for number in range(9)]
