"""EDGE. Pages that stay live: what has changed is rendered once for all who see the same, and sent to each of them.

    the core, the outbox, how well we are -> version -> one frame for each (page, language, brands, may act) -> clients

Whoever is slow gets the newest frame and none of those before; whoever takes nothing for ten seconds is let go, and
comes again by itself. Nothing is kept for anybody who is not there.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import NamedTuple, Protocol, get_args

import structlog
from sse_starlette.event import ServerSentEvent
from sse_starlette.sse import EventSourceResponse, SendTimeoutError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tocsin.console.desk import Desk, Sees
from tocsin.console.doors import Door, Visitor
from tocsin.console.seen_brand import Span

log = structlog.get_logger("tocsin")

LOOK_S = 0.25
"""How often it is looked whether anything has changed, while somebody is there."""
BEAT_S = 10.0
"""How often whoever is there is told that we are, though nothing has changed, and it is asked whether they may be."""
TAKES_S = 10.0
"""So long a client may take for one frame."""
MOST_EACH = 12
"""Streams of one person: a phone, a desk and some tabs."""
MOST = 400


class View(NamedTuple):
    """What several see alike."""

    page: str
    about: str
    """The incident or the brand; empty for *Now*."""
    span: str
    brands: tuple[str, ...] | None
    language: str
    may_act: bool


class Draws(Protocol):
    """What makes a part of a page."""

    def fragment(self, template: str, language: str, *, may_act: bool, **context: object) -> str: ...


class Client:
    """One stream: what is to be sent to it next, the newest frame in place of all before."""

    def __init__(self, name: str, view: View, holds: Callable[[], bool]) -> None:
        self.name = name
        self.view = view
        self.holds = holds
        """Whether they may be here still."""
        self.ended = False
        self._woken = asyncio.Event()
        self._frame: bytes = b""
        self._beat: bytes = b""

    def show(self, frame: bytes) -> None:
        """This is how it stands now."""
        self._frame = frame
        self._woken.set()

    def beat(self, beat: bytes) -> None:
        """We are here."""
        self._beat = beat
        self._woken.set()

    def end(self, last: bytes = b"") -> None:
        """There is no more to come."""
        self.ended = True
        self._frame = last
        self._woken.set()

    async def next(self) -> bytes:
        """What is to be sent next; waits for it. Empty at the end."""
        await self._woken.wait()
        self._woken.clear()
        sent = self._frame + self._beat
        self._frame = self._beat = b""
        return sent


class _Shown:
    """One view, whoever looks at it, and its last frame."""

    def __init__(self) -> None:
        self.clients: set[Client] = set()
        self.version: object = None
        self.frame = b""
        self.is_failing = False


class Hub:
    """All streams of one console."""

    def __init__(self, sees: Sees, draws: Draws, clock: Callable[[], int], *, look_s: float = LOOK_S) -> None:
        self._sees = sees
        self._draws = draws
        self._clock = clock
        self._look_s = look_s
        self._views: dict[View, _Shown] = {}
        self.closed = False
        """Whether every stream has ended and none begins any more."""

    @property
    def clients(self) -> int:
        """How many streams are open."""
        return sum(len(shown.clients) for shown in self._views.values())

    # ---- clients

    def join(self, visitor: Visitor, view: View, holds: Callable[[], bool]) -> Client | None:
        """A stream of their own; `None` where there are too many already, or none any more."""
        theirs = sum(one.name == visitor.name for shown in self._views.values() for one in shown.clients)
        if self.closed or theirs >= MOST_EACH or self.clients >= MOST:
            return None
        client = Client(visitor.name, view, holds)
        shown = self._views.setdefault(view, _Shown())
        shown.clients.add(client)
        client.beat(self._beat())
        if shown.frame and shown.version == self._sees.version():
            client.show(shown.frame)  # else the next look has a newer one for all
        else:
            shown.version = None
        return client

    def leave(self, client: Client) -> None:
        """They are gone."""
        shown = self._views.get(client.view)
        if shown is not None:
            shown.clients.discard(client)
            if not shown.clients:
                del self._views[client.view]

    def close(self) -> None:
        """End every stream, and begin no other: a browser comes again by itself."""
        self.closed = True
        for shown in self._views.values():
            for client in shown.clients:
                client.end()

    # ---- what they see

    async def run(self) -> None:
        """Keep all streams live until cancelled."""
        loop, beat_at = asyncio.get_running_loop(), 0.0
        while True:
            await self.look()
            if loop.time() >= beat_at:
                beat_at = loop.time() + BEAT_S
                self.tell()
            await asyncio.sleep(self._look_s)

    async def look(self) -> None:
        """Render what has changed, once for each view, and send it to all who see it. A page that cannot be made is
        told of, and tried again; it keeps no other page back.
        """
        if not self._views:
            return
        version = self._sees.version()
        for view, shown in list(self._views.items()):
            if shown.version != version:
                try:
                    self._show(shown, await self._frame(view))
                    shown.version, shown.is_failing = version, False
                except Exception as error:  # noqa: BLE001 - a page may fail; what it looks at may not
                    if not shown.is_failing:
                        log.error("console not live", page=view.page, error=type(error).__name__)
                    shown.is_failing = True
                await asyncio.sleep(0)

    @staticmethod
    def _show(shown: _Shown, frame: bytes) -> None:
        if frame and frame != shown.frame:
            shown.frame = frame
            for client in list(shown.clients):
                client.show(frame)

    def tell(self) -> None:
        """Tell all who may be there that we are, and the others that they may not."""
        beat = self._beat()
        for shown in self._views.values():
            for client in shown.clients:
                if client.ended:
                    continue
                if client.holds():
                    client.beat(beat)
                else:
                    client.end(_event("gone", "session"))

    async def _frame(self, view: View) -> bytes:
        shown: object
        if view.page == "now":
            shown = self._sees.now(view.brands)
        elif view.page == "incident":
            shown = await self._sees.incident(view.about)
        else:
            shown = await self._sees.brand(view.about, _span(view.span))
        if shown is None:
            return b""
        context = {view.page: shown}
        return _event(
            "swap",
            self._draws.fragment(f"{view.page}_live.html", view.language, may_act=view.may_act, **context),
        )

    def _beat(self) -> bytes:
        return _event("beat", str(self._clock()))


class Streamed(EventSourceResponse):
    """A stream that ends quietly for whoever does not take it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until it ends, the client is gone, or takes nothing any more."""
        try:
            await super().__call__(scope, receive, send)
        except SendTimeoutError:
            log.info("console client let go", why="slow")


def doors(desk: Desk, hub: Hub) -> list[Door]:
    """The streams of the pages."""
    return [
        Door(path="/live/now", needs="see", handler=partial(_stream, desk, hub, "now")),
        Door(path="/live/incident/{incident}", needs="see", handler=partial(_stream, desk, hub, "incident")),
        Door(path="/live/brand/{brand}", needs="see", handler=partial(_stream, desk, hub, "brand")),
    ]


async def _stream(desk: Desk, hub: Hub, page: str, request: Request, visitor: Visitor) -> Response:
    about = str(request.path_params.get("incident") or request.path_params.get("brand") or "")
    if page != "now" and not await _is_there(desk, page, about):
        raise HTTPException(404)
    view = View(
        page=page,
        about=about,
        span=_span(request.query_params.get("span", "")) if page == "brand" else "",
        brands=visitor.brands if page == "now" else None,
        language=desk.language(request),
        may_act=visitor.may("act"),
    )
    passed = getattr(request.state, "passed", None)
    client = hub.join(visitor, view, passed.holds if passed is not None else lambda: True)
    if client is None:
        # Too many tabs are no fault of ours, of which an alarm would speak; a console that closes is none either way.
        return Response(status_code=503 if hub.closed else 429, headers={"Retry-After": "15"})
    # Beats are ours: they carry the time, and ask whether the session holds.
    return Streamed(_frames(hub, client), ping=0, send_timeout=TAKES_S, sep="\n")


async def _is_there(desk: Desk, page: str, about: str) -> bool:
    """Whether there is such an incident or brand: nobody waits for what will never come."""
    if page == "incident":
        return await desk.seen.incident(about) is not None
    return bool(desk.seen.now([about]).brands)


async def _frames(hub: Hub, client: Client) -> AsyncIterator[bytes]:
    try:
        while not client.ended:
            yield await client.next()
    finally:
        hub.leave(client)


def _span(text: str) -> Span:
    """The span that is asked for; the shortest where it is none."""
    return text if text in get_args(Span) else "90min"  # type: ignore[return-value]  # it is one of them


def _event(name: str, data: str) -> bytes:
    return ServerSentEvent(data=data, event=name, sep="\n").encode()
