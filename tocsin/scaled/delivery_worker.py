"""EDGE. The delivery worker: any number of them run, one leads and sends, all take answers.

decisions -> outbox, written down in deliveries -> people -> control

What leads is found by a group of the brokers, what may send is decided by the log (`tocsin.scaled.delivery_log`). A
worker that stands by has the outbox as the leader writes it, so it takes over within a moment.
"""

import asyncio
import sys
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

import msgspec
import structlog
from aiokafka.errors import KafkaError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from alerting.decision import Decision
from alerting.delivery.clicks import Clicks
from alerting.delivery.outbox import Outbox
from alerting.delivery.seen import Seen
from alerting.delivery.slack_inbound import PATHS, SocketInbound, slack_routes
from alerting.delivery.ways import Way
from stream.brands import Brand
from stream.kafka.clients import SESSION_MS
from stream.kafka.writer import Writer
from stream.sources.store import StoreError
from stream.sources.text_store import StoredPost
from tocsin.answers import Answers
from tocsin.core_seen import CoreSeen, incidents_of
from tocsin.embedded import LOOK_EVERY_S
from tocsin.erasing import quoting
from tocsin.heartbeat import EVERY_MS, Ages, Facts, Heartbeat, waits_since
from tocsin.live_chart import BAD, LiveChart
from tocsin.mistakes import told
from tocsin.people import People
from tocsin.scaled.broker_watch import BrokerWatch
from tocsin.scaled.contents import ContentStore
from tocsin.scaled.core_projection import CoreProjection
from tocsin.scaled.delivery_hearing import CONTROL
from tocsin.scaled.delivery_life import Life
from tocsin.scaled.delivery_lock import DeliveryLock
from tocsin.scaled.delivery_log import TOPIC
from tocsin.scaled.delivery_metrics import DeliveryMetrics
from tocsin.scaled.delivery_people import ClusterPeople
from tocsin.scaled.delivery_texts import DeliveryTexts
from tocsin.scaled.door import wall_clock_ms
from tocsin.scaled.ending import put_away
from tocsin.scaled.ground import Ground
from tocsin.scaled.probing import Probing
from tocsin.scaled.role import Ended, Health
from tocsin.setting_sections import Secrets
from tocsin.settings import Settings
from tocsin.slack_desk import SlackDesk
from tocsin.steady_clock import SteadyClock

if TYPE_CHECKING:
    from tocsin.scaled.delivery_console import DeliveryConsole

log = structlog.get_logger("tocsin")

SHOW_EVERY_S = 1.0
ERASED_KNOWN = 1_000
"""Erasures that somebody who does not lead keeps in mind."""
BROKERS_AGAIN_S = 1.0
GOODBYE_S = 5.0
"""How long what is not acknowledged yet may take at the end."""
AGAIN_S = 0.2
"""Between two lives."""
SEEN_WITHIN_S = 10.0
"""What is seen of the core is as new as that, or operators are told."""


class DeliveryWorker:
    """The role `delivery`. `ways` stand in for those that the settings name.

    A worker that says nothing for `session_ms` leads no more.
    """

    name = "delivery"

    def __init__(
        self,
        ground: Ground,
        *,
        clock: Callable[[], int] | None = None,
        terminal: TextIO = sys.stdout,
        ways: Mapping[str, Way] | None = None,
        session_ms: int = SESSION_MS,
    ) -> None:
        brokers = ground.brokers
        self.settings: Settings = ground.settings
        self.secrets: Secrets = ground.secrets
        self.clock: Callable[[], int] = clock or SteadyClock()
        self.brands: Sequence[Brand] = ground.settings.brand_list()
        self.slack_seen = Seen(None)
        self.metrics = DeliveryMetrics()
        self.registry = self.metrics.registry
        self.metrics.looks.add("outbox", lambda: self.metrics.waits(self.outbox.unsettled(), self.clock()))
        self.console_behind: Callable[[ASGIApp], ASGIApp] | None = None
        """What the console is opened behind, set before `run`; without it there is none here."""
        self._ground = ground
        self._terminal = terminal
        self._ways = ways
        self._redis = ground.redis()
        self._writer = Writer(brokers)
        self._contents = ContentStore(brokers, self._redis, self._writer)
        self._core = CoreProjection(self._redis, brokers.layout, [brand.name for brand in self.brands])
        self._texts = DeliveryTexts(
            brokers,
            self._writer,
            self.clock,
            self.settings.data_path,
            names=ground.names,
            erasing=self._hear_of_erased,
        )
        self._erased: deque[tuple[Sequence[StoredPost], Sequence[str]]] = deque(maxlen=ERASED_KNOWN)
        """What was erased and may still be shown: whoever leads has it shown anew."""
        self.lock = DeliveryLock(brokers, brokers.layout.name(TOPIC), term=self._term, session_ms=session_ms)
        self._brokers_watch = BrokerWatch(brokers, brokers.layout.name(TOPIC))
        self._cluster: ClusterPeople | None = None
        self._life = self._new_life(None)
        self._desk: SlackDesk | None = None
        self._door: dict[str, Callable[[Request], Coroutine[None, None, Response]]] = {}
        self._ages = Ages()
        self._beating: Heartbeat | None = None
        self._probing: Probing | None = None
        self._following: asyncio.Task[None]
        self._stopping = asyncio.Event()
        self._stopped = asyncio.Event()
        self._began = False
        self._writes = False
        self._waits = "it has not begun to read"

    # ---- life

    async def run(self) -> None:
        """Work until `stop`. Raises `Ended` for a flowchart that is no good, and whatever a part failed with."""
        self._began = True
        tasks: list[asyncio.Task[None]] = []
        try:
            tasks = [asyncio.create_task(self._start())]
            await self._first(tasks)
            if not self._stopping.is_set():
                tasks = [asyncio.create_task(one) for one in self._work()]
                await self._first(tasks)
                if self._stopping.is_set():
                    # The leader ends in order, which takes its time; whatever else is under way is cut short.
                    await tasks[0]
        finally:
            await put_away(*tasks)
            if self._desk is not None:
                await self._desk.reception.close()
            await self._end()
            self._stopped.set()

    async def stop(self) -> None:
        """Finish what is under way, let another lead, and return."""
        self._stopping.set()
        if self._began:
            await self._stopped.wait()

    async def _first(self, tasks: "Sequence[asyncio.Task[None]]") -> None:
        """Until one of these fails, which is raised, all are done, or this worker is to stop."""
        stopping = asyncio.create_task(self._stopping.wait())
        waiting: set[asyncio.Task[Any]] = {stopping, *tasks}
        try:
            while not self._stopping.is_set() and len(waiting) > 1:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        finally:
            stopping.cancel()

    async def _start(self) -> None:
        """Look at everything once. Waits for brokers; does without Redis."""
        try:
            await asyncio.to_thread(self._texts.open)
        except StoreError as why:
            raise Ended(told(why), 2) from None
        self._waits = "it has no brokers yet"
        await self._writer.start()
        self._writes = True
        self._waits = "it reads what was configured"
        await again(self._contents.read_on, once=True)
        await self._core.refresh()
        try:
            self._cluster = ClusterPeople(
                self._ground,
                self.clock,
                core=self._core,
                contents=self._contents,
                texts=self._texts,
                writer=self._writer,
                metrics=self.metrics,
                outbox=lambda: self._life.outbox,
            )
        except BAD as why:
            raise Ended(told(why), 2) from None
        self._life = self._new_life(None)

    def _work(self) -> list[Coroutine[None, None, None]]:
        work = [self._lives(), again(self._texts.run), self._core.run(), self._show(), again(self._watch)]
        work.append(again(self._brokers_watch.run))
        slack = self.settings.slack
        if slack is not None:
            self._desk = SlackDesk(self, slack)
            work += [self._desk.homes.run(), self._open(self._desk)]
        if self.console_behind is not None and self.settings.console.enabled:
            work.append(self._console(self.console_behind).run())
        return work

    def _console(self, behind: Callable[[ASGIApp], ASGIApp]) -> "DeliveryConsole":
        from tocsin.scaled.delivery_console import DeliveryConsole  # only whoever opens one waits for it

        return DeliveryConsole(
            self,
            ready=lambda: not self._waits,
            moved=lambda: (self._core.looks, id(self.outbox)),
            wrong=lambda: self._beating.wrong if self._beating is not None else (),
            behind=behind,
        )

    async def _end(self) -> None:
        self._door = {}
        if self._writes:
            stopping = asyncio.create_task(self._writer.stop())
            await asyncio.wait({stopping}, timeout=GOODBYE_S)
            await put_away(stopping)
        await self._redis.aclose()
        self._texts.close()

    # ---- leading and standing by

    def _new_life(self, kept: Outbox | None) -> Life:
        noted = self._cluster.noted if self._cluster is not None else _nothing
        return Life(
            self._ground.brokers, self._writer, self.lock, self.clock, noted=noted, probed=self._probed, kept=kept
        )

    def _term(self) -> int:
        log = self._life.log
        return log.ledger.takeovers if log.leads else 0

    async def _lives(self) -> None:
        """Follow and lead, one life after the other, until this worker is to stop."""
        stopping = asyncio.create_task(self._until_stopped())
        others = [stopping]
        self._following = asyncio.create_task(self._life.follow())
        try:
            await self._catch_up(others)
            while not self._stopping.is_set():
                try:
                    await self._live(others)
                except KafkaError as error:
                    log.warning("the brokers fail us; what was delivered is read again", problem=type(error).__name__)
                if not self._stopping.is_set():
                    await self._begin_life()
        finally:
            await put_away(self._following, *others)

    async def _until_stopped(self) -> None:
        await self._stopping.wait()

    async def _catch_up(self, others: "list[asyncio.Task[None]]") -> None:
        """Know what was delivered, then what was decided and answered; only then may this worker lead."""
        self._waits = "it reads what was delivered"
        while not (self._stopping.is_set() or self._life.log.caught_up.is_set()):
            try:
                await _or(self._life.log.caught_up.wait(), self._following, *others)
            except KafkaError:
                await self._begin_life()
        if self._stopping.is_set():
            return
        self.cluster.restore()
        self._waits = "it reads what was decided and answered"
        others.append(asyncio.create_task(again(self.cluster.hearing.run)))
        await _or(self.cluster.hearing.caught_up.wait(), self._following, *others)
        others.append(asyncio.create_task(again(self.lock.run)))
        self._waits = ""

    async def _live(self, others: "Sequence[asyncio.Task[None]]") -> None:
        """One life: until it led, its log was lost, or this worker is to stop."""
        life = self._life
        while not (self._stopping.is_set() or life.log.wiped):
            if self.lock.held and life.log.caught_up.is_set():
                leading = life.lead(
                    self.cluster,
                    self.secrets,
                    terminal=self._terminal,
                    ways=self._ways,
                    stop=self._stopping,
                    beside=self._heartbeat,
                )
                await _or(leading, self._following, *others[1:])
                return
            self.lock.changed.clear()
            await _or(_within(AGAIN_S, self.lock.changed), self._following, *others)

    async def _begin_life(self) -> None:
        before = self._life
        await put_away(self._following)
        await asyncio.sleep(AGAIN_S)
        kept = before.outbox if before.log.wiped else None
        if kept is not None:
            before.journal.release()
            before.journal.forget([CONTROL, "decisions", "content"])
            self.cluster.begin_again()
        self._life = self._new_life(kept)
        self._following = asyncio.create_task(self._life.follow())

    def _hear_of_erased(self, posts: Sequence[StoredPost], notes: Sequence[str]) -> None:
        if not (posts or notes):
            return
        wordless = [msgspec.structs.replace(one, id="", text="", author=None, url=None) for one in posts]
        self._erased.append((wordless, notes))
        self._show_again()

    def _show_again(self) -> None:
        """Whoever stands by keeps in mind what was erased, for the one who leads may be gone before it was shown."""
        if not self.leads:
            return
        while self._erased:
            posts, notes = self._erased.popleft()
            self.outbox.show_again(quoting(self.outbox.views(), posts), notes)

    @property
    def cluster(self) -> ClusterPeople:
        """Its people."""
        assert self._cluster is not None, "it has begun"
        return self._cluster

    @property
    def leads(self) -> bool:
        """Whether it is this worker that sends."""
        return self._life.outreach is not None and self._life.log.leads

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await self._contents.read_on()
            await self.people.charts.look()

    # ---- what people do in Slack

    def routes(self) -> Sequence[BaseRoute]:
        """What Slack posts to, where it is a way and has a signing secret."""
        if self.settings.slack is None or self.secrets.slack_signing is None:
            return ()
        return [Route(path, self._received, methods=["POST"]) for path in PATHS]

    async def _received(self, request: Request) -> Response:
        answer = self._door.get(request.url.path)
        if answer is None:
            return Response("not recorded, do it again", status_code=503)
        return await answer(request)

    async def _open(self, desk: SlackDesk) -> None:
        """Take what people do, once it is known what they did before."""
        await self.cluster.hearing.caught_up.wait()
        if self.secrets.slack_signing is not None:
            signing = self.secrets.slack_signing.reveal()
            routes = slack_routes(signing, desk.reception, wall_clock_ms, seen=self.slack_seen)
            self._door = {route.path: route.endpoint for route in routes}
        slack, token = self.settings.slack, self.secrets.slack_app
        if slack is not None and slack.mode == "socket" and token is not None:
            async with SocketInbound(token.reveal(), slack.base_url, desk.reception):
                await asyncio.Event().wait()

    @property
    def people(self) -> People:
        """Whom the flowchart reaches, and who may answer."""
        return self.cluster.people

    @property
    def live(self) -> LiveChart:
        """The flowchart by which it goes."""
        return self.people.live

    @property
    def answers(self) -> Answers:
        """What people did."""
        return self.people.answers

    @property
    def clicks(self) -> Clicks:
        """Who may act."""
        return self.people.clicks

    @property
    def core(self) -> CoreSeen:
        """What may be seen of the core."""
        return self._core

    @property
    def outbox(self) -> Outbox:
        """Every page and what became of it, as far as this worker has heard."""
        return self._life.outbox

    def behind_s(self) -> int:
        """How far the core is behind the clock, in seconds, as far as it is seen."""
        return self.cluster.behind_s()

    def is_shadow(self, content: str) -> bool:
        """Whether a brand that is judged by this configuration is decided about and nobody told."""
        try:
            return self.people.is_shadow(content)
        except KeyError:  # what another worker configured a moment ago, and was not read here yet
            return False

    async def append_control(self, body: bytes) -> None:
        """Put what somebody said into the log; durable when this returns."""
        await self.cluster.append_control(body)

    # ---- how it is

    async def _heartbeat(self) -> None:
        """The dead man's switch, touched by whoever leads, with each round of probes that comes through."""
        url, every = self.secrets.heartbeat, self.settings.heartbeat
        every_ms = every.every if every is not None else EVERY_MS
        self._probing = Probing(
            self._ground.brokers,
            self._writer,
            every_ms=every_ms,
            clock=self.clock,
            rounds=lambda: self._life.delivery.rounds if self._life.delivery is not None else 0,
            confirm=self._life.log.confirm,
        )
        self._beating = Heartbeat(
            self.facts, url=url.reveal() if url is not None else "", every_ms=every_ms, shown=self._looked
        )
        both = [asyncio.create_task(self._beating.run()), asyncio.create_task(self._probing.run())]
        try:
            await asyncio.gather(*both)
        finally:
            self._beating = self._probing = None
            self.metrics.looks_no_more()
            await put_away(*both)

    def _looked(self, beat: Heartbeat) -> None:
        self.metrics.looked(beat.wrong, beat.touched, beat.facts)
        if self._probing is not None:
            self.metrics.probed(self._probing.probes.counts, self._probing.probes.ages_ms())

    def _probed(self, decision: Decision) -> None:
        if self._probing is not None:
            self._probing.decided(decision)

    def facts(self) -> Facts:
        """What `tocsin.heartbeat.well` asks of the leader now."""
        now_ms, core_ms, delivery = self.clock(), self._core.core_time_ms, self._life.delivery
        unseen_ms = self._ages.unmoved("core", self._core.looks)
        open_ones = {one.id for one in incidents_of(self._core) if one.is_open}
        open_ones |= {view.incident for view in self.outbox.views() if not view.over}
        waits = {name: since for name in sorted(open_ones) if (since := self._waits_since(name)) is not None}
        unreached, seen_ms = self._ages.waiting(waits)
        seen = unseen_ms < SEEN_WITHIN_S * 1000
        facts = Facts(
            step_ms=max(self.settings.step, round(SEEN_WITHIN_S * 1000 / 3)),  # nothing finer than that is seen
            core_behind_ms=max(0, now_ms - core_ms) if core_ms is not None and seen else 0,
            core_unseen_ms=unseen_ms,
            log_silent_ms=self._ages.unmoved("log", self.cluster.hearing.heard_to),
            journal_silent_ms=self._ages.unmoved("journal", self._core.moves) if seen else 0,
            delivery_silent_ms=self._ages.unmoved("delivery", delivery.rounds) if delivery is not None else 0,
            unreached=unreached,
            unreached_ms=max(seen_ms, now_ms - min(waits.values(), default=now_ms)),
        )
        return facts if self._probing is None else self._probing.told_to(facts)

    def _waits_since(self, incident: str) -> int | None:
        return None if self.answers.is_quiet(incident) else waits_since(self.outbox.pages(incident))

    async def _show(self) -> None:
        while True:
            ledger, cluster = self._life.log.ledger, self.cluster
            self._show_again()
            self.metrics.led(self.leads, ledger.takeovers, ledger.refused, self._life.held_back)
            unreadable = cluster.hearing.unreadable + self._texts.unreadable
            self.metrics.heard_of(cluster.waiting, self._core.age_s, unreadable)
            if self._life.outreach is not None and self._life.outreach.slack_side is not None:
                self.metrics.beside(self._life.outreach.slack_side.counts)
            await asyncio.sleep(SHOW_EVERY_S)

    def health(self) -> Health:
        """How it is now. Whoever stands by is ready: answers come in there too."""
        waits = [self._waits] if self._waits else []
        if self._writer.is_away:
            waits.append("the brokers do not acknowledge what is written")
        elif self._brokers_watch.is_silent:
            waits.append("the brokers do not answer")
        shown: dict[str, object] = {"leads": self.leads, "leader": self._life.log.ledger.leader}
        if self._cluster is not None:
            shown |= {"waiting": self._cluster.waiting, "heard": dict(sorted(self._cluster.hearing.at.items()))}
            shown["troubles"] = self.people.troubles.words()
            shown["wrong"] = self._beating.wrong if self._beating is not None else []
            if self._probing is not None:
                shown["probe"] = self._probing.shown()
            shown["texts_read"] = self._texts.caught_up.is_set()
            if self._core.age_s > SEEN_WITHIN_S:
                shown["core"] = "Redis does not say how far the core is; the last that is known is gone by"
        return Health(waits=tuple(waits), shown=shown)


async def again(work: Callable[[], Coroutine[None, None, None]], *, once: bool = False) -> None:
    """Do it anew where the brokers fail it: `once` until it is done, else for ever. Raises anything else."""
    while True:
        try:
            await work()
        except KafkaError as error:
            log.warning("the brokers fail us; it is tried again", problem=type(error).__name__)
            await asyncio.sleep(BROKERS_AGAIN_S)
        else:
            if once:
                return


def _nothing(_name: str, _value: str) -> None:
    """Nobody is there yet to hear of notes."""


async def _within(seconds: float, event: asyncio.Event) -> None:
    """Until this happens, or for so long."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return


async def _or(wanted: Coroutine[None, None, object], *others: "asyncio.Task[None]") -> None:
    """Wait for what is wanted; what one of the others fails with, or ends by itself, ends it."""
    task = asyncio.create_task(wanted)
    try:
        done, _ = await asyncio.wait({task, *others}, return_when=asyncio.FIRST_COMPLETED)
        for one in done:
            one.result()
    finally:
        if not task.done():
            await put_away(task)
