"""The door of a scaled deployment: what it called accepted is in the topic, in the partition of its id."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from stream.kafka.clients import Brokers
from stream.kafka.records import kind_and_source
from stream.sources.signing import Verifier, sign
from stream.sources.taking import Limits
from tests.cluster.broker import Broker
from tests.cluster.intake_helpers import all_of
from tocsin.scaled.door import Door, wall_clock_ms

pytestmark = [pytest.mark.slow]

WHEN = "2017-07-14T02:40:00Z"
PATIENCE_S = 60


def row(name: str, **more: object) -> dict[str, object]:
    """One post."""
    return {"id": name, "created_at": WHEN, "text": f"post {name}"} | more


@pytest.fixture
async def door(brokers: Brokers) -> AsyncIterator[Door]:
    """A door for the source x."""
    made = Door(brokers, {"x": Verifier(["secret"])}, limits=Limits(), rates={})
    yield made
    await made.stop()


async def sent(door: Door, *rows: object) -> httpx.Response:
    """Send rows, signed."""
    app = Starlette(routes=list(door.routes()))
    second = wall_clock_ms() // 1000
    body = b"\n".join(one if isinstance(one, bytes) else json.dumps(one).encode() for one in rows)
    headers = {"X-Timestamp": str(second), "X-Signature": sign("secret", second, body)}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://door") as client:
        return await client.post("/ingest/x", content=body, headers=headers)


async def mentions(brokers: Brokers) -> dict[int, list[Any]]:
    """All that is in `mentions`, by partition."""
    return {number: await all_of(brokers, "mentions", number) for number in range(brokers.layout.mentions)}


async def test_what_is_accepted_is_in_the_partition_of_its_id_as_it_was_sent(door: Door, brokers: Brokers) -> None:
    await door.start()
    rows = [row(str(n)) for n in range(20)]
    answer = await sent(door, *rows)
    again = await sent(door, row("x:7", kind="update"), row("7", kind="delete"))
    assert (answer.status_code, answer.json()["accepted"], again.json()["accepted"]) == (202, 20, 2)
    found = await mentions(brokers)
    bodies = [one.value for home in found.values() for one in home]
    assert all(json.dumps(one).encode() in bodies for one in rows), "byte for byte"
    assert len(bodies) == 22
    assert all(found.values()), "both partitions have some"
    for home, records in found.items():
        for one in records:
            assert kind_and_source(one.headers) == ("mention", "x")
            assert home == brokers.layout.mention_partition(one.key.decode())
            assert abs(one.timestamp - wall_clock_ms()) < PATIENCE_S * 1000, "stamped by the broker"
    about_seven = [home for home, records in found.items() for one in records if one.key == b"x:7"]
    assert len(about_seven) == 3
    assert len(set(about_seven)) == 1, "with or without its prefix, whatever is said of it"


async def test_what_cannot_be_read_is_a_dead_letter_and_its_neighbours_are_taken(door: Door, brokers: Brokers) -> None:
    await door.start()
    answer = await sent(door, row("1"), b'{"id": "2"}', row("3"))
    assert [one["status"] for one in answer.json()["results"]] == ["accepted", "rejected", "accepted"]
    await door.sweep()
    letters = await all_of(brokers, "dead-letters", 0)
    assert [letter.value for letter in letters] == [b'{"id": "2"}']
    assert b"missing_field" in dict(letters[0].headers)["why"]


async def test_before_a_broker_answered_and_while_none_does_the_door_says_503(
    door: Door, brokers: Brokers, kafka: Broker
) -> None:
    assert (await sent(door, row("1"))).status_code == 503
    await door.start()
    door.appender._patience_s = 1.0
    assert (await sent(door, row("2"))).status_code == 202
    await asyncio.to_thread(kafka.stop)
    began = time.monotonic()
    refused = await sent(door, row("3"))
    assert (refused.status_code, refused.json()["error"]) == (503, "not_stored")
    assert time.monotonic() - began < 5, "a sender does not wait for ever"
    await asyncio.to_thread(kafka.start)
    deadline = time.monotonic() + PATIENCE_S
    while (await sent(door, row("4"))).status_code != 202:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.2)
    taken = {json.loads(one.value)["id"] for home in (await mentions(brokers)).values() for one in home}
    assert {"2", "4"} <= taken, "what was called accepted is there"
    assert "1" not in taken


async def test_too_much_that_waits_is_refused_at_once(door: Door, kafka: Broker) -> None:
    await door.start()
    door.appender._limits = (10, 1 << 20)
    await asyncio.to_thread(kafka.pause)
    try:
        door.appender._patience_s = 2.0
        first = asyncio.create_task(sent(door, *(row(str(n)) for n in range(8))))
        while not door.appender._items:
            await asyncio.sleep(0.01)
        second = await sent(door, *(row(f"b{n}") for n in range(8)))
        assert (second.status_code, second.json()["error"]) == (429, "overloaded")
        assert (await first).status_code == 503
    finally:
        await asyncio.to_thread(kafka.resume)
