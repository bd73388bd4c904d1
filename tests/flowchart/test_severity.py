"""A severity table is read from the top, and a row that can never decide is found; one that can is never accused."""

from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.facts import SEVERITIES, Facts
from alerting.flowchart.conditions import Condition
from alerting.flowchart.severity import unreached_rows


def _unreached(*texts: str) -> list[int]:
    return [number for number, _ in unreached_rows([("low", Condition(text), text) for text in texts])]


def test_a_row_that_is_always_preceded_is_found() -> None:
    assert _unreached("z > 3", "z > 5", "true") == [1]
    assert _unreached("z > 5", "z > 3", "true") == []
    assert _unreached("volume_ratio > 5x", "volume_ratio >= 5.001", "true") == [1]
    assert _unreached("volume_ratio > 5x", "volume_ratio >= 5", "true") == []


def test_a_row_that_several_others_cover_together_is_found() -> None:
    assert _unreached("z > 5 && coordinated", "z > 5 && !coordinated", "z > 6", "true") == [2]
    assert _unreached(
        'severity in ["high", "critical"]', 'severity == "low"', 'severity == "medium"', "z > 1", "true"
    ) == [3]


def test_a_row_that_contradicts_itself_is_found() -> None:
    assert _unreached("negative_share > 40% && negative_share < 30%", "true") == [0]
    assert _unreached("negative_share > 100%", "true") == [0]
    assert _unreached("mentions < 0", "true") == [0]


def test_what_is_not_understood_is_not_accused() -> None:
    assert _unreached("mentions * 2 > 30", "mentions > 15", "true") == []
    assert _unreached('"outage" in issues', '"outage" in issues && z > 3', "true") == []
    assert _unreached("mentions > expected", "mentions > 10 && mentions > expected", "true") == []


def test_after_a_row_that_always_holds_nothing_is_reached_save_a_last_one_to_be_safe() -> None:
    assert _unreached("true", "z > 3", "true") == [1]


_SIMPLE = st.sampled_from(
    [
        *("z > 2", "z > 4", "z <= 3", "mentions >= 10", "mentions < 20", "coordinated", "!coordinated"),
        *('severity == "high"', 'severity != "low"', 'severity in ["low", "medium"]', "mentions == 15"),
    ]
)
_ROW = st.builds(
    lambda parts, sign: f" {sign} ".join(f"({part})" for part in parts),
    st.lists(_SIMPLE, min_size=1, max_size=3),
    st.sampled_from(["&&", "||"]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(_ROW, min_size=2, max_size=4))
def test_the_rows_that_are_accused_are_those_that_no_facts_reach(texts: list[str]) -> None:
    """Held against every combination of the facts that these conditions can tell apart, one by one."""
    rows = [Condition(text) for text in texts]
    reached = set()
    for z in (1500, 2000, 2500, 3000, 3500, 4000, 4001):
        for mentions in (5, 9, 10, 12, 15, 19, 20, 25):
            for severity in SEVERITIES:
                for coordinated in (False, True):
                    facts = Facts(z_milli=z, mentions=mentions, severity=severity, coordinated=coordinated)
                    first = next((number for number, row in enumerate(rows) if row.holds(facts)), None)
                    reached.add(first)
    expected = [number for number in range(len(rows)) if number not in reached]
    assert _unreached(*texts, "true")[: len(expected)] == expected
    assert [number for number in _unreached(*texts, "true") if number < len(rows)] == expected
