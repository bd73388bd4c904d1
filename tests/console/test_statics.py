"""The files of a page are served from memory under their own sums; what somebody prefers stays in their browser."""

from collections.abc import AsyncIterator
from functools import partial

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.console.reading import ANA
from tocsin.console.doors import Door
from tocsin.console.pages import preferences
from tocsin.console.render import LANGUAGE_COOKIE, THEME_COOKIE
from tocsin.console.statics import STATIC, Statics

STATICS = Statics()


async def _by_ana(door: Door, request: Request) -> Response:
    return await door.handler(request, ANA)


@pytest.fixture
async def browser() -> AsyncIterator[httpx.AsyncClient]:
    """Asks these doors alone, as somebody whom the gate has let through."""
    doors = [*STATICS.doors(), *preferences.doors(None)]
    routes = [Route(door.path, partial(_by_ana, door), methods=[door.method]) for door in doors]
    transport = httpx.ASGITransport(app=Starlette(routes=routes))
    async with httpx.AsyncClient(transport=transport, base_url="http://console.test") as client:
        yield client


async def test_a_file_of_this_version_is_kept_for_a_year_and_any_other_is_asked_for_again(
    browser: httpx.AsyncClient,
) -> None:
    now = await browser.get(STATICS.address("console.css"))
    assert now.content == (STATIC / "console.css").read_bytes()
    assert now.headers["content-type"] == "text/css; charset=utf-8"
    assert "immutable" in now.headers["cache-control"]
    for address in ("/static/console.css", "/static/console.css?v=0123456789abcdef"):
        assert (await browser.get(address)).headers["cache-control"] == "no-cache"


async def test_what_a_browser_has_already_is_not_sent_again(browser: httpx.AsyncClient) -> None:
    address = STATICS.address("console.js")
    tag = (await browser.get(address)).headers["etag"]
    again = await browser.get(address, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert (await browser.get(address, headers={"If-None-Match": '"other"'})).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["../render.py", "%2e%2e/render.py", "vendor/../../render.py", "vendor/README.md", "", "vendor", "/etc/passwd"],
)
async def test_nothing_but_the_files_of_pages_is_there(browser: httpx.AsyncClient, path: str) -> None:
    assert (await browser.get(f"http://console.test/static/{path}")).status_code == 404


async def test_a_page_that_asks_for_a_file_that_there_is_not_cannot_be_made() -> None:
    with pytest.raises(KeyError):
        STATICS.address("no-such.css")


async def test_language_and_theme_are_kept_in_the_browser_and_lead_back(browser: httpx.AsyncClient) -> None:
    answer = await browser.post("/preferences", data={"language": "nl", "theme": "dark", "back": "/brands/Acme"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/brands/Acme")
    assert dict(answer.cookies) == {LANGUAGE_COOKIE: "nl", THEME_COOKIE: "dark"}
    assert all("httponly" in one.lower() for one in answer.headers.get_list("set-cookie"))


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
async def test_what_is_not_offered_changes_nothing_and_leads_nowhere_else(
    browser: httpx.AsyncClient, back: str
) -> None:
    answer = await browser.post("/preferences", data={"language": "xx", "theme": "<b>", "back": back})
    assert answer.headers["location"] == "/"
    assert "set-cookie" not in answer.headers
