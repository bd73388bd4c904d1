"""Exceptions that are a user's mistake or a file's fault: told in one plain line, without a traceback."""

import os

from alerting.flowchart.load import ChartError
from alerting.flowchart.walk_file import WalkError
from alerting.roster import RosterError
from stream.query_parser import QueryError
from stream.sources.files import SourceError
from stream.sources.store import StoreError
from stream.strict_yaml import YamlProblem
from tocsin.journal import JournalError
from tocsin.planning import PlanError
from tocsin.settings import SettingsError


class UsageError(ValueError):
    """A flag or an argument that cannot be meant."""


def told(mistake: BaseException) -> str:
    """A mistake in the words that its maker reads.

    >>> told(FileNotFoundError(2, "No such file or directory", "out/decisions.jsonl"))
    'out/decisions.jsonl: no such file or directory'
    """
    if isinstance(mistake, OSError) and mistake.strerror:
        said = mistake.strerror
        return f"{os.fsdecode(mistake.filename)}: {said[0].lower()}{said[1:]}" if mistake.filename else said
    return str(mistake)


MISTAKES = (
    ChartError,
    JournalError,
    OSError,
    PlanError,
    QueryError,
    RosterError,
    SettingsError,
    SourceError,
    StoreError,
    UsageError,
    WalkError,
    YamlProblem,
)
