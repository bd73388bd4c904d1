"""What X may cost in a month, counted in posts: each that is read costs the same. EDGE with its siblings."""

from datetime import UTC, datetime

from stream.codec import rfc3339
from stream.sources.contract import Surroundings

REMEMBERED = 50_000


class Budget:
    """The posts of a calendar month of UTC. What was read before stands in the purse; a batch adds to it by its costs,
    and here at once.
    """

    def __init__(self, around: Surroundings, posts_a_month: int) -> None:
        self._around = around
        self._most = posts_a_month
        self._month = ""
        self._day = ""
        self._today: set[str] = set()
        self.read = 0
        """Posts read in this month."""

    def look(self, *, anew: bool = False) -> None:
        """Take up a new month, or what the purse says."""
        now = datetime.fromtimestamp(self._around.clock() / 1000, UTC)
        month = f"{now.year}-{now.month}"
        if anew or month != self._month:
            start = datetime(now.year, now.month, 1, tzinfo=UTC)
            self._month = month
            self.read = self._around.purse.spent("posts", since_ms=int(start.timestamp()) * 1000)

    @property
    def room(self) -> int:
        """Posts that may still be read."""
        return max(0, self._most - self.read)

    def add(self, posts: int) -> None:
        """So many were read."""
        self.read += posts

    def again(self, ids: set[str]) -> int:
        """How many of these posts, read by their ids, cost: X counts a post once in a day of UTC."""
        day = rfc3339(self._around.clock())[:10]
        if day != self._day or len(self._today) > REMEMBERED:
            self._day, self._today = day, set()
        new = len(ids - self._today)
        self._today |= ids
        self.add(new)
        return new
