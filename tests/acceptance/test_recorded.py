"""Promises about recorded brands: what a person who knows what happened would have wanted, and nothing beside it.

The recordings are not part of the repository; where one is absent its promises are skipped. All are replayed with the
shipped settings, as `tocsin replay` does it, and nobody acknowledges. Of the two largest `make slow` replays the days
about which something is promised and some before them, and `make proof` all.
"""

import gzip
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from alerting.view import WAKES
from benchmarks.recorded import LOUD, Event, recorded, run, within

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


class Stretch(NamedTuple):
    """The part of a recording that is replayed."""

    key: str
    since: str
    until: str


class _Posted(msgspec.Struct):
    created_at: str


def editions(key: str, since: str, until: str) -> list[object]:
    """A stretch of a recording for every day, and all of it for the proof."""
    whole = Stretch(key, "", "9999")
    return [pytest.param(Stretch(key, since, until), id="days"), pytest.param(whole, id="all", marks=pytest.mark.proof)]


def events_of(key: str) -> list[Event]:
    """Every decision on a recording."""
    one = recorded(key)
    if not one.path.is_file():
        pytest.skip(f"{one.path.name} is not beside this checkout")
    return run(one).events


def events_within(stretch: Stretch, home: Path) -> list[Event]:
    """Every decision on a part of a recording, for a service that was started when it begins."""
    one, kept = recorded(stretch.key), home / "stretch.jsonl.gz"
    if not one.path.is_file():
        pytest.skip(f"{one.path.name} is not beside this checkout")
    with gzip.open(one.path) as lines, gzip.open(kept, "wb", compresslevel=1) as some:
        for line in lines:
            if stretch.since <= msgspec.json.decode(line, type=_Posted).created_at < stretch.until:
                some.write(line)
    return run(one, path=kept).events


@pytest.fixture(scope="module", params=editions("united", "2017-04-17", "2017-05-24T12"))
def united(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    """The ebb of a crisis, an announcement, and ordinary days."""
    return events_within(request.param, tmp_path_factory.mktemp("united"))


@pytest.fixture(scope="module", params=editions("tesla", "2018-02-04", "2018-02-07T06"))
def tesla(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    """Days around a gap."""
    return events_within(request.param, tmp_path_factory.mktemp("tesla"))


def loud_pages(events: list[Event], since: str = "") -> list[Event]:
    """Whoever is woken by high or critical."""
    return [event for event in within(events, WAKES, since) if event.severity in LOUD]


def test_a_month_of_support_traffic_pages_at_most_once() -> None:
    """Spotify's October 2017 holds no crisis; the budget is one page a month."""
    assert len(within(events_of("spotify"), ("Page",))) <= 1


def test_ordinary_days_after_a_crisis_do_not_page(united: list[Event]) -> None:
    """United's May, with April's crisis in the baselines' past."""
    assert loud_pages(united, "2017-05-01") == []


def test_ordinary_days_alone_do_not_page() -> None:
    """The same days for a service that was started then."""
    assert loud_pages(events_of("united-may")) == []


def test_an_announcement_is_told_within_twenty_minutes(united: list[Event]) -> None:
    """27 April 2017, 19:10: a settlement brings ten times the posts."""
    assert within(united, ("Notify",), "2017-04-27T19:10", "2017-04-27T19:30:05")


def test_an_announcement_wakes_nobody(united: list[Event]) -> None:
    """... and fewer of them are angry than the day before."""
    assert within(united, WAKES, "2017-04-27T19:10", "2017-04-28T19:10") == []


def test_a_gap_is_told_as_blindness_while_it_lasts(tesla: list[Event]) -> None:
    """Tesla, 5 February 2018, 23:59 to 22:19 the next day: nothing was recorded, and that is no calm."""
    kinds = ("OpenIncident", "StandDown")
    gap = within(tesla, kinds, "2018-02-05T23:59", "2018-02-06T22:19", blind=True)
    assert [event.kind for event in gap] == ["OpenIncident"]
    assert gap[0].at < "2018-02-06T01:30"


def test_what_comes_after_a_gap_is_not_taken_for_a_crisis(tesla: list[Event]) -> None:
    """It resumes at ten times the level, about a rocket, and pleased."""
    assert loud_pages(tesla, "2018-02-06T22:19") == []


def test_a_joke_at_a_brands_cost_is_noticed_as_viral_within_the_hour() -> None:
    """JetBlue, 23 February 2015: from 18:15 on people pass a joke of its own on."""
    kinds = ("OpenIncident", "Notify", *WAKES)
    told = within(events_of("jetblue"), kinds, "2015-02-23T18:15", "2015-02-23T19:15:05")
    assert "viral_complaint" in {event.scenario for event in told}
