"""Whatever leaves is noted before: else a crash in between would double a page, or lose it."""

from alerting.delivery.ways import Message, Outcome
from tests.alerting.test_worker import Desk, Place


class Witness(Place):
    """A way that asks the outbox what it knows while a message is on its way."""

    def __init__(self) -> None:
        super().__init__()
        self.desk: Desk | None = None
        self.known: list[tuple[str, int, int]] = []

    async def post(self, message: Message) -> Outcome:
        """Take it, and keep what the outbox says of it at that instant."""
        assert self.desk is not None
        row = self.desk.outbox.row(message.page_id)
        self.known.append((row.state, row.attempt, row.started_ms))
        return await super().post(message)


async def test_an_attempt_is_on_the_disk_before_its_first_byte_leaves() -> None:
    """Each of them, the second as the first, with the instant at which it began."""
    witness = Witness()
    desk = witness.desk = Desk(place=witness)
    witness.script = ["limited"]
    desk.decide("Page", "alone")
    first_ms = desk.now_ms
    await desk.wait(20)
    assert [state for state, _, _ in witness.known] == ["sending", "sending"]
    assert [attempt for _, attempt, _ in witness.known] == [1, 2]
    assert first_ms < witness.known[0][2] < witness.known[1][2]
    assert [row.state for row in desk.outbox.pages("acme-1")] == ["sent"]
