"""From brands' queries to the rules of X's filtered stream: never narrower, and wider where X has no word for it.

What comes is matched again by the brand's own query, so a rule that brings too much costs money, and one that brings
too little loses posts. X matches a quoting post by what it quotes too: a word that must not be there would drop posts
that do not say it themselves, so what a query excludes is let in again where a post quotes.

Source: docs.x.com, "Build a rule" and "Operators" of the filtered stream.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from stream.query import Field, Near, Node, Not, Or, Term
from stream.query_parser import QueryError, compile_query
from stream.sources.x_language import (
    EVERYTHING,
    NOTHING,
    Expression,
    OneOf,
    Said,
    Unsayable,
    all_of,
    excludes,
    let_in,
    one_of,
    pieces,
    spoken,
    stands_alone,
)
from stream.text import normalise

RULE_LENGTH = 1_024
"""Characters of a rule, pay-per-use. Source: docs.x.com, "Filtered Stream", access levels."""
MOST_RULES = 1_000
TAG = "tocsin:"
"""Begins the tag of every rule of ours: no other rule is ever taken away."""

_HANDLE = re.compile(r"[A-Za-z0-9_]{1,15}\Z")
_HASHTAG = re.compile(r"(?=.*[^\W\d_])\w+\Z")
_PLAIN = re.compile(r"[^\W_]+\Z")
_WRITTEN = re.compile(r'["“”„]([^"“”]*)["“”]|(?:[a-z]+:)?([^\s()"“”„]+)')
_LANGUAGES = re.compile(
    "am|ar|hy|eu|bg|ca|hr|cs|da|nl|en|et|fi|fr|de|ka|el|gu|hu|it|ja|kn|ko|lv|lt|ml|no|fa|pl|pt|ro|ru|sr|sk|sl|es|sv|ta"
    "|te|th|tr|uk|ur|vi"
)
"""Codes that X and ISO share; Hebrew, Hindi, Indonesian and Chinese have others, or more than one, on X."""


class Subject(NamedTuple):
    """What is listened for."""

    brand: str
    query: str | None
    """In the language of `stream.query`."""
    own_accounts: tuple[str, ...] = ()


class Rule(NamedTuple):
    """A rule as X takes it."""

    value: str
    tag: str


class Limits(NamedTuple):
    """What X takes, and what is not wanted."""

    length: int = RULE_LENGTH
    rules: int = MOST_RULES
    reposts: bool = True
    """Whether reposts are wanted: they cost as much as a post."""


class Plan(NamedTuple):
    """The rules for all brands, and what X cannot be told."""

    rules: tuple[Rule, ...]
    widened: tuple[str, ...] = ()
    """What X is told more generally than the query says it: more is read, and paid for, than is kept."""
    unsaid: tuple[str, ...] = ()
    """Brands for which there is no rule that would not bring all of X; each with what to do."""


class Held(NamedTuple):
    """A rule that X has."""

    id: str
    value: str
    tag: str = ""


class Steps(NamedTuple):
    """What brings X's rules in step with ours."""

    add: tuple[Rule, ...]
    delete: tuple[Held, ...]
    foreign: tuple[Held, ...]
    """Rules of somebody else under the same app: they stay, and what they match comes to us and costs."""


_QUOTE = Said("is:quote", alone=False)


def plan(subjects: Sequence[Subject], source: str, limits: Limits = Limits()) -> Plan:  # noqa: B008 - a plain tuple
    """Rules for all brands that listen to a source.

    >>> for rule in plan([Subject("Acme", "acme lang:nl NOT looney")], "x").rules:
    ...     print(rule.value)
    (acme OR #acme OR @acme) lang:nl -looney
    (acme OR #acme OR @acme) lang:nl is:quote
    >>> print(*plan([Subject("Acme", "acme*")], "x").unsaid)
    X cannot be told the query of 'Acme' (it would match everything); give it one for X alone under `queries`.
    """
    rules: dict[str, Rule] = {}
    widened: dict[str, None] = {}
    unsaid: list[str] = []
    for one in subjects:
        notes: list[str] = []
        try:
            for value in _values(one, source, limits, notes):
                rules.setdefault(value, Rule(value, TAG + one.brand))
        except (Unsayable, QueryError) as why:
            reason = str(why).partition("\n")[0]
            words = f"X cannot be told the query of {one.brand!r} ({reason})"
            unsaid.append(f"{words}; give it one for X alone under `queries`.")
        widened |= dict.fromkeys(f"X is told more than the query of {one.brand!r} says: {note}." for note in notes)
    if len(rules) > limits.rules:
        unsaid.append(f"There are {len(rules)} rules needed and X takes {limits.rules}; shorten the queries.")
    return Plan(tuple(rules.values()), tuple(widened), tuple(unsaid))


def steps(held: Sequence[Held], rules: Sequence[Rule]) -> Steps:
    """What to add and what to take away; a rule that is there already, be it somebody else's, is left alone.

    >>> steps([Held("1", "old", "tocsin:A"), Held("2", "mine", "")], [Rule("new", "tocsin:A")])
    Steps(add=(Rule(value='new', tag='tocsin:A'),), delete=(Held(id='1', value='old', tag='tocsin:A'),), \
foreign=(Held(id='2', value='mine', tag=''),))
    """
    wanted = {rule.value for rule in rules}
    there: set[str] = set()
    delete, foreign = [], []
    for one in held:
        if not one.tag.startswith(TAG):
            foreign.append(one)
        elif one.value not in wanted or one.value in there:
            delete.append(one)
            continue
        there.add(one.value)
    return Steps(tuple(rule for rule in rules if rule.value not in there), tuple(delete), tuple(foreign))


def _values(one: Subject, source: str, limits: Limits, notes: list[str]) -> Iterator[str]:
    """The rules of one brand, as X takes them. Raises `Unsayable` or `QueryError`."""
    if one.query is None:
        raise Unsayable("it has none, so that it would match everything")
    found = _Translation(one.query, source, notes).expression
    handles = [account.removeprefix("@") for account in one.own_accounts]
    own = [Said(f"from:{handle}") for handle in handles if _HANDLE.match(handle)]
    if found != NOTHING and not stands_alone(found):
        raise Unsayable("it would match everything")
    whole = one_of((found, *own))
    if whole == NOTHING:
        return  # what it asks for comes from other sources alone
    without = "" if limits.reposts else " -is:retweet"
    expressions = [whole]
    if excludes(whole):
        expressions.append(all_of((let_in(whole), _QUOTE)))
    room = limits.length - len(without)
    for expression in expressions:
        for piece in pieces(expression, room, limits.rules):
            text = spoken(piece)
            yield f"({text}){without}" if without and isinstance(piece, OneOf) else text + without


class _Translation:
    """One query in X's words; what was widened goes to `notes`."""

    def __init__(self, query: str, source: str, notes: list[str]) -> None:
        self._source = normalise(source)
        self._notes = notes
        self._spellings = spellings(query)
        self.expression = self._of(compile_query(query).root)

    def _of(self, node: Node) -> Expression:
        if isinstance(node, Term):
            return self._term(node)
        if isinstance(node, Field):
            return self._field(node)
        if isinstance(node, Near):
            self._notes.append("what must stand near each other may stand anywhere in the post")
            return all_of(one_of(map(self._term, side)) for side in (node.left, node.right))
        if isinstance(node, Or):
            return one_of(map(self._of, node.parts))
        if isinstance(node, Not):
            return NOTHING if self._excluded(node.part) is None else EVERYTHING
        excluded: list[str] = []
        for part in node.parts:
            if isinstance(part, Not):
                more = self._excluded(part.part)
                if more is None:
                    return NOTHING
                excluded += more
        return all_of((self._of(part) for part in node.parts if not isinstance(part, Not)), tuple(excluded))

    def _term(self, term: Term) -> Expression:
        if term.prefix:
            self._notes.append(f"{term.literal}*: X knows whole words alone; write them out to read less")
            return EVERYTHING
        said = [said for spelling in self._spellings.get(term.literal, (term.literal,)) for said in _sayings(spelling)]
        if not said:
            self._notes.append(f"{term.literal}: X does not find signs alone")
            return EVERYTHING
        return one_of(map(Said, dict.fromkeys(said)))

    def _field(self, field: Field) -> Expression:
        value = field.value
        if field.name == "source":
            return EVERYTHING if self._is_ours(field) else NOTHING
        if not field.prefix:
            if field.name == "author" and _HANDLE.match(value):
                return Said(f"from:{value}")
            if field.name == "lang" and _LANGUAGES.fullmatch(value):
                return Said(f"lang:{value}", alone=False)
            if field.name == "url":
                return Said(f'url:"{_quotable(value)}"')
        self._notes.append(f"{field.name}:{value}{'*' * field.prefix}: X has no word for it")
        return EVERYTHING

    def _is_ours(self, field: Field) -> bool:
        return self._source.startswith(field.value) if field.prefix else self._source == field.value

    def _excluded(self, node: Node) -> list[str] | None:
        """What of a `NOT` X can be told so that it drops no post which the query would keep; `None`: all is excluded.

        X's phrases overlook punctuation and its addresses are cut into words: both would drop more than ours do.
        """
        if isinstance(node, Or):
            parts = [self._excluded(part) for part in node.parts]
            return None if any(part is None for part in parts) else [said for part in parts for said in part or ()]
        if isinstance(node, Field):
            if node.name == "source":
                return None if self._is_ours(node) else []
            said = self._field(node)
            return [f"-{said.words}"] if isinstance(said, Said) and node.name in ("author", "lang") else []
        if isinstance(node, Term) and not node.prefix:
            sign = node.literal[:1] if node.literal[:1] in ("@", "#") else ""
            bare = node.literal.removeprefix(sign)
            if (_HANDLE if sign == "@" else _PLAIN).match(bare) and bare not in ("or", "and", "not"):
                return [f"-{node.literal}"]
        self._notes.append("a NOT that X would take too widely is applied here alone")
        return []


def spellings(query: str) -> Mapping[str, tuple[str, ...]]:
    """How a query writes its words where that is not how they are compared: X finds accents only where a rule has them.

    >>> dict(spellings('"Café Acme" OR zürich*'))
    {'cafe acme': ('cafe acme', 'café acme'), 'zurich': ('zurich', 'zürich')}
    """
    found: dict[str, dict[str, None]] = {}
    for match in _WRITTEN.finditer(query):
        written = " ".join((match[1] or match[2] or "").rstrip("*").lower().split())
        compared = normalise(written)
        if compared and compared != written:
            found.setdefault(compared, {compared: None})[written] = None
    return {compared: tuple(written) for compared, written in found.items()}


def _sayings(literal: str) -> Iterator[str]:
    """A word or phrase in X's operators; a word is looked for as a hashtag and as a handle too, for ours finds them."""
    sign = literal[:1] if literal[:1] in ("@", "#") else ""
    bare = literal.removeprefix(sign)
    if sign == "@" and _HANDLE.match(bare):
        yield f"@{bare}"
        return
    if sign == "#" and _HASHTAG.match(bare):
        yield f"#{bare}"
        return
    quotable = _quotable(bare)
    if not any(character.isalnum() for character in quotable):
        if len(quotable.split()) == 1 and not quotable.isascii():
            yield quotable  # an emoji is a word of its own
        return
    yield bare if _PLAIN.match(bare) and bare not in ("or", "and", "not") else f'"{quotable}"'
    if _HASHTAG.match(bare):
        yield f"#{bare}"
    if _HANDLE.match(bare):
        yield f"@{bare}"


def _quotable(text: str) -> str:
    return " ".join(text.replace('"', " ").replace("\\", " ").split())
