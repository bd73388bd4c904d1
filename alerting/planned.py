"""Planned events: posts that were to be expected wake nobody, and what else is found wakes as ever. Pure."""

from alerting.assessment import Assessment
from alerting.decision import Decision
from alerting.escalation import Desk
from stream.plans import Plan, PlannedTimes

ANGRY_MILLI = 300
ANGRY_VOICES = 8
"""A plan expects posts, not anger: such a share of negatives, twice the usual one, among so many people is told."""

WORDS_KEPT = 32


def without_planned(desk: Desk, assessment: Assessment | None, times: PlannedTimes) -> Assessment | None:
    """What is left of an assessment while a planned event holds; what is left out is written down at the desk.

    Left out is an assessment that rests on the number of posts alone. Negativity, a risk, an angry thread, our own
    blindness and an incident that is open already are never muted.
    """
    if assessment is None:
        return None
    plan = times.at(desk.at_ms)
    incident = desk.book.incident
    if plan is None or (incident is not None and incident.is_open) or not _is_expected(assessment):
        return assessment
    _write_down(desk, plan, assessment)
    return None


def _is_expected(assessment: Assessment) -> bool:
    """Whether it is what a planned event brings: posts, and neither anger nor risk."""
    facts = assessment.facts
    kinds = {signal.kind for signal in assessment.signals}
    angry_share = max(ANGRY_MILLI, 2 * facts.usual_negative_share_milli)
    angry = facts.negative_share_milli >= angry_share and facts.negative_voices >= ANGRY_VOICES
    angry_thread = "virality" in kinds and facts.thread_negative_share_milli >= angry_share
    return "negativity" not in kinds and not facts.risks and not angry and not angry_thread


def _write_down(desk: Desk, plan: Plan, assessment: Assessment) -> None:
    """One `NoPage` for each severity that a planned event would have been told at."""
    book = desk.book
    word = (plan.start_ms, assessment.severity)
    if word in book.muted:
        return
    book.muted = (*book.muted[1 - WORDS_KEPT :], word)
    name = f"{desk.name}-planned-{plan.start_ms}"
    desk.out.append(
        Decision(
            key=f"{name}/{desk.at_ms}/NoPage",
            at_ms=desk.at_ms,
            brand=book.brand,
            kind="NoPage",
            incident=name,
            scenario=assessment.scenario,
            severity=assessment.severity,
            reason="planned_event",
            signals=assessment.signals,
            facts=assessment.facts,
            exemplars=desk.scene.exemplars,
            history=desk.scene.history,
            note=f"{plan.kind}: {plan.name}",
        )
    )
