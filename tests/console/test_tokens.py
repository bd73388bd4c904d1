"""Tokens on the command line: shown once, limited, listed without their secret, revoked, and written down."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.console.deployed import CHART, CONFIG, acted, deployed
from tocsin.cli import app


def test_a_token_is_shown_once_listed_without_its_secret_and_revoked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lies in the data directory signs nobody in, and each step is in the audit trail."""
    with deployed(tmp_path) as found:
        acted(found.audit)
    for name in ("TULPA_SECRET", "X_TOKEN", "SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET"):
        monkeypatch.setenv(name, "x")
    config = ["--config", str(tmp_path / "tocsin.yaml")]

    def run(*words: str) -> str:
        ran = CliRunner().invoke(app, ["console", "token", *words, *config], env={"COLUMNS": "200"})
        assert ran.exit_code == 0, (ran.output, ran.exception)
        return ran.output

    made = json.loads(run("create", "--name", "grafana", "--days", "30", "--json"))
    assert made["token"].startswith("tocsin_")
    assert made["token"] not in run("list")
    assert "grafana  viewer: all that it may; all brands; until" in run("list")
    assert [one["name"] for one in json.loads(run("list", "--json"))] == ["grafana"]
    assert "worth nothing" in run("revoke", "--name", "grafana")
    assert "There is no token." in run("list")
    kept = b"".join(file.read_bytes() for file in (tmp_path / "data").glob("console-tokens.db*"))
    assert made["token"].encode() not in kept
    trail = CliRunner().invoke(app, ["console", "audit", "--json", *config]).output
    acts = [json.loads(line) for line in trail.splitlines()]
    assert [(one["what"], one["how"]) for one in acts[-2:]] == [
        ("create a token: grafana", "command"),
        ("revoke a token: grafana", "command"),
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--name x --role boss", "`boss` is not known as a role"),
        ("--name x --brand Tulpatle", "did you mean `Tulpatel`?"),
        ("--name x --verb dance", "`dance` is not known as what one may do"),
        ("--name x --role responder --responder eve", "`eve` is not known as a responder of the flowchart"),
        ("--name x --role responder", "a token that acts does so in a responder's name"),
        ("--name x --verb act", "a viewer may not act; allowed: see"),
        ("--name x --days 0", "a token lasts from 1 to 366 days, not 0"),
        ("--name a/b", "the name of a token is up to 60 letters"),
    ],
)
def test_a_token_that_would_be_worth_nothing_is_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, said: str
) -> None:
    """What is wrong, and what is allowed."""
    (tmp_path / "tocsin.yaml").write_text(CONFIG)
    (tmp_path / "chart.yaml").write_text(CHART)
    (tmp_path / "data").mkdir(mode=0o700)
    for name in ("TULPA_SECRET", "X_TOKEN", "SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET"):
        monkeypatch.setenv(name, "x")
    call = ["console", "token", "create", *words.split(), "--config", str(tmp_path / "tocsin.yaml")]
    ran = CliRunner().invoke(app, call)
    assert ran.exit_code != 0
    assert said in str(ran.exception) + ran.output
