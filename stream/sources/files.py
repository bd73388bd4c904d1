"""Mentions from files: plain or gzipped JSON lines, several files merged by the time at which they were observed.

EDGE. A file is read twice, in constant memory: once to see that it can be read to its end and whether it is sorted,
once to hand out its mentions. So a broken file is reported before its first mention is used. A file that is not sorted,
and a pipe, which cannot be read twice, is held in memory as a whole, as mentions, and sorted there.
"""

import gzip
import heapq
import io
import stat
import zlib
from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeAlias

from stream.mention import Mention
from stream.reading import MAX_LINE, BadMention, Reader, observed_at

Dead = Callable[[Path, int, BadMention, bytes], None]
"""Called with file, line number (from 1), what is wrong and the line (the first `MAX_LINE` bytes of it)."""
Progress = Callable[[int, int], None]
"""Called now and then with bytes done and bytes in all, as they lie on the disk; both readings count."""

_Bytes: TypeAlias = "io.BufferedReader[Any]"

_CHUNK = 1 << 18
_HEAD = 4096
_PROGRESS_LINES = 2_000
_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
# First bytes of what people hand over by mistake, and what it is.
_NOT_LINES = (
    (b"PK\x03\x04", "a zip archive"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (b"BZh", "compressed with bzip2"),
    (b"\xfd7zXZ", "compressed with xz"),
    (b"PAR1", "a Parquet file"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
)
# Control characters that text does not hold; a random byte is one of them in a tenth of all cases.
_ODD_BYTES = bytes(b for b in range(32) if b not in b"\t\n\f\r\x1b")
_when = attrgetter("observed_ms")


class SourceError(Exception):
    """A source that cannot be read at all: `path`, and in one line why and what would do instead."""

    def __init__(self, path: Path, why: str) -> None:
        self.path = path
        super().__init__(f"{path}: {why}")


def read_files(
    paths: Sequence[Path],
    *,
    dead: Dead,
    progress: Progress | None = None,
    since_ms: int | None = None,
    until_ms: int | None = None,
    reader: Reader | None = None,
) -> Iterator[Mention]:
    """The mentions of all files with `since_ms <= observed_ms < until_ms`, in the order in which they were observed.

    Ties go by the order of the files, then of their lines. Repeated ids are all handed out. Lines that are no mention
    go to `dead`, once. `reader` says how rows without a source are named and counts unknown fields.

    Raises `SourceError`, before the first mention of the file at fault: for a file that is missing, a directory,
    unreadable, no text, or broken gzip. Missing files and directories are told by the call itself.
    """
    reader = reader or Reader()
    meter = _Meter(progress, sum(2 * _size(path) for path in paths))
    files = [_File(path, reader, dead, meter) for path in paths]
    return _between(files, meter, since_ms, until_ms)


def _between(files: list["_File"], meter: "_Meter", since_ms: int | None, until_ms: int | None) -> Iterator[Mention]:
    ordered = [file.ordered() for file in files]
    merged = ordered[0] if len(ordered) == 1 else heapq.merge(*ordered, key=_when)
    for mention in merged:
        if since_ms is not None and mention.observed_ms < since_ms:
            continue
        if until_ms is not None and mention.observed_ms >= until_ms:
            break
        yield mention
    meter.finish()


class _Meter:
    """Adds up what all files have read."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress = progress
        self._total = total
        self._done = 0

    def add(self, count: int) -> None:
        self._done += count
        if self._progress is not None and count:
            self._progress(min(self._done, self._total), self._total)

    def finish(self) -> None:
        """All that was asked for is read, also where `until_ms` left a rest unread."""
        self.add(max(0, self._total - self._done))


class _File:
    """One file, from bytes to mentions in order."""

    def __init__(self, path: Path, reader: Reader, dead: Dead, meter: _Meter) -> None:
        self._path = path
        self._reader = reader
        self._dead = dead
        self._meter = meter

    def ordered(self) -> Iterator[Mention]:
        """All mentions by observed time; those of the same time by line."""
        if self._path.is_file() and self._is_sorted():
            yield from self._mentions(self._reader, self._dead)
        else:
            yield from sorted(self._mentions(self._reader, self._dead), key=_when)

    def _is_sorted(self) -> bool:
        """Read to the end, whatever is found on the way: damage further down must show as well."""
        before_ms, is_sorted = 0, True
        for _, line in self._lines():
            at_ms = observed_at(line) if is_sorted else None
            if at_ms is not None:
                is_sorted = at_ms >= before_ms
                before_ms = at_ms
        return is_sorted

    def _mentions(self, reader: Reader, dead: Dead) -> Iterator[Mention]:
        read = reader.read
        for number, line in self._lines():
            if not line or line.isspace():
                continue
            try:
                mention = read(line)
            except BadMention as bad:
                dead(self._path, number, bad, line[:MAX_LINE])
                continue
            yield mention

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        """Numbered lines. One that is too long is cut just beyond `MAX_LINE` (which makes it bad), its rest skipped."""
        try:
            with io.BufferedReader(self._path.open("rb", buffering=0), _CHUNK) as raw:
                yield from self._numbered(raw, _plain(self._path, raw))
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise SourceError(self._path, f"broken gzip, cut short or damaged ({error}): fetch it again") from None
        except OSError as error:
            raise SourceError(self._path, f"cannot be read: {error.strerror or error}") from None

    def _numbered(self, raw: "_Bytes", plain: "_Bytes") -> Iterator[tuple[int, bytes]]:
        number, counted = 0, 0
        while line := plain.readline(MAX_LINE + 2):
            number += 1
            ended = line.endswith(b"\n")
            yield number, line.removeprefix(_BOM).rstrip(b"\r\n") if number == 1 else line.rstrip(b"\r\n")
            while not ended and (rest := plain.readline(_CHUNK)):
                ended = rest.endswith(b"\n")
            if number % _PROGRESS_LINES == 0:
                counted = self._count(raw, counted)
        self._count(raw, counted)

    def _count(self, raw: "_Bytes", counted: int) -> int:
        position = raw.tell() if raw.seekable() else counted
        self._meter.add(position - counted)
        return position


def _size(path: Path) -> int:
    try:
        found = path.stat()
    except FileNotFoundError:
        raise SourceError(path, "no such file") from None
    except (OSError, ValueError) as error:
        raise SourceError(path, f"cannot be read: {error}") from None
    if stat.S_ISDIR(found.st_mode):
        raise SourceError(path, "a directory: name the files in it")
    return found.st_size if stat.S_ISREG(found.st_mode) else 0


def _plain(path: Path, raw: "_Bytes") -> "_Bytes":
    """The file's text as bytes: unpacked if it begins as gzip does, whatever its name. Refuses what is no text."""
    plain: _Bytes = raw
    if raw.peek(2).startswith(_GZIP):
        plain = io.BufferedReader(gzip.GzipFile(fileobj=raw, mode="rb"), _CHUNK)
    head = plain.peek(_HEAD)[:_HEAD]
    for magic, what in _NOT_LINES:
        if head.startswith(magic):
            raise SourceError(path, f"{what}: JSON lines in UTF-8 are read, plain or gzipped")
    has_lines = head.removeprefix(_BOM).lstrip().startswith(b"{") or b"\n{" in head
    odd = len(head) - len(head.translate(None, _ODD_BYTES))
    if not has_lines and odd * 20 > len(head):
        raise SourceError(path, "not text: JSON lines in UTF-8 are read, plain or gzipped")
    return plain
