"""X's API v2 as its wire is: rules, one stream for an app, empty lines every 20 s, problems in the stream, a search of
the last seven days, counts, looks by id; and what it does to a program that spends too much or connects twice.
"""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from stream.codec import parse_rfc3339, rfc3339
from stream.sources.web import Web
from stream.sources.x_rules import Subject
from stream.sources.x_stream import XOptions, XStream
from tests.fakes.sources.served import Lasting
from tests.fakes.sources.wire import Stalls, answered
from tests.fakes.sources.x_language import RuleError, check, matches
from tests.sources.laws import Case, Said, World
from tests.sources.virtual import now_ms

NAME = "x"
TOKEN = "AAAA-bearer-token-of-a-test-9f31c0"
_EPOCH_MS = 1_288_834_974_657
_PROBLEMS = "https://api.x.com/2/problems/"
DISCONNECT = {
    "title": "operational-disconnect",
    "disconnect_type": "UpstreamOperationalDisconnect",
    "detail": "This stream has been disconnected upstream for operational reasons.",
    "type": f"{_PROBLEMS}operational-disconnect",
}
CAPPED = {
    "title": "UsageCapExceeded",
    "detail": "Usage cap exceeded: Monthly product cap",
    "type": f"{_PROBLEMS}usage-capped",
}
TOO_MANY = {
    "title": "ConnectionException",
    "detail": "This stream is currently at the maximum allowed connection limit.",
    "connection_issue": "TooManyConnections",
    "type": f"{_PROBLEMS}streaming-connection",
}


class Connection(httpx.AsyncByteStream):
    """A stream that stands: lines, and an empty one when 20 s went by without."""

    def __init__(self, platform: "FakeX") -> None:
        self._platform = platform
        self.lines: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()
        self.open = True

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            try:
                async with asyncio.timeout(20):
                    line = await self.lines.get()
            except TimeoutError:
                line = b"\r\n"
            if self._platform.stalled is not None:
                await self._platform.stalled.wait()
            if line is None:
                self.open = False
                return
            if isinstance(line, Exception):
                self.open = False
                raise line
            self._platform.asked += 1
            half = len(line) // 2
            yield line[:half]
            yield line[half:]

    async def aclose(self) -> None:
        """The other side hung up."""
        self.open = False


class FakeX(httpx.AsyncBaseTransport):
    """The platform: `write`, `edit` and `remove` are what people do; everything else goes wrong by its name."""

    def __init__(self, clock: Callable[[], int], rng: random.Random, *, enterprise: bool = False) -> None:
        self._clock = clock
        self._rng = rng
        self._enterprise = enterprise
        self._number = 0
        self.posts: dict[str, dict[str, Any]] = {}
        self.users: dict[str, dict[str, Any]] = {}
        self.rules: dict[str, dict[str, str]] = {}
        self.connection: Connection | None = None
        self.asked = 0
        self.read: list[str] = []
        """Ids of posts that were read, each time: they cost."""
        self.requests: list[str] = []
        self.faults: list[str] = []
        """What becomes of the next requests, in order."""
        self.spent = False
        """Whether there is no money left."""
        self.evicts = True
        """Whether a second connection closes the first; else it is refused."""
        self.stalled: asyncio.Event | None = None
        self.latency_s = 0.0

    # ---- what people do

    def write(self, text: str, *, user: str = "ann", lang: str = "en", **more: Any) -> str:
        """A post; `replied_to`, `quoted` and `retweeted` name another one."""
        own_id = self._next_id()
        person = self.users.setdefault(
            user, {"id": str(1_000 + len(self.users)), "username": user, "created_at": "2015-05-05T05:05:05.000Z"}
        )
        person["public_metrics"] = {"followers_count": 10 * len(user), "following_count": 1, "tweet_count": 2}
        references = [
            {"type": kind, "id": more.pop(kind)} for kind in ("retweeted", "quoted", "replied_to") if kind in more
        ]
        parent = next((one["id"] for one in references if one["type"] == "replied_to"), None)
        self.posts[own_id] = {
            "id": own_id,
            "text": text,
            "author_id": person["id"],
            "created_at": rfc3339(self._clock()),
            "conversation_id": self.posts[parent]["conversation_id"] if parent in self.posts else own_id,
            "edit_history_tweet_ids": [*more.pop("history", []), own_id],
            "lang": lang,
            "public_metrics": {
                "retweet_count": 0,
                "reply_count": 0,
                "like_count": 0,
                "quote_count": 0,
                "impression_count": 3,
            },
            **({"referenced_tweets": references} if references else {}),
            **more,
        }
        self._deliver(own_id)
        return own_id

    def edit(self, own_id: str, text: str) -> str:
        """The author edits a post: it gets an id more, and it is brought again."""
        before = self.posts[own_id]
        user = self._author(before)["username"]
        return self.write(text, user=user, lang=before["lang"], history=before["edit_history_tweet_ids"])

    def remove(self, own_id: str) -> None:
        """It is gone, for everybody."""
        del self.posts[own_id]

    def _next_id(self) -> str:
        self._number += 1
        return str((self._clock() - _EPOCH_MS) << 22 | self._number % (1 << 22))

    def _author(self, post: Mapping[str, Any]) -> dict[str, Any]:
        return next(user for user in self.users.values() if user["id"] == post["author_id"])

    # ---- the stream

    def frame(self, own_id: str) -> dict[str, Any] | None:
        """What the stream says of a post; `None` where no rule matches it."""
        post = self.posts[own_id]
        hits = [rule for rule in self.rules.values() if self._matches(rule["value"], post)]
        if not hits:
            return None
        return {
            "data": post,
            "includes": self._includes([post]),
            "matching_rules": [{"id": rule["id"], "tag": rule["tag"]} for rule in hits],
        }

    def _matches(self, rule: str, post: Mapping[str, Any]) -> bool:
        references = {one["type"]: self.posts.get(one["id"]) for one in post.get("referenced_tweets", [])}
        seen = {**post, "is_repost": "retweeted" in references}
        if references.get("retweeted"):
            seen["text"] = references["retweeted"]["text"]  # type: ignore[index]
        return matches(rule, seen, self._author(post)["username"], references.get("quoted"))

    def _includes(self, posts: list[dict[str, Any]]) -> dict[str, Any]:
        named = [one["id"] for post in posts for one in post.get("referenced_tweets", [])]
        tweets = [self.posts[name] for name in dict.fromkeys(named) if name in self.posts]
        users = {post["author_id"]: self._author(post) for post in [*posts, *tweets]}
        return {"users": list(users.values())} | ({"tweets": tweets} if tweets else {})

    def _deliver(self, own_id: str) -> None:
        connection = self.connection
        if connection is None or not connection.open:
            return
        if self.latency_s:
            asyncio.get_running_loop().call_later(self.latency_s, self._bring, connection, own_id)
        else:
            self._bring(connection, own_id)

    def _bring(self, connection: Connection, own_id: str) -> None:
        frame = self.frame(own_id) if own_id in self.posts else None
        if connection.open and frame is not None:
            self.read.append(own_id)
            connection.lines.put_nowait(json.dumps(frame).encode() + b"\r\n")

    def say(self, line: bytes) -> None:
        """Put a line into the stream as it is."""
        if self.connection is not None and self.connection.open:
            self.connection.lines.put_nowait(line)

    def cut(self, *, half: bytes = b"") -> None:
        """The connection breaks, perhaps in the middle of a line."""
        self.say(half)
        if self.connection is not None:
            self.connection.lines.put_nowait(httpx.ReadError("reset"))

    def close(self, problem: Mapping[str, Any] | None = None) -> None:
        """X ends the stream, perhaps with a problem in it."""
        if problem is not None:
            self.say(json.dumps({"errors": [problem]}).encode() + b"\r\n")
        if self.connection is not None:
            self.connection.lines.put_nowait(None)

    # ---- the wire

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        parts = urlsplit(str(request.url))
        self.requests.append(f"{request.method} {parts.path}")
        await asyncio.sleep(0.05)
        if self.stalled is not None:
            await self.stalled.wait()
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "reset":
            raise httpx.ReadError("reset", request=request)
        if fault == "429":
            return _json(429, {"title": "Too Many Requests"}, {"x-rate-limit-reset": str(self._clock() // 1000 + 20)})
        if fault.isdecimal():
            return answered(int(fault), b"no")
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return _json(401, {"title": "Unauthorized", "type": "about:blank", "status": 401})
        if self.spent:
            return _json(402, {"title": "CreditsDepleted", "type": f"{_PROBLEMS}credits"})
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/2/tweets/search/stream":
            return self._connect(asked)
        status, found = self._answer(request.method, parts.path, asked, request.content)
        body = json.dumps(found).encode()
        if fault == "page":
            body = b"<html>over capacity</html>"
        return answered(status, body, slow=fault == "slow", cut=fault == "cut")

    def _connect(self, asked: Mapping[str, str]) -> httpx.Response:
        before = self.connection
        if before is not None and before.open:
            if not self.evicts:
                return _json(429, TOO_MANY)
            self.close(DISCONNECT)
        if "backfill_minutes" in asked and not self._enterprise:
            return _json(400, {"title": "Invalid Request", "type": f"{_PROBLEMS}invalid-request"})
        self.connection = Connection(self)
        since_ms = self._clock() - 60_000 * int(asked.get("backfill_minutes", "0"))
        for own_id, post in list(self.posts.items()):
            if "backfill_minutes" in asked and parse_rfc3339(post["created_at"]) >= since_ms:
                self._bring(self.connection, own_id)
        return httpx.Response(200, headers={"content-type": "application/json"}, stream=self.connection)

    def _answer(self, method: str, path: str, asked: Mapping[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        if path == "/2/tweets/search/stream/rules":
            return (200, self._listed()) if method == "GET" else self._change(json.loads(body))
        if path == "/2/tweets":
            return 200, self._looked_up(asked["ids"].split(","))
        if path == "/2/tweets/search/recent":
            return 200, self._searched(asked)
        if path == "/2/tweets/counts/recent":
            found = self._found(asked)
            return 200, {"data": [], "meta": {"total_tweet_count": len(found)}}
        if path == "/2/usage/tweets":
            return 200, {"data": {"project_usage": str(len(set(self.read))), "project_cap": "2000000"}}
        return 404, {"title": "Not Found"}

    def _listed(self) -> dict[str, Any]:
        return {"data": list(self.rules.values()), "meta": {"sent": rfc3339(self._clock())}}

    def _change(self, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        for own_id in body.get("delete", {}).get("ids", []):
            self.rules.pop(own_id, None)
        errors = []
        for rule in body.get("add", []):
            try:
                check(rule["value"])
            except RuleError as why:
                errors.append({"value": rule["value"], "details": [str(why)], "title": "UnprocessableEntity"})
                continue
            if any(rule["value"] == one["value"] for one in self.rules.values()):
                errors.append({"value": rule["value"], "id": "1", "title": "DuplicateRule"})
                continue
            self._number += 1
            self.rules[str(self._number)] = {"id": str(self._number), **rule}
        bad = any(error["title"] != "DuplicateRule" for error in errors)
        return 400 if bad else 201, {"meta": {"sent": rfc3339(self._clock())}} | ({"errors": errors} if errors else {})

    def _looked_up(self, ids: list[str]) -> dict[str, Any]:
        there = [self.posts[one] for one in ids if one in self.posts]
        self.read += [post["id"] for post in there]
        missing = [
            {"resource_id": one, "value": one, "title": "Not Found Error", "type": f"{_PROBLEMS}resource-not-found"}
            for one in ids
            if one not in self.posts
        ]
        return {"data": there} | ({"errors": missing} if missing else {})

    def _found(self, asked: Mapping[str, str]) -> list[dict[str, Any]]:
        since_ms = parse_rfc3339(asked["start_time"]) if "start_time" in asked else 0
        until_ms = parse_rfc3339(asked["end_time"]) if "end_time" in asked else self._clock()
        assert until_ms <= self._clock() - 10_000 or "end_time" not in asked, "end_time must be 10 seconds ago"
        # A search finds the newest version of a post.
        newest = {post["edit_history_tweet_ids"][0]: post for post in self.posts.values()}
        found = [
            post
            for post in newest.values()
            if since_ms <= parse_rfc3339(post["created_at"]) < until_ms and self._matches(asked["query"], post)
        ]
        return sorted(found, key=lambda post: int(post["id"]), reverse=True)

    def _searched(self, asked: Mapping[str, str]) -> dict[str, Any]:
        size = int(asked["max_results"])
        assert 10 <= size <= 100
        found = self._found(asked)
        if "next_token" in asked:
            found = [post for post in found if int(post["id"]) < int(asked["next_token"])]
        shown = found[:size]
        self.read += [post["id"] for post in shown]
        meta: dict[str, Any] = {"result_count": len(shown)}
        if shown:
            meta |= {"newest_id": shown[0]["id"], "oldest_id": shown[-1]["id"]}
        if len(found) > size:
            meta["next_token"] = shown[-1]["id"]
        return {"data": shown, "includes": self._includes(shown), "meta": meta} if shown else {"meta": meta}


def _json(status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> httpx.Response:
    return answered(status, json.dumps(body).encode(), headers)


class XStage(Stalls):
    """The platform for the laws; see `tests.sources.laws.Stage`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.platform = FakeX(world.around.clock, world.rng)
        self._said: list[Said] = []
        self._heard: list[tuple[int, str]] = []
        """Posts that were brought a while ago: these may be edited or removed, else nobody could have had them."""

    def source(self) -> XStream:
        options = XOptions(
            (Subject("Acme", "acme"),), posts_a_month=1_000_000, fill_minutes=60, recheck_s=300, recheck_posts=50
        )
        web = Web(transport=Lasting(self.platform))
        return XStream(NAME, options, web=web, around=self._world.around, bearer_token=TOKEN)

    async def play(self, seconds: float) -> None:
        rng, platform = self._world.rng, self.platform
        end_ms = now_ms() + seconds * 1000
        while now_ms() < end_ms:
            await asyncio.sleep(rng.expovariate(1 / 12))
            platform.latency_s = rng.choice([0, 0.2, 3, 6])
            self.say()
            self._change()
            chance = rng.random()
            if chance < 0.02:
                platform.cut(half=b'{"data":{"id":"19')
            elif chance < 0.03:
                platform.close(rng.choice([None, DISCONNECT]))
            elif chance < 0.05:
                platform.faults += rng.choices(["reset", "cut", "page", "slow", "429", "500", "503"], k=2)
            elif chance < 0.06:
                self.stall()
                await asyncio.sleep(rng.uniform(30, 400))
                self.heal()
            elif chance < 0.09:
                self.spoil()
            elif chance < 0.12 and self._heard:
                platform.say(json.dumps(platform.frame(self._heard[-1][1])).encode() + b"\r\n")
        platform.faults.clear()
        platform.latency_s = 0.0

    def _change(self) -> None:
        """An author edits a post, or takes one back that an incident is about."""
        rng, platform = self._world.rng, self.platform
        stands = platform.connection is not None and platform.connection.open and platform.stalled is None
        old = [own_id for at_ms, own_id in self._heard if now_ms() - at_ms > 40_000]
        if not old or not stands or rng.random() > 0.1:
            return
        own_id = rng.choice(old)
        self._heard = [one for one in self._heard if one[1] != own_id]
        if rng.random() < 0.5:
            platform.edit(own_id, f"I mean, acme {rng.random()}")
            self._said.append(Said("update", f"{NAME}:{own_id}", now_ms()))
        elif len(self._world.threads.incidents) < 50:
            self._world.threads.incidents.append(f"{NAME}:{own_id}")
            platform.remove(own_id)
            self._said.append(Said("delete", f"{NAME}:{own_id}", now_ms()))

    def said(self) -> list[Said]:
        # Who took a post and died before it was kept cannot have it again once its author changed it or took it back.
        changed = {one.id for one in self._said if one.kind in ("update", "delete")}
        return [one._replace(gone=one.gone or (one.kind == "create" and one.id in changed)) for one in self._said]

    def say(self) -> Said:
        platform = self.platform
        before = len(platform.read)
        own_id = platform.write(
            f"acme is down again {self._world.rng.random()}", user=self._world.rng.choice(["ann", "bo"])
        )
        said = Said("create", f"{NAME}:{own_id}", now_ms())
        self._said.append(said)
        if len(platform.read) > before and platform.stalled is None:
            self._heard.append((now_ms(), own_id))
        return said

    def spoil(self) -> int:
        for line in (b'{"data":{"id":"x"}}', b'{"data":7}', b"[]", b"\xff\xfe{", b'{"data":{"id":"77","text":"t"}}'):
            self.platform.say(line + b"\r\n")
        return 5


CASE = Case(NAME, "full", XStage, secrets=(TOKEN,))
