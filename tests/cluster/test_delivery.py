"""Delivery on real brokers: what was decided reaches people once, whoever leads, dies, stands still or comes back."""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from redis.asyncio import Redis

from alerting.delivery.ways import Answered, Click
from alerting.escalation import Casebook
from alerting.incident import Incident
from stream.kafka.clients import Brokers
from stream.kafka.cuts import Outgoing
from stream.kafka.making import make_topics
from stream.kafka.topics import partition_of
from stream.sources.text_store import StoredPost, post_bytes
from tests.acceptance.living import PEOPLE, staffed
from tests.cluster.broker import Broker
from tests.cluster.delivery_helpers import (
    Process,
    at_least,
    at_work,
    cards,
    configured,
    contents,
    decide,
    door_of,
    ended,
    is_told,
    page,
    pages,
    reports,
    said,
    settings_of,
    until,
    written,
)
from tests.cluster.intake_helpers import all_of, write
from tests.cluster.valkey import Valkey
from tests.fakes.slack import FakeSlack
from tocsin.entry import Answer
from tocsin.scaled.core_partition import CoreMeta, Place
from tocsin.scaled.core_state import StateStore
from tocsin.scaled.delivery_worker import DeliveryWorker
from tocsin.scaled.ground import lay
from tocsin.scaled.role import Ended
from tocsin.scaled.text_order import Read
from tocsin.sealing import Sealing
from tocsin.state import FrozenBrand

pytestmark = pytest.mark.slow
CRISIS = [page(1, "OpenIncident"), page(2)]
UNREADY_WITHIN_S = 15


def _says_silence(worker: DeliveryWorker) -> bool:
    """Whether it says that it is not ready, since it hears nothing of its brokers."""
    return any(words.startswith("the brokers do not") for words in worker.health().waits)


async def test_what_was_decided_reaches_people_and_the_core_is_told(
    tmp_path: Path, brokers: Brokers, valkey_url: str
) -> None:
    """One card, and one report of it."""
    async with FakeSlack() as slack:
        config = written(tmp_path, brokers, valkey_url, slack)
        async with at_work(config) as worker:
            await decide(brokers, CRISIS)
            (card,) = await until(lambda: cards(slack), "a card")
            assert worker.leads
            told = await until(lambda: reports(brokers), "a report")
        assert set(pages(slack).values()) == {1}
    assert "Tulpatel" in str(card.blocks)
    assert told == [("tulpatel-1/2/Page", "sent")]


async def test_decisions_that_come_again_page_nobody_again(tmp_path: Path, brokers: Brokers, valkey_url: str) -> None:
    """A core that died repeats what it decided, and so does one that is taken for dead: not even a new leader pages."""
    async with FakeSlack() as slack:
        config = written(tmp_path, brokers, valkey_url, slack)
        async with at_work(config):
            await decide(brokers, CRISIS)
            await until(lambda: cards(slack), "a card")
            await decide(brokers, [*CRISIS, page(1, "OpenIncident", "tulpatel-2"), page(2, incident="tulpatel-2")])
            await until(lambda: len(cards(slack)) == 2, "the card of the other incident")
        await decide(brokers, CRISIS)
        async with at_work(config) as worker:
            await decide(brokers, [page(1, "OpenIncident", "tulpatel-3"), page(2, incident="tulpatel-3")])
            await until(lambda: len(cards(slack)) == 3, "the card of the third incident")
            assert worker.outbox.taken("tulpatel-1/2/Page")
        assert set(pages(slack).values()) == {1}


@pytest.mark.parametrize("point", ["outbox.plan.after", "delivery.claimed", "delivery.posted", "outbox.sent.after"])
async def test_a_leader_that_is_killed_loses_and_doubles_nothing(
    tmp_path: Path, brokers: Brokers, valkey_url: str, point: str
) -> None:
    """Before it wrote down what it took; between claim and POST; after the POST, whatever it knew of the outcome."""
    async with FakeSlack() as slack:
        config = written(tmp_path, brokers, valkey_url, slack)
        leader = Process(config, dies_at=point)
        with ended(leader):
            await until(lambda: leader.leads, "it leads")
            async with at_work(config) as other:
                await decide(brokers, CRISIS)
                await until(lambda: leader.status == -signal.SIGKILL, "it dies there")
                (card,) = await until(lambda: cards(slack), "a card")
                await until(lambda: other.leads, "the other leads")
                await until(lambda: not other.outbox.unsettled(), "everything is settled")
                await until(lambda: is_told(brokers, ("tulpatel-1/2/Page", "sent")), "the core knows that it was sent")
        assert pages(slack) == Counter({str(card.page_id): 1})
    assert not [one for one in await reports(brokers) if one[1] == "failed"]


@pytest.mark.parametrize("point", ["", "outbox.sending.after", "delivery.claiming"])
async def test_a_leader_that_stood_still_sends_nothing_when_it_wakes(
    tmp_path: Path, brokers: Brokers, valkey_url: str, point: str
) -> None:
    """It believes that it leads, with a page half begun; the log knows better."""
    async with FakeSlack() as slack:
        config = written(tmp_path, brokers, valkey_url, slack)
        leader = Process(config, stops_at=point)
        with ended(leader):
            await until(lambda: leader.leads, "it leads")
            if not point:
                leader.send(signal.SIGSTOP)
            await decide(brokers, CRISIS)
            await until(lambda: leader.is_stopped, "it stands still")
            async with at_work(config) as other:
                (card,) = await until(lambda: cards(slack), "a card by the other")
                assert other.leads
                leader.send(signal.SIGCONT)
                await until(lambda: "leads the delivery no more" in leader.said, "it knows that it was taken over")
                await decide(brokers, [page(3, "Escalate", targets=("bram",), by=("slack",))])
                await until(lambda: len(pages(slack)) == 2, "the next page")
                await until(lambda: not other.outbox.unsettled(), "everything is settled")
        assert set(pages(slack).values()) == {1}
        assert pages(slack)[str(card.page_id)] == 1


async def test_who_leads_goes_on_where_others_come_and_hands_over_where_it_goes(
    tmp_path: Path, brokers: Brokers, valkey_url: str
) -> None:
    """A new version is rolled out worker by worker: no page waits for a session to end."""
    async with FakeSlack() as slack:
        config = written(tmp_path, brokers, valkey_url, slack)
        async with at_work(config) as first:
            await until(lambda: first.leads, "the first leads")
            async with at_work(config) as other:
                await until(lambda: other.lock.decided and other.health().ready, "the second stands by")
                await decide(brokers, CRISIS)
                await until(lambda: cards(slack), "a card")
                assert first.leads
                assert not other.leads
                await until(lambda: other.outbox.taken("tulpatel-1/2/Page"), "who stands by knows what was sent")
                began = time.monotonic()
                await first.stop()
                await until(lambda: other.leads, "the second leads")
                assert time.monotonic() - began < 5
                await decide(brokers, [page(3, "Escalate", targets=("bram",), by=("slack",))])
                await until(lambda: len(pages(slack)) == 2, "the next page")
        assert set(pages(slack).values()) == {1}


async def test_an_answer_counts_at_whoever_stands_by(tmp_path: Path, brokers: Brokers, valkey_url: str) -> None:
    """The card says so, the core hears of it, and nobody else is paged."""
    async with FakeSlack() as slack:
        staffed(slack)
        config = written(tmp_path, brokers, valkey_url, slack)
        async with at_work(config) as leader:
            await until(lambda: leader.leads, "it leads")
            async with at_work(config) as other, door_of(other, slack):
                await until(lambda: other.health().ready, "the other stands by")
                await decide(brokers, CRISIS)
                (card,) = await until(lambda: cards(slack), "a card")
                await until(
                    lambda: other.clicks is not None and other.people.brand_of("tulpatel-1"), "it is known there"
                )
                result = await slack.click(card, "tocsin.acknowledge", PEOPLE["ana"])
                assert result.acked
                await until(lambda: "Acknowledged by Ana Diaz" in str(cards(slack)[0].blocks), "the card says so")
                await decide(brokers, [page(3, "Escalate", targets=("bram",), by=("slack",))])
                await until(lambda: leader.outbox.taken("tulpatel-1/3/Escalate"), "the escalation is taken")
                await until(lambda: not leader.outbox.unsettled(), "everything is settled")
            answers = [one for one in await said(brokers) if isinstance(one, Answer)]
        assert [(one.answer, one.who) for one in answers] == [("acknowledge", "ana")]
        assert not [one for one in slack.ledger.posts if PEOPLE["bram"] in one.text], "nobody else is paged"


async def test_an_answer_that_is_not_heard_in_its_turn_takes_nobody_elses_place(
    tmp_path: Path, brokers: Brokers, valkey_url: str
) -> None:
    """It is shown at once; what stands in the log where we are is another's, and is acted on when it is heard."""
    async with FakeSlack() as slack, at_work(written(tmp_path, brokers, valkey_url, slack)) as worker:
        await until(lambda: worker.leads, "it leads")
        await until(lambda: configured(brokers), "the configuration")
        await decide(brokers, CRISIS)
        await until(lambda: pages(slack), "the page")
        hearing, journal = worker.cluster.hearing, worker._life.journal
        worker.cluster._told(Answered("tulpatel-1", "acknowledge", "Ana"))
        heard_to = hearing.at["control"]
        assert int(journal.notes().get("control", "0")) <= heard_to
        view = worker.outbox.view("tulpatel-1")
        assert view is not None
        assert view.acked_by == "Ana"


async def test_the_leader_tells_the_core_what_the_flowchart_says_and_says_it_once(
    tmp_path: Path, brokers: Brokers, valkey_url: str
) -> None:
    """Its contents first, so that no core waits for them; and again only where the file has changed."""
    async with FakeSlack() as slack:
        config = written(tmp_path, brokers, valkey_url, slack)
        async with at_work(config) as worker:
            (first,) = await until(lambda: configured(brokers), "the configuration")
            content = worker.people.contents.content(first.digest)
            assert (first.brand, content.brand) == ("Tulpatel", "Tulpatel")
        known = await contents(brokers)
        assert {first.digest, content.chart} <= known
        async with at_work(config) as worker:
            await until(lambda: worker.leads, "the next leads")
            chart = tmp_path / "chart.yaml"
            chart.write_text(chart.read_text().replace("Nothing more to do.", "Enough."))
            await worker.people.charts.look()
            _, second = await until(lambda: at_least(configured(brokers), 2), "the change")
            changed = worker.people.contents.content(second.digest).chart
            assert b"Enough." in worker.people.contents.bodies()[changed]
        assert (await contents(brokers)) > known
    assert second.digest != first.digest


async def test_what_a_person_wrote_is_read_by_every_worker_and_by_no_log(
    tmp_path: Path, brokers: Brokers, valkey_url: str
) -> None:
    """The words go to the erasable topic, `control` holds their digest alone."""
    async with FakeSlack() as slack:
        staffed(slack)
        config = written(tmp_path, brokers, valkey_url, slack)
        async with at_work(config) as one, at_work(config) as other:
            await decide(brokers, CRISIS)
            await until(lambda: cards(slack), "a card")
            await until(lambda: one.health().ready and one.people.brand_of("tulpatel-1"), "the one knows of it")
            await until(lambda: other.health().ready and other.people.brand_of("tulpatel-1"), "so does the other")
            click = Click("c1", "tulpatel-1", "note", PEOPLE["ana"], "T1", 0, note="We called them back")
            assert (await other.clicks(click)).accepted
            (answer,) = [event for event in await said(brokers) if isinstance(event, Answer)]
            await until(lambda: one.people.notes.note(answer.note_digest) == "We called them back", "the words")
    assert "called" not in str(answer)


async def test_a_text_of_a_worker_that_stood_still_comes_back_for_nobody(
    tmp_path: Path, brokers: Brokers, valkey_url: str
) -> None:
    """Who reads it refuses it, and buries it again for whoever reads the topic when it was compacted."""
    layout = brokers.layout

    def record(name: str, offset: int, words: str | None) -> Outgoing:
        post = StoredPost(name=name, id=name, source="x", text=words or "", created_ms=time.time_ns() // 1_000_000)
        home = partition_of(name, layout.mentions)
        value = None if words is None else post_bytes(post)
        return Outgoing(layout.name("texts"), home, name.encode(), value, [Read(0, offset).header()])

    async def left() -> list[bytes | None]:
        found = await all_of(brokers, "texts", partition_of("n1", layout.mentions))
        return [one.value for one in found if one.key == b"n1"]

    async with FakeSlack() as slack:
        config = written(tmp_path, brokers, valkey_url, slack)
        async with at_work(config) as worker:
            await until(lambda: worker.health().shown.get("texts_read"), "it has read the texts")
            store = worker.people.texts
            await write(brokers, [record("n1", 3, "mine"), record("n2", 3, "theirs")])
            await until(lambda: len(store.get(["n1", "n2"])) == 2, "both texts")
            await write(brokers, [record("n1", 7, None), record("n1", 3, "mine"), record("n2", 8, "edited")])
            await until(lambda: store.get(["n2"])["n2"].text == "edited", "the edit")
            await until(lambda: _is_buried(left), "the tombstone stands last")
            assert store.get(["n1"]) == {}
            (kept,) = (worker.settings.data_path / "delivery-texts").glob("*.db")
            assert kept.stat().st_mode & 0o077 == 0
        assert list((worker.settings.data_path / "delivery-texts").iterdir()) == []


async def _is_buried(left: Callable[[], Awaitable[list[bytes | None]]]) -> bool:
    values = await left()
    return len(values) == 4 and values[-1] is None


async def test_a_worker_that_has_no_place_for_texts_says_so_and_ends(
    tmp_path: Path, brokers: Brokers, valkey_url: str
) -> None:
    """Before it asks any broker, with the status of what an operator must put right."""
    async with FakeSlack() as slack:
        settings = settings_of(written(tmp_path, brokers, valkey_url, slack))
        settings.data_path.write_text("")
        with pytest.raises(Ended, match="Let `data` name a directory that this worker may write to") as ended_by:
            await DeliveryWorker(lay(settings)).run()
        assert ended_by.value.status == 2


async def test_a_log_that_was_lost_is_written_again_by_whoever_knows_it(
    tmp_path: Path, kafka: Broker, brokers: Brokers, valkey_url: str
) -> None:
    """The brokers lost everything: what was sent is not sent again, and what is decided next goes out."""
    async with FakeSlack() as slack:
        config = written(tmp_path, brokers, valkey_url, slack)
        async with at_work(config) as worker:
            await decide(brokers, CRISIS)
            await until(lambda: cards(slack) and not worker.outbox.unsettled(), "a card")
            await asyncio.to_thread(kafka.wipe)
            await make_topics(brokers)
            await decide(brokers, [*CRISIS, page(3, "Escalate", targets=("bram",), by=("slack",))])
            await until(lambda: len(pages(slack)) == 2, "the next page", 90)
            await until(lambda: worker.leads and not worker.outbox.unsettled(), "everything is settled")
            known = [one.page_id for one in worker.outbox.pages("tulpatel-1")]
        async with at_work(config) as later:
            await until(lambda: later.leads, "the next leads")
            assert [one.page_id for one in later.outbox.pages("tulpatel-1")] == known
        assert set(pages(slack).values()) == {1}


async def test_what_the_core_knew_is_known_to_a_worker_that_starts(
    tmp_path: Path, brokers: Brokers, valkey_url: str
) -> None:
    """Who has an incident was said longer ago than anybody reads back: nobody else is paged for it."""
    held = Incident("tulpatel-1", "Tulpatel", "backlash", "high", 0, status="acknowledged", acknowledged_by="ana")
    home = brokers.layout.brand_partition("Tulpatel")
    meta = CoreMeta(step_ms=1_000, sealing=Sealing(marks={0: 7, 1: 9}), place=Place(0, 40), brands=["Tulpatel"])
    redis = Redis.from_url(valkey_url)
    brand = FrozenBrand(brand="Tulpatel", book=Casebook("Tulpatel", held))
    await StateStore(redis, brokers.layout.prefix).save(home, meta, {"Tulpatel": brand}, base=None)
    async with FakeSlack() as slack:
        config = written(tmp_path, brokers, valkey_url, slack)
        async with at_work(config) as worker:
            await decide(brokers, [page(7, "Escalate", targets=("bram",), by=("slack",))])
            await until(lambda: worker.outbox.taken("tulpatel-1/7/Escalate"), "it is taken")
            await until(lambda: not worker.outbox.due(2**60), "it is settled")
            overview = worker._desk.overviews.now() if worker._desk is not None else None
            facts = worker.facts()
        assert not [one for one in slack.ledger.posts if PEOPLE["bram"] in one.text]
    assert overview is not None
    assert [shown.view.incident for shown in overview.brands[0].open] == ["tulpatel-1"]
    assert (facts.core_behind_ms > 8_000, facts.core_unseen_ms < 10_000) == (True, True)
    await redis.aclose()


async def test_whoever_is_first_in_the_log_has_it_wherever_they_pressed(
    tmp_path: Path, brokers: Brokers, valkey_url: str
) -> None:
    """Two press at the same moment at two workers: both are told the same name."""
    async with FakeSlack() as slack:
        staffed(slack)
        config = written(tmp_path, brokers, valkey_url, slack)
        async with at_work(config) as one, at_work(config) as other:
            await decide(brokers, CRISIS)
            await until(lambda: cards(slack), "a card")
            for number in range(5):
                incident = f"tulpatel-{number + 5}"
                await decide(brokers, [page(1, "OpenIncident", incident), page(2, incident=incident)])
                await until(lambda: one.health().ready and one.people.brand_of(incident), "the one knows of it")  # noqa: B023
                await until(lambda: other.health().ready and other.people.brand_of(incident), "so does the other")  # noqa: B023
                ana = Click(f"a{number}", incident, "acknowledge", PEOPLE["ana"], "T1", 0)
                bram = Click(f"b{number}", incident, "acknowledge", PEOPLE["bram"], "T1", 0)
                told = await asyncio.gather(one.clicks(ana), other.clicks(bram))
                answers = [event for event in await said(brokers) if isinstance(event, Answer)]
                first = next(answer.who for answer in answers if answer.incident == incident)
                assert sorted(answer.text for answer in told) == sorted(
                    [f"Acknowledged by {first}.", f"Already acknowledged by {first}."]
                )


async def test_brokers_that_are_away_for_a_while_cost_no_page_and_double_none(
    tmp_path: Path, kafka: Broker, brokers: Brokers, valkey_url: str
) -> None:
    """What was decided before they went is sent when they are back; the workers wait, and whoever only stands by is
    not ready either.
    """
    async with FakeSlack() as slack:
        config = written(tmp_path, brokers, valkey_url, slack)
        async with at_work(config) as one, at_work(config) as other:
            await until(lambda: one.leads or other.leads, "one leads")
            await until(lambda: one.health().ready and other.health().ready, "both are ready")
            slack.faults.add("chat.postMessage", "ratelimited", None)
            await decide(brokers, CRISIS)
            leader = one if one.leads else other
            await until(leader.outbox.unsettled, "it is taken")
            await asyncio.to_thread(kafka.stop)
            slack.faults.clear()
            await until(lambda: leader._life.held_back.get("log_silent"), "it does not send what it cannot write down")
            assert not cards(slack)
            await until(lambda: all(_says_silence(worker) for worker in (one, other)), "both say it", UNREADY_WITHIN_S)
            assert one.health().alive, "a new start would cure nothing"
            assert other.health().alive, "a new start would cure nothing"
            await asyncio.to_thread(kafka.start)
            await until(lambda: cards(slack), "a card", 60)
            await until(lambda: one.health().ready and other.health().ready, "both are ready again")
            await until(lambda: one.leads or other.leads, "one leads again", 60)
            await decide(brokers, [page(3, "Escalate", targets=("bram",), by=("slack",))])
            await until(lambda: len(pages(slack)) == 2, "the next page", 60)
        assert set(pages(slack).values()) == {1}


async def test_an_acknowledgement_is_durable_within_a_second_without_redis(
    tmp_path: Path, brokers: Brokers, own_valkey: Valkey
) -> None:
    """It needs the brokers alone."""
    async with FakeSlack() as slack:
        staffed(slack)
        config = written(tmp_path, brokers, own_valkey.url(), slack)
        async with at_work(config) as worker, door_of(worker, slack):
            await decide(brokers, CRISIS)
            (card,) = await until(lambda: cards(slack), "a card")
            own_valkey.kill()
            began = time.monotonic()
            result = await slack.click(card, "tocsin.acknowledge", PEOPLE["ana"])
            took_s = time.monotonic() - began
            assert result.acked
            (answer,) = [one for one in await said(brokers) if isinstance(one, Answer)]
            await until(lambda: "Acknowledged by Ana Diaz" in str(cards(slack)[0].blocks), "the card says so")
            await decide(brokers, [page(1, "OpenIncident", "tulpatel-2"), page(2, incident="tulpatel-2")])
            await until(lambda: len(cards(slack)) == 2, "who is paged next is paged without Redis too")
    assert answer.who == "ana"
    assert took_s < 1
