"""The service with a source that it listens to: over real HTTP, to a platform on this machine."""

import asyncio
import io
import json
import random
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import msgspec
import pytest

from tests.command import tocsin
from tests.fakes.sources.hackernews import FakeHackerNews
from tests.fakes.sources.served import served
from tocsin.embedded import Service, wall_clock_ms
from tocsin.entry import Control, SourceReport
from tocsin.settings import Settings, load_settings
from tocsin.sources_shown import check_lines, checked, list_lines, listed

CONFIG = """\
step: 1s
data: data
brands:
  - {{name: Acme, query: acme}}
  - {{name: Anvil, query: anvil, sources: [other]}}
sources:
  - {{name: hn, type: hackernews, queries: [acme], every: 10s, base_url: "{address}", items_url: "{address}"}}
  - {{name: other, secret_env: OTHER}}
ingest: {{listen: "127.0.0.1:0"}}
"""
ENV = {"OTHER": "a long enough secret"}


@pytest.fixture
async def platform() -> AsyncIterator[tuple[FakeHackerNews, str]]:
    """Hacker News, and where it is."""
    found = FakeHackerNews(wall_clock_ms, random.Random(1))
    async with served(found) as address:
        yield found, address


def settings_for(home: Path, address: str) -> Settings:
    """A configuration that listens to it."""
    path = home / "tocsin.yaml"
    path.write_text(CONFIG.format(address=address), encoding="utf-8")
    return load_settings(path, ENV)


async def until(done: Callable[[], bool], within_s: float = 10.0) -> None:
    """Wait for something that happens soon."""
    end_s = time.monotonic() + within_s
    while not done():
        assert time.monotonic() < end_s, "it did not happen"
        await asyncio.sleep(0.02)


def reports(service: Service) -> list[SourceReport]:
    """What the journal holds about sources."""
    events = (entry.event for entry in service.home.journal.entries(0))
    return [one.event for one in events if isinstance(one, Control) and isinstance(one.event, SourceReport)]


async def test_what_a_source_brings_is_matched_and_kept_and_its_place_outlives_the_service(
    platform: tuple[FakeHackerNews, str], tmp_path: Path
) -> None:
    """Through log, intake and text store; the core hears how the source does, for the brands that it feeds alone."""
    fake, address = platform
    settings = settings_for(tmp_path, address)
    number = fake.post("Acme is down again")
    service = Service(settings, terminal=io.StringIO())
    await service.start()
    try:
        await until(lambda: service.home.texts.count() == 1)
        (feeding,) = service.listening.feedings
        await until(lambda: bool(reports(service)), 15)
        assert [(r.brand, r.source, r.status) for r in reports(service)] == [("Acme", "hn", "ok")]
        name = service.home.names.mention(f"hn:{number}")
        assert service.home.texts.get([name])[name].text == "Acme is down again"
        async with httpx.AsyncClient() as client:
            metrics = (await client.get(f"{service.base_url}/metrics")).text
            health = (await client.get(f"{service.base_url}/healthz")).json()
        assert 'tocsin_source_status{source="hn",status="ok"} 1.0' in metrics
        assert health["sources"]["hn"]["status"] == "ok"
        assert feeding.figures.rows == 1
        threads = feeding.source._around.threads  # type: ignore[attr-defined]
        assert threads.tracked(f"hn:{number}")
        assert not threads.tracked("hn:1")
        assert threads.open("hn") == []
    finally:
        began_s = time.monotonic()
        await service.stop()
    assert time.monotonic() - began_s < 8
    (row, door) = listed(settings, wall_clock_ms())
    assert (row["status"], row["mentions"], row["blind_since"]) == ("ok", 1, None)
    assert row["costs_30_days"]["requests"] >= 1
    assert not door["listened_to"]
    assert any(line.startswith("hn (hackernews): ok; last batch ") for line in list_lines([row, door]))

    (later, _) = listed(settings, wall_clock_ms() + 600_000)
    assert (later["status"], later["blind_since"]) == ("silent", row["last_batch"]), "nobody listens any more"

    fake.asked = 0
    again = Service(settings, terminal=io.StringIO())
    await again.start()
    try:
        await until(lambda: fake.asked >= 1)
        await until(lambda: again.home.places.standing("hn").rows == 2)
        assert again.home.texts.count() == 1, "what comes again is known by its id"
    finally:
        await again.stop()


async def test_the_check_says_what_is_there_and_what_is_not(
    platform: tuple[FakeHackerNews, str], tmp_path: Path
) -> None:
    """One mention as it would be stored; and for a platform that refuses, what follows."""
    fake, address = platform
    settings = settings_for(tmp_path, address)
    number = fake.post("Acme, <b>twice</b>")
    found = await asyncio.to_thread(checked, settings, "hn", wall_clock_ms())
    assert found["ok"]
    assert found["mention"]["id"] == f"hn:{number}"
    assert found["completeness"] == "full"
    assert "One mention as it would be stored:" in list(check_lines(found))
    json.dumps(found)
    fake.faults = ["403"]
    refused = await asyncio.to_thread(checked, settings, "hn", wall_clock_ms())
    assert not refused["ok"]
    assert "refuses our credentials (403)" in refused["words"][0]
    assert not (tmp_path / "data").exists(), "a check keeps nothing"


async def test_a_source_that_never_answered_is_shown_as_tried_with_its_trouble(tmp_path: Path) -> None:
    """In the list and in `/healthz`: not as if nobody listened, and not as if all were well."""
    settings = settings_for(tmp_path, "http://127.0.0.1:9")
    service = Service(settings, terminal=io.StringIO())
    await service.start()
    try:
        await until(lambda: bool(service.listening.feedings[0].figures.trouble))
        health = service.listening.health()["hn"]
        (row, _) = listed(settings, wall_clock_ms())
    finally:
        await service.stop()
    assert (health["status"], row["status"]) == ("trying", "trying")
    assert health["trouble"] == row["trouble"]
    line, trouble = list_lines([row])
    assert line == f"hn (hackernews): being tried since {row['blind_since']}; nothing came yet; 0 mentions"
    assert trouble == f"    trouble: {row['trouble']}"
    silent = [row | {"status": "silent", "trouble": None}]
    assert "None" not in "".join(list_lines(silent))


def test_the_commands_say_it_with_their_status(tmp_path: Path) -> None:
    """0 fine, 1 something found, 2 a name that is none."""
    settings_for(tmp_path, "http://127.0.0.1:9")
    config = tmp_path / "tocsin.yaml"
    shown = tocsin("sources", "list", "--config", config, env=ENV)
    assert shown.status == 0
    assert "hn (hackernews): was never listened to" in shown.out
    assert "other (webhook): is not asked; it comes to us" in shown.out
    dead = tocsin("sources", "check", "hn", "--config", config, "--json", env=ENV)
    assert dead.status == 1
    assert "It does not work now: no connection" in msgspec.json.decode(dead.out)["words"][0]
    unknown = tocsin("sources", "check", "nobody", "--config", config, env=ENV)
    assert unknown.status == 2
    assert "there are: hn, other" in unknown.err
