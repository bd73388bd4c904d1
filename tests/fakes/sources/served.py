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
