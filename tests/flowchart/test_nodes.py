"""What each kind of node does: whom it asks, what it waits for, and where it goes when nobody is there."""

from pathlib import Path

import pytest

from alerting.facts import Facts
from alerting.flowchart.check import overdue, warnings_of
from alerting.flowchart.load import load_chart
from alerting.flowchart.model import Always, Notify, Page, ways_out
from alerting.flowchart.severity import severity_of
from alerting.flowchart.walk import (
    Approved,
    AskPeople,
    BriefPeople,
    CallIn,
    Effect,
    EndWalk,
    NotifyPeople,
    OfferStatement,
    OpenRoom,
    PagePeople,
    Vacant,
    Walk,
    acknowledged,
    answered,
    approved,
    begin,
    escalated,
    next_page,
    resume,
)
from stream.codec import MINUTE_MS

TEXT = (Path(__file__).parent / "full.yaml").read_text(encoding="utf-8")
CHART = load_chart(TEXT, "full.yaml")
BAD = Facts(severity="high")
QUIET = Facts()


class Rota:
    """Who is on call, by the minute from which."""

    def __init__(self, *turns: tuple[int, tuple[str, ...]]) -> None:
        self._turns = turns

    def on_call(self, at_ms: int) -> tuple[str, ...]:
        return [people for minute, people in self._turns if minute * MINUTE_MS <= at_ms][-1]


ANN = {"press": Rota((0, ("ann",)))}
NOBODY = {"press": Rota((0, ()))}
HAND_OVER = {"press": Rota((0, ("ann",)), (5, ("ben",)))}


def _kinds(effects: list[Effect]) -> list[str]:
    return [type(effect).__name__ for effect in effects]


def _asked(rosters: dict[str, Rota] = ANN) -> tuple[Walk, AskPeople]:
    walk, effects = begin(CHART, "viral_complaint", QUIET, 0, rosters=rosters)
    assert isinstance(effects[-1], AskPeople)
    return walk, effects[-1]


def test_the_chart_with_every_kind_of_node_is_in_order() -> None:
    assert warnings_of(CHART) == []
    assert len({type(node).__name__ for node in CHART.nodes.values()}) == 14


# --- asking people ----------------------------------------------------------------------------------------------------


def test_a_question_goes_to_whoever_is_on_call_and_waits_for_the_first_answer() -> None:
    walk, asked = _asked()
    assert asked == AskPeople(
        "is_it_true", "Is it true?", ("yes", "no", "not_sure"), ("ann",), ("ann",), 10 * MINUTE_MS
    )
    walk, effects = answered(CHART, walk, QUIET, 1000, node="is_it_true", choice="no", who="ann", rosters=ANN)
    assert (_kinds(effects), walk.done) == (["EndWalk"], True)
    assert walk.path[-2].words == "Is it true? no, said ann"
    again, effects = answered(CHART, walk, QUIET, 1001, node="is_it_true", choice="yes", who="ann", rosters=ANN)
    assert (again, effects) == (walk, []), "the second answer changes nothing"


@pytest.mark.parametrize(
    ("node", "choice", "who"),
    [("is_it_true", "yes", "ben"), ("is_it_true", "maybe", "ann"), ("wake_boss", "yes", "ann"), ("nowhere", "", "ann")],
)
def test_only_who_was_asked_can_give_only_what_was_asked(node: str, choice: str, who: str) -> None:
    walk, _ = _asked()
    assert answered(CHART, walk, QUIET, 1000, node=node, choice=choice, who=who, rosters=ANN) == (walk, [])


def test_a_question_nobody_answers_goes_on_at_its_minute_and_not_before() -> None:
    walk, asked = _asked()
    assert next_page(CHART, walk, ANN) == (("boss",), asked.by_ms)
    early, effects = resume(CHART, walk, QUIET, asked.by_ms - 1, rosters=ANN)
    assert (early, effects) == (walk, [])
    walk, effects = resume(CHART, walk, QUIET, asked.by_ms, rosters=ANN)
    assert _kinds(effects) == ["PagePeople"]
    assert [step.words for step in walk.path[1:]] == [
        "nobody answered in 10m",
        "goes on to the next rung: Nobody could say what happened.",
        "paged boss",
    ]


def test_later_questions_see_the_answers_that_were_given() -> None:
    for choice, there in (("yes", "done"), ("", "wake_boss")):
        facts = Facts(answers={"is_it_true": choice} if choice else {})
        walk, _ = begin(CHART, "viral_complaint", QUIET, 0, rosters=ANN)
        condition = CHART.conditions["was_it_true", "when"]
        assert condition.holds(facts) is (there == "done")
        assert walk.answers == {}


def test_what_was_answered_before_this_walk_is_not_asked_again() -> None:
    walk, effects = begin(CHART, "viral_complaint", Facts(answers={"is_it_true": "no"}), 0, rosters=ANN)
    assert _kinds(effects) == ["EndWalk"]
    assert walk.path[0].words == "Is it true? no: answered before"


def test_a_question_to_nobody_is_skipped_at_once() -> None:
    walk, effects = begin(CHART, "viral_complaint", QUIET, 0, rosters=NOBODY)
    assert _kinds(effects) == ["Vacant", "PagePeople"]
    assert walk.path[0].words == "nobody is on call for pr_on_call: skipped at once"


# --- repeating, escalating --------------------------------------------------------------------------------------------


def test_a_repeat_goes_back_so_often_and_then_on() -> None:
    walk, effects = begin(CHART, "service_outage", QUIET, 0, rosters=ANN)
    pages = [effects[-1]]
    while walk.due_ms:
        walk, effects = resume(CHART, walk, QUIET, walk.due_ms, rosters=ANN)
        pages += [effect for effect in effects if isinstance(effect, PagePeople)]
    assert [(page.targets, page.rung) for page in pages if isinstance(page, PagePeople)] == [
        (("ann",), 0),
        (("ann",), 1),
        (("ann",), 2),
        (("boss",), 3),
    ]
    assert walk.rounds == {}


def test_an_escalation_of_the_chart_pages_although_somebody_had_acknowledged() -> None:
    walk, _ = begin(CHART, "backlash", BAD, 0, rosters=ANN)
    walk, effects = acknowledged(CHART, walk, BAD, 1000, rosters=ANN)
    assert _kinds(effects) == ["NotifyPeople", "AskPeople"]
    walk, effects = resume(CHART, walk, BAD, walk.due_ms, rosters=ANN)
    (page,) = effects
    assert isinstance(page, PagePeople)
    assert (page.targets, page.cause, walk.acknowledged) == (("boss",), "escalate", False)


# --- rosters ----------------------------------------------------------------------------------------------------------


def test_a_page_names_whoever_is_on_call_at_its_own_instant() -> None:
    walk, (first,) = begin(CHART, "service_outage", QUIET, 0, rosters=HAND_OVER)
    _, (second,) = resume(CHART, walk, QUIET, 5 * MINUTE_MS, rosters=HAND_OVER)
    assert isinstance(first, PagePeople)
    assert isinstance(second, PagePeople)
    assert (first.targets, first.next_targets, second.targets) == (("ann",), ("ben", "boss"), ("ben",))
    assert walk.path[0].words == "paged pr_on_call (ann)"


def test_a_vacant_rung_is_skipped_at_once_and_said() -> None:
    walk, effects = begin(CHART, "service_outage", QUIET, 0, rosters=NOBODY)
    assert _kinds(effects) == ["Vacant", "Vacant", "PagePeople"]
    page = effects[-1]
    assert isinstance(page, PagePeople)
    assert (page.targets, page.rung, page.cause, walk.entered_ms) == (("boss",), 2, "vacant", 0)


def test_a_vacant_last_rung_reaches_the_last_resort() -> None:
    text = TEXT.replace(
        "    page: pr_on_call\n    acknowledge_within: 5m", "    page: legal\n    acknowledge_within: 5m"
    )
    chart = load_chart(text.replace("    page: boss\n    by: [slack, phone]", "    page: pr_on_call"), "full.yaml")
    walk, effects = begin(chart, "blind", QUIET, 0, rosters=NOBODY)
    assert _kinds(effects) == ["Vacant", "PagePeople", "EndWalk"]
    assert isinstance(effects[1], PagePeople)
    assert effects[1].targets == ("boss",)
    assert "nobody comes after them" in walk.path[-1].words


def test_a_roster_that_is_not_given_reaches_everybody_in_it_rather_than_nobody() -> None:
    _, (page,) = begin(CHART, "service_outage", QUIET, 0)
    assert isinstance(page, PagePeople)
    assert page.targets == ("ann", "ben")


def test_who_has_a_role_for_one_brand_goes_before_what_the_chart_says() -> None:
    own = {**ANN, "@pr_on_call": Always(("dan",)), "@head": Always(("cara",))}
    _, (page,) = begin(CHART, "service_outage", QUIET, 0, rosters=own)
    assert isinstance(page, PagePeople)
    assert page.targets == ("dan",)
    _, (asked,) = begin(CHART, "viral_complaint", QUIET, 0, rosters=own)
    assert isinstance(asked, AskPeople)
    assert asked.may == ("dan",)


def test_a_condition_can_ask_whether_anybody_is_on_call() -> None:
    _, manned = begin(CHART, "backlash", BAD, 0, rosters=ANN)
    _, vacant = begin(CHART, "backlash", BAD, 0, rosters=NOBODY)
    assert (_kinds(manned), _kinds(vacant)) == (["PagePeople"], ["EndWalk"])


# --- everyone must acknowledge ----------------------------------------------------------------------------------------


def test_a_page_to_everyone_goes_on_only_when_the_last_has_acknowledged() -> None:
    walk, (page,) = begin(CHART, "data_security", QUIET, 0)
    assert isinstance(page, PagePeople)
    assert page.awaits == ("cara", "dan")
    walk, effects = acknowledged(CHART, walk, QUIET, 1000, who="cara")
    assert (walk.acknowledged, walk.awaits, effects) == (False, ["dan"], [])
    walk, effects = acknowledged(CHART, walk, QUIET, 2000, who="cara")
    assert (walk.acknowledged, walk.awaits) == (False, ["dan"])
    walk, effects = acknowledged(CHART, walk, QUIET, 3000, who="dan")
    assert (walk.acknowledged, _kinds(effects)) == (True, ["EndWalk"])


def test_a_page_to_everyone_that_one_did_not_acknowledge_reaches_the_next_rung() -> None:
    walk, _ = begin(CHART, "data_security", QUIET, 0)
    walk, _ = acknowledged(CHART, walk, QUIET, 1000, who="cara")
    walk, effects = resume(CHART, walk, QUIET, 5 * MINUTE_MS)
    assert _kinds(effects) == ["PagePeople"]
    assert walk.path[-2].words == "dan did not acknowledge in 5m"


# --- statements -------------------------------------------------------------------------------------------------------


def _offered() -> tuple[Walk, OfferStatement]:
    walk, _ = _asked()
    walk, (offer,) = answered(CHART, walk, QUIET, 1000, node="is_it_true", choice="yes", who="ann", rosters=ANN)
    assert isinstance(offer, OfferStatement)
    return walk, offer


def test_a_statement_is_offered_in_its_languages_to_those_who_may_approve_it() -> None:
    _, offer = _offered()
    assert [language for language, _ in offer.texts] == ["en", "nl"]
    assert (offer.authors, offer.may) == (("ann",), ("boss", "cara"))


@pytest.mark.parametrize("who", ["ann", "ben", "dan", ""])
def test_neither_its_author_nor_anybody_not_asked_can_approve_a_statement(who: str) -> None:
    walk, _ = _offered()
    assert approved(CHART, walk, QUIET, 2000, node="say_something", who=who, rosters=ANN) == (walk, [])


def test_an_approved_statement_may_be_copied_and_the_crisis_gets_its_channel_and_people() -> None:
    walk, offer = _offered()
    walk, effects = approved(CHART, walk, QUIET, 2000, node="say_something", who="cara", rosters=ANN)
    assert effects == [
        Approved("say_something", "we_know", offer.texts, "cara"),
        OpenRoom("open_room", "#crisis-{incident}", ("ann", "legal"), ""),
        CallIn("more_hands", ("reserve_team",), ("slack",), "Please come in."),
        BriefPeople("brief_the_board", ("head",), ("slack",), "A statement is out."),
        EndWalk("done", "Nothing more to do."),
    ]
    assert walk.answers == {"is_it_true": "yes"}


def test_a_statement_nobody_approves_goes_on_when_its_time_is_over() -> None:
    walk, offer = _offered()
    walk, effects = resume(CHART, walk, QUIET, offer.by_ms, rosters=ANN)
    assert _kinds(effects) == ["PagePeople"]
    assert "nobody approved in 30m" in [step.words for step in walk.path]


def test_an_author_among_those_who_may_approve_is_left_out() -> None:
    text = TEXT.replace("approve_by: [head, legal]", "approve_by: [ann, legal]")
    chart = load_chart(text, "full.yaml")
    walk, _ = begin(chart, "viral_complaint", QUIET, 0, rosters=ANN)
    walk, (offer,) = answered(chart, walk, QUIET, 1000, node="is_it_true", choice="yes", who="ann", rosters=ANN)
    assert isinstance(offer, OfferStatement)
    assert offer.may == ("cara",)
    assert approved(chart, walk, QUIET, 2000, node="say_something", who="ann", rosters=ANN) == (walk, [])


# --- sub-charts -------------------------------------------------------------------------------------------------------


def test_a_call_walks_its_own_copy_of_a_sub_chart_and_comes_back() -> None:
    walk, _ = begin(CHART, "backlash", BAD, 0, rosters=ANN)
    assert walk.node == "lead/wake_pr"
    walk, effects = acknowledged(CHART, walk, BAD, 1000, rosters=ANN)
    assert _kinds(effects) == ["NotifyPeople", "AskPeople"]
    assert [step.node for step in walk.path] == [
        *("is_it_bad", "lead", "lead/wake_pr", "lead/wake_pr", "lead/tell_legal", "lead/somebody_has_it"),
        "is_it_true",
    ]


def test_every_way_out_of_the_unfolded_chart_leads_to_a_node_of_it() -> None:
    for name, node in CHART.nodes.items():
        for _, target in ways_out(node):
            assert target in CHART.nodes, name
    assert CHART.origin["lead/wake_pr"] == ("subcharts", "ladder", "nodes", "wake_pr")


# --- severity and dates -----------------------------------------------------------------------------------------------


def test_the_first_row_of_the_severity_table_that_holds_decides() -> None:
    def of(**known: int) -> tuple[str, str] | None:
        return severity_of(CHART, Facts(**known))  # type: ignore[arg-type]

    assert of(volume_ratio_milli=5001, negative_share_milli=401) == ("critical", "very loud and angry")
    assert of(volume_ratio_milli=5001, negative_share_milli=400, z_milli=3001, negative_voices=10) == (
        "high",
        "far beyond the usual",
    )
    assert of(unanswered_share_milli=501) == ("medium", "many questions without an answer")
    assert of() == ("low", "nothing of the above")


def test_what_was_to_be_reviewed_is_told_from_the_day_after() -> None:
    assert overdue(CHART, "2027-06-30") == []
    said = [str(problem) for problem in overdue(CHART, "2027-07-01")]
    assert said == [
        "full.yaml:3:12: this flowchart was to be reviewed by 2027-06-30; look it over and set a new day",
        "full.yaml:8:74: what stands here of `boss` was to be reviewed by 2027-06-30; look it over and set a new day",
        "full.yaml:30:16: the statement `we_know` was to be reviewed by 2027-06-30; look it over and set a new day",
    ]


def test_an_escalation_by_a_person_from_a_question_goes_to_the_last_resort() -> None:
    walk, _ = _asked()
    walk, effects = escalated(CHART, walk, QUIET, 1000, "ann asked for the next one", rosters=ANN)
    assert _kinds(effects) == ["PagePeople", "EndWalk"]


def test_a_notice_to_a_role_that_nobody_has_is_said_and_passed() -> None:
    chart = load_chart(TEXT.replace("notify: [legal, room]", "notify: pr_on_call"), "full.yaml")
    gone = {"press": Rota((0, ("ann",)), (2, ()))}
    walk, _ = begin(chart, "backlash", BAD, 0, rosters=gone)
    walk, effects = acknowledged(chart, walk, BAD, 2 * MINUTE_MS, rosters=gone)
    assert effects[0] == Vacant("lead/tell_legal", ("pr_on_call",))
    assert not any(isinstance(effect, NotifyPeople) for effect in effects)


def test_a_chart_gives_the_words_and_the_names_that_people_read() -> None:
    """Of a node that a call unfolded too; a role that a roster fills bears nobody's name, for that changes."""
    shipped = load_chart(
        (Path(__file__).parents[2] / "crisis_flowchart.yaml").read_text(encoding="utf-8"), "crisis_flowchart.yaml"
    )
    said = {name: node.say for name, node in shipped.nodes.items() if isinstance(node, (Page, Notify)) and node.say}
    assert any("/" in name for name in said)
    assert {name: shipped.says(name) for name in said} == said
    assert (shipped.says("no_such_node"), shipped.says("")) == ("", "")
    assert shipped.name_of("david") == "David Osei"
    assert shipped.name_of("head_of_communications") == "Head of communications (David Osei)"
    assert shipped.name_of("it_security") == "IT security (Femi Adeyemi)"
    assert shipped.name_of("pr_on_call") == "PR on call"
    assert shipped.name_of("somebody_new") == "somebody new"
