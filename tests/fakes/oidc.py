"""A provider of identities on this machine: real keys, real tokens, a real server, and a lie where a test wants one.

It does what OpenID Connect asks of it: discovery, an authorization endpoint, a token endpoint that looks at code,
verifier and client, and its keys. What a test puts into `claims`, `header`, `sign` or `metadata` changes what it says.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tocsin.serving import address_of, listener, opened, server_of

CLIENT, SECRET = "tocsin-console", "a secret of the client"
KEY = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
OTHER = RSAKey.generate_key(2048, {"kid": "other", "use": "sig", "alg": "RS256"})
CURVE = ECKey.generate_key("P-256", {"kid": "curve", "use": "sig", "alg": "ES256"})
"""Made once: a key takes longer than a test."""


class FakeProvider:
    """One provider; `base_url` is its issuer."""

    def __init__(self) -> None:
        self.base_url = ""
        self.keys: list[Any] = [KEY]
        self.sign: Callable[[dict[str, Any], dict[str, Any]], str] = lambda header, claims: jwt.encode(
            header, claims, KEY, algorithms=["RS256"]
        )
        self.header: dict[str, Any] = {"alg": "RS256", "kid": "one"}
        self.claims: dict[str, Any] = {}
        self.without: tuple[str, ...] = ()
        """Claims that it leaves out."""
        self.metadata: dict[str, Any] = {}
        self.token_answer: dict[str, Any] | None = None
        self.token_status = 200
        self.hits: dict[str, int] = {}
        self.seen_form: dict[str, str] = {}
        self._codes: dict[str, dict[str, str]] = {}

    # ---- what a browser would do there

    def consent(self, address: str) -> str:
        """Somebody is sent here and agrees: where they are sent back to."""
        asked = {key: values[0] for key, values in parse_qs(urlsplit(address).query).items()}
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert asked["client_id"] == CLIENT
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        answer = {"code": code, "state": asked["state"], "iss": self.base_url}
        return f"{asked['redirect_uri']}?{urlencode(answer)}"

    # ---- its endpoints

    def routes(self) -> list[Route]:
        """What it answers."""
        return [
            Route("/.well-known/openid-configuration", self._about),
            Route("/keys", self._keys),
            Route("/token", self._token, methods=["POST"]),
            Route("/elsewhere", self._elsewhere),
        ]

    def _count(self, what: str) -> None:
        self.hits[what] = self.hits.get(what, 0) + 1

    async def _about(self, _: Request) -> Response:
        self._count("about")
        said = {
            "issuer": self.base_url,
            "authorization_endpoint": f"{self.base_url}/authorize",
            "token_endpoint": f"{self.base_url}/token",
            "jwks_uri": f"{self.base_url}/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "authorization_response_iss_parameter_supported": True,
        }
        return JSONResponse(said | self.metadata)

    async def _keys(self, _: Request) -> Response:
        self._count("keys")
        return JSONResponse(
            {"keys": [key if isinstance(key, dict) else key.as_dict(private=False) for key in self.keys]}
        )

    async def _elsewhere(self, _: Request) -> Response:
        self._count("elsewhere")
        return RedirectResponse(f"{self.base_url}/keys")

    async def _token(self, request: Request) -> Response:
        self._count("token")
        form = {key: str(value) for key, value in (await request.form()).items()}
        self.seen_form = form
        asked = self._codes.pop(form.get("code", ""), None)
        verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).rstrip(b"=").decode()
        good = (
            asked is not None
            and _client(request, form) == (CLIENT, SECRET)
            and challenge == asked["code_challenge"]
            and form.get("redirect_uri") == asked["redirect_uri"]
        )
        if not good or asked is None:
            return JSONResponse({"error": "invalid_grant"}, 400)
        if self.token_answer is not None:
            return JSONResponse(self.token_answer, self.token_status)
        return JSONResponse({"access_token": "x", "token_type": "Bearer", "id_token": self._id_token(asked["nonce"])})

    def _id_token(self, nonce: str) -> str:
        now_s = int(time.time())
        claims = {
            "iss": self.base_url,
            "aud": CLIENT,
            "sub": "248289761001",
            "exp": now_s + 300,
            "iat": now_s,
            "nonce": nonce,
            "email": "ana@example.org",
            "email_verified": True,
        } | self.claims
        return self.sign(self.header, {key: value for key, value in claims.items() if key not in self.without})


def _client(request: Request, form: dict[str, str]) -> tuple[str, str]:
    kind, _, both = request.headers.get("authorization", "").partition(" ")
    if kind == "Basic":
        name, _, secret = base64.b64decode(both).decode().partition(":")
        return unquote(name), unquote(secret)
    return form.get("client_id", ""), form.get("client_secret", "")


def unsigned(_header: dict[str, Any], claims: dict[str, Any]) -> str:
    """A token that says of itself that nobody signed it."""
    return f"{_part({'alg': 'none', 'kid': 'one'})}.{_part(claims)}."


def signed_with_public_key(_header: dict[str, Any], claims: dict[str, Any]) -> str:
    """The confusion of keys: the public one, taken as a secret that both sides have."""
    return _shared({"alg": "HS256", "kid": "one"}, claims, KEY.as_pem(private=False))


def signed_with_client_secret(_header: dict[str, Any], claims: dict[str, Any]) -> str:
    """By the secret of the client, which others may have too."""
    return _shared({"alg": "HS256", "kid": "one"}, claims, SECRET.encode())


def _shared(header: dict[str, Any], claims: dict[str, Any], secret: bytes) -> str:
    # By hand: a library of good sense refuses to sign so.
    signed = f"{_part(header)}.{_part(claims)}"
    made = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(made).rstrip(b'=').decode()}"


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@asynccontextmanager
async def provider() -> AsyncIterator[FakeProvider]:
    """A provider that runs, on a free port of this machine."""
    found, door = FakeProvider(), listener("127.0.0.1", 0)
    found.base_url = address_of(door)
    server = server_of(found.routes())
    task = asyncio.create_task(server.serve(sockets=[door]))
    await opened(server)
    try:
        yield found
    finally:
        server.should_exit = True
        await task
