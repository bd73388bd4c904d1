"""Text as it is stored, as it is matched and as it is compared: three shapes of the same post.

Mention text is hostile to the last character. Every function here takes any `str` at all (lone surrogates,
ten million combining marks, nothing but controls) and ends in time proportional to its length.
"""

import functools
import re
import unicodedata

MAX_TEXT = 10_000
"""Characters of a post that are kept, matched and scored; longer texts are cut here by intake."""

MARK_RUN = 30
"""Combining marks left on one character.

UAX 15's Stream-Safe Text Format allows 30. Without a limit, normalising sorts a run of marks in quadratic time:
a post of 10^6 accents would hold up a worker for minutes.
"""


def _character_class(points: list[int]) -> str:
    """The inside of a character class that holds exactly these code points, given in rising order."""
    spans: list[list[int]] = []
    for point in points:
        if spans and point == spans[-1][1] + 1:
            spans[-1][1] = point
        else:
            spans.append([point, point])
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in spans)


# No mark lies beyond this one (checked by a test against the running Python's Unicode tables).
_LAST_MARK = 0x1E94A
_MARKS = _character_class([p for p in range(0x300, _LAST_MARK + 1) if unicodedata.combining(chr(p))])
_MARKS_BMP = _character_class([p for p in range(0x300, 0x10000) if unicodedata.combining(chr(p))])
# `re` looks up the basic plane in a bitmap but walks the other planes range by range, so a cheap pattern that
# takes every astral character for a mark goes first and the exact one runs on suspects alone.
_MARKS_SUSPECTED = re.compile(f"[{_MARKS_BMP}\\U00010000-\\U0010ffff]{{{MARK_RUN + 1}}}")
_MARKS_EXACT = re.compile(f"([{_MARKS}]{{{MARK_RUN}}})[{_MARKS}]+")

_SURROGATES = re.compile("[\ud800-\udfff]")
# Category Cc without tab and line feed.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")

# What nobody sees: controls that are not spaces, soft hyphen, joiners, directions, variation selectors, tags;
# and the marks of Latin, Greek and Cyrillic. Marks of other scripts carry meaning and stay.
_UNSEEN = (
    "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff"
)
_DIACRITICS = "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
_DROPPED = re.compile(f"[{_UNSEEN}{_DIACRITICS}]+")
_DROPPED_ASCII = re.compile("[\x00-\x08\x0e-\x1b\x7f]+")
# Phones write typographic quotes; queries are typed with plain ones. U+02BC is a letter to Unicode.
# Letters that Unicode does not take apart into a base and a mark, as people type them who lack the key: Orsted, Lodz.
_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "æ": "ae", "œ": "oe", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "ħ": "h", "ŧ": "t", "ŋ": "n"}
)
_QUOTES = (("\u2019", "'"), ("\u2018", "'"), ("\u02bc", "'"), ("\u201c", '"'), ("\u201d", '"'))

# What must be folded character by character: all but visible ASCII and single spaces. The shorter pattern is one
# character class, which `re` looks for many times faster than for a choice.
_ODD, _ODD_OR_SPACES = re.compile("[^ -~]+"), re.compile("[^ -~]+| {2,}")

_REPOST_PREFIX = re.compile(r"(?:\s*rt\b[\s:]*(?:@[\w.-]+[\s:]*)?)+")
# `look at this "@joe: their words"`, `look at this RT @joe: their words`: the words of the one who is passed on last.
_PASSED_ON = re.compile(
    r'.*(?:\brt[\s:]*@[\w.-]+[\s:]+(?P<rest>[^"\s].*)|"\s*@[\w.-]+\s*:\s*(?P<quoted>[^"]+))', re.DOTALL
)
ADDRESSES = re.compile(r"https?://\S*|www\.\S+|pic\.twitter\.com/\S*|@[\w.-]+")
"""Links and handles: no words of any language."""
_NOT_WORD = re.compile(r"[\W_]+")


def clip(text: str, limit: int = MAX_TEXT) -> str:
    """The first `limit` characters.

    >>> clip("abc", 2)
    'ab'
    """
    return text[:limit]


def clean(text: str) -> str:
    """The text as it is stored: valid Unicode in NFC, without control characters.

    Lone surrogates become U+FFFD, line ends become line feeds, controls other than tab and line feed go,
    and no character keeps more than `MARK_RUN` combining marks. Idempotent.

    >>> clean("caf\\u0065\\u0301\\x00 \\ud800")
    'café \ufffd'
    """
    if text.isprintable() and text.isascii():
        return text
    text = _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", _fewer_marks(_SURROGATES.sub("\ufffd", text)))


def normalise(text: str) -> str:
    """The text as it is matched: compatibility forms, case, diacritics and invisible characters folded away.

    White space collapses to single spaces. Idempotent; queries pass through the same function.

    >>> normalise("  CAFÉ\\u200b  Zürich \\uff21cme’s ")
    "cafe zurich acme's"
    >>> normalise("Ørsted Łódź Mærsk Diyarbakır")
    'orsted lodz maersk diyarbakir'
    """
    if text.isascii():
        if text.isprintable():
            lowered = text.lower()
            # Most posts hold single spaces alone, and to see so costs a fourth of taking them apart.
            is_single = "  " not in lowered and lowered[:1] != " " and lowered[-1:] != " "
            return lowered if is_single else " ".join(lowered.split())
        return " ".join(_DROPPED_ASCII.sub("", text).lower().split())
    text = _fewer_marks(_DROPPED.sub("", _SURROGATES.sub("\ufffd", text)))
    # Folding case can undo a normal form and the other way round; Unicode's own definition of a caseless
    # match (D146) goes round twice, and the last round here is almost always the first.
    for _ in range(3):
        folded = _fold(text)
        if folded == text:
            break
        text = folded
    return " ".join(text.split())


def _fold(text: str) -> str:
    text = _DROPPED.sub("", unicodedata.normalize("NFKD", text).casefold()).translate(_LETTERS)
    for fancy, plain in _QUOTES:
        text = text.replace(fancy, plain)
    return unicodedata.normalize("NFKC", text)


def _fewer_marks(text: str) -> str:
    """The same text with at most `MARK_RUN` combining marks in a row."""
    return _MARKS_EXACT.sub(r"\1", text) if _MARKS_SUSPECTED.search(text) else text


def cluster_text(text: str) -> str:
    """What copies of one text have in common: its normalised words, without what makes each copy look new.

    Addresses, handles, a leading "RT", punctuation and emoji go. Of a text that passes another's words on with a few
    of its own, those other's words stay. Empty when nothing is left.

    >>> cluster_text("RT @joe: Boycott ACME!!! https://t.co/x1 @cnn") == cluster_text("boycott acme")
    True
    >>> cluster_text("so true “@joe: Boycott ACME! https://t.co/x1” haha")
    'boycott acme'
    >>> cluster_text("@acme https://t.co/x1 !!!")
    ''
    """
    return cluster_of(normalise(text))


def cluster_of(normalised: str) -> str:
    """`cluster_text` for a text that is normalised already."""
    # A leading "RT" alone is left to `wording_of`: most texts that pass others on have nothing else.
    if "@" in normalised and (" rt" in normalised or '"' in normalised):
        passed_on = _PASSED_ON.match(normalised)
        if passed_on is not None:
            words = wording_of(passed_on["rest"] or passed_on["quoted"])
            # A single word is no text of anybody's: "RT @joe: yes" says as little of what spreads as "yes" does.
            if " " in words:
                return words
    return wording_of(normalised)


def wording_of(normalised: str) -> str:
    """The words of a normalised text, without addresses, handles, a leading "RT", punctuation and emoji.

    >>> wording_of(normalise("so true “@joe: Boycott ACME!”"))
    'so true boycott acme'
    """
    if normalised.startswith("rt"):
        prefix = _REPOST_PREFIX.match(normalised)
        normalised = normalised[prefix.end() :] if prefix else normalised
    if "@" in normalised or "www." in normalised or "/" in normalised:
        normalised = ADDRESSES.sub(" ", normalised)
    return _NOT_WORD.sub(" ", normalised).strip()


def fold_with_origins(text: str) -> tuple[str, list[int] | None]:
    """The text folded character by character, and where in `text` each folded character came from.

    `None` says that positions are the same in both. Runs of white space become one space. Used where a
    match must be cut out of the text as it was written.

    >>> fold_with_origins("Ünited  x")
    ('united x', [0, 1, 2, 3, 4, 5, 6, 8])
    """
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.lower(), None
    folded: list[str] = []
    origins: list[int] = []
    done = 0
    after_space = False
    odd = (_ODD_OR_SPACES if "  " in text else _ODD).finditer(text)
    for start, end in (*(found.span() for found in odd), (len(text), len(text))):
        if after_space and text.startswith(" ", done, start):
            done += 1
        if done < start:
            folded.append(text[done:start].lower())
            origins.extend(range(done, start))
            after_space = text[start - 1] == " "
        for at in range(start, end):
            pieces = _folded_character(text[at])
            if pieces != " ":
                folded.append(pieces)
                origins.extend([at] * len(pieces))
            elif not after_space:
                folded.append(" ")
                origins.append(at)
            after_space = pieces == " " or (after_space and not pieces)
        done = end
    return "".join(folded), origins


@functools.lru_cache(maxsize=4096)
def _folded_character(character: str) -> str:
    return " " if character.isspace() else normalise(character)
