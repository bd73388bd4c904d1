"""EDGE. From a section of the settings to the source that it describes."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from stream.brands import Brand
from stream.sources.apple_reviews import AppleReviews, AppleReviewsOptions
from stream.sources.brandwatch import PAGE_BYTES, Brandwatch, BrandwatchOptions
from stream.sources.contract import Source, Surroundings
from stream.sources.feeds import Feed, FeedOptions, FeedSource
from stream.sources.file_drop import FileDrop, FileDropOptions
from stream.sources.gdelt import Gdelt, GdeltOptions
from stream.sources.guard import Rules, place_of
from stream.sources.hackernews import HackerNews, HackerNewsOptions
from stream.sources.jetstream import Jetstream, JetstreamOptions
from stream.sources.mastodon import Mastodon, MastodonOptions
from stream.sources.reddit import Reddit, RedditOptions
from stream.sources.talkwalker import Talkwalker, TalkwalkerOptions
from stream.sources.wanted import authors_of, words_of
from stream.sources.web import LARGEST_BYTES, Web
from stream.sources.x_rules import Subject
from stream.sources.x_stream import XOptions, XStream
from stream.sources.youtube import YouTube, YouTubeOptions
from tocsin.network_sections import BlueskySettings, MastodonSettings
from tocsin.platform_sections import AppleReviewsSettings, XSettings, YouTubeSettings
from tocsin.press_sections import FeedsSettings, GdeltSettings, GoogleAlertsSettings, RedditSettings
from tocsin.secret import Secret
from tocsin.settings import Settings
from tocsin.source_base import SourceSection
from tocsin.source_sections import HackerNewsSettings
from tocsin.vendor_sections import BrandwatchSettings, FileDropSettings, TalkwalkerSettings


class Making(NamedTuple):
    """What a source is made with, besides its section."""

    around: Surroundings
    keys: Mapping[str, Secret]
    """Its secrets, by the names that its section gives them."""
    brands: tuple[Brand, ...]
    """Those that it feeds."""
    base: Path
    """Where relative paths begin."""
    zone: str = "UTC"
    """That of the whole file, for times that name none."""

    def key(self, name: str) -> str:
        """A secret, opened; empty where it has none."""
        return self.keys[name].reveal() if name in self.keys else ""


Make = Callable[[Any, Making], Source]


def web_to(*urls: str, inside: bool = False, largest: int = LARGEST_BYTES) -> Web:
    """The web for a source that asks these addresses. Those that are plain http (allowed by the settings for this
    machine alone), and all of them where they lie `inside` our own network, are asked whatever their number. An answer
    has at most `largest` bytes.
    """
    plain = tuple(place_of(url) for url in urls if inside or urlsplit(url).scheme in ("http", "ws"))
    return Web(Rules(_ports(urls), plain), largest=largest)


def _ports(urls: Sequence[str]) -> tuple[int, ...]:
    return tuple(sorted({443} | {port for url in urls if (port := urlsplit(url).port) is not None}))


def _hackernews(section: HackerNewsSettings, making: Making) -> Source:
    options = HackerNewsOptions(section.queries, section.every / 1000, section.base_url, section.items_url)
    web = web_to(section.base_url, section.items_url)
    return HackerNews(section.name, options, web=web, around=making.around)


def _feeds(section: FeedsSettings, making: Making) -> Source:
    pace_s = section.every / 1000
    open_ones = tuple(Feed(url, pace_s, insecure=section.inside) for url in section.addresses)
    feeds = (*open_ones, *(Feed(url, pace_s, insecure=True) for url in section.insecure_addresses))
    urls = (*section.addresses, *section.insecure_addresses)
    plain = tuple(place_of(url) for url in urls) if section.inside else ()
    # What has no https is of the open internet by its number, for nobody vouches for its name; 80 is where it leads.
    web = Web(Rules((*_ports(urls), 80), plain, unencrypted=bool(section.insecure_addresses)))
    return FeedSource(section.name, FeedOptions(feeds), web=web, around=making.around)


def _google_alerts(section: GoogleAlertsSettings, making: Making) -> Source:
    addresses = making.key("addresses")
    inside = section.inside
    options = FeedOptions((), section.every / 1000, inside, "google_alerts")
    web = web_to(*addresses.split(), inside=True) if inside else web_to()
    return FeedSource(section.name, options, web=web, around=making.around, addresses=addresses)


def _gdelt(section: GdeltSettings, making: Making) -> Source:
    options = GdeltOptions(section.queries, section.every / 1000, section.base_url)
    return Gdelt(section.name, options, web=web_to(section.base_url), around=making.around)


def _reddit(section: RedditSettings, making: Making) -> Source:
    options = RedditOptions(
        section.client_id,
        section.user_agent,
        section.subreddits,
        section.searches,
        comments=section.comments,
        poll_s=section.every / 1000,
        recheck_s=section.recheck / 1000,
        requests_a_minute=section.requests_a_minute,
        bases=(section.token_url, section.api_url),
    )
    web = web_to(section.token_url, section.api_url)
    return Reddit(section.name, options, web=web, around=making.around, client_secret=making.key("client_secret"))


def _talkwalker(section: TalkwalkerSettings, making: Making) -> Source:
    options = TalkwalkerOptions(
        section.collector, section.base_url.rstrip("/"), section.silent_after / 1000, section.credits_per_month
    )
    web = web_to(section.base_url)
    return Talkwalker(section.name, options, web=web, around=making.around, token=making.key("token"))


def _brandwatch(section: BrandwatchSettings, making: Making) -> Source:
    options = BrandwatchOptions(
        section.project,
        section.queries,
        every_s=section.every / 1000,
        lookback_s=section.lookback / 1000,
        requests=section.requests,
        base_url=section.base_url.rstrip("/"),
    )
    web = web_to(section.base_url, largest=PAGE_BYTES)
    return Brandwatch(section.name, options, web=web, around=making.around, token=making.key("token"))


def _files(section: FileDropSettings, making: Making) -> Source:
    options = FileDropOptions(
        str(making.base / section.directory),
        section.columns.columns(making.zone) if section.columns is not None else None,
        making.zone,
        every_s=section.every / 1000,
        steady_s=section.steady / 1000,
        keep_s=section.keep / 1000,
    )
    return FileDrop(section.name, options, around=making.around)


def _bluesky(section: BlueskySettings, making: Making) -> Source:
    options = JetstreamOptions(
        section.hosts,
        () if section.everything else words_of(making.brands, section.name),
        authors_of(making.brands),
        section.public_url,
        section.requests_a_minute,
    )
    web = web_to(*section.hosts, section.public_url)
    return Jetstream(section.name, options, web=web, around=making.around)


def _mastodon(section: MastodonSettings, making: Making) -> Source:
    feeds = (*section.feeds, *(f"#{tag}" for tag in section.hashtags))
    options = MastodonOptions(section.server, feeds, section.streaming or "")
    web = web_to(section.server, *([section.streaming] if section.streaming else []), inside=section.inside)
    return Mastodon(section.name, options, web=web, around=making.around, token=making.key("token"))


def _x(section: XSettings, making: Making) -> Source:
    options = XOptions(
        subjects(section, making.brands),
        posts_a_month=section.posts_a_month,
        reposts=section.reposts,
        backfill_minutes=section.backfill_minutes,
        fill_minutes=section.fill // 60_000,
        fill_posts=section.fill_posts,
        recheck_s=section.recheck / 1000,
        recheck_posts=section.recheck_posts,
        count_s=section.count / 1000,
        rule_length=section.rule_length,
        most_rules=section.rules,
        base_url=section.base_url.rstrip("/"),
    )
    web, token = web_to(section.base_url), making.key("bearer_token")
    return XStream(section.name, options, web=web, around=making.around, bearer_token=token)


def subjects(section: XSettings, brands: Sequence[Brand]) -> tuple[Subject, ...]:
    """What X is to be told of: the brands, and their competitors where they are wanted."""
    own = [Subject(brand.name, section.queries.get(brand.name, brand.query), brand.own_accounts) for brand in brands]
    rivals = [Subject(name, query) for brand in brands for name, query in brand.rivals if section.rivals]
    return (*own, *rivals)


def _youtube(section: YouTubeSettings, making: Making) -> Source:
    options = YouTubeOptions(
        section.channels,
        poll_s=section.every / 1000,
        units_a_day=section.units_a_day,
        recheck_s=section.recheck / 1000,
        base_url=section.base_url.rstrip("/"),
    )
    web = web_to(section.base_url)
    return YouTube(section.name, options, web=web, around=making.around, api_key=making.key("api_key"))


def _apple_reviews(section: AppleReviewsSettings, making: Making) -> Source:
    options = AppleReviewsOptions(section.apps, section.countries, section.every / 1000, section.base_url.rstrip("/"))
    return AppleReviews(section.name, options, web=web_to(section.base_url), around=making.around)


MAKES: dict[type[SourceSection], Make] = {
    AppleReviewsSettings: _apple_reviews,
    BlueskySettings: _bluesky,
    MastodonSettings: _mastodon,
    FeedsSettings: _feeds,
    GdeltSettings: _gdelt,
    GoogleAlertsSettings: _google_alerts,
    HackerNewsSettings: _hackernews,
    TalkwalkerSettings: _talkwalker,
    BrandwatchSettings: _brandwatch,
    FileDropSettings: _files,
    RedditSettings: _reddit,
    XSettings: _x,
    YouTubeSettings: _youtube,
}
"""How each type is made that is listened to; one that is not here comes to us by itself."""


def listened_to(settings: Settings) -> list[SourceSection]:
    """The sources that we go to."""
    return [section for section in settings.sources if type(section) in MAKES]


def make(section: SourceSection, making: Making) -> Source:
    """The source of a section that is listened to."""
    return MAKES[type(section)](section, making)


def fed_by(name: str, brands: Sequence[Brand]) -> tuple[Brand, ...]:
    """The brands that a source feeds: those that name it, and those that name none."""
    return tuple(brand for brand in brands if not brand.sources or name in brand.sources)


def made(settings: Settings, section: SourceSection, around: Surroundings) -> Source:
    """The source of a section, with its secrets. Raises `SettingsError` where a secret cannot be had."""
    keys = settings.require_secrets().source_keys.get(section.name, {})
    brands = fed_by(section.name, settings.brand_list())
    return make(section, Making(around, keys, brands, settings.file.parent, settings.timezone))
