"""Every chart of the gallery has one fault, and is refused with that fault, its place and what is allowed instead.

A file's name says its fault; `good.yaml` is the chart that they were all made from.
"""

from pathlib import Path

import pytest

from alerting.facts import FACT_HELP
from alerting.flowchart.check import warnings_of
from alerting.flowchart.load import ChartError, load_chart

HERE = Path(__file__).parent
FACTS = ", ".join(FACT_HELP)

SAID = dict(line.split(": ", 1) for line in (HERE / "bad" / "messages.txt").read_text(encoding="utf-8").splitlines())
"""Per fault `line:column: message`, word for word; `{FACTS}` stands for the names of all facts."""


@pytest.mark.parametrize("fault", SAID)
def test_a_fault_is_told_once_at_its_place(fault: str) -> None:
    text = (HERE / "bad" / f"{fault}.yaml").read_text(encoding="utf-8")
    with pytest.raises(ChartError) as raised:
        load_chart(text, "chart.yaml")
    assert str(raised.value) == f"chart.yaml:{SAID[fault]}".replace("{FACTS}", FACTS)


def test_every_chart_of_the_gallery_is_asked() -> None:
    assert sorted(path.stem for path in (HERE / "bad").glob("*.yaml")) == sorted(SAID)


def test_the_chart_they_were_made_from_is_in_order() -> None:
    chart = load_chart((HERE / "good.yaml").read_text(encoding="utf-8"), "good.yaml")
    assert warnings_of(chart) == []


def test_all_faults_of_a_chart_are_told_at_once_in_the_order_of_the_file() -> None:
    text = (HERE / "good.yaml").read_text(encoding="utf-8")
    text = text.replace("no: done", "no: dnoe").replace("notify: boss", "notify: bos").replace("mentions", "mentons")
    with pytest.raises(ChartError) as raised:
        load_chart(text, "chart.yaml")
    assert [(problem.line, problem.column) for problem in raised.value.problems] == [(19, 33), (21, 9), (31, 13)]


def test_what_is_only_odd_is_a_warning_and_the_chart_is_used() -> None:
    text = (HERE / "good.yaml").read_text(encoding="utf-8")
    text = text.replace("wait: 15m", "until: mentions < 10").replace("  pr: {", "  spare: {people: [boss]}\n  pr: {")
    chart = load_chart(text, "chart.yaml")
    assert [str(warning) for warning in warnings_of(chart)] == [
        "chart.yaml:8:3: nothing in this chart ever tells `spare` anything",
        "chart.yaml:35:5: `pause` waits without a limit; add `wait: 1h` to go on in any case",
    ]


@pytest.mark.parametrize("text", ["", "nodes", "[]", "{}", "a: [", "nodes: {a: 1}", "nodes: {a: {page: {}}}", "\x00"])
def test_what_is_no_chart_at_all_is_refused_not_a_crash(text: str) -> None:
    with pytest.raises(ChartError, match=r"^chart\.yaml:\d+:\d+: "):
        load_chart(text, "chart.yaml")
