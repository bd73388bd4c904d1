"""Exceptions that are a user's mistake or a file's fault: told in one plain line, without a traceback."""

from alerting.flowchart.load import ChartError
from stream.query_parser import QueryError
from stream.sources.files import SourceError
from stream.sources.store import StoreError
from stream.strict_yaml import YamlProblem
from tocsin.journal import JournalError
from tocsin.settings import SettingsError


class UsageError(ValueError):
    """A flag or an argument that cannot be meant."""


MISTAKES = (
    ChartError,
    JournalError,
    OSError,
    QueryError,
    SettingsError,
    SourceError,
    StoreError,
    UsageError,
    YamlProblem,
)
