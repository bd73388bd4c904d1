"""A brand's page shows its past against what is usual, with gaps as gaps; and is honest about what is not known."""

import json
from collections.abc import Iterator

import msgspec
import pytest

from alerting.quiet import Silence
from alerting.view import ShownPost
from tests.console.brand_samples import AT_MS, empty, history, past, troubled
from tests.console.deployed import ANA, LOOKER, Deployed, deployed
from tests.console.reading import VIC, Element, read, shown
from tocsin.console.brand_charting import MOST_ROWS, brand_chart, brand_rows
from tocsin.console.doors import Visitor
from tocsin.console.seen_brand import BrandSeen

HOSTILE = "<img src=x onerror=alert(1)>\u202e\"'</script>"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    with deployed(tmp_path_factory.mktemp("brand")) as found:
        yield found


def page(seen: BrandSeen, visitor: Visitor = ANA, language: str = "en") -> Element:
    return shown("brand.html", "/brands/Acme%20Bank", visitor, language, brand=seen)


def test_the_history_keeps_its_gaps(place: Deployed) -> None:
    """A zero where we were deaf would be a lie, in a chart as in a baseline."""
    plot = page(troubled()).of("plot")[0]
    chart = json.loads(plot.attributes["data-chart"])
    known = [one["values"][110] for one in chart["series"]]
    assert known == [None, None, None]
    assert chart["band"][0][110] is None
    assert chart["series"][0]["values"][0] is not None
    assert [one["name"] for one in chart["series"]] == ["Posts", "Usual", "Negative"]
    assert chart["marks"][0]["name"] == "High"
    assert plot.attributes["tabindex"] == "0"
    assert place is not None


def test_the_same_figures_stand_in_a_table_that_can_be_read(place: Deployed) -> None:
    found = history()
    rows = brand_rows(found)
    assert len(rows) <= MOST_ROWS
    assert sum(row.posts or 0 for row in rows) == sum(one or 0 for one in found.posts)
    assert rows[0].at_ms > rows[-1].at_ms
    assert [row.posts for row in rows].count(None) == 3
    table = page(troubled()).of("figures")[0]
    assert "nothing known" in table.text
    assert "not heard in full" in table.text


def test_a_brand_that_is_heard_since_a_moment_says_so() -> None:
    """A few minutes are not an hour: what is usual in one is no measure of them."""
    seen = troubled()
    figures = seen.line.figures
    assert figures is not None
    for since_ms, is_said in ((AT_MS - 4 * 60_000, True), (AT_MS - 7_200_000, False)):
        late = msgspec.structs.replace(figures, listened_ms=since_ms, history=(None,) * 17 + (9,))
        line = msgspec.structs.replace(seen.line, figures=late)
        told = page(msgspec.structs.replace(seen, line=line)).text
        assert ("Heard since 02:56 CET only" in told) is is_said


def test_words_that_cannot_be_new_are_not_left_unsaid() -> None:
    seen = troubled()
    bare = msgspec.structs.replace(seen.explanation, words=())
    assert "None stands out against the fortnight before" in page(msgspec.structs.replace(seen, explanation=bare)).text
    assert "None stands out" not in page(seen).text


def test_a_chart_without_a_band_has_none() -> None:
    found = msgspec.structs.replace(history(), lower=(None,) * 288, upper=(None,) * 288)
    assert "band" not in brand_chart(found, "UTC", ("a", "b", "c"))


def test_when_we_were_deaf_is_said_below_the_chart() -> None:
    assert "Not heard in full: 22 Nov 11:00 CET to 22 Nov 13:20 CET" in page(troubled()).of("deaf")[0].text
    silent = msgspec.structs.replace(history(), blind=(False,) * 288)
    assert not page(troubled(history=silent)).of("deaf")


def test_spans_are_links_and_what_is_none_is_a_day(place: Deployed) -> None:
    seen = read(place.get("/brands/Acme%20Bank?span=35d").text)
    here = [one.attributes["href"] for one in seen.named("a") if one.attributes.get("aria-current") == "page"]
    assert "/brands/Acme%20Bank?span=35d" in here
    assert seen.named("main")[0].attributes["data-live"] == "/live/brand/Acme%20Bank?span=35d"
    assert (
        "span=24h" in read(place.get("/brands/Acme%20Bank?span=%3Cb%3E").text).named("main")[0].attributes["data-live"]
    )


def test_an_unknown_brand_and_one_that_is_not_theirs_look_the_same(place: Deployed) -> None:
    zeta = Visitor(name="z", role="viewer", brands=("Zeta Air",))
    unknown, hidden = place.get("/brands/Nope"), place.get("/brands/Acme%20Bank", zeta)
    assert unknown.status_code == hidden.status_code == 404
    assert read(unknown.text).named("main")[0].text == read(hidden.text).named("main")[0].text


def test_what_is_usual_now_is_said_in_figures() -> None:
    said = page(troubled()).text
    assert "Posts in five minutes between 0 and 7" in said
    assert "Worth a notice from 10 in five minutes on" in said
    assert "May turn out to be for nothing, a month: pages 1, notices 3." in said


def test_a_brand_that_is_still_learnt_says_how_little_is_known() -> None:
    seen = troubled()
    assert seen.line.figures is not None
    young = msgspec.structs.replace(seen.line.figures, is_learning=True, learnt_ms=2 * 3_600_000)
    said = page(
        msgspec.structs.replace(seen, line=msgspec.structs.replace(seen.line, figures=young, stands="learning"))
    )
    assert "it has learnt from 2 h of its past" in said.of("hint")[0].text
    assert not said.by_id("brand-live").named("header")[0].of("is-calm")


def test_a_blind_brand_never_looks_calm() -> None:
    seen = troubled()
    blind = msgspec.structs.replace(seen, line=msgspec.structs.replace(seen.line, stands="blind", is_blind=True))
    head = page(blind).by_id("brand-live").named("header")[0]
    assert "Silence does not mean calm" in head.text
    assert not head.of("is-calm")


def test_words_threads_and_voices_are_quoted_inert() -> None:
    seen = troubled()
    thread = msgspec.structs.replace(seen.threads[0], root=ShownPost(HOSTILE, HOSTILE, "javascript:alert(1)", HOSTILE))
    word = msgspec.structs.replace(seen.explanation.words[0], word=HOSTILE)
    found = page(
        msgspec.structs.replace(
            seen, threads=(thread,), explanation=msgspec.structs.replace(seen.explanation, words=(word,))
        )
    )
    assert not found.named("img")
    assert "\u202e" not in found.text
    assert not [one for one in found.named("a") if one.attributes["href"].startswith("javascript:")]


def test_incidents_say_how_they_ended_and_ask_whether_it_was_right() -> None:
    found = page(troubled())
    said = next(one for one in found.named("section") if one.attributes.get("aria-labelledby") == "incidents-title")
    assert "4 in all. Open: 1; false alarms: 1; resolved: 1; calmed down: 1." in said.text
    assert "it was called a false alarm" in said.text
    forms = [one.attributes["action"] for one in said.named("form")]
    assert len(forms) == 4  # two verdicts on each of the two that are over and were not called false alarms
    assert all(one.endswith("/feedback") for one in forms)
    assert {one.attributes["value"] for one in said.named("input") if one.attributes["name"] == "verdict"} == {
        "was_right",
        "was_false_alarm",
    }


def test_who_may_only_look_finds_nothing_to_press() -> None:
    main = page(troubled(), VIC).named("main")[0]
    assert not main.named("form", "button")


def test_forty_incidents_are_listed_and_the_rest_counted() -> None:
    many = tuple(past(number) for number in range(1, 61))
    found = page(troubled(incidents=many))
    section = next(one for one in found.named("section") if one.attributes.get("aria-labelledby") == "incidents-title")
    assert len(section.of("badge")) == 40
    assert "Older ones: 20" in section.text


def test_planned_events_and_silences_stand_with_their_times() -> None:
    seen = troubled()
    quiet = Silence("s1", "Acme Bank", 0, AT_MS + 3_600_000, "ana", "the bank is down and we know")
    found = page(msgspec.structs.replace(seen, line=msgspec.structs.replace(seen.line, silences=(quiet,))))
    assert "Launch of the new app launch holds now" in found.text
    assert "the bank is down and we know" in found.text
    assert "/silences/s1/end" in [one.attributes["action"] for one in found.named("form")]


def test_a_brand_of_which_nothing_is_known_says_so_everywhere() -> None:
    said = page(empty()).text
    for words in (
        "Nothing was kept of this time yet",
        "Nobody stands out",
        "There has been no incident about this brand",
    ):
        assert words in said
    assert "None" not in said
    assert "nan" not in said.split()


def test_all_brands_are_listed_with_how_they_stand(place: Deployed) -> None:
    seen = read(place.get("/brands", LOOKER).text)
    assert {"Acme Bank", "Initech"} <= {one.named("h2")[0].text for one in seen.of("brand")}
    links = [one.attributes["href"] for one in seen.named("a")]
    assert "/brands/Acme%20Bank" in links


@pytest.mark.parametrize("language", ["en", "nl"])
def test_it_speaks_both_languages(language: str) -> None:
    assert ("Wat op dit uur gewoon is" in page(troubled(), ANA, language).text) is (language == "nl")
