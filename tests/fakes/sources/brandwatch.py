"""Brandwatch's listing of mentions, as its wire is: newest addition first, pages, 10,000 at most, 30 requests in ten
minutes and no word on when to come again.
"""

import asyncio
import json
import random
from collections import deque
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from stream.sources.brandwatch import Brandwatch, BrandwatchOptions
from stream.sources.web import Web
from tests.fakes.sources.wire import Stalls, answered
from tests.sources.laws import Case, Said, World
from tests.sources.virtual import now_ms

NAME = "bw"
TOKEN = "bw-secret-77aa"
PROJECT = 397
LISTED = 10_000


def when(at_ms: float) -> str:
    """A time as Brandwatch writes it."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{int(at_ms) % 1000:03}+0000"


class FakeBrandwatch(httpx.AsyncBaseTransport):
    """One project with its mentions."""

    def __init__(self, clock: Any, rng: random.Random) -> None:
        self._clock = clock
        self._rng = rng
        self.mentions: list[dict[str, Any]] = []
        self.spoilt: list[object] = []
        self.asked = 0
        self.too_many = 0
        """Requests beyond what a client may send."""
        self._lately: deque[int] = deque()
        self.faults: list[str] = []
        self.stalled: asyncio.Event | None = None

    # ---- what people do

    def post(self, text: str, *, found_after_s: float = 0.0, hidden_s: float = 0.0) -> dict[str, Any]:
        """A mention, written a while before it was found, and visible a while after that."""
        at_ms = self._clock()
        mention = {
            "resourceId": f"113{self._rng.getrandbits(60)}_113{len(self.mentions)}",
            "originalUrl": f"https://news.example/{len(self.mentions)}",
            "date_ms": int(at_ms - found_after_s * 1000),
            "added_ms": at_ms,
            "visible_ms": at_ms + hidden_s * 1000,
            "author": f"anna{len(self.mentions) % 31}",
            "title": "Acme",
            "snippet": f"<b>Acme</b> {text}",
            "language": "en",
            "sentiment": "negative",
            "threadId": "0",
            "twitterFollowers": None,
            "facebookLikes": 0,
        }
        self.mentions.append(mention)
        return mention

    # ---- the wire

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        await asyncio.sleep(0.05)
        if self.stalled is not None:
            await self.stalled.wait()
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return answered(401, b'{"errors":[{"message":"Invalid token"}]}')
        if self._is_too_much():
            self.too_many += 1
            return answered(429, b'{"errors":[{"code":32,"message":"Rate limit exceeded"}]}')
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "reset":
            raise httpx.ReadError("reset", request=request)
        if fault.isdecimal():
            return answered(int(fault), b"no")
        body = self.answer(str(request.url))
        if fault == "half":
            body = body[: len(body) // 2]
        if fault == "page":
            body = b"<html><body>Bad gateway</body></html>"
        if fault == "latin":
            body = body.replace(b"Acme", b"Acm\xe9")
        return answered(200, body, {"Content-Type": "application/json"}, slow=fault == "slow", cut=fault == "cut")

    def _is_too_much(self) -> bool:
        now = self._clock()
        while self._lately and self._lately[0] <= now - 600_000:
            self._lately.popleft()
        self._lately.append(now)
        return len(self._lately) > 30

    def answer(self, url: str) -> bytes:
        """What an address answers."""
        parts = urlsplit(url)
        assert parts.path == f"/projects/{PROJECT}/data/mentions"
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        assert asked["orderBy"] == "added"
        since_ms, until_ms = (_ms(asked[name]) for name in ("startDate", "endDate"))
        found = [
            one
            for one in self.mentions
            if since_ms <= one["date_ms"] <= until_ms and one["visible_ms"] <= self._clock()
        ]
        found.sort(key=lambda one: (one["added_ms"], one["resourceId"]), reverse=True)
        size, page = int(asked["pageSize"]), int(asked["page"])
        shown = found[:LISTED][page * size : (page + 1) * size]
        results = (self.spoilt if page == 0 else []) + [self._shown(one) for one in shown]
        return json.dumps({"resultsTotal": len(found), "resultsPage": page, "results": results}).encode()

    def _shown(self, one: dict[str, Any]) -> dict[str, Any]:
        hidden = ("date_ms", "added_ms", "visible_ms")
        shown = {name: value for name, value in one.items() if name not in hidden}
        return shown | {"date": when(one["date_ms"]), "added": when(one["added_ms"])}


def _ms(written: str) -> int:
    return int(datetime.strptime(written, "%Y-%m-%dT%H:%M:%S.%f%z").timestamp() * 1000)


class BrandwatchStage(Stalls):
    """The platform for the laws; see `tests.sources.laws.Stage`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.platform = FakeBrandwatch(world.around.clock, world.rng)
        self._said: list[Said] = []

    def source(self) -> Brandwatch:
        options = BrandwatchOptions(PROJECT, (1834,), page=50)
        web = Web(transport=_Kept(self.platform))
        return Brandwatch(NAME, options, web=web, around=self._world.around, token=TOKEN)

    async def play(self, seconds: float) -> None:
        rng, platform = self._world.rng, self.platform
        await asyncio.sleep(5)
        end_ms = now_ms() + seconds * 1000
        while now_ms() < end_ms:
            await asyncio.sleep(rng.expovariate(1 / 12))
            self._say(rng.choice([0, 30, 3600]), rng.choice([0, 0, 20, 300]))
            if rng.random() < 0.06:
                faults = ["reset", "cut", "half", "page", "latin", "slow", "429", "500", "503"]
                platform.faults += rng.choices(faults, k=rng.randrange(1, 3))
            await self.perhaps_stall(rng, 30, 300)
        platform.faults.clear()

    def said(self) -> list[Said]:
        return list(self._said)

    def say(self) -> Said:
        return self._say(0, 0)

    def _say(self, found_after_s: float, hidden_s: float) -> Said:
        mention = self.platform.post(
            f"has a {self._world.rng.random()}", found_after_s=found_after_s, hidden_s=hidden_s
        )
        self._said.append(Said("create", f"{NAME}:{mention['resourceId']}", now_ms()))
        return self._said[-1]

    def spoil(self) -> int:
        self.platform.spoilt = [{"resourceId": "1", "date": "yesterday", "title": "x"}, 7, {"resourceId": "2"}]
        return 3


class _Kept(httpx.AsyncBaseTransport):
    """The platform stays when a source closes its side."""

    def __init__(self, platform: FakeBrandwatch) -> None:
        self._platform = platform

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._platform.handle_async_request(request)


CASE = Case(NAME, "sampled", BrandwatchStage, secrets=(TOKEN,), settle_s=2_000.0)
