"""Which language a post is in, and when to say that nobody knows."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.language import ASSUMED_MILLI, TOLD_MILLI, UNDETERMINED, identify, primary

ENGLISH = "I have been waiting on the phone for two hours and nobody picks up"
DUTCH = "Ik sta al twee uur in de wacht en er is niemand die de telefoon opneemt"


def test_the_source_is_believed():
    """A hint decides, also for a language that the brand does not list: VADER must not read Spanish."""
    assert identify(ENGLISH, hint="es", languages=("en",)) == ("es", TOLD_MILLI)
    assert identify(DUTCH, hint="nl-BE", languages=("en", "nl")) == ("nl", TOLD_MILLI)


@pytest.mark.parametrize("hint", [None, "und", "zxx", "qme", "", "??", "x" * 50, "12"])
def test_a_hint_that_names_no_language_is_no_hint(hint):
    """The special codes and nonsense leave the question open."""
    assert identify(ENGLISH, hint=hint, languages=("en",)) == ("en", ASSUMED_MILLI)


def test_several_languages_are_told_apart():
    """Among the brand's languages the identifier chooses, surely for whole sentences."""
    for text, lang in ((ENGLISH, "en"), (DUTCH, "nl")):
        guess, confidence = identify(text, hint=None, languages=("en", "nl"))
        assert guess == lang
        assert confidence > 900


def test_each_brand_has_an_identifier_of_its_own():
    """One brand's languages never leak into another's: the library keeps them as state."""
    assert identify(DUTCH, hint=None, languages=("en", "nl"))[0] == "nl"
    assert identify(DUTCH, hint=None, languages=("en", "de"))[0] in ("en", "de", UNDETERMINED)
    assert identify(DUTCH, hint=None, languages=("en", "nl"))[0] == "nl"


@pytest.mark.parametrize("text", ["Где мой заказ? @acme", "私の荷物はどこですか RT", "أين طلبي", "어디에 있나요"])
def test_a_foreign_script_is_no_language_of_the_brand(text):
    """Whatever the source or the configuration says, such a text is not English."""
    assert identify(text, hint=None, languages=("en",)) == (UNDETERMINED, 0)
    assert identify(text, hint="en", languages=("en",)) == (UNDETERMINED, 0)


def test_a_foreign_script_may_be_the_brands_own():
    """A brand that lists Russian gets Russian; Japanese is not taken for it."""
    assert identify("Где мой заказ, почему так долго?", hint=None, languages=("ru", "en"))[0] == "ru"
    assert identify("私の荷物はどこですか", hint=None, languages=("ru", "en"))[0] == UNDETERMINED
    assert identify("私の荷物はどこですか", hint="ja", languages=("en",)) == ("ja", TOLD_MILLI)


@pytest.mark.parametrize("text", ["", "🔥🔥", "123 !!", "@joe https://t.co/x", "@ünal 😀"])
def test_what_has_no_words_is_in_the_brands_first_language(text):
    """Emoji have a sentiment and no language."""
    assert identify(text, hint=None, languages=("nl", "en")) == ("nl", 0)


def test_languages_that_the_model_does_not_know_are_not_guessed():
    """A configured code without a model is honest about it."""
    assert identify(ENGLISH, hint=None, languages=("xx", "yy"))[0] == UNDETERMINED


@given(st.text(st.characters(codec=None, exclude_categories=()), max_size=80), st.none() | st.text(max_size=8))
@settings(max_examples=150, deadline=None)
def test_any_text_and_any_hint_get_an_answer(text, hint):
    """Never a crash, always a code and milli-units, the same each time."""
    lang, confidence = identify(text, hint=hint, languages=("en", "nl"))
    assert lang == UNDETERMINED or primary(lang) == lang
    assert 0 <= confidence <= 1000
    assert identify(text, hint=hint, languages=("en", "nl")) == (lang, confidence)
