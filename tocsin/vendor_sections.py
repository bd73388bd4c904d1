"""The sections of `tocsin.yaml` for vendors that hold licences, and for files: what a team pays for already."""

from typing import ClassVar, Literal

from pydantic import Field

from tocsin.map_sections import ColumnSettings
from tocsin.setting_types import Duration, Text, Variable, WebAddress, Whole
from tocsin.source_base import SourceSection

TOKEN_MIN = 32
"""Characters of the token in an address."""


class VendorSettings(SourceSection):
    """A vendor that posts to us and cannot sign: the address that it is given ends in `/ingest/NAME/TOKEN`."""

    KEYS: ClassVar[tuple[str, ...]] = ("token",)
    MAY: ClassVar[tuple[str, ...]] = ("older_token",)

    type: Literal["meltwater", "youscan"] = Field(description="whose payloads it posts")
    token_env: Variable | None = Field(
        default=None, description="variable with the token of its address: 32 characters or more, chosen by chance"
    )
    token_file: Text | None = Field(default=None, description="file of mode 0600 with that token, instead")
    older_token_env: Variable | None = Field(
        default=None, description="variable with the token before it, while the vendor is told of the new one"
    )
    older_token_file: Text | None = Field(default=None, description="file of mode 0600 with the older one, instead")
    rate: Whole = Field(
        default=50, ge=1, le=10_000, description="mentions a second it may send in the long run; more are told to wait"
    )


class TalkwalkerSettings(SourceSection):
    """Talkwalker: the results of a collector, as they are found."""

    KEYS: ClassVar[tuple[str, ...]] = ("token",)

    type: Literal["talkwalker"] = Field(description="`talkwalker`")
    collector: Text = Field(pattern=r"^[a-z][a-z0-9_-]{0,99}$", description="the collector's id")
    token_env: Variable | None = Field(default=None, description="variable with the API token")
    token_file: Text | None = Field(default=None, description="file of mode 0600 with the API token, instead")
    credits_per_month: Whole | None = Field(
        default=None, ge=1, description="our own limit: one result costs one credit; then it is capped until next month"
    )
    silent_after: Duration = Field(
        default=120_000, ge=30_000, le=3_600_000, description="so long without a byte, and it is silent"
    )
    base_url: WebAddress = Field(
        default="https://api.talkwalker.com", description="its API; another one for trials on this machine"
    )


class BrandwatchSettings(SourceSection):
    """Brandwatch Consumer Research: the mentions of queries, asked for again and again."""

    KEYS: ClassVar[tuple[str, ...]] = ("token",)

    type: Literal["brandwatch"] = Field(description="`brandwatch`")
    project: Whole = Field(ge=1, description="the project's number")
    queries: tuple[Whole, ...] = Field(min_length=1, max_length=50, description="numbers of its queries")
    token_env: Variable | None = Field(default=None, description="variable with the access token of an API user")
    token_file: Text | None = Field(default=None, description="file of mode 0600 with that token, instead")
    every: Duration = Field(
        default=60_000, ge=20_000, le=3_600_000, description="how often it is asked, as far as `requests` allow"
    )
    lookback: Duration = Field(
        default=86_400_000, ge=3_600_000, le=2_592_000_000, description="how old a mention may be when it is found"
    )
    requests: Whole = Field(
        default=30, ge=1, le=10_000, description="in ten minutes; fewer where other programs share the client"
    )
    base_url: WebAddress = Field(
        default="https://api.brandwatch.com", description="its API; another one for trials on this machine"
    )


class FileDropSettings(SourceSection):
    """A directory into which exports are put: CSV by a map of its columns, or JSON lines in the interchange form."""

    type: Literal["files"] = Field(description="`files`")
    directory: Text = Field(description="the directory, relative to this file")
    columns: ColumnSettings | None = Field(
        default=None, description="which column is which field; `tocsin sources preview FILE` proposes it"
    )
    every: Duration = Field(default=5_000, ge=1_000, le=3_600_000, description="how often the directory is looked at")
    steady: Duration = Field(
        default=10_000, ge=1_000, le=3_600_000, description="so long a file must not change before it is taken"
    )
    keep: Duration = Field(
        default=604_800_000,
        ge=3_600_000,
        le=31_536_000_000,
        description="how long files lie in `done/` and `bad/` before they are removed",
    )
