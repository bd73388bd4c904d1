"""Walk files: a situation in YAML (an instant, facts, how people behave), and what must come of it. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BeforeValidator, Field, ValidationError

from alerting.facts import FACT_HELP, SEVERITIES, Facts
from alerting.flowchart.fields import Section, Targets, duration_ms
from stream.codec import parse_rfc3339
from stream.strict_yaml import Document, YamlProblem, parse, problems_from_pydantic, unknown
from stream.zones import local

_FACTS = {name.removesuffix("_milli"): name for name in Facts.__struct_fields__}


class WalkError(ValueError):
    """A walk file that cannot be used: all that is wrong with it, one problem a line."""

    def __init__(self, problems: list[YamlProblem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


def _after(value: Any) -> int:
    return 0 if value in {"0s", "0m", 0} else duration_ms(value)


def _instant(value: Any) -> int:
    if isinstance(value, str):
        return parse_rfc3339(value)
    raise ValueError("an instant is written as 2027-03-28T01:30:00+01:00")


def _acts(value: Any) -> Any:
    return [] if value in ("never", None) else [value] if isinstance(value, dict) else value


After = Annotated[int, BeforeValidator(_after)]


class Act(Section):
    """Somebody acknowledges or approves, so long after the walk began."""

    who: str
    after: After


class Reply(Act):
    """Somebody answers the question that a node asks."""

    node: str
    choice: str


class Later(Section):
    """Facts that change on the way."""

    after: After
    facts: dict[str, Any]


class Behaviour(Section):
    """How people and ways behave. Left out: everything works, and nobody answers anything."""

    slack: Literal["up", "down"] = "up"
    unreachable: Targets = ()
    acknowledge: Annotated[tuple[Act, ...], BeforeValidator(_acts)] = ()
    answer: Annotated[tuple[Reply, ...], BeforeValidator(_acts)] = ()
    approve: Annotated[tuple[Act, ...], BeforeValidator(_acts)] = ()


class ExpectedPage(Section):
    """A page that must go out: when, to whom, and by which way the first of them is reached."""

    at: After
    who: Targets
    by: str | None = None


class Expected(Section):
    """What must come of it. What is left out is not compared."""

    path: tuple[str, ...] | None = None
    pages: tuple[ExpectedPage, ...] | None = None
    ends: str | None = None


class WalkFile(Section):
    """A situation, and what is expected of the flowchart in it."""

    chart: str | None = None
    about: str = ""
    start: Annotated[int, BeforeValidator(_instant)]
    timezone: str | None = None
    facts: dict[str, Any] = Field(default={})
    later: tuple[Later, ...] = ()
    behaviour: Behaviour = Behaviour()
    expect: Expected | None = None


class Situation(NamedTuple):
    """A walk file that was read."""

    file: WalkFile
    document: Document
    facts: tuple[tuple[int, dict[str, Any]], ...]
    """From when on (after the start) which facts hold, under their names in `Facts`."""
    zone: str
    """An IANA zone, or an offset from UTC as `start` has it."""


def read_walk(text: str, filename: str) -> Situation:
    """The situation that `text` holds. Raises `WalkError` with everything that is wrong with it.

    >>> text = "start: 2027-03-28T01:30:00+01:00\\nfacts: {severity: high, volume_ratio: 6}\\n"
    >>> situation = read_walk(text, "x.yaml")
    >>> situation.facts[0][1]
    {'severity': 'high', 'volume_ratio_milli': 6000}
    """
    try:
        document = parse(text, filename)
        file = WalkFile.model_validate(document.data)
    except YamlProblem as problem:
        raise WalkError([problem]) from None
    except ValidationError as error:
        raise WalkError(problems_from_pydantic(error, document, WalkFile)) from None
    problems: list[YamlProblem] = []
    facts = [(0, _facts(document, ("facts",), file.facts, problems))]
    for number, later in enumerate(file.later):
        facts.append((later.after, _facts(document, ("later", number, "facts"), later.facts, problems)))
    zone = file.timezone or _offset(str(document.data["start"]))
    try:
        wall_clock(file.start, zone)
    except ValueError as error:
        problems.append(document.problem(("timezone",), f"{error}; allowed: a zone as Europe/Amsterdam"))
    if problems:
        raise WalkError(problems)
    return Situation(file, document, tuple(sorted(facts, key=lambda one: one[0])), zone)


def _facts(
    document: Document, path: tuple[str | int, ...], given: Mapping[str, Any], problems: list[YamlProblem]
) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for name, value in given.items():
        if name not in _FACTS:
            said = unknown(name, tuple(FACT_HELP), "as a fact")
            problems.append(document.problem((*path, name), said, at_key=True))
            continue
        field = _FACTS[name]
        usual = getattr(Facts(), field)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if field.endswith("_milli") and number:
            facts[field] = round(value * 1000)
        elif isinstance(usual, tuple) and isinstance(value, list):
            facts[field] = tuple(map(str, value))
        elif type(value) is type(usual) and (name != "severity" or value in SEVERITIES):
            facts[field] = value
        else:
            problems.append(document.problem((*path, name), f"`{name}` is {FACT_HELP[name]}; {value!r} is not that"))
    return facts


def _offset(start: str) -> str:
    """The offset that an instant was written with.

    >>> _offset("2027-03-28T01:30:00+01:00"), _offset("2027-03-28T01:30:00Z")
    ('+01:00', '+00:00')
    """
    tail = start.strip()[-6:]
    return tail if tail[0] in "+-" and tail[3:4] == ":" else "+00:00"


def wall_clock(at_ms: int, zone: str) -> datetime:
    """The wall clock in a zone, or at an offset from UTC as `+01:00`. Raises `ValueError` for an unknown zone."""
    if zone[0] in "+-":
        sign = -1 if zone[0] == "-" else 1
        offset = timezone(sign * timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6])))
        return local(at_ms, "UTC").astimezone(offset)
    return local(at_ms, zone)
