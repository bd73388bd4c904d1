"""What the manual of the flowchart says is so: its examples build one chart, which is checked at each step."""

import re
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from typer.testing import CliRunner

from alerting.flowchart.check import uncovered, warnings_of
from alerting.flowchart.load import ChartError, load_chart
from alerting.flowchart.model import KINDS, Chart
from alerting.flowchart.prove import NEEDS_MS, Plan, Proof, prove
from alerting.flowchart.walk_file import read_walk
from alerting.flowchart.walking import differences, walked
from alerting.roster import Roster, expand
from stream.codec import DAY_MS, parse_rfc3339
from stream.strict_yaml import parse
from tocsin.cli import app

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "flowchart.md").read_text("utf-8")
_BLOCK = re.compile(r"^```(\w+)(?: (\w+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
REMOVED = "remove"
FROM_MS = parse_rfc3339("2026-11-20T00:00:00+01:00")
Data = dict[str, Any]


class Block(NamedTuple):
    """A fenced block of the page: its language, the word behind it, and its text."""

    language: str
    kind: str
    text: str


BLOCKS = [Block(*found) for found in _BLOCK.findall(PAGE)]
SHOWN = [block for block in BLOCKS if block.language == "yaml"]


def _added(data: Data, text: str) -> Data:
    """The chart with what a block adds or changes, as the page tells its reader to do it."""
    merged = dict(data)
    for section, given in parse(text, "flowchart.md").data.items():
        if isinstance(given, dict) and section not in {"promises", "quiet", "acknowledgement_expires"}:
            both = {**merged.get(section, {}), **given}
            merged[section] = {name: value for name, value in both.items() if value != REMOVED}
        else:
            merged[section] = given
    return merged


def _load(data: Data) -> Chart:
    return load_chart(yaml.safe_dump(data, sort_keys=False), "my_chart.yaml")


@cache
def _steps() -> list[tuple[Block, Data]]:
    """Each block of the chart with the chart as it is after it."""
    data: Data = {}
    steps = []
    for block in SHOWN:
        if not block.kind:
            data = _added(data, block.text)
        steps.append((block, data))
    return steps


def _rosters(chart: Chart, days: int) -> dict[str, Roster]:
    until_ms = FROM_MS + days * DAY_MS + NEEDS_MS
    return {name: expand(spec, FROM_MS, until_ms, None, name=name) for name, spec in chart.written.rosters.items()}


@pytest.mark.parametrize("number", range(len(SHOWN)))
def test_the_chart_is_in_order_after_each_example(number: int) -> None:
    """Nothing wrong, and once its parts are together nothing odd either; no hour is nobody's."""
    block, data = _steps()[number]
    if block.kind:
        assert block.kind in ("wrong", "walk")
        return
    chart = _load(data)
    if number == len(SHOWN) - 1:
        assert warnings_of(chart) == []
    assert uncovered(chart, _rosters(chart, 90)) == []


def test_the_wrong_example_is_refused_in_just_these_words() -> None:
    """The message that the page shows is the one that comes."""
    (wrong,) = (number for number, block in enumerate(SHOWN) if block.kind == "wrong")
    (shown,) = (block.text.strip() for block in BLOCKS if block.language == "text")
    with pytest.raises(ChartError) as refused:
        _load(_added(_steps()[wrong][1], SHOWN[wrong].text))
    said = str(refused.value.problems[0])
    assert re.fullmatch(r"my_chart\.yaml:\d+:\d+: ", said.removesuffix(shown)), said


def test_the_proof_finds_the_hole_that_the_page_speaks_of_and_its_cure_closes_it() -> None:
    """Whoever follows the page has a chart at its end in which somebody is reached in every situation."""
    before, after = (_load(data) for block, data in _steps() if not block.kind and _is_about_proof(block))
    (hole,) = _proved(before).holes
    assert (hole.kind, hole.node, hole.situation.behaviour.who) == ("vacant", "we_cannot_hear", "joris")
    assert _proved(after).holes == ()


def _is_about_proof(block: Block) -> bool:
    return PAGE.index("## 10.") < PAGE.index(block.text)


def _proved(chart: Chart) -> Proof:
    return prove(chart, Plan(FROM_MS, FROM_MS + 14 * DAY_MS, "Europe/Amsterdam"), _rosters(chart, 14))


def test_the_walks_of_the_page_do_what_they_say() -> None:
    """At their hour, with whoever is on call then."""
    chart = _load(_steps()[-1][1])
    walks = [block for block in SHOWN if block.kind == "walk"]
    assert len(walks) >= 2
    for block in walks:
        situation = read_walk(block.text, "walk.yaml")
        assert situation.file.expect is not None
        assert differences(walked(chart, situation, _rosters(chart, 30)), situation.file.expect) == []


def test_the_page_teaches_every_kind_of_node_and_every_section() -> None:
    """Whoever has read it has met all that can be written."""
    data = _steps()[-1][1]
    nodes = [*data["nodes"].values(), *(node for sub in data["subcharts"].values() for node in sub["nodes"].values())]
    assert [kind for kind in KINDS if not any(kind in node for node in nodes)] == []
    sections = [name for name in type(_load(data).written).model_fields if name not in ("version", "review_by")]
    assert [name for name in sections if name not in data] == []


def test_the_commands_of_the_page_exist_with_their_options() -> None:
    """Also those in the text."""
    said = re.findall(r"tocsin flowchart (\w+)([^\n`]*)", PAGE)
    names = ("check", "show", "prove", "walk", "test", "coverage", "diff", "print", "explain")
    assert [name for name in names if name not in dict(said)] == []
    for name, rest in said:
        shown = CliRunner().invoke(app, ["flowchart", name, "--help"])
        assert shown.exit_code == 0, name
        assert [option for option in re.findall(r"--\w+", rest) if option not in shown.output] == [], name
