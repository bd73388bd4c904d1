"""EDGE. What the page of the settings is made from: the configuration, the data directory, the audit trail."""

import os
import platform
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from pathlib import Path

from tocsin import __version__
from tocsin.console.audit import Audit
from tocsin.console.seen_settings import SettingsSeen, StoreSeen, groups_seen
from tocsin.settings import Settings

PACKAGES = ("msgspec", "starlette", "uvicorn", "pydantic", "prometheus-client", "slack-sdk", "tzdata")
ACTS_SHOWN = 50
FILES_LOOKED_AT = 20_000
_BESIDE = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a file is part of it."""


class SettingsRoom:
    """Gives what the page of the settings shows. `environment` holds the variables of the process."""

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], int],
        audit: Audit | None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._audit = audit
        self._environment = os.environ if environment is None else environment

    def seen(self, *, before: int | None = None) -> SettingsSeen:
        """Everything, with the acts that came before a row of the audit trail (the latest)."""
        settings, data = self._settings, self._settings.data_path
        return SettingsSeen(
            at_ms=self._clock(),
            timezone=settings.timezone,
            file=str(settings.file),
            groups=groups_seen(settings, settings.line_of, self._is_set, self._is_file),
            versions=tuple(_versions()),
            data=str(data.resolve()),
            stores=tuple(_stores(data)),
            free_bytes=_free(data),
            acts=tuple(self._audit.recent(ACTS_SHOWN, before=before)) if self._audit is not None else (),
        )

    def _is_set(self, variable: str) -> bool:
        return bool(self._environment.get(variable, "").strip())

    def _is_file(self, path: str) -> bool:
        return (self._settings.file.parent / path).is_file()


def _versions() -> list[tuple[str, str]]:
    found = [("tocsin", __version__), ("python", platform.python_version()), ("sqlite", sqlite3.sqlite_version)]
    for package in PACKAGES:
        try:
            found.append((package, version(package)))
        except PackageNotFoundError:
            continue
    return found


def _stores(data: Path) -> list[StoreSeen]:
    """What lies in a data directory, the largest first. Files that go away meanwhile are left out."""
    sizes: dict[str, int] = {}
    for path in islice(_files(data), FILES_LOOKED_AT):
        try:
            size = path.stat(follow_symlinks=False).st_size
        except OSError:
            continue
        top = path.relative_to(data).parts
        shown = f"{top[0]}/" if len(top) > 1 else _own(path.name)
        sizes[shown] = sizes.get(shown, 0) + size
    return sorted((StoreSeen(name, size) for name, size in sizes.items()), key=lambda one: (-one.bytes, one.name))


def _files(directory: Path) -> Iterator[Path]:
    return (Path(place, name) for place, _, files in os.walk(directory) for name in files)


def _own(name: str) -> str:
    return next((name.removesuffix(end) for end in _BESIDE if name.endswith(end)), name)


def _free(data: Path) -> int:
    try:
        return shutil.disk_usage(data).free
    except OSError:
        return 0
