"""Sentiment of one text about one brand, in milli-units, by whichever scorer reads its language.

The brand's own words are masked first: "united" is worth +1.8 to VADER, so that every complaint about United
would count as half a compliment, and the same waits for Best, Fresh and Joy.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

from ahocorasick_rs import AhoCorasick

from stream.brands import Brand
from stream.mention import Label, Sentiment
from stream.query import Term, naming_terms
from stream.query_parser import compile_query
from stream.text import clip, fold_with_origins, normalise
from stream.vader import fast_vader

MAX_SCORED = 2_000
"""Characters that are scored: VADER's work grows with the square of a text's length where it holds a "but"."""

THRESHOLD_MILLI = 50
"""At or above: positive; at or below its negative: negative. Source: vaderSentiment's README, "About the Scoring"."""

# Words that no lexicon knows (a test asks VADER's). In small letters, so that a brand which writes itself in
# capitals does not pass for shouting.
_BRAND, _HANDLE, _LINK = "xbrandx", "xhandlex", "xlinkx"

# A handle may be a fediverse address (@joe@host) or a domain of three labels or more (@acme.bsky.social); with
# two, "@acme.thanks" is a handle and a word. Constant patterns, linear: no user's text becomes a pattern.
# Each choice begins with a letter of its own, for `re` runs past all other characters.
_ADDRESS = re.compile(r"https?://\S+|www\.\S+|pic\.twitter\.com/\S+|@(?<!\w@)\w+(?:@\w[\w.-]*|(?:\.[\w-]+){2,})?")


class Scorer(Protocol):
    """Scores texts of some languages. Equal texts get equal scores, whatever was scored before."""

    @property
    def id(self) -> str:
        """Name and version, journaled with each score."""

    @property
    def languages(self) -> tuple[str, ...]:
        """Two-letter codes."""

    def score(self, text: str) -> int:
        """Milli-units, -1000 (worst) to 1000."""


class Reason(NamedTuple):
    """A part of a score."""

    rule: str
    """What kind of part: `word`, `question`, the name of a group of words, `masked`."""
    words: str
    """What in the text it rests on."""
    milli: int
    """What it adds, in thousandths of a lexicon's unit."""


@runtime_checkable
class OwnLabels(Protocol):
    """A scorer whose neutral band is not the usual one of `label_of`."""

    def label(self, score_milli: int) -> Label:
        """The label of one of its scores."""


@runtime_checkable
class Explains(Protocol):
    """A scorer that can say what made a score."""

    def explain(self, text: str) -> tuple[int, Sequence[tuple[Any, ...]]]:
        """The score, as `score` gives it, and its parts: `Reason`s, or words with their milli-units."""


class VaderScorer:
    """VADER (Hutto and Gilbert, ICWSM 2014) for English: to the last digit what the vaderSentiment package says.

    What it cannot read: sarcasm ("great, another outage" scores +0.6) and slang ("killing it" scores -0.7).

    >>> VaderScorer().score("The crew was rude and the flight a disaster")
    -796
    """

    id = "vader-en@3.3.2+mask1"
    languages = ("en",)

    def score(self, text: str) -> int:
        compound = fast_vader().compound(text)
        # VADER rounds to four decimals. Cutting the fourth off keeps its thresholds: 0.0499 is neutral, 0.05 is not.
        tenths = round(compound * 10_000)
        return tenths // 10 if tenths >= 0 else -(-tenths // 10)


class Masks:
    """What is taken out of a text before it is scored for one brand: its names, and all handles and links.

    >>> Masks.for_brand(Brand("United", "united OR @united")).apply("@joe UNITED broke it https://t.co/x")
    'xhandlex xbrandx broke it xlinkx'
    """

    __slots__ = ("_automaton", "_terms")

    def __init__(self, terms: Sequence[Term]) -> None:
        self._terms = tuple(terms)
        self._automaton = AhoCorasick([term.literal for term in self._terms])

    @classmethod
    def for_brand(cls, brand: Brand) -> "Masks":
        """Masks for a brand's name, written in one word too, and the terms of its query that name it.

        Terms which only say in what company the name counts stay: in `united AND (delay OR awful)` "awful" is an
        opinion. Raises `QueryError` for a query that cannot be read.
        """
        names = {normalise(brand.name), normalise(brand.name).replace(" ", "")}
        terms = {term.key: term for term in map(Term.of, sorted(names - {""}))}
        if brand.query is not None:
            terms |= {term.key: term for term in naming_terms(compile_query(brand.query).root)}
        return cls([term for _, term in sorted(terms.items())])

    def apply(self, text: str) -> str:
        """The text with placeholders where the brand's names, handles and links stood."""
        if "@" in text or "/" in text or "www." in text:
            text = _ADDRESS.sub(_placeholder, text)
        folded, origins = fold_with_origins(text)
        spans = self._spans(folded)
        if not spans:
            return text
        pieces: list[str] = []
        done = 0
        for first, last in spans:
            start, end = (first, last) if origins is None else (origins[first], _end(origins, last, len(text)))
            pieces += (text[done:start], _BRAND)
            done = end
        return "".join(pieces) + text[done:]

    def _spans(self, folded: str) -> list[tuple[int, int]]:
        """Where names stand: the longest of those that begin first, none overlapping."""
        found = []
        for number, start, end in self._automaton.find_matches_as_indexes(folded, overlapping=True):
            term = self._terms[number]
            if term.stands_at(folded, start, end):
                found.append((start, -(_word_end(folded, end) if term.prefix else end)))
        chosen: list[tuple[int, int]] = []
        for start, negative_end in sorted(found):
            if not chosen or start >= chosen[-1][1]:
                chosen.append((start, -negative_end))
        return chosen


def _placeholder(address: re.Match[str]) -> str:
    return _HANDLE if address.group().startswith("@") else _LINK


def _word_end(text: str, at: int) -> int:
    while at < len(text) and text[at].isalnum():
        at += 1
    return at


def _end(origins: list[int], last: int, length: int) -> int:
    """Where in the text ends what ends at `last` in its folded form: behind the marks of its last character."""
    return origins[last] if last < len(origins) else length


class Scorers:
    """The scorers of a deployment; the first that reads a language scores it.

    >>> scorers = Scorers([VaderScorer()])
    >>> masks = Masks.for_brand(Brand("Acme", None))
    >>> scorers.judge("Acme is awful", "en", masks).label
    'negative'
    >>> scorers.judge("Acme is verschrikkelijk", "nl", masks).label
    'unscored'
    """

    __slots__ = ("_by_language", "_label")

    def __init__(self, scorers: Sequence[Scorer]) -> None:
        self._by_language: dict[str, Scorer] = {}
        self._label: dict[str, Callable[[int], Label]] = {}
        for scorer in scorers:
            for language in scorer.languages:
                self._by_language.setdefault(language, scorer)
        for language, scorer in self._by_language.items():
            self._label[language] = scorer.label if isinstance(scorer, OwnLabels) else label_of

    def behind(self, own: Sequence[Scorer]) -> "Scorers":
        """These scorers for whatever languages `own` do not read."""
        return Scorers([*own, *self._by_language.values()])

    def judge(self, text: str, lang: str, masks: Masks) -> Sentiment:
        """The sentiment of a text towards the brand that `masks` belong to.

        A language without a scorer is `unscored` (score 0, scorer `none`): to call it neutral would be a lie.
        """
        scorer = self._by_language.get(lang)
        if scorer is None:
            return Sentiment("unscored", 0, lang, "none")
        score = scorer.score(masks.apply(clip(text, MAX_SCORED)))
        return Sentiment(self._label[lang](score), score, lang, scorer.id)

    def explain(self, text: str, lang: str, masks: Masks) -> list[Reason]:
        """What made the score that `judge` gives: the text as it was read if anything was masked, then its parts.

        Empty for a language without a scorer, and for a scorer that does not say.
        """
        scorer: object = self._by_language.get(lang)
        if not isinstance(scorer, Explains):
            return []
        text = clip(text, MAX_SCORED)
        masked = masks.apply(text)
        parts = [Reason(*part) if len(part) == 3 else Reason("word", *part) for part in scorer.explain(masked)[1]]
        return parts if masked == text else [Reason("masked", masked, 0), *parts]


def label_of(score_milli: int) -> Label:
    """The label of a score in milli-units.

    >>> label_of(50), label_of(49), label_of(-50)
    ('positive', 'neutral', 'negative')
    """
    if score_milli >= THRESHOLD_MILLI:
        return "positive"
    return "negative" if score_milli <= -THRESHOLD_MILLI else "neutral"
