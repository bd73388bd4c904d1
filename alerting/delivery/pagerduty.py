"""PagerDuty as a way to people, by its Events API v2. EDGE.

Each page is an alert of its own: its `dedup_key` is the page's id. So a page that is posted again after a lost answer
rings once, because PagerDuty folds what has the key of an open alert into it; and a page that the flowchart asks for
anew, as for the next rung or because it got worse, rings anew. With one key for the whole incident PagerDuty would keep
silent about both. When the incident is acknowledged or over in Tocsin, each of its alerts is told so.

https://developer.pagerduty.com/docs/events-api-v2-overview
"""

import json
from collections.abc import Mapping
from typing import Any

from alerting.delivery.posting import Reveal, Told, looked_up, posted
from alerting.delivery.ways import Message, Outcome, Settles
from alerting.inert import clip
from alerting.letter import form, summary
from stream import crash
from stream.sources.guard import GuardedClient

BASE_URL = "https://events.pagerduty.com/"
SEVERITY = {"low": "info", "medium": "warning", "high": "error", "critical": "critical"}
_ACTIONS = {"acknowledged": "acknowledge", "closed": "resolve"}


class PagerDutyWay:
    """Triggers, acknowledges and resolves alerts. `services` holds the routing key of each service by its name, which
    is what a responder's `pagerduty` names.
    """

    settles: Settles = "repeat"

    def __init__(self, client: GuardedClient, services: Mapping[str, Reveal], base_url: str = BASE_URL) -> None:
        self._client = client
        self._services = services
        self._url = f"{base_url.rstrip('/')}/v2/enqueue"
        self._told = Told()

    async def prepare(self, to: str) -> Outcome | None:
        """Look up PagerDuty's name."""
        return await looked_up(self._client, self._url)

    async def post(self, message: Message) -> Outcome:
        """Trigger the page's alert at the service that `message.to` names."""
        crash.here("pagerduty.post.before")
        outcome = await self._event(message.to, "trigger", message.page_id, payload_of(message))
        crash.here("pagerduty.post.after")
        return Told.marked(outcome, message)

    async def find(self, message: Message, oldest_ms: int) -> Outcome | None:
        """The Events API cannot be read; the same page posted again is the same alert."""
        return None

    async def edit(self, channel: str, ts: str, message: Message) -> Outcome:
        """Acknowledge or resolve the alert where that is how the incident stands by now. Again changes nothing."""
        standing = self._told.news(ts, message.view)
        if standing not in _ACTIONS:
            return Outcome("sent", channel, ts)
        outcome = await self._event(channel, _ACTIONS[standing], Told.page_id(ts), None)
        if outcome.kind == "sent":
            self._told.heard(ts, standing)
            return Outcome("sent", channel, ts)
        return outcome

    async def _event(self, service: str, action: str, key: str, payload: dict[str, Any] | None) -> Outcome:
        reveal = self._services.get(service)
        if reveal is None:
            return Outcome("permanent", detail="this service is not set up")
        event: dict[str, Any] = {"routing_key": reveal(), "event_action": action, "dedup_key": key, "client": "Tocsin"}
        if payload is not None:
            event["payload"] = payload
        return await posted(self._client, self._url, json.dumps(event).encode(), {})


def payload_of(message: Message) -> dict[str, Any]:
    """What the alert says. Inert.

    >>> payload_of(Message(page_id="p1", incident="a-0", kind="page", to="pr", text=""))["severity"]
    'critical'
    """
    view = message.view
    if view is None:  # without the incident there is nothing to judge by: loud is right
        return {"summary": clip(message.incident, 200) or "?", "source": "tocsin", "severity": "critical"}
    details = form(view, message.line) | ({"phone": message.phone} if message.phone else {})
    return {
        "summary": summary(view, message.line),
        "source": "tocsin",
        "severity": SEVERITY.get(view.severity, "critical"),
        "component": details["brand"],
        "group": details["incident"],
        "class": details["scenario"],
        "custom_details": details,
    }
