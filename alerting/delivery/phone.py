"""The telephone as a way to people: rung by somebody else, to whom the number travels with the page. EDGE."""

import msgspec

from alerting.delivery.ways import Message, Outcome, Settles, Way, ready


class PhoneWay:
    """Hands pages to the way that rings: a service of PagerDuty, a webhook, or an address of apprise.

    `to` is whom that way is asked for; the responder's number is in the message.
    """

    def __init__(self, ringing: Way, to: str) -> None:
        self._ringing = ringing
        self._to = to
        self.settles: Settles = ringing.settles

    async def prepare(self, to: str) -> Outcome | None:
        """Make the way that rings ready."""
        return await ready(self._ringing, self._to)

    async def post(self, message: Message) -> Outcome:
        """Have the number rung that `message.to` is."""
        return await self._ringing.post(self._handed(message))

    async def find(self, message: Message, oldest_ms: int) -> Outcome | None:
        """As the way that rings."""
        return await self._ringing.find(self._handed(message), oldest_ms)

    async def edit(self, channel: str, ts: str, message: Message) -> Outcome:
        """As the way that rings."""
        return await self._ringing.edit(channel, ts, self._handed(message))

    def _handed(self, message: Message) -> Message:
        return msgspec.structs.replace(message, to=self._to, phone=message.to)
