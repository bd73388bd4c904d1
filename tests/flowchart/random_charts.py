"""Small flowcharts at random, from a seed: right enough to be loaded, and often wrong enough to let somebody fall."""

import random
from typing import Any

import yaml

from alerting.flowchart.load import ChartError, load_chart
from alerting.flowchart.model import Chart

PEOPLE = ("ann", "bob", "cat", "duty", "night", "room")
VALUES: dict[str, tuple[Any, ...]] = {
    "mentions": (5, 15, 25),
    "coordinated": (False, True),
    "issues": ((), ("outage",)),
}
CONDITIONS = (
    *("mentions > 10", "mentions > 20", "mentions > 10 && mentions < 21", "coordinated", '"outage" in issues'),
    *('severity == "high"', 'severity in ["medium", "high"]', "acknowledged", "!coordinated && mentions > 20"),
    *("hour >= 9", "business_hours", "mentions > 10 && hour >= 9", "hour < 9 || coordinated", 'on_call["duty"]'),
    *('scenario == "backlash"', "weekday == 1", '(hour < 9 && coordinated) || "outage" in issues'),
)
ENDLESS = ("mentions > 10", "coordinated", '"outage" in issues')
SHORT = ("1m", "2m", "3m")


def random_chart(seed: int) -> Chart:
    """The first chart of this seed that passes every check."""
    rng, orders = random.Random(seed), random.Random(~seed)
    while True:
        try:
            written = _written(rng)
            for name in written["responders"]:
                written["responders"][name] |= _order(orders, name)
            return load_chart(yaml.safe_dump(written, sort_keys=False), f"random-{seed}.yaml")
        except ChartError:
            continue


def facts_asked(chart: Chart) -> dict[str, tuple[Any, ...]]:
    """The facts that the chart's conditions ask and nobody knows, each with values on every side of what is asked."""
    asked = [name for condition in chart.conditions.values() for name in condition.names]
    return {name: values for name, values in VALUES.items() if name in asked}


def _written(rng: random.Random) -> dict[str, Any]:
    names = [f"n{number}" for number in range(rng.randint(3, 7))]
    nodes = {name: _node(rng, name, names) for name in names}
    if any("n0" in str(node.get("when", "")) and "answers" in str(node.get("when")) for node in nodes.values()):
        nodes["n0"] = _ask(rng, names)
    begin, other = names[0], rng.choice(names)
    scenarios = ("viral_complaint", "campaign_blunder", "data_security", "service_outage", "blind")
    stated = any("statement" in node for node in nodes.values())
    return {
        "version": 1,
        "owner": "Nobody",
        "last_resort": rng.choice((["ann"], ["cat"], ["duty"], ["ann", "bob"])),
        "promise_pages": {"high": "3m", "critical": "2m"},
        "promise_pages_despite_a_fault": "5m",
        "responders": {
            "ann": {"name": "Ann", "slack": "U0000ANN"},
            "bob": {"name": "Bob", "slack": "U0000BOB", "phone": "+31 20 555 0101"},
            "cat": {"name": "Cat", "phone": "+31 20 555 0102", "slack": "U0000CAT"},
            "room": {"name": "Room", "slack": "C000ROOM"},
        },
        "roles": {"duty": {"roster": "by_day"}, "night": {"people": rng.choice((["bob"], ["cat", "room"]))}},
        "rosters": {"by_day": _roster(rng)},
        "entry": {**dict.fromkeys(scenarios, begin), "backlash": other},
        "nodes": nodes,
        **({"statements": {"soon": {"en": "We look into it."}}} if stated else {}),
    }


def _roster(rng: random.Random) -> dict[str, Any]:
    rotation: dict[str, Any] = {"people": ["ann", "bob"], "every": "1d", "hand_over": "09:00", "from": "2027-02-01"}
    if rng.random() < 0.4:
        rotation["hours"] = "09:00-18:00"
    roster: dict[str, Any] = {"timezone": "Europe/Amsterdam", "rotation": rotation}
    if rng.random() < 0.3:
        away = {"who": ["cat"], "from": "2027-03-01T08:55", "until": "2027-03-01T09:05", "reason": "swapped"}
        roster["overrides"] = [away]
    return roster


def _order(rng: random.Random, name: str) -> dict[str, Any]:
    """Now and then somebody has an order of being woken that is their own."""
    if name == "room" or rng.random() < 0.6:
        return {}
    ways = ["slack"] if name == "ann" else rng.choice((["slack"], ["phone"], ["slack", "phone"], ["phone", "slack"]))
    after = sorted(rng.choice((0, 0, 1, 2, 3, 4)) for _ in ways)
    return {"reach": [{"by": way, **({"after": f"{m}m"} if m else {})} for way, m in zip(ways, after, strict=True)]}


def _people(rng: random.Random) -> list[str]:
    return sorted(rng.sample(PEOPLE, rng.choice((1, 1, 1, 2))))


def _ask(rng: random.Random, names: list[str]) -> dict[str, Any]:
    answers = {"yes": rng.choice(names), "no": rng.choice(names)}
    silent = rng.choice(names)
    return {"ask": "Well?", "of": _people(rng), "answers": answers, "within": rng.choice(SHORT), "if_no_answer": silent}


def _node(rng: random.Random, name: str, names: list[str]) -> dict[str, Any]:
    # mostly onwards, so that charts pass the check; sometimes back
    later = [other for other in names if other > name] or names
    to = lambda: rng.choice(later if rng.random() < 0.85 else names)  # noqa: E731
    kinds = ("question", "page", "notify", "wait", "until", "ask", "repeat", "escalate", "statement", "mobilise", "end")
    kind = "end" if name == names[-1] else rng.choices(kinds, (7, 9, 1, 2, 2, 2, 2, 1, 1, 1, 2))[0]
    match kind:
        case "question":
            when = 'answers["n0"] == "yes"' if rng.random() < 0.1 else rng.choice(CONDITIONS)
            return {"question": "Is it?", "when": when, "yes": to(), "no": to()}
        case "page":
            return _page(rng, to)
        case "notify" | "mobilise":
            return {kind: _people(rng), "then": to()}
        case "wait":
            return {"wait": rng.choice(SHORT), "then": to()}
        case "until":
            if rng.random() < 0.2:
                return {"until": rng.choice(ENDLESS), "then": to()}
            return {"wait": rng.choice(SHORT), "until": rng.choice(CONDITIONS), "then": to()}
        case "ask":
            return _ask(rng, names)
        case "repeat":
            return {"repeat": rng.choice(names), "at_most": rng.randint(1, 2), "then": to()}
        case "statement":
            asked = {"written_by": rng.choice(PEOPLE[:5]), "approve_by": _people(rng), "within": rng.choice(SHORT)}
            return {"statement": "soon", **asked, "if_not_approved": to(), "then": to()}
        case "escalate":
            return {"escalate": to(), "because": "It does not end."}
    return {"end": "Done."}


def _page(rng: random.Random, to: Any) -> dict[str, Any]:
    page: dict[str, Any] = {"page": _people(rng), "by": rng.choice((["slack"], ["slack", "phone"])), "then": to()}
    if "phone" in page["by"] and "room" in page["page"]:
        page["by"] = ["slack"]
    if rng.random() < 0.2:
        page["acknowledge"] = "everyone"
    if rng.random() < 0.75:
        page |= {"acknowledge_within": rng.choice(SHORT), "if_not_acknowledged": to()}
    return page
