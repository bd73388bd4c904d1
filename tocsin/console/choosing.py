"""EDGE. Which responder somebody is, on a console for one machine: its token belongs to nobody, so they say so.

Everywhere else the settings say it, and nobody chooses. What they are called then stands beside "local" in the audit
trail, and in the incident's story.
"""

from functools import partial
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tocsin.console.acts import Acts
from tocsin.console.doors import Door, Visitor
from tocsin.console.gate import Passed
from tocsin.console.refusing import own_path
from tocsin.console.sessions import Sessions
from tocsin.overview import Shows

PATH = "/me"


class ChoosingDesk(Protocol):
    """What the choice is made at."""

    @property
    def acts(self) -> Acts: ...
    @property
    def shows(self) -> Shows: ...
    def render(
        self, request: Request, visitor: Visitor | None, template: str, *, status: int = 200, **context: Any
    ) -> Response: ...


class Choice(NamedTuple):
    """Somebody whom one may be."""

    responder: str
    name: str


def doors(desk: ChoosingDesk, sessions: Sessions) -> list[Door]:
    """The page to choose on, and the choice."""
    choose = partial(_choose, desk, sessions)
    return [
        Door(path=PATH, needs="act", handler=partial(_page, desk), says="Which responder you are"),
        Door(path=PATH, needs="act", method="POST", handler=choose, says="say who they are"),
    ]


def may_choose(visitor: Visitor) -> bool:
    """Whether nobody else says which responder they are."""
    return visitor.how == "local"


def way_to(back: str) -> str:
    """The address of the page to choose on, which leads back there afterwards.

    >>> way_to("/incidents/acme-1")
    '/me?back=%2Fincidents%2Facme-1'
    """
    return f"{PATH}?back={quote(back, safe='')}"


async def _page(desk: ChoosingDesk, request: Request, visitor: Visitor) -> Response:
    return _shown(desk, request, visitor, request.query_params.get("back", ""))


def _shown(desk: ChoosingDesk, request: Request, visitor: Visitor, back: str, status: int = 200) -> Response:
    live = desk.shows.live
    choices = [Choice(one, live.name_of(one)) for one in desk.acts.responders()]
    context = {"choices": choices, "back": own_path(back), "chooses": may_choose(visitor)}
    return desk.render(request, visitor, "me.html", status=status, **context)


async def _choose(desk: ChoosingDesk, sessions: Sessions, request: Request, visitor: Visitor) -> Response:
    form = await request.form(max_files=0)
    responder, back = str(form.get("responder", "")), str(form.get("back", ""))
    passed = request.state.passed
    if not may_choose(visitor) or not isinstance(passed, Passed) or not passed.session:
        request.state.why = "may_not"
        return _shown(desk, request, visitor, back, 403)
    if responder not in desk.acts.responders():
        request.state.why = "bad_field"
        return _shown(desk, request, visitor, back, 422)
    sessions.become(passed.session, responder)
    there = own_path(back)
    return RedirectResponse("/now" if there == "/" else there, 303)
