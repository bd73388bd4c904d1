"""From what Reddit answers to rows: listings of posts (t3) and comments (t1), and what became of them.

https://www.reddit.com/dev/api/ : a thing's full name is its type, an underscore and its number (`t3_1abcde`).
"""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from stream.codec import rfc3339
from stream.reading import EARLIEST_MS, LATEST_MS
from stream.sources.loose_json import shown_of
from stream.sources.rows import known_bytes

NAME = re.compile(r"t[13]_[0-9a-z]{1,13}\Z")
"""Of a comment or a post."""
_GONE = frozenset({"[deleted]", "[removed]", "[deleted by user]", "[ removed by reddit ]"})
_WEB = "https://www.reddit.com"


class Unreadable(Exception):  # noqa: N818 - what it is
    """An answer that is no listing."""


class Page(NamedTuple):
    """A piece of a listing."""

    things: list["Thing"]
    bad: list[bytes]
    """What stands there and is neither a post nor a comment, shortened."""
    after: str | None
    """Where the listing goes on; `None`: it ends here."""


class Thing(NamedTuple):
    """A post or a comment."""

    name: str
    created_ms: int
    author: str | None
    text: str
    url: str | None
    parent: str | None
    root: str | None
    quoted: str | None
    is_repost: bool
    likes: int | None
    replies: int | None
    edited_ms: int | None
    gone: bool
    """Deleted by its author, or removed: its words are not to be kept."""


def page_of(body: bytes) -> Page:
    """A listing. Raises `Unreadable`.

    >>> import msgspec
    >>> child = {"kind": "t3", "data": {"name": "t3_a", "title": "Acme is down", "created_utc": 1.8e9, "score": -4}}
    >>> page = page_of(msgspec.json.encode({"kind": "Listing", "data": {"after": "t3_a", "children": [child, {}]}}))
    >>> page.things[0].text, page.things[0].likes, page.after, len(page.bad)
    ('Acme is down', 0, 't3_a', 1)
    """
    data = mapping_of(body).get("data")
    children = data.get("children") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(children, list):
        raise Unreadable
    things: list[Thing] = []
    bad: list[bytes] = []
    for child in children:
        thing = thing_of(child)
        if thing is not None:
            things.append(thing)
        else:
            bad.append(shown_of(child))
    after = data.get("after")
    return Page(things, bad, after if isinstance(after, str) and NAME.match(after) else None)


def mapping_of(body: bytes) -> dict[str, Any]:
    """A JSON object, read leniently. Raises `Unreadable`."""
    try:
        found = json.loads(body.decode("utf-8", "replace"), strict=False)
    except (ValueError, RecursionError):
        raise Unreadable from None
    if not isinstance(found, dict):
        raise Unreadable
    return found


def thing_of(child: Any) -> Thing | None:
    """A post or comment; `None` for what is neither."""
    data = child.get("data") if isinstance(child, dict) else None
    if not isinstance(data, dict) or child.get("kind") not in ("t1", "t3"):
        return None
    name, created_ms = data.get("name"), _ms(data.get("created_utc"))
    if not isinstance(name, str) or not NAME.match(name) or created_ms is None:
        return None
    is_post = name.startswith("t3_")
    body = _text(data, "selftext" if is_post else "body")
    title = _text(data, "title")
    author = _text(data, "author")
    permalink = _text(data, "permalink")
    crossed = _name(data.get("crosspost_parent"))
    return Thing(
        name=name,
        created_ms=created_ms,
        author=None if not author or author in _GONE else author,
        text="\n\n".join(part for part in ((title, body) if is_post else (body,)) if part),
        url=f"{_WEB}{permalink}" if permalink.startswith(("/r/", "/user/", "/u/")) else None,
        parent=None if is_post else _name(data.get("parent_id")),
        root=None if is_post else _name(data.get("link_id")),
        quoted=crossed,
        is_repost=crossed is not None and _is_copy(data, title),
        likes=_count(data.get("score")),
        replies=_count(data.get("num_comments")),
        edited_ms=_ms(data.get("edited")),
        gone=_is_gone(data, title, body, is_post=is_post),
    )


def row_of(thing: Thing, kind: str, *, live: bool = True) -> bytes:
    """A thing in the interchange form; as `engagement` its counts alone."""
    row: dict[str, Any] = {
        "id": thing.name,
        "created_at": rfc3339(thing.created_ms),
        "kind": kind,
        "likes": thing.likes,
        "replies": thing.replies,
    }
    if kind != "engagement":
        row |= {
            "author": thing.author,
            "text": thing.text,
            "url": thing.url,
            "parent_id": thing.parent,
            "root_id": thing.root,
            "quoted_id": thing.quoted,
            "is_repost": thing.is_repost or None,
            "live": None if live else False,
        }
    return known_bytes(row)


def gone_row(name: str, at_ms: int) -> bytes:
    """The row for a thing that is deleted."""
    return known_bytes({"id": name, "created_at": rfc3339(at_ms), "kind": "delete"})


def _is_gone(data: Mapping[str, Any], title: str, body: str, *, is_post: bool) -> bool:
    if body.lower() in _GONE or title.lower() in _GONE:
        return True
    return is_post and isinstance(data.get("removed_by_category"), str)


def _is_copy(data: Mapping[str, Any], title: str) -> bool:
    """Whether a crosspost says nothing of its own."""
    parents = data.get("crosspost_parent_list")
    first = parents[0] if isinstance(parents, list) and parents else None
    return isinstance(first, dict) and _text(first, "title") == title


def _text(data: Mapping[str, Any], name: str) -> str:
    found = data.get(name)
    # Lone halves of characters can be written in JSON, and nowhere else.
    return found.encode("utf-8", "replace").decode().strip() if isinstance(found, str) else ""


def _name(value: object) -> str | None:
    return value if isinstance(value, str) and NAME.match(value) else None


def _ms(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e11:
        return None  # also what is no number, and what is too large for one
    at_ms = int(value * 1000)
    return at_ms if EARLIEST_MS <= at_ms < LATEST_MS else None


def _count(value: object) -> int | None:
    """A score can be below zero; a count cannot."""
    return min(max(value, 0), 1 << 50) if isinstance(value, int) and not isinstance(value, bool) else None
