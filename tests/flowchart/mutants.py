"""The shipped flowchart with one fault each: small slips that still read well, pass every check, and let somebody fall.

They are made on the chart as data, and find their places by walking it, so that they follow the chart when it changes.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any, NamedTuple

import yaml

from alerting.facts import SCENARIOS
from alerting.flowchart.load import load_chart
from alerting.flowchart.model import Chart
from alerting.flowchart.walk_file import read_walk
from alerting.flowchart.walking import walked
from stream.strict_yaml import parse

Data = dict[str, Any]
Path = tuple[str | int, ...]

_LOCAL_NIGHT = "DTSTART;TZID=Europe/Amsterdam:20271001T200000"
_NIGHT_IN_UTC = "DTSTART:20271001T180000Z"
_ROTA = "\r\n".join(
    (
        *("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//example//rota//EN"),
        *("BEGIN:VEVENT", "UID:day@example.com", "DTSTAMP:20270101T000000Z", "SUMMARY:{who}"),
        *("DTSTART;TZID=Europe/Amsterdam:20271001T080000", "DURATION:PT12H", "RRULE:FREQ=DAILY", "END:VEVENT"),
        *("BEGIN:VEVENT", "UID:night@example.com", "DTSTAMP:20270101T000000Z", "SUMMARY:{who}"),
        *("{night}", "DURATION:PT12H", "RRULE:FREQ=DAILY", "END:VEVENT", "END:VCALENDAR", ""),
    )
)
"""The day from 8 to 20 by the clock on the wall; the night perhaps in UTC, which is right until the clock changes."""


class Mutant(NamedTuple):
    """A chart with a fault in it."""

    name: str
    data: Data
    scenario: str
    kinds: tuple[str, ...]
    """How it may fall."""
    calendar: str = ""


class Ladder(NamedTuple):
    """What is paged if nobody answers, one severity of one scenario."""

    scenario: str
    severity: str
    asked: tuple[Path, ...]
    """The questions on the way to the first page, as places in the data."""
    pages: tuple[Path, ...]

    @property
    def first(self) -> str:
        """The first page's node, as its neighbours call it."""
        return str(self.pages[0][-1])


def place(data: Data, path: Path) -> Any:
    """What stands at a place in the data."""
    for step in path:
        data = data[step]
    return data


def ready(text: str) -> Data:
    """A chart as data, with a telephone as the second way of every page where all its people have one."""
    data: Data = parse(text, "shipped.yaml").data  # YAML by itself would read `yes:` as true
    for nodes in (data["nodes"], *(sub["nodes"] for sub in data.get("subcharts", {}).values())):
        for node in nodes.values():
            if "page" in node and "by" not in node and _all_have_telephones(data, node["page"]):
                node["by"] = ["slack", "phone"]
    return data


def _all_have_telephones(data: Data, page: str | list[str]) -> bool:
    chart = load(data)
    people = chart.people([page] if isinstance(page, str) else page)
    return all(chart.responders[name].phone for name in people)


def load(data: Data) -> Chart:
    """The data as a chart; raises `ChartError` where a check refuses it."""
    return load_chart(yaml.safe_dump(data, sort_keys=False), "mutant.yaml")


def ladder(data: Data, scenario: str, severity: str) -> Ladder:
    """Where the data says who is paged if nobody answers."""
    chart = load(data)
    facts = f"{{scenario: {scenario}, severity: {severity}}}"
    outcome = walked(chart, read_walk(f"start: 2027-03-01T12:00:00+01:00\nfacts: {facts}\n", "walk.yaml"))
    pages = [one.node for one in outcome.told if one.kind == "page"]
    before = outcome.path[: outcome.path.index(pages[0])] if pages else outcome.path
    asked = [chart.origin[name] for name in before if "question" in place(data, chart.origin[name])]
    return Ladder(scenario, severity, tuple(asked), tuple(dict.fromkeys(chart.origin[name] for name in pages)))


def mutants(data: Data, scenarios: tuple[str, ...] = SCENARIOS) -> Iterator[Mutant]:
    """All of them, also those that a check refuses."""
    for scenario in scenarios:
        for severity in ("high", "critical"):
            steps = ladder(data, scenario, severity)
            for make in MAKERS:
                changed = deepcopy(data)
                kinds = make(changed, steps)
                if kinds:
                    name = f"{make.__name__.strip('_')} in {scenario} at {severity}"
                    yield Mutant(name, changed, scenario, kinds)
    for scenario in scenarios:
        yield _one_rota(data, scenario)


def gap_free(mutant: Mutant) -> Mutant:
    """The same rota without its gap."""
    return mutant._replace(calendar=mutant.calendar.replace(_NIGHT_IN_UTC, _LOCAL_NIGHT))


def _one_rota(data: Data, scenario: str) -> Mutant:
    """One rung, on a rota whose nights are written in UTC: once the clock goes back, an hour is nobody's."""
    changed = deepcopy(data)
    page = place(changed, ladder(data, scenario, "critical").pages[0])
    who = load(data).people([_first(page["page"])])[0]
    rota = {"timezone": "Europe/Amsterdam", "calendar": "r.ics"}
    changed["rosters"] = {**changed.get("rosters", {}), "one_rota": rota}
    changed["roles"]["everything"] = {"roster": "one_rota"}
    changed["last_resort"] = ["everything"]
    page["page"] = "everything"
    page.pop("acknowledge_within", None)
    page.pop("if_not_acknowledged", None)
    calendar = _ROTA.format(who=who, night=_NIGHT_IN_UTC)
    return Mutant(f"one_rota in {scenario} at critical", changed, scenario, ("vacant",), calendar)


# --- one fault each: changes the data, and says how it may fall; nothing where it does not apply --------------------


def _first(targets: str | list[str]) -> str:
    return targets if isinstance(targets, str) else targets[0]


def _put_before(data: Data, path: Path, name: str, node: Data) -> None:
    """A new node in front of another one: whatever led there leads to it."""
    target = str(path[-1])
    nodes = place(data, path[:-1])
    for other in nodes.values():
        for key, value in list(other.items()):
            if value == target and key in ("yes", "no", "then", "if_not_acknowledged", "if_no_answer", "repeat"):
                other[key] = name
    if len(path) == 2:
        data["entry"] = {scenario: name if first == target else first for scenario, first in data["entry"].items()}
    else:
        sub = data["subcharts"][path[1]]
        sub["entry"] = name if sub["entry"] == target else sub["entry"]
    nodes[name] = node


def _nobody_after_the_first(data: Data, steps: Ladder) -> tuple[str, ...]:
    """The edge to the second rung is gone: who is first waits alone."""
    page = place(data, steps.pages[0])
    page.pop("if_not_acknowledged", None)
    page.pop("acknowledge_within", None)
    page["page"] = _first(page["page"])
    return ("vacant",)


def _runs_out(data: Data, steps: Ladder) -> tuple[str, ...]:
    """Whoever does not acknowledge the first page is treated as if he had."""
    page = place(data, steps.pages[0])
    page["if_not_acknowledged"] = page["then"]
    page.setdefault("acknowledge_within", "5m")
    return ("dry",)


def _last_rung_gives_up(data: Data, steps: Ladder) -> tuple[str, ...]:
    """The last rung waits half an hour, and then all is taken for done."""
    page = place(data, steps.pages[-1])
    page["acknowledge_within"], page["if_not_acknowledged"] = "30m", page["then"]
    return ("dry",)


def _repeats_and_gives_up(data: Data, steps: Ladder) -> tuple[str, ...]:
    """The ladder is climbed three times, and then never again."""
    first, last = steps.pages[0], steps.pages[-1]
    page = place(data, last)
    page["acknowledge_within"], page["if_not_acknowledged"] = "10m", "once_more"
    place(data, last[:-1])["once_more"] = {"repeat": str(first[-1]), "at_most": 2, "then": page["then"]}
    return ("dry",) if first != last and first[:-1] == last[:-1] else ()


def _waits_too_long_for_one(data: Data, steps: Ladder) -> tuple[str, ...]:
    """One person is waited for longer than the bound."""
    page = place(data, steps.pages[0])
    page["page"], page["acknowledge_within"] = _first(page["page"]), "40m"
    return ("late",) if "if_not_acknowledged" in page else ()


def _falls_back_to_oneself(data: Data, steps: Ladder) -> tuple[str, ...]:
    """Whoever is first has the second job too, while a colleague is away; and there is nobody after that."""
    if len(steps.pages) < 2:
        return ()
    first, second = place(data, steps.pages[0]), place(data, steps.pages[1])
    alone = load(data).people([_first(first["page"])])[:1]
    data["roles"]["stand_in"] = {"people": list(alone)}
    first["page"], second["page"] = _first(first["page"]), "stand_in"
    second.pop("acknowledge_within", None)
    second.pop("if_not_acknowledged", None)
    return ("late", "vacant")


def _pages_a_channel_first(data: Data, steps: Ladder) -> tuple[str, ...]:
    """A channel is paged, and nobody in particular; ten minutes go by."""
    data["responders"]["somewhere"] = {"name": "#somewhere", "slack": "C00SOMEWHERE"}
    page = place(data, steps.pages[0])
    page["page"], page["acknowledge_within"] = "somewhere", "10m"
    page.pop("by", None)
    return ("late",) if "if_not_acknowledged" in page else ()


def _last_rung_is_a_channel(data: Data, steps: Ladder) -> tuple[str, ...]:
    """The last rung is a channel: it waits for nobody in particular."""
    data["responders"]["somewhere"] = {"name": "#somewhere", "slack": "C00SOMEWHERE"}
    page = place(data, steps.pages[-1])
    page["page"] = "somewhere"
    page.pop("by", None)
    return ("vacant",)


def _waits_first(data: Data, steps: Ladder) -> tuple[str, ...]:
    """Somebody wanted to see first whether it passes."""
    _put_before(data, steps.pages[0], "let_it_pass", {"wait": "20m", "then": steps.first})
    return ("late",)


def _waits_for_an_answer_first(data: Data, steps: Ladder) -> tuple[str, ...]:
    """It is waited for a response of the brand's own, for a while."""
    node = {"wait": "30m", "until": "responses > 0", "then": steps.first}
    _put_before(data, steps.pages[0], "let_them_answer", node)
    return ("late",)


def _waits_for_ever(data: Data, steps: Ladder) -> tuple[str, ...]:
    """It is waited for something that may never come."""
    _put_before(data, steps.pages[0], "wait_for_it", {"until": "mentions > 100000", "then": steps.first})
    return ("late", "stuck")


def _waits_for_the_morning(data: Data, steps: Ladder) -> tuple[str, ...]:
    """Nobody is woken at night."""
    _put_before(data, steps.pages[0], "sleep_well", {"wait": "12h", "until": "hour >= 8", "then": steps.first})
    return ("late",)


def _asks_first(data: Data, steps: Ladder) -> tuple[str, ...]:
    """A question to people comes first, with a long time-out."""
    answers = {"yes": steps.first, "no": steps.first}
    people = deepcopy(place(data, steps.pages[0])["page"])
    node = {"ask": "Is it true?", "of": people, "answers": answers, "within": "25m", "if_no_answer": steps.first}
    _put_before(data, steps.pages[0], "is_it_so", node)
    return ("late",)


def _swapped_branches(data: Data, steps: Ladder) -> tuple[str, ...]:
    """`yes` and `no` of the question for the severity changed places."""
    questions = [place(data, path) for path in steps.asked]
    question = next((one for one in reversed(questions) if "severity" in one["when"]), None)
    if question is None:
        return ()
    question["yes"], question["no"] = question["no"], question["yes"]
    return ("dry", "late")


def _asks_for_more(data: Data, steps: Ladder) -> tuple[str, ...]:
    """The page asks for a number of posts too."""
    return _narrower(data, steps, "mentions > 50")


def _office_hours_only(data: Data, steps: Ladder) -> tuple[str, ...]:
    """The page goes out in business hours alone."""
    return _narrower(data, steps, "business_hours")


def _not_in_the_small_hours(data: Data, steps: Ladder) -> tuple[str, ...]:
    """An hour of the night is left out, the one in which the clock changes."""
    return _narrower(data, steps, "!(hour == 2 && weekday == 7)")


def _narrower(data: Data, steps: Ladder, also: str) -> tuple[str, ...]:
    guard = {"question": "Is it really?", "when": also, "yes": steps.first, "no": "not_really"}
    _put_before(data, steps.pages[0], "is_it_really", guard)
    place(data, steps.pages[0][:-1])["not_really"] = {"end": "It was not."}
    return ("dry",)


def _wrong_severity(data: Data, steps: Ladder) -> tuple[str, ...]:
    """A severity is misread in the question that leads to the page."""
    for path in reversed(steps.asked):
        question = place(data, path)
        if f'"{steps.severity}"' in question["when"]:
            question["when"] = question["when"].replace(f'"{steps.severity}"', '"low"')
            return ("dry", "late")
    return ()


def _slack_alone(data: Data, steps: Ladder) -> tuple[str, ...]:
    """No second way."""
    for path in steps.pages:
        place(data, path)["by"] = ["slack"]
    return ("late", "vacant") if steps.severity == "critical" else ()


def _mail_as_second_way(data: Data, steps: Ladder) -> tuple[str, ...]:
    """The second way is one that wakes nobody."""
    for responder in data["responders"].values():
        responder.setdefault("email", "somebody@example.com")
    for path in steps.pages:
        place(data, path)["by"] = ["slack", "email"]
    return ("late", "vacant") if steps.severity == "critical" else ()


def _acknowledged_in_vain(data: Data, steps: Ladder) -> tuple[str, ...]:
    """After an acknowledgement it goes on to the next rung, which is none."""
    page = place(data, steps.pages[0])
    nodes = place(data, steps.pages[0][:-1])
    nodes["over_to_nobody"] = {"escalate": "it_is_over", "because": "It goes on."}
    nodes["it_is_over"] = {"end": "It is over."}
    page["then"] = "over_to_nobody"
    return ("dry",)


MAKERS: tuple[Callable[[Data, Ladder], tuple[str, ...]], ...] = (
    *(_nobody_after_the_first, _runs_out, _last_rung_gives_up, _repeats_and_gives_up, _waits_too_long_for_one),
    *(_falls_back_to_oneself, _pages_a_channel_first, _last_rung_is_a_channel, _waits_first, _asks_first),
    *(_waits_for_an_answer_first, _waits_for_ever, _waits_for_the_morning, _swapped_branches, _asks_for_more),
    *(_office_hours_only, _not_in_the_small_hours, _wrong_severity, _slack_alone, _mail_as_second_way),
    *(_acknowledged_in_vain,),
)
