"""The section `console`: what it allows, and what it refuses with a line and a word of what would be right."""

import json
from pathlib import Path

import pytest

from tests.command import tocsin
from tocsin.checking import check_all
from tocsin.console.passwords import fits, kept_of
from tocsin.settings import SettingsError, load_settings

KEPT = kept_of("correct horse battery", log_n=14)
CHART = Path(__file__).parents[2] / "crisis_flowchart.yaml"


def written(directory: Path, console: str, *, more: str = "") -> Path:
    """A configuration with this section."""
    config = directory / "tocsin.yaml"
    config.write_text(f"brands:\n  - {{name: Acme, query: acme}}\n{more}console:\n{console}")
    return config


def problems(directory: Path, console: str, env: dict[str, str] | None = None) -> str:
    """What is wrong with it."""
    try:
        load_settings(written(directory, console), env or {}).require_secrets()
    except SettingsError as error:
        return str(error)
    return ""


def test_without_a_section_it_is_for_this_machine_alone() -> None:
    """On by default, on the loopback, by the link."""
    console = load_settings(None, {}).console
    assert (console.enabled, console.listen, console.by_token, console.public_url) == (
        True,
        "127.0.0.1:8761",
        True,
        None,
    )


WRONG = {
    "open to the network without https": ("  listen: 0.0.0.0:8761\n", "needs `public_url`"),
    "an address in the open": ("  public_url: http://tocsin.example\n", "must begin with https://"),
    "an address with a path": ("  public_url: https://example.com/tocsin\n", "must end after its host"),
    "idle for longer than at all": ("  idle: 8d\n", "`idle` is longer than `longest`"),
    "a responder who is nobody": ("  people:\n    ana: {role: responder}\n", "it needs `responder`"),
    "a role that there is not": ("  people:\n    ana: {role: boss}\n", "role"),
    "a brand that there is not": (
        "  people:\n    ana: {brands: [Acne]}\n",
        "`Acne` is not known as a brand; allowed: Acme",
    ),
    "one person twice": ("  people:\n    ana: {}\n    Ana: {}\n", "is the same person"),
    "two passwords": ("  people:\n    ana: {password_env: AAA, password_file: b}\n", "two passwords"),
    "a password as it is spoken": ("  people:\n    ana: {password_env: ANA}\n", "`tocsin console password`"),
    "a provider and nobody named": (
        "  public_url: https://t.example\n  oidc: {issuer: 'https://id.example', client_id: t}\n",
        "lets nobody in",
    ),
    "a provider and nowhere to come back to": (
        "  people: {ana: {}}\n  oidc: {issuer: 'https://id.example', client_id: t}\n",
        "needs `public_url`",
    ),
    "a provider without https": (
        "  public_url: https://t.example\n  people: {ana: {}}\n  oidc: {issuer: 'http://id.example', client_id: t}\n",
        "`issuer` is not connected to",
    ),
    "a proxy and nobody named": ("  proxy: {peers: [10.0.0.1], header: X-User}\n", "`people` names nobody"),
    "a proxy from everywhere in words": ("  proxy: {peers: [anywhere]}\n", "is no address and no network"),
}


@pytest.mark.parametrize("name", list(WRONG))
def test_what_is_wrong_has_its_line_and_what_would_be_right(tmp_path: Path, name: str) -> None:
    """Each mistake before anything is started."""
    console, said = WRONG[name]
    told = problems(tmp_path, console, {"ANA": "hunter2hunter2"})
    assert said in told
    assert "tocsin.yaml:" in told
    assert "hunter2" not in told


def test_a_responder_that_the_flowchart_does_not_have_is_named(tmp_path: Path) -> None:
    """`tocsin check` looks across both files."""
    config = written(tmp_path, "  people:\n    ana: {role: responder, responder: nobody_of_the_chart}\n")
    config.write_text(config.read_text() + f"flowchart: {CHART}\n")
    found = [one for one in check_all(config, {}) if "nobody_of_the_chart" in one]
    assert len(found) == 1
    assert "is not known as a responder of the flowchart" in found[0]


def test_ways_to_sign_in_shut_the_link_unless_it_is_asked_for(tmp_path: Path) -> None:
    """One way in is enough; the link can be kept beside it."""
    ana = "  people:\n    ana: {password_env: ANA}\n"
    shut = load_settings(written(tmp_path, ana), {"ANA": KEPT})
    assert not shut.console.by_token
    assert shut.require_secrets().console_passwords["ana"].reveal() == KEPT
    assert load_settings(written(tmp_path, ana + "  token: true\n"), {"ANA": KEPT}).console.by_token
    assert not load_settings(written(tmp_path, "  token: false\n"), {}).console.by_token


def test_the_command_makes_a_password_that_fits() -> None:
    """From a pipe, and refused where it is too short; what is typed is not repeated."""
    made = tocsin("console", "password", "--json", stdin=b"a sentence that nobody guesses\n")
    assert fits("a sentence that nobody guesses", json.loads(made.out)["password"])
    short = tocsin("console", "password", stdin=b"hunter2\n")
    assert short.status == 2
    assert "12 or more" in short.err
    assert "hunter2" not in short.err + short.out


def test_the_command_shows_the_link_where_one_signs_in(tmp_path: Path) -> None:
    """The same at each call; and a plain word where people sign in another way, or nothing has started yet."""
    config = written(tmp_path, "  listen: 127.0.0.1:8799\n")
    early = tocsin("console", "link", "--config", config)
    assert (early.status, "start the service first" in early.err) == (2, True)
    (tmp_path / "tocsin-data").mkdir()
    first = tocsin("console", "link", "--config", config)
    assert first.out.startswith("http://127.0.0.1:8799/sign-in?token=")
    assert json.loads(tocsin("console", "link", "--config", config, "--json").out)["link"] == first.out.strip()
    written(tmp_path, "  token: false\n")
    shut = tocsin("console", "link", "--config", config)
    assert (shut.status, "no link signs in" in shut.err) == (2, True)
