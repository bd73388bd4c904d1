"""One article, one name: the link under which it is known, whatever feed, phone or newsletter led to it.

A feed's own ids change with the software that writes it, and two feeds never agree on them. A link is what both have:
without the wrapping of whoever passed it on, without the marks by which a campaign counts its clicks. Feeds and GDELT
name an article by the same function, so that it has the same native id in both.
"""

import hashlib
import re
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

LONGEST = 8_192
"""Characters; what is longer is no link that somebody would pass on."""
_FIELDS = 100
"""Of a query; one with more is left as it is."""

_WRAPPERS = {
    ("google.com", "/url"): ("url", "q"),
    ("bing.com", "/news/apiclick.aspx"): ("url",),
    ("l.facebook.com", "/l.php"): ("u",),
    ("lm.facebook.com", "/l.php"): ("u",),
    ("facebook.com", "/l.php"): ("u",),
}
"""Host (without `www.`) and path of those that count clicks in between, and the field that holds the real link."""
_MARKS = re.compile(
    r"utm_\w+|at_(?:medium|campaign\w*|link_\w+|ptr_\w+|bbc_team|format|custom\d)|ns_(?:mchannel|campaign|source|linkname)"
    r"|fbclid|gclid|dclid|yclid|msclkid|twclid|ttclid|gbraid|wbraid|gclsrc|li_fat_id|igshid|igsh"
    r"|mc_[ce]id|mkt_tok|_hs(?:enc|mi)|vero_id|oly_\w+_id|wt_mc|cmpid|ocid|xtor|smid|spm|_ga|_gl",
    re.IGNORECASE,
)
"""Fields of a query that say how somebody came, never what they see."""
_MAY_BE_MARKS = re.compile(r"ref|ref_src|source|src|from|via|cmp|output|feed", re.IGNORECASE)
_FEED_WORDS = re.compile(r"rss\w*|atom|feeds?|twitter|facebook|newsletter", re.IGNORECASE)
_AMP_FIELDS = {"amp": {"", "1", "true"}, "outputtype": {"amp", "amp-type"}, "output": {"amp"}, "amp_js_v": None}
_AMP_PATH = re.compile(r"/amp/?\Z|\.amp(?=(?:\.html)?/?\Z)", re.IGNORECASE)
_GOOGLE_AMP = re.compile(r"/amp/(s/)?(?=[^/]+\.[^/]+/)")
_AMP_CACHE = re.compile(r"/[vciar]/(s/)?(?=[^/]+\.[^/]+/)")
_FOR_PHONES = re.compile(r"(?:www\d?|m|mobile|amp)\.(?=[^.]+\.)")
_OF_ITS_OWN = re.compile(r"!.*|(?:comment|reply|respond|answer|post|msg|message|isso|c|p)s?[-_]?\d+\Z", re.IGNORECASE)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_KEPT = "%-._~!$&'()*+,;=:@/"
_ESCAPED = re.compile(r"%([0-9A-Fa-f]{2})")


class _Link(NamedTuple):
    scheme: str
    host: str
    port: int | None
    path: str
    query: str
    fragment: str


def opened(link: str) -> str | None:
    """Where a link leads, without wrapping and marks, for a human to click; `None` where it is no link of the web.

    >>> opened("https://www.google.com/url?rct=j&sa=t&url=https://News.example/a%3Fid%3D7%26utm_source%3Dx&ct=ga")
    'https://news.example/a?id=7'
    >>> opened("HTTP://news.example:80/a/?b=2&fbclid=Iw#top"), opened("javascript:alert(1)"), opened("news.example/a")
    ('http://news.example/a/?b=2', None, None)
    """
    parts = _parts(link)
    if parts is None:
        return None
    return _written(parts._replace(query=_query(parts.query, sort=False), fragment=_fragment(parts)))


def link_id(link: str) -> str | None:
    """The native id of what a link leads to: 20 hexadecimal digits; `None` where it is no link of the web.

    It is the same with and without https, `www.`, a phone's host, AMP, a slash at the end, marks and default ports, and
    in whatever order its query is. It keeps the fragment of one comment under an article, as blogs' feeds have it.

    >>> a, b = link_id("http://www.news.example:80/x/amp/?utm_medium=rss"), link_id("https://m.news.example/x#top")
    >>> a == b == link_id("https://www-news-example.cdn.ampproject.org/c/s/www.news.example/x/")
    True
    >>> link_id("https://news.example/x?id=1") == link_id("https://news.example/x?id=2")
    False
    >>> link_id("https://blog.example/x/#comment-7") == link_id("https://blog.example/x/#comment-8")
    False
    """
    parts = _parts(link)
    if parts is None:
        return None
    path = _AMP_PATH.sub("", parts.path).rstrip("/")
    host, query = _FOR_PHONES.sub("", parts.host, count=1), _query(parts.query, sort=True)
    return key_of(_written(_Link("https", host, parts.port, path, query, _fragment(parts))))


def key_of(what: str) -> str:
    """The id that stands for a text: 20 hexadecimal digits, of which two in a million million million are alike.

    >>> key_of("https://news.example/x")
    '79743e62e10bcb4e6ccc'
    """
    return hashlib.blake2b(what.encode("utf-8", "replace"), digest_size=10).hexdigest()


def leads_nowhere(link: str) -> bool:
    """Whether a link is a site's first page, which some feeds give to every entry.

    >>> leads_nowhere("https://news.example/"), leads_nowhere("https://news.example/?p=7")
    (True, False)
    """
    parts = _parts(link)
    return parts is None or not (parts.path.strip("/") or parts.query)


def _parts(link: str) -> _Link | None:
    """The parts of the innermost link; at most three wrappers deep, for they may be made to hold each other."""
    parts = _split(link)
    for _ in range(3):
        inner = _inner(parts) if parts is not None else None
        unwrapped = _split(inner) if inner else None
        if unwrapped is None:
            break
        parts = unwrapped
    return parts


def _split(link: str) -> _Link | None:
    link = "".join(link.split()).encode("utf-8", "replace").decode()
    if len(link) > LONGEST:
        return None
    try:
        parts = urlsplit(link)
        host, port = (parts.hostname or "").rstrip("."), parts.port
        host = host if host.isascii() else host.encode("idna").decode("ascii")
    except (ValueError, UnicodeError):
        return None
    if parts.scheme not in _DEFAULT_PORTS or not host:
        return None
    path = quote(_ESCAPED.sub(_plain, parts.path), safe=_KEPT)
    own_port = None if port == _DEFAULT_PORTS[parts.scheme] else port
    return _Link(parts.scheme, host, own_port, path, parts.query, parts.fragment)


def _plain(escaped: re.Match[str]) -> str:
    """A character that needs no escape, as it is (RFC 3986, 6.2.2.2); every other escape in capitals."""
    character = chr(int(escaped[1], 16))
    return character if character.isascii() and (character.isalnum() or character in "-._~") else escaped[0].upper()


def _inner(parts: _Link) -> str | None:
    bare = parts.host.removeprefix("www.")
    held = _WRAPPERS.get((bare, parts.path))
    if held is None and re.fullmatch(r"google\.[a-z.]{2,6}", bare):
        held = _WRAPPERS["google.com", "/url"] if parts.path == "/url" else None
        if held is None and (found := _GOOGLE_AMP.match(parts.path)):
            return _led_on(parts, found)
    if parts.host.endswith(".cdn.ampproject.org") and (found := _AMP_CACHE.match(parts.path)):
        return _led_on(parts, found)
    if held is None:
        return None
    fields = dict(_fields(parts.query))
    return next((fields[name] for name in held if fields.get(name)), None)


def _led_on(parts: _Link, found: re.Match[str]) -> str:
    query = f"?{parts.query}" if parts.query else ""
    return f"{'https' if found[1] else 'http'}://{parts.path[found.end() :]}{query}"


def _fields(query: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query, keep_blank_values=True, max_num_fields=_FIELDS, errors="surrogateescape")
    except ValueError:
        return []


def _fragment(parts: _Link) -> str:
    return parts.fragment if _OF_ITS_OWN.match(parts.fragment) else ""


def _query(query: str, *, sort: bool) -> str:
    fields = _fields(query)
    if not fields:
        return query if query.count("&") >= _FIELDS else ""
    kept = [(name, value) for name, value in fields if not _is_mark(name, value)]
    if len(kept) == len(fields) and not sort:
        return query
    return urlencode(sorted(kept) if sort else kept, errors="surrogateescape")


def _is_mark(name: str, value: str) -> bool:
    amp = _AMP_FIELDS.get(name.lower(), ())
    return bool(
        _MARKS.fullmatch(name)
        or (_MAY_BE_MARKS.fullmatch(name) and _FEED_WORDS.fullmatch(value))
        or amp is None
        or value.lower() in amp
    )


def _written(parts: _Link) -> str:
    host = f"[{parts.host}]" if ":" in parts.host else parts.host
    port = f":{parts.port}" if parts.port is not None else ""
    query = f"?{parts.query}" if parts.query else ""
    fragment = f"#{parts.fragment}" if parts.fragment else ""
    return f"{parts.scheme}://{host}{port}{parts.path}{query}{fragment}"
