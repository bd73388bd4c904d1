"""Which column of an export is which field of a mention: as somebody says, or as a proposal to look at.

The proposals know the words that Dutch and English tools use. No file of a customer was to be had: what they say of
Coosto, OBI4wan (Spotler) and Zendesk is unverified, and nothing is taken in by a map that nobody has confirmed.
"""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from stream.sources.shapes import Rule, Shape
from stream.sources.tables import BadFile, Form
from stream.sources.values import BadValue, Dates, moment

NEEDED = ("created_at", "text")
TEXT_LIST = ("text", "\n\n")
"""What a plain list means for a text: title and body, one below the other. For other fields: the first that says
something."""

_WORDS: Mapping[str, tuple[str, ...]] = {
    "id": ("bericht id", "berichtid", "message id", "mention id", "post id", "ticket id", "external id", "id"),
    "created_at": (
        "datum/tijd",
        "datum en tijd",
        "plaatsingsdatum",
        "publicatiedatum",
        "date published",
        "published at",
        "published",
        "created at",
        "aangemaakt op",
        "aangemaakt",
        "geplaatst op",
        "created",
        "timestamp",
        "datum",
        "date",
    ),
    "author": (
        "auteur",
        "gebruikersnaam",
        "username",
        "author name",
        "author",
        "afzender",
        "aanvrager",
        "requester",
        "gebruiker",
        "naam",
        "van",
    ),
    "author_followers": ("aantal volgers", "volgers", "followers", "follower count"),
    "lang": ("taal", "language", "lang"),
    "url": ("permalink", "bron url", "post url", "link", "url"),
    "parent_id": ("antwoord op", "in reply to", "parent id", "reactie op"),
    "is_repost": ("is retweet", "is repost", "retweet"),
    "reposts": ("retweets", "aantal retweets", "gedeeld", "shares", "reposts"),
    "likes": ("likes", "aantal likes", "vind-ik-leuks", "favorites"),
    "replies": ("aantal reacties", "reacties", "comments", "replies"),
    "views": ("weergaven", "impressies", "views", "impressions"),
    "rating": ("beoordeling", "sterren", "rating", "stars"),
}
_TITLES = ("titel", "title", "onderwerp", "subject")
_TEXTS = (
    "bericht",
    "berichttekst",
    "tekst",
    "inhoud",
    "text",
    "message",
    "content",
    "omschrijving",
    "description",
    "body",
)
_TIMES = ("tijd", "tijdstip", "time")

TOOLS: Mapping[str, frozenset[str]] = {
    "Coosto": frozenset({"datum", "tijd", "bron", "auteur", "titel", "bericht", "url", "sentiment", "volgers"}),
    "OBI4wan (Spotler)": frozenset({"plaatsingsdatum", "auteur", "bericht", "kanaal", "link", "sentiment", "bereik"}),
    "Zendesk": frozenset({"ticket id", "subject", "description", "requester", "created at", "status", "channel"}),
}
"""Names of columns by which an export of a tool is thought to be known. Unverified."""
_ALIKE = 0.6


class ColumnMap(NamedTuple):
    """How the exports of one tool are read. Paths of the shape are names of columns."""

    shape: Shape
    delimiter: str | None = None
    """`None`: found out for each file."""
    encoding: str | None = None
    skip_lines: int | None = None


class Proposal(NamedTuple):
    """A map that may be right."""

    columns: ColumnMap
    tool: str
    """What it looks like an export of; empty: of nothing that is known. Unverified."""
    missing: tuple[str, ...]
    """Fields without which nothing can be taken, and for which no column was found."""


def resolved(columns: ColumnMap, form: Form) -> tuple[Shape, list[str]]:
    """The shape for one file, by the very names of its columns; and in words which columns it does not have.

    Capital letters and spaces do not matter. Raises `BadFile` if a field that is needed has no column.
    """
    by_fold = {fold(name): name for name in reversed(form.columns)}
    fields: dict[str, Rule] = {}
    absent: list[str] = []
    for field, rule in columns.shape.fields.items():
        found = tuple(by_fold[fold(path)] for path in rule.paths if fold(path) in by_fold)
        missing = [path for path in rule.paths if fold(path) not in by_fold]
        if missing and (not found or rule.join is not None):
            absent.append(_no_column(field, missing[0], form.columns))
        if found or rule.constant is not None:
            fields[field] = rule._replace(paths=found)
    for field in NEEDED:
        if field not in fields:
            why = next(
                (words for words in absent if words.startswith(f"{field}:")), f"{field}: no column is mapped to it"
            )
            raise BadFile("no_column", why)
    return columns.shape._replace(fields=fields, digest_ids=True), absent


def propose(form: Form, rows: Iterable[Mapping[str, str]], zone: str) -> Proposal:
    """A map for a file that nobody has described, from the names of its columns and some of its rows."""
    by_fold = {fold(name): name for name in reversed(form.columns)}
    fields: dict[str, Rule] = {}
    for field, names in _WORDS.items():
        if (column := _first(names, by_fold)) is not None:
            fields[field] = Rule((column,))
    texts = [column for names in (_TITLES, _TEXTS) if (column := _first(names, by_fold)) is not None]
    if texts:
        fields["text"] = Rule(tuple(texts), join="\n\n") if len(texts) > 1 else Rule((texts[0],))
    clock = _first(_TIMES, by_fold)
    if clock is not None and "created_at" in fields:
        fields["created_at"] = Rule((*fields["created_at"].paths, clock), join=" ")
    said = (
        [" ".join(row.get(name, "") for name in fields["created_at"].paths) for row in rows]
        if fields.get("created_at")
        else []
    )
    dates = Dates(zone, month_first=_month_first(said, zone))
    known = set(by_fold)
    tool = max(TOOLS, key=lambda name: len(TOOLS[name] & known) / len(TOOLS[name]))
    alike = len(TOOLS[tool] & known) / len(TOOLS[tool])
    shape = Shape(fields, dates=dates, digest_ids=True)
    missing = tuple(field for field in NEEDED if field not in fields)
    return Proposal(ColumnMap(shape), tool if alike >= _ALIKE else "", missing)


def written(columns: ColumnMap) -> dict[str, object]:
    """A map as it stands in a file: what `--map` reads, and `columns:` of a source."""
    shape = columns.shape
    fields: dict[str, object] = {}
    for field, rule in shape.fields.items():
        one: object = rule.paths[0] if len(rule.paths) == 1 else list(rule.paths)
        if rule.join is not None and (field, rule.join) != TEXT_LIST:
            one = {"join": list(rule.paths), "with": rule.join}
        elif rule.constant is not None:
            one = {"from": list(rule.paths), "constant": rule.constant} if rule.paths else {"constant": rule.constant}
        fields[field] = one
    whole: dict[str, object] = {"fields": fields, "zone": shape.dates.zone}
    more = {
        "month_first": shape.dates.month_first,
        "formats": list(shape.dates.formats),
        "html": shape.html,
        "delimiter": columns.delimiter,
        "encoding": columns.encoding,
        "skip_lines": columns.skip_lines,
    }
    return whole | {name: value for name, value in more.items() if value}


def fold(name: str) -> str:
    """A name as it is compared.

    >>> fold("  Bericht_ID "), fold("Créé")
    ('bericht id', 'créé')
    """
    return " ".join(name.replace("_", " ").casefold().split())


def _first(names: Sequence[str], by_fold: Mapping[str, str]) -> str | None:
    return next((by_fold[name] for name in names if name in by_fold), None)


def _no_column(field: str, wanted: str, columns: Sequence[str]) -> str:
    near = difflib.get_close_matches(fold(wanted)[:60], [fold(name)[:60] for name in columns[:200]], 1)
    like = next((name for name in columns if near and fold(name)[:60] == near[0]), None)
    shown = ", ".join(name[:40] for name in columns[:30])
    return f'{field}: there is no column "{wanted[:60]}"' + (f'; is it "{like}"?' if like else f"; there are: {shown}")


def _month_first(said: Sequence[str], zone: str) -> bool:
    """Whether dates can only be meant with the month first."""
    return any(not _reads(one, Dates(zone)) and _reads(one, Dates(zone, month_first=True)) for one in said)


def _reads(said: str, dates: Dates) -> bool:
    try:
        moment(said, dates)
    except BadValue:
        return False
    return True
