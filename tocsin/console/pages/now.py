"""EDGE. *Now*: what is open, how each brand stands, who is on call, and whether we hear and reach people at all."""

from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from tocsin.console.desk import Desk
from tocsin.console.doors import Door, Visitor


def doors(desk: Desk) -> list[Door]:
    """The page. Whoever asks for the console itself is led here."""
    return [Door(path="/now", needs="see", handler=partial(_now, desk), says="Now")]


async def _now(desk: Desk, request: Request, visitor: Visitor) -> Response:
    told = desk.acts.told(request.query_params.get("told", ""))
    seen = desk.seen.now(visitor.brands)
    people = to_become(desk, visitor)
    return desk.render(request, visitor, "now.html", now=seen, responders=people, told=told, problem="")


def to_become(desk: Desk, visitor: Visitor) -> tuple[str, ...]:
    """Whom somebody may say they are: on a console without accounts any of the flowchart's people, until they did."""
    return desk.acts.responders() if visitor.how == "local" and not visitor.responder else ()
