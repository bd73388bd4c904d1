"""Made-up publics that behave like publics: the demo's fortnight and the building blocks of other tests."""

import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from stream.codec import DAY_MS, HOUR_MS, MINUTE_MS, parse_rfc3339
from tocsin.synthetic import START_MS, Row, cascade, crisis, fortnight, merged, quiet

JUDGE = SentimentIntensityAnalyzer()


@pytest.fixture(scope="module")
def fourteen_days() -> list[Row]:
    """The demo's fortnight."""
    return list(fortnight(11))


def share(rows: list[Row], label: str) -> float:
    """Share of the English posts that the shipped scorer's lexicon judges so."""
    scores = [JUDGE.polarity_scores(r["text"])["compound"] for r in rows if r["lang"] == "en"]
    hits = [s <= -0.05 if label == "negative" else s >= 0.05 for s in scores]
    return sum(hits) / len(hits)


def between(rows: list[Row], start_ms: int, end_ms: int) -> list[Row]:
    """Rows with a time in `[start_ms, end_ms)`."""
    return [r for r in rows if start_ms <= parse_rfc3339(r["created_at"]) < end_ms]


def test_the_same_seed_tells_the_same_story(fourteen_days: list[Row]) -> None:
    """Two runs give the same bytes; another seed gives another fortnight."""
    again = list(fortnight(11))
    assert json.dumps(fourteen_days) == json.dumps(again)
    assert [r["text"] for r in fortnight(12, days=1)] != [r["text"] for r in fortnight(11, days=1)]


def test_a_fortnight_is_a_file_of_mentions(fourteen_days: list[Row]) -> None:
    """Ten to sixteen thousand rows, in order of time, each id once, each answer to something that was said."""
    times = [parse_rfc3339(r["created_at"]) for r in fourteen_days]
    ids = {r["id"] for r in fourteen_days}
    assert 10_000 <= len(fourteen_days) <= 16_000
    assert times == sorted(times)
    assert times[0] >= START_MS
    assert times[-1] < START_MS + 14 * DAY_MS
    assert len(ids) == len(fourteen_days)
    assert {r["parent_id"] for r in fourteen_days if "parent_id" in r} <= ids
    assert all(r["id"].startswith(f"{r['source']}:") for r in fourteen_days)


def test_the_words_vary(fourteen_days: list[Row]) -> None:
    """Thousands of different sentences in two languages: no detector may live on repetition."""
    assert len({r["text"] for r in fourteen_days}) > 4_000
    languages = Counter(r["lang"] for r in fourteen_days)
    assert languages["nl"] > 3_000
    assert languages["en"] > 5_000
    assert not [r["text"] for r in fourteen_days if "{" in r["text"] or "}" in r["text"]]


def test_the_crisis_outweighs_the_giveaway_and_is_negative(fourteen_days: list[Row]) -> None:
    """Day 6 is loud and glad; the evening of day 12 is louder and angry; other days are neither."""
    ordinary = between(fourteen_days, START_MS, START_MS + 5 * DAY_MS)
    glad = between(fourteen_days, START_MS + 5 * DAY_MS + 11 * HOUR_MS, START_MS + 5 * DAY_MS + 15 * HOUR_MS)
    angry = between(fourteen_days, START_MS + 11 * DAY_MS + 19 * HOUR_MS, START_MS + 11 * DAY_MS + 23 * HOUR_MS)
    hourly = len(ordinary) / (5 * 24)
    assert len(glad) / 4 > 4 * hourly
    assert len(angry) / 4 > 15 * hourly
    assert share(glad, "positive") > 0.6
    assert share(glad, "negative") < 0.12
    assert share(angry, "negative") > 0.7
    assert 0.1 < share(ordinary, "negative") < 0.35


def test_nights_are_quiet_and_the_brand_answers_by_day(fourteen_days: list[Row]) -> None:
    """Far fewer posts at three than at eight in the evening, and responses in office hours alone on ordinary days."""
    first_days = between(fourteen_days, START_MS, START_MS + 5 * DAY_MS)
    hours = Counter((parse_rfc3339(r["created_at"]) + HOUR_MS) // HOUR_MS % 24 for r in first_days)
    assert hours[3] * 8 < hours[20]
    answers = [r for r in first_days if r["author"] == "tulpatel"]
    assert len(answers) > 100
    assert {(parse_rfc3339(r["created_at"]) + HOUR_MS) // HOUR_MS % 24 for r in answers} <= set(range(8, 21))


def test_reach_has_a_heavy_tail(fourteen_days: list[Row]) -> None:
    """Most people have few followers, and a few have very many."""
    followers = sorted(r["author_followers"] for r in fourteen_days)
    assert followers[len(followers) // 2] < 200
    assert followers[-1] > 100_000


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6), posts=st.integers(2, 400), negative=st.integers(0, 10))
def test_a_crisis_has_the_size_and_the_mood_that_were_asked_for(seed: int, posts: int, negative: int) -> None:
    """As many posts as asked, none before its start, under any brand's name."""
    rows = list(crisis(seed, brand="Café Noord 5", start_ms=START_MS, posts=posts, negative_share=negative / 10))
    assert len(rows) == posts
    assert parse_rfc3339(rows[0]["created_at"]) == START_MS
    assert "Café Noord 5" in " ".join(r["text"] for r in rows) or posts < 10


def test_a_cascade_doubles() -> None:
    """One conversation, growing by a factor of two every eight minutes until it ebbs."""
    rows = list(cascade(5, start_ms=START_MS, posts=2_000, doubling_minutes=8))
    assert {r.get("root_id", r["id"]) for r in rows} == {rows[0]["id"]}
    per_span = Counter((parse_rfc3339(r["created_at"]) - START_MS) // (8 * MINUTE_MS) for r in rows)
    peak = max(sorted(per_span), key=lambda span: per_span[span])
    growth = per_span[peak - 1] / per_span[peak - 3]
    assert 2.5 < growth < 6.5  # two doublings: four, give or take chance


def test_a_quiet_public_has_the_rate_that_was_asked_for() -> None:
    """Posts and their answers come near the wanted rate, with or without a rhythm, and nothing surges."""
    rows = list(quiet(4, hours=48, per_hour=30, rhythm=False))
    hours = Counter(parse_rfc3339(r["created_at"]) // HOUR_MS for r in rows)
    assert 30 * 48 < len(rows) < 30 * 48 * 3
    assert max(hours.values()) < 3 * len(rows) / 48


def test_stories_merge_into_one_stream() -> None:
    """Background and crisis become one file in order of time, without a shared id."""
    background = list(quiet(4, hours=6, per_hour=20))
    story = list(crisis(4, start_ms=START_MS + 2 * HOUR_MS, posts=100))
    rows = list(merged(background, story))
    times = [parse_rfc3339(r["created_at"]) for r in rows]
    assert times == sorted(times)
    assert len({r["id"] for r in rows}) == len(rows) == len(background) + len(story)
