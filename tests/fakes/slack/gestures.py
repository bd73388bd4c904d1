"""What people do besides pressing buttons of messages: slash commands, modals that are sent, the App Home opened."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlencode

from tests.fakes.slack.interactivity import FORM, ClickResult, Interactivity
from tests.fakes.slack.ledger import Json, Message
from tests.fakes.slack.workspace import APP_ID, Channel, User

EVENT_TRIES = 4
"""Once, and up to three times more (docs.slack.dev/apis/events-api, "Retries")."""


class Gestures:
    """Builds these payloads and sends them by whichever way is set up."""

    def __init__(self, hands: Interactivity) -> None:
        self._hands = hands
        self._events = 0
        self.retry_after_s = 0.2
        """How long Slack waits before it sends an event again (in truth: at once, then a minute, then five)."""

    # -- commands --------------------------------------------------------------------------------------------------

    def command_form(self, text: str, user: str, *, command: str, channel: str, trigger_id: str | None) -> Json:
        """The fields of a slash command."""
        hands = self._hands
        person: User = hands.workspace.users[user]
        where: Channel = hands.workspace.channels[channel]
        return {
            "token": "deprecated-verification-token",
            "team_id": hands.workspace.team,
            "team_domain": hands.workspace.domain,
            "channel_id": where.id,
            "channel_name": "directmessage" if where.dm_with else where.name,
            "user_id": user,
            "user_name": person.name,
            "command": command,
            "text": text,
            "api_app_id": APP_ID,
            "is_enterprise_install": "false",
            "response_url": hands.response_url(where.id, "", user),
            "trigger_id": trigger_id or hands.views.new_trigger(),
        }

    async def command(self, form: Json, via: str | None, *, age_s: float, forge: str | None) -> ClickResult:
        """Send a command; what the app answers at once is shown to the one who typed it."""
        hands = self._hands
        if (via or ("http" if hands.command_url else "socket")) == "socket":
            result = await hands.by_socket(form, 10.0, "slash_commands")
            answer = result.body
        else:
            body = urlencode(form).encode()
            hands.last = hands.signed_bytes(body, FORM, age_s=age_s, forge=forge, url=hands.command_url)
            result = await hands.by_http(hands.last)
            answer = _json_or_text(result.body) if result.acked else None
        if isinstance(answer, dict) and (answer.get("text") or answer.get("blocks")):
            self._show(form, answer)
        return result

    def _show(self, form: Json, answer: Json) -> None:
        ledger = self._hands.ledger
        said = Message(
            form["channel_id"], ledger.next_ts(), ledger.clock(), answer.get("text", ""), answer.get("blocks") or []
        )
        said.parse, said.link_names = answer.get("parse"), bool(answer.get("link_names"))
        said.ephemeral_to = None if answer.get("response_type") == "in_channel" else form["user_id"]
        ledger.add(said)

    # -- modals ----------------------------------------------------------------------------------------------------

    def submission(self, view: Json, values: Json, user: str) -> Json:
        """The view_submission payload for an opened modal; `values` by action id: text, or an option's value.

        Raises LookupError for an action that the modal does not have.
        """
        hands = self._hands
        state: dict[str, Json] = {}
        left = dict(values)
        for number, block in enumerate(view["blocks"]):
            element = block.get("element") or {}
            if block.get("type") == "input":
                given = left.pop(element["action_id"], None)
                state[block.get("block_id") or f"b{number}"] = {element["action_id"]: _state(element, given)}
        if left:
            raise LookupError(f"the modal has no {sorted(left)}")
        person = hands.workspace.users[user]
        return {
            "type": "view_submission",
            "team": {"id": hands.workspace.team, "domain": hands.workspace.domain},
            "user": {"id": user, "username": person.name, "name": person.name, "team_id": hands.workspace.team},
            "api_app_id": APP_ID,
            "token": "deprecated-verification-token",
            "trigger_id": hands.views.new_trigger(),
            "view": {**view, "state": {"values": state}, "hash": "1.fake", "app_id": APP_ID},
            "response_urls": [],
            "is_enterprise_install": False,
        }

    # -- events ----------------------------------------------------------------------------------------------------

    def event(self, event: Json) -> Json:
        """An event in the envelope of the Events API, with an id of its own."""
        self._events += 1
        hands = self._hands
        return {
            "token": "deprecated-verification-token",
            "team_id": hands.workspace.team,
            "api_app_id": APP_ID,
            "event": {"event_ts": f"{hands.ledger.clock():.6f}", **event},
            "type": "event_callback",
            "event_id": f"Ev{self._events:08d}",
            "event_time": int(hands.ledger.clock()),
            "authorizations": [{"team_id": hands.workspace.team, "is_bot": True}],
        }

    async def deliver(self, payload: Json, via: str | None, *, forge: str | None = None) -> ClickResult:
        """Send an event until it is answered with 2xx, or three times more."""
        hands = self._hands
        if (via or ("http" if hands.events_url else "socket")) == "socket":
            return await hands.by_socket(payload, 10.0, "events_api")
        body = json.dumps(payload, separators=(",", ":")).encode()
        for number in range(EVENT_TRIES):
            request = hands.signed_bytes(body, "application/json", forge=forge, url=hands.events_url, age_s=-number)
            if number:
                request.headers.update({"X-Slack-Retry-Num": str(number), "X-Slack-Retry-Reason": "http_error"})
            hands.last = request
            result = await hands.by_http(request)
            result.deliveries = number + 1
            if result.acked:
                break
            await asyncio.sleep(self.retry_after_s)
        return result


def _state(element: Json, given: Any) -> Json:
    kind = element["type"]
    if kind in {"static_select", "radio_buttons"}:
        option = next((o for o in element["options"] if o["value"] == given), None) or element.get("initial_option")
        if given is not None and (option is None or option["value"] != given):
            raise LookupError(f"no option {given!r}")
        return {"type": kind, "selected_option": option}
    return {"type": kind, "value": given if given is not None else element.get("initial_value")}


def _json_or_text(body: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return {"text": body}
