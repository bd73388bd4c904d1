"""Time zones from the pinned `tzdata` package, never from the machine: the same instant is the same hour everywhere."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """The IANA zone of this name. Raises `ValueError` if `tzdata` has none.

    >>> zone("Europe/Amsterdam").key
    'Europe/Amsterdam'
    """
    parts = name.split("/")
    if not all(part.replace("_", "").replace("-", "").replace("+", "").isalnum() for part in parts):
        raise ValueError(f"no such time zone: {name[:60]!r}")
    package = ".".join(("tzdata.zoneinfo", *parts[:-1]))
    try:
        with resources.files(package).joinpath(parts[-1]).open("rb") as file:
            return ZoneInfo.from_file(file, key=name)
    except (ModuleNotFoundError, FileNotFoundError, IsADirectoryError) as error:
        raise ValueError(f"no such time zone: {name[:60]!r}") from error


def local(at_ms: int, zone_name: str) -> datetime:
    """The wall clock in a zone at an instant.

    >>> local(1_792_886_400_000, "Europe/Amsterdam").isoformat()
    '2026-10-25T02:00:00+02:00'
    """
    return (_EPOCH + timedelta(milliseconds=at_ms)).astimezone(zone(zone_name))
