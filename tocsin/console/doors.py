"""What a console answers to: each way in says what one must be allowed to do before its handler hears of it. Pure."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from tocsin.console_sections import Role

Verb = Literal["open", "see", "act", "administer"]
"""What a way in asks for: nothing (health, and the way to sign in), to look, to answer for an incident, or to see the
settings and the audit trail."""

ALLOWED: Mapping[str, tuple[Verb, ...]] = {
    "viewer": ("open", "see"),
    "responder": ("open", "see", "act"),
    "admin": ("open", "see", "act", "administer"),
}


class Visitor(msgspec.Struct, frozen=True, kw_only=True):
    """Whoever asks: by a session, a proxy's header, or a token of the API.

    >>> ana = Visitor(name="ana@example.org", responder="ana", role="responder", brands=("Acme",))
    >>> ana.may("act", "Acme"), ana.may("act", "Zeta"), ana.may("administer"), ana.may("see")
    (True, False, False, True)
    """

    name: str
    """By what they signed in: the audit trail's name for them."""
    role: Role
    responder: str = ""
    """Which of the flowchart's people they are; without it they answer for nothing."""
    brands: tuple[str, ...] | None = None
    """The brands they see and answer for; `None` is all."""
    verbs: tuple[Verb, ...] | None = None
    """What a token is limited to; `None` is all that the role may."""
    how: Literal["local", "password", "oidc", "proxy", "token"] = "local"
    csrf: str = ""
    """What a form of theirs must carry; empty for a token, which no browser sends by itself."""

    def may(self, verb: Verb, brand: str | None = None) -> bool:
        """Whether they may do this, for this brand; without one: for any at all."""
        if verb not in ALLOWED[self.role] or (self.verbs is not None and verb not in (*self.verbs, "open")):
            return False
        return brand is None or self.brands is None or brand in self.brands


Handler = Callable[[Request, Visitor], Awaitable[Response]]
"""Answers a request of somebody who may make it."""


class Door(msgspec.Struct, frozen=True, kw_only=True):
    """One way in. What it needs is looked at before the handler is called; a brand or an incident in its path
    (`{brand}`, `{incident}`) must be the visitor's to see, or it is not there for them.
    """

    path: str
    needs: Verb
    handler: Handler
    method: Literal["GET", "POST", "DELETE"] = "GET"
    says: str = ""
    """What the audit trail calls it, for what changes something; the OpenAPI summary, for the API."""
