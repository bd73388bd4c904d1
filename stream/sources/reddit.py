"""Reddit: new posts and comments of some subreddits, and what a search finds; for those with its approval. EDGE.

A listing shows the last thousand things, a hundred at a time, the newest first. So each look goes back until it meets
what is known, and where it does not, that is a gap. Nothing tells of deletes: the threads of open incidents are asked
for again, which brings late counts too.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import NamedTuple

import msgspec
import structlog

from stream.sources.contract import BadPayload, Batch, Completeness, Denied, Gap, Sample, Surroundings, Trouble
from stream.sources.reddit_api import API, TOKEN_URL, NotThere, RedditApi
from stream.sources.reddit_parse import NAME, Page, Unreadable, gone_row, page_of, row_of
from stream.sources.rows import place_text, read_place
from stream.sources.web import Web

log = structlog.get_logger("tocsin")

PAGE = 100
PAGES = 10
"""A listing ends after a thousand things, however many there are."""
DEPTH = 900
"""One that ends after so many was cut there: what was removed is left out of the thousand."""
OVERLAP_MS = 10 * 60_000
"""A moderator may let something appear some time after it was written: so far back each look goes."""
FRESH_MS = 5 * 60_000
AWAY_MS = 10 * 60_000
SEEN = 3_000
REFUSED_MS = 3_600_000
"""A subreddit that closes may open again: asked so seldom."""
RECHECKED = 5
"""Requests for the threads of open incidents at a time, of a hundred each."""
GONE_KNOWN = 5_000


class RedditOptions(NamedTuple):
    """What is read. `user_agent` as Reddit's rules have it: `<platform>:<app id>:<version> (by /u/<name>)`."""

    client_id: str
    user_agent: str
    subreddits: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    comments: bool = True
    """Whether the comments of the subreddits are read too; a search finds posts alone."""
    poll_s: float = 60.0
    recheck_s: float = 300.0
    requests_a_minute: int = 60
    """Of the hundred that Reddit allows one client id, wherever it is used."""
    bases: tuple[str, str] = (TOKEN_URL, API)
    """Where a token is had, and where everything else."""


class _Listing(NamedTuple):
    key: str
    words: str
    path: str
    fields: Mapping[str, str | int]


class _Read(msgspec.Struct, omit_defaults=True):
    """How far a listing was read."""

    newest_ms: int = msgspec.field(default=0, name="n")
    good_ms: int = msgspec.field(default=0, name="t")


class _Place(msgspec.Struct, omit_defaults=True):
    read: dict[str, _Read] = msgspec.field(default_factory=dict, name="l")
    seen: list[str] = msgspec.field(default_factory=list, name="s")
    """Things that were brought, the newest last."""
    rechecked_ms: int = msgspec.field(default=0, name="r")


class Reddit:
    """One source; one client id."""

    kind = "reddit"
    completeness: Completeness = "capped"

    def __init__(
        self, name: str, options: RedditOptions, *, web: Web, around: Surroundings, client_secret: str
    ) -> None:
        self.name = name
        self.silent_after_s = 2 * options.poll_s + 120
        self._options = options
        self._listings = _listings(options)
        if not self._listings:
            raise ValueError("Reddit is read by subreddit or by search: name one")
        self._around = around
        self._api = RedditApi(
            client_id=options.client_id,
            client_secret=client_secret,
            user_agent=options.user_agent,
            web=web,
            clock=around.clock,
            pause_s=60 / options.requests_a_minute,
            bases=options.bases,
        )
        self._refused: dict[str, tuple[int, str]] = {}
        """Listings that are not there: until when they are left alone, and why."""
        self._turns: dict[str, int] = {}
        """When each listing had its last turn."""
        self._gone: dict[str, None] = {}
        """Deletes that were told."""

    async def batches(self, place: str | None) -> AsyncIterator[Batch]:
        """A batch for each page, and one for each look at the threads of open incidents. Raises `Trouble`, or `Denied`
        where no listing is there.
        """
        known = read_place(place, _Place) or _Place()
        try:
            while True:
                began_ms = self._around.clock()
                # After a trouble the round begins with those that it kept from their turn.
                for listing in sorted(self._listings, key=lambda one: self._turns.get(one.key, 0)):
                    self._turns[listing.key] = self._around.clock()
                    if self._refused.get(listing.key, (0, ""))[0] <= began_ms:
                        async for batch in self._walk(listing, known):
                            yield batch
                if len(self._refused) == len(self._listings):
                    raise Denied("; ".join(f"{one.words} is {self._refused[one.key][1]}" for one in self._listings))
                if began_ms - known.rechecked_ms >= self._options.recheck_s * 1000:
                    yield await self._recheck(known)
                await asyncio.sleep(max(1.0, self._options.poll_s - (self._around.clock() - began_ms) / 1000))
        finally:
            if requests := self._api.spent():
                self._around.purse.spend("requests", requests)

    # ---- one listing

    async def _walk(self, listing: _Listing, known: _Place) -> AsyncIterator[Batch]:
        """From the newest back to what is known. How far it was read is noted at the end, for before that there is a
        hole between what is known and what was just read.
        """
        now_ms = self._around.clock()
        mine = known.read.setdefault(listing.key, _Read())
        first = not mine.good_ms
        away = not first and now_ms - mine.good_ms > 2 * self._options.poll_s * 1000 + AWAY_MS
        newest_ms, oldest_ms, after, things = mine.newest_ms, now_ms, None, 0
        for number in range(1, PAGES + 1):
            page = await self._page(listing, after)
            if page is None:
                return
            rows = self._new(known, page, now_ms, back=first or away)
            times = [thing.created_ms for thing in page.things]
            newest_ms, oldest_ms = max([newest_ms, *times]), min([oldest_ms, *times])
            after, things = page.after, things + len(page.things)
            whole = after is None and things < DEPTH
            met = first or whole or oldest_ms < mine.newest_ms - OVERLAP_MS
            ends = met or after is None or number == PAGES
            gaps: list[Gap] = []
            if ends:
                if not met and mine.newest_ms < oldest_ms:
                    gaps.append(Gap(mine.newest_ms, oldest_ms, "depth"))
                if away:
                    gaps.append(Gap(mine.good_ms, now_ms, "away", filled=met))
                mine.newest_ms, mine.good_ms = min(newest_ms, now_ms), now_ms
            costs = {"requests": self._api.spent()}
            yield Batch(rows, place_text(known), _bad(page), gaps, self._known_until(known), costs=costs)
            if ends:
                return

    async def _page(self, listing: _Listing, after: str | None) -> Page | None:
        """`None`: the listing is not there. Raises `Trouble` or `Denied`."""
        fields = {**listing.fields, "limit": PAGE} | ({"after": after} if after else {})
        try:
            page = page_of(await self._api.get(listing.path, fields))
        except Unreadable:
            raise Trouble(f"{listing.words} is answered with something that nobody can read") from None
        except NotThere as why:
            if listing.key not in self._refused:
                log.error("a subreddit cannot be read", source=self.name, listing=listing.words, problem=str(why))
            self._refused[listing.key] = (self._around.clock() + REFUSED_MS, str(why))
            return None
        self._refused.pop(listing.key, None)
        return page

    def _new(self, known: _Place, page: Page, now_ms: int, *, back: bool) -> list[bytes]:
        rows = []
        seen = dict.fromkeys(known.seen)
        for thing in page.things:
            if thing.name not in seen and not thing.gone:
                rows.append(row_of(thing, "create", live=not (back and thing.created_ms < now_ms - FRESH_MS)))
            seen.pop(thing.name, None)
            seen[thing.name] = None
        known.seen = list(seen)[-SEEN:]
        return rows

    def _known_until(self, known: _Place) -> int | None:
        """Up to when all listings were read, but for those that are not there: of these somebody was told."""
        there = [one.key for one in self._listings if one.key not in self._refused]
        return min((known.read[key].good_ms if key in known.read else 0 for key in there), default=0) or None

    # ---- threads of open incidents

    async def _recheck(self, known: _Place) -> Batch:
        """What became of the threads that matter now: counts, edits, deletes."""
        prefix = f"{self.name}:"
        names = [name.removeprefix(prefix) for name in self._around.threads.open(self.name)]
        wanted = [name for name in dict.fromkeys(names) if NAME.match(name) and name not in self._gone]
        rows: list[bytes] = []
        bad: list[BadPayload] = []
        now_ms = self._around.clock()
        for start in range(0, min(len(wanted), RECHECKED * PAGE), PAGE):
            asked = wanted[start : start + PAGE]
            try:
                page = page_of(await self._api.get("/api/info", {"id": ",".join(asked)}))
            except (Unreadable, NotThere):
                raise Trouble("it does not say what became of some threads") from None
            rows += self._became(asked, page, known.rechecked_ms, now_ms)
            bad += _bad(page)
        known.rechecked_ms = now_ms
        return Batch(rows, place_text(known), bad, costs={"requests": self._api.spent()})

    def _became(self, asked: list[str], page: Page, since_ms: int, now_ms: int) -> list[bytes]:
        rows = []
        there = {thing.name: thing for thing in page.things}
        for name in asked:
            thing = there.get(name)
            if thing is None or thing.gone:
                rows.append(gone_row(name, thing.created_ms if thing else now_ms))
                self._gone[name] = None
                continue
            if thing.edited_ms is not None and thing.edited_ms >= since_ms:
                rows.append(row_of(thing, "update"))
            rows.append(row_of(thing, "engagement"))
        while len(self._gone) > GONE_KNOWN:
            self._gone.pop(next(iter(self._gone)))
        return rows

    # ---- trying it

    async def check(self) -> Sample:
        """Ask for the newest of each listing."""
        words: list[str] = []
        row: bytes | None = None
        complete = True
        for listing in self._listings:
            try:
                page = page_of(await self._api.get(listing.path, {**listing.fields, "limit": 10}))
            except NotThere as why:
                words.append(f"Listing {listing.words}: {why}.")
                complete = False
                continue
            except Unreadable:
                raise Trouble("it gives an answer that nobody can read") from None
            words.append(f"Listing {listing.words}: it can be read.")
            shown = next((thing for thing in page.things if not thing.gone), None)
            row = row or (row_of(shown, "create") if shown else None)
        self._around.purse.spend("requests", self._api.spent())
        return Sample(words, row, complete)


def _bad(page: Page) -> list[BadPayload]:
    return [BadPayload("bad_post", "neither a post nor a comment", body) for body in page.bad]


def _listings(options: RedditOptions) -> list[_Listing]:
    found = []
    for name in options.subreddits:
        found.append(_Listing(f"r/{name}/new", f"r/{name}", f"/r/{name}/new", {}))
        if options.comments:
            found.append(_Listing(f"r/{name}/comments", f"r/{name} (comments)", f"/r/{name}/comments", {}))
    for number, query in enumerate(options.searches, 1):
        found.append(_Listing(f"q/{query}", f"search {number}", "/search", {"q": query, "sort": "new", "type": "link"}))
    return found
