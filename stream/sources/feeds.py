"""RSS and Atom feeds, Google Alerts among them: many feeds, one source. EDGE: uses the network through `Web`.

A feed is a window on the last few entries. It is asked again in its own time, cheaply (`ETag`, `If-Modified-Since`),
and what was not there the last time is new. Where nothing of the last time is left, entries may have gone by unseen:
that is a gap. An article that several feeds list counts once, by the link it leads to.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec
import structlog

from stream.codec import rfc3339
from stream.sources.contract import (
    BadPayload,
    Batch,
    Completeness,
    Denied,
    Gap,
    GapReason,
    Sample,
    Surroundings,
    Trouble,
)
from stream.sources.feed_fetch import Failed, Fetched, fetch
from stream.sources.feed_parse import Entry, Listing, NoFeed, listing_of
from stream.sources.feed_place import FeedKnown, forget, news, read_place, validator
from stream.sources.links import key_of
from stream.sources.rows import known_bytes, place_text
from stream.sources.web import Web

log = structlog.get_logger("tocsin")

FRESH_MS = 5 * 60_000
"""After we were away, or at the very first, what was written longer ago is a back-fill."""
AWAY_MS = 10 * 60_000
"""Twice the wait and so much more without a look at a feed, and we were away."""
LONGEST_WAIT_S = 3_600.0
"""However long a feed wants to be left alone when all is well."""
FIRST_AGAIN_S = 60.0
LONGEST_AGAIN_S = 900.0
"""The waits after failures, where the host says nothing else."""
GONE_S = 86_400.0
REFUSED_S = 600.0
PLACE_MS = 300_000
"""A look that found nothing changed is noted in the place so seldom: a place of many feeds is long."""
BAD_BYTES = 64 << 10
"""Of a body that is no feed, for the dead letters."""

_encode = msgspec.json.Encoder().encode


class Feed(NamedTuple):
    """A feed to be read."""

    url: str
    interval_s: float = 600.0
    insecure: bool = False
    """Whether it may be asked without https. What comes so may have been changed on its way."""


class FeedOptions(NamedTuple):
    """What a source of feeds reads. `agent` is how it introduces itself."""

    feeds: tuple[Feed, ...] = ()
    secret_interval_s: float = 600.0
    """For the feeds whose addresses are secret."""
    secret_insecure: bool = False
    kind: str = "feeds"
    """As the configuration calls this type of source: `feeds` or `google_alerts`."""
    agent: str = "Tocsin (feed reader)"


class _Reading:
    """One feed and how it does; nothing here must survive."""

    def __init__(self, feed: Feed, number: int, *, secret: bool) -> None:
        self.feed = feed
        self.key = key_of(feed.url)
        self.label = f"{_host(feed.url)} #{number}"
        """For logs and words: the address may be a secret."""
        self.secret = secret
        self.due_ms = 0
        self.fails = 0
        self.polls = 0
        self.trouble: Trouble | Denied | None = None
        self.gone = False
        self.moved = ""
        self.why: GapReason = "away"

    def __repr__(self) -> str:
        return f"_Reading({self.label!r})"


class FeedSource:
    """Feeds of one configuration. `addresses`: more feeds, a line each, whose addresses are secrets (Google Alerts)."""

    def __init__(self, name: str, options: FeedOptions, *, web: Web, around: Surroundings, addresses: str = "") -> None:
        self.name = name
        self.kind = options.kind
        self.completeness: Completeness = "sampled"
        secret = [
            Feed(line.strip(), options.secret_interval_s, options.secret_insecure)
            for line in addresses.splitlines()
            if line.strip()
        ]
        self._feeds = [
            _Reading(feed, number, secret=number > len(options.feeds))
            for number, feed in enumerate((*options.feeds, *secret), 1)
        ]
        if not self._feeds:
            raise ValueError("a source of feeds needs one")
        self._nap_s = max(reading.feed.interval_s for reading in self._feeds)
        self.silent_after_s = 2 * self._nap_s + 120
        self._agent = options.agent
        self._noted_ms = 0
        """When a place was last given."""
        self._web = web
        self._around = around

    async def batches(self, place: str | None) -> AsyncIterator[Batch]:
        """One batch a look at a feed; where all wait for longer, an empty one in between. Raises `Trouble` when no
        feed can be read, `Denied` when none ever will be.
        """
        known = read_place(place, [reading.key for reading in self._feeds])
        while True:
            reading = min(self._feeds, key=lambda one: one.due_ms)
            while (wait_s := (reading.due_ms - self._around.clock()) / 1000) > 0:
                await asyncio.sleep(min(wait_s, self._nap_s))
                if wait_s > self._nap_s and not self._all_fail():
                    yield Batch(known_until_ms=self._known_until(known))
            batch = await self._look(reading, known)
            if batch.bad or reading.trouble is None:
                yield batch
            else:  # no sign of life
                self._around.purse.spend("requests", batch.costs.get("requests", 0))
            if self._all_fail():
                raise self._trouble()

    # ---- one look

    async def _look(self, reading: _Reading, known: dict[str, FeedKnown]) -> Batch:
        """Ask one feed. What is wrong with it stays with it, as long as others can be read."""
        reading.polls += 1
        mine = known[reading.key]
        rows: list[bytes] = []
        gaps: list[Gap] = []
        bad: list[BadPayload] = []
        requests, changed = 1, False
        try:
            fetched = await self._fetched(reading, mine)
            requests = fetched.requests
            now_ms = self._around.clock()
            if fetched.body is not None:
                listing = listing_of(fetched.body, fetched.headers, fetched.url)
                changed = True
                mine.ttl_s = int(listing.ttl_s or 0)
                rows, gaps = self._take(reading, known, listing, now_ms)
                mine.etag = validator(fetched.headers.get("etag")) if listing.whole else ""
                mine.modified = validator(fetched.headers.get("last-modified")) if listing.whole else ""
            mine.good_ms, mine.wait_s = now_ms, self._settle(reading, mine.ttl_s, fetched.max_age_s or 0.0)
            self._well(reading)
        except NoFeed as no:
            body = b"" if reading.secret else fetched.body[:BAD_BYTES] if fetched.body else b""
            bad = [BadPayload(no.reason, f"{reading.label}: {no.detail}", body)]
            self._failed(reading, Trouble(f"{reading.label} answers with {no.detail}"))
        except Failed as failed:
            requests = failed.requests
            self._failed(reading, failed.trouble, gone=failed.gone)
        place = self._place(known, changed=changed)
        return Batch(rows, place, bad, gaps, self._known_until(known), costs={"requests": requests})

    def _place(self, known: dict[str, FeedKnown], *, changed: bool) -> str | None:
        now_ms = self._around.clock()
        if not changed and now_ms - self._noted_ms < PLACE_MS:
            return None
        self._noted_ms = now_ms
        return place_text(known)

    async def _fetched(self, reading: _Reading, known: FeedKnown) -> Fetched:
        headers = {"User-Agent": self._agent, "Accept": "application/atom+xml, application/rss+xml, */*;q=0.5"}
        if known.etag:
            headers["If-None-Match"] = known.etag
        if known.modified:
            headers["If-Modified-Since"] = known.modified
        feed = reading.feed
        fetched = await fetch(self._web, feed.url, headers, insecure=feed.insecure, now_ms=self._around.clock())
        if fetched.moved and fetched.moved != reading.moved:
            log.warning("a feed has moved for good", source=self.name, feed=reading.label, host=_host(fetched.moved))
        reading.moved = fetched.moved
        return fetched

    def _take(
        self, reading: _Reading, known: dict[str, FeedKnown], listing: Listing, now_ms: int
    ) -> tuple[list[bytes], list[Gap]]:
        """The rows of what is new in a listing, and what was missed."""
        mine = known[reading.key]
        others = [other for key, other in known.items() if key != reading.key]
        gaps = self._missed(reading, mine, listing, now_ms)
        back = not mine.good_ms or any(gap.reason != "depth" for gap in gaps)
        rows = []
        for entry in reversed(listing.entries):
            kind = news(mine, others, entry)
            if kind is not None:
                is_old = entry.created_ms is None or entry.created_ms < now_ms - FRESH_MS
                rows.append(_row(entry, kind, now_ms, live=not (back and is_old)))
        forget(mine, len(listing.entries), len(known))
        newest_ms = max((entry.created_ms or 0 for entry in listing.entries), default=0)
        mine.newest_ms = max(mine.newest_ms, min(newest_ms, now_ms))
        return rows, gaps

    def _missed(self, reading: _Reading, mine: FeedKnown, listing: Listing, now_ms: int) -> list[Gap]:
        if not mine.good_ms or not listing.entries:
            return []
        gaps = []
        overlaps = any(entry.key in mine.seen for entry in listing.entries)
        oldest_ms = min((entry.created_ms for entry in listing.entries if entry.created_ms is not None), default=now_ms)
        since_ms, until_ms = mine.newest_ms or mine.good_ms, min(oldest_ms, now_ms)
        rolled = bool(mine.seen) and not overlaps and until_ms > since_ms
        if rolled:
            gaps.append(Gap(since_ms, until_ms, "depth"))
        longest_s = 2 * max(reading.feed.interval_s, mine.wait_s)
        if now_ms - mine.good_ms > longest_s * 1000 + AWAY_MS:
            gaps.append(Gap(mine.good_ms, now_ms, reading.why, filled=not rolled))
        return gaps

    # ---- when to look again

    def _settle(self, reading: _Reading, *asked_s: float) -> int:
        """Set when a feed is next due; returns for how long (s) it is left alone, without the jitter."""
        longest_s = max(reading.feed.interval_s, LONGEST_WAIT_S)
        wait_s = min(longest_s, max(reading.feed.interval_s, *asked_s))
        reading.due_ms = self._around.clock() + int(wait_s * 1000 * _jitter(reading))
        return int(wait_s)

    def _well(self, reading: _Reading) -> None:
        if reading.trouble is not None:
            log.info("a feed is back", source=self.name, feed=reading.label)
        reading.trouble, reading.fails, reading.gone, reading.why = None, 0, False, "away"

    def _failed(self, reading: _Reading, trouble: Trouble | Denied, *, gone: bool = False) -> None:
        reading.fails += 1
        if gone:
            wait_s = GONE_S
        elif isinstance(trouble, Denied):
            wait_s = REFUSED_S
        else:
            wait_s = min(LONGEST_AGAIN_S, FIRST_AGAIN_S * 2 ** min(reading.fails - 1, 10))
            if trouble.retry_s is not None:
                wait_s = max(wait_s, trouble.retry_s)
                reading.why = "rate_limited"
        reading.due_ms = self._around.clock() + int(wait_s * 1000 * _jitter(reading))
        if gone and not reading.gone:
            log.error("a feed is gone for good", source=self.name, feed=reading.label)
        elif str(trouble) != str(reading.trouble or ""):
            log.warning("a feed cannot be read", source=self.name, feed=reading.label, problem=str(trouble))
        reading.trouble, reading.gone = trouble, gone

    def _all_fail(self) -> bool:
        return all(reading.trouble is not None for reading in self._feeds)

    def _trouble(self) -> Trouble | Denied:
        """What to raise where no feed can be read: the hope that is left, and when it is due."""
        hopeful = [one for one in self._feeds if isinstance(one.trouble, Trouble) and not one.gone]
        if not hopeful:
            return Denied(f"no feed can be read: {self._feeds[0].trouble}")
        first = min(hopeful, key=lambda one: one.due_ms)
        return Trouble(f"no feed can be read: {first.trouble}", retry_s=(first.due_ms - self._around.clock()) / 1000)

    def _known_until(self, known: dict[str, FeedKnown]) -> int | None:
        """Up to when all feeds were read. One that waits by agreement is as good as read; one that is gone is told of,
        and holds up nothing.
        """
        now_ms = self._around.clock()
        ends_ms = []
        for reading in self._feeds:
            good_ms = known[reading.key].good_ms
            if reading.trouble is None and reading.polls:
                good_ms = max(good_ms, now_ms - int(reading.feed.interval_s * 1000))
            if not reading.gone and (good_ms or reading.trouble is None):
                ends_ms.append(good_ms)
        return min(ends_ms) or None if ends_ms else None

    # ---- trying it

    async def check(self) -> Sample:
        """Ask every feed once, all at the same time, with nothing known."""
        words: list[str] = []
        row: bytes | None = None
        complete = True
        for said, entry, well in await asyncio.gather(*(self._tried(reading) for reading in self._feeds)):
            words += said
            complete = complete and well
            if row is None and entry is not None:
                row = _row(entry, "create", self._around.clock(), live=True)
        return Sample(words, row, complete)

    async def _tried(self, reading: _Reading) -> tuple[list[str], Entry | None, bool]:
        """What is to be said of one feed, an entry of it, and whether all is well."""
        try:
            fetched = await self._fetched(reading, FeedKnown())
            listing = listing_of(fetched.body or b"", fetched.headers, fetched.url)
        except (Failed, NoFeed) as error:
            problem = error.trouble if isinstance(error, Failed) else f"it answers with {error.detail}"
            return [f"Feed {reading.label}: {problem}."], None, False
        words = [f"Feed {reading.label}: {len(listing.entries)} entries."]
        if fetched.moved:
            shown = _host(fetched.moved) if reading.secret else fetched.moved
            words.append(f"Feed {reading.label} has moved for good, to {shown} : write that into the configuration.")
        return words, next(iter(listing.entries), None), not fetched.moved


def _row(entry: Entry, kind: str, now_ms: int, *, live: bool) -> bytes:
    """An entry in the interchange form. One without a date is as old as our first sight of it."""
    row: dict[str, Any] = {
        "id": entry.key,
        "created_at": rfc3339(entry.created_ms if entry.created_ms is not None else now_ms),
        "kind": kind,
        "text": entry.text,
        "author": entry.author,
        "lang": entry.lang,
        "url": entry.url,
        "live": None if live else False,
    }
    return known_bytes(row)


def _jitter(reading: _Reading) -> float:
    """1 to 1.1, another at each look: so that a hundred feeds of one host are not asked at once for ever."""
    return 1 + int(key_of(f"{reading.key} {reading.polls}")[:4], 16) / 0x10000 / 10


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or "?"
    except ValueError:
        return "?"
