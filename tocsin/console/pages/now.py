"""EDGE. *Now*: what is open, how each brand stands, who is on call, and whether we hear and reach people at all."""

from functools import partial

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tocsin.console.desk import Desk
from tocsin.console.doors import Door, Visitor


def doors(desk: Desk) -> list[Door]:
    """The page, at its own address and at that of the console."""
    return [
        Door(path="/", needs="see", handler=_home, says="Now"),
        Door(path="/now", needs="see", handler=partial(_now, desk), says="Now"),
    ]


async def _home(_request: Request, _visitor: Visitor) -> Response:
    return RedirectResponse("/now", 303)


async def _now(desk: Desk, request: Request, visitor: Visitor) -> Response:
    told = desk.acts.told(request.query_params.get("told", ""))
    return desk.render(request, visitor, "now.html", now=desk.seen.now(visitor.brands), told=told, problem="")
