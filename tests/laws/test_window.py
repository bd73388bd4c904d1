"""The window (DESIGN T1, late data): what a brand's core knows at a grid point, however it was told."""

import random

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stream import window as windows
from stream.codec import DAY_MS, MINUTE_MS, canonical, copy_of
from stream.combine import Combined, Combiner
from stream.pulse import Counts, Engagement, PulsePart, ThreadPart
from stream.window import (
    ALIASES_KEPT,
    CLUSTERS_KEPT,
    ENGAGEMENTS_KEPT,
    OPEN_END,
    OPEN_MINUTES,
    THREADS_KEPT,
    ClosedMinute,
    Window,
    floor,
)
from tests.mentions import KEY, START_MS, Public, seeded

STEP = 5_000
seeds = st.integers(0, 2**32)
few = settings(max_examples=20, deadline=None)


def parts_by_step(seed: int, count: int = 120, mean_gap_ms: int = 20_000) -> dict[int, list[Combined]]:
    """Some 40 minutes of a made-up public, as parts by grid step; some posts are minutes late."""
    combiner = Combiner(KEY, STEP)
    for post in Public(random.Random(seed)).posts(count, mean_gap_ms=mean_gap_ms):
        combiner.add(post)
    steps: dict[int, list[Combined]] = {}
    for combined in combiner.seal(2**60):
        steps.setdefault(combined.step, []).append(combined)
    return steps


def advance(window: Window, step: int, parts: list[Combined]) -> list[ClosedMinute]:
    """What the core does at the grid point that ends a step."""
    window.at_ms = (step + 1) * STEP
    for combined in parts:
        window.take(combined.minute_ms, combined.part)
    window.cut()
    return window.close()


def told(seed: int, steps: dict[int, list[Combined]], *, shuffle: bool, split: bool = False) -> bytes:
    rng, window, closed = random.Random(seed), Window(), []
    for step in sorted(steps):
        parts = steps[step]
        if split:
            parts = [half for c in parts for half in halves(c)]
        closed += advance(window, step, rng.sample(parts, len(parts)) if shuffle else parts)
    return canonical([window, closed])


def halves(combined: Combined) -> list[Combined]:
    """A part as two, as two chunks of it would come."""
    part = combined.part
    first = PulsePart(counts=part.counts, voices=part.voices, exemplars=part.exemplars, answered=part.answered)
    first.asked, first.responded_ms = part.asked, part.responded_ms
    second = PulsePart(aliases=part.aliases, clusters=part.clusters, engagement=part.engagement, threads=part.threads)
    return [combined._replace(part=first), combined._replace(part=second, chunk=1)]


@given(seeds)
@few
def test_the_order_of_parts_within_a_grid_point_does_not_show(seed: int) -> None:
    steps = parts_by_step(seed)
    assert told(seed, steps, shuffle=True) == told(seed, steps, shuffle=False)


@given(seeds)
@few
def test_how_parts_are_split_within_a_grid_point_does_not_show(seed: int) -> None:
    steps = parts_by_step(seed)
    assert told(seed, steps, shuffle=True, split=True) == told(seed, steps, shuffle=False)


@given(seeds)
@few
def test_a_burst_in_one_grid_point_shows_no_order_either(seed: int) -> None:
    """Many threads, clusters and chains at once."""
    everything = {2**40: [c for parts in parts_by_step(seed, 400, 40).values() for c in parts]}
    (parts,) = everything.values()
    step = parts[-1].step
    assert told(seed, {step: parts}, shuffle=True) == told(seed, {step: parts}, shuffle=False)


@given(seeds)
@few
def test_taking_a_part_leaves_it_alone_and_keeps_no_hold_of_it(seed: int) -> None:
    steps = parts_by_step(seed, 60)
    parts = [c for step in sorted(steps) for c in steps[step]]
    before = [canonical(c.part) for c in parts]
    window = Window(at_ms=(parts[-1].step + 1) * STEP)
    for _ in range(2):
        for combined in parts:
            window.take(combined.minute_ms, combined.part)
    window.cut()
    assert [canonical(c.part) for c in parts] == before
    held = canonical(window)
    for combined in parts:
        combined.part.add(copy_of(combined.part))
    assert canonical(window) == held


@given(seeds, st.data())
@few
def test_a_window_cut_and_restored_goes_on_as_if_nothing_happened(seed: int, data: st.DataObject) -> None:
    steps = parts_by_step(seed)
    order = sorted(steps)
    place = data.draw(st.integers(0, len(order)))
    window, closed = Window(), []
    for number, step in enumerate(order):
        if number == place:
            window = msgspec.json.decode(msgspec.json.encode(window), type=Window)
        closed += advance(window, step, steps[step])
    assert canonical([window, closed]) == told(seed, steps, shuffle=False)


@given(seeds)
@few
def test_each_minute_closes_exactly_once_in_order_and_with_all_that_came_in_time(seed: int) -> None:
    steps = parts_by_step(seed, 200, 60_000)
    window, closed, posted = Window(), [], 0
    for step in sorted(steps):
        closed += advance(window, step, steps[step])
        posted += sum(c.part.counts.mentions for c in steps[step])
    closed += advance(window, max(steps) + 200 * MINUTE_MS // STEP, [])
    starts = [c.pulse.start_ms for c in closed]
    assert starts == list(range(starts[0], starts[-1] + 1, MINUTE_MS)), "silent minutes are handed out too"
    assert sum(c.pulse.counts.mentions for c in closed) + window.history == posted
    assert window.history == 0, "nothing in this public is 90 minutes late"
    assert not window.minutes


def one(mentions: int = 1) -> PulsePart:
    return PulsePart(counts=Counts(mentions=mentions))


def test_what_is_late_changes_an_open_minute_and_then_only_history() -> None:
    window = Window(at_ms=START_MS)
    window.take(START_MS - MINUTE_MS, one())
    oldest = window.horizon_ms
    assert oldest == START_MS - OPEN_MINUTES * MINUTE_MS
    window.take(oldest, one(2))
    assert window.total("mentions", OPEN_MINUTES * MINUTE_MS) == 3
    window.take(oldest - MINUTE_MS, one(7))
    assert window.history == 7
    assert window.close() == []
    assert window.total("mentions", 200 * MINUTE_MS) == 3


def test_a_minute_handed_out_for_learning_never_changes_again() -> None:
    window = Window(at_ms=START_MS)
    window.take(START_MS - MINUTE_MS, one(5))
    window.at_ms = START_MS + OPEN_MINUTES * MINUTE_MS
    (closed,) = window.close()
    assert (closed.pulse.start_ms, closed.pulse.counts.mentions) == (START_MS - MINUTE_MS, 5)
    window.take(START_MS - MINUTE_MS, one(4))
    assert window.history == 4
    assert window.close() == []


def test_a_minute_with_a_blind_moment_is_not_complete() -> None:
    window = Window(at_ms=START_MS, blind=[(START_MS + 90_000, START_MS + 130_000), (START_MS + 300_000, OPEN_END)])
    window.take(START_MS, one())
    window.at_ms = START_MS + (OPEN_MINUTES + 7) * MINUTE_MS
    assert [c.pulse.complete for c in window.close()] == [True, False, False, True, True, False, False]
    assert window.blind == [(START_MS + 300_000, OPEN_END)], "what still lasts is kept"


def test_a_silence_of_more_than_a_week_is_skipped() -> None:
    window = Window(at_ms=START_MS)
    window.take(START_MS, one())
    week_ms = 7 * 24 * 60 * MINUTE_MS
    window.at_ms = START_MS + 30 * 24 * 60 * MINUTE_MS
    closed = window.close()
    assert len(closed) == week_ms // MINUTE_MS
    assert closed[-1].pulse.end_ms == window.horizon_ms


def test_a_stray_old_post_makes_no_week_of_silence_to_learn_from() -> None:
    """More than a week without a post is a gap in what we heard: none of its minutes is complete, later ones are."""
    window = Window()
    first, later = START_MS, START_MS + 400 * 24 * 60 * MINUTE_MS
    window.at_ms = first + MINUTE_MS
    window.take(first, PulsePart(counts=Counts(mentions=1)))
    window.at_ms = later + MINUTE_MS
    window.take(later, PulsePart(counts=Counts(mentions=1)))
    window.at_ms = later + (OPEN_MINUTES + 11) * MINUTE_MS
    closed = window.close()
    complete = [c.pulse.start_ms for c in closed if c.pulse.complete]
    assert complete == [later + n * MINUTE_MS for n in range(11)]
    assert len(closed) > 10_000


@given(seeds, st.sampled_from([3, 30, 500]))
@example(349, 500)
@few
def test_that_a_flood_waits_for_the_cut_does_not_show(seed: int, kept: int) -> None:
    """Whether few of a part's conversations stay or all of them, and however many come before the next cut."""
    steps = parts_by_step(seed, 300, mean_gap_ms=500)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windows, "THREADS_KEPT", kept)
        patch.setattr(windows, "CLUSTERS_KEPT", kept)
        plain = told(seed, steps, shuffle=False)
        for crowd_of in (0, 2):
            patch.setattr(windows, "CROWD", crowd_of)
            assert told(seed, steps, shuffle=True) == plain


@given(seeds, st.sampled_from([0, 3, 20]))
@few
def test_to_forget_that_posts_stand_alone_changes_no_answer(seed: int, kept: int) -> None:
    """A post of which nothing is known is held for the first of its conversation. Few stay: much is forgotten."""
    steps = parts_by_step(seed, 200)

    def lived() -> tuple[dict[str, tuple[int, str]], bytes]:
        window, answers = Window(), []
        for step in sorted(steps):
            answers.append(advance(window, step, steps[step]))
            answers += [window.replied_ms(key, 0) for key in sorted(window.threads)]
        aliases, window.aliases = window.aliases, {}
        return aliases, canonical([window, answers])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windows, "THREADS_KEPT", kept)
        aliases, told = lived()
        patch.setattr(Window, "_forget_alone", lambda _: None)
        every, told_with_every = lived()
    assert told == told_with_every
    joined = {name: alias for name, alias in every.items() if alias[1] != name}
    assert joined.items() <= aliases.items() <= every.items()
    assert len(aliases) < len(every)


@pytest.mark.parametrize("crowd_of", [0, windows.CROWD])
def test_an_old_post_is_known_while_its_conversation_goes_on(crowd_of: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "CROWD", crowd_of)
    old = {name: (START_MS - 2 * DAY_MS, name) for name in ("heard", "silent")}
    window = Window(at_ms=START_MS + STEP, aliases=old)
    window.take(START_MS, PulsePart(threads={"heard": ThreadPart(posts=1, first_ms=START_MS)}))
    window.cut()
    assert window.aliases.keys() == window.threads.keys() == {"heard"}


def test_a_reply_to_a_reply_joins_the_first_posts_thread() -> None:
    window = Window(at_ms=START_MS + STEP)
    chain = PulsePart(
        threads={
            "a": ThreadPart(posts=1, first_ms=START_MS, voices="1"),
            "b": ThreadPart(posts=2, replies=2, first_ms=START_MS + 2, voices="2"),
            "c": ThreadPart(posts=4, replies=4, first_ms=START_MS + 3, voices="4"),
        },
        aliases={"b": (START_MS + 1, "a"), "c": (START_MS + 2, "b"), "a": (START_MS, "a")},
    )
    window.take(START_MS, chain)
    window.cut()
    (thread,) = window.threads.values()
    assert (thread.key, thread.posts, thread.replies, thread.voices, thread.first_ms) == ("a", 7, 6, "7", START_MS)
    assert thread.by_minute == {START_MS: 7}


def chained(links: list[tuple[str, str]]) -> PulsePart:
    """One post for each (name, thread it was known under)."""
    return PulsePart(
        threads={thread: ThreadPart(posts=1, first_ms=START_MS) for _, thread in links},
        aliases={name: (START_MS, thread) for name, thread in links},
    )


@given(st.permutations([("a", "a"), ("b", "a"), ("c", "b"), ("d", "c"), ("e", "d")]))
@few
def test_a_chain_is_joined_in_whatever_order_its_posts_become_known(links: list[tuple[str, str]]) -> None:
    """Each post in a grid point of its own: a reply may be seen before what it answers."""
    window = Window()
    for number, link in enumerate(links):
        window.at_ms = START_MS + number * STEP
        window.take(START_MS, chained([link]))
        window.cut()
    assert {key: thread.posts for key, thread in window.threads.items()} == {"a": 5}


def test_a_circle_of_aliases_ends() -> None:
    window = Window(at_ms=START_MS)
    circle = {"a": (START_MS, "b"), "b": (START_MS, "a")}
    window.take(
        START_MS, PulsePart(threads={k: ThreadPart(posts=1, first_ms=START_MS) for k in circle}, aliases=circle)
    )
    window.cut()
    assert sum(t.posts for t in window.threads.values()) == 2


def crowd(rng: random.Random, minute_ms: int) -> PulsePart:
    """More threads, copies, aliases, counts and answers in a minute than any table keeps."""
    names = [f"{rng.getrandbits(64):016x}" for _ in range(1_500)]
    part = PulsePart(
        threads={n: ThreadPart(posts=rng.randrange(1, 9), first_ms=minute_ms + rng.randrange(9)) for n in names[:500]},
        aliases={n: (minute_ms, n) for n in names},
        engagement={n: Engagement(minute_ms, rng.randrange(9)) for n in names},
        answered=dict.fromkeys(names, minute_ms),
    )
    part.threads["big"] = ThreadPart(posts=50, first_ms=minute_ms)
    return part


def test_tables_are_bounded_whatever_comes_and_the_largest_thread_stays() -> None:
    rng, window = seeded(1), Window()
    for number in range(OPEN_MINUTES + 10):
        minute_ms = START_MS + number * MINUTE_MS
        window.at_ms = minute_ms + MINUTE_MS
        window.take(minute_ms, crowd(rng, minute_ms))
        window.cut()
        window.close()
        assert len(window.threads) <= THREADS_KEPT
        assert len(window.clusters) <= CLUSTERS_KEPT
        assert len(window.aliases) <= ALIASES_KEPT
        assert len(window.engagement) <= ENGAGEMENTS_KEPT
        assert len(window.answered) <= ALIASES_KEPT
        assert len(window.minutes) <= OPEN_MINUTES + 1
        assert window.threads["big"].posts == 50 * (number + 1)
        assert len(window.threads["big"].by_minute) <= OPEN_MINUTES + 1
    assert window.fresh == []


def test_what_is_forgotten_has_left_the_open_minutes() -> None:
    window = Window(at_ms=START_MS + MINUTE_MS)
    window.take(START_MS, PulsePart(threads={"a": ThreadPart(posts=1, first_ms=START_MS)}))
    for minutes in (1, OPEN_MINUTES):
        window.at_ms = START_MS + minutes * MINUTE_MS
        window.cut()
        assert "a" in window.threads
    window.at_ms = START_MS + (OPEN_MINUTES + 1) * MINUTE_MS
    window.cut()
    assert not window.threads


def test_spans_end_with_the_minute_that_is_under_way() -> None:
    window = Window(at_ms=START_MS + 30_000)
    for number in range(-3, 1):
        window.take(START_MS + number * MINUTE_MS, one(10 ** (number + 3)))
    assert window.total("mentions", MINUTE_MS) == 1_000
    assert window.total("mentions", 3 * MINUTE_MS) == 1_110
    assert window.counts(3 * MINUTE_MS).mentions == 1_110
    window.at_ms = START_MS + MINUTE_MS
    assert window.total("mentions", MINUTE_MS) == 1_000, "at its end a minute is still the last one"
    assert floor(window.at_ms - 1, MINUTE_MS) == START_MS
