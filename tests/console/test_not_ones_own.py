"""Whoever sees one brand of two learns nothing of the other: not of its crisis, its posts, its silence, who deals with
it or that it is there.

The service is the real one in the middle of a crisis of the brand that is not theirs; every page, answer of the API and
stream is read as somebody who sees the other alone, by both brands' addresses.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from stream.codec import MINUTE_MS
from tests.console import living
from tests.console.entering import HTML
from tests.console.living import BRAND, CALM, START_MS, Shown, outage, shown
from tests.console.test_access_matrix import address
from tocsin.console.doors import Door

SEED = 20_271
REASON = "The board meets about it"
pytestmark = pytest.mark.slow


@contextlib.asynccontextmanager
async def signed_in(service: Shown, who: str) -> AsyncIterator[httpx.AsyncClient]:
    """A browser, as far as one is needed here, of somebody who signed in."""
    headers = {"origin": service.console, "sec-fetch-site": "same-origin", **HTML}
    async with httpx.AsyncClient(base_url=service.console, headers=headers, timeout=60, verify=False) as browser:
        given = {"name": f"{who}@example.org", "password": living.password_of(who)}
        assert (await browser.post("/sign-in", data=given)).status_code == 303
        yield browser


async def act(browser: httpx.AsyncClient, path: str, **fields: str) -> None:
    """Press a button. Fails where the answer is not the page that follows."""
    csrf = re.search(r'<meta name="csrf" content="([^"]+)"', (await browser.get("/now")).text)
    assert csrf is not None
    answer = await browser.post(path, data={"csrf": csrf[1], **fields})
    assert answer.status_code == 303, answer.text


async def told(service: Shown, browser: httpx.AsyncClient, brand: str, incident: str) -> dict[str, str]:
    """What every way in says, by its address about this brand and this incident."""
    found: dict[str, str] = {}
    for door in service.service.console.doors:
        if door.method == "GET" and door.needs != "open":
            path = _about(door, brand, incident)
            found[path] = await _beginning(browser, path)
    return found


def _about(door: Door, brand: str, incident: str) -> str:
    return address(door, brand).replace(f"{brand.lower()}-1", incident)


async def _beginning(browser: httpx.AsyncClient, path: str) -> str:
    """Headers and text of a page, or of the first second of a stream: that has no end."""
    text = ""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(30 if not path.startswith("/live/") else 1), browser.stream("GET", path) as response:
            text = f"{response.status_code} {dict(response.headers)} "
            async for piece in response.aiter_text():
                text += piece
    return text


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two brands whose service has listened for thirty hours."""
    return living.prepared(tmp_path_factory.mktemp("past"), SEED)


async def test_a_crisis_of_a_brand_that_is_not_ones_own_is_nowhere_to_be_seen(past: Path, tmp_path: Path) -> None:
    """Somebody who sees it reads its name, posts, silence and people on many pages; somebody else in none of them."""
    async with shown(past, tmp_path, living.passwords()) as service:
        service.public = outage(SEED, START_MS + MINUTE_MS)
        card = await service.until_paged()
        async with signed_in(service, "ana") as ana:
            await act(ana, f"/incidents/{card.incident}/own")
            await act(ana, "/silences", brand=BRAND, last="1h", reason=REASON)
        await service.go_on(service.clock() + MINUTE_MS)
        assert service.service.furnished is not None
        await service.service.furnished.remember()
        async with signed_in(service, "david") as david:
            seen = await told(service, david, BRAND, card.incident)
        async with signed_in(service, "chloe") as chloe:
            hers = await told(service, chloe, CALM, card.incident)
            hers |= await told(service, chloe, BRAND, card.incident)
    # There is much to see for those who may: else what follows would say nothing.
    assert sum(BRAND in text for text in seen.values()) > 10
    assert sum(REASON in text for text in seen.values()) >= 2
    assert sum(CALM in text for text in hers.values()) > 4
    leaks = (BRAND.casefold(), REASON.casefold(), card.incident)
    assert [(path, leak) for path, text in hers.items() for leak in leaks if leak in _said(text, path)] == []


def _said(text: str, path: str) -> str:
    """What is said, without the address that was asked for, which may be repeated."""
    return text.casefold().replace(path.casefold(), "")
