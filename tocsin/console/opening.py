"""EDGE. The console, opened: its stores, its gate, and the server that it answers by.

It is there to look at the service, so it never stands in its way: where it cannot open, that is said, and all else
runs.
"""

import contextlib
import socket
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import structlog
from starlette.types import ASGIApp

from stream.sources.store import StoreError
from tocsin.console.app import console_app
from tocsin.console.audit import Audit
from tocsin.console.doors import Door
from tocsin.console.gate import Gate
from tocsin.console.oidc import Provider
from tocsin.console.own_words import own_line
from tocsin.console.proxy import Proxy
from tocsin.console.refusing import Refusing
from tocsin.console.render import Renderer
from tocsin.console.roll import Roll
from tocsin.console.sessions import Sessions
from tocsin.console.sign_in_token import link_to, note_place, token_of
from tocsin.console.signing_in import SigningIn
from tocsin.console.signing_in_elsewhere import BACK, SigningInElsewhere
from tocsin.console.statics import Statics
from tocsin.console.tokens import FILE as TOKENS_FILE
from tocsin.console.tokens import Tokens
from tocsin.console.wording import load
from tocsin.console_sections import ConsoleSettings
from tocsin.serving import Server, address_of, listener, opened, server_over
from tocsin.setting_sections import Secrets

log = structlog.get_logger("tocsin")


class Entrance:
    """Who may come in and what they did, for one data directory: sessions, tokens, the trail, the gate.

    `brand_of` knows whose incident one is. Raises `StoreError`.
    """

    def __init__(
        self,
        console: ConsoleSettings,
        secrets: Secrets,
        directory: Path,
        *,
        clock: Callable[[], int],
        brands: Collection[str],
        brand_of: Callable[[str], str | None],
        base_url: str,
    ) -> None:
        self.base_url = console.public_url or base_url
        self.origins = sorted({self.base_url, base_url})
        statics = Statics()
        self.renderer = Renderer(load(), statics, console.language)
        with contextlib.ExitStack() as kept:
            self.audit = kept.enter_context(contextlib.closing(Audit(directory)))
            self.sessions = kept.enter_context(
                contextlib.closing(
                    Sessions(directory / "sessions.db", idle_ms=console.idle, longest_ms=console.longest)
                )
            )
            self.tokens = kept.enter_context(contextlib.closing(Tokens(directory / TOKENS_FILE, clock)))
            self.token = token_of(directory) if console.by_token else None
            self._stores = kept.pop_all()
        roll = Roll(console)
        proxy = Proxy(console.proxy, roll, self.sessions.key())
        self.gate = Gate(
            roll,
            self.sessions,
            self.audit,
            Refusing(self.renderer),
            clock=clock,
            address_of=proxy.address_of,
            origins=self.origins,
            brands=brands,
            brand_of=brand_of,
            tokens=self.tokens,
            headed=proxy,
        )
        signing_in = SigningIn(
            console,
            self.gate,
            self.renderer,
            token=self.token,
            passwords=secrets.console_passwords,
            provider=urlsplit(console.oidc.issuer).hostname or "" if console.oidc is not None else "",
        )
        self.doors: list[Door] = [*statics.doors(), *signing_in.doors()]
        note_place(directory, base_url)
        self._provider: Provider | None = None
        if console.oidc is not None:
            back = f"{self.base_url}{BACK}"
            self._provider = Provider(console.oidc, secrets.console_oidc, back, clock=clock)
            self.doors += SigningInElsewhere(self._provider, self.gate, signing_in).doors()

    @property
    def link(self) -> str:
        """Where people open it; with the token of this machine, where that signs in."""
        return link_to(self.base_url, self.token) if self.token is not None else self.base_url

    async def part(self) -> None:
        """Close the connections that are still open."""
        if self._provider is not None:
            await self._provider.close()

    def close(self) -> None:
        """Close every file."""
        self._stores.close()


Make = Callable[[str], tuple[Entrance, Sequence[Door]]]


class ConsoleServer:
    """The console's listener and server. `open` it, `serve` it in a task of its own, and `close` it at the end."""

    def __init__(self, console: ConsoleSettings) -> None:
        self._console = console
        self._door: socket.socket | None = None
        self._server: Server | None = None
        self.entrance: Entrance | None = None
        self.doors: Sequence[Door] = ()
        """Every way in that it has, but for those that the application itself brings."""
        self.problem = ""
        """Why it is not open; empty where it is."""

    def open(self, make: Make, around: Callable[[ASGIApp], ASGIApp] = lambda app: app) -> None:
        """Listen, and build what answers; `make` is given the address, and `around` puts something before all of it.
        What goes wrong is told, and stays here.
        """
        try:
            self._door = self._listener()
            self.entrance, doors = make(address_of(self._door))
            entrance = self.entrance
            self.doors = [*entrance.doors, *doors]
            app = console_app(self.doors, entrance.gate, origins=entrance.origins)
            self._server = server_over(around(app))
        except (OSError, StoreError) as error:
            self._not_open(str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, it may not keep the service from paging people
            self._not_open(f"{type(error).__name__}: {own_line(str(error), 300)}")

    def _not_open(self, problem: str) -> None:
        self.problem = problem
        log.error("console not open", problem=problem)
        self.close()

    def _listener(self) -> socket.socket:
        console = self._console
        try:
            return listener(console.host, console.port)
        except OSError:
            if "listen" in console.model_fields_set:
                raise
            # Nobody asked for this very port: another service on this machine has it.
            return listener(console.host, 0)

    @property
    def address(self) -> str:
        """Where it listens, as a URL; empty where it is not open."""
        return address_of(self._door) if self._door is not None else ""

    async def serve(self) -> None:
        """Answer, until told to end."""
        if self._server is not None and self._door is not None:
            await self._server.serve(sockets=[self._door])
            if self.entrance is not None:
                await self.entrance.part()

    async def opened(self) -> None:
        """Return when it answers."""
        if self._server is not None:
            await opened(self._server)

    def end(self) -> None:
        """Take no more requests, and let `serve` come to its end."""
        if self._server is not None:
            self._server.should_exit = True

    def close(self) -> None:
        """Close the files and the door."""
        if self.entrance is not None:
            self.entrance.close()
            self.entrance = None
        if self._door is not None:
            self._door.close()
            self._door = None
        self._server = None
