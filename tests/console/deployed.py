"""A deployment of the test's own, with all that the pages of brands, flowchart, sources, drills and settings show.

Its works are real and its clock stands still; nothing of it listens, and nobody is told anything.
"""

import asyncio
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from stream.codec import DAY_MS, HOUR_MS, MINUTE_MS, parse_rfc3339
from stream.sources.contract import Batch, Gap
from tests.console.brand_samples import empty, history, troubled
from tests.console.samples import bad_night
from tocsin.console.acts import Acts
from tocsin.console.audit import Act, Audit
from tocsin.console.doors import Door, Visitor
from tocsin.console.pages import brand, drills, flowchart, settings, sources
from tocsin.console.render import Renderer
from tocsin.console.rooms import Rooms, rooms_over
from tocsin.console.seen_brand import BrandSeen, Span
from tocsin.console.statics import STATIC, Statics
from tocsin.console.wording import load
from tocsin.drill_file import DrillFile, DrillScore, Took, write_drill, write_score
from tocsin.handing import DRILLS
from tocsin.settings import load_settings
from tocsin.works import Works

AT_MS = parse_rfc3339("2026-11-25T11:20:00Z")
SECRET = "s3cret-of-the-tests"
ENVIRONMENT = {"TULPA_SECRET": SECRET, "X_TOKEN": SECRET, "SLACK_BOT_TOKEN": SECRET, "SLACK_SIGNING_SECRET": SECRET}

CONFIG = """\
timezone: Europe/Amsterdam
flowchart: chart.yaml
data: data
brands:
  - {name: Tulpatel, query: tulpatel, responders: {legal: bram}}
  - {name: Zeta Air, query: '"zeta air"', timezone: Europe/London, sources: [forum]}
sources:
  - {name: forum, type: webhook, secret_env: TULPA_SECRET}
  - {name: news, type: feeds, addresses: ["https://feeds.example/rss?token=s3cret-of-the-tests"]}
  - {name: hn, type: hackernews, queries: [tulpatel]}
  - {name: x, type: x, bearer_token_env: X_TOKEN, posts_a_month: 5000}
slack: {channel: C0000ROOM, mode: http, base_url: "http://127.0.0.1:9/api/"}
drill: {channel: C0000DRILL}
"""

CHART = """\
version: 1
owner: Head of communications
last_resort: [ana, bram]
responders:
  ana: {name: Ana Jansen, slack: U0000ANA}
  bram: {name: Bram de Wit, slack: U0000BRAM}
  chloe: {name: Chloe van den Berg, slack: U0000CHLOE}
rosters:
  press_rota:
    timezone: Europe/Amsterdam
    rotation: {people: [ana, bram, chloe], every: 1d, hand_over: "09:00", from: 2026-01-05}
    overrides:
      - {who: chloe, from: "2026-11-26T13:00", until: "2026-11-27T18:00", reason: "Bram is at a wedding"}
  desk_rota:
    timezone: Europe/Amsterdam
    rotation: {people: [bram], every: 1w, hand_over: "Monday 09:00", from: 2026-12-07}
roles:
  pr_on_call: {description: "Day and night the first to be woken", roster: press_rota}
  desk: {description: "Reads along", roster: desk_rota}
  legal: {people: [ana]}
entry:
  {viral_complaint: bad, backlash: bad, campaign_blunder: bad, data_security: wake, service_outage: wake, blind: wake}
nodes:
  bad:
    question: Is it bad enough to wake somebody?
    when: 'severity in ["high", "critical"]'
    yes: wake
    no: tell
  tell:
    notify: [desk]
    say: "Read along, and tell PR if it grows."
    then: noted
  wake:
    page: [pr_on_call]
    say: "Read the first three posts, then call legal."
    acknowledge_within: 10m
    then: had
    if_not_acknowledged: further
  further:
    page: [ana, bram]
    acknowledge_within: 10m
    then: had
    if_not_acknowledged: had
  noted: {end: "It is on record."}
  had: {end: "Somebody has it."}
"""

ANA = Visitor(name="ana@example.org", role="admin", responder="ana", csrf="token-of-ana")
LOOKER = Visitor(name="looks@example.org", role="viewer", csrf="token-of-looker")


class Deployed:
    """A deployment and a browser of sorts: `get` a page as some visitor."""

    def __init__(self, home: Path, works: Works, audit: Audit, started: list[str]) -> None:
        self.home = home
        self.works = works
        self.audit = audit
        self.started = started
        self.renderer = Renderer(load(), Statics())
        self.rooms: Rooms = rooms_over(
            works, audit, hears=works, counts=lambda: works.intake.counts, start_drill=self._start
        )
        self.desk: Any = SimpleNamespace(
            rooms=self.rooms,
            acts=Acts(works),
            words=self.renderer.words,
            language=self.renderer.language,
            render=self.renderer.page,
            seen=SimpleNamespace(brand=self._brand, now=lambda _brands: bad_night()),
        )

    async def _brand(self, name: str, span: Span) -> BrandSeen | None:
        """Made up: what is read of the core has tests of its own."""
        return troubled(history=history(span)) if name == "Acme Bank" else empty() if name == "Initech" else None

    def _start(self, who: str) -> str:
        self.started.append(who)
        return f"{who} started a drill in the channel C0000DRILL."

    def doors(self) -> list[Door]:
        """The ways in that are tried here."""
        return [door for page in (brand, flowchart, sources, drills, settings) for door in page.doors(self.desk)]

    def app(self, visitor: Visitor) -> Starlette:
        """All of them for one visitor; the gate has tests of its own."""

        def route(door: Door) -> Route:
            async def answer(request: Request) -> Response:
                if not visitor.may(door.needs):
                    return Response(status_code=403)
                return await door.handler(request, visitor)

            return Route(door.path, answer, methods=[door.method])

        static = Mount("/static", StaticFiles(directory=STATIC))
        return Starlette(routes=[*map(route, self.doors()), static])

    def get(self, path: str, visitor: Visitor = ANA, language: str = "en") -> httpx.Response:
        """The answer to a visitor who reads this language."""
        return self._asked("GET", path, visitor, language)

    def post(self, path: str, visitor: Visitor = ANA) -> httpx.Response:
        """The answer to a form without fields."""
        return self._asked("POST", path, visitor, "en")

    def _asked(self, method: str, path: str, visitor: Visitor, language: str) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app(visitor))
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                return await client.request(method, path, headers={"accept-language": language})

        return asyncio.run(ask())


@contextmanager
def deployed(home: Path, *, chart: str = CHART, environment: Mapping[str, str] = ENVIRONMENT) -> Iterator[Deployed]:
    """A deployment that has been there for a while."""
    (home / "chart.yaml").write_text(chart)
    (home / "tocsin.yaml").write_text(CONFIG)
    works = Works(load_settings(home / "tocsin.yaml", environment), lambda: AT_MS, terminal=io.StringIO())
    audit = Audit(home / "data")
    try:
        yield Deployed(home, works, audit, [])
    finally:
        audit.close()
        works.home.close()


def heard(works: Works) -> None:
    """One source that is heard, one that is refused, one that went silent with gaps; and what nobody could read."""
    places = works.home.places
    batch = Batch(known_until_ms=AT_MS - 20_000, costs={"requests": 1_440})
    places.keep("hn", batch, rows=1_234, bad=2, heard_ms=AT_MS - 15_000, at_ms=AT_MS, silent_after_ms=180_000)
    places.report("hn", "ok", AT_MS - DAY_MS)
    gaps = [
        Gap(AT_MS - 5 * HOUR_MS, AT_MS - 4 * HOUR_MS, "away", filled=True),
        Gap(AT_MS - HOUR_MS, AT_MS - 40 * MINUTE_MS, "rate_limited"),
    ]
    places.keep("news", Batch(gaps=gaps), rows=77, bad=0, heard_ms=AT_MS - HOUR_MS, at_ms=AT_MS)
    places.report("news", "silent", AT_MS - HOUR_MS)
    places.troubled("news", "feeds.example answers 503")
    places.keep("x", Batch(costs={"posts": 4_321}), rows=4_321, bad=0, heard_ms=AT_MS - MINUTE_MS, at_ms=AT_MS)
    places.report("x", "capped", AT_MS - MINUTE_MS)
    for reason, count in (("not_json", 3), ("no_text", 1)):
        for _ in range(count):
            works.home.dead.add("forum", reason, "a detail", b"body", AT_MS)
    works.home.dead.add("nobody-we-know", "unknown_source", "a detail", b"body", AT_MS)


def drilled(data: Path) -> None:
    """A drill that went well, one that did not, and one that died."""
    figures = (
        Took("detect", 240_000),
        Took("page", 30_000, 300_000, kept=True),
        Took("acknowledge", 95_000, 600_000, kept=True),
        Took("own", None),
        Took("statement", 2_400_000, 1_800_000, kept=False),
    )
    for number, (name, score) in enumerate(
        {
            "drill-good1": DrillScore(
                ended="the incident is resolved",
                ended_ms=AT_MS - DAY_MS + HOUR_MS,
                incident="drill-good1-tulpatel-1",
                brand="Tulpatel",
                scenario="service_outage",
                severity="high",
                paged=True,
                missed=False,
                figures=figures[:4],
            ),
            "drill-late2": DrillScore(
                ended="its time was over",
                ended_ms=AT_MS - 2 * DAY_MS,
                incident="drill-late2-tulpatel-1",
                brand="Tulpatel",
                scenario="viral_complaint",
                severity="critical",
                paged=True,
                missed=True,
                figures=figures,
            ),
            "drill-died3": None,
        }.items()
    ):
        directory = data / DRILLS / name
        directory.mkdir(parents=True)
        began_ms = AT_MS - (number + 1) * DAY_MS
        write_drill(
            directory,
            DrillFile(
                name=name,
                speed=10,
                core_ms=began_ms,
                wall_ms=began_ms,
                ends_ms=began_ms + HOUR_MS,
                brands=("Tulpatel",),
                pid=1,
            ),
        )
        if score is not None:
            write_score(directory, score)
            (directory / "review.html").write_text("<!doctype html><title>Review</title><h1>Review</h1>")


def acted(audit: Audit) -> None:
    """What some people did."""
    audit.add(Act(at_ms=AT_MS - HOUR_MS, who="ana@example.org", how="oidc", what="sign in", outcome="done"))
    audit.add(
        Act(
            at_ms=AT_MS - MINUTE_MS,
            who="looks@example.org",
            how="password",
            what="acknowledge",
            outcome="refused",
            why="may_not",
            incident="tulpatel-1764000000000",
            brand="Tulpatel",
        )
    )
