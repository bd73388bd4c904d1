"""New words reach the card from the text store alone, and `tocsin mentions` lists the posts behind them."""

import json
from pathlib import Path

import msgspec
import pytest

from alerting.explain import Explanation
from alerting.message import card, terminal_card
from alerting.view import IncidentView, grown
from stream.brands import Brand
from stream.codec import HOUR_MS, MINUTE_MS
from stream.names import Names
from stream.sources.text_store import StoredPost, TextStore
from tests.command import tocsin
from tests.tocsin.crises import BRAND, posts, shipped_chart
from tocsin.fresh_words import PAST_MS, STORY_POSTS, Explainer, story_of
from tocsin.journal import open_existing
from tocsin.mentions import Wanted, mention_lines, mentions
from tocsin.mistakes import UsageError
from tocsin.replay import replay

ACME = Brand("Acme", "acme")
NAMES = Names(b"k")
BEGAN_MS = 30 * 24 * HOUR_MS
VIEW = IncidentView(
    brand="Acme",
    incident="acme-1",
    scenario="backlash",
    severity="high",
    opened_ms=BEGAN_MS + 10 * MINUTE_MS,
    since_ms=BEGAN_MS,
    found_ms=BEGAN_MS + 30 * MINUTE_MS,
)


def post(n: int, text: str, created_ms: int, **more: object) -> StoredPost:
    """A post about Acme by somebody else than the others."""
    fields: dict[str, object] = {
        "name": NAMES.mention(f"x:{n}"),
        "id": f"x:{n}",
        "source": "x",
        "text": text,
        "created_ms": created_ms,
        "author": f"a{n}",
        "lang": "en",
        "brands": ("Acme",),
    }
    return StoredPost(**(fields | more))  # type: ignore[arg-type]


def filled(story: int = 20, *, word: str = "refund") -> TextStore:
    """A fortnight of small talk, and a story with a new word."""
    texts = TextStore(None)
    texts.put([post(n, f"acme number {n} is fine", BEGAN_MS - HOUR_MS - n * 10 * MINUTE_MS) for n in range(1_000)])
    texts.put([post(5_000 + n, f"acme {word} {n}", BEGAN_MS + n * 1_000) for n in range(story)])
    return texts


def test_the_card_says_which_words_are_new_and_who_was_first() -> None:
    """On Slack and in the terminal."""
    shown = msgspec.structs.replace(VIEW, explanation=Explainer(filled(), [ACME]).explain(VIEW))
    line = "New word: refund (20 people) · first said by @a5000 at 00:00 UTC"
    assert line in terminal_card(shown, 160)
    assert line in json.dumps(card(shown).blocks, ensure_ascii=False)


def test_the_past_ends_where_the_story_begins_and_reaches_back_a_fortnight() -> None:
    """What was said longer ago is forgotten, and may be new again; what was said before the story is not new."""
    texts = filled()
    texts.put([post(8_000 + n, f"acme refund of old {n}", BEGAN_MS - PAST_MS - n * MINUTE_MS) for n in range(1, 300)])
    assert [one.word for one in Explainer(texts, [ACME]).explain(VIEW).words] == ["refund"]
    texts.put([post(9_000 + n, f"acme refund of late {n}", BEGAN_MS - n * 10 * MINUTE_MS) for n in range(1, 600)])
    assert Explainer(texts, [ACME]).explain(VIEW).words == ()


def test_other_brands_and_the_brands_own_answers_are_left_out() -> None:
    """They are not what people say about it."""
    texts = filled(0)
    texts.put([post(6_000 + n, f"sorry for the refund {n}", BEGAN_MS + n, own=True) for n in range(30)])
    texts.put([post(7_000 + n, f"bolt refund {n}", BEGAN_MS + n, brands=("Bolt",)) for n in range(30)])
    assert Explainer(texts, [ACME]).explain(VIEW) == Explanation()


def test_a_great_story_is_sampled_and_told_in_shares_and_its_first_post_is_found() -> None:
    """Whatever the size of a crisis, a card is made in bounded time."""
    texts = filled(0)
    texts.put([post(20_000 + n, f"acme refund {n}", BEGAN_MS + n * 100) for n in range(STORY_POSTS * 3)])
    found = Explainer(texts, [ACME]).explain(VIEW)
    assert found.sampled
    assert found.people == STORY_POSTS
    assert found.first is not None
    assert found.first.author == "a20000"
    assert "refund (100% of people)" in terminal_card(msgspec.structs.replace(VIEW, explanation=found), 160)


def test_an_erasure_reaches_a_card_that_was_explained_before() -> None:
    """Who asked to be forgotten is on no later edit."""
    texts = filled()
    explainer = Explainer(texts, [ACME])
    first = explainer.explain(VIEW).first
    assert first is not None
    assert explainer.explain(VIEW) is explainer.explain(VIEW)
    texts.erase_author(first.author)
    again = explainer.explain(VIEW)
    assert again.first is not None
    assert again.first.author == "a5001"
    assert again.people == 19


def test_hostile_words_handles_and_addresses_stay_text() -> None:
    """A word is what the public wrote, and does nothing on the card."""
    texts = filled(0)
    hostile = "<!channel> evil.example `x` \u202eflip\x1b[2J"
    texts.put(
        [
            post(5_000 + n, f"acme {hostile} {n}", BEGAN_MS + n, author="<!here>" if n == 0 else f"h{n}")
            for n in range(20)
        ]
    )
    shown = msgspec.structs.replace(VIEW, explanation=Explainer(texts, [ACME]).explain(VIEW))
    assert shown.explanation.words
    made = card(shown)
    marked = [b["text"]["text"] for b in made.blocks if b.get("text", {}).get("type") == "mrkdwn"]
    assert "<!" not in "".join(marked) + made.text
    assert not {"\x1b", "\u202e"} & set(terminal_card(shown) + json.dumps(made.blocks, ensure_ascii=False))


def test_an_incident_that_goes_on_is_held_against_what_was_before_it_began() -> None:
    """Its own first hour is not its past: the story keeps its beginning, for a day at most."""
    later = msgspec.structs.replace(VIEW, found_ms=BEGAN_MS + 5 * HOUR_MS)
    assert story_of(later) == (BEGAN_MS, BEGAN_MS + 5 * HOUR_MS)
    days = msgspec.structs.replace(VIEW, found_ms=BEGAN_MS + 50 * HOUR_MS)
    assert story_of(days)[0] == BEGAN_MS + 26 * HOUR_MS


# ---- the posts behind the numbers


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with a crisis in it, texts and all."""
    directory = tmp_path_factory.mktemp("mentions")
    texts = TextStore(directory / "texts.db", durable=False)
    replay(
        [posts(directory, "service_outage", 1)],
        brands=[BRAND],
        chart_text=shipped_chart(),
        journal_path=directory / "journal.db",
        texts=texts,
    )
    texts.close()
    return directory


def last_view(home: Path) -> IncidentView:
    """The last incident as it was last found to go on: what its end says was reckoned between two cards."""
    journal = open_existing(home / "journal.db")
    views: dict[str, IncidentView] = {}
    for recorded in journal.decisions():
        decision = recorded.decision
        if decision.kind == "StandDown":
            continue
        views[decision.incident] = grown(views.get(decision.incident), decision)
    journal.close()
    return list(views.values())[-1]


def test_the_posts_of_the_last_hour_are_those_that_the_card_counts(home: Path) -> None:
    """The number on the card and the list agree."""
    view = last_view(home)
    listed = mentions(home, view.incident, Wanted())
    assert listed.until_ms - listed.from_ms == HOUR_MS
    assert abs(len(listed.posts) - view.facts.mentions) <= view.facts.mentions // 50 + 1
    assert all(listed.from_ms <= one.created_ms < listed.until_ms for one in listed.posts)


def test_a_word_leads_to_the_posts_of_the_story_that_use_it(home: Path) -> None:
    """At least those that the card counts people of."""
    view = last_view(home)
    texts = TextStore(home / "texts.db")
    word = Explainer(texts, [BRAND]).explain(view).words[0]
    texts.close()
    found = {one.name for one in mentions(home, view.incident, Wanted(word=word.word)).posts}
    assert set(word.posts) <= found


def test_the_command_lists_counts_and_filters(home: Path) -> None:
    """For people, and for scripts."""
    view = last_view(home)
    called = tocsin("mentions", view.incident, "--data", str(home), "--sentiment", "negative", "--limit", "2")
    assert called.status == 0, called.err
    assert "more: --limit" in called.out
    as_json = tocsin("mentions", view.incident, "--data", str(home), "--sentiment", "negative", "--json")
    rows = json.loads(as_json.out)["mentions"]
    assert rows
    assert {row["sentiment"] for row in rows} == {"negative"}
    wrong = tocsin("mentions", "acme-0", "--data", str(home))
    assert wrong.status == 2
    assert view.incident in wrong.err


def test_what_cannot_be_meant_is_said_in_one_line(home: Path, tmp_path: Path) -> None:
    """A sentiment that there is not; a directory without texts."""
    view = last_view(home)
    with pytest.raises(UsageError, match="`cross` is not known as a sentiment"):
        mentions(home, view.incident, Wanted(label="cross"))
    (tmp_path / "journal.db").write_bytes((home / "journal.db").read_bytes())
    with pytest.raises(UsageError, match="there is no store of texts"):
        mentions(tmp_path, view.incident, Wanted())
    assert not (tmp_path / "texts.db").exists()


def test_a_list_is_inert(home: Path) -> None:
    """Escapes and links of the public do nothing in a terminal."""
    listed = mentions(home, last_view(home).incident, Wanted())
    hostile = msgspec.structs.replace(
        listed.posts[0], text="\x1b]0;owned\x07 see https://evil.example", author="\x1b[2J"
    )
    shown = "\n".join(mention_lines(msgspec.structs.replace(listed, posts=[hostile]), 5))
    assert "\x1b" not in shown
    assert "hxxps://evil[.]example" in shown
