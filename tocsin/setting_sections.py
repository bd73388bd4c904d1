"""The sections of `tocsin.yaml`: each setting with its default and its meaning, for `docs/reference/settings.md`."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from tocsin.secret import Secret
from tocsin.setting_types import (
    Address,
    Duration,
    IssueClass,
    IssueTerm,
    Language,
    Number,
    SlackChannel,
    Text,
    Variable,
    WebAddress,
    Whole,
    Zone,
    host_and_port,
)


class Section(BaseModel):
    """A mapping of `tocsin.yaml`. Unknown keys are refused; nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class BudgetSettings(Section):
    """How often you accept to be told of nothing; every threshold follows from this and the brand's own past."""

    false_pages_per_brand_month: Number = Field(
        default=1, ge=0.1, le=30, description="pages that turn out to be for nothing, a brand and month"
    )
    false_notices_per_brand_month: Number = Field(
        default=3, ge=0.5, le=200, description="notices that turn out to be for nothing, a brand and month"
    )


class CompetitorSettings(Section):
    """A competitor, counted beside a brand: so a page can say whether the lift is the brand's alone."""

    name: Text = Field(description="what people call it")
    query: Text = Field(description="which posts are about it; they are no mentions of the brand")


class BrandSettings(Section):
    """A brand to listen for."""

    name: Text = Field(description="what people call it; also how its incidents are named")
    query: Text = Field(
        description='which posts are about it: words, "phrases", AND, OR, NOT, (), NEAR/n, word*, author:'
    )
    languages: tuple[Language, ...] = Field(
        default=("en",), description="languages its public writes in, as ISO 639-1 codes"
    )
    own_accounts: tuple[Text, ...] = Field(
        default=(), description="its own accounts: their posts are responses, not mentions"
    )
    sources: tuple[Text, ...] = Field(default=(), description="sources it is heard through; when empty, all of them")
    match: tuple[Text, ...] = Field(default=(), description="texts that the query must find; `tocsin check` tries them")
    no_match: tuple[Text, ...] = Field(default=(), description="texts that the query must not find")
    issues: dict[IssueClass, tuple[IssueTerm, ...]] = Field(
        default={},
        description="own terms by class of complaint, as `price: [miles expired]`; `-word` takes a shipped one out",
    )
    timezone: Zone | None = Field(default=None, description="its own time zone; when absent, that of the whole file")
    responders: dict[str, Text] = Field(
        default={}, description="role of the flowchart: who has that role for this brand"
    )
    budget: BudgetSettings | None = Field(
        default=None, description="its own budget; what it does not say is as in the whole file"
    )
    planned: tuple[Text, ...] = Field(
        default=(), description="iCalendar files of its launches, campaigns and matches, relative to this file"
    )
    competitors: tuple[CompetitorSettings, ...] = Field(
        default=(), max_length=8, description="whose lift tells trouble of the sector from its own"
    )
    mode: Literal["live", "shadow"] | None = Field(
        default=None, description="its own mode; when absent, that of the whole file"
    )


class IngestSettings(Section):
    """The door through which mentions come in over HTTP."""

    listen: Address = Field(default="127.0.0.1:8750", description="host:port; 0 is any free port")
    items_per_second: Whole = Field(default=5000, ge=1, le=1_000_000, description="mentions a second over all sources")

    @property
    def host(self) -> str:
        """The address without its port."""
        return host_and_port(self.listen)[0]

    @property
    def port(self) -> int:
        """The port; 0 asks the machine for a free one."""
        return host_and_port(self.listen)[1]


class SlackSettings(Section):
    """Slack, as the way to people. Without this section pages go to the terminal."""

    channel: SlackChannel = Field(description="where cards are posted: the channel's id, as C0123456789, or its name")
    mode: Literal["socket", "http"] = Field(
        default="socket", description="how clicks come back: socket needs no open port"
    )
    bot_token_env: Variable = Field(default="SLACK_BOT_TOKEN", description="variable with the bot token")
    bot_token_file: Text | None = Field(default=None, description="file of mode 0600 with the bot token, instead")
    app_token_env: Variable = Field(default="SLACK_APP_TOKEN", description="variable with the app token (mode socket)")
    app_token_file: Text | None = Field(default=None, description="file of mode 0600 with the app token, instead")
    signing_secret_env: Variable = Field(
        default="SLACK_SIGNING_SECRET", description="variable with the signing secret (mode http)"
    )
    signing_secret_file: Text | None = Field(
        default=None, description="file of mode 0600 with the signing secret, instead"
    )
    base_url: WebAddress = Field(
        default="https://slack.com/api/", description="Slack's Web API; another one for trials on this machine"
    )


class DrillSettings(Section):
    """Drills: a crisis replayed through the flowchart and Slack, everything marked DRILL."""

    channel: SlackChannel | None = Field(
        default=None, description="where the cards of a drill are posted; when absent, where those of real ones are"
    )
    speed: Whole = Field(default=10, ge=1, le=600, description="how many times faster than the recording it runs")
    longest: Duration = Field(
        default=3_600_000, ge=10_000, le=86_400_000, description="when a drill ends by itself, by the clock on the wall"
    )


class DeliverySettings(Section):
    """How long delivery waits before it does something about it."""

    grace: Duration = Field(
        default=60_000,
        ge=1000,
        le=240_000,
        description="after a reply was lost: how long Slack's history is asked before sending anew",
    )
    timeout: Duration = Field(default=10_000, ge=100, le=60_000, description="how long one call may take")
    second_way: Duration = Field(
        default=30_000,
        ge=1000,
        le=60_000,
        description="how long a page may be late, or in doubt, before its people are told by another way too",
    )
    pace: Duration = Field(
        default=1_000,
        ge=0,
        le=60_000,
        description="time between two messages in a channel of Slack; five may go at once after it was quiet",
    )


class RetentionSettings(Section):
    """How long what people wrote, and what was sent to whom, is kept. Counts and decisions stay: they name nobody."""

    texts: Duration = Field(
        default=30 * 86_400_000,
        ge=86_400_000,
        le=400 * 86_400_000,
        description="texts that cards and reviews quote, from when they were written; a card compares a fortnight",
    )
    raw: Duration = Field(
        default=3 * 86_400_000,
        ge=2 * 86_400_000,
        le=30 * 86_400_000,
        description="posts as they came in; repeats are known by them for two days",
    )
    dead_letters: Duration = Field(
        default=30 * 86_400_000, ge=86_400_000, le=400 * 86_400_000, description="what could not be read"
    )
    pages: Duration = Field(
        default=400 * 86_400_000,
        ge=30 * 86_400_000,
        le=4_000 * 86_400_000,
        description="what was sent to whom and how, of incidents that are over; one process, not `kafka`",
    )


class LogSettings(Section):
    """How the log is written: one event a line, on standard output, without secrets and without anybody's words."""

    form: Literal["auto", "json", "text"] = Field(
        default="auto", description="json for programs, text for people; auto is text on a terminal and json elsewhere"
    )
    level: Literal["info", "warning", "error"] = Field(default="info", description="what is less grave is not written")


class HeartbeatSettings(Section):
    """The dead man's switch: an address outside that is touched while all is well, and tells people when it is not."""

    url_env: Variable | None = Field(
        default=None, description="variable with the address, as a healthchecks service gives it: it is a secret"
    )
    url_file: Text | None = Field(default=None, description="file of mode 0600 with the address, instead")
    every: Duration = Field(
        default=60_000,
        ge=1_000,
        le=120_000,
        description="how often a probe goes the whole way and the address is touched; give the watcher this period, "
        "and a grace of one and a half times that. Whatever stops is heard of outside within three times it; less than "
        "30s is for rehearsals",
    )


class Secrets(Section):
    """The secrets of a deployment, opened. None of them shows in a log, an exception or a `repr`."""

    model_config = ConfigDict(arbitrary_types_allowed=True, frozen=True, hide_input_in_errors=True)

    slack_bot: Secret | None = None
    slack_app: Secret | None = None
    slack_signing: Secret | None = None
    sources: dict[str, tuple[Secret, ...]] = {}
    source_keys: dict[str, dict[str, Secret]] = {}
    heartbeat: Secret | None = None
    email_password: Secret | None = None
    pagerduty: dict[str, Secret] = {}
    webhooks: dict[str, tuple[Secret, ...]] = {}
    apprise: dict[str, Secret] = {}
    names_key: Secret | None = None
    kafka_password: Secret | None = None
    redis_password: Secret | None = None
    console_oidc: Secret | None = None
    console_passwords: dict[str, Secret] = {}
