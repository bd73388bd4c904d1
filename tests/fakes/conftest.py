"""The fake Slack, running for one test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.fakes.slack import FakeSlack
from tests.fakes.slack_helpers import SECRET


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    """A fake that sends an unacknowledged envelope again after 0.2 s."""
    async with FakeSlack(SECRET, socket_redeliver_s=0.2) as running:
        yield running
