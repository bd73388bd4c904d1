"""EDGE. How everything stands, for the pages and the API: read from the core, the outbox and the flowchart.

Reading never changes what is read. What is in memory is read at once, between two steps of the core; files are read in
a thread (`tocsin.console.reading`), and what comes of it is kept until something has changed.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec

from alerting.flowchart import picture
from alerting.flowchart.model import Chart
from alerting.flowchart.walk import Walk
from alerting.home import Overview
from alerting.incident import Incident
from alerting.naming import named_overview, named_view
from alerting.view import IncidentView
from alerting.words import sentence
from tocsin.brand_now import BrandFigures, brand_now, notice_at
from tocsin.console.all_lines import AllLines
from tocsin.console.courses import Courses
from tocsin.console.reading import Reading
from tocsin.console.seen import Health, NowSeen, hands_of, heard_of, now_seen
from tocsin.console.seen_brand import BrandSeen, Span, outcomes_of, threads_seen
from tocsin.console.seen_incident import IncidentLine, IncidentSeen, WalkSeen, people_seen, walk_seen
from tocsin.core_seen import incidents_of
from tocsin.overview import Overviews, Shows, bare_view
from tocsin.people import People
from tocsin.state import Brand, Content

LINES_SHOWN = 200
"""Incidents in a brand's list."""
INCIDENTS_KEPT = 64


class Deployed(Shows, Protocol):
    """What is looked at."""

    @property
    def people(self) -> People: ...


class Seeing:
    """What a console shows of a deployment.

    `brand` gives a brand of the core with its detectors, `None` where the core is elsewhere; `health` says how well the
    service is; `moved` is another value as soon as the core has moved on; `looked_back` gives, by incident, what
    somebody said of it afterwards; `courses` knows how the incidents of the journal went; `heard_from_ms` is since when
    somebody listens without a gap.
    """

    def __init__(
        self,
        works: Deployed,
        reading: Reading,
        *,
        brand: Callable[[str], Brand | None] = lambda _: None,
        health: Callable[[], Health],
        moved: Callable[[], object],
        looked_back: Callable[[], Mapping[str, str]] = dict,
        courses: Courses | None = None,
        heard_from_ms: Callable[[], int] = lambda: 0,
    ) -> None:
        self._works = works
        self._reading = reading
        self._brand = brand
        self._health = health
        self._moved = moved
        self._heard_from_ms = heard_from_ms
        self._overviews = Overviews(works)
        self._now: tuple[object, Overview, dict[str, BrandFigures | None]] | None = None
        self._lines = AllLines(works, looked_back=looked_back, courses=courses)
        self._incidents: dict[str, tuple[object, IncidentSeen]] = {}

    def version(self) -> object:
        """Another one as soon as anything may look otherwise."""
        health = self._health()
        well = len(health.wrong), len(health.troubles), self._works.behind_s() // 5
        return self._moved(), self._works.outbox.db.total_changes, well

    # ---- now

    def now(self, brands: Sequence[str] | None) -> NowSeen:
        """Every brand at this moment, of these alone (`None`: of all)."""
        version = self.version(), self._works.clock() // 1000
        if self._now is None or self._now[0] != version:
            figures = {one.name: self.figures(one.name) for one in self._works.brands}
            self._now = version, named_overview(self._overviews.now(), self._works.live.name_of), figures
        return now_seen(self._now[1], self._now[2].get, self._health(), brands=brands)

    def figures(self, brand: str) -> BrandFigures | None:
        """A brand in figures; `None` where the core's numbers are not seen from here, or there are none yet."""
        found = self._brand(brand)
        if found is None:
            return None
        at_ms = self._works.clock() - self._works.behind_s() * 1000
        return brand_now(found, at_ms, heard_from_ms=self._heard_from_ms())

    # ---- incidents

    def brand_of(self, incident: str) -> str | None:
        """Whose incident one is."""
        return self._works.people.brand_of(incident)

    async def incident(self, incident: str) -> IncidentSeen | None:
        """One incident, open or over."""
        known = next((one for one in incidents_of(self._works.core) if one.id == incident), None)
        view = self._works.outbox.view(incident) or (bare_view(known) if known is not None else None)
        view = view or await asyncio.to_thread(self._reading.told_view, incident)
        if view is None:
            return None
        version = self.version()
        kept = self._incidents.pop(incident, None)
        if kept is None or kept[0] != version:
            kept = version, await self._incident(view, known)
        self._incidents[incident] = kept
        while len(self._incidents) > INCIDENTS_KEPT:
            del self._incidents[next(iter(self._incidents))]
        return kept[1]

    async def _incident(self, view: IncidentView, known: Incident | None) -> IncidentSeen:
        works, at_ms, late_s = self._works, self._works.clock(), self._works.behind_s()
        view = msgspec.structs.replace(view, timezone=self._zone(view.brand), data_late_s=late_s)
        rows = works.outbox.pages(view.incident)
        walked = self._walked(known.walk) if known is not None and known.walk is not None else None
        figures = None if view.over else self.figures(view.brand)
        heard_ms = heard_of(view, figures)
        state = works.core.brands.get(view.brand)
        names = {one.who: works.live.name_of(one.who) for one in view.paged}
        brand = self._brand(view.brand)
        notice = notice_at(brand, view.updated_ms) if brand is not None else 0
        told = await asyncio.to_thread(self._reading.incident, view, figures, rows, notice)
        return IncidentSeen(
            at_ms=at_ms,
            late_s=late_s,
            view=named_view(told.view, works.live.name_of),
            why=sentence(view, heard_ms=heard_ms),
            hands=hands_of(view),
            heard_ms=heard_ms,
            is_open=not view.over,
            shadow=state is not None and works.is_shadow(state.content),
            series=told.series,
            walk=walked,
            earlier=told.earlier,
            people=people_seen(view.paged, rows, names),
            notified=tuple(msgspec.structs.replace(one, name=works.live.name_of(one.who)) for one in told.notified),
            moments=told.moments,
            in_dutch=told.in_dutch,
            asks=told.view.asks,
            figures=figures,
        )

    def _walked(self, walk: Walk) -> WalkSeen:
        seen = walk_seen(walk, self._chart(walk.chart))
        return msgspec.structs.replace(seen, next_who=tuple(map(self._works.live.name_of, seen.next_who)))

    def _chart(self, name: str) -> Chart | None:
        try:
            return self._works.people.contents.chart(name)
        except KeyError:  # another worker's, and not read here yet
            return None

    def _zone(self, brand: str) -> str:
        return next((one.timezone for one in self._works.brands if one.name == brand), self._works.settings.timezone)

    def drawing(self, chart: str, walked: Sequence[str]) -> str:
        """A flowchart by its digest as SVG, with these nodes lit; "" where it is not known here."""
        found = self._chart(chart)
        return picture.svg(found, walked) if found is not None else ""

    async def incidents(self, brands: Sequence[str] | None) -> Sequence[IncidentLine]:
        """All incidents of these brands (`None`: of all), the latest first."""
        await asyncio.to_thread(self._lines.read_on)
        return [line for line in self._lines.all() if brands is None or line.brand in brands]

    # ---- a brand

    async def brand(self, brand: str, span: Span) -> BrandSeen | None:
        """One brand with its history over a span; `None` where none is called so."""
        line = next(iter(self.now([brand]).brands), None)
        if line is None:
            return None
        works, at_ms, found = self._works, self._works.clock(), self._brand(brand)
        lines = (await self.incidents([brand]))[:LINES_SHOWN]
        content = self._content(brand)
        threads = threads_seen(found.state.window) if found is not None else ()
        said = await asyncio.to_thread(self._reading.brand, brand, span, at_ms, threads)
        return BrandSeen(
            at_ms=at_ms,
            late_s=works.behind_s(),
            line=line,
            history=said.history,
            explanation=said.explanation,
            threads=said.threads,
            incidents=tuple(lines),
            outcomes=outcomes_of(lines),
            plans=tuple(plan for plan in content.plans if plan.end_ms > at_ms) if content is not None else (),
            pages_milli=content.pages_milli if content is not None else 1000,
            notices_milli=content.notices_milli if content is not None else 3000,
        )

    def _content(self, brand: str) -> Content | None:
        """How a brand is judged; `None` where nothing was said yet, or that is not known here."""
        state = self._works.core.brands.get(brand)
        if state is None or not state.content:
            return None
        try:
            return self._works.people.contents.content(state.content)
        except KeyError:
            return None
