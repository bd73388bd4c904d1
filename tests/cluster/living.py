"""A living deployment for tests: `tocsin worker` in processes of their own, a supervisor that starts anew what ended,
a brand with a past, and a Slack.

The brand's quiet past is written into the topics with the stamps of those hours, before the brokers are told to stamp
what they take in; what happens from then on happens in real time.
"""

import asyncio
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from stream.codec import HOUR_MS, MINUTE_MS, canonical, parse_rfc3339
from stream.kafka.appender import unnamed_partition
from stream.kafka.clients import Brokers
from stream.kafka.cuts import Outgoing
from stream.kafka.records import headers_of
from stream.kafka.starting import started
from stream.kafka.writer import Writer
from tests.acceptance.living import BRAND, CHANNEL, CHART, SOURCE, line_of
from tests.cluster.intake_helpers import places
from tests.cluster.one_worker import SECRETS, Worker
from tests.cluster.valkey import Valkey
from tests.fakes.slack import FakeSlackThread
from tocsin.entry import ConfigChange
from tocsin.live_chart import LiveChart
from tocsin.scaled.contents import content_record
from tocsin.settings import load_settings
from tocsin.state import Contents
from tocsin.synthetic import merged, quiet

PATIENCE_S = 90
LOAD = ("Brightair", "Koperbank", "Norfolk")
"""Brands without a past, of which much is said all the time: what is counted."""
TROUBLED = (BRAND, "Aldervale", "Brinkhout", "Corvana", "Duinrail", "Elsbank", "Fjordpost", "Grunewind")
"""Brands with a past, each of which may have its crisis when the one before is acknowledged."""
ROLES = ("intake", "core", "delivery")
SESSION_MS = 3_000
"""So long the others wait for a worker that says nothing: the tests have less time than an operator."""
CONFIG = """\
step: 1s
flowchart: chart.yaml
data: {home}/data
brands:
{brands}
sources:
  - {{name: social, secret_env: SOCIAL_SECRET, rate: 5000}}
ingest: {{listen: "127.0.0.1:{door}"}}
delivery: {{grace: {grace}, timeout: 2s}}
slack: {{channel: {channel}, mode: http, base_url: "{slack}"}}
cluster:
  names_key_env: NAMES_KEY
  kafka: {{bootstrap: "{bootstrap}", prefix: "{prefix}", mentions: {mentions}, entries: {entries}, replication: 1}}
  redis: {{url: "{redis}"}}
  listen: "127.0.0.1:{health}"
  stalled: 60s
"""
PAGES = 'severity in ["high", "critical"]'


def is_about(row: dict[str, Any], brand: str) -> bool:
    """Whether a brand's query finds it, or it is its own."""
    return brand.lower() in row["text"].casefold() or row["author"] == brand.lower()


def _brand_line(name: str) -> str:
    return f"  - {{name: {name}, query: {name.lower()}, languages: [en, nl], own_accounts: [{name.lower()}]}}"


class Deployment:
    """Workers over brokers, a Valkey and a Slack, with a supervisor. `with` ends them all."""

    def __init__(
        self,
        home: Path,
        brokers: Brokers,
        valkey: Valkey,
        slack: FakeSlackThread,
        *,
        within: str = "15s",
        grace: str = "8s",
        session_ms: int = SESSION_MS,
        troubled: Sequence[str] = (BRAND,),
        patience_s: float = PATIENCE_S,
        extra: str = "",
    ) -> None:
        """`troubled` are the brands that have a past and may have a crisis; `patience_s` is how long a test waits for
        anything that must come; `extra` are more lines of the configuration.
        """
        self.home, self.brokers, self.valkey, self.slack = home, brokers, valkey, slack
        self.troubled = tuple(troubled)
        self.patience_s = patience_s
        self.workers: dict[str, Worker] = {}
        self.paused: set[str] = set()
        self._session_ms = session_ms
        layout = brokers.layout
        self._config = CONFIG.format(
            home=home,
            brands="\n".join(map(_brand_line, (*self.troubled, *LOAD))),
            door="@door@",
            health="@health@",
            grace=grace,
            channel=CHANNEL,
            slack=slack.base_url,
            bootstrap=brokers.bootstrap,
            prefix=layout.prefix,
            mentions=layout.mentions,
            entries=layout.entries,
            redis=valkey.url(),
        )
        self._config += extra
        chart = CHART.format(within=within)
        assert PAGES in chart
        names = ", ".join(f'"{name}"' for name in self.troubled)
        (home / "chart.yaml").write_text(chart.replace(PAGES, f"brand in [{names}] && {PAGES}"))
        self._over = threading.Event()
        self._supervisor = threading.Thread(target=self._supervise, daemon=True)

    def __enter__(self) -> "Deployment":
        self._supervisor.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._supervisor.join()
        for worker in self.workers.values():
            worker.end()

    def _supervise(self) -> None:
        while not self._over.wait(0.1):
            for worker in list(self.workers.values()):
                worker.tend()

    @property
    def deployed(self) -> Brokers:
        """The brokers as the workers are told of them: topics that are made anew are stamped from the first record."""
        return replace(self.brokers, layout=self.brokers.layout._replace(stamped=True))

    # ---- workers

    def start(self, name: str, *roles: str) -> Worker:
        """Start a worker of these roles."""
        worker = Worker(name, roles, self.home, self._config, self._session_ms)
        worker.start()
        self.workers[name] = worker
        return worker

    def of(self, role: str) -> list[Worker]:
        """The workers of a role, in the order in which they came."""
        return [worker for worker in self.workers.values() if role in worker.roles]

    def doors(self, role: str) -> list[str]:
        """Where the workers of a role listen, those that run and are not paused."""
        return [one.url for one in self.of(role) if one.runs and one.name not in self.paused]

    def pause(self, name: str) -> None:
        """SIGSTOP: it stands still, and its connections stay."""
        self.paused.add(name)
        self.workers[name].signal(signal.SIGSTOP)

    async def pause_at(self, name: str, point: str) -> None:
        """It stands still at this crash point, from when it comes by it next."""
        worker = self.workers[name]
        worker.stop_at(point)
        self.paused.add(name)
        await until(lambda: worker.is_stopped, self.patience_s, f"{name} comes by {point}")

    def wake(self, name: str) -> None:
        """SIGCONT."""
        self.workers[name].signal(signal.SIGCONT)
        self.paused.discard(name)

    def killed(self) -> int:
        """How many times a worker was ended by SIGKILL."""
        return sum(worker.ends[-signal.SIGKILL] for worker in self.workers.values())

    def others(self) -> dict[str, Counter[int]]:
        """Ends that no SIGKILL brought about."""
        found = {name: worker.ends - Counter({-signal.SIGKILL: 10**6}) for name, worker in self.workers.items()}
        return {name: ends for name, ends in found.items() if ends}

    async def all_ready(self) -> None:
        """Wait until each worker says that it is ready."""
        for worker in list(self.workers.values()):

            def is_ready(worker: Worker = worker) -> bool:
                return worker.is_ready

            await until(is_ready, self.patience_s, lambda worker=worker: f"{worker.name}: {worker.ask('/readyz')}")

    async def stop(self, *roles: str) -> None:
        """End all workers of these roles in order; each ends with status 0."""
        going = [worker for worker in self.workers.values() if set(worker.roles) & set(roles or ROLES)]
        for worker in going:
            worker.wanted = False
        statuses = await asyncio.gather(*(asyncio.to_thread(worker.terminate) for worker in going))
        assert not any(statuses), [
            (one.name, status, one.said[-2000:]) for one, status in zip(going, statuses, strict=True) if status
        ]

    def hold_their_tongues(self) -> None:
        """No worker showed a traceback, or a secret, in any of its lives."""
        for worker in self.workers.values():
            said = worker.said
            assert "Traceback" not in said, f"{worker.name}: {said[said.index('Traceback') :][:2000]}"
            assert [name for name, secret in SECRETS.items() if secret in said] == []

    def tell(self) -> str:
        """The end of what each worker said: what a test that failed shows."""
        told = [f"=== {one.name} {one.ends}\n{one.said[-2500:]}{one.ask('/readyz')}" for one in self.workers.values()]
        return "\n".join(told)

    # ---- the past

    async def with_a_past(self, seed: int, *, hours: float = 30, per_hour: float = 12) -> Counter[str]:
        """Write a quiet past of each troubled brand, and let the brokers stamp whatever comes from now on. Asks for
        topics that were made with `stamped=False`. By brand, how many posts it holds.
        """
        now_ms = time.time_ns() // 1_000_000
        start_ms = now_ms - int(hours * HOUR_MS)
        told = {"start_ms": start_ms, "hours": hours, "per_hour": per_hour, "rhythm": False}
        streams = [quiet(seed + n, brand=brand, **told) for n, brand in enumerate(self.troubled)]  # type: ignore[arg-type]
        rows = list(merged(*streams))
        writer = Writer(self.brokers)
        await writer.start()
        try:
            assert await writer.write(self._configuration(start_ms))
            assert await writer.write([self._said_at(row, now_ms) for row in rows])
        finally:
            await writer.stop()
        await self.stamped()
        return Counter(brand for row in rows for brand in self.troubled if is_about(row, brand))

    def _configuration(self, at_ms: int) -> list[Outgoing]:
        """By which configuration the brands are judged from this moment on, as the leader of delivery says it."""
        settings, contents = load_settings(self.config_file(), SECRETS), Contents({})
        found = LiveChart(settings, settings.brand_list(), contents.put, lambda: at_ms).configured()
        records = [content_record(self.brokers, body) for body in contents.bodies().values()]
        topic, headers = self.brokers.layout.name("control"), headers_of("control", "")
        changes = [canonical(ConfigChange(brand, name, at_ms)) for brand, name in found]
        return [*records, *(Outgoing(topic, 0, None, body, headers, at_ms) for body in changes)]

    def config_file(self) -> Path:
        """The configuration of the workers, for whoever is none of them."""
        config = self.home / "past.yaml"
        config.write_text(self._config.replace("@door@", "1").replace("@health@", "1"))
        return config

    def _said_at(self, row: dict[str, Any], now_ms: int) -> Outgoing:
        at_ms = parse_rfc3339(row["created_at"])
        layout, name, body = self.brokers.layout, row["id"], line_of(row)
        home = layout.mention_partition(name) if name else unnamed_partition(layout, body)
        # Never ahead of the clock: what is said live would wait in the step of the last stamp until the clock is there.
        stamp_ms = min(at_ms // MINUTE_MS * MINUTE_MS + MINUTE_MS, now_ms)
        return Outgoing(layout.name("mentions"), home, name.encode(), body, headers_of("mention", SOURCE), stamp_ms)

    async def stamped(self) -> None:
        """Let the brokers stamp what they take in, as a deployment must have it."""
        topics = self.deployed.layout.topics()
        admin = await started(self.brokers.admin)
        try:
            wanted = [ConfigResource(ConfigResourceType.TOPIC, topic.name, topic.config()) for topic in topics]
            for answer in await admin.alter_configs(wanted):
                assert not any(one[0] for one in answer.resources), answer.resources
        finally:
            await admin.close()

    async def sealed(self) -> None:
        """Wait until intake has sealed something in every input partition: the past is told."""

        async def so() -> bool:
            return len(await places(self.brokers)) == self.brokers.layout.inputs

        await until(so, self.patience_s, "the past is sealed")

    async def up(self, **roles: int) -> None:
        """Start so many workers of each role (`intake=2`), intake first, and wait until all are ready."""
        for role in ROLES:
            for number in range(roles.get(role, 0)):
                self.start(f"{role}-{number + 1}", role)
            if role == "intake":
                await self.sealed()
        await self.all_ready()

    async def clicked(self, press: Callable[[], Any]) -> Any:
        """Click at one delivery worker after the other until Slack would take it as handled; how it was."""
        deadline = time.monotonic() + self.patience_s
        while True:
            for door in self.doors("delivery"):
                self.slack.reached_at(door)
                result = await asyncio.to_thread(press)
                if result.acked:
                    return result
            assert time.monotonic() < deadline, f"no worker took the click\n{self.tell()}"
            await asyncio.sleep(0.2)


async def until(so: Callable[[], Any], within_s: float, words: Callable[[], str] | str) -> Any:
    """Wait for it, looking in a thread of its own where it is no coroutine; what it gave."""
    deadline = time.monotonic() + within_s
    while True:
        found = await so() if asyncio.iscoroutinefunction(so) else await asyncio.to_thread(so)
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s} s: {words if isinstance(words, str) else words()}")
        await asyncio.sleep(0.1)


def kept_lines(workers: Iterable[Worker], words: str) -> list[str]:
    """The lines in which workers said something."""
    return [line for worker in workers for line in worker.said.splitlines() if words in line]
