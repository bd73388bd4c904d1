"""An article has one name, however it was passed on; and two articles never share one."""

import random

import pytest

from stream.sources.links import LONGEST, leads_nowhere, link_id, opened

ARTICLE = "https://news.example/2026/acme-recall?page=2"
SAME = (
    "http://news.example/2026/acme-recall?page=2",
    "https://www.news.example:443/2026/acme-recall/?page=2#comments",
    "HTTPS://NEWS.example/2026/acme-recall?page=2&utm_source=x&utm_medium=rss&utm_campaign=a%20b",
    "https://m.news.example/2026/acme-recall?fbclid=IwAR0&page=2&gclid=1",
    "https://mobile.news.example/2026/acme-recall/amp/?page=2",
    "https://amp.news.example/2026/acme-recall.amp?page=2&amp=1",
    "https://news.example/2026/%61cme-recall?page=2&mc_cid=1&mc_eid=2&_ga=3&igshid=4&at_medium=RSS",
    "https://news.example./2026/acme-recall?page=2&ref=rss",
    " https://news.example/2026/acme-\nrecall?page=2 ",
    "https://www.google.com/url?rct=j&sa=t&url=https%3A%2F%2Fnews.example%2F2026%2Facme-recall%3Fpage%3D2&ct=ga&cd=CAI",
    "https://www.google.nl/url?q=https://news.example/2026/acme-recall%3Fpage%3D2&sa=D",
    "https://www.google.com/amp/s/www.news.example/2026/acme-recall?page=2",
    "https://news-example.cdn.ampproject.org/c/s/news.example/2026/acme-recall?page=2",
    "https://l.facebook.com/l.php?u=https%3A%2F%2Fnews.example%2F2026%2Facme-recall%3Fpage%3D2&h=AT0",
    "http://www.bing.com/news/apiclick.aspx?ref=FexRss&url=https%3a%2f%2fnews.example%2f2026%2facme-recall%3fpage%3d2&c=1",
)
OTHERS = (
    "https://news.example/2026/acme-recall?page=3",
    "https://news.example/2026/acme-recall",
    "https://news.example/2026/acme-recall-2?page=2",
    "https://news.example/2026/Acme-Recall?page=2",
    "https://news.example:8443/2026/acme-recall?page=2",
    "https://other.example/2026/acme-recall?page=2",
    "https://blog.news.example/2026/acme-recall?page=2",
    "https://news.example/2026/acme-recall?page=2&ref=7",
    "https://news.example/2026/acme-recall?page=2#comment-7",
    "https://news.example/2026%2Facme-recall?page=2",
    "https://news.example/2026/acme-recall?page=2#!/story/7",
)


@pytest.mark.parametrize("link", SAME)
def test_however_an_article_is_passed_on_it_has_one_name(link: str) -> None:
    """Wrapping, marks, phones' hosts, AMP, ports, case of the host, fragments."""
    assert link_id(link) == link_id(ARTICLE)


def test_what_differs_in_more_than_its_way_is_another_article() -> None:
    names = [link_id(link) for link in (ARTICLE, *OTHERS)]
    assert None not in names
    assert len(set(names)) == len(names)


def test_a_link_to_click_leads_to_the_page_itself() -> None:
    """Its host and way of asking stay: not every site answers by the name that it is known by."""
    assert opened(SAME[9]) == ARTICLE
    assert opened("http://www.news.example/a/?utm_source=x&id=7#top") == "http://www.news.example/a/?id=7"
    assert opened("https://xn--caf-dma.example/a") == opened("https://café.example/a")


@pytest.mark.parametrize(
    "link",
    [
        "",
        "x",
        "javascript:alert(1)",
        "data:text/html,x",
        "mailto:a@b.example",
        "/a",
        "https://",
        "https://[::1",
        "ftp://a/b",
        "https://a.example:port/",
        f"https://a.example/{'x' * LONGEST}",
        "https://\ud800.example/",
    ],
)
def test_what_is_no_link_of_the_web_is_none(link: str) -> None:
    assert (link_id(link), opened(link)) == (None, None)


def test_wrapping_that_holds_itself_ends() -> None:
    """Three wrappers deep, and no deeper."""
    link = ARTICLE
    for _ in range(20):
        link = f"https://www.google.com/url?url={link}"
    assert link_id(link) is not None


def test_a_first_page_is_no_article() -> None:
    """Some feeds give it to every entry."""
    assert [leads_nowhere(link) for link in ("https://a.example", "https://a.example/#x", ARTICLE)] == [
        True,
        True,
        False,
    ]


def test_no_link_stops_the_reading() -> None:
    """Ten thousand broken ones."""
    rng = random.Random(1)
    alphabet = "https://:@?#&=%[]./\\ \n\t\x00é\ud800aA0-_~" + "ü"
    for _ in range(10_000):
        link = "".join(rng.choices(alphabet, k=rng.randrange(40)))
        for start in ("", "https://a.example/", "https://www.google.com/url?url="):
            name = link_id(start + link)
            assert name is None or len(name) == 20
            shown = opened(start + link)
            assert shown is None or shown.startswith("http")
