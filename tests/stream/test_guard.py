"""Nothing is connected to but what is allowed: counted by a listener that no spelling of its address may reach."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from stream.sources import guard
from stream.sources.guard import GuardedClient, Lost, NotSent, Refused, Rules, is_public, target_of
from tests.fakes.hooks import FakeHooks

ANY_PORT = Rules(ports=())

SPELLINGS = (
    # this machine, as resolvers and browsers read it
    "https://127.0.0.1:PORT/",
    "https://127.1:PORT/",
    "https://127.0.1:PORT/",
    "https://2130706433:PORT/",
    "https://0x7f000001:PORT/",
    "https://0x7f.0.0.1:PORT/",
    "https://0x7f.1:PORT/",
    "https://0177.0.0.1:PORT/",
    "https://017700000001:PORT/",
    "https://127.0.0.1.:PORT/",
    "https://127.255.255.254:PORT/",
    "https://0:PORT/",
    "https://0.0.0.0:PORT/",
    "https://localhost:PORT/",
    "https://LOCALHOST:PORT/",
    "https://localhost.:PORT/",
    "https://[::1]:PORT/",
    "https://[0:0:0:0:0:0:0:1]:PORT/",
    "https://[::]:PORT/",
    "https://[::ffff:127.0.0.1]:PORT/",
    "https://[::ffff:7f00:1]:PORT/",
    "https://[::127.0.0.1]:PORT/",
    "https://[64:ff9b::127.0.0.1]:PORT/",
    "https://[64:ff9b:1::7f00:1]:PORT/",
    "https://[2002:7f00:1::]:PORT/",
    "https://[2001:0:7f00:1::]:PORT/",
    "https://[fe80::5efe:7f00:1]:PORT/",
    "https://[::1%25lo]:PORT/",
    "https://①②⑦.⓪.⓪.①:PORT/",
    "https://127。0。0。1:PORT/",
    "https://ⓛocalhost:PORT/",
    "https://%6cocalhost:PORT/",
    "https://127.0.0.1%00.example:PORT/",
    # a name or a password before the host, and what stands behind a backslash
    "https://hooks.example@127.0.0.1:PORT/",
    "https://a:b@127.0.0.1:PORT/",
    "https://127.0.0.1:PORT\\@hooks.example/",
    "https://hooks.example\\@127.0.0.1:PORT/",
    "https:// 127.0.0.1:PORT/",
    "https://127.0.0.1\r\nHost: x:PORT/",
    # without https, and no web at all
    "http://127.0.0.1:PORT/",
    "http://localhost:PORT/",
    "//127.0.0.1:PORT/",
    "gopher://127.0.0.1:PORT/",
    "file:///etc/passwd",
    "ftp://127.0.0.1:PORT/",
    # the insides of networks, and the metadata of cloud machines
    "https://10.0.0.1:PORT/",
    "https://172.16.0.1:PORT/",
    "https://192.168.1.1:PORT/",
    "https://100.64.0.1:PORT/",
    "https://169.254.169.254:PORT/latest/meta-data/",
    "https://[fd00:ec2::254]:PORT/",
    "https://[fe80::1]:PORT/",
    "https://224.0.0.1:PORT/",
    "https://[ff02::1]:PORT/",
    "https://255.255.255.255:PORT/",
    "https://192.0.2.1:PORT/",
    "https://:PORT/",
    "https://[127.0.0.1]:PORT/",
    "https://127.0.0.1:PORTPORT/",
    "",
)


@pytest.fixture
async def listener() -> AsyncIterator[FakeHooks]:
    """It counts who connects."""
    async with FakeHooks() as running:
        yield running


def naming(monkeypatch: pytest.MonkeyPatch, answers: Callable[[int], list[str]]) -> list[str]:
    """Let every name have these numbers, asked for the n-th time; returns the names that were asked for."""
    real, names = socket.getaddrinfo, []

    def look(host: str, port: int, *more: Any, **options: Any) -> Any:
        if str(host)[:1].isdigit() or ":" in str(host):
            return real(host, port, *more, **options)
        names.append(str(host))
        return [(2, 1, 6, "", (number, port)) for number in answers(len(names))]

    monkeypatch.setattr(guard.socket, "getaddrinfo", look)
    return names


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_no_spelling_of_an_inner_address_is_connected_to(listener: FakeHooks, spelling: str) -> None:
    """Not even where any port is allowed."""
    client = GuardedClient(ANY_PORT, total_s=1)
    with pytest.raises(Refused) as caught:
        await client.post(spelling.replace("PORT", str(listener.port)), b"{}", {})
    assert listener.connections == 0
    assert "127" not in str(caught.value), "the address may hold a key: it is not repeated"
    await client.close()


def test_there_are_as_many_spellings_as_were_promised() -> None:
    assert len(set(SPELLINGS)) >= 30


@pytest.mark.parametrize("number", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fd00::1"])
async def test_a_name_that_has_an_inner_number_is_not_connected_to(
    listener: FakeHooks, monkeypatch: pytest.MonkeyPatch, number: str
) -> None:
    names = naming(monkeypatch, lambda _: [number])
    with pytest.raises(Refused):
        await GuardedClient(ANY_PORT).post(f"https://hooks.example:{listener.port}/", b"{}", {})
    assert (names, listener.connections) == (["hooks.example"], 0)


async def test_a_name_that_changes_its_number_in_between_gains_nothing(
    listener: FakeHooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: public at the look, this machine a moment later. It is looked up once, and that number asked."""
    came: list[int] = []

    async def count(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(1)
        writer.close()

    async with await asyncio.start_server(count, "127.0.0.2", listener.port):  # stands for the public number
        names = naming(monkeypatch, lambda times: ["127.0.0.2" if times == 1 else "127.0.0.1"])
        monkeypatch.setattr(guard, "is_public", lambda number: number == "127.0.0.2")
        with pytest.raises((NotSent, Lost)):
            await GuardedClient(ANY_PORT, total_s=1).post(f"https://hooks.example:{listener.port}/", b"{}", {})
    assert (names, listener.connections, len(came)) == (["hooks.example"], 0, 1)


async def test_an_inner_number_among_public_ones_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    naming(monkeypatch, lambda _: ["10.0.0.1", "93.184.216.34", "::1"])
    assert guard.numbers_of(target_of("https://hooks.example/")) == ["93.184.216.34"]
    naming(monkeypatch, lambda _: ["10.0.0.1", "::1"])
    with pytest.raises(Refused, match="private network"):
        guard.numbers_of(target_of("https://hooks.example/"))


async def test_a_redirect_is_an_answer_and_leads_nowhere(listener: FakeHooks) -> None:
    """An allowed place that points inside: one connection, to it alone."""
    async with FakeHooks() as inner:
        listener.faults, listener.elsewhere = ["redirect"], f"{inner.base_url}latest/meta-data/"
        client = GuardedClient(Rules(plain=(f"127.0.0.1:{listener.port}",)), total_s=1)
        answer = await client.post(listener.base_url, b"{}", {})
        assert answer.status == 302
        assert (listener.connections, inner.connections) == (1, 0)
        await client.close()


async def test_a_place_that_is_allowed_by_name_is_reached_and_no_other_port_of_it(listener: FakeHooks) -> None:
    client = GuardedClient(Rules(plain=(f"127.0.0.1:{listener.port}",)), total_s=1)
    answer = await client.post(f"{listener.base_url}a?b=c", b'{"id": "1"}', {"X-Own": "yes"})
    assert (answer.status, answer.body, listener.connections) == (202, b"{}", 1)
    (taken,) = listener.taken
    assert (taken.path, taken.body, taken.headers["x-own"]) == ("/a?b=c", b'{"id": "1"}', "yes")
    assert taken.headers["host"] == f"127.0.0.1:{listener.port}"
    async with FakeHooks() as other:
        with pytest.raises(Refused):
            await client.post(other.base_url, b"{}", {})
        assert other.connections == 0
    await client.close()


async def test_a_proxy_of_the_environment_is_not_used(listener: FakeHooks, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a proxy would connect to cannot be looked at here."""
    async with FakeHooks() as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.base_url)
        await GuardedClient(Rules(plain=("127.0.0.1",)), total_s=1).post(listener.base_url, b"{}", {})
        assert (listener.connections, proxy.connections) == (1, 0)


async def test_an_answer_has_a_greatest_size_and_time(listener: FakeHooks) -> None:
    client = GuardedClient(Rules(plain=("127.0.0.1",)), total_s=0.3, largest=100_000)
    listener.faults = ["endless", "timeout"]
    assert len((await client.post(listener.base_url, b"{}", {})).body) == 100_000
    with pytest.raises(Lost):
        await client.post(listener.base_url, b"{}", {})
    assert listener.fired == ["endless", "timeout"]


@pytest.mark.parametrize(
    "url", ["https://hooks.example:22/", "https://hooks.example:6379/", "https://hooks.example:80/"]
)
def test_other_ports_than_the_listed_are_refused(url: str) -> None:
    with pytest.raises(Refused, match="port"):
        target_of(url)


WITHOUT_HTTPS = Rules(ports=(443, 80), private=True, unencrypted=True)


@pytest.mark.parametrize("number", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "::ffff:10.0.0.1", "fd00::1"])
def test_without_https_no_inner_number_is_asked_even_where_https_may(
    monkeypatch: pytest.MonkeyPatch, number: str
) -> None:
    """By number, and by a name that has it: `private` speaks of https alone."""
    shown = f"[{number}]" if ":" in number else number
    with pytest.raises(Refused, match="private network"):
        target_of(f"http://{shown}/feed", WITHOUT_HTTPS)
    naming(monkeypatch, lambda _: [number])
    with pytest.raises(Refused, match="private network"):
        guard.numbers_of(target_of("http://feeds.example/rss", WITHOUT_HTTPS), WITHOUT_HTTPS)
    assert guard.numbers_of(target_of("https://feeds.example/rss", WITHOUT_HTTPS), WITHOUT_HTTPS) == [number]


def test_without_https_a_public_number_is_asked_where_the_rules_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    naming(monkeypatch, lambda _: ["10.0.0.1", "93.184.216.34"])
    assert guard.numbers_of(target_of("http://feeds.example/rss", WITHOUT_HTTPS), WITHOUT_HTTPS) == ["93.184.216.34"]
    for rules in (Rules(ports=(443, 80)), Rules(ports=(), private=True)):
        with pytest.raises(Refused, match="no https"):
            target_of("http://feeds.example/rss", rules)
    with pytest.raises(Refused, match="port"):
        target_of("http://feeds.example:8080/rss", WITHOUT_HTTPS)
    for url in ("ftp://feeds.example/rss", "file:///etc/passwd", "//feeds.example/rss"):
        with pytest.raises(Refused, match="no https"):
            target_of(url, WITHOUT_HTTPS)


@pytest.mark.parametrize(
    "number",
    ["8.8.8.8", "93.184.216.34", "2606:4700:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8", "2002:808:808::"],
)
def test_numbers_of_the_open_internet_are_known_as_such(number: str) -> None:
    assert is_public(number)


async def test_a_name_nobody_knows_may_be_known_in_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise socket.gaierror(-2, "unknown")

    monkeypatch.setattr(guard.socket, "getaddrinfo", fails)
    with pytest.raises(Refused) as caught:
        await GuardedClient().post("https://hooks.example/", b"", {})
    assert caught.value.passing
