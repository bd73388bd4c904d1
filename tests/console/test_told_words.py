"""Whatever whoever pressed is told has its Dutch, and says the same of who did what."""

import re

import pytest

from alerting.drafts import CHANGED
from tocsin.answers import SAID, Standing
from tocsin.console import act_forms, acts
from tocsin.console.told_words import DONE, said

WHOLE = [acts.UNKNOWN, acts.NOBODY, acts.LATE, acts.FAILED, acts.LIFTED, acts.NOT_HELD, act_forms.EMPTY, CHANGED]


def test_every_act_has_its_dutch() -> None:
    """One more act in `tocsin.answers.SAID` needs its word here."""
    assert set(DONE) == set(SAID)
    for act, english in SAID.items():
        done = said("nl", f"{english.capitalize()} by ana.")
        assert done == f"{DONE[act][:1].upper()}{DONE[act][1:]} door ana."
        assert said("nl", f"Already {english} by ana.") == f"Al {DONE[act]} door ana."


def test_what_comes_too_late_is_said_in_dutch() -> None:
    """By the very words of the log's own answer."""
    standing = Standing()
    standing.awaits = ("bram", "chloe")
    assert said("nl", standing.words()) == "Nog niet genoeg: ook bram, chloe moet bevestigen."
    standing.awaits, standing.closed = (), True
    assert said("nl", standing.words()) == "Al afgesloten."


@pytest.mark.parametrize("words", WHOLE)
def test_no_refusal_stays_english(words: str) -> None:
    """A sentence that was worded anew needs its Dutch anew."""
    spoken = said("nl", words)
    assert spoken != words
    assert not re.search(r"\b(the|was|nothing|is lifted|here)\b", spoken.replace("Er is niets", ""))
    assert said("en", words) == words


@pytest.mark.parametrize(
    ("words", "dutch"),
    [
        ("Already answered by ana: not sure.", "Al beantwoord door ana: not sure."),
        (
            "Only ana or bram can do that. Nothing was changed.",
            "Alleen ana of bram kan dat doen. Er is niets veranderd.",
        ),
        ("Changed. Now bram must approve it.", "Gewijzigd. Nu moet bram het goedkeuren."),
        ("Pages about Acme are held back until 13:05 CET.", "Oproepen over Acme worden opgehouden tot 13:05 CET."),
        ("Something that nobody foresaw {0} %s.", "Something that nobody foresaw {0} %s."),
    ],
)
def test_names_and_what_people_wrote_stay_as_they_are(words: str, dutch: str) -> None:
    """Only the words around them change."""
    assert said("nl", words) == dutch
