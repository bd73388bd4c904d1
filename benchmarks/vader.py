"""VADER's rules here and in the package they come from, on the same texts, side by side: `python -m benchmarks.vader`.

Rounds are interleaved and each side gets processor time, not the clock's: the machine may have other work. The ratio
is of the medians. Prints microseconds a text; fails below `WANTED`. Takes the recorded posts where they are at hand
(their text is not part of the repository), and made-up ones in any case.
"""

import argparse
import gzip
import itertools
import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from vaderSentiment.vaderSentiment import BOOSTER_DICT, NEGATE, SentimentIntensityAnalyzer

from stream.brands import Brand
from stream.sentiment import Masks
from stream.vader import FastVader

DATA = Path(__file__).parent.parent.parent / "shared" / "data"
SETS = ("united_2017_after", "us_airlines_2015", "spotify_support_2017", "sanders_2011", "vader_groundtruth")
WANTED = 5.0
"""How many times faster the fast evaluation is, at least, on texts like those it is made for."""
SEED = 20140601

_SENTENCES = """
the flight was to my bag and still waiting on hold for an hour at gate 22 is this really how you treat people who paid
two tickets from london we have been sitting here since noon nobody at the desk knows when it leaves
"""
_WORDS = _SENTENCES.split()
_ENDS = ("!", "!!", ".", "...", "?", ",", " 😡", " 😀", "…", "")


def made_up(count: int) -> list[str]:
    """Posts of the length and make of real ones: 15 words in the mean, two of them of the lexicon, in no order."""
    rng = random.Random(SEED)
    lexicon = [word for word in SentimentIntensityAnalyzer().lexicon if word.isalpha()]
    cues = [*BOOSTER_DICT, *NEGATE, "but", "no", "so"]
    texts = []
    for number in range(count):
        words = rng.choices(_WORDS, k=rng.randrange(6, 20))
        words += rng.choices(lexicon, k=rng.randrange(5)) + rng.choices(cues, k=rng.randrange(3))
        rng.shuffle(words)
        shouted = words[0].upper() if rng.random() < 0.1 else words[0].title()
        handle = f"@acme{number % 50} " if rng.random() < 0.7 else ""
        link = f" https://t.co/{rng.randrange(36**6):x}" if rng.random() < 0.3 else ""
        texts.append(f"{handle}{shouted} {' '.join(words[1:])}{rng.choice(_ENDS)}{link}")
    return texts


def recorded(name: str, count: int) -> list[str]:
    """Some posts of one recording, mixed; empty where it is not at hand."""
    path = DATA / f"{name}.jsonl.gz"
    if not path.is_file():
        return []
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    random.Random(SEED).shuffle(texts)
    return texts[:count]


def microseconds(action: Callable[[str], object], texts: Sequence[str]) -> float:
    """Processor time a text."""
    start = time.process_time()
    for text in texts:
        action(text)
    return (time.process_time() - start) / len(texts) * 1e6


def compare(name: str, texts: Sequence[str], rounds: int) -> float:
    """Print one line a way of scoring; the ratio of the package to `compound`.

    The masks are those of a brand that some of the texts name: what is scored is what intake would score.
    """
    masks = Masks.for_brand(Brand("United", "united OR acme OR spotify"))
    masked = [masks.apply(text) for text in texts]
    package, fast = SentimentIntensityAnalyzer(), FastVader.of_package()
    differing = sum(package.polarity_scores(text) != fast.polarity_scores(text) for text in masked)
    assert differing == 0, f"{name}: {differing} texts differ"
    cold = FastVader.of_package()
    first = microseconds(cold.compound, masked)
    ways: dict[str, tuple[Callable[[str], object], Sequence[str]]] = {
        "package": (package.polarity_scores, masked),
        "polarity_scores": (fast.polarity_scores, masked),
        "compound": (fast.compound, masked),
        "masking": (masks.apply, texts),
    }
    spent: dict[str, list[float]] = {way: [] for way in ways}
    for _, (way, (action, read)) in itertools.product(range(rounds), ways.items()):
        spent[way].append(microseconds(action, read))
    median = {way: statistics.median(times) for way, times in spent.items()}
    ratio = median["package"] / median["compound"]
    worst = min(a / b for a, b in zip(spent["package"], spent["compound"], strict=True))
    print(
        f"{name:22} {len(texts):6} {median['package']:8.1f} {median['polarity_scores']:8.1f} {median['compound']:8.1f} "
        f"{first:8.1f} {median['masking']:8.1f} {ratio:7.1f} {worst:7.1f}"
    )
    return ratio


def main(arguments: Sequence[str] | None = None) -> int:
    """0 if the ratio over all texts is `WANTED` at least."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=3_000, help="texts of each set")
    parser.add_argument("--rounds", type=int, default=7)
    chosen = parser.parse_args(arguments)
    print(f"seed {SEED}; {chosen.rounds} rounds; microseconds of processor time a text, medians")
    heads = ("package", "polarity", "compound", "cold", "masking", "ratio", "worst")
    print(f"{'':22} {'texts':>6} {heads[0]:>8} {heads[1]:>8} {heads[2]:>8} {heads[3]:>8} {heads[4]:>8} ", end="")
    print(f"{heads[5]:>7} {heads[6]:>7}")
    sets = {"made up": made_up(chosen.texts)}
    sets |= {name: texts for name in SETS if (texts := recorded(name, chosen.texts))}
    for name, texts in sets.items():
        compare(name, texts, chosen.rounds)
    together = compare("together", [text for texts in sets.values() for text in texts], chosen.rounds)
    print(f"{together:.1f} times the package's speed; at least {WANTED:.1f} are wanted")
    return 0 if together >= WANTED else 1


if __name__ == "__main__":
    sys.exit(main())
