"""What a proof does not know of the facts: whether some facts give several conditions the answers wanted of them.

A proof takes both branches of a question whose facts it does not know. Two questions asked at one instant are asked of
the same facts, though: a chart that asks for more than 100 posts and then for more than 50 has three ways through, not
four. For conditions that only compare facts with written numbers and words the search below is exact, because between
two written numbers no answer changes. For the rest it tries plausible figures; what it does not find it calls unshown,
and never impossible.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from alerting.facts import FACT_HELP, Facts, as_conditions_see
from alerting.flowchart.conditions import Condition
from alerting.flowchart.model import Chart

_WRITTEN = re.compile(r"""[rR]?(?:"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)')""")
_NUMBER = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)(\s*%)?")
_NOT_PLAIN = re.compile(r"[-+*/]|%(?!\s*(?:$|[)&|<>=!?:,]))|\b(?!and\b|or\b|in\b)[A-Za-z_]\w*\s*\(|\[\s*[A-Za-z_]")
_TWO_FACTS = re.compile(r"([A-Za-z_]\w*)\s*(?:[<>=!]=|[<>]|\bin\b)\s*([A-Za-z_]\w*)")
_USUAL = (0, 1, 5, 10, 30, 60, 100, 300, 1000, 10_000)
MANY_WORDS = 6
MOST_TRIES = 20_000
"""Assignments tried for one set of questions before it is called unshown."""

SEEN = as_conditions_see(Facts())
_MILLI = tuple(name.removesuffix("_milli") for name in Facts.__struct_fields__ if name.endswith("_milli"))


class Asked(NamedTuple):
    """A condition and the answer that a path wants of it."""

    condition: Condition
    answer: bool


class Found(NamedTuple):
    """What the search came to."""

    facts: dict[str, object] | None
    """Facts under the names of conditions, or `None` where there are none."""
    certain: bool
    """Without facts: whether there are none at all, or only none were found."""


def is_plain(condition: Condition) -> bool:
    """Whether a condition only compares single facts with what is written, so that trying its borders is exact.

    >>> is_plain(Condition("mentions > 100 && 'outage' in issues")), is_plain(Condition("judged * 2 > mentions"))
    (True, False)
    """
    bare = _WRITTEN.sub('""', condition.text)
    pairs = [match.groups() for match in _TWO_FACTS.finditer(bare)]
    return not _NOT_PLAIN.search(bare) and not any(a in FACT_HELP and b in FACT_HELP for a, b in pairs)


def facts_for(asked: Sequence[Asked], known: Mapping[str, object], usual: Mapping[str, object]) -> Found:
    """Facts for which every condition has its answer. `known` is fixed; a fact keeps its `usual` value if it can.

    >>> wanted = [Asked(Condition("mentions > 100"), True), Asked(Condition("mentions > 500"), False)]
    >>> facts_for(wanted, {}, {"mentions": 0})
    Found(facts={'mentions': 101}, certain=True)
    """
    names = sorted({name for one in asked for name in one.condition.names if name not in known})
    conditions = [one.condition for one in asked]
    plain = all(is_plain(condition) for condition in conditions)
    choices = {name: _candidates(name, conditions, usual, plain=plain) for name in names}
    names.sort(key=lambda name: (len(choices[name]), name))
    tries = _Tries(asked, dict(known), names, choices)
    facts = tries.search(0)
    return Found(facts, facts is not None or (plain and tries.left > 0))


class _Tries:
    """Depth first, one fact after the other; a condition that is already answered wrongly ends a branch."""

    def __init__(
        self, asked: Sequence[Asked], known: dict[str, object], names: list[str], choices: dict[str, list[object]]
    ) -> None:
        self._asked, self._facts, self._names, self._choices = asked, known, names, choices
        self.left = MOST_TRIES

    def search(self, index: int) -> dict[str, object] | None:
        for condition, answer in self._asked:
            if condition.answer_from(self._facts) not in (None, answer):
                return None
        if index == len(self._names):
            return {name: self._facts[name] for name in self._names}
        name = self._names[index]
        for value in self._choices[name]:
            self.left -= 1
            if self.left <= 0:
                break
            self._facts[name] = value
            found = self.search(index + 1)
            if found is not None:
                return found
        self._facts.pop(name, None)
        return None


def _candidates(
    name: str, conditions: Iterable[Condition], usual: Mapping[str, object], *, plain: bool
) -> list[object]:
    """The values worth trying for a fact: its usual one first, then one on each side of everything written."""
    texts = [condition.text for condition in conditions if name in condition.names]
    sample = SEEN.get(name)
    values: list[object] = [usual[name]] if name in usual else []
    if isinstance(sample, bool):
        values += [False, True]
    elif isinstance(sample, int | float):
        values += _numbers(name, texts, plain=plain)
    elif isinstance(sample, list):
        values += _lists(_words(texts))
    else:
        values += ["", *_words(texts), "anything else"]
    return list({repr(value): value for value in values}.values())


def _numbers(name: str, texts: Sequence[str], *, plain: bool) -> Iterator[int | float]:
    written = [
        float(match.group(1)) / (100 if match.group(2) else 1)
        for text in texts
        for match in _NUMBER.finditer(_WRITTEN.sub('""', text))
    ]
    rough = [] if plain else [*_USUAL, *(2 * n for n in written), *(n / 2 for n in written)]
    for number in sorted({0, *written, *rough}):
        if name in _MILLI:
            milli = round(number * 1000)
            yield from (value / 1000 for value in (milli, milli + 1, milli - 1) if value >= 0)
        else:
            whole = int(number)
            yield from (value for value in (whole, whole + 1, whole - 1) if value >= 0)


def _words(texts: Sequence[str]) -> list[str]:
    return sorted({match.group(1) or match.group(2) or "" for text in texts for match in _WRITTEN.finditer(text)})


def _lists(words: Sequence[str]) -> Iterator[list[str]]:
    """Lists of words: every subset of a few, and of many at least the small ones."""
    most = len(words) if len(words) <= MANY_WORDS else 2
    for size in range(most + 1):
        for chosen in combinations(words, size):
            yield list(chosen)
    yield [*words, "other"]
    yield ["other"]


class Memory:
    """Answers of a chart's conditions, each worked out once."""

    def __init__(self, chart: Chart) -> None:
        self._chart = chart
        self._answers: dict[tuple[str, str], bool | None] = {}
        self._possible: dict[tuple[tuple[tuple[str, str, bool], ...], str], bool] = {}

    def answer(self, condition: Condition, known: Mapping[str, object]) -> bool | None:
        """A condition's answer from what is known. Raises `ConditionFailed` as the condition does."""
        key = (condition.text, repr([known.get(name) for name in condition.names]))
        if key not in self._answers:
            self._answers[key] = condition.answer_from(known)
        return self._answers[key]

    def can_be(self, known: Mapping[str, object], demands: tuple[tuple[str, str, bool], ...]) -> bool:
        """Whether some facts give all these answers, as far as can be told: what is not shown impossible can be."""
        asked = self.asked(demands)
        names = {name for one in asked for name in one.condition.names}
        key = (demands, repr([known.get(name) for name in sorted(names)]))
        if key not in self._possible:
            found = facts_for(asked, known, SEEN)
            self._possible[key] = found.facts is not None or not found.certain
        return self._possible[key]

    def asked(self, demands: Iterable[tuple[str, str, bool]]) -> list[Asked]:
        """Conditions in place of their names."""
        return [Asked(self._chart.conditions[node, key], answer) for node, key, answer in demands]
