"""Prometheus, Alertmanager and Grafana, as they are provisioned: every metric that they name is one that we have.

`promtool` and `amtool` (Debian: prometheus, prometheus-alertmanager) check the rest; without them those tests skip,
unless TOCSIN_REQUIRE_PROMTOOL=1.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tocsin.reference import metrics

ROOT = Path(__file__).parent.parent.parent
DEPLOY = ROOT / "deploy"
RULES: dict[str, Any] = yaml.safe_load((DEPLOY / "prometheus" / "rules.yml").read_text("utf-8"))
ALARMS: list[dict[str, Any]] = [rule for group in RULES["groups"] for rule in group["rules"]]
SCRAPED = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text("utf-8"))
BOARDS = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
SERVICES = yaml.safe_load(re.sub(r"\$\{[^}]*\}", "1", (DEPLOY / "compose.yaml").read_text("utf-8")))["services"]
BESIDE = {"up": set(), "process_cpu_seconds_total": set(), "process_resident_memory_bytes": set()}
"""Metrics that are not of our making: Prometheus' own, and what its client shows of a process."""
GIVEN = {"job", "instance", "worker"}
"""Labels that scraping adds."""
WORDS = {"by", "or", "and", "unless", "on", "ignoring", "offset", "without"}


def known() -> dict[str, set[str]]:
    """Every metric with its labels."""
    rows = re.findall(r"^\| `(\w+)` \| [^|]* \| [^|]* \| ([^|]*) \|", metrics(), re.MULTILINE)
    return {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows} | BESIDE


def asked(expression: str) -> Iterator[tuple[str, set[str]]]:
    """The metrics that a PromQL expression names, each with the labels by which it chooses."""
    plain = re.sub(r'"[^"]*"', '""', expression)
    grouped = re.sub(r"\b(by|on|without|ignoring)\s*\([^)]*\)", "", plain)
    for name, chosen in re.findall(r"\b([a-z_][a-z0-9_]*)\b(?!\s*\()\s*(\{[^}]*\})?", re.sub(r"\[\w+\]", "", grouped)):
        if name not in WORDS and not _is_label(name, grouped):
            yield name, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", chosen))


def _is_label(name: str, expression: str) -> bool:
    return bool(re.search(rf"[{{,]\s*{name}\s*(=~|!~|!=|=)", expression))


def grouping(expression: str) -> set[str]:
    """The labels by which it groups."""
    return {label.strip() for found in re.findall(r"\bby\s*\(([^)]*)\)", expression) for label in found.split(",")}


def expressions() -> list[tuple[str, str]]:
    """Every expression of rules and dashboards, with where it stands."""
    found = [(rule["alert"], rule["expr"]) for rule in ALARMS]
    for board in BOARDS:
        for panel in json.loads(board.read_text("utf-8"))["panels"]:
            found += [(panel["title"], target["expr"]) for target in panel.get("targets", [])]
    return found


def test_there_is_something_to_look_at() -> None:
    """The files hold alarms and a dashboard, and the code has metrics."""
    assert len(ALARMS) >= 10
    assert len(BOARDS) >= 1
    assert len(known()) > 30


@pytest.mark.parametrize(("where", "expression"), expressions(), ids=[where for where, _ in expressions()])
def test_every_metric_that_is_named_exists(where: str, expression: str) -> None:
    """With the labels by which it is chosen and grouped."""
    there = known()
    named = list(asked(expression))
    assert named
    for name, labels in named:
        assert name in there, f"{where}: no such metric {name}"
        assert labels <= there[name] | GIVEN, f"{where}: {name} has no label {labels - there[name] - GIVEN}"
    held = set().union(*(there[name] for name, _ in named)) | GIVEN
    assert grouping(expression) <= held, where


def test_a_metric_that_is_gone_would_be_found() -> None:
    """The search for names does bite."""
    assert dict(asked('sum by (a) (rate(tocsin_gone_total{a="b"}[5m])) > 1')) == {"tocsin_gone_total": {"a"}}
    assert [name for name, _ in asked("time() - min(x_y > 0) or absent(up)")] == ["x_y", "up"]


@pytest.mark.parametrize("rule", ALARMS, ids=lambda rule: rule["alert"])
def test_an_alarm_says_what_to_do(rule: dict[str, Any]) -> None:
    """Whoever hears it reads what is wrong and what to do, and whether it can wait."""
    assert rule["alert"].startswith("Tocsin")
    assert rule["labels"] == {"severity": rule["labels"]["severity"]}
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert set(rule["annotations"]) == {"summary", "what_to_do"}
    tried = (Path(__file__).parent / "rules_test.yml").read_text("utf-8")
    assert rule["alert"] in tried, "rules_test.yml shows no case of it"


def test_alertmanager_knows_the_alarms_that_it_holds_back() -> None:
    """Every name in its matchers is an alarm."""
    text = (DEPLOY / "alertmanager" / "alertmanager.yml").read_text("utf-8")
    assert set(re.findall(r"Tocsin\w+", text)) <= {rule["alert"] for rule in ALARMS}


def test_every_worker_is_scraped_where_it_listens() -> None:
    """By the names of the services, at the port of `cluster.listen`."""
    job = next(one for one in SCRAPED["scrape_configs"] if one["job_name"] == "tocsin")
    (found,) = job["dns_sd_configs"]
    workers = {name for name, one in SERVICES.items() if one.get("command", [""])[0] == "worker"}
    assert set(found["names"]) == workers
    config = yaml.safe_load((DEPLOY / "config" / "tocsin.yaml").read_text("utf-8"))
    assert found["port"] == int(config["cluster"]["listen"].rpartition(":")[2])
    assert {label["target_label"] for label in job["relabel_configs"]} <= GIVEN
    (target,) = SCRAPED["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"]
    assert target.split(":")[0] in SERVICES
    mounted = SERVICES["prometheus"]["volumes"][0].split(":")[1]
    assert [Path(name).parent.as_posix() for name in SCRAPED["rule_files"]] == [mounted]


def test_grafana_finds_what_it_is_given() -> None:
    """Its data source is Prometheus under the name that the panels use; its dashboards lie where it looks."""
    home = DEPLOY / "grafana" / "provisioning"
    (source,) = yaml.safe_load((home / "datasources" / "prometheus.yaml").read_text("utf-8"))["datasources"]
    assert source["url"].removeprefix("http://").split(":")[0] in SERVICES
    (provider,) = yaml.safe_load((home / "dashboards" / "tocsin.yaml").read_text("utf-8"))["providers"]
    mounts = dict(volume.split(":")[:2][::-1] for volume in SERVICES["grafana"]["volumes"])
    assert mounts[provider["options"]["path"]] == "./grafana/dashboards"
    first = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (DEPLOY / "grafana" / "dashboards" / Path(first).name).is_file()
    for board in BOARDS:
        for panel in json.loads(board.read_text("utf-8"))["panels"]:
            for target in panel.get("targets", []):
                assert target["datasource"] == {"type": source["type"], "uid": source["uid"]}


@pytest.mark.parametrize("board", BOARDS, ids=lambda path: path.name)
def test_no_panel_lies_on_another(board: Path) -> None:
    """Each has a number and a place of its own, within the 24 columns."""
    panels = json.loads(board.read_text("utf-8"))["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells


# --- by Prometheus' own tools ----------------------------------------------------------------------------------------


def tool(name: str) -> str:
    """Where it is; else the test is skipped, or fails where it must not be."""
    found = shutil.which(name)
    if found is None:
        if os.environ.get("TOCSIN_REQUIRE_PROMTOOL") == "1":
            pytest.fail(f"{name} is not installed", pytrace=False)
        pytest.skip(f"{name} is not installed")
    return found


def passes(*call: object) -> str:
    """What it says when it is content; what it says else is the failure."""
    done = subprocess.run([str(one) for one in call], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.slow
def test_prometheus_takes_its_configuration_and_rules() -> None:
    """`promtool check`."""
    promtool = tool("promtool")
    assert f"{len(ALARMS)} rules found" in passes(promtool, "check", "rules", DEPLOY / "prometheus" / "rules.yml")
    passes(promtool, "check", "config", "--syntax-only", DEPLOY / "prometheus" / "prometheus.yml")


@pytest.mark.slow
def test_alarms_ring_when_they_should_and_only_then(tmp_path: Path) -> None:
    """`promtool test rules` on made-up series."""
    promtool = tool("promtool")
    shutil.copy(DEPLOY / "prometheus" / "rules.yml", tmp_path)
    shutil.copy(Path(__file__).parent / "rules_test.yml", tmp_path)
    passes(promtool, "test", "rules", tmp_path / "rules_test.yml")


@pytest.mark.slow
def test_prometheus_can_read_what_the_dashboards_ask(tmp_path: Path) -> None:
    """Each expression of a panel is PromQL: `promtool` reads it as a rule."""
    promtool = tool("promtool")
    rules = [{"record": f"panel:{n}", "expr": expression} for n, (_, expression) in enumerate(expressions())]
    (tmp_path / "panels.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    assert f"{len(rules)} rules found" in passes(promtool, "check", "rules", tmp_path / "panels.yml")


@pytest.mark.slow
def test_alertmanager_takes_its_configuration() -> None:
    """`amtool check-config`."""
    passes(tool("amtool"), "check-config", DEPLOY / "alertmanager" / "alertmanager.yml")
