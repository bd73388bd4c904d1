"""A directory into which people and programs put their exports. EDGE: reads and moves files.

A file is taken when it has stopped growing, goes row by row to the log, and then to `done/` with a report beside it; to
`bad/` if it cannot be taken. One that grew after all stays until it has stopped again, and is read on from there. The
place names the file under way and how many of its rows are kept: a process that ends goes on at the next row. Whoever
writes files can also give them their name last (`export.csv.part`, then renamed).
"""

import asyncio
import hashlib
import json
import os
import stat
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import structlog

from stream.sources.column_map import ColumnMap
from stream.sources.contract import BadPayload, Batch, Completeness, Sample, Surroundings, Trouble
from stream.sources.file_rows import Line, Looked, lines_of, look_at
from stream.sources.rows import read_place
from stream.sources.tables import BadFile
from stream.sources.web import Web

log = structlog.get_logger("tocsin")

REPORT = ".report.json"
ERRORS_MAX = 1_000
"""Named one by one in a report; the rest are counted."""
_UNFINISHED = (".part", ".partial", ".tmp", ".filepart", ".crdownload", ".swp", "~")
_SWEPT_S = 3_600.0
_NAME_MAX = 120
"""Bytes of a name in `done/` and `bad/`: with a number and a report's ending no file system finds it too long."""


class FileDropOptions(NamedTuple):
    """What an operator says of a directory."""

    directory: str
    columns: ColumnMap | None = None
    """How its CSV files are read; `None`: only rows in the interchange form are."""
    zone: str = "UTC"
    every_s: float = 5.0
    steady_s: float = 10.0
    """So long a file must not change before it is taken."""
    rows: int = 500
    """At once."""
    largest_bytes: int = 256 << 20
    keep_s: float = 7 * 86_400.0
    """How long files in `done/` and `bad/` are kept: they hold what people wrote."""


class _Place(msgspec.Struct, omit_defaults=True):
    """The file under way, as it was when it was begun, and how many of its rows are kept."""

    file: str = ""
    size: int = 0
    changed_ns: int = 0
    row: int = 0

    def text(self) -> str:
        return msgspec.json.encode(self).decode()

    def same_file(self, found: "_Waiting") -> bool:
        return (self.file, self.size, self.changed_ns) == (found.name, found.size, found.changed_ns)


class _Waiting(NamedTuple):
    path: Path
    size: int
    changed_ns: int

    @property
    def name(self) -> str:
        """As it is told and kept: what of it is no UTF-8 is written out."""
        return os.fsencode(self.path.name).decode("utf-8", "backslashreplace")


class _HalfRead(NamedTuple):
    """How far a file was read when it was seen to have changed meanwhile."""

    row: int
    last: Line | None
    """That row, to be known again: a file that was written anew is begun anew."""
    at_ms: int


class FileDrop:
    """One directory. Implements `Source`."""

    kind = "files"
    completeness: Completeness = "full"

    def __init__(self, name: str, options: FileDropOptions, *, web: Web | None = None, around: Surroundings) -> None:
        self.name = name
        self.silent_after_s = 4 * options.every_s + 60
        self._options = options
        self._directory = Path(options.directory)
        self._around = around
        self._seen: dict[str, tuple[_Waiting, int]] = {}
        """Files as they were last seen, and since when they are so."""
        self._left: set[_Waiting] = set()
        """Files that were taken and could not be moved: they are not taken again until they change."""
        self._half_read: dict[str, _HalfRead] = {}
        self._swept_ms = 0

    async def batches(self, place: str | None) -> AsyncIterator[Batch]:
        """Every row of every file, for ever. Raises `Trouble` when the directory is not there."""
        kept = read_place(place, _Place) or _Place()
        while True:
            waiting = self._waiting()
            begun = next((one for one in waiting if kept.same_file(one)), None)
            for one in [begun] if begun is not None else self._steady(waiting):
                start = kept if kept.same_file(one) else await self._start(one)
                async for batch in self._taken(one, start):
                    yield batch
                kept = _Place()
                yield Batch(place=kept.text())
            if begun is None:
                self._sweep()
                yield Batch(known_until_ms=self._around.clock())
                await asyncio.sleep(self._options.every_s)

    async def check(self) -> Sample:
        """Look into the directory, and at the first row of a file that waits in it."""
        waiting = self._waiting()
        if not os.access(self._directory, os.W_OK):
            return Sample(
                ["The directory can be read but not written: files cannot be moved to `done/`."], complete=False
            )
        words = ["The directory is there and can be written."]
        for one in waiting:
            try:
                looked = look_at(one.path, self._options.columns, self._options.zone)
                lines = lines_of(one.path, looked, self._around.clock())
                row = next((line.row for line in lines if line.row is not None), None)
            except BadFile as bad:
                return Sample([*words, f"A file that waits cannot be taken: {bad.detail}."], complete=False)
            return Sample([*words, "This is the first row of a file that waits."], row, complete=row is not None)
        return Sample([*words, "No file waits."])

    # ---- which file

    def _waiting(self) -> list[_Waiting]:
        """Files that may be taken, the oldest first."""
        found: list[_Waiting] = []
        try:
            with os.scandir(self._directory) as entries:
                for entry in entries:
                    if entry.name.startswith(".") or entry.name.endswith((*_UNFINISHED, REPORT)):
                        continue
                    try:
                        status = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue  # somebody took it away again
                    if stat.S_ISREG(status.st_mode):
                        found.append(_Waiting(Path(entry.path), status.st_size, status.st_mtime_ns))
        except OSError as error:
            raise Trouble(f"its directory cannot be read ({type(error).__name__})") from None
        self._left.intersection_update(found)
        return sorted(set(found) - self._left, key=lambda one: (one.changed_ns, one.path.name))

    def _steady(self, waiting: list[_Waiting]) -> list[_Waiting]:
        now_ms = self._around.clock()
        before = self._seen
        self._seen = {}
        steady: list[_Waiting] = []
        for one in waiting:
            seen, since_ms = before.get(one.path.name, (one, now_ms))
            since_ms = since_ms if seen == one else now_ms
            self._seen[one.path.name] = (one, since_ms)
            if now_ms - since_ms >= self._options.steady_s * 1000:
                steady.append(one)
        self._half_read = {name: half for name, half in self._half_read.items() if name in self._seen}
        return steady

    # ---- one file

    async def _start(self, one: _Waiting) -> _Place:
        """Its beginning; of a file that was read in part and grew, the row up to which it was read."""
        start = _Place(one.name, one.size, one.changed_ns)
        half = self._half_read.pop(one.path.name, None)
        if half is None or half.last is None:
            return start
        try:
            for number, line in enumerate(lines_of(one.path, self._looked(one), half.at_ms), start=1):
                if number % self._options.rows == 0:
                    await asyncio.sleep(0)
                if number == half.row:
                    start.row = number if line == half.last else 0
                    break
        except Exception:  # noqa: BLE001 - it is met again, and told, when the file is taken
            start.row = 0
        return start

    async def _taken(self, one: _Waiting, start: _Place) -> AsyncIterator[Batch]:
        """Its rows from a place on; what was before is read again for the report."""
        now_ms = self._around.clock()
        report = _Report(one.name, now_ms)
        rows: list[bytes] = []
        bad: list[BadPayload] = []
        number = start.row
        line: Line | None = None
        for number, line in enumerate(self._lines(one, report), start=1):
            if number % self._options.rows == 0:
                await asyncio.sleep(0)  # others live on this loop too
            if number <= start.row:
                continue
            if line.row is not None:
                rows.append(line.row)
            else:
                bad.append(BadPayload(line.reason, f"line {line.number}: {line.detail}", line.raw))
            if len(rows) + len(bad) >= self._options.rows:
                yield Batch(rows, _with_row(start, number), bad)
                rows, bad = [], []
        if report.failed is not None and not _has_changed(one):
            bad.append(BadPayload(report.failed.reason, f"{one.name[:80]!a}: {report.failed.detail}", b""))
        if rows or bad:
            yield Batch(rows, _with_row(start, number), bad)
        # Everything that was handed out is kept by now: the next batch is asked for.
        if _has_changed(one):
            self._half_read[one.path.name] = _HalfRead(number, line, now_ms)
            log.info("a file changed while it was read", source=self.name, file=one.name[:80], rows=number)
            return
        self._move(one, "done" if report.failed is None else "bad", report)

    def _lines(self, one: _Waiting, report: "_Report") -> Iterator[Line]:
        """All its rows, noted in the report; and there too, why it could not be taken."""
        try:
            report.looked = self._looked(one)
            for line in _written(one, lines_of(one.path, report.looked, report.at_ms)):
                report.note(line)
                yield line
            if report.bad and not report.taken:
                raise BadFile("nothing_readable", "none of its rows can be read")
        except BadFile as why:
            report.failed = why
        except Exception as error:  # noqa: BLE001 - nothing that one file holds may stop those behind it
            log.warning("a file is set aside", source=self.name, file=one.name[:80], error=type(error).__name__)
            report.failed = BadFile("cannot_be_read", f"it cannot be read ({type(error).__name__})")

    def _looked(self, one: _Waiting) -> Looked:
        if one.size > self._options.largest_bytes:
            raise BadFile("too_big", f"more than {self._options.largest_bytes >> 20} MiB; cut it into pieces")
        return look_at(one.path, self._options.columns, self._options.zone)

    def _move(self, one: _Waiting, into: str, report: "_Report") -> None:
        shelf = self._directory / into
        try:
            shelf.mkdir(mode=0o700, exist_ok=True)
            target = next(path for path in _names(shelf, _safe(one)) if not path.exists())
            beside = target.with_name(target.name + REPORT)
            beside.write_text(report.text(), "utf-8", "backslashreplace")
        except OSError as error:
            raise Trouble(f"a file cannot be moved to `{into}/` ({type(error).__name__})") from None
        try:
            one.path.replace(target)
        except OSError as error:
            beside.unlink(missing_ok=True)
            if not os.access(self._directory, os.W_OK):
                raise Trouble(f"a file cannot be moved to `{into}/` ({type(error).__name__})") from None
            self._left.add(one)  # it alone: the others go on
            log.warning(
                "a file stays where it is", source=self.name, file=one.name[:80], into=into, error=type(error).__name__
            )

    def _sweep(self) -> None:
        """Remove what lies in `done/` and `bad/` for longer than it is kept."""
        now_ms = self._around.clock()
        if now_ms - self._swept_ms < _SWEPT_S * 1000:
            return
        self._swept_ms = now_ms
        for shelf in (self._directory / "done", self._directory / "bad"):
            for report in sorted(shelf.glob(f"*{REPORT}")):
                if _at_ms(report) < now_ms - self._options.keep_s * 1000:
                    report.with_name(report.name.removesuffix(REPORT)).unlink(missing_ok=True)
                    report.unlink(missing_ok=True)


class _Report:
    """What became of a file, for whoever put it there. It quotes no post."""

    def __init__(self, name: str, at_ms: int) -> None:
        self.looked: Looked | None = None
        self.failed: BadFile | None = None
        self.taken = 0
        self.bad = 0
        self.at_ms = at_ms
        self._name = name
        self._old = 0
        self._reasons: dict[str, int] = {}
        self._errors: list[dict[str, object]] = []

    def note(self, line: Line) -> None:
        """Count a row."""
        if line.row is not None:
            self.taken += 1
            self._old += b'"live":false' in line.row
            return
        self.bad += 1
        self._reasons[line.reason] = self._reasons.get(line.reason, 0) + 1
        if len(self._errors) < ERRORS_MAX:
            self._errors.append({"line": line.number, "reason": line.reason, "detail": line.detail})

    def text(self) -> str:
        """As it is written beside the file."""
        form = self.looked.form if self.looked is not None else None
        whole: dict[str, object] = {
            "file": self._name,
            "at_ms": self.at_ms,
            "result": "taken" if self.failed is None else self.failed.reason,
            "why": "" if self.failed is None else self.failed.detail,
            "kind": self.looked.kind if self.looked is not None else None,
            "encoding": form.encoding if form is not None else None,
            "delimiter": form.delimiter if form is not None else None,
            "columns": form.columns if form is not None else (),
            "absent": self.looked.absent if self.looked is not None else (),
            "rows_taken": self.taken,
            "rows_as_back_fill": self._old,
            "rows_bad": self.bad,
            "reasons": self._reasons,
            "errors": self._errors,
        }
        return json.dumps(whole, ensure_ascii=False, indent=1) + "\n"


def _has_changed(one: _Waiting) -> bool:
    """Whether it is no longer as it was seen; also when somebody took it away."""
    try:
        status = one.path.lstat()
    except OSError:
        return True
    return (status.st_size, status.st_mtime_ns) != (one.size, one.changed_ns)


def _written(one: _Waiting, lines: Iterator[Line]) -> Iterator[Line]:
    """All rows; the last, of which only half may be written yet, if the file is still as it was."""
    held: Line | None = None
    try:
        for line in lines:
            if held is not None:
                yield held
            held = line
    except Exception:
        if held is not None:
            yield held  # what is before the fault is whole
        raise
    if held is not None and not _has_changed(one):
        yield held


def _with_row(start: _Place, row: int) -> str:
    return _Place(start.file, start.size, start.changed_ns, row).text()


def _safe(one: _Waiting) -> str:
    """The name under which it is moved: in UTF-8, and so short that a number and a report's ending fit behind it."""
    name = os.fsencode(one.path.name).decode("utf-8", "replace").replace("\ufffd", "_")
    if len(name.encode()) <= _NAME_MAX:
        return name
    digest = hashlib.sha256(os.fsencode(one.path.name)).hexdigest()[:12]
    ending = "".join(Path(name).suffixes[-2:])
    ending = ending if len(ending.encode()) <= 16 else ""
    room = _NAME_MAX - len(f"-{digest}{ending}".encode())
    return f"{name.encode()[:room].decode('utf-8', 'ignore')}-{digest}{ending}"


def _names(shelf: Path, name: str) -> Iterator[Path]:
    """The name, and what to call it where there is one of that name."""
    yield shelf / name
    stem, dot, ending = name.partition(".")
    number = 2
    while True:
        yield shelf / f"{stem} ({number}){dot}{ending}"
        number += 1


def _at_ms(report: Path) -> int:
    try:
        found = json.loads(report.read_text("utf-8"))["at_ms"]
        return found if isinstance(found, int) else 0
    except (OSError, ValueError, KeyError, TypeError):
        return 0
