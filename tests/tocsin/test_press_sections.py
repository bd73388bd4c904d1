"""Feeds, Google Alerts, GDELT and Reddit in a configuration: what may be said, and what is made of it."""

import random
from pathlib import Path
from typing import Any

import pytest

from stream.sources.contract import Denied, Source, Surroundings
from stream.sources.feeds import FeedSource
from tests.fakes.sources.feeds import FakeFeed, FakeFeeds
from tests.fakes.sources.gdelt import FakeGdelt
from tests.fakes.sources.reddit import AGENT, CLIENT, SECRET, FakeReddit
from tests.fakes.sources.served import served
from tests.sources.hearing import surroundings
from tocsin.settings import Settings, SettingsError, load_settings
from tocsin.sources import made

NOW_MS = 1_770_000_000_000
BRAND = "brands:\n  - {name: Acme, query: acme}\n"
REDDIT = f"name: board\n    type: reddit\n    approved: true\n    client_id: {CLIENT}\n    client_secret_env: BOARD\n"


def loaded(directory: Path, text: str, **env: str) -> Settings:
    """A configuration with this source."""
    path = directory / "tocsin.yaml"
    path.write_text(f"{BRAND}sources:\n  - {text}", encoding="utf-8")
    return load_settings(path, env)


def refused(directory: Path, text: str) -> str:
    """What is said of a configuration that is refused."""
    with pytest.raises(SettingsError) as said:
        loaded(directory, text)
    return "\n".join(said.value.problems)


def source(directory: Path, text: str, **env: str) -> Source:
    """The source that a configuration describes."""
    settings = loaded(directory, text, **env)
    return made(settings, settings.sources[0], around())


def around() -> Surroundings:
    """A world of one moment."""
    return surroundings()._replace(clock=lambda: NOW_MS)


def base(address: str) -> str:
    """Where a platform is served."""
    return (address if address.startswith("http") else f"http://{address}").rstrip("/")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{name: press, type: feeds}", "it reads no feed"),
        ("{name: press, type: feeds, addresses: ['http://a.example/rss']}", "it has no https"),
        ("{name: press, type: feeds, addresses: ['https://10.0.0.1/rss']}", "private network"),
        ("{name: press, type: feeds, insecure_addresses: ['http://10.0.0.1/rss']}", "private network"),
        ("{name: press, type: feeds, insecure_addresses: ['ftp://a.example/rss']}", "it has no https"),
        ("{name: press, type: feeds, addresses: ['https://u:p@a.example/rss']}", "a name or a password"),
        ("{name: press, type: feeds, addresses: ['https://a.example/', 'https://a.example/']}", "there twice"),
        (
            "{name: press, type: feeds, addresses: ['https://a.example/'], every: 10s}",
            "`every` is 10s; allowed: at least 1m",
        ),
        ("{name: world, type: gdelt, queries: []}", "queries"),
        ("{name: alerts, type: google_alerts}", "give exactly one of addresses_env, addresses_file"),
        (REDDIT + "    user_agent: 'python-requests'\n    subreddits: [acme]", "`user_agent` must be"),
        (REDDIT + f"    user_agent: '{AGENT}'", "it reads nothing"),
        (REDDIT + f"    user_agent: '{AGENT}'\n    subreddits: [r/acme]", "without `r/`"),
        (REDDIT.replace("true", "false") + f"    user_agent: '{AGENT}'\n    subreddits: [acme]", "approved"),
    ],
)
def test_what_cannot_work_is_refused_at_its_line(tmp_path: Path, text: str, said: str) -> None:
    """Before anything is listened to."""
    problem = refused(tmp_path, text)
    assert said in problem
    assert "tocsin.yaml:" in problem


async def test_a_feed_without_https_is_asked_on_the_open_internet_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name may not turn out to be ours: what has no https is never on the list of those that may."""
    platform = FakeFeeds(lambda: NOW_MS, random.Random(1))
    async with served(platform) as address:
        port = base(address).rpartition(":")[2]
        url = f"http://feeds.example:{port}/rss"
        naming(monkeypatch, "127.0.0.1", int(port))
        found = source(tmp_path, f"{{name: press, type: feeds, insecure_addresses: ['{url}']}}")
        with pytest.raises(Denied, match="private network"):
            await anext(found.batches(None))
        assert platform.asked == 0
        platform.feeds = {url: FakeFeed()}
        platform.publish(url)
        inner = source(tmp_path, f"{{name: press, type: feeds, insecure_addresses: ['{url}'], inside: true}}")
        assert len((await anext(inner.batches(None))).rows) == 1


def naming(monkeypatch: pytest.MonkeyPatch, number: str, port: int) -> None:
    """Let every name have this number."""
    from stream.sources import guard

    monkeypatch.setattr(guard.socket, "getaddrinfo", lambda *_, **__: [(2, 1, 6, "", (number, port))])


async def test_alerts_come_from_a_secret_of_several_lines(tmp_path: Path) -> None:
    """A file of mode 0600, blank lines and all; each is a feed."""
    platform = FakeFeeds(lambda: NOW_MS, random.Random(1))
    async with served(platform) as address:
        urls = [f"{base(address)}/alerts/feeds/{'0' * 19}{n}/987" for n in range(3)]
        platform.feeds = {url: FakeFeed(dialect="alerts") for url in urls}
        platform.publish(*urls)
        secret = tmp_path / "alerts.txt"
        secret.write_text("\n\n".join(urls) + "\n", encoding="utf-8")
        secret.chmod(0o600)
        found = source(tmp_path, "{name: alerts, type: google_alerts, addresses_file: alerts.txt, inside: true}")
        assert isinstance(found, FeedSource)
        assert found.kind == "google_alerts"
        sample = await found.check()
        assert len(sample.words) == 3
        assert sample.complete
        assert sample.row is not None
        assert "alerts/feeds" not in str(sample)


async def test_gdelt_and_reddit_are_asked_where_the_configuration_says(tmp_path: Path) -> None:
    world, board = FakeGdelt(lambda: NOW_MS, random.Random(1)), FakeReddit(lambda: NOW_MS, random.Random(1))
    world.find("Acme recalls")
    board.post("acme", "Acme is down")
    async with served(world) as first, served(board) as second:
        gdelt = source(tmp_path, f"{{name: world, type: gdelt, queries: [acme], base_url: '{base(first)}/doc'}}")
        sample = await gdelt.check()
        assert sample.words == ["Query 1: 1 articles in the last 24 hours."]
        urls = f"    token_url: {base(second)}/api/v1/access_token\n    api_url: {base(second)}\n"
        text = f"{REDDIT}    user_agent: '{AGENT}'\n    subreddits: [acme]\n    comments: false\n{urls}"
        reddit: Any = source(tmp_path, text, BOARD=SECRET)
        sample = await reddit.check()
        assert sample.words == ["Listing r/acme: it can be read."]
        assert sample.row is not None
        assert b"Acme is down" in sample.row
