"""`tocsin.yaml`: what one deployment listens to, whom it tells, and where it keeps things.

EDGE: reads the file and the environment, once, at the start. Each setting is declared here with its default and its
meaning, and `docs/reference/settings.md` is made from these declarations. Every problem carries `file:line:column`,
what is wrong and what would be right. Secrets never stand in the file: it names a variable or a file of mode 0600.
"""

from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import msgspec
from pydantic import Field, PrivateAttr, ValidationError

from alerting.flowchart.fields import duration_text
from stream.brands import Brand, check_examples
from stream.codec import MINUTE_MS
from stream.plans import Plan
from stream.query_parser import QueryError, compile_query
from stream.strict_yaml import Document, YamlProblem, did_you_mean, parse, problems_from_pydantic
from tocsin.cluster_sections import ClusterSettings, cluster_contradictions, key_problems, open_cluster_secrets
from tocsin.console_sections import ConsoleSettings, console_contradictions, open_console_secrets
from tocsin.entry import is_of_a_probe
from tocsin.secret import Secret, SecretProblem, from_environment, from_file
from tocsin.setting_sections import (
    BrandSettings,
    BudgetSettings,
    DeliverySettings,
    DrillSettings,
    HeartbeatSettings,
    IngestSettings,
    LogSettings,
    RetentionSettings,
    Secrets,
    Section,
    SlackSettings,
)
from tocsin.setting_types import Duration, Text, WayName, Zone, in_units, is_web_address
from tocsin.source_sections import AnySource, open_source_secrets, source_contradictions
from tocsin.state import Judged
from tocsin.way_sections import (
    AppriseSettings,
    EmailSettings,
    PagerDutySettings,
    PhoneSettings,
    WebhookSettings,
    open_way_secrets,
    package_problems,
    way_contradictions,
)


class SettingsError(ValueError):
    """What is wrong with a configuration: one line each, as `file:line:column: what; what is allowed`."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


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
    budget: BudgetSettings = Field(default=BudgetSettings(), description="how often a brand may be told of nothing")
    brands: tuple[BrandSettings, ...] = Field(default=(), description="whom to listen for")
    sources: tuple[AnySource, ...] = Field(default=(), description="where mentions come from")
    scorers: tuple[Text, ...] = Field(
        default=(), description="own scorers as module:Class, asked before the shipped ones; see docs/scoring.md"
    )
    ingest: IngestSettings = Field(default=IngestSettings(), description="the door through which they come in")
    slack: SlackSettings | None = Field(default=None, description="the way to people; when absent, the terminal")
    email: EmailSettings | None = Field(default=None, description="e-mail, as a way to people")
    pagerduty: PagerDutySettings | None = Field(default=None, description="PagerDuty, as a way to people")
    webhooks: dict[WayName, WebhookSettings] = Field(
        default={}, description="signed webhooks, by names of your own, as ways to people"
    )
    apprise: dict[WayName, AppriseSettings] = Field(
        default={}, description="addresses of apprise, by names of your own, for `phone` to use"
    )
    phone: PhoneSettings | None = Field(default=None, description="who rings the telephones of responders")
    drill: DrillSettings = Field(default=DrillSettings(), description="how a crisis is rehearsed")
    delivery: DeliverySettings = Field(default=DeliverySettings(), description="how long delivery waits")
    retention: RetentionSettings = Field(default=RetentionSettings(), description="how long what people wrote is kept")
    heartbeat: HeartbeatSettings | None = Field(
        default=None, description="the address outside that hears nothing any more when all else fails"
    )
    log: LogSettings = Field(default=LogSettings(), description="how the log is written")
    console: ConsoleSettings = Field(default=ConsoleSettings(), description="the web page, and who may sign in to it")
    cluster: ClusterSettings | None = Field(
        default=None, description="Kafka, Redis and workers; when absent, one process does everything"
    )

    _document: Document = PrivateAttr(default_factory=lambda: Document("tocsin.yaml", ""))
    _base: Path = PrivateAttr(default_factory=Path)
    _secrets: Secrets = PrivateAttr(default_factory=Secrets)
    _secret_problems: list[str] = PrivateAttr(default_factory=list)

    @property
    def flowchart_path(self) -> Path:
        """Where the flowchart lies: the file named here, else the shipped one."""
        return self._base / self.flowchart if self.flowchart else shipped_chart_path()

    @property
    def file(self) -> Path:
        """The file that it was read from."""
        return Path(self._document.filename)

    @property
    def data_path(self) -> Path:
        """The directory that holds everything this deployment remembers."""
        return self._base / self.data

    def brand_list(self) -> list[Brand]:
        """The brands as intake knows them, each with a time zone of its own."""
        return [
            msgspec.structs.replace(_as_brand(brand, self.timezone), unmeasured=self.unmeasured(brand))
            for brand in self.brands
        ]

    def unmeasured(self, brand: BrandSettings) -> tuple[str, ...]:
        """Sources of a brand whose terms forbid to look for spam and protests among their posts."""
        heard = [source for source in self.sources if not brand.sources or source.name in brand.sources]
        return tuple(sorted(source.name for source in heard if not source.is_measured))

    def calendars(self) -> dict[str, tuple[Path, ...]]:
        """The files of planned events of each brand that has any."""
        return {b.name: tuple(self._base / name for name in b.planned) for b in self.brands if b.planned}

    def zones(self) -> dict[str, str]:
        """The time zone of each brand."""
        return {b.name: b.timezone or self.timezone for b in self.brands}

    def mode_of(self, brand: BrandSettings) -> str:
        """`live` or `shadow`, for one brand."""
        return brand.mode or self.mode

    def judged(self, plans: Mapping[str, tuple[Plan, ...]]) -> dict[str, Judged]:
        """How each brand is judged, with the planned events that were read from its calendars."""
        return {
            b.name: Judged(
                *self._budget(b),
                plans.get(b.name, ()),
                self.mode_of(b),
                tuple(sorted(b.responders.items())),
                self.unmeasured(b) or msgspec.UNSET,
            )
            for b in self.brands
        }

    def _budget(self, brand: BrandSettings) -> tuple[int, int]:
        """Pages and notices in thousandths: what the brand says, else the file."""
        own, told = brand.budget, brand.budget.model_fields_set if brand.budget else set()
        pages, notices = (
            getattr(own if own is not None and name in told else self.budget, name)
            for name in BudgetSettings.model_fields
        )
        return round(pages * 1000), round(notices * 1000)

    def problem(self, where: tuple[str | int, ...], message: str, *, at_key: bool = False) -> YamlProblem:
        """`message` about the setting at `where`, with its line."""
        return self._document.problem(where, message, at_key=at_key)

    def line_of(self, where: tuple[str | int, ...]) -> int:
        """The line of the file on which the setting at `where` stands; 0: it is not in it, and its default holds."""
        return self._document.position(where)[0] if self._document.has(where) else 0

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
        rivals=tuple((rival.name, rival.query) for rival in brand.competitors),
    )


def query_problems(settings: Settings, *, examples: bool = False) -> list[str]:
    """Queries of a loaded configuration that cannot be read (or miss their examples), one line each."""
    document = settings._document  # noqa: SLF001
    problems: list[YamlProblem] = []
    for index, brand in enumerate(settings.brands):
        for number, rival in enumerate(brand.competitors):
            place = ("brands", index, "competitors", number, "query")
            problems += _query_problem(document, place, f"query of {rival.name}", rival.query)
        where = ("brands", index, "query")
        wrong = _query_problem(document, where, f"query of {brand.name}", brand.query)
        problems += wrong
        if examples and not wrong:
            problems += [document.problem(where, said) for said in check_examples(_as_brand(brand, settings.timezone))]
    return [str(problem) for problem in problems]


def _query_problem(document: Document, where: tuple[str | int, ...], what: str, query: str) -> list[YamlProblem]:
    try:
        compile_query(query)
    except QueryError as error:
        line, column = document.text_position(where, error.position)
        return [YamlProblem(document.filename, line, column, f"{what}: {error.message}")]
    return []


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
    yield from source_contradictions(settings, document)
    heartbeat = settings.heartbeat
    if heartbeat is not None and bool(heartbeat.url_env) == bool(heartbeat.url_file):
        yield document.problem(("heartbeat",), "`heartbeat` needs exactly one of url_env, url_file")
    if heartbeat is not None and heartbeat.every < settings.step:
        said = f"probes come through with each step of {in_units(settings.step)}, so less often; allowed: that and more"
        yield document.problem(("heartbeat", "every"), f"`every` is {in_units(heartbeat.every)}: {said}")
    yield from way_contradictions(settings, document)
    yield from cluster_contradictions(settings.cluster, document)
    yield from console_contradictions(settings.console, [b.name for b in settings.brands], document)
    yield from _impatience(settings, document)
    known = [s.name for s in settings.sources]
    yield from _doubled_competitors(settings, document)
    for index, brand in enumerate(settings.brands):
        if is_of_a_probe(brand.name):
            said = f'"{brand.name}" is what our own probes are about, and can be no brand of yours'
            yield document.problem(("brands", index, "name"), f"{said}; allowed: any other name")
        for number, name in enumerate(brand.sources):
            if known and name not in known:
                said = f'"{name}" is no source of this file; allowed: {", ".join(known)}{did_you_mean(name, known)}'
                yield document.problem(("brands", index, "sources", number), said)


def _impatience(settings: Settings, document: Document) -> Iterator[YamlProblem]:
    grace_ms, timeout_ms = settings.delivery.grace, settings.delivery.timeout
    if grace_ms < timeout_ms:
        said = f"a page would go out again after {duration_text(grace_ms)}, while its first call may take"
        cure = "it would come twice; make `grace` the longer one, by as long as Slack may take to show a message"
        where = "grace" if document.has(("delivery", "grace")) else "timeout"
        yield document.problem(("delivery", where), f"{said} {duration_text(timeout_ms)}: {cure}")


def _doubled_competitors(settings: Settings, document: Document) -> Iterator[YamlProblem]:
    for index, brand in enumerate(settings.brands):
        taken = [plain_name(brand.name)]
        for number, rival in enumerate(brand.competitors):
            if plain_name(rival.name) in ("", *taken):
                said = f'"{rival.name}" does not tell this competitor from {brand.name} and from the others; name it'
                yield document.problem(("brands", index, "competitors", number, "name"), said)
            taken.append(plain_name(rival.name))


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
    if settings.heartbeat is not None:
        where = ("heartbeat", "url_file" if settings.heartbeat.url_file else "url_env")
        found["heartbeat"] = opened(where, settings.heartbeat.url_env, settings.heartbeat.url_file)
        if found["heartbeat"] is not None and not is_web_address(found["heartbeat"].reveal()):
            said = (
                f"what `{where[1]}` names holds no address that begins with https:// (http:// for this machine alone)"
            )
            problems.append(str(document.problem(where, said)))
    found |= open_way_secrets(settings, opened)
    found |= open_cluster_secrets(settings.cluster, opened)
    found |= open_console_secrets(
        settings.console, opened, lambda where, said: problems.append(str(document.problem(where, said)))
    )
    problems += [str(problem) for problem in key_problems(settings.cluster, found.get("names_key"), document)]
    problems += [str(problem) for problem in package_problems(settings, document)]
    signing, keys = open_source_secrets(settings, document, opened, problems)
    settings._secrets = Secrets(**found, sources=signing, source_keys=keys)  # noqa: SLF001
    settings._secret_problems = problems  # noqa: SLF001
