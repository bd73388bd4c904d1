"""Every state that a page can be in can be read by everybody: what `axe` says of calm and of crisis, of what is asked,
closed, blind, quiet or refused, and of whom one says one is. The states are samples, under our policy and with every
part opened that is folded away.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.async_api import Page
from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from alerting.facts import SEVERITIES
from alerting.view import Paged
from tests.console.browser import barriers, chromium, needs_chromium, visitor
from tests.console.deployed import ANA as ADMIN
from tests.console.deployed import Deployed, acted, deployed, drilled, heard
from tests.console.reading import ADA, ANA, VIC
from tests.console.samples import AT_MS, MINUTE_MS, asking, bad_night, calm_day, crisis, crisis_view, line, listed, now
from tests.console.test_pages_incidents import BRANDS, LINES
from tocsin.console.acts import Told
from tocsin.console.choosing import Choice
from tocsin.console.doors import Visitor
from tocsin.console.outer import Outer
from tocsin.console.seen_incidents import STANDS, Wanted, incidents_seen
from tocsin.console.statics import Statics
from tocsin.serving import address_of, listener, opened, server_over

# a busy machine takes long to look at so much, and a limit that strikes within a loop may hang instead of failing
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900), needs_chromium]
LOCAL = Visitor(name="local", role="admin", csrf="token-of-local")
ROOMS = ("/brands", "/brands/Acme%20Bank", "/brands/Initech", "/flowchart", "/sources", "/drills", "/settings")
"""Of a deployment with a past: their data are real."""
WAYS_IN: Mapping[str, Any] = {"next": "/", "wrong": "", "password": True, "token": True, "oidc": ()}
NOBODYS = Wanted(status="open", brand="Globex")
LISTED: Mapping[str, Any] = {
    "seen": incidents_seen(LINES, Wanted(limit=4)),
    "wanted": NOBODYS,
    "brands": BRANDS,
    "stands": STANDS,
    "severities": SEVERITIES,
    "at_ms": AT_MS,
    "older": "/incidents?cursor=a",
    "newest": "/incidents",
}
OPEN = "() => document.querySelectorAll('main details').forEach(one => { one.open = true })"


class State(NamedTuple):
    """A page in one state, for one visitor."""

    template: str
    visitor: Visitor | None
    context: Mapping[str, Any]


def on_now(seen: Any, who: Visitor = ANA, **more: Any) -> State:
    """*Now*, as it stands."""
    return State("now.html", who, {"now": seen, "told": None, "problem": "", "responders": (), **more})


def of_incident(seen: Any, who: Visitor = ANA, **more: Any) -> State:
    """An incident, as it stands."""
    return State("incident.html", who, {"incident": seen, "told": None, "problem": "", "responders": (), **more})


def states() -> dict[str, State]:
    """Every state that has a page, by name."""
    blind = crisis(scenario="blind", severity="medium", reason="source_silent", signals=(), posts=(), history=())
    closed: dict[str, Any] = {"status": "closed", "acked_by": "ana", "owner": "ana", "next": None}
    counted = Told(id="a", said="Acknowledged by ana.", counted=True)
    late = Told(id="a", said="Already acknowledged by bram.", counted=False)
    owned = listed(crisis_view(status="acknowledged", acked_by="ana", owner="ana", next=None))
    found = {
        "calm": on_now(calm_day()),
        "bad-night": on_now(bad_night()),
        "bad-night-looking": on_now(bad_night(), VIC),
        "bad-night-as-nobody": on_now(bad_night(), LOCAL, responders=("ana", "bram")),
        "owned": on_now(now(line("Acme Bank", "trouble", owned)), told=counted),
        "blind-in-trouble": on_now(now(line("Acme Bank", "trouble", listed(crisis_view()), is_blind=True)), told=late),
        "nothing-heard": on_now(now(line("Umbrella", "not_listening"))),
        "paged": of_incident(crisis()),
        "paged-looking": of_incident(crisis(), VIC),
        "paged-no-responder": of_incident(crisis(), ADA),
        "asks": of_incident(asking(), told=counted),
        "asks-looking": of_incident(asking(), VIC),
        "late": of_incident(asking(), problem="Why? The reason is kept, so name nobody."),
        "resolved": of_incident(crisis(**closed, reason="resolved")),
        "false-alarm": of_incident(crisis(**closed, reason="false_alarm")),
        "blind": of_incident(blind),
        "drill": of_incident(crisis(drill=True, paged=(Paged("ana", crisis_view().opened_ms + MINUTE_MS),))),
        "incidents": State("incidents.html", ANA, LISTED),
        "incidents-none-like-that": State("incidents.html", VIC, {**LISTED, "seen": incidents_seen(LINES, NOBODYS)}),
        "me": State("me.html", LOCAL, {"choices": [Choice("ana", "Ana Diaz")], "back": "/now", "chooses": True}),
        "sign-in": State("sign_in.html", None, WAYS_IN),
        "sign-in-wrong": State("sign_in.html", None, {**WAYS_IN, "wrong": "sign_in.wrong_password"}),
        "sign-in-elsewhere": State("sign_in.html", None, {**WAYS_IN, "oidc": [("Keycloak", "/sign-in/elsewhere")]}),
    }
    # The pages that refuse differ in their words alone.
    return found | {f"problem-{why}": State("problem.html", ANA, {"problem": why}) for why in ("not_found", "broken")}


async def _quiet(_request: Request) -> Response:
    """A live stream on which nothing happens."""

    async def nothing() -> AsyncIterator[dict[str, str]]:
        yield {"event": "beat", "data": ""}
        await asyncio.sleep(60)

    return EventSourceResponse(nothing())


def app_of(there: Deployed, shown: Mapping[str, State]) -> Starlette:
    """The states by their names, and the rooms of a deployment."""

    def answer(state: State) -> Callable[[Request], Any]:
        async def page(request: Request) -> Response:
            return there.renderer.page(request, state.visitor, state.template, **state.context)

        return page

    async def static(request: Request) -> Response:
        return await Statics().doors()[0].handler(request, ANA)

    routes = [Route(f"/state/{name}", answer(state)) for name, state in shown.items()]
    routes += [Route("/static/{file:path}", static), Route("/live/{rest:path}", _quiet)]
    return Starlette(routes=[*routes, Mount("/", there.app(ADMIN))])


@asynccontextmanager
async def serving(home: Path, shown: Mapping[str, State]) -> AsyncIterator[str]:
    """Where all of them are."""
    with deployed(home) as there:
        heard(there.works)
        drilled(there.home / "data")
        acted(there.audit)
        door = listener("127.0.0.1", 0)
        server = server_over(Outer(app_of(there, shown), origins=()))
        task = asyncio.create_task(server.serve(sockets=[door]))
        await opened(server)
        try:
            yield address_of(door)
        finally:
            server.should_exit = True
            await task


async def judged(page: Page, address: str) -> list[str]:
    """What keeps people from using a page, folded away or not."""
    answer = await page.goto(address)
    assert answer is not None
    assert answer.status == 200, address
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    await page.evaluate(OPEN)
    return await barriers(page)


async def test_every_state_of_every_page_can_be_read_by_everybody(tmp_path: Path) -> None:
    """No grave finding of axe, in both themes and both languages, on a phone and at a desk; and no error of a page."""
    shown = states()
    paths = [*(f"/state/{name}" for name in shown), *ROOMS]
    found: list[str] = []
    async with serving(tmp_path, shown) as home, chromium() as browser:
        for size, theme, language in (("phone", "light", "en"), ("desktop", "dark", "nl")):
            how: dict[str, Any] = {"size": size, "theme": theme, "language": language}
            async with visitor(browser, home, **how) as (page, watch):
                # The rooms are seen in all themes while the story of the tests goes on; here they have a past besides.
                for path in paths if theme == "light" else paths[: len(shown)]:
                    found += [f"{path} {size} {theme} {language}: {one}" for one in await judged(page, home + path)]
                found += watch.wrong
                await page.evaluate("() => document.querySelector('main').append(document.createElement('button'))")
                assert await barriers(page), "a button without a name is found"
    print(f"{len(paths) + len(shown)} looks at {len(shown)} states and {len(ROOMS)} rooms, {len(found)} findings")
    assert not found, "\n".join(found)
    assert len(shown) > 20
