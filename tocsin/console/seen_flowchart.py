"""The flowchart as its owner reads it: what is in force, whether the file is in order, each node in words. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from alerting.flowchart.model import Chart, Question, Role
from alerting.flowchart.picture import panels_of
from alerting.flowchart.sheet import Sheet, drawn_name, kicker, kind_of, label, sheet_of, words_of
from alerting.quiet import Silence
from alerting.roster import Roster
from tocsin.console.own_words import own_line, own_lines
from tocsin.console.seen_roster import PersonSeen, RotaSeen, people_seen

FileState = Literal["in_force", "waiting", "bad", "missing"]
"""The file is what is in force; it is in order and will be taken within a minute; it is refused; it cannot be read."""
PROBLEMS_SHOWN = 200


class ProblemSeen(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that `tocsin flowchart check` says."""

    line: int
    """0: of no line."""
    column: int
    words: str
    excerpt: str = ""
    """The line as it stands in the file; empty where it may hold an address that is a secret."""


class FileSeen(msgspec.Struct, frozen=True, kw_only=True):
    """The flowchart's file as it is now on the disk."""

    name: str
    state: FileState
    version: str = ""
    """The beginning of its digest; empty where it cannot be read."""
    problems: tuple[ProblemSeen, ...] = ()
    """Why it is refused, or what in it is not as it should be though it runs."""
    warnings: tuple[ProblemSeen, ...] = ()
    """What is odd in it."""


class WaySeen(msgspec.Struct, frozen=True):
    """A way out of a node."""

    label: str
    to: str
    """The node that it leads to."""
    words: str
    """What that node says."""


class NodeSeen(msgspec.Struct, frozen=True, kw_only=True):
    """One node in words."""

    name: str
    kind: str
    words: tuple[str, ...]
    when: str = ""
    """A question's condition, as it is written."""
    say: str = ""
    """What those are told to do whom it tells."""
    ways: tuple[WaySeen, ...] = ()
    walked: bool = False
    """Whether an example walk comes through it."""
    last_ms: int = 0
    """When it last told somebody in earnest (0: never, or not known)."""


class PanelSeen(msgspec.Struct, frozen=True):
    """The nodes of one scenario, of a sub-chart, or those that scenarios share."""

    title: str
    nodes: tuple[NodeSeen, ...]


class RoleSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A job in a crisis, and who does it now."""

    role: str
    description: str
    roster: str = ""
    now: tuple[PersonSeen, ...] = ()
    until_ms: int | None = None
    after: tuple[PersonSeen, ...] = ()
    timezone: str = "UTC"
    brands: tuple[tuple[str, PersonSeen], ...] = ()
    """Brands for which somebody of their own does it."""


class WalksSeen(msgspec.Struct, frozen=True, kw_only=True):
    """What the example walks beside the chart come through."""

    walks: int
    failed: tuple[str, ...] = ()
    """Those that end otherwise than they say."""
    nodes: int = 0
    of_nodes: int = 0
    ways: int = 0
    of_ways: int = 0
    missing: tuple[str, ...] = ()
    problem: str = ""
    """Why they could not be walked."""
    nodes_walked: frozenset[str] = frozenset()
    """By the names of the sheet."""


class SilenceSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A silence that somebody asked for."""

    id: str
    brand: str
    until_ms: int
    timezone: str
    who: str
    reason: str
    scenario: str = ""
    incident: str = ""
    severity_at_most: str = "high"


class FlowchartSeen(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the page of the flowchart shows."""

    at_ms: int
    timezone: str
    owner: str
    version: str
    """The beginning of the digest of the one in force."""
    since_ms: int
    """When it took the place of another; 0: it was in force when this process began."""
    began_ms: int
    """When this process began to go by a flowchart."""
    file: FileSeen
    panels: tuple[PanelSeen, ...]
    roles: tuple[RoleSeen, ...]
    rotas: tuple[RotaSeen, ...]
    walks: WalksSeen | None = None
    """`None`: there are none beside the chart."""
    silences: tuple[SilenceSeen, ...] = ()

    @property
    def nodes(self) -> int:
        """How many it has, as it is written."""
        return sum(len(panel.nodes) for panel in self.panels)


def panels_seen(
    chart: Chart, *, walked: frozenset[str] = frozenset(), last_ms: Mapping[str, int] | None = None
) -> tuple[PanelSeen, ...]:
    """The chart's nodes in words, panel by panel as the drawing has them.

    `walked` and `last_ms` go by the names of the sheet: which nodes an example walk comes through, and when each last
    told somebody.
    """
    sheet = sheet_of(chart)
    return tuple(
        PanelSeen(title, tuple(_node_seen(sheet, name, walked, last_ms or {}) for name in names))
        for title, names in panels_of(sheet)
    )


def _node_seen(sheet: Sheet, name: str, walked: frozenset[str], last_ms: Mapping[str, int]) -> NodeSeen:
    node = sheet.nodes[name]
    return NodeSeen(
        name=name,
        kind=kind_of(node),
        words=_said(sheet, name),
        when=node.when if isinstance(node, Question) else "",
        say=own_lines(getattr(node, "say", None) or ""),
        ways=tuple(
            WaySeen(own_line(label(node, key), 60), target, " ".join(_said(sheet, target)))
            for key, target in sheet.ways(name)
        ),
        walked=name in walked,
        last_ms=last_ms.get(name, 0),
    )


def _said(sheet: Sheet, name: str) -> tuple[str, ...]:
    node = sheet.nodes[name]
    head = kicker(kind_of(node))
    words = [own_line(words, 300) for words in words_of(node) if words]
    return (f"{head} {words[0]}".strip() if words else head, *words[1:])


def in_sheet(chart: Chart, nodes: Iterable[str]) -> frozenset[str]:
    """These nodes of a chart by the names of its sheet; what it has not, because another version had it, is left out.

    A call that was walked through is a node of the sheet too.
    """
    known = [node for node in nodes if node in chart.origin]
    calls = {node.partition("/")[0] for node in known if "/" in node}
    return frozenset(drawn_name(chart, node) for node in known) | (calls & set(chart.written.nodes))


def roles_seen(
    chart: Chart, rosters: Mapping[str, Roster], at_ms: int, own: Mapping[str, Mapping[str, str]]
) -> tuple[RoleSeen, ...]:
    """Who does which job now. `own` has the people whom brands have of their own, by brand and role."""
    return tuple(_role_seen(chart, name, role, rosters, at_ms, own) for name, role in chart.roles.items())


def _role_seen(  # noqa: PLR0917 - a role, and all that decides who has it
    chart: Chart, name: str, role: Role, rosters: Mapping[str, Roster], at_ms: int, own: Mapping[str, Mapping[str, str]]
) -> RoleSeen:
    rota = rosters.get(role.roster or "")
    change_ms = rota.next_change_ms(at_ms) if rota is not None else None
    return RoleSeen(
        role=name,
        description=own_line(role.description, 200),
        roster=role.roster or "",
        now=people_seen(chart, chart.people([name], at_ms, rosters)),
        until_ms=change_ms,
        after=people_seen(chart, rota.on_call(change_ms)) if rota is not None and change_ms is not None else (),
        timezone=rota.timezone if rota is not None else "UTC",
        brands=tuple(
            (brand, people_seen(chart, (duties[name],))[0]) for brand, duties in sorted(own.items()) if name in duties
        ),
    )


def silence_seen(silence: Silence, timezone: str) -> SilenceSeen:
    """A silence as it is shown. Inert: a person wrote its reason."""
    return SilenceSeen(
        id=silence.id,
        brand=silence.brand,
        until_ms=silence.until_ms,
        timezone=timezone,
        who=own_line(silence.who, 60),
        reason=own_lines(silence.reason, 300),
        scenario=silence.scenario,
        incident=silence.incident,
        severity_at_most=silence.severity_at_most,
    )


def problems_seen(problems: Sequence[tuple[int, int, str]], lines: Sequence[str]) -> tuple[ProblemSeen, ...]:
    """Problems as `(line, column, words)`, each with the line of the file that it is about."""
    return tuple(
        ProblemSeen(line=line, column=column, words=own_lines(words), excerpt=_excerpt(line, lines))
        for line, column, words in problems[:PROBLEMS_SHOWN]
    )


def _excerpt(line: int, lines: Sequence[str]) -> str:
    """The line itself; nothing where it may hold an address, which is mostly a secret."""
    if not 1 <= line <= len(lines) or "://" in lines[line - 1]:
        return ""
    return own_line(lines[line - 1], 200)
