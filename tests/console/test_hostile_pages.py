"""In a real browser nothing of what the public, a colleague or a provider wrote runs, loads, steers or hides on a page.

Every page of the console is shown with read models in which each field that holds text is another attempt, found by
reflection; under our policy, and without it, for escaping alone must hold. What a judge of HTML sees is held too: there
is no element and no attribute but those that the same page has with ordinary words.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from playwright.async_api import Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from alerting.facts import BLIND, SCENARIOS
from alerting.flowchart import picture
from alerting.flowchart.load import load_chart
from alerting.flowchart.model import Chart
from tests.console.browser import chromium, needs_chromium, visitor
from tests.console.filling import Filling
from tests.console.living import START_MS
from tests.console.payloads import PAYLOADS
from tocsin.console import live
from tocsin.console.acts import Told
from tocsin.console.desk import Desk
from tocsin.console.doors import Door, Visitor
from tocsin.console.outer import Outer
from tocsin.console.pages import brand, drills, flowchart, incident, incidents, now, settings, sources
from tocsin.console.render import Renderer
from tocsin.console.seen import NowSeen
from tocsin.console.seen_brand import BrandSeen
from tocsin.console.seen_drills import DrillsSeen
from tocsin.console.seen_flowchart import FlowchartSeen
from tocsin.console.seen_incident import IncidentLine, IncidentSeen
from tocsin.console.seen_settings import SettingsSeen
from tocsin.console.seen_sources import SourcesSeen
from tocsin.console.statics import Statics
from tocsin.console.wording import load
from tocsin.serving import address_of, listener, opened, server_over

pytestmark = [pytest.mark.browser, pytest.mark.slow, needs_chromium]
STRIDE = 85
"""Each time every so many a string comes first; by `make proof` all of them do, so that each was in each field."""
ORDINARY = ("calm", "https://social.example/a/1")
PAGES = (
    "/now",
    "/incidents",
    "/incidents/a-0",
    "/incidents/a-0/flowchart",
    "/brands",
    "/brands/Acme",
    "/flowchart",
    "/sources",
    "/drills",
    "/settings",
)
DOM = """() => [...new Set([...document.querySelectorAll('*')]
  .map(e => e.localName + ' ' + e.getAttributeNames().filter(n => n !== 'open' && n !== 'style').sort().join(' ')))]"""
LEADS = """() => [...document.querySelectorAll('[href], [src], [action], [formaction], [srcset]')]
  .flatMap(e => ['href', 'src', 'action', 'formaction', 'srcset'].map(n => e[n] && e.hasAttribute(n) ? '' + e[n] : ''))
  .filter(v => v && !v.startsWith(location.origin + '/') && !/^https:.*(social|evil).example/.test(v))"""
"""Where a page leads beside its own place and the web: nowhere."""


def inline(drawing: str) -> str:
    """A drawing as an element of a page, without its own style."""
    head, _, rest = drawing.partition("<style>")
    return head + rest.partition("</style>")[2]


class Hostile:
    """Everything that a desk is asked, in words that are made to do harm."""

    def __init__(self) -> None:
        self.filling = Filling(ORDINARY, START_MS)

    # ---- `tocsin.console.desk.Sees`

    def version(self) -> object:
        """The words were changed."""
        return self.filling

    def now(self, _brands: object) -> NowSeen:
        """Every brand."""
        return self.filling.of(NowSeen, at_ms=START_MS)

    async def incident(self, _incident: str) -> IncidentSeen:
        """An incident."""
        return self.filling.of(IncidentSeen, at_ms=START_MS)

    async def brand(self, _brand: str, _span: str) -> BrandSeen:
        """A brand."""
        return self.filling.of(BrandSeen, at_ms=START_MS)

    async def incidents(self, _brands: object) -> list[IncidentLine]:
        """All of them."""
        return [self.filling.of(IncidentLine), self.filling.of(IncidentLine, ended_ms=0)]

    def drawing(self, _chart: str, walked: Sequence[str]) -> str:
        """A flowchart whose words they could write."""
        return picture.svg(chart_of([self.filling.text() for _ in range(9)]), walked)

    # ---- the rooms

    def seen_by(self, kind: type[msgspec.Struct], **changes: Any) -> Callable[..., Any]:
        """What a room shows."""
        return lambda *_args, **_named: self.filling.of(kind, at_ms=START_MS, **changes)

    def desk(self) -> Desk:
        """A desk over all of it, with the real templates and words."""
        renderer = Renderer(load(), Statics(), "en")
        rooms = SimpleNamespace(
            charts=SimpleNamespace(
                seen=self.seen_by(FlowchartSeen),
                inline_drawing=lambda: inline(self.drawing("", ())),
                drawing=lambda: self.drawing("", ("woken",)),
            ),
            sources=SimpleNamespace(seen=self.seen_by(SourcesSeen, taken=(("read", 9),))),
            drills=SimpleNamespace(seen=self.seen_by(DrillsSeen)),
            settings=SimpleNamespace(seen=self.seen_by(SettingsSeen)),
            start_drill=lambda who: self.filling.text(),
        )
        acts = SimpleNamespace(
            told=lambda _id: Told(id="a", said=self.filling.text(), counted=True), responders=lambda: ("ana",)
        )
        return Desk(
            sees=cast("Any", self),
            shows=cast("Any", SimpleNamespace(brands=())),
            acts=cast("Any", acts),
            renderer=renderer,
            audit=cast("Any", None),
            settings=cast("Any", None),
            clock=lambda: START_MS,
            rooms=cast("Any", rooms),
        )

    def visitor(self) -> Visitor:
        """Somebody whose name a provider may choose."""
        return Visitor(name=self.filling.text(), role="admin", responder=self.filling.text(), csrf="t")


def chart_of(words: Sequence[str]) -> Chart:
    """A flowchart that says these; what no YAML can hold is said as it can be."""
    said = [json.dumps("".join(c for c in word[:200] if c.isprintable()) or "x", ensure_ascii=False) for word in words]
    entry = "".join(f"  {scenario}: asked\n" for scenario in (*SCENARIOS, BLIND))
    people = f"  p0: {{name: {said[1]}, title: {said[2]}, slack: U0000000}}\n"
    nodes = f'  asked: {{question: {said[3]}, when: severity == "high", yes: woken, no: done}}\n'
    nodes += f"  woken: {{page: p0, say: {said[4]}, then: told}}\n"
    nodes += f"  told: {{notify: p0, say: {said[5]}, then: done}}\n"
    nodes += f"  done: {{end: {said[6]}}}\n"
    text = f"version: 1\nowner: {said[0]}\nlast_resort: p0\nresponders:\n{people}entry:\n{entry}nodes:\n{nodes}"
    return load_chart(text, "chart.yaml")


class Serving:
    """The pages of whatever is hostile now, behind our policy or bare."""

    def __init__(self) -> None:
        self.hostile = Hostile()
        self.policy = True
        self._desk = self.hostile.desk()
        self.hub = live.Hub(cast("Any", self.hostile), self._desk.renderer, lambda: START_MS)
        pages = [Route(door.path, self._answer(door)) for door in self._doors()]
        app = Starlette(routes=pages)
        self._inner: ASGIApp = app
        self._outer: ASGIApp = Outer(app, origins=())

    def _doors(self) -> list[Door]:
        pages = (now, incidents, incident, brand, flowchart, sources, drills, settings)
        found = [door for page in pages for door in page.doors(cast("Any", self._desk)) if door.method == "GET"]
        return [*found, *live.doors(self._desk, self.hub), *Statics().doors()]

    def _answer(self, door: Door) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            return await door.handler(request, self.hostile.visitor())

        return answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        await (self._outer if self.policy else self._inner)(scope, receive, send)


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[Serving, str]]:
    """A server of hostile pages, and where it is."""
    pages = Serving()
    door = listener("127.0.0.1", 0)
    server = server_over(pages)
    task, hub = asyncio.create_task(server.serve(sockets=[door])), asyncio.create_task(pages.hub.run())
    await opened(server)
    try:
        yield pages, address_of(door)
    finally:
        hub.cancel()
        pages.hub.close()
        server.should_exit = True
        await task


SWAPPED = """document.addEventListener('htmx:after:swap', () => { window.swapped = true })"""


async def elements(page: Page) -> set[str]:
    """Which elements with which attributes there are."""
    return set(await page.evaluate(DOM))


@pytest.mark.parametrize(
    "firsts",
    [range(0, len(PAYLOADS), STRIDE), pytest.param(range(len(PAYLOADS)), marks=pytest.mark.proof)],
    ids=["few", "all"],
)
@pytest.mark.parametrize("policy", [True, False], ids=["policy", "bare"])
async def test_nothing_that_others_wrote_does_anything_on_any_page(firsts: range, *, policy: bool) -> None:
    """No dialog, no error, no request but ours, no other page, no element or attribute that is not ours, no title."""
    shown: set[str] = set()
    async with serving() as (pages, home), chromium() as browser, visitor(browser, home) as (page, watch):
        pages.policy = policy
        await page.add_init_script(SWAPPED)
        for path in PAGES:
            ours: set[str] = set()
            for text in ORDINARY:
                pages.hostile.filling = Filling([text], START_MS)
                answer = await page.goto(home + path)
                assert answer is not None
                assert answer.status == 200, path
                ours |= await elements(page)
            for first in firsts:
                pages.hostile.filling = Filling(PAYLOADS, START_MS, first)
                await page.goto(home + path)
                if await page.locator("[data-live]").count():
                    await expect(page.locator("[data-live-state]")).to_have_attribute("data-live-state", "live")
                    await page.wait_for_function("() => window.swapped", timeout=10_000)
                assert page.url == home + path
                assert not await elements(page) - ours, (path, first)
                assert await page.evaluate(LEADS) == [], (path, first)
                assert watch.wrong == [], (path, first)
                shown |= pages.hostile.filling.used
    assert len(shown) == len(PAYLOADS)
    print(f"{len(shown)} strings, {len(PAGES) * len(firsts)} pages in Chromium: nothing ran, nothing was asked for")
