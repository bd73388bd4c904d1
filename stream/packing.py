"""Numbers, names and sparse tables in few bytes: how the state's great tables are written into a snapshot.

The same values are the same bytes on every machine, which a general compressor does not promise from one of its
versions to the next: a snapshot is compared byte by byte.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise

import msgspec

FEW = 6
"""So few entries of a table are written one by one."""
_ONES = ["1" * length for length in range(256)]
_BINARY = [f"{value:b}" for value in range(256)]


class Packer:
    """Writes values one after the other. Who reads them must ask for the same kinds in the same order.

    >>> packer = Packer()
    >>> packer.number(-3); packer.name("00ff00ff00ff00ff"); packer.table({5: 1, 9: 2})
    >>> unpacker = Unpacker(packer.text())
    >>> unpacker.number(), unpacker.name(), unpacker.table()
    (-3, '00ff00ff00ff00ff', {5: 1, 9: 2})
    """

    __slots__ = ("_bytes", "_words")

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._words: dict[str, int] = {}

    def number(self, value: int) -> None:
        """Any whole number; those near zero take one byte."""
        left = value * 2 if value >= 0 else -2 * value - 1
        while left > 127:
            self._bytes.append(left & 127 | 128)
            left >>= 7
        self._bytes.append(left)

    def numbers(self, values: tuple[int, ...]) -> None:
        """So many numbers that are zero for the most part, as a mask and the others."""
        mask = 0
        for place, value in enumerate(values):
            if value:
                mask |= 1 << place
        self.number(mask)
        for value in values:
            if value:
                self.number(value)

    def name(self, value: str) -> None:
        """A name of 16 hex digits in 9 bytes; any other string as it is."""
        self._bytes += _named(value)

    def names(self, values: Sequence[str]) -> list[bytes]:
        """Each as `name` writes it, to be written by `packed`: in one go, where all are 16 hex digits."""
        digits = "".join(values)
        if len(digits) == 16 * len(values) and all(map((16).__eq__, map(len, values))):
            body = _from_hex(digits)
            if body is not None:
                return [b"\0" + body[at : at + 8] for at in range(0, len(body), 8)]
        return [_named(value) for value in values]

    def packed(self, body: bytes) -> None:
        """What was packed by itself."""
        self._bytes += body

    def word(self, value: str) -> None:
        """A string that comes again and again: written once."""
        known = self._words.get(value)
        self.number(len(self._words) if known is None else known)
        if known is None:
            self._words[value] = len(self._words)
            self.name(value)

    def bits(self, bitmap: int) -> None:
        """A bitmap, sparse or not."""
        count = bitmap.bit_count()
        self.number(count)
        if count < FEW:
            last = 0
            for place in _places(bitmap):
                self.number(place - last)
                last = place
        else:
            self._body(bitmap.to_bytes(-(-bitmap.bit_length() // 8), "little"))

    def table(self, table: Mapping[int, int]) -> None:
        """Counts above zero by keys of zero and more: the gaps between the keys, and the bits of the counts.

        Of a gap its high digits go in unary and `width` low ones as they are; a count goes in Elias' gamma code.
        Sources: Elias 1974, *Efficient storage and retrieval by content and address of static files*, JACM 21(2);
        Elias 1975, *Universal codeword sets*, IEEE Trans. Inf. Theory 21(2).
        """
        self.number(len(table))
        keys = sorted(table)
        gaps = [after - before - 1 for before, after in pairwise([-1, *keys])]
        if len(keys) < FEW:
            for key, gap in zip(keys, gaps, strict=True):
                self.number(gap)
                self.number(table[key])
            return
        width = max(0, (sum(gaps) // len(keys)).bit_length() - 1)
        counts = [table[key] for key in keys]
        values = [_BINARY[one] for one in counts] if max(counts) < 256 else [f"{one:b}" for one in counts]
        high = "0".join([_ONES[gap >> width] if gap >> width < 256 else "1" * (gap >> width) for gap in gaps])
        low = "".join([f"{gap & (1 << width) - 1:0{width}b}" for gap in gaps]) if width else ""
        lengths = "0".join(["1" * (len(value) - 1) for value in values])
        digits = f"1{high}0{low}{lengths}0{''.join([value[1:] for value in values])}"
        self.number(width)
        self._body(int(digits, 2).to_bytes(-(-len(digits) // 8), "big"))

    def _body(self, body: bytes) -> None:
        self.number(len(body))
        self._bytes += body

    def body(self) -> bytes:
        """All that was written."""
        return bytes(self._bytes)

    def text(self) -> str:
        """All that was written, in base64."""
        return b64encode(self._bytes).decode()


class Unpacker:
    """Reads what a `Packer` wrote. Raises `msgspec.ValidationError` where that cannot be."""

    __slots__ = ("_at", "_bytes", "_words")

    def __init__(self, text: str) -> None:
        try:
            self._bytes = b64decode(text, validate=True)
        except ValueError as error:
            raise msgspec.ValidationError(f"a packed table is damaged: {error}") from error
        self._at = 0
        self._words: list[str] = []

    def number(self) -> int:
        """The next number."""
        value = shift = 0
        while True:
            if self._at >= len(self._bytes):
                raise msgspec.ValidationError("a packed table ends too early")
            byte = self._bytes[self._at]
            self._at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value >> 1 if not value & 1 else -(value >> 1) - 1
            shift += 7

    def numbers(self, count: int) -> list[int]:
        """So many numbers, as `Packer.numbers` wrote them."""
        mask = self.number()
        return [self.number() if mask >> place & 1 else 0 for place in range(count)]

    def name(self) -> str:
        """The next name."""
        length = self.number()
        if length == 0:
            return self._take(8).hex()
        try:
            return self._take(length - 1).decode("utf-8", "surrogatepass")
        except UnicodeDecodeError as error:
            raise msgspec.ValidationError(f"a packed name is damaged: {error}") from error

    def word(self) -> str:
        """The next string that may come again."""
        place = self.number()
        if place == len(self._words):
            self._words.append(self.name())
        if not 0 <= place < len(self._words):
            raise msgspec.ValidationError("a packed table names a word that it does not hold")
        return self._words[place]

    def bits(self) -> int:
        """The next bitmap."""
        count = self.number()
        if count >= FEW:
            return int.from_bytes(self._take(self.number()), "little")
        bitmap = place = 0
        for _ in range(count):
            place += self.number()
            if place < 0:
                raise msgspec.ValidationError("a packed bitmap runs backwards")
            bitmap |= 1 << place
        return bitmap

    def table(self) -> dict[int, int]:
        """The next table."""
        count = self.number()
        if count < FEW:
            pairs = [(self.number(), self.number()) for _ in range(count)]
            return dict(zip(_keys([gap for gap, _ in pairs]), (value for _, value in pairs), strict=True))
        width = self.number()
        digits = f"{int.from_bytes(self._take(self.number()), 'big'):b}"[1:]
        try:
            *high, rest = digits.split("0", count)
            if len(high) < count:
                raise ValueError("it ends too early")
            low, rest = rest[: count * width], rest[count * width :]
            *lengths, rest = rest.split("0", count)
            gaps = [len(run) << width for run in high]
            if width:
                gaps = [gap + int(low[at * width : at * width + width], 2) for at, gap in enumerate(gaps)]
            ends = list(accumulate(len(run) for run in lengths))
            values = [int(f"1{rest[end - len(run) : end]}", 2) for run, end in zip(lengths, ends, strict=True)]
            return dict(zip(_keys(gaps), values, strict=True))
        except ValueError as error:
            raise msgspec.ValidationError(f"a packed table is damaged: {error}") from error

    def _take(self, length: int) -> bytes:
        if not 0 <= length <= len(self._bytes) - self._at:
            raise msgspec.ValidationError("a packed table ends too early")
        self._at += length
        return self._bytes[self._at - length : self._at]


def _digits(name: str) -> bytes | None:
    """The bytes of 16 small hex digits; `None`: it is another string."""
    return _from_hex(name) if len(name) == 16 else None


def _from_hex(digits: str) -> bytes | None:
    try:
        packed = bytes.fromhex(digits)
    except ValueError:
        return None
    return packed if packed.hex() == digits else None


def _named(name: str) -> bytes:
    packed = _digits(name)
    if packed is not None:
        return b"\0" + packed
    body = name.encode("utf-8", "surrogatepass")
    length = Packer()
    length.number(len(body) + 1)
    return length.body() + body


def _keys(gaps: list[int]) -> list[int]:
    """Ascending keys from how many lie between one and the next."""
    return [reached + place for place, reached in enumerate(accumulate(gaps))]


def _places(bitmap: int) -> list[int]:
    places = []
    while bitmap:
        lowest = bitmap & -bitmap
        places.append(lowest.bit_length() - 1)
        bitmap ^= lowest
    return places
