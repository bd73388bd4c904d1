"""EDGE. The ways in by which people act: forms, and the same as JSON for what a page's script or a program sends.

`/incidents/ID/acknowledge` and its sisters are doors of their own, so that the audit trail calls each act by its name.
A form without a script is answered by the page that it came from, which says what became of it; a script gets those
words alone.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Protocol
from urllib.parse import quote, urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tocsin.console.act_forms import ACTS, Form, Refused
from tocsin.console.acts import Acts, Told
from tocsin.console.choosing import may_choose, way_to
from tocsin.console.doors import Door, Visitor
from tocsin.console.looking_back import WHAT
from tocsin.console.refusing import own_path

TEXTS = "texts."
"""What the fields of a statement's words begin with; its language follows."""
Does = Callable[[Visitor, Form], Awaitable[Told]]


class ActDesk(Protocol):
    """What these doors are answered from."""

    @property
    def acts(self) -> Acts: ...
    def render(
        self, request: Request, visitor: Visitor | None, template: str, *, status: int = 200, **context: Any
    ) -> Response: ...


def doors(desk: ActDesk) -> list[Door]:
    """Every act about an incident, and silences."""
    found = [
        Door(
            path=f"/incidents/{{incident}}/{name}",
            needs="act",
            method="POST",
            says=name.replace("_", " "),
            handler=partial(_about_incident, desk, name),
        )
        for name in ACTS
    ]
    silence = Door(path="/silences", needs="act", method="POST", says="silence", handler=partial(_silence, desk))
    lift = Door(
        path="/silences/{silence}/end", needs="act", method="POST", says="unsilence", handler=partial(_lift, desk)
    )
    return [*found, silence, lift]


async def _about_incident(desk: ActDesk, name: str, request: Request, visitor: Visitor) -> Response:
    incident = str(request.path_params["incident"])

    async def does(visitor: Visitor, form: Form) -> Told:
        told = await desk.acts.act(visitor, incident, name, form)
        if name == WHAT and told.counted:
            request.state.why = form.verdict
        return told

    return await _answered(desk, request, visitor, does, f"/incidents/{quote(incident, safe='')}")


async def _silence(desk: ActDesk, request: Request, visitor: Visitor) -> Response:
    return await _answered(desk, request, visitor, desk.acts.silence, "/now")


async def _lift(desk: ActDesk, request: Request, visitor: Visitor) -> Response:
    silence = str(request.path_params["silence"])

    async def does(visitor: Visitor, form: Form) -> Told:
        return await desk.acts.lift(visitor, silence, form)

    return await _answered(desk, request, visitor, does, "/now")


async def _answered(desk: ActDesk, request: Request, visitor: Visitor, does: Does, home: str) -> Response:
    """Do it, and say what became of it in the way that was asked."""
    back = home
    try:
        form, wanted = await read_form(request)
        theirs = own_path(wanted)
        back = theirs if theirs != "/" else home
        told = await does(visitor, form)
    except Refused as refused:
        request.state.why = why_of(refused)
        return _refused(desk, request, visitor, refused, back)
    if not told.counted:
        request.state.why = "too_late"
    if is_json(request):
        return Response(msgspec.json.encode(told), media_type="application/json")
    if "hx-request" in request.headers:
        return desk.render(request, visitor, "told.html", told=told, problem="")
    apart = "&" if "?" in back else "?"
    return RedirectResponse(f"{back}{apart}{urlencode({'told': told.id})}", 303)


def _refused(desk: ActDesk, request: Request, visitor: Visitor, refused: Refused, back: str) -> Response:
    if is_json(request):
        return problem_of(refused)
    if refused.status == 403 and may_choose(visitor):
        # Nobody else says who they are on this machine: they are asked, and press again.
        if "hx-request" in request.headers:
            return Response(status_code=403, headers={"HX-Redirect": way_to(back)})
        return RedirectResponse(way_to(back), 303)
    if "hx-request" in request.headers:
        return desk.render(request, visitor, "told.html", status=refused.status, told=None, problem=refused.words)
    context = {"title": refused.words, "says": "", "back": back, "problem": ""}
    return desk.render(request, visitor, "problem.html", status=refused.status, **context)


def problem_of(refused: Refused) -> Response:
    """A refusal as programs read it (RFC 9457), with the field that is wrong and what it may be."""
    body: dict[str, object] = {
        "type": f"urn:tocsin:{why_of(refused)}",
        "title": refused.words,
        "status": refused.status,
    }
    body |= {"field": refused.field} if refused.field else {}
    body |= {"allowed": list(refused.allowed)} if refused.allowed else {}
    return Response(msgspec.json.encode(body), refused.status, media_type="application/problem+json")


def why_of(refused: Refused) -> str:
    """The word of a refusal for the audit trail, which keeps none of those that came from outside."""
    words = {403: "no_responder", 404: "not_there", 409: "changed_since", 422: "bad_field", 503: "not_written"}
    return words.get(refused.status, "unreadable")


def is_json(request: Request) -> bool:
    """Whether a program asks, or a page's script that sends JSON."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"


async def read_form(request: Request) -> tuple[Form, str]:
    """What an act carries, as a form or as JSON, and the page that a form came from. Raises `Refused`."""
    try:
        if is_json(request):
            body = await request.body()
            return msgspec.json.decode(body or b"{}", type=Form), ""
        given = await request.form(max_files=0)
        fields = {name: _clean(value) for name, value in given.items() if isinstance(value, str)}
        texts = {name.removeprefix(TEXTS): value for name, value in fields.items() if name.startswith(TEXTS)}
        known = {name: value for name, value in fields.items() if name in Form.__struct_fields__ and name != "texts"}
        return msgspec.convert({**known, "texts": texts}, Form), fields.get("back", "")
    except msgspec.MsgspecError as error:
        raise Refused(f"The body cannot be read: {_clean(str(error))[:200]}", 400) from None


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
