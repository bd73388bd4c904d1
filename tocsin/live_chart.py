"""EDGE. The flowchart of a running service: read from its file with its rosters, and read again when they change.

A bad flowchart never replaces a good one. Each version goes into the journal under its digest, so that an incident ends
on the version on which it began, and so that a replay knows who was on call.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from alerting.delivery.ways import Address
from alerting.flowchart.fields import WAYS
from alerting.flowchart.load import ChartError, load_chart
from alerting.flowchart.model import Chart
from alerting.roster import Roster, RosterError, pack
from stream.brands import Brand
from stream.codec import HOUR_MS, digest
from tocsin.checking import chart_text
from tocsin.core_seen import CoreSeen
from tocsin.duties import duty_problems
from tocsin.planning import PlanError, plans_of
from tocsin.replay import configure
from tocsin.rosters import expand_rosters, must_renew, read_calendars
from tocsin.settings import Settings, SettingsError
from tocsin.state import Contents

KEPT_CALENDARS = "calendars"
"""Directory of the last good copies, inside the data directory."""
RENEW_EVERY_MS = HOUR_MS
"""How often calendars are read again: a shift that was swapped must be known before it begins."""
BAD = (ChartError, RosterError, SettingsError, PlanError, OSError)
"""What a flowchart or its calendars can be refused for: a user's mistake, told in lines."""


class Version(NamedTuple):
    """A flowchart as it was read once, and who is on call by it."""

    text: str
    chart: Chart
    rosters: dict[str, Roster]


def read_rosters(
    chart: Chart,
    base: Path,
    at_ms: int,
    *,
    kept_in: Path | None = None,
    environment: Mapping[str, str] | None = None,
    warn: Callable[[str], None] = lambda _: None,
) -> dict[str, Roster]:
    """Who is on call by a flowchart from the day before `at_ms` on. Calendars lie beside it (`base`).

    Raises `RosterError` where a calendar cannot be had or used.
    """
    specs = chart.written.rosters
    if not specs:
        return {}
    texts = read_calendars(
        specs, base, kept_in=kept_in, environment=os.environ if environment is None else environment, warn=warn
    )
    responders = {name: responder.name for name, responder in chart.responders.items()}
    return expand_rosters(specs, texts, at_ms, responders)


class LiveChart:
    """The flowchart by which a service goes, and those on which incidents under way began.

    `keep` puts a content into the journal and returns its digest; `warn` is told of a calendar whose last good copy had
    to do. Raises what `BAD` names where the flowchart of the start is no good.
    """

    def __init__(
        self,
        settings: Settings,
        brands: Sequence[Brand],
        keep: Callable[[bytes], str],
        clock: Callable[[], int],
        *,
        held: Mapping[str, Roster] | None = None,
        warn: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._settings = settings
        self._brands = brands
        self._keep = keep
        self._clock = clock
        self._warn = warn
        self._earlier: list[Chart] = []
        self._looked_at = ""
        """Digest of the file when it was last read, good or bad."""
        self._renewed_ms = self.began_ms = clock()
        self.since_ms = 0
        """When the one in force took the place of another; 0: it was in force when this process began."""
        self._version = self._fresh(self._read(), held or {})

    @property
    def chart(self) -> Chart:
        """The one in force."""
        return self._version.chart

    @property
    def rosters(self) -> Mapping[str, Roster]:
        """Who is on call by it."""
        return self._version.rosters

    def configured(self, version: Version | None = None) -> list[tuple[str, str]]:
        """Keep how each brand is judged by a version (the one in force); returns brands and the digests for their
        `ConfigChange`s.

        Raises `PlanError` where a calendar of planned events is no good.
        """
        settings = self._settings
        plans = plans_of(settings.calendars(), settings.zones(), self._clock())
        text, _, rosters = version or self._version
        packed = self._keep(pack(rosters)) if rosters else ""
        return configure(self._brands, text, self._keep, settings.judged(plans), packed)

    def has_news(self) -> bool:
        """Whether the file is another one than when it was last read, or the calendars should be read again."""
        if self._clock() - self._renewed_ms >= RENEW_EVERY_MS:
            return True
        try:
            return digest(self._settings.flowchart_path.read_bytes()) != self._looked_at
        except OSError:
            return self._looked_at != ""

    def read(self) -> Version:
        """What the file and the calendars say now. It changes nothing: see `take`; it may wait for the network.

        Raises what `BAD` names; while the file is no good, `stand_in` has the calendars.
        """
        return self._fresh(self._read(), self.rosters)

    def stand_in(self) -> Version:
        """The flowchart in force with its calendars as they are now. Raises `RosterError`."""
        return self._fresh((self._version.text, self._version.chart), self.rosters)

    def take(self, version: Version) -> None:
        """Go by this version from here on."""
        if version.chart.digest != self.chart.digest:
            self.since_ms = self._clock()
        self._version = version

    def remember(self, walked: Sequence[Chart]) -> None:
        """These are the flowcharts that incidents under way walk: their people are reached, and may answer."""
        self._earlier = [chart for chart in walked if chart.digest != self.chart.digest]

    def _read(self) -> tuple[str, Chart]:
        path = self._settings.flowchart_path
        self._looked_at = ""
        self._looked_at = digest(path.read_bytes())
        text = chart_text(path)
        chart = load_chart(text, str(path))
        if problems := duty_problems(self._settings, chart):
            raise SettingsError(problems)
        return text, chart

    def _fresh(self, read: tuple[str, Chart], held: Mapping[str, Roster]) -> Version:
        """With who is on call; where that is what was known already, with the very rosters that were `held`."""
        text, chart = read
        at_ms = self._renewed_ms = self._clock()
        path = self._settings.flowchart_path
        kept_in = self._settings.data_path / KEPT_CALENDARS
        try:
            fresh = read_rosters(chart, path.parent, at_ms, kept_in=kept_in, warn=self._warn)
        except RosterError as error:
            raise RosterError([f"{path}: {problem}" for problem in error.problems]) from None
        return Version(text, chart, fresh if must_renew(held, fresh, at_ms) else dict(held))

    # ---- where people are reached

    def addresses(self, target: str, channel: str | None) -> list[Address]:
        """Where a role or a responder is reached: the channel of the cards, or without one (`None`) the terminal; then
        the people, by each way of their own in the order of `WAYS`.

        Whoever is no longer in the flowchart is reached as the latest one that knew them says.
        """
        chart = next((one for one in (self.chart, *self._earlier) if _knows(one, target)), self.chart)
        people = chart.people([target], self._clock(), self.rosters) or chart.people([target])
        own = [one for name in people for one in _addresses_of(chart, name)]
        if channel is None:
            return [*(Address(name, "terminal", "terminal") for name in people), *(o for o in own if o.way != "slack")]
        return [Address(people[0] if people else target, "slack", channel), *own]

    def name_of(self, target: str) -> str:
        """Whom an id means, for people to read: as the latest flowchart that knows it says."""
        return next((one for one in (self.chart, *self._earlier) if _knows(one, target)), self.chart).name_of(target)

    def answerers(self) -> tuple[str, ...]:
        """Who may answer, by their names in the flowchart: its persons, and those whom an incident under way knows."""
        found: dict[str, None] = {}
        for chart in (self.chart, *self._earlier):
            found |= dict.fromkeys(name for name, r in chart.responders.items() if (r.slack or "U")[0] in "UW")
        return tuple(found)

    def clickers(self) -> dict[str, str]:
        """Whose clicks count: responders by their Slack user id."""
        found: dict[str, str] = {}
        for chart in (*self._earlier, self.chart):
            found |= {r.slack: name for name, r in chart.responders.items() if r.slack and r.slack[0] in "UW"}
        return found


def _addresses_of(chart: Chart, name: str) -> list[Address]:
    """By each way that they have: first in the order of their own, with its delays, then the rest in that of `WAYS`."""
    responder = chart.responders[name]
    order = dict.fromkeys((*(one.by for one in responder.reach), *WAYS))
    return [
        Address(name, way, to, responder.delay_ms(way)) for way in order if (to := getattr(responder, way)) is not None
    ]


def _knows(chart: Chart, target: str) -> bool:
    return target in chart.responders or target in chart.roles


def held_rosters(core: CoreSeen, contents: Contents) -> dict[str, Roster]:
    """Who is on call as the core knows it: every brand is told the same. Nobody, where its content is not there."""
    names = [state.content for _, state in sorted(core.brands.items()) if state.content]
    try:
        return contents.rosters(contents.content(names[-1]).rosters) if names else {}
    except KeyError:
        return {}
