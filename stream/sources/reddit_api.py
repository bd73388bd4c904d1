"""Asking Reddit: as an application, within its limit, with a token that is renewed before it ends. EDGE.

100 requests a minute for a client id, counted in windows of ten minutes that the headers tell of
(https://support.reddithelp.com/hc/en-us/articles/16160319875092-Reddit-Data-API-Wiki).
"""

import asyncio
import base64
from collections.abc import Callable, Mapping
from urllib.parse import urlencode

from stream.sources.contract import Denied, Trouble
from stream.sources.feed_fetch import retry_after_s
from stream.sources.guard import Answer
from stream.sources.reddit_parse import Unreadable, mapping_of
from stream.sources.web import Web, refusal

TOKEN_URL = "https://www.reddit.com/api/v1/access_token"  # noqa: S105 - an address
API = "https://oauth.reddit.com"
EARLY_MS = 60_000
"""So long before its end a token is renewed."""
LONGEST_NAP_S = 20.0
"""A longer wait for the limit is told as trouble: nothing comes meanwhile."""


class NotThere(Exception):  # noqa: N818 - what it is
    """A subreddit that is private, banned or none at all. The text says which, as far as it is known."""


class RedditApi:
    """Requests of one client id."""

    def __init__(
        self,
        *,
        client_id: str,
        client_secret: str,
        user_agent: str,
        web: Web,
        clock: Callable[[], int],
        pause_s: float,
        bases: tuple[str, str],
    ) -> None:
        self._basic = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
        self._agent = user_agent
        self._web = web
        self._clock = clock
        self._pause_s = pause_s
        self._token_url, self._api = bases
        self._token = ""
        self._ends_ms = 0
        self._free_ms = 0
        """When the next request may be made."""
        self._requests = 0

    def __repr__(self) -> str:
        return "RedditApi()"

    def spent(self) -> int:
        """Requests since this was last asked."""
        requests, self._requests = self._requests, 0
        return requests

    async def get(self, path: str, fields: Mapping[str, str | int]) -> bytes:
        """The body of an answer. Raises `NotThere`, `Trouble` or `Denied`."""
        for again in (False, True):
            token = await self._valid_token()
            # Without `raw_json` Reddit writes `&` as `&amp;`, for the sake of pages that are long gone.
            url = f"{self._api}{path}?{urlencode({**fields, 'raw_json': 1})}"
            answer = await self._ask("GET", url, {"Authorization": f"bearer {token}"})
            if answer.status != 401:
                return self._judged(answer)
            self._token = ""
            if again:
                raise Denied("it refuses a token that it has just given (401)")
        raise AssertionError("unreachable")

    def _judged(self, answer: Answer) -> bytes:
        status = answer.status
        if status == 200:
            return answer.body
        if status in (301, 302, 403, 404):
            reasons = {301: "moved", 302: "not found", 403: "private or closed to us", 404: "banned or not found"}
            raise NotThere(f"{reasons[status]} ({status})")
        wait_s = retry_after_s(answer.headers.get("retry-after"), self._clock())
        if status == 429:
            raise Trouble("it wants fewer requests (429)", retry_s=wait_s or _number(answer, "x-ratelimit-reset") or 60)
        raise refusal(status, None if wait_s is None else str(int(wait_s)))

    async def _valid_token(self) -> str:
        if not self._token or self._clock() >= self._ends_ms - EARLY_MS:
            headers = {"Authorization": f"Basic {self._basic}", "Content-Type": "application/x-www-form-urlencoded"}
            answer = await self._ask("POST", self._token_url, headers, b"grant_type=client_credentials")
            if answer.status in (400, 401, 403):
                raise Denied(f"it refuses our client id and secret ({answer.status})")
            if answer.status != 200:
                raise refusal(answer.status)
            self._token, self._ends_ms = self._read_token(answer.body)
        return self._token

    def _read_token(self, body: bytes) -> tuple[str, int]:
        try:
            said = mapping_of(body)
        except Unreadable:
            raise Trouble("it gives an answer that nobody can read instead of a token") from None
        token, lasts_s = said.get("access_token"), said.get("expires_in")
        if not isinstance(token, str) or not token.isascii() or not token.isprintable() or " " in token:
            raise Denied("it gives no token for our client id and secret")
        lasts = lasts_s if isinstance(lasts_s, int) and 0 < lasts_s < 10_000_000 else 3_600
        return token, self._clock() + lasts * 1000

    async def _ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        wait_s = (self._free_ms - self._clock()) / 1000
        if wait_s > LONGEST_NAP_S:
            raise Trouble("its limit on requests is used up", retry_s=wait_s)
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        self._requests += 1
        self._free_ms = self._clock() + int(self._pause_s * 1000)
        answer = await self._web.ask(method, url, {"User-Agent": self._agent, **headers}, body)
        left, reset_s = _number(answer, "x-ratelimit-remaining"), _number(answer, "x-ratelimit-reset")
        if left is not None and left < 1 and reset_s is not None:
            self._free_ms = max(self._free_ms, self._clock() + int(reset_s * 1000))
        return answer


def _number(answer: Answer, header: str) -> float | None:
    value = answer.headers.get(header, "")
    return min(float(value), 3_600.0) if value.isascii() and value.replace(".", "", 1).isdecimal() else None
