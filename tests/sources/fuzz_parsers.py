"""Every parser of every source, driven by one payload as its source drives it, and what became of the payload.

Streams get one good event more behind what is bad: it must come through. Lists are counted by their length.
"""

import asyncio
import os
import tempfile
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import msgspec

from stream.reading import BadMention, Reader
from stream.sources import apple_reviews, brandwatch, feeds, gdelt_parse, hackernews, reddit_parse, x_posts, youtube
from stream.sources.bodies import BadBody, items_of
from stream.sources.chunks import LARGEST_BYTES, Chunks
from stream.sources.column_map import ColumnMap
from stream.sources.contract import BadPayload, Denied, Surroundings, Trouble
from stream.sources.feed_parse import NoFeed, listing_of
from stream.sources.file_rows import lines_of, look_at
from stream.sources.guard import Answer
from stream.sources.jetstream import Jetstream, JetstreamOptions, _read
from stream.sources.jetstream_counts import Public
from stream.sources.jetstream_events import BadEvent
from stream.sources.mappings import MELTWATER, YOUSCAN, rows_in
from stream.sources.mastodon import Mastodon, MastodonOptions
from stream.sources.mastodon_events import BadStatus, Sse, counts_row, read_status, read_statuses, status_row
from stream.sources.rows import row_bytes
from stream.sources.shapes import Shape, Unreadable, encode, rule
from stream.sources.tables import BadFile
from stream.sources.talkwalker import Talkwalker, TalkwalkerOptions
from stream.sources.values import Dates
from stream.sources.web import Web
from stream.sources.x_posts import Lines
from stream.sources.x_search import Searches, _counted, _gone
from stream.sources.x_stream import XOptions, XStream, _Place
from stream.sources.youtube_posts import answer_of, counts_of, row_of
from tests.sources import fuzz_payloads as shapes
from tests.sources.hearing import Purse

NOW_MS = 1_767_625_200_000
"""Two minutes after the posts were written."""


class Lost(AssertionError):  # noqa: N818 - what became of it
    """Something stood in a payload and is neither a row, nor bad, nor by rule none of ours."""


class Outcome(NamedTuple):
    """What became of one payload."""

    rows: Sequence[bytes] = ()
    bad: Sequence[BadPayload] = ()
    others: int = 0
    """Whole and none of ours, by a rule: a like, a status for followers alone, an empty page."""
    refused: str = ""
    """The words of what ends the connection: it is tried again."""


class Parser(NamedTuple):
    """One parser."""

    name: str
    payloads: Sequence[bytes]
    judge: Callable[[bytes], Outcome]
    share: float
    """Of all payloads, in thousandths: what is slow gets fewer."""
    quotes: bool = False
    """Whether its lines for humans quote the beginning of a value."""


class _All(Collection[str]):
    """Every conversation matters."""

    def tracked(self, mention_id: str) -> bool:
        return True

    def open(self, source: str) -> Sequence[str]:
        return ()

    def __contains__(self, one: object) -> bool:
        return True

    def __iter__(self) -> Any:
        return iter(())

    def __len__(self) -> int:
        return 0


AROUND = Surroundings(lambda: NOW_MS, Purse(), _All())
WEB = Web(transport=httpx.MockTransport(lambda _: httpx.Response(500)))


def _counted_all(stood: int, found: int, what: str) -> None:
    if stood != found:
        raise Lost(f"{what}: {stood} stood there, {found} were judged")


# ---- Bluesky


def bluesky() -> Callable[[bytes], Outcome]:
    """A frame of Jetstream, text as most are."""
    source = Jetstream("bluesky", JetstreamOptions(("wss://a.example",), public_url=""), web=WEB, around=AROUND)

    def judge(payload: bytes) -> Outcome:
        try:
            frame: str | bytes = payload.decode()
        except UnicodeDecodeError:
            frame = payload
        events, bad = _read([frame])
        rows = []
        for event in events:
            try:
                row = source._row(event, 0)
            except BadEvent as unread:
                bad.append(BadPayload(unread.reason, unread.detail, payload))
            else:
                rows += [] if row is None else [row_bytes(row)]
        source._tallies.rows(NOW_MS)
        return Outcome(rows, bad, others=len(events))

    return judge


class _Said:
    """A web that answers one thing."""

    def __init__(self) -> None:
        self.body = b""

    async def get(self, url: str, headers: object = None) -> Answer:
        return Answer(200, httpx.Headers(), self.body)


def bluesky_public() -> Callable[[bytes], Outcome]:
    """Counts and profiles: what cannot be read is not known, and costs no post."""
    web, now = _Said(), [NOW_MS]
    public = Public(web, "https://public.example", lambda: now[0], per_min=600)  # type: ignore[arg-type]

    async def asked() -> None:
        did = f"{shapes.DID}{now[0]}"
        await public.posts([shapes.URI])
        await public.profiles([did])
        await public.dids(["a.example"])

    runner = asyncio.Runner()

    def judge(payload: bytes) -> Outcome:
        web.body = payload
        now[0] += 120_000
        runner.run(asked())
        return Outcome(others=1)

    return judge


# ---- Mastodon


def mastodon_stream() -> Callable[[bytes], Outcome]:
    """Pieces of a stream, and one more delete behind them."""
    options = MastodonOptions("https://social.example")
    source = Mastodon("fedi", options, web=WEB, around=AROUND, token="t")

    def judge(payload: bytes) -> Outcome:
        rows: list[bytes] = []
        bad: list[BadPayload] = []
        sse, half, last, others = Sse(), len(payload) // 2, None, 0
        try:
            for piece in (payload[:half], payload[half:], b"\n\n", b"event: delete\ndata: 31337\n\n"):
                for said in sse.read(piece):
                    last = said
                    try:
                        row = source._row(said, NOW_MS)
                    except BadStatus as unread:
                        bad.append(BadPayload(unread.reason, unread.detail, said.data.encode("utf-8", "replace")))
                    else:
                        others += row is None
                        rows += [] if row is None else [row_bytes(row)]
        except Trouble as trouble:
            return Outcome(rows, bad, refused=str(trouble))
        if last is None or (last.name, last.data) != ("delete", "31337"):
            raise Lost("an event behind a bad one")
        # A line whose name is none of the standard's is passed over, as the standard has it.
        return Outcome(rows[:-1], bad, others or 1)

    return judge


def mastodon_page(payload: bytes) -> Outcome:
    """A timeline, and what is asked for again."""
    rows: list[bytes] = []
    bad: list[BadPayload] = []
    others = 0
    try:
        listed = read_statuses(payload)
    except Trouble as trouble:
        return Outcome(refused=str(trouble))
    for body in listed:
        try:
            status = read_status(body)
        except BadStatus as unread:
            bad.append(BadPayload(unread.reason, unread.detail, bytes(body)))
            continue
        row = status_row(status, "social.example", edit=bool(status.edited_at))
        others += row is None
        rows += [row_bytes(one) for one in (row, counts_row(status, NOW_MS)) if one is not None]
    return Outcome(rows, bad, others + (not listed))


# ---- X


def x_stream() -> Callable[[bytes], Outcome]:
    """Lines of the stream, and one post more behind them."""
    source = XStream("x", XOptions(()), web=WEB, around=AROUND, bearer_token="t")
    good = x_posts.row_of({"id": "31337", "text": "hi", "created_at": shapes.AT}, {}, {})
    behind = b'\r\n{"data":{"id":"31337","text":"hi","created_at":"%s"}}\r\n' % shapes.AT.encode()

    def judge(payload: bytes) -> Outcome:
        lines, place = Lines(), _Place()
        half = len(payload) // 2
        rows: list[bytes] = []
        bad: list[BadPayload] = []
        refused = ""
        for piece in (payload[:half], payload[half:] + behind):
            batch, problem = source._batch(lines, piece, place)
            rows += batch.rows
            bad += batch.bad
            refused = refused or (str(problem) or type(problem).__name__ if problem is not None else "")
        if not rows or rows[-1] != good:
            raise Lost("a post behind a bad line")
        blank = not payload.strip()
        return Outcome(rows[:-1], bad, others=int(blank), refused=refused)

    return judge


def x_page() -> Callable[[bytes], Outcome]:
    """A page of a search."""
    source = XStream("x", XOptions(()), web=WEB, around=AROUND, bearer_token="t")
    searches: Searches = source._searches

    def judge(payload: bytes) -> Outcome:
        try:
            page = x_posts.frame_of(payload)
            found = searches.found(page)
        except (x_posts.Unreadable, Trouble) as why:
            return Outcome(refused=str(why))
        stood = page.get("data")
        _counted_all(len(stood) if isinstance(stood, list) else int(stood is not None), found.posts, "posts")
        _counted_all(found.posts, len(found.rows) + len(found.bad), "posts")
        return Outcome(found.rows, found.bad, others=not found.posts)

    return judge


def x_look(payload: bytes) -> Outcome:
    """Posts that were asked for by their ids: one that cannot be read keeps the counts it had."""
    try:
        found = x_posts.frame_of(payload)
    except x_posts.Unreadable as why:
        return Outcome(refused=str(why))
    rows, _ = _counted(found)
    _gone(found)
    x_posts.problems_of(found)
    return Outcome(rows, others=1)


# ---- Apple, YouTube


def apple(payload: bytes) -> Outcome:
    """A page of reviews."""
    try:
        entries = apple_reviews.entries_of(payload, "nl")
    except Trouble as trouble:
        return Outcome(refused=str(trouble))
    reviews, bad = apple_reviews._reviews_in(entries)
    _counted_all(len(entries), len(reviews) + len(bad), "entries")
    rows = [apple_reviews.row_of(one._replace(written_ms=one.written_ms or NOW_MS)) for one in reviews]
    return Outcome(rows, bad, others=not entries)


def youtube_threads(payload: bytes) -> Outcome:
    """A page of threads."""
    found = answer_of(payload)
    if found is None:
        return Outcome(refused="no JSON")
    try:
        threads, bad = youtube._threads_in(found)
    except Trouble as trouble:
        return Outcome(refused=str(trouble))
    stood = found.get("items")
    _counted_all(
        len(stood) if isinstance(stood, list) else int(stood is not None),
        len(threads) + sum(one.reason != "bad_answer" for one in bad),
        "threads",
    )
    comments = [one for thread in threads for one in (thread.head, *thread.answers)]
    return Outcome([row_of(one, NOW_MS) for one in comments] + [counts_of(one) for one in comments], bad, not threads)


def youtube_comments(payload: bytes) -> Outcome:
    """A page of answers."""
    found = answer_of(payload)
    if found is None:
        return Outcome(refused="no JSON")
    try:
        comments, bad = youtube._comments_in(found, "Ugx")
    except Trouble as trouble:
        return Outcome(refused=str(trouble))
    stood = found.get("items")
    _counted_all(
        len(stood) if isinstance(stood, list) else int(stood is not None), len(comments) + len(bad), "comments"
    )
    return Outcome([row_of(one, NOW_MS, edited=True) for one in comments], bad, others=not comments)


def youtube_refusal(payload: bytes) -> Outcome:
    """What is answered with another status."""
    why = youtube.refusal_of(403, answer_of(payload), "UC1")
    if not isinstance(why, Trouble | Denied | youtube.QuotaSpent):
        raise why
    return Outcome(refused=str(why) or type(why).__name__)


# ---- the press


def feed(payload: bytes) -> Outcome:
    """A document of RSS or Atom."""
    try:
        listing = listing_of(payload, {"content-type": "application/xml"}, "https://news.example/feed")
    except NoFeed as no:
        return Outcome(bad=[BadPayload(no.reason, no.detail, payload)])
    rows = [feeds._row(entry, "create", NOW_MS, live=True) for entry in listing.entries]
    return Outcome(rows, others=1)


def gdelt(payload: bytes) -> Outcome:
    """An answer of the search."""
    try:
        found = gdelt_parse.found_in(payload)
    except gdelt_parse.NotTaken as why:
        # The platform's own words on our query, cut: no platform says what is put into them here.
        return Outcome(refused=str(why).replace(shapes.MARK, "") or "not taken")
    except (gdelt_parse.Busy, gdelt_parse.NoAnswer, gdelt_parse.Unreadable) as why:
        return Outcome(refused=type(why).__name__)
    stood = gdelt_parse._decoded(payload.strip().removeprefix(b"\xef\xbb\xbf")).get("articles", [])
    _counted_all(len(stood), len(found.articles) + len(found.bad), "articles")
    return Outcome([gdelt_parse.row_of(one, live=True) for one in found.articles], found.bad, others=not stood)


def reddit(payload: bytes) -> Outcome:
    """A listing."""
    try:
        page = reddit_parse.page_of(payload)
    except reddit_parse.Unreadable:
        return Outcome(refused="unreadable")
    stood = reddit_parse.mapping_of(payload)["data"]["children"]
    _counted_all(len(stood), len(page.things) + len(page.bad), "things")
    rows = [reddit_parse.row_of(one, kind) for one in page.things for kind in ("create", "engagement") if not one.gone]
    gone = sum(one.gone for one in page.things)
    return Outcome(rows, [BadPayload("bad_post", "", body) for body in page.bad], others=gone or not stood)


def hacker_news() -> Callable[[bytes], Outcome]:
    """An answer of Algolia's search."""
    options = hackernews.HackerNewsOptions(("acme",))
    source = hackernews.HackerNews("hn", options, web=WEB, around=AROUND)

    def judge(payload: bytes) -> Outcome:
        source._seen.clear()  # as each connection does
        found = hackernews.found_in(payload)
        if found is None:
            return Outcome(bad=[BadPayload("not_a_result", "", payload)])
        batch, times = source._page(found)
        alike = len(found.hits) - len({bytes(hit) for hit in found.hits})
        if not len(found.hits) - alike <= len(times) + len(batch.bad) <= len(found.hits):
            raise Lost(f"hits: {len(found.hits)} stood there, {len(times)} + {len(batch.bad)} were judged")
        return Outcome(batch.rows, batch.bad, others=not batch.rows and not batch.bad)

    return judge


def hacker_news_item(payload: bytes) -> Outcome:
    """An item, asked for again; what cannot be read says nothing."""
    item = hackernews._read(hackernews._item_of, payload)
    return Outcome([] if item is None else [encode(hackernews.late_row_of(item))], others=1)


# ---- vendors and files


def talkwalker() -> Callable[[bytes], Outcome]:
    """Chunks, and one more behind them."""
    options = TalkwalkerOptions("acme", "https://api.example")
    source = Talkwalker("tw", options, web=WEB, around=AROUND, token="t")
    behind = b'{"chunk_type":"CT_CONTROL","chunk_control":{"resume_offset":"o31337"}}'

    def judge(payload: bytes) -> Outcome:
        chunks, half = Chunks(b'"chunk_type"'), len(payload) // 2
        rows: list[bytes] = []
        bad: list[BadPayload] = []
        place: str | None = None
        for piece in (payload[:half], payload[half:], b" ", behind):
            batch, failure = source._read(chunks.feed(piece), {})
            rows += batch.rows
            bad += batch.bad
            place = batch.place or place
            if failure is not None:
                return Outcome(rows, bad, refused=failure.code)
            if len(chunks._held) > LARGEST_BYTES + len(payload):
                raise Lost("a stream that is held without end")
        if place != f"{NOW_MS} o31337":
            raise Lost("a chunk behind a bad one")
        return Outcome(rows, bad, others=1)

    return judge


def brandwatch_page(payload: bytes) -> Outcome:
    """A page of a listing."""
    try:
        page = brandwatch._parse(payload, NOW_MS)
    except Unreadable as why:
        return Outcome(refused=why.reason)
    _counted_all(page.size, len(page.found) + len(page.bad), "mentions")
    return Outcome([encode(one.row) for one in page.found], page.bad, others=not page.size)


def vendor(shape: Shape) -> Callable[[bytes], Outcome]:
    """What a vendor posts."""

    def judge(payload: bytes) -> Outcome:
        rows, bad = rows_in(payload, shape, NOW_MS)
        return Outcome(rows, [BadPayload(*one) for one in bad], others=not rows and not bad)

    return judge


COLUMNS = ColumnMap(
    Shape(
        {
            "id": rule("Bericht ID"),
            "created_at": rule("Datum", "Tijd", join=" "),
            "text": rule("Bericht"),
            "author": rule("Auteur"),
            "author_followers": rule("Volgers"),
        },
        dates=Dates("Europe/Amsterdam"),
    )
)


def files() -> Callable[[bytes], Outcome]:
    """An export in a directory, by a map of its columns."""
    shelf = Path(tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None))  # noqa: PTH112
    path = shelf / "export.csv"

    def judge(payload: bytes) -> Outcome:
        path.write_bytes(payload)
        rows: list[bytes] = []
        bad: list[BadPayload] = []
        try:
            for line in lines_of(path, look_at(path, COLUMNS, "Europe/Amsterdam"), NOW_MS):
                if line.row is None:
                    bad.append(BadPayload(line.reason, line.detail, line.raw))
                else:
                    rows.append(line.row)
        except BadFile as why:
            bad.append(BadPayload(why.reason, why.detail, payload))
        finally:
            path.unlink()
        return Outcome(rows, bad, others=not rows and not bad)

    return judge


def interchange(payload: bytes) -> Outcome:
    """A body in our own form; each of its items is read right after."""
    try:
        return Outcome(items := items_of(payload), others=not items)
    except BadBody as bad:
        return Outcome(bad=[BadPayload(bad.reason, "the whole body", payload)])


def parsers() -> tuple[Parser, ...]:
    """All of them, anew."""
    return (
        Parser("bluesky", shapes.JETSTREAM, bluesky(), 190),
        Parser("bluesky public", shapes.BLUESKY_PUBLIC, bluesky_public(), 5),
        Parser("mastodon stream", shapes.MASTODON_STREAM, mastodon_stream(), 80),
        Parser("mastodon page", shapes.MASTODON_PAGE, mastodon_page, 40),
        Parser("x stream", shapes.X_STREAM, x_stream(), 80),
        Parser("x page", shapes.X_PAGE, x_page(), 40),
        Parser("x look", shapes.X_LOOK, x_look, 20),
        Parser("apple", shapes.APPLE, apple, 60),
        Parser("youtube threads", shapes.YOUTUBE_THREADS, youtube_threads, 40),
        Parser("youtube comments", shapes.YOUTUBE_COMMENTS, youtube_comments, 30),
        Parser("youtube refusals", shapes.YOUTUBE_REFUSALS, youtube_refusal, 10),
        Parser("feeds", shapes.FEEDS, feed, 4),
        Parser("gdelt", shapes.GDELT, gdelt, 30, quotes=True),
        Parser("reddit", shapes.REDDIT, reddit, 60),
        Parser("hackernews", shapes.HACKERNEWS, hacker_news(), 50),
        Parser("hackernews items", shapes.HACKERNEWS_ITEMS, hacker_news_item, 20),
        Parser("talkwalker", shapes.TALKWALKER, talkwalker(), 50, quotes=True),
        Parser("brandwatch", shapes.BRANDWATCH, brandwatch_page, 25, quotes=True),
        Parser("meltwater", shapes.MELTWATER, vendor(MELTWATER), 40, quotes=True),
        Parser("youscan", shapes.YOUSCAN, vendor(YOUSCAN), 25, quotes=True),
        Parser("files", shapes.FILES, files(), 11, quotes=True),
        Parser("interchange", shapes.INTERCHANGE, interchange, 90, quotes=True),
    )


class Judge:
    """Holds what became of a payload to what is promised, and counts it."""

    def __init__(self, parser: Parser) -> None:
        self.reader = Reader("fuzzed")
        self._parser = parser
        self._decode = msgspec.json.Decoder().decode

    def __call__(self, payload: bytes) -> str:
        """`row`, `bad`, `other` or `refused`. Raises whatever the parser raises, and `Lost`."""
        found = self._parser.judge(payload)
        kept = 0
        for row in found.rows:
            try:
                self.reader.read(row, NOW_MS)
            except BadMention as bad:
                self._is_harmless(bad.reason, bad.detail, quotes=True)
            else:
                kept += 1
        for one in found.bad:
            self._is_harmless(one.reason, one.detail, quotes=self._parser.quotes)
        if found.refused:
            self._is_harmless("refused", found.refused, quotes=False)
            return "refused"
        if kept:
            return "row"
        if found.bad or found.rows:
            return "bad"
        if not found.others:
            raise Lost("neither a row, nor bad, nor none of ours")
        return "other"

    def _is_harmless(self, reason: str, detail: str, *, quotes: bool) -> None:
        assert reason.isidentifier(), f"the reason {reason[:40]!a} is no word"
        assert len(reason) <= 40, "a reason is one word"
        assert len(detail) <= 2_000, f"a line for a human of {len(detail)} characters"
        assert quotes or shapes.MARK not in detail, "a line for a human holds a post's text"
