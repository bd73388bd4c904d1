"""EDGE. What the page of drills and reviews is made from: the drills' directories, the journal, reviews on the disk."""

import asyncio
import re
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from alerting.facts import BLIND
from stream.codec import MINUTE_MS, parse_rfc3339
from tocsin import reports, reviewing
from tocsin.console.seen_drills import DrillSeen, DrillsSeen, PastSeen, drill_seen
from tocsin.drill_file import read_drill, read_score
from tocsin.handing import DRILLS, running
from tocsin.mistakes import MISTAKES
from tocsin.settings import Settings

log = structlog.get_logger("tocsin")

DRILLS_SHOWN = 30
PAST_SHOWN = 50
PAST_EVERY_MS = MINUTE_MS
"""How often the journal is asked anew for its incidents."""
REVIEW = "review.html"
REVIEW_WITHIN_S = 120.0
REVIEWS_KEPT = 8
REVIEW_MOST_BYTES = 8 << 20
_NAME = re.compile(r"drill-[0-9a-z]{1,20}")


class DrillRoom:
    """Gives what the page of drills shows. `config` is the file of the configuration, for what is started; `name_of`
    gives the name by which people call somebody of the flowchart.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], int],
        config: Path,
        name_of: Callable[[str], str] = lambda target: target,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._config = config
        self._name_of = name_of
        self._one = threading.Lock()
        self._past: tuple[int, list[PastSeen]] | None = None
        self._writing = asyncio.Lock()
        self._reviews: dict[tuple[str, int], bytes] = {}

    def seen(self, visible: Callable[[str], bool]) -> DrillsSeen:
        """All drills and past incidents, for somebody to whom these brands are `visible`. May take a moment."""
        at_ms, settings = self._clock(), self._settings
        drills = [one for one in self._drills(at_ms, visible) if one is not None]
        past = [one for one in self._incidents(at_ms) if visible(one.brand)]
        slack = settings.slack
        return DrillsSeen(
            at_ms=at_ms,
            timezone=settings.timezone,
            running=next((one for one in drills if one.state == "running"), None),
            drills=tuple(one for one in drills if one.state != "running")[:DRILLS_SHOWN],
            more_drills=max(0, sum(1 for one in drills if one.state != "running") - DRILLS_SHOWN),
            past=tuple(past[:PAST_SHOWN]),
            more_past=max(0, len(past) - PAST_SHOWN),
            channel=settings.drill.channel or (slack.channel if slack is not None else ""),
            speed=settings.drill.speed,
            longest_ms=settings.drill.longest,
            config=self._config.name,
        )

    def review_of(self, drill: str, visible: Callable[[str], bool]) -> bytes | None:
        """The review that a drill left; `None` where there is none that somebody who sees these brands may read."""
        if _NAME.fullmatch(drill) is None:
            return None
        directory = self._settings.data_path / DRILLS / drill
        file, score = read_drill(directory), read_score(directory)
        if file is None or not _may_see((score.brand,) if score and score.brand else file.brands, visible):
            return None
        try:
            body = (directory / REVIEW).read_bytes()
        except OSError:
            return None
        return body if len(body) <= REVIEW_MOST_BYTES else None

    async def review(self, incident: str) -> bytes | None:
        """The review of a real incident as one HTML page, or `None` where it could not be written.

        It reads the whole journal, so another process does it, one at a time, and it is kept for a minute.
        """
        key = (incident, self._clock() // MINUTE_MS)
        async with self._writing:
            if key not in self._reviews:
                body = await self._written(incident)
                if body is None:
                    return None
                while len(self._reviews) >= REVIEWS_KEPT:
                    self._reviews.pop(next(iter(self._reviews)))
                self._reviews[key] = body
            return self._reviews[key]

    async def _written(self, incident: str) -> bytes | None:
        call = ["-c", "from tocsin.cli import main; main()", "review", "--quick", "--html"]
        journal = self._settings.data_path / "journal.db"
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *call,
            "--journal",
            str(journal.resolve()),
            "--",
            incident,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(REVIEW_WITHIN_S):
                body, _ = await process.communicate()
        except TimeoutError:
            log.warning("a review took too long", incident=incident)
            return None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return body if process.returncode == 0 and 0 < len(body) <= REVIEW_MOST_BYTES else None

    # ---- what is on the disk

    def _drills(self, at_ms: int, visible: Callable[[str], bool]) -> list[DrillSeen | None]:
        data = self._settings.data_path
        now = running(data, at_ms)
        places = [place for place in (data / DRILLS).glob("drill-*") if _NAME.fullmatch(place.name)]
        if now is not None and Path(now.directory) not in [place.resolve() for place in places]:
            places.append(Path(now.directory))  # one that was given a directory of its own
        name = now.drill.name if now is not None else ""
        found = [_drill(place, name, visible) for place in places]
        return sorted(found, key=lambda one: -one.began_ms if one is not None else 0)

    def _incidents(self, at_ms: int) -> list[PastSeen]:
        path = self._settings.data_path / "journal.db"
        with self._one:
            if self._past is None or at_ms - self._past[0] >= PAST_EVERY_MS:
                self._past = (at_ms, self._past_of(path) if path.is_file() else [])
            return self._past[1]

    def _past_of(self, journal: Path) -> list[PastSeen]:
        try:
            found = reviewing.incidents(journal)
        except MISTAKES as error:
            log.warning("the journal's incidents cannot be listed", problem=type(error).__name__)
            return []
        written: dict[str, list[str]] = {}
        for report in reports.reports(journal.parent):
            written.setdefault(report.incident, []).append(Path(report.path).name)
        zones = self._settings.zones()
        return [_past(one, zones, written, self._name_of) for one in found if f"-{BLIND}-" not in one.incident]


def _drill(directory: Path, running_name: str, visible: Callable[[str], bool]) -> DrillSeen | None:
    file = read_drill(directory)
    if file is None or not _may_see(file.brands, visible):
        return None
    score = read_score(directory)
    return drill_seen(
        file,
        score,
        runs=file.name == running_name and score is None,
        has_review=(directory / REVIEW).is_file(),
        visible=[brand for brand in file.brands if visible(brand)],
    )


def _may_see(brands: tuple[str, ...], visible: Callable[[str], bool]) -> bool:
    return any(visible(brand) for brand in brands)


def _past(
    one: reviewing.IncidentLine,
    zones: Mapping[str, str],
    written: Mapping[str, list[str]],
    name_of: Callable[[str], str],
) -> PastSeen:
    return PastSeen(
        incident=one.incident,
        brand=one.brand,
        timezone=zones.get(one.brand, "UTC"),
        severity=one.severity,
        what=one.what,
        noticed_ms=parse_rfc3339(one.noticed),
        ended_ms=parse_rfc3339(one.ended) if one.ended else 0,
        because=one.because,
        woken=tuple(map(name_of, one.woken)),
        scenario=one.scenario,
        is_friendly=one.is_friendly,
        written=tuple(written.get(one.incident, ())),
    )
