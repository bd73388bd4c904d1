"""What became of past promises: a chart that promises what history shows cannot be kept is told so."""

from collections.abc import Iterable

import msgspec

from alerting.decision import Decision
from alerting.facts import rank
from alerting.flowchart.model import Chart
from alerting.sla import Clock, clocks_for, hard_to_keep, kept_share, promise_for


def promise_warnings(chart: Chart, decisions: Iterable[Decision]) -> list[str]:
    """A line for each promise of a chart that would have been broken in half of its past incidents or more.

    Past incidents are measured by this chart's promises, not by those of their day. Rules for a source are left out:
    an incident's last word does not say which source it was.
    """
    history = _measured(chart, decisions)
    lines = []
    for kept in hard_to_keep(kept_share(history)):
        what = "first response" if kept.promised == "first_response" else "solution"
        message = (
            f"the {what} promised at severity {kept.severity} would have been in time in {kept.kept} of "
            f"{kept.kept + kept.broken} past incidents; promise a longer time, or have more people answer"
        )
        lines.append(str(chart.document.problem(("promises",), message, at_key=True)))
    return lines


def _measured(chart: Chart, decisions: Iterable[Decision]) -> list[tuple[str, list[Clock]]]:
    worst: dict[str, str] = {}
    measured = []
    for decision in decisions:
        known = worst.get(decision.incident, "low")
        worst[decision.incident] = max(known, decision.severity, key=rank)
        if decision.kind == "StandDown":
            severity = worst.pop(decision.incident)
            if decision.promises and decision.reason != "false_alarm" and chart.promises is not None:
                promise = promise_for(chart.promises, decision.brand, "", severity)
                if promise is not None:
                    fresh = clocks_for(chart.promises, promise, decision.promises[0].from_ms)
                    measured.append((severity, _ended(fresh, decision)))
    return measured


def _ended(fresh: Iterable[Clock], decision: Decision) -> list[Clock]:
    """The clocks as they stood when the incident closed."""
    kept = {clock.promised: clock.kept_ms for clock in decision.promises}
    ended = [msgspec.structs.replace(clock, kept_ms=kept.get(clock.promised, 0)) for clock in fresh]
    return [msgspec.structs.replace(clock, colour=clock.colour_at(decision.at_ms)) for clock in ended]
