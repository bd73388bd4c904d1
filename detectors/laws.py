"""What every detector must obey, as laws that any detector can be held to. One file to read = what a detector is.

A law takes a factory and fails with `AssertionError`. The stream it is fed is made here from a seed, with ordinary
days, a day rhythm, a crisis and quiet nights, so that a detector of one's own can be tested without any data:

>>> from detectors.volume import VolumeSurge
>>> for law in LAWS: law(VolumeSurge)
"""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from detectors.detector import Detector, Signal
from stream.codec import DAY_MS, HOUR_MS, MINUTE_MS, canonical
from stream.pulse import ClusterPart, Counts, Pulse, PulsePart, ThreadPart
from stream.sketches import add_to_registers, bit_of
from stream.window import ClosedMinute, SourceState, Window

Make = Callable[[], Detector]
START_MS = 20_000 * DAY_MS
_MASK = 2**64 - 1


class Dice:
    """A small generator of its own (SplitMix64), the same on every machine.

    Source: Steele, Lea, Flood 2014, *Fast splittable pseudorandom number generators*, OOPSLA, p. 453-472.

    >>> Dice(1).below(1000), Dice(1).below(1000)
    (465, 465)
    """

    def __init__(self, seed: int) -> None:
        self._state = seed & _MASK

    def next(self) -> int:
        """64 bits."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        z = self._state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return z ^ (z >> 31)

    def below(self, limit: int) -> int:
        """A whole number in `[0, limit)`."""
        return self.next() % limit

    def count(self, mean_milli: int) -> int:
        """A count with about this mean: a binomial of 20 throws."""
        if mean_milli <= 0:
            return 0
        whole, rest = divmod(mean_milli, 20)
        return sum(whole // 1000 + (self.below(1000) < whole % 1000) for _ in range(20)) + (self.below(1000) < rest)


def minute_part(dice: Dice, posts: int, negative_milli: int, minute_ms: int, thread: str = "") -> PulsePart:
    """What intake would write for so many posts, each by a voice of its own."""
    part = PulsePart(counts=Counts(mentions=posts))
    counts = part.counts
    for _ in range(posts):
        voice = dice.next()
        add_to_registers(counts.authors, voice)
        add_to_registers(counts.texts, dice.next())
        negative = dice.below(1000) < negative_milli
        counts.negative += negative
        counts.angry += negative
        counts.neutral += not negative
        if negative:
            add_to_registers(counts.negative_authors, voice)
            add_to_registers(counts.negative_texts, dice.next())
        part.voices[voice % 1024] = part.voices.get(voice % 1024, 0) + 1
        key = thread or f"t{dice.next():016x}"
        joined = ThreadPart(posts=1, negative=int(negative), scored=1, first_ms=minute_ms, voices=f"{bit_of(voice):x}")
        held = part.threads.setdefault(key, ThreadPart(first_ms=minute_ms))
        held.add(joined)
        if thread:
            copy = ClusterPart(posts=1, negative=int(negative), first_ms=minute_ms, voices=joined.voices)
            part.clusters.setdefault(thread, ClusterPart(first_ms=minute_ms)).add(copy)
    if posts:
        counts.sources["x"] = posts
    return part


def parts(
    seed: int, hours: int, crisis_hours: tuple[int, int] | None = None, rate_milli: int = 800
) -> Iterator[tuple[int, PulsePart]]:
    """One part a minute: a day rhythm, and in the hours of a crisis twenty times the posts, most of them negative."""
    dice = Dice(seed)
    for minute in range(hours * 60):
        minute_ms = START_MS + minute * MINUTE_MS
        hour = minute // 60
        swing = 4 if hour % 24 < 7 else 10
        crisis = crisis_hours is not None and crisis_hours[0] <= hour < crisis_hours[1]
        posts = dice.count(rate_milli * swing // 10 * (24 if crisis else 1))
        thread = f"storm{hour}" if crisis else ""
        yield minute_ms, minute_part(dice, posts, 800 if crisis else 150, minute_ms, thread)


class Walk:
    """A window and a detector, stepped through parts as the engine steps them: take, score, close, learn."""

    def __init__(self, detector: Detector) -> None:
        self.detector = detector
        self.window = Window()

    def step(self, minute_ms: int, part: PulsePart, *, allowed: bool = True, learn: bool = True) -> Signal | None:
        """One minute passes; the finding at its end."""
        window = self.window
        window.take(minute_ms, part)
        window.at_ms = minute_ms + MINUTE_MS
        if part.counts.mentions:
            window.sources.setdefault("x", SourceState()).last_ms = window.at_ms
        window.cut()
        signal = self.detector.score_one(window)
        for closed in window.close():
            if learn:
                self.detector.learn_one(closed, allowed=allowed)
        return signal


def trace(make: Make, seed: int, hours: int = 60, crisis_hours: tuple[int, int] | None = (50, 53)) -> list[bytes]:
    """The findings of a walk from its first minute, as canonical JSON."""
    walk = Walk(make())
    return [canonical(walk.step(at_ms, part)) for at_ms, part in parts(seed, hours, crisis_hours)]


def restored_detector_goes_on_the_same(make: Make) -> None:
    """A snapshot, written and read as JSON, behaves the same from there on, in a crisis too."""
    walk = Walk(make())
    stream = list(parts(7, 40, (30, 33)))
    cut = 30 * 60 + 20
    for at_ms, part in stream[:cut]:
        walk.step(at_ms, part)
    other = Walk(_reborn(walk.detector))
    other.window = copy.deepcopy(walk.window)
    for at_ms, part in stream[cut:]:
        mine, its = walk.step(at_ms, part), other.step(at_ms, part)
        assert canonical(mine) == canonical(its), f"differs after a restore at {at_ms}: {mine} and {its}"
    assert canonical(walk.detector.snapshot()) == canonical(other.detector.snapshot()), "snapshots drift apart"


def clones_are_independent(make: Make) -> None:
    """What one of two clones learns is not seen by the other, nor in a snapshot taken before."""
    walk = Walk(make())
    stream = list(parts(8, 30))
    for at_ms, part in stream[: 20 * 60]:
        walk.step(at_ms, part)
    snapshot = walk.detector.snapshot()
    before = canonical(snapshot)
    clone = type(walk.detector).restore(snapshot)
    for at_ms, part in stream[20 * 60 :]:
        walk.step(at_ms, part)
    assert canonical(snapshot) == before, "a snapshot changed under its holder"
    assert canonical(clone.snapshot()) == before, "a clone learnt what another was taught"


def input_is_left_alone(make: Make) -> None:
    """Scoring changes no window, learning no minute; and changing them afterwards changes no detector."""
    walk = Walk(make())
    for at_ms, part in parts(9, 12, (10, 12)):
        walk.step(at_ms, part)
    window_before = copy.deepcopy(walk.window)
    walk.detector.score_one(walk.window)
    walk.detector.due_ms(walk.window)
    assert walk.window == window_before, "score_one or due_ms changed its window"
    start_ms = walk.window.learnt_ms
    closed = ClosedMinute(Pulse(start_ms=start_ms, end_ms=start_ms + MINUTE_MS, counts=walk.window.counts(HOUR_MS)))
    closed.threads = list(walk.window.threads.values())
    closed_before = copy.deepcopy(closed)
    walk.detector.learn_one(closed, allowed=True)
    assert closed == closed_before, "learn_one changed its minute"
    state_before = canonical(walk.detector.snapshot())
    closed.pulse.counts.add(closed.pulse.counts)
    closed.pulse.counts.sources["another"] = 5
    closed.threads.clear()
    assert canonical(walk.detector.snapshot()) == state_before, "a detector holds on to what it was given"


def memory_is_bounded(make: Make, days: int = 30, most_bytes: int = 60_000) -> None:
    """Thirty days leave little more behind than fifteen do."""
    detector = make()
    dice = Dice(10)
    sizes = []
    for minute in range(days * 24 * 60):
        minute_ms = START_MS + minute * MINUTE_MS
        # One minute in four has a post: a month is long, and what is kept must not depend on how loud it was.
        part = minute_part(dice, int(minute % 4 == 0), 150, minute_ms)
        closed = ClosedMinute(Pulse(start_ms=minute_ms, end_ms=minute_ms + MINUTE_MS, counts=part.counts))
        detector.learn_one(closed, allowed=True)
        if minute in {days * 12 * 60 - 1, days * 24 * 60 - 1}:
            sizes.append(len(canonical(detector.snapshot())))
    half, whole = sizes
    assert whole <= most_bytes, f"{half} bytes after half the time, {whole} after all of it: more than {most_bytes}"
    assert whole <= 2 * half + 2_000, f"grows without end: {half} bytes after half the time, {whole} after all of it"


def warming_up_is_silent(make: Make) -> None:
    """Before anything was learnt there is no finding, however loud the start (what a source says itself apart)."""
    walk = Walk(make())
    for at_ms, part in parts(11, 2, (0, 2)):
        signal = walk.step(at_ms, part)
        assert signal is None, f"a finding without a past: {signal}"


def same_stream_same_findings(make: Make) -> None:
    """Two runs agree to the byte."""
    assert trace(make, 12, 40, (35, 37)) == trace(make, 12, 40, (35, 37)), "two runs differ"


def findings_do_not_foresee(make: Make) -> None:
    """What comes later changes no finding before it."""
    calm, storm = trace(make, 13, 20, None), trace(make, 13, 30, (20, 30))
    assert calm == storm[: len(calm)], "the future shows in the past"


def scoring_teaches_nothing(make: Make) -> None:
    """Asked a hundred times, a detector answers as it did once: it learns from closed minutes alone."""
    walk = Walk(make())
    for at_ms, part in parts(14, 36, (34, 36)):
        walk.step(at_ms, part)
    first = canonical(walk.detector.score_one(walk.window))
    state = canonical(walk.detector.snapshot())
    for _ in range(100):
        assert canonical(walk.detector.score_one(walk.window)) == first, "asking changes the answer"
    assert canonical(walk.detector.snapshot()) == state, "asking changes the state"


def crisis_is_not_learnt(make: Make) -> None:
    """Six hours of flood that must not be learnt move nothing: afterwards a probe is judged as if they had not been.

    The same for minutes that are incomplete.
    """
    for complete in (True, False):
        walk = Walk(make())
        for at_ms, part in parts(15, 36):
            walk.step(at_ms, part)
        taught = _reborn(walk.detector)
        dice = Dice(16)
        for minute in range(6 * 60):
            minute_ms = walk.window.learnt_ms + minute * MINUTE_MS
            part = minute_part(dice, 40, 900, minute_ms, "flood")
            pulse = Pulse(start_ms=minute_ms, end_ms=minute_ms + MINUTE_MS, counts=part.counts, complete=complete)
            taught.learn_one(ClosedMinute(pulse), allowed=not complete)
        probe = _probe(walk.window)
        expected = canonical(walk.detector.score_one(probe))
        assert canonical(taught.score_one(probe)) == expected, "a flood that was not to be learnt changed the baseline"
        assert taught.due_ms(probe) == walk.detector.due_ms(probe), "... or when a source is due"


LAWS: tuple[Callable[[Make], None], ...] = (
    restored_detector_goes_on_the_same,
    clones_are_independent,
    input_is_left_alone,
    memory_is_bounded,
    warming_up_is_silent,
    same_stream_same_findings,
    findings_do_not_foresee,
    scoring_teaches_nothing,
    crisis_is_not_learnt,
)


def _reborn(detector: Any) -> Any:
    return type(detector).restore(msgspec.json.decode(canonical(detector.snapshot())))


def _probe(window: Window) -> Window:
    """The window an hour later, with a storm in it."""
    probe = copy.deepcopy(window)
    dice = Dice(17)
    for minute in range(30):
        minute_ms = window.at_ms + minute * MINUTE_MS
        probe.take(minute_ms, minute_part(dice, 25, 900, minute_ms, "probe"))
        probe.at_ms = minute_ms + MINUTE_MS
    probe.sources["x"] = SourceState(last_ms=probe.at_ms)
    return probe
