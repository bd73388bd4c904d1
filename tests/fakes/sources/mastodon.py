"""A Mastodon server, as its wire is: streams that know no past, timelines by id, a limit on requests, a token."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import httpx

from stream.codec import rfc3339
from stream.sources.mastodon import Mastodon, MastodonOptions
from stream.sources.web import Web
from tests.fakes.sources.served import Lasting
from tests.fakes.sources.wire import answered
from tests.sources.laws import Case, Said, World
from tests.sources.virtual import now_ms

NAME = "fedi"
TOKEN = "tok-5f1c2b9e"
SERVER = "https://social.example"
THUMP_S = 15.0
ALLOWED = 300
ALLOWED_MS = 300_000


class FakeMastodon(httpx.AsyncBaseTransport):
    """The platform: `post`, `edit`, `delete` and `boost` are what people do; the rest is what goes wrong."""

    def __init__(self, clock: Callable[[], int], rng: random.Random) -> None:
        self._clock = clock
        self._rng = rng
        self.statuses: dict[str, dict[str, Any]] = {}
        self.log: list[tuple[frozenset[str], bytes]] = []
        """What the streams said: to which feeds, and the bytes."""
        self.asked = 0
        self.requests: list[str] = []
        self.cuts = 0
        self.stalled = False
        self.faults: list[str] = []
        """What becomes of the next answers, in order."""
        self.newline = b"\n"
        self.thump = b":thump\n\n"
        self.streaming = "wss://streaming.social.example"
        self.down = False
        self.shut: set[str] = set()
        """Timelines that are closed to the account."""
        self.refused = 0
        """Requests that were too many."""
        self.slow_ms = 0
        """How far its clock is behind, where it says until when to wait."""
        self._number = 0
        self._used: list[int] = []
        self._news = asyncio.Event()

    # ---- what people do

    def post(
        self, content: str, *, acct: str = "jo", tags: tuple[str, ...] = (), late_ms: int = 0, **given: Any
    ) -> str:
        """A status; its id. `late_ms`: written elsewhere so long ago, and arriving now."""
        written_ms = self._clock() - late_ms
        self._number += 1
        name = str((written_ms << 16) | (self._number & 0xFFFF))
        account = {
            "id": "7",
            "username": acct.split("@", maxsplit=1)[0],
            "acct": acct,
            "bot": False,
            "followers_count": 37,
        }
        account |= {"created_at": "2018-08-18T00:00:00.000Z", "note": ""}
        self.statuses[name] = {
            "id": name,
            "created_at": rfc3339(written_ms),
            "in_reply_to_id": None,
            "visibility": "public",
            "language": "en",
            "uri": f"{SERVER}/users/{acct}/statuses/{name}",
            "url": f"{SERVER}/@{acct}/{name}",
            "replies_count": 0,
            "reblogs_count": 0,
            "favourites_count": 0,
            "edited_at": None,
            "spoiler_text": "",
            "content": content,
            "reblog": None,
            "quote": None,
            "account": account,
            "tags": [{"name": tag} for tag in tags],
        } | given
        if self.statuses[name]["visibility"] == "public":
            self._tell("update", self.statuses[name])
        return name

    def boost(self, name: str, **given: Any) -> str:
        return self.post("", reblog=self.statuses[name], **given)

    def edit(self, name: str, content: str) -> None:
        self.statuses[name] |= {"content": content, "edited_at": rfc3339(self._clock())}
        self._tell("status.update", self.statuses[name])

    def delete(self, name: str) -> None:
        gone = self.statuses.pop(name)
        self.say("delete", name, self._feeds(gone))

    def _tell(self, event: str, status: dict[str, Any]) -> None:
        self.say(event, json.dumps(status, ensure_ascii=False), self._feeds(status))

    def _feeds(self, status: dict[str, Any]) -> frozenset[str]:
        where = "public/remote" if "@" in status["account"]["acct"] else "public/local"
        return frozenset({"public", where, *(f"#{tag['name']}" for tag in status["tags"])})

    def say(self, event: str, data: str, feeds: frozenset[str] = frozenset({"public"})) -> None:
        """Put an event on streams."""
        newline = self.newline
        self.log.append((feeds, b"event: " + event.encode() + newline + b"data: " + data.encode() + newline * 2))
        self._news.set()
        self._news = asyncio.Event()

    # ---- the wire

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        parts = urlsplit(str(request.url))
        self.requests.append(f"{parts.netloc}{parts.path}")
        await asyncio.sleep(0.05)
        while self.stalled:
            await asyncio.sleep(1.0)
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "reset" or self.down:
            raise httpx.ReadError("reset", request=request)
        if fault.isdecimal():
            return answered(int(fault), b'{"error":"no"}', {"Retry-After": "20"} if fault == "503" else {})
        if parts.path == "/api/v2/instance":
            urls = {"urls": {"streaming": self.streaming}}
            return answered(200, json.dumps({"domain": "social.example", "configuration": urls}).encode())
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return answered(401, b'{"error":"The access token is invalid"}')
        if parts.path.startswith("/api/v1/streaming/"):
            return self._stream(parts.path, parts.query, fault)
        return self._limited(parts.path, parse_qs(parts.query), fault)

    def _stream(self, path: str, query: str, fault: str) -> httpx.Response:
        feed = path.removeprefix("/api/v1/streaming/")
        if feed == "hashtag":
            feed = f"#{parse_qs(query)['tag'][0]}"
        if not feed.startswith(("public", "#")):
            return answered(404, b'{"error":"Not found"}')
        stream = _Stream(self, feed, cut=fault == "cut")
        return httpx.Response(200, headers={"Content-Type": "text/event-stream"}, stream=stream)

    def _limited(self, path: str, asked: dict[str, list[str]], fault: str) -> httpx.Response:
        now = self._clock()
        window_ms = now - now % ALLOWED_MS
        self._used = [at_ms for at_ms in self._used if at_ms >= window_ms] + [now]
        left = ALLOWED - len(self._used)
        headers = {"X-RateLimit-Limit": str(ALLOWED), "X-RateLimit-Remaining": str(max(0, left))}
        headers["X-RateLimit-Reset"] = rfc3339(window_ms + ALLOWED_MS - self.slow_ms)
        if left < 0 or fault == "limit":
            self.refused += 1
            return answered(429, b'{"error":"Too many requests"}', headers)
        if fault == "half":
            return answered(200, b'[{"id":', headers)
        status, body = self._answer(path, asked)
        return answered(status, body, headers, slow=fault == "slow", cut=fault == "cut")

    def _answer(self, path: str, asked: dict[str, list[str]]) -> tuple[int, bytes]:
        if path == "/api/v1/statuses":
            names = asked.get("id[]", [])
            if len(names) > 20:
                return 422, b'{"error":"Validation failed"}'
            return 200, json.dumps([self.statuses[name] for name in names if name in self.statuses]).encode()
        if path.startswith("/api/v1/timelines/tag/"):
            feed = f"#{unquote(path.rsplit('/', 1)[1])}"
        elif path == "/api/v1/timelines/public":
            feed = "public/local" if "local" in asked else "public/remote" if "remote" in asked else "public"
        else:
            return 404, b'{"error":"Record not found"}'
        if feed in self.shut:
            return 403, b'{"error":"This method is not allowed"}'
        limit = min(40, int(asked.get("limit", ["20"])[0]))
        shown = [s for s in self.statuses.values() if s["visibility"] == "public" and feed in self._feeds(s)]
        shown.sort(key=lambda status: int(status["id"]))
        if "min_id" in asked:
            after = int(asked["min_id"][0])
            shown = [status for status in shown if int(status["id"]) > after][:limit]
        return 200, json.dumps(shown[-limit:][::-1]).encode()


class _Stream(httpx.AsyncByteStream):
    """One stream, from now on, in pieces of whatever size."""

    def __init__(self, platform: FakeMastodon, feed: str, *, cut: bool) -> None:
        self._platform = platform
        self._feed = feed
        self._at = len(platform.log)
        self._cuts = platform.cuts
        self._cut = cut

    async def __aiter__(self) -> AsyncIterator[bytes]:
        platform, rng = self._platform, self._platform._rng
        yield b":)\n"
        while True:
            if platform.stalled:
                await asyncio.sleep(1.0)
                continue
            if platform.cuts != self._cuts:
                if self._at < len(platform.log):
                    # In the middle of an event: half of it is out.
                    yield platform.log[self._at][1][: rng.randrange(1, 60)]
                raise httpx.ReadError("reset in the middle")
            if self._at < len(platform.log):
                feeds, event = platform.log[self._at]
                self._at += 1
                if self._feed in feeds:
                    platform.asked += 1
                    at = rng.randrange(len(event))
                    yield event[:at]
                    yield event[at:]
                continue
            try:
                async with asyncio.timeout(THUMP_S):
                    await platform._news.wait()
            except TimeoutError:
                if not platform.stalled and platform.cuts == self._cuts:
                    platform.asked += 1
                    yield platform.thump
                    if self._cut:
                        raise httpx.ReadError("reset") from None


class MastodonStage:
    """The platform for the laws; see `tests.sources.laws.Stage`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.platform = FakeMastodon(world.around.clock, world.rng)
        self._said: list[Said] = []
        self._deleted: set[str] = set()

    def source(self) -> Mastodon:
        options = MastodonOptions(SERVER, ("public", "#acme"))
        web = Web(transport=Lasting(self.platform))
        return Mastodon(NAME, options, web=web, around=self._world.around, token=TOKEN)

    async def play(self, seconds: float) -> None:
        rng, platform = self._world.rng, self.platform
        end_ms = now_ms() + seconds * 1000
        while now_ms() < end_ms:
            await asyncio.sleep(rng.expovariate(1 / 8))
            platform.newline = rng.choice([b"\n", b"\r\n"])
            platform.thump = rng.choice([b":thump\n\n", b":thump\n", b":thump\r\n\r\n"])
            self._act()
            if rng.random() < 0.06:
                await self._misbehave(rng.choice(["cut", "stall", "faults", "faults", "spoil", "outage"]))
        platform.stalled = False
        platform.faults.clear()

    def _act(self) -> None:
        rng, platform = self._world.rng, self.platform
        what, names = rng.random(), list(platform.statuses)
        if not names or what < 0.65:
            self.say()
        elif what < 0.7:
            platform.post("<p>for my friends</p>", visibility="private")
            platform.boost(rng.choice(names), visibility="unlisted")
        elif what < 0.8:
            name = rng.choice(names)
            if platform.statuses[name]["visibility"] == "public":
                platform.edit(name, "<p>Acme, on second thoughts</p>")
                self._note("update", name)
        elif what < 0.9:
            name = rng.choice(names)
            if platform.statuses[name]["visibility"] == "public":
                platform.delete(name)
                self._deleted.add(f"{NAME}:{name}")
                self._note("delete", name)
        else:
            name = rng.choice(names)
            platform.statuses[name]["favourites_count"] += 1
            if platform.statuses[name]["visibility"] == "public":
                self._world.threads.incidents = [f"{NAME}:{name}", *self._world.threads.incidents][:30]

    async def _misbehave(self, how: str) -> None:
        rng, platform = self._world.rng, self.platform
        if how == "cut":
            platform.cuts += 1
        elif how == "stall":
            platform.stalled = True
            await asyncio.sleep(rng.uniform(50, 120))
            platform.stalled = False
        elif how == "faults":
            kinds = ["reset", "cut", "half", "slow", "limit", "429", "500", "503"]
            platform.faults += rng.choices(kinds, k=rng.randrange(1, 4))
            platform.cuts += 1
        elif how == "spoil":
            self.spoil()
        elif rng.random() < 0.25:
            platform.down = True
            platform.cuts += 1
            for _ in range(60):
                await asyncio.sleep(10)
                self.say()
            platform.down = False

    def said(self) -> list[Said]:
        # Nobody is told later of what was edited or taken back while nobody listened, or both written and taken back.
        return [one._replace(gone=one.kind != "create" or one.id in self._deleted) for one in self._said]

    def say(self) -> Said:
        rng = self._world.rng
        tags = ("acme",) if rng.random() < 0.5 else ()
        acct = rng.choice(["jo", "freon@elsewhere.example"])
        late_ms = rng.choice([0, 0, 20_000, 60_000]) if "@" in acct else 0
        name = self.platform.post(f"<p>ACME is <b>down</b> {rng.random()}</p>", acct=acct, tags=tags, late_ms=late_ms)
        return self._note("create", name)

    def _note(self, kind: str, name: str) -> Said:
        self._said.append(Said(kind, f"{NAME}:{name}", now_ms()))
        return self._said[-1]

    def stall(self) -> None:
        self.platform.stalled = True

    def heal(self) -> None:
        self.platform.stalled = False

    def spoil(self) -> int:
        self.platform.say("update", "{")
        self.platform.say("update", '{"id":7}')
        self.platform.say("delete", "<script>")
        self.platform.say("notification", '{"id":"1"}')
        return 3

    @property
    def asked(self) -> int:
        return self.platform.asked


CASE = Case(NAME, "sampled", MastodonStage, secrets=(TOKEN,), ahead=60)
