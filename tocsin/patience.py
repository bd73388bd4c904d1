"""EDGE. A server's patience with those who connect and then say nothing, or never come to the end of a request.

The process that pages people has only so many connections to give; whoever holds them open with half a line would take
them all. So a door for browsers holds a number of them and no more, and each must ask its question in time.
"""

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.h11_impl import H11Protocol

MOST_AT_ONCE = 400
"""Connections of one door: a team with its pages open, many times over."""
ASKED_WITHIN_S = 10.0
"""How long the head of a request may take; what follows has a time of its own (`tocsin.console.outer`)."""


class Patient(H11Protocol):
    """HTTP/1.1 as uvicorn speaks it, with an end to waiting."""

    _hurry: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody connects."""
        super().connection_made(cast("asyncio.Transport", transport))
        if len(self.connections) > MOST_AT_ONCE:
            transport.close()
            return
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Something of a request came."""
        super().data_received(data)
        if self._is_busy():
            self._stop()
        else:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """They are gone."""
        self._stop()
        super().connection_lost(exc)

    def _is_busy(self) -> bool:
        """Whether a request is complete enough to be answered, and not answered yet."""
        cycle: Any = self.cycle
        return cycle is not None and not cycle.response_complete

    def _wait(self) -> None:
        if self._hurry is None:
            self._hurry = self.loop.call_later(ASKED_WITHIN_S, self._give_up)

    def _stop(self) -> None:
        if self._hurry is not None:
            self._hurry.cancel()
            self._hurry = None

    def _give_up(self) -> None:
        self._hurry = None
        if not self._is_busy() and not self.transport.is_closing():
            self.transport.close()
