"""EDGE. The page of the flowchart: what is in force, whether its file is in order, who is on call, and each node."""

import asyncio
from datetime import date, timedelta
from functools import partial
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from alerting.words import scenario_words
from tocsin.console.doors import Door, Visitor
from tocsin.console.rooms import RoomDesk, sees
from tocsin.console.rota_picture import picture_of
from tocsin.console.seen_flowchart import FlowchartSeen
from tocsin.console.seen_roster import monday_of

WEEKS_AHEAD, WEEKS_BACK = 52, 12
"""Rosters are known for a year; turns are reckoned back, a calendar tells from the day before a service began on."""
TELLS = ("page", "notify", "escalate", "mobilise", "brief")
ALONE = "sandbox; default-src 'none'; style-src 'unsafe-inline'"
"""The drawing as a document of its own has its colours in it, and nothing else."""


class Week(NamedTuple):
    """The week that the calendar shows, and those beside it, each by its Monday."""

    monday: str
    before: str
    after: str
    is_this: bool


def doors(desk: RoomDesk) -> list[Door]:
    """The page, and the drawing as a document of its own."""
    return [
        Door(path="/flowchart", needs="see", handler=partial(_page, desk)),
        Door(path="/flowchart/drawing.svg", needs="see", handler=partial(_drawing, desk)),
    ]


async def _page(desk: RoomDesk, request: Request, visitor: Visitor) -> Response:
    charts = desk.rooms.charts
    asked = _monday(request.query_params.get("week", ""))
    seen = await asyncio.to_thread(charts.seen, sees(visitor), asked)
    this = monday_of(seen.at_ms, seen.rotas[0].timezone if seen.rotas else seen.timezone)
    monday = asked or this
    week = timedelta(days=7)
    earliest, latest = this - WEEKS_BACK * week, this + WEEKS_AHEAD * week
    return desk.render(
        request,
        visitor,
        "flowchart.html",
        seen=seen,
        week=Week(
            monday.isoformat(),
            max(monday - week, earliest).isoformat(),
            min(monday + week, latest).isoformat(),
            monday == this,
        ),
        rotas=[(one, picture_of(one, seen.at_ms)) for one in seen.rotas],
        drawing=await asyncio.to_thread(charts.drawing),
        known=_known(seen),
        scenarios=tuple(scenario_words),
        tells=TELLS,
        told=desk.acts.told(request.query_params.get("told", "")),
        problem="",
    )


async def _drawing(desk: RoomDesk, _request: Request, _visitor: Visitor) -> Response:
    body = await asyncio.to_thread(desk.rooms.charts.drawing)
    return Response(body, media_type="image/svg+xml", headers={"Content-Security-Policy": ALONE})


def _monday(word: str) -> date | None:
    """The Monday of the week that is asked for; nothing for what is no day of this century."""
    try:
        day = date.fromisoformat(word)
    except ValueError:
        return None
    return day - timedelta(days=day.weekday()) if day.year // 100 == 20 else None


def _known(seen: FlowchartSeen) -> frozenset[str]:
    """The nodes that stand on the page, to be linked to."""
    return frozenset(node.name for panel in seen.panels for node in panel.nodes)
