"""EDGE. One input partition: records in, sealed steps out. What `stream.kafka.intake_loop` moves, this understands.

The same as the sequencer of one process does, but for where things go: texts, parts, controls and marks become records
of topics. It reads no clock: a record's stamp, made a running maximum along the partition, is when we knew.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from stream.kafka.clients import Brokers
from stream.kafka.cuts import Cut, Outgoing, Place
from stream.kafka.places import Resumed
from stream.kafka.records import InputRecord, kind_and_source
from stream.kafka.tail import Tail
from stream.kafka.topics import Layout, partition_of
from stream.mention import Mention
from stream.names import Names
from stream.reading import DEFAULT_SOURCE, BadMention, Reader
from stream.repeats import Repeats
from stream.sources.dead_letters import BODY_MAX
from stream.sources.text_store import post_bytes
from tocsin.entry import PROBE, Control, ControlEvent, Event, Part
from tocsin.intake import Intake
from tocsin.scaled.dead_letters import dead_letter
from tocsin.scaled.lanes import lane_of
from tocsin.scaled.seen_cover import CHUNK, Chunk, SeenCover
from tocsin.scaled.text_order import PURGE, Read
from tocsin.sealing_out import Sealed, Sealer

READERS = 1_000
"""Sources that are remembered; a producer that makes up more costs no memory."""

MakeIntake = Callable[[Repeats], Intake]


class PartitionIntake:
    """One incarnation of one input partition's intake.

    `counts` counts what it wrote (parts, controls, marks, texts, tombstones, purges) and what it knew again (recalled),
    `letters` what could not be read, by source and reason; both are shared by a worker's partitions.
    """

    def __init__(
        self,
        number: int,
        incarnation: str,
        at: Resumed,
        *,
        brokers: Brokers,
        names: Names,
        step_ms: int,
        make: MakeIntake,
        counts: Counter[str],
        letters: Counter[tuple[str, str]],
        cover: SeenCover | None = None,
    ) -> None:
        self.number = number
        self.incarnation = incarnation
        self._brokers = brokers
        self._layout = brokers.layout
        self._names = names
        self._step_ms = step_ms
        self._counts = counts
        self._letter_counts = letters
        # What people and deliveries say is known by its own ids in the core: only posts are looked up here.
        self._cover = cover if number != brokers.layout.control_input else None
        self._repeats = Repeats()
        self._intake = make(self._repeats)
        self._sealer = Sealer(number, incarnation, sealed_step=at.from_step)
        self._step = at.sealed_step
        """The step that is open, once a record was read."""
        self._known_ms = (at.sealed_step + 1) * step_ms
        """The running maximum of stamps: no record is known before the first step that is open."""
        self._recalled_ms = 0
        """The same for what is known again."""
        self._read = at.offset
        """The last record that was taken in: how new the texts are that are written next."""
        self._open: Place | None = None
        """Where a worker after this one would go on: at the first record of the open step."""
        self._controls: list[tuple[int, ControlEvent]] = []
        self._letters: list[Outgoing] = []
        self._readers: dict[str, Reader] = {}
        self._chunk_from = at.offset
        self._chunk_stamp_ms = -1 if at.place is None else at.place.stamp_ms

    @property
    def intake(self) -> Intake:
        """What looks at its mentions: read only, for counts."""
        return self._intake

    @property
    def repeats(self) -> Repeats:
        """What it has seen: read only, for tests."""
        return self._repeats

    # ---- knowing again

    async def recall(self, tail: Tail, resumed: Resumed) -> None:
        """Know the ids of the last 48 hours again: from the cover as far as that goes, else from the topic."""
        if self.number == self._layout.control_input:
            return
        upto = resumed.offset
        start = upto
        if resumed.place is not None:
            known = await tail.first_since(resumed.place.stamp_ms - self._repeats.window_ms)
            start = upto if known is None else min(known, upto)
        if self._cover is not None:

            async def read(first: int, end: int) -> None:
                async for records in tail.read(first, end):
                    self._remember(records)

            start = await self._cover.recall(self._repeats, self.number, tail, first=start, end=upto, read=read)
            self._repeats.news = []
        self._chunk_from = start
        if start < upto:
            self._chunk_stamp_ms = -1
            async for records in tail.read(start, upto):
                self._remember(records)
                if self._repeats.news is not None and len(self._repeats.news) >= CHUNK:
                    await self._tell_cover(records[-1].offset + 1, -1)

    def _remember(self, records: Sequence[Any]) -> None:
        for record in records:
            kind, source = kind_and_source(record.headers)
            self._recalled_ms = max(self._recalled_ms, record.timestamp)
            if kind != "mention" or not record.value:
                continue
            try:
                mention = self._reader(source).read(record.value, self._recalled_ms)
            except BadMention:
                continue
            self._intake.remember(mention, record.offset)
            self._counts["recalled"] += 1

    # ---- taking in

    def take(self, record: InputRecord) -> None:
        """Take in one record, in the order of offsets."""
        self._known_ms = max(self._known_ms, record.observed_ms)
        self._read = record.offset
        step = self._known_ms // self._step_ms
        if step > self._step or self._open is None:
            self._step = step
            self._open = Place(record.offset, step - 1, record.observed_ms, self._step_ms, self._names.fingerprint)
        if record.kind == "beat":
            return
        # Who may write one topic need not be allowed to write the other: what a record may be follows from its home.
        if (record.kind == "control") != (self.number == self._layout.control_input):
            self._bury(record, "wrong_topic", f"a {record.kind} has no place here")
        elif record.kind == "mention":
            self._take_mention(record)
        else:
            self._take_control(record)

    def _take_mention(self, record: InputRecord) -> None:
        if not record.body:
            self._bury(record, "no_value", "a deletion is a mention that says so, never a tombstone")
            return
        try:
            mention: Mention = self._reader(record.source).read(record.body, self._known_ms)
        except BadMention as why:
            self._bury(record, why.reason, why.detail)
            return
        if record.source == PROBE:
            self._take_probe(record, mention)
        else:
            self._intake.take(mention, record.offset)

    def _take_probe(self, record: InputRecord, mention: Mention) -> None:
        lane = lane_of(self._layout, mention.id, self.number)
        if lane is None:
            self._bury(record, "no_lane", "a probe that has no way through here")
        else:
            self._intake.probe(mention, record.offset, lane.brand)

    def _take_control(self, record: InputRecord) -> None:
        try:
            event = msgspec.json.decode(record.body, type=ControlEvent)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as why:
            self._bury(record, "not_control", type(why).__name__)
            return
        self._controls.append((self._step, event))

    def _reader(self, source: str) -> Reader:
        source = source or DEFAULT_SOURCE
        found = self._readers.get(source)
        if found is None:
            if len(self._readers) >= READERS:
                self._readers.clear()
            found = self._readers[source] = Reader(source)
        return found

    def _bury(self, record: InputRecord, reason: str, detail: str) -> None:
        source = record.source[:64]
        topic, partition = self._layout.home_of(self.number)
        why = f"{source}: {reason}: {detail}"
        letter = dead_letter(self._brokers, topic, partition, record.offset, body=record.body[:BODY_MAX], why=why)
        self._letters.append(letter)
        full = len(self._letter_counts) >= READERS and (source, reason) not in self._letter_counts
        self._letter_counts["(other)" if full else source, reason] += 1

    # ---- sealing

    def seal(self) -> Cut | None:
        """What is to be written for the steps before the open one; `None` where they are sealed."""
        place = self._open
        if place is None or place.sealed_step <= self._sealer.sealed_step:
            return None
        sealed = self._sealer.seal(
            self._intake.seal(place.sealed_step),
            self._controls_upto(place.sealed_step),
            upto_step=place.sealed_step,
            offset=place.offset,
        )
        letters, self._letters = self._letters, []
        contents = [*self._texts(), *letters, *self._items(sealed)]
        return Cut(contents, self._marks(sealed), place)

    async def committed(self, place: Place) -> None:
        """Tell the cover what was seen before this place."""
        await self._tell_cover(place.offset, place.stamp_ms)

    async def _tell_cover(self, end: int, stamp_ms: int) -> None:
        """Let the cover have what was seen before `end`; `stamp_ms` is that of the record there, if it is known."""
        news = self._repeats.news
        if self._cover is None or news is None:
            return
        cut = next((n for n, one in enumerate(news) if one.offset >= end), len(news))
        chunk = Chunk(self._chunk_from, end, self._chunk_stamp_ms, news[:cut])
        horizon_ms = max(self._known_ms, self._recalled_ms) - self._repeats.window_ms
        self._repeats.news = news[cut:]
        self._chunk_from, self._chunk_stamp_ms = end, stamp_ms
        await self._cover.append(self.number, chunk, horizon_ms)

    def _controls_upto(self, step: int) -> list[tuple[int, ControlEvent]]:
        ended = [one for one in self._controls if one[0] <= step]
        self._controls = [one for one in self._controls if one[0] > step]
        return ended

    def _items(self, sealed: Sealed) -> Iterable[Outgoing]:
        for item in sealed.items:
            self._counts["parts" if isinstance(item, Part) else "controls"] += 1
            yield item_record(self._layout, item)

    def _marks(self, sealed: Sealed) -> list[Outgoing]:
        self._counts["marks"] += self._layout.entries
        return mark_records(self._layout, sealed)

    def _texts(self) -> Iterable[Outgoing]:
        posts, self._intake.posts = self._intake.posts, {}
        erased, self._intake.erased = self._intake.erased, []
        purged, self._intake.purged = self._intake.purged, []
        self._counts["texts"] += len(posts)
        self._counts["purges"] += len(purged)
        self._counts["tombstones"] += len(erased)
        for voice in purged:
            yield self._purge(self._names.voice(*voice))
        for name, post in posts.items():
            yield self._text(name, post_bytes(post))
        for mention_id in erased:
            yield self._text(self._names.mention(mention_id), None)

    def _purge(self, voice: bytes) -> Outgoing:
        """Says that what this input partition gave of an author before is gone. It names nobody."""
        key = f"purge/{voice.hex()}/{self.number}"
        headers = [PURGE, Read(self.number, self._read).header()]
        return Outgoing(
            self._layout.name("texts"), partition_of(key, self._layout.mentions), key.encode(), voice, headers
        )

    def _text(self, name: str, value: bytes | None) -> Outgoing:
        home = partition_of(name, self._layout.mentions)
        headers = [Read(self.number, self._read).header()]
        return Outgoing(self._layout.name("texts"), home, name.encode(), value, headers)


def item_record(layout: Layout, item: Part | Control) -> Outgoing:
    """What was found or said, on its way to the entries of its brand."""
    key = item.brand.encode("utf-8", "surrogatepass")
    return Outgoing(layout.name("entries"), layout.brand_partition(item.brand), key, event_bytes(item))


def mark_records(layout: Layout, sealed: Sealed) -> list[Outgoing]:
    """A mark for every entries partition, naming what goes there."""
    homes: dict[int, list[Part | Control]] = {}
    for item in sealed.items:
        homes.setdefault(layout.brand_partition(item.brand), []).append(item)
    topic = layout.name("entries")
    return [
        Outgoing(topic, home, None, event_bytes(sealed.mark(homes.get(home, [])))) for home in range(layout.entries)
    ]


def event_bytes(event: Event) -> bytes:
    """An event as it travels in `entries`."""
    return msgspec.json.encode(event)
