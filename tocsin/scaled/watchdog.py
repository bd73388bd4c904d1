"""Whether a partition stands still although there is something to read. Told the time, so that it can be tested."""


class Watchdog:
    """Remembers when each partition last got on.

    >>> watch = Watchdog(stalled_s=60)
    >>> watch.looked(3, lag=5, progress=7, now_s=100.0), watch.looked(3, lag=9, progress=7, now_s=159.0)
    (False, False)
    >>> watch.looked(3, lag=9, progress=7, now_s=160.0)
    True
    >>> watch.looked(3, lag=0, progress=7, now_s=161.0)
    False
    """

    def __init__(self, stalled_s: float) -> None:
        self._stalled_s = stalled_s
        self._since: dict[int, tuple[int, float]] = {}

    def looked(self, partition: int, *, lag: int, progress: int, now_s: float) -> bool:
        """Note how a partition stands; whether it has stood still for too long."""
        known, since_s = self._since.get(partition, (-1, now_s))
        if lag <= 0 or progress != known:
            since_s = now_s
        self._since[partition] = progress, since_s
        return now_s - since_s >= self._stalled_s

    def forget(self, partition: int | None = None) -> None:
        """A partition is gone; without one, nothing can be said of any: begin anew."""
        if partition is None:
            self._since.clear()
        else:
            self._since.pop(partition, None)
