"""Nothing is kept for longer than was said, source by source, and nothing goes that is still needed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stream.codec import DAY_MS
from stream.sources.text_store import StoredPost
from tocsin.erase_directory import stores_of
from tocsin.erasing import Stores
from tocsin.retention import KeptFor, kept_for, trim
from tocsin.settings import load_settings

NOW_MS = 100 * DAY_MS


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    with stores_of(tmp_path) as opened:
        yield opened


def post(source: str, age_days: int) -> StoredPost:
    made_ms = NOW_MS - age_days * DAY_MS
    return StoredPost(
        name=f"{source}{age_days}", id=f"{source}:{age_days}", source=source, text="t", created_ms=made_ms
    )


def left(stores: Stores) -> set[str]:
    return {one.name for one in stores.texts.search(lambda _: True)}


def test_texts_go_by_their_age_and_those_of_a_source_by_its_own(stores: Stores) -> None:
    stores.texts.put([post(source, age) for source in ("x", "y") for age in (1, 5, 20, 40)])
    kept = KeptFor(30 * DAY_MS, 3 * DAY_MS, 30 * DAY_MS, {"y": 4 * DAY_MS})
    assert trim(stores, kept, NOW_MS, 1) == {"texts": 4}
    assert left(stores) == {"x1", "x5", "x20", "y1"}
    assert trim(stores, kept, NOW_MS, 1) == {}


def test_a_source_that_says_more_than_the_whole_file_gets_no_more(stores: Stores) -> None:
    stores.texts.put([post("y", 40)])
    trim(stores, KeptFor(30 * DAY_MS, 3 * DAY_MS, 30 * DAY_MS, {"y": 90 * DAY_MS}), NOW_MS, 1)
    assert left(stores) == set()


def test_what_came_in_goes_by_when_it_came_and_not_before_it_was_taken_in(stores: Stores, tmp_path: Path) -> None:
    for days in (5, 4, 1):
        stores.intake_log.append([("mention", "x", b"KANARIE %d" % days)], now_ms=NOW_MS - days * DAY_MS)
    stores.dead.add("x", "not_json", "why", b"KANARIE", NOW_MS - 31 * DAY_MS)
    kept = KeptFor(30 * DAY_MS, 3 * DAY_MS, 30 * DAY_MS)
    assert trim(stores, kept, NOW_MS, keep_from_offset=2) == {"records": 1, "letters": 1}
    assert trim(stores, kept, NOW_MS, keep_from_offset=4) == {"records": 1}
    assert [record.body for record in stores.intake_log.read(1, 9)] == [b"KANARIE 1"]
    assert not any(b"KANARIE" in path.read_bytes() for path in tmp_path.glob("dead*"))


def test_it_is_said_in_the_configuration(tmp_path: Path) -> None:
    config = tmp_path / "tocsin.yaml"
    config.write_text(
        "retention: {texts: 20d, raw: 2d, pages: 800d}\nsources:\n  - {name: x, secret_env: X_SECRET, retention: 7d}\n"
        "  - {name: y, secret_env: Y_SECRET}\n"
    )
    kept = KeptFor(20 * DAY_MS, 2 * DAY_MS, 30 * DAY_MS, {"x": 7 * DAY_MS}, 800 * DAY_MS)
    assert kept_for(load_settings(config, {})) == kept
