"""A mention in the interchange form, as sources write it (`stream.reading` reads it): unknown is absent, never 0."""

import msgspec


class Row(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """The fields of `stream.reading`; ids without the source's name.

    >>> row_bytes(Row(id="7", created_at="2017-04-17T18:17:14Z", text="hi"))
    b'{"id":"7","created_at":"2017-04-17T18:17:14Z","text":"hi"}'
    """

    id: str
    created_at: str
    kind: str | None = None
    """`None`: create."""
    author: str | None = None
    author_followers: int | None = None
    author_created_at: str | None = None
    text: str | None = None
    lang: str | None = None
    url: str | None = None
    parent_id: str | None = None
    root_id: str | None = None
    quoted_id: str | None = None
    is_repost: bool = False
    reposts: int | None = None
    likes: int | None = None
    replies: int | None = None
    live: bool = True


row_bytes = msgspec.json.Encoder().encode
"""A `Row` as a line of JSON."""
