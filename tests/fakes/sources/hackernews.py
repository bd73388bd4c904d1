"""Hacker News and Algolia's search of it, as their wires are: hits by date, a thousand at most, items by number."""

import asyncio
import json
import random
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from stream.sources.hackernews import HackerNews, HackerNewsOptions
from stream.sources.web import Web
from tests.fakes.sources.served import Lasting
from tests.fakes.sources.wire import Stalls, answered
from tests.sources.laws import Case, Said, World
from tests.sources.virtual import now_ms

NAME = "hn"
SHOWN = 1_000


class FakeHackerNews(httpx.AsyncBaseTransport):
    """The platform: `post`, `comment` and `remove` are what people do; `faults` what goes wrong with its answers."""

    def __init__(self, clock: Any, rng: random.Random) -> None:
        self._clock = clock
        self._rng = rng
        self._number = 40_000_000
        self.items: dict[int, dict[str, Any]] = {}
        self.asked = 0
        self.faults: list[str] = []
        """What becomes of the next answers, in order."""
        self.stalled: asyncio.Event | None = None
        self.spoilt: list[str] = []
        """Raw hits that stand among the good ones."""
        self.index_s = 0.0
        """So long after it is written the next post is found."""

    # ---- what people do

    def post(self, title: str, text: str | None = None) -> int:
        """A story."""
        return self._add({"type": "story", "title": title, "story_text": text, "points": 1, "num_comments": 0})

    def comment(self, parent: int, text: str) -> int:
        """A comment on an item."""
        story = self.items[parent].get("story_id", parent)
        self.items[story]["num_comments"] += 1
        return self._add({"type": "comment", "comment_text": text, "parent_id": parent, "story_id": story})

    def remove(self, number: int) -> None:
        """An author takes an item back: the search forgets it, the item says so."""
        self.items[number]["deleted"] = True

    def _add(self, fields: Mapping[str, Any]) -> int:
        self._number += self._rng.randrange(1, 40)
        at_s = self._clock() // 1000
        known = {"number": self._number, "at_s": at_s, "found_s": at_s + self.index_s}
        self.items[self._number] = {**known, "author": f"u{self._number % 97}", **fields}
        return self._number

    # ---- the wire

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        await asyncio.sleep(0.05)
        if self.stalled is not None:
            await self.stalled.wait()
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "reset":
            raise httpx.ReadError("reset", request=request)
        if fault.isdecimal():
            return answered(int(fault), b"no", {"Retry-After": "30"} if fault == "429" else {})
        status, body = self.answer(str(request.url))
        if fault == "half":
            body = body[: len(body) // 2]
        if fault == "page":
            body = b"<html><body>Application error</body></html>"
        if fault == "latin":
            body = b"\xff\xfe" + body
        return answered(status, body, {"Content-Type": "application/json"}, slow=fault == "slow", cut=fault == "cut")

    def answer(self, url: str) -> tuple[int, bytes]:
        """What an address answers."""
        parts = urlsplit(url)
        if parts.path.startswith("/v0/item/"):
            return 200, json.dumps(self._item(int(parts.path.split("/")[-1].removesuffix(".json")))).encode()
        if parts.path != "/api/v1/search_by_date":
            return 404, b'{"message":"Not found"}'
        return 200, self._search({name: values[0] for name, values in parse_qs(parts.query).items()})

    def _item(self, number: int) -> dict[str, Any] | None:
        item = self.items.get(number)
        if item is None:
            return None
        said = {"id": number, "type": item["type"], "time": item["at_s"]}
        if item.get("deleted"):
            return said | {"deleted": True}
        counts = {"score": item["points"], "descendants": item["num_comments"]} if item["type"] == "story" else {}
        return said | {"by": item["author"]} | counts

    def _search(self, asked: Mapping[str, str]) -> bytes:
        since, until = 0, 1 << 60
        for rule in asked["numericFilters"].split(","):
            if rule.startswith("created_at_i>"):
                since = int(rule.removeprefix("created_at_i>"))
            else:
                until = int(rule.removeprefix("created_at_i<="))
        now_s = self._clock() / 1000
        found = [
            item
            for item in self.items.values()
            if since < item["at_s"] <= until
            and item["found_s"] <= now_s
            and not item.get("deleted")
            and asked["query"].lower() in self._words(item)
        ]
        found.sort(key=lambda item: (item["at_s"], item["number"]), reverse=True)
        size, page = int(asked["hitsPerPage"]), int(asked["page"])
        shown = found[:SHOWN][page * size : (page + 1) * size]
        hits = [json.dumps(self._hit(item)) for item in shown] + (self.spoilt if page == 0 else [])
        pages = -(-min(len(found), SHOWN) // size)
        head = f'"nbHits":{len(found)},"page":{page},"nbPages":{pages},"hitsPerPage":{size}'
        return f'{{"hits":[{",".join(hits)}],{head}}}'.encode()

    def _words(self, item: Mapping[str, Any]) -> str:
        return " ".join(str(item.get(name) or "") for name in ("title", "story_text", "comment_text")).lower()

    def _hit(self, item: Mapping[str, Any]) -> dict[str, Any]:
        shown = {"objectID": str(item["number"]), "created_at_i": item["at_s"], "author": item["author"]}
        fields = ("title", "story_text", "comment_text", "points", "num_comments", "story_id", "parent_id")
        return shown | {name: item[name] for name in fields if item.get(name) is not None} | {"_tags": [item["type"]]}


class HackerNewsStage(Stalls):
    """The platform for the laws; see `tests.sources.laws.Stage`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.platform = FakeHackerNews(world.around.clock, world.rng)
        self._said: list[Said] = []
        self._stories: list[int] = []

    def source(self) -> HackerNews:
        options = HackerNewsOptions(("acme",), poll_s=60.0)
        return HackerNews(NAME, options, web=Web(transport=Lasting(self.platform)), around=self._world.around)

    async def play(self, seconds: float) -> None:
        rng, platform = self._world.rng, self.platform
        end_ms = now_ms() + seconds * 1000
        while now_ms() < end_ms:
            await asyncio.sleep(rng.expovariate(1 / 12))
            platform.index_s = rng.choice([0, 0, 5, 90])
            if self._stories and rng.random() < 0.6:
                number = platform.comment(
                    rng.choice(self._stories), f"<p>I tried <b>ACME</b> &amp; left {rng.random()}"
                )
                self._said.append(Said("create", f"{NAME}:{number}", now_ms()))
            else:
                self.say()
            if rng.random() < 0.08:
                faults = ["reset", "cut", "half", "page", "latin", "slow", "429", "500", "503"]
                platform.faults += rng.choices(faults, k=rng.randrange(1, 4))
            await self.perhaps_stall(rng, 30, 400)
        platform.faults.clear()
        platform.index_s = 0.0

    def said(self) -> list[Said]:
        return list(self._said)

    def say(self) -> Said:
        self._stories.append(self.platform.post(f"Show HN: Acme {self._world.rng.random()}"))
        said = Said("create", f"{NAME}:{self._stories[-1]}", now_ms())
        self._said.append(said)
        return said

    def spoil(self) -> int:
        self.platform.spoilt += ['{"objectID": 7}', '"\\ud800"', "[]"]
        return 3


CASE = Case(NAME, "full", HackerNewsStage)
