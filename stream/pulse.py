"""Parts and pulses: what intake adds to one brand's minute, and the minute itself.

A `PulsePart` is a commutative monoid (DESIGN M1-M6): merging is integer sums, maxima and unions, so any cut of the
stream into batches gives the same totals. Nothing here is cut to a length: lists are cut by the core, at the grid
point.
"""

from typing import TypeVar

import msgspec

from stream.sketches import Registers, merge_registers

K = TypeVar("K", int, str)

VOICE_BUCKETS = 1024
EXEMPLARS = 5


class Counts(msgspec.Struct, gc=False, omit_defaults=True):
    """What adds up: the facts of a minute (or of any stretch of time) about one brand."""

    mentions: int = 0
    """Posts about the brand by others."""
    reposts: int = 0
    negative: int = 0
    angry: int = 0
    """Negative posts in words of their authors' own: no headlines that are passed on (`stream.own_words`)."""
    neutral: int = 0
    positive: int = 0
    unscored: int = 0
    score_sum: int = 0
    """Milli-units over the scored posts."""
    negative_sum: int = 0
    """Milli-units over the negative posts: their strength."""
    questions: int = 0
    new_accounts: int = 0
    reach_sum: int = 0
    reach_max: int = 0
    responses: int = 0
    """Posts by the brand's own accounts: not in `mentions`."""
    edits: int = 0
    deletes: int = 0
    authors: Registers = {}
    negative_authors: Registers = {}
    """Of the angry posts; likewise their texts."""
    texts: Registers = {}
    """Distinct normalised texts."""
    negative_texts: Registers = {}
    sources: dict[str, int] = {}
    negative_sources: dict[str, int] = {}
    languages: dict[str, int] = {}
    risks: dict[str, int] = {}
    issues: dict[str, int] = {}
    scorers: dict[str, int] = {}

    def add(self, other: "Counts") -> None:
        """Merge `other` into this. Leaves `other` untouched and shares nothing with it."""
        # Written out: it runs for every part and every minute that is merged; a loop over names takes twice as long.
        self.mentions += other.mentions
        self.reposts += other.reposts
        self.negative += other.negative
        self.angry += other.angry
        self.neutral += other.neutral
        self.positive += other.positive
        self.unscored += other.unscored
        self.score_sum += other.score_sum
        self.negative_sum += other.negative_sum
        self.questions += other.questions
        self.new_accounts += other.new_accounts
        self.reach_sum += other.reach_sum
        self.reach_max = max(self.reach_max, other.reach_max)
        self.responses += other.responses
        self.edits += other.edits
        self.deletes += other.deletes
        merge_registers(self.authors, other.authors)
        merge_registers(self.negative_authors, other.negative_authors)
        merge_registers(self.texts, other.texts)
        merge_registers(self.negative_texts, other.negative_texts)
        add_table(self.sources, other.sources)
        add_table(self.negative_sources, other.negative_sources)
        add_table(self.languages, other.languages)
        add_table(self.risks, other.risks)
        add_table(self.issues, other.issues)
        add_table(self.scorers, other.scorers)

    @property
    def scored(self) -> int:
        """Posts that a scorer could judge."""
        return self.negative + self.neutral + self.positive


class ThreadPart(msgspec.Struct, gc=False, array_like=True):
    """What a batch adds to one thread."""

    posts: int = 0
    negative: int = 0
    scored: int = 0
    replies: int = 0
    reposts: int = 0
    quotes: int = 0
    first_ms: int = 0
    reach: int = 0
    voices: str = "0"
    """A bitmap of `stream.sketches`, in hex: JSON numbers are not that long."""
    positive: int = 0
    root_negative: int = 0
    """1 where the first post of the conversation is in the batch, and negative."""

    def add(self, other: "ThreadPart") -> None:
        """Merge `other` into this."""
        self.posts += other.posts
        self.negative += other.negative
        self.scored += other.scored
        self.replies += other.replies
        self.reposts += other.reposts
        self.quotes += other.quotes
        self.first_ms = min(self.first_ms, other.first_ms)
        self.reach += other.reach
        self.voices = or_hex(self.voices, other.voices)
        self.positive += other.positive
        self.root_negative = max(self.root_negative, other.root_negative)


class ClusterPart(msgspec.Struct, gc=False, array_like=True):
    """What a batch adds to one copy-paste cluster: posts with the same normalised text."""

    posts: int = 0
    negative: int = 0
    first_ms: int = 0
    voices: str = "0"

    def add(self, other: "ClusterPart") -> None:
        """Merge `other` into this."""
        self.posts += other.posts
        self.negative += other.negative
        self.first_ms = min(self.first_ms, other.first_ms)
        self.voices = or_hex(self.voices, other.voices)


class RivalCounts(msgspec.Struct, gc=False, omit_defaults=True):
    """What a batch adds to one competitor of the brand: never part of the brand's own counts."""

    mentions: int = 0
    negative: int = 0
    scored: int = 0
    authors: Registers = {}

    def add(self, other: "RivalCounts") -> None:
        """Merge `other` into this. Leaves `other` untouched and shares nothing with it."""
        self.mentions += other.mentions
        self.negative += other.negative
        self.scored += other.scored
        merge_registers(self.authors, other.authors)


J = TypeVar("J", ThreadPart, ClusterPart)


class Exemplar(msgspec.Struct, gc=False, frozen=True, array_like=True, order=True):
    """A post worth showing. Its order is its rank, which belongs to the post alone (M3): least first."""

    not_risky: int
    """0 when a risk class was found, else 1."""
    not_negative: int
    minus_reach: int
    created_ms: int
    name: str


class Engagement(msgspec.Struct, gc=False, frozen=True, array_like=True, order=True):
    """A post's absolute counts as last observed (M5). Unknown is -1. The later observation wins."""

    observed_ms: int
    likes: int = -1
    reposts: int = -1
    replies: int = -1
    views: int = -1


class PulsePart(msgspec.Struct, omit_defaults=True):
    """What one intake batch adds to one brand's minute: a commutative monoid under `add`."""

    counts: Counts = msgspec.field(default_factory=Counts)
    voices: dict[int, int] = {}
    """Posts by bucket of author (`hash % VOICE_BUCKETS`): frequent authors without a list of authors."""
    threads: dict[str, ThreadPart] = {}
    aliases: dict[str, tuple[int, str]] = {}
    """Post's name -> (created_ms, its thread's key): the core joins chains with it. The least wins."""
    clusters: dict[str, ClusterPart] = {}
    exemplars: list[Exemplar] = []
    engagement: dict[str, Engagement] = {}
    answered: dict[str, int] = {}
    """Name of a post -> when one of the brand's own accounts first replied to it."""
    asked: dict[str, int] = {}
    """Name of a post by others that asks something -> when it was written."""
    responded_ms: int = 0
    """When one of the brand's own accounts last posted (0: it did not)."""
    rivals: dict[str, RivalCounts] = {}
    """Competitors of the brand, by name."""

    def add(self, other: "PulsePart") -> None:
        """Merge `other` into this. Leaves `other` untouched, and shares with it only what no `add` changes."""
        self.counts.add(other.counts)
        add_table(self.voices, other.voices)
        _add_each(self.threads, other.threads)
        _add_each(self.clusters, other.clusters)
        aliases = self.aliases
        both = {name: min(aliases[name], other.aliases[name]) for name in aliases.keys() & other.aliases.keys()}
        aliases.update(other.aliases)
        aliases.update(both)
        if other.exemplars:
            self.exemplars = sorted({*self.exemplars, *other.exemplars})[:EXEMPLARS]
        for name, seen in other.engagement.items():
            before = self.engagement.get(name)
            if before is None or before < seen:
                self.engagement[name] = seen
        least_of_both(self.answered, other.answered)
        least_of_both(self.asked, other.asked)
        self.responded_ms = max(self.responded_ms, other.responded_ms)
        add_rivals(self.rivals, other.rivals)


class Pulse(msgspec.Struct):
    """A brand's minute (or longer bucket) `[start_ms, end_ms)`."""

    start_ms: int
    end_ms: int
    counts: Counts = msgspec.field(default_factory=Counts)
    complete: bool = True
    """False when a source was silent, lagging or capped in it: then it is never calm and never zero."""


def _add_each(into: dict[str, J], other: dict[str, J]) -> None:
    """Add up two tables. In a flood most of a part is in no other: it is taken over, and what is in both is copied."""
    both = {}
    for key in into.keys() & other.keys():
        mine = both[key] = msgspec.structs.replace(into[key])
        mine.add(other[key])
    into.update(other)
    into.update(both)


def add_rivals(into: dict[str, RivalCounts], other: dict[str, RivalCounts]) -> None:
    """Add up two tables of competitors; shares nothing with `other`.

    >>> table = {"Bolt": RivalCounts(mentions=1)}
    >>> add_rivals(table, {"Bolt": RivalCounts(mentions=2)}); table["Bolt"].mentions
    3
    """
    for name, counts in other.items():
        into.setdefault(name, RivalCounts()).add(counts)


def least_of_both(into: dict[str, int], other: dict[str, int]) -> None:
    """Keep the lesser of two tables' times by name.

    >>> table = {"a": 5, "b": 1}
    >>> least_of_both(table, {"a": 3, "b": 2, "c": 9}); table
    {'a': 3, 'b': 1, 'c': 9}
    """
    if not other:
        return
    both = {name: min(into[name], other[name]) for name in into.keys() & other.keys()}
    into.update(other)
    into.update(both)


def or_hex(left: str, right: str) -> str:
    """Union of two bitmaps written in hex.

    >>> or_hex("1", "2")
    '3'
    """
    return left if left == right else f"{int(left, 16) | int(right, 16):x}"


def add_table(into: dict[K, int], other: dict[K, int]) -> None:
    """Add up two tables of counts.

    >>> table = {"a": 1}
    >>> add_table(table, {"a": 1, "b": 2}); table
    {'a': 2, 'b': 2}
    """
    if not into:
        into.update(other)  # a copy in C: most sums begin with nothing
        return
    for key, amount in other.items():
        into[key] = into.get(key, 0) + amount
