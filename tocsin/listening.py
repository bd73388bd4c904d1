"""EDGE. The sources of a service, each fed to its log, for as long as it runs.

source -> feeding -> intake log          each change of how it does -> `SourceReport` of every brand that it feeds
"""

import asyncio
from collections.abc import Callable

from stream.codec import DAY_MS, canonical
from stream.sources.contract import Source, Surroundings
from stream.sources.feeding import LOOK_S, Feeding, Status
from stream.sources.places import SourcePurse
from tocsin.entry import SourceReport
from tocsin.settings import Settings
from tocsin.source_base import SourceSection
from tocsin.source_threads import CoreThreads
from tocsin.sources import fed_by, listened_to, made
from tocsin.works import Works

Make = Callable[[Settings, SourceSection, Surroundings], Source]

SHOW_EVERY_S = 5.0
COSTS_DAYS = 30
HOLD_STEPS = 3
"""Grid steps for which a gap that was found after the fact is told of, so that one of them is scored with it."""


class Listening:
    """All sources of a configuration that are listened to, over the works of a service.

    Each looks at itself every `look_s` at least. `make` stands in for what makes a source of its section. Raises
    `SettingsError` where a secret cannot be had.
    """

    def __init__(self, settings: Settings, works: Works, *, make: Make = made, look_s: float = LOOK_S) -> None:
        self._works = works
        threads = CoreThreads(works.engine, works.home.names, works.home.texts)
        self.feedings: list[Feeding] = []
        for section in listened_to(settings):
            purse = SourcePurse(works.home.places, section.name, works.clock)
            source = make(settings, section, Surroundings(works.clock, purse, threads))
            self.feedings.append(
                Feeding(
                    source,
                    log=works.appender,
                    letters=works.home.dead,
                    places=works.home.places,
                    clock=works.clock,
                    report=self._report,
                    hold_s=max(15.0, HOLD_STEPS * works.step_ms / 1000),
                    look_s=look_s,
                )
            )

    async def run(self) -> None:
        """Listen until cancelled. One source that fails never ends another."""
        async with asyncio.TaskGroup() as group:
            for feeding in self.feedings:
                group.create_task(feeding.run(), name=f"source {feeding.source.name}")
            group.create_task(self._show())

    def health(self) -> dict[str, dict[str, object]]:
        """How each source does, for `/healthz`."""
        return {
            feeding.source.name: {
                "status": "trying" if feeding.unproven else feeding.figures.status,
                "since_ms": feeding.figures.since_ms,
                "heard_ms": feeding.figures.heard_ms,
                "trouble": feeding.figures.trouble,
            }
            for feeding in self.feedings
        }

    async def _report(self, source: str, status: Status, since_ms: int) -> None:
        """Tell the core of every brand that is heard through it."""
        at_ms = self._works.clock()
        for brand in fed_by(source, self._works.brands):
            await self._works.append_control(canonical(SourceReport(brand.name, source, status, at_ms, since_ms)))

    async def _show(self) -> None:
        while True:
            now_ms = self._works.clock()
            for feeding in self.feedings:
                costs = self._works.home.places.costs(feeding.source.name, since_ms=now_ms - COSTS_DAYS * DAY_MS)
                self._works.metrics.sources.show(feeding.source.name, feeding.figures, costs, now_ms)
            await asyncio.sleep(SHOW_EVERY_S)
