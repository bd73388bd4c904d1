"""EDGE. The interface's own words, in English and in Dutch: what is missing in one of them is an error at start."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, cast, get_args

import yaml

Language = Literal["en", "nl"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
WORDS = Path(__file__).parent / "words"


class Words:
    """Every word of the interface by its key, `page.what`, in each language.

    >>> late = {"en": "{much} late", "nl": "{much} na"}
    >>> words = Words({"now.calm": {"en": "Calm", "nl": "Rustig"}, "now.late": late})
    >>> words.say("nl", "now.calm"), words.say("en", "now.late", much="2 min")
    ('Rustig', '2 min late')
    """

    def __init__(self, known: Mapping[str, Mapping[str, str]]) -> None:
        """Raises `ValueError` where a key has not exactly the languages that the interface speaks."""
        for key, said in known.items():
            if set(said) != set(LANGUAGES):
                raise ValueError(f"the words of {key!r} are in {sorted(said)}, not in {sorted(LANGUAGES)}")
        self.known = known

    def say(self, language: str, key: str, /, **named: object) -> str:
        """The words, with what is `named` in its places. Not escaped: a template does that, for all it is given.

        Raises `KeyError` for a key that does not exist.
        """
        words = self.known[key][language if language in LANGUAGES else "en"]
        return words.format(**named) if named else words

    def has(self, key: str) -> bool:
        """Whether there are words of this name."""
        return key in self.known


def load(directory: Path = WORDS) -> Words:
    """The words of all pages: `now.yaml` holds those whose keys begin with `now.`.

    >>> load().say("nl", "common.sign_out")
    'Afmelden'
    """
    known: dict[str, Mapping[str, str]] = {}
    for file in sorted(directory.glob("*.yaml")):
        said = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        known |= {f"{file.stem}.{key}": cast("Mapping[str, str]", words) for key, words in said.items()}
    return Words(known)


def language_of(chosen: str | None, accepted: str | None, default: str) -> Language:
    """The language to speak: what was chosen before, else the first that a browser asks for and we speak.

    >>> language_of(None, "fr-FR,fr;q=0.9,nl-BE;q=0.8,en;q=0.5", "en")
    'nl'
    >>> language_of("en", "nl", "nl"), language_of("xx", "de", "nl"), language_of(None, "nl;q=x, en;q=0.1", "nl")
    ('en', 'nl', 'en')
    """
    if chosen in LANGUAGES:
        return chosen
    for wanted in sorted(_accepted(accepted or ""), key=lambda one: -one[1]):
        for language in LANGUAGES:
            if wanted[0] == language:
                return language
    return "nl" if default == "nl" else "en"


def _accepted(header: str) -> list[tuple[str, float]]:
    """Languages and how much each is wanted; what cannot be read is not wanted."""
    found: list[tuple[str, float]] = []
    for part in header[:1000].split(",")[:20]:
        tag, _, quality = part.partition(";")
        name, _, value = quality.strip().partition("=")
        try:
            weight = float(value) if name == "q" else 1.0
        except ValueError:
            weight = 0.0
        if weight > 0:
            found.append((tag.strip().lower().partition("-")[0], weight))
    return found
