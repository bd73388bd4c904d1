"""EDGE. A way through which only the worker that leads sends: each message asks first, right before it leaves."""

from collections.abc import Awaitable, Callable
from typing import Any

from alerting.delivery.ways import Message, Outcome, Settles, Way, ready
from stream import crash

AGAIN_MS = 1_000
"""So long a message waits that was not let through; who leads by then sends it."""

May = Callable[[str], Awaitable[str]]
"""Whether the page with this id may be sent now: "" or a word why not."""


class FencedWay:
    """Another way, behind a fence. What the fence holds back was certainly not sent."""

    settles: Settles
    """As the way itself."""

    def __init__(self, way: Way, may_post: May, may_edit: May) -> None:
        self._way = way
        self._may_post = may_post
        self._may_edit = may_edit
        self.settles = way.settles

    def __getattr__(self, name: str) -> Any:
        return getattr(self._way, name)

    async def prepare(self, to: str) -> Outcome | None:
        """As the way itself."""
        return await ready(self._way, to)

    async def post(self, message: Message) -> Outcome:
        """Send once, where it may be sent."""
        crash.here("delivery.claiming")
        if why := await self._may_post(message.page_id):
            return Outcome("not_sent", retry_ms=AGAIN_MS, detail=why)
        crash.here("delivery.claimed")
        outcome = await self._way.post(message)
        crash.here("delivery.posted")
        return outcome

    async def find(self, message: Message, oldest_ms: int) -> Outcome | None:
        """As the way itself: who only reads needs no leave."""
        return await self._way.find(message, oldest_ms)

    async def edit(self, channel: str, ts: str, message: Message) -> Outcome:
        """Make a message say something else, where we may: an older truth must not cover a newer one."""
        if why := await self._may_edit(message.page_id):
            return Outcome("not_sent", retry_ms=AGAIN_MS, detail=why)
        return await self._way.edit(channel, ts, message)
