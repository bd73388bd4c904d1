"""Stopping and starting: one process to a directory, a quiet end, and a configuration that changes in between."""

import contextlib
import json
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from stream.sources.intake_log import IntakeLog
from tests.acceptance.living import (
    BRAND,
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
    line_of,
    signed,
    until,
    wakes,
    wall_clock_ms,
)
from tests.fakes.slack import FakeSlackThread
from tests.faults.rows import fired, row
from tocsin.cli import app
from tocsin.entry import ConfigChange, Control
from tocsin.journal import open_existing

SEED = 20_263
pytestmark = pytest.mark.slow


@pytest.fixture
def config(past: Path, tmp_path: Path, slack: FakeSlackThread) -> Path:
    """A configuration over a copy of that past."""
    return configure(copied(past, tmp_path), slack, within="1m")


@pytest.fixture
def processes() -> Iterator[list[Process]]:
    """What is started here is ended here."""
    started: list[Process] = []
    yield started
    for process in started:
        process.kill()


def begun(config: Path, processes: list[Process]) -> Process:
    """A process that listens."""
    process = Process(config)
    processes.append(process)
    until(lambda: process.base_url or process.status is not None, 20, "a listening service")
    assert process.status is None, process.said
    return process


def post(process: Process, rows: list[dict[str, object]]) -> None:
    """Post rows, all accepted."""
    body = body_of(rows)
    url = f"{process.base_url}/ingest/{SOURCE}"
    answer = httpx.post(url, content=body, headers=signed(body), timeout=10, trust_env=False)
    assert (answer.status_code, answer.json()["accepted"]) == (202, len(rows)), answer.text


def verifies(config: Path) -> bool:
    """Whether `tocsin verify` finds nothing wrong."""
    result = CliRunner().invoke(app, ["verify", str(config.parent / "data" / "journal.db"), "--json"])
    return result.exit_code == 0 and json.loads(result.output)["ok"] is True


def changes(config: Path) -> list[ConfigChange]:
    """The configurations that the journal was told of, in order."""
    journal = open_existing(config.parent / "data" / "journal.db")
    events = [entry.event.event for entry in journal.entries() if isinstance(entry.event, Control)]
    journal.close()
    return [event for event in events if isinstance(event, ConfigChange)]


@row("F23")
def test_the_second_process_on_a_directory_refuses_and_the_first_goes_on(
    config: Path, processes: list[Process], slack: FakeSlackThread
) -> None:
    first = begun(config, processes)
    second = Process(config)
    processes.append(second)
    assert second.ended() == 2
    assert f"in use by another tocsin (process {first.pid})" in second.said
    assert "Traceback" not in second.said
    fired()
    post(first, burst(1))
    until(lambda: slack.messages(CHANNEL), 20, "a card from the first")
    assert first.terminate() == 0


@row("F32")
def test_sigterm_in_the_middle_of_a_burst_ends_it_in_time_and_in_order(
    config: Path, processes: list[Process], slack: FakeSlackThread
) -> None:
    before = counted(config.parent / "data")
    process = begun(config, processes)
    rows = [row for row in burst(2, posts=400) if row["author"] != BRAND.casefold()]
    hanging = slack.faults.add("chat.postMessage", "timeout")  # a page that hangs holds nothing up
    post(process, rows)
    until(lambda: slack.requests("chat.postMessage"), 20, "a page on its way")
    fired(hanging.fired)
    began = time.monotonic()
    assert process.terminate() == 0
    assert time.monotonic() - began < 10
    assert verifies(config)
    assert "Traceback" not in process.said
    again = begun(config, processes)
    until(lambda: slack.messages(CHANNEL), 20, "the page that hung")
    time.sleep(1)
    assert again.terminate() == 0
    assert len([message for message in slack.messages(CHANNEL) if message.page_id]) == 1
    assert (counted(config.parent / "data") - before)["mentions"] == len(rows)
    assert verifies(config)


@row("F32")
def test_sigterm_while_a_sender_dawdles_still_ends_in_time(config: Path, processes: list[Process]) -> None:
    process = begun(config, processes)
    body = b"x" * 1000
    stopped_at: list[float] = []

    def dribble() -> Iterator[bytes]:
        yield body[:500]
        stopped_at.append(time.monotonic())
        process.signal(signal.SIGTERM)
        time.sleep(6)
        yield body[500:]

    with httpx.Client(trust_env=False, timeout=20) as client, contextlib.suppress(httpx.HTTPError):
        client.post(f"{process.base_url}/ingest/{SOURCE}", content=dribble(), headers=signed(body))
    assert process.ended() == 0, process.said
    assert time.monotonic() - stopped_at[0] < 10
    fired()
    assert verifies(config)


@row("F24")
def test_an_open_incident_survives_a_changed_flowchart_and_ends_on_the_one_it_began_with(
    config: Path, processes: list[Process], slack: FakeSlackThread
) -> None:
    configure(config.parent, slack, within="4s")
    process = begun(config, processes)
    post(process, burst(3))
    until(lambda: slack.messages(CHANNEL), 20, "a card")
    assert process.terminate() == 0
    chart = config.parent / "chart.yaml"
    text = chart.read_text()
    chart.write_text(text.replace("page: bram", "page: nobody").replace("page: chloe", "page: bram"))
    chart.write_text(chart.read_text().replace("page: nobody", "page: chloe"))
    told = len(changes(config))
    process = begun(config, processes)
    until(lambda: len([one for one in slack.messages(CHANNEL) if one.page_id]) > 1, 20, "the next rung")
    slack.interactivity_url = f"{process.base_url}/slack/interactivity"
    assert slack.click(slack.messages(CHANNEL)[0], "tocsin.resolve", PEOPLE["ana"]).acked
    time.sleep(1.5)
    assert process.terminate() == 0
    assert len(changes(config)) == told + 1
    fired()
    assert [d.targets for d in wakes(decided(config.parent / "data"))][:2] == [("ana",), ("bram",)]
    assert verifies(config)


def test_a_brand_added_while_posts_wait_is_judged_from_the_first_of_them(
    config: Path, processes: list[Process]
) -> None:
    log = IntakeLog(config.parent / "data" / "intake.db")
    rows = [row | {"text": row["text"].replace(BRAND, "Rozenhof")} for row in burst(4, posts=60)]
    named = [row for row in rows if "Rozenhof" in row["text"]]
    log.append([("mention", SOURCE, line_of(row)) for row in rows], now_ms=wall_clock_ms())
    log.close()
    text = config.read_text()
    config.write_text(text.replace("brands:\n", "brands:\n  - {name: Rozenhof, query: rozenhof}\n"))
    process = begun(config, processes)
    time.sleep(2.2)
    assert process.terminate() == 0
    assert verifies(config)
    assert "Rozenhof" in [change.brand for change in changes(config)]
    journal = open_existing(config.parent / "data" / "journal.db")
    parts = [e.event for e in journal.entries() if getattr(e.event, "brand", "") == "Rozenhof"]
    journal.close()
    assert len(named) > 30
    assert sum(part.part.counts.mentions for part in parts if hasattr(part, "part")) == len(named)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("step: 1s", "step: 2s", "a step is fixed for a journal's life"),
        ("127.0.0.1:0", "127.0.0.1:{taken}", "cannot be listened on"),
        (
            "query: tulpatel",
            'query: "(tulpatel"',
            "tocsin.yaml:5:30: query of Tulpatel: this",
        ),
        ("chart.yaml", "no-such-chart.yaml", "no-such-chart.yaml"),
    ],
)
def test_what_cannot_start_says_why_without_a_traceback(
    config: Path, processes: list[Process], old: str, new: str, said: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        config.write_text(config.read_text().replace(old, new.replace("{taken}", port)))
        process = Process(config)
        processes.append(process)
        assert process.ended() == 2, process.said
    assert said in process.said
    assert "Traceback" not in process.said
