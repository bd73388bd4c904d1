"""What every source owes: held against each case, in virtual time."""

import asyncio
import random
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import structlog

from stream.reading import Reader
from stream.sources.contract import Denied, Trouble
from tests.sources.cases import CASES
from tests.sources.laws import Case, House, fed, ledger_problems, living, shelf, staged
from tests.sources.virtual import now_ms, run

HOUR_S = 3_600.0
every = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def in_house(story: Any, *, seed: int = 1) -> Any:
    """Run a story with a house of its own."""

    async def told() -> Any:
        with shelf() as directory:
            async with living(Path(directory)) as house:
                return await story(house)

    return run(told(), seed=seed)


@every
@pytest.mark.parametrize("seed", [1, 2])
def test_after_an_hour_of_misbehaviour_the_log_holds_what_was_said(case: Case, seed: int) -> None:
    """Nothing lost that the platform could still give, nothing doubled, every gap with its start and end."""

    async def story(house: House) -> None:
        stage = staged(case, house, seed)
        async with fed(house, stage.source()) as feeding:
            await stage.play(HOUR_S)
            await asyncio.sleep(case.settle_s)
            assert feeding.figures.troubles, "nothing went wrong, so nothing is shown"
            assert feeding.figures.status == "ok"
        said = stage.said()
        assert len(said) >= 50
        assert ledger_problems(case, house, said) == []

    in_house(story, seed=seed)


@pytest.mark.slow
def test_all_sources_together_lose_and_double_nothing() -> None:
    """One log, one file of places, one loop: an hour in which all platforms misbehave at once."""

    async def story(house: House) -> None:
        stages = [(case, staged(case, house, 11)) for case in CASES]
        async with AsyncExitStack() as all_fed:
            feedings = [await all_fed.enter_async_context(fed(house, stage.source())) for _, stage in stages]
            await asyncio.gather(*(stage.play(HOUR_S) for _, stage in stages))
            await asyncio.sleep(max(case.settle_s for case in CASES))
            assert [f.source.name for f in feedings if f.figures.status != "ok"] == []
        for case, stage in stages:
            assert ledger_problems(case, house, stage.said()) == []

    in_house(story)


@every
def test_killed_again_and_again_a_new_process_goes_on_from_what_is_kept(case: Case) -> None:
    """A process that ends at any moment, with rows kept and their place not, loses and doubles nothing."""

    async def story(house: House) -> None:
        stage = staged(case, house, 3)
        playing = asyncio.create_task(stage.play(HOUR_S / 2))
        rng = random.Random(3)
        lives = 0
        while not playing.done():
            # Who dies before any place was ever kept begins from now on: nothing was promised yet.
            house.slow.sticks_after = rng.choice([None, 1, 2, 5]) if lives else None
            async with fed(house, stage.source()):
                await asyncio.sleep(rng.uniform(20, 400))
                lives += 1
        house.slow.sticks_after = None
        await playing
        async with fed(house, stage.source()):
            await asyncio.sleep(case.settle_s)
        assert lives >= 4
        assert house.slow.stuck >= 1, "nobody died between rows and place"
        assert ledger_problems(case, house, stage.said(), died=True) == []

    in_house(story)


@every
def test_while_the_log_takes_nothing_the_source_is_not_asked(case: Case) -> None:
    """Back-pressure: at most one batch waits, and all of it is stored afterwards."""

    async def story(house: House) -> None:
        stage = staged(case, house, 4)
        async with fed(house, stage.source()) as feeding:
            await asyncio.sleep(feeding.source.silent_after_s)
            house.slow.held = True
            last = stage.say()
            await asyncio.sleep(2 * feeding.source.silent_after_s)
            assert feeding.waits_for_log
            asked = stage.asked
            for _ in range(20):
                last = stage.say()
                await asyncio.sleep(30)
            assert stage.asked - asked <= case.ahead
            assert feeding.figures.status == "lagging"
            house.slow.held = False
            await asyncio.sleep(case.settle_s)
            assert feeding.figures.status == "ok"
        assert house.slow.largest <= 1_000
        assert last.id in {one.id for one in house.stored(case.name)}
        assert ledger_problems(case, house, stage.said()) == []

    in_house(story)


@every
def test_a_stall_is_silence_within_the_declared_time_since_the_last_batch(case: Case) -> None:
    """Connections that only seem to stand: told as silent, blind since the last batch; and ok again when it is over."""

    async def story(house: House) -> None:
        stage = staged(case, house, 5)
        async with fed(house, stage.source()) as feeding:
            stage.say()
            declared_ms = int(feeding.source.silent_after_s * 1000)
            await asyncio.sleep(2 * feeding.source.silent_after_s)
            assert [status for _, status, _ in house.reports] == ["ok"]
            stage.stall()
            await asyncio.sleep(2 * feeding.source.silent_after_s + 60)
            at_ms, status, since_ms = house.reports[-1]
            assert status == "silent"
            assert since_ms == feeding.figures.heard_ms == house.places.standing(case.name).heard_ms
            assert at_ms - since_ms <= declared_ms + 6_000
            stage.heal()
            missed = stage.say()
            await asyncio.sleep(case.settle_s)
            assert house.reports[-1][1] == "ok"
            assert not feeding.figures.trouble
        assert missed.id in {one.id for one in house.stored(case.name)}

    in_house(story)


@every
def test_what_nobody_can_read_is_counted_and_buried_and_the_rest_goes_on(case: Case) -> None:
    """A bad payload costs itself alone."""

    async def story(house: House) -> None:
        stage = staged(case, house, 6)
        async with fed(house, stage.source()) as feeding:
            await asyncio.sleep(feeding.source.silent_after_s)
            stage.say()
            letters = stage.spoil()
            good = stage.say()
            await asyncio.sleep(case.settle_s)
            assert feeding.figures.bad >= letters >= 1
        counted = sum(n for (source, _), n in house.dead.counts().items() if source == case.name)
        assert counted == feeding.figures.bad
        assert good.id in {one.id for one in house.stored(case.name)}

    in_house(story)


@every
def test_no_secret_is_seen_anywhere(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    """Not in a log, in the words of a trouble, in a place, in what is stored, or in the source's own `repr`."""
    seen: list[str] = []

    async def story(house: House) -> None:
        stage = staged(case, house, 7)
        source = stage.source()
        seen.append(repr(source))
        async with fed(house, source) as feeding:
            await stage.play(600)
            stage.stall()
            for ask in (source.check, stage.source().check):
                try:
                    seen.append(repr(await asyncio.wait_for(ask(), 300)))
                except (Trouble, Denied, TimeoutError) as error:
                    seen.append(f"{error!r} {error}")
            seen.append(repr(feeding.figures))
        seen.append(repr(house.places.standing(case.name)))
        seen.extend(repr(record.body) for record in house.records())

    with structlog.testing.capture_logs() as logs:
        in_house(story)
    everything = "\n".join([*seen, *(repr(line) for line in logs), caplog.text])
    assert [secret[:4] for secret in case.secrets if secret in everything] == []


@every
def test_the_check_shows_one_mention_as_it_would_be_stored(case: Case) -> None:
    """And says in words what was found."""

    async def story(house: House) -> None:
        stage = staged(case, house, 8)
        post = stage.say()
        await asyncio.sleep(5)
        sample = await stage.source().check()
        assert sample.words
        assert all(words[0].isupper() and words.endswith((".", ":")) for words in sample.words)
        if sample.row is not None:
            Reader(case.name).read(sample.row, now_ms())
        assert post.id

    in_house(story)


@every
def test_a_source_says_how_complete_it_is(case: Case) -> None:
    """And what it is called, and how long it may be quiet."""

    async def story(house: House) -> None:
        source = staged(case, house, 9).source()
        assert source.completeness == case.completeness
        assert source.name == case.name
        assert source.kind
        assert 5 <= source.silent_after_s <= 86_400

    in_house(story)
