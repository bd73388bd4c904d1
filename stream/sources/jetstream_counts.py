"""What Bluesky's public interface knows of posts and authors, asked in batches, within a budget, and never waited for
long: it may be gone, and posts come in all the same.

Source: docs.bsky.app/docs/api/app-bsky-feed-get-posts and app-bsky-actor-get-profiles; at most 25 of each a request.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode

import msgspec

from stream.sources.contract import Denied, Trouble
from stream.sources.rows import count_of
from stream.sources.web import Web

AT_ONCE = 25
WAIT_S = 3.0
REST_MS = 60_000
PROFILES_KEPT = 20_000
PROFILE_MS = 24 * 3_600_000


class Counts(NamedTuple):
    """What a post has gathered, as the platform counts it."""

    likes: int | None
    reposts: int | None
    replies: int | None


class Profile(NamedTuple):
    """What is used of an author."""

    followers: int | None
    created_at: str | None


class _PostCounts(msgspec.Struct, gc=False):
    uri: str
    likeCount: int | None = None  # noqa: N815 - the platform's names
    repostCount: int | None = None  # noqa: N815
    replyCount: int | None = None  # noqa: N815


class _Posts(msgspec.Struct, gc=False):
    posts: list[_PostCounts]


class _Profile(msgspec.Struct, gc=False):
    did: str
    handle: str = ""
    followersCount: int | None = None  # noqa: N815
    createdAt: str | None = None  # noqa: N815


class _Profiles(msgspec.Struct, gc=False):
    profiles: list[_Profile]


class Public:
    """The public interface. Nothing here raises: what cannot be had now is not known, and it is left alone for a while.

    `per_min` is the greatest number of requests in a minute, of which a quarter is left to counts; 0: nothing is ever
    asked.
    """

    def __init__(self, web: Web, base_url: str, clock: Callable[[], int], *, per_min: int) -> None:
        self.requests = 0
        """Made so far."""
        self._web = web
        self._base_url = base_url.rstrip("/")
        self._clock = clock
        self._per_min = per_min if base_url else 0
        self._for_profiles = self._per_min - self._per_min // 4
        self._minute = (-1, 0)
        self._rests_until_ms = 0
        self._known: OrderedDict[str, tuple[int, Profile]] = OrderedDict()

    @property
    def is_asked(self) -> bool:
        """Whether it is asked at all."""
        return self._per_min > 0

    async def posts(self, uris: Sequence[str]) -> dict[str, Counts | None]:
        """What some posts have gathered, `None` for one that is not there; what cannot be had now is missing."""
        found: dict[str, Counts | None] = {}
        for some in _parts(uris):
            answer = await self._asked("app.bsky.feed.getPosts", "uris", some, _Posts, self._per_min)
            if answer is None:
                break
            found |= dict.fromkeys(some)
            for one in answer.posts:
                found[one.uri] = Counts(count_of(one.likeCount), count_of(one.repostCount), count_of(one.replyCount))
        return found

    async def profiles(self, dids: Iterable[str]) -> dict[str, Profile]:
        """What is known of some authors; one that cannot be had now is missing."""
        now_ms = self._clock()
        found: dict[str, Profile] = {}
        missing = []
        for did in dict.fromkeys(dids):
            held = self._known.get(did)
            if held is not None and now_ms - held[0] < PROFILE_MS:
                found[did] = held[1]
            else:
                missing.append(did)
        for some in _parts(missing):
            answer = await self._asked("app.bsky.actor.getProfiles", "actors", some, _Profiles, self._for_profiles)
            if answer is None:
                break
            told = {one.did: Profile(count_of(one.followersCount), one.createdAt) for one in answer.profiles}
            for did in some:
                # One that is not told of (suspended, gone) is not asked for again at each of its posts.
                self._keep(did, now_ms, told.get(did, Profile(None, None)))
                found[did] = self._known[did][1]
        return found

    async def dids(self, handles: Sequence[str]) -> dict[str, str]:
        """Whose some handles are; those that nobody has, or that cannot be had now, are missing."""
        found: dict[str, str] = {}
        for some in _parts(handles):
            answer = await self._asked("app.bsky.actor.getProfiles", "actors", some, _Profiles, self._for_profiles)
            found |= {one.handle.lower(): one.did for one in answer.profiles} if answer is not None else {}
        return {handle: found[handle.lower()] for handle in handles if handle.lower() in found}

    def _keep(self, did: str, now_ms: int, profile: Profile) -> None:
        self._known[did] = (now_ms, profile)
        self._known.move_to_end(did)
        if len(self._known) > PROFILES_KEPT:
            self._known.popitem(last=False)

    async def _asked(self, method: str, field: str, values: Sequence[str], kind: Any, most: int) -> Any:
        if not self._may_ask(most):
            return None
        self.requests += 1
        url = f"{self._base_url}/xrpc/{method}?{urlencode([(field, value) for value in values])}"
        try:
            async with asyncio.timeout(WAIT_S):
                answer = await self._web.get(url, {"Accept": "application/json"})
            if answer.status == 200:
                return msgspec.json.decode(answer.body, type=kind)
        except (Trouble, Denied, TimeoutError, msgspec.MsgspecError, UnicodeError, RecursionError):
            pass
        self._rests_until_ms = self._clock() + REST_MS
        return None

    def _may_ask(self, most: int) -> bool:
        now_ms = self._clock()
        minute = now_ms // 60_000
        used = self._minute[1] if self._minute[0] == minute else 0
        if used >= most or now_ms < self._rests_until_ms:
            return False
        self._minute = (minute, used + 1)
        return True


def _parts(values: Sequence[str]) -> list[Sequence[str]]:
    return [values[at : at + AT_ONCE] for at in range(0, len(values), AT_ONCE)]
