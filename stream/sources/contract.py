"""What a source is to whoever listens: batches of mentions, each with the place at which to go on after it.

    platform -> source -> batches -> kept, then the place -> the next batch is asked for

A source asks for nothing while what it brought is not kept: that is the back-pressure. It keeps no state that must
survive: whatever it needs to go on is in the place that goes with a batch. A batch without rows is a sign of life.

A place may be used again: after a crash between rows and place the rows come a second time, under the same ids.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

Completeness = Literal["full", "sampled", "capped"]
"""What a source brings of what there is: all that it was asked for; a part of it by nature; what fits a limit."""

GapReason = Literal["away", "cursor_too_old", "rate_limited", "spend_cap", "depth", "platform"]
"""Why a stretch of time is missing: we were not connected; the place that we asked for is not kept any more; we were
told to wait for too long; our own limit on costs; more was said than a listing shows; the platform says so itself.
"""


class Gap(NamedTuple):
    """A stretch of the platform's time from which posts are missing, or came later as a back-fill."""

    since_ms: int
    until_ms: int
    reason: GapReason
    filled: bool = False
    """Whether what the platform still had of it was fetched, marked `live: false`."""


class BadPayload(NamedTuple):
    """What a platform sent and nobody can read: for the dead letters and their counter."""

    reason: str
    """A word of a closed list of the source's own."""
    detail: str
    """One harmless line for a human; no text of a post."""
    body: bytes


class Batch(NamedTuple):
    """What came at once.

    >>> Batch(place="17").rows
    ()
    """

    rows: Sequence[bytes] = ()
    """Mentions in the interchange form, a JSON object each (see `stream.reading`); events of all four kinds."""
    place: str | None = None
    """Where to go on when all of this is kept; `None`: as before."""
    bad: Sequence[BadPayload] = ()
    gaps: Sequence[Gap] = ()
    known_until_ms: int | None = None
    """All that the platform had up to this time of its own was brought: lag is measured by it. `None`: no telling."""
    capped: bool = False
    """Whether the source holds something back now: a limit of ours or of the platform's is reached."""
    costs: Mapping[str, int] = {}
    """What this batch cost by unit, as `{"requests": 1, "posts": 20}`; counted, and kept with the place."""


class Trouble(Exception):  # noqa: N818 - what it is called by operators
    """It does not work now and may work later: connect anew after a while. The words hold no secret and no text."""

    def __init__(self, words: str, *, retry_s: float | None = None) -> None:
        super().__init__(words)
        self.retry_s = retry_s
        """After how long the platform wants to be asked again; `None`: as the backoff has it."""


class Denied(Exception):  # noqa: N818
    """It will not work before a human has done something: which, the words say. They hold no secret."""


class Purse(Protocol):
    """What a source has spent, durably: a limit holds across restarts."""

    def spent(self, unit: str, *, since_ms: int) -> int:
        """How much of a unit since then, by whole days of UTC."""

    def spend(self, unit: str, amount: int) -> None:
        """Note what was spent and is in no batch: a request that failed."""


class Threads(Protocol):
    """Which conversations matter now, by the ids of mentions (`source:native_id`)."""

    def tracked(self, mention_id: str) -> bool:
        """Whether somebody's window holds this post as a thread: only then is engagement with it worth a row."""

    def open(self, source: str) -> Sequence[str]:
        """The threads of open incidents of one source, the gravest first: those to ask for late engagement."""


class Source(Protocol):
    """One source. It is made with what it needs, its secrets too; `batches` is called anew after each trouble."""

    name: str
    """As the configuration calls it; also the prefix of its mentions' ids."""
    kind: str
    completeness: Completeness
    silent_after_s: float
    """Longer than this without a batch, be it an empty one, and it is silent: the connection only seems to stand."""

    def batches(self, place: str | None) -> AsyncIterator[Batch]:
        """Everything from a place on, for ever; `None`: from now on. Raises `Trouble` or `Denied`; closing the
        iterator ends whatever is under way.
        """

    async def check(self) -> "Sample":
        """Try the credentials as cheaply as can be and show one mention. Raises `Trouble` or `Denied`."""


class Sample(NamedTuple):
    """What `tocsin sources check` shows."""

    words: Sequence[str]
    """What was found, in plain sentences; what is missing too."""
    row: bytes | None = None
    """One mention as it would be stored."""
    complete: bool = True
    """Whether nothing is missing that a human should mend."""


class Surroundings(NamedTuple):
    """What a source may use of the world: in a test all of it is made up, time too."""

    clock: Callable[[], int]
    """Milliseconds since 1970; waiting is `asyncio.sleep`."""
    purse: Purse
    threads: Threads
