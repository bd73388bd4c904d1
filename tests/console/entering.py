"""A console without a service, for tests of who may come in: the real gate, stores and server, and sample pages."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from tocsin.console.audit import Kept
from tocsin.console.doors import Door, Visitor
from tocsin.console.opening import ConsoleServer, Entrance
from tocsin.console.passwords import kept_of
from tocsin.console_sections import ConsoleSettings, known_as
from tocsin.secret import Secret
from tocsin.setting_sections import Secrets

BRANDS = {"acme-1": "Acme", "zeta-1": "Zeta"}
"""Incidents, and whose they are."""
PASSWORD = "correct horse battery"
KEPT = kept_of(PASSWORD, log_n=14)
PEOPLE: Mapping[str, Mapping[str, Any]] = {
    "vera@example.org": {"role": "viewer"},
    "ana@example.org": {"role": "responder", "responder": "ana"},
    "boss@example.org": {"role": "admin"},
    "zoe@example.org": {"role": "responder", "responder": "zoe", "brands": ["Zeta"]},
}
HTML = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


class Entered:
    """One console that runs. `now_ms` is its clock; `called` says which handlers heard of a request."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.now_ms = 1_800_000_000_000
        self.called: list[tuple[str, str, Visitor]] = []
        self.server = ConsoleServer(ConsoleSettings())

    @property
    def entrance(self) -> Entrance:
        """Its gate and stores."""
        assert self.server.entrance is not None
        return self.server.entrance

    @property
    def base_url(self) -> str:
        """Where it listens."""
        return f"http://{self.host}"

    host = ""

    @property
    def link(self) -> str:
        """The link that signs in, at the address where it listens."""
        assert self.entrance.token is not None
        return f"/sign-in?token={self.entrance.token.reveal()}"

    def trail(self) -> list[Kept]:
        """Every act, oldest first."""
        return list(self.entrance.audit.all())

    def client(self, **more: Any) -> httpx.AsyncClient:
        """A browser, as far as one is needed: it keeps cookies and says which site it sends from."""
        headers = HTML | {"sec-fetch-site": "same-origin", "origin": self.base_url} | more.pop("headers", {})
        # A minute, and no certificates: other tests share the machine, and nothing here is asked over TLS.
        return httpx.AsyncClient(base_url=self.base_url, headers=headers, timeout=60, verify=False, **more)

    async def signed_in(self, name: str, **more: Any) -> httpx.AsyncClient:
        """A browser whose person signed in with the password."""
        client = self.client(**more)
        response = await client.post("/sign-in", data={"name": name, "password": PASSWORD})
        assert response.status_code == 303, response.text
        return client

    def csrf(self, client: httpx.AsyncClient) -> str:
        """What the forms of this browser's person carry."""
        number = next(value for name, value in client.cookies.items() if "session" in name)
        session = self.entrance.sessions.of(number, at_ms=self.now_ms)
        assert session is not None
        return session.csrf

    def sample(self) -> list[Door]:
        """A way in of each kind."""
        return [
            Door(path="/now", needs="see", handler=self.note),
            Door(path="/brands/{brand}", needs="see", handler=self.note),
            Door(path="/incidents/{incident}", needs="see", handler=self.note),
            Door(path="/incidents/{incident}/own", needs="act", method="POST", says="own", handler=self.note),
            Door(path="/silences/{brand}", needs="act", method="DELETE", says="unsilence", handler=self.note),
            Door(path="/settings", needs="administer", handler=self.note),
            Door(path="/api/v1/now", needs="see", handler=self.note),
            Door(path="/api/v1/incidents/{incident}/own", needs="act", method="POST", says="own", handler=self.note),
            Door(path="/broken", needs="see", handler=self.fail),
        ]

    async def note(self, request: Request, visitor: Visitor) -> Response:
        """Note that the gate let somebody through."""
        self.called.append((request.method, request.url.path, visitor))
        return PlainTextResponse(f"hello {visitor.name}")

    async def fail(self, _request: Request, _visitor: Visitor) -> Response:
        """A mistake of ours, with what somebody wrote in it."""
        raise RuntimeError("the words of a post")


@asynccontextmanager
async def entered(
    directory: Path,
    console: Mapping[str, Any] | None = None,
    *,
    doors: Callable[[Entered], Sequence[Door]] = Entered.sample,
    secrets: Secrets | None = None,
    public_url: Callable[[str], str] | None = None,
) -> AsyncIterator[Entered]:
    """A console by these settings, with passwords for `PEOPLE` unless something else is said."""
    found = Entered(directory)
    given = {"people": PEOPLE, "token": True} if console is None else dict(console)
    settings = ConsoleSettings.model_validate({"listen": "127.0.0.1:0", **given})
    passwords = {known_as(name): Secret(KEPT) for name in settings.people}

    def make(base_url: str) -> tuple[Entrance, Sequence[Door]]:
        found.host = base_url.removeprefix("http://")
        with_url = settings.model_copy(update={"public_url": public_url(base_url)}) if public_url else settings
        entrance = Entrance(
            with_url,
            secrets or Secrets(console_passwords=passwords),
            directory,
            clock=lambda: found.now_ms,
            brands=sorted(set(BRANDS.values())),
            brand_of=BRANDS.get,
            base_url=base_url,
        )
        return entrance, doors(found)

    found.server = ConsoleServer(settings)
    found.server.open(make)
    assert not found.server.problem, found.server.problem
    task = asyncio.create_task(found.server.serve())
    await found.server.opened()
    try:
        yield found
    finally:
        found.server.end()
        await task
        found.server.close()
