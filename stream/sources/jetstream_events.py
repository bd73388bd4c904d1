"""What Bluesky's Jetstream says, frame by frame, read without a network.

The hot path: all likes and reposts of the network come by, so an event is decoded as far as is needed and its record
only where it matters. Records are written by anybody's software: what keeps to no schema is read field by field.

Source: github.com/bluesky-social/jetstream (version 1 of its form).
"""

from typing import Any, Literal, NamedTuple

import msgspec

from stream.codec import parse_rfc3339, rfc3339
from stream.sources.rows import Row

POST = "app.bsky.feed.post"
LIKE = "app.bsky.feed.like"
REPOST = "app.bsky.feed.repost"

EARLIEST_US = 10**15
"""2001. A smaller number is a sequence of the second version and no time."""
LATEST_US = 4 * 10**15

BadReason = Literal["not_json", "not_an_event", "bad_time", "bad_record"]


class BadEvent(ValueError):  # noqa: N818 - what it is about
    """A frame that cannot be read: `reason` from a closed list, `detail` a line without anything of the post."""

    def __init__(self, reason: BadReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: BadReason = reason
        self.detail = detail


class Commit(msgspec.Struct, gc=False):
    """What somebody wrote into, or took out of, their repository. A delete has no record."""

    operation: str
    collection: str
    rkey: str
    record: msgspec.Raw = msgspec.Raw(b"")


class Account(msgspec.Struct, gc=False):
    """What became of an account; `active` again after `deleted` may be."""

    active: bool = True
    status: str | None = None


class Event(msgspec.Struct, gc=False):
    """One frame."""

    did: str
    time_us: int
    kind: str
    commit: Commit | None = None
    account: Account | None = None


class Post(NamedTuple):
    """What is used of a post's record."""

    text: str
    created_at: str | None
    lang: str | None = None
    parent: str | None = None
    root: str | None = None
    quoted: str | None = None


class _Ref(msgspec.Struct, gc=False):
    uri: str | None = None
    record: "_Ref | None" = None
    """Where a quote stands beside pictures, it lies one deeper."""


class _Reply(msgspec.Struct, gc=False):
    parent: _Ref | None = None
    root: _Ref | None = None


class _Embed(msgspec.Struct, gc=False):
    record: _Ref | None = None


class _Post(msgspec.Struct, gc=False):
    text: str = ""
    createdAt: str | None = None  # noqa: N815 - the platform's name
    langs: list[str] | None = None
    reply: _Reply | None = None
    embed: _Embed | None = None


class _Act(msgspec.Struct, gc=False):
    subject: _Ref


_decode_event = msgspec.json.Decoder(Event).decode
_decode_post = msgspec.json.Decoder(_Post).decode
_decode_act = msgspec.json.Decoder(_Act).decode
_decode_any = msgspec.json.Decoder().decode


def read_event(frame: str | bytes) -> Event:
    """One frame. Raises `BadEvent`.

    >>> read_event('{"did":"did:plc:a","time_us":1783175888094841,"kind":"identity"}').kind
    'identity'
    """
    try:
        event = _decode_event(frame)
    except msgspec.ValidationError as error:
        # Names the field and the type that was expected, and no value.
        raise BadEvent("not_an_event", str(error)) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise BadEvent("not_json", "no JSON, or not whole") from None
    if not EARLIEST_US <= event.time_us < LATEST_US:
        raise BadEvent("bad_time", "time_us is no time in microseconds")
    return event


def read_post(record: msgspec.Raw) -> Post:
    """A post's record. Raises `BadEvent` for what is no object; whatever else is wrong costs a field, not the post.

    >>> read_post(msgspec.Raw(b'{"text":"hi","langs":["nl"],"createdAt":"2026-07-04T14:38:08.420Z"}')).lang
    'nl'
    >>> read_post(msgspec.Raw(b'{"text":"hi","langs":"nl","reply":7}'))
    Post(text='hi', created_at=None, lang=None, parent=None, root=None, quoted=None)
    """
    try:
        found = _decode_post(record)
    except msgspec.ValidationError:
        found = _with_care(record)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise BadEvent("bad_record", "a post's record cannot be read") from None
    reply = found.reply
    return Post(
        found.text,
        found.createdAt,
        found.langs[0] if found.langs else None,
        _post_uri(reply.parent) if reply is not None else None,
        _post_uri(reply.root) if reply is not None else None,
        _post_uri(found.embed.record) if found.embed is not None else None,
    )


def read_subject(record: msgspec.Raw) -> str | None:
    """The post that was liked or reposted; `None` for what is none, as a feed that was liked."""
    try:
        return _post_uri(_decode_act(record).subject)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def uri_of(did: str, rkey: str) -> str:
    """The id of a post: as parents, quotes and likes name it."""
    return f"at://{did}/{POST}/{rkey}"


def post_row(event: Event, commit: Commit, post: Post, *, live: bool) -> Row:
    """A post, or its edit, in the interchange form. Its time is what its author's software claims, where it is one."""
    return Row(
        id=uri_of(event.did, commit.rkey),
        created_at=_time_of(post.created_at, event.time_us),
        kind="update" if commit.operation == "update" else None,
        author=event.did,
        text=post.text,
        lang=post.lang,
        url=f"https://bsky.app/profile/{event.did}/post/{commit.rkey}",
        parent_id=post.parent,
        root_id=post.root,
        quoted_id=post.quoted,
        live=live,
    )


def delete_row(event: Event, commit: Commit) -> Row:
    """A post that its author took back."""
    return Row(id=uri_of(event.did, commit.rkey), created_at=rfc3339(event.time_us // 1000), kind="delete")


def purge_row(event: Event) -> Row | None:
    """An author who is gone for good: all of theirs goes too. `None` for what is less, as a pause."""
    account = event.account
    if account is None or account.active or account.status != "deleted":
        return None
    return Row(id=event.did, created_at=rfc3339(event.time_us // 1000), kind="purge", author=event.did)


def _parse(frame: str | bytes) -> Row | None:
    """The row of one frame, `None` for what makes none. Raises `BadEvent`; a like's meaning depends on what is tracked.

    >>> _parse('{"did":"did:plc:a","time_us":1783175888094841,"kind":"account","account":{"active":true}}')
    """
    event = read_event(frame)
    commit = event.commit
    if event.kind == "account":
        return purge_row(event)
    if event.kind != "commit" or commit is None or commit.collection != POST:
        return None
    if commit.operation == "delete":
        return delete_row(event, commit)
    return post_row(event, commit, read_post(commit.record), live=True)


def _post_uri(ref: _Ref | None) -> str | None:
    if ref is None:
        return None
    uri = ref.uri if ref.uri is not None else ref.record.uri if ref.record is not None else None
    return uri if uri is not None and f"/{POST}/" in uri else None


def _time_of(claimed: str | None, time_us: int) -> str:
    try:
        if claimed is not None:
            parse_rfc3339(claimed)
            return claimed
    except (ValueError, OverflowError):
        pass
    return rfc3339(time_us // 1000)


def _with_care(record: msgspec.Raw) -> _Post:
    """A record that keeps to no schema, each field by itself."""
    try:
        fields: Any = _decode_any(record)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise BadEvent("bad_record", "a post's record is no object")
    found = _Post()
    for name in _Post.__struct_fields__:
        one = {name: fields[name]} if name in fields else {}
        try:
            setattr(found, name, getattr(msgspec.convert(one, _Post), name))
        except msgspec.ValidationError:
            continue
    return found
