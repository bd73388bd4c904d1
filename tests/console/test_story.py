"""The whole story in a real browser: calm, more and more posts, a page, and people who deal with it, to the end.

The service is the real one, over a past of its own, with the Slack of the loopback; the posts of an outage come in
minute by minute by a clock that is hurried. Somebody watches, and the one on call is called.
"""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from stream.codec import MINUTE_MS
from tests.console import living
from tests.console.browser import (
    Size,
    Theme,
    barriers,
    chromium,
    cramped,
    enlarge,
    listed,
    needs_chromium,
    trouble,
)
from tests.console.living import BRAND, CALM, START_MS, Shown, outage, shown
from tests.console.visiting import act, signed_in
from tests.fakes.slack import Message

SEED = 20_270
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900), needs_chromium]

OUTAGE_MS = START_MS + MINUTE_MS
RISING_MS = START_MS + 9 * MINUTE_MS
WORDS = "Our service is down for some of you. We are on it, and post again within the hour. - Tulpatel"
TOLD = (
    "Noticed",
    "Paged: Ana Diaz",
    "Ana Diaz pressed Acknowledge",
    "Ana Diaz pressed Own",
    "Ana Diaz answered the flowchart's question: yes",
    "Ana Diaz changed the words of a statement",
    "Bram de Vries approved a statement",
    "resolved",
)


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two brands whose service has listened for thirty hours."""
    return living.prepared(tmp_path_factory.mktemp("past"), SEED)


@pytest.fixture(scope="module")
def kept() -> Mapping[str, str]:
    """The passwords, as they are kept."""
    return living.passwords()


@pytest.fixture
async def service(past: Path, tmp_path: Path, kept: Mapping[str, str]) -> AsyncIterator[Shown]:
    """A calm evening."""
    async with shown(past, tmp_path, kept) as running:
        yield running


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A headless Chromium."""
    async with chromium() as found:
        yield found


async def words(page: Page) -> str:
    """What a page says, on one line."""
    return " ".join((await page.locator("main").inner_text()).split())


def card_says(card: Message) -> str:
    """Every word of a card as it stands."""
    return f"{card.text} {card.blocks}"


def link_of(card: Message) -> str:
    """Where a card leads: to the incident in the console."""
    elements = [e for block in card.blocks if block["type"] == "actions" for e in block["elements"]]
    (found,) = [str(e["url"]) for e in elements if "/incidents/" in e.get("url", "")]
    return found


async def in_sight(page: Page, what: str) -> bool:
    """Whether something lies wholly within the first screen, with nothing scrolled."""
    box = await page.locator(what).first.bounding_box()
    view = page.viewport_size
    assert view is not None
    return box is not None and box["y"] >= 0 and box["y"] + box["height"] <= view["height"]


async def press(page: Page, what: str, size: Size) -> None:
    """With a finger on a phone, with the pointer at a desk."""
    await (page.tap(what) if size == "phone" else page.click(what))


@pytest.mark.parametrize("size", ["phone", "desktop"])
async def test_the_whole_story_from_calm_to_resolved(service: Shown, browser: Browser, size: Size) -> None:
    """Nobody reloads a page: what happens shows by itself. Once everybody has a phone, and once everybody sits at a
    desk, so that each act is done on both.
    """
    service.public = outage(SEED, OUTAGE_MS)
    async with signed_in(browser, service, "bram", size=size) as his:
        # Calm, and it looks calm.
        await expect(his.locator(".brand .is-calm")).to_have_count(2)
        calm = await words(his)
        assert BRAND in calm
        assert CALM in calm
        await his.evaluate("() => { window.here = 'the same page' }")

        # More and more posts: the figure rises before anybody is paged.
        posts = his.locator(".brand", has_text=BRAND).locator(".big").first
        usual = int(await posts.inner_text())
        await service.go_on(RISING_MS)
        await expect(posts).not_to_have_text(str(usual))
        assert int(await posts.inner_text()) > usual
        assert service.decided()["Page"] == 0

        # A page, in Slack and here.
        card = await service.until_paged()
        path = f"/incidents/{card.incident}"
        await expect(his.locator(f"a[href='{path}']").first).to_be_visible()
        assert await his.evaluate("() => window.here") == "the same page"
        assert link_of(card) == f"{service.console}{path}"

        # The one on call opens it from Slack, and sees in one screen what to do.
        async with signed_in(browser, service, "ana", path, size=size) as hers:
            for what in ("h1", ".badge.is-high", ".why", ".measures", ".hands .next .due", act("acknowledge")):
                assert await in_sight(hers, what), what
            await press(hers, act("acknowledge"), size)
            await service.slack.wait_for(lambda: "Acknowledged by Ana Diaz" in card_says(card), 10)
            await expect(hers.locator(act("acknowledge"))).to_have_count(0)
            await expect(his.locator(".incident", has_text="ana")).to_be_visible()

            # It is hers: without a script too.
            async with signed_in(browser, service, "ana", path, size=size, scripts=False) as plain:
                await plain.locator(act("own")).click()
                await expect(plain.locator(".told")).to_contain_text("ana")
            await service.slack.wait_for(lambda: "Owned by Ana Diaz" in card_says(card), 10)

            # She is asked, and answers; she words what is said to the public, and Bram approves it.
            await hers.locator(act("reply")).first.click()
            await hers.locator("#adjust summary").click()
            await hers.locator("textarea[name='texts.en']").fill(WORDS)
            await hers.locator(act("draft")).click()
            await expect(hers.locator(".draft").first).to_contain_text(WORDS, timeout=15_000)
            await his.locator(f"a[href='{path}']").first.click()
            await expect(his.locator(".draft").first).to_contain_text(WORDS)
            await his.locator(act("approve")).click()
            await expect(hers.locator(".approved").first).to_contain_text(WORDS)

            # It is over.
            await hers.locator("#more-acts > summary").click()
            await hers.locator("#resolve > summary").click()
            await hers.locator(act("resolve")).click()
            await expect(hers.locator(".hands")).to_contain_text("resolved")
            await service.slack.wait_for(lambda: "esolved" in card_says(card), 10)
            await service.go_on(service.clock() + 10_000)
            await expect(hers.locator(".timeline li").first).to_contain_text("resolved")
            told = "\n".join(reversed(await hers.locator(".timeline li").all_inner_texts()))
    assert service.answers() == ["acknowledge", "own", "reply", "draft", "approve", "resolve"]
    places = [told.find(one) for one in TOLD]
    assert -1 not in places, told
    assert places == sorted(places), told

    # Whoever may see it reads who did what.
    async with signed_in(browser, service, "david", "/settings") as page:
        trail = await words(page)
        for what in ("acknowledge", "own", "reply", "draft", "approve", "resolve"):
            assert what in trail


PAGES = (
    "/now",
    "/incidents",
    "{incident}",
    "{incident}/flowchart",
    "/brands",
    "/brands/Tulpatel",
    "/flowchart",
    "/sources",
    "/drills",
    "/settings",
)
LOOKS: tuple[tuple[Size, Theme, str], ...] = (
    ("phone", "light", "en"),
    ("desktop", "dark", "nl"),
    ("desktop", "light", "nl"),
    ("phone", "dark", "en"),
)
"""Both themes in both languages; the last two of them with fewer questions, for they differ in colours alone."""


async def test_every_page_can_be_read_tapped_and_walked_by_key_by_everybody(service: Shown, browser: Browser) -> None:
    """No grave finding of axe in light or dark, in English or Dutch; the Tab key reaches everything and shows where it
    is; at 320 pixels, or with letters twice as large, no page is wider than its window; nothing moves unasked.
    """
    service.public = outage(SEED, OUTAGE_MS)
    incident = f"/incidents/{(await service.until_paged()).incident}"
    found: list[str] = []
    looked = 0
    for number, (size, theme, language) in enumerate(LOOKS):
        how: dict[str, Any] = {"size": size, "theme": theme, "language": language}
        async with signed_in(browser, service, "david", **how) as page:
            for path in PAGES:
                await page.goto(service.console + path.format(incident=incident))
                wrong = await trouble(page) if number < 2 else await barriers(page)
                if size == "phone" and number < 2:
                    wrong += await too_narrow(page)
                found += [f"{path} {size} {theme} {language}: {one}" for one in wrong]
                looked += 1
    print(f"{looked} looks at pages, {len(found)} findings")
    assert not found, listed(found)


async def too_narrow(page: Page) -> list[str]:
    """What does not fit on the smallest phone, and with letters twice as large."""
    view = page.viewport_size
    assert view is not None
    await page.set_viewport_size({"width": 320, "height": 700})
    await page.wait_for_timeout(400)  # charts are drawn anew when a window has stopped changing
    found = [f"at 320: {one}" for one in await cramped(page)]
    await page.set_viewport_size(view)
    await enlarge(page, 200)
    found += [f"at 200 %: {one}" for one in await cramped(page)]
    await enlarge(page, 100)
    return found


async def test_the_first_key_skips_to_the_page_and_an_act_needs_no_pointer(service: Shown, browser: Browser) -> None:
    """Tab, Enter: past the navigation. And on from there to the button that acknowledges, with the same two keys."""
    service.public = outage(SEED, OUTAGE_MS)
    card = await service.until_paged()
    async with signed_in(browser, service, "ana", f"/incidents/{card.incident}") as page:
        await page.keyboard.press("Tab")
        await expect(page.locator(".skip")).to_be_focused()
        await expect(page.locator(".skip")).to_be_in_viewport()
        await page.keyboard.press("Enter")
        for _ in range(6):
            await page.keyboard.press("Tab")
            if await page.locator(act("acknowledge")).evaluate("e => e === document.activeElement"):
                break
        await expect(page.locator(act("acknowledge"))).to_be_focused()
        await page.keyboard.press("Enter")
        await service.slack.wait_for(lambda: "Acknowledged by Ana Diaz" in card_says(card), 10)
