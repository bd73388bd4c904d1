"""Every way in of a console, tried by everybody: what each may is said here once more, and asked of the gate."""

import asyncio
import contextlib
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import httpx
import msgspec

from tests.acceptance.living import CHART
from tests.console.entering import HTML, KEPT, PASSWORD, Entered, entered
from tocsin.console.doors import Door
from tocsin.console.tokens import Token
from tocsin.embedded import Service
from tocsin.settings import load_settings

OPEN = {("GET", "/healthz"), ("GET", "/sign-in"), ("POST", "/sign-in"), ("GET", "/static/{file:path}")}
"""What is there for somebody who is not signed in: health, the way to sign in, and the files that its page is made
with. Those say nothing of a deployment: they are the same in every one, and stand in the repository."""
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
ASKED = (HTML, {"accept": "application/json"}, {"hx-request": "true", **HTML})
MAY: Mapping[str, Sequence[str]] = {
    "viewer": ("see",),
    "responder": ("see", "act"),
    "admin": ("see", "act", "administer"),
}


class Who(NamedTuple):
    """One who tries."""

    client: httpx.AsyncClient
    role: str
    brands: tuple[str, ...]
    csrf: str = ""
    token: bool = False
    verbs: tuple[str, ...] | None = None


async def service_of(directory: Path, people: str = "{}", env: Mapping[str, str] | None = None) -> Service:
    """A service as `tocsin run` starts it, with two brands that have nothing to do with each other."""
    (directory / "chart.yaml").write_text(CHART.format(within="3s"))
    config = directory / "tocsin.yaml"
    config.write_text(
        "flowchart: chart.yaml\ndata: data\nbrands:\n  - {name: Acme, query: acme}\n  - {name: Zeta, query: zeta}\n"
        f'ingest: {{listen: "127.0.0.1:0"}}\nconsole: {{listen: "127.0.0.1:0", people: {people}}}\n'
    )
    service = Service(load_settings(config, env or {}), terminal=io.StringIO())
    await service.start()
    assert not service.console.problem, service.console.problem
    return service


def address(door: Door, brand: str) -> str:
    """An address behind a door, about this brand and its incident."""
    named = {"brand": brand, "incident": f"{brand.lower()}-1"}
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: named.get(found[1], "1"), door.path)


def is_about_one(door: Door) -> bool:
    """Whether its address names a brand, or an incident of one."""
    return "{brand}" in door.path or "{incident}" in door.path


async def test_nothing_is_reachable_without_signing_in_but_health_and_the_way_in(tmp_path: Path) -> None:
    """A crawl over every door of a running service, by every method: as a page, a program and a script of ours."""
    service = await service_of(tmp_path)
    try:
        entrance = service.console.entrance
        assert entrance is not None
        doors = service.console.doors
        assert len(doors) > 20
        assert {(door.method, door.path) for door in doors if door.needs == "open"} | {("GET", "/healthz")} == OPEN
        tried = reached = 0
        async with httpx.AsyncClient(base_url=entrance.base_url, headers={"origin": entrance.base_url}) as stranger:
            entrance.gate._asks._burst = entrance.gate._asks._per_s = 1 << 40
            for path in sorted({address(door, "Acme") for door in doors if door.needs != "open"} | {"/", "/nothing"}):
                for method in METHODS:
                    for headers in ASKED if method in ("GET", "POST") else ASKED[:1]:
                        response = await stranger.request(method, path, headers=headers)
                        tried += 1
                        signed_out = response.status_code == 401 or (
                            response.status_code == 303 and response.headers["location"].startswith("/sign-in")
                        )
                        reached += not signed_out
                        assert signed_out, (method, path, response.status_code)
                        assert "Acme" not in response.text
                        assert "set-cookie" not in response.headers
        assert (reached, tried > 300) == (0, True)
    finally:
        await service.stop()


async def test_every_role_may_what_it_may_and_nothing_else(tmp_path: Path) -> None:
    """Role by verb by brand for every door of a running service, over real requests; the handlers only note them."""
    service = await service_of(tmp_path)
    doors = [door for door in service.console.doors if door.needs != "open" and door.path != "/sign-out"]
    await service.stop()

    def noted(console: Entered) -> list[Door]:
        return [msgspec.structs.replace(door, handler=console.note) for door in doors]

    there = tmp_path / "console"
    async with entered(there, doors=noted) as console:
        everybody = await _everybody(console)
        wrong = []
        for door in doors:
            for brand in ("Acme", "Zeta") if is_about_one(door) else ("Acme",):
                for name, who in everybody.items():
                    expected = _expected(door, who, brand)
                    if (found := await _tried(console, door, who, brand)) != expected:
                        wrong.append((name, door.method, door.path, brand, expected, found))
        assert wrong == []
        assert await _by_other_methods(console, doors, everybody["admin"]) == []
        for who in everybody.values():
            await who.client.aclose()


async def test_no_page_speaks_of_a_brand_that_is_not_ones_own(tmp_path: Path) -> None:
    """Every page, file of the API and stream of a running service, as somebody who sees one brand of two."""
    zoe = "{zoe: {role: responder, responder: ana, brands: [Zeta], password_env: ZOE}}"
    service = await service_of(tmp_path, zoe, {"ZOE": KEPT})
    try:
        entrance = service.console.entrance
        assert entrance is not None
        headers = {"origin": entrance.base_url, **HTML}
        told: dict[str, str] = {}
        async with httpx.AsyncClient(base_url=entrance.base_url, headers=headers, timeout=60, verify=False) as browser:
            signed_in = await browser.post("/sign-in", data={"name": "zoe", "password": PASSWORD})
            assert signed_in.status_code == 303
            for door in service.console.doors:
                if door.method == "GET" and door.needs != "open":
                    path = address(door, "Zeta")
                    told[path] = await _beginning(browser, path)
        assert len(told) > 20
        assert any("Zeta" in text for text in told.values())
        assert [path for path, text in told.items() if "acme" in text.casefold()] == []
    finally:
        await service.stop()


async def _beginning(browser: httpx.AsyncClient, path: str) -> str:
    """A page, or the first second of a stream: that has no end."""
    text = ""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(10 if not path.startswith("/live/") else 1), browser.stream("GET", path) as response:
            async for piece in response.aiter_text():
                text += piece
    return text


async def _everybody(console: Entered) -> dict[str, Who]:
    both = ("Acme", "Zeta")
    found = {"nobody": Who(console.client(), "", ())}
    for name, role, brands in (
        ("vera", "viewer", both),
        ("ana", "responder", both),
        ("boss", "admin", both),
        ("zoe", "responder", ("Zeta",)),
    ):
        client = await console.signed_in(f"{name}@example.org")
        found["admin" if role == "admin" else name] = Who(client, role, brands, console.csrf(client))
    tokens = {
        "a token that looks": Token(name="looks", role="viewer"),
        "a token that acts": Token(name="acts", role="responder", responder="ana"),
        "a token of one brand": Token(name="one", role="responder", responder="zoe", brands=("Zeta",)),
        "a token of an admin that only looks": Token(name="narrow", role="admin", verbs=("see",)),
    }
    for name, token in tokens.items():
        secret = console.entrance.tokens.make(token, days=30)
        client = console.client(headers={"authorization": f"Bearer {secret}"})
        found[name] = Who(client, token.role, token.brands or both, token=True, verbs=token.verbs)
    return found


def _expected(door: Door, who: Who, brand: str) -> str:
    """What the roles say, in the words of `docs/console.md`."""
    if not who.role or (who.token and not door.path.startswith("/api/")):
        return "signed out"
    if is_about_one(door) and brand not in who.brands:
        return "not there"
    if door.needs not in MAY[who.role] or (who.verbs is not None and door.needs not in who.verbs):
        return "not allowed"
    return "let through"


async def _tried(console: Entered, door: Door, who: Who, brand: str) -> str:
    console.now_ms += 1_001  # nobody is too fast
    console.called.clear()
    headers = {"accept": "application/json"} | ({"x-csrf-token": who.csrf} if who.csrf else {})
    response = await who.client.request(door.method, address(door, brand), headers=headers)
    if console.called:
        assert response.status_code == 200
        return "let through"
    if response.status_code == 401 or response.headers.get("location", "").startswith("/sign-in"):
        return "signed out"
    return {403: "not allowed", 404: "not there"}.get(response.status_code, f"status {response.status_code}")


async def _by_other_methods(console: Entered, doors: Sequence[Door], who: Who) -> list[tuple[str, str]]:
    """Who may do everything, by methods that no door has at that address: what was let through all the same."""
    known = {(door.method, address(door, "Acme")) for door in doors}
    found = []
    for path in sorted({path for _, path in known}):
        for method in ("GET", "POST", "PUT", "DELETE"):
            if (method, path) in known:
                continue
            console.now_ms += 1_001
            console.called.clear()
            headers = {"accept": "application/json", "x-csrf-token": who.csrf}
            await who.client.request(method, path, headers=headers)
            found += [(method, path)] if console.called else []
    return found
