"""The words of a condition, before CEL reads them: what it asks of which fact, and at which character."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from alerting.facts import FACT_HELP, SEVERITIES, Facts, as_conditions_see

_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<text>[rR]?(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'))
    |(?P<share>\d+(?:\.\d+)?[ ]?%)
    |(?P<times>\d+(?:\.\d+)?[xX×](?!\w))
    |(?P<number>0[xX][0-9a-fA-F]+[uU]?|(?:\d+\.\d+|\.\d+|\d+)(?:[eE][-+]?\d+)?[uU]?)
    |(?P<name>[A-Za-z_]\w*)
    |(?P<sign>&&|\|\||==|!=|<=|>=|.)""",
    re.VERBOSE | re.DOTALL,
)
KEYED: dict[str, str | bool] = {"answers": "", "on_call": False}
"""Facts that are asked for one of their entries, and what an entry is that they do not have."""
ORDER = ("<", "<=", ">", ">=")
EQUAL = ("==", "!=")
NUMBERS = ("number", "share", "times")


class ConditionProblem(ValueError):  # noqa: N818 - a problem of the person who wrote it, in the words they read
    """What is wrong with a condition, and at which character (from 0) of its text."""

    def __init__(self, message: str, offset: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


class Token(NamedTuple):
    """A piece of a condition's text and where it begins."""

    kind: str
    text: str
    at: int


def words_asked(tokens: Sequence[Token]) -> list[tuple[str, str, int]]:
    """Each fact compared with a written word: see `Condition.words_asked`."""
    found: list[tuple[str, str, int]] = []
    for i, token in enumerate(tokens):
        if token.kind == "text":
            name = _asked_of(tokens, i)
            if name in FACT_HELP:
                found.append((name, unquoted(token), token.at))
    return found


def keys_asked(tokens: Sequence[Token]) -> list[tuple[str, str, str, int]]:
    """Each entry asked of a fact that has entries: see `Condition.keys_asked`."""
    found: list[tuple[str, str, str, int]] = []
    for i, token in enumerate(tokens):
        if token.text not in KEYED or text_at(tokens, i + 1) != "[" or text_at(tokens, i + 3) != "]":
            continue
        key = unquoted(tokens[i + 2])
        found.append((token.text, key, "", tokens[i + 2].at))
        sign = text_at(tokens, i + 4)
        later = [tokens[i + 5]] if sign in EQUAL and i + 5 < len(tokens) else []
        if sign == "in" and text_at(tokens, i + 5) == "[":
            end = next((k for k in range(i + 6, len(tokens)) if tokens[k].text == "]"), len(tokens))
            later = list(tokens[i + 6 : end])
        before = [tokens[i - 2]] if i >= 2 and text_at(tokens, i - 1) in EQUAL else []
        words = [word for word in (*before, *later) if word.kind == "text"]
        found += [(token.text, key, unquoted(word), word.at) for word in words]
    return found


def comparisons(tokens: Sequence[Token]) -> list[tuple[str, str]] | None:
    """Facts and the values they are compared with, or `None`: see `Condition.comparisons`."""
    spoken = {at: (name, word) for name, word, at in words_asked(tokens)}
    found: list[tuple[str, str]] = []
    for i, token in enumerate(tokens):
        pair: tuple[str, str] | None = ("", "")  # nothing of its own to say
        if token.kind == "name":
            pair = _alone(token.text)
        elif token.kind in NUMBERS:
            pair = _beside_number(tokens, i)
        elif token.kind == "text":
            pair = spoken.get(token.at)
        elif token.text not in _SIMPLE_SIGNS:
            pair = None
        if pair is None:
            return None
        found += [pair] if pair[0] else []
    return found if _no_two_facts_compared(tokens) else None


_SIMPLE_SIGNS = ("(", ")", "[", "]", ",", "!", "&&", "||", *ORDER, *EQUAL)


def _alone(name: str) -> tuple[str, str] | None:
    """What a name says by itself: a fact that is true or false; nothing where it is compared; `None` for a list."""
    value = as_conditions_see(Facts()).get(name)
    if isinstance(value, bool):
        return name, "true"
    known = isinstance(value, int | float | str) or name in ("true", "false", "and", "or", "in")
    return ("", "") if known else None


def _beside_number(tokens: Sequence[Token], i: int) -> tuple[str, str] | None:
    """The number at `i` and the fact it is compared with, if that is all there is to it."""
    signs = (*ORDER, *EQUAL)
    sides = [k for k in (i - 1, i + 1) if text_at(tokens, k) in signs]
    if len(sides) != 1:
        return None
    name = text_at(tokens, sides[0] + (sides[0] - i))
    if type(as_conditions_see(Facts()).get(name)) not in (int, float):
        return None
    return name, tokens[i].text if tokens[i].kind == "number" else f"{float(plain_number(tokens[i])):g}"


def _no_two_facts_compared(tokens: Sequence[Token]) -> bool:
    return not any(
        token.text in (*ORDER, *EQUAL)
        and 0 < i < len(tokens) - 1
        and tokens[i - 1].text in FACT_HELP
        and tokens[i + 1].text in FACT_HELP
        for i, token in enumerate(tokens)
    )


def unquoted(token: Token) -> str:
    """A written word without its quotes."""
    return token.text.lstrip("rR")[1:-1]


def tokens_of(text: str) -> list[Token]:
    """The pieces of a condition, blanks left out."""
    kinds = ((match.lastgroup or "", match) for match in _TOKEN.finditer(text))
    return [Token(kind, match.group(), match.start()) for kind, match in kinds if kind != "space"]


def text_at(tokens: Sequence[Token], index: int) -> str:
    """The text of the token at `index`, or nothing beyond the ends."""
    return tokens[index].text if 0 <= index < len(tokens) else ""


def _asked_of(tokens: Sequence[Token], index: int) -> str:
    """The name that the text at `index` is compared with, or nothing."""
    after, before = text_at(tokens, index + 1), text_at(tokens, index - 1)
    if after in (*EQUAL, "in"):
        return text_at(tokens, index + 2)
    if before in EQUAL:
        return text_at(tokens, index - 2)
    start = index
    while start >= 0 and (tokens[start].kind == "text" or tokens[start].text == ","):
        start -= 1
    listed = text_at(tokens, start) == "[" and text_at(tokens, start - 1) == "in"
    return text_at(tokens, start - 2) if listed else ""


def refuse_order_of_severities(tokens: Sequence[Token]) -> None:
    """`severity >= "high"` would compare letters; say what to write."""
    for i, token in enumerate(tokens):
        sign, word = text_at(tokens, i + 1), text_at(tokens, i + 2).strip("\"'")
        if token.text == "severity" and sign in ORDER and word in SEVERITIES:
            place = SEVERITIES.index(word)
            meant = {
                "<": SEVERITIES[:place],
                "<=": SEVERITIES[: place + 1],
                ">": SEVERITIES[place + 1 :],
                ">=": SEVERITIES[place:],
            }[sign]
            listed = ", ".join(f'"{severity}"' for severity in meant)
            raise ConditionProblem(
                f"severities are words and have no order here; write severity in [{listed}]", token.at
            )


def has_key(tokens: Sequence[Token], index: int) -> bool:
    """Whether the name at `index` is asked for an entry by a written word."""
    return (
        text_at(tokens, index + 1) == "["
        and index + 2 < len(tokens)
        and tokens[index + 2].kind == "text"
        and text_at(tokens, index + 3) == "]"
    )


def plain_number(token: Token) -> str:
    """`40%` as 0.4 and `3x` as 3.0, by moving the point: the same double as whoever writes 0.4 gets."""
    digits = token.text.rstrip("%xX× ")
    if token.kind == "times":
        return digits if "." in digits else f"{digits}.0"
    whole, _, rest = digits.partition(".")
    whole = whole.zfill(3)
    return f"{whole[:-2]}.{whole[-2:]}{rest}"
