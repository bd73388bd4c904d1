"""Talkwalker's stream: what its laws do not show."""

import asyncio
import json
import random

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route

from stream.sources.contract import Batch, Denied, Surroundings, Trouble
from stream.sources.guard import Rules
from stream.sources.talkwalker import Talkwalker, TalkwalkerOptions
from stream.sources.web import Web
from tests.fakes.sources.talkwalker import COLLECTOR, NAME, TOKEN, FakeTalkwalker
from tests.sources.laws import Tracked
from tests.sources.virtual import now_ms, run


class Spent:
    """A purse that is a number."""

    def __init__(self, spent: int = 0) -> None:
        self.amount = spent

    def spent(self, unit: str, *, since_ms: int) -> int:
        return self.amount if unit == "credits" else 0

    def spend(self, unit: str, amount: int) -> None:
        self.amount += amount


def source(platform, purse=None, token=TOKEN, **options):
    around = Surroundings(now_ms, purse or Spent(), Tracked())
    web = Web(transport=platform)
    return Talkwalker(NAME, TalkwalkerOptions(COLLECTOR, **options), web=web, around=around, token=token)


async def brought(ears, place, seconds, purse=None):
    """All batches of so many seconds, and the trouble that ended them."""
    batches: list[Batch] = []

    async def bring():
        async for batch in ears.batches(place):
            batches.append(batch)
            if purse is not None:
                purse.spend("credits", batch.costs.get("credits", 0))

    try:
        await asyncio.wait_for(bring(), seconds)
    except TimeoutError:
        return batches, None
    except (Trouble, Denied) as trouble:
        return batches, trouble
    raise AssertionError("a source never ends by itself")


def platform():
    return FakeTalkwalker(now_ms, random.Random(1))


def test_an_offset_that_is_not_kept_any_more_is_a_gap_from_when_it_was_noted():
    """And what the collector still has is fetched."""

    async def story():
        fake = platform()
        for n in range(5):
            fake.post(f"post {n}")
        left_ms = now_ms()
        await asyncio.sleep(600)
        fake.kept_from = 4
        batches, trouble = await brought(source(fake), f"{left_ms} o1", 60)
        assert isinstance(trouble, Trouble)
        assert TOKEN not in str(trouble)
        gap = next(gap for batch in batches for gap in batch.gaps)
        assert (gap.since_ms, gap.reason, gap.filled) == (left_ms, "cursor_too_old", False)
        assert gap.until_ms >= left_ms + 600_000
        place = next(batch.place for batch in reversed(batches) if batch.place)
        fake.post("after")
        batches, trouble = await brought(source(fake), place, 60)
        assert trouble is None
        texts = [json.loads(row)["text"].split("\n\n")[1] for batch in batches for row in batch.rows]
        assert texts == ["post 4", "after"]

    run(story())


def test_our_own_limit_on_credits_stops_the_stream_and_says_so():
    """Results are counted as they are billed; heartbeats go on, marked as capped."""

    async def story():
        fake, purse = platform(), Spent()
        for n in range(30):
            fake.post(f"post {n}")
        ears = source(fake, purse, credits_per_month=20)
        batches, trouble = await brought(ears, "1 o0", 60, purse)
        assert isinstance(trouble, Trouble)
        assert batches[-1].capped
        assert 20 <= sum(batch.costs.get("credits", 0) for batch in batches) == fake.sent < 25
        sent = fake.sent
        batches, trouble = await brought(ears, batches[-2].place, 3600, purse)
        assert trouble is None
        assert all(batch.capped for batch in batches)
        assert len(batches) > 60
        assert fake.sent == sent
        assert not (await ears.check()).complete

    run(story())


def test_credits_used_up_by_contract_are_a_cap_too():
    """In-band, with status 200."""

    async def story():
        fake = platform()

        async def pieces(offset):
            yield b'{"chunk_type":"CT_ERROR","chunk_error":{"status_code":"30","status_message":"No credits left"}}'

        fake.pieces = pieces
        batches, trouble = await brought(source(fake), None, 3600)
        assert isinstance(trouble, Trouble)
        assert [batch.capped for batch in batches[1:]] == [True] * (len(batches) - 1)
        assert len(batches) > 20

    run(story())


def test_refused_credentials_are_for_a_human():
    """By status or in-band; and the words hold no token."""

    async def story():
        _, denied = await brought(source(platform(), token="old-token-1"), None, 60)
        assert isinstance(denied, Denied)
        fake = platform()

        async def pieces(offset):
            said = {"status_code": "13", "status_message": f"insufficient rights for {TOKEN}"}
            yield json.dumps({"chunk_type": "CT_ERROR", "chunk_error": said}).encode()

        fake.pieces = pieces
        _, denied = await brought(source(fake), None, 60)
        assert isinstance(denied, Denied)
        assert TOKEN not in str(denied)
        with pytest.raises(Denied, match="404"):
            await source(fake_without_collector()).check()

    def fake_without_collector():
        class Elsewhere(FakeTalkwalker):
            async def handle_async_request(self, request):
                request.url = request.url.copy_with(path="/api/v3/stream/c/other")
                return await super().handle_async_request(request)

        return Elsewhere(now_ms, random.Random(2))

    run(story())


def test_a_result_that_is_sent_as_updated_is_the_post_and_its_counts():
    """So that nobody misses it, and its counts are known; an old one is its counts alone."""

    async def story():
        fake = platform()
        fake.post("again", url="https://board.example/1", again=True)
        fake.post("old", url="https://board.example/2", again=True, published=now_ms() - 3 * 86_400_000)
        batches, _ = await brought(source(fake), "1 o0", 30)
        rows = [json.loads(row) for batch in batches for row in batch.rows]
        assert [(row["id"], row.get("kind", "create")) for row in rows] == [
            ("https://board.example/1", "create"),
            ("https://board.example/1", "engagement"),
            ("https://board.example/2", "engagement"),
        ]
        assert "text" not in rows[1]

    run(story())


async def test_over_a_real_socket():
    """Chunked, without line ends, from an offset on."""
    fake = FakeTalkwalker(lambda: 1_767_625_200_000, random.Random(3))
    for n in range(3):
        fake.post(f"post {n}")

    async def results(request):
        assert request.query_params["access_token"] == TOKEN
        return StreamingResponse(fake.pieces(request.query_params.get("resume_offset")))

    app = Starlette(routes=[Route(f"/api/v3/stream/c/{COLLECTOR}/results", results)])
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", timeout_graceful_shutdown=1))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    around = Surroundings(lambda: 1_767_625_200_000, Spent(), Tracked())
    options = TalkwalkerOptions(COLLECTOR, base_url=f"http://127.0.0.1:{port}")
    web = Web(Rules(plain=(f"127.0.0.1:{port}",)))
    ears = Talkwalker(NAME, options, web=web, around=around, token=TOKEN)
    rows: list[bytes] = []
    batches = ears.batches("1767625200000 o1")
    async for batch in batches:
        rows += batch.rows
        if len(rows) == 2:
            break
    await batches.aclose()
    await web.close()
    server.should_exit = True
    await serving
    assert [json.loads(row)["text"].split("\n\n")[1] for row in rows] == ["post 1", "post 2"]
