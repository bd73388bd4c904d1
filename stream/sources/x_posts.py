"""From what X's stream sends to rows in the interchange form. Pure functions: whatever comes in, nothing is raised but
`Unreadable`.

An edited post is a new post to X, which names all before it: here it is an edit of the first. The counts of a post that
another one shows are counts of that other one: told where it is followed already, and for nothing.

Source: docs.x.com, the data dictionary of API v2.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from stream.codec import parse_rfc3339, rfc3339
from stream.sources.contract import BadPayload
from stream.sources.loose_json import loosely

LONGEST_LINE = 1 << 20
SHOWN_BYTES = 64 << 10
"""Of a line that is too long so much is kept for the dead letters."""
_EPOCH_MS = 1_288_834_974_657
"""An id holds the time of its post, in milliseconds since this one, above its lowest 22 bits."""
_COUNTS = {
    "reposts": "retweet_count",
    "likes": "like_count",
    "replies": "reply_count",
    "views": "impression_count",
}
FIELDS = {
    "tweet.fields": "created_at,public_metrics,lang,referenced_tweets,conversation_id,edit_history_tweet_ids,"
    "entities,note_tweet",
    "expansions": "author_id,referenced_tweets.id",
    "user.fields": "username,public_metrics,created_at",
}
"""What is asked for with each post."""

_encode = msgspec.json.Encoder().encode
Tracked = Callable[[str], bool]


class Unreadable(ValueError):  # noqa: N818
    """What is no post: `reason` from the closed list `not_json`, `not_an_object`, `no_post`, `no_id`, `no_text`,
    `no_time`, `too_big`.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Problem(NamedTuple):
    """What X says is wrong, be it as an answer or in the stream."""

    title: str
    kind: str
    """The last part of its type: `usage-capped`, `operational-disconnect`."""
    cause: str
    """What it adds: `TooManyConnections`, `UpstreamOperationalDisconnect`, `client-not-enrolled`."""


def problems_of(found: object) -> list[Problem]:
    """The problems in an answer, or in a line of the stream.

    >>> problems_of({"errors": [{"title": "operational-disconnect", "type": "https://api.x.com/2/problems/x"}]})
    [Problem(title='operational-disconnect', kind='x', cause='')]
    """
    if not isinstance(found, dict):
        return []
    listed = found.get("errors")
    told = [found, *(listed if isinstance(listed, list) else [])]
    return [
        Problem(_word(one, "title"), _word(one, "type").rpartition("/")[2], _cause(one))
        for one in told
        if isinstance(one, dict) and (_word(one, "title") or _word(one, "type"))
    ]


def _cause(problem: Mapping[str, Any]) -> str:
    names = ("connection_issue", "disconnect_type", "reason")
    return next((word for word in (_word(problem, name) for name in names) if word), "")


def frame_of(line: bytes) -> dict[str, Any]:
    """One line of the stream, or one answer. Raises `Unreadable`."""
    try:
        found = loosely(line)
    except ValueError:
        raise Unreadable("not_json", f"{len(line)} bytes that are no JSON") from None
    if not isinstance(found, dict):
        raise Unreadable("not_an_object", f"a JSON {type(found).__name__}")
    return found


def row_of(post: object, users: Mapping[str, Any], posts: Mapping[str, Any], *, live: bool = True) -> bytes:
    """One post as a row. Raises `Unreadable`.

    >>> row_of({"id": "20", "text": "hi &amp; bye", "created_at": "2006-03-21T20:50:14.000Z"}, {}, {})
    b'{"id":"20","created_at":"2006-03-21T20:50:14.000Z","kind":"create","text":"hi & bye",\
"url":"https://x.com/i/web/status/20"}'
    """
    if not isinstance(post, dict):
        raise Unreadable("no_post", "it holds no post")
    own_id = _id_of(post)
    text = text_of(post)
    if text is None:
        raise Unreadable("no_text", "a post without a text")
    history = post.get("edit_history_tweet_ids")
    first_id = history[0] if isinstance(history, list) and history and is_id(history[0]) else own_id
    referenced = dict(_referenced(post))
    original = referenced.get("retweeted")
    user = users.get(_word(post, "author_id"), {})
    row: dict[str, Any] = {
        "id": first_id,
        "created_at": _time_of(post, own_id),
        "kind": "create" if first_id == own_id else "update",
        "author": _word(user, "username") or _word(post, "author_id"),
        "author_followers": _count(user, "followers_count"),
        "author_created_at": _valid_time(_word(user, "created_at")),
        "text": _passed_on(post, text, posts.get(original or ""), users) if original else text,
        "lang": _word(post, "lang"),
        "url": f"https://x.com/i/web/status/{own_id}",
        "parent_id": referenced.get("replied_to"),
        "root_id": original or _root_of(post, first_id),
        "quoted_id": referenced.get("quoted"),
        "is_repost": True if original else None,
        "live": None if live else False,
    }
    if not original:
        # What a repost counts is what its original does.
        row |= counts_of(post)
    # A post may be a picture alone: its text is empty, and there.
    return _encode({name: value for name, value in row.items() if name == "text" or value not in (None, "")})


def shown_counts(posts: Mapping[str, Any], name: str, tracked: Tracked) -> Iterator[bytes]:
    """What other posts showed of posts that are followed: their counts."""
    for own_id, post in posts.items():
        if isinstance(post, dict) and tracked(f"{name}:{own_id}") and counts_of(post):
            yield engagement(post)


def engagement(post: Mapping[str, Any]) -> bytes:
    """A post's counts as a row. Raises `Unreadable`."""
    own_id = _id_of(post)
    return _encode({"id": own_id, "created_at": _time_of(post, own_id), "kind": "engagement", **counts_of(post)})


def deletion(own_id: str) -> bytes:
    """A post that is gone, as a row; when it was written stands in its id.

    >>> deletion("20")
    b'{"id":"20","created_at":"2010-11-04T01:42:54.657Z","kind":"delete"}'
    """
    return _encode({"id": own_id, "created_at": rfc3339(written_ms(own_id)), "kind": "delete"})


def written_ms(own_id: str) -> int:
    """When a post was written, by its id."""
    return (int(own_id) >> 22) + _EPOCH_MS


def counts_of(post: Mapping[str, Any]) -> dict[str, int]:
    """The counts that X gives of a post."""
    found = {name: _count(post, theirs) for name, theirs in _COUNTS.items()}
    return {name: count for name, count in found.items() if count is not None}


def included(frame: Mapping[str, Any], what: str) -> dict[str, Any]:
    """Users or posts that came along, by their id."""
    includes = frame.get("includes")
    listed = includes.get(what) if isinstance(includes, dict) else None
    held = listed if isinstance(listed, list) else ()
    return {one["id"]: one for one in held if isinstance(one, dict) and isinstance(one.get("id"), str)}


def text_of(post: Mapping[str, Any]) -> str | None:
    """The whole text, its links as they were written: each post has its own short one for the same page."""
    note = post.get("note_tweet")
    whole = note if isinstance(note, dict) and isinstance(note.get("text"), str) else post
    text = whole.get("text")
    if not isinstance(text, str):
        return None
    entities = whole.get("entities")
    links = entities.get("urls") if isinstance(entities, dict) else None
    for link in links[:50] if isinstance(links, list) else ():
        short, whole_link = _word(link, "url"), _word(link, "expanded_url")
        if short and _is_page(whole_link):
            text = text.replace(short, whole_link)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _passed_on(post: Mapping[str, Any], text: str, original: object, users: Mapping[str, Any]) -> str:
    """What a repost passes on, whole: X cuts it short."""
    whole = text_of(original) if isinstance(original, dict) else None
    if whole is None or not isinstance(original, dict):
        return text
    author = _word(users.get(_word(original, "author_id"), {}), "username")
    if author:
        return f"RT @{author}: {whole}"
    head, colon, _ = text.partition(": ")
    return f"{head}: {whole}" if colon and head.startswith("RT @") and len(head) < 24 else whole


def _is_page(link: str) -> bool:
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    # A picture's link is its post's own address.
    own = parts.netloc in ("x.com", "twitter.com") and ("/photo/" in parts.path or "/video/" in parts.path)
    return parts.scheme in ("http", "https") and bool(parts.netloc) and not own and len(link) <= 2_048


def _referenced(post: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    listed = post.get("referenced_tweets")
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, dict) and is_id(one.get("id")):
            yield _word(one, "type"), one["id"]


def _root_of(post: Mapping[str, Any], first_id: str) -> str | None:
    root = post.get("conversation_id")
    return root if isinstance(root, str) and is_id(root) and root != first_id else None


def _id_of(post: Mapping[str, Any]) -> str:
    own_id = post.get("id")
    if not isinstance(own_id, str) or not is_id(own_id):
        raise Unreadable("no_id", "a post without an id of X's form")
    return own_id


def is_id(value: object) -> bool:
    """Whether it is an id of X's form."""
    return isinstance(value, str) and value.isascii() and value.isdecimal() and 0 < len(value) <= 19


def _time_of(post: Mapping[str, Any], own_id: str) -> str:
    said = _valid_time(_word(post, "created_at"))
    # What was written before ids held the time must say it.
    if said is None and int(own_id) >> 22 == 0:
        raise Unreadable("no_time", "a post without a time")
    return said or rfc3339(written_ms(own_id))


def _valid_time(text: str) -> str | None:
    try:
        parse_rfc3339(text)
    except (ValueError, OverflowError):
        return None
    return text


def _count(held: object, name: str) -> int | None:
    metrics = held.get("public_metrics") if isinstance(held, dict) else None
    count = metrics.get(name) if isinstance(metrics, dict) else None
    return count if isinstance(count, int) and not isinstance(count, bool) and 0 <= count <= 2**53 else None


def _word(held: object, name: str) -> str:
    value = held.get(name) if isinstance(held, dict) else None
    return value if isinstance(value, str) else ""


class Lines:
    r"""Cuts pieces of a stream into lines, of which none may grow without end.

    >>> lines = Lines()
    >>> [*lines.feed(b'{"a":'), *lines.feed(b'1}\r\n\r\n')]
    [b'{"a":1}', b'']
    """

    def __init__(self, longest: int = LONGEST_LINE) -> None:
        self._longest = longest
        self._held = bytearray()
        self._dropping = False
        self.bad: list[BadPayload] = []
        """Lines that were too long; whoever reads takes them away."""

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """The lines that end in this piece, without their ends."""
        *ended, rest = piece.split(b"\n")
        for part in ended:
            self._hold(part)
            if self._dropping:
                self._dropping = False
            else:
                yield bytes(self._held).removesuffix(b"\r")
            self._held.clear()
        self._hold(rest)

    def _hold(self, part: bytes) -> None:
        if self._dropping:
            return
        self._held += part
        if len(self._held) > self._longest:
            detail = f"a line of more than {self._longest} bytes"
            self.bad.append(BadPayload("too_big", detail, bytes(self._held[:SHOWN_BYTES])))
            self._held.clear()
            self._dropping = True
