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
from alerting.delivery.outbox import Outbox
from alerting.delivery.seen import Seen
from alerting.delivery.ways import Answered, Way
from stream.codec import HOUR_MS
from stream.reading import BadMention, Reader
from stream.sources.intake_log import Appender, Item, LogRecord
from stream.sources.store import StoreError
from stream.sources.text_store import StoredPost
from tocsin.core_seen import CoreSeen, incidents_of
from tocsin.deployment import Deployment
from tocsin.drill_time import DrillTime
from tocsin.entry import PROBE, Answer, ConfigChange, ControlEvent
from tocsin.erasing import quoting
from tocsin.heartbeat import Ages, Facts, waits_since
from tocsin.intake import Intake
from tocsin.letterbox import collect
from tocsin.metrics import Metrics
from tocsin.outreach import Outreach
from tocsin.people import People
from tocsin.probe import Probes, is_probe
from tocsin.scorers import load_scorers
from tocsin.sequencer import Sequencer
from tocsin.settings import Settings
from tocsin.steady_clock import SteadyClock
from tocsin.store_metrics import TimedJournal

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
        self.appender = Appender(self.home.intake_log, clock)
        self._contents = self.home.journal.contents()
        self.engine = self.home.journal.restored_engine(self._contents)
        self.people = self._build_people()
        self.brands = self.people.brands
        self.troubles, self.live = self.people.troubles, self.people.live
        self.answers, self.charts, self.clicks = self.people.answers, self.people.charts, self.people.clicks
        self._born = 0
        self._outreach = Outreach(
            self.people, self.secrets, self.home.outbox, terminal=terminal, ways=ways, journal=self.home.journal.path
        )
        self.delivery, self.slack_side = self._outreach.delivery, self._outreach.slack_side
        self._whole = True
        """Whether the core's memory is what its files lead to. Where one of them failed it may be ahead of them, and
        a snapshot of that would hide from the next start what was decided and handed to nobody."""
        self.refuses = False
        """Whether the intake log failed to take the last beat."""
        self._incarnation = str(self.home.journal.seq)
        self.cursor = 0
        """The first record of the log that was not taken in yet."""
        self.refused: Mapping[str, int] = {}
        """What the door refused, by reason."""
        self.probes = Probes()
        """What became of the mentions of our own, where any are sent."""
        self._recover()
        self.intake = Intake(self.brands, self.home.names, step_ms=self.step_ms, scorers=scorers)
        self.sequencer = Sequencer(
            journal=TimedJournal(self.home.journal, self.metrics.stores),
            engine=self.engine,
            intake=self.intake,
            texts=self.home.texts,
            step_ms=self.step_ms,
            incarnation=self._incarnation,
            sink=self._deliver,
            batch=TAKE_AT_ONCE,
            snapshot_every=max(200, 600_000 // self.step_ms),
            erasing=self._erasing,
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
            await self._outreach.close()
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
        return [one.id for one in incidents_of(self.engine) if one.is_open]

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
            if mention is not None and record.source == PROBE:
                self.sequencer.probe(mention, offset=record.offset)
            elif mention is not None:
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
            if is_probe(decision):
                self.delivery.take(decision)
                self.probes.decided(decision.at_ms, rounds=self.delivery.rounds)
                continue
            self.metrics.decided(decision)
            self.people.hear(decision)
            self.delivery.take(decision)

    def _erasing(self, posts: Sequence[StoredPost]) -> None:
        """These texts go: what showed them is shown anew."""
        self.home.outbox.show_again(quoting(self.home.outbox.views(), posts))

    # ---- recovery

    def _recover(self) -> None:
        """Apply what the journal holds beyond the snapshot; decisions that delivery has are dropped by their keys."""
        journal = self.home.journal
        for recorded in journal.decisions():
            self.people.know(recorded.decision)
        for entry in journal.entries(self.engine.seq):
            decisions = self.engine.apply(entry)
            self._deliver(decisions)
            if decisions:
                journal.record([(entry.seq, d) for d in decisions], applied_seq=entry.seq)
        self.answers.restore(self.engine)

    def _remember(self) -> None:
        """Know the ids of the last 48 hours again, and start behind what is sealed."""
        self.cursor = self.home.journal.next_offset()
        self.intake.know_again(self.home.intake_log.gone())
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

    def _build_people(self) -> People:
        texts = self.home.texts
        return People(
            self.settings,
            self.clock,
            core=self.engine,
            contents=self._contents,
            metrics=self.metrics,
            keep=self._keep,
            append=self.append_control,
            configure=self.append_control,
            told=self._told,
            texts=texts,
            notes=texts,
            behind_s=self.behind_s,
            drill=self._drill,
        )

    def _told(self, answered: Answered) -> None:
        self.metrics.answered(self.home.outbox.view(answered.incident), answered.answer, self.clock())
        self.delivery.answered(answered)

    @property
    def ways(self) -> Sequence[str]:
        """The ways by which people are reached, by name."""
        return self._outreach.names

    @property
    def core(self) -> CoreSeen:
        """What may be seen of the core."""
        return self.engine

    @property
    def outbox(self) -> Outbox:
        """Every page, and what became of it."""
        return self.home.outbox

    @property
    def slack_seen(self) -> Seen:
        """What came from Slack and must not count twice."""
        return self.home.slack_seen

    def is_shadow(self, content: str) -> bool:
        """Whether a brand that is judged by this configuration is decided about and nobody told."""
        return self.people.is_shadow(content)

    def behind_s(self) -> int:
        """How far the core is behind the clock, in seconds; less than three steps is as it should be."""
        behind_ms = self.clock() - self.core_time_ms
        return behind_ms // 1000 if behind_ms >= 3 * self.step_ms else 0

    async def append_control(self, body: bytes) -> None:
        """Put what somebody said or did into the log; durable when this returns."""
        item: Item = ("control", "", body)
        await self.appender.append([item])
