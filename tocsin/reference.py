"""Writes the generated pages of `docs/reference` from the code itself: `make format` keeps them true.

`python -m tocsin.reference docs/reference`
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer
from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

from alerting.facts import FACT_HELP, Facts
from alerting.flowchart.model import (
    Ask,
    Brief,
    Call,
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
)
from alerting.flowchart.schema import schema_text
from tocsin import settings_page
from tocsin.cli import app
from tocsin.http_metrics import HttpMetrics
from tocsin.metrics import Metrics
from tocsin.scaled.console import ConsoleMetrics
from tocsin.scaled.core_metrics import CoreMetrics
from tocsin.scaled.delivery_metrics import DeliveryMetrics
from tocsin.scaled.health import WorkerMetrics
from tocsin.scaled.intake_metrics import IntakeMetrics
from tocsin.shown_metrics import Shown

MADE = "This page is made from the code by `make format`; edit the code."
NODES = (
    *(Question, Ask, Page, Notify, Wait, Escalate, Repeat),
    *(OpenChannel, Mobilise, Brief, Statement, Call, End),
)
_TYPES = {"int": "number", "str": "text", "bool": "true or false", "tuple[str, ...]": "list of texts"}
_TYPES |= {"dict[str, str]": "text by name", "dict[str, bool]": "true or false by name"}


def commands() -> str:
    """Every command, as its `--help` says it."""
    lines = ["# Commands", "", MADE, ""]
    for name, command in sorted(_inner(typer.main.get_command(app)).items()):
        inner = sorted(_inner(command).items())
        for words, one in [(f"{name} {n}", c) for n, c in inner] or [(name, command)]:
            lines += _command(words, one)
    return "\n".join(lines).rstrip() + "\n"


def _inner(command: Any) -> dict[str, Any]:
    """The commands of a group; typer brings its own edition of click, so they are asked for what they have."""
    return dict(getattr(command, "commands", {}))


def _command(words: str, command: Any) -> list[str]:
    lines = [f"## `tocsin {words}`", "", _flat(command.help), ""]
    for parameter in command.params:
        if parameter.param_type_name == "option":
            lines.append(f"- `{', '.join(parameter.opts)}`: {_flat(parameter.help)}")
        else:
            lines.append(f"- `{parameter.metavar or parameter.name.upper()}`")
    if command.params:
        lines.append("")
    if command.epilog:
        examples = [line for line in command.epilog.splitlines() if line.strip()]
        lines += ["```", *[line.partition(": ")[2] if "xample" in line else line for line in examples], "```", ""]
    return lines


def metrics() -> str:
    """Every metric of `/metrics`, and who has it: the service of `tocsin run`, or which role of `tocsin worker`."""
    rows: dict[str, tuple[list[str], str]] = {}
    for who, one in (
        ("service", Metrics()),
        ("every worker", WorkerMetrics()),
        ("every worker", HttpMetrics(CollectorRegistry())),
        ("intake", IntakeMetrics()),
        ("core", CoreMetrics()),
        ("delivery", DeliveryMetrics()),
        ("console", ConsoleMetrics()),
    ):
        for name, kind, names, words in told_by(one):
            labels = ", ".join(f"`{label}`" for label in names)
            rows.setdefault(name, ([], f"{kind} | {labels} | {words} |"))[0].append(who)
    lines = ["# Metrics", "", MADE, "", "| metric | of | type | labels | meaning |", "|---|---|---|---|---|"]
    lines += [f"| `{name}` | {', '.join(who)} | {rest}" for name, (who, rest) in rows.items()]
    return "\n".join(lines) + "\n"


def told_by(metrics: object) -> Iterator[tuple[str, str, tuple[str, ...], str]]:
    """The metrics that something keeps, itself or in parts of it: name as it is asked for, type, labels and meaning."""
    for one in vars(metrics).values():
        if isinstance(one, MetricWrapperBase):
            name = f"{one._name}_total" if one._type == "counter" else one._name  # noqa: SLF001
            yield name, str(one._type), tuple(one._labelnames), one._documentation  # noqa: SLF001
        elif isinstance(one, Shown):
            yield one.name, one.kind, one.labels, one.words
        elif type(one).__module__.endswith("_metrics"):
            yield from told_by(one)


def flowchart() -> str:
    """What a flowchart may be made of, and what its questions may ask about."""
    lines = ["# Flowchart: nodes and facts", "", MADE, "", "## Nodes", ""]
    for node in NODES:
        lines += [f"### {node.__name__}", "", _flat(node.__doc__), ""]
        for key, field in node.model_fields.items():
            lines.append(f"- `{key}`{'' if field.is_required() else ' (may be left out)'}")
        lines.append("")
    lines += ["## Facts", "", "| a question may ask about | which is | meaning |", "|---|---|---|"]
    for name in Facts.__struct_fields__:
        shown = name.removesuffix("_milli")
        kind = "fraction" if name.endswith("_milli") else _TYPES[_annotation(name)]
        lines.append(f"| `{shown}` | {kind} | {FACT_HELP[shown]} |")
    return "\n".join(lines) + "\n"


def _annotation(name: str) -> str:
    annotation = Facts.__annotations__[name]
    return (
        annotation.__name__ if isinstance(annotation, type) and not hasattr(annotation, "__args__") else str(annotation)
    )


def _flat(text: str | None) -> str:
    return " ".join((text or "").split())


PAGES: dict[str, Callable[[], str]] = {
    "commands.md": commands,
    "crisis_flowchart.schema.json": schema_text,
    "flowchart.md": flowchart,
    "metrics.md": metrics,
    "settings.md": settings_page.page,
}


def write(directory: Path) -> None:
    """Write every page."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        (directory / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
