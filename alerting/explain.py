"""Why people talk just now, in their own words: what is new, who said it first, who is heard most. Pure.

Explanation and never decision: it is worked out when a card is shown, from the texts that still exist, and what was
erased is simply not there. The texts are hostile; whatever leaves here is made inert where it is shown.

A word is new by its log-odds between the posts of the story and the brand's own past, shrunk by an informative
Dirichlet prior (Monroe, Colaresi, Quinn 2008, *Fightin' Words*, Political Analysis 16(4), p. 372-403). The unit is a
person and not a word: each author counts once for a word and each copied text once, so that a headline copied 249
times, or one account that posts a thousand times, makes no word new. Of a Dirichlet prior a single word sees a Beta;
its mass is that of `PRIOR_PEOPLE` who talk as the past does, and of one who says the word and one who does not.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain, pairwise
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
PRIOR_PEOPLE = 200.0
NEW_MILLI = 2_600
"""z (milli-units) from which a word is called new: made-up ordinary stories have none, and six people of sixty with a
word of their own are enough. Measured by `benchmarks/words.py`."""
WORDS_SHOWN = 4
SUBJECTS_SHOWN = 2
VOICES_SHOWN = 3
BUSY_POSTS = 3
SAME_MILLI = 700
"""Two words used by so many of the same people say one thing."""
FILLERS = {
    "en": "really says said say saying like know people thing things someone everyone came come comes coming going goes"
    " went made makes making does doing done having gets getting take takes took let lets back always something"
    " anything since ever even yet many lot actually literally while",
    "nl": "hoeveel waarom wanneer welke welk helemaal doet doe deed gedaan geeft gegeven kom komen kwam krijg krijgt"
    " krijgen maak maakt maken zeg zegt zei laat laten staat staan heel erg steeds mensen dingen iemand iedereen",
}
"""Words that hardly a sentence does without, beside those that tell one language from another."""
WORDS_PER_POST = 60
LONGEST_WORD = 40


_FILLERS = frozenset(word for written in FILLERS.values() for word in written.split())


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
    console_url: str = ""
    """Where the console shows all of it; empty where people have no address of one."""


class Vocabulary:
    """How posts about one brand are taken apart. Its own words say nothing new about it, nor do those of any sentence.

    Raises `QueryError` for a query that cannot be read.

    >>> about = Vocabulary(Brand("Acme", "acme OR acmecare*"))
    >>> [word for word in "the refund of acme is where acmecares".split() if about.tells(word)]
    ['refund']
    """

    __slots__ = ("_classifier", "_own", "_prefixes")

    def __init__(self, brand: Brand) -> None:
        terms = naming_terms(compile_query(brand.query).root) if brand.query else ()
        own = [normalise(brand.name), normalise(brand.name).replace(" ", ""), *map(normalise, brand.own_accounts)]
        own += [term.literal for term in terms if not term.prefix]
        # A handle is no word to `wording_of`; the same name without the `@` is one of the brand's.
        named = {word for one in own for word in wording_of(one.replace("@", " ")).split()}
        self._own = words_of(("en", "nl", *brand.languages)) | _FILLERS | named
        self._prefixes = tuple(sorted({wording_of(term.literal) for term in terms if term.prefix} - {""}))
        self._classifier = Classifier(dict(brand.issues))

    def subjects(self, normalised: str, lang: str | None) -> tuple[str, ...]:
        """The risk and issue classes of a text."""
        risks, issues = self._classifier.classes(normalised, lang or "")
        return (*risks, *issues)

    def tells(self, word: str) -> bool:
        """Whether a word could say what a story is about."""
        if word in self._own or not 1 < len(word) <= LONGEST_WORD or word.isdecimal():
            return False
        return not (self._prefixes and word.startswith(self._prefixes))


class _Text(NamedTuple):
    """A text that no earlier post had, and who wrote it."""

    post: Said
    voice: str
    normalised: str
    words: list[str]


class Texts:
    """What some posts say, each text once and with its first author: taken apart once, to be asked often."""

    __slots__ = ("found", "people", "posts")

    def __init__(self, posts: Iterable[Said]) -> None:
        self.posts = sorted(posts, key=_by_time)
        self.found: list[_Text] = []
        seen: set[str] = set()
        for post in self.posts:
            normalised = normalise(post.text)
            wording = cluster_of(normalised)
            if wording and wording not in seen:
                seen.add(wording)
                # Who posts without a name is a voice of his own.
                voice = post.author or f"\0{post.name}"
                self.found.append(_Text(post, voice, normalised, wording.split()[:WORDS_PER_POST]))
        self.people = len({text.voice for text in self.found})


def explain(
    now: Texts,
    past: Texts,
    about: Vocabulary,
    *,
    root: Said | None = None,
    early: Sequence[Said] = (),
    sampled: bool = False,
) -> Explanation:
    """What is new in the posts of a story (`now`) against the brand's past, and who is behind it.

    `root` is the first post of the conversation that spreads, if there is one and its text exists. `early` are the
    story's very first posts, where `now` is a sample of them (`sampled`). Posts may come in any order.

    >>> class Post(msgspec.Struct):
    ...     name: str
    ...     text: str
    ...     created_ms: int
    ...     author: str | None
    ...     followers: int | None = None
    ...     source: str = "x"
    ...     lang: str | None = "en"
    ...     url: str | None = None
    >>> past = Texts(Post(f"p{n}", f"acme number {n} is fine", n, f"a{n}") for n in range(400))
    >>> now = Texts(Post(f"n{n}", f"acme refund {n}", 1_000 + n, f"b{n}") for n in range(20))
    >>> found = explain(now, past, Vocabulary(Brand("Acme", "acme")))
    >>> [(one.word, one.people) for one in found.words], found.first.author
    ([('refund', 20)], 'b0')
    """
    odds = _Odds(now.people, past.people)
    words, voices = _words(now, past, about, odds), _voices(now.posts)
    return Explanation(
        words=words,
        subjects=_subjects(now, past, about, odds),
        first=_first(words, early, now, root),
        busiest=_busiest(voices),
        loudest=_loudest(voices),
        sources=_tally(now.posts, lambda post: post.source),
        languages=_tally(now.posts, lambda post: post.lang or ""),
        people=now.people,
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
        prior = 1.0 + PRIOR_PEOPLE * before / self._before
        rest = 1.0 + PRIOR_PEOPLE * (self._before - before) / self._before
        said, said_before = now + prior, before + prior
        odds = said / (self._people - now + rest)
        odds_before = said_before / (self._before - before + rest)
        return math.floor(1000 * logarithm(odds / odds_before) / math.sqrt(1.0 / said + 1.0 / said_before))


def _words(now: Texts, past: Texts, about: Vocabulary, odds: _Odds) -> tuple[FreshWord, ...]:
    # No more people than texts can have said something, and texts are counted quickly: few words are worth a look.
    often = Counter(chain.from_iterable(set(text.words) for text in now.found))
    single = frozenset(word for word, texts in often.items() if texts >= FEWEST_PEOPLE and about.tells(word))
    pairs = ([f"{a} {b}" for a, b in pairwise(text.words) if a in single and b in single] for text in now.found)
    units = ([*sorted(single.intersection(text.words)), *two] for text, two in zip(now.found, pairs, strict=True))
    wanted = _used(now, units)
    ranked = _ranked(wanted, _known(past, wanted), odds)
    return _each_thing_once(ranked, wanted)[:WORDS_SHOWN]


def _used(now: Texts, said: Iterable[Iterable[str]]) -> dict[str, dict[str, str]]:
    """By what was said: each voice, and the post in which it said so first. What too few said is left out."""
    used: dict[str, dict[str, str]] = {}
    for text, units in zip(now.found, said, strict=True):
        for unit in units:
            used.setdefault(unit, {}).setdefault(text.voice, text.post.name)
    return {unit: by for unit, by in used.items() if len(by) >= FEWEST_PEOPLE}


def _known(past: Texts, wanted: Iterable[str]) -> dict[str, int]:
    """How many people used each of these words and pairs in the past."""
    voices: dict[str, set[str]] = {unit: set() for unit in wanted}
    single = frozenset(unit for unit in voices if " " not in unit)
    firsts = frozenset(unit.partition(" ")[0] for unit in voices if " " in unit)
    for text in past.found:
        # Few words of an ordinary post are wanted: the intersection of sets is the quickest look.
        for word in sorted(single.intersection(text.words)):
            voices[word].add(text.voice)
        if not firsts.isdisjoint(text.words):
            for one, other in pairwise(text.words):
                pair = voices.get(f"{one} {other}") if one in firsts else None
                if pair is not None:
                    pair.add(text.voice)
    return {unit: len(by) for unit, by in voices.items()}


def _subjects(now: Texts, past: Texts, about: Vocabulary, odds: _Odds) -> tuple[FreshWord, ...]:
    wanted = _used(now, (about.subjects(text.normalised, text.post.lang) for text in now.found))
    voices: dict[str, set[str]] = {subject: set() for subject in wanted}
    for text in past.found if wanted else ():
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


def _first(words: Sequence[FreshWord], early: Sequence[Said], now: Texts, root: Said | None) -> First | None:
    """Where a conversation spreads, its first post; else the first post that uses the newest word."""
    if root is not None:
        return First(root.name, root.author or "", root.created_ms, root.url or "", began=True)
    if not words:
        return None
    newest = f" {words[0].word} "
    using = (post for post in sorted(early, key=_by_time) if newest in f" {cluster_of(normalise(post.text))} ")
    later = (text.post for text in now.found if newest in f" {' '.join(text.words)} ")
    first = next(chain(using, later), None)
    return None if first is None else First(first.name, first.author or "", first.created_ms, first.url or "")


def _busiest(everybody: Sequence[Voice]) -> tuple[Voice, ...]:
    """Who posted most, if that is worth a name."""
    voices = [voice for voice in everybody if voice.posts >= BUSY_POSTS]
    return tuple(sorted(voices, key=lambda v: (-v.posts, -(v.followers or 0), v.author))[:VOICES_SHOWN])


def _loudest(everybody: Sequence[Voice]) -> tuple[Voice, ...]:
    voices = [voice for voice in everybody if voice.followers]
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
