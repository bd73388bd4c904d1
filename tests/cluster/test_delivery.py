"""Delivery on real brokers: what was decided reaches people once, whoever leads, dies, stands still or comes back."""

from pathlib import Path

import pytest

from stream.kafka.clients import Brokers
from tests.cluster.delivery_helpers import at_work, cards, decide, page, pages, reports, until, written
from tests.fakes.slack import FakeSlack

pytestmark = pytest.mark.slow


async def test_what_was_decided_reaches_people_and_the_core_is_told(
    tmp_path: Path, brokers: Brokers, valkey_url: str
) -> None:
    """One card, and one report of it."""
    async with FakeSlack() as slack:
        config = written(tmp_path, brokers, valkey_url, slack)
        async with at_work(config) as worker:
            await decide(brokers, [page(1, "OpenIncident"), page(2)])
            (card,) = await until(lambda: cards(slack), "a card")
            assert worker.leads
            told = await until(lambda: reports(brokers), "a report")
        assert set(pages(slack).values()) == {1}
    assert "Tulpatel" in str(card.blocks)
    assert told == [("tulpatel-1/2/Page", "sent")]
