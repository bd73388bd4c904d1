"""What workers stand on goes away, comes back empty, or comes back as it was before, in the middle of an incident."""

import asyncio
import json
import signal
import time
from collections.abc import Callable

import pytest

from stream.kafka.making import make_topics
from tests.acceptance.living import BRAND, PEOPLE
from tests.cluster import accounts
from tests.cluster.broker import Broker
from tests.cluster.conftest import Deploy
from tests.cluster.core_helpers import decided
from tests.cluster.living import Deployment, kept_lines, until
from tests.cluster.sending import Sender, outcry
from tests.cluster.story import (
    PER_SECOND,
    Night,
    a_night,
    acknowledge,
    all_decided,
    card_of,
    noted,
    recovered,
    rungs,
)
from tests.faults.rows import fired, row

SEED = 20_282
OTHER = "Aldervale"
LONG_RUNG_S = 30
ALARMS = {
    "intake": "an input partition does not hold the place at which it goes on",
    "core": "the log was wiped",
    "delivery": "the log of deliveries was lost",
}
"""What says that everything was lost, by role."""


async def broker_away(living: Deployment, night: Night, kafka: Broker, *, for_s: float) -> None:
    """The broker is killed once the card stands, and nothing that needs it is told to have been done."""
    card = await until(lambda: card_of(living, BRAND), living.patience_s, living.tell)
    await asyncio.to_thread(kafka.kill)
    night.happened["broker killed"] += 1
    began = time.monotonic()

    def not_ready() -> bool:
        return not any(worker.is_ready for worker in living.of("intake"))

    await until(not_ready, living.patience_s, living.tell)
    for door in living.doors("delivery"):
        living.slack.reached_at(door)
        result = await asyncio.to_thread(living.slack.click, card, "tocsin.acknowledge", PEOPLE["bram"], stale=True)
        assert not result.acked, "nothing can be kept, so nothing is said to be"
        night.happened["clicks that could not be kept"] += 1
    assert all([(await asyncio.to_thread(one.ask, "/livez"))[0] == 200 for one in living.workers.values()])
    await asyncio.sleep(max(0.0, for_s - (time.monotonic() - began)))
    night.happened["seconds without a broker"] = round(time.monotonic() - began)
    await asyncio.to_thread(kafka.start)


async def without_a_broker(
    living: Deployment, kafka: Broker, request: pytest.FixtureRequest, *, for_s: float, full: bool = False
) -> None:
    """The whole case."""

    async def fault(night: Night) -> None:
        await broker_away(living, night, kafka, for_s=for_s)

    night = await a_night(living, fault, seed=SEED)
    noted(request, night, "broker", f"the broker is killed and away for {for_s:.0f} s", full=full)
    assert night.happened["answers that were not 202"] > 0, "senders were told"
    assert living.others() == {}, "no worker ended"
    fired(night.happened["broker killed"] + night.happened["clicks that could not be kept"])


@row("F3")
@pytest.mark.slow
async def test_without_a_broker_nothing_is_promised_and_nothing_lost(
    kafka: Broker,
    deploy: Deploy,
    request: pytest.FixtureRequest,
) -> None:
    living = await deploy()
    await without_a_broker(living, kafka, request, for_s=8)


@row("F3")
@pytest.mark.proof
async def test_two_minutes_without_a_broker(
    kafka: Broker,
    deploy: Deploy,
    request: pytest.FixtureRequest,
) -> None:
    living = await deploy(patience_s=300)
    await without_a_broker(living, kafka, request, for_s=120, full=True)


async def begin_anew(living: Deployment, night: Night, on: Callable[[], object]) -> None:
    """Every core worker and who leads the delivery die, so that their state must be had from somewhere, and Redis is
    started as it is to be before they are; wait until all work.
    """
    for worker in [*living.of("core"), *living.of("delivery")]:
        worker.signal(signal.SIGKILL)
        night.happened[f"killed {worker.roles[0]}"] += 1
    await asyncio.to_thread(on)
    await recovered(living, night)


@row("F6", "F7")
@pytest.mark.slow
async def test_redis_only_makes_starts_quick(
    deploy: Deploy,
    request: pytest.FixtureRequest,
) -> None:
    """Away while people are woken and answer; then there and empty, then as it was before the crisis, each time with
    core workers that begin anew on it.
    """
    living = await deploy()

    async def fault(night: Night) -> None:
        await asyncio.to_thread(living.valkey.save)
        await until(lambda: card_of(living, BRAND), living.patience_s, living.tell)
        await asyncio.to_thread(living.valkey.kill)
        night.happened["Redis killed"] += 1
        words = "Redis does not take"
        await until(lambda: any(words in one.ask("/readyz")[1] for one in living.of("core")), 30, living.tell)
        await until(lambda: night.acknowledged, living.patience_s, living.tell)
        assert night.answered_s <= 1, "durable and answered within a second, without Redis"
        await begin_anew(living, night, lambda: (living.valkey.start(), living.valkey.flush()))
        night.happened["Redis empty"] += 1
        await begin_anew(living, night, living.valkey.restore)
        night.happened["Redis as before the crisis"] += 1

    night = await a_night(living, fault, seed=SEED + 1)
    noted(request, night, "redis", "Redis is killed, comes back empty, then as it was before", full=False)
    assert living.others() == {}
    homes = [json.loads(line)["home"] for line in kept_lines(living.of("core"), '"home": ')]
    assert {"topic", "anchor"} & set(homes[2:]), "an empty Redis was no help"
    assert "redis" in homes[-2:], "an old one was read"
    fired(3)


@row("F5")
@pytest.mark.slow
async def test_a_broker_that_comes_back_with_nothing(
    kafka: Broker,
    deploy: Deploy,
    request: pytest.FixtureRequest,
) -> None:
    """One incident is acknowledged, another has woken one person, when everything is lost that the broker held."""
    told = {"within": f"{LONG_RUNG_S}s", "troubled": (BRAND, OTHER)}
    living = await deploy(**told)
    night = Night()
    before = await two_incidents(living, night)
    await asyncio.to_thread(kafka.wipe)
    await make_topics(living.deployed)
    night.happened["broker wiped"] += 1
    back = time.time()
    with Sender(lambda: living.doors("intake"), seed=SEED + 2, per_second=PER_SECOND) as sender:
        for role, words in ALARMS.items():
            told_of = await until(lambda role=role, words=words: kept_lines(living.of(role), words), 60, living.tell)
            night.happened[f"alarms of {role}"] = len(told_of)
        night.happened["seconds until all had given alarm"] = round(time.time() - back)
        await recovered(living, night)
        await until(lambda: len(rungs(living, OTHER)) >= 2, living.patience_s, living.tell)
        await acknowledge(living, night, OTHER)
        await asyncio.sleep(2)
        await asyncio.to_thread(sender.rest)
    await told_after(living, night, sender, before)
    noted(request, night, "wiped", "the broker comes back with nothing", full=False)
    fired(night.happened["broker wiped"])


async def two_incidents(living: Deployment, night: Night) -> accounts.Books:
    """The first is acknowledged, the second has woken one person; all that was sent is decided upon. What was."""
    past = await living.with_a_past(SEED)
    await living.up(intake=2, core=2, delivery=2)
    with Sender(lambda: living.doors("intake"), seed=SEED, per_second=PER_SECOND) as sender:
        sender.also(BRAND, outcry(SEED, BRAND))
        await until(lambda: card_of(living, BRAND), living.patience_s, living.tell)
        await acknowledge(living, night, BRAND)
        sender.also(OTHER, outcry(SEED + 1, OTHER))
        await until(lambda: card_of(living, OTHER), living.patience_s, living.tell)
        await asyncio.to_thread(sender.rest)
    await all_decided(living)
    before = await accounts.fold(living.brokers)
    assert before.mentions == past + sender.counts()
    assert len(rungs(living, OTHER)) == 1, "the next is not due yet"
    return before


async def told_after(living: Deployment, night: Night, sender: Sender, before: accounts.Books) -> None:
    """What came after the loss counts once, by a journal that begins there; nobody was woken again."""
    await all_decided(living)
    await living.stop()
    living.hold_their_tongues()
    night.books = await accounts.fold(living.brokers)
    assert night.books.mentions == sender.counts(), "read from its first record"
    night.told = await accounts.deliveries(living.brokers)
    numbers = await decided(living.brokers)
    assert numbers[OTHER][0].n > len(before.decisions[OTHER]), "goes on from the kept state, and does not begin again"
    listed = " ".join(kept_lines(living.of("core"), ALARMS["core"]))
    assert {one.incident for one in before.decided() if one.incident not in listed} == set(), "what is open is listed"
    accounts.no_page_lost_or_doubled(accounts.Books(decisions=numbers), night.told, living.slack)
    for brand, at_s in night.acknowledged.items():
        accounts.nobody_woken_after(night.told, living.slack, brand, at_s)
    assert len(rungs(living, BRAND)) == 1
    assert len(rungs(living, OTHER)) == 2
