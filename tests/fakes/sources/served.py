"""A platform that was played in memory, over a real socket of this machine."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx


@asynccontextmanager
async def served(platform: httpx.AsyncBaseTransport) -> AsyncIterator[str]:
    """Serve what a transport answers, one request a connection; yields `host:port`.

    `platform` sees the address as it would in memory: the host that the request names, by https where its `Host` has no
    port, so that one made-up platform may play several hosts.
    """

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, target, _ = head[0].split(" ")
            headers = httpx.Headers([tuple(line.split(": ", 1)) for line in head[1:] if ": " in line])  # type: ignore[misc]
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            url = f"http://{headers['host']}{target}"
            response = await platform.handle_async_request(httpx.Request(method, url, headers=headers, content=body))
            whole = await response.aread()
            lines = [f"HTTP/1.1 {response.status_code} x"]
            lines += [f"{name}: {value}" for name, value in response.headers.items() if name != "content-length"]
            lines += [f"content-length: {len(whole)}", "connection: close", "", ""]
            writer.write("\r\n".join(lines).encode("latin-1") + whole)
            await writer.drain()
        except (httpx.HTTPError, asyncio.IncompleteReadError, ConnectionError):
            pass  # a connection that ends in the middle is what the platform is to play
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        host, port = server.sockets[0].getsockname()
        yield f"{host}:{port}"
    finally:
        server.close()


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
