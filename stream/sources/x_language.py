"""Expressions in the language of X's rules: how they are joined, said, and cut into pieces that fit. Pure.

Source: docs.x.com, "Build a rule" of the filtered stream.
"""

from collections.abc import Iterable
from typing import NamedTuple


class Unsayable(ValueError):  # noqa: N818
    """A query for which X has no words; the text says why."""


class Said(NamedTuple):
    """One operator of X's."""

    words: str
    alone: bool = True
    """Whether X takes it without another beside it."""


class All(NamedTuple):
    """Every one of these, and none of `but` (operators with their dash)."""

    parts: "tuple[Expression, ...]"
    but: tuple[str, ...] = ()


class OneOf(NamedTuple):
    """At least one of these."""

    parts: "tuple[Expression, ...]"


Expression = Said | All | OneOf
EVERYTHING = All(())
"""What cannot be said: it excludes nothing."""
NOTHING = OneOf(())
"""What no post of this source can be."""


def stands_alone(expression: Expression) -> bool:
    """Whether X takes it as a rule: each way to match must hold an operator that can stand alone."""
    if isinstance(expression, Said):
        return expression.alone
    if isinstance(expression, All):
        return any(map(stands_alone, expression.parts))
    return bool(expression.parts) and all(map(stands_alone, expression.parts))


def spoken(expression: Expression) -> str:
    """The expression in X's language.

    >>> spoken(All((OneOf((Said("a"), Said("b"))), Said("c")), ("-d",)))
    '(a OR b) c -d'
    """
    if isinstance(expression, Said):
        return expression.words
    if isinstance(expression, All):
        parts = [f"({spoken(part)})" if isinstance(part, OneOf) else spoken(part) for part in expression.parts]
        return " ".join([*parts, *expression.but])
    return " OR ".join(f"({spoken(part)})" if isinstance(part, All) else spoken(part) for part in expression.parts)


def all_of(parts: Iterable[Expression], but: tuple[str, ...] = ()) -> Expression:
    """All of these at once, and none of `but`."""
    flat: list[Expression] = []
    for part in parts:
        if part == NOTHING:
            return NOTHING
        if isinstance(part, All):
            flat += part.parts
            but += part.but
        else:
            flat.append(part)
    # An operator with a dash says nothing where nothing else is said.
    if not flat:
        return EVERYTHING
    return flat[0] if len(flat) == 1 and not but else All(tuple(flat), tuple(dict.fromkeys(but)))


def one_of(parts: Iterable[Expression]) -> Expression:
    """At least one of these."""
    flat: list[Expression] = []
    for part in parts:
        if part == EVERYTHING:
            return EVERYTHING
        flat += part.parts if isinstance(part, OneOf) else (part,)
    flat = list(dict.fromkeys(flat))
    return flat[0] if len(flat) == 1 else OneOf(tuple(flat))


def excludes(expression: Expression) -> bool:
    """Whether something must not be there."""
    if isinstance(expression, Said):
        return False
    return bool(isinstance(expression, All) and expression.but) or any(map(excludes, expression.parts))


def let_in(expression: Expression) -> Expression:
    """The same without what it excludes."""
    if isinstance(expression, Said):
        return expression
    parts = tuple(map(let_in, expression.parts))
    return all_of(parts) if isinstance(expression, All) else one_of(parts)


def pieces(expression: Expression, room: int, most: int) -> list[Expression]:
    """Expressions that fit into a rule each and together match what one matches. Raises `Unsayable`."""
    done: list[Expression] = []
    waiting = [expression]
    while waiting:
        one = waiting.pop()
        if len(spoken(one)) <= room:
            done.append(one)
        else:
            waiting += reversed(_halves(one))
        if len(done) + len(waiting) > most:
            raise Unsayable(f"it needs more than the {most} rules that X takes")
    return done


def _halves(expression: Expression) -> list[Expression]:
    if isinstance(expression, OneOf):
        middle = len(expression.parts) // 2
        return [one_of(expression.parts[:middle]), one_of(expression.parts[middle:])]
    if isinstance(expression, All):
        choices = [part for part in expression.parts if isinstance(part, OneOf)]
        if choices:
            longest = max(choices, key=lambda part: len(spoken(part)))
            rest = tuple(part for part in expression.parts if part is not longest)
            return [all_of((*rest, half), expression.but) for half in _halves(longest)]
        if expression.but:
            return [all_of(expression.parts, expression.but[:-1])]
        for part in sorted(expression.parts, key=lambda part: -len(spoken(part))):
            rest = tuple(other for other in expression.parts if other is not part)
            if rest and stands_alone(all_of(rest)):
                return [all_of(rest)]
    raise Unsayable("a part of it is longer than a rule of X may be")
