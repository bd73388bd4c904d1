"""What becomes of a payload on a bad day: pieces of it exchanged for others, cut, doubled, garbled, written otherwise.

A payload is looked at as text: its values, names, tags and cells are found by their signs. So one list of oddities
serves JSON, XML, CSV and streams of events alike.
"""

# ruff: noqa: E501
import random
import re
from collections.abc import Callable, Sequence

Span = tuple[int, int]

_PIECES = re.compile(rb'"(?:[^"\\]|\\.)*"|[^\s"{}\[\]<>=,;:&]+')
"""Strings with their quotation marks, and whatever stands between signs."""
_SIGNS = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\]]|[^\s"{}\[\]<>=,;:&]+')
DEEP = 3_000

VALUES: tuple[bytes, ...] = (
    *(b"null", b"true", b"false", b"0", b"-1", b"7", b"1.5", b'""', b'"x"', b"[]", b"{}", b"[{}]", b"[[]]", b"[null]"),
    *(b'{"":{}}', b'{"a":1,"a":2}', b'["x",7,null]', b'{"label":7}', b'{"id":"7"}', b"-0", b"1e-400", b"1e18"),
    *(b"9" * 19, b"-" + b"9" * 20, b"9" * 40, b"18446744073709551616", b"9007199254740993", b"176762767625080"),
    *(b"253402300800", b"-62135596801", b"9223372036854775807", b"-9223372036854775808", b"1767625080", b"1e308"),
    *(b'"\\u0000"', b'"\\n\\r\\u001b"', b'"\xe2\x80\xae\xe2\x81\xa6"', b'"\xf4\x8f\xbf\xbf"', b'"\xef\xbb\xbf"', b'"\xc2\xa0"'),
    *(b'"2026-13-45T99:99:99Z"', b'"0001-01-01T00:00:00Z"', b'"9999-12-31T23:59:59.999999999-23:59"', b'"soon"'),
    *(b'"2026-01-05T15:00:00+99:99"', b'"20260105T150000Z"', b'"00010101T000000Z"', b'"-1"', b'"1e5"', b'"1767625080000"'),
    *(b'"Sun, 06 Nov 1994 08:49:37 GMT"', b'"9999999999999999999"', b'"\xd9\xa3"', b'"\xc2\xb2"', b'"99999-01-01T00:00:00Z"'),
    *(b'"http://[::1"', b'"https://x.example:99999/"', b'"https://x.example/%zz"', b'"javascript:alert(1)"', b'"//"'),
    *(b'"at://"', b'"did:plc:x"', b'"t3_"', b'"[deleted]"', b'"create"', b'"update"', b'"delete"', b'"purge"', b'"\\/"'),
    *(b"[" * 64 + b"]" * 64, b"[" * 900 + b"]" * 900, b"[" * DEEP + b"]" * DEEP, b'{"a":' * DEEP + b"1" + b"}" * DEEP),
    *(b'"' + b"x" * 5_000 + b'"', b'"' + "\N{FIRE}".encode() * 2_000 + b'"', b'"' + b"<p>" * 2_000 + b'"', b'"' + b"&" * 5_000 + b'"'),
    *(b'"' + b"<" * 5_000 + b'"', b'"' + b" " * 5_000 + b'"', b'"' + b"https://a.example/" * 400 + b'"', b"[0" + b",0" * 3_000 + b"]"),
)  # fmt: skip
"""JSON, each of them; and an odd word or cell to everything else."""
SCRAPS: tuple[bytes, ...] = (
    *(b"x", b"", b'"', b"\\", b",", b"{", b"}", b"]", b"<", b">", b"<!--", b"]]>", b"&", b"0x10", b"1_000", b"9" * 5_000),
    *(b"NaN", b"Infinity", b"1e999", b"-1e400", b'"\\ud800"', b'"\\udc00\\ud800"', b'"\x00"', b'"\xff\xfe\xed\xa0\x80"'),
    *(b'"a\nb\r\tc\x1b"', b"\x00", b"\xed\xb2\x80", b"\x85", b"\x0c", b"\xc2", b"\xe2\x80", b"'x'", b"+1", b"01"),
    *(b"&#x110000;", b"&#xd800;", b"&nbsp;", b"&unknown;", b"<![CDATA[", b'<!ENTITY a "b">', b"</item>", b"<item>"),
    *(b"\n", b"\r", b"\n\n", b"\r\n", b"\t", b";", b":", b"data: x\n", b"event: delete\n", b"id: \x00\n", b"retry: 9\n"),
    *(b"[" * DEEP, b"<a>" * DEEP, b"{" * DEEP, b'{"chunk_type"', b'"' * 1_001),
)  # fmt: skip
"""What is no JSON, and much else that nobody writes on purpose."""
GIANTS: tuple[bytes, ...] = (
    *(b'"' + b"x" * 1_200_000 + b'"', b"{" * 400_000, b"[" + b"{}," * 60_000 + b"{}]", b'"' + b"<b>" * 60_000 + b'"'),
    b"\xff" * 300_000,
)
"""Seldom: each costs as much as thousands of others."""
ONE_GIANT_IN = 3_000


def spans_of(payload: bytes) -> list[Span]:
    """Where its values, names and cells stand.

    >>> payload = b'{"id": 7, "text": "a \\\\" b"}'
    >>> [payload[start:end] for start, end in spans_of(payload)]
    [b'"id"', b'7', b'"text"', b'"a \\\\" b"']
    """
    return [found.span() for found in _PIECES.finditer(payload)] or [(0, len(payload))]


def values_of(payload: bytes) -> list[Span]:
    """Of a JSON text, where its values stand, whole lists and objects too, and no names; of another all its pieces.

    >>> payload = b'{"id": [7]}'
    >>> [payload[start:end] for start, end in values_of(payload)]
    [b'7', b'[7]', b'{"id": [7]}']
    """
    opened: list[int] = []
    found: list[Span] = []
    for sign in _SIGNS.finditer(payload):
        start, end = sign.span()
        if sign[0] in (b"{", b"["):
            opened.append(start)
        elif sign[0] in (b"}", b"]"):
            found.append((opened.pop() if opened else 0, end))
        elif not payload[end : end + 2].lstrip().startswith(b":"):
            found.append((start, end))
    return found if payload[:1] in (b"{", b"[") else spans_of(payload)


class Mutator:
    """Malforms the payloads of one kind, by a seed."""

    def __init__(self, payloads: Sequence[bytes], rng: random.Random) -> None:
        self._rng = rng
        self._known = [(payload, spans_of(payload)) for payload in payloads]
        self._values = {payload: values_of(payload) for payload in payloads}
        self._pieces = sorted({payload[start:end] for payload, spans in self._known for start, end in spans})
        self._held = sorted({payload[start:end] for payload in payloads for start, end in self._values[payload]})
        self._pick = rng.choice
        self._ways: tuple[Callable[[bytes], bytes], ...] = (
            *(self._flipped, self._cut, self._without, self._doubled, self._noise, self._spliced, self._encoded),
        )

    def __call__(self) -> bytes:
        """One malformed payload."""
        rng = self._rng
        payload, spans = self._pick(self._known)
        if rng.randrange(ONE_GIANT_IN) == 0:
            return _put(payload, self._pick(spans), self._pick(GIANTS))
        if rng.random() < 0.75:
            way = self._reformed if rng.random() < 0.7 else self._exchanged
            payload = way(payload, self._values[payload] if way == self._reformed else spans)
            if rng.random() < 0.85:
                return payload
        for _ in range(rng.randrange(1, 3)):
            payload = self._pick(self._ways)(payload)
        return payload

    # ---- pieces for other pieces

    def _reformed(self, payload: bytes, spans: Sequence[Span]) -> bytes:
        """One or two values: for an odd one, or for another of the same platform. JSON stays JSON."""
        for span in _apart(self._rng.choices(spans, k=self._rng.randrange(1, 3))):
            payload = _put(payload, span, self._pick(VALUES if self._rng.random() < 0.75 else self._held))
        return payload

    def _exchanged(self, payload: bytes, spans: Sequence[Span]) -> bytes:
        """One to three pieces: for an oddity, for another piece of the same platform, for nothing, twice."""
        for span in _apart(self._rng.choices(spans, k=self._rng.randrange(1, 4))):
            chance = self._rng.random()
            piece = payload[span[0] : span[1]]
            if chance < 0.6:
                piece = self._pick(SCRAPS)
            elif chance < 0.85:
                piece = self._pick(self._pieces)
            elif chance < 0.93:
                piece = b""
            else:
                # A name twice, or a value where a name was: `"id": "id": 7`, `7, 7`.
                piece = piece + self._pick((b",", b":", b";", b" ")) + piece
            payload = _put(payload, span, piece)
        return payload

    # ---- bytes

    def _flipped(self, payload: bytes) -> bytes:
        held = bytearray(payload)
        for _ in range(self._rng.randrange(1, 6)):
            if held:
                held[self._rng.randrange(len(held))] ^= 1 << self._rng.randrange(8)
        return bytes(held)

    def _cut(self, payload: bytes) -> bytes:
        at = self._rng.randrange(len(payload) + 1)
        return payload[:at] if self._rng.random() < 0.8 else payload[at:]

    def _without(self, payload: bytes) -> bytes:
        at = self._rng.randrange(len(payload) + 1)
        return payload[:at] + payload[at + self._rng.randrange(1, 40) :]

    def _doubled(self, payload: bytes) -> bytes:
        if self._rng.random() < 0.2:
            return payload + self._pick((b"", b"\n", b",", b"\x00")) + payload
        at = self._rng.randrange(len(payload) + 1)
        return payload[:at] + payload[at : at + self._rng.randrange(1, 60)] * self._rng.randrange(2, 9) + payload[at:]

    def _noise(self, payload: bytes) -> bytes:
        at = self._rng.randrange(len(payload) + 1)
        noise = self._rng.randbytes(self._rng.randrange(1, 12))
        return noise if self._rng.random() < 0.05 else payload[:at] + noise + payload[at:]

    def _spliced(self, payload: bytes) -> bytes:
        other = self._pick(self._known)[0]
        return payload[: self._rng.randrange(len(payload) + 1)] + other[self._rng.randrange(len(other) + 1) :]

    def _encoded(self, payload: bytes) -> bytes:
        text = payload.decode("utf-8", "replace")
        return text.encode(self._pick(("utf-16", "utf-16-le", "utf-32", "cp1252", "utf-8-sig", "utf-7")), "replace")


def _apart(spans: Sequence[Span]) -> list[Span]:
    """Those that do not overlap, from the end on, so that what stands before keeps its place."""
    found: list[Span] = []
    for start, end in sorted(spans, reverse=True):
        if not found or end <= found[-1][0]:
            found.append((start, end))
    return found


def _put(payload: bytes, span: Span, piece: bytes) -> bytes:
    return payload[: span[0]] + piece + payload[span[1] :]
