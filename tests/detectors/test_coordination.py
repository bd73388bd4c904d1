"""What looks arranged is labelled with its figures; what only spreads is not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.coordination import FEWEST_POSTS, coordination_of, judge
from detectors.laws import START_MS, Dice
from stream.codec import HOUR_MS, MINUTE_MS
from stream.pulse import ClusterPart, Counts, PulsePart
from stream.sketches import add_to_registers
from stream.window import Window


def wave(posts, *, texts, accounts=None, new=0, reposts=0):
    """A minute of so many posts with so many different texts."""
    dice = Dice(posts + texts)
    part = PulsePart(counts=Counts(mentions=posts, new_accounts=new, reposts=reposts))
    wordings = [dice.next() for _ in range(texts)]
    voices = [dice.next() for _ in range(accounts or posts)]
    for n in range(posts):
        add_to_registers(part.counts.texts, wordings[n % texts])
        voice = voices[n % len(voices)]
        part.voices[voice % 1024] = part.voices.get(voice % 1024, 0) + 1
        key = f"{n % texts:x}"
        part.clusters.setdefault(key, ClusterPart(first_ms=START_MS)).add(
            ClusterPart(1, 1, START_MS, f"{1 << n % 512:x}")
        )
    return part


def looked_at(*parts):
    """What is said of parts within one hour."""
    window = Window(at_ms=START_MS + 10 * MINUTE_MS)
    for number, part in enumerate(parts):
        window.take(START_MS + number * MINUTE_MS, part)
    return coordination_of(window, HOUR_MS)


def test_five_hundred_new_accounts_with_twenty_templates_are_labelled_with_both_figures():
    """The figures are in the sentence, so that a reader can judge for himself."""
    said = looked_at(wave(500, texts=20, new=500))
    assert said.possibly
    assert said.repeated_share_milli >= 940
    assert (said.new_share_milli, said.copied_texts) == (1000, 20)
    assert "96 % repeat" in said.words
    assert "100 % are by accounts younger" in said.words


@pytest.mark.parametrize(
    ("part", "why"),
    [
        (wave(400, texts=400, new=12), "people in words of their own"),
        (wave(400, texts=10, reposts=390), "one post that many repost"),
        (wave(FEWEST_POSTS - 1, texts=1, new=FEWEST_POSTS - 1), "too few to tell"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_only_spreads_is_not_labelled(part, why):
    """Passing on is what the button is for; three people with one thought are no campaign."""
    said = looked_at(part)
    assert (said.possibly, said.words) == (False, ""), why


def test_a_copied_headline_is_visible_as_such():
    """249 times the same words: all but one repeat them."""
    said = looked_at(wave(249, texts=1))
    assert said.repeated_share_milli == 995
    assert said.copied_texts == 1


def test_one_account_with_ten_thousand_posts_is_one_account():
    """It is named as such, and is no wave of many; the twenty people who also post are not taken for its helpers."""
    said = looked_at(wave(10_000, texts=1, accounts=1), wave(20, texts=20))
    assert not said.possibly
    assert said.loudest_share_milli >= 990
    assert "one account wrote up to 99 %" in said.words


def test_a_wave_cannot_hide_behind_one_loud_account():
    """A flood by one account beside three hundred new ones with two texts: both are said."""
    said = looked_at(wave(1_000, texts=1, accounts=1), wave(300, texts=2, new=300))
    assert said.possibly
    assert "one account" in said.words


@given(
    st.builds(
        Counts,
        mentions=st.integers(0, 10_000),
        new_accounts=st.integers(0, 10_000),
        reposts=st.integers(0, 10_000),
    ),
    st.integers(0, 10_000),
)
@settings(max_examples=100, deadline=None)
def test_shares_are_shares_whatever_was_counted(counts, loudest):
    """Between 0 and 1000, and a label never without its words."""
    said = judge(counts, loudest)
    shares = (said.repeated_share_milli, said.new_share_milli, said.loudest_share_milli)
    assert all(0 <= share <= 1000 for share in shares)
    assert not said.possibly or "possibly coordinated" in said.words
    assert counts.mentions or not said.words
