"""Files of mentions are read whole and in order; a bad line costs itself, a bad file is named before it is used."""

import gzip
import json
import os
import threading
from pathlib import Path

import pytest

from stream.codec import rfc3339
from stream.mention import Mention
from stream.reading import MAX_LINE, BadMention, Reader
from stream.sources.files import SourceError, read_files
from tests.mentions import START_MS, Public, line_of, seeded

Letters = list[tuple[str, int, str, bytes]]


def row(number: int, second: int, **fields: object) -> bytes:
    given = {"id": str(number), "source": "x", "created_at": rfc3339(START_MS + second * 1_000), "text": "hi"} | fields
    return json.dumps(given).encode() + b"\n"


def read(*paths: Path, **options: object) -> tuple[list[Mention], Letters]:
    letters: Letters = []

    def dead(path: Path, number: int, bad: BadMention, line: bytes) -> None:
        letters.append((path.name, number, bad.reason, line))

    return list(read_files(paths, dead=dead, **options)), letters  # type: ignore[arg-type]


def ids(mentions: list[Mention]) -> list[int]:
    return [int(m.id.partition(":")[2]) for m in mentions]


def test_plain_and_gzipped_files_are_told_by_their_first_bytes(tmp_path: Path) -> None:
    body = b"".join(row(n, n) for n in range(3))
    (tmp_path / "plain.gz").write_bytes(body)
    (tmp_path / "packed.jsonl").write_bytes(gzip.compress(body))
    (tmp_path / "members").write_bytes(gzip.compress(body[:50]) + gzip.compress(body[50:]))
    for name in ("plain.gz", "packed.jsonl", "members"):
        assert ids(read(tmp_path / name)[0]) == [0, 1, 2]


def test_what_was_written_is_what_is_read(tmp_path: Path) -> None:
    posts = sorted((p.mention for p in Public(seeded(5)).posts(300)), key=lambda m: m.observed_ms)
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b"\n".join(map(line_of, posts))))
    mentions, letters = read(path)
    assert mentions == posts
    assert letters == []


def test_several_files_are_merged_by_time_and_ties_go_by_file_then_line(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(row(1, 0) + row(2, 5) + row(3, 5) + row(4, 9))
    (tmp_path / "a").write_bytes(row(5, 5) + row(6, 5) + row(7, 8))
    assert ids(read(tmp_path / "b", tmp_path / "a")[0]) == [1, 2, 3, 5, 6, 7, 4]
    assert ids(read(tmp_path / "a", tmp_path / "b")[0]) == [1, 5, 6, 2, 3, 7, 4]


def test_a_file_that_is_not_sorted_is_sorted_and_its_ties_stay_in_place(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(row(1, 7) + row(2, 3) + row(3, 7) + row(4, 3))
    assert ids(read(tmp_path / "a")[0]) == [2, 4, 1, 3]


def test_repeated_ids_are_all_handed_out(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(row(1, 1) * 3)
    assert ids(read(tmp_path / "a", tmp_path / "a")[0]) == [1] * 6


def test_bad_lines_are_told_once_with_their_number_and_the_rest_is_read(tmp_path: Path) -> None:
    good = [row(n, n) for n in range(4)]
    (tmp_path / "a").write_bytes(
        good[0] + b"{oops\n\n   \r\n" + good[1] + b"[1]\n" + good[2] + b"\x80\x00\xff\n" + good[3]
    )
    mentions, letters = read(tmp_path / "a")
    assert ids(mentions) == [0, 1, 2, 3]
    assert letters == [
        ("a", 2, "not_json", b"{oops"),
        ("a", 6, "not_an_object", b"[1]"),
        ("a", 8, "not_json", b"\x80\x00\xff"),
    ]


def test_a_file_of_nothing_but_bad_lines_is_dead_letters(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b'{"id": 1}\n')
    assert read(tmp_path / "a") == ([], [("a", 1, "missing_field", b'{"id": 1}')])


def test_a_byte_order_mark_windows_line_ends_and_a_missing_last_one_are_fine(tmp_path: Path) -> None:
    body = b"".join(row(n, n) for n in range(3)).replace(b"\n", b"\r\n")
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbf" + body.rstrip())
    assert (ids(read(tmp_path / "a")[0]), read(tmp_path / "a")[1]) == ([0, 1, 2], [])


def test_an_empty_file_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    (tmp_path / "packed").write_bytes(gzip.compress(b""))
    assert read(tmp_path / "plain", tmp_path / "packed") == ([], [])
    assert read() == ([], [])


def test_a_huge_line_is_a_dead_letter_and_its_neighbours_live(tmp_path: Path) -> None:
    huge = row(2, 2, text="a" * (10 * MAX_LINE))
    (tmp_path / "a").write_bytes(gzip.compress(row(1, 1) + huge + row(3, 3) + b"b" * (2 * MAX_LINE)))
    mentions, letters = read(tmp_path / "a")
    assert ids(mentions) == [1, 3]
    assert [(number, reason, len(line)) for _, number, reason, line in letters] == [
        (2, "too_big", MAX_LINE),
        (4, "too_big", MAX_LINE),
    ]


def test_the_longest_line_allowed_is_read(tmp_path: Path) -> None:
    pad = MAX_LINE - len(row(1, 1, mood="").rstrip())
    (tmp_path / "a").write_bytes(row(1, 1, mood="a" * pad).replace(b"\n", b"\r\n") + row(2, 2, mood="a" * (pad + 1)))
    mentions, letters = read(tmp_path / "a")
    assert ids(mentions) == [1]
    assert [(number, reason) for _, number, reason, _ in letters] == [(2, "too_big")]


def broken(kind: str) -> bytes:
    """A file of 2,000 rows, damaged after packing."""
    rng = seeded(11)
    packed = gzip.compress(b"".join(row(n, n, text=f"{rng.random()}") for n in range(2_000)))
    middle = len(packed) // 2
    return {
        "truncated": packed[:middle],
        "damaged": packed[:middle] + b"\xff" * 64 + packed[middle + 64 :],
        "wrong sum": packed[:-8] + b"\0" * 8,
        "trailing": packed + b"garbage",
    }[kind]


@pytest.mark.parametrize("kind", ["truncated", "damaged", "wrong sum", "trailing"])
def test_broken_gzip_is_named_before_any_of_it_is_used(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(broken(kind))
    stream = read_files([path], dead=lambda *_: None)
    with pytest.raises(SourceError, match=r"a\.gz: broken gzip") as caught:
        next(stream)
    assert caught.value.path == path
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"PK\x03\x04rest", "zip"),
        (b"\x28\xb5\x2f\xfdrest", "zstd"),
        ("{}\n".encode("utf-16"), "UTF-16"),
        (bytes(range(256)) * 16, "not text"),
        (gzip.compress(bytes(range(256)) * 16), "not text"),
    ],
)
def test_what_is_no_text_is_refused_by_name(tmp_path: Path, body: bytes, why: str) -> None:
    (tmp_path / "a").write_bytes(body)
    with pytest.raises(SourceError, match=why):
        read(tmp_path / "a")


def test_missing_files_and_directories_are_told_at_once(tmp_path: Path) -> None:
    for path, why in ((tmp_path / "none", "no such file"), (tmp_path, "a directory")):
        with pytest.raises(SourceError, match=why):
            read_files([path], dead=lambda *_: None)


def test_since_and_until_are_a_half_open_stretch_of_observed_time(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"".join(row(n, n) for n in range(6)))
    mentions, _ = read(tmp_path / "a", since_ms=START_MS + 2_000, until_ms=START_MS + 4_000)
    assert ids(mentions) == [2, 3]


def test_progress_rises_to_all_of_it(tmp_path: Path) -> None:
    (tmp_path / "sorted").write_bytes(b"".join(row(n, n) for n in range(5_000)))
    (tmp_path / "not").write_bytes(gzip.compress(b"".join(row(n, -n) for n in range(5_000))))
    told: list[tuple[int, int]] = []
    for until_ms in (None, START_MS):
        told.clear()
        read(tmp_path / "sorted", tmp_path / "not", progress=lambda *at: told.append(at), until_ms=until_ms)
        assert told == sorted(told)
        assert len(told) > 4
        assert told[-1][0] == told[-1][1] == 2 * sum(p.stat().st_size for p in tmp_path.iterdir())


def test_the_reader_given_names_rows_marks_backfill_and_counts_unknown_fields_once(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(row(1, 1, source=None, mood=1) + row(2, 2, mood=1))
    reader = Reader("shop", live=False)
    mentions, _ = read(tmp_path / "a", reader=reader)
    assert [(m.id, m.live) for m in mentions] == [("shop:1", False), ("x:2", False)]
    assert reader.unknown == {"mood": 2}


def test_a_pipe_is_read_once_and_sorted(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(row(2, 2) + row(1, 1) + b"oops\n",))
    writer.start()
    mentions, letters = read(path)
    writer.join(timeout=10)
    assert ids(mentions) == [1, 2]
    assert [number for _, number, _, _ in letters] == [3]


def test_a_sorted_file_is_handed_out_without_being_held(tmp_path: Path) -> None:
    """The first mention comes while most of the second reading is still to do."""
    (tmp_path / "a").write_bytes(b"".join(row(n, n) for n in range(20_000)))
    told: list[int] = []
    stream = read_files([tmp_path / "a"], dead=lambda *_: None, progress=lambda done, _: told.append(done))
    next(stream)
    assert told[-1] < (tmp_path / "a").stat().st_size * 3 // 2
