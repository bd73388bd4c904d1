"""EDGE. What operators should know of the ways to people: a way that refuses, or leaves pages in doubt, says so itself.

People were reached by another way meanwhile, so the heartbeat goes on; but whoever looks at `/healthz`, the metrics or
the log sees which way is out of order, and by which word of its own.
"""

from collections.abc import Callable

from alerting.delivery.second_way import NAMES, Trouble

REMEMBERED_MS = 3_600_000
"""So long after it happened last a trouble is still shown."""
MOST = 20

_BECAME = {
    "second_way": "pages went this way instead",
    "refused": "pages were refused",
    "lost": "pages reached nobody",
    "back": "answers again",
}


class Troubles:
    """The troubles of the last hour. `clock` gives milliseconds since 1970.

    >>> troubles = Troubles(lambda: 5_000)
    >>> for _ in range(2):
    ...     troubles.take(Trouble("refused", "acme-0", "slack", ("ana",), "invalid_auth"))
    >>> troubles.words()
    ['Slack: pages were refused: 2 times, last 0 s ago (invalid_auth)']
    >>> troubles.take(Trouble("silent", "", "email", (), "10:32 UTC"))
    >>> troubles.words()[0]
    'e-mail does not answer since 10:32 UTC'
    """

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._known: dict[tuple[str, str, str], tuple[int, int]] = {}
        self._silent: dict[str, str] = {}

    def take(self, trouble: Trouble) -> None:
        """A way failed somebody, answers nothing, or answers again."""
        if trouble.became == "silent":
            self._silent[trouble.way] = trouble.detail
            return
        if trouble.became == "back":
            self._silent.pop(trouble.way, None)
        name = (trouble.way, trouble.became, trouble.detail)
        times, _ = self._known.pop(name, (0, 0))
        self._known[name] = times + 1, self._clock()
        while len(self._known) > MOST:
            del self._known[next(iter(self._known))]

    def words(self) -> list[str]:
        """Each in a line, the latest last; before them what is down now, for as long as it is. They name no person, no
        address and nothing that came from outside.
        """
        now_ms = self._clock()
        down = [f"{NAMES.get(way, way)} does not answer since {since}" for way, since in self._silent.items()]
        return down + [
            f"{NAMES.get(way, way)}: {_BECAME[became]}: {times} {'time' if times == 1 else 'times'}, "
            f"last {max(0, now_ms - last_ms) // 1000} s ago" + (f" ({detail})" if detail else "")
            for (way, became, detail), (times, last_ms) in self._known.items()
            if now_ms - last_ms < REMEMBERED_MS
        ]
