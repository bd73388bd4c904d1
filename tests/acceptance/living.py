"""A living service for tests: a brand with a past, the service in this process or in its own, senders, and counts.

A brand that nobody knows yet warms up for hours, so its quiet past is written straight into the intake log, with the
stamps of those hours, and taken in by the service itself. What happens from then on happens in real time.
"""

import asyncio
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import httpx

from alerting.decision import Decision
from alerting.delivery.outbox import Outbox, OutboxRow
from alerting.view import WAKES
from stream.codec import HOUR_MS, MINUTE_MS, parse_rfc3339, rfc3339
from stream.sources.intake_log import IntakeLog
from stream.sources.signing import sign
from tests.fakes.slack import FakeSlack, FakeSlackThread, Message
from tocsin.embedded import Service, wall_clock_ms
from tocsin.entry import Answer, Control, Part
from tocsin.journal import open_existing
from tocsin.settings import Settings, load_settings
from tocsin.synthetic import Row, crisis, quiet

BRAND = "Tulpatel"
SOURCE = "social"
STEP_MS = 1_000
CHANNEL = "C1"
BOT_TOKEN = "xoxb-fake"
SIGNING_SECRET = "fake-signing-secret"
SOURCE_SECRET = "a-secret-of-the-source"
ENVIRONMENT = {
    "SLACK_BOT_TOKEN": BOT_TOKEN,
    "SLACK_APP_TOKEN": "xapp-fake",
    "SLACK_SIGNING_SECRET": SIGNING_SECRET,
    "SOCIAL_SECRET": SOURCE_SECRET,
}
PEOPLE = {"ana": "U0ANA", "bram": "U0BRAM", "chloe": "U0CHLOE"}
OUTSIDER = "U3"

CHART = """\
version: 1
owner: Head of communications
last_resort: [chloe]
responders:
  ana: {{name: Ana Diaz, slack: U0ANA}}
  bram: {{name: Bram de Vries, slack: U0BRAM}}
  chloe: {{name: Chloe Martin, slack: U0CHLOE}}
entry:
  viral_complaint: is_serious
  backlash: is_serious
  campaign_blunder: is_serious
  data_security: is_serious
  service_outage: is_serious
  blind: nothing
nodes:
  is_serious:
    question: Must somebody be woken?
    when: severity in ["high", "critical"]
    yes: wake_ana
    no: nothing
  wake_ana:
    page: ana
    acknowledge_within: {within}
    if_not_acknowledged: wake_bram
    then: nothing
  wake_bram:
    page: bram
    acknowledge_within: {within}
    if_not_acknowledged: wake_chloe
    then: nothing
  wake_chloe:
    page: chloe
    then: nothing
  nothing:
    end: Nothing more to do.
"""

CONFIG = """\
step: 1s
flowchart: chart.yaml
data: data
brands:
  - {{name: {brand}, query: tulpatel, languages: [en, nl], own_accounts: [tulpatel]}}
sources:
  - {{name: social, secret_env: SOCIAL_SECRET, rate: {rate}}}
ingest: {{listen: "127.0.0.1:0"}}
delivery: {{grace: {grace}, timeout: 1s}}
"""
SLACK = """\
slack: {{channel: {channel}, mode: {mode}, base_url: "{base_url}"}}
"""


# ---- a brand with a past


def configure(
    home: Path,
    slack: FakeSlack | FakeSlackThread | None,
    *,
    mode: str = "http",
    within: str = "3s",
    grace: str = "2s",
    rate: str = "1000",
    extra: str = "",
) -> Path:
    """Write `tocsin.yaml` and its flowchart into a directory; returns the configuration's path."""
    (home / "chart.yaml").write_text(CHART.format(within=within))
    text = CONFIG.format(brand=BRAND, grace=grace, rate=rate) + extra
    if slack is not None:
        text += SLACK.format(channel=CHANNEL, mode=mode, base_url=slack.base_url)
    config = home / "tocsin.yaml"
    config.write_text(text)
    return config


def settings_of(config: Path) -> Settings:
    """The configuration, with the secrets of the tests."""
    return load_settings(config, ENVIRONMENT)


def line_of(row: Row) -> bytes:
    """A row as its sender writes it."""
    return json.dumps(row, ensure_ascii=False).encode()


def is_about(row: Row) -> bool:
    """Whether the brand's query finds it."""
    return "tulpatel" in row["text"].casefold() or row["author"] == "tulpatel"


def write_past(data: Path, seed: int, now_ms: int, *, hours: float = 30, per_hour: float = 40) -> int:
    """A quiet past, recorded: the intake log of a service that listened for hours. How many are about the brand."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    start_ms = now_ms - int(hours * HOUR_MS)
    rows = list(quiet(seed, brand=BRAND, start_ms=start_ms, hours=hours, per_hour=per_hour, rhythm=False))
    log = IntakeLog(data / "intake.db")
    minutes: dict[int, list[Row]] = {}
    for row in rows:
        minutes.setdefault(parse_rfc3339(row["created_at"]) // MINUTE_MS, []).append(row)
    for group in minutes.values():
        stamp_ms = parse_rfc3339(group[-1]["created_at"])
        log.append([("mention", SOURCE, line_of(row)) for row in group], now_ms=stamp_ms)
    log.close()
    return sum(map(is_about, rows))


def warmed(home: Path, seed: int) -> int:
    """Make `home/data` the directory of a service that has known its brand for hours. How many it heard of it."""
    heard = write_past(home / "data", seed, wall_clock_ms())
    asyncio.run(_once(settings_of(configure(home, None))))
    return heard


async def _once(settings: Settings) -> None:
    service = Service(settings, terminal=io.StringIO())
    await service.start()
    await service.stop()


def copied(prepared: Path, home: Path) -> Path:
    """A copy of a prepared directory, for a test to spoil."""
    home.mkdir(parents=True, exist_ok=True)
    shutil.copytree(prepared / "data", home / "data")
    return home


def burst(seed: int, *, posts: int = 160, minutes: float = 4, now_ms: int | None = None, **shape: Any) -> list[Row]:
    """A crisis that happened in the last minutes: so many angry posts about the brand, by many people."""
    now_ms = now_ms or wall_clock_ms()
    told: dict[str, Any] = {"rise_minutes": minutes, "doubling_minutes": minutes, "fall_minutes": 0.01} | shape
    start_ms = now_ms - int(minutes * MINUTE_MS)
    rows = [row for row in crisis(seed, brand=BRAND, start_ms=start_ms, posts=posts * 2, **told) if is_about(row)]
    for row in rows:
        row["created_at"] = rfc3339(min(parse_rfc3339(row["created_at"]), now_ms))
    return rows[:posts]


# ---- senders


def signed(body: bytes, *, secret: str = SOURCE_SECRET, at_s: int | None = None) -> dict[str, str]:
    """The headers of a request to `/ingest/social`."""
    at_s = int(time.time()) if at_s is None else at_s
    return {"X-Timestamp": str(at_s), "X-Signature": sign(secret, at_s, body)}


def body_of(rows: Iterable[Row]) -> bytes:
    """Rows as one body: JSON lines."""
    return b"\n".join(line_of(row) for row in rows)


async def send(base_url: str, rows: Sequence[Row]) -> None:
    """Post rows; fails unless every one was accepted."""
    body = body_of(rows)
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        answer = await client.post(f"{base_url}/ingest/{SOURCE}", content=body, headers=signed(body))
    assert answer.status_code == 202, answer.text
    assert answer.json()["accepted"] == len(rows), answer.text


# ---- in this process


def staffed(slack: FakeSlack | FakeSlackThread) -> None:
    """Let the responders of the flowchart work there."""
    for name, user in PEOPLE.items():
        slack.workspace.add_user(user, name)


class Living:
    """A service in this process, its Slack, and what a test asks of both."""

    def __init__(self, home: Path, slack: FakeSlack, service: Service) -> None:
        self.home = home
        self.slack = slack
        self.service = service

    async def crisis(self, seed: int, rows: Sequence[Row] | None = None) -> Message:
        """Let a crisis break out, and wait for its card."""
        await send(self.service.base_url, burst(seed) if rows is None else rows)
        return (await self.slack.wait_for(lambda: self.slack.messages(CHANNEL), 20))[0]

    def answers(self) -> list[str]:
        """The answers that the core has taken in, in order."""
        events = [e.event.event for e in self.service.home.journal.entries() if isinstance(e.event, Control)]
        return [event.answer for event in events if isinstance(event, Answer)]

    def decisions(self, *kinds: str) -> list[Decision]:
        """What was decided so far, or those of some kinds."""
        found = [recorded.decision for recorded in self.service.home.journal.decisions()]
        return [decision for decision in found if not kinds or decision.kind in kinds]

    async def decided(self, kind: str, count: int = 1) -> list[Decision]:
        """Wait until there are so many decisions of a kind."""
        await self.slack.wait_for(lambda: len(self.decisions(kind)) >= count, 15)
        return self.decisions(kind)

    async def press(self, card: Message, action: str, who: str = "ana", **how: Any) -> bool:
        """Press a button of a card; whether Slack would take it as handled."""
        result = await self.slack.click(card, f"tocsin.{action}", PEOPLE.get(who, who), **how)
        return result.acked

    async def fill(self, values: dict[str, str], who: str = "ana", **how: Any) -> str:
        """Send the modal that was opened last; what is shown in its place."""
        result = await self.slack.submit(self.slack.modals[-1], values, PEOPLE.get(who, who), **how)
        assert result.acked, result
        body = json.loads(result.body) if isinstance(result.body, str) and result.body else result.body or {}
        return json.dumps(body.get("view", body), ensure_ascii=False)

    async def said(self, count: int = 1) -> list[str]:
        """Wait until so many people were told something in private, and return all that was said."""

        def heard() -> list[str]:
            return [m.text for m in self.slack.ledger.posts if m.ephemeral_to]

        await self.slack.wait_for(lambda: len(heard()) >= count, 5)
        return heard()

    async def passed(self, at_ms: int) -> None:
        """Wait until the core's time has passed a moment, and delivery has had time to do what follows."""
        await self.slack.wait_for(lambda: self.service.engine.sealing.complete_step * STEP_MS > at_ms, 30)
        await asyncio.sleep(0.6)

    def woken(self) -> list[str]:
        """Who was woken so far, in order: by the names in the outbox's sent rows."""
        rows = self.service.home.outbox.pages(self.decisions()[0].incident)
        return [name for row in rows if row.wakes and row.state == "sent" for name in row.responders]


@asynccontextmanager
async def living(
    prepared: Path,
    home: Path,
    *,
    mode: str = "http",
    slack: FakeSlack | None = None,
    clock: Callable[[], int] | None = None,
    **settings: str,
) -> AsyncIterator[Living]:
    """A service on a copy of a prepared directory, with a Slack of its own, until the test is over."""
    if slack is None:
        async with FakeSlack(signing_secret=SIGNING_SECRET, socket_redeliver_s=1.0) as fake:
            staffed(fake)
            async with living(prepared, home, mode=mode, slack=fake, clock=clock, **settings) as found:
                yield found
        return
    if not (home / "data").exists():
        copied(prepared, home)
    service = Service(settings_of(configure(home, slack, mode=mode, **settings)), clock=clock)
    await service.start()
    try:
        if mode == "http":
            slack.reached_at(service.base_url)
        else:
            await slack.wait_connected(2)
        yield Living(home, slack, service)
    finally:
        await service.stop()


# ---- as a process of its own


class Process:
    """`tocsin run`, as a supervisor starts it."""

    PROGRAM: ClassVar = "from tocsin.cli import main; main()"

    def __init__(self, config: Path, *, crash_at: str = "") -> None:
        self._log = config.parent / f"log-{time.time_ns()}.txt"
        env = {k: v for k, v in os.environ.items() if k != "TOCSIN_CRASH_AT"} | ENVIRONMENT
        if crash_at:
            env["TOCSIN_CRASH_AT"] = crash_at
        call = [sys.executable, "-c", self.PROGRAM, "run", "--config", str(config)]
        with self._log.open("wb") as log:
            self._popen = subprocess.Popen(call, env=env, stdout=log, stderr=log, cwd=config.parent)

    @property
    def said(self) -> str:
        """What it wrote so far."""
        return self._log.read_text(errors="replace")

    @property
    def status(self) -> int | None:
        """How it ended, or `None` while it lives."""
        return self._popen.poll()

    @property
    def base_url(self) -> str:
        """Where it listens, or "" while it does not."""
        found = re.search(r"Tocsin listens on (http://[0-9.:]+);", self.said)
        return found[1] if found else ""

    @property
    def pid(self) -> int:
        """Its number."""
        return self._popen.pid

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self._popen.send_signal(number)

    def ended(self, timeout_s: float = 15) -> int:
        """Wait until it ends; how."""
        return self._popen.wait(timeout_s)

    def terminate(self, timeout_s: float = 10) -> int:
        """SIGTERM, and how it ends."""
        self.signal(signal.SIGTERM)
        return self.ended(timeout_s)

    def kill(self) -> None:
        """End it, whatever it does."""
        if self.status is None:
            self._popen.kill()
            self._popen.wait()


def until(predicate: Callable[[], Any], timeout_s: float, what: str) -> Any:
    """Wait until something is so. Fails with `what` was waited for."""
    give_up_at = time.monotonic() + timeout_s
    while not (value := predicate()):
        assert time.monotonic() < give_up_at, f"not within {timeout_s} s: {what}"
        time.sleep(0.02)
    return value


# ---- what is on the disk


def counted(data: Path) -> Counter[str]:
    """Mentions, and responses of the brand, that the journal holds."""
    journal = open_existing(data / "journal.db")
    counts: Counter[str] = Counter()
    for entry in journal.entries():
        if isinstance(entry.event, Part):
            counts["mentions"] += entry.event.part.counts.mentions
            counts["responses"] += entry.event.part.counts.responses
    journal.close()
    return counts


def decided(data: Path) -> list[Decision]:
    """The decisions that the journal holds."""
    journal = open_existing(data / "journal.db")
    found = [recorded.decision for recorded in journal.decisions()]
    journal.close()
    return found


def outbox_rows(data: Path) -> list[OutboxRow]:
    """Everything that was ever to be sent."""
    outbox = Outbox(data / "outbox.db")
    rows = [row for incident in dict.fromkeys(d.incident for d in decided(data)) for row in outbox.pages(incident)]
    outbox.close()
    return rows


def wakes(decisions: Iterable[Decision]) -> list[Decision]:
    """The decisions among them that wake somebody."""
    return [decision for decision in decisions if decision.kind in WAKES]
