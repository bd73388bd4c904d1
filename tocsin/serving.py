"""EDGE. HTTP servers of ours: the socket says plainly why it cannot be had, the server leaves signals alone."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Sequence

import uvicorn
from starlette.applications import Starlette
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from tocsin.patience import Patient

TICK_S = 0.5
"""How soon a server sees that it is to end."""
BACKLOG = 2_048
"""Callers that may wait to be let in."""
GOODBYE_S = 3
"""How long a request under way at the end may take."""


class Server(uvicorn.Server):
    """Uvicorn without its signal handlers: stopping is ours. It looks at itself less often: a worker at rest rests."""

    async def main_loop(self) -> None:
        """Until it is to end. Uvicorn's own wakes ten times a second."""
        while not await self.on_tick(0):
            await asyncio.sleep(TICK_S)

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]
        yield


def server_of(routes: Sequence[BaseRoute], around: Callable[[ASGIApp], ASGIApp] = lambda app: app) -> Server:
    """A server of these routes, to be given a listener: `await server.serve(sockets=[listener])`. `around` puts
    something before all of them.
    """
    config = uvicorn.Config(
        around(Starlette(routes=routes)),
        log_level="warning",
        log_config=None,  # what it says goes into our own log
        lifespan="off",
        access_log=False,
        timeout_graceful_shutdown=GOODBYE_S,
    )
    return Server(config)


def server_over(app: ASGIApp) -> Server:
    """A server of an application for browsers: patient up to a point, and it believes no header about where a request
    comes from.
    """
    config = uvicorn.Config(
        app,
        log_level="warning",
        log_config=None,  # what it says goes into our own log
        lifespan="off",
        ws="none",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        http=Patient,
        timeout_graceful_shutdown=GOODBYE_S,
    )
    return Server(config)


async def opened(server: Server) -> None:
    """Return when it answers."""
    while not server.started:
        await asyncio.sleep(0.005)


def listener(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises `OSError` that names the address and what is wrong with it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
        # At once: two that are bound and do not listen yet may share an address, and the later then fails when it does.
        found.listen(BACKLOG)
    except OSError as error:
        found.close()
        raise OSError(error.errno, f"{host}:{port} cannot be listened on: {error.strerror}") from error
    return found


def address_of(found: socket.socket) -> str:
    """Where it listens, as a URL."""
    host, port = found.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
