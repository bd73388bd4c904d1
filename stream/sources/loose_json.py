"""JSON from platforms, read as leniently as can be: what one post holds must not cost the page that it stands on."""

import json
from typing import Any

import msgspec

_decode = msgspec.json.Decoder().decode


def loosely(body: bytes) -> Any:
    r"""What a body says. Broken UTF-8, half characters and raw control characters cost a character each.

    >>> loosely(b'{"a": "caf\xe9 \\ud800 \n"}')
    {'a': 'caf\ufffd ? \n'}

    Raises `ValueError` for what is no JSON.
    """
    try:
        return _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    try:
        found = json.loads(body.decode("utf-8-sig", "replace"), strict=False)
        return _decode(json.dumps(found, ensure_ascii=False).encode("utf-8", "replace"))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise ValueError("no JSON") from None


def shown_of(one: Any) -> bytes:
    """What a part of such a page was, for a dead letter; at most 10,000 bytes.

    >>> shown_of({"id": 7})
    b'{"id": 7}'
    """
    try:
        return json.dumps(one).encode("ascii", "replace")[:10_000]
    except (ValueError, RecursionError):
        return b""
