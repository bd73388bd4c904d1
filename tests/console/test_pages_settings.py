"""An administrator sees every setting, its line and whether its secret is there; and never a secret."""

from collections.abc import Iterator

import pytest

from tests.console.deployed import ANA, AT_MS, CONFIG, LOOKER, SECRET, Deployed, acted, deployed
from tests.console.reading import Element, read
from tocsin.console.audit import Act
from tocsin.console.seen_settings import GroupSeen, SettingSeen, groups_seen, without_secrets
from tocsin.console.settings_room import SettingsRoom
from tocsin.settings import Settings


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    with deployed(tmp_path_factory.mktemp("settings")) as found:
        acted(found.audit)
        yield found


def groups(place: Deployed) -> dict[str, GroupSeen]:
    environment = {"TULPA_SECRET": SECRET, "X_TOKEN": "  "}
    room = SettingsRoom(place.works.settings, place.works.clock, place.audit, environment)
    return {group.title: group for group in room.seen().groups}


def setting(group: GroupSeen, name: str) -> SettingSeen:
    return next(one for one in group.settings if one.name == name)


def page(place: Deployed, path: str = "/settings", language: str = "en") -> Element:
    answer = place.get(path, ANA, language)
    assert answer.status_code == 200
    assert SECRET not in answer.text
    return read(answer.text)


def test_it_is_for_administrators(place: Deployed) -> None:
    assert place.get("/settings", LOOKER).status_code == 403


def test_what_stands_in_the_file_is_shown_with_its_line(place: Deployed) -> None:
    own = groups(place)[""]
    assert setting(own, "timezone").value == "Europe/Amsterdam"
    assert setting(own, "timezone").line == 1
    limit = setting(groups(place)["sources · x"], "posts_a_month")
    assert (limit.value, limit.origin) == ("5000", "file")
    assert limit.line == next(n for n, line in enumerate(CONFIG.splitlines(), 1) if "posts_a_month" in line)


def test_what_does_not_stand_in_it_is_shown_with_its_default(place: Deployed) -> None:
    step = setting(groups(place)[""], "step")
    assert (step.value, step.origin, step.line) == ("5s", "default", 0)
    assert setting(groups(place)["retention"], "texts").value == "30d"


def test_every_setting_of_every_section_is_there(place: Deployed) -> None:
    """One that is added tomorrow is shown tomorrow."""
    shown = {one.name for group in groups(place).values() for one in group.settings}
    shown |= {part for title in groups(place) for part in title.split(" · ")}
    assert set(Settings.model_fields) <= shown


def test_of_a_secret_it_says_whether_it_is_there(place: Deployed) -> None:
    assert setting(groups(place)["sources · forum"], "secret_env").secret == "set"
    assert setting(groups(place)["sources · forum"], "secret_env").value == "TULPA_SECRET"
    assert setting(groups(place)["sources · x"], "bearer_token_env").secret == "not_set"  # blanks are none


def test_of_an_address_it_says_where_it_leads_and_no_more(place: Deployed) -> None:
    assert setting(groups(place)["sources · news"], "addresses").value == "https://feeds.example/…"
    assert without_secrets("https://hooks.example/services/T0/B0/key") == "https://hooks.example/…"
    assert without_secrets("https://[::1") == "…"


def test_defaults_alone_are_shown_too() -> None:
    found = groups_seen(Settings(), Settings().line_of, lambda _: False, lambda _: False)
    assert {one.origin for group in found for one in group.settings} == {"default"}


def test_the_trail_shows_who_did_what_and_what_was_refused(place: Deployed) -> None:
    rows = [row.text for row in page(place).of("trail")[0].named("li")]
    assert rows[0].startswith("12:19 CET looks@example.org password acknowledge : refused (may not)")
    assert rows[1] == "11:20 CET ana@example.org oidc sign in : done"


def test_an_older_trail_is_a_page_away(place: Deployed) -> None:
    for number in range(60):
        place.audit.add(Act(at_ms=AT_MS + number, who=f"person-{number}", how="token", what="export", outcome="done"))
    first = page(place)
    assert len(first.of("trail")[0].named("li")) == 50
    older = next(one.attributes["href"] for one in first.named("a") if one.text == "Older")
    second = page(place, older.partition("#")[0])
    assert "looks@example.org" in second.of("trail")[0].text
    for word in ("-1", "x", "9" * 40, "1%3Bdrop"):
        assert place.get(f"/settings?before={word}").status_code == 200


def test_files_that_belong_together_are_one_and_directories_are_summed(place: Deployed) -> None:
    drills = place.home / "data" / "drills" / "drill-a"
    drills.mkdir(parents=True, exist_ok=True)
    (drills / "journal.db").write_bytes(b"x" * 1000)
    seen = place.rooms.settings.seen()
    sizes = {store.name: store.bytes for store in seen.stores}
    assert sizes["drills/"] == 1000
    assert "journal.db" in sizes
    assert not [name for name in sizes if name.endswith(("-wal", "-shm"))]
    assert list(sizes.values()) == sorted(sizes.values(), reverse=True)


@pytest.mark.parametrize("language", ["en", "nl"])
def test_it_speaks_both_languages(place: Deployed, language: str) -> None:
    assert ("Logboek van handelingen" in page(place, "/settings", language).text) is (language == "nl")
