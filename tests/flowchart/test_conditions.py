"""A condition means what a person who never heard of CEL would think it means, or is refused with the cure."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.facts import FACT_HELP, Facts, as_conditions_see
from alerting.flowchart.conditions import KEYED, Condition, ConditionFailed, ConditionProblem

FACTS = Facts(
    scenario="backlash",
    severity="high",
    mentions=120,
    negative_share_milli=410,
    volume_ratio_milli=3500,
    risks=("data_breach",),
    hour=3,
    weekday=6,
    z_milli=3100,
    answers={"is_it_true": "yes"},
    on_call={"legal": True},
)

HOLDS = [
    ("volume_ratio > 3", True),
    ("volume_ratio > 3.5", False),
    ("volume_ratio >= 3.5", True),
    ("negative_share == 0.41", True),
    ("mentions > 2.5", True),
    ("mentions == 120", True),
    ("mentions * negative_share > 49", True),
    ("mentions > -3", True),
    ("mentions / 100 > 1", True),
    ("weekday in [6, 7] and !business_hours", True),
    ("hour < 2 or hour >= 22", False),
    ('severity in ["high", "critical"] && mentions > 100', True),
    ('"data_breach" in risks', True),
    ('"outage" in issues', False),
    ("size(risks) == 1", True),
    ("risks.size() > 1", False),
    ('risks.exists(risk, risk.startsWith("data"))', True),
    ('severity == "critical" ? mentions > 10 : mentions > 1000', False),
    ('brand.matches("^a.*")', False),
    ("mentions\n  > 100", True),
    ("z > 3", True),
    ("z > 3.1", False),
    ("negative_share > 40%", True),
    ("negative_share == 41%", True),
    ("negative_share > 41 %", False),
    ("negative_share >= 40.9%", True),
    ("volume_ratio > 3x and volume_ratio < 3.6x", True),
    ('answers["is_it_true"] == "yes"', True),
    ('answers["never_asked"] == "yes"', False),
    ('answers["never_asked"] == ""', True),
    ('"yes" == answers["is_it_true"] && on_call["legal"]', True),
    ('on_call["press"] || !on_call["legal"]', False),
    ('answers["is_it_true"] in ["no", "not_sure"]', False),
]


@pytest.mark.parametrize(("text", "holds"), HOLDS)
def test_it_holds_when_one_would_think_so(text: str, holds: bool) -> None:
    assert Condition(text).holds(FACTS) is holds


MARGINS = [
    ("negative_share > 0.35", "negative_share 0.41 > 0.35 (+0.06)"),
    ("mentions >= 150", "mentions 120 >= 150 (-30)"),
    ("hour > -2", "hour 3 > -2 (+5)"),
    ("negative_share > 40%", "negative_share 0.41 > 0.4 (+0.01)"),
    ("volume_ratio < 3x", "volume_ratio 3.5 < 3 (+0.5)"),
    (
        'answers["asked"] == "yes"',
        'answers["asked"] == "yes" (answers is is_it_true = yes): does not hold',
    ),
    ("coordinated", "coordinated (coordinated is false): does not hold"),
    (
        'severity == "high" && mentions > 100',
        'severity == "high" (severity is high) && mentions 120 > 100 (+20): holds',
    ),
    (
        '("data_breach" in risks || blind) and mentions > 200',
        '("data_breach" in risks || blind) (risks is [data_breach], blind is false) and mentions 120 > 200 (-80): '
        "does not hold",
    ),
]


@pytest.mark.parametrize(("text", "margin"), MARGINS)
def test_its_margin_says_how_near_it_was(text: str, margin: str) -> None:
    assert Condition(text).margin(FACTS) == margin


def test_every_fact_can_be_asked_about_and_has_its_help() -> None:
    seen = as_conditions_see(FACTS)
    assert sorted(seen) == sorted(FACT_HELP)
    for name, value in seen.items():
        kinds = {bool: name, str: f'{name} == "x"', list: f'"x" in {name}', dict: f'{name}["x"] == {KEYED.get(name)!r}'}
        assert Condition(kinds.get(type(value), f"{name} > 3").replace("False", "false")).names == (name,)


def test_a_condition_without_an_answer_fails_loudly_and_is_never_a_no() -> None:
    condition = Condition("mentions > 100 ? double(brand) > 3 : blind")
    assert condition.holds(Facts()) is False
    with pytest.raises(ConditionFailed, match="has no answer"):
        condition.holds(Facts(mentions=101, brand="acme"))


def test_a_condition_cannot_run_away() -> None:
    nested = "[0,1,2,3,4,5,6,7,8,9]"
    text = "blind"
    for name in "abcdefg":
        text = f"{nested}.exists({name}, {text})"
    with pytest.raises(ConditionProblem, match="has no answer"):
        Condition(text)
    with pytest.raises(ConditionProblem, match="at most 1000"):
        Condition("blind || " * 200 + "blind")
    with pytest.raises(ConditionProblem, match="brackets within brackets"):
        Condition("(" * 100 + "blind" + ")" * 100)


@settings(max_examples=300)
@given(st.text("abmentions_severity<>=!&|()[]{}.,\"'0123456789 +-*/%?:\\éin\n", max_size=40))
def test_any_text_is_a_condition_or_refused_at_one_of_its_characters(text: str) -> None:
    offset = 0
    try:
        Condition(text)
    except ConditionProblem as problem:
        offset = problem.offset
    assert 0 <= offset <= len(text)


@settings(max_examples=100)
@given(st.integers(-5_000, 5_000), st.integers(-5_000, 5_000), st.sampled_from(["<", "<=", ">", ">=", "==", "!="]))
def test_milli_units_compare_as_the_fractions_that_are_written(value: int, limit: int, sign: str) -> None:
    written = f"{'-' if limit < 0 else ''}{abs(limit) // 1000}.{abs(limit) % 1000:03d}"
    expected = {"<": value < limit, "<=": value <= limit, ">": value > limit, ">=": value >= limit}
    expected |= {"==": value == limit, "!=": value != limit}
    facts = Facts(volume_score_milli=value)
    assert Condition(f"volume_score {sign} {written}").holds(facts) is expected[sign]
