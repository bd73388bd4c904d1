"""EDGE. Erasing on request: what is meant, where it is, and that it goes from every store of a data directory.

Cards that quoted it are marked to be shown anew before a text goes, and the request itself goes last: one that is
killed half-way is done again, from the beginning, and nothing of that does harm.
"""

import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from alerting.delivery.outbox import Outbox
from alerting.view import IncidentView
from stream.reading import Named
from stream.sources.dead_letters import DeadLetters
from stream.sources.intake_log import IntakeLog, LogRecord
from stream.sources.taken_back import RawFound, find_raw
from stream.sources.text_store import StoredPost, TextStore
from tocsin.fresh_words import story_of
from tocsin.intake import Voice

LONG_ID = 6
"""An id of so many characters is known wherever it stands by itself; a shorter one may be a count or a year."""
_ID_KEYS = rb"id|_id|guid|uuid|uri|number|key"
"""Under which a payload says which post it is."""


class Erase(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What somebody wants erased: everything by an author, one post, or one note."""

    id: str
    author: str = ""
    mention: str = ""
    """Id of a post, as `source:native_id`."""
    note: str = ""
    """Digest of a note, or the beginning of it."""
    source: str = ""
    """Of this source alone."""
    naming: bool = False
    """With `author`: also what others wrote in which that name stands."""

    def means_as(self, other: "Erase") -> bool:
        """Whether both mean the same."""
        return msgspec.structs.replace(self, id=other.id) == other


class Erased(msgspec.Struct, kw_only=True, omit_defaults=False):
    """How much went, or would go; whose it was is not said here."""

    posts: int = 0
    """Texts that a card could quote."""
    notes: int = 0
    records: int = 0
    """Records of the intake log, as they came in."""
    letters: int = 0
    """Dead letters."""
    messages: int = 0
    """Messages that quoted it, or may have, and are made anew."""
    beyond: dict[str, int] = {}
    """The same in ways that take nothing back, by way."""
    others: int = 0
    """Posts by others that name the author, and stay."""

    @property
    def anything(self) -> bool:
        """Whether there was anything to erase."""
        return bool(self.posts or self.notes or self.records or self.letters)

    def __add__(self, other: "Erased") -> "Erased":
        """Both together."""
        both = {
            name: getattr(self, name) + getattr(other, name)
            for name in ("posts", "notes", "records", "letters", "messages", "others")
        }
        return Erased(**both, beyond=dict(Counter(self.beyond) + Counter(other.beyond)))


class Stores(NamedTuple):
    """Where words lie in one data directory."""

    texts: TextStore
    intake_log: IntakeLog
    dead: DeadLetters
    outbox: Outbox


class Found(NamedTuple):
    """What a request means in one data directory."""

    posts: list[StoredPost]
    notes: list[str]
    raw: RawFound
    letters: list[int]
    others: int
    ids: list[str]
    voices: list[Voice]


class Meaning:
    """What a request means, post by post."""

    def __init__(self, wish: Erase) -> None:
        self._wish = wish
        self._author = _bare(wish.author)
        prefixed = wish.mention.startswith(f"{wish.source}:") or not wish.source
        self.mention_id = wish.mention if prefixed else f"{wish.source}:{wish.mention}"
        self.ids: set[str] = set()
        """Of the posts that were found."""
        self.voices: set[Voice] = set()
        """Under which names the author was found."""
        self._standing = _standing(wish.author.lstrip("@") or self.mention_id) if wish.author or wish.mention else None
        self._source, _, native = self.mention_id.partition(":")
        self._claimed = _claimed(native) if native else None

    def is_theirs(self, post_id: str, source: str, author: str | None) -> bool:
        """Whether this very post is meant."""
        wish = self._wish
        if wish.source and source != wish.source:
            return False
        if wish.mention:
            return post_id == self.mention_id
        return bool(self._author) and author is not None and _bare(author) == self._author

    def names_them(self, text: str) -> bool:
        """Whether a text of anybody's names the author."""
        return bool(self._author) and self._standing is not None and self.stands_in(text.encode("utf-8", "replace"))

    def stands_in(self, body: bytes) -> bool:
        """Whether the name or the id stands in what nobody can read."""
        return self._standing is not None and self._standing.search(body) is not None

    def unread(self, source: str, body: bytes) -> bool:
        """Whether what nobody can read is to go: the name or the id stands in it, or it came from the post's source and
        claims the id as the platform gave it.
        """
        if self.stands_in(body):
            return True
        return self._claimed is not None and source == self._source and self._claimed.search(body) is not None

    def post(self, post: StoredPost) -> bool:
        """Whether a kept text is to go."""
        return self._meant(post.id, post.source, post.author) or (self._wish.naming and self.names_them(post.text))

    def record(self, named: Named | None, record: LogRecord) -> bool:
        """Whether a record of the intake log is to go."""
        if named is None:
            return self.unread(record.source, record.body)
        return self._meant(named.id, named.source, named.author) or (self._wish.naming and self.stands_in(record.body))

    def _meant(self, post_id: str, source: str, author: str | None) -> bool:
        if not self.is_theirs(post_id, source, author):
            return False
        self.ids.add(post_id)
        if self._author and author is not None:
            self.voices.add(Voice(source, author))
        return True


def found(stores: Stores, wish: Erase) -> Found:
    """What is meant, in these stores. Changes nothing; reads everything."""
    if wish.note:
        notes = [digest for digest in stores.texts.notes() if digest.startswith(wish.note.lower())]
        return Found([], notes, RawFound([], []), [], 0, [], [])
    meaning = Meaning(wish)
    posts = stores.texts.search(lambda post: meaning.post(post) or meaning.names_them(post.text))
    meant = [post for post in posts if meaning.post(post)]
    raw, letters = find_raw(stores.intake_log, meaning.record), stores.dead.find(meaning.unread)
    others = len(posts) - len(meant)
    return Found(meant, [], raw, letters, others, sorted(meaning.ids), sorted(meaning.voices))


def erase_shown(stores: Stores, what: Found) -> Erased:
    """Erase the texts, and let what showed them be made anew: the part that whoever owns the outbox must do."""
    old = stores.outbox.show_again(quoting(stores.outbox.views(), what.posts), what.notes)
    if what.posts:
        stores.texts.erase_names([post.name for post in what.posts])
    for digest in what.notes:
        stores.texts.erase_note(digest)
    stores.texts.finish()
    beyond = Counter(row.way for row in old if row.way != "slack")
    return Erased(
        posts=len(what.posts),
        notes=len(what.notes),
        messages=len(old) - sum(beyond.values()),
        beyond=dict(sorted(beyond.items())),
        others=what.others,
    )


def erase_raw(stores: Stores, what: Found) -> Erased:
    """Wipe what came in: this may take a while, and any thread may do it."""
    stores.intake_log.erase(what.raw.offsets, gone=what.raw.seen)
    stores.dead.wipe(what.letters)
    return Erased(records=len(what.raw.offsets), letters=len(what.letters))


def counted(stores: Stores, what: Found) -> Erased:
    """What would go."""
    about = quoting(stores.outbox.views(), what.posts)
    old = [row for name in about for row in stores.outbox.pages(name) if row.kind in ("card", "page")]
    sent = [row for row in old if row.state == "sent"]
    beyond = Counter(row.way for row in sent if row.way != "slack")
    return Erased(
        posts=len(what.posts),
        notes=len(what.notes),
        records=len(what.raw.offsets),
        letters=len(what.letters),
        messages=len(sent) - sum(beyond.values()),
        beyond=dict(sorted(beyond.items())),
        others=what.others,
    )


def quoting(views: Sequence[IncidentView], posts: Sequence[StoredPost]) -> list[str]:
    """The incidents that quote one of these posts, or whose words were drawn from it."""
    if not posts:
        return []
    names = {post.name for post in posts}
    return [view.incident for view in views if names & _named(view) or any(_tells(view, post) for post in posts)]


def _named(view: IncidentView) -> set[str]:
    return {*view.exemplars, *(str(one.evidence["thread"]) for one in view.signals if "thread" in one.evidence)}


def _tells(view: IncidentView, post: StoredPost) -> bool:
    from_ms, until_ms = story_of(view)
    return view.brand in post.brands and from_ms <= post.created_ms < until_ms


def _bare(author: str) -> str:
    """A handle as people give it: with or without the sign before it, in any case.

    >>> _bare("@Ann") == _bare("ann")
    True
    """
    return author.strip().removeprefix("@").casefold()


def _standing(word: str) -> re.Pattern[bytes]:
    """Finds a word by itself, spelled out or as JSON escapes it."""
    return re.compile(rb"(?<!\w)(?:" + _spelled(word) + rb")(?!\w)", re.IGNORECASE)


def _claimed(native: str) -> re.Pattern[bytes]:
    """Finds the id of a post as its platform gave it: as what a payload calls its id, or anywhere if it is long.

    >>> bool(_claimed("3").search(b'{"id": 3, "likes": 4}')), bool(_claimed("4").search(b'{"id": 3, "likes": 4}'))
    (True, False)
    """
    if len(native) >= LONG_ID:
        return _standing(native)
    return re.compile(rb'"(?:' + _ID_KEYS + rb')"\s*:\s*"?\s*(?:' + _spelled(native) + rb")(?![\w.:-])", re.IGNORECASE)


def _spelled(word: str) -> bytes:
    """A pattern for a word, spelled out or as JSON may escape it."""
    escaped = json.dumps(word)[1:-1]
    spelled = {word.encode("utf-8", "replace"), escaped.encode(), escaped.replace("/", "\\/").encode()}
    return b"|".join(re.escape(one) for one in sorted(spelled))
