"""A drill beside the real thing: whatever is drilled, real pages stay real, and a drill ends (row F29)."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from alerting.delivery.ways import Click
from tests.acceptance import living as lively
from tests.acceptance.living import CHANNEL, PEOPLE, configure, copied, settings_of, staffed
from tests.acceptance.test_drill import DRILLS, is_marked, rehearsal, words
from tests.fakes.slack import FakeSlack, FakeSlackThread, Message
from tests.faults.rows import fired, row
from tocsin.drill_file import DrillFile
from tocsin.drill_start import Starter
from tocsin.embedded import Service, wall_clock_ms
from tocsin.entry import Answer
from tocsin.handing import OVER, Running, announce, running, to_drill, to_service
from tocsin.journal import open_existing, verify
from tocsin.letterbox import waiting
from tocsin.mistakes import UsageError

SEED = 20_262
slow = pytest.mark.slow


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    """A Slack with the responders in it."""
    async with FakeSlack(signing_secret=lively.SIGNING_SECRET, socket_redeliver_s=1.0) as fake:
        staffed(fake)
        yield fake


def answers_of(service: Service) -> list[tuple[str, str]]:
    """What the core of a service was told that people did, and who."""
    events = [getattr(entry.event, "event", None) for entry in service.home.journal.entries()]
    return [(one.answer, one.who) for one in events if isinstance(one, Answer)]


async def pressed(slack: FakeSlack, card: Message, action: str, who: str, **how: Any) -> None:
    """Press, and see it taken."""
    assert (await slack.click(card, f"tocsin.{action}", PEOPLE[who], **how)).acked


@slow
@row("F29")
async def test_a_drill_in_a_real_crisis_is_never_mistaken_for_it(past: Path, tmp_path: Path, slack: FakeSlack) -> None:
    """In the very channel of the real one: every press finds its incident, though all come in by one door."""
    copied(past, tmp_path)
    config = configure(tmp_path, slack, mode="socket", within="1m")
    service = Service(settings_of(config))
    await service.start()
    try:
        await slack.wait_connected(2)
        async with rehearsal(tmp_path, slack, settings_of(config), channel=CHANNEL) as run:
            drilled = await run.card(CHANNEL)
            assert "The running service takes the presses" in run.told
            await lively.send(service.base_url, lively.burst(1))
            cards = await slack.wait_for(lambda: [m for m in slack.messages(CHANNEL) if not is_marked(m)], 20)
            real = cards[0]
            fired()  # both burn at once
            await pressed(slack, drilled, "acknowledge", "bram")
            await slack.wait_for(lambda: "Acknowledged by Bram de Vries" in " ".join(words(drilled.blocks)), 10)
            assert "Acknowledged" not in " ".join(words(real.blocks)), "the drill's answer is the drill's"
            await pressed(slack, real, "acknowledge", "ana")
            await slack.wait_for(lambda: "Acknowledged by Ana Diaz" in " ".join(words(real.blocks)), 10)
            await pressed(slack, drilled, "resolve", "bram")
            score = await asyncio.wait_for(run.task, 30)
        assert score.ended == "over: it was called resolved"
        said = slack.messages()
        marked = [m for m in said if is_marked(m)]
        unmarked = [m for m in said if "DRILL" not in f"{m.text} {' '.join(words(m.blocks))}"]
        assert len(marked) + len(unmarked) == len(said), "either says so in all places or in none"
        assert {m.channel for m in said if m.channel} == {CHANNEL}
        drills = {d.decision.incident for d in open_existing(score.directory / "journal.db").decisions()}
        real_ones = {d.decision.incident for d in service.home.journal.decisions()}
        assert real_ones
        assert all(name.startswith("drill-") for name in drills)
        assert not any("drill" in name for name in real_ones), "never merged"
        await slack.wait_for(lambda: answers_of(service), 10)  # at the end of the core's step
        assert answers_of(service) == [("acknowledge", "ana")]
        assert not any(service.home.outbox.pages(name) for name in drills)
    finally:
        await service.stop()
    assert verify(open_existing(tmp_path / "data" / "journal.db")).ok
    assert verify(open_existing(score.directory / "journal.db")).ok


@slow
@row("F29")
async def test_a_drill_that_is_left_running_ends_by_itself(tmp_path: Path, slack: FakeSlack) -> None:
    """Nobody answers: when its time is up it falls silent, and a press on its card afterwards changes nothing."""
    settings = settings_of(configure(tmp_path, slack, mode="socket", within="1m"))
    async with rehearsal(tmp_path, slack, settings, longest_ms=6_000) as run:
        card = await run.card()
        assert running(settings.data_path, wall_clock_ms()) is not None
        with pytest.raises(UsageError, match="another drill runs already"):
            async with rehearsal(tmp_path, slack, settings) as second:
                await second.task
        score = await asyncio.wait_for(run.task, 30)
    assert score.ended == "its time is up"
    fired()
    assert score.missed
    assert running(settings.data_path, wall_clock_ms()) is None
    said = len(slack.messages())
    await asyncio.sleep(1)
    assert len(slack.messages()) == said
    stale = next(block for block in card.blocks if block["type"] == "actions")["elements"][0]["value"]
    assert to_drill(settings.data_path, click(stale), "ana", wall_clock_ms()) == OVER


@slow
@row("F29")
def test_a_drill_that_was_killed_keeps_nobody_from_the_next(tmp_path: Path) -> None:
    """`kill -9` leaves its notice behind: its lock is free at once, and a service takes nothing for it."""
    with FakeSlackThread(signing_secret=lively.SIGNING_SECRET) as slack:
        staffed(slack)
        config = configure(tmp_path, slack, mode="socket", within="1m")
        call = [sys.executable, "-c", "from tocsin.cli import main; main()", "replay", "--drill", "--slack"]
        call += ["--config", str(config), "--speed", "600x", "--for", "20s", "--channel", DRILLS]
        data = tmp_path / "data"
        for attempt in range(2):
            process = subprocess.Popen(
                call, env=os.environ | lively.ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            try:
                before = len(slack.messages(DRILLS))
                lively.until(lambda seen=before: len(slack.messages(DRILLS)) > seen, 30, f"the card of drill {attempt}")
                assert process.poll() is None, "it runs although another left its notice behind"
            finally:
                process.send_signal(signal.SIGKILL)
                process.wait(10)
            fired()
        left = running(data, wall_clock_ms())
        assert left is not None
        assert running(data, left.drill.ends_ms + 1) is None, "its notice is good for as long as it could have run"


# ---- a press at the wrong door


def click(incident: str, *, action: str = "acknowledge") -> Click:
    """A press on a card."""
    return Click(id=f"slack-{action}", incident=incident, action=action, user_id="U0ANA", team_id="T1", at_ms=10_000)


def a_drill(name: str = "drill-abc") -> DrillFile:
    """A drill of two brands, sixty times as fast."""
    brands = ("Acme", "Acme Air")
    return DrillFile(name=name, speed=60, core_ms=1_000_000, wall_ms=5_000, ends_ms=99_000, brands=brands, pid=1)


@row("F29")
def test_a_press_on_a_drills_card_reaches_the_drill_in_the_drills_time(tmp_path: Path) -> None:
    """A service hands it on: five seconds after the drill began are five minutes of its crisis."""
    place = tmp_path / "drill"
    place.mkdir()
    announce(tmp_path, Running(str(place), a_drill()))
    assert to_drill(tmp_path, click("drill-abc-acme-air-77"), "ana", 20_000) == "DRILL: taken to the drill."
    (answer,) = waiting(place)
    assert isinstance(answer, Answer)
    assert (answer.brand, answer.incident, answer.who) == ("Acme Air", "drill-abc-acme-air-77", "ana")
    assert answer.at_ms == 1_000_000 + 60 * 5_000
    assert waiting(tmp_path) == []
    fired()


@row("F29")
def test_a_press_on_another_drills_card_reaches_no_drill(tmp_path: Path) -> None:
    """Last week's card is still in the channel; this week's drill plays the same recording."""
    place = tmp_path / "drill"
    place.mkdir()
    announce(tmp_path, Running(str(place), a_drill()))
    assert to_drill(tmp_path, click("drill-abb-acme-77"), "ana", 20_000) == OVER
    assert to_drill(tmp_path, click("drill-abc-acme-77"), "ana", 99_001) == OVER, "it ended, whatever its notice says"
    assert waiting(place) == []
    fired()


@row("F29")
def test_a_press_on_a_real_card_reaches_the_service_from_a_drill(tmp_path: Path) -> None:
    """For the second in which both hold sockets: it lies in the service's letterbox, in the real time."""
    assert to_service(tmp_path, ("Acme",), click("acme-77"), "ana") == "Noted."
    (answer,) = waiting(tmp_path)
    assert isinstance(answer, Answer)
    assert (answer.brand, answer.incident, answer.at_ms) == ("Acme", "acme-77", 10_000)
    assert to_service(tmp_path, ("Acme",), click("drill-abb-acme-77"), "ana") == OVER
    assert to_service(tmp_path, ("Acme",), click("bolt-77"), "ana") is None
    fired()


def test_a_service_starts_one_drill_at_a_time(tmp_path: Path) -> None:
    """Whoever asks for a second is told so, and no process is started."""
    settings = settings_of(configure(tmp_path, None))
    announce(settings.data_path, Running(str(tmp_path), a_drill()))
    starter = Starter(settings.file, settings, lambda: 50_000)
    assert starter("ana") == "A drill runs already. One at a time."
    assert not (settings.data_path / "drills" / "last.log").exists()
