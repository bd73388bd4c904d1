"""What the page's script adds to what all are sent: the clock when nothing comes any more, and whose button one is.

In a real browser, over a stream that says what the test wants and then falls silent.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from tests.console.browser import chromium, needs_chromium, visitor
from tests.console.reading import ANA, renderer
from tests.console.samples import AT_MS, asking, calm_day
from tests.console.visiting import act
from tocsin.console.doors import Door, Visitor
from tocsin.console.live import _event
from tocsin.serving import address_of, listener, opened, server_over

pytestmark = [pytest.mark.browser, pytest.mark.slow, needs_chromium]
HEAD = Visitor(name="hanna@example.org", role="responder", responder="head_of_pr", csrf="t")


def _page(template: str, who: Visitor, **context: Any) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        return renderer().page(request, who, template, told=None, problem="", responders=(), **context)

    return answer


def _stream(*events: bytes) -> Callable[[Request], Awaitable[Response]]:
    async def sent() -> AsyncIterator[bytes]:
        for event in events:
            yield event
        await asyncio.sleep(60)

    async def answer(_: Request) -> Response:
        return StreamingResponse(sent(), media_type="text/event-stream")

    return answer


def _file(door: Door) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        return await door.handler(request, ANA)

    return answer


@asynccontextmanager
async def served(*routes: Route) -> AsyncIterator[str]:
    """A server of these pages with our files, and where it is."""
    files = [Route(door.path, _file(door)) for door in renderer().statics.doors()]
    door = listener("127.0.0.1", 0)
    server = server_over(Starlette(routes=[*routes, *files]))
    task = asyncio.create_task(server.serve(sockets=[door]))
    await opened(server)
    try:
        yield address_of(door)
    finally:
        server.should_exit = True
        server.force_exit = True
        await task


async def test_when_nothing_comes_any_more_the_bar_has_the_clock_of_the_page() -> None:
    """On a telephone from New York whose clock is months behind: the time is the one that the page shows elsewhere."""
    routes = (
        Route("/now", _page("now.html", ANA, now=calm_day())),
        Route("/live/now", _stream(_event("beat", str(AT_MS)))),
    )
    abroad: dict[str, Any] = {"timezone_id": "America/New_York", "locale": "en-US"}
    async with served(*routes) as home, chromium() as browser, visitor(browser, home, **abroad) as (page, _):
        await page.clock.install(time=1_600_000_000)
        await page.goto(f"{home}/now")
        await expect(page.locator("[data-live-state=live]")).to_be_visible()
        await page.clock.fast_forward(31_000)
        await expect(page.locator("#stale")).to_have_text(
            "Not live: what you see here was true at 03:00:00 CET. Trying to connect again."
        )
        assert await page.locator("[data-live-words]").inner_text() == "03:00:00 CET"


@pytest.mark.parametrize(("who", "offered"), [(ANA, ("reply", "draft")), (HEAD, ("approve",))], ids=["ana", "head"])
async def test_of_what_all_are_sent_each_keeps_only_their_own_buttons(who: Visitor, offered: tuple[str, ...]) -> None:
    """Whoever may not approve is not led to a button that would be refused, before the first change and after it."""
    seen = asking()
    path = f"/incidents/{seen.view.incident}"
    part = renderer().fragment("incident_live.html", "en", may_act=True, incident=asking(say="It has changed since."))
    routes = (
        Route(path, _page("incident.html", who, incident=seen)),
        Route(f"/live{path.replace('incidents', 'incident')}", _stream(_event("swap", part))),
    )
    async with served(*routes) as home, chromium() as browser, visitor(browser, home) as (page, _):
        await page.goto(f"{home}{path}")
        await expect(page.locator(".say")).to_contain_text("It has changed since.")
        found = {name for name in ("reply", "approve", "draft") if await page.locator(act(name)).count()}
        assert found == set(offered)
