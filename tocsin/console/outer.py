"""What holds for every request and every answer of the console, whoever asks: an ASGI layer around it.

A host that is not ours is refused: else a page elsewhere could have its own name point at this machine and read along
(DNS rebinding). Bodies have a size and a time. Answers carry the headers by which a browser keeps strangers out.
"""

import asyncio
import ipaddress
import time
from collections.abc import Callable, Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tocsin.console.refusing import SAID, problem

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


Refuse = Callable[[Request, int, str], Response]
"""Refuses a request with a status, for one of the reasons of `tocsin.console.refusing`."""


def _in_few_words(_request: Request, status: int, why: str) -> Response:
    return problem(status, why, SAID[why])


class TooLarge(Exception):  # noqa: N818 - what happened to the request
    """A body that is longer than is read, or did not come in time."""

    def __init__(self, status: int) -> None:
        super().__init__("the body of a request is too large" if status == 413 else "a body did not come in time")
        self.status = status


class Outer:
    """The layer. `origins` are the addresses by which people open the console; numbers and localhost always count.
    `refuse` makes the answer to what is kept out, for people a page of ours.
    """

    def __init__(self, app: ASGIApp, *, origins: Collection[str], refuse: Refuse = _in_few_words) -> None:
        self._app = app
        self._refuse = refuse
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

        if not _is_for_any_host(scope["path"]) and not is_ours(host, self._hosts):
            await self._refuse(Request(scope), 421, "wrong_host")(scope, receive, outward)
            return
        try:
            bounded = _bounded(Headers(scope=scope), receive)
        except TooLarge as refused:
            await self._refuse(Request(scope), refused.status, "too_large")(scope, receive, outward)
            return
        await self._app(scope, bounded, outward)


def _is_for_any_host(path: str) -> bool:
    """Whether it says nothing of a deployment: health, and the files that a page which refuses is made with."""
    return path == "/healthz" or path.startswith("/static/")


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
