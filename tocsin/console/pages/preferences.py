"""EDGE. What somebody prefers of the interface, its language and light or dark: kept in their browser alone."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tocsin.console.doors import Door, Visitor
from tocsin.console.refusing import own_path
from tocsin.console.render import LANGUAGE_COOKIE, THEME_COOKIE, THEMES
from tocsin.console.wording import LANGUAGES

YEAR_S = 31_536_000


def doors(_desk: object) -> list[Door]:
    """The form at the top of every page."""
    return [Door(path="/preferences", needs="see", method="POST", says="preferences", handler=_prefer)]


async def _prefer(request: Request, _visitor: Visitor) -> Response:
    """Keep what was chosen, and go back. What is not offered changes nothing."""
    form = await request.form(max_files=0, max_fields=10)
    back = form.get("back")
    response = RedirectResponse(own_path(back if isinstance(back, str) else None), 303)
    for field, cookie, offered in (("language", LANGUAGE_COOKIE, LANGUAGES), ("theme", THEME_COOKIE, THEMES)):
        chosen = form.get(field)
        if isinstance(chosen, str) and chosen in offered:
            secure = request.url.scheme == "https"
            response.set_cookie(cookie, chosen, max_age=YEAR_S, secure=secure, httponly=True, samesite="lax")
    return response
