"""Drills show each time against its promise; a review opens locked up; the flowchart's people alone start a drill."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from alerting.decision import Decision
from alerting.facts import Facts
from stream.codec import HOUR_MS
from tests.console.deployed import ANA, AT_MS, LOOKER, Deployed, deployed, drilled
from tests.console.reading import Element, read, shown
from tocsin import reviewing
from tocsin.console.doors import Visitor
from tocsin.console.drill_room import _past
from tocsin.console.seen_drills import DrillsSeen
from tocsin.drill_file import DrillFile, read_score, write_drill
from tocsin.handing import DRILLS, Running, announce, withdraw

REVIEW = "/drills/drill-good1/review"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    with deployed(tmp_path_factory.mktemp("drills")) as found:
        drilled(found.home / "data")
        yield found


def page(place: Deployed, visitor: Visitor = ANA, language: str = "en") -> Element:
    answer = place.get("/drills", visitor, language)
    assert answer.status_code == 200
    return read(answer.text)


def test_drills_are_listed_the_latest_first_each_with_its_verdict(place: Deployed) -> None:
    cards = page(place).named("article")
    assert [one.of("badge")[0].text for one in cards] == [
        "Every promise kept",
        "A promise was missed",
        "It ended without a score",
    ]


def test_each_time_stands_against_its_promise_and_in_the_time_that_people_had(place: Deployed) -> None:
    rows = [row.text for row in page(place).named("article")[1].named("tr")[1:]]
    assert rows[1] == "Page 30 s (really 3 s) within 5 min kept"
    assert rows[2] == "Acknowledge 1 min 35 s (really 9 s) within 10 min kept"
    assert rows[3] == "Own never nothing promised"
    assert rows[4] == "First statement 40 min (really 4 min) within 30 min missed"
    assert rows[0] == "Detect 4 min nothing promised"  # nobody's time is in how long detectors took


def test_a_review_opens_as_a_document_in_which_nothing_runs(place: Deployed) -> None:
    answer = place.get(REVIEW)
    policy = answer.headers["content-security-policy"]
    assert answer.status_code == 200
    assert policy.startswith("sandbox ")
    assert "default-src 'none'" in policy
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy


@pytest.mark.parametrize("name", ["drill-nope9", "drill-died3", "..", "..%2f..", "drill-good1%2f..", "running.json"])
def test_what_is_no_drill_with_a_review_is_not_there(place: Deployed, name: str) -> None:
    assert place.get(f"/drills/{name}/review").status_code == 404


def test_a_review_of_a_brand_that_somebody_does_not_see_is_not_there_for_them(place: Deployed) -> None:
    zeta = Visitor(name="z", role="viewer", brands=("Zeta Air",))
    assert place.get(REVIEW, zeta).status_code == 404
    assert not page(place, zeta).named("article")


def test_a_responder_starts_one_in_their_own_name(place: Deployed) -> None:
    answer = place.post("/drills")
    assert place.started == ["ana"]
    assert "ana started a drill in the channel C0000DRILL." in read(answer.text).of("told")[0].text


@pytest.mark.parametrize(
    "visitor",
    [
        Visitor(name="admin", role="admin"),
        Visitor(name="stranger", role="responder", responder="nobody-of-the-chart"),
        Visitor(name="one brand", role="responder", responder="ana", brands=("Tulpatel",)),
    ],
    ids=lambda visitor: visitor.name,
)
def test_nobody_else_starts_one_and_nothing_is_changed(place: Deployed, visitor: Visitor) -> None:
    before = list(place.started)
    answer = place.post("/drills", visitor)
    assert answer.status_code == 403
    assert "Nothing was changed." in read(answer.text).of("problem")[0].text
    assert place.started == before
    assert "Start it now" not in page(place, visitor).text


def test_who_may_only_look_is_offered_no_button(place: Deployed) -> None:
    seen = page(place, LOOKER)
    assert not [one for one in seen.named("form") if one.attributes["action"] == "/drills"]
    assert place.post("/drills", LOOKER).status_code == 403


def test_a_running_drill_is_shown_and_no_second_one_is_offered(tmp_path: Path) -> None:
    with deployed(tmp_path) as found:
        data = found.home / "data"
        directory = data / DRILLS / "drill-now1"
        directory.mkdir(parents=True)
        drill = DrillFile(
            name="drill-now1", speed=10, core_ms=0, wall_ms=AT_MS, ends_ms=AT_MS + HOUR_MS, brands=("Tulpatel",), pid=1
        )
        write_drill(directory, drill)
        announce(data, Running(str(directory.resolve()), drill))
        seen = page(found)
        assert "A drill is running" in seen.text
        assert "10 times as fast as life. It ends by itself at 13:20 CET at the latest." in seen.text
        assert "Start it now" not in seen.text
        withdraw(data)
        seen = page(found)
        assert "A drill is running" not in seen.text
        assert "It ended without a score" in seen.text


def test_before_the_first_drill_the_page_says_why_to_hold_one(tmp_path: Path) -> None:
    with deployed(tmp_path) as found:
        seen = page(found)
        assert "There has been no drill yet." in seen.text
        assert "There has been no incident yet." in seen.text


def test_a_score_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    (tmp_path / "score.json").write_text("{")
    assert read_score(tmp_path) is None


def test_the_review_of_an_incident_that_is_not_known_says_where_to_ask(place: Deployed) -> None:
    answer = place.get("/incidents/tulpatel-17/review")
    assert answer.status_code == 404
    assert "`tocsin review` says why" in read(answer.text).text


@pytest.mark.parametrize("language", ["en", "nl"])
def test_it_speaks_both_languages(place: Deployed, language: str) -> None:
    assert ("Elke belofte nagekomen" in page(place, ANA, language).text) is (language == "nl")


@pytest.mark.parametrize(
    ("language", "kinds", "woken"),
    [
        ("en", ["service outage", "unusually much talk, and it is not negative"], "Ana Jansen woken"),
        ("nl", ["storing", "ongewoon veel berichten, en niet negatief"], "Ana Jansen opgeroepen"),
    ],
)
def test_past_incidents_are_told_in_the_language_of_the_page_and_people_by_their_names(
    language: str, kinds: list[str], woken: str
) -> None:
    calm = Facts(mentions=200, judged=120, negative_share_milli=20, usual_negative_share_milli=240)
    found = [
        reviewing._line(
            f"tulpatel-{number}",
            [
                Decision(
                    key=f"tulpatel-{number}/1/{kind}",
                    at_ms=AT_MS,
                    brand="Tulpatel",
                    kind=kind,
                    incident=f"tulpatel-{number}",
                    scenario=scenario,
                    severity="medium",
                    reason="flowchart",
                    targets=("ana",),
                    facts=facts,
                )
                for kind in ("OpenIncident", "Page")
            ],
        )
        for number, (scenario, facts) in enumerate((("service_outage", Facts()), ("backlash", calm)))
    ]
    past = tuple(_past(one, {}, {}, lambda who: {"ana": "Ana Jansen"}[who]) for one in found)
    seen = DrillsSeen(at_ms=AT_MS, timezone="Europe/Amsterdam", past=past)
    rows = shown("drills.html", "/drills", ANA, language, seen=seen, starts=False, may_start=False).of("lines")[0]
    for row, kind in zip(rows.named("li"), kinds, strict=True):
        assert f"Tulpatel {kind}" in row.text
        assert woken in row.text
