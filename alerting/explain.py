"""Why people talk just now, in their own words: what is new, who said it first, who is heard most. Pure.

Explanation and never decision: it is worked out when a card is shown, from the texts that still exist, and what was
erased is simply not there. The texts are hostile; whatever leaves here is made inert where it is shown.

A word is new by its log-odds between the posts of the story and the brand's own past, shrunk by an informative
Dirichlet prior (Monroe, Colaresi, Quinn 2008, *Fightin' Words*, Political Analysis 16(4), p. 372-403). The unit is a
person and not a word: each author counts once for a word and each copied text once, so that a headline copied 249
times, or one account that posts a thousand times, makes no word new. Of a Dirichlet prior a single word sees a Beta;
its mass is that of `PRIOR_PEOPLE` who talk as all posts together do.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec

from detectors.growth import logarithm
from stream.brands import Brand
from stream.function_words import words_of
from stream.query import naming_terms
from stream.query_parser import compile_query
from stream.risk import Classifier
from stream.text import cluster_of, normalise, wording_of

FEWEST_PEOPLE = 4
"""Fewer people using a word in a few hours are chance at any brand."""
PRIOR_PEOPLE = 500.0
NEW_MILLI = 3_000
"""z (milli-units) from which a word is called new: of the hundreds of words of an hour, chance lifts hardly one."""
WORDS_SHOWN = 4
SUBJECTS_SHOWN = 2
VOICES_SHOWN = 3
SAME_MILLI = 700
"""Two words used by so many of the same people say one thing."""
WORDS_PER_POST = 60
LONGEST_WORD = 40


class Said(Protocol):
    """What is looked at of a post: a stored post has it all. Unknown is `None`."""

    @property
    def name(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def created_ms(self) -> int: ...
    @property
    def author(self) -> str | None: ...
    @property
    def followers(self) -> int | None: ...
    @property
    def source(self) -> str: ...
    @property
    def lang(self) -> str | None: ...
    @property
    def url(self) -> str | None: ...


class FreshWord(msgspec.Struct, frozen=True, gc=False):
    """A word, two words or a subject that the brand's past does not know so. `word` is normalised, and hostile."""

    word: str
    people: int
    """Different people who used it, of those looked at."""
    z_milli: int
    posts: tuple[str, ...] = ()
    """Names of the posts in which they first did."""


class Voice(msgspec.Struct, frozen=True, gc=False):
    """Somebody who is heard. `author` is hostile."""

    author: str
    posts: int
    followers: int | None = None
    names: tuple[str, ...] = ()


class Tally(msgspec.Struct, frozen=True, gc=False):
    """How many posts have something in common (a source, a language), and which."""

    what: str
    posts: int
    names: tuple[str, ...] = ()


class First(msgspec.Struct, frozen=True, gc=False):
    """Who came first, as far as the texts tell. Every field but the time is hostile."""

    name: str
    author: str
    at_ms: int
    url: str = ""
    began: bool = False
    """Whether it is the first post of the conversation that spreads, rather than the first to use a word."""


class Explanation(msgspec.Struct, frozen=True, gc=False):
    """What a card says about a story beyond its counts. Empty where there are no texts."""

    words: tuple[FreshWord, ...] = ()
    subjects: tuple[FreshWord, ...] = ()
    """Risk and issue classes that are new."""
    first: First | None = None
    busiest: tuple[Voice, ...] = ()
    loudest: tuple[Voice, ...] = ()
    """By followers."""
    sources: tuple[Tally, ...] = ()
    languages: tuple[Tally, ...] = ()
    people: int = 0
    """Different people looked at."""
    sampled: bool = False
    """Whether these are a sample, so that figures are shares and no counts."""


class Vocabulary:
    """How posts about one brand are taken apart. Its own words say nothing new about it, nor do those of any sentence.

    Raises `QueryError` for a query that cannot be read.

    >>> about = Vocabulary(Brand("Acme", "acme OR acmecare*"))
    >>> about.units("the refund of acme is where acmecares")
    ['refund']
    >>> about.units("data leak again")
    ['data', 'leak', 'data leak']
    """

    __slots__ = ("_classifier", "_own", "_prefixes")

    def __init__(self, brand: Brand) -> None:
        terms = naming_terms(compile_query(brand.query).root) if brand.query else ()
        own = [normalise(brand.name), normalise(brand.name).replace(" ", ""), *map(normalise, brand.own_accounts)]
        own += [term.literal for term in terms if not term.prefix]
        # A handle is no word to `wording_of`; the same name without the `@` is one of the brand's.
        named = {word for one in own for word in wording_of(one.replace("@", " ")).split()}
        self._own = words_of(("en", "nl", *brand.languages)) | named
        self._prefixes = tuple(sorted({wording_of(term.literal) for term in terms if term.prefix} - {""}))
        self._classifier = Classifier(dict(brand.issues))

    def units(self, wording: str) -> list[str]:
        """The words, and pairs of neighbours, of a text as `stream.text.cluster_of` leaves it that may be new; each
        once, in order."""
        found: dict[str, None] = {}
        before = ""
        for word in wording.split()[:WORDS_PER_POST]:
            if not self._tells(word):
                before = ""
                continue
            found[word] = None
            if before:
                found[f"{before} {word}"] = None
            before = word
        return list(found)

    def subjects(self, normalised: str, lang: str | None) -> tuple[str, ...]:
        """The risk and issue classes of a text."""
        risks, issues = self._classifier.classes(normalised, lang or "")
        return (*risks, *issues)

    def _tells(self, word: str) -> bool:
        if word in self._own or not 1 < len(word) <= LONGEST_WORD or word.isdecimal():
            return False
        return not (self._prefixes and word.startswith(self._prefixes))


class _Text(NamedTuple):
    """A text that no earlier post had, and who wrote it."""

    post: Said
    voice: str
    normalised: str
    wording: str


def _texts(posts: Sequence[Said]) -> list[_Text]:
    """Each text once, with its first author, in order of time."""
    seen: set[str] = set()
    found = []
    for post in posts:
        normalised = normalise(post.text)
        wording = cluster_of(normalised)
        if wording and wording not in seen:
            seen.add(wording)
            # Who posts without a name is a voice of his own.
            found.append(_Text(post, post.author or f"\0{post.name}", normalised, wording))
    return found


def explain(
    now: Sequence[Said],
    past: Sequence[Said],
    about: Vocabulary,
    *,
    root: Said | None = None,
    early: Sequence[Said] = (),
    sampled: bool = False,
) -> Explanation:
    """What is new in the posts of a story (`now`) against the brand's past, and who is behind it.

    `root` is the first post of the conversation that spreads, if there is one and its text exists. `early` are the
    story's very first posts, where `now` is a sample of them (`sampled`). Posts may come in any order.

    >>> about = Vocabulary(Brand("Acme", "acme"))
    >>> class Post(msgspec.Struct):
    ...     name: str
    ...     text: str
    ...     created_ms: int
    ...     author: str | None
    ...     followers: int | None = None
    ...     source: str = "x"
    ...     lang: str | None = "en"
    ...     url: str | None = None
    >>> past = [Post(f"p{n}", f"acme number {n} is fine", n, f"a{n}") for n in range(400)]
    >>> now = [Post(f"n{n}", f"acme refund {n}", 1_000 + n, f"b{n}") for n in range(20)]
    >>> found = explain(now, past, about)
    >>> [(one.word, one.people) for one in found.words], found.first.author
    ([('refund', 20)], 'b0')
    """
    now, past, early = (sorted(posts, key=_by_time) for posts in (now, past, early))
    texts, before = _texts(now), _texts(past)
    people, people_before = len({text.voice for text in texts}), len({text.voice for text in before})
    odds = _Odds(people, people_before)
    words = _words(texts, before, about, odds)
    subjects = _subjects(texts, before, about, odds)
    first = _first(words, [*early, *now] if sampled else now, root, about)
    return Explanation(
        words=words,
        subjects=subjects,
        first=first,
        busiest=_busiest(now),
        loudest=_loudest(now),
        sources=_tally(now, lambda post: post.source),
        languages=_tally(now, lambda post: post.lang or ""),
        people=people,
        sampled=sampled,
    )


def _by_time(post: Said) -> tuple[int, str]:
    return post.created_ms, post.name


# ---- what is new


class _Odds:
    """How much likelier people are to say something now than they were, given how many they are."""

    def __init__(self, people: int, before: int) -> None:
        self._people, self._before = people, before

    def z_milli(self, now: int, before: int) -> int:
        """The log-odds ratio in standard deviations. 0 where nothing is known of the past: then nothing can be new."""
        if not self._before or not now:
            return 0
        prior = PRIOR_PEOPLE * (now + before) / (self._people + self._before)
        rest = PRIOR_PEOPLE - prior
        if rest <= 0:  # everybody says it, now and before
            return 0
        said, said_before = now + prior, before + prior
        odds = said / (self._people - now + rest)
        odds_before = said_before / (self._before - before + rest)
        return math.floor(1000 * logarithm(odds / odds_before) / math.sqrt(1.0 / said + 1.0 / said_before))


def _words(texts: Sequence[_Text], before: Sequence[_Text], about: Vocabulary, odds: _Odds) -> tuple[FreshWord, ...]:
    used: dict[str, dict[str, str]] = {}
    for text in texts:
        for unit in about.units(text.wording):
            used.setdefault(unit, {}).setdefault(text.voice, text.post.name)
    wanted = {unit: by for unit, by in used.items() if len(by) >= FEWEST_PEOPLE}
    known = _known(before, wanted)
    ranked = _ranked(wanted, known, odds)
    return _each_thing_once(ranked, wanted)[:WORDS_SHOWN]


def _known(before: Sequence[_Text], wanted: Iterable[str]) -> dict[str, int]:
    """How many people used each of these words and pairs in the past."""
    voices: dict[str, set[str]] = {unit: set() for unit in wanted}
    single = frozenset(unit for unit in voices if " " not in unit)
    pairs: dict[str, list[tuple[str, str]]] = {}
    for unit in voices:
        first, _, second = unit.partition(" ")
        if second:
            pairs.setdefault(first, []).append((second, unit))
    for text in before:
        # Few words of an ordinary post are wanted: the intersection of sets is the quickest look.
        for word in single.intersection(text.wording.split()):
            voices[word].add(text.voice)
            for second, unit in pairs.get(word, ()):
                if second in text.wording and f" {unit} " in f" {text.wording} ":
                    voices[unit].add(text.voice)
    return {unit: len(by) for unit, by in voices.items()}


def _subjects(texts: Sequence[_Text], before: Sequence[_Text], about: Vocabulary, odds: _Odds) -> tuple[FreshWord, ...]:
    used: dict[str, dict[str, str]] = {}
    for text in texts:
        for subject in about.subjects(text.normalised, text.post.lang):
            used.setdefault(subject, {}).setdefault(text.voice, text.post.name)
    wanted = {subject: by for subject, by in used.items() if len(by) >= FEWEST_PEOPLE}
    if not wanted:
        return ()
    voices: dict[str, set[str]] = {subject: set() for subject in wanted}
    for text in before:
        for subject in about.subjects(text.normalised, text.post.lang):
            if subject in voices:
                voices[subject].add(text.voice)
    known = {subject: len(by) for subject, by in voices.items()}
    return tuple(_ranked(wanted, known, odds)[:SUBJECTS_SHOWN])


def _ranked(wanted: Mapping[str, Mapping[str, str]], known: Mapping[str, int], odds: _Odds) -> list[FreshWord]:
    """What is new, the newest first; of equals the one that more people use, then by the alphabet."""
    found = []
    for unit, by in wanted.items():
        z_milli = odds.z_milli(len(by), known[unit])
        if z_milli >= NEW_MILLI:
            found.append(FreshWord(unit, len(by), z_milli, tuple(by.values())))
    return sorted(found, key=lambda one: (-one.z_milli, -one.people, one.word))


def _each_thing_once(ranked: Sequence[FreshWord], used: Mapping[str, Mapping[str, str]]) -> tuple[FreshWord, ...]:
    """Of a pair and its words the one that says it: the pair where the word comes with its neighbour, else the word."""
    pairs = [one for one in ranked if " " in one.word and _leads(one, used)]
    told: list[FreshWord] = []
    taken: set[str] = set()
    spoken = {word for pair in pairs for word in pair.word.split()}
    for one in ranked:
        parts = set(one.word.split())
        if parts & taken or (len(parts) == 1 and parts & spoken) or (" " in one.word and one not in pairs):
            continue
        told.append(one)
        taken |= parts
    return tuple(told)


def _leads(pair: FreshWord, used: Mapping[str, Mapping[str, str]]) -> bool:
    return all(pair.people * 1000 >= SAME_MILLI * len(used[word]) for word in pair.word.split() if word in used)


# ---- who


def _first(words: Sequence[FreshWord], posts: Sequence[Said], root: Said | None, about: Vocabulary) -> First | None:
    """Where a conversation spreads, its first post; else the first post that uses the newest word."""
    if root is not None:
        return First(root.name, root.author or "", root.created_ms, root.url or "", began=True)
    if not words:
        return None
    newest = words[0].word
    using = (post for post in posts if newest in about.units(cluster_of(normalise(post.text))))
    first = min(using, key=_by_time, default=None)
    return None if first is None else First(first.name, first.author or "", first.created_ms, first.url or "")


def _busiest(posts: Sequence[Said]) -> tuple[Voice, ...]:
    """Who posted most; nobody who posted once."""
    voices = [voice for voice in _voices(posts) if voice.posts > 1]
    return tuple(sorted(voices, key=lambda v: (-v.posts, -(v.followers or 0), v.author))[:VOICES_SHOWN])


def _loudest(posts: Sequence[Said]) -> tuple[Voice, ...]:
    voices = [voice for voice in _voices(posts) if voice.followers]
    return tuple(sorted(voices, key=lambda v: (-(v.followers or 0), -v.posts, v.author))[:VOICES_SHOWN])


def _voices(posts: Sequence[Said]) -> list[Voice]:
    names: dict[str, list[str]] = {}
    followers: dict[str, int] = {}
    for post in posts:
        if post.author:
            names.setdefault(post.author, []).append(post.name)
            if post.followers is not None:
                followers[post.author] = max(post.followers, followers.get(post.author, 0))
    return [Voice(author, len(of), followers.get(author), tuple(of)) for author, of in names.items()]


def _tally(posts: Sequence[Said], what: Callable[[Said], str]) -> tuple[Tally, ...]:
    names: dict[str, list[str]] = {}
    for post in posts:
        names.setdefault(what(post), []).append(post.name)
    tallies = [Tally(one, len(of), tuple(of)) for one, of in names.items() if one]
    return tuple(sorted(tallies, key=lambda tally: (-tally.posts, tally.what)))
