"""What a rule of X's filtered stream matches: a small reading of its language, as its documentation has it.

Words are tokens of the text, accents and all; a phrase is tokens in a row; `#` and `@` are hashtags and mentions; what
a quoting post quotes is matched too. `OR` binds last, a dash negates one operator.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_TOKEN = re.compile(r'\(|\)|-?(?:[a-z_]+:)?"[^"]*"|[^\s()]+')
_WORD = re.compile(r"[^\W_]+")
_CONJUNCTION_ONLY = ("is:", "has:", "lang:", "sample:")


class RuleError(ValueError):
    """X would refuse it (422)."""


def matches(rule: str, post: Mapping[str, Any], user: str, quoted: Mapping[str, Any] | None = None) -> bool:
    """Whether a post, by the account of that name, is brought by a rule."""
    return _Reading(rule, post, user, quoted).whole()


def check(rule: str, longest: int = 1_024) -> None:
    """Raise `RuleError` as X refuses a rule."""
    if len(rule) > longest:
        raise RuleError("Rules must be no more than 1024 characters")
    reading = _Reading(rule, {"text": ""}, "", None)
    reading.whole()
    if not reading.standalone:
        raise RuleError("Rules must contain a standalone operator in each part")


class _Reading:
    def __init__(self, rule: str, post: Mapping[str, Any], user: str, quoted: Mapping[str, Any] | None) -> None:
        self._tokens = _TOKEN.findall(rule)
        self._at = 0
        self._post = post
        self._user = user.lower()
        self._texts = [str(one["text"]).lower() for one in (post, quoted) if one]
        self._is_quote = quoted is not None
        self.standalone = False

    def whole(self) -> bool:
        found, self.standalone = self._or()
        if self._at != len(self._tokens):
            raise RuleError("unbalanced parentheses")
        return found

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _or(self) -> tuple[bool, bool]:
        found, alone = self._and()
        while self._peek() == "OR":
            self._at += 1
            more, other = self._and()
            found, alone = found or more, alone and other
        return found, alone

    def _and(self) -> tuple[bool, bool]:
        found, alone, count = True, False, 0
        while self._peek() not in ("", ")", "OR"):
            more, other = self._one()
            found, alone, count = found and more, alone or other, count + 1
        if not count:
            raise RuleError("an operator is missing")
        return found, alone

    def _one(self) -> tuple[bool, bool]:
        token = self._peek()
        self._at += 1
        if token == "(":
            inner = self._or()
            if self._peek() != ")":
                raise RuleError("unbalanced parentheses")
            self._at += 1
            return inner
        if token.startswith("-") and len(token) > 1:
            return not self._holds(token[1:].lower()), False
        return self._holds(token.lower()), not token.startswith(_CONJUNCTION_ONLY)

    def _holds(self, operator: str) -> bool:
        name, colon, value = operator.partition(":")
        if colon and name.isalpha() and not operator.startswith('"'):
            return self._field(name, value.strip('"'))
        if operator.startswith('"'):
            wanted = _WORD.findall(operator)
            return any(_in_a_row(wanted, _WORD.findall(text)) for text in self._texts)
        if operator[0] in "#@":
            return any(operator in _entities(text, operator[0]) for text in self._texts)
        if not _WORD.search(operator):
            return any(operator in text for text in self._texts)
        return any(operator in _WORD.findall(text) for text in self._texts)

    def _field(self, name: str, value: str) -> bool:
        if name == "from":
            return self._user == value
        if name == "lang":
            return str(self._post.get("lang", "")) == value
        if name == "is":
            return self._is_quote if value == "quote" else bool(self._post.get("is_repost"))
        if name == "url":
            return any(_in_a_row(_WORD.findall(value), _WORD.findall(text)) for text in self._texts)
        raise RuleError(f"no operator {name}:")


def _entities(text: str, sign: str) -> Iterator[str]:
    return (found.group() for found in re.finditer(rf"{sign}\w+", text))


def _in_a_row(wanted: list[str], words: list[str]) -> bool:
    size = len(wanted)
    return any(words[start : start + size] == wanted for start in range(len(words) - size + 1))
