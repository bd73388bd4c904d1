"""What `sources:` of a configuration may say, for each type of source."""

from pathlib import Path

import pytest

from tocsin.settings import Settings, SettingsError, check_settings, load_settings
from tocsin.source_sections import HackerNewsSettings, SourceSettings

BRAND = "brands:\n  - {name: Acme, query: acme}\n"


def loaded(tmp_path: Path, text: str, **env: str) -> Settings:
    """A configuration of these sources."""
    path = tmp_path / "tocsin.yaml"
    path.write_text(f"{BRAND}sources:\n{text}", encoding="utf-8")
    return load_settings(path, env)


def refused(tmp_path: Path, text: str) -> str:
    """What is said of a configuration that is refused."""
    with pytest.raises(SettingsError) as said:
        loaded(tmp_path, text)
    (problem,) = said.value.problems
    return problem.partition("tocsin.yaml:")[2]


def test_a_source_that_names_no_type_is_a_webhook(tmp_path: Path) -> None:
    """As it was before there were others."""
    settings = loaded(tmp_path, "  - {name: social, secret_env: SOCIAL}\n", SOCIAL="a long enough secret")
    (source,) = settings.sources
    assert isinstance(source, SourceSettings)
    assert check_settings(settings) == []
    assert [secret.reveal() for secret in settings.require_secrets().sources["social"]] == ["a long enough secret"]


def test_each_type_has_a_section_of_its_own(tmp_path: Path) -> None:
    """With its own keys and bounds."""
    (source,) = loaded(tmp_path, "  - {name: hn, type: hackernews, queries: [acme], every: 2m}\n").sources
    assert isinstance(source, HackerNewsSettings)
    assert (source.queries, source.every) == (("acme",), 120_000)


def test_a_type_that_is_not_known_is_answered_with_those_that_are(tmp_path: Path) -> None:
    """At its line, with the nearest."""
    said = refused(tmp_path, "  - name: hn\n    type: hackernewz\n")
    assert said.startswith('5:11: `type` is "hackernewz"; allowed: webhook, ')
    assert said.endswith("did you mean `hackernews`?")


def test_a_misspelt_key_is_answered_with_the_keys_of_that_type(tmp_path: Path) -> None:
    """And not with those of all types together."""
    said = refused(tmp_path, "  - {name: hn, type: hackernews, queries: [acme], evry: 2m}\n")
    assert "`evry` is not known here; did you mean `every`? Allowed: " in said
    assert "secret_env" not in said


def test_workers_take_no_source_that_must_be_listened_to(tmp_path: Path) -> None:
    """Rather than to hear nothing in silence."""
    path = tmp_path / "tocsin.yaml"
    text = "sources:\n  - {name: hn, type: hackernews, queries: [acme]}\ncluster:\n  kafka: {bootstrap: 'a:9092'}\n\n"
    path.write_text(BRAND + text, encoding="utf-8")
    with pytest.raises(SettingsError) as said:
        load_settings(path, {})
    assert any("which workers do not listen to" in problem for problem in said.value.problems)
