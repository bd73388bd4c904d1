"""Mentions in, parts out: repeats dropped, brands matched, texts scored, everything combined per brand and minute.

Reads no clock and writes nothing; what is to be stored waits in `posts` and `erased` for the sequencer.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from stream.brands import Brand, Matcher
from stream.combine import Combined, Combiner
from stream.mention import Mention, ScoredMention
from stream.names import Names
from stream.repeats import Repeats, Sighting
from stream.scoring import Scoring
from stream.sentiment import Scorers
from stream.sources.text_store import StoredPost
from tocsin.entry import PROBE

SILENCED = 100_000
"""Purged authors that are remembered."""


class Voice(NamedTuple):
    """An author, as a source calls them."""

    source: str
    author: str


class Judges(NamedTuple):
    """What looks at texts: heavy, without memory of a mention, and shared by all the partitions of a process."""

    matcher: Matcher
    scoring: Scoring


def judges_of(brands: Sequence[Brand], names: Names, scorers: Scorers | None = None) -> Judges:
    """The judges of some brands. Raises `QueryError` for a query that cannot be read."""
    return Judges(Matcher(brands), Scoring(brands, names, scorers))


class Intake:
    """One input partition's intake. `judges` may be those of another partition of the same brands.

    `counts` has what became of each mention: read, repeated, unmatched, matched, scored, unscored, responses, edited,
    deleted, engagement, purged; `rivals` are about a competitor alone, and `probes` are our own and none of these.
    """

    def __init__(
        self,
        brands: Sequence[Brand],
        names: Names,
        *,
        step_ms: int,
        keep_posts: bool = True,
        scorers: Scorers | None = None,
        judges: Judges | None = None,
        repeats: Repeats | None = None,
    ) -> None:
        self._matcher, self._scoring = judges or judges_of(brands, names, scorers)
        self._repeats = Repeats() if repeats is None else repeats
        self._combiner = Combiner(names, step_ms)
        self._names = names
        self.step_ms = step_ms
        self._keep_posts = keep_posts
        self.counts: Counter[str] = Counter()
        self.posts: dict[str, StoredPost] = {}
        """Texts to be stored before the step's parts are journaled, by name."""
        self.erased: list[str] = []
        """Ids whose texts their platform took back."""
        self.purged: list[Voice] = []
        """Authors of whom everything is to go."""
        self._silenced: dict[Voice, None] = {}
        """Those who were purged last: an edit of theirs is no reason to keep a text."""
        self._probing: dict[str, Scoring] = {}
        """What scores probes, by the name that they bear: it knows that alone, and the others never see one."""

    def take(self, mention: Mention, offset: int) -> None:
        """Take in what stands at `offset` of the input partition."""
        self.counts["read"] += 1
        self._repeats.pass_time(mention.observed_ms)
        if mention.kind == "purge":
            self._purge(mention)
            return
        brands = self._repeats.brands_of(mention.id)
        if mention.kind == "create":
            self._create(mention, offset, brands)
            return
        if not brands:
            # An edit of a post we never saw is the first we see of it; what else concerns it says nothing to us.
            if mention.kind == "update" and mention.text:
                self._create(mention, offset, brands)
                return
            if mention.kind == "delete":  # ids are forgotten after two days, texts later
                self.erased.append(mention.id)
            self.counts["unmatched"] += 1
            return
        self._follow_up(brands, mention, offset)

    def probe(self, mention: Mention, offset: int, brand: str = PROBE) -> None:
        """Take in a mention of our own, which shows that the way is open: told apart from repeats, scored by the very
        scorers, and combined. It is about no brand of anybody's, and nothing of it is stored. Its part is journaled
        under `brand`, a name of probes.
        """
        self._repeats.pass_time(mention.observed_ms)
        if self._is_repeat(mention, offset, ()):
            return
        probing = self._probing.get(brand)
        if probing is None:
            probing = self._probing[brand] = Scoring([Brand(brand, None)], self._names, self._scoring.scorers)
        self.counts["probes"] += 1
        for scored in probing.score(mention):
            self._combiner.add(scored)

    def remember(self, mention: Mention, offset: int) -> None:
        """Know again, after a restart, a mention that was taken in before: nothing is counted or combined."""
        self._repeats.pass_time(mention.observed_ms)
        if mention.kind == "purge":
            self._silence(Voice(mention.source, mention.author or ""))
            return
        known = self._repeats.brands_of(mention.id)
        if mention.kind == "delete":
            self._repeats.remember(mention.id, (), offset)
            return
        taken = mention.kind == "create" or (mention.kind == "update" and not known and bool(mention.text))
        if taken and not self._is_repeat(mention, offset, known):
            brands = tuple(brand.name for brand in self._matcher.match(mention))
            self._repeats.remember(mention.id, brands, offset)

    def know_again(self, seen: Iterable[Sighting]) -> None:
        """Posts that were seen, and whose records were wiped since: they stay known as seen."""
        self._repeats.absorb(seen)

    def forget(self, mention_ids: Sequence[str], voices: Sequence[Voice] = ()) -> None:
        """Somebody had these posts erased, and all that these voices said: no edit that comes late brings it back."""
        for mention_id in mention_ids:
            self.posts.pop(self._names.mention(mention_id), None)
            self._repeats.remember(mention_id, ())
        for voice in voices:
            self._silence(voice)

    def seal(self, upto_step: int) -> list[Combined]:
        """The parts of all steps up to this one, in a fixed order; they are gone from here."""
        return self._combiner.seal(upto_step)

    def _is_repeat(self, mention: Mention, offset: int, known: tuple[str, ...]) -> bool:
        """Whether it was seen before. A repeat is a sighting too: the post's brands are kept as long as its id."""
        repeated = self._repeats.is_repeat(mention.id, offset, mention.observed_ms)
        if repeated and known:
            self._repeats.remember(mention.id, known, offset)
        return repeated

    def _create(self, mention: Mention, offset: int, known: tuple[str, ...]) -> None:
        if self._is_repeat(mention, offset, known):
            self.counts["repeated"] += 1
            return
        every = self._scoring.score(mention)
        found = [scored for scored in every if not scored.rival]
        for scored in every[len(found) :]:  # a competitor's posts are counted and nothing else
            self._combiner.add(scored)
        if not found:
            self.counts["rivals" if every else "unmatched"] += 1
            return
        self.counts["matched"] += 1
        self._repeats.remember(mention.id, tuple(s.brand for s in found), offset)
        for scored in found:
            self._combiner.add(scored)
        self._count(found)
        if self._keep_posts:
            self._keep(mention, found, tuple(scored.brand for scored in found))

    def _count(self, found: Sequence[ScoredMention]) -> None:
        if all(s.own for s in found):
            self.counts["responses"] += 1
        elif found[0].sentiment.label == "unscored":
            self.counts["unscored"] += 1
        else:
            self.counts["scored"] += 1

    def _follow_up(self, brands: Sequence[str], mention: Mention, offset: int) -> None:
        if mention.kind == "update":
            self.counts["edited"] += 1
            for brand in brands:
                self._combiner.add_edit(brand, mention)
            if Voice(mention.source, mention.author or "") in self._silenced:
                # Of a post from before, or of one since: nobody can tell, so neither is quoted any more.
                self.posts.pop(self._names.mention(mention.id), None)
                self.erased.append(mention.id)
            elif self._keep_posts and mention.text:
                self._keep(mention, [s for s in self._scoring.score(mention) if not s.rival], tuple(brands))
        elif mention.kind == "delete":
            self._delete(brands, mention, offset)
        else:
            self.counts["engagement"] += 1
            for brand in brands:
                self._combiner.add_engagement(brand, mention)

    def _delete(self, brands: Sequence[str], mention: Mention, offset: int) -> None:
        """The words go, and whatever the platform still says about the post: no edit that comes late brings it back."""
        self.counts["deleted"] += 1
        for brand in brands:
            self._combiner.add_delete(brand, mention)
        self.posts.pop(self._names.mention(mention.id), None)
        self.erased.append(mention.id)
        self._repeats.remember(mention.id, (), offset)

    def _purge(self, mention: Mention) -> None:
        """Everything of an author goes. It changes no count: how many posts that were is known to their texts alone."""
        self.counts["purged"] += 1
        voice = Voice(mention.source, mention.author or "")
        self._silence(voice)
        self.purged.append(voice)

    def _silence(self, voice: Voice) -> None:
        for name in [name for name, post in self.posts.items() if (post.source, post.author) == voice]:
            del self.posts[name]
        self._silenced.pop(voice, None)
        self._silenced[voice] = None
        if len(self._silenced) > SILENCED:
            del self._silenced[next(iter(self._silenced))]

    def _keep(self, mention: Mention, found: Sequence[ScoredMention], brands: tuple[str, ...]) -> None:
        name = self._names.mention(mention.id)
        self.posts[name] = StoredPost(
            name=name,
            id=mention.id,
            source=mention.source,
            author=mention.author,
            text=mention.text,
            url=mention.url,
            created_ms=mention.created_ms,
            followers=mention.author_followers,
            lang=found[0].sentiment.lang if found else mention.lang,
            brands=brands,
            label=found[0].sentiment.label if found else "unscored",
            own=bool(found) and all(s.own for s in found),
        )
