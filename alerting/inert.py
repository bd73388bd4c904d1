"""Making hostile text inert: what the public wrote is shown, and does nothing (DESIGN rule 10).

Everything that comes from outside passes through one of these functions at the last step before it is shown: mention
text, author names, addresses, source names, and brand names too. The threats are in Slack's own markup (`<!channel>`,
`<http://evil|bank.nl>`), in characters that reorder or hide text, in terminal escapes, and in sheer length.
"""

import re
import unicodedata
from urllib.parse import quote, urlsplit

ELLIPSIS = "…"

_ESCAPES = re.compile(
    r"(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # OSC: title, clipboard, hyperlink
    r"|(?:\x1b[PX^_]|[\x90\x98\x9e\x9f])[^\x1b\x9c]*(?:\x1b\\|\x9c)?"  # DCS, SOS, PM, APC
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # CSI: colours, cursor
    r"|\x1b[ -/]*[0-~]?"
)
_LINE_ENDS = re.compile(r"\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
# Letters and marks that show nothing, so a name or a link could hide behind them; not in a category of their own.
_BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_MARKS_IN_A_ROW = 3
"""More combining marks than any living script stacks are a picture, not a text."""

_WEB = re.compile(r"htt(ps?)://", re.IGNORECASE)
_SCHEME = re.compile(r"(?<!hxxp)(?<!hxxps):(?=//)")
_BARE_SCHEME = re.compile(
    r"(mailto|javascript|data|vbscript|tel|callto|sms|file|slack|skype|xmpp|sips?|magnet|intent|blob|urn):(?=\S)",
    re.IGNORECASE,
)
_HOST_DOT = re.compile(r"(?<=[^\s.])[.\uff0e\uff61](?=[^\W\d_]{2,})")
_IDEOGRAPHIC_DOT = re.compile(r"(?<=[a-z0-9])\u3002(?=[a-z]{2,})", re.IGNORECASE)
_NUMBERS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3,}")

_LOOKALIKES = str.maketrans({"*": "∗", "_": "ˍ", "~": "∼", "`": "ˋ", "@": "＠"})
_EMOJI_CODE = re.compile(r":(?=[a-z0-9_+'\-]+:)", re.IGNORECASE)


def terminal_safe(text: str) -> str:
    """The text without terminal escapes, control, invisible and reordering characters; line ends become a newline.

    >>> terminal_safe("\\x1b[2J\\x1b]0;owned\\x07calm\\u202e")
    'calm'
    """
    if text.isascii() and text.isprintable():
        return text
    text = unicodedata.normalize("NFC", _LINE_ENDS.sub("\n", _ESCAPES.sub("", text)))
    kept: list[str] = []
    marks = 0
    for char in text:
        if char == "\n":
            kept.append(char)
            continue
        category = unicodedata.category(char)
        if char == "\t":
            kept.append(" ")
        elif category in _HIDDEN_CATEGORIES or char in _BLANKS or "\ufe00" <= char <= "\ufe0e":
            continue
        elif category[0] == "M":
            marks += 1
            if marks <= _MARKS_IN_A_ROW and char < "\U000e0100":
                kept.append(char)
            continue
        else:
            kept.append(" " if category[0] == "Z" else char)
        marks = 0
    return "".join(kept)


def defang(text: str) -> str:
    """Addresses that no client makes clickable: `hxxps://evil[.]example`. Doing it twice changes nothing.

    >>> defang("see HTTPS://evil.example/a or bank.nl, 3.5 times")
    'see hxxps://evil[.]example/a or bank[.]nl, 3.5 times'
    """
    text = _WEB.sub(lambda m: "hxx" + m[1].lower() + "://", text)
    text = _SCHEME.sub("[:]", text)
    text = _BARE_SCHEME.sub(r"\1[:]", text)
    text = _NUMBERS.sub(lambda m: m[0].replace(".", "[.]"), text)
    text = _IDEOGRAPHIC_DOT.sub("[.]", text)
    return _HOST_DOT.sub("[.]", text)


def plain(text: str, limit: int = 500, lines: int = 3) -> str:
    """Text of the public as a quotation: visible characters only, addresses defanged, at most `limit` characters on
    `lines` lines, clipped with "…". Never empty lines, never a leading or trailing space; may be empty.

    >>> plain("Look:  https://evil.example\\n\\n\\u202enow\\x07!")
    'Look: hxxps://evil[.]example\\nnow!'
    >>> plain("a\\nb\\nc\\nd")
    'a\\nb\\nc…'
    >>> plain("abcdef", limit=4)
    'abc…'
    """
    # What is far beyond the limit cannot be shown; cutting first bounds the work on a text of megabytes.
    shown = terminal_safe(text[: 20 * limit + 1000])
    rows = [row for row in (" ".join(line.split()) for line in shown.split("\n")) if row]
    cut = len(rows) > lines
    quoted = "\n".join(defang(row) for row in rows[:lines])
    if cut and not quoted.endswith(ELLIPSIS):
        quoted += ELLIPSIS
    return clip(quoted, limit)


def one_line(text: str, limit: int = 80) -> str:
    """A name of something (author, source, brand) on one line.

    >>> one_line("A\\nB  C")
    'A B C'
    """
    return clip(plain(_LINE_ENDS.sub(" ", text[: 20 * limit + 1000]), limit, 1), limit)


def clip(text: str, limit: int) -> str:
    """At most `limit` UTF-16 units, as Slack's clients count; never half of a pair.

    >>> clip("🔴🔴🔴", 5)
    '🔴🔴…'
    """
    if len(text) * 2 <= limit or units(text) <= limit:
        return text
    left = limit - 1
    kept: list[str] = []
    for char in text:
        left -= 2 if ord(char) > 0xFFFF else 1
        if left < 0:
            break
        kept.append(char)
    return "".join(kept).rstrip() + ELLIPSIS if limit > 0 else ""


def units(text: str) -> int:
    """Length in UTF-16 units."""
    return len(text) + sum(1 for char in text if ord(char) > 0xFFFF)


def mrkdwn(text: str, limit: int = 500, lines: int = 3) -> str:
    """`plain`, and safe where Slack reads mrkdwn: `& < >` escaped, formatting marks and `@` replaced by look-alikes.

    >>> mrkdwn("<!channel> *now* @here :fire:")
    '&lt;!channel&gt; ∗now∗ ＠here ∶fire:'
    """
    quoted = _EMOJI_CODE.sub("∶", plain(text, limit, lines).translate(_LOOKALIKES))
    # A quotation mark at the start of a line would become a block quote, escaped or not.
    quoted = re.sub(r"(?m)^\s*>+", "›", quoted)
    return quoted.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


_FOR_CHATS = _LOOKALIKES | str.maketrans({"<": "‹", ">": "›", "|": "∣", "\\": "＼"})
_CHAT_MARKS = re.compile(r"\](?=\()|^#|^(?:-{3,}|={3,})$|^(?=[-+]\s|\d+[.)]\s)", re.MULTILINE)


def unmarked(text: str) -> str:
    """Inert text for chats whose markup nobody knows beforehand: what Slack, Discord, Telegram or Markdown read as
    markup is replaced by what looks like it.

    >>> unmarked("<!channel> @everyone **now** [bank](x)\\n# loud")
    '‹!channel› ＠everyone ∗∗now∗∗ [bank] (x)\\n＃ loud'
    """
    shown = _CHAT_MARKS.sub(lambda found: _CHAT_LIKE.get(found[0][:1], "\u2009"), text.translate(_FOR_CHATS))
    return _EMOJI_CODE.sub("∶", shown)


_CHAT_LIKE = {"]": "] ", "#": "＃", "-": "—", "=": "—"}


def safe_url(url: str | None, limit: int = 3000) -> str | None:
    """The address as it may stand behind a link button, or `None`: http and https only, a plain ASCII host, nobody's
    password in it, nothing that ends a link early.

    >>> safe_url("https://x.example/a b?q=<1>")
    'https://x.example/a%20b?q=%3C1%3E'
    >>> safe_url("javascript:alert(1)"), safe_url("https://bank.nl@evil.example/")
    (None, None)
    """
    if not url or len(url) > limit or any(ord(c) < 0x20 or c == "\x7f" or "\ud800" <= c <= "\udfff" for c in url):
        return None
    try:
        parts = urlsplit(url.strip())
        host, _port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not host or not re.fullmatch(r"[a-z0-9.\-]+|[0-9a-f:]+", host):
        return None
    if "@" in parts.netloc or "\\" in url:
        return None
    rest = quote(url.strip()[len(parts.scheme) + 3 + len(parts.netloc) :], safe="/?#&=;%:+,.~!$()*'-_@")
    safe = f"{parts.scheme}://{parts.netloc}{rest}"
    return safe if len(safe) <= limit else None


def cells(text: str) -> int:
    """How many columns a terminal needs for this line.

    >>> cells("né🔴日")
    6
    """
    if text.isascii():
        return len(text)
    wide = {"W": 2, "F": 2}
    return sum(
        0 if unicodedata.category(c)[0] == "M" else wide.get(unicodedata.east_asian_width(c), 1)
        for c in unicodedata.normalize("NFC", text)
    )
