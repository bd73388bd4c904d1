"""Who is woken later than a page allows, because the order that is their own begins with a wait. Pure.

The proof counts such a wait in every situation; this says of each page what it costs, where all ways work.
"""

from collections.abc import Iterator

from alerting.flowchart.fields import duration_text
from alerting.flowchart.model import Chart, Page
from stream.strict_yaml import Path


def first_ms(chart: Chart, name: str) -> int:
    """How long after a page a responder is woken by the first of their ways, where all ways work."""
    return min((one.after_ms for one in chart.responders[name].reach), default=0)


def delayed(chart: Chart) -> Iterator[tuple[Path, str]]:
    """Each page that has gone on before one of its people is woken, and each of which nobody is woken in the shortest
    time that the chart promises: where it stands, and what follows.
    """
    promised_ms = min(chart.written.promise_pages.values(), default=0)
    for name, node in chart.nodes.items():
        if not isinstance(node, Page):
            continue
        path = (*chart.origin[name], "page")
        people = [person for person in chart.people(node.page) if chart.responders[person].is_person]
        for person in people:
            waits_ms = first_ms(chart, person)
            if node.acknowledge_within is not None and waits_ms >= node.acknowledge_within:
                goes_on = f"this page goes on after {duration_text(node.acknowledge_within)}"
                cure = "give one of their ways under `reach` no `after`, or the page more time"
                yield path, f"`{person}` is woken after {duration_text(waits_ms)}, and {goes_on}; {cure}"
        soonest_ms = min((first_ms(chart, person) for person in people), default=0)
        if promised_ms and soonest_ms > promised_ms:
            late = f"nobody is woken by this page before {duration_text(soonest_ms)}"
            promise = f"the shortest of `promise_pages` is {duration_text(promised_ms)}"
            yield path, f"{late}, and {promise}; give one of its people a way under `reach` without `after`"
