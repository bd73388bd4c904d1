"""`kill -9` while Slack is down and webhooks carry the pages, and while Slack is told of it when it is back.

As in `tests/faults/test_kill.py`: the process dies once at a named point, is started again, and nobody's page is lost,
none comes twice by one way, and nobody is paged after the acknowledgement. A receiver of webhooks drops the id that it
has: that is what it has it for.
"""

import asyncio
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.acceptance import living as lively
from tests.acceptance.living import (
    BRAND,
    Process,
    burst,
    copied,
    counted,
    decided,
    outbox_rows,
    until,
    wakes,
)
from tests.fakes.hooks import FakeHooks
from tests.fakes.slack import FakeSlackThread
from tests.faults import test_kill
from tests.faults.nights import names, ringing
from tests.faults.results import note
from tests.faults.rows import fired, row
from tests.faults.test_kill import BACK_WITHIN_S, Case
from tocsin.cli import app
from tocsin.entry import Answer
from tocsin.letterbox import post

SEED = 20_273
POINTS: dict[str, int] = {
    "outbox.instead.before": 2,
    "outbox.instead.after": 2,
    "webhook.post.before": 2,
    "webhook.post.after": 2,
    "outbox.fold.before": 1,
    "outbox.fold.after": 1,
    "slack.picture.before": 1,
    "slack.picture.after": 1,
}
"""Each point, and how often a case passes it at least."""
ALWAYS = ("outbox.instead.after", "webhook.post.before", "webhook.post.after", "outbox.fold.after")
"""Tried in every run; the proof edition dies at all of them, ten times each."""


class Hasty(Process):
    """`tocsin run`, in which whatever waits for a second is held up."""

    PROGRAM = """
from alerting.delivery import summary
summary.STALE_MS = 1_000  # the outage is seconds long
from tocsin.cli import main
main()
"""


@pytest.fixture
def hooks() -> Iterator[FakeHooks]:
    """A receiver in a thread of its own."""
    ready, over, found = threading.Event(), threading.Event(), FakeHooks()

    async def serve() -> None:
        async with found:
            ready.set()
            while not over.is_set():
                await asyncio.sleep(0.02)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(10)
    yield found
    over.set()
    thread.join(10)


class Night:
    """One crisis while Slack is down, with the process dying once on the way."""

    def __init__(self, home: Path, slack: FakeSlackThread, hooks: FakeHooks, crash_at: str, *, loses: bool) -> None:
        # either nothing gets through, or messages do and nobody hears of it
        self.slack, self.hooks = slack, hooks
        if loses:
            slack.faults.add("chat.postMessage", "lost_reply", None)
        slack.faults.add("*", "http_503", None)
        self.case = Case(home, slack, crash_at)
        self.incident = ""
        self.acknowledged_at = 0.0
        self.rung: list[str] = []

    def rings_for(self, who: str) -> None:
        """Wait until somebody's webhook rang."""
        until(lambda: self.case.door() and f"/{who}" in [one.path for one in self.pages()], 30, f"a ring for {who}")

    def pages(self) -> list[Any]:
        """What rang for somebody to come."""
        return [one for one in self.hooks.taken if one.json["event"] == "page"]

    def play(self, rows: list[Any]) -> None:
        """The whole night."""
        for start in range(0, len(rows), 40):
            self.case.post(rows[start : start + 40])
        self.rings_for("ana")
        self.rings_for("bram")
        self.acknowledge()
        self.slack.faults.clear()
        until(lambda: self.case.door() and self.is_told() and self.case.deaths, 40, "the death, and Slack to be told")
        self.case.stop()

    def acknowledge(self) -> None:
        """As `tocsin ack` does."""
        self.incident = self.pages()[0].json["incident"]
        answer = Answer("ack-1", BRAND, self.incident, "acknowledge", "bram", time.time_ns() // 1_000_000)
        letter = post(self.case.home / "data", answer)
        until(lambda: self.case.door() and not letter.exists(), 20, "the letter to be taken")
        self.acknowledged_at = time.time()
        # the line of the thread that says so comes with the next step
        until(lambda: self.case.door() and time.time() > self.acknowledged_at + 2.2, 15, "the next step")
        self.rung = [one.json["id"] for one in self.pages()]

    def is_told(self) -> bool:
        """Whether card, picture and the one message are there."""
        posts = [message for message in self.slack.ledger.posts if message.page_id]
        pictures = [one for one in self.slack.requests("files.completeUploadExternal") if one.outcome == "ok"]
        told = "Acknowledged by Bram de Vries" in str(posts[0].blocks) if posts else False
        return told and bool(pictures) and any("While Slack could not" in message.text for message in posts)


def check(night: Night, rows: list[Any], before: Counter[str]) -> None:
    """The invariants."""
    case, data = night.case, night.case.home / "data"
    assert case.deaths == [-9], "it died once, and by the fault"
    fired()
    assert 0 < case.back_s < BACK_WITHIN_S
    assert counted(data) - before == Counter(mentions=len(rows)), "each accepted mention counts once"
    sent = outbox_rows(data)
    assert {one.state for one in sent} <= {"sent", "cancelled"}
    rang = Counter(one.json["page_id"] for one in night.pages())
    for decision in wakes(decided(data)):
        # what fell due while nobody was there is due once somebody is
        if max(decision.at_ms, case.back_at * 1000) < night.acknowledged_at * 1000 - 3_000:
            ids = [one.page_id for one in sent if one.key == decision.key]
            assert rang.keys() & ids, f"{decision.key} reached nobody"
    on_slack = Counter(message.page_id for message in night.slack.ledger.posts if message.page_id)
    assert set(on_slack.values()) == {1}, "each page is there once"
    assert rang.keys() >= {one.page_id for one in sent if one.way == "webhook" and one.state == "sent"}
    assert sum(rang.values()) <= len(rang) + 1, "but for the one that the crash left in doubt, each rings once"
    assert {one.json["id"] for one in night.pages()} == set(night.rung), "nobody is rung after the acknowledgement"
    late = [one for one in night.slack.ledger.posts if one.accepted_at > night.acknowledged_at]
    assert [names(one) for one in late] == [[]] * len(late), "nor named in Slack"
    verified = CliRunner().invoke(app, ["verify", str(data / "journal.db")])
    assert verified.exit_code == 0, verified.output


def _play(
    past: Path,
    home: Path,
    patch: pytest.MonkeyPatch,
    slack: FakeSlackThread,
    hooks: FakeHooks,
    rows: list[Any],
    crash_at: str,
    *,
    loses: bool,
) -> Night:
    extra = ringing(patch, hooks)
    wait = "2s, second_way: 1s"
    patch.setattr(test_kill, "Process", Hasty)
    patch.setattr(
        test_kill,
        "configure",
        lambda *at, **how: lively.configure(*at, **(how | {"grace": wait, "within": "2s"}), extra=extra),
    )
    night = Night(copied(past, home), slack, hooks, crash_at, loses=loses)
    try:
        night.play(rows)
    finally:
        night.case.process.kill()
    return night


@row("F1", "F11")
@pytest.mark.slow
@pytest.mark.parametrize("point", ALWAYS)
def test_killed_while_the_second_way_carries_the_pages(
    past: Path,
    before: Counter[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    slack: FakeSlackThread,
    hooks: FakeHooks,
    request: pytest.FixtureRequest,
    point: str,
) -> None:
    rows = [one for one in burst(SEED + list(POINTS).index(point)) if one["author"] != "tulpatel"]
    loses = list(POINTS).index(point) % 2 == 0
    night = _play(past, tmp_path, monkeypatch, slack, hooks, rows, point, loses=loses)
    note(request, "kill", point=point, back_ms=round(night.case.back_s * 1000))
    check(night, rows, before)


@row("F1", "F11")
@pytest.mark.proof
@pytest.mark.parametrize("turn", range(10))
@pytest.mark.parametrize("point", POINTS)
def test_killed_at_any_time_while_the_second_way_carries_the_pages(
    past: Path,
    before: Counter[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    slack: FakeSlackThread,
    hooks: FakeHooks,
    request: pytest.FixtureRequest,
    point: str,
    turn: int,
) -> None:
    seed = int(os.environ.get("TOCSIN_SEED", "0")) or time.time_ns() % 10**9
    times = random.Random(f"{seed}/{point}/{turn}").randint(1, POINTS[point])
    print(f"TOCSIN_SEED={seed} turn {turn}: {point}:{times}")
    rows = [one for one in burst(seed % 10_000 + turn) if one["author"] != "tulpatel"]
    crash_at = f"{point}:{times}"
    night = _play(past, tmp_path, monkeypatch, slack, hooks, rows, crash_at, loses=turn % 2 == 0)
    note(request, "kill", point=point, back_ms=round(night.case.back_s * 1000))
    check(night, rows, before)
