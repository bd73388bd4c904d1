"""JSON objects that follow each other on an endless connection, with or without anything in between.

Whether an object is whole is told by its brackets, so that what is in it may be broken without costing its neighbours.
An object that was cut is given up where the next one begins. What is held at any time is bounded.
"""

import re
from typing import NamedTuple

LARGEST_BYTES = 4 << 20
KEPT_BYTES = 64 << 10
"""Of what is given up."""

_IN_TEXT = re.compile(rb'\\|"')
_OUTSIDE = re.compile(rb'["{}]')
_NOT_BLANK = re.compile(rb"[^\s,]")


class Piece(NamedTuple):
    """One object, or what was between two."""

    body: bytes
    whole: bool


class Chunks:
    """Cuts a stream of bytes into objects. `mark` is how each of them begins: a look-out for the next one.

    >>> chunks = Chunks(b'"n"')
    >>> [piece.body for piece in chunks.feed(b'{"n": 1}{"n": 2, "t": "}')]
    [b'{"n": 1}']
    >>> [(piece.body, piece.whole) for piece in chunks.feed(b'{"}  {"n": [3{"n": 4}')]
    [(b'{"n": 2, "t": "}{"}', True), (b'{"n": [3', False), (b'{"n": 4}', True)]
    """

    def __init__(self, mark: bytes, largest: int = LARGEST_BYTES) -> None:
        self._mark = re.compile(rb"\{\s{0,32}" + re.escape(mark))
        self._largest = largest
        self._held = bytearray()
        self._at = 0
        self._depth = 0
        self._in_text = False
        self._sought = 1
        self._lost = False
        """Whether what comes is skipped until the next beginning."""

    def feed(self, piece: bytes) -> list[Piece]:
        """What is whole now, and what was given up, in order."""
        self._held += piece
        found: list[Piece] = []
        while True:
            if self._lost and not self._found_again():
                return found
            self._scan(found)
            if not self._held:
                return found
            begins = self._mark.search(self._held, self._sought)
            if begins is not None:
                self._give_up(found, begins.start())
            elif len(self._held) > self._largest:
                self._give_up(found, len(self._held))
                self._lost = True
                return found
            else:
                self._sought = max(1, len(self._held) - 64)
                return found

    def _scan(self, found: list[Piece]) -> None:
        held = self._held
        while self._at < len(held):
            if self._depth == 0 and not self._to_beginning(found):
                return
            token = (_IN_TEXT if self._in_text else _OUTSIDE).search(held, self._at)
            if token is None:
                self._at = len(held)
                return
            sign, self._at = token[0], token.end()
            if sign == b"\\":
                if self._at == len(held):
                    self._at -= 1  # what it stands before is not here yet
                    return
                self._at += 1
            elif sign == b'"':
                self._in_text = not self._in_text
            elif sign == b"{":
                self._depth += 1
            elif sign == b"}":
                self._depth -= 1
                if self._depth == 0:
                    self._take(found)

    def _take(self, found: list[Piece]) -> None:
        """The brackets are even; yet with a quote that was cut off they may be so by chance, far into the next one."""
        begins = self._mark.search(self._held, 1, self._at)
        if begins is not None:
            self._give_up(found, begins.start())
        else:
            found.append(Piece(bytes(self._held[: self._at]), whole=True))
            self._drop(self._at)

    def _to_beginning(self, found: list[Piece]) -> bool:
        """Leave out what is before the next object; `False`: there is none yet."""
        start = self._held.find(b"{")
        if start != 0:
            between = bytes(self._held[:start] if start > 0 else self._held)
            if _NOT_BLANK.search(between):
                found.append(Piece(between[:KEPT_BYTES], whole=False))
            self._drop(len(between))
        return start >= 0

    def _give_up(self, found: list[Piece], end: int) -> None:
        found.append(Piece(bytes(self._held[: min(end, KEPT_BYTES)]), whole=False))
        self._drop(end)

    def _found_again(self) -> bool:
        begins = self._mark.search(self._held)
        if begins is None:
            del self._held[:-64]
            return False
        self._drop(begins.start())
        self._lost = False
        return True

    def _drop(self, end: int) -> None:
        del self._held[:end]
        self._at = self._depth = 0
        self._in_text = False
        self._sought = 1
