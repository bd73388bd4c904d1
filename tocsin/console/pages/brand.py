"""EDGE. The list of brands, and one brand: its past against what is usual, what is said and by whom, its incidents."""

from functools import partial
from typing import get_args

from starlette.requests import Request
from starlette.responses import Response

from tocsin.console.desk import Desk
from tocsin.console.doors import Door, Visitor
from tocsin.console.seen_brand import Span


def doors(desk: Desk) -> list[Door]:
    """Both pages."""
    return [
        Door(path="/brands", needs="see", handler=partial(_brands, desk), says="The brands"),
        Door(path="/brands/{brand}", needs="see", handler=partial(_brand, desk), says="A brand"),
    ]


async def _brands(desk: Desk, request: Request, visitor: Visitor) -> Response:
    return desk.render(request, visitor, "brands.html", now=desk.seen.now(visitor.brands))


async def _brand(desk: Desk, request: Request, visitor: Visitor) -> Response:
    name = str(request.path_params["brand"])
    span = _span(request.query_params.get("span", ""))
    seen = await desk.seen.brand(name, span) if visitor.may("see", name) else None
    if seen is None:
        return desk.render(request, visitor, "problem.html", status=404, problem="not_found")
    told = desk.acts.told(request.query_params.get("told", ""))
    return desk.render(request, visitor, "brand.html", brand=seen, told=told, problem="")


def _span(word: str) -> Span:
    """The span that is asked for; a day where it is none."""
    return word if word in get_args(Span) else "24h"  # type: ignore[return-value]  # it is one of them
