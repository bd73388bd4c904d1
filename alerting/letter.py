"""An incident as a letter and as a form: for mail, pagers and webhooks. Pure, and everything in it is inert.

The three forms say the same, from the same functions as the card: what a mail shows as text, what it shows as HTML (all
of it escaped, without pictures or scripts, and with no link but the one to our own console), and what machines read.
"""

from html import escape
from typing import Any

from alerting.facts import SEVERITIES
from alerting.inert import clip, one_line, plain
from alerting.message import console_url, figures, headline, sentence, standing, steps, to_do, why_now
from alerting.message import footer as small_print
from alerting.view import IncidentView
from alerting.words import byline

SUBJECT_LIMIT = 150
SUMMARY_LIMIT = 1000
"""PagerDuty takes 1,024 characters."""
LETTER_POSTS = 3

Part = tuple[str, list[str]]
"""A heading, which may be empty, and lines."""


def subject(view: IncidentView) -> str:
    """One line that a phone shows, of at most 150 characters, without line ends or control characters.

    >>> subject(IncidentView(brand="A\\r\\nBcc: x", incident="a-0", scenario="backlash", severity="high", opened_ms=0))
    '🟠 High · A Bcc: x · backlash'
    """
    return header(headline(view), SUBJECT_LIMIT)


def header(text: str, limit: int) -> str:
    """Text as it may stand in a header: one line, and no word that a mail program would decode (RFC 2047): such a word
    may hold line ends, addresses and characters that reorder text.

    >>> header("=?utf-8?q?=0D=0ABcc:_eve?=", 80)
    '= ?utf-8?q?=0D=0ABcc:_eve?='
    """
    return clip(one_line(text, limit).replace("=?", "= ?"), limit)


def summary(view: IncidentView, line: str = "") -> str:
    """The incident in a line or two for a pager, which may read it aloud.

    >>> print(summary(IncidentView(brand="Acme", incident="a-0", scenario="blind", severity="low", opened_ms=0)))
    ⚪ Low · Acme · we are blind: Acme: we hear nothing from one of our sources. Silence here does not mean calm.
    """
    why = f" {one_line(line, 200)}" if line else ""
    todo = to_do(view)
    said = f"{headline(view)}: {sentence(view)}{f' {todo}.' if todo else ''}{why}"
    return clip(one_line(said, SUMMARY_LIMIT), SUMMARY_LIMIT)


def parts(view: IncidentView, line: str = "") -> list[Part]:
    """The letter, as headings and lines."""
    todo = [one for one in (to_do(view),) if one]
    said: list[Part] = [("", [sentence(view), *todo, *([one_line(line, 300)] if line else [])])]
    said += [("Who", standing(view))]
    said += [("Figures", [f"{name}: {value}" for name, value in figures(view)])]
    said += [("Why now", why_now(view))]
    said += [("Posts", [line for post in view.posts[:LETTER_POSTS] for line in _quoted(view, post)])]
    said += [("Why, by the flowchart", [f"• {step}" for step in steps(view)])]
    said += [("", [small_print(view)])]
    return [(heading, lines) for heading, lines in said if lines]


def _quoted(view: IncidentView, post: Any) -> list[str]:
    return [byline(post, view.timezone, view.opened_ms), *f"“{plain(post.text) or '(no text)'}”".split("\n")]


def letter_text(view: IncidentView, line: str = "") -> str:
    """The letter as plain text."""
    written = [f"{heading}\n{body}" if heading else body for heading, body in _joined(view, line)]
    url = console_url(view)
    written += [f"In the console: {url}"] if url else []
    return f"{headline(view)}\n\n" + "\n\n".join(written) + "\n"


def _joined(view: IncidentView, line: str) -> list[tuple[str, str]]:
    return [(heading, "\n".join(lines)) for heading, lines in parts(view, line)]


def letter_html(view: IncidentView, line: str = "") -> str:
    """The same as HTML: elements of ours, every word escaped, nothing that loads or runs, or leads to anybody else.

    >>> view = IncidentView(brand="<b onclick=x>", incident="a-0", scenario="backlash", severity="high", opened_ms=0)
    >>> "<b onclick" in letter_html(view)
    False
    """
    body = [f"<h2>{escape(headline(view))}</h2>"]
    for heading, lines in parts(view, line):
        body += [f"<h3>{escape(heading)}</h3>"] if heading else []
        body.append("<p>" + "<br>\n".join(escape(one) for one in lines) + "</p>")
    url = console_url(view)
    body += [f'<p><a href="{escape(url)}">Open in the console</a></p>'] if url else []
    inner = "\n".join(body)
    # Mail programs make addresses and telephone numbers clickable by themselves; this asks them not to.
    head = (
        '<meta charset="utf-8"><meta name="format-detection" content="telephone=no,date=no,address=no,email=no,url=no">'
    )
    return (
        f'<!doctype html>\n<html><head>{head}</head><body style="font-family: sans-serif">\n{inner}\n</body></html>\n'
    )


def form(view: IncidentView, line: str = "") -> dict[str, Any]:
    """The incident as machines read it: names and numbers, each text inert.

    >>> view = IncidentView(brand="Acme", incident="a-0", scenario="backlash", severity="high", opened_ms=0)
    >>> form(view)["severity"], form(view)["headline"]
    ('high', '🟠 High · Acme · backlash')
    """
    url = console_url(view)
    return {
        "incident": one_line(view.incident, 120),
        "brand": one_line(view.brand, 80),
        "scenario": one_line(view.scenario, 64),
        "severity": view.severity if view.severity in SEVERITIES else SEVERITIES[-1],
        "status": view.status,
        "drill": view.drill,
        "opened_ms": view.opened_ms,
        "headline": headline(view),
        "sentence": sentence(view),
        "to_do": to_do(view),
        "why": one_line(line, 300),
        "figures": dict(figures(view)),
        "standing": standing(view),
        **({"console_url": url} if url else {}),
    }
