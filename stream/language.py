"""Which language a post is in: the source's word where it has one, else what its own small words say.

The identifier (129 µs a text) is asked only where a brand has several languages and the function words (a few µs) leave
it open: "Fail!", a list of hashtags.
"""

import functools
import re
import unicodedata
from typing import Any

from stream import function_words
from stream.text import ADDRESSES

UNDETERMINED = "und"
"""ISO 639-2's code for "undetermined": no scorer reads it, so such a post counts as unscored, never as neutral."""

TOLD_MILLI = 900
"""Confidence in what a source says of its own post."""
ASSUMED_MILLI = 500
"""Confidence where a brand has one language and nothing speaks against it."""
PLAIN_MILLI = 950
"""Confidence in function words that agree: of 17,223 posts and reviews in Dutch or English they got 6 wrong."""
LEAST_MILLI = 600
"""Below this the identifier's guess among the brand's languages counts for nothing: of 990 texts that function words
left open it got 9 wrong above it, and 55 stay undetermined."""

# What may be a letter of another script: not Latin, and not the punctuation, symbols and emoji that Latin texts hold.
_OTHER_SCRIPT = re.compile(
    "[^\x00-\u024f\u1e00-\u1eff\u2000-\u206f\u20a0-\u20cf\u2190-\u2bff\ufe0f\U0001f300-\U0001faff]"
)
_LETTER = re.compile(r"[^\W\d_]")

_SAMPLE = 1_000
"""Characters looked at: a language shows itself long before."""

# Old and three-letter codes that platforms still send, to the two-letter code of ISO 639-1.
_ALIASES = {
    "in": "id", "iw": "he", "ji": "yi", "jw": "jv",
    "ara": "ar", "chi": "zh", "zho": "zh", "deu": "de", "ger": "de", "dut": "nl", "nld": "nl", "eng": "en",
    "fra": "fr", "fre": "fr", "ita": "it", "jpn": "ja", "por": "pt", "rus": "ru", "spa": "es", "tur": "tr",
}  # fmt: skip
# Codes that say "no language": ISO 639-2's special ones and X's own (hashtags only, mentions only, links only, ...).
_NO_LANGUAGE = frozenset({"und", "mul", "mis", "zxx", "art", "qam", "qct", "qht", "qme", "qst"})
# fmt: off
_NOT_LATIN = (
    "am", "ar", "as", "be", "bg", "bn", "dz", "el", "fa", "gu", "he", "hi", "hy", "ja", "ka", "kk", "km", "kn", "ko",
    "ky", "lo", "mk", "ml", "mn", "mr", "my", "ne", "or", "pa", "ps", "ru", "si", "sr", "ta", "te", "tg", "th", "ug",
    "uk", "ur", "zh",
)
# fmt: on
_PLAIN = frozenset({"de", "en", "es", "fr", "it", "nl", "pt"})


def primary(code: str | None) -> str:
    """The two-letter language of a tag, `""` where it names none. Any `str` is taken.

    >>> primary("nl-BE"), primary("ENG"), primary("und"), primary(None), primary("x" * 99)
    ('nl', 'en', '', '', '')
    """
    if code is None:
        return ""
    if code in _PLAIN:
        return code
    tag = code[:35].strip().lower().replace("_", "-").partition("-")[0]
    if tag in _NO_LANGUAGE or not (tag.isascii() and tag.isalpha() and 2 <= len(tag) <= 3):
        return ""
    return _ALIASES.get(tag, tag)


def identify(text: str, *, hint: str | None, languages: tuple[str, ...]) -> tuple[str, int]:
    """A post's language and the confidence in it, in milli-units.

    `hint` is what the source says; `languages` are the brand's, the likeliest first. A text written mostly in
    a script that none of these uses is `und`, whatever the hint; so is one whose small words are plainly another
    language's. `und` with a confidence of 0 says "none of these", with more "one of these, and nobody knows which".

    >>> identify("¿Dónde está mi pedido?", hint="es", languages=("en",))
    ('es', 900)
    >>> identify("Где мой заказ?", hint="en", languages=("en",))
    ('und', 0)
    >>> identify("¿Dónde está mi pedido? No me llega nada", hint=None, languages=("en",))
    ('und', 0)
    >>> identify("🔥🔥", hint=None, languages=("en", "nl"))
    ('en', 0)
    """
    told = primary(hint)
    sample = text[:_SAMPLE]
    latin = sample.isascii() or _OTHER_SCRIPT.search(sample) is None
    if not latin and _is_foreign(sample):
        return _identify_foreign(sample, told, languages)
    if told:
        return told, TOLD_MILLI
    candidates = tuple(language for language in languages if language not in _NOT_LATIN)
    if not candidates:
        return UNDETERMINED, 0
    words = function_words.sample(sample)
    if _is_elsewhere(words, candidates):
        return UNDETERMINED, 0
    if len(candidates) > 1 and all(one in function_words.LANGUAGES for one in candidates):
        plain = function_words.winner(words, candidates)
        if plain:
            return plain, PLAIN_MILLI
    if not function_words.stands_in(words, candidates[0]) and not _LETTER.search(ADDRESSES.sub(" ", sample)):
        return candidates[0], 0
    return (candidates[0], ASSUMED_MILLI) if len(candidates) == 1 else _guess(sample, candidates)


def _is_elsewhere(words: frozenset[str], candidates: tuple[str, ...]) -> bool:
    """Whether the words are plainly of a language that is none of the candidates, all of which are known ones."""
    for one in candidates:
        if one not in function_words.LANGUAGES:
            return False
        rival = function_words.rival(words, one)
        if rival is None or rival in candidates:
            return False
    return True


def _identify_foreign(sample: str, told: str, languages: tuple[str, ...]) -> tuple[str, int]:
    """`identify` for a text that is not mostly in Latin letters."""
    if told in _NOT_LATIN:
        return told, TOLD_MILLI
    # Guessed among all such languages, even for a single candidate: Cyrillic is no proof of Russian.
    guess, confidence = _guess(sample, _NOT_LATIN) if any(one in _NOT_LATIN for one in languages) else ("", 0)
    return (guess, confidence) if guess in languages else (UNDETERMINED, 0)


def speaks_too(text: str, other: str, lang: str) -> bool:
    """Whether a text in one language holds at least two words that are another's and not its own.

    >>> speaks_too("Still waiting op mijn bestelling", "nl", "en"), speaks_too("Still waiting here", "nl", "en")
    (True, False)
    """
    if other not in function_words.LANGUAGES or lang not in function_words.LANGUAGES:
        return False
    return function_words.balance(function_words.sample(text), other, lang)[0] >= 2


def _is_foreign(sample: str) -> bool:
    """Whether most letters are not Latin ones, links and handles left out."""
    letters = foreign = 0
    for character in unicodedata.normalize("NFKC", ADDRESSES.sub(" ", sample)):
        if character.isalpha():
            letters += 1
            # Latin and its extensions end at U+024F; U+1E00-U+1EFF are Latin letters with marks.
            foreign += character > "\u024f" and not "\u1e00" <= character <= "\u1eff"
    return 2 * foreign > letters


def _guess(sample: str, languages: tuple[str, ...]) -> tuple[str, int]:
    identifier = _identifier(languages)
    if identifier is None:
        return UNDETERMINED, 0
    language, confidence = identifier.classify(sample)
    milli = round(1000 * float(confidence))
    return (language, milli) if milli >= LEAST_MILLI else (UNDETERMINED, milli)


@functools.lru_cache(maxsize=64)
def _identifier(languages: tuple[str, ...]) -> Any:
    """An identifier limited to `languages`; `None` when it knows none of them.

    `set_languages` changes the identifier it is called on, so each tuple has its own; all share one model.
    """
    from py3langid.langid import LanguageIdentifier

    model = _model()
    identifier = LanguageIdentifier(
        model.nb_ptc, model.nb_pc, model.nb_classes, model.tk_nextmove, model.tk_output,
        norm_probs=True, tk_row=model.tk_row,
    )  # fmt: skip
    known = [language for language in languages if language in identifier.nb_classes]
    if not known:
        return None
    identifier.set_languages(known)
    return identifier


@functools.lru_cache(maxsize=1)
def _model() -> Any:
    """The model, read once and only when a guess is wanted (0.3 s, 40 MB)."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
