"""The door for vendors that cannot sign: only who knows the address gets in, and little harm is done by who does."""

import json
from types import SimpleNamespace

import httpx
import pytest
from starlette.applications import Starlette

from stream.sources.dead_letters import DeadLetters
from stream.sources.intake_log import Appender, IntakeLog
from stream.sources.mappings import MELTWATER, YOUSCAN
from stream.sources.shapes import Shape, rule
from stream.sources.signing import Verifier, sign
from stream.sources.taking import Bucket, Limits
from stream.sources.vendor_door import LIMITS, VendorDoor
from stream.sources.webhook import ingest_app
from tests.sources.test_vendor_mappings import MELTWATER_BODY, NOW_MS

TOKEN, OLDER, OTHER = "t" * 40, "o" * 40, "y" * 40


@pytest.fixture
def house(tmp_path):
    """The door over a real log and real dead letters, on a clock that the test moves."""
    opened = []

    def build(limits=LIMITS, **more):
        log = IntakeLog(tmp_path / "intake.db")
        house = SimpleNamespace(now_ms=NOW_MS, log=log, dead=DeadLetters(None))
        house.door = VendorDoor(
            appender=Appender(log, lambda: house.now_ms),
            shapes={"mw": MELTWATER, "ys": YOUSCAN},
            tokens={"mw": [TOKEN, OLDER], "ys": [OTHER]},
            clock=lambda: house.now_ms,
            dead=house.dead,
            limits=limits,
            **more,
        )
        house.client = httpx.AsyncClient(transport=httpx.ASGITransport(house.door), base_url="http://t")
        opened.append(log)
        return house

    yield build
    for log in opened:
        log.close()


def logged(house):
    return [(record.source, json.loads(record.body)["id"]) for record in house.log.read(0, 5000)]


async def test_what_a_hook_posts_is_answered_200_once_it_is_on_the_disk(house):
    """Rows are in the log, what cannot be read is a dead letter, and the vendor hears 200."""
    house = house()
    answer = await house.client.post(f"/ingest/mw/{TOKEN}", json=MELTWATER_BODY)
    assert (answer.status_code, answer.json()) == (200, {"accepted": 2, "rejected": 2})
    assert logged(house) == [("mw", "doc-1"), ("mw", "doc-2")]
    assert house.dead.counts() == {("mw", "no_time"): 1, ("mw", "not_an_object"): 1}
    assert (house.door.taking.accepted, house.door.taking.rejected) == (2, 2)


async def test_both_tokens_open_the_door_and_a_header_does(house):
    """While one replaces the other; and for senders that can set a header, the address needs no secret."""
    house = house()
    answers = [
        await house.client.post(f"/ingest/mw/{OLDER}", json={"documents": []}),
        await house.client.post("/ingest/mw/", json={"documents": []}, headers={"X-Token": TOKEN}),
    ]
    assert [answer.status_code for answer in answers] == [200, 200]


@pytest.mark.parametrize(
    "path", [f"/ingest/mw/{OTHER}", "/ingest/mw/", f"/ingest/no/{TOKEN}", f"/ingest/mw/{TOKEN}/x", "/ingest/mw/é%00"]
)
async def test_a_wrong_address_is_nobodys_and_its_body_is_not_read(house, path):
    """404 alike for a wrong token and a source that is not there; nothing is written."""
    house = house()

    async def body():
        raise AssertionError("the body was read")
        yield b""

    answer = await house.client.post(path, content=body())
    assert (answer.status_code, answer.json()) == (404, {"error": "unknown_path"})
    assert logged(house) == []
    assert house.door.taking.refused == {"unknown_path": 1}


async def test_a_body_that_nobody_can_read_is_answered_200_and_buried(house):
    """Sent again it would be no better."""
    house = house()
    for body in (b"", b"<xml>", b'{"request": 1}', b"\xff\xfe"):
        answer = await house.client.post(f"/ingest/mw/{TOKEN}", content=body)
        assert (answer.status_code, answer.json()) == (200, {"accepted": 0, "rejected": 1})
    assert sum(house.dead.counts().values()) == 4
    assert logged(house) == []


async def test_what_the_door_does_not_take_at_once_is_told_to_come_again(house):
    """Limits of its own on rate, size and number; and it shares what all doors may take."""
    document = MELTWATER_BODY["documents"][0]
    small = Limits(body_bytes=100_000, items=10, items_per_s=1, burst_items=15, bodies=2)
    house = house(small)
    many = [document | {"id": f"d{n}"} for n in range(11)]
    assert (await house.client.post(f"/ingest/mw/{TOKEN}", json={"documents": many})).status_code == 413
    assert (await house.client.post(f"/ingest/mw/{TOKEN}", json={"documents": many[:10]})).status_code == 200
    refused = await house.client.post(f"/ingest/mw/{TOKEN}", json={"documents": many[:10]})
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "5")
    large = await house.client.post(f"/ingest/mw/{TOKEN}", content=b"x" * 100_001)
    assert large.status_code == 413
    assert len(logged(house)) == 10


async def test_all_doors_together_have_one_limit(house):
    """A flood by a vendor cannot be more than the house takes."""
    whole = Bucket(per_s=1, burst=3, now_ms=NOW_MS)
    house = house(whole=whole)
    assert (await house.client.post(f"/ingest/mw/{TOKEN}", json=MELTWATER_BODY)).status_code == 200
    assert whole.take(2, now_ms=NOW_MS) > 0


def test_a_token_that_could_be_guessed_is_refused():
    """Before the door stands."""
    with pytest.raises(ValueError, match="at least 32"):
        VendorDoor(appender=None, shapes={}, tokens={"mw": ["short"]}, clock=lambda: 0, dead=DeadLetters(None))


async def test_beside_the_signed_door_each_keeps_its_own_and_a_signed_source_may_have_a_mapping(tmp_path):
    """`/ingest/NAME` is signed, `/ingest/NAME/TOKEN` is not; a signed payload of any form becomes rows."""
    log, dead = IntakeLog(tmp_path / "intake.db"), DeadLetters(None)
    appender = Appender(log, lambda: NOW_MS)
    shape = Shape({"id": rule("nr"), "created_at": rule("at"), "text": rule("said")}, items="posts")
    ingest = ingest_app(
        appender=appender,
        verifiers={"own": Verifier(["secret-x"])},
        clock=lambda: NOW_MS,
        dead=dead,
        limits=Limits(),
        shapes={"own": shape},
    )
    door = VendorDoor(
        appender=appender,
        shapes={"mw": MELTWATER},
        tokens={"mw": [TOKEN]},
        clock=lambda: NOW_MS,
        dead=dead,
        whole=ingest.taking.whole,
    )
    app = Starlette(routes=[*ingest.routes, *door.routes])
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t")
    body = json.dumps({"posts": [{"nr": 1, "at": NOW_MS, "said": "Acme!"}, {"nr": 2}]}).encode()
    second = NOW_MS // 1000
    headers = {"X-Timestamp": str(second), "X-Signature": sign("secret-x", second, body)}
    answer = await client.post("/ingest/own", content=body, headers=headers)
    assert (answer.status_code, answer.json()["accepted"], answer.json()["rejected"]) == (202, 1, 1)
    assert (await client.post("/ingest/own", content=body, headers=headers)).status_code == 401
    assert (await client.post("/ingest/mw", json=MELTWATER_BODY)).status_code == 404
    assert (await client.post(f"/ingest/mw/{TOKEN}", json=MELTWATER_BODY)).status_code == 200
    assert [json.loads(record.body)["id"] for record in log.read(0, 99)] == ["1", "doc-1", "doc-2"]
    await appender.close()
    log.close()
