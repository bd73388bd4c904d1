"""Talkwalker's collectors, as their wire is: chunks without end, and without anything in between; offsets; errors in
the middle of an answer of status 200; a token in the address.
"""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from stream.sources.talkwalker import Talkwalker, TalkwalkerOptions
from stream.sources.web import Web
from tests.fakes.sources.wire import Stalls, answered
from tests.sources.laws import Case, Said, World
from tests.sources.virtual import now_ms

NAME = "tw"
TOKEN = "tw-secret-5f1c9a"
COLLECTOR = "acme-1"
KEEP_ALIVE_S = 15.0


class FakeTalkwalker(httpx.AsyncBaseTransport):
    """One collector with its results; connections read from an offset on."""

    def __init__(self, clock: Any, rng: random.Random) -> None:
        self._clock = clock
        self._rng = rng
        self.results: list[bytes] = []
        self.kept_from = 0
        """Results before this one are not kept any more."""
        self.asked = 0
        self.sent = 0
        """Results handed over, those sent again too: what is billed."""
        self.faults: list[str] = []
        """What becomes of the next answers, and of the next chunks of those that stand, in order."""
        self.stalled: asyncio.Event | None = None

    # ---- what people do

    def post(self, text: str, *, url: str | None = None, again: bool = False, **more: object) -> str:
        """A mention is found; its address."""
        url = url or f"https://board.example/t/{self._rng.getrandbits(48)}"
        at_ms = self._clock()
        data = {
            "url": url,
            "indexed": at_ms,
            "search_indexed": at_ms,
            "published": at_ms - 4000,
            "title": "A thread about Acme",
            "content": text,
            "lang": "en",
            "sentiment": -5,
            "source_type": ["MESSAGEBOARD"],
            "parent_url": "https://board.example/t/1",
            "extra_author_attributes": {"id": "ex:board.example-7", "name": f"anna{len(self.results) % 31}"},
            "article_extended_attributes": {"num_comments": len(self.results)},
            "matched": {"appearance": "UPDATED" if again else "NEW"},
        }
        self.results.append(json.dumps(_result(data | more), ensure_ascii=False).encode())
        return url

    # ---- the wire

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0.05)
        self.asked += 1
        if self.stalled is not None:
            await self.stalled.wait()
        parts = urlsplit(str(request.url))
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if asked.get("access_token") != TOKEN:
            return answered(401, b'{"status_code":"1"}')
        if not parts.path.startswith(f"/api/v3/stream/c/{COLLECTOR}"):
            return answered(404, b"{}")
        if not parts.path.endswith("/results"):
            state = {"result_stream": {"collectors": [{"collector_id": COLLECTOR, "state": "RUNNING"}]}}
            return answered(200, json.dumps(state).encode())
        if self.faults and self.faults[0] in {"429", "500", "503", "reset"}:
            fault = self.faults.pop(0)
            if fault == "reset":
                raise httpx.ReadError("reset", request=request)
            return answered(int(fault), b"no", {"Retry-After": "30"} if fault == "429" else {})
        return httpx.Response(200, stream=_Chunks(self, asked.get("resume_offset")))

    async def pieces(self, offset: str | None) -> AsyncIterator[bytes]:
        """What one connection brings."""
        numbers = {None: len(self.results), "earliest": self.kept_from}
        at = numbers[offset] if offset in numbers else int(offset.removeprefix("o"))
        if at < self.kept_from:
            yield _error("28", f"resume offset expired, request was access_token={TOKEN}")
            return
        yield _control(at)
        quiet_s = 0.0
        while True:
            if self.stalled is not None:
                await self.stalled.wait()
            if at >= len(self.results):
                await asyncio.sleep(1.0)
                quiet_s += 1.0
                if quiet_s >= KEEP_ALIVE_S:
                    quiet_s = 0.0
                    yield b"\r\n"
                continue
            body = self.results[at]
            at += 1
            self.sent += 1
            fault = self.faults.pop(0) if self.faults else ""
            for piece in self._spoken(body, fault):
                yield piece
                if fault == "slow":
                    await asyncio.sleep(0.5)
            if fault == "cut":
                raise httpx.ReadError("reset in the middle")
            if fault == "error":
                yield _error("17", f"internal error for {TOKEN}")
                return
            if fault == "end":
                return
            if self._rng.random() < 0.4:
                yield _control(at)

    def _spoken(self, body: bytes, fault: str) -> list[bytes]:
        """One chunk as it goes over the wire."""
        if fault == "cut":
            return [body[: self._rng.randrange(1, len(body))]]
        if fault == "twice":
            return [body + body]
        if fault == "half":  # cut by them, and the connection goes on: it comes again behind
            return [body[: self._rng.randrange(20, len(body) - 2)] + body]
        if fault == "odd":
            return [b'{"chunk_type":"CT_RESULT","chunk_result":{"data":{"data":[]}}}' + body]
        if fault == "between":
            return [b"<!-- 1 -->" + body]
        if fault == "slow":
            return [body[start : start + 97] for start in range(0, len(body), 97)]
        return [body]


class _Chunks(httpx.AsyncByteStream):
    def __init__(self, platform: FakeTalkwalker, offset: str | None) -> None:
        self._platform = platform
        self._offset = offset

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._platform.pieces(self._offset):
            self._platform.asked += 1
            yield piece


def _result(data: dict[str, object]) -> dict[str, object]:
    return {"chunk_type": "CT_RESULT", "chunk_result": {"data": {"data": data, "highlighted_data": []}}}


def _control(at: int) -> bytes:
    control = {"connection_id": "#s1ydl1#", "resume_offset": f"o{at}", "collector_id": COLLECTOR}
    return json.dumps({"chunk_type": "CT_CONTROL", "chunk_control": control}).encode()


def _error(code: str, message: str) -> bytes:
    said = {"chunk_type": "CT_ERROR", "chunk_error": {"status_code": code, "status_message": message}}
    return json.dumps(said).encode()


FAULTS = ("429", "500", "503", "reset", "cut", "cut", "twice", "half", "odd", "between", "slow", "error", "end")


class TalkwalkerStage(Stalls):
    """The platform for the laws; see `tests.sources.laws.Stage`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.platform = FakeTalkwalker(world.around.clock, world.rng)
        self._said: list[Said] = []
        self._urls: list[str] = []

    def source(self) -> Talkwalker:
        options = TalkwalkerOptions(COLLECTOR, silent_after_s=60.0)
        web = Web(transport=_Kept(self.platform))
        return Talkwalker(NAME, options, web=web, around=self._world.around, token=TOKEN)

    async def play(self, seconds: float) -> None:
        rng, platform = self._world.rng, self.platform
        await asyncio.sleep(5)
        end_ms = now_ms() + seconds * 1000
        while now_ms() < end_ms:
            await asyncio.sleep(rng.expovariate(1 / 10))
            self.say()
            if rng.random() < 0.2:
                platform.post("Acme, a day later", url=rng.choice(self._urls), again=True)
            if rng.random() < 0.1:
                platform.faults += rng.choices(FAULTS, k=rng.randrange(1, 4))
            if rng.random() < 0.02:
                self.stall()
                await asyncio.sleep(rng.uniform(20, 300))
                self.heal()
        platform.faults.clear()

    def said(self) -> list[Said]:
        return list(self._said)

    def say(self) -> Said:
        url = self.platform.post(f'Acme {self._world.rng.random()} {{"}} said é')
        self._urls.append(url)
        self._said.append(Said("create", f"{NAME}:{url}", now_ms()))
        return self._said[-1]

    def spoil(self) -> int:
        self.platform.results += [
            b'{"chunk_type":"CT_RESULT","chunk_result":{"data":{"data":{"url":"https://x.example/1"}}}}',
            b'{"chunk_type":"CT_RESULT","chunk_result":nonsense}',
            b'{"chunk_type":"CT_NEW"}',
        ]
        return 3


class _Kept(httpx.AsyncBaseTransport):
    """The platform stays when a source closes its side."""

    def __init__(self, platform: FakeTalkwalker) -> None:
        self._platform = platform

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._platform.handle_async_request(request)


CASE = Case(NAME, "sampled", TalkwalkerStage, secrets=(TOKEN,))
