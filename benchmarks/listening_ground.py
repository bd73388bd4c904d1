"""Every type of source at once, each over its platform on a real socket of this machine, and somebody to speak there.

A brand of its own is heard through each source and through no other; what was said of it is known by the id under which
it must be stored.
"""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from benchmarks.latency import brand_of
from benchmarks.listening_firehose import Firehose
from stream.codec import rfc3339
from stream.sources.links import link_id
from stream.sources.signing import sign
from tests.acceptance.living import SOURCE_SECRET
from tests.fakes.sources import apple, brandwatch, feeds, gdelt, hackernews, mastodon, reddit, talkwalker, x, youtube
from tests.fakes.sources.jetstream import FakePublic
from tests.fakes.sources.served import served
from tocsin.embedded import wall_clock_ms
from tocsin.synthetic import Row

VENDOR_TOKEN = "a-token-of-more-than-32-characters-for-a-trial"
DROPPED_EVERY_S = 5.0
Say = Callable[[Row], str]
"""Says a post on the platform; the id under which it must be stored, without the source's name."""


class Voice(NamedTuple):
    """One source, and how somebody speaks there."""

    source: str
    """Its name, which is its type."""
    brand: str
    section: dict[str, object]
    """As in `sources:`."""
    say: Say
    said: dict[str, int]
    """What was said: by id, when (ms)."""

    def speak(self, row: Row) -> None:
        """Say a post, and note it."""
        self.said[f"{self.source}:{self.say(row)}"] = wall_clock_ms()


class Ground(NamedTuple):
    """All of them."""

    voices: list[Voice]
    firehose: Firehose
    secrets: dict[str, str]
    """Variables of the environment."""
    door: "Door"


class Door:
    """Senders that post to the service: what is said is sent when `send` is called."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[dict[str, Any]]] = {"webhook": [], "meltwater": [], "youscan": []}
        self._client = httpx.AsyncClient(trust_env=False, timeout=10)

    def sayer(self, source: str, form: Callable[[Row, str], dict[str, Any]]) -> Say:
        """Says by posting what `form` makes of a row and a fresh id."""

        def say(row: Row) -> str:
            name = f"{source}-{row['id'].replace(':', '-')}"
            self._waiting[source].append(form(row, name))
            return name

        return say

    async def send(self, base_url: str) -> None:
        """Send what waits. Raises where it is not taken."""
        for source, waiting in self._waiting.items():
            if not waiting:
                continue
            sent, self._waiting[source] = waiting, []
            if source == "webhook":
                body, at_s = b"\n".join(json.dumps(row).encode() for row in sent), int(time.time())
                headers = {"X-Timestamp": str(at_s), "X-Signature": sign(SOURCE_SECRET, at_s, body)}
                answer = await self._client.post(f"{base_url}/ingest/webhook", content=body, headers=headers)
            else:
                payload: object = {"documents": sent} if source == "meltwater" else sent
                answer = await self._client.post(f"{base_url}/ingest/{source}/{VENDOR_TOKEN}", json=payload)
            answer.raise_for_status()
            assert answer.json()["rejected"] == 0, answer.text


class Dropped:
    """A tool that writes an export every few seconds."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._rows: list[str] = []
        self._number = 0
        directory.mkdir()

    def say(self, row: Row) -> str:
        """One more row of the next export."""
        name = row["id"].replace(":", "-")
        text = row["text"].replace('"', '""')
        self._rows.append(f'{name};{rfc3339(wall_clock_ms())};{row["author"]};"{text}"')
        return name

    async def write(self) -> None:
        """Write exports, for ever; each gets its name last."""
        while True:
            await asyncio.sleep(DROPPED_EVERY_S)
            if self._rows:
                rows, self._rows = self._rows, []
                self._number += 1
                part = self._directory / f"export-{self._number}.csv.part"
                part.write_text("\r\n".join(["Bericht ID;Datum;Auteur;Bericht", *rows, ""]), "utf-8")
                part.rename(self._directory / f"export-{self._number}.csv")


class _ManyHosts(gdelt.FakeGdelt):
    """Each article stands in a newspaper of its own, in English."""

    def _shown(self, one: gdelt.News) -> dict[str, str]:
        return super()._shown(one) | {"domain": f"news{one.number}.example", "language": "English"}


class _ManyPeople(youtube.FakeYouTube):
    """Each comment is somebody's own."""

    def _resource(self, one: Any) -> dict[str, Any]:
        found = super()._resource(one)
        found["snippet"]["authorDisplayName"] = f"@user{one['id']}"
        return found


@asynccontextmanager
async def standing(home: Path, posts_per_s: float, likes_per_s: float, seed: int) -> AsyncIterator[Ground]:
    """All platforms, served until the block ends."""
    rng = random.Random(seed)
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        firehose = Firehose(posts_per_s, likes_per_s, rng)
        door = Door()
        found: list[tuple[str, dict[str, object], Say]] = [
            ("webhook", {"secret_env": "SOCIAL_SECRET", "rate": 1_000}, door.sayer("webhook", _row)),
            ("meltwater", {"token_env": "VENDOR_TOKEN"}, door.sayer("meltwater", _document)),
            ("youscan", {"token_env": "VENDOR_TOKEN"}, door.sayer("youscan", _mention)),
        ]
        found.append(await _bluesky(firehose, await enter(firehose.served()), enter))
        for made in (_apple, _brandwatch, _gdelt, _hackernews, _mastodon, _reddit, _talkwalker, _x, _youtube):
            platform, build = made(rng)
            address = await enter(served(platform))
            found.append(build(address))
        secrets = {
            "VENDOR_TOKEN": VENDOR_TOKEN,
            "MASTODON_TOKEN": mastodon.TOKEN,
            "REDDIT_SECRET": reddit.SECRET,
            "TALKWALKER_TOKEN": talkwalker.TOKEN,
            "BRANDWATCH_TOKEN": brandwatch.TOKEN,
            "X_TOKEN": x.TOKEN,
            "YOUTUBE_KEY": youtube.KEY,
        }
        for kind in ("feeds", "google_alerts"):
            press = feeds.FakeFeeds(wall_clock_ms, rng)
            address = f"{await enter(served(press))}/{kind}"
            press.feeds[address] = feeds.FakeFeed(dialect="rss" if kind == "feeds" else "alerts", window=400)
            section: dict[str, object] = {"every": "60s", "inside": True}
            if kind == "feeds":
                section["addresses"] = [address]
            else:
                section["addresses_env"], secrets["ALERTS"] = "ALERTS", address
            found.append((kind, section, _publisher(press, address)))
        dropped = Dropped(home / "drop")
        writing = asyncio.create_task(dropped.write())
        stack.callback(writing.cancel)
        columns = {
            "fields": {"id": "Bericht ID", "created_at": "Datum", "author": "Auteur", "text": "Bericht"},
            "zone": "UTC",
        }
        found.append(("files", {"directory": "drop", "every": "2s", "steady": "1s", "columns": columns}, dropped.say))
        voices = [
            Voice(kind, brand_of(number), {"name": kind, "type": kind, **section}, say, {})
            for number, (kind, section, say) in enumerate(found)
        ]
        queries = {"hackernews", "gdelt"}
        for voice in voices:
            if voice.source in queries:
                voice.section["queries"] = [voice.brand.casefold()]
        yield Ground(voices, firehose, secrets, door)


# ---- the platforms: what is configured, and how somebody speaks there


def _row(row: Row, name: str) -> dict[str, Any]:
    return {"id": name, "created_at": rfc3339(wall_clock_ms()), "text": row["text"], "author": row["author"]}


def _document(row: Row, name: str) -> dict[str, Any]:
    said = {"content": {"opening_text": row["text"]}, "author": {"handle": row["author"]}}
    return {"id": name, "published_date": rfc3339(wall_clock_ms()), **said}


def _mention(row: Row, name: str) -> dict[str, Any]:
    said = {"text": row["text"], "author": {"nickname": row["author"]}}
    return {"mentionId": name, "published": rfc3339(wall_clock_ms()), **said}


Built = tuple[str, dict[str, object], Say]
Platform = tuple[httpx.AsyncBaseTransport, Callable[[str], Built]]


async def _bluesky(firehose: Firehose, address: str, enter: Callable[..., Any]) -> Built:
    public = await enter(served(FakePublic()))

    def say(row: Row) -> str:
        return firehose.post(row["text"], f"did:plc:{row['author'].replace('_', '')}")

    return "bluesky", {"hosts": [address], "public_url": public}, say


def _apple(rng: random.Random) -> Platform:
    shops = apple.FakeShops(wall_clock_ms, rng)
    section = {"apps": [apple.APP], "countries": ["nl"], "every": "60s"}
    return shops, lambda at: ("apple_reviews", {**section, "base_url": at}, lambda row: shops.review(row["text"]))


def _brandwatch(rng: random.Random) -> Platform:
    project = brandwatch.FakeBrandwatch(wall_clock_ms, rng)

    def say(row: Row) -> str:
        found = project.post(row["text"])
        found["author"] = row["author"]
        return str(found["resourceId"])

    section = {"project": brandwatch.PROJECT, "queries": [1834], "token_env": "BRANDWATCH_TOKEN", "every": "30s"}
    return project, lambda at: ("brandwatch", {**section, "base_url": at}, say)


def _gdelt(rng: random.Random) -> Platform:
    search = _ManyHosts(wall_clock_ms, rng)

    def say(row: Row) -> str:
        return link_id(search.find(row["text"]).url) or ""

    return search, lambda at: ("gdelt", {"every": "60s", "base_url": f"{at}/api/v2/doc/doc"}, say)


def _hackernews(rng: random.Random) -> Platform:
    news = hackernews.FakeHackerNews(wall_clock_ms, rng)

    def say(row: Row) -> str:
        number = news.post(row["text"])
        news.items[number]["author"] = row["author"]
        return str(number)

    return news, lambda at: ("hackernews", {"every": "30s", "base_url": at, "items_url": at}, say)


def _mastodon(rng: random.Random) -> Platform:
    server = mastodon.FakeMastodon(wall_clock_ms, rng)

    def build(at: str) -> Built:
        server.streaming = at.replace("http", "ws", 1)
        section = {"server": at, "feeds": ["public"], "token_env": "MASTODON_TOKEN", "inside": True}
        return "mastodon", section, lambda row: server.post(f"<p>{row['text']}</p>", acct=row["author"])

    return server, build


def _reddit(rng: random.Random) -> Platform:
    site = reddit.FakeReddit(wall_clock_ms, rng)

    def say(row: Row) -> str:
        name = site.post("acme", row["text"])
        site.things[name]["author"] = row["author"]
        return name

    section = {
        "approved": True,
        "client_id": reddit.CLIENT,
        "client_secret_env": "REDDIT_SECRET",
        "user_agent": reddit.AGENT,
        "subreddits": ["acme"],
        "every": "30s",
    }
    return site, lambda at: ("reddit", {**section, "token_url": f"{at}/api/v1/access_token", "api_url": at}, say)


def _talkwalker(rng: random.Random) -> Platform:
    results = talkwalker.FakeTalkwalker(wall_clock_ms, rng)

    def say(row: Row) -> str:
        return results.post(row["text"], title="", extra_author_attributes={"name": row["author"]})

    section = {"collector": talkwalker.COLLECTOR, "token_env": "TALKWALKER_TOKEN"}
    return results, lambda at: ("talkwalker", {**section, "base_url": at}, say)


def _x(rng: random.Random) -> Platform:
    network = x.FakeX(wall_clock_ms, rng)
    section = {"bearer_token_env": "X_TOKEN", "posts_a_month": 1_000_000}
    return network, lambda at: (
        "x",
        {**section, "base_url": at},
        lambda row: network.write(row["text"], user=row["author"]),
    )


def _youtube(rng: random.Random) -> Platform:
    videos = _ManyPeople(wall_clock_ms, rng)
    section = {"channels": [youtube.CHANNEL], "api_key_env": "YOUTUBE_KEY", "every": "30s"}
    return videos, lambda at: ("youtube", {**section, "base_url": at}, lambda row: videos.comment(row["text"]))


def _publisher(press: feeds.FakeFeeds, address: str) -> Say:
    def say(row: Row) -> str:
        article = press.publish(address, title=row["text"], text="more inside")
        article.link = f"https://paper{article.number}.example/acme-{article.number}"
        return link_id(article.link) or ""

    return say
