"""CSV as people's tools write it: in Windows-1252 or UTF-8, with `;` or `,`, with line breaks inside quotation marks.

What a file does not say of itself is found out by looking; what cannot be a row is told with the line where it begins.
In constant memory, whatever the size of a file.
"""

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

SAMPLE_BYTES = 64 << 10
LINE_MAX = 1 << 20
"""Characters of a line of columns that are read at once: gzip of a few bytes may unpack to one without an end."""
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "windows-1252")
DELIMITERS = (";", ",", "\t", "|")

BadFileReason = Literal[
    "empty", "not_text", "not_json", "no_map", "no_column", "too_big", "cannot_be_read", "nothing_readable"
]
BadRowReason = Literal["too_few_fields", "too_many_fields", "bad_csv"]

_Bytes: TypeAlias = "io.BufferedReader[Any]"

_GZIP = b"\x1f\x8b"
_OTHERS = (
    (b"PK\x03\x04", "an Excel workbook (or another zip archive): save it as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook: save it as CSV"),
    (b"%PDF", "a PDF: export it as CSV"),
    (b"<!DOCTYPE", "a web page: what was downloaded is no export"),
    (b"<html", "a web page: what was downloaded is no export"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd: unpack it first"),
    (b"SQLite format 3", "an SQLite database"),
    (b"PAR1", "a Parquet file"),
)
BROKEN = (OSError, EOFError, zlib.error, UnicodeError)
"""What reading raises where a file is damaged, cut short, or not written as is said of it."""
# What text does not hold, in any of the encodings that are read.
_ODD_BYTES = bytes(b for b in range(32) if b not in b"\t\n\f\r\x1b")


class BadFile(ValueError):  # noqa: N818 - the name of what it is about
    """A file of which nothing can be taken: a reason from a closed list, and what would help."""

    def __init__(self, reason: BadFileReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: BadFileReason = reason
        self.detail = detail


class Form(NamedTuple):
    """How a file of columns is written."""

    encoding: str
    delimiter: str
    columns: tuple[str, ...]
    skip_lines: int = 0
    """Lines before the names of the columns."""


class Record(NamedTuple):
    """One row of a file, or what is wrong with it."""

    line: int
    """Where it begins, from 1."""
    cells: dict[str, str]
    """By column; empty for a bad one."""
    problem: tuple[BadRowReason, str] | None = None
    raw: bytes = b""
    """Of a bad one."""


def opened(path: Path) -> "_Bytes":
    """A file's bytes, unpacked where it is gzip. Raises `BadFile`, also for what is no text at all."""
    try:
        raw: _Bytes = io.BufferedReader(path.open("rb", buffering=0), SAMPLE_BYTES)
        if raw.peek(2).startswith(_GZIP):
            raw = io.BufferedReader(gzip.GzipFile(fileobj=raw, mode="rb"), SAMPLE_BYTES)
        head = raw.peek(4096)[:4096]
    except BROKEN as error:
        raise BadFile("cannot_be_read", f"it cannot be read, {because(error)}") from None
    for magic, what in _OTHERS:
        if head.lstrip().startswith(magic):
            raw.close()
            raise BadFile("not_text", f"it is {what}")
    is_wide = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if not is_wide and (len(head) - len(head.translate(None, _ODD_BYTES))) * 20 > len(head):
        raw.close()
        raise BadFile("not_text", "it is no text: CSV or JSON lines are read")
    return raw


def because(error: Exception) -> str:
    """What stopped the reading of a file, in words that quote nothing of it.

    >>> because(EOFError())
    'gzip that is cut short or damaged: export or copy it again (EOFError)'
    """
    name = type(error).__name__
    if isinstance(error, EOFError | zlib.error | gzip.BadGzipFile):
        return (
            f"gzip that is cut short or damaged: export or copy it again ({'zlib.error' if name == 'error' else name})"
        )
    if isinstance(error, UnicodeError):
        return f"its bytes are not in the encoding that the map names: leave `encoding` out, or correct it ({name})"
    return f"the system does not let it ({name})"


def encoding_of(path: Path) -> str:
    """A file's encoding: as its mark says, else UTF-8 if all of it is, else Windows-1252. Raises `BadFile`."""
    with opened(path) as raw:
        head = raw.peek(4)
        if head.startswith(codecs.BOM_UTF8):
            return "utf-8-sig"
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            while piece := raw.read(1 << 20):
                decoder.decode(piece)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "windows-1252"
        except BROKEN as error:
            raise BadFile("cannot_be_read", f"it cannot be read to its end, {because(error)}") from None
        return "utf-8"


def form_of(
    path: Path, *, encoding: str | None = None, delimiter: str | None = None, skip_lines: int | None = None
) -> Form:
    """How a file is written, where that is not said. Raises `BadFile`."""
    encoding = encoding or encoding_of(path)
    with opened(path) as raw:
        try:
            sample = _text(raw, encoding).read(SAMPLE_BYTES)
        except BROKEN as error:
            raise BadFile("cannot_be_read", f"it cannot be read as {encoding}, {because(error)}") from None
    if not sample.strip():
        raise BadFile("empty", "there is nothing in it")
    lines = sample.splitlines(keepends=True)
    if len(sample) == SAMPLE_BYTES and len(lines) > 1:
        lines = lines[:-1]  # it was cut
    before = 0 if skip_lines is None else skip_lines
    if skip_lines is None and lines[0].lower().startswith("sep="):
        # Excel's own way of saying it.
        delimiter = delimiter or lines[0].strip()[4:5]
        before = 1
    rest = lines[before:]
    delimiter = delimiter or max(DELIMITERS, key=lambda sign: _likeness(rest, sign))
    header = next((row for row in csv.reader(rest, delimiter=delimiter) if any(cell.strip() for cell in row)), [])
    return Form(encoding, delimiter, _named(header), before)


def records(path: Path, form: Form) -> Iterator[Record]:
    """All rows behind the names of the columns; empty ones are left out. Raises `BadFile` where a file breaks off."""
    with opened(path) as raw:
        text = _text(raw, form.encoding)
        try:
            for _ in range(form.skip_lines):
                text.readline(LINE_MAX)
        except BROKEN as error:
            raise BadFile("cannot_be_read", f"it breaks off before its columns, {because(error)}") from None
        reader = csv.reader(_bounded(text), delimiter=form.delimiter)
        is_header = True
        while True:
            begins = reader.line_num + form.skip_lines + 1
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error:
                where = f"lines {begins} to {reader.line_num + form.skip_lines}"
                said = f"{where}: a quotation mark is never closed, or a field is too long"
                yield Record(begins, {}, ("bad_csv", said))
                continue
            except BROKEN as error:
                raise BadFile("cannot_be_read", f"it breaks off at line {begins}, {because(error)}") from None
            if not any(cell.strip() for cell in row):
                continue
            if is_header:
                is_header = False
                continue
            yield _record(begins, reader.line_num + form.skip_lines, row, form)


def _record(line: int, ends: int, row: list[str], form: Form) -> Record:
    wanted = len(form.columns)
    while len(row) > wanted and not row[-1].strip():
        row.pop()
    if len(row) == wanted:
        return Record(line, dict(zip(form.columns, row, strict=True)))
    # Which field is missing, or which was cut in two, nobody can tell: a date as an author would be worse than a loss.
    few = len(row) < wanted
    where = f"line {line} has" if line == ends else f"lines {line} to {ends}, one row by their quotation marks, have"
    said = f"{where} {len(row)} fields, the first line has {wanted}"
    why: tuple[BadRowReason, str] = ("too_few_fields" if few else "too_many_fields", said)
    return Record(line, {}, why, form.delimiter.join(row)[:SAMPLE_BYTES].encode("utf-8", "replace"))


def _text(raw: "_Bytes", encoding: str) -> io.TextIOWrapper:
    # Five bytes of Windows-1252 mean nothing: each costs a character.
    return io.TextIOWrapper(raw, encoding=encoding, errors="replace", newline="")


def _bounded(text: io.TextIOWrapper) -> Iterator[str]:
    """Its lines; for one that is too long a field that csv refuses, so that it is a bad row."""
    ends = ("\n", "\r")
    while line := text.readline(LINE_MAX):
        if len(line) < LINE_MAX or line.endswith(ends):
            yield line
            continue
        while (rest := text.readline(LINE_MAX)) and not rest.endswith(ends):
            pass
        yield "x" * (csv.field_size_limit() + 1) + "\n"


def _likeness(lines: Sequence[str], sign: str) -> tuple[float, int]:
    """How much lines look like columns between such signs: the share that has as many as the first, and how many."""
    try:
        rows = [row for row in csv.reader(lines[:50], delimiter=sign) if row]
    except csv.Error:
        return 0.0, 0
    if not rows or len(rows[0]) < 2:
        return 0.0, 0
    return sum(len(row) == len(rows[0]) for row in rows) / len(rows), len(rows[0])


def _named(header: Sequence[str]) -> tuple[str, ...]:
    """The names of the columns, each once: the second `Datum` is `Datum (2)`, one without a name `column 4`."""
    names: list[str] = []
    known: set[str] = set()
    same: dict[str, int] = {}
    for number, cell in enumerate(header, start=1):
        name = " ".join(cell.replace("\ufeff", "").split()) or f"column {number}"
        told = name
        while told in known:
            same[name] = same.get(name, 1) + 1  # counted on: thousands of columns may have one name
            told = f"{name} ({same[name]})"
        known.add(told)
        names.append(told)
    while names and names[-1] == f"column {len(names)}":
        names.pop()  # Excel's empty columns at the end
    return tuple(names)
