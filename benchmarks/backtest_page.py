"""What `benchmarks.backtest` found, as a page: the bars, the figures by brand, every incident, and the pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from alerting.facts import BLIND
from alerting.incident import rank
from alerting.view import WAKES
from benchmarks import nab, recorded
from benchmarks.curves import Curves
from benchmarks.plots import Strip
from benchmarks.recorded import Event, Known, Recorded, Seen, Verdict
from stream.codec import DAY_MS, MINUTE_MS, parse_rfc3339

if TYPE_CHECKING:
    from benchmarks.backtest import Counted, Outcome

NOBODY, NOTICE, PAGE = "", "notice", "page"
LEVELS = (NOBODY, NOTICE, PAGE)
HEAD = """# Back-test of {day}

Made by `make backtest` from recordings that are not part of the repository (their text belongs to others), with the
shipped settings and the shipped flowchart, and nobody who acknowledges. No post is quoted here. How the thresholds come
about, and what was tried and left, is in [decision 0006](../decisions/0006-the-page-budget.md).
"""
COUNTS = """## Counts: brands of the Numenta Anomaly Benchmark

Five-minute counts of posts that name a listed company, 26 February to 22 April 2015, row by row through the detector
behind `tocsin detect --interval 5m`. *Onset*: a row was told from 30 minutes before to 2 hours after the labelled
instant. *False*: rows that were told outside every labelled window, a brand and week; each row costs. The windows are
about 33 hours wide and {windows} in number: one of them is 6 points, so read the figures by brand as examples.
"""
FITTED = """The last two columns hold what is believed of a brand before a day of it was seen (median and scale of a
day's greatest deviation in standard deviations, and for how many days the belief counts): as chosen on the other four,
from a grid of 36, by the standard score. The best for all five is {best}: {score} in sample.
"""
TEXTS = """## Texts: recorded brands

An incident that is reopened within a day keeps its id; it stands here once for each time. *Due* is what a person who
knew what happened would have wanted; all else was for nothing.
"""

ANGER_UNIT = "natural logarithm of the days one would wait for the like by chance"


class Row(NamedTuple):
    """One incident, from its opening to its end."""

    opened: str
    scenario: str
    severity: str
    """The highest it reached, and the scenario then."""
    noticed: str
    paged: str
    closed: str
    events: tuple[Event, ...]

    @property
    def level(self) -> str:
        """What came of it."""
        return PAGE if self.paged else NOTICE if self.noticed else NOBODY


# --- bars -------------------------------------------------------------------------------------------------------------


def verdicts(outcome: Outcome) -> list[Verdict]:
    """Every bar that could be held against something."""
    counted = counts_verdicts(outcome.counted) if outcome.counted is not None else []
    return counted + recorded.verdicts(outcome.seen)


def counts_verdicts(counted: Counted) -> list[Verdict]:
    """The bars of the counted brands: found with each brand left out, and as shipped."""
    out, pages = nab.figures(counted.left.found), nab.figures(counted.left.found, pages=True)
    inside, ours = nab.figures(counted.left.in_sample), nab.figures(counted.shipped)
    ours_pages = nab.figures(counted.shipped, pages=True)
    over = round(inside.standard - out.standard, 1)
    wide = round(out.windows * 12 / 17)
    return [
        Verdict("NAB, each brand left out: standard score of at least 70", out.standard >= 70, f"{out.standard}"),
        Verdict("NAB, in sample at most 6 points above that", over <= 6, f"{over:+} ({inside.standard})"),
        Verdict("NAB, as shipped: 78, and 66 for few false alarms", _goal(ours), f"{ours.standard}, {ours.low_fp}"),
        Verdict(
            f"NAB, onset in at least {wide} of {out.windows}: left out, as shipped",
            min(out.onset, ours.onset) >= wide,
            f"{out.onset}, {ours.onset}",
        ),
        Verdict(
            "NAB, at most .7 false rows a brand and week: left out, as shipped",
            max(out.false_rows_per_week, ours.false_rows_per_week) <= 0.7,
            f"{out.false_rows_per_week}, {ours.false_rows_per_week}",
        ),
        Verdict(
            "NAB, pages: F1 of at least .65: left out, as shipped",
            min(pages.f1, ours_pages.f1) >= 0.65,
            f"{pages.f1}, {ours_pages.f1}",
        ),
        Verdict(
            "NAB, pages: at most .25 false a brand and week: left out, as shipped",
            max(pages.false_rows_per_week, ours_pages.false_rows_per_week) <= 0.25,
            f"{pages.false_rows_per_week}, {ours_pages.false_rows_per_week}",
        ),
    ]


def _goal(found: nab.Figures) -> bool:
    return found.standard >= 78 and found.low_fp >= 66


# --- the page ---------------------------------------------------------------------------------------------------------


def page(outcome: Outcome, found: Sequence[Verdict], day: str) -> str:
    """The whole page."""
    missed = sum(not one.met for one in found)
    text = [HEAD.format(day=day), f"{len(found) - missed} of {len(found)} bars are met.", ""]
    text += ["| asked | measured | |", "|---|---|---|"]
    text += [f"| {one.words} | {one.because} | {'met' if one.met else '**missed**'} |" for one in found]
    text += ["", *_absent(outcome)]
    if outcome.counted is not None:
        text += _counts(outcome.counted, day)
    if outcome.seen:
        text += [TEXTS]
    for key, seen in outcome.seen.items():
        text += _text(recorded.recorded(key), seen, day)
    return "\n".join(text)


def _absent(outcome: Outcome) -> list[str]:
    missing = [one.key for one in recorded.RECORDINGS if one.key not in outcome.seen]
    missing += ["nab"] if outcome.counted is None else []
    return [f"Not at hand or not asked for, and skipped: {', '.join(missing)}.", ""] if missing else []


def _counts(counted: Counted, day: str) -> list[str]:
    left, priors = counted.left, counted.left.chosen
    windows = nab.figures(counted.shipped).windows
    text = [COUNTS.format(windows=windows)]
    text += ["| brand | windows | hit | onset | false | pages hit | false pages | standard | left out | believed |"]
    text += ["|---|---|---|---|---|---|---|---|---|---|"]
    for ours, out in zip(counted.shipped, left.found, strict=True):
        text.append(_brand_row(_brand(ours.name), [ours], [out], _prior(priors[out.name])))
    text.append(_brand_row("all", counted.shipped, left.found, ""))
    best = _prior(left.best)
    text += ["", FITTED.format(best=best, score=nab.figures(left.in_sample).standard)]
    return [*text, f"![Scores and thresholds of the counted brands]({day}/nab.svg)", ""]


def _brand_row(name: str, ours: Sequence[nab.Detected], out: Sequence[nab.Detected], believed: str) -> str:
    told, pages, left = nab.figures(ours), nab.figures(ours, pages=True), nab.figures(out)
    cells = [
        name, told.windows, told.hit, told.onset, told.false_rows_per_week, pages.hit, pages.false_rows_per_week,
        told.standard, left.standard, believed,
    ]  # fmt: skip
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def _brand(file: str) -> str:
    return file.removesuffix(".csv").rpartition("_")[2]


def _prior(prior: tuple[float, float, int]) -> str:
    return f"{prior[0] / 1000:g}, {prior[1] / 1000:g}, {prior[2]} d"


def _text(one: Recorded, seen: Seen, day: str) -> list[str]:
    m = seen.result.mentions
    text = [
        f"### {one.key}",
        "",
        one.what,
        "",
        f"    {one.call}",
        "",
        f"{m['matched']:,} posts; {seen.result.blind} times blind; {seen.result.mentions_per_second:,} posts a second.",
        "",
    ]
    found = rows(seen.events)
    if found:
        text += [_for_nothing(found, one.known, seen), ""]
        text += ["| opened (UTC) | what, at worst | told | woken | ended | known, and the delay | due |"]
        text += ["|---|---|---|---|---|---|---|", *(_incident(row, found, one.known) for row in found), ""]
    else:
        text += ["No incident.", ""]
    text += [f"**Nobody heard** of what began at {_time(k.at)}: {k.what}." for k in unheard(found, one.known)]
    text += [""] if text[-1] else []
    return [*text, f"![Scores and thresholds of {one.key}]({day}/{one.key}.svg)", ""]


def rows(events: Sequence[Event]) -> list[Row]:
    """The incidents about the brand, each from opening to end; a reopened one is a row of its own."""
    spells: list[list[Event]] = []
    current: dict[str, list[Event]] = {}
    for event in events:
        if event.scenario == BLIND or event.kind == "NoPage":
            continue
        if event.kind == "OpenIncident" or event.incident not in current:
            current[event.incident] = []
            spells.append(current[event.incident])
        current[event.incident].append(event)
    return [_row(spell) for spell in spells]


def _row(spell: Sequence[Event]) -> Row:
    worst = max(spell, key=lambda event: rank(event.severity))

    def first(*kinds: str) -> str:
        return next((event.at for event in spell if event.kind in kinds), "")

    return Row(
        spell[0].at, worst.scenario, worst.severity, first("Notify"), first(*WAKES), first("StandDown"), tuple(spell)
    )


def wanted(row: Row, known: Sequence[Known]) -> str:
    """What was due of all that an incident may be about."""
    return max((one.due for one in known if heard(row, one) is not None), key=LEVELS.index, default=NOBODY)


def _for_nothing(found: Sequence[Row], known: Sequence[Known], seen: Seen) -> str:
    told = [row for row in found if row.level and not wanted(row, known)]
    woken = [row for row in found if row.paged and wanted(row, known) != PAGE]
    days = len({at_ms // DAY_MS for at_ms in seen.curves.volume})
    return f"On {days} days that were judged, {len(told)} were told and {len(woken)} woke somebody without being due."


def _incident(row: Row, among: Sequence[Row], known: Sequence[Known]) -> str:
    matched = [(one, heard(row, one)) for one in known]
    named = [(one, event) for one, event in matched if event is not None]
    said = "; ".join(_delay(one, event, row, among) for one, event in named) or "nothing known"
    cells = [_time(row.opened), f"{row.scenario}, {row.severity}"]
    cells += [_time(at) if at else "-" for at in (row.noticed, row.paged, row.closed)]
    return f"| {' | '.join([*cells, said, due(row.level, wanted(row, known))])} |"


def heard(row: Row, known: Known) -> Event | None:
    """When somebody was told of something known, by this incident; where nobody was, when it was opened for it."""
    then = [event for event in row.events if known.at <= event.at < known.until]
    told = next((event for event in then if event.kind in ("Notify", *WAKES)), None)
    return told or next((event for event in then if event.kind == "OpenIncident"), None)


def unheard(found: Sequence[Row], known: Sequence[Known]) -> list[Known]:
    """What was due and came to nobody's ears."""
    return [one for one in known if one.due and not any(row.level and heard(row, one) is not None for row in found)]


def _delay(known: Known, event: Event, row: Row, among: Sequence[Row]) -> str:
    first = next(one for one in among if heard(one, known) is not None)
    if first is not row:
        return f"{known.what}: again"
    minutes = (parse_rfc3339(event.at) - parse_rfc3339(f"{known.at}:00Z")) // MINUTE_MS
    return f"{known.what}: {minutes} min"


def due(came: str, asked: str) -> str:
    """Whether what came was what was wanted.

    >>> due("page", "notice"), due("notice", "page"), due("", ""), due("notice", "notice"), due("notice", "")
    ('no: a notice was', 'no: a page was', 'nobody was told', 'yes', 'no')
    """
    if came == asked:
        return "yes" if asked else "nobody was told"
    return f"no: a {asked} was" if asked else "no"


def _time(at: str) -> str:
    return at[:16].replace("T", " ")


# --- pictures ---------------------------------------------------------------------------------------------------------


def pictures(outcome: Outcome) -> dict[str, tuple[str, list[Strip]]]:
    """By name: a title and its strips."""
    found: dict[str, tuple[str, list[Strip]]] = {}
    if outcome.counted is not None:
        counted = outcome.counted
        strips = [_counted_strip(one, curves) for one, curves in zip(counted.shipped, counted.curves, strict=True)]
        found["nab"] = ("Posts by five minutes: how far each brand stood out", strips)
    for key, seen in outcome.seen.items():
        one = recorded.recorded(key)
        known = [(parse_rfc3339(f"{k.at}:00Z"), parse_rfc3339(f"{k.until}:00Z")) for k in one.known]
        told = [(parse_rfc3339(e.at), PAGE if e.kind in WAKES else NOTICE) for e in _told(seen.events)]
        strips = [
            Strip("posts", seen.curves.volume, known=known, told=told),
            Strip("anger", seen.curves.anger, ANGER_UNIT, known, told),
        ]
        found[key] = (one.call, strips)
    return found


def _told(events: Sequence[Event]) -> list[Event]:
    return recorded.within(events, ("Notify", *WAKES))


def _counted_strip(one: nab.Detected, curves: Curves) -> Strip:
    told = [(nab.ms_of(at), PAGE if paged else NOTICE) for at, score, paged in one.rows if score >= 500]
    known = [(nab.ms_of(since), nab.ms_of(until)) for since, until in nab.windows(one.name)]
    return Strip(_brand(one.name), curves.volume, known=known, told=told)
