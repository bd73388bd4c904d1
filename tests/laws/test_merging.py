"""Merging (DESIGN M1-M7): the sum of the parts does not show how the stream was cut, ordered or split.

Every property holds the canonical bytes of the merged parts of one way against those of another, over posts of a
made-up public that a seed determines.
"""

import random
from collections.abc import Callable, Iterable, Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.codec import canonical, copy_of
from stream.combine import Combined, Combiner
from stream.mention import ScoredMention
from stream.names import Names
from stream.pulse import EXEMPLARS, PulsePart
from tests.mentions import KEY, Public, scored

STEP = 5_000
ALL = 2**60

Post = tuple[str, ScoredMention]
"""What is to be done with a post (`add`, `edit`, `delete`, `engagement`), and the post."""
Home = tuple[str, int, int, bool]

seeds = st.integers(0, 2**32)
few = settings(max_examples=25, deadline=None)


def stream_of(seed: int, count: int = 60) -> list[Post]:
    """Posts of a small public, with what becomes of some of them later."""
    rng = random.Random(seed)
    posts: list[Post] = []
    for post in Public(rng, ("acme", "zeta")).posts(count, mean_gap_ms=1_500):
        posts.append(("add", post))
        if rng.random() < 0.3:
            then = msgspec.structs.replace(
                rng.choice(posts)[1].mention,
                observed_ms=post.mention.observed_ms + rng.randrange(3) * 1_000,
                likes=rng.randrange(100),
            )
            posts.append((rng.choice(("edit", "delete", "engagement")), scored(then, brand=post.brand)))
    return posts


def combine(posts: Iterable[Post], names: Names = KEY) -> list[Combined]:
    combiner = Combiner(names, STEP)
    for what, post in posts:
        if what == "add":
            combiner.add(post)
        else:
            getattr(combiner, f"add_{what}")(post.brand, post.mention)
    return combiner.seal(ALL)


def merged(parts: Iterable[Combined]) -> dict[Home, PulsePart]:
    """The sum per brand, minute, step and live."""
    homes: dict[Home, PulsePart] = {}
    for combined in parts:
        homes.setdefault(combined[:4], PulsePart()).add(combined.part)
    return homes


def spelled(homes: dict[Home, PulsePart]) -> dict[Home, bytes]:
    return {home: canonical(part) for home, part in sorted(homes.items())}


def cuts(posts: Sequence[Post], rng: random.Random) -> list[list[Post]]:
    """The stream cut at random places; batches may be empty."""
    places = sorted(rng.randrange(len(posts) + 1) for _ in range(rng.randrange(12)))
    return [list(posts[a:b]) for a, b in zip([0, *places], [*places, len(posts)], strict=True)]


@given(seeds)
@few
def test_any_cut_into_batches_gives_the_same_sum(seed: int) -> None:
    posts = stream_of(seed)
    batches = cuts(posts, random.Random(seed + 1))
    assert spelled(merged(c for batch in batches for c in combine(batch))) == spelled(merged(combine(posts)))


@given(seeds)
@few
def test_any_order_gives_the_same_sum(seed: int) -> None:
    posts, rng = stream_of(seed), random.Random(seed + 1)
    shuffled = rng.sample(posts, len(posts))
    assert spelled(merged(combine(shuffled))) == spelled(merged(combine(posts)))
    parts = [c for batch in cuts(shuffled, rng) for c in combine(batch)]
    assert spelled(merged(rng.sample(parts, len(parts)))) == spelled(merged(combine(posts)))


@given(seeds, st.integers(4, 40))
@few
def test_any_split_into_chunks_gives_the_same_sum(seed: int, room: int) -> None:
    posts, rng = stream_of(seed), random.Random(seed + 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stream.combine.MAX_KEYS", room)
        chunks = combine(posts)
    assert all(len(c.part.threads) + len(c.part.clusters) <= room for c in chunks)
    assert spelled(merged(rng.sample(chunks, len(chunks)))) == spelled(merged(combine(posts)))


@given(seeds)
@few
def test_any_layout_of_workers_gives_the_same_sum(seed: int) -> None:
    """Each post goes to one of three workers by its id, as a partitioned topic would send it."""
    posts = stream_of(seed)
    workers = [[p for p in posts if int(KEY.mention(p[1].mention.id), 16) % 3 == n] for n in range(3)]
    assert spelled(merged(c for worker in workers for c in combine(worker))) == spelled(merged(combine(posts)))


@given(seeds)
@few
def test_sealing_step_by_step_hands_out_what_sealing_at_once_does(seed: int) -> None:
    posts = [p for p in stream_of(seed) if p[0] == "add"]
    posts.sort(key=lambda p: p[1].mention.observed_ms)
    combiner, sealed = Combiner(KEY, STEP), []
    for _, post in posts:
        sealed += combiner.seal(post.mention.observed_ms // STEP - 1)
        combiner.add(post)
    sealed += combiner.seal(ALL)
    assert [(c[:5], canonical(c.part)) for c in sealed] == [(c[:5], canonical(c.part)) for c in combine(posts)]


def parts_of(seed: int, count: int) -> list[PulsePart]:
    """Parts of one brand's minute, as that many batches would bring them."""
    posts = stream_of(seed, 12 * count)
    return [merged_into_one(combine(posts[n::count])) for n in range(count)]


def merged_into_one(parts: Iterable[Combined]) -> PulsePart:
    total = PulsePart()
    for combined in parts:
        total.add(combined.part)
    return total


def plus(*parts: PulsePart) -> PulsePart:
    total = PulsePart()
    for part in parts:
        total.add(part)
    return total


@given(seeds)
@few
def test_a_part_is_a_commutative_monoid(seed: int) -> None:
    """M1."""
    a, b, c = parts_of(seed, 3)
    assert canonical(plus(a, b)) == canonical(plus(b, a))
    assert canonical(plus(plus(a, b), c)) == canonical(plus(a, plus(b, c)))
    assert canonical(plus(a, PulsePart())) == canonical(plus(PulsePart(), a)) == canonical(a)


@given(seeds)
@few
def test_adding_never_changes_nor_keeps_hold_of_the_other_part(seed: int) -> None:
    a, b, c = parts_of(seed, 3)
    before = [canonical(p) for p in (b, c)]
    a.add(b)
    a.add(c)
    after_ab = canonical(a)
    assert [canonical(p) for p in (b, c)] == before
    # Whatever happens to the one afterwards does not reach the other.
    a.add(copy_of(b))
    assert canonical(b) == before[0]
    b.add(c)
    b.add(copy_of(b))
    again = plus(a)
    assert canonical(again) == canonical(a) != after_ab
    assert canonical(c) == before[1]


@given(seeds)
@few
def test_a_part_survives_the_journal(seed: int) -> None:
    (part,) = parts_of(seed, 1)
    assert canonical(copy_of(part)) == canonical(part)
    assert canonical(plus(copy_of(part), part)) == canonical(plus(part, part))


@given(seeds)
@few
def test_no_list_is_cut_before_the_core(seed: int) -> None:
    """M2: every thread, text and voice is in, single ones too; the sums are those of counting by hand."""
    posts = [p for what, p in stream_of(seed, 120) if what == "add" and not p.own]
    total = merged_into_one(combine(("add", p) for p in posts))
    homes = {p.mention.root_id or p.mention.parent_id or p.mention.quoted_id or p.mention.id for p in posts}
    assert total.threads.keys() == {KEY.mention(home) for home in homes}
    assert total.clusters.keys() == {f"{p.cluster:016x}" for p in posts if p.cluster}
    assert total.aliases.keys() >= {KEY.mention(p.mention.id) for p in posts}
    assert sum(total.voices.values()) == total.counts.mentions == len(posts)
    assert sum(t.posts for t in total.threads.values()) == len(posts)
    assert sum(c.posts for c in total.clusters.values()) == sum(1 for p in posts if p.cluster)


@given(seeds)
@few
def test_the_top_of_a_union_is_the_top_of_the_tops(seed: int) -> None:
    """M3, against ranking all posts at once."""
    posts = [p for p in stream_of(seed, 90) if p[0] == "add" and not p[1].own]
    alone = [c.part.exemplars[0] for p in posts for c in combine([p])]
    parts = [c for batch in cuts(posts, random.Random(seed)) for c in combine(batch)]
    assert merged_into_one(parts).exemplars == sorted(alone)[:EXEMPLARS]


@given(seeds)
@few
def test_a_threads_and_a_clusters_key_belong_to_the_post_alone(seed: int) -> None:
    """M4: what else was in the batch does not show in the keys."""
    posts = [p for p in stream_of(seed) if p[0] == "add"]
    together = merged_into_one(combine(posts))
    for post in posts:
        (alone,) = combine([post])
        assert alone.part.threads.keys() <= together.threads.keys()
        assert alone.part.clusters.keys() <= together.clusters.keys()


@given(seeds)
@few
def test_of_two_observations_of_a_posts_counts_the_later_wins(seed: int) -> None:
    """M5, in any order and from any batch."""
    posts = [p for p in stream_of(seed) if p[0] == "engagement"]
    total = merged_into_one(combine(random.Random(seed).sample(posts, len(posts))))
    for _, post in posts:
        same = [p.mention for _, p in posts if p.mention.id == post.mention.id]
        newest = max((m.observed_ms, m.likes) for m in same)
        held = total.engagement[KEY.mention(post.mention.id)]
        assert (held.observed_ms, held.likes) == newest


COUNTED: dict[str, Callable[[ScoredMention], bool]] = {
    "mentions": lambda p: True,
    "reposts": lambda p: p.mention.is_repost,
    "negative": lambda p: p.sentiment.label == "negative",
    "neutral": lambda p: p.sentiment.label == "neutral",
    "positive": lambda p: p.sentiment.label == "positive",
    "unscored": lambda p: p.sentiment.label == "unscored",
    "questions": lambda p: "?" in p.mention.text,
}


@given(seeds)
@few
def test_the_facts_are_those_of_counting_post_by_post(seed: int) -> None:
    """M6."""
    posts = [p for what, p in stream_of(seed, 120) if what == "add"]
    counts = merged_into_one(combine(("add", p) for p in posts)).counts
    others = [p for p in posts if not p.own]
    for name, holds in COUNTED.items():
        assert getattr(counts, name) == sum(map(holds, others)), name
    assert counts.responses == len(posts) - len(others)
    assert counts.score_sum == sum(p.sentiment.score for p in others)
    assert counts.reach_sum == sum(p.mention.author_followers or 0 for p in others)
    assert counts.reach_max == max(p.mention.author_followers or 0 for p in others)
    for table in (counts.sources, counts.languages, counts.scorers):
        assert sum(table.values()) == len(others)
    assert sum(counts.risks.values()) == sum(len(p.risks) for p in others)


@given(seeds)
@few
def test_a_part_holds_no_words_and_names_nobody(seed: int) -> None:
    """M7, and M1's keyed names: another key, other names and the same sums; no id, handle or text anywhere."""
    posts = stream_of(seed)
    body = canonical(merged_into_one(combine(posts)))
    for _, post in posts:
        m = post.mention
        assert f'"{m.id}"'.encode() not in body
        words = [*m.text.split(), *([m.author] if m.author else [])]
        assert not [word for word in words if word.encode() in body]
    ours, theirs = (merged_into_one(combine(posts, names)) for names in (KEY, Names(b"another")))
    assert not ours.aliases.keys() & theirs.aliases.keys()
    assert len(ours.threads) == len(theirs.threads)
    assert ours.counts.mentions == theirs.counts.mentions
