"""Whoever puts off being woken is told where that is too late."""

from pathlib import Path

import pytest

from alerting.flowchart.check import warnings_of
from alerting.flowchart.load import load_chart

GOOD = (Path(__file__).parent / "good.yaml").read_text(encoding="utf-8")


def warned(after: str, *, promise: str = "", within: str = "10m") -> list[str]:
    """What is odd in a chart whose first rung wants to be rung after a while."""
    ann = f'ann: {{name: Ann, slack: U0000ANN, phone: "+31 20 555 0101", reach: [{{by: phone, after: {after}}}]}}'
    text = GOOD.replace("ann: {name: Ann, slack: U0000ANN}", ann).replace("within: 10m", f"within: {within}")
    return [one.message for one in warnings_of(load_chart(text + promise, "chart.yaml"))]


@pytest.mark.parametrize(("after", "warns"), [("9m", False), ("10m", True), ("20m", True)])
def test_a_page_that_goes_on_before_its_person_is_woken_is_warned_of(after: str, warns: bool) -> None:
    said = warned(after)
    assert (
        said
        == [
            f"`ann` is woken after {after}, and this page goes on after 10m; "
            "give one of their ways under `reach` no `after`, or the page more time"
        ]
        * warns
    )


def test_a_page_that_wakes_nobody_within_what_is_promised_is_warned_of() -> None:
    promise = "promise_pages: {high: 5m, critical: 3m}\n"
    (said,) = warned("4m", promise=promise)
    assert said.startswith("nobody is woken by this page before 4m, and the shortest of `promise_pages` is 3m")
    assert warned("3m", promise=promise) == []


def test_a_way_at_once_beside_it_is_enough() -> None:
    text = GOOD.replace(
        "ann: {name: Ann, slack: U0000ANN}",
        'ann: {name: Ann, slack: U0000ANN, phone: "+31 20 555 0101", reach: [{by: slack}, {by: phone, after: 20m}]}',
    )
    assert warnings_of(load_chart(text, "chart.yaml")) == []
