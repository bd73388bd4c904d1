"""Risk classes (what may have happened) and issue classes (what is complained about) of one text.

Declared words, no model: anybody can read in `stream.risk_terms` why a text was held to be about a fire. The
words say that a text speaks of such a thing, not that it happened.
"""

import functools

from ahocorasick_rs import AhoCorasick

from stream.query import Term
from stream.risk_terms import EXCEPTIONS, ISSUES, RISKS

RISK_CLASSES = (
    "arrest", "boycott", "children", "contamination", "data_breach", "death", "discrimination", "fire", "fraud",
    "harassment", "injury", "lawsuit", "recall", "strike",
)  # fmt: skip
ISSUE_CLASSES = ("campaign", "delivery", "outage", "price", "privacy", "safety", "service", "staff_conduct")

LANGUAGES = ("en", "nl")
"""Languages with lists of their own."""


def classes(normalised: str, lang: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The risk classes and the issue classes of a normalised text, each sorted.

    A language without a list is held against all lists: "boycott" and "salmonella" are said in many.

    >>> classes("they dragged a bleeding passenger off, i will sue. #boycottacme", "en")
    (('boycott', 'injury', 'lawsuit'), ('staff_conduct',))
    >>> classes("this song is killing it, absolute fire deal; i recall the striker", "en")
    ((), ())
    """
    return _lexicon(lang if lang in LANGUAGES else "").classes(normalised)


class _Lexicon:
    """The lists of some languages behind one Aho-Corasick automaton."""

    __slots__ = ("_automaton", "_terms")

    def __init__(self, languages: tuple[str, ...]) -> None:
        by_term: dict[Term, list[tuple[str, str]]] = {}
        for language in languages:
            for kind, lists in (("risk", RISKS[language]), ("issue", ISSUES[language])):
                for name, written in lists.items():
                    for term in _spelled(written):
                        by_term.setdefault(term, []).append((kind, name))
            for term in _spelled(EXCEPTIONS[language]):
                by_term.setdefault(term, []).append(("exception", ""))
        self._terms = sorted(by_term.items(), key=lambda item: item[0].key)
        self._automaton = AhoCorasick([term.literal for term, _ in self._terms])

    def classes(self, normalised: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        hits: list[tuple[int, int, str, str]] = []
        excused: list[tuple[int, int]] = []
        for number, start, end in self._automaton.find_matches_as_indexes(normalised, overlapping=True):
            term, meanings = self._terms[number]
            if not term.stands_at(normalised, start, end):
                continue
            for kind, name in meanings:
                if kind == "exception":
                    excused.append((start, end))
                else:
                    hits.append((start, end, kind, name))
        if not hits:
            return (), ()
        if excused:
            hits = [hit for hit in hits if not any(start <= hit[0] and hit[1] <= end for start, end in excused)]
        risks = {name for _, _, kind, name in hits if kind == "risk"}
        issues = {name for _, _, kind, name in hits if kind == "issue"}
        return tuple(sorted(risks)), tuple(sorted(issues))


def _spelled(written: tuple[str, ...]) -> list[Term]:
    """The terms of a list, with and without their apostrophes: half of the people who cannot log in cant."""
    spellings = [spelling for one in written for spelling in dict.fromkeys((one, one.replace("'", "")))]
    return [Term.of(one.removesuffix("*"), prefix=one.endswith("*")) for one in spellings]


@functools.lru_cache(maxsize=len(LANGUAGES) + 1)
def _lexicon(language: str) -> _Lexicon:
    """One language's lists; all of them for `""`."""
    return _Lexicon((language,) if language else LANGUAGES)
