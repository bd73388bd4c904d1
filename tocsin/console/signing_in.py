"""EDGE. Signing in and out: the page, the link of the start, a password; other ways add their own doors.

Whoever signs in gets a new session, whatever the browser had before. Failures cost time, more each time, by where they
come from and by the name that was tried; what is told is the same for a wrong name and a wrong password.
"""

import asyncio
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import structlog
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tocsin.console.audit import Act
from tocsin.console.doors import Door, Visitor
from tocsin.console.gate import Gate, Passed
from tocsin.console.limits import LONGEST_OF_ADDRESS_MS, LONGEST_OF_NAME_MS, Buckets, Delays, place_of
from tocsin.console.passwords import NO_PASSWORD, fits
from tocsin.console.refusing import Pages, own_path
from tocsin.console.roll import LOCAL
from tocsin.console_sections import ConsoleSettings, known_as
from tocsin.secret import Secret

log = structlog.get_logger("tocsin")

LONGEST_PASSWORD = 1_000
TRIES_PER_S, TRIES_AT_ONCE = 2, 20
"""Passwords that are tried, whoever tries them: each takes work, and the machine has other things to do."""
NOTED_PER_S, NOTED_AT_ONCE = 1, 30
"""Tries that came too often are written down as far as this goes: nobody fills the disk with them."""
ELSEWHERE = "/sign-in/elsewhere"
"""Where the way to a provider of identities begins."""


class SigningIn:
    """The ways in for people. `token` is that of the link; `passwords` are what `tocsin console password` made."""

    def __init__(
        self,
        console: ConsoleSettings,
        gate: Gate,
        pages: Pages,
        *,
        token: Secret | None,
        passwords: Mapping[str, Secret],
        provider: str = "",
    ) -> None:
        self._console = console
        self._gate = gate
        self._pages = pages
        self._token = token
        self._passwords = passwords
        self._provider = provider
        self._by_place = Delays(longest_ms=LONGEST_OF_ADDRESS_MS)
        self._by_name = Delays(longest_ms=LONGEST_OF_NAME_MS)
        self._hashing = asyncio.Semaphore(1)
        self._tries = Buckets(per_s=TRIES_PER_S, burst=TRIES_AT_ONCE)
        self._noted = Buckets(per_s=NOTED_PER_S, burst=NOTED_AT_ONCE)

    def doors(self) -> list[Door]:
        """The page to sign in on, and the way out."""
        return [
            Door(path="/sign-in", needs="open", handler=self.show),
            Door(path="/sign-in", needs="open", handler=self.sign_in, method="POST", says="sign in"),
            Door(path="/sign-out", needs="see", handler=self.sign_out, method="POST", says="sign out"),
        ]

    # ---- handlers

    async def show(self, request: Request, visitor: Visitor) -> Response:
        """The page; or, with the token of the link, in."""
        next_ = own_path(request.query_params.get("next"))
        given = request.query_params.get("token")
        if given is not None:
            return await self._by_token(request, given, next_)
        if visitor.name:
            return RedirectResponse(next_, 303)
        return self.page(request, next_)

    async def sign_in(self, request: Request, _visitor: Visitor) -> Response:
        """What the form sends: a name and a password, or a token."""
        form = await request.form(max_files=0, max_fields=10)
        given = {key: "" if isinstance(value, UploadFile) else value for key, value in form.items()}
        next_ = own_path(given.get("next"))
        if "token" in given:
            return await self._by_token(request, given["token"].strip(), next_)
        return await self._by_password(request, given.get("name", ""), given.get("password", ""), next_)

    async def sign_out(self, request: Request, visitor: Visitor) -> Response:
        """End the session here and in the browser."""
        passed: Passed = request.state.passed
        if passed.session:
            self._gate.sessions.end(passed.session)
        await self._gate.note(
            Act(at_ms=self._gate.clock(), who=visitor.name, how=visitor.how, what="sign out", outcome="done")
        )
        response = RedirectResponse("/sign-in", 303)
        response.delete_cookie(
            self._gate.cookie_of(request), path="/", secure=self._gate.is_secure(request), httponly=True, samesite="lax"
        )
        response.headers["Clear-Site-Data"] = '"cache"'
        return response

    def page(self, request: Request, next_: str, *, wrong: str = "", status: int = 200) -> Response:
        """The page to sign in on, with what went wrong before."""
        more: dict[str, Any] = {
            "next": next_,
            "wrong": f"sign_in.{wrong}" if wrong else "",
            "password": bool(self._passwords),
            "token": self._token is not None,
            "oidc": [(self._provider, f"{ELSEWHERE}?next={quote(next_, safe='')}")] if self._provider else [],
        }
        return self._pages.page(request, None, "sign_in.html", status=status, **more)

    # ---- the ways

    async def _by_token(self, request: Request, given: str, next_: str) -> Response:
        if self._token is None:
            return self.page(request, next_, wrong="wrong_token", status=403)
        if self.wait_ms(request, LOCAL):
            return await self.too_often(request, LOCAL, "local", next_)
        if not hmac.compare_digest(given.encode(), self._token.reveal().encode()):
            await self.refused(request, LOCAL, "local", "wrong token")
            return self.page(request, next_, wrong="wrong_token", status=403)
        return await self.welcome(request, LOCAL, "local", next_)

    async def _by_password(self, request: Request, name: str, given: str, next_: str) -> Response:
        called = known_as(name)
        if self.wait_ms(request, called) or self._tries.wait_ms("", at_ms=self._gate.clock()):
            return await self.too_often(request, called, "password", next_)
        kept = self._passwords.get(called)
        # Somebody without a password takes as long as somebody with one.
        async with self._hashing:
            good = await asyncio.to_thread(
                fits, given[:LONGEST_PASSWORD], kept.reveal() if kept is not None else NO_PASSWORD
            )
        if not good or kept is None:
            await self.refused(request, called, "password", "wrong password")
            return self.page(request, next_, wrong="wrong_password", status=403)
        return await self.welcome(request, self._gate.roll.name_of(called) or called, "password", next_)

    # ---- for every way

    def wait_ms(self, request: Request, called: str) -> int:
        """How long this name, and this place, must wait before they try again."""
        at_ms, place = self._gate.clock(), place_of(self._gate.address_of(request))
        return max(self._by_place.wait_ms(place, at_ms=at_ms), self._by_name.wait_ms(called, at_ms=at_ms))

    async def refused(self, request: Request, called: str, how: str, why: str) -> None:
        """Note a failure: it costs time, and stands in the trail; a name that nobody has is not repeated there, and
        none at all ("") delays nobody's.
        """
        at_ms, address = self._gate.clock(), self._gate.address_of(request)
        self._by_place.failed(place_of(address), at_ms=at_ms)
        if called:
            self._by_name.failed(called, at_ms=at_ms)
        await self._note(request, called, how, why)

    async def too_often(self, request: Request, called: str, how: str, next_: str) -> Response:
        """Refuse a try that is not looked at; it stands in the trail, unless that would be a flood."""
        if not self._noted.wait_ms("", at_ms=self._gate.clock()):
            await self._note(request, called, how, "too often")
        return self.page(request, next_, wrong="too_often", status=429)

    async def _note(self, request: Request, called: str, how: str, why: str) -> None:
        who = LOCAL if how == "local" else self._gate.roll.name_of(called) or "unknown"
        log.warning("sign-in refused", how=how, why=why, place=self._gate.address_of(request))
        at_ms = self._gate.clock()
        await self._gate.note(Act(at_ms=at_ms, who=who, how=how, what="sign in", outcome="refused", why=why))

    async def welcome(self, request: Request, name: str, how: str, next_: str, *, role: str = "") -> Response:
        """Begin a session and go where they wanted to."""
        gate, at_ms = self._gate, self._gate.clock()
        self._by_place.succeeded(place_of(gate.address_of(request)))
        self._by_name.succeeded(known_as(name))
        if (old := gate.by_cookie(request)) is not None:
            gate.sessions.end(old)
        number = gate.sessions.begin(name, how, at_ms=at_ms, role=role)
        await gate.note(Act(at_ms=at_ms, who=name, how=how, what="sign in", outcome="done"))
        response = RedirectResponse(next_, 303)
        response.set_cookie(
            gate.cookie_of(request),
            number,
            max_age=self._console.longest // 1000,
            path="/",
            secure=gate.is_secure(request),
            httponly=True,
            samesite="lax",
        )
        return response
