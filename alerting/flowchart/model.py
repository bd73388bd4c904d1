"""The words of a crisis flowchart, as it is written in `crisis_flowchart.yaml`.

A node is of the kind of its first word: `question`, `page`, `notify`, `wait` or `end`. Keys are chosen so that a node
reads as a sentence: *page* pr_on_call, *acknowledge within* 10m, *if not acknowledged* page_head, *then* tell_others.
"""

import re
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    WithJsonSchema,
)

from alerting.facts import BLIND, SCENARIOS
from alerting.flowchart.conditions import Condition
from stream.strict_yaml import Document, described, did_you_mean

REQUIRED_ENTRIES = (*SCENARIOS, BLIND)

KINDS = ("question", "page", "notify", "wait", "end")

_DURATION = re.compile(r"([1-9][0-9]{0,5})(s|m|h|d)")
_UNIT_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
MAX_DURATION_MS = 30 * _UNIT_MS["d"]


def duration_ms(text: object) -> int:
    """A length of time in milliseconds.

    >>> duration_ms("90s"), duration_ms("2h")
    (90000, 7200000)

    Raises `ValueError` on anything but a whole number with s, m, h or d behind it, up to 30 days.
    """
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError(f"{described(text)} is not a length of time; write it as 90s, 10m, 2h or 1d")
    amount = int(found.group(1)) * _UNIT_MS[found.group(2)]
    if amount > MAX_DURATION_MS:
        raise ValueError(f"{described(text)} is too long; at most 30d is allowed")
    return amount


def duration_text(ms: int) -> str:
    """The inverse of `duration_ms`, in the largest unit that fits.

    >>> duration_text(7_200_000), duration_text(90_000)
    ('2h', '90s')
    """
    for unit in ("d", "h", "m"):
        if ms % _UNIT_MS[unit] == 0:
            return f"{ms // _UNIT_MS[unit]}{unit}"
    return f"{ms // 1000}s"


def _listed(value: Any) -> Any:
    """`page: anna` means `page: [anna]`."""
    return [value] if isinstance(value, str) else value


_SLACK = re.compile(r"[UWCGDS][A-Z0-9]{2,20}|[@#][\w.-]{1,80}")


def _slack(value: str) -> str:
    if not _SLACK.fullmatch(value):
        said = "a member id (U...), a channel id (C...), a user group id (S...), or @group or #channel in quotes"
        raise ValueError(f'"{value[:60]}" is no address in Slack; allowed: {said}')
    return value


Duration = Annotated[
    int,
    BeforeValidator(duration_ms),
    WithJsonSchema({"type": "string", "pattern": f"^{_DURATION.pattern}$", "examples": ["90s", "10m", "2h", "1d"]}),
]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=400)]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")]
Cel = Annotated[str, StringConstraints(strip_whitespace=True)]
Targets = Annotated[tuple[str, ...], BeforeValidator(_listed)]
# Ways in which a page or a notice is delivered; e-mail addresses and telephone numbers are for people to read.
Ways = Annotated[tuple[Literal["slack"], ...], BeforeValidator(_listed), Field(min_length=1)]
SlackAddress = Annotated[str, BeforeValidator(lambda value: _slack(value) if isinstance(value, str) else value)]


class _Written(BaseModel):
    """Whatever is written: nothing unknown passes, nothing is guessed, nothing changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False, str_max_length=1000)


class Responder(_Written):
    """A person, a channel or a user group that can be told something."""

    name: Words
    title: str = ""
    department: str = ""
    slack: SlackAddress | None = None
    email: str | None = Field(default=None, pattern=r"^[^@\s]+@[^@\s]+$")
    phone: str | None = Field(default=None, pattern=r"^\+?[0-9 ()./-]{3,30}$")


class Role(_Written):
    """A job in a crisis, and who does it."""

    description: str = ""
    people: Targets


class Question(_Written):
    """Asks the facts, and goes one of two ways."""

    question: Words
    when: Cel
    yes: str
    no: str


class Page(_Written):
    """Wakes people, and waits until one of them acknowledges.

    Nobody in time: on to `if_not_acknowledged`. Without that it is the last rung, and waits as long as it takes.
    """

    page: Targets
    say: Words | None = None
    by: Ways = ("slack",)
    acknowledge_within: Duration | None = None
    if_not_acknowledged: str | None = None
    then: str


class Notify(_Written):
    """Tells people, and goes on."""

    notify: Targets
    say: Words | None = None
    by: Ways = ("slack",)
    then: str


class Wait(_Written):
    """Lets time pass, up to `wait`, or until a condition holds, whichever comes first."""

    wait: Duration | None = None
    until: Cel | None = None
    then: str


class End(_Written):
    """Ends the walk, and says why."""

    end: Words


def _one_kind(value: Any) -> Any:
    """Says which words a node can begin with, where it has none of them or two."""
    if not isinstance(value, dict):
        return value
    kinds = [kind for kind in KINDS if kind in value]
    if len(kinds) > 1:
        raise ValueError(f"a node is one thing; this one has `{kinds[0]}` and `{kinds[1]}`: make two nodes of it")
    if not kinds and "until" not in value:
        near = next((said for key in value if (said := did_you_mean(str(key), KINDS))), "")
        raise ValueError(f"a node must have one of: {', '.join(KINDS)}{near}")
    return value


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        kind = next((kind for kind in KINDS if kind in value), "wait")
    else:
        kind = type(value).__name__.lower()
    return f"<{kind}>" if kind in KINDS else "<end>"


Node = Question | Page | Notify | Wait | End
_TaggedNode = Annotated[
    Annotated[
        Annotated[Question, Tag("<question>")]
        | Annotated[Page, Tag("<page>")]
        | Annotated[Notify, Tag("<notify>")]
        | Annotated[Wait, Tag("<wait>")]
        | Annotated[End, Tag("<end>")],
        Discriminator(_kind),
    ],
    BeforeValidator(_one_kind),
]


class Written(_Written):
    """A whole flowchart file."""

    version: Literal[1]
    owner: Words
    last_resort: Targets
    responders: dict[Name, Responder] = Field(max_length=500)
    roles: dict[Name, Role] = Field(default={}, max_length=200)
    entry: dict[Name, str] = Field(max_length=100)
    nodes: dict[Name, _TaggedNode] = Field(min_length=1, max_length=500)


@dataclass(frozen=True)
class Chart:
    """A flowchart that was read: what is written, its conditions compiled, and where each word stands."""

    written: Written
    document: Document
    digest: str
    """SHA-256 of the file's text: a walk names the chart it walks by it."""
    conditions: dict[tuple[str, str], Condition] = field(repr=False)
    """By node and key (`when`, `until`)."""

    @property
    def owner(self) -> str:
        """Who answers for this chart."""
        return self.written.owner

    @property
    def last_resort(self) -> tuple[str, ...]:
        """Who is paged when the chart itself fails."""
        return self.written.last_resort

    @property
    def responders(self) -> dict[str, Responder]:
        """Everybody who can be told something."""
        return self.written.responders

    @property
    def roles(self) -> dict[str, Role]:
        """Jobs, and who does them."""
        return self.written.roles

    @property
    def entry(self) -> dict[str, str]:
        """The first node per scenario."""
        return self.written.entry

    @property
    def nodes(self) -> dict[str, Node]:
        """All nodes, in the order of the file."""
        return self.written.nodes

    def people(self, targets: tuple[str, ...] | list[str]) -> tuple[str, ...]:
        """The responders behind roles and responders, each once, in order. Unknown names are left out."""
        found: dict[str, None] = {}
        for target in targets:
            role = self.roles.get(target)
            for name in role.people if role is not None else (target,):
                if name in self.responders:
                    found[name] = None
        return tuple(found)


def ways_out(node: Node) -> list[tuple[str, str]]:
    """Where a node can lead, as (key, node) in the order in which a reader meets them."""
    match node:
        case Question():
            return [("yes", node.yes), ("no", node.no)]
        case Page():
            late = node.if_not_acknowledged
            return [("then", node.then), *([("if_not_acknowledged", late)] if late is not None else [])]
        case Notify() | Wait():
            return [("then", node.then)]
        case End():
            return []


def told(node: Node) -> tuple[str, ...]:
    """Whom a node pages or notifies."""
    if isinstance(node, Page):
        return node.page
    return node.notify if isinstance(node, Notify) else ()
