"""Faults, chosen per method, counted and seeded, so that a test can prove that each one happened.

| kind | what the client sees | is the call accepted? |
|---|---|---|
| `ratelimited` | 429, `Retry-After`, `{"ok": false, "error": "ratelimited"}` | no |
| `http_500`, `http_503` | that status with an HTML body | no, unless `accept` |
| `timeout` | nothing, ever | no, unless `accept` |
| `reset` | connection reset | no, unless `accept` |
| `lost_reply` | connection closed (reset with `reset=True`) | **yes**, at once |
| `late` | the true answer after `delay_s` (with `hang_up=True`, a close at once) | **yes**, after `delay_s` |
| `slow` | the true answer after `delay_s` | yes, at once |
| `ok_false:<word>` | 200 `{"ok": false, "error": "<word>"}` | no, unless `accept` |
| `history_lag` | reads do not show messages younger than `delay_s` | - |
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from aiohttp import web

KINDS = ("ratelimited", "http_500", "http_503", "timeout", "reset", "lost_reply", "late", "slow", "history_lag")
Json = dict[str, Any]


@dataclass
class Reply:
    """What the Web API would answer: the body, and the ts of what it accepted if it accepted a message."""

    body: Json
    accepted_ts: str | None = None


@dataclass
class Fault:
    """One fault that waits for its call; `fired` counts how often it has happened."""

    method: str
    kind: str
    times: int | None = 1
    skip: int = 0
    chance: float = 1.0
    delay_s: float = 0.0
    retry_after_s: int = 1
    accept: bool = False
    reset: bool = False
    hang_up: bool = False
    match: Callable[[Json], bool] | None = None
    fired: int = 0
    rng: random.Random = field(default_factory=random.Random, repr=False)

    @property
    def spent(self) -> bool:
        """Whether it has happened as often as was asked."""
        return self.times is not None and self.fired >= self.times

    def wants(self, method: str, params: Json) -> bool:
        """Whether it strikes this call; counts down `skip` and throws the seeded dice."""
        if self.spent or not fnmatchcase(method, self.method) or (self.match and not self.match(params)):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        return self.chance >= 1.0 or self.rng.random() < self.chance


class Faults:
    """The faults in waiting. Safe to use from another thread while the server runs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.all: list[Fault] = []

    def add(
        self,
        method: str,
        kind: str,
        times: int | None = 1,
        *,
        skip: int = 0,
        chance: float = 1.0,
        seed: int = 0,
        delay_s: float = 0.0,
        retry_after_s: int = 1,
        accept: bool = False,
        reset: bool = False,
        hang_up: bool = False,
        match: Callable[[Json], bool] | None = None,
    ) -> Fault:
        """Arm a fault and return it.

        `method` may hold `*`. `times=None` lasts until cleared, and so does `history_lag` always. The first `skip`
        matching calls pass; after them each is struck with `chance`, from a generator seeded with `seed`. `match`
        looks at the call's arguments. Raises ValueError for a kind that does not exist.
        """
        if kind not in KINDS and not (kind.startswith("ok_false:") and len(kind) > len("ok_false:")):
            raise ValueError(f"no such fault: {kind}")
        if kind == "history_lag":
            times = None
        fault = Fault(method, kind, times, skip, chance, delay_s, retry_after_s, accept, reset, hang_up, match)
        fault.rng.seed(seed)
        with self._lock:
            self.all.append(fault)
        return fault

    def clear(self) -> None:
        """Disarm them all; the faults a test holds keep their counts."""
        with self._lock:
            self.all.clear()

    def remove(self, fault: Fault) -> None:
        """Disarm one."""
        with self._lock:
            self.all = [one for one in self.all if one is not fault]

    def draw(self, method: str, params: Json) -> Fault | None:
        """The first fault that strikes this call, its count already raised."""
        with self._lock:
            for fault in self.all:
                if fault.kind != "history_lag" and fault.wants(method, params):
                    fault.fired += 1
                    return fault
        return None

    def lag(self, method: str) -> Fault | None:
        """The history lag in force for a read; the reader raises its count when it hides something."""
        with self._lock:
            return next((f for f in self.all if f.kind == "history_lag" and fnmatchcase(method, f.method)), None)


def close_connection(request: web.BaseRequest, *, reset: bool) -> web.Response:
    """End the connection with no answer: politely, or with a TCP reset."""
    transport = request.transport
    if transport is not None:
        raw = transport.get_extra_info("socket")
        if reset and raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response()


async def play(
    fault: Fault, request: web.BaseRequest, accept: Callable[[], Reply], stopping: asyncio.Event
) -> web.StreamResponse:
    """Let a drawn fault happen; `accept` does what the call asks for and says what the true answer would be."""
    if fault.kind == "lost_reply":
        accept()
        return close_connection(request, reset=fault.reset)
    if fault.kind == "slow":
        reply = accept()
        await _wait(fault.delay_s, stopping)
        return web.json_response(reply.body)
    if fault.kind == "late":
        return await _late(fault, request, accept, stopping)
    if fault.accept:
        accept()
    return await _refuse(fault, request, stopping)


async def _refuse(fault: Fault, request: web.BaseRequest, stopping: asyncio.Event) -> web.StreamResponse:
    if fault.kind == "ratelimited":
        headers = {"Retry-After": str(fault.retry_after_s)}
        return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)
    if fault.kind.startswith("http_"):
        status = int(fault.kind.removeprefix("http_"))
        page = "<!DOCTYPE html><title>Server Error</title>"
        return web.Response(status=status, text=page, content_type="text/html")
    if fault.kind.startswith("ok_false:"):
        return web.json_response({"ok": False, "error": fault.kind.removeprefix("ok_false:")})
    if fault.kind == "timeout":
        await stopping.wait()
    return close_connection(request, reset=fault.kind == "reset")


async def _late(
    fault: Fault, request: web.BaseRequest, accept: Callable[[], Reply], stopping: asyncio.Event
) -> web.StreamResponse:
    if fault.hang_up:
        close_connection(request, reset=fault.reset)
    if await _wait(fault.delay_s, stopping):  # the server went away first: nothing was accepted
        return close_connection(request, reset=False)
    return web.json_response(accept().body)


async def _wait(seconds: float, stopping: asyncio.Event) -> bool:
    """Wait, but not longer than the server lives; true if the server stopped first."""
    try:
        await asyncio.wait_for(stopping.wait(), seconds)
    except TimeoutError:
        return False
    return True
