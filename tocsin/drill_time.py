"""EDGE. How time runs in a drill: the core's by the recording, many times faster than that of the people in it."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from alerting.delivery.ways import Address, Click
from tocsin.drill_file import DrillFile
from tocsin.handing import to_service


class Beside(NamedTuple):
    """The service that a drill runs beside: its data directory, and whose incidents it has."""

    data: Path
    brands: tuple[str, ...]


class DrillTime:
    """The clocks of one drill. `wall` gives milliseconds since 1970, as people know them.

    >>> drill = DrillFile(name="drill-a", speed=60, core_ms=1_000, wall_ms=0, ends_ms=9, brands=("a",), pid=1)
    >>> DrillTime(drill, lambda: 2_000).now()
    121000
    """

    def __init__(self, drill: DrillFile, wall: Callable[[], int], beside: Beside | None = None) -> None:
        self.drill = drill
        self.wall = wall
        self._beside = beside

    def now(self) -> int:
        """The core's time."""
        return self.drill.core_time(self.wall())

    def core_time(self, wall_ms: int) -> int:
        """The core's time when the clock on the wall said so."""
        return self.drill.core_time(wall_ms)

    def to_service(self, click: Click, who: str) -> str | None:
        """Hand a press on what is no incident of the drill to the service beside it. Raises `OSError`."""
        if self._beside is None or click.incident.startswith(f"{self.drill.name}-"):
            return None
        return to_service(self._beside.data, self._beside.brands, click, who)


def is_for_drills(address: Address, channel: str | None) -> bool:
    """Whether a drill may go there: its own channel, where it names people; never another channel, nor another way.

    >>> is_for_drills(Address("ana", "slack", "U1"), "C3"), is_for_drills(Address("ana", "slack", "C1"), "C3")
    (True, False)
    >>> is_for_drills(Address("ana", "email", "ana@example.org"), "C3")
    False
    """
    if address.way == "terminal":
        return channel is None
    return address.way == "slack" and (address.to == channel or address.to[:1] in {"U", "W", "S"})
