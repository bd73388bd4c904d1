"""What *Now* shows: every brand at this moment, what is open, who is on call, and how well we ourselves are. Pure.

The same structs are the answers of the JSON API. What comes from outside in them is as it came: whoever shows it makes
it inert.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from alerting.facts import BLIND, rank
from alerting.home import BrandNow, Duty, Overview
from alerting.quiet import Silence
from alerting.view import IncidentView
from alerting.words import sentence
from stream.codec import HOUR_MS
from tocsin.brand_now import BrandFigures

Stands = Literal["trouble", "blind", "not_listening", "learning", "calm"]
"""How a brand stands, in one word: of what holds at once the first counts. Only a brand that is heard, and of which
enough was learnt, is calm."""
Hands = Literal["owned", "acknowledged", "awaited", "nobody", "not_paged"]


class OpenSeen(msgspec.Struct, frozen=True, kw_only=True):
    """An open incident in a list."""

    view: IncidentView
    """As its card shows it, without the posts and their explanation."""
    why: str
    """Why somebody is told, in one plain sentence (English). Inert."""
    hands: Hands
    """In whose hands it is: being acknowledged is not being owned; `awaited`, until all who must have acknowledged."""
    heard_ms: int = HOUR_MS
    """How much we had listened of the hour that its counts are of: less is not to be compared with a whole one."""


class BrandLine(msgspec.Struct, frozen=True, kw_only=True):
    """One brand at this moment."""

    brand: str
    timezone: str
    stands: Stands
    is_blind: bool
    """Whether we do not hear all that is said: then silence does not mean calm, whatever else holds."""
    shadow: bool
    """Whether it is decided about and nobody told."""
    severity: str = ""
    """The gravest of its open incidents, our own blindness apart; empty where none is open."""
    figures: BrandFigures | None = None
    """What is heard of it against what is usual; `None` where the core's numbers are not seen from here."""
    open: tuple[OpenSeen, ...] = ()
    """The gravest first; our own blindness last."""
    silences: tuple[Silence, ...] = ()


class BlindSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A source that is not heard, or not wholly."""

    brand: str
    source: str
    """Empty where it is only known that the brand is blind."""
    status: str
    """silent, lagging, capped or partial."""
    since_ms: int
    incident: str
    """The incident by which it is told."""


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """How well the service itself is."""

    wrong: tuple[str, ...] = ()
    """What is wrong, in words; nothing where all is well."""
    troubles: tuple[str, ...] = ()
    """Ways that fail people now, in words."""
    heartbeat: bool = False
    """Whether an address outside is touched as long as all is well."""


class NowSeen(msgspec.Struct, frozen=True, kw_only=True):
    """How everything stands at one moment."""

    at_ms: int
    timezone: str
    late_s: int
    """How far what we know lies behind the clock (0: as it should be)."""
    undelivered: int
    """Pages that are due and not yet known to have arrived."""
    brands: tuple[BrandLine, ...]
    """Those with trouble first, the gravest of them first; then the blind, then the rest by name."""
    open: tuple[OpenSeen, ...]
    """Every open incident that the visitor may see, the gravest first."""
    blind: tuple[BlindSeen, ...]
    duties: tuple[Duty, ...]
    """Who is on call, until when, and who then."""
    health: Health


def now_seen(
    overview: Overview,
    figures: Callable[[str], BrandFigures | None],
    health: Health,
    *,
    brands: Sequence[str] | None = None,
) -> NowSeen:
    """How everything stands, of these brands alone (`None`: of all)."""
    seen = [one for one in overview.brands if brands is None or one.brand in brands]
    lines = sorted((_line(one, figures(one.brand)) for one in seen), key=_order)
    return NowSeen(
        at_ms=overview.at_ms,
        timezone=overview.timezone,
        late_s=overview.late_s,
        undelivered=overview.undelivered,
        brands=tuple(lines),
        open=tuple(sorted((one for line in lines for one in line.open), key=_gravest)),
        blind=tuple(_blind(one.view) for line in lines for one in line.open if one.view.scenario == BLIND),
        duties=overview.duties,
        health=health,
    )


def open_seen(view: IncidentView, figures: BrandFigures | None = None) -> OpenSeen:
    """An open incident in a list; `figures` are its brand's."""
    heard_ms = heard_of(view, figures)
    return OpenSeen(view=view, why=sentence(view, heard_ms=heard_ms), hands=hands_of(view), heard_ms=heard_ms)


def heard_of(view: IncidentView, figures: BrandFigures | None) -> int:
    """How much of the hour of an incident's counts we had listened; all of it, where nothing else is known.

    >>> view = IncidentView(brand="a", incident="a-0", scenario="backlash", severity="high", opened_ms=0,
    ...                     updated_ms=4_000_000)
    >>> [heard_of(view, BrandFigures(brand="a", at_ms=0, listened_ms=since)) for since in (1, 3_280_000, 4_000_001)]
    [3600000, 720000, 3600000]
    """
    since_ms = figures.listened_ms if figures is not None else 0
    return min(HOUR_MS, view.updated_ms - since_ms) if 0 < since_ms <= view.updated_ms else HOUR_MS


def hands_of(view: IncidentView) -> Hands:
    """In whose hands an incident is.

    >>> view = IncidentView(brand="a", incident="a-0", scenario="backlash", severity="high", opened_ms=0)
    >>> hands_of(view), hands_of(msgspec.structs.replace(view, status="acknowledged", acked_by="ana"))
    ('not_paged', 'acknowledged')
    """
    if view.asks.awaits and view.status == "open":
        return "awaited"
    if view.owner:
        return "owned"
    if view.status != "open" and view.acked_by:
        return "acknowledged"
    return "nobody" if view.paged else "not_paged"


def _line(now: BrandNow, figures: BrandFigures | None) -> BrandLine:
    found = sorted((open_seen(one.view, figures) for one in now.open), key=_gravest)
    trouble = [one.view for one in found if one.view.scenario != BLIND]
    is_blind = now.is_blind or bool(figures and figures.blind_since_ms)
    return BrandLine(
        brand=now.brand,
        timezone=now.timezone,
        stands=_stands(bool(trouble), is_blind, now.listening, figures),
        is_blind=is_blind,
        shadow=now.shadow,
        severity=trouble[0].severity if trouble else "",
        figures=figures,
        open=tuple(found),
        silences=now.silences,
    )


def _stands(trouble: bool, is_blind: bool, listening: bool, figures: BrandFigures | None) -> Stands:
    if trouble:
        return "trouble"
    if is_blind:
        return "blind"
    if not listening or (figures is not None and not figures.newest_ms):
        return "not_listening"
    return "learning" if figures is not None and figures.is_learning else "calm"


def _blind(view: IncidentView) -> BlindSeen:
    feed = next((signal for signal in view.signals if signal.kind == "feed"), None)
    told: dict[str, str] = {} if feed is None else {key: str(value) for key, value in feed.evidence.items()}
    return BlindSeen(
        brand=view.brand,
        source=told.get("source", ""),
        status=told.get("state", "silent"),
        since_ms=feed.since_ms if feed is not None else view.opened_ms,
        incident=view.incident,
    )


def _gravest(one: OpenSeen) -> tuple[bool, int, int, str]:
    view = one.view
    return view.scenario == BLIND, -rank(view.severity), view.opened_ms, view.incident


_ORDER: tuple[Stands, ...] = ("trouble", "blind", "not_listening", "learning", "calm")


def _order(line: BrandLine) -> tuple[int, int, str]:
    return _ORDER.index(line.stands), -rank(line.severity) if line.severity else 0, line.brand
