"""The section `cluster` of `tocsin.yaml`: Kafka, Redis and the workers, for those who outgrow one machine."""

from collections.abc import Callable, Iterator
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from stream.kafka.topics import Layout
from stream.strict_yaml import Document, YamlProblem
from tocsin.secret import Secret
from tocsin.setting_sections import Section
from tocsin.setting_types import Address, Duration, Text, TopicPrefix, Variable, Whole

KEY_BYTES = 32


class KafkaSettings(Section):
    """The brokers, and how the topics are cut. Partition counts are fixed for a topic's life."""

    bootstrap: Text = Field(description="brokers to begin with, as host:port, several with a comma between")
    prefix: TopicPrefix = Field(default="tocsin.", description="what every topic's and group's name begins with")
    mentions: Whole = Field(
        default=12, ge=1, le=1000, description="partitions of `mentions`: as many intake workers can share the work"
    )
    entries: Whole = Field(
        default=12, ge=1, le=1000, description="partitions of `entries` and `decisions`: as many core workers can"
    )
    replication: Whole = Field(default=3, ge=1, le=10, description="copies of each topic; 1 only for trials")
    keep: Duration = Field(
        default=7 * 86_400_000, ge=3 * 86_400_000, description="how long `mentions` keeps raw posts; at least 3d"
    )
    security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="how brokers are spoken to; PLAINTEXT only inside a network of your own"
    )
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        default="SCRAM-SHA-512", description="how a user is known (security SASL_...)"
    )
    user: Text | None = Field(default=None, description="who we are to the brokers (security SASL_...)")
    password_env: Variable | None = Field(default=None, description="variable with the password (security SASL_...)")
    password_file: Text | None = Field(default=None, description="file of mode 0600 with the password, instead")
    ca_file: Text | None = Field(
        default=None, description="certificates that may sign the brokers'; when absent, the machine's own"
    )

    @property
    def layout(self) -> Layout:
        """How the topics are named and cut."""
        return Layout(self.prefix, self.mentions, self.entries, self.replication, self.keep)


class RedisSettings(Section):
    """Redis or Valkey: it makes starts quick. It may be empty, old or away at any time."""

    url: Text = Field(default="redis://127.0.0.1:6379/0", description="redis://host:port/number, or rediss:// over TLS")
    user: Text | None = Field(default=None, description="who we are to it, where it asks")
    password_env: Variable | None = Field(default=None, description="variable with the password, where it asks")
    password_file: Text | None = Field(default=None, description="file of mode 0600 with the password, instead")

    @field_validator("url")
    @classmethod
    def _names_a_server(cls, value: str) -> str:
        try:
            parts = urlsplit(value)
            sound = parts.scheme in ("redis", "rediss") and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            sound = False
        if not sound:
            raise ValueError("`url` must be redis://host:port/number (rediss:// over TLS)")
        if parts.password or parts.username:
            raise ValueError("`url` holds a user or password; name them with `user` and `password_env` instead")
        return value


class ClusterSettings(Section):
    """Kafka, Redis and workers in place of one process; see docs/deploy.md. When absent, everything is in one."""

    kafka: KafkaSettings = Field(description="the brokers")
    redis: RedisSettings = Field(default=RedisSettings(), description="what makes starts quick")
    names_key_env: Variable | None = Field(
        default=None, description="variable with the key of the journal's names, 64 hex digits: all workers share it"
    )
    names_key_file: Text | None = Field(default=None, description="file of mode 0600 with that key, instead")
    listen: Address = Field(
        default="127.0.0.1:8760", description="host:port where a worker says whether it lives, and its metrics"
    )
    stalled: Duration = Field(
        default=60_000,
        ge=5_000,
        le=600_000,
        description="how long a partition that has something to read may stand still before its worker ends itself",
    )


def cluster_contradictions(cluster: ClusterSettings | None, document: Document) -> Iterator[YamlProblem]:
    """What each setting of the section allows and the whole does not."""
    if cluster is None:
        return
    if bool(cluster.names_key_env) == bool(cluster.names_key_file):
        yield document.problem(("cluster",), "`cluster` needs exactly one of names_key_env, names_key_file")
    kafka, asks = cluster.kafka, cluster.kafka.security.startswith("SASL")
    has = bool(kafka.user) and bool(kafka.password_env) != bool(kafka.password_file)
    if asks and not has:
        said = f"security {kafka.security} needs `user` and exactly one of password_env, password_file"
        yield document.problem(("cluster", "kafka"), said)
    if not asks and (kafka.user or kafka.password_env or kafka.password_file):
        said = f"security {kafka.security} knows no user; set `security` to SASL_SSL, or take user and password out"
        yield document.problem(("cluster", "kafka"), said)
    if cluster.redis.password_env and cluster.redis.password_file:
        yield document.problem(("cluster", "redis"), "`redis` has two passwords; keep password_env or password_file")


def open_cluster_secrets(
    cluster: ClusterSettings | None,
    opened: Callable[[tuple[str | int, ...], str | None, str | None], Secret | None],
) -> dict[str, Secret | None]:
    """The secrets that the section names, by their field of `Secrets`."""
    if cluster is None:
        return {}
    found: dict[str, Secret | None] = {}
    for field, where, variable, file in (
        ("names_key", ("cluster", "names_key"), cluster.names_key_env, cluster.names_key_file),
        ("kafka_password", ("cluster", "kafka", "password"), cluster.kafka.password_env, cluster.kafka.password_file),
        ("redis_password", ("cluster", "redis", "password"), cluster.redis.password_env, cluster.redis.password_file),
    ):
        if variable or file:
            named = f"{where[-1]}_{'file' if file else 'env'}"
            found[field] = opened((*where[:-1], named), variable, file)
    return found


def names_key(text: str) -> bytes | None:
    """The key that a secret spells; `None` where it is none.

    >>> names_key("hunter2") is None, len(names_key("ab" * 32) or b"")
    (True, 32)
    """
    try:
        key = bytes.fromhex(text)
    except ValueError:
        return None
    return key if len(key) == KEY_BYTES else None


def key_problems(cluster: ClusterSettings | None, key: Secret | None, document: Document) -> Iterator[YamlProblem]:
    """What is wrong with the key of the names, where the section names one that can be had."""
    if cluster is not None and key is not None and names_key(key.reveal()) is None:
        name = "names_key_file" if cluster.names_key_file else "names_key_env"
        said = f"what `{name}` names is no key: it must be {2 * KEY_BYTES} hex digits, the same for all workers"
        yield document.problem(("cluster", name), f"{said}; make one, once, with: openssl rand -hex 32")
