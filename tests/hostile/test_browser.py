"""In a real browser nothing of what the public wrote runs, loads or leads on: the page of a review, and a letter."""

import shutil
from collections.abc import Iterator, Sequence
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route, sync_playwright

from tests.hostile.strings import STRINGS
from tests.hostile.surfaces import reviews, ways

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Debian's chromium"),
]
FEW = 12
"""Every so many a string is tried each time; all of them by `make proof`."""
THEIRS = "script,img,iframe,object,embed,form,input,video,base,link"
POLICY = '<meta http-equiv="Content-Security-Policy"'


def pages(strings: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Reviews, the same without their policy (escaping alone must hold), and the HTML of letters."""
    for text in strings:
        page = next(piece.shown for piece in reviews(text, "") if piece.name == "review")
        yield "review", page
        head, _, rest = page.partition(POLICY)
        yield "review without a policy", head + rest.partition(">")[2]
        letter = next(piece.shown for piece in ways(text, "") if piece.name == "letter 0")
        parts = list(message_from_bytes(letter, policy=policy.default).iter_parts())
        yield "letter", parts[1].get_content()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.mark.parametrize(
    "strings", [STRINGS[::FEW], pytest.param(STRINGS, marks=pytest.mark.proof)], ids=["few", "all"]
)
@pytest.mark.parametrize("scripts", [True, False], ids=["scripts on", "scripts off"])
def test_nothing_runs_loads_or_leads_on(
    browser: Browser, tmp_path: Path, strings: Sequence[str], *, scripts: bool
) -> None:
    """No dialog, no request, no other page, no element that anybody but us put there; with scripts on and off."""
    page = browser.new_page(java_script_enabled=scripts)
    happened: list[str] = []
    file = tmp_path / "page.html"

    def refuse(route: Route) -> None:
        if route.request.url == file.as_uri():
            route.continue_()
        else:
            happened.append(f"asked for {route.request.url}")
            route.abort()

    page.route("**/*", refuse)
    page.on("dialog", lambda dialog: (happened.append(f"dialog {dialog.message}"), dialog.dismiss()))
    page.on("popup", lambda _: happened.append("popup"))
    page.on("pageerror", lambda error: happened.append(f"error {error}"))
    shown = 0
    for number, (kind, text) in enumerate(pages(strings)):
        file.write_text(text, "utf-8")
        page.goto(file.as_uri())
        assert page.url == file.as_uri(), kind
        if scripts:
            page.mouse.move(200, 200 + number % 50)
            found = page.evaluate(f"() => [...document.querySelectorAll('{THEIRS}')].map(e => e.outerHTML)")
            assert found == [], kind
        assert happened == [], kind
        shown += 1
    print(f"{shown} pages in Chromium, nothing ran, nothing was asked for")
    page.close()


def test_the_browser_sees_what_is_active(browser: Browser, tmp_path: Path) -> None:
    """The same watch, over a page that forgets to escape, sees it run and load."""
    page = browser.new_page()
    seen: list[str] = []
    page.on("dialog", lambda dialog: (seen.append("dialog"), dialog.dismiss()))
    page.on("request", lambda request: seen.append(request.url))
    file = tmp_path / "page.html"
    file.write_text("<p><script>alert(1)</script><img src='http://evil.example/x'></p>", "utf-8")
    page.goto(file.as_uri())
    assert "dialog" in seen
    assert "http://evil.example/x" in seen
    page.close()
