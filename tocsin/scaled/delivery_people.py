"""EDGE. The people of a scaled deployment: what every delivery worker knows of them, whether it leads or stands by.

Answers come in at any worker and are durable in `control` before they are answered; all workers hear them there in one
order, so that who is first in the log was first, wherever they pressed.
"""

import asyncio
import uuid
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import msgspec
import structlog

from alerting.decision import Decision
from alerting.delivery.outbox import Outbox
from alerting.delivery.ways import Answered
from alerting.view import TELLS
from stream.codec import canonical
from stream.kafka.cuts import Outgoing
from stream.kafka.records import headers_of
from stream.kafka.writer import Writer
from tocsin.entry import Answer, ConfigChange, ControlEvent
from tocsin.metrics import PeopleMetrics
from tocsin.people import People
from tocsin.probe import is_probe
from tocsin.scaled.contents import ContentStore
from tocsin.scaled.core_projection import CoreProjection
from tocsin.scaled.delivery_hearing import CONTROL, NONCE, Heard, Hearing
from tocsin.scaled.delivery_texts import DeliveryTexts
from tocsin.scaled.ground import Ground

log = structlog.get_logger("tocsin")

HEARD_WITHIN_S = 0.7
"""So long an answer that is durable waits to be heard in its turn; then whoever gave it is answered all the same."""
REFRESH_S = 0.3
"""So long a decision waits for a newer look at the core: only the words of its page may gain by it."""


class Due(NamedTuple):
    """What the leader has to act on."""

    place: str
    offset: int
    what: Decision | Answered


class Leader(Protocol):
    """Whoever acts on what is heard, while this worker leads."""

    def act(self, due: Due) -> None:
        """Take a decision, or show an answer."""

    def note(self, name: str, value: str) -> None:
        """Keep a word beside the outbox, in order with what was acted on."""

    def probed(self, decision: Decision) -> None:
        """Take what was decided on a probe of our own."""


class ClusterPeople:
    """People over what was seen of the core and heard in the topics. `outbox` is the worker's present one.

    Built when contents and core have been looked at. Raises what `People` raises.
    """

    def __init__(
        self,
        ground: Ground,
        clock: Callable[[], int],
        *,
        core: CoreProjection,
        contents: ContentStore,
        texts: DeliveryTexts,
        writer: Writer,
        metrics: PeopleMetrics,
        outbox: Callable[[], Outbox],
    ) -> None:
        self._ground = ground
        self._clock = clock
        self._core = core
        self._contents = contents
        self._writer = writer
        self._outbox = outbox
        self._control = ground.brokers.layout.name("control")
        self._kept: dict[str, bytes] = {}
        """What configurations are made of, by digest: told to all before the core hears of one."""
        self._acted: dict[str, int] = {}
        self._due: list[Due] = []
        self._heard: Heard | None = None
        self._leader: Leader | None = None
        self.people = People(
            ground.settings,
            clock,
            core=core,
            contents=contents.contents,
            metrics=metrics,
            keep=self._keep,
            append=self.append_control,
            configure=self._configure_if_leading,
            told=self._told,
            texts=texts.store,
            notes=texts,
            behind_s=self.behind_s,
            brand_of=self._brand_in_outbox,
        )
        self.hearing = Hearing(
            ground.brokers, self._hear, clock=clock, acted=lambda: self._acted, lost=self._lost_place
        )

    # ---- what is known

    def restore(self) -> None:
        """Begin with what the core knew, and where it is not seen with what the cards say."""
        answers = self.people.answers
        answers.restore(self._core)
        for view in self._outbox().views():
            if view.status != "open":
                answers.believe(view.incident, view.owner or view.acked_by, closed=view.over)

    def behind_s(self) -> int:
        """How far the core is behind the clock, in seconds, as far as it is seen."""
        core_ms = self._core.core_time_ms
        behind_ms = self._clock() - core_ms if core_ms is not None else 0
        return behind_ms // 1000 if behind_ms >= 3 * self._ground.settings.step else 0

    @property
    def waiting(self) -> int:
        """How much of what was heard no leader is known to have acted on."""
        return len(self._due)

    def _brand_in_outbox(self, incident: str) -> str | None:
        view = self._outbox().view(incident)
        if view is not None:
            return view.brand
        books = [state.book for state in self._core.brands.values() if state.book is not None]
        known = [one for book in books for one in (book.incident, book.blind) if one is not None]
        return next((one.brand for one in known if one.id == incident), None)

    # ---- hearing

    async def _hear(self, heard: Sequence[Heard], is_past: bool) -> None:
        told = {one.what.brand for one in heard if isinstance(one.what, Decision) and one.what.kind in TELLS}
        if told and not is_past:
            await self._refresh(told)
        for one in heard:
            self._heard = one
            if isinstance(one.what, Decision) and is_probe(one.what):
                self._pass_on(one.what, is_past=is_past)
            elif isinstance(one.what, Decision):
                self.people.hear(one.what)
                self._act(Due(one.place, one.offset, one.what))
            elif isinstance(one.what, Answer):
                self.people.answers.note(one.what)
        self._heard = None

    def _pass_on(self, probe: Decision, *, is_past: bool) -> None:
        """Whoever leads takes it as it takes every decision, and says that it was handed over. It is nothing to act
        on: whoever leads next lacks nothing by it.
        """
        if self._leader is not None and not is_past:
            self._leader.probed(probe)

    async def _refresh(self, brands: set[str]) -> None:
        try:
            async with asyncio.timeout(REFRESH_S):
                await self._core.refresh(brands)
        except TimeoutError:
            return

    def _told(self, answered: Answered) -> None:
        """An answer counts, as it was heard, or, where that took too long, as it was given."""
        if self._leader is not None:  # else it would be counted by every worker that hears it
            view = self._outbox().view(answered.incident)
            self.people.metrics.answered(view, answered.answer, self._clock())
        if self._heard is not None:
            self._act(Due(CONTROL, self._heard.offset, answered))
            return
        # What stands at this place may be somebody else's: it is not to count as acted on.
        due = Due(CONTROL, self.hearing.at.get(CONTROL, 0), answered)
        self._due.append(due)
        if self._leader is not None:
            self._leader.act(due)

    def _act(self, due: Due) -> None:
        if due.offset < self._acted.get(due.place, 0):
            return
        self._due.append(due)
        if self._leader is not None:
            self._leader.act(due)
            self._leader.note(due.place, str(due.offset + 1))

    def noted(self, name: str, value: str) -> None:
        """The log says how far was acted."""
        if (name == CONTROL or name.startswith("decisions/")) and value.isdigit():
            self._acted[name] = int(value)
            self._due = [due for due in self._due if due.place != name or due.offset >= int(value)]

    def _lost_place(self, place: str) -> None:
        self._acted.pop(place, None)
        if self._leader is not None:
            self._leader.note(place, "0")

    def begin_again(self) -> None:
        """The topics were lost: places in them say nothing any more."""
        self._acted.clear()
        self.hearing.begin_again()

    def lead(self, leader: Leader) -> None:
        """Let this one act on what was not acted on yet, and on all that is heard from here on."""
        self._leader = leader
        for due in list(self._due):
            leader.act(due)
            leader.note(due.place, str(due.offset + 1))

    def stand_by(self) -> None:
        """Nobody here acts any more."""
        self._leader = None

    def note_places(self) -> None:
        """Say how far was heard, where nothing was to be acted on: a new leader need not read all that again."""
        if self._leader is not None:
            for place, at in self.hearing.at.items():
                self._leader.note(place, str(at))

    # ---- writing

    async def append_control(self, body: bytes) -> None:
        """Put what somebody said or did, or what became of a page, into `control`; durable when this returns, and
        mostly heard there in its turn.
        """
        nonce = uuid.uuid4().hex
        record = Outgoing(self._control, 0, None, body, [*headers_of("control", ""), (NONCE, nonce.encode())])
        heard = self.hearing.expect(nonce)
        try:
            await self._writer.write([record])
            await asyncio.wait_for(heard, HEARD_WITHIN_S)
        except TimeoutError:
            log.warning("what was written to the log is not read back in time")
        finally:
            heard.cancel()

    # ---- configuration

    def _keep(self, body: bytes) -> str:
        name = self._contents.contents.put(body)
        self._kept[name] = body
        return name

    async def configure(self, known: Callable[[str], str]) -> None:
        """Tell the core by which configuration it judges each brand, where that is not what is `known`."""
        for brand, name in self.people.charts.configured:
            if known(brand) != name:
                await self._say(ConfigChange(brand, name, self._clock()))

    async def _configure_if_leading(self, body: bytes) -> None:
        """The flowchart's file has changed: the leader tells the core, by its own file."""
        if self._leader is not None:
            change = msgspec.json.decode(body, type=ControlEvent)
            if isinstance(change, ConfigChange):
                await self._say(change)

    async def _say(self, change: ConfigChange) -> None:
        for body in list(self._kept.values()):
            await self._contents.put(body)
        await self.append_control(canonical(change))
        if self._leader is not None:
            self._leader.note(f"content/{change.brand}", change.digest)
