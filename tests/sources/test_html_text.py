"""HTML of strangers becomes text, whatever it is, and in time that grows with its length."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.sources.html_text import MAX_HTML, text_of
from stream.text import MAX_TEXT


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("", ""),
        ("plain words", "plain words"),
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("one<br/>two<br>three", "one\ntwo\nthree"),
        ("<div><div><p>deep</p></div></div>flat", "deep\n\nflat"),
        ("<ul><li>one<li>two</ul>", "one\ntwo"),
        ("<table><tr><td>a<td>b<tr><td>c</table>", "a b\nc"),
        ("<i>a\n  b\t c&nbsp;d", "a b c d"),
        ("one\ntwo", "one\ntwo"),
        ("<\u65e5 <b>x</b>", "<\u65e5 x"),
        ("&lt;script&gt; &amp;amp; &#39;q&#x27;", "<script> &amp; 'q'"),
        ("<style>p{}</style>x<script>y</script>", "x"),
        ("<SCRIPT>y</SCRIPT >x", "x"),
        ("<svg><text>a</text></svg>c", "c"),
        ("<template>a<p>b</template>c", "c"),
        ("<!-- no --><!DOCTYPE html><?php no ?>yes", "yes"),
        ("kept <b>bold", "kept bold"),
        ("I <3 this, a<b>c</b>", "I <3 this, ac"),
        ('<a title="a > b">x</a>', "x"),
        ("a </nowhere> b", "a b"),
    ],
)
def test_text_reads_as_the_page_does(markup: str, text: str) -> None:
    assert text_of(markup) == text


def test_a_link_stays_as_its_text_and_a_link_cut_for_the_eye_is_whole() -> None:
    markup = (
        '<p><a href="https://a.example/long/path" rel="nofollow"><span class="invisible">https://</span>'
        '<span class="ellipsis">a.example/lo</span><span class="invisible">ng/path</span></a> '
        '<span class="h-card"><a href="https://m.example/@jo">@<span>jo</span></a></span></p>'
    )
    assert text_of(markup) == "https://a.example/long/path @jo"


def test_no_more_than_a_text_is_kept() -> None:
    assert len(text_of("<p>" + "a" * (2 * MAX_HTML))) == MAX_TEXT


_PIECES = st.sampled_from(
    [*"<>/!&;#[]-ab \n\x00\ud800\"'=?x19", "script", "<p>", "<br>", "<!--", "<![", "&#", "&nbsp;"]
)


@given(st.lists(_PIECES).map("".join))
def test_any_string_has_a_text(markup: str) -> None:
    text = text_of(markup)
    assert text == text.strip()
    assert "\n\n\n" not in text


_HOSTILE = (
    *("<", "<a ", "<p>", "<!", "<!--", "<![", "</", "&", "&#", "&lt", "<a href='", "<script>", "</script", "<?"),
    *("<svg>", " \n", "<a b=", "<a>", "</a", "<br", "<a \"'", "<a/", "<!-->", "\n\n \n"),
)


@pytest.mark.parametrize("piece", _HOSTILE)
def test_a_hostile_page_takes_no_longer_than_a_page_of_its_length(piece: str) -> None:
    began_s = time.process_time()
    text_of(piece * (MAX_HTML // len(piece)))
    assert time.process_time() - began_s < 1.0


def test_a_number_of_a_million_digits_is_no_trouble() -> None:
    assert text_of("<b>a &#" + "9" * 90_000 + ";").startswith("a ")
