"""What the texts add to a card: read from the erasable store when the card is shown, and decided by nobody.

An incident's story runs from the first of its findings to its latest decision; the past it is held against is the
fortnight before.
"""

from collections.abc import Sequence

from alerting.explain import Explanation, Vocabulary, explain
from alerting.facts import BLIND
from alerting.view import IncidentView
from stream.brands import Brand
from stream.codec import DAY_MS, HOUR_MS
from stream.sources.text_store import StoredPost, TextStore

PAST_MS = 14 * DAY_MS
PAST_POSTS = 3_000
PAST_BY_HOUR = -(-PAST_POSTS // (PAST_MS // HOUR_MS))
STORY_POSTS = 1_500
"""More of either are sampled by their names, which are keyed hashes: a card may take 50 ms, and no longer."""
EARLY_POSTS = 200
LONGEST_STORY_MS = 24 * HOUR_MS
"""Of a story that goes on for longer the last day is looked at."""
KEPT = 64
"""Explanations that wait for the next edit of their card."""


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

    def explain(self, view: IncidentView) -> Explanation:
        """What the texts say about an incident as its last decision left it. Raises `StoreError`."""
        about = self._about.get(view.brand)
        if about is None or view.scenario == BLIND:
            return Explanation()
        # An erasure must reach what is kept here too: what was explained before it is not used again.
        key = (view.incident, view.since_ms, view.found_ms, self._texts.erasures)
        found = self._kept.get(key)
        if found is None:
            found = self._explained(view, about)
            self._kept[key] = found
            while len(self._kept) > KEPT or next(iter(self._kept))[-1] != self._texts.erasures:
                del self._kept[next(iter(self._kept))]
        return found

    def _explained(self, view: IncidentView, about: Vocabulary) -> Explanation:
        from_ms, until_ms = story_of(view)
        now, sampled = self._texts.about(view.brand, from_ms, until_ms, STORY_POSTS)
        past, _ = self._texts.about(view.brand, from_ms - PAST_MS, from_ms, PAST_POSTS, by_hour=PAST_BY_HOUR)
        early = self._texts.earliest(view.brand, from_ms, until_ms, EARLY_POSTS) if sampled else []
        return explain(_public(now), _public(past), about, root=self._root(view), early=_public(early), sampled=sampled)

    def _root(self, view: IncidentView) -> StoredPost | None:
        """The first post of the conversation that spreads: a conversation is called by its name."""
        thread = next((str(s.evidence["thread"]) for s in view.signals if "thread" in s.evidence), "")
        return self._texts.get([thread]).get(thread) if thread else None


def story_of(view: IncidentView) -> tuple[int, int]:
    """From when to when an incident's story runs: `[from_ms, until_ms)`."""
    until_ms = max(view.found_ms, view.since_ms + 1)
    return max(view.since_ms, until_ms - LONGEST_STORY_MS), until_ms


def _public(posts: Sequence[StoredPost]) -> list[StoredPost]:
    """Without the brand's own answers."""
    return [post for post in posts if not post.own]
