"""The fold of one entries partition: record after record into the engine, and what was decided, numbered and chained.

Pure but for what it is given. Whoever folds the same records, in whatever process, decides the same under the same
keys: so a second worker on a partition, or one that begins again further back, does no harm.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from alerting.decision import Decision
from stream.codec import CHAIN_START, canonical, decode, link
from tocsin.engine import Engine
from tocsin.entry import ConfigChange, Control, Entry, Event, Tick
from tocsin.scaled.ticking import is_of_its_time
from tocsin.sealing import Sealing
from tocsin.state import Contents, CoreState, FrozenBrand

FORMAT = 1


class Decided(msgspec.Struct, frozen=True, omit_defaults=True):
    """A record of the topic `decisions`.

    The same `n` of a brand has the same `chain` whoever wrote it: anything else is corruption of our own.
    """

    brand: str
    n: int
    """Running number of the brand's decisions, from 1."""
    chain: str
    """Link of the brand's decision chain: over the one before and this decision's canonical bytes."""
    decision: Decision
    offset: int = -1
    """Of the entry that led to it."""
    log: str = ""
    """Fingerprint of the log in which that entry stands."""


class Place(msgspec.Struct, frozen=True, order=True):
    """How far a partition was folded. Later is greater: a new log begins a new generation, at offset -1.

    >>> Place(0, 900) < Place(1, -1) < Place(1, 3)
    True
    """

    generation: int = 0
    offset: int = -1
    """The last offset that was applied."""


class CoreMeta(msgspec.Struct, kw_only=True):
    """What is known of a partition besides its brands."""

    format: int = FORMAT
    place: Place = Place()
    log: str = ""
    """Fingerprint of the log that `place` is in; empty while the log has no first record."""
    chain: str = CHAIN_START
    """Head of the chain over all records as they were read."""
    seq: int = 0
    step_ms: int
    sealing: Sealing
    brands: list[str] = []
    """Whose states belong to this one."""


class Kept(NamedTuple):
    """The whole state of a partition, as it is kept outside the process."""

    meta: CoreMeta
    brands: Mapping[str, FrozenBrand]

    @property
    def place(self) -> Place:
        """How far it was folded."""
        return self.meta.place


class Unreadable(ValueError):  # noqa: N818 - says what it is
    """A record that is no entry of ours: it goes to the dead letters, and every worker goes on without it."""


class Unknown(LookupError):  # noqa: N818 - says what it is
    """An entry names contents that nobody has: the partition waits for them."""


class CorePartition:
    """One partition as a worker has it in memory.

    >>> core = CorePartition.fresh(inputs=1, step_ms=5_000, contents=Contents({}))
    >>> core.apply(0, 40_000, b'{"type":"tick","step":4}')
    []
    >>> core.place, core.engine.sealing.complete_step
    (Place(generation=0, offset=0), 4)
    """

    def __init__(self, engine: Engine, contents: Contents, *, step_ms: int) -> None:
        self.engine = engine
        self.place = Place()
        self.log = ""
        self.chain = CHAIN_START
        self.step_ms = step_ms
        self._contents = contents
        self._heads = {name: (state.decisions, state.chain) for name, state in engine.states.items()}
        self._unsaved: set[str] = set()

    @classmethod
    def fresh(cls, *, inputs: int, step_ms: int, contents: Contents) -> "CorePartition":
        """A partition of which nothing is known, fed by so many input partitions."""
        return cls(Engine(step_ms=step_ms, partitions=range(inputs), contents=contents), contents, step_ms=step_ms)

    @classmethod
    def restored(cls, kept: Kept, contents: Contents) -> "CorePartition":
        """Goes on where `kept` was taken. Raises `Unknown` where contents are gone that its brands are judged by."""
        meta = kept.meta
        lacking = sorted(
            {one for brand in kept.brands.values() if brand.content for one in contents.lacks(brand.content)}
        )
        if lacking:
            raise Unknown(f"the state names contents that nobody has: {_short(lacking)}")
        state = CoreState(meta.step_ms, meta.sealing, dict(kept.brands), meta.seq)
        core = cls(Engine.restore(state, contents), contents, step_ms=meta.step_ms)
        core.place, core.log, core.chain = meta.place, meta.log, meta.chain
        return core

    @property
    def next_offset(self) -> int:
        """The offset of the record that is to be applied next."""
        return self.place.offset + 1

    @property
    def in_a_step(self) -> bool:
        """Whether a grid step is being sealed: parts wait, or marks of some input partitions and not of others."""
        sealing = self.engine.sealing
        return bool(sealing.held) or len({*sealing.marks.values()}) > 1

    def apply(self, offset: int, at_ms: int, body: bytes) -> list[Decided]:
        """Fold the record at `offset`, which must be `next_offset`. `at_ms` is its stamp.

        Raises `Unreadable` for what is no entry of ours (then `skip` it) and `Unknown` for contents that are missing;
        nothing has changed then. Raises `ValueError` for a hole or a repeat.
        """
        if offset != self.next_offset:
            raise ValueError(f"record {offset} after {self.place.offset}: a hole or a repeat")
        event = self._read(at_ms, body)
        decisions = self.engine.apply(Entry(self.engine.seq + 1, at_ms, event))
        self._passed(offset, body)
        return [self._decided(decision, offset) for decision in decisions]

    def skip(self, offset: int, body: bytes) -> None:
        """Pass over a record that cannot be read; it has its link in the chain all the same."""
        self._passed(offset, body)

    def begin_log(self, *, first_offset: int = 0) -> None:
        """The log is another one, or lost its beginning: keep what is known, and go on at its first record."""
        self.place = Place(self.place.generation + 1, first_offset - 1)
        self.log = ""

    def changed(self) -> dict[str, FrozenBrand]:
        """The brands that changed since `saved` was last called."""
        self._unsaved |= set(self.engine.touched())
        return {name: self.engine.frozen(name) for name in sorted(self._unsaved)}

    def saved(self) -> None:
        """All that is known now is kept elsewhere."""
        self.engine.touched()
        self._unsaved = set()

    def meta(self) -> CoreMeta:
        """Everything but the brands. Shares the sealing with the engine: to be written before the next record."""
        return CoreMeta(
            place=self.place,
            log=self.log,
            chain=self.chain,
            seq=self.engine.seq,
            step_ms=self.step_ms,
            sealing=self.engine.sealing,
            brands=sorted(self.engine.states),
        )

    def kept(self) -> Kept:
        """The whole state, to be written before the next record."""
        return Kept(self.meta(), self.engine.snapshot().brands)

    def chains(self) -> dict[str, str]:
        """The head of each brand's decision chain."""
        return {name: chain for name, (_, chain) in sorted(self._heads.items())}

    def _read(self, at_ms: int, body: bytes) -> Event:
        try:
            event: Event = decode(body, Event)  # type: ignore[arg-type] # a union is no `type` to mypy
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise Unreadable(f"no entry: {error}") from None
        if isinstance(event, Tick):
            if not is_of_its_time(event.step, self.step_ms, at_ms):
                raise Unreadable("a tick to a time that has not come: is the clock of a core worker ahead?")
        elif event.partition not in self.engine.sealing.marks:
            raise Unreadable(f"an entry of input partition {event.partition}, which this deployment does not have")
        if isinstance(event, Control) and isinstance(event.event, ConfigChange):
            lacking = self._contents.lacks(event.event.digest)
            if lacking:
                raise Unknown(f"the configuration of {event.brand} names contents that nobody has: {_short(lacking)}")
        return event

    def _passed(self, offset: int, body: bytes) -> None:
        self.place = Place(self.place.generation, offset)
        self.chain = link(self.chain, body)

    def _decided(self, decision: Decision, offset: int) -> Decided:
        n, chain = self._heads.get(decision.brand, (0, CHAIN_START))
        n, chain = n + 1, link(chain, canonical(decision))
        self._heads[decision.brand] = n, chain
        return Decided(decision.brand, n, chain, decision, offset, self.log)


def _short(digests: Iterable[str]) -> str:
    return ", ".join(digest[:12] for digest in digests)
