"""Takes posts off parts: how the core would have seen a day on which fewer people had posted. Pure.

A part holds counts and sketches, not posts, so which post goes cannot be said, only how many, and of what tone.
Whatever cannot be told apart goes in proportion, and rounding keeps: no change looks greater than it is.
"""

from collections.abc import Iterator
from typing import TypeVar

import msgspec

from stream.pulse import ClusterPart, Counts, PulsePart, ThreadPart
from stream.sketches import Registers

Joined = TypeVar("Joined", ThreadPart, ClusterPart)


def evenly(total: int) -> list[int]:
    """The numbers below `total`, ordered so that each beginning of the list is spread evenly (van der Corput 1935).

    >>> evenly(6)
    [0, 4, 2, 1, 5, 3]
    """
    bits = max(total - 1, 0).bit_length()
    turned = (int(f"{n:0{bits}b}"[::-1], 2) if bits else 0 for n in range(1 << bits))
    return [n for n in turned if n < total]


def thinned(part: PulsePart, posts: int, *, angry: bool) -> PulsePart:
    """The part without so many posts; with `angry` only negative ones go. Leaves `part` untouched.

    >>> part = PulsePart(counts=Counts(mentions=4, negative=2, neutral=2, authors={1: 1, 2: 1, 3: 1, 4: 1}))
    >>> less = thinned(part, 1, angry=True).counts
    >>> less.mentions, less.negative, less.neutral, sorted(less.authors)
    (3, 1, 2, [1, 2, 3])

    Raises `ValueError` when the part has not so many.
    """
    counts = part.counts
    there = counts.negative if angry else counts.mentions
    if posts > there:
        raise ValueError(f"a part of {there} posts cannot lose {posts}")
    if not posts:
        return part
    negative = posts if angry else _share(counts.negative, posts, counts.mentions)
    kept = counts.mentions - posts
    return msgspec.structs.replace(
        part,
        counts=_counts(counts, posts, negative),
        voices=_fewer_voices(part.voices, posts),
        threads=_fewer_threads(part.threads, posts, negative),
        clusters=_fewer_clusters(part.clusters, posts, negative),
        exemplars=part.exemplars[:kept],
        asked={name: part.asked[name] for name in sorted(part.asked)[: -(-len(part.asked) * kept // counts.mentions)]},
    )


def _share(amount: int, part: int, whole: int) -> int:
    """`amount * part / whole`, rounded down: what goes is never more than its share."""
    return amount * part // whole if whole else 0


def _counts(counts: Counts, posts: int, negative: int) -> Counts:
    whole, kept = counts.mentions, counts.mentions - posts
    others = posts - negative
    unscored = min(counts.unscored, others)
    neutral = min(counts.neutral, others - unscored)
    positive = min(counts.positive, others - unscored - neutral)
    anger = _share(counts.negative_sum, negative, counts.negative)
    angry = min(counts.angry - _share(counts.angry, negative, counts.negative), counts.negative - negative)
    furious = _kept(counts.negative_authors, angry, counts.angry)
    upset = _kept(counts.negative_texts, angry, counts.angry)
    return msgspec.structs.replace(
        counts,
        mentions=whole - posts,
        negative=counts.negative - negative,
        neutral=counts.neutral - neutral,
        positive=counts.positive - positive,
        unscored=counts.unscored - unscored,
        angry=angry,
        negative_sum=counts.negative_sum - anger,
        score_sum=counts.score_sum - anger if kept else 0,
        reach_max=counts.reach_max if kept else 0,
        reposts=counts.reposts - _share(counts.reposts, posts, whole),
        questions=counts.questions - _share(counts.questions, posts, whole),
        new_accounts=counts.new_accounts - _share(counts.new_accounts, posts, whole),
        reach_sum=counts.reach_sum - _share(counts.reach_sum, posts, whole),
        negative_authors=furious,
        negative_texts=upset,
        authors=_kept(counts.authors, whole - posts, whole, first=furious),
        texts=_kept(counts.texts, whole - posts, whole, first=upset),
        sources=_fewer(counts.sources, posts, whole),
        languages=_fewer(counts.languages, posts, whole),
        scorers=_fewer(counts.scorers, posts, whole),
        negative_sources=_fewer(counts.negative_sources, negative, counts.negative),
        risks=_fewer(counts.risks, posts, whole),
        issues=_fewer(counts.issues, posts, whole),
    )


def _kept(registers: Registers, kept: int, whole: int, first: Registers | None = None) -> Registers:
    """So many of the registers as their share of the posts, rounded up; those of `first` before the others."""
    size = -(-len(registers) * kept // whole) if whole else 0
    ranked = sorted(registers, key=lambda index: (first is None or index not in first, index))
    return {index: registers[index] for index in ranked[:size]}


def _fewer(table: dict[str, int], posts: int, whole: int) -> dict[str, int]:
    """A table of counts without its share of the posts that go."""
    left = {key: amount - _share(amount, posts, whole) for key, amount in table.items()}
    return {key: amount for key, amount in left.items() if amount}


def _fewer_voices(voices: dict[int, int], posts: int) -> dict[int, int]:
    """One post each from the busiest, again and again."""
    left = dict(voices)
    while posts > 0 and left:
        for bucket in sorted(left, key=lambda bucket: (-left[bucket], bucket))[:posts]:
            left[bucket] -= 1
            posts -= 1
            if not left[bucket]:
                del left[bucket]
    return left


def _fewer_threads(threads: dict[str, ThreadPart], posts: int, negative: int) -> dict[str, ThreadPart]:
    return {
        key: msgspec.structs.replace(
            left,
            positive=left.positive - _share(left.positive, gone, whole),
            scored=min(left.scored, whole - gone),
            replies=left.replies - _share(left.replies, gone, whole),
            reposts=left.reposts - _share(left.reposts, gone, whole),
            quotes=left.quotes - _share(left.quotes, gone, whole),
            reach=left.reach - _share(left.reach, gone, whole),
        )
        for key, left, gone, whole in _left(threads, posts, negative)
    }


def _fewer_clusters(clusters: dict[str, ClusterPart], posts: int, negative: int) -> dict[str, ClusterPart]:
    return {key: left for key, left, _, _ in _left(clusters, posts, negative)}


def _left(table: dict[str, Joined], posts: int, negative: int) -> Iterator[tuple[str, Joined, int, int]]:
    """Of what keeps a post: its key, itself with fewer posts, negatives and voices, how many went, and of how many."""
    quotas = _quotas({key: one.posts for key, one in table.items()}, posts)
    angry = _quotas({key: min(table[key].negative, quotas[key]) for key in table}, negative)
    for key, one in table.items():
        gone = quotas[key]
        if gone < one.posts:
            kept, negatives = one.posts - gone, one.negative - angry[key]
            voices = _fewer_bits(one.voices, gone, one.posts)
            left = msgspec.structs.replace(one, posts=kept, negative=negatives, voices=voices)
            yield key, left, gone, one.posts


def _quotas(sizes: dict[str, int], gone: int) -> dict[str, int]:
    """How many each loses: its share, and what is left over from the greatest."""
    whole = sum(sizes.values())
    quotas = {key: _share(size, min(gone, whole), whole) for key, size in sizes.items()}
    left = min(gone, whole) - sum(quotas.values())
    for key in sorted(sizes, key=lambda key: (-sizes[key], key)):
        more = min(left, sizes[key] - quotas[key], 1)
        quotas[key] += more
        left -= more
    return quotas


def _fewer_bits(voices: str, gone: int, posts: int) -> str:
    bitmap = int(voices, 16)
    for _ in range(_share(bitmap.bit_count(), gone, posts)):
        bitmap &= bitmap - 1
    return f"{bitmap:x}"
