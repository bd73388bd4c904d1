"""The story of a demo in words for a PR person: what was noticed, who was told or woken and why, who answered."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
from rich.console import Console
from rich.text import Text

from alerting.decision import Decision
from alerting.facts import Facts
from alerting.flowchart.model import Chart, Notify, Page
from alerting.incident import rank
from alerting.message import standing, terminal_card
from alerting.view import TELLS, WAKES, IncidentView, ShownPost, grown
from alerting.words import (
    clock_text,
    count_text,
    duration_text,
    is_friendly,
    kind_text,
    negative_text,
    percent,
    reason_words,
    sentence,
    severity_words,
)
from detectors.detector import Signal
from stream.brands import Brand
from stream.codec import MINUTE_MS
from stream.sources.text_store import TextStore
from stream.zones import local
from tocsin.fresh_words import Explainer
from tocsin.journal import Verdict
from tocsin.replay import ReplayResult
from tocsin.synthetic import BRAND

WIDTH = 100
"""Prose wider than this is tiring to read."""


class Beginning(NamedTuple):
    """The first post of something that makes people talk."""

    at_ms: int
    text: str


class Moment(NamedTuple):
    """A decision, and how the incident looked once it was taken."""

    decision: Decision
    view: IncidentView


class Story:
    """Gathers incidents as they unfold."""

    def __init__(self, *, chart: Chart, timezone: str, beginnings: Sequence[Beginning]) -> None:
        self.chart = chart
        self.timezone = timezone
        self.beginnings = tuple(beginnings)
        self.incidents: dict[str, list[Moment]] = {}

    def hear(self, decision: Decision) -> None:
        """Take in a decision."""
        moments = self.incidents.setdefault(decision.incident, [])
        before = moments[-1].view if moments else None
        say = self.chart.says(decision.node) if decision.kind in TELLS and not decision.action else ""
        view = msgspec.structs.replace(grown(before, decision, say), timezone=self.timezone)
        moments.append(Moment(decision, view))

    def began_ms(self, opened_ms: int) -> int | None:
        """When that began which an incident opened upon, if it is one of the made-up stories."""
        return max((b.at_ms for b in self.beginnings if b.at_ms <= opened_ms), default=None)

    def clock(self, at_ms: int) -> str:
        """The time of day where the brand lives."""
        return f"{local(at_ms, self.timezone):%H:%M}"

    def day(self, at_ms: int) -> str:
        """The date where the brand lives."""
        moment = local(at_ms, self.timezone)
        return f"{moment:%A} {moment.day} {moment:%B}"

    def people(self, targets: Sequence[str]) -> str:
        """Names of those behind roles, with their jobs."""
        names = []
        for name in self.chart.people(tuple(targets)):
            person = self.chart.responders[name]
            names.append(f"{person.name} ({person.title})" if person.title else person.name)
        return _and(names) or _and(list(targets))


# ---- the opening


def tell_opening(out: Console, seed: int, days: int) -> None:
    """What is about to happen."""
    span = f"{count_text(days)} days" if days != 14 else "A fortnight"
    _heading(out, "Tocsin demo")
    _say(
        out,
        f"{span} of posts about {BRAND}, a telephone company that does not exist, in English and Dutch: ordinary "
        "days, a giveaway that everybody likes, and an outage that turns into a crisis. Nobody tells the detectors "
        "what comes when. The posts go the way real ones go, only faster: read, matched, judged for tone, counted, "
        f"compared with the brand's own past, and walked through crisis_flowchart.yaml. (Seed {seed}; another --seed "
        "is another fortnight.)",
    )
    out.print()


# ---- one incident after the other


def tell_story(out: Console, story: Story, texts: TextStore | None) -> None:
    """Each incident as it unfolded; with the page as it looked, if there are texts to quote."""
    if not story.incidents:
        _say(out, "Nothing stood out: nobody was told anything.")
    for moments in story.incidents.values():
        _tell_incident(out, story, moments, texts)


def _tell_incident(out: Console, story: Story, moments: Sequence[Moment], texts: TextStore | None) -> None:
    first, worst = moments[0].decision, worst_of(moments)
    kind = kind_text(worst.view)
    _heading(out, f"{story.day(first.at_ms)}: {kind}")
    shown, day = False, story.day(first.at_ms)
    for moment in moments:
        at_ms = moment.decision.at_ms
        line = _line_of(story, moment)
        if line is not None:
            if story.day(at_ms) != day:
                day = story.day(at_ms)
                _line(out, f"  {day}")
            _at(out, story.clock(at_ms), *line)
        if moment.decision.kind == "Page" and texts is not None and not shown:
            shown = True
            _show_page(out, story, moment.view, texts)
    out.print()
    _say(out, _why(moments, worst))
    out.print()


def worst_of(moments: Sequence[Moment]) -> Moment:
    """The moment at which the incident was at its worst: the highest severity, then the most posts."""

    def badness(moment: Moment) -> tuple[int, int]:
        facts = moment.decision.facts or Facts()
        return rank(moment.decision.severity), facts.mentions

    return max(moments, key=badness)


def _line_of(story: Story, moment: Moment) -> tuple[str, str] | None:
    """What a moment says, and in which style; `None` for what only keeps the card fresh."""
    decision, view = moment
    severity, who = severity_words[decision.severity], story.people(decision.targets)
    if decision.kind == "OpenIncident":
        again = " again" if decision.reason == "flared_up" else ""
        return f"Noticed{again}. {sentence(view)}", ""
    if decision.kind == "NoPage":
        return f"{severity}. Nobody is bothered: {reason_words[decision.reason]}.", ""
    if decision.kind == "Notify":
        said = _asked(story, decision)
        return f"{severity}. Told, without waking anybody: {who}.{said}", ""
    if decision.kind == "Page":
        return f"{severity}. WOKEN: {who}.{_asked(story, decision)}", "bold red"
    if decision.kind == "Escalate":
        return f"{severity}. WOKEN NEXT, because {reason_words[decision.reason]}: {who}.", "bold red"
    if decision.kind == "StandDown":
        by = f" by {story.people([decision.note])}" if decision.note else ""
        return f"Over: {reason_words[decision.reason]}{by}. {standing(view)[-1].rpartition('. ')[2]}", "bold"
    if decision.reason == "acknowledged":
        return f"{story.people([decision.note])} presses Acknowledge. Nobody else is woken.", "bold green"
    if decision.reason == "owned":
        return f"{story.people([decision.note])} presses Own: everybody sees who leads.", "bold green"
    if decision.reason in ("severity_fell", "severity_rose"):
        return f"{severity}: {reason_words[decision.reason]}. The card is edited in place.", ""
    return None


def _asked(story: Story, decision: Decision) -> str:
    """What the flowchart says to those it reaches."""
    node = story.chart.nodes.get(decision.node)
    words = node.say if isinstance(node, Notify | Page) else None
    return f" “{words}”" if words else ""


def _show_page(out: Console, story: Story, view: IncidentView, texts: TextStore) -> None:
    out.print()
    _say(out, "The page as it arrives, in Slack with buttons, here as text:")
    card = terminal_card(with_posts(view, texts), min(out.width, WIDTH))
    out.print(card, markup=False, highlight=False, emoji=False, soft_wrap=True)
    out.print()


def with_posts(view: IncidentView, texts: TextStore) -> IncidentView:
    """The view with the posts it quotes and the words that are new, from the erasable store."""
    found = texts.get(view.exemplars)
    posts = tuple(
        ShownPost(p.text, p.author or "", p.url or "", p.source, p.followers, p.created_ms) for p in found.values()
    )
    explained = Explainer(texts, [Brand(BRAND, BRAND.casefold())]).explain(view)
    return msgspec.structs.replace(view, posts=posts, explanation=explained)


def _why(moments: Sequence[Moment], worst: Moment) -> str:
    """Why somebody was woken, or nobody."""
    woken = next((m for m in moments if m.decision.kind in WAKES), None)
    if woken is not None:
        findings = [finding_text(signal) for signal in woken.decision.signals]
        agree = f"{len(findings)} findings agree: " if len(findings) > 1 else ""
        return f"Why people were woken: {agree}{'; '.join(findings)}."
    facts = worst.decision.facts or Facts()
    counts = f"{count_text(facts.mentions)} posts in an hour are far more than the usual {count_text(facts.expected)}"
    if is_friendly(facts):
        usual = percent(facts.usual_negative_share_milli)
        return (
            f"Why nobody was woken: {counts}, but {negative_text(facts)}, against {usual} usually. "
            "Much talk alone wakes nobody; much angry talk does."
        )
    return f"Why nobody was woken: {counts}, but what was found did not reach the severity at which people are woken."


def finding_text(signal: Signal) -> str:
    """What a detector found, in words.

    >>> finding_text(Signal("volume", 700, True, 57, 10, 0, 1_800_000))
    '57 posts in 30 minutes where 10 are usual'
    """
    observed, expected, minutes = signal.observed, signal.expected, signal.window_ms // MINUTE_MS
    if signal.kind == "negativity":
        people, usual = int(signal.evidence.get("people", 0)), int(signal.evidence.get("usual_angry", 0))
        share = f"{percent(observed)} of the posts, where {percent(expected)} is usual"
        return f"{count_text(people)} angry people in {minutes} minutes, where {count_text(usual)} are usual: {share}"
    if signal.kind == "virality":
        what = "one text that many copy" if "cluster" in signal.evidence else "one conversation"
        return f"{what} with {observed} different people where {expected} would be many"
    return f"{count_text(observed)} posts in {minutes} minutes where {count_text(expected)} are usual"


# ---- the end


def tell_end(
    out: Console,
    story: Story,
    result: ReplayResult,
    verdict: Verdict,
    places: Mapping[str, Path],
    *,
    command: str,
) -> None:
    """What it came to, whether the journal verifies, and where things lie."""
    _heading(out, "What it came to")
    _say(out, _counts(result))
    out.print()
    for moments in story.incidents.values():
        _told_shortly(out, story, moments)
    for moments in story.incidents.values():
        times = _times(story, moments)
        if times:
            out.print()
            _say(out, times)
    out.print()
    if verdict.ok:
        words = (
            f"replayed from the journal alone, the fortnight gives the same {count_text(verdict.decisions)} decisions"
        )
        _say(out, f"Verified: {words}, to the byte.", "bold green")
    else:
        _say(out, f"NOT VERIFIED: {verdict.difference}", "bold red")
    out.print()
    _heading(out, "Where things lie")
    for name in ("journal", "decisions", "mentions", "texts"):
        _line(out, f"{name}: {places[name]}")
    out.print()
    _say(out, "What to try next")
    _line(out, f"  {command} verify {places['journal']}")
    again = f"{places['mentions']} --brand {BRAND}={BRAND.casefold()}"
    _line(out, f"  {command} replay {again}  (nobody answers: see who is next)")
    _line(out, f"  {command} run --help  (the same, live, with your brand and your Slack)")


def _counts(result: ReplayResult) -> str:
    m = {name: count_text(number) for name, number in result.mentions.items()}
    unjudged = f", {m['unscored']} in one where it cannot: counted, and never taken for neutral"
    return (
        f"{m['read']} posts read, {m['matched']} of them about {BRAND}: {m['responses']} its own answers, "
        f"{m['scored']} in a language whose tone can be judged{unjudged if result.mentions['unscored'] else ''}."
    )


def _told_shortly(out: Console, story: Story, moments: Sequence[Moment]) -> None:
    """One incident in a line or two: what, how bad, who was woken, how it ended."""
    first, worst, last = moments[0].decision, worst_of(moments), moments[-1]
    woken = tuple(dict.fromkeys(t for m in moments if m.decision.kind in WAKES for t in m.decision.targets))
    names = [story.chart.responders[name].name for name in story.chart.people(woken)]
    ended = f"over: {reason_words[last.decision.reason]}" if last.view.over else "still open"
    words = f"{kind_text(worst.view)}. {severity_words[worst.decision.severity]} at worst; "
    words += f"woken: {_and(names)}; {ended}." if names else f"nobody woken; {ended}."
    moment = local(first.at_ms, story.timezone)
    _at(out, f"{moment.day} {moment:%b %H:%M}".rjust(12), words[0].upper() + words[1:])


def _times(story: Story, moments: Sequence[Moment]) -> str:
    """From the first post of the crisis to the page and its acknowledgement; empty if nobody was woken."""
    opened = moments[0].decision.at_ms
    woken = next((m.decision.at_ms for m in moments if m.decision.kind in WAKES), None)
    began = story.began_ms(opened)
    if woken is None or began is None:
        return ""
    told = next((m.decision.at_ms for m in moments if m.decision.kind == "Notify"), woken)
    answered = next((m.decision.at_ms for m in moments if m.decision.reason == "acknowledged"), None)
    acknowledged = f", acknowledged {_span(woken, answered)} later" if answered is not None else ""
    return (
        f"The crisis: first post at {clock_text(began, story.timezone, began)}; noticed {_span(began, opened)} after "
        f"it; people told after {_span(began, min(told, woken))}; somebody woken after "
        f"{_span(began, woken)}{acknowledged}."
    )


def _span(from_ms: int, to_ms: int) -> str:
    return duration_text(round((to_ms - from_ms) / MINUTE_MS) * 60)


# ---- how it is printed: no colour carries a meaning that the words do not


def _heading(out: Console, words: str) -> None:
    out.print(Text(words, style="bold underline"))
    out.print()


def _say(out: Console, words: str, style: str = "") -> None:
    for row in _rows(out, words, style):
        out.print(row, highlight=False, soft_wrap=True)


def _rows(out: Console, words: str, style: str, margin: int = 0) -> list[Text]:
    """Broken at spaces, and nothing behind the last word: a file or a mail shows it as the terminal does."""
    rows = list(Text(words, style=style).wrap(out, max(20, min(out.width, WIDTH) - margin)))
    for row in rows:
        row.rstrip()
    return rows


def _at(out: Console, clock: str, words: str, style: str = "") -> None:
    margin = " " * (len(clock) + 4)
    for number, row in enumerate(_rows(out, words, style, len(margin))):
        before = (f"  {clock}  ", "bold") if number == 0 else margin
        out.print(Text.assemble(before, row), highlight=False, soft_wrap=True)


def _line(out: Console, words: str) -> None:
    out.print(words, markup=False, highlight=False, emoji=False, soft_wrap=True)


def _and(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
