"""Risk classes (what may have happened) and issue classes (what is complained about) of one text.

Declared words, no model: anybody can read in `stream.risk_terms` why a text was held to be about a fire. The
words say that a text speaks of such a thing, not that it happened; what a text denies in the same breath ("no recall")
it does not speak of.
"""

import bisect
import functools
import re
from collections.abc import Iterator, Mapping

from ahocorasick_rs import AhoCorasick

from stream.query import Term
from stream.risk_terms import CHILD_WORDS, DENIAL_ENDS, DENIALS, EXCEPTIONS, HARM, ISSUES, RISKS, SETTLEMENT
from stream.text import normalise

RISK_CLASSES = (
    "arrest", "boycott", "children", "contamination", "data_breach", "death", "discrimination", "fire", "fraud",
    "harassment", "injury", "lawsuit", "recall", "strike", "suicide",
)  # fmt: skip
ISSUE_CLASSES = ("campaign", "delivery", "outage", "price", "privacy", "safety", "service", "staff_conduct")

LANGUAGES = ("en", "nl")
"""Languages with lists of their own."""


_CLAUSE_END = re.compile(r"[.,;:!?()\n]")
_SENTENCE_END = re.compile(r"[.;!?]")
_DENIED_WITHIN = 3
"""Words before a risk word that are looked at for a denial, ..."""
_DENIED_CHARACTERS = 40
"""... and the characters that hold them."""
_GAP_WORDS = 5
"""Words that `...` in a term may stand for, ..."""
_GAP_CHARACTERS = 60
"""... and their characters."""

_LONGEST_PHRASE = 60
"""Characters of the longest harmless phrase, and more."""

_Find = tuple[int, int, str]
"""Where a term stands, and its class."""

Classes = tuple[tuple[str, ...], tuple[str, ...]]
OwnIssues = Mapping[str, tuple[str, ...]]
"""A brand's own terms by issue class, written as in `stream.risk_terms`; with a leading `-` a term is taken out."""


def classes(normalised: str, lang: str) -> Classes:
    """The risk classes and the issue classes of a normalised text, each sorted.

    A language without a list is held against all lists: "boycott" and "salmonella" are said in many.

    >>> classes("they dragged a bleeding passenger off, i will sue. #boycottacme", "en")
    (('boycott', 'injury', 'lawsuit'), ('staff_conduct',))
    >>> classes("this song is killing it, absolute fire deal; i recall the striker. nobody was injured", "en")
    ((), ())
    >>> classes("recall issued for acme baby food", "en")
    (('children', 'recall'), ())
    """
    return _lexicon(lang if lang in LANGUAGES else "").classes(normalised)


def is_settled(normalised: str) -> bool:
    """Whether a text says that what happened is being made good.

    >>> is_settled("acme settles lawsuit over recall"), is_settled("lawsuit over recall")
    (True, False)
    """
    return any(term.literal in normalised and term.spans(normalised) for term in _SETTLEMENT)


class Classifier:
    """`classes` for one brand, with its own terms for what is complained about.

    >>> own = Classifier({"price": ("miles expired",), "loyalty": ("gold card*",), "campaign": ("-commercial",)})
    >>> own.classes("the gold cards: my miles expired. saw it in a commercial", "en")
    ((), ('loyalty', 'price'))
    """

    __slots__ = ("_lexicons", "_own")

    def __init__(self, own: OwnIssues) -> None:
        self._own = {
            name: tuple("-" * one.startswith("-") + normalise(one.removeprefix("-")) for one in terms)
            for name, terms in sorted(own.items())
        }
        self._lexicons: dict[str, _Lexicon] = {}

    def classes(self, normalised: str, lang: str) -> Classes:
        """As `classes` of this module."""
        if not self._own:
            return classes(normalised, lang)
        key = lang if lang in LANGUAGES else ""
        lexicon = self._lexicons.get(key)
        if lexicon is None:
            lexicon = self._lexicons[key] = _Lexicon((key,) if key else LANGUAGES, self._own)
        return lexicon.classes(normalised)


class _Lexicon:
    """The lists of some languages behind one Aho-Corasick automaton."""

    __slots__ = ("_automaton", "_denials", "_gaps", "_terms")

    def __init__(self, languages: tuple[str, ...], own: OwnIssues | None = None) -> None:
        self._gaps: list[tuple[str, str]] = []
        """Kind and class of each term with a gap; its halves stand in the automaton as `first` and `last`."""
        by_term: dict[Term, list[tuple[str, str]]] = {}
        for kind, name, written in _written(languages, own or {}):
            first, gap, last = written.partition(" ... ")
            if gap:
                number = str(len(self._gaps))
                self._gaps.append((kind, name))
                by_term.setdefault(_term(first), []).append(("first", number))
                by_term.setdefault(_term(last), []).append(("last", number))
            else:
                by_term.setdefault(_term(first), []).append((kind, name))
        self._denials = frozenset().union(*(DENIALS[language] for language in languages))
        self._terms = sorted(by_term.items(), key=lambda item: item[0].key)
        self._automaton = AhoCorasick([term.literal for term, _ in self._terms])

    def classes(self, normalised: str) -> Classes:
        found: dict[str, list[_Find]] = {}
        for number, start, end in self._automaton.find_matches_as_indexes(normalised, overlapping=True):
            term, meanings = self._terms[number]
            if term.stands_at(normalised, start, end):
                for kind, name in meanings:
                    found.setdefault(kind, []).append((start, end, name))
        if not found:
            return (), ()
        if "first" in found and "last" in found:
            self._join(normalised, found)
        excused = sorted(found.get("exception", ()))
        issues = {name for start, end, name in found.get("issue", ()) if not _is_within(start, end, excused)}
        risks = {
            name
            for start, end, name in found.get("risk", ())
            if not _is_within(start, end, excused) and not self._is_denied(normalised, start)
        }
        if "child" in found and not risks.isdisjoint(HARM):
            risks.add("children")
        return tuple(sorted(risks)), tuple(sorted(issues))

    def _join(self, normalised: str, found: dict[str, list["_Find"]]) -> None:
        """Turn halves of a term with a gap into finds: each first half with the next last half, if that is near."""
        lasts: dict[str, list[tuple[int, int]]] = {}
        for start, end, number in found["last"]:
            lasts.setdefault(number, []).append((start, end))
        for first_start, first_end, number in found["first"]:
            behind = lasts.get(number, [])
            at = bisect.bisect_left(behind, (first_end, 0))
            if at == len(behind) or behind[at][0] - first_end > _GAP_CHARACTERS:
                continue
            between = normalised[first_end : behind[at][0]]
            if len(between.split()) <= _GAP_WORDS and not _SENTENCE_END.search(between):
                kind, name = self._gaps[int(number)]
                found.setdefault(kind, []).append((first_start, behind[at][1], name))

    def _is_denied(self, normalised: str, start: int) -> bool:
        """Whether the words right before a find say that it did not happen."""
        before = normalised[max(0, start - _DENIED_CHARACTERS) : start]
        for word in reversed(_CLAUSE_END.split(before)[-1].split()[-_DENIED_WITHIN:]):
            if word in DENIAL_ENDS:
                return False
            if word in self._denials:
                return True
        return False


def _is_within(start: int, end: int, excused: list[_Find]) -> bool:
    """Whether a find lies inside one of the harmless phrases, which are sorted."""
    near = excused[bisect.bisect_left(excused, (end - _LONGEST_PHRASE,)) : bisect.bisect_right(excused, (start + 1,))]
    return any(end <= last for _, last, _ in near)


def _written(languages: tuple[str, ...], own: OwnIssues) -> Iterator[tuple[str, str, str]]:
    """Kind, class and spelling of every term."""
    for language in languages:
        for name, terms in RISKS[language].items():
            yield from (("risk", name, spelling) for one in terms for spelling in _spellings(one))
        for name, terms in ISSUES[language].items():
            taken_out = {one[1:].removesuffix("*") for one in own.get(name, ()) if one.startswith("-")}
            kept = [one for one in terms if one.removesuffix("*") not in taken_out]
            yield from (("issue", name, spelling) for one in kept for spelling in _spellings(one))
        yield from (("exception", "", spelling) for one in EXCEPTIONS[language] for spelling in _spellings(one))
        yield from (("child", "", one) for one in CHILD_WORDS[language])
    for name, terms in own.items():
        added = [one for one in terms if not one.startswith("-")]
        yield from (("issue", name, spelling) for one in added for spelling in _spellings(one))


def _spellings(one: str) -> dict[str, None]:
    """A term with and without its apostrophes: half of the people who cannot log in cant."""
    return dict.fromkeys((one, one.replace("'", "")))


def _term(written: str) -> Term:
    return Term.of(written.removesuffix("*"), prefix=written.endswith("*"))


_SETTLEMENT = tuple(map(_term, SETTLEMENT))


@functools.lru_cache(maxsize=len(LANGUAGES) + 1)
def _lexicon(language: str) -> _Lexicon:
    """One language's lists; all of them for `""`."""
    return _Lexicon((language,) if language else LANGUAGES)
