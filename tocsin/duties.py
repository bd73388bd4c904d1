"""Who has a role for one brand, where that is somebody else than the flowchart says.

The flowchart speaks of roles and is the same for all brands; `responders:` of a brand in `tocsin.yaml` names the person
who has one of them for this brand. Decisions and the journal keep the roles: a person takes their place at delivery.
"""

from collections.abc import Mapping

import msgspec

from alerting.decision import Decision
from alerting.flowchart.model import Chart
from stream.strict_yaml import unknown
from tocsin.settings import Settings


def on_duty(decision: Decision, people: Mapping[str, str]) -> Decision:
    """The decision with this brand's own people in place of the roles that `people` names.

    >>> page = Decision(key="a/1/Page", at_ms=0, brand="Acme", kind="Page", incident="a", scenario="backlash",
    ...     severity="high", reason="flowchart", targets=("pr_on_call", "legal"), next_targets=("pr_on_call",))
    >>> changed = on_duty(page, {"pr_on_call": "hana"})
    >>> changed.targets, changed.next_targets, changed.key
    (('hana', 'legal'), ('hana',), 'a/1/Page')
    """
    if not people:
        return decision
    return msgspec.structs.replace(
        decision,
        targets=_each_once(decision.targets, people),
        next_targets=_each_once(decision.next_targets, people),
    )


def duty_problems(settings: Settings, chart: Chart) -> list[str]:
    """What is wrong with the `responders:` of the brands, one line each: unknown roles and unknown people."""
    problems: list[str] = []
    for index, brand in enumerate(settings.brands):
        for role, who in brand.responders.items():
            where = ("brands", index, "responders", role)
            if role not in chart.roles:
                said = unknown(role, list(chart.roles), "as a role of the flowchart")
                problems.append(str(settings.problem(where, said, at_key=True)))
            if who not in chart.responders:
                said = unknown(who, list(chart.responders), "as a responder of the flowchart")
                problems.append(str(settings.problem(where, said)))
    return problems


def _each_once(targets: tuple[str, ...], people: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(people.get(target, target) for target in targets))
