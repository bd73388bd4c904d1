"""Ways to a human: what delivery asks of each of them, and what it hears back. EDGE."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Literal, Protocol, runtime_checkable

import msgspec

from alerting.view import IncidentView

RowKind = Literal["card", "mention", "page", "story"]
"""`card`: the incident's card in a channel; `mention`: somebody named in its thread; `page`: a message of its own to
people who are not in that channel; `story`: a line of the thread that wakes nobody."""

THREADED = ("slack", "terminal")
"""Ways with a card that is kept true and a thread below it; on all others each page is a message of its own."""

PREPARE_AGAIN_MS = 5_000

OutcomeKind = Literal["sent", "not_sent", "permanent", "unknown"]

HELD_BACK = frozenset({"not_leading", "log_silent", "claim_too_old", "answered"})
"""Why a message was held back before its way was asked at all: that says nothing about the way."""

Settles = Literal["history", "repeat", "never"]
"""How an unknown outcome is settled: `history`: what arrived can be read back; `repeat`: the receiver drops a page id
that it has already, so the page is simply posted again; `never`: nobody can tell, so it is posted again unseen after
the grace, and counted."""


class Address(msgspec.Struct, frozen=True):
    """Where a responder is reached: `to` is a channel, person or group of that way, from configuration alone."""

    responder: str
    way: str
    to: str = ""
    after_ms: int | None = None
    """How long after a page this address is tried, where the responder has an order of their own; `None` elsewhere."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What one row of the outbox sends. Everything in it is inert already."""

    page_id: str
    incident: str
    kind: RowKind
    to: str
    thread: str = ""
    """`ts` of the card whose thread this belongs to."""
    text: str
    """Fallback in the markup of Slack."""
    blocks: tuple[dict[str, Any], ...] = ()
    words: str = ""
    """The same for those without blocks."""
    aloud: bool = False
    """A line of the thread that the channel should see too."""
    view: IncidentView | None = None
    """The incident itself, for ways that write letters and forms of their own; `None` where only the id is asked for.
    Its words come from outside: they pass through `alerting.letter`."""
    line: str = ""
    """Why this message, in one line."""
    phone: str = ""
    """The number to be rung, where the message goes to whoever rings."""


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one attempt.

    `not_sent` is certain (try again after `retry_ms`), `permanent` is certain and final, `unknown` may have worked.
    """

    kind: OutcomeKind
    channel: str = ""
    ts: str = ""
    retry_ms: int = 0
    detail: str = ""


class Unreadable(Exception):  # noqa: N818 - what happened, not a mistake
    """The history that would settle an unknown outcome cannot be read: a word why, and whether waiting may help."""

    def __init__(self, detail: str, *, permanent: bool) -> None:
        super().__init__(detail)
        self.permanent = permanent


class Way(Protocol):
    """One way to people."""

    settles: Settles
    """How what is unknown is settled. `find` is asked with `history` alone."""

    async def post(self, message: Message) -> Outcome:
        """Send once. Never raises, never tries again by itself."""

    async def find(self, message: Message, oldest_ms: int) -> Outcome | None:
        """Whether a message with this page id arrived since `oldest_ms`: its `sent` outcome, or `None`.

        Raises `Unreadable` where that cannot be told.
        """

    async def edit(self, channel: str, ts: str, message: Message) -> Outcome:
        """Make a message say something else. Doing it twice changes nothing."""


@runtime_checkable
class Prepares(Protocol):
    """A way with something to do before a message can leave: to open a conversation, to look up a name. That may take
    a while, and somebody may acknowledge meanwhile. So it is done first, and then it is looked at for the last time.
    """

    async def prepare(self, to: str) -> Outcome | None:
        """Make ready to post to an address; what became of the message where that cannot be done, certainly not sent.
        Never raises. What it makes ready lasts for a few seconds at least.
        """


async def ready(way: object, to: str) -> Outcome | None:
    """As `Prepares.prepare`, where there is anything to make ready."""
    return await way.prepare(to) if isinstance(way, Prepares) else None


async def prepared(way: object, to: str, longest_s: float) -> Outcome | None:
    """Make a way ready; what became of the message where it cannot be sent. Never raises."""
    try:
        async with asyncio.timeout(longest_s):
            return await ready(way, to)
    except Exception as error:  # noqa: BLE001 - nothing left yet, whatever it is
        return Outcome("not_sent", retry_ms=PREPARE_AGAIN_MS, detail=type(error).__name__)


async def attempted(call: Awaitable[Outcome], longest_s: float) -> Outcome:
    """What a post or an edit came to. A way that breaks its promise, never to raise and to come to an end, must not
    stop the others; what it did is unknown.
    """
    try:
        async with asyncio.timeout(longest_s):
            return await call
    except Exception as error:  # noqa: BLE001 - whatever it is, the message may have left
        return Outcome("unknown", detail=type(error).__name__)


class Delivered(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a page, for the journal (its `DeliveryReport`). May be told twice after a crash: same fields."""

    brand: str
    incident: str
    key: str
    """Of the decision that asked for it."""
    way: str
    outcome: Literal["sent", "failed", "missed", "unknown"]
    """`missed`: it failed, and somebody of that decision was or may yet be reached all the same."""
    at_ms: int
    detail: str = ""
    page_id: str = ""
    responders: tuple[str, ...] = ()


class Answered(msgspec.Struct, frozen=True):
    """A human's act that is durable already, for the card."""

    incident: str
    answer: str
    who: str


class Click(msgspec.Struct, frozen=True):
    """A button pressed in Slack."""

    id: str
    """Follows from the click itself: delivered twice, it is the same."""
    incident: str
    action: str
    user_id: str
    team_id: str
    at_ms: int
    node: str = ""
    """The node of the flowchart that asks, with `reply`, `approve` and `draft`."""
    choice: str = ""
    """The answer, with `reply`; one of `alerting.modals.REASONS`, with `false_alarm`; which words were seen, with
    `approve` and `draft`.
    """
    note: str = ""
    """What the person wrote besides. Hostile, and for the erasable text store alone."""


class ClickAnswer(msgspec.Struct, frozen=True):
    """What the one who pressed is told, in private ("": nothing)."""

    text: str = ""
    accepted: bool = True


Handle = Callable[[Click], Awaitable[ClickAnswer]]
"""Returns once the click is durable, or refused."""
