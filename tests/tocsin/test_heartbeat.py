"""The last alarm: an address outside hears us while all is well, and nothing once it is not."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from alerting.delivery.outbox import OutboxRow
from stream.codec import MINUTE_MS
from tests.acceptance.living import ENVIRONMENT, configure
from tests.faults.virtual import virtual
from tocsin.heartbeat import (
    BEHIND_MS,
    DELIVERY_MS,
    EVERY_MS,
    SIGN_MS,
    SILENT_MS,
    UNREACHED_MS,
    Ages,
    Facts,
    Heartbeat,
    touch,
    waits_since,
)
from tocsin.heartbeat import well as found_wrong
from tocsin.settings import SettingsError, load_settings

SEED = 20_268


class Watcher:
    """What an address outside hears, and how it answers."""

    def __init__(self) -> None:
        self.heard = 0
        self.status = 200
        self.url = ""

    async def answer(self, _: web.Request) -> web.Response:
        """Count a touch."""
        self.heard += 1
        return web.Response(status=self.status, headers={"Location": "/elsewhere"})


@pytest.fixture
async def watcher() -> AsyncIterator[Watcher]:
    """A watcher on this machine."""
    found = Watcher()
    app = web.Application()
    app.router.add_post("/ping/secret-of-the-watcher", found.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}/ping/secret-of-the-watcher"
    yield found
    await runner.cleanup()


class Beating:
    """A heartbeat whose time and facts are ours."""

    def __init__(self, url: str) -> None:
        self.now_ms = 0
        self.facts = Facts()
        self.heart = Heartbeat(lambda: self.facts, url=url, every_ms=60_000, monotonic_ms=lambda: self.now_ms)

    async def minutes(self, count: int) -> None:
        """Look every ten seconds for so many minutes."""
        for _ in range(6 * count):
            self.now_ms += 10_000
            await self.heart.look()


async def test_it_is_touched_once_a_minute_while_all_is_well_and_not_once_when_it_is_not(
    watcher: Watcher, capsys: pytest.CaptureFixture[str]
) -> None:
    """And again as soon as it is; the change is told once, and never with the address."""
    beating = Beating(watcher.url)
    await beating.minutes(3)
    assert watcher.heard == 3
    beating.facts = Facts(unreached=1, unreached_ms=100_000)
    await beating.minutes(5)
    assert watcher.heard == 3
    assert beating.heart.health() == {"status": "unwell", "wrong": ["a page reached nobody for 100 s"]}
    beating.facts = Facts()
    await beating.minutes(2)
    assert watcher.heard == 5
    assert beating.heart.touched == {"answered": 5, "unanswered": 0, "withheld": 5}
    told = capsys.readouterr().out
    assert told.count("not well: the heartbeat stops") == 1
    assert told.count("well again") == 1
    assert "secret-of-the-watcher" not in told


async def test_what_dies_young_again_and_again_never_touches(watcher: Watcher) -> None:
    """A start that lives for less than a period is no sign of health."""
    for _ in range(5):
        beating = Beating(watcher.url)
        beating.now_ms += 59_000
        await beating.heart.look()
    assert watcher.heard == 0


@pytest.mark.parametrize("status", [404, 500, 302])
async def test_an_address_that_answers_badly_is_counted_and_followed_nowhere(
    watcher: Watcher, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the log says what it answered, once."""
    watcher.status = status
    assert await touch(watcher.url) == status
    assert watcher.heard == 1
    beating = Beating(watcher.url)
    await beating.minutes(3)
    assert beating.heart.touched["unanswered"] == 3
    shown = capsys.readouterr()
    assert (shown.out + shown.err).count("the heartbeat's address answered, and not with a success") == 1
    assert re.search(rf'status"?[=:] ?{status}\b', shown.out + shown.err), "as text or as JSON, as the log is set up"


async def test_an_address_that_cannot_be_reached_raises_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    for url in (f"http://127.0.0.1:{port}/x", "https://nowhere.invalid/x", "ftp://x", "https://[", ""):
        assert not await touch(url)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (Facts(core_behind_ms=BEHIND_MS + 1), "the core is 60 s behind the clock"),
        (Facts(log_silent_ms=SILENT_MS + 1), "the intake log took nothing for 30 s"),
        (Facts(log_refuses=True, log_silent_ms=SILENT_MS + 1), "the intake log takes nothing"),
        (Facts(journal_silent_ms=SILENT_MS + 1), "the journal took nothing for 30 s"),
        (Facts(delivery_silent_ms=DELIVERY_MS + 1), "delivery stood still for 60 s"),
        (Facts(unreached=1, unreached_ms=UNREACHED_MS + 1), "a page reached nobody for 90 s"),
        (Facts(clock_off_ms=3_600_000), "the machine's clock was moved by 3600 s; made up for slowly"),
        (Facts(ended=("delivery",)), "delivery ended by itself"),
        (Facts(signs=(("the console", SIGN_MS + 1), ("x", SIGN_MS))), "the console gave no sign of life for 25 s"),
        (Facts(probes=3, probe_age_ms=EVERY_MS + SILENT_MS + 1), "no probe came through for 90 s"),
    ],
)
def test_each_part_that_stops_stops_it(facts: Facts, said: str) -> None:
    assert found_wrong(facts) == [said]


def test_a_watcher_hears_of_a_page_that_reached_nobody_within_five_minutes() -> None:
    """What we wait, the last touch before that, and the grace after the touch that was due. Of a part that stopped,
    which no probe passes, within three; what a probe passes touches nothing any more from then on.
    """
    period_ms, grace_ms = EVERY_MS, EVERY_MS * 3 // 2
    assert UNREACHED_MS + period_ms + grace_ms < 5 * MINUTE_MS
    assert SIGN_MS + period_ms + grace_ms < 3 * MINUTE_MS
    assert max(SILENT_MS, DELIVERY_MS) + period_ms + grace_ms <= 4 * MINUTE_MS


@given(st.integers(1_000, 120_000))
def test_all_that_a_part_may_take_is_in_proportion_to_the_period(every_ms: int) -> None:
    """One setting scales a whole rehearsal; steps and people are as slow as ever."""
    longest_ms = SIGN_MS * every_ms // EVERY_MS
    assert not found_wrong(Facts(every_ms=every_ms, signs=(("x", longest_ms),)))
    assert found_wrong(Facts(every_ms=every_ms, signs=(("x", longest_ms + 1),)))
    assert not found_wrong(Facts(every_ms=every_ms, unreached=1, unreached_ms=UNREACHED_MS))
    assert not found_wrong(Facts(every_ms=every_ms, step_ms=every_ms, journal_silent_ms=3 * every_ms))


async def test_each_probe_that_comes_through_touches_it_once_and_nothing_else_does(watcher: Watcher) -> None:
    """At once; and one that came through before something broke is no reason to touch it after."""
    beating = Beating(watcher.url)

    async def at(second: int, probes: int, **wrong: object) -> int:
        beating.now_ms = second * 1000
        beating.facts = Facts(probes=probes, **wrong)  # type: ignore[arg-type]
        await beating.heart.look()
        return watcher.heard

    assert await at(30, 1) == 0, "what dies young touches nothing"
    assert await at(70, 1) == 0, "that one was seen before"
    assert await at(71, 2) == 1
    assert await at(72, 2) == 1
    assert await at(130, 3, log_refuses=True) == 1
    assert await at(131, 3) == 1, "it came through while something was wrong, and says nothing of now"
    assert await at(190, 4) == 2
    assert await at(300, 4) == 2, "nothing came through: nothing is touched, however well all seems"
    assert beating.heart.touched == {"answered": 2, "unanswered": 0, "withheld": 0}
    assert await at(400, 4, probe_age_ms=210_000) == 2
    assert await at(401, 4, probe_age_ms=211_000) == 2
    assert beating.heart.touched["withheld"] == 1, "once a period"


@given(st.integers(1_000, 60_000))
def test_a_step_may_be_long_without_alarm(step_ms: int) -> None:
    """What stands still between two steps is not silent."""
    assert found_wrong(Facts(step_ms=step_ms, log_silent_ms=2 * step_ms, journal_silent_ms=2 * step_ms)) == []


def page(state: str, wanted_ms: int, **more: object) -> OutboxRow:
    """A page that wakes somebody."""
    base = {"page_id": f"{state}{wanted_ms}", "brand": "a", "incident": "a-0", "key": "k", "way": "slack", "to": "C1"}
    return OutboxRow(**(base | {"kind": "page", "state": state, "wakes": True, "wanted_ms": wanted_ms} | more))  # type: ignore[arg-type]


def test_an_incident_waits_from_the_first_page_that_reached_nobody() -> None:
    """Until one is sent, whichever way; what was cancelled, or wakes nobody, is not waited for."""
    assert waits_since([]) is None
    assert waits_since([page("sent", 1), page("failed", 2, wakes=False), page("cancelled", 3)]) is None
    assert waits_since([page("sent", 1), page("unknown", 5), page("failed", 7)]) == 5
    assert waits_since([page("unknown", 5), page("sent", 6)]) is None
    assert waits_since([page("failed", 5), page("planned", 9)]) == 5


def test_the_address_is_a_secret_and_must_be_safe(tmp_path: Path) -> None:
    """It comes from a variable or a private file, leads over TLS, and is not repeated where it does not."""
    config = configure(tmp_path, None)
    text = config.read_text()

    def said(section: str, url: str) -> str:
        config.write_text(text + section)
        try:
            load_settings(config, ENVIRONMENT | {"WATCHER": url}).require_secrets()
        except SettingsError as error:
            return str(error)
        return ""

    assert said("heartbeat: {url_env: WATCHER}\n", "https://hc.example/ping/1") == ""
    assert "needs exactly one of url_env, url_file" in said("heartbeat: {every: 60s}\n", "https://hc.example/ping/1")
    for bad in ("http://hc.example/Xk7", "Xk7-and-no-address", "https:///Xk7-and"):
        refused = said("heartbeat: {url_env: WATCHER}\n", bad)
        assert "holds no address that begins with https://" in refused
        assert "Xk7" not in refused


def test_a_period_is_no_shorter_than_a_step(tmp_path: Path) -> None:
    """Probes come through with the steps: a watcher of a shorter period would call people for nothing."""
    config = configure(tmp_path, None, extra="heartbeat: {url_env: WATCHER, every: 2s}\n")
    assert load_settings(config, ENVIRONMENT).step == 1_000
    config.write_text(config.read_text().replace("step: 1s", "step: 5s"))
    with pytest.raises(SettingsError, match="`every` is 2s: probes come through with each step of 5s, so less often"):
        load_settings(config, ENVIRONMENT)


@pytest.mark.slow
async def test_it_stops_when_a_page_reaches_nobody_and_goes_on_when_it_does(past: Path, tmp_path: Path) -> None:
    """The works themselves, while Slack takes nothing: well until a minute and a half, not a second longer."""
    async with virtual(past, tmp_path, within="30m") as service:
        ages = Ages(lambda: service.now_ms)
        assert found_wrong(service.works.facts(ages)) == []
        service.place.down = True
        decided = await service.crisis(4)
        await service.at(decided.at_ms + UNREACHED_MS)
        assert found_wrong(service.works.facts(ages)) == []
        await service.at(decided.at_ms + UNREACHED_MS + 2_000)
        assert found_wrong(service.works.facts(ages)) == ["a page reached nobody for 92 s"]
        service.place.down = False
        await service.at(service.now_ms + 60_000)
        assert "ana" in service.place.woke()
        assert found_wrong(service.works.facts(ages)) == []


@pytest.mark.slow
async def test_it_stops_when_a_part_stops(past: Path, tmp_path: Path) -> None:
    """No beats, or no rounds of delivery, and it falls silent for that very reason."""
    async with virtual(past, tmp_path) as service:
        ages = Ages(lambda: service.now_ms)
        service.works.facts(ages)
        await service.at(service.now_ms + 61_000, beats=False)
        wrong = found_wrong(service.works.facts(ages))
        assert [one.partition(" for ")[0] for one in wrong] == [
            "the core is 61 s behind the clock",
            "the intake log took nothing",
            "the journal took nothing",
            "delivery stood still",
        ]
        await service.beat()
        await asyncio.sleep(0)
        assert found_wrong(service.works.facts(ages)) == []
