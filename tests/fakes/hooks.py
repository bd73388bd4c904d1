"""A receiver of PagerDuty's events and of webhooks on this machine, with a ledger and faults that are counted.

| fault | what the client sees | is the request taken? |
|---|---|---|
| `http_N` | status N with a page of HTML | no, but `http_500` is, with `taken` |
| `limited` | 429 with `Retry-After: 7` | no |
| `redirect` | 302 to `elsewhere` | no |
| `timeout` | nothing, ever | no |
| `timeout_after` | nothing, ever | **yes** |
| `lost_reply` | the connection ends | **yes** |
| `reset` | the connection ends | no |
| `endless` | 202 with a body without an end | **yes** |
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any, NamedTuple

TAKEN = ("ok", "timeout_after", "lost_reply", "endless")


class Request(NamedTuple):
    """What was asked."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body."""
        found = json.loads(self.body)
        assert isinstance(found, dict)
        return found


class FakeHooks:
    """Listens on 127.0.0.1. `taken` holds what was accepted, in order; `faults` what befalls the next requests."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.taken: list[Request] = []
        self.faults: list[str] = []
        self.fired: list[str] = []
        self.connections = 0
        self.elsewhere = "/elsewhere"
        self._server: asyncio.Server | None = None
        self._hanging: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> FakeHooks:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._hanging:
            task.cancel()
        await asyncio.gather(*self._hanging, return_exceptions=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def base_url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}/"

    @property
    def keys(self) -> list[str]:
        """What was taken, each once: as PagerDuty folds what has the same key."""
        return list(dict.fromkeys(one.json.get("dedup_key") or one.json.get("id", "") for one in self.taken))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._hanging.add(task)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await self._answer(await _read(reader), writer)
        writer.close()
        self._hanging.discard(task)

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> None:
        self.asked.append(request)
        fault = self.faults.pop(0) if self.faults else "ok"
        self.fired += [fault] if fault != "ok" else []
        if fault in TAKEN:
            self.taken.append(request)
        if fault.startswith("timeout"):
            await asyncio.sleep(3600)
        elif fault in ("lost_reply", "reset"):
            writer.transport.abort()
        elif fault == "endless":
            writer.write(b"HTTP/1.1 202 Accepted\r\n\r\n")
            while True:
                writer.write(b"x" * 65536)
                await writer.drain()
        else:
            writer.write(self._reply(fault))
            await writer.drain()

    def _reply(self, fault: str) -> bytes:
        if fault == "redirect":
            return f"HTTP/1.1 302 Found\r\nLocation: {self.elsewhere}\r\nContent-Length: 0\r\n\r\n".encode()
        if fault == "limited":
            return b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n"
        if fault.startswith("http_"):
            body = b"<html>canary of the receiver</html>"
            return f"HTTP/1.1 {fault[5:]} Oh\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        return b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}"


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)
    }
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(head[0].split(" ")[1], headers, body)
