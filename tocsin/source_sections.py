"""The sections of `tocsin.yaml` for sources: where mentions come from, one section for each type.

A section names its secrets in `KEYS`: each is given as `NAME_env` or `NAME_file`, exactly one of the two.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, Protocol

from pydantic import Discriminator, Field, Tag

from stream.sources.shapes import Shape
from stream.strict_yaml import Document, YamlProblem
from tocsin.map_sections import PayloadSettings
from tocsin.network_sections import BlueskySettings, MastodonSettings
from tocsin.platform_sections import AppleReviewsSettings, XSettings, YouTubeSettings
from tocsin.press_sections import FeedsSettings, GdeltSettings, GoogleAlertsSettings, RedditSettings
from tocsin.secret import Secret
from tocsin.setting_types import Duration, SourceName, Text, Variable, WebAddress, Whole
from tocsin.source_base import SourceSection
from tocsin.vendor_sections import (
    TOKEN_MIN,
    BrandwatchSettings,
    FileDropSettings,
    TalkwalkerSettings,
    VendorSettings,
)

Where = tuple[str | int, ...]
Opened = Callable[[Where, str | None, str | None], Secret | None]
"""Opens the secret that a variable or a file holds; a problem is noted with the line of the setting."""


class SourceSettings(SourceSection):
    """A way in for mentions: a sender that posts to `/ingest/NAME` and signs with a secret."""

    name: SourceName = Field(description="stands in the address: /ingest/NAME")
    type: Literal["webhook"] = Field(default="webhook", description="how it delivers")
    secret_env: Variable | None = Field(default=None, description="environment variable with the signing secret")
    secrets_env: tuple[Variable, ...] = Field(
        default=(), max_length=2, description="two of them, while one replaces the other"
    )
    secret_file: Text | None = Field(
        default=None, description="file of mode 0600 with the signing secret, instead of a variable"
    )
    rate: Whole = Field(
        default=1000, ge=1, le=1_000_000, description="mentions a second it may send; more are told to wait (429)"
    )
    mapping: PayloadSettings | None = Field(
        default=None, description="what it sends, where that is not the interchange form"
    )


class HackerNewsSettings(SourceSection):
    """Hacker News, by the search of Algolia: stories and comments that hold given words. Needs no key."""

    type: Literal["hackernews"] = Field(description="`hackernews`")
    queries: tuple[Text, ...] = Field(
        min_length=1, max_length=20, description="words to search for; brands are matched in what is found"
    )
    every: Duration = Field(
        default=60_000, ge=10_000, le=3_600_000, description="how often it is searched; each query is a request"
    )
    base_url: WebAddress = Field(
        default="https://hn.algolia.com", description="the search; another one for trials on this machine"
    )
    items_url: WebAddress = Field(
        default="https://hacker-news.firebaseio.com", description="Hacker News itself, for what a story counts later"
    )


def _type_of(value: Any) -> str:
    """Which section it is: a source that does not say is a webhook."""
    return str(value.get("type", "webhook") if isinstance(value, Mapping) else getattr(value, "type", "webhook"))


AnySource = Annotated[
    Annotated[SourceSettings, Tag("webhook")]
    | Annotated[AppleReviewsSettings, Tag("apple_reviews")]
    | Annotated[BlueskySettings, Tag("bluesky")]
    | Annotated[BrandwatchSettings, Tag("brandwatch")]
    | Annotated[FeedsSettings, Tag("feeds")]
    | Annotated[FileDropSettings, Tag("files")]
    | Annotated[GdeltSettings, Tag("gdelt")]
    | Annotated[GoogleAlertsSettings, Tag("google_alerts")]
    | Annotated[HackerNewsSettings, Tag("hackernews")]
    | Annotated[MastodonSettings, Tag("mastodon")]
    | Annotated[VendorSettings, Tag("meltwater")]
    | Annotated[RedditSettings, Tag("reddit")]
    | Annotated[TalkwalkerSettings, Tag("talkwalker")]
    | Annotated[XSettings, Tag("x")]
    | Annotated[VendorSettings, Tag("youscan")]
    | Annotated[YouTubeSettings, Tag("youtube")],
    Discriminator(_type_of),
]

SOURCE_SECTIONS: tuple[tuple[str, type[SourceSection]], ...] = (
    ("`sources:` a list", SourceSettings),
    ("A source of type `apple_reviews`", AppleReviewsSettings),
    ("A source of type `bluesky`", BlueskySettings),
    ("A source of type `brandwatch`", BrandwatchSettings),
    ("A source of type `feeds`", FeedsSettings),
    ("A source of type `files`", FileDropSettings),
    ("A source of type `gdelt`", GdeltSettings),
    ("A source of type `google_alerts`", GoogleAlertsSettings),
    ("A source of type `hackernews`", HackerNewsSettings),
    ("A source of type `mastodon`", MastodonSettings),
    ("A source of type `meltwater` or `youscan`", VendorSettings),
    ("A source of type `reddit`", RedditSettings),
    ("A source of type `talkwalker`", TalkwalkerSettings),
    ("A source of type `x`", XSettings),
    ("A source of type `youtube`", YouTubeSettings),
)
"""For the reference, in its order."""


class Sources(Protocol):
    """The part of the settings that is about sources."""

    @property
    def sources(self) -> Sequence[SourceSection]: ...
    @property
    def cluster(self) -> object | None: ...
    @property
    def timezone(self) -> str: ...


def doors(settings: Sources) -> list[SourceSettings]:
    """The sources that come to us, signed, at `/ingest/NAME`."""
    return [one for one in settings.sources if isinstance(one, SourceSettings)]


def shapes_of(settings: Sources) -> dict[str, Shape]:
    """What those of them send that do not send the interchange form."""
    zone = settings.timezone
    return {one.name: one.mapping.shape(zone) for one in doors(settings) if one.mapping is not None}


def vendor_doors(settings: Sources) -> list[VendorSettings]:
    """The sources that come to us unsigned, at `/ingest/NAME/TOKEN`."""
    return [one for one in settings.sources if isinstance(one, VendorSettings)]


def source_contradictions(settings: Sources, document: Document) -> Iterator[YamlProblem]:
    """What each source allows and the whole does not."""
    for index, source in enumerate(settings.sources):
        where = ("sources", index)
        if isinstance(source, SourceSettings):
            yield from _exactly_one(source, ("secret_env", "secrets_env", "secret_file"), "secret", where, document)
        elif settings.cluster is not None:
            said = f"source {source.name} is of type {source.type}, which workers do not listen to; allowed beside"
            yield document.problem((*where, "type"), f"{said} `cluster`: webhook")
        for inner, said in source.problems():
            yield document.problem((*where, *inner), f"source {source.name}: {said}")
        for key in source.KEYS:
            yield from _exactly_one(source, (f"{key}_env", f"{key}_file"), key, where, document)
        for key in source.MAY:
            if getattr(source, f"{key}_env") or getattr(source, f"{key}_file"):
                yield from _exactly_one(source, (f"{key}_env", f"{key}_file"), key, where, document)


def _exactly_one(
    source: SourceSection, ways: Sequence[str], what: str, where: Where, document: Document
) -> Iterator[YamlProblem]:
    given = [way for way in ways if getattr(source, way)]
    if len(given) != 1:
        has = f"has no {what}" if not given else f"has {' and '.join(given)}"
        yield document.problem(where, f"source {source.name} {has}; give exactly one of {', '.join(ways)}")


def open_source_secrets(
    settings: Sources, document: Document, opened: Opened, problems: list[str]
) -> tuple[dict[str, tuple[Secret, ...]], dict[str, dict[str, Secret]]]:
    """The signing secrets of webhooks by source, and the keys of the other sources, by source and by name."""
    signing: dict[str, tuple[Secret, ...]] = {}
    keys: dict[str, dict[str, Secret]] = {}
    for index, source in enumerate(settings.sources):
        where = ("sources", index)
        if isinstance(source, SourceSettings):
            signing[source.name] = _signing(source, where, opened)
            problems += [str(problem) for problem in _shared(source, signing, where, document)]
        keys[source.name] = dict(_keys(source, where, opened))
        weak = any(len(token.reveal()) < TOKEN_MIN for token in keys[source.name].values())
        if isinstance(source, VendorSettings) and weak:
            said = f"source {source.name} has a token that could be guessed; it has at least {TOKEN_MIN} characters"
            problems.append(str(document.problem(where, said)))
    return signing, keys


def _signing(source: SourceSettings, where: Where, opened: Opened) -> tuple[Secret, ...]:
    names = source.secrets_env or ((source.secret_env,) if source.secret_env else (None,))
    found = [opened(where, name, source.secret_file) for name in names]
    return tuple(secret for secret in found if secret is not None)


def _shared(
    source: SourceSettings, signing: Mapping[str, tuple[Secret, ...]], where: Where, document: Document
) -> Iterator[YamlProblem]:
    for other in signing:
        if other != source.name and any(secret in signing[other] for secret in signing[source.name]):
            said = f"source {source.name} has a secret of source {other}: what one accepted could be sent again to "
            yield document.problem(where, f"{said}the other; give each its own")


def _keys(source: SourceSection, where: Where, opened: Opened) -> Iterator[tuple[str, Secret]]:
    for key in (*source.KEYS, *source.MAY):
        variable, file = getattr(source, f"{key}_env"), getattr(source, f"{key}_file")
        if variable or file:
            secret = opened((*where, f"{key}_file" if file else f"{key}_env"), variable, file)
            if secret is not None:
                yield key, secret
