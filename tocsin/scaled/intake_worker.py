"""EDGE. The intake worker: any number of them share the input partitions, and turn mentions into entries.

mentions, control -> [decode, dedupe, match, score, combine] -> texts, entries, dead-letters
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence

from redis.asyncio import Redis

from stream.brands import Brand
from stream.kafka.clients import Brokers
from stream.kafka.intake_loop import IntakeLoop
from stream.kafka.places import Resumed
from stream.names import Names
from stream.repeats import Repeats
from stream.sentiment import Scorers
from tocsin.intake import Intake, judges_of
from tocsin.scaled.intake_partition import MakeIntake, PartitionIntake
from tocsin.scaled.seen_cover import ROOM_BYTES, SeenCover, judged_by

MAX_RECORDS = 500
"""Records that are taken at once: more cost memory, fewer cost round trips. No decision depends on it."""


class IntakeWorker:
    """One intake worker; several may run in one process.

    `redis` only shortens starts. `beats=False` where the log brings its own time: in a replay. `make` stands in for
    the intake of the brands in a test. Raises `QueryError` for a brand whose query cannot be read.
    """

    def __init__(
        self,
        brokers: Brokers,
        brands: Sequence[Brand],
        names: Names,
        *,
        step_ms: int,
        scorers: Scorers | None = None,
        redis: Redis | None = None,
        max_records: int = MAX_RECORDS,
        beats: bool = True,
        group: str = "intake",
        clock: Callable[[], float] = time.time,
        make: MakeIntake | None = None,
    ) -> None:
        self._brokers = brokers
        self._names = names
        self._step_ms = step_ms
        self._make = make or _maker(brands, names, step_ms, scorers)
        self.cover = None if redis is None else _cover(redis, brokers, brands)
        self.written: Counter[str] = Counter()
        """What it wrote and knew again: parts, controls, marks, texts, tombstones, recalled."""
        self.letters: Counter[tuple[str, str]] = Counter()
        """Dead letters by source and reason."""
        self._gone: Counter[str] = Counter()
        self._partitions: dict[int, PartitionIntake] = {}
        self.loop = IntakeLoop(
            brokers,
            self._begin,
            step_ms=step_ms,
            named_by=names.fingerprint,
            max_records=max_records,
            beats=beats,
            group=group,
            clock=clock,
        )

    async def run(self) -> None:
        """Work until `stop`. Raises what is wrong with us, never what is wrong with a broker or with Redis."""
        await self.loop.run()

    def stop(self) -> None:
        """End `run` soon; what is being written is finished."""
        self.loop.stop()

    @property
    def mentions(self) -> Counter[str]:
        """What became of the mentions read here since the start, in the words of `tocsin.intake.Intake`."""
        found = self._gone.copy()
        for partition in self._partitions.values():
            found.update(partition.intake.counts)
        return found

    @property
    def known_again(self) -> int:
        """Posts known again at starts, from Redis or the topic: it grows while a partition is taken up."""
        return self.written["recalled"] + (0 if self.cover is None else self.cover.counts["covered"])

    @property
    def incarnations(self) -> dict[int, str]:
        """The incarnation that last read each input partition here."""
        return {number: self._partitions[number].incarnation for number in sorted(self._partitions)}

    def _begin(self, number: int, incarnation: str, at: Resumed) -> PartitionIntake:
        before = self._partitions.get(number)
        if before is not None:
            self._gone.update(before.intake.counts)
        partition = self._partitions[number] = PartitionIntake(
            number,
            incarnation,
            at,
            brokers=self._brokers,
            names=self._names,
            step_ms=self._step_ms,
            make=self._make,
            counts=self.written,
            letters=self.letters,
            cover=self.cover,
        )
        return partition


def _cover(redis: Redis, brokers: Brokers, brands: Sequence[Brand]) -> SeenCover:
    layout = brokers.layout
    return SeenCover(redis, layout.prefix, judged_by(brands), room_bytes=ROOM_BYTES // layout.mentions)


def _maker(brands: Sequence[Brand], names: Names, step_ms: int, scorers: Scorers | None) -> MakeIntake:
    judges = judges_of(brands, names, scorers)

    def make(repeats: Repeats) -> Intake:
        return Intake(brands, names, step_ms=step_ms, judges=judges, repeats=repeats)

    return make
