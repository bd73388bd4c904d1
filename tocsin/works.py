"""EDGE. What a service is made of, without its sockets, servers and tasks: stores, intake, core, delivery and answers.

    intake log -> sequencer (journal, engine) -> outbox -> ways to people
        ^ beats, clicks, delivery reports ----------------'

Whoever holds it gives it a clock and calls `begin`, then `beat` once a step; `tocsin run` does so by the clock on the
wall, a simulation by a clock of its own.
"""

import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TextIO

import msgspec
import structlog

from alerting.decision import Decision
from alerting.delivery.clicks import Clicks
from alerting.delivery.drill import DrillWay
from alerting.delivery.outbox import OutboxRow
from alerting.delivery.second_way import Trouble
from alerting.delivery.slack import SlackWay, slack_client
from alerting.delivery.slack_side import SlackSide
from alerting.delivery.terminal import TerminalWay
from alerting.delivery.ways import Address, Answered, Click, Delivered, Way
from alerting.delivery.worker import Delivery
from alerting.view import ShownPost
from stream.codec import HOUR_MS, canonical
from stream.reading import BadMention, Reader
from stream.sources.intake_log import Appender, Item, LogRecord
from stream.sources.store import StoreError
from tocsin.answers import Answers
from tocsin.chart_keeper import ChartKeeper
from tocsin.deployment import Deployment
from tocsin.drill_time import DrillTime, is_for_drills
from tocsin.entry import Answer, ConfigChange, ControlEvent, DeliveryReport
from tocsin.fresh_words import Explainer
from tocsin.handing import to_drill
from tocsin.heartbeat import Ages, Facts, waits_since
from tocsin.incident_series import card_picture
from tocsin.intake import Intake
from tocsin.letterbox import collect
from tocsin.live_chart import LiveChart, held_rosters
from tocsin.metrics import Metrics
from tocsin.scorers import load_scorers
from tocsin.sequencer import Sequencer
from tocsin.settings import Settings
from tocsin.steady_clock import SteadyClock
from tocsin.troubles import Troubles
from tocsin.ways import OutwardWays, build_ways

log = structlog.get_logger("tocsin")

REMEMBERED_MS = 48 * HOUR_MS
READ_AT_ONCE = 5_000
TAKE_AT_ONCE = 200
"""Records of the log between two syncs: live that is a step at the most, after an outage it is a group."""
BEAT: Item = ("beat", "", b"")


class Works:
    """One deployment at work over one data directory. Nothing in it waits but for its own log and its ways.

    `clock` gives milliseconds since 1970. `ways` and `home` stand in for those that the settings name. In a `drill` it
    is the core's time, which runs faster than that of the people and of what is sent to them. Raises `SettingsError`,
    `ChartError`, `StoreError` or `JournalError` before anything has happened.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], int],
        *,
        terminal: TextIO = sys.stdout,
        ways: Mapping[str, Way] | None = None,
        home: Deployment | None = None,
        drill: DrillTime | None = None,
    ) -> None:
        self.settings = settings
        self._drill = drill
        self.secrets = settings.require_secrets()
        self.clock = clock
        self.step_ms = settings.step
        scorers = load_scorers(settings.scorers)
        self.home = home or Deployment(settings.data_path, step_ms=settings.step)
        if isinstance(clock, SteadyClock):
            clock.not_before(self.home.intake_log.last_observed_ms)
        self.metrics = Metrics()
        self.troubles = Troubles(clock)
        self.appender = Appender(self.home.intake_log, clock)
        self.brands = settings.brand_list()
        self._contents = self.home.journal.contents()
        self.engine = self.home.journal.restored_engine(self._contents)
        self.live = LiveChart(
            settings, self.brands, self._keep, clock, held=held_rosters(self.engine, self._contents), warn=_warn
        )
        self._born = 0
        texts = self.home.texts
        self.answers = Answers(self.append_control, self._told, self._brand_of, texts.put_note, texts.note)
        self.charts = ChartKeeper(self.live, self.engine, self._contents, clock, self.append_control, self.metrics)
        self._outward = OutwardWays({})
        self.slack_side: SlackSide | None = None
        """Pictures and channels, beside the pages; only where Slack is a way."""
        self.clicks = Clicks(self.charts.clickers, self._clicked)
        self.delivery = self._build_delivery(self._build_ways(terminal) if ways is None else ways)
        self._whole = True
        """Whether the core's memory is what its files lead to. Where one of them failed it may be ahead of them, and
        a snapshot of that would hide from the next start what was decided and handed to nobody."""
        self.refuses = False
        """Whether the intake log failed to take the last beat."""
        self._incarnation = str(self.home.journal.seq)
        self.cursor = 0
        """The first record of the log that was not taken in yet."""
        self._incidents: dict[str, str] = {}
        self.refused: Mapping[str, int] = {}
        """What the door refused, by reason."""
        self._recover()
        self.intake = Intake(self.brands, self.home.names, step_ms=self.step_ms, scorers=scorers)
        self.sequencer = Sequencer(
            journal=self.home.journal,
            engine=self.engine,
            intake=self.intake,
            texts=self.home.texts,
            step_ms=self.step_ms,
            incarnation=self._incarnation,
            sink=self._deliver,
            batch=TAKE_AT_ONCE,
            snapshot_every=max(200, 600_000 // self.step_ms),
        )
        self._readers: dict[str, Reader] = {}
        self._remember()

    # ---- life

    async def begin(self) -> None:
        """Take in what the process before this one left, and what is configured now; then others may come in."""
        # A beat first: whatever follows has a stamp of the log's own, which never goes back.
        await self.appender.append([BEAT])
        self._born = self.home.intake_log.last_offset
        await self._collect()
        self._configure()
        # Answers that a crash left in the log are heard before anybody is paged.
        await self.catch_up()

    async def beat(self) -> None:
        """Keep the log's time moving, and take in what came: once a step."""
        try:
            await self._collect()
            await self.appender.append([BEAT])
        except StoreError as error:
            # Senders are told 503, and the heartbeat stops. Nothing was half done: the next beat tries anew. Where a
            # store of the core fails instead, the process ends, for its memory may be ahead of its disk then.
            if not self.refuses:
                log.error("the intake log takes nothing", problem=str(error))
            self.refuses = True
            return
        self.refuses = False
        await self.catch_up()

    async def end(self) -> None:
        """Finish what is in the log, keep a snapshot, close the stores."""
        await self.appender.close()
        try:
            if self._whole:
                await self.catch_up()
                self.sequencer.snapshot()
        finally:
            await self._outward.close()
            self.home.close()

    async def catch_up(self) -> None:
        """Take in what the intake log holds beyond the cursor, a little at a time: clicks and senders wait for none."""
        while records := self.home.intake_log.read(self.cursor, TAKE_AT_ONCE):
            try:
                for record in records:
                    self._take(record)
                    self.cursor = record.offset + 1
                    await asyncio.sleep(0)  # a scorer may be slow, and a click goes round a few times until it is kept
                self.sequencer.flush()
            except Exception:
                self._whole = False
                raise
            await asyncio.sleep(0)
        self.metrics.took(self.intake.counts, self.home.dead.counts(), self.refused)
        self.metrics.beside(self.slack_side.counts if self.slack_side is not None else {})

    def facts(self, ages: Ages) -> Facts:
        """What `tocsin.heartbeat.well` asks of it now; `ages` keeps what that needs from look to look."""
        now_ms = self.clock()
        waits = {name: since for name in self._open_incidents() if (since := self._waits_since(name)) is not None}
        unreached, seen_ms = ages.waiting(waits)
        return Facts(
            step_ms=self.step_ms,
            core_behind_ms=max(0, now_ms - self.core_time_ms),
            log_refuses=self.refuses,
            log_silent_ms=ages.unmoved("log", self.home.intake_log.last_offset),
            journal_silent_ms=ages.unmoved("journal", self.home.journal.seq),
            clock_off_ms=abs(self.clock.off_ms) if isinstance(self.clock, SteadyClock) else 0,
            delivery_silent_ms=ages.unmoved("delivery", self.delivery.rounds),
            unreached=unreached,
            unreached_ms=max(seen_ms, now_ms - min(waits.values(), default=now_ms)),
        )

    def _open_incidents(self) -> list[str]:
        books = [state.book for state in self.engine.brands.values() if state.book is not None]
        return [one.id for book in books for one in (book.incident, book.blind) if one is not None and one.is_open]

    def _waits_since(self, incident: str) -> int | None:
        return None if self.answers.is_quiet(incident) else waits_since(self.home.outbox.pages(incident))

    @property
    def behind_records(self) -> int:
        """How much of the log was not taken in yet."""
        return max(0, self.home.intake_log.last_offset + 1 - self.cursor)

    @property
    def core_time_ms(self) -> int:
        """Up to when the core has decided."""
        return (self.sequencer.sealed_step + 1) * self.step_ms

    # ---- taking in

    async def _collect(self) -> None:
        """Take what commands asked for to the log."""
        brands = [brand.name for brand in self.brands]
        at_ms = self.clock()
        await collect(
            self.settings.data_path,
            self.append_control,
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
        self.cursor = self.home.journal.next_offset()
        horizon = self.home.intake_log.last_observed_ms - REMEMBERED_MS
        offset = 0
        while offset < self.cursor and (records := self.home.intake_log.read(offset, READ_AT_ONCE)):
            for record in records:
                offset = record.offset + 1
                if horizon <= record.observed_ms and record.offset < self.cursor:
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
        for brand, name in self.charts.configured:
            if known.get(brand) != name:
                first = self.home.intake_log.read(self.cursor, 1)[0]
                change = ConfigChange(brand, name, first.observed_ms)
                self.sequencer.control(change, observed_ms=first.observed_ms, offset=first.offset)

    def _keep(self, body: bytes) -> str:
        self._contents.put(body)
        return self.home.journal.add_content(body)

    # ---- people

    def _build_ways(self, terminal: TextIO) -> dict[str, Way]:
        slack = self.settings.slack
        self._outward = build_ways(self.settings, self.secrets, self.clock)
        if slack is None or self.secrets.slack_bot is None:
            return {"terminal": TerminalWay(terminal), **self._outward.ways}
        timeout_ms = self.settings.delivery.timeout
        client = slack_client(self.secrets.slack_bot.reveal(), slack.base_url, timeout_ms)
        beside = slack_client(self.secrets.slack_bot.reveal(), slack.base_url, timeout_ms)
        self.slack_side = SlackSide(
            beside, self.home.outbox, self._resolve, card_picture, opens_channels=self._drill is None
        )
        return {"slack": SlackWay(client), **self._outward.ways}

    def _build_delivery(self, ways: Mapping[str, Way]) -> Delivery:
        zones = {b.name: b.timezone for b in self.brands}
        return Delivery(
            self.home.outbox,
            ways if self._drill is None else {name: DrillWay(way) for name, way in ways.items()},
            self.clock if self._drill is None else self._drill.wall,
            self._report,
            self._posts,
            self._resolve,
            self.answers.is_quiet,
            self.settings.delivery.grace,
            timezone=lambda brand: zones.get(brand, self.settings.timezone),
            late_s=lambda _brand: self.behind_s() if self._drill is None else 0,
            explain=Explainer(self.home.texts, self.brands).explain,
            note=self.home.texts.note,
            say=self._say,
            name_of=self.live.name_of,
            after_card=self._after_card,
            operators=self._failed_somebody,
            second_way_ms=self.settings.delivery.second_way,
            pace_ms=self.settings.delivery.pace,
            # A conversation may be opened before a message is posted, and a mail server is told good-bye after it.
            longest_ms=2 * self.settings.delivery.timeout + 5_000,
            drill=self._drill is not None,
        )

    def _say(self, decision: Decision) -> str:
        """What those are to do whom a decision tells, by the flowchart that its incident walks."""
        state = self.engine.brands.get(decision.brand)
        book = state.book if state is not None else None
        open_ones = [one for one in (book.incident, book.blind) if one is not None] if book is not None else []
        walk = next((one.walk for one in open_ones if one.id == decision.incident), None)
        chart = self._contents.chart(walk.chart) if walk is not None else self.live.chart
        return chart.says(decision.node)

    def _failed_somebody(self, trouble: Trouble) -> None:
        self.troubles.take(trouble)
        self.metrics.troubled(trouble.way, trouble.became)

    def _after_card(self, row: OutboxRow) -> None:
        if self.slack_side is not None:
            self.slack_side.after_card(row)

    def is_shadow(self, content: str) -> bool:
        """Whether a brand that is judged by this configuration is decided about and nobody told."""
        return bool(content) and self._contents.content(content).mode == "shadow"

    def behind_s(self) -> int:
        """How far the core is behind the clock, in seconds; less than three steps is as it should be."""
        behind_ms = self.clock() - self.core_time_ms
        return behind_ms // 1000 if behind_ms >= 3 * self.step_ms else 0

    def _resolve(self, target: str) -> list[Address]:
        channel = self.settings.slack.channel if self.settings.slack else None
        found = self.live.addresses(target, channel)
        return found if self._drill is None else [one for one in found if is_for_drills(one, channel)]

    async def _clicked(self, click: Click, who: str) -> str:
        """What was pressed is this deployment's, or that of the drill beside it, or of the service beside the drill."""
        if self._brand_of(click.incident) is None:
            told = await asyncio.to_thread(self._hand_over, click, who)
            if told is not None:
                return told
        if self._drill is not None:
            click = msgspec.structs.replace(click, at_ms=self._drill.core_time(click.at_ms))
        return await self.answers.click(click, who)

    def _hand_over(self, click: Click, who: str) -> str | None:
        if self._drill is None:
            return to_drill(self.settings.data_path, click, who, click.at_ms)
        return self._drill.to_service(click, who)

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
            at_ms=delivered.at_ms if self._drill is None else self._drill.core_time(delivered.at_ms),
            detail=delivered.detail,
        )
        self.metrics.delivered(report)
        await self.append_control(canonical(report))

    async def append_control(self, body: bytes) -> None:
        item: Item = ("control", "", body)
        await self.appender.append([item])


def _warn(line: str) -> None:
    log.warning("calendar", problem=line)
