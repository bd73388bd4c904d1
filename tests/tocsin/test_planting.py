"""Planted crises: what is asked for is what is planted, and it merges with a stream like any other part."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.codec import HOUR_MS, MINUTE_MS, canonical
from stream.pulse import PulsePart
from stream.sketches import distinct, distinct_bits
from tocsin.planting import Kind, Plant, Post, StepPart, parts_of

START_MS = 1_772_409_600_000
STEP_MS = 5_000
PROFILES: tuple[Kind, ...] = ("steady", "burst", "slow")
KINDS: tuple[Kind, ...] = (*PROFILES, "angry", "thread", "liked", "pair", "coordinated", "headline")


def merged(parts: list[StepPart]) -> PulsePart:
    """All of it, as one part."""
    whole = PulsePart()
    for one in parts:
        whole.add(one.part)
    return whole


def within(posts: list[Post], minutes: int) -> int:
    """How many came in the first minutes."""
    return sum(post.at_ms < START_MS + minutes * MINUTE_MS for post in posts)


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(PROFILES),
    size=st.integers(0, 30_000),
    usual=st.integers(0, 60_000),
    negative=st.integers(0, 1000),
)
def test_a_profile_has_the_size_and_the_hour_that_were_asked_for(
    kind: Kind, size: int, usual: int, negative: int
) -> None:
    """As many posts as size times the usual, all within its time, all by different people."""
    posts = Plant(kind, size, negative).posts(START_MS, usual, "t")
    assert len(posts) == max(1, (size * usual + 500_000) // 1_000_000)
    assert all(START_MS <= post.at_ms < START_MS + HOUR_MS for post in posts)
    assert len({post.voice for post in posts}) == len(posts)
    assert [post.at_ms for post in posts] == sorted(post.at_ms for post in posts)


@settings(max_examples=20, deadline=None)
@given(kind=st.sampled_from(KINDS), seed=st.text("ab", min_size=1, max_size=6))
def test_the_same_seed_plants_the_same_and_another_does_not(kind: Kind, seed: str) -> None:
    """Seeded, to the byte."""
    plant = Plant(kind)
    first, again, other = (
        canonical(parts_of(plant.posts(START_MS, 20_000, s), step_ms=STEP_MS)) for s in (seed, seed, seed + "c")
    )
    assert first == again != other


def test_profiles_have_their_shapes() -> None:
    """Half of a burst comes in ten minutes, a sixth of a steady one, and next to nothing of a slow one."""
    posts = {kind: Plant(kind, 10_000).posts(START_MS, 200_000, "shape") for kind in PROFILES}
    shares = {kind: within(found, 10) / len(found) for kind, found in posts.items()}
    assert 0.45 < shares["burst"] < 0.57
    assert 0.13 < shares["steady"] < 0.2
    assert 0.01 < shares["slow"] < 0.06
    assert 0.3 < within(posts["slow"], 30) / len(posts["slow"]) < 0.37


@pytest.mark.parametrize("kind", PROFILES)
def test_the_stated_shares_are_those_that_are_planted(kind: Kind) -> None:
    """Who is told the profile is told the truth, minute by minute."""
    plant = Plant(kind, 50_000)
    posts = plant.posts(START_MS, 400_000, "shares")
    shares = plant.rate_shares()
    assert sum(shares) == pytest.approx(1.0)
    assert len(shares) == 60
    for minutes in (5, 10, 20, 30, 45):
        assert within(posts, minutes) / len(posts) == pytest.approx(sum(shares[:minutes]), abs=0.02)


def test_moods_copies_and_questions_are_as_stated() -> None:
    """40 % negative, one text in ten a copy, one post in twenty a question, no risk words."""
    counts = merged(parts_of(Plant("burst", 100_000).posts(START_MS, 20_000, "mood"), step_ms=STEP_MS)).counts
    assert counts.mentions == counts.scored == 2_000
    assert 0.36 < counts.negative / counts.scored < 0.44
    assert 0.86 < distinct(counts.texts) / 2_000 < 0.94
    assert 60 < counts.questions < 140
    assert not counts.risks
    assert counts.negative_sum < 0 < counts.positive


@settings(max_examples=15, deadline=None)
@given(kind=st.sampled_from(KINDS), cut=st.integers(1, 40))
def test_parts_merge_to_the_same_whole_however_they_are_cut(kind: Kind, cut: int) -> None:
    """What is planted is a part like any other: its sum does not show how it was cut."""
    posts = Plant(kind).posts(START_MS, 20_000, "cut")
    whole = merged(parts_of(posts, step_ms=STEP_MS))
    pieces = [
        one for first in range(0, len(posts), cut) for one in parts_of(posts[first : first + cut], step_ms=STEP_MS)
    ]
    assert canonical(merged(pieces[::-1])) == canonical(whole)
    assert whole.counts.mentions == len(posts)


def test_every_part_belongs_to_its_step_and_minute() -> None:
    """Known in the step in which it was written, counted in its minute; each minute and step once."""
    parts = parts_of(Plant("burst", 20_000).posts(START_MS, 20_000, "steps"), step_ms=STEP_MS)
    assert len({(one.step, one.minute_ms) for one in parts}) == len(parts)
    for one in parts:
        assert one.step * STEP_MS // MINUTE_MS * MINUTE_MS == one.minute_ms


def test_fifteen_angry_voices() -> None:
    """All within half an hour, all negative."""
    posts = Plant("angry").posts(START_MS, 2_000, "angry")
    assert len({post.voice for post in posts}) == 15
    assert all(post.mood == -1 for post in posts)
    assert within(posts, 30) == 15


def test_a_complaint_is_joined_by_two_and_then_doubles() -> None:
    """Two join in the first ten minutes, four in the next, eight, sixteen: in one thread, all different people."""
    posts = Plant("thread", negative_milli=700).posts(START_MS, 20_000, "thread")
    joined = [within(posts, minutes) - 1 for minutes in (10, 20, 30, 40, 50)]
    assert joined == pytest.approx([2, 6, 14, 30, 62], abs=1)
    assert len({post.voice for post in posts}) == len(posts)
    whole = merged(parts_of(posts, step_ms=STEP_MS))
    (thread,) = whole.threads.values()
    assert thread.posts == len(posts)
    assert thread.replies + thread.reposts + thread.quotes == len(posts) - 1
    assert min(thread.replies, thread.reposts, thread.quotes) > 10
    assert thread.negative > 0.6 * len(posts)


def test_two_people_quarrel() -> None:
    """As many posts as the complaint's thread, by two."""
    posts = Plant("pair").posts(START_MS, 20_000, "pair")
    assert len(posts) == len(Plant("thread").posts(START_MS, 20_000, "pair"))
    (thread,) = merged(parts_of(posts, step_ms=STEP_MS)).threads.values()
    assert distinct_bits(int(thread.voices, 16)) == 2


def test_likes_double_while_the_post_stays_one() -> None:
    """One positive post whose likes are observed each minute and double every ten."""
    plant = Plant("liked")
    likes = plant.likes(START_MS, "l")
    assert [seen.likes for seen in likes[::10]] == [2, 4, 8, 16, 32, 64, 128]
    whole = merged(parts_of(plant.posts(START_MS, 20_000, "l"), step_ms=STEP_MS, likes=likes))
    assert (whole.counts.mentions, whole.counts.positive) == (1, 1)
    assert [seen.likes for seen in whole.engagement.values()] == [128]


def test_waves_that_are_not_what_they_seem() -> None:
    """New accounts with few texts, one loud account, and one text that many copy: each with its own figures."""
    wave = merged(parts_of(Plant("coordinated", negative_milli=900).posts(START_MS, 0, "w"), step_ms=STEP_MS))
    assert (wave.counts.mentions, wave.counts.new_accounts, len(wave.clusters)) == (500, 500, 20)
    loud = Plant("one_loud").posts(START_MS, 0, "w")
    assert Counter(post.voice for post in loud).most_common(1)[0][1] == len(loud) == 10_000
    for negative_milli, negative in ((0, 0), (1000, 250)):
        headline = Plant("headline", negative_milli=negative_milli)
        copies = merged(parts_of(headline.posts(START_MS, 0, "w"), step_ms=STEP_MS))
        assert (len(copies.clusters), copies.counts.mentions, copies.counts.negative) == (1, 250, negative)
