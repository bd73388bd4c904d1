"""Comments on one's own YouTube channels, with an API key. EDGE: uses the network.

The newest threads are listed each time; an answer to an older comment does not move its thread to the front, so answers
are followed for the newest hundred threads of a channel, and for those of open incidents. A day of YouTube's has 10,000
units, and ends at midnight in California; each request is one.

Source: developers.google.com/youtube/v3/docs/commentThreads/list and /determine_quota_cost.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import msgspec

from stream.codec import digest
from stream.sources.contract import BadPayload, Batch, Completeness, Denied, Gap, Sample, Surroundings, Trouble
from stream.sources.rows import read_place
from stream.sources.web import Web
from stream.sources.youtube_posts import (
    Comment,
    Thread,
    Unreadable,
    answer_of,
    comment_of,
    counts_of,
    deletion,
    row_of,
    thread_of,
)

BASE_URL = "https://www.googleapis.com"
PAGE = 100
PAGES = 20
"""Pages of threads that are read at most to find what is known."""
ANSWER_PAGES = 5
"""Pages of answers to one comment."""
ANSWERED_AT_ONCE = 20
"""Threads whose answers are read in one round."""
LOOKUP = 50
OVERLAP_MS = 10 * 60_000
AWAY_MS = 30 * 60_000
BEAT_S = 60.0
REMEMBERED = 20_000
_PACIFIC = ZoneInfo("America/Los_Angeles")
_encode = msgspec.json.Encoder().encode


class YouTubeOptions(NamedTuple):
    """Which channels, and what of the day's units they may have."""

    channels: tuple[str, ...]
    """Ids of one's own channels, as `UC...`."""
    poll_s: float = 120.0
    units_a_day: int = 9_000
    """Of the 10,000 that a project has; YouTube's own refusal counts too."""
    recheck_s: float = 900.0
    """How often comments of open incidents are looked at again; 0: never."""
    recheck_comments: int = 100
    base_url: str = BASE_URL


class _Channel(msgspec.Struct, omit_defaults=True):
    read_ms: int
    """All that was written before has come, but for what YouTube shows late."""
    answers: dict[str, int] = {}
    """How many answers the newest threads had."""


class _Place(msgspec.Struct, omit_defaults=True):
    channels: dict[str, _Channel] = {}
    asked_ms: int = 0
    day: str = ""
    units: int = 0
    """Spent in that day of California's."""
    capped: bool = False


class _Seen(NamedTuple):
    changed_ms: int
    likes: int | None
    replies: int | None


class QuotaSpent(Exception):  # noqa: N818
    """YouTube says that the day's units are spent."""


class YouTube:
    """The source; see `stream.sources.contract.Source`."""

    kind = "youtube"
    completeness: Completeness = "capped"

    def __init__(self, name: str, options: YouTubeOptions, *, web: Web, around: Surroundings, api_key: str) -> None:
        self.name = name
        self.silent_after_s = 3 * options.poll_s + 60
        self._options = options
        self._web = web
        self._around = around
        # In a header, for addresses are written down in many places.
        self._headers = {"X-Goog-Api-Key": api_key, "Accept": "application/json"}
        self._at = _Place()
        self._seen: dict[str, _Seen] = {}
        self._units = 0
        """Spent since the last batch told."""
        self._looked_ms = 0
        self._spent = ("", 0)
        """The day, and what was spent in it: more than a place says after a round that failed."""
        self._bad: set[str] = set()
        """What nobody could read and was told: a list shows it again each time."""

    async def batches(self, place: str | None) -> AsyncIterator[Batch]:
        """See `Source.batches`."""
        at = self._at = read_place(place, _Place) or _Place()
        self._seen.clear()  # what was brought may not be kept
        now_ms = self._around.clock()
        for channel in self._options.channels:
            at.channels.setdefault(channel, _Channel(now_ms))
        while True:
            began_ms = self._around.clock()
            self._new_day()
            if self._spent[0] == at.day:
                at.units = max(at.units, self._spent[1])
            if at.units >= self._options.units_a_day:
                async for batch in self._until_midnight():
                    yield batch
                continue
            try:
                async for batch in self._round(began_ms):
                    yield batch
            except QuotaSpent:
                at.units = max(at.units, self._options.units_a_day)
                continue
            await asyncio.sleep(max(1.0, self._options.poll_s - (self._around.clock() - began_ms) / 1000))

    async def check(self) -> Sample:
        """List the newest comments of each channel."""
        words: list[str] = []
        row: bytes | None = None
        for channel in self._options.channels:
            try:
                found = await self._asked("commentThreads", self._listing(channel, 1))
            except QuotaSpent:
                return Sample(
                    (*words, "The day's units are spent; they come anew at midnight in California."), row, False
                )
            self._around.purse.spend("units", 1)
            threads, _ = _threads_in(found)
            if threads and row is None:
                row = row_of(threads[0].head, self._around.clock())
            words.append(f"The channel {channel} answers" + ("." if threads else ", and has no comments."))
        a_day = int(86_400 / self._options.poll_s) * len(self._options.channels)
        words.append(f"Listing takes {a_day} units a day, of {self._options.units_a_day}.")
        enough = a_day <= self._options.units_a_day
        if not enough:
            words.append("That is more than there are: ask less often, or for fewer channels.")
        return Sample(tuple(words), row, enough)

    # ---- one round

    async def _round(self, began_ms: int) -> AsyncIterator[Batch]:
        at = self._at
        gaps = []
        if at.asked_ms and (at.capped or began_ms - at.asked_ms > AWAY_MS):
            gaps.append(Gap(at.asked_ms, began_ms, "rate_limited" if at.capped else "away", filled=True))
        for channel in self._options.channels:
            async for batch in self._channel(channel, at.channels[channel]):
                yield batch
        if self._options.recheck_s and began_ms - self._looked_ms >= self._options.recheck_s * 1000:
            self._looked_ms = began_ms
            async for batch in self._look_again():
                yield batch
        at.asked_ms, at.capped = began_ms, False
        self._forget()
        yield Batch(place=_encode(at).decode(), gaps=gaps, known_until_ms=began_ms, costs=self._costs())

    async def _channel(self, channel: str, known: _Channel) -> AsyncIterator[Batch]:
        """What is new on a channel; `known` is brought up to date when all of it came."""
        since_ms, began_ms = known.read_ms - OVERLAP_MS, self._around.clock()
        answers: dict[str, int] = {}
        token, oldest_ms = "", 0
        grown: list[Comment] = []
        for page in range(PAGES):
            found = await self._asked("commentThreads", self._listing(channel, PAGE, token))
            threads, bad = _threads_in(found)
            rows = [row for thread in threads for row in self._rows_of(thread, since_ms)]
            yield Batch(rows, bad=self._untold(bad), costs=self._costs())
            if not page:
                answers = {one.head.id: one.head.replies for one in threads if one.head.replies}
            grown += [one.head for one in threads if self._has_more(one, known, since_ms)]
            token = _word(found, "nextPageToken")
            oldest_ms = min((thread.head.written_ms for thread in threads), default=0)
            if not token or oldest_ms < since_ms:
                break
        else:
            yield Batch(gaps=[Gap(since_ms, max(oldest_ms, since_ms + 1), "depth")])
        for head in grown[:ANSWERED_AT_ONCE]:
            async for batch in self._answers(head.id, since_ms):
                yield batch
        for head in grown[ANSWERED_AT_ONCE:]:
            # The next round reads on: for it these have not grown yet.
            answers[head.id] = known.answers.get(head.id, 0)
        if len(grown) <= ANSWERED_AT_ONCE:
            known.read_ms = began_ms
        known.answers = {name: count for name, count in answers.items() if count}

    def _has_more(self, thread: Thread, known: _Channel, since_ms: int) -> bool:
        """Whether a thread has answers that did not come with it, and may be new."""
        count = thread.head.replies or 0
        if count <= len(thread.answers):
            return False
        before = known.answers.get(thread.head.id)
        if before is None:
            # Unknown so far: either the thread is new, or it was not among the newest for a while.
            before = 0 if thread.head.written_ms >= since_ms else count
        return count > before

    async def _answers(self, thread: str, since_ms: int) -> AsyncIterator[Batch]:
        """All answers to a comment, of which the new ones are brought."""
        token = ""
        for _ in range(ANSWER_PAGES):
            asked = {"part": "snippet", "parentId": thread, "maxResults": PAGE, "textFormat": "plainText"}
            found = await self._asked("comments", asked | ({"pageToken": token} if token else {}))
            comments, bad = _comments_in(found, thread)
            rows = [row for comment in comments for row in self._rows(comment, since_ms)]
            yield Batch(rows, bad=self._untold(bad), costs=self._costs())
            token = _word(found, "nextPageToken")
            if not token:
                return
        yield Batch(gaps=[Gap(since_ms, self._around.clock(), "depth")])

    def _rows_of(self, thread: Thread, since_ms: int) -> list[bytes]:
        return [row for comment in (thread.head, *thread.answers) for row in self._rows(comment, since_ms)]

    def _rows(self, comment: Comment, since_ms: int) -> list[bytes]:
        """A comment that is new or was changed; of one that is followed, its counts where they moved."""
        now_ms = self._around.clock()
        before = self._seen.get(comment.id)
        self._seen[comment.id] = now = _Seen(comment.changed_ms, comment.likes, comment.replies)
        if before is None:
            # It may have been brought before, by a process that ended: then the edit is what is new of it.
            rows = [row_of(comment, now_ms)] if comment.written_ms >= since_ms else []
            if comment.changed_ms > comment.written_ms and comment.changed_ms >= since_ms:
                rows.append(row_of(comment, now_ms, edited=True))
            return rows
        if now.changed_ms > before.changed_ms:
            return [row_of(comment, now_ms, edited=True)]
        moved = (now.likes, now.replies) != (before.likes, before.replies)
        return [counts_of(comment)] if moved and self._around.threads.tracked(f"{self.name}:{comment.id}") else []

    async def _look_again(self) -> AsyncIterator[Batch]:
        """The counts of open incidents' comments, and which of them are gone."""
        prefix = f"{self.name}:"
        ids = [name.removeprefix(prefix) for name in self._around.threads.open(self.name)]
        ids = [own_id for own_id in dict.fromkeys(ids) if own_id and "," not in own_id][
            : self._options.recheck_comments
        ]
        answers = [own_id for own_id in ids if "." in own_id]
        heads = [own_id for own_id in ids if "." not in own_id]
        for what, named in (("commentThreads", heads), ("comments", answers)):
            for start in range(0, len(named), LOOKUP):
                some = named[start : start + LOOKUP]
                asked = {"part": "snippet", "id": ",".join(some), "textFormat": "plainText"}
                found = await self._asked(what, asked)
                comments, bad = _comments_in(found) if what == "comments" else _heads_in(found)
                there = {comment.id for comment in comments}
                rows = [counts_of(comment) for comment in comments]
                if not bad:
                    rows += [deletion(own_id, self._around.clock()) for own_id in some if own_id not in there]
                yield Batch(rows, bad=self._untold(bad), costs=self._costs())

    def _untold(self, bad: Sequence[BadPayload]) -> list[BadPayload]:
        found = {digest(one.body): one for one in bad}
        untold = [one for name, one in found.items() if name not in self._bad]
        if len(self._bad) > REMEMBERED:
            self._bad.clear()
        self._bad |= found.keys()
        return untold

    def _forget(self) -> None:
        while len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]

    # ---- units

    def _new_day(self) -> None:
        day = datetime.fromtimestamp(self._around.clock() / 1000, UTC).astimezone(_PACIFIC).date().isoformat()
        if day != self._at.day:
            self._at.day, self._at.units = day, 0

    async def _until_midnight(self) -> AsyncIterator[Batch]:
        """No units are left today: what is said until midnight in California comes after it."""
        self._at.capped = True
        while self._at.units:
            yield Batch(place=_encode(self._at).decode(), capped=True, costs=self._costs())
            await asyncio.sleep(BEAT_S)
            self._new_day()

    def _costs(self) -> Mapping[str, int]:
        units, self._units = self._units, 0
        return {"units": units} if units else {}

    # ---- the wire

    def _listing(self, channel: str, size: int, token: str = "") -> dict[str, Any]:
        asked: dict[str, Any] = {
            "part": "snippet,replies",
            "allThreadsRelatedToChannelId": channel,
            "order": "time",
            "maxResults": size,
            "textFormat": "plainText",
        }
        return asked | ({"pageToken": token} if token else {})

    async def _asked(self, what: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        self._units += 1
        self._at.units += 1
        self._spent = (self._at.day, self._at.units)
        url = f"{self._options.base_url}/youtube/v3/{what}?{urlencode(parameters)}"
        answer = await self._web.get(url, self._headers)
        found = answer_of(answer.body)
        if answer.status != 200:
            raise refusal_of(answer.status, found, str(parameters.get("allThreadsRelatedToChannelId", "")))
        if found is None:
            raise Trouble("YouTube answered with something that is no JSON")
        return found


def refusal_of(status: int, found: Mapping[str, Any] | None, channel: str = "") -> Exception:
    """What an answer other than success means.

    >>> refusal_of(403, {"error": {"errors": [{"reason": "quotaExceeded"}]}})
    QuotaSpent()
    """
    reasons = _reasons(found)
    if {"quotaExceeded", "dailyLimitExceeded"} & reasons:
        return QuotaSpent()
    if status == 429 or {"rateLimitExceeded", "userRateLimitExceeded"} & reasons:
        return Trouble("YouTube wants fewer requests", retry_s=60.0)
    if {"keyInvalid", "API_KEY_INVALID", "badRequest"} & reasons or status == 401:
        return Denied("YouTube does not know the API key: make one in the Google Cloud console")
    if {"accessNotConfigured", "SERVICE_DISABLED"} & reasons:
        return Denied("the YouTube Data API v3 is not enabled in the key's project")
    if {"ipRefererBlocked", "API_KEY_IP_ADDRESS_BLOCKED", "API_KEY_SERVICE_BLOCKED"} & reasons:
        return Denied("the API key is restricted to other addresses, or to other services")
    if status == 404 or "channelNotFound" in reasons:
        return Denied(f"there is no channel {channel or 'of that id'}")
    if "commentsDisabled" in reasons:
        return Denied(f"comments are switched off on {channel or 'the channel'}")
    if status == 403:
        return Denied(f"YouTube refuses ({', '.join(sorted(reasons))[:80] or 403})")
    return Trouble(f"YouTube answered {status}")


def _reasons(found: Mapping[str, Any] | None) -> set[str]:
    error = found.get("error") if found else None
    listed = [error.get(name) for name in ("errors", "details")] if isinstance(error, dict) else []
    told = [one for some in listed if isinstance(some, list) for one in some if isinstance(one, dict)]
    return {reason for one in told if isinstance(reason := one.get("reason"), str) and reason.isprintable()}


def _threads_in(found: Mapping[str, Any]) -> tuple[list[Thread], list[BadPayload]]:
    threads, bad = [], []
    for item in _items(found):
        try:
            thread = thread_of(item)
        except Unreadable as why:
            bad.append(BadPayload(why.reason, "an item of a list of comments", _encode(item)))
        else:
            threads.append(thread)
            if thread.bad:
                bad.append(BadPayload("bad_answer", f"{thread.bad} answers to a comment", _encode(item)))
    return threads, bad


def _heads_in(found: Mapping[str, Any]) -> tuple[list[Comment], list[BadPayload]]:
    threads, bad = _threads_in(found)
    return [thread.head for thread in threads], bad


def _comments_in(found: Mapping[str, Any], thread: str = "") -> tuple[list[Comment], list[BadPayload]]:
    comments, bad = [], []
    for item in _items(found):
        try:
            comments.append(comment_of(item, thread))
        except Unreadable as why:
            bad.append(BadPayload(why.reason, "an item of a list of comments", _encode(item)))
    return comments, bad


def _items(found: Mapping[str, Any]) -> Sequence[object]:
    items = found.get("items")
    # Something else than a list is one thing that nobody can read, and no empty page.
    return items if isinstance(items, list) else () if items is None else (items,)


def _word(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name)
    return value if isinstance(value, str) else ""
