"""EDGE. Which conversations matter now, for sources that can ask what became of them."""

from collections.abc import Iterator, Sequence

from alerting.facts import BLIND, rank
from stream.names import Names
from stream.sources.text_store import TextStore
from stream.window import Window
from tocsin.engine import Engine

LOOKED_AT = 400
"""Conversations of one incident, the largest, among which those of a source are looked for."""
MOST = 100
"""Posts that a source is told at once."""
SHOWN_MS = 3_600_000


class CoreThreads:
    """The `Threads` of the surroundings, as the core's windows and incidents have them. The journal's names are keyed
    hashes, so ids are hashed to ask, and come from the text store to be told.
    """

    def __init__(self, engine: Engine, names: Names, texts: TextStore) -> None:
        self._engine = engine
        self._names = names
        self._texts = texts

    def tracked(self, mention_id: str) -> bool:
        """Whether a brand's window holds this post as a conversation."""
        name = self._names.mention(mention_id)
        return any(name in state.window.threads for state in self._engine.brands.values())

    def open(self, source: str) -> Sequence[str]:
        """The posts of one source that carry open incidents: of the gravest first, and of each the largest first."""
        names = list(dict.fromkeys(self._carrying()))
        posts = self._texts.get(names)
        return [posts[name].id for name in names if name in posts and posts[name].source == source][:MOST]

    def _carrying(self) -> Iterator[str]:
        found = []
        for brand, state in sorted(self._engine.brands.items()):
            incident = state.book.incident if state.book is not None else None
            if incident is not None and incident.is_open and incident.scenario != BLIND:
                found.append((-rank(incident.severity), brand, incident.thread, state.window))
        for _, _, thread, window in sorted(found, key=lambda one: one[:2]):
            if thread:
                yield thread
            yield from (exemplar.name for exemplar in window.exemplars(SHOWN_MS))
            yield from _largest(window)


def _largest(window: Window) -> list[str]:
    ranked = sorted(window.threads.values(), key=lambda thread: (-thread.weight, -thread.first_ms, thread.key))
    return [thread.key for thread in ranked[:LOOKED_AT]]
