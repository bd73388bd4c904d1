"""GDELT's DOC 2.0 search as its wire is: quarters of an hour, 250 articles, errors as text, one request in 5 s."""

import asyncio
import calendar
import json
import random
import time
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import httpx

from stream.sources.gdelt import Gdelt, GdeltOptions
from stream.sources.links import link_id
from stream.sources.web import Web
from tests.fakes.sources.served import Lasting, said
from tests.fakes.sources.wire import Stalls
from tests.sources.laws import Case, Said, World
from tests.sources.virtual import now_ms

NAME = "world"
SLOT_MS = 900_000
LANGUAGES = ("English", "Dutch", "Spanish", "NorwegianNynorsk", "Klingon")


class News:
    """An article that GDELT has found."""

    def __init__(self, number: int, seen_ms: int, findable_ms: int, title: str) -> None:
        self.number = number
        self.seen_ms = seen_ms
        self.findable_ms = findable_ms
        self.title = title
        self.url = f"https://www.news{number % 9}.example/a/{number}?utm_campaign=x"
        self.shown = False
        """Whether it stood in an answer that was whole."""

    @property
    def id(self) -> str:
        """As stored."""
        return f"{NAME}:{link_id(self.url)}"


class FakeGdelt(httpx.AsyncBaseTransport):
    """The platform. `find` is what it finds; `faults` are what becomes of the next answers."""

    def __init__(self, clock: Callable[[], int], rng: random.Random) -> None:
        self._clock = clock
        self.rng = rng
        self.news: list[News] = []
        self.asked = 0
        self.too_soon = 0
        """Requests within five seconds of the one before."""
        self.windows: list[tuple[str, str]] = []
        self.faults: list[str] = []
        self.stalled: asyncio.Event | None = None
        self.spoilt: list[str] = []
        self.late_ms = 0
        """So long after it was found an article can be searched for."""
        self._last_ms = 0

    def find(self, title: str = "") -> News:
        """Find an article: it bears the time of its quarter of an hour."""
        number = len(self.news) + 1
        seen_ms = self._clock() // SLOT_MS * SLOT_MS
        self.news.append(
            News(number, seen_ms, self._clock() + self.late_ms, title or f"Acme under fire , again {number}")
        )
        return self.news[-1]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        soon = self._clock() - self._last_ms < 5_000
        self._last_ms = self._clock()
        await asyncio.sleep(0.3)
        if self.stalled is not None:
            await self.stalled.wait()
        if soon:
            self.too_soon += 1
            return said(request, 429, b"Please limit requests to one every 5 seconds or contact us for larger queries.")
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "cut":
            raise httpx.ReadError("reset", request=request)
        if fault == "slow":
            await asyncio.sleep(20)
        if fault.isdecimal():
            return said(request, int(fault), b"no")
        if fault == "busy":
            return said(request, 200, b"Please limit requests to one every 5 seconds or contact us for larger queries.")
        if fault == "page":
            return said(request, 200, b"<html><body><h1>Service Unavailable</h1></body></html>")
        return self._searched(request, fault)

    def _searched(self, request: httpx.Request, fault: str) -> httpx.Response:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(str(request.url)).query).items()}
        if len(asked["query"]) < 3:
            return said(request, 200, b"Your query was too short or too long.\n")
        assert (asked["mode"], asked["format"], asked["sort"]) == ("artlist", "json", "datedesc")
        self.windows.append((asked["startdatetime"], asked["enddatetime"]))
        since_ms, until_ms = (
            calendar.timegm(time.strptime(asked[name], "%Y%m%d%H%M%S")) * 1000
            for name in ("startdatetime", "enddatetime")
        )
        found = [
            one
            for one in self.news
            if since_ms <= one.seen_ms <= until_ms
            and one.findable_ms <= self._clock()
            and asked["query"].lower() in one.title.lower()
        ]
        found.sort(key=lambda one: (one.seen_ms, one.number), reverse=True)
        listed = found[: min(250, int(asked["maxrecords"]))]
        articles = [json.dumps(self._shown(one)) for one in listed] + self.spoilt
        body = f'{{"articles": [ {", ".join(articles)} ] }}'.encode() if articles else b"{}\n"
        if fault == "torn":
            return said(request, 200, body, cut=True)
        if fault == "half":
            return said(request, 200, body[: len(body) // 2])
        if fault == "raw":
            body = body.replace(b"under fire", b"under \\fire\x01 \\'x\xff", 1)
        for one in listed:
            one.shown = True
        return said(request, 200, body, {"Content-Type": "application/json; charset=utf-8"})

    def _shown(self, one: News) -> dict[str, str]:
        return {
            "url": one.url,
            "url_mobile": "",
            "title": one.title,
            "seendate": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(one.seen_ms // 1000)),
            "socialimage": "",
            "domain": f"news{one.number % 9}.example",
            "language": LANGUAGES[one.number % len(LANGUAGES)],
            "sourcecountry": "Netherlands",
        }


class GdeltStage(Stalls):
    """The platform for the laws; see `tests.sources.laws.Stage`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.platform = FakeGdelt(world.around.clock, world.rng)

    def source(self) -> Gdelt:
        web = Web(transport=Lasting(self.platform))
        return Gdelt(NAME, GdeltOptions(("acme", "fire"), poll_s=120.0), web=web, around=self._world.around)

    async def play(self, seconds: float) -> None:
        rng, platform = self._world.rng, self.platform
        end_ms = now_ms() + seconds * 1000
        while now_ms() < end_ms:
            await asyncio.sleep(rng.expovariate(1 / 12))
            platform.late_ms = rng.choice([0, 0, 60_000, 1_200_000])
            for _ in range(400 if rng.random() < 0.005 else 1):
                platform.find()
            if rng.random() < 0.08:
                faults = ["cut", "torn", "half", "page", "raw", "slow", "busy", "429", "500", "503"]
                platform.faults += rng.choices(faults, k=rng.randrange(1, 4))
            await self.perhaps_stall(rng, 30, 400)
        platform.faults.clear()
        platform.late_ms = 0

    def said(self) -> list[Said]:
        return [Said("create", one.id, one.seen_ms, gone=not one.shown) for one in self.platform.news]

    def say(self) -> Said:
        one = self.platform.find()
        return Said("create", one.id, one.seen_ms)

    def spoil(self) -> int:
        self.platform.spoilt += ['{"title": "no link"}', '"\\ud800"', "[]"]
        return 3


CASE = Case(NAME, "sampled", GdeltStage, settle_s=2_000.0)
"""What is found twenty minutes late is there twenty minutes later."""
