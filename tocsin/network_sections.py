"""The sections of `tocsin.yaml` for open social networks: Bluesky and Mastodon."""

import re
from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from tocsin.setting_types import Text, Variable, WebAddress, Whole, is_web_address
from tocsin.source_base import SourceSection

_TAG = re.compile(r"\w+")
MOST_STREAMS = 10

JETSTREAM_HOSTS = (
    "wss://jetstream2.us-east.bsky.network",
    "wss://jetstream1.us-east.bsky.network",
    "wss://jetstream2.us-west.bsky.network",
    "wss://jetstream1.us-west.bsky.network",
)


class BlueskySettings(SourceSection):
    """Bluesky, the whole network, through Jetstream: posts, edits, deletes as they happen. Needs no key."""

    type: Literal["bluesky"] = Field(description="`bluesky`")
    hosts: tuple[Text, ...] = Field(
        default=JETSTREAM_HOSTS,
        min_length=1,
        max_length=10,
        description="servers that say the same, asked in turn; a Jetstream of one's own, too",
    )
    everything: bool = Field(
        default=False,
        description="keep every post of the network, some five million a day, and not only those that hold a word of "
        "the brands' queries",
    )
    public_url: WebAddress = Field(
        default="https://public.api.bsky.app",
        description="where followers of authors, and counts of posts that matter, are asked for",
    )
    requests_a_minute: Whole = Field(
        default=60, ge=0, le=600, description="the most that is asked there; 0: nothing, and these stay unknown"
    )

    def problems(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """A host that is no WebSocket, or has no encryption."""
        for index, host in enumerate(self.hosts):
            if not host.startswith(("wss://", "ws://")) or not is_web_address(host.replace("ws", "http", 1)):
                yield ("hosts", index), "a host begins with wss:// (ws:// is allowed for this machine alone)"


class MastodonSettings(SourceSection):
    """Public feeds of a Mastodon server, as they stream: what it sees of the network."""

    KEYS: ClassVar[tuple[str, ...]] = ("token",)

    type: Literal["mastodon"] = Field(description="`mastodon`")
    server: WebAddress = Field(description="its address, as `https://mastodon.example`")
    feeds: tuple[Literal["public", "public/local", "public/remote"], ...] = Field(
        default=(), max_length=3, description="all that it sees, what its own people say, what the others say"
    )
    hashtags: tuple[Text, ...] = Field(
        default=(), max_length=MOST_STREAMS, description="posts with these tags, without `#`; a stream for each"
    )
    token_env: Variable | None = Field(
        default=None, description="environment variable with the token of a user, with the right `read:statuses`"
    )
    token_file: Text | None = Field(default=None, description="file of mode 0600 with it, instead of a variable")
    streaming: WebAddress | None = Field(
        default=None,
        description="where its streams are, where that is neither the server nor a host below its name: the token goes "
        "there",
    )
    inside: bool = Field(default=False, description="whether the server lies in our own network or on this machine")

    def problems(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Nothing to read, too many streams, a tag that is none."""
        if not self.feeds and not self.hashtags:
            yield (), "it reads nothing; give `feeds` or `hashtags`"
        if len(self.feeds) + len(self.hashtags) > MOST_STREAMS:
            yield (), f"it opens more than {MOST_STREAMS} streams; give fewer `feeds` and `hashtags`"
        for index, tag in enumerate(self.hashtags):
            if not _TAG.fullmatch(tag):
                yield ("hashtags", index), "a hashtag is one word of letters, digits and `_`, without `#`"
            if tag.casefold() in [one.casefold() for one in self.hashtags[:index]]:
                yield ("hashtags", index), "this hashtag is there twice; once is enough"
