"""`tocsin worker` before anything is started: what is wrong is one line that says where, and the status is 2."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import tocsin

SECRET = "a secret of the test"
ENVIRONMENT = {
    "SOCIAL": SECRET,
    "NAMES_KEY": "5e" * 32,
    "SLACK_BOT_TOKEN": "xoxb-of-a-test",
    "SLACK_APP_TOKEN": "xapp-of-a-test",
}
CONFIG = """\
data: {home}/data
brands:
  - {{name: Tulpatel, query: tulpatel, sources: [social]}}
sources:
  - {{name: social, secret_env: SOCIAL}}
ingest: {{listen: "127.0.0.1:0"}}
slack: {{channel: C1, bot_token_env: SLACK_BOT_TOKEN, app_token_env: SLACK_APP_TOKEN}}
cluster:
  names_key_env: NAMES_KEY
  kafka: {{bootstrap: "127.0.0.1:9", replication: 1}}
  redis: {{url: "redis://127.0.0.1:9/0"}}
  listen: 127.0.0.1:0
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration of a cluster that is nowhere."""
    path = tmp_path / "tocsin.yaml"
    path.write_text(CONFIG.format(home=tmp_path))
    return path


def test_a_service_beside_workers_is_refused(config: Path) -> None:
    """`tocsin run` with a section `cluster` says where to turn, and starts nothing."""
    ran = tocsin("run", "--config", config, env=ENVIRONMENT)
    assert ran.status == 2
    assert "tocsin worker" in ran.err
    assert not (config.parent / "data").exists()


def test_a_drill_in_the_same_slack_is_refused(config: Path) -> None:
    """Workers and drill would share what people press, by chance."""
    ran = tocsin("replay", "--drill", "--slack", "--config", config, env=ENVIRONMENT)
    assert ran.status == 2
    assert "a Slack app of its own" in ran.err
    assert len(ran.lines) == 1


@pytest.mark.parametrize(
    "call",
    [
        ("silence", "Tulpatel", "--for", "1h", "--reason", "known"),
        ("severity", "Tulpatel", "tulpatel-1", "high"),
        ("ack", "tulpatel-1", "--who", "ana"),
    ],
    ids=lambda call: call[0],
)
def test_a_command_that_no_worker_would_hear_is_refused(config: Path, call: tuple[str, ...]) -> None:
    """What goes by way of a data directory reaches no worker: nobody is left to believe that it did."""
    ran = tocsin(*call, "--config", config, env=ENVIRONMENT)
    assert ran.status == 2
    assert "has a section `cluster`" in ran.err
    assert len(ran.lines) == 1
    assert not (config.parent / "data").exists()


@pytest.mark.parametrize(
    ("was", "becomes", "says"),
    [
        ("cluster:", "drill: {}", "has no section `cluster`"),
        ("names_key_env: NAMES_KEY", "names_key_env: SOCIAL", "must be 64 hex digits"),
        ("names_key_env: NAMES_KEY", "names_key_env: UNSET", "the environment variable UNSET is not set"),
        ("replication: 1", "replication: 1, ca_file: no.pem", "`ca_file` is"),
        ("listen: 127.0.0.1:0\n", "listen: 192.0.2.1:8760\n", "192.0.2.1:8760 cannot be listened on"),
        ("query: tulpatel", "query: (tulpatel", "query of Tulpatel"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(config: Path, was: str, becomes: str, says: str) -> None:
    """Where, what, and what would be right; no traceback, and no secret."""
    text = config.read_text()
    text = text[: text.index(was)] + becomes if was == "cluster:" else becomes.join(text.rsplit(was, 1))
    config.write_text(text)
    ran = tocsin("worker", "core", "--config", config, env=ENVIRONMENT)
    assert ran.status == 2
    assert says in ran.err
    assert SECRET not in ran.err
    assert len(ran.lines) == 1


def test_the_check_finds_a_key_that_workers_would_refuse(config: Path) -> None:
    """Before anything is deployed, and without saying what the secret is."""
    config.write_text(config.read_text().replace("names_key_env: NAMES_KEY", "names_key_env: SOCIAL"))
    ran = tocsin("check", "--config", config, env=ENVIRONMENT)
    assert ran.status == 1
    assert "must be 64 hex digits" in f"{ran.err}{ran.out}"
    assert SECRET not in f"{ran.err}{ran.out}"


def test_a_role_that_there_is_not_is_named(config: Path) -> None:
    """What may stand there is listed."""
    ran = tocsin("worker", "ingest", "--config", config, env=ENVIRONMENT)
    assert ran.status == 2
    assert "intake" in ran.err


@pytest.mark.parametrize("names", [["delivery", "console"], ["delivery"], ["core", "console"]])
def test_the_console_opens_where_delivery_is_too(
    config: Path, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Elsewhere there is nothing that people could be shown or answer."""
    pytest.importorskip("faust")
    from tocsin.scaled import worker
    from tocsin.scaled.delivery_worker import DeliveryWorker
    from tocsin.settings import load_settings

    made: list[object] = []
    for name in names:
        make = worker.ROLES[name]
        monkeypatch.setitem(worker.ROLES, name, lambda ground, make=make: made.append(make(ground)) or made[-1])
    worker.build(load_settings(config, ENVIRONMENT), names)
    opened = [role.console_behind is not None for role in made if isinstance(role, DeliveryWorker)]
    assert opened == {"delivery": [names == ["delivery", "console"]], "core": []}[names[0]]


def test_without_a_configuration_it_says_so(tmp_path: Path) -> None:
    """A file that is not there is named."""
    ran = tocsin("worker", "core", "--config", tmp_path / "none.yaml")
    assert ran.status == 2
    assert "there is no such configuration" in ran.err


def test_without_the_extra_it_says_how_to_install_it(config: Path) -> None:
    """The embedded service lives without Kafka and Redis: whoever asks for a worker is told what is missing."""
    program = (
        "import sys; sys.modules.update(dict.fromkeys(['aiokafka', 'faust', 'redis']));"
        f"sys.argv = ['tocsin', 'worker', 'core', '--config', {str(config)!r}];"
        "from tocsin.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **ENVIRONMENT},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "pip install 'tocsin[scale]'" in done.stderr
    assert "Traceback" not in done.stderr
