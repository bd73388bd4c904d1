"""EDGE. What the pages of flowchart, sources, drills and settings are answered from, in one process."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from starlette.requests import Request
from starlette.responses import Response

from stream.sources.feeding import Feeding
from tocsin.console.acts import Acts
from tocsin.console.audit import Audit
from tocsin.console.chart_room import ChartRoom
from tocsin.console.doors import Visitor
from tocsin.console.drill_room import DrillRoom
from tocsin.console.settings_room import SettingsRoom
from tocsin.console.source_room import Hears, SourceRoom
from tocsin.console.wording import Words
from tocsin.overview import Shows


class Rooms(NamedTuple):
    """One for each page. `start_drill` starts a drill in a responder's name and says what was started; `None`: not
    from here.
    """

    charts: ChartRoom
    sources: SourceRoom
    drills: DrillRoom
    settings: SettingsRoom
    start_drill: Callable[[str], str] | None = None


class RoomDesk(Protocol):
    """What the doors of these pages are answered from."""

    @property
    def rooms(self) -> Rooms: ...
    @property
    def acts(self) -> Acts: ...
    @property
    def words(self) -> Words: ...
    def language(self, request: Request) -> str: ...
    def render(
        self, request: Request, visitor: Visitor | None, template: str, *, status: int = 200, **context: Any
    ) -> Response: ...


def rooms_over(
    shows: Shows,
    audit: Audit | None,
    *,
    hears: Hears | None = None,
    feedings: Sequence[Feeding] = (),
    counts: Callable[[], Mapping[str, int]] = dict,
    start_drill: Callable[[str], str] | None = None,
) -> Rooms:
    """The rooms over whatever shows how things stand; `hears` and what follows, where sources are heard in it too."""
    settings, clock = shows.settings, shows.clock
    return Rooms(
        charts=ChartRoom(shows),
        sources=SourceRoom(settings, clock, hears=hears, feedings=feedings, counts=counts),
        drills=DrillRoom(settings, clock, settings.file, shows.live.name_of),
        settings=SettingsRoom(settings, clock, audit),
        start_drill=start_drill,
    )


def sees(visitor: Visitor) -> Callable[[str], bool]:
    """Whether a visitor sees a brand."""
    return lambda brand: visitor.may("see", brand)
