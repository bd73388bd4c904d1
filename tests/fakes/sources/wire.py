"""Answers as a network brings them: piece by piece, and perhaps not to the end."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import httpx


class Body(httpx.AsyncByteStream):
    """A body in pieces, each after a wait; `cut` breaks off behind them."""

    def __init__(self, pieces: Sequence[bytes], *, wait_s: float = 0.0, cut: bool = False) -> None:
        self._pieces = pieces
        self._wait_s = wait_s
        self._cut = cut

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            if self._wait_s:
                await asyncio.sleep(self._wait_s)
            yield piece
        if self._cut:
            raise httpx.ReadError("reset in the middle")


def answered(
    status: int, body: bytes = b"", headers: Mapping[str, str] | None = None, *, slow: bool = False, cut: bool = False
) -> httpx.Response:
    """A whole answer; `slow` brings it in ten pieces a second apart, `cut` half of it and then nothing."""
    size = max(1, -(-len(body) // 10))
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    if cut:
        pieces = pieces[: len(pieces) // 2]
    stream = Body(pieces if slow or cut else [body], wait_s=1.0 if slow else 0.0, cut=cut)
    return httpx.Response(status, headers=dict(headers or {}), stream=stream)


class Stalls:
    """A stage whose platform stands still for as long as `stalled` holds an event that nobody set."""

    platform: Any

    def stall(self) -> None:
        """Every request waits from now on."""
        self.platform.stalled = asyncio.Event()

    def heal(self) -> None:
        """What waits is answered."""
        if self.platform.stalled is not None:
            self.platform.stalled.set()
        self.platform.stalled = None

    async def perhaps_stall(self, rng: random.Random, least_s: float, most_s: float) -> None:
        """Stand still for so long, once in a hundred times."""
        if rng.random() < 0.01:
            self.stall()
            await asyncio.sleep(rng.uniform(least_s, most_s))
            self.heal()

    @property
    def asked(self) -> int:
        """How often the platform was asked."""
        asked: int = self.platform.asked
        return asked
