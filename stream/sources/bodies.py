"""From the body of a request to the raw items in it: one JSON object, an array of them, or JSON lines.

Items are cut apart, not judged: one that is broken must not cost its neighbours (the reader judges each).
"""

import re

import msgspec

LINES_TRIED = 1_000
TOKENS_MAX = 100_000
"""Brackets and strings looked at when a body has to be cut by hand: about 50 ms; good input has far fewer."""

_decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_one = msgspec.json.Decoder(msgspec.Raw).decode
# Strings are skipped as a whole; possessive, so that no body makes it try twice.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"|["\[\]{},]', re.DOTALL)


class BadBody(ValueError):  # noqa: N818 - the name of what it is about
    """A body without a single item in it: `reason` is one word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def items_of(body: bytes) -> list[bytes]:
    """The items of a body in order, each as the bytes that were sent.

    >>> items_of(b'[{"id": 1}, {"id": NaN}]')
    [b'{"id": 1}', b'{"id": NaN}']
    >>> items_of(b'{"id": 1}\\n{"id":\\n\\n{"id": 3}\\n')
    [b'{"id": 1}', b'{"id":', b'{"id": 3}']

    Raises `BadBody` with `empty` or `not_json`.
    """
    body = body.removeprefix(b"\xef\xbb\xbf").strip()
    if not body:
        raise BadBody("empty")
    if body.startswith(b"["):
        return _array(body)
    if not body.startswith(b"{"):
        raise BadBody("not_json")
    if _is_json(body):
        return [body]
    lines = [line.strip() for line in body.split(b"\n") if line.strip()]
    if any(line.startswith(b"{") and _is_json(line) for line in lines[:LINES_TRIED]):
        return lines
    return _cut(body, 0)


def _array(body: bytes) -> list[bytes]:
    try:
        return [bytes(item) for item in _decode_array(body)]
    except (msgspec.MsgspecError, RecursionError):
        return _cut(body, 1)


def _is_json(body: bytes) -> bool:
    try:
        _decode_one(body)
    except (msgspec.MsgspecError, RecursionError):
        return False
    return True


def _cut(body: bytes, level: int) -> list[bytes]:
    """Cut at the commas within the outermost brackets (level 1), or after each outermost object (level 0).

    Needs balanced brackets and closed strings, nothing else.
    """
    items: list[bytes] = []
    depth = start = 0
    for number, token in enumerate(_TOKEN.finditer(body)):
        sign = token[0]
        if number >= TOKENS_MAX or sign == b'"' or (depth == 0 and (sign not in (b"[", b"{") or (level and number))):
            raise BadBody("not_json")
        if sign in (b"[", b"{"):
            depth += 1
            if depth == level:
                start = token.end()
        elif sign in (b"]", b"}"):
            depth -= 1
            if depth == 0:
                items.append(body[start : token.start() if level else token.end()].strip())
                start = token.end()
        elif sign == b"," and depth == level:
            items.append(body[start : token.start()].strip())
            start = token.end()
    if depth or body[start:].strip():
        raise BadBody("not_json")
    return items
