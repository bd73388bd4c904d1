"""Builders of synthetic mentions for tests, from a seed that is printed.

One post at a time with `mention` and `scored`; a small public talking about some brands with `Public`. Everything is
made up here: words, handles and numbers. pytest shows what a failing test printed, so its seed is always at hand.
"""

import json
import random
from collections.abc import Iterator
from typing import Any

import msgspec

from stream.codec import DAY_MS, MINUTE_MS, rfc3339
from stream.mention import Label, Mention, ScoredMention, Sentiment
from stream.names import Names

START_MS = 1_767_225_600_000
"""2026-01-01T00:00:00Z, a Thursday."""

KEY = Names(b"tests")

_WORDS = (
    *("battery", "kettle", "handle", "parcel", "invoice", "refund", "café", "zonnig", "bezorging", "rekening", "kapot"),
    *("waar", "waarom", "thanks", "late", "broken", "lovely", "queue", "😀", "¿cómo?", "again", "never", "tomorrow?"),
)
_RISKS = ("data_breach", "safety", "legal")
_ISSUES = ("billing", "delivery", "product", "service")
_SOURCES = ("x", "mastodon", "reviews")


def seeded(seed: int) -> random.Random:
    """A generator for one test; prints its seed."""
    print(f"seed: {seed}")
    return random.Random(seed)


def mention(number: int = 1, *, at_ms: int = START_MS, lag_ms: int = 0, source: str = "x", **fields: Any) -> Mention:
    """One post, written at `at_ms` and observed `lag_ms` later; any field of `Mention` can be given."""
    given: dict[str, Any] = {
        "id": f"{source}:{number}",
        "source": source,
        "created_ms": at_ms,
        "claimed_ms": at_ms,
        "observed_ms": at_ms + lag_ms,
        "text": f"post number {number}",
        "author": f"author{number}",
    }
    return Mention(**(given | fields))


def scored(
    post: Mention,
    *,
    brand: str = "acme",
    label: Label = "neutral",
    score: int = 0,
    lang: str = "en",
    scorer: str = "test-scorer@1",
    **fields: Any,
) -> ScoredMention:
    """A post that hit a brand's query and was scored; its cluster follows from its text, unless given."""
    sentiment = Sentiment(label=label, score=score, lang=lang, scorer=scorer)
    given = {"cluster": KEY.text(post.text.lower()) if post.text else 0}
    return ScoredMention(brand=brand, mention=post, sentiment=sentiment, **(given | fields))


def line_of(post: Mention) -> bytes:
    """A mention as a line of the interchange form, as a source would write it (without a line feed)."""
    row = {
        "id": post.id,
        "source": post.source,
        "kind": post.kind,
        "created_at": rfc3339(post.claimed_ms),
        "observed_at": rfc3339(post.observed_ms),
        "text": post.text,
        "author": post.author,
        "author_created_at": rfc3339(post.author_created_ms) if post.author_created_ms is not None else None,
        "is_repost": post.is_repost,
    }
    same = ("author_followers", "lang", "url", "parent_id", "root_id", "quoted_id")
    counts = ("reposts", "likes", "replies", "views", "rating")
    row |= {name: getattr(post, name) for name in (*same, *counts)}
    return json.dumps({name: value for name, value in row.items() if value is not None}).encode()


class Public:
    """A made-up public: authors who post, answer, repost, quote and copy each other about some brands.

    >>> public = Public(seeded(7))
    seed: 7
    >>> posts = list(public.posts(3))
    >>> [p.mention.id for p in posts]
    ['x:1', 'reviews:2', 'mastodon:3']
    """

    def __init__(self, rng: random.Random, brands: tuple[str, ...] = ("acme",), *, start_ms: int = START_MS) -> None:
        self.rng = rng
        self.brands = brands
        self.now_ms = start_ms
        self.number = 0
        self.earlier: list[Mention] = []

    def posts(self, count: int, *, mean_gap_ms: int = 1_000) -> Iterator[ScoredMention]:
        """The next `count` posts, in the order in which they are observed; some are about to be minutes late."""
        for _ in range(count):
            self.now_ms += self.rng.randrange(2 * mean_gap_ms)
            yield self._score(self._post())

    def _post(self) -> Mention:
        rng = self.rng
        self.number += 1
        source = rng.choice(_SOURCES)
        lag_ms = rng.choice((0, 0, 0, 700, 4_000, 3 * MINUTE_MS))
        near = [m for m in self.earlier if m.source == source]
        other = rng.choice(near) if near and rng.random() < 0.5 else None
        born_ms = self.now_ms - rng.choice((3, 29, 400, 4_000)) * DAY_MS
        post = mention(
            self.number,
            at_ms=self.now_ms - lag_ms,
            lag_ms=lag_ms,
            source=source,
            text=" ".join(rng.choices(_WORDS, k=rng.randrange(1, 9))) if rng.random() < 0.95 else "",
            author=rng.choice((None, "author1", f"author{rng.randrange(40)}")),
            author_followers=rng.choice((None, 0, 12, 900, 250_000)),
            author_created_ms=rng.choice((None, born_ms)),
            lang=rng.choice((None, "en", "nl")),
            **self._counts(),
        )
        if other is not None:
            post = self._about(post, other)
        self.earlier = [*self.earlier[-50:], post]
        return post

    def _about(self, post: Mention, other: Mention) -> Mention:
        """The same post as a reply to, a quote of, a repost of or a copy of another."""
        how = self.rng.randrange(5)
        if how == 0:
            return msgspec.structs.replace(post, parent_id=other.id, root_id=other.root_id or other.id)
        if how == 1:
            return msgspec.structs.replace(post, parent_id=other.id)
        if how == 2:
            return msgspec.structs.replace(post, quoted_id=other.id)
        if how == 3:
            return msgspec.structs.replace(post, parent_id=other.id, is_repost=True, text=other.text)
        return msgspec.structs.replace(post, text=other.text)

    def _counts(self) -> dict[str, int | None]:
        rng = self.rng
        return {name: rng.choice((None, None, 0, 3, 1_200)) for name in ("likes", "reposts", "replies", "views")}

    def _score(self, post: Mention) -> ScoredMention:
        rng = self.rng
        label: Label = rng.choice(("negative", "negative", "neutral", "positive", "unscored"))
        sign = {"negative": -1, "neutral": 0, "positive": 1, "unscored": 0}[label]
        return scored(
            post,
            brand=rng.choice(self.brands),
            label=label,
            score=sign * rng.randrange(50, 1_000),
            lang=post.lang or "und",
            own=rng.random() < 0.05,
            risks=tuple(sorted(rng.sample(_RISKS, rng.choice((0, 0, 0, 1, 2))))),
            issues=tuple(sorted(rng.sample(_ISSUES, rng.choice((0, 1))))),
        )
