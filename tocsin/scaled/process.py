"""EDGE. One process of `tocsin worker`: it shows its health, opens its door, runs its roles, and ends in order.

    listen -> wait for brokers and topics -> run the roles -> SIGTERM: door shut, roles stopped upstream first

Exit status: 0 stopped in order, 1 a role failed, 2 an operator must put something right, 70 something stood still.
"""

import asyncio
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog
from prometheus_client import CollectorRegistry
from starlette.routing import BaseRoute

from tocsin.http_metrics import HttpMetrics
from tocsin.scaled.gate import Gate
from tocsin.scaled.health import PROCESS, health_routes
from tocsin.scaled.loop_watch import LoopWatch
from tocsin.scaled.role import Ended, Health, Role
from tocsin.serving import GOODBYE_S, Server, address_of, opened, server_of

log = structlog.get_logger("tocsin")

DRAIN_S = 20.0
"""How long all roles together may take to stop; what is left then is safe in the topics, and is done by another."""


class WorkerProcess:
    """`await start()`, then `await run(stop)`; `base_url` and `door_url` say where it listens.

    `listener` is for health and metrics, `door` for the world outside (used where a role has routes for it). Without a
    `gate` the roles begin at once. `pages` are shown beside the health. `at_end` is called when the end begins.
    """

    def __init__(
        self,
        roles: Sequence[Role],
        listener: socket.socket,
        *,
        door: socket.socket | None = None,
        gate: Gate | None = None,
        pages: Sequence[BaseRoute] = (),
        stalled_ms: int = 60_000,
        at_end: Callable[[], None] = lambda: None,
    ) -> None:
        self._roles = tuple(roles)
        self._gate = gate
        self._stalled_ms = stalled_ms
        self._at_end = at_end
        self._stopping = False
        self.http = HttpMetrics(CollectorRegistry())
        """What comes in from the world outside."""
        registries = [*(role.registry for role in self._roles), self.http.registry]
        outside = [route for role in self._roles for route in role.routes()]
        self._open: list[tuple[Server, socket.socket]] = []
        self._open.append((server_of([*health_routes(self.look, registries), *pages]), listener))
        self.base_url = address_of(listener)
        self.door_url = ""
        if door is not None and outside:
            self._open.append((server_of(outside, lambda app: self.http.measured(app, "ingest")), door))
            self.door_url = address_of(door)
        self._serving: list[asyncio.Task[None]] = []
        self._running: list[asyncio.Task[None]] = []

    def look(self) -> Mapping[str, Health]:
        """How the process and each role are now."""
        waits = () if self._gate is None else self._gate.waits
        process = Health(waits=("it is stopping",) if self._stopping else waits)
        return {PROCESS: process, **{role.name: role.health() for role in self._roles}}

    async def start(self) -> None:
        """Answer at `/livez` and at the door. Returns when both do."""
        for server, listener in self._open:
            self._serving.append(asyncio.create_task(server.serve(sockets=[listener])))
            await opened(server)
        log.info("listening", health=self.base_url, door=self.door_url, roles=[role.name for role in self._roles])

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then end in order. Raises what a role failed with, when all is put away."""
        watch = LoopWatch(asyncio.get_running_loop(), max(5, self._stalled_ms // 1000))
        watch.start()
        stopping, working = asyncio.create_task(stop.wait()), asyncio.create_task(self._work())
        try:
            await asyncio.wait({stopping, working}, return_when=asyncio.FIRST_COMPLETED)
            self._stopping = True
            error = working.exception() if working.done() else None
            # What a role says in plain words is said once, by whoever gets it from here.
            if error is not None and not isinstance(error, Ended):
                log.error("the worker ends", problem=f"{type(error).__name__}: {error}")
            await self._end([working, stopping])
        finally:
            watch.stop()

    async def _work(self) -> None:
        """Run the roles, once the gate is open. Raises when the first of them ends, be it by itself."""
        if self._gate is not None:
            await self._gate.opened()
        self._running = [asyncio.create_task(role.run(), name=role.name) for role in self._roles]
        done, _ = await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
            raise Ended(f"{task.get_name()} ended by itself")

    async def _end(self, waiting: Sequence["asyncio.Task[Any]"]) -> None:
        """Shut the door, stop the roles in the order in which work flows, shut the rest. Never takes much longer than
        `DRAIN_S`, whatever a role waits for.
        """
        self._at_end()
        for server, _ in self._open[1:]:
            server.should_exit = True
        for task in waiting:
            task.cancel()
        # Told in order, and none waits for another to be done: one that cannot end takes no time from the others.
        stops = [asyncio.create_task(role.stop()) for role in self._roles]
        _, late = await asyncio.wait([*stops, *self._running], timeout=DRAIN_S)
        for task in late:
            task.cancel()
        for server, _ in self._open:
            server.should_exit = True
        ended, _ = await asyncio.wait({*waiting, *stops, *self._running, *self._serving}, timeout=GOODBYE_S + 1)
        for task in sorted(ended, key=lambda one: (one not in waiting, one.get_name())):
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error
        if late:
            raise Ended(f"the roles did not stop within {DRAIN_S:.0f} s; what they left is done by another worker")
