"""`tocsin topics`: makes Kafka's topics as the configuration has them, and says where those that are there differ."""

import asyncio
import logging
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from tocsin.terminal import Json, complain, fail, print_json, say

if TYPE_CHECKING:
    from stream.kafka.clients import Brokers
    from stream.kafka.making import Difference
    from tocsin.cluster_sections import ClusterSettings
    from tocsin.setting_sections import Secrets
    from tocsin.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Make the topics of a scaled deployment in Kafka, and check them.")

Config = Annotated[Path, typer.Option("--config", "-c", help="The configuration; its section `cluster` says how.")]
_T = TypeVar("_T")


@app.callback()
def _topics() -> None:
    """Make the topics of a scaled deployment in Kafka, and check them."""


@app.command(epilog="Examples: tocsin topics create --config tocsin.yaml\n\ntocsin topics create --json")
def create(config: Config = Path("tocsin.yaml"), as_json: Json = False) -> None:
    """Make each topic that is missing. What is there is left as it is; exit status 1 where it is not as it must be."""
    brokers = _brokers(config)

    from stream.kafka.making import check_topics, make_topics
    from tocsin.topic_words import topic_text

    async def both() -> tuple[list[str], list[str], list["Difference"]]:
        done = await make_topics(brokers)
        left = await check_topics(brokers)
        return [topic_text(topic) for topic in done.made], [topic.name for topic in done.present], left

    made, present, left = asked(both())
    if as_json:
        print_json({"ok": not left, "made": made, "present": present, "differences": _rows(brokers, left)})
    else:
        for line in made:
            say(f"Made {line}.")
        say(f"Topics made: {len(made)}; found in place: {len(present)}.")
        complain(row["says"] for row in _rows(brokers, left))
    raise SystemExit(1 if left else 0)


@app.command(epilog="Examples: tocsin topics check --config tocsin.yaml\n\ntocsin topics check --json")
def check(config: Config = Path("tocsin.yaml"), as_json: Json = False) -> None:
    """Compare partitions, copies, retention, clean-up and stamps with what they must be; exit status 1 on a difference.

    What keeps longer or takes larger records than it must is no difference.
    """
    brokers = _brokers(config)

    from stream.kafka.making import check_topics

    found = asked(check_topics(brokers))
    if as_json:
        print_json({"ok": not found, "differences": _rows(brokers, found)})
    else:
        complain(row["says"] for row in _rows(brokers, found))
        if not found:
            say(f"The {len(brokers.layout.topics())} topics are as they must be.")
    raise SystemExit(1 if found else 0)


def _brokers(config: Path) -> "Brokers":
    """Where the brokers are. Of all secrets, their password alone is needed here."""
    from tocsin.scale_extra import lacking

    if said := lacking():
        fail(said)

    from tocsin.scaled.ground import brokers_of
    from tocsin.settings import load_settings

    settings = load_settings(config, os.environ)
    if settings.cluster is None:
        fail(f"{config}: has no section `cluster`, so there are no topics; `tocsin run` needs none. See docs/deploy.md")
    return brokers_of(settings, settings.cluster, _secrets(settings, settings.cluster))


def _secrets(settings: "Settings", cluster: "ClusterSettings") -> "Secrets":
    from tocsin.cluster_sections import open_cluster_secrets
    from tocsin.secret import Secret, SecretProblem, from_environment, from_file
    from tocsin.setting_sections import Secrets
    from tocsin.settings import SettingsError

    def opened(where: tuple[str | int, ...], variable: str | None, file: str | None) -> Secret | None:
        if where[:2] != ("cluster", "kafka"):
            return None
        try:
            return from_file(settings.file.parent / file) if file else from_environment(variable or "", os.environ)
        except SecretProblem as problem:
            raise SettingsError([str(settings.problem(where, str(problem)))]) from None

    return Secrets(kafka_password=open_cluster_secrets(cluster, opened).get("kafka_password"))


def asked(question: Coroutine[Any, Any, _T]) -> _T:
    """What the brokers say; what is wrong with them is one line. The client's own complaints would be a second."""
    from stream.kafka.making import BrokersError

    client = logging.getLogger("aiokafka")
    level = client.level
    client.setLevel(logging.CRITICAL + 1)
    try:
        return asyncio.run(question)
    except BrokersError as error:
        fail(str(error))
    finally:
        client.setLevel(level)


def _rows(brokers: "Brokers", differences: list["Difference"]) -> list[dict[str, str]]:
    from tocsin.topic_words import difference_text

    return [{**one._asdict(), "says": difference_text(brokers.layout, *one)} for one in differences]
