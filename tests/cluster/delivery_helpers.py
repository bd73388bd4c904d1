"""Delivery workers for tests: in this process or in their own, decisions written for them, and what reached Slack."""

import asyncio
import contextlib
import io
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from alerting.decision import Decision
from stream.codec import CHAIN_START, canonical
from stream.kafka.clients import Brokers
from stream.kafka.cuts import Outgoing
from stream.kafka.records import kind_and_source
from stream.kafka.tail import Tail
from stream.kafka.writer import Writer
from tests.acceptance.living import BRAND, ENVIRONMENT, configure
from tests.cluster.processes import eventually, free_port
from tests.fakes.slack import FakeSlack, Message
from tests.tocsin.test_drawing import decision
from tocsin.entry import ConfigChange, ControlEvent, DeliveryReport
from tocsin.scaled.core_partition import Decided
from tocsin.scaled.delivery_worker import DeliveryWorker
from tocsin.scaled.ground import lay
from tocsin.serving import address_of, listener, opened, server_of
from tocsin.settings import Settings, load_settings

T = TypeVar("T")
PATIENCE_S = 40
SESSION_MS = 1_500
"""A test does not wait ten seconds for every death."""
CLUSTER = """\
cluster:
  names_key_env: NAMES_KEY
  kafka: {{bootstrap: "{bootstrap}", prefix: "{prefix}", mentions: {mentions}, entries: {entries}, replication: 1}}
  redis: {{url: "{redis}"}}
"""
SECRETS = ENVIRONMENT | {"NAMES_KEY": "5e" * 32}


def written(home: Path, brokers: Brokers, redis: str, slack: FakeSlack, *, grace: str = "4s", extra: str = "") -> Path:
    """The configuration of workers on these brokers; its path."""
    layout = brokers.layout
    cluster = CLUSTER.format(
        bootstrap=brokers.bootstrap,
        prefix=layout.prefix,
        mentions=layout.mentions,
        entries=layout.entries,
        redis=redis,
    )
    home.mkdir(parents=True, exist_ok=True)
    return configure(home, slack, grace=grace, extra=cluster + extra, within="10m")


def settings_of(config: Path) -> Settings:
    """The configuration, with the secrets of the tests."""
    return load_settings(config, SECRETS)


# ---- the core's part


def page(number: int, kind: Any = "Page", incident: str = "tulpatel-1", **more: Any) -> Decision:
    """The core pages Ana, now."""
    told: dict[str, Any] = {"targets": ("ana",), "by": ("slack",), "node": "wake_ana"} if kind == "Page" else {}
    changes = {"brand": BRAND, "incident": incident, "key": f"{incident}/{number}/{kind}", **told, **more}
    made = decision(number, time.time_ns() // 1_000_000, kind)
    return msgspec.structs.replace(made, **changes)


async def decide(brokers: Brokers, decisions: Sequence[Decision]) -> None:
    """Write decisions as a core worker does."""
    layout = brokers.layout
    records = [
        Outgoing(
            layout.name("decisions"),
            layout.brand_partition(one.brand),
            one.brand.encode(),
            canonical(Decided(one.brand, number, CHAIN_START, one)),
        )
        for number, one in enumerate(decisions, 1)
    ]
    writer = Writer(brokers)
    await writer.start()
    await writer.write(records)
    await writer.stop()


async def said(brokers: Brokers) -> list[ControlEvent]:
    """What people said and what became of pages, in order."""
    return [one for one in await _control(brokers) if not isinstance(one, ConfigChange)]


async def configured(brokers: Brokers) -> list[ConfigChange]:
    """What the core was told of flowcharts, in order."""
    return [one for one in await _control(brokers) if isinstance(one, ConfigChange)]


async def contents(brokers: Brokers) -> set[str]:
    """The digests of all contents that are known to everybody."""
    async with Tail(brokers, brokers.layout.name("contents"), 0) as tail:
        held = await tail.held()
        return {record.key.decode() async for records in tail.read(held.first, held.end) for record in records}


async def at_least(asked: Awaitable[list[T]], count: int) -> list[T]:
    """What was asked for, once there is so much of it."""
    found = await asked
    return found if len(found) >= count else []


async def _control(brokers: Brokers) -> list[ControlEvent]:
    found: list[ControlEvent] = []
    async with Tail(brokers, brokers.layout.name("control"), 0) as tail:
        held = await tail.held()
        async for records in tail.read(held.first, held.end):
            for record in records:
                if kind_and_source(record.headers)[0] == "control":
                    found.append(msgspec.json.decode(record.value, type=ControlEvent))
    return found


async def reports(brokers: Brokers) -> list[tuple[str, str]]:
    """What the core is told of pages: their decisions' keys, and what became of them."""
    return [(one.key, one.outcome) for one in await said(brokers) if isinstance(one, DeliveryReport)]


async def is_told(brokers: Brokers, report: tuple[str, str]) -> bool:
    """Whether the core was told this."""
    return report in await reports(brokers)


async def until(true: Callable[[], Any], what: str, within_s: float = PATIENCE_S) -> Any:
    """Wait for it; what it gave."""
    return await eventually(true, what, within_s)


def pages(slack: FakeSlack) -> Counter[str]:
    """How often each page was posted."""
    return Counter(message.page_id for message in slack.ledger.posts if message.page_id)


def cards(slack: FakeSlack, channel: str = "C1") -> list[Message]:
    """What stands in the channel itself."""
    return [message for message in slack.messages(channel) if message.thread_ts in (None, message.ts)]


# ---- in this process


@contextlib.asynccontextmanager
async def at_work(config: Path, **more: Any) -> AsyncIterator[DeliveryWorker]:
    """A worker that works; it ends in order. It may have been ended in the test."""
    worker = DeliveryWorker(lay(settings_of(config)), terminal=io.StringIO(), session_ms=SESSION_MS, **more)
    working = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        await worker.stop()
        await working


@contextlib.asynccontextmanager
async def door_of(worker: DeliveryWorker, slack: FakeSlack) -> AsyncIterator[str]:
    """Slack reaches this worker, and no other."""
    listening = listener("127.0.0.1", 0)
    server = server_of(list(worker.routes()))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    await opened(server)
    slack.reached_at(address_of(listening))
    try:
        yield address_of(listening)
    finally:
        server.should_exit = True
        await serving


# ---- in a process of its own


class Process:
    """A delivery worker to be killed and paused. `dies_at` and `stops_at` name crash points where it does by itself."""

    def __init__(self, config: Path, *, dies_at: str = "", stops_at: str = "") -> None:
        self.port = free_port()
        self._output = config.parent / f"delivery-{self.port}.log"
        words = [sys.executable, "-m", "tests.cluster.delivery_process", str(config), str(self.port), stops_at]
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                words,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **SECRETS, "TOCSIN_CRASH_AT": dies_at},
            )

    @property
    def base_url(self) -> str:
        """Where Slack would reach it."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def said(self) -> str:
        """All that it wrote."""
        return self._output.read_text("utf-8", "replace")

    @property
    def leads(self) -> bool:
        """Whether it took over, by its own words, and did not say since that this ended."""
        said = self.said
        return said.rfind("pages_in_doubt") > said.rfind("leads the delivery no more")

    @property
    def is_stopped(self) -> bool:
        """Whether it stands still (SIGSTOP)."""
        stat = Path(f"/proc/{self._process.pid}/stat").read_text("ascii", "replace")
        return stat.rpartition(")")[2].split()[0] == "T"

    @property
    def status(self) -> int | None:
        """How it ended, if it did."""
        return self._process.poll()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def end(self) -> None:
        """Nothing of it is left."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()


@contextlib.contextmanager
def ended(*processes: Process) -> Any:
    """Whatever the test did, these end."""
    try:
        yield
    except BaseException:
        for process in processes:
            print(process.said[-6000:])
        raise
    finally:
        for process in processes:
            process.end()
