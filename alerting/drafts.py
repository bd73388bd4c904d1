"""A statement in somebody's own words: who may change it, which words a press is about, how they are kept. Pure.

The words are in the erasable text store alone; what is journaled is the digest of all languages' words together.
Whoever changed a statement is its author from then on, so that somebody else must approve it.
"""

from collections.abc import Callable, Sequence

import msgspec

from alerting.decision import Asked

CHANGED = "It was changed since. Look at the card again; nothing was changed by this."
_ABOUT_DIGITS = 16
_APART = "\n\x1e"
"""Between the languages: no text holds the second of these."""


def about(asked: Asked) -> str:
    """Which words a press on this statement is about: "" for those of the flowchart.

    >>> about(Asked(node="say")), about(Asked(node="say", said="0123456789abcdef0123"))
    ('', '0123456789abcdef')
    """
    return asked.said[:_ABOUT_DIGITS]


def refusal(asked: Asked | None, who: str, seen: str) -> str:
    """Why `who` cannot change a statement whose words `seen` they saw, or "".

    >>> refusal(Asked(node="say", may=("bo",), writers=("ann", "bo"), approvers=("bo",)), "bo", "")
    'Nobody but you could approve it then. Nothing was changed.'
    """
    if asked is None or not asked.writers:
        return "This is not asked any more. Nothing was changed."
    if who not in asked.writers:
        return f"Only {' or '.join(asked.writers)} can do that. Nothing was changed."
    if seen != about(asked):
        return CHANGED
    if not _left(asked, who):
        return "Nobody but you could approve it then. Nothing was changed."
    return ""


def redrafted(asked: Asked, who: str, digest: str) -> Asked:
    """The statement in the words that `digest` names, `who` their author.

    >>> before = Asked(node="say", texts=(("en", "We know."),), may=("bo",), writers=("ann", "bo"), approvers=("bo",))
    >>> after = redrafted(before, "ann", "d1")
    >>> after.authors, after.may, after.texts
    (('ann',), ('bo',), (('en', ''),))
    """
    blank = tuple((language, "") for language, _ in asked.texts)
    return msgspec.structs.replace(asked, texts=blank, said=digest, authors=(who,), may=_left(asked, who))


def kept_words(texts: Sequence[tuple[str, str]]) -> str:
    """The words of all languages as one text for the store.

    >>> read_words(kept_words([("en", "We know."), ("nl", "en: nee\\n\\x1enl: ja")]))
    {'en': 'We know.', 'nl': 'en: nee\\n nl: ja'}
    """
    return _APART.join(f"{language}: {text.replace(_APART[1], ' ')}" for language, text in texts)


def read_words(kept: str) -> dict[str, str]:
    """The words by language; what is none of ours gives none."""
    parts = (part.partition(": ") for part in kept.split(_APART))
    return {language: text for language, apart, text in parts if apart}


def with_words(asked: Asked, note: Callable[[str], str | None]) -> Asked:
    """The statement with its words, as far as the store still has them; else they are empty."""
    if not asked.said:
        return asked
    words = read_words(note(asked.said) or "")
    texts = tuple((language, words.get(language, "")) for language, _ in asked.texts)
    return msgspec.structs.replace(asked, texts=texts)


def _left(asked: Asked, who: str) -> tuple[str, ...]:
    return tuple(name for name in asked.approvers if name != who)
