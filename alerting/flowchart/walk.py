"""Walks an incident through a flowchart: which people are told, in what order, and when the next one is due.

Pure and on virtual time: every call takes a walk and gives a new one with the effects wanted, and the walk is plain
data between calls. Whoever calls resumes it when `due_ms` has passed. A walk cannot fail silently: where the chart has
no answer (a condition fails, a scenario has no entry, nobody is on call on the last rung) its last resort is paged.

`rosters` says who is on call: a page names whoever is on call at its own instant.
"""

from alerting.facts import Facts
from alerting.flowchart.ahead import pages_ahead
from alerting.flowchart.conditions import ConditionFailed
from alerting.flowchart.effects import (
    Approved,
    AskPeople,
    BriefPeople,
    CallIn,
    Effect,
    EndWalk,
    NotifyPeople,
    OfferStatement,
    OpenRoom,
    PagePeople,
    Vacant,
)
from alerting.flowchart.model import Ask, Chart, Page, Rosters, Statement, Wait, duration_text
from alerting.flowchart.walker import LOOK_AGAIN_MS, MAX_PATH, Step, Walk, Walker, approved_effect
from stream.codec import copy_of

__all__ = [
    "LOOK_AGAIN_MS",
    "MAX_PATH",
    "Approved",
    "AskPeople",
    "BriefPeople",
    "CallIn",
    "Effect",
    "EndWalk",
    "NotifyPeople",
    "OfferStatement",
    "OpenRoom",
    "PagePeople",
    "Step",
    "Vacant",
    "Walk",
    "acknowledged",
    "answered",
    "approved",
    "begin",
    "drafted",
    "escalated",
    "next_page",
    "resume",
]


def begin(
    chart: Chart, entry: str, facts: Facts, at_ms: int, *, rosters: Rosters | None = None
) -> tuple[Walk, list[Effect]]:
    """Start at the entry of a scenario. A scenario without an entry goes to the last resort."""
    walker = Walker(chart, Walk(chart=chart.digest, node="", entered_ms=at_ms), facts, at_ms, rosters)
    if entry not in chart.entry:
        return walker.walk, walker.last_resort(f"the flowchart has no entry for the scenario {entry}")
    return walker.walk, walker.go(chart.entry[entry])


def resume(
    chart: Chart, walk: Walk, facts: Facts, at_ms: int, *, rosters: Rosters | None = None
) -> tuple[Walk, list[Effect]]:
    """Go on if it is time: nobody acknowledged, answered or approved, or a wait is over or its condition now holds.

    Asked too early nothing happens, save that `until` is looked at. Raises `ValueError` for a walk of another chart.
    """
    walker = _walker(chart, walk, facts, at_ms, rosters)
    walk = walker.walk
    if walk.done:
        return walk, []
    node = chart.nodes.get(walk.node)
    if isinstance(node, Wait):
        return walk, _waited(walker, node)
    if not walk.due_ms or at_ms < walk.due_ms:
        return walk, []
    if isinstance(node, Page) and node.if_not_acknowledged is not None:
        within = duration_text(node.acknowledge_within or 0)
        missing = f"{', '.join(walk.awaits)} did not acknowledge" if walk.awaits else "nobody acknowledged"
        walker.step(f"{missing} in {within}")
        return walk, walker.next_rung(node.if_not_acknowledged)
    if isinstance(node, Ask):
        walker.step(f"nobody answered in {duration_text(node.within)}")
        return walk, walker.go(node.if_no_answer)
    if isinstance(node, Statement):
        walker.step(f"nobody approved in {duration_text(node.within)}")
        return walk, walker.go(node.if_not_approved)
    return walk, []


def acknowledged(
    chart: Chart, walk: Walk, facts: Facts, at_ms: int, *, who: str = "", rosters: Rosters | None = None
) -> tuple[Walk, list[Effect]]:
    """Somebody has taken it: the page's `then`, and nobody is paged any more on this walk, only notified.

    Where everyone must acknowledge, and `who` is given, the walk stays until the last of them has; `Walk.acknowledged`
    says which it was. Raises `ValueError` for a walk of another chart.
    """
    walker = _walker(chart, walk, facts, at_ms, rosters)
    walk = walker.walk
    if walk.acknowledged:
        return walk, []
    node = chart.nodes.get(walk.node)
    if walk.awaits and who and isinstance(node, Page) and not walk.done:
        left = [person for person in walk.awaits if person != who]
        if left:
            if left != walk.awaits:
                walker.step(f"{who} acknowledged; still to come: {', '.join(left)}")
            walk.awaits = left
            return walk, []
    walk.acknowledged = True
    walk.awaits = []
    walker.step("acknowledged")
    if walk.done or not isinstance(node, Page):
        return walk, []
    return walk, walker.go(node.then)


def escalated(
    chart: Chart, walk: Walk, facts: Facts, at_ms: int, words: str, *, rosters: Rosters | None = None
) -> tuple[Walk, list[Effect]]:
    """The next rung at once, whatever the timer or an acknowledgement says: a person asked for it, or a page cannot be
    delivered. Where the last page has no next rung, the last resort is paged.

    Raises `ValueError` for a walk of another chart.
    """
    walker = _walker(chart, walk, facts, at_ms, rosters)
    walk = walker.walk
    walk.acknowledged = False
    walk.done = False
    node = chart.nodes.get(walk.page_node)
    if isinstance(node, Page) and node.if_not_acknowledged is not None:
        walker.step(words)
        return walk, walker.next_rung(node.if_not_acknowledged)
    return walk, walker.last_resort(words)


def answered(
    chart: Chart,
    walk: Walk,
    facts: Facts,
    at_ms: int,
    *,
    node: str,
    choice: str,
    who: str,
    rosters: Rosters | None = None,
) -> tuple[Walk, list[Effect]]:
    """A person answered the question that `node` asks. Nothing happens where it no longer waits for that, where `who`
    was not asked or `choice` is none of its answers: the first answer counts, and the same twice is one.

    Raises `ValueError` for a walk of another chart.
    """
    walker = _walker(chart, walk, facts, at_ms, rosters)
    walk = walker.walk
    asking = chart.nodes.get(node)
    if walk.done or walk.node != node or not isinstance(asking, Ask):
        return walk, []
    if who not in walk.may or choice not in asking.answers:
        return walk, []
    walk.answers[chart.local_name(node)] = choice
    walker.step(f"{asking.ask} {choice}, said {who}")
    return walk, walker.go(asking.answers[choice])


def approved(
    chart: Chart, walk: Walk, facts: Facts, at_ms: int, *, node: str, who: str, rosters: Rosters | None = None
) -> tuple[Walk, list[Effect]]:
    """A person approved the statement that `node` offers: it may be copied. Its author, and whoever was not asked,
    cannot: then nothing happens.

    Raises `ValueError` for a walk of another chart.
    """
    walker = _walker(chart, walk, facts, at_ms, rosters)
    walk = walker.walk
    offered = chart.nodes.get(node)
    if walk.done or walk.node != node or not isinstance(offered, Statement) or who not in walk.may:
        return walk, []
    walker.step(f"{who} approved {offered.statement}")
    walker.effects.append(approved_effect(chart, walk, offered, who))
    return walk, walker.go(offered.then)


def drafted(
    chart: Chart, walk: Walk, facts: Facts, at_ms: int, *, node: str, who: str, may: tuple[str, ...]
) -> Walk | None:
    """A person changed the words of the statement that `node` offers: from now on one of `may` must approve it, by the
    same moment as before. `None` where the walk no longer waits for that.

    Raises `ValueError` for a walk of another chart.
    """
    walker = _walker(chart, walk, facts, at_ms, None)
    walk = walker.walk
    offered = chart.nodes.get(node)
    if walk.done or walk.node != node or not isinstance(offered, Statement):
        return None
    walker.step(f"{who} changed {offered.statement}, to be approved by {', '.join(may)}")
    walk.may = list(may)
    return walk


def next_page(chart: Chart, walk: Walk, rosters: Rosters | None = None) -> tuple[tuple[str, ...], int] | None:
    """Who is paged next if nobody acknowledges, and at the earliest when; `None` if nobody is.

    Questions on the way are not asked: whoever could be next on either branch is named.
    """
    node = chart.nodes.get(walk.node)
    if walk.done or walk.acknowledged:
        return None
    ahead = None
    if isinstance(node, Page):
        ahead = pages_ahead(chart, node.if_not_acknowledged, walk.due_ms)
    elif isinstance(node, Ask):
        ahead = pages_ahead(chart, node.if_no_answer, walk.due_ms)
    elif isinstance(node, Statement):
        ahead = pages_ahead(chart, node.if_not_approved, walk.due_ms)
    elif isinstance(node, Wait):
        soonest_ms = walk.due_ms if node.until is not None else walk.entered_ms + (node.wait or 0)
        ahead = pages_ahead(chart, node.then, soonest_ms)
    return (chart.on_call(ahead[0], ahead[1], rosters), ahead[1]) if ahead else None


def _walker(chart: Chart, walk: Walk, facts: Facts, at_ms: int, rosters: Rosters | None) -> Walker:
    if walk.chart != chart.digest:
        raise ValueError(f"this walk began on chart {walk.chart[:12]}, not on {chart.digest[:12]}")
    return Walker(chart, copy_of(walk), facts, at_ms, rosters)


def _waited(walker: Walker, node: Wait) -> list[Effect]:
    walk = walker.walk
    until = walker.chart.conditions.get((walk.node, "until"))
    try:
        held = until is not None and walker.holds(until)
        words = walker.figures(until) if until is not None and held else ""
    except ConditionFailed as failed:
        return walker.last_resort(str(failed))
    over = node.wait is not None and walker.at_ms >= walk.entered_ms + node.wait
    if held or over:
        walker.step(f"waited until {words}" if held else f"waited {duration_text(node.wait or 0)}")
        return walker.go(node.then)
    if walk.due_ms and walker.at_ms >= walk.due_ms:
        walk.due_ms = walker.look_again_ms(node)
    return []
