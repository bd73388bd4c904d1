"""What a walk wants done in the world: pages, notices, questions to people, statements to approve."""

from typing import Literal

import msgspec

Cause = Literal["", "escalate", "vacant"]
"""Why this page comes now, besides that the walk came to it: the chart escalates, or nobody was on call before it."""


class PagePeople(msgspec.Struct, frozen=True, tag="page"):
    """Wake these people."""

    node: str
    targets: tuple[str, ...]
    """Roles and responders; whoever is on call stands in place of a role that has a roster."""
    by: tuple[str, ...]
    ack_within_ms: int
    """0: this is the last rung, it waits as long as it takes."""
    rung: int
    next_targets: tuple[str, ...]
    """Who is next if nobody acknowledges, as far as that can be said before asking further questions."""
    words: str
    awaits: tuple[str, ...] = ()
    """Responders who must all acknowledge (empty: anyone will do)."""
    cause: Cause = ""


class NotifyPeople(msgspec.Struct, frozen=True, tag="notify"):
    """Tell these people; nobody needs to answer."""

    node: str
    targets: tuple[str, ...]
    by: tuple[str, ...]
    words: str


class AskPeople(msgspec.Struct, frozen=True, tag="ask"):
    """Put a question on the card, with a button for each choice."""

    node: str
    question: str
    choices: tuple[str, ...]
    targets: tuple[str, ...]
    may: tuple[str, ...]
    """Responders whose answer counts."""
    by_ms: int
    """When nobody is waited for any longer."""


class OpenRoom(msgspec.Struct, frozen=True, tag="open_channel"):
    """Open a channel of its own for this crisis. `{incident}`, `{brand}` and `{scenario}` stand in its name."""

    node: str
    channel: str
    invite: tuple[str, ...]
    words: str


class CallIn(msgspec.Struct, frozen=True, tag="mobilise"):
    """Wake people who are not on duty, whether or not somebody has acknowledged; wait for nobody."""

    node: str
    targets: tuple[str, ...]
    by: tuple[str, ...]
    words: str


class BriefPeople(msgspec.Struct, frozen=True, tag="brief"):
    """Put senior leadership in the picture."""

    node: str
    targets: tuple[str, ...]
    by: tuple[str, ...]
    words: str


class OfferStatement(msgspec.Struct, frozen=True, tag="statement"):
    """Show a holding statement to be approved: not to be copied before."""

    node: str
    name: str
    texts: tuple[tuple[str, str], ...]
    """Language and text, with `{brand}` where the brand's name stands."""
    authors: tuple[str, ...]
    """Responders who cannot approve it: it is theirs."""
    may: tuple[str, ...]
    """Responders one of whom must approve."""
    targets: tuple[str, ...]
    by_ms: int
    writers: tuple[str, ...] = ()
    """Responders who may change its words."""
    approvers: tuple[str, ...] = ()
    """Responders who may approve it unless the words are theirs."""


class Approved(msgspec.Struct, frozen=True, tag="approved"):
    """A statement may be copied from now on."""

    node: str
    name: str
    texts: tuple[tuple[str, str], ...]
    who: str
    said: str = ""
    """Digest of the words where a person changed them; then `texts` has the languages alone."""


class Vacant(msgspec.Struct, frozen=True, tag="vacant"):
    """Nobody is on call for these targets: the step is skipped at once."""

    node: str
    targets: tuple[str, ...]


class EndWalk(msgspec.Struct, frozen=True, tag="end"):
    """The chart asks for nothing more."""

    node: str
    words: str


Effect = (
    PagePeople
    | NotifyPeople
    | AskPeople
    | OpenRoom
    | CallIn
    | BriefPeople
    | OfferStatement
    | Approved
    | Vacant
    | EndWalk
)
