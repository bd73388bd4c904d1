"""Vendors, exports and mappings in a configuration, in the service, and as `tocsin sources preview` shows them."""

import io
import json
from pathlib import Path

import httpx
import pytest

from stream.codec import rfc3339
from stream.sources.brandwatch import Brandwatch
from stream.sources.talkwalker import Talkwalker
from stream.strict_yaml import YamlProblem
from tests.command import tocsin
from tests.tocsin.test_listening import until
from tests.tocsin.test_source_settings import loaded, refused
from tocsin.embedded import Service, wall_clock_ms
from tocsin.map_sections import read_map
from tocsin.settings import SettingsError, load_settings
from tocsin.sources import listened_to, made
from tocsin.sources_shown import _NoThreads

TOKEN, OLDER = "f3" * 16, "e2" * 16
MAP = """\
fields:
  created_at: {join: [Datum, Tijd]}
  text: [Titel, Bericht]
  author: auteur
zone: Europe/Amsterdam
"""
EXPORT = "Datum;Tijd;Auteur;Titel;Bericht\r\n3 mrt. 2026;14:05;Zoë;Balen;Het is stuk\r\ngisteren;14:05;an;;b\r\n"
CONFIG = """\
step: 1s
data: data
timezone: Europe/Amsterdam
brands: [{name: Acme, query: acme}]
sources:
  - {name: mw, type: meltwater, token_env: MELTWATER, older_token_env: OLDER}
  - name: drop
    type: files
    directory: exports
    every: 1s
    steady: 1s
    columns: {fields: {created_at: When, text: What}}
ingest: {listen: "127.0.0.1:0"}
"""


async def test_the_service_takes_a_vendors_posts_and_exports_from_a_directory(tmp_path: Path) -> None:
    """To the text store, by the brand's query; a wrong address is nobody's."""
    (tmp_path / "exports").mkdir()
    (tmp_path / "tocsin.yaml").write_text(CONFIG, encoding="utf-8")
    now = rfc3339(wall_clock_ms())
    rows = f"When;What\r\n{now};Acme broke in an export\r\n{now};nobody cares\r\n"
    (tmp_path / "exports" / "a.csv").write_text(rows, encoding="windows-1252")
    service = Service(
        load_settings(tmp_path / "tocsin.yaml", {"MELTWATER": TOKEN, "OLDER": OLDER}), terminal=io.StringIO()
    )
    await service.start()
    try:
        document = {"id": "d1", "published_date": now, "content": {"opening_text": "Acme broke"}}
        async with httpx.AsyncClient() as client:
            posted = await client.post(f"{service.base_url}/ingest/mw/{TOKEN}", json={"documents": [document, 7]})
            wrong = await client.post(f"{service.base_url}/ingest/mw/{TOKEN[:-1]}", json={"documents": [document]})
            older = await client.post(f"{service.base_url}/ingest/mw/{OLDER}", json={"documents": []})
            metrics = (await client.get(f"{service.base_url}/metrics")).text
        assert (posted.status_code, posted.json()) == (200, {"accepted": 1, "rejected": 1})
        assert (wrong.status_code, older.status_code) == (404, 200)
        assert TOKEN not in metrics
        await until(lambda: service.home.texts.count() == 2)
        name = service.home.names.mention("mw:d1")
        assert service.home.texts.get([name])[name].text == "Acme broke"
        assert service.home.dead.counts() == {("mw", "not_an_object"): 1}
        assert service.works.refused == {"unknown_path": 1}
        await until((tmp_path / "exports" / "done" / "a.csv").exists)
    finally:
        await service.stop()
    held = b"".join(path.read_bytes() for path in sorted((tmp_path / "data").rglob("*")) if path.is_file())
    assert TOKEN.encode() not in held
    assert b"Acme broke" in held


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("  - {name: mw, type: meltwater}\n", "source mw has no token; give exactly one of token_env, token_file"),
        ("  - {name: tw, type: talkwalker, collector: Acme!, token_env: TOKEN}\n", "collector"),
        ("  - {name: bw, type: brandwatch, project: 1, queries: [], token_env: TOKEN}\n", "queries"),
        ("  - {name: d, type: files, directory: x, columns: {fields: {text: a}}}\n", "`created_at` is missing"),
        (
            "  - {name: d, type: files, directory: x, columns: {fields: {text: a, created_at: b, txet: c}}}\n",
            "did you mean `text`",
        ),
        (
            "  - {name: d, type: files, directory: x, columns: {fields: {text: a, created_at: b}, encoding: ebc}}\n",
            "no encoding",
        ),
        ("  - {name: s, secret_env: SHARED, mapping: {fields: {text: {form: a}, created_at: b}}}\n", "`form`"),
    ],
)
def test_what_cannot_be_is_said_at_its_line(tmp_path: Path, text: str, said: str) -> None:
    """With what is allowed."""
    assert said in refused(tmp_path, text)


def test_a_token_that_could_be_guessed_is_refused_and_not_shown(tmp_path: Path) -> None:
    """Whoever knows it can post."""
    settings = loaded(tmp_path, "  - {name: mw, type: meltwater, token_env: MELTWATER}\n", MELTWATER="guessable-1")
    with pytest.raises(SettingsError, match="at least 32 characters") as said:
        settings.require_secrets()
    assert "guessable-1" not in str(said.value)


def test_each_vendor_is_made_with_what_its_section_says(tmp_path: Path) -> None:
    """And its secret shows nowhere."""
    text = (
        "  - {name: tw, type: talkwalker, collector: acme-1, token_env: TOKEN, credits_per_month: 5}\n"
        "  - {name: bw, type: brandwatch, project: 7, queries: [1, 2], token_env: TOKEN, requests: 10}\n"
    )
    from stream.sources.contract import Surroundings
    from tests.sources.test_talkwalker import Spent

    settings = loaded(tmp_path, text, TOKEN="a-token-of-a-vendor")
    around = Surroundings(lambda: 0, Spent(), _NoThreads())
    tw, bw = (made(settings, section, around) for section in listened_to(settings))
    assert isinstance(tw, Talkwalker)
    assert isinstance(bw, Brandwatch)
    assert tw._options.credits_per_month == 5
    assert (bw._options.queries, bw._options.requests) == ((1, 2), 10)
    assert "a-token-of-a-vendor" not in repr((settings, tw, bw))


def test_a_preview_shows_what_would_become_of_a_file(tmp_path: Path) -> None:
    """Encoding, columns, the first rows as stored, and what failed with its line; for people and for scripts."""
    path, map_file = tmp_path / "export.csv", tmp_path / "map.yaml"
    path.write_bytes(EXPORT.encode("windows-1252"))
    map_file.write_text(MAP)
    shown = tocsin("sources", "preview", path, "--map", map_file)
    assert shown.status == 1
    assert "columns, 5 of them, with ; between, in windows-1252" in shown.out
    assert 'Auteur -> author   as "Zoë"' in shown.out
    assert "1 of 2 rows can be taken" in shown.out
    assert "line 3: created_at: 'gisteren 14:05' is no time that can be read (bad_time)" in shown.out
    found = json.loads(tocsin("sources", "preview", path, "--map", map_file, "--json").out)
    row = found["first"][0]["row"]
    assert row.pop("id").startswith("row")
    assert row == {
        "created_at": "2026-03-03T13:05:00.000Z",
        "author": "Zoë",
        "text": "Balen\n\nHet is stuk",
        "live": False,
    }
    assert (found["rows"], found["good"], found["bad"], found["reasons"]) == (2, 1, 1, {"bad_time": 1})


def test_a_proposed_map_is_one_that_can_be_used(tmp_path: Path) -> None:
    """What is shown for `--map` gives the same rows, and is called unverified."""
    path, map_file = tmp_path / "export.csv", tmp_path / "map.yaml"
    path.write_bytes(EXPORT.encode("utf-8-sig"))
    proposed = json.loads(tocsin("sources", "preview", path, "--json").out)
    assert proposed["proposed"]
    shown = tocsin("sources", "preview", path).out
    assert "unverified" in shown
    lines = shown.split("`columns:` of a source:\n")[1].splitlines()
    map_file.write_text("\n".join(line[4:] for line in lines if line.startswith("    ") and "line " not in line))
    again = json.loads(tocsin("sources", "preview", path, "--map", map_file, "--json").out)
    assert again["first"] == proposed["first"]
    assert again["map"] == proposed["map"]


def test_a_payload_of_a_vendor_can_be_looked_at(tmp_path: Path) -> None:
    """Before the vendor posts it."""
    path = tmp_path / "payload.json"
    path.write_text('{"documents": [{"id": "1", "published_date": "2026-03-03T13:05:00Z", "title": "Oh"}, {}]}')
    ran = tocsin("sources", "preview", path, "--vendor", "meltwater", "--json")
    found = json.loads(ran.out)
    assert (ran.status, found["good"], found["reasons"]) == (1, 1, {"no_time": 1})
    assert found["first"][0]["row"]["text"] == "Oh"


def test_mistakes_are_answered_in_one_line(tmp_path: Path) -> None:
    """No traceback, exit status 2, and what would help."""
    path = tmp_path / "a.xlsx"
    path.write_bytes(b"PK\x03\x04")
    for arguments, said in (
        ((tmp_path / "none.csv",), "there is no such file"),
        ((path,), "save it as CSV"),
        ((path, "--vendor", "meltwter"), "did you mean `meltwater`"),
        ((path, "--zone", "Mars"), "no time zone"),
        ((path, "--map", tmp_path / "none.yaml"), "cannot be read"),
    ):
        ran = tocsin("sources", "preview", *arguments)
        assert (ran.status, len(ran.lines)) == (2, 1), ran
        assert said in ran.err


def test_a_map_that_is_wrong_is_named_with_its_line(tmp_path: Path) -> None:
    """As everything in a configuration is."""
    path = tmp_path / "map.yaml"
    path.write_text("fields:\n  created_at: {joyn: [Datum]}\n  text: Bericht\n")
    with pytest.raises(YamlProblem, match=r"map.yaml:2:\d+: .*joyn"):
        read_map(path)
