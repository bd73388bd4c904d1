"""One post, as it enters and after it was matched and scored."""

from typing import Literal

import msgspec

MentionKind = Literal["create", "update", "delete", "engagement", "purge"]
"""`purge`: the author is gone from the source, and everything of theirs is to go here too."""
Label = Literal["negative", "neutral", "positive", "unscored"]

PAST_LIMIT_MS = 36 * 3_600_000
FUTURE_LIMIT_MS = 2 * 60_000


class Mention(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One post of the public about something, or what became of it. Unknown is `None`, never 0.

    Times are milliseconds since 1970. `created_ms` is clamped to [observed - 36 h, observed + 2 min];
    `claimed_ms` keeps what the source said. Counts are as known at `observed_ms`.
    """

    id: str
    """`source:native_id`."""
    source: str
    kind: MentionKind = "create"
    created_ms: int
    claimed_ms: int
    observed_ms: int
    text: str
    author: str | None = None
    author_followers: int | None = None
    author_created_ms: int | None = None
    lang: str | None = None
    url: str | None = None
    parent_id: str | None = None
    root_id: str | None = None
    quoted_id: str | None = None
    is_repost: bool = False
    reposts: int | None = None
    likes: int | None = None
    replies: int | None = None
    views: int | None = None
    rating: int | None = None
    """Stars of a review, 1 (worst) to 5: evidence of its sentiment. Another number says nothing."""
    live: bool = True
    """False for what is back-filled or learnt from: it never signals, whatever its age."""


class Sentiment(msgspec.Struct, frozen=True, gc=False):
    """What a scorer made of one text. `score` is in milli-units, -1000..1000."""

    label: Label
    score: int
    lang: str
    scorer: str
    """Id and version, as `vader-en@1`."""


class ScoredMention(msgspec.Struct, frozen=True, gc=False):
    """A mention that one brand's query hit, with all that intake found out about it."""

    brand: str
    mention: Mention
    sentiment: Sentiment
    own: bool = False
    """Written by one of the brand's own accounts: a response, not a mention."""
    risks: tuple[str, ...] = ()
    """Risk classes found in the text, sorted."""
    issues: tuple[str, ...] = ()
    """Issue classes (what the complaint is about), sorted."""
    cluster: int = 0
    """64 bits that stand for the normalised text, or for another's that it passes on (0: no text)."""
    wording: int = 0
    """The same for all its words, where it adds some to what it passes on (0: it adds none)."""
    rival: str = ""
    """Name of the brand's competitor whose query hit it, and not the brand's own by this result."""
