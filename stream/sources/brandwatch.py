"""Brandwatch Consumer Research: mentions of queries, asked for again and again. EDGE: uses the network.

There is no push. A listing is asked newest addition first (`orderBy=added`) and read until what is known; a client may
ask 30 times in 10 minutes and is not told when it may again (https://developers.brandwatch.com/docs/rate-limiting). A
listing ends at 10,000 mentions: then the stretch of time is halved (docs/retrieving-mentions).
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from typing import Any, NamedTuple
from urllib.parse import urlencode

from stream.sources.contract import BadPayload, Batch, Completeness, Gap, Sample, Surroundings, Trouble
from stream.sources.mappings import BRANDWATCH
from stream.sources.shapes import (
    FRESH_MS,
    Unreadable,
    bytes_of,
    decoded,
    dig,
    encode,
    engagement_of,
    rfc3339,
    row_of,
)
from stream.sources.values import BadValue, moment
from stream.sources.web import Web, refusal

WINDOW_MS = 600_000
LISTING_MAX = 10_000
SHORTEST_MS = 60_000
"""A stretch that is not halved any more."""
KNOWN_MAX = 20_000
PAGE_BYTES = 64 << 20
"""What a page of whole articles may have."""
AGAIN_MAX = 5
"""Threads of open incidents asked for at once."""


class BrandwatchOptions(NamedTuple):
    """What an operator says of a project."""

    project: int
    queries: tuple[int, ...]
    every_s: float = 60.0
    overlap_s: float = 600.0
    """How far back additions are read again: they do not become visible in their order."""
    lookback_s: float = 86_400.0
    """How old a mention may be when Brandwatch finds it."""
    engagement_s: float = 900.0
    """How often the counts of open incidents' threads are asked for."""
    page: int = 500
    requests: int = 30
    """In 10 minutes, for the whole client; fewer where others share it."""
    base_url: str = "https://api.brandwatch.com"


class Found(NamedTuple):
    """One of the results that can be read."""

    row: dict[str, Any]
    added_ms: int

    def counts(self) -> tuple[object, ...]:
        """What of it changes with time."""
        return tuple(self.row.get(name) for name in ("reposts", "likes", "replies", "views"))


class Page(NamedTuple):
    """One page of a listing."""

    found: list[Found]
    bad: list[BadPayload]
    size: int


class Brandwatch:
    """The queries of one project. Implements `Source`."""

    kind = "brandwatch"
    completeness: Completeness = "sampled"

    def __init__(self, name: str, options: BrandwatchOptions, *, web: Web, around: Surroundings, token: str) -> None:
        self.name = name
        # Waiting for leave to ask takes ten minutes at worst.
        self.silent_after_s = WINDOW_MS / 1000 + options.every_s + 60
        self._options = options
        self._web = web
        self._around = around
        self._headers = {"Authorization": f"Bearer {token}"}
        self._asked: deque[int] = deque(maxlen=max(options.requests, 1))
        self._known: OrderedDict[str, tuple[object, ...]] = OrderedDict()
        """The counts of what was brought since the last connection: it is not brought twice by the overlap."""
        self._written: OrderedDict[str, int] = OrderedDict()
        """When a post was written, by its id: an exact listing finds it again."""
        self._again_ms = 0

    async def batches(self, place: str | None) -> AsyncIterator[Batch]:
        """Everything added from a place on."""
        now_ms = self._around.clock()
        added_ms = int(place) if place and place.isdecimal() else now_ms
        if now_ms - added_ms > FRESH_MS:
            yield Batch(gaps=[Gap(added_ms, now_ms, "away", filled=True)])
        self._again_ms = now_ms
        self._known.clear()
        while True:
            begun_ms = self._around.clock()
            newest_ms = added_ms
            async for batch, page_newest_ms in self._news(added_ms, begun_ms):
                newest_ms = max(newest_ms, page_newest_ms)
                yield batch
            # Only now: pages come newest first, and a crash in between must read all of them again.
            added_ms = min(newest_ms, begun_ms)
            yield Batch(place=str(added_ms), known_until_ms=begun_ms)
            if begun_ms - self._again_ms >= self._options.engagement_s * 1000:
                self._again_ms = begun_ms
                async for batch in self._again():
                    yield batch
            await asyncio.sleep(self._options.every_s)

    async def check(self) -> Sample:
        """Ask for the last mention of a day."""
        now_ms = self._around.clock()
        page = await self._page(now_ms - 86_400_000, now_ms, 0, size=1)
        if page.found:
            return Sample(
                ["The token is accepted; this is the last mention that was added."], encode(page.found[0].row)
            )
        if page.bad:
            words = f"The token is accepted; the last mention cannot be read: {page.bad[0].detail}."
            return Sample([words], complete=False)
        return Sample(["The token is accepted; the queries found nothing in the last day."], complete=False)

    # ---- what is new

    async def _news(self, added_ms: int, now_ms: int) -> AsyncIterator[tuple[Batch, int]]:
        """All that was added since, with the time of the newest addition."""
        floor_ms = added_ms - int(self._options.overlap_s * 1000)
        stretches = [(floor_ms - int(self._options.lookback_s * 1000), now_ms)]
        while stretches:
            since_ms, until_ms = stretches.pop()
            number = 0
            while True:
                page = await self._page(since_ms, until_ms, number)
                fresh = [one for one in page.found if one.added_ms >= floor_ms]
                yield self._batch(fresh, page), max((one.added_ms for one in fresh), default=0)
                number += 1
                if page.size < self._options.page or (page.found and len(fresh) < len(page.found)):
                    break
                if number * self._options.page < LISTING_MAX:
                    continue
                if until_ms - since_ms <= SHORTEST_MS:
                    yield Batch(gaps=[Gap(since_ms, until_ms, "depth")]), 0
                else:
                    middle_ms = (since_ms + until_ms) // 2
                    stretches += [(since_ms, middle_ms), (middle_ms, until_ms)]
                break

    def _batch(self, found: list[Found], page: Page) -> Batch:
        rows: list[bytes] = []
        for one in found:
            name = one.row["id"]
            before = self._known.get(name)
            if before is None:
                rows.append(encode(one.row))
            elif before != one.counts() and self._around.threads.tracked(f"{self.name}:{name}"):
                rows += self._counts_row(one)
            self._note(one)
        return Batch(rows, bad=page.bad, costs={"requests": 1})

    def _note(self, one: Found) -> None:
        name = one.row["id"]
        _remember(self._known, name, one.counts())
        _remember(self._written, name, moment(one.row["created_at"]))

    def _counts_row(self, one: Found) -> list[bytes]:
        counts = engagement_of({**one.row, "live": True}, self._around.clock())
        return [encode(counts)] if counts is not None else []

    # ---- late engagement

    async def _again(self) -> AsyncIterator[Batch]:
        """The counts of the gravest open incidents' threads: each has its own second, so one short listing finds it."""
        names = [mention_id.removeprefix(f"{self.name}:") for mention_id in self._around.threads.open(self.name)]
        for name in [name for name in names if name in self._written][:AGAIN_MAX]:
            created_ms = self._written[name]
            page = await self._page(created_ms - 1000, created_ms + 1000, 0)
            rows: list[bytes] = []
            for one in page.found:
                if one.row["id"] == name and one.counts() != self._known.get(name):
                    rows += self._counts_row(one)
                    self._note(one)
            yield Batch(rows, costs={"requests": 1})

    # ---- one request

    async def _page(self, since_ms: int, until_ms: int, number: int, size: int | None = None) -> Page:
        await self._leave_to_ask()
        asked = [("queryId", query) for query in self._options.queries]
        parameters = urlencode(
            [
                *asked,
                ("startDate", rfc3339(since_ms).replace("Z", "+0000")),
                ("endDate", rfc3339(until_ms).replace("Z", "+0000")),
                ("orderBy", "added"),
                ("orderDirection", "desc"),
                ("pageSize", size or self._options.page),
                ("page", number),
            ]
        )
        address = f"{self._options.base_url}/projects/{self._options.project}/data/mentions?{parameters}"
        answer = await self._web.get(address, self._headers)
        if answer.status != 200:
            self._around.purse.spend("requests", 1)
            if answer.status == 429:
                raise Trouble("it wants fewer requests (429)", retry_s=WINDOW_MS / 1000)
            raise refusal(answer.status, answer.headers.get("Retry-After"))
        try:
            return _parse(answer.body, self._around.clock())
        except Unreadable as bad:
            raise Trouble(f"its answer cannot be read ({bad.reason})") from None

    async def _leave_to_ask(self) -> None:
        now_ms = self._around.clock()
        if len(self._asked) == self._asked.maxlen and (wait_ms := self._asked[0] + WINDOW_MS - now_ms) > 0:
            await asyncio.sleep(wait_ms / 1000)
        self._asked.append(self._around.clock())


def _remember(table: OrderedDict[str, Any], name: str, value: object) -> None:
    table[name] = value
    table.move_to_end(name)
    while len(table) > KNOWN_MAX:
        table.popitem(last=False)


def _parse(body: bytes, now_ms: int) -> Page:
    """One page. Raises `Unreadable` where it is none; reasons of what is bad in it: those of `shapes`."""
    results = dig(decoded(body), "results")
    if not isinstance(results, list):
        raise Unreadable("no_items", "it has no list `results`")
    found: list[Found] = []
    bad: list[BadPayload] = []
    for item in results:
        try:
            row = row_of(item, BRANDWATCH, now_ms)
            found.append(Found(row, moment(dig(item, "added") or row["created_at"])))
        except Unreadable as why:
            bad.append(BadPayload(why.reason, why.detail, bytes_of(item)))
        except BadValue as why:
            bad.append(BadPayload(why.reason, f"added: {why.detail}", bytes_of(item)))
    return Page(found, bad, len(results))
