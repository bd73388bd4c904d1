"""Every setting with its value and where it comes from, as an administrator sees it; of a secret whether it is set.

What may hold a secret is never repeated: of an address its host alone, of a variable its name, of a file its path.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

import msgspec
from pydantic.fields import FieldInfo

from tocsin.console.audit import Kept
from tocsin.console.own_words import own_line
from tocsin.setting_sections import Section
from tocsin.setting_types import as_duration, in_units

Where = tuple[str | int, ...]
Lines = Callable[[Where], int]
"""The line of the file on which a setting stands; 0: it is not in it."""
IsSet = Callable[[str], bool]
Origin = Literal["file", "default"]
Secrecy = Literal["", "set", "not_set"]
ENTRIES_SHOWN = 50
VALUE_CHARS = 400


class SettingSeen(msgspec.Struct, frozen=True, kw_only=True):
    """One setting."""

    name: str
    value: str
    """As one would write it; empty where it has none."""
    origin: Origin
    line: int = 0
    """Of the file, where it stands in it."""
    secret: Secrecy = ""
    """For a setting that says where a secret is: whether one is there."""
    means: str = ""


class GroupSeen(msgspec.Struct, frozen=True):
    """The settings of one section, or of one entry of a list."""

    title: str
    settings: tuple[SettingSeen, ...]


class StoreSeen(msgspec.Struct, frozen=True):
    """A file or directory of the data directory."""

    name: str
    bytes: int


class SettingsSeen(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the page of the settings shows."""

    at_ms: int
    timezone: str
    file: str
    groups: tuple[GroupSeen, ...]
    versions: tuple[tuple[str, str], ...]
    data: str
    stores: tuple[StoreSeen, ...]
    free_bytes: int = 0
    """What is left on the disk of the data directory; 0: not known."""
    acts: tuple[Kept, ...] = ()
    """The latest rows of the audit trail, the newest first."""

    @property
    def bytes(self) -> int:
        """What all stores take."""
        return sum(store.bytes for store in self.stores)


def groups_seen(settings: Section, lines: Lines, is_set: IsSet, file_there: IsSet) -> tuple[GroupSeen, ...]:
    """All settings of a configuration. `is_set` knows whether a variable holds anything, `file_there` whether a file
    lies at a path as it is written.
    """
    return tuple(_Walker(lines, is_set, file_there).groups("", settings, ()))


class _Walker:
    """Goes through sections, and through what sections hold."""

    def __init__(self, lines: Lines, is_set: IsSet, file_there: IsSet) -> None:
        self._lines = lines
        self._is_set = is_set
        self._file_there = file_there

    def groups(self, title: str, section: Section, where: Where) -> Iterator[GroupSeen]:
        """The section's own settings, then those of the sections in it."""
        own: list[SettingSeen] = []
        inner: list[tuple[str, Section, Where]] = []
        for name, field in type(section).model_fields.items():
            value = getattr(section, name)
            below = list(_sections(value))
            if not below:
                own.append(self._setting(name, field, value, (*where, name)))
                continue
            for key, one in below:
                path = (*where, name) if key is None else (*where, name, key)
                label = name if key is None else f"{name} · {getattr(one, 'name', key)}"
                inner.append((f"{title} · {label}" if title else label, one, path))
        if own:
            yield GroupSeen(own_line(title, 120), tuple(own))
        for label, one, path in inner:
            yield from self.groups(label, one, path)

    def _setting(self, name: str, field: FieldInfo, value: Any, where: Where) -> SettingSeen:
        line = self._lines(where)
        return SettingSeen(
            name=name,
            value=_shown(value, field),
            origin="file" if line else "default",
            line=line,
            secret=self._secrecy(name, value),
            means=own_line(field.description or "", 300),
        )

    def _secrecy(self, name: str, value: Any) -> Secrecy:
        """Whether what a setting names is there: `NAME_env` a variable, `NAME_file` a file, `NAMEs_env` some."""
        if name.endswith("_env"):
            there = self._is_set
        elif name.endswith("_file"):
            there = self._file_there
        else:
            return ""
        named = [value] if isinstance(value, str) else list(value or ())
        return ("set" if all(there(one) for one in named) else "not_set") if named else ""


def _sections(value: Any) -> Iterator[tuple[str | int | None, Section]]:
    """The sections that a value is, or holds, each with its key."""
    if isinstance(value, Section):
        yield None, value
    elif isinstance(value, tuple) and value and all(isinstance(one, Section) for one in value):
        yield from enumerate(value)
    elif isinstance(value, dict) and value and all(isinstance(one, Section) for one in value.values()):
        yield from value.items()


def _shown(value: Any, field: FieldInfo) -> str:
    """A value as one would write it."""
    if value is None or value in ((), {}):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and is_duration(field.annotation, *field.metadata):
        return in_units(value)
    if isinstance(value, Mapping):
        named = [f"{own_line(str(key), 60)}: {_plain(one)}" for key, one in list(value.items())[:ENTRIES_SHOWN]]
        return own_line("; ".join(named), VALUE_CHARS)
    return own_line(_plain(value), VALUE_CHARS)


def _plain(value: Any) -> str:
    if isinstance(value, tuple | list):
        more = f" (+{len(value) - ENTRIES_SHOWN})" if len(value) > ENTRIES_SHOWN else ""
        return ", ".join(_plain(one) for one in value[:ENTRIES_SHOWN]) + more
    if isinstance(value, float):
        return f"{value:g}"
    return without_secrets(str(value))


def without_secrets(text: str) -> str:
    """The text; of an address no more than where it leads, for the rest of it is often a key.

    >>> without_secrets("https://ana:key@feeds.example/a?token=1"), without_secrets("flowchart.yaml")
    ('https://feeds.example/…', 'flowchart.yaml')
    """
    if "://" not in text:
        return text
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "…"
    rest = "/…" if parts.path.strip("/") or parts.query or parts.fragment else ""
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{rest}"


def is_duration(annotation: Any, *marks: Any) -> bool:
    """Whether a setting is a length of time in milliseconds, here or in one of the kinds of value that it may be."""
    if any(getattr(mark, "func", None) is as_duration for mark in marks):
        return True
    return any(is_duration(one, *getattr(one, "__metadata__", ())) for one in get_args(annotation))
