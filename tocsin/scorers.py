"""Scorers that a configuration brings along, asked before the shipped ones."""

from collections.abc import Sequence
from importlib import import_module

from stream.scoring import shipped_scorers
from stream.sentiment import Scorer, Scorers
from tocsin.settings import SettingsError


def load_scorers(names: Sequence[str]) -> Scorers:
    """The scorers named `module:attribute` (a class that is called without arguments, or an object), then the shipped.

    The first that reads a language scores it. Raises `SettingsError` with each name that cannot be had. The modules
    are code of whoever writes the configuration: they run with the rights of this process.

    >>> from stream.sentiment import Masks
    >>> load_scorers(["stream.sentiment:VaderScorer"]).judge("great", "en", Masks(())).scorer
    'vader-en@3.3.2+mask1'
    >>> load_scorers(["nowhere:Scorer"])
    Traceback (most recent call last):
    tocsin.settings.SettingsError: scorer nowhere:Scorer: No module named 'nowhere'
    """
    own: list[Scorer] = []
    problems: list[str] = []
    for name in names:
        try:
            own.append(_scorer(name))
        except Exception as error:  # noqa: BLE001 - a stranger's module may raise anything while it is imported
            problems.append(f"scorer {name}: {str(error) or type(error).__name__}")
    if problems:
        raise SettingsError(problems)
    return shipped_scorers().behind(own)


def _scorer(name: str) -> Scorer:
    module, colon, attribute = name.partition(":")
    if not (module and colon and attribute):
        raise ValueError("name it as module:Class")
    found = getattr(import_module(module), attribute)
    scorer = found() if isinstance(found, type) else found
    if not (isinstance(scorer.id, str) and scorer.id and isinstance(scorer.languages, tuple)):
        raise ValueError("`id` must be a text and `languages` a tuple of two-letter codes")
    score = scorer.score("")
    if type(score) is not int or not -1000 <= score <= 1000:
        raise ValueError(f"`score` must give a whole number from -1000 to 1000, not {score!r}")
    checked: Scorer = scorer
    return checked
