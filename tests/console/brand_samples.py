"""A brand as its page shows it, made up: a day with an outage, after a gap in which we were deaf."""

import msgspec

from stream.plans import Plan
from tests.console.samples import AT_MS, MINUTE_MS, ZONE, calm_day, crisis_view, explanation, line, listed, posts
from tocsin.console.seen_brand import BrandSeen, HistorySeen, OutcomesSeen, Span, ThreadSeen
from tocsin.console.seen_incident import IncidentLine

HOUR_MS = 60 * MINUTE_MS
STEPS = 288


def history(span: Span = "24h") -> HistorySeen:
    """A day in steps of five minutes: quiet by night, two hours of nothing, and a rise at its end."""
    step_ms = 5 * MINUTE_MS
    times = tuple(AT_MS - (STEPS - n) * step_ms for n in range(STEPS))
    known = [not 100 <= n < 124 for n in range(STEPS)]
    usual = [3 + 9 * min(n % 144, 144 - n % 144) / 72 for n in range(STEPS)]
    counts = [round(one) + (n * 7) % 4 + (max(0, n - 280) ** 2) * 2 for n, one in enumerate(usual)]
    return HistorySeen(
        span=span,
        step_ms=step_ms,
        times_ms=times,
        posts=tuple(count if here else None for count, here in zip(counts, known, strict=True)),
        negative=tuple(count // 4 if here else None for count, here in zip(counts, known, strict=True)),
        expected=tuple(one if here else None for one, here in zip(usual, known, strict=True)),
        lower=tuple(round(one / 2) if here else None for one, here in zip(usual, known, strict=True)),
        upper=tuple(round(one * 2) + 3 if here else None for one, here in zip(usual, known, strict=True)),
        severity=tuple("high" if n > 284 else "" for n in range(STEPS)),
        blind=tuple(96 <= n < 124 for n in range(STEPS)),
    )


def past(number: int, because: str = "resolved", **changes: object) -> IncidentLine:
    """An incident of some days ago."""
    opened_ms = AT_MS - number * 27 * HOUR_MS
    found = IncidentLine(
        incident=f"acme-bank-{opened_ms}",
        brand="Acme Bank",
        scenario=("backlash", "viral_complaint", "service_outage")[number % 3],
        severity=("medium", "high", "critical")[number % 3],
        status="closed",
        because=because,
        opened_ms=opened_ms,
        ended_ms=opened_ms + 95 * MINUTE_MS,
        hands="owned",
    )
    return msgspec.structs.replace(found, **changes)


def troubled(**changes: object) -> BrandSeen:
    """A brand with an open incident, a past, and much that is said."""
    view = crisis_view()
    now = IncidentLine(
        incident=view.incident,
        brand=view.brand,
        scenario=view.scenario,
        severity="high",
        status="open",
        because="",
        opened_ms=view.opened_ms,
        ended_ms=0,
        hands="nobody",
    )
    threads = (
        ThreadSeen(
            key="a", posts=130, negative=97, voices=81, first_ms=AT_MS - 40 * MINUTE_MS, growth=44, likes=2_310,
            copies=False, root=posts()[0],
        ),
        ThreadSeen(
            key="b", posts=22, negative=22, voices=21, first_ms=AT_MS - 20 * MINUTE_MS, growth=22, likes=3, copies=True
        ),
    )  # fmt: skip
    found = BrandSeen(
        at_ms=AT_MS,
        late_s=0,
        line=line("Acme Bank", "trouble", listed(view)),
        history=history(),
        explanation=explanation(),
        threads=threads,
        incidents=(now, past(1), past(2, "false_alarm"), past(3, "calm")),
        outcomes=OutcomesSeen(incidents=4, open=1, false_alarms=1, resolved=1, calm=1),
        plans=(
            Plan(AT_MS - HOUR_MS, AT_MS + HOUR_MS, "Launch of the new app", "launch"),
            Plan(AT_MS + 30 * HOUR_MS, AT_MS + 33 * HOUR_MS, "Cup final", "match"),
        ),
    )
    return msgspec.structs.replace(found, **changes)


def empty() -> BrandSeen:
    """A brand of which nothing was ever heard."""
    nothing = HistorySeen(
        span="24h", step_ms=5 * MINUTE_MS, times_ms=(), posts=(), negative=(), expected=(), lower=(), upper=()
    )
    return BrandSeen(at_ms=AT_MS, late_s=0, line=calm_day().brands[0], history=nothing)


__all__ = ["AT_MS", "ZONE", "empty", "history", "past", "troubled"]
