"""On a Dutch page what happened, the walked path and the reasons are Dutch, but for what people wrote themselves."""

import re
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from alerting import words
from alerting.assessment import SEVERITY_TABLE, scenario_of
from alerting.decision import Decision, DecisionKind, Reason
from alerting.facts import BLIND, Facts
from alerting.timeline import ARRIVED, DID, Act, Says, Sending, timeline
from detectors.detector import Signal
from tests.console.reading import Element, shown
from tests.console.samples import AT_MS, MINUTE_MS, crisis, crisis_view
from tocsin.acts_told import ERASED_NOTE
from tocsin.console import dutch_path, dutch_story
from tocsin.console.dutch_story import Dutch
from tocsin.console.seen_incident import IncidentSeen, StepSeen, WalkedSeen

OWN = ("Is dit waar?", "ana", "bram", "Legal", "slack", "wake_ana", "crisis-room", "holding statement", "Tulpatel")
ENGLISH = re.compile(
    r"\b(the|because|nobody|somebody|acknowledged|paged|told|posts?|usual(ly)?|after|decided|waits|until|asked|by)\b",
    re.IGNORECASE,
)
"""Words that stand in some sentence of each kind in English, and in no Dutch one."""
ALERTING = Path(words.__file__).parent
STEP = re.compile(r"(?:\.step|\._climb|last_resort|Stuck)\(\s*(?:incident, )?(f?)\"((?:[^\"\\]|\\.)*)\"", re.DOTALL)


def decided(number: int, kind: str, reason: str, **changes: Any) -> Decision:
    """A decision about one incident."""
    base = {"key": f"a-1/{number}/{kind}", "at_ms": AT_MS + number, "brand": "Tulpatel", "kind": kind, "reason": reason}
    base |= {"incident": "a-1", "scenario": "service_outage", "severity": "high", "targets": ["ana", "bram"]}
    return msgspec.convert(base | changes, Decision)


def every_decision() -> list[Decision]:
    """Each kind for each reason, and whatever a step of a flowchart asks for."""
    facts = crisis_view().facts
    volume = Signal("volume", 905, True, 412, 35, since_ms=AT_MS - 14 * MINUTE_MS, window_ms=3_600_000)
    first = decided(0, "OpenIncident", "signals")
    found = [msgspec.structs.replace(first, facts=facts, signals=(volume,))]
    pairs = [(kind, reason) for kind in get_args(DecisionKind) if kind != "OpenIncident" for reason in get_args(Reason)]
    found += [
        decided(n + 1, kind, reason, note="ana", node="wake_ana", shadow=n % 3 == 0)
        for n, (kind, reason) in enumerate(pairs)
        if reason not in ("answered", "acknowledged_in_part", "drafted")
    ]
    asked = {"node": "n", "words": "Is dit waar?", "may": ["Legal"]}
    for action in ("approved", "statement", "ask", "open_channel", "mobilise", "brief"):
        found.append(decided(len(pairs) + len(found), "Notify", "flowchart", action=action, asked=asked, note="ana"))
    for reason in ("answered", "acknowledged_in_part", "drafted"):
        more = {"action": "ask" if reason == "answered" else "", "asked": asked, "awaits": ["bram"], "note": "ana"}
        found.append(decided(len(pairs) + len(found), "Update", reason, **more))
    found.append(decided(len(pairs) + len(found), "OpenIncident", "flared_up"))
    blind = {"incident": f"a-{BLIND}-1", "scenario": BLIND}
    found.append(decided(len(pairs) + len(found), "OpenIncident", "source_silent", **blind))
    found.append(decided(len(pairs) + len(found), "StandDown", "source_back", **blind))
    return found


def every_act() -> list[Act]:
    """Each press, twice: whoever comes second is told who has it."""
    return [
        Act(at_ms=AT_MS + n, who="bram", answer=answer, choice="yes" if answer == "reply" else "", severity=severity)
        for n, (answer, severity) in enumerate([(one, "high" if one == "severity" else "") for one in (*DID, *DID)])
    ]


def every_sending() -> list[Sending]:
    """Each outcome; two messages that fared alike are one line."""
    key = decided(1, "Page", "flowchart").key
    made = [Sending(at_ms=AT_MS + 90_000, key=key, way="slack", outcome=one, detail="") for one in (*ARRIVED, "sent")]
    return [*made, Sending(at_ms=AT_MS + 99_000, key=key, way="slack", outcome="failed", who=("ana",), detail="x")]


def told(says: Says | None) -> list[str]:
    """The whole story, line by line."""
    own = [msgspec.structs.replace(one, key="a-1/1/Page") if one.kind == "Page" else one for one in every_decision()]
    story = timeline(
        "a-1",
        own,
        acts=every_act(),
        sendings=every_sending(),
        first_post_ms=AT_MS - 9,
        until_ms=AT_MS + 9_999,
        says=says,
    )
    return [one.words for one in story.moments]


def test_every_line_of_a_story_is_told_in_dutch_and_in_the_same_order() -> None:
    """No line is left in English, and none says less: each has the names and numbers of the English one."""
    english, in_dutch = told(None), told(Dutch())
    assert len(english) == len(in_dutch) > 150
    left = [line for line in in_dutch if ENGLISH.search(line)]
    assert left == []
    assert sum(bool(ENGLISH.search(line)) for line in english) > 0.9 * len(english), "the same look would find them"
    for one, other in zip(english, in_dutch, strict=True):
        assert [name for name in OWN if _names(one, name) != _names(other, name)] == [], (one, other)
        assert re.findall(r"\d", one) == re.findall(r"\d", other), (one, other)


def _names(line: str, name: str) -> bool:
    return re.search(rf"\b{re.escape(name)}", line) is not None


def test_each_closed_list_of_words_has_its_dutch() -> None:
    assert set(dutch_story.KINDS) == set(get_args(DecisionKind))
    assert set(dutch_story.DID) == set(DID)
    assert set(dutch_story.ARRIVED) == set(ARRIVED)
    ours = {row.words for row in SEVERITY_TABLE}
    ours |= {
        scenario_of({}, Facts(**facts))[1]
        for facts in ({"risks": ("data_breach",)}, {"issues": ("outage",)}, {"issues": ("campaign",)}, {})
    }
    assert ours < set(dutch_path.WHY)


def test_what_was_erased_is_said_to_be_so_and_what_was_written_stays() -> None:
    says = Dutch()
    act = Act(at_ms=0, who="ana", answer="note", note="We weten het <b>")
    assert says.did(act, "") == "ana schreef een notitie. “We weten het <b>”"
    assert "gewist" in says.did(msgspec.structs.replace(act, note=ERASED_NOTE), "")
    hostile = msgspec.structs.replace(act, who="\u202eana\n", note="\x1b[31m")
    assert says.did(hostile, "").isprintable()


# ---- the path


FILLED = {
    "node.question": "Is dit waar?", "asking.ask": "Is dit waar?", "node.ask": "Is dit waar?",
    "node.because": "Te stil", "node.call": "sub_1",
    "node.at_most": "3", "done": "2", "done + 1": "2", "given": "yes", "choice": "yes",
    "who": "ana", "act.who": "ana", "missing": "nobody acknowledged", "within": "15m", "words": "mentions 3 >= 2 (+1)",
    "limit": "up to 2h", "until.text": "mentions < 20", "node.open_channel": "crisis-room", "entry": "rumour",
    "vain": "", "offered.statement": "holding_1", "node.statement": "holding_1",
}  # fmt: skip


def steps() -> list[str]:
    """Every step that our own code can write, read from where it is written and filled as it would be."""
    found = []
    for file in ("flowchart/walk.py", "flowchart/walker.py", "escalation.py"):
        for _, text in STEP.findall((ALERTING / file).read_text()):
            filled = re.sub(r"\{('yes' if holds else 'no')\}", "no", text)
            filled = re.sub(r"\{(', '\.join\([^}]*\)|self\._who\([^}]*\))\}", "ana, bram", filled)
            filled = re.sub(r"\{self\.figures\([^}]*\)\}", "mentions 3 >= 2 (+1)", filled)
            filled = re.sub(r"\{duration_text\([^}]*\)\}", "90s", filled)
            found.append(re.sub(r"\{([^}]*)\}", lambda place: FILLED[place[1]], filled))
    return found


def test_every_step_that_we_write_has_its_dutch() -> None:
    """A new step that is written without one fails here, on its first day."""
    written = steps()
    assert len(written) > 25
    left = [one for one in written if dutch_path.walked("nl", one) == one]
    assert left == []
    assert [said for one in written if ENGLISH.search(said := dutch_path.walked("nl", one))] == []
    assert all(dutch_path.walked("en", one) == one for one in written)


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("Is it an outage? yes: mentions 412 >= 100 (+312)", "Is it an outage? ja: mentions 412 >= 100 (+312)"),
        ("told pr_on_call (ana): already acknowledged, so nobody is woken",
         "pr_on_call (ana) ingelicht: al bevestigd, dus niemand wordt opgeroepen"),
        ("waits up to 15m until acknowledged", "wacht hooguit 15 min, tot acknowledged"),
        ("nobody is on call for desk, and nobody comes after them: the last resort is told",
         "niemand heeft dienst voor desk, en na hen komt niemand: het laatste redmiddel krijgt bericht"),
        ("Somebody has it, and the board knows.", "Somebody has it, and the board knows."),
        ("{who} {0} %s", "{who} {0} %s"),
    ],
    ids=["question", "told", "wait", "resort", "the-flowcharts-own", "braces"],
)  # fmt: skip
def test_what_the_flowchart_wrote_stays_as_it_is(step: str, said: str) -> None:
    assert dutch_path.walked("nl", step) == said


# ---- on the page


def page(seen: IncidentSeen, language: str) -> Element:
    return shown("incident.html", f"/incidents/{seen.view.incident}", language=language, incident=seen)


def test_a_dutch_page_marks_no_word_as_english_that_is_none() -> None:
    """The path has no mark, for its words are the flowchart's; the story has one where only English is known."""
    seen = crisis()
    assert seen.walk is not None
    walk = msgspec.structs.replace(seen.walk, steps=(StepSeen("a", AT_MS, "paged pr_on_call (ana)"),))
    earlier = (WalkedSeen(AT_MS, ("nobody acknowledged in 10m",)),)
    in_dutch = tuple(msgspec.structs.replace(one, words="Opgeroepen: ana.") for one in seen.moments)
    view = msgspec.structs.replace(seen.view, why="posts speak of an outage; as the board wants it")
    known = msgspec.structs.replace(seen, walk=walk, earlier=earlier, in_dutch=in_dutch, view=view)
    read_page = page(known, "nl")
    assert "pr_on_call (ana) opgeroepen" in read_page.of("path")[0].text
    assert "niemand bevestigde binnen 10 min" in read_page.by_id("earlier").text
    assert {one.text for one in read_page.of("timeline")[0].named("span")} == {"Opgeroepen: ana."}
    assert "berichten gaan over een storing; as the board wants it" in read_page.text
    marked = [one.text for one in read_page.named("main")[0].all(lambda one: one.attributes.get("lang") == "en")]
    assert marked == ["busy"], "what a provider of telephony says"
    unknown = page(msgspec.structs.replace(known, in_dutch=()), "nl")
    assert {one.attributes.get("lang") for one in unknown.of("timeline")[0].named("span")} == {"en"}
    assert "Paged: ana" in page(known, "en").of("timeline")[0].text
