"""EDGE. `tocsin slack check`: whether the Slack app can do at night what the configuration and the flowchart expect.

Asks Slack and changes nothing; only `--send-test` posts, and what it posts says TEST.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, Literal, NamedTuple

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.web.async_client import AsyncWebClient

from alerting.delivery.outbox import page_id
from alerting.delivery.slack import SlackWay, mention_of, outcome_of, slack_client
from alerting.delivery.slack_scopes import LOST, missing, read_header
from alerting.delivery.ways import Message
from alerting.flowchart.model import Chart
from alerting.inert import one_line
from tocsin.mistakes import UsageError
from tocsin.settings import Settings

Level = Literal["fine", "problem", "note"]
PRESS_ACTION = "tocsin.test"
TEST_WORDS = "TEST of Tocsin: nothing has happened and nobody needs to act. If you can read this, pages reach you here."
_NETWORK = (SlackClientError, aiohttp.ClientError, asyncio.TimeoutError, OSError)
_TOKEN_WORDS = ("invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired")


class Finding(NamedTuple):
    """One thing that was looked at: what is so, and what to do about it."""

    level: Level
    what: str
    advice: str = ""


class Trial(NamedTuple):
    """What `--send-test` is to do: the responders named, and for how long a press is waited for (0: not at all)."""

    to: tuple[str, ...] = ()
    wait_s: int = 0


async def findings(settings: Settings, chart: Chart, trial: Trial | None = None) -> list[Finding]:
    """Everything that was found, in the order in which it was looked at.

    Raises `SettingsError` where a secret cannot be had, `UsageError` where the settings have no Slack.
    """
    slack, secrets = settings.slack, settings.require_secrets()
    if slack is None or secrets.slack_bot is None:
        raise UsageError(
            "there is no section `slack` in the settings: pages go to the terminal, there is nothing to check"
        )
    client = slack_client(secrets.slack_bot.reveal(), slack.base_url, settings.delivery.timeout)
    found, signed_in = await _signed_in(client)
    if not signed_in:
        return found
    for look in (
        _channels(client, slack.channel, chart),
        _people(client, chart),
        _groups(client, chart),
    ):
        found += [one async for one in look]
    app = None
    if slack.mode == "socket" and secrets.slack_app is not None:
        app = slack_client(secrets.slack_app.reveal(), slack.base_url, settings.delivery.timeout)
        found.append(await _socket(app))
    else:
        found.append(Finding("note", "mode http: the address for clicks is not tried from here", _HTTP_ADVICE))
    found.append(Finding("note", "whether the app is your own cannot be asked", _OWN_APP))
    if trial is not None:
        found += await _send_test(client, slack.channel, chart, trial, app)
    return found


_OWN_APP = (
    "install it as an internal app of your workspace: one that is distributed may read a channel once a minute, "
    "too rarely to find a page whose reply was lost"
)
_HTTP_ADVICE = "press a button on a test page (--send-test): it must answer within 3 seconds"


def verdict(found: Sequence[Finding]) -> int:
    """The exit status: 0 in order, 1 there is a problem.

    >>> verdict([Finding("fine", "x"), Finding("note", "y")]), verdict([Finding("problem", "x", "do y")])
    (0, 1)
    """
    return 1 if any(one.level == "problem" for one in found) else 0


def lines(found: Sequence[Finding]) -> Iterator[str]:
    """The findings for people; what to do stands below what is wrong.

    >>> list(lines([Finding("problem", "no scope files:write", "add it")]))
    ['✗ no scope files:write', '    add it', '1 problem.']
    """
    marks = {"fine": "✓", "problem": "✗", "note": "·"}
    for one in found:
        yield f"{marks[one.level]} {one.what}"
        if one.advice and one.level != "fine":
            yield f"    {one.advice}"
    problems = sum(one.level == "problem" for one in found)
    yield f"{problems} problem{'s' if problems != 1 else ''}." if problems else "Slack is in order."


def as_json(found: Sequence[Finding]) -> dict[str, Any]:
    """The findings for a script."""
    return {"ok": verdict(found) == 0, "findings": [one._asdict() for one in found]}


# ---- the token


async def _signed_in(client: AsyncWebClient) -> tuple[list[Finding], bool]:
    try:
        answer = await client.auth_test()
    except _NETWORK as error:
        return [_refused("the bot token", error)], False
    who, team = one_line(str(answer["user"]), 60), one_line(str(answer["team"]), 60)
    found = [Finding("fine", f"signed in as @{who} in {team} ({one_line(str(answer['team_id']), 40)})")]
    header = next((value for name, value in answer.headers.items() if name.lower() == "x-oauth-scopes"), "")
    lacking = missing(read_header(str(header)))
    found += [Finding("problem", f"the scope {scope} is missing: {lost}", _SCOPE_ADVICE) for scope, lost in lacking]
    if not lacking:
        found.append(Finding("fine", f"all {len(LOST)} scopes are there"))
    return found, True


_SCOPE_ADVICE = "add it under OAuth & Permissions, or paste deploy/slack/manifest.yaml, and install the app again"


def _refused(what: str, error: Exception) -> Finding:
    word = outcome_of(error).detail
    if word in _TOKEN_WORDS:
        return Finding(
            "problem", f"{what} is refused ({word})", "copy it anew from api.slack.com/apps into the environment"
        )
    if word == "not_allowed_token_type":
        return Finding("problem", f"{what} is of the wrong kind", "bot tokens begin with xoxb-, app tokens with xapp-")
    return Finding("problem", f"Slack does not answer ({word})", "see whether https://slack.com is reached from here")


async def _socket(app: AsyncWebClient) -> Finding:
    """Asks for the address of a socket and leaves it unused."""
    try:
        await app.apps_connections_open(app_token=str(app.token))
    except _NETWORK as error:
        word = outcome_of(error).detail
        if word in (*_TOKEN_WORDS, "not_allowed_token_type"):
            return _refused("the app token", error)
        advice = "switch Socket Mode on and give the app token the scope connections:write"
        return Finding("problem", f"no socket is opened ({word}): no click would arrive", advice)
    return Finding("fine", "a socket can be opened: clicks arrive without an open port")


# ---- where pages go


def _addresses(chart: Chart) -> Iterator[tuple[str, str]]:
    """Responders of the flowchart and their addresses in Slack."""
    for name, responder in sorted(chart.responders.items()):
        if responder.slack:
            yield name, responder.slack


async def _channels(client: AsyncWebClient, cards: str, chart: Chart) -> AsyncIterator[Finding]:
    whose: dict[str, str] = {cards: "the channel of the cards"}
    for name, to in _addresses(chart):
        if mention_of(to) == "" and not to.startswith("@"):
            whose.setdefault(to, f"the channel of {name}")
    for to, what in whose.items():
        try:
            yield await _channel(client, to, f"{what}, {one_line(to, 80)},")
        except _NETWORK as error:
            yield _unknown(f"{what}, {one_line(to, 80)},", error)


async def _channel(client: AsyncWebClient, to: str, what: str) -> Finding:
    channel = await _found(client, to)
    if channel is None:
        return Finding("problem", f"{what} is not there, or is private and the bot is not in it", _INVITE)
    if channel.get("is_archived"):
        return Finding("problem", f"{what} is archived: nothing can be posted", "unarchive it or name another channel")
    if not channel.get("is_member"):
        return Finding("problem", f"{what} is one that the bot is not in: nothing can be posted", _INVITE)
    try:
        await client.conversations_history(channel=str(channel["id"]), limit=1, include_all_metadata=True)
    except SlackApiError as error:
        word = outcome_of(error).detail
        advice = "a page whose reply was lost cannot be looked for there; give the app the scopes for history"
        return Finding("problem", f"{what} cannot be read ({word})", advice)
    return Finding("fine", f"{what} can be written to and read")


_INVITE = "in Slack, type /invite @tocsin in that channel; or name another one"


async def _found(client: AsyncWebClient, to: str) -> dict[str, Any] | None:
    if not to.startswith("#") and to.isalnum() and to.isupper():
        try:
            answer = await client.conversations_info(channel=to)
        except SlackApiError as error:
            if outcome_of(error).detail == "channel_not_found":
                return None
            raise
        return dict(answer["channel"])
    cursor: str | None = None
    while True:
        page: Any = await client.conversations_list(types="public_channel,private_channel", limit=1000, cursor=cursor)
        for one in page.get("channels") or []:
            if one.get("name") == to.removeprefix("#"):
                return dict(one)
        cursor = (page.get("response_metadata") or {}).get("next_cursor") or None
        if cursor is None:
            return None


async def _people(client: AsyncWebClient, chart: Chart) -> AsyncIterator[Finding]:
    people = [(name, to) for name, to in _addresses(chart) if mention_of(to).startswith("<@")]
    well = 0
    for name, to in people:
        try:
            user: dict[str, Any] = dict((await client.users_info(user=to))["user"])
        except _NETWORK as error:
            if outcome_of(error).detail in ("user_not_found", "user_not_visible", "users_not_found"):
                yield Finding("problem", f"{name}: Slack knows no user {to}: their pages reach nobody", _MEMBER_ID)
                continue
            yield _unknown(f"{name} ({to})", error)
            if outcome_of(error).detail == "missing_scope":
                return
            continue
        if user.get("deleted"):
            advice = "name somebody else in the flowchart"
            yield Finding("problem", f"{name}: the account {to} is deactivated: their pages reach nobody", advice)
        elif user.get("is_bot"):
            yield Finding("problem", f"{name}: {to} is a bot, which reads no page", _MEMBER_ID)
        else:
            well += 1
    if well:
        yield Finding("fine", f"{well} of {len(people)} responders with a Slack address are in Slack")
    without = sorted(name for name, one in chart.responders.items() if one.is_person and not one.slack)
    if without:
        names = ", ".join(without[:8]) + (f" and {len(without) - 8} more" if len(without) > 8 else "")
        yield Finding(
            "note",
            f"without a Slack address: {names}",
            "they are named in the channel by nobody and cannot press a button",
        )


_MEMBER_ID = "the id stands in their Slack profile under ⋮, Copy member ID; it begins with U or W"


async def _groups(client: AsyncWebClient, chart: Chart) -> AsyncIterator[Finding]:
    for name, to in _addresses(chart):
        if to.startswith("@"):
            yield await _by_handle(client, name, to)
        if not mention_of(to).startswith("<!subteam"):
            continue
        try:
            answer: Any = await client.usergroups_users_list(usergroup=to)
        except _NETWORK as error:
            if outcome_of(error).detail in ("no_such_subteam", "subteam_not_found"):
                yield Finding("problem", f"{name}: Slack knows no user group {to}", "its id is in the group's address")
            else:
                yield _unknown(f"{name} ({to})", error)
            continue
        members = len(answer.get("users") or [])
        if members:
            yield Finding("fine", f"{name}: the user group {to} has {members} member{'s' if members != 1 else ''}")
        else:
            yield Finding("problem", f"{name}: nobody is in the user group {to}", "put somebody in")


async def _by_handle(client: AsyncWebClient, name: str, to: str) -> Finding:
    """A group by its name: Slack takes ids alone, and knows which it is."""
    what = f"{name}: {one_line(to, 80)} is a name, and pages go to ids alone"
    try:
        answer: Any = await client.usergroups_list()
    except _NETWORK as error:
        return _unknown(f"{name} ({one_line(to, 80)})", error)
    ids = [str(one.get("id")) for one in answer.get("usergroups") or [] if one.get("handle") == to.removeprefix("@")]
    advice = f"write {one_line(ids[0], 40)} in its place" if ids else "Slack knows no group of that name"
    return Finding("problem", what, advice)


def _unknown(what: str, error: Exception) -> Finding:
    word = outcome_of(error).detail
    level: Level = "note" if word == "missing_scope" else "problem"
    return Finding(level, f"{what} could not be checked ({word})", "see the scopes above" if level == "note" else "")


# ---- the test page


async def _send_test(
    client: AsyncWebClient, channel: str, chart: Chart, trial: Trial, app: AsyncWebClient | None
) -> list[Finding]:
    """Post to the channel of the cards, and to each responder named; then wait for a press, if asked to."""
    found: list[Finding] = []
    way, at_ms = SlackWay(client), time.time_ns() // 1_000_000
    async with _Presses(app if trial.wait_s else None) as presses:
        for who in ("", *trial.to):
            responder = chart.responders.get(who)
            to = channel if not who else (responder.slack or "") if responder is not None else ""
            what = who or "the channel of the cards"
            if not to:
                said = "is not in the flowchart" if responder is None else "has no Slack address"
                found.append(Finding("problem", f"no test page: {one_line(who, 60)} {said}", "see its `responders`"))
                continue
            group = mention_of(to) if mention_of(to).startswith("<!subteam") else ""
            outcome = await way.post(_test_message(channel if group else to, f"{at_ms}/{to}", group))
            if outcome.kind == "sent":
                found.append(Finding("fine", f"a test page went to {what}"))
            else:
                found.append(Finding("problem", f"no test page to {what}: {outcome.kind} ({outcome.detail})"))
        if trial.wait_s and app is not None and any(one.level == "fine" for one in found):
            found.append(await _pressed(presses, trial.wait_s))
    return found


def _test_message(to: str, key: str, mention: str) -> Message:
    text = f"{mention} {TEST_WORDS}".strip()
    button = {
        "type": "button",
        "action_id": PRESS_ACTION,
        "text": {"type": "plain_text", "text": "I can read this", "emoji": False},
        "value": "test",
    }
    said: dict[str, Any] = {"type": "mrkdwn", "text": text, "verbatim": True}
    header = {"type": "plain_text", "text": "TEST · Tocsin", "emoji": False}
    blocks = (
        {"type": "header", "text": header},
        {"type": "section", "text": said},
        {"type": "actions", "elements": [button]},
    )
    return Message(
        page_id=page_id(f"test/{key}", "slack", to), incident="test", kind="page", to=to, text=text, blocks=blocks
    )


async def _pressed(presses: "_Presses", wait_s: int) -> Finding:
    try:
        who = await asyncio.wait_for(presses.first, wait_s)
    except TimeoutError:
        advice = "press it again while `tocsin run` is stopped: a running service may have taken the press"
        return Finding("problem", f"nobody pressed the button within {wait_s} s, or the press did not arrive", advice)
    return Finding("fine", f"the button was pressed by {one_line(who, 40)}: clicks come back")


class _Presses:
    """A socket that waits for one press on a test page; without an app token, nothing."""

    def __init__(self, app: AsyncWebClient | None) -> None:
        self._app = app
        self._client: SocketModeClient | None = None

    async def __aenter__(self) -> "_Presses":
        self.first: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        if self._app is not None:
            self._client = SocketModeClient(str(self._app.token), web_client=self._app)
            if self._app.proxy is None:
                self._client.proxy = None
            self._client.socket_mode_request_listeners.append(self._take)
            await self._client.connect()  # type: ignore[no-untyped-call]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._client is not None:
            await self._client.close()  # type: ignore[no-untyped-call]

    async def _take(self, client: Any, request: Any) -> None:
        await client.send_socket_mode_response({"envelope_id": request.envelope_id})
        payload = request.payload if isinstance(request.payload, dict) else {}
        ours = any(one.get("action_id") == PRESS_ACTION for one in payload.get("actions") or [])
        if ours and not self.first.done():
            user = payload.get("user") or {}
            self.first.set_result(str(user.get("name") or user.get("id") or "somebody"))
