"""What a single Dutch word is worth: by the lists, by its base form, by its parts, by the English it was borrowed from.

The lists hold base forms ("slecht"); people write "slechte", "slechter", "supersleeeecht", "foutje", "treinellende".
"""

import functools
import re
from collections.abc import Callable, Iterator
from importlib.resources import files

from stream import lexicon_nl as lists
from stream.text import normalise

_POLARITY = 3
"""pattern's -1..1 onto VADER's -4..4: "goed" becomes 1.65 (VADER's "good" is 1.9), "slecht" -2.1 ("bad" is -2.5)."""
_FAINT_MILLI = 300
"""Polarities up to this are dropped: pattern gives 0.1 to 0.3 to hundreds of words that merely describe."""
_LONGEST = 40
"""Letters of the longest word that is looked up."""
_MEMO = 50_000
"""Tokens that are remembered before the memo begins anew."""
_EMOJI_LIMIT = 3000

_TRIPLED = re.compile(r"([^\W\d_])\1{2,}")
# A stem of one syllable that ends in one vowel and one consonant writes its vowel twice: "grote" is of "groot".
_OPEN = re.compile(r"([^aeiouy]*)([aeou])([^aeiouy])")
_OPEN_END = re.compile("[^aeiouy][aeou][^aeiouy]$")
_ENDINGS = (("este", 1200), ("ste", 1200), ("st", 1200), ("ere", 1000), ("er", 1000), ("e", 1000), ("s", 1000))
_DIMINUTIVES = ("etje", "tje", "pje", "je", "eke", "ske", "ke")
_SMALLER_MILLI = 600
"""What a diminutive leaves of a word: a "foutje" is forgiven, a "probleempje" less than a problem."""
_EMOTICONS = {")": 1800, "]": 1500, "D": 2000, "P": 900, "p": 900, "(": -1900, "[": -1700, "/": -1300, "|": -1000}
_QUOTES = frozenset("\"“”„«»'’‘")


Phrases = dict[str, tuple[tuple[tuple[str, ...], int], ...]]
"""Phrases that begin with one word: by the second word, the words behind that and the valence, the longest first."""
NO_PHRASES: Phrases = {}


class Word:
    """A token as the rules see it. `kind` is `""` where no list says anything about it."""

    __slots__ = ("boost", "kind", "negated", "number", "phrases", "shout", "text", "value")

    def __init__(self, text: str, kind: str = "", value: int = 0) -> None:
        self.text = text
        """Folded, without a leading `#`."""
        self.kind = kind
        """`word`, `negation`, `but`, `wait`, `irony`, `emoji`, `quote`, `clause`, `sentence`, `question` or `""`."""
        self.value = value
        """Its own valence in milli-units."""
        self.boost = 0
        """Factor for the opinion that follows, in thousandths; 0: none."""
        self.negated = 0
        """Its valence where it is negated, if it has one of its own for that."""
        self.phrases: Phrases = NO_PHRASES
        """The phrases that begin with it."""
        self.number = False
        self.shout = False
        """Written in capitals."""


_UNKNOWN = Word("")


class Words(dict[str, Word]):
    """Tokens to words, remembered: `words[token]` is what the lists say of a token.

    What is remembered is a function of the token alone, so that order changes nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self._table = _table()
        self._emoji = _emoji()
        self._phrases = _phrases()

    def __missing__(self, token: str) -> Word:
        if len(token) > _LONGEST:
            return _UNKNOWN
        if len(self) >= _MEMO:
            self.clear()
        word = self[token] = self._read(token)
        return word

    def _read(self, token: str) -> Word:
        first = token[0]
        if not (first.isalnum() or first in "#_"):
            return self._mark(token)
        text = normalise(token.lstrip("#"))
        if token.lower() in lists.IRONY_MARKS:
            return Word(text, "irony")
        value = self.value(text)
        word = Word(text, "word" if value else "", value)
        word.phrases = self._phrases.get(text, NO_PHRASES)
        word.boost = lists.INTENSIFIERS.get(text) or lists.DOWNTONERS.get(text, 0)
        word.negated = lists.WHEN_NEGATED.get(text, 0)
        word.number = text.isdecimal() or text in lists.NUMBERS
        word.shout = len(token) > 1 and token.isupper()
        if text in lists.NEGATIONS:
            word.kind = "negation"
        elif text in ("maar", "echter"):
            word.kind = "but"
        elif text == "al":
            word.kind = "wait"
        elif word.phrases or word.negated:
            word.kind = "word"
        return word

    def _mark(self, token: str) -> Word:
        """Punctuation, an emoticon or an emoji."""
        if token in lists.IRONY_MARKS:
            return Word(token, "irony")
        if token[0] in ":;=" and token[-1] in _EMOTICONS:
            value = _EMOTICONS[token[-1]]
            return Word(token, "emoji", value // 3 if token[0] == ";" else value)
        if token == "<3":  # noqa: S105 - a heart
            return Word(token, "emoji", 1900)
        if "?" in token and "!" not in token:
            return Word(token, "question")
        if token in _QUOTES:
            return Word(token, "quote")
        kind = "" if token[0] not in ".,;!?…\n" else "clause" if not token.strip(",;") else "sentence"
        value = 0 if kind else self._emoji.get(token, 0)
        return Word(token, "emoji" if value else kind, value)

    def value(self, text: str) -> int:
        """The valence of a folded word, 0 where nothing is known.

        >>> words = Words()
        >>> [words.value(word) for word in ("slechte", "supersnel", "foutje", "treinellende", "epic")]
        [-2100, 1800, -780, -2200, 2000]
        """
        for spelling in _spellings(text):
            known = self._known(spelling)
            if known is None:
                known = _compound(spelling, self._known)
            if known is not None:
                return known
        return 0

    def _known(self, text: str) -> int | None:
        """By the lists, in the base form, as a diminutive or as English; `None` where none has it."""
        table = self._table
        if text in table:
            return table[text]
        for stem, factor in _stems(text):
            if stem in table:
                return table[stem] * factor // 1000
        return lists.ENGLISH.get(text)


def _spellings(text: str) -> Iterator[str]:
    """A word and, where letters are drawn out ("slechttt", "suuuper"), what was meant."""
    yield text
    if _TRIPLED.search(text):
        yield _TRIPLED.sub(r"\1\1", text)
        yield _TRIPLED.sub(r"\1", text)


def _stems(text: str) -> Iterator[tuple[str, int]]:
    """Base forms that a word may be an inflection of, each with the factor for its valence."""
    for ending, factor in _ENDINGS:
        if text.endswith(ending) and len(text) - len(ending) >= (4 if "t" in ending else 3):
            for stem in _bases(text[: -len(ending)], vowel_follows=ending[0] == "e"):
                yield stem, factor
    for ending in _DIMINUTIVES:
        if text.endswith(ending) and len(text) - len(ending) >= 3:
            yield text[: -len(ending)], _SMALLER_MILLI


def _bases(stem: str, *, vowel_follows: bool) -> Iterator[str]:
    """Spellings of a stem without its ending: "grot(e)" is "groot", "domm(e)" "dom", "waardeloz(e)" "waardeloos"."""
    if not vowel_follows:
        yield stem
        return
    last = {"v": "f", "z": "s"}.get(stem[-1], stem[-1])
    if open_syllable := _OPEN.fullmatch(stem):
        onset, vowel, _ = open_syllable.groups()
        yield onset + vowel * 2 + last
    elif stem[-1] == stem[-2]:
        yield stem[:-1]
    else:
        yield stem
        yield stem[:-1] + last
        if _OPEN_END.search(stem):
            yield stem[:-1] + stem[-2] + last


def _compound(text: str, known: Callable[[str], int | None]) -> int | None:
    """A compound's valence: a strengthening or a spoiling first part, else a telling last part."""
    for prefix, factor in lists.STRENGTHENING.items():
        if text.startswith(prefix) and len(text) >= len(prefix) + 3:
            rest = known(text[len(prefix) :].lstrip("-"))
            if rest:
                return rest * factor // 1000
    if text not in lists.PREFIX_NOT:
        for prefix, value in lists.PREFIXES.items():
            if text.startswith(prefix) and len(text) >= len(prefix) + 4:
                return value
    for suffix, value in lists.SUFFIXES.items():
        if text.endswith(suffix) and len(text) >= len(suffix) + 3:
            return value
    return None


def _phrases() -> dict[str, Phrases]:
    """The phrases by their first word."""
    found: dict[str, Phrases] = {}
    for written, value in sorted(_written(), key=lambda one: (-len(one[0].split()), one[0])):
        first, second, *rest = written.split()
        begun = found.setdefault(first, {})
        begun[second] = (*begun.get(second, ()), (tuple(rest), value))
    return found


def _written() -> Iterator[tuple[str, int]]:
    """The phrases as they are listed, and with a "niet" as Flanders and hurry write it."""
    for phrase, value in lists.PHRASES.items():
        yield phrase, value
        if " niet " in f" {phrase} ":
            for short in ("nie", "ni"):
                yield " ".join(short if word == "niet" else word for word in phrase.split()), value


def _table() -> dict[str, int]:
    """Valence by base form: pattern's table, corrected and completed by ours."""
    table = {}
    for form, polarity in _rows("stream", "lexicons/nl_sentiment.tsv"):
        if abs(int(polarity)) > _FAINT_MILLI:
            table[form] = _POLARITY * int(polarity)
    return table | lists.WORDS


def _emoji() -> dict[str, int]:
    """Valence of an emoji: what VADER's lexicon makes of the words of its description, as VADER itself does."""
    valences = {row[0]: float(row[1]) for row in _rows("vaderSentiment", "vader_lexicon.txt")}
    found = {}
    for emoji, description in _rows("vaderSentiment", "emoji_utf8_lexicon.txt"):
        value = round(1000 * sum(valences.get(word, 0.0) for word in description.split()))
        found[emoji] = max(-_EMOJI_LIMIT, min(_EMOJI_LIMIT, value))
    return found | lists.EMOJI


def _rows(package: str, name: str) -> Iterator[list[str]]:
    """The rows of a table that a package carries, without its comments: the first two columns."""
    with files(package).joinpath(name).open(encoding="utf-8") as lines:
        for line in lines:
            if "\t" in line and not line.startswith("# "):
                yield line.rstrip("\n").split("\t")[:2]


@functools.lru_cache(maxsize=1)
def words() -> Words:
    """The words of the lists, read once and only when a text is scored."""
    return Words()
