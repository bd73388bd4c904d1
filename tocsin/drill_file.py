"""EDGE. What a drill says about itself in its directory: its name, how its time runs, and which process it is."""

import os
from pathlib import Path

import msgspec

from stream.codec import canonical, decode

NAME = "drill.json"


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


def write_drill(directory: Path, drill: DrillFile) -> None:
    """Say in its directory that this is a drill. Raises `OSError`."""
    draft = directory / f"{NAME}.new"
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as file:
        file.write(canonical(drill))
    draft.rename(directory / NAME)


def read_drill(directory: Path) -> DrillFile | None:
    """What a directory says of a drill; `None` where it is none, or where that cannot be read."""
    try:
        return decode((directory / NAME).read_bytes(), DrillFile)
    except (OSError, msgspec.MsgspecError):
        return None
