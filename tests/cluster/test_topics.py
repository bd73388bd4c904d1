"""`tocsin topics` against a real broker: it makes what is missing, alters nothing, and says what differs."""

import asyncio
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin import NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from stream.kafka.clients import Brokers
from stream.kafka.making import Difference, check_topics, delete_topics, make_topics
from stream.kafka.topics import LARGEST_BYTES, Layout
from tests.cluster.broker import PASSWORD, STRANGER, USER, Broker
from tests.cluster.conftest import MakeBrokers
from tests.cluster.processes import free_port
from tests.command import Ran, tocsin

pytestmark = pytest.mark.slow

Configure = Callable[..., Path]


@pytest.fixture
def configure(tmp_path: Path) -> Configure:
    """Writes a configuration for some brokers: `configure(brokers, user=...)`."""

    def write(brokers: Brokers, **more: object) -> Path:
        layout = brokers.layout
        kafka: dict[str, object] = {"bootstrap": brokers.bootstrap, "prefix": layout.prefix}
        kafka |= {"mentions": layout.mentions, "entries": layout.entries, "replication": layout.replication, **more}
        path = tmp_path / "tocsin.yaml"
        path.write_text(json.dumps({"cluster": {"kafka": kafka, "names_key_env": "TOCSIN_NAMES_KEY"}}))
        return path

    return write


def topics(command: str, path: Path, *flags: str, **env: str) -> Ran:
    """One call."""
    return tocsin("topics", command, "--config", path, *flags, env=env)


@pytest.fixture
async def unmade(make_brokers: MakeBrokers) -> Brokers:
    """Brokers that have no topic yet."""
    return await make_brokers(made=False, mentions=4, entries=3)


def test_topics_are_made_once_and_are_then_as_they_must_be(unmade: Brokers, configure: Configure) -> None:
    """A second call makes nothing, and the check agrees, in words and in JSON."""
    path = configure(unmade)
    missing = topics("check", path)
    assert missing.status == 1
    assert len(missing.lines) == len(unmade.layout.topics())
    assert all("is missing" in line and "tocsin topics create" in line for line in missing.lines)

    first, second = topics("create", path), topics("create", path)
    assert (first.status, second.status) == (0, 0)
    assert (
        f"Made {unmade.layout.name('mentions')}: 4 partitions, 1 copy, kept for 7d, stamped by the broker." in first.out
    )
    assert first.out.count("Made ") == 9
    assert "Made " not in second.out
    assert "found in place: 9" in second.out

    fine = topics("check", path)
    assert (fine.status, fine.err) == (0, "")
    assert json.loads(topics("check", path, "--json").out) == {"ok": True, "differences": []}


def test_one_topic_that_is_missing_is_made_and_the_others_are_left_alone(unmade: Brokers, configure: Configure) -> None:
    """What somebody altered on purpose is not set back; it is said, and the call ends with 1."""
    path = configure(unmade)
    decisions = next(topic for topic in unmade.layout.topics() if topic.name.endswith("decisions"))

    async def upset() -> None:
        await make_topics(unmade)
        admin = unmade.admin()
        await admin.start()
        try:
            await admin.delete_topics([unmade.layout.name("texts")])
            await _alter(admin, decisions.name, decisions.config() | {"retention.ms": "86400000"})
        finally:
            await admin.close()

    asyncio.run(upset())
    ran = topics("create", path, "--json")
    said = json.loads(ran.out)
    assert ran.status == 1
    assert [line.partition(":")[0] for line in said["made"]] == [unmade.layout.name("texts")]
    assert len(said["present"]) == 8
    (one,) = said["differences"]
    assert (one["topic"], one["setting"], one["found"]) == (decisions.name, "retention.ms", "86400000")
    assert "86400000 (1d) instead of -1 (for ever)" in one["says"]


async def _alter(admin: Any, topic: str, settings: dict[str, str]) -> None:
    """Set a topic's settings to these and no others."""
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, settings)])


async def test_every_way_in_which_a_topic_can_be_wrong_is_found(make_brokers: MakeBrokers) -> None:
    """Too many partitions, a journal that is compacted, stamps of senders, small records: each is a difference."""
    brokers = await make_brokers(made=False)
    layout = brokers.layout
    wrong = {
        "cleanup.policy": "compact",
        "message.timestamp.type": "CreateTime",
        "max.message.bytes": "1000",
        "retention.ms": "1000",
    }
    admin = brokers.admin()
    await admin.start()
    try:
        await admin.create_topics([NewTopic(layout.name("entries"), 5, 1, topic_configs=wrong)])
    finally:
        await admin.close()
    made = await make_topics(brokers)
    assert [topic.name for topic in made.present] == [layout.name("entries")]
    assert [(one.setting, one.found, one.wanted) for one in await check_topics(brokers)] == [
        ("partitions", "5", "2"),
        ("cleanup.policy", "compact", "delete"),
        ("max.message.bytes", "1000", str(LARGEST_BYTES)),
        ("message.timestamp.type", "CreateTime", "LogAppendTime"),
        ("retention.ms", "1000", "-1"),
    ]


async def test_too_few_copies_are_a_difference(brokers: Brokers) -> None:
    """Three were asked for; one broker holds one."""
    wanted = Brokers(brokers.bootstrap, brokers.layout._replace(replication=3))
    found = await check_topics(wanted)
    assert found == [Difference(topic.name, "replication", "1", "3") for topic in wanted.layout.topics()]


async def test_what_keeps_longer_and_takes_more_is_no_difference(brokers: Brokers) -> None:
    """An operator may be more careful than we ask."""
    mentions = next(t for t in brokers.layout.topics() if t.name.endswith("mentions"))
    admin = brokers.admin()
    await admin.start()
    try:
        generous = {"retention.ms": "-1", "max.message.bytes": str(2 * LARGEST_BYTES)}
        await _alter(admin, mentions.name, mentions.config() | generous)
    finally:
        await admin.close()
    assert await check_topics(brokers) == []


async def test_two_who_make_topics_at_once_do_not_stumble(make_brokers: MakeBrokers) -> None:
    """Each topic is made by one of them."""
    brokers = await make_brokers(made=False)
    one, other = await asyncio.gather(make_topics(brokers), make_topics(brokers))
    assert sorted(one.made + other.made) == sorted(brokers.layout.topics())
    assert await check_topics(brokers) == []


async def test_a_broker_stamps_what_comes_in_and_a_replay_keeps_its_stamps(make_brokers: MakeBrokers) -> None:
    """A sender's clock decides nothing; a recorded stamp comes back as it went in."""
    for stamped in (True, False):
        brokers = await make_brokers(stamped=stamped)
        producer = brokers.producer()
        await producer.start()
        try:
            sent = await producer.send_and_wait(brokers.layout.name("mentions"), b"{}", timestamp_ms=1_000)
        finally:
            await producer.stop()
        assert (sent.timestamp == 1_000) is not stamped
        assert sent.timestamp > 0


async def test_a_large_part_comes_through_whole(brokers: Brokers) -> None:
    """A record of four megabytes that cannot be compressed is written and read."""
    value = os.urandom(4 << 20)
    producer = brokers.producer()
    consumer = brokers.consumer(brokers.layout.name("entries"), auto_offset_reset="earliest")
    await producer.start()
    await consumer.start()
    try:
        await producer.send_and_wait(brokers.layout.name("entries"), value, key=b"Tulpatel")
        read = await asyncio.wait_for(consumer.getone(), 30)
        assert read.value == value
        assert read.partition == brokers.layout.brand_partition("Tulpatel")
    finally:
        await consumer.stop()
        await producer.stop()


def test_a_broker_that_is_not_there_is_one_plain_line(configure: Configure) -> None:
    """No traceback, no second voice, and the exit status of a call that went wrong."""
    ran = topics("check", configure(Brokers(f"127.0.0.1:{free_port()}", Layout("none."))))
    assert ran.status == 2
    (line,) = ran.lines
    assert "no broker can be reached" in line


@pytest.mark.parametrize(
    ("user", "password", "said"),
    [(USER, "guessed-it", "does not accept user 'tocsin'"), (STRANGER, PASSWORD, "may not")],
)
def test_who_is_not_let_in_is_told_so_without_the_password(
    kafka: Broker, unmade: Brokers, configure: Configure, user: str, password: str, said: str
) -> None:
    """A wrong password and a user without rights are told apart, and neither call shows the password."""
    asked = Brokers(kafka.sasl_bootstrap, unmade.layout)
    told = {"security": "SASL_PLAINTEXT", "user": user, "password_env": "KAFKA_PASSWORD"}
    for command in ("create", "check"):
        ran = topics(command, configure(asked, **told), KAFKA_PASSWORD=password)
        assert ran.status == 2
        (line,) = ran.lines
        assert said in line
        assert password not in ran.out + ran.err


def test_who_has_the_password_makes_topics(kafka: Broker, unmade: Brokers, configure: Configure) -> None:
    """By SCRAM, and with no other secret of the configuration at hand."""
    asked = Brokers(kafka.sasl_bootstrap, unmade.layout)
    told = {"security": "SASL_PLAINTEXT", "user": USER, "password_env": "KAFKA_PASSWORD"}
    ran = topics("create", configure(asked, **told), KAFKA_PASSWORD=PASSWORD)
    assert ran.status == 0, ran.err
    assert asyncio.run(check_topics(unmade)) == []
    nobody = topics("create", configure(asked, **told), KAFKA_PASSWORD="")
    assert nobody.status == 2
    assert "KAFKA_PASSWORD" in nobody.err


def test_more_copies_than_brokers_are_refused_in_plain_words(unmade: Brokers, configure: Configure) -> None:
    """Nothing is made with fewer copies than were asked for."""
    wanted = Brokers(unmade.bootstrap, unmade.layout._replace(replication=3))
    ran = topics("create", configure(wanted))
    assert ran.status == 2
    assert "could not be made" in ran.err
    assert "replication factor of 3" in ran.err
    assert {one.setting for one in asyncio.run(check_topics(unmade))} == {"missing"}


def test_a_configuration_without_a_cluster_has_no_topics(tmp_path: Path) -> None:
    """The embedded service needs none, and is named."""
    path = tmp_path / "tocsin.yaml"
    path.write_text("timezone: Europe/Amsterdam\n")
    ran = topics("check", path)
    assert ran.status == 2
    assert "`cluster`" in ran.err
    assert "tocsin run" in ran.err


WITHOUT = """
import importlib.abc, sys
class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("aiokafka", "faust", "redis"):
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Missing())
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name in ("aiokafka", "faust", "redis") else found(name, *more)
sys.argv = ["tocsin", *sys.argv[1:]]
from tocsin.cli import main
main()
"""


def test_without_the_extra_the_command_says_how_to_get_it(tmp_path: Path) -> None:
    """Everything else works without those packages; this says which are missing and how they come."""
    path = tmp_path / "tocsin.yaml"
    path.write_text("timezone: Europe/Amsterdam\n")
    called = [sys.executable, "-c", textwrap.dedent(WITHOUT), "topics", "check", "--config", str(path)]
    ran = subprocess.run(called, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert ran.returncode == 2
    assert "aiokafka, faust, redis" in ran.stderr
    assert "pip install 'tocsin[scale]'" in ran.stderr
    assert "Traceback" not in ran.stderr


async def test_deleted_topics_are_gone_and_deleting_them_again_is_nothing(brokers: Brokers) -> None:
    """What the tests leave behind is nothing."""
    await delete_topics(brokers)
    await delete_topics(brokers)
    assert {one.setting for one in await check_topics(brokers)} == {"missing"}
