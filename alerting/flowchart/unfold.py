"""Unfolds the calls of a flowchart: one plain graph, in which each call has its own copy of the sub-chart's nodes."""

from collections.abc import Mapping
from typing import Any

from alerting.flowchart.model import Call, End, Enter, Leave, Node, Written, WrittenNode
from stream.strict_yaml import Path

MAX_NODES = 3_000
"""Nodes of a chart with all its calls unfolded."""

_LEADS = ("yes", "no", "then", "if_not_acknowledged", "if_no_answer", "if_not_approved", "escalate", "repeat")


class Unfolding(ValueError):  # noqa: N818 - a problem of the person who wrote it
    """A chart that cannot be unfolded: at `path`, for the reason in `message`."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message


def unfold(written: Written) -> tuple[dict[str, Node], dict[str, Path]]:
    """All nodes as they are walked, and where each is written. Expects that all names are known.

    Raises `Unfolding` where sub-charts call each other in a circle, or unfold into more than `MAX_NODES` nodes.
    """
    nodes: dict[str, Node] = {}
    origin: dict[str, Path] = {}

    def add(inner: Mapping[str, WrittenNode], base: Path, prefix: str, back: str | None, callers: list[str]) -> None:
        for name, node in inner.items():
            here = f"{prefix}{name}"
            origin[here] = (*base, name)
            if len(origin) > MAX_NODES:
                raise Unfolding(
                    (*base, name),
                    f"with all calls unfolded the chart has more than {MAX_NODES} nodes; call fewer sub-charts",
                )
            if isinstance(node, Call):
                if node.call in callers:
                    round_about = " -> ".join([*callers[callers.index(node.call) :], node.call])
                    message = f"sub-charts call each other in a circle: {round_about}; a sub-chart cannot call itself"
                    raise Unfolding((*base, name, "call"), message)
                sub = written.subcharts[node.call]
                nodes[here] = Enter(node.call, f"{here}/{sub.entry}")
                add(
                    sub.nodes,
                    ("subcharts", node.call, "nodes"),
                    f"{here}/",
                    f"{prefix}{node.then}",
                    [*callers, node.call],
                )
            elif isinstance(node, End) and back is not None:
                nodes[here] = Leave(node.end, back)
            else:
                nodes[here] = _prefixed(node, prefix)

    add(written.nodes, ("nodes",), "", None, [])
    return nodes, origin


def _prefixed(node: Any, prefix: str) -> Any:
    """The node with its ways out led to the copies that its call has."""
    if not prefix:
        return node
    changed: dict[str, Any] = {
        key: f"{prefix}{target}" for key in _LEADS if isinstance(target := getattr(node, key, None), str)
    }
    if isinstance(answers := getattr(node, "answers", None), dict):
        changed["answers"] = {choice: f"{prefix}{target}" for choice, target in answers.items()}
    return node.model_copy(update=changed)
