"""A Mastodon server's public feeds, as they stream, with a user's token. EDGE: uses the network.

A server sees what its people follow, and so a part of the network. Its stream goes on from now and never from before:
what was said while nobody listened is fetched from the timelines; what was taken back or edited in that time is not
told any more, so each such stretch is a gap, if a filled one. Statuses of open incidents are asked for now and then.

Source: docs.joinmastodon.org/methods/streaming.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple
from urllib.parse import urlsplit

from stream.codec import parse_rfc3339
from stream.sources.contract import BadPayload, Batch, Completeness, Gap, Sample, Surroundings, Trouble
from stream.sources.mastodon_events import (
    BadStatus,
    Said,
    Sse,
    Status,
    counts_row,
    delete_row,
    read_id,
    read_status,
    status_row,
)
from stream.sources.mastodon_timelines import (
    Known,
    Page,
    Timelines,
    known_of,
    newer,
    place_of,
    rewound,
    stream_path,
)
from stream.sources.rows import Row, row_bytes
from stream.sources.web import Web, refusal

SILENT_S = 45.0
"""Three of the signs of life that a stream gives."""
UNDER_WAY_MS = 5_000
"""What was said so long before the end of a connection may not have arrived."""
LATE_MS = 5 * 60_000
"""What is fetched so long after it was written is a back-fill."""
FILL_PAGES = 250
"""Of the 300 requests in five minutes that a server allows; what is more than they bring is a gap."""
REST_S = 10.0
GATHER_S = 0.25
WAITING = 32
MOST = 200
EARLY = 2_000
ROUND_MS = 5 * 60_000
ASKED_A_ROUND = 60


class MastodonOptions(NamedTuple):
    """Whom to ask, and for what."""

    server: str
    """As `https://mastodon.example`."""
    feeds: tuple[str, ...] = ("public",)
    """`public`, `public/local` (said on this server), `public/remote`, or `#tag`; each is a stream of its own."""
    streaming: str = ""
    """Where its streams are; "": where the server says."""


class _Heard(NamedTuple):
    """What one stream brought: an event, or that it ended; neither: that it stands."""

    feed: str
    at_ms: int
    said: Said | None = None
    ended: Exception | None = None


class Mastodon:
    """One server as a source. Ids are the server's own; authors are `name@host`."""

    kind = "mastodon"
    completeness: Completeness = "sampled"
    silent_after_s = SILENT_S

    def __init__(self, name: str, options: MastodonOptions, *, web: Web, around: Surroundings, token: str) -> None:
        self.name = name
        self._feeds = options.feeds
        self._streaming = options.streaming.rstrip("/")
        self._host = urlsplit(options.server).hostname or ""
        self._web = web
        self._around = around
        self._headers = {"Authorization": f"Bearer {token}"}
        self._timelines = Timelines(web, options.server.rstrip("/"), self._headers, around.clock)
        self._told_ms = around.clock()

    async def batches(self, place: str | None) -> AsyncIterator[Batch]:
        """Everything from a place on: how far each feed is known, as JSON."""
        known = known_of(place, self._feeds)
        async with self._listening() as heard:
            opened_ms, early = await self._opened(heard)
            for feed in self._feeds:
                before = known.get(feed)
                if before is None:
                    page = await self._timelines.page(feed, limit=1)
                    known[feed] = Known(page.statuses[0].id if page.statuses else "", opened_ms)
                    yield Batch(place=place_of(known), costs={"requests": 1})
                    continue
                async for batch in self._fill(feed, before, known, opened_ms):
                    yield batch
            async for batch in self._hear(heard, early, known):
                yield batch

    async def check(self) -> Sample:
        """Ask for the newest status of each feed, and open its stream."""
        row: Row | None = None
        closed = []
        for feed in self._feeds:
            page = await self._timelines.page(feed, limit=1)
            if not page.statuses:
                closed.append(f"The feed {feed} shows nothing: it is quiet, or closed to this account.")
            for status in page.statuses:
                row = row or status_row(status, self._host)
        async with self._listening() as heard:
            await self._opened(heard)
        streams = "a stream" if len(self._feeds) == 1 else f"{len(self._feeds)} streams"
        words = [f"The server takes the token and opens {streams}.", *closed]
        return Sample(words, None if row is None else row_bytes(row), complete=not closed)

    # ---- streams

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator["asyncio.Queue[_Heard]"]:
        """All streams, into one queue that is short: what nobody takes waits at the platform."""
        if not self._streaming:
            self._streaming = await self._timelines.streams_at()
        heard: asyncio.Queue[_Heard] = asyncio.Queue(WAITING)
        listening = [asyncio.create_task(self._listen(feed, heard)) for feed in self._feeds]
        try:
            yield heard
        finally:
            for task in listening:
                task.cancel()
            await asyncio.gather(*listening, return_exceptions=True)

    async def _listen(self, feed: str, heard: "asyncio.Queue[_Heard]") -> None:
        clock = self._around.clock
        headers = self._headers | {"Accept": "text/event-stream"}
        try:
            url = self._streaming + stream_path(feed)
            async with self._web.stream("GET", url, headers, silent_s=SILENT_S) as stream:
                if stream.status != 200:
                    raise refusal(stream.status, stream.headers.get("Retry-After"))
                await heard.put(_Heard(feed, clock()))
                sse = Sse()
                async for piece in stream.pieces:
                    at_ms = clock()
                    for said in sse.read(piece):
                        if said.name or not heard.full():  # a sign of life waits for nothing
                            await heard.put(_Heard(feed, at_ms, said))
            raise Trouble("a stream ended")
        except Exception as error:  # noqa: BLE001 - whoever waits for this stream is to know
            await heard.put(_Heard(feed, clock(), ended=error))

    async def _opened(self, heard: "asyncio.Queue[_Heard]") -> tuple[int, list[_Heard]]:
        """Wait until every stream stands: when the last one did, and what came meanwhile."""
        missing = set(self._feeds)
        early: list[_Heard] = []
        at_ms = self._around.clock()
        while missing:
            one = await heard.get()
            if one.ended is not None:
                raise one.ended
            if one.said is None:
                missing.discard(one.feed)
                at_ms = one.at_ms
            elif len(early) < EARLY:
                early.append(one)
            else:
                raise Trouble("one of its streams does not open")
        return at_ms, early

    async def _hear(
        self, heard: "asyncio.Queue[_Heard]", early: list[_Heard], known: dict[str, Known]
    ) -> AsyncIterator[Batch]:
        waiting = early
        while True:
            if not waiting:
                waiting.append(await heard.get())
                await asyncio.sleep(GATHER_S)
            while len(waiting) < MOST and not heard.empty():
                waiting.append(heard.get_nowait())
            rows, bad, ended = self._read(waiting, known)
            asked = await self._asked()
            yield Batch(
                [row_bytes(row) for row in (*rows, *asked)],
                place=place_of(known),
                bad=bad,
                known_until_ms=waiting[-1].at_ms if ended is None else None,
            )
            if ended is not None:
                raise ended
            waiting = []

    def _read(
        self, heard: Iterable[_Heard], known: dict[str, Known]
    ) -> tuple[list[Row], list[BadPayload], Exception | None]:
        rows: list[Row] = []
        bad: list[BadPayload] = []
        for one in heard:
            if one.ended is not None:
                return rows, bad, one.ended
            newest = known[one.feed].id
            said = one.said or Said()
            try:
                row = self._row(said, one.at_ms)
            except BadStatus as unread:
                bad.append(BadPayload(unread.reason, unread.detail, said.data.encode("utf-8", "replace")))
            else:
                if row is not None:
                    rows.append(row)
                    newest = newer(newest, row.id) if row.kind is None else newest
            known[one.feed] = Known(newest, max(known[one.feed].at_ms, one.at_ms))
        return rows, bad, None

    def _row(self, said: Said, at_ms: int) -> Row | None:
        if said.name == "delete":
            return delete_row(read_id(said.data), at_ms)
        if said.name in ("update", "status.update"):
            return status_row(read_status(said.data), self._host, edit=said.name == "status.update")
        return None

    # ---- what the streams do not tell

    async def _fill(self, feed: str, before: Known, known: dict[str, Known], opened_ms: int) -> AsyncIterator[Batch]:
        """Fetch what was said since a feed was last heard, from the oldest on."""
        gaps = [Gap(before.at_ms - UNDER_WAY_MS, opened_ms, "away", filled=True)]
        since = rewound(before)
        for _ in range(FILL_PAGES):
            async for batch in self._rest():
                yield batch
            page = await self._timelines.page(feed, since=since)
            costs = {"requests": 1}
            if page.again:
                yield Batch(capped=True, costs=costs)
                continue
            if not page.statuses:
                if not page.open or page.bad:
                    # The timeline is shut to this account, or nothing on the page can be read.
                    gaps = [Gap(known[feed].at_ms - UNDER_WAY_MS, opened_ms, "away")]
                known[feed] = Known(known[feed].id, opened_ms)
                yield Batch(place=place_of(known), bad=page.bad, gaps=gaps, costs=costs)
                return
            since = page.statuses[-1].id
            reached_ms = min(opened_ms, max(before.at_ms, _written_ms(page)))
            known[feed] = Known(newer(known[feed].id, since), reached_ms)
            rows = self._filled(page.statuses, opened_ms - LATE_MS)
            yield Batch(rows, place_of(known), page.bad, gaps, known_until_ms=reached_ms, costs=costs)
            gaps = []
        gap = Gap(known[feed].at_ms, opened_ms, "depth")
        known[feed] = Known(known[feed].id, opened_ms)
        yield Batch(place=place_of(known), gaps=[gap])

    async def _rest(self) -> AsyncIterator[Batch]:
        """Wait for as long as the server wants nothing to be asked."""
        while (rest_s := self._timelines.rest_s) > 0:
            yield Batch(capped=True)
            await asyncio.sleep(min(REST_S, rest_s))

    def _filled(self, statuses: Sequence[Status], late_ms: int) -> list[bytes]:
        rows = []
        for status in statuses:
            live = _time_ms(status.created_at) >= late_ms
            rows.append(status_row(status, self._host, live=live))
            if status.edited_at:
                # What is stored of it may be from before the edit, which nobody told us of.
                rows.append(status_row(status, self._host, live=live, edit=True))
        return [row_bytes(row) for row in rows if row is not None]

    async def _asked(self) -> list[Row]:
        """What became of the statuses of open incidents: their counts, and that they are gone."""
        now_ms = self._around.clock()
        if now_ms - self._told_ms < ROUND_MS or self._timelines.rest_s:
            return []
        self._told_ms = now_ms
        prefix = f"{self.name}:"
        ids = [one.removeprefix(prefix) for one in self._around.threads.open(self.name)[:ASKED_A_ROUND]]
        found = await self._timelines.statuses(ids)
        return [
            counts_row(status, now_ms) if status is not None else delete_row(name, now_ms)
            for name, status in found.items()
        ]


def _written_ms(page: Page) -> int:
    return _time_ms(page.statuses[-1].created_at)


def _time_ms(text: str) -> int:
    """A time as the server writes it; 0 for none."""
    try:
        return parse_rfc3339(text)
    except (ValueError, OverflowError):
        return 0
