"""Canonical JSON, digests and timestamps: the same value is the same bytes on every machine.

Rules 2 and 6 of the design: chains are computed over these bytes, so there is one way to write a value:
keys sorted, no spaces, integers only in whatever takes part in a decision.
"""

import hashlib
import re
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000

_encoder = msgspec.json.Encoder(order="deterministic")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RFC3339 = re.compile(
    r"\s*(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?"
    r"\s*(Z|z|[+-](?:[01]\d|2[0-3]):?[0-5]\d)?\s*\Z"
)


def canonical(value: Any) -> bytes:
    """The one spelling of a value as JSON.

    >>> canonical({"b": 1, "a": [1, "é"]})
    b'{"a":[1,"\\xc3\\xa9"],"b":1}'
    >>> canonical({10: 0, 9: 0})
    b'{"10":0,"9":0}'
    """
    return _encoder.encode(msgspec.to_builtins(value, str_keys=True))


def decode(body: bytes | str, kind: type[T]) -> T:
    """Read canonical JSON back into `kind`. Raises `msgspec.ValidationError` or `msgspec.DecodeError`."""
    return msgspec.json.decode(body, type=kind)


def copy_of(value: T) -> T:
    """An independent copy of a struct, by way of its canonical bytes (so that nothing is shared)."""
    return msgspec.json.decode(canonical(value), type=type(value))


def digest(body: bytes) -> str:
    """SHA-256 in hex.

    >>> digest(b"")[:8]
    'e3b0c442'
    """
    return hashlib.sha256(body).hexdigest()


def link(chain: str, body: bytes) -> str:
    """The next link of a hash chain: SHA-256 over the last link and this body."""
    return hashlib.sha256(chain.encode() + body).hexdigest()


CHAIN_START = "0" * 64


def rfc3339(at_ms: int) -> str:
    """Milliseconds since 1970 as RFC 3339 in UTC with `Z`.

    >>> rfc3339(1_492_453_034_955)
    '2017-04-17T18:17:14.955Z'
    >>> rfc3339(0)
    '1970-01-01T00:00:00Z'
    """
    moment = _EPOCH + timedelta(milliseconds=at_ms)
    text = moment.strftime("%Y-%m-%dT%H:%M:%S") if moment.year >= 1000 else moment.isoformat()[:19]
    return f"{text}.{at_ms % 1000:03d}Z" if at_ms % 1000 else f"{text}Z"


def parse_rfc3339(text: str) -> int:
    """RFC 3339 (a space for the `T`, a missing zone = UTC and missing seconds allowed) to milliseconds.

    >>> parse_rfc3339("2017-04-17T18:17:14.955Z")
    1492453034955
    >>> parse_rfc3339("2017-04-17 20:17:14+02:00") == parse_rfc3339("2017-04-17T18:17:14Z")
    True

    Raises `ValueError` on anything else.
    """
    match = _RFC3339.match(text)
    if match is None:
        raise ValueError(f"not an RFC 3339 time: {text[:40]!r}")
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    base = datetime(int(year), int(month), int(day), int(hour), int(minute), min(int(second or 0), 59), tzinfo=UTC)
    at_ms = (base - _EPOCH) // timedelta(milliseconds=1)
    if fraction:
        at_ms += int(fraction[:3].ljust(3, "0"))
    if zone and zone not in "Zz":
        sign = 1 if zone[0] == "+" else -1
        digits = zone[1:].replace(":", "")
        at_ms -= sign * (int(digits[:2]) * 60 + int(digits[2:])) * MINUTE_MS
    return at_ms
