"""What the public wrote is shown, and does nothing."""

import re
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from alerting.inert import cells, clip, defang, mrkdwn, one_line, plain, safe_url, terminal_safe, units

ANY_TEXT = st.text(alphabet=st.characters(), max_size=300)
NASTY_PIECES = """<!channel> <!here|x> <@U1> <#C1> <!subteam^S1> <http://evil.example|bank.nl> <!date^1^{date}|x>
https://evil.example/a evil.example javascript:alert(1) mailto:a@b.example 1.2.3.4 a.b.c * _ ~ ` & < > @here :fire: word
日本 🔴"""
UNSEEN = [
    "\u202e",
    "\u2066",
    "\u200f",
    "\u200b",
    "\ufeff",
    "\x1b[31m",
    "\x1b]8;;http://x\x07",
    "\x9b2J",
    "\x00",
    "\ud800",
]
SPACE = ["\r\n", "\n", " ", "\u0301" * 9, "\U000e0041"]
NASTY = st.lists(st.sampled_from([*NASTY_PIECES.split(), *UNSEEN, *SPACE]), max_size=25).map("".join)
HIDDEN = [chr(c) for c in (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C)]
HIDDEN += list("\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f\u3164\u2800\U000e0020\x00\x07\x08\x7f\x86\ud800\udfff\ue000")


@pytest.mark.parametrize("hidden", HIDDEN)
def test_what_reorders_or_hides_text_is_taken_out(hidden: str) -> None:
    """Bidirectional, zero-width, control characters and halves of surrogate pairs never reach a person."""
    assert plain(f"pay{hidden}pal") == "paypal"
    assert terminal_safe(f"pay{hidden}pal") == "paypal"


@given(st.one_of(ANY_TEXT, NASTY), st.integers(1, 600), st.integers(1, 5))
@settings(max_examples=200, deadline=None)
def test_a_quotation_keeps_its_limits_and_holds_nothing_that_acts(text: str, limit: int, lines: int) -> None:
    """Length, lines, visible characters and addresses, for any text."""
    shown = plain(text, limit, lines)
    assert units(shown) <= limit
    assert shown.count("\n") < lines
    assert all(c == "\n" or unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co", "Cn"} for c in shown)
    assert not re.search(r"https?://|(javascript|mailto):\S", shown, re.IGNORECASE)
    assert shown == shown.strip()
    shown.encode()


@given(st.one_of(ANY_TEXT, NASTY))
@settings(max_examples=200, deadline=None)
@example("a.evil.example")
@example("https://https://evil.example")
def test_defanging_twice_changes_nothing(text: str) -> None:
    """What is inert stays as it is."""
    assert defang(defang(text)) == defang(text)


@given(st.one_of(ANY_TEXT, NASTY))
@settings(max_examples=200, deadline=None)
def test_nothing_in_mrkdwn_becomes_a_mention_a_link_or_formatting(text: str) -> None:
    """There is no bare `<`, no mark and no `@` left for Slack to read."""
    shown = mrkdwn(text)
    assert not re.search(r"[<>*_~`@]|:[a-z0-9_]+:", shown)
    assert not re.search(r"&(?!amp;|lt;|gt;)", shown)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("see https://evil.example/x", "see hxxps://evil[.]example/x"),
        ("HTTP://EVIL.EXAMPLE", "hxxp://EVIL[.]EXAMPLE"),
        ("bank.nl", "bank[.]nl"),
        ("ftp://a.example", "ftp[:]//a[.]example"),
        ("javascript:alert(1)", "javascript[:]alert(1)"),
        ("10.0.0.1 and 3.5 and 1.000.000", "10[.]0[.]0[.]1 and 3.5 and 1.000.000"),
        ("wait... and see", "wait... and see"),
        ("evil。example", "evil[.]example"),
        ("xn--80ak6aa92e.com", "xn--80ak6aa92e[.]com"),
        ("mail me@evil.example", "mail me@evil[.]example"),
    ],
)
def test_addresses_are_readable_and_dead(text: str, shown: str) -> None:
    """A person can still see where it pointed."""
    assert plain(text) == shown


@pytest.mark.parametrize(
    ("escape", "left"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07x", "x"),
        ("\x1b]8;;http://e\x1b\\l\x1b]8;;\x1b\\", "l"),
        ("\x9b2Jx", "x"),
        ("\x1bPq\x1b\\x", "x"),
        ("\x1bcx", "x"),
        ("a\rb", "a\nb"),
    ],
)
def test_a_terminal_is_not_steered(escape: str, left: str) -> None:
    """Colours, titles, clipboard, hyperlinks and resets are taken out whole."""
    assert terminal_safe(escape) == left


@pytest.mark.parametrize(
    "url",
    [
        *(
            None,
            "",
            "javascript:alert(1)",
            "data:text/html,x",
            "ftp://a.example",
            "//a.example",
            "http://",
            "http://[::1",
        ),
        *("https://a@b.example", "https://a.example\\@evil.example", "https://a.example\n", "https://аpple.example"),
        *(
            "https://a b.example",
            "https://a.example:99999999/",
            "https://a.example/" + "é" * 2900,
            "https://a.example/\ud800",
        ),
        "x" * 4000,
    ],
)
def test_only_plain_web_addresses_become_links(url: str | None) -> None:
    """Everything else is shown, defanged, and cannot be pressed."""
    assert safe_url(url) is None


def test_a_link_ends_where_it_ends() -> None:
    """Nothing inside an address closes the link or opens another."""
    safe = safe_url('https://a.example/é"<x>|y`?q=1&r=%20#f')
    assert safe == "https://a.example/%C3%A9%22%3Cx%3E%7Cy%60?q=1&r=%20#f"


@given(ANY_TEXT, st.integers(0, 50))
@settings(max_examples=100, deadline=None)
def test_clipping_counts_as_slack_does_and_never_halves_a_character(text: str, limit: int) -> None:
    """UTF-16 units, with the ellipsis inside the limit."""
    short = clip(text, limit)
    assert units(short) <= limit
    assert short == text or text.startswith(short.removesuffix("…").rstrip())


def test_ten_megabytes_are_quoted_as_quickly_as_a_line() -> None:
    """Only what can be shown is looked at."""
    assert plain("a.bc " * 2_000_000, limit=20) == "a[.]bc a[.]bc a[.]b…"
    assert len(one_line("\n" * 10_000_000 + "x")) <= 80


def test_a_tower_of_marks_is_cut_to_a_word() -> None:
    """A million combining marks would paint over the lines around them."""
    assert plain("e" + "\u0300\u0301\u0302\u0303\u0304" * 1000) == "è" + "\u0301\u0302\u0303"[:3]
    assert cells("e\u0301") == 1
