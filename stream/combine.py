"""From scored mentions to parts: what one intake batch adds to each brand's minutes, before anything is keyed by brand.

A crisis is a hot key; combining here makes the core's cost grow with brands and grid steps, never with posts. The sum
does not show how the stream was cut: parts are commutative monoids (DESIGN M1-M6), and sealing only sorts and splits.
"""

from bisect import insort
from typing import NamedTuple, TypeVar

from stream.codec import DAY_MS, MINUTE_MS
from stream.mention import Mention, ScoredMention
from stream.names import Names
from stream.own_words import speaks_for_itself
from stream.pulse import (
    EXEMPLARS,
    VOICE_BUCKETS,
    ClusterPart,
    Counts,
    Engagement,
    Exemplar,
    PulsePart,
    RivalCounts,
    ThreadPart,
    or_hex,
)
from stream.sketches import add_to_registers, bit_of

V = TypeVar("V")

MAX_KEYS = 2_000
"""Threads and clusters in one chunk of a part; as many aliases; as many keys of the rest (DESIGN M2)."""
NEW_ACCOUNT_MS = 30 * DAY_MS
"""An account is new when it is younger than this at the time of its post."""


class Combined(NamedTuple):
    """A sealed part, or one chunk of it: merging the chunks of a part gives the part."""

    brand: str
    minute_ms: int
    step: int
    """Grid step of the observed time: `observed_ms // step_ms`."""
    live: bool
    chunk: int
    part: PulsePart


class Combiner:
    """Adds matched and scored mentions to parts, and hands them out once a grid step is over.

    A part belongs to one brand, one minute of `created_ms`, one grid step of `observed_ms` and one `live` (DESIGN T2).

    >>> combiner = Combiner(Names(b"k"), step_ms=5_000)
    >>> post = Mention(id="x:1", source="x", created_ms=61_000, claimed_ms=61_000, observed_ms=63_000, text="hi")
    >>> combiner.add_engagement("acme", post)
    >>> combiner.seal(11), combiner.seal(12)[0][:5]
    ([], ('acme', 60000, 12, True, 0))
    """

    __slots__ = ("_names", "_parts", "step_ms")

    def __init__(self, names: Names, step_ms: int) -> None:
        self._names = names
        self.step_ms = step_ms
        self._parts: dict[tuple[int, str, int, bool], PulsePart] = {}

    def __len__(self) -> int:
        """Parts that are not sealed yet."""
        return len(self._parts)

    def add(self, scored: ScoredMention) -> None:
        """Count a new post about a brand; a post of the brand's own accounts is a response and nothing else."""
        mention = scored.mention
        part = self._part(scored.brand, mention)
        if scored.rival:
            _count_rival(part, scored, self._names.author(mention.author or mention.id))
            return
        if scored.own:
            part.counts.responses += 1
            part.responded_ms = max(part.responded_ms, mention.created_ms)
            answered = mention.parent_id or mention.root_id
            if answered is not None:
                name = self._names.mention(answered)
                part.answered[name] = min(mention.created_ms, part.answered.get(name, mention.created_ms))
            return
        name = self._names.mention(mention.id)
        # Who posts without an author's name is a voice of his own: the post's id stands in for him.
        author = self._names.author(mention.author or mention.id)
        bucket = author % VOICE_BUCKETS
        part.voices[bucket] = part.voices.get(bucket, 0) + 1
        _count(part.counts, scored, author)
        if _asks(mention):
            part.asked[name] = mention.created_ms
        self._add_thread(part, scored, name, author)
        if scored.cluster:
            _add_cluster(part, scored, author)
        _add_exemplar(part, scored, name)
        if mention.reposts or mention.likes or mention.replies or mention.views:
            _add_engagement(part, name, mention)

    def add_edit(self, brand: str, mention: Mention) -> None:
        """Count an edit: never a second mention. The new text changes nothing that was counted."""
        self._part(brand, mention).counts.edits += 1

    def add_delete(self, brand: str, mention: Mention) -> None:
        """Count a delete. It changes no count already journaled (DESIGN, names and erasure)."""
        self._part(brand, mention).counts.deletes += 1

    def add_engagement(self, brand: str, mention: Mention) -> None:
        """Note a post's absolute counts as observed; the later observation wins (DESIGN M5)."""
        _add_engagement(self._part(brand, mention), self._names.mention(mention.id), mention)

    def seal(self, upto_step: int) -> list[Combined]:
        """Take out all parts of the steps up to and including this one, by step, brand, minute and live."""
        sealed = []
        for key in sorted(key for key in self._parts if key[0] <= upto_step):
            step, brand, minute_ms, live = key
            chunks = _split(self._parts.pop(key))
            sealed += [Combined(brand, minute_ms, step, live, n, chunk) for n, chunk in enumerate(chunks)]
        return sealed

    def _part(self, brand: str, mention: Mention) -> PulsePart:
        created_ms = mention.created_ms
        key = (mention.observed_ms // self.step_ms, brand, created_ms - created_ms % MINUTE_MS, mention.live)
        part = self._parts.get(key)
        if part is None:
            part = self._parts[key] = PulsePart()
        return part

    def _add_thread(self, part: PulsePart, scored: ScoredMention, name: str, author: int) -> None:
        mention = scored.mention
        home_id = mention.root_id or mention.parent_id or mention.quoted_id or mention.id
        key = name if home_id == mention.id else self._names.mention(home_id)
        created_ms = mention.created_ms
        _add_alias(part, name, created_ms, key)
        parent_id = mention.parent_id
        if parent_id is not None and parent_id not in {home_id, mention.id}:
            # The parent belongs to the same thread, known or not; it is no younger than its reply.
            _add_alias(part, self._names.mention(parent_id), created_ms, key)
        thread = part.threads.get(key)
        if thread is None:
            thread = part.threads[key] = ThreadPart(first_ms=created_ms)
        elif created_ms < thread.first_ms:
            thread.first_ms = created_ms
        thread.posts += 1
        label = scored.sentiment.label
        thread.negative += label == "negative"
        thread.scored += label != "unscored"
        thread.positive += label == "positive"
        if label == "negative" and key == name:
            thread.root_negative = 1
        thread.reach += mention.author_followers or 0
        thread.voices = or_hex(thread.voices, f"{bit_of(author):x}")
        if mention.is_repost:
            thread.reposts += 1
        elif parent_id is not None or (mention.root_id is not None and key != name):
            thread.replies += 1
        elif mention.quoted_id is not None:
            thread.quotes += 1


def _count(counts: Counts, scored: ScoredMention, author: int) -> None:
    mention = scored.mention
    counts.mentions += 1
    counts.reposts += mention.is_repost
    add_to_registers(counts.authors, author)
    _bump(counts.sources, mention.source)
    _bump(counts.languages, scored.sentiment.lang or "und")
    _count_sentiment(counts, scored, author)
    if scored.cluster:
        add_to_registers(counts.texts, scored.wording or scored.cluster)
    counts.questions += _asks(mention)
    born_ms = mention.author_created_ms
    if born_ms is not None and mention.created_ms - born_ms < NEW_ACCOUNT_MS:
        counts.new_accounts += 1
    reach = mention.author_followers
    if reach:
        counts.reach_sum += reach
        counts.reach_max = max(counts.reach_max, reach)
    for risk in scored.risks:
        _bump(counts.risks, risk)
    for issue in scored.issues:
        _bump(counts.issues, issue)


def _count_rival(part: PulsePart, scored: ScoredMention, author: int) -> None:
    counts = part.rivals.setdefault(scored.rival, RivalCounts())
    counts.mentions += 1
    counts.negative += scored.sentiment.label == "negative"
    counts.scored += scored.sentiment.label != "unscored"
    add_to_registers(counts.authors, author)


def _count_sentiment(counts: Counts, scored: ScoredMention, author: int) -> None:
    sentiment = scored.sentiment
    if sentiment.scorer:
        _bump(counts.scorers, sentiment.scorer)
    label = sentiment.label
    if label == "unscored":
        counts.unscored += 1
        return
    counts.score_sum += sentiment.score
    if label == "negative":
        counts.negative += 1
        counts.negative_sum += sentiment.score
        if speaks_for_itself(scored.mention.text or ""):
            counts.angry += 1
            add_to_registers(counts.negative_authors, author)
            add_to_registers(counts.negative_texts, scored.wording or scored.cluster or author)
        _bump(counts.negative_sources, scored.mention.source)
    elif label == "positive":
        counts.positive += 1
    else:
        counts.neutral += 1


def _asks(mention: Mention) -> bool:
    return "?" in mention.text or "？" in mention.text


def _bump(table: dict[str, int], key: str) -> None:
    table[key] = table.get(key, 0) + 1


def _add_alias(part: PulsePart, name: str, created_ms: int, key: str) -> None:
    alias = (created_ms, key)
    known = part.aliases.get(name)
    if known is None or alias < known:
        part.aliases[name] = alias


def _add_cluster(part: PulsePart, scored: ScoredMention, author: int) -> None:
    key = f"{scored.cluster:016x}"
    created_ms = scored.mention.created_ms
    cluster = part.clusters.get(key)
    if cluster is None:
        cluster = part.clusters[key] = ClusterPart(first_ms=created_ms)
    elif created_ms < cluster.first_ms:
        cluster.first_ms = created_ms
    cluster.posts += 1
    cluster.negative += scored.sentiment.label == "negative"
    cluster.voices = or_hex(cluster.voices, f"{bit_of(author):x}")


def _add_exemplar(part: PulsePart, scored: ScoredMention, name: str) -> None:
    mention, best = scored.mention, part.exemplars
    exemplar = Exemplar(
        not_risky=0 if scored.risks else 1,
        not_negative=0 if scored.sentiment.label == "negative" else 1,
        minus_reach=-(mention.author_followers or 0),
        created_ms=mention.created_ms,
        name=name,
    )
    if len(best) == EXEMPLARS and not exemplar < best[-1]:
        return
    if exemplar not in best:
        insort(best, exemplar)
        del best[EXEMPLARS:]


def _add_engagement(part: PulsePart, name: str, mention: Mention) -> None:
    seen = Engagement(
        observed_ms=mention.observed_ms,
        likes=_known(mention.likes),
        reposts=_known(mention.reposts),
        replies=_known(mention.replies),
        views=_known(mention.views),
    )
    before = part.engagement.get(name)
    if before is None or before < seen:
        part.engagement[name] = seen


def _known(count: int | None) -> int:
    return -1 if count is None else count


def _split(part: PulsePart) -> list[PulsePart]:
    """The part itself where its tables are small; else chunks of it, with the counts in the first."""
    rest = len(part.engagement) + len(part.answered) + len(part.asked)
    most = max(len(part.threads) + len(part.clusters), len(part.aliases), rest)
    if most <= MAX_KEYS:
        return [part]
    # Three tables may share a chunk's room and all round up: two keys less keep their sum within it.
    chunks = -(-most // (MAX_KEYS - 2))
    split = [
        PulsePart(
            threads=_slice(part.threads, n, chunks),
            clusters=_slice(part.clusters, n, chunks),
            aliases=_slice(part.aliases, n, chunks),
            engagement=_slice(part.engagement, n, chunks),
            answered=_slice(part.answered, n, chunks),
            asked=_slice(part.asked, n, chunks),
        )
        for n in range(chunks)
    ]
    split[0].counts, split[0].voices, split[0].exemplars = part.counts, part.voices, part.exemplars
    split[0].responded_ms, split[0].rivals = part.responded_ms, part.rivals
    return split


def _slice(table: dict[str, V], number: int, chunks: int) -> dict[str, V]:
    return {key: table[key] for key in sorted(table)[number::chunks]}
