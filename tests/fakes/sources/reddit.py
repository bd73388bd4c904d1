"""Reddit's API as its wire is: a token for an application, listings of a thousand, limits in headers, deletes."""

import asyncio
import base64
import json
import random
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from stream.sources.reddit import Reddit, RedditOptions
from stream.sources.web import Web
from tests.fakes.sources.served import Lasting, said
from tests.fakes.sources.wire import Stalls
from tests.sources.laws import Case, Said, World
from tests.sources.virtual import now_ms

NAME = "reddit"
CLIENT, SECRET = "made-up-client", "made-up-secret-00000000"
AGENT = "server:example.acme.listening:1.0 (by /u/acme_care)"
DEPTH = 1_000


class FakeReddit(httpx.AsyncBaseTransport):
    """The platform. `post`, `comment`, `delete`, `edit` are what people do; `faults` what becomes of answers."""

    def __init__(self, clock: Callable[[], int], rng: random.Random) -> None:
        self._clock = clock
        self.rng = rng
        self.things: dict[str, dict[str, Any]] = {}
        self.shown: set[str] = set()
        """Names that stood in an answer that was whole."""
        self.asked = 0
        self.asked_in_window = 0
        self.limit = 1_000
        self.window_s = 600
        self.agents: set[str] = set()
        self.faults: list[str] = []
        self.stalled: asyncio.Event | None = None
        self.spoilt: list[Any] = []
        self.private: set[str] = set()
        self.tokens: dict[str, int] = {}
        """Until when each is valid."""
        self.token_s = 86_400
        self._number = 36**6
        self._window = 0

    # ---- what people do

    def post(self, sub: str, title: str, text: str = "", **more: Any) -> str:
        """A post; its name."""
        return self._add("t3", sub, {"title": title, "selftext": text, "num_comments": 0, **more})

    def comment(self, parent: str, text: str) -> str:
        """A comment on a thing; its name."""
        above = self.things[parent]
        link = above.get("link_id", parent)
        self.things[link]["num_comments"] += 1
        return self._add("t1", above["subreddit"], {"body": text, "parent_id": parent, "link_id": link})

    def delete(self, name: str) -> None:
        """Its author takes it back: the listings forget it, `info` says so."""
        thing = self.things[name]
        thing |= {"author": "[deleted]", "selftext" if name.startswith("t3") else "body": "[deleted]", "gone": True}

    def edit(self, name: str, text: str) -> None:
        """Its author writes something else."""
        self.things[name] |= {"edited": self._clock() / 1000, "selftext" if name.startswith("t3") else "body": text}

    def _add(self, kind: str, sub: str, fields: dict[str, Any]) -> str:
        self._number += self.rng.randrange(1, 50)
        name = f"{kind}_{_base36(self._number)}"
        self.things[name] = {
            "name": name,
            "id": name[3:],
            "author": f"user{self._number % 89}",
            "subreddit": sub,
            "created_utc": float(self._clock() // 1000),
            "score": 1,
            "edited": False,
            "permalink": f"/r/{sub}/comments/{name[3:]}/x/",
            **fields,
        }
        return name

    # ---- the wire

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        self.agents.add(request.headers.get("user-agent", ""))
        await asyncio.sleep(0.1)
        if self.stalled is not None:
            await self.stalled.wait()
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "cut":
            raise httpx.ReadError("reset", request=request)
        if fault == "slow":
            await asyncio.sleep(20)
        if fault == "forgets":
            self.tokens.clear()
        if fault.isdecimal():
            return said(request, int(fault), b'{"message": "no"}', self._headers())
        if fault == "page":
            return said(request, 200, b"<html><body>Our CDN was unable to reach our servers</body></html>")
        if request.url.path == "/api/v1/access_token":
            return self._token(request)
        if self.tokens.get(request.headers.get("authorization", "").removeprefix("bearer "), 0) <= self._clock():
            return said(request, 401, b'{"message": "Unauthorized", "error": 401}')
        return self._answer(request, fault)

    def _token(self, request: httpx.Request) -> httpx.Response:
        basic = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if request.method != "POST" or request.content != b"grant_type=client_credentials":
            return said(request, 400, b'{"error": "unsupported_grant_type"}')
        if request.headers.get("authorization") != basic:
            return said(request, 401, b'{"message": "Unauthorized", "error": 401}')
        token = f"made-up-token-{self.rng.getrandbits(64):x}"
        self.tokens[token] = self._clock() + self.token_s * 1000
        body = {"access_token": token, "token_type": "bearer", "expires_in": self.token_s, "scope": "*"}
        return said(request, 200, json.dumps(body).encode())

    def _headers(self) -> dict[str, str]:
        """The limit, as it stands after this request."""
        window = self._clock() // 1000 // self.window_s
        self.asked_in_window = self.asked_in_window + 1 if window == self._window else 1
        self._window = window
        left_s = self.window_s - self._clock() // 1000 % self.window_s
        return {
            "X-Ratelimit-Used": str(self.asked_in_window),
            "X-Ratelimit-Remaining": f"{max(0, self.limit - self.asked_in_window)}.0",
            "X-Ratelimit-Reset": str(left_s),
        }

    def _answer(self, request: httpx.Request, fault: str) -> httpx.Response:
        headers = self._headers()
        if self.asked_in_window > self.limit:
            return said(request, 429, b'{"message": "Too Many Requests", "error": 429}', headers)
        parts = urlsplit(str(request.url))
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        path = parts.path.strip("/").split("/")
        if path[0] == "r" and path[1] in self.private:
            return said(request, 403, b'{"reason": "private", "message": "Forbidden", "error": 403}', headers)
        if path == ["api", "info"]:
            listed = [self.things[name] for name in asked["id"].split(",") if name in self.things]
            return said(request, 200, self._listing(listed, None), headers)
        listed, after = self._page(path, asked)
        body = self._listing(listed, after)
        if fault == "torn":
            return said(request, 200, body, headers, cut=True)
        if fault == "half":
            return said(request, 200, body[: len(body) // 2], headers)
        if fault == "bytes":
            body = body.replace(b"Acme", b"Acm\xe9\\ud800", 1)
        self.shown |= {one["name"] for one in listed}
        return said(request, 200, body, headers)

    def _page(self, path: list[str], asked: dict[str, str]) -> tuple[list[dict[str, Any]], str | None]:
        kind = "t1" if path[-1] == "comments" else "t3"
        things = [
            one
            for one in self.things.values()
            if one["name"].startswith(kind)
            and not one.get("gone")
            and (path[0] == "search" or one["subreddit"] == path[1])
            and (path[0] != "search" or asked["q"].lower() in one["title"].lower())
        ]
        things.sort(key=lambda one: (one["created_utc"], one["name"]), reverse=True)
        things = things[:DEPTH]
        names = [one["name"] for one in things]
        start = names.index(asked["after"]) + 1 if asked.get("after") in names else 0
        end = start + int(asked.get("limit", "25"))
        return things[start:end], names[end - 1] if end < len(names) else None

    def _listing(self, things: list[dict[str, Any]], after: str | None) -> bytes:
        children: list[Any] = [{"kind": one["name"][:2], "data": one} for one in things]
        return json.dumps({"kind": "Listing", "data": {"after": after, "children": children + self.spoilt}}).encode()


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits


class RedditStage(Stalls):
    """The platform for the laws; see `tests.sources.laws.Stage`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.platform = FakeReddit(world.around.clock, world.rng)
        self._names: list[str] = []
        self._deleted: list[Said] = []

    def source(self) -> Reddit:
        options = RedditOptions(CLIENT, AGENT, ("acme",), ("acme",), recheck_s=120.0, requests_a_minute=90)
        web = Web(transport=Lasting(self.platform))
        return Reddit(NAME, options, web=web, around=self._world.around, client_secret=SECRET)

    async def play(self, seconds: float) -> None:
        rng, platform = self._world.rng, self.platform
        platform.token_s = 1_200
        end_ms = now_ms() + seconds * 1000
        while now_ms() < end_ms:
            await asyncio.sleep(rng.expovariate(1 / 12))
            self._write()
            for _ in range(1_150 if rng.random() < 0.004 else 0):
                self._names.append(platform.post("acme", f"Acme, all of you {rng.random()}"))
            self._mourn()
            if rng.random() < 0.08:
                faults = ["cut", "torn", "half", "page", "bytes", "slow", "forgets", "429", "500", "503"]
                platform.faults += rng.choices(faults, k=rng.randrange(1, 4))
            await self.perhaps_stall(rng, 30, 400)
        platform.faults.clear()

    def _write(self) -> None:
        rng, platform = self._world.rng, self.platform
        if self._names and rng.random() < 0.5:
            self._names.append(platform.comment(rng.choice(self._names), f"Same with Acme here {rng.random()}"))
        else:
            sub = rng.choice(["acme", "acme", "other"])
            self._names.append(platform.post(sub, f"Acme again {rng.random()}", "It has been down since noon"))
        if rng.random() < 0.02 and self._is_ours(self._names[-1]):
            self._world.threads.incidents.append(f"{NAME}:{self._names[-1]}")

    def _mourn(self) -> None:
        """Somebody deletes what was there for long enough to have been read."""
        rng = self._world.rng
        old = [
            name
            for name in self._names
            if now_ms() - self.platform.things[name]["created_utc"] * 1000 > 1_800_000
            and not self.platform.things[name].get("gone")
            and self._is_ours(name)
            and name in self.platform.shown
        ]
        if not old or rng.random() > 0.05:
            return
        name = rng.choice(old)
        self.platform.delete(name)
        if f"{NAME}:{name}" not in self._world.threads.incidents:
            self._world.threads.incidents.append(f"{NAME}:{name}")
        self._deleted.append(Said("delete", f"{NAME}:{name}", now_ms()))

    def _is_ours(self, name: str) -> bool:
        """Comments elsewhere are in no listing that is read."""
        return name.startswith("t3") or self.platform.things[name]["subreddit"] == "acme"

    def said(self) -> list[Said]:
        created = [
            Said("create", f"{NAME}:{name}", int(self.platform.things[name]["created_utc"] * 1000), gone=not was_shown)
            for name in self._names
            if self._is_ours(name)
            for was_shown in [name in self.platform.shown]
        ]
        return created + self._deleted

    def say(self) -> Said:
        self._names.append(self.platform.post("acme", f"Acme {self._world.rng.random()}"))
        return Said("create", f"{NAME}:{self._names[-1]}", now_ms())

    def spoil(self) -> int:
        self.platform.spoilt += [{"kind": "more", "data": {}}, 7, {"kind": "t3", "data": {"name": "t3_"}}]
        return 3


CASE = Case(
    NAME,
    "capped",
    RedditStage,
    secrets=(SECRET, base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode(), "made-up-token"),
    loose=frozenset({"engagement", "update"}),
    ahead=5,
)
