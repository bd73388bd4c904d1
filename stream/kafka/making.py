"""EDGE. Makes a deployment's topics, and finds where those that are there differ from what they must be.

What is there is never altered: a partition count is fixed for a topic's life, and a shorter retention deletes.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.conn import create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    UnsupportedSaslMechanismError,
    for_code,
)

from stream.kafka.clients import Brokers
from stream.kafka.topics import Topic

MISSING = "missing"
"""`Difference.setting` of a topic that is not there."""


SHOWN_S = 30
"""How long topics that were made may take until they are shown."""

KNOCK_MS = 5_000
LARGEST_PORT = 65_535


class BrokersError(Exception):
    """The brokers could not be asked, or refused; the message is one plain line without a secret in it."""


_REFUSED = (AuthenticationFailedError, IllegalSaslStateError, SaslAuthenticationFailed, UnsupportedSaslMechanismError)


class Difference(NamedTuple):
    """One respect in which a topic is not what it must be."""

    topic: str
    setting: str
    """`missing`, `partitions`, `replication`, or a setting's name as brokers spell it."""
    found: str
    wanted: str


class Made(NamedTuple):
    """What `make_topics` did."""

    made: list[Topic]
    present: list[Topic]


async def make_topics(brokers: Brokers, more: Mapping[str, str] | None = None) -> Made:
    """Make each topic of the layout that is missing; doing it twice changes nothing.

    Returns when every broker's answer shows them, led by somebody: what is written next is not refused. `more` are
    settings that every topic made here gets besides. Raises `BrokersError`.
    """
    async with _asked(brokers) as admin:
        there = await _described(admin, brokers.layout.topics())
        made: list[Topic] = []
        present: list[Topic] = []
        for topic in brokers.layout.topics():
            fresh = topic.name not in there and await _made(admin, topic, more or {})
            (made if fresh else present).append(topic)
        if made:
            await _shown(admin, brokers.layout.topics())
        return Made(made, present)


async def check_topics(brokers: Brokers) -> list[Difference]:
    """Where the brokers' topics differ from the layout's, in its order. Raises `BrokersError`."""
    wanted = brokers.layout.topics()
    async with _asked(brokers) as admin:
        there = await _described(admin, wanted)
        settings = await _settings(admin, [topic for topic in wanted if topic.name in there])
    found: list[Difference] = []
    for topic in wanted:
        if topic.name in there:
            found += compare(topic, there[topic.name], settings.get(topic.name, {}))
        else:
            found.append(Difference(topic.name, MISSING, "", ""))
    return found


async def delete_topics(brokers: Brokers) -> None:
    """Delete every topic of the layout with all that is in it; those that are not there are passed over."""
    async with _asked(brokers) as admin:
        there = await _described(admin, brokers.layout.topics())
        if there:
            answer = await admin.delete_topics(sorted(there))
            for name, code, *_ in answer.topic_error_codes:
                _hold(name, code, "could not be deleted")


def compare(topic: Topic, replicas: list[int], settings: Mapping[str, str]) -> list[Difference]:
    """Where one topic differs: `replicas` holds the number of copies of each of its partitions.

    >>> topic = Topic("tocsin.texts", 2, 3, "compact")
    >>> compare(topic, [3, 3], topic.config())
    []
    >>> for one in compare(topic, [3, 1, 3], topic.config() | {"cleanup.policy": "delete"}): print(*one)
    tocsin.texts partitions 3 2
    tocsin.texts replication 1 3
    tocsin.texts cleanup.policy delete compact
    """
    found = []
    if len(replicas) != topic.partitions:
        found.append(Difference(topic.name, "partitions", str(len(replicas)), str(topic.partitions)))
    copies = min(replicas, default=0)
    if copies < topic.replication:
        found.append(Difference(topic.name, "replication", str(copies), str(topic.replication)))
    for setting, wanted in topic.config().items():
        held = settings.get(setting, "")
        if not _enough(setting, held, wanted, copies):
            found.append(Difference(topic.name, setting, held, wanted))
    return found


def _enough(setting: str, held: str, wanted: str, copies: int) -> bool:
    """Whether a setting serves: what may be larger than asked for is not found fault with."""
    if held == wanted:
        return True
    if setting in ("retention.ms", "retention.bytes"):
        return held == "-1" or (wanted != "-1" and _whole(held) > _whole(wanted))
    if setting == "min.insync.replicas":
        # while copies are missing, to ask for more of them would stop every writer: those come first
        return copies < _whole(wanted) or _whole(wanted) < _whole(held) < copies
    if setting in ("max.message.bytes", "delete.retention.ms", "min.compaction.lag.ms"):
        return _whole(held) >= _whole(wanted)
    if setting == "max.compaction.lag.ms":
        return 0 < _whole(held) < _whole(wanted)
    return setting == "min.cleanable.dirty.ratio"  # how soon is a matter of taste


def _whole(text: str) -> int:
    return int(text) if text.lstrip("-").isdecimal() else -1


@contextlib.asynccontextmanager
async def _asked(brokers: Brokers) -> AsyncIterator[AIOKafkaAdminClient]:
    """A started client; what goes wrong with the brokers meanwhile is a `BrokersError`."""
    try:
        admin = brokers.admin()
    except (ValueError, OSError) as error:
        raise BrokersError(f"{brokers.bootstrap}: {_line(error)}") from None
    try:
        await _started(admin, brokers)
        yield admin
    except TimeoutError:
        raise BrokersError(f"{brokers.bootstrap}: the brokers do not answer") from None
    except (KafkaError, OSError) as error:
        raise BrokersError(f"{brokers.bootstrap}: {_line(error)}") from None
    finally:
        await admin.close()


async def _started(admin: AIOKafkaAdminClient, brokers: Brokers) -> None:
    try:
        await admin.start()
    except (KafkaConnectionError, OverflowError, ValueError):
        raise BrokersError(await _why_unreachable(brokers)) from None


async def _why_unreachable(brokers: Brokers) -> str:
    """Knock at each broker once more: the client itself says only that none would do."""
    told = brokers.arguments() | {"request_timeout_ms": KNOCK_MS}
    hosts = told.pop("bootstrap_servers")
    said: list[str] = []
    for place in hosts:
        host, _, port = place.strip().rpartition(":")
        if not host or not port.isdecimal() or int(port) > LARGEST_PORT:
            said.append(f"{place}: is no broker; name each as host:port")
            continue
        try:
            connection = await create_conn(host.strip("[]"), int(port), **told)
        except _REFUSED as refused:
            said.append(f"{place}: the broker does not accept user {brokers.user!r} ({_line(refused)})")
        except (ConnectionResetError, ssl.SSLError) as broken:
            said.append(
                f"{place}: what is there breaks the connection off ({_line(broken)}); does it want another `security`?"
            )
        except (KafkaError, OSError, TimeoutError) as unreachable:
            said.append(f"{place}: no broker can be reached ({_line(unreachable)})")
        else:
            connection.close()
            said.append(f"{place}: what is there does not answer as a broker; does it want another `security`?")
    return "; ".join(said)


async def _described(admin: AIOKafkaAdminClient, topics: Iterable[Topic]) -> dict[str, list[int]]:
    """Of each topic that is there: how many copies each partition has."""
    names = [topic.name for topic in topics]
    found: dict[str, list[int]] = {}
    for one in await admin.describe_topics(names):
        error = for_code(one["error_code"])
        if error is TopicAuthorizationFailedError:
            raise BrokersError(f"this user may not look at topic {one['topic']}; it needs Describe and DescribeConfigs")
        if not one["error_code"]:
            found[one["topic"]] = [len(partition["replicas"]) for partition in one["partitions"]]
    return found


async def _shown(admin: AIOKafkaAdminClient, topics: list[Topic]) -> None:
    """Wait until they are shown: a topic is made by one part of a broker, and known to the others soon after."""
    async with asyncio.timeout(SHOWN_S):
        names = [topic.name for topic in topics]
        while not all(_led(one) for one in await admin.describe_topics(names)):
            await asyncio.sleep(0.05)


def _led(described: Mapping[str, Any]) -> bool:
    return not described["error_code"] and all(part["leader"] >= 0 for part in described["partitions"])


async def _made(admin: AIOKafkaAdminClient, topic: Topic, more: Mapping[str, str]) -> bool:
    """Make it; False where another was quicker."""
    settings = {**topic.config(), **more}
    asked = NewTopic(topic.name, topic.partitions, topic.replication, topic_configs=settings)
    for name, code, *rest in (await admin.create_topics([asked])).topic_errors:
        if for_code(code) is TopicAlreadyExistsError:
            return False
        _hold(name, code, "could not be made", *rest[:1])
    return True


def _hold(name: str, code: int, what: str, message: str | None = None) -> None:
    if code:
        error: Any = for_code(code)
        denied = "this user may not do it; it needs Create, Describe and DescribeConfigs"
        why = denied if "Authorization" in error.__name__ else message or error.description
        raise BrokersError(f"topic {name} {what}: {why}")


async def _settings(admin: AIOKafkaAdminClient, topics: Iterable[Topic]) -> dict[str, dict[str, str]]:
    """Each topic's settings as the broker holds them, its own defaults among them."""
    asked = [ConfigResource(ConfigResourceType.TOPIC, topic.name) for topic in topics]
    found: dict[str, dict[str, str]] = {}
    for answer in await admin.describe_configs(asked) if asked else []:
        for code, message, _, name, entries in answer.resources:
            _hold(name, code, "would not show its settings", message)
            found[name] = {entry[0]: entry[1] or "" for entry in entries}
    return found


def _line(error: BaseException) -> str:
    """An error in one line. Clients put addresses into it, and never a password."""
    return " ".join(str(error).split()) or type(error).__name__
