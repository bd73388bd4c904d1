"""A review: how an incident went, how long each thing took against what was promised, and what would have changed it.

Pure. `markdown` is one way to show it, the HTML page another; every word that comes from outside is inert in both.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import msgspec

from alerting.inert import one_line, plain, safe_url
from alerting.timeline import Timeline
from alerting.view import ShownPost
from alerting.words import byline, count_text, duration_text, kind_text, names_text, reason_words, sentence
from stream.zones import local

FigureName = Literal["detect", "page", "acknowledge", "own", "statement"]

FIGURES: dict[FigureName, tuple[str, str]] = {
    "detect": ("Time to detect", "from the first post until it was noticed"),
    "page": ("Time to page", "from noticed until the first page had arrived"),
    "acknowledge": ("Time to acknowledge", "from the first page until somebody had it"),
    "own": ("Time to own", "from the first page until somebody led"),
    "statement": ("Time to the first statement", "from noticed until we answered in public, or approved what to say"),
}
"""Each with what it measures."""


class Figure(msgspec.Struct, frozen=True):
    """How long one thing took, and how long it was allowed to take."""

    name: FigureName
    took_ms: int | None
    """`None`: it never came to it."""
    promised_ms: int | None = None
    """`None`: nothing is promised about it."""
    kept: bool | None = None
    """Whether the promise was kept; `None` where there is none, or where that is still open."""

    @property
    def title(self) -> str:
        """Its name in words."""
        return FIGURES[self.name][0]

    @property
    def measures(self) -> str:
        """From when to when it is taken."""
        return FIGURES[self.name][1]

    @property
    def took(self) -> str:
        """How long it took, in words.

        >>> Figure("own", 90_000).took, Figure("own", None).took
        ('1 min 30 s', 'never')
        """
        return "never" if self.took_ms is None else duration_text(self.took_ms // 1000)

    @property
    def promised(self) -> str:
        """What was promised, in words; "" for nothing."""
        return "" if self.promised_ms is None else duration_text(self.promised_ms // 1000)

    @property
    def verdict(self) -> str:
        """Whether it was kept, in a word that needs no colour."""
        if self.promised_ms is None:
            return "nothing promised"
        return {True: "kept", False: "missed", None: "still open"}[self.kept]


class Quoted(msgspec.Struct, frozen=True):
    """A post as a review quotes it: all of it inert, and an address only where it is safe to press."""

    byline: str
    text: str
    url: str = ""
    shown_url: str = ""


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """One incident, looked back upon."""

    timeline: Timeline
    figures: tuple[Figure, ...]
    drill: bool = False
    speed: int = 1
    """How many times faster than the clock on the wall a drill went."""
    posts: tuple[Quoted, ...] = ()
    erased: int = 0
    """Posts that it rested upon and that nobody can read any more."""
    findings: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    """What would have kept people asleep, each run again to be sure."""
    notes: tuple[str, ...] = ()
    """What the reader should know about the review itself."""
    names: dict[str, str] = {}
    """By which names people are shown, by their ids in the timeline."""
    picture: str = ""
    """What the picture of observed and expected shows, in words."""

    @property
    def title(self) -> str:
        """Brand and kind of it."""
        worst = self.timeline.worst
        return f"{'DRILL · ' if self.drill else ''}{one_line(worst.brand, 60) or '?'}: {kind_text(worst)}"

    @property
    def missed(self) -> tuple[Figure, ...]:
        """The promises that were not kept."""
        return tuple(figure for figure in self.figures if figure.kept is False)


def figures_of(story: Timeline, promises: Mapping[str, int]) -> tuple[Figure, ...]:
    """The times of an incident against the chart's promises. `promises` says within how long a page must reach
    somebody, by severity.

    What nobody was woken for has no time to acknowledge and none to own.
    """
    begun = story.first_page_ms
    found = [
        _figure("detect", story.first_post_ms, story.noticed_ms, None, story),
        _figure(
            "page", story.noticed_ms, story.page_sent_ms or begun, promises.get(story.worst.severity), story
        ) if begun else None,
        _figure(
            "acknowledge", begun, story.acknowledged_ms, story.ack_by_ms - begun if story.ack_by_ms else None, story
        ),
        _figure("own", begun, story.owned_ms, None, story),
        _figure("statement", story.noticed_ms, story.statement_ms, _statement_bound(story), story),
    ]  # fmt: skip
    return tuple(figure for figure in found if figure is not None)


def _statement_bound(story: Timeline) -> int | None:
    clocks = [clock for clock in story.promises if clock.promised == "first_response"]
    return clocks[0].red_ms - story.noticed_ms if clocks else None


def _figure(name: FigureName, from_ms: int, at_ms: int, promised_ms: int | None, story: Timeline) -> Figure | None:
    if not from_ms:
        return None
    took_ms = max(0, at_ms - from_ms) if at_ms else None
    kept: bool | None = None
    if promised_ms is not None:
        over = story.until_ms - from_ms > promised_ms or story.ended_ms > 0
        kept = took_ms <= promised_ms if took_ms is not None else (False if over else None)
    return Figure(name, took_ms, promised_ms, kept)


def quoted(post: ShownPost, zone: str, today_ms: int) -> Quoted:
    """A post made inert for a review."""
    shown = one_line(post.url, 200) if post.url else ""
    text = plain(post.text, 600, 4) or "(no text)"
    return Quoted(byline(post, zone, today_ms), text, safe_url(post.url) or "", shown)


def inert_lines(lines: Sequence[str]) -> tuple[str, ...]:
    """Lines that may name a node, a channel or a source, each on one line and inert.

    >>> inert_lines(["told\\nana"])
    ('told ana',)
    """
    return tuple(one_line(line, 400) or "?" for line in lines)


# ---- in words


def clock(at_ms: int, zone: str, today_ms: int) -> str:
    """A time of day to the second, with the date where it is another day's.

    >>> clock(1_772_442_001_000, "Europe/Amsterdam", 1_772_442_001_000)
    '10:00:01'
    """
    moment, today = local(at_ms, zone), local(today_ms, zone)
    date = "" if moment.date() == today.date() else f"{moment.day} {moment:%b} "
    return f"{date}{moment:%H:%M:%S}"


def summary(review: Review) -> list[tuple[str, str]]:
    """What stands at the head of a review: names and values, inert."""
    story = review.timeline
    worst, last, zone = story.worst, story.last, story.zone
    opened = local(story.noticed_ms, zone)
    rows = [
        ("Incident", one_line(story.incident, 120)),
        ("Noticed", f"{opened:%A} {opened.day} {opened:%B %Y}, {opened:%H:%M:%S %Z}"),
        ("At worst", f"{worst.severity}, {kind_text(worst)}"),
        ("Woken", names_text(tuple(review.names.get(who, who) for who in story.paged), 12) or "nobody"),
    ]
    if story.acknowledged_by:
        rows.append(("Acknowledged by", one_line(review.names.get(story.acknowledged_by, story.acknowledged_by), 60)))
    if last.owner:
        rows.append(("Led by", one_line(review.names.get(last.owner, last.owner), 60)))
    ended = f"{reason_words[last.reason]}, {clock(story.ended_ms, zone, story.noticed_ms)}" if story.ended_ms else ""
    lasted = f" after {duration_text((story.ended_ms - story.noticed_ms) // 1000)}" if story.ended_ms else ""
    rows.append(("Ended", f"{ended}{lasted}" if ended else "not yet"))
    if story.failed:
        rows.append(("Could not be delivered", f"{count_text(story.failed)} messages"))
    if review.drill:
        rows.append(("Drill", f"nothing of this was real; {review.speed} times the speed of the clock"))
    return rows


def lead(review: Review) -> str:
    """What it was, at its worst, in a sentence or two."""
    return sentence(review.timeline.worst)


def real_time(figure: Figure, review: Review) -> str:
    """How long a drill's people really took; "" for anything else."""
    if review.speed <= 1 or figure.took_ms is None or figure.name == "detect":
        return ""
    seconds_milli = figure.took_ms // review.speed
    return f"{seconds_milli / 1000:.0f} s" if seconds_milli >= 10_000 else f"{seconds_milli / 1000:.1f} s"


def listing(rows: Sequence[tuple[str, str]]) -> str:
    """Names and values as a list of Markdown."""
    return "\n".join(f"- **{name}:** {marked(value)}" for name, value in rows)


_MARKUP = re.compile(r"[\\`*_{}\[\]#!|~$^]|^[-+=>:]|(?<=^\d)[.)]|(?<=^\d\d)[.)]|(?<=^\d\d\d)[.)]")
"""What begins markup anywhere, and what does at the beginning of a line. Addresses were defanged before."""


def marked(text: str) -> str:
    """Inert text as it may stand anywhere in Markdown: nothing in it is markup, a mention or HTML.

    >>> marked("![x](javascript:alert(1)) <b> @all")
    '\\\\!\\\\[x\\\\](javascript:alert(1)) &lt;b&gt; ＠all'
    >>> marked("1. *now*"), marked("- 3.5 times")
    ('1\\\\. \\\\*now\\\\*', '\\\\- 3.5 times')
    """
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@", "＠")
    return _MARKUP.sub(lambda found: f"\\{found[0]}", " ".join(escaped.split()))


def markdown(review: Review, picture: str = "") -> str:
    """The review as Markdown; `picture` is the name of a file beside it, if there is one."""
    return "\n\n".join(part for part in _parts(review, picture) if part) + "\n"


def _parts(review: Review, picture: str) -> Iterator[str]:
    story = review.timeline
    yield f"# {marked(review.title)}"
    if review.drill:
        yield "**DRILL: nothing of this was real.**"
    yield marked(lead(review))
    yield listing(summary(review))
    yield "## How long it took"
    yield _table(review)
    if picture:
        yield f"![{marked(review.picture)}]({picture})"
    elif review.picture:
        yield marked(review.picture)
    yield "## What happened"
    yield "\n".join(
        f"- **{clock(one.at_ms, story.zone, story.noticed_ms)}** {marked(one.words)}" for one in story.moments
    )
    for heading, lines in (
        ("What was found", review.findings),
        ("The path through the flowchart", review.path),
        ("What would have let people sleep", review.changes),
    ):
        if lines:
            yield f"## {heading}"
            yield "\n".join(f"- {marked(line)}" for line in lines)
    if review.posts or review.erased:
        yield "## What people wrote"
        yield from _quotations(review)
    if review.notes:
        yield "\n".join(f"- {marked(note)}" for note in review.notes)


def _table(review: Review) -> str:
    real = review.speed > 1
    head = ["", "took", *(["really"] if real else []), "promised", ""]
    rows = [head, ["---"] * len(head)]
    for one in review.figures:
        took = [marked(one.took), *([marked(real_time(one, review))] if real else [])]
        rows.append([f"**{one.title}**, {one.measures}", *took, marked(one.promised) or "-", one.verdict])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _quotations(review: Review) -> Iterator[str]:
    for post in review.posts:
        link = f" [open]({post.url.replace('(', '%28').replace(')', '%29')})" if post.url else ""
        body = "\n".join(f"> {marked(line)}" for line in post.text.splitlines())
        yield f"{body}\n>\n> {marked(post.byline)}{link}"
    if review.erased:
        yield marked(erased_words(review.erased))


def erased_words(number: int) -> str:
    """What is said of posts that were erased.

    >>> erased_words(1)
    '1 post that this rested upon was erased, and cannot be quoted.'
    """
    many = number != 1
    return (
        f"{count_text(number)} post{'s' * many} that this rested upon {'were' if many else 'was'} erased, "
        "and cannot be quoted."
    )
