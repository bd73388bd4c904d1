"""Loads a crisis flowchart, or says everything that is wrong with it, each at its line and column."""

from pydantic import ValidationError

from alerting.flowchart.check import check
from alerting.flowchart.check_names import Names
from alerting.flowchart.conditions import Condition, ConditionProblem
from alerting.flowchart.model import Chart, Question, SubChart, Wait, Written
from alerting.flowchart.unfold import Unfolding, unfold
from stream.codec import digest
from stream.strict_yaml import Document, Path, YamlProblem, parse, problems_from_pydantic


class ChartError(ValueError):
    """A flowchart that cannot be used: all that is wrong with it, one problem a line."""

    def __init__(self, problems: list[YamlProblem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


def load_chart(text: str, filename: str) -> Chart:
    """The flowchart that `text` holds; `filename` is only for messages.

    Raises `ChartError` with every problem found. What is odd but usable is not among them: see `check.warnings_of`.
    """
    try:
        document = parse(text, filename)
        written = Written.model_validate(document.data)
    except YamlProblem as problem:
        raise ChartError([problem]) from None
    except ValidationError as error:
        raise ChartError(problems_from_pydantic(error, document, Written)) from None
    conditions, problems = _conditions(written, document)
    problems += [found.problem for found in Names(written, document, conditions).problems()]
    try:
        # a graph can be told only once all names in it are known
        chart = _chart(written, document, digest(text.encode()), conditions) if not problems else None
    except Unfolding as folded:
        raise ChartError([document.problem(folded.path, folded.message)]) from None
    if chart is not None:
        problems = [found.problem for found in check(chart) if not found.warning]
        if not problems:
            return chart
    raise ChartError(sorted(problems, key=lambda problem: (problem.line, problem.column)))


def _chart(written: Written, document: Document, name: str, conditions: dict[Path, Condition]) -> Chart:
    nodes, origin = unfold(written)
    walked = {
        (node, key): conditions[path]
        for node in nodes
        for key in ("when", "until")
        if (path := (*origin[node], key)) in conditions
    }
    rows = tuple(
        (row.severity, conditions["severity", number, "when"], row.words) for number, row in enumerate(written.severity)
    )
    return Chart(written, document, name, nodes, origin, walked, rows)


def _conditions(written: Written, document: Document) -> tuple[dict[Path, Condition], list[YamlProblem]]:
    """Every condition by where it is written, compiled; and what is wrong with those that could not be."""
    compiled: dict[Path, Condition] = {}
    problems: list[YamlProblem] = []
    for path, text, what in _written_conditions(written):
        try:
            compiled[path] = Condition(text)
        except ConditionProblem as found:
            source = document.data
            for step in path:
                source = source[step]
            blank = len(str(source)) - len(str(source).lstrip())
            line, column = document.text_position(path, found.offset + blank)
            problems.append(YamlProblem(document.filename, line, column, f"in {what}: {found.message}"))
    return compiled, problems


def _written_conditions(written: Written) -> list[tuple[Path, str, str]]:
    found: list[tuple[Path, str, str]] = []
    inner: list[tuple[Path, Written | SubChart]] = [((), written)]
    inner += [(("subcharts", name), sub) for name, sub in written.subcharts.items()]
    for base, nodes in inner:
        for name, node in nodes.nodes.items():
            key = "when" if isinstance(node, Question) else "until"
            text = node.when if isinstance(node, Question) else node.until if isinstance(node, Wait) else None
            if text is not None:
                found.append(((*base, "nodes", name, key), text, f"`{key}` of `{name}`"))
    for number, row in enumerate(written.severity):
        found.append((("severity", number, "when"), row.when, f"row {number + 1} of `severity`"))
    return found
