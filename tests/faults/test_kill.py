"""`kill -9` at named points on both sides of every durable write, of a process of its own over real sockets.

Each case is one crisis: a sender posts it and asks again whatever was not answered 202, a page goes out, somebody
acknowledges, and somewhere on the way the process is gone. It is started again, and then: no accepted mention is lost
and none counted twice, no page is lost and none doubled, nobody is paged after the acknowledgement, and the journal
replays to itself. A case in which the process did not die fails.
"""

import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from stream.codec import digest
from tests.acceptance.living import (
    CHANNEL,
    PEOPLE,
    SOURCE,
    Process,
    body_of,
    burst,
    configure,
    copied,
    counted,
    decided,
    outbox_rows,
    signed,
    until,
    wakes,
)
from tests.fakes.slack import FakeSlackThread, Message
from tests.faults.results import note
from tests.faults.rows import fired, row
from tocsin.cli import app
from tocsin.synthetic import Row

SEED = 20_262
RUNG_S = 3.0
BACK_WITHIN_S = 10.0
POINTS: dict[str, int] = {
    "store.create.before": 6,
    "journal.content.after": 2,
    "intake.append.before": 6,
    "intake.append.after": 6,
    "texts.put.before": 1,
    "texts.put.after": 1,
    "journal.append.before": 5,
    "journal.append.after": 5,
    "journal.decisions.before": 5,
    "journal.decisions.after": 5,
    "outbox.plan.before": 2,
    "outbox.plan.commit.before": 2,
    "outbox.plan.after": 2,
    "outbox.sending.before": 1,
    "outbox.sending.after": 1,
    "slack.post.before": 1,
    "slack.post.after": 1,
    "outbox.sent.before": 1,
    "outbox.sent.after": 1,
    "answer.before": 1,
    "answer.after": 1,
    "outbox.cancel.before": 1,
    "outbox.cancel.after": 1,
    "outbox.view.before": 1,
    "outbox.view.after": 1,
    "journal.snapshot.before": 1,
    "journal.snapshot.after": 1,
}
"""Each point, and how often a case passes it at least: the proof edition dies at any of these times."""


class Case:
    """One crisis, with the process dying once on the way."""

    def __init__(self, home: Path, slack: FakeSlackThread, crash_at: str) -> None:
        self.home = home
        self.slack = slack
        self.config = configure(home, slack, within=f"{RUNG_S:.0f}s", grace="2s")
        self.deaths: list[int] = []
        self.back_s = 0.0
        """How long it took to listen again."""
        self.back_at = 0.0
        """When it did."""
        self._dead_at = 0.0
        self.acknowledged_at = 0.0
        self.process = Process(self.config, crash_at=crash_at)

    def door(self) -> str:
        """Where the service listens; whoever finds it dead starts it again."""

        def listening() -> str:
            if self.process.status is not None:
                self.deaths.append(self.process.status)
                assert len(self.deaths) < 2, self.process.said
                self._dead_at = time.monotonic()
                self.process = Process(self.config)
            return self.process.base_url

        base_url = str(until(listening, 20, "a listening service"))
        if self._dead_at and not self.back_s:
            self.back_s = time.monotonic() - self._dead_at
            self.back_at = time.time()
        self.slack.interactivity_url = f"{base_url}/slack/interactivity"
        return base_url

    def post(self, rows: list[Row]) -> None:
        """Send, and send again, signed anew, until it is accepted."""
        body = body_of(rows)

        def accepted() -> bool:
            try:
                url = f"{self.door()}/ingest/{SOURCE}"
                answer = httpx.post(url, content=body, headers=signed(body), timeout=5, trust_env=False)
            except httpx.HTTPError:
                return False
            return answer.status_code == 202

        until(accepted, 30, "202")

    def card(self) -> Message:
        """The card, once it is there."""

        def found() -> list[Message]:
            self.door()
            return self.slack.messages(CHANNEL)

        message: Message = until(found, 30, "a card")[0]
        return message

    def acknowledge(self) -> None:
        """Press, and press again, until Slack would take it as handled."""
        card = self.card()

        def handled() -> bool:
            self.door()
            return self.slack.click(card, "tocsin.acknowledge", PEOPLE["ana"], stale=True).acked

        until(handled, 30, "an acknowledgement")
        self.acknowledged_at = time.time()

    def pass_the_rung(self) -> None:
        """Wait until the next one would have been paged."""
        until(lambda: self.door() and "Acknowledged by Ana Diaz" in str(self.card().blocks), 15, "the card to say so")
        last = max(message.accepted_at for message in self.slack.messages(CHANNEL) if rings(message))
        # Back late, it finds the rung due and is answered in one breath: what it planned is let go of a moment later.
        last = max(last, self.acknowledged_at, self.back_at)
        until(lambda: self.door() and time.time() > last + RUNG_S + 1.2, 15, "the rung")

    def stop(self) -> None:
        """SIGTERM; where that is when it dies, once more."""
        if self.process.terminate() != 0:
            self.deaths.append(self.process.status or 0)
            self._dead_at = time.monotonic()
            self.process = Process(self.config)
            self.door()
            assert self.process.terminate() == 0, self.process.said


def rings(message: Message) -> bool:
    """Whether a message, as it was posted, names somebody."""
    return "<@U0" in (message.edits[0].text if message.edits else message.text)


def play(prepared: Path, home: Path, slack: FakeSlackThread, rows: list[Row], crash_at: str) -> Case:
    """The whole case, up to the last stop."""
    case = Case(copied(prepared, home), slack, crash_at)
    try:
        for start in range(0, len(rows), 40):
            case.post(rows[start : start + 40])
        case.acknowledge()
        case.pass_the_rung()
        case.stop()
    finally:
        case.process.kill()
    return case


def check(case: Case, rows: list[Row], before: Counter[str]) -> None:
    """The invariants."""
    data = case.home / "data"
    assert case.deaths == [-signal.SIGKILL], "it died once, and by the fault"
    fired()
    assert 0 < case.back_s < BACK_WITHIN_S
    after = counted(data)
    assert after - before == Counter(mentions=len(rows)), "each accepted mention counts once"
    decisions = decided(data)
    sent = outbox_rows(data)
    assert len([d for d in decisions if d.kind == "Page"]) == 1
    for decision in wakes(decisions):
        assert [row for row in sent if row.key == decision.key], f"{decision.key} never reached the outbox"
    assert [one for one in sent if one.wakes and one.state not in {"sent", "cancelled"}] == []
    assert {one.state for one in sent} <= {"sent", "cancelled", "planned"}, "a line of the thread may come next time"
    on_slack = Counter(message.page_id for message in case.slack.ledger.posts if message.page_id)
    assert on_slack == Counter(row.page_id for row in sent if row.state == "sent"), "each page is there, once"
    for message in case.slack.ledger.posts:
        if message.page_id in {row.page_id for row in sent if row.wakes}:
            assert message.accepted_at < case.acknowledged_at, "nobody is paged after the acknowledgement"
    verified = CliRunner().invoke(app, ["verify", str(data / "journal.db")])
    assert verified.exit_code == 0, verified.output


@row("F1")
@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_killed_at_a_named_point_nothing_is_lost_and_nothing_doubled(
    past: Path,
    before: Counter[str],
    tmp_path: Path,
    slack: FakeSlackThread,
    request: pytest.FixtureRequest,
    point: str,
) -> None:
    rows = [row for row in burst(SEED + int(digest(point.encode())[:4], 16)) if row["author"] != "tulpatel"]
    case = play(past, tmp_path, slack, rows, point)
    note(request, "kill", point=point, back_ms=round(case.back_s * 1000))
    check(case, rows, before)


@row("F1")
@pytest.mark.proof
@pytest.mark.parametrize("turn", range(10))
@pytest.mark.parametrize("point", POINTS)
def test_killed_at_any_time_it_comes_by(
    past: Path,
    before: Counter[str],
    tmp_path: Path,
    slack: FakeSlackThread,
    request: pytest.FixtureRequest,
    point: str,
    turn: int,
) -> None:
    seed = int(os.environ.get("TOCSIN_SEED", "0")) or time.time_ns() % 10**9
    times = random.Random(f"{seed}/{point}/{turn}").randint(1, POINTS[point])
    print(f"TOCSIN_SEED={seed} turn {turn}: {point}:{times}")
    rows = burst(seed % 10_000 + turn)
    case = play(past, tmp_path, slack, rows, f"{point}:{times}")
    note(request, "kill", point=point, back_ms=round(case.back_s * 1000))
    check(case, rows, before)
