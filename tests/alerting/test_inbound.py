"""A press of a button counts once, for listed people alone, and is answered when it is durable."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from aiohttp import web
from starlette.applications import Starlette

from alerting.delivery.clicks import Clicks, Malformed, Replies, origins_of, pressed
from alerting.delivery.seen import Seen
from alerting.delivery.slack import SlackWay, slack_client
from alerting.delivery.slack_inbound import SocketInbound, slack_routes, wall_ms
from alerting.delivery.slack_reception import Reception
from alerting.delivery.ways import Click, ClickAnswer, Message
from alerting.message import card
from alerting.view import IncidentView
from tests.fakes.slack import FakeSlack

SECRET = "signing-secret-of-the-test"
VIEW = IncidentView(brand="Acme", incident="acme-1", scenario="backlash", severity="high", opened_ms=0)
PAYLOAD: dict[str, Any] = {
    "type": "block_actions",
    "user": {"id": "U1", "team_id": "T1"},
    "team": {"id": "T1"},
    "container": {"channel_id": "C1", "message_ts": "1.5"},
    "actions": [{"action_id": "tocsin.own", "value": "acme-1", "action_ts": "1773484200.123456", "type": "button"}],
    "response_url": "",
}


class Log:
    """A durable log in memory: what was appended, and what to do instead."""

    def __init__(self) -> None:
        self.clicks: list[tuple[Click, str]] = []
        self.says: str | None = None
        self.before: Callable[[], Awaitable[None]] | None = None

    async def append(self, click: Click, responder: str) -> str | None:
        if self.before is not None:
            await self.before()
        self.clicks.append((click, responder))
        return self.says


def signed(body: bytes, at_s: float, secret: str = SECRET) -> dict[str, str]:
    """The headers that Slack would send."""
    stamp = str(int(at_s))
    digest = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}


def form(payload: Any) -> bytes:
    """A payload as Slack posts it."""
    return urlencode({"payload": payload if isinstance(payload, str) else json.dumps(payload)}).encode()


class Door:
    """The route on its own, with a clock that stands still."""

    def __init__(self, secrets: Any = SECRET, seen: Seen | None = None) -> None:
        self.now_s = 1_773_484_200.0
        self.log = Log()
        self.clicks = Clicks({"U1": "ana", "U2": "bram"}, self.log.append, teams=("T1",))
        clock = lambda: int(self.now_s * 1000)  # noqa: E731
        routes = slack_routes(secrets, Reception(self.clicks, clock), clock, seen=seen)
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(Starlette(routes=routes)), base_url="http://app")

    async def post(self, body: bytes, headers: dict[str, str]) -> int:
        """Post and return the status."""
        return (await self.client.post("/slack/interactivity", content=body, headers=headers)).status_code


async def test_a_click_is_taken_once_and_knows_who_pressed_what() -> None:
    """Incident, act, person and time of the press itself."""
    door = Door()
    body = form(PAYLOAD)
    assert await door.post(body, signed(body, door.now_s)) == 200
    [(click, who)] = door.log.clicks
    assert (click.incident, click.action, click.user_id, click.team_id, who) == ("acme-1", "own", "U1", "T1", "ana")
    assert click.at_ms == 1_773_484_200_123
    assert click.id == pressed(PAYLOAD, 0).clicks[0].id


@pytest.mark.parametrize(
    "spoil",
    [
        {"X-Slack-Signature": ""},
        {"X-Slack-Signature": "v0=" + "0" * 64},
        {"X-Slack-Signature": "v0=é"},
        {"X-Slack-Signature": "v1="},
        {"X-Slack-Request-Timestamp": ""},
        {"X-Slack-Request-Timestamp": "abc"},
        {"X-Slack-Request-Timestamp": "1e9"},
        {"X-Slack-Request-Timestamp": "-1"},
        {"X-Slack-Request-Timestamp": "1773484200.5"},
        {"X-Slack-Request-Timestamp": "9" * 400},
        {"X-Slack-Request-Timestamp": "١٧٧٣٤٨٤٢٠٠"},
    ],
)
async def test_what_slack_did_not_sign_is_refused_and_breaks_nothing(spoil: dict[str, str]) -> None:
    """401 each time, never 500."""
    door = Door()
    body = form(PAYLOAD)
    headers = {name: value.encode() for name, value in (signed(body, door.now_s) | spoil).items()}
    assert await door.post(body, headers) == 401  # type: ignore[arg-type]
    assert await door.post(body, {}) == 401
    assert door.log.clicks == []


@pytest.mark.parametrize(("age_s", "status"), [(300, 200), (301, 401), (-300, 200), (-301, 401), (1e9, 401)])
async def test_a_signature_lives_five_minutes(age_s: float, status: int) -> None:
    """Old and future ones are refused."""
    door = Door()
    body = form(PAYLOAD)
    assert await door.post(body, signed(body, door.now_s - age_s)) == status


async def test_a_request_sent_again_is_refused_as_long_as_its_signature_lives() -> None:
    """The same bytes twice are no second press."""
    door = Door()
    body = form(PAYLOAD)
    headers = signed(body, door.now_s + 299)
    assert [await door.post(body, headers), await door.post(body, headers)] == [200, 401]
    door.now_s += 598
    assert await door.post(body, headers) == 401
    assert len(door.log.clicks) == 1


async def test_two_secrets_live_while_one_replaces_the_other() -> None:
    """And a third does not."""
    door = Door(("old-secret", SECRET))
    for number, (secret, status) in enumerate((("old-secret", 200), (SECRET, 200), ("other", 401))):
        body = form(PAYLOAD | {"n": number})
        assert await door.post(body, signed(body, door.now_s, secret)) == status
    with pytest.raises(ValueError, match="empty"):
        slack_routes("", Reception(door.clicks, lambda: 0), lambda: 0)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"payload",
        b"payload=%7B",
        b"payload=1&payload=2",
        b"\xff\xfe",
        form("[]"),
        form("null"),
        form('{"type": 5}'),
        form('{"type":"block_actions"}'),
        form('{"type":"block_actions","user":{"id":""}}'),
        form('{"type":"block_actions","user":{"id":"U1"},"actions":{}}'),
        form('{"a":' * 50_000),
        form('{"type":"block_actions","user":{"id":"\\ud800"},"actions":[{"action_id":3}]}'),
    ],
)
async def test_what_cannot_be_read_is_said_to_be_so(body: bytes) -> None:
    """400, never 500, even when it is signed."""
    door = Door()
    assert await door.post(body, signed(body, door.now_s)) == 400
    assert door.log.clicks == []


async def test_half_a_character_over_a_socket_is_malformed_and_breaks_nothing() -> None:
    """JSON can spell what UTF-8 cannot."""
    door = Door()
    reception = Reception(door.clicks, lambda: 0)
    for odd in ({"value": "\ud800"}, {"action_ts": "\ud800"}):
        with pytest.raises(Malformed):
            await reception.take("interactive", PAYLOAD | {"actions": [PAYLOAD["actions"][0] | odd]})
    assert door.log.clicks == []


async def test_a_request_recorded_before_a_restart_is_no_new_one_after_it(tmp_path: Path) -> None:
    """Its signature is on the disk as long as it would be believed."""
    body = form(PAYLOAD)
    for status in (200, 401):
        seen = Seen(tmp_path / "seen.db")
        door = Door(seen=seen)
        assert await door.post(body, signed(body, door.now_s)) == status
        assert len(door.log.clicks) == (status == 200)
        seen.close()


async def test_a_disk_that_takes_no_signature_lets_nothing_in(tmp_path: Path) -> None:
    """503: what could come again unnoticed is not taken."""
    seen = Seen(tmp_path / "seen.db")
    door = Door(seen=seen)
    seen._db.execute("PRAGMA query_only = 1")
    body = form(PAYLOAD)
    assert await door.post(body, signed(body, door.now_s)) == 503
    assert door.log.clicks == []


@pytest.mark.parametrize("path", ["/slack/command", "/slack/events"])
@pytest.mark.parametrize("body", [b"", b"a", b"\xff", b"a=1&a=2", b"{", b"[]", b"5", b'{"a":' * 50_000, b"%ff=%"])
async def test_commands_and_events_that_cannot_be_read_are_said_to_be_so(path: str, body: bytes) -> None:
    """400 or nothing done, never 500; unsigned 401."""
    door = Door()
    answer = await door.client.post(path, content=body, headers=signed(body, door.now_s))
    assert answer.status_code in (200, 400)
    assert (await door.client.post(path, content=body)).status_code == 401
    assert door.log.clicks == []


async def test_a_body_beyond_a_mebibyte_is_not_read() -> None:
    """413, before anything is parsed."""
    door = Door()
    body = b"payload=" + b"x" * 2_000_000
    assert await door.post(body, signed(body, door.now_s)) == 413


@pytest.mark.parametrize(
    "payload",
    [
        {"type": "view_closed", "user": {"id": "U1"}},
        PAYLOAD | {"actions": [{"action_id": "tocsin.link.0", "action_ts": "1.2"}]},
        PAYLOAD | {"actions": [{"action_id": "tocsin.delete_everything", "value": "acme-1"}]},
        PAYLOAD | {"actions": [{"action_id": "tocsin.own", "value": ""}]},
        PAYLOAD | {"actions": []},
    ],
)
async def test_other_elements_are_acknowledged_and_do_nothing(payload: Any) -> None:
    """A link button tells us that it was opened; that is nobody's act."""
    door = Door()
    body = form(payload)
    assert await door.post(body, signed(body, door.now_s)) == 200
    assert door.log.clicks == []


def test_a_click_delivered_twice_has_one_id_and_another_press_another() -> None:
    """Over whichever way it came."""
    again = json.dumps(PAYLOAD | {"trigger_id": "x", "response_url": "y"})
    assert pressed(PAYLOAD, 1).clicks[0].id == pressed(again, 2).clicks[0].id
    others: list[dict[str, Any]] = [
        {"user": {"id": "U2", "team_id": "T1"}},
        {"actions": [PAYLOAD["actions"][0] | {"action_ts": "1773484200.123457"}]},
        {"actions": [PAYLOAD["actions"][0] | {"action_id": "tocsin.resolve"}]},
        {"actions": [PAYLOAD["actions"][0] | {"value": "acme-2"}]},
        {"team": {"id": "T2"}},
    ]
    found = {pressed(PAYLOAD | other, 1).clicks[0].id for other in others} | {pressed(PAYLOAD, 1).clicks[0].id}
    assert len(found) == 6
    assert pressed(PAYLOAD | {"actions": [PAYLOAD["actions"][0] | {"action_ts": "x"}]}, 7).clicks[0].at_ms == 7
    with pytest.raises(Malformed):
        pressed({"type": "block_actions", "user": {"id": 5}}, 0)


@pytest.mark.parametrize(("user", "team"), [("U9", "T1"), ("U1", "T9"), ("", "T1")])
async def test_an_outsider_is_refused_and_counted(user: str, team: str) -> None:
    """By person and by workspace; nothing is written."""
    door = Door()
    answer = await door.clicks(Click("c", "acme-1", "own", user, team, 0))
    assert (answer.accepted, door.clicks.refused, door.clicks.accepted) == (False, 1, 0)
    assert "listed responders" in answer.text
    assert door.log.clicks == []


async def test_a_click_that_is_not_durable_is_not_answered_as_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk or a slow one: Slack hears 503 and the person presses again; what came late still counts."""
    monkeypatch.setattr("alerting.delivery.slack_reception.ANSWER_WITHIN_S", 0.05)
    door = Door()

    async def full() -> None:
        raise OSError("disk full")

    async def slow() -> None:
        await asyncio.sleep(0.15)

    statuses = []
    for number, trouble in enumerate((full, slow)):
        door.log.before = trouble
        body = form(PAYLOAD | {"n": number})
        statuses.append(await door.post(body, signed(body, door.now_s)))
    assert statuses == [503, 503]
    await asyncio.sleep(0.2)
    assert len(door.log.clicks) == 1


# ---- against a Slack that signs and sends


@asynccontextmanager
async def workspace(log: Log, *, http: bool) -> AsyncIterator[tuple[FakeSlack, str, Clicks]]:
    """A Slack with a card in its channel, and the app's ears."""
    async with FakeSlack(signing_secret=SECRET, socket_redeliver_s=0.5) as slack:
        clicks = Clicks({"U1": "ana", "U2": "bram"}, log.append, teams=("T1",))
        reception = Reception(clicks, wall_ms, replies=Replies(origins_of(slack.base_url)))
        made = card(VIEW)
        message = Message(
            page_id="p1", incident="acme-1", kind="card", to="C1", text=made.text, blocks=tuple(made.blocks)
        )
        sent = await SlackWay(slack_client("xoxb-fake", slack.base_url)).post(message)
        if http:
            async with served(Starlette(routes=slack_routes(SECRET, reception, wall_ms))) as url:
                slack.reached_at(url)
                yield slack, sent.ts, clicks
        else:
            async with SocketInbound("xapp-fake", slack.base_url, reception, ping_interval_s=0.2) as inbound:
                await slack.wait_connected(2)
                await slack.wait_for(lambda: inbound.connected == 2)
                yield slack, sent.ts, clicks


@asynccontextmanager
async def served(app: Starlette) -> AsyncIterator[str]:
    """An ASGI app behind a real socket: aiohttp takes the bytes and hands them on."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app") as inside:

        async def hand_on(request: web.Request) -> web.Response:
            headers = {k: v for k, v in request.headers.items() if k.lower() != "host"}
            answer = await inside.request(request.method, request.path, content=await request.read(), headers=headers)
            return web.Response(status=answer.status_code, body=answer.content)

        outside = web.Application()
        outside.router.add_route("*", "/{path:.*}", hand_on)
        runner = web.AppRunner(outside, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


def ephemeral(slack: FakeSlack) -> list[str]:
    """What people were told in private."""
    return [one.text for one in slack.ledger.posts if one.ephemeral_to is not None]


@pytest.mark.parametrize("http", [True, False], ids=["http", "socket"])
async def test_a_press_reaches_the_log_before_slack_hears_yes(http: bool) -> None:
    """Over signed HTTP and over Socket Mode alike; the one who pressed is told what became of it."""
    log = Log()
    log.says = "Acknowledged by ana."
    async with workspace(log, http=http) as (slack, ts, clicks):
        result = await slack.click(ts, "tocsin.acknowledge", user="U1")
        assert result.acked
        assert [(c.action, c.incident, who) for c, who in log.clicks] == [("acknowledge", "acme-1", "ana")]
        await slack.wait_for(lambda: ephemeral(slack) == ["Acknowledged by ana."])
        assert (await slack.click(ts, "tocsin.resolve", user="U3")).acked
        await slack.wait_for(lambda: len(ephemeral(slack)) == 2)
        assert "Nothing was changed" in ephemeral(slack)[1]
        assert (len(log.clicks), clicks.refused) == (1, 1)


@pytest.mark.parametrize("how", ["secret", "body", "missing", "timestamp"])
async def test_a_forged_click_is_refused(how: str) -> None:
    """Whatever was forged."""
    log = Log()
    async with workspace(log, http=True) as (slack, ts, _):
        assert (await slack.forge_click(ts, "tocsin.resolve", how=how)).status == 401
        await slack.click(ts, "tocsin.own")
        assert (await slack.replay_last_click()).status == 401
    assert [c.action for c, _ in log.clicks] == ["own"]


async def test_a_click_the_log_did_not_take_comes_again_over_the_socket() -> None:
    """Not acknowledged, it is delivered again with the same id, and then it counts."""
    log = Log()
    tries: list[int] = []

    async def fails_once() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise OSError("disk full")

    log.before = fails_once
    async with workspace(log, http=False) as (slack, ts, _):
        result = await slack.click(ts, "tocsin.acknowledge", user="U2")
    assert (result.acked, result.deliveries, len(tries)) == (True, 2, 2)
    assert len(log.clicks) == 1


async def test_a_socket_that_is_renewed_or_cut_loses_no_click() -> None:
    """The other one takes it, and the first comes back."""
    log = Log()
    async with workspace(log, http=False) as (slack, ts, _):
        await slack.disconnect_sockets("refresh_requested")
        assert (await slack.click(ts, "tocsin.acknowledge")).acked
        await slack.drop_sockets()
        assert (await slack.click(ts, "tocsin.own")).acked
    assert [c.action for c, _ in log.clicks] == ["acknowledge", "own"]


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.slack.com.evil.example/x",
        "https://hooks.slack.com@evil.example/x",
        "http://hooks.slack.com/x",
        "https://hooks.slack.com:8443/x",
        "http://169.254.169.254/",
        "file:///etc/passwd",
        "http://[::1",
    ],
)
async def test_answers_go_to_slack_alone(url: str) -> None:
    """An address in a payload is no address to trust."""
    replies = Replies()
    await replies.send(url, "hello")
    assert replies.failed == 1


def test_a_click_answer_is_accepted_unless_said_otherwise() -> None:
    """The common case needs no words."""
    assert ClickAnswer() == ClickAnswer("", True)
