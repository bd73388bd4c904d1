"""The gate: forms of other sites, hosts that are not ours, bodies without end, and what strangers are told: nothing."""

import asyncio
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response

from tests.console.entering import entered
from tests.console.reading import read
from tocsin.console.doors import Door, Visitor
from tocsin.console.gate import ACTS_AT_ONCE
from tocsin.console.outer import LARGEST_BODY, is_ours
from tocsin.console.tokens import Token


async def test_a_stranger_cannot_tell_what_there_is_from_what_there_is_not(tmp_path: Path) -> None:
    """Known or made up, whatever the method: one answer, but for where it would lead afterwards."""
    async with entered(tmp_path) as console, console.client() as stranger:
        for accept, status in (("text/html", 303), ("application/json", 401)):
            answers = set()
            for path in ("/now", "/nothing", "/incidents/acme-1", "/incidents/none", "/brands/Acme", "/settings"):
                for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"):
                    response = await stranger.request(method, path, headers={"accept": accept})
                    answers.add((response.status_code, response.text if method != "HEAD" else ""))
            assert {one for one, _ in answers} == {status}
            assert len(answers) <= 2
        assert console.called == []
        assert len(console.trail()) == 0


async def test_without_the_token_of_its_page_a_form_does_nothing(tmp_path: Path) -> None:
    """Missing, wrong, somebody else's, in the address: refused, noted, and the handler never hears of it."""
    async with entered(tmp_path) as console:
        ana, boss = await console.signed_in("ana@example.org"), await console.signed_in("boss@example.org")
        path, other = "/incidents/acme-1/own", console.csrf(boss)
        for data in ({}, {"csrf": ""}, {"csrf": "x" * 43}, {"csrf": other}, {"csrf": "\u20ac"}):
            response = await ana.post(path, data=data)
            assert response.status_code == 403
            assert "out of date" in response.text
        assert (await ana.post(f"{path}?csrf={console.csrf(ana)}")).status_code == 403
        assert (await ana.post(path, json={"csrf": console.csrf(ana)})).status_code == 403
        assert console.called == []
        assert (await ana.post(path, data={"csrf": console.csrf(ana)})).status_code == 200
        assert (await ana.post(path, headers={"x-csrf-token": console.csrf(ana)})).status_code == 200
        refused = [kept.act for kept in console.trail() if kept.act.what == "own" and kept.act.outcome == "refused"]
        assert {(act.why, act.incident, act.brand) for act in refused} == {("csrf", "acme-1", "Acme")}
        await ana.aclose()
        await boss.aclose()


SITES = {
    "another site": {"sec-fetch-site": "cross-site"},
    "a site beside ours": {"sec-fetch-site": "same-site"},
    "another origin": {"origin": "https://evil.example"},
    "our name, another port": {"origin": "http://127.0.0.1:1"},
    "our name, longer": {"origin": "http://127.0.0.1.evil.example"},
    "a frame without an origin": {"origin": "null", "sec-fetch-site": "cross-site"},
}


async def test_a_form_of_another_site_does_nothing_even_with_the_right_token(tmp_path: Path) -> None:
    """What the browser says of where a request comes from counts before what the form says."""
    async with entered(tmp_path) as console:
        ana = await console.signed_in("ana@example.org")
        data = {"csrf": console.csrf(ana)}
        for name, headers in SITES.items():
            assert (await ana.post("/incidents/acme-1/own", data=data, headers=headers)).status_code == 403, name
        assert console.called == []
        # A page of ours that tells nobody where it is.
        ours = {"origin": "null", "sec-fetch-site": "same-origin"}
        assert (await ana.post("/incidents/acme-1/own", data=data, headers=ours)).status_code == 200
        await ana.aclose()


async def test_a_host_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    """DNS rebinding: a page elsewhere whose name points here reads nothing of ours, signed in or not; health is for
    probes, and the files are the same in every deployment.
    """
    async with entered(tmp_path, public_url=lambda _: "https://tocsin.example") as console, console.client() as browser:
        for host in ("evil.example", "evil.example:8761", "tocsin.example.evil", "localhost.evil", "2130706433", ""):
            for path in ("/", "/sign-in", "/now", "/api/v1/now", "/healthz/", "/static"):
                response = await browser.get(path, headers={"host": host})
                assert response.status_code in (400, 421), host
        assert (await browser.get("/healthz", headers={"host": "tocsin:8761"})).status_code == 200
        for host in ("tocsin.example", "localhost:8761", "[::1]:8761", "192.0.2.1"):
            assert (await browser.get("/sign-in", headers={"host": host})).status_code == 200
    assert not is_ours("user@127.0.0.1:80@evil", [])


async def test_whoever_comes_by_a_name_that_is_not_ours_reads_a_page_and_a_program_its_reason(tmp_path: Path) -> None:
    """In the language of the browser, in our design, which is there under any name; and it tells nobody our own."""
    async with entered(tmp_path, public_url=lambda _: "https://tocsin.example") as console, console.client() as browser:
        stranger = {"host": "evil.example"}
        page = await browser.get("/now", headers=stranger | {"accept": "text/html", "accept-language": "nl"})
        assert page.status_code == 421
        read_page = read(page.text)
        assert read_page.named("h1")[0].text == "De console is niet op dit adres"
        assert read_page.named("main")[0].named("a") == []
        assert "tocsin.example" not in page.text
        assert "script-src 'self'" in page.headers["content-security-policy"]
        (sheet,) = [one.attributes["href"] for one in read_page.named("link") if "console." in one.attributes["href"]]
        assert (await browser.get(sheet, headers=stranger)).status_code == 200
        told = await browser.get("/api/v1/now", headers=stranger)
        assert (told.status_code, told.json()["type"]) == (421, "urn:tocsin:wrong_host")
        assert "public_url" in told.json()["title"]


async def test_every_answer_tells_the_browser_to_keep_strangers_out(tmp_path: Path) -> None:
    """Pages, refusals, files, redirects, mistakes: one policy, and no page is kept by anybody."""
    async with entered(tmp_path) as console:
        vera = await console.signed_in("vera@example.org")
        for path in ("/now", "/nothing", "/settings", "/broken", "/sign-in", "/healthz", "/static/console.css", "/"):
            response = await vera.get(path)
            policy = response.headers["content-security-policy"]
            for part in ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
                assert part in policy, path
            assert "unsafe" not in policy
            assert response.headers["x-content-type-options"] == "nosniff"
            assert response.headers["cross-origin-opener-policy"] == "same-origin"
            # `no-referrer` would have browsers say `Origin: null` with our own forms.
            assert response.headers["referrer-policy"] == "same-origin"
            assert "server" not in response.headers
            kept = response.headers["cache-control"]
            assert kept == "no-store" or path.startswith("/static/")
        await vera.aclose()


async def test_a_handler_may_lock_a_document_up_further_and_open_nothing(tmp_path: Path) -> None:
    """A policy of one's own holds only where it is a sandbox."""

    def door(path: str, policy: str) -> Door:
        async def answer(_request: Request, _visitor: Visitor) -> Response:
            return Response("x", headers={"Content-Security-Policy": policy})

        return Door(path=path, needs="see", handler=answer)

    doors = [door("/shut", "sandbox; default-src 'none'"), door("/wide", "default-src *")]
    async with entered(tmp_path, doors=lambda _: doors) as console:
        vera = await console.signed_in("vera@example.org")
        assert (await vera.get("/shut")).headers["content-security-policy"].startswith("sandbox;")
        assert "*" not in (await vera.get("/wide")).headers["content-security-policy"]
        await vera.aclose()


async def test_a_body_without_end_is_not_read(tmp_path: Path) -> None:
    """Too long by what it says or by what comes, too many fields, a file: refused, and the next one is answered."""
    async with entered(tmp_path) as console:
        ana = await console.signed_in("ana@example.org")
        path, csrf = "/incidents/acme-1/own", {"csrf": console.csrf(ana)}
        assert (await ana.post(path, data=csrf | {"note": "x" * LARGEST_BODY})).status_code == 413

        async def drip() -> object:
            for _ in range(40):
                yield b"x" * 4096

        as_program = await ana.post(f"/api/v1{path}", json={"note": "x" * LARGEST_BODY})
        assert (as_program.status_code, as_program.headers["content-type"]) == (413, "application/problem+json")
        assert as_program.json()["type"] == "urn:tocsin:too_large"
        form = {"content-type": "application/x-www-form-urlencoded"}
        assert (await ana.post(path, content=drip(), headers=form)).status_code == 413
        assert (await ana.post(path, data=csrf | {f"f{n}": "" for n in range(200)})).status_code in (200, 400)
        assert (await ana.post(path, data=csrf, files={"file": b"x" * 100})).status_code == 400
        bad = {"content-type": "multipart/form-data; boundary=x"}
        assert (await ana.post(path, content=b"--x\r\nnonsense", headers=bad)).status_code in (400, 403)
        assert (await ana.get("/now")).status_code == 200
        await ana.aclose()


async def test_whoever_acts_too_fast_waits(tmp_path: Path) -> None:
    """A script that runs wild in somebody's name is stopped, and told for how long."""
    async with entered(tmp_path) as console:
        ana = await console.signed_in("ana@example.org")
        data = {"csrf": console.csrf(ana)}
        codes = [(await ana.post("/incidents/acme-1/own", data=data)).status_code for _ in range(ACTS_AT_ONCE + 2)]
        assert codes == [200] * ACTS_AT_ONCE + [429, 429]
        last = await ana.post("/incidents/acme-1/own", data=data)
        assert last.headers["retry-after"] == "1"
        console.now_ms += 2_000
        assert (await ana.post("/incidents/acme-1/own", data=data)).status_code == 200
        await ana.aclose()


async def test_one_place_cannot_ask_without_end(tmp_path: Path) -> None:
    """Hundreds of requests at once are a page with its files many times over; more are refused for a moment."""
    async with entered(tmp_path) as console, console.client() as browser:
        console.entrance.gate._asks._burst = 5
        codes = [(await browser.get("/sign-in")).status_code for _ in range(7)]
        assert codes == [200] * 5 + [429] * 2
        console.now_ms += 1_000
        assert (await browser.get("/sign-in")).status_code == 200


async def test_a_brand_that_is_not_ones_own_is_not_there(tmp_path: Path) -> None:
    """Pages, incidents and acts of another brand: 404, as for what does not exist, and the trail knows who tried."""
    async with entered(tmp_path) as console:
        zoe = await console.signed_in("zoe@example.org")
        for path in ("/brands/Acme", "/brands/acme", "/incidents/acme-1", "/incidents/none", "/brands/%00"):
            assert (await zoe.get(path)).status_code == 404, path
        for path in ("/brands/Zeta/Acme", "/brands/Zeta%2FAcme", "/brands/Acme/Zeta"):
            assert (await zoe.get(path)).status_code == 404, path
        assert (await zoe.get("/brands/Zeta")).status_code == 200
        assert (await zoe.get("/incidents/zeta-1")).status_code == 200
        csrf = {"csrf": console.csrf(zoe)}
        assert (await zoe.post("/incidents/acme-1/own", data=csrf)).status_code == 404
        assert (await zoe.post("/incidents/zeta-1/own", data=csrf)).status_code == 200
        assert [name for _, name, _ in console.called] == ["/brands/Zeta", "/incidents/zeta-1", "/incidents/zeta-1/own"]
        owned = [(kept.act.outcome, kept.act.incident) for kept in console.trail() if kept.act.what == "own"]
        assert owned == [("refused", "acme-1"), ("done", "zeta-1")]
        await zoe.aclose()


async def test_a_brand_may_have_a_slash_in_its_name(tmp_path: Path) -> None:
    async with entered(tmp_path) as console:
        boss = await console.signed_in("boss@example.org")
        for path in ("/brands/A/B%20Bank", "/brands/A%2FB%20Bank"):
            assert (await boss.get(path)).status_code == 200, path
        assert [name for _, name, _ in console.called] == ["/brands/A/B Bank"] * 2
        await boss.aclose()


async def test_a_token_opens_the_api_alone_and_nothing_counts_beside_it(tmp_path: Path) -> None:
    """No page by a token; a wrong token is nobody, though the browser be signed in; it needs no form's token."""
    async with entered(tmp_path) as console:
        right = console.entrance.tokens.make(Token(name="grafana", role="responder", responder="ana"), days=1)
        looks = console.entrance.tokens.make(Token(name="looks", role="admin", verbs=("see",)), days=1)
        boss = await console.signed_in("boss@example.org")
        json = {"accept": "application/json"}
        async with httpx.AsyncClient(base_url=console.base_url, headers=json) as program:
            bearer = {"authorization": f"Bearer {right}"}
            assert (await program.get("/api/v1/now", headers=bearer)).text == "hello token grafana"
            assert (await program.get("/now", headers=bearer)).status_code == 401
            assert (await program.post("/api/v1/incidents/acme-1/own", headers=bearer)).status_code == 200
            evil = bearer | {"origin": "https://evil.example"}
            assert (await program.post("/api/v1/incidents/acme-1/own", headers=evil)).status_code == 403
            narrow = {"authorization": f"bearer {looks}"}
            assert (await program.get("/api/v1/now", headers=narrow)).status_code == 200
            assert (await program.post("/api/v1/incidents/acme-1/own", headers=narrow)).status_code == 403
            refused = await program.get("/api/v1/now")
            assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
            assert refused.headers["content-type"] == "application/problem+json"
        wrong = {"authorization": "Bearer tocsin_wrong"}
        assert (await boss.get("/api/v1/now", headers=wrong)).status_code == 401
        assert (await boss.get("/api/v1/now")).status_code == 200
        await boss.aclose()


async def test_a_mistake_of_ours_shows_nothing_of_itself(tmp_path: Path) -> None:
    """No trace, no text of the error, on a page or as JSON."""
    async with entered(tmp_path) as console:
        vera = await console.signed_in("vera@example.org")
        for accept in ("text/html", "application/json"):
            response = await vera.get("/broken", headers={"accept": accept})
            assert response.status_code == 500
            assert "words of a post" not in response.text
            assert "Traceback" not in response.text
        await vera.aclose()


async def test_a_script_of_ours_is_told_to_sign_in_again(tmp_path: Path) -> None:
    """A page whose session ended does not put the page to sign in on into a corner of itself."""
    async with entered(tmp_path) as console, console.client() as stranger:
        response = await stranger.post("/incidents/acme-1/own", headers={"hx-request": "true"})
        assert (response.status_code, response.headers["hx-redirect"]) == (401, "/sign-in")
        live = await stranger.get("/live/now", headers={"accept": "text/event-stream"})
        assert live.status_code == 401


async def test_the_console_ends_while_somebody_is_in_the_middle(tmp_path: Path) -> None:
    """Stopping takes no longer than a goodbye."""
    async with entered(tmp_path) as console:
        vera = await console.signed_in("vera@example.org")
        await vera.get("/now")
        console.server.end()
        await asyncio.sleep(0.7)
        with pytest.raises(httpx.HTTPError):
            await vera.get("/now")
        await vera.aclose()
