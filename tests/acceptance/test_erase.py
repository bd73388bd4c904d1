"""What somebody wants erased is gone: from every file, from reviews on the disk and from the cards, and only that.

A canary stands for a person: a handle and words that occur nowhere else. They go through everything (the door, a
crisis, a page in Slack, a review, a dead letter, a restart), and then they are looked for byte by byte.
"""

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from stream import crash
from stream.codec import rfc3339
from tests.acceptance import living as lively
from tests.acceptance.living import ENVIRONMENT, SOURCE, Living, burst, living, send
from tests.acceptance.test_end_to_end import shown
from tests.fakes.slack import FakeSlack
from tocsin import reviewing
from tocsin.cli import app
from tocsin.embedded import Service, wall_clock_ms
from tocsin.entry import Answer, Control
from tocsin.mistakes import UsageError
from tocsin.synthetic import Row

SEED = 20_268
HANDLE = "kanarie.pietersen"
WORDS = "zwavelgeel"
"""In every text of the canary's."""
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A brand whose service has listened for thirty quiet hours."""
    home = tmp_path_factory.mktemp("past")
    lively.warmed(home, SEED)
    return home


def by_canary(number: int, **more: Any) -> Row:
    """A post that any card would quote: of all the angry ones it reaches the most people."""
    return {
        "id": f"{HANDLE}/{number}",
        "created_at": rfc3339(wall_clock_ms() - 60_000 + number),
        "author": HANDLE,
        "author_followers": 9_000_000 + number,
        "text": f"tulpatel is a scam and a fraud, {WORDS} number {number}, my data was stolen, awful",
        "lang": "en",
        "url": f"https://social.example/{HANDLE}/{number}",
        **more,
    }


def story() -> list[Row]:
    """A crisis in which the canary speaks three times, and answers somebody."""
    rows = burst(SEED)
    return [*rows[:40], by_canary(1), by_canary(2), by_canary(3, parent_id=rows[0]["id"]), *rows[40:]]


async def send_bad(base_url: str) -> None:
    """A row of the canary's that nobody can read: without a time."""
    body = json.dumps({"id": f"{HANDLE}/9", "author": HANDLE, "text": f"tulpatel {WORDS}"}).encode()
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        await client.post(f"{base_url}/ingest/{SOURCE}", content=body, headers=lively.signed(body))


def hits(*places: Path) -> list[str]:
    """Files that hold the handle or the words, whatever part of them."""
    files = [file for place in places for file in (sorted(place.rglob("*")) if place.is_dir() else [place])]
    needles = (HANDLE.encode(), WORDS.encode())
    return [file.name for file in files if file.is_file() and any(n in file.read_bytes().lower() for n in needles)]


def on_slack(slack: FakeSlack) -> bool:
    """Whether any message, as it stands now, holds them."""
    return any(HANDLE in shown(m) or WORDS in shown(m) for m in slack.ledger.posts)


def erase(home: Path, *told: str) -> Result:
    """`tocsin erase`."""
    return CliRunner().invoke(app, ["erase", *told, "--config", str(home / "tocsin.yaml")], env=ENVIRONMENT)


async def written(service: Living, home: Path) -> list[Path]:
    """Reviews of the incident on the disk, in both forms."""
    incident = service.decisions("Page")[0].incident
    found = await asyncio.to_thread(reviewing.review, home / "data" / "journal.db", incident, counterfactual=False)
    files = reviewing.write(found, home / "review.html", "html")
    return [*files, *reviewing.write(found, home / "review.md", "markdown")]


async def test_after_an_erasure_no_byte_is_left_and_what_was_decided_still_verifies(
    past: Path, verified: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    home = verified
    async with FakeSlack(signing_secret=lively.SIGNING_SECRET) as slack:
        lively.staffed(slack)
        async with living(past, home, slack=slack) as service:
            card = await service.crisis(1, story())
            await service.decided("Page")
            await send_bad(service.service.base_url)
            await slack.wait_for(lambda: WORDS in shown(card), 10)
            reviews = await written(service, home)
            assert {"intake.db", "texts.db", "dead_letters.db", "review.md", "review.html"} <= {
                name.removesuffix("-wal") for name in hits(home)
            }, "the canary must be in all of them before, or nothing is shown here"
        async with living(past, home, slack=slack) as service:  # a restart in between
            before = len(service.decisions())
            tried = await asyncio.to_thread(erase, home, "--author", f"@{HANDLE.upper()}", "--dry-run", "--json")
            assert json.loads(tried.output.splitlines()[-1])["posts"] == 3, tried.output
            assert hits(home / "data"), "trying changes nothing"
            done = await asyncio.to_thread(erase, home, "--author", f"@{HANDLE.upper()}", "--json")
            assert done.exit_code == 0, done.output
            told = json.loads(done.output.splitlines()[-1])
            assert (told["posts"], told["records"], told["letters"]) == (3, 3, 1)
            assert sorted(told["reviews"]) == sorted(str(file) for file in reviews if file.suffix in (".md", ".html"))
            await slack.wait_for(lambda: not on_slack(slack), 10)
            assert hits(home) == []
            assert "Tulpatel" in shown(card), "the card stands, with what others wrote"
            assert len(service.service.home.texts.get([p for d in service.decisions("Page") for p in d.exemplars])) > 0
            assert len(service.decisions()) >= before
            again = await asyncio.to_thread(erase, home, "--author", HANDLE)
            assert (again.exit_code, again.exception.__class__) == (1, SystemExit)
            assert "Nothing is kept" in again.output
            await send(service.service.base_url, [by_canary(1, kind="update", text=f"tulpatel awful {WORDS}")])
            await service.passed(wall_clock_ms() + 2_000)
            assert service.service.home.texts.search(lambda post: post.author == HANDLE) == []
    logged = capfd.readouterr()
    assert HANDLE not in logged.out + logged.err


@pytest.mark.parametrize("how", ["delete", "purge"])
async def test_what_a_platform_takes_back_leaves_the_texts_and_the_card(past: Path, verified: Path, how: str) -> None:
    async with living(past, verified) as service:
        card = await service.crisis(2, story())
        await service.slack.wait_for(lambda: WORDS in shown(card), 10)
        now = rfc3339(wall_clock_ms())
        gone: list[Row] = [{"id": f"{HANDLE}/{n}", "created_at": now, "kind": "delete"} for n in (1, 2, 3)]
        if how == "purge":
            gone = [{"id": HANDLE, "created_at": now, "kind": "purge", "author": HANDLE}]
        await send(service.service.base_url, gone)
        await service.slack.wait_for(lambda: not on_slack(service.slack), 10)
        assert [name for name in hits(verified / "data") if name.startswith("texts")] == []
    async with living(
        past, verified
    ) as service:  # what came in raw is wiped by the next sweep; a start begins with one
        await service.slack.wait_for(lambda: hits(verified / "data") == [], 10)


async def test_a_note_goes_from_the_line_that_quotes_it(past: Path, verified: Path) -> None:
    async with living(past, verified) as service:
        card = await service.crisis(3)
        await service.decided("Page")
        assert await service.press(card, "note")
        await service.fill({"tocsin.words": f"called {HANDLE}, {WORDS}"})
        await service.slack.wait_for(lambda: on_slack(service.slack), 10)
        events = [e.event.event for e in service.service.home.journal.entries() if isinstance(e.event, Control)]
        (digest,) = [one.note_digest for one in events if isinstance(one, Answer) and one.note_digest]
        listed = await asyncio.to_thread(erase, verified, "--note", "list")
        assert digest[:16] in listed.output
        done = await asyncio.to_thread(erase, verified, "--note", digest[:16])
        assert done.exit_code == 0, done.output
        await service.slack.wait_for(lambda: not on_slack(service.slack), 10)
        assert hits(verified / "data") == []
        lines = [shown(message) for message in service.slack.messages() if message.thread_ts]
        assert any("ana" in line.casefold() for line in lines), "who left a note is still told"


# ---- killed half-way


class Died(BaseException):
    """A process that ends at a point."""


@pytest.fixture(scope="module")
def once_heard(past: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A service that has heard the canary, and is stopped."""
    home = tmp_path_factory.mktemp("heard")

    async def hear() -> None:
        async with living(past, home) as service:
            await send(service.service.base_url, story())
            await send_bad(service.service.base_url)
            await service.passed(wall_clock_ms())

    asyncio.run(hear())
    return home


@pytest.fixture
def heard(once_heard: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of it, to die in."""
    home = lively.copied(once_heard, tmp_path)
    lively.configure(home, None)
    yield home
    crash.install(None)


POINTS = (
    "outbox.again.after",
    "texts.erase.before",
    "texts.erase.after",
    "erase.shown.after",
    "intake.erase.before",
    "intake.erase.after",
    "dead.erase.before",
    "dead.erase.after",
    "erase.directory.after",
)


@pytest.mark.parametrize("point", POINTS)
def test_an_erasure_that_dies_half_way_is_finished_by_the_next_start(heard: Path, point: str) -> None:
    def die(name: str) -> None:
        if name == point:
            crash.install(None)
            raise Died

    crash.install(die)
    with pytest.raises(Died):
        erase(heard, "--author", HANDLE)
    config = lively.configure(heard, None)

    async def start_again() -> None:
        service = Service(lively.settings_of(config), terminal=io.StringIO())
        await service.start()
        try:
            async with asyncio.timeout(20):
                while hits(heard / "data"):
                    await asyncio.sleep(0.1)
        finally:
            await service.stop()

    asyncio.run(start_again())
    assert hits(heard / "data") == []


def test_a_command_that_is_killed_leaves_its_request_for_whoever_starts_next(heard: Path) -> None:
    call = [sys.executable, "-c", lively.Process.PROGRAM, "erase", "--author", HANDLE, "--config"]
    env = os.environ | ENVIRONMENT | {"TOCSIN_CRASH_AT": "texts.erase.after"}
    killed = subprocess.run([*call, str(heard / "tocsin.yaml")], env=env, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert "intake.db" in {name.removesuffix("-wal") for name in hits(heard / "data")}
    done = erase(heard, "--author", HANDLE)
    assert done.exit_code == 0, done.output
    assert [name for name in hits(heard / "data") if not name.endswith(".erase")] == []


def test_a_request_about_nobody_who_is_known_says_so(past: Path) -> None:
    result = erase(past, "--author", "nobody.at.all")
    assert result.exit_code == 1
    assert "Nothing is kept" in result.output


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ((), "exactly one of"),
        (("--author", "a", "--mention", "x:1"), "exactly one of"),
        (("--mention", "4711"), "source:id"),
        (("--author", "@"), "nobody"),
        (("--note", "xyz"), "hex digits"),
        (("--mention", "x:1", "--naming"), "--author"),
    ],
)
def test_a_request_that_cannot_be_meant_is_a_mistake(past: Path, told: Sequence[str], said: str) -> None:
    mistake = erase(past, *told).exception
    assert isinstance(mistake, UsageError)
    assert said in str(mistake)
