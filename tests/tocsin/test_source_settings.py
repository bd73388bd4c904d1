"""What `sources:` of a configuration may say, for each type of source."""

from pathlib import Path

import pytest

from tocsin.platform_sections import XSettings
from tocsin.settings import Settings, SettingsError, check_settings, load_settings
from tocsin.source_sections import HackerNewsSettings, SourceSettings
from tocsin.sources import subjects

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


def test_x_is_told_of_the_brands_by_their_own_queries_or_by_others(tmp_path: Path) -> None:
    """And of competitors only where they are wanted, for each post costs."""
    path = tmp_path / "tocsin.yaml"
    path.write_text(
        "brands:\n"
        "  - {name: Acme, query: acme*, own_accounts: ['@acme'], competitors: [{name: Bolt, query: bolt}]}\n"
        "  - {name: Fizz, query: fizz}\n"
        "sources:\n"
        "  - {name: x, type: x, bearer_token_env: X_TOKEN, queries: {Acme: acme OR acmeapp}}\n",
        encoding="utf-8",
    )
    settings = load_settings(path, {"X_TOKEN": "a long enough token"})
    (section,) = settings.sources
    assert isinstance(section, XSettings)
    wanted = subjects(section, tuple(settings.brand_list()))
    assert [(one.brand, one.query) for one in wanted] == [("Acme", "acme OR acmeapp"), ("Fizz", "fizz")]
    assert wanted[0].own_accounts == ("@acme",)
    rivals = section.model_copy(update={"rivals": True})
    assert [one.brand for one in subjects(rivals, tuple(settings.brand_list()))] == ["Acme", "Fizz", "Bolt"]


@pytest.mark.parametrize(
    ("section", "said"),
    [
        (
            "{name: x, type: x, bearer_token_env: TOKEN, queries: {Acme: 'acme ('}}",
            "the query for 'Acme' cannot be read",
        ),
        ("{name: t, type: youtube, api_key_env: TOKEN, channels: [acme]}", "an id of a channel is `UC` and 22"),
        (
            "{name: t, type: youtube, api_key_env: TOKEN, channels: [UC0123456789abcdefghijkl], every: 30s, "
            "units_a_day: 2000}",
            "takes 2880 units a day, and there are 2000",
        ),
        ("{name: a, type: apple_reviews, apps: [acme], countries: [nl]}", "the number of an app has digits alone"),
        ("{name: a, type: apple_reviews, apps: ['123456'], countries: [NL]}", "two small letters"),
    ],
)
def test_what_a_platform_would_not_take_is_said_before(section: str, said: str, tmp_path: Path) -> None:
    """At its line, in words."""
    assert said in refused(tmp_path, f"  - {section}\n")
