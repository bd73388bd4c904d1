"""Jetstream and Bluesky's public interface, as their wires are: frames by time, a cursor clamped without a word."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from stream.codec import rfc3339
from stream.sources.contract import Trouble
from stream.sources.jetstream import Jetstream, JetstreamOptions
from stream.sources.web import Web, refusal
from tests.fakes.sources.served import Lasting
from tests.fakes.sources.wire import answered
from tests.sources.laws import Case, Said, World
from tests.sources.virtual import now_ms

NAME = "bluesky"
HOSTS = ("wss://one.jets.example", "wss://two.jets.example", "wss://three.jets.example")
POST = "app.bsky.feed.post"
NOISE_MS = 2_000
"""So often the rest of the network says something."""
BEHIND = 50_000
"""A client that is further behind is cut off."""


class FakeJetstream:
    """The platform: `post`, `edit`, `delete`, `like` and `leave` are what people do; `cut`, `stalled`, `down` and
    `refuse` what goes wrong.
    """

    def __init__(self, clock: Callable[[], int], rng: random.Random, *, kept_s: float = 36 * 3600) -> None:
        self._clock = clock
        self._rng = rng
        self._kept_us = int(kept_s * 1e6)
        self.log: list[tuple[int, dict[str, Any] | str]] = []
        """Everything said: when (true time, microseconds), and the frame without its time; text where it is spoilt."""
        self.asked = 0
        self.cuts = 0
        """Raised by one: every connection ends."""
        self.stalled = False
        self.down: set[str] = set()
        """Hosts that take no connection; "*": none does."""
        self.refuse: list[int] = []
        """Statuses that the next connections are refused with."""
        self.connected: list[dict[str, list[str]]] = []
        """What each connection asked for."""
        self.lost: list[tuple[int, int]] = []
        """Stretches (microseconds) that somebody asked for and nobody keeps any more."""
        self._noise_ms = clock()
        self._news = asyncio.Event()
        self._last_us = 0

    # ---- what people do

    def post(self, text: str, *, did: str = "", **record: Any) -> str:
        """A post; its id."""
        did = did or f"did:plc:{self._rng.randrange(10**6):024d}"
        rkey = f"3k{self._rng.randrange(10**11):011d}"
        self._commit(did, "create", POST, rkey, self._record(text, record))
        return f"at://{did}/{POST}/{rkey}"

    def edit(self, uri: str, text: str) -> None:
        did, rkey = _parts(uri)
        self._commit(did, "update", POST, rkey, self._record(text, {}))

    def delete(self, uri: str) -> None:
        did, rkey = _parts(uri)
        self._commit(did, "delete", POST, rkey)

    def like(self, did: str, uri: str, *, rkey: str = "", what: str = "like") -> str:
        rkey = rkey or f"3l{self._rng.randrange(10**11):011d}"
        subject = {"cid": "bafyreia", "uri": uri}
        self._commit(
            did, "create", f"app.bsky.feed.{what}", rkey, {"$type": f"app.bsky.feed.{what}", "subject": subject}
        )
        return rkey

    def unlike(self, did: str, rkey: str, *, what: str = "like") -> None:
        self._commit(did, "delete", f"app.bsky.feed.{what}", rkey)

    def leave(self, did: str, status: str = "deleted") -> None:
        account = {"active": False, "did": did, "seq": len(self.log), "status": status, "time": rfc3339(self._clock())}
        self.say({"did": did, "kind": "account", "account": account})

    def say(self, frame: dict[str, Any] | str) -> int:
        """Put a frame on the stream; its time."""
        self._catch_up()
        return self._append(self._clock() * 1000, frame)

    def _record(self, text: str, given: Mapping[str, Any]) -> dict[str, Any]:
        created = {"$type": POST, "createdAt": rfc3339(self._clock()), "langs": ["en"]}
        return {name: value for name, value in (created | dict(given)).items() if value is not None} | {"text": text}

    def _commit(self, did: str, operation: str, collection: str, rkey: str, record: Any = None) -> None:
        commit: dict[str, Any] = {"rev": "3kx", "operation": operation, "collection": collection, "rkey": rkey}
        if record is not None:
            commit |= {"record": record, "cid": "bafyreib"}
        self.say({"did": did, "kind": "commit", "commit": commit})

    def _append(self, at_us: int, frame: dict[str, Any] | str) -> int:
        self._last_us = max(self._last_us + 1, at_us)
        self.log.append((self._last_us, frame))
        self._news.set()
        self._news = asyncio.Event()
        return self._last_us

    def _catch_up(self) -> None:
        """What the rest of the network said meanwhile."""
        while self._noise_ms + NOISE_MS <= self._clock():
            self._noise_ms += NOISE_MS
            did = f"did:plc:{self._rng.randrange(10**6):024d}"
            kind = self._rng.choice(["identity", "account", "like", "post"])
            frame: dict[str, Any] = {"did": did, "kind": kind}
            if kind in ("identity", "account"):
                frame[kind] = {"did": did, "seq": 1} | (
                    {"active": True} if kind == "account" else {"handle": "a.example"}
                )
            else:
                uri = f"at://{did}/{POST}/3kaaaaaaaaaaa"
                record: dict[str, Any] = {"subject": {"uri": uri}} if kind == "like" else {"text": "good morning"}
                record["createdAt"] = rfc3339(self._noise_ms)
                collection, rkey = f"app.bsky.feed.{kind}", f"3m{self._noise_ms}"
                commit = {"operation": "create", "collection": collection, "rkey": rkey, "record": record, "cid": "b"}
                frame = {"did": did, "kind": "commit", "commit": {"rev": "3kx"} | commit}
            self._append(self._noise_ms * 1000, frame)

    # ---- the wire

    @asynccontextmanager
    async def dial(self, url: str, headers: Mapping[str, str]) -> AsyncIterator["_Socket"]:
        """A connection in memory."""
        self.asked += 1
        await asyncio.sleep(0.05)
        parts = urlsplit(url)
        host = f"{parts.scheme}://{parts.netloc}"
        if self.down & {host, "*"}:
            raise Trouble("no connection (OSError)")
        if self.refuse:
            raise refusal(self.refuse.pop(0))
        yield self.open(host, parts.path, parts.query)

    def open(self, host: str, path: str, query: str) -> "_Socket":
        """A connection; raises `Trouble` where the platform answers 400 or 404."""
        if path != "/subscribe":
            raise refusal(404)
        asked = parse_qs(query)
        collections = asked.get("wantedCollections", [])
        if len(collections) > 100 or set(asked) - {"wantedCollections", "cursor", "maxMessageSizeBytes"}:
            raise refusal(400)
        self.connected.append(asked)
        self._catch_up()
        most = int(asked.get("maxMessageSizeBytes", ["0"])[0])
        start = self._start(asked.get("cursor"), host)
        return _Socket(self, frozenset(collections), start, self._skew_us(host), most)

    def _start(self, cursor: list[str] | None, host: str) -> int:
        """Where in the log a connection begins."""
        now_us = self._clock() * 1000
        if cursor is None or int(cursor[0]) - self._skew_us(host) > now_us:
            return len(self.log)
        since_us = int(cursor[0]) - self._skew_us(host)
        if since_us < now_us - self._kept_us:
            self.lost.append((since_us, now_us - self._kept_us))
            since_us = now_us - self._kept_us
        return next((n for n, (at_us, _) in enumerate(self.log) if at_us >= since_us), len(self.log))

    def _skew_us(self, host: str) -> int:
        """Each host has a clock of its own."""
        return (sum(host.encode()) % 7 - 3) * 100_000


class _Socket:
    """One connection. To give up waiting for a frame loses none."""

    def __init__(
        self, platform: FakeJetstream, collections: frozenset[str], at: int, skew_us: int, most: int = 0
    ) -> None:
        self._platform = platform
        self._collections = collections
        self._at = at
        self._skew_us = skew_us
        self._most = most
        self._cuts = platform.cuts

    async def recv(self) -> str:
        platform = self._platform
        while True:
            if platform.stalled:
                await asyncio.sleep(1.0)
                continue
            platform._catch_up()
            if platform.cuts != self._cuts or len(platform.log) - self._at > BEHIND:
                raise Trouble("the connection was closed (cut)")
            while self._at < len(platform.log):
                at_us, frame = platform.log[self._at]
                self._at += 1
                if isinstance(frame, str) or self._wants(frame):
                    line = frame if isinstance(frame, str) else _line(frame, at_us + self._skew_us)
                    if self._most and len(line.encode()) > self._most:
                        continue
                    platform.asked += 1
                    return line
            try:
                async with asyncio.timeout(NOISE_MS / 1000):
                    await platform._news.wait()
            except TimeoutError:
                pass

    def _wants(self, frame: Mapping[str, Any]) -> bool:
        return frame["kind"] != "commit" or frame["commit"]["collection"] in self._collections

    async def send(self, frame: str) -> None:
        """Nothing is asked of a client."""


class FakePublic(httpx.AsyncBaseTransport):
    """Counts and profiles. `faults` are statuses of the next answers."""

    def __init__(self) -> None:
        self.counts: dict[str, dict[str, int]] = {}
        self.followers: dict[str, int] = {}
        self.handles: dict[str, str] = {}
        """Whose each handle is."""
        self.faults: list[str] = []
        self.asked: list[str] = []
        self.stalled = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0.05)
        while self.stalled:
            await asyncio.sleep(1.0)
        parts = urlsplit(str(request.url))
        self.asked.append(parts.path)
        if self.faults:
            fault = self.faults.pop(0)
            return answered(200, b"{") if fault == "half" else answered(int(fault), b"no")
        asked = parse_qs(parts.query)
        if parts.path == "/xrpc/app.bsky.feed.getPosts" and len(asked["uris"]) <= 25:
            found = [{"uri": uri, "cid": "b", **self.counts[uri]} for uri in asked["uris"] if uri in self.counts]
            return answered(200, json.dumps({"posts": found}).encode())
        if parts.path == "/xrpc/app.bsky.actor.getProfiles" and len(asked["actors"]) <= 25:
            profiles = [
                {"did": self.handles.get(actor, actor), "handle": actor if actor in self.handles else "a.example"}
                | {"followersCount": self.followers.get(actor, 12), "createdAt": "2024-02-06T10:00:00.000Z"}
                for actor in asked["actors"]
                if actor in self.handles or actor.startswith("did:")
            ]
            return answered(200, json.dumps({"profiles": profiles}).encode())
        return answered(400, b'{"error":"InvalidRequest"}')


class JetstreamStage:
    """The platform for the laws; see `tests.sources.laws.Stage`."""

    def __init__(self, world: World, kept_s: float = 900.0) -> None:
        self._world = world
        self.platform = FakeJetstream(world.around.clock, world.rng, kept_s=kept_s)
        self.public = FakePublic()
        self._said: list[tuple[str, str, int]] = []
        self._posts: list[str] = []

    def source(self) -> Jetstream:
        web = Web(transport=Lasting(self.public), dial=self.platform.dial)
        options = JetstreamOptions(HOSTS, words=("acme",), public_url="https://public.api.example")
        return Jetstream(NAME, options, web=web, around=self._world.around)

    async def play(self, seconds: float) -> None:
        rng, platform = self._world.rng, self.platform
        end_ms = now_ms() + seconds * 1000
        while now_ms() < end_ms:
            await asyncio.sleep(rng.expovariate(1 / 8))
            self._act()
            if rng.random() < 0.06:
                await self._misbehave(
                    rng.choice(["cut", "cut", "stall", "host", "refuse", "spoil", "public", "outage"])
                )
        platform.stalled, self.public.stalled = False, False
        platform.down.clear()
        platform.refuse.clear()

    def _act(self) -> None:
        rng, platform = self._world.rng, self.platform
        what = rng.random()
        if not self._posts or what < 0.6:
            self.say()
        elif what < 0.7:
            uri = rng.choice(self._posts)
            platform.edit(uri, "Acme, on second thoughts")
            self._note("update", uri)
        elif what < 0.8:
            uri = self._posts.pop(rng.randrange(len(self._posts)))
            platform.delete(uri)
            self._note("delete", uri)
        elif what < 0.85:
            uri = self._posts.pop(rng.randrange(len(self._posts)))
            platform.leave(_parts(uri)[0])
            self._note("purge", _parts(uri)[0])
        else:
            uri = rng.choice(self._posts)
            self._world.threads.names.add(f"{NAME}:{uri}")
            self.public.counts[uri] = {"likeCount": 10, "repostCount": 2, "replyCount": 1, "quoteCount": 0}
            rkey = platform.like("did:plc:fan", uri, what=rng.choice(["like", "repost"]))
            if rng.random() < 0.3:
                platform.unlike("did:plc:fan", rkey)

    async def _misbehave(self, how: str) -> None:
        rng, platform = self._world.rng, self.platform
        if how == "cut":
            platform.cuts += 1
        elif how == "stall":
            platform.stalled = True
            await asyncio.sleep(rng.uniform(40, 90))
            platform.stalled = False
        elif how == "host":
            platform.down = {rng.choice(HOSTS)}
            platform.cuts += 1
        elif how == "refuse":
            platform.refuse += rng.choices([400, 403, 429, 500, 503], k=2)
            platform.cuts += 1
        elif how == "spoil":
            self.spoil()
        elif how == "public":
            self.public.faults += ["429", "half", "503"]
        elif rng.random() < 0.25:
            # Longer than the platform keeps anything, while people go on.
            platform.down = {"*"}
            platform.cuts += 1
            for _ in range(60):
                await asyncio.sleep(20)
                self.say()
            platform.down.clear()

    def said(self) -> list[Said]:
        lost = self.platform.lost
        return [
            Said(kind, f"{NAME}:{name}", at_us // 1000, gone=any(since <= at_us < until for since, until in lost))
            for kind, name, at_us in self._said
        ]

    def say(self) -> Said:
        self._posts.append(self.platform.post(f"ACME is down again {self._world.rng.random()}"))
        return self._note("create", self._posts[-1])

    def _note(self, kind: str, name: str) -> Said:
        at_us = self.platform.log[-1][0]
        self._said.append((kind, name, at_us))
        return Said(kind, f"{NAME}:{name}", at_us // 1000)

    def stall(self) -> None:
        self.platform.stalled = self.public.stalled = True

    def heal(self) -> None:
        self.platform.stalled = self.public.stalled = False

    def spoil(self) -> int:
        for frame in (
            "{",
            '{"did":7,"time_us":1783175888094841,"kind":"commit"}',
            '{"did":"a","time_us":1,"kind":"x"}',
        ):
            self.platform.say(frame)
        self.platform._commit("did:plc:x", "create", POST, "3kbad", "no object")
        return 4

    @property
    def asked(self) -> int:
        return self.platform.asked + len(self.public.asked)


def _line(frame: Mapping[str, Any], at_us: int) -> str:
    whole = {"did": frame["did"], "time_us": at_us} | dict(frame)
    return json.dumps(whole, separators=(",", ":"), ensure_ascii=False)


def _parts(uri: str) -> tuple[str, str]:
    did, _, rkey = uri.removeprefix("at://").split("/")
    return did, rkey


CASE = Case(NAME, "full", JetstreamStage)
