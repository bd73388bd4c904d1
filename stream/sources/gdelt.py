"""The news of the world as GDELT sees it, by its DOC 2.0 search. EDGE: uses the network through `Web`.

Every 15 minutes GDELT adds what it found in the news sites it reads. A search shows 250 articles at most, so a window
of time that holds more is halved until each half shows all it has; where even a quarter of an hour does not, what is
missing is a gap. One request in five seconds, whatever is asked. An error is plain text, with a status of success.

https://blog.gdeltproject.org/gdelt-doc-2-0-api-debuts/
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import NamedTuple
from urllib.parse import urlencode

import msgspec

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
from stream.sources.feed_fetch import retry_after_s
from stream.sources.gdelt_parse import Article, Busy, Found, NoAnswer, NotTaken, Unreadable, found_in, row_of, spelled
from stream.sources.links import key_of
from stream.sources.rows import place_text, read_place
from stream.sources.web import Web, refusal

SLOT_MS = 15 * 60_000
"""GDELT's grain: what it found in a quarter of an hour bears the same time."""
SHOWN = 250
PAUSE_S = 5.5
"""Between two requests; GDELT asks for five seconds."""
OVERLAP_MS = 2 * 3_600_000
"""An article can be found some time after the time that it bears: so far back each look goes."""
FURTHEST_MS = 7 * 86_400_000
"""What was missed longer ago stays missed. GDELT itself keeps three months."""
FRESH_MS = 20 * 60_000
AWAY_MS = 30 * 60_000
"""Twice the time between two looks and so much more without one, and we were away."""
SEEN = 5_000
TRIES = 3
"""For a window that cannot be made smaller and whose answer nobody can read."""


class GdeltOptions(NamedTuple):
    """What is searched for, in GDELT's own language: `"acme bank" sourcelang:dutch`. `poll_s` is between two looks."""

    queries: tuple[str, ...]
    poll_s: float = 900.0
    base: str = "https://api.gdeltproject.org/api/v2/doc/doc"


class _Place(msgspec.Struct, omit_defaults=True):
    until: dict[str, int] = msgspec.field(default_factory=dict, name="u")
    """Up to when each query was searched (ms), by its key."""
    seen: list[str] = msgspec.field(default_factory=list, name="s")
    """Articles that were brought, the newest last."""


class _Window(NamedTuple):
    since_ms: int
    until_ms: int

    def halves(self) -> "tuple[_Window, _Window] | None":
        """Split at a quarter of an hour; `None` for one that is no longer than that."""
        middle_ms = (self.since_ms + self.until_ms) // 2 // SLOT_MS * SLOT_MS
        if middle_ms <= self.since_ms:
            middle_ms += SLOT_MS
        if middle_ms >= self.until_ms:
            return None
        return _Window(self.since_ms, middle_ms), _Window(middle_ms, self.until_ms)


class Gdelt:
    """One source with all its queries, for the limit on requests is one."""

    kind = "gdelt"
    completeness: Completeness = "sampled"

    def __init__(self, name: str, options: GdeltOptions, *, web: Web, around: Surroundings) -> None:
        if not options.queries:
            raise ValueError("a search needs a query")
        self.name = name
        self.silent_after_s = 2 * options.poll_s + 120
        self._queries = {key_of(query): query for query in options.queries}
        self._poll_s = options.poll_s
        self._base = options.base
        self._web = web
        self._around = around
        self._free_ms = 0
        """When the next request may be made."""
        self._requests = 0
        self._turns: dict[str, int] = {}
        """When each query had its last turn."""
        self._told: dict[tuple[str, _Window], None] = {}
        """Gaps that were told: the same window is looked at several times."""

    async def batches(self, place: str | None) -> AsyncIterator[Batch]:
        """A batch for each window of each query, oldest first. Raises `Trouble` or `Denied`."""
        known = read_place(place, _Place) or _Place()
        try:
            while True:
                began_ms = self._around.clock()
                # After a trouble the round begins with those that it kept from their turn.
                for key in sorted(self._queries, key=lambda one: self._turns.get(one, 0)):
                    self._turns[key] = self._around.clock()
                    async for batch in self._searched(key, known):
                        yield batch
                await asyncio.sleep(max(PAUSE_S, self._poll_s - (self._around.clock() - began_ms) / 1000))
        finally:
            self._spent()

    async def _searched(self, key: str, known: _Place) -> AsyncIterator[Batch]:
        """Everything that a query finds since it was searched last."""
        now_ms = self._around.clock()
        until_ms = known.until.get(key, 0)
        away = until_ms > 0 and now_ms - until_ms > 2 * self._poll_s * 1000 + AWAY_MS
        since_ms = max((until_ms or now_ms) - OVERLAP_MS, now_ms - FURTHEST_MS) // SLOT_MS * SLOT_MS
        if away and until_ms < since_ms:
            known.until[key] = since_ms
            lost = Gap(until_ms, since_ms, "away")
            yield Batch(place=place_text(known), gaps=[lost], known_until_ms=self._known_until(known))
        windows = [_Window(since_ms, now_ms)]
        while windows:
            window = windows.pop()
            found = await self._asked(key, window)
            halves = window.halves() if found is None or len(found.articles) + len(found.bad) >= SHOWN else None
            rows = self._new(known, found, now_ms, back=away or not until_ms)
            if halves is not None:
                windows += halves[::-1]
                # What a full answer shows is taken: more may be found meanwhile, and push it out of its half's 250.
                yield Batch(rows, place_text(known), costs=self._cost())
                continue
            gaps, bad = self._missed(key, window, found)
            if away and window.until_ms > until_ms:
                gaps.append(Gap(max(until_ms, window.since_ms), window.until_ms, "away", filled=True))
            known.until[key] = max(known.until.get(key, 0), window.until_ms)
            yield Batch(rows, place_text(known), bad, gaps, self._known_until(known), costs=self._cost())

    def _missed(self, key: str, window: _Window, found: Found | None) -> tuple[list[Gap], list[BadPayload]]:
        """What a window that cannot be made smaller does not show."""
        gaps: list[Gap] = []
        reason: GapReason | None = None
        if found is None:
            reason = "platform"
        elif len(found.articles) + len(found.bad) >= SHOWN:
            reason = "depth"
        if reason is not None and (key, window) not in self._told:
            gaps.append(Gap(window.since_ms, window.until_ms, reason))
            self._told[key, window] = None
            while len(self._told) > SHOWN:
                self._told.pop(next(iter(self._told)))
        bad = [BadPayload("unreadable", "an answer that nobody can read", b"")] if found is None else found.bad
        return gaps, bad

    def _new(self, known: _Place, found: Found | None, now_ms: int, *, back: bool) -> list[bytes]:
        rows = []
        seen = dict.fromkeys(known.seen)
        for article in reversed(found.articles if found is not None else []):
            if article.key not in seen:
                seen[article.key] = None
                rows.append(row_of(article, live=not (back and article.seen_ms < now_ms - FRESH_MS)))
        known.seen = list(seen)[-SEEN:]
        return rows

    def _known_until(self, known: _Place) -> int | None:
        return min((known.until.get(key, 0) for key in self._queries), default=0) or None

    # ---- asking

    async def _asked(self, key: str, window: _Window) -> Found | None:
        """What a window shows; `None` where its answer cannot be read, and a smaller one may. Raises `Trouble`, also
        for one that cannot be made smaller until it was tried often enough.
        """
        tries = 1 if window.halves() is not None else TRIES
        for _ in range(tries):
            try:
                return await self._ask(key, window, SHOWN)
            except Unreadable:
                continue
        return None

    async def _ask(self, key: str, window: _Window, most: int) -> Found:
        wait_ms = self._free_ms - self._around.clock()
        if wait_ms > 0:
            await asyncio.sleep(wait_ms / 1000)
        fields: Mapping[str, str | int] = {
            "query": self._queries[key],
            "mode": "artlist",
            "format": "json",
            "maxrecords": most,
            "sort": "datedesc",
            "startdatetime": spelled(window.since_ms),
            # The last second too is part of a search; that of a whole quarter of an hour is the next window's first.
            "enddatetime": spelled(window.until_ms - (0 if window.until_ms % SLOT_MS else 1_000)),
        }
        self._requests += 1
        try:
            answer = await self._web.get(f"{self._base}?{urlencode(fields)}")
        finally:
            self._free_ms = self._around.clock() + int(PAUSE_S * 1000)
        if answer.status != 200:
            wait_s = retry_after_s(answer.headers.get("retry-after"), self._around.clock())
            trouble = refusal(answer.status)
            if isinstance(trouble, Trouble):
                trouble.retry_s = wait_s or trouble.retry_s
            raise trouble
        try:
            return found_in(answer.body)
        except Busy:
            raise Trouble(
                "it wants fewer requests: one in five seconds, for all that use it here", retry_s=30
            ) from None
        except NoAnswer:
            raise Trouble("it answers with something else than articles") from None
        except NotTaken as why:
            number = list(self._queries).index(key) + 1
            raise Denied(f"it does not take query {number}: {why}") from None

    def _cost(self) -> dict[str, int]:
        requests, self._requests = self._requests, 0
        return {"requests": requests} if requests else {}

    def _spent(self) -> None:
        """Note the requests that no batch will tell of."""
        for unit, amount in self._cost().items():
            self._around.purse.spend(unit, amount)

    # ---- trying it

    async def check(self) -> Sample:
        """Search each query once, over a day."""
        words: list[str] = []
        newest: Article | None = None
        now_ms = self._around.clock()
        for number, key in enumerate(self._queries, 1):
            try:
                found = await self._ask(key, _Window(now_ms - 86_400_000, now_ms), SHOWN)
            except Unreadable:
                raise Trouble("it gives an answer that nobody can read") from None
            most = "at least " if len(found.articles) >= SHOWN else ""
            words.append(f"Query {number}: {most}{len(found.articles)} articles in the last 24 hours.")
            newest = newest or next(iter(found.articles), None)
        self._spent()
        return Sample(words, row_of(newest, live=True) if newest else None)
