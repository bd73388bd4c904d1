"""Each source is known by its own rhythm: silence, lag and half a source are told as blindness, quiet is not."""

import copy

import msgspec
import pytest

from detectors.detector import Signal
from detectors.feed import FeedSilence, doubt_ms, hearing_again, in_doubt
from detectors.laws import START_MS, Dice, Walk
from stream.codec import HOUR_MS, MINUTE_MS, canonical
from stream.pulse import Counts, Pulse, PulsePart
from stream.window import OPEN_END, ClosedMinute, SourceState, Window


def day(hour):
    """A day with a night in it, in thousandths of the usual."""
    return 300 if hour < 7 else 1300


class Listening:
    """A brand heard through two sources, learnt for some days, then stepped by the minute; its blindness is kept."""

    def __init__(self, forum=1_500, social=2_000, hours=24 * 5, seed=1):
        self.walk = Walk(FeedSilence())
        self.dice = Dice(seed)
        self.usual = {"forum": forum, "social": social}
        self.at_ms = START_MS
        for _ in range(hours * 60):
            pulse = Pulse(start_ms=self.at_ms, end_ms=self.at_ms + MINUTE_MS, counts=self.ordinary())
            self.detector.learn_one(ClosedMinute(pulse), allowed=True)
            self.at_ms += MINUTE_MS
        self.window.learnt_ms = self.window.started_ms = self.at_ms

    @property
    def window(self):
        return self.walk.window

    @property
    def detector(self):
        return self.walk.detector

    def ordinary(self, share=None):
        """Posts of one minute by source; `share` in thousandths of the usual, by source."""
        share = share or {}
        hour = day(self.at_ms // HOUR_MS % 24)
        came = {
            source: self.dice.count(rate * hour // 1000 * share.get(source, 1000) // 1000)
            for source, rate in sorted(self.usual.items())
            if rate
        }
        came = {source: count for source, count in came.items() if count}
        return Counts(mentions=sum(came.values()), sources=came)

    def minute(self, share=None, late_ms=0, late=None):
        """One minute passes; what is `late` comes with the times of so long ago."""
        counts = self.ordinary(share)
        self.window.take(self.at_ms, PulsePart(counts=counts))
        for source, count in (late or {}).items():
            old = Counts(mentions=count, sources={source: count})
            self.window.take(self.at_ms - late_ms, PulsePart(counts=old))
            self.window.sources.setdefault(source, SourceState()).last_ms = self.at_ms + MINUTE_MS
        for source in counts.sources:
            self.window.sources.setdefault(source, SourceState()).last_ms = self.at_ms + MINUTE_MS
        self.at_ms += MINUTE_MS
        self.window.at_ms = self.at_ms
        self.window.cut()
        signal = self.detector.score_one(self.window)
        self.note(signal)
        for closed in self.window.close():
            self.detector.learn_one(closed, allowed=True)
        return signal

    def note(self, signal):
        """Keep the blindness as the engine keeps it."""
        blind = self.window.blind
        is_open = bool(blind) and blind[-1][1] == OPEN_END
        if signal is not None and not is_open:
            blind.append((signal.since_ms, OPEN_END))
        elif signal is None and is_open:
            blind[-1] = (blind[-1][0], self.window.at_ms)


def states(found):
    """What was said, in the order of the minutes: the source and its state, or nothing."""
    return [(s.evidence["source"], s.evidence["state"]) if s is not None else None for s in found]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_ordinary_days_with_their_nights_are_no_outage(seed):
    """Two sources by day and by night: nothing to tell."""
    brand = Listening(seed=seed)
    assert [s for s in (brand.minute() for _ in range(24 * 60 * 2)) if s is not None] == []


@pytest.mark.parametrize("source", ["forum", "social"])
def test_a_source_that_goes_on_with_a_fifth_is_out_in_part(source):
    """It is told within the hour with its start, lasts while it lasts, and ends within a quarter of an hour."""
    brand = Listening(forum=1_500, social=2_000)
    began_ms = brand.at_ms + 9 * HOUR_MS
    while brand.at_ms < began_ms:
        assert brand.minute() is None
    found = [brand.minute({source: 200}) for _ in range(180)]
    first = next(n for n, s in enumerate(found) if s is not None)
    assert first <= 62
    assert set(states(found[first:])) == {(source, "partial")}
    assert abs(found[-1].since_ms - began_ms) <= 15 * MINUTE_MS
    assert found[-1].expected > 100
    assert not found[-1].page
    back = [brand.minute() for _ in range(60)]
    assert all(s is None for s in back[16:])
    ((from_ms, until_ms),) = brand.window.blind
    assert (from_ms, until_ms <= brand.at_ms - 40 * MINUTE_MS) == (found[-1].since_ms, True)


def test_its_minutes_are_no_zeros_in_any_baseline():
    """All minutes of the outage are handed out as incomplete: those before it was found too."""
    brand = Listening()
    for _ in range(9 * 60):
        brand.minute()
    began_ms = brand.at_ms
    closed = []
    for _ in range(4 * 60):
        brand.window.take(brand.at_ms, PulsePart(counts=(counts := brand.ordinary({"social": 200}))))
        for source in counts.sources:
            brand.window.sources[source].last_ms = brand.at_ms + MINUTE_MS
        brand.at_ms += MINUTE_MS
        brand.window.at_ms = brand.at_ms
        brand.window.cut()
        brand.note(brand.detector.score_one(brand.window))
        closed += brand.window.close()
    inside = [c.pulse for c in closed if c.pulse.start_ms >= began_ms + 15 * MINUTE_MS]
    assert len(inside) > 100
    assert not any(pulse.complete for pulse in inside)


def test_a_quiet_hour_of_all_sources_is_quiet():
    """Where every source falls together it is the public that is quiet."""
    brand = Listening()
    for _ in range(9 * 60):
        brand.minute()
    assert [s for s in (brand.minute({"forum": 200, "social": 200}) for _ in range(100)) if s is not None] == []


def test_half_a_source_that_stands_alone_is_not_guessed_at():
    """With nothing to compare it with, a fifth of the usual may be a holiday."""
    brand = Listening(forum=0)
    for _ in range(9 * 60):
        brand.minute()
    assert [s for s in (brand.minute({"social": 200}) for _ in range(180)) if s is not None] == []


def test_a_source_whose_hours_are_often_poor_needs_more():
    """What happened on ordinary days is no outage today."""
    brand = Listening(hours=24)
    for minute in range(24 * 60 * 3):
        poor = {"forum": 150} if minute % (24 * 60) // 60 == 11 else None
        pulse = Pulse(start_ms=brand.at_ms, end_ms=brand.at_ms + MINUTE_MS, counts=brand.ordinary(poor))
        brand.detector.learn_one(ClosedMinute(pulse), allowed=True)
        brand.at_ms += MINUTE_MS
    brand.window.learnt_ms = brand.window.started_ms = brand.at_ms
    for _ in range(13 * 60):
        assert brand.minute() is None
    assert [s for s in (brand.minute({"forum": 200}) for _ in range(70)) if s is not None] == []


def test_a_source_that_brings_old_posts_alone_lags():
    """It says nothing of itself; its posts are forty minutes old, as many as ever."""
    brand = Listening()
    for _ in range(9 * 60):
        brand.minute()
    found = [brand.minute({"social": 0}, late_ms=40 * MINUTE_MS, late={"social": 3}) for _ in range(40)]
    assert states(found)[-1] == ("social", "lagging")
    assert found[-1].page is False
    assert states([brand.minute() for _ in range(3)])[-1] is None


def test_a_source_that_breaks_off_loud_is_told_after_a_quarter_of_an_hour():
    """At the peak of a crisis nobody waits for what the night would bring; and a crisis that ebbs is not an outage."""
    lost, ebbing = Listening(social=200, forum=0), Listening(social=200, forum=0)
    for brand in (lost, ebbing):
        for _ in range(9 * 60):
            brand.minute()
        for _ in range(30):
            brand.minute({"social": 30_000})
    found = [lost.minute({"social": 0}) for _ in range(20)]
    first = next(n for n, s in enumerate(found) if s is not None)
    assert 13 <= first <= 15
    assert states(found)[-1] == ("social", "silent")
    assert [s for s in (ebbing.minute({"social": 30_000 * 9**n // 10**n}) for n in range(90)) if s is not None] == []


def test_half_an_outage_survives_a_restart():
    """A detector restored in the middle of it says the same from there on."""
    brand = Listening()
    for _ in range(9 * 60):
        brand.minute()
    found = [brand.minute({"forum": 200}) for _ in range(90)]
    assert states(found)[-1] == ("forum", "partial")
    twin = copy.deepcopy(brand)
    twin.walk.detector = FeedSilence.restore(msgspec.json.decode(canonical(brand.detector.snapshot())))
    assert [canonical(brand.minute()) for _ in range(120)] == [canonical(twin.minute()) for _ in range(120)]


def test_being_asked_in_between_changes_nothing():
    """Twenty looks at the same window are one look."""
    brand = Listening()
    for _ in range(9 * 60):
        brand.minute()
    for _ in range(80):
        brand.minute({"forum": 200})
    before = canonical(brand.detector.snapshot())
    assert len({canonical(brand.detector.score_one(brand.window)) for _ in range(20)}) == 1
    assert canonical(brand.detector.snapshot()) == before


def test_while_half_a_source_is_out_it_is_looked_at_every_minute():
    """Its return is found though nothing comes."""
    brand = Listening()
    for _ in range(9 * 60):
        brand.minute()
    for _ in range(80):
        brand.minute({"forum": 200})
    due_ms = brand.detector.due_ms(brand.window)
    assert brand.window.at_ms < due_ms <= brand.window.at_ms + MINUTE_MS + 1


@pytest.mark.parametrize("blind_hours", [1, 5, 22, 100])
def test_what_is_usual_is_in_doubt_for_as_long_as_nobody_listened(blind_hours):
    """A day at most; and not while the blindness lasts, which is a matter of its own."""
    window = Window(at_ms=START_MS)
    window.take(START_MS - HOUR_MS, PulsePart(counts=Counts(mentions=1)))
    began_ms = START_MS
    window.blind = [(began_ms, OPEN_END)]
    window.at_ms = ended_ms = began_ms + blind_hours * HOUR_MS
    window.close()
    assert not hearing_again(window)
    window.blind = [(began_ms, ended_ms)]
    doubt = min(blind_hours, 24) * HOUR_MS
    assert doubt_ms(window) == doubt
    for minutes in range(0, doubt // MINUTE_MS, 30):
        window.at_ms = ended_ms + minutes * MINUTE_MS
        window.close()
        assert hearing_again(window)
    window.at_ms = ended_ms + doubt
    assert not hearing_again(window)
    window.at_ms += 2 * HOUR_MS
    window.close()
    assert window.blind == []


@pytest.mark.parametrize(
    ("signal", "wakes"),
    [
        (Signal("volume", 900, True, 5_000, 500, 0, HOUR_MS), False),
        (Signal("negativity", 900, True, 150, 120, 0, HOUR_MS), False),
        (Signal("negativity", 900, True, 250, 70, 0, HOUR_MS), False),
        (Signal("negativity", 900, True, 600, 150, 0, HOUR_MS), True),
        (Signal("virality", 900, True, 60, 8, 0, HOUR_MS), True),
    ],
    ids=["more posts", "more angry people at the old share", "a small share", "a turn of mood", "one complaint"],
)
def test_after_a_long_silence_more_is_no_proof_and_angrier_is(signal, wakes):
    """Ten times the posts after a day unheard is told; a crisis that broke out meanwhile pages all the same."""
    window = Window(at_ms=START_MS + 23 * HOUR_MS, blind=[(START_MS, START_MS + 22 * HOUR_MS)])
    (judged,) = in_doubt([signal], window)
    assert judged.page == wakes
    assert judged.score >= 500
    assert (judged.score >= 750) == wakes
    assert in_doubt([signal], Window(at_ms=START_MS)) == [signal]


def test_a_source_that_never_brought_a_post_and_says_that_it_is_out_is_told_from_when_it_says():
    """Else its gap would begin in 1970."""
    window = Window(at_ms=START_MS, sources={"hn": SourceState(status="silent", status_since_ms=START_MS - HOUR_MS)})
    signal = FeedSilence().score_one(window)
    assert signal is not None
    assert (signal.evidence["state"], signal.evidence["gap_minutes"]) == ("silent", 60)
    assert signal.since_ms == START_MS - HOUR_MS
