"""One question for a feed, with the answers that a feed's host has: unchanged, moved, gone, later. EDGE.

A redirect is followed by hand, three times at most, each to an address that is held against the same rules; never from
https to http.
"""

import email.utils
import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

from stream.sources.contract import Denied, Trouble
from stream.sources.guard import Answer
from stream.sources.web import Web, refusal

HOPS = 3
LONGEST_RETRY_S = 86_400.0
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_FOR_GOOD = frozenset({301, 308})
_MAX_AGE = re.compile(r"(?:\A|[\s,])max-age\s*=\s*\"?(\d{1,9})", re.IGNORECASE)


class Fetched(NamedTuple):
    """What a feed's host answered."""

    body: bytes | None
    """`None`: unchanged since the last time."""
    headers: Mapping[str, str]
    url: str
    """Where it was found in the end."""
    moved: str
    """Where it is for good, as the host says; "" where it was asked for at the right place."""
    max_age_s: float | None
    """For how long the host says that the answer stays as it is."""
    requests: int


class Failed(Exception):  # noqa: N818 - what was done
    """No feed came. `trouble` says why, `gone` whether for ever (410), `requests` what it cost to know."""

    def __init__(self, trouble: Trouble | Denied, *, requests: int, gone: bool = False) -> None:
        super().__init__(str(trouble))
        self.trouble = trouble
        self.requests = requests
        self.gone = gone


async def fetch(web: Web, url: str, headers: Mapping[str, str], *, insecure: bool, now_ms: int) -> Fetched:
    """Ask for a feed. `insecure`: whether it may be asked without https. Raises `Failed`."""
    moved, for_good = "", True
    for hop in range(HOPS + 1):
        if urlsplit(url).scheme != "https" and not insecure:
            why = "it leads from https to http, which is not followed" if hop else "it has no https"
            raise Failed(Denied(f"{why}; `insecure: true` would allow it"), requests=hop)
        try:
            answer = await web.get(url, headers)
        except (Trouble, Denied) as trouble:
            raise Failed(trouble, requests=hop + 1) from None
        if answer.status not in _REDIRECTS:
            return _judged(answer, headers, url, moved=moved, requests=hop + 1, now_ms=now_ms)
        url = _next(url, answer, hop)
        for_good = for_good and answer.status in _FOR_GOOD
        moved = url if for_good else moved
    raise Failed(Trouble(f"it leads on more than {HOPS} times"), requests=HOPS + 1)


def _next(url: str, answer: Answer, hop: int) -> str:
    try:
        leads = urljoin(url, answer.headers["location"].strip())
        if urlsplit(leads).scheme in ("http", "https"):
            return leads
    except (KeyError, ValueError):
        pass
    raise Failed(Trouble(f"it leads nowhere ({answer.status})"), requests=hop + 1)


def _judged(answer: Answer, asked: Mapping[str, str], url: str, *, moved: str, requests: int, now_ms: int) -> Fetched:
    status, headers = answer.status, answer.headers
    if status == 304 and ("If-None-Match" in asked or "If-Modified-Since" in asked):
        return Fetched(None, headers, url, moved, _max_age(headers), requests)
    if status == 200:
        return Fetched(answer.body, headers, url, moved, _max_age(headers), requests)
    if status == 410:
        raise Failed(Denied("it is gone for good (410): take it out"), requests=requests, gone=True)
    wait_s = retry_after_s(headers.get("retry-after"), now_ms)
    trouble = refusal(status)
    if isinstance(trouble, Trouble) and wait_s is not None:
        trouble.retry_s = wait_s
    raise Failed(trouble, requests=requests)


def _max_age(headers: Mapping[str, str]) -> float | None:
    found = _MAX_AGE.search(headers.get("cache-control", ""))
    return float(found[1]) if found else None


def retry_after_s(value: str | None, now_ms: int) -> float | None:
    """How long a `Retry-After` asks to wait, in either of its forms (RFC 9110, 10.2.3): at most a day.

    >>> retry_after_s("120", 0), retry_after_s("Thu, 01 Jan 1970 00:01:00 GMT", 15_000), retry_after_s("soon", 0)
    (120.0, 45.0, None)
    """
    value = (value or "").strip()
    if value.isascii() and value.isdecimal() and len(value) < 10:
        return min(LONGEST_RETRY_S, float(value))
    try:
        at_s = email.utils.parsedate_to_datetime(value).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return min(LONGEST_RETRY_S, max(0.0, at_s - now_ms / 1000))
