"""The text store: words are found by name while they are wanted, and gone to the last byte when they are not."""

import os
import random
import signal
import subprocess
import sys

import pytest

from stream.names import Names
from stream.sources.text_store import StoredPost, TextStore


def post(n, text="hello", author="ann", created_ms=0, **more):
    return StoredPost(
        name=f"{n:016x}", id=f"x:{n}", source="x", text=text, author=author, created_ms=created_ms, **more
    )


def raw(directory):
    return b"".join(file.read_bytes() for file in sorted(directory.iterdir()))


@pytest.fixture(params=["file", "memory"])
def store(request, tmp_path):
    store = TextStore(tmp_path / "texts.db" if request.param == "file" else None)
    yield store
    store.close()


def test_a_post_comes_back_whole(store):
    """Every field, for every name asked for; unknown names are left out."""
    full = post(1, "hé 👋", url="https://x.test/1", followers=7, lang="nl", brands=("acme",), label="negative")
    bare = post(2, author=None)
    store.put([full, bare])
    found = store.get([bare.name, "0" * 16, full.name])
    assert found == {full.name: full, bare.name: bare}
    assert list(found) == [bare.name, full.name]


def test_putting_again_replaces(store):
    """An edit is an edit: one post with the new words; the same post twice is one post."""
    store.put([post(1, "before"), post(1, "after", author="bob")])
    store.put([post(1, "at last", author="cid")])
    assert store.get([post(1).name])[post(1).name].text == "at last"
    assert [store.erase_author(author) for author in ("ann", "bob", "cid")] == [0, 0, 1]


def test_many_at_once(store):
    """More posts than SQLite takes values in one statement go in and come out."""
    posts = [post(n, created_ms=n) for n in range(3000)]
    store.put(posts)
    store.put(posts)
    assert store.get([one.name for one in posts]) == {one.name: one for one in posts}
    assert store.trim(2990) == 2990
    assert list(store.get([one.name for one in posts])) == [one.name for one in posts[2990:]]


def test_erasing_takes_what_was_meant_and_nothing_else(store):
    """By id one post, by author all of theirs; the others stay."""
    store.put([post(1), post(2, author="bob"), post(3), post(4, author=None)])
    assert store.erase_mention("x:3") == 1
    assert store.erase_mention("x:3") == 0
    assert store.erase_author("ann") == 1
    assert sorted(store.get([post(n).name for n in range(5)])) == [post(2).name, post(4).name]


def test_a_note_is_found_by_a_digest_that_does_not_give_it_away(store):
    """Equal words give different digests, so that nobody can find a word by trying; both are found."""
    first, second = store.put_note("call legal 👋"), store.put_note("call legal 👋")
    assert first != second
    assert store.note(first) == store.note(second) == "call legal 👋"
    assert store.erase_note(first)
    assert not store.erase_note(first)
    assert (store.note(first), store.note(second)) == (None, "call legal 👋")
    store.trim(10**15)
    assert store.note(second) == "call legal 👋"


def test_hostile_characters_are_kept_or_replaced(store):
    """A lone surrogate costs a character, not the batch; zero bytes and direction marks are just text."""
    store.put([post(1, "a\ud800b", author="\udfff"), post(2, "\0\u202e<!channel>")])
    found = store.get([post(1).name, post(2).name])
    assert [one.text for one in found.values()] == ["a?b", "\0\u202e<!channel>"]
    assert store.erase_author("\udfff") == 1


@pytest.mark.parametrize("seed", range(4))
def test_erased_bytes_are_gone_from_the_files(tmp_path, seed):
    """A canary planted among thousands of puts, edits, trims and erasures leaves no byte in the file or its log."""
    rng = random.Random(seed)
    store = TextStore(tmp_path / "texts.db")
    notes = []
    for batch in range(40):
        posts = []
        for _ in range(rng.randrange(1, 120)):
            n = rng.randrange(2**60)
            canary = rng.random() < 0.04
            text = ("CANARYTEXT " if canary else "plain ") * rng.choice([1, 3, 20, 20, 700])
            author = "CANARYHANDLE" if canary else f"user{rng.randrange(50)}"
            posts.append(post(n, text, author, created_ms=batch * 1000 + rng.randrange(9000)))
            if canary and rng.random() < 0.3:
                posts.append(post(n, "edited", "CANARYHANDLE", created_ms=batch * 1000))
        store.put(posts)
        notes.append(store.put_note("CANARYNOTE " * rng.randrange(1, 50)))
        if rng.random() < 0.3:
            store.trim(batch * 1000 - 5000)
        if rng.random() < 0.5:
            store.erase_author(f"user{rng.randrange(50)}")
    assert b"CANARYTEXT" in raw(tmp_path)
    assert store.erase_author("CANARYHANDLE") > 0
    assert b"CANARYTEXT" not in raw(tmp_path)
    assert b"CANARYHANDLE" not in raw(tmp_path)
    for digest in notes:
        store.erase_note(digest)
    assert b"CANARY" not in raw(tmp_path)
    assert b"plain" in raw(tmp_path)
    store.trim(10**9)
    assert b"plain" not in raw(tmp_path)


def test_trimmed_space_is_used_again(tmp_path):
    """A store that is trimmed does not grow for ever."""
    store = TextStore(tmp_path / "texts.db")
    for day in range(50):
        store.put([post(day * 200 + n, "word " * 80, created_ms=day) for n in range(200)])
        store.trim(day - 4)
    assert (tmp_path / "texts.db").stat().st_size < 3_000_000


def test_what_was_put_survives(tmp_path):
    """A new process finds the posts and the notes, and goes on after them."""
    store = TextStore(tmp_path / "texts.db")
    store.put([post(1)])
    digest = store.put_note("note")
    store.close()
    store = TextStore(tmp_path / "texts.db")
    store.put([post(2)])
    assert sorted(store.get([post(1).name, post(2).name])) == [post(1).name, post(2).name]
    assert store.note(digest) == "note"
    assert store.erase_author("ann") == 2


@pytest.mark.parametrize(("point", "kept"), [("before", 1), ("after", 2)])
def test_a_kill_around_the_commit_leaves_no_half(tmp_path, point, kept):
    """Killed while putting: all posts of the batch are there, or none."""
    program = (
        "import pathlib, sys; from stream.sources.text_store import StoredPost, TextStore\n"
        "store = TextStore(pathlib.Path(sys.argv[1]))\n"
        "for n in (0, 5): store.put([StoredPost(name=str(n + k), id='i', source='x', text='t', created_ms=0)"
        " for k in range(5)])"
    )
    env = os.environ | {"TOCSIN_CRASH_AT": f"texts.put.{point}:2"}
    died = subprocess.run([sys.executable, "-c", program, str(tmp_path / "texts.db")], env=env, check=False)
    assert died.returncode == -signal.SIGKILL
    assert len(TextStore(tmp_path / "texts.db").get([str(n) for n in range(10)])) == 5 * kept


HOUR_MS = 3_600_000


def about(n, created_ms, brands=("Acme",), text="hello"):
    """A post about some brands, with a name as a keyed hash gives it: in no order."""
    return post(int(Names(b"k").mention(f"{n}"), 16), text, author=f"a{n}", created_ms=created_ms, brands=brands)


def test_a_brands_posts_are_found_by_time(store):
    """Those of other brands and other times are not; a post about two brands is found for either."""
    both = about(1, 10, ("Acme", "Bolt"))
    store.put([about(2, 5), both, about(3, 5, ("Bolt",)), about(4, 3 * HOUR_MS), about(5, 20)])
    found, cut = store.about("Acme", 5, 20, 10)
    assert ([one.created_ms for one in found], cut) == ([5, 10], False)
    assert store.about("Bolt", 0, 2 * HOUR_MS, 10)[0] == [about(3, 5, ("Bolt",)), both]
    assert [one.created_ms for one in store.about("Acme", 0, 4 * HOUR_MS, 10)[0]] == [5, 10, 20, 3 * HOUR_MS]


def test_too_many_are_sampled_alike_whatever_order_they_came_in(store):
    """The sample hangs on the posts alone, is told as one, and takes from every hour its share if asked to."""
    posts = [about(n, n * 60_000) for n in range(600)]
    store.put(posts)
    other = TextStore(None)
    other.put(posts[::-1])
    found, cut = store.about("Acme", 0, 10 * HOUR_MS, 100)
    assert (len(found), cut) == (100, True)
    assert other.about("Acme", 0, 10 * HOUR_MS, 100) == (found, True)
    assert {one.created_ms // HOUR_MS for one in found} == set(range(10))
    store.put([about(1_000 + n, n) for n in range(500)])
    by_hour, cut = store.about("Acme", 0, 10 * HOUR_MS, 100, by_hour=5)
    assert ([one.created_ms // HOUR_MS for one in by_hour], cut) == ([n for n in range(10) for _ in range(5)], True)
    assert store.about("Acme", 0, 10 * HOUR_MS, 1_100)[1] is False


def test_the_earliest_come_first_and_no_more_than_asked_for(store):
    """Who said it first is no question of a sample."""
    store.put([about(n, n * 30 * 60_000) for n in range(10)])
    assert [one.created_ms // 60_000 for one in store.earliest("Acme", 1, 9 * HOUR_MS, 3)] == [30, 60, 90]
    assert store.earliest("Bolt", 0, 9 * HOUR_MS, 3) == []


def test_an_erased_an_edited_and_a_trimmed_post_are_not_found_as_they_were(store):
    """What leads to a post by its brand goes with it; and whoever kept something read is told to forget it."""
    store.put([about(n, n) for n in range(5)])
    before = store.erasures
    store.erase_author("a1")
    assert store.erasures > before
    assert [one.created_ms for one in store.about("Acme", 0, 10, 10)[0]] == [0, 2, 3, 4]
    store.put([about(2, HOUR_MS + 2, ("Bolt",), "edited")])
    assert [one.created_ms for one in store.about("Acme", 0, 2 * HOUR_MS, 10)[0]] == [0, 3, 4]
    assert [one.text for one in store.about("Bolt", 0, 2 * HOUR_MS, 10)[0]] == ["edited"]
    store.trim(4)
    assert [one.created_ms for one in store.about("Acme", 0, 2 * HOUR_MS, 10)[0]] == [4]
