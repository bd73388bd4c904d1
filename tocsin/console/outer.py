"""What holds for every request and every answer of the console, whoever asks: an ASGI layer around it.

A host that is not ours is refused: else a page elsewhere could have its own name point at this machine and read along
(DNS rebinding). Bodies have a size and a time. Answers carry the headers by which a browser keeps strangers out.
"""

import asyncio
import ipaddress
import time
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tocsin.console.refusing import SAID, is_for_program, problem

LARGEST_BODY = 64 * 1024
BODY_WITHIN_S = 10.0
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-src 'self'; frame-ancestors 'none'"
)
"""What a page of ours may load and do: what we serve ourselves. No script and no style stands inside a page."""
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    # Not `no-referrer`: browsers would then send `Origin: null` with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class TooLarge(Exception):  # noqa: N818 - what happened to the request
    """A body that is longer than is read, or did not come in time."""

    def __init__(self, status: int) -> None:
        super().__init__("the body of a request is too large" if status == 413 else "a body did not come in time")
        self.status = status


class Outer:
    """The layer. `origins` are the addresses by which people open the console; numbers and localhost always count."""

    def __init__(self, app: ASGIApp, *, origins: Collection[str]) -> None:
        self._app = app
        self._hosts = {urlsplit(origin).netloc.lower() for origin in origins}
        self._secure = {urlsplit(one).netloc.lower() for one in origins if one.startswith("https://")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return  # no WebSocket and no lifespan is ours
        host = Headers(scope=scope).get("host", "").lower()

        async def outward(message: Message) -> None:
            if message["type"] == "http.response.start":
                _dress(MutableHeaders(scope=message), secure=host in self._secure)
            await send(message)

        if scope["path"] != "/healthz" and not is_ours(host, self._hosts):
            said = "This host is not the console's. Set `public_url` in the section `console` to where people open it."
            await PlainTextResponse(said, 421)(scope, receive, outward)
            return
        try:
            bounded = _bounded(Headers(scope=scope), receive)
        except TooLarge as refused:
            await _too_large(scope, refused)(scope, receive, outward)
            return
        await self._app(scope, bounded, outward)


def is_ours(host: str, hosts: Collection[str]) -> bool:
    """Whether a request was meant for us: by a listed name, by localhost, or by a bare number.

    >>> [is_ours(host, ["tocsin.example"]) for host in ("tocsin.example", "127.0.0.1:8761", "[::1]:80", "localhost:1")]
    [True, True, True, True]
    >>> [is_ours(host, ["tocsin.example"]) for host in ("evil.example", "127.0.0.1.evil.example", "", "2130706433")]
    [False, False, False, False]
    """
    if host in hosts:
        return True
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or bool(ipaddress.ip_address(name))
    except ValueError:
        return False


def _dress(headers: MutableHeaders, *, secure: bool) -> None:
    # A document that is not ours, a review, may be locked up further; nothing of ours may be opened wider.
    own = headers.get("content-security-policy", "")
    if not own.startswith("sandbox"):
        headers["Content-Security-Policy"] = POLICY
    for name, value in _HEADERS.items():
        headers[name] = value
    headers.setdefault("Cache-Control", "no-store")
    if secure:
        headers["Strict-Transport-Security"] = "max-age=31536000"


def _too_large(scope: Scope, refused: TooLarge) -> Response:
    if is_for_program(Request(scope)):
        return problem(refused.status, "too_large", SAID["too_large"])
    return PlainTextResponse(str(refused), refused.status)


def _bounded(headers: Headers, receive: Receive) -> Receive:
    """The request's body, as far as one is read. When it is complete, waiting for the end of the line may take long."""
    declared = headers.get("content-length", "0")
    if not declared.isdecimal() or len(declared) > 12 or int(declared) > LARGEST_BODY:
        raise TooLarge(413)
    left, complete, deadline = LARGEST_BODY, False, 0.0

    async def bounded() -> Message:
        nonlocal left, complete, deadline
        if complete:
            return await receive()
        deadline = deadline or time.monotonic() + BODY_WITHIN_S
        try:
            message = await asyncio.wait_for(receive(), max(0.0, deadline - time.monotonic()))
        except TimeoutError:
            raise TooLarge(408) from None
        left -= len(message.get("body", b""))
        complete = not message.get("more_body", False)
        if left < 0:
            raise TooLarge(413)
        return message

    return bounded
