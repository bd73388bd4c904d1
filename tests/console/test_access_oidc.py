"""Signing in at a provider of identities: a real one on this machine, and what those try who are not whom they say.

Every attack ends in the same way: nobody is signed in, the trail says so, and no word of the attack is repeated.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey
from structlog.testing import capture_logs

from tests.console.entering import PASSWORD, Entered, entered
from tests.fakes.oidc import (
    CLIENT,
    CURVE,
    KEY,
    OTHER,
    SECRET,
    FakeProvider,
    provider,
    signed_with_client_secret,
    signed_with_public_key,
    unsigned,
)
from tocsin.console.oidc import MOST_UNDER_WAY
from tocsin.secret import Secret
from tocsin.setting_sections import Secrets

Given = dict[str, Any]
PEOPLE = {"ana@example.org": {"role": "responder", "responder": "ana"}}


@asynccontextmanager
async def at_home(directory: Path, there: FakeProvider, **oidc: Any) -> AsyncIterator[Entered]:
    """A console that sends people there."""
    console = {
        "people": oidc.pop("people", PEOPLE),
        "oidc": {"issuer": there.base_url, "client_id": CLIENT, "inside": True, **oidc},
    }
    secrets = Secrets(console_oidc=Secret(SECRET))
    # The console's own address, as plain http: a trial on one machine.
    async with entered(directory, console, secrets=secrets, public_url=lambda base_url: base_url) as found:
        found.now_ms = int(time.time() * 1000)
        yield found


async def sent(browser: httpx.AsyncClient, next_: str = "/incidents/acme-1") -> str:
    """Somebody chooses to sign in at the provider: the address where they are sent."""
    response = await browser.get("/sign-in/elsewhere", params={"next": next_})
    assert response.status_code == 303, response.text
    return response.headers["location"]


async def test_whoever_the_provider_knows_and_we_name_is_in(tmp_path: Path) -> None:
    """There and back: who they are, what they may do, and where they wanted to go; the browser's number is gone."""
    async with provider() as there, at_home(tmp_path, there) as console, console.client() as browser:
        back = there.consent(await sent(browser))
        response = await browser.get(back)
        assert (response.status_code, response.headers["location"]) == (303, "/incidents/acme-1")
        assert (await browser.get("/now")).text == "hello ana@example.org"
        visitor = console.called[-1][2]
        assert (visitor.how, visitor.role, visitor.responder) == ("oidc", "responder", "ana")
        assert "tocsin_sign_in" not in browser.cookies
        assert there.seen_form["code_verifier"]
        assert "client_secret" not in there.seen_form
        assert [(kept.act.who, kept.act.how, kept.act.outcome) for kept in console.trail()] == [
            ("ana@example.org", "oidc", "done")
        ]


async def test_a_provider_that_reads_no_header_gets_the_secret_in_the_form(tmp_path: Path) -> None:
    """By what it says of itself."""
    async with provider() as there, at_home(tmp_path, there) as console, console.client() as browser:
        there.metadata["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
        assert (await browser.get(there.consent(await sent(browser)))).status_code == 303
        assert there.seen_form["client_secret"] == SECRET


async def test_a_curve_signs_as_well(tmp_path: Path) -> None:
    """ES256, by a key that the provider shows."""
    async with provider() as there, at_home(tmp_path, there) as console, console.client() as browser:
        there.keys, there.header = [KEY, CURVE], {"alg": "ES256", "kid": "curve"}
        there.sign = lambda header, claims: jwt.encode(header, claims, CURVE, algorithms=["ES256"])
        assert (await browser.get(there.consent(await sent(browser)))).status_code == 303
        assert console.trail()[-1].act.outcome == "done"


async def test_a_provider_may_change_its_keys(tmp_path: Path) -> None:
    """A key that is not known is looked for once more, and not at each try: a liar would have us ask for ever."""
    async with provider() as there, at_home(tmp_path, there) as console, console.client() as browser:
        assert (await browser.get(there.consent(await sent(browser)))).status_code == 303
        there.keys, there.header = [OTHER], {"alg": "RS256", "kid": "other"}
        there.sign = lambda header, claims: jwt.encode(header, claims, OTHER, algorithms=["RS256"])
        console.now_ms += 31_000
        assert (await browser.get(there.consent(await sent(browser)))).status_code == 303
        assert there.hits["keys"] == 2
        there.header = {"alg": "RS256", "kid": "third"}
        for _ in range(3):
            assert (await browser.get(there.consent(await sent(browser)))).status_code == 403
        assert there.hits["keys"] == 2


async def test_groups_give_a_role_to_whom_nobody_named(tmp_path: Path) -> None:
    """The greatest of them; whoever has none of these groups stays out, and a group that is taken away is noticed."""
    groups = {"crisis-team": "responder", "everybody": "viewer"}
    async with provider() as there, at_home(tmp_path, there, people={}, groups=groups) as console:
        for given, role in ((["everybody", "crisis-team"], "responder"), ("everybody", "viewer")):
            there.claims = {"groups": given}
            async with console.client() as browser:
                assert (await browser.get(there.consent(await sent(browser)))).status_code == 303
                await browser.get("/now")
                assert console.called[-1][2].role == role
        for given in (["tennis"], [], None, {"crisis-team": 1}, [["crisis-team"]]):
            there.claims = {"groups": given}
            async with console.client() as browser:
                response = await browser.get(there.consent(await sent(browser)))
                assert response.status_code == 403
            console.now_ms += 3_600_001


# ---- attacks on the token


def _signs(key: Any, alg: str) -> Callable[[Given, Given], str]:
    return lambda header, claims: jwt.encode({**header, "alg": alg}, claims, key, algorithms=[alg])


def _cut(header: Given, claims: Given) -> str:
    token = jwt.encode(header, claims, KEY, algorithms=["RS256"])
    head, body, _ = token.split(".")
    return f"{head}.{body}."


def _altered(header: Given, claims: Given) -> str:
    mine = jwt.encode(header, {**claims, "email": "boss@example.org"}, OTHER, algorithms=["RS256"])
    theirs = jwt.encode(header, claims, KEY, algorithms=["RS256"])
    return ".".join([theirs.split(".")[0], mine.split(".")[1], theirs.split(".")[2]])


def _own_key(header: Given, claims: Given) -> str:
    """A token that brings the key to believe it by."""
    return jwt.encode({**header, "jwk": OTHER.as_dict(private=False)}, claims, OTHER, algorithms=["RS256"])


FORGED: Mapping[str, Callable[[Given, Given], str]] = {
    "nobody signed it": unsigned,
    "the signature is cut off": _cut,
    "the body is another one's": _altered,
    "another key signed it under the right name": _signs(OTHER, "RS256"),
    "it brings its own key": _own_key,
    "the public key is taken as a secret": signed_with_public_key,
    "the client's secret signed it": signed_with_client_secret,
    "it is no token at all": lambda *_: "x.y.z",
    "it is empty": lambda *_: "",
    "it is enormous": lambda *_: "x" * 100_000,
    "an algorithm nobody has": lambda _, claims: unsigned({}, claims).replace("bm9uZSI", "WFhYWCI"),
}
LIES: Mapping[str, Given] = {
    "for another client": {"aud": "another-console"},
    "for several, and made for another": {"aud": [CLIENT, "another"], "azp": "another"},
    "for several, and nobody says for whom it was made": {"aud": [CLIENT, "another"]},
    "for us, and made for another": {"azp": "another"},
    "for an audience that is no text": {"aud": [CLIENT, 7]},
    "by another issuer": {"iss": "https://evil.example"},
    "by our issuer with a slash more": {"iss": "SLASH"},
    "expired": {"exp": 1_600_000_000},
    "with an expiry that is no number": {"exp": "tomorrow"},
    "not valid yet": {"nbf": 4_000_000_000},
    "issued in the future": {"iat": 4_000_000_000},
    "with the nonce of another sign-in": {"nonce": "x" * 43},
    "with a nonce that is no text": {"nonce": ["x"]},
    "of somebody without a name": {"email": ""},
    "of a name that is no text": {"email": ["ana@example.org"]},
    "of an address that nobody verified": {"email_verified": False},
    "of an address that is verified in a word": {"email_verified": "yes"},
    "of somebody whom we do not name": {"email": "eve@example.org"},
    "of a name that looks like one of ours": {"email": "\u0430na@example.org"},
    "of a name that folds into one of ours": {"email": "ana@example.or\u24d6"},
}
WITHOUT = ("iss", "aud", "sub", "exp", "iat", "nonce", "email", "email_verified")


async def _refused(console: Entered, there: FakeProvider) -> None:
    async with console.client() as browser:
        response = await browser.get(there.consent(await sent(browser)))
        assert response.status_code == 403, response.text
        assert "tocsin_session" not in browser.cookies
        assert (await browser.get("/now")).status_code == 303
    act = console.trail()[-1].act
    assert (act.who, act.how, act.outcome) == ("unknown", "oidc", "refused")
    # The next attack begins with a clean slate.
    console.now_ms += 3_600_001
    there.claims = {"iat": console.now_ms // 1000, "exp": console.now_ms // 1000 + 300}


async def test_a_forged_token_signs_nobody_in(tmp_path: Path) -> None:
    """Eleven ways to sign what the provider did not."""
    async with provider() as there, at_home(tmp_path, there) as console:
        right = there.sign
        for name, forge in FORGED.items():
            there.sign = forge
            await _refused(console, there)
            assert console.trail()[-1].act.why in ("bad signature", "token too large"), name
        there.sign = right
        async with console.client() as browser:
            assert (await browser.get(there.consent(await sent(browser)))).status_code == 303


async def test_a_token_that_says_something_else_signs_nobody_in(tmp_path: Path) -> None:
    """What it says must be for us, from there, of now, and of this very sign-in; and nothing may be missing."""
    async with provider() as there, at_home(tmp_path, there) as console:
        now = {"iat": console.now_ms // 1000, "exp": console.now_ms // 1000 + 300}
        for name, lie in LIES.items():
            there.claims |= {**lie, **({"iss": f"{there.base_url}/"} if lie.get("iss") == "SLASH" else {})}
            await _refused(console, there)
            assert console.trail()[-1].act.why, name
        for claim in WITHOUT:
            there.without = (claim,)
            await _refused(console, there)
        there.without = ()
        assert now["exp"] < there.claims["exp"]
        async with console.client() as browser:
            assert (await browser.get(there.consent(await sent(browser)))).status_code == 303


# ---- attacks on the way


async def _replayed(there: FakeProvider, console: Entered) -> httpx.Response:
    async with console.client() as browser:
        back = there.consent(await sent(browser))
        kept = dict(browser.cookies)
        assert (await browser.get(back)).status_code == 303
    async with console.client(cookies=kept) as thief:
        return await thief.get(back)


async def _another_browser(there: FakeProvider, console: Entered) -> httpx.Response:
    async with console.client() as browser, console.client() as thief:
        back = there.consent(await sent(browser))
        await sent(thief)
        return await thief.get(back)


async def _no_browser(there: FakeProvider, console: Entered) -> httpx.Response:
    async with console.client() as browser, console.client() as thief:
        return await thief.get(there.consent(await sent(browser)))


async def _another_code(there: FakeProvider, console: Entered) -> httpx.Response:
    """The code of somebody else, put into one's own answer: the verifier does not fit it."""
    async with console.client() as browser, console.client() as victim:
        mine, theirs = there.consent(await sent(browser)), there.consent(await sent(victim))
        code = theirs.partition("code=")[2].partition("&")[0]
        rest = mine.partition("&")[2]
        return await browser.get(f"/sign-in/back?code={code}&{rest}")


async def _made_up_state(there: FakeProvider, console: Entered) -> httpx.Response:
    async with console.client() as browser:
        back = there.consent(await sent(browser))
        return await browser.get(back.replace("state=", "state=x"))


async def _without_state(there: FakeProvider, console: Entered) -> httpx.Response:
    async with console.client() as browser:
        back = there.consent(await sent(browser))
        return await browser.get(back.partition("&state=")[0])


async def _too_late(there: FakeProvider, console: Entered) -> httpx.Response:
    async with console.client() as browser:
        back = there.consent(await sent(browser))
        console.now_ms += 10 * 60_000
        return await browser.get(back)


async def _said_twice(there: FakeProvider, console: Entered) -> httpx.Response:
    async with console.client() as browser:
        return await browser.get(there.consent(await sent(browser)) + "&code=another")


async def _mixed_up(there: FakeProvider, console: Entered) -> httpx.Response:
    """The answer of another provider (RFC 9207)."""
    async with console.client() as browser:
        back = there.consent(await sent(browser)).partition("&iss=")[0]
        return await browser.get(f"{back}&iss=https%3A%2F%2Fevil.example")


async def _issuer_left_out(there: FakeProvider, console: Entered) -> httpx.Response:
    async with console.client() as browser:
        return await browser.get(there.consent(await sent(browser)).partition("&iss=")[0])


async def _denied(there: FakeProvider, console: Entered) -> httpx.Response:
    async with console.client() as browser:
        back = there.consent(await sent(browser)).replace("code=", "error=access_denied&was=")
        return await browser.get(back)


async def _no_identity(there: FakeProvider, console: Entered) -> httpx.Response:
    there.token_answer = {"access_token": "x", "token_type": "Bearer"}
    async with console.client() as browser:
        response = await browser.get(there.consent(await sent(browser)))
    there.token_answer = None
    return response


async def _answer_of_an_error(there: FakeProvider, console: Entered) -> httpx.Response:
    there.token_answer, there.token_status = {"id_token": "x.y.z"}, 500
    async with console.client() as browser:
        response = await browser.get(there.consent(await sent(browser)))
    there.token_answer, there.token_status = None, 200
    return response


async def _only_a_secret_key(there: FakeProvider, console: Entered) -> httpx.Response:
    """Keys that both sides have do not tell who signed."""
    console.now_ms += 3_600_001
    there.keys, there.sign = [OctKey.import_key(SECRET).as_dict(private=True)], signed_with_client_secret
    async with console.client() as browser:
        return await browser.get(there.consent(await sent(browser)))


ON_THE_WAY: tuple[Callable[[FakeProvider, Entered], Awaitable[httpx.Response]], ...] = (
    _replayed,
    _another_browser,
    _no_browser,
    _another_code,
    _made_up_state,
    _without_state,
    _too_late,
    _said_twice,
    _mixed_up,
    _issuer_left_out,
    _denied,
    _no_identity,
    _answer_of_an_error,
    _only_a_secret_key,
)


async def test_nobody_comes_in_by_what_was_meant_for_another(tmp_path: Path) -> None:
    """Replays, stolen answers, mixed-up providers, empty ones: each ends at the page to sign in on."""
    async with provider() as there, at_home(tmp_path, there) as console:
        for attack in ON_THE_WAY:
            response = await attack(there, console)
            assert response.status_code == 403, attack.__name__
            assert "session" not in response.headers.get("set-cookie", "").partition("=")[0], attack.__name__
            assert console.trail()[-1].act.outcome == "refused", attack.__name__
            console.now_ms += 3_600_001


@pytest.mark.parametrize(
    ("metadata", "why"),
    [
        ({"issuer": "https://evil.example"}, "another issuer"),
        ({"authorization_endpoint": "http://evil.example/"}, "address refused"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "address refused"),
        ({"token_endpoint": 7}, "discovery unreadable"),
    ],
    ids=["another issuer", "no https", "no address", "no text"],
)
async def test_a_provider_that_says_something_odd_of_itself_is_not_gone_to(
    tmp_path: Path, metadata: Given, why: str
) -> None:
    """Nobody is sent to an address that the rules of all our calls refuse."""
    async with provider() as there, at_home(tmp_path, there) as console, console.client() as browser:
        there.metadata = metadata
        with capture_logs() as lines:
            response = await browser.get("/sign-in/elsewhere")
        assert response.status_code == 502
        assert [line["why"] for line in lines if line["event"] == "sign-in not possible"] == [why]


async def test_codes_and_keys_are_fetched_from_allowed_places_alone(tmp_path: Path) -> None:
    """The metadata of a machine in the cloud, and where an answer leads on to: not asked (SSRF)."""
    async with provider() as there, at_home(tmp_path, there) as console:
        for endpoint in ("http://169.254.169.254/token", "https://127.0.0.1:1/token", f"{there.base_url}/elsewhere"):
            there.metadata = {"token_endpoint": endpoint}
            async with console.client() as browser:
                assert (await browser.get(there.consent(await sent(browser)))).status_code == 403
            # What it says of itself is asked for anew after an hour.
            console.now_ms += 3_600_001
        assert "elsewhere" not in there.hits or there.hits.get("keys", 0) == 0


async def test_no_secret_of_the_provider_reaches_the_log(tmp_path: Path) -> None:
    """Codes, tokens, states, the client's secret: none of them is in a line."""
    async with provider() as there, at_home(tmp_path, there) as console, console.client() as browser:
        with capture_logs() as lines:
            back = there.consent(await sent(browser))
            there.claims = {"email": "eve-canary@example.org"}
            await browser.get(back)
        text = repr(lines)
        assert "sign-in refused" in text
        parts = [part.partition("=")[2] for part in back.partition("?")[2].split("&")]
        assert [secret for secret in (*parts[:2], SECRET, "eve-canary") if secret in text] == []


async def test_many_who_never_come_back_take_no_room(tmp_path: Path) -> None:
    """Whoever begins thousands of sign-ins pushes out the oldest, and no more."""
    async with provider() as there, at_home(tmp_path, there) as console:
        elsewhere = console.entrance._provider
        assert elsewhere is not None
        for number in range(MOST_UNDER_WAY + 50):
            await elsewhere.begin("/", str(number))
        assert len(elsewhere._under_way) == MOST_UNDER_WAY
        assert there.hits["about"] == 1


async def test_a_password_is_no_way_in_where_nobody_has_one(tmp_path: Path) -> None:
    """Ways that are not set up are shut, whatever is sent to them."""
    async with provider() as there, at_home(tmp_path, there) as console, console.client() as browser:
        given = {"name": "ana@example.org", "password": PASSWORD}
        assert (await browser.post("/sign-in", data=given)).status_code == 403
        assert (await browser.get("/sign-in")).status_code == 200
