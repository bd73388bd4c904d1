"""EDGE. The API: what the pages show and do, as JSON, under `/api/v1/`.

Its answers are the structs that the pages are made from. Texts in them are as people wrote them: whoever shows them
makes them inert. What goes wrong is answered as `application/problem+json` (RFC 9457), with the field that is wrong and
what it may be.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple, get_args

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from alerting.facts import SEVERITIES
from alerting.home import Duty
from alerting.quiet import Silence
from alerting.timeline import Moment
from stream.strict_yaml import unknown
from tocsin.console.act_doors import problem_of, read_form, why_of
from tocsin.console.act_forms import ACTS, FIELDS, SILENCE_FIELDS, Form, Refused
from tocsin.console.acts import Told
from tocsin.console.desk import Desk
from tocsin.console.doors import Door, Verb, Visitor
from tocsin.console.looking_back import WHAT
from tocsin.console.openapi import description
from tocsin.console.rooms import sees
from tocsin.console.seen import BrandLine, NowSeen
from tocsin.console.seen_brand import BrandSeen, Span
from tocsin.console.seen_drills import DrillsSeen
from tocsin.console.seen_flowchart import FlowchartSeen
from tocsin.console.seen_incident import IncidentSeen
from tocsin.console.seen_incidents import (
    LARGEST_PAGE,
    PAGE,
    STANDS,
    IncidentsSeen,
    Place,
    Wanted,
    after_of,
    incidents_seen,
    is_month,
)
from tocsin.console.seen_settings import SettingsSeen
from tocsin.console.seen_sources import SourcesSeen

ROOT = "/api/v1"
SPANS: tuple[str, ...] = get_args(Span)
_NOT_THERE = "There is nothing here, or it is not yours to see."


class BrandsSeen(msgspec.Struct, frozen=True, kw_only=True):
    """Every brand at this moment."""

    at_ms: int
    brands: tuple[BrandLine, ...]


class TimelineSeen(msgspec.Struct, frozen=True, kw_only=True):
    """What happened in an incident, in its order."""

    incident: str
    moments: tuple[Moment, ...]


class DutiesSeen(msgspec.Struct, frozen=True, kw_only=True):
    """Who is on call, until when, and who then."""

    at_ms: int
    duties: tuple[Duty, ...]


class SilencesSeen(msgspec.Struct, frozen=True, kw_only=True):
    """The silences that hold."""

    at_ms: int
    silences: tuple[Silence, ...]


class Asks(NamedTuple):
    """What may stand behind the question mark of an address."""

    name: str
    says: str
    allowed: tuple[str, ...] = ()
    number: bool = False


class Call(NamedTuple):
    """One way in of the API, with what its description says of it."""

    path: str
    says: str
    answers: type
    give: Callable[[Request, Visitor], Awaitable[Any]]
    needs: Verb = "see"
    method: Literal["GET", "POST", "DELETE"] = "GET"
    asks: tuple[Asks, ...] = ()
    fields: tuple[str, ...] | None = None
    """The fields of `Form` that its body may have; `None`: it has no body."""
    audited: str = ""
    """What the audit trail calls it, for what changes something."""


def calls(desk: Desk) -> list[Call]:
    """Every way in but the description of them all."""
    return [*_looks(desk), *_acts(desk)]


def doors(desk: Desk) -> list[Door]:
    """The API, and its description at `/api/v1/openapi.json`."""
    found = calls(desk)
    described = msgspec.json.encode(description(found))

    async def describe(_request: Request, _visitor: Visitor) -> Response:
        return Response(described, media_type="application/json")

    openapi = Door(path=f"{ROOT}/openapi.json", needs="see", handler=describe, says="This description")
    return [openapi, *(_door(call) for call in found)]


def _door(call: Call) -> Door:
    said = call.audited or call.says
    return Door(path=call.path, needs=call.needs, method=call.method, says=said, handler=partial(_answered, call))


async def _answered(call: Call, request: Request, visitor: Visitor) -> Response:
    try:
        found = await call.give(request, visitor)
    except Refused as refused:
        request.state.why = why_of(refused)
        return problem_of(refused)
    if call.method != "GET":
        if isinstance(found, Told) and not found.counted:
            request.state.why = "too_late"
        return Response(msgspec.json.encode(found), media_type="application/json")
    tag = tag_of(found)
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers={"ETag": tag})
    return Response(msgspec.json.encode(found), media_type="application/json", headers={"ETag": tag})


def tag_of(found: Any) -> str:
    """A weak tag of what is seen: another one where something but the time has changed.

    >>> tag_of(DutiesSeen(at_ms=1, duties=())) == tag_of(DutiesSeen(at_ms=2, duties=()))
    True
    """
    timeless = msgspec.structs.replace(found, at_ms=0) if hasattr(found, "at_ms") else found
    return f'W/"{hashlib.sha256(msgspec.json.encode(timeless)).hexdigest()[:24]}"'


# ---- looks


def _looks(desk: Desk) -> list[Call]:
    looks = _Looks(desk)
    span = Asks("span", "how far back its history reaches", SPANS)
    filters = (
        Asks("status", "those that are open, over, or all of them (the default)", STANDS),
        Asks("brand", "of this brand alone"),
        Asks("severity", "those that reached this severity at least", SEVERITIES),
        Asks("month", "those that were noticed in it by their brand's clock, as 2026-11"),
        Asks("limit", f"at most so many, up to {LARGEST_PAGE}; {PAGE} where nothing is said", number=True),
        Asks("cursor", "those that come after the page which gave this as its `next`"),
    )
    return [
        Call(f"{ROOT}/now", "How everything stands", NowSeen, looks.now),
        Call(f"{ROOT}/brands", "Every brand at this moment", BrandsSeen, looks.brands),
        Call(f"{ROOT}/brands/{{brand}}", "One brand with its history", BrandSeen, looks.brand, asks=(span,)),
        Call(f"{ROOT}/incidents", "Incidents, the latest first", IncidentsSeen, looks.incidents, asks=filters),
        Call(f"{ROOT}/incidents/{{incident}}", "One incident in full", IncidentSeen, looks.incident),
        Call(f"{ROOT}/incidents/{{incident}}/timeline", "What happened in an incident", TimelineSeen, looks.timeline),
        Call(f"{ROOT}/sources", "How each source does", SourcesSeen, looks.sources),
        Call(f"{ROOT}/duties", "Who is on call", DutiesSeen, looks.duties),
        Call(f"{ROOT}/flowchart", "The flowchart in force, its rosters and roles", FlowchartSeen, looks.flowchart),
        Call(f"{ROOT}/reviews", "Drills, and incidents to look back upon", DrillsSeen, looks.reviews),
        Call(f"{ROOT}/silences", "The silences that hold", SilencesSeen, looks.silences),
        Call(f"{ROOT}/settings", "The settings, without secrets", SettingsSeen, looks.settings, needs="administer"),
    ]


class _Looks:
    """Answers what is read."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def now(self, _request: Request, visitor: Visitor) -> NowSeen:
        return self._desk.seen.now(visitor.brands)

    async def brands(self, _request: Request, visitor: Visitor) -> BrandsSeen:
        now = self._desk.seen.now(visitor.brands)
        return BrandsSeen(at_ms=now.at_ms, brands=now.brands)

    async def brand(self, request: Request, visitor: Visitor) -> BrandSeen:
        name = str(request.path_params["brand"])
        span = _one_of(request, "span", SPANS) or "24h"
        if name not in self._desk.visible(visitor):
            raise Refused(_NOT_THERE, 404)
        found = await self._desk.seen.brand(name, span)  # type: ignore[arg-type]  # one of them, as was just seen
        if found is None:
            raise Refused(_NOT_THERE, 404)
        return found

    async def incidents(self, request: Request, visitor: Visitor) -> IncidentsSeen:
        wanted = Wanted(
            status=_one_of(request, "status", STANDS) or "all",
            brand=_one_of(request, "brand", self._desk.visible(visitor)),
            severity=_one_of(request, "severity", SEVERITIES),
            month=_month(request.query_params.get("month", "")),
            after=_after(request.query_params.get("cursor", "")),
            limit=_limit(request.query_params.get("limit", "")),
        )
        return incidents_seen(await self._desk.seen.incidents(visitor.brands), wanted)

    async def incident(self, request: Request, visitor: Visitor) -> IncidentSeen:
        found = await self._desk.seen.incident(str(request.path_params["incident"]))
        if found is None or not visitor.may("see", found.view.brand):
            raise Refused(_NOT_THERE, 404)
        return found

    async def timeline(self, request: Request, visitor: Visitor) -> TimelineSeen:
        found = await self.incident(request, visitor)
        return TimelineSeen(incident=found.view.incident, moments=found.moments)

    async def sources(self, _request: Request, visitor: Visitor) -> SourcesSeen:
        return await asyncio.to_thread(self._desk.rooms.sources.seen, sees(visitor))

    async def duties(self, _request: Request, visitor: Visitor) -> DutiesSeen:
        now = self._desk.seen.now(visitor.brands)
        return DutiesSeen(at_ms=now.at_ms, duties=now.duties)

    async def flowchart(self, _request: Request, visitor: Visitor) -> FlowchartSeen:
        return await asyncio.to_thread(self._desk.rooms.charts.seen, sees(visitor))

    async def reviews(self, _request: Request, visitor: Visitor) -> DrillsSeen:
        return await asyncio.to_thread(self._desk.rooms.drills.seen, sees(visitor))

    async def silences(self, _request: Request, visitor: Visitor) -> SilencesSeen:
        acts = self._desk.acts
        found = [one for brand in self._desk.visible(visitor) for one in acts.silences(brand)]
        return SilencesSeen(at_ms=self._desk.clock(), silences=tuple(found))

    async def settings(self, _request: Request, _visitor: Visitor) -> SettingsSeen:
        return await asyncio.to_thread(self._desk.rooms.settings.seen)


def _one_of(request: Request, name: str, allowed: Sequence[str]) -> str:
    """What is asked for, or "" where nothing is. Raises `Refused` for what is none of these."""
    value = request.query_params.get(name, "")
    if value and value not in allowed:
        raise Refused(unknown(value[:60], allowed, f"as a {name}"), 422, field=name, allowed=allowed)
    return value


def _limit(value: str) -> int:
    if not value:
        return PAGE
    if not (value.isascii() and value.isdecimal() and len(value) < 6 and 1 <= int(value) <= LARGEST_PAGE):
        raise Refused(f"`limit` is a whole number from 1 to {LARGEST_PAGE}.", 422, field="limit")
    return int(value)


def _month(value: str) -> str:
    if value and not is_month(value):
        raise Refused("`month` is a year and a month, as 2026-11.", 422, field="month")
    return value


def _after(cursor: str) -> Place | None:
    try:
        return after_of(cursor) if cursor else None
    except ValueError:
        raise Refused("`cursor` is what another page gave as its `next`.", 422, field="cursor") from None


# ---- acts


def _acts(desk: Desk) -> list[Call]:
    acts = desk.acts

    async def act(name: str, request: Request, visitor: Visitor) -> Told:
        form, _ = await read_form(request)
        told = await acts.act(visitor, str(request.path_params["incident"]), name, form)
        if name == WHAT and told.counted:
            request.state.why = form.verdict
        return told

    async def silence(request: Request, visitor: Visitor) -> Told:
        form, _ = await read_form(request)
        return await acts.silence(visitor, form)

    async def lift(request: Request, visitor: Visitor) -> Told:
        return await acts.lift(visitor, str(request.path_params["silence"]), Form())

    of_incident = [
        Call(
            f"{ROOT}/incidents/{{incident}}/{name}",
            f"{says}, as the button of the card does",
            Told,
            partial(act, name),
            "act",
            "POST",
            fields=FIELDS[name],
            audited=name.replace("_", " "),
        )
        for name, says in zip(ACTS, _SAYS, strict=True)
    ]
    return [
        *of_incident,
        Call(
            f"{ROOT}/silences",
            "Hold pages about a brand back for a while",
            Told,
            silence,
            "act",
            "POST",
            fields=SILENCE_FIELDS,
            audited="silence",
        ),
        Call(
            f"{ROOT}/silences/{{silence}}",
            "End a silence before its time",
            Told,
            lift,
            "act",
            "DELETE",
            audited="unsilence",
        ),
    ]


_SAYS = (
    "Acknowledge an incident",
    "Own an incident",
    "Ask for more people",
    "Call an incident a false alarm",
    "Call an incident resolved",
    "Say how bad an incident is at least",
    "Answer the flowchart's question",
    "Approve a statement",
    "Give a statement other words",
    "Add a note",
    "Say afterwards whether it was right to be told",
)
"""In the order of `ACTS`."""
