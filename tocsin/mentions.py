"""`tocsin mentions`: the posts behind the numbers of an incident's card, from the erasable text store.

The counts of a card are of the hour before its latest finding; its new words are of the story, from the first finding
on. What was erased is not there, so a list may be shorter than the count that it is of.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import msgspec

from alerting.inert import one_line, plain
from alerting.view import IncidentView, ShownPost, grown
from alerting.words import byline
from stream.codec import HOUR_MS, rfc3339
from stream.mention import Label
from stream.sources.text_store import StoredPost, TextStore
from stream.strict_yaml import unknown
from stream.text import cluster_of, normalise
from tocsin.fresh_words import story_of
from tocsin.journal import open_existing
from tocsin.mistakes import UsageError

MOST = 100_000
"""Posts read at once: more than any hour that a person would list."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which of an incident's posts; empty: all."""

    word: str = ""
    source: str = ""
    language: str = ""
    label: str = ""
    author: str = ""

    def takes(self, post: StoredPost) -> bool:
        """Whether a post is meant.

        >>> post = StoredPost(name="n", id="x:1", source="x", text="My refund!", created_ms=0, author="Ann")
        >>> Wanted(word="Refund", author="@ann").takes(post), Wanted(source="forum").takes(post)
        (True, False)
        """
        return (
            (not self.word or f" {normalise(self.word)} " in f" {cluster_of(normalise(post.text))} ")
            and self.source in ("", post.source)
            and self.language in ("", post.lang)
            and self.label in ("", post.label)
            and (not self.author or normalise(self.author).lstrip("@") == normalise(post.author or "").lstrip("@"))
        )


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """The posts found, oldest first."""

    incident: str
    brand: str
    timezone: str
    from_ms: int
    until_ms: int
    posts: list[StoredPost]


def mentions(directory: Path, incident: str, wanted: Wanted, *, story: bool = False) -> Listed:
    """The posts behind an incident's card: of its last hour, or of its story if a word is asked for or `story` says so.

    Raises `UsageError` for an incident that is not in the journal or a sentiment that there is not, `JournalError` or
    `StoreError` for files that cannot be read.
    """
    if wanted.label not in ("", *get_args(Label)):
        raise UsageError(unknown(wanted.label, get_args(Label), "as a sentiment"))
    view = _view_of(directory / "journal.db", incident)
    from_ms, until_ms = story_of(view)
    if not (story or wanted.word):
        from_ms = until_ms - HOUR_MS
    path = directory / "texts.db"
    if not path.is_file():
        raise UsageError(f"{path}: there is no store of texts; without it nobody knows what the posts said")
    texts = TextStore(path)
    try:
        found, _ = texts.about(view.brand, from_ms, until_ms, MOST)
    finally:
        texts.close()
    posts = [post for post in found if not post.own and wanted.takes(post)]
    return Listed(
        incident=incident, brand=view.brand, timezone=view.timezone, from_ms=from_ms, until_ms=until_ms, posts=posts
    )


def _view_of(path: Path, incident: str) -> IncidentView:
    journal = open_existing(path)
    view: IncidentView | None = None
    known: dict[str, None] = {}
    try:
        for recorded in journal.decisions():
            known[recorded.decision.incident] = None
            if recorded.decision.incident == incident:
                view = grown(view, recorded.decision)
    finally:
        journal.close()
    if view is None:
        listed = f"; it has {', '.join(list(known)[-10:])}" if known else "; it has none"
        raise UsageError(f"{path}: there is no incident `{incident}`{listed}")
    return view


def mention_lines(listed: Listed, limit: int) -> Iterator[str]:
    """For a terminal; whatever the public wrote is inert."""
    span = f"from {rfc3339(listed.from_ms)} to {rfc3339(listed.until_ms)}"
    yield f"{listed.incident}: {len(listed.posts):,} posts about {one_line(listed.brand, 80)} {span}"
    for post in listed.posts[:limit]:
        shown = ShownPost(post.text, post.author or "", post.url or "", post.source, post.followers, post.created_ms)
        yield ""
        yield f"{byline(shown, listed.timezone, listed.until_ms)} · {post.label}"
        yield f"“{plain(post.text) or '(no text)'}”"
        if post.url:
            yield one_line(post.url, 200)
    if len(listed.posts) > limit:
        yield ""
        yield f"{len(listed.posts) - limit:,} more: --limit {len(listed.posts)} shows them all."


def as_json(listed: Listed) -> dict[str, object]:
    """For a script: every post, as it was written."""
    return {
        "incident": listed.incident,
        "brand": listed.brand,
        "from": rfc3339(listed.from_ms),
        "until": rfc3339(listed.until_ms),
        "mentions": [_post_json(post) for post in listed.posts],
    }


def _post_json(post: StoredPost) -> dict[str, object]:
    row: dict[str, object] = {"name": post.name, "id": post.id, "created_at": rfc3339(post.created_ms)}
    row |= {"source": post.source, "author": post.author, "followers": post.followers, "lang": post.lang}
    return row | {"sentiment": post.label, "url": post.url, "text": post.text}
