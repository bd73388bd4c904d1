"""EDGE. The page of the sources: who is heard, who is blind and since when, what was missed, and what to do."""

import asyncio
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from tocsin.console.doors import Door, Visitor
from tocsin.console.rooms import RoomDesk, sees


def doors(desk: RoomDesk) -> list[Door]:
    """The page."""
    return [Door(path="/sources", needs="see", handler=partial(_page, desk))]


async def _page(desk: RoomDesk, request: Request, visitor: Visitor) -> Response:
    seen = await asyncio.to_thread(desk.rooms.sources.seen, sees(visitor))
    return desk.render(request, visitor, "sources.html", seen=seen)
