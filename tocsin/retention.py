"""EDGE. How long what came in is kept, by what it is and where it came from."""

from collections.abc import Mapping
from typing import NamedTuple

from stream.codec import DAY_MS
from tocsin.erasing import Stores
from tocsin.settings import Settings


class KeptFor(NamedTuple):
    """Milliseconds. A post's age counts from when it was written, a raw record's and a letter's from when it came, that
    of an incident's pages from when the last of them was due or sent.
    """

    texts_ms: int
    raw_ms: int
    letters_ms: int
    by_source: Mapping[str, int] = {}
    """Texts of sources that are kept for less."""
    pages_ms: int = 400 * DAY_MS


def kept_for(settings: Settings) -> KeptFor:
    """As a configuration has it."""
    kept = settings.retention
    by_source = {one.name: one.retention for one in settings.sources if one.retention is not None}
    return KeptFor(kept.texts, kept.raw, kept.dead_letters, by_source, kept.pages)


def trim(stores: Stores, ages: KeptFor, now_ms: int, keep_from_offset: int) -> dict[str, int]:
    """Erase what is too old; nothing of the log from `keep_from_offset` on. How much went, by what it was. Raises
    `StoreError`.
    """
    gone = {
        "records": stores.intake_log.trim(now_ms - ages.raw_ms, keep_from_offset),
        "letters": stores.dead.trim(now_ms - ages.letters_ms),
        "texts": stores.texts.trim(now_ms - ages.texts_ms),
    }
    shorter = {source: age_ms for source, age_ms in ages.by_source.items() if age_ms < ages.texts_ms}
    if shorter:
        old = stores.texts.search(
            lambda post: post.created_ms < now_ms - shorter.get(post.source, ages.texts_ms),
            now_ms - min(shorter.values()),
        )
        gone["texts"] += stores.texts.erase_names([post.name for post in old]) if old else 0
    return {what: number for what, number in gone.items() if number}
