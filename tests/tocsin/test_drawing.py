"""The picture of observed against expected: the same numbers give the same bytes, and no text is markup."""

import struct
import xml.etree.ElementTree as ET
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.decision import Decision
from alerting.facts import Facts
from alerting.view import IncidentView, Paged
from detectors.detector import Signal
from tocsin.drawing import Mark, Series, alt_text, png, svg
from tocsin.incident_series import incident_series, view_series

AT_MS = 1_773_484_200_000
MINUTE = 60_000
HISTORY = (3, 4, 2, 5, 4, 3, 6, 4, 5, 3, 4, 7, 9, 14, 22, 41, 63, 88)
FOUND = Signal(
    kind="volume",
    score=800,
    page=True,
    observed=100,
    expected=25,
    since_ms=AT_MS - 20 * MINUTE,
    window_ms=5 * MINUTE,
    evidence={"z_milli": 10_000, "threshold_milli": 6_000},
)


def series(**changes: Any) -> Series:
    """A crisis of ninety minutes."""
    base: dict[str, Any] = {
        "title": "Acme · backlash · High",
        "zone": "Europe/Amsterdam",
        "times_ms": tuple(AT_MS - (90 - 5 * n) * MINUTE for n in range(18)),
        "observed": HISTORY,
        "expected": (4.25,) * 18,
        "threshold": (13.0,) * 18,
        "decided_ms": AT_MS - 10 * MINUTE,
        "marks": (Mark(AT_MS - 4 * MINUTE, "acknowledged"),),
    }
    return Series(**(base | changes))


def words_of(drawn: str) -> list[str]:
    """The text elements of a picture."""
    return ["".join(one.itertext()) for one in ET.fromstring(drawn).iter("{http://www.w3.org/2000/svg}text")]


def test_the_same_series_gives_the_same_bytes_of_the_promised_size() -> None:
    """A picture drawn again is the same picture, 1200 by 600."""
    first = png(series())
    assert first == png(series())
    assert struct.unpack(">II", first[16:24]) == (1200, 600)
    assert len(first) < 200_000
    assert svg(series()) == svg(series())
    assert first != png(series(observed=HISTORY[::-1]))


def test_it_names_what_it_shows() -> None:
    """Lines with their last number, the moments with local times, the day and its clock."""
    words = words_of(svg(series()))
    assert {"observed 88", "expected 4.2", "threshold 13", "decided 11:20", "acknowledged 11:26"} <= set(words)
    assert "posts per 5 min · 14 Mar 2026, CET" in words
    assert {"10:00", "10:15", "11:30"} <= set(words)


def test_the_words_beside_it_say_the_same() -> None:
    """Who cannot see the picture reads its numbers."""
    assert alt_text(series()) == (
        "Acme · backlash · High: posts per 5 min from 10:00 CET to 11:30 CET. At most 88 (11:25 CET), last 88; "
        "4.2 expected, threshold 13. Decided 11:20 CET. Acknowledged 11:26 CET."
    )
    assert alt_text(series()).replace("&", "&amp;") in svg(series())


HOSTILE = [
    "$x^2$ $\\frac{1}{0}$ $",
    "</title><script>alert(1)</script><svg onload=alert(1)>",
    "]]> --> <!-- &amp; &#x3c; \" '",
    "\u202eesrever\u2066 zero\u200bwidth \x1b[31mred \x00 \x7f",
    "日本語 😀 \U0010ffff " + "\u0301" * 400 + "x" * 5_000,
    "http://evil.example <!channel>",
    "",
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_names_stay_text(hostile: str) -> None:
    """Neither mathematics nor markup: the picture has the same elements as with an ordinary name."""
    drawn = svg(series(title=hostile, marks=(Mark(AT_MS, hostile),)))
    elements = sorted({one.tag for one in ET.fromstring(drawn).iter()})
    assert elements == sorted({one.tag for one in ET.fromstring(svg(series())).iter()})
    assert "http://evil.example" not in drawn
    assert png(series(title=hostile, marks=(Mark(AT_MS, hostile),))).startswith(b"\x89PNG")
    assert alt_text(series(title=hostile)).isprintable()


def test_what_it_says_about_lines_holds_for_the_picture_alone() -> None:
    """Standing in a page, it does not restyle the page."""
    assert "<style" not in svg(series())
    assert svg(series()).startswith("<svg ")


@settings(max_examples=15, deadline=None)
@given(
    counts=st.lists(st.integers(0, 10**7), min_size=1, max_size=40),
    gap=st.integers(0, 3_000),
    decided=st.integers(-(10**7), 10**7),
)
def test_any_counts_can_be_drawn(counts: list[int], gap: int, decided: int) -> None:
    """Zeros, one step, a leap, a night without decisions: a picture that can be read."""
    half = len(counts) // 2
    times = tuple(AT_MS + (5 * n + (gap if n >= half else 0)) * MINUTE for n in range(len(counts)))
    drawn = svg(Series(title="x", times_ms=times, observed=tuple(counts), decided_ms=AT_MS + decided))
    assert f"observed {counts[-1]:,}" in words_of(drawn)


def test_before_anybody_listened_nothing_is_drawn_and_that_is_said() -> None:
    """A service that began in the middle of a picture heard no zero before it did."""
    heard = series(observed=(*[None] * 6, *HISTORY[6:]))
    drawn = svg(heard)
    assert "not heard" in words_of(drawn)
    assert alt_text(heard) == (
        "Acme · backlash · High: posts per 5 min from 10:00 CET to 11:30 CET. Not heard before 10:30 CET. At most 88 "
        "(11:25 CET), last 88; 4.2 expected, threshold 13. Decided 11:20 CET. Acknowledged 11:26 CET."
    )
    assert "not heard" not in words_of(svg(series()))
    assert drawn.count("\nL ") < svg(series()).count("\nL "), "the line begins where somebody listened"
    brief = series(observed=(None, *HISTORY[1:]))
    assert "not heard" not in words_of(svg(brief)), "there is no room for the words in one step"
    assert "Not heard before 10:05 CET" in alt_text(brief)
    assert png(heard) != png(series(observed=(*[0] * 6, *HISTORY[6:])))


def test_what_came_all_the_same_is_drawn_and_the_last_step_is_always_known() -> None:
    """A source hands over what it has: its posts count, wherever they lie; the zeros between them are none."""
    counts = (0, 0, 3, 0, 0, 4, *HISTORY[6:17], 0)
    view = IncidentView(
        brand="Acme", incident="acme-1", scenario="backlash", severity="high", opened_ms=AT_MS, updated_ms=AT_MS,
        history=counts, expected=60,
    )  # fmt: skip
    found = view_series(view, AT_MS - 60 * MINUTE)
    assert found is not None
    assert found.observed == (None, None, 3, None, None, 4, *HISTORY[6:17], 0)
    assert found.unheard == 2
    assert view_series(view) == view_series(view, AT_MS - 90 * MINUTE)
    late = view_series(view, AT_MS + MINUTE)
    assert late is not None
    assert late.last == 0
    again = incident_series([decision(1, AT_MS, history=counts)], title="Acme", heard_from_ms=AT_MS - 60 * MINUTE)
    assert again is not None
    assert again.observed == found.observed


def test_columns_that_do_not_fit_are_refused() -> None:
    """A count for each time."""
    for changes in ({"observed": (1,)}, {"expected": (1.0,)}, {"times_ms": (), "observed": ()}):
        with pytest.raises(ValueError, match="one count for each"):
            series(**changes)
    with pytest.raises(ValueError, match="ends with a step that was heard"):
        series(observed=(*HISTORY[:17], None))


# ---- from an incident


def decision(number: int, at_ms: int, kind: Any = "Page", **changes: Any) -> Decision:
    """A decision that carries its ninety minutes."""
    base: dict[str, Any] = {
        "key": f"acme-1/{number}/{kind}",
        "at_ms": at_ms,
        "brand": "Acme",
        "kind": kind,
        "incident": "acme-1",
        "scenario": "backlash",
        "severity": "high",
        "reason": "flowchart",
        "signals": (FOUND,),
        "facts": Facts(expected=60),
        "history": HISTORY,
    }
    return Decision(**(base | changes))


def test_the_card_gives_the_series_with_the_threshold_that_was_crossed() -> None:
    """25 usual and 100 seen at z 10: a notice at z 6 is 64 in five minutes."""
    view = IncidentView(
        brand="Acme",
        incident="acme-1",
        scenario="backlash",
        severity="high",
        opened_ms=AT_MS - MINUTE,
        updated_ms=AT_MS - 1,
        history=HISTORY,
        expected=60,
        signals=(FOUND,),
        paged=(Paged("ana", AT_MS),),
    )
    found = view_series(view)
    assert found is not None
    assert (found.times_ms[0], found.times_ms[-1]) == (AT_MS - 90 * MINUTE, AT_MS - 5 * MINUTE)
    assert found.observed == HISTORY
    assert found.threshold == pytest.approx((64.0,) * 18)
    assert set(found.expected) == {5.0}
    assert (found.decided_ms, found.marks) == (AT_MS - MINUTE, (Mark(AT_MS, "paged"),))


def test_the_decisions_of_an_incident_give_one_series_without_overlap() -> None:
    """Forty minutes later: what is said last about a minute holds, and no step stands twice."""
    decisions = [
        decision(1, AT_MS),
        decision(2, AT_MS + 40 * MINUTE, "Update", reason="owned", history=(50,) * 18),
        decision(3, AT_MS + 400 * MINUTE, "StandDown", reason="calm", history=(1,) * 18, signals=()),
    ]
    found = incident_series(decisions, title="Acme", marks=[Mark(AT_MS, "paged")])
    assert found is not None
    assert list(found.times_ms) == sorted(set(found.times_ms))
    assert all(b - a >= 5 * MINUTE for a, b in zip(found.times_ms, found.times_ms[1:], strict=False))
    assert found.observed == (*HISTORY[:8], *(50,) * 18, *(1,) * 18)
    assert [mark.label for mark in found.marks] == ["owned", "over", "paged"]
    assert found.decided_ms == AT_MS
    assert len(words_of(svg(found))) > 5


def test_without_counts_there_is_no_picture() -> None:
    """A blind source has no crowd to draw."""
    assert incident_series([decision(1, AT_MS, history=())], title="Acme") is None
