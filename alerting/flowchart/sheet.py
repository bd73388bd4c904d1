"""What a picture of a chart shows: the chart as it is written, each sub-chart once, and every node in a few words."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from alerting.flowchart.model import (
    Ask,
    Brief,
    Call,
    Chart,
    End,
    Escalate,
    Mobilise,
    Notify,
    OpenChannel,
    Page,
    Question,
    Repeat,
    Statement,
    Wait,
    WrittenNode,
    duration_text,
    told,
    ways_out,
)

PALETTE = {"escalate": "page", "mobilise": "page", "repeat": "wait", "open_channel": "notify", "brief": "notify"}
"""Kinds that look like another one."""

_KICKERS = {
    "page": "Page",
    "notify": "Tell",
    "wait": "Wait",
    "open_channel": "Open",
    "mobilise": "Call in",
    "brief": "Brief",
    "statement": "Statement",
    "repeat": "Again",
    "call": "Walk",
}


@dataclass(frozen=True)
class Sheet:
    """A chart as it is drawn. Nodes of a sub-chart are called `sub/node`."""

    entry: dict[str, str]
    nodes: dict[str, WrittenNode]
    main: tuple[str, ...]
    """The nodes outside sub-charts."""
    subcharts: dict[str, list[str]]
    """Nodes per sub-chart."""
    calls: dict[str, str]
    """Per node that calls a sub-chart, the node at which that begins."""

    def ways(self, name: str) -> list[tuple[str, str]]:
        """Where a node leads, as `ways_out` says it, in the names of this sheet."""
        prefix = name[: name.rfind("/") + 1]
        return [(key, f"{prefix}{target}") for key, target in ways_out(self.nodes[name])]


def sheet_of(chart: Chart) -> Sheet:
    """The chart as it is drawn."""
    written = chart.written
    nodes: dict[str, WrittenNode] = dict(written.nodes)
    subcharts = {sub: [f"{sub}/{name}" for name in one.nodes] for sub, one in written.subcharts.items()}
    for sub, one in written.subcharts.items():
        nodes |= {f"{sub}/{name}": node for name, node in one.nodes.items()}
    calls = {
        name: f"{node.call}/{written.subcharts[node.call].entry}"
        for name, node in nodes.items()
        if isinstance(node, Call)
    }
    return Sheet(dict(written.entry), nodes, tuple(written.nodes), subcharts, calls)


def walked_on(chart: Chart, walked: Sequence[str]) -> tuple[list[str], frozenset[tuple[str, str]]]:
    """The walked nodes as a sheet names them, and the steps between them. A call leads to what comes after it."""
    names = [drawn_name(chart, node) for node in walked if node in chart.origin]
    steps = set(pairwise(names))
    for scope in dict.fromkeys(name.rpartition("/")[0] for name in names):
        steps.update(pairwise(name for name in names if name.rpartition("/")[0] == scope))
    return names, frozenset(steps)


def drawn_name(chart: Chart, node: str) -> str:
    """What a sheet calls a node of the chart: one of a sub-chart as often as it is called."""
    origin = chart.origin[node]
    return f"{origin[1]}/{origin[3]}" if origin[0] == "subcharts" else str(origin[1])


def kind_of(node: object) -> str:
    """A node's kind by its first word, as `question` or `open_channel`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(node).__name__).lower()


def kicker(kind: str) -> str:
    """The word before a node's own words."""
    return _KICKERS.get(kind, "")


def words_of(node: WrittenNode) -> list[str]:
    """What a node says, without its condition."""
    match node:
        case Question():
            return [node.question]
        case Ask():
            return [node.ask, f"asks {_names(node.of)}"]
        case Page():
            every = ["all of them must acknowledge"] if node.acknowledge == "everyone" else []
            return [_names(node.page), *every]
        case Notify() | Mobilise() | Brief():
            return [_names(told(node))]
        case OpenChannel():
            return [node.open_channel, f"with {_names(node.invite)}" if node.invite else ""]
        case Statement():
            return [_plain(node.statement), f"to be approved by {_names(node.approve_by)}"]
        case Wait():
            return [duration_text(node.wait) if node.wait else "", f"until {node.until}" if node.until else ""]
        case Escalate():
            return ["To the next rung", node.because]
        case Repeat():
            return [f"at most {node.at_most} times"]
        case Call():
            return [_plain(node.call)]
        case End():
            return [node.end]


def label(node: WrittenNode, key: str) -> str:
    """What stands beside a way out."""
    match node:
        case Question():
            return key
        case Ask():
            late = f"nobody in {duration_text(node.within)}"
            return late if key == "if_no_answer" else _plain(key.removeprefix("answers."))
        case Page():
            late = f"nobody in {duration_text(node.acknowledge_within or 0)}"
            return "acknowledged" if key == "then" else late
        case Statement():
            return "approved" if key == "then" else f"not in {duration_text(node.within)}"
        case Repeat():
            return "again" if key == "repeat" else "then on"
        case Call():
            return "back"
    return ""


def _plain(name: str) -> str:
    return name.replace("_", " ")


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(map(_plain, names))
