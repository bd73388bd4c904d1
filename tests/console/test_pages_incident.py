"""*Incident* is the card in full: what happened, why, how sure, who has it, what next. Read without any script."""

import json
import re
from pathlib import Path

import msgspec
import pytest

from alerting.flowchart import picture
from alerting.flowchart.load import load_chart
from alerting.view import ShownPost
from detectors.detector import Signal
from tests.console.reading import ANA, VIC, Element, read, renderer, shown
from tests.console.samples import AT_MS, MINUTE_MS, asking, crisis, crisis_view, figures
from tocsin.brand_now import Heard, Usual
from tocsin.console.acts import Told
from tocsin.console.doors import Visitor
from tocsin.console.seen_incident import IncidentSeen, NoticeSeen, WalkedSeen
from tocsin.console.statics import STATIC

CHART = Path(__file__).parents[2] / "crisis_flowchart.yaml"
LEGAL = Visitor(name="lea@example.org", role="responder", responder="legal", csrf="token-of-lea")
ACTS = ("acknowledge", "own", "note", "escalate", "severity", "resolve", "false_alarm")


def page(seen: IncidentSeen, visitor: Visitor = ANA, language: str = "en", **context: object) -> Element:
    return shown("incident.html", f"/incidents/{seen.view.incident}", visitor, language, incident=seen, **context)


def _acts(seen: Element) -> list[str]:
    found = [one.attributes["action"] for one in seen.named("form")]
    return [one.rpartition("/")[2] for one in found if one.startswith("/incidents/")]


def test_the_head_answers_what_why_how_sure_whose_and_what_next() -> None:
    head = page(crisis()).of("head")[0]
    words = head.text
    assert head.named("h1")[0].text == "Acme Bank: service outage"
    assert head.of("badge", "is-high")[0].text == "High"
    order = [
        "since 02:48 CET",
        "412 posts in the last hour where 35 are usual (11.8 times), 71% of them negative (usually 12%)",
        "Posts in the last hour 412 rising fast Expected 35 11.8 times Negative 71% usually 12%",
        "What stood out: 412 posts in 60 minutes (usually 35) · By chance about once in 3 months here",
        "In nobody's hands",
        "Paged, no answer yet: Ana de Vries",
        "Next: head_of_pr",
        "What to do now Find out from IT",
        "As found at 03:00 CET",
        "Acknowledge",
    ]
    places = [words.find(one) for one in order]
    assert -1 not in places, order[places.index(-1)]
    assert places == sorted(places)


def test_counts_of_less_than_an_hour_are_not_compared_with_one() -> None:
    """What is expected in an hour is left out where we had listened for less when it was counted."""
    seen = msgspec.structs.replace(crisis(), heard_ms=12 * MINUTE_MS)
    measures = page(seen).of("measures")[0].text
    assert "Expected – heard for 12 min only: too short to compare" in measures
    assert "Verwacht – pas 12 min gehoord" in page(seen, language="nl").of("measures")[0].text
    assert "where 35 are usual" not in page(seen).text


def test_what_was_found_says_when_and_beside_it_stands_how_it_is_at_this_moment() -> None:
    """Under a sign that says "live" no figure of a quarter of an hour ago may pass for one of now."""
    found = crisis(found_ms=AT_MS - 9 * MINUTE_MS, updated_ms=AT_MS - MINUTE_MS)
    head = page(msgspec.structs.replace(found, figures=figures("Acme Bank", loud=True))).of("head")[0].text
    assert "As found at 02:51 CET. At this moment: 118 posts in 5 minutes (usually 0 to 7), 70% negative" in head
    young = msgspec.structs.replace(figures("Acme Bank"), usual=Usual(), hour=Heard(3))
    head = page(msgspec.structs.replace(found, figures=young)).of("head")[0].text
    assert "At this moment: 2 posts in 5 minutes (what is usual is not known yet), – negative" in head
    assert "At this moment" not in page(found).of("head")[0].text
    over = msgspec.structs.replace(crisis(status="closed", found_ms=AT_MS), figures=figures("Acme Bank"))
    assert "At this moment" not in page(over).of("head")[0].text


def test_where_anger_tipped_the_balance_the_chart_of_posts_says_that_it_did_not() -> None:
    anger: dict[str, int | str] = {"people": 13, "usual_angry": 2}
    signal = Signal("negativity", 900, True, 650, 240, since_ms=AT_MS, window_ms=15 * MINUTE_MS, evidence=anger)
    for signals, is_said in ((signal,), True), ((signal, *crisis_view().signals), False):
        seen = page(crisis(signals=signals))
        assert ("Not the number of posts" in seen.text) is is_said
    assert "13 angry people in 15 minutes (usually 2)" in page(crisis(signals=(signal,))).of("head")[0].text
    assert "13 boze mensen in 15 minuten" in page(crisis(signals=(signal,)), language="nl").of("head")[0].text
    for copied in ("thread", "cluster"):
        spread = Signal("virality", 900, True, 30, 8, since_ms=AT_MS, window_ms=1, evidence={copied: "k"})
        assert "30 different people" in page(crisis(signals=(spread,))).of("head")[0].text


def test_what_comes_next_counts_down_from_its_own_instant() -> None:
    due = [int(one.attributes["data-due-ms"]) for one in page(crisis()).of("hands")[0].of("due")]
    assert due == [AT_MS + 3 * MINUTE_MS]
    assert "03:03 CET" in page(crisis()).of("hands")[0].text


def test_every_act_is_a_form_that_needs_no_script() -> None:
    seen = page(crisis())
    assert sorted(_acts(seen)) == sorted(ACTS)
    for form in seen.named("form"):
        if not form.attributes["action"].startswith("/incidents/"):
            continue
        fields = {one.attributes["name"]: one.attributes.get("value") for one in form.named("input")}
        assert form.attributes["method"] == "post"
        assert fields["csrf"] == ANA.csrf
        assert fields["back"] == f"/incidents/{crisis().view.incident}"
        assert form.attributes["hx-post"] == form.attributes["action"]
        assert form.named("button")


def test_every_field_to_fill_in_has_a_label() -> None:
    for seen in (page(crisis()), page(asking())):
        labels = {one.attributes["for"] for one in seen.named("label") if "for" in one.attributes}
        fields = [one for one in seen.named("select", "textarea", "input") if one.attributes.get("type") != "hidden"]
        assert fields
        assert all(one.attributes["id"] in labels for one in fields)


@pytest.mark.parametrize(
    ("changes", "first"),
    [
        ({}, ["acknowledge", "own"]),
        ({"status": "acknowledged", "acked_by": "ana", "next": None}, ["own", "escalate"]),
        ({"status": "acknowledged", "acked_by": "ana", "owner": "ana", "next": None}, ["escalate"]),
    ],
    ids=["open", "acknowledged", "owned"],
)
def test_what_is_offered_first_follows_how_it_stands(changes: dict[str, object], first: list[str]) -> None:
    assert _acts(page(crisis(**changes)).of("first")[0]) == first


def test_what_is_over_asks_only_whether_it_was_right() -> None:
    seen = page(crisis(status="closed", reason="resolved", acked_by="ana", next=None))
    assert "Over: it was called resolved. Nobody else is paged." in seen.text
    assert _acts(seen) == ["feedback", "feedback", "note"]
    assert "What to do now" not in seen.text


def test_one_who_may_only_look_is_told_so_and_offered_nothing() -> None:
    seen = page(asking(), VIC)
    assert _acts(seen) == []
    assert "You may look here" in seen.text


def test_one_who_is_no_responder_hears_it_before_pressing() -> None:
    ada = Visitor(name="ada", role="admin", csrf="t")
    assert "no responder of the flowchart" in page(crisis(), ada).text
    seen = page(crisis(), ada, responders=("ana",))
    assert [one.attributes["action"] for one in seen.of("become")] == ["/me"]


def test_the_posts_stand_with_who_wrote_them_where_and_a_link_to_the_web_alone() -> None:
    seen = page(crisis())
    post = seen.of("post")[0]
    assert "@consumentenbond · 310,220 followers · mastodon · 02:51 CET" in post.text
    link = post.of("outside")[0]
    assert link.attributes["href"] == "https://mastodon.example/@consumentenbond/1141"
    assert {"noopener", "noreferrer"} <= set(link.attributes["rel"].split())
    evil = ShownPost("x", "a", "javascript:alert(1)")
    assert not page(crisis(posts=(evil,))).of("post")[0].of("outside")


def test_the_chart_has_threshold_decision_and_the_same_figures_as_a_table() -> None:
    seen = page(crisis()).by_id("incident-chart")
    chart = json.loads(seen.of("plot")[0].attributes["data-chart"])
    assert [one["style"] for one in chart["series"]] == ["observed", "expected", "threshold"]
    assert chart["marks"][0] == {"at": (AT_MS - 12 * MINUTE_MS) // 1000, "name": "decided"}
    assert chart["zone"] == "Europe/Amsterdam"
    rows = [[cell.text for cell in row.named("td")] for row in seen.named("tbody")[0].named("tr")]
    assert len(rows) == len(chart["at"]) == 18
    assert rows[0] == ["02:55 CET", "118", "3", "10"]
    assert "now 118" in seen.of("plot")[0].attributes["aria-label"]


def test_the_walked_path_is_told_step_by_step_with_margins_and_what_time_brings() -> None:
    path = page(crisis()).of("path")[0]
    steps = [one.text for one in path.named("li")]
    assert "yes, by 312" in steps[2]
    assert "the next are paged, unless somebody acknowledges, then head_of_pr" in steps[-1]
    assert page(crisis()).text.count("The whole flowchart, with the walked path lit") == 1


def test_a_wait_for_something_counts_down_to_its_end_and_says_what_it_waits_for() -> None:
    seen = crisis()
    assert seen.walk is not None
    ends_ms = AT_MS + 29 * MINUTE_MS
    waits = {"ahead": "wait", "until": "acknowledged or mentions < 20", "next_who": (), "next_node": "has_it_grown"}
    walk = msgspec.structs.replace(seen.walk, due_ms=ends_ms, **waits)
    comes = page(msgspec.structs.replace(seen, walk=walk)).of("comes")[0]
    assert [one.attributes["data-due-ms"] for one in comes.of("due")] == [str(ends_ms)]
    assert comes.text.endswith(
        "the flowchart goes on, or as soon as acknowledged or mentions < 20 , then “Has it grown”"
    )
    endless = page(msgspec.structs.replace(seen, walk=msgspec.structs.replace(walk, due_ms=0))).of("comes")[0]
    assert endless.text == "The flowchart goes on as soon as acknowledged or mentions < 20 , then “Has it grown”"
    assert "Next: head_of_pr, at the earliest" in page(msgspec.structs.replace(seen, walk=walk)).of("hands")[0].text


def test_what_was_walked_before_it_grew_worse_stays_to_be_read() -> None:
    seen = crisis()
    before = WalkedSeen(AT_MS - 6 * MINUTE_MS, ("Has it many readers? no, by 40", "told webcare <b>"))
    shown_ = page(msgspec.structs.replace(seen, earlier=(before,)))
    assert "Walked anew from the beginning at 02:54 CET" in shown_.text
    assert [one.text for one in shown_.by_id("earlier").named("li")] == list(before.steps)
    assert [one.text for one in page(seen).of("path")[0].named("li")] == [
        one.text for one in shown_.of("path")[0].named("li")
    ]
    assert "Walked anew" not in page(seen).text


def test_each_person_stands_with_every_way_and_what_became_of_it() -> None:
    told = next(one for one in page(crisis()).of("card") if "Who was told" in one.text).text
    assert "Ana de Vries no answer yet" in told
    assert "slack: arrived" in told
    assert "phone: failed · 02:48 CET · busy" in told


def test_possibly_coordinated_has_its_two_figures_and_is_no_reason_to_look_away() -> None:
    words = page(asking()).text
    assert "Possibly coordinated 61% of the posts repeat a text of others; 49% are by accounts younger" in words
    assert "Possibly coordinated" not in page(crisis()).text


def test_a_statement_is_a_draft_until_it_is_approved_and_only_then_to_be_copied() -> None:
    seen = page(asking(), LEGAL)
    assert [one.text.startswith("Draft, not approved") for one in seen.of("draft")] == [True, True]
    approve = next(one for one in seen.named("form") if one.attributes["action"].endswith("/approve"))
    assert {one.attributes["name"]: one.attributes["value"] for one in approve.named("input")}["node"] == "first_words"
    copied = {one.attributes["data-copy"] for one in seen.all(lambda one: "data-copy" in one.attributes)}
    assert copied == {"approved-1-1", "approved-1-2"}
    assert "https://status.acme.example/" in seen.by_id("approved-1-2").text


def test_approved_words_stand_as_they_are_to_be_posted_paragraphs_and_all() -> None:
    asks = asking().view.asks
    written = "We are sorry.\n\nMore at  https://status.acme.example/\u202e."
    statement = msgspec.structs.replace(asks.approved[0].statement, texts=(("en", written),))
    approved = (msgspec.structs.replace(asks.approved[0], statement=statement),)
    seen = page(asking(asks=msgspec.structs.replace(asks, approved=approved))).by_id("approved-1-1")
    assert seen.inside == ["We are sorry.\n\nMore at  https://status.acme.example/."]


def test_words_that_cannot_be_read_are_not_to_be_approved() -> None:
    asks = asking().view.asks
    assert asks.statement is not None
    gone = msgspec.structs.replace(asks.statement, texts=(("en", ""), ("nl", "We weten het.")))
    seen = page(asking(asks=msgspec.structs.replace(asks, statement=gone, approved=())), LEGAL)
    assert "approve" not in _acts(seen)
    assert "The words cannot be shown" in seen.text


def test_whoever_was_told_besides_is_named_and_a_notice_is_no_alarm() -> None:
    told = (
        NoticeSeen(who="webcare_lead", name="Webcare lead (Bram)", at_ms=AT_MS - 9 * MINUTE_MS, what="told"),
        NoticeSeen(who="head", name="Head <of> PR", at_ms=AT_MS - MINUTE_MS, what="statement"),
    )
    seen = page(msgspec.structs.replace(crisis(paged=(), next=None), people=(), notified=told, hands="not_paged"))
    assert "Webcare lead (Bram) told at 02:51 CET" in seen.text
    assert "Head <of> PR got a statement to approve at 02:59 CET" in seen.text
    (hands,) = seen.of("hands")
    assert "Told, and nobody was paged" in hands.text
    assert not seen.of("hands", "nobody")
    alone = msgspec.structs.replace(crisis(paged=(), next=None), people=(), hands="not_paged")
    assert page(alone).of("hands", "nobody"), "where nobody was told at all, that is an alarm"


def test_what_the_flowchart_asks_of_some_is_offered_to_them_alone_and_all_read_who_they_are() -> None:
    """Nobody approves their own words: who wrote them finds no button that would be refused."""
    ana, legal, looker = (page(asking(), one) for one in (ANA, LEGAL, VIC))
    assert {"approve", "reply", "draft"} & set(_acts(ana)) == {"reply", "draft"}
    assert {"approve", "reply", "draft"} & set(_acts(legal)) == {"approve"}
    for seen in (ana, legal, looker):
        assert "approval by head_of_pr, legal, until 03:25 CET; nobody else may approve it" in seen.text


def test_what_all_are_sent_says_of_each_button_whose_it_is() -> None:
    """The page's script leaves out what is another's: by the names of the flowchart, however people are called."""
    seen = asking()
    assert seen.asks.statement is not None
    statement = msgspec.structs.replace(seen.asks.statement, may=("Hanna de Boer",))
    named = msgspec.structs.replace(seen.view, asks=msgspec.structs.replace(seen.asks, statement=statement))
    live = read(
        renderer().fragment(
            "incident_live.html", "en", may_act=True, incident=msgspec.structs.replace(seen, view=named)
        )
    )
    only = {
        form.attributes["action"].rpartition("/")[2]: json.loads(part.attributes["data-only"])
        for part in live.all(lambda one: "data-only" in one.attributes)
        for form in part.named("form")
    }
    assert only == {"reply": ["ana", "bram"], "approve": ["head_of_pr", "legal"], "draft": ["ana"]}
    assert page(seen).named("body")[0].attributes["data-responder"] == "ana"


def test_a_question_has_a_button_for_each_answer() -> None:
    replies = [one for one in page(asking()).named("form") if one.attributes["action"].endswith("/reply")]
    assert [one.text for one in replies] == ["Yes", "No", "Not sure"]
    fields = {one.attributes["name"]: one.attributes["value"] for one in replies[2].named("input")}
    assert (fields["node"], fields["choice"]) == ("is_it_true", "not_sure")


def test_promises_to_the_public_stand_with_how_they_are_kept() -> None:
    words = page(asking()).text
    assert "First response promised by 03:46 CET · in time" in words
    assert "Solution promised by 04:00 CET · most of the time has gone" in words


def test_what_became_of_an_act_is_said_where_the_page_is_shown_again() -> None:
    told = Told(id="x", said="Already acknowledged by bram.", counted=False)
    assert page(crisis(), told=told).by_id("told").text == "Already acknowledged by bram."


def test_blindness_has_no_chart_and_no_figures_of_a_crowd() -> None:
    deaf = crisis(scenario="blind", severity="medium", reason="source_silent", signals=(), posts=(), history=())
    seen = page(msgspec.structs.replace(deaf, series=None))
    assert "Silence here does not mean calm" in seen.text
    assert not seen.of("measures")
    assert not seen.of("chart")
    assert seen.of("at-blind")


def test_in_dutch_our_words_are_dutch_and_what_others_wrote_is_marked_as_english() -> None:
    seen = page(asking(), language="nl")
    words = seen.by_id("incident-live").text
    assert "Acme Bank: storing" in seen.of("head")[0].text
    assert "Opgepakt door ana" in words
    assert "Beloofd" not in words
    assert "Mogelijk gecoördineerd" in words
    for moment in seen.of("timeline")[0].named("li"):
        assert moment.named("span")[0].attributes["lang"] == "en"
    ours = seen.by_id("incident-live").named("dt", "h2", "button", "summary")
    assert not [one.text for one in ours if re.search(r"\b(Why|posts|Who|What|Acknowledge|More|Save|Copy)\b", one.text)]


def test_the_part_that_is_kept_live_holds_nobodys_token() -> None:
    live = renderer().fragment("incident_live.html", "en", may_act=True, incident=asking())
    assert ANA.csrf not in live
    assert live.count('name="csrf" value=""') == live.count("<form")
    assert "<form" not in renderer().fragment("incident_live.html", "en", may_act=False, incident=asking())


def test_every_id_of_a_page_is_there_once() -> None:
    for seen in (page(crisis()), page(asking())):
        ids = [one.attributes["id"] for one in seen.all(lambda one: "id" in one.attributes)]
        assert len(ids) == len(set(ids))


def test_whatever_comes_from_outside_is_text_and_no_markup() -> None:
    evil = "</textarea></script><svg onload=alert(1)>\u202e'\"{{7*7}}"
    post = ShownPost(evil, evil, "https://x.example/" + evil, evil)
    seen = page(crisis(posts=(post,), say=evil, why=evil, path=(evil,), advice=(evil,), incident=f"a-{evil}"))
    assert not [name for one in seen.all(lambda _: True) for name in one.attributes if name.startswith("on")]
    assert not [one for one in seen.named("svg") if "onload" in one.attributes]
    assert "\u202e" not in seen.by_id("incident-live").text
    assert seen.text.count("<svg onload=alert(1)>") >= 3


def test_the_drawing_stands_in_the_page_without_a_style_of_its_own_and_the_page_has_all_of_it() -> None:
    drawing = picture.svg(load_chart(CHART.read_text(), CHART.name), [])
    seen = shown(
        "incident_flowchart.html",
        "/incidents/x/flowchart",
        ANA,
        incident=crisis(),
        drawing=drawing,
        back="/incidents/x",
    )
    drawn = seen.of("drawing")[0]
    assert drawn.named("svg")
    assert not seen.named("style")
    style = re.search(r"<style>(.*?)</style>", drawing, re.DOTALL)
    assert style is not None
    css = (STATIC / "console.css").read_text()
    for name in set(re.findall(r"\.([a-z-]+)[{,]", style[1])):
        assert f".drawing .{name}" in css, name
    used = {
        kind for one in drawn.all(lambda one: "class" in one.attributes) for kind in one.attributes["class"].split()
    }
    assert used <= set(re.findall(r"\.drawing \.([a-z-]+)", css)) | {"stub"}


def test_a_view_without_anything_but_its_name_has_a_page() -> None:
    bare = crisis_view()
    bare = type(bare)(brand="a", incident="a-0", scenario="odd_thing", severity="low", opened_ms=AT_MS)
    seen = page(IncidentSeen(at_ms=AT_MS, late_s=0, view=bare, why="", hands="not_paged", is_open=True))
    assert "a: odd thing" in seen.text
    assert "Nobody was paged" in seen.text
    assert "No posts are kept of it" in seen.text


def test_no_field_hides_from_a_script_what_a_form_is_and_does() -> None:
    """A field called `form` or `action` stands where a script looks for the form's own."""
    own = {"form", "action", "method", "elements", "submit", "target", "closest", "matches", "children", "id"}
    for seen in (page(crisis()), page(asking())):
        for form in (one for one in seen.named("form") if "hx-post" in one.attributes):
            names = {one.attributes.get("name", "") for one in form.named("input", "select", "textarea", "button")}
            assert not names & own
