"""Pages stay live: rendered once for all who see the same, in their own language, of their own brands alone."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import httpx
import pytest
from starlette.requests import Request
from starlette.routing import Route

from tests.console.samples import AT_MS
from tocsin.console.desk import Desk
from tocsin.console.doors import Visitor
from tocsin.console.live import BEAT_S, MOST_EACH, Client, Hub, View, doors
from tocsin.console.seen import Health, NowSeen
from tocsin.serving import address_of, listener, opened, server_of

ANA = Visitor(name="ana", role="responder", responder="ana")
NOW = View("now", "", "", None, "en", may_act=True)
SPEAKS = {"en": "Everything", "nl": "Alles"}


class Sees:
    """What is seen changes when the test says so."""

    def __init__(self) -> None:
        self.number = 0
        self.fails = False

    def version(self) -> object:
        return self.number

    def now(self, brands: Sequence[str] | None) -> NowSeen:
        if self.fails:
            raise RuntimeError("the page cannot be made")
        return NowSeen(
            at_ms=self.number,
            timezone=",".join(brands) if brands is not None else "all",
            late_s=0,
            undelivered=0,
            brands=(),
            open=(),
            blind=(),
            duties=(),
            health=Health(),
        )

    async def incident(self, incident: str) -> None:
        return None


class Draws:
    """Notes what is drawn."""

    def __init__(self) -> None:
        self.drawn: list[tuple[str, str]] = []
        self.hostile = ""

    def fragment(self, template: str, language: str, *, may_act: bool, **context: Any) -> str:
        self.drawn.append((template, language))
        now = context["now"]
        return f'<div id="now">{SPEAKS[language]} {now.timezone} {now.at_ms} {may_act}{self.hostile}</div>'


def hub_of() -> tuple[Hub, Sees, Draws]:
    sees, draws = Sees(), Draws()
    return Hub(cast("Any", sees), draws, lambda: AT_MS, look_s=0.01), sees, draws


def joined(hub: Hub, view: View = NOW, visitor: Visitor = ANA) -> Client:
    client = hub.join(visitor, view, lambda: True)
    assert client is not None
    return client


async def taken(client: Client) -> str:
    return (await asyncio.wait_for(client.next(), 1)).decode()


async def test_what_many_see_alike_is_rendered_once_and_the_same_bytes_go_to_all() -> None:
    hub, sees, draws = hub_of()
    clients = [joined(hub, visitor=Visitor(name=f"p{n}", role="viewer")) for n in range(99)]
    await hub.look()
    first = {await taken(client) for client in clients}
    sees.number = 1
    await hub.look()
    second = {await taken(client) for client in clients}
    assert len(draws.drawn) == 2
    assert len(first) == len(second) == 1
    assert "all 0" in first.pop()
    assert "all 1" in second.pop()


async def test_each_language_and_each_choice_of_brands_has_its_own_frame() -> None:
    hub, _, draws = hub_of()
    dutch = joined(hub, NOW._replace(language="nl"))
    acme = joined(hub, NOW._replace(brands=("Acme",)))
    looks = joined(hub, NOW._replace(brands=("Acme",), may_act=False))
    await hub.look()
    assert "Alles all" in await taken(dutch)
    assert "Everything Acme 0 True" in await taken(acme)
    assert "Everything Acme 0 False" in await taken(looks)
    assert len(draws.drawn) == 3


async def test_nothing_is_rendered_while_nothing_changes_or_nobody_is_there() -> None:
    hub, sees, draws = hub_of()
    await hub.look()
    client = joined(hub)
    await hub.look()
    for _ in range(5):
        await hub.look()
    hub.leave(client)
    sees.number = 1
    await hub.look()
    assert (len(draws.drawn), hub.clients) == (1, 0)


async def test_whoever_comes_later_is_shown_how_it_stands_without_another_rendering() -> None:
    hub, _, draws = hub_of()
    joined(hub)
    await hub.look()
    late = joined(hub)
    assert "Everything all 0" in await taken(late)
    assert len(draws.drawn) == 1


async def test_whoever_is_slow_gets_the_newest_frame_and_none_of_those_before() -> None:
    hub, sees, _ = hub_of()
    slow = joined(hub)
    for number in range(50):
        sees.number = number
        await hub.look()
    sent = await taken(slow)
    assert sent.count("event: swap") == 1
    assert "all 49" in sent
    assert sent.count("event: beat") == 1


async def test_a_stream_ends_with_its_session_and_says_so() -> None:
    hub, _, _ = hub_of()
    holds = True
    client = hub.join(ANA, NOW, lambda: holds)
    assert client is not None
    await taken(client)
    hub.tell()
    assert f"event: beat\ndata: {AT_MS}" in await taken(client)
    holds = False
    hub.tell()
    assert "event: gone" in await taken(client)
    assert client.ended


async def test_one_person_has_so_many_streams_and_others_have_theirs() -> None:
    hub, _, _ = hub_of()
    for _ in range(MOST_EACH):
        joined(hub)
    assert hub.join(ANA, NOW, lambda: True) is None
    assert hub.clients == MOST_EACH
    joined(hub, visitor=Visitor(name="bram", role="viewer"))


async def test_a_page_that_cannot_be_made_is_made_again_later() -> None:
    hub, sees, _ = hub_of()
    client = joined(hub)
    await taken(client)
    sees.fails = True
    running = asyncio.create_task(hub.run())
    await asyncio.sleep(0.05)
    assert not running.done()
    sees.fails = False
    sent = ""
    while "Everything" not in sent:
        sent += await taken(client)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_a_page_that_cannot_be_made_keeps_no_other_back() -> None:
    hub, _, draws = hub_of()
    broken, whole = joined(hub, NOW._replace(language="xx")), joined(hub)
    await taken(broken)
    await hub.look()
    assert "Everything" in await taken(whole)
    assert [language for _, language in draws.drawn] == ["xx", "en"]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(broken.next(), 0.05)


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\n\nevent: gone\ndata: x\n\n", "\u2028", "\x0b", "\x85"])
async def test_no_text_can_end_its_event_or_begin_another(end: str) -> None:
    hub, _, draws = hub_of()
    draws.hostile = f"a{end}b"
    client = joined(hub)
    await hub.look()
    sent = await taken(client)
    lines = sent.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    assert all(line.startswith(("data: ", "event: swap", "event: beat")) for line in lines if line)
    assert lines.count("event: swap") == lines.count("event: beat") == 1
    assert "event: gone" not in lines


# ---- over a server


class Known:
    """As much of a desk as the streams ask for: one incident is known, and one brand."""

    def __init__(self) -> None:
        self.seen = self

    def language(self, _request: Request) -> str:
        return "en"

    async def incident(self, incident: str) -> object:
        return incident if incident == "acme-1" else None

    def now(self, brands: Sequence[str]) -> "Known":
        self.brands = [one for one in brands if one == "Acme"]
        return self


@asynccontextmanager
async def served(hub: Hub) -> AsyncIterator[str]:
    routes = []
    for door in doors(cast("Desk", Known()), hub):

        async def answer(request: Request, door: Any = door) -> Any:
            return await door.handler(request, ANA)

        routes.append(Route(door.path, answer))
    server, socket = server_of(routes), listener("127.0.0.1", 0)
    serving = asyncio.create_task(server.serve(sockets=[socket]))
    running = asyncio.create_task(hub.run())
    await opened(server)
    try:
        yield address_of(socket)
    finally:
        hub.close()
        server.should_exit = True
        await asyncio.wait_for(serving, 10)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        socket.close()


async def test_a_stream_brings_what_changed_and_the_server_ends_at_once_with_it_open() -> None:
    hub, sees, _ = hub_of()
    async with contextlib.AsyncExitStack() as kept:
        base_url = await kept.enter_async_context(served(hub))
        client = await kept.enter_async_context(httpx.AsyncClient(trust_env=False, timeout=5))
        stream = await kept.enter_async_context(client.stream("GET", f"{base_url}/live/now"))
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert stream.headers["cache-control"] == "no-store"
        lines = stream.aiter_lines()
        assert "all 0" in await _line(lines, "data: <div")
        sees.number, began_s = 7, time.monotonic()
        assert "all 7" in await _line(lines, "data: <div")
        assert time.monotonic() - began_s < 2
        began_s = time.monotonic()
        hub.close()
        with contextlib.suppress(StopAsyncIteration):
            while True:
                await asyncio.wait_for(anext(lines), 3)
        assert time.monotonic() - began_s < 3
        assert hub.clients == 0


async def test_nobody_waits_for_news_of_what_does_not_exist() -> None:
    hub, _, _ = hub_of()
    told: dict[str, int] = {}
    async with served(hub) as base_url, httpx.AsyncClient(trust_env=False, timeout=5) as client:
        for path in ("incident/acme-1", "brand/Acme", "incident/acme-2", "brand/Acmee"):
            async with client.stream("GET", f"{base_url}/live/{path}") as stream:
                told[path] = stream.status_code
    assert told == {"incident/acme-1": 200, "brand/Acme": 200, "incident/acme-2": 404, "brand/Acmee": 404}


async def test_too_many_tabs_are_told_so_and_are_no_failure_of_the_console() -> None:
    """An alarm about ourselves counts each status from 500 on: somebody who opens many tabs must not ring it."""
    hub, _, _ = hub_of()
    there = [joined(hub) for _ in range(MOST_EACH)]
    async with served(hub) as base_url, httpx.AsyncClient(trust_env=False, timeout=5) as client:
        refused = await client.get(f"{base_url}/live/now")
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "15")
        hub.leave(there[0])
        async with client.stream("GET", f"{base_url}/live/now") as stream:
            assert stream.status_code == 200
        hub.close()
        assert (await client.get(f"{base_url}/live/now")).status_code == 503


async def test_somebody_who_went_away_is_no_client_any_more() -> None:
    hub, _, _ = hub_of()
    async with served(hub) as base_url, httpx.AsyncClient(trust_env=False, timeout=5) as client:
        async with client.stream("GET", f"{base_url}/live/now") as stream:
            await _line(stream.aiter_lines(), "data: <div")
            assert hub.clients == 1
        async with asyncio.timeout(BEAT_S):
            while hub.clients:
                await asyncio.sleep(0.02)


async def _line(lines: AsyncIterator[str], begins: str) -> str:
    async with asyncio.timeout(5):
        async for line in lines:
            if line.startswith(begins):
                return line
    raise AssertionError("the stream ended")
