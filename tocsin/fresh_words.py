"""What the texts add to a card: read from the erasable store when the card is shown, and decided by nobody.

An incident's story runs from the first of its findings to its latest decision; the past it is held against is the
fortnight before.
"""

from collections.abc import Sequence
from typing import TypeVar

from alerting.explain import Explanation, Texts, Vocabulary, explain
from alerting.facts import BLIND
from alerting.view import IncidentView
from stream.brands import Brand
from stream.codec import DAY_MS, HOUR_MS
from stream.sources.text_store import StoredPost, TextStore

K = TypeVar("K", tuple[str, int, int], tuple[str, int, int, int])
V = TypeVar("V")

PAST_MS = 14 * DAY_MS
PAST_POSTS = 1_500
PAST_BY_HOUR = -(-PAST_POSTS // (PAST_MS // HOUR_MS))
STORY_POSTS = 800
"""More of either are sampled by their names, which are keyed hashes: a card may take 50 ms and no longer, whatever the
size of the crisis. `benchmarks/words.py` measures it."""
EARLY_POSTS = 200
LONGEST_STORY_MS = 24 * HOUR_MS
"""Of a story that goes on for longer the last day is looked at."""
KEPT = 64
"""Explanations that wait for the next edit of their card."""
PASTS_KEPT = 4


class Explainer:
    """Explains incidents from a text store. Raises `QueryError` for a brand whose query cannot be read.

    >>> explainer = Explainer(TextStore(None), [Brand("Acme", "acme")])
    >>> view = IncidentView(brand="Acme", incident="a-0", scenario="backlash", severity="high", opened_ms=0)
    >>> explainer.explain(view) == Explanation()
    True
    """

    def __init__(self, texts: TextStore, brands: Sequence[Brand]) -> None:
        self._texts = texts
        self._about = {brand.name: Vocabulary(brand) for brand in brands}
        self._kept: dict[tuple[str, int, int, int], Explanation] = {}
        self._pasts: dict[tuple[str, int, int], Texts] = {}
        """By brand and the beginning of a story: a card is edited often, and its past stays what it was."""

    def explain(self, view: IncidentView) -> Explanation:
        """What the texts say about an incident as its last decision left it. Raises `StoreError`."""
        about = self._about.get(view.brand)
        if about is None or view.scenario == BLIND:
            return Explanation()
        # An erasure must reach what is kept here too: what was explained before it is not used again.
        key = (view.incident, view.since_ms, view.found_ms, self._texts.erasures)
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = self._explained(view, about)
            _forget(self._kept, KEPT, self._texts.erasures)
        return found

    def _explained(self, view: IncidentView, about: Vocabulary) -> Explanation:
        from_ms, until_ms = story_of(view)
        now, sampled = self._texts.about(view.brand, from_ms, until_ms, STORY_POSTS)
        early = self._texts.earliest(view.brand, from_ms, until_ms, EARLY_POSTS) if sampled else []
        past = self._past(view.brand, from_ms)
        return explain(Texts(_public(now)), past, about, root=self._root(view), early=_public(early), sampled=sampled)

    def _past(self, brand: str, from_ms: int) -> Texts:
        key = (brand, from_ms, self._texts.erasures)
        found = self._pasts.get(key)
        if found is None:
            posts, _ = self._texts.about(brand, from_ms - PAST_MS, from_ms, PAST_POSTS, by_hour=PAST_BY_HOUR)
            found = self._pasts[key] = Texts(_public(posts))
            _forget(self._pasts, PASTS_KEPT, self._texts.erasures)
        return found

    def _root(self, view: IncidentView) -> StoredPost | None:
        """The first post of the conversation that spreads: a conversation is called by its name."""
        thread = next((str(s.evidence["thread"]) for s in view.signals if "thread" in s.evidence), "")
        return self._texts.get([thread]).get(thread) if thread else None


def _forget(kept: dict[K, V], most: int, erasures: int) -> None:
    """Leave at most so many, the youngest, and none of before an erasure."""
    while len(kept) > most or next(iter(kept))[-1] != erasures:
        del kept[next(iter(kept))]


def story_of(view: IncidentView) -> tuple[int, int]:
    """From when to when an incident's story runs: `[from_ms, until_ms)`."""
    until_ms = max(view.found_ms, view.since_ms + 1)
    return max(view.since_ms, until_ms - LONGEST_STORY_MS), until_ms


def _public(posts: Sequence[StoredPost]) -> list[StoredPost]:
    """Without the brand's own answers."""
    return [post for post in posts if not post.own]
