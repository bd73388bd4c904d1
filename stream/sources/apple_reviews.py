"""Reviews of apps in Apple's App Store, by the feeds of its shops: no key. EDGE: uses the network.

A shop shows the newest 500 reviews of an app, fifty on a page. They come hours after they were written, and not in
order: so what is new is told by what was seen, not by its time. A feed may be empty for a moment, and hold one review
as an object, many as a list, none as nothing at all; the app itself may stand before them.

The feeds are not documented. Source: what was recorded of them.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, NamedTuple

import msgspec

from stream.codec import digest, rfc3339
from stream.sources.contract import BadPayload, Batch, Completeness, Denied, Gap, Sample, Surroundings, Trouble
from stream.sources.loose_json import loosely
from stream.sources.rows import known_bytes, read_place, time_ms
from stream.sources.web import Web

BASE_URL = "https://itunes.apple.com"
PAGE = 50
PAGES = 10
"""A feed ends there."""
KEPT = PAGE * PAGES + 100
"""Reviews whose ids are kept for each feed."""
LATE_MS = 15 * 60_000
DELAY_MS = 24 * 3_600_000
"""So late a review may show up among those that were written when it was."""
FULL = PAGE - 5
"""A page with fewer entries is the last: some stand for the app, some are left out."""
PAUSE_S = 1.0
"""Between two requests: the shops refuse whoever hurries, and say 403."""
REFUSED_S = 900.0
BAD_KEPT = 10_000

_encode = msgspec.json.Encoder().encode


class AppleReviewsOptions(NamedTuple):
    """Which apps, in which shops."""

    apps: tuple[str, ...]
    """Numbers of apps, as in `apps.apple.com/nl/app/.../id123456789`."""
    countries: tuple[str, ...]
    """Shops by two letters, as `nl`."""
    poll_s: float = 900.0
    base_url: str = BASE_URL


class _Feed(msgspec.Struct, omit_defaults=True):
    """What is known of one app in one shop."""

    asked_ms: int = 0
    """When it last answered; 0: never."""
    floor_ms: int = 0
    """What is not newer than that and unknown was there before us, or is forgotten."""
    seen: dict[str, int] = {}
    """Id -> when it was written or changed."""


class _Place(msgspec.Struct):
    feeds: dict[str, _Feed] = {}


class Review(NamedTuple):
    """A review; `written_ms` is `None` where the feed does not say."""

    id: str
    written_ms: int | None
    text: str
    author: str
    rating: int | None
    helpful: int | None
    url: str


class Unreadable(ValueError):  # noqa: N818
    """An entry that is no review: `reason` is `not_an_object`, `no_id` or `no_text`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class AppleReviews:
    """The source; see `stream.sources.contract.Source`."""

    kind = "apple_reviews"
    completeness: Completeness = "full"

    def __init__(self, name: str, options: AppleReviewsOptions, *, web: Web, around: Surroundings) -> None:
        self.name = name
        self._options = options
        self._feeds = [(app, country) for app in options.apps for country in options.countries]
        self.silent_after_s = 3 * options.poll_s + 60 + 2 * len(self._feeds)
        self._web = web
        self._around = around
        self._bad: set[str] = set()
        """What nobody could read and was told: a feed shows it again each time."""
        self._brought: dict[str, dict[str, int]] = {}
        """By feed, what was brought in a round that failed behind it: changed since, it is an edit and no repeat."""

    async def batches(self, place: str | None) -> AsyncIterator[Batch]:
        """See `Source.batches`."""
        at = read_place(place, _Place) or _Place()
        while True:
            began_ms = self._around.clock()
            troubles: list[Trouble] = []
            for app, country in self._feeds:
                feed = at.feeds.setdefault(f"{app}/{country}", _Feed())
                try:
                    async for batch in self._feed(app, country, feed):
                        yield batch
                except Trouble as trouble:
                    troubles.append(trouble)
            if len(troubles) == len(self._feeds):
                raise troubles[0]
            # Of a feed that fails on its own the others tell by their lag.
            known_ms = min(at.feeds[f"{app}/{country}"].asked_ms for app, country in self._feeds)
            yield Batch(place=_encode(at).decode(), known_until_ms=known_ms or None)
            await asyncio.sleep(max(1.0, self._options.poll_s - (self._around.clock() - began_ms) / 1000))

    async def check(self) -> Sample:
        """Ask each feed for its first page."""
        words: list[str] = []
        row: bytes | None = None
        for app, country in self._feeds:
            entries = await self._page(app, country, 1)
            reviews, _ = _reviews_in(entries)
            shown = "shows reviews" if reviews else "shows none: is the app sold there?"
            words.append(f"The shop {country} {shown}" + f" (app {app}).")
            if reviews and row is None:
                row = row_of(reviews[0]._replace(written_ms=reviews[0].written_ms or self._around.clock()))
        return Sample(tuple(words), row, complete=row is not None)

    # ---- one feed

    async def _feed(self, app: str, country: str, feed: _Feed) -> AsyncIterator[Batch]:
        """What is new in a feed; it is noted as seen when all of it came."""
        began_ms = self._around.clock()
        away = bool(feed.asked_ms) and began_ms - feed.asked_ms > 3 * self._options.poll_s * 1000
        found: dict[str, int] = {}
        brought = self._brought.setdefault(f"{app}/{country}", {})
        overlaps, ends = False, False
        for page in range(1, PAGES + 1):
            entries = await self._page(app, country, page)
            reviews, bad = _reviews_in(entries)
            if page == 1 and not entries and feed.seen:
                raise Trouble(f"the shop {country} shows nothing for a moment")
            rows = []
            for review in reviews:
                known_ms = feed.seen.get(review.id)
                written_ms = review.written_ms or known_ms or began_ms
                if found.get(review.id) == written_ms:
                    continue  # a new one came meanwhile, and pushed it on to this page
                found[review.id] = written_ms
                is_new = known_ms is None and written_ms > feed.floor_ms
                is_edit = known_ms is not None and written_ms > known_ms
                overlaps = overlaps or not (is_new or is_edit)
                if feed.asked_ms and (is_new or is_edit):
                    late = away and began_ms - written_ms > LATE_MS
                    changed = is_edit or written_ms > brought.get(review.id, written_ms)
                    rows.append(row_of(review._replace(written_ms=written_ms), edited=changed, live=not late))
                    brought[review.id] = written_ms
            yield Batch(rows, bad=self._untold(bad), costs={"requests": 1})
            ends = len(entries) < FULL
            oldest_ms = min(found.values(), default=began_ms)
            if ends or not feed.asked_ms or (overlaps and oldest_ms < began_ms - DELAY_MS):
                break
        if feed.asked_ms and not (overlaps or ends):
            # All that a feed holds is new: what stood behind it is not shown any more.
            oldest_ms = min(found.values(), default=began_ms)
            since_ms = max((at_ms for at_ms in feed.seen.values() if at_ms < oldest_ms), default=oldest_ms - 1)
            yield Batch(gaps=[Gap(since_ms, oldest_ms, "depth")])
        if away:
            yield Batch(gaps=[Gap(feed.asked_ms, began_ms, "away", filled=True)])
        if not feed.asked_ms and not ends:
            feed.floor_ms = min(found.values(), default=0)
        _note(feed, found, began_ms)
        brought.clear()

    async def _page(self, app: str, country: str, page: int) -> list[object]:
        url = f"{self._options.base_url}/{country}/rss/customerreviews/page={page}/id={app}/sortby=mostrecent/json"
        answer = await self._web.get(url, {"Accept": "application/json", "User-Agent": "tocsin"})
        await asyncio.sleep(PAUSE_S)
        if answer.status == 200:
            return entries_of(answer.body, country)
        self._around.purse.spend("requests", 1)
        if answer.status in (400, 404):
            raise Denied(f"there is no feed of app {app} in the shop {country} ({answer.status})")
        raise Trouble(f"the shop {country} answered {answer.status}", retry_s=REFUSED_S)

    def _untold(self, bad: list[BadPayload]) -> list[BadPayload]:
        found = {digest(one.body): one for one in bad}
        untold = [one for name, one in found.items() if name not in self._bad]
        if len(self._bad) > BAD_KEPT:
            self._bad.clear()
        self._bad |= found.keys()
        return untold


def entries_of(body: bytes, country: str = "") -> list[object]:
    """The entries of a feed: none, one or many, without the app itself. Raises `Trouble` for what is no feed.

    >>> entries_of(b'{"feed": {}}'), entries_of(b'{"feed": {"entry": {"id": {"label": "7"}}}}')
    ([], [{'id': {'label': '7'}}])
    """
    try:
        found = loosely(body)
    except ValueError:
        raise Trouble(f"the shop {country} answered with something that is no JSON") from None
    feed = found.get("feed") if isinstance(found, dict) else None
    if not isinstance(feed, dict):
        raise Trouble(f"the shop {country} answered with something that is no feed")
    entry = feed.get("entry")
    entries = entry if isinstance(entry, list) else [] if entry is None else [entry]
    return [one for one in entries if not (isinstance(one, dict) and "im:artist" in one and "im:rating" not in one)]


def review_of(entry: object) -> Review:
    """One entry. Raises `Unreadable`."""
    if not isinstance(entry, dict):
        raise Unreadable("not_an_object")
    own_id = _label(entry, "id")
    if not own_id or len(own_id) > 40 or not own_id.isprintable():
        raise Unreadable("no_id")
    if not isinstance(entry.get("content"), dict) and not isinstance(entry.get("title"), dict):
        raise Unreadable("no_text")
    author = entry.get("author")
    named = author if isinstance(author, dict) else {}
    link = entry.get("link")
    attributes = link.get("attributes") if isinstance(link, dict) else None
    href = attributes.get("href") if isinstance(attributes, dict) else None
    rating = _whole(_label(entry, "im:rating"))
    return Review(
        id=own_id,
        written_ms=time_ms(_label(entry, "updated")),
        text="\n\n".join(part for part in (_label(entry, "title"), _label(entry, "content")) if part),
        author=_label(named, "name"),
        rating=rating if rating is not None and 1 <= rating <= 5 else None,
        helpful=_whole(_label(entry, "im:voteSum")),
        url=href if isinstance(href, str) and href.startswith("https://") else "",
    )


def row_of(review: Review, *, edited: bool = False, live: bool = True) -> bytes:
    """A review, whose time is known, as a row.

    >>> row_of(Review("7", 0, "Bad", "ann", 1, None, ""))
    b'{"id":"7","created_at":"1970-01-01T00:00:00Z","text":"Bad","author":"ann","rating":1}'
    """
    row: dict[str, Any] = {
        "id": review.id,
        "created_at": rfc3339(review.written_ms or 0),
        "kind": "update" if edited else None,
        "text": review.text,
        "author": review.author or None,
        "url": review.url or None,
        "likes": review.helpful,
        "rating": review.rating,
        "live": None if live else False,
    }
    return known_bytes(row)


def _reviews_in(entries: list[object]) -> tuple[list[Review], list[BadPayload]]:
    reviews, bad = [], []
    for entry in entries:
        try:
            reviews.append(review_of(entry))
        except Unreadable as why:
            bad.append(BadPayload(why.reason, "an entry of a feed that is no review", _encode(entry)))
    return reviews, bad


def _note(feed: _Feed, found: Mapping[str, int], now_ms: int) -> None:
    """What was found is seen; the oldest is forgotten where it is more than a feed can show."""
    feed.asked_ms = now_ms
    seen = {**feed.seen, **found}
    kept = sorted(seen.items(), key=lambda one: (-one[1], one[0]))
    if len(kept) > KEPT:
        feed.floor_ms = max(feed.floor_ms, kept[KEPT][1])
    feed.seen = dict(kept[:KEPT])


def _label(held: Mapping[str, Any], name: str) -> str:
    part = held.get(name)
    label = part.get("label") if isinstance(part, dict) else None
    return label if isinstance(label, str) else ""


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 9 else None
