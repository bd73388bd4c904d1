"""What would become of a file, before anybody lets it in: how it is written, which column is what, its first rows as
they would be stored, and what of it cannot be read, with its line.
"""

from pathlib import Path
from typing import Any

import msgspec

from stream.reading import BadMention, Reader
from stream.sources.column_map import ColumnMap, Proposal, propose, resolved, written
from stream.sources.file_rows import SAMPLED_ROWS, Line, Looked, lines_of, look_at
from stream.sources.shapes import FIELDS, Shape, Unreadable, bytes_of, encode, items_in, row_of
from stream.sources.tables import BROKEN, BadFile, Form, because, form_of, opened, records

ERRORS_SHOWN = 20
PAYLOAD_MAX = 4 << 20
_CELL = 40


def preview(path: Path, columns: ColumnMap | None, *, zone: str, now_ms: int, rows: int = 5) -> dict[str, Any]:
    """A file as its directory would take it; without a map, by one that is proposed. Raises `BadFile`."""
    proposal: Proposal | None = None
    try:
        looked = look_at(path, columns, zone)
    except BadFile as bad:
        if bad.reason != "no_map":
            raise
        form = form_of(path)
        proposal = propose(form, _cells(path, form), zone)
        columns = proposal.columns
        if proposal.missing:
            return {**_head(path, Looked("csv", form)), **_proposed(proposal), "columns": _columns(path, form, None)}
        shape, absent = resolved(columns, form)
        looked = Looked("csv", form, shape, tuple(absent))
    found = _Found(rows)
    for line in lines_of(path, looked, now_ms):
        found.note(line, now_ms)
    shown = _columns(path, looked.form, looked.shape) if looked.form is not None else []
    map_shown = written(columns) if columns is not None else None
    return {**_head(path, looked), **_proposed(proposal), "columns": shown, "map": map_shown, **found.summary()}


def preview_payload(path: Path, shape: Shape, *, now_ms: int, rows: int = 5) -> dict[str, Any]:
    """A payload that a vendor posts, in a file. Raises `BadFile`."""
    with opened(path) as raw:
        try:
            body = raw.read(PAYLOAD_MAX + 1)
        except BROKEN as error:
            raise BadFile("cannot_be_read", f"it breaks off, {because(error)}") from None
    if len(body) > PAYLOAD_MAX:
        raise BadFile("too_big", f"a payload of more than {PAYLOAD_MAX >> 20} MiB is not taken")
    try:
        items = items_in(body, shape)
    except Unreadable as bad:
        raise BadFile("not_json", bad.detail) from None
    found = _Found(rows)
    for number, item in enumerate(items, start=1):
        try:
            found.note(Line(number, encode(row_of(item, shape, now_ms))), now_ms)
        except Unreadable as bad:
            found.note(Line(number, None, bad.reason, bad.detail, bytes_of(item)), now_ms)
    head: dict[str, Any] = {"file": path.name, "kind": "payload", "encoding": None, "delimiter": None, "absent": []}
    return {**head, **_proposed(None), "columns": [], "map": None, **found.summary()}


class _Found:
    """What was found in a file, and its first rows."""

    def __init__(self, rows: int) -> None:
        self._wanted = rows
        self._reader = Reader("preview")
        self._good = 0
        self._old = 0
        self._first: list[dict[str, Any]] = []
        self._reasons: dict[str, int] = {}
        self._errors: list[dict[str, object]] = []

    def note(self, line: Line, now_ms: int) -> None:
        """Count a row; one that could be made may still be no mention."""
        if line.row is None:
            self._bad(line.number, line.reason, line.detail)
            return
        try:
            self._reader.read(line.row, now_ms)
        except BadMention as bad:
            self._bad(line.number, bad.reason, bad.detail)
            return
        self._good += 1
        row = msgspec.json.decode(line.row)
        self._old += row.get("live") is False
        if len(self._first) < self._wanted:
            self._first.append({"line": line.number, "row": row})

    def summary(self) -> dict[str, Any]:
        """All of it, to be shown."""
        bad = sum(self._reasons.values())
        return {
            "rows": self._good + bad,
            "good": self._good,
            "back_fill": self._old,
            "bad": bad,
            "reasons": self._reasons,
            "first": self._first,
            "errors": self._errors,
        }

    def _bad(self, number: int, reason: str, detail: str) -> None:
        self._reasons[reason] = self._reasons.get(reason, 0) + 1
        if len(self._errors) < ERRORS_SHOWN:
            self._errors.append({"line": number, "reason": reason, "detail": detail})


def _head(path: Path, looked: Looked) -> dict[str, Any]:
    form = looked.form
    return {
        "file": path.name,
        "kind": looked.kind,
        "encoding": form.encoding if form is not None else None,
        "delimiter": form.delimiter if form is not None else None,
        "absent": list(looked.absent),
    }


def _proposed(proposal: Proposal | None) -> dict[str, Any]:
    if proposal is None:
        return {"proposed": False, "tool": "", "missing": []}
    shown = {"proposed": True, "tool": proposal.tool, "missing": list(proposal.missing)}
    return {**shown, "map": written(proposal.columns)}


def _columns(path: Path, form: Form, shape: Shape | None) -> list[dict[str, Any]]:
    """Each column with the fields that it goes to, and one thing that stands in it."""
    examples: dict[str, str] = {}
    for cells in _cells(path, form):
        for name, cell in cells.items():
            if cell.strip():
                examples.setdefault(name, " ".join(cell.split())[:_CELL])
    rules = shape.fields if shape is not None else {}
    return [
        {
            "column": name,
            "fields": [field for field in FIELDS if field in rules and name in rules[field].paths],
            "example": examples.get(name, ""),
        }
        for name in form.columns
    ]


def _cells(path: Path, form: Form) -> list[dict[str, str]]:
    found = []
    for record in records(path, form):
        if record.problem is None:
            found.append(record.cells)
        if len(found) >= SAMPLED_ROWS:
            break
    return found
