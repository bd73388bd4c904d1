"""The fault matrix: each row with what is injected and what must come of it, and the tests that show it.

A test says `@row("F14")` and calls `fired()` once it has shown, by a counter, a ledger or an exit status, that its
fault happened. One that passes without having shown that is failed by `tests/conftest.py`: a fault that never fired
proves nothing. `TOCSIN_RESULTS=docs/results` keeps what a run showed, and `python -m tests.faults.table` makes
`docs/reliability.md` of it.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import pytest

Test = TypeVar("Test", bound=Callable[..., Any])


class Fault(NamedTuple):
    """A row: what is done to the service, and what must come of it."""

    injected: str
    outcome: str


FAULTS: dict[str, Fault] = {
    "F1": Fault(
        "`kill -9` at named points on both sides of every durable write",
        "back within 10 s; nothing lost, nothing doubled",
    ),
    "F2": Fault(
        "`kill -9` again while it gets up from the last one",
        "the same: to get up may be broken off at any time",
    ),
    "F3": Fault(
        "the broker is killed and stays away, in the middle of a crisis",
        "what is answered is kept, what cannot be kept is refused; no worker ends; all that waited is drained after",
    ),
    "F4": Fault(
        "no broker at the start, no topics, topics of another cut",
        "it waits, alive and not ready; what no waiting cures ends it at once, in plain words",
    ),
    "F5": Fault(
        "the broker comes back with nothing: every topic and every place is gone",
        "an alarm within 60 s; open incidents go on from their kept state, what was acknowledged wakes nobody; intake "
        "begins at the earliest, and what cannot be had again is listed",
    ),
    "F6": Fault(
        "Redis is gone in the middle of a crisis",
        "detection and delivery go on and say so; an acknowledgement is durable within a second",
    ),
    "F7": Fault(
        "Redis comes back empty, or as it was long before",
        "the state is had from memory, anchors and topics; nobody is paged again, no older state counts",
    ),
    "F8": Fault(
        "Slack asks for 30 s of patience (429) in a burst of 50 pages",
        "the gravest first, the order within an incident kept, each sent once",
    ),
    "F9": Fault(
        "Slack fails, hangs, resets, accepts and loses its reply, shows a message late",
        "one message; another way by +30 s",
    ),
    "F10": Fault(
        "a token is revoked, a channel archived or never joined",
        "no storm of attempts; another way within 60 s; the operator is told",
    ),
    "F11": Fault(
        "Slack is down for 30 minutes",
        "people are reached another way; one summary when it is back, no flood",
    ),
    "F12": Fault(
        "acknowledge pressed twice, by two people, after the close, on an old message, replayed",
        "the first wins, the others are told who; a replay is refused",
    ),
    "F13": Fault(
        "an acknowledgement in the millisecond of the escalation, in both orders",
        "exactly one of the two; nobody is paged after an acknowledgement that is on the disk",
    ),
    "F14": Fault(
        "the clock jumps an hour ahead, an hour back, in steps; a second comes twice, never or smeared; the machine is "
        "paused",
        "no rung early, none twice; what is overdue fires once",
    ),
    "F15": Fault(
        "clocks go forward and back, in two zones, within shifts",
        "exactly one person is on call at every instant, or the gap that was declared",
    ),
    "F16": Fault(
        "a connector sends everything again; many copy one text",
        "each id counts once; copies count, and are labelled",
    ),
    "F17": Fault(
        "posts out of order, late by minutes to 36 hours, from the future, from 1970",
        "each counts in its own time or in the nearest that may be; no clock of ours is moved",
    ),
    "F18": Fault(
        "poison: no JSON, 10 MB, 100,000 levels, NaN, lone surrogates, wrong types, any bytes",
        "a dead letter with its reason and a counter; what stands beside it is counted",
    ),
    "F19": Fault(
        "the disk is full, read-only, fails to write, fails to sync",
        "refused loudly (503), the heartbeat stops, nothing is torn; it goes on by itself with space",
    ),
    "F20": Fault(
        "power loss: whatever was not synced is gone",
        "at most what nobody was promised is lost; the chains hold",
    ),
    "F21": Fault(
        "workers join and leave every few seconds in the middle of an incident",
        "nothing is counted twice or left out, no page is lost or doubled",
    ),
    "F22": Fault(
        "a worker stands still until others have what was its, then goes on as if nothing were",
        "what it writes late counts for nothing, and what it would send is held back: one page",
    ),
    "F23": Fault(
        "a second process on the same data directory",
        "it refuses, with the number of the one that holds it; the first goes on",
    ),
    "F24": Fault(
        "the flowchart is replaced by a bad one, or by one without the step that an incident is in",
        "the one before runs on, the error names its line; an incident ends on the version on which it began",
    ),
    "F25": Fault(
        "a source falls silent at the peak of a crisis",
        "we say that we are blind there; the incident does not stand down",
    ),
    "F26": Fault(
        "what a source missed comes all at once: with its own times, or with fresh ones",
        "history counts as history, and a flood of it wakes nobody",
    ),
    "F27": Fault(
        "a past with a flood in it, or that slowly grows",
        "what is ordinary shifts little, and a crisis is still found",
    ),
    "F28": Fault(
        "500 new accounts with 20 templates; one account with 10,000 posts",
        "told as arranged, with its figures, never passed over; one voice wakes nobody",
    ),
    "F29": Fault(
        "a drill is left running, or held during a real crisis",
        "the drill says so everywhere; the real page never does, and they never merge",
    ),
    "F30": Fault(
        "the core stalls, the process stops for seconds, a sender is ten times too quick",
        "senders are told to wait, the lag is a metric, an acknowledgement takes at most a second",
    ),
    "F31": Fault(
        "a data directory of another version: older, and newer with fields that nobody knows",
        "it is read and goes on, or refused with the reason; the journal keeps what is unknown",
    ),
    "F32": Fault(
        "SIGTERM while a page is being sent",
        "it ends by itself within 10 s with status 0; the page is settled at the next start",
    ),
}

MUST = [f"F{n}" for n in (*range(1, 25), *range(29, 33))]
"""Rows without which no release is made."""

_fired = 0


def row(*numbers: str) -> Callable[[Test], Test]:
    """This test shows these rows of the matrix."""
    unknown = [number for number in numbers if number not in FAULTS]
    assert not unknown, f"no such row of the fault matrix: {unknown}"
    mark: Callable[[Test], Test] = pytest.mark.row(*numbers)
    return mark


def fired(times: int = 1) -> None:
    """The fault happened, so many times more: say so after having asserted it."""
    global _fired  # noqa: PLW0603 - one test runs at a time in a process
    assert times > 0, "the fault never fired"
    _fired += times


def taken() -> int:
    """How often a fault fired since this was asked last."""
    global _fired
    times, _fired = _fired, 0
    return times
