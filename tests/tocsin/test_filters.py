"""`tocsin detect` and `tocsin sentiment` in a pipe: one line out for every line in, at once, whatever comes."""

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.codec import MINUTE_MS, rfc3339
from tests.command import Ran, ended, process, tocsin
from tests.mentions import START_MS, seeded

HEADER = "timestamp,anomaly_score,page"
FIVE_MINUTES = 5 * MINUTE_MS


def stamp(row: int) -> str:
    """The time of a row, five minutes after the one before."""
    return rfc3339(START_MS + row * FIVE_MINUTES)


def calm(dice: random.Random, rows: int) -> list[str]:
    """A quiet series."""
    return [f"{stamp(row)},{dice.randint(20, 30)}" for row in range(rows)]


def fed(*lines: str | bytes, command: str = "detect") -> Ran:
    """One call with these lines."""
    return tocsin(command, stdin=b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines))


def judged(*lines: str | bytes) -> tuple[list[dict[str, Any]], Ran]:
    """What `sentiment` makes of these lines."""
    ran = fed(*lines, command="sentiment")
    return [json.loads(line) for line in ran.out.splitlines()], ran


# ---- detect


def test_a_spike_pages_and_a_calm_series_does_not() -> None:
    """Two weeks of calm stay below the threshold; twenty times as much is beyond it and pages at once."""
    dice = seeded(1)
    rows = calm(dice, 3000)
    ran = fed("timestamp,value", *rows, f"{stamp(3000)},600")
    header, *answers = ran.out.splitlines()
    assert header == HEADER
    assert len(answers) == 3001
    assert [line.split(",")[0] for line in answers] == [stamp(row) for row in range(3001)]
    scores = [(float(line.split(",")[1]), line.split(",")[2]) for line in answers]
    assert all(0 <= score <= 1 for score, _ in scores)
    assert sum(score >= 0.5 for score, _ in scores[:-1]) <= 1
    assert scores[-1][0] >= 0.5
    assert scores[-1][1] == "1"
    assert (ran.status, ran.err) == (0, "")


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("", "not an RFC 3339 time"),
        (",", "not an RFC 3339 time"),
        ("yesterday,5", "not an RFC 3339 time"),
        ("2026-13-45T00:00:00Z,5", "month"),
        ("0001-01-01T00:00:00Z,5", "between 1970 and 2100"),
        ("99999999999,5", "between 1970 and 2100"),
        ("{stamp}", "'' is no number"),
        ("{stamp},", "'' is no number"),
        ("{stamp},many", "'many' is no number"),
        ("{stamp},nan", "'nan' is no count"),
        ("{stamp},inf", "'inf' is no count"),
        ("{stamp},-1", "'-1' is no count"),
        ("{stamp},1e300", "'1e300' is no count"),
        ("{before},5", "not in a later interval"),
        ("\x1b[31m\x07,5", "not an RFC 3339 time"),
        (b"\xff\xfe,5", "not an RFC 3339 time"),
        (b"x" * 3_000_000, "not an RFC 3339 time"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_row_that_cannot_be_used_scores_nothing_and_costs_nothing(line: str | bytes, word: str) -> None:
    """It gets its line and a word on standard error, and the rows around it are answered as if it were not there."""
    rows = [*calm(seeded(2), 300), f"{stamp(301)},600"]
    bad = line if isinstance(line, bytes) else line.format(stamp=stamp(300), before=stamp(299))
    ran = fed(*rows[:300], bad, *rows[300:])
    answers = ran.out.splitlines()
    assert len(answers) == 302
    assert answers[300].endswith(",0.000,0")
    assert len(answers[300]) < 100
    assert answers[300].split(",")[0].isprintable()
    assert answers[:300] + answers[301:] == fed(*rows).out.splitlines()
    (said,) = ran.lines
    assert said.startswith("line 301: ")
    assert word in said
    assert said.isprintable()
    assert ran.status == 0


def test_times_and_rows_may_be_written_in_several_ways() -> None:
    """RFC 3339, a space for its T, seconds, milliseconds, quotes, more columns, CRLF, a byte order mark: one series."""
    plain = [f"{stamp(row)},{10 + row % 4}" for row in range(300)]
    expected = [line.split(",", 1)[1] for line in fed(*plain).out.splitlines()]
    at_s = [(START_MS + row * FIVE_MINUTES) // 1000 for row in range(300)]
    written = {
        "space": [f"{stamp(row)[:19].replace('T', ' ')},{10 + row % 4}" for row in range(300)],
        "seconds": [f"{s},{10 + n % 4}" for n, s in enumerate(at_s)],
        "fractions": [f"{s}.25,{10 + n % 4}" for n, s in enumerate(at_s)],
        "milliseconds": [f"{s}000,{10 + n % 4}.0" for n, s in enumerate(at_s)],
        "quotes": [f'"{stamp(row)}", "{10 + row % 4}" ,rest,"of, it"' for row in range(300)],
        "crlf": [f"{line}\r" for line in plain],
        "mark": [f"\ufeff{plain[0]}", *plain[1:]],
    }
    for how, rows in written.items():
        ran = fed(*rows)
        assert [line.split(",", 1)[1] for line in ran.out.splitlines()] == expected, how
        assert ran.err == "", how


@pytest.mark.parametrize("header", ["timestamp,value", "time,count_5m", "\ufeffts,n\r", "Datum,Aantal berichten"])
def test_a_header_is_answered_with_a_header(header: str) -> None:
    """Where no time and no number stand, in the first line alone."""
    assert fed(header, f"{stamp(0)},5").out.splitlines() == [HEADER, f"{stamp(0)},0.000,0"]
    assert fed(f"{stamp(0)},5", header).out.splitlines()[1] != HEADER


@pytest.mark.parametrize("interval", ["", "5", "0m", "59s", "61m", "2h", "-5m", "5 m", "1d", "nan", "99999m"])
def test_an_interval_out_of_bounds_is_refused(interval: str) -> None:
    """One line that says what is allowed, and nothing is read."""
    ran = tocsin("detect", f"--interval={interval}", stdin=b"0,1\n")
    assert (ran.status, ran.out) == (2, "")
    assert ran.lines == [f"--interval {interval}: give a length from 1m to 1h, as 5m"]


def test_rows_of_another_interval_are_not_lost_in_silence() -> None:
    """Minutes, read as if they were five (a row goes to the nearest interval): seven of ten say that they are lost."""
    rows = [f"{rfc3339(START_MS + row * MINUTE_MS)},7" for row in range(10)]
    ran = fed(*rows)
    assert len(ran.out.splitlines()) == 10
    assert len(ran.lines) == 7
    assert all("see --interval" in line for line in ran.lines)
    assert tocsin("detect", "--interval", "1m", stdin="\n".join(rows).encode()).err == ""


anything = st.one_of(
    st.integers(0, 500).map(str), st.sampled_from(["nan", "", "-3", "1e9", "x"]), st.floats(0, 1e6).map(str)
)


@settings(max_examples=25, deadline=None)
@given(values=st.lists(anything, min_size=1, max_size=60), cut=st.integers(0, 60), seed=st.integers(0, 99))
def test_no_answer_waits_for_what_comes_later(values: list[str], cut: int, seed: int) -> None:
    """The answers to a beginning are the beginning of the answers."""
    rows = [*calm(random.Random(seed), 120), *(f"{stamp(120 + n)},{v}" for n, v in enumerate(values))]
    whole, part = fed(*rows).out.splitlines(), fed(*rows[: 120 + cut]).out.splitlines()
    assert len(whole) == len(rows)
    assert part == whole[: 120 + cut]


# ---- sentiment


def test_a_brand_is_no_praise() -> None:
    """The brand's own name is masked: "united" and "best" are not taken for compliments."""
    (with_brand, without), _ = judged(
        '{"text": "United lost my bag", "brand": "United"}', '{"text": "United lost my bag"}'
    )
    assert (with_brand["label"], with_brand["lang"]) == ("negative", "en")
    assert with_brand["score"] < without["score"]
    (masked,), _ = judged('{"text": "I was at Best Buy", "brand": "Best Buy"}')
    assert masked == {"label": "neutral", "score": 0, "lang": "en"}


def test_what_no_scorer_reads_is_unscored() -> None:
    """French is named and not judged; English and Dutch are."""
    (french, dutch, english), ran = judged(
        '{"text": "quelle honte, toujours pas de courant", "lang": "fr"}',
        '{"text": "wat een ellende, al drie uur geen stroom en niemand neemt op"}',
        '{"text": "I love it, thanks!"}',
    )
    assert french == {"label": "unscored", "score": 0, "lang": "fr"}
    assert (dutch["label"], dutch["lang"]) == ("negative", "nl")
    assert (english["label"], english["lang"]) == ("positive", "en")
    assert ran.err == ""


def test_a_score_says_what_made_it() -> None:
    """With --explain each line names the maskings, words and rules; label and score are those given without."""
    lines = (
        '{"text": "@united is UNITED, still waiting for my refund", "brand": "United"}',
        '{"text": "wat een slechte service", "lang": "nl"}',
        '{"text": "quelle honte", "lang": "fr"}',
        "{",
    )
    ran = tocsin("sentiment", "--explain", stdin="\n".join(lines).encode())
    explained = [json.loads(line) for line in ran.out.splitlines()]
    plain, _ = judged(*lines)
    assert [{key: value for key, value in one.items() if key != "why"} for one in explained] == plain
    english, dutch, french, unreadable = (one["why"] for one in explained)
    assert english == [
        {"rule": "masked", "words": "xhandlex is xbrandx, still waiting for my refund", "milli": 0},
        {"rule": "waiting", "words": "still waiting", "milli": -2000},
        {"rule": "money", "words": "refund", "milli": -2500},
    ]
    assert [part["words"] for part in dutch] == ["slechte"]
    assert (french, unreadable) == ([], [])


GOOD = '{"text": "I love it, thanks!"}'


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("", "not JSON"),
        ("   ", "not JSON"),
        ("{", "not JSON"),
        ("null", "expected {"),
        ("[]", "expected {"),
        ("{}", "expected {"),
        ('{"text": 5}', "expected {"),
        ('{"text": "x", "lang": ["en"]}', "expected {"),
        ('{"text": "x", "brand": 7}', "expected {"),
        (b'{"text": "\xff"}', "not UTF-8"),
        ("[" * 100_000, "nested too deeply"),
        ('{"text": "x", "more": ' + '{"a":' * 50_000 + "1" + "}" * 50_000 + "}", "nested too deeply"),
        ('{"text": "' + "a" * 10_000_000 + '"}', "longer than 1048576 bytes"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_line_that_cannot_be_judged_keeps_its_place(line: str | bytes, word: str) -> None:
    """`unscored` in its place, one word on standard error with its number, and its neighbours judged as ever."""
    answers, ran = judged(GOOD, line, GOOD)
    assert [a["label"] for a in answers] == ["positive", "unscored", "positive"]
    assert answers[1] == {"label": "unscored", "score": 0, "lang": "und"}
    (said,) = ran.lines
    assert said.startswith("line 2: ")
    assert word in said
    assert len(said) < 200
    assert ran.status == 0


@pytest.mark.parametrize(
    "line",
    [
        '{"text": "\\ud800 this is awful", "lang": "en", "brand": "\\udfff"}',
        '{"text": "\\u0000\\u202ethis is awful", "lang": "en"}',
        '{"text": "this is awful", "lang": "EN-gb", "brand": "\\" OR ( NOT *"}',
        '{"text": "this is awful", "lang": null, "brand": null, "more": {"a": [1, NaN, 1e999, ' + "9" * 5000 + "]}}",
        '{"text": "this is awful ' + "but " * 200_000 + '", "lang": "en"}',
        '\ufeff{"text": "this is awful", "lang": "en", "brand": ""}',
    ],
    ids=lambda line: line[:30],
)
def test_what_is_odd_but_readable_is_judged(line: str) -> None:
    """Lone surrogates, controls, brands that look like queries, endless text: no reason to give up on the words."""
    answers, ran = judged(line)
    assert [(a["label"], a["lang"]) for a in answers] == [("negative", "en")]
    assert -1000 <= answers[0]["score"] < 0
    assert ran.err == ""


lines_of_bytes = st.lists(
    st.one_of(
        st.binary(max_size=40).map(lambda b: b.replace(b"\n", b"")),
        st.sampled_from([b"", b'{"text":"bad"}', b'{"text":"\\ud83d"}', b"2026-01-01T00:00:00Z,3", b"1e5,1e5", b"5,5"]),
    ),
    max_size=12,
)


@settings(max_examples=40, deadline=None)
@given(lines=lines_of_bytes, command=st.sampled_from(["detect", "sentiment"]))
def test_any_bytes_are_answered_line_by_line(lines: list[bytes], command: str) -> None:
    """Whatever stands in a line: exit status 0 and as many lines out as in, each of the promised shape."""
    ran = tocsin(command, stdin=b"".join(line + b"\n" for line in lines))
    answers = ran.out.split("\n")[:-1]
    assert ran.status == 0
    assert len(answers) == len(lines)
    for answer in answers:
        if command == "sentiment":
            assert json.loads(answer).keys() == {"label", "score", "lang"}
        elif answer != HEADER:
            assert 0 <= float(answer.split(",")[-2]) <= 1


# ---- at once


@pytest.mark.parametrize(
    ("command", "lines"),
    [
        ("detect", [b"timestamp,value\n", b"2026-01-01T00:00:00Z,3\n", b"nonsense\n"]),
        ("sentiment", [b'{"text": "awful"}\n', b"\n", b'{"text": "lovely"}\n']),
    ],
)
def test_each_line_is_answered_while_the_pipe_is_open(command: str, lines: list[bytes]) -> None:
    """Nothing waits for a buffer to fill: the answer to a line is there before the next one is written."""
    started = process([command])
    assert started.stdin is not None
    assert started.stdout is not None
    for line in lines:
        started.stdin.write(line)
        started.stdin.flush()
        assert started.stdout.readline().endswith(b"\n")
    assert started.poll() is None
    assert ended(started).status == 0
