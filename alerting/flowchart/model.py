"""The words of a crisis flowchart, as it is written in `crisis_flowchart.yaml`.

What scenarios share is written once under `subcharts` and called. A chart that was read holds every call unfolded: the
nodes of sub-chart `ladder` called by node `lead` are there as `lead/wake_pr` and so on, so that whoever walks, checks,
proves or draws a chart sees one plain graph.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal, NamedTuple, Protocol

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from alerting.facts import BLIND, SCENARIOS
from alerting.flowchart.conditions import Condition
from alerting.flowchart.fields import (
    WAYS,
    Cel,
    Day,
    Duration,
    HookAddress,
    MailAddress,
    Name,
    PhoneNumber,
    Section,
    ServiceName,
    SlackAddress,
    Targets,
    WayName,
    Ways,
    Words,
    duration_ms,
    duration_text,
)
from alerting.flowchart.nodes import (
    KINDS,
    MAX_REPEATS,
    Ask,
    Brief,
    Call,
    End,
    Enter,
    Escalate,
    Leave,
    Mobilise,
    Node,
    Notify,
    OpenChannel,
    Page,
    Question,
    Repeat,
    Statement,
    SubChart,
    TaggedNode,
    Wait,
    WrittenNode,
    told,
    ways_out,
)
from alerting.quiet import Quiet
from alerting.roster_spec import RosterSpec
from alerting.sla import AckExpiry, Promises
from stream.strict_yaml import Document, Path

__all__ = [
    "KINDS",
    "MAX_REPEATS",
    "REQUIRED_ENTRIES",
    "Always",
    "Ask",
    "Brief",
    "Call",
    "Chart",
    "Duration",
    "End",
    "Enter",
    "Escalate",
    "Leave",
    "Mobilise",
    "Name",
    "Node",
    "Notify",
    "OnCall",
    "OpenChannel",
    "Page",
    "Question",
    "Reach",
    "Repeat",
    "Responder",
    "Role",
    "Rosters",
    "Section",
    "SeverityRow",
    "Statement",
    "SubChart",
    "Targets",
    "Template",
    "Wait",
    "Ways",
    "Words",
    "Written",
    "WrittenNode",
    "duration_ms",
    "duration_text",
    "named",
    "told",
    "ways_out",
]

REQUIRED_ENTRIES = (*SCENARIOS, BLIND)

INITIALS = ("pr", "it", "hr", "ceo", "cto", "cfo")
"""Written in capitals where a role's name is read."""
_LANGUAGE = re.compile(r"[a-z]{2}")


class Reach(Section):
    """One way to wake somebody, and how long after the page it is taken if nobody has acknowledged by then."""

    by: WayName
    after: Duration | None = None

    @property
    def after_ms(self) -> int:
        """The delay in milliseconds; 0: at once."""
        return self.after or 0


class Responder(Section):
    """A person, a channel or a user group that can be told something.

    `reach` is the order in which this responder wants to be woken, whatever a page's `by` says; ways that it leaves out
    are taken only when these fail.
    """

    name: Words
    title: str = ""
    department: str = ""
    slack: SlackAddress | None = None
    email: MailAddress | None = None
    phone: PhoneNumber | None = None
    webhook: HookAddress | None = None
    pagerduty: ServiceName | None = None
    reach: Annotated[tuple[Reach, ...], Field(max_length=len(WAYS))] = ()
    review_by: Day | None = None

    @property
    def ways(self) -> tuple[str, ...]:
        """Ways in which this responder can be reached."""
        return tuple(way for way in WAYS if getattr(self, way))

    def delay_ms(self, way: str) -> int | None:
        """How long after a page this way is taken, by the order of the responder's own; `None` where it is not in it.

        >>> anna = Responder(name="Anna", slack="U0ANNA", phone="+31 20 555 0101",
        ...                  reach=[{"by": "slack"}, {"by": "phone", "after": "2m"}])
        >>> anna.delay_ms("slack"), anna.delay_ms("phone"), anna.delay_ms("email")
        (0, 120000, None)
        """
        return next((one.after_ms for one in self.reach if one.by == way), None)

    @property
    def is_person(self) -> bool:
        """Somebody who can answer: no channel and no user group."""
        return not (self.slack or "").startswith(("C", "G", "S", "#"))


class Role(Section):
    """A job in a crisis, and who does it: always the same people, or whoever a roster has on call."""

    description: str = ""
    people: Targets = ()
    roster: Name | None = None


TrueOrCel = Annotated[
    Cel,
    BeforeValidator(lambda value: "true" if value is True else value),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"const": True}]}),
]


class SeverityRow(Section):
    """One row of the severity table: the first that holds decides. The last one is `when: true`."""

    severity: Literal["low", "medium", "high", "critical"]
    when: TrueOrCel
    words: Words


StatementText = Annotated[str, Field(min_length=1, max_length=1000)]


class Template(Section):
    """A holding statement in each of its languages: `en: "..."`, `nl: "..."`, with `{brand}` where the brand stands."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, StatementText] = Field(init=False)
    owner: Words | None = None
    review_by: Day | None = None

    @model_validator(mode="after")
    def _in_languages(self) -> "Template":
        for key in self.texts:
            if not _LANGUAGE.fullmatch(key):
                raise ValueError(f"`{key}` is no language; allowed: two small letters as en or nl, owner, review_by")
        if not self.texts:
            raise ValueError('a statement has no text; add one by its language, as en: "..."')
        return self

    @property
    def texts(self) -> dict[str, str]:
        """The text per language, in the order of the file."""
        return self.__pydantic_extra__


class Written(Section):
    """A whole flowchart file."""

    version: Literal[1]
    owner: Words
    review_by: Day | None = None
    last_resort: Targets
    responders: dict[Name, Responder] = Field(max_length=500)
    roles: dict[Name, Role] = Field(default={}, max_length=200)
    rosters: dict[Name, RosterSpec] = Field(default={}, max_length=100)
    severity: tuple[SeverityRow, ...] = Field(default=(), max_length=50)
    entry: dict[Name, str] = Field(max_length=100)
    nodes: dict[Name, TaggedNode] = Field(min_length=1, max_length=500)
    subcharts: dict[Name, SubChart] = Field(default={}, max_length=50)
    statements: dict[Name, Template] = Field(default={}, max_length=100)
    promise_pages: dict[Literal["low", "medium", "high", "critical"], Duration] = Field(default={})
    """Within what time of a walk's beginning a person must be paged, by severity: what `prove` proves."""
    promise_pages_despite_a_fault: Duration = 900_000
    """The same with one person out of reach; at critical also with Slack down."""
    promises: Promises | None = None
    quiet: Quiet = Quiet()
    acknowledgement_expires: AckExpiry = AckExpiry()
    advice: dict[Name, Words] = Field(default={}, max_length=100)


class OnCall(Protocol):
    """Who is on call, as a roster knows it (see `alerting.roster.Roster`)."""

    def on_call(self, at_ms: int) -> tuple[str, ...]:
        """The responders on call at an instant."""


Rosters = Mapping[str, OnCall]
"""Rosters by their name in the chart; and under `@role` who has a role for one brand, whatever the chart says."""


class Always(NamedTuple):
    """The same people at every instant: who has a role for one brand.

    >>> Always(("hana",)).on_call(0)
    ('hana',)
    """

    people: tuple[str, ...]

    def on_call(self, _at_ms: int) -> tuple[str, ...]:
        """These."""
        return self.people


@dataclass(frozen=True)
class Chart:
    """A flowchart that was read: what is written, calls unfolded, conditions compiled, and where each word stands."""

    written: Written
    document: Document
    digest: str
    """SHA-256 of the file's text: a walk names the chart it walks by it."""
    nodes: dict[str, Node]
    """All nodes as they are walked, in the order of the file; those of a sub-chart once for each call of it."""
    origin: dict[str, Path]
    """Per node where it is written, as ("nodes", name) or ("subcharts", sub, "nodes", name)."""
    conditions: dict[tuple[str, str], Condition] = field(repr=False)
    """By node and key (`when`, `until`)."""
    severity_table: tuple[tuple[str, Condition, str], ...] = field(default=(), repr=False)
    """Severity, condition and words of each row, as written."""

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
    def promises(self) -> Promises | None:
        """What the public was promised; `None` where nothing was."""
        return self.written.promises

    @property
    def quiet(self) -> Quiet:
        """When nobody is told."""
        return self.written.quiet

    @property
    def roles(self) -> dict[str, Role]:
        """Jobs, and who does them."""
        return self.written.roles

    @property
    def entry(self) -> dict[str, str]:
        """The first node per scenario."""
        return self.written.entry

    def local_name(self, node: str) -> str:
        """A node's name as it is written, without the calls that led to it."""
        return str(self.origin[node][-1])

    def says(self, node: str) -> str:
        """What those are told to do whom a node pages or notifies, as written; "" where it says nothing of it."""
        found = self.nodes.get(node)
        return (found.say or "") if isinstance(found, (Page, Notify)) else ""

    def name_of(self, target: str) -> str:
        """Who is meant by a responder or a role, for people to read; whoever is unknown as written, with spaces.

        Of a role that a roster fills nobody is named here: who is on call changes.
        """
        if target in self.responders:
            return self.responders[target].name
        parts = target.removeprefix("@").split("_")
        words = " ".join(part.upper() if part in INITIALS else part for part in parts)
        role = self.roles.get(target)
        if role is None:
            return words
        names = [self.responders[name].name for name in role.people if name in self.responders]
        return f"{words[:1].upper()}{words[1:]}" + (f" ({', '.join(names)})" if names and role.roster is None else "")

    def people(
        self, targets: tuple[str, ...] | list[str], at_ms: int | None = None, rosters: Rosters | None = None
    ) -> tuple[str, ...]:
        """The responders behind roles and responders, each once, in order. Unknown names are left out.

        With `at_ms`, of a role with a roster whoever is on call at that instant; without, all whom the chart names for
        it. A roster that is not among `rosters` is read as the chart writes it: all its people, rather than nobody.
        """
        found: dict[str, None] = {}
        for target in targets:
            for name in self._behind(target, at_ms, rosters or {}):
                if name in self.responders:
                    found[name] = None
        return tuple(found)

    def on_call(
        self, targets: tuple[str, ...] | list[str], at_ms: int, rosters: Rosters | None = None
    ) -> tuple[str, ...]:
        """The targets with whoever is on call in place of each role that has a roster, each once, in order."""
        found: dict[str, None] = {}
        for target in targets:
            role = self.roles.get(target)
            varies = role is not None and (role.roster is not None or f"@{target}" in (rosters or {}))
            for name in self.people((target,), at_ms, rosters) if varies else (target,):
                found[name] = None
        return tuple(found)

    def _behind(self, target: str, at_ms: int | None, rosters: Rosters) -> tuple[str, ...]:
        role = self.roles.get(target)
        if role is not None and at_ms is not None and f"@{target}" in rosters:
            return rosters[f"@{target}"].on_call(at_ms)
        if role is not None and role.roster is not None and role.roster in rosters and at_ms is not None:
            return rosters[role.roster].on_call(at_ms)
        return named(self.written, target)


def named(written: Written, target: str) -> tuple[str, ...]:
    """All whom a chart itself names for a role or responder; of a roster everybody in it, whoever is on call."""
    role = written.roles.get(target)
    if role is None:
        return (target,)
    if role.roster is None:
        return role.people
    spec = written.rosters.get(role.roster)
    return tuple(dict.fromkeys(name for _, name in spec.people_named())) if spec is not None else ()
