"""EDGE. From a section of the settings to the source that it describes."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from stream.brands import Brand
from stream.sources.contract import Source, Surroundings
from stream.sources.guard import Rules, place_of
from stream.sources.hackernews import HackerNews, HackerNewsOptions
from stream.sources.web import Web
from tocsin.secret import Secret
from tocsin.settings import Settings
from tocsin.source_sections import HackerNewsSettings, SourceSection


class Making(NamedTuple):
    """What a source is made with, besides its section."""

    around: Surroundings
    keys: Mapping[str, Secret]
    """Its secrets, by the names that its section gives them."""
    brands: tuple[Brand, ...]
    """Those that it feeds."""
    base: Path
    """Where relative paths begin."""

    def key(self, name: str) -> str:
        """A secret, opened; empty where it has none."""
        return self.keys[name].reveal() if name in self.keys else ""


Make = Callable[[Any, Making], Source]


def web_to(*urls: str, inside: bool = False) -> Web:
    """The web for a source that asks these addresses. Those that are plain http (allowed by the settings for this
    machine alone), and all of them where they lie `inside` our own network, are asked whatever their number.
    """
    plain = tuple(place_of(url) for url in urls if inside or urlsplit(url).scheme in ("http", "ws"))
    ports = {443} | {port for url in urls if (port := urlsplit(url).port) is not None}
    return Web(Rules(tuple(sorted(ports)), plain))


def _hackernews(section: HackerNewsSettings, making: Making) -> Source:
    options = HackerNewsOptions(section.queries, section.every / 1000, section.base_url, section.items_url)
    web = web_to(section.base_url, section.items_url)
    return HackerNews(section.name, options, web=web, around=making.around)


MAKES: dict[type[SourceSection], Make] = {
    HackerNewsSettings: _hackernews,
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
    return make(section, Making(around, keys, brands, settings.file.parent))
