"""A Mastodon server asked for what its streams did not tell: timelines from a status on, statuses by id, its addresses.

How far a feed is known is a pair of its newest status and the time at which we last heard of the feed.

Sources: docs.joinmastodon.org/methods/timelines, /methods/statuses, /api/rate-limits.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from stream.codec import parse_rfc3339
from stream.sources.contract import BadPayload, Denied, Trouble
from stream.sources.guard import Answer
from stream.sources.mastodon_events import BadStatus, Status, read_status, read_statuses
from stream.sources.web import Web, refusal

PAGE = 40
REWIND_MS = 2 * 60_000
"""A status from elsewhere gets an id by when it was written, and may arrive with one that is older than the newest."""
SNOWFLAKE = 10**15
"""Ids of Mastodon hold their time, in milliseconds, above sixteen bits; smaller ones are of other kinds of servers."""
RESERVE = 5
"""Requests of those that are allowed that are left to others who use the same account."""
LEAST_REST_MS = 10_000
LONGEST_REST_S = 300.0
ASKED_AT_ONCE = 20
ASKED_S = 5.0


class Known(NamedTuple):
    """How far one feed is known."""

    id: str
    """Its newest status; "": none yet."""
    at_ms: int
    """When we last heard of it."""


class Page(NamedTuple):
    """A page of a timeline. `open` is false where the server shows this account no such timeline."""

    statuses: Sequence[Status] = ()
    bad: Sequence[BadPayload] = ()
    open: bool = True
    again: bool = False
    """Whether too much was asked: the same again, after a rest."""


class _Urls(msgspec.Struct):
    streaming: str | None = None


class _Configuration(msgspec.Struct):
    urls: _Urls = msgspec.field(default_factory=_Urls)


class _Instance(msgspec.Struct):
    configuration: _Configuration = msgspec.field(default_factory=_Configuration)


class Timelines:
    """The interface of one server, with the token of one account."""

    def __init__(self, web: Web, server: str, headers: Mapping[str, str], clock: Callable[[], int]) -> None:
        self._web = web
        self._server = server
        self._headers = headers
        self._clock = clock
        self._rests_until_ms = 0

    @property
    def rest_s(self) -> float:
        """How long nothing should be asked now."""
        return min(LONGEST_REST_S, max(0, self._rests_until_ms - self._clock()) / 1000)

    async def page(self, feed: str, *, since: str = "", limit: int = PAGE) -> Page:
        """Statuses of a feed right after one, in the order of their ids; the newest ones without `since`.

        Raises `Trouble`, or `Denied` for a token that is not taken.
        """
        fields = {"limit": str(limit)} | ({"min_id": since} if since else {}) | _scope(feed)
        answer = await self._asked(f"{timeline_path(feed)}?{urlencode(fields)}")
        if answer.status == 429:
            return Page(again=True)
        if answer.status in (403, 404, 410, 422):
            return Page(open=False)
        if answer.status != 200:
            raise refusal(answer.status, answer.headers.get("Retry-After"))
        statuses, bad = [], []
        for body in read_statuses(answer.body):
            try:
                statuses.append(read_status(body))
            except BadStatus as unread:
                bad.append(BadPayload(unread.reason, unread.detail, bytes(body)))
        return Page(sorted(statuses, key=lambda status: rank(status.id)), bad)

    async def statuses(self, ids: Sequence[str]) -> dict[str, Status | None]:
        """Some statuses, `None` for one that is not there any more; what cannot be had now is missing."""
        found: dict[str, Status | None] = {}
        for start in range(0, len(ids), ASKED_AT_ONCE):
            some = ids[start : start + ASKED_AT_ONCE]
            try:
                async with asyncio.timeout(ASKED_S):
                    answer = await self._asked(f"/api/v1/statuses?{urlencode([('id[]', one) for one in some])}")
                if answer.status != 200:
                    return found
                told = {status.id: status for status in map(read_status, read_statuses(answer.body))}
            except (Trouble, Denied, BadStatus, TimeoutError):
                return found
            found |= {one: told.get(one) for one in some}
        return found

    async def streams_at(self) -> str:
        """Where the streams are: the server says. A token goes to the server itself and to hosts below its name.

        Raises `Trouble` or `Denied`.
        """
        answer = await self._web.get(f"{self._server}/api/v2/instance", {"Accept": "application/json"})
        if answer.status == 404:
            return self._server
        if answer.status != 200:
            raise refusal(answer.status, answer.headers.get("Retry-After"))
        try:
            said = msgspec.json.decode(answer.body, type=_Instance).configuration.urls.streaming
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            raise Trouble("what the server says of itself cannot be read") from None
        if not said:
            return self._server
        own = urlsplit(self._server)
        try:
            parts = urlsplit(said)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            raise Denied("where its streams are is no address: name it as `streaming`") from None
        if host != own.hostname and not host.endswith(f".{own.hostname}"):
            raise Denied("its streams are on another host, which gets no token unasked: name it as `streaming`")
        # By the scheme of the server, whatever it says: the token crosses the net as it does there.
        return f"{own.scheme}://{host}{f':{port}' if port else ''}"

    async def _asked(self, path: str) -> Answer:
        answer = await self._web.get(self._server + path, self._headers)
        left = answer.headers.get("X-RateLimit-Remaining", "")
        if answer.status == 429 or (left.isascii() and left.isdecimal() and int(left) <= RESERVE):
            self._rests_until_ms = self._clock() + 60_000
            with suppress(ValueError, OverflowError):
                self._rests_until_ms = parse_rfc3339(answer.headers.get("X-RateLimit-Reset", ""))
        if answer.status == 429:  # whatever the server's clock says, it wants a pause
            self._rests_until_ms = max(self._rests_until_ms, self._clock() + LEAST_REST_MS)
        return answer


def stream_path(feed: str) -> str:
    """The stream of a feed.

    >>> stream_path("public/local"), stream_path("#Acme&Co")
    ('/api/v1/streaming/public/local', '/api/v1/streaming/hashtag?tag=Acme%26Co')
    """
    if feed.startswith("#"):
        return f"/api/v1/streaming/hashtag?{urlencode({'tag': feed[1:]})}"
    return f"/api/v1/streaming/{feed}"


def timeline_path(feed: str) -> str:
    """The timeline of a feed, without what narrows it down."""
    return f"/api/v1/timelines/tag/{quote(feed[1:], safe='')}" if feed.startswith("#") else "/api/v1/timelines/public"


def _scope(feed: str) -> dict[str, str]:
    _, _, scope = feed.partition("/") if not feed.startswith("#") else ("", "", "")
    return {scope: "true"} if scope else {}


def rank(name: str) -> tuple[int, str]:
    """The order of ids: by number, and also where they are none but all as long."""
    return len(name), name


def newer(one: str, other: str) -> str:
    """The later of two ids.

    >>> newer("9", "10")
    '10'
    """
    return max(one, other, key=rank)


def rewound(known: Known) -> str:
    """The id from which on to fetch: a little before what is known.

    >>> rewound(Known("", 1_767_625_200_000)), rewound(Known("01HXYZ", 0))
    ('115843077242880000', '01HXYZ')
    """
    if not known.id:
        return str(max(0, known.at_ms - REWIND_MS) << 16)
    if not known.id.isdecimal() or int(known.id) < SNOWFLAKE:
        return known.id
    return str(int(known.id) - (REWIND_MS << 16))


def known_of(place: str | None, feeds: Iterable[str]) -> dict[str, Known]:
    """How far each of some feeds is known by a place; nothing of one that is not of ours."""
    try:
        found = msgspec.json.decode(place or "{}", type=dict[str, Known])
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return {}
    return {feed: found[feed] for feed in feeds if feed in found}


def place_of(known: Mapping[str, Known]) -> str:
    """The place that says so."""
    return msgspec.json.encode(known).decode()
