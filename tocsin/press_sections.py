"""The sections of `tocsin.yaml` for what is published and found on the web: feeds, Google Alerts, GDELT, Reddit."""

import re
from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from tocsin.setting_types import Duration, Text, Variable, WebAddress, Whole
from tocsin.source_base import SourceSection

_AGENT = re.compile(r"[!-~]+:[!-~]+:[!-~]+ \(by /u/[A-Za-z0-9_-]{3,20}\)")
_SUBREDDIT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]{1,20}")


class FeedsSettings(SourceSection):
    """RSS and Atom feeds of newspapers, blogs and forums; an article that several of them list counts once."""

    type: Literal["feeds"] = Field(description="`feeds`")
    addresses: tuple[Text, ...] = Field(default=(), max_length=200, description="of the feeds, each with https")
    insecure_addresses: tuple[Text, ...] = Field(
        default=(),
        max_length=200,
        description="of feeds that have no https: what comes from them may have been changed on its way",
    )
    every: Duration = Field(
        default=600_000, ge=60_000, le=86_400_000, description="how often each is asked, unless it wants more time"
    )
    inside: bool = Field(
        default=False, description="whether the feeds lie in our own network or on this machine; also without https"
    )

    def problems(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """No feed at all, one that is not asked, one that is there twice."""
        from stream.sources.guard import Refused, Rules, place_of, target_of  # with httpx: only who has feeds waits

        if not self.addresses and not self.insecure_addresses:
            yield (), "it reads no feed; give `addresses` or `insecure_addresses`"
        known: set[str] = set()
        for key in ("addresses", "insecure_addresses"):
            for index, url in enumerate(getattr(self, key)):
                plain = (place_of(url),) if self.inside else ()
                try:
                    target_of(url, Rules(ports=(), plain=plain, unencrypted=key == "insecure_addresses"))
                except Refused as refused:
                    more = (
                        "`insecure_addresses` is for feeds without https, `inside: true` for those of our own network"
                    )
                    yield (key, index), f"a feed is not asked: {refused}; {more}"
                if url in known:
                    yield (key, index), "this feed is there twice; once is enough"
                known.add(url)


class GoogleAlertsSettings(SourceSection):
    """Google Alerts, delivered as feeds. Whoever knows the address of an alert can read it: it is a secret."""

    KEYS: ClassVar[tuple[str, ...]] = ("addresses",)

    type: Literal["google_alerts"] = Field(description="`google_alerts`")
    addresses_env: Variable | None = Field(
        default=None, description="environment variable with the addresses of the feeds, a line each"
    )
    addresses_file: Text | None = Field(default=None, description="file of mode 0600 with them, instead of a variable")
    every: Duration = Field(default=600_000, ge=60_000, le=86_400_000, description="how often each is asked")
    inside: bool = Field(default=False, description="whether they lie on this machine, for a trial; also without https")


class GdeltSettings(SourceSection):
    """The news of the world as GDELT finds it: titles of articles, every 15 minutes. Needs no key."""

    type: Literal["gdelt"] = Field(description="`gdelt`")
    queries: tuple[Text, ...] = Field(
        min_length=1,
        max_length=20,
        description="in GDELT's own language; brands are matched in the titles of what is found",
    )
    every: Duration = Field(
        default=900_000,
        ge=60_000,
        le=86_400_000,
        description="how often it is searched; GDELT has news every 15 minutes",
    )
    base_url: WebAddress = Field(
        default="https://api.gdeltproject.org/api/v2/doc/doc",
        description="the search; another one for trials on this machine",
    )


class RedditSettings(SourceSection):
    """Reddit's new posts and comments, for those who have its written approval."""

    KEYS: ClassVar[tuple[str, ...]] = ("client_secret",)

    type: Literal["reddit"] = Field(description="`reddit`")
    approved: Literal[True] = Field(
        description="`true`: we have Reddit's approval for this use. Without it nothing of Reddit may be read"
    )
    client_id: Text = Field(description="of the application that Reddit approved")
    client_secret_env: Variable | None = Field(default=None, description="environment variable with its secret")
    client_secret_file: Text | None = Field(default=None, description="file of mode 0600 with it, instead")
    user_agent: Text = Field(
        description="how it introduces itself, as Reddit asks: `<platform>:<app id>:<version> (by /u/<name>)`"
    )
    subreddits: tuple[Text, ...] = Field(default=(), max_length=50, description="whose posts are read, without `r/`")
    searches: tuple[Text, ...] = Field(default=(), max_length=20, description="posts of all Reddit that a search finds")
    comments: bool = Field(default=True, description="whether the comments in the subreddits are read too")
    every: Duration = Field(default=60_000, ge=30_000, le=3_600_000, description="how often each listing is asked for")
    recheck: Duration = Field(
        default=300_000,
        ge=60_000,
        le=86_400_000,
        description="how often the threads of open incidents are asked for again: counts, edits, deletes",
    )
    requests_a_minute: Whole = Field(
        default=60, ge=1, le=100, description="of the hundred that Reddit allows a client id wherever it is used"
    )
    token_url: WebAddress = Field(
        default="https://www.reddit.com/api/v1/access_token", description="another one for trials on this machine"
    )
    api_url: WebAddress = Field(default="https://oauth.reddit.com", description="the same for the interface itself")

    def problems(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Nothing to read, a name that is none, an introduction that Reddit refuses."""
        if not self.subreddits and not self.searches:
            yield (), "it reads nothing; give `subreddits` or `searches`"
        for index, name in enumerate(self.subreddits):
            if not _SUBREDDIT.fullmatch(name):
                yield ("subreddits", index), "a subreddit is named by letters, digits and `_`, without `r/`"
        if not _AGENT.fullmatch(self.user_agent):
            said = (
                "like `server:example.acme.listening:1.0 (by /u/acme_care)`; Reddit slows down what is named otherwise"
            )
            yield ("user_agent",), f"`user_agent` must be {said}"
