"""EDGE. Probes: a mention of our own goes the whole way every minute, so that we know that the way is open.

    source -> feeding -> intake log -> repeats, scores, combining -> seal -> journal -> core -> delivery

It goes where any source's mention goes. Its part is journaled under the reserved brand `PROBE`, by which `tocsin
verify` and every replay know it; the core decides that there is nobody to tell (`NoPage`, reason `probe`); delivery is
handed that decision, and when it has gone through all that is due once more, the probe is through. It is in no brand,
window, baseline, budget, count or review. The heartbeat is touched by the probes that come through
(`tocsin.heartbeat`), so a part that only seems to work is heard of outside.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Literal

from alerting.decision import Decision
from stream.codec import canonical, rfc3339
from stream.sources.contract import Batch, Completeness, Sample
from stream.sources.dead_letters import DeadLetters
from stream.sources.feeding import LOOK_S, Feeding, Status
from stream.sources.intake_log import Appender
from stream.sources.places import Places
from tocsin.entry import PROBE, is_of_a_probe

TEXT = "A probe of our own: is the way open?"
ROUNDS = 2
"""Rounds of delivery after a decision was handed over: the one under way may have looked before."""


class Probes:
    """What became of the probes. `monotonic_ms` is a clock that cannot be set.

    >>> now = [0]
    >>> probes = Probes(lambda: now[0])
    >>> probes.sent(5_000)
    >>> probes.decided(10_000, rounds=7)
    >>> now[0] = 8_000
    >>> probes.look(8), probes.age_ms
    (0, 8000)
    >>> probes.look(9), probes.age_ms, probes.counts["through"]
    (1, 0, 1)
    """

    def __init__(self, monotonic_ms: Callable[[], int] = lambda: time.monotonic_ns() // 1_000_000) -> None:
        self._now_ms = monotonic_ms
        self._through_ms = monotonic_ms()
        self._under_way: list[int] = []
        self._handed: tuple[int, int] | None = None
        self.counts: dict[Literal["sent", "through", "late"], int] = {"sent": 0, "through": 0, "late": 0}
        """Probes that were sent, that came through, and that had not when the next was sent."""

    @property
    def age_ms(self) -> int:
        """Since the last probe came through, in milliseconds; before the first, since the process began."""
        return self._now_ms() - self._through_ms

    def sent(self, at_ms: int) -> None:
        """One sets out, by the time of the log. Whichever is still under way is late."""
        self.counts["late"] += len(self._under_way)
        self.counts["sent"] += 1
        self._under_way = [at_ms]

    def decided(self, at_ms: int, *, rounds: int) -> None:
        """The core decided on what it knew before `at_ms`, and delivery, so many rounds old, was handed that."""
        if self._under_way and self._under_way[0] < at_ms:
            self._handed = at_ms, rounds

    def look(self, rounds: int) -> int:
        """Take note of how many rounds delivery has done by now; returns how many probes came through so far."""
        if self._handed is not None and rounds - self._handed[1] >= ROUNDS:
            self._handed = None
            self._under_way = []
            self._through_ms = self._now_ms()
            self.counts["through"] += 1
        return self.counts["through"]


def is_probe(decision: Decision) -> bool:
    """Whether a decision is about nothing but a probe of our own."""
    return is_of_a_probe(decision.brand)


def probe_row(at_ms: int, name: str = "") -> bytes:
    """A probe in the interchange form. Its id is its time, where it has no name.

    >>> probe_row(1_500)
    b'{"created_at":"1970-01-01T00:00:01.500Z","id":"1500","text":"A probe of our own: is the way open?"}'
    """
    return canonical({"id": name or str(at_ms), "created_at": rfc3339(at_ms), "text": TEXT})


class ProbeSource:
    """The source of the probes: one a period, the first when a whole period is over. `clock` is that of the log."""

    name = PROBE
    kind = "probe"
    completeness: Completeness = "full"

    def __init__(self, probes: Probes, clock: Callable[[], int], every_ms: int) -> None:
        self._probes = probes
        self._clock = clock
        self._every_s = every_ms / 1000
        self.silent_after_s = 10 * self._every_s

    async def batches(self, place: str | None) -> AsyncIterator[Batch]:
        """A probe a period. Where it goes on does not matter: each stands for itself."""
        while True:
            await asyncio.sleep(self._every_s)
            at_ms = self._clock()
            self._probes.sent(at_ms)
            yield Batch(rows=(probe_row(at_ms),))

    async def check(self) -> Sample:
        """There is nothing outside to try."""
        return Sample(("It is our own.",), probe_row(self._clock()))


def probing(
    probes: Probes,
    *,
    log: Appender,
    letters: DeadLetters,
    clock: Callable[[], int],
    every_ms: int,
    look_s: float = LOOK_S,
) -> Feeding:
    """What feeds the log with probes, as any source is fed to it. No brand hears of how this source does."""
    return Feeding(
        ProbeSource(probes, clock, every_ms),
        log=log,
        letters=letters,
        places=Places(None),
        clock=clock,
        report=_tell_nobody,
        look_s=look_s,
    )


async def _tell_nobody(_source: str, _status: Status, _since_ms: int) -> None:
    """Whether probes come through is told by the heartbeat."""
