"""Writes the reference of `tocsin.yaml` from the declarations in `tocsin.settings`: `make format` keeps it true.

`python -m tocsin.settings_page docs/reference/settings.md`
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from tocsin.cluster_sections import ClusterSettings, KafkaSettings, RedisSettings
from tocsin.console_sections import ConsoleSettings, OidcSettings, PersonSettings, ProxySettings
from tocsin.map_sections import ColumnSettings, FieldSettings, PayloadSettings
from tocsin.setting_sections import (
    BrandSettings,
    BudgetSettings,
    CompetitorSettings,
    DeliverySettings,
    DrillSettings,
    HeartbeatSettings,
    IngestSettings,
    LogSettings,
    RetentionSettings,
    Section,
    SlackSettings,
)
from tocsin.setting_types import as_duration, in_units
from tocsin.settings import Settings
from tocsin.source_sections import SOURCE_SECTIONS
from tocsin.way_sections import (
    AppriseSettings,
    EmailSettings,
    PagerDutySettings,
    PhoneSettings,
    ServiceSettings,
    WebhookSettings,
)

SECTIONS: tuple[tuple[str, type[Section]], ...] = (
    ("The file itself", Settings),
    ("`brands:` a list", BrandSettings),
    ("A brand's `competitors:`, a list", CompetitorSettings),
    ("`budget:`, of the file or of a brand", BudgetSettings),
    *SOURCE_SECTIONS,
    ("The `mapping:` of a webhook", PayloadSettings),
    ("The `columns:` of files, and a map in a file of its own", ColumnSettings),
    ("Each of the `fields:` of a mapping, and of columns", FieldSettings),
    ("`ingest:`", IngestSettings),
    ("`slack:`", SlackSettings),
    ("`email:`", EmailSettings),
    ("`pagerduty:`", PagerDutySettings),
    ("Each of the `services:` of PagerDuty", ServiceSettings),
    ("`webhooks:`, each by its name", WebhookSettings),
    ("`apprise:`, each by its name", AppriseSettings),
    ("`phone:`", PhoneSettings),
    ("`delivery:`", DeliverySettings),
    ("`drill:`", DrillSettings),
    ("`retention:`", RetentionSettings),
    ("`heartbeat:`", HeartbeatSettings),
    ("`log:`", LogSettings),
    ("`console:`", ConsoleSettings),
    ("Each of the `people:` of the console", PersonSettings),
    ("The `oidc:` of the console", OidcSettings),
    ("The `proxy:` of the console", ProxySettings),
    ("`cluster:`", ClusterSettings),
    ("The `kafka:` of a cluster", KafkaSettings),
    ("The `redis:` of a cluster", RedisSettings),
)


def page() -> str:
    """The whole page, as Markdown."""
    lines = [
        "# Settings",
        "",
        "Everything that `tocsin.yaml` may hold. This page is made from the declarations in `tocsin/settings.py` by",
        "`make format`; edit those. A commented example is `tocsin.yaml` at the root of the repository.",
        "",
        "`tocsin check` reads a configuration and names file, line and column of whatever is wrong. Durations have a",
        "unit (`250ms`, `5s`, `2m`, `1h`, `1d`). Secrets never stand in the file: a setting ending in `_env` names an",
        "environment variable, one ending in `_file` a file of mode 0600.",
    ]
    for title, section in SECTIONS:
        lines += ["", f"## {title}", "", (section.__doc__ or "").split("\n")[0], ""]
        lines += ["| setting | default | meaning |", "|---|---|---|"]
        lines += [
            f"| `{name}` | {_default(field)} | {_meaning(field)} |" for name, field in section.model_fields.items()
        ]
    return "\n".join(lines) + "\n"


def _default(field: FieldInfo) -> str:
    value: Any = field.default
    if value is PydanticUndefined:
        return "*required*"
    if value is None or value in ((), {}) or isinstance(value, Section):
        return ""
    if any(getattr(mark, "func", None) is as_duration for mark in field.metadata):
        return f"`{in_units(value)}`"
    return f"`[{', '.join(value)}]`" if isinstance(value, tuple) else f"`{value}`"


def _meaning(field: FieldInfo) -> str:
    said = (field.description or "").replace("|", r"\|")
    choices = list(_choices(field.annotation))
    return f"{said}; one of {', '.join(choices)}" if len(choices) > 1 else said


def _choices(annotation: Any) -> Iterator[str]:
    if get_origin(annotation) is Literal:
        yield from (f"`{choice}`" for choice in get_args(annotation))


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page(), encoding="utf-8")
