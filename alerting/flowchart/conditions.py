"""Conditions: what a question asks of the facts, in CEL, type-checked when the chart is loaded.

The one module that knows the CEL library. Every number a condition sees is a double and every whole number written in
it becomes one, so that `volume_ratio > 3`, `mentions > 2.5` and `mentions * negative_share > 30` just work: CEL itself
refuses to compare an int with a double, which nobody who owns a flowchart should have to know. `and` and `or` are
read as `&&` and `||`.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from cel_expr_python import cel

from alerting.facts import FACT_HELP, SEVERITIES, Facts, as_conditions_see
from stream.strict_yaml import did_you_mean, unknown

MAX_LENGTH = 1000

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
_ORDER = ("<", "<=", ">", ">=")
_EQUAL = ("==", "!=")
_NUMBERS = ("number", "share", "times")
_FUNCTIONS = (
    *("size", "all", "exists", "exists_one", "filter", "map"),
    *("contains", "startsWith", "endsWith", "matches", "double", "string"),
)


class ConditionProblem(ValueError):  # noqa: N818 - a problem of the person who wrote it, in the words they read
    """What is wrong with a condition, and at which character (from 0) of its text."""

    def __init__(self, message: str, offset: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


class ConditionFailed(RuntimeError):  # noqa: N818 - it is the condition that failed, not we
    """A condition that has no answer for these facts. Never taken for a no."""


class Token(NamedTuple):
    """A piece of a condition's text and where it begins."""

    kind: str
    text: str
    at: int


class Condition:
    """One checked condition.

    >>> Condition("negative_share > 0.35 && voices >= 30").holds(Facts(negative_share_milli=410, voices=31))
    True

    Raises `ConditionProblem` when the text is no condition about the facts.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        if len(text) > MAX_LENGTH:
            raise ConditionProblem(f"the condition has {len(text)} characters; at most {MAX_LENGTH} are allowed")
        self._tokens = _tokens(text)
        _refuse_order_of_severities(self._tokens)
        _refuse_what_may_have_no_answer(self._tokens)
        self._keys = {name: tuple(key for fact, key, _, _ in self.keys_asked() if fact == name) for name in KEYED}
        source, offsets = _as_cel(self._tokens)
        self.names = tuple(dict.fromkeys(t.text for t in self._tokens if t.kind == "name" and t.text in FACT_HELP))
        self._expression = _compiled(source, offsets, self._tokens)
        try:
            self.holds(Facts())
        except ConditionFailed as failed:
            raise ConditionProblem(f"{failed}; it must have an answer whatever the facts, empty lists too") from None

    def holds(self, facts: Facts) -> bool:
        """Whether it is true of these facts.

        Raises `ConditionFailed` where CEL finds no answer (a failed conversion, too many iterations).
        """
        seen = as_conditions_see(facts)
        data = {name: self._given(name, seen[name]) for name in self.names}
        try:
            value = self._expression.eval(data=data).value()
        except RuntimeError as error:  # so CEL says that its budget is spent
            value = error
        if value is True or value is False:
            return bool(value)
        raise ConditionFailed(f"`{self.text[:200]}` has no answer: {str(value)[:120]}")

    def answer_from(self, known: Mapping[str, object]) -> bool | None:
        """Its answer where only some facts are known, under the names conditions use; `None`: it depends on the rest.

        >>> asked = Condition('severity == "high" && mentions > 100')
        >>> asked.answer_from({"severity": "low"}), asked.answer_from({"severity": "high"})
        (False, None)

        Raises `ConditionFailed` as `holds` does.
        """
        data = {name: self._given(name, known[name]) for name in self.names if name in known}
        try:
            value = self._expression.eval(data=data).value()
        except RuntimeError as error:
            value = error
        if value is True or value is False:
            return bool(value)
        if _UNKNOWN in str(value):
            return None
        raise ConditionFailed(f"`{self.text[:200]}` has no answer: {str(value)[:120]}")

    def _given(self, name: str, value: object) -> object:
        """A fact as CEL takes it. What nobody answered is "", and a role that nobody knows is not manned."""
        if name in KEYED and isinstance(value, dict):
            return {**dict.fromkeys(self._keys[name], KEYED[name]), **value}
        return _as_double(value)

    def margin(self, facts: Facts) -> str:
        """How it came out and by how much, in short.

        >>> Condition("negative_share > 0.35").margin(Facts(negative_share_milli=410))
        'negative_share 0.41 > 0.35 (+0.06)'
        >>> Condition('severity == "high" && mentions > 50').margin(Facts(mentions=12))
        'severity == "high" (severity is low) && mentions 12 > 50 (-38): does not hold'

        Raises `ConditionFailed` as `holds` does.
        """
        holds = self.holds(facts)
        simple = _comparison(self._tokens) is not None
        return self.figures(facts) if simple else f"{self.figures(facts)}: {'holds' if holds else 'does not hold'}"

    def figures(self, facts: Facts) -> str:
        """The condition with the figures it was asked of: `margin` without the outcome."""
        seen = as_conditions_see(facts)
        pieces = _pieces(self._tokens)
        return " ".join(piece if isinstance(piece, str) else _said(piece, self.text, seen) for piece in pieces)

    def words_asked(self) -> list[tuple[str, str, int]]:
        """Each fact compared with a written word: the fact, the word, the word's offset in the text.

        >>> Condition('severity in ["high", "critical"] && "virality" in signals').words_asked()
        [('severity', 'high', 13), ('severity', 'critical', 21), ('signals', 'virality', 36)]
        """
        found: list[tuple[str, str, int]] = []
        tokens = self._tokens
        for i, token in enumerate(tokens):
            if token.kind == "text":
                name = _asked_of(tokens, i)
                if name in FACT_HELP:
                    found.append((name, _unquoted(token), token.at))
        return found

    def keys_asked(self) -> list[tuple[str, str, str, int]]:
        """Each entry asked of `answers` or `on_call`: the fact, the entry, the word it is compared with (or nothing),
        and the offset of what comes last.

        >>> Condition('answers["is_it_true"] == "yes" || on_call["legal"]').keys_asked()
        [('answers', 'is_it_true', '', 8), ('answers', 'is_it_true', 'yes', 25), ('on_call', 'legal', '', 42)]
        """
        found: list[tuple[str, str, str, int]] = []
        tokens = self._tokens
        for i, token in enumerate(tokens):
            if token.text not in KEYED or _text_at(tokens, i + 1) != "[" or _text_at(tokens, i + 3) != "]":
                continue
            key = _unquoted(tokens[i + 2])
            found.append((token.text, key, "", tokens[i + 2].at))
            sign = _text_at(tokens, i + 4)
            later = [tokens[i + 5]] if sign in _EQUAL and i + 5 < len(tokens) else []
            if sign == "in" and _text_at(tokens, i + 5) == "[":
                end = next((k for k in range(i + 6, len(tokens)) if tokens[k].text == "]"), len(tokens))
                later = list(tokens[i + 6 : end])
            before = [tokens[i - 2]] if i >= 2 and _text_at(tokens, i - 1) in _EQUAL else []
            words = [word for word in (*before, *later) if word.kind == "text"]
            found += [(token.text, key, _unquoted(word), word.at) for word in words]
        return found

    def comparisons(self) -> list[tuple[str, str]] | None:
        """The facts it looks at, each with a value it is compared with, where it is made of nothing but simple
        comparisons joined by and, or, not; `None` where there is more to it.

        >>> Condition('z > 3 && (severity == "high" || negative_share > 40%)').comparisons()
        [('z', '3'), ('severity', 'high'), ('negative_share', '0.4')]
        >>> Condition("mentions * negative_share > 30").comparisons() is None
        True
        """
        return _comparisons(self._tokens, self.words_asked())


def _comparisons(tokens: Sequence[Token], words: Sequence[tuple[str, str, int]]) -> list[tuple[str, str]] | None:
    spoken = {at: (name, word) for name, word, at in words}
    found: list[tuple[str, str]] = []
    for i, token in enumerate(tokens):
        pair: tuple[str, str] | None = ("", "")  # nothing of its own to say
        if token.kind == "name":
            pair = _alone(token.text)
        elif token.kind in _NUMBERS:
            pair = _beside_number(tokens, i)
        elif token.kind == "text":
            pair = spoken.get(token.at)
        elif token.text not in _SIMPLE_SIGNS:
            pair = None
        if pair is None:
            return None
        found += [pair] if pair[0] else []
    return found if _no_two_facts_compared(tokens) else None


_SIMPLE_SIGNS = ("(", ")", "[", "]", ",", "!", "&&", "||", *_ORDER, *_EQUAL)


def _alone(name: str) -> tuple[str, str] | None:
    """What a name says by itself: a fact that is true or false; nothing where it is compared; `None` for a list."""
    value = as_conditions_see(Facts()).get(name)
    if isinstance(value, bool):
        return name, "true"
    known = isinstance(value, int | float | str) or name in ("true", "false", "and", "or", "in")
    return ("", "") if known else None


def _beside_number(tokens: Sequence[Token], i: int) -> tuple[str, str] | None:
    """The number at `i` and the fact it is compared with, if that is all there is to it."""
    signs = (*_ORDER, *_EQUAL)
    sides = [k for k in (i - 1, i + 1) if _text_at(tokens, k) in signs]
    if len(sides) != 1:
        return None
    name = _text_at(tokens, sides[0] + (sides[0] - i))
    if type(as_conditions_see(Facts()).get(name)) not in (int, float):
        return None
    return name, tokens[i].text if tokens[i].kind == "number" else f"{float(_plain_number(tokens[i])):g}"


def _no_two_facts_compared(tokens: Sequence[Token]) -> bool:
    return not any(
        token.text in (*_ORDER, *_EQUAL)
        and 0 < i < len(tokens) - 1
        and tokens[i - 1].text in FACT_HELP
        and tokens[i + 1].text in FACT_HELP
        for i, token in enumerate(tokens)
    )


def _unquoted(token: Token) -> str:
    return token.text.lstrip("rR")[1:-1]


def _tokens(text: str) -> list[Token]:
    kinds = ((match.lastgroup or "", match) for match in _TOKEN.finditer(text))
    return [Token(kind, match.group(), match.start()) for kind, match in kinds if kind != "space"]


def _text_at(tokens: Sequence[Token], index: int) -> str:
    return tokens[index].text if 0 <= index < len(tokens) else ""


def _asked_of(tokens: Sequence[Token], index: int) -> str:
    """The name that the text at `index` is compared with, or nothing."""
    after, before = _text_at(tokens, index + 1), _text_at(tokens, index - 1)
    if after in (*_EQUAL, "in"):
        return _text_at(tokens, index + 2)
    if before in _EQUAL:
        return _text_at(tokens, index - 2)
    start = index
    while start >= 0 and (tokens[start].kind == "text" or tokens[start].text == ","):
        start -= 1
    listed = _text_at(tokens, start) == "[" and _text_at(tokens, start - 1) == "in"
    return _text_at(tokens, start - 2) if listed else ""


def _refuse_order_of_severities(tokens: Sequence[Token]) -> None:
    """`severity >= "high"` would compare letters; say what to write."""
    for i, token in enumerate(tokens):
        sign, word = _text_at(tokens, i + 1), _text_at(tokens, i + 2).strip("\"'")
        if token.text == "severity" and sign in _ORDER and word in SEVERITIES:
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


def _refuse_what_may_have_no_answer(tokens: Sequence[Token]) -> None:
    """An entry of a list that may be shorter; a pattern that is none. CEL would find out only when it is asked."""
    for i, token in enumerate(tokens):
        before = tokens[i - 1] if i else token
        if token.text in KEYED and not _has_key(tokens, i):
            example = f'{token.text}["is_it_true"] == "yes"' if token.text == "answers" else f'{token.text}["legal"]'
            raise ConditionProblem(f"`{token.text}` is asked for one of its entries, as in {example}", token.at)
        if before.text in KEYED:
            continue
        if token.text == "[" and ((before.kind == "name" and before.text != "in") or before.text in (")", "]")):
            said = 'a list may be empty, so it has no entry for certain; ask it with `in`, as in "outage" in issues'
            raise ConditionProblem(said, token.at)
        if token.kind == "text" and before.text == "(" and _text_at(tokens, i - 2) == "matches":
            try:
                good = _environment().compile(f'"".matches({token.text})').eval(data={}).value()
            except RuntimeError:
                good = None
            if good is not True and good is not False:
                raise ConditionProblem(f"{token.text} is not a regular expression (RE2)", token.at)


def _has_key(tokens: Sequence[Token], index: int) -> bool:
    return (
        _text_at(tokens, index + 1) == "["
        and index + 2 < len(tokens)
        and tokens[index + 2].kind == "text"
        and _text_at(tokens, index + 3) == "]"
    )


def _as_cel(tokens: Sequence[Token]) -> tuple[str, list[int]]:
    """The text as CEL reads it, on one line, and for each of its characters the offset in what was written."""
    source, offsets = "", []
    for i, token in enumerate(tokens):
        written = _replacement(tokens, i)
        source += f"{written} "
        offsets += [token.at + min(k, max(len(token.text) - 1, 0)) for k in range(len(written))]
        offsets.append(token.at + len(token.text))
    return source, offsets


def _replacement(tokens: Sequence[Token], index: int) -> str:
    token = tokens[index]
    if token.kind in ("share", "times"):
        return _plain_number(token)
    if token.kind == "number" and token.text.isdigit():
        return f"{token.text}.0"
    if token.kind == "name" and token.text == "size" and _text_at(tokens, index + 1) == "(":
        return _SIZE
    return {"and": "&&", "or": "||"}.get(token.text, token.text) if token.kind == "name" else token.text


def _plain_number(token: Token) -> str:
    """`40%` as 0.4 and `3x` as 3.0, by moving the point: the same double as whoever writes 0.4 gets."""
    digits = token.text.rstrip("%xX× ")
    if token.kind == "times":
        return digits if "." in digits else f"{digits}.0"
    whole, _, rest = digits.partition(".")
    whole = whole.zfill(3)
    return f"{whole[:-2]}.{whole[-2:]}{rest}"


# --- the library ------------------------------------------------------------------------------------------------------

_UNKNOWN = "No value with name"
"""So CEL says that an answer hangs on a fact that it was not given."""

_SIZE = "size_as_double"
"""CEL's own `size` gives an int, which would not compare with our doubles."""


@cache
def _environment() -> Any:
    kinds = cel.Type
    types = {
        bool: kinds.BOOL,
        int: kinds.DOUBLE,
        float: kinds.DOUBLE,
        str: kinds.STRING,
        list: kinds.List(kinds.STRING),
    }
    keyed = {str: kinds.Map(kinds.STRING, kinds.STRING), bool: kinds.Map(kinds.STRING, kinds.BOOL)}
    variables = {
        name: keyed[type(KEYED[name])] if name in KEYED else types[type(value)]
        for name, value in as_conditions_see(Facts()).items()
    }
    overloads = [
        cel.Overload(f"{_SIZE}_{name}", kinds.DOUBLE, [kind], member, _length)
        for name, kind, member in (
            ("of_list", kinds.LIST, False),
            ("of_text", kinds.STRING, False),
            ("list", kinds.LIST, True),
            ("text", kinds.STRING, True),
        )
    ]
    sizes = cel.CelExtension("sizes", [cel.FunctionDecl(_SIZE, overloads)])
    return cel.NewEnv(variables=variables, extensions=[sizes])


def _length(value: Any) -> float:
    return float(len(value))


def _as_double(value: object) -> object:
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _compiled(source: str, offsets: Sequence[int], tokens: Sequence[Token]) -> Any:
    if not tokens:
        raise ConditionProblem(f"the condition is empty; {_EXAMPLE}")
    try:
        expression = _environment().compile(source)
    except RuntimeError as error:
        raise _explained(str(error), offsets, tokens) from None
    kind = expression.return_type()
    if kind != cel.Type.BOOL:
        raise ConditionProblem(
            f"this is {_kind_in_words(str(kind))}, not something true or false; {_EXAMPLE}", tokens[0].at
        )
    return expression


# --- its messages, in plain words -------------------------------------------------------------------------------------

_EXAMPLE = 'write a comparison, as in mentions > 100 or severity == "high"'
_WHERE = re.compile(r"<input>:(\d+):(\d+): (.*)")
_UNDECLARED = re.compile(r"undeclared reference to '([^']*)'")
_OVERLOAD = re.compile(r"found no matching overload for '([^']*)' applied to '\((.*)\)'")
_KINDS = {"double": "a number", "int": "a whole number", "string": "a text", "bool": "true or false"}
_KINDS |= {"list(string)": "a list of words", "list<string>": "a list of words", "null_type": "nothing"}


def _kind_in_words(kind: str) -> str:
    return _KINDS.get(kind.lower(), kind.lower())


def _explained(said: str, offsets: Sequence[int], tokens: Sequence[Token]) -> ConditionProblem:
    found = _WHERE.search(said)
    if found is None:
        deep = "recursion limit" in said
        return ConditionProblem("too many brackets within brackets; write it flatter" if deep else said[:200])
    column = int(found.group(2)) - 1
    offset = offsets[min(column, len(offsets) - 1)]
    token = next((t for t in tokens if t.at <= offset < t.at + len(t.text)), None)
    message = found.group(3).removesuffix(" [INVALID_ARGUMENT]")
    if undeclared := _UNDECLARED.match(message):
        return _unknown_name(undeclared.group(1), offset, tokens)
    if overload := _OVERLOAD.match(message):
        return ConditionProblem(_mismatch(overload.group(1), overload.group(2)), offset)
    if "Syntax error" in message:
        return _unreadable(message, offset, token, tokens)
    return ConditionProblem(message, offset)


def _unknown_name(name: str, offset: int, tokens: Sequence[Token]) -> ConditionProblem:
    # CEL points at the bracket of an unknown function, at the first letter of an unknown name
    at = next((i for i, t in enumerate(tokens) if t.text == name and t.at + len(name) >= offset), 0)
    if _text_at(tokens, at + 1) == "(":
        return ConditionProblem(unknown(name, _FUNCTIONS, "as a function"), tokens[at].at)
    if name not in FACT_HELP and _text_at(tokens, at - 1) in _EQUAL and not did_you_mean(name, tuple(FACT_HELP)):
        return ConditionProblem(f'`{name}` is not a fact; if it is a word, put it in quotes: "{name}"', tokens[at].at)
    return ConditionProblem(unknown(name, tuple(FACT_HELP), "as a fact"), tokens[at].at)


def _mismatch(function: str, arguments: str) -> str:
    kinds = [_kind_in_words(kind.strip()) for kind in arguments.split(", ")]
    sign = function.strip("_@")
    if sign in ("&&", "||"):
        wrong = next((kind for kind in kinds if kind != "true or false"), "")
        return f"`{sign}` joins two conditions, and one of them is {wrong}; {_EXAMPLE}"
    if sign in (*_ORDER, *_EQUAL) and len(kinds) == 2:
        return f"`{sign}` cannot compare {kinds[0]} with {kinds[1]}"
    if sign == "in":
        return f'`in` looks for a word in a list, as in "outage" in issues; here it is given {" and ".join(kinds)}'
    if sign == "contains":
        return 'a list is asked with `in`, as in "outage" in issues; `contains` looks into a text'
    if sign == "%":
        return "`%` stands behind a number, as in negative_share > 35%"
    return f"`{sign}` cannot be used with {' and '.join(kinds)}"


def _unreadable(message: str, offset: int, token: Token | None, tokens: Sequence[Token]) -> ConditionProblem:
    last = tokens[-1]
    if "<EOF>' expecting" in message and last.text != "%":
        return ConditionProblem(f"the condition ends too early: something must follow `{last.text}`", last.at)
    cures = {
        "=": "write == to compare",
        "&": "write && (or `and`)",
        "|": "write || (or `or`)",
        "not": "write ! for not, as in !(mentions > 10)",
        "is": "write == to compare",
        "AND": "write && (or `and`)",
        "OR": "write || (or `or`)",
        "%": "write a share as 35% or 0.35",
    }
    if "<EOF>' expecting" in message:
        token = last
    at = next((i for i, t in enumerate(tokens) if t is token), 0)
    for word in (token.text if token else "", _text_at(tokens, at - 1)):
        if word in cures:
            return ConditionProblem(f"`{word}` is not understood here; {cures[word]}", token.at if token else offset)
    shown = token.text if token else "the end"
    return ConditionProblem(f"`{shown}` is not understood here; {_EXAMPLE}", offset)


# --- margins ----------------------------------------------------------------------------------------------------------


def _pieces(tokens: Sequence[Token]) -> list[str | list[Token]]:
    """What the topmost `&&` and `||` join, with the signs between."""
    pieces: list[str | list[Token]] = []
    piece: list[Token] = []
    depth = 0
    for token in tokens:
        depth += (token.text in ("(", "[", "{")) - (token.text in (")", "]", "}"))
        if depth == 0 and token.text in ("&&", "||", "and", "or"):
            pieces += [piece, token.text]
            piece = []
        else:
            piece.append(token)
    return [*pieces, piece]


def _comparison(piece: Sequence[Token]) -> tuple[str, str, str] | None:
    """`name sign number`, if the piece is no more than that."""
    texts = [token.text for token in piece]
    if len(texts) == 4 and texts[2] == "-":
        texts[2:] = [f"-{texts[3]}"]
    if len(texts) != 3 or piece[-1].kind not in _NUMBERS or texts[0] not in FACT_HELP:
        return None
    if piece[-1].kind != "number":
        texts[2] = f"{'-' * texts[2].startswith('-')}{float(_plain_number(piece[-1])):g}"
    return (texts[0], texts[1], texts[2]) if texts[1] in (*_ORDER, *_EQUAL) else None


def _said(piece: Sequence[Token], text: str, seen: dict[str, object]) -> str:
    simple = _comparison(piece)
    if simple is not None:
        name, sign, limit = simple
        value = seen[name]
        if isinstance(value, int | float):
            return f"{name} {_number(value)} {sign} {limit} ({_signed(value - float(limit))})"
    written = " ".join(text[piece[0].at : piece[-1].at + len(piece[-1].text)].split())
    names = dict.fromkeys(token.text for token in piece if token.kind == "name" and token.text in FACT_HELP)
    known = ", ".join(f"{name} is {_value(seen[name])}" for name in names)
    return f"{written} ({known})" if known else written


def _number(value: float) -> str:
    """In milli-units at most, so that no tail of a double shows."""
    return f"{value:.3f}".rstrip("0").rstrip(".") if value else "0"


def _signed(difference: float) -> str:
    rounded = round(difference * 1000) / 1000
    return f"+{_number(rounded)}" if rounded >= 0 else _number(rounded)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, list):
        return f"[{', '.join(map(str, value[:8]))}]"
    if isinstance(value, dict):
        return ", ".join(f"{key} = {_value(value[key])}" for key in sorted(value)[:8]) or "empty"
    return str(value) or "empty"
