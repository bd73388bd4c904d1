"""Who is paged for a brand that has people of its own, and by a roster."""

from typing import NamedTuple

import msgspec
import pytest

from alerting.flowchart.load import load_chart
from alerting.flowchart.model import Chart
from alerting.roster import Roster, expand, pack
from stream.codec import DAY_MS, HOUR_MS, canonical
from tests.tocsin.rota_chart import WRITTEN
from tocsin.state import Content, Contents

T0 = 1_772_409_600_000  # Monday 2 March 2026, 01:00 in Amsterdam


class Version(NamedTuple):
    """A flowchart whose PR on-call goes by a rota, and the rota expanded."""

    text: str
    chart: Chart
    rosters: dict[str, Roster]


def version(*people: str) -> Version:
    """A flowchart with these people in turn."""
    text = WRITTEN.replace("PEOPLE", ", ".join(people))
    chart = load_chart(text, "chart.yaml")
    specs = chart.written.rosters
    return Version(text, chart, {n: expand(s, T0 - DAY_MS, T0 + 30 * DAY_MS, name=n) for n, s in specs.items()})


def content(contents: Contents, one: Version, duties: tuple[tuple[str, str], ...] = ()) -> str:
    """A brand's configuration by that version."""
    chart, rosters = contents.put(one.text.encode()), contents.put(pack(one.rosters))
    return contents.put(canonical(Content("Acme", "Europe/Amsterdam", chart, duties=duties, rosters=rosters)))


def on_call(contents: Contents, name: str, chart: Chart, began: str = "") -> tuple[str, ...]:
    """Who has the role at noon."""
    return chart.on_call(["pr_on_call"], T0 + 11 * HOUR_MS, contents.on_call(name, chart, began))


def test_a_page_names_whoever_is_on_call_at_its_instant() -> None:
    contents, one = Contents({}), version("chloe", "david")
    rosters = contents.on_call(content(contents, one), one.chart, "")
    shifts = [one.chart.on_call(["pr_on_call"], T0 + day * DAY_MS, rosters) for day in range(3)]
    assert shifts[0] == shifts[2] != shifts[1]
    assert sorted({*shifts[0], *shifts[1]}) == ["chloe", "david"]


def test_a_brands_own_people_come_before_the_rota() -> None:
    """The same flowchart: for one brand whoever is on call, for the other the person it names."""
    contents, one = Contents({}), version("chloe")
    assert on_call(contents, content(contents, one), one.chart) == ("chloe",)
    assert on_call(contents, content(contents, one, (("pr_on_call", "grace"),)), one.chart) == ("grace",)


def test_a_shift_that_was_swapped_reaches_the_incident_under_way() -> None:
    """Its path is that of the flowchart on which it began; who is on call is whoever is on call now."""
    contents, began, newer = Contents({}), version("chloe"), version("david")
    first = contents.content(content(contents, began)).rosters
    assert on_call(contents, content(contents, newer), began.chart, first) == ("david",)


def test_a_newcomer_whom_an_old_flowchart_does_not_know_leaves_its_own_rota_in_force() -> None:
    contents, began, newer = Contents({}), version("chloe"), version("david")
    first = contents.content(content(contents, began)).rosters
    people = tuple(
        msgspec.structs.replace(i, people=("zoe",)) if i.people else i for i in newer.rosters["nights"].intervals
    )
    stranger = {"nights": msgspec.structs.replace(newer.rosters["nights"], intervals=people)}
    name = content(contents, newer._replace(rosters=stranger), (("pr_on_call", "zoe"),))
    assert on_call(contents, name, began.chart, first) == ("chloe",)


def test_a_configuration_whose_rosters_the_journal_does_not_hold_is_loud() -> None:
    contents, one = Contents({}), version("chloe")
    chart = contents.put(one.text.encode())
    name = contents.put(canonical(Content("Acme", "UTC", chart, rosters="0" * 64)))
    with pytest.raises(KeyError):
        contents.on_call(name, one.chart, "")
