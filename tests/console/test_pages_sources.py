"""The page of the sources says who is blind and since when, what was missed, what to do; and never a secret."""

from collections.abc import Iterator

import pytest

from stream.codec import MINUTE_MS, parse_rfc3339
from stream.sources.places import Standing
from tests.console.deployed import ANA, AT_MS, SECRET, Deployed, deployed, heard
from tests.console.reading import Element, read, shown
from tocsin.console.doors import Visitor
from tocsin.console.seen_sources import SourceSeen, SourcesSeen, needed_first, standing_of
from tocsin.console.source_room import SourceRoom


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    with deployed(tmp_path_factory.mktemp("sources")) as found:
        heard(found.works)
        yield found


def page(place: Deployed, visitor: Visitor = ANA, language: str = "en") -> Element:
    answer = place.get("/sources", visitor, language)
    assert answer.status_code == 200
    assert SECRET not in answer.text
    return read(answer.text)


def card(seen: Element, name: str) -> Element:
    return next(one for one in seen.of("source") if one.named("h2")[0].text.split()[0] == name)


def by_name(place: Deployed) -> dict[str, SourceSeen]:
    return {one.name: one for one in place.rooms.sources.seen(lambda _: True).sources}


def test_blind_sources_come_first_and_are_counted(place: Deployed) -> None:
    seen = page(place)
    assert "Blind sources: 2 of 4. Quiet from them does not mean calm." in seen.of("problem")[0].text
    names = [one.named("h2")[0].text.split()[0] for one in seen.of("source")]
    assert names[:2] == ["news", "x"]


def test_a_blind_source_says_since_when_and_what_to_do(place: Deployed) -> None:
    said = card(page(place), "news")
    assert "Silent: blind" in said.text
    assert "Blind since 11:20 CET" in said.text
    assert "feeds.example answers 503" in said.text
    assert "tocsin sources check news" in said.text
    assert not said.of("is-calm")


def test_a_refused_source_says_that_somebody_must_act() -> None:
    denied = SourceSeen(name="a", type="x", state="silent", denied=True, trouble="the token is not valid any more")
    well = SourceSeen(name="b", type="x", state="hearing")
    assert [one.name for one in needed_first([well, denied])] == ["a", "b"]


def test_a_source_that_is_heard_says_how_late_and_what_it_brings(place: Deployed) -> None:
    said = card(page(place), "hn")
    assert said.of("is-calm")
    assert "12:19 CET (15 s ago)" in said.text
    assert "20 s ago" in said.text
    assert "1,234" in said.text
    assert "1,440 requests" in said.text


def test_a_source_that_nobody_listens_to_any_more_is_no_source_that_is_heard() -> None:
    """A page that says `heard` because that was written down last week would be worse than none."""
    well = Standing(heard_ms=AT_MS - 600_000, due_ms=AT_MS - 300_000, status="ok")
    assert standing_of(well, AT_MS) == ("silent", AT_MS - 600_000)
    assert standing_of(well._replace(due_ms=AT_MS), AT_MS) == ("hearing", 0)
    assert standing_of(Standing(since_ms=5), AT_MS) == ("trying", 5)
    assert standing_of(Standing(), AT_MS) == ("new", 0)
    assert standing_of(Standing(heard_ms=1, status="lagging", since_ms=7), AT_MS) == ("lagging", 7)


def test_gaps_have_their_beginning_end_and_reason(place: Deployed) -> None:
    said = card(page(place), "news").named("details")[0].text
    assert "11:20 CET to 11:40 CET (20 min) we were told to wait" in said
    assert "what could be had came later" in said


def test_our_own_limit_shows_how_much_of_it_is_used(place: Deployed) -> None:
    seen = by_name(place)["x"]
    assert [(one.unit, one.per, one.used, one.most) for one in seen.limits] == [("posts", "month", 4_321, 5_000)]
    said = card(page(place), "x")
    assert "Our limit a month: 4,321 of 5,000 posts" in said.text
    assert said.named("meter")[0].attributes["value"] == "864"


def test_what_came_before_this_month_counts_for_no_limit_of_it(place: Deployed) -> None:
    before = parse_rfc3339("2026-10-31T23:59:59Z")
    place.works.home.places.spend("x", {"posts": 900}, before)
    assert by_name(place)["x"].limits[0].used == 4_321


def test_a_door_promises_nothing_and_says_when_it_was_last_used(place: Deployed) -> None:
    assert "none among the latest" in card(page(place), "forum").text
    log = place.works.home.intake_log
    log.append([("mention", "forum", b"{}"), ("beat", "", b"")], now_ms=AT_MS - 3 * MINUTE_MS)
    said = card(page(place), "forum")
    assert "Last mention 12:17 CET (3 min ago)" in said.text
    assert "its silence says nothing" in said.text
    assert not said.of("is-calm")
    assert not said.of("is-blind")


def test_dead_letters_are_counted_by_reason_and_unknown_senders_named(place: Deployed) -> None:
    seen = page(place)
    assert "not_json 3" in card(seen, "forum").text
    assert "nobody-we-know : unknown_source 1" in seen.text


def test_who_sees_one_brand_sees_its_sources_alone(place: Deployed) -> None:
    zeta = Visitor(name="z", role="viewer", brands=("Zeta Air",))
    seen = page(place, zeta)
    assert [one.named("h2")[0].text.split()[0] for one in seen.of("source")] == ["forum"]
    assert "Tulpatel" not in seen.text
    assert "nobody-we-know" not in seen.text


def test_where_other_processes_listen_it_says_so_and_claims_nothing(place: Deployed) -> None:
    room = SourceRoom(place.works.settings, place.works.clock)
    seen = room.seen(lambda _: True)
    assert {one.state for one in seen.sources} == {"elsewhere"}
    assert seen.blind == seen.asked == 0


def test_without_any_source_it_says_that_nothing_is_heard() -> None:
    seen = shown("sources.html", "/sources", seen=SourcesSeen(at_ms=AT_MS, timezone="UTC", sources=()))
    assert "without one, nothing is heard" in seen.text
    assert not seen.of("is-calm")


def test_forty_sources_are_forty_cards_with_ids_of_their_own() -> None:
    many = tuple(SourceSeen(name=f"source-{n}", type="feeds", state="hearing", heard_ms=1) for n in range(40))
    seen = shown("sources.html", "/sources", seen=SourcesSeen(at_ms=AT_MS, timezone="UTC", sources=many))
    ids = [one.attributes["id"] for one in seen.all(lambda one: "id" in one.attributes)]
    assert len(seen.of("source")) == 40
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("language", ["en", "nl"])
def test_it_speaks_both_languages(place: Deployed, language: str) -> None:
    assert ("Stil: blind" in page(place, ANA, language).text) is (language == "nl")
