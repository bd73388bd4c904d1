"""What tests of the scaled deployment stand on: one Kafka and one Valkey a session, topics of its own for each test.

A test that stops or wipes a server needs not start it again: whoever comes next makes sure that it runs.
"""

import asyncio
import contextlib
import itertools
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stream.kafka.clients import Brokers
from stream.kafka.making import delete_topics, make_topics
from stream.kafka.topics import Layout
from tests.acceptance.living import SIGNING_SECRET, staffed
from tests.cluster.broker import Broker
from tests.cluster.jars import NoKafkaError, kafka_jars
from tests.cluster.living import Deployment
from tests.cluster.story import RUNG_S
from tests.cluster.valkey import DATABASES, Valkey
from tests.fakes.slack import FakeSlackThread

_numbers = itertools.count(1)

MakeBrokers = Callable[..., Awaitable[Brokers]]
Deploy = Callable[..., Awaitable[Deployment]]


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """Apache Kafka, one node, started once. Skipped where it cannot be had, unless TOCSIN_REQUIRE_KAFKA=1."""
    try:
        jars = kafka_jars()
    except NoKafkaError as missing:
        if os.environ.get("TOCSIN_REQUIRE_KAFKA") == "1":
            pytest.fail(str(missing), pytrace=False)
        pytest.skip(str(missing))
    with Broker(jars, tmp_path_factory.mktemp("kafka")) as started:
        yield started


@pytest.fixture
async def make_brokers(kafka: Broker) -> AsyncIterator[MakeBrokers]:
    """`await make_brokers(mentions=4, entries=2)`: topics with a prefix of their own, deleted after the test.

    Takes what `Layout` takes; `more` are settings that each topic gets besides, `made=False` makes no topics.
    """
    given: list[Brokers] = []

    async def make(*, more: dict[str, str] | None = None, made: bool = True, **cut: Any) -> Brokers:
        await asyncio.to_thread(kafka.ensure)
        prefix = f"t{os.getpid()}-{next(_numbers)}."
        layout = Layout(**{"prefix": prefix, "mentions": 2, "entries": 2, "replication": 1, **cut})
        brokers = Brokers(kafka.bootstrap, layout)
        given.append(brokers)
        if made:
            await make_topics(brokers, more)
        return brokers

    yield make
    await asyncio.to_thread(kafka.ensure)
    for brokers in given:
        await delete_topics(brokers)


@pytest.fixture
async def brokers(make_brokers: MakeBrokers) -> Brokers:
    """Two partitions of `mentions` and two of `entries`, and everything else beside them."""
    return await make_brokers()


@pytest.fixture
def layout(brokers: Brokers) -> Layout:
    """How the topics of `brokers` are named and cut."""
    return brokers.layout


@pytest.fixture(scope="session")
def the_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """The Valkey that tests share; ask for `valkey_url` instead."""
    with Valkey(tmp_path_factory.mktemp("valkey")) as started:
        yield started


@pytest.fixture
def valkey_url(the_valkey: Valkey) -> str:
    """The URL of a database that nobody else uses, in a Valkey that the test leaves alone."""
    number = next(_numbers) % DATABASES
    with the_valkey.client(number) as client:
        client.flushdb()
    return the_valkey.url(number)


@pytest.fixture
def own_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """A Valkey of the test's own, to stop, kill, pause, flush, save and restore."""
    with Valkey(tmp_path_factory.mktemp("valkey")) as started:
        yield started


@pytest.fixture
def slack() -> Iterator[FakeSlackThread]:
    """A Slack with the responders of the tests in it; it lives on when workers die."""
    with FakeSlackThread(signing_secret=SIGNING_SECRET) as fake:
        staffed(fake)
        yield fake


@pytest.fixture
async def deploy(
    make_brokers: MakeBrokers, own_valkey: Valkey, slack: FakeSlackThread, tmp_path: Path
) -> AsyncIterator[Deploy]:
    """`await deploy(patience_s=300)`: workers on topics of their own, a Valkey and a Slack, ended after the test.

    Takes what `Deployment` takes.
    """
    async with contextlib.AsyncExitStack() as held:

        async def make(**told: Any) -> Deployment:
            brokers = await make_brokers(mentions=3, entries=2, stamped=False)
            return held.enter_context(
                Deployment(tmp_path, brokers, own_valkey, slack, **{"within": f"{RUNG_S}s", **told})
            )

        yield make
