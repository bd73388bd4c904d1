"""Whether a wave looks arranged: a label with its two figures, never a reason for silence. Real crises contain bots."""

import msgspec

from stream.pulse import Counts
from stream.sketches import distinct
from stream.window import Window

FEWEST_POSTS = 20
"""Below this nobody can tell a wave from a coincidence."""
REPEATED_MILLI = 500
"""Half of the posts say what another one says, word for word: people who are angry use words of their own."""
NEW_MILLI = 400
"""Two of five posts by accounts younger than 30 days; on ordinary days it is a few in a hundred."""
LOUDEST_MILLI = 500
"""Half of the posts by one account: a loud person, or a machine, but no wave of many. The others are judged without."""


class Coordination(msgspec.Struct, frozen=True, gc=False):
    """Whether it looks arranged, and the figures that say so. Shares are in milli-units of the posts looked at."""

    possibly: bool = False
    repeated_share_milli: int = 0
    """Posts whose text another post had first; a repost is no copy: passing on is what its button is for."""
    new_share_milli: int = 0
    """Posts by accounts younger than 30 days."""
    loudest_share_milli: int = 0
    """Posts by the busiest account, at most."""
    copied_texts: int = 0
    """Different texts that at least four posts share."""
    words: str = ""
    """For the card; empty where nothing looks arranged and nobody posts for a crowd."""


def coordination_of(window: Window, span_ms: int) -> Coordination:
    """Look at the posts of the last `span_ms`.

    >>> coordination_of(Window(), 3_600_000) == Coordination()
    True
    """
    counts = window.counts(span_ms)
    if not counts.mentions:
        return Coordination()
    since_ms = window.starts(span_ms)[0]
    copied = [c for c in window.busy_clusters.values() if max(c.by_minute, default=0) >= since_ms]
    return judge(counts, window.loudest_voice(span_ms), copied_texts=len(copied))


def judge(counts: Counts, loudest_posts: int, copied_texts: int = 0) -> Coordination:
    """The same from the counts themselves; `loudest_posts` are those of the busiest account.

    >>> wave = judge(Counts(mentions=500, new_accounts=500), 1)
    >>> wave.possibly, wave.words
    (True, 'possibly coordinated: 0 % repeat a text of others, 100 % are by accounts younger than 30 days')
    """
    posts = counts.mentions
    if not posts:
        return Coordination()
    texts = distinct(counts.texts)
    # Where no text is known (counts alone, pictures without words) nothing can be said to repeat another's.
    repeats = max(0, posts - counts.reposts - texts) if texts else 0
    repeated, new, loudest = (_milli(n, posts) for n in (repeats, counts.new_accounts, loudest_posts))
    possibly = _arranged(posts, repeats, counts.new_accounts)
    one_voice = posts >= FEWEST_POSTS and loudest >= LOUDEST_MILLI
    if possibly and one_voice:
        # At least so much is left when all that the busiest account wrote is taken out: a wave may hide behind it.
        repeats, fresh = max(0, repeats - loudest_posts), max(0, counts.new_accounts - loudest_posts)
        possibly = _arranged(posts - loudest_posts, repeats, fresh)
    return Coordination(
        possibly=possibly,
        repeated_share_milli=repeated,
        new_share_milli=new,
        loudest_share_milli=loudest,
        copied_texts=copied_texts,
        words=_words(possibly, one_voice, repeated, new, loudest),
    )


def _arranged(posts: int, repeats: int, new: int) -> bool:
    if posts < FEWEST_POSTS:
        return False
    return _milli(repeats, posts) >= REPEATED_MILLI or _milli(new, posts) >= NEW_MILLI


def _words(possibly: bool, one_voice: bool, repeated: int, new: int, loudest: int) -> str:
    said = []
    if possibly:
        said.append(
            f"possibly coordinated: {repeated // 10} % repeat a text of others, "
            f"{new // 10} % are by accounts younger than 30 days"
        )
    if one_voice:
        said.append(f"one account wrote up to {loudest // 10} % of the posts")
    return "; ".join(said)


def _milli(part: int, whole: int) -> int:
    return min(1000, part * 1000 // whole)
