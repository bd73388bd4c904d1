"""EDGE. Keeps a running service on the flowchart that its file says, and in reach whom only an earlier one knows."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

from stream.codec import canonical
from tocsin.core_seen import CoreSeen, incidents_of
from tocsin.entry import ConfigChange
from tocsin.live_chart import BAD, LiveChart
from tocsin.metrics import PeopleMetrics
from tocsin.mistakes import told
from tocsin.state import Contents

log = structlog.get_logger("tocsin")


class ChartKeeper:
    """Looks at the flowchart when it is told to, and tells the core through the log (`append`) where it changed."""

    def __init__(  # noqa: PLR0917 - the parts of a service that a flowchart touches
        self,
        live: LiveChart,
        core: CoreSeen,
        contents: Contents,
        clock: Callable[[], int],
        append: Callable[[bytes], Awaitable[None]],
        metrics: PeopleMetrics,
    ) -> None:
        self._live = live
        self._core = core
        self._contents = contents
        self._clock = clock
        self._append = append
        self._metrics = metrics
        self.configured = live.configured()
        """Each brand and the digest of what it is judged by."""
        self.clickers = live.clickers()
        """Whose clicks count: responders by their Slack user id. One mapping for life, kept up to date."""

    async def look(self, *, asked: bool = False) -> None:
        """Read the flowchart and its calendars again where they have changed, or are said to have."""
        self._remember_walked()
        if asked or self._live.has_news():
            await self._read_again()

    async def _read_again(self) -> None:
        """Go by what the file and the calendars say now. A bad flowchart is told of, and the good one runs on."""
        bad = ""
        try:
            version = await asyncio.to_thread(self._live.read)
        except BAD as why:
            bad = told(why)
            try:
                version = await asyncio.to_thread(self._live.stand_in)
            except BAD as also:
                bad = f"{bad}\n{told(also)}" if told(also) not in bad else bad
                version = None
        try:
            configured = self._live.configured(version) if version is not None else self.configured
        except BAD as why:
            bad, configured, version = told(why), self.configured, None
        if bad:
            log.warning("flowchart refused: the one before runs on", problems=bad.splitlines())
            self._metrics.read_chart("refused", bad=True)
        if version is not None:
            self._live.take(version)
            await self._reconfigure(configured, bad=bool(bad))
            self._remember_walked()

    async def _reconfigure(self, configured: list[tuple[str, str]], *, bad: bool) -> None:
        """Tell the core, through the log, by which configuration it judges from here on."""
        changed = [one for one in configured if one not in self.configured]
        self.configured = configured
        for brand, name in changed:
            await self._append(canonical(ConfigChange(brand, name, self._clock())))
        if changed and not bad:
            log.info("flowchart taken", version=self._live.chart.digest[:12], brands=[brand for brand, _ in changed])
        if not bad:
            self._metrics.read_chart("taken", bad=False)

    def _remember_walked(self) -> None:
        """Whoever is in a flowchart that an incident still walks is reached, and may answer."""
        walks = [one.walk for one in incidents_of(self._core) if one.is_open]
        names = sorted({walk.chart for walk in walks if walk is not None})
        walked = []
        for name in names:
            with contextlib.suppress(KeyError):  # another worker's, and not read here yet: it is next time
                walked.append(self._contents.chart(name))
        self._live.remember(walked)
        self.clickers.clear()
        self.clickers.update(self._live.clickers())
