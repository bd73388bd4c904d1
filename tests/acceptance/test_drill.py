"""A drill from beginning to end: the real parts, the fake Slack, and people who press faster than people do."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from stream.codec import MINUTE_MS
from tests.acceptance import living as lively
from tests.acceptance.living import BRAND, CHANNEL, PEOPLE, configure, settings_of, staffed
from tests.fakes.slack import FakeSlack, Message
from tocsin import synthetic
from tocsin.drill import DrillCall, Score, drill, score_lines
from tocsin.drill_file import read_score
from tocsin.journal import open_existing, verify
from tocsin.settings import Settings

SPEED = 600
DRILLS = "C3"
pytestmark = pytest.mark.slow


class Rehearsal:
    """A drill under way, its Slack, and the ones who are drilled."""

    def __init__(self, slack: FakeSlack, task: "asyncio.Task[Score]", stop: asyncio.Event, out: Console) -> None:
        self.slack = slack
        self.task = task
        self.stop = stop
        self.out = out

    async def card(self, channel: str = DRILLS) -> Message:
        """Its card, once it is there."""

        def there() -> list[Message]:
            if self.task.done():
                self.task.result()
            return self.slack.messages(channel)

        return (await self.slack.wait_for(there, 40))[0]

    async def press(self, card: Message, action: str, who: str = "ana", **how: Any) -> bool:
        """Press a button of it."""
        return (await self.slack.click(card, f"tocsin.{action}", PEOPLE[who], **how)).acked

    @property
    def told(self) -> str:
        """What the one who leads the drill has read so far."""
        assert isinstance(self.out.file, io.StringIO)
        return self.out.file.getvalue()


@asynccontextmanager
async def rehearsal(home: Path, slack: FakeSlack, settings: Settings, **asked: Any) -> AsyncIterator[Rehearsal]:
    """A drill in this process, ended at the latest when the test is."""
    out, stop = Console(file=io.StringIO(), width=200), asyncio.Event()
    wanted: dict[str, Any] = {"speed": SPEED, "slack": True, "channel": DRILLS, "configured": True, "seed": 3}
    wanted["longest_ms"] = MINUTE_MS
    call = DrillCall(settings=settings, **wanted | asked)
    task = asyncio.create_task(drill(call, out, terminal=io.StringIO(), stop=stop))
    try:
        yield Rehearsal(slack, task, stop, out)
    finally:
        stop.set()
        await asyncio.wait([task], timeout=20)


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    """A Slack with the responders in it."""
    async with FakeSlack(signing_secret=lively.SIGNING_SECRET, socket_redeliver_s=1.0) as fake:
        staffed(fake)
        yield fake


def words(node: Any) -> Iterator[str]:
    """Every word of a message's blocks."""
    if isinstance(node, dict):
        yield from words(list(node.values()))
    elif isinstance(node, list | tuple):
        for one in node:
            yield from words(one)
    elif isinstance(node, str):
        yield node


def is_marked(message: Message) -> bool:
    """Whether a message says DRILL at the top, in its blocks and in what a phone shows, now and in every version."""
    texts = [message.text, *(edit.text for edit in message.edits)]
    head = " ".join(words(message.blocks[:1])) if message.blocks else "DRILL"
    return all("DRILL" in text for text in texts) and "DRILL" in head


async def test_a_drill_goes_the_whole_way_and_ends_with_its_score(tmp_path: Path, slack: FakeSlack) -> None:
    """Page, acknowledge, own, resolve; the figures are those of the journal, the real seconds those on the wall."""
    settings = settings_of(configure(tmp_path, slack, mode="socket", within="4h"))
    async with rehearsal(tmp_path, slack, settings) as run:
        card = await run.card()
        assert f"<@{PEOPLE['ana']}>" in (card.edits[0].text if card.edits else card.text)
        await asyncio.sleep(0.5)
        assert await run.press(card, "acknowledge")
        await asyncio.sleep(0.5)
        assert await run.press(card, "own", "bram")
        await slack.wait_for(lambda: "Owned by Bram de Vries" in " ".join(words(card.blocks)), 5)
        assert await run.press(card, "resolve", "bram")
        score = await asyncio.wait_for(run.task, 20)
    assert score.ended == "over: it was called resolved"
    assert not score.missed
    assert score.reviewed is not None
    review = score.reviewed.review
    figures = {one.name: one for one in review.figures}
    assert list(figures) == ["detect", "page", "acknowledge", "own", "statement"]
    took = {name: one.took_ms or 0 for name, one in figures.items()}
    assert 0 < took["detect"] < 60 * MINUTE_MS
    assert 500 * SPEED <= took["acknowledge"] < 10_000 * SPEED, "half a second and a little, at the drill's speed"
    assert took["own"] >= took["acknowledge"] + 500 * SPEED
    assert figures["acknowledge"].promised_ms == 240 * MINUTE_MS
    assert figures["acknowledge"].kept
    assert review.timeline.acknowledged_by == "ana"
    assert review.timeline.paged == ("ana",)
    assert (review.drill, review.speed) == (True, SPEED)
    assert any(line.startswith("Time to acknowledge: ") and "really" in line for line in score_lines(score))
    kept = read_score(score.directory)
    assert kept is not None
    assert (kept.ended, kept.brand, kept.paged, kept.missed) == (score.ended, BRAND, True, False)
    assert {one.name: one.took_ms for one in kept.figures} == {name: one.took_ms for name, one in figures.items()}


async def test_everything_that_a_drill_says_is_marked_and_goes_to_its_channel(tmp_path: Path, slack: FakeSlack) -> None:
    """Card, thread, fallback text, every edit; nothing to the channel of real incidents, by no other way."""
    settings = settings_of(configure(tmp_path, slack, mode="socket", within="20m"))
    async with rehearsal(tmp_path, slack, settings) as run:
        card = await run.card()
        await slack.wait_for(lambda: len(slack.messages(DRILLS)) >= 3, 20)  # the next rung, and the one after it
        assert await run.press(card, "own", "chloe", stale=True)
        assert await run.press(card, "resolve", "chloe")
        score = await asyncio.wait_for(run.task, 20)
    said = slack.messages()
    assert len(said) >= 4
    assert {message.channel for message in said} == {DRILLS}
    assert [message.text for message in said if not is_marked(message)] == []
    journal = open_existing(score.directory / "journal.db")
    assert {d.decision.incident.split("-")[0] for d in journal.decisions()} == {"drill"}
    assert verify(journal).ok
    html = (score.directory / "review.html").read_text("utf-8")
    assert "DRILL: nothing of this was real." in html
    assert list((tmp_path / "data").glob("*.db")) == [], "nothing of a service was opened"


async def test_a_recording_is_drilled_from_shortly_before_its_crisis(tmp_path: Path, slack: FakeSlack) -> None:
    """What came before is learnt; the crisis is found; clicks come in over HTTP at the service's own address."""
    calm = synthetic.quiet(7, brand=BRAND, hours=33, per_hour=40, rhythm=False)
    storm = synthetic.crisis(7, brand=BRAND, start_ms=synthetic.START_MS + 30 * 60 * MINUTE_MS, posts=500)
    recording = tmp_path / "recording.jsonl"
    recording.write_text("".join(json.dumps(row) + "\n" for row in synthetic.merged(calm, storm)), encoding="utf-8")
    config = configure(tmp_path, slack, mode="http", within="4h")
    port = free_port()
    config.write_text(config.read_text("utf-8").replace('"127.0.0.1:0"', f'"127.0.0.1:{port}"'), encoding="utf-8")
    slack.interactivity_url = f"http://127.0.0.1:{port}/slack/interactivity"
    async with rehearsal(tmp_path, slack, settings_of(config), files=[recording]) as run:
        card = await run.card()
        assert await run.press(card, "resolve")
        score = await asyncio.wait_for(run.task, 20)
    assert run.told.startswith("Looking for the crisis in it.\nDRILL drill-")
    assert score.reviewed is not None
    story = score.reviewed.review.timeline
    crisis_ms = synthetic.START_MS + 30 * 60 * MINUTE_MS
    assert crisis_ms <= story.noticed_ms < crisis_ms + 60 * MINUTE_MS, "core time is the recording's"
    assert score.ended == "over: it was called resolved"


async def test_stopping_a_drill_gives_the_score_so_far(tmp_path: Path, slack: FakeSlack) -> None:
    """Ctrl-C ends it cleanly; a promise that was not yet broken is still open."""
    settings = settings_of(configure(tmp_path, slack, mode="socket", within="4h"))
    async with rehearsal(tmp_path, slack, settings) as run:
        await run.card()
        run.stop.set()
        score = await asyncio.wait_for(run.task, 20)
    assert score.ended == "stopped"
    assert score.reviewed is not None
    acknowledge = next(one for one in score.reviewed.review.figures if one.name == "acknowledge")
    assert (acknowledge.took_ms, acknowledge.kept, acknowledge.verdict) == (None, None, "still open")
    assert CHANNEL not in {message.channel for message in slack.messages()}


def free_port() -> int:
    """A port that nobody listens on now."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
