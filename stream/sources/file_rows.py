"""From a file that somebody exported to rows: CSV by a map of its columns, JSON lines, or one list in JSON.

The same file gives the same rows under the same ids, as often as it is read.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

from stream.reading import MAX_LINE
from stream.sources.column_map import ColumnMap, propose, resolved, written
from stream.sources.shapes import FRESH_MS, Shape, Unreadable, bytes_of, decoded, encode, items_in, row_of
from stream.sources.tables import BROKEN, BadFile, Form, because, form_of, opened, records
from stream.sources.values import BadValue, moment

WHOLE_MAX = 64 << 20
"""Bytes of a file that must be read at once: one list in JSON."""
SAMPLED_ROWS = 50

FileKind = Literal["csv", "json_lines", "json"]


class Line(NamedTuple):
    """One row of a file."""

    number: int
    """Its line, from 1; of a list in JSON, which item."""
    row: bytes | None
    """In the interchange form; `None`: it cannot be read."""
    reason: str = ""
    detail: str = ""
    raw: bytes = b""


class Looked(NamedTuple):
    """What a file turned out to be."""

    kind: FileKind
    form: Form | None = None
    """Of columns."""
    shape: Shape | None = None
    """`None`: rows are in the interchange form already."""
    absent: tuple[str, ...] = ()
    """Columns that the map names and the file does not have, in words."""


def look_at(path: Path, columns: ColumnMap | None, zone: str) -> Looked:
    """Find out what a file is. Raises `BadFile`: also for columns without a map, with a map that may be right."""
    begins = _begins(path)
    if begins == b"[":
        return Looked("json", shape=None if columns is None else columns.shape)
    if begins == b"{":
        return Looked("json_lines", shape=None if columns is None else columns.shape)
    if columns is None:
        proposal = propose(*_sample(path), zone)
        shown = json.dumps(written(proposal.columns), ensure_ascii=False)
        raise BadFile("no_map", f"it has columns and no map of them is set; perhaps `columns: {shown}`")
    form = form_of(path, encoding=columns.encoding, delimiter=columns.delimiter, skip_lines=columns.skip_lines)
    shape, absent = resolved(columns, form)
    return Looked("csv", form, shape, tuple(absent))


def lines_of(path: Path, looked: Looked, now_ms: int) -> Iterator[Line]:
    """All rows of a file, in order. Raises `BadFile` where it breaks off."""
    if looked.kind == "csv":
        assert looked.form is not None
        assert looked.shape is not None
        for record in records(path, looked.form):
            if record.problem is not None:
                yield Line(record.line, None, *record.problem, record.raw)
            else:
                yield _line(record.line, record.cells, looked.shape, now_ms)
    elif looked.kind == "json_lines":
        for number, text in _text_lines(path):
            if len(text) > MAX_LINE:
                yield Line(number, None, "too_big", f"a line of more than {MAX_LINE} bytes", text[:4096])
            else:
                yield _json_line(number, text, looked.shape, now_ms)
    else:
        for number, item in enumerate(_whole(path, looked.shape), start=1):
            yield _line(number, item, looked.shape, now_ms)


def _json_line(number: int, text: bytes, shape: Shape | None, now_ms: int) -> Line:
    try:
        return _line(number, decoded(text), shape, now_ms)
    except Unreadable as bad:
        return Line(number, None, bad.reason, bad.detail, text)


def _line(number: int, item: object, shape: Shape | None, now_ms: int) -> Line:
    try:
        if shape is not None:
            return Line(number, encode(row_of(item, shape, now_ms)))
        if not isinstance(item, dict):
            raise Unreadable("not_an_object", f"a row is no {type(item).__name__}")
        return Line(number, bytes_of(_dated(item, now_ms)))
    except Unreadable as bad:
        return Line(number, None, bad.reason, bad.detail, bytes_of(item))


def _dated(row: dict[str, Any], now_ms: int) -> dict[str, Any]:
    """A row that is in the interchange form already, marked as a back-fill where it is old."""
    try:
        is_old = moment(row.get("created_at")) < now_ms - FRESH_MS
    except BadValue:
        return row  # whoever reads the row says what is wrong with it
    return {**row, "live": False} if is_old else row


def _begins(path: Path) -> bytes:
    with opened(path) as raw:
        head = raw.peek(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
    if not head:
        raise BadFile("empty", "there is nothing in it")
    return head[:1]


def _sample(path: Path) -> tuple[Form, list[dict[str, str]]]:
    form = form_of(path)
    rows = []
    for record in records(path, form):
        if record.problem is None:
            rows.append(record.cells)
        if len(rows) >= SAMPLED_ROWS:
            break
    return form, rows


def _text_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with opened(path) as raw:
        number = 0
        try:
            while line := raw.readline(MAX_LINE + 2):
                number += 1
                rest = line
                while not rest.endswith(b"\n") and (rest := raw.readline(MAX_LINE)):
                    pass  # the end of a line that is too long anyway
                text = (line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line).strip()
                if text:
                    yield number, text
        except BROKEN as error:
            raise BadFile("cannot_be_read", f"it breaks off at line {number + 1}, {because(error)}") from None


def _whole(path: Path, shape: Shape | None) -> list[object]:
    with opened(path) as raw:
        try:
            body = raw.read(WHOLE_MAX + 1)
        except BROKEN as error:
            raise BadFile("cannot_be_read", f"it breaks off, {because(error)}") from None
    if len(body) > WHOLE_MAX:
        raise BadFile("too_big", f"a list in JSON of more than {WHOLE_MAX >> 20} MiB; write one row a line")
    found: list[object] = []
    try:
        whole = decoded(body)
    except Unreadable:
        raise BadFile("not_json", "it is no list in JSON") from None
    for item in whole if isinstance(whole, list) else [whole]:
        found += items_in(bytes_of(item), shape) if shape is not None and shape.items else [item]
    return found
