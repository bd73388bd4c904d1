"""From the bytes of an RSS or Atom feed to its entries. Nothing is fetched here: feedparser sees bytes alone.

feedparser reads every dialect there is, in whatever encoding, and what is not even XML as far as it goes. Around it
stands what a stranger's document needs: no entities that grow, no more entries than a feed has, an entry that was cut
off is left for the next time.
"""

import calendar
import io
import re
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

import feedparser

from stream.reading import EARLIEST_MS, LATEST_MS
from stream.sources.html_text import text_of
from stream.sources.links import key_of, leads_nowhere, link_id, opened

LARGEST_BYTES = 2 << 20
"""A feed that is longer is no list of news; feedparser reads some 8 MB in a second."""
MOST_TAGS = 100_000
"""Tags that nobody closes take feedparser 20 microseconds each, and everything else waits for it."""
MOST_ENTRIES = 2_000
"""Of one feed; what stands below is not read."""
_AUTHOR = 200
_DIGEST = 8
"""Hexadecimal digits of a text's digest: to tell an entry's versions apart."""

BadFeed = Literal["not_a_feed", "grows", "too_large", "packed", "unreadable"]
"""Something else than a feed, most often a page of HTML; entities made of entities; beyond the limits above; packed and
broken; what even a lenient parser stumbles over."""

_GROWING = re.compile(rb"<!ENTITY\s[^>]{0,200}?([\"'])(?:(?!\1)[^>]){0,10000}?(?:&(?!#)|%)", re.IGNORECASE)
"""An entity in whose value another stands (a billion laughs). Named characters (`&#160;`) are what honest feeds do."""
_LONG_ENTITY = re.compile(rb"<!ENTITY\s[^>\"']{0,200}[\"'][^\"'>]{256}", re.IGNORECASE)
_WHOLE = re.compile(rb"</\s*(?:[\w.-]+:)?(?:rss|feed|rdf|channel)\s*>\s*(?:<!--[^>]{0,2000}-->\s*)*\Z", re.IGNORECASE)


class NoFeed(Exception):  # noqa: N818 - what it is about
    """A body that is not read as a feed: why, from a closed list, and a harmless line."""

    def __init__(self, reason: BadFeed, detail: str) -> None:
        super().__init__(detail)
        self.reason: BadFeed = reason
        self.detail = detail


class Entry(NamedTuple):
    """One entry, as far as it is known."""

    key: str
    """The native id: that of the link it leads to, wherever it is listed."""
    version: str
    """Stands for its words: another version is an edit."""
    created_ms: int | None
    text: str
    author: str | None
    lang: str | None
    url: str | None


class Listing(NamedTuple):
    """A feed as it stood."""

    entries: tuple[Entry, ...]
    """As listed, most often the newest first; each key once."""
    whole: bool
    """Whether it was there to its end. If not, its last entry is left out."""
    ttl_s: float | None
    """For how long the feed itself says that nothing new is to be expected."""


def listing_of(body: bytes, headers: Mapping[str, str], url: str) -> Listing:
    """The entries of a feed, fetched from `url`. Raises `NoFeed`.

    >>> body = b"<rss version='2.0'><channel><ttl>30</ttl><item><title>Acme &amp; Co</title></item></channel></rss>"
    >>> found = listing_of(body, {}, "https://news.example/feed")
    >>> found.entries[0].text, found.whole, found.ttl_s
    ('Acme & Co', True, 1800.0)
    >>> listing_of(b"<html><body>Please log in</body></html>", {}, "https://news.example/feed")
    Traceback (most recent call last):
    ...
    stream.sources.feed_parse.NoFeed: no feed, but a page of HTML
    """
    body = _unpacked(body, headers)
    if len(body) > LARGEST_BYTES:
        raise NoFeed("too_large", f"more than {LARGEST_BYTES} bytes")
    # An encoding of two bytes a character would hide the names from the expressions; then expat's own limits hold.
    head = body[:LARGEST_BYTES].replace(b"\0", b"")
    if head.count(b"<") > MOST_TAGS:
        raise NoFeed("too_large", f"more than {MOST_TAGS} tags")
    if b"<!ENTITY" in head.upper() and (_GROWING.search(head) or _LONG_ENTITY.search(head)):
        raise NoFeed("grows", "its entities are made to grow")
    said = {"content-type": headers.get("content-type", ""), "content-location": url}
    found = _parsed(body, said)
    if not found.entries and not found.get("version"):
        is_html = re.search(rb"<(?:!doctype\s+html|html)\b", head[:2_000], re.IGNORECASE)
        raise NoFeed("not_a_feed", "no feed, but a page of HTML" if is_html else "no feed")
    whole = not found.get("bozo") or _WHOLE.search(head[-4_000:]) is not None
    listed = found.entries[:MOST_ENTRIES]
    if not whole:
        listed = listed[:-1]
    return Listing(tuple(_entries(listed, found.feed, url)), whole, _ttl(found.feed))


def _parsed(body: bytes, said: Mapping[str, str]) -> Any:
    """feedparser's own. It stumbles over some encodings, addresses and depths that nobody writes in earnest."""
    # A stream and never the bytes themselves: those would be tried as the name of a file first.
    stream = io.BytesIO(body)
    try:
        return feedparser.parse(stream, response_headers=said, sanitize_html=False, resolve_relative_uris=False)
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError, RecursionError) as error:
        raise NoFeed("unreadable", f"it stops the parser ({type(error).__name__})") from None


def _entries(listed: list[Any], feed: Any, url: str) -> Iterator[Entry]:
    lang = _word(feed, "language")
    host = urlsplit(url).hostname or ""
    seen: set[str] = set()
    for one in listed:
        entry = _entry(one, lang, host)
        if entry is not None and entry.key not in seen:
            seen.add(entry.key)
            yield entry


def _entry(one: Any, lang: str | None, host: str) -> Entry | None:
    title, body = text_of(_word(one, "title") or ""), text_of(_body(one))
    text = title if not body or body == title else body if body.startswith(title) else f"{title}\n\n{body}"
    link = _word(one, "feedburner_origlink") or _word(one, "link") or ""
    address = opened(link)
    if not text and address is None:
        return None
    at_ms = next((found for name in ("published", "updated", "created") if (found := _time(one, name))), None)
    return Entry(
        key=_key(one, link, host, text),
        version=key_of(text)[:_DIGEST],
        created_ms=at_ms,
        text=text,
        author=_author(one, address),
        lang=_word(one.get("title_detail"), "language") or lang,
        url=address,
    )


def _key(one: Any, link: str, host: str, text: str) -> str:
    """By its link; where it has none of its own by its id, which is the world's if it is a URI, else the host's."""
    own = link_id(link)
    if own is not None and not leads_nowhere(link):
        return own
    given = _word(one, "id")
    if given:
        return link_id(given) or key_of(given if ":" in given else f"{host} {given}")
    return key_of(f"{host} {text}")


def _body(one: Any) -> str:
    parts = one.get("content")
    held = [_word(part, "value") or "" for part in parts[:5]] if isinstance(parts, list) else []
    return max([*held, _word(one, "summary") or ""], key=len)


def _author(one: Any, address: str | None) -> str | None:
    """Who wrote it, else who published it, else where it stands."""
    named = text_of(_word(one, "author") or "") or text_of(_word(one.get("source"), "title") or "")
    named = " ".join(named.split())[:_AUTHOR]
    return named or (((urlsplit(address).hostname or "").removeprefix("www.") or None) if address else None)


def _time(one: Any, name: str) -> int | None:
    # As a plain dictionary: feedparser's own answers for `updated` by `published`, with a warning.
    found = dict.get(one, f"{name}_parsed")
    try:
        at_ms = calendar.timegm(found) * 1000 if found else None
    except (ValueError, OverflowError, TypeError):
        return None
    return at_ms if at_ms is not None and EARLIEST_MS <= at_ms < LATEST_MS else None


def _ttl(feed: Any) -> float | None:
    minutes = (_word(feed, "ttl") or "").strip()
    return float(minutes) * 60 if minutes.isascii() and minutes.isdecimal() and len(minutes) < 6 else None


def _word(held: Any, name: str) -> str | None:
    found = dict.get(held, name) if isinstance(held, dict) else None
    return found if isinstance(found, str) else None


def _unpacked(body: bytes, headers: Mapping[str, str]) -> bytes:
    """Some pack what was asked for unpacked, or serve a file that is packed; as far as `LARGEST_BYTES`."""
    packed = headers.get("content-encoding", "").lower() in ("gzip", "x-gzip", "deflate")
    if not packed and not body.startswith(b"\x1f\x8b"):
        return body
    unpacking = zlib.decompressobj(wbits=47)  # gzip or zlib, as its first bytes say
    try:
        whole = unpacking.decompress(body, LARGEST_BYTES + 1)
    except zlib.error:
        raise NoFeed("packed", "packed, and cannot be unpacked") from None
    if not unpacking.eof and len(whole) <= LARGEST_BYTES:
        raise NoFeed("packed", "packed, and cut off")
    return whole
