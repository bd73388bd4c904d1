"""Bad input through the real doors: files, and the signed door over a real socket.

Whatever comes is a dead letter with its reason and its counter, or a request refused with one word; what is good around
it is counted to the last post, and no secret is ever repeated.
"""

import asyncio
import io
import json
import signal
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stream.codec import DAY_MS, rfc3339
from stream.sources.signing import sign
from tests.command import ended, process, tocsin
from tests.faults import rows as matrix
from tests.mentions import seeded
from tocsin.embedded import Service, wall_clock_ms
from tocsin.entry import Part
from tocsin.journal import open_existing, verify
from tocsin.settings import load_settings

AT = "2026-03-02T10:00:00Z"
SECRET = "the secret of the door"
OTHER_SECRET = "the secret of another door"
ENV = {"DOOR_SECRET": SECRET, "OTHER_SECRET": OTHER_SECRET}


def row(number: object, **fields: object) -> dict[str, object]:
    """A good post about the brand."""
    return {"id": f"n{number}", "created_at": AT, "text": f"acme, post {number}", "author": f"a{number}", **fields}


def deep(levels: int) -> str:
    """So many objects in each other."""
    return '{"a":' * levels + "1" + "}" * levels


def spoilt(reply: str) -> bytes:
    """A good row whose closing brace gives way to something else."""
    return json.dumps(row("bad"))[:-1].encode() + reply.encode() + b"}"


LONG_AGO = "a time before all posts"
"""At the door it is clamped: there the time at which a post was observed is ours."""

BAD: dict[str, tuple[bytes, str]] = {
    "half a line": (b'{"id": "x", "created_at": ', "not_json"),
    "not JSON": (b"{id: x}", "not_json"),
    "NaN": (spoilt(', "likes": NaN'), "not_json"),
    "Infinity": (spoilt(', "views": -Infinity'), "not_json"),
    "10 MB of text": (spoilt(', "text": "' + "a" * 10_000_000 + '"'), "too_big"),
    "deep nesting": (spoilt(', "more": ' + deep(100)), "too_deep"),
    "very deep nesting": (spoilt(', "more": ' + deep(100_000)), "too_deep"),
    "no object": (b'["a", "list"]', "not_an_object"),
    "no id": (json.dumps({"created_at": AT, "text": "acme"}).encode(), "missing_field"),
    "no time": (json.dumps({"id": "x", "text": "acme"}).encode(), "missing_field"),
    "no text": (json.dumps({"id": "x", "created_at": AT}).encode(), "missing_field"),
    "a text that is a number": (json.dumps(row("bad", text=5)).encode(), "wrong_type"),
    "likes in words": (json.dumps(row("bad", likes="many")).encode(), "wrong_type"),
    "likes below zero": (json.dumps(row("bad", likes=-1)).encode(), "bad_number"),
    "a number without end": (spoilt(', "likes": ' + "9" * 5000), "bad_number"),
    "a time in words": (json.dumps(row("bad", created_at="yesterday")).encode(), "bad_time"),
    LONG_AGO: (json.dumps(row("bad", created_at="1601-01-01T00:00:00Z")).encode(), "bad_time"),
    "another kind": (json.dumps(row("bad", kind="explode")).encode(), "bad_kind"),
    "an empty id": (json.dumps(row("bad", id="")).encode(), "bad_id"),
    "a source with a colon": (json.dumps(row("bad", source="a:b")).encode(), "bad_source"),
}
"""Lines that are no mention, and the reason that each is given."""

ODD: dict[str, bytes] = {
    "a lone surrogate": spoilt(', "text": "acme \\ud83d is odd"').replace(b'"nbad"', b'"odd1"'),
    "broken UTF-8": json.dumps(row("odd2")).encode().replace(b"post", b"\xff\xfe"),
    "controls and marks": json.dumps(row("odd3", text="\x00\u202eacme\u2066 \x1b[31m <!channel>")).encode(),
    "a byte order mark": b"\xef\xbb\xbf" + json.dumps(row("odd4")).encode(),
    "unknown fields": json.dumps(row("odd5", mood="grim", extra={"a": [1, {"b": None}]})).encode(),
    "an id that is a number": json.dumps(row("odd6", id=10**15)).encode(),
    "a date far ahead": json.dumps(row("odd7", created_at="2087-01-01T00:00:00Z", observed_at=AT)).encode(),
    "a date far back": json.dumps(row("odd8", created_at="1999-01-01T00:00:00Z", observed_at=AT)).encode(),
    "half a megabyte of text": json.dumps(row("odd9", text="acme " + "b" * 500_000)).encode(),
}
"""Lines that are odd and still a post: each is counted."""


def goods(count: int, at: str = AT) -> list[bytes]:
    """So many good rows."""
    return [json.dumps(row(number, created_at=at)).encode() for number in range(count)]


def among(good: list[bytes], bad: list[bytes], seed: int) -> list[bytes]:
    """The bad ones put anywhere among the good ones, which keep their order."""
    dice = seeded(seed)
    mixed = list(good)
    for line in bad:
        mixed.insert(dice.randint(0, len(mixed)), line)
    return mixed


# ---- files


@matrix.row("F18")
@pytest.mark.parametrize("name", BAD)
def test_a_bad_line_of_a_file_is_a_dead_letter_and_nothing_is_lost_beside_it(tmp_path: Path, name: str) -> None:
    """It is counted under its reason; the good ones before and after it are read to the last."""
    line, reason = BAD[name]
    path = tmp_path / "m.jsonl"
    path.write_bytes(b"\n".join([*goods(5), line, json.dumps(row("last")).encode()]))
    ran = tocsin("replay", path, "--brand", "Acme=acme", "--json")
    result = json.loads(ran.out)
    assert ran.status == 0
    assert (result["mentions"]["read"], result["mentions"]["matched"]) == (6, 6)
    assert result["dead_letters"] == {reason: 1}
    matrix.fired()
    assert f"1 {reason}" in ran.err


@matrix.row("F18")
def test_all_of_it_at_once_costs_only_itself(tmp_path: Path) -> None:
    """Everything bad and everything odd in one file: the counts come out exactly, and what is odd is a post."""
    path = tmp_path / "m.jsonl"
    odd = [line for name, line in ODD.items() if name != "a byte order mark"]
    path.write_bytes(
        b"\r\n".join([ODD["a byte order mark"], *among(goods(200), [b for b, _ in BAD.values()] + odd, 3)])
    )
    result = json.loads(tocsin("replay", path, "--brand", "Acme", "--json").out)
    assert result["mentions"]["read"] == result["mentions"]["matched"] == 200 + len(ODD)
    assert result["dead_letters"] == dict(Counter(sorted(reason for _, reason in BAD.values())))
    matrix.fired(len(BAD) + len(ODD))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    junk=st.lists(st.binary(max_size=60) | st.text(max_size=20).map(lambda t: json.dumps(row(t, text=t)).encode())),
)
def test_random_bytes_in_a_file_never_stop_a_replay(tmp_path: Path, junk: list[bytes]) -> None:
    """Any lines after a good one: exit status 0, and each line is blank, a mention or a dead letter."""
    path = tmp_path / "m.jsonl"
    path.write_bytes(b"\n".join([goods(1)[0], *junk]))
    result = json.loads(tocsin("replay", path, "--brand", "Acme", "--json").out)
    told = sum(1 for line in path.read_bytes().split(b"\n") if line.strip())
    assert result["mentions"]["read"] + result["mentions"]["dead_lettered"] == told
    assert result["mentions"]["read"] >= 1


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=200))
def test_a_file_of_random_bytes_is_read_or_refused(tmp_path: Path, body: bytes) -> None:
    """Exit status 0 with its counts, or 2 with one line."""
    path = tmp_path / "m.jsonl"
    path.write_bytes(body)
    ran = tocsin("replay", path, "--brand", "Acme")
    assert ran.status in (0, 2)
    if ran.status == 2:
        assert len(ran.lines) == 1
        assert ran.lines[0].startswith(f"{path}: ")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    query=st.text(max_size=30)
    | st.lists(st.sampled_from(["a", '"', "(", ")", "AND", "OR", "NOT", "NEAR/3", "*", "author:", "lang:x", ":"])).map(
        " ".join
    )
)
def test_any_query_is_run_or_refused(tmp_path: Path, query: str) -> None:
    """Exit status 0, or 2 with what is wrong and a caret under it."""
    path = tmp_path / "m.jsonl"
    path.write_bytes(goods(1)[0])
    ran = tocsin("replay", path, f"--brand=Acme={query}")
    assert ran.status in (0, 2)
    assert bool(ran.err.strip()) or ran.status == 0


# ---- the signed door


class Door:
    """A service with its door open, and a sender."""

    def __init__(self, home: Path, service: Service, client: httpx.AsyncClient) -> None:
        self.home = home
        self.service = service
        self._client = client
        self._second = int(time.time())
        self._closed = False

    async def post(self, body: bytes, headers: Mapping[str, str] | None = None, source: str = "door") -> httpx.Response:
        """Send a body with these headers; without any, signed as it should be."""
        headers = self.signed(body) if headers is None else headers
        return await self._client.post(f"/ingest/{source}", content=body, headers=headers)

    def signed(self, body: bytes, *, secret: str = SECRET, at_s: int | None = None) -> dict[str, str]:
        """The headers of a good request; each call signs another second, so that no two are alike."""
        if at_s is None:
            self._second -= 1
            at_s = self._second
        return {"X-Timestamp": str(at_s), "X-Signature": sign(secret, at_s, body)}

    async def close(self) -> None:
        """Stop the service, once; what came in until now is sealed by then."""
        if not self._closed:
            self._closed = True
            now_ms = wall_clock_ms()
            while (await self.get("/healthz")).json()["sealed_step_ms"] <= now_ms:
                await asyncio.sleep(0.05)
            await self.service.stop()

    async def get(self, path: str) -> httpx.Response:
        """Ask the service something."""
        return await self._client.get(path)

    async def metric(self, line: str) -> float:
        """The value of a metric, asked over HTTP."""
        for found in (await self.get("/metrics")).text.splitlines():
            if found.startswith(f"{line} "):
                return float(found.rpartition(" ")[2])
        return 0.0

    async def metric_reaches(self, line: str, value: float) -> None:
        """Wait until a metric has a value: counters are shown anew with every step."""
        for _ in range(100):
            if await self.metric(line) == value:
                return
            await asyncio.sleep(0.1)
        assert await self.metric(line) == value, line


CONFIG = """\
step: 1s
brands: [{name: Acme, query: acme}]
sources:
  - {name: door, secret_env: DOOR_SECRET}
  - {name: other, secret_env: OTHER_SECRET}
ingest: {listen: "127.0.0.1:0"}
"""


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    """The service on a free port, with an empty data directory; at the end its journal must verify."""
    config = tmp_path / "tocsin.yaml"
    config.write_text(CONFIG, encoding="utf-8")
    service = Service(load_settings(config, ENV), terminal=io.StringIO())
    await service.start()
    async with httpx.AsyncClient(base_url=service.base_url, trust_env=False, timeout=20) as client:
        opened = Door(tmp_path, service, client)
        try:
            yield opened
        finally:
            await opened.close()
    verdict = verify(open_existing(tmp_path / "tocsin-data" / "journal.db"))
    assert verdict.ok, verdict.difference


def journaled(home: Path) -> int:
    """Mentions that the journal holds, once the service has stopped."""
    journal = open_existing(home / "tocsin-data" / "journal.db")
    parts = [entry.event.part for entry in journal.entries() if isinstance(entry.event, Part)]
    journal.close()
    return sum(part.counts.mentions for part in parts)


@matrix.row("F18")
async def test_bad_items_of_an_array_are_told_apart_from_the_good(door: Door) -> None:
    """202 with a result for each, in order: the reason for the bad, `accepted` for the good; letters and counters."""
    torn = ("half a line", "not JSON", "10 MB of text", "very deep nesting", "no object", LONG_AGO)
    reasons = {line: reason for name, (line, reason) in BAD.items() if name not in torn}
    mixed = among(goods(300, rfc3339(wall_clock_ms())), list(reasons), 5)
    answer = await door.post(b"[" + b", ".join(mixed) + b"]")
    assert answer.status_code == 202
    said = answer.json()
    assert (said["accepted"], said["rejected"]) == (300, len(reasons))
    assert [r.get("reason") for r in said["results"]] == [reasons.get(line) for line in mixed]
    assert [r["status"] for r in said["results"]] == ["rejected" if line in reasons else "accepted" for line in mixed]
    await door.metric_reaches('tocsin_intake_mentions_total{became="matched"}', 300)
    for reason, count in Counter(reasons.values()).items():
        await door.metric_reaches(f'tocsin_dead_letters_total{{reason="{reason}",source="door"}}', count)
    letters = door.service.home.dead.latest(100)
    assert {(letter.reason, letter.body) for letter in letters} == {(reason, line) for line, reason in reasons.items()}
    matrix.fired(len(letters))
    await door.close()
    assert journaled(door.home) == 300


async def test_bad_lines_of_a_request_are_told_apart_from_the_good(door: Door) -> None:
    """The same as JSON lines, where even half a line costs nobody but itself."""
    bad = [line for name, (line, _) in BAD.items() if name not in ("10 MB of text", "very deep nesting", LONG_AGO)]
    mixed = [json.dumps(row("first")).encode(), *among(goods(100, rfc3339(wall_clock_ms())), bad, 6)]
    answer = await door.post(b"\r\n".join(mixed))
    assert answer.status_code == 202
    assert (answer.json()["accepted"], answer.json()["rejected"]) == (101, len(bad))
    (deepest,) = [line for name, (line, _) in BAD.items() if name == "very deep nesting"]
    answer = await door.post(json.dumps(row("second")).encode() + b"\n" + deepest)
    assert [r.get("reason") for r in answer.json()["results"]] == [None, "too_deep"]
    await door.metric_reaches('tocsin_intake_mentions_total{became="matched"}', 102)
    await door.close()
    assert journaled(door.home) == 102


@matrix.row("F17", "F18")
async def test_odd_items_are_posts(door: Door) -> None:
    """Lone surrogates, marks, dates years ahead or back: taken, clamped to now, and counted in the journal."""
    answer = await door.post(b"\n".join(ODD.values()))
    assert answer.json()["accepted"] == len(ODD)
    await door.metric_reaches('tocsin_intake_mentions_total{became="matched"}', len(ODD))
    before_ms = wall_clock_ms()
    await door.close()
    assert journaled(door.home) == len(ODD)
    matrix.fired(len(ODD))
    journal = open_existing(door.home / "tocsin-data" / "journal.db")
    minutes = [entry.event.minute_ms for entry in journal.entries() if isinstance(entry.event, Part)]
    journal.close()
    assert all(before_ms - 2 * DAY_MS < minute_ms < before_ms + DAY_MS for minute_ms in minutes)


GOOD_BODY = json.dumps(row("good")).encode()


async def test_a_request_that_may_not_pass_is_refused_with_one_word(door: Door) -> None:
    """Unsigned, forged, old, future, signed for another door, sent again: 401, a counter, and nothing is taken."""
    now_s = int(time.time())
    good = door.signed(GOOD_BODY, at_s=now_s)
    stamp, signature = good["X-Timestamp"], good["X-Signature"]
    forged: list[tuple[dict[str, str], str]] = [
        ({}, "missing"),
        ({"X-Timestamp": stamp}, "missing"),
        ({"X-Signature": signature}, "missing"),
        ({"X-Timestamp": "now", "X-Signature": signature}, "malformed"),
        ({"X-Timestamp": "1e9", "X-Signature": signature}, "malformed"),
        ({"X-Timestamp": "9" * 400, "X-Signature": signature}, "malformed"),
        ({"X-Timestamp": stamp, "X-Signature": signature.upper()}, "malformed"),
        ({"X-Timestamp": stamp, "X-Signature": "v1=" + "0" * 63}, "malformed"),
        ({"X-Timestamp": stamp, "X-Signature": "v1=" + "0" * 64}, "wrong"),
        ({"X-Timestamp": str(now_s - 1), "X-Signature": signature}, "wrong"),
        (door.signed(GOOD_BODY, secret=OTHER_SECRET), "wrong"),
        (door.signed(GOOD_BODY + b" "), "wrong"),
        (door.signed(GOOD_BODY, at_s=now_s - 302), "old"),
        (door.signed(GOOD_BODY, at_s=0), "old"),
        (door.signed(GOOD_BODY, at_s=now_s + 310), "future"),
    ]
    for headers, word in forged:
        answer = await door.post(GOOD_BODY, headers)
        assert (answer.status_code, answer.json()) == (401, {"error": word}), headers
    assert (await door.post(GOOD_BODY, good)).status_code == 202
    for _ in range(2):
        answer = await door.post(GOOD_BODY, good)
        assert (answer.status_code, answer.json()) == (401, {"error": "replayed"})
    assert (await door.post(GOOD_BODY, good, source="other")).json() == {"error": "wrong"}
    for word, count in Counter([*(word for _, word in forged), "replayed", "replayed", "wrong"]).items():
        await door.metric_reaches(f'tocsin_ingest_refused_total{{reason="{word}"}}', count)
    await door.close()
    assert journaled(door.home) == 1


async def test_a_body_that_cannot_be_taken_is_refused_with_one_word(door: Door) -> None:
    """Too big, too many, empty, no JSON, compressed, to nowhere: a status, a counter, and the door stays open."""
    many = b"\n".join(goods(1001))
    refused: list[tuple[bytes, str, int, str]] = [
        (b"x" * ((1 << 20) + 1), "door", 413, "too_big"),
        (BAD["10 MB of text"][0], "door", 413, "too_big"),
        (many, "door", 413, "too_many_items"),
        (b"", "door", 400, "empty"),
        (b"\n \n", "door", 400, "empty"),
        (b"hello", "door", 400, "not_json"),
        (b"[" * 300_000, "door", 400, "not_json"),
        (b"\xff\xfe\x00", "door", 400, "not_json"),
        (GOOD_BODY, "nowhere", 404, "unknown_source"),
        (GOOD_BODY, "%2e%2e%2fdoor", 404, ""),
    ]
    for body, source, status, word in refused:
        answer = await door.post(body, source=source)
        assert answer.status_code == status, (status, word)
        if word:
            assert answer.json() == {"error": word}
    answer = await door.post(GOOD_BODY, {**door.signed(GOOD_BODY), "Content-Encoding": "gzip"})
    assert (answer.status_code, answer.json()) == (415, {"error": "encoding"})
    assert (await door.get("/ingest/door")).status_code == 405
    await door.metric_reaches('tocsin_ingest_refused_total{reason="too_big"}', 2)
    await door.metric_reaches('tocsin_dead_letters_total{reason="not_json",source="door"}', 3)
    await door.metric_reaches('tocsin_dead_letters_total{reason="empty",source="door"}', 2)
    assert (await door.post(GOOD_BODY)).status_code == 202
    assert (await door.get("/healthz")).json()["status"] == "ok"
    await door.close()
    assert journaled(door.home) == 1


@matrix.row("F18")
async def test_random_bodies_are_answered(door: Door) -> None:
    """Any bytes, well signed: 202 or 400, never a 500; what was accepted is read, what was not is a letter."""
    dice = seeded(21)
    accepted = refused = 0
    for _ in range(60):
        pieces = dice.choices([b"{", b"}", b"[", b"]", b",", b'"', b"\\", b"\n", b"\xff", GOOD_BODY, b"1", b" "], k=9)
        body = b"".join(pieces) if dice.random() < 0.8 else dice.randbytes(30)
        answer = await door.post(body)
        assert answer.status_code in (202, 400), body
        refused += answer.status_code == 400
        if answer.status_code == 202:
            accepted += answer.json()["accepted"]
            assert answer.json()["accepted"] + answer.json()["rejected"] == len(answer.json()["results"])
    await door.metric_reaches('tocsin_intake_mentions_total{became="read"}', accepted)
    assert accepted > 0
    assert door.service.home.dead.latest(1)
    matrix.fired(refused)


# ---- secrets


def _everything(directory: Path) -> bytes:
    """All bytes of all files, those of SQLite's logs included."""
    return b"\0".join(path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file())


SECRET_CONFIG = """step: 1s
brands: [{name: Acme, query: acme}]
data: data
sources:
  - {name: door, secrets_env: [DOOR_SECRET, NEXT_SECRET]}
  - {name: file, secret_file: file.secret}
ingest: {listen: "127.0.0.1:0"}
slack: {channel: C1, mode: %s, base_url: "http://127.0.0.1:%d/api/"}
delivery: {grace: 1s, timeout: 500ms}
"""


@pytest.mark.parametrize("mode", [pytest.param("http", marks=pytest.mark.slow), "socket"])
def test_no_secret_is_ever_repeated(tmp_path: Path, mode: str) -> None:
    """A canary in every secret, and everything goes wrong: it stands in no output, log, letter, metric or file.

    Slack cannot be reached, requests are forged, bodies are broken, clicks are not Slack's, and the service is stopped.
    """
    canary = "Xk7canary"
    env = {
        name: f"{prefix}{canary}{number}"
        for number, (name, prefix) in enumerate(
            {
                "DOOR_SECRET": "door-",
                "NEXT_SECRET": "next-",
                "SLACK_BOT_TOKEN": "xoxb-1-",
                "SLACK_APP_TOKEN": "xapp-1-",
                "SLACK_SIGNING_SECRET": "sign-",
            }.items()
        )
    }
    home = tmp_path / "home"
    home.mkdir()
    secret_file = home / "file.secret"
    secret_file.touch(mode=0o600)
    secret_file.write_text(f"file-{canary}", encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = taken.getsockname()[1]
    config = home / "tocsin.yaml"
    config.write_text(SECRET_CONFIG % (mode, nobody), encoding="utf-8")
    checked = tocsin("check", "--config", config, env=env)
    assert checked.status == 0, checked.err
    started = process(["run", "--config", config], env=env)
    assert started.stderr is not None
    told = b""
    while b"http://" not in told:
        line = started.stderr.readline()
        assert line, told
        told += line
    address = told.partition(b"listens on ")[2].partition(b";")[0].decode() or told.decode()
    said = asyncio.run(_misuse(address, env["DOOR_SECRET"]))
    started.send_signal(signal.SIGTERM)
    ran = ended(started)
    secret_file.unlink()
    everything = [checked.out, checked.err, ran.out, ran.err, told.decode(), *said]
    assert all(canary not in text for text in everything)
    assert canary.encode() not in _everything(home)
    assert b"post 1" in _everything(home), "the search finds what is there"
    assert "Traceback" not in ran.err
    assert ran.status == 0


async def _misuse(address: str, secret: str) -> list[str]:
    """Everything that is answered to requests that are wrong in every way, and to those that look around."""
    said: list[str] = []
    async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=20) as client:

        async def post(path: str, body: bytes, **headers: Any) -> None:
            answer = await client.post(path, content=body, headers=headers)
            said.append(f"{answer.status_code} {answer.headers} {answer.text}")

        for source in ("door", "file", "nowhere"):
            for number, body in enumerate((b"hello", b"[" * 1000, *goods(2, rfc3339(wall_clock_ms())))):
                at_s = int(time.time()) - number
                for key in (secret, "a wrong secret"):
                    stamped = {"X-Timestamp": str(at_s), "X-Signature": sign(key, at_s, body)}
                    await post(f"/ingest/{source}", body, **stamped)
        await post(
            "/slack/interactivity",
            b"payload=%7B%7D",
            **{"X-Slack-Signature": "v0=00", "X-Slack-Request-Timestamp": "1"},
        )
        await asyncio.sleep(1.5)
        for path in ("/metrics", "/healthz", "/", "/debug", "/ingest/door", "/openapi.json", "/.env"):
            answer = await client.get(path)
            said.append(f"{answer.headers} {answer.text}")
    assert sum(text.startswith("202 ") for text in said) == 2
    return said
