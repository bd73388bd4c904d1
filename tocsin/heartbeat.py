"""EDGE. The dead man's switch: an address outside is touched as long as all is well, and falls silent when it is not.

Whoever waits for the touch (a service as healthchecks, or another machine's) tells people when it stays away: so even a
dead machine, a full disk or a pager that reaches nobody is heard of. What "well" means is a plain function of `Facts`,
which tests and simulations ask as the service does.

Where probes are sent (`tocsin.probe`), each that comes through touches the address, and nothing else does: what only
seems to work lets no probe through. Parts that no probe passes, as the console, must give signs of life besides.

Set the watcher to the same period as `heartbeat.every` and a grace of one and a half times that. The worst case of a
part that stops is 25 seconds until that is seen, the touch just before, and then period and grace: 175 seconds. People
hear within three minutes of any part that stopped, and within five of a page that reached nobody. All these times but
the last are in proportion to `every`: a rehearsal may shrink them, and changes nothing else.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping

import msgspec
import structlog

from alerting.delivery.outbox import OutboxRow
from stream.sources.guard import GuardedClient, Lost, NotSent, Refused, Rules

log = structlog.get_logger("tocsin")

EVERY_MS = 60_000
"""The period of a heartbeat to which the times below belong; with another they are in proportion."""
SILENT_MS = 30_000
"""So long a part may do nothing that does something at every step. Never less than three steps."""
SIGN_MS = 25_000
"""So long a source, or a door of ours, may give no sign of life."""
BEHIND_MS = 60_000
"""So far behind the clock may the core be: it catches up with minutes in seconds."""
DELIVERY_MS = 60_000
"""So long may a round of delivery take: a few calls that hang, each until its timeout."""
CLOCK_MS = 300_000
"""So far may the machine's clock be from ours: posts of now are taken for others' soon after."""
UNREACHED_MS = 90_000
"""Thirty seconds until the second way, and a minute for that one. The watcher's period and grace fit into what is left
of five minutes."""
NAMED = 3
"""So many of the ways that let no probe through are named; the metrics have them all."""
LOOK_EVERY_S = 1.0
TOUCH_S = 10.0
WATCHERS = Rules(ports=(), plain=("127.0.0.1", "localhost", "::1"), private=True)
"""A watcher may well stand in one's own network; whoever runs this names it."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a service at one moment. Times are ages, in milliseconds; 0 is "just now" or "none"."""

    step_ms: int = 5_000
    every_ms: int = EVERY_MS
    """The period of the heartbeat."""
    probes: int = -1
    """Probes that came through since the start; -1 where none are sent."""
    probe_age_ms: int = 0
    """Since the last of them came through, or since the start."""
    probes_lack: tuple[str, ...] = ()
    """Of several ways by which they go, those by which none came lately."""
    ended: tuple[str, ...] = ()
    """Parts of the service that ended by themselves."""
    signs: tuple[tuple[str, int], ...] = ()
    """What no probe passes, each with its name, and since when it gave no sign of life: sources, and doors of ours."""
    core_behind_ms: int = 0
    """How far what was decided is behind the clock."""
    core_unseen_ms: int = 0
    """Since it was last known how far the core is, where it is another process."""
    log_refuses: bool = False
    """Whether the intake log failed to take the last thing it was given."""
    log_silent_ms: int = 0
    """Since the intake log took a record: the service itself writes one a step."""
    journal_silent_ms: int = 0
    """Since the journal took an entry: each step ends with one."""
    delivery_silent_ms: int = 0
    """Since delivery last looked at what is due."""
    clock_off_ms: int = 0
    """How far the machine's clock is from the one that is gone by, either way."""
    unreached: int = 0
    """Pages that are due and have reached nobody, on no way."""
    unreached_ms: int = 0
    """Since the first of them was due."""


def well(facts: Facts) -> list[str]:
    """What is wrong, in words; nothing where all is well.

    >>> well(Facts())
    []
    >>> well(Facts(core_behind_ms=75_000, unreached=2, unreached_ms=95_000))
    ['the core is 75 s behind the clock', '2 pages reached nobody for 95 s']
    """

    def within(limit_ms: int) -> int:
        return limit_ms * facts.every_ms // EVERY_MS

    silent_ms = max(within(SILENT_MS), 3 * facts.step_ms)
    wrong = [f"{name} ended by itself" for name in facts.ended]
    if facts.core_behind_ms > max(within(BEHIND_MS), silent_ms):
        wrong.append(f"the core is {facts.core_behind_ms // 1000} s behind the clock")
    if facts.core_unseen_ms > max(within(BEHIND_MS), silent_ms):
        wrong.append(f"nobody has seen how far the core is for {facts.core_unseen_ms // 1000} s")
    if facts.log_refuses:
        wrong.append("the intake log takes nothing")
    elif facts.log_silent_ms > silent_ms:
        wrong.append(f"the intake log took nothing for {facts.log_silent_ms // 1000} s")
    if facts.journal_silent_ms > silent_ms:
        wrong.append(f"the journal took nothing for {facts.journal_silent_ms // 1000} s")
    if facts.delivery_silent_ms > within(DELIVERY_MS):
        wrong.append(f"delivery stood still for {facts.delivery_silent_ms // 1000} s")
    silent = [(name, age_ms) for name, age_ms in facts.signs if age_ms > within(SIGN_MS)]
    wrong += [f"{name} gave no sign of life for {age_ms // 1000} s" for name, age_ms in silent]
    if facts.probes >= 0 and facts.probe_age_ms > facts.every_ms + silent_ms:
        wrong.append(f"no probe came through for {facts.probe_age_ms // 1000} s{_by(facts.probes_lack)}")
    if facts.clock_off_ms > CLOCK_MS:
        wrong.append(f"the machine's clock was moved by {facts.clock_off_ms // 1000} s; made up for slowly")
    if facts.unreached and facts.unreached_ms > UNREACHED_MS:
        pages = "a page" if facts.unreached == 1 else f"{facts.unreached} pages"
        wrong.append(f"{pages} reached nobody for {facts.unreached_ms // 1000} s")
    return wrong


def _by(ways: tuple[str, ...]) -> str:
    """By which ways, in words that fit into a line."""
    more = f" and {len(ways) - NAMED} more" if len(ways) > NAMED else ""
    return f" by {', '.join(ways[:NAMED])}{more}" if ways else ""


def waits_since(rows: Iterable[OutboxRow]) -> int | None:
    """Since when an open incident waits for a page of it to reach anybody, in milliseconds since 1970; `None` where
    one did, or none is due. `rows` are its pages in order: one that was sent ends the wait for those before it. One
    that tells several that were held up waits no longer than they do themselves.
    """
    since: list[int] = []
    for row in rows:
        if row.wakes and row.state == "sent":
            since = []
        elif row.wakes and not row.folded and (row.state != "cancelled" or row.told_in):
            since.append(row.wanted_ms)
    return min(since, default=None)


class Ages:
    """Since when counters stand still, and things wait, on a clock that cannot be set.

    >>> now = [0]
    >>> ages = Ages(lambda: now[0])
    >>> ages.unmoved("journal", 7), ages.waiting(["a"])
    (0, (1, 0))
    >>> now[0] = 900
    >>> ages.unmoved("journal", 7), ages.waiting(["a", "b"]), ages.waiting([])
    (900, (2, 900), (0, 0))
    """

    def __init__(self, monotonic_ms: Callable[[], int] = lambda: time.monotonic_ns() // 1_000_000) -> None:
        self._now_ms = monotonic_ms
        self._last: dict[str, tuple[int, int]] = {}
        self._waits: dict[str, int] = {}

    def unmoved(self, name: str, counter: int) -> int:
        """For how many milliseconds a counter has had this value, as far as anybody looked."""
        now_ms = self._now_ms()
        value, since_ms = self._last.get(name, (counter, now_ms))
        if value != counter or name not in self._last:
            since_ms = now_ms
            self._last[name] = counter, now_ms
        return now_ms - since_ms

    def waiting(self, names: Iterable[str]) -> tuple[int, int]:
        """How many of these there are, and for how many milliseconds the first of them was there at every look."""
        now_ms = self._now_ms()
        self._waits = {name: self._waits.get(name, now_ms) for name in names}
        return len(self._waits), now_ms - min(self._waits.values(), default=now_ms)


async def touch(url: str) -> int:
    """Post nothing to an address, and return the status that it answers; 0 where it does not answer. Nothing raises."""
    client = GuardedClient(WATCHERS, total_s=TOUCH_S)
    try:
        return (await client.post(url, b"", {})).status
    except (Refused, NotSent, Lost):
        return 0
    finally:
        await client.close()


class Heartbeat:
    """Looks every second whether all is well, says so where that changes, and touches the address while it is: with
    every probe that comes through, or, where none are sent, once a period.

    `facts` is asked at each look; `touch` is how an address is asked for, and gives the status that it answered, or 0;
    `shown` hears of each look.
    """

    def __init__(
        self,
        facts: Callable[[], Facts],
        *,
        url: str = "",
        every_ms: int = 60_000,
        touch: Callable[[str], Awaitable[int]] = touch,
        shown: Callable[["Heartbeat"], None] = lambda _heartbeat: None,
        look_every_s: float = LOOK_EVERY_S,
        monotonic_ms: Callable[[], int] = lambda: time.monotonic_ns() // 1_000_000,
    ) -> None:
        self._facts = facts
        self.facts = Facts()
        """What the last look found."""
        self._url = url
        self._every_ms = every_ms
        self._touch = touch
        self._shown = shown
        self._look_every_s = look_every_s
        self._now_ms = monotonic_ms
        # The first touch comes when all was well for a whole period: what dies young, again and again, never touches.
        self._first_ms = self._next_ms = monotonic_ms() + every_ms
        self._probes = 0
        self.wrong: list[str] = []
        """What was wrong at the last look."""
        self.touched: dict[str, int] = {"answered": 0, "unanswered": 0, "withheld": 0}
        """What became of the touches that were due."""

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(self._look_every_s)

    async def look(self) -> list[str]:
        """Look once, and touch the address if that is due and all is well. Returns what is wrong."""
        self.facts = self._facts()
        wrong = well(self.facts)
        if bool(wrong) != bool(self.wrong):
            if wrong:
                log.error("not well: the heartbeat stops", wrong=wrong)
            else:
                log.info("well again: the heartbeat goes on")
        self.wrong = wrong
        if self._is_due() and self._url:
            await self._beat(bool(wrong))
        self._shown(self)
        return wrong

    def _is_due(self) -> bool:
        """Whether a touch is due now, to be made or, where something is wrong, to be withheld.

        A probe counts at the look that first sees it: what stopped since must not be hidden by an earlier one.
        """
        now_ms, came, self._probes = self._now_ms(), self.facts.probes > self._probes, self.facts.probes
        by_probe = self.facts.probes >= 0 and not self.wrong
        if not (came and now_ms >= self._first_ms if by_probe else now_ms >= self._next_ms):
            return False
        self._next_ms = now_ms + self._every_ms
        return True

    async def _beat(self, withheld: bool) -> None:
        status = 0 if withheld else await self._touch(self._url)
        became = "withheld" if withheld else "answered" if status in range(200, 300) else "unanswered"
        if became == "unanswered" and not self.touched[became]:
            # Once, and without the address, which is a secret: the watcher itself will tell people.
            if status:
                log.warning("the heartbeat's address answered, and not with a success", status=status)
            else:
                log.warning("the heartbeat's address does not answer")
        self.touched[became] += 1

    def health(self) -> Mapping[str, object]:
        """What `/healthz` says: `status` is `ok`, or `unwell`; `wrong` holds the words of the log."""
        return {"status": "unwell" if self.wrong else "ok", "wrong": self.wrong}
