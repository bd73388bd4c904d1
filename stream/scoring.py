"""From a mention to what intake found out about it, once for every brand that it is about."""

from collections.abc import Sequence

from stream.brands import Brand, Matcher
from stream.dutch import DutchScorer
from stream.english import EnglishScorer
from stream.language import identify
from stream.mention import Mention, ScoredMention, Sentiment
from stream.names import Names
from stream.query import Document
from stream.risk import classes
from stream.sentiment import Masks, Scorers
from stream.text import MAX_TEXT, clip, cluster_of

Classes = tuple[tuple[str, ...], tuple[str, ...]]


def shipped_scorers() -> Scorers:
    """The scorers of a deployment that names none of its own."""
    return Scorers([EnglishScorer(), DutchScorer()])


class Scoring:
    """Matches first and does nothing else for a text that no brand's query hits: most of a stream ends there.

    A delete, and an engagement that carries no text, says nothing to score: who keeps the mentions knows which
    brands theirs was about. Raises `QueryError` for a brand whose query cannot be read.

    >>> scoring = Scoring([Brand("Acme", "acme")], Names(b"k"))
    >>> post = Mention(id="x:1", source="x", created_ms=0, claimed_ms=0, observed_ms=0, text="Acme is down, awful!")
    >>> [(one.brand, one.sentiment.label, one.issues) for one in scoring.score(post)]
    [('Acme', 'negative', ('outage',))]
    >>> (scoring.read, scoring.matched, scoring.scored, scoring.unscored)
    (1, 1, 1, 0)
    """

    def __init__(self, brands: Sequence[Brand], names: Names, scorers: Scorers | None = None) -> None:
        self._matcher = Matcher(brands)
        self._names = names
        self._scorers = shipped_scorers() if scorers is None else scorers
        self._masks = {brand.name: Masks.for_brand(brand) for brand in brands}
        self.read = 0
        """Mentions looked at."""
        self.matched = 0
        """Mentions that at least one brand's query hit."""
        self.scored = 0
        """Results (one per mention and brand) with a sentiment."""
        self.unscored = 0
        """Results in a language that no scorer reads."""

    def score(self, mention: Mention) -> list[ScoredMention]:
        """What is known about a mention for each brand it is about, in the order of the configuration."""
        self.read += 1
        if mention.kind == "delete" or (mention.kind == "engagement" and not mention.text):
            return []
        document = Document(mention)
        brands = self._matcher.match_document(mention, document)
        if not brands:
            return []
        self.matched += 1
        words = cluster_of(document.text)
        cluster = self._names.text(words) if words else 0
        text = clip(mention.text, MAX_TEXT)
        languages: dict[tuple[str, ...], str] = {}
        found: dict[str, Classes] = {}
        results = []
        for brand in brands:
            lang = languages.get(brand.languages)
            if lang is None:
                lang, _ = identify(text, hint=mention.lang, languages=brand.languages)
                languages[brand.languages] = lang
            if lang not in found:
                found[lang] = classes(document.text, lang)
            risks, issues = found[lang]
            sentiment = self._judge(text, lang, brand)
            own = brand.is_own(mention.author)
            results.append(ScoredMention(brand.name, mention, sentiment, own, risks, issues, cluster))
        return results

    def _judge(self, text: str, lang: str, brand: Brand) -> Sentiment:
        sentiment = self._scorers.judge(text, lang, self._masks[brand.name])
        if sentiment.label == "unscored":
            self.unscored += 1
        else:
            self.scored += 1
        return sentiment
