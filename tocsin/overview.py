"""EDGE. How everything stands, read from the core, the outbox and the flowchart; it changes none of them."""

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from alerting.delivery.outbox import Outbox
from alerting.flowchart.model import Chart
from alerting.home import BrandNow, Duty, Overview, Shown
from alerting.incident import Incident
from alerting.roster import Roster
from alerting.view import IncidentView
from stream.brands import Brand
from tocsin.core_seen import CoreSeen
from tocsin.live_chart import LiveChart
from tocsin.settings import Settings


class Shows(Protocol):
    """What an overview is made from."""

    @property
    def settings(self) -> Settings: ...
    @property
    def clock(self) -> Callable[[], int]: ...
    @property
    def brands(self) -> Sequence[Brand]: ...
    @property
    def live(self) -> LiveChart: ...
    @property
    def core(self) -> CoreSeen: ...
    @property
    def outbox(self) -> Outbox: ...
    def behind_s(self) -> int: ...
    def is_shadow(self, content: str) -> bool: ...


class Overviews:
    """Gives the present `Overview` of a deployment whenever it is asked."""

    def __init__(self, works: Shows) -> None:
        self._works = works

    def now(self) -> Overview:
        """How everything stands now."""
        works = self._works
        at_ms = works.clock()
        return Overview(
            at_ms=at_ms,
            timezone=works.settings.timezone,
            brands=tuple(self._brand(brand.name, brand.timezone, at_ms) for brand in works.brands),
            duties=tuple(self._duties(works.live.chart, at_ms)),
            late_s=works.behind_s(),
            undelivered=sum(1 for row in works.outbox.unsettled() if row.wakes),
        )

    def _brand(self, name: str, timezone: str, at_ms: int) -> BrandNow:
        state = self._works.core.brands.get(name)
        if state is None or state.book is None:
            return BrandNow(name, timezone, listening=False)
        book = state.book
        known = [one for one in (book.incident, book.blind) if one is not None and one.is_open]
        return BrandNow(
            brand=name,
            timezone=timezone,
            shadow=self._works.is_shadow(state.content),
            open=tuple(shown for one in known if not (shown := self._shown(one, timezone)).view.over),
            silences=tuple(one for one in book.quieted.asked if one.until_ms > at_ms),
        )

    def _shown(self, incident: Incident, timezone: str) -> Shown:
        """An incident as its card shows it: that knows of an answer before the core does."""
        outbox = self._works.outbox
        view = outbox.view(incident.id) or bare_view(incident)
        channel, ts = outbox.card_of(incident.id) or ("", "")
        return Shown(msgspec.structs.replace(view, timezone=timezone), channel, ts)

    def _duties(self, chart: Chart, at_ms: int) -> list[Duty]:
        found, rosters = [], self._works.live.rosters
        for role in chart.roles:
            rota = rosters.get(chart.roles[role].roster or "")
            now = chart.people([role], at_ms, rosters)
            change_ms = rota.next_change_ms(at_ms) if isinstance(rota, Roster) else None
            if rota is None or change_ms is None:
                found.append(Duty(role, now))
            else:
                found.append(Duty(role, now, change_ms, rota.on_call(change_ms), rota.timezone))
        return found


def bare_view(incident: Incident) -> IncidentView:
    """What is known of an incident that nobody was told of."""
    return IncidentView(
        brand=incident.brand,
        incident=incident.id,
        scenario=incident.scenario,
        severity=incident.severity,
        status=incident.status,
        opened_ms=incident.opened_ms,
        acked_by=incident.acknowledged_by,
        owner=incident.owner,
    )
