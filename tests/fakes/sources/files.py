"""People and programs that put exports into a directory: slowly, in pieces, twice, in the encodings of their tools."""

import asyncio
import csv
import io
import json
import os
import tempfile
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from stream.sources.column_map import ColumnMap
from stream.sources.file_drop import FileDrop, FileDropOptions
from stream.sources.shapes import Shape, rule
from stream.sources.values import Dates
from tests.sources.laws import Case, Said, World
from tests.sources.virtual import now_ms

NAME = "drop"
ZONE = "Europe/Amsterdam"
COLUMNS = ColumnMap(
    Shape(
        {
            "id": rule("Bericht ID"),
            "created_at": rule("Datum", "Tijd", join=" "),
            "text": rule("Bericht"),
            "author": rule("Auteur"),
        },
        dates=Dates(ZONE),
    )
)
HEADER = ["Bericht ID", "Datum", "Tijd", "Auteur", "Bericht", "Sentiment"]


def export(rows: list[tuple[str, int, str]], *, delimiter: str = ";", encoding: str = "windows-1252") -> bytes:
    """What a tool would write of (id, when, text)."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(HEADER)
    for name, at_ms, text in rows:
        at = datetime.fromtimestamp(at_ms / 1000, ZoneInfo(ZONE))
        writer.writerow([name, f"{at.day}-{at.month}-{at.year}", f"{at:%H:%M:%S}", "an\u00e9", text, "negatief"])
    return out.getvalue().encode(encoding, "replace")


class FilesStage:
    """A directory for the laws; see `tests.sources.laws.Stage`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._shelf = tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None)  # noqa: PTH112
        self.directory = Path(self._shelf.name) / "drop"
        self._away = Path(self._shelf.name) / "away"
        self.directory.mkdir()
        self._said: list[Said] = []
        self._number = 0

    def source(self) -> FileDrop:
        options = FileDropOptions(str(self.directory), COLUMNS, ZONE, rows=50)
        return FileDrop(NAME, options, around=self._world.around)

    @property
    def _there(self) -> Path:
        return self._away if self._away.exists() else self.directory

    def _rows(self, count: int) -> list[tuple[str, int, str]]:
        rows = []
        for _ in range(count):
            self._number += 1
            rows.append((f"m{self._number}", now_ms(), f'Acme: \u20ac5\nkwijt "{self._world.rng.random()}"; balen'))
        return rows

    def _note(self, rows: list[tuple[str, int, str]]) -> None:
        self._said += [Said("create", f"{NAME}:{name}", at_ms) for name, at_ms, _ in rows]

    async def play(self, seconds: float) -> None:
        rng = self._world.rng
        end_ms = now_ms() + seconds * 1000
        while now_ms() < end_ms:
            await asyncio.sleep(rng.expovariate(1 / 60))
            rows = self._rows(rng.randrange(1, 220))
            form = rng.choice([(";", "windows-1252"), (",", "utf-8"), (";", "utf-8-sig"), ("\t", "utf-16")])
            body = export(rows, delimiter=form[0], encoding=form[1])
            if rng.random() < 0.2:
                body = self._lines(rows)
            await self._put(body, rng.choice(["whole", "slow", "renamed", "twice"]))
            self._note(rows)
            if rng.random() < 0.05:
                self._there.joinpath(f"odd{self._number}.xlsx").write_bytes(b"PK\x03\x04" + rng.randbytes(200))
            if rng.random() < 0.03:
                self.stall()
                await asyncio.sleep(rng.uniform(30, 400))
                self.heal()
        # Something goes wrong in every hour, also in a short one.
        self.stall()
        await asyncio.sleep(20)
        self.heal()

    async def _put(self, body: bytes, how: str) -> None:
        target = self._there / f"export {self._number}.csv"
        if how == "renamed":
            part = target.with_name(target.name + ".part")
            part.write_bytes(body)
            await asyncio.sleep(30)
            (self._there / part.name).replace(self._there / target.name)
        elif how == "slow":
            for end in range(0, len(body), max(1, len(body) // 4)):
                (self._there / target.name).write_bytes(body[:end])
                await asyncio.sleep(6)
            (self._there / target.name).write_bytes(body)
        else:
            target.write_bytes(body)
            if how == "twice":
                target.with_name(f"again {self._number}.csv").write_bytes(body)

    def _lines(self, rows: list[tuple[str, int, str]]) -> bytes:
        """The same as JSON lines, by the same map."""
        table = csv.DictReader(io.StringIO(export(rows, encoding="utf-8").decode(), newline=""), delimiter=";")
        return b"\n".join(json.dumps(row).encode() for row in table)

    def said(self) -> list[Said]:
        return list(self._said)

    def say(self) -> Said:
        rows = self._rows(1)
        (self._there / f"one {self._number}.csv").write_bytes(export(rows))
        self._note(rows)
        return self._said[-1]

    def stall(self) -> None:
        if not self._away.exists():
            self.directory.rename(self._away)

    def heal(self) -> None:
        if self._away.exists():
            self._away.rename(self.directory)

    def spoil(self) -> int:
        body = export(self._rows(3)).replace(b"2026", b"nooit") + b"te;weinig\r\n"
        (self._there / "spoilt.csv").write_bytes(body)
        return 4

    @property
    def asked(self) -> int:
        shelf = self._there / "done"
        return len(list(shelf.iterdir())) // 2 if shelf.exists() else 0


CASE = Case(NAME, "full", FilesStage, settle_s=400.0)
