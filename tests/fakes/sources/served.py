"""A platform that plays in memory, on a real socket of this machine: what a connection itself may do to a source."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from tocsin.serving import address_of, listener, opened, server_of

METHODS = ["GET", "POST", "PUT", "DELETE"]


@asynccontextmanager
async def served(platform: httpx.AsyncBaseTransport) -> AsyncIterator[str]:
    """Serve it on a free port; its address. A body that breaks off in memory breaks the connection off here."""

    async def answer(request: Request) -> Response:
        body = await request.body()
        asked = httpx.Request(request.method, str(request.url), headers=request.headers.raw, content=body)
        found = await platform.handle_async_request(asked)
        return StreamingResponse(found.aiter_raw(), found.status_code, dict(found.headers))

    door = listener("127.0.0.1", 0)
    server = server_of([Route("/{path:path}", answer, methods=METHODS)])
    task = asyncio.create_task(server.serve(sockets=[door]))
    await opened(server)
    try:
        yield address_of(door)
    finally:
        server.should_exit = True
        server.force_exit = True
        with contextlib.suppress(Exception):
            await asyncio.wait_for(task, 5)


class _Body(httpx.AsyncByteStream):
    """A body as it comes over a wire, in two pieces; it may end before its time."""

    def __init__(self, body: bytes, *, cut: bool) -> None:
        self._body = body
        self._cut = cut

    async def __aiter__(self) -> AsyncIterator[bytes]:
        half = len(self._body) // 2
        yield self._body[:half]
        if self._cut:
            raise httpx.ReadError("reset")
        yield self._body[half:]


def said(
    request: httpx.Request, status: int, body: bytes, headers: dict[str, str] | None = None, *, cut: bool = False
) -> httpx.Response:
    """An answer. `cut`: its connection ends in the middle."""
    return httpx.Response(status, headers=headers, stream=_Body(body, cut=cut), request=request)


class Lasting(httpx.AsyncBaseTransport):
    """A platform that stays when a source closes its side."""

    def __init__(self, platform: httpx.AsyncBaseTransport) -> None:
        self._platform = platform

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Hand it on."""
        return await self._platform.handle_async_request(request)
