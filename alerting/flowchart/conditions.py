"""Conditions: what a question asks of the facts, in CEL, type-checked when the chart is loaded.

The one module that knows the CEL library. Every number a condition sees is a double and every whole number written in
it becomes one, so that `volume_ratio > 3`, `mentions > 2.5` and `mentions * negative_share > 30` just work: CEL itself
refuses to compare an int with a double, which nobody who owns a flowchart should have to know. `and` and `or` are
read as `&&` and `||`.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from cel_expr_python import cel

from alerting.facts import FACT_HELP, Facts, as_conditions_see
from alerting.flowchart.margins import comparison, figures
from alerting.flowchart.tokens import (
    EQUAL,
    KEYED,
    ORDER,
    ConditionProblem,
    Token,
    comparisons,
    has_key,
    keys_asked,
    plain_number,
    refuse_order_of_severities,
    text_at,
    tokens_of,
    words_asked,
)
from stream.strict_yaml import did_you_mean, unknown

__all__ = ["KEYED", "Condition", "ConditionFailed", "ConditionProblem", "Token"]

MAX_LENGTH = 1000

_FUNCTIONS = (
    *("size", "all", "exists", "exists_one", "filter", "map"),
    *("contains", "startsWith", "endsWith", "matches", "double", "string"),
)


class ConditionFailed(RuntimeError):  # noqa: N818 - it is the condition that failed, not we
    """A condition that has no answer for these facts. Never taken for a no."""


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
        self._tokens = tokens_of(text)
        refuse_order_of_severities(self._tokens)
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
        simple = comparison(self._tokens) is not None
        return self.figures(facts) if simple else f"{self.figures(facts)}: {'holds' if holds else 'does not hold'}"

    def figures(self, facts: Facts) -> str:
        """The condition with the figures it was asked of: `margin` without the outcome."""
        seen = as_conditions_see(facts)
        return figures(self._tokens, self.text, seen)

    def words_asked(self) -> list[tuple[str, str, int]]:
        """Each fact compared with a written word: the fact, the word, the word's offset in the text.

        >>> Condition('severity in ["high", "critical"] && "virality" in signals').words_asked()
        [('severity', 'high', 13), ('severity', 'critical', 21), ('signals', 'virality', 36)]
        """
        return words_asked(self._tokens)

    def keys_asked(self) -> list[tuple[str, str, str, int]]:
        """Each entry asked of `answers` or `on_call`: the fact, the entry, the word it is compared with (or nothing),
        and the offset of what comes last.

        >>> Condition('answers["is_it_true"] == "yes" || on_call["legal"]').keys_asked()
        [('answers', 'is_it_true', '', 8), ('answers', 'is_it_true', 'yes', 25), ('on_call', 'legal', '', 42)]
        """
        return keys_asked(self._tokens)

    def comparisons(self) -> list[tuple[str, str]] | None:
        """The facts it looks at, each with a value it is compared with, where it is made of nothing but simple
        comparisons joined by and, or, not; `None` where there is more to it.

        >>> Condition('z > 3 && (severity == "high" || negative_share > 40%)').comparisons()
        [('z', '3'), ('severity', 'high'), ('negative_share', '0.4')]
        >>> Condition("mentions * negative_share > 30").comparisons() is None
        True
        """
        return comparisons(self._tokens)


def _refuse_what_may_have_no_answer(tokens: Sequence[Token]) -> None:
    """An entry of a list that may be shorter; a pattern that is none. CEL would find out only when it is asked."""
    for i, token in enumerate(tokens):
        before = tokens[i - 1] if i else token
        if token.text in KEYED and not has_key(tokens, i):
            example = f'{token.text}["is_it_true"] == "yes"' if token.text == "answers" else f'{token.text}["legal"]'
            raise ConditionProblem(f"`{token.text}` is asked for one of its entries, as in {example}", token.at)
        if before.text in KEYED:
            continue
        if token.text == "[" and ((before.kind == "name" and before.text != "in") or before.text in (")", "]")):
            said = 'a list may be empty, so it has no entry for certain; ask it with `in`, as in "outage" in issues'
            raise ConditionProblem(said, token.at)
        if token.kind == "text" and before.text == "(" and text_at(tokens, i - 2) == "matches":
            try:
                good = _environment().compile(f'"".matches({token.text})').eval(data={}).value()
            except RuntimeError:
                good = None
            if good is not True and good is not False:
                raise ConditionProblem(f"{token.text} is not a regular expression (RE2)", token.at)


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
        return plain_number(token)
    if token.kind == "number" and token.text.isdigit():
        return f"{token.text}.0"
    if token.kind == "name" and token.text == "size" and text_at(tokens, index + 1) == "(":
        return _SIZE
    return {"and": "&&", "or": "||"}.get(token.text, token.text) if token.kind == "name" else token.text


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
    if text_at(tokens, at + 1) == "(":
        return ConditionProblem(unknown(name, _FUNCTIONS, "as a function"), tokens[at].at)
    if name not in FACT_HELP and text_at(tokens, at - 1) in EQUAL and not did_you_mean(name, tuple(FACT_HELP)):
        return ConditionProblem(f'`{name}` is not a fact; if it is a word, put it in quotes: "{name}"', tokens[at].at)
    return ConditionProblem(unknown(name, tuple(FACT_HELP), "as a fact"), tokens[at].at)


def _mismatch(function: str, arguments: str) -> str:
    kinds = [_kind_in_words(kind.strip()) for kind in arguments.split(", ")]
    sign = function.strip("_@")
    if sign in ("&&", "||"):
        wrong = next((kind for kind in kinds if kind != "true or false"), "")
        return f"`{sign}` joins two conditions, and one of them is {wrong}; {_EXAMPLE}"
    if sign in (*ORDER, *EQUAL) and len(kinds) == 2:
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
    for word in (token.text if token else "", text_at(tokens, at - 1)):
        if word in cures:
            return ConditionProblem(f"`{word}` is not understood here; {cures[word]}", token.at if token else offset)
    shown = token.text if token else "the end"
    return ConditionProblem(f"`{shown}` is not understood here; {_EXAMPLE}", offset)
