"""Which language a post is in, and when to say that nobody knows."""

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.language import ASSUMED_MILLI, LEAST_MILLI, PLAIN_MILLI, TOLD_MILLI, UNDETERMINED, identify, primary

RECORDED = Path(__file__).parents[3] / "shared" / "data"

ENGLISH = "I have been waiting on the phone for two hours and nobody picks up"
DUTCH = "Ik sta al twee uur in de wacht en er is niemand die de telefoon opneemt"


def recorded_texts(name):
    """The texts of a recorded set; skips where it is absent."""
    path = RECORDED / f"{name}.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]


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


OTHER_LANGUAGES = {
    "de": "Warum ist der Kundendienst nicht erreichbar? Ich warte seit drei Stunden auf eine Antwort",
    "es": "Llevo tres horas esperando y nadie me contesta, ¿dónde está mi pedido?",
    "fr": "Je ne comprends pas pourquoi vous ne répondez jamais, c'est vraiment une honte",
    "it": "Non è possibile che dopo tre ore nessuno risponda, questo servizio è una vergogna",
    "pt": "Não é possível, estou há três horas à espera e ninguém me responde",
    "en": ENGLISH,
    "nl": DUTCH,
}


@pytest.mark.parametrize("lang", sorted(OTHER_LANGUAGES))
def test_a_text_in_another_language_is_not_called_the_brands_own(lang):
    """One language and no word from the source: small words show that a text is not in it, without the identifier."""
    for own in sorted(OTHER_LANGUAGES):
        expected = (own, ASSUMED_MILLI) if own == lang else (UNDETERMINED, 0)
        assert identify(OTHER_LANGUAGES[lang], hint=None, languages=(own,)) == expected
    others = tuple(one for one in ("en", "nl") if one != lang)
    assert identify(OTHER_LANGUAGES[lang], hint=None, languages=(*others, "sv"))[0] != lang


@pytest.mark.parametrize(
    "text",
    ["Acme down again", "Pouvez-vous", "Déjà vu at acme tonight", "Das Auto! what a slogan", "wtf acme"],
)
def test_a_foreign_word_or_two_is_no_foreign_language(text):
    """People borrow; what does not speak plainly stays in the brand's language."""
    assert identify(text, hint=None, languages=("en",)) == ("en", ASSUMED_MILLI)


def test_plain_words_spare_the_identifier(monkeypatch):
    """Where function words decide between the brand's languages, nothing slower is asked."""
    monkeypatch.setattr("stream.language._guess", lambda *_: pytest.fail("asked"))
    assert identify(DUTCH, hint=None, languages=("en", "nl")) == ("nl", PLAIN_MILLI)
    assert identify(ENGLISH, hint=None, languages=("nl", "en")) == ("en", PLAIN_MILLI)
    assert identify(OTHER_LANGUAGES["fr"], hint=None, languages=("en", "nl")) == (UNDETERMINED, 0)


def test_what_may_be_either_says_so():
    """A coin toss is `und` with the confidence that was not enough; a stranger is `und` with none."""
    lang, confidence = identify("top!", hint=None, languages=("en", "nl"))
    assert lang == UNDETERMINED
    assert 0 < confidence < LEAST_MILLI


@pytest.mark.parametrize(("name", "lang"), [("nl_brand_mentions_unlabelled", "nl"), ("us_airlines_2015", "en")])
def test_recorded_posts_are_in_the_language_they_are_in(name, lang):
    """At least 99.5 % of real posts, for a brand with this language alone and for one with both."""
    texts = recorded_texts(name)
    alone = sum(identify(text, hint=None, languages=(lang,))[0] == lang for text in texts)
    both = sum(identify(text, hint=None, languages=("en", "nl"))[0] == lang for text in texts)
    wrong = sum(identify(text, hint=None, languages=("en", "nl"))[0] not in (lang, UNDETERMINED) for text in texts)
    assert alone >= 0.995 * len(texts)
    assert both >= 0.985 * len(texts)
    assert wrong <= 0.002 * len(texts)
