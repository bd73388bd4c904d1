"""One run: a process that is killed, paused and started again, the world around it, and the people in it."""

import asyncio
import io
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from alerting.delivery.pagerduty import PagerDutyWay
from alerting.delivery.worker import Delivery
from stream import crash
from stream.sources import store
from stream.sources.intake_log import Item
from tests.acceptance.living import PEOPLE
from tests.fakes.slack.ledger import Message
from tests.simulation.disk import MemoryDisk
from tests.simulation.loop import Killed, Timeline, VirtualLoop
from tests.simulation.outside import CHANNEL, Alert, Network, PagerClient, Session, SimPagerDuty, SimSlack
from tests.simulation.past import ENVIRONMENT, SERVICES, SOURCE, START_MS, STEP_MS, Past
from tocsin.heartbeat import Ages, Heartbeat
from tocsin.slack_desk import SlackDesk
from tocsin.steady_clock import SteadyClock
from tocsin.works import Works

LONGEST_MS = 25 * 60_000
"""A run that is not over by then is over."""
DOOR_MS = 3_000
"""So long whoever clicks or sends waits for an answer."""
AGAIN_MS = 5_000
TRIES = 8
DIES = ("kill", "kill_again", "kill_recovering", "power_loss")


@dataclass
class Death:
    """The process dies where it passes a point for the `nth` time in the life that is `life`."""

    kind: str
    point: str
    """The name of the point, or "" for any."""
    nth: int
    life: int = 1
    left: int = 0

    def __post_init__(self) -> None:
        self.left = self.nth


@dataclass
class Clicked:
    """A press of a button that a person was told is done. `at_ms` is when they were told."""

    who: str
    action: str
    incident: str
    at_ms: float
    said: str


@dataclass
class Batch:
    """Mentions that a sender sends until they are accepted."""

    brand: str
    at_ms: float
    lines: list[bytes]
    accepted_ms: float = 0
    sent: int = 0


@dataclass
class Facts:
    """What really happened, kept by the world itself."""

    clicks: list[Clicked] = field(default_factory=list)
    touches: list[float] = field(default_factory=list)
    rings: list[tuple[float, str, str]] = field(default_factory=list)
    """When, who, for which incident."""
    deaths: list[tuple[float, str]] = field(default_factory=list)
    says: list[tuple[float, str]] = field(default_factory=list)


class World:
    """Runs one story. What is random in it follows from `rng`."""

    def __init__(
        self, past: Past, rng: random.Random, disk: MemoryDisk, delivery: type[Delivery] | None = None
    ) -> None:
        self.past = past
        self.rng = rng
        self.disk = disk
        self.fired: Counter[str] = Counter()
        self.passed: Counter[str] = Counter()
        """Crash points, and how often they were passed."""
        self.timeline = Timeline(START_MS)
        self.network = Network(self.timeline, rng, self.fired)
        self.slack = SimSlack(self.network, ENVIRONMENT["SLACK_BOT_TOKEN"])
        self.slack.heard = self._message
        self.pager = SimPagerDuty(self.network, SERVICES, heard=self._alert)
        self.wall_off_ms = 0
        self.deaths: list[Death] = []
        self.batches: list[Batch] = []
        self.facts = Facts()
        self.reacts: Callable[[str, str], None] = lambda _who, _incident: None
        """What a person does who was woken."""
        self.over: Callable[[], bool] = lambda: False
        """Whether there is nothing left to wait for."""
        self.poll_ms = 2_000
        self.lasts_ms = 60_000
        """So long a run goes on, and two steps, after the last was woken or somebody has it: nothing may come then."""
        self.disk_ms = 5.0
        self.works: Works | None = None
        self.desk: SlackDesk | None = None
        self.loop: VirtualLoop | None = None
        self.open = False
        self._delivery = delivery
        self._lost_power = False
        self._stop: asyncio.Event | None = None
        self._ending = False

    # ---- the run

    def run(self) -> None:
        """Let everything happen, up to the last stop."""
        crash.install(self._pass)
        store.install(self.disk)
        for batch in self.batches:
            self.timeline.at(batch.at_ms, lambda batch=batch: self._send(batch))  # type: ignore[misc]
        self._watch()
        try:
            while not self._ending:
                self._live()
        finally:
            crash.install(None)
            store.install(store.Files())

    def say(self, what: str) -> None:
        """Note it for the story."""
        self.facts.says.append((self.timeline.now_ms, what))

    def _watch(self) -> None:
        if self.over() or self.timeline.now_ms - START_MS > LONGEST_MS:
            self.deaths.clear()
            self.network.troubles.clear()
            self.disk.refuses = None
            self.timeline.after(2 * STEP_MS, self._finish)  # what is in the log is counted with the next step
        else:
            self.timeline.after(10_000, self._watch)

    def _finish(self) -> None:
        asleep = self.loop is not None and self.loop.paused_until_ms > self.timeline.now_ms
        if self._stop is None or not self.open or asleep:
            self.timeline.after(2 * STEP_MS, self._finish)
            return
        self._ending = True
        self._stop.set()

    # ---- a process

    def _live(self) -> None:
        loop = self.loop = VirtualLoop(self.timeline, lambda: self.rng.uniform(0.2, 2) * self.disk_ms)
        how = "ended"
        try:
            loop.run_until_complete(self._process())
        except Killed:
            how = self.facts.deaths[-1][1]
        except Exception as error:
            how = f"failed: {type(error).__name__}: {error}"
        finally:
            loop.abandon()
        self.open, self.works, self.desk, self.loop, self._stop = False, None, None, None, None
        self.say(f"the process {how}")
        if self._lost_power:
            self._lost_power = False
            self.disk.lose_power()
        else:
            self.disk.kill()
        if not self._ending:
            self.timeline.pass_to(self.timeline.now_ms + self.rng.uniform(500, 8_000))
            self.say("the process starts")

    async def _process(self) -> None:
        self._stop = asyncio.Event()
        life, loop = self.disk.life, asyncio.get_running_loop()
        works, desk = self.build(lambda: self.disk.life == life)
        await works.begin()
        self.works, self.desk, self.open = works, desk, True
        ages = Ages(self._running_ms)
        heartbeat = Heartbeat(
            lambda: works.facts(ages), url="touch", every_ms=60_000, touch=self._touch, look_every_s=10.0,
            monotonic_ms=self._running_ms,
        )  # fmt: skip
        work = (self._beats(works), works.delivery.run(), heartbeat.run())
        tasks = [loop.create_task(one) for one in work]
        stopped = loop.create_task(self._stop.wait())
        await asyncio.wait([*tasks, stopped], return_when=asyncio.FIRST_COMPLETED)
        self.open = False
        for task in (*tasks, stopped):
            if task.done():
                task.result()
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await works.end()

    def build(self, alive: Callable[[], bool]) -> tuple[Works, SlackDesk]:
        """What a service is made of, over the ports of this world."""
        clock = SteadyClock(self._wall_ms, self._running_ms)
        works = Works(self.past.settings(), clock, terminal=io.StringIO())
        assert works.settings.slack is not None
        desk = SlackDesk(works, works.settings.slack)
        self._plug(works, desk, alive)
        return works, desk

    async def _beats(self, works: Works) -> None:
        while True:
            await asyncio.sleep((works.step_ms - works.clock() % works.step_ms) / 1000 + 0.002)
            await works.beat()

    def _plug(self, works: Works, desk: SlackDesk, alive: Callable[[], bool]) -> None:
        """The declared ports: connections to Slack and PagerDuty, and how often delivery looks."""
        session: Any = Session(self.slack, alive)
        for client in web_clients([works.delivery, desk]):
            client.session = session
        for way in works.delivery._ways.values():
            if isinstance(way, PagerDutyWay):
                way._client = PagerClient(self.pager, alive)  # type: ignore[assignment]
        works.delivery._poll_s = self.poll_ms / 1000
        if self._delivery is not None:
            works.delivery.__class__ = self._delivery

    async def _touch(self, _url: str) -> int:
        self.facts.touches.append(self.timeline.now_ms)
        return 200

    def _wall_ms(self) -> int:
        return int(self.timeline.now_ms) + self.wall_off_ms

    def _running_ms(self) -> int:
        return int(self.timeline.now_ms) - START_MS

    # ---- dying

    def _pass(self, point: str) -> None:
        self.passed[point] += 1
        for death in self.deaths:
            if death.left and death.life == self.disk.life and death.point in ("", point):
                death.left -= 1
                if not death.left:
                    self.fired[death.kind] += 1
                    self.fired[f"at {point}"] += 1
                    self._lost_power = death.kind == "power_loss"
                    self.facts.deaths.append((self.timeline.now_ms, f"was killed at {point} ({death.kind})"))
                    self.disk.life += 1  # whoever still tries to write finds itself dead
                    raise Killed

    def terminate(self) -> None:
        """SIGTERM."""
        if self._stop is not None and self.open:
            self.fired["sigterm"] += 1
            self._stop.set()

    def pause(self, for_ms: float) -> None:
        """The machine sleeps."""
        if self.loop is not None:
            self.fired["pause"] += 1
            self.say(f"the machine sleeps for {for_ms / 1000:.0f} s")
            self.loop.paused_until_ms = self.timeline.now_ms + for_ms

    def jump(self, by_ms: int) -> None:
        """Somebody sets the clock."""
        self.fired["clock_ahead" if by_ms > 0 else "clock_back"] += 1
        self.say(f"the clock is moved by {by_ms / 1000:.0f} s")
        self.wall_off_ms += by_ms

    # ---- senders and people

    def _send(self, batch: Batch) -> None:
        if batch.accepted_ms:
            return
        batch.sent += 1
        if self.loop is not None and self.open and self.works is not None:
            self.loop.create_task(self._post(self.works, batch))
        self.timeline.after(AGAIN_MS, lambda: self._send(batch))

    async def _post(self, works: Works, batch: Batch) -> None:
        items: list[Item] = [("mention", SOURCE, line) for line in batch.lines]
        try:
            await works.appender.append(items)
        except store.StoreError:
            return
        trouble = self.network.draw("ingest")
        if trouble is not None:
            self.fired[trouble.kind] += 1
        elif not batch.accepted_ms:
            batch.accepted_ms = self.timeline.now_ms
            self.say(f"{len(batch.lines)} mentions accepted")

    def _message(self, message: Message) -> None:
        self.say(f"Slack {message.channel} takes {message.page_id}: {message.text[:70]!r}")
        for who, user in PEOPLE.items():
            if f"<@{user}>" in message.text or message.channel == f"D{user[1:]}":
                self._rang(who, message.incident)

    def _alert(self, alert: Alert) -> None:
        self.say(f"PagerDuty takes {alert.key} for {alert.person}")
        self._rang(alert.person, alert.incident)

    def _rang(self, who: str, incident: str) -> None:
        self.facts.rings.append((self.timeline.now_ms, who, incident))
        self.reacts(who, incident)

    def press(self, who: str, action: str, incident: str, tries: int = TRIES) -> None:
        """Press a button of the incident's card, and again where it is not taken."""
        before = len(self.facts.clicks)
        card = next((m for m in self.slack.ledger.posts if m.channel == CHANNEL and m.incident == incident), None)
        loop, desk = self.loop, self.desk
        if card is not None and loop is not None and desk is not None and self.open:
            try:
                payload = self.slack.interactivity.payload(card, f"tocsin.{action}", PEOPLE[who], None, stale=True)
            except LookupError:
                return
            del payload["trigger_id"]
            loop.create_task(self._press(desk, payload, who, action, incident))

        def again() -> None:
            if len(self.facts.clicks) == before and tries > 1:
                self.press(who, action, incident, tries - 1)

        self.timeline.after(DOOR_MS + AGAIN_MS, again)

    async def _press(self, desk: SlackDesk, payload: dict[str, Any], who: str, action: str, incident: str) -> None:
        answered = await desk.reception.take("interactive", payload)
        if answered is None:
            return
        self.say(f"{who} pressed {action}: answered")
        self.facts.clicks.append(Clicked(who, action, incident, self.timeline.now_ms, ""))


def web_clients(roots: list[Any]) -> list[AsyncWebClient]:
    """Every client of Slack that these hold, however deep within our own objects."""
    found: dict[int, AsyncWebClient] = {}
    seen: set[int] = set()
    waiting = list(roots)
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, AsyncWebClient):
            found[id(one)] = one
        elif isinstance(one, dict):
            waiting += one.values()
        elif type(one).__module__.startswith(("alerting.delivery", "tocsin.slack_desk")):
            waiting += vars(one).values() if hasattr(one, "__dict__") else ()
    return list(found.values())
