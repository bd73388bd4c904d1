"""EDGE. What a drill says about itself in its directory: its name, how its time runs, its process, and its score."""

import os
from pathlib import Path

import msgspec

from stream.codec import canonical, decode

NAME = "drill.json"
SCORE = "score.json"


class DrillFile(msgspec.Struct, frozen=True, kw_only=True):
    """One drill. Core time is that of the recording: it was `core_ms` when the clock on the wall said `wall_ms`, and
    runs `speed` times as fast.
    """

    name: str
    """`drill-` and what tells it from other drills: the beginning of every id in it."""
    speed: int
    core_ms: int
    wall_ms: int
    ends_ms: int
    """When it ends at the latest, by the clock on the wall."""
    brands: tuple[str, ...]
    pid: int

    def core_time(self, wall_ms: int) -> int:
        """The recording's time at a moment of the clock on the wall.

        >>> drill = DrillFile(name="drill-a", speed=60, core_ms=1_000, wall_ms=0, ends_ms=9, brands=("a",), pid=1)
        >>> drill.core_time(1_000)
        61000
        """
        return self.core_ms + max(0, wall_ms - self.wall_ms) * self.speed


class Took(msgspec.Struct, frozen=True):
    """How long one thing took by the recording's time, and how long it was allowed to take; both in milliseconds."""

    name: str
    took_ms: int | None
    promised_ms: int | None = None
    kept: bool | None = None


class DrillScore(msgspec.Struct, frozen=True, kw_only=True):
    """How a drill went, in figures: it quotes nobody, so it may stay when what was said in it is erased."""

    ended: str
    ended_ms: int
    """By the clock on the wall."""
    incident: str = ""
    """The incident that is scored; empty where nothing was noticed."""
    brand: str = ""
    scenario: str = ""
    severity: str = ""
    paged: bool = False
    missed: bool = True
    """Whether a promise was not kept, or nobody was woken at all."""
    figures: tuple[Took, ...] = ()


def write_drill(directory: Path, drill: DrillFile) -> None:
    """Say in its directory that this is a drill. Raises `OSError`."""
    _write(directory / NAME, canonical(drill))


def write_score(directory: Path, score: DrillScore) -> None:
    """Keep how it went beside it. Raises `OSError`."""
    _write(directory / SCORE, canonical(score))


def read_score(directory: Path) -> DrillScore | None:
    """How a drill went; `None` where it has not ended, or that cannot be read."""
    try:
        return decode((directory / SCORE).read_bytes(), DrillScore)
    except (OSError, msgspec.MsgspecError):
        return None


def _write(path: Path, body: bytes) -> None:
    draft = path.with_name(f"{path.name}.new")
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as file:
        file.write(body)
    draft.rename(path)


def read_drill(directory: Path) -> DrillFile | None:
    """What a directory says of a drill; `None` where it is none, or where that cannot be read."""
    try:
        return decode((directory / NAME).read_bytes(), DrillFile)
    except (OSError, msgspec.MsgspecError):
        return None
