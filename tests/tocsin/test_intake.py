"""Intake: a repeat counts once, an edit is no second mention, a delete takes the words, and a restart shows nowhere."""

from collections import Counter
from collections.abc import Iterable
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.brands import Brand
from stream.codec import HOUR_MS, canonical
from stream.combine import Combined
from stream.mention import Mention
from stream.pulse import PulsePart
from tests.mentions import START_MS, mention
from tests.tocsin.stories import NAMES, STEP_MS, brands, write
from tocsin.intake import Intake

ACME = Brand("Acme", "acme", languages=("en",), own_accounts=("@AcmeHelp",))
BOLT = Brand("Bolt", "bolt")


def intake(*of: Brand) -> Intake:
    return Intake(of or (ACME,), NAMES, step_ms=STEP_MS)


def post(number: int = 1, text: str = "Acme is down, awful", **given_: object) -> Mention:
    return mention(number, text=text, **given_)  # type: ignore[arg-type]


def follow(kind: str, of: Mention, after_ms: int = 1_000, **given_: object) -> Mention:
    """What becomes of a post later."""
    changed = {"kind": kind, "observed_ms": of.observed_ms + after_ms, "text": "", **given_}
    return msgspec.structs.replace(of, **changed)  # type: ignore[arg-type]


def fed(into: Intake, mentions: Iterable[Mention], first: int = 0) -> Intake:
    for offset, one in enumerate(mentions, first):
        into.take(one, offset)
    return into


def totals(parts: Iterable[Combined]) -> PulsePart:
    total = PulsePart()
    for combined in parts:
        total.add(combined.part)
    return total


def sealed(of: Intake) -> list[Combined]:
    return of.seal(2**40)


# --- what becomes of a mention ----------------------------------------------------------------------------------------


def test_each_mention_is_counted_under_what_became_of_it() -> None:
    first = post()
    own = post(2, "Sorry to hear that", author="acmehelp", parent_id=first.id)
    foreign = post(3, "Acme ist kaputt und alles ist schrecklich", lang="xx")
    it = fed(intake(), [first, first, post(4, "nothing to do with it"), own, foreign])
    assert it.counts["read"] == 5
    assert it.counts["repeated"] == 1
    assert it.counts["unmatched"] == 1
    assert it.counts["matched"] == 3
    assert it.counts["responses"] == 1
    assert it.counts["scored"] + it.counts["unscored"] == 2


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_what_is_read_is_always_the_sum_of_what_became_of_it(seed: int) -> None:
    it = fed(intake(*brands()), _life(Random(seed), 60))
    counts = it.counts
    became = ("repeated", "unmatched", "matched", "edited", "deleted", "engagement")
    assert counts["read"] == 60 == sum(counts[name] for name in became)
    assert counts["matched"] == counts["scored"] + counts["unscored"] + counts["responses"]


def test_a_repeat_changes_no_count() -> None:
    once, often = fed(intake(), [post()]), fed(intake(), [post()] * 5)
    assert sealed(once) == sealed(often)
    assert often.counts["repeated"] == 4


def test_an_edit_is_no_second_mention_and_the_new_words_replace_the_old() -> None:
    first = post()
    it = fed(intake(), [first, follow("update", first, text="Acme is up again, thanks")])
    counts = totals(sealed(it)).counts
    assert (counts.mentions, counts.negative, counts.edits) == (1, 1, 1)
    (kept,) = it.posts.values()
    assert (kept.text, kept.brands) == ("Acme is up again, thanks", ("Acme",))


def test_an_edit_that_no_longer_names_the_brand_is_still_about_it() -> None:
    first = post()
    it = fed(intake(), [first, follow("update", first, text="never mind")])
    (kept,) = it.posts.values()
    assert (kept.text, kept.brands) == ("never mind", ("Acme",))


def test_an_edit_of_a_post_that_was_never_seen_is_the_first_that_is_seen_of_it() -> None:
    late = follow("update", post(), text="Acme is down")
    it = fed(intake(), [late, late])
    assert totals(sealed(it)).counts.mentions == 1
    assert (it.counts["matched"], it.counts["edited"]) == (1, 1)


def test_a_delete_takes_the_words_and_changes_no_count_that_was_journaled() -> None:
    first = post()
    it = fed(intake(), [first])
    before = totals(sealed(it)).counts
    it.take(follow("delete", first), 1)
    after = totals(sealed(it)).counts
    assert (before.mentions, after.mentions, after.deletes) == (1, 0, 1)
    assert (it.posts, it.erased) == ({}, [first.id])


@pytest.mark.parametrize("kind", ["update", "engagement", "delete", "create"])
def test_nothing_that_comes_after_a_delete_brings_the_words_back(kind: str) -> None:
    first = post()
    gone = follow("delete", first)
    it = fed(intake(), [first, gone, follow(kind, first, 2_000, text="Acme is down, awful")])
    assert it.posts == {}
    assert set(it.erased) == {first.id}
    counts = totals(sealed(it)).counts
    assert (counts.mentions, counts.deletes, counts.edits) == (1, 1, 0)


def test_engagement_is_absolute_and_the_later_observation_wins() -> None:
    first = post(likes=1)
    seen = [follow("engagement", first, n * 60_000, likes=likes) for n, likes in ((3, 90), (1, 5), (2, 40))]
    it = fed(intake(), [first, *sorted(seen, key=lambda m: m.observed_ms)])
    part = totals(sealed(it))
    assert part.engagement[NAMES.mention(first.id)].likes == 90
    assert part.counts.mentions == 1


def test_what_concerns_an_unknown_post_says_nothing_to_us() -> None:
    it = fed(intake(), [follow("delete", post()), follow("engagement", post(2), likes=7)])
    assert (it.counts["unmatched"], sealed(it)) == (2, [])
    assert it.erased == [post().id], "its text may be kept for longer than its id is"


def test_a_purge_takes_everything_of_an_author_and_changes_no_count() -> None:
    """Of this author, by this source: a namesake elsewhere keeps their words, and so does what is said afterwards."""
    first, other = post(author="ann"), post(2, author="bob")
    namesake = msgspec.structs.replace(post(3, author="ann"), id="news:3", source="news")
    gone = follow("purge", first, 2_000, id=f"{first.source}:ann")
    later = msgspec.structs.replace(post(4, author="ann"), observed_ms=first.observed_ms + 3_000)
    it = fed(intake(), [first, other, namesake, gone, later])
    assert {kept.id for kept in it.posts.values()} == {other.id, namesake.id, later.id}
    assert it.purged == [(first.source, "ann")]
    assert (totals(sealed(it)).counts.mentions, it.counts["purged"]) == (4, 1)


@pytest.mark.parametrize("restarted", [False, True])
def test_an_edit_by_somebody_who_was_purged_brings_no_words_back(restarted: bool) -> None:
    first = post(author="ann")
    past = [first, follow("purge", first, id=f"{first.source}:ann")]
    it = intake()
    for offset, one in enumerate(past):
        it.remember(one, offset) if restarted else it.take(one, offset)
    it.take(follow("update", first, 2_000, text="Acme is down, still"), 2)
    assert (it.posts, it.erased) == ({}, [first.id])
    assert it.counts["edited"] == 1, "it counts as what it is"


def test_a_post_about_two_brands_counts_for_both_and_once_here() -> None:
    both = post(1, "Acme and Bolt are both down, awful")
    it = fed(intake(ACME, BOLT), [both, follow("update", both, text="Acme and Bolt"), follow("delete", both, 2_000)])
    by_brand = {c.brand for c in sealed(it)}
    assert by_brand == {"Acme", "Bolt"}
    assert it.counts == Counter(read=3, matched=1, scored=1, edited=1, deleted=1)
    assert it.erased == [both.id]


def test_a_brands_own_posts_are_responses_never_mentions() -> None:
    complaint = post()
    answer = post(2, "Sorry! We look into it", author="AcmeHelp", parent_id=complaint.id)
    part = totals(sealed(fed(intake(), [complaint, answer])))
    assert (part.counts.mentions, part.counts.responses) == (1, 1)
    assert part.answered == {NAMES.mention(complaint.id): answer.created_ms}


def test_no_text_leaves_intake_in_a_part() -> None:
    secret = "acme swordfish-4711 awful"
    it = fed(intake(), [post(1, secret, author="marlowe", url="https://example.org/private")])
    body = canonical(sealed(it))
    for words in (b"swordfish", b"marlowe", b"private", b"x:1"):
        assert words not in body


# --- restart ----------------------------------------------------------------------------------------------------------


def _life(rng: Random, count: int, mean_gap_ms: int = 30_000) -> list[Mention]:
    """Posts, repeats, edits, deletes and counts, of a few posts again and again."""
    now_ms, posts, out = START_MS, [], []
    for number in range(count):
        now_ms += rng.randrange(2 * mean_gap_ms)
        known = rng.choice(posts) if posts and rng.random() < 0.6 else None
        if known is None:
            text = rng.choice(("Tulpatel is down", "@tulpatel thanks", "lovely weather", "tulpatel??"))
            known = mention(number, at_ms=now_ms, text=text)
            posts.append(known)
            kind = rng.choice(("create", "create", "create", "update", "delete"))
        else:
            kind = rng.choice(("create", "update", "delete", "engagement"))
        text = known.text if kind == "create" else rng.choice(("", "tulpatel again", "something else"))
        likes = rng.randrange(9) if kind == "engagement" else None
        changed = {"kind": kind, "observed_ms": now_ms, "text": text, "likes": likes}
        out.append(msgspec.structs.replace(known, **changed))  # type: ignore[arg-type]
    return out


@settings(max_examples=400, deadline=None)
@given(seed=st.integers(0, 2**32), stop=st.integers(0, 80), slow=st.booleans())
def test_after_a_restart_intake_behaves_as_if_it_had_never_stopped(seed: int, stop: int, slow: bool) -> None:
    """It remembers what lies in the log behind the last mark: the 48 hours in which a repeat is one."""
    life = _life(Random(seed), 80, mean_gap_ms=2 * HOUR_MS if slow else 30_000)
    if slow:  # what became of a post more than 48 hours ago, its edits and its delete, is nobody's memory
        life = [one for one in life if one.kind in ("create", "engagement")]
    stop = min(stop, len(life))
    never = fed(intake(*brands()), life[:stop])
    sealed(never)
    never.posts.clear()
    never.erased.clear()
    before = never.counts.copy()
    fed(never, life[stop:], stop)

    again = intake(*brands())
    horizon_ms = (life[stop - 1].observed_ms if stop else 0) - 48 * HOUR_MS
    for offset, one in enumerate(life[:stop]):
        if one.observed_ms >= horizon_ms:
            again.remember(one, offset)
    assert (sealed(again), again.posts, again.erased, again.counts) == ([], {}, [], Counter())
    fed(again, life[stop:], stop)

    assert again.counts == never.counts - before
    assert sealed(again) == sealed(never)
    assert again.posts == never.posts
    assert again.erased == never.erased


@pytest.mark.parametrize("stop", [1, 250, 600])
def test_a_batch_that_is_taken_again_after_a_crash_gives_the_same_parts(stop: int) -> None:
    """Intake died after it had read beyond the last mark: the same records come again, to a table that survived."""
    life = write(3, brands())[:700]
    once = fed(intake(*brands()), life)
    again = fed(intake(*brands()), life[:stop])
    expected = sealed(once)
    twice = intake(*brands())
    twice._repeats = again._repeats
    fed(twice, life)
    assert sealed(twice) == expected
