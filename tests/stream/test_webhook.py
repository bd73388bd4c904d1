"""The ingest route: what is answered "accepted" is on the disk, and no request makes it fail."""

import asyncio
import contextlib
import itertools
import json
import resource
from types import SimpleNamespace

import httpx
import pytest
import uvicorn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stream.reading import read_mention
from stream.sources.dead_letters import DeadLetters
from stream.sources.intake_log import Appender, IntakeLog
from stream.sources.signing import Verifier, sign
from stream.sources.taking import Bucket, Limits
from stream.sources.webhook import ingest_app

NOW_S = 1_500_000_000
WHEN = "2017-07-14T02:40:00Z"


def row(n, **more):
    return {"id": str(n), "created_at": WHEN, "text": f"post {n}"} | more


@pytest.fixture
def house(tmp_path):
    """The route over a real log and real dead letters, on a clock that the test moves."""
    opened = []

    def build(name="a", limits=None, rates=None, **appender_limits):
        log = IntakeLog(tmp_path / f"{name}.db")
        house = SimpleNamespace(now_ms=NOW_S * 1000, log=log, dead=DeadLetters(None))
        house.appender = Appender(log, lambda: house.now_ms, **appender_limits)
        house.app = ingest_app(
            appender=house.appender,
            verifiers={"x": Verifier(["secret-x", "older-x"]), "y": Verifier(["secret-y"])},
            clock=lambda: house.now_ms,
            dead=house.dead,
            limits=limits or Limits(),
            rates=rates,
        )
        house.client = httpx.AsyncClient(transport=httpx.ASGITransport(house.app), base_url="http://t")
        opened.append(log)
        return house

    yield build
    for log in opened:
        log.close()


def signed(house, body, secret="secret-x", source="x", second=None, **headers):
    second = house.now_ms // 1000 if second is None else second
    headers = {"X-Timestamp": str(second), "X-Signature": sign(secret, second, body)} | headers
    return house.client.post(f"/ingest/{source}", content=body, headers=headers)


def logged(house):
    return [record.body for record in house.log.read(0, 5000)]


@pytest.mark.parametrize("form", ["one", "array", "lines"])
async def test_each_form_is_accepted_and_on_the_disk(house, form):
    """One mention, an array, JSON lines: a result per item, in order, and the raw bytes in the log."""
    house = house()
    rows = [json.dumps(row(n)).encode() for n in range(1 if form == "one" else 3)]
    body = b"[" + b",".join(rows) + b"]" if form == "array" else b"\n".join(rows)
    answer = await signed(house, body)
    assert answer.status_code == 202
    results = [{"id": f"x:{n}", "status": "accepted"} for n in range(len(rows))]
    assert answer.json() == {"accepted": len(rows), "rejected": 0, "results": results}
    assert logged(house) == rows
    record = house.log.read(0, 1)[0]
    assert (record.kind, record.source, record.observed_ms) == ("mention", "x", house.now_ms)
    assert read_mention(record.body, source="x", observed_ms=record.observed_ms).text == "post 0"


async def test_a_bad_item_does_not_cost_its_neighbours(house):
    """What cannot be read is a dead letter with its reason; the rest is accepted; the sender sees which."""
    house = house()
    deep = b"[" * 500 + b"]" * 500
    items = [
        json.dumps(row(1)).encode(),
        b'{"id": "2", "text": "no time"}',
        b'{"id": NaN}',
        b'{"id": "4", "created_at": "2017-07-14T02:40:00Z", "text": "\\ud800"}',
        b'{"id": "5", "created_at": "2017-07-14T02:40:00Z", "text": "t", "odd": ' + deep + b"}",
        b"17",
        json.dumps(row(7, created_at="2999-01-01T00:00:00Z")).encode(),
        b'{"id": ' + b"9" * 5000 + b"}",
    ]
    answer = (await signed(house, b"[" + b",".join(items) + b"]")).json()
    assert [result["status"][0] for result in answer["results"]] == list("arrarrar")
    assert [result["id"] for result in answer["results"]][:2] == ["x:1", "2"]
    assert [result.get("reason") for result in answer["results"]][1:3] == ["missing_field", "not_json"]
    assert logged(house) == [items[0], items[3], items[6]]
    assert (house.app.accepted, house.app.rejected) == (3, 5)
    assert [letter.body for letter in house.dead.latest(9)] == [items[n] for n in (7, 5, 4, 2, 1)]
    assert sum(house.dead.counts().values()) == 5


async def test_nobody_unsigned_gets_in(house):
    """Absent, wrong, old, future, non-numeric and replayed: 401 with the word, and nothing written."""
    house = house()
    body = json.dumps(row(1)).encode()
    answers = [
        await house.client.post("/ingest/x", content=body),
        await signed(house, body, secret="secret-y"),
        await signed(house, body, second=NOW_S - 301),
        await signed(house, body, second=NOW_S + 301),
        await signed(house, body, **{"X-Timestamp": "now"}),
        await signed(house, body, **{"X-Signature": b"v1=\xff\xfe"}),
    ]
    assert [(a.status_code, a.json()["error"]) for a in answers] == [
        (401, "missing"),
        (401, "wrong"),
        (401, "old"),
        (401, "future"),
        (401, "malformed"),
        (401, "malformed"),
    ]
    assert logged(house) == []
    assert (await signed(house, body)).status_code == 202
    again = await signed(house, body)
    assert (again.status_code, again.json()) == (401, {"error": "replayed"})
    assert len(logged(house)) == 1
    assert house.app.refused["malformed"] == 2


async def test_a_replay_after_a_restart_is_refused(house):
    """Also one whose items were all rejected: what was seen is kept with the log."""
    first = house()
    bodies = [json.dumps(row(1)).encode(), b'{"id": 1}']
    assert [(await signed(first, body)).status_code for body in bodies] == [202, 202]
    first.log.close()
    second = house()
    assert [(await signed(second, body)).json() for body in bodies] == [{"error": "replayed"}] * 2


async def test_the_same_bytes_twice_at_once_count_once(house):
    """Two copies of one request racing each other: one is accepted."""
    house = house()
    body = json.dumps(row(1)).encode()
    answers = await asyncio.gather(*(signed(house, body) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [202] + [401] * 19
    assert len(logged(house)) == 1


async def test_unknown_paths_and_methods(house):
    """404 and 405, without an echo of what was asked for."""
    house = house()
    answer = await signed(house, b"{}", source="<script>")
    assert (answer.status_code, answer.json()) == (404, {"error": "unknown_source"})
    assert (await house.client.get("/ingest/x")).status_code == 405
    assert (await house.client.post("/ingest/x/")).status_code == 404


async def test_a_body_without_an_item_is_a_dead_letter(house):
    """400 with one word, and the bytes kept for whoever asks why."""
    house = house()
    answers = [await signed(house, body) for body in (b"", b"<xml/>", b"[1, 2", b'{"id":')]
    assert [(a.status_code, a.json()["error"]) for a in answers] == [(400, "empty")] + [(400, "not_json")] * 3
    assert house.dead.counts() == {("x", "empty"): 1, ("x", "not_json"): 3}
    assert house.dead.latest(1)[0].body == b'{"id":'


async def test_too_much_is_refused(house):
    """Too many items, too many bytes, compressed bytes: 413, 413, 415; the limit itself is fine."""
    house = house()
    lines = [json.dumps(row(n)).encode() for n in range(1001)]
    answers = [
        await signed(house, b"\n".join(lines)),
        await signed(house, b" " * (1 << 20) + b"{}"),
        await signed(house, b"{}", **{"Content-Encoding": "gzip"}),
        await signed(house, b"\n".join(lines[:1000])),
    ]
    assert [answer.status_code for answer in answers] == [413, 413, 415, 202]
    assert len(logged(house)) == 1000


async def test_an_endless_body_is_cut_off_at_the_limit(house):
    """A gigabyte in pieces, with no length declared: refused after 1 MiB was read, long before the end."""
    house = house()
    read = 0

    async def receive():
        nonlocal read
        read += 1
        return {"type": "http.request", "body": b"[" * 65536, "more_body": read < 16_384}

    sent = []

    async def send(message):
        sent.append(message)

    headers = [(b"x-timestamp", b"%d" % NOW_S), (b"x-signature", b"v1=" + b"0" * 64), (b"content-length", b"2")]
    scope = {"type": "http", "method": "POST", "path": "/ingest/x", "headers": headers, "query_string": b""}
    await house.app(scope, receive, send)
    assert sent[0]["status"] == 413
    assert read == 17


async def test_a_body_that_never_arrives_is_given_up(house):
    """A sender that stalls holds its place for a while, not for ever; meanwhile the places are limited."""
    house = house(limits=Limits(bodies=1, body_s=0.05))

    async def stalls():
        yield b"{"
        await asyncio.sleep(0.2)
        yield b"}"

    headers = {"X-Timestamp": str(NOW_S), "X-Signature": "v1=" + "0" * 64}
    slow = asyncio.create_task(house.client.post("/ingest/x", content=stalls(), headers=headers))
    await asyncio.sleep(0.02)
    busy = await signed(house, b"{}")
    assert (busy.status_code, busy.headers["Retry-After"]) == (429, "1")
    assert (await slow).status_code == 408
    assert (await signed(house, json.dumps(row(1)).encode())).status_code == 202


async def test_a_flood_is_slowed_down_per_source(house):
    """Beyond the bucket: 429, with the time after which the very same request is accepted. Others are not affected."""
    house = house(limits=Limits(items=20, items_per_s=10, burst_items=20))
    bodies = [b"\n".join(json.dumps(row(m * 20 + n)).encode() for n in range(20)) for m in range(2)]
    assert (await signed(house, bodies[0])).status_code == 202
    refused = await signed(house, bodies[1])
    assert (refused.status_code, refused.headers["Retry-After"], refused.json()) == (429, "2", {"error": "rate"})
    assert (await signed(house, bodies[1], secret="secret-y", source="y")).status_code == 202
    house.now_ms += 2000
    assert (await signed(house, bodies[1], second=NOW_S)).status_code == 202
    assert len(logged(house)) == 60


async def test_a_source_has_its_own_rate_and_all_share_one(house):
    """A fast source may have more than the others; together they never have more than all may, and nothing is lost by
    a refusal: what one bucket gave while the other refused is given back.
    """
    house = house(limits=Limits(items_per_s=1, burst_items=4, items=4, all_items_per_s=4), rates={"y": 100})
    body = b"\n".join(json.dumps(row(n)).encode() for n in range(4))
    assert (await signed(house, body)).status_code == 202
    assert (await signed(house, body + b"\n", secret="secret-y", source="y")).status_code == 202
    house.now_ms += 1000
    assert (await signed(house, body)).json() == {"error": "rate"}  # its own: one a second
    assert (await signed(house, body, secret="secret-y", source="y")).status_code == 202
    house.now_ms += 50
    assert (await signed(house, body + b"\n", secret="secret-y", source="y")).json() == {"error": "rate"}  # all: four
    assert len(logged(house)) == 12


async def test_when_the_disk_is_behind_senders_wait(house):
    """An overloaded appender means 429, nothing written, and the same bytes welcome a moment later."""
    house = house(waiting_items=5)
    bodies = [b"\n".join(json.dumps(row(m * 3 + n)).encode() for n in range(3)) for m in range(20)]
    answers = await asyncio.gather(*(signed(house, body) for body in bodies))
    accepted = [answer.status_code for answer in answers].count(202)
    assert 0 < accepted < 20
    assert {answer.status_code for answer in answers} == {202, 429}
    assert len(logged(house)) == 3 * accepted == house.app.accepted
    for body, answer in zip(bodies, answers, strict=True):
        if answer.status_code == 429:
            assert (await signed(house, body)).status_code == 202
    assert len(logged(house)) == 60


async def test_a_full_disk_is_said_and_nothing_is_claimed(house):
    """503: not accepted, come again; and when there is room, the same bytes are."""
    house = house()
    body = json.dumps(row(1, text="z" * 9000)).encode()
    pages = house.log._db.execute("PRAGMA page_count").fetchone()[0]
    house.log._db.execute(f"PRAGMA max_page_count={pages}")
    answer = await signed(house, body)
    assert (answer.status_code, answer.json()) == (503, {"error": "not_stored"})
    assert logged(house) == []
    house.log._db.execute("PRAGMA max_page_count=100000")
    assert (await signed(house, body)).status_code == 202


async def test_a_thousand_posts_at_once_cost_few_syncs(house):
    """Requests that wait together are written together; each gets its own answer."""
    house = house(limits=Limits(bodies=2000))
    bodies = [json.dumps(row(n)).encode() for n in range(1000)]
    answers = await asyncio.gather(*(signed(house, body) for body in bodies))
    assert [answer.json()["results"][0]["id"] for answer in answers] == [f"x:{n}" for n in range(1000)]
    assert sorted(logged(house)) == sorted(bodies)
    assert house.appender.transactions < 100


def test_a_bucket_gives_its_rate_whatever_the_clock_does():
    """Never more than burst plus rate times time; a clock set back gives nothing."""
    bucket = Bucket(per_s=10, burst=10, now_ms=1000)
    assert bucket.take(10, now_ms=1000) == 0
    assert bucket.take(1, now_ms=1000) == 100
    assert bucket.take(1, now_ms=500) == 100
    assert bucket.take(1, now_ms=600) == 0
    assert bucket.take(10, now_ms=10**9) == 0
    assert bucket.take(1, now_ms=10**9) > 0


@pytest.mark.parametrize("bad", [{"items_per_s": 0}, {"items": 0}, {"items": 10, "burst_items": 9}])
def test_limits_that_let_nothing_pass_are_refused(bad):
    """A setting under which a full request could never be accepted is an error at the start."""
    with pytest.raises(ValueError, match="burst_items"):
        Limits(**bad)


WORDS = (
    r"""{ } [ ] , : " \ud800 NaN 1e999 -0 17 true "id" "text" "kind" "delete" "created_at" "2017-07-14T02:40:00Z" """
)
ODD = [b" ", b"\n", b"\x00", b"\xff", b"9" * 5000, b"\xef\xbb\xbf", json.dumps(row(1)).encode()]
PIECES = st.sampled_from([*(word.encode() for word in WORDS.split()), *ODD])
SECONDS = itertools.count()
BODIES = st.binary(max_size=60) | st.lists(PIECES, max_size=30).map(b"".join)
TOKENS = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=80)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(body=BODIES, timestamp=TOKENS, signature=TOKENS, good=st.booleans(), source=st.sampled_from(["x", "y", "z"]))
def test_no_request_makes_it_fail(house, body, timestamp, signature, good, source):
    """Any bytes under any headers get a 2xx or 4xx with JSON; signed or not, nothing is answered with a 500."""
    house = house(name="fuzz")
    house.now_ms += next(SECONDS) * 1000
    second = house.now_ms // 1000
    headers = {"X-Timestamp": timestamp.encode("latin-1"), "X-Signature": signature.encode("latin-1")}
    if good:
        headers = {"X-Timestamp": str(second), "X-Signature": sign(f"secret-{source}", second, body)}
    answer = asyncio.run(house.client.post(f"/ingest/{source}", content=body, headers=headers))
    house.log.close()
    assert answer.status_code in ({404} if source == "z" else {202, 400} if good else {401})
    assert answer.headers["content-type"] == "application/json"
    assert sorted(answer.json()) in (["error"], ["accepted", "rejected", "results"])


async def test_over_a_real_socket_a_flood_of_bytes_is_not_held(house):
    """A real server sent up to 200 MB in pieces: refused with 413, and the process has not grown by it."""
    house = house()
    server = uvicorn.Server(uvicorn.Config(house.app, port=0, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answered = asyncio.create_task(reader.readline())  # before the reset that may follow the answer
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    headers = f"X-Timestamp: {NOW_S}\r\nX-Signature: v1={'0' * 64}\r\nTransfer-Encoding: chunked\r\n"
    writer.write(f"POST /ingest/x HTTP/1.1\r\nHost: t\r\n{headers}\r\n".encode())
    sent = 0
    piece = b"10000\r\n" + b"[" * 65536 + b"\r\n"
    with contextlib.suppress(ConnectionError):
        while sent < 200 << 20 and not answered.done():
            writer.write(piece)
            await asyncio.wait_for(writer.drain(), 10)
            sent += 65536
    status = await asyncio.wait_for(answered, 10)
    writer.close()
    server.should_exit = True
    await serving
    assert b" 413 " in status
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000
