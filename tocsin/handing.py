"""EDGE. A press that came in at the wrong door: between a service and the drill that runs beside it.

Both use one Slack app, so what people press in a drill reaches the service where that holds the sockets or the port,
and the other way round for a moment after the service was started beside a drill. Each puts what is the other's into
its letterbox, where it is on the disk before whoever pressed is answered. Neither ever opens the other's stores.
"""

from pathlib import Path

import msgspec

from alerting.delivery.ways import Click
from alerting.escalation import slug
from stream.codec import canonical, decode
from tocsin.drill_file import DrillFile
from tocsin.entry import Answer
from tocsin.letterbox import post
from tocsin.state import DRILL

DRILLS = "drills"
"""Directory of the drills, inside the data directory of a service."""
RUNNING = "running.json"
OVER = "This drill is over. Nothing was changed."
TAKEN = "DRILL: taken to the drill."


class Running(msgspec.Struct, frozen=True):
    """The drill that runs beside a service, and where it keeps its things."""

    directory: str
    drill: DrillFile


def announce(data: Path, running: Running) -> None:
    """Say in a service's data directory that a drill runs. Raises `OSError`."""
    drills = data / DRILLS
    drills.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = drills / f"{RUNNING}.new"
    draft.write_bytes(canonical(running))
    draft.rename(drills / RUNNING)


def withdraw(data: Path) -> None:
    """The drill is over."""
    (data / DRILLS / RUNNING).unlink(missing_ok=True)


def running(data: Path, now_ms: int) -> Running | None:
    """The drill that runs beside a service, if one does; one that died is over when its time is."""
    try:
        found = decode((data / DRILLS / RUNNING).read_bytes(), Running)
    except (OSError, msgspec.MsgspecError):
        return None
    return found if now_ms <= found.drill.ends_ms else None


def to_drill(data: Path, click: Click, who: str, now_ms: int) -> str | None:
    """Hand a press that a service does not know to the drill that it belongs to; returns what whoever pressed is told,
    `None` where it belongs to no drill either. Raises `OSError` where it could not be put on the disk.
    """
    if not click.incident.startswith(DRILL):
        return None
    found = running(data, now_ms)
    if found is None or not click.incident.startswith(f"{found.drill.name}-"):
        return OVER
    brand = brand_of(click.incident.removeprefix(f"{found.drill.name}-"), found.drill.brands)
    if brand is None:
        return None
    post(Path(found.directory), _answer(click, who, brand, found.drill.core_time(click.at_ms)))
    return TAKEN


def to_service(data: Path, brands: tuple[str, ...], click: Click, who: str) -> str | None:
    """Hand a press that a drill does not know to the service whose incident it names; `None` where it names no brand of
    it. Raises `OSError`.
    """
    brand = brand_of(click.incident, brands) if not click.incident.startswith(DRILL) else None
    if brand is None:
        return OVER if click.incident.startswith(DRILL) else None
    post(data, _answer(click, who, brand, click.at_ms))
    return "Noted."


def brand_of(name: str, brands: tuple[str, ...]) -> str | None:
    """Whose incident this is, by its name.

    >>> brand_of("acme-air-1767614700000", ("Acme", "Acme Air"))
    'Acme Air'
    """
    found = [brand for brand in brands if name.startswith(f"{slug(brand)}-")]
    return max(found, key=len, default=None)


def _answer(click: Click, who: str, brand: str, at_ms: int) -> Answer:
    return Answer(
        id=click.id,
        brand=brand,
        incident=click.incident,
        answer=click.action,  # type: ignore[arg-type]  # the letterbox refuses what is none
        who=who,
        at_ms=at_ms,
        node=click.node,
        choice=click.choice,
    )
