"""Publishers' feeds as their wires are: RSS and Atom, the last entries alone, conditional requests, moved, gone."""

import asyncio
import email.utils
import hashlib
import html
import random
from collections.abc import Callable

import httpx

from stream.codec import rfc3339
from stream.sources.feeds import Feed, FeedOptions, FeedSource
from stream.sources.links import link_id
from stream.sources.web import Web
from tests.fakes.sources.served import Lasting, said
from tests.fakes.sources.wire import Stalls
from tests.sources.laws import Case, Said, World
from tests.sources.virtual import now_ms

NAME = "press"
ALERTS = "https://www.google.com/alerts/feeds/01234567890123456789/9876543210987654321"
"""As Google spells it; whoever knows it can read it."""


class Article:
    """Something that was published."""

    def __init__(self, number: int, at_ms: int, title: str, text: str) -> None:
        self.number = number
        self.at_ms = at_ms
        self.title = title
        self.text = text
        self.link = f"https://www.news{number % 5}.example/2026/acme-{number}"
        self.delivered = False
        """Whether it stood in an answer that was whole."""

    @property
    def id(self) -> str:
        """As stored."""
        return f"{NAME}:{link_id(self.link)}"


class FakeFeed:
    """One feed: the last `window` articles, the newest first."""

    def __init__(self, *, dialect: str = "rss", window: int = 40) -> None:
        self.dialect = dialect
        self.window = window
        self.articles: list[Article] = []
        self.encoding = "utf-8"
        self.headers: dict[str, str] = {}
        self.ttl = ""
        self.moved = ""
        self.gone = False
        self.dated = True
        self.body: bytes | None = None
        """Said instead of everything else."""

    @property
    def listed(self) -> list[Article]:
        """What can be read now."""
        return self.articles[-self.window :][::-1]

    def written(self, now_ms: int) -> bytes:
        """The document."""
        if self.body is not None:
            return self.body
        text = {"rss": self._rss, "atom": self._atom, "alerts": self._alerts}[self.dialect](now_ms)
        return f'<?xml version="1.0" encoding="{self.encoding}"?>\n{text}'.encode(self.encoding, "xmlcharrefreplace")

    def _rss(self, now_ms: int) -> str:
        items = "".join(
            f"<item><title>{html.escape(a.title)}</title><link>{html.escape(a.link)}?utm_source=rss&amp;utm_medium=feed</link>"
            f'<guid isPermaLink="false">post-{a.number}@{now_ms if self.ttl == "shuffle" else 0}</guid>'
            + (f"<pubDate>{email.utils.formatdate(a.at_ms / 1000, usegmt=True)}</pubDate>" if self.dated else "")
            + f"<description><![CDATA[<p>{a.text}</p><script>track()</script>]]></description></item>"
            for a in self.listed
        )
        ttl = f"<ttl>{self.ttl}</ttl>" if self.ttl.isdecimal() else ""
        return f'<rss version="2.0"><channel><title>News</title><language>nl-NL</language>{ttl}{items}</channel></rss>'

    def _atom(self, now_ms: int) -> str:
        newest_ms = max((a.at_ms for a in self.listed), default=0)
        entries = "".join(
            f"<entry><id>urn:post:{a.number}</id><title>{html.escape(a.title)}</title>"
            f'<link href="{html.escape(a.link)}/amp/"/><published>{rfc3339(a.at_ms)}</published>'
            f"<author><name>Desk {a.number % 7}</name></author>"
            f"<content type='html'>&lt;p&gt;{html.escape(html.escape(a.text))}&lt;/p&gt;</content></entry>"
            for a in self.listed
        )
        return f'<feed xmlns="http://www.w3.org/2005/Atom"><title>News</title><updated>{rfc3339(newest_ms)}</updated>{entries}</feed>'

    def _alerts(self, now_ms: int) -> str:
        entries = "".join(
            f"<entry><id>tag:google.com,2013:googlealerts/feed:{a.number}</id>"
            f'<title type="html">&lt;b&gt;{html.escape(html.escape(a.title))}&lt;/b&gt;</title>'
            f'<link href="https://www.google.com/url?rct=j&amp;sa=t&amp;url={a.link}&amp;ct=ga&amp;cd=CAIyGj&amp;usg=AOv"/>'
            f"<published>{rfc3339(a.at_ms)}</published><updated>{rfc3339(a.at_ms)}</updated>"
            f'<content type="html">{html.escape(html.escape(a.text))} &lt;b&gt;...&lt;/b&gt;</content>'
            "<author><name></name></author></entry>"
            for a in self.listed
        )
        return f'<feed xmlns="http://www.w3.org/2005/Atom"><title>Google Alert</title>{entries}</feed>'


class FakeFeeds(httpx.AsyncBaseTransport):
    """Hosts of feeds, by address."""

    def __init__(self, clock: Callable[[], int], rng: random.Random) -> None:
        self._clock = clock
        self.rng = rng
        self.feeds: dict[str, FakeFeed] = {}
        self.asked = 0
        self.unchanged = 0
        """Answers of 304."""
        self.requests: list[httpx.Request] = []
        """The last hundred."""
        self.faults: list[str] = []
        """What becomes of the next answers, in order."""
        self.stalled: asyncio.Event | None = None
        self._number = 0

    def publish(self, *urls: str, title: str = "", text: str = "") -> Article:
        """Publish an article in feeds."""
        self._number += 1
        title = title or f"Acme nieuws {self._number} – “één” & meer"
        article = Article(
            self._number, self._clock() // 1000 * 1000, title, text or f"Klanten zijn boos {self._number}"
        )
        for url in urls:
            self.feeds[url].articles.append(article)
        return article

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        self.requests = [*self.requests[-99:], request]
        await asyncio.sleep(0.05)
        if self.stalled is not None:
            await self.stalled.wait()
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "cut":
            raise httpx.ReadError("reset", request=request)
        if fault == "slow":
            await asyncio.sleep(20)
        if fault.isdecimal():
            headers = {"Retry-After": "45"} if fault in ("429", "503") else {}
            return said(request, int(fault), b"no", headers)
        if fault == "page":
            return said(request, 200, b"<!doctype html><html><body>Sign in</body></html>")
        return self._answer(request, fault)

    def _answer(self, request: httpx.Request, fault: str) -> httpx.Response:
        feed = self.feeds.get(str(request.url))
        if feed is None or feed.gone:
            return said(request, 404 if feed is None else 410, b"")
        if feed.moved:
            status, where = feed.moved.split(" ")
            return said(request, int(status), b"", {"Location": where})
        body = feed.written(self._clock())
        tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        if request.headers.get("if-none-match") == tag:
            self.unchanged += 1
            return said(request, 304, b"", {"ETag": tag, **feed.headers})
        headers = {"ETag": tag, "Content-Type": "application/xml", **feed.headers}
        if fault == "torn":
            return said(request, 200, body, headers, cut=True)
        if fault == "half":
            return said(request, 200, body[: len(body) // 2], headers)
        if fault == "bytes":
            body = body.replace(b"nieuws", b"n\xe9\xffws\x00", 1)
        for article in feed.listed:
            article.delivered = True
        return said(request, 200, body, headers)


RSS, ATOM = "https://www.daily.example/rss.xml", "https://blog.example/atom"


class FeedStage(Stalls):
    """The platform for the laws; see `tests.sources.laws.Stage`. Three feeds, of which one is a Google Alert."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.platform = FakeFeeds(world.around.clock, world.rng)
        for url, dialect in ((RSS, "rss"), (ATOM, "atom"), (ALERTS, "alerts")):
            self.platform.feeds[url] = FakeFeed(dialect=dialect)
        self._articles: list[Article] = []

    def source(self) -> FeedSource:
        options = FeedOptions((Feed(RSS, 60.0), Feed(ATOM, 60.0)), 60.0)
        web = Web(transport=Lasting(self.platform))
        return FeedSource(NAME, options, web=web, around=self._world.around, addresses=f"{ALERTS}\n")

    async def play(self, seconds: float) -> None:
        rng, platform = self._world.rng, self.platform
        end_ms = now_ms() + seconds * 1000
        while now_ms() < end_ms:
            await asyncio.sleep(rng.expovariate(1 / 15))
            for _ in range(60 if rng.random() < 0.01 else 1):
                urls = rng.sample([RSS, ATOM, ALERTS], k=rng.choice([1, 1, 2]))
                self._articles.append(platform.publish(*urls))
            if rng.random() < 0.08:
                faults = ["cut", "torn", "half", "page", "bytes", "slow", "429", "500", "503", "404"]
                platform.faults += rng.choices(faults, k=rng.randrange(1, 5))
            if rng.random() < 0.02:
                rng.choice(self._articles).text += " (bijgewerkt)"
            await self.perhaps_stall(rng, 30, 400)
        platform.faults.clear()

    def said(self) -> list[Said]:
        listed = {article.number for feed in self.platform.feeds.values() for article in feed.listed}
        return [Said("create", a.id, a.at_ms, gone=not a.delivered and a.number not in listed) for a in self._articles]

    def say(self) -> Said:
        article = self.platform.publish(RSS)
        self._articles.append(article)
        return Said("create", article.id, article.at_ms)

    def spoil(self) -> int:
        self.platform.faults += ["page"]
        return 1


CASE = Case(NAME, "sampled", FeedStage, secrets=tuple(ALERTS.split("/")[-2:]), loose=frozenset({"update"}))
"""Of edits not each is to be there: one between two looks is part of the first, and no edit."""
