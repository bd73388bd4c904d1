"""EDGE. `tocsin run`: the works of one deployment behind a door of its own, driven by the clock on the wall.

HTTP -> intake log -> works -> Slack or terminal
"""

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from typing import TextIO

import msgspec
import structlog
from rich.console import Console
from starlette.routing import BaseRoute

from alerting.delivery.slack_inbound import SocketInbound, slack_routes
from alerting.delivery.worker import Delivery
from stream.sources.mappings import VENDORS
from stream.sources.signing import Verifier
from stream.sources.taking import Limits
from stream.sources.vendor_door import VendorDoor
from stream.sources.webhook import Ingest, ingest_app
from tocsin.console.doors import Door
from tocsin.console.furnishing import Furnished, entrance_over
from tocsin.console.opening import ConsoleServer, Entrance
from tocsin.console.rooms import rooms_over
from tocsin.console.seen import Health
from tocsin.deployment import Deployment
from tocsin.drill_start import Starter
from tocsin.engine import Engine
from tocsin.heartbeat import EVERY_MS, Ages, Facts, Heartbeat
from tocsin.heartbeat import LOOK_EVERY_S as WELL_EVERY_S
from tocsin.keeping import Keeping
from tocsin.listening import Listening
from tocsin.live_chart import LiveChart
from tocsin.logs import place_of_cards, set_up_logs
from tocsin.metrics import service_routes
from tocsin.probe import probing
from tocsin.retention import kept_for
from tocsin.serving import GOODBYE_S, Server, address_of, listener, opened, server_of
from tocsin.settings import Settings
from tocsin.signs import Signs
from tocsin.slack_desk import SlackDesk
from tocsin.source_sections import doors, shapes_of, vendor_doors
from tocsin.steady_clock import SteadyClock
from tocsin.works import Works
from tocsin.works_metrics import watch

log = structlog.get_logger("tocsin")

JOURNAL = "journal.db"
MENTIONS, CONSOLE = SERVERS = ("the door of mentions", "the console")
"""Tasks that come to their end by themselves, when they are told to: a server closes what it listens on."""
LOOK_EVERY_S = 60
"""How often the flowchart's file is looked at."""
LISTENING_LOOK_S = 5.0
"""How often a source gives a sign of life at least, at a heartbeat's usual period; with another it is in proportion."""


def wall_clock_ms() -> int:
    """What the clock on the wall shows: milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class Service:
    """The embedded service. Build it, `await start()`, then `await stop()`; `base_url` says where it listens.

    Raises `SettingsError`, `ChartError`, `StoreError` or `JournalError` before anything is started.
    """

    def __init__(
        self, settings: Settings, *, clock: Callable[[], int] | None = None, terminal: TextIO = sys.stdout
    ) -> None:
        self.works = Works(settings, clock or SteadyClock(), terminal=terminal)
        # What others sign carries their time, which is the wall's.
        clock = clock or wall_clock_ms
        self._settings = settings
        self._clock = clock
        self._look = asyncio.Event()
        every_ms = settings.heartbeat.every if settings.heartbeat is not None else EVERY_MS
        self._every_ms = every_ms
        self.signs = Signs(every_ms)
        self.heartbeat = self._build_heartbeat(every_ms)
        look_s = LISTENING_LOOK_S * every_ms / EVERY_MS
        self.listening = Listening(settings, self.works, look_s=look_s)
        self._probing = probing(
            self.works.probes,
            log=self.works.appender,
            letters=self.home.dead,
            clock=self.works.clock,
            every_ms=every_ms,
            look_s=look_s,
        )
        self._tasks: list[asyncio.Task[None]] = []
        self._server: Server | None = None
        self._inbound: SocketInbound | None = None
        self._desk = self._build_desk()
        self.base_url = ""
        self.console = ConsoleServer(settings.console)
        self.furnished: Furnished | None = None
        self.failed: asyncio.Future[None] | None = None

    def _build_desk(self) -> SlackDesk | None:
        slack = self._settings.slack
        if slack is None:
            return None
        return SlackDesk(self.works, slack, start_drill=Starter(self._settings.file, self._settings, self._clock))

    @property
    def home(self) -> Deployment:
        """Its stores."""
        return self.works.home

    @property
    def engine(self) -> Engine:
        """Its core."""
        return self.works.engine

    @property
    def live(self) -> LiveChart:
        """The flowchart by which it goes."""
        return self.works.live

    @property
    def delivery(self) -> Delivery:
        """What reaches people."""
        return self.works.delivery

    # ---- life

    async def start(self) -> None:
        """Listen and work. Returns when the door is open."""
        self.failed = asyncio.get_running_loop().create_future()
        door = listener(self._settings.ingest.host, self._settings.ingest.port)
        self.base_url = address_of(door)
        await self.works.begin()
        metrics = watch(self.works)
        self._server = server_of(self._routes(), lambda app: metrics.http.measured(app, "ingest"))
        self._work(self._server.serve(sockets=[door]), MENTIONS)
        self.signs.doors[MENTIONS] = f"{self.base_url}/healthz"
        await opened(self._server)
        await self._open_slack()
        await self._open_console()
        self._work(self._beat(), "the clock")
        self._work(self.delivery.run(), "delivery")
        if self.works.slack_side is not None:
            self._work(self.works.slack_side.run())
        self._work(self._watch(), "the look at the flowchart")
        self._work(self.listening.run(), "listening")
        self._work(self._probing.run(), "the source of probes")
        self._work(self.signs.run(), "the look at the doors")
        self._work(Keeping(self.works, self._settings.data_path, kept_for(self._settings)).run())
        self._work(self.heartbeat.run())
        log.info("listening", address=self.base_url, brands=[b.name for b in self.works.brands])

    async def _open_slack(self) -> None:
        slack, app_token = self._settings.slack, self.works.secrets.slack_app
        if slack is None or self._desk is None:
            return
        if slack.mode == "socket" and app_token is not None:
            self._inbound = SocketInbound(app_token.reveal(), slack.base_url, self._desk.reception)
            await self._inbound.start()
        self._work(self._desk.homes.run())

    async def _open_console(self) -> None:
        if self._settings.console.enabled:
            http = self.works.metrics.http
            self.console.open(self._console_at, lambda app: http.measured(app, "console"))
            self._work(self.console.serve(), CONSOLE)
            await self.console.opened()
            if (furnished := self.furnished) is not None:
                metrics = self.works.metrics
                metrics.looks.add("console", lambda: metrics.streams.set(furnished.hub.clients))
                self._work(furnished.run())
            if self.console.address:
                self.signs.doors[CONSOLE] = f"{self.console.address}/healthz"

    def _console_at(self, base_url: str) -> tuple[Entrance, list[Door]]:
        works = self.works
        entrance = entrance_over(works, works.secrets, base_url, clock=self._clock)
        rooms = rooms_over(
            works,
            entrance.audit,
            hears=works,
            feedings=self.listening.feedings,
            counts=lambda: works.intake.counts,
            start_drill=Starter(self._settings.file, self._settings, self._clock),
        )
        self.furnished = Furnished(
            works,
            entrance,
            rooms,
            health=self._well,
            moved=lambda: works.engine.seq,
            brand=works.engine.brand,
            core_time_ms=lambda: works.core_time_ms,
            journal=self.home.directory / JOURNAL,
        )
        return entrance, self.furnished.doors

    def _well(self) -> Health:
        return Health(
            wrong=tuple(self.heartbeat.wrong),
            troubles=tuple(self.works.troubles.words()),
            heartbeat=self.works.secrets.heartbeat is not None,
        )

    async def stop(self) -> None:
        """Stop taking in, finish what is under way, keep a snapshot, close."""
        self.signs.tasks.clear()
        if self.furnished is not None:
            self.furnished.end()
        self.console.end()
        if self._server is not None:
            self._server.should_exit = True
        if self._inbound is not None:
            await self._inbound.close()
        if self._desk is not None:
            await self._desk.reception.close()
        await self.works.delivery.finish(GOODBYE_S * 1000)
        for task in self._tasks:
            if task.get_name() not in SERVERS:
                task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await asyncio.wait_for(task, timeout=GOODBYE_S + 1)
        self.console.close()
        if self.furnished is not None:
            self.furnished.close()
        await self.works.end()

    def look_again(self) -> None:
        """Read the flowchart and its calendars now, whether they seem to have changed or not."""
        self._look.set()

    # ---- parts

    def _work(self, work: Coroutine[None, None, None], name: str = "") -> None:
        """Work on a part until the end. One with a name must not end before: all is not well without it."""
        task = asyncio.create_task(work, name=name or None)
        task.add_done_callback(self._ended)
        self._tasks.append(task)
        if name:
            self.signs.tasks[name] = task

    def _ended(self, task: "asyncio.Future[None]") -> None:
        """A part of ours that dies takes the service with it: the supervisor starts it anew, loudly."""
        if not task.cancelled() and task.exception() is not None and self.failed and not self.failed.done():
            self.failed.set_exception(task.exception() or RuntimeError("a part of the service ended"))

    async def _beat(self) -> None:
        step_ms = self.works.step_ms
        while True:
            await asyncio.sleep((step_ms - self.works.clock() % step_ms) / 1000 + 0.002)
            with self.works.metrics.step_seconds.time():
                await self.works.beat()

    async def _watch(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._look.wait(), LOOK_EVERY_S)
            asked = self._look.is_set()
            self._look.clear()
            await self.works.charts.look(asked=asked)

    def _build_heartbeat(self, every_ms: int) -> Heartbeat:
        ages, works = Ages(), self.works
        url = works.secrets.heartbeat

        def facts() -> Facts:
            return msgspec.structs.replace(
                works.facts(ages),
                every_ms=every_ms,
                probes=works.probes.look(works.delivery.rounds),
                probe_age_ms=works.probes.age_ms,
                ended=self.signs.ended(),
                signs=self.signs.ages([*self.listening.feedings, self._probing]),
            )

        return Heartbeat(
            facts,
            url=url.reveal() if url is not None else "",
            every_ms=every_ms,
            look_every_s=min(WELL_EVERY_S, max(0.1, every_ms / EVERY_MS)),
            shown=lambda beat: works.metrics.looked(beat.wrong, beat.touched, beat.facts),
        )

    # ---- the door

    def _routes(self) -> list[BaseRoute]:
        works = self.works
        verifiers = {
            name: Verifier([s.reveal() for s in found]) for name, found in works.secrets.sources.items() if found
        }
        ingest = ingest_app(
            appender=works.appender,
            verifiers=verifiers,
            clock=self._clock,
            dead=works.home.dead,
            limits=Limits(all_items_per_s=self._settings.ingest.items_per_second),
            rates={source.name: source.rate for source in doors(self._settings)},
            shapes=shapes_of(self._settings),
        )
        works.refused = ingest.refused
        routes: list[BaseRoute] = [
            *ingest.routes,
            *self._vendor_routes(ingest),
            *service_routes(works.metrics, self._health),
        ]
        if works.secrets.slack_signing is not None and self._desk is not None:
            signing = works.secrets.slack_signing.reveal()
            routes += slack_routes(signing, self._desk.reception, self._clock, seen=works.home.slack_seen)
        return routes

    def _vendor_routes(self, ingest: Ingest) -> list[BaseRoute]:
        """The door for vendors that cannot sign, where there is one."""
        works, vendors = self.works, vendor_doors(self._settings)
        if not vendors:
            return []
        door = VendorDoor(
            appender=works.appender,
            shapes={one.name: VENDORS[one.type] for one in vendors},
            tokens={
                one.name: [key.reveal() for key in works.secrets.source_keys[one.name].values()] for one in vendors
            },
            clock=self._clock,
            dead=works.home.dead,
            rates={one.name: one.rate for one in vendors},
            whole=ingest.taking.whole,
        )
        # One account of what was refused, for the metrics and for whoever looks.
        door.taking.refused = ingest.refused
        return list(door.routes)

    def _health(self) -> dict[str, object]:
        return {
            **self.heartbeat.health(),
            "probe": {"age_s": self.works.probes.age_ms // 1000, "every_s": self._every_ms // 1000},
            "troubles": self.works.troubles.words(),
            "sources": self.listening.health(),
            "entries": self.home.journal.seq,
            "sealed_step_ms": self.works.core_time_ms,
            "behind_records": self.works.behind_records,
        }


def run_service(settings: Settings, console: Console) -> None:
    """Run until SIGINT or SIGTERM, or until a part of the service fails (then raises what it failed with)."""
    set_up_logs(settings.log.form, settings.log.level)
    asyncio.run(_run(settings, console))


async def _run(settings: Settings, console: Console) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    service = Service(settings, terminal=place_of_cards(settings.log.form))
    if hasattr(signal, "SIGHUP"):
        loop.add_signal_handler(signal.SIGHUP, service.look_again)
    await service.start()
    console.print(f"Tocsin listens on {service.base_url}; stop with Ctrl-C.", markup=False, highlight=False)
    _print_console(service.console, console)
    assert service.failed is not None
    service.failed.add_done_callback(lambda _: stop.set())
    await stop.wait()
    try:
        await service.stop()
    finally:
        if service.failed.done():
            service.failed.result()


def _print_console(found: ConsoleServer, console: Console) -> None:
    """Where the console is. Its token goes to a terminal alone: what is no terminal may be a log."""
    if found.problem:
        said = f"The console is not open: {found.problem}"
    elif found.entrance is None:
        return
    elif found.entrance.token is not None and not console.is_terminal:
        said = f"The console is at {found.entrance.base_url}; `tocsin console link` shows the link that signs in."
    else:
        said = f"The console: {found.entrance.link}"
    console.print(said, markup=False, highlight=False, soft_wrap=True)
