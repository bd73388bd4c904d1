"""EDGE. The page of the settings, for administrators: each with its value, the audit trail, what lies on the disk."""

import asyncio
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from tocsin.console.doors import Door, Visitor
from tocsin.console.rooms import RoomDesk


def doors(desk: RoomDesk) -> list[Door]:
    """The page."""
    return [Door(path="/settings", needs="administer", handler=partial(_page, desk))]


async def _page(desk: RoomDesk, request: Request, visitor: Visitor) -> Response:
    word = request.query_params.get("before", "")
    before = int(word) if word.isascii() and word.isdecimal() and len(word) < 16 else None
    seen = await asyncio.to_thread(partial(desk.rooms.settings.seen, before=before))
    return desk.render(request, visitor, "settings.html", seen=seen, before=before, bytes_text=bytes_text)


def bytes_text(size: int) -> str:
    """How much that is, as people read it.

    >>> bytes_text(512), bytes_text(2_000_000), bytes_text(3 << 40)
    ('512 B', '1.9 MB', '3.0 TB')
    """
    value, units = float(size), ("B", "kB", "MB", "GB", "TB")
    for unit in units:
        if value < 1024 or unit == units[-1]:
            break
        value /= 1024
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
