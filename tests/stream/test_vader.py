"""The fast evaluation of VADER's rules gives the package's own figures, to the last digit, whatever the text."""

import gzip
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vaderSentiment.vaderSentiment import BOOSTER_DICT, NEGATE, SPECIAL_CASES, SentimentIntensityAnalyzer

from stream import vader as module
from stream.vader import FastVader

ORACLE = SentimentIntensityAnalyzer()
FAST = FastVader.of_package()
SEED = 20140601
ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"

LEXICON = sorted(ORACLE.lexicon)
EMOJI = sorted(ORACLE.emojis)
CUES = [*BOOSTER_DICT, *NEGATE, *" ".join(SPECIAL_CASES).split()]
CUES += ["no", "no", "or", "nor", "kind", "of", "never", "so", "this", "without", "doubt", "least", "at", "very"]
CUES += ["but", "but", "wudn't", "n't", "N'T"]
FILLERS = [
    "the",
    "a",
    "flight",
    "crew",
    "I",
    "you",
    "is",
    "on",
    "time",
    "Gate",
    "22",
    "@united",
    "#fail",
    "https://t.co/x",
]
FILLERS += ["ΑΣ'", "İstanbul", "東京", "¿qué?", "ＧＯＯＤ"]
SPACES = [" "] * 12 + ["  ", "\n", "\t", "\u00a0", "\u3000", "\x1c", "\u2028", "\u200b", "", "\r\n"]
MARKS = [
    "!",
    "!!",
    "!!!!!",
    "?",
    "??",
    "???",
    "????",
    "?!",
    ".",
    "...",
    ",",
    "'",
    '"',
    "*",
    "(",
    ")",
    "-",
    "_",
    "’",
    "…",
]


def same(text: str, *, oracle: SentimentIntensityAnalyzer = ORACLE, fast: FastVader = FAST) -> bool:
    """Whether values, their types, their signs of zero and the order of keys are those of the package."""
    expected = oracle.polarity_scores(text)
    return repr(expected) == repr(fast.polarity_scores(text)) and repr(expected["compound"]) == repr(
        fast.compound(text)
    )


def differing(texts: Iterator[str], **scorers) -> tuple[int, list[str]]:
    """How many texts were compared, and the first of those that differ."""
    count, wrong = 0, []
    for text in texts:
        count += 1
        if not same(text, **scorers):
            wrong.append(text)
    return count, wrong[:5]


def fuzzed(seed: int, count: int) -> Iterator[str]:
    """Texts in which rules meet: words that they ask for, close together, in every dress."""
    print(f"seed {seed}: {count:,} texts")
    rng = random.Random(seed)
    for _ in range(count):
        length = (
            rng.choice((0, 1, 2, 3, 4, 5, 6, 8, 8, 12, 20, 30)) if rng.random() < 0.999 else rng.randrange(300, 900)
        )
        lean = rng.random()
        few = [_bare(rng, lean) for _ in range(rng.randrange(1, 5))]
        shout = rng.choice((0.0, 0.0, 0.15, 0.5, 1.0))
        pieces = []
        for _ in range(length):
            word = rng.choice(few) if rng.random() < 0.2 else _bare(rng, lean)
            pieces += (_dressed(rng, word, shout), rng.choice(SPACES))
        yield "".join(pieces)


def _bare(rng: random.Random, lean: float) -> str:
    """A word: of the lexicon, of a rule, an emoji or none of these."""
    dice = rng.random()
    if dice < 0.35:
        return rng.choice(LEXICON)
    if dice < 0.35 + 0.5 * lean:
        return rng.choice(CUES)
    if dice < 0.4 + 0.5 * lean:
        return "".join(rng.choices(EMOJI, k=rng.randrange(1, 4)))
    return rng.choice(FILLERS)


def _dressed(rng: random.Random, word: str, shout: float) -> str:
    """A word as people type it."""
    if rng.random() < shout:
        word = word.upper()
    dice = rng.random()
    if dice < 0.05:
        word = word.title()
    elif dice < 0.08:
        word += rng.choice(EMOJI)
    elif dice < 0.1:
        word = word.replace("o", "ｏ", 1)
    elif dice < 0.12:
        word = "".join(rng.choices(MARKS, k=3))
    if rng.random() < 0.15:
        word = rng.choice(MARKS) + word
    if rng.random() < 0.2:
        word += rng.choice(MARKS)
    return word


def recorded() -> Iterator[str]:
    """Every text of the data sets, and every string of the recorded payloads."""
    for path in sorted(DATA.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line).get("text", "")
    for path in sorted((DATA / "payloads").glob("*.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                yield from _strings(_document(line))


def _document(line: str) -> object:
    """What a line says; one that was cut off by its recorder is a text like any other."""
    try:
        return json.loads(line)
    except ValueError:
        return line


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _strings(part)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n ",
        "!!!",
        "good",
        "GOOD",
        "GOOD day",
        "I was NOT happy, at ALL!!!",
        "VERY good but VERY bad",
        "good good bad but good bad bad good",
        "but good",
        "good BUT",
        "2.0 good but great but awful",
        "kind of good, sort of bad, just enough joy",
        "they are kind of friends, a kind of joy",
        "never so good, never this good, this good, so good",
        "without doubt good, without a doubt an excellent idea",
        "no good, no really good, no good or great, NO great",
        "least good, at least good, the very least good",
        "that is the shit, I said, and the bomb",
        "you are a bad ass, at the bus stop, yeah right",
        "it was a kiss of death and a meal to die for",
        "we wudn't like it, isn't good, N'T good",
        "ok :) :-( :D (: ;-) <3 n00b",
        "x😀y 😀😀 😀 ! 🔛good🆙",
        "👩‍👩‍👧 ❤️ ♥ Ⓜ 🅰️ ☹",
        "🔛",
        "good\x1cbad\u2028good\u00a0bad",
        "\ud800 good \udfff",
        "ΑΣ ΟΔΟΣ İ ß ǅ ŉ't good",
        "'good' \"good\" (good) *good* go'od good's",
        "?? ??? ???? good ?",
    ],
)
def test_every_rule_and_every_oddity_is_kept(text):
    """One line for each rule of the package, and for what only looks like a mistake of ours."""
    assert same(text)


def test_a_few_thousand_texts_score_as_the_package_scores_them():
    """The short edition of the proof below: other texts than its first ones, as the seed is another."""
    count, wrong = differing(fuzzed(SEED + 1, 5_000))
    assert (count, wrong) == (5_000, [])


def test_a_sample_of_what_people_wrote_scores_as_the_package_scores_it():
    """Three thousand posts out of the recorded ones, spread evenly."""
    if not DATA.is_dir():
        pytest.skip(f"needs the recorded posts in {DATA.name}")
    count, wrong = differing(text for number, text in enumerate(recorded()) if number % 70 == 0)
    assert wrong == []
    assert count > 2_500


@pytest.mark.proof
def test_two_hundred_thousand_fuzzed_texts_score_as_the_package_scores_them():
    """0 differences over 200,000 texts in which rules meet."""
    count, wrong = differing(fuzzed(SEED, 200_000))
    print(f"{count:,} fuzzed texts, {len(wrong)} differences")
    assert wrong == []


@pytest.mark.proof
def test_everything_recorded_scores_as_the_package_scores_it():
    """0 differences over every text at hand."""
    if not DATA.is_dir():
        pytest.skip(f"needs the recorded posts in {DATA.name}")
    count, wrong = differing(recorded())
    print(f"{count:,} recorded texts, {len(wrong)} differences")
    assert wrong == []
    assert count > 100_000


@pytest.mark.proof
def test_it_is_at_least_five_times_as_fast_as_the_package():
    """Side by side in one process, by the medians of interleaved rounds."""
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.vader"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    print(run.stdout)
    assert run.returncode == 0, run.stdout + run.stderr


@given(st.text(st.characters(codec=None, exclude_categories=()), max_size=80))
@settings(max_examples=300, deadline=None)
def test_any_string_at_all_scores_as_the_package_scores_it(text):
    """Lone surrogates, controls, and scripts without words in the lexicon."""
    assert same(text)


def test_a_lexicon_of_ones_own_scores_as_in_the_package():
    """Also one that knows boosters, negations and "but": rules do not lean on what today's lexicon leaves out."""
    oracle = SentimentIntensityAnalyzer()
    rng = random.Random(SEED)
    words = [*rng.sample(LEXICON, 300), *CUES]
    oracle.lexicon = {word: rng.choice((-3.0, -1.5, 0.0, 0.4, 1.5, 3.0)) for word in words}
    fast = FastVader(oracle.lexicon, oracle.emojis)
    assert differing(fuzzed(SEED + 2, 1_500), oracle=oracle, fast=fast) == (1_500, [])


def test_what_was_scored_before_changes_nothing(monkeypatch):
    """A memo of fifty tokens, full every few texts, gives the same scores as one that holds them all."""
    monkeypatch.setattr(module, "MEMO_TOKENS", 50)
    assert differing(fuzzed(SEED + 3, 1_000), fast=FastVader.of_package()) == (1_000, [])


def test_the_memo_is_bounded(monkeypatch):
    """However many tokens come by, and however long they are."""
    monkeypatch.setattr(module, "MEMO_TOKENS", 1_000)
    fast = FastVader({"good": 2.0}, {})
    for start in range(0, 10_000, 100):
        fast.compound(" ".join(f"word{number} {'x' * 5_000}{number}" for number in range(start, start + 100)))
    memo = fast._word_of.__self__
    assert 0 < len(memo) <= 1_000
    assert max(map(len, memo)) <= module._MEMO_LENGTH


def test_a_description_with_emoji_in_it_is_refused():
    """It would be described for ever."""
    with pytest.raises(ValueError, match="holds an emoji"):
        FastVader({}, {"😀": "like 😁", "😁": "beaming"})


@given(st.floats(-1, 1) | st.integers(-20_000, 20_000).map(lambda n: n / 20_000), st.sampled_from([3, 4]))
@settings(max_examples=500)
def test_rounding_is_pythons_own(value, digits):
    """Halves that are none in binary, signs of zero, and all between."""
    assert repr(module._rounded(value, digits)) == repr(round(value, digits))


def test_every_phrase_has_a_word_by_which_it_is_found():
    """The four words that are no cues by themselves never make a phrase alone."""
    phrases = [phrase.split() for phrase in (*SPECIAL_CASES, *BOOSTER_DICT) if " " in phrase]
    assert phrases
    assert all(set(words) - module._FOUND_BY_OTHERS for words in phrases)


def test_lowering_twice_is_lowering_once():
    """The package lowers some words twice; here they are lowered once."""
    letters = [chr(point) for point in range(0x110000)]
    assert [letter for letter in letters if letter.lower().lower() != letter.lower()] == []
