"""The flowchart's owner sees what is in force, which line is wrong, who is on call, and each node in words."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from alerting.flowchart.load import load_chart
from alerting.flowchart.picture import panels_of
from alerting.flowchart.sheet import sheet_of
from alerting.quiet import Silence
from stream.codec import HOUR_MS
from tests.console.deployed import ANA, AT_MS, CHART, LOOKER, SECRET, Deployed, deployed
from tests.console.reading import Element, read
from tocsin.checking import read_chart
from tocsin.console.chart_room import ChartRoom, silences_seen
from tocsin.console.doors import Visitor
from tocsin.console.seen_flowchart import in_sheet, panels_seen, silence_seen
from tocsin.settings import shipped_chart_path

WALK = """\
chart: chart.yaml
about: What is of low severity wakes nobody.
start: 2026-11-26T12:00:00+01:00
timezone: Europe/Amsterdam
facts: {scenario: backlash, severity: low}
expect: {path: [bad, tell, noted]}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    with deployed(tmp_path_factory.mktemp("flowchart")) as found:
        yield found


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Deployed]:
    """One whose file may be changed."""
    with deployed(tmp_path) as found:
        yield found


def page(place: Deployed, path: str = "/flowchart", visitor: Visitor = ANA, language: str = "en") -> Element:
    answer = place.get(path, visitor, language)
    assert answer.status_code == 200
    return read(answer.text)


def section(seen: Element, name: str) -> Element:
    return seen.by_id(name)


def test_what_is_in_force_is_named_by_owner_version_and_since_when(place: Deployed) -> None:
    said = page(place).text
    assert "Owned by Head of communications" in said
    assert place.works.live.chart.digest[:12] in said
    assert "in force since before 12:20 CET, when this process began" in said


def test_each_problem_has_its_line_and_that_line(place: Deployed) -> None:
    problems = section(page(place), "file").of("problems")[0]
    line = CHART.splitlines().index("  desk_rota:") + 1
    assert f"chart.yaml, line {line}" in problems.text
    assert "nobody is on call from" in problems.text
    assert problems.named("pre")[0].text == "desk_rota:"


def test_a_bad_file_is_told_with_its_lines_and_that_the_old_one_runs_on(own: Deployed) -> None:
    (own.home / "chart.yaml").write_text(CHART.replace("page: [pr_on_call]", "page: [pr_on_cal]"))
    said = section(page(own), "file").text
    assert "The version before it runs on" in said
    assert f"line {CHART.splitlines().index('    page: [pr_on_call]') + 1}" in said
    assert "did you mean pr_on_call ?" in said
    assert "Read the first three posts" in page(own).text  # of the one that runs


def test_a_file_that_is_no_text_at_all_is_told_with_its_line(own: Deployed) -> None:
    (own.home / "chart.yaml").write_bytes(CHART.encode() + b"\n# caf\xe9\n")
    said = section(page(own), "file").text
    assert "this byte is not UTF-8" in said
    assert f"line {CHART.count(chr(10)) + 2}" in said


def test_a_file_that_is_gone_is_told_without_its_place_on_the_disk(own: Deployed) -> None:
    (own.home / "chart.yaml").unlink()
    said = section(page(own), "file").text
    assert "cannot be read" in said
    assert str(own.home) not in section(page(own, visitor=LOOKER), "file").of("problems")[0].text


def test_a_good_file_that_is_not_taken_yet_is_said_to_wait(own: Deployed) -> None:
    (own.home / "chart.yaml").write_text(CHART.replace("It is on record.", "It stays on record."))
    said = section(page(own), "file").text
    assert "will be taken within a minute" in said


async def test_once_taken_it_says_since_when(own: Deployed) -> None:
    (own.home / "chart.yaml").write_text(CHART.replace("It is on record.", "It stays on record."))
    live = own.works.live
    live.take(live.read())
    assert live.since_ms == AT_MS
    room = ChartRoom(own.works)
    assert room.seen(lambda _: True).since_ms == AT_MS
    assert room.seen(lambda _: True).file.state == "in_force"


def test_roles_say_who_has_them_and_where_that_is_nobody(place: Deployed) -> None:
    roles = section(page(place), "roles")
    by_name = {one.named("h3")[0].text: one.text for one in roles.named("li")}
    assert "Ana Jansen until 26 Nov 09:00 CET, then Bram de Wit" in by_name["PR on call"]
    assert "Nobody: a page to this role would reach nobody now." in by_name["Desk"]
    assert "for Tulpatel: Bram de Wit" in by_name["Legal"]


def test_a_duty_of_a_brand_is_told_to_those_alone_who_see_the_brand(place: Deployed) -> None:
    zeta = Visitor(name="z", role="viewer", brands=("Zeta Air",))
    assert "Tulpatel" not in section(page(place, visitor=zeta), "roles").text


def test_a_gap_stands_in_words_and_so_does_each_swap(place: Deployed) -> None:
    roster = section(page(place), "roster")
    assert "Nobody is on call from" in roster.of("problem")[0].text
    assert "Swapped: Bram is at a wedding" in roster.text
    assert roster.of("now")


def test_the_calendar_turns_by_weeks_and_bad_weeks_are_this_one(place: Deployed) -> None:
    later = page(place, "/flowchart?week=2026-12-09")  # a Wednesday
    assert "week of 2026-12-07" in later.text
    assert not section(later, "roster").of("now")
    for word in ("soon", "9999-99-99", "0001-01-01", "9999-12-31", "<script>", ""):
        answer = place.get(f"/flowchart?week={word}")
        assert answer.status_code == 200
        assert "<script>" not in answer.text.replace("<script src", "")


def test_every_node_stands_in_words_and_every_link_leads_to_one(place: Deployed) -> None:
    words = section(page(place), "words")
    ids = [one.attributes["id"] for one in words.of("node")]
    assert sorted(ids) == sorted(f"node-{name}" for name in place.works.live.chart.nodes)
    leads = {one.attributes["href"] for one in words.named("a")}
    assert leads <= {f"#{one}" for one in ids}
    assert "severity in [" in words.text
    assert "Read the first three posts, then call legal." in words.text


def test_the_shipped_flowchart_is_shown_whole() -> None:
    chart = read_chart(shipped_chart_path())
    panels = panels_seen(chart)
    named = [node.name for panel in panels for node in panel.nodes]
    assert named == [name for _, names in panels_of(sheet_of(chart)) for name in names]
    assert len(named) == len(set(named)) > 40
    assert all(node.words[0] for panel in panels for node in panel.nodes)


def test_a_node_of_a_sub_chart_is_found_by_whichever_call_walked_it() -> None:
    chart = read_chart(shipped_chart_path())
    unfolded = next(name for name in chart.nodes if "/" in name)
    call = unfolded.partition("/")[0]
    found = in_sheet(chart, (unfolded, "of_another_version"))
    assert call in found
    assert len(found) == 2


def test_the_drawing_stands_in_the_page_without_style_and_alone_with_it(place: Deployed) -> None:
    drawing = page(place).by_id("drawing").of("drawing")[0]
    assert drawing.named("svg")
    assert not drawing.named("style", "script")
    alone = place.get("/flowchart/drawing.svg")
    assert alone.headers["content-type"] == "image/svg+xml"
    assert alone.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert "<style>" in alone.text


def test_without_walks_it_says_what_they_are_for(place: Deployed) -> None:
    assert "Put them into a directory walks beside it" in section(page(place), "walks").text


def test_example_walks_count_what_they_come_through(own: Deployed) -> None:
    (own.home / "walks").mkdir()
    (own.home / "walks" / "noon.yaml").write_text(WALK)
    (own.home / "walks" / "other.yaml").write_text(WALK.replace("[bad, tell, noted]", "[bad, wake]"))
    seen = own.rooms.charts.seen(lambda _: True)
    assert seen.walks is not None
    assert seen.walks.problem == ""
    assert (seen.walks.walks, seen.walks.failed) == (2, ("other.yaml",))
    assert seen.walks.nodes_walked == {"bad", "tell", "noted"}
    assert (seen.walks.nodes, seen.walks.of_nodes) == (3, 6)
    said = page(own)
    assert "End otherwise than they say: 1" in section(said, "walks").text
    assert "no example walk comes here" in said.by_id("node-further").text


def test_a_broken_walk_breaks_no_page(own: Deployed) -> None:
    (own.home / "walks").mkdir()
    (own.home / "walks" / "noon.yaml").write_text("chart: [")
    assert "The walks cannot be walked" in section(page(own), "walks").text


def test_a_silence_is_shown_inert_with_the_button_that_ends_it() -> None:
    asked = Silence("s1", "Tulpatel", 0, AT_MS + HOUR_MS, "ana", "known \u202e<img src=x onerror=alert(1)>")
    shown = silence_seen(asked, "UTC")
    assert "\u202e" not in shown.reason
    assert "<img" in shown.reason  # the template escapes it: see the page


def test_silences_are_those_that_hold_of_brands_that_are_seen(place: Deployed) -> None:
    assert list(silences_seen(place.works, lambda _: True)) == []
    assert "Nobody has asked for quiet." in section(page(place), "silences").text


@pytest.mark.parametrize("language", ["en", "nl"])
def test_it_speaks_both_languages_and_holds_no_script_style_or_secret(place: Deployed, language: str) -> None:
    answer = place.get("/flowchart", ANA, language)
    seen = read(answer.text)
    assert seen.named("html")[0].attributes["lang"] == language
    assert ("Stroomschema voor crises" in answer.text) is (language == "nl")
    assert not seen.named("style")
    assert all("src" in one.attributes for one in seen.named("script"))
    assert not list(seen.all(lambda one: any(name.startswith("on") or name == "style" for name in one.attributes)))
    assert SECRET not in answer.text
    ids = re.findall(r'\sid="([^"]*)"', answer.text)
    assert len(ids) == len(set(ids))


def test_a_hostile_flowchart_stays_text(tmp_path: Path) -> None:
    hostile = '<script>alert(1)</script>"{{7*7}}'
    text = CHART.replace("Is it bad enough to wake somebody?", hostile.replace('"', "'")).replace(
        "Head of communications", "Head <img src=x onerror=alert(2)>"
    )
    load_chart(text, "chart.yaml")
    with deployed(tmp_path, chart=text) as found:
        answer = found.get("/flowchart")
        seen = read(answer.text)
        assert "<script>alert" not in answer.text
        assert not seen.named("img")
        assert "<script>alert(1)</script>'{{7*7}}" in section(seen, "words").text
