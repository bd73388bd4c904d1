"""What it means that a topic is not as it must be: what is wrong, what follows, and what is allowed. Pure."""

from stream.kafka.topics import KEEP_FOR_EVER, Layout, Topic
from tocsin.setting_types import in_units

MISSING = "missing"

_FOLLOWS: dict[str, str | dict[str, str]] = {
    "cleanup.policy": {
        "delete": "older records of a key are thrown away, and what is rebuilt from them comes out different",
        "compact": "what was not written again within its retention is gone for good",
        "compact,delete": "what people wrote stays for ever, or is not erased when it must be",
    },
    "retention.ms": "what must still be read might be deleted",
    "retention.bytes": "what must still be read might be deleted when much is written",
    "message.timestamp.type": {
        "LogAppendTime": "records are stamped by their senders' clocks, and decisions would rest on those",
        "CreateTime": "the stamps that were recorded are lost",
    },
    "max.message.bytes": "larger records are refused, and the worker that writes one stands still",
    "min.insync.replicas": "a record may be acknowledged that is lost with a single broker",
    "min.compaction.lag.ms": "a late record may be all that is left of what it replaced, before anybody can mend it",
    "max.compaction.lag.ms": "what somebody erased may lie in the topic for longer than a day",
    "delete.retention.ms": "a worker that was away may never hear that something was deleted",
}
_STANDS = "nothing can be written while a single broker is away, or at all with fewer copies than that"
_MENTIONS, _ENTRIES = ("mentions", "texts"), ("entries", "decisions", "anchors")


def difference_text(layout: Layout, topic: str, setting: str, found: str, wanted: str) -> str:
    """One difference, told to who can put it right.

    >>> print(difference_text(Layout("tocsin."), "tocsin.texts", "missing", "", ""))
    tocsin.texts is missing: workers wait for it. Make it with `tocsin topics create`
    >>> print(difference_text(Layout("tocsin."), "tocsin.mentions", "retention.ms", "3600000", "604800000"))
    tocsin.mentions has retention.ms 3600000 (1h) instead of 604800000 (7d): what must still be read might be deleted. \
Set it right with `kafka-configs.sh --alter --entity-type topics --entity-name tocsin.mentions --add-config \
retention.ms=604800000`
    """
    if setting == MISSING:
        return f"{topic} is missing: workers wait for it. Make it with `tocsin topics create`"
    if setting == "partitions":
        return f"{topic} has {_count(found, 'partition')} instead of {wanted}: {_partitions(layout, topic, found)}"
    if setting == "replication":
        held = _count(found, "copy", "copies")
        return (
            f"{topic} has {held} of some partition instead of {wanted}: records may be lost with a broker. "
            "Add copies with `kafka-reassign-partitions.sh`, or set `replication` under cluster.kafka to what there is"
        )
    if setting == "min.insync.replicas" and found.isdecimal() and int(found) > int(wanted):
        return f"{topic} has {setting} {found} instead of {wanted}: {_STANDS}. {_cure(topic, setting, wanted)}"
    told = _FOLLOWS.get(setting, "workers are not tried with that")
    follows = told if isinstance(told, str) else told.get(wanted, "workers are not tried with that")
    held, must = _value(setting, found), _value(setting, wanted)
    return f"{topic} has {setting} {held} instead of {must}: {follows}. {_cure(topic, setting, wanted)}"


def topic_text(topic: Topic) -> str:
    """How a topic is cut and kept.

    >>> topic_text(Layout("tocsin.", mentions=4).topics()[0])
    'tocsin.mentions: 4 partitions, 3 copies, kept for 7d, stamped by the broker'
    >>> topic_text(Layout("tocsin.").topics()[6])
    'tocsin.contents: 1 partition, 3 copies, compacted'
    """
    for_how_long = "for ever" if topic.keep_ms == KEEP_FOR_EVER else f"for {in_units(topic.keep_ms)}"
    kept = {"compact": "compacted", "delete": f"kept {for_how_long}"}.get(topic.cleanup, f"compacted, {for_how_long}")
    cut = f"{_count(topic.partitions, 'partition')}, {_count(topic.replication, 'copy', 'copies')}"
    stamped = ", stamped by the broker" if topic.stamped else ""
    return f"{topic.name}: {cut}, {kept}{stamped}"


def _cure(topic: str, setting: str, wanted: str) -> str:
    call = f"kafka-configs.sh --alter --entity-type topics --entity-name {topic} --add-config {setting}={wanted}"
    return f"Set it right with `{call}`"


def _partitions(layout: Layout, topic: str, found: str) -> str:
    name = topic.removeprefix(layout.prefix)
    setting = "mentions" if name in _MENTIONS else "entries" if name in _ENTRIES else ""
    if not setting:
        return "workers look in the first alone. Delete it if nothing in it is needed, and run `tocsin topics create`"
    return (
        "keys are looked for where they do not lie. A count is fixed for a topic's life: "
        f"set `{setting}` under cluster.kafka to {found}, or begin anew under another `prefix`"
    )


def _count(count: int | str, one: str, several: str = "") -> str:
    return f"{count} {one if str(count) == '1' else several or one + 's'}"


def _value(setting: str, value: str) -> str:
    if not value:
        return "of no known value"
    if setting.endswith(".ms") and value.isdecimal():
        return f"{value} ({in_units(int(value))})"
    return "-1 (for ever)" if setting == "retention.ms" and value == "-1" else value
