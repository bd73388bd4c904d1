"""What vendors send, and what people's tools write, as rows; whatever they send, nothing breaks."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.reading import Reader
from stream.sources import brandwatch, talkwalker
from stream.sources.chunks import Chunks
from stream.sources.contract import BadPayload
from stream.sources.mappings import BRANDWATCH, MELTWATER, VENDORS, YOUSCAN, rows_in
from stream.sources.shapes import Rule, Shape, Unreadable, rule
from stream.sources.values import BadValue, Dates, count, moment, stars, truth

NOW_MS = 1_772_546_700_000
"""3 March 2026, 15:05 in Amsterdam."""
HERE = Dates("Europe/Amsterdam")

MELTWATER_BODY = {
    "request": {"company_id": "c1", "hook_id": "h1", "inputs": [{"id": 7, "name": "Acme"}]},
    "documents": [
        {
            "id": "doc-1",
            "published_date": "2026-03-03T14:00:00.000Z",
            "url": "https://social.example/anna/1",
            "content": {
                "title": None,
                "opening_text": "Acme lost my order &amp; nobody answers",
                "hashtags": ["#acme"],
            },
            "author": {"handle": "anna", "name": "Anna A.", "metrics": {"followers": 1204}},
            "enrichments": {"language_code": "en", "sentiment": "negative"},
            "metrics": {"engagement": {"likes": 3, "reposts": 0, "replies": 1, "total": 4}},
            "source": {"name": "Social", "type": "social"},
        },
        {
            "id": "doc-2",
            "published_date": "2026-03-03T09:00:00Z",
            "content": {"title": "Acme recalls kettles", "opening_text": "Acme recalls kettles after a fire."},
            "source": {"name": "The Daily"},
        },
        {"id": "doc-3", "content": {"title": "no time"}},
        "odd",
    ],
}


def test_a_hook_of_meltwater_becomes_rows_and_bad_documents_cost_themselves_alone():
    """Fields as documented; unknown stays absent; what is older than 90 minutes is a back-fill."""
    rows, bad = rows_in(json.dumps(MELTWATER_BODY).encode(), MELTWATER, NOW_MS)
    assert [json.loads(row) for row in rows] == [
        {
            "id": "doc-1",
            "created_at": "2026-03-03T14:00:00.000Z",
            "author": "anna",
            "author_followers": 1204,
            "text": "Acme lost my order &amp; nobody answers",
            "lang": "en",
            "url": "https://social.example/anna/1",
            "reposts": 0,
            "likes": 3,
            "replies": 1,
        },
        {
            "id": "doc-2",
            "created_at": "2026-03-03T09:00:00.000Z",
            "author": "The Daily",
            "text": "Acme recalls kettles after a fire.",
            "live": False,
        },
    ]
    assert [reason for reason, _, _ in bad] == ["no_time", "not_an_object"]
    assert [Reader("mw").read(row, NOW_MS).id for row in rows] == ["mw:doc-1", "mw:doc-2"]


def test_a_webhook_of_youscan_is_one_mention_and_one_without_a_text_says_so():
    """X posts come without text and author: they are counted as `no_text`, never made up."""
    mention = {
        "mentionId": 4711,
        "published": "2026-03-03T14:01:00",
        "text": "Acme <b>again</b>",
        "url": "https://social.example/2",
        "author": {"name": "Bo", "nickname": "bo_b", "subscribers": "1 204"},
        "engagement": {"likes": 2, "comments": 1},
    }
    rows, bad = rows_in(json.dumps(mention).encode(), YOUSCAN, NOW_MS)
    assert not bad
    assert json.loads(rows[0]) == {
        "id": "4711",
        "created_at": "2026-03-03T14:01:00.000Z",
        "author": "bo_b",
        "author_followers": 1204,
        "text": "Acme again",
        "url": "https://social.example/2",
        "likes": 2,
        "replies": 1,
    }
    stripped = {"mentionId": 1, "published": "2026-03-03T14:01:00Z", "author": {"profileId": "9"}}
    assert rows_in(json.dumps(stripped).encode(), YOUSCAN, NOW_MS)[1][0][0] == "no_text"


def test_any_vendor_can_be_attached_by_a_table():
    """Paths, first of several, joined ones, constants, and forms of times."""
    shape = Shape(
        {
            "id": rule("meta.nr"),
            "created_at": rule("day", "hour", join=" "),
            "text": rule("head", "body", join="\n\n"),
            "author": rule("by.0.nick", "by.0.name"),
            "lang": Rule(("lang",), constant="nl"),
            "is_repost": rule("shared"),
            "rating": rule("score"),
        },
        items="data.posts",
        dates=HERE._replace(formats=("%d|%m|%Y %H:%M",)),
    )
    post = {
        "meta": {"nr": 1},
        "day": "03|03|2026",
        "hour": "14:55",
        "head": "Oeps",
        "body": "Het is stuk",
        "by": [{"name": "An"}],
        "shared": "nee",
        "score": "1,5",
    }
    rows, bad = rows_in(json.dumps({"data": {"posts": [post]}}).encode(), shape, NOW_MS)
    assert not bad
    assert json.loads(rows[0]) == {
        "id": "1",
        "created_at": "2026-03-03T13:55:00.000Z",
        "author": "An",
        "text": "Oeps\n\nHet is stuk",
        "lang": "nl",
        "is_repost": False,
        "rating": 2,
    }
    assert rows_in(b'{"data": {}}', shape, NOW_MS)[1][0][:2] == ("no_items", "it has no list `data.posts`")


@pytest.mark.parametrize(
    ("said", "utc"),
    [
        ("3 mrt. 2026 14:05", "2026-03-03T13:05"),
        ("3 maart 2026 om 14:05 uur", "2026-03-03T13:05"),
        ("di 3 mrt 2026, 14.05", "2026-03-03T13:05"),
        ("03-03-2026 14:05", "2026-03-03T13:05"),
        ("3/3/2026 2:05 PM", "2026-03-03T13:05"),
        ("03-03-26 14:05:30", "2026-03-03T13:05"),
        ("2026-03-03 14:05", "2026-03-03T13:05"),
        ("2026-03-03T14:05:00+0100", "2026-03-03T13:05"),
        ("46084,5868055556", "2026-03-03T13:05"),
        ("1 jul. 2026 14:05", "2026-07-01T12:05"),
        ("1 augustus 2026", "2026-07-31T22:00"),
        ("03-03-2026", "2026-03-02T23:00"),
        ("2026-03-03 14:05:00 UTC", "2026-03-03T14:05"),
        ("2026-03-03 14:05:00 +0100", "2026-03-03T13:05"),
        ("Tue, 03 Mar 2026 14:05:00 +0100", "2026-03-03T13:05"),
        ("03-07-2026 14:05 CEST", "2026-07-03T12:05"),
        ("Mar 3, 2026 2:05 pm", "2026-03-03T13:05"),
        ("12-11-2025 09:00", "2025-11-12T08:00"),
    ],
)
def test_dates_as_dutch_tools_write_them(said, utc):
    """The clock on the wall in Amsterdam, summer time included."""
    assert moment(said, HERE) // 60_000 == moment(utc + ":00Z") // 60_000


@pytest.mark.parametrize(
    "said",
    ["", "gisteren", "03-14-2026", "31-02-2026", "3 foo 2026", "25:00", "1", "99-99-9999", "13:05", None, True, []],
)
def test_what_is_no_date_is_said_to_be_none(said):
    """Nothing is guessed: a fourteenth month is no day."""
    with pytest.raises(BadValue, match="bad_time"):
        moment(said, HERE)


def test_numbers_and_words_as_spreadsheets_write_them():
    """Dutch and English separators, Excel's exponents; nonsense is refused."""
    assert [count(one) for one in ("1.204", "1,204", "1 204", "12", "1,2E+05", "12,0", " ", "-")] == [
        1204,
        1204,
        1204,
        12,
        120_000,
        12,
        None,
        None,
    ]
    assert [stars(one) for one in ("4,5", "4.4", 1, "")] == [5, 4, 1, None]
    assert [truth(one) for one in ("Ja", "nee", "TRUE", "x", "0", "")] == [True, False, True, True, False, None]
    for wrong in ("veel", "-3", "1.2.3", math.nan, math.inf, [], "٣", 10**400, 10**5000, "9" * 400):
        with pytest.raises(BadValue):
            count(wrong)
        with pytest.raises(BadValue):
            moment(wrong)


def test_an_object_that_was_cut_costs_itself_alone():
    """Byte by byte or all at once: the same objects, and what was cut is told."""
    good = [json.dumps({"chunk_type": "CT_RESULT", "t": f'{{"}} \\" {n} é'}).encode() for n in range(4)]
    wire = good[0] + good[1][:30] + good[2] + b" <oops> " + good[3]
    for size in (1, 7, len(wire)):
        chunks = Chunks(b'"chunk_type"')
        found = [one for at in range(0, len(wire), size) for one in chunks.feed(wire[at : at + size])]
        assert [one.body for one in found if one.whole] == [good[0], good[2], good[3]]
        assert sum(not one.whole for one in found) >= 2


def test_an_object_without_an_end_is_given_up_in_bounded_memory():
    """And the next one is found."""
    chunks = Chunks(b'"chunk_type"', largest=10_000)
    found = chunks.feed(b'{"chunk_type": "')
    for _ in range(100):
        found += chunks.feed(b"x" * 1_000)
        assert len(chunks._held) <= 11_100
    found += chunks.feed(b'{"chunk_type": 1}')
    assert [one.body for one in found if one.whole] == [b'{"chunk_type": 1}']


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["documents", "id", "url", "published", "date", "added", "title", "content", "author", "text"]
            )
            | st.text(max_size=6),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@given(_json, st.sampled_from(sorted(VENDORS)))
def test_whatever_a_vendor_sends_is_rows_or_reasons(value, vendor):
    """No crash; each row can be read, each reason is one of the list."""
    body = json.dumps(value).encode()
    for wrapped in (body, body[:-1], b'{"documents": [' + body + b"]}"):
        rows, bad = rows_in(wrapped, VENDORS[vendor], NOW_MS)
        assert rows or bad or wrapped in {b"[]", b'{"documents": [[]]}'} or b"documents" in wrapped or b"[]" in wrapped
        for row in rows:
            json.loads(row)
        assert all(reason and b is not None for reason, _, b in bad)


@given(_json)
def test_whatever_a_platform_answers_is_judged(value):
    """The parsers of single answers raise nothing but their own."""
    body = json.dumps({"chunk_type": "CT_RESULT", "chunk_result": {"data": {"data": value}}}).encode()
    assert talkwalker._parse(body, NOW_MS) is not None
    assert isinstance(talkwalker._parse(json.dumps(value).encode(), NOW_MS), BadPayload)
    try:
        page = brandwatch._parse(json.dumps({"results": [value, value]}).encode(), NOW_MS)
    except Unreadable:
        pytest.fail("a list of results is a page")
    assert len(page.found) + len(page.bad) == page.size == 2
    assert BRANDWATCH.fields
