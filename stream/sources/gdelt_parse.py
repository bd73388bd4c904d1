"""From an answer of GDELT's search to articles: JSON most of the time, plain text where something is wrong."""

import calendar
import json
import re
import time
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from stream.codec import rfc3339
from stream.reading import EARLIEST_MS, LATEST_MS
from stream.sources.contract import BadPayload
from stream.sources.html_text import text_of
from stream.sources.links import link_id, opened
from stream.sources.loose_json import shown_of
from stream.sources.rows import known_bytes

_SEEN = re.compile(r"(\d{8})T?(\d{6})Z?")
_BAD_ESCAPE = re.compile(r'\\(?!["\\/bfnrt]|u[0-9a-fA-F]{4})')
_BUSY = re.compile(rb"limit requests|too many requests|every 5 seconds", re.IGNORECASE)
_OURS = re.compile(rb"quer|keyword|phrase|timespan|specified|invalid|character|not supported|parenthes", re.IGNORECASE)
"""In the plain text of an error that is about the query, and will be there the next time too."""
_PLAIN = re.compile(r"[^ -~]+")

# Its languages by name (blog.gdeltproject.org, "GDELT Translingual"), as ISO 639-1 where there is one, else 639-3.
_LANGUAGES = """
Afrikaans af Albanian sq Amharic am Arabic ar Armenian hy Azerbaijani az Basque eu Bengali bn Bosnian bs Bulgarian bg
Burmese my Catalan ca Chinese zh Croatian hr Czech cs Danish da Dutch nl English en Estonian et Finnish fi French fr
Galician gl Georgian ka German de Greek el Gujarati gu Hebrew he Hindi hi Hungarian hu Icelandic is Indonesian id
Irish ga Italian it Japanese ja Kannada kn Kazakh kk Khmer km Korean ko Kurdish ku Kyrgyz ky Lao lo Latvian lv
Lithuanian lt Luxembourgish lb Macedonian mk Malay ms Malayalam ml Maltese mt Marathi mr Mongolian mn Nepali ne
Norwegian no NorwegianNynorsk nn Pashto ps Persian fa Polish pl Portuguese pt Punjabi pa Romanian ro Russian ru
Serbian sr Sindhi sd Sinhala si Sinhalese si Slovak sk Slovenian sl Somali so Spanish es Swahili sw Swedish sv
Tagalog tl Tajik tg Tamil ta Telugu te Thai th Tibetan bo Turkish tr Ukrainian uk Urdu ur Uzbek uz Vietnamese vi
Welsh cy Yiddish yi Zulu zu
"""
_CODES = _LANGUAGES.split()
_BY_NAME = {name.lower(): code for name, code in zip(_CODES[::2], _CODES[1::2], strict=True)}


class Busy(Exception):  # noqa: N818 - what the platform is
    """We asked too often."""


class NotTaken(Exception):  # noqa: N818 - what became of it
    """A query that will not be answered; why, in the platform's words, cut and made harmless."""


class Unreadable(Exception):  # noqa: N818 - what it is
    """An answer with articles that cannot be read, or that was cut off."""


class NoAnswer(Exception):  # noqa: N818 - what it is
    """Something else, like a page of HTML."""


class Article(NamedTuple):
    """What GDELT says of an article."""

    key: str
    """The native id: that of the link, as in feeds."""
    url: str
    title: str
    seen_ms: int
    """When GDELT found it, in quarters of an hour."""
    domain: str | None
    lang: str | None


class Found(NamedTuple):
    """What a search shows, the newest first."""

    articles: list[Article]
    bad: list[BadPayload]


def found_in(body: bytes) -> Found:
    r"""The articles of an answer. Raises `Busy`, `NotTaken`, `NoAnswer` or `Unreadable`.

    >>> found = found_in(b'{"articles":[{"url":"https://n.example/a","title":"Acme","seendate":"20260220T063400Z"}]}')
    >>> found.articles[0].title, found.articles[0].domain, found_in(b"{}\n").articles
    ('Acme', 'n.example', [])
    >>> found_in(b"Your query was too short or too long.")
    Traceback (most recent call last):
    ...
    stream.sources.gdelt_parse.NotTaken: Your query was too short or too long.
    """
    body = body.strip().removeprefix(b"\xef\xbb\xbf")
    if not body.startswith(b"{"):
        if len(body) < 2_000 and b"<" not in body:
            if _BUSY.search(body):
                raise Busy
            if _OURS.search(body):
                raise NotTaken(_PLAIN.sub(" ", body.decode("ascii", "replace"))[:120].strip())
        raise NoAnswer
    listed = _decoded(body).get("articles", [])
    if not isinstance(listed, list):
        raise Unreadable
    articles: list[Article] = []
    bad: list[BadPayload] = []
    for one in listed:
        article = _article(one)
        if article is not None:
            articles.append(article)
        else:
            bad.append(BadPayload("bad_article", "an article without a link or a time", shown_of(one)))
    return Found(articles, bad)


def row_of(article: Article, *, live: bool) -> bytes:
    """An article in the interchange form. Its text is its title: more GDELT does not show."""
    row = {
        "id": article.key,
        "created_at": rfc3339(article.seen_ms),
        "kind": "create",
        "author": article.domain,
        "text": article.title,
        "lang": article.lang,
        "url": article.url,
        "live": None if live else False,
    }
    return known_bytes(row)


def spelled(at_ms: int) -> str:
    """A time as GDELT's questions have it.

    >>> spelled(1_771_569_240_000)
    '20260220063400'
    """
    return time.strftime("%Y%m%d%H%M%S", time.gmtime(at_ms // 1000))


def language_of(name: object) -> str | None:
    """The code of a language by GDELT's name of it.

    >>> language_of("Dutch"), language_of("Klingon"), language_of(None)
    ('nl', None, None)
    """
    return _BY_NAME.get(name.replace(" ", "").lower()) if isinstance(name, str) else None


def _decoded(body: bytes) -> dict[str, Any]:
    """GDELT puts titles into JSON as it finds them: with raw control characters, and with backslashes."""
    text = body.decode("utf-8", "replace")
    for attempt in (text, _BAD_ESCAPE.sub(r"\\\\", text)):
        try:
            found = json.loads(attempt, strict=False)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            return found
    raise Unreadable


def _article(one: Any) -> Article | None:
    if not isinstance(one, dict):
        return None
    link, title, domain = one.get("url"), one.get("title"), one.get("domain")
    seen_ms = _seen_ms(one.get("seendate"))
    if not isinstance(link, str) or seen_ms is None:
        return None
    url, key = opened(link), link_id(link)
    if url is None or key is None:
        return None
    host = domain if isinstance(domain, str) and domain else urlsplit(url).hostname
    shown = " ".join(text_of(title).split()) if isinstance(title, str) else ""
    return Article(key, url, shown, seen_ms, host[:200] if host else None, language_of(one.get("language")))


def _seen_ms(value: object) -> int | None:
    found = _SEEN.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    try:
        at_ms = calendar.timegm(time.strptime(found[1] + found[2], "%Y%m%d%H%M%S")) * 1000
    except ValueError:
        return None
    return at_ms if EARLIEST_MS <= at_ms < LATEST_MS else None
