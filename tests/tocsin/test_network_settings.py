"""What `sources:` may say of Bluesky and Mastodon, and what is made of it."""

from pathlib import Path

import pytest

from stream.sources.contract import Surroundings
from stream.sources.jetstream import HOSTS, Jetstream
from stream.sources.mastodon import Mastodon
from tests.sources.hearing import Purse
from tests.sources.laws import Tracked
from tocsin.network_sections import JETSTREAM_HOSTS
from tocsin.settings import Settings, SettingsError, load_settings
from tocsin.sources import made

BRANDS = """brands:
  - {name: Acme, query: acme OR "road runner", own_accounts: ["did:plc:acme"]}
  - {name: Bolt, query: "author:bolt", sources: [fedi]}
  - {name: Dyno, query: "dyno NOT saur", competitors: [{name: Zap, query: zap}]}
"""
BLUESKY = "  - {name: bluesky, type: bluesky}\n"
MASTODON = "  - {name: fedi, type: mastodon, server: 'https://m.example', hashtags: [acme], token_env: TOKEN}\n"


AROUND = Surroundings(lambda: 0, Purse(), Tracked())


def loaded(tmp_path: Path, text: str) -> Settings:
    """A configuration of these sources."""
    path = tmp_path / "tocsin.yaml"
    path.write_text(f"{BRANDS}sources:\n{text}", encoding="utf-8")
    return load_settings(path, {"TOKEN": "tok-0123456789"})


def refused(tmp_path: Path, text: str) -> str:
    """What is said of a configuration that is refused."""
    with pytest.raises(SettingsError) as said:
        loaded(tmp_path, text)
    return "\n".join(said.value.problems)


def test_bluesky_needs_nothing_and_keeps_what_may_be_about_the_brands(tmp_path: Path) -> None:
    """The words of those that hear it, competitors' too; and what their own accounts say."""
    settings = loaded(tmp_path, BLUESKY + MASTODON)
    source = made(settings, settings.sources[0], AROUND)
    assert isinstance(source, Jetstream)
    wanted = source._wanted
    assert [wanted.may_be(text, "did:plc:jo") for text in ("ACME!", "road runner", "dyno", "zap", "bolt", "hi")] == [
        *[True] * 4,
        *[False] * 2,
    ]
    assert wanted.may_be("sorry", "did:plc:acme")


def test_a_brand_that_needs_no_word_has_everything_kept_and_so_has_who_wants_it(tmp_path: Path) -> None:
    """Rather than to miss a post."""
    everything = "  - {name: bluesky, type: bluesky, everything: true}\n"
    for text in (BLUESKY.replace("bluesky,", "fedi,", 1), everything + MASTODON):
        settings = loaded(tmp_path, text)
        source = made(settings, settings.sources[0], AROUND)
        assert isinstance(source, Jetstream)
        assert source._wanted.everything


def test_mastodon_is_made_with_its_token(tmp_path: Path) -> None:
    """And with a stream for each feed and hashtag."""
    settings = loaded(tmp_path, MASTODON.replace("hashtags", "feeds: [public/local], hashtags"))
    source = made(settings, settings.sources[0], AROUND)
    assert isinstance(source, Mastodon)
    assert source._feeds == ("public/local", "#acme")
    assert "tok-0123456789" not in repr(source)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BLUESKY.replace("}", ", hosts: ['ws://jetstream.example']}"), "begins with wss://"),
        (BLUESKY.replace("}", ", hosts: ['https://jetstream.example']}"), "begins with wss://"),
        (BLUESKY.replace("}", ", hosts: []}"), "hosts"),
        (MASTODON.replace("hashtags: [acme], ", ""), "give `feeds` or `hashtags`"),
        (MASTODON.replace("[acme]", "['#acme']"), "without `#`"),
        (MASTODON.replace("[acme]", "[acme, ACME]"), "there twice"),
        (MASTODON.replace("[acme]", "[a, b, c, d, e, f, g, h, i, j], feeds: [public]"), "more than 10 streams"),
        (MASTODON.replace("[acme]", "[acme], feeds: [home]"), "allowed: public, public/local or public/remote"),
        (MASTODON.replace("https://", "http://"), "must begin with https://"),
        (MASTODON.replace(", token_env: TOKEN", ""), "token_env"),
    ],
)
def test_what_cannot_be_listened_to_is_said(tmp_path: Path, text: str, said: str) -> None:
    """At the start, and not in a silence."""
    others = MASTODON if text.startswith(BLUESKY[:20]) else ""
    assert said in refused(tmp_path, text + others)


def test_trials_on_this_machine_need_no_encryption(tmp_path: Path) -> None:
    """As the tests have them."""
    bluesky = BLUESKY.replace("}", ", hosts: ['ws://127.0.0.1:9001'], public_url: 'http://127.0.0.1:9002'}")
    mastodon = MASTODON.replace("https://m.example", "http://127.0.0.1:9003")
    settings = loaded(tmp_path, bluesky + mastodon)
    for section in settings.sources:
        assert made(settings, section, AROUND).name == section.name


def test_the_hosts_that_are_shown_are_those_that_are_asked() -> None:
    """The settings name them without loading what speaks to them."""
    assert JETSTREAM_HOSTS == HOSTS
