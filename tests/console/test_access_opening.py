"""How a service opens its console: where it says, or nearby, and never in the way of what pages people."""

import asyncio
import io
import socket
import sqlite3
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from tests.acceptance.living import CHART
from tests.console.entering import PASSWORD, entered
from tocsin import patience
from tocsin.console import opening, signing_in, wording
from tocsin.console.opening import ConsoleServer
from tocsin.console_sections import ConsoleSettings
from tocsin.embedded import Service, _print_console
from tocsin.serving import listener
from tocsin.settings import load_settings


def service_of(directory: Path, console: str) -> Service:
    """A service whose section says this."""
    (directory / "chart.yaml").write_text(CHART.format(within="3s"))
    config = directory / "tocsin.yaml"
    config.write_text(
        "flowchart: chart.yaml\ndata: data\nbrands:\n  - {name: Acme, query: acme}\n"
        f'ingest: {{listen: "127.0.0.1:0"}}\nconsole: {console}\n'
    )
    return Service(load_settings(config, {}), terminal=io.StringIO())


async def answers(base_url: str) -> bool:
    """Whether somebody is there, and well enough to say so."""
    async with httpx.AsyncClient(timeout=60, verify=False) as client:
        return (await client.get(f"{base_url}/healthz")).status_code == 200


def printed(found: ConsoleServer, *, terminal: bool) -> str:
    """What `tocsin run` says of it at the start."""
    out = io.StringIO()
    _print_console(found, Console(file=out, force_terminal=terminal, width=300))
    return out.getvalue()


async def test_the_token_is_printed_on_a_terminal_and_nowhere_else(tmp_path: Path) -> None:
    """What is no terminal may be a log that others read."""
    service = service_of(tmp_path, '{listen: "127.0.0.1:0"}')
    await service.start()
    try:
        entrance = service.console.entrance
        assert entrance is not None
        assert entrance.token is not None
        assert f"The console: {entrance.link}" in printed(service.console, terminal=True)
        elsewhere = printed(service.console, terminal=False)
        assert entrance.token.reveal() not in elsewhere
        assert "tocsin console link" in elsewhere
        assert (tmp_path / "data" / "console.address").read_text() == service.console.address
    finally:
        await service.stop()
    # Its server closed what it listened on, and its files.
    with pytest.raises(httpx.ConnectError):
        await answers(entrance.base_url)
    assert service.console.entrance is None


async def test_a_console_that_cannot_open_is_told_and_stands_in_nobodys_way(tmp_path: Path) -> None:
    """A port that is taken, a file that is no store: mentions are heard, and all is not well, in words."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        service = service_of(tmp_path, f'{{listen: "127.0.0.1:{port}"}}')
        await service.start()
        try:
            assert f"127.0.0.1:{port} cannot be listened on" in printed(service.console, terminal=True)
            assert await answers(service.base_url)
            assert service.console.address == ""
        finally:
            await service.stop()
    (tmp_path / "data" / "sessions.db").write_bytes(b"no store at all" * 1000)
    service = service_of(tmp_path, '{listen: "127.0.0.1:0"}')
    await service.start()
    try:
        assert "sessions.db" in service.console.problem
        assert await answers(service.base_url)
    finally:
        await service.stop()


async def test_a_console_with_a_mistake_of_ours_in_it_stands_in_nobodys_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of words that lacks a language, or is no YAML at all: mentions are heard, and what is wrong is told."""
    words = tmp_path / "words"
    words.mkdir()
    monkeypatch.setattr(opening, "load", lambda: wording.load(words))
    for number, (text, told) in enumerate((("calm: {en: Calm}", "now.calm"), ("calm: {en: [", "Error"))):
        (words / "now.yaml").write_text(text)
        home = tmp_path / str(number)
        home.mkdir()
        service = service_of(home, '{listen: "127.0.0.1:0"}')
        await service.start()
        try:
            assert told in service.console.problem
            assert service.console.address == ""
            assert await answers(service.base_url)
        finally:
            await service.stop()


def test_a_port_that_nobody_asked_for_may_be_another(tmp_path: Path) -> None:
    """Two services on one machine, neither with a section: the second takes a free port."""
    console = ConsoleServer(ConsoleSettings())
    try:
        held = listener("127.0.0.1", 8761)
    except OSError:
        held = None  # somebody else has it: as good
    if held is not None:
        held.listen()
    found = console._listener()
    assert found.getsockname()[1] not in (0, 8761)
    found.close()
    if held is not None:
        held.close()


async def test_a_console_that_is_switched_off_is_not_there(tmp_path: Path) -> None:
    """No port, no file, no word."""
    service = service_of(tmp_path, "{enabled: false}")
    await service.start()
    try:
        assert (service.console.entrance, service.console.problem) == (None, "")
        assert printed(service.console, terminal=True) == ""
        assert not (tmp_path / "data" / "sessions.db").exists()
    finally:
        await service.stop()


async def test_whoever_connects_and_says_nothing_is_hung_up_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a line, or none: closed in time, and so is each beyond the number that a door holds; others are answered."""
    monkeypatch.setattr(patience, "ASKED_WITHIN_S", 0.5)
    monkeypatch.setattr(patience, "MOST_AT_ONCE", 6)
    async with entered(tmp_path, {}) as console:
        port = int(console.host.rpartition(":")[2])
        lines = [await asyncio.open_connection("127.0.0.1", port) for _ in range(6)]
        for _, writer in lines[1:]:
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: 127")
        one_more, _ = await asyncio.open_connection("127.0.0.1", port)
        assert await asyncio.wait_for(one_more.read(), 5) == b""
        for reader, _ in lines:
            assert await asyncio.wait_for(reader.read(), 20) == b""
        async with console.client() as browser:
            assert (await browser.get("/healthz")).status_code == 200
            # A connection that is kept may rest for a while between two requests.
            await asyncio.sleep(0.3)
            assert (await browser.get("/sign-in")).status_code == 200
        for _, writer in lines:
            writer.close()


async def test_guessers_from_everywhere_cannot_keep_the_machine_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each try costs work, so there are only so many a second, whoever they are and from wherever they come."""
    monkeypatch.setattr(signing_in, "TRIES_AT_ONCE", 3)
    everywhere = {"people": {f"p{number}": {} for number in range(5)}, "proxy": {"peers": ["127.0.0.1"]}, "token": True}
    async with entered(tmp_path, everywhere) as console, console.client() as guesser:
        codes = []
        for number in range(6):
            given = {"name": f"nobody{number}", "password": PASSWORD}
            headers = {"x-forwarded-for": f"192.0.2.{number}"}
            codes.append((await guesser.post("/sign-in", data=given, headers=headers)).status_code)
        assert codes == [403] * 3 + [429] * 3


async def test_whoever_signs_in_too_often_pushes_out_their_oldest_session(tmp_path: Path) -> None:
    """Twenty browsers of one person are enough."""
    async with entered(tmp_path, {}) as console:
        async with console.client() as first:
            await first.get(console.link)
            for _ in range(20):
                console.now_ms += 1
                async with console.client() as other:
                    await other.get(console.link)
            assert (await first.get("/now")).status_code == 303
        with sqlite3.connect(tmp_path / "sessions.db") as db:
            assert db.execute("SELECT count(*) FROM sessions").fetchone() == (20,)
        db.close()
