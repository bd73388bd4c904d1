"""From YouTube's comments to rows in the interchange form; pure functions.

Source: developers.google.com/youtube/v3/docs/commentThreads and /comments.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from stream.codec import rfc3339
from stream.sources.loose_json import loosely
from stream.sources.rows import known_bytes, time_ms

LATE_MS = 15 * 60_000
"""What is found so long after it was written is a back-fill."""
_encode = msgspec.json.Encoder().encode


class Comment(NamedTuple):
    """What is used of a comment."""

    id: str
    written_ms: int
    changed_ms: int
    text: str
    author: str
    likes: int | None
    video: str
    thread: str
    """The comment that it answers; empty: it is one of its own."""
    replies: int | None = None
    """How many answers it has; of a thread alone."""


class Thread(NamedTuple):
    """A comment, and those of its answers that came with it."""

    head: Comment
    answers: tuple[Comment, ...]
    bad: int = 0
    """Answers that cannot be read."""


class Unreadable(ValueError):  # noqa: N818
    """What is no comment: `reason` is `not_an_object`, `no_id`, `no_time` or `no_text`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def answer_of(body: bytes) -> dict[str, Any] | None:
    """An answer of the API; `None` where it is no JSON object."""
    try:
        found = loosely(body)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def thread_of(item: object) -> Thread:
    """One thread of a list. Raises `Unreadable`."""
    snippet = _part(item, "snippet")
    count = snippet.get("totalReplyCount")
    head = comment_of(snippet.get("topLevelComment"))._replace(replies=_count(count), thread="")
    replies = _part(item, "replies").get("comments")
    answers, bad = [], 0
    for one in replies if isinstance(replies, list) else ():
        try:
            answers.append(comment_of(one, thread=head.id))
        except Unreadable:
            bad += 1
    return Thread(head, tuple(answers), bad)


def comment_of(item: object, thread: str = "") -> Comment:
    """One comment. Raises `Unreadable`."""
    if not isinstance(item, dict):
        raise Unreadable("not_an_object")
    own_id, snippet = item.get("id"), _part(item, "snippet")
    if not isinstance(own_id, str) or not own_id or len(own_id) > 200 or not own_id.isprintable():
        raise Unreadable("no_id")
    written_ms = time_ms(snippet.get("publishedAt"))
    if written_ms is None:
        raise Unreadable("no_time")
    # The original is shown to its author for certain; what is displayed was asked for as plain text.
    texts = [text for name in ("textOriginal", "textDisplay") if isinstance(text := snippet.get(name), str)]
    if not texts:
        raise Unreadable("no_text")
    shown, channel = snippet.get("authorDisplayName"), _part(snippet, "authorChannelId").get("value")
    # A handle is one person's; a name that somebody is shown by is not.
    author = shown if isinstance(shown, str) and shown.startswith("@") else channel
    video, parent = snippet.get("videoId"), snippet.get("parentId")
    return Comment(
        id=own_id,
        written_ms=written_ms,
        changed_ms=time_ms(snippet.get("updatedAt")) or written_ms,
        text=texts[0],
        author=author if isinstance(author, str) else "",
        likes=_count(snippet.get("likeCount")),
        video=video if isinstance(video, str) and video.isprintable() and len(video) <= 64 else "",
        thread=thread or (parent if isinstance(parent, str) else ""),
    )


def row_of(comment: Comment, now_ms: int, *, edited: bool = False) -> bytes:
    """A comment as a row.

    >>> row_of(Comment("Ug1", 0, 0, "hi", "@ann", 2, "v", "Ug0"), 60_000)
    b'{"id":"Ug1","created_at":"1970-01-01T00:00:00Z","text":"hi","author":"@ann",\
"url":"https://www.youtube.com/watch?v=v&lc=Ug1","parent_id":"Ug0","root_id":"Ug0","likes":2}'
    """
    row: dict[str, Any] = {
        "id": comment.id,
        "created_at": rfc3339(comment.written_ms),
        "kind": "update" if edited else None,
        "text": comment.text,
        "author": comment.author or None,
        "url": f"https://www.youtube.com/watch?v={comment.video}&lc={comment.id}" if comment.video else None,
        "parent_id": comment.thread or None,
        "root_id": comment.thread or None,
        "likes": comment.likes,
        "replies": comment.replies,
        "live": False if now_ms - comment.changed_ms > LATE_MS else None,
    }
    return known_bytes(row)


def counts_of(comment: Comment) -> bytes:
    """What a comment counts, as a row.

    >>> counts_of(Comment("Ug1", 0, 0, "hi", "@ann", 2, "v", ""))
    b'{"id":"Ug1","created_at":"1970-01-01T00:00:00Z","kind":"engagement","likes":2}'
    """
    counts = {"likes": comment.likes, "replies": comment.replies}
    row = {"id": comment.id, "created_at": rfc3339(comment.written_ms), "kind": "engagement"}
    return _encode(row | {name: count for name, count in counts.items() if count is not None})


def deletion(own_id: str, now_ms: int) -> bytes:
    """A comment that is not shown any more, as a row."""
    return _encode({"id": own_id, "created_at": rfc3339(now_ms), "kind": "delete"})


def _part(held: object, name: str) -> Mapping[str, Any]:
    part = held.get(name) if isinstance(held, dict) else None
    return part if isinstance(part, dict) else {}


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 2**53 else None
