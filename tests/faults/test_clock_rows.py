"""What becomes of waiting people when somebody moves the clock, or the machine stands still."""

import signal
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.codec import HOUR_MS, MINUTE_MS
from tests.acceptance import living as lively
from tests.acceptance.living import CHANNEL, STEP_MS, Living, Process, burst, living, until, wakes
from tests.fakes.slack import FakeSlackThread, Message
from tests.faults.rows import fired, row
from tests.faults.test_restart import post, verifies
from tests.faults.virtual import virtual
from tocsin.steady_clock import PAUSE_MS, SLEWED, SteadyClock

SEED = 20_266
WALL_MS = 1_772_449_200_000


class Machine:
    """A clock on the wall that can be set, and one that cannot."""

    def __init__(self) -> None:
        self.wall_ms = WALL_MS
        self.ran_ms = 0
        self.clock = SteadyClock(lambda: self.wall_ms, lambda: self.ran_ms)

    def run(self, ms: int, look_every_ms: int = 1_000) -> int:
        """Let time pass, looking at the clock now and then; how much time passed by it."""
        before = self.clock()
        while ms > 0:
            passed = min(ms, look_every_ms)
            self.wall_ms, self.ran_ms, ms = self.wall_ms + passed, self.ran_ms + passed, ms - passed
            self.clock()
        return self.clock() - before


@row("F14")
@pytest.mark.parametrize("jump_ms", [HOUR_MS, -HOUR_MS, -MINUTE_MS, 24 * HOUR_MS])
def test_a_clock_that_is_set_moves_no_timer(jump_ms: int) -> None:
    """A rung of ten minutes lasts ten minutes, but for a twentieth, whatever the wall shows."""
    machine = Machine()
    machine.run(MINUTE_MS)
    machine.wall_ms += jump_ms
    passed = machine.run(10 * MINUTE_MS)
    assert abs(passed - 10 * MINUTE_MS) <= 10 * MINUTE_MS // SLEWED
    assert machine.clock.jumps == 1
    fired(machine.clock.jumps)
    assert (machine.clock.off_ms > 0) == (jump_ms > 0)


@row("F14")
def test_after_a_restart_under_a_clock_that_was_set_back_time_goes_on() -> None:
    """What the process before stamped stays; from there a rung lasts as long as ever."""
    machine = Machine()
    last_ms = machine.clock()
    machine.wall_ms -= HOUR_MS
    machine.clock = SteadyClock(lambda: machine.wall_ms, lambda: machine.ran_ms)
    machine.clock.not_before(last_ms)
    assert machine.clock() == last_ms
    passed = machine.run(10 * MINUTE_MS)
    assert abs(passed - 10 * MINUTE_MS) <= 10 * MINUTE_MS // SLEWED
    assert machine.clock.off_ms < 0
    fired(machine.clock.jumps)


@row("F14")
def test_a_clock_that_is_set_is_made_up_for_within_the_day() -> None:
    machine = Machine()
    machine.wall_ms -= HOUR_MS
    machine.clock()
    fired(machine.clock.jumps)
    machine.run(SLEWED * HOUR_MS - MINUTE_MS)
    assert machine.clock.off_ms < 0
    machine.run(2 * MINUTE_MS)
    assert machine.clock() == machine.wall_ms


@row("F14")
def test_a_machine_that_was_paused_finds_what_is_overdue() -> None:
    """Ten minutes that only the wall knows of have passed: they count at once, and once."""
    machine = Machine()
    machine.wall_ms += 10 * MINUTE_MS
    assert machine.clock() - WALL_MS == 10 * MINUTE_MS <= PAUSE_MS
    assert machine.run(MINUTE_MS) == MINUTE_MS
    assert machine.clock.jumps == 1
    fired(machine.clock.jumps)


@row("F14")
@pytest.mark.parametrize("leap_ms", [-1_000, 1_000], ids=["a second twice", "a second left out"])
def test_a_leap_second_moves_nothing_and_alarms_nobody(leap_ms: int) -> None:
    """Time goes on through the second that the wall shows twice or never, and agrees with the wall soon after."""
    machine = Machine()
    machine.run(30_000, look_every_ms=100)
    before, shown_ms = machine.clock(), machine.wall_ms
    machine.wall_ms += leap_ms
    stamps = []
    for _ in range(20):
        machine.run(100, look_every_ms=100)
        stamps.append(machine.clock())
    assert (machine.wall_ms - shown_ms, machine.ran_ms - 30_000) == (2_000 + leap_ms, 2_000), "the wall leapt"
    fired()
    assert stamps == sorted(set(stamps)), "no instant comes twice"
    assert stamps[0] - before >= 95
    assert machine.run(10 * MINUTE_MS) - 10 * MINUTE_MS in range(-1_000, 1_001)
    assert machine.clock() == machine.wall_ms
    assert machine.clock.jumps == 0


@row("F14")
@pytest.mark.parametrize("gained", [-1, 1], ids=["slower", "quicker"])
def test_a_second_smeared_over_a_day_is_followed(gained: int) -> None:
    """The wall runs a little slower or quicker for 24 hours: time stays with it within a millisecond or so, and a rung
    of ten minutes is seven milliseconds off.
    """
    machine = Machine()
    rung_ms = 10 * MINUTE_MS
    for n in range(24 * 6):
        began = machine.clock()
        for second in range(600):
            machine.run(1_000)
            if (n * 600 + second) * 1_000 % 86_400 < 1_000:
                machine.wall_ms += gained
            assert abs(machine.clock() - machine.wall_ms) <= 2
        assert abs(machine.clock() - began - rung_ms) <= 10
    smeared_ms = machine.wall_ms - WALL_MS - machine.ran_ms
    assert smeared_ms == 1_000 * gained
    fired()
    assert machine.clock.jumps == 0


@row("F14")
@pytest.mark.slow
async def test_a_ladder_is_climbed_at_its_own_pace_over_a_second_that_comes_twice(past: Path, tmp_path: Path) -> None:
    """The second comes twice just before the rung: whoever is next is woken then, once, and not at both of them."""
    machine = Machine()
    machine.wall_ms = (time.time_ns() // 1_000_000 // STEP_MS + 2) * STEP_MS
    machine.clock = SteadyClock(lambda: machine.wall_ms, lambda: machine.ran_ms)
    now_ms = [machine.clock()]
    async with virtual(past, tmp_path, clock=now_ms, within="1m") as service:
        page = await service.crisis(1)
        machine.ran_ms += service.now_ms - machine.wall_ms
        machine.wall_ms = service.now_ms
        leaps = 0
        woken_ms: list[int] = []
        while len(woken_ms) < 2 and machine.wall_ms < page.ack_by_ms + 2 * MINUTE_MS:
            machine.run(500, look_every_ms=100)
            if not leaps and machine.wall_ms >= page.ack_by_ms - 500:
                machine.wall_ms -= 1_000
                leaps += 1
            assert machine.clock() > now_ms[0]
            now_ms[0] = machine.clock()
            await service.beat()
            woken_ms += [machine.ran_ms] * (len(service.place.woke()) - 1 - len(woken_ms))
        assert leaps == 1
        fired(leaps)
        assert service.place.woke() == ["ana", "bram", "chloe"]
        assert abs(woken_ms[1] - woken_ms[0] - MINUTE_MS) <= 1_000 + STEP_MS
        assert [d.targets for d in service.decided("Escalate")] == [("bram",), ("chloe",)]


@row("F14")
def test_a_clock_set_wrong_and_right_again_has_never_been_moved() -> None:
    """The way back is no pause: nothing fires early on it."""
    machine = Machine()
    for jump_ms in (-10 * MINUTE_MS, 10 * MINUTE_MS):
        machine.wall_ms += jump_ms
        machine.clock()
    assert abs(machine.clock() - WALL_MS) <= 1_000
    fired(machine.clock.jumps)


@settings(max_examples=80, deadline=None)
@given(
    moves=st.lists(
        st.tuples(st.integers(0, 30 * MINUTE_MS), st.integers(-2 * HOUR_MS, 2 * HOUR_MS)), min_size=1, max_size=12
    )
)
def test_whatever_is_done_to_the_wall_time_goes_on_and_never_back(moves: list[tuple[int, int]]) -> None:
    """It runs at least nineteen twentieths as quickly as it should."""
    machine = Machine()
    before = machine.clock()
    for passes, jump_ms in moves:
        machine.wall_ms += jump_ms
        assert machine.clock() >= before
        now = machine.clock()
        passed = machine.run(passes, look_every_ms=7 * MINUTE_MS)
        assert passed >= passes - passes // SLEWED - len(moves)
        before = now + passed


@row("F14")
@pytest.mark.slow
@pytest.mark.parametrize("jump_ms", [HOUR_MS, -HOUR_MS])
async def test_a_ladder_is_climbed_at_its_own_pace_over_a_clock_that_is_set(
    past: Path, tmp_path: Path, jump_ms: int
) -> None:
    """An hour ahead or back in the middle of a crisis, and a lost reply with it: each rung at its time, each once."""
    wall = lively.wall_clock_ms
    jump = 0
    clock = SteadyClock(lambda: wall() + jump)
    async with living(past, tmp_path, within="4s", clock=clock) as service:
        lost = service.slack.faults.add("chat.postMessage", "lost_reply", skip=1)
        await service.crisis(1)
        jump = jump_ms
        page = (await service.decided("Page"))[0]
        ladder = await service.decided("Escalate", 2)
        assert [d.targets for d in (page, *ladder)] == [("ana",), ("bram",), ("chloe",)]
        await service.passed(ladder[-1].at_ms + 4_000)
        await service.slack.wait_for(lambda: not service.service.home.outbox.unsettled(), 15)
        rung_s = [told_at(service, name) for name in ("ana", "bram", "chloe")]
        assert 3.0 <= rung_s[1] - rung_s[0] <= 6.0
        assert 3.0 <= rung_s[2] - rung_s[1] <= 6.0
        assert len(wakes(service.decisions())) == 3
        assert (clock.jumps, lost.fired) == (1, 1)
        fired(clock.jumps)
        assert any("clock was moved" in one for one in service.service.heartbeat.wrong)


def told_at(service: Living, who: str) -> float:
    """When somebody was named on Slack, which must have been once."""
    user = f"<@{lively.PEOPLE[who]}>"
    first = [m.edits[0].text if m.edits else m.text for m in service.slack.messages(CHANNEL)]
    told = [m.accepted_at for m, text in zip(service.slack.messages(CHANNEL), first, strict=True) if user in text]
    assert len(told) == 1, (who, told)
    return told[0]


def rung_by(slack: FakeSlackThread) -> list[Message]:
    """The messages that are pages; the picture beside them is none."""
    return [message for message in slack.messages(CHANNEL) if message.page_id]


@row("F14", "F30")
@pytest.mark.slow
def test_a_process_that_stood_still_pages_what_is_overdue_once(
    past: Path, tmp_path: Path, slack: FakeSlackThread
) -> None:
    """SIGSTOP over the moment of a rung, then SIGCONT: the rung is climbed at once, none is skipped, none doubled."""
    home = lively.copied(past, tmp_path)
    process = Process(lively.configure(home, slack, within="4s"))
    try:
        until(lambda: process.base_url, 20, "the service listens")
        post(process, burst(2))
        until(lambda: rung_by(slack), 20, "a card")
        process.signal(signal.SIGSTOP)
        until(lambda: stopped(process.pid), 5, "it stands still")
        time.sleep(6)
        assert len(rung_by(slack)) == 1
        process.signal(signal.SIGCONT)
        resumed = time.time()
        until(lambda: len(rung_by(slack)) == 2, 5, "the rung that is overdue")
        assert rung_by(slack)[1].accepted_at - resumed < 3
        fired()
        until(lambda: len(rung_by(slack)) >= 3, 10, "the next rung, at its time")
        assert rung_by(slack)[2].accepted_at - rung_by(slack)[1].accepted_at >= 0.5
        time.sleep(1.5)
        assert process.terminate() == 0
    finally:
        process.kill()
    decided = lively.decided(home / "data")
    assert [d.targets for d in wakes(decided)] == [("ana",), ("bram",), ("chloe",)]
    assert len(rung_by(slack)) == 3
    assert verifies(home / "tocsin.yaml")


def stopped(pid: int) -> bool:
    """Whether the system says that a process is stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
