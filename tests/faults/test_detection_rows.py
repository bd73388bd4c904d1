"""What the public, its machines and our own sources do to detection: each row of it through the real path.

Rows of a made-up brand with four ordinary days behind it go through intake, core and flowchart, on virtual time. What
a planned launch mutes, and that it pages as ever when it turns, is held in `tests/tocsin/test_planned.py`; which guard
keeps which of these quiet, in `tests/detectors/test_earns_its_place.py`.
"""

import functools
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest

from alerting.decision import Decision
from alerting.facts import BLIND
from stream.brands import Brand
from stream.codec import DAY_MS, HOUR_MS, MINUTE_MS, parse_rfc3339, rfc3339
from tests.faults.rows import fired, row
from tests.tocsin.stories import CHART, START_MS
from tocsin.replay import ReplayResult, replay
from tocsin.synthetic import BRAND, Public, Row, Story, merged, quiet
from tocsin.synthetic_words import sentence

EVENT_MS = START_MS + 4 * DAY_MS + 13 * HOUR_MS
"""A Friday afternoon: what happens begins here."""
END_MS = EVENT_MS + 4 * HOUR_MS


@functools.lru_cache(maxsize=4)
def ordinary(per_hour: int = 15) -> tuple[Row, ...]:
    """Four days and a half of ordinary life."""
    return tuple(quiet(11, hours=(END_MS - START_MS) / HOUR_MS, per_hour=per_hour))


def at(row: Row) -> int:
    """When a row says it was written."""
    return parse_rfc3339(row["created_at"])


def observed(row: Row) -> int:
    """When we saw it."""
    return parse_rfc3339(row.get("observed_at", row["created_at"]))


def run(tmp_path: Path, *streams: Iterable[Row]) -> tuple[ReplayResult, list[Decision]]:
    """Replay rows in the order in which they were seen."""
    rows = sorted((row for stream in streams for row in stream), key=observed)
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    decided: list[Decision] = []
    brand = Brand(BRAND, None, languages=("en", "nl"))
    return replay([path], brands=[brand], chart_text=CHART, on_decision=decided.append), decided


def about_brand(decided: Sequence[Decision]) -> list[Decision]:
    """What was decided about the brand's own trouble, and not about our ears."""
    return [d for d in decided if d.scenario != BLIND]


def pages(decided: Sequence[Decision]) -> list[Decision]:
    """Who was woken about the brand since the event: the first day of a brand is no part of these rows."""
    return [d for d in about_brand(decided) if d.kind in ("Page", "Escalate") and d.at_ms >= EVENT_MS]


def posts(count: int, minutes: float, seed: int, text: Any, author: Any, **given: Any) -> list[Row]:
    """So many posts from the event on, evenly; `text` and `author` make theirs from the number of the post."""
    rng = Random(f"{seed}/posts")
    rows = []
    for n in range(count):
        at_ms = EVENT_MS + int(n * minutes * MINUTE_MS / count)
        row = {
            "id": f"social:e{seed}-{n}",
            "source": "social",
            "created_at": rfc3339(at_ms),
            "author": author(n),
            "author_followers": rng.randrange(200),
            "text": text(n),
            "lang": "en",
            "url": f"https://social.example/e{seed}/{n}",
        }
        rows.append(row | given)
    return rows


def angry(rng: Random) -> str:
    """Angry words."""
    return sentence(rng, "upset", "en", brand=BRAND, handle=BRAND.lower())


def test_the_ordinary_days_alone_wake_nobody(tmp_path: Path) -> None:
    """Else the rows below would show little."""
    result, decided = run(tmp_path, ordinary())
    assert result.mentions["matched"] > 1_200
    assert pages(decided) == []


# -- the same post again, the same words again ---------------------------------------------------------------------


@row("F16")
def test_a_connector_that_sends_everything_twice_changes_no_decision(tmp_path: Path) -> None:
    """A repeated id is counted once, whether it comes at once or minutes later."""
    public = Public(5, BRAND, "twice")
    public.tell(Story(start_ms=EVENT_MS, posts=250, rise_minutes=30, doubling_minutes=6))
    crisis = list(merged(public.rows))
    again = [row | {"observed_at": rfc3339(at(row) + 3 * MINUTE_MS)} for row in crisis]
    once, decided_once = run(tmp_path, ordinary(), crisis)
    twice, decided_twice = run(tmp_path, ordinary(), crisis, again)
    assert twice.mentions["repeated"] >= len(crisis) > 200
    fired(twice.mentions["repeated"])
    assert decided_once == decided_twice
    assert once.chains == twice.chains
    assert pages(decided_once)


@row("F16")
def test_a_headline_that_249_people_copy_is_told_and_wakes_nobody(tmp_path: Path) -> None:
    """Bad news in one and the same words: it travels far, and says nothing of how many are angry."""
    headline = f"{BRAND} customers furious about terrible outage, worst service ever, report says"
    _, decided = run(
        tmp_path, ordinary(), posts(249, 10, 1, lambda n: f"{headline} https://n.example/{n}", lambda n: f"reader{n}")
    )
    assert pages(decided) == []
    told = [d for d in about_brand(decided) if d.kind == "Notify"]
    assert told
    assert any(s.kind == "virality" and "cluster" in s.evidence for d in told for s in d.signals)
    fired(249)


@row("F28")
@pytest.mark.parametrize("count", [2_000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_one_account_with_thousands_of_posts_wakes_nobody(tmp_path: Path, count: int) -> None:
    """In whatever words: it is one voice."""
    rng = Random(3)
    loud = posts(count, 10, 2, lambda n: f"{angry(rng)} {n}", lambda n: "loud")
    result, decided = run(tmp_path, ordinary(), loud)
    assert result.mentions["matched"] > count
    fired(count)
    assert pages(decided) == []


@row("F28")
def test_five_hundred_new_accounts_with_twenty_templates_page_and_are_labelled(tmp_path: Path) -> None:
    """A wave that looks arranged is said to look so, with its figures; it is not passed over in silence."""
    rng = Random(4)
    templates = [angry(rng) for _ in range(200)]
    templates = list(dict.fromkeys(templates))[:20]
    assert len(templates) == 20
    wave = posts(
        500,
        10,
        3,
        lambda n: f"{templates[n % 20]} https://t.example/{n}",
        lambda n: f"new{n}",
        author_created_at=rfc3339(EVENT_MS - 3 * DAY_MS),
    )
    _, decided = run(tmp_path, ordinary(), wave)
    woken = pages(decided)
    assert woken
    assert woken[0].at_ms <= EVENT_MS + 15 * MINUTE_MS
    labelled = [d for d in woken if d.facts.coordinated]
    assert labelled
    assert labelled[0].at_ms <= EVENT_MS + 5 * MINUTE_MS
    fired(len(wave))
    assert labelled[-1].facts.new_accounts * 10 >= labelled[-1].facts.mentions * 6
    assert labelled[-1].facts.texts * 2 <= labelled[-1].facts.mentions


# -- times that are late, forged or missing ------------------------------------------------------------------------


@row("F17", "F26")
@pytest.mark.parametrize(
    ("oldest_h", "newest_h"),
    [(30, 2), pytest.param(36, 20, marks=pytest.mark.slow), pytest.param(6, 2, marks=pytest.mark.slow)],
)
def test_a_backlog_is_history_and_no_crisis(tmp_path: Path, oldest_h: int, newest_h: int) -> None:
    """A thousand angry posts of past hours arrive within a minute: each counts in its own time, which is over."""
    rng = Random(6)
    rows = posts(1_000, 1, 4, lambda n: angry(rng), lambda n: f"late{n}")
    spread = (oldest_h - newest_h) * HOUR_MS
    late = [
        row
        | {
            "observed_at": row["created_at"],
            "created_at": rfc3339(EVENT_MS - newest_h * HOUR_MS - spread * n // len(rows)),
        }
        for n, row in enumerate(rows)
    ]
    result, decided = run(tmp_path, ordinary(), late)
    assert result.mentions["matched"] > 3_000
    fired(len(late))
    assert [d for d in about_brand(decided) if d.at_ms >= EVENT_MS and d.kind in ("Page", "Notify")] == []


@row("F17")
@pytest.mark.parametrize(
    "claimed", ["2036-01-01T00:00:00Z", pytest.param("1970-01-01T00:00:00Z", marks=pytest.mark.slow)]
)
def test_a_forged_time_neither_pages_nor_deafens(tmp_path: Path, claimed: str) -> None:
    """A few posts from the far future or past move no clock: the crisis an hour later is paged as without them."""
    public = Public(7, BRAND, "real")
    public.tell(Story(start_ms=EVENT_MS + HOUR_MS, posts=300, rise_minutes=30, doubling_minutes=6))
    crisis = list(merged(public.rows))
    rng = Random(8)
    forged = [
        row | {"observed_at": row["created_at"], "created_at": claimed}
        for row in posts(5, 10, 5, lambda n: angry(rng), lambda n: f"forger{n}")
    ]
    without, plain = run(tmp_path, ordinary(), crisis)
    result, decided = run(tmp_path, ordinary(), crisis, forged)
    assert result.mentions["matched"] == without.mentions["matched"] + len(forged)
    fired(len(forged))
    assert pages(plain)
    assert pages(decided)
    assert abs(pages(decided)[0].at_ms - pages(plain)[0].at_ms) <= 2 * MINUTE_MS
    assert not any(d.at_ms < EVENT_MS + HOUR_MS for d in pages(decided))


@row("F17")
def test_posts_that_come_an_hour_late_still_page_by_their_own_minutes(tmp_path: Path) -> None:
    """A slow source brings the crisis fifty minutes late: later than in time, and before its minutes are closed."""
    public = Public(9, BRAND, "slow")
    public.tell(Story(start_ms=EVENT_MS, posts=400, rise_minutes=30, doubling_minutes=6))
    late = [row | {"observed_at": rfc3339(at(row) + 50 * MINUTE_MS)} for row in merged(public.rows)]
    _, decided = run(tmp_path, ordinary(), late)
    fired(len(late))
    woken = pages(decided)
    assert woken
    assert woken[0].at_ms <= EVENT_MS + 180 * MINUTE_MS


# -- our own ears --------------------------------------------------------------------------------------------------


@row("F25")
def test_a_source_lost_at_the_peak_is_told_and_the_incident_does_not_stand_down(tmp_path: Path) -> None:
    """What cannot be heard is not calm: while the source is out, the crisis stays open."""
    public = Public(10, BRAND, "peak")
    public.tell(Story(start_ms=EVENT_MS, posts=700, rise_minutes=40, doubling_minutes=8, fall_minutes=60))
    lost_ms, back_ms = EVENT_MS + 40 * MINUTE_MS, EVENT_MS + 210 * MINUTE_MS
    heard = [
        row
        for row in (*ordinary(40), *merged(public.rows))
        if not (row["source"] == "social" and lost_ms <= at(row) < back_ms)
    ]
    _, decided = run(tmp_path, heard)
    assert pages(decided)
    blind = [d for d in decided if d.scenario == BLIND]
    opened = next(d for d in blind if d.kind == "OpenIncident")
    assert lost_ms + 10 * MINUTE_MS <= opened.at_ms <= lost_ms + HOUR_MS
    assert opened.signals[0].evidence["source"] == "social"
    fired()
    downs = [d for d in about_brand(decided) if d.kind == "StandDown" and d.at_ms >= EVENT_MS]
    assert not any(d.at_ms < back_ms for d in downs)
    assert any(d.kind == "StandDown" and d.at_ms >= back_ms for d in blind)


@row("F26")
def test_a_source_that_returns_with_its_backlog_is_no_storm(tmp_path: Path) -> None:
    """Two hours are missed and come all at once, with the times at which they were written."""
    lost_ms, back_ms = EVENT_MS, EVENT_MS + 2 * HOUR_MS
    rows = [
        row | {"observed_at": rfc3339(back_ms + n)} if lost_ms <= at(row) < back_ms else row
        for n, row in enumerate(ordinary(40))
    ]
    _, decided = run(tmp_path, rows)
    assert any(d.scenario == BLIND and d.kind == "OpenIncident" for d in decided)
    fired()
    assert pages(decided) == []


@row("F26")
def test_a_backlog_with_fresh_times_wakes_nobody(tmp_path: Path) -> None:
    """The same, from a connector that stamps what it missed with the time at which it sends it."""
    lost_ms, back_ms = EVENT_MS, EVENT_MS + 3 * HOUR_MS
    rows = [
        row | {"created_at": rfc3339(back_ms + n)} if lost_ms <= at(row) < back_ms else row
        for n, row in enumerate(ordinary(40))
    ]
    result, decided = run(tmp_path, rows)
    assert result.blind >= 1
    fired(result.blind)
    assert pages(decided) == []
