"""EDGE. *Incident*: its card in full, and the flowchart with the path that it walked."""

from functools import partial
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from tocsin.console.desk import Desk
from tocsin.console.doors import Door, Visitor
from tocsin.console.pages.now import to_become
from tocsin.console.seen_incident import IncidentSeen


def doors(desk: Desk) -> list[Door]:
    """An incident's page, and its flowchart."""
    return [
        Door(path="/incidents/{incident}", needs="see", handler=partial(_incident, desk), says="An incident"),
        Door(
            path="/incidents/{incident}/flowchart",
            needs="see",
            handler=partial(_flowchart, desk),
            says="The flowchart that an incident walked",
        ),
    ]


async def _incident(desk: Desk, request: Request, visitor: Visitor) -> Response:
    incident = await _found(desk, request, visitor)
    if incident is None:
        return _missing(desk, request, visitor)
    told = desk.acts.told(request.query_params.get("told", ""))
    people = to_become(desk, visitor)
    return desk.render(request, visitor, "incident.html", incident=incident, responders=people, told=told, problem="")


async def _flowchart(desk: Desk, request: Request, visitor: Visitor) -> Response:
    incident = await _found(desk, request, visitor)
    if incident is None:
        return _missing(desk, request, visitor)
    walk = incident.walk
    drawing = desk.seen.drawing(walk.chart, walk.nodes) if walk is not None else ""
    back = f"/incidents/{quote(incident.view.incident, safe='')}"
    return desk.render(request, visitor, "incident_flowchart.html", incident=incident, drawing=drawing, back=back)


async def _found(desk: Desk, request: Request, visitor: Visitor) -> IncidentSeen | None:
    """The incident of an address, if it is the visitor's to see."""
    incident = await desk.seen.incident(str(request.path_params["incident"]))
    return incident if incident is not None and visitor.may("see", incident.view.brand) else None


def _missing(desk: Desk, request: Request, visitor: Visitor) -> Response:
    return desk.render(request, visitor, "problem.html", status=404, problem="not_found")
