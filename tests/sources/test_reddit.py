"""Reddit: everything that its listings show, within its limits; and what is deleted there is deleted here."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
import structlog

from stream.sources.contract import Denied, Trouble
from stream.sources.guard import Rules
from stream.sources.reddit import Reddit, RedditOptions
from stream.sources.reddit_parse import Unreadable, page_of, row_of
from stream.sources.web import Web
from tests.fakes.sources.reddit import AGENT, CLIENT, NAME, SECRET, FakeReddit
from tests.fakes.sources.served import Lasting, served
from tests.sources.hearing import Heard, surroundings
from tests.sources.virtual import now_ms, run

OPTIONS = RedditOptions(CLIENT, AGENT, ("acme",), poll_s=60.0, recheck_s=120.0, requests_a_minute=90)


class Board:
    """The platform, and a source over it."""

    def __init__(self, options: RedditOptions) -> None:
        self.platform = FakeReddit(now_ms, random.Random(1))
        self.options = options
        self.around = surroundings()
        self.heard = Heard(self.source())

    def source(self, secret: str = SECRET) -> Reddit:
        """Another process."""
        web = Web(transport=Lasting(self.platform))
        return Reddit(NAME, self.options, web=web, around=self.around, client_secret=secret)

    def watch(self, name: str) -> None:
        """Let a thing be the thread of an open incident."""
        self.around.threads.incidents.append(f"{NAME}:{name}")  # type: ignore[attr-defined]


def told(story: Callable[[Board], Awaitable[None]], **changed: Any) -> None:
    """Run a story in virtual time."""

    async def whole() -> None:
        await story(Board(OPTIONS._replace(**changed)))

    run(whole())


def test_posts_and_comments_are_rows_that_know_their_thread() -> None:
    """By Reddit's full names."""

    async def story(board: Board) -> None:
        await board.heard.listen(30)
        post = board.platform.post("acme", "Acme & co is down", "Since *noon*")
        first = board.platform.comment(post, "Same here")
        second = board.platform.comment(first, "And <b>here</b>")
        rows = {row["id"]: row for row in await board.heard.listen(90)}
        assert list(rows) == [post, second, first]
        assert rows[post]["text"] == "Acme & co is down\n\nSince *noon*"
        assert rows[post]["url"].startswith("https://www.reddit.com/r/acme/comments/")
        assert "parent_id" not in rows[post]
        assert (rows[second]["parent_id"], rows[second]["root_id"]) == (first, post)
        assert (rows[first]["parent_id"], rows[first]["likes"], rows[post]["replies"]) == (post, 1, 2)
        assert all("live" not in row for row in rows.values())

    told(story)


def test_it_introduces_itself_and_renews_its_token_before_it_ends() -> None:
    async def story(board: Board) -> None:
        board.platform.token_s = 300
        await board.heard.listen(3_600)
        assert board.heard.troubles == []
        assert 14 <= len(board.platform.tokens) <= 17
        assert board.platform.agents == {AGENT}

    told(story)


def test_a_token_that_is_forgotten_is_asked_for_again_at_once() -> None:
    async def story(board: Board) -> None:
        await board.heard.listen(90)
        board.platform.tokens.clear()
        board.platform.post("acme", "x")
        assert len(await board.heard.listen(90)) == 1
        assert board.heard.troubles == []

    told(story)


def test_a_wrong_secret_needs_a_human_and_is_shown_nowhere() -> None:
    async def story(board: Board) -> None:
        board.heard = Heard(board.source("a-wrong-secret"))
        with structlog.testing.capture_logs() as logs:
            await board.heard.listen(30)
        (denied,) = board.heard.troubles
        assert isinstance(denied, Denied)
        assert "client id and secret" in str(denied)
        assert "a-wrong-secret" not in f"{denied!r}{logs}{board.heard.source!r}{vars(board.heard.source)}"

    told(story)


def test_a_used_up_limit_is_waited_for_and_told() -> None:
    """Not one request more than allowed."""

    async def story(board: Board) -> None:
        board.platform.limit = 25
        await board.heard.listen(7_200)
        assert all(isinstance(trouble, Trouble) and "limit" in str(trouble) for trouble in board.heard.troubles)
        assert board.heard.troubles
        assert max(getattr(trouble, "retry_s", 0) for trouble in board.heard.troubles) <= 600
        assert board.platform.asked <= 13 * 25 + 25
        assert board.heard.costs + board.around.purse.spent("requests", since_ms=0) == board.platform.asked

    told(story, searches=("acme", "other"))


def test_a_listing_is_read_back_to_what_is_known() -> None:
    """Eight hundred and fifty posts in a minute: nine pages."""

    async def story(board: Board) -> None:
        await board.heard.listen(30)
        names = [board.platform.post("acme", f"Acme {n}") for n in range(850)]
        await board.heard.listen(90)
        assert sorted(set(board.heard.ids())) == sorted(names)
        assert len(board.heard.ids()) == 850
        assert board.heard.gaps == []

    told(story, comments=False)


def test_more_than_a_listing_shows_is_a_gap_of_depth() -> None:
    async def story(board: Board) -> None:
        known = board.platform.post("acme", "first")
        await board.heard.listen(30)
        await asyncio.sleep(30)
        lost = board.platform.post("acme", "lost")
        await asyncio.sleep(1)
        for n in range(1_000):
            board.platform.post("acme", f"Acme {n}")
        await board.heard.listen(120)
        assert len(set(board.heard.ids())) == 1_001
        assert lost not in board.heard.ids()
        (gap,) = board.heard.gaps
        assert (gap.reason, gap.filled) == ("depth", False)
        times = [board.platform.things[name]["created_utc"] * 1000 for name in (known, lost)]
        assert gap.since_ms <= times[0] <= times[1] <= gap.until_ms
        await board.heard.listen(1_800)
        assert len(board.heard.gaps) == 1, "told once"

    told(story, comments=False)


def test_a_process_that_dies_in_the_middle_of_a_walk_walks_it_again() -> None:
    """Until a walk has met what is known there is a hole, and the place says so."""

    async def story(board: Board) -> None:
        board.platform.post("acme", "first")
        await board.heard.listen(30)
        names = {board.platform.post("acme", f"Acme {n}") for n in range(500)}
        await board.heard.listen(1.5)
        assert 0 < len(names & set(board.heard.ids())) < 500
        again = Heard(board.source(), board.heard.place)
        await again.listen(30)
        assert names <= set(board.heard.ids()) | set(again.ids())

    told(story, comments=False)


def test_what_a_moderator_lets_appear_late_is_found() -> None:
    async def story(board: Board) -> None:
        await board.heard.listen(30)
        held = board.platform.post("acme", "held back")
        board.platform.things[held]["gone"] = True
        for n in range(5):
            board.platform.post("acme", f"Acme {n}")
        await board.heard.listen(300)
        board.platform.things[held]["gone"] = False
        await board.heard.listen(90)
        assert held in board.heard.ids()
        assert len(board.heard.ids()) == 6

    told(story)


def test_after_a_pause_what_is_old_is_a_back_fill() -> None:
    async def story(board: Board) -> None:
        await board.heard.listen(30)
        left_ms = now_ms()
        board.platform.post("acme", "old")
        await asyncio.sleep(3_600)
        board.platform.post("acme", "new")
        heard = Heard(board.source(), board.heard.place)
        rows = await heard.listen(30)
        assert [(row["text"], row.get("live", True)) for row in rows] == [("new", True), ("old", False)]
        (gap,) = heard.gaps
        assert (gap.reason, gap.filled) == ("away", True)
        assert gap.since_ms <= left_ms
        assert gap.until_ms >= now_ms() - 31_000

    told(story, comments=False)


# ---- what becomes of threads


def test_what_is_deleted_in_an_open_thread_is_a_delete_told_once() -> None:
    """By its author, by a moderator, or gone altogether; threads that nobody watches are not asked for."""

    async def story(board: Board) -> None:
        platform = board.platform
        names = [platform.post("acme", f"Acme {n}") for n in range(4)]
        remark = platform.comment(names[3], "true")
        await board.heard.listen(30)
        for name in (*names[:3], remark):
            board.watch(name)
        platform.delete(names[0])
        platform.things[names[1]]["removed_by_category"] = "moderator"
        del platform.things[names[2]]
        platform.delete(remark)
        platform.delete(names[3])
        await board.heard.listen(1_000)
        assert sorted(board.heard.ids("delete")) == sorted([*names[:3], remark])
        assert all("text" not in row and "author" not in row for row in board.heard.rows if row["kind"] == "delete")

    told(story)


def test_an_open_thread_brings_its_counts_and_its_edits() -> None:
    """Each edit once; a score below zero is no count."""

    async def story(board: Board) -> None:
        post = board.platform.post("acme", "Acme is down", "first")
        await board.heard.listen(30)
        board.watch(post)
        board.platform.things[post] |= {"score": 412, "num_comments": 96}
        await board.heard.listen(150)
        count = [row for row in board.heard.rows if row["kind"] == "engagement"][-1]
        assert (count["id"], count["likes"], count["replies"]) == (post, 412, 96)
        board.platform.edit(post, "second")
        board.platform.things[post]["score"] = -3
        await board.heard.listen(600)
        (edit,) = [row for row in board.heard.rows if row["kind"] == "update"]
        assert edit["text"].endswith("second")
        assert [row for row in board.heard.rows if row["kind"] == "engagement"][-1]["likes"] == 0

    told(story)


def test_threads_of_incidents_are_asked_for_a_hundred_at_a_time_and_no_more_than_five() -> None:
    async def story(board: Board) -> None:
        names = [board.platform.post("elsewhere", f"x {n}") for n in range(720)]
        for name in [*names, "no name at all", "t9_x"]:
            board.watch(name)
        await board.heard.listen(20)
        asked = board.platform.asked
        assert len(board.heard.ids("engagement")) == 500
        assert asked == 1 + 1 + 5

    told(story, comments=False)


def test_what_is_already_deleted_when_it_is_first_seen_is_not_taken() -> None:
    async def story(board: Board) -> None:
        name = board.platform.post("acme", "[deleted by user]")
        whole = board.platform.post("acme", "x", author="[deleted]")
        rows = await board.heard.listen(30)
        assert [row["id"] for row in rows] == [whole]
        assert "author" not in rows[0]
        assert name not in board.heard.ids()

    told(story)


# ---- what is closed


def test_a_subreddit_that_closes_holds_up_no_other_and_is_read_when_it_opens() -> None:
    async def story(board: Board) -> None:
        await board.heard.listen(30)
        board.platform.private.add("acme")
        with structlog.testing.capture_logs() as logs:
            board.platform.post("acme", "closed")
            board.platform.post("other", "open")
            await board.heard.listen(600)
        assert [row["text"] for row in board.heard.rows] == ["open"]
        assert [line["listing"] for line in logs if "cannot be read" in line["event"]] == ["r/acme"]
        assert board.heard.known_until_ms is not None
        assert now_ms() - board.heard.known_until_ms < 130_000
        board.platform.private.clear()
        await board.heard.listen(3_700)
        assert [row["text"] for row in board.heard.rows] == ["open", "closed"]
        assert [gap.reason for gap in board.heard.gaps] == ["away"]

    told(story, subreddits=("acme", "other"), comments=False)


def test_when_all_are_closed_a_human_must_act() -> None:
    async def story(board: Board) -> None:
        board.platform.private.add("acme")
        await board.heard.listen(30)
        (denied,) = board.heard.troubles
        assert isinstance(denied, Denied)
        assert str(denied) == "r/acme is private or closed to us (403)"
        assert not (await board.source().check()).complete

    told(story, comments=False)


# ---- documents


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"data": 7}', b'{"data": {"children": 7}}', b"<html>", b"[" * 99_999]
)
def test_what_is_no_listing_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        page_of(body)


def test_a_crosspost_says_what_it_passes_on() -> None:
    data = {"name": "t3_b", "created_utc": 1.8e9, "title": "Acme", "crosspost_parent": "t3_a"}
    for parent, is_repost in (("Acme", True), ("Another title", False)):
        child = {"kind": "t3", "data": {**data, "crosspost_parent_list": [{"title": parent}]}}
        (thing,) = page_of(msgspec.json.encode({"data": {"children": [child]}})).things
        row = msgspec.json.decode(row_of(thing, "create"))
        assert (row["quoted_id"], row.get("is_repost", False)) == ("t3_a", is_repost)


def test_no_answer_stops_the_reading() -> None:
    """Three thousand listings with anything in the place of anything."""
    rng = random.Random(1)
    odd: list[Any] = [
        None,
        7,
        -1,
        1e300,
        10**400,
        float("inf"),
        float("nan"),
        True,
        "",
        "x",
        "t3_a",
        [],
        {},
        [[]],
        {"title": 7},
        "\x00",
        "[deleted]",
        1.8e9,
    ]
    keys = ["name", "created_utc", "title", "selftext", "body", "author", "score", "edited", "permalink", "parent_id"]
    keys += ["link_id", "crosspost_parent", "crosspost_parent_list", "num_comments", "removed_by_category"]
    for _ in range(3_000):
        data = {"name": "t3_a", "created_utc": 1.8e9, "title": "x"}
        data |= {key: rng.choice(odd) for key in rng.sample(keys, rng.randrange(6))}
        child = rng.choice([{"kind": rng.choice(["t1", "t3", "more", 7]), "data": data}, *odd])
        page = page_of(json.dumps({"data": {"after": rng.choice(odd), "children": [child]}}).encode())
        assert len(page.things) + len(page.bad) == 1
        for thing in page.things:
            assert row_of(thing, "create")


async def test_over_a_real_connection_a_token_is_had_and_a_listing_read() -> None:
    platform = FakeReddit(lambda: 1_770_000_000_000, random.Random(1))
    name = platform.post("acme", "Acme is down")
    async with served(platform) as address:
        base = (address if address.startswith("http") else f"http://{address}").rstrip("/")
        web = Web(Rules(ports=(), plain=("127.0.0.1",)))
        around = surroundings()._replace(clock=lambda: 1_770_000_000_000)
        options = OPTIONS._replace(bases=(f"{base}/api/v1/access_token", base), requests_a_minute=60_000)
        source = Reddit(NAME, options, web=web, around=around, client_secret=SECRET)
        batch = await anext(source.batches(None))
        (row,) = batch.rows
        assert msgspec.json.decode(row)["id"] == name
        await web.close()
