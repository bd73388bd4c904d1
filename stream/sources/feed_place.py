"""How far each feed of a source was read: what its place says.

Of a feed it holds what makes the next question cheap (`ETag`, `Last-Modified`), and which entries are known: each with
the versions of its words that were told, so that an edit is told once, and what flaps between two copies of a page
twice and no more.
"""

import re
from collections.abc import Iterable

import msgspec

from stream.sources import rows
from stream.sources.feed_parse import Entry

ENTRIES = 10_000
"""Of all feeds together that are remembered beyond those still listed."""
LEAST_ENTRIES = 50
MOST_VERSIONS = 8
"""Of one entry. A text that goes on changing is a counter or an advertisement, and no edit."""
_VERSION = 8
_VALIDATOR = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,510}[\x21-\x7e])?")


class FeedKnown(msgspec.Struct, omit_defaults=True):
    """One feed."""

    good_ms: int = msgspec.field(default=0, name="t")
    """When it was last asked with success; 0: never."""
    newest_ms: int = msgspec.field(default=0, name="n")
    """When its newest entry was written, as far as it says."""
    wait_s: int = msgspec.field(default=0, name="w")
    """For how long it was to be left alone then."""
    ttl_s: int = msgspec.field(default=0, name="l")
    """For how long its last document wants it left alone: an answer that nothing has changed does not say it again."""
    etag: str = msgspec.field(default="", name="e")
    modified: str = msgspec.field(default="", name="m")
    seen: dict[str, str] = msgspec.field(default_factory=dict, name="s")
    """Entries by key, the last listed last: the versions told, or "" where another feed brought it first."""


def read_place(place: str | None, keys: Iterable[str]) -> dict[str, FeedKnown]:
    """What is known of the feeds of these keys. A place that nobody can read is none.

    >>> read_place('{"a": {"t": 5}}', ["a", "b"])["a"].good_ms, read_place("17", ["a"])["a"].good_ms
    (5, 0)
    """
    found = rows.read_place(place, dict[str, FeedKnown]) or {}
    return {key: found.get(key) or FeedKnown() for key in keys}


def validator(value: str | None) -> str:
    """A value to be said back in a header, as it is; "" for one that no header can hold."""
    return value if value and _VALIDATOR.fullmatch(value) else ""


def news(known: FeedKnown, others: Iterable[FeedKnown], entry: Entry) -> str | None:
    """What an entry is by what is known: "create", "update", or `None` for nothing new; from now on it is known."""
    told = known.seen.pop(entry.key, None)
    if told is None:
        elsewhere = any(entry.key in other.seen for other in others)
        known.seen[entry.key] = "" if elsewhere else entry.version
        return None if elsewhere else "create"
    versions = [told[at : at + _VERSION] for at in range(0, len(told), _VERSION)]
    fresh = bool(versions) and entry.version not in versions and len(versions) < MOST_VERSIONS
    known.seen[entry.key] = told + entry.version if fresh else told
    return "update" if fresh else None


def forget(known: FeedKnown, listed: int, feeds: int) -> None:
    """Forget the entries that were listed the longest ago. Those of the last listing stay."""
    most = max(listed, LEAST_ENTRIES, ENTRIES // max(1, feeds))
    for key in list(known.seen)[: max(0, len(known.seen) - most)]:
        del known.seen[key]
