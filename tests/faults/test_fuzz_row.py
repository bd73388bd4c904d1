"""A million pieces of poison at the one place where posts are read: each is a post, or a refusal with its reason."""

import json
import math
import random
from collections import Counter
from typing import Any

import pytest

from stream.codec import canonical, decode
from stream.mention import Mention
from stream.reading import BadMention, read_mention
from tests.faults.rows import fired, row

GOOD: dict[str, Any] = {
    "id": "1",
    "source": "social",
    "created_at": "2026-03-02T10:00:00Z",
    "author": "ana",
    "text": "the line is down again",
    "lang": "en",
    "likes": 3,
    "reply_to": "0",
    "url": "https://social.example/1",
}
OBSERVED_MS = 1_772_445_600_000
ODD: list[Any] = [
    *(None, True, False, 0, -1, 10**15, -(10**15), 10**400, 1.5, math.nan, math.inf, -math.inf, 1e308, "", " ", "\x00"),
    *("\ud800", "\udfff\ud800", "a\u0301" * 300, "\u202e\u2066x", "\ufeff", "x" * 5_000, "<!channel>", "=1+1", "-0"),
    *("9999-12-31T23:59:60Z", "0000-00-00T00:00:00Z", "1970-01-01T00:00:00Z", "2026-02-30T00:00:00+99:99", "1e9"),
    *([], {}, [[[]]], {"a": {"b": {}}}, [None] * 20, {"": ""}, [1, "2", None], "\U0001f469\u200d" * 50),
]
PIECES = [
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b'"',
    b"\\",
    b"\\u",
    b"\\ud83d",
    b"\n",
    b"\x00",
    b"\xff",
    b"\xc0\xaf",
    b"1e999",
]


def poison(rng: random.Random) -> bytes:
    """One line: fields with odd values, bytes that are spoilt, nesting, or noise."""
    kind = rng.randrange(4)
    if kind == 0:
        return rng.randbytes(rng.randrange(60)) if rng.random() < 0.5 else b"".join(rng.choices(PIECES, k=12))
    fields = dict(GOOD)
    for _ in range(rng.randrange(1, 4)):
        fields[rng.choice([*GOOD, "kind", "deep", "observed_at", "rating", "is_repost"])] = rng.choice(ODD)
    if kind == 1:
        fields.pop(rng.choice(list(fields)))
    line = bytearray(json.dumps(fields, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass"))
    if kind == 2:
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(line))
            line[at : at + rng.randrange(3)] = rng.choice(PIECES)
    if kind == 3 and rng.random() < 0.02:
        levels = rng.choice([30, 33, 200, 5_000])
        line[-1:] = b', "more": ' + b"[" * levels + b"]" * levels + b"}"
    return bytes(line)


@row("F18")
@pytest.mark.parametrize(
    ("seed", "count"), [(1, 5_000), *(pytest.param(seed, 100_000, marks=pytest.mark.proof) for seed in range(2, 12))]
)
def test_whatever_comes_is_a_post_that_can_be_kept_or_a_refusal_in_a_word(seed: int, count: int) -> None:
    """Nothing else is raised; a refusal is one short line that can be printed; a post comes back from the disk."""
    rng = random.Random(seed)
    became: Counter[str] = Counter()
    told: set[str] = set()
    for _ in range(count):
        line = poison(rng)
        try:
            mention = read_mention(line, observed_ms=OBSERVED_MS)
        except BadMention as bad:
            became[bad.reason] += 1
            told.add(str(bad))
        else:
            became["post"] += 1
            assert decode(canonical(mention), Mention) == mention
    assert all(len(one) <= 300 and one.isprintable() for one in told)
    assert became["post"] > count // 20
    assert {"not_json", "missing_field", "wrong_type", "bad_time", "bad_number", "too_deep"} <= set(became)
    fired(count - became["post"])
