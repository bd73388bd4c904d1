"""`make accuracy`: how far the scorers can be believed, measured on every labelled set that is at hand.

Writes a page of figures and nothing of the texts. What is not there is named and left out. Speed is that of the
machine at the time; everything else is the same on every run.
"""

import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stream.english import EnglishScorer
from stream.language import identify
from stream.lexicon_en import GROUPS
from stream.mention import Sentiment
from stream.scoring import shipped_scorers
from stream.sentiment import Scorers, VaderScorer, label_of
from tocsin.labelled import COMPLAINT, TWO, Labelled, Text, find

GROUP = 100
"""Texts over which a share of negatives is compared: what a pulse holds in a busy minute."""
TIMED = 1_000
ROUNDS = 3
LANGUAGES = ("en", "nl")

Judge = Callable[[Text], Sentiment]


@dataclass(frozen=True)
class Quality:
    """How labels agree with people's."""

    accuracy: float
    macro_f1: float
    precision: float
    """Of what was called negative, the share that people call so."""
    recall: float
    """Of what people call negative, the share that was called so."""


def quality(pairs: Sequence[tuple[str, str]], classes: Sequence[str]) -> Quality:
    """Measures of (truth, guess) pairs; a guess that is no class of the set is wrong.

    >>> quality([("negative", "negative"), ("positive", "negative")], ("negative", "positive"))
    Quality(accuracy=0.5, macro_f1=0.3333333333333333, precision=0.5, recall=1.0)
    """
    counts = Counter(pairs)
    scores = []
    for one in classes:
        hits = counts[one, one]
        guessed = sum(n for (_, guess), n in counts.items() if guess == one)
        true = sum(n for (truth, _), n in counts.items() if truth == one)
        scores.append((_share(hits, guessed), _share(hits, true), _share(2 * hits, guessed + true)))
    right = sum(n for (truth, guess), n in counts.items() if truth == guess)
    precision, recall, _ = scores[list(classes).index("negative")]
    return Quality(_share(right, len(pairs)), statistics.fmean(f1 for _, _, f1 in scores), precision, recall)


def calibration(pairs: Sequence[tuple[str, str]]) -> tuple[int, float, float]:
    """Groups of `GROUP` in their order; the mean error of the share of negatives in points, and the mean lean.

    A lean below 0 says that fewer are called negative than are. What is left at the end is no group.

    >>> calibration([("negative", "neutral"), ("neutral", "neutral")] * 50)
    (1, 50.0, -50.0)
    """
    leans = []
    for start in range(0, len(pairs) - GROUP + 1, GROUP):
        group = pairs[start : start + GROUP]
        guessed = sum(guess == "negative" for _, guess in group)
        leans.append(100 * (guessed - sum(truth == "negative" for truth, _ in group)) / GROUP)
    if not leans:
        return 0, 0.0, 0.0
    return len(leans), statistics.fmean(map(abs, leans)), statistics.fmean(leans)


def judges(lang: str) -> dict[str, Judge]:
    """vaderSentiment as it comes, the same with masks, and what is shipped, for texts of one language."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    package: Any = SentimentIntensityAnalyzer()
    masked, shipped = Scorers([VaderScorer()]), shipped_scorers()

    def as_it_comes(text: Text) -> Sentiment:
        compound = package.polarity_scores(text.text)["compound"]
        return Sentiment(label_of(int(compound * 1000)), int(compound * 1000), "en", "vaderSentiment")

    return {
        "vaderSentiment as it comes": as_it_comes,
        "vaderSentiment, masked": lambda text: masked.judge(text.text, "en", text.masks),
        "shipped": lambda text: shipped.judge(text.text, lang, text.masks),
    }


def page(data: Path, labels: Path) -> str:
    """The report."""
    found, missing = find(data, labels)
    lines = [HEAD, *_measured(found)]
    lines += ["", "## Brands and trades", "", BRANDS, "", *_parts(found)]
    lines += ["", "## Language", "", LANGUAGE, "", *_confusion(found)]
    if missing:
        lines += ["", "## Not measured", "", *(f"- {one}" for one in missing)]
    lines += ["", "## Where it is weak", "", WEAK, "", "## Words", "", WORDS, *_words(found)]
    return "\n".join(lines).rstrip() + "\n"


def _measured(found: Iterable[Labelled]) -> list[str]:
    lines = []
    for labelled in found:
        lines += ["", f"## {labelled.name}", ""]
        lines += [f"{labelled.about}; {len(labelled.texts):,} texts, language `{labelled.lang}`.", ""]
        lines += _correlated(labelled) if not labelled.classes else _labelled(labelled)
    return lines


def _labelled(labelled: Labelled) -> list[str]:
    lines = [
        "| scorer | accuracy | macro-F1 | negative precision | negative recall | share of negatives: error, lean "
        "| texts/s |",
        "|---|---|---|---|---|---|---|",
    ]
    every = judges(labelled.lang)
    speeds = _speeds(every, labelled.texts)
    for name, judge in every.items():
        pairs = _pairs(labelled, judge)
        q = quality(pairs, labelled.classes)
        groups, error, lean = calibration(pairs)
        figures = f"{q.accuracy:.3f} | {q.macro_f1:.3f} | {q.precision:.3f} | {q.recall:.3f}"
        shares = f"{error:.1f}, {lean:+.1f}" if groups else "too few"
        lines.append(f"| {name} | {figures} | {shares} | {speeds[name]:,} |")
    return lines


def _correlated(labelled: Labelled) -> list[str]:
    parts = sorted({text.part for text in labelled.texts})
    lines = [
        f"| scorer | r, all | {' | '.join(f'r, {part}' for part in parts)} | texts/s |",
        "|---" * (len(parts) + 3) + "|",
    ]
    every = judges(labelled.lang)
    speeds = _speeds(every, labelled.texts)
    for name, judge in every.items():
        scored = [(text.part, text.valence, judge(text).score) for text in labelled.texts]
        figures = [_correlation([(valence, score) for _, valence, score in scored])]
        figures += [_correlation([(v, s) for part, v, s in scored if part == one]) for one in parts]
        lines.append(f"| {name} | {' | '.join(f'{r:.3f}' for r in figures)} | {speeds[name]:,} |")
    return lines


def _pairs(labelled: Labelled, judge: Judge) -> list[tuple[str, str]]:
    """(truth, guess) in the order of time; where a set has two classes of its own, the guess is one of them."""
    is_complaint = labelled.classes == COMPLAINT
    pairs = []
    for text in labelled.texts:
        guess: str = judge(text).label
        pairs.append((text.truth, "other" if is_complaint and guess != "negative" else guess))
    return pairs


def _speeds(every: dict[str, Judge], texts: Sequence[Text]) -> dict[str, int]:
    """Texts a second of processor time: the best of some rounds in turn, masking included."""
    sample = texts[:TIMED]
    best = dict.fromkeys(every, float("inf"))
    for _ in range(ROUNDS):
        for name, judge in every.items():
            began = time.process_time()
            for text in sample:
                judge(text)
            best[name] = min(best[name], time.process_time() - began)
    return {name: int(len(sample) / max(seconds, 1e-6)) // 100 * 100 for name, seconds in best.items()}


def _parts(found: Iterable[Labelled]) -> list[str]:
    lines = [
        "| set | part | texts | macro-F1, masked VADER | macro-F1, shipped | negative precision "
        "| called negative, of the rest |",
        "|---|---|---|---|---|---|---|",
    ]
    for labelled in found:
        if not labelled.classes or labelled.classes == TWO:
            continue
        every = judges(labelled.lang)
        masked = _pairs(labelled, every["vaderSentiment, masked"])
        shipped = _pairs(labelled, every["shipped"])
        for part in sorted({text.part for text in labelled.texts}):
            at = [number for number, text in enumerate(labelled.texts) if text.part == part]
            rest = [shipped[number][1] for number in at if shipped[number][0] != "negative"]
            alarms = f"{100 * _share(rest.count('negative'), len(rest)):.0f} %"
            start = f"| {labelled.name} | {part} | {len(at):,} |"
            if len(rest) == len(at):
                lines.append(f"{start} | | | {alarms} |")  # no complaint among them: nothing else can be measured
                continue
            before = quality([masked[number] for number in at], labelled.classes)
            after = quality([shipped[number] for number in at], labelled.classes)
            lines.append(f"{start} {before.macro_f1:.3f} | {after.macro_f1:.3f} | {after.precision:.3f} | {alarms} |")
    return lines


def _confusion(found: Iterable[Labelled]) -> list[str]:
    lines = ["| set | is | called en | called nl | undetermined |", "|---|---|---|---|---|"]
    for labelled in found:
        called = Counter(identify(text.text, hint=None, languages=LANGUAGES)[0] for text in labelled.texts)
        figures = " | ".join(f"{100 * called[one] / len(labelled.texts):.1f} %" for one in (*LANGUAGES, "und"))
        lines.append(f"| {labelled.name} | {labelled.lang} | {figures} |")
    return lines


def _words(found: Sequence[Labelled]) -> list[str]:
    """How often people's labels go with each word or phrase of the English lexicon."""
    counted = [one for one in found if one.lang == "en" and one.classes]
    scorer = EnglishScorer()
    seen: Counter[tuple[str, str, str]] = Counter()
    for labelled in counted:
        for text in labelled.texts:
            _, reasons = scorer.explain(text.masks.apply(text.text))
            truth = "neutral" if text.truth == "other" else text.truth
            seen.update((rule, words, truth) for rule, words in sorted({reason[:2] for reason in reasons}))
    lines = []
    for group in GROUPS:
        words = sorted({words for rule, words, _ in seen if rule == group.name})
        told = [
            f"{one} {'/'.join(str(seen[group.name, one, truth]) for truth in ('negative', 'neutral', 'positive'))}"
            for one in words
        ]
        lines += ["", f"**{group.name}** ({group.valence_milli / 1000:+g}; {group.why}): {', '.join(told)}."]
    return lines


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _correlation(pairs: Sequence[tuple[float, float]]) -> float:
    """Pearson's r; 0 where one side does not vary."""
    try:
        return statistics.correlation([x for x, _ in pairs], [y for _, y in pairs])
    except statistics.StatisticsError:
        return 0.0


HEAD = """# How far the scores can be believed

Written by `make accuracy` from the labelled sets it finds; run it again after any change to a scorer. Three scorers
stand side by side: the package vaderSentiment 3.3.2 as it comes, the same with brand names, handles and links
masked, and what is shipped (`stream.scoring.shipped_scorers`). How they work is told in [scoring.md](scoring.md).

- *Macro-F1* is the mean over the labels of a set, whatever their number.
- *Share of negatives*: over groups of 100 texts in the order of time, by how many points the share that is called
  negative misses the true one (error), and to which side (lean). This, not the single verdict, is what a detector
  reads; a lean that stays the same is part of what it learns as normal.
- *r* is Pearson's correlation of the score with the mean of what raters gave.
- *texts/s* is per core, on the machine that wrote this page, masking included.
- Where a set has two labels, `neutral` and `unscored` count as wrong; where it tells complaints from the rest,
  whatever is not negative is the rest."""

BRANDS = """The airlines and the technology brands were read while the English lexicon was written, and its weights were
fitted on both, so their figures flatter it. What it does for strangers is nearer to what fitting without a brand
gave for that brand (see `stream.lexicon_en`: within .03), and to the complaints by trade, which were counted but not
fitted."""

LANGUAGE = """Texts of the sets above, without any word from their source, for a brand that is spoken of in English and
Dutch. Where a source names the language it is believed, and where a brand has one language nothing is identified;
then this table does not matter. A text that stays undetermined is `unscored`, never neutral."""

WEAK = """- **Neutral** is the weakest label: a joke, a headline and an idle remark share their words with praise and
  blame.
- **Negative precision depends on how many are negative.** Among airline passengers, who mostly complain, nine of ten
  verdicts hold; among posts about a phone, of which one in six is a complaint, about half. Alerting compares a
  brand's share with its own past for this reason.
- **Sarcasm** is found where it has a set phrase ("another outage", "slow clap") and not where it has none.
- **The raters of `vader_groundtruth`** judged the tone of a text, not an attitude to a brand; the figure shows that
  the layer costs none of VADER's agreement with them. The snippets of reviews there are halves of sentences, which no
  lexicon reads well.
- **The sets are old** (2011 to 2019), from one platform and of a few trades. They hold few emoji and little of what
  people write today.
- **Language**: short texts, names and mixed sentences are where the identifier errs."""

WORDS = """Each word or phrase of the English lexicon that occurs, with how many of the texts that hold it people called
negative/neutral/positive, over the English sets with labels (a complaint is negative, what is none neutral). Small
counts prove nothing; they are here so that a word which speaks against its group can be found and argued about. The
sign is the group's weight in VADER's unit."""


def main(arguments: Sequence[str]) -> int:
    """`python -m tocsin.accuracy DATA LABELS PAGE`."""
    if len(arguments) != 3:
        sys.stderr.write("usage: python -m tocsin.accuracy DATA LABELS PAGE\n")
        return 2
    data, labels, target = map(Path, arguments)
    if not find(data, labels)[0]:
        sys.stderr.write(f"no labelled set in {data}: {target} stays as it is\n")
        return 2
    target.write_text(page(data, labels), encoding="utf-8")
    sys.stderr.write(f"wrote {target}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
