"""EDGE. `tocsin review`: an incident looked back upon, from the journal and the erasable store of texts.

Nothing is decided anew but what would have let people sleep, which is run again from the journal to be sure of it.
"""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from markupsafe import Markup

from alerting.decision import Decision
from alerting.facts import rank
from alerting.inert import one_line
from alerting.naming import NameOf
from alerting.review import (
    Review,
    clock,
    erased_words,
    figures_of,
    inert_lines,
    lead,
    markdown,
    quoted,
    real_time,
    summary,
)
from alerting.timeline import Act, Sending, Timeline, timeline
from alerting.view import WAKES, ShownPost
from alerting.words import kind_text, names_text, reason_words, scenario_text
from stream.codec import digest, rfc3339
from stream.sources.text_store import TextStore
from tocsin import drawing, reports
from tocsin.acts_told import ERASED_NOTE, act_of
from tocsin.drawing import Series
from tocsin.drill_file import read_drill
from tocsin.entry import Answer, ConfigChange, Control, DeliveryReport
from tocsin.explaining import explain, figures, finding_of
from tocsin.incident_series import incident_series, title_of
from tocsin.journal import Journal, open_existing
from tocsin.mistakes import UsageError
from tocsin.paper import template
from tocsin.reports import Renewed, Report
from tocsin.state import DRILL, Content, Contents

POSTS_QUOTED = 5


class Quotes(NamedTuple):
    """What a review quotes: names of posts, and digests of notes."""

    directory: Path
    """Of the journal and its texts."""
    posts: tuple[str, ...]
    notes: tuple[str, ...]


class Reviewed(NamedTuple):
    """A review and the numbers of its picture."""

    review: Review
    series: Series | None
    quotes: Quotes | None = None
    """What it quotes of the store that an erasure reaches."""


class IncidentLine(msgspec.Struct, frozen=True):
    """An incident in a list of them."""

    incident: str
    brand: str
    severity: str
    """The highest it reached."""
    what: str
    scenario: str
    is_friendly: bool
    """Whether `what` says that it is not negative."""
    noticed: str
    ended: str = ""
    because: str = ""
    woken: tuple[str, ...] = ()


class _Heard(NamedTuple):
    """What the entries say about one incident, and about its brand's configuration."""

    acts: list[Act]
    sendings: list[Sending]
    content: Content | None
    until_ms: int
    notes: list[str]
    """Digests of what people wrote."""
    began_ms: int = 0
    """When the journal began: before that nobody listened."""


def incidents(path: Path) -> list[IncidentLine]:
    """Every incident of a journal, the latest first. Raises `JournalError`."""
    journal = open_existing(path)
    try:
        by_id: dict[str, list[Decision]] = {}
        for recorded in journal.decisions():
            by_id.setdefault(recorded.decision.incident, []).append(recorded.decision)
    finally:
        journal.close()
    return [_line(name, own) for name, own in reversed(by_id.items()) if any(d.kind != "NoPage" for d in own)]


def _line(name: str, own: Sequence[Decision]) -> IncidentLine:
    story = timeline(name, own)
    worst = max(own, key=lambda one: rank(one.severity))
    return IncidentLine(
        incident=name,
        brand=own[0].brand,
        severity=worst.severity,
        what=kind_text(story.worst),
        scenario=story.worst.scenario,
        is_friendly=kind_text(story.worst) != scenario_text(story.worst.scenario),
        noticed=rfc3339(own[0].at_ms),
        ended=rfc3339(story.ended_ms) if story.ended_ms else "",
        because=own[-1].reason if story.ended_ms else "",
        woken=story.paged,
    )


def review(path: Path, incident: str, *, counterfactual: bool = True) -> Reviewed:
    """Look back upon an incident of a journal; its texts are read from `texts.db` beside it, where that is.

    `counterfactual` also runs the journal again to find what would have let people sleep.

    Raises `UsageError` where the journal has no such incident, `JournalError` or `StoreError` for files that cannot be
    read.
    """
    journal = open_existing(path)
    texts = _texts(path.parent / "texts.db")
    try:
        decisions = _decisions(journal, path, incident)
        own = [one for one in decisions if one.incident == incident]
        heard = _heard(journal, incident, own[0], texts)
        contents = journal.contents()
        zone = heard.content.timezone if heard.content is not None else "UTC"
        story = timeline(
            incident,
            decisions,
            acts=heard.acts,
            sendings=heard.sendings,
            zone=zone,
            first_post_ms=_first_post_ms(own, texts),
            until_ms=heard.until_ms,
            name_of=_name_of(heard.content, contents),
        )
        found = _told(story, own, heard.content, contents, texts)
        quotes = Quotes(path.parent.absolute(), *_quotes(own, heard.notes, texts))
    finally:
        journal.close()
        if texts is not None:
            texts.close()
    series = _series(own, story, heard.began_ms)
    picture = drawing.alt_text(series) if series is not None else ""
    changes = _changes(path, incident) if counterfactual and story.first_page_ms else ()
    drill = read_drill(path.parent) if found.drill else None
    speed = drill.speed if drill is not None else 1
    return Reviewed(msgspec.structs.replace(found, changes=changes, picture=picture, speed=speed), series, quotes)


def _texts(path: Path) -> TextStore | None:
    return TextStore(path) if path.is_file() else None


def _decisions(journal: Journal, path: Path, incident: str) -> list[Decision]:
    found = [recorded.decision for recorded in journal.decisions()]
    brand = next((one.brand for one in found if one.incident == incident), None)
    if brand is None:
        known = list(dict.fromkeys(one.incident for one in found if one.kind != "NoPage"))
        listed = f"; it has {', '.join(known[-10:])}" if known else "; it has none"
        raise UsageError(f"{path}: there is no incident `{incident}`{listed}")
    return [one for one in found if one.brand == brand]


def _heard(journal: Journal, incident: str, first: Decision, texts: TextStore | None) -> _Heard:
    acts: list[Act] = []
    sendings: list[Sending] = []
    content, until_ms, began_ms, notes = "", 0, 0, []
    for entry in journal.entries():
        until_ms, began_ms = max(until_ms, entry.at_ms), began_ms or entry.at_ms
        event = entry.event.event if isinstance(entry.event, Control) else None
        if isinstance(event, Answer) and event.incident == incident:
            acts.append(_act(event, texts))
            notes.append(event.note_digest)
        elif isinstance(event, DeliveryReport) and event.incident == incident:
            sendings.append(
                Sending(at_ms=event.at_ms, key=event.key, way=event.way, outcome=event.outcome, detail=event.detail)
            )
        elif isinstance(event, ConfigChange) and event.brand == first.brand and entry.at_ms <= first.at_ms:
            content = event.digest
    told = journal.contents().content(content) if content else None
    return _Heard(acts, sendings, told, until_ms, notes, began_ms)


def _act(answer: Answer, texts: TextStore | None) -> Act:
    note = texts.note(answer.note_digest) if texts is not None and answer.note_digest else None
    if answer.note_digest and note is None:
        note = ERASED_NOTE
    return act_of(answer, note or "")


def _first_post_ms(own: Sequence[Decision], texts: TextStore | None) -> int:
    """When the first post was written of all that the first finding rests upon; 0 where no text tells."""
    found = next(([s.since_ms for s in one.signals if s.kind != "feed"] for one in own if one.signals), [])
    since_ms = min(found, default=0)
    if texts is None or not since_ms:
        return 0
    earliest = texts.earliest(own[0].brand, since_ms, own[0].at_ms + 1, 20)
    return next((post.created_ms for post in earliest if not post.own), 0)


def _page(own: Sequence[Decision]) -> Decision:
    return next((one for one in own if one.kind in WAKES), max(own, key=lambda one: rank(one.severity)))


def _posts(own: Sequence[Decision]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for one in (_page(own), *own) for name in one.exemplars))[:POSTS_QUOTED]


def _quotes(
    own: Sequence[Decision], notes: Sequence[str], texts: TextStore | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The posts and notes that are there to be quoted."""
    if texts is None:
        return (), ()
    return tuple(texts.get(_posts(own))), tuple(d for d in dict.fromkeys(notes) if d and texts.note(d) is not None)


def _told(
    story: Timeline, own: Sequence[Decision], content: Content | None, contents: Contents, texts: TextStore | None
) -> Review:
    page = _page(own)
    promises: dict[str, int] = {}
    if content is not None:
        promises |= dict(contents.chart(content.chart).written.promise_pages.items())
    names = _posts(own)
    found = texts.get(names) if texts is not None else {}
    posts = [
        ShownPost(p.text, p.author or "", p.url or "", p.source, p.followers, p.created_ms) for p in found.values()
    ]
    notes = [] if texts is not None else ["The texts of the posts lie elsewhere, or are not kept: none is quoted."]
    name_of = _name_of(content, contents)
    return Review(
        timeline=story,
        names={who: name_of(who) for who in (*story.paged, story.acknowledged_by, story.last.owner) if who},
        figures=figures_of(story, promises),
        drill=content is not None and content.mode.startswith(DRILL),
        posts=tuple(quoted(post, story.zone, story.noticed_ms) for post in posts),
        erased=len(names) - len(found) if texts is not None else 0,
        findings=inert_lines([figures(finding_of(signal)) for signal in page.signals]),
        path=inert_lines(page.path),
        notes=tuple(notes),
    )


def _name_of(content: Content | None, contents: Contents) -> NameOf:
    """Whom the flowchart means that was in force when it began."""
    return contents.chart(content.chart).name_of if content is not None else str


def _series(own: Sequence[Decision], story: Timeline, began_ms: int) -> Series | None:
    return incident_series(own, title=title_of(story.worst), zone=story.zone, heard_from_ms=began_ms)


def _changes(path: Path, incident: str) -> tuple[str, ...]:
    try:
        return inert_lines(explain(path, incident).in_words)
    except UsageError:  # there is no page to explain, or the journal holds another beginning
        return ()


# ---- how it is shown


def as_markdown(reviewed: Reviewed) -> str:
    """The review as Markdown, with its picture in words."""
    return markdown(reviewed.review)


def html(reviewed: Reviewed) -> str:
    """The review as one page that asks for nothing from outside."""
    found, series = reviewed.review, reviewed.series
    story = found.timeline
    return template("review.html.j2").render(
        review=found,
        lead=lead(found),
        summary=summary(found),
        figures=[(one, real_time(one, found)) for one in found.figures],
        moments=[(clock(one.at_ms, story.zone, story.noticed_ms), one) for one in story.moments],
        # our own drawing: every word in it was escaped when it was drawn
        picture=Markup(drawing.svg(series)) if series is not None else "",  # noqa: S704
        erased=erased_words(found.erased) if found.erased else "",
    )


def as_json(reviewed: Reviewed) -> dict[str, Any]:
    """The review for a script: figures in milliseconds, moments with their times."""
    found, story = reviewed.review, reviewed.review.timeline
    return {
        "incident": story.incident,
        "brand": story.brand,
        "drill": found.drill,
        "speed": found.speed,
        "severity": story.worst.severity,
        "scenario": story.worst.scenario,
        "noticed": rfc3339(story.noticed_ms),
        "ended": rfc3339(story.ended_ms) if story.ended_ms else None,
        "paged": list(story.paged),
        "figures": [
            {"name": one.name, "took_ms": one.took_ms, "promised_ms": one.promised_ms, "kept": one.kept}
            for one in found.figures
        ],
        "moments": [{"at": rfc3339(one.at_ms), "kind": one.kind, "words": one.words} for one in story.moments],
        "findings": list(found.findings),
        "path": list(found.path),
        "changes": list(found.changes),
        "posts": [msgspec.to_builtins(post) for post in found.posts],
        "erased": found.erased,
    }


def write(reviewed: Reviewed, out: Path, form: str) -> list[Path]:
    """Write a review as `html` or `markdown`, the latter with its picture beside it, and note where it is. Returns the
    files.
    """
    files = _written(reviewed, out, form)
    if reviewed.quotes is not None:
        with contextlib.suppress(OSError):  # a journal in a directory that nobody may write to is somebody's copy
            _note(reviewed, out, form)
    return files


def renew(directory: Path) -> Renewed:
    """Write the reviews of this directory's journal anew that quote what was erased since. Raises `StoreError`."""
    path, kept = directory / "journal.db", directory / "texts.db"
    if not (reports.reports(directory) and path.is_file() and kept.is_file()):
        return Renewed()
    texts = TextStore(kept)

    def again(one: Report) -> None:
        found = review(path, one.incident, counterfactual=False)
        whole = msgspec.structs.replace(found.review, changes=one.changes)
        write(found._replace(review=whole), Path(one.path), one.form)

    try:
        return reports.renew(directory, texts, again)
    finally:
        texts.close()


def _note(reviewed: Reviewed, out: Path, form: str) -> None:
    assert reviewed.quotes is not None
    directory, posts, notes = reviewed.quotes
    reports.note(
        directory,
        Report(
            path=str(out.absolute()),
            incident=reviewed.review.timeline.incident,
            form=form,
            posts=posts,
            notes=notes,
            changes=reviewed.review.changes,
            digest=digest(out.read_bytes()),
        ),
    )


def _written(reviewed: Reviewed, out: Path, form: str) -> list[Path]:
    if form == "html":
        out.write_text(html(reviewed), encoding="utf-8")
        return [out]
    files = [out]
    beside = out.with_suffix(".svg")
    if reviewed.series is not None:
        if beside == out:
            raise UsageError(f"{out}: is where the picture of the review goes; name it {out.stem}.md")
        beside.write_text(drawing.svg(reviewed.series), encoding="utf-8")
        files.append(beside)
    out.write_text(markdown(reviewed.review, beside.name if len(files) > 1 else ""), encoding="utf-8")
    return files


def list_lines(found: Sequence[IncidentLine]) -> Iterator[str]:
    """The incidents for a terminal."""
    if not found:
        yield "There is no incident in this journal."
    for one in found:
        ended = f"ended {one.ended[:16].replace('T', ' ')}" if one.ended else "open"
        why = f" ({reason_words.get(one.because, one.because)})" if one.because else ""  # type: ignore[call-overload]
        woken = f"woken: {names_text(one.woken, 12)}" if one.woken else "nobody woken"
        yield f"{one_line(one.incident, 120)}  {one.severity}, {one_line(one.what, 80)}"
        yield f"    noticed {one.noticed[:16].replace('T', ' ')} UTC, {ended}{why}; {woken}"
