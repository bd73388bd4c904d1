"""Drills and reviews as a page lists them: how long each thing took against what was promised. Pure."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from tocsin.console.own_words import own_line
from tocsin.drill_file import DrillFile, DrillScore

DrillState = Literal["running", "over", "broken"]
"""It runs; it ended and has its score; it ended without one, because its process died."""


class FigureSeen(msgspec.Struct, frozen=True, kw_only=True):
    """How long one thing took."""

    name: str
    """`detect`, `page`, `acknowledge`, `own` or `statement`."""
    took_ms: int | None
    """By the recording's time; `None`: it never came to it."""
    really_ms: int | None
    """By the clock on the wall: what people had."""
    promised_ms: int | None = None
    kept: bool | None = None
    """`None`: nothing was promised, or that is still open."""


class DrillSeen(msgspec.Struct, frozen=True, kw_only=True):
    """One drill."""

    name: str
    state: DrillState
    began_ms: int
    ends_ms: int
    """When it ended, or when it ends at the latest."""
    speed: int
    brands: tuple[str, ...]
    ended: str = ""
    """Why it ended, in words."""
    brand: str = ""
    scenario: str = ""
    severity: str = ""
    noticed: bool = False
    paged: bool = False
    missed: bool = False
    figures: tuple[FigureSeen, ...] = ()
    has_review: bool = False


class PastSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A real incident that can be looked back upon."""

    incident: str
    brand: str
    timezone: str
    severity: str
    what: str
    """In English."""
    noticed_ms: int
    ended_ms: int = 0
    because: str = ""
    woken: tuple[str, ...] = ()
    """As people call them."""
    scenario: str = ""
    is_friendly: bool = False
    """Whether `what` says that it is not negative."""
    written: tuple[str, ...] = ()
    """Names of the files into which its review was written."""


class DrillsSeen(msgspec.Struct, frozen=True, kw_only=True):
    """All of them, the latest first."""

    at_ms: int
    timezone: str
    running: DrillSeen | None = None
    drills: tuple[DrillSeen, ...] = ()
    more_drills: int = 0
    past: tuple[PastSeen, ...] = ()
    more_past: int = 0
    channel: str = ""
    """Where a drill's cards are posted; empty: on the terminal."""
    speed: int = 10
    longest_ms: int = 0
    config: str = ""
    """Name of the configuration's file, for the command that starts one."""


def drill_seen(
    file: DrillFile, score: DrillScore | None, *, runs: bool, has_review: bool, visible: Sequence[str]
) -> DrillSeen:
    """A drill by what it says in its directory; of its brands those that are `visible`."""
    shown = DrillSeen(
        name=file.name,
        state="running" if runs else "over" if score is not None else "broken",
        began_ms=file.wall_ms,
        ends_ms=score.ended_ms if score is not None else file.ends_ms,
        speed=file.speed,
        brands=tuple(own_line(brand, 60) for brand in visible),
        has_review=has_review,
    )
    if score is None:
        return shown
    return msgspec.structs.replace(
        shown,
        ended=own_line(score.ended, 200),
        brand=own_line(score.brand, 60),
        scenario=score.scenario,
        severity=score.severity,
        noticed=bool(score.incident),
        paged=score.paged,
        missed=score.missed,
        figures=tuple(
            FigureSeen(
                name=one.name,
                took_ms=one.took_ms,
                really_ms=_really(one.name, one.took_ms, file.speed),
                promised_ms=one.promised_ms,
                kept=one.kept,
            )
            for one in score.figures
        ),
    )


def _really(name: str, took_ms: int | None, speed: int) -> int | None:
    """What it took by the clock on the wall; nobody's time is in how long detectors took."""
    return None if took_ms is None or name == "detect" or speed <= 1 else took_ms // speed
