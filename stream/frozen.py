"""A window as a snapshot keeps it: its great tables packed, and everything else as it is.

What is packed and read back is equal to what it was; equal windows have equal bytes.
"""

from operator import attrgetter
from typing import Literal

import msgspec

from stream.codec import MINUTE_MS
from stream.packing import Packer, Unpacker
from stream.pulse import Counts, Engagement, Exemplar, RivalCounts
from stream.window import OpenMinute, Thread, Window

SUMS = (
    "mentions",
    "reposts",
    "negative",
    "angry",
    "neutral",
    "positive",
    "unscored",
    "score_sum",
    "negative_sum",
    "questions",
    "new_accounts",
    "reach_sum",
    "reach_max",
    "responses",
    "edits",
    "deletes",
)
SKETCHES = ("authors", "negative_authors", "texts", "negative_texts")
TABLES = ("sources", "negative_sources", "languages", "risks", "issues", "scorers")
"""Together all of `Counts`."""
TOTALS = ("posts", "negative", "scored", "replies", "reposts", "quotes", "reach", "positive", "root_negative")
"""Of a thread."""
_sums = attrgetter(*SUMS)
_totals = attrgetter(*TOTALS)


class FrozenWindow(msgspec.Struct, array_like=True, frozen=True):
    """A window in a snapshot. A list, so that code that expects the fields of a window refuses it and reads on.

    >>> window = Window(at_ms=90_000, answered={"someone": 61_000})
    >>> FrozenWindow.of(window).thawed() == window
    True
    """

    layout: Literal[2] = 2
    plain: Window = msgspec.field(default_factory=Window)
    """Everything but the tables."""
    minutes: str = ""
    threads: str = ""
    clusters: str = ""
    aliases: str = ""
    """With the questions, most of which are asked by posts that have an alias."""
    observed: str = ""
    """What was seen of posts: engagement, and replies by the brand's own accounts."""

    @classmethod
    def of(cls, window: Window) -> "FrozenWindow":
        """Pack a window; shares nothing with it that changes."""
        at_ms = window.at_ms
        plain = msgspec.structs.replace(
            window,
            minutes={},
            threads={},
            clusters={},
            aliases={},
            asked={},
            engagement={},
            answered={},
        )
        return cls(
            plain=plain,
            minutes=_pack_minutes(window.minutes, window.packed),
            threads=_pack_threads(window.threads, at_ms),
            clusters=_pack_threads(window.clusters, at_ms),
            aliases=_pack_aliases(window.aliases, window.asked, at_ms),
            observed=_pack_observed(window.engagement, window.answered, at_ms),
        )

    def thawed(self) -> Window:
        """The window. Raises `msgspec.ValidationError` where it cannot be read."""
        at_ms = self.plain.at_ms
        aliases, asked = _unpack_aliases(self.aliases, at_ms)
        engagement, answered = _unpack_observed(self.observed, at_ms)
        return msgspec.structs.replace(
            self.plain,
            minutes=_unpack_minutes(self.minutes),
            threads=_unpack_threads(self.threads, at_ms),
            clusters=_unpack_threads(self.clusters, at_ms),
            aliases=aliases,
            asked=asked,
            engagement=engagement,
            answered=answered,
        )


# -- minutes -----------------------------------------------------------------------------------------------------------


def _pack_minutes(minutes: dict[int, OpenMinute], packed: dict[int, tuple[bytes, bytes]]) -> str:
    """`packed` is what is known of minutes that did not change since; it is told of the others."""
    packer, last_ms = Packer(), 0
    packer.number(len(minutes))
    for start_ms in sorted(minutes):
        minute = minutes[start_ms]
        _pack_time(packer, start_ms - last_ms)
        last_ms = start_ms
        counts = minute.counts
        packer.numbers(_sums(counts))
        known = packed.get(start_ms)
        if known is None:
            sketches = _pack_tables(*(getattr(counts, name) for name in SKETCHES))
            known = packed[start_ms] = sketches, _pack_tables(minute.voices)
        sketches, voices = known
        packer.packed(sketches)
        for name in TABLES:
            _pack_words(packer, getattr(counts, name))
        packer.packed(voices)
        packer.number(len(minute.exemplars))
        for one in minute.exemplars:
            packer.numbers((one.not_risky, one.not_negative, one.minus_reach, one.created_ms - start_ms))
            packer.name(one.name)
        packer.number(len(minute.rivals))
        for name in sorted(minute.rivals):
            rival = minute.rivals[name]
            packer.word(name)
            packer.numbers((rival.mentions, rival.negative, rival.scored))
            packer.table(rival.authors)
    return packer.text()


def _pack_tables(*tables: dict[int, int]) -> bytes:
    packer = Packer()
    for table in tables:
        packer.table(table)
    return packer.body()


def _unpack_minutes(text: str) -> dict[int, OpenMinute]:
    if not text:
        return {}
    unpacker, start_ms = Unpacker(text), 0
    minutes = {}
    for _ in range(unpacker.number()):
        start_ms += _unpack_time(unpacker)
        counts = Counts()
        for name, total in zip(SUMS, unpacker.numbers(len(SUMS)), strict=True):
            setattr(counts, name, total)
        for name in SKETCHES:
            setattr(counts, name, unpacker.table())
        for name in TABLES:
            setattr(counts, name, _unpack_words(unpacker))
        minute = OpenMinute(counts, unpacker.table())
        for _ in range(unpacker.number()):
            not_risky, not_negative, minus_reach, after_ms = unpacker.numbers(4)
            minute.exemplars.append(
                Exemplar(not_risky, not_negative, minus_reach, start_ms + after_ms, unpacker.name())
            )
        for _ in range(unpacker.number()):
            name = unpacker.word()
            mentions, negative, scored = unpacker.numbers(3)
            minute.rivals[name] = RivalCounts(mentions, negative, scored, unpacker.table())
        minutes[start_ms] = minute
    return minutes


def _pack_words(packer: Packer, table: dict[str, int]) -> None:
    packer.number(len(table))
    for word in sorted(table):
        packer.word(word)
        packer.number(table[word])


def _unpack_words(unpacker: Unpacker) -> dict[str, int]:
    return {unpacker.word(): unpacker.number() for _ in range(unpacker.number())}


def _pack_time(packer: Packer, time_ms: int) -> None:
    """A time that is a whole minute for the most part."""
    minutes, rest = divmod(time_ms, MINUTE_MS)
    packer.number(minutes)
    packer.number(rest)


def _unpack_time(unpacker: Unpacker) -> int:
    return unpacker.number() * MINUTE_MS + unpacker.number()


# -- threads -----------------------------------------------------------------------------------------------------------


def _pack_threads(threads: dict[str, Thread], at_ms: int) -> str:
    packer = Packer()
    packer.number(len(threads))
    for key in sorted(threads):
        thread = threads[key]
        packer.name(key)
        packer.number(at_ms - thread.first_ms)
        packer.numbers(_totals(thread))
        packer.bits(int(thread.voices, 16))
        for table in (thread.by_minute, thread.endorsed):
            packer.number(len(table))
            last_ms = thread.first_ms - thread.first_ms % MINUTE_MS
            for minute_ms in sorted(table):
                _pack_time(packer, minute_ms - last_ms)
                packer.number(table[minute_ms])
                last_ms = minute_ms
    return packer.text()


def _unpack_threads(text: str, at_ms: int) -> dict[str, Thread]:
    if not text:
        return {}
    unpacker = Unpacker(text)
    threads = {}
    for _ in range(unpacker.number()):
        thread = Thread(key=unpacker.name(), first_ms=at_ms - unpacker.number())
        for name, total in zip(TOTALS, unpacker.numbers(len(TOTALS)), strict=True):
            setattr(thread, name, total)
        thread.voices = f"{unpacker.bits():x}"
        for table in (thread.by_minute, thread.endorsed):
            minute_ms = thread.first_ms - thread.first_ms % MINUTE_MS
            for _ in range(unpacker.number()):
                minute_ms += _unpack_time(unpacker)
                table[minute_ms] = unpacker.number()
        threads[thread.key] = thread
    return threads


# -- names -------------------------------------------------------------------------------------------------------------


def _pack_aliases(aliases: dict[str, tuple[int, str]], asked: dict[str, int], at_ms: int) -> str:
    """Newest first, and of each: whose alias it is, and whether it asks. A conversation's key is its own, or a word."""
    packer, last_ms = Packer(), at_ms
    packer.number(len(aliases))
    newest = sorted([(-created_ms, name, key) for name, (created_ms, key) in aliases.items()])
    for (minus_ms, name, key), packed in zip(newest, packer.names([name for _, name, _ in newest]), strict=True):
        created_ms = -minus_ms
        packer.packed(packed)
        asks = asked.get(name) == created_ms
        packer.number(((last_ms - created_ms) * 2 + (key == name)) * 2 + asks)
        last_ms = created_ms
        if key != name:
            packer.word(key)
    others = {name: at for name, at in asked.items() if name not in aliases or aliases[name][0] != at}
    _pack_times(packer, others, at_ms)
    return packer.text()


def _unpack_aliases(text: str, at_ms: int) -> tuple[dict[str, tuple[int, str]], dict[str, int]]:
    aliases: dict[str, tuple[int, str]] = {}
    asked: dict[str, int] = {}
    if not text:
        return aliases, asked
    unpacker, created_ms = Unpacker(text), at_ms
    for _ in range(unpacker.number()):
        name = unpacker.name()
        rest, asks = divmod(unpacker.number(), 2)
        before_ms, alone = divmod(rest, 2)
        created_ms -= before_ms
        aliases[name] = (created_ms, name if alone else unpacker.word())
        if asks:
            asked[name] = created_ms
    return aliases, asked | _unpack_times(unpacker, at_ms)


def _pack_observed(engagement: dict[str, Engagement], answered: dict[str, int], at_ms: int) -> str:
    packer = Packer()
    packer.number(len(engagement))
    for name in sorted(engagement):
        seen = engagement[name]
        packer.name(name)
        packer.numbers((at_ms - seen.observed_ms, seen.likes, seen.reposts, seen.replies, seen.views))
    _pack_times(packer, answered, at_ms)
    return packer.text()


def _unpack_observed(text: str, at_ms: int) -> tuple[dict[str, Engagement], dict[str, int]]:
    if not text:
        return {}, {}
    unpacker = Unpacker(text)
    engagement = {}
    for _ in range(unpacker.number()):
        name = unpacker.name()
        ago_ms, *seen = unpacker.numbers(5)
        engagement[name] = Engagement(at_ms - ago_ms, *seen)
    return engagement, _unpack_times(unpacker, at_ms)


def _pack_times(packer: Packer, times: dict[str, int], at_ms: int) -> None:
    packer.number(len(times))
    names = sorted(times)
    for name, packed in zip(names, packer.names(names), strict=True):
        packer.packed(packed)
        packer.number(at_ms - times[name])


def _unpack_times(unpacker: Unpacker, at_ms: int) -> dict[str, int]:
    return {unpacker.name(): at_ms - unpacker.number() for _ in range(unpacker.number())}
