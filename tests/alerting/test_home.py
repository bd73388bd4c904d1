"""How everything stands, said in words that are true and inert; the App Home is shown to whom it is for."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.asks import Asks
from alerting.delivery.clicks import Clicks, Malformed
from alerting.delivery.slack import slack_client
from alerting.delivery.slack_home import KEPT_FRESH, KEPT_FRESH_MS, Homes
from alerting.home import (
    BrandNow,
    Duty,
    Overview,
    Shown,
    card_url,
    hands_text,
    home_view,
    private,
    status_lines,
    who_lines,
)
from alerting.inert import units
from alerting.modals import REASONS, Unfit, Written, false_alarm_modal, note_modal, read_modal, said_modal
from alerting.quiet import Silence
from alerting.view import IncidentView, Paged
from tests.alerting.test_inert import ANY_TEXT, NASTY
from tests.fakes.slack import FakeSlack, active_parts
from tests.fakes.slack.views import view_faults

ODD = st.one_of(ANY_TEXT, NASTY)
BLIND = IncidentView(brand="Acme", incident="acme-blind-1", scenario="blind", severity="medium", opened_ms=0)
LOUD = IncidentView(brand="Acme", incident="acme-1", scenario="backlash", severity="high", opened_ms=0)


def now(*shown: IncidentView, **known: Any) -> Overview:
    """An overview of one brand."""
    return Overview(0, brands=(BrandNow("Acme", open=tuple(Shown(view) for view in shown)),), **known)


def test_a_brand_that_we_do_not_hear_is_never_called_calm() -> None:
    """Silence does not mean calm; nor is a brand of which nothing was heard yet."""
    assert status_lines(now())[1:] == ["Acme: calm", "No incident is open."]
    for lines in (status_lines(now(BLIND)), status_lines(Overview(0, brands=(BrandNow("Acme", listening=False),)))):
        assert "calm" not in lines[1].replace("does not mean calm", "")
    assert "Silence here does not mean calm." in status_lines(now(BLIND))[-1]


def test_what_is_said_says_how_late_it_is_and_what_is_on_its_way() -> None:
    """A status that is old looks like one that is new, unless it says so."""
    assert status_lines(now(late_s=75, undelivered=2))[0] == (
        "What is said here is 1 min 15 s behind. 2 pages are on their way."
    )
    assert status_lines(now())[0] == "Up to date."


@pytest.mark.parametrize(
    ("change", "hands"),
    [
        ({}, "nobody was paged"),
        ({"paged": (Paged("ana", 0),)}, "in nobody's hands"),
        ({"status": "acknowledged", "acked_by": "ana"}, "acknowledged by ana, owned by nobody"),
        ({"status": "acknowledged", "acked_by": "ana", "owner": "bram"}, "owned by bram"),
        ({"asks": Asks(awaits=("bram", "chloe"))}, "must still acknowledge: bram, chloe"),
    ],
)
def test_acknowledged_is_not_owned(change: dict[str, Any], hands: str) -> None:
    """Who saw it is not who has it."""
    fields = {name: getattr(LOUD, name) for name in LOUD.__struct_fields__}
    assert hands_text(IncidentView(**(fields | change))) == hands


def test_the_shadow_and_the_silences_are_seen() -> None:
    """Nobody should wonder why nobody is paged."""
    asked = Silence(id="s", brand="Acme", from_ms=0, until_ms=3_600_000, who="ana", reason="the shop <!here> moves")
    brand = BrandNow("Acme", shadow=True, silences=(asked,))
    assert status_lines(Overview(0, brands=(brand,)))[1] == (
        "Acme: calm; in the shadow: nobody is told; quiet about pages until 01:00 UTC (ana: the shop <!here> moves)"
    )


def test_who_is_on_call_is_said_with_who_is_next() -> None:
    duties = (Duty("pr_on_call", ("ana",), 7_200_000, ("bram",)), Duty("legal", ("chloe",)))
    assert who_lines(Overview(0, duties=duties)) == ["pr on call: ana until 02:00 UTC, then bram", "legal: chloe"]


@given(st.lists(st.tuples(ODD, ODD, ODD), min_size=1, max_size=30))
@settings(max_examples=40, deadline=None)
def test_whatever_names_hold_the_home_and_the_answers_are_whole_and_inert(names: list[tuple[str, str, str]]) -> None:
    """Within the limits of Slack for any number of brands, and nothing in them acts."""
    brands, duties = [], []
    for name, other, words in names:
        view = IncidentView(brand=name, incident=other, scenario=words, severity=words, opened_ms=0, owner=words)
        asked = Silence(id=other, brand=name, from_ms=0, until_ms=9, who=other, reason=words, scenario=words)
        brands.append(BrandNow(name, open=(Shown(view, "C1", "1.5"), Shown(BLIND)), silences=(asked,) * 4))
        duties.append(Duty(name, (other,) * 9, 5, (words,)))
    overview = Overview(0, brands=tuple(brands), duties=tuple(duties))
    home = home_view(overview, "https://acme.slack.com/")
    assert view_faults(home) == []
    assert set(active_parts(home)) == {"<https://acme.slack.com/archives/C1/p15>"}
    for lines in (status_lines(overview), who_lines(overview)):
        said = private(lines)
        assert active_parts(said) == []
        assert len(said["blocks"]) <= 50
        assert all(0 < units(block["text"]["text"]) <= 3000 for block in said["blocks"])


def test_a_card_is_linked_where_it_is_and_nowhere_else() -> None:
    assert card_url("https://acme.slack.com", "C1", "17.05") == "https://acme.slack.com/archives/C1/p1705"
    assert [
        card_url(*one) for one in (("", "C1", "1.5"), ("https://a.example", "", ""), ("javascript:x", "C", "1"))
    ] == [None] * 3


# ---- forms


def sent(view: dict[str, Any], reason: Any = None, words: Any = None) -> dict[str, Any]:
    """A form as Slack sends it back."""
    values = {
        "tocsin.reason": {"tocsin.reason": {"type": "static_select", "selected_option": reason and {"value": reason}}},
        "tocsin.words": {"tocsin.words": {"type": "plain_text_input", "value": words}},
    }
    return view | {"id": "V1", "state": {"values": values}}


@given(ODD, ODD)
@settings(max_examples=60, deadline=None)
def test_a_form_is_whole_and_inert_and_gives_back_what_was_written(incident: str, words: str) -> None:
    """Whatever an incident is called and whatever somebody writes."""
    for view in (false_alarm_modal(incident[:100]), note_modal(incident[:100]), said_modal(words)["view"]):
        assert view_faults(view) == []
        assert active_parts(view) == []
    words = words.encode("utf-8", "replace").decode()
    if incident and words.strip():
        assert read_modal(sent(note_modal(incident), words=words)) == Written("note", incident, words=words)
        found = read_modal(sent(false_alarm_modal(incident), "bots", words))
        assert found == Written("false_alarm", incident, "bots", words)


@pytest.mark.parametrize("reason", [None, "", "<!channel>", "because", 5])
def test_a_reason_that_is_not_of_the_list_is_asked_for_again(reason: Any) -> None:
    """What goes into the journal is a word of ours."""
    assert isinstance(read_modal(sent(false_alarm_modal("acme-1"), reason)), Unfit)
    assert "harmless" in REASONS


@pytest.mark.parametrize(
    "view",
    [
        {},
        {"callback_id": "other", "private_metadata": "x"},
        {"callback_id": 5},
        note_modal("x") | {"private_metadata": 5},
    ],
)
def test_a_form_of_somebody_else_is_no_act(view: dict[str, Any]) -> None:
    assert read_modal(view) is None


# ---- the Home, published


class Wall:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now_ms = 10 * KEPT_FRESH_MS

    def __call__(self) -> int:
        return self.now_ms


async def test_only_what_changed_is_published_and_only_for_those_who_looked_lately() -> None:
    """Nobody else costs a call; a busy hour stays within what Slack allows."""
    async with FakeSlack() as slack:
        shown, clock = [now()], Wall()
        people = {f"U{n}": "ana" for n in range(100, 170)}
        homes = Homes(
            slack_client("xoxb-fake", slack.base_url), Clicks(people, _never), lambda: shown[0], clock, apart_s=0
        )
        for user in people:
            await homes.opened(user, "T1")
        published = slack.api.views.published
        assert [user for user, _ in published] == list(people)
        await homes.refresh()
        assert len(published) == 70
        shown[0] = now(LOUD)
        await homes.refresh()
        assert [user for user, _ in published[70:]] == list(people)[-KEPT_FRESH:], "those who looked last"
        clock.now_ms += KEPT_FRESH_MS + 1
        shown[0] = now()
        await homes.refresh()
        assert len(published) == 70 + KEPT_FRESH


async def test_a_home_that_slack_refused_is_shown_at_the_next_look() -> None:
    """And a stranger who looks again and again costs one call an hour."""
    async with FakeSlack() as slack:
        client, clock = slack_client("xoxb-fake", slack.base_url), Wall()
        homes = Homes(client, Clicks({"U1": "ana"}, _never), now, clock, apart_s=0)
        fault = slack.faults.add("views.publish", "http_503")
        await homes.opened("U1", "T1")
        assert (fault.fired, homes.failed, slack.homes) == (1, 1, {})
        await homes.refresh()
        assert list(slack.homes) == ["U1"]
        for _ in range(5):
            await homes.opened("U2", "T1")
        assert [user for user, _ in slack.api.views.published] == ["U1", "U2"]
        assert "Acme" not in json.dumps(slack.homes["U2"])
        strange: list[dict[str, Any]] = [{"event": 5}, {"event": {"user": []}}, {"event_id": {}}]
        for odd in strange:
            with pytest.raises(Malformed):
                homes.take(odd)


async def _never(*_: Any) -> str:
    raise AssertionError("a Home changes nothing")
