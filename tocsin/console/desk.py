"""EDGE. The desk of a console: what its pages and its API get their answers from, in one process or in a worker.

Nothing here says which process that is: whoever has the core, the outbox and the flowchart before them, or sees them
from elsewhere, furnishes a desk (`tocsin.console.furnishing`).
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response

from tocsin.console.acts import Acts
from tocsin.console.audit import Audit
from tocsin.console.doors import Visitor
from tocsin.console.render import Renderer
from tocsin.console.rooms import Rooms, rooms_over
from tocsin.console.seen import NowSeen
from tocsin.console.seen_brand import BrandSeen, Span
from tocsin.console.seen_incident import IncidentLine, IncidentSeen
from tocsin.overview import Shows
from tocsin.settings import Settings


class Sees(Protocol):
    """How everything stands, read from what there is; it changes nothing."""

    def version(self) -> object:
        """Another one as soon as anything may look otherwise; cheap, to be asked each second."""

    def now(self, brands: Sequence[str] | None) -> NowSeen:
        """Every brand at this moment, of these alone (`None`: of all)."""

    async def incident(self, incident: str) -> IncidentSeen | None:
        """One incident, open or over; `None` where none is called so."""

    async def brand(self, brand: str, span: Span) -> BrandSeen | None:
        """One brand with its history over a span; `None` where none is called so."""

    async def incidents(self, brands: Sequence[str] | None) -> Sequence[IncidentLine]:
        """All incidents of these brands (`None`: of all), the latest first."""

    def brand_of(self, incident: str) -> str | None:
        """Whose incident one is; `None` where it is not known here."""

    def drawing(self, chart: str, walked: Sequence[str]) -> str:
        """A flowchart by its digest as SVG, with these nodes lit; "" where it is not known here. It carries a style of
        its own: show it as a picture from an address of its own, never inline.
        """


class Desk:
    """What handlers are given.

    Pages call `render`; what is live comes from `tocsin.console.live`, which renders `now_live.html` (with `now`),
    `incident_live.html` (`incident`) and `brand_live.html` (`brand`), each also with what the whole page is given.
    """

    def __init__(
        self,
        *,
        sees: Sees,
        shows: Shows,
        acts: Acts,
        renderer: Renderer,
        audit: Audit,
        settings: Settings,
        clock: Callable[[], int],
        rooms: Rooms | None = None,
    ) -> None:
        self.seen = sees
        self.shows = shows
        """Core, outbox and flowchart themselves, for what reads them its own way."""
        self.acts = acts
        self.renderer = renderer
        self.words = renderer.words
        self.audit = audit
        self.settings = settings
        self.clock = clock
        self.rooms = rooms or rooms_over(shows, audit)
        """What the pages of flowchart, sources, drills and settings are answered from."""

    def render(
        self, request: Request, visitor: Visitor | None, template: str, *, status: int = 200, **context: Any
    ) -> Response:
        """A whole page for one visitor."""
        return self.renderer.page(request, visitor, template, status=status, **context)

    def language(self, request: Request) -> str:
        """The language that a visitor reads."""
        return self.renderer.language(request)

    def visible(self, visitor: Visitor) -> tuple[str, ...]:
        """The brands that a visitor sees, in the order of the configuration."""
        return tuple(brand.name for brand in self.shows.brands if visitor.may("see", brand.name))
