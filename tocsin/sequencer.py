"""EDGE. The sequencer: stamps become steps, steps are sealed, journaled and applied.

One input partition, records in the order of their stamps. The same class runs live, in a replay and in a recovery, so
that all three give the same entries: times come from the records, never from a clock.
"""

from collections.abc import Callable, Sequence

import msgspec

from alerting.decision import Decision
from stream.combine import Combined
from stream.mention import Mention
from stream.sources.text_store import StoredPost, TextStore
from tocsin.engine import Engine
from tocsin.entry import ControlEvent, Event
from tocsin.intake import Intake
from tocsin.journal import Keeper
from tocsin.sealing_out import Sealer

PARTITION = 0
Sink = Callable[[Sequence[Decision]], None]
Erasing = Callable[[Sequence[StoredPost]], None]
"""Hears which posts are about to be erased."""


class Sequencer:
    """Feeds one engine from one ordered input.

    `batch` is how many entries share one commit: 1 step live, about 1,000 entries in a replay.
    """

    def __init__(
        self,
        *,
        journal: Keeper,
        engine: Engine,
        intake: Intake,
        texts: TextStore,
        step_ms: int,
        incarnation: str,
        sink: Sink,
        batch: int = 1,
        snapshot_every: int = 2_000,
        erasing: Erasing = lambda _: None,
    ) -> None:
        self._journal = journal
        self._engine = engine
        self._intake = intake
        self._texts = texts
        self._step_ms = step_ms
        self._sink = sink
        self._erasing = erasing
        self._batch = batch
        self._snapshot_every = snapshot_every
        self._snapshot_seq = engine.seq
        self._sealer = Sealer(PARTITION, incarnation, sealed_step=engine.sealing.marks[PARTITION])
        self._step = self._sealer.sealed_step + 1
        self._controls: list[tuple[int, ControlEvent]] = []
        self._past: list[Combined] = []
        self._buffer: list[tuple[int, Event]] = []

    @property
    def sealed_step(self) -> int:
        """The last step whose mark was written or waits in the buffer."""
        return self._sealer.sealed_step

    def mention(self, mention: Mention, *, offset: int) -> None:
        """Take in a mention; `mention.observed_ms` is its stamp. One that goes back counts as known now (DESIGN T2)."""
        self._intake.take(self._known_now(mention, offset), offset)

    def probe(self, mention: Mention, *, offset: int) -> None:
        """Take in a probe as `mention` takes in a mention; it is counted as none."""
        self._intake.probe(self._known_now(mention, offset), offset)

    def _known_now(self, mention: Mention, offset: int) -> Mention:
        self.reach(mention.observed_ms, offset=offset)
        if mention.observed_ms >= self._step * self._step_ms:
            return mention
        return msgspec.structs.replace(mention, observed_ms=self._step * self._step_ms)

    def control(self, event: ControlEvent, *, observed_ms: int, offset: int) -> None:
        """Take in what a human, a delivery, a source or the configuration says."""
        self.reach(observed_ms, offset=offset)
        self._controls.append((self._step, event))

    def learn(self, parts: Sequence[Combined], *, observed_ms: int, offset: int) -> None:
        """Take in parts of the past, which intake combined with `live: false`: they are known from now on."""
        self.reach(observed_ms, offset=offset)
        self._past += [part._replace(step=self._step) for part in parts]

    def reach(self, observed_ms: int, *, offset: int) -> None:
        """Time has come to this stamp (a beat alone does no more): seal the steps before it."""
        step = observed_ms // self._step_ms
        if step > self._step:
            self._seal(step - 1, offset)
            self._step = step

    def close(self, *, offset: int) -> None:
        """Seal the open step and flush: the end of a replay."""
        self._seal(self._step, offset)
        self._step += 1
        self.flush()

    def flush(self) -> None:
        """Store texts, journal, apply, hand over, record: in this order, so that a crash loses nothing."""
        self._erase()
        if self._intake.posts:
            self._texts.put(list(self._intake.posts.values()))
            self._intake.posts = {}
        if not self._buffer:
            return
        entries = self._journal.append(self._buffer)
        self._buffer = []
        decided = [(entry.seq, decision) for entry in entries for decision in self._engine.apply(entry)]
        self._sink([decision for _, decision in decided])
        self._journal.record(decided, applied_seq=self._engine.seq)
        if self._engine.seq - self._snapshot_seq >= self._snapshot_every:
            self.snapshot()

    def _erase(self) -> None:
        """What platforms took back goes, before what was written since is kept. Whoever shows it is told first: should
        the process die in between, the records that say so are taken in again.
        """
        ids, self._intake.erased = self._intake.erased, []
        voices, self._intake.purged = self._intake.purged, []
        found = self._texts.of_mentions(ids) if ids else []
        for voice in dict.fromkeys(voices):
            found += self._texts.of_author(*voice)
        if found:
            self._erasing(found)
            self._texts.erase_names([post.name for post in found])

    def snapshot(self) -> None:
        """Keep the engine's state, so that a start need not replay everything."""
        self._journal.save_snapshot(self._engine)
        self._snapshot_seq = self._engine.seq

    def _seal(self, upto: int, offset: int) -> None:
        at_ms = (upto + 1) * self._step_ms
        parts, self._past = [*self._past, *self._intake.seal(upto)], []
        sealed = self._sealer.seal(parts, self._controls, upto_step=upto, offset=offset)
        self._controls = []
        self._buffer += [(at_ms, item) for item in sealed.items]
        self._buffer.append((at_ms, sealed.mark()))
        if len(self._buffer) >= self._batch:
            self.flush()
