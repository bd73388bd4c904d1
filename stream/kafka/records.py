"""What a record of an input partition is, and how its kind and source travel beside its body. Pure.

A mention's body is what the sender sent, untouched. Its kind and source are headers, its stamp is the record's own.
"""

from collections.abc import Iterable, Sequence

import msgspec

from stream.sources.kinds import RecordKind

Headers = Sequence[tuple[str, bytes]]

KIND, SOURCE = "kind", "source"


class InputRecord(msgspec.Struct, frozen=True, gc=False):
    """One record of an input partition, as intake reads it."""

    partition: int
    """Number of the input partition (`Layout.input_of`)."""
    offset: int
    observed_ms: int
    """The record's own stamp. Intake takes the running maximum along the partition (DESIGN T2)."""
    kind: RecordKind
    source: str
    body: bytes


def headers_of(kind: RecordKind, source: str) -> list[tuple[str, bytes]]:
    """The headers of a record.

    >>> kind_and_source(headers_of("mention", "forum"))
    ('mention', 'forum')
    """
    return [(KIND, kind.encode()), (SOURCE, source.encode())] if source else [(KIND, kind.encode())]


def kind_and_source(headers: Iterable[tuple[str, bytes]]) -> tuple[RecordKind, str]:
    """What the headers say; a record without any is a mention of no known source.

    >>> kind_and_source([])
    ('mention', '')
    """
    kind: RecordKind = "mention"
    source = ""
    for name, value in headers:
        if name == KIND and value in (b"control", b"beat"):
            kind = "control" if value == b"control" else "beat"
        elif name == SOURCE:
            source = value.decode("utf-8", "replace")
    return kind, source
