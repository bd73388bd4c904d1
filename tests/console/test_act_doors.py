"""A form without a script, a script, and a program press the same button, and each is answered in its own way."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from tests.console.test_api import LATEST, Open, opening

PATH = f"/incidents/{LATEST}"


@asynccontextmanager
async def browser_of(found: Open) -> AsyncIterator[tuple[httpx.AsyncClient, str]]:
    """A browser that came by the machine's own link, and what its forms carry."""
    headers = {"sec-fetch-site": "same-origin", "origin": found.base_url, "accept": "text/html"}
    async with httpx.AsyncClient(base_url=found.base_url, headers=headers, trust_env=False, timeout=30) as browser:
        assert found.entrance.token is not None
        await browser.get(f"/sign-in?token={found.entrance.token.reveal()}")
        number = next(value for name, value in browser.cookies.items() if "session" in name)
        session = found.entrance.sessions.of(number, at_ms=found.home.works.clock())
        assert session is not None
        yield browser, session.csrf


async def test_whoever_came_by_the_machines_link_says_who_they_are_and_then_acts(tmp_path: Path) -> None:
    """Nobody acts as nobody; the choice is theirs alone, and stands in the audit trail."""
    async with opening(tmp_path) as found:
        async with browser_of(found) as (browser, csrf):
            asked = await browser.post(f"{PATH}/own", data={"csrf": csrf})
            assert (asked.status_code, asked.headers["location"][:4]) == (303, "/me?")
            scripted = await browser.post(f"{PATH}/own", data={"csrf": csrf}, headers={"hx-request": "true"})
            assert scripted.headers["hx-redirect"] == asked.headers["location"]
            page = await browser.get(asked.headers["location"])
            assert "Ana Jansen" in page.text
            wrong = await browser.post("/me", data={"csrf": csrf, "responder": "eve", "back": PATH})
            assert wrong.status_code == 422
            chosen = await browser.post("/me", data={"csrf": csrf, "responder": "ana", "back": PATH})
            assert (chosen.status_code, chosen.headers["location"]) == (303, PATH)
            assert (
                (await browser.post(f"{PATH}/own", data={"csrf": csrf})).headers["location"].startswith(f"{PATH}?told=")
            )
        assert [(one.answer, one.who) for one in found.written] == [("own", "ana")]
        trail = [one.act for one in reversed(found.entrance.audit.recent(5))]
        assert [(one.what, one.outcome, one.why) for one in trail] == [
            ("own", "done", "no_responder"),
            ("own", "refused", "no_responder"),
            ("say who they are", "refused", "bad_field"),
            ("say who they are", "done", ""),
            ("own", "done", ""),
        ]
        assert (trail[-1].who, trail[-1].as_responder) == ("local", "ana")


async def test_each_way_of_pressing_is_answered_in_its_own(tmp_path: Path) -> None:
    """A page that says what became of it, the words alone, or JSON; in Dutch where the page is."""
    async with opening(tmp_path) as found:
        async with browser_of(found) as (browser, csrf):
            await browser.post("/me", data={"csrf": csrf, "responder": "bram"})
            form = {"csrf": csrf, "once": "1", "back": "/now"}
            plain = await browser.post(f"{PATH}/acknowledge", data=form)
            assert plain.headers["location"].startswith("/now?told=console-")
            assert "Acknowledged by bram." in (await browser.get(plain.headers["location"])).text
            script = await browser.post(f"{PATH}/own", data=form, headers={"hx-request": "true"})
            assert (script.status_code, "Owned by bram." in script.text, "<html" in script.text) == (200, True, False)
            dutch = {"hx-request": "true", "accept-language": "nl"}
            late = await browser.post(f"{PATH}/acknowledge", data={"csrf": csrf}, headers=dutch)
            assert "Al opgepakt door bram." in late.text
            program = await browser.post(f"{PATH}/escalate", json={}, headers={"x-csrf-token": csrf})
            assert program.json()["said"] == "Escalated by bram."
        assert [one.answer for one in found.written] == ["acknowledge", "own", "escalate"]


async def test_what_is_refused_says_so_and_leads_back_to_a_page_of_ours(tmp_path: Path) -> None:
    """What somebody typed is neither kept nor followed."""
    async with opening(tmp_path) as found:
        async with browser_of(found) as (browser, csrf):
            await browser.post("/me", data={"csrf": csrf, "responder": "bram"})
            for back in ("https://evil.example/", "//evil.example/", "/\\evil.example"):
                form = {"csrf": csrf, "severity": "<b>awful</b>", "back": back}
                page = await browser.post(f"{PATH}/severity", data=form)
                assert page.status_code == 422
                assert "<b>awful" not in page.text
                assert "evil" not in page.text
                part = await browser.post(f"{PATH}/severity", data=form, headers={"hx-request": "true"})
                assert (part.status_code, "<b>awful" in part.text) == (422, False)
                done = await browser.post(f"{PATH}/own", data={"csrf": csrf, "back": back, "once": "1"})
                assert done.headers["location"].startswith(f"{PATH}?told=")
            gone = await browser.post("/incidents/tulpatel-1/own", data={"csrf": csrf})
            assert gone.status_code == 404
            broken = await browser.post(
                f"{PATH}/own",
                content=b'{"once": 1}',
                headers={"content-type": "application/json", "x-csrf-token": csrf},
            )
            assert (broken.status_code, broken.headers["content-type"]) == (400, "application/problem+json")
        assert [one.answer for one in found.written] == ["own"]
