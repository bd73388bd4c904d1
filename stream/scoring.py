"""From a mention to what intake found out about it, once for every brand that it is about."""

from collections.abc import Sequence

from stream.brands import Brand, Matcher, rival_of
from stream.dutch import DutchScorer
from stream.english import EnglishScorer
from stream.language import UNDETERMINED, identify, speaks_too
from stream.mention import Mention, ScoredMention, Sentiment
from stream.names import Names
from stream.query import Document
from stream.risk import Classes, Classifier, is_settled
from stream.sentiment import Masks, Scorers
from stream.stars import with_stars
from stream.text import MAX_TEXT, clip, cluster_of, wording_of

RISK_MILLI = -300
"""Score of a text that names a risk and has nothing else to go by."""
PROTESTS = frozenset({"boycott", "strike"})
"""Risk classes that are not looked for where a source's terms forbid to warn of protests."""
RISK_RULE = "+risk1"
"""Stands behind a scorer's id where the rule about risks made the label."""


def shipped_scorers() -> Scorers:
    """The scorers of a deployment that names none of its own."""
    return Scorers([EnglishScorer(), DutchScorer()])


def judge(
    scorers: Scorers, text: str, languages: tuple[str, ...], identified: tuple[str, int], masks: Masks
) -> Sentiment:
    """The sentiment of a text in one or more of a brand's languages, of which `identify` named one, or could not.

    Where it could not ("Top!"), and where the one it named finds nothing while the text borrows from another, each
    language is tried and the one with most to say counts. What is in none of them stays unscored.

    >>> masks = Masks(())
    >>> judge(shipped_scorers(), "Waardeloos!", ("en", "nl"), ("und", 590), masks).lang
    'nl'
    """
    lang, confidence = identified
    if lang != UNDETERMINED:
        first = scorers.judge(text, lang, masks)
        if (
            first.label != "neutral"
            or len(languages) == 1
            or not any(other != lang and speaks_too(text, other, lang) for other in languages)
        ):
            return first
    elif confidence and len(languages) > 1:
        first = Sentiment("unscored", 0, lang, "none")
    else:
        return scorers.judge(text, lang, masks)
    tried = [scorers.judge(text, other, masks) for other in languages if other != lang]
    telling = [one for one in tried if one.label in ("negative", "positive")]
    return max(telling, key=lambda one: abs(one.score), default=first)


def with_risks(sentiment: Sentiment, risks: tuple[str, ...], normalised: str) -> Sentiment:
    """The same sentiment, but negative where a neutral text names a risk: a recall is bad news in whatever tone.

    Unless it says that the matter is being settled; a text that is positive in spite of the word stays so.

    >>> with_risks(Sentiment("neutral", 0, "en", "x@1"), ("recall",), "recall issued for baby food")
    Sentiment(label='negative', score=-300, lang='en', scorer='x@1+risk1')
    """
    if sentiment.label != "neutral" or not risks or is_settled(normalised):
        return sentiment
    return Sentiment("negative", min(sentiment.score, RISK_MILLI), sentiment.lang, sentiment.scorer + RISK_RULE)


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
        rivals = [(brand, name, rival_of(brand, name, query)) for brand in brands for name, query in brand.rivals]
        self._matcher = Matcher([*brands, *(rival for _, _, rival in rivals)])
        self._rivals = {rival.name: (brand, name) for brand, name, rival in rivals}
        """What competes with whom, by the name under which it is matched."""
        self._names = names
        self._scorers = shipped_scorers() if scorers is None else scorers
        self._masks = {brand.name: Masks.for_brand(brand) for brand in brands}
        self._classifiers = {brand.name: Classifier(dict(brand.issues)) for brand in brands}
        self.read = 0
        """Mentions looked at."""
        self.matched = 0
        """Mentions that at least one brand's query hit."""
        self.scored = 0
        """Results (one per mention and brand) with a sentiment."""
        self.unscored = 0
        """Results in a language that no scorer reads."""

    @property
    def scorers(self) -> Scorers:
        """What judges the texts."""
        return self._scorers

    def score(self, mention: Mention) -> list[ScoredMention]:
        """What is known about a mention for each brand it is about, in the order of the configuration; then for each
        brand with a competitor that it is about.
        """
        self.read += 1
        if mention.kind == "delete" or (mention.kind == "engagement" and not mention.text):
            return []
        document = Document(mention)
        brands = self._matcher.match_document(mention, document)
        if not brands:
            return []
        self.matched += any(brand.name not in self._rivals for brand in brands)
        words = cluster_of(document.text)
        cluster = self._names.text(words) if words else 0
        own_words = wording_of(document.text)
        wording = self._names.text(own_words) if own_words != words else 0
        text = clip(mention.text, MAX_TEXT)
        identified: dict[tuple[str, ...], tuple[str, int]] = {}
        found: dict[str, Classes] = {}
        results = []
        for hit in brands:
            brand, rival = self._rivals.get(hit.name, (hit, ""))
            if brand.languages not in identified:
                identified[brand.languages] = identify(text, hint=mention.lang, languages=brand.languages)
            lang, _ = identified[brand.languages]
            if brand.issues:
                risks, issues = self._classifiers[brand.name].classes(document.text, lang)
            else:
                if lang not in found:
                    found[lang] = self._classifiers[brand.name].classes(document.text, lang)
                risks, issues = found[lang]
            if risks and mention.source in brand.unmeasured:
                risks = tuple(risk for risk in risks if risk not in PROTESTS)
            masks = self._masks[brand.name]
            sentiment = judge(self._scorers, text, brand.languages, identified[brand.languages], masks)
            if mention.rating is not None:
                sentiment = with_stars(sentiment, mention.rating)
            sentiment = with_risks(sentiment, risks, document.text)
            own = brand.is_own(mention.author)
            if rival:
                results.append(ScoredMention(brand.name, mention, sentiment, own, rival=rival))
                continue
            self._counted(sentiment)
            results.append(ScoredMention(brand.name, mention, sentiment, own, risks, issues, cluster, wording))
        return results

    def _counted(self, sentiment: Sentiment) -> None:
        if sentiment.label == "unscored":
            self.unscored += 1
        else:
            self.scored += 1
