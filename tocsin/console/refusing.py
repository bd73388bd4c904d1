"""How a request is refused: a page for people, `problem+json` for programs, and never more than one may know."""

from typing import Protocol
from urllib.parse import quote

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tocsin.console.doors import Visitor

SAID = {
    "signed_out": "Nobody is signed in. Sign in, or send a token of the API as `Authorization: Bearer ...`.",
    "not_found": "There is nothing here, or it is not yours to see.",
    "no_such_way": "This address answers to other methods.",
    "forbidden": "Your role does not allow this.",
    "cross_site": "This came from another site, so it was not done.",
    "csrf": "The page that this came from is no longer valid. Load it again, then do it once more. Nothing was done.",
    "too_many": "That was too often. Wait a moment. Nothing was done.",
    "unreadable": "The request cannot be read. Nothing was done.",
    "too_large": "The request is larger than is read here, or did not come in time. Nothing was done.",
    "wrong_host": "This host is not the console's. Nothing was done. Set `public_url` in the section `console` to "
    "where people open it.",
    "broken": "Something of ours went wrong, and has been noted. Look whether what you asked for was done.",
}
"""The closed list of reasons, as programs read them."""
_SHOWN = {"no_such_way": "not_found", "cross_site": "csrf"}
"""As people read them (`problem.` in `words/`), where that is another one."""


class Pages(Protocol):
    """What makes whole pages."""

    def page(
        self, request: Request, visitor: Visitor | None, template: str, *, status: int = 200, **context: object
    ) -> Response:
        """A page for one visitor, or for nobody yet."""


class Refusing:
    """Makes the answers."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def answer(self, request: Request, visitor: Visitor | None, status: int, why: str, *, wait_ms: int = 0) -> Response:
        """A refusal for one of the reasons above."""
        wait_s = -(-wait_ms // 1000)
        if is_for_program(request):
            response = problem(status, why, SAID[why])
        else:
            response = self._pages.page(request, visitor, "problem.html", status=status, problem=_SHOWN.get(why, why))
        if wait_s:
            response.headers["Retry-After"] = str(wait_s)
        return response

    def signed_out(self, request: Request) -> Response:
        """Send to the page to sign in: the same for what there is and for what there is not."""
        if is_for_program(request):
            response = problem(401, "signed_out", SAID["signed_out"])
            if request.url.path.startswith("/api/"):
                response.headers["WWW-Authenticate"] = "Bearer"
            return response
        back = f"?next={quote(there(request), safe='')}" if request.method == "GET" and there(request) != "/" else ""
        if "hx-request" in request.headers:
            return Response(status_code=401, headers={"HX-Redirect": f"/sign-in{back}"})
        return RedirectResponse(f"/sign-in{back}", 303)


def problem(status: int, why: str, said: str) -> Response:
    """A refusal as programs read it (RFC 9457)."""
    body = {"type": f"urn:tocsin:{why}", "title": said, "status": status}
    return Response(msgspec.json.encode(body), status, media_type="application/problem+json")


def is_for_program(request: Request) -> bool:
    """Whether whoever asks reads no pages: the API, a live stream, or a client that wants JSON."""
    accepts = request.headers.get("accept", "")
    return request.url.path.startswith(("/api/", "/live/")) or (
        "text/html" not in accepts and ("json" in accepts or "text/event-stream" in accepts)
    )


def there(request: Request) -> str:
    """Where a request goes, without the host."""
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path


def own_path(next_: str | None) -> str:
    """Where to go after signing in, if that is a page of ours: nobody is led elsewhere.

    >>> own_path("/incidents/acme-1?full=1"), own_path("//evil.example/"), own_path("/\\\\evil.example")
    ('/incidents/acme-1?full=1', '/', '/')
    >>> own_path("https://evil.example/"), own_path(None), own_path("/sign-out"), own_path("/\\tevil")
    ('/', '/', '/', '/')
    """
    if not next_ or len(next_) > 1000 or not next_.startswith("/") or next_.startswith(("//", "/\\", "/sign-")):
        return "/"
    return next_ if next_.isprintable() and "\\" not in next_ and not next_.startswith("/live/") else "/"
