"""Feeds: read cheaply and in their own time, whatever publishers make of them; an article counts once."""

import asyncio
import gzip
import random
import tracemalloc
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

import pytest
import structlog

from stream.codec import parse_rfc3339
from stream.sources.contract import Denied, Trouble
from stream.sources.feed_parse import LARGEST_BYTES, MOST_ENTRIES, MOST_TAGS, NoFeed, listing_of
from stream.sources.feed_place import FeedKnown, read_place
from stream.sources.feeds import Feed, FeedOptions, FeedSource
from stream.sources.guard import Rules
from stream.sources.links import key_of, link_id
from stream.sources.rows import place_text
from stream.sources.web import Web
from tests.fakes.sources.feeds import ALERTS, ATOM, NAME, RSS, FakeFeed, FakeFeeds
from tests.fakes.sources.served import Lasting, served
from tests.sources.hearing import Heard, surroundings
from tests.sources.virtual import now_ms, run

HERE = "https://daily.example/feed"


class Press:
    """Two feeds and an alert, and a source over them."""

    def __init__(self, *feeds: Feed, secret: bool = False) -> None:
        self.platform = FakeFeeds(now_ms, random.Random(1))
        self.platform.feeds = {RSS: FakeFeed(), ATOM: FakeFeed(dialect="atom"), ALERTS: FakeFeed(dialect="alerts")}
        self.feeds = feeds or (Feed(RSS, 60.0), Feed(ATOM, 60.0))
        self.secret = secret
        self.around = surroundings()
        self.heard = Heard(self.source())

    def source(self) -> FeedSource:
        """Another process."""
        return FeedSource(
            NAME,
            FeedOptions(self.feeds, 60.0),
            web=Web(transport=Lasting(self.platform)),
            around=self.around,
            addresses=ALERTS if self.secret else "",
        )


def told(story: Callable[[Press], Awaitable[None]], *feeds: Feed, secret: bool = False) -> None:
    """Run a story in virtual time."""

    async def whole() -> None:
        await story(Press(*feeds, secret=secret))

    run(whole())


def listing(text: str | bytes, **headers: str) -> Any:
    """A feed's document, read."""
    body = text if isinstance(text, bytes) else text.encode()
    return listing_of(body, {name.replace("_", "-"): value for name, value in headers.items()}, HERE)


def rss(items: str, head: str = "") -> str:
    """A document with these items."""
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>t</title>{head}{items}</channel></rss>'


# ---- one article, once


def test_an_article_in_three_feeds_counts_once() -> None:
    """With a campaign's marks in one, as AMP in another, in Google's wrapping in the third."""

    async def story(press: Press) -> None:
        await press.heard.listen(10)
        article = press.platform.publish(RSS, ATOM, ALERTS)
        await press.heard.listen(200)
        (row,) = press.heard.rows
        assert f"{NAME}:{row['id']}" == article.id
        assert row["text"].startswith(f"{article.title}\n\n{article.text}")
        assert "track()" not in row["text"]

    told(story, secret=True)


def test_the_alert_of_google_is_unwrapped_and_stripped_of_bold() -> None:
    async def story(press: Press) -> None:
        article = press.platform.publish(ALERTS, title="Acme & Co recalls")
        (row,) = await press.heard.listen(10)
        assert row["url"] == article.link
        assert row["text"].startswith("Acme & Co recalls\n\nKlanten")
        assert row["author"] == article.link.split("/")[2].removeprefix("www.")
        assert "<b>" not in row["text"]

    told(story, secret=True)


def test_an_edit_is_told_once_for_each_version() -> None:
    """A change of words; not a change of ids or counters, and nothing for what flaps between two copies."""

    async def story(press: Press) -> None:
        press.platform.feeds[RSS].ttl = "shuffle"  # its guids change at each look
        article = press.platform.publish(RSS, ATOM, text="first")
        await press.heard.listen(200)
        for text in ("second", "first", "second", "first"):
            article.text = text
            await press.heard.listen(200)
        assert (len(press.heard.ids()), len(press.heard.ids("update"))) == (1, 1)
        (edit,) = [row for row in press.heard.rows if row["kind"] == "update"]
        assert edit["id"] == press.heard.ids()[0]
        assert "second" in edit["text"]
        for number in range(50):
            article.text = f"{number} readers"
            await press.heard.listen(70)
        assert len(press.heard.ids("update")) <= 8, "a text that goes on changing is a counter"

    told(story)


# ---- cheaply, and in its own time


def test_an_unchanged_feed_is_a_304_and_still_a_sign_of_life() -> None:
    async def story(press: Press) -> None:
        press.platform.publish(RSS, ATOM)
        await press.heard.listen(10)
        before, batches = press.platform.unchanged, press.heard.batches
        await press.heard.listen(600)
        assert press.platform.unchanged - before == press.platform.asked - 2
        assert press.heard.batches - batches >= 16
        assert press.heard.known_until_ms is not None
        assert now_ms() - press.heard.known_until_ms < 130_000
        assert press.heard.costs == press.platform.asked
        known = read_place(press.heard.place, [key_of(RSS)])[key_of(RSS)]
        assert now_ms() - known.good_ms < 400_000, "what is found unchanged is noted, though not each time"

    told(story)


def test_a_new_process_asks_as_cheaply_and_brings_nothing_twice() -> None:
    """What is needed for that stands in the place."""

    async def story(press: Press) -> None:
        for _ in range(10):
            press.platform.publish(RSS, ATOM)
        await press.heard.listen(30)
        heard = Heard(press.source(), press.heard.place)
        article = press.platform.publish(ATOM)
        await heard.listen(30)
        assert [f"{NAME}:{name}" for name in heard.ids()] == [article.id]
        assert press.platform.unchanged == 1

    told(story)


@pytest.mark.parametrize(
    ("ttl", "age", "wait_s"), [("30", "", 1800), ("", "max-age=1200", 1200), ("900", "", 3600), ("0", "max-age=1", 60)]
)
def test_a_feed_is_left_alone_for_as_long_as_it_asks_within_bounds(ttl: str, age: str, wait_s: int) -> None:
    """Never more often than configured, never less than once an hour."""

    async def story(press: Press) -> None:
        press.platform.feeds[RSS].ttl = ttl
        press.platform.feeds[RSS].headers = {"Cache-Control": f"public, {age}"} if age else {}
        times: list[int] = []
        asked = press.platform.handle_async_request

        async def timed(request: Any) -> Any:
            times.append(now_ms())
            return await asked(request)

        press.platform.handle_async_request = timed  # type: ignore[method-assign]
        await press.heard.listen(4 * wait_s)
        waits = [(b - a) / 1000 for a, b in pairwise(times)]
        assert all(wait_s <= wait <= 1.1 * wait_s + 1 for wait in waits)
        assert len(waits) >= 2
        assert press.heard.batches >= 4 * wait_s // 66 - 3, "it lives meanwhile"

    told(story, Feed(RSS, 60.0))


def test_retry_after_is_honoured_and_other_feeds_go_on() -> None:
    async def story(press: Press) -> None:
        await press.heard.listen(10)
        press.platform.faults = ["503"]
        await press.heard.listen(300)
        assert not press.heard.troubles
        press.platform.publish(RSS, ATOM)
        assert len(await press.heard.listen(200)) == 1

    told(story)


def test_one_broken_feed_holds_up_no_other_and_shows_as_lag() -> None:
    async def story(press: Press) -> None:
        await press.heard.listen(10)
        del press.platform.feeds[ATOM]
        for _ in range(5):
            press.platform.publish(RSS)
            assert len(await press.heard.listen(300)) == 1
        assert not press.heard.troubles
        assert press.heard.known_until_ms is not None
        assert now_ms() - press.heard.known_until_ms > 1_300_000

    told(story)


def test_when_no_feed_can_be_read_it_says_so_and_when_to_try_again() -> None:
    async def story(press: Press) -> None:
        press.platform.feeds.clear()
        await press.heard.listen(100)
        (trouble, *_) = press.heard.troubles
        assert isinstance(trouble, Trouble)
        assert "404" in str(trouble)
        assert trouble.retry_s is not None
        assert 30 <= trouble.retry_s <= 70
        assert press.heard.batches == 0, "a failed look is no sign of life"
        assert press.around.purse.spent("requests", since_ms=0) >= 1

    told(story)


# ---- moved, and gone


def test_a_feed_that_moved_is_followed_and_told() -> None:
    """Three hops at most, and `check` says where it is now."""

    async def story(press: Press) -> None:
        press.platform.feeds["https://new.example/feed"] = FakeFeed()
        press.platform.feeds[RSS].moved = "301 https://new.example/feed"
        press.platform.publish("https://new.example/feed")
        with structlog.testing.capture_logs() as logs:
            assert len(await press.heard.listen(300)) == 1
        assert [line["host"] for line in logs if "moved" in line["event"]] == ["new.example"]
        sample = await press.source().check()
        assert any("https://new.example/feed" in words for words in sample.words)
        assert not sample.complete

    told(story, Feed(RSS, 60.0))


@pytest.mark.parametrize(
    "where", ["http://daily.example/feed", "http://127.0.0.1/feed", "ftp://a.example/", "//[", RSS]
)
def test_a_redirect_to_elsewhere_is_not_followed(where: str) -> None:
    """Not to http, not around in circles, not out of the web."""

    async def story(press: Press) -> None:
        press.platform.feeds[RSS].moved = f"302 {where}"
        await press.heard.listen(30)
        assert press.heard.troubles
        assert press.platform.asked <= 4
        assert where not in str(press.heard.troubles[0])
        assert {request.url.scheme for request in press.platform.requests} == {"https"}

    told(story, Feed(RSS, 60.0))


async def test_a_redirect_inside_is_refused_by_the_guard() -> None:
    """On a real socket: the platform may be asked, what it leads to may not."""
    platform = FakeFeeds(lambda: 1_770_000_000_000, random.Random(1))
    async with served(platform) as address, served(platform) as inner:
        base, other = (one if one.startswith("http") else f"http://{one}" for one in (address, inner))
        platform.feeds = {f"{base}/a": FakeFeed(), f"{other}/b": FakeFeed()}
        platform.feeds[f"{base}/a"].moved = f"302 {other}/b"
        place = base.split("//")[1].rstrip("/")
        web = Web(Rules(ports=(), plain=(place,), unencrypted=True))
        source = FeedSource(NAME, FeedOptions((Feed(f"{base}/a", insecure=True),)), web=web, around=surroundings_now())
        with pytest.raises(Denied, match="private network"):
            await anext(source.batches(None))
        assert platform.asked == 1
        await web.close()


def test_a_feed_that_is_gone_for_good_is_told_once_and_let_be() -> None:
    async def story(press: Press) -> None:
        press.platform.feeds[ATOM].gone = True
        with structlog.testing.capture_logs() as logs:
            await press.heard.listen(7_200)
        assert len([line for line in logs if "gone for good" in line["event"]]) == 1
        assert sum(str(request.url) == ATOM for request in press.platform.requests) <= 1
        assert press.heard.known_until_ms is not None
        assert now_ms() - press.heard.known_until_ms < 130_000, "what is gone holds up nothing"

    told(story)


def test_when_all_are_gone_a_human_must_act() -> None:
    async def story(press: Press) -> None:
        press.platform.feeds[RSS].gone = True
        await press.heard.listen(10)
        assert isinstance(press.heard.troubles[0], Denied)
        assert "410" in str(press.heard.troubles[0])

    told(story, Feed(RSS, 60.0))


# ---- what is missing, and what is old


def test_a_window_that_moved_on_unseen_is_a_gap_of_depth() -> None:
    async def story(press: Press) -> None:
        first = press.platform.publish(RSS)
        await press.heard.listen(10)
        lost = [press.platform.publish(RSS)]
        await asyncio.sleep(20)
        for _ in range(40):
            press.platform.publish(RSS)
        await press.heard.listen(100)
        (gap,) = press.heard.gaps
        assert (gap.reason, gap.filled) == ("depth", False)
        assert gap.since_ms <= first.at_ms <= lost[0].at_ms <= gap.until_ms
        assert f"{NAME}:{press.heard.ids()[-1]}" != lost[0].id
        for _ in range(20):
            press.platform.publish(RSS)
        await press.heard.listen(100)
        assert len(press.heard.gaps) == 1, "what still overlaps is none"

    told(story, Feed(RSS, 60.0))


def test_what_is_found_at_first_and_after_a_pause_is_a_back_fill() -> None:
    """As far as it is not fresh; and the pause is a gap that was filled."""

    async def story(press: Press) -> None:
        press.platform.publish(RSS)
        await asyncio.sleep(3_600)
        press.platform.publish(RSS)
        rows = await press.heard.listen(90)
        assert [row.get("live", True) for row in rows] == [False, True]
        left_ms = now_ms()
        press.platform.publish(RSS)
        await asyncio.sleep(3_600)
        press.platform.publish(RSS)
        heard = Heard(press.source(), press.heard.place)
        rows = await heard.listen(10)
        assert [row.get("live", True) for row in rows] == [False, True]
        (gap,) = heard.gaps
        assert (gap.reason, gap.filled) == ("away", True)
        assert left_ms - 90_000 <= gap.since_ms <= left_ms
        assert now_ms() - 10_000 <= gap.until_ms <= now_ms()

    told(story, Feed(RSS, 60.0))


def test_what_came_late_after_a_short_trouble_is_news_and_no_gap() -> None:
    async def story(press: Press) -> None:
        await press.heard.listen(10)
        press.platform.stalled = asyncio.Event()
        listening = asyncio.create_task(press.heard.listen(700))
        await asyncio.sleep(60)
        press.platform.publish(RSS)
        await asyncio.sleep(240)
        press.platform.stalled.set()
        press.platform.stalled = None
        (row,) = await listening
        assert "live" not in row
        assert press.heard.gaps == []

    told(story, Feed(RSS, 60.0))


def test_an_entry_without_a_date_is_as_old_as_our_first_sight_of_it() -> None:
    async def story(press: Press) -> None:
        press.platform.feeds[RSS].dated = False
        press.platform.publish(RSS)
        await press.heard.listen(90)
        press.platform.publish(RSS)
        before_ms = now_ms()
        (row,) = await press.heard.listen(90)
        assert "live" not in row
        assert before_ms <= parse_rfc3339(row["created_at"]) <= now_ms()
        assert press.heard.rows[0]["live"] is False, "it may be of any age"

    told(story, Feed(RSS, 60.0))


# ---- documents


def test_every_dialect_is_read() -> None:
    """RSS 0.91 to 2.0, RDF, Atom; with a namespace or without."""
    rdf = (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>t</title></channel><item><title>Acme</title>'
        "<link>https://a.example/1</link><dc:creator>Jo</dc:creator><dc:date>2026-11-22T10:00:00+01:00</dc:date></item></rdf:RDF>"
    )
    (entry,) = listing(rdf).entries
    assert (entry.text, entry.author, entry.created_ms) == ("Acme", "Jo", 1_795_338_000_000)
    old = (
        '<rss version="0.91"><channel><item><title>Acme</title><link>https://a.example/1</link></item></channel></rss>'
    )
    assert [one.key for one in listing(old).entries] == [entry.key]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "iso-8859-1", "windows-1252", "utf-16"])
def test_the_encoding_that_a_document_names_is_used(encoding: str) -> None:
    text = (
        f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?>'
        + rss("<item><title>één café</title></item>")[21:]
    )
    assert listing(text.encode(encoding), content_type="application/xml").entries[0].text == "één café"


def test_a_wrong_encoding_costs_characters_and_no_article() -> None:
    """Named UTF-8, written as something else; and bytes that are no characters at all."""
    items = "".join(f"<item><title>caf\xe9 {n}</title><link>https://a.example/{n}</link></item>" for n in range(3))
    found = listing(rss(items).replace("?>", ' encoding="utf-8"?>', 1).encode("latin-1"))
    assert [entry.text[:3] for entry in found.entries] == ["caf"] * 3
    assert len(listing(rss("<item><title>a\x00\x01b</title><link>https://a.example/1</link></item>")).entries) == 1


def test_a_packed_feed_is_unpacked_as_far_as_it_may_grow() -> None:
    body = rss("<item><title>Acme</title></item>").encode()
    assert listing(gzip.compress(body), content_encoding="gzip").entries[0].text == "Acme"
    for packed in (gzip.compress(b"x" * (4 * LARGEST_BYTES)), gzip.compress(body)[:-12], b"\x1f\x8b junk"):
        with pytest.raises(NoFeed) as no:
            listing(packed)
        assert no.value.reason in ("packed", "too_large")


def test_entities_that_are_made_to_grow_are_not_read() -> None:
    """A billion laughs, one long laugh often, and one from outside; named characters are read."""
    names = "abcdefghij"
    nested = "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in pairwise(names))
    bombs = [
        f'<!DOCTYPE x [<!ENTITY a "lol">{nested}]>' + rss("<item><title>&j;</title></item>")[21:],
        f'<!DOCTYPE x [<!ENTITY a "{"A" * 100_000}">]>' + rss(f"<item><title>{'&a;' * 10_000}</title></item>")[21:],
        '<!DOCTYPE x [<!ENTITY % a SYSTEM "http://127.0.0.1/x"> <!ENTITY b "%a;">]>' + rss("")[21:],
    ]
    for bomb in bombs:
        with pytest.raises(NoFeed) as no:
            listing(bomb)
        assert no.value.reason == "grows"
    outside = (
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + rss("<item><title>Acme &a;</title></item>")[21:]
    )
    assert "root:" not in listing(outside).entries[0].text
    honest = '<!DOCTYPE rss [<!ENTITY nbsp "&#160;">]>' + rss("<item><title>Acme&nbsp;is down</title></item>")[21:]
    assert listing(honest).entries[0].text.split() == ["Acme", "is", "down"]


def test_a_hidden_bomb_stays_within_bounds() -> None:
    """In an encoding that hides it from our eyes, the parser's own limits hold."""
    names = "abcdefghij"
    nested = "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in pairwise(names))
    bomb = f'<!DOCTYPE x [<!ENTITY a "lol">{nested}]>' + rss("<item><title>&j;</title></item>")[21:]
    tracemalloc.start()
    try:
        with pytest.raises(NoFeed):
            listing(f'<?xml version="1.0" encoding="utf-16"?>{bomb}'.encode("utf-16"))
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 50_000_000


def test_what_is_no_feed_is_said_to_be_none() -> None:
    for body, reason in [
        ("<!doctype html><html><body>Sign in</body></html>", "not_a_feed"),
        ("", "not_a_feed"),
        ('{"items": []}', "not_a_feed"),
        ("<a>" * (MOST_TAGS + 1), "too_large"),
        ("x" * (LARGEST_BYTES + 1), "too_large"),
    ]:
        with pytest.raises(NoFeed) as no:
            listing(body)
        assert no.value.reason == reason
    assert listing(rss("")).entries == (), "an empty feed is one"


def test_a_huge_feed_is_read_to_its_bound() -> None:
    found = listing(rss("".join(f"<item><link>https://a.example/{n}</link></item>" for n in range(3_000))))
    assert len(found.entries) == MOST_ENTRIES


def test_a_feed_that_was_cut_off_gives_what_is_whole() -> None:
    """Its last entry may have lost its half, and is left for the next time."""
    items = "".join(f"<item><title>Acme {n} is down</title><link>https://a.example/{n}</link></item>" for n in range(9))
    found = listing(rss(items)[:480])
    assert not found.whole
    assert 3 <= len(found.entries) < 9
    assert all(entry.text.endswith("is down") for entry in found.entries)


def test_a_feed_whose_links_all_lead_to_its_first_page_is_told_apart_by_ids() -> None:
    items = "".join(
        f"<item><title>Acme {n}</title><link>https://a.example/</link><guid>g{n}</guid></item>" for n in range(3)
    )
    assert len({entry.key for entry in listing(rss(items)).entries}) == 3
    unnamed = "".join(f"<item><title>Acme {n}</title></item>" for n in range(3))
    assert len({entry.key for entry in listing(rss(unnamed)).entries}) == 3


def test_no_document_stops_the_reading() -> None:
    """Eight hundred that were cut, doubled and overwritten at random."""
    rng = random.Random(1)
    platform = FakeFeeds(lambda: 1_770_000_000_000, rng)
    platform.feeds = {name: FakeFeed(dialect=name, window=3) for name in ("rss", "atom", "alerts")}
    for name in platform.feeds:
        platform.publish(name)
        platform.publish(name)
    bodies = [feed.written(1_770_000_000_000) for feed in platform.feeds.values()]
    for _ in range(800):
        body = bytearray(rng.choice(bodies))
        for _ in range(rng.randrange(1, 8)):
            at = rng.randrange(len(body))
            end = min(len(body), at + rng.randrange(1, 60))
            body[at:end] = rng.choice(
                [b"", rng.randbytes(5), body[at:end] * 3, b"<![CDATA[", b"&#x110000;", b"]]>", b"<!--"]
            )
        try:
            found = listing_of(bytes(body), {"content-type": rng.choice(["", "text/xml; charset=x"])}, HERE)
        except NoFeed:
            continue
        assert all(len(entry.key) == 20 for entry in found.entries)


# ---- places and secrets


def test_a_place_that_nobody_can_read_is_none() -> None:
    async def story(press: Press) -> None:
        press.platform.publish(RSS)
        for place in ("17", "", "[]", "{", '{"x": {"t": "y"}}', place_text({"another": FeedKnown(5)})):
            heard = Heard(press.source(), place)
            assert len(await heard.listen(10)) == 1

    told(story, Feed(RSS, 60.0))


def test_a_place_stays_small_for_as_long_as_a_feed_lives() -> None:
    async def story(press: Press) -> None:
        for _ in range(60):
            for _ in range(30):
                press.platform.publish(RSS)
            await press.heard.listen(70)
        known = press.heard.place or ""
        assert len(press.heard.ids()) == 1_800
        assert len(known) < 10_000 * 40
        assert ALERTS not in known

    told(story, Feed(RSS, 60.0), secret=True)


def test_the_address_of_an_alert_is_seen_nowhere() -> None:
    """Not in logs, words, dead letters or places, when it fails in every way there is."""

    async def story(press: Press) -> None:
        with structlog.testing.capture_logs() as logs:
            for fault in ("404", "page", "cut", "500", "429"):
                press.platform.faults = [fault] * 3
                await press.heard.listen(120)
            press.platform.feeds[ALERTS].moved = f"301 {ALERTS}0"
            await press.heard.listen(2_000)
            sample = await press.source().check()
        everything = f"{logs}{press.heard.troubles}{press.heard.bad}{press.heard.place}{sample}{press.heard.source!r}"
        assert ALERTS.split("/")[-2] not in everything
        assert ALERTS.split("/")[-1] not in everything
        assert len(logs) >= 4

    told(story, secret=True)


# ---- over a wire


def surroundings_now() -> Any:
    """A world of one moment: nothing waits in it."""
    return surroundings()._replace(clock=lambda: 1_770_000_000_000)


async def test_over_a_real_connection_a_feed_is_read_and_then_unchanged() -> None:
    """With the headers as they come over a socket."""
    platform = FakeFeeds(lambda: 1_770_000_000_000, random.Random(1))
    async with served(platform) as address:
        base = address if address.startswith("http") else f"http://{address}"
        url = f"{base.rstrip('/')}/feed"
        platform.feeds = {url: FakeFeed(dialect="atom")}
        article = platform.publish(url)
        web = Web(Rules(ports=(), plain=("127.0.0.1",)))
        options = FeedOptions((Feed(url, insecure=True),))
        source = FeedSource(NAME, options, web=web, around=surroundings_now())
        batch = await anext(source.batches(None))
        assert len(batch.rows) == 1
        assert str(link_id(article.link)).encode() in batch.rows[0]
        again = FeedSource(NAME, options, web=web, around=surroundings_now())
        assert (await anext(again.batches(batch.place))).rows == []
        assert platform.unchanged == 1
        assert platform.requests[-1].headers["user-agent"].startswith("Tocsin")
        await web.close()
