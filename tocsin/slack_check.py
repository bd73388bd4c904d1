"""EDGE. `tocsin slack check`: whether the Slack app can do at night what the configuration and the flowchart expect.

Asks Slack and changes nothing; only `--send-test` posts, and what it posts says TEST.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from alerting.delivery.slack import mention_of, outcome_of, slack_client
from alerting.delivery.slack_scopes import LOST, missing, read_header
from alerting.flowchart.model import Chart
from alerting.inert import one_line
from tocsin.mistakes import UsageError
from tocsin.settings import Settings
from tocsin.slack_trial import Finding, Level, Trial, send_test

_NETWORK = (SlackClientError, aiohttp.ClientError, asyncio.TimeoutError, OSError)
_TOKEN_WORDS = ("invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired")


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
        found += await send_test(client, slack.channel, chart, trial, app)
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


def _unknown(what: str, error: Exception) -> Finding:
    word = outcome_of(error).detail
    level: Level = "note" if word == "missing_scope" else "problem"
    return Finding(level, f"{what} could not be checked ({word})", "see the scopes above" if level == "note" else "")
