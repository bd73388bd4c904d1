"""Hacker News, through the search that Algolia keeps of it: no key, no account. EDGE: uses the network.

Polled by date, newest first, a little further back than is known, for what is written is findable only after a while.
Whatever was missed can be had later: the search goes back to the first day. What a story counts, and whether it was
taken away, is asked of Hacker News itself, for the threads of open incidents alone.

Sources: hn.algolia.com/api and github.com/HackerNews/API.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Annotated, NamedTuple, TypeVar
from urllib.parse import urlencode

import msgspec

from stream.codec import DAY_MS, digest, rfc3339
from stream.reading import LATEST_MS
from stream.sources.contract import BadPayload, Batch, Completeness, Denied, Gap, Sample, Surroundings, Trouble
from stream.sources.html_text import text_of
from stream.sources.web import Web, refusal

PAGE = 100
PAGES = 10
"""A search shows a thousand hits, in whatever pages; what is older than the last of them is searched for anew."""
SEARCHES = 5
"""So often at most for one poll; beyond that it is a gap."""
OVERLAP_S = 600
LATE_MS = 15 * 60_000
"""What is found so long after it was written is a back-fill."""
AWAY_MS = 30 * 60_000
THREADS = 20
"""Threads whose counts are asked for in one round."""
ROUND_S = 300.0

T = TypeVar("T")


class HackerNewsOptions(NamedTuple):
    """What to listen for, and how often."""

    queries: tuple[str, ...]
    """Words to search for, as the search of Algolia takes them; a post that several find comes once."""
    poll_s: float = 60.0
    base_url: str = "https://hn.algolia.com"
    items_url: str = "https://hacker-news.firebaseio.com"


_Time = Annotated[int, msgspec.Meta(ge=0, lt=LATEST_MS // 1000)]


class Hit(msgspec.Struct, gc=False):
    """What is used of a hit: a story or a comment."""

    objectID: str  # noqa: N815 - the platform's name
    created_at_i: _Time
    author: str | None = None
    title: str | None = None
    story_text: str | None = None
    comment_text: str | None = None
    points: int | None = None
    num_comments: int | None = None
    story_id: int | None = None
    parent_id: int | None = None


class Found(msgspec.Struct, gc=False):
    """An answer of the search."""

    hits: list[msgspec.Raw]
    nbHits: int = 0  # noqa: N815
    nbPages: int = 0  # noqa: N815


class _Item(msgspec.Struct, gc=False):
    """An item of Hacker News itself."""

    id: int
    score: int | None = None
    descendants: int | None = None
    deleted: bool = False
    dead: bool = False
    time: _Time = 0


class _Place(msgspec.Struct):
    newest_s: int
    """When the newest hit was written that is known, by the platform's clock."""
    asked_ms: int
    """When all was last searched, by ours."""


_hit_of = msgspec.json.Decoder(Hit).decode
_found_of = msgspec.json.Decoder(Found).decode
_item_of = msgspec.json.Decoder(_Item).decode
_place_of = msgspec.json.Decoder(_Place).decode
_encode = msgspec.json.Encoder().encode


class HackerNews:
    """The source; see `stream.sources.contract.Source`."""

    kind = "hackernews"
    completeness: Completeness = "full"

    def __init__(self, name: str, options: HackerNewsOptions, *, web: Web, around: Surroundings) -> None:
        self.name = name
        self.silent_after_s = 3 * options.poll_s + 60
        self._options = options
        self._web = web
        self._around = around
        self._seen: dict[str, tuple[int, int, int]] = {}
        """Id -> (written, points, comments) of what was brought and may be found again."""
        self._asked_ms = 0

    async def batches(self, place: str | None) -> AsyncIterator[Batch]:
        """Everything from a place on; see the contract."""
        now_ms = self._around.clock()
        known = _place(place, now_ms)
        newest_s, gap = known.newest_s, _missed(known.asked_ms, now_ms)
        self._seen.clear()  # what was brought may not be kept
        while True:
            began_ms = self._around.clock()
            times = [newest_s]
            for query in self._options.queries:
                async for batch in self._search(query, newest_s - OVERLAP_S, times):
                    yield batch
            newest_s = max(times)
            gaps = [gap] if gap is not None else []
            yield Batch(place=_encode(_Place(newest_s, began_ms)).decode(), gaps=gaps, known_until_ms=began_ms)
            gap = None
            self._seen = {name: of for name, of in self._seen.items() if of[0] >= newest_s - 2 * OVERLAP_S}
            if self._around.clock() - self._asked_ms >= ROUND_S * 1000:
                self._asked_ms = self._around.clock()
                async for batch in self._threads():
                    yield batch
            await asyncio.sleep(max(1.0, self._options.poll_s - (self._around.clock() - began_ms) / 1000))

    async def check(self) -> Sample:
        """Search for the first words, and show what is found first."""
        found = found_in(await self._ask(self._searched(self._options.queries[0], 0, None, 0, hits=1)))
        if found is None:
            raise Trouble("its answer is no search result of Algolia")
        words = [f"Hacker News answers; its search knows {found.nbHits} posts for the first query. No key is needed."]
        hit = _read(_hit_of, found.hits[0]) if found.hits else None
        if hit is None:
            words.append("It finds nothing by that query: try other words on hn.algolia.com, or leave the source out.")
            return Sample(words, complete=False)
        return Sample(words, _encode(row_of(hit, self._around.clock())))

    # ---- searching

    async def _search(self, query: str, from_s: int, times: list[int]) -> AsyncIterator[Batch]:
        """What a query finds since then, a page at a time; `times` gets when it was written."""
        until_s: int | None = None
        for _ in range(SEARCHES):
            oldest: list[int] = []
            for page in range(PAGES):
                answer = await self._ask(self._searched(query, from_s, until_s, page))
                found = found_in(answer)
                if found is None:
                    bad = BadPayload("not_a_result", "an answer of the search is no search result", answer)
                    yield Batch(bad=[bad], costs={"requests": 1})
                    raise Trouble("its answer is no search result of Algolia")
                batch, written = self._page(found)
                yield batch
                oldest += written
                if len(found.hits) < PAGE:
                    times += oldest
                    return
            times += oldest
            if not oldest or min(oldest) == until_s:
                break  # a thousand in one second: no search shows the rest
            until_s = min(oldest)
        yield Batch(gaps=[Gap(from_s * 1000, ((until_s or from_s) + 1) * 1000, "depth")])

    def _page(self, found: Found) -> tuple[Batch, list[int]]:
        rows: list[bytes] = []
        bads: list[BadPayload] = []
        times: list[int] = []
        for raw in found.hits:
            hit = _read(_hit_of, raw)
            if hit is not None:
                # A time beyond now would have the next search begin there.
                times.append(min(hit.created_at_i, self._around.clock() // 1000))
                rows += self._rows(hit)
            elif self._is_new(f"bad:{digest(bytes(raw))}", self._around.clock() // 1000):
                bads.append(BadPayload("bad_hit", "a hit of the search has no form that is known", bytes(raw)))
        return Batch(rows=rows, bad=bads, costs={"requests": 1}), times

    def _rows(self, hit: Hit) -> list[bytes]:
        """The row of a hit that was not brought yet; of one that was, its counts if they moved and somebody cares."""
        now_ms = self._around.clock()
        counts = (hit.points or 0, hit.num_comments or 0)
        known = self._seen.get(hit.objectID)
        self._seen[hit.objectID] = (hit.created_at_i, *counts)
        if known is None:
            return [_encode(row_of(hit, now_ms))]
        if known[1:] != counts and self._around.threads.tracked(f"{self.name}:{hit.objectID}"):
            return [_encode(counts_of(hit.objectID, hit.points, hit.num_comments, hit.created_at_i))]
        return []

    def _is_new(self, name: str, at_s: int) -> bool:
        known = name in self._seen
        self._seen[name] = (at_s, 0, 0)
        return not known

    # ---- threads of open incidents

    async def _threads(self) -> AsyncIterator[Batch]:
        """What the threads of open incidents count now, and which of them are gone."""
        prefix = f"{self.name}:"
        asked = [name.removeprefix(prefix) for name in self._around.threads.open(self.name)][:THREADS]
        rows: list[bytes] = []
        for number in asked:
            if not (number.isascii() and number.isdecimal()):
                continue
            try:
                answer = await self._ask(f"{self._options.items_url}/v0/item/{number}.json")
            except (Trouble, Denied):
                break  # the search goes on without it
            item = _read(_item_of, answer)
            if item is not None:
                rows.append(_encode(late_row_of(item)))
        if asked:
            yield Batch(rows=rows, costs={"requests": len(asked)})

    def _searched(self, query: str, from_s: int, until_s: int | None, page: int, *, hits: int = PAGE) -> str:
        since = [f"created_at_i>{from_s}"] + ([f"created_at_i<={until_s}"] if until_s is not None else [])
        asked = {
            "query": query,
            "tags": "(story,comment)",
            "numericFilters": ",".join(since),
            "hitsPerPage": str(hits),
            "page": str(page),
        }
        return f"{self._options.base_url}/api/v1/search_by_date?{urlencode(asked)}"

    async def _ask(self, url: str) -> bytes:
        answer = await self._web.get(url, {"Accept": "application/json", "User-Agent": "tocsin"})
        if answer.status == 200:
            return answer.body
        self._around.purse.spend("requests", 1)
        raise refusal(answer.status, answer.headers.get("Retry-After"))


def found_in(body: bytes) -> Found | None:
    """What a search answered; `None` if that is no answer of a search. One hit that is no JSON of ours costs itself.

    >>> len(found_in(b'{"hits": [{"objectID": "7"}, "\\\\ud800"]}').hits), found_in(b"<html>")
    (2, None)
    """
    found = _read(_found_of, body)
    if found is not None:
        return found
    try:
        value = json.loads(body.decode("utf-8-sig", "replace"), strict=False)
        hits = [msgspec.Raw(json.dumps(hit).encode()) for hit in value["hits"]]
    except (ValueError, RecursionError, KeyError, TypeError):
        return None
    return Found(hits)


def row_of(hit: Hit, now_ms: int) -> dict[str, object]:
    """A hit as a row of the interchange form.

    >>> row = row_of(Hit("7", 0, author="ann", comment_text="<p>So <i>slow</i>", parent_id=5, story_id=4), 60_000)
    >>> row["text"], row["parent_id"], row["root_id"], "likes" in row
    ('So slow', '5', '4', False)
    """
    words = [hit.title or "", text_of(hit.story_text or hit.comment_text or "")]
    is_comment = hit.comment_text is not None
    row: dict[str, object | None] = {
        "id": hit.objectID,
        "created_at": rfc3339(hit.created_at_i * 1000),
        "author": hit.author,
        "text": "\n\n".join(part for part in words if part),
        "url": f"https://news.ycombinator.com/item?id={hit.objectID}",
        "parent_id": str(hit.parent_id) if is_comment and hit.parent_id is not None else None,
        "root_id": str(hit.story_id) if is_comment and hit.story_id is not None else None,
        "likes": None if is_comment else _count(hit.points),
        "replies": None if is_comment else _count(hit.num_comments),
        "live": False if now_ms - hit.created_at_i * 1000 > LATE_MS else None,
    }
    return {name: value for name, value in row.items() if value is not None}


def counts_of(name: str, points: int | None, comments: int | None, written_s: int) -> dict[str, object]:
    """What a story counts, as a row.

    >>> counts_of("7", 12, None, 0)
    {'id': '7', 'kind': 'engagement', 'created_at': '1970-01-01T00:00:00Z', 'likes': 12}
    """
    row = {"id": name, "kind": "engagement", "created_at": rfc3339(written_s * 1000)}
    counted = {"likes": _count(points), "replies": _count(comments)}
    return row | {name: value for name, value in counted.items() if value is not None}


def late_row_of(item: _Item) -> dict[str, object]:
    """An item that was asked for again: what it counts, or that it was taken away (by its author, or by moderators)."""
    if item.deleted or item.dead:
        return {"id": str(item.id), "kind": "delete", "created_at": rfc3339(item.time * 1000)}
    return counts_of(str(item.id), item.score, item.descendants, item.time)


def _count(number: int | None) -> int | None:
    return None if number is None else max(0, number)


def _read(decode: Callable[[bytes], T], body: bytes | msgspec.Raw) -> T | None:
    try:
        return decode(bytes(body))
    except (msgspec.MsgspecError, ValueError, RecursionError):  # ValueError: broken UTF-8
        return None


def _place(place: str | None, now_ms: int) -> _Place:
    known = _read(_place_of, place.encode()) if place is not None else None
    return (
        known if known is not None and 0 < known.newest_s * 1000 <= now_ms + DAY_MS else _Place(now_ms // 1000, now_ms)
    )


def _missed(since_ms: int, now_ms: int) -> Gap | None:
    """What passed while we were away; all of it is fetched, and what is old comes as a back-fill."""
    return Gap(since_ms, now_ms, "away", filled=True) if now_ms - since_ms > AWAY_MS else None
