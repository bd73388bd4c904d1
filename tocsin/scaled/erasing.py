"""EDGE. Erasing in a cluster: what is in `texts` goes by tombstones, and intake is told, so that nothing comes back.

Intake hears of an author's purge in every partition and of a post's delete in its own: what it writes then says how far
it had read, so no text that comes late outlives it. Raw posts in `mentions` cannot be picked out of a log: they stay
for as long as `keep` says, read by nobody but a worker that finds out which ids it has seen.
"""

from typing import Any, NamedTuple

import msgspec

from stream.codec import rfc3339
from stream.kafka.appender import TopicAppender
from stream.kafka.clients import Brokers
from stream.kafka.cuts import Outgoing
from stream.kafka.tail import Tail
from stream.kafka.topics import ERASED_WITHIN_MS, partition_of
from stream.kafka.writer import Writer
from stream.sources.intake_log import Item
from stream.sources.text_store import post_from
from tocsin.erasing import Erase, Meaning
from tocsin.intake import Voice
from tocsin.scaled.delivery_texts import NOTE
from tocsin.scaled.text_order import PURGE


class ErasedThere(NamedTuple):
    """How much goes, and until when its bytes are left."""

    posts: int
    notes: int
    texts_until_ms: int
    """Until then a broker may still hold the texts."""
    raw_until_ms: int
    """Until then `mentions` may hold what came in."""


class _Texts:
    """What of the topic is meant: the last record of each name counts."""

    def __init__(self, wish: Erase) -> None:
        self._wish = wish
        self.meaning = Meaning(wish)
        self.posts: set[str] = set()
        self.notes: set[str] = set()

    def take(self, record: Any) -> None:
        name = (record.key or b"").decode("utf-8", "replace")
        self.posts.discard(name)
        self.notes.discard(name)
        if record.value is None or PURGE in record.headers:
            return
        if NOTE in record.headers:
            if self._wish.note and name.startswith(self._wish.note.lower()):
                self.notes.add(name)
            return
        try:
            post = post_from(record.value)
        except msgspec.MsgspecError:
            return
        if not self._wish.note and self.meaning.post(post):
            self.posts.add(name)


async def erase(brokers: Brokers, sources: list[str], wish: Erase, now_ms: int, *, dry_run: bool) -> ErasedThere:
    """Erase what is meant; with `dry_run` only look. `sources` may have an author whose posts were about nobody.

    Waits for a broker. May be done again: it finds less.
    """
    texts = _Texts(wish)
    layout = brokers.layout
    for home in range(layout.mentions):
        async with Tail(brokers, layout.name("texts"), home) as tail:
            held = await tail.held()
            async for records in tail.read(held.first, held.end):
                for record in records:
                    texts.take(record)
    if not dry_run:
        await _write(brokers, _told(texts.meaning, sources, wish, now_ms), sorted(texts.posts | texts.notes))
    return ErasedThere(
        len(texts.posts), len(texts.notes), now_ms + ERASED_WITHIN_MS, now_ms + (0 if wish.note else layout.keep_ms)
    )


def _told(meaning: Meaning, sources: list[str], wish: Erase, now_ms: int) -> list[Item]:
    """What intake is told: who is gone, or which posts are."""
    at = {"created_at": rfc3339(now_ms)}
    if wish.author:
        known = {voice.source for voice in meaning.voices}
        asked = [one for one in ([wish.source] if wish.source else sources) if one not in known]
        voices = meaning.voices | {Voice(source, wish.author.removeprefix("@")) for source in asked}
        return [
            ("mention", source, msgspec.json.encode({"id": author, "kind": "purge", "author": author, **at}))
            for source, author in sorted(voices)
        ]
    ids = sorted(meaning.ids | ({meaning.mention_id} if wish.mention else set()))
    return [("mention", one.partition(":")[0], msgspec.json.encode({"id": one, "kind": "delete", **at})) for one in ids]


async def _write(brokers: Brokers, items: list[Item], names: list[str]) -> None:
    layout = brokers.layout
    tombstones = [
        Outgoing(layout.name("texts"), partition_of(name, layout.mentions), name.encode(), None) for name in names
    ]
    writer = Writer(brokers)
    await writer.start()
    try:
        if items:  # first: a text that is written meanwhile is older than what says so
            await TopicAppender(brokers, writer).append(items)
        await writer.write(tombstones)
    finally:
        await writer.stop()
