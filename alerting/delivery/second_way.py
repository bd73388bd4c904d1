"""The second way: whoever a page does not get through to is tried by the next way they have. Looks and decides; sends
nothing, and keeps nothing but rows of the outbox. EDGE.

Whether somebody of a decision needs another way follows from its rows alone, so that a crash at any instant forgets
nothing and doubles nothing: the next look sees the same rows and comes to the same page ids.
"""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import msgspec

from alerting.delivery.outbox import UNSETTLED, OutboxRow, page_id
from alerting.delivery.slack import is_shared, mention_of
from alerting.delivery.ways import THREADED, Address
from alerting.flowchart.reached import NEXT_WAY_MS

SECOND_WAY_MS = NEXT_WAY_MS
"""So long after it was due, a page that is not known to have arrived goes by another way too."""

CHANNEL_CLOSED = frozenset(
    {
        *("not_in_channel", "channel_not_found", "is_archived", "no_card", "restricted_action_read_only_channel"),
        *("restricted_action", "restricted_action_thread_only_channel", "cannot_reply_to_message", "thread_locked"),
    }
)
"""What is wrong with one channel alone: the same people may still be reached in person, on the same way."""

NAMES = {"slack": "Slack", "email": "e-mail", "phone": "telephone", "pagerduty": "PagerDuty", "webhook": "the webhook"}


class Trouble(NamedTuple):
    """What an operator should know of: a way failed somebody. Holds no address and nothing that came from outside."""

    became: Literal["second_way", "refused", "lost", "silent", "back"]
    """They are told by another way (`way`); a page was refused for good; no way reaches anybody of that page. Of a way
    itself, with no incident: it answers nothing, since the time in `detail`; it answers again.
    """
    incident: str
    way: str
    responders: tuple[str, ...]
    detail: str


class Verdict(NamedTuple):
    """What is to be done about the people of one decision."""

    rows: tuple[OutboxRow, ...] = ()
    """Pages by another way."""
    forward: tuple[str, ...] = ()
    """Pages planned for later that are wanted now."""
    lost: tuple[str, ...] = ()
    """Whom no way has reached, and who have no other."""
    hope: bool = False
    """Somebody was reached, or may yet be."""


def is_overdue(row: OutboxRow, now_ms: int, wait_ms: int = SECOND_WAY_MS) -> bool:
    """Whether a page has waited so long that its people must be told otherwise."""
    if row.state not in UNSETTLED or row.is_later(now_ms):
        return False
    return not 0 <= now_ms - row.wanted_ms < wait_ms  # less than nothing: the clock has gone back


def verdict(
    rows: Sequence[OutboxRow],
    addresses: Callable[[str], Sequence[Address]],
    now_ms: int,
    wait_ms: int = SECOND_WAY_MS,
) -> Verdict:
    """What is to be done about the people of a decision. `rows` are its pages; `addresses` all that somebody has, in
    the order in which they are tried.
    """
    wanted: dict[str, OutboxRow] = {}
    people: dict[str, list[tuple[str, OutboxRow]]] = {}
    forward: list[str] = []
    lost: list[str] = []
    hope = False
    for name in dict.fromkeys(name for row in rows for name in row.responders):
        ways = addresses(name)
        mine = _told(name, ways, rows)
        if any(not _is_in_trouble(row, now_ms, wait_ms) and not row.is_later(now_ms) for row in mine):
            hope = True
            continue
        trouble = [row for row in mine if not row.is_later(now_ms)]
        if not trouble:
            hope = True
            continue
        later = [row for row in mine if row.is_later(now_ms)]
        other = None if later else _next(ways, mine, {(row.way, row.to) for row in rows})
        if later:
            forward.append(min(later, key=lambda row: (row.wanted_ms, row.seq)).page_id)
        elif other is not None:
            row = _instead(trouble[0], other, now_ms)
            wanted.setdefault(row.page_id, row)
            people.setdefault(row.page_id, []).append((name, row))
        else:
            lost.append(name)
        hope = hope or bool(later) or other is not None
    made = tuple(
        msgspec.structs.replace(row, responders=tuple(name for name, _ in people[row.page_id]))
        for row in wanted.values()
    )
    return Verdict(made, tuple(dict.fromkeys(forward)), tuple(lost), hope)


def _told(name: str, ways: Sequence[Address], rows: Sequence[OutboxRow]) -> list[OutboxRow]:
    """The pages that tell somebody. What was posted where everybody reads along, and names them not, counts only where
    nothing tells them in person.
    """
    places = [(one.way, one.to) for one in ways]
    theirs = [row for row in rows if name in row.responders or (row.way, row.to) in places]
    in_person = [
        row
        for row in theirs
        if row.way != "slack"
        or not is_shared(row.lane or row.to)
        or any(("slack", to) in places for to in row.mentions)
    ]
    return in_person or theirs


def _is_in_trouble(row: OutboxRow, now_ms: int, wait_ms: int) -> bool:
    return row.state == "failed" or is_overdue(row, now_ms, wait_ms)


def _next(ways: Sequence[Address], mine: Sequence[OutboxRow], tried: set[tuple[str, str]]) -> Address | None:
    """The next address of somebody: on a way that has not failed them, or in person where only the channel has. Where
    everybody reads along comes last: a message there that names nobody wakes nobody.
    """
    stuck = {row.way for row in mine if row.state != "failed" or row.detail not in CHANNEL_CLOSED}
    closed = {row.way for row in mine} - stuck
    for one in sorted(ways, key=lambda one: one.way in THREADED and is_shared(one.to)):
        in_person = one.way in closed and mention_of(one.to).startswith("<@")
        if (one.way, one.to) not in tried and one.way not in stuck and (one.way not in closed or in_person):
            return one
    return None


def _instead(row: OutboxRow, other: Address, now_ms: int) -> OutboxRow:
    why = {"failed": "refused this page", "unknown": "did not say whether it took this page"}
    because = f"{NAMES.get(row.way, row.way)} {why.get(row.state, 'could not be reached')}"
    because = because[0].upper() + because[1:]
    return OutboxRow(
        page_id=page_id(row.key, other.way, other.to),
        brand=row.brand,
        incident=row.incident,
        key=row.key,
        way=other.way,
        to=other.to,
        lane=other.to,
        kind="page",
        severity=row.severity,
        wakes=row.wakes,
        called=row.called,
        responders=row.responders,
        line=f"{row.line} {because}, so it comes this way too.",
        wanted_ms=now_ms,
        instead_of=row.page_id,
        detail=f"instead of {row.way}: {row.detail or row.state}",
    )
