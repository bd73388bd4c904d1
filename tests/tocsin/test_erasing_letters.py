"""Erasing one post: it goes from the dead letters too, however its rejected body spells the id."""

from pathlib import Path

import pytest

from stream.sources.dead_letters import DeadLetters
from tocsin.cli_erase import _lines
from tocsin.erase_directory import erase_directory, looked_for
from tocsin.erasing import Erase, Erased

THREE = Erase(id="1", mention="social:3")


def buried(data: Path, source: str, body: bytes) -> None:
    """One dead letter in a data directory."""
    dead = DeadLetters(data / "dead_letters.db")
    dead.add(source, "bad_time", "created_at: 'yesterday'", body, 1_000)
    dead.close()


@pytest.mark.parametrize(
    "body",
    [
        b'{"id": "3", "created_at": "yesterday", "text": "CANARY"}',
        b'{"text":"CANARY","id":3}',
        b'[{"id" : 2}, {"id" : 3, "text": "CANARY"',
        b'{"id": "social:3", "text": "CANARY"}',
    ],
)
def test_a_rejected_post_goes_by_its_id(tmp_path: Path, body: bytes) -> None:
    """With the source's name in front or without, a number or a string, cut short or whole."""
    buried(tmp_path, "social", body)
    assert looked_for(tmp_path, THREE).letters == 1
    assert looked_for(tmp_path, Erase(id="1", mention="3", source="social")).letters == 1
    assert erase_directory(tmp_path, THREE).letters == 1
    assert b"CANARY" not in b"".join(file.read_bytes() for file in tmp_path.iterdir() if file.is_file())


@pytest.mark.parametrize(
    ("source", "body"),
    [
        ("other", b'{"id": 3}'),
        ("social", b'{"id": 33}'),
        ("social", b'{"id": "3-b"}'),
        ("social", b'{"id": 4, "likes": 3, "parent_id": "3", "text": "3"}'),
    ],
)
def test_letters_of_other_posts_stay(tmp_path: Path, source: str, body: bytes) -> None:
    """Of another source, of an id that only begins like it, and with the same figure elsewhere."""
    buried(tmp_path, source, body)
    assert looked_for(tmp_path, THREE).letters == 0


def test_a_long_id_is_known_wherever_it_stands(tmp_path: Path) -> None:
    """A payload of a vendor may call it anything."""
    buried(tmp_path, "social", b'{"ticket": "https:\\/\\/forum.example\\/4711"}')
    assert looked_for(tmp_path, Erase(id="1", mention="social:https://forum.example/4711")).letters == 1


def test_one_is_told_as_one() -> None:
    """What went is counted as people count."""
    assert _lines(Erased(posts=1, records=1, letters=1, messages=1, beyond={"mail": 1}), None) == [
        "Would erase 1 text, 1 record as it came in, 1 dead letter.",
        "1 message in Slack may quote it: the service edits it as long as it runs.",
        "1 message by mail may quote it, and cannot be called back from here.",
    ]
    assert _lines(Erased(posts=2, notes=1, records=2, letters=3), None) == [
        "Would erase 2 texts, 1 note, 2 records as they came in, 3 dead letters."
    ]
