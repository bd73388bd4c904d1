"""EDGE. A console over a deployment: its desk, all of its doors, and what goes on behind them.

The embedded service furnishes one over its works, a worker of a cluster one over what it sees of them.
"""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Protocol

import structlog

from stream.codec import MINUTE_MS
from stream.sources.store import StoreError
from stream.window import OPEN_MINUTES
from tocsin.console import act_doors, api, choosing, live
from tocsin.console.acts import Acting, Acts
from tocsin.console.courses import Courses
from tocsin.console.desk import Desk
from tocsin.console.doors import Door
from tocsin.console.filling import Filler
from tocsin.console.history import FILE, History
from tocsin.console.live import Hub
from tocsin.console.looking_back import LookingBack
from tocsin.console.opening import Entrance
from tocsin.console.pages import brand as brand_page
from tocsin.console.pages import drills, flowchart, incident, incidents, now, preferences, settings, sources
from tocsin.console.reading import Reading
from tocsin.console.rooms import Rooms
from tocsin.console.sampling import Sampler
from tocsin.console.seeing import Deployed, Seeing
from tocsin.console.seen import Health
from tocsin.console.stories import Journaled
from tocsin.setting_sections import Secrets
from tocsin.state import Brand

log = structlog.get_logger("tocsin")

PAGES = (now, incidents, incident, brand_page, flowchart, sources, drills, settings, preferences, act_doors, api)


class Stands(Deployed, Acting, Protocol):
    """What a console stands on."""


def entrance_over(works: Stands, secrets: Secrets, base_url: str, *, clock: Callable[[], int]) -> Entrance:
    """Who may come into a deployment's console; it listens at `base_url`, by a `clock` that goes with the wall's.

    Raises `StoreError`.
    """
    return Entrance(
        works.settings.console,
        secrets,
        works.settings.data_path,
        clock=clock,
        brands=[brand.name for brand in works.brands],
        brand_of=works.people.brand_of,
        base_url=base_url,
    )


class Furnished:
    """A console's desk, doors and parts. `run` it in a task of its own; `close` it when its server has ended.

    `brand` gives a brand of the core with its detectors and `core_time_ms` says up to when that has decided, `journal`
    is where its decisions lie: where the core is elsewhere there are none of these, and no history is kept.
    """

    def __init__(
        self,
        works: Stands,
        entrance: Entrance,
        rooms: Rooms,
        *,
        health: Callable[[], Health],
        moved: Callable[[], object],
        brand: Callable[[str], Brand | None] | None = None,
        core_time_ms: Callable[[], int] = lambda: 0,
        journal: Path | None = None,
    ) -> None:
        people, directory = works.people, works.settings.data_path
        self._tells = Journaled(journal, people.notes.note) if journal is not None else None
        self._history = _history(directory / FILE) if brand is not None else None
        self._courses = Courses(journal) if journal is not None else None
        reading = Reading(people, works.brands, tells=self._tells, history=self._history, name_of=works.live.name_of)
        said = LookingBack(entrance.audit)
        self._sampler: Sampler | None = None
        seeing = Seeing(
            works,
            reading,
            brand=brand or (lambda _: None),
            health=health,
            moved=moved,
            looked_back=said.verdicts,
            courses=self._courses,
            heard_from_ms=lambda: self._sampler.heard_from_ms if self._sampler is not None else 0,
        )
        self.desk = Desk(
            sees=seeing,
            shows=works,
            acts=Acts(works),
            renderer=entrance.renderer,
            audit=entrance.audit,
            settings=works.settings,
            clock=works.clock,
            rooms=rooms,
        )
        self._choosing = choosing.doors(self.desk, entrance.sessions)
        self.hub = Hub(seeing, entrance.renderer, works.clock)
        self._sessions = entrance.sessions
        self._filler: Filler | None = None
        if brand is not None and self._history is not None:
            names = [one.name for one in works.brands]
            self._sampler = Sampler(self._history, names, brand, core_time_ms)
            if journal is not None:
                self._filler = Filler(self._history, journal, names, works.settings.step, works.clock)
        self._core_time_ms = core_time_ms

    @property
    def doors(self) -> list[Door]:
        """Every page, stream and act."""
        pages = (door for page in PAGES for door in page.doors(self.desk))
        return [*live.doors(self.desk, self.hub), *self._choosing, *pages]

    async def run(self) -> None:
        """Keep the pages live and the history written, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(_apart("live", self.hub.run()))
            if self._sampler is not None:
                group.create_task(_apart("history", self._sampler.run()))
            if self._filler is not None:
                from_ms = self._core_time_ms() - OPEN_MINUTES * MINUTE_MS
                group.create_task(_apart("past", self._filler.run(from_ms)))

    async def remember(self) -> None:
        """Write down now what is known of each brand, before its minute is over."""
        if self._sampler is not None:
            await self._sampler.sample()

    def end(self) -> None:
        """End the streams: their requests would not end by themselves."""
        self.hub.close()

    def close(self) -> None:
        """Close the files."""
        if self._history is not None:
            self._history.close()
        if self._tells is not None:
            self._tells.close()
        if self._courses is not None:
            self._courses.close()


async def _apart(part: str, work: Coroutine[None, None, None]) -> None:
    """Work on a part, whose failure is told and is nobody else's: the service is not there for its console."""
    try:
        await work
    except Exception as error:  # noqa: BLE001 - whatever it is
        log.error("part of the console failed", part=part, error=type(error).__name__)


def _history(path: Path) -> History | None:
    """The console's memory; none where its file is no good, which must not keep the console shut."""
    try:
        return History(path)
    except StoreError as error:
        log.error("console history not opened", problem=str(error))
        return None
