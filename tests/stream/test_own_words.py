"""Who is angry says so in words of his own; a grim headline that is passed on is news, in whatever many copies."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.own_words import TITLE_WORDS, speaks_for_itself

OWN = [
    "My flight is cancelled again @acme https://a.example/1",
    "worst airline ever",
    "@acme you lost the bags and nobody answers",
    "Is this how you treat people? https://a.example/2",
    "ik wacht al drie uur op jullie helpdesk https://a.example/3",
    "wij krijgen ons geld niet terug",
    "ACME RUINED MY HOLIDAY",
    "acme is a disgrace",
    "never again",
]
PASSED_ON = [
    "Acme reaches settlement with passenger dragged from flight https://a.example/2",
    "More Animals Died On Acme Planes Than On Any Other",
    "Acme President Says It's Your Own Fault If You Are Cold https://a.example/3",
    "BREAKING: acme grounded after engine fire",
    "Video: passenger removed from acme flight",
    "laatste nieuws: storing bij acme",
    "acme shares fall again www.paper.example/acme",
    "storing bij acme duurt voort https://krant.example/acme",
]


@pytest.mark.parametrize("text", OWN)
def test_people_who_speak_for_themselves_are_known(text: str) -> None:
    """Of oneself, to somebody, or without a link."""
    assert speaks_for_itself(text)


@pytest.mark.parametrize("text", PASSED_ON)
def test_news_that_is_passed_on_is_known(text: str) -> None:
    """By its link, by its capitals, or by how it begins."""
    assert not speaks_for_itself(text)


@pytest.mark.parametrize("text", [*OWN, *PASSED_ON])
def test_handles_and_tags_decide_nothing(text: str) -> None:
    """Who is addressed and under which tag says nothing of whose words they are, even where the name reads like one."""
    assert speaks_for_itself(f"{text} @IAmYou #MyUs #OurNews") == speaks_for_itself(text)


def test_a_link_alone_makes_no_anger_of_words_that_name_nobody() -> None:
    """The same words with and without an address: with it they point at something, without it they are a judgement."""
    assert speaks_for_itself("acme lets people wait for days")
    assert not speaks_for_itself("acme lets people wait for days https://a.example/1")


def test_a_title_is_long_and_mostly_capitals() -> None:
    """One word less, or half as many capitals, and it is somebody speaking."""
    words = ["Acme", "Loses", "Court", "Case", "Over", "Fees", "Again"][:TITLE_WORDS]
    assert not speaks_for_itself(" ".join(words))
    assert speaks_for_itself(" ".join(words[:-1]))
    assert speaks_for_itself(" ".join([words[0], *(word.lower() for word in words[1:])]))


@given(st.text(max_size=400))
@settings(max_examples=200, deadline=None)
def test_any_text_is_judged_alike_each_time(text: str) -> None:
    """Hostile or broken, with or without words: an answer, and the same one."""
    assert speaks_for_itself(text) is speaks_for_itself(text)
    assert speaks_for_itself(f"I think {text}".replace("http", "").replace("www", "").replace("pic.", ""))
