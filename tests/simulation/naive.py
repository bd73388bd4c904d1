"""Two orders that pagers in use take, in the place of ours: the simulation must find what is wrong with them."""

from alerting.delivery.outbox import OutboxRow
from alerting.delivery.ways import Outcome
from alerting.delivery.worker import Delivery


class SendThenRecord(Delivery):
    """Sends first and writes it down afterwards; what is not written down goes out again. Doubles what a crash or a
    lost reply leaves unwritten.
    """

    async def _post(self, row: OutboxRow) -> int:
        way, message = self._ways.get(row.way), self.composer.message(row)
        if way is None or message is None or (row.wakes and self._is_quiet(row.incident)):
            return await super()._post(row)
        outcome = await way.post(message)
        if outcome.kind == "unknown":  # it heard no "ok", so it was not sent
            outcome = Outcome("not_sent", retry_ms=5_000, detail=outcome.detail)
        self.outbox.begin(row.page_id, row.attempt + 1, self._clock())
        self.outbox.settle(row.page_id, outcome, self._clock())
        return 1


class RecordThenSend(Delivery):
    """Writes down that it was sent, and sends. Loses what a crash or a refusal leaves unsent."""

    async def _post(self, row: OutboxRow) -> int:
        way, message = self._ways.get(row.way), self.composer.message(row)
        if way is None or message is None or (row.wakes and self._is_quiet(row.incident)):
            return await super()._post(row)
        self.outbox.begin(row.page_id, row.attempt + 1, self._clock())
        self.outbox.settle(row.page_id, Outcome("sent", row.to, "0.000001"), self._clock())
        outcome = await way.post(message)
        if outcome.kind == "sent":
            self.outbox._change(row.page_id, channel=outcome.channel, ts=outcome.ts)
            self.outbox.edited(row.page_id, shown=self.outbox.revision(row.incident))
        return 1
