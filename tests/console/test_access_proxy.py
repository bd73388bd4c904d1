"""A reverse proxy that says who comes: believed from where it calls, and from nowhere else."""

from pathlib import Path

from tests.console.entering import entered

PEOPLE = {
    "ana@example.org": {"role": "responder", "responder": "ana"},
    "vera@example.org": {"role": "viewer", "brands": ["Zeta"]},
}
HERE = {"people": PEOPLE, "proxy": {"peers": ["127.0.0.1"], "header": "X-Forwarded-User"}}
ELSEWHERE = {"people": PEOPLE, "proxy": {"peers": ["10.0.0.0/8", "::1"], "header": "X-Forwarded-User"}}


async def test_whom_the_proxy_let_in_is_in(tmp_path: Path) -> None:
    """By the header, from a listed peer, if `people` names them; each request anew."""
    async with entered(tmp_path, HERE) as console, console.client() as browser:
        ana = {"x-forwarded-user": "Ana@Example.org"}
        assert (await browser.get("/now", headers=ana)).text == "hello ana@example.org"
        visitor = console.called[-1][2]
        assert (visitor.how, visitor.responder) == ("proxy", "ana")
        assert (await browser.get("/now")).status_code == 303
        assert (await browser.get("/now", headers={"x-forwarded-user": "eve@example.org"})).status_code == 303
        assert (await browser.get("/brands/Acme", headers={"x-forwarded-user": "vera@example.org"})).status_code == 404
        assert "set-cookie" not in (await browser.get("/now", headers=ana)).headers


async def test_a_header_from_elsewhere_is_not_believed(tmp_path: Path) -> None:
    """Spoofing: the same header from any other address, whatever it says of where it comes from."""
    async with entered(tmp_path, ELSEWHERE) as console, console.client() as browser:
        for more in (
            {},
            {"x-forwarded-for": "10.0.0.1"},
            {"x-real-ip": "10.0.0.1"},
            {"forwarded": "for=10.0.0.1"},
            {"x-forwarded-for": "10.0.0.1, 10.0.0.2", "x-forwarded-proto": "https"},
        ):
            given = {"x-forwarded-user": "ana@example.org", **more}
            assert (await browser.get("/now", headers=given)).status_code == 303
        assert console.called == []


async def test_a_header_that_is_given_twice_names_nobody(tmp_path: Path) -> None:
    """A proxy that appends its header to that of a visitor has said two things."""
    async with entered(tmp_path, HERE) as console, console.client() as browser:
        both = [("x-forwarded-user", "boss@example.org"), ("x-forwarded-user", "ana@example.org")]
        assert (await browser.get("/now", headers=both)).status_code == 303
        assert (await browser.get("/now", headers={"X_Forwarded_User": "ana@example.org"})).status_code == 303
        assert console.called == []


async def test_forms_behind_a_proxy_carry_a_token_too(tmp_path: Path) -> None:
    """The proxy's own cookie comes along with any site's form; it survives a restart, so an open page goes on."""
    ana = {"x-forwarded-user": "ana@example.org"}
    async with entered(tmp_path, HERE) as console, console.client(headers=ana) as browser:
        assert (await browser.post("/incidents/acme-1/own")).status_code == 403
        await browser.get("/now")
        csrf = console.called[-1][2].csrf
        assert (await browser.post("/incidents/acme-1/own", data={"csrf": csrf})).status_code == 200
        evil = {"sec-fetch-site": "cross-site", "origin": "https://evil.example"}
        assert (await browser.post("/incidents/acme-1/own", data={"csrf": csrf}, headers=evil)).status_code == 403
    async with entered(tmp_path, HERE) as console, console.client(headers=ana) as browser:
        assert (await browser.post("/incidents/acme-1/own", data={"csrf": csrf})).status_code == 200


async def test_the_place_of_a_request_is_the_last_that_the_proxy_did_not_make(tmp_path: Path) -> None:
    """Guessing is delayed by where it comes from; what a guesser writes into the header changes nothing."""
    local = {"token": True, "people": {}, "proxy": {"peers": ["127.0.0.1"]}}
    async with entered(tmp_path, local) as console:
        async with console.client() as browser:
            for number in range(5):
                headers = {"x-forwarded-for": f"203.0.113.{number}, 192.0.2.7, 127.0.0.1"}
                last = await browser.get("/sign-in?token=guessed", headers=headers)
            assert last.status_code == 429
        assert list(console.entrance.gate._asks._held) == ["192.0.2.7"]
