"""The page receipt: which path, which figures by what margin, and the smallest change that would have prevented it.

A receipt is worked out from the journal alone. Nothing in it is remembered words: the page is decided again on the way,
and every change that is named was run.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from alerting.decision import Decision
from alerting.facts import BLIND
from alerting.view import WAKES
from detectors.detector import Signal
from stream.codec import HOUR_MS, MINUTE_MS, rfc3339
from stream.zones import local
from tocsin.entry import Entry, Part
from tocsin.journal import Journal, open_existing
from tocsin.mistakes import UsageError
from tocsin.preventing import REACHES_BACK_MS, Change, Search
from tocsin.rerun import Moment, moment
from tocsin.state import state_from

LOOKS_ON_MS = 6 * HOUR_MS
"""So far a receipt looks for when somebody would have been woken nevertheless."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A detector's finding behind a page, with its margin."""

    kind: str
    score_milli: int
    observed: int
    expected: int
    since: str
    window_minutes: int
    z_milli: int | None = None
    threshold_milli: int | None = None
    margin_milli: int | None = None
    """How far beyond the threshold."""
    pages: bool = False
    """Strong enough by itself to wake somebody, if negativity or risk agree."""


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """Why a page went out."""

    incident: str
    page: str
    """Key of the decision."""
    at: str
    brand: str
    scenario: str
    severity: str
    reason: str
    woken: tuple[str, ...]
    node: str
    why: str
    path: tuple[str, ...]
    """The walked path, each condition with its value and margin."""
    evidence: tuple[str, ...]
    """Names of the posts."""
    findings: tuple[Finding, ...]
    changes: tuple[Change, ...]
    """Verified by running the journal again, least first."""
    in_words: tuple[str, ...]
    """The changes as a reader is told them, in the same order."""


def journal_of(data: Path | None, journal: Path | None) -> Path:
    """The journal that a call means. Raises `UsageError` unless exactly one of the two is given."""
    if (data is None) == (journal is None):
        raise UsageError("say where the journal is: --data DIR (of a service or the demo) or --journal FILE")
    return journal if journal is not None else (data or Path()) / "journal.db"


def explain(path: Path, incident: str, *, page: int = 1) -> Receipt:
    """The receipt of an incident's n-th page.

    Raises `UsageError` when the journal has no such page, `JournalError` when it cannot be read.
    """
    journal = open_existing(path)
    try:
        return _explained(journal, incident, page)
    finally:
        journal.close()


def search_of(journal: Journal, incident: str, number: int = 1) -> Search:
    """What looks for the changes that would have prevented an incident's n-th page. Raises as `explain` does."""
    recorded = [(one.entry_seq, one.decision) for one in journal.decisions()]
    own = [(seq, decision) for seq, decision in recorded if decision.incident == incident]
    pages = [(seq, decision) for seq, decision in own if decision.kind in WAKES]
    if not own:
        known = list(dict.fromkeys(decision.incident for _, decision in recorded if decision.kind in WAKES))
        listed = f"; it woke people for: {', '.join(known[-10:])}" if known else "; it woke nobody"
        raise UsageError(f"{journal.path}: there is no incident `{incident}`{listed}")
    if not pages:
        raise UsageError(f"{incident}: woke nobody, so there is no page to explain; `tocsin replay` shows its notices")
    if not 1 <= number <= len(pages):
        raise UsageError(f"{incident}: has {len(pages)} pages; --page {number} is none of them")
    seq, decision = pages[number - 1]
    earlier = [one for _, one in own if _number_of(one) < _number_of(decision)]
    foot_ms = next((one.at_ms for one in earlier if one.kind in WAKES), decision.at_ms)
    search = Search(decision, _moment(journal, decision, seq, foot_ms), journal.step_ms, earlier)
    if search.vanishes():
        raise UsageError(f"{journal.path}: the entries do not lead to {decision.key} again; see `tocsin verify`")
    return search


def _explained(journal: Journal, incident: str, number: int) -> Receipt:
    search = search_of(journal, incident, number)
    decision = search.page
    changes = tuple(search.changes())
    zone = _zone(search.moment, decision.brand)
    return Receipt(
        incident=incident,
        page=decision.key,
        at=rfc3339(decision.at_ms),
        brand=decision.brand,
        scenario=decision.scenario,
        severity=decision.severity,
        reason=decision.reason,
        woken=decision.targets,
        node=decision.node,
        why=decision.note,
        path=decision.path,
        evidence=decision.exemplars,
        findings=tuple(finding_of(signal) for signal in decision.signals),
        changes=changes,
        in_words=tuple(in_words(change, decision, zone) for change in changes),
    )


def _number_of(decision: Decision) -> int:
    return int(decision.key.split("/")[-2])


def _moment(journal: Journal, page: Decision, seq: int, foot_ms: int) -> Moment:
    """From the first post that may have had a part in it, to the hours in which it might have gone out later."""
    since_ms = foot_ms - REACHES_BACK_MS - MINUTE_MS

    def before(entry: Entry) -> bool:
        event = entry.event
        return isinstance(event, Part) and event.brand == page.brand and event.minute_ms >= since_ms

    return moment(journal, before=before, seq=seq, until_ms=page.at_ms + LOOKS_ON_MS)


def _zone(found: Moment, brand: str) -> str:
    state = state_from(found.state).brands.get(brand)
    return found.contents.content(state.content).timezone if state is not None and state.content else "UTC"


def finding_of(signal: Signal) -> Finding:
    """A detector's signal as a receipt shows it."""
    z, threshold = signal.evidence.get("z_milli"), signal.evidence.get("threshold_milli")
    known = isinstance(z, int) and isinstance(threshold, int)
    return Finding(
        kind=signal.kind,
        score_milli=signal.score,
        observed=signal.observed,
        expected=signal.expected,
        since=rfc3339(signal.since_ms),
        window_minutes=signal.window_ms // MINUTE_MS,
        z_milli=z if isinstance(z, int) else None,
        threshold_milli=threshold if isinstance(threshold, int) else None,
        margin_milli=z - threshold if known and isinstance(z, int) and isinstance(threshold, int) else None,
        pages=signal.page,
    )


# --- in words ---------------------------------------------------------------------------------------------------------


def in_words(change: Change, page: Decision, zone: str) -> str:
    """A change as a reader is told it."""
    until = _clock(change.until_ms, zone)
    then = f"{_later(change, page, zone)}"
    if change.kind in ("fewer_angry", "fewer_posts"):
        who = "angry post" if change.kind == "fewer_angry" else "post"
        few = f"{change.amount:,} fewer {who}{'s' if change.amount != 1 else ''} (of {change.of:,})"
        return f"Had there been {few} between {_clock(change.from_ms, zone)} and {until}, nobody would have been " + (
            f"woken then{then}"
        )
    if change.kind == "smaller":
        share = round(100 * change.amount / change.of)
        return (
            f"Had the whole story been {share} % smaller ({change.amount:,} of {change.of:,} posts fewer from "
            f"{_clock(change.from_ms, zone)} to {until}), nobody would have been woken at all."
        )
    if change.kind == "threshold":
        return f"Had the chart asked for more ({change.what}), nobody would have been woken then{then}"
    if change.kind == "reply":
        return f"Had {change.what}, nobody would have been woken then{then}"
    if change.kind == "answer":
        did = "nobody pressed Escalate" if change.what == "escalate" else f"{change.what} acknowledged by {until}"
        return f"Had {did}, nobody else would have been woken then{then}"
    if change.kind == "delivery":
        return f"Had the page before this one been delivered, nobody else would have been woken then{then}"
    return f"Had {change.what or 'the source'} been heard by {until}, nobody would have been woken then{then}"


def _later(change: Change, page: Decision, zone: str) -> str:
    if not change.later_ms:
        return ", nor in the six hours after." if page.scenario != BLIND else "."
    waited_ms = change.later_ms - page.at_ms
    minutes, seconds = divmod(waited_ms // 1000, 60)
    wait = f"{minutes} min" if minutes else f"{seconds} s"
    return f"; with all that followed, somebody would have been at {_clock(change.later_ms, zone)}, {wait} later."


def _clock(at_ms: int, zone: str) -> str:
    """Hours and minutes in the brand's zone; seconds only where they matter."""
    clock = local(at_ms, zone)
    return f"{clock:%H:%M:%S}" if clock.second else f"{clock:%H:%M}"


def told(receipt: Receipt) -> Iterator[str]:
    """The receipt as lines for a terminal."""
    yield f"{receipt.page}: {receipt.severity} {receipt.scenario.replace('_', ' ')} at {receipt.brand}"
    yield f"  at {receipt.at}, reason: {receipt.reason}; woken: {', '.join(receipt.woken)} (node {receipt.node})"
    if receipt.why:
        yield f"  why: {receipt.why}"
    yield "What was found"
    for finding in receipt.findings:
        yield f"  {figures(finding)}"
    yield "The path through the flowchart"
    yield from (f"  {words}" for words in receipt.path)
    yield f"Evidence: {', '.join(receipt.evidence) or 'no posts are named'}"
    yield "The smallest change that would have prevented it, run again to be sure"
    if receipt.in_words:
        yield from (f"  {words}" for words in receipt.in_words)
    else:
        yield "  Nothing that was tried would: fewer posts in the hour before, another limit of the chart."


def figures(finding: Finding) -> str:
    """A finding in one line."""
    said = f"{finding.kind}: {finding.observed:,} in {finding.window_minutes} min where {finding.expected:,} is usual"
    if finding.kind == "negativity":
        said = f"{finding.kind}: {finding.observed / 10:g} % negative where {finding.expected / 10:g} % is usual"
    if finding.z_milli is not None and finding.threshold_milli is not None and finding.margin_milli is not None:
        said += f"; z {finding.z_milli / 1000:.2f}, threshold {finding.threshold_milli / 1000:.2f}"
        said += f" ({finding.margin_milli / 1000:+.2f})"
    return f"{said}; score {finding.score_milli / 1000:.2f}; since {finding.since}"
