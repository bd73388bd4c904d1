"""The words of a piece of HTML, as somebody reads them: for platforms that send posts as HTML.

What is no word for a reader (scripts, styles) is left out; a link stays as its text. The result is text like any other:
hostile to the last character, and never HTML again.

The standard library's parser is not used: a hundred kilobytes of `<a ` hold it up for minutes. Here every character is
looked at a few times, whatever it says.
"""

import html
import re

from stream.text import MAX_TEXT

MAX_HTML = 100_000
"""Characters of HTML that are looked at: ten times what is kept of a text, for tags take room."""

_UNSEEN = {
    name: re.compile(rf"</{name}\b[^>]*>?", re.IGNORECASE)
    for name in ("script", "style", "template", "title", "iframe", "svg", "math", "object")
}
"""What a reader does not see, with what ends it."""
_BREAKS = dict.fromkeys(("br", "li", "tr", "dt", "dd", "figcaption"), "\n") | {"td": " ", "th": " "}
_BLOCKS = frozenset(
    {"p", "div", "blockquote", "pre", "ul", "ol", "dl", "table", "section", "article", "figure", "aside", "header"}
    | {"h1", "h2", "h3", "h4", "h5", "h6", "hr", "footer"}
)
_OPENS = re.compile(r"<(?:/?[a-zA-Z]|[!?])")
_TAG = re.compile(r"""</?([a-zA-Z][^\s/<>]*+)(?:[^>"']++|"[^"]*+"|'[^']*+')*+>""")
_ASIDE = re.compile(r"<!--.*?-->|<[!?](?!--)[^>]*+>", re.DOTALL)
"""A comment, a declaration, an instruction."""
_SIMPLE_TAG = re.compile(r"<[^<>]*+>")
_HUGE = re.compile(r"&#[xX]?[0-9a-fA-F]{8,};?")

_SPACES = re.compile(r"[ \t\r\f\v\u00a0]+")
_MANY_BREAKS = re.compile(r"\n{3,}")


def text_of(markup: str) -> str:
    r"""The text of HTML, at most `stream.text.MAX_TEXT` characters of it. It takes any string and never raises.

    A line break is a newline, a paragraph an empty line; where there is no tag, newlines stay as they are.
    Entities are the characters that they stand for.

    >>> text_of('<p>My <b>new</b> caf&eacute;<br>is shut</p><p>See <a href="https://a.example/x">a.example</a></p>')
    'My new café\nis shut\n\nSee a.example'
    >>> text_of("1 < 2 <script>alert(1)</script>&amp; <unknown>3"), text_of("never closed <b &lt;b&gt;")
    ('1 < 2 & 3', 'never closed <b <b>')
    """
    markup = markup[:MAX_HTML]
    if "<" in markup:
        markup = "".join(_seen(markup))
    if "&" in markup:
        # Python refuses to read a number of thousands of digits, and no character has more than seven.
        markup = html.unescape(_HUGE.sub("\ufffd", markup))
    return _tidy(markup)


def _seen(markup: str) -> list[str]:
    """What is seen, piece by piece; a tag is a break, or nothing."""
    found: list[str] = []
    at = 0
    for opening in _OPENS.finditer(markup):
        start = opening.start()
        if start < at:
            continue  # inside something that is not seen
        found.append(_flat(markup[at:start]))
        read = (_ASIDE if opening[0][1] in "!?" else _TAG).match(markup, start)
        if read is None:
            # Never closed. To look for its end again at each `<` that follows could take for ever.
            found.append(_flat(_SIMPLE_TAG.sub(" ", markup[start:])))
            return found
        at = read.end()
        if read.re is _TAG:
            name = read[1].lower()
            found.append("\n\n" if name in _BLOCKS else _BREAKS.get(name, ""))
            if name in _UNSEEN and opening[0][1] != "/":
                end = _UNSEEN[name].search(markup, at)
                at = end.end() if end is not None else len(markup)
    found.append(_flat(markup[at:]))
    return found


def _flat(text: str) -> str:
    """A newline in HTML is a space."""
    return text.replace("\n", " ")


def _tidy(text: str) -> str:
    lines = [line.strip() for line in _SPACES.sub(" ", text).split("\n")]
    return _MANY_BREAKS.sub("\n\n", "\n".join(lines)).strip()[:MAX_TEXT].rstrip()
