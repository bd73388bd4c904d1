"""docs/deploy.md cannot rot: the commands it shows exist with those options, and so do services, files and settings."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from tocsin.cli import app
from tocsin.settings import load_settings

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "deploy.md").read_text("utf-8")
COMPOSE = yaml.safe_load(re.sub(r"\$\{[^}]*\}", "1", (ROOT / "deploy" / "compose.yaml").read_text("utf-8")))


def shown() -> list[str]:
    """Every line that is set as code, be it a block's or within a sentence."""
    blocks = [line.strip() for line in PAGE.splitlines() if line.startswith("    ") and line.strip()]
    return blocks + re.findall(r"`([^`\n]+)`", PAGE)


def calls(of: str) -> list[list[str]]:
    """The words of each call of a program, without comments."""
    return [shlex.split(line, comments=True) for line in shown() if re.match(rf"{of}(\s|$)", line)]


def command(words: list[str]) -> tuple[Any, list[str]]:
    """The command that these words call, and what is left of them."""
    found: Any = typer.main.get_command(app)
    while words and (inner := getattr(found, "commands", {}).get(words[0])) is not None:
        found, words = inner, words[1:]
    return found, words


def tocsin_calls() -> Iterator[list[str]]:
    """Those of `tocsin`, directly, by Compose, and by systemd."""
    yield from (words[1:] for words in calls("tocsin") if len(words) > 1)
    for words in calls("docker compose"):
        if "run" in words:
            after = words[words.index("run") + 1 :]
            yield [word for word in after if word not in ("--rm", "--no-deps")][1:]
    for line in re.findall(r"^    ExecStart=\S+/tocsin (.*)$", PAGE, re.MULTILINE):
        yield shlex.split(line)


@pytest.mark.parametrize("words", list(tocsin_calls()), ids=" ".join)
def test_every_command_exists_with_its_options(words: list[str]) -> None:
    """What an operator types is known to the command line."""
    found, rest = command(words)
    assert not getattr(found, "commands", {}), f"tocsin {' '.join(words)} is a group, not a command"
    options = {one for parameter in found.params for one in parameter.opts}
    for word in rest:
        if word.startswith("-"):
            assert word.partition("=")[0] in options, word
    if found.name == "worker":
        assert rest[0] in ("intake", "core", "delivery", "console")


def test_the_page_shows_the_way() -> None:
    """Topics are made before workers start, and each role is started somewhere."""
    order = [" ".join(words[:2]) for words in tocsin_calls()]
    assert order.index("topics create") < order.index("worker intake")
    text = " ".join(" ".join(words) for words in tocsin_calls())
    assert all(role in text for role in ("intake", "core", "delivery", "console"))


def test_every_service_and_path_of_a_call_exists() -> None:
    """Compose files, their services, kustomizations and manifests."""
    named = []
    for words in [*calls("docker compose"), *calls("kubectl"), *calls("deploy/up")]:
        named += [word for word in words if word.startswith("deploy/")]
        if "up" in words or "logs" in words or "run" in words:
            services = [w for w in words[4:] if not w.startswith("-") and w in COMPOSE["services"]]
            assert services, words
    assert len(named) > 8
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_file_in_the_tables_exists() -> None:
    """Paths in code spans, wherever they stand."""
    spans = re.findall(r"`((?:deploy|tests|docs)/[\w./-]+)`", PAGE)
    assert [name for name in spans if not (ROOT / name).exists()] == []
    for name in re.findall(r"`(base/[\w.]+)`", PAGE):
        assert (ROOT / "deploy" / "kubernetes" / name).is_file(), name


def test_the_configuration_it_shows_is_one(tmp_path: Path) -> None:
    """The section `cluster` of the page, as it stands there."""
    (block,) = re.findall(r"^    (cluster:\n(?:      .*\n)+)", PAGE, re.MULTILINE)
    path = tmp_path / "tocsin.yaml"
    path.write_text("\n".join(line.removeprefix("    ") for line in block.splitlines()) + "\n")
    cluster = load_settings(path, {"TOCSIN_NAMES_KEY": "5e" * 32}).cluster
    assert cluster is not None
    assert cluster.kafka.replication == 1


@pytest.mark.parametrize("name", ["cluster.kafka.mentions", "cluster.kafka.prefix", "cluster.listen", "ingest.listen"])
def test_every_setting_it_names_exists(name: str) -> None:
    """Settings are called as the file calls them."""
    from tocsin.settings import Settings

    assert f"`{name}`" in PAGE
    section: Any = Settings
    for part in name.split("."):
        assert part in section.model_fields, name
        section = section.model_fields[part].annotation
        section = next((a for a in getattr(section, "__args__", ()) if hasattr(a, "model_fields")), section)


def test_figures_of_the_page_are_those_of_the_code() -> None:
    """Hours of learning, marks a second, how long a worker may take to stop, and the exit status of a standstill."""
    from detectors.baseline import SETTLED_MS, WARM_UP_MS
    from stream.codec import DAY_MS, HOUR_MS
    from stream.kafka.topics import Layout
    from tocsin.scaled.process import DRAIN_S
    from tocsin.scaled.role import STALLED
    from tocsin.works import REMEMBERED_MS

    assert WARM_UP_MS == 6 * HOUR_MS
    assert "six hours" in PAGE
    assert SETTLED_MS == 3 * DAY_MS
    assert "three days" in PAGE
    layout = Layout(mentions=12, entries=12)
    assert f"12 and 12 make {layout.inputs * layout.entries // 5} small" in PAGE
    assert f"intake reads back {REMEMBERED_MS // HOUR_MS} hours" in PAGE
    (stop_s,) = re.findall(r"TimeoutStopSec=(\d+)", PAGE)
    assert int(stop_s) > DRAIN_S
    assert f" {STALLED} says" in PAGE
