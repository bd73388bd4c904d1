"""From a line of JSON to a `Mention`; or to one line that says what is wrong with it.

The hot path is one decode and one type check. Only a line that fails it is looked at with care: lone surrogates, broken
UTF-8 and raw control characters cost the post a character, not its life; what cannot be saved is a `BadMention` with a
reason from a closed list, for the dead-letter store and its counter (DESIGN rule 11).
"""

import json
import re
from functools import lru_cache
from typing import Annotated, Any, Literal, NamedTuple, NoReturn, get_args

import msgspec

from stream.codec import parse_rfc3339
from stream.mention import FUTURE_LIMIT_MS, PAST_LIMIT_MS, Mention, MentionKind
from stream.text import clean, clip

MAX_LINE = 1 << 20
"""Bytes. A post with everything around it is a few kilobytes; a longer line is an accident or an attack."""
MAX_DEPTH = 32
MAX_NAME = 512
"""Characters of an id, an author or a source's name; what is longer is refused, for cut short it would be another's."""
MAX_URL = 2_048
MAX_UNKNOWN = 100
"""Names of unknown fields that are counted one by one; the rest share `OTHER_FIELDS`."""
OTHER_FIELDS = "(other)"
MAX_NUMBER = 2**53
"""JSON's safe integers: what every reader of the journal agrees on."""
DEFAULT_SOURCE = "file"
EARLIEST_MS = 631_152_000_000
"""1990: nobody posted before. A time outside 1990..2100 would drag the core's time along."""
LATEST_MS = 4_102_444_800_000

BadReason = Literal[
    "not_json",
    "too_big",
    "too_deep",
    "not_an_object",
    "missing_field",
    "wrong_type",
    "bad_time",
    "bad_kind",
    "bad_id",
    "bad_source",
    "bad_number",
]


class BadMention(ValueError):  # noqa: N818 - the name of what it is about: a mention that is bad
    """A line that is no mention: `reason` from a closed list, `detail` one harmless line for a human."""

    def __init__(self, reason: BadReason, detail: str) -> None:
        self.reason: BadReason = reason
        self.detail = _UNPRINTABLE.sub("?", detail)[:200]
        super().__init__(f"{reason}: {self.detail}")


_Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_NUMBER)]
_Rating = Annotated[int, msgspec.Meta(ge=-MAX_NUMBER, le=MAX_NUMBER)]


class _Row(msgspec.Struct, kw_only=True, gc=False):
    """The interchange form, as it stands in a line."""

    id: str | int
    created_at: str
    source: str | None = None
    kind: str | None = None
    observed_at: str | None = None
    author: str | int | None = None
    author_followers: _Count | None = None
    author_created_at: str | None = None
    text: str | None = None
    lang: str | None = None
    url: str | None = None
    parent_id: str | int | None = None
    reply_to: str | int | None = None
    root_id: str | int | None = None
    quoted_id: str | int | None = None
    is_repost: bool | None = None
    reposts: _Count | None = None
    likes: _Count | None = None
    replies: _Count | None = None
    views: _Count | None = None
    rating: _Rating | None = None
    live: bool | None = None


class _When(msgspec.Struct, gc=False):
    """What a line says of its time; the rest is skipped."""

    created_at: str
    observed_at: str | None = None


class _Names(msgspec.Struct, kw_only=True, gc=False):
    """What a line says of whose it is; the rest is skipped."""

    id: str | int
    source: str | None = None
    kind: str | None = None
    author: str | int | None = None


class Named(NamedTuple):
    """What a line is about: a post, its source and its author, and what became of it."""

    id: str
    source: str
    author: str | None
    kind: str


_KNOWN = frozenset(_Row.__struct_fields__)
_KINDS: frozenset[str] = frozenset(get_args(MentionKind))
_decode_any = msgspec.json.Decoder().decode
_decode_names = msgspec.json.Decoder(_Names).decode
_decode_when = msgspec.json.Decoder(_When).decode
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_SOURCE = re.compile(r"[^\s:\x00-\x1f\x7f-\x9f\ud800-\udfff]+(?: [^\s:\x00-\x1f\x7f-\x9f\ud800-\udfff]+)*\Z")
_OWN_PREFIX = re.compile(r"[a-z][a-z0-9_-]{0,31}(?=:(?!//)[^:])")
_LANG = re.compile(r"([A-Za-z]{2,3})(?:[-_].*)?\Z", re.DOTALL)
# ISO 639-2: undetermined, multiple, no linguistic content, uncoded; and its private range, which X uses for "no words".
_NO_LANGUAGE = re.compile(r"und|mul|zxx|mis|q[a-t][a-z]")


def read_mention(
    line: bytes, *, source: str = DEFAULT_SOURCE, observed_ms: int | None = None, live: bool = True
) -> Mention:
    """One line as a mention. Raises `BadMention`. For many lines make one `Reader`.

    >>> m = read_mention(b'{"id": 7, "created_at": "2017-04-17T18:17:14Z", "text": "hi", "reply_to": "6"}', source="x")
    >>> m.id, m.parent_id, m.created_ms, m.likes
    ('x:7', 'x:6', 1492453034000, None)
    >>> read_mention(b'{"id": 7}')
    Traceback (most recent call last):
    ...
    stream.reading.BadMention: missing_field: Object missing required field `created_at`
    """
    return Reader(source, live).read(line, observed_ms)


def observed_at(line: bytes) -> int | None:
    """When a line was observed, without looking at the rest of it; `None` for what is no mention.

    A line that is bad for another reason may well have a time.

    >>> observed_at(b'{"id": 7, "created_at": "2017-04-17T18:17:14Z", "text": "hi"}'), observed_at(b"{}")
    (1492453034000, None)
    """
    try:
        when = _decode_when(line)
        return _time(when.created_at if when.observed_at is None else when.observed_at, "observed_at")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, BadMention):
        try:
            return Reader().read(line).observed_ms
        except BadMention:
            return None


class Reader:
    """Reads the lines of one source and counts the fields that it ignores.

    `source` names rows that do not name theirs; rows of the default source may also be named by their id's prefix.
    `live` False marks all that it reads as back-filled, as a row may do for itself.

    >>> reader = Reader("x")
    >>> _ = reader.read(b'{"id": "7", "created_at": "2017-04-17T18:17:14Z", "text": "hi", "mood": 1}')
    >>> reader.unknown
    {'mood': 1}
    """

    def __init__(self, source: str = DEFAULT_SOURCE, live: bool = True) -> None:
        self.source = _source(source)
        self.live = live
        self.unknown: dict[str, int] = {}
        """Times an unknown field was seen, by its (harmless, shortened) name; at most 100 names."""

    def read(self, line: bytes, observed_ms: int | None = None) -> Mention:
        """One line as a mention, seen at `observed_ms` (else when the row says, else when it was written).

        Raises `BadMention`.
        """
        if len(line) > MAX_LINE:
            raise BadMention("too_big", f"more than {MAX_LINE} bytes")
        try:
            fields = _decode_any(line)
            row = msgspec.convert(fields, _Row)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            fields = _decode_with_care(line)
            row = _convert_with_care(fields)
        if not fields.keys() <= _KNOWN:
            self._count_unknown(fields)
        return self._mention(row, observed_ms)

    def name(self, line: bytes) -> Named | None:
        """Whose line it is and about which post, without looking at the rest of it; `None` for what is no mention.

        >>> Reader("x").name(b'{"id": 7, "author": "ann", "created_at": "soon"}')
        Named(id='x:7', source='x', author='ann', kind='create')
        """
        try:
            row = _decode_names(line)
            source = self._source_of(row)
            return Named(_id(row.id, f"{source}:", "id"), source, _author(row.author), row.kind or "create")
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, BadMention):
            try:
                one = self.read(line)
            except BadMention:
                return None
            return Named(one.id, one.source, one.author, one.kind)

    def _count_unknown(self, fields: dict[str, Any]) -> None:
        unknown = self.unknown
        for name, value in fields.items():
            if name in _KNOWN:
                continue
            if isinstance(value, dict | list) and _is_too_deep(value):
                raise BadMention("too_deep", f"nested deeper than {MAX_DEPTH}")
            shown = name if name in unknown else _UNPRINTABLE.sub("?", name[:40])
            if shown not in unknown and len(unknown) >= MAX_UNKNOWN:
                shown = OTHER_FIELDS
            unknown[shown] = unknown.get(shown, 0) + 1

    def _mention(self, row: _Row, observed_ms: int | None) -> Mention:
        kind = row.kind or "create"
        if kind not in _KINDS:
            raise BadMention("bad_kind", f"kind {_shown(kind)}: one of {', '.join(get_args(MentionKind))}")
        if row.text is None and kind in {"create", "update"}:
            raise BadMention("missing_field", f"`text` is required to {kind}")
        if kind == "purge" and row.author is None:
            raise BadMention("missing_field", "`author` is required to purge: whose posts are to go")
        claimed_ms = _time(row.created_at, "created_at")
        if observed_ms is None:
            observed_ms = claimed_ms if row.observed_at is None else _time(row.observed_at, "observed_at")
        if not EARLIEST_MS <= observed_ms < LATEST_MS:
            raise BadMention("bad_time", f"outside 1990..2100: {_shown(row.observed_at or row.created_at)}")
        source = self._source_of(row)
        prefix = f"{source}:"
        name = _id(row.id, prefix, "id")
        parent_id = _reference(row.parent_id if row.parent_id is not None else row.reply_to, prefix, "parent_id")
        return Mention(
            id=name,
            source=source,
            kind=kind,  # type: ignore[arg-type] # checked against the literal's own values
            created_ms=min(max(claimed_ms, observed_ms - PAST_LIMIT_MS), observed_ms + FUTURE_LIMIT_MS),
            claimed_ms=claimed_ms,
            observed_ms=observed_ms,
            text=clip(clean(clip(row.text))) if row.text and kind not in {"delete", "purge"} else "",
            author=_author(row.author),
            author_followers=row.author_followers,
            author_created_ms=_time(row.author_created_at, "author_created_at") if row.author_created_at else None,
            lang=_lang(row.lang) if row.lang else None,
            url=clean(clip(row.url.strip(), MAX_URL)) or None if row.url else None,
            parent_id=parent_id if parent_id != name else None,
            root_id=_reference(row.root_id, prefix, "root_id"),
            quoted_id=_reference(row.quoted_id, prefix, "quoted_id"),
            is_repost=bool(row.is_repost),
            reposts=row.reposts,
            likes=row.likes,
            replies=row.replies,
            views=row.views,
            rating=row.rating,
            live=self.live and row.live is not False,
        )

    def _source_of(self, row: _Row | _Names) -> str:
        if row.source:
            return row.source if row.source == self.source else _source(row.source)
        if self.source == DEFAULT_SOURCE and isinstance(row.id, str):
            named = _OWN_PREFIX.match(row.id.strip())
            if named is not None:
                return named[0]
        return self.source


def _decode_with_care(line: bytes) -> dict[str, Any]:
    """What the strict decoder refused, read as leniently as the standard library can."""
    try:
        value = json.loads(
            line.decode("utf-8-sig", "replace"), strict=False, parse_int=_parse_int, parse_constant=_refuse_constant
        )
    except RecursionError:
        raise BadMention("too_deep", f"nested deeper than {MAX_DEPTH}") from None
    except json.JSONDecodeError as error:
        raise BadMention("not_json", f"{error.msg} at character {error.pos}") from None
    if not isinstance(value, dict):
        raise BadMention("not_an_object", f"a JSON {type(value).__name__}, not an object")
    return value


def _convert_with_care(fields: dict[str, Any]) -> _Row:
    for name in ("id", "created_at"):
        if fields.get(name) is None:
            raise BadMention("missing_field", f"Object missing required field `{name}`")
    safe = {
        name: _SURROGATE.sub("\ufffd", value) if isinstance(value, str) else value
        for name, value in fields.items()
        if name in _KNOWN
    }
    try:
        return msgspec.convert(safe, _Row)
    except msgspec.ValidationError as error:
        # The message names the field and the type expected, never the value; only a bound is spelled with `=`.
        raise BadMention("bad_number" if "= " in str(error) else "wrong_type", str(error)) from None


def _parse_int(digits: str) -> int:
    # Python refuses to convert thousands of digits (it takes quadratic time); far beyond the limit is far enough.
    return int(digits) if len(digits) <= 20 else MAX_NUMBER * (-4 if digits.startswith("-") else 4)


def _refuse_constant(name: str) -> NoReturn:
    raise BadMention("not_json", f"{name} is not JSON")


def _is_too_deep(value: Any) -> bool:
    """Whether containers inside `value` (itself on level 2) go beyond `MAX_DEPTH`; level by level, no recursion."""
    level = [value]
    for _ in range(2, MAX_DEPTH + 1):
        inner = [item for held in level for item in (held.values() if isinstance(held, dict) else held)]
        level = [item for item in inner if isinstance(item, dict | list)]
        if not level:
            return False
    return True


def _time(text: str, field: str) -> int:
    """RFC 3339 to milliseconds; the common spellings cost a look-up of their minute."""
    length = len(text)
    try:
        if length == 24 and text[16] == ":" and text[19] == "." and text[23] == "Z":
            digits = text[17:19] + text[20:23]
            if digits.isdecimal() and digits < "6":
                return _minute(text[:16]) + int(digits)
        elif length == 20 and text[16] == ":" and text[19] == "Z":
            digits = text[17:19]
            if digits.isdecimal() and digits < "6":
                return _minute(text[:16]) + int(digits) * 1000
        return parse_rfc3339(text)
    except (ValueError, OverflowError):
        raise BadMention("bad_time", f"{field} {_shown(text)}: a time like 2017-04-17T18:17:14Z") from None


@lru_cache(maxsize=4096)
def _minute(prefix: str) -> int:
    return parse_rfc3339(prefix + "Z")


def _source(name: str) -> str:
    name = name.strip()
    if len(name) > 64 or _SOURCE.match(name) is None:
        raise BadMention("bad_source", f"source {_shown(name)}: up to 64 characters, no colon, no control characters")
    return name


def _id(native: str | int, prefix: str, field: str) -> str:
    """`source:native_id`: the prefix is added where it is not there."""
    name = native.strip() if isinstance(native, str) else str(native)
    if not name or len(name) > MAX_NAME or not name.isprintable() or "\ufffd" in name or name == prefix:
        raise BadMention("bad_id", f"{field} {_shown(name)}: 1 to {MAX_NAME} printable characters")
    return name if name.startswith(prefix) else prefix + name


def _reference(native: str | int | None, prefix: str, field: str) -> str | None:
    return None if native is None or native == "" else _id(native, prefix, field)


def _author(author: str | int | None) -> str | None:
    if author is None:
        return None
    name = clean(str(author)).strip()
    if len(name) > MAX_NAME:
        raise BadMention("bad_id", f"author {_shown(name)}: at most {MAX_NAME} characters")
    return name or None


def _lang(lang: str) -> str | None:
    match = _LANG.match(lang.strip())
    if match is None:
        return None
    code = match[1].lower()
    return None if _NO_LANGUAGE.fullmatch(code) else code


def _shown(text: str) -> str:
    """At most 40 characters of hostile text, escaped, for an error message."""
    return repr(text[:40]) + ("…" if len(text) > 40 else "")
