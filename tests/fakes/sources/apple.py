"""The shops' feeds of reviews, as their wire is: pages of fifty, ten at most, newest first; one entry as an object,
none as nothing; the app itself before them, perhaps; nothing at all for a moment, or 403 to whoever hurries.
"""

import asyncio
import json
import random
import re
from collections.abc import Callable
from typing import Any

import httpx

from stream.codec import rfc3339
from stream.sources.apple_reviews import AppleReviews, AppleReviewsOptions
from stream.sources.web import Web
from tests.fakes.sources.served import Lasting
from tests.fakes.sources.wire import Stalls, answered
from tests.sources.laws import Case, Said, World
from tests.sources.virtual import now_ms

NAME = "apps"
APP = "123456789"
_PATH = re.compile(r"/([a-z]{2})/rss/customerreviews/page=(\d+)/id=(\d+)/sortby=mostrecent/json\Z")


class FakeShops(httpx.AsyncBaseTransport):
    """The platform: `review`, `change` and `remove` are what people do; `faults` what goes wrong with its answers."""

    def __init__(self, clock: Callable[[], int], rng: random.Random) -> None:
        self._clock = clock
        self._rng = rng
        self._number = 11_000_000_000
        self.reviews: dict[str, dict[str, Any]] = {}
        self.spoilt: list[Any] = []
        self.faults: list[str] = []
        self.stalled: asyncio.Event | None = None
        self.asked = 0
        self.app_first = False
        self.without_times = False

    def review(self, text: str, *, rating: int = 1, country: str = "nl", shown_in_s: float = 0.0) -> str:
        """A review; it shows up only some time after."""
        self._number += self._rng.randrange(1, 9)
        at_ms = self._clock() // 1000 * 1000
        own_id = str(self._number)
        self.reviews[own_id] = {
            "id": own_id,
            "country": country,
            "text": text,
            "rating": rating,
            "at_ms": at_ms,
            "shown_ms": at_ms + int(shown_in_s * 1000),
        }
        return own_id

    def change(self, own_id: str, text: str) -> None:
        """Its author writes it anew: it goes to the front."""
        self.reviews[own_id] |= {"text": text, "at_ms": self._clock() // 1000 * 1000}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        await asyncio.sleep(0.05)
        if self.stalled is not None:
            await self.stalled.wait()
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "reset":
            raise httpx.ReadError("reset", request=request)
        if fault.isdecimal():
            return answered(int(fault), b"<html>no</html>")
        wanted = _PATH.search(request.url.path)
        if wanted is None or wanted[3] != APP:
            return answered(400, b"no such app")
        body = json.dumps(self._feed(wanted[1], int(wanted[2]), empty=fault == "empty")).encode()
        body = b"<html></html>" if fault == "page" else b"\xff" + body if fault == "latin" else body
        return answered(200, body, {"Content-Type": "text/javascript"}, slow=fault == "slow", cut=fault == "cut")

    def _feed(self, country: str, page: int, *, empty: bool) -> dict[str, Any]:
        now = self._clock()
        shown = [one for one in self.reviews.values() if one["country"] == country and one["shown_ms"] <= now]
        shown.sort(key=lambda one: (one["at_ms"], int(one["id"])), reverse=True)
        entries: list[Any] = [self._entry(one) for one in shown[(page - 1) * 50 : page * 50]]
        if page > 10 or empty:
            entries = []
        if page == 1 and entries:
            entries += self.spoilt
            if self.app_first:
                entries.insert(
                    0, {"im:name": {"label": "Acme"}, "im:artist": {"label": "Acme BV"}, "id": {"label": "x"}}
                )
        feed: dict[str, Any] = {"author": {"name": {"label": "iTunes Store"}}, "updated": {"label": rfc3339(now)}}
        if entries:
            feed["entry"] = entries[0] if len(entries) == 1 else entries
        return {"feed": feed}

    def _entry(self, one: dict[str, Any]) -> dict[str, Any]:
        own_id = one["id"]
        entry = {
            "author": {
                "uri": {"label": f"https://itunes.apple.com/nl/reviews/id{own_id}"},
                "name": {"label": f"u{own_id}"},
                "label": "",
            },
            "im:version": {"label": "3.4.3"},
            "im:rating": {"label": str(one["rating"])},
            "id": {"label": own_id},
            "title": {"label": "My view"},
            "content": {"label": one["text"], "attributes": {"type": "text"}},
            "link": {"attributes": {"rel": "related", "href": f"https://itunes.apple.com/nl/review?id={APP}"}},
            "im:voteSum": {"label": "2"},
            "im:voteCount": {"label": "3"},
            "updated": {"label": rfc3339(one["at_ms"]).replace("Z", "-00:00")},
        }
        if self.without_times:
            del entry["updated"]
        return entry


class AppleStage(Stalls):
    """The platform for the laws; see `tests.sources.laws.Stage`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.platform = FakeShops(world.around.clock, world.rng)
        for number in range(120):
            own_id = self.platform.review(f"before {number}", country="nl")
            self.platform.reviews[own_id]["at_ms"] -= (number + 1) * 1_800_000
        self._said: list[Said] = []

    def source(self) -> AppleReviews:
        options = AppleReviewsOptions((APP,), ("nl", "be"), poll_s=60.0)
        return AppleReviews(NAME, options, web=Web(transport=Lasting(self.platform)), around=self._world.around)

    async def play(self, seconds: float) -> None:
        rng, platform = self._world.rng, self.platform
        await asyncio.sleep(10)
        end_ms = now_ms() + seconds * 1000
        while now_ms() < end_ms:
            await asyncio.sleep(rng.expovariate(1 / 25))
            self.say(shown_in_s=rng.choice([0, 0, 30, 900]))
            if rng.random() < 0.1:
                own_id = rng.choice([said.id for said in self._said if said.kind == "create"]).removeprefix(f"{NAME}:")
                if now_ms() - platform.reviews[own_id]["shown_ms"] > 600_000:
                    platform.change(own_id, f"changed {rng.random()}")
                    self._said.append(Said("update", f"{NAME}:{own_id}", now_ms()))
            if rng.random() < 0.1:
                faults = ["reset", "cut", "page", "latin", "slow", "403", "500", "503", "empty"]
                platform.faults += rng.choices(faults, k=rng.randrange(1, 4))
            if rng.random() < 0.02:
                self.stall()
                await asyncio.sleep(rng.uniform(30, 200))
                self.heal()
        platform.faults.clear()

    def said(self) -> list[Said]:
        return list(self._said)

    def say(self, *, shown_in_s: float = 0.0) -> Said:
        rng = self._world.rng
        own_id = self.platform.review(
            f"bad {rng.random()}", rating=rng.randint(1, 5), country=rng.choice(["nl", "be"]), shown_in_s=shown_in_s
        )
        said = Said("create", f"{NAME}:{own_id}", now_ms())
        self._said.append(said)
        return said

    def spoil(self) -> int:
        self.platform.spoilt += [7, {"id": {"label": 7}}, {"id": {"label": "8"}, "im:rating": {"label": "1"}}]
        return 3


CASE = Case(NAME, "full", AppleStage, settle_s=2_400.0)
