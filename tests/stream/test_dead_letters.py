"""Dead letters: what could not be read is kept with its reason, within bounds, and always counted."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.sources.dead_letters import COUNTERS_MAX, OTHER, DeadLetters, Letter


@pytest.fixture(params=["file", "memory"])
def dead(request, tmp_path):
    dead = DeadLetters(tmp_path / "dead.db" if request.param == "file" else None)
    yield dead
    dead.close()


def test_a_letter_comes_back_with_its_reason(dead):
    """Newest first, with all that is needed to see what was wrong."""
    dead.add("x", "not_json", "at character 0", b"oops", 1000)
    dead.add("y", "bad_time", "", b"\0\xff", 2000)
    assert dead.latest(9) == [
        Letter("y", "bad_time", "", b"\0\xff", 2000, 2),
        Letter("x", "not_json", "at character 0", b"oops", 1000, 4),
    ]
    assert dead.latest(1)[0].source == "y"


def test_a_huge_body_is_cut(dead):
    """64 KiB are kept, and how long it was."""
    dead.add("x", "too_big", "d" * 9999, b"z" * 1_000_000, 0)
    letter = dead.latest(1)[0]
    assert (len(letter.body), len(letter.detail), letter.size) == (65536, 500, 1_000_000)


def test_counters_outlive_the_letters_and_the_process(tmp_path):
    """The oldest letters go; that they came is never forgotten, over a restart either."""
    dead = DeadLetters(tmp_path / "dead.db", letters_max=3)
    for n in range(10):
        dead.add("x", "not_json" if n % 2 else "too_deep", "", b"%d" % n, n)
    dead.close()
    dead = DeadLetters(tmp_path / "dead.db", letters_max=3)
    assert dead.counts() == {("x", "not_json"): 5, ("x", "too_deep"): 5}
    assert [letter.body for letter in dead.latest(99)] == [b"9", b"8", b"7"]
    dead.add("x", "not_json", "", b"10", 10)
    assert [letter.body for letter in dead.latest(99)] == [b"10", b"9", b"8"]


def test_the_disk_is_not_filled(tmp_path):
    """Bounded in bytes as in number, whatever is sent."""
    dead = DeadLetters(tmp_path / "dead.db", letters_max=100, total_max=1_000_000)
    for n in range(30):
        dead.add_all([Letter("x", "too_big", "", b"z" * 60_000, n)] * 50)
    assert 15 <= len(dead.latest(1000)) <= 17
    assert dead.counts() == {("x", "too_big"): 1500}
    assert sum(len(letter.body) for letter in dead.latest(1000)) <= 1_000_000


def test_invented_reasons_do_not_fill_the_memory(dead):
    """Counters are bounded too: beyond a thousand, all others share one."""
    dead.add_all([Letter("x", f"r{n}", "", b"", 0) for n in range(COUNTERS_MAX + 5)])
    dead.add("x", "r0", "", b"", 0)
    counts = dead.counts()
    assert len(counts) == COUNTERS_MAX + 1
    assert (counts[OTHER, OTHER], counts["x", "r0"]) == (5, 2)


def test_erased_letters_are_gone_from_the_files(tmp_path):
    """A letter may hold a person's words: erasing and retention reach its bytes, and those its detail quotes."""
    dead = DeadLetters(tmp_path / "dead.db", letters_max=1500)
    for n in range(3000):
        body = b"CANARY " * (n % 7 * 100) if n % 50 == 3 else b"plain" * (n % 90)
        dead.add("x", "not_json", "CANARY" if n % 50 == 3 else "", body, n)
    assert dead.erase([b"CANARY"]) == 30
    assert b"CANARY" not in b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert {letter.body for letter in dead.latest(2000) if letter.at_ms % 50 == 3} == {b""}
    assert dead.trim(2990) == 1490
    assert [letter.at_ms for letter in dead.latest(99)] == list(range(2999, 2989, -1))
    dead.trim(10_000)
    assert b"plain" not in b"".join(file.read_bytes() for file in tmp_path.iterdir())


@settings(max_examples=60)
@given(st.text(), st.text(), st.text(), st.binary())
def test_nothing_makes_it_fail(source, reason, detail, body):
    """Whatever the words and bytes are, the letter is kept and counted."""
    dead = DeadLetters(None)
    dead.add(source, reason, detail, body, 0)
    assert dead.latest(1)[0].body == body
    assert sum(dead.counts().values()) == 1
    dead.close()
