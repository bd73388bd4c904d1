"""The page on sources: every example is a configuration that loads, and every type of source is there."""

import re
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from stream.sources.contract import Surroundings
from stream.sources.places import Places, SourcePurse
from tests.sources.laws import Tracked
from tocsin.settings import load_settings
from tocsin.source_sections import SOURCE_SECTIONS
from tocsin.sources import listened_to, made

PAGE = Path(__file__).parent.parent / "docs" / "sources.md"
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
BRAND = "brands:\n  - {name: Tulpatel, query: tulpatel}\n"


class AnySecret(dict[str, str]):
    """An environment in which every variable holds a secret of its own."""

    def get(self, name: str, default: Any = None) -> Any:
        return f"a long enough secret for {name}"


def types() -> dict[str, Any]:
    """Each type of source, and its section."""
    return {get_args(section.model_fields["type"].annotation)[0]: section for _, section in SOURCE_SECTIONS}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: re.sub(r"\W+", "-", text)[:60])
def test_every_example_loads(example: str, tmp_path: Path) -> None:
    """As it stands there, with a brand, and with its secrets in the environment."""
    path = tmp_path / "tocsin.yaml"
    path.write_text(example if "brands:" in example else BRAND + example, encoding="utf-8")
    settings = load_settings(path, AnySecret())
    settings.require_secrets()
    assert settings.sources


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: re.sub(r"\W+", "-", text)[:60])
def test_every_example_becomes_a_source(example: str, tmp_path: Path) -> None:
    """Nothing is asked of anybody yet; and no secret is seen when one looks at it."""
    path = tmp_path / "tocsin.yaml"
    path.write_text(example if "brands:" in example else BRAND + example, encoding="utf-8")
    settings = load_settings(path, AnySecret())
    places = Places(None)
    for section in listened_to(settings):
        around = Surroundings(lambda: 1_767_625_200_000, SourcePurse(places, section.name, lambda: 0), Tracked())
        source = made(settings, section, around)
        assert source.name == section.name
        assert source.completeness in ("full", "sampled", "capped")
        assert 5 <= source.silent_after_s <= 86_400
        assert "a long enough secret" not in f"{source!r} {section!r} {settings!r}"
    places.close()


def test_every_type_of_source_has_an_example_and_a_line() -> None:
    """In the page's table, and as a configuration."""
    shown = {source.get("type", "webhook") for one in EXAMPLES for source in yaml.safe_load(one).get("sources", ())}
    assert sorted(set(types()) - shown) == []
    table = {name for row in re.findall(r"^\| \[.*$", PAGE.read_text("utf-8"), re.MULTILINE) for name in types_in(row)}
    assert sorted(set(types()) - table) == []


def types_in(row: str) -> list[str]:
    """The types that a row of the table names."""
    return re.findall(r"`(\w+)`", row.split("|")[2])


def test_every_source_says_what_it_costs_needs_may_and_cannot() -> None:
    """Four plain answers each."""
    sections = re.split(r"^## ", PAGE.read_text("utf-8"), flags=re.MULTILINE)[1:]
    silent = [
        f"{section.splitlines()[0]}: {word}"
        for section in sections
        if "```yaml" in section
        for word in ("Costs", "Needs", "Terms", "Cannot see")
        if f"**{word}**" not in section
    ]
    assert silent == []
