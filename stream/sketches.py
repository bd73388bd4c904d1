"""Mergeable counts of distinct things, in integers.

Two sizes of the same idea (a keyed hash per voice, so a sketch names nobody, DESIGN M1):

- `Registers`: HyperLogLog with 1,024 registers, sparse, for a brand's minute (about 3 % off).
  Source: Flajolet et al. 2007, *HyperLogLog*, AofA, p. 127-146; small range by linear counting.
- a *bitmap* of 512 bits in a plain integer, for one thread or one cluster: exact enough up to some 2,000.
  Source: Whang et al. 1990, *A linear-time probabilistic counting algorithm*, ACM TODS 15(2), p. 208-229.
"""

import math
from collections.abc import Sequence

import numpy as np

REGISTERS = 1024
_INDEX_BITS = 10
_ALPHA = 0.7213 / (1 + 1.079 / REGISTERS)
_HIGHEST = 64
_WEIGHT = [2.0**-rank for rank in range(66)]
_SHARES = [2 ** (_HIGHEST - rank) if rank <= _HIGHEST else 0 for rank in range(256)]
"""The same in whole units of 2**-64, which add up without rounding."""
_ENOUGH_EMPTY = 300
"""So many empty registers alone keep the harmonic estimate below 2.5 * REGISTERS: linear counting decides."""

_BY_EMPTY = [0, *(round(REGISTERS * math.log(REGISTERS / empty)) for empty in range(1, REGISTERS + 1))]
"""Linear counting asks for nothing but the empty registers, so all answers are known beforehand. Of none: unused."""

BITMAP_BITS = 512
_FULL = 3200

Registers = dict[int, int]


def add_to_registers(registers: Registers, hashed: int) -> None:
    """Count the voice with this 64-bit keyed hash.

    >>> r: Registers = {}
    >>> for i in range(3): add_to_registers(r, i * 0x9E3779B97F4A7C15 % 2**64)
    >>> distinct(r)
    3
    """
    index = hashed & (REGISTERS - 1)
    rest = hashed >> _INDEX_BITS
    rank = (rest & -rest).bit_length() if rest else 64 - _INDEX_BITS + 1
    if rank > registers.get(index, 0):
        registers[index] = rank


def merge_registers(into: Registers, other: Registers) -> None:
    """Union: the greater rank of each register."""
    if not into:
        into.update(other)  # a copy in C: most unions begin with nothing
        return
    for index, rank in other.items():
        if rank > into.get(index, 0):
            into[index] = rank


def distinct(registers: Registers) -> int:
    """How many distinct voices were added, as a whole number."""
    empty = REGISTERS - len(registers)
    if empty >= _ENOUGH_EMPTY:
        return _BY_EMPTY[empty]
    # `fsum` rounds once, at its end: unlike a plain sum it does not depend on the order (DESIGN rule 6).
    return _harmonic(empty, math.fsum(map(_WEIGHT.__getitem__, registers.values())))


def _harmonic(empty: int, filled: float) -> int:
    """The estimate of many, from the empty registers and the weights of the others."""
    harmonic = empty + filled
    estimate = _ALPHA * REGISTERS * REGISTERS / harmonic
    if estimate <= 2.5 * REGISTERS and empty:
        estimate = REGISTERS * math.log(REGISTERS / empty)
    return round(estimate)


def dense(registers: Registers) -> bytes:
    """All registers, one byte each: the form in which `Union` takes many at once."""
    row = bytearray(REGISTERS)
    for index, rank in registers.items():
        row[index] = rank
    return bytes(row)


class Union:
    """The union of the registers of many minutes, and its estimate at any moment.

    >>> union = Union([dense({3: 1, 5: 4})])
    >>> union.add({5: 2, 9: 1})
    >>> union.distinct == distinct({3: 1, 5: 4, 9: 1})
    True
    """

    __slots__ = ("_empty", "_filled", "_ranks")

    def __init__(self, rows: Sequence[bytes] = ()) -> None:
        if not rows:
            self._ranks, self._empty, self._filled = bytearray(REGISTERS), REGISTERS, 0
            return
        greatest = np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), REGISTERS).max(axis=0)
        by_rank: list[int] = np.bincount(greatest).tolist()
        self._ranks = bytearray(greatest.tobytes())
        self._empty = by_rank[0]
        self._filled = sum(count * _SHARES[rank] for rank, count in enumerate(by_rank) if rank and count)

    def add(self, registers: Registers) -> None:
        """The greater rank of each register."""
        ranks = self._ranks
        for index, rank in registers.items():
            before = ranks[index]
            if rank > before:
                ranks[index] = rank
                self._filled += _SHARES[rank]
                if before:
                    self._filled -= _SHARES[before]
                else:
                    self._empty -= 1

    @property
    def distinct(self) -> int:
        """How many distinct voices it holds: what `distinct` says of the same registers."""
        if self._empty >= _ENOUGH_EMPTY:
            return _BY_EMPTY[self._empty]
        # A quotient of whole numbers is rounded once, as `fsum` is.
        return _harmonic(self._empty, self._filled / _SHARES[0])


def bit_of(hashed: int) -> int:
    """The bitmap that holds one voice."""
    return 1 << (hashed % BITMAP_BITS)


def distinct_bits(bitmap: int) -> int:
    """How many distinct voices a bitmap holds; a full one says 'at least 3,200'.

    >>> distinct_bits(bit_of(7) | bit_of(8) | bit_of(7))
    2
    """
    return _BY_BITS[bitmap.bit_count()]


# Only the number of bits counts, so all answers are known beforehand.
_BY_BITS = [round(BITMAP_BITS * math.log(BITMAP_BITS / empty)) for empty in range(BITMAP_BITS, 0, -1)] + [_FULL]
