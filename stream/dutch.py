"""Sentiment of a Dutch text: CLiPS pattern's lexicon under rules of the kind that VADER has for English.

What a word is worth says `stream.dutch_words`; the rules here read what stands around it: negation, degree, "maar",
capitals, questions, quotation marks, irony beside a complaint. All arithmetic is in integers, so that a score is the
same on every machine.
"""

import math
import re

from stream.dutch_words import Word, words
from stream.lexicon_nl import BUT_NOT_BUT, HAPPENED, IRREALIS, NOT_NEGATED, PRAISE_OF_IRONY, RELIEF, UNITS_OF_WAITING

_ALPHA = 15_000_000
"""VADER's normalising constant, 15, in milli-units squared."""
_SHOUT_MILLI, _EXCLAIM_MILLI = 733, 292
"""VADER's increments for capitals, and for each of at most four exclamation marks."""
_NEGATED_PRAISE, _NEGATED_BLAME = -740, -100
"""What negation makes of 1000: VADER's constant, and less for blame, since "niet slecht" is no praise to speak of."""
_REACH = 6
"""Words before an opinion in which a negation reaches it; a comma or "maar" between them stops it."""
_WAITED_MILLI = -1300
"""What "al drie uur" is worth."""
_BEFORE_BUT, _AFTER_BUT = 500, 1500
"""VADER's weights around "but", within one sentence."""
_ASKED = 0
"""What a question leaves of praise: "is de service goed?" praises nothing; blame in a question stays blame."""
_UNREAL = 300
"""What "had ... kunnen zijn" leaves of it."""
_QUOTED = 0
"""What quotation marks leave of praise: most quote what somebody else says, mostly the brand."""
_SCARE = -500
"""What they make of a single word of praise: a 'safe' car."""
_SHORT = 45
"""Words up to which a text is one breath: beyond, praise and complaint may be about different things."""
_REPEATS = 3
"""Times that one emoji counts."""

_TOKEN = re.compile(
    r"#?\w+(?:['’-]\w+)*|(?<![\w/:])[:;=]['-]?[()DPp/|\]\[]|<3|\((?:not|niet)\)|/s\b|[.,;!?…\n]+|[^\w\s]"
)


class DutchScorer:
    """pattern's Dutch lexicon with rules; the score has the shape of VADER's compound score.

    >>> scorer = DutchScorer()
    >>> scorer.score("Wat een slechte service, al drie uur in de wacht"), scorer.score("Super snel geholpen, top!")
    (-771, 750)
    >>> scorer.score("De trein van drie uur")
    0
    """

    id = "pattern-nl@1"
    languages = ("nl",)

    def score(self, text: str) -> int:
        return self.explain(text)[0]

    def explain(self, text: str) -> tuple[int, list[tuple[str, int]]]:
        """The score, and what made it: each word, phrase and rule with its valence in milli-units.

        >>> DutchScorer().explain("niet echt een goede service")
        (-275, [('niet goede', -1110)])
        """
        known = words()
        reading = _Reading([*map(known.__getitem__, _TOKEN.findall(text)), _END])
        reading.assess()
        return reading.total(text)


_END = Word("")


class _Hit:
    """One contribution to a score."""

    __slots__ = ("name", "text", "value")

    def __init__(self, name: str, text: str, value: int) -> None:
        self.name = name
        self.text = text
        self.value = value


class _Reading:
    """One pass over the words of a text."""

    __slots__ = ("_hits", "_ironic", "_mixed", "_negates", "_quoted", "_sentence", "_spent", "_weight", "_words")

    def __init__(self, words: list[Word]) -> None:
        self._words = words
        self._negates = "negation" in [word.kind for word in words]
        """Most texts negate nothing: then nobody looks for what would."""
        self._hits: list[_Hit] = []
        self._sentence = 0
        """The first hit of the sentence that is being read."""
        self._spent = -1
        """The last word of the last phrase that blames nothing: its "niet" negates nothing behind it."""
        self._weight = 1000
        self._quoted = False
        self._ironic = False
        self._mixed: bool | None = None

    def assess(self) -> None:
        """Collect the hits."""
        words, hits, taken = self._words, self._hits, 0
        for at, word in enumerate(words):
            kind = word.kind
            if not kind or at < taken:
                continue
            if word.phrases:
                begun = word.phrases.get(words[at + 1].text)
                if begun is not None and (length := self._phrase(at, begun)):
                    taken = at + length
                    continue
            if kind == "word":
                if word.value or self._negates:
                    self._opinion(word, at)
            elif kind == "sentence":
                self._sentence, self._weight = len(hits), 1000
            elif kind == "emoji":
                self._emoji(word)
            elif kind not in ("negation", "clause"):
                self._mark(word, at)

    def _mark(self, word: Word, at: int) -> None:
        """What turns a sentence, asks, quotes, waits, or means the opposite."""
        kind = word.kind
        if kind == "question":
            self._scale(_ASKED, praise_only=True)
            self._sentence, self._weight = len(self._hits), 1000
        elif kind == "but":
            if self._turns(at):
                self._scale(_BEFORE_BUT)
                self._weight = _AFTER_BUT
        elif kind == "wait":
            self._wait(at + 1)
        elif kind == "quote":
            self._quoted ^= word.text not in "'’‘"
        else:
            self._ironic = True

    def _scale(self, factor: int, *, praise_only: bool = False) -> None:
        """Weigh what this sentence said so far."""
        for hit in self._hits[self._sentence :]:
            if hit.value > 0 or not praise_only:
                hit.value = hit.value * factor // 1000

    def _turns(self, at: int) -> bool:
        """Whether a "maar" means "but": not in "nog maar" or "maar 3 dagen", where it means "only"."""
        words = self._words
        if at and words[at - 1].text in BUT_NOT_BUT:
            return False
        return not words[at + 1].number

    def _phrase(self, at: int, begun: tuple[tuple[tuple[str, ...], int], ...]) -> int:
        """Note the longest phrase that begins at `at`; how many words it has, 0 where none stands there."""
        words = self._words
        for rest, value in begun:
            behind = words[at + 2 : at + 2 + len(rest)]
            if len(behind) == len(rest) and all(word.text == text for word, text in zip(behind, rest, strict=True)):
                if value >= 0:
                    self._spent = at + 1 + len(rest)
                if value:
                    self._note_phrase(" ".join((words[at].text, words[at + 1].text, *rest)), value, at)
                return len(rest) + 2
        return 0

    def _note_phrase(self, phrase: str, value: int, at: int) -> None:
        if phrase in IRREALIS:
            self._scale(_UNREAL, praise_only=True)
        negation = self._negation(at) if value > 0 and self._negates else None
        if negation is None:
            self._note(phrase, phrase, value)
        else:
            self._note(f"{negation.text} {phrase}", phrase, value * _NEGATED_PRAISE // 1000)

    def _opinion(self, word: Word, at: int) -> None:
        """A word with a valence of its own, or with one where it is negated."""
        words = self._words
        value = word.value
        if word.boost and words[at + 1].value and words[at + 1].kind == "word":
            return
        negation = None
        if self._negates:
            negation = self._negation(at)
            if negation is None and word.negated:
                negation = self._negation_behind(at)
            if negation is not None and word.negated:
                self._note(f"{negation.text} {word.text}", word.text, word.negated)
                return
        if not value:
            return
        if word.shout and self._is_mixed():
            value += _SHOUT_MILLI if value > 0 else -_SHOUT_MILLI
        value = self._boosted(value, at)
        name = word.text
        if negation is not None:
            value = value * (_NEGATED_PRAISE if value > 0 else _NEGATED_BLAME) // 1000
            name = f"{negation.text} {name}"
        elif value > 0 and self._scare_quoted(at):
            value = value * _SCARE // 1000
            name = f"'{name}'"
        self._note(name, word.text, value)

    def _note(self, name: str, text: str, value: int) -> None:
        if self._quoted and value > 0:
            value = value * _QUOTED // 1000
        self._hits.append(_Hit(name, text, value * self._weight // 1000))

    def _boosted(self, value: int, at: int) -> int:
        """A valence under the words of degree before it: "heel erg slecht", "minder goed"."""
        words = self._words
        for before in range(at - 1, max(at - 3, -1), -1):
            boost = words[before].boost
            if not boost:
                break
            value = value * boost // 1000
        return value

    def _negation(self, at: int) -> Word | None:
        """The negation before a word that reaches it."""
        words = self._words
        for before in range(at - 1, max(at - 1 - _REACH, self._spent), -1):
            word = words[before]
            kind = word.kind
            if kind == "negation":
                return None if words[before + 1].text in NOT_NEGATED and before + 1 < at else word
            if kind in ("clause", "sentence", "question", "but", "quote"):
                return None
        return None

    def _negation_behind(self, at: int) -> Word | None:
        """The negation behind a verb: "werkt nog steeds niet"."""
        for word in self._words[at + 1 : at + 4]:
            if word.kind == "negation":
                return word
            if word.kind in ("clause", "sentence", "question", "but"):
                return None
        return None

    def _scare_quoted(self, at: int) -> bool:
        words = self._words
        return 0 < at < len(words) - 1 and words[at - 1].kind == "quote" and words[at + 1].kind == "quote"

    def _emoji(self, word: Word) -> None:
        if sum(hit.text == word.text for hit in self._hits) < _REPEATS:
            self._hits.append(_Hit(word.text, word.text, word.value))

    def _wait(self, at: int) -> None:
        """ "al drie uur", "al ruim 2 weken"."""
        words = self._words
        for ahead in range(at, min(at + 4, len(words))):
            word = words[ahead]
            if word.text in UNITS_OF_WAITING:
                self._note(" ".join(["al", *(one.text for one in words[at : ahead + 1])]), "al", _WAITED_MILLI)
                return
            if not word.number:
                return

    def _is_mixed(self) -> bool:
        """Whether capitals are an exception in the text."""
        if self._mixed is None:
            self._mixed = not all(word.shout for word in self._words if len(word.text) > 1)
        return self._mixed

    def total(self, text: str) -> tuple[int, list[tuple[str, int]]]:
        """The score of what was collected."""
        hits = self._hits
        if not hits:
            return 0, []
        if len(self._words) <= _SHORT:
            self._undo_irony()
        notes = [(hit.name, hit.value) for hit in hits if hit.value]
        total = sum(hit.value for hit in hits)
        if total and (marks := min(text.count("!"), 4)):
            emphasis = marks * (_EXCLAIM_MILLI if total > 0 else -_EXCLAIM_MILLI)
            notes.append(("!" * marks, emphasis))
            total += emphasis
        if self._ironic and total > 0:
            notes.append(("irony", -2 * total))
            total = -total
        size = abs(total) * 1000 // math.isqrt(total * total + _ALPHA)
        return (size if total > 0 else -size), notes

    def _undo_irony(self) -> None:
        """Praise beside a complaint about what happened says nothing, unless the text says that it was put right."""
        happened = any(hit.value < 0 and hit.text in HAPPENED for hit in self._hits)
        if happened and not any(hit.value > 0 and hit.text in RELIEF for hit in self._hits):
            for hit in self._hits:
                if hit.value > 0 and hit.text in PRAISE_OF_IRONY:
                    hit.value = 0
