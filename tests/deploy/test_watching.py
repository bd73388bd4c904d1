"""Prometheus, Alertmanager and Grafana, as they are provisioned: every metric that they name is one that we have, and
every alarm has a page that says what to do.

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
import typer
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import units as grafana_units
from grafana_foundation_sdk.models.dashboard import Dashboard

from tests.deploy.alarms import BAD, EVERY, SELDOM, trials
from tocsin.cli import app
from tocsin.reference import metrics
from tocsin.setting_sections import IngestSettings
from tools.dashboards.__main__ import texts

ROOT = Path(__file__).parent.parent.parent
DEPLOY = ROOT / "deploy"
RULES = [DEPLOY / "prometheus" / name for name in ("rules.yml", "rules_workers.yml")]
ALARMS: list[dict[str, Any]] = [
    rule for path in RULES for group in yaml.safe_load(path.read_text("utf-8"))["groups"] for rule in group["rules"]
]
RUNBOOK = ROOT / "docs" / "runbook"
SCRAPED = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text("utf-8"))
BOARDS = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
SERVICES = yaml.safe_load(re.sub(r"\$\{[^}]*\}", "1", (DEPLOY / "compose.yaml").read_text("utf-8")))["services"]
BESIDE: dict[str, set[str]] = {
    "up": set(),
    "process_cpu_seconds_total": set(),
    "process_resident_memory_bytes": set(),
    "process_open_fds": set(),
    "process_max_fds": set(),
    "process_start_time_seconds": set(),
}
"""Metrics that are not of our making: Prometheus' own, and what its client shows of a process."""
GIVEN = {"job", "instance", "worker"}
"""Labels that scraping adds."""
WORDS = {"by", "or", "and", "unless", "on", "ignoring", "offset", "without", "group_left", "group_right"}
CHOICES = {"$brand": "x", "$source": "x"}
"""What Grafana puts in place of a choice."""


def known() -> dict[str, set[str]]:
    """Every metric with its labels."""
    rows = re.findall(r"^\| `(\w+)` \| [^|]* \| ([^|]*) \| ([^|]*) \|", metrics(), re.MULTILINE)
    found = dict(BESIDE)
    for name, kind, labels in rows:
        held = set(re.findall(r"`(\w+)`", labels))
        if kind.strip() == "histogram":
            found |= {f"{name}_bucket": held | {"le"}, f"{name}_count": held, f"{name}_sum": held}
        else:
            found[name] = held
    return found


def asked(expression: str) -> Iterator[tuple[str, set[str]]]:
    """The metrics that a PromQL expression names, each with the labels by which it chooses."""
    plain = re.sub(r'"[^"]*"', '""', expression)
    grouped = re.sub(r"\b(by|on|without|ignoring|group_left|group_right)\s*\([^)]*\)", "", plain)
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


def filled(expression: str) -> str:
    """As Grafana asks it, with something in place of each choice."""
    for choice, value in CHOICES.items():
        expression = expression.replace(choice, value)
    return expression


PANELS = {
    board["title"]: {panel["title"] for panel in board["panels"]}
    for board in (json.loads(path.read_text("utf-8")) for path in BOARDS)
}


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
    """Whoever hears it reads what is wrong and what to do, whether it can wait, and where more is said."""
    assert rule["alert"].startswith("Tocsin")
    assert rule["labels"] == {"severity": rule["labels"]["severity"]}
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert set(rule["annotations"]) == {"summary", "what_to_do", "runbook_url"}
    assert rule["annotations"]["runbook_url"] == f"docs/runbook/{rule['alert']}.md"
    assert rule["alert"] in BAD, "alarms.py shows no case of it"


def test_every_alarm_has_its_page_and_every_page_its_alarm() -> None:
    """And the list of them says so too."""
    names = sorted(rule["alert"] for rule in ALARMS)
    assert sorted(path.stem for path in RUNBOOK.glob("Tocsin*.md")) == names
    listed = re.findall(r"^\| \[(\w+)\]\((\w+)\.md\)", (RUNBOOK / "README.md").read_text("utf-8"), re.MULTILINE)
    assert listed == [(name, name) for name in names]
    assert sorted(BAD) == names


@pytest.mark.parametrize("page", sorted(RUNBOOK.glob("*.md")), ids=lambda path: path.stem)
def test_a_page_of_the_runbook_leads_somewhere(page: Path) -> None:
    """Every link, panel, command and metric in it exists, and it says the four things that a page must."""
    text = page.read_text("utf-8")
    if page.stem != "README":
        for heading in ("What it means", "What to look at", "What to do", "How you see that it is over"):
            assert f"**{heading}" in text, heading
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        assert (page.parent / link).exists(), link
    flat = " ".join(text.split())
    for title, panel in re.findall(r"dashboard \*(Tocsin: \w+)\*, panel \*([^*]+)\*", flat):
        assert panel in PANELS.get(title, ()), f"{title} has no panel {panel}"
    groups = typer.main.get_command(app)
    for line in re.findall(r"`tocsin ([a-z][^`]*)`", flat):
        found: Any = groups
        for word in line.split():
            if not word.startswith("-") and getattr(found, "commands", None):
                assert word in found.commands, line
                found = found.commands[word]
    there = known()
    for metric in re.findall(r"`(tocsin_\w+)`", text):
        assert metric in there, metric


def test_what_the_runbook_looks_for_in_the_log_is_what_the_log_says() -> None:
    """Words of a line of the log stand in italics after it: each is a line that some part of the program writes."""
    logged: set[str] = set()
    for path in (one for package in ("tocsin", "alerting", "stream") for one in (ROOT / package).rglob("*.py")):
        logged |= set(re.findall(r'\blog\.\w+\(\s*"([^"]+)"', path.read_text("utf-8")))
    asked_for: dict[str, str] = {}
    for page in RUNBOOK.glob("Tocsin*.md"):
        flat = " ".join(page.read_text("utf-8").split())
        asked_for |= dict.fromkeys(re.findall(r"\blog\b(?:(?! - )[^*`]){0,60}\*([^*]+)\*(?!\*)", flat), page.stem)
    assert len(asked_for) >= 5
    for words, page_name in asked_for.items():
        assert any(line.startswith(words) for line in logged), f"{page_name}: no line of the log says {words!r}"


def test_alertmanager_knows_the_alarms_that_it_holds_back() -> None:
    """Every name in its matchers is an alarm."""
    for path in (DEPLOY / "alertmanager").glob("*.yml"):
        assert set(re.findall(r"Tocsin\w+", path.read_text("utf-8"))) <= {rule["alert"] for rule in ALARMS}


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
    assert SCRAPED["rule_files"] == [f"{mounted}/{path.name}" for path in RULES]


def test_a_single_service_is_scraped_where_it_listens() -> None:
    """At the port that `ingest.listen` has when nobody says otherwise, under the job that the alarms ask for."""
    single = yaml.safe_load((DEPLOY / "prometheus" / "single.yml").read_text("utf-8"))
    (job,) = single["scrape_configs"]
    assert job["job_name"] == "tocsin"
    assert job["static_configs"] == [{"targets": [IngestSettings().listen]}]
    assert single["rule_files"] == ["rules.yml"]


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
def test_a_dashboard_is_what_its_code_makes(board: Path) -> None:
    """Nobody edited it by hand; `make format` writes it again."""
    assert set(texts()) == {path.name for path in BOARDS}
    assert board.read_text("utf-8") == texts()[board.name]


@pytest.mark.parametrize("board", BOARDS, ids=lambda path: path.name)
def test_a_dashboard_is_one_by_grafanas_own_schema(board: Path) -> None:
    """Read into the types of Grafana's schema and written again, nothing is lost: no field is unknown to it."""
    register_default_plugins()
    ours = json.loads(board.read_text("utf-8"))
    theirs = json.loads(JSONEncoder(sort_keys=True).encode(Dashboard.from_json(ours)))
    assert list(lost(ours, theirs)) == []
    bent = json.loads(board.read_text("utf-8"))
    bent["panels"][1]["options"]["wings"] = True
    assert list(lost(bent, json.loads(JSONEncoder().encode(Dashboard.from_json(bent))))) == [".panels.1.options.wings"]


def lost(ours: Any, theirs: Any, where: str = "") -> Iterator[str]:
    """Places where what we wrote is not what was read."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            yield from lost(value, theirs[key], f"{where}.{key}") if key in theirs else [f"{where}.{key}"]
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for number, value in enumerate(ours):
            yield from lost(value, theirs[number], f"{where}.{number}")
    elif ours != theirs:
        yield where


@pytest.mark.parametrize("board", BOARDS, ids=lambda path: path.name)
def test_a_panel_says_what_it_shows_and_in_which_unit(board: Path) -> None:
    """By a unit that Grafana has, and a legend for each of its queries."""
    units = {value for value in vars(grafana_units).values() if isinstance(value, str)}
    for panel in json.loads(board.read_text("utf-8"))["panels"]:
        if panel["type"] == "row":
            continue
        assert len(panel["description"]) > 10, panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"] in units, panel["title"]
        assert panel["targets"], panel["title"]
        assert all(target["legendFormat"] for target in panel["targets"]), panel["title"]


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
    said = passes(promtool, "check", "rules", *RULES)
    assert sum(int(count) for count in re.findall(r"(\d+) rules found", said)) == len(ALARMS)
    for name in ("prometheus.yml", "single.yml"):
        passes(promtool, "check", "config", "--syntax-only", DEPLOY / "prometheus" / name)


@pytest.mark.slow
def test_alarms_ring_when_they_should_and_only_then(tmp_path: Path) -> None:
    """`promtool test rules` on made-up series: each is still while all is well, and rings alone when it should."""
    promtool = tool("promtool")
    for path in RULES:
        shutil.copy(path, tmp_path)
    for every in (EVERY, SELDOM):
        trial = tmp_path / f"every_{every}.yml"
        trial.write_text(yaml.safe_dump(trials(every)), encoding="utf-8")
        passes(promtool, "test", "rules", trial)


@pytest.mark.slow
def test_prometheus_can_read_what_the_dashboards_ask(tmp_path: Path) -> None:
    """Each expression of a panel is PromQL: `promtool` reads it as a rule."""
    promtool = tool("promtool")
    rules = [{"record": f"panel:{n}", "expr": filled(expression)} for n, (_, expression) in enumerate(expressions())]
    (tmp_path / "panels.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    assert f"{len(rules)} rules found" in passes(promtool, "check", "rules", tmp_path / "panels.yml")


@pytest.mark.slow
def test_alertmanager_takes_its_configuration() -> None:
    """`amtool check-config`, and that of the one that tells people in Slack."""
    for name in ("alertmanager.yml", "slack.yml"):
        passes(tool("amtool"), "check-config", DEPLOY / "alertmanager" / name)
