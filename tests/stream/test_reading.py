"""A line becomes a mention, or one harmless sentence about what is wrong with it."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.codec import canonical, decode, parse_rfc3339
from stream.mention import FUTURE_LIMIT_MS, PAST_LIMIT_MS, Mention
from stream.reading import MAX_LINE, MAX_UNKNOWN, OTHER_FIELDS, BadMention, Reader, read_mention
from tests.faults.rows import fired, row
from tests.mentions import START_MS, Public, line_of, seeded

AT = "2026-01-01T00:00:00Z"


def line(**fields: object) -> bytes:
    """A row with the three required fields and whatever is given."""
    return json.dumps({"id": "1", "created_at": AT, "text": "hi"} | fields).encode()


def refusal(body: bytes) -> BadMention:
    with pytest.raises(BadMention) as caught:
        read_mention(body)
    return caught.value


def read_or_refuse(body: bytes) -> Mention | BadMention:
    try:
        return read_mention(body)
    except BadMention as error:
        return error


def test_three_fields_are_enough_and_what_is_unknown_is_none() -> None:
    m = read_mention(line(), source="x")
    assert (m.id, m.source, m.kind, m.created_ms, m.observed_ms, m.text) == (
        "x:1",
        "x",
        "create",
        START_MS,
        START_MS,
        "hi",
    )
    assert (m.author, m.author_followers, m.reposts, m.likes, m.replies, m.views, m.rating) == (None,) * 7
    assert m.live


def test_what_a_source_writes_is_what_is_read() -> None:
    for post in Public(seeded(1)).posts(200):
        assert read_mention(line_of(post.mention)) == post.mention


@pytest.mark.parametrize(
    ("fields", "source", "expected"),
    [
        ({"id": "7"}, "x", ("x", "x:7")),
        ({"id": 7}, "x", ("x", "x:7")),
        ({"id": "x:7"}, "x", ("x", "x:7")),
        ({"id": "7", "source": "reviews"}, "x", ("reviews", "reviews:7")),
        ({"id": "y:7"}, "x", ("x", "x:y:7")),
        ({"id": "tag:shop.example,2026:7"}, "rss", ("rss", "rss:tag:shop.example,2026:7")),
        ({"id": "x:7"}, "file", ("x", "x:7")),
        ({"id": "https://shop.example/7"}, "file", ("file", "file:https://shop.example/7")),
        ({"id": "7"}, "file", ("file", "file:7")),
    ],
)
def test_an_id_is_its_source_and_its_native_id(
    fields: dict[str, object], source: str, expected: tuple[str, str]
) -> None:
    """The row's own source wins; a file of no source of its own lets the id's prefix speak."""
    m = read_mention(line(**fields), source=source)
    assert (m.source, m.id) == expected


def test_references_get_the_same_prefix_and_reply_to_is_the_parent() -> None:
    m = read_mention(line(reply_to=5, root_id="x:4", quoted_id="3"), source="x")
    assert (m.parent_id, m.root_id, m.quoted_id) == ("x:5", "x:4", "x:3")
    assert read_mention(line(parent_id="6", reply_to="5"), source="x").parent_id == "x:6"
    assert read_mention(line(parent_id="", root_id=None), source="x").parent_id is None
    assert read_mention(line(parent_id="1"), source="x").parent_id is None, "nobody answers himself with the same post"


@row("F17")
@given(st.integers(-PAST_LIMIT_MS * 2, PAST_LIMIT_MS * 2))
@settings(max_examples=50)
def test_created_is_clamped_around_observed_and_the_claim_is_kept(off_ms: int) -> None:
    m = read_mention(line(), observed_ms=START_MS + off_ms)
    assert m.claimed_ms == START_MS
    assert m.observed_ms - PAST_LIMIT_MS <= m.created_ms <= m.observed_ms + FUTURE_LIMIT_MS
    if -FUTURE_LIMIT_MS <= off_ms <= PAST_LIMIT_MS:
        assert m.created_ms == START_MS
    else:
        assert m.created_ms != START_MS
        fired()


def test_the_stamp_given_wins_over_the_rows_and_that_over_created() -> None:
    observed = line(observed_at="2026-01-01T00:00:09Z")
    assert read_mention(observed).observed_ms == START_MS + 9_000
    assert read_mention(observed, observed_ms=START_MS + 1).observed_ms == START_MS + 1
    assert read_mention(line()).observed_ms == START_MS


@given(
    st.datetimes().map(lambda at: at.replace(year=2000 + at.year % 90, day=min(at.day, 28))),
    st.sampled_from(["Z", "z", "+02:00", "-0530", ""]),
    st.sampled_from(["seconds", "milliseconds", "microseconds"]),
    st.sampled_from("T "),
)
@settings(max_examples=200)
def test_the_quick_way_to_read_a_time_agrees_with_the_careful_one(moment, zone, precision, between) -> None:  # type: ignore[no-untyped-def]
    text = moment.isoformat(sep=between, timespec=precision) + zone
    assert read_mention(line(created_at=text)).claimed_ms == parse_rfc3339(text)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-13-01T00:00:00Z", "2026-01-01T25:00:00Z", "2026-01-01T00:00:0²Z", "1767225600"]
)
def test_what_is_no_time_is_called_one_that_is_not(text: str) -> None:
    assert refusal(line(created_at=text)).reason == "bad_time"
    assert refusal(line(observed_at=text)).reason == "bad_time"


def test_a_leap_second_is_a_time() -> None:
    assert read_mention(line(created_at="2016-12-31T23:59:60Z")).created_ms == parse_rfc3339("2016-12-31T23:59:59Z")


@row("F17")
@pytest.mark.parametrize("year", ["0001", "1970", "2100", "9999"])
def test_a_time_that_would_drag_the_core_along_is_refused_but_clamped_when_the_stamp_is_known(year: str) -> None:
    wild = line(created_at=f"{year}-01-01T00:00:00Z")
    assert refusal(wild).reason == "bad_time"
    fired()
    assert abs(read_mention(wild, observed_ms=START_MS).created_ms - START_MS) <= PAST_LIMIT_MS


BAD = {
    b"": "not_json",
    b"{": "not_json",
    b"\x80\x81\x00": "not_json",
    b'{"id": 1} trailing': "not_json",
    line(mood=math.nan): "not_json",
    line(likes=-math.inf): "not_json",
    b"[]": "not_an_object",
    b"7": "not_an_object",
    b"null": "not_an_object",
    b"[" * 100_000: "too_deep",
    b'{"id":' * 100_000: "too_deep",
    line(mood=json.loads("[" * 40 + "]" * 40)): "too_deep",
    line(text="a" * MAX_LINE): "too_big",
    b'{"created_at": "2026-01-01T00:00:00Z", "text": ""}': "missing_field",
    b'{"id": null, "created_at": "2026-01-01T00:00:00Z", "text": ""}': "missing_field",
    b'{"id": "1", "created_at": "2026-01-01T00:00:00Z"}': "missing_field",
    b'{"id": "1", "text": ""}': "missing_field",
    line(text=["hi"]): "wrong_type",
    line(likes="3"): "wrong_type",
    line(likes=1.5): "wrong_type",
    line(likes=True): "wrong_type",
    line(is_repost="no"): "wrong_type",
    line(created_at=1767225600000): "wrong_type",
    line(id={"a": 1}): "wrong_type",
    line(likes=-1): "bad_number",
    line(views=10**30): "bad_number",
    line()[:-1] + b', "views": ' + b"9" * 9_000 + b"}": "bad_number",
    line(kind="shout"): "bad_kind",
    line(id=""): "bad_id",
    line(id="  "): "bad_id",
    line(id="a\nb"): "bad_id",
    line(id="a" * 600): "bad_id",
    line(parent_id="\ud800"): "bad_id",
    line(source="a:b"): "bad_source",
    line(source="a" * 65): "bad_source",
    line(source="a\nb"): "bad_source",
}


@pytest.mark.parametrize(("body", "reason"), BAD.items(), ids=range(len(BAD)))
def test_what_is_no_mention_says_why_in_one_short_line(body: bytes, reason: str) -> None:
    error = refusal(body)
    assert error.reason == reason
    assert len(error.detail) <= 200
    assert str(error).isprintable()


def test_an_error_shows_little_of_a_hostile_text() -> None:
    error = refusal(line(kind="\x1b[31m<!channel>\u202e" * 100))
    assert "\x1b" not in str(error)
    assert "\u202e" not in str(error)
    assert str(error).count("<!channel>") <= 2


def test_damaged_characters_cost_a_character_and_not_the_post() -> None:
    assert read_mention(line(text="a\ud800b")).text == "a\ufffdb"
    assert read_mention(line(text="X").replace(b"X", b"caf\xe9")).text == "caf\ufffd"
    assert read_mention(line(text="a\x00b\x07c")).text == "abc"
    assert read_mention(line(text="X").replace(b"X", b"a\tb\x01")).text == "a\tb"
    assert read_mention(b"\xef\xbb\xbf" + line()).text == "hi"
    assert read_mention(line(text="\U0001f600")).text == "\U0001f600"


def test_a_long_text_is_cut_and_kept() -> None:
    assert read_mention(line(text="ab" * 9_000)).text == "ab" * 5_000


def test_a_delete_and_a_count_need_no_text_and_a_delete_keeps_none() -> None:
    bare = {"id": "1", "created_at": AT}
    assert read_mention(json.dumps(bare | {"kind": "engagement", "likes": 4}).encode()).likes == 4
    assert read_mention(json.dumps(bare | {"kind": "delete"}).encode()).kind == "delete"
    assert read_mention(line(kind="delete", text="private")).text == ""
    assert refusal(json.dumps(bare | {"kind": "update"}).encode()).reason == "missing_field"


@pytest.mark.parametrize(
    ("lang", "expected"),
    [
        ("EN", "en"),
        ("nl-BE", "nl"),
        ("pt_BR", "pt"),
        ("fil", "fil"),
        ("und", None),
        ("qme", None),
        ("english", None),
        ("", None),
    ],
)
def test_a_language_is_a_code_or_unknown(lang: str, expected: str | None) -> None:
    assert read_mention(line(lang=lang)).lang == expected


def test_an_author_is_text_and_an_empty_one_is_nobody() -> None:
    assert read_mention(line(author=123)).author == "123"
    assert read_mention(line(author=" ")).author is None


def test_unknown_fields_are_counted_by_name_and_their_names_are_bounded() -> None:
    reader = Reader("x")
    for number in range(MAX_UNKNOWN + 50):
        reader.read(line(mood={"a": [1]}, **{f"field {number}\n": number}))
    assert reader.unknown["mood"] == MAX_UNKNOWN + 50
    assert len(reader.unknown) == MAX_UNKNOWN + 1
    assert reader.unknown[OTHER_FIELDS] == 51
    assert all(name.isprintable() and len(name) <= 40 for name in reader.unknown)


def test_an_infinite_number_in_a_field_that_is_ignored_is_ignored() -> None:
    assert read_mention(line()[:-1] + b', "mood": 1e999}').text == "hi"
    assert refusal(line()[:-1] + b', "likes": 1e999}').reason == "wrong_type"


def test_a_backfill_is_not_live() -> None:
    assert not read_mention(line(), live=False).live
    assert not read_mention(line(live=False)).live, "a row may say so itself"
    assert not read_mention(line(live=True), live=False).live, "and never the contrary"


@row("F18")
@given(st.binary(max_size=80) | st.text(max_size=80).map(lambda s: s.encode("utf-8", "surrogatepass")))
@settings(max_examples=150)
def test_any_bytes_are_a_mention_or_a_refusal(body: bytes) -> None:
    outcome = read_or_refuse(body)
    assert outcome.id if isinstance(outcome, Mention) else str(outcome).isprintable()
    if not isinstance(outcome, Mention):
        fired()


_value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
_names = (
    "id",
    "source",
    "kind",
    "created_at",
    "author",
    "text",
    "lang",
    "url",
    "reply_to",
    "likes",
    "rating",
    "is_repost",
)


@row("F18")
@given(st.dictionaries(st.sampled_from(_names), _value, max_size=4))
@settings(max_examples=200)
def test_any_value_in_any_field_is_a_mention_that_can_be_stored_or_a_refusal(fields: dict[str, object]) -> None:
    outcome = read_or_refuse(line(**fields))
    if isinstance(outcome, Mention):
        assert decode(canonical(outcome), Mention) == outcome
        assert outcome.id.startswith(outcome.source + ":")
    else:
        assert len(outcome.detail) <= 200
        fired()
