"""EDGE. The ways to a provider of identities and back."""

import secrets

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tocsin.console.doors import Door, Visitor
from tocsin.console.gate import Gate
from tocsin.console.oidc import UNDER_WAY_MS, Provider
from tocsin.console.oidc_token import OidcProblem
from tocsin.console.refusing import own_path
from tocsin.console.signing_in import ELSEWHERE, SigningIn

log = structlog.get_logger("tocsin")

COOKIE = "tocsin_sign_in"
BACK = "/sign-in/back"
"""Where the provider sends people back to."""


class SigningInElsewhere:
    """Sends people to the provider, and takes them in when they come back."""

    def __init__(self, provider: Provider, gate: Gate, signing_in: SigningIn) -> None:
        self._provider = provider
        self._gate = gate
        self._signing_in = signing_in

    def doors(self) -> list[Door]:
        """There, and back."""
        return [
            Door(path=ELSEWHERE, needs="open", handler=self._send),
            Door(path=BACK, needs="open", handler=self._take),
        ]

    async def _send(self, request: Request, _visitor: Visitor) -> Response:
        next_ = own_path(request.query_params.get("next"))
        browser = secrets.token_urlsafe(32)
        try:
            response = RedirectResponse(await self._provider.begin(next_, browser), 303)
        except OidcProblem as problem:
            # The provider's fault, or the settings': nobody failed here, so nobody waits for it.
            log.warning("sign-in not possible", how="oidc", why=problem.why)
            return self._signing_in.page(request, next_, wrong="failed", status=502)
        response.set_cookie(
            self._cookie(request),
            browser,
            max_age=UNDER_WAY_MS // 1000,
            path="/",
            secure=self._gate.is_secure(request),
            httponly=True,
            samesite="lax",
        )
        return response

    async def _take(self, request: Request, _visitor: Visitor) -> Response:
        if self._signing_in.wait_ms(request, "oidc"):
            return await self._signing_in.too_often(request, "", "oidc", "/")
        response = await self._taken(request)
        response.delete_cookie(
            self._cookie(request), path="/", secure=self._gate.is_secure(request), httponly=True, samesite="lax"
        )
        return response

    async def _taken(self, request: Request) -> Response:
        given = request.query_params.multi_items()
        answer = dict(given)
        try:
            if len(answer) != len(given):
                raise OidcProblem("said twice")
            identity, next_ = await self._provider.finish(answer, request.cookies.get(self._cookie(request), ""))
        except OidcProblem as problem:
            await self._signing_in.refused(request, "", "oidc", problem.why)
            return self._signing_in.page(request, "/", wrong="failed", status=403)
        named = self._gate.roll.name_of(identity.name)
        role = "" if named is not None else self._gate.roll.role_by(list(identity.groups))
        if role is None:
            await self._signing_in.refused(request, "", "oidc", "not in people")
            return self._signing_in.page(request, "/", wrong="not_known", status=403)
        return await self._signing_in.welcome(request, named or identity.name, "oidc", next_, role=role)

    def _cookie(self, request: Request) -> str:
        return f"__Host-{COOKIE}" if self._gate.is_secure(request) else COOKIE
