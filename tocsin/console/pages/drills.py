"""EDGE. The page of drills and reviews: how they went, the way to look back, and the button that starts one."""

import asyncio
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from tocsin.console.acts import Told
from tocsin.console.doors import Door, Visitor
from tocsin.console.rooms import RoomDesk, sees

LOCKED = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
)
"""A review is a document with its own style and picture. Nothing in it runs, loads, or counts as a page of ours."""

_FAILED = {"title": "", "says": "_says"}


def doors(desk: RoomDesk) -> list[Door]:
    """The page, what starts a drill, and the reviews as documents of their own."""
    return [
        Door(path="/drills", needs="see", handler=partial(_page, desk)),
        Door(path="/drills", needs="act", method="POST", says="start a drill", handler=partial(_start, desk)),
        Door(path="/drills/{drill}/review", needs="see", handler=partial(_drill_review, desk)),
        Door(path="/incidents/{incident}/review", needs="see", handler=partial(_review, desk)),
    ]


async def _page(desk: RoomDesk, request: Request, visitor: Visitor) -> Response:
    return await _shown(desk, request, visitor)


async def _shown(  # noqa: PLR0917 - a page, and what is said on it
    desk: RoomDesk, request: Request, visitor: Visitor, told: Told | None = None, problem: str = "", status: int = 200
) -> Response:
    seen = await asyncio.to_thread(desk.rooms.drills.seen, sees(visitor))
    starts = desk.rooms.start_drill is not None
    return desk.render(
        request,
        visitor,
        "drills.html",
        status=status,
        seen=seen,
        starts=starts,
        may_start=starts and _may_start(desk, visitor),
        told=told,
        problem=problem,
    )


def _may_start(desk: RoomDesk, visitor: Visitor) -> bool:
    """Whether they are one of the flowchart's people, and not of some brands alone: a drill is of the whole service."""
    return visitor.may("act") and visitor.brands is None and visitor.responder in desk.acts.responders()


async def _start(desk: RoomDesk, request: Request, visitor: Visitor) -> Response:
    """Start one in their name, as `/tocsin drill` does in Slack."""
    start = desk.rooms.start_drill
    if start is None or not _may_start(desk, visitor):
        request.state.why = "no_responder"
        words = "Only the listed responders of all brands can start a drill. Nothing was changed."
        return await _shown(desk, request, visitor, problem=words, status=403)
    said = await asyncio.to_thread(start, visitor.responder)
    return await _shown(desk, request, visitor, Told(id="", said=said, counted=True))


async def _drill_review(desk: RoomDesk, request: Request, visitor: Visitor) -> Response:
    drill = str(request.path_params["drill"])
    return _document(desk, request, visitor, await asyncio.to_thread(desk.rooms.drills.review_of, drill, sees(visitor)))


async def _review(desk: RoomDesk, request: Request, visitor: Visitor) -> Response:
    return _document(desk, request, visitor, await desk.rooms.drills.review(str(request.path_params["incident"])))


def _document(desk: RoomDesk, request: Request, visitor: Visitor, body: bytes | None) -> Response:
    if body is None:
        language = desk.language(request)
        said = {name: desk.words.say(language, f"drills.review_failed{end}") for name, end in _FAILED.items()}
        return desk.render(request, visitor, "problem.html", status=404, back="/drills", **said)
    return Response(body, media_type="text/html; charset=utf-8", headers={"Content-Security-Policy": LOCKED})
