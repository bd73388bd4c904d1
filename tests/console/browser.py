"""A headless Chromium that watches what a page does, and what a person needs of it: contrast, names, keys, room.

Nothing of ours is loaded into a page but `axe`, which judges accessibility, and that only when it is asked.
"""

import shutil
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, async_playwright

CHROMIUM = shutil.which("chromium")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium")
ARGS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Whatever is not this machine is not found, so that what asks for it is seen and goes nowhere.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)

Theme = Literal["light", "dark"]
Size = Literal["phone", "desktop"]
SIZES: dict[Size, dict[str, Any]] = {
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 2,
        "is_mobile": True,
        "has_touch": True,
    },
    "desktop": {"viewport": {"width": 1280, "height": 900}},
}
LANGUAGES = {"en": "en-GB", "nl": "nl-NL"}
GRAVE = ("serious", "critical")

POLICY_BROKEN = """
document.addEventListener('securitypolicyviolation', e =>
  console.error(`policy broken: ${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}:${e.lineNumber}`))
"""


class Watch:
    """What went wrong in the pages of one visitor: nothing is what is wanted.

    `home` is the only place that may be asked for anything.
    """

    def __init__(self, home: str) -> None:
        self.home = home
        self.wrong: list[str] = []
        self.asked: list[str] = []
        """Every address that was asked for, in order."""

    def over(self, context: BrowserContext) -> None:
        """Watch each page that this visitor opens."""
        context.on("page", self._page)
        context.on("request", self._request)

    def _page(self, page: Page) -> None:
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        page.on("crash", lambda _: self.wrong.append("the page crashed"))
        page.on("popup", lambda _: self.wrong.append("a window opened"))
        page.on("download", lambda _: self.wrong.append("something was downloaded"))
        page.on("websocket", lambda socket: self.wrong.append(f"socket: {socket.url}"))

        async def dialog(shown: Any) -> None:
            self.wrong.append(f"dialog: {shown.message}")
            await shown.dismiss()

        page.on("dialog", dialog)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "assert", "warning"):
            self.wrong.append(f"console {message.type}: {message.text}")

    def _request(self, request: Request) -> None:
        self.asked.append(request.url)
        if not request.url.startswith(f"{self.home}/"):
            self.wrong.append(f"outside: {request.url}")


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A browser, until the test is over."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGS))
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def visitor(
    browser: Browser,
    home: str,
    *,
    size: Size = "desktop",
    theme: Theme = "light",
    language: str = "en",
    scripts: bool = True,
    **told: Any,
) -> AsyncIterator[tuple[Page, Watch]]:
    """Somebody who looks at `home` with a browser of their own; `told` are other wishes of the context."""
    asked: dict[str, Any] = {
        **SIZES[size],
        "color_scheme": theme,
        "locale": LANGUAGES[language],
        "reduced_motion": "reduce",
        "java_script_enabled": scripts,
    }
    context = await browser.new_context(**(asked | told))
    watch = Watch(origin(home))
    watch.over(context)
    await context.add_init_script(POLICY_BROKEN)
    page = await context.new_page()
    page.set_default_timeout(15_000)
    try:
        yield page, watch
    finally:
        await context.close()


def origin(url: str) -> str:
    """Scheme, host and port of an address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


# ---- what a person needs of a page


async def barriers(page: Page) -> list[str]:
    """What keeps people out who hear, feel or tap a page rather than see it: the grave findings of `axe`, in words."""
    found = await Axe().run(page, options={"resultTypes": ["violations"]})
    return [
        f"{one['id']} ({one['impact']}): {' '.join(map(str, node['target']))}: {node['failureSummary']}"
        for one in found.response["violations"]
        if one["impact"] in GRAVE
        for node in one["nodes"]
    ]


WIDER = """() => {
  const room = document.documentElement.clientWidth
  const scrolls = e => { for (; e && e !== document.body; e = e.parentElement)
    if (/auto|scroll|hidden|clip/.test(getComputedStyle(e).overflowX)) return true
    return false }
  if (document.documentElement.scrollWidth <= room) return []
  return ['the page is ' + document.documentElement.scrollWidth + ' wide, not ' + room]
    .concat([...document.querySelectorAll('body *')]
      .filter(e => e.getBoundingClientRect().right > room + 1 && !scrolls(e.parentElement))
      .slice(0, 8).map(e => e.outerHTML.slice(0, 120)))
}"""

CUT_OFF = """() => [...document.querySelectorAll('body *')].filter(e => {
  const style = getComputedStyle(e)
  const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())
  return own && e.checkVisibility() && /hidden|clip/.test(style.overflowX + style.overflowY)
    && style.textOverflow !== 'ellipsis' && style.clipPath === 'none' && style.clip === 'auto'
    && (e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 2)
}).slice(0, 8).map(e => 'cut off: ' + e.outerHTML.slice(0, 120))"""

SMALL = """() => [...document.querySelectorAll(
    'main button, main input:not([type=hidden]), main select, nav a, summary')]
  .filter(e => e.checkVisibility() && !e.closest('.visually-hidden, .skip'))
  .map(e => [e, (e.labels && e.labels.length ? e.labels[0] : e).getBoundingClientRect(), e.getBoundingClientRect()])
  .filter(([e, label, box]) => box.width > 1 && Math.max(box.height, label.height) < 24)
  .map(([e, label, box]) => `only ${Math.round(box.height)} high: ` + e.outerHTML.slice(0, 120))"""
"""What a finger misses: WCAG 2.2 asks for 24 pixels."""


async def cramped(page: Page) -> list[str]:
    """What does not fit: a page wider than its window, and words that are cut off without a sign."""
    return [*await page.evaluate(WIDER), *await page.evaluate(CUT_OFF)]


async def too_small(page: Page) -> list[str]:
    """What is to be tapped and too small for it."""
    return list(await page.evaluate(SMALL))


async def enlarge(page: Page, percent: int) -> None:
    """Make the letters larger, as people do who need it; 100 as they were."""
    await page.evaluate("size => { document.documentElement.style.fontSize = size }", f"{percent}%" if percent else "")


MOVES = """() => document.getAnimations()
  .filter(a => a.playState === 'running' && a.effect.getComputedTiming().activeDuration > 20)
  .map(a => (a.animationName || a.transitionProperty || 'animation')
    + ' on ' + a.effect.target.outerHTML.slice(0, 80))"""


async def moving(page: Page) -> list[str]:
    """What moves, for somebody who asked that nothing does."""
    return list(await page.evaluate(MOVES))


FOCUSED = """() => {
  const e = document.activeElement
  if (!e || e === document.body) return null
  const style = getComputedStyle(e), box = e.getBoundingClientRect()
  const ring = (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1) || style.boxShadow !== 'none'
  const middle = document.elementFromPoint(
    Math.min(innerWidth - 1, Math.max(0, box.left + Math.min(box.width / 2, 40))),
    Math.min(innerHeight - 1, Math.max(0, box.top + Math.min(box.height / 2, 12))))
  const uncovered = !!middle && (e.contains(middle) || middle.contains(e) || !!middle.closest('label'))
  window.__stops = window.__stops || new Map()
  if (!window.__stops.has(e)) window.__stops.set(e, window.__stops.size)
  return {number: window.__stops.get(e), tag: e.tagName, ring, uncovered, shown: e.outerHTML.slice(0, 140),
          said: (e.getAttribute('aria-label') || e.textContent || e.name || '').trim().slice(0, 60)}
}"""
OPERABLE = """() => [...document.querySelectorAll(
    'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]')]
  .filter(e => !e.disabled && e.checkVisibility({visibilityProperty: true}))
  .filter(e => e.tabIndex >= 0 && !e.closest('[inert]'))
  .filter(e => !(e.type === 'radio' && [...document.getElementsByName(e.name)].some(o => window.__stops?.has(o))))
  .filter(e => !window.__stops?.has(e)).map(e => e.outerHTML.slice(0, 140))"""


async def unreachable(page: Page, most: int = 400) -> list[str]:
    """What no Tab key reaches, and where the focus cannot be seen: once round the page, from its top."""
    await page.evaluate("() => { window.__stops = new Map(); document.activeElement?.blur(); scrollTo(0, 0) }")
    found: list[str] = []
    last = -1
    for _ in range(most):
        await page.keyboard.press("Tab")
        stop = await page.evaluate(FOCUSED)
        if stop is None or stop["number"] < last:
            break
        last = stop["number"]
        found += [] if stop["ring"] else [f"no ring: {stop['shown']}"]
        found += [] if stop["uncovered"] else [f"covered: {stop['shown']}"]
    assert last >= 0, "nothing takes the focus"
    return found + [f"not reached: {one}" for one in await page.evaluate(OPERABLE)]


async def trouble(page: Page, *, keyboard: bool = True) -> list[str]:
    """Everything that keeps somebody from using a page as it stands."""
    found = [*await barriers(page), *await cramped(page), *await moving(page), *await too_small(page)]
    return found + (await unreachable(page) if keyboard else [])


def listed(findings: Iterable[str]) -> str:
    """Findings, one a line, for whoever reads a test that failed."""
    return "\n".join(findings)
