"""Language, sentiment and risk of a matched text beside vaderSentiment alone: `python -m benchmarks.scoring`.

Three cases: the brand has one language; it has two and the source says which; it has two and nobody says. Rounds are
interleaved, each side gets processor time, and the ratio is of the medians. Fails above `ALLOWED`.
"""

import argparse
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from benchmarks.vader import SETS, made_up, microseconds, recorded
from stream.brands import Brand
from stream.language import identify
from stream.mention import Mention
from stream.names import Names
from stream.risk import Classifier
from stream.scoring import Scoring, judge, shipped_scorers, with_risks
from stream.sentiment import Masks
from stream.text import normalise

ALLOWED = {"one language": 1.0, "two, said": 1.0, "two, unsaid": 1.5}
"""How many times as long as the package alone each case may take."""
CASES: dict[str, tuple[tuple[str, ...], str | None]] = {
    "one language": (("en",), None),
    "two, said": (("en", "nl"), "en"),
    "two, unsaid": (("en", "nl"), None),
}


def judged(languages: tuple[str, ...], hint: str | None, plain_of: Mapping[str, str]) -> Callable[[str], object]:
    """What intake works out for a matched text: its language, its risks and complaints, its sentiment.

    `plain_of` is the normalised text, which matching has made already.
    """
    brand = Brand("Acme", "acme OR united OR spotify", languages=languages)
    scorers, masks, classifier = shipped_scorers(), Masks.for_brand(brand), Classifier({})

    def score(text: str) -> object:
        found = identify(text, hint=hint, languages=languages)
        plain = plain_of[text]
        risks, _ = classifier.classes(plain, found[0])
        return with_risks(judge(scorers, text, languages, found, masks), risks, plain)

    return score


def whole(languages: tuple[str, ...], hint: str | None) -> Callable[[str], object]:
    """The same with matching, masking and the key of the copy-paste cluster: all of `Scoring.score`."""
    scoring = Scoring([Brand("Acme", None, languages=languages)], Names(b"benchmark"))

    def score(text: str) -> object:
        post = Mention(id="x:1", source="x", created_ms=0, claimed_ms=0, observed_ms=0, text=text, lang=hint)
        return scoring.score(post)

    return score


def main(arguments: Sequence[str] | None = None) -> int:
    """0 if every case keeps to what it is allowed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=2_000, help="texts of each set")
    parser.add_argument("--rounds", type=int, default=7)
    chosen = parser.parse_args(arguments)
    texts = [text for name in SETS for text in recorded(name, chosen.texts)] + made_up(chosen.texts)
    ways: dict[str, Callable[[str], object]] = {"package": SentimentIntensityAnalyzer().polarity_scores}
    plain_of = {text: normalise(text) for text in texts}
    ways |= {name: judged(*case, plain_of) for name, case in CASES.items()}
    ways |= {f"{name}, all of intake's scoring": whole(*case) for name, case in CASES.items()}
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(chosen.rounds):
        for name, action in ways.items():
            spent[name].append(microseconds(action, texts))
    package = statistics.median(spent["package"])
    print(f"{len(texts)} texts, {chosen.rounds} rounds; microseconds of processor time a text, medians")
    missed = []
    for name, times in spent.items():
        ratio = statistics.median(times) / package
        print(f"{name:40} {statistics.median(times):8.1f}   {ratio:5.2f} x the package")
        if ratio > ALLOWED.get(name, ratio):
            missed.append(name)
    for name in missed:
        print(f"{name}: more than {ALLOWED[name]} x the package", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
