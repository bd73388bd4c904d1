"""English sentiment towards a brand: VADER's figure, and on top of it what customers say that VADER has no ear for.

    valence = VADER's own + the groups of `stream.lexicon_en` + emoji + hashtags + four rules about the whole text

all in thousandths of VADER's unit, then bent into -1000..1000 as VADER bends its own. `explain` names every part.
Whoever wants VADER alone lists `stream.sentiment.VaderScorer` in this one's stead.
"""

import functools
import math
import re

from ahocorasick_rs import AhoCorasick, MatchKind

from stream.lexicon_en import BAD_TAGS, COMPLAINTS, DENIABLE, EMOJI, GOOD_TAGS, GROUPS, MISREAD, TAG_MILLI
from stream.mention import Label
from stream.sentiment import Reason
from stream.vader import fast_vader

POSITIVE_MILLI = 330
"""From here on a text is positive: 3.5 of VADER's units. One kind word that VADER and a group agree on is enough."""
NEGATIVE_MILLI = -270
"""From here down it is negative: 2.8 units, one plain verdict, failure or mishap that nothing speaks against."""
_SOFTNESS = 100_000_000
"""What VADER calls alpha, in squared thousandths. Its own is 15, for a handful of words; here more of them speak."""

# Fitted together with the weights of the groups, see `stream.lexicon_en`.
_NEGATIVE_VADER = 1750
"""Thousandths at which VADER's negative figures count: they mislead less often than its positive ones."""
_QUESTION_MILLI = -1000
_EXCLAMATION_MILLI = 1500
"""For a text that is kind without its exclamation mark: people shout for joy and for anger."""
_MOCKED_MILLI = -3000

_TOKEN = re.compile(r"[a-z]+|[0-9]+")
_STRETCHED = re.compile(r"([a-z])\1{2,}")
_APOSTROPHES = str.maketrans("", "", "'’‘ʼ`´")
# Without "one" ("no one") and the ordinals, which have terms of their own.
_NUMBERS = frozenset(
    ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "twelve", "fifteen", "twenty", "thirty",
     "forty", "fifty", "sixty", "ninety")
)  # fmt: skip
_TAG = re.compile(r"#\w*?(?:(" + "|".join(BAD_TAGS) + ")|(" + "|".join(GOOD_TAGS) + "))")
_EMOJI = frozenset(EMOJI)
_MISREAD = str.maketrans("", "", MISREAD)
_NEGATIONS = frozenset(
    ("not", "no", "never", "without", "isnt", "wasnt", "arent", "werent", "zero", "nothing", "hardly")
)  # fmt: skip
_LOOK_BACK = 24
"""Characters in front of a find that hold its last two words, of any length that matters."""
_ASKING = re.compile(
    " (?:can|could|would|will|do|does|did|is|are|any|how|what|when|where|which|who|please|pls|may|should|has|have|if) "
)
_QUOTED = re.compile(r'["“](?=\w)([^"“”\n]{2,120})["”]')
_OWN_WORDS = 5
_WORD = re.compile(" (?!xlinkx |xhandlex |xbrandx )[a-z]")
_MEMO_TOKENS = 1 << 15
_MEMO_LENGTH = 40
"""A longer token is noise and not remembered: hostile text cannot fill the memory."""


class EnglishScorer:
    """VADER and the language of customers. What was scored before never changes a score.

    >>> english = EnglishScorer()
    >>> english.label(english.score("Still waiting for my refund, no response from anyone"))
    'negative'
    >>> english.label(english.score("Can you please help me with a booking?"))
    'neutral'
    >>> for reason in english.explain("Love the shop, but the app keeps crashing!")[1]:
    ...     print(reason.rule, reason.words, reason.milli, sep=": ")
    vader: Love: 1892
    praise: love the: 2500
    unease: but: -500
    failure: keeps crashing: -3500
    exclamation: !: 1500
    """

    id = "english@1"
    languages = ("en",)

    def score(self, text: str) -> int:
        """Milli-units, -1000 to 1000."""
        return _bend(_total(_reasons(text)))

    def label(self, score_milli: int) -> Label:
        """The label of a score of this scorer: its neutral band is wider than VADER's."""
        if score_milli >= POSITIVE_MILLI:
            return "positive"
        return "negative" if score_milli <= NEGATIVE_MILLI else "neutral"

    def explain(self, text: str) -> tuple[int, list[Reason]]:
        """The score and all that made it."""
        reasons = _reasons(text)
        known = " ".join(word for word in text.split() if fast_vader().compound(word))
        named = [reason._replace(words=known) if reason.rule == "vader" else reason for reason in reasons]
        return _bend(_total(reasons)), named


def _bend(valence_milli: int) -> int:
    return round(1000 * valence_milli / math.sqrt(valence_milli * valence_milli + _SOFTNESS))


def _total(reasons: list[Reason]) -> int:
    return sum([reason.milli for reason in reasons])


def _reasons(text: str) -> list[Reason]:
    """Every part of a text's valence."""
    if '"' in text or "“" in text:
        text, quoted = _without_quoted_praise(text)
        if quoted:
            return [Reason("quoted", quoted, 0), *_reasons_of(text)]
    return _reasons_of(text)


def _without_quoted_praise(text: str) -> tuple[str, str]:
    """The text without what somebody else, mostly the brand, says kindly in quotation marks; and what that was.

    What is nearly all quotation is left whole: then the praise is passed on.
    """
    kind = [found[0] for found in _QUOTED.finditer(text) if fast_vader().compound(found[1]) > 0]
    rest = text
    for passage in kind:
        rest = rest.replace(passage, " ")
    own = [word for word in _TOKEN.findall(rest.lower()) if not word.startswith("x") and len(word) > 1]
    return (rest, " ".join(kind)) if kind and len(own) >= _OWN_WORDS else (text, "")


def _reasons_of(text: str) -> list[Reason]:
    line = "".join(map(_spoken, text.split()))
    said = _said(line)
    rules = {reason.rule for reason in said}
    vader = _vader_milli(text)
    is_mocking = "sarcasm" in rules or ("mockery" in rules and not rules.isdisjoint(COMPLAINTS))
    if is_mocking:
        # Nothing kind in such a text is meant.
        said = [_unkind(reason) for reason in said if reason.rule != "praise"]
    if (is_mocking and vader > 0) or ("slang" in rules and vader < 0):
        vader = 0
    reasons = [Reason("vader", "", vader), *said] if vader else said
    if not text.isascii() and not _EMOJI.isdisjoint(text):
        alone = 1 if _WORD.search(line) else 2
        reasons += [Reason("emoji", one, alone * EMOJI[one]) for one in sorted(_EMOJI.intersection(text))]
    if "#" in text:
        reasons += _tagged(text.lower())
    return reasons + _punctuated(text, line, _total(reasons))


def _unkind(reason: Reason) -> Reason:
    return Reason("mockery", reason.words, _MOCKED_MILLI) if reason.rule == "mockery" else reason


def _punctuated(text: str, line: str, total: int) -> list[Reason]:
    """What questions and exclamations do to a text that is worth `total` without them."""
    reasons = []
    if "?" in text:
        reasons.append(Reason("question", "?", _QUESTION_MILLI))
    if "!" in text and total > 0:
        reasons.append(Reason("exclamation", "!", _EXCLAMATION_MILLI))
    total += _total(reasons)
    if "?" in text and total > 0 and (asking := _ASKING.search(line)):
        # Who asks for something is polite about it: "could you help? thanks!"
        reasons.append(Reason("request", asking[0].strip() + " ...?", -(total // 2)))
    return reasons


def _vader_milli(text: str) -> int:
    """VADER's figure before it was bent, in thousandths; its misread emoji left out."""
    compound = fast_vader().compound(text if text.isascii() else text.translate(_MISREAD))
    # VADER rounds to four decimals; beyond .9995 (a valence of 122) the way back has no digits left.
    compound = max(-0.9995, min(0.9995, compound))
    valence = compound * math.sqrt(15 / (1 - compound * compound))
    return round(valence * (_NEGATIVE_VADER if valence < 0 else 1000))


class _Spoken(dict[str, str]):
    """The words in what stands between two white spaces, as the groups are matched; worked out at first sight.

    Each word has spaces of its own, so that of two neighbouring finds neither takes the other's space. Stretched
    words lose their length, and every number is 0.
    """

    __slots__ = ()

    def __missing__(self, token: str) -> str:
        small = _STRETCHED.sub(r"\1\1", token.lower().translate(_APOSTROPHES))
        words = ["0" if word.isdigit() or word in _NUMBERS else word for word in _TOKEN.findall(small)]
        spoken = "".join([f" {word} " for word in words])
        if len(token) <= _MEMO_LENGTH:
            if len(self) >= _MEMO_TOKENS:
                self.clear()
            self[token] = spoken
        return spoken


_spoken = _Spoken().__getitem__


def _said(line: str) -> list[Reason]:
    """What the groups find, each at most as often as it may."""
    automaton, groups = _lexicon()
    left: dict[str, int] = {}
    reasons = []
    for number, start, end in automaton.find_matches_as_indexes(line):
        name, milli, at_most = groups[number]
        if name in DENIABLE and _is_denied(line, start):
            continue
        remaining = left.get(name, at_most)
        if remaining:
            left[name] = remaining - 1
            reasons.append(Reason(name, " ".join(line[start:end].split()), milli))
    return reasons


def _is_denied(line: str, start: int) -> bool:
    return not _NEGATIONS.isdisjoint(line[max(0, start - _LOOK_BACK) : start].split()[-2:])


def _tagged(small: str) -> list[Reason]:
    """What hashtags say, the worst of them first."""
    tags = list(_TAG.finditer(small))
    for tag in tags:
        if tag[1]:
            return [Reason("hashtag", tag[0], -TAG_MILLI)]
    return [Reason("hashtag", tags[0][0], TAG_MILLI)] if tags else []


@functools.lru_cache(maxsize=1)
def _lexicon() -> tuple[AhoCorasick, list[tuple[str, int, int]]]:
    """All terms behind one automaton that prefers the longest; for each the name, weight and limit of its group."""
    owners: dict[str, tuple[str, int, int]] = {}
    for group in GROUPS:
        for term in group.terms:
            words = "".join(map(_spoken, term.split()))
            owners.setdefault(words[:-1] if term.endswith("*") else words, group[:3])
    return AhoCorasick(list(owners), matchkind=MatchKind.LeftmostLongest), list(owners.values())
