"""Pictures of the console for the documentation, taken while the story of the tests goes on: nothing is posed.

python -m docs.make_pictures --console
"""

import tempfile
from pathlib import Path
from typing import NamedTuple

from playwright.async_api import Browser, Page

from stream.codec import MINUTE_MS
from tests.console import living
from tests.console.browser import Size, Theme, chromium
from tests.console.living import START_MS, Shown, evening, shown
from tests.console.visiting import act, signed_in

SEED = 20_270
LARGEST = 300_000
"""Bytes of one picture."""


class Shot(NamedTuple):
    """One picture: of which page, for whom."""

    name: str
    path: str
    size: Size
    theme: Theme = "light"
    language: str = "en"
    height: int = 0
    """How much of the page, in pixels; 0: what the window shows."""
    who: str = "ana"

    @property
    def file(self) -> str:
        """The picture's name."""
        return f"console-{self.name}-{self.size}{'-dark' * (self.theme == 'dark')}.png"


CALM = (Shot("calm", "/now", "phone"),)
PAGED = (
    Shot("incident", "{incident}", "phone"),
    Shot("incident", "{incident}", "phone", "dark"),
    Shot("incident", "{incident}", "desktop", height=1300),
    Shot("now", "/now", "desktop"),
)
LATER = (
    Shot("brand", "/brands/Tulpatel?span=90min", "desktop", "dark", height=1100),
    Shot("flowchart", "/flowchart", "desktop", height=1100),
    Shot("statement", "{incident}", "phone", who="bram"),
    Shot("incident-nl", "{incident}", "phone", language="nl"),
)


async def take(past: Path, directory: Path) -> list[Path]:
    """Let the story happen over a prepared past (`living.prepared`), and take every picture."""
    with tempfile.TemporaryDirectory() as home:
        async with shown(past, Path(home), living.passwords()) as service, chromium() as browser:
            service.public = evening(SEED, START_MS)
            await service.go_on(START_MS + MINUTE_MS)
            taken = [await _shoot(browser, service, one, directory, "") for one in CALM]
            card = await service.until_paged()
            incident = f"/incidents/{card.incident}"
            await service.go_on(service.clock() + 6 * MINUTE_MS)
            await remembered(service)
            taken += [await _shoot(browser, service, one, directory, incident) for one in PAGED]
            async with signed_in(browser, service, "ana", incident) as page:
                await page.locator(act("own")).first.click()
                await page.locator(act("reply")).first.click()
                await page.locator(".draft").first.wait_for()
            await remembered(service)
            taken += [await _shoot(browser, service, one, directory, incident) for one in LATER]
    return taken


async def _shoot(browser: Browser, service: Shown, shot: Shot, directory: Path, incident: str) -> Path:
    path, to = shot.path.format(incident=incident), directory / shot.file
    how = {"size": shot.size, "theme": shot.theme, "language": shot.language}
    async with signed_in(browser, service, shot.who, path.partition("?")[0], **how) as page:
        if "?" in path:
            await page.goto(f"{service.console}{path}")
        await settled(page)
        view = page.viewport_size
        assert view is not None
        if shot.name == "statement":
            await page.locator(".draft").first.scroll_into_view_if_needed()
        elif shot.height:
            await page.set_viewport_size({"width": view["width"], "height": shot.height})
        await page.screenshot(path=to)
    assert to.stat().st_size < LARGEST, f"{to.name} has {to.stat().st_size} bytes"
    return to


async def remembered(service: Shown) -> None:
    """The console keeps a minute once a minute; those that went by in a blink are kept now."""
    furnished = service.service.furnished
    assert furnished is not None
    await furnished.remember()


async def settled(page: Page) -> None:
    """Wait until a page is live, where it is one of those, and its charts are drawn."""
    if await page.locator("[data-live]").count():
        await page.locator("[data-live-state=live]").wait_for()
    if await page.locator("[data-chart]").count():
        await page.locator("[data-chart] canvas").first.wait_for()
