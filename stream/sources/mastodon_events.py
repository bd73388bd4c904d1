"""What a Mastodon server says: its stream of server-sent events, and statuses as its interface writes them.

Native ids are the server's own: a delete names nothing else, and a reply names its parent by it. Sources:
docs.joinmastodon.org/methods/streaming and docs.joinmastodon.org/entities/Status.
"""

import codecs
import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

import msgspec

# The library's own reader wants a whole response, and shows nobody the comments by which the server says it is there.
from httpx_sse._decoders import SSEDecoder, SSELineDecoder

from stream.codec import rfc3339
from stream.sources.contract import Trouble
from stream.sources.html_text import text_of
from stream.sources.rows import Row, count_of

LARGEST_EVENT = 1 << 20
SHOWN = ("public", "unlisted")
"""Who may see what is kept: everybody. What is for followers or for named people is none of ours."""

BadReason = Literal["not_json", "not_a_status", "bad_id"]

_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")


class BadStatus(ValueError):  # noqa: N818 - what it is about
    """A payload that cannot be read: `reason` from a closed list, `detail` a line without anything of the post."""

    def __init__(self, reason: BadReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: BadReason = reason
        self.detail = detail


class Said(NamedTuple):
    """One event of a stream; without a name it is a sign of life."""

    name: str = ""
    data: str = ""


class Sse:
    """Events out of the pieces of a body, however they are cut.

    >>> sse = Sse()
    >>> list(sse.read(b":)\\nevent: dele")), list(sse.read(b"te\\ndata: 7\\n\\n"))
    ([Said(name='', data='')], [Said(name='delete', data='7')])
    """

    def __init__(self) -> None:
        self._text = codecs.getincrementaldecoder("utf-8")("replace")
        self._lines = SSELineDecoder()
        self._events = SSEDecoder()
        self._held = 0

    def read(self, piece: bytes) -> Iterator[Said]:
        """What a piece brings to an end. Raises `Trouble` for an event that never ends."""
        self._held += len(piece)
        text = self._text.decode(piece)
        for line in self._lines.decode(text) if text else ():
            if line.startswith(":"):
                self._held = 0
                yield Said()
                continue
            event = self._events.decode(line)
            if event is not None:
                self._held = 0
                yield Said(event.event, event.data)
        if self._held > LARGEST_EVENT:
            raise Trouble(f"an event of the stream is larger than {LARGEST_EVENT} bytes")


class _Account(msgspec.Struct, gc=False):
    acct: str
    followers_count: int | None = None
    created_at: str | None = None


class _Named(msgspec.Struct, gc=False):
    id: str | None = None


class _Quote(msgspec.Struct, gc=False):
    quoted_status: _Named | None = None
    quoted_status_id: str | None = None


class _Plain(msgspec.Struct, gc=False):
    """A status, as far as it is used."""

    id: str
    created_at: str
    account: _Account
    edited_at: str | None = None
    in_reply_to_id: str | None = None
    visibility: str | None = None
    language: str | None = None
    uri: str | None = None
    url: str | None = None
    content: str | None = None
    spoiler_text: str | None = None
    replies_count: int | None = None
    reblogs_count: int | None = None
    favourites_count: int | None = None
    quote: msgspec.Raw = msgspec.Raw(b"null")


class Status(_Plain, gc=False):
    """A status; one that only passes another on holds it as `reblog`."""

    reblog: _Plain | None = None


_decode_status = msgspec.json.Decoder(Status).decode
_decode_statuses = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_quote = msgspec.json.Decoder(_Quote).decode


def read_status(body: str | bytes | msgspec.Raw) -> Status:
    """One status. Raises `BadStatus`."""
    try:
        status = _decode_status(body)
    except msgspec.ValidationError as error:
        # Names the field and the type that was expected, and no value.
        raise BadStatus("not_a_status", str(error)) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise BadStatus("not_json", "no JSON, or not whole") from None
    if not _ID.fullmatch(status.id):
        raise BadStatus("bad_id", "a status without a usable id")
    return status


def read_statuses(body: bytes) -> list[msgspec.Raw]:
    """The statuses of a timeline, each still to be read. Raises `Trouble` for what is no list: an error page, say."""
    try:
        return _decode_statuses(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise Trouble("a timeline cannot be read") from None


def read_id(data: str) -> str:
    """The id that a delete names. Raises `BadStatus`."""
    name = data.strip().strip('"')
    if not _ID.fullmatch(name):
        raise BadStatus("bad_id", "a delete that names no status")
    return name


def status_row(status: Status, host: str, *, live: bool = True, edit: bool = False) -> Row | None:
    """A status in the interchange form; `None` for one that is not for everybody. `host` is the server's own name,
    which its own people's names leave out.
    """
    shown = status.reblog or status
    if (status.visibility or "public") not in SHOWN or (shown.visibility or "public") not in SHOWN:
        return None
    account = status.account
    row = Row(
        id=status.id,
        created_at=status.edited_at or status.created_at if edit else status.created_at,
        kind="update" if edit else None,
        author=account.acct if "@" in account.acct else f"{account.acct}@{host}",
        author_followers=count_of(account.followers_count),
        author_created_at=account.created_at or None,
        text="\n\n".join(part for part in (text_of(shown.spoiler_text or ""), text_of(shown.content or "")) if part),
        lang=shown.language,
        url=shown.url or shown.uri,
        live=live,
    )
    if status.reblog is not None:
        row.parent_id, row.is_repost = status.reblog.id, True
    else:
        row.parent_id, row.quoted_id = status.in_reply_to_id, _quoted(status.quote)
        row.reposts, row.likes = count_of(status.reblogs_count), count_of(status.favourites_count)
        row.replies = count_of(status.replies_count)
    return row


def counts_row(status: Status, at_ms: int) -> Row:
    """What a status has gathered."""
    return Row(
        id=status.id,
        created_at=rfc3339(at_ms),
        kind="engagement",
        reposts=count_of(status.reblogs_count),
        likes=count_of(status.favourites_count),
        replies=count_of(status.replies_count),
    )


def delete_row(name: str, at_ms: int) -> Row:
    """A status that was taken back."""
    return Row(id=name, created_at=rfc3339(at_ms), kind="delete")


def _parse(data: str | bytes) -> Row | None:
    """The row of one status. Raises `BadStatus`.

    >>> _parse('{"id":"7","created_at":"2026-01-05T15:00:00Z","visibility":"private","account":{"acct":"jo"}}')
    """
    return status_row(read_status(data), "server.example")


def _quoted(quote: msgspec.Raw) -> str | None:
    try:
        found = _decode_quote(quote)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None  # none, or as another kind of server writes it
    return found.quoted_status.id if found.quoted_status is not None else found.quoted_status_id
