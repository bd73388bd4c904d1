"""How a vendor's payload becomes rows: which of its fields is which of ours.

A table, so that any vendor can be attached by configuration; what cannot be read has a reason from a closed list.

    payload -> items -> fields by their paths -> a row in the interchange form

Pure but for the name of its package: what it needs to know of time is an argument.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple, get_args

import msgspec

from stream.sources.bodies import BadBody, items_of
from stream.sources.html_text import text_of
from stream.sources.values import BadValue, Dates, count, moment, stars, truth, words

FRESH_MS = 90 * 60_000
"""What is older when it comes in says nothing of now: it is a back-fill (DESIGN, "Late data")."""
ITEMS_MAX = 5_000
LONGEST_ID = 200
"""Characters; an address that is longer is told by its digest."""

FieldName = Literal[
    "id",
    "created_at",
    "kind",
    "author",
    "author_followers",
    "author_created_at",
    "text",
    "lang",
    "url",
    "parent_id",
    "root_id",
    "quoted_id",
    "is_repost",
    "reposts",
    "likes",
    "replies",
    "views",
    "rating",
]
FIELDS: tuple[str, ...] = get_args(FieldName)
COUNTS = ("author_followers", "reposts", "likes", "replies", "views")
_NAMES = ("id", "parent_id", "root_id", "quoted_id")
_ENGAGEMENT = ("reposts", "likes", "replies", "views")

BadReason = Literal[
    "not_json",
    "not_an_object",
    "no_items",
    "too_many_items",
    "no_id",
    "no_time",
    "no_text",
    "bad_time",
    "bad_number",
    "bad_word",
    "wrong_type",
]
"""Why an item, or a whole payload, is no row."""

encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class Unreadable(ValueError):  # noqa: N818 - the name of what it is about
    """An item, or a payload, that is no row: a reason from the closed list, and a harmless line for a human."""

    def __init__(self, reason: BadReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: BadReason = reason
        self.detail = detail


class Rule(NamedTuple):
    """Where one field comes from: the first of the paths that holds something, or all of them joined."""

    paths: tuple[str, ...] = ()
    """Names from the outside in, by dots, as `author.name`; a number takes one of a list, as `images.0.url`."""
    join: str | None = None
    """What stands between the values of all paths; `None`: the first that holds something is taken alone."""
    constant: str | int | bool | None = None
    """What it is where no path holds anything."""


class Shape(NamedTuple):
    """What the payloads of one vendor look like."""

    fields: Mapping[str, Rule]
    """By the names of the interchange form."""
    items: str = ""
    """The path of the list of items in a payload; empty: the payload is an item, a list of them, or JSON lines."""
    dates: Dates = Dates()
    html: bool = False
    """Whether texts are HTML."""
    digest_ids: bool = False
    """Whether an item without an id gets one from what it says: the same item then has the same id, in the next export
    too, where only its counts differ. Two that say the very same at the same time, by the same author, are one."""


def rule(*paths: str, join: str | None = None) -> Rule:
    """A rule without a constant."""
    return Rule(paths, join)


def items_in(body: bytes, shape: Shape) -> list[object]:
    """The items of one payload, decoded; one that is broken among JSON lines stays as bytes. Raises `Unreadable`.

    >>> items_in(b'{"documents": [{"id": 1}]}', Shape({}, "documents"))
    [{'id': 1}]
    """
    try:
        pieces = items_of(body)
    except BadBody as bad:
        raise Unreadable("not_json", "the payload is empty" if bad.reason == "empty" else "it is no JSON") from None
    found: list[object] = []
    for piece in pieces:
        try:
            whole = decoded(piece)
        except Unreadable:
            found.append(piece)
            continue
        if shape.items:
            inner = dig(whole, shape.items)
            if not isinstance(inner, list):
                raise Unreadable("no_items", f"it has no list `{shape.items}`")
            found += inner
        else:
            found.append(whole)
        if len(found) > ITEMS_MAX:
            raise Unreadable("too_many_items", f"more than {ITEMS_MAX} items in one payload")
    return found


def decoded(piece: bytes) -> object:
    r"""JSON as vendors write it: raw line breaks and broken UTF-8 cost a character. Raises `Unreadable`.

    >>> decoded(b'{"a": "b\nc"}'), decoded(b'{"a": "\xff"}')
    ({'a': 'b\nc'}, {'a': '\ufffd'})
    """
    try:
        return _decode(piece)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return json.loads(piece.decode("utf-8", "replace"), strict=False)
    except (ValueError, RecursionError):  # ValueError: no JSON, or a number of thousands of digits
        raise Unreadable("not_json", "it is no JSON") from None


def bytes_of(item: object) -> bytes:
    """An item as JSON again, for the dead letters, whatever it holds."""
    if isinstance(item, bytes):
        return item
    try:
        return encode(item)
    except (ValueError, OverflowError, RecursionError):  # ValueError: half of a surrogate pair
        return json.dumps(item).encode()


def row_of(item: object, shape: Shape, now_ms: int) -> dict[str, Any]:
    """One item as a row. Raises `Unreadable`.

    >>> shape = Shape({"id": rule("n"), "created_at": rule("at"), "text": rule("title", "body", join=" ")})
    >>> row_of({"n": 7, "at": 1772543100, "title": "Oh", "body": "no"}, shape, 1772543100000)
    {'id': '7', 'created_at': '2026-03-03T13:05:00.000Z', 'text': 'Oh no'}
    """
    if isinstance(item, bytes):
        raise Unreadable("not_json", "it is no JSON")
    if not isinstance(item, dict):
        raise Unreadable("not_an_object", f"an item is no {type(item).__name__}")
    row: dict[str, Any] = {}
    for name in FIELDS:
        if name in shape.fields and (value := _field(name, item, shape)) is not None:
            row[name] = value
    created_ms = row.pop("created_at", None)
    if created_ms is None:
        raise Unreadable("no_time", f"it does not say when it was written: {_paths(shape, 'created_at')}")
    if "text" not in row and row.get("kind", "create") in {"create", "update"}:
        raise Unreadable("no_text", f"it has no text: {_paths(shape, 'text')}")
    if "id" not in row and shape.digest_ids:
        said = [rfc3339(created_ms), *(row.get(name) for name in ("author", "text", "url"))]
        row["id"] = f"row{hashlib.sha256(encode(said)).hexdigest()[:32]}"
    if "id" not in row:
        raise Unreadable("no_id", f"it has no id: {_paths(shape, 'id')}")
    # In the order of the interchange form, for whoever reads a preview.
    row = {"id": row.pop("id"), "created_at": rfc3339(created_ms), **row}
    if created_ms < now_ms - FRESH_MS:
        row["live"] = False
    return row


def engagement_of(row: Mapping[str, Any], now_ms: int) -> dict[str, Any] | None:
    """The row that says how a post that is known already is doing now; `None` where its counts are not told."""
    counts = {name: row[name] for name in _ENGAGEMENT if name in row}
    if not counts:
        return None
    live = {"live": False} if row.get("live") is False else {}
    return {"id": row["id"], "created_at": rfc3339(now_ms), "kind": "engagement", **counts, **live}


def short_id(name: str) -> str:
    """A native id as it is, or its digest where it is long: ids of vendors are often addresses.

    >>> short_id("https://x.example/1"), len(short_id("x" * 999))
    ('https://x.example/1', 35)
    """
    if len(name) <= LONGEST_ID and name.isprintable():
        return name
    return f"sha{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:32]}"


def rfc3339(at_ms: int) -> str:
    """A time as the interchange form has it."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def dig(value: object, path: str) -> object:
    """What lies at a path, or `None`. A name may hold dots itself where the payload is flat.

    >>> dig({"a": {"b": [{"c": 1}]}}, "a.b.0.c"), dig({"a.b": 2}, "a.b"), dig({"a": 3}, "a.b")
    (1, 2, None)
    """
    while path:
        if isinstance(value, dict) and path in value:
            return value[path]
        step, _, path = path.partition(".")
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and len(step) < 6 and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def _field(name: str, item: object, shape: Shape) -> object:
    rule_of = shape.fields[name]
    found = (dig(item, path) for path in rule_of.paths)
    if name == "text" and shape.html:
        # Each by itself: in HTML what stands between them would be a blank like any other.
        found = (text_of(one) if isinstance(one, str) else one for one in found)
    try:
        if rule_of.join is not None:
            value: object = rule_of.join.join(_distinct(words(one) for one in found)) or None
        else:
            value = next((one for one in found if one not in (None, "", [])), None)
        return _read(name, rule_of.constant if value is None else value, shape)
    except BadValue as bad:
        raise Unreadable(bad.reason, f"{name}: {bad.detail}") from None


def _distinct(texts: Iterator[str | None]) -> Sequence[str]:
    """Without what is empty or said twice: many a platform's title is the beginning of its text."""
    kept: list[str] = []
    for text in texts:
        if text and not any(other.startswith(text.rstrip(".…")) for other in kept):
            kept = [other for other in kept if not text.startswith(other.rstrip(".…"))] + [text]
    return kept


def _read(name: str, value: object, shape: Shape) -> object:
    if value is None:
        return None
    if name == "created_at":
        return moment(value, shape.dates)
    if name == "author_created_at":
        return rfc3339(moment(value, shape.dates))
    if name in COUNTS:
        return count(value)
    if name == "rating":
        return stars(value)
    if name == "is_repost":
        return truth(value)
    text = words(value)
    if text is not None and name in _NAMES:
        return short_id(text)
    return text


def _paths(shape: Shape, name: str) -> str:
    paths = shape.fields[name].paths if name in shape.fields else ()
    return f"nothing at {', '.join(paths)}" if paths else f"no field is mapped to {name}"
