"""*Now* says in ten seconds what is open, in whose hands, and whether quiet means calm. Read without any script."""

import re

import msgspec
import pytest

from alerting.facts import BLIND
from tests.console import samples
from tests.console.reading import ADA, ANA, VIC, Element, renderer, shown
from tests.console.samples import AT_MS, MINUTE_MS, bad_night, calm_day, crisis_view, figures, line, listed, now
from tocsin.console.doors import Visitor
from tocsin.console.seen import Health, NowSeen

HOSTILE = "<img src=x onerror=alert(1)> \"'\u202e<!--{{7*7}}"


def page(seen: NowSeen, visitor: Visitor = ANA, language: str = "en", **context: object) -> Element:
    return shown("now.html", "/now", visitor, language, now=seen, **context)


def test_calm_looks_calm() -> None:
    seen = page(calm_day())
    assert seen.named("h1")[0].text == "All calm"
    assert len(seen.of("badge", "is-calm")) == 3
    assert not seen.of("incident")
    assert not seen.of("problem")
    assert "Up to date · 03:00 CET" in seen.text


@pytest.mark.parametrize("stands", ["blind", "not_listening", "learning"])
def test_what_is_not_heard_or_not_known_never_looks_calm(stands: str) -> None:
    """One such brand among calm ones is enough."""
    deaf = line("Initech", stands, shadow=False)  # type: ignore[arg-type]  # one of the words
    seen = page(now(line("Acme Bank"), deaf))
    assert "All calm" not in seen.text
    assert seen.named("h1")[0].text == "No open incident"
    brand = seen.of("brand")[1]
    assert "Initech" in brand.text
    assert not brand.of("is-calm")


def test_a_brand_that_is_blind_in_the_middle_of_trouble_says_both() -> None:
    one = line("Acme Bank", "trouble", listed(crisis_view()), is_blind=True)
    brand = page(now(one)).of("brand")[0]
    assert brand.of("is-high")
    assert brand.of("is-blind")


def test_blindness_is_told_with_its_source_and_since_when() -> None:
    told = page(bad_night()).of("blind-sources")[0].text
    assert "Initech: bluesky is silent" in told
    assert "02:22 CET" in told
    assert "Silence does not mean calm" in told


def test_open_incidents_come_first_with_hands_countdown_and_one_tap() -> None:
    seen = page(bad_night())
    first = seen.of("incident")[0]
    assert seen.named("h1")[0].text == "2 open incidents"
    assert "In nobody's hands" in first.text
    due = next(first.all(lambda one: "data-due-ms" in one.attributes))
    assert int(due.attributes["data-due-ms"]) == samples.AT_MS + 3 * samples.MINUTE_MS
    form = first.named("form")[0]
    assert form.attributes["action"].endswith("/acknowledge")
    assert form.attributes["method"] == "post"
    fields = {one.attributes["name"]: one.attributes["value"] for one in form.named("input")}
    assert fields["csrf"] == ANA.csrf
    assert fields["back"] == "/now"
    assert fields["once"]


def test_what_is_in_hand_is_not_offered_again() -> None:
    owned = page(bad_night()).of("incident")[1]
    assert "Owned by bram" in owned.text
    assert not owned.named("form")


def test_one_who_may_only_look_is_offered_nothing_to_press() -> None:
    actions = {one.attributes["action"] for one in page(bad_night(), VIC).named("form")}
    assert actions == {"/preferences", "/sign-out"}


def test_how_late_the_data_is_and_what_is_wrong_with_us_stand_before_everything() -> None:
    words = page(bad_night()).by_id("page").text
    assert words.index("Tocsin is not well") < words.index("2 min 20 s behind") < words.index("Acme Bank")
    assert "2 pages to people are on their way" in words
    assert "not well" not in page(calm_day()).text


def test_who_is_on_call_until_when_and_nobody_in_red() -> None:
    duty = page(calm_day()).of("beside")[0]
    assert "ana until 08:00 CET, then bram" in duty.text
    assert [one.text for one in duty.of("bad")] == ["nobody"]


def test_a_silence_says_who_asked_for_it_and_why() -> None:
    assert "Quiet about pages until 04:00 CET (bram: The new advert is on air tonight)" in page(bad_night()).text


@pytest.mark.parametrize(
    ("language", "said", "never"),
    [
        (
            "en",
            ("412 posts in the last hour, of which we have heard 12 min, 71%", "heard for 3 min only: too short"),
            ("35 are usual", "usually 0 to 7", "11.8 times"),
        ),
        (
            "nl",
            ("412 berichten in het laatste uur, waarvan we 12 min hebben gehoord, 71%", "pas 3 min gehoord: te kort"),
            ("35 gewoon", "gewoonlijk 0 tot 7", "11,8 keer"),
        ),
    ],
    ids=["en", "nl"],
)
def test_what_was_heard_for_less_than_it_counts_is_not_compared(
    language: str, said: tuple[str, ...], never: tuple[str, ...]
) -> None:
    """Just after the first start twelve minutes stand for themselves, and not against a whole hour."""
    short = {"listened_ms": AT_MS - 3 * MINUTE_MS, "recent_heard_ms": 3 * MINUTE_MS, "hour_heard_ms": 12 * MINUTE_MS}
    known = msgspec.structs.replace(figures("Acme Bank", loud=True), **short)
    shown_ = msgspec.structs.replace(listed(crisis_view()), heard_ms=12 * MINUTE_MS)
    seen = page(now(line("Acme Bank", "trouble", shown_, figures=known)), language=language)
    words = seen.text + " ".join(one.attributes.get("aria-label", "") for one in seen.named("svg"))
    assert [one for one in said if one not in words] == []
    assert [one for one in never if one in words] == []


def test_without_brands_the_page_says_where_they_are_declared() -> None:
    assert "tocsin.yaml" in page(now()).of("empty")[0].text
    assert "All calm" not in page(now()).text


def test_forty_incidents_are_all_there_each_under_its_own_id() -> None:
    many = now(*(line(f"Brand {n}", "trouble", listed(crisis_view(f"Brand {n}"))) for n in range(40)))
    seen = page(many)
    assert len(seen.of("incident")) == 40
    ids = [one.attributes["id"] for one in seen.all(lambda one: "id" in one.attributes)]
    assert len(ids) == len(set(ids))


def test_in_dutch_every_word_of_ours_is_dutch() -> None:
    words = page(bad_night(), language="nl").by_id("page").text
    assert "2 open incidenten" in words
    assert "berichten in het laatste uur waar 35 gewoon is (11,8 keer)" in words
    assert "Nog door niemand opgepakt" in words
    assert not re.search(r"\b(since|posts|usually|Owned|until|behind)\b", words)


def test_the_part_that_is_kept_live_is_that_of_the_page_and_holds_nobodys_token() -> None:
    seen = page(bad_night())
    live = renderer().fragment("now_live.html", "en", may_act=True, now=bad_night())
    assert ANA.csrf not in live
    assert live.replace('name="csrf" value=""', f'name="csrf" value="{ANA.csrf}"').count(ANA.csrf) == 1
    assert seen.by_id("now-live").attributes["data-title"] == "(2) Now · Tocsin"
    assert "/acknowledge" not in renderer().fragment("now_live.html", "en", may_act=False, now=bad_night())


def test_whatever_comes_from_outside_is_text_and_no_markup() -> None:
    view = crisis_view(HOSTILE, incident=f"x-{HOSTILE}", acked_by=HOSTILE, owner=HOSTILE, status="acknowledged")
    duty = msgspec.structs.replace(calm_day().duties[0], role=HOSTILE, now=(HOSTILE,))
    seen = now(
        line(HOSTILE, "trouble", listed(view)), duties=(duty,), health=Health(wrong=(HOSTILE,), troubles=(HOSTILE,))
    )
    read = page(seen, msgspec.structs.replace(ADA, name=HOSTILE))
    assert not read.named("img")
    assert not [name for one in read.all(lambda _: True) for name in one.attributes if name.startswith("on")]
    assert "49" not in read.by_id("now-live").of("incident")[0].named("h3")[0].text
    assert "\u202e" not in read.text
    assert read.text.count("<img src=x onerror=alert(1)>") >= 5


def test_a_page_needs_no_inline_script_and_no_inline_style() -> None:
    """The policy that it is served with allows neither."""
    for seen in (page(bad_night()), page(calm_day())):
        assert not list(seen.all(lambda one: "style" in one.attributes or one.name == "style"))
        assert all(not one.inside and one.attributes["src"].startswith("/static/") for one in seen.named("script"))


def test_a_person_on_a_console_without_accounts_says_who_they_are() -> None:
    seen = page(bad_night(), ADA, responders=("ana", "bram"))
    form = next(one for one in seen.named("form") if one.attributes["action"] == "/me")
    assert [one.attributes["value"] for one in form.named("option")] == ["", "ana", "bram"]


def test_blindness_alone_is_no_open_incident() -> None:
    """It is told as what it is: that we do not hear."""
    deaf = next(one for one in bad_night().open if one.view.scenario == BLIND)
    seen = page(now(line("Initech", "blind", deaf)))
    assert seen.named("h1")[0].text == "No open incident"
    assert not seen.of("incident")
    assert seen.of("blind-sources")
