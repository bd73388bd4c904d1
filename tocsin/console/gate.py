"""EDGE. The gate of the console: every way in goes through it, and it is shut unless something opens it.

In this order: who is it; may they do this at all, and for this brand; did they mean to, or did another page send it;
did they do it too often. Only then the handler hears of the request. What was done is written down afterwards, and
what was refused too, where somebody who is signed in tried it.
"""

import asyncio
import hmac
from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

import msgspec
import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from stream.sources.store import StoreError
from tocsin.console.audit import Act, Audit, Outcome
from tocsin.console.doors import Door, Visitor
from tocsin.console.limits import Buckets, place_of
from tocsin.console.outer import TooLarge
from tocsin.console.refusing import Refusing
from tocsin.console.roll import NOBODY, Roll
from tocsin.console.sessions import Sessions

log = structlog.get_logger("tocsin")

COOKIE, SECURE_COOKIE = "tocsin_session", "__Host-tocsin_session"
CSRF_HEADER, CSRF_FIELD = "X-CSRF-Token", "csrf"
FORM_FIELDS = 100
ASKS_PER_S, ASKS_AT_ONCE = 40, 400
"""Of one place: pages, their files, and those of its colleagues behind the same address."""
ACTS_PER_S, ACTS_AT_ONCE = 1, 30
"""Of one person."""
_READS = ("GET", "HEAD")


class Tokens(Protocol):
    """Knows the tokens of the API."""

    def visitor(self, secret: str) -> Visitor | None:
        """Whose token this is, and what it is limited to; nothing where it does not hold (any more)."""


class Headed(Protocol):
    """Knows whom a reverse proxy let in."""

    def visitor(self, request: Request) -> Visitor | None:
        """Who the proxy says this is; nothing where it says nothing, or is not the proxy."""


class Passed(msgspec.Struct, frozen=True):
    """Who is let through, as `request.state.passed` for handlers that need to know more than the visitor."""

    visitor: Visitor
    session: str
    """The key of their session; empty for tokens and behind a proxy."""
    holds: Callable[[], bool]
    """Whether they would be let through now: a live stream asks from time to time."""


class Gate:
    """The gate of one console. `brand_of` knows whose incident one is; `origins` are our own addresses."""

    def __init__(
        self,
        roll: Roll,
        sessions: Sessions,
        audit: Audit,
        refusing: Refusing,
        *,
        clock: Callable[[], int],
        address_of: Callable[[Request], str],
        origins: Collection[str],
        brands: Collection[str],
        brand_of: Callable[[str], str | None],
        tokens: Tokens | None = None,
        headed: Headed | None = None,
    ) -> None:
        self.roll = roll
        self.sessions = sessions
        self.audit = audit
        self.refusing = refusing
        self.clock = clock
        self.address_of = address_of
        self._secure = {urlsplit(one).netloc for one in origins if one.startswith("https://")}
        self._origins = set(origins)
        self._brands = frozenset(brands)
        self._brand_of = brand_of
        self._tokens = tokens
        self._headed = headed
        self._asks = Buckets(per_s=ASKS_PER_S, burst=ASKS_AT_ONCE)
        self._acts = Buckets(per_s=ACTS_PER_S, burst=ACTS_AT_ONCE)

    def route(self, door: Door) -> Route:
        """A way in, behind the gate."""

        async def answer(request: Request) -> Response:
            return await self._answered(door, request)

        # A brand may have a slash in its name, and whoever asks for it with `%2F` is heard as if it were one.
        return Route(door.path.replace("{brand}", "{brand:path}"), answer, methods=[door.method])

    async def elsewhere(self, request: Request, error: Exception) -> Response:
        """What is no way in: said only to those who are signed in."""
        passed = self.pass_of(request)
        if isinstance(error, TooLarge):
            return self.refusing.answer(request, passed.visitor if passed else None, error.status, "too_large")
        if passed is None:
            return self.refusing.signed_out(request)
        status = error.status_code if isinstance(error, HTTPException) else 404
        why = {404: "not_found", 405: "no_such_way"}.get(status, "unreadable")
        return self.refusing.answer(request, passed.visitor, status, why)

    # ---- who is it

    def pass_of(self, request: Request) -> Passed | None:
        """Whoever sends this request; nobody where nothing says so, or what says so does not hold."""
        bearer = _bearer(request)
        if bearer is not None:
            return self._by_token(request, bearer)
        if self._headed is not None:
            visitor = self._headed.visitor(request)
            if visitor is not None:
                return Passed(visitor, "", lambda: True)
        return self._by_session(request)

    def _by_token(self, request: Request, secret: str) -> Passed | None:
        """A token opens the API alone, and what else a browser may have sent along does not count beside it."""
        tokens = self._tokens
        if tokens is None or not request.url.path.startswith("/api/"):
            return None
        visitor = tokens.visitor(secret)
        return Passed(visitor, "", lambda: tokens.visitor(secret) is not None) if visitor is not None else None

    def _by_session(self, request: Request) -> Passed | None:
        number = request.cookies.get(self.cookie_of(request))
        session = self.sessions.of(number, at_ms=self.clock()) if number else None
        visitor = self.roll.visitor(session) if session is not None else None
        if session is None or visitor is None:
            return None
        key = session.key
        return Passed(visitor, key, lambda: self.sessions.by_key(key, at_ms=self.clock()) is not None)

    def by_cookie(self, request: Request) -> str | None:
        """The key of the session that the browser has, whoever else the request may say it is."""
        number = request.cookies.get(self.cookie_of(request))
        session = self.sessions.of(number, at_ms=self.clock()) if number else None
        return session.key if session is not None else None

    def is_secure(self, request: Request) -> bool:
        """Whether it came by an address of ours that has https."""
        return request.headers.get("host", "").lower() in self._secure

    def cookie_of(self, request: Request) -> str:
        """The name of the cookie: over https one that no other host and no plain connection can set."""
        return SECURE_COOKIE if self.is_secure(request) else COOKIE

    # ---- may they

    async def _answered(self, door: Door, request: Request) -> Response:
        wait_ms = self._asks.wait_ms(place_of(self.address_of(request)), at_ms=self.clock())
        if wait_ms:
            return self.refusing.answer(request, None, 429, "too_many", wait_ms=wait_ms)
        passed = self.pass_of(request)
        visitor = passed.visitor if passed is not None else NOBODY
        request.state.passed = passed
        if door.needs != "open" and passed is None:
            return self.refusing.signed_out(request)
        try:
            refused = await self._refused(door, request, visitor)
        except (HTTPException, UnicodeDecodeError):
            refused = 400, "unreadable", 0
        if refused is not None:
            status, why, wait_ms = refused
            if door.needs != "open":
                await self._note(door, request, visitor, "refused", why)
            return self.refusing.answer(request, passed.visitor if passed else None, status, why, wait_ms=wait_ms)
        return await self._handled(door, request, visitor)

    async def _refused(self, door: Door, request: Request, visitor: Visitor) -> tuple[int, str, int] | None:
        """Status, reason and wait of what is not to be; nothing where the handler may hear of it."""
        brand = self.brand_in(request.path_params)
        if brand is not None and not visitor.may("see", brand):
            return 404, "not_found", 0
        if not visitor.may(door.needs, brand):
            return 403, "forbidden", 0
        if door.method in _READS:
            return None
        if not self._is_same_site(request, visitor):
            return 403, "cross_site", 0
        if door.needs == "open":
            return None
        if visitor.how != "token" and not await _has_csrf(request, visitor):
            return 403, "csrf", 0
        wait_ms = self._acts.wait_ms(f"{visitor.how} {visitor.name}", at_ms=self.clock())
        return (429, "too_many", wait_ms) if wait_ms else None

    def brand_in(self, params: Mapping[str, Any]) -> str | None:
        """Whose matter an address is about: "" for an incident that is not known here, which is nobody's."""
        if "brand" in params:
            return str(params["brand"])
        return (self._brand_of(str(params["incident"])) or "") if "incident" in params else None

    def _is_same_site(self, request: Request, visitor: Visitor) -> bool:
        """Whether a page of ours sent this. Browsers say so by themselves; a token's program needs not."""
        origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
        if site is not None and site not in ("same-origin", "none"):
            return False
        # A page that tells nobody where it is says `null`; then what the browser says of the site counts.
        if origin is not None and not (origin == "null" and site == "same-origin"):
            return origin in self._origins or urlsplit(origin).netloc == request.headers.get("host", "")
        return site is not None or visitor.how == "token"

    # ---- what came of it

    async def _handled(self, door: Door, request: Request, visitor: Visitor) -> Response:
        try:
            response = await door.handler(request, visitor)
        except (HTTPException, TooLarge):
            raise
        except Exception as error:  # noqa: BLE001 - a page that fails is told so; the service goes on
            where = error.__traceback__
            while where is not None and where.tb_next is not None:
                where = where.tb_next
            line = f"{where.tb_frame.f_code.co_name}:{where.tb_lineno}" if where is not None else ""
            # Neither the text of the error nor the address: both may hold what people wrote.
            log.error("console failed", route=door.path, error=type(error).__name__, at=line)
            response = self.refusing.answer(request, visitor if visitor.name else None, 500, "broken")
        outcome: Outcome = "done" if response.status_code < 400 else "refused"
        outcome = "failed" if response.status_code >= 500 else outcome
        if door.needs != "open":
            why = getattr(request.state, "why", "") or (str(response.status_code) if outcome != "done" else "")
            await self._note(door, request, visitor, outcome, why)
        return response

    async def _note(self, door: Door, request: Request, visitor: Visitor, outcome: Outcome, why: str) -> None:
        """Write down an act, and an export. A look at a page is neither, nor is what one prefers of it."""
        what = getattr(request.state, "export", "") or (door.says or door.path)
        if (door.method in _READS or door.needs == "see") and not hasattr(request.state, "export"):
            return
        params = request.path_params
        about = str(params.get("incident", ""))
        known = self._brand_of(about) if about else str(params.get("brand", ""))
        await self.note(
            Act(
                at_ms=self.clock(),
                who=visitor.name,
                how=visitor.how,
                what=what,
                outcome=outcome,
                why=why,
                # Only names that exist: whoever makes up an address writes nothing into the trail by it.
                incident=about if known is not None else "",
                brand=known if known is not None and known in self._brands else "",
                as_responder=visitor.responder,
            )
        )

    async def note(self, act: Act) -> None:
        """Keep an act. Where the disk refuses, the act stands all the same: what it did is in the journal."""
        try:
            await asyncio.to_thread(self.audit.add, act)
        except StoreError as error:
            log.error("audit trail not written", problem=str(error), what=act.what)


async def _has_csrf(request: Request, visitor: Visitor) -> bool:
    given = request.headers.get(CSRF_HEADER, "")
    if not given and request.headers.get("content-type", "").startswith(
        ("application/x-www-form-urlencoded", "multipart/form-data")
    ):
        # Read here, and kept: the handler gets the same form.
        form = await request.form(max_files=0, max_fields=FORM_FIELDS)
        field = form.get(CSRF_FIELD, "")
        given = field if isinstance(field, str) else ""
    return bool(visitor.csrf) and hmac.compare_digest(given.encode(), visitor.csrf.encode())


def _bearer(request: Request) -> str | None:
    kind, _, secret = request.headers.get("authorization", "").partition(" ")
    return secret.strip() if kind.lower() == "bearer" else None
