"""X's filtered stream: the posts that match rules made from the brands' queries. EDGE: uses the network.

Every post that is read costs money, so what was read this month is counted and bounded: at the bound the stream is
left, the brands are blind on X, and only how much is said is still asked for (a count costs as much as one post). X has
one connection for an app and, but for its largest plan, no memory of what it sent: each minute without the connection
is a gap, which a search can fill for money.

Source: docs.x.com, "Filtered Stream", "Handling disconnections", "Recovery and redundancy".
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any, NamedTuple

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
from stream.sources.rows import place_text, read_place
from stream.sources.web import Web
from stream.sources.x_api import BASE_URL, Spent, Waits, XApi, XTrouble, refusal_of, told_by
from stream.sources.x_budget import Budget
from stream.sources.x_posts import FIELDS, Lines, Unreadable, frame_of, included, problems_of, row_of, shown_counts
from stream.sources.x_rules import TAG, Limits, Plan, Rule, Steps, Subject, plan, steps
from stream.sources.x_search import LAG_MS, Searches

SILENT_S = 25.0
"""X sends an empty line every 20 s at least."""
BEAT_S = 20.0
LATENCY_MS = 10_000
"""So long X may take to bring a post: what was written just before a cut had not come. P99 is 6 to 7 s."""
STOOD_MS = 10 * 60_000
"""A connection that stood so long was not cut off by another program."""
SPENT_S = 900.0
"""How often X is asked whether there is money again."""
SEARCH_TRIES = 3
COUNTED = 25
"""Brands that are counted."""
COUNTED_MS = 3_600_000
HEAD_BYTES = 64 << 10

log = structlog.get_logger("tocsin")
_encode = msgspec.json.Encoder().encode


class XOptions(NamedTuple):
    """What to listen for on X, and what it may cost."""

    subjects: tuple[Subject, ...]
    """The brands that listen to this source, each with its query, or another for X alone."""
    posts_a_month: int = 10_000
    """Posts that may be read in a calendar month of UTC, searches and second looks included."""
    reposts: bool = True
    """Whether reposts are asked for: each costs as much as a post."""
    backfill_minutes: int = 0
    """1 to 5 where the plan has it (Enterprise): so much X sends again after a short break."""
    fill_minutes: int = 0
    """How much of a longer break is searched for afterwards; 0: nothing. Each post found costs as others do."""
    fill_posts: int = 1_000
    """So many posts at most for one break."""
    recheck_s: float = 1_800.0
    """How often posts of open incidents are looked at again: for their counts, and whether they are gone. 0: never."""
    recheck_posts: int = 100
    """So many of them at most in one round."""
    count_s: float = 3_600.0
    """How often posts are counted while the month's posts are spent; 0: never."""
    rules_s: float = 3_600.0
    """How often the rules are compared with X's."""
    rule_length: int = 1_024
    most_rules: int = 1_000
    base_url: str = BASE_URL


class _Place(msgspec.Struct, omit_defaults=True):
    heard_ms: int = 0
    """Up to then everything has come; 0: nothing was heard yet, so nothing is missing."""
    capped: bool = False
    """Whether the time since then is missing because of money."""


class XStream:
    """The source; see `stream.sources.contract.Source`."""

    kind = "x"
    completeness: Completeness = "full"
    silent_after_s = 30.0

    def __init__(self, name: str, options: XOptions, *, web: Web, around: Surroundings, bearer_token: str) -> None:
        self.name = name
        self._options = options
        self._web = web
        self._around = around
        self._api = XApi(web, around, bearer_token, options.base_url)
        self._plan = plan_of(name, options)
        self._waits = Waits()
        self._budget = Budget(around, options.posts_a_month)
        self._searches = Searches(name, self._api, around, self._budget)
        self._due: dict[str, int] = {}
        """When each of the chores comes next."""
        self._to_fill: Gap | None = None
        """What is to be searched for: the place stays before it until then."""
        self._tries = 0
        self.volumes: Mapping[str, int] = {}
        """While the month's posts are spent: how many posts there were in the last hour, by brand."""

    async def batches(self, place: str | None) -> AsyncIterator[Batch]:
        """See `Source.batches`."""
        if self._plan.unsaid:
            raise Denied(" ".join(self._plan.unsaid))
        at = read_place(place, _Place) or _Place()
        while True:
            self._budget.look(anew=True)
            try:
                if not self._budget.room:
                    async for batch in self._counting(at):
                        yield batch
                if "rules" not in self._due or self._is_due("rules", self._options.rules_s):
                    await self._keep_in_step()
                async with aclosing(self._listening(at)) as heard:
                    async for batch in heard:
                        yield batch
            except Spent as why:
                log.warning("x reads out no more posts", source=self.name, why=str(why))
                async for batch in self._penniless(at):
                    yield batch
            except Trouble as trouble:
                raise self._with_wait(trouble) from None

    async def check(self) -> Sample:
        """See `Source.check`. Reads ten posts at most."""
        options = self._options
        words = [f"Brands that X is told of: {len(options.subjects)}; rules for them: {len(self._plan.rules)}."]
        words += [*self._plan.widened, *self._plan.unsaid]
        row = None
        try:
            words += _words_of(steps(await self._api.rules(), self._plan.rules))
            used, cap = await self._api.usage()
            words.append(f"X itself counts {used or '?'} posts read in this cycle, of {cap or '?'}.")
            self._budget.look(anew=True)
            words.append(f"Tocsin counts {self._budget.read} in this month, of {options.posts_a_month}.")
            if self._plan.rules and self._budget.room:
                found = self._searches.found(await self._api.recent(self._plan.rules[0].value, most=10))
                self._around.purse.spend("posts", found.posts)
                row = found.rows[0] if found.rows else None
                words += [] if row else ["Nothing that matches the first rule was said in the last 7 days."]
        except Spent as why:
            return Sample((*words, f"Not now: {why}."), complete=False)
        return Sample(tuple(words), row, complete=not self._plan.unsaid)

    # ---- the stream

    async def _listening(self, at: _Place) -> AsyncGenerator[Batch, None]:
        parameters: dict[str, str | int] = {**FIELDS}
        away_ms = self._around.clock() - at.heard_ms
        if self._options.backfill_minutes and at.heard_ms and away_ms > 0:
            minutes = -(-(away_ms + LATENCY_MS) // 60_000)
            parameters["backfill_minutes"] = min(minutes, self._options.backfill_minutes)
        url = self._api.url("/2/tweets/search/stream", parameters)
        async with self._web.stream("GET", url, self._api.headers, silent_s=SILENT_S) as stream:
            if stream.status != 200:
                raise refusal_of(stream.status, stream.headers, await _head(stream.pieces), self._around.clock())
            since_ms = self._around.clock()
            yield self._connected(at, since_ms)
            lines = Lines()
            async for piece in stream.pieces:
                self._stood(since_ms)
                batch, problem = self._batch(lines, piece, at)
                yield batch
                if problem is not None:
                    raise problem
                if not self._budget.room:
                    return
                async for more in self._chores(at):
                    yield more
        raise XTrouble("X closed the stream", "network")

    def _connected(self, at: _Place, since_ms: int) -> Batch:
        """The stream stands: what is missing from before?"""
        away_ms = since_ms - at.heard_ms
        replayed = away_ms + LATENCY_MS <= self._options.backfill_minutes * 60_000
        reason: GapReason = "spend_cap" if at.capped else "away"
        gap = Gap(max(0, at.heard_ms - LATENCY_MS), since_ms, reason)
        missing = bool(at.heard_ms) and away_ms > 0 and (at.capped or not replayed)
        self._to_fill = gap if missing and self._options.fill_minutes and not at.capped else None
        self._tries = 0
        if self._to_fill is None:
            at.heard_ms, at.capped = since_ms, False
        gaps = [gap] if missing and self._to_fill is None else []
        return Batch(place=place_text(at), gaps=gaps, known_until_ms=since_ms)

    def _batch(self, lines: Lines, piece: bytes, at: _Place) -> tuple[Batch, Exception | None]:
        rows: list[bytes] = []
        bad: list[BadPayload] = []
        posts = 0
        problem: Exception | None = None
        for line in lines.feed(piece):
            if not line.strip():
                continue
            try:
                frame = frame_of(line)
                if "data" not in frame and problems_of(frame):
                    problem = problem or told_by(problems_of(frame)) or XTrouble("X reports a problem", "answer")
                    continue
                posts += 1
                rows += self._rows_in(frame)
            except Unreadable as why:
                bad.append(BadPayload(why.reason, why.detail, line))
        bad += lines.bad
        lines.bad.clear()
        now_ms = self._around.clock()
        if self._to_fill is None:
            at.heard_ms = now_ms
        self._budget.add(posts)
        costs = {"posts": posts} if posts else {}
        return Batch(tuple(rows), place_text(at), tuple(bad), known_until_ms=now_ms, costs=costs), problem

    def _rows_in(self, frame: Mapping[str, Any]) -> list[bytes]:
        others = included(frame, "tweets")
        row = row_of(frame.get("data"), included(frame, "users"), others)
        return [row, *shown_counts(others, self.name, self._around.threads.tracked)]

    def _stood(self, since_ms: int) -> None:
        self._waits.well("network", "rate")
        if self._around.clock() - since_ms >= STOOD_MS:
            self._waits.well("answer")

    def _with_wait(self, trouble: Trouble) -> Trouble:
        ladder = trouble.ladder if isinstance(trouble, XTrouble) else "network"
        trouble.retry_s = max(self._waits.after(ladder), trouble.retry_s or 0.0)
        return trouble

    # ---- without money

    async def _counting(self, at: _Place) -> AsyncIterator[Batch]:
        """The month's posts are spent: only how much is said is still asked for."""
        log.warning("the posts of this month are spent", source=self.name, posts=self._budget.read)
        self._cap(at)
        while not self._budget.room:
            costs: dict[str, int] = {}
            if self._is_due("count", self._options.count_s):
                try:
                    costs = {"requests": await self._count()}
                except (Trouble, Denied, Spent) as why:
                    log.warning("x was not counted", source=self.name, why=str(why))
            yield Batch(place=place_text(at), capped=True, costs=costs)
            await asyncio.sleep(BEAT_S)
            self._budget.look()
        self.volumes = {}

    def _cap(self, at: _Place) -> None:
        at.capped, at.heard_ms = True, at.heard_ms or self._around.clock()

    async def _count(self) -> int:
        """Count what the first rule of each brand matched in the last hour; how many requests that took."""
        found: dict[str, int] = {}
        rules: dict[str, Rule] = {}
        for rule in self._plan.rules:
            rules.setdefault(rule.tag.removeprefix(TAG), rule)
        until_ms = (self._around.clock() - LAG_MS) // 60_000 * 60_000
        start, end = rfc3339(until_ms - COUNTED_MS), rfc3339(until_ms)
        for brand, rule in list(rules.items())[:COUNTED]:
            found[brand] = await self._api.counted(rule.value, start_time=start, end_time=end)
        self.volumes = found
        for brand, posts in found.items():
            log.info("x was counted", source=self.name, brand=brand, posts=posts, minutes=COUNTED_MS // 60_000)
        return len(found)

    async def _penniless(self, at: _Place) -> AsyncIterator[Batch]:
        """X itself reads out no more: it is asked again now and then."""
        self._cap(at)
        for _ in range(int(SPENT_S / BEAT_S)):
            yield Batch(place=place_text(at), capped=True)
            await asyncio.sleep(BEAT_S)

    # ---- chores: whatever is asked for while the stream stands

    def _is_due(self, chore: str, every_s: float) -> bool:
        """Whether a chore's time has come; its next time is set."""
        now_ms = self._around.clock()
        if not every_s or now_ms < self._due.get(chore, 0):
            return False
        self._due[chore] = now_ms + int(every_s * 1000)
        return True

    async def _chores(self, at: _Place) -> AsyncIterator[Batch]:
        try:
            if self._to_fill is not None and self._around.clock() >= self._to_fill.until_ms + LAG_MS:
                async for batch in self._fill(at, self._to_fill):
                    yield batch
            if self._is_due("recheck", self._options.recheck_s):
                async for batch in self._searches.look_again(self._options.recheck_posts):
                    yield batch
            if self._is_due("rules", self._options.rules_s):
                await self._keep_in_step()
        except (Trouble, Denied) as why:
            # The stream stands whatever becomes of a chore.
            log.warning("x did not answer", source=self.name, why=str(why))

    async def _fill(self, at: _Place, gap: Gap) -> AsyncIterator[Batch]:
        """Search for what was written while there was no connection; after some failures it stays a gap."""
        self._tries += 1
        options = self._options
        pages = self._searches.fill(self._plan.rules, gap, minutes=options.fill_minutes, most=options.fill_posts)
        told: list[Gap] = [gap]
        try:
            async for batch in pages:
                told = [*batch.gaps] or told
                yield batch._replace(gaps=())
        except (Trouble, Denied):
            if self._tries < SEARCH_TRIES:
                raise
        self._to_fill = None
        at.heard_ms = self._around.clock()
        yield Batch(place=place_text(at), gaps=told, known_until_ms=at.heard_ms)

    async def _keep_in_step(self) -> None:
        """Bring X's rules in step with ours; what is new comes first, so that nothing is missed between."""
        self._due.pop("rules", None)
        held = await self._api.rules()
        todo = steps(held, self._plan.rules)
        if len(held) + len(todo.add) > self._options.most_rules:
            await self._api.delete(todo.delete)
            await self._api.add(todo.add)
        else:
            await self._api.add(todo.add)
            await self._api.delete(todo.delete)
        self._due["rules"] = self._around.clock() + int(self._options.rules_s * 1000)


def plan_of(name: str, options: XOptions) -> Plan:
    """The rules that a source wants, and what X cannot be told; for a look at the settings alone."""
    return plan(options.subjects, name, Limits(options.rule_length, options.most_rules, options.reposts))


def _words_of(todo: Steps) -> list[str]:
    words = [f"To be added to X's rules: {len(todo.add)}; to be taken away: {len(todo.delete)}."]
    if todo.foreign:
        words.append(f"Rules of somebody else under this app: {len(todo.foreign)}; their posts cost and come too.")
    return words


async def _head(pieces: AsyncIterator[bytes]) -> object:
    """The beginning of an answer that is no stream, read as what it says is wrong."""
    held = bytearray()
    try:
        async for piece in pieces:
            held += piece
            if len(held) > HEAD_BYTES:
                break
        return frame_of(bytes(held))
    except (Unreadable, Trouble):
        return {}
