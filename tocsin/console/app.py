"""The console as one application: every way in stands behind the gate, and there is no other."""

from collections.abc import Collection, Sequence

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp

from tocsin.console.doors import Door, Visitor
from tocsin.console.gate import Gate
from tocsin.console.outer import Outer, TooLarge


async def _health(_request: Request, _visitor: Visitor) -> Response:
    """That the console answers, and nothing more: how well the service is, the door of mentions says."""
    return Response(msgspec.json.encode({"console": "open"}), media_type="application/json")


async def _home(_request: Request, _visitor: Visitor) -> Response:
    return RedirectResponse("/now", 303)


HOME = Door(path="/", needs="see", handler=_home)
HEALTH = Door(path="/healthz", needs="open", handler=_health)


def console_app(doors: Sequence[Door], gate: Gate, *, origins: Collection[str] = ()) -> ASGIApp:
    """The application over these ways in. Raises `ValueError` where two of them are the same."""
    doors = (HEALTH, HOME, *doors)
    known = [(door.method, door.path) for door in doors]
    twice = sorted({one for one in known if known.count(one) > 1})
    if twice:
        raise ValueError(f"two ways in have one address: {twice}")
    app = Starlette(
        routes=[gate.route(door) for door in doors],
        exception_handlers={HTTPException: gate.elsewhere, TooLarge: gate.elsewhere},
    )
    # A path with a slash too many would else be answered before anybody is asked who comes.
    app.router.redirect_slashes = False

    def refuse(request: Request, status: int, why: str) -> Response:
        return gate.refusing.answer(request, None, status, why)

    return Outer(app, origins=origins, refuse=refuse)
