"""EDGE. A drill: a crisis replayed through the real flowchart and Slack, faster than it was, everything marked DRILL.

It is a deployment of its own in a directory of its own, made of the very parts of a service; what is another is its
time, its ids and its mark (`drill_time`, `drill_plan`, `alerting.delivery.drill`). Nothing of a service that runs
beside it is opened: presses that come in at the wrong one of the two go through letterboxes (`handing`). It always
ends.
"""

import asyncio
import contextlib
import os
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TextIO

from rich.console import Console

from alerting.facts import BLIND
from alerting.review import Review, real_time
from alerting.view import WAKES
from alerting.words import reason_words, thread_line
from stream.codec import HOUR_MS, MINUTE_MS
from stream.sources.store import Lock, StoreError, lock
from stream.zones import local
from tocsin import reviewing
from tocsin.drill_door import presses
from tocsin.drill_file import DrillFile, DrillScore, Took, write_drill, write_score
from tocsin.drill_plan import Script, brand_for_story, drill_settings, first_of, hear_before, made_up, recorded
from tocsin.drill_time import Beside, DrillTime
from tocsin.handing import DRILLS, Running, announce, withdraw
from tocsin.learning import learn
from tocsin.mistakes import UsageError
from tocsin.setting_types import NO_CHANNEL, is_slack_channel
from tocsin.settings import Settings
from tocsin.state import DRILL
from tocsin.steady_clock import SteadyClock
from tocsin.terminal import safe
from tocsin.works import Works

QUIET_MS = 15 * MINUTE_MS
"""So long after its last post a recording is over (core time)."""
WAITS_MS = 2 * HOUR_MS
"""So long it waits for whoever has not closed the incident by then (core time)."""
SETTLES_S = 10.0
"""How long what is under way at the end may take, by the clock on the wall."""
LAST_MS = 3_000
"""How long one message that is under way at the end may take."""
SHORTEST_BEAT_S = 0.02


class DrillCall(NamedTuple):
    """What was asked for on the command line."""

    settings: Settings
    files: Sequence[Path] = ()
    learn: Sequence[Path] = ()
    story: str = "outage"
    seed: int = 1
    speed: int | None = None
    slack: bool = False
    channel: str | None = None
    data: Path | None = None
    longest_ms: int | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    configured: bool = False
    """Whether there is a deployment of which this is the drill."""


class Score(NamedTuple):
    """How a drill went. `reviewed` is `None` where nothing was noticed."""

    ended: str
    directory: Path
    reviewed: reviewing.Reviewed | None
    files: tuple[Path, ...] = ()

    @property
    def missed(self) -> bool:
        """Whether a promise was not kept, or nobody was woken at all."""
        review = self.reviewed.review if self.reviewed is not None else None
        return review is None or not review.timeline.first_page_ms or bool(review.missed)


def run_drill(call: DrillCall, out: Console, *, terminal: TextIO, stop: asyncio.Event | None = None) -> Score:
    """Run a drill to its end, telling its story on `out`; returns its score.

    Raises `UsageError` where another drill runs, `SettingsError`, `ChartError` or `SourceError` for what is not right.
    """
    return asyncio.run(drill(call, out, terminal=terminal, stop=stop))


async def drill(call: DrillCall, out: Console, *, terminal: TextIO, stop: asyncio.Event | None = None) -> Score:
    """The same within a loop. Set `stop` to end it; Ctrl-C and SIGTERM do so, where the loop can hear them."""
    if call.channel is not None and not is_slack_channel(call.channel):
        raise UsageError(f'--channel is "{call.channel[:60]}", {NO_CHANNEL}')
    wall = SteadyClock()
    name = f"{DRILL}{_base36(wall() // 1000)}"
    data = call.settings.data_path if call.configured else None
    held = _alone(data) if data is not None else None
    try:
        directory = _directory(call, data, name)
        say = _Teller(out)
        settings, script = _prepared(call, name, directory, wall, say)
        learn(settings, script.past, clock=lambda: script.warm_ms)
        hear_before(directory, script)
        file = DrillFile(
            name=name,
            speed=call.speed or call.settings.drill.speed,
            core_ms=script.begin_ms,
            wall_ms=wall(),
            ends_ms=wall() + (call.longest_ms or call.settings.drill.longest),
            brands=first_of(settings.brands),
            pid=os.getpid(),
        )
        write_drill(directory, file)
        if data is not None:
            announce(data, Running(str(directory.resolve()), file))
        beside = Beside(data, first_of(call.settings.brands)) if data is not None else None
        time = DrillTime(file, wall, beside)
        works = Works(settings, time.now, terminal=terminal, drill=time)
        ended = await _Play(works, time, script, say).run(stop or asyncio.Event(), data)
    finally:
        if data is not None and held is not None:
            withdraw(data)
            held.close()
    score = _scored(directory, ended)
    write_score(directory, _kept(score, wall()))
    return score


def _base36(number: int) -> str:
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    found = ""
    while number:
        number, digit = divmod(number, 36)
        found = digits[digit] + found
    return found or "0"


def _alone(data: Path) -> Lock:
    """One drill at a time. Raises `UsageError`."""
    try:
        return lock(data / DRILLS)
    except StoreError as error:
        raise UsageError(f"another drill runs already, and one at a time is enough: {error}") from None


def _directory(call: DrillCall, data: Path | None, name: str) -> Path:
    directory = call.data or (data / DRILLS / name if data is not None else Path(tempfile.mkdtemp(prefix="tocsin-")))
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(directory.iterdir()):
        raise UsageError(f"{directory}: is not empty; a drill keeps its things in a directory of its own: --data DIR")
    return directory


def _prepared(
    call: DrillCall, name: str, directory: Path, wall: Callable[[], int], say: "_Teller"
) -> tuple[Settings, Script]:
    settings = drill_settings(call.settings, name, directory, channel=call.channel, slack=call.slack)
    if call.files:
        script = recorded(
            call.files,
            settings.model_copy(update={"mode": "live"}),
            learn=call.learn,
            since_ms=call.since_ms,
            until_ms=call.until_ms,
            looking=lambda: say.line("Looking for the crisis in it."),
        )
        return settings, script
    brand = brand_for_story(settings)
    script = made_up(call.story, brand.name, call.seed, wall(), directory)
    return settings.model_copy(update={"brands": (brand,)}), script


def _scored(directory: Path, ended: str) -> Score:
    """The review of the incident that woke people, else of the first; written beside the journal."""
    path = directory / "journal.db"
    found = [one for one in reversed(reviewing.incidents(path)) if BLIND not in one.incident]
    chosen = next((one for one in found if one.woken), found[0] if found else None)
    if chosen is None:
        return Score(ended, directory, None)
    reviewed = reviewing.review(path, chosen.incident, counterfactual=False)
    files = [*reviewing.write(reviewed, directory / "review.html", "html")]
    files += reviewing.write(reviewed, directory / "review.md", "markdown")
    return Score(ended, directory, reviewed, tuple(files))


def _kept(score: Score, ended_ms: int) -> DrillScore:
    """The figures of a score, without a word that anybody wrote."""
    if score.reviewed is None:
        return DrillScore(ended=score.ended, ended_ms=ended_ms)
    review = score.reviewed.review
    worst = review.timeline.worst
    return DrillScore(
        ended=score.ended,
        ended_ms=ended_ms,
        incident=worst.incident,
        brand=worst.brand,
        scenario=worst.scenario,
        severity=worst.severity,
        paged=bool(review.timeline.first_page_ms),
        missed=score.missed,
        figures=tuple(Took(one.name, one.took_ms, one.promised_ms, one.kept) for one in review.figures),
    )


# ---- while it runs


class _Teller:
    """Tells the one who leads the drill what is decided, as it is."""

    def __init__(self, out: Console) -> None:
        self._out = out

    def line(self, words: str) -> None:
        """One line, as it is."""
        self._out.print(safe(words), markup=False, highlight=False, soft_wrap=True)


class _Play:
    """One drill under way."""

    def __init__(self, works: Works, time: DrillTime, script: Script, say: _Teller) -> None:
        self._works = works
        self._time = time
        self._script = script
        self._say = say
        self._next = 0
        """The first post of the script that was not fed yet."""
        self._heard = 0
        self._woken = False
        self._closed = ""
        self._zones = {brand.name: brand.timezone for brand in works.brands}

    async def run(self, stop: asyncio.Event, data: Path | None) -> str:
        """Play to the end; returns why it ended."""
        with _signals(stop):
            await self._works.begin()
            sending = asyncio.create_task(self._works.delivery.run())
            try:
                async with presses(self._works, self._time, data, self._say.line):
                    self._opening()
                    ended = await self._until_over(stop, sending)
                    await self._settle()
            finally:
                await self._works.delivery.finish(LAST_MS)
                sending.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await sending
                await self._works.end()
        return ended

    def _opening(self) -> None:
        drill, slack = self._time.drill, self._works.settings.slack
        where = f"to channel {slack.channel} of Slack" if slack is not None else "to this terminal"
        length = (self._script.end_ms - self._script.begin_ms) // MINUTE_MS
        self._say.line(
            f"DRILL {drill.name}: {len(self._script.posts)} posts over {length} minutes, {drill.speed} times as fast, "
            f"{where}. Ctrl-C ends it."
        )

    async def _until_over(self, stop: asyncio.Event, sending: "asyncio.Task[None]") -> str:
        while not (ended := self._over(stop)):
            if sending.done():
                await sending  # what delivery failed with
            await self._beat()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self._pause_s())
        return ended

    async def _settle(self) -> None:
        """What is under way is finished, and what became of it known to the core."""
        give_up = self._time.wall() + SETTLES_S * 1000
        beats = 0
        while beats < 3 or (self._works.home.outbox.unsettled() and self._time.wall() < give_up):
            beats = beats + 1 if not self._works.home.outbox.unsettled() else 0
            await self._beat()
            await asyncio.sleep(self._pause_s())
            if self._time.wall() >= give_up:
                break

    def _pause_s(self) -> float:
        step_ms = self._works.step_ms
        left_ms = step_ms - self._time.now() % step_ms
        return max(SHORTEST_BEAT_S, left_ms / 1000 / self._time.drill.speed)

    async def _beat(self) -> None:
        now_ms, posts = self._time.now(), self._script.posts
        until = self._next
        while until < len(posts) and posts[until].at_ms <= now_ms:
            until += 1
        if until > self._next:
            await self._works.appender.append([("mention", one.source, one.body) for one in posts[self._next : until]])
            self._next = until
        await self._works.beat()
        self._listen()

    def _listen(self) -> None:
        """Tell what was decided since the last beat."""
        taken = sum(state.decisions for state in self._works.engine.brands.values())
        if taken == self._heard:
            return
        decided = [recorded.decision for recorded in self._works.home.journal.decisions()]
        for one in decided[self._heard :]:
            self._woken = self._woken or (one.kind in WAKES and one.scenario != BLIND)
            if one.scenario != BLIND:
                self._closed = reason_words[one.reason] if one.kind == "StandDown" else self._closed
            if one.reason != "still_going":
                self._say.line(f"{local(one.at_ms, self._zones.get(one.brand, 'UTC')):%H:%M:%S}  {thread_line(one)}")
        self._heard = len(decided)

    def _over(self, stop: asyncio.Event) -> str:
        """Why the drill is over, "" while it is not."""
        now_ms, last_ms = self._time.now(), self._script.end_ms
        books = [state.book for state in self._works.engine.brands.values() if state.book is not None]
        is_open = any(book.incident is not None and book.incident.is_open for book in books)
        if stop.is_set():
            return "stopped"
        if self._time.wall() >= self._time.drill.ends_ms:
            return "its time is up"
        if self._woken and self._closed and not is_open:
            return f"over: {self._closed}"
        if now_ms >= last_ms + (WAITS_MS if is_open else QUIET_MS):
            return "the recording is over, and nobody closed the incident" if is_open else "the recording is over"
        return ""


@contextlib.contextmanager
def _signals(stop: asyncio.Event) -> Iterator[None]:
    loop, heard = asyncio.get_running_loop(), []
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, stop.set)
            heard.append(number)
    try:
        yield
    finally:
        for number in heard:
            loop.remove_signal_handler(number)


# ---- the score


def score_lines(score: Score) -> list[str]:
    """How it went, for the one who led it."""
    lines = ["", f"The drill has ended: {score.ended}."]
    if score.reviewed is None:
        return [*lines, "Nothing was noticed, and nobody was told anything.", f"journal: {score.directory}/journal.db"]
    review = score.reviewed.review
    if not review.timeline.first_page_ms:
        lines.append("Nobody was woken.")
    lines += [_figure_line(review, number) for number in range(len(review.figures))]
    return [*lines, *(f"review: {file}" for file in score.files)]


def _figure_line(review: Review, number: int) -> str:
    figure = review.figures[number]
    real = real_time(figure, review)
    took = f"{figure.took}{f' ({real} really)' if real else ''}"
    promise = f"; promised within {figure.promised}: {figure.verdict}" if figure.promised else ""
    return f"{figure.title}: {took}{promise}"
