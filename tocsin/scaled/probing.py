"""EDGE. The probes of a deployment: whoever leads the delivery sends one by every lane, once a period, and hears what
the core decides on them.

    mentions -> intake -> entries -> core -> decisions -> the leader's ear -> two rounds of its delivery -> its log

A round of probes is through when all that has come: a lane that lets none through holds back the whole round, and with
it the heartbeat (`tocsin.heartbeat`), which is touched by rounds that are through and by nothing else. The last thing
asked is whether the log of deliveries says still that we lead, and takes what is written: whoever leads no more, or
could write down no page, touches nothing.

Nobody but the leader sends and counts them; one that takes over begins anew. What they leave behind is their entries
and their decisions, under names of their own, which change nothing of any brand.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

import msgspec
import structlog

from alerting.decision import Decision
from stream.kafka.appender import TopicAppender
from stream.kafka.clients import Brokers
from stream.kafka.writer import Writer
from stream.sources.intake_log import Overloaded
from stream.sources.store import StoreError
from tocsin.entry import PROBE
from tocsin.heartbeat import Facts
from tocsin.probe import ROUNDS
from tocsin.scaled.lanes import Lane, lanes_of, row_of

log = structlog.get_logger("tocsin")

LOOK_EVERY_S = 0.25
CONFIRM_S = 5.0
"""So long the log of deliveries may take to say that we lead still; then it is asked again."""


class LaneProbes:
    """What became of the probes on every lane. `monotonic_ms` is a clock that cannot be set.

    >>> here, there = Lane(0, 0, 0, "~probe/0"), Lane(1, 1, 1, "~probe/1")
    >>> now = [0]
    >>> probes = LaneProbes([here, there], 60_000, lambda: now[0])
    >>> probes.sent(5_000)
    >>> now[0] = 76_000
    >>> probes.decided("~probe/0", 10_000, rounds=1)
    >>> [str(lane) for lane in probes.lacking]
    ['mentions/1 to entries/1']
    >>> probes.decided("~probe/1", 10_000, rounds=3)
    >>> probes.is_handed_over(4), probes.is_handed_over(5), probes.lacking
    (False, True, ())
    >>> probes.came_through(), probes.through, probes.age_ms, probes.counts
    (None, 1, 0, {'sent': 2, 'through': 2, 'late': 0})
    """

    def __init__(
        self,
        lanes: Sequence[Lane],
        every_ms: int,
        monotonic_ms: Callable[[], int] = lambda: time.monotonic_ns() // 1_000_000,
    ) -> None:
        self._now_ms = monotonic_ms
        self._every_ms = every_ms
        self._lanes = {lane.brand: lane for lane in lanes}
        self._decided_ms = {lane: monotonic_ms() for lane in lanes}
        self._through_ms = monotonic_ms()
        self._set_out_ms = 0
        self._under_way: set[Lane] = set()
        self._rounds: int | None = None
        self.through = 0
        """Rounds of probes that came through whole."""
        self.counts: dict[str, int] = {"sent": 0, "through": 0, "late": 0}
        """Probes that were sent, that were decided on, and that were not yet when the next on their lane was sent."""

    @property
    def age_ms(self) -> int:
        """Since a round last came through, in milliseconds; before the first, since we lead."""
        return self._now_ms() - self._through_ms

    @property
    def lacking(self) -> tuple[Lane, ...]:
        """The lanes that let no probe through for a period and a quarter of one: what is usual is over then."""
        return tuple(lane for lane, age_ms in self.ages_ms().items() if age_ms > self._every_ms * 5 // 4)

    def ages_ms(self) -> dict[Lane, int]:
        """By lane: since a probe on it was last decided on, in milliseconds; before the first, since we lead."""
        now_ms = self._now_ms()
        return {lane: now_ms - since_ms for lane, since_ms in sorted(self._decided_ms.items())}

    def sent(self, at_ms: int) -> None:
        """A round sets out, by our clock. What is still under way is late, and counts no more."""
        self.counts["late"] += len(self._under_way)
        self.counts["sent"] += len(self._lanes)
        self._under_way = set(self._lanes.values())
        self._set_out_ms = at_ms
        self._rounds = None

    def decided(self, brand: str, at_ms: int, *, rounds: int) -> None:
        """The core decided under this name on what it knew before `at_ms`, and delivery, so many rounds old, heard it.

        Brokers' clocks and ours may be apart by half a period: further back, it is the round before.
        """
        lane = self._lanes.get(brand)
        if lane is None or lane not in self._under_way or at_ms <= self._set_out_ms - self._every_ms // 2:
            return
        self._under_way.discard(lane)
        self._decided_ms[lane] = self._now_ms()
        self.counts["through"] += 1
        if not self._under_way:
            self._rounds = rounds

    def is_handed_over(self, rounds: int) -> bool:
        """Whether all of a round were decided on, and delivery, now so many rounds old, went through all since."""
        return self._rounds is not None and rounds - self._rounds >= ROUNDS

    def came_through(self) -> None:
        """This round is through, to the end."""
        self._rounds = None
        self._through_ms = self._now_ms()
        self.through += 1


class Probing:
    """Sends probes and hears of them, while we lead.

    `clock` is ours, in milliseconds since 1970; `rounds` says how many rounds our delivery has done; `confirm` whether
    we lead still, by the log: "" or a word why not.
    """

    def __init__(
        self,
        brokers: Brokers,
        writer: Writer,
        *,
        every_ms: int,
        clock: Callable[[], int],
        rounds: Callable[[], int],
        confirm: Callable[[float], Awaitable[str]],
    ) -> None:
        self.every_ms = every_ms
        self._layout = brokers.layout
        self._appender = TopicAppender(brokers, writer)
        self._clock = clock
        self._rounds = rounds
        self._confirm = confirm
        self.probes = LaneProbes(lanes_of(brokers.layout), every_ms)

    async def run(self) -> None:
        """Send and look until cancelled, the first time when a whole period is over."""
        sending = asyncio.create_task(self._send_on())
        try:
            while not sending.done():
                await asyncio.sleep(LOOK_EVERY_S)
                await self._look()
            sending.result()
        finally:
            sending.cancel()

    def told_to(self, facts: Facts) -> Facts:
        """The same facts, with what is known of the probes."""
        probes = self.probes
        return msgspec.structs.replace(
            facts,
            every_ms=self.every_ms,
            probes=probes.through,
            probe_age_ms=probes.age_ms,
            probes_lack=tuple(str(lane) for lane in probes.lacking),
        )

    def shown(self) -> dict[str, int]:
        """How old the last round is that came through, and how often one sets out, in seconds: for `tocsin watch`."""
        return {"age_s": self.probes.age_ms // 1000, "every_s": self.every_ms // 1000}

    def decided(self, decision: Decision) -> None:
        """Delivery heard what the core decided on a probe."""
        self.probes.decided(decision.brand, decision.at_ms, rounds=self._rounds())

    async def _send_on(self) -> None:
        while True:
            await asyncio.sleep(self.every_ms / 1000)
            await self._send()

    async def _send(self) -> None:
        at_ms = self._clock()
        self.probes.sent(at_ms)
        rows = [row_of(self._layout, lane, at_ms) for lane in lanes_of(self._layout)]
        try:
            await self._appender.append([("mention", PROBE, row) for row in rows])
        except (StoreError, Overloaded) as why:
            log.warning("probes could not be sent", problem=str(why))

    async def _look(self) -> None:
        if self.probes.is_handed_over(self._rounds()) and not await self._confirm(CONFIRM_S):
            self.probes.came_through()
