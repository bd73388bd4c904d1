"""A mention in the interchange form, as sources write it (`stream.reading` reads it): unknown is absent, never 0."""

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from stream.codec import parse_rfc3339
from stream.reading import EARLIEST_MS, LATEST_MS

P = TypeVar("P")


class Row(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """The fields of `stream.reading`; ids without the source's name.

    >>> row_bytes(Row(id="7", created_at="2017-04-17T18:17:14Z", text="hi"))
    b'{"id":"7","created_at":"2017-04-17T18:17:14Z","text":"hi"}'
    """

    id: str
    created_at: str
    kind: str | None = None
    """`None`: create."""
    author: str | None = None
    author_followers: int | None = None
    author_created_at: str | None = None
    text: str | None = None
    lang: str | None = None
    url: str | None = None
    parent_id: str | None = None
    root_id: str | None = None
    quoted_id: str | None = None
    is_repost: bool = False
    reposts: int | None = None
    likes: int | None = None
    replies: int | None = None
    live: bool = True


_encode = row_bytes = msgspec.json.Encoder().encode
"""A `Row` as a line of JSON."""


def known_bytes(fields: Mapping[str, object]) -> bytes:
    """A row given by its fields as a line of JSON: what is `None` is not known, and absent.

    >>> known_bytes({"id": "7", "text": "hi", "likes": None})
    b'{"id":"7","text":"hi"}'
    """
    return _encode({name: value for name, value in fields.items() if value is not None})


def time_ms(said: object) -> int | None:
    """A time as platforms write it, in milliseconds since 1970; `None` for what is none, or none of 1990..2100.

    >>> time_ms("2017-04-17T18:17:14Z"), time_ms("yesterday"), time_ms(7), time_ms("0001-01-01T00:00:00Z")
    (1492453034000, None, None, None)
    """
    try:
        at_ms = parse_rfc3339(said) if isinstance(said, str) else 0
    except (ValueError, OverflowError):
        return None
    return at_ms if EARLIEST_MS <= at_ms < LATEST_MS else None


def count_of(number: int | None) -> int | None:
    """A count that a platform gives, if it can be one.

    >>> count_of(7), count_of(-1), count_of(None)
    (7, None, None)
    """
    return number if number is not None and 0 <= number < 2**53 else None


def read_place(place: str | None, form: type[P]) -> P | None:
    """What a place says that a source wrote by `place_text`; `None` for one that nobody can read.

    >>> read_place(place_text({"a": 1}), dict[str, int]), read_place("17", dict[str, int]), read_place(None, int)
    ({'a': 1}, None, None)
    """
    try:
        return msgspec.json.decode(place or "", type=form)
    except msgspec.MsgspecError:
        return None


def place_text(known: object) -> str:
    """What a source must know to go on, as a place: compact JSON."""
    return _encode(known).decode()
