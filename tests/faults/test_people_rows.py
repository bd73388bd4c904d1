"""What people do at the worst moment: press together, press twice, press in the millisecond of the next rung."""

from pathlib import Path

import pytest

from tests.faults.rows import fired, row
from tests.faults.virtual import virtual
from tocsin.journal import open_existing, verify

SEED = 20_267
pytestmark = pytest.mark.slow


@row("F13")
@pytest.mark.parametrize("first", ["answer", "rung"])
async def test_an_answer_in_the_millisecond_of_the_rung_has_one_outcome(past: Path, tmp_path: Path, first: str) -> None:
    """Whoever is first in that millisecond has it: the answer, and nobody else is woken; or the rung, and then nobody
    after it.
    """
    async with virtual(past, tmp_path, within="1m") as service:
        page = await service.crisis(1)
        await service.at(page.ack_by_ms - 1)
        assert service.place.woke() == ["ana"]
        await service.at(page.ack_by_ms, beats=False)
        if first == "rung":
            await service.beat()
        said = await service.press(page.incident, "acknowledge", "ana")
        assert said == "Acknowledged by ana."
        await service.beat()
        answer = service.works.home.intake_log.read(1, 1_000_000)
        stamps = [record.observed_ms for record in answer if b'"acknowledge"' in record.body]
        assert stamps == [page.ack_by_ms], "it was pressed in that very millisecond"
        fired()
        await service.at(page.ack_by_ms + 130_000)
        assert service.place.woke() == (["ana"] if first == "answer" else ["ana", "bram"])
        rungs = service.decided("Escalate")
        assert len(rungs) <= 1
        assert [d.reason for d in service.decided("Update")] == ["acknowledged"]
    assert verify(open_existing(tmp_path / "data" / "journal.db")).ok


@row("F12")
async def test_first_wins_and_whoever_comes_later_hears_who(past: Path, tmp_path: Path) -> None:
    """Twice by the same, by another, after it is over: one answer counts, each is told how it stands."""
    async with virtual(past, tmp_path, within="1m") as service:
        page = await service.crisis(2)
        said = [await service.press(page.incident, "acknowledge", who) for who in ("bram", "bram", "ana", "chloe")]
        assert said == ["Acknowledged by bram.", *["Already acknowledged by bram."] * 3]
        await service.beat()
        assert await service.press(page.incident, "resolve", "ana") == "Resolved by ana."
        await service.at(service.now_ms + 5_000)
        late = [await service.press(page.incident, what, "chloe") for what in ("acknowledge", "own", "resolve")]
        assert set(late) == {"Already resolved by ana."}
        fired(len(said) - 1 + len(late))
        await service.at(service.now_ms + 130_000)
        assert service.place.woke() == ["ana"]
        assert len(service.decided("StandDown")) == 1


@row("F12")
async def test_an_answer_that_comes_with_a_page_on_its_way_out_stops_it(past: Path, tmp_path: Path) -> None:
    """Slack is down, a rung is due and could not be sent; somebody acknowledges elsewhere; Slack comes back."""
    async with virtual(past, tmp_path, within="1m") as service:
        page = await service.crisis(3)
        service.place.down = True
        await service.at(page.ack_by_ms + 20_000)
        (rung,) = service.decided("Escalate")
        assert rung.targets == ("bram",)
        waiting = [one for one in service.works.home.outbox.unsettled() if one.wakes]
        assert [one.responders for one in waiting] == [("bram",)]
        fired(len(waiting))
        assert await service.press(page.incident, "acknowledge", "ana") == "Acknowledged by ana."
        service.place.down = False
        await service.at(service.now_ms + 120_000)
        assert service.place.woke() == ["ana"]
