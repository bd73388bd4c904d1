"""Loads a crisis flowchart, or says everything that is wrong with it, each at its line and column."""

from pydantic import ValidationError

from alerting.flowchart.check import check
from alerting.flowchart.conditions import Condition, ConditionProblem
from alerting.flowchart.model import Chart, Question, Wait, Written
from stream.codec import digest
from stream.strict_yaml import Document, YamlProblem, parse, problems_from_pydantic


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
    chart = Chart(written=written, document=document, digest=digest(text.encode()), conditions=conditions)
    problems += [found.problem for found in check(chart) if not found.warning]
    if problems:
        raise ChartError(sorted(problems, key=lambda problem: (problem.line, problem.column)))
    return chart


def _conditions(written: Written, document: Document) -> tuple[dict[tuple[str, str], Condition], list[YamlProblem]]:
    compiled: dict[tuple[str, str], Condition] = {}
    problems: list[YamlProblem] = []
    for name, node in written.nodes.items():
        key = "when" if isinstance(node, Question) else "until"
        text = node.when if isinstance(node, Question) else node.until if isinstance(node, Wait) else None
        if text is None:
            continue
        try:
            compiled[name, key] = Condition(text)
        except ConditionProblem as found:
            path = ("nodes", name, key)
            blank = len(str(document.data["nodes"][name][key])) - len(str(document.data["nodes"][name][key]).lstrip())
            line, column = document.text_position(path, found.offset + blank)
            problems.append(YamlProblem(document.filename, line, column, f"in `{key}` of `{name}`: {found.message}"))
    return compiled, problems
