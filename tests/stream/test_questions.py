"""Which questions were answered, by whom, and when: a part knows it of its posts, and the window of the last hour."""

import pytest

from stream.combine import Combiner
from stream.mention import Mention, ScoredMention, Sentiment
from stream.names import Names
from stream.pulse import PulsePart
from stream.window import Window

NAMES = Names(b"questions")
MINUTE = 60_000
HOUR = 60 * MINUTE
T0 = 100 * HOUR


def post(number: int, minute: int, text: str, *, own: bool = False, to: int | None = None) -> ScoredMention:
    at_ms = T0 + minute * MINUTE
    mention = Mention(
        id=f"x:{number}", source="x", created_ms=at_ms, claimed_ms=at_ms, observed_ms=at_ms, text=text,
        author="acme_care" if own else f"a{number}", parent_id=None if to is None else f"x:{to}",
    )  # fmt: skip
    return ScoredMention("acme", mention, Sentiment("neutral", 0, "en", "t@1"), own)


def window_of(posts: list[ScoredMention], minute: int) -> Window:
    combiner, window = Combiner(NAMES, 5_000), Window()
    for one in posts:
        combiner.add(one)
    window.at_ms = T0 + minute * MINUTE
    for sealed in combiner.seal(10**9):
        window.take(sealed.minute_ms, sealed.part)
    window.cut()
    return window


def test_a_question_counts_as_unanswered_until_an_own_account_replies_to_it() -> None:
    asked = [post(1, 0, "where is my order?"), post(2, 1, "waarom？"), post(3, 2, "awful")]
    assert window_of(asked, 5).unanswered(HOUR) == (2, 2)
    by_others = post(4, 3, "same here", to=1)
    assert window_of([*asked, by_others], 5).unanswered(HOUR) == (2, 2)
    ours = post(5, 4, "On its way", own=True, to=1)
    window = window_of([*asked, by_others, ours], 5)
    assert window.unanswered(HOUR) == (1, 2)
    assert window.responded_ms == T0 + 4 * MINUTE


def test_a_question_of_more_than_an_hour_ago_is_asked_no_more() -> None:
    asked = [post(1, 0, "where is my order?"), post(2, 30, "and mine?")]
    assert window_of(asked, 61).unanswered(HOUR) == (1, 1)
    assert window_of(asked, 100).unanswered(2 * HOUR) == (1, 1), "what left the open minutes is forgotten"


def test_our_own_question_is_none_of_the_publics() -> None:
    assert window_of([post(1, 0, "Could you send us a message?", own=True)], 5).unanswered(HOUR) == (0, 0)


@pytest.mark.parametrize(("to", "wanted"), [(1, 9), (2, 9), (3, 9), (7, 0)])
def test_a_reply_to_any_post_of_a_conversation_is_a_reply_in_it(to: int, wanted: int) -> None:
    """Replies to replies lead to the first post, as far as the chain is known."""
    talk = [
        post(1, 0, "look at this"), post(2, 1, "terrible", to=1), post(3, 2, "indeed", to=2), post(7, 3, "other"),
        post(9, 9, "We are on it", own=True, to=to),
    ]  # fmt: skip
    window = window_of(talk, 20)
    found = window.replied_ms(NAMES.mention("x:1"), T0)
    assert found == (T0 + wanted * MINUTE if wanted else 0)
    assert window.replied_ms(NAMES.mention("x:1"), T0 + 10 * MINUTE) == 0


def test_parts_that_know_of_questions_merge_in_any_order() -> None:
    left, right = PulsePart(asked={"a": 5, "b": 9}, responded_ms=4), PulsePart(asked={"a": 3}, responded_ms=8)
    one, other = PulsePart(), PulsePart()
    for total, parts in ((one, (left, right)), (other, (right, left))):
        for part in parts:
            total.add(part)
    assert one == other
    assert (one.asked, one.responded_ms) == ({"a": 3, "b": 9}, 8)
