"""Signals fused: what kind of trouble this is, how bad, and why.

The severity is read off a declared table, first row that holds. It looks at what the detectors found against the
brand's own past, and asks for negativity or risk before it wakes anybody: good news that goes viral is a notice.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from alerting.facts import Facts
from detectors.coordination import Coordination, coordination_of
from detectors.detector import Signal
from stream.codec import HOUR_MS, MINUTE_MS
from stream.pulse import Counts
from stream.sketches import distinct, distinct_bits
from stream.window import Thread, Window

WEEKDAYS = 5
ORDINARY_MILLI = 30_000
"""So many posts as come every day (thirty times a month) are nothing unusual."""

RISKY_POSTS = 3
RISKY_SHARE_MILLI = 50
"""So many posts with a risk class, and such a share of all, make it a fact of the incident; fewer are anecdotes."""


class Assessment(msgspec.Struct, frozen=True):
    """What the signals amount to at one grid point."""

    scenario: str
    severity: str
    reasons: tuple[str, ...]
    """The rows of the tables that decided, in words."""
    facts: Facts
    signals: tuple[Signal, ...]


class SeverityRow(NamedTuple):
    """One row of the severity table."""

    severity: str
    words: str
    holds: Callable[[dict[str, Signal], Facts], bool]


def _thread(found: dict[str, Signal]) -> bool:
    """A conversation grows; a text that many copy may be a headline, and says nothing of who is angry."""
    return "virality" in found and "thread" in found["virality"].evidence


def _many(found: dict[str, Signal]) -> bool:
    """Anger comes with more posts than an ordinary day brings, and not only with another tone."""
    rate = found["negativity"].evidence.get("rate_milli", 0) if "negativity" in found else ORDINARY_MILLI
    return isinstance(rate, int) and rate < ORDINARY_MILLI


def _pages(found: dict[str, Signal], kind: str) -> bool:
    return kind in found and found[kind].page


SEVERITY_TABLE: tuple[SeverityRow, ...] = (
    SeverityRow(
        "critical",
        "a risk to people or their data, volume far beyond this brand's past, and more angry people than chance brings",
        lambda found, f: (
            bool(f.risks) and _pages(found, "volume") and _pages(found, "negativity") and f.negative_voices >= 15
        ),
    ),
    SeverityRow(
        "critical",
        "volume and anger both far beyond this brand's past, at five times the usual volume or more",
        lambda found, f: (
            _pages(found, "volume")
            and _pages(found, "negativity")
            and f.volume_ratio_milli >= 5000
            and f.negative_voices >= 40
        ),
    ),
    SeverityRow(
        "high",
        "more angry people than the page budget lets pass as chance",
        lambda found, f: _pages(found, "negativity"),
    ),
    SeverityRow("high", "one complaint grows as none of this brand's did", lambda found, f: _pages(found, "virality")),
    SeverityRow(
        "high",
        "a risk to people or their data, unusual volume, and more angry people than usual",
        lambda found, f: bool(f.risks) and ("volume" in found or _thread(found)) and "negativity" in found,
    ),
    SeverityRow(
        "medium",
        "beyond what this brand's ordinary days bring",
        lambda found, f: "volume" in found or "virality" in found or _many(found),
    ),
    SeverityRow("low", "the tone has turned, at no more posts than usual", lambda found, f: True),
)


Declared = Callable[[Facts], tuple[str, str] | None]
"""The severity and its words by a table of the flowchart's own; `None` where it has none."""


def assess(signals: Sequence[Signal], facts: Facts, declared: Declared = lambda _: None) -> Assessment | None:
    """Fuse what the detectors found about the brand (feed signals are about ourselves and left out).

    The severity is that of `SEVERITY_TABLE`, unless the flowchart declares a table of its own: that one may ask for the
    severity which the shipped one gives.

    >>> assess([], Facts()) is None
    True
    """
    found: dict[str, Signal] = {s.kind: s for s in signals if s.kind != "feed"}
    if not found:
        return None
    row = next(row for row in SEVERITY_TABLE if row.holds(found, facts))
    scenario, why = scenario_of(found, facts)
    facts = msgspec.structs.replace(facts, scenario=scenario, severity=row.severity)
    severity, words = declared(facts) or (row.severity, row.words)
    facts = msgspec.structs.replace(facts, severity=severity)
    return Assessment(scenario, severity, (words, why), facts, tuple(found[k] for k in sorted(found)))


def scenario_of(found: dict[str, Signal], facts: Facts) -> tuple[str, str]:
    """Which of the shipped scenarios this looks like, and why; the first that fits."""
    if "data_breach" in facts.risks:
        return "data_security", "posts speak of a data breach"
    if "outage" in facts.issues:
        return "service_outage", "posts speak of an outage"
    if "campaign" in facts.issues:
        return "campaign_blunder", "posts speak of a campaign"
    thread_share = facts.thread_posts * 2 >= facts.mentions if facts.mentions else False
    if "virality" in found and (thread_share or "volume" not in found):
        return "viral_complaint", "one conversation carries it"
    return "backlash", "many people at once"


class Surroundings(NamedTuple):
    """What the facts need from outside the window."""

    brand: str
    hour: int
    weekday: int
    expected_per_hour: int
    usual_negative_share_milli: int
    blind: bool
    unmeasured: frozenset[str] = frozenset()
    """Sources whose terms forbid to measure spam: with posts of one among them nothing is said of coordination."""


def facts_of(window: Window, signals: Sequence[Signal], around: Surroundings) -> Facts:
    """The facts of the last hour, as the flowchart may ask for them."""
    counts = window.counts(HOUR_MS)
    found = {s.kind: s for s in signals}
    thread = _leading_thread(window, found.get("virality"))
    texts = distinct(counts.texts)
    volume = found.get("volume")
    measured = around.unmeasured.isdisjoint(counts.sources)
    arranged = coordination_of(window, HOUR_MS) if measured else Coordination()
    return Facts(
        brand=around.brand,
        mentions=counts.mentions,
        expected=around.expected_per_hour,
        volume_ratio_milli=_ratio_milli(volume, counts.mentions, around.expected_per_hour),
        judged=counts.scored,
        negative=counts.negative,
        negative_share_milli=_share(counts.negative, counts.scored),
        usual_negative_share_milli=around.usual_negative_share_milli,
        voices=distinct(counts.authors),
        negative_voices=distinct(counts.negative_authors),
        texts=texts,
        loudest_voice_share_milli=_share(window.loudest_voice(HOUR_MS), counts.mentions),
        coordinated=arranged.possibly,
        repeated_share_milli=arranged.repeated_share_milli,
        thread_posts=thread.posts if thread else 0,
        thread_voices=distinct_bits(int(thread.voices, 16)) if thread else 0,
        thread_negative_share_milli=_share(thread.negative, thread.scored or thread.posts) if thread else 0,
        reach=counts.reach_sum,
        new_accounts=counts.new_accounts,
        risks=_risks(counts),
        issues=_issues(counts),
        sources=tuple(sorted(counts.sources)),
        languages=tuple(sorted(counts.languages)),
        signals=tuple(sorted(found)),
        volume_score_milli=_score(volume),
        negativity_score_milli=_score(found.get("negativity")),
        virality_score_milli=_score(found.get("virality")),
        responses=counts.responses,
        unanswered_share_milli=_share(*window.unanswered(HOUR_MS)),
        blind=around.blind,
        hour=around.hour,
        weekday=around.weekday,
        business_hours=around.weekday <= WEEKDAYS and 9 <= around.hour < 18,
        chance_milli=_chance_milli(signals),
        z_milli=max((z for s in signals if isinstance(z := s.evidence.get("z_milli", 0), int)), default=0),
        persistence=max((window.at_ms - s.since_ms for s in signals), default=0) // MINUTE_MS,
    )


def _risks(counts: Counts) -> tuple[str, ...]:
    floor = max(RISKY_POSTS, counts.mentions * RISKY_SHARE_MILLI // 1000)
    return tuple(sorted(k for k, n in counts.risks.items() if n >= floor))


def _issues(counts: Counts) -> tuple[str, ...]:
    """What at least a fifth of the negative posts (and at least five posts) complain about."""
    floor = max(5, counts.negative // 5)
    return tuple(sorted(k for k, n in counts.issues.items() if n >= floor))


def _leading_thread(window: Window, virality: Signal | None) -> Thread | None:
    if virality is not None:
        key = virality.evidence.get("thread") or virality.evidence.get("cluster")
        named = window.threads.get(str(key)) or window.clusters.get(str(key))
        if named is not None:
            return named
    ranked = [(-thread.posts, thread.first_ms, key) for key, thread in window.threads.items()]
    return window.threads[min(ranked)[2]] if ranked else None


def _ratio_milli(volume: Signal | None, mentions: int, expected: int) -> int:
    if volume is not None:
        return volume.observed * 1000 // max(volume.expected, 1)
    return mentions * 1000 // max(expected, 1)


def _share(part: int, whole: int) -> int:
    return part * 1000 // whole if whole else 0


def _chance_milli(signals: Sequence[Signal]) -> int:
    """Of the rarest finding that pages, else of the rarest; 0 where none says how rare it is.

    >>> pages = Signal("volume", 900, True, 9, 1, since_ms=0, window_ms=1, evidence={"chance_milli": 400})
    >>> tells = Signal("negativity", 600, False, 9, 1, since_ms=0, window_ms=1, evidence={"chance_milli": 90})
    >>> _chance_milli([pages, tells]), _chance_milli([tells]), _chance_milli([])
    (400, 90, 0)
    """
    about = [s for s in signals if s.kind != "feed"]
    paging = [s for s in about if s.page]
    for some in (paging, about):
        known = [s.evidence["chance_milli"] for s in some if "chance_milli" in s.evidence]
        if known:
            # Rarer than can be said in thousandths is still known to be rare.
            return max(1, min(int(chance) for chance in known))
    return 0


def _score(signal: Signal | None) -> int:
    return signal.score if signal is not None else 0
