"""What `tocsin.yaml` may say, and what a person is told who says something else."""

import logging
import pickle
import traceback
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.plans import Plan
from tocsin.secret import Secret, SecretProblem, from_environment, from_file
from tocsin.settings import SettingsError, check_settings, load_settings, shipped_chart_path
from tocsin.state import Judged

ROOT = Path(__file__).parent.parent.parent
GALLERY = sorted((Path(__file__).parent / "bad").glob("*.yaml"))
TOKEN = "not-a-name-but-the-token-itself"
ENV = {
    "TOCSIN_WEB": "a long enough secret",
    "TOCSIN_SOCIAL_SECRET": "another long secret",
    "TOCSIN_FORUM_SECRET": "the new forum secret",
    "TOCSIN_FORUM_SECRET_OLD": "the old forum secret",
    "SLACK_BOT_TOKEN": "a bot token of some length",
    "SLACK_APP_TOKEN": "an app token of some length",
    "SLACK_SIGNING_SECRET": "a signing secret of some length",
}


def said_about(path: Path) -> list[str]:
    """Every problem with a configuration, without the file's name in front."""
    try:
        problems = check_settings(load_settings(path, ENV))
    except SettingsError as error:
        problems = error.problems
    assert all(p.startswith(f"{path}:") for p in problems)
    return [p.removeprefix(f"{path}:").replace(f"{path.parent}/", "") for p in problems]


def written(tmp_path: Path, text: str) -> Path:
    """A configuration in a directory of its own."""
    path = tmp_path / "tocsin.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", GALLERY, ids=lambda p: p.stem)
def test_a_bad_configuration_is_answered_with_its_line(path: Path) -> None:
    """Each file of the gallery gets exactly the lines that it says it gets, each a single line with place and cure."""
    expected = [
        line.removeprefix("# says: ") for line in path.read_text("utf-8").splitlines() if line.startswith("# says: ")
    ]
    assert expected
    assert said_about(path) == expected


def test_the_gallery_is_not_empty() -> None:
    """There is a gallery, and nobody emptied it."""
    assert len(GALLERY) >= 20


def test_what_is_loaded_is_what_was_written() -> None:
    """The example at the root is complete and correct."""
    loaded = load_settings(ROOT / "tocsin.yaml", ENV)
    assert check_settings(loaded) == []
    (brand,) = loaded.brand_list()
    assert (brand.name, brand.languages, brand.timezone) == ("Tulpatel", ("en", "nl"), "Europe/Amsterdam")
    assert brand.own_accounts == ("@tulpatel", "@tulpatelcare")
    assert (loaded.mode, loaded.step, loaded.delivery.grace) == ("shadow", 5_000, 60_000)
    assert (loaded.ingest.host, loaded.ingest.port) == ("127.0.0.1", 8750)
    assert loaded.data_path == ROOT / "tocsin-data"
    assert loaded.flowchart_path == ROOT / "crisis_flowchart.yaml"
    secrets = loaded.require_secrets()
    assert [s.reveal() for s in secrets.sources["forum"]] == ["the new forum secret"]


def test_while_a_secret_is_replaced_a_source_has_both(tmp_path: Path) -> None:
    """As a comment of the example says."""
    text = (ROOT / "tocsin.yaml").read_text("utf-8")
    both = "secrets_env: [TOCSIN_FORUM_SECRET, TOCSIN_FORUM_SECRET_OLD]"
    assert both in text
    loaded = load_settings(
        written(tmp_path, text.replace("    secret_env: TOCSIN_FORUM_SECRET\n", f"    {both}\n")), ENV
    )
    secrets = loaded.require_secrets()
    assert [s.reveal() for s in secrets.sources["forum"]] == ["the new forum secret", "the old forum secret"]


def test_defaults_hold_without_a_file() -> None:
    """Without a configuration Tocsin is quiet, local and uses the shipped flowchart."""
    loaded = load_settings(None, {})
    assert (loaded.brands, loaded.slack, loaded.ingest.host) == ((), None, "127.0.0.1")
    assert loaded.flowchart_path == shipped_chart_path()
    assert shipped_chart_path().is_file()


def test_a_brand_lives_in_the_zone_of_the_file_unless_it_has_its_own(tmp_path: Path) -> None:
    """Hours count as office hours where the brand is."""
    text = """
timezone: Europe/Amsterdam
brands:
  - {name: Near, query: near}
  - {name: Far, query: far, timezone: Asia/Tokyo, responders: {on_call: hana}}
"""
    loaded = load_settings(written(tmp_path, text), {})
    assert [b.timezone for b in loaded.brand_list()] == ["Europe/Amsterdam", "Asia/Tokyo"]
    assert loaded.brands[1].responders == {"on_call": "hana"}


def test_a_brand_brings_its_own_words_for_complaints(tmp_path: Path) -> None:
    """Terms for a class, a class of its own, a shipped term taken out; what is no term is told with its line."""
    acme = "brands:\n  - name: Acme\n    query: acme\n    issues:"
    text = acme + ' {price: [miles expired, "-billing"], loyalty: [gold ... card*]}\n'
    (brand,) = load_settings(written(tmp_path, text), {}).brand_list()
    assert brand.issues == (("price", ("miles expired", "-billing")), ("loyalty", ("gold ... card*",)))
    wrong = acme + '\n      Loyalty!: [x]\n      price: ["*", "a ... b ... c"]\n'
    assert [p.split(": ", 1)[0] for p in said_about(written(tmp_path, wrong))] == ["5:17", "6:15", "6:20"]


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    """Nobody repairs one line only to be sent back for the next."""
    text = "mode: on\nstep: 5\ningest: {listen: here, items_per_second: 0}\n"
    assert [p.split(": ", 1)[0] for p in said_about(written(tmp_path, text))] == ["1:7", "2:7", "3:18", "3:42"]


@pytest.mark.parametrize("mode", ["socket", "http"])
def test_slack_needs_the_secrets_of_its_mode_alone(tmp_path: Path, mode: str) -> None:
    """Socket Mode needs an app token, HTTP a signing secret; neither needs the other's."""
    path = written(tmp_path, f"slack: {{channel: C1, mode: {mode}, base_url: 'http://127.0.0.1:9/api/'}}\n")
    needless = {"socket": "SLACK_SIGNING_SECRET", "http": "SLACK_APP_TOKEN"}[mode]
    secrets = load_settings(path, {k: v for k, v in ENV.items() if k != needless}).require_secrets()
    assert secrets.slack_bot == Secret(ENV["SLACK_BOT_TOKEN"])
    assert (secrets.slack_app is None, secrets.slack_signing is None) == (mode == "http", mode == "socket")
    with pytest.raises(SettingsError, match="SLACK_BOT_TOKEN is not set"):
        load_settings(path, {}).require_secrets()


def test_a_replay_needs_no_secret() -> None:
    """Loading does not ask for tokens: only what listens or pages does."""
    loaded = load_settings(ROOT / "tocsin.yaml", {})
    assert loaded.brand_list()
    with pytest.raises(SettingsError, match=r"tocsin\.yaml:\d+:\d+: the environment variable TOCSIN_SOCIAL_SECRET"):
        loaded.require_secrets()


def test_a_secret_file_is_read_only_when_it_is_private(tmp_path: Path) -> None:
    """Mode 0600 or stricter; anything that others can read is refused with the command that repairs it."""
    path = written(tmp_path, "sources:\n  - name: web\n    secret_file: web.secret\n")
    secret = tmp_path / "web.secret"
    secret.write_text(f"{TOKEN}\n", encoding="utf-8")
    secret.chmod(0o644)
    with pytest.raises(SettingsError, match=r"has mode 0644, so others can read it; run: chmod 600"):
        load_settings(path, {}).require_secrets()
    secret.chmod(0o600)
    assert load_settings(path, {}).require_secrets().sources["web"] == (Secret(TOKEN),)
    secret.unlink()
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(path, {}).require_secrets()


@pytest.mark.parametrize("body", [b"", b"short", b"\xff\xfe\xff\xfe\xff\xfe\xff\xfe\xff", b"x" * 5000])
def test_a_secret_that_is_none_is_refused(tmp_path: Path, body: bytes) -> None:
    """Empty, too short, not text or endless: refused without a word of what it held."""
    path = tmp_path / "secret"
    path.write_bytes(body)
    path.chmod(0o600)
    with pytest.raises(SecretProblem) as caught:
        from_file(path)
    assert "short" not in str(caught.value)
    with pytest.raises(SecretProblem, match="is not set"):
        from_environment("NOT_THERE", {})


def test_a_secret_never_shows(caplog: pytest.LogCaptureFixture) -> None:
    """Not in a format, a log, a traceback, a pickle or the settings that hold it."""
    secret = Secret(TOKEN)
    logging.getLogger("test").warning("token %s %r", secret, secret)
    shown = f"{secret} {secret!r} {secret!s} {[secret]} {caplog.text}"
    try:
        raise ValueError(secret)
    except ValueError:
        shown += traceback.format_exc()
    loaded = load_settings(ROOT / "tocsin.yaml", {**ENV, "TOCSIN_SOCIAL_SECRET": TOKEN})
    shown += f"{loaded!r} {loaded.require_secrets()!r} {loaded.model_dump()!r}"
    assert TOKEN not in shown
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    assert secret == Secret(TOKEN)
    assert secret != Secret("something else")


@pytest.mark.parametrize("path", GALLERY, ids=lambda p: p.stem)
def test_no_message_repeats_what_may_be_a_secret(path: Path) -> None:
    """A token pasted into the wrong place is not printed by the error that says so."""
    assert TOKEN not in "\n".join(said_about(path))


@pytest.mark.parametrize("body", [b"\xff\xfe", b"a: [", b"\x00", b"timezone: \xed\xa0\x80"])
def test_what_is_no_text_is_one_clear_line(tmp_path: Path, body: bytes) -> None:
    """Bytes that are no YAML: an error with the file's name, never a traceback of the parser's."""
    path = tmp_path / "tocsin.yaml"
    path.write_bytes(body)
    with pytest.raises(SettingsError) as caught:
        load_settings(path, {})
    (problem,) = caught.value.problems
    assert problem.startswith(f"{path}:")
    assert "\n" not in problem


def test_a_missing_file_and_a_directory_are_named(tmp_path: Path) -> None:
    """The path that was meant stands in the message."""
    for path in (tmp_path / "nowhere.yaml", tmp_path):
        with pytest.raises(SettingsError, match="cannot be read"):
            load_settings(path, {})


words = st.sampled_from(
    ["name", "query", "brands", "sources", "slack", "mode", "step", "5s", "live", "acme", "a:b", ""]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | words | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(data=st.dictionaries(words, values, max_size=5))
def test_any_configuration_loads_or_is_explained(tmp_path_factory: pytest.TempPathFactory, data: object) -> None:
    """Whatever somebody writes: settings, or a list of single lines with their places."""
    import yaml

    path = tmp_path_factory.mktemp("any") / "tocsin.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    try:
        problems = check_settings(load_settings(path, {}))
    except SettingsError as error:
        problems = error.problems
        assert problems
    for problem in problems:
        assert problem.startswith(f"{path}:")
        assert "\n" not in problem


def test_a_brand_has_the_budget_and_the_mode_of_the_file_except_for_what_it_says_itself(tmp_path: Path) -> None:
    """Pages and notices in thousandths, each for itself; a brand may be in shadow while the others are live."""
    text = """
budget: {false_pages_per_brand_month: 0.5}
brands:
  - {name: Near, query: near}
  - {name: Far, query: far, mode: shadow, budget: {false_notices_per_brand_month: 2}}
"""
    judged = load_settings(written(tmp_path, text), {}).judged({"Far": (Plan(0, 1, "launch"),)})
    assert judged["Near"] == Judged(pages_milli=500, notices_milli=3000, plans=(), mode="live")
    assert judged["Far"] == Judged(pages_milli=500, notices_milli=2000, plans=(Plan(0, 1, "launch"),), mode="shadow")


def test_competitors_and_calendars_belong_to_their_brand(tmp_path: Path) -> None:
    """A competitor is a second query of the brand; a calendar lies beside the file."""
    text = """
brands:
  - {name: Near, query: near, planned: [matches.ics], competitors: [{name: Bolt, query: bolt OR nut}]}
  - {name: Far, query: far}
"""
    loaded = load_settings(written(tmp_path, text), {})
    assert [b.rivals for b in loaded.brand_list()] == [(("Bolt", "bolt OR nut"),), ()]
    assert loaded.calendars() == {"Near": (tmp_path / "matches.ics",)}


@pytest.mark.parametrize("section", ["slack: {channel: CHANNEL}", "drill: {channel: CHANNEL}"])
def test_a_channel_that_slack_cannot_have_is_refused_before_the_night(tmp_path: Path, section: str) -> None:
    """An id, or a name in small letters; a person is none."""
    for channel in ('"!!"', "U0123456789", "Crisis Room", '""', '"#"', f"c{'h' * 80}"):
        with pytest.raises(SettingsError, match=r"tocsin\.yaml:1:\d+: .*(no channel of Slack|`channel`)"):
            load_settings(written(tmp_path, section.replace("CHANNEL", channel)), {})
    for channel in ("C0123456789", "G0123456789", '"#crisis-room"', "crisis_1", "krise-größe"):
        load_settings(written(tmp_path, section.replace("CHANNEL", channel)), {})
