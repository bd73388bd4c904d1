"""What may break in a run, and what breaks in this one."""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from tests.simulation.outside import READS, TIMEOUT_MS, Trouble
from tests.simulation.past import START_MS
from tests.simulation.world import Death, World

GRACE_MS = 60_000
POST = ("chat.postMessage",)
PAGER = ("pagerduty",)
UNSURE = ("timeout", "lost_reply", "late", "http_5xx", "fatal_error", "history_lag", "unreadable")
"""Kinds after which nobody knows whether a message arrived."""

POINTS: Mapping[str, int] = {
    "store.create.before": 6,
    "store.create.after": 6,
    "journal.content.before": 3,
    "journal.content.after": 3,
    "intake.append.before": 20,
    "intake.append.after": 20,
    "texts.put.before": 3,
    "texts.put.after": 3,
    "journal.append.before": 15,
    "journal.append.after": 15,
    "journal.decisions.before": 15,
    "journal.decisions.after": 15,
    "outbox.recover.before": 1,
    "outbox.recover.after": 1,
    "outbox.plan.before": 3,
    "outbox.plan.commit.before": 3,
    "outbox.plan.commit.after": 3,
    "outbox.plan.after": 3,
    "outbox.sending.before": 3,
    "outbox.sending.after": 3,
    "slack.post.before": 3,
    "slack.post.after": 3,
    "outbox.sent.before": 3,
    "outbox.sent.after": 3,
    "answer.before": 1,
    "answer.after": 1,
    "outbox.cancel.before": 2,
    "outbox.cancel.after": 2,
    "outbox.view.before": 2,
    "outbox.view.after": 2,
    "journal.snapshot.before": 1,
    "journal.snapshot.after": 1,
    "outbox.instead.before": 1,
    "outbox.instead.after": 1,
    "pagerduty.post.before": 1,
    "pagerduty.post.after": 1,
    "outbox.fold.before": 1,
    "outbox.fold.after": 1,
}
"""Each point, and how often a story passes it: it dies at any of these times."""


SELDOM = {"outbox.fold": 8, "outbox.view": 2, "outbox.cancel": 2}
"""Points that few stories pass, whatever fails: they are chosen so many times as often as others."""
IN_TROUBLE = ("outbox.instead", "outbox.fold", "pagerduty")
"""Points that are passed only where Slack has failed."""
AT_THE_END = ("journal.snapshot",)
"""Points that a story passes when its process is asked to end, and hardly ever before."""


class Mix(NamedTuple):
    """How bad a campaign is. `late_ms` is the latest that something arrives, `lag_ms` the most that history lags."""

    name: str
    late_ms: tuple[int, int]
    lag_ms: tuple[int, int]
    """From and to."""
    kinds: tuple[str, ...]
    most: int = 3


def _when(rng: random.Random) -> float:
    """Some time in which something is sent."""
    return START_MS + rng.uniform(20_000, 330_000)


def _slack(kind: str, **said: object) -> Callable[[World, random.Random, Mix], None]:
    def arm(world: World, rng: random.Random, _mix: Mix) -> None:
        made = Trouble(kind, POST, **said)  # type: ignore[arg-type]
        made.times = rng.randint(1, 2)
        made.accept = kind in ("http_5xx", "fatal_error") and rng.random() < 0.5
        made.delay_ms = made.delay_ms or (rng.choice([5, 20, 40]) * 1000 if kind == "ratelimited" else 0)
        made.from_ms = START_MS if rng.random() < 0.6 else START_MS + rng.uniform(60_000, 240_000)
        world.network.troubles.append(made)

    return arm


def _late(world: World, rng: random.Random, mix: Mix) -> None:
    delay_ms = rng.uniform(*mix.late_ms)
    world.network.troubles.append(Trouble("late", POST, times=rng.randint(1, 2), delay_ms=delay_ms))


def _slow(world: World, rng: random.Random, _mix: Mix) -> None:
    delay_ms = rng.uniform(1_000, TIMEOUT_MS - 1_000)
    world.network.troubles.append(Trouble("slow", (*POST, *READS, "chat.update"), times=3, delay_ms=delay_ms))


def _lag(world: World, rng: random.Random, mix: Mix) -> None:
    """What is unsure must be looked for, or no lag is ever seen."""
    world.slack.hide_young(rng.uniform(*mix.lag_ms))
    world.network.troubles.append(Trouble("lost_reply", POST, times=1))


def _unreadable(world: World, rng: random.Random, _mix: Mix) -> None:
    """For a while; the reply that was lost is found once it can be read."""
    for_ms = rng.uniform(5_000, 100_000)
    world.network.troubles.append(Trouble("lost_reply", POST, times=1))
    made = Trouble("unreadable", READS, from_ms=START_MS, until_ms=START_MS + 60_000 + for_ms, times=10_000)
    made.word = rng.choice(["", "internal_error", "fatal_error"])
    world.network.troubles.append(made)


def _not_in_channel(world: World, rng: random.Random, _mix: Mix) -> None:
    made = Trouble(
        "not_in_channel", POST, times=rng.choice([1, 2, 10_000]), word=rng.choice(["not_in_channel", "is_archived"])
    )
    world.network.troubles.append(made)


def _slack_down(world: World, rng: random.Random, _mix: Mix) -> None:
    every = (*POST, *READS, "chat.update", "conversations.open", "conversations.list")
    start_ms = START_MS + rng.uniform(0, 120_000)
    made = Trouble("down", every, from_ms=start_ms, until_ms=start_ms + rng.uniform(60_000, 600_000), times=10_000)
    world.network.troubles.append(made)


def _pager(kind: str) -> Callable[[World, random.Random, Mix], None]:
    """The second way is asked only where the first has failed."""

    def arm(world: World, rng: random.Random, mix: Mix) -> None:
        _slack_down(world, rng, mix)
        inner = {"pager_refused": "refused", "pager_lost": "lost_reply", "pager_5xx": "http_5xx"}[kind]
        world.network.troubles.append(Trouble(inner, PAGER, times=rng.randint(1, 2), accept=rng.random() < 0.5))

    return arm


def _point(rng: random.Random) -> str:
    return rng.choices(list(POINTS), weights=[SELDOM.get(point.rpartition(".")[0], 1) for point in POINTS])[0]


def _kill(kind: str) -> Callable[[World, random.Random, Mix], None]:
    def arm(world: World, rng: random.Random, _mix: Mix) -> None:
        point = _point(rng)
        if point.startswith(IN_TROUBLE):
            _slack_down(world, rng, _mix)
        if point.startswith(AT_THE_END):
            world.timeline.at(_when(rng), world.terminate)
        world.deaths.append(Death(kind, point, rng.randint(1, POINTS[point]), life=0))
        if kind == "kill_again":
            again = _point(rng)
            world.deaths.append(Death(kind, again, rng.randint(1, max(1, POINTS[again] // 3)), life=1))
        if kind == "kill_recovering":
            world.deaths.append(Death(kind, "", rng.randint(1, 25), life=1))

    return arm


def _sigterm(world: World, rng: random.Random, _mix: Mix) -> None:
    world.timeline.at(_when(rng), world.terminate)


def _pause(world: World, rng: random.Random, _mix: Mix) -> None:
    for_ms = rng.choice([5_000, 60_000, 200_000])
    world.timeline.at(_when(rng), lambda: world.pause(for_ms))


def _clock(sign: int) -> Callable[[World, random.Random, Mix], None]:
    def arm(world: World, rng: random.Random, _mix: Mix) -> None:
        by_ms = sign * rng.choice([2_000, 30_000, 240_000, 3_600_000])
        world.timeline.at(_when(rng), lambda: world.jump(by_ms))

    return arm


def _disk(kind: str, word: str) -> Callable[[World, random.Random, Mix], None]:
    """One write fails, or every one for a while."""

    def arm(world: World, rng: random.Random, _mix: Mix) -> None:
        start_ms = _when(rng)
        until_ms = start_ms + (rng.uniform(5_000, 90_000) if kind == "disk_full" else 60_000)
        left = [10_000 if kind == "disk_full" else 1]
        which = rng.choice(["outbox.db", "journal.db", "intake.db", "texts.db", ""])

        def refuse(name: str, _sql: str) -> str | None:
            if not start_ms <= world.timeline.now_ms < until_ms or not left[0] or which not in ("", name):
                return None
            left[0] -= 1
            world.fired[kind] += 1
            return word

        world.disk.refuses = refuse

    return arm


def _lost_202(world: World, rng: random.Random, _mix: Mix) -> None:
    world.network.troubles.append(Trouble("lost_202", ("ingest",), times=rng.randint(1, 2)))


ARM: dict[str, Callable[[World, random.Random, Mix], None]] = {
    "refused": _slack("refused"),
    "timeout": _slack("timeout"),
    "lost_reply": _slack("lost_reply"),
    "late": _late,
    "slow": _slow,
    "ratelimited": _slack("ratelimited"),
    "http_5xx": _slack("http_5xx"),
    "fatal_error": _slack("fatal_error", word="fatal_error"),
    "history_lag": _lag,
    "unreadable": _unreadable,
    "not_in_channel": _not_in_channel,
    "down": _slack_down,
    "pager_refused": _pager("pager_refused"),
    "pager_lost": _pager("pager_lost"),
    "pager_5xx": _pager("pager_5xx"),
    "kill": _kill("kill"),
    "kill_again": _kill("kill_again"),
    "kill_recovering": _kill("kill_recovering"),
    "power_loss": _kill("power_loss"),
    "sigterm": _sigterm,
    "pause": _pause,
    "clock_ahead": _clock(1),
    "clock_back": _clock(-1),
    "disk_full": _disk("disk_full", "database or disk is full"),
    "io_error": _disk("io_error", "disk I/O error"),
    "lost_202": _lost_202,
}
MAIN = Mix("main", (500, 25_000), (1_000, 20_000), tuple(ARM))
RESIDUAL = Mix("residual", (70_000, 150_000), (70_000, 150_000), ("late", "history_lag", "lost_reply", "kill"), 2)
MIXES = {mix.name: mix for mix in (MAIN, RESIDUAL)}


def break_things(world: World, rng: random.Random, mix: Mix, without: Sequence[str] = ()) -> list[str]:
    """Choose what breaks in this run, and see to it, leaving some kinds out. Returns the kinds."""
    kinds = rng.sample(mix.kinds, rng.choices(range(mix.most + 1), weights=[1, 5, 4, 2][: mix.most + 1])[0])
    if any(kind.startswith("clock") for kind in kinds):
        # A clock that is set while nobody knows whether a message arrived makes the grace longer or shorter than it
        # is; and a restart under a clock that was set ahead cannot be told from a machine that was off for as long,
        # in which an acknowledgement expires. Two things at once, and named among the residual risks.
        apart = ("pager", *(("kill", "power", "disk", "io_error", "sigterm") if "clock_ahead" in kinds else ()))
        kinds = [kind for kind in kinds if kind not in UNSURE and not kind.startswith(apart)]
    lots = {kind: rng.random() for kind in kinds}  # each draws its own: leaving one out leaves the others as they are
    kinds = [kind for kind in kinds if kind not in without]
    for kind in kinds:
        ARM[kind](world, random.Random(lots[kind]), mix)
    return kinds
