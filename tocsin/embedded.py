"""EDGE. `tocsin run`: sources, core and delivery in one process over one data directory.

HTTP -> intake log -> pump -> sequencer (journal, engine) -> outbox -> Slack or terminal
            ^ beats, clicks, delivery reports ---------------------------'
"""

import asyncio
import contextlib
import signal
import socket
import sys
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TextIO

import msgspec
import structlog
import uvicorn
from rich.console import Console
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from alerting.decision import Decision
from alerting.delivery.clicks import Clicks, Replies, origins_of
from alerting.delivery.slack import SlackWay, slack_client
from alerting.delivery.slack_inbound import SocketInbound, interactivity_route
from alerting.delivery.terminal import TerminalWay
from alerting.delivery.ways import Address, Answered, Delivered, Way
from alerting.delivery.worker import Delivery
from alerting.view import ShownPost
from stream.codec import HOUR_MS, canonical
from stream.reading import BadMention, Reader
from stream.sources.intake_log import Appender, Item, LogRecord
from stream.sources.signing import Verifier
from stream.sources.webhook import Limits, ingest_app
from tocsin.answers import Answers
from tocsin.deployment import Deployment
from tocsin.entry import Answer, ConfigChange, ControlEvent, DeliveryReport
from tocsin.fresh_words import Explainer
from tocsin.intake import Intake
from tocsin.letterbox import collect
from tocsin.live_chart import BAD, LiveChart, held_rosters
from tocsin.metrics import Metrics, service_routes
from tocsin.mistakes import told
from tocsin.scorers import load_scorers
from tocsin.sequencer import Sequencer
from tocsin.settings import Settings

log = structlog.get_logger("tocsin")

REMEMBERED_MS = 48 * HOUR_MS
READ_AT_ONCE = 5_000
TAKE_AT_ONCE = 200
"""Records of the log between two syncs: live that is a step at the most, after an outage it is a group."""
GOODBYE_S = 3
"""How long a request under way at the end may take."""
LOOK_EVERY_S = 60
"""How often the flowchart's file is looked at."""
BEAT: Item = ("beat", "", b"")


def wall_clock_ms() -> int:
    """The one clock of the service: milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class Service:
    """The embedded service. Build it, `await start()`, then `await stop()`; `base_url` says where it listens.

    Raises `SettingsError`, `ChartError`, `StoreError` or `JournalError` before anything is started.
    """

    def __init__(
        self, settings: Settings, *, clock: Callable[[], int] = wall_clock_ms, terminal: TextIO = sys.stdout
    ) -> None:
        self._settings = settings
        self._secrets = settings.require_secrets()
        self._clock = clock
        self._step_ms = settings.step
        scorers = load_scorers(settings.scorers)
        self.home = Deployment(settings.data_path, step_ms=settings.step)
        self.metrics = Metrics()
        self.appender = Appender(self.home.intake_log, clock)
        self._brands = settings.brand_list()
        self._contents = self.home.journal.contents()
        self.engine = self.home.journal.restored_engine(self._contents)
        self.live = LiveChart(
            settings, self._brands, self._keep, clock, held=held_rosters(self.engine, self._contents), warn=_warn
        )
        self._configured = self.live.configured()
        self._look = asyncio.Event()
        self._born = 0
        self.answers = Answers(self._append_control, self._told, self._brand_of)
        self.clicks = self._build_clicks()
        self.delivery = self._build_delivery(terminal)
        self._incarnation = str(self.home.journal.seq)
        self._cursor = 0
        self._incidents: dict[str, str] = {}
        self._refused: Mapping[str, int] = {}
        self._recover()
        self.intake = Intake(self._brands, self.home.names, step_ms=self._step_ms, scorers=scorers)
        self.sequencer = Sequencer(
            journal=self.home.journal,
            engine=self.engine,
            intake=self.intake,
            texts=self.home.texts,
            step_ms=self._step_ms,
            incarnation=self._incarnation,
            sink=self._deliver,
            batch=TAKE_AT_ONCE,
            snapshot_every=max(200, 600_000 // self._step_ms),
        )
        self._readers: dict[str, Reader] = {}
        self._remember()
        self._tasks: list[asyncio.Task[None]] = []
        self._server: uvicorn.Server | None = None
        self._inbound: SocketInbound | None = None
        self.base_url = ""
        self.failed: asyncio.Future[None] | None = None

    # ---- life

    async def start(self) -> None:
        """Listen and work. Returns when the door is open."""
        self.failed = asyncio.get_running_loop().create_future()
        listener = _listener(self._settings.ingest.host, self._settings.ingest.port)
        host, port = listener.getsockname()[:2]
        self.base_url = f"http://{host}:{port}"
        # A beat first: whatever follows has a stamp of the log's own, which never goes back.
        await self.appender.append([BEAT])
        self._born = self.home.intake_log.last_offset
        await self._collect()
        self._configure()
        # Answers that a crash left in the log are heard before anybody is paged.
        await self._catch_up()
        config = uvicorn.Config(
            Starlette(routes=self._routes()),
            log_level="warning",
            lifespan="off",
            access_log=False,
            timeout_graceful_shutdown=GOODBYE_S,
        )
        self._server = _Server(config)
        self._work(self._server.serve(sockets=[listener]))
        while not self._server.started:
            await asyncio.sleep(0.005)
        slack = self._settings.slack
        if slack is not None and slack.mode == "socket" and self._secrets.slack_app is not None:
            self._inbound = SocketInbound(self._secrets.slack_app.reveal(), slack.base_url, self.clicks)
            await self._inbound.start()
        self._work(self._beat())
        self._work(self.delivery.run())
        self._work(self._watch())
        log.info("listening", address=self.base_url, brands=[b.name for b in self._brands])

    async def stop(self) -> None:
        """Stop taking in, finish what is under way, keep a snapshot, close."""
        if self._server is not None:
            self._server.should_exit = True
        if self._inbound is not None:
            await self._inbound.close()
        for task in self._tasks[1:]:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await asyncio.wait_for(task, timeout=GOODBYE_S + 1)
        await self.appender.close()
        await self._catch_up()
        self.sequencer.snapshot()
        self.home.close()

    async def _catch_up(self) -> None:
        """Take in what the intake log holds beyond the cursor, a little at a time: clicks and senders wait for none."""
        while records := self.home.intake_log.read(self._cursor, TAKE_AT_ONCE):
            for record in records:
                self._take(record)
                self._cursor = record.offset + 1
            self.sequencer.flush()
            await asyncio.sleep(0)
        self.metrics.took(self.intake.counts, self.home.dead.counts(), self._refused)

    # ---- parts

    def _work(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: "asyncio.Future[None]") -> None:
        """A part of ours that dies takes the service with it: the supervisor starts it anew, loudly."""
        if not task.cancelled() and task.exception() is not None and self.failed and not self.failed.done():
            self.failed.set_exception(task.exception() or RuntimeError("a part of the service ended"))

    async def _beat(self) -> None:
        """Keep the log's time moving, one beat a step, and take in what came."""
        while True:
            now_ms = self._clock()
            await asyncio.sleep((self._step_ms - now_ms % self._step_ms) / 1000 + 0.002)
            await self._collect()
            await self.appender.append([BEAT])
            await self._catch_up()

    async def _collect(self) -> None:
        """Take what commands asked for to the log."""
        brands = [brand.name for brand in self._brands]
        at_ms = self._clock()
        await collect(
            self._settings.data_path,
            self._append_control,
            lambda why, body: self.home.dead.add("letterbox", "bad_wish", why, body, at_ms),
            lambda wish: wish.brand in brands,
        )

    def _take(self, record: LogRecord) -> None:
        if record.kind == "beat":
            self.sequencer.reach(record.observed_ms, offset=record.offset)
        elif record.kind == "control":
            event = msgspec.json.decode(record.body, type=ControlEvent)
            if isinstance(event, Answer):
                self.answers.note(event)
            elif isinstance(event, ConfigChange) and record.offset < self._born:
                # On its way when the process before this one ended: what holds now was said at the start.
                self.sequencer.reach(record.observed_ms, offset=record.offset)
                return
            self.sequencer.control(event, observed_ms=record.observed_ms, offset=record.offset)
        elif record.body:  # an erased record has none
            mention = self._read(record)
            if mention is not None:
                self.sequencer.mention(mention, offset=record.offset)

    def _read(self, record: LogRecord):  # type: ignore[no-untyped-def]
        reader = self._readers.setdefault(record.source, Reader(record.source))
        try:
            return reader.read(record.body, record.observed_ms)
        except BadMention as why:
            self.home.dead.add(record.source, why.reason, why.detail, record.body, record.observed_ms)
            return None

    def _deliver(self, decisions: Sequence[Decision]) -> None:
        for decision in decisions:
            self.metrics.decided(decision)
            self._incidents[decision.incident] = decision.brand
            if decision.kind == "OpenIncident" and decision.reason == "flared_up":
                self.answers.reopened(decision.incident)
            if decision.kind == "StandDown":
                self.answers.closed(decision.incident)
            self.answers.decided(decision)
            if decision.reason in ("ack_expired", "escalated"):
                self.answers.expired(decision.incident, decision.at_ms)
            self.delivery.take(decision)

    # ---- recovery

    def _recover(self) -> None:
        """Apply what the journal holds beyond the snapshot; decisions that delivery has are dropped by their keys."""
        journal = self.home.journal
        for recorded in journal.decisions():
            self._incidents[recorded.decision.incident] = recorded.brand
        for entry in journal.entries(self.engine.seq):
            decisions = self.engine.apply(entry)
            self._deliver(decisions)
            if decisions:
                journal.record([(entry.seq, d) for d in decisions], applied_seq=entry.seq)
        self.answers.restore(self.engine)

    def _remember(self) -> None:
        """Know the ids of the last 48 hours again, and start behind what is sealed."""
        self._cursor = self.home.journal.next_offset()
        horizon = self.home.intake_log.last_observed_ms - REMEMBERED_MS
        offset = 0
        while offset < self._cursor and (records := self.home.intake_log.read(offset, READ_AT_ONCE)):
            for record in records:
                offset = record.offset + 1
                if horizon <= record.observed_ms and record.offset < self._cursor:
                    self._remember_one(record)

    def _remember_one(self, record: LogRecord) -> None:
        if record.kind == "control":
            event = msgspec.json.decode(record.body, type=ControlEvent)
            if isinstance(event, Answer):
                self.answers.recall(event, record.observed_ms)
        elif record.kind == "mention" and record.body:
            mention = self._read(record)
            if mention is not None:
                self.intake.remember(mention, record.offset)

    def _configure(self) -> None:
        """Tell the core by which configuration it judges, where that changed: before anything that is not sealed yet.

        Intake matches what is not sealed by this configuration, so the core must know it first. It goes into the
        journal with the mark of its step and not into the log: after a crash before that, the next start says it again.
        """
        known = {name: state.content for name, state in self.engine.brands.items()}
        for brand, name in self._configured:
            if known.get(brand) != name:
                first = self.home.intake_log.read(self._cursor, 1)[0]
                change = ConfigChange(brand, name, first.observed_ms)
                self.sequencer.control(change, observed_ms=first.observed_ms, offset=first.offset)

    # ---- a flowchart that changes

    def look_again(self) -> None:
        """Read the flowchart and its calendars now, whether they seem to have changed or not."""
        self._look.set()

    async def _watch(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._look.wait(), LOOK_EVERY_S)
            asked = self._look.is_set()
            self._look.clear()
            self._remember_walked()
            if asked or self.live.has_news():
                await self._read_again()

    async def _read_again(self) -> None:
        """Go by what the file and the calendars say now. A bad flowchart is told of, and the good one runs on."""
        bad = ""
        try:
            version = await asyncio.to_thread(self.live.read)
        except BAD as why:
            bad = told(why)
            try:
                version = await asyncio.to_thread(self.live.stand_in)
            except BAD as also:
                bad = f"{bad}\n{told(also)}" if told(also) not in bad else bad
                version = None
        try:
            configured = self.live.configured(version) if version is not None else self._configured
        except BAD as why:
            bad, configured, version = told(why), self._configured, None
        if bad:
            log.warning("flowchart refused: the one before runs on", problems=bad.splitlines())
            self.metrics.read_chart("refused", bad=True)
        if version is not None:
            self.live.take(version)
            await self._reconfigure(configured, bad=bool(bad))
            self._remember_walked()

    async def _reconfigure(self, configured: list[tuple[str, str]], *, bad: bool) -> None:
        """Tell the core, through the log, by which configuration it judges from here on."""
        changed = [one for one in configured if one not in self._configured]
        self._configured = configured
        for brand, name in changed:
            await self._append_control(canonical(ConfigChange(brand, name, self._clock())))
        if changed and not bad:
            log.info("flowchart taken", version=self.live.chart.digest[:12], brands=[brand for brand, _ in changed])
        if not bad:
            self.metrics.read_chart("taken", bad=False)

    def _remember_walked(self) -> None:
        """Whoever is in a flowchart that an incident still walks is reached, and may answer."""
        books = [state.book for state in self.engine.brands.values() if state.book is not None]
        walks = [one.walk for book in books for one in (book.incident, book.blind) if one is not None and one.is_open]
        names = sorted({walk.chart for walk in walks if walk is not None})
        self.live.remember([self._contents.chart(name) for name in names])
        self._clickers.clear()
        self._clickers.update(self.live.clickers())

    def _keep(self, body: bytes) -> str:
        self._contents.put(body)
        return self.home.journal.add_content(body)

    # ---- people

    def _build_delivery(self, terminal: TextIO) -> Delivery:
        slack = self._settings.slack
        ways: dict[str, Way] = {}
        if slack is not None and self._secrets.slack_bot is not None:
            timeout_ms = self._settings.delivery.timeout
            ways["slack"] = SlackWay(slack_client(self._secrets.slack_bot.reveal(), slack.base_url, timeout_ms))
        else:
            ways["terminal"] = TerminalWay(terminal)
        zones = {b.name: b.timezone for b in self._brands}
        return Delivery(
            self.home.outbox,
            ways,
            self._clock,
            self._report,
            self._posts,
            self._resolve,
            self.answers.is_quiet,
            self._settings.delivery.grace,
            timezone=lambda brand: zones.get(brand, self._settings.timezone),
            late_s=lambda _brand: self._behind_s(),
            explain=Explainer(self.home.texts, self._brands).explain,
        )

    def _behind_s(self) -> int:
        """How far the core is behind the clock, in seconds; less than three steps is as it should be."""
        behind_ms = self._clock() - (self.sequencer.sealed_step + 1) * self._step_ms
        return behind_ms // 1000 if behind_ms >= 3 * self._step_ms else 0

    def _resolve(self, target: str) -> list[Address]:
        return self.live.addresses(target, self._settings.slack.channel if self._settings.slack else None)

    def _build_clicks(self) -> Clicks:
        self._clickers = self.live.clickers()
        return Clicks(self._clickers, self.answers.click)

    def _told(self, answered: Answered) -> None:
        self.delivery.answered(answered)

    def _brand_of(self, incident: str) -> str | None:
        return self._incidents.get(incident)

    def _posts(self, names: tuple[str, ...]) -> dict[str, ShownPost]:
        found = self.home.texts.get(names)
        return {
            name: ShownPost(
                text=post.text,
                author=post.author or "",
                url=post.url or "",
                source=post.source,
                followers=post.followers,
                created_ms=post.created_ms,
            )
            for name, post in found.items()
        }

    async def _report(self, delivered: Delivered) -> None:
        report = DeliveryReport(
            brand=delivered.brand,
            incident=delivered.incident,
            key=delivered.key,
            way=delivered.way,
            outcome=delivered.outcome,
            at_ms=delivered.at_ms,
            detail=delivered.detail,
        )
        self.metrics.delivered(report)
        await self._append_control(canonical(report))

    async def _append_control(self, body: bytes) -> None:
        item: Item = ("control", "", body)
        await self.appender.append([item])

    # ---- the door

    def _routes(self) -> list[BaseRoute]:
        verifiers = {
            name: Verifier([s.reveal() for s in found]) for name, found in self._secrets.sources.items() if found
        }
        ingest = ingest_app(
            appender=self.appender,
            verifiers=verifiers,
            clock=self._clock,
            dead=self.home.dead,
            limits=Limits(all_items_per_s=self._settings.ingest.items_per_second),
            rates={source.name: source.rate for source in self._settings.sources},
        )
        self._refused = ingest.refused
        slack = self._settings.slack
        replies = Replies(origins_of(slack.base_url)) if slack is not None else None
        routes: list[BaseRoute] = [*ingest.routes, *service_routes(self.metrics, self._health)]
        if self._secrets.slack_signing is not None:
            routes.append(
                interactivity_route(self._secrets.slack_signing.reveal(), self.clicks, self._clock, replies=replies)
            )
        return routes

    def _health(self) -> dict[str, object]:
        return {
            "status": "ok",
            "entries": self.home.journal.seq,
            "sealed_step_ms": (self.sequencer.sealed_step + 1) * self._step_ms,
            "behind_records": max(0, self.home.intake_log.last_offset + 1 - self._cursor),
        }


def _warn(line: str) -> None:
    log.warning("calendar", problem=line)


class _Server(uvicorn.Server):
    """Uvicorn without its signal handlers: stopping is ours."""

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]
        yield


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"{host}:{port} cannot be listened on: {error.strerror}") from error
    return listener


def run_service(settings: Settings, console: Console) -> None:
    """Run until SIGINT or SIGTERM, or until a part of the service fails (then raises what it failed with)."""
    asyncio.run(_run(settings, console))


async def _run(settings: Settings, console: Console) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    service = Service(settings)
    if hasattr(signal, "SIGHUP"):
        loop.add_signal_handler(signal.SIGHUP, service.look_again)
    await service.start()
    console.print(f"Tocsin listens on {service.base_url}; stop with Ctrl-C.", markup=False, highlight=False)
    assert service.failed is not None
    service.failed.add_done_callback(lambda _: stop.set())
    await stop.wait()
    try:
        await service.stop()
    finally:
        if service.failed.done():
            service.failed.result()
