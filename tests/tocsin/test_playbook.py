"""The playbook holds what is needed when everything is down, asks for nothing from outside, and can be printed."""

import re
import shutil
from pathlib import Path

import pytest

from alerting.facts import SCENARIOS
from alerting.flowchart.load import load_chart
from alerting.flowchart.model import Chart
from stream.codec import DAY_MS, parse_rfc3339
from tests.command import tocsin
from tests.tocsin.crises import shipped_chart
from tocsin.playbook import ladders, part_of, playbook, shifts
from tocsin.rosters import expand_rosters

AT_MS = parse_rfc3339("2027-03-15T12:00:00Z")
ZONE = "Europe/Amsterdam"
FULL = """
version: 1
owner: Head <b>of</b> communications
review_by: 2027-01-31
last_resort: [anna]
responders:
  anna: {name: "Anna & Co", slack: U0000ANNA, phone: "+31 20 555 0101", department: Care}
  bram: {name: Bram de Wit, slack: U0000BRAM, phone: "+31 20 555 0102", department: Care, review_by: 2027-12-31}
roles:
  pr: {description: First to be woken, roster: pr}
rosters:
  pr:
    timezone: Europe/Amsterdam
    rotation: {people: [anna, bram], every: 1w, hand_over: "Monday 09:00", from: 2027-01-04}
entry: {viral_complaint: wake, backlash: wake, campaign_blunder: wake, data_security: wake, service_outage: wake,
        blind: wake}
nodes:
  wake: {page: pr, say: "Look <now>", acknowledge_within: 10m, if_not_acknowledged: next, then: offered}
  next: {page: [bram, anna], then: offered}
  offered:
    statement: sorry
    languages: [en, nl]
    written_by: anna
    approve_by: [bram]
    within: 30m
    if_not_approved: done
    then: done
  done: {end: Somebody leads.}
statements:
  sorry: {en: "{brand} is looking into it.", nl: "{brand} zoekt het uit.", review_by: 2027-06-30}
"""


@pytest.fixture(scope="module")
def chart() -> Chart:
    """A chart with rosters and statements."""
    return load_chart(FULL, "full.yaml")


@pytest.fixture(scope="module")
def html(chart: Chart) -> str:
    """Its playbook."""
    rosters = expand_rosters(chart.written.rosters, {}, AT_MS)
    return playbook(chart, rosters, AT_MS, zone=ZONE)


def test_it_asks_for_nothing_from_outside(html: str) -> None:
    """No address is loaded, no script runs, and the page says so to the browser."""
    assert re.findall(r"""(?:src|href)=["'](?!#)""", html) == []
    assert re.findall(r"url\(|@import|<script|<link", html) == []
    assert set(re.findall(r"https?://[^\"' <]+", html)) <= {"http://www.w3.org/2000/svg"}
    assert "default-src 'none'" in html


def test_it_holds_numbers_statements_rosters_and_dates(html: str) -> None:
    """Everything a person reads off it on the worst day."""
    for promised in (
        "+31 20 555 0101", "+31 20 555 0102", "{brand} is looking into it.", "{brand} zoekt het uit.",
        "Rosters of the next four weeks", "Mon 22 Mar 09:00", "2027-06-30", "2027-12-31", "First to be woken",
    ):  # fmt: skip
        assert promised in html, promised
    assert html.count("<svg") == len(SCENARIOS) + 1


def test_what_is_written_in_a_chart_is_no_markup(html: str) -> None:
    """Names and words are text, in the page and in its title."""
    assert "<b>of</b>" not in html
    assert "Head &lt;b&gt;of&lt;/b&gt; communications" in html
    assert "Look &lt;now&gt;" in html
    assert "Anna &amp; Co" in html


def test_a_date_that_has_passed_stands_out(html: str) -> None:
    """The chart should have been reviewed in January; one of its statements is due in June."""
    late = " ".join(re.findall(r'class="pb-late">([^<]*)', html))
    assert "2027-01-31" in " ".join(late.split())
    assert "2027-06-30" not in late


def test_a_ladder_says_who_is_woken_after_how_long(chart: Chart) -> None:
    """By whom the roster has on call at the hour of printing, and then the next rung."""
    rosters = expand_rosters(chart.written.rosters, {}, AT_MS)
    first = next(ladders(chart, rosters, "backlash", AT_MS, ZONE))
    assert [(rung.after, rung.what, rung.people) for rung in first.rungs] == [
        ("at once", "wake", (f"{_on_call(chart)}",)),
        ("10m", "wake", ("Bram de Wit, +31 20 555 0102", "Anna & Co, +31 20 555 0101")),
    ]
    assert first.ends == "The last rung (next) waits as long as it takes: keep calling."


def _on_call(chart: Chart) -> str:
    """Weeks are counted from 4 January: the eleventh is Anna's again."""
    person = chart.responders[
        "anna" if (AT_MS - parse_rfc3339("2027-01-04T08:00:00Z")) // (7 * DAY_MS) % 2 == 0 else "bram"
    ]
    return f"{person.name}, {person.phone}"


def test_shifts_reach_four_weeks_ahead_and_adjoin(chart: Chart) -> None:
    """From now to the first hand-over after four weeks, with no hour between."""
    roster = expand_rosters(chart.written.rosters, {}, AT_MS)["pr"]
    found = list(shifts(roster, AT_MS))
    assert found[0].since == "Mon 15 Mar 13:00"
    assert [one.since for one in found[1:]] == [one.until for one in found[:-1]]
    assert len(found) == 5


def test_a_part_of_a_chart_is_what_its_scenario_can_come_to() -> None:
    """And nothing of the others."""
    shipped = load_chart(shipped_chart(), "crisis_flowchart.yaml")
    for scenario in shipped.entry:
        part = part_of(shipped, scenario).written
        assert list(part.entry) == [scenario]
        assert shipped.entry[scenario] in part.nodes
        assert len(part.nodes) <= len(shipped.written.nodes)


def test_the_command_writes_the_page_and_says_what_it_needs(tmp_path: Path) -> None:
    """A file that opens in any browser; and a plain line where something is missing."""
    chart = tmp_path / "chart.yaml"
    chart.write_text(shipped_chart(), encoding="utf-8")
    ran = tocsin("flowchart", "print", chart, "--html", tmp_path / "p.html")
    assert (ran.status, ran.err) == (0, "")
    assert (tmp_path / "p.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert tocsin("flowchart", "print", chart).status == 2
    assert "IANA" in tocsin("flowchart", "print", chart, "--html", "p.html", "--timezone", "Mars").err


@pytest.mark.browser
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Debian's chromium")
def test_it_can_be_printed(tmp_path: Path) -> None:
    """As a PDF of several pages."""
    chart = tmp_path / "chart.yaml"
    chart.write_text(shipped_chart(), encoding="utf-8")
    ran = tocsin("flowchart", "print", chart, "--pdf", tmp_path / "p.pdf")
    assert (ran.status, ran.err) == (0, "")
    body = (tmp_path / "p.pdf").read_bytes()
    assert body.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type\s*/Page\b", body)) >= len(SCENARIOS)
