"""Signing in and out: by the link of the start and by a password, and what those try who may not."""

import sqlite3
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.console.entering import KEPT, PASSWORD, entered
from tocsin.console import signing_in
from tocsin.console.passwords import NO_PASSWORD, PasswordProblem, fits, is_kept, kept_of
from tocsin.console.refusing import own_path
from tocsin.console.sign_in_token import token_of
from tocsin.console_sections import PersonSettings

HOUR_MS = 3_600_000


async def test_the_link_of_the_start_signs_in_and_the_token_leaves_the_address(tmp_path: Path) -> None:
    """Without any setting: one link, as the terminal shows it; the next page has no token in its address."""
    async with entered(tmp_path, {}) as console, console.client() as browser:
        response = await browser.get(console.link + "&next=/incidents/acme-1")
        assert (response.status_code, response.headers["location"]) == (303, "/incidents/acme-1")
        assert (await browser.get("/now")).text == "hello local"
        visitor = console.called[-1][2]
        assert (visitor.role, visitor.how, visitor.responder, visitor.brands) == ("admin", "local", "", None)


async def test_the_token_stays_the_same_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    """A restart signs nobody out, and nobody else on the machine reads the file."""
    first = token_of(tmp_path).reveal()
    assert token_of(tmp_path).reveal() == first
    assert (tmp_path / "console.token").stat().st_mode & 0o777 == 0o600
    assert len(first) >= 40


async def test_a_wrong_token_signs_nobody_in_and_costs_time(tmp_path: Path) -> None:
    """Three tries are free; then each takes longer, until the clock has gone on."""
    async with entered(tmp_path, {}) as console, console.client() as browser:
        for _ in range(3):
            assert (await browser.get("/sign-in?token=guessed")).status_code == 403
        assert (await browser.get("/sign-in?token=guessed")).status_code == 429
        assert (await browser.get(console.link)).status_code == 429
        console.now_ms += 1_000
        assert (await browser.get(console.link)).status_code == 303


async def test_tries_that_came_too_often_stand_in_the_trail_until_they_are_a_flood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six tries are six rows, by a password and by the link; of what goes on for ever only so many a second are."""
    monkeypatch.setattr(signing_in, "NOTED_AT_ONCE", 6)
    async with entered(tmp_path) as console, console.client() as browser:
        for _ in range(6):
            await browser.post("/sign-in", data={"name": "vera@example.org", "password": "x"})
        found = [(kept.act.who, kept.act.outcome, kept.act.why) for kept in console.trail()]
        often = ("vera@example.org", "refused", "too often")
        assert found == [("vera@example.org", "refused", "wrong password")] * 3 + [often] * 3
        for _ in range(20):
            assert (await browser.get("/sign-in?token=guessed")).status_code == 429
        added = [(kept.act.who, kept.act.how, kept.act.why) for kept in console.trail()[6:]]
        assert added == [("local", "local", "too often")] * 3


async def test_where_people_have_passwords_no_link_signs_in(tmp_path: Path) -> None:
    """The token is for a machine of one's own; it is off as soon as people are named who sign in otherwise."""
    async with entered(tmp_path, {"people": {"ana": {"password_env": "ANA_PASSWORD"}}}) as console:
        assert console.entrance.token is None
        assert not (tmp_path / "console.token").exists()
        async with console.client() as browser:
            assert (await browser.get("/sign-in?token=")).status_code == 403


async def test_a_password_signs_in_and_a_wrong_one_tells_nothing(tmp_path: Path) -> None:
    """A name that nobody has and a password that is wrong are answered alike, and the trail holds no made-up name."""
    async with entered(tmp_path) as console, console.client() as browser:
        wrong = await browser.post("/sign-in", data={"name": "vera@example.org", "password": "hunter2hunter2"})
        nobody = await browser.post("/sign-in", data={"name": "my secret pass phrase", "password": PASSWORD})
        assert (wrong.status_code, nobody.status_code) == (403, 403)
        assert wrong.text == nobody.text
        right = await browser.post("/sign-in", data={"name": " VERA@example.org", "password": PASSWORD})
        assert (right.status_code, right.headers["location"]) == (303, "/")
        acts = [(kept.act.who, kept.act.outcome, kept.act.why) for kept in console.trail()]
        assert acts == [
            ("vera@example.org", "refused", "wrong password"),
            ("unknown", "refused", "wrong password"),
            ("vera@example.org", "done", ""),
        ]


async def test_whoever_guesses_for_another_delays_that_name_by_a_minute_at_most(tmp_path: Path) -> None:
    """A stranger may slow somebody down at night, and never lock them out."""
    async with entered(tmp_path) as console, console.client() as stranger:
        for _ in range(14):
            console.now_ms += 61_000
            await stranger.post("/sign-in", data={"name": "ana@example.org", "password": "x"})
        console.now_ms += 61_000
        async with console.client(headers={"x-forwarded-for": "192.0.2.1"}) as ana:
            response = await ana.post("/sign-in", data={"name": "ana@example.org", "password": PASSWORD})
        # From this very place it takes longer; the name itself is free again.
        assert response.status_code == 429
        console.now_ms += 15 * 60_000
        async with console.client() as ana:
            assert (
                await ana.post("/sign-in", data={"name": "ana@example.org", "password": PASSWORD})
            ).status_code == 303


async def test_each_sign_in_has_a_new_number_and_ends_the_old_one(tmp_path: Path) -> None:
    """Session fixation: a number that somebody else put into the browser is worth nothing after signing in."""
    async with entered(tmp_path) as console:
        attacker = await console.signed_in("vera@example.org")
        planted = attacker.cookies["tocsin_session"]
        async with console.client(cookies={"tocsin_session": planted}) as victim:
            response = await victim.post("/sign-in", data={"name": "boss@example.org", "password": PASSWORD})
            given = response.cookies["tocsin_session"]
        assert given != planted
        assert (await attacker.get("/now")).status_code == 303
        await attacker.aclose()


async def test_a_number_of_ones_own_making_is_no_session(tmp_path: Path) -> None:
    """Numbers come from us; what a browser brings otherwise is nobody."""
    async with entered(tmp_path) as console:
        for number in ("x" * 43, "", "' OR 1=1 --", "\u00ff" * 20):
            async with console.client() as browser:
                cookie = f"tocsin_session={number}".encode("latin-1")
                assert (await browser.get("/now", headers={b"cookie": cookie})).status_code == 303


async def test_a_session_ends_when_idle_when_old_and_when_signed_out(tmp_path: Path) -> None:
    """A day without use, a week in all, or the button."""
    async with entered(tmp_path) as console:
        idle = await console.signed_in("vera@example.org")
        used = await console.signed_in("ana@example.org")
        for _ in range(6):
            console.now_ms += 23 * HOUR_MS
            assert (await used.get("/now")).status_code == 200
        assert (await idle.get("/now")).status_code == 303
        console.now_ms += 31 * HOUR_MS
        assert (await used.get("/now")).status_code == 303
        out = await console.signed_in("boss@example.org")
        number = out.cookies["tocsin_session"]
        csrf = console.csrf(out)
        assert (await out.post("/sign-out", data={"csrf": csrf})).headers["location"] == "/sign-in"
        async with console.client(cookies={"tocsin_session": number}) as thief:
            assert (await thief.get("/now")).status_code == 303
        for client in (idle, used, out):
            await client.aclose()


async def test_a_session_ends_for_whoever_is_watching_live(tmp_path: Path) -> None:
    """A stream that is open asks whether its person would still be let in."""
    async with entered(tmp_path) as console:
        browser = await console.signed_in("vera@example.org")
        session = console.entrance.sessions.of(browser.cookies["tocsin_session"], at_ms=console.now_ms)
        assert session is not None
        assert console.entrance.sessions.by_key(session.key, at_ms=console.now_ms) is not None
        console.entrance.sessions.end(session.key)
        assert console.entrance.sessions.by_key(session.key, at_ms=console.now_ms) is None
        await browser.aclose()


async def test_no_number_and_no_password_stands_in_a_file(tmp_path: Path) -> None:
    """Whoever gets the data directory's sessions signs in as nobody."""
    async with entered(tmp_path) as console:
        browser = await console.signed_in("vera@example.org")
        number = browser.cookies["tocsin_session"]
        await browser.aclose()
    bodies = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert number.encode() not in bodies
    assert PASSWORD.encode() not in bodies
    with sqlite3.connect(tmp_path / "sessions.db") as db:
        assert db.execute("SELECT count(*) FROM sessions").fetchone() == (1,)


async def test_somebody_whom_the_settings_name_no_more_is_signed_out(tmp_path: Path) -> None:
    """Roles and people are read at every request, not kept in a session."""
    async with entered(tmp_path) as console:
        browser = await console.signed_in("vera@example.org")
        kept = dict(browser.cookies)
        await browser.aclose()
    fewer = {"people": {"ana": {"role": "viewer"}}, "token": True}
    async with entered(tmp_path, fewer) as console, console.client(cookies=kept) as browser:
        assert (await browser.get("/now")).status_code == 303


async def test_the_cookie_is_for_this_host_over_https_alone(tmp_path: Path) -> None:
    """`__Host-`, Secure, HttpOnly, SameSite: a script, another host and a plain connection never have it."""
    name, secret = "ana@example.org", {"name": "ana@example.org", "password": PASSWORD}
    async with entered(tmp_path, public_url=lambda _: "https://tocsin.example") as console:
        headers = {"host": "tocsin.example", "origin": "https://tocsin.example"}
        async with console.client(headers=headers) as browser:
            response = await browser.post("/sign-in", data=secret)
        cookie = response.headers["set-cookie"].lower()
        assert cookie.startswith("__host-tocsin_session=")
        for word in ("secure", "httponly", "samesite=lax", "path=/"):
            assert word in cookie
        assert "domain" not in cookie
        assert response.headers["strict-transport-security"]
        # The same browser on a plain connection: the number is not even looked for there.
        number = response.headers["set-cookie"].partition("=")[2].partition(";")[0]
        async with console.client(cookies={"tocsin_session": number}) as plain:
            assert (await plain.get("/now")).status_code == 200
            assert console.called[-1][2].name == name
        async with console.client(cookies={"__Host-tocsin_session": number}) as plain:
            assert (await plain.get("/now")).status_code == 303


ELSEWHERE = [
    "//evil.example/",
    "https://evil.example/",
    "/\\evil.example",
    "\\/evil.example",
    "/\t/evil.example",
    "/%0a/evil",
    "javascript:alert(1)",
    " //evil.example",
    "/sign-out",
    "/sign-in?next=/now",
    "/now\r\nset-cookie: a=b",
    "///evil.example",
    "/" * 1100,
]


async def test_nobody_is_led_elsewhere_after_signing_in(tmp_path: Path) -> None:
    """Open redirects: whatever `next` says, the way goes on within the console."""
    async with entered(tmp_path, {}) as console:
        for next_ in ELSEWHERE:
            async with console.client() as browser:
                response = await browser.get("/sign-in", params={"token": console.link[15:], "next": next_})
                there = response.headers["location"]
                assert there in ("/", "/%0a/evil"), next_
    assert own_path("/incidents/acme-1") == "/incidents/acme-1"


async def test_a_form_of_another_site_signs_nobody_in(tmp_path: Path) -> None:
    """Signing somebody in as somebody else, unnoticed, is an attack too."""
    async with entered(tmp_path) as console:
        given = {"name": "vera@example.org", "password": PASSWORD}
        for headers in (
            {"sec-fetch-site": "cross-site", "origin": "https://evil.example"},
            {"sec-fetch-site": "same-site", "origin": "https://sub.tocsin.example"},
            {"sec-fetch-site": "none", "origin": "https://evil.example"},
        ):
            async with console.client(headers=headers) as browser:
                assert (await browser.post("/sign-in", data=given)).status_code == 403
        async with console.client() as browser:
            del browser.headers["origin"], browser.headers["sec-fetch-site"]
            assert (await browser.post("/sign-in", data=given)).status_code == 403


async def test_nothing_secret_reaches_the_log(tmp_path: Path) -> None:
    """Tokens, passwords, numbers of sessions: tried right and wrong, none of them is in a line."""
    with capture_logs() as lines:
        async with entered(tmp_path) as console:
            browser = await console.signed_in("vera@example.org")
            await browser.post("/sign-in", data={"name": "vera@example.org", "password": "wrong-canary-1"})
            await browser.get("/sign-in?token=wrong-canary-2")
            await browser.get("/broken")
            secrets = [console.link[15:], PASSWORD, browser.cookies["tocsin_session"], "wrong-canary", KEPT]
            await browser.aclose()
    text = repr(lines)
    assert "sign-in refused" in text
    assert "console failed" in text
    assert [secret for secret in (*secrets, "the words of a post") if secret in text] == []


def test_passwords_are_kept_as_what_cannot_be_read_back() -> None:
    """Salted, so two of the same are not alike; what is kept is told from what is spoken; a short one is refused."""
    one, other = kept_of(PASSWORD, log_n=14), kept_of(PASSWORD, log_n=14)
    assert one != other
    assert fits(PASSWORD, one)
    assert not fits(PASSWORD + " ", one)
    assert not fits("", NO_PASSWORD)
    assert is_kept(one)
    assert is_kept(NO_PASSWORD)
    assert not is_kept(PASSWORD)
    with pytest.raises(PasswordProblem, match="12 or more"):
        kept_of("short")


def test_a_person_without_a_role_only_looks() -> None:
    """Deny by default, for people too."""
    assert PersonSettings().role == "viewer"
