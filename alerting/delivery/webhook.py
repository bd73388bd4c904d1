"""A signed webhook as a way to people: for whatever pager an organisation has of its own. EDGE.

A page is one POST of JSON to the responder's address. Its headers:

    X-Tocsin-Id   what it is: the same id is the same message, sent again because its answer was lost
    X-Timestamp   when it was sent, in seconds since 1970
    X-Signature   v1=HMAC-SHA256(secret, "<timestamp>." + body) in hex; two of them, with a comma between, while one
                  secret replaces the other

The same signature is asked of those who send mentions to Tocsin, and `stream.sources.signing.Verifier` checks both.
`docs/paging.md` has the fields of the body, and a receiver.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from alerting.delivery.posting import Reveal, Told, looked_up, posted
from alerting.delivery.ways import Message, Outcome, Settles
from alerting.letter import form
from stream import crash
from stream.sources.guard import GuardedClient
from stream.sources.signing import sign

VERSION = 1


class WebhookWay:
    """Posts to the addresses of `hooks`, each with its one or two secrets, and to no others: what a flowchart alone
    names would get letters signed with a secret that is meant for somebody else.
    """

    settles: Settles = "repeat"

    def __init__(self, client: GuardedClient, hooks: Mapping[str, Sequence[Reveal]], clock: Callable[[], int]) -> None:
        """`clock` gives milliseconds since 1970."""
        self._client = client
        self._hooks = hooks
        self._clock = clock
        self._told = Told()

    async def prepare(self, to: str) -> Outcome | None:
        """Look up the name in the address."""
        return await looked_up(self._client, to) if to in self._hooks else None

    async def post(self, message: Message) -> Outcome:
        """One POST of the page to the address `message.to`."""
        crash.here("webhook.post.before")
        outcome = await self._send(message.to, body_of(message, "page", message.page_id))
        crash.here("webhook.post.after")
        return Told.marked(outcome, message)

    async def find(self, message: Message, oldest_ms: int) -> Outcome | None:
        """Nothing can be read; a receiver drops an id that it has."""
        return None

    async def edit(self, channel: str, ts: str, message: Message) -> Outcome:
        """Tell a change of how the incident stands, once each: its id follows from the page and the change."""
        standing = self._told.news(ts, message.view)
        if not standing:
            return Outcome("sent", channel, ts)
        page_id = Told.page_id(ts)
        outcome = await self._send(channel, body_of(message, "status", page_id, standing))
        if outcome.kind == "sent":
            self._told.heard(ts, standing)
            return Outcome("sent", channel, ts)
        return outcome

    async def _send(self, url: str, body: dict[str, Any]) -> Outcome:
        secrets = self._hooks.get(url)
        if not secrets:
            return Outcome("permanent", detail="this webhook is not set up")
        raw = json.dumps(body).encode()
        timestamp = self._clock() // 1000
        headers = {
            "X-Tocsin-Id": body["id"],
            "X-Timestamp": str(timestamp),
            "X-Signature": ",".join(sign(reveal(), timestamp, raw) for reveal in secrets),
        }
        return await posted(self._client, url, raw, headers)


def body_of(message: Message, event: str, page_id: str, standing: str = "") -> dict[str, Any]:
    """What is posted. Each text in it is inert.

    >>> body_of(Message(page_id="p1", incident="a-0", kind="page", to="", text=""), "status", "p1", "closed")["id"]
    'p1-closed'
    """
    body: dict[str, Any] = {
        "version": VERSION,
        "event": event,
        "id": f"{page_id}-{standing}" if standing else page_id,
        "page_id": page_id,
    }
    if message.phone:
        body["phone"] = message.phone
    return body | (form(message.view, message.line) if message.view is not None else {})
