"""A timeline and the figures of a review: from decisions, acts and reports, whatever the public wrote into them."""

import re

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.decision import Decision
from alerting.facts import BLIND, Facts
from alerting.review import Review, figures_of, inert_lines, markdown, marked, quoted, summary
from alerting.sla import Clock
from alerting.timeline import Act, Sending, Timeline, timeline
from alerting.view import ShownPost
from stream.codec import MINUTE_MS

BRAND = "Acme"
ID = "acme-600000"
T0 = 600_000
"""When it was noticed."""


def decision(kind: str, reason: str, at_ms: int, number: int, **more: object) -> Decision:
    """A decision about the incident."""
    given: dict[str, object] = {
        "key": f"{ID}/{number}/{kind}",
        "at_ms": at_ms,
        "brand": BRAND,
        "kind": kind,
        "incident": ID,
        "scenario": "backlash",
        "severity": "high",
        "reason": reason,
        "facts": Facts(mentions=90, expected=10, voices=70),
    }
    return Decision(**(given | more))  # type: ignore[arg-type]


OPENED = decision("OpenIncident", "signals", T0, 1)
PAGED = decision("Page", "flowchart", T0 + 5_000, 2, targets=("ana",), ack_by_ms=T0 + 5_000 + 10 * MINUTE_MS)
NEXT = decision("Escalate", "not_acknowledged", T0 + 605_000, 3, targets=("bram",))
CLOSED = decision("StandDown", "resolved", T0 + 30 * MINUTE_MS, 9, note="bram")
SENT = Sending(at_ms=T0 + 7_000, key=PAGED.key, way="slack", outcome="sent")
FAILED = Sending(at_ms=T0 + 6_000, key=PAGED.key, way="email", outcome="failed", detail="550 no such user")


def act(answer: str, at_ms: int, who: str = "ana", **more: str) -> Act:
    """What somebody did."""
    return Act(at_ms=at_ms, who=who, answer=answer, **more)


def told(*decisions: Decision, acts: tuple[Act, ...] = (), sendings: tuple[Sending, ...] = (), **more: int) -> Timeline:
    """A timeline of the incident."""
    return timeline(ID, decisions or (OPENED, PAGED, NEXT, CLOSED), acts=acts, sendings=sendings, **more)


def took(story: Timeline, **promises: int) -> dict[str, tuple[int | None, bool | None]]:
    """Each figure: how long, and whether its promise was kept."""
    return {one.name: (one.took_ms, one.kept) for one in figures_of(story, promises)}


def test_a_timeline_has_everything_in_its_order() -> None:
    acts = (act("acknowledge", T0 + 60_000), act("own", T0 + 90_000, "bram"), act("resolve", T0 + 1_799_000, "bram"))
    story = told(OPENED, PAGED, CLOSED, acts=acts, sendings=(FAILED, SENT), first_post_ms=T0 - 300_000)
    assert [one.kind for one in story.moments] == [
        *("posts", "noticed", "paged", "delivery", "delivery", "answer", "answer", "answer", "end"),
    ]
    assert [one.at_ms for one in story.moments] == sorted(one.at_ms for one in story.moments)
    words = [one.words for one in story.moments]
    assert words[3] == "By email to ana: failed (550 no such user)."
    assert words[4] == "By slack to ana: arrived, 2 s after it was decided."
    assert words[5] == "ana pressed Acknowledge."
    assert (story.paged, story.failed, story.acknowledged_by) == (("ana",), 1, "ana")


def test_people_are_spoken_of_by_their_names_and_known_by_their_ids() -> None:
    called = {"ana": "Ana Diaz", "bram": "Bram de Vries"}
    acts = (act("acknowledge", T0 + 60_000), act("acknowledge", T0 + 70_000, "bram"))
    story = timeline(ID, (OPENED, PAGED, CLOSED), acts=acts, sendings=(SENT,), name_of=lambda who: called.get(who, who))
    words = [one.words for one in story.moments if one.kind in ("paged", "delivery", "answer", "end")]
    assert "Ana Diaz" in words[0]
    assert words[1:4] == [
        "By slack to Ana Diaz: arrived, 2 s after it was decided.",
        "Ana Diaz pressed Acknowledge.",
        "Bram de Vries pressed Acknowledge; Ana Diaz had it already.",
    ]
    assert "Bram de Vries" in words[4]
    assert (story.paged, story.acknowledged_by) == (("ana",), "ana")
    found = summary(Review(timeline=story, figures=(), names=called))
    assert ("Woken", "Ana Diaz") in found
    assert ("Acknowledged by", "Ana Diaz") in found


def test_the_figures_are_differences_of_the_moments_that_they_name() -> None:
    acts = (act("acknowledge", T0 + 65_000), act("own", T0 + 125_000))
    story = told(OPENED, PAGED, CLOSED, acts=acts, sendings=(SENT,), first_post_ms=T0 - 300_000)
    assert took(story, high=5 * MINUTE_MS) == {
        "detect": (300_000, None),
        "page": (7_000, True),
        "acknowledge": (60_000, True),
        "own": (120_000, None),
        "statement": (None, None),
    }


def test_a_promise_is_missed_when_it_comes_too_late_or_never() -> None:
    late = told(acts=(act("acknowledge", T0 + 605_001),), sendings=(SENT,))
    assert took(late, high=6_000)["acknowledge"] == (600_001, False)
    assert took(late, high=6_000)["page"] == (7_000, False)
    never = told()
    assert took(never)["acknowledge"] == (None, False), "it ended, and nobody had it"
    waiting = told(OPENED, PAGED, until_ms=T0 + 60_000)
    assert took(waiting)["acknowledge"] == (None, None), "that may still be kept"
    overdue = told(OPENED, PAGED, until_ms=T0 + 700_000)
    assert took(overdue)["acknowledge"] == (None, False)


def test_who_was_not_woken_has_no_time_to_acknowledge() -> None:
    assert set(took(told(OPENED, CLOSED, first_post_ms=1))) == {"detect", "statement"}


def test_the_first_statement_is_the_first_of_an_answer_in_public_and_an_approval() -> None:
    kept = Clock("first_response", T0, T0 + 1, T0 + 20 * MINUTE_MS, kept_ms=T0 + 240_000)
    answered = decision("Update", "still_going", T0 + 300_000, 4, promises=(kept,))
    approved = decision("Update", "approved", T0 + 200_000, 5, action="approved")
    assert took(told(OPENED, PAGED, answered, CLOSED))["statement"] == (240_000, True)
    assert took(told(OPENED, PAGED, approved, answered, CLOSED))["statement"] == (200_000, True)


def test_blindness_that_fell_into_it_is_told_and_other_blindness_is_not() -> None:
    blind = {"incident": "acme-blind-1", "scenario": BLIND}
    deaf = decision("OpenIncident", "source_silent", T0 + 60_000, 1, **blind)
    back = decision("StandDown", "source_back", T0 + 120_000, 2, **blind)
    later = decision("OpenIncident", "source_silent", CLOSED.at_ms + 1, 3, **blind)
    story = told(OPENED, PAGED, deaf, back, CLOSED, later)
    assert [one.words for one in story.moments if one.kind == "blind"] == [
        "We were blind from here: a source we listen to went silent.",
        "We could hear again: the source is back.",
    ]


def test_who_came_second_is_told_so_and_an_escalation_opens_it_again() -> None:
    acts = (
        act("acknowledge", T0 + 10_000),
        act("acknowledge", T0 + 11_000, "bram"),
        act("escalate", T0 + 12_000),
        act("acknowledge", T0 + 13_000, "bram"),
    )
    words = [one.words for one in told(acts=acts).moments if one.kind == "answer"]
    assert words[1] == "bram pressed Acknowledge; ana had it already."
    assert words[3] == "bram pressed Acknowledge."
    back = decision("OpenIncident", "flared_up", T0 + 15_000, 10)
    words = [one.words for one in told(OPENED, PAGED, back, acts=(*acts, act("acknowledge", T0 + 20_000))).moments]
    assert words[-1] == "ana pressed Acknowledge.", "what came back is nobody's yet"


def test_a_note_is_told_once_and_messages_that_fared_alike_are_one_line() -> None:
    noted = decision("Update", "noted", T0 + 11_000, 4, note="ana")
    sent = [Sending(at_ms=T0 + 7_000 + n, key=PAGED.key, way="phone", outcome="sent") for n in range(3)]
    story = told(OPENED, PAGED, noted, acts=(act("note", T0 + 10_000, note="we rang them"),), sendings=(*sent, SENT))
    assert [one.words for one in story.moments if "note" in one.words.lower()] == ["ana wrote a note. “we rang them”"]
    assert [one.words for one in story.moments if one.kind == "delivery"] == [
        "By phone to ana: arrived, 2 s after it was decided; 3 messages.",
        "By slack to ana: arrived, 2 s after it was decided.",
    ]


HOSTILE = (
    "<script>alert(1)</script> ![x](http://evil.example/x.png) [bank](javascript:alert(1)) | a | b |\n# Title\n"
    "<img src=x onerror=alert(1)> @channel `code` **bold** \u202etxt.exe\u2066 \x1b[31mred &lt; https://evil.example\n"
    "> quote\n- item\n1. one\n***\n<https://evil.example>"
)


def review_of(text: str, author: str = "ann", url: str = "https://social.example/1") -> Review:
    """A review whose every free field holds the same."""
    acts = (act("own", T0 + 65_000, author, note=text, choice=text),)
    sent = Sending(at_ms=T0 + 6_000, key=PAGED.key, way=text, outcome="failed", detail=text)
    opened = decision("OpenIncident", "signals", T0, 1, brand=text, note=text)
    paged = decision("Page", "flowchart", T0 + 5_000, 2, targets=(text,), node=text, brand=text)
    story = timeline(ID, [opened, paged], acts=acts, sendings=[sent])
    post = quoted(ShownPost(text, author, url, "x", 5, T0), "UTC", T0)
    return Review(timeline=story, figures=figures_of(story, {}), posts=(post,), path=inert_lines([text]))


def test_hostile_text_is_inert_in_markdown() -> None:
    """No HTML, no link, no picture, no heading, no rule and no mention but our own."""
    written = markdown(review_of(HOSTILE, author=HOSTILE, url=f"https://social.example/1){HOSTILE}"))
    assert "<" not in written
    assert "@" not in written
    assert not re.search(r"(?<!\\)!\[", written)
    assert not re.search(r"(?<!\\)\]\((?!https://social\.example/)", written)
    assert "http://evil" not in written
    assert "https://evil" not in written
    headings = [line for line in written.splitlines() if line.startswith("#")]
    assert headings[1:] == [
        "## How long it took",
        "## What happened",
        "## The path through the flowchart",
        "## What people wrote",
    ]
    assert not {c for c in written if c != "\n" and (ord(c) < 32 or c in "\u202e\u2066\u200b")}


@settings(max_examples=150, deadline=None)
@given(st.text(st.sampled_from("<>[]()!*_`#|~-+=.1 \\&@:/\"'xn\n\t"), max_size=40))
def test_no_text_opens_a_link_a_tag_or_a_span_in_markdown(text: str) -> None:
    """Every character that could is escaped or is another one."""
    shown = marked(text)
    bare = re.sub(r"\\.", "", shown)
    assert not set(bare) & set("<>@[]*_`#|~!")
    assert "\n" not in shown
    assert not re.match(r"[-+=:]", bare) or shown.startswith("\\")


def test_a_link_is_only_where_it_is_safe_to_press() -> None:
    for url in ("javascript:alert(1)", "https://bank.nl@evil.example/", "data:text/html,x", "\x00https://a.example"):
        found = quoted(ShownPost("x", url=url), "UTC", T0)
        assert found.url == ""
    assert quoted(ShownPost("x", url="https://a.example/ <b>"), "UTC", T0).url == "https://a.example/%20%3Cb%3E"


def test_a_review_of_a_drill_says_so_first() -> None:
    drill = msgspec.structs.replace(review_of("x"), drill=True, speed=60)
    written = markdown(drill)
    assert written.startswith("# DRILL · ")
    assert "**DRILL: nothing of this was real.**" in written
    assert "60 times the speed of the clock" in written
