"""EDGE. *Incidents*: all of them, open and over, by brand, state, severity and month, a page at a time."""

from collections.abc import Collection
from functools import partial
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from alerting.facts import SEVERITIES
from tocsin.console.desk import Desk
from tocsin.console.doors import Door, Visitor
from tocsin.console.seen_incidents import STANDS, Place, Wanted, after_of, incidents_seen, is_month

ADDRESS = "/incidents"


def doors(desk: Desk) -> list[Door]:
    """The list."""
    return [Door(path=ADDRESS, needs="see", handler=partial(_incidents, desk), says="All incidents")]


async def _incidents(desk: Desk, request: Request, visitor: Visitor) -> Response:
    brands = desk.visible(visitor)
    wanted = _wanted(request, brands)
    seen = incidents_seen(await desk.seen.incidents(visitor.brands), wanted)
    return desk.render(
        request,
        visitor,
        "incidents.html",
        seen=seen,
        wanted=wanted,
        brands=brands,
        stands=STANDS,
        severities=SEVERITIES,
        at_ms=desk.clock(),
        older=_address(wanted, seen.next) if seen.next else "",
        newest=_address(wanted) if wanted.after is not None else "",
    )


def _wanted(request: Request, brands: Collection[str]) -> Wanted:
    """What the address asks for. What nobody can ask for is left out, and the form shows that it was."""

    def one_of(name: str, allowed: Collection[str], other: str = "") -> str:
        value = request.query_params.get(name, "")
        return value if value in allowed else other

    month = request.query_params.get("month", "")
    return Wanted(
        status=one_of("status", STANDS, "all"),
        brand=one_of("brand", brands),
        severity=one_of("severity", SEVERITIES),
        month=month if is_month(month) else "",
        after=_after(request.query_params.get("cursor", "")),
    )


def _after(cursor: str) -> Place | None:
    try:
        return after_of(cursor) if cursor else None
    except ValueError:
        return None


def _address(wanted: Wanted, cursor: str = "") -> str:
    """The same question, from this cursor on."""
    asked = {
        "status": wanted.status if wanted.status != "all" else "",
        "brand": wanted.brand,
        "severity": wanted.severity,
        "month": wanted.month,
        "cursor": cursor,
    }
    query = urlencode({name: value for name, value in asked.items() if value})
    return f"{ADDRESS}?{query}" if query else ADDRESS
