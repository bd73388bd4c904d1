"""Somebody who signs in to the console of a service under way, and what they press there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, Page

from tests.console import living
from tests.console.browser import Size, visitor
from tests.console.living import Shown


@asynccontextmanager
async def signed_in(
    browser: Browser, service: Shown, who: str, path: str = "/now", *, size: Size = "desktop", **how: Any
) -> AsyncIterator[Page]:
    """Somebody who has signed in, on the page that they had asked for; nothing went wrong there in the end."""
    async with visitor(browser, service.console, size=size, **how) as (page, watch):
        await page.goto(f"{service.console}{path}")
        await page.locator("input[name=name]").fill(f"{who}@example.org")
        await page.locator("input[type=password]").fill(living.password_of(who))
        await page.locator("form[action='/sign-in'] button").click()
        await page.wait_for_url(f"**{path}")
        yield page
        assert watch.wrong == []


def act(name: str) -> str:
    """The button of an act."""
    return f"form[action$='/{name}'] button"
