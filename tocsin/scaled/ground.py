"""EDGE. What every role stands on: the settings, the brokers, Redis and the key of the names, each checked by itself.

Nothing is asked of a broker or of Redis here: a worker starts while they are away, and waits.
"""

from dataclasses import dataclass, field

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from stream.kafka.clients import Brokers
from stream.names import Names
from tocsin.cluster_sections import ClusterSettings, names_key
from tocsin.secret import Secret
from tocsin.setting_sections import Secrets
from tocsin.settings import Settings, SettingsError

REDIS_S = 2.0
"""How long one call of Redis may take: it only makes things quick, so nobody waits for it long."""


@dataclass(frozen=True)
class Ground:
    """Built once a process by `lay`, given to each role in it."""

    settings: Settings
    cluster: ClusterSettings
    secrets: Secrets
    brokers: Brokers
    names: Names = field(repr=False)

    def redis(self) -> Redis:
        """A client of Redis of one's own; it connects when it is first asked, and fails within `REDIS_S`."""
        told, password = self.cluster.redis, self.secrets.redis_password
        return Redis.from_url(
            told.url,
            username=told.user,
            password=password.reveal() if password is not None else None,
            socket_timeout=REDIS_S,
            socket_connect_timeout=REDIS_S,
            retry=Retry(NoBackoff(), 0),
        )


def lay(settings: Settings) -> Ground:
    """The ground of one process. Raises `SettingsError` in plain words where the configuration has none."""
    cluster = settings.cluster
    if cluster is None:
        said = "has no section `cluster`, so there are no workers; `tocsin run` does everything in one process"
        raise SettingsError([f"{settings.file}: {said}. docs/deploy.md shows what workers need"])
    secrets = settings.require_secrets()
    brokers, key = brokers_of(settings, cluster, secrets), _key(secrets.names_key)
    return Ground(settings, cluster, secrets, brokers, Names(key))


def brokers_of(settings: Settings, cluster: ClusterSettings, secrets: Secrets) -> Brokers:
    """Where the brokers are and who we are to them. Raises `SettingsError` where `ca_file` names no file."""
    kafka, password = cluster.kafka, secrets.kafka_password
    ca_file = settings.file.parent / kafka.ca_file if kafka.ca_file else None
    if ca_file is not None and not ca_file.is_file():
        said = f"`ca_file` is {ca_file}, which is no file; name one relative to this file"
        raise SettingsError([str(settings.problem(("cluster", "kafka", "ca_file"), said))])
    return Brokers(
        bootstrap=kafka.bootstrap,
        layout=kafka.layout._replace(keep_texts_ms=settings.retention.texts),
        security=kafka.security,
        mechanism=kafka.mechanism,
        user=kafka.user,
        password=password.reveal() if password is not None else None,
        ca_file=str(ca_file) if ca_file else None,
    )


def _key(secret: Secret | None) -> bytes:
    key = names_key(secret.reveal()) if secret is not None else None
    assert key is not None, "the settings have one, or their secrets could not be had"
    return key
