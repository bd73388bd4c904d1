"""What one post adds to its brand's part; parts are handed out by step and split when they are large."""

import pytest

from stream.codec import DAY_MS, MINUTE_MS, canonical
from stream.combine import MAX_KEYS, Combined, Combiner
from stream.pulse import Engagement, Exemplar, PulsePart
from stream.sketches import distinct, distinct_bits
from tests.mentions import KEY, START_MS, Public, mention, scored, seeded

STEP = 5_000
ALL = 2**60


def combined(*posts: object) -> PulsePart:
    """The one part of posts of one minute and step."""
    combiner = Combiner(KEY, STEP)
    for post in posts:
        combiner.add(post)  # type: ignore[arg-type]
    (sealed,) = combiner.seal(ALL)
    return sealed.part


def test_a_post_counts_everywhere_it_belongs() -> None:
    post = mention(
        1,
        source="x",
        text="why is it broken?",
        author="ann",
        author_followers=70,
        author_created_ms=START_MS - 29 * DAY_MS,
        is_repost=True,
    )
    part = combined(
        scored(post, label="negative", score=-400, lang="en", risks=("safety",), issues=("product",), scorer="s@1")
    )
    counts = part.counts
    assert (counts.mentions, counts.reposts, counts.negative, counts.neutral, counts.positive) == (1, 1, 1, 0, 0)
    assert (counts.score_sum, counts.negative_sum, counts.unscored) == (-400, -400, 0)
    assert (counts.questions, counts.new_accounts, counts.reach_sum, counts.reach_max) == (1, 1, 70, 70)
    assert (counts.sources, counts.negative_sources, counts.languages) == ({"x": 1}, {"x": 1}, {"en": 1})
    assert (counts.risks, counts.issues, counts.scorers) == ({"safety": 1}, {"product": 1}, {"s@1": 1})
    assert distinct(counts.authors) == distinct(counts.negative_authors) == distinct(counts.texts) == 1
    assert sum(part.voices.values()) == 1
    assert part.exemplars == [Exemplar(0, 0, -70, START_MS, KEY.mention("x:1"))]
    assert counts.responses == counts.edits == counts.deletes == 0


def test_what_no_scorer_judged_is_a_mention_and_not_neutral() -> None:
    counts = combined(scored(mention(), label="unscored", score=0, lang="und")).counts
    assert (counts.mentions, counts.unscored, counts.neutral, counts.scored) == (1, 1, 0, 0)
    assert counts.languages == {"und": 1}
    assert counts.score_sum == 0


def test_what_is_unknown_adds_nothing() -> None:
    counts = combined(scored(mention(author_followers=None, author_created_ms=None))).counts
    assert (counts.reach_sum, counts.reach_max, counts.new_accounts) == (0, 0, 0)


@pytest.mark.parametrize(("age_days", "new"), [(29, 1), (30, 0), (3_000, 0)])
def test_an_account_is_new_for_thirty_days(age_days: int, new: int) -> None:
    assert combined(scored(mention(author_created_ms=START_MS - age_days * DAY_MS))).counts.new_accounts == new


def test_the_brands_own_post_is_a_response_and_nothing_else() -> None:
    part = combined(scored(mention(2, parent_id="x:1", text="sorry?"), own=True, label="negative", score=-500))
    expected = PulsePart(answered={KEY.mention("x:1"): START_MS}, responded_ms=START_MS)
    expected.counts.responses = 1
    assert canonical(part) == canonical(expected)


def test_the_first_answer_to_a_post_is_the_one_that_counts() -> None:
    late = scored(mention(3, parent_id="x:1", at_ms=START_MS + 2_000), own=True)
    early = scored(mention(2, parent_id="x:1", at_ms=START_MS + 1_000), own=True)
    assert combined(late, early).answered == {KEY.mention("x:1"): START_MS + 1_000}


def test_a_thread_is_named_by_root_then_parent_then_quoted_then_itself() -> None:
    names = [
        ({"root_id": "x:r", "parent_id": "x:p", "quoted_id": "x:q"}, "x:r"),
        ({"parent_id": "x:p", "quoted_id": "x:q"}, "x:p"),
        ({"quoted_id": "x:q"}, "x:q"),
        ({}, "x:1"),
        ({"root_id": "x:1"}, "x:1"),
    ]
    for fields, home in names:
        part = combined(scored(mention(1, **fields)))
        assert list(part.threads) == [KEY.mention(home)]
        assert part.aliases[KEY.mention("x:1")] == (START_MS, KEY.mention(home))


def test_the_parent_of_a_reply_belongs_to_the_same_thread() -> None:
    part = combined(scored(mention(3, parent_id="x:2", root_id="x:1")))
    root = KEY.mention("x:1")
    assert part.aliases == {KEY.mention("x:3"): (START_MS, root), KEY.mention("x:2"): (START_MS, root)}


def test_a_thread_counts_replies_reposts_quotes_voices_and_reach() -> None:
    part = combined(
        scored(mention(1, author="a", author_followers=10, root_id="x:1"), label="negative", score=-1),
        scored(mention(2, author="b", author_followers=5, parent_id="x:1"), label="positive", score=1),
        scored(mention(3, author="b", root_id="x:1"), label="unscored"),
        scored(mention(4, author="c", parent_id="x:1", is_repost=True)),
        scored(mention(5, author="d", quoted_id="x:1", at_ms=START_MS)),
    )
    (thread,) = part.threads.values()
    assert (thread.posts, thread.replies, thread.reposts, thread.quotes) == (5, 2, 1, 1)
    assert (thread.negative, thread.scored, thread.reach, thread.first_ms) == (1, 4, 15, START_MS)
    assert distinct_bits(int(thread.voices, 16)) == 4


def test_copies_share_a_cluster_and_no_text_has_none() -> None:
    part = combined(
        scored(mention(1, text="Same words", author="a"), label="negative", score=-1),
        scored(mention(2, text="same words", author="b")),
        scored(mention(3, text="other words")),
        scored(mention(4, text="")),
    )
    sizes = {key: (c.posts, c.negative, distinct_bits(int(c.voices, 16))) for key, c in part.clusters.items()}
    assert sizes[f"{KEY.text('same words'):016x}"] == (2, 1, 2)
    assert len(sizes) == 2
    assert distinct(part.counts.texts) == 2


def test_posts_without_an_author_are_voices_of_their_own() -> None:
    counts = combined(*(scored(mention(n, author=None)) for n in range(20))).counts
    assert 19 <= distinct(counts.authors) <= 21
    counts = combined(*(scored(mention(n, author="one")) for n in range(20))).counts
    assert distinct(counts.authors) == 1


def test_the_posts_most_worth_showing_are_kept_by_rank() -> None:
    posts = [scored(mention(n, author_followers=n)) for n in range(9)]
    risky = scored(mention(10), risks=("safety",))
    angry = scored(mention(11), label="negative", score=-1)
    expected = [risky, angry, *posts[:5:-1]]
    for order in ([*posts, risky, angry], [angry, *posts[::-1], risky]):
        assert [e.name for e in combined(*order).exemplars] == [KEY.mention(s.mention.id) for s in expected]


def test_edits_deletes_and_counts_are_events_and_never_mentions() -> None:
    combiner = Combiner(KEY, STEP)
    combiner.add_edit("acme", mention(1, kind="update"))
    combiner.add_delete("acme", mention(1, kind="delete", text=""))
    combiner.add_engagement("acme", mention(1, kind="engagement", likes=9, lag_ms=10))
    combiner.add_engagement("acme", mention(1, kind="engagement", likes=4, reposts=2, lag_ms=20))
    combiner.add_engagement("acme", mention(1, kind="engagement", likes=5, lag_ms=15))
    (sealed,) = combiner.seal(ALL)
    counts = sealed.part.counts
    assert (counts.edits, counts.deletes, counts.mentions) == (1, 1, 0)
    assert sealed.part.engagement == {KEY.mention("x:1"): Engagement(START_MS + 20, 4, 2, -1, -1)}


def test_counts_a_new_post_already_has_are_a_first_observation() -> None:
    assert combined(scored(mention(1, likes=0, views=None))).engagement == {}
    seen = combined(scored(mention(1, likes=0, reposts=7))).engagement
    assert seen == {KEY.mention("x:1"): Engagement(START_MS, 0, 7, -1, -1)}


def test_parts_are_by_brand_minute_step_and_live_and_leave_in_that_order_once() -> None:
    combiner = Combiner(KEY, STEP)
    for number, (brand, at_ms, lag_ms, live) in enumerate(
        [("zeta", 0, 0, True), ("acme", 59_000, 1_000, True), ("acme", 60_000, 0, True), ("acme", 0, 0, False)]
    ):
        combiner.add(scored(mention(number, at_ms=START_MS + at_ms, lag_ms=lag_ms, live=live), brand=brand))
    step = START_MS // STEP
    assert [c[:5] for c in combiner.seal(step)] == [
        ("acme", START_MS, step, False, 0),
        ("zeta", START_MS, step, True, 0),
    ]
    assert [c[:5] for c in combiner.seal(step + 12)] == [
        ("acme", START_MS, step + 12, True, 0),
        ("acme", START_MS + MINUTE_MS, step + 12, True, 0),
    ]
    assert combiner.seal(ALL) == []
    assert len(combiner) == 0


def keys(sealed: Combined) -> int:
    return len(sealed.part.threads) + len(sealed.part.clusters)


def test_a_part_with_too_many_keys_leaves_in_chunks_that_add_up_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, split = Combiner(KEY, STEP), Combiner(KEY, STEP)
    posts = [scored(p.mention) for p in Public(seeded(3)).posts(700, mean_gap_ms=2)]
    for post in posts:
        whole.add(post)
        split.add(post)
    unsplit = whole.seal(ALL)
    monkeypatch.setattr("stream.combine.MAX_KEYS", 50)
    chunks = split.seal(ALL)
    assert len(chunks) > len(unsplit) + 5
    assert max(map(keys, chunks)) <= 50
    assert max(len(c.part.aliases) for c in chunks) <= 50
    merged: dict[tuple[object, ...], PulsePart] = {}
    for chunk in chunks:
        home = merged.setdefault(chunk[:4], PulsePart())
        assert (chunk.chunk == 0) or not chunk.part.counts.mentions, "the counts ride in the first chunk"
        home.add(chunk.part)
    assert {k: canonical(p) for k, p in merged.items()} == {c[:4]: canonical(c.part) for c in unsplit}


def test_an_ordinary_part_is_one_chunk() -> None:
    combiner = Combiner(KEY, STEP)
    for number in range(MAX_KEYS // 2):
        combiner.add(scored(mention(number)))
    (sealed,) = combiner.seal(ALL)
    assert keys(sealed) == MAX_KEYS
    combiner.add(scored(mention(1)))
    for number in range(MAX_KEYS // 2 + 1):
        combiner.add(scored(mention(number)))
    assert [c.chunk for c in combiner.seal(ALL)] == [0, 1]
