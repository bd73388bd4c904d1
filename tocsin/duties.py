"""Who has a role for one brand, where that is somebody else than the flowchart says.

The flowchart speaks of roles and is the same for all brands; `responders:` of a brand in `tocsin.yaml` names the person
who has one of them for this brand. It reaches the core with the brand's configuration (`tocsin/state.py: Content`).
"""

from alerting.flowchart.model import Chart
from stream.strict_yaml import unknown
from tocsin.settings import Settings


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
