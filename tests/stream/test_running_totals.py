"""What a window keeps ready is what its minutes say, whenever it is asked, and never a part of its state."""

import unicodedata
from random import Random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from stream.codec import MINUTE_MS, canonical, copy_of
from stream.pulse import ClusterPart, Counts, Exemplar, PulsePart, ThreadPart
from stream.sketches import REGISTERS, Union, add_to_registers, bit_of, dense, distinct, distinct_bits
from stream.text import fold_with_origins, normalise
from stream.window import BUSY_POSTS, Window

SPANS_MS = tuple(minutes * MINUTE_MS for minutes in (5, 15, 60))
START_MS = 1_000 * MINUTE_MS
STEP_MS = 5_000
MIXED = 0x9E3779B97F4A7C15


def part(minute_ms: int, who: int, posts: int) -> PulsePart:
    """So many posts of one voice about one thing, in one minute."""
    voice = who * MIXED % 2**64
    counts = Counts(mentions=posts, negative=posts // 2, positive=posts - posts // 2, sources={f"s{who % 3}": posts})
    counts.angry = posts if who % 2 else 0
    add_to_registers(counts.authors, voice)
    for text in range(who):  # some minutes hold few, and some many
        add_to_registers(counts.texts, (text + minute_ms) * MIXED % 2**64)
    key, bits = f"t{who % 5}", f"{bit_of(voice):x}"
    return PulsePart(
        counts=counts,
        voices={voice % 1024: posts},
        threads={key: ThreadPart(posts=posts, first_ms=minute_ms, voices=bits)},
        clusters={key: ClusterPart(posts=posts, first_ms=minute_ms, voices=bits)},
        # A reply shows later that two threads are one.
        aliases={"t1": (minute_ms, "t0")} if who % 5 == 1 else {},
        exemplars=[Exemplar(1, who % 2, -who, minute_ms, f"n{who}-{minute_ms}")],
    )


def answers(window: Window) -> list[object]:
    """Everything that a window keeps ready."""
    found: list[object] = [sorted(window.busy_threads), sorted(window.busy_clusters)]
    for span_ms in SPANS_MS:
        tally = window.tally(span_ms)
        found += [
            (tally.mentions, tally.negative, tally.scored),
            window.counts(span_ms),
            window.loudest_voice(span_ms),
            window.distinct(span_ms, "authors"),
            window.distinct(span_ms, "texts"),
            window.exemplars(span_ms),
            window.first_start(span_ms, "three posts", lambda counts: counts.mentions >= 3),
            window.first_start(span_ms, "angry", lambda counts: counts.angry * 2 > counts.mentions),  # may end again
        ]
    return found


MOVES = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 1, 2, 5, 40, 480]),  # grid steps that pass
        st.integers(-90, 1),  # minute of the post, against the open one
        st.integers(0, 40),  # who
        st.integers(1, 4),  # posts
        st.booleans(),  # whether anybody asks
    ),
    min_size=1,
    max_size=40,
)


@given(MOVES)
@settings(max_examples=100, deadline=None)
def test_what_is_kept_ready_is_what_the_minutes_say(moves):
    """On time or late, asked often or seldom: a window that forgot everything it kept ready answers the same."""
    window = Window(at_ms=START_MS)
    for steps, minute, who, posts, asks in moves:
        window.at_ms += steps * STEP_MS
        minute_ms = window.at_ms - window.at_ms % MINUTE_MS + minute * MINUTE_MS
        window.take(minute_ms, part(minute_ms, who, posts))
        window.cut()
        if asks:
            assert answers(window) == answers(copy_of(window))
        window.close()
    assert answers(window) == answers(copy_of(window))


def test_what_is_kept_ready_is_no_part_of_the_state():
    """Asking leaves no trace: the bytes of a window are the same before and after."""
    window = Window(at_ms=START_MS + 10)
    window.take(START_MS, part(START_MS, 3, BUSY_POSTS))
    before = canonical(window)
    assert answers(window)[0] == ["t3"]
    assert canonical(window) == before
    assert window == copy_of(window)


def test_a_bucket_longer_than_the_span_counts_whole():
    """In a series of hours, the last fifteen minutes are the last hour."""
    window = Window(bucket_ms=60 * MINUTE_MS)
    window.take(0, PulsePart(counts=Counts(mentions=7)))
    window.at_ms = 60 * MINUTE_MS
    assert list(window.starts(15 * MINUTE_MS)) == [0]
    assert window.tally(15 * MINUTE_MS).mentions == window.total("mentions", 15 * MINUTE_MS) == 7


@given(st.lists(st.integers(0, 2**64 - 1), max_size=3_000), st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_an_estimate_does_not_hang_on_the_order_of_its_voices(voices, rng):
    """The same voices in another order are the same number, to the last one."""
    registers: dict[int, int] = {}
    for voice in voices:
        add_to_registers(registers, voice * MIXED % 2**64)
    shuffled = list(registers.items())
    rng.shuffle(shuffled)
    assert distinct(dict(shuffled)) == distinct(registers)


@given(st.lists(st.lists(st.integers(0, 2**64 - 1), max_size=600), max_size=5), st.integers(0, 5))
@settings(max_examples=25, deadline=None)
def test_a_union_says_what_its_registers_say(minutes, rows):
    """As rows or one by one, to the last voice."""
    whole: dict[int, int] = {}
    held: list[dict[int, int]] = []
    for voices in minutes:
        registers: dict[int, int] = {}
        for voice in voices * 2:
            add_to_registers(registers, voice * MIXED % 2**64)
            add_to_registers(whole, voice * MIXED % 2**64)
        held.append(registers)
    union = Union([dense(registers) for registers in held[:rows]])
    for registers in held[rows:]:
        union.add(registers)
    assert union.distinct == distinct(whole)


def test_a_union_of_thousands_says_what_its_registers_say():
    """Where hardly a register is empty, too: there another estimate takes over."""
    union, whole, rng = Union(), {}, Random(4)
    for _ in range(80):
        minute: dict[int, int] = {}
        for _ in range(100):
            add_to_registers(minute, voice := rng.getrandbits(64))
            add_to_registers(whole, voice)
        union.add(minute)
        assert union.distinct == distinct(whole) == Union([dense(whole)]).distinct


def test_estimates_grow_without_a_step_where_the_method_changes():
    """From a handful to thousands of voices the estimate stays within a tenth of the truth."""
    registers: dict[int, int] = {}
    bits, rng = 0, Random(1)
    for known in range(1, 6_001):
        voice = rng.getrandbits(64)
        add_to_registers(registers, voice)
        bits |= bit_of(voice)
        if known % 100 == 0:
            assert abs(distinct(registers) - known) <= max(5, known // 10)
        if known in (100, 500, 1_000):
            assert abs(distinct_bits(bits) - known) <= known // 8
    assert len(registers) > REGISTERS - 20, "both methods had their turn"


def one_by_one(text: str) -> tuple[str, list[int]]:
    """The definition: each character folded for itself, runs of white space as one space."""
    folded, origins, after_space = "", [], False
    for at, character in enumerate(text):
        pieces = " " if character.isspace() else normalise(character)
        if pieces != " " or not after_space:
            folded += pieces
            origins += [at] * len(pieces)
        after_space = pieces == " " or (after_space and not pieces)
    return folded, origins


HOSTILE = st.text(
    st.one_of(
        st.sampled_from([*" \t\n\x00\x7f aB#@'9é…’ßİ日🔥\xa0ﬁﷺ¨", "\u0301", "\u200d", "\ufe0f", "\u2003", "\ud800"]),
        st.characters(),
    ),
    max_size=30,
)


@given(HOSTILE)
@example("so \xa0\u2026 it  \u200d is")
@settings(max_examples=400, deadline=None)
def test_folding_in_stretches_is_folding_one_by_one(text):
    """Plain stretches are folded at once and give what each of their characters gives by itself."""
    folded, origins = fold_with_origins(text)
    assert (folded, list(range(len(text))) if origins is None else origins) == one_by_one(text)


def test_every_plain_character_folds_to_one():
    """What makes the short cut right: printable ASCII folds to exactly its small letter."""
    plain = [chr(point) for point in range(0x21, 0x7F)]
    assert all(normalise(character) == character.lower() for character in plain)
    assert all(unicodedata.normalize("NFKC", character) == character for character in plain)
