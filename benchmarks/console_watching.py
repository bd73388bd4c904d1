"""Who watches a console while `benchmarks.console_load` measures it: clients of its streams, a tab of Chromium, and one
who presses a button; and how long what they see has taken.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import NamedTuple

import httpx
from playwright.async_api import Page, async_playwright

from tests.console.browser import ARGS, CHROMIUM

ASKED_EACH_S = 0.1
"""How often the service is asked how far its core is."""
HEADER = "X-Forwarded-User"
SAID = "Acknowledged by Ana"
"""What everybody sees once Ana has it."""
_POSTS = re.compile(r'<span class="big">([\d,.\s]+)</span>')
WATCH = """() => {
  window.seen = [];
  const look = () => {
    const big = document.querySelector("#now-live .big");
    if (big) window.seen.push([Date.now() / 1000, big.textContent]);
  };
  const all = {subtree: true, childList: true, characterData: true, attributes: true};
  new MutationObserver(look).observe(document.querySelector("main"), all);
}"""


class Watched(NamedTuple):
    """What one client saw: when, and how many posts it was shown."""

    seen: list[tuple[float, str]]
    clicked: list[float]
    """When it was shown that somebody has it."""


async def watch(base_url: str, name: str, found: Watched) -> None:
    """Hold a stream of *Now*, and note what comes."""
    headers = {HEADER: name, "Accept": "text/event-stream"}
    async with (
        httpx.AsyncClient(trust_env=False, timeout=None) as client,
        client.stream("GET", f"{base_url}/live/now", headers=headers) as stream,
    ):
        assert stream.status_code == 200, stream.status_code
        data: list[str] = []
        async for line in stream.aiter_lines():
            if line.startswith("data: "):
                data.append(line)
            elif not line and data:
                _note("\n".join(data), found)
                data = []


def _note(html: str, found: Watched) -> None:
    now_s = time.time()
    if (posts := _POSTS.search(html)) is not None:
        found.seen.append((now_s, posts[1]))
    if SAID in html:
        found.clicked.append(now_s)


class Sealed(NamedTuple):
    """A grid step that the core has decided upon."""

    end_s: float
    """When it ended."""
    at_s: float
    """When it was decided upon, to a tenth of a second."""


class Delay(NamedTuple):
    """How long figures took to reach one client."""

    update_s: float
    """From the core's decision."""
    step_s: float
    """From the end of the step."""


def delays(seen: Sequence[tuple[float, str]], sealed: Sequence[Sealed]) -> list[Delay]:
    """For each step but the last, how long it took until other figures were shown."""
    changed = [at_s for (at_s, posts), before in zip(seen[1:], seen, strict=False) if posts != before[1]]
    found = []
    for step, after in pairwise(sealed):
        at_s = next((one for one in changed if step.at_s - ASKED_EACH_S <= one < after.at_s), None)
        if at_s is not None:
            found.append(Delay(max(0.0, at_s - step.at_s), at_s - step.end_s))
    return found


async def ask(base_url: str, sealed: list[Sealed]) -> None:
    """Note when the core has decided upon each step."""
    last_ms = 0
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        while True:
            done_ms = int((await client.get(f"{base_url}/healthz")).json()["sealed_step_ms"])
            if last_ms and done_ms > last_ms:
                sealed.append(Sealed(done_ms / 1000, time.time()))
            last_ms = max(last_ms, done_ms)
            await asyncio.sleep(ASKED_EACH_S)


async def press(base_url: str) -> float:
    """Acknowledge what is open, as Ana; when that was answered."""
    async with httpx.AsyncClient(trust_env=False, timeout=10, headers={HEADER: "ana"}) as client:
        page = (await client.get(f"{base_url}/now")).text
        token = re.search(r'name="csrf" content="([^"]+)"', page)
        incident = re.search(r'/incidents/([a-z0-9-]+)"', page)
        assert token is not None, "no token on the page"
        assert incident is not None, "no incident is open"
        form = {"csrf": token[1], "once": "load"}
        address = f"{base_url}/incidents/{incident[1]}/acknowledge"
        answer = await client.post(address, data=form, headers={"Origin": base_url, "HX-Request": "true"})
        assert answer.status_code == 200, answer.text[:500]
        return time.time()


async def press_later(base_url: str, seconds: float) -> float:
    """Press when so much time has passed."""
    await asyncio.sleep(seconds)
    return await press(base_url)


class Tab:
    """A page of *Now* in Chromium, and what went wrong in it."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.errors: list[str] = []
        page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    async def seen(self) -> list[tuple[float, str]]:
        """What it showed, and when."""
        return [(float(at_s), str(posts)) for at_s, posts in await self._page.evaluate("() => window.seen")]


@asynccontextmanager
async def opened_tab(base_url: str) -> AsyncIterator[Tab]:
    """A tab that shows *Now*."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGS))
        page = await (await browser.new_context(extra_http_headers={HEADER: "tab"})).new_page()
        tab = Tab(page)
        await page.goto(f"{base_url}/now")
        await page.evaluate(WATCH)
        yield tab
        await browser.close()
