"""Risk and issue classes: the grave use of a word fires, its ordinary use does not."""

import pytest

from stream.query import Term
from stream.risk import ISSUE_CLASSES, LANGUAGES, RISK_CLASSES, Classifier, classes
from stream.risk_terms import CHILD_WORDS, DENIAL_ENDS, DENIALS, EXCEPTIONS, HARM, ISSUES, RISKS
from stream.text import normalise


def risks(text, lang="en"):
    return classes(normalise(text), lang)[0]


def issues(text, lang="en"):
    return classes(normalise(text), lang)[1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Huge data breach at Acme, passwords leaked", "data_breach"),
        ("He was hospitalised with a concussion", "injury"),
        ("Two people died at the plant", "death"),
        ("My charger caught fire!!", "fire"),
        ("Safety recall announced for the X200", "recall"),
        ("Salmonella found in Acme peanut butter", "contamination"),
        ("This ad is RACIST", "discrimination"),
        ("Manager accused of sexual harassment", "harassment"),
        ("CEO arrested at the airport", "arrest"),
        ("I'll sue. See you in court", "lawsuit"),
        ("#BoycottAcme", "boycott"),
        ("Drivers on strike from Monday", "strike"),
        ("Total scam, they stole my money", "fraud"),
        ("made with child labour", "children"),
        ("He took his own life after the layoffs", "suicide"),
    ],
)
def test_what_is_grave_in_english_fires(text, expected):
    """Every risk class has its words."""
    assert risks(text) == (expected,)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Groot datalek bij Acme", "data_breach"),
        ("Drie gewonden bij Acme", "injury"),
        ("Twee mensen omgekomen", "death"),
        ("Mijn telefoon vloog in brand", "fire"),
        ("Terugroepactie voor pindakaas", "recall"),
        ("Besmet met listeria", "contamination"),
        ("Wat een racistische reclame", "discrimination"),
        ("Beschuldigd van seksuele intimidatie", "harassment"),
        ("Directeur gearresteerd", "arrest"),
        ("Ik ga ze aanklagen", "lawsuit"),
        ("Boycot die tent", "boycott"),
        ("Staking bij de bezorgers", "strike"),
        ("Oplichters!", "fraud"),
        ("Schuldig aan kinderarbeid", "children"),
        ("Medewerker pleegde zelfmoord", "suicide"),
        ("Acme roept een hele partij kaas terug", "recall"),
        ("Passagier klaagt Acme aan", "lawsuit"),
    ],
)
def test_what_is_grave_in_dutch_fires(text, expected):
    """The same classes in the second language."""
    assert expected in risks(text, "nl")


@pytest.mark.parametrize(
    "text",
    [
        "acme is killing it",
        "fire deal, this album is fire",
        "I recall a nicer shop",
        "struck by how good, strike a pose, lightning strikes",
        "my phone died laughing at this",
        "battery died again",
        "they killed it on stage last night",
        "adding insult to injury",
        "my kids love the baby section",
        "the app charged with joy; sue is my aunt",
        "toxic by Britney; I am dead",
        "a fatal error in the log",
        "charges my card, leaks a little oil",
    ],
)
def test_ordinary_words_do_not_fire(text):
    """Praise, idioms and small talk are no crisis."""
    assert risks(text) == ()


@pytest.mark.parametrize(
    ("text", "lang", "expected"),
    [
        ("the app is down, can't log in", "en", ("outage",)),
        ("cant log in", "en", ("outage",)),
        ("can’t log in", "en", ("outage",)),
        ("stocks are down, is down to earth", "en", ()),
        ("what about my data and GDPR", "en", ("privacy",)),
        ("this is dangerous", "en", ("safety",)),
        ("that ad is tone deaf", "en", ("campaign",)),
        ("so rude!", "en", ("staff_conduct",)),
        ("still waiting, worst service", "en", ("service",)),
        ("charged twice, want a refund", "en", ("price",)),
        ("my parcel never arrived", "en", ("delivery",)),
        ("storing bij Acme, het werkt niet", "nl", ("outage",)),
        ("veel te duur en mijn pakket is niet geleverd", "nl", ("delivery", "price")),
        ("geen storing gehad", "nl", ()),
    ],
)
def test_what_a_complaint_is_about(text, lang, expected):
    """Issue classes, sorted, in both languages."""
    assert issues(text, lang) == expected


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("No recall, nobody was injured and it is not a scam", "en"),
        ("There wasn't a data breach", "en"),
        ("don't boycott them", "en"),
        ("Nobody has been arrested", "en"),
        ("Boycott is silly", "en"),
        ("this queue is killing me", "en"),
        ("fire deal!", "en"),
        ("Geen datalek en niemand gewond", "nl"),
        ("Een boycot is onzin", "nl"),
        ("tijd te doden op Schiphol", "nl"),
        ("mijn mailbox ontploft van de reclame, boem", "nl"),
    ],
)
def test_what_is_denied_or_meant_otherwise_does_not_fire(text, lang):
    """A denial in the same breath, a figure of speech."""
    assert risks(text, lang) == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Not just a scam, it is fraud", ("fraud",)),
        ("No wonder they are being sued", ("lawsuit",)),
        ("Never flying acme again, racist staff", ("discrimination",)),
        ("Never flying acme again racist staff", ("discrimination",)),
        ("No. Someone died", ("death",)),
        ("They didn't stop the fraud", ("fraud",)),
    ],
)
def test_a_denial_of_something_else_denies_nothing(text, expected):
    """A clause further on, "not only", "no wonder", "never again"."""
    assert risks(text) == expected


def test_harm_beside_a_child_concerns_children():
    """The ordinary word alone says nothing, nor does a risk that is no harm to a body."""
    assert risks("Recall issued for acme baby food") == ("children", "recall")
    assert risks("Kleuter in het ziekenhuis na drinken van Acme", "nl") == ("children", "injury")
    assert risks("acme baby food is great for kids") == ()
    assert risks("acme kids show: lawsuit") == ("lawsuit",)


def test_a_gap_stays_in_its_sentence_and_is_short():
    """ "roept ... terug" is one thing said, not two."""
    assert risks("acme roept de kaas terug", "nl") == ("recall",)
    assert risks("hij roept iets. bel terug", "nl") == ()
    assert risks("acme roept een twee drie vier vijf zes terug", "nl") == ()


def test_a_brand_has_its_own_words_for_complaints():
    """Terms are added to a class or taken out of it, new classes are the brand's own, risks stay as they are."""
    own = Classifier({"price": ("Miles Expired",), "loyalty": ("gold card*",), "campaign": ("-commercial",)})
    text = normalise("My GOLD CARDS: miles expired! As in the commercial. Data breach")
    assert own.classes(text, "en") == (("data_breach",), ("loyalty", "price"))
    assert classes(text, "en") == (("data_breach",), ("campaign",))
    assert own.classes(normalise("de gold card"), "und") == ((), ("loyalty",))
    assert Classifier({}).classes(text, "en") == classes(text, "en")


def test_hostile_repetition_is_read_in_time_that_grows_with_the_text():
    """Ten thousand characters of risk words, excuses and half phrases."""
    text = normalise("just died no recalls leaked roept terug data " * 220)
    assert "death" not in risks(text)


def test_a_harmless_phrase_excuses_its_own_words_only():
    """One idiom in a text does not hide the news in it."""
    assert risks("my battery died and then two people died") == ("death",)


def test_a_language_without_a_list_is_held_against_all():
    """ "Boycott" and "salmonella" are understood everywhere; each language's own list is read alone."""
    assert risks("boycot salmonella kinderarbeid arrested", "und") == ("arrest", "boycott", "children", "contamination")
    assert risks("kinderarbeid", "en") == ()
    assert risks("kinderarbeid", "fr") == ("children",)


def test_the_lists_are_complete_and_well_written():
    """Every class in every language; every term normalised, and found in its class unless a phrase excuses it."""
    for lang in LANGUAGES:
        excuses = [Term.of(phrase.removesuffix("*")) for phrase in EXCEPTIONS[lang]]
        assert tuple(sorted(RISKS[lang])) == RISK_CLASSES
        assert tuple(sorted(ISSUES[lang])) == ISSUE_CLASSES
        for kind, lists in ((0, RISKS[lang]), (1, ISSUES[lang])):
            for name, terms in lists.items():
                assert len(set(terms)) == len(terms) > 0
                for term in terms:
                    literal = term.removesuffix("*")
                    assert normalise(literal) == literal
                    assert "*" not in literal
                    if not any(excuse.spans(literal) for excuse in excuses):
                        assert name in classes(literal.replace("...", "xx"), lang)[kind], term
        assert all(len(phrase) < 60 for phrase in EXCEPTIONS[lang])
        assert all(normalise(word) == word for word in (*DENIALS[lang], *DENIAL_ENDS))
        assert CHILD_WORDS[lang]
        assert set(RISK_CLASSES) >= HARM
        assert all(normalise(excuse.literal) == excuse.literal for excuse in excuses)
