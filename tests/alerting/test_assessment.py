"""What findings amount to: read off a table, with negativity or risk before anybody is woken."""

from itertools import combinations, product

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.assessment import SEVERITY_TABLE, assess, scenario_of
from alerting.facts import SCENARIOS, SEVERITIES, Facts
from alerting.incident import rank
from detectors.detector import Signal, SignalKind

KINDS: tuple[SignalKind, ...] = ("negativity", "virality", "volume")
CALM = Facts(mentions=60, expected=10, volume_ratio_milli=6_000)
ANGRY = msgspec.structs.replace(
    CALM, negative=30, negative_share_milli=600, usual_negative_share_milli=200, negative_voices=12
)
RISKY = msgspec.structs.replace(ANGRY, risks=("safety",))


def signal(kind: SignalKind, *, page: bool = False, rate: int = 30_000, of: str = "thread") -> Signal:
    evidence: dict[str, int | str] = {"negativity": {"rate_milli": rate}, "virality": {of: "k"}}.get(kind, {})
    return Signal(kind, 900 if page else 600, page, 60, 10, 0, 3_600_000, evidence)


def severity(facts: Facts, **found: bool) -> str:
    """The severity of some findings; the value says whether each alone would page."""
    assessment = assess([signal(kind, page=page) for kind, page in found.items()], facts)  # type: ignore[arg-type]
    assert assessment is not None
    return assessment.severity


def test_no_finding_is_no_assessment() -> None:
    assert assess([], ANGRY) is None


def test_what_we_say_about_ourselves_is_not_the_brands_trouble() -> None:
    assert assess([signal("feed", page=True)], RISKY) is None
    with_feed = assess([signal("feed"), signal("volume")], CALM)
    assert with_feed == assess([signal("volume")], CALM)


def test_good_news_that_goes_round_is_a_notice_and_wakes_nobody() -> None:
    assert severity(CALM, volume=True) == "medium"
    assert severity(CALM, volume=False) == "medium"


def test_more_angry_people_than_the_budget_lets_pass_as_chance_are_high() -> None:
    assert severity(ANGRY, negativity=True) == "high"
    assert severity(ANGRY, volume=True, negativity=False) == "medium"


def test_a_grim_headline_that_many_pass_on_wakes_nobody() -> None:
    """A headline is nobody's own words: it is no finding of anger; and a copied text is no conversation that grows."""
    copied = msgspec.structs.replace(RISKY, negative_voices=100, usual_negative_share_milli=400)
    found = assess([signal("volume", page=True), signal("virality", of="cluster")], copied)
    assert found is not None
    assert found.severity == "medium"


def test_a_turn_of_tone_at_no_more_posts_than_usual_is_low() -> None:
    turned = assess([signal("negativity", rate=30_000)], ANGRY)
    assert turned is not None
    assert turned.severity == "low"
    many = assess([signal("negativity", rate=29_999)], ANGRY)
    assert many is not None
    assert many.severity == "medium"


def test_a_chart_with_a_table_of_its_own_says_how_bad_it_is() -> None:
    """It may ask for the severity that the shipped table gives; where it has no row, that one stands."""
    asked: list[str] = []

    def declared(facts: Facts) -> tuple[str, str] | None:
        asked.append(facts.severity)
        return ("critical", "our rule") if facts.negative_voices >= 12 else None

    found = assess([signal("volume")], ANGRY, declared)
    assert found is not None
    assert (found.severity, found.facts.severity, found.reasons[0], asked) == (
        "critical",
        "critical",
        "our rule",
        ["medium"],
    )
    calm = assess([signal("volume")], CALM, declared)
    assert calm is not None
    assert calm.severity == "medium"


def test_one_complaint_that_grows_as_none_did_is_high() -> None:
    assert severity(CALM, virality=True) == "high"


def test_two_findings_that_agree_are_medium() -> None:
    assert severity(CALM, volume=False, virality=False) == "medium"


def test_a_risk_among_many_angry_voices_and_far_more_posts_is_critical() -> None:
    many = msgspec.structs.replace(RISKY, negative_voices=15)
    assert severity(many, volume=True, negativity=True) == "critical"
    assert severity(msgspec.structs.replace(many, negative_voices=14), volume=True, negativity=True) == "high"
    assert severity(many, volume=True, negativity=False) == "high"


def test_five_times_the_volume_and_forty_angry_voices_are_critical() -> None:
    many = msgspec.structs.replace(ANGRY, negative_voices=40, volume_ratio_milli=5_000)
    assert severity(many, volume=True, negativity=True) == "critical"
    assert severity(msgspec.structs.replace(many, volume_ratio_milli=4_999), volume=True, negativity=True) == "high"
    assert severity(msgspec.structs.replace(many, negative_voices=39), volume=True, negativity=True) == "high"


def test_every_row_of_the_table_can_be_the_one_that_decides() -> None:
    cases = []
    for facts in (CALM, ANGRY, RISKY, msgspec.structs.replace(RISKY, negative_voices=50)):
        for risks in ((), facts.risks):
            for size in (1, 2, 3):
                for kinds in combinations(KINDS, size):
                    for pages, rate in product(product((False, True), repeat=size), (20_000, 30_000)):
                        found = [signal(k, page=p, rate=rate) for k, p in zip(kinds, pages, strict=True)]
                        cases.append(assess(found, msgspec.structs.replace(facts, risks=risks)))
    said = {assessment.reasons[0] for assessment in cases if assessment}
    assert said == {row.words for row in SEVERITY_TABLE}


@pytest.mark.parametrize(
    ("scenario", "facts", "kinds"),
    [
        ("data_security", {"risks": ("data_breach", "safety"), "issues": ("outage",)}, ("volume",)),
        ("service_outage", {"issues": ("campaign", "outage")}, ("volume",)),
        ("campaign_blunder", {"issues": ("campaign",)}, ("volume", "virality")),
        ("viral_complaint", {"thread_posts": 30}, ("virality", "volume")),
        ("viral_complaint", {"thread_posts": 3}, ("virality",)),
        ("backlash", {"thread_posts": 29}, ("virality", "volume")),
        ("backlash", {}, ("negativity",)),
    ],
)
def test_the_scenario_is_the_first_that_fits(scenario: str, facts: dict[str, object], kinds: tuple[str, ...]) -> None:
    given_facts = msgspec.structs.replace(CALM, **facts)
    found = {kind: signal(kind) for kind in kinds}  # type: ignore[arg-type]
    assert scenario_of(found, given_facts)[0] == scenario
    assert scenario in SCENARIOS


facts_of_any = st.builds(
    Facts,
    mentions=st.integers(0, 500),
    expected=st.integers(0, 500),
    volume_ratio_milli=st.integers(0, 20_000),
    negative_share_milli=st.integers(0, 1_000),
    usual_negative_share_milli=st.integers(0, 1_000),
    negative_voices=st.integers(0, 100),
    thread_posts=st.integers(0, 500),
    risks=st.sampled_from([(), ("safety",), ("data_breach", "legal")]),
    issues=st.sampled_from([(), ("outage",), ("campaign",)]),
)
findings = st.lists(
    st.builds(signal, st.sampled_from([*KINDS, "feed"]), page=st.booleans()), max_size=4, unique_by=lambda s: s.kind
)


@settings(max_examples=150, deadline=None)
@given(facts=facts_of_any, found=findings)
def test_the_order_of_the_findings_does_not_matter_and_the_facts_say_what_was_decided(
    facts: Facts, found: list[Signal]
) -> None:
    assessment = assess(found, facts)
    assert assessment == assess(list(reversed(found)), facts)
    if assessment is not None:
        assert (assessment.facts.scenario, assessment.facts.severity) == (assessment.scenario, assessment.severity)
        assert assessment.severity in SEVERITIES
        assert [s.kind for s in assessment.signals] == sorted(s.kind for s in found if s.kind != "feed")
        assert all(assessment.reasons)


@settings(max_examples=150, deadline=None)
@given(facts=facts_of_any, found=findings, number=st.integers(0, 3), voices=st.integers(1, 100))
def test_a_stronger_finding_or_more_angry_people_never_lower_the_severity(
    facts: Facts, found: list[Signal], number: int, voices: int
) -> None:
    before = assess(found, facts)
    if before is None:
        return
    loudest = number % len(found)
    stronger = [msgspec.structs.replace(s, page=s.page or n == loudest) for n, s in enumerate(found)]
    angrier = msgspec.structs.replace(facts, negative_voices=facts.negative_voices + voices)
    for after in (assess(stronger, facts), assess(found, angrier)):
        assert after is not None
        assert rank(after.severity) >= rank(before.severity)


@settings(max_examples=150, deadline=None)
@given(facts=facts_of_any, found=findings)
def test_nobody_is_woken_by_volume_alone_without_anger_or_risk(facts: Facts, found: list[Signal]) -> None:
    quiet = msgspec.structs.replace(facts, risks=(), negative_share_milli=0)
    assessment = assess([s for s in found if s.kind == "volume"], quiet)
    assert assessment is None or rank(assessment.severity) <= rank("medium")
