"""The words a language cannot do without, for seven languages: a handful of them tells which one a post is in.

Closed-class words: articles, pronouns, prepositions, conjunctions, forms of "to be" and "to have", adverbs of every
sentence. Two languages are compared by the words that one has and the other has not, so that what they share ("de",
"is", "was", "me") speaks for neither. A few µs a text, where the identifier takes 129.
"""

from collections.abc import Iterable

_WORDS = {
    "de": "der die das und nicht ich ist ein eine einen einem einer den dem des mit auf für zu auch sich wie bei"
    " nach noch aber dass nur wenn wir ihr ihnen mein meine dein sind wird werden haben hat habe hatte kann"
    " schon mehr wieder zum zur immer kein keine euch doch warum gibt oder vom beim jetzt heute muss weil sehr"
    " alles nichts gut danke bitte bin bist uns vor über war waren eure euer ihre unser wurde seit mal ganz so"
    " es er sie in im an am von als was wer wo hier da man will du mich mir dir dich alle nie um aus bis durch"
    " ohne gegen unter dann denn also ab ja",
    "en": "the and you your that's this with are have has been they their them from what when how just about would"
    " could should will my it it's its i'm don't doesn't didn't can't won't isn't but not at by if got get out"
    " than who which these those because there here some any every very too only our she he you're we're i've"
    " i'll for that were had does did being after before again still now never why where i'd much such us into"
    " a an i is was as of on or in to so me we do no be his her him all up more can go one then over also see"
    " way even off am want met wet most man hat war bad under last best please made make rate door open",
    "es": "el la los las y una un por para pero del más está muy qué este esta eso hay tiene porque cuando ser"
    " gracias hoy nada soy eres estoy están ustedes tu sus su donde dónde cómo como todos también desde hasta"
    " sobre otro otra estos estas fue han puede quiero les ni así ahora siempre mejor solo aquí usted nosotros"
    " ellos sin yo tengo de en es se no con al lo me te mi que ya si son a o le nos mal bien todo ha he van dan"
    " mas unos era e cada entre",
    "fr": "le la les des du de est et ne pas qui que vous nous dans pour avec sur une un mais c'est j'ai ce cette au"
    " aux très être fait sont elle il ça mon ma mes tout bien ont quand avez votre chez depuis toujours encore"
    " merci suis ils vos notre leur même rien trop était peut aussi où quoi pourquoi parce d'un d'une n'est"
    " qu'il moi toi alors sans jamais deux je tu me te se sa son ses en à a par on plus si y ou nu dit hier"
    " tous comme car dire mal non oui",
    "it": "il la le lo i gli di che non sono è della anche più nel alla ho ha ci questo questa perché cosa quando"
    " ancora molto essere dei delle del dell sul grazie mio mia dal dalla nella degli agli sei siamo siete"
    " hanno hai fatto tutto tutti ma così dove chi senza sempre quello quella stato stata ed c'è l'ho un'altra"
    " poi adesso nostro un una uno e a da in con su per tra mi ti si vi ne se come al ai qui o solo io tu lui"
    " lei noi voi loro te era me no nei",
    "nl": "het een van niet ik dat op voor aan zijn ook maar bij naar om heb mijn jullie wel nog deze geen hoe wordt"
    " worden uit door moet wat zou nu jij hebben heeft hier daar waar weer altijd niets toch kunnen iets onze"
    " ons hun zich hij zij mij jou uw wij wie dit als dan zo ze je er te met veel meer alleen omdat want gaat"
    " gaan komt doen gewoon eens echt niks graag goed nooit tijdens tegen onder zonder alle mensen ni nie gij"
    " kan kun wil al in de die en is was of over we had me ben bent waren werd hem haar den der des man alles"
    " noch ja nee nou pas les da ge uwen 't m'n z'n da's af na tot sinds tussen laatste weten zeggen vandaag"
    " morgen",
    "pt": "o os a as não uma um em com mais dos das de do da você vocês eu isso meu minha ele ela já foi são pra"
    " para por vai tem mas ao pelo pela também nos no na nas seu sua obrigado obrigada muito até quem que se e"
    " é está estou estão depois só às quando esta este essa esse fazer tá porque hoje agora sempre nunca me te"
    " tu mal nada tudo como sem la ou ser era há nem lhe sobre",
}  # fmt: skip

LANGUAGES = tuple(sorted(_WORDS))
"""Two-letter codes of the languages whose words are known here."""

_SETS = {language: frozenset(written.split()) for language, written in _WORDS.items()}
_AGAINST = {
    (one, other): (_SETS[one] - _SETS[other], _SETS[other] - _SETS[one]) for one in LANGUAGES for other in LANGUAGES
}
_FOREIGN = {
    own: frozenset().union(*(_SETS[other] for other in LANGUAGES if other != own)) - _SETS[own] for own in LANGUAGES
}
_SAMPLE = 300
"""Characters looked at."""


def sample(text: str) -> frozenset[str]:
    """The different words at the beginning of a text, in small letters."""
    return frozenset(text[:_SAMPLE].lower().replace("\u2019", "'").split())


def words_of(languages: Iterable[str]) -> frozenset[str]:
    """The words of some languages as `stream.text.wording_of` writes them; languages that are not known here have none.

    >>> sorted(words_of(("en", "tlh")) & {"don", "t", "don't", "the", "de"})
    ['don', 't', 'the']
    """
    known = [one for one in languages if one in _SETS]
    return frozenset(piece for one in known for word in _SETS[one] for piece in word.split("'") if piece)


def stands_in(words: frozenset[str], language: str) -> bool:
    """Whether there is a function word of a language among the words."""
    return language in _SETS and not words.isdisjoint(_SETS[language])


def balance(words: frozenset[str], one: str, other: str) -> tuple[int, int]:
    """How many words speak for `one` against `other`, and the other way round.

    >>> balance(sample("Waar is de trein? Die is er nog niet"), "nl", "en"), balance(sample("No me gusta"), "en", "es")
    ((6, 0), (0, 0))
    """
    for_one, for_other = _AGAINST[one, other]
    return len(words & for_one), len(words & for_other)


def rival(words: frozenset[str], own: str) -> str | None:
    """The language that a text plainly is in instead of `own`, if there is one.

    Plainly: at least two words speak for it against `own`, and more than twice as many as for `own` against it.

    >>> rival(sample("Je ne comprends pas pourquoi vous ne répondez jamais"), "en")
    'fr'
    >>> rival(sample("Waar blijft mijn pakket?"), "nl") is None
    True
    """
    foreign = words & _FOREIGN[own]
    if len(foreign) < 2:
        return None
    found, most = None, 1
    for other in LANGUAGES:
        for_other = len(foreign & _SETS[other])
        if for_other > most and for_other > 2 * balance(words, own, other)[0]:
            found, most = other, for_other
    return found


def winner(words: frozenset[str], candidates: tuple[str, ...]) -> str | None:
    """The one of two or more languages that most small words speak for against each of the others, if there is one.

    More than twice as many as against it; a single word will do where none speaks against it.

    >>> winner(sample("Ik wacht nog steeds op jullie antwoord"), ("en", "nl"))
    'nl'
    >>> winner(sample("Fail!"), ("en", "nl")) is None
    True
    """
    for one in candidates:
        for other in candidates:
            if other != one:
                for_one, for_other = balance(words, one, other)
                if for_one <= 2 * for_other:
                    break
        else:
            return one
    return None
