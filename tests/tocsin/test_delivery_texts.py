"""The texts that a delivery worker keeps: in a file of its own, within bounds, and never older than an erasure."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiokafka import TopicPartition

from stream.kafka.clients import Brokers
from stream.kafka.cuts import Outgoing
from stream.kafka.topics import Layout
from stream.sources.store import StoreError
from stream.sources.text_store import StoredPost, TextStore, post_bytes, salted
from tests.tocsin.stories import NAMES
from tocsin.scaled.delivery_texts import DIRECTORY, NOTE, DeliveryTexts
from tocsin.scaled.own_file import OwnFile
from tocsin.scaled.text_order import PURGE, Read, TextOrder, read_of

HOME = TopicPartition("t.texts", 0)
DIES = """
import os, pathlib, sys
from stream.sources.text_store import TextStore
from tocsin.scaled.own_file import OwnFile
own = OwnFile(pathlib.Path(sys.argv[1]))
TextStore(own.path, durable=False).put_note("words")
os.kill(os.getpid(), 9)
"""


class Record(NamedTuple):
    """A record as a consumer gives it."""

    key: bytes
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


class Written:
    """Takes what is to be written, or is away."""

    def __init__(self) -> None:
        self.records: list[Outgoing] = []
        self.away = False

    async def try_to_write(self, records: Sequence[Outgoing]) -> bool:
        if not self.away:
            self.records += records
        return not self.away


def a_post(text: str = "hello", name: str = "n1", created_ms: int = 0) -> StoredPost:
    return StoredPost(name=name, id=f"x:{name}", source="x", text=text, created_ms=created_ms)


def text(offset: int | None, words: str = "hello", name: str = "n1", partition: int = 0, created_ms: int = 0) -> Record:
    """A text that was written when so much had been read."""
    headers = [] if offset is None else [Read(partition, offset).header()]
    return Record(name.encode(), post_bytes(a_post(words, name, created_ms)), headers)


def tombstone(offset: int | None, name: str = "n1") -> Record:
    return Record(name.encode(), None, [] if offset is None else [Read(0, offset).header()])


def texts_in(data: Path, **more: Any) -> DeliveryTexts:
    brokers = Brokers("nowhere:1", Layout("t.", mentions=1, entries=1, replication=1))
    more = {"names": NAMES} | more
    return DeliveryTexts(brokers, Written(), lambda: 0, data, **more)  # type: ignore[arg-type]


@pytest.fixture
def texts(tmp_path: Path) -> Iterator[DeliveryTexts]:
    found = texts_in(tmp_path)
    found.open()
    yield found
    found.close()


def words(texts: DeliveryTexts, name: str = "n1") -> str | None:
    found = texts.store.get([name])
    return found[name].text if name in found else None


# ---- the file


def test_the_file_is_its_owners_alone_and_goes_with_the_worker(tmp_path: Path) -> None:
    """Two workers on one data directory have a file each; closing twice, or before there is any, does no harm."""
    one, other, never = texts_in(tmp_path), texts_in(tmp_path), texts_in(tmp_path)
    never.close()
    one.open()
    other.open()
    one.store.put([a_post("one")])
    files = list((tmp_path / DIRECTORY).iterdir())
    assert len([path for path in files if path.suffix == ".db"]) == 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE((tmp_path / DIRECTORY).stat().st_mode) == 0o700
    one.close()
    one.close()
    assert words(other) is None
    other.store.put([a_post("other")])
    assert words(other) == "other"
    other.close()
    assert list((tmp_path / DIRECTORY).iterdir()) == []


def test_what_a_dead_worker_left_is_removed_and_what_a_living_one_has_is_not(tmp_path: Path) -> None:
    """A killed process leaves words on the disk until the next start, and no longer."""
    died = subprocess.run([sys.executable, "-c", DIES, str(tmp_path)], check=False)
    assert died.returncode == -signal.SIGKILL
    left = {path.name for path in tmp_path.iterdir()}
    assert len(left) >= 2
    living = OwnFile(tmp_path)
    assert not left & {path.name for path in tmp_path.iterdir()}
    store = TextStore(living.path)
    later = OwnFile(tmp_path)
    assert living.path.exists()
    store.close()
    later.close()
    living.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_cannot_be_written_to_is_said_plainly(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match=r"Permission denied.*delivery does not begin"):
        texts_in(tmp_path).open()


def test_a_file_where_the_directory_should_be_is_said_plainly(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(StoreError, match="Let `data` name a directory"):
        texts_in(tmp_path / "data").open()


async def test_a_disk_that_fails_costs_quotes_and_erases_later(
    texts: DeliveryTexts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is left unpaged for a text. What was to go goes when it can, and no words that were changed are quoted."""
    await texts._take({HOME: [text(1, "old"), text(2, "mine", "n2")]})

    def full(_: object) -> int:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(texts.store, "put", full)
        patch.setattr(texts.store, "erase_names", full)
        await texts._take({HOME: [text(3, "new"), tombstone(4, "n2")]})
    assert words(texts) == "old"
    await texts._take({HOME: [text(5, "third", "n3")]})
    assert (words(texts), words(texts, "n2"), words(texts, "n3")) == (None, None, "third")


# ---- bounds


async def test_the_newest_are_kept_and_the_oldest_go(tmp_path: Path) -> None:
    """By when they were written, whatever the order in which they came."""
    texts = texts_in(tmp_path, most=10)
    texts.open()
    for start in (20, 0, 40):
        await texts._take({HOME: [text(n, name=f"n{n}", created_ms=n) for n in range(start, start + 20)]})
    assert texts.store.count() == 10
    assert list(texts.store.get(f"n{n}" for n in range(60))) == [f"n{n}" for n in range(50, 60)]
    texts.close()


def test_a_note_keeps_no_space_of_posts_that_are_gone(tmp_path: Path) -> None:
    """A note as old as the file is still read, and the file is no larger for it."""
    store = TextStore(tmp_path / "texts.db", durable=False)
    digest = store.put_note("We called them back")
    sizes = []
    for n in range(30):
        store.put([a_post("x" * 2_000, f"n{n}-{m}", n) for m in range(300)])
        store.keep_newest(300)
        sizes.append(store.used_bytes())
    assert store.note(digest) == "We called them back"
    assert max(sizes[15:]) <= max(sizes[:15])
    assert store.erase_note(digest)
    store.close()
    assert b"called them" not in (tmp_path / "texts.db").read_bytes()


async def test_long_posts_are_bounded_by_the_size_of_the_file(
    texts: DeliveryTexts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tocsin.scaled.delivery_texts.MOST_BYTES", 4 << 20)
    monkeypatch.setattr("tocsin.scaled.delivery_texts.BOUND_EVERY", 100)
    for n in range(0, 6_000, 200):
        await texts._take({HOME: [text(m, "x" * 2_000, f"n{m}", created_ms=m) for m in range(n, n + 200)]})
    assert texts.store.used_bytes() < 7 << 20
    assert words(texts, "n5999") is not None
    assert words(texts, "n0") is None


# ---- order


@pytest.mark.parametrize("apart", [True, False])
async def test_a_text_that_comes_after_its_tombstone_but_is_older_is_refused(texts: DeliveryTexts, apart: bool) -> None:
    """A worker that stood still brings nothing back; the tombstone is written again, for compaction goes by order."""
    records = [text(5), tombstone(9), text(5)]
    for some in [[one] for one in records] if apart else [records]:
        await texts._take({HOME: some})
    assert words(texts) is None
    assert texts.late == 1
    writer: Written = texts._writer  # type: ignore[assignment]
    writer.away = True
    await texts._bury_again()
    writer.away = False
    await texts._bury_again()
    await texts._bury_again()
    (again,) = writer.records
    assert (again.key, again.value, read_of(again.headers)) == (b"n1", None, Read(0, 9))


async def test_a_tombstone_that_is_there_again_is_not_written_a_third_time(texts: DeliveryTexts) -> None:
    """One worker mends it for all."""
    await texts._take({HOME: [tombstone(9), text(5), tombstone(9)]})
    await texts._bury_again()
    assert texts._writer.records == []  # type: ignore[attr-defined]
    assert words(texts) is None


async def test_an_older_text_replaces_no_newer_one(texts: DeliveryTexts) -> None:
    """The same holds of an edit; what is as new is taken, for a step may be written twice."""
    await texts._take({HOME: [text(7, "edited"), text(5, "first")]})
    assert words(texts) == "edited"
    await texts._take({HOME: [text(7, "edited again")]})
    assert words(texts) == "edited again"


@pytest.mark.parametrize("apart", [True, False])
async def test_a_tombstone_and_then_a_newer_text_leave_the_text(texts: DeliveryTexts, apart: bool) -> None:
    """In one batch as in two; the same of a note."""
    digest, body = salted("We called")
    note = Record(digest.encode(), body, [NOTE])
    records = [text(5, "old"), tombstone(7), text(9, "new"), note, Record(digest.encode(), None), note]
    for some in [[one] for one in records] if apart else [records]:
        await texts._take({HOME: some})
    assert words(texts) == "new"
    assert texts.note(digest) == "We called"
    await texts._take({HOME: [note, Record(digest.encode(), None)]})
    assert texts.note(digest) is None


async def test_what_says_nothing_of_its_order_counts_as_it_comes(texts: DeliveryTexts) -> None:
    """Records of before, and of another partition of the log, are taken."""
    for newer in (text(None, "bare"), text(1, "elsewhere", partition=1)):
        await texts._take({HOME: [tombstone(9)]})
        await texts._take({HOME: [newer]})
        assert words(texts) is not None
    await texts._take({HOME: [tombstone(None)]})
    assert words(texts) is None


@pytest.mark.parametrize("value", [b"", b"3", b":", b"-1:4", b"3:x", b"\xff:1", b"1:" + b"9" * 5_000])
def test_a_header_that_is_not_ours_says_nothing(value: bytes) -> None:
    assert read_of([("read", value)]) is None
    assert read_of([("trace", b"1:1")]) is None


def test_a_number_of_names_is_remembered_and_the_oldest_forgotten() -> None:
    """Tombstones are not pushed out by texts, and an older one takes nothing back."""
    order = TextOrder(2)
    order.buried("gone", Read(0, 9))
    order.buried("gone", Read(0, 3))
    for n in range(5):
        order.written(f"n{n}", Read(0, 10))
    assert [order.is_late(f"n{n}", Read(0, 5)) for n in range(5)] == [False, False, False, True, True]
    assert order.is_late("gone", Read(0, 8))
    order.forget()
    assert not order.is_late("gone", Read(0, 8))


# ---- an author who is gone


def by(author: str, offset: int, name: str = "n1") -> Record:
    """A text by an author, written when so much had been read."""
    body = post_bytes(StoredPost(name=name, id=f"x:{name}", source="x", text="hello", created_ms=0, author=author))
    return Record(name.encode(), body, [Read(0, offset).header()])


def purge(author: str, offset: int) -> Record:
    voice = NAMES.voice("x", author)
    return Record(f"purge/{voice.hex()}/0".encode(), voice, [PURGE, Read(0, offset).header()])


def buried(texts: DeliveryTexts) -> set[bytes]:
    writer: Written = texts._writer  # type: ignore[assignment]
    return {one.key or b"" for one in writer.records if one.value is None}


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 0, 1, 2), (2, 1, 0, 3), (3, 2, 1, 0)])
@pytest.mark.parametrize("at_once", [False, True])
async def test_a_purge_takes_what_was_written_before_it_whatever_the_order(
    tmp_path: Path, order: Sequence[int], at_once: bool
) -> None:
    """Texts lie in many partitions, so a purge may be read before what it takes; the topic hears of each."""
    shown: list[str] = []
    texts = texts_in(tmp_path, erasing=lambda posts, _: shown.extend(one.name for one in posts))
    texts.open()
    records = [by("ann", 3), by("bob", 4, "n2"), by("ann", 9, "n3"), purge("ann", 7)]
    wanted = [records[number] for number in order]
    for some in [wanted] if at_once else [[one] for one in wanted]:
        await texts._take({HOME: some})
    await texts._bury_again()
    assert [words(texts, name) for name in ("n1", "n2", "n3")] == [None, "hello", "hello"]
    assert buried(texts) == {b"n1"}
    if order == (0, 1, 2, 3) and not at_once:
        assert set(shown) == {"n1"}, "who shows it is told"
    texts.close()


async def test_a_purge_takes_a_text_of_which_the_order_was_forgotten(texts: DeliveryTexts) -> None:
    await texts._take({HOME: [by("ann", 3)]})
    texts._order.forget()
    await texts._take({HOME: [purge("ann", 7)]})
    assert words(texts) is None
