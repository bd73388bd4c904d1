"""What X's search still has of a time without a connection, and second looks at posts. EDGE: uses the network.

A search finds what the stream would have brought, but for small differences in what matches (accents, quoted posts).
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec

from stream.codec import rfc3339
from stream.sources.contract import BadPayload, Batch, Gap, Surroundings
from stream.sources.x_api import XApi
from stream.sources.x_budget import Budget
from stream.sources.x_posts import Unreadable, deletion, engagement, included, is_id, row_of, written_ms
from stream.sources.x_rules import Rule

LATE_MS = 15 * 60_000
"""What is found so long after it was written is a back-fill."""
LAG_MS = 15_000
"""A search may not ask for the last ten seconds."""
OVERLAP_MS = 4_000
"""So long after a connection stood the search goes on: what was just on its way then came to nobody."""
FEWEST, MOST = 10, 100
"""Posts on a page."""
LOOKUP = 100
GONE = frozenset({"resource-not-found", "not-authorized-for-resource", "resource-unavailable"})
"""Deleted, suspended, or shown to followers alone: what leaves X's page leaves ours."""

_encode = msgspec.json.Encoder().encode


class Found(NamedTuple):
    """What one page of a search holds."""

    rows: tuple[bytes, ...]
    bad: tuple[BadPayload, ...]
    posts: int
    """How many posts it cost."""


class Searches:
    """Searches and second looks, under the month's budget."""

    def __init__(self, name: str, api: XApi, around: Surroundings, budget: Budget) -> None:
        self._name = name
        self._api = api
        self._around = around
        self._budget = budget

    async def fill(self, rules: Sequence[Rule], gap: Gap, *, minutes: int, most: int) -> AsyncIterator[Batch]:
        """What was written in a gap, its last `minutes` and `most` posts at most; the last batch tells which stretches
        were fetched and which were not. Raises `Trouble`, `Denied` or `Spent`.
        """
        reached_ms = since_ms = max(gap.since_ms, gap.until_ms - minutes * 60_000)
        for rule in rules:
            until_ms, token = gap.until_ms, ""
            while True:
                room = min(most, self._budget.room, MOST)
                if room < FEWEST:
                    reached_ms = max(reached_ms, until_ms)
                    break
                page = await self._page(rule.value, since_ms, gap.until_ms + OVERLAP_MS, room, token)
                found, token = self.found(page), _meta(page, "next_token")
                most -= found.posts
                yield Batch(found.rows, bad=found.bad, costs={"posts": found.posts, "requests": 1})
                oldest = _meta(page, "oldest_id")
                until_ms = min(until_ms, written_ms(oldest)) if is_id(oldest) else until_ms
                if not token:
                    break
        gaps = [Gap(gap.since_ms, reached_ms, gap.reason), Gap(reached_ms, gap.until_ms, gap.reason, filled=True)]
        yield Batch(gaps=[one for one in gaps if one.since_ms < one.until_ms])

    async def _page(self, query: str, since_ms: int, until_ms: int, room: int, token: str) -> dict[str, Any]:
        more = {"start_time": rfc3339(since_ms // 1000 * 1000), "end_time": rfc3339(-(-until_ms // 1000) * 1000)}
        if token:
            more["next_token"] = token
        return await self._api.recent(query, most=room, **more)

    def found(self, page: Mapping[str, Any]) -> Found:
        """The posts of a page as rows; they are counted."""
        listed = page.get("data")
        # Something else than a list is one thing that nobody can read, and no empty page.
        posts = listed if isinstance(listed, list) else [] if listed is None else [listed]
        users, others = included(page, "users"), included(page, "tweets")
        rows: list[bytes] = []
        bad: list[BadPayload] = []
        for post in posts:
            try:
                rows.append(row_of(post, users, others, live=self._is_fresh(post)))
            except Unreadable as why:
                bad.append(BadPayload(why.reason, why.detail, _encode(post)))
        self._budget.add(len(posts))
        return Found(tuple(rows), tuple(bad), len(posts))

    def _is_fresh(self, post: object) -> bool:
        own_id = post.get("id") if isinstance(post, dict) else None
        return not (isinstance(own_id, str) and is_id(own_id)) or self._around.clock() - written_ms(own_id) <= LATE_MS

    async def look_again(self, most: int) -> AsyncIterator[Batch]:
        """The counts of open incidents' posts, and which of them are gone. Raises `Trouble`, `Denied` or `Spent`."""
        prefix = f"{self._name}:"
        named = (one.removeprefix(prefix) for one in self._around.threads.open(self._name))
        ids = [one for one in dict.fromkeys(named) if is_id(one)][:most]
        for start in range(0, len(ids), LOOKUP):
            some = ids[start : start + LOOKUP]
            found = await self._api.posts(some)
            rows, there = _counted(found)
            gone = _gone(found) - there
            rows += [deletion(one) for one in some if one in gone]
            yield Batch(tuple(rows), costs={"posts": self._budget.again(there), "requests": 1})


def _counted(found: Mapping[str, Any]) -> tuple[list[bytes], set[str]]:
    """Each post's counts as a row, and their ids."""
    listed = found.get("data")
    rows: list[bytes] = []
    there: set[str] = set()
    for post in listed if isinstance(listed, list) else ():
        if isinstance(post, dict):
            with suppress(Unreadable):
                rows.append(engagement(post))
                there.add(post["id"])
    return rows, there


def _gone(found: Mapping[str, Any]) -> set[str]:
    errors = found.get("errors")
    return {
        str(error.get("resource_id") or error.get("value"))
        for error in (errors if isinstance(errors, list) else ())
        if isinstance(error, dict) and str(error.get("type")).rpartition("/")[2] in GONE
    }


def _meta(page: Mapping[str, Any], name: str) -> str:
    meta = page.get("meta")
    value = meta.get(name) if isinstance(meta, dict) else None
    return value if isinstance(value, str) else ""
