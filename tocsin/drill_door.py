"""EDGE. Where presses come into a drill: through the service that runs beside it, else by a door of its own."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from alerting.delivery.clicks import Replies, origins_of
from alerting.delivery.slack_inbound import SocketInbound, slack_routes
from alerting.delivery.slack_reception import Reception
from stream.sources.store import StoreError, lock
from tocsin.drill_time import DrillTime
from tocsin.serving import listener, opened, server_of
from tocsin.works import Works

LOOKS_EVERY_S = 1.0
"""How often a drill looks whether a service was started beside it."""


@contextlib.asynccontextmanager
async def presses(works: Works, time: DrillTime, data: Path | None, say: Callable[[str], None]) -> AsyncIterator[None]:
    """Where presses come in: through the service that runs beside this, else by a socket or port of our own."""
    slack = works.settings.slack
    if slack is None:
        yield
        return
    if data is not None and _is_served(data):
        say("The running service takes the presses in Slack and hands those of the drill on.")
        yield
        return
    reception = Reception(works.clicks, time.wall, replies=Replies(origins_of(slack.base_url)))
    if slack.mode == "socket" and works.secrets.slack_app is not None:
        async with SocketInbound(works.secrets.slack_app.reveal(), slack.base_url, reception) as inbound:
            watching = asyncio.create_task(_leave_to_service(inbound, data))
            try:
                yield
            finally:
                watching.cancel()
        return
    async with _port(works, reception, time):
        yield


def _is_served(data: Path) -> bool:
    """Whether a service holds this data directory."""
    try:
        lock(data).close()
    except StoreError:
        return True
    return False


async def _leave_to_service(inbound: SocketInbound, data: Path | None) -> None:
    """Close our sockets as soon as a service is started: what people press in earnest must not come in here."""
    if data is None:
        return
    before = _holder(data)
    while _holder(data) == before:
        await asyncio.sleep(LOOKS_EVERY_S)
    await inbound.close()


def _holder(data: Path) -> str:
    """Which process took the directory last. Only read: to try the lock could keep a service from starting."""
    try:
        return (data / "lock").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


@contextlib.asynccontextmanager
async def _port(works: Works, reception: Reception, time: DrillTime) -> AsyncIterator[None]:
    signing, ingest = works.secrets.slack_signing, works.settings.ingest
    if signing is None:
        yield
        return
    server = server_of(slack_routes(signing.reveal(), reception, time.wall))
    serving = asyncio.create_task(server.serve(sockets=[listener(ingest.host, ingest.port)]))
    await opened(server)
    try:
        yield
    finally:
        server.should_exit = True
        await serving
