"""Whether `tocsin.yaml` sets up the ways that a flowchart counts on, and whether its pages ring besides in Slack."""

from collections.abc import Iterator

from alerting.flowchart.check_names import Told, told_lists
from alerting.flowchart.fields import WAYS
from alerting.flowchart.model import Chart, Responder
from alerting.flowchart.prove_people import RINGS
from alerting.mailbox import mailbox
from stream.strict_yaml import Path, YamlProblem, unknown
from tocsin.settings import Settings

SEE = "see docs/paging.md"


def ways_set_up(settings: Settings) -> tuple[str, ...]:
    """The ways that reach people, by the names that flowcharts use. Slack counts as set up: the terminal stands in.

    >>> ways_set_up(Settings())
    ('slack',)
    """
    found: dict[str, object] = {"phone": settings.phone, "email": settings.email}
    found |= {"webhook": settings.webhooks, "pagerduty": settings.pagerduty}
    return ("slack", *(way for way, section in found.items() if section))


def way_problems(settings: Settings, chart: Chart) -> list[str]:
    """Addresses of responders that no page can go to, one line each with the flowchart's line."""
    problems: list[YamlProblem] = []
    services = list(settings.pagerduty.services) if settings.pagerduty is not None else []
    hooks = [hook.url for hook in settings.webhooks.values()]
    for name, responder in chart.responders.items():
        problems += [
            chart.document.problem(("responders", name, way), said)
            for way, said in _wrong(responder, services, hooks, mail=settings.email is not None)
        ]
    return [str(problem) for problem in problems]


def _wrong(responder: Responder, services: list[str], hooks: list[str], *, mail: bool) -> Iterator[tuple[str, str]]:
    if services and responder.pagerduty is not None and responder.pagerduty not in services:
        yield "pagerduty", unknown(responder.pagerduty, services, "under `pagerduty: services` of tocsin.yaml")
    if hooks and responder.webhook is not None and responder.webhook not in hooks:
        yield "webhook", "no webhook of tocsin.yaml has this `url`, so nothing is sent to it; add it under `webhooks`"
    if mail and responder.email is not None:
        try:
            mailbox(responder.email)
        except ValueError:
            yield "email", "this is no address of one mailbox; write it as anna@example.com"


def way_warnings(settings: Settings, chart: Chart) -> list[str]:
    """Ways that the flowchart names and nothing sets up, and pages that ring by no way besides Slack: what follows from
    it, one line each.
    """
    there = ways_set_up(settings)
    lists = list(told_lists(chart.written))
    found = [*_not_set_up(chart, lists, there), *_one_way_only(chart, lists, there)]
    return [str(one) for one in sorted(found, key=lambda problem: (problem.line, problem.column))]


def _not_set_up(chart: Chart, lists: list[Told], there: tuple[str, ...]) -> Iterator[YamlProblem]:
    yield from _reaches_not_set_up(chart, there)
    for way in dict.fromkeys(way for one in lists for way in one.by if way not in there):
        places = [one for one in lists if way in one.by]
        more = f" (and in {len(places) - 1} more places)" if len(places) > 1 else ""
        key = "webhooks" if way == "webhook" else way
        said = f"the chart counts on `{way}` here{more}, and tocsin.yaml has no `{key}`: nobody is reached that way"
        yield chart.document.problem(_by(chart, places[0]), f"{said}; set it up, {SEE}")


def _reaches_not_set_up(chart: Chart, there: tuple[str, ...]) -> Iterator[YamlProblem]:
    """Only where nothing is left: a responder may list more ways than one organisation has."""
    for name, responder in chart.responders.items():
        if responder.reach and not any(one.by in there for one in responder.reach):
            listed = ", ".join(one.by for one in responder.reach)
            said = f"none of the ways by which `{name}` wants to be woken ({listed}) is set up in tocsin.yaml"
            yield chart.document.problem(("responders", name, "reach"), f"{said}; set one up, {SEE}")


def _one_way_only(chart: Chart, lists: list[Told], there: tuple[str, ...]) -> Iterator[YamlProblem]:
    """Pages of which no telephone rings while Slack is down: a letter that was sent counts as told."""
    silent = [one for one in lists if one.path[-1] == "page" and not _can_ring(chart, one, there)]
    if silent:
        more = f", nor can those of {len(silent) - 1} other nodes" if len(silent) > 1 else ""
        said = f"this page can ring by no second way{more}: while Slack is down, it wakes nobody"
        wanted = f"give it one of {', '.join(RINGS)}, set up in tocsin.yaml and with an address of its people"
        yield chart.document.problem(_by(chart, silent[0]), f"{said}; {wanted}, {SEE}")


def _can_ring(chart: Chart, page: Told, there: tuple[str, ...]) -> bool:
    people = [chart.responders[name] for name in chart.people(page.targets)]
    return any(way in RINGS for one in people for way in _without_slack(one, page, there))


def _without_slack(responder: Responder, page: Told, there: tuple[str, ...]) -> tuple[str, ...]:
    """By which ways somebody is told of a page while Slack is down: those that are meant for it, else the next one."""
    left = [way for way in WAYS if way != "slack" and way in there and getattr(responder, way)]
    return tuple(way for way in _woken_by(responder, page) if way in left) or tuple(left[:1])


def _woken_by(responder: Responder, page: Told) -> tuple[str, ...]:
    """Who has an order of their own is woken by that, whatever the page says."""
    return tuple(one.by for one in responder.reach) or page.by


def _by(chart: Chart, one: Told) -> Path:
    by = (*one.path[:-1], "by")
    return by if chart.document.has(by) else one.path
