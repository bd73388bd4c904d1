"""deploy/compose.yaml, read by the Compose specification and by rules of our own; `deploy/up`, run with a stand-in.

No Docker engine is needed, so none of this shows that the containers run: docs/deploy.md says so.
"""

import os
import re
import stat
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from compose_spec import PyCompose

from tocsin.scaled.delivery_texts import MOST_BYTES
from tocsin.scaled.probe import CONSOLE, PATIENCE_S
from tocsin.settings import load_settings

ROOT = Path(__file__).parent.parent.parent
DEPLOY = ROOT / "deploy"
TEXT = (DEPLOY / "compose.yaml").read_text("utf-8")
ONE_SHOT = {"topics"}
KEPT = "./data"
"""What the console keeps on this machine."""
VARIABLE = re.compile(r"\$\{(\w+)(?::?([-?])([^}]*))?\}")


def filled(text: str, environment: dict[str, str]) -> str:
    """What Compose makes of `${NAME:-default}` and `${NAME:?complaint}`."""

    def value(match: re.Match[str]) -> str:
        name, kind, rest = match.groups()
        if name in environment:
            return environment[name]
        if kind == "?":
            raise KeyError(f"{name}: {rest}")
        return rest or ""

    return VARIABLE.sub(value, text)


def loaded(**environment: str) -> dict[str, Any]:
    """The file as Compose sees it: variables filled in, anchors resolved."""
    return yaml.safe_load(filled(TEXT, {"TOCSIN_UID": "1000", **environment}))


COMPOSE = loaded()
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
WORKERS = [name for name, one in SERVICES.items() if one.get("command", [""])[0] == "worker"]


def test_it_is_what_the_compose_specification_knows() -> None:
    """No key is misspelt and no value of another kind."""
    read = PyCompose.from_yaml(yaml.safe_dump(COMPOSE))
    assert sorted(read.service_names()) == sorted(SERVICES)


def test_a_misspelt_key_would_be_found() -> None:
    """The reader that holds the file to the specification does bite."""
    for wrong in ({"restrat": "always"}, {"depends_on": {"kafka": {"condition": "healthy"}}}, {"ports": {"a": 1}}):
        with pytest.raises(ValueError, match="services"):
            PyCompose.from_yaml(yaml.safe_dump({**COMPOSE, "services": {**SERVICES, "core": wrong}}))


def test_every_role_has_its_service() -> None:
    """Intake, core, delivery and console run from one image."""
    roles = {role for name in WORKERS for role in SERVICES[name]["command"][1:] if role != "--with"}
    assert roles == {"intake", "core", "delivery", "console"}
    assert len({SERVICES[name]["image"] for name in WORKERS}) == 1
    assert [name for name, one in SERVICES.items() if "build" in one] == ["topics"]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_is_watched_and_comes_back(name: str) -> None:
    """Each is started anew when it ends, and says whether it is well; what runs once says so by its exit status."""
    service = SERVICES[name]
    if name in ONE_SHOT:
        assert service["restart"] == "on-failure"
        assert service["healthcheck"] == {"disable": True}
        return
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"][0] == "CMD"
    assert {"interval", "timeout", "retries"} <= set(service["healthcheck"])


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_an_image_is_named_with_its_version(name: str) -> None:
    """What starts today starts in a year."""
    image, _, tag = SERVICES[name]["image"].rpartition(":")
    assert image
    assert tag not in ("", "latest")


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_what_is_published_listens_on_this_machine_alone(name: str) -> None:
    """Nothing of it is for the network: a proxy with TLS stands in front, or nobody."""
    assert [one for one in SERVICES[name].get("ports", []) if not one.startswith("127.0.0.1:")] == []


def test_broker_and_redis_are_reached_by_nobody_else() -> None:
    """They ask for no password here: no port is published, and their network leads nowhere."""
    for name in ("kafka", "redis"):
        assert "ports" not in SERVICES[name]
        assert SERVICES[name]["networks"] == ["inside"]
    assert COMPOSE["networks"]["inside"] == {"internal": True}


@pytest.mark.parametrize("name", sorted({*WORKERS, "topics"}))
def test_a_worker_may_do_nothing_that_it_need_not(name: str) -> None:
    """No root, no capability, nothing to write but scratch."""
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["user"] == "1000:10001"
    assert service["tmpfs"] == (["/tmp:size=2g"] if name == "delivery" else ["/tmp"])


def test_the_texts_that_cards_quote_have_room_where_delivery_may_write() -> None:
    """The data directory lies below the scratch, which is larger than the file and a log as large."""
    settings = load_settings(DEPLOY / "config" / "tocsin.yaml", {})
    assert settings.data_path.is_relative_to("/tmp")
    size = SERVICES["delivery"]["tmpfs"][0].partition("size=")[2]
    assert int(size.removesuffix("g")) << 30 > 2 * MOST_BYTES


def test_nothing_starts_before_what_it_needs() -> None:
    """Topics wait for the broker, workers for topics and Redis; each thing waited for can say that it is there."""
    assert SERVICES["topics"]["depends_on"] == {"kafka": {"condition": "service_healthy"}}
    for name in WORKERS:
        assert SERVICES[name]["depends_on"] == {
            "topics": {"condition": "service_completed_successfully"},
            "redis": {"condition": "service_healthy"},
        }
    for service in SERVICES.values():
        for other, how in service.get("depends_on", {}).items():
            healthy = how["condition"] == "service_healthy"
            assert ("test" in SERVICES[other].get("healthcheck", {})) is healthy, other


def test_what_is_named_exists() -> None:
    """Every file that is mounted is in the repository; every volume, network and secret is declared, and used."""
    used: dict[str, set[str]] = {"volumes": set(), "networks": set(), "secrets": set()}
    for name, service in SERVICES.items():
        used["networks"] |= set(service["networks"])
        used["secrets"] |= set(service.get("secrets", []))
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source == KEPT:
                assert name == "console", "nobody else keeps anything"
            elif source.startswith("."):
                assert (DEPLOY / source).is_dir(), source
                assert volume.endswith(":ro"), volume
            else:
                used["volumes"].add(source)
    for kind, names in used.items():
        assert names == set(COMPOSE[kind]), kind
    assert (DEPLOY / SERVICES["topics"]["build"]["context"] / SERVICES["topics"]["build"]["dockerfile"]).is_file()


def test_the_drain_of_a_worker_fits_into_the_time_it_gets() -> None:
    """SIGTERM, then the roles' own limit, then the servers': all before SIGKILL."""
    from tocsin.scaled.process import DRAIN_S
    from tocsin.serving import GOODBYE_S

    for name in WORKERS:
        assert int(SERVICES[name]["stop_grace_period"].removesuffix("s")) > DRAIN_S + 2 * GOODBYE_S


def test_the_configuration_fits_the_services() -> None:
    """Names, ports and secrets of deploy/config/tocsin.yaml are those of the services, and every setting is known."""
    settings = load_settings(DEPLOY / "config" / "tocsin.yaml", {})
    cluster = settings.cluster
    assert cluster is not None
    assert cluster.kafka.bootstrap.split(":")[0] == "kafka"
    assert cluster.kafka.bootstrap.split(":")[1] in SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    assert cluster.redis.url.startswith("redis://redis:")
    assert cluster.kafka.replication == 1, "one broker holds one copy"
    secrets = {f"/run/secrets/{name}" for name in SERVICES["core"]["secrets"]}
    assert {cluster.names_key_file, *(one.secret_file for one in settings.sources)} == secrets
    assert SERVICES["intake"]["ports"][0].endswith(f":{settings.ingest.port}")
    assert SERVICES["console"]["ports"][0].endswith(f":{cluster.listen.rpartition(':')[2]}")


def test_the_console_opens_where_people_are_sent() -> None:
    """The worker with the console delivers too, for it shows what that hears; its page is published where the settings
    say that it is, on this machine alone; whoever may run a command in its container can sign in; what it keeps lies
    in the data directory, outside the container; and it counts as healthy while the page answers.
    """
    service, settings = SERVICES["console"], load_settings(DEPLOY / "config" / "tocsin.yaml", {})
    assert service["command"] == ["worker", "delivery", "--with", "console"]
    console = settings.console
    assert console.enabled
    assert console.by_token
    published = f"127.0.0.1:{console.port}"
    assert f"{published}:{console.port}" in service["ports"]
    assert console.public_url == f"http://{published}"
    assert console.host == "0.0.0.0", "a container publishes nothing that listens on its own loopback"
    assert f"{KEPT}:{settings.data_path}" in service["volumes"]
    assert service["healthcheck"]["test"][-2:] == ["readyz", "console"]
    assert urlsplit(CONSOLE).port == console.port
    assert int(service["healthcheck"]["timeout"].removesuffix("s")) > 2 * PATIENCE_S


def test_the_broker_is_set_up_for_one_node() -> None:
    """What Kafka keeps for itself has one copy too, and no topic comes about by a mistake in a name."""
    told = SERVICES["kafka"]["environment"]
    assert told["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"
    assert {value for name, value in told.items() if "REPLICATION_FACTOR" in name or name.endswith("_ISR")} == {"1"}
    assert all(isinstance(value, str) for value in told.values())
    assert SERVICES["kafka"]["volumes"] == [f"kafka:{told['KAFKA_LOG_DIRS']}"]


def test_the_number_of_workers_is_the_operators() -> None:
    """More of them by a variable, without a change to the file."""
    more = loaded(TOCSIN_MORE_INTAKE="3", TOCSIN_CORE="2")["services"]
    assert more["intake-more"]["deploy"]["replicas"] == 3
    assert more["core"]["deploy"]["replicas"] == 2
    assert SERVICES["intake-more"]["deploy"]["replicas"] == 0
    assert SERVICES["delivery"]["deploy"]["replicas"] == 1, "with the console's two that deliver: one may die"
    assert loaded(TOCSIN_DELIVERY="3")["services"]["delivery"]["deploy"]["replicas"] == 3


def test_without_an_owner_of_the_secrets_it_is_refused() -> None:
    """`docker compose up` before `deploy/up` says what to do."""
    with pytest.raises(KeyError, match="run deploy/up"):
        filled(TEXT, {})


# --- deploy/up -------------------------------------------------------------------------------------------------------


def up(directory: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a copy of `deploy/up`; `docker` notes what it was called with."""
    (directory / "bin").mkdir(exist_ok=True)
    docker = directory / "bin" / "docker"
    docker.write_text(f'#!/bin/sh\necho "$@" >> "{directory}/calls"\n')
    docker.chmod(0o755)
    script = directory / "up"
    script.write_text((DEPLOY / "up").read_text())
    environment = {**os.environ, "PATH": f"{directory / 'bin'}:{os.environ['PATH']}"}
    return subprocess.run(
        ["sh", script, *arguments], env=environment, capture_output=True, text=True, check=True, cwd="/"
    )


def test_one_command_makes_the_secrets_and_starts_everything(tmp_path: Path) -> None:
    """Each declared secret is made, for its owner alone, as 64 hex digits of chance; then Compose is called once."""
    up(tmp_path, "core")
    made = {path.name: path for path in (tmp_path / "secrets").iterdir()}
    assert {f"./secrets/{name}" for name in made} == {one["file"] for one in COMPOSE["secrets"].values()}
    for path in made.values():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert re.fullmatch("[0-9a-f]{64}", path.read_text())
    assert len({path.read_text() for path in made.values()}) == len(made)
    assert (tmp_path / KEPT).is_dir(), "else Docker would make it, as root"
    assert stat.S_IMODE((tmp_path / KEPT).stat().st_mode) == 0o700
    assert (tmp_path / "calls").read_text() == "compose up --detach --build core\n"
    assert f"TOCSIN_UID={os.getuid()}" in (tmp_path / ".env").read_text()


def test_doing_it_again_changes_no_secret(tmp_path: Path) -> None:
    """With another key of the names every repeat would look new."""
    up(tmp_path)
    before = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    up(tmp_path)
    assert {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()} == before


def test_secrets_are_never_tracked() -> None:
    """Git passes over what `deploy/up` makes."""
    for name in ("deploy/secrets/names_key", "deploy/.env", "deploy/data/audit.db"):
        assert subprocess.run(["git", "check-ignore", "-q", name], cwd=ROOT, check=False).returncode == 0
