"""EDGE. The console in a delivery worker: what that hears of the core, of pages and of answers is what it shows.

It opens where a process has both roles, `delivery` and `console`. What a press does is durable in `control` before it
is answered, at any worker. Detectors are elsewhere, so that brands have neither figures nor a history here; sessions,
tokens and the audit trail lie in the data directory of each machine.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog
from starlette.types import ASGIApp

from tocsin.console.doors import Door
from tocsin.console.furnishing import Furnished, Stands, entrance_over
from tocsin.console.opening import ConsoleServer, Entrance
from tocsin.console.rooms import rooms_over
from tocsin.console.seen import Health
from tocsin.serving import GOODBYE_S
from tocsin.setting_sections import Secrets

log = structlog.get_logger("tocsin")

READY_EVERY_S = 0.2


class Works(Stands, Protocol):
    """A worker, as far as a console stands on it."""

    @property
    def secrets(self) -> Secrets: ...


class DeliveryConsole:
    """Opens the console of a worker once that is `ready`; `run` it in a task of its own, and cancel that at the end.

    `moved` is another value as soon as more was seen of the core; `wrong` says what is not well, where this one leads;
    `behind` puts something before all that it answers.
    """

    def __init__(
        self,
        works: Works,
        *,
        ready: Callable[[], bool],
        moved: Callable[[], object],
        wrong: Callable[[], Sequence[str]],
        behind: Callable[[ASGIApp], ASGIApp] = lambda app: app,
    ) -> None:
        self._works = works
        self._ready = ready
        self._moved = moved
        self._wrong = wrong
        self._behind = behind
        self._furnished: Furnished | None = None
        self.server = ConsoleServer(works.settings.console)

    async def run(self) -> None:
        """Answer until cancelled. What cannot open, or fails, is logged and shut, and keeps nothing else back."""
        while not self._ready():
            await asyncio.sleep(READY_EVERY_S)
        self.server.open(self._make, self._behind)
        if self._furnished is None or self.server.problem:
            return
        parts = asyncio.create_task(self._furnished.run())
        serving = asyncio.create_task(self.server.serve())
        try:
            await asyncio.wait({serving})
            if error := serving.exception():
                log.error("the console fails", problem=type(error).__name__)
        finally:
            self._furnished.end()
            self.server.end()
            parts.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({serving, parts}, timeout=GOODBYE_S + 1)
            self._furnished.close()
            self.server.close()

    def _make(self, base_url: str) -> tuple[Entrance, list[Door]]:
        works = self._works
        entrance = entrance_over(works, works.secrets, base_url, clock=works.clock)
        rooms = rooms_over(works, entrance.audit)
        self._furnished = Furnished(works, entrance, rooms, health=self._health, moved=self._moved)
        return entrance, self._furnished.doors

    def _health(self) -> Health:
        works = self._works
        return Health(
            wrong=tuple(self._wrong()),
            troubles=tuple(works.people.troubles.words()),
            heartbeat=works.secrets.heartbeat is not None,
        )
