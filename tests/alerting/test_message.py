"""The card says what a person needs, and whatever the public wrote on it stays text."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import generate_latest

from alerting.decision import Decision, Reason, decision_line
from alerting.explain import Explanation, First, FreshWord, Tally, Voice
from alerting.facts import Facts
from alerting.inert import cells, units
from alerting.letter import form, letter_html, letter_text, summary
from alerting.message import card, page_card, sentence, terminal_card, thread_line, why_now
from alerting.naming import named_decision, named_view
from alerting.view import IncidentView, NextRung, Paged, ShownPost, answered, grown, unreached
from alerting.words import clock_text, reason_words, scenario_words, sparkline, trend_text
from detectors.detector import Signal
from tocsin.metrics import Metrics

OPENED_MS = 1_773_484_200_000  # 2026-03-14 11:30 in Amsterdam
FACTS = Facts(
    mentions=412,
    expected=35,
    volume_ratio_milli=11_770,
    negative_share_milli=640,
    usual_negative_share_milli=120,
    voices=289,
    texts=31,
    new_accounts=57,
    coordinated=True,
    repeated_share_milli=924,
    sources=("bluesky", "x"),
    issues=("outage",),
)
POSTS = (
    ShownPost("Third day without internet", "anna", "https://social.example/p/1", "bluesky", 12_000, OPENED_MS),
    ShownPost("<!channel> free money https://evil.example", "<@U1>", "javascript:alert(1)", "x", None, OPENED_MS),
    ShownPost("still down", "carl", "", "x", 3, OPENED_MS),
    ShownPost("a fourth", "dora"),
)


def view(**changes: Any) -> IncidentView:
    """An incident under way, with everything on its card."""
    shown = IncidentView(
        brand="Acme",
        incident="acme-1",
        scenario="service_outage",
        severity="high",
        reason="flowchart",
        opened_ms=OPENED_MS,
        facts=FACTS,
        expected=35,
        history=(3, 2, 4, 3, 2, 3, 3, 4, 2, 3, 3, 2, 5, 20, 60, 90, 120, 130),
        posts=POSTS,
        path=("Is it serious? yes (severity high)", "Is it big? yes (volume_ratio 11.8, asked 3.0: 8.8 above)"),
        paged=(Paged("pr_oncall", OPENED_MS),),
        next=NextRung(("head_of_pr",), OPENED_MS + 600_000),
        data_late_s=42,
        timezone="Europe/Amsterdam",
    )
    return msgspec.structs.replace(shown, **changes)


def texts(node: Any) -> list[dict[str, Any]]:
    """All text objects of some blocks."""
    if isinstance(node, list):
        return [text for child in node for text in texts(child)]
    if not isinstance(node, dict):
        return []
    own = [node] if node.get("type") in ("plain_text", "mrkdwn") else []
    return own + [text for child in node.values() for text in texts(child)]


def words(shown: IncidentView) -> str:
    """Everything that stands on the card."""
    return "\n".join(text["text"] for text in texts(card(shown).blocks))


def pressed(shown: IncidentView) -> list[str]:
    """Which buttons a card has."""
    actions = [block for block in card(shown).blocks if block["type"] == "actions"]
    return [e["action_id"] for block in actions for e in block["elements"]]


@pytest.mark.parametrize(
    "said",
    [
        "🟠 High · Acme · service outage",
        "412 posts in the last hour where 35 are usual (11.8 times), 64% of them negative (usually 12%)",
        "now 130, usually 2.9; rising fast",
        "▂▂▂▂▂▂▂▂▂▂▂▂▂▃▅▆██",
        "64% negative now; 12% before",
        "289 different people",
        "bluesky, x",
        "Possibly coordinated: 92% of the posts repeat a text of others, 14% are by accounts younger than 30 days",
        "Third day without internet",
        "@anna · 12,000 followers · bluesky · 11:30 CET",
        "volume_ratio 11.8, asked 3.0: 8.8 above",
        "Paged: pr_oncall at 11:30 CET",
        "Next: head_of_pr at 11:40 CET",
        "42 s behind",
    ],
)
def test_a_page_shows_what_it_must(said: str) -> None:
    """Brand, severity, why, observed and expected, trend, posts, voices, sentiment, path, people, lateness."""
    assert said in words(view())
    assert said in terminal_card(view(), 160)


def test_the_top_three_posts_are_shown_and_only_web_addresses_can_be_pressed() -> None:
    """The fourth post is left out; a script behind a link is shown, dead."""
    shown = card(view())
    links = [block["accessory"]["url"] for block in shown.blocks if "accessory" in block]
    assert links == ["https://social.example/p/1"]
    assert "a fourth" not in words(view())
    assert "javascript[:]alert(1)" in words(view())


def links_of(shown: IncidentView) -> list[str]:
    """What the buttons of a card lead to."""
    actions = [block for block in card(shown).blocks if block["type"] == "actions"]
    return [e["url"] for block in actions for e in block["elements"] if "url" in e]


CONSOLE = "https://tocsin.example.com/incidents/acme-1"


@pytest.mark.parametrize("over", [False, True])
def test_every_form_of_an_incident_leads_to_the_console(over: bool) -> None:
    """Beside the buttons while there are any, alone when it is over; in letters, in boxes, and for machines."""
    shown = view(explanation=Explanation(console_url=CONSOLE), status="closed" if over else "open")
    assert links_of(shown) == [CONSOLE]
    assert CONSOLE in json.dumps(page_card(shown, "Paged.").blocks)
    assert f"In the console: {CONSOLE}" in " ".join(terminal_card(shown, 160).split())
    assert f"In the console: {CONSOLE}" in letter_text(shown)
    assert letter_html(shown).count(f'<a href="{CONSOLE}">') == letter_html(shown).count("<a ") == 1
    assert form(shown)["console_url"] == CONSOLE


@pytest.mark.parametrize("url", ["", "javascript:alert(1)", "https://a@evil.example/incidents/acme-1"])
def test_without_an_address_of_a_console_nothing_leads_there(url: str) -> None:
    """What is no plain web address counts as none."""
    shown = view(explanation=Explanation(console_url=url))
    assert links_of(shown) == []
    assert "console" not in json.dumps(form(shown)) + letter_text(shown) + letter_html(shown) + terminal_card(shown)


def test_what_the_public_wrote_stands_in_plain_text_alone() -> None:
    """mrkdwn is read by Slack; nothing from outside is in it, and the fallback text is escaped."""
    hostile = "<!channel> <http://evil.example|bank.nl> *x*"
    shown = view(
        brand=hostile,
        scenario=hostile,
        severity=hostile,
        incident=hostile,
        why=hostile,
        posts=(ShownPost(hostile, hostile, hostile, hostile),),
        path=(hostile,),
        paged=(Paged(hostile, 0),),
        next=NextRung((hostile,), 0),
        facts=msgspec.structs.replace(FACTS, sources=(hostile,), issues=(hostile,), risks=(hostile,)),
    )
    made = card(shown)
    marked = [text["text"] for text in texts(made.blocks) if text["type"] == "mrkdwn"]
    assert len(marked) == 1
    assert "<" not in marked[0]
    assert "<" not in made.text
    assert "evil.example" not in words(shown) + made.text + terminal_card(shown)


@pytest.mark.parametrize(
    ("changes", "buttons"),
    [
        ({}, ["acknowledge", "own", "escalate", "false_alarm", "resolve", "note"]),
        ({"status": "acknowledged", "acked_by": "anna"}, ["own", "escalate", "false_alarm", "resolve", "note"]),
        ({"status": "acknowledged", "owner": "anna"}, ["escalate", "false_alarm", "resolve", "note"]),
        ({"status": "closed"}, []),
        ({"status": "reviewed"}, []),
        ({"incident": "x" * 3000}, []),
    ],
)
def test_only_buttons_that_still_make_sense_are_shown(changes: dict[str, Any], buttons: list[str]) -> None:
    """Nobody acknowledges twice, and a closed incident has nothing to press."""
    assert pressed(view(**changes)) == [f"tocsin.{name}" for name in buttons]


def test_closing_buttons_ask_again_and_every_button_names_its_incident() -> None:
    """A thumb on a phone does not close a crisis."""
    elements = next(block for block in card(view()).blocks if block["type"] == "actions")["elements"]
    assert {e["action_id"] for e in elements if "confirm" in e} == {"tocsin.false_alarm", "tocsin.resolve"}
    assert {e["value"] for e in elements} == {"acme-1"}
    assert elements[0]["style"] == "primary"


def test_what_to_do_who_is_next_and_the_buttons_come_before_the_evidence() -> None:
    """Whoever was woken reads ten lines of a phone: the rest is below them."""
    shown = view(say="Find out whether it is true; nobody denies anything before that")
    blocks = card(shown).blocks
    actions = next(place for place, block in enumerate(blocks) if block["type"] == "actions")
    above = [text["text"] for text in texts(blocks[:actions])]
    assert above[0].startswith("🟠 High")
    assert above[1].startswith("Acme: 412 posts")
    assert above[2] == "What to do now: Find out whether it is true; nobody denies anything before that"
    assert "Next: head_of_pr at 11:40 CET" in above[3]
    assert len("\n".join(above).splitlines()) <= 10
    assert not any("Third day without internet" in text for text in above)
    rows = terminal_card(shown, 160).splitlines()
    assert any("Next: head_of_pr" in row for row in rows[:10])
    assert any("What to do now: Find out" in row for row in rows[:5])


def test_what_to_do_is_said_wherever_somebody_is_told_and_no_more_once_it_is_over() -> None:
    """A page, a letter, a pager and a form carry it too."""
    shown, todo = view(say="Switch the campaign off"), "What to do now: Switch the campaign off"
    assert todo in [text["text"] for text in texts(page_card(shown, "Paged: ana.").blocks)]
    assert todo in letter_text(shown)
    assert todo in summary(shown)
    assert form(shown)["to_do"] == todo
    over = msgspec.structs.replace(shown, status="closed")
    assert todo not in words(over) + letter_text(over) + summary(over)


def test_what_to_do_is_what_was_said_last_until_it_opens_anew() -> None:
    """A rung without words of its own leaves those that were said before."""
    now = grown(None, decided("Page", 1, targets=("pr",)), "Find out whether it is true")
    now = grown(now, decided("Escalate", 2, targets=("head",)))
    assert now.say == "Find out whether it is true"
    now = grown(now, decided("Escalate", 3, targets=("head",)), "Take it over")
    assert now.say == "Take it over"
    again = grown(grown(now, decided("StandDown", 4, reason="calm")), decided("OpenIncident", 5, reason="flared_up"))
    assert again.say == ""


def test_people_are_shown_by_their_names() -> None:
    """Ids are for the flowchart and the journal."""
    called = {"pr_oncall": "Chloe Martin", "head_of_pr": "Head of PR (David Osei)", "ana": "Ana Silva"}
    shown = named_view(view(acked_by="", owner="ana"), lambda one: called.get(one, one))
    assert "Paged: Chloe Martin at 11:30 CET" in words(shown)
    assert "Next: Head of PR (David Osei) at 11:40 CET" in words(shown)
    assert "Owned by Ana Silva" in words(shown)
    told = named_decision(decided("StandDown", 1, reason="false_alarm", note="ana: it is a joke"), called.__getitem__)
    assert thread_line(told) == "Stood down, because it was called a false alarm (Ana Silva: it is a joke)."


def test_what_changed_names_nobody_as_changed() -> None:
    """The people of an update are those whom it concerns."""
    line = thread_line(decided("Update", 1, reason="severity_rose", targets=("executive", "legal")))
    assert line == "Changed, because it got worse. 🟠 High."


def test_a_drill_says_so_first_and_last() -> None:
    """In the header, in the fallback text and in the small print."""
    made = card(view(drill=True))
    assert made.blocks[0]["text"]["text"].startswith("DRILL · ")
    assert made.text.startswith("DRILL · ")
    assert "nothing of this is real" in words(view(drill=True))


def test_people_are_mentioned_only_where_asked() -> None:
    """The mention built from configured ids stands in the text and in one block of its own."""
    made = card(view(), "<@U1> <!subteam^S1>")
    assert made.text.startswith("<@U1> <!subteam^S1> ")
    assert [t["text"] for t in texts(made.blocks) if t["type"] == "mrkdwn" and "<" in t["text"]] == [
        "<@U1> <!subteam^S1>"
    ]


TEXT = st.text(alphabet=st.characters(), max_size=4000)
NAMES = st.lists(TEXT, max_size=15).map(tuple)
NUMBERS = st.integers(-(2**62), 2**62)
VIEWS = st.builds(
    IncidentView,
    brand=TEXT,
    incident=TEXT,
    scenario=TEXT,
    severity=TEXT,
    status=st.sampled_from(["open", "acknowledged", "contained", "closed"]),
    reason=st.sampled_from(sorted(reason_words)),
    why=TEXT,
    opened_ms=NUMBERS,
    facts=st.builds(
        Facts,
        mentions=NUMBERS,
        voices=NUMBERS,
        volume_ratio_milli=NUMBERS,
        sources=NAMES,
        coordinated=st.booleans(),
        risks=NAMES,
    ),
    history=st.lists(NUMBERS, max_size=60).map(tuple),
    posts=st.lists(
        st.builds(ShownPost, text=TEXT, author=TEXT, url=TEXT, source=TEXT, followers=NUMBERS), max_size=5
    ).map(tuple),
    path=NAMES,
    paged=st.lists(st.builds(Paged, who=TEXT, at_ms=NUMBERS), max_size=20).map(tuple),
    next=st.one_of(st.none(), st.builds(NextRung, who=NAMES, at_ms=NUMBERS)),
    acked_by=TEXT,
    owner=TEXT,
    timezone=TEXT,
    data_late_s=NUMBERS,
)


@given(VIEWS)
@settings(max_examples=60, deadline=None)
def test_the_limits_of_slack_hold_for_any_input(shown: IncidentView) -> None:
    """A card that Slack refuses is a page that nobody sees."""
    made = card(shown)
    json.dumps(made.blocks)
    assert len(made.blocks) <= 50
    assert 0 < units(made.text) <= 4000
    for block in made.blocks:
        if block["type"] == "header":
            assert units(block["text"]["text"]) <= 150
        assert len(block.get("fields", [])) <= 10
        assert len(block.get("elements", [])) <= 25
    for text in texts(made.blocks):
        assert 1 <= units(text["text"]) <= 3000
    for field in (f for block in made.blocks for f in block.get("fields", [])):
        assert units(field["text"]) <= 2000


@given(VIEWS, st.integers(24, 160))
@settings(max_examples=40, deadline=None)
def test_a_terminal_card_is_a_box_of_its_width_without_escapes(shown: IncidentView, width: int) -> None:
    """Whatever is in it, every row is as wide as the box."""
    rows = terminal_card(shown, width).split("\n")
    assert {cells(row) for row in rows} == {width}
    assert "\x1b" not in "".join(rows)


def decided(kind: Any, number: int = 1, **changes: Any) -> Decision:
    """A decision about the incident."""
    base: dict[str, Any] = {
        "key": f"acme-1/{number}/{kind}",
        "at_ms": OPENED_MS + number,
        "brand": "Acme",
        "kind": kind,
        "incident": "acme-1",
        "scenario": "backlash",
        "severity": "high",
        "reason": "flowchart",
    }
    return Decision(**(base | changes))


def test_a_view_follows_its_decisions() -> None:
    """Opened, paged, next rung, acknowledged by a human, stood down."""
    now = grown(None, decided("OpenIncident", reason="signals", note="two findings agree"))
    assert (now.status, now.why) == ("open", "two findings agree")
    now = grown(now, decided("Page", 2, targets=("pr_oncall",), next_targets=("head",), ack_by_ms=OPENED_MS + 9))
    assert now.paged == (Paged("pr_oncall", OPENED_MS + 2),)
    assert now.next == NextRung(("head",), OPENED_MS + 9)
    now = grown(now, decided("Escalate", 3, targets=("head",), reason="not_acknowledged"))
    assert [one.who for one in now.paged] == ["pr_oncall", "head"]
    assert now.next is None
    now = answered(now, "acknowledge", "head")
    assert (now.status, now.acked_by, [one.acked for one in now.paged]) == ("acknowledged", "head", [False, True])
    now = grown(now, decided("Update", 4, reason="acknowledged", note="somebody_else"))
    assert now.acked_by == "head"
    now = grown(now, decided("StandDown", 5, reason="calm"))
    assert (now.status, now.reason) == ("closed", "calm")
    assert answered(now, "own", "late") == now


def test_what_flares_up_again_belongs_to_nobody_yet() -> None:
    """The same card, open again, with everybody to be paged anew."""
    over = answered(answered(view(), "own", "pr_oncall"), "resolve", "pr_oncall")
    assert (over.status, over.owner) == ("closed", "pr_oncall")
    again = grown(over, decided("OpenIncident", 9, reason="flared_up"))
    assert (again.status, again.acked_by, again.owner, again.paged) == ("open", "", "", ())


def test_who_could_not_be_reached_is_said() -> None:
    """A page that failed is no page that was ignored."""
    assert "pr_oncall at 11:30 CET (could not be reached)" in words(unreached(view(), ("pr_oncall",)))


def test_every_reason_and_kind_has_words() -> None:
    """The same closed list reaches the card, the thread and the log."""
    reasons = Reason.__args__  # type: ignore[attr-defined]
    assert sorted(reason_words) == sorted(reasons)
    for kind in ("OpenIncident", "Page", "Notify", "Escalate", "Update", "StandDown", "NoPage"):
        for reason in reasons:
            line = thread_line(decided(kind, reason=reason, targets=("a",)))
            assert line.endswith(".")
            assert "\n" not in line


def test_a_line_of_the_story_is_inert() -> None:
    """Names of people and notes come from outside too."""
    line = thread_line(decided("Update", reason="owned", note="<!channel>\nhttps://evil.example"))
    assert line == "Owned by <!channel> hxxps://evil[.]example."


def test_blindness_is_told_as_blindness() -> None:
    """Silence of a source is no calm, and no crisis of the brand's."""
    feed = Signal("feed", 900, True, 0, 10, OPENED_MS - 600_000, 600_000, {"source": "bluesky", "state": "silent"})
    blind = view(scenario="blind", reason="source_silent", signals=(feed,), posts=(), history=())
    assert sentence(blind) == "Acme: we hear nothing from bluesky since 11:20 CET. Silence here does not mean calm."
    assert scenario_words["blind"] in words(blind)
    assert "negative" not in words(blind)


def test_charts_and_trends_at_their_edges() -> None:
    """No posts, one post, numbers that make no sense."""
    assert sparkline(()) == ""
    assert sparkline((0, 0)) == "▁▁"
    assert sparkline((-5, 1)) == "▁█"
    assert trend_text((1, 2)) == "too early to say"
    assert clock_text(2**70, "Europe/Amsterdam") == "an unknown time"


EXPLAINED = Explanation(
    words=(FreshWord("refund", 14, 5_000, ("n1",)), FreshWord("strike", 9, 4_000)),
    subjects=(FreshWord("data_breach", 6, 3_000),),
    first=First("n1", "@anna", OPENED_MS, "https://social.example/p/0"),
    busiest=(Voice("carl", 12),),
    loudest=(Voice("dora", 1, 41_000),),
    sources=(Tally("x", 30), Tally("bluesky", 10)),
    languages=(Tally("en", 40),),
    people=80,
)
SPREADING = Signal(
    "virality",
    900,
    True,
    30,
    8,
    since_ms=OPENED_MS,
    window_ms=3_600_000,
    evidence={"thread": "t", "next_hour": 40, "next_hour_low": 18, "next_hour_high": 95, "doubling_minutes": 12},
)


@pytest.mark.parametrize(
    "said",
    [
        "New subject: data breach (6 people) · New words: refund (14 people), strike (9)",
        "first said by @anna at 11:30 CET",
        "About 40 more posts in this conversation in the next hour (18 to 95) · by chance about once in 3 months here",
        "busiest @carl (12 posts); most followed @dora (41,000)",
        "x (75%), bluesky (25%) · en (100%)",
        "every post: tocsin mentions acme-1",
    ],
)
def test_a_page_says_why_now(said: str) -> None:
    """New words, the first mover, the next hour, chance, voices and sources: where Slack is and where it is not."""
    facts = msgspec.structs.replace(FACTS, chance_milli=333)
    shown = view(explanation=EXPLAINED, facts=facts, signals=(SPREADING,))
    assert said in words(shown)
    assert said in terminal_card(shown, 200)


def test_why_now_takes_two_lines_and_a_link_to_the_first_post() -> None:
    """A card is read in ten seconds; the first post is one press away."""
    shown = view(explanation=EXPLAINED, signals=(SPREADING,))
    assert len(why_now(shown)) == 2
    links = [block["accessory"] for block in card(shown).blocks if "accessory" in block]
    assert (links[0]["text"]["text"], links[0]["url"]) == ("Open first post", "https://social.example/p/0")
    assert len({link["action_id"] for link in links}) == len(links)
    assert len(card(shown).blocks) == len(card(view()).blocks) + 1
    assert why_now(view()) == []
    assert why_now(view(scenario="blind", explanation=EXPLAINED)) == []


def test_a_sample_speaks_of_shares() -> None:
    """A count of a sample would be a wrong number on the page."""
    sampled = msgspec.structs.replace(EXPLAINED, sampled=True, people=1_000)
    assert "refund (1% of people)" in words(view(explanation=sampled))
    assert "busiest @carl" not in words(view(explanation=sampled))


def test_hostile_words_stay_text() -> None:
    """What the public made of words, handles and source names."""
    hostile = "<!channel> http://evil.example\x1b[2J"
    found = Explanation(
        words=(FreshWord(hostile, 5, 3_000),),
        first=First("n", hostile, 0, "javascript:alert(1)"),
        busiest=(Voice(hostile, 5),),
        loudest=(Voice(hostile, 5, 7),),
        sources=(Tally(hostile, 3),),
        languages=(Tally(hostile, 3),),
    )
    shown = view(explanation=found)
    made = card(shown)
    everything = words(shown) + made.text + terminal_card(shown)
    assert "evil.example" not in everything
    assert "\x1b" not in everything
    assert not [text for text in texts(made.blocks) if text["type"] == "mrkdwn" and "<!" in text["text"]]
    assert not [block for block in made.blocks if "javascript" in str(block.get("accessory"))]


@pytest.mark.parametrize("reason", sorted(reason_words))
def test_every_reason_has_its_words_on_the_card_and_its_name_in_log_and_metric(reason: Reason) -> None:
    """One closed list, from the decision to whoever reads it."""
    decision = Decision(
        key="acme-1/1/Notify",
        at_ms=OPENED_MS,
        brand="acme",
        kind="Notify",
        incident="acme-1",
        scenario="backlash",
        severity="high",
        reason=reason,
        targets=("pr_oncall",),
    )
    shown = grown(None, decision)
    assert reason_words[reason] in words(shown)
    assert reason_words[reason] in terminal_card(shown, 160)
    assert decision_line(decision)["reason"] == reason
    metrics = Metrics()
    metrics.decided(decision)
    assert f'reason="{reason}"' in generate_latest(metrics.registry).decode()
