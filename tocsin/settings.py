"""`tocsin.yaml`: what one deployment listens to, whom it tells, and where it keeps things.

EDGE: reads the file and the environment, once, at the start. Each setting is declared here with its default and its
meaning, and `docs/reference/settings.md` is made from these declarations. Every problem carries `file:line:column`,
what is wrong and what would be right. Secrets never stand in the file: it names a variable or a file of mode 0600.
"""

from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from stream.brands import Brand, check_examples
from stream.codec import MINUTE_MS
from stream.query_parser import QueryError, compile_query
from stream.strict_yaml import Document, YamlProblem, did_you_mean, parse, problems_from_pydantic
from tocsin.secret import Secret, SecretProblem, from_environment, from_file
from tocsin.setting_types import (
    Address,
    Duration,
    IssueClass,
    IssueTerm,
    Language,
    SourceName,
    Text,
    Variable,
    WebAddress,
    Whole,
    Zone,
)


class SettingsError(ValueError):
    """What is wrong with a configuration: one line each, as `file:line:column: what; what is allowed`."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Section(BaseModel):
    """A mapping of `tocsin.yaml`. Unknown keys are refused; nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


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


class SourceSettings(Section):
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


class IngestSettings(Section):
    """The door through which mentions come in over HTTP."""

    listen: Address = Field(default="127.0.0.1:8750", description="host:port; 0 is any free port")
    items_per_second: Whole = Field(default=5000, ge=1, le=1_000_000, description="mentions a second over all sources")

    @property
    def host(self) -> str:
        """The address without its port."""
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port; 0 asks the machine for a free one."""
        return int(self.listen.rpartition(":")[2])


class SlackSettings(Section):
    """Slack, as the way to people. Without this section pages go to the terminal."""

    channel: Text = Field(description="where cards are posted: the channel's id, as C0123456789, or its name")
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


class DeliverySettings(Section):
    """How long delivery waits before it does something about it."""

    grace: Duration = Field(
        default=60_000,
        ge=1000,
        le=240_000,
        description="after a reply was lost: how long Slack's history is asked before sending anew",
    )
    timeout: Duration = Field(default=10_000, ge=100, le=60_000, description="how long one call may take")


class Secrets(Section):
    """The secrets of a deployment, opened. None of them shows in a log, an exception or a `repr`."""

    model_config = ConfigDict(arbitrary_types_allowed=True, frozen=True, hide_input_in_errors=True)

    slack_bot: Secret | None = None
    slack_app: Secret | None = None
    slack_signing: Secret | None = None
    sources: dict[str, tuple[Secret, ...]] = {}


class Settings(Section):
    """Everything in `tocsin.yaml`."""

    timezone: Zone = Field(
        default="UTC", description="zone in which people read times and hours count as business hours"
    )
    flowchart: Text | None = Field(
        default=None, description="the crisis flowchart, relative to this file; when absent, the shipped one"
    )
    data: Text = Field(
        default="tocsin-data", description="directory of the journal, the logs and the texts, relative to this file"
    )
    step: Duration = Field(
        default=5000, description="grid step of core time; fixed for a journal's life; must divide a minute"
    )
    mode: Literal["live", "shadow"] = Field(
        default="live", description="shadow decides and shows everything and pages nobody"
    )
    brands: tuple[BrandSettings, ...] = Field(default=(), description="whom to listen for")
    sources: tuple[SourceSettings, ...] = Field(default=(), description="where mentions come from")
    scorers: tuple[Text, ...] = Field(
        default=(), description="own scorers as module:Class, asked before the shipped ones; see docs/scoring.md"
    )
    ingest: IngestSettings = Field(default=IngestSettings(), description="the door through which they come in")
    slack: SlackSettings | None = Field(default=None, description="the way to people; when absent, the terminal")
    delivery: DeliverySettings = Field(default=DeliverySettings(), description="how long delivery waits")

    _document: Document = PrivateAttr(default_factory=lambda: Document("tocsin.yaml", ""))
    _base: Path = PrivateAttr(default_factory=Path)
    _secrets: Secrets = PrivateAttr(default_factory=Secrets)
    _secret_problems: list[str] = PrivateAttr(default_factory=list)

    @property
    def flowchart_path(self) -> Path:
        """Where the flowchart lies: the file named here, else the shipped one."""
        return self._base / self.flowchart if self.flowchart else shipped_chart_path()

    @property
    def data_path(self) -> Path:
        """The directory that holds everything this deployment remembers."""
        return self._base / self.data

    def brand_list(self) -> list[Brand]:
        """The brands as intake knows them, each with a time zone of its own."""
        return [_as_brand(brand, self.timezone) for brand in self.brands]

    def problem(self, where: tuple[str | int, ...], message: str, *, at_key: bool = False) -> YamlProblem:
        """`message` about the setting at `where`, with its line."""
        return self._document.problem(where, message, at_key=at_key)

    def require_secrets(self) -> Secrets:
        """The secrets that this configuration names. Raises `SettingsError` where one cannot be had."""
        if self._secret_problems:
            raise SettingsError(self._secret_problems)
        return self._secrets


def shipped_chart_path() -> Path:
    """The flowchart that comes with Tocsin: inside the installed package, else at the root of a checkout.

    >>> shipped_chart_path().name
    'crisis_flowchart.yaml'
    """
    packaged = Path(str(files("tocsin"))) / "shipped" / "crisis_flowchart.yaml"
    return packaged if packaged.exists() else Path(__file__).parent.parent / "crisis_flowchart.yaml"


def load_settings(path: Path | None, env: Mapping[str, str]) -> Settings:
    """Read a configuration; without a path, the defaults.

    Raises `SettingsError` with everything that is wrong with its shape. Queries and secrets are looked at by
    `check_settings` and `Settings.require_secrets`, so that a replay needs no token.

    >>> load_settings(None, {}).step
    5000
    """
    if path is None:
        return Settings()
    try:
        document = parse(path.read_bytes().decode(), str(path))
    except OSError as error:
        said = (error.strerror or "error").lower()
        raise SettingsError([f"{path}: cannot be read ({said}); name an existing file with --config"]) from None
    except UnicodeDecodeError as error:
        raise SettingsError([f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8"]) from None
    except YamlProblem as problem:
        raise SettingsError([str(problem)]) from None
    try:
        settings = Settings.model_validate({} if document.data is None else document.data)
    except ValidationError as error:
        raise SettingsError([str(p) for p in problems_from_pydantic(error, document, Settings)]) from None
    problems = [str(problem) for problem in _contradictions(settings, document)]
    if problems:
        raise SettingsError(problems)
    settings._document = document  # noqa: SLF001 - this function is the constructor
    settings._base = path.parent  # noqa: SLF001
    _open_secrets(settings, document, env)
    return settings


def check_settings(settings: Settings) -> list[str]:
    """Everything that is wrong with a loaded configuration, one line each: queries, their examples, files, secrets."""
    document = settings._document  # noqa: SLF001 - one module, two halves
    problems = query_problems(settings, examples=True)
    if not settings.brands:
        problems.append(str(document.problem((), "no brand is declared; add at least one under `brands:`")))
    if not settings.flowchart_path.is_file():
        said = f"`flowchart` is {settings.flowchart_path}, which is no file; name one relative to this file"
        problems.append(str(document.problem(("flowchart",), said)))
    return [*problems, *settings._secret_problems]  # noqa: SLF001


def _as_brand(brand: BrandSettings, zone: str) -> Brand:
    return Brand(
        name=brand.name,
        query=brand.query,
        languages=brand.languages,
        own_accounts=brand.own_accounts,
        sources=brand.sources,
        match=brand.match,
        no_match=brand.no_match,
        timezone=brand.timezone or zone,
        issues=tuple(brand.issues.items()),
    )


def query_problems(settings: Settings, *, examples: bool = False) -> list[str]:
    """Queries of a loaded configuration that cannot be read (or miss their examples), one line each."""
    document = settings._document  # noqa: SLF001
    problems: list[YamlProblem] = []
    for index, brand in enumerate(settings.brands):
        where = ("brands", index, "query")
        try:
            compile_query(brand.query)
        except QueryError as error:
            line, column = document.text_position(where, error.position)
            said = f"query of {brand.name}: {error.message}"
            problems.append(YamlProblem(document.filename, line, column, said))
            continue
        if examples:
            problems += [document.problem(where, said) for said in check_examples(_as_brand(brand, settings.timezone))]
    return [str(problem) for problem in problems]


def _contradictions(settings: Settings, document: Document) -> Iterator[YamlProblem]:
    """What each part allows and the whole does not."""
    if settings.step == 0 or MINUTE_MS % settings.step or settings.step < 1000:
        yield document.problem(
            ("step",), "`step` must divide a minute; allowed: 1s, 2s, 3s, 4s, 5s, 6s, 10s, 12s, 15s, 20s, 30s, 60s"
        )
    for section, names in (
        ("brands", [plain_name(b.name) for b in settings.brands]),
        ("sources", [s.name for s in settings.sources]),
    ):
        for index, name in enumerate(names):
            if not name:
                said = "`name` holds no letter or digit; incidents are named after it, as acme-1492453034955"
                yield document.problem((section, index, "name"), said)
            elif name in names[:index]:
                said = f'"{name}" is the name of an earlier entry under `{section}`; each needs its own'
                yield document.problem((section, index, "name"), said)
    for index, source in enumerate(settings.sources):
        ways = [w for w in ("secret_env", "secrets_env", "secret_file") if getattr(source, w)]
        if len(ways) != 1:
            has = "has no secret" if not ways else f"has {' and '.join(ways)}"
            said = f"source {source.name} {has}; give exactly one of secret_env, secrets_env, secret_file"
            yield document.problem(("sources", index), said)
    known = [s.name for s in settings.sources]
    for index, brand in enumerate(settings.brands):
        for number, name in enumerate(brand.sources):
            if known and name not in known:
                said = f'"{name}" is no source of this file; allowed: {", ".join(known)}{did_you_mean(name, known)}'
                yield document.problem(("brands", index, "sources", number), said)


def plain_name(name: str) -> str:
    """What of a brand's name tells it from others: its letters and digits, for incidents are named after them.

    >>> plain_name("Ben & Jerry's")
    'benjerrys'
    """
    return "".join(c for c in name.casefold() if c.isalnum())


def _open_secrets(settings: Settings, document: Document, env: Mapping[str, str]) -> None:
    problems: list[str] = []

    def opened(where: tuple[str | int, ...], variable: str | None, file: str | None) -> Secret | None:
        try:
            if file is not None:
                return from_file(document_base / file)
            return from_environment(variable or "", env)
        except SecretProblem as problem:
            problems.append(str(document.problem(where, str(problem))))
            return None

    document_base = settings._base  # noqa: SLF001 - filled in by load_settings just before
    found: dict[str, Any] = {}
    if settings.slack is not None:
        slack = settings.slack
        second = "app_token" if slack.mode == "socket" else "signing_secret"
        for field, what in (("slack_bot", "bot_token"), (f"slack_{second.partition('_')[0]}", second)):
            variable, file = getattr(slack, f"{what}_env"), getattr(slack, f"{what}_file")
            where = ("slack", f"{what}_file" if file else f"{what}_env")
            found[field] = opened(where, variable, file)
    sources: dict[str, tuple[Secret, ...]] = {}
    for index, source in enumerate(settings.sources):
        names = source.secrets_env or ((source.secret_env,) if source.secret_env else (None,))
        opened_here = [opened(("sources", index), name, source.secret_file) for name in names]
        sources[source.name] = tuple(s for s in opened_here if s is not None)
        for other in (name for name in sources if name != source.name):
            if any(secret in sources[other] for secret in sources[source.name]):
                said = f"source {source.name} has a secret of source {other}: what one accepted could be sent again to "
                problems.append(str(document.problem(("sources", index), f"{said}the other; give each its own")))
    settings._secrets = Secrets(**found, sources=sources)  # noqa: SLF001
    settings._secret_problems = problems  # noqa: SLF001
