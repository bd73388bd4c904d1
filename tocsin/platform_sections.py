"""The sections of `tocsin.yaml` for platforms that want a key, money or patience: X, YouTube and Apple's App Store."""

import re
from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from stream.query_parser import QueryError, compile_query
from tocsin.setting_types import Duration, Text, Variable, WebAddress, Whole
from tocsin.source_base import SourceSection

_CHANNEL = re.compile(r"UC[A-Za-z0-9_-]{22}")
_APP = re.compile(r"[0-9]{5,20}")
_COUNTRY = re.compile(r"[a-z]{2}")
POLLS_A_DAY = 86_400_000


class XSettings(SourceSection):
    """X, by its filtered stream: posts that match rules made from the brands' queries. Every post costs money."""

    KEYS: ClassVar[tuple[str, ...]] = ("bearer_token",)

    type: Literal["x"] = Field(description="`x`")
    bearer_token_env: Variable | None = Field(
        default=None, description="environment variable with the app's bearer token"
    )
    bearer_token_file: Text | None = Field(
        default=None, description="file of mode 0600 with the app's bearer token, instead of a variable"
    )
    posts_a_month: Whole = Field(
        default=10_000,
        ge=0,
        le=100_000_000,
        description="posts that may be read in a calendar month; then X is left, its brands are blind, and posts are "
        "only counted",
    )
    queries: dict[str, Text] = Field(
        default={},
        description="by brand, a query for X alone: where X cannot be told the brand's own, or would bring too much",
    )
    rivals: bool = Field(default=False, description="whether posts about competitors are read too; they cost as much")
    reposts: bool = Field(default=True, description="whether reposts are read; each costs as much as a post")
    backfill_minutes: Whole = Field(
        default=0, ge=0, le=5, description="what X sends again after a short break, on plans that have it (Enterprise)"
    )
    fill: Duration = Field(
        default=0,
        ge=0,
        le=604_800_000,
        description="how much of a longer break is searched for afterwards, each post found at its price; 0: nothing",
    )
    fill_posts: Whole = Field(default=1_000, ge=10, le=100_000, description="the most that is searched for at once")
    recheck: Duration = Field(
        default=1_800_000,
        ge=0,
        le=86_400_000,
        description="how often posts of open incidents are looked at again, for their counts and whether they are "
        "gone; each costs once a day; 0: never",
    )
    recheck_posts: Whole = Field(default=100, ge=1, le=1_000, description="the most that is looked at again at once")
    count: Duration = Field(
        default=3_600_000,
        ge=0,
        le=86_400_000,
        description="how often each brand's posts are counted while the month's are spent; a count costs as a post "
        "does; 0: never",
    )
    spam_and_protest_detectors: bool = Field(
        default=False,
        description="whether X allowed you to measure spam and to watch for protests; else its posts have no class "
        "`boycott` or `strike`, and nothing is said of coordination in an hour in which they are among a brand's",
    )
    rule_length: Whole = Field(default=1_024, ge=64, le=4_096, description="characters that the plan allows a rule")
    rules: Whole = Field(default=1_000, ge=1, le=100_000, description="rules that the plan allows")
    base_url: WebAddress = Field(default="https://api.x.com", description="the API; another one for trials")

    @property
    def is_measured(self) -> bool:
        """As X allowed."""
        return self.spam_and_protest_detectors

    def problems(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """A query that cannot be read."""
        for brand, query in self.queries.items():
            try:
                compile_query(query)
            except QueryError as why:
                yield ("queries", brand), f"the query for {brand!r} cannot be read: {why.message}"


class YouTubeSettings(SourceSection):
    """Comments on your own YouTube channels, with an API key."""

    KEYS: ClassVar[tuple[str, ...]] = ("api_key",)

    type: Literal["youtube"] = Field(description="`youtube`")
    api_key_env: Variable | None = Field(default=None, description="environment variable with the API key")
    api_key_file: Text | None = Field(
        default=None, description="file of mode 0600 with the API key, instead of a variable"
    )
    channels: tuple[Text, ...] = Field(
        min_length=1, max_length=50, description="ids of your own channels, as `UC` and 22 characters"
    )
    every: Duration = Field(
        default=120_000, ge=30_000, le=3_600_000, description="how often each channel is listed; that is a unit"
    )
    units_a_day: Whole = Field(
        default=9_000, ge=1, le=10_000_000, description="units that may be spent in a day of California's"
    )
    recheck: Duration = Field(
        default=900_000,
        ge=0,
        le=86_400_000,
        description="how often comments of open incidents are looked at again; a unit for fifty; 0: never",
    )
    base_url: WebAddress = Field(default="https://www.googleapis.com", description="the API; another one for trials")

    def problems(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """A channel that is none, or more listing than a day pays for."""
        for index, channel in enumerate(self.channels):
            if not _CHANNEL.fullmatch(channel):
                yield ("channels", index), "an id of a channel is `UC` and 22 letters, digits, `-` or `_`"
        needed = POLLS_A_DAY // self.every * len(self.channels)
        if needed > self.units_a_day:
            said = f"listing {len(self.channels)} channels so often takes {needed} units a day"
            yield ("every",), f"{said}, and there are {self.units_a_day}; ask less often"


class AppleReviewsSettings(SourceSection):
    """Reviews of your apps in Apple's App Store. Needs no key."""

    type: Literal["apple_reviews"] = Field(description="`apple_reviews`")
    apps: tuple[Text, ...] = Field(
        min_length=1, max_length=20, description="numbers of apps, as they stand in their address behind `id`"
    )
    countries: tuple[Text, ...] = Field(
        min_length=1, max_length=50, description="shops by two letters, as `nl`; each has reviews of its own"
    )
    every: Duration = Field(
        default=900_000, ge=60_000, le=86_400_000, description="how often each app is asked for in each shop"
    )
    base_url: WebAddress = Field(default="https://itunes.apple.com", description="the shops; another one for trials")

    def problems(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """A number or a country that is none."""
        for index, app in enumerate(self.apps):
            if not _APP.fullmatch(app):
                yield ("apps", index), "the number of an app has digits alone, as in `.../id123456789`; quote it"
        for index, country in enumerate(self.countries):
            if not _COUNTRY.fullmatch(country):
                yield ("countries", index), "a shop is named by two small letters, as `nl`"
