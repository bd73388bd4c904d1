"""A Jetstream that says as much as is asked of it: posts and likes of the whole network at a steady rate, over a real
WebSocket. What was said lately can be had again by a cursor; what is older is forgotten, so that it costs no memory.
"""

import asyncio
import json
import random
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

TICK_S = 0.05
KEPT = 60_000
"""Frames that can be had again."""
_SENTENCES = """good morning walk coffee rain train late again who saw the match tonight cat garden bread music new song
old photo weekend nothing works here today lovely light over the river somebody forgot a bike and it snows"""
WORDS = _SENTENCES.split()


class Firehose:
    """Frames by number; a connection reads on from where it is."""

    def __init__(self, posts_per_s: float, likes_per_s: float, rng: random.Random) -> None:
        self.posts = 0
        self.frames = 0
        """Said so far; of them `posts` are posts."""
        self.handed = 0
        """Frames up to which the last connection has taken all."""
        self._rates = (posts_per_s, likes_per_s)
        self._rng = rng
        self._kept: deque[tuple[int, str]] = deque(maxlen=KEPT)
        self._last_us = 0
        self._news = asyncio.Event()

    @asynccontextmanager
    async def served(self) -> AsyncIterator[str]:
        """Its address, while it is served and the network talks."""
        async with serve(self._serve, "127.0.0.1", 0, compression=None, max_queue=4) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            talking = asyncio.create_task(self._talk())
            try:
                yield f"ws://127.0.0.1:{port}"
            finally:
                talking.cancel()

    def post(self, text: str, did: str) -> str:
        """Somebody writes a post; its address."""
        self.posts += 1
        rkey = f"3k{self.posts:011d}"
        record = {"$type": "app.bsky.feed.post", "text": text, "createdAt": _now_text(), "langs": ["en"]}
        self._commit(did, "app.bsky.feed.post", rkey, json.dumps(record, separators=(",", ":")))
        return f"at://{did}/app.bsky.feed.post/{rkey}"

    async def _talk(self) -> None:
        began_s, said = time.monotonic(), [0, 0]
        while True:
            due = [int((time.monotonic() - began_s) * rate) for rate in self._rates]
            for _ in range(min(due[0] - said[0], 5_000)):
                self.post(" ".join(self._rng.choices(WORDS, k=12)), self._did())
            for number in range(min(due[1] - said[1], 5_000)):
                uri = f"at://{self._did()}/app.bsky.feed.post/3kaaaaaaaaaaa"
                record = f'{{"$type":"app.bsky.feed.like","subject":{{"cid":"bafyreia","uri":"{uri}"}}}}'
                self._commit(self._did(), "app.bsky.feed.like", f"3l{said[1] + number:011d}", record)
            said = due
            self._news.set()
            self._news = asyncio.Event()
            await asyncio.sleep(TICK_S)

    def _did(self) -> str:
        return f"did:plc:{self._rng.randrange(10**6):024d}"

    def _commit(self, did: str, collection: str, rkey: str, record: str) -> None:
        self._last_us = max(self._last_us + 1, time.time_ns() // 1000)
        self.frames += 1
        self._kept.append(
            (
                self._last_us,
                f'{{"did":"{did}","time_us":{self._last_us},"kind":"commit","commit":{{"rev":"3kx","operation":"create",'
                f'"collection":"{collection}","rkey":"{rkey}","record":{record},"cid":"bafyreib"}}}}',
            )
        )

    async def _serve(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        asked = parse_qs(urlsplit(connection.request.path).query)
        since_us = int(asked.get("cursor", ["0"])[0]) or self._last_us + 1
        at = self.frames - sum(at_us >= since_us for at_us, _ in self._kept)
        with suppress(ConnectionClosed):
            await self._hand_over(connection, at)

    async def _hand_over(self, connection: ServerConnection, at: int) -> None:
        """All from a frame on, for ever."""
        while True:
            oldest = self.frames - len(self._kept)
            assert at >= oldest, "a reader is so far behind that what it lacks is forgotten"
            # A copy: while it is sent the network goes on.
            for _, frame in [self._kept[place] for place in range(at - oldest, len(self._kept))]:
                await connection.send(frame)
                self.handed = at = at + 1
            await self._news.wait()


def _now_text() -> str:
    now_ms = time.time_ns() // 1_000_000
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now_ms // 1000)) + f".{now_ms % 1000:03d}Z"
