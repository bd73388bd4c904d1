"""YouTube's comments, as the wire of its API is: threads by time, a few answers with each, pages by token, units of a
day of California's, and refusals that say their reason.
"""

import asyncio
import json
import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from stream.codec import rfc3339
from stream.sources.web import Web
from stream.sources.youtube import YouTube, YouTubeOptions
from tests.fakes.sources.served import Lasting
from tests.fakes.sources.wire import Stalls, answered
from tests.sources.laws import Case, Said, World
from tests.sources.virtual import now_ms

NAME = "tube"
KEY = "AIza-key-of-a-test-7be1"
CHANNEL = "UCacmeacmeacmeacmeacme01"
SHOWN = 5
"""Answers that come with a thread: the newest of them."""


class FakeYouTube(httpx.AsyncBaseTransport):
    """The platform: `comment`, `answer`, `change` and `remove` are what people do."""

    def __init__(self, clock: Callable[[], int], rng: random.Random, *, units: int = 10_000) -> None:
        self._clock = clock
        self._rng = rng
        self._number = 0
        self._units = units
        self.spent: dict[str, int] = {}
        """Units by day of California's (eight hours behind, as in winter)."""
        self.comments: dict[str, dict[str, Any]] = {}
        self.spoilt: list[Any] = []
        self.faults: list[str] = []
        self.stalled: asyncio.Event | None = None
        self.asked = 0
        self.addresses: list[str] = []

    def comment(self, text: str, *, channel: str = CHANNEL) -> str:
        """A comment of its own."""
        return self._add(f"Ug{self._next():05d}", text, channel=channel, thread="")

    def answer(self, thread: str, text: str) -> str:
        """An answer to one."""
        return self._add(f"{thread}.{self._next():05d}", text, channel=self.comments[thread]["channel"], thread=thread)

    def change(self, own_id: str, text: str) -> None:
        """Its author writes it anew."""
        self.comments[own_id] |= {"text": text, "changed_ms": self._clock() // 1000 * 1000}

    def remove(self, own_id: str) -> None:
        """It is gone, and its answers with it."""
        self.comments = {name: one for name, one in self.comments.items() if own_id not in (name, one["thread"])}

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _add(self, own_id: str, text: str, **more: Any) -> str:
        at_ms = self._clock() // 1000 * 1000
        self.comments[own_id] = {"id": own_id, "text": text, "at_ms": at_ms, "changed_ms": at_ms, "likes": 0, **more}
        return own_id

    # ---- the wire

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        self.addresses.append(str(request.url))
        await asyncio.sleep(0.05)
        if self.stalled is not None:
            await self.stalled.wait()
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "reset":
            raise httpx.ReadError("reset", request=request)
        if fault == "hurried":
            return _refused(403, "rateLimitExceeded", "usageLimits")
        if fault.isdecimal():
            return answered(int(fault), b"no")
        if request.headers.get("x-goog-api-key") != KEY:
            return _refused(400, "badRequest", "global", detail="API_KEY_INVALID")
        day = (datetime.fromtimestamp(self._clock() / 1000, UTC) - timedelta(hours=8)).date().isoformat()
        if self.spent.get(day, 0) >= self._units:
            return _refused(403, "quotaExceeded", "youtube.quota")
        self.spent[day] = self.spent.get(day, 0) + 1
        body = json.dumps(self._answer(request.url.path, dict(request.url.params))).encode()
        body = b"<html>" if fault == "page" else b"\xff" + body if fault == "latin" else body
        return answered(200, body, slow=fault == "slow", cut=fault == "cut")

    def _answer(self, path: str, asked: Mapping[str, str]) -> dict[str, Any]:
        if path == "/youtube/v3/comments":
            return self._comments(asked)
        assert path == "/youtube/v3/commentThreads"
        heads = [one for one in self.comments.values() if not one["thread"]]
        if "id" in asked:
            ids = asked["id"].split(",")
            assert len(ids) <= 50
            return {"items": [self._thread(one) for one in heads if one["id"] in ids]}
        heads = [one for one in heads if one["channel"] == asked["allThreadsRelatedToChannelId"]]
        heads.sort(key=lambda one: (one["at_ms"], one["id"]), reverse=True)
        page, token = self._page(heads, asked)
        items = [self._thread(one) for one in page] + ([] if "pageToken" in asked else self.spoilt)
        return {"kind": "youtube#commentThreadListResponse", "items": items, **token}

    def _comments(self, asked: Mapping[str, str]) -> dict[str, Any]:
        if "id" in asked:
            ids = asked["id"].split(",")
            return {"items": [self._resource(one) for one in self.comments.values() if one["id"] in ids]}
        answers = [one for one in self.comments.values() if one["thread"] == asked["parentId"]]
        page, token = self._page(answers, asked)
        return {"items": [self._resource(one) for one in page], **token}

    def _page(self, found: list[Any], asked: Mapping[str, str]) -> tuple[list[Any], dict[str, str]]:
        start, size = int(asked.get("pageToken", "0")), int(asked["maxResults"])
        more = {"nextPageToken": str(start + size)} if len(found) > start + size else {}
        return found[start : start + size], more

    def _thread(self, head: Mapping[str, Any]) -> dict[str, Any]:
        answers = [one for one in self.comments.values() if one["thread"] == head["id"]]
        thread: dict[str, Any] = {
            "kind": "youtube#commentThread",
            "id": head["id"],
            "snippet": {
                "videoId": "abc-def_123",
                "topLevelComment": self._resource(head),
                "canReply": True,
                "totalReplyCount": len(answers),
                "isPublic": True,
            },
        }
        if answers:
            thread["replies"] = {"comments": [self._resource(one) for one in reversed(answers[-SHOWN:])]}
        return thread

    def _resource(self, one: Mapping[str, Any]) -> dict[str, Any]:
        parent = {"parentId": one["thread"]} if one["thread"] else {}
        return {
            "kind": "youtube#comment",
            "id": one["id"],
            "snippet": {
                "videoId": "abc-def_123",
                "textDisplay": one["text"],
                "authorDisplayName": f"@u{one['id'][-2:]}",
                "authorChannelId": {"value": f"UC{one['id'][-2:]}"},
                "likeCount": one["likes"],
                "publishedAt": rfc3339(one["at_ms"]),
                "updatedAt": rfc3339(one["changed_ms"]),
                **parent,
            },
        }


def _refused(status: int, reason: str, domain: str, *, detail: str = "") -> httpx.Response:
    error: dict[str, Any] = {"code": status, "errors": [{"message": "no", "domain": domain, "reason": reason}]}
    if detail:
        error["details"] = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": detail}]
    return answered(status, json.dumps({"error": error}).encode())


class YouTubeStage(Stalls):
    """The platform for the laws; see `tests.sources.laws.Stage`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.platform = FakeYouTube(world.around.clock, world.rng)
        self._said: list[Said] = []
        self._heads: list[str] = []

    def source(self) -> YouTube:
        options = YouTubeOptions((CHANNEL,), poll_s=60.0, recheck_s=300.0)
        web = Web(transport=Lasting(self.platform))
        return YouTube(NAME, options, web=web, around=self._world.around, api_key=KEY)

    async def play(self, seconds: float) -> None:
        rng, platform = self._world.rng, self.platform
        end_ms = now_ms() + seconds * 1000
        while now_ms() < end_ms:
            await asyncio.sleep(rng.expovariate(1 / 12))
            if self._heads and rng.random() < 0.5:
                # Most answers go to a few comments: more than come with them.
                thread = rng.choice(self._heads[-30:][:3] + self._heads[-1:])
                self._said.append(Said("create", f"{NAME}:{platform.answer(thread, f'no {rng.random()}')}", now_ms()))
            else:
                self.say()
            self._change()
            if rng.random() < 0.08:
                faults = ["reset", "cut", "page", "latin", "slow", "429", "hurried", "500", "503"]
                platform.faults += rng.choices(faults, k=rng.randrange(1, 4))
            await self.perhaps_stall(rng, 30, 400)
        platform.faults.clear()

    def _change(self) -> None:
        """An author changes a comment that was there for a while, or takes one back that an incident is about."""
        rng, platform = self._world.rng, self.platform
        old = [own_id for own_id in self._heads[-60:-20] if now_ms() - platform.comments[own_id]["at_ms"] > 700_000]
        if not old or rng.random() > 0.05:
            return
        own_id = rng.choice(old)
        if rng.random() < 0.5:
            platform.change(own_id, f"what I mean {rng.random()}")
            self._said.append(Said("update", f"{NAME}:{own_id}", now_ms()))
        elif not any(one["thread"] == own_id for one in platform.comments.values()):
            self._heads.remove(own_id)
            self._world.threads.incidents.append(f"{NAME}:{own_id}")
            platform.remove(own_id)
            self._said.append(Said("delete", f"{NAME}:{own_id}", now_ms()))

    def said(self) -> list[Said]:
        # What its author took back before anybody could list it was never to be had.
        removed = {one.id for one in self._said if one.kind == "delete"}
        return [one._replace(gone=one.gone or (one.kind == "create" and one.id in removed)) for one in self._said]

    def say(self) -> Said:
        self._heads.append(self.platform.comment(f"it broke {self._world.rng.random()}"))
        said = Said("create", f"{NAME}:{self._heads[-1]}", now_ms())
        self._said.append(said)
        return said

    def spoil(self) -> int:
        self.platform.spoilt += [7, {"id": "x"}, {"snippet": {"topLevelComment": {"id": "Ugx", "snippet": {}}}}]
        return 3


CASE = Case(NAME, "capped", YouTubeStage, secrets=(KEY,))
