"""VADER's rules, evaluated many times faster than by the package that they come from, to the same last digit.

The rules, the lexicon and every constant are those of vaderSentiment 3.3.2 by C.J. Hutto (MIT licence): Hutto and
Gilbert, "VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text", ICWSM 2014. The tables
are taken from the installed package, and the tests ask it for every figure. The evaluation is our own:

- What a token is (its valence; whether it boosts, negates, shouts) is worked out at first sight and remembered.
- Rules run at the words of the lexicon alone, and only where a word nearby has a part in one. Most words have none,
  and share one object.
- Emoji are looked for in tokens that are new, not in every character of every text.

The package's oddities are part of its scores and are kept on purpose: they are marked "quirk" below.
"""

import functools
import math
import string
from collections.abc import Mapping, Sequence

from vaderSentiment.vaderSentiment import (
    BOOSTER_DICT,
    C_INCR,
    N_SCALAR,
    NEGATE,
    SPECIAL_CASES,
    SentimentIntensityAnalyzer,
)

MEMO_TOKENS = 1 << 16
"""Tokens that are remembered (6 MB of ordinary ones, 18 MB of the widest); a full memo starts anew."""

_MEMO_LENGTH = 40
"""A longer token is an address or noise, and not remembered: hostile text cannot fill the memory."""

_BOOSTERS: Mapping[str, float] = BOOSTER_DICT
_SPECIAL_CASES: Mapping[str, float] = SPECIAL_CASES
_NEGATIONS = frozenset(NEGATE)
_PHRASE_WORDS = frozenset(word for phrase in (*_SPECIAL_CASES, *_BOOSTERS) if " " in phrase for word in phrase.split())
# Words that a rule asks for by name, and the end of the contractions that negate.
_NAMED = frozenset(
    ("no", "or", "nor", "kind", "of", "never", "so", "this", "without", "doubt", "least", "at", "very", "but")
)
_CONTRACTION = "n't"
_PUNCTUATION = string.punctuation
_UNITS = (1, 10, 100, 1_000, 10_000)
# Each phrase has another word by which it is found; these four stand in every second text.
_FOUND_BY_OTHERS = frozenset(("the", "of", "to", "for"))
_CUES = frozenset(_BOOSTERS) | _NEGATIONS | _PHRASE_WORDS | _NAMED


class _Word:
    """What the rules can ask of a word.

    `lower` is kept for words that some rule knows, and empty for all others. `is_known`: the lexicon has it.
    `is_cue`: what another word counts, or what it counts itself, can change because of it. `is_marked`: it counts
    by itself, or it is the "but" that turns what counts.
    """

    __slots__ = (
        "boost",
        "is_but",
        "is_cue",
        "is_known",
        "is_marked",
        "is_phrase",
        "is_upper",
        "lower",
        "negates",
        "valence",
    )

    def __init__(self, lower: str, valence: float | None, *, is_upper: bool) -> None:
        self.lower = lower
        self.valence = 0.0 if valence is None else valence
        self.boost = _BOOSTERS.get(lower, 0.0)
        self.negates = lower in _NEGATIONS or _CONTRACTION in lower
        self.is_known = valence is not None
        self.is_but = lower == "but"
        # Quirk: a booster counts for nothing by itself, whatever the lexicon says.
        self.is_marked = (self.is_known and lower not in _BOOSTERS) or self.is_but
        self.is_cue = self.negates or (lower in _CUES and (self.is_known or lower not in _FOUND_BY_OTHERS))
        self.is_phrase = lower in _PHRASE_WORDS
        self.is_upper = is_upper


_PLAIN = _Word("", None, is_upper=False)
_PLAIN_UPPER = _Word("", None, is_upper=True)
# Any contraction in "n't" that is not listed.
_NEGATION = _Word(_CONTRACTION, None, is_upper=False)
_NEGATION_UPPER = _Word(_CONTRACTION, None, is_upper=True)
# Stands for a token with emoji in it: its text must be read again with their descriptions.
_EMOJI = _Word("", None, is_upper=False)
_EMOJI.is_marked = True
# What stands around every text, so that no rule need ask where it begins and ends. In capitals, for it is not what
# capitals stand out from; in front "known", for rules pass over preceding words that the lexicon knows.
_NOTHING = _Word("", 0.0, is_upper=True)
_NOTHING.is_marked = False
_FRONT, _BACK = (_NOTHING,) * 3, (_PLAIN_UPPER,) * 2


class _Memo(dict[str, _Word]):
    """The word of each token."""

    __slots__ = ("_emoji", "_words")

    def __init__(self, lexicon: Mapping[str, float], emoji: frozenset[str]) -> None:
        super().__init__()
        self._emoji = emoji
        self._words = {
            name: (_Word(name, lexicon.get(name), is_upper=False), _Word(name, lexicon.get(name), is_upper=True))
            for name in (*sorted(_CUES), *lexicon)
        }

    def __missing__(self, token: str) -> _Word:
        stripped = token.strip(_PUNCTUATION)
        # Quirk: what is left of a token without its punctuation must have three characters, or all of it stays.
        lower = stripped.lower() if len(stripped) > 2 else token.lower()
        if not (token.isascii() or self._emoji.isdisjoint(token)):
            word = _EMOJI
        elif lower in self._words:
            word = self._words[lower][token.isupper()]
        elif _CONTRACTION in lower:
            word = _NEGATION_UPPER if token.isupper() else _NEGATION
        else:
            word = _PLAIN_UPPER if token.isupper() else _PLAIN
        if len(token) <= _MEMO_LENGTH:
            if len(self) >= MEMO_TOKENS:
                self.clear()
            self[token] = word
        return word


class FastVader:
    """`polarity_scores` as of vaderSentiment's `SentimentIntensityAnalyzer`, equal for every `str`.

    Takes any lexicon (words in small letters, with their valence) and any descriptions of emoji; `of_package` has
    the package's own. What was scored before never changes a score. Time grows with the square of a text's length
    where it holds a "but", as with the package. Raises `ValueError` if a description itself holds an emoji.

    >>> vader = FastVader({"great": 3.1, "rude": -2.0}, {"😀": "great"})
    >>> vader.polarity_scores("The crew was rude, but GREAT food 😀!")
    {'neg': 0.102, 'neu': 0.254, 'pos': 0.645, 'compound': 0.9286}
    >>> vader.compound("not great")
    -0.5096
    """

    __slots__ = ("_described", "_word_of")

    def __init__(self, lexicon: Mapping[str, float], emojis: Mapping[str, str]) -> None:
        # Quirk: emoji of several characters are never found, as the package looks at one character at a time.
        self._described = {emoji: words for emoji, words in emojis.items() if len(emoji) == 1}
        if not all(self._described.keys().isdisjoint(words) for words in self._described.values()):
            raise ValueError("the description of an emoji holds an emoji")
        self._word_of = _Memo(lexicon, frozenset(self._described)).__getitem__

    @classmethod
    def of_package(cls) -> "FastVader":
        """With the lexicon and the emoji of the installed vaderSentiment."""
        package = SentimentIntensityAnalyzer()
        return cls(package.lexicon, package.emojis)

    def compound(self, text: str) -> float:
        """The score of a text alone, -1 (worst) to 1, as it stands in `polarity_scores`."""
        text, _, values = self._read(text)
        return _compound(values, text) if values else 0.0

    def polarity_scores(self, text: str) -> dict[str, float]:
        """`neg`, `neu` and `pos`, the shares of each kind of word, and `compound`, the score."""
        text, count, values = self._read(text)
        negative, neutral, positive = _shares(count, values, text)
        compound = _compound(values, text) if values else 0.0
        return {"neg": negative, "neu": neutral, "pos": positive, "compound": compound}

    def _read(self, text: str) -> tuple[str, int, list[float]]:
        """The text with its emoji described, how many words it has, and what those of the lexicon count."""
        words = list(map(self._word_of, text.split()))
        marked = [at for at, word in enumerate(words) if word.is_marked]
        if not marked:
            return text, len(words), []
        for at in marked:
            if words[at] is _EMOJI:
                return self._read(self._describe(text))
        return text, len(words), _values(words, marked)

    def _describe(self, text: str) -> str:
        """The text with words for its emoji.

        The package puts a space before a description where none stands (quirk: and none after it). Here one always
        does: spaces in a row are one to `split`.
        """
        for emoji in sorted(self._described.keys() & text):
            text = text.replace(emoji, " " + self._described[emoji])
        return text


@functools.lru_cache(maxsize=1)
def fast_vader() -> FastVader:
    """The one with the package's tables, read (50 ms) when a text is first scored."""
    return FastVader.of_package()


def _values(words: list[_Word], marked: Sequence[int]) -> list[float]:
    """What the marked ones of these words count."""
    # Capitals stand out where not all words have them; only a word in capitals asks. Most texts have a plain word.
    is_mixed = _PLAIN in words or not all(word.is_upper for word in words)
    window = [*_FRONT, *words, *_BACK]
    values = []
    but = None
    for at in marked:
        values.append(_value(window, at + len(_FRONT), is_mixed))
        if but is None and words[at].is_but:
            but = at
    if but is not None:
        _turn(values, marked, but)
    return values


def _value(words: Sequence[_Word], at: int, is_mixed: bool) -> float:
    """What one word counts, by itself and by the three words before it and the two behind it."""
    word, one, two, three = words[at], words[at - 1], words[at - 2], words[at - 3]
    value = word.valence
    in_context = word.is_cue or one.is_cue or two.is_cue or three.is_cue
    if in_context:
        if not word.is_known or (word.lower == "kind" and words[at + 1].lower == "of"):
            return 0.0
        if one.lower == "no" or two.lower == "no" or (three.lower == "no" and one.lower in ("or", "nor")):
            value *= N_SCALAR
        elif word.lower == "no" and words[at + 1].is_known:
            value = 0.0
    if word.is_upper and is_mixed:
        value += C_INCR if value > 0 else -C_INCR
    return _in_context(words, at, value, is_mixed) if in_context else value


def _in_context(words: Sequence[_Word], at: int, value: float, is_mixed: bool) -> float:
    """A value as the words before it and the phrases around it make it.

    Quirk: a word that the lexicon knows is passed over, with all rules about its place.
    """
    one, two, three = words[at - 1], words[at - 2], words[at - 3]
    if one.is_cue and not one.is_known:
        value += _boost(one, value, is_mixed)
        if one.negates:
            value *= N_SCALAR
    if two.is_cue and not two.is_known:
        value += _boost(two, value, is_mixed) * 0.95
        if two.lower == "never" and one.lower in ("so", "this"):
            value *= 1.25
        elif two.negates and not (two.lower == "without" and one.lower == "doubt"):
            value *= N_SCALAR
    if not three.is_known:
        value += _boost(three, value, is_mixed) * 0.9
        # Quirk: "so" or "this" right before a word is enough, without any "never".
        if one.lower in ("so", "this") or (three.lower == "never" and two.lower in ("so", "this")):
            value *= 1.25
        elif three.negates and not (three.lower == "without" and "doubt" in (two.lower, one.lower)):
            value *= N_SCALAR
        value = _in_phrases(words[at - 3 : at + 3], value)
    if one.lower == "least" and not one.is_known and two.lower not in ("at", "very"):
        value *= N_SCALAR
    return value


def _boost(word: _Word, value: float, is_mixed: bool) -> float:
    """What a preceding word adds: more of the same, or less for a dampener; in capitals more still."""
    if not word.boost:
        return 0.0
    boost = -word.boost if value < 0 else word.boost
    if word.is_upper and is_mixed:
        boost += C_INCR if value > 0 else -C_INCR
    return boost


def _in_phrases(window: Sequence[_Word], value: float) -> float:
    """The value of the fourth of six words, which is that of a whole phrase where it stands in one or behind one."""
    three, two, one, word, behind, _ = window
    if not (two.is_phrase and (three.is_phrase or one.is_phrase)) and not (
        word.is_phrase and (one.is_phrase or behind.is_phrase)
    ):
        return value
    a, b, c, d, e, f = (word.lower for word in window)
    for phrase in (f"{c} {d}", f"{b} {c} {d}", f"{b} {c}", f"{a} {b} {c}", f"{a} {b}"):
        if phrase in _SPECIAL_CASES:
            value = _SPECIAL_CASES[phrase]
            break
    for phrase in (f"{d} {e}", f"{d} {e} {f}"):
        value = _SPECIAL_CASES.get(phrase, value)
    for phrase in (f"{a} {b} {c}", f"{a} {b}", f"{b} {c}"):
        value += _BOOSTERS.get(phrase, 0.0)
    return value


def _turn(values: list[float], places: Sequence[int], but: int) -> None:
    """After the first "but" words count for more, before it for less.

    Quirk: of equal values the first is changed each time, even one that has become equal by being changed.
    The zeros that the package has for all other words have no part in it: a zero stays one.
    """
    for at in range(len(values)):
        value = values[at]
        first = values.index(value)
        if places[first] < but:
            values[first] = value * 0.5
        elif places[first] > but:
            values[first] = value * 1.5


def _emphasis(text: str) -> float:
    """What exclamation and question marks add to a text, whatever its tone."""
    exclamations = text.count("!") if "!" in text else 0
    questions = text.count("?") if "?" in text else 0
    emphasis = exclamations * 0.292 if exclamations < 4 else 4 * 0.292
    if questions > 1:
        emphasis += questions * 0.18 if questions <= 3 else 0.96
    return emphasis


def _compound(values: Sequence[float], text: str) -> float:
    total = float(sum(values))
    if total > 0:
        total += _emphasis(text)
    elif total < 0:
        total -= _emphasis(text)
    return _rounded(total / math.sqrt(total * total + 15), 4)


def _shares(count: int, values: Sequence[float], text: str) -> tuple[float, float, float]:
    """Negative, neutral and positive parts of a text of `count` words; a word that counts weighs one more."""
    if not count:
        return 0.0, 0.0, 0.0
    positive = negative = 0.0
    neutral = count
    for value in values:
        if value > 0:
            positive += value + 1
        elif value < 0:
            negative -= value - 1
        else:
            continue
        neutral -= 1
    if positive > negative:
        positive += _emphasis(text)
    elif positive < negative:
        negative += _emphasis(text)
    total = positive + negative + neutral
    return _rounded(negative / total, 3), _rounded(neutral / total, 3), _rounded(positive / total, 3)


def _rounded(value: float, digits: int) -> float:
    """`round` for values of no more than 1, in a quarter of its time.

    Where a value lies clearly nearer to one step than to the next, the division gives the float that `round` reads
    from its decimals: the nearest to the same fraction. All else, and the sign of zero, is left to `round`.
    """
    if not value:
        return value
    unit = _UNITS[digits]
    scaled = value * unit
    steps = round(scaled)
    return steps / unit if steps and -0.4999 < scaled - steps < 0.4999 else round(value, digits)
