"""EDGE. Makes pages and their live parts from templates, which escape all they are given, in the reader's language."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from alerting.inert import one_line, plain, safe_url, terminal_safe
from alerting.words import heard_people, percent
from tocsin.console import dutch_path, saying, told_words
from tocsin.console.ahead import chance, forecast
from tocsin.console.brand_charting import brand_chart, brand_rows, deaf, is_known
from tocsin.console.charting import Names, incident_chart, rows_of
from tocsin.console.doors import Verb, Visitor
from tocsin.console.own_words import own_line, own_lines
from tocsin.console.seen_incident import SeriesSeen
from tocsin.console.spark import spark_of
from tocsin.console.statics import Statics
from tocsin.console.stood_out import stood_out
from tocsin.console.wording import Language, Words, language_of

TEMPLATES = Path(__file__).parent / "templates"
LANGUAGE_COOKIE, THEME_COOKIE = "tocsin_language", "tocsin_theme"
THEMES = ("auto", "light", "dark")

NAV: tuple[tuple[str, str, Verb], ...] = (
    ("now", "/now", "see"),
    ("incidents", "/incidents", "see"),
    ("brands", "/brands", "see"),
    ("flowchart", "/flowchart", "see"),
    ("sources", "/sources", "see"),
    ("drills", "/drills", "see"),
    ("settings", "/settings", "administer"),
)
"""The pages: key of the name, address, what one must be allowed to do."""


class Renderer:
    """Templates, words and files in one: gives whole pages to visitors, and parts of pages to whoever keeps them live.

    Raises `KeyError` when a template asks for words or a file that there are not, `jinja2.UndefinedError` for a value
    that it was not given: both are mistakes of ours, which the tests of a page find.
    """

    def __init__(self, words: Words, statics: Statics, language: str = "en") -> None:
        self.words, self.statics, self.default = words, statics, language
        self._environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.globals |= _GLOBALS
        self._environment.globals |= {"t": _speaker(words), "static": statics.address, "incident_chart": _chart(words)}
        self._environment.globals["has_words"] = words.has
        self._environment.filters |= _FILTERS

    def language(self, request: Request) -> Language:
        """The language in which this request is answered."""
        chosen = request.cookies.get(LANGUAGE_COOKIE)
        return language_of(chosen, request.headers.get("accept-language"), self.default)

    def page(
        self, request: Request, visitor: Visitor | None, template: str, *, status: int = 200, **context: Any
    ) -> HTMLResponse:
        """A whole page for one visitor; for nobody yet where they are to sign in."""
        theme = request.cookies.get(THEME_COOKIE, "auto")
        around = {
            "language": self.language(request),
            "theme": theme if theme in THEMES else "auto",
            "visitor": visitor,
            "csrf": visitor.csrf if visitor is not None else "",
            "may_act": visitor is not None and visitor.may("act"),
            "nav": [(key, path) for key, path, needs in NAV if visitor is not None and visitor.may(needs)],
            "path": request.url.path,
        }
        return HTMLResponse(self._environment.get_template(template).render(around | context), status_code=status)

    def fragment(self, template: str, language: str, *, may_act: bool, **context: Any) -> str:
        """A part of a page for everybody who reads this language and may do this: it holds no visitor's token."""
        around = {"language": language, "may_act": may_act, "csrf": "", "visitor": None}
        return self._environment.get_template(template).render(around | context)


def _speaker(words: Words) -> Callable[..., str]:
    """What gives a template the words of a key, in the language of the page."""

    @pass_context
    def said(context: Context, key: str, /, **named: object) -> str:
        shown = words.say(context["language"], key)
        if "`" not in shown:
            return shown.format(**named) if named else shown
        # What stands between backticks is for a file or a terminal; what is filled in stays text.
        return typed(shown).format(**named)

    return said


def typed(words: str) -> Markup:
    """Words in which what stands between backticks is set apart as what one types. All of them are escaped first.

    >>> print(typed("run `tocsin check` <now>"))
    run <code>tocsin check</code> &lt;now&gt;
    """
    return Markup(_TYPED.sub(r"<code>\1</code>", str(escape(words))))  # noqa: S704 - escaped, see above


def _spoken(say: Callable[..., str]) -> Callable[..., str]:
    """A filter whose words follow the language of the page."""

    @pass_context
    def filtered(context: Context, value: object, *more: object) -> str:
        return say(context["language"], value, *more)

    return filtered


@pass_context
def _chart_rows(context: Context, series: SeriesSeen, zone: str, today_ms: int) -> list[tuple[str, ...]]:
    """An incident's counts as the cells of a table."""

    def figure(value: float | None) -> str:
        return "" if value is None else saying.count(context["language"], round(value))

    return [
        (saying.clock(context["language"], at_ms, zone, today_ms), *map(figure, figures))
        for at_ms, *figures in rows_of(series)
    ]


def _chart(words: Words) -> Callable[..., Any]:
    """What draws an incident's counts, with lines and moments named in the language of the page."""

    @pass_context
    def drawn(context: Context, series: SeriesSeen, zone: str) -> dict[str, Any]:
        language = context["language"]
        lines = ("legend_observed", "legend_expected", "legend_threshold", "decided")
        marks = tuple((at_ms, _mark(name, language)) for at_ms, name in series.marks)
        names = Names(*(words.say(language, f"incident.{line}") for line in lines))
        return incident_chart(msgspec.structs.replace(series, marks=marks), zone, names)

    def _mark(name: str, language: str) -> str:
        key = f"incident.mark_{name}"
        return words.say(language, key) if words.has(key) else one_line(name, 40)

    return drawn


_TYPED = re.compile(r"`([^`]+)`")
_STYLE = re.compile(r"<style[^>]*>[^<]*</style>\s*")


def _inline(drawing: str) -> Markup:
    """A flowchart's drawing, which is ours and escapes all that it shows, to stand in a page: without the style that it
    carries as a file of its own, which a page does not allow. `static/console.css` has the same in the page's colours.
    """
    return Markup(_STYLE.sub("", drawing, count=1))  # noqa: S704 - made by us, see above


_GLOBALS: Mapping[str, Callable[..., Any]] = {
    "brand_chart": brand_chart,
    "brand_deaf": deaf,
    "brand_known": is_known,
    "brand_rows": brand_rows,
    "chart_rows": _chart_rows,
    "spark_of": spark_of,
    "forecast": forecast,
    "chance": chance,
    "stood_out": stood_out,
}
_FILTERS: Mapping[str, Callable[..., Any]] = {
    "clock": _spoken(saying.clock),
    "duration": _spoken(saying.duration),
    "about": _spoken(saying.about),
    "count": _spoken(saying.count),
    "times": _spoken(saying.times),
    "severity": _spoken(saying.severity),
    "scenario": _spoken(saying.scenario),
    "reason": _spoken(saying.reason),
    "month": _spoken(saying.month),
    "kind": _spoken(saying.kind),
    "past_kind": _spoken(saying.past_kind),
    "sentence": _spoken(saying.sentence),
    "heard": _spoken(saying.heard),
    "ratio": _spoken(saying.ratio),
    "trend": _spoken(saying.trend),
    "names": _spoken(saying.names),
    "subject": _spoken(saying.subject),
    "choice": saying.choice,
    "role": saying.role,
    "handle": saying.handle,
    "own": own_lines,
    "inline": _inline,
    "told": _spoken(told_words.said),
    "walked": _spoken(dutch_path.walked),
    "because": _spoken(dutch_path.because),
    "percent": percent,
    "people": heard_people,
    "line": one_line,
    "quote": plain,
    "own_line": own_line,
    "typed": typed,
    "exact": terminal_safe,
    "link": safe_url,
}
"""`line` and `quote` make inert what comes from outside: a name on one line, a text on some; `own_line` and `own` do
so with words of our own files, and leave their addresses whole; `exact` keeps a statement as it is to be posted, but
for what hides or reorders; `link` gives an address that may stand behind a link, or nothing."""
