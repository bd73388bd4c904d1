"""*Incidents* lists all of them: by brand, state, severity and month, a page at a time, to whoever may see them."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest
from starlette.requests import Request
from starlette.responses import Response

from alerting.decision import Decision
from stream.codec import DAY_MS
from tests.console.reading import ANA, Element, read, renderer
from tests.console.samples import AT_MS, MINUTE_MS, ZONE, crisis_view
from tests.console.test_api import LATEST, OTHER, opening
from tests.console.test_stories import Written
from tocsin.console.courses import Courses
from tocsin.console.doors import Visitor
from tocsin.console.pages import incidents
from tocsin.console.seen_incident import IncidentLine, line_of
from tocsin.console.seen_incidents import Wanted, cursor_of, incidents_seen
from tocsin.console.wording import load
from tocsin.entry import Mark

HOSTILE = "<img src=x onerror=alert(1)> \"'\u202e<!--{{7*7}}"
ZOE = Visitor(name="zoe@example.org", role="viewer", brands=("Globex",), csrf="token-of-zoe")
BRANDS = ("Acme Bank", "Globex")


def line(brand: str, days: int, /, **changes: Any) -> IncidentLine:
    """An incident that was noticed so many days ago; closed, unless it is said otherwise."""
    view = crisis_view(brand, status="closed", reason="resolved", acked_by="Ana Diaz", owner="Ana Diaz", next=None)
    opened_ms = AT_MS - days * DAY_MS
    view = msgspec.structs.replace(view, incident=f"{brand[:4].lower()}-{opened_ms}", opened_ms=opened_ms)
    made = line_of(view, ended_ms=opened_ms + 50 * MINUTE_MS)
    return msgspec.structs.replace(made, timezone=ZONE, **changes)


def still_open(brand: str, /, **changes: Any) -> IncidentLine:
    """One that goes on, in nobody's hands."""
    return msgspec.structs.replace(line_of(crisis_view(brand)), timezone=ZONE, **changes)


LINES = (
    still_open("Acme Bank"),
    line("Globex", 2, severity="critical"),
    line("Acme Bank", 3, severity="medium", looked_back="was_false_alarm"),
    line("Acme Bank", 40, severity="high", because="calm", owner=""),
    line("Globex", 41, severity="low", shadow=True, hands="not_paged"),
)


def page(
    query: str = "", visitor: Visitor = ANA, language: str = "en", lines: Sequence[IncidentLine] = LINES
) -> Element:
    """The page as a visitor gets it, by the door's own handler."""

    async def known(brands: Sequence[str] | None) -> list[IncidentLine]:
        return [one for one in lines if brands is None or one.brand in brands]

    names = dict.fromkeys((*BRANDS, *(one.brand for one in lines)))
    desk: Any = SimpleNamespace(
        seen=SimpleNamespace(incidents=known),
        visible=lambda who: tuple(name for name in names if who.may("see", name)),
        render=renderer().page,
        clock=lambda: AT_MS,
    )
    (door,) = incidents.doors(desk)
    scope = {"type": "http", "method": "GET", "path": door.path, "query_string": query.encode(), "scheme": "http"}
    scope |= {"headers": [(b"accept-language", language.encode())], "server": ("127.0.0.1", 8761)}

    async def ask() -> Response:
        return await door.handler(Request(scope), visitor)

    answer = asyncio.run(ask())
    assert answer.status_code == 200
    return read(bytes(answer.body).decode())


def titles(seen: Element) -> list[str]:
    """What is listed, by its address."""
    return [one.named("a")[0].attributes["href"].rpartition("/")[2] for one in seen.of("incident")]


def test_all_are_listed_the_latest_first_each_with_how_it_stands_or_ended() -> None:
    seen = page()
    assert titles(seen) == [one.incident for one in LINES]
    words = [one.text for one in seen.of("incident")]
    assert "Open since 02:48 CET" in words[0]
    assert "In nobody's hands" in words[0]
    assert "Critical Over 21 Nov 03:00 CET to 21 Nov 03:50 CET · 50 min long" in words[1]
    assert "it was called resolved · Owned by Ana Diaz" in words[1]
    assert "afterwards: a false alarm" in words[2]
    assert "it has been calm for an hour" in words[3]
    assert "In the shadow: nobody is told" in words[4]
    assert "Found: 5" in seen.text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=open", [0]),
        ("status=over&brand=Globex", [1, 4]),
        ("severity=high", [0, 1, 3]),
        ("month=2026-10", [3, 4]),
        ("month=2026-10&severity=high&status=over&brand=Acme+Bank", [3]),
        ("month=2025-01", []),
        ("status=opne&brand=Nobody&severity=awful&month=13&cursor=%00", [0, 1, 2, 3, 4]),
    ],
    ids=["open", "over-of-a-brand", "at-least", "month", "all-at-once", "none", "what-nobody-can-ask"],
)
def test_it_is_narrowed_by_brand_state_severity_and_month(query: str, found: list[int]) -> None:
    """The form says what was asked for, and what nobody can ask for is left out of it."""
    seen = page(query)
    assert titles(seen) == [LINES[number].incident for number in found]
    chosen = {one.attributes["name"]: _chosen(one) for one in seen.named("select")}
    asked = dict(parse_qsl(query))
    if "cursor" not in asked:
        assert {name: chosen[name] for name in asked if name != "month" or found} == {
            name: value for name, value in asked.items() if name != "month" or found
        }
    assert bool(seen.of("empty")) == (not found)


def _chosen(select: Element) -> str:
    options = select.named("option")
    return next((one for one in options if "selected" in one.attributes), options[0]).attributes["value"]


def test_a_month_is_that_of_the_brands_own_clock() -> None:
    """Half an hour before midnight in London it is another month in Amsterdam already."""
    night = msgspec.structs.replace(LINES[1], opened_ms=1_793_489_400_000)  # 31 October 2026, 23:30 UTC
    there = msgspec.structs.replace(night, timezone="Europe/London")
    assert incidents_seen([night, there], Wanted()).months == ("2026-11", "2026-10")
    assert incidents_seen([night, there], Wanted(month="2026-11")).incidents == (night,)


def test_pages_follow_one_another_and_keep_what_was_asked() -> None:
    """Nothing twice and nothing left out; a link leads back to the latest."""
    many = [line("Acme Bank", days, severity="high") for days in range(1, 121)]
    seen, listed, query = page("severity=high", lines=many), list[str](), ""
    for _ in range(5):
        listed += titles(seen)
        (nav,) = [one for one in seen.named("nav") if one.attributes.get("aria-label") == "More of them"]
        older = [one.attributes["href"] for one in nav.named("a") if one.attributes.get("rel") == "next"]
        if not older:
            break
        query = urlsplit(older[0]).query
        assert dict(parse_qsl(query))["severity"] == "high"
        seen = page(query, lines=many)
    assert listed == [one.incident for one in many]
    back = [one.attributes["href"] for one in nav.named("a") if "rel" not in one.attributes]
    assert back == ["/incidents?severity=high"]


def test_whoever_sees_one_brand_is_offered_and_shown_that_one_alone() -> None:
    seen = page(visitor=ZOE)
    assert titles(seen) == [LINES[1].incident, LINES[4].incident]
    assert [one.attributes["name"] for one in seen.named("select")] == ["status", "severity", "month"]
    assert "Acme" not in page("brand=Acme+Bank", visitor=ZOE).text


def test_without_any_incident_there_is_nothing_to_narrow() -> None:
    seen = page(lines=())
    assert seen.of("empty")[0].text == "There has been no incident yet."
    assert not seen.named("form", "select") or not seen.of("which")


def test_in_dutch_every_word_of_ours_is_dutch() -> None:
    words = page(language="nl").by_id("page").text
    assert "Alle merken" in words
    assert "november 2026" in words
    assert "het is opgelost verklaard · Opgepakt door Ana Diaz" in words
    assert "storing" in words
    for key in ("incidents.status_over", "incidents.all_months", "incidents.show"):
        assert load().say("en", key) not in words


def test_what_comes_from_outside_is_text_and_no_markup() -> None:
    bad = line("Acme Bank", 1, brand=HOSTILE, what=HOSTILE, owner=HOSTILE, incident=f"x-{HOSTILE}", scenario=HOSTILE)
    seen = page(lines=(bad,))
    assert not seen.named("img")
    assert not [name for one in seen.all(lambda _: True) for name in one.attributes if name.startswith("on")]
    assert "\u202e" not in seen.of("incident")[0].text
    link = seen.of("incident")[0].named("a")[0].attributes["href"]
    assert link.startswith("/incidents/x-%3Cimg")


def test_a_cursor_is_no_place_for_anything_but_a_place() -> None:
    """Whatever somebody puts there, the page begins with the latest."""
    good = cursor_of(LINES[0])
    for cursor in (good[:-3] + "%%%", "AAAA", "é", "x" * 5000):
        assert titles(page(f"cursor={cursor}"))[0] in {LINES[0].incident, LINES[1].incident}
    assert titles(page(f"cursor={good}"))[0] == LINES[1].incident


# ---- where the lines come from


def decided(written: Written, kind: str, severity: str, *, incident: str = "acme-1", shadow: bool = False) -> None:
    """A decision of the journal."""
    seq = written.step()
    made = Decision(
        key=f"{incident}/{written.number}/{kind}",
        at_ms=AT_MS + written.number,
        brand="Acme",
        kind=kind,  # type: ignore[arg-type]  # one of the kinds
        incident=incident,
        scenario="backlash",
        severity=severity,
        reason="calm" if kind == "StandDown" else "signals",
        shadow=shadow,
    )
    written.journal.record([(seq, made)], applied_seq=seq)


def test_the_journal_says_how_grave_it_was_at_its_worst_and_is_read_once(tmp_path: Path) -> None:
    """What fell before the end is not forgotten; what nothing came of is none; what flares up is open again."""
    written = Written(tmp_path / "journal.db")
    courses = Courses(tmp_path / "journal.db")
    for kind, severity in (("OpenIncident", "low"), ("Page", "critical"), ("Update", "medium"), ("StandDown", "low")):
        decided(written, kind, severity)
    decided(written, "NoPage", "low", incident="acme-2")
    decided(written, "OpenIncident", "high", incident="acme-3", shadow=True)
    first = courses.read_on()
    assert {name: (one.worst, bool(one.ended_ms), one.shadow) for name, one in first.items()} == {
        "acme-1": ("critical", True, False),
        "acme-3": ("high", False, True),
    }
    assert courses.read_on() is first, "what did not grow is not read again"
    decided(written, "OpenIncident", "high")
    assert (courses.read_on()["acme-1"].ended_ms, courses.read_on()["acme-1"].worst) == (0, "critical")
    courses.close()
    written.journal.close()


async def test_programs_ask_for_the_same_and_are_told_what_they_cannot_ask(tmp_path: Path) -> None:
    """By a running console, over what is told to people; what cannot be asked for is refused with its field."""
    async with opening(tmp_path) as found, found.program() as program:
        answer = (await program.get("/api/v1/incidents?brand=Tulpatel&limit=2")).json()
        assert (answer["found"], len(answer["incidents"]), answer["months"]) == (5, 2, ["2026-11"])
        assert answer["incidents"][0]["timezone"] == "Europe/Amsterdam"
        worst = (await program.get("/api/v1/incidents?severity=medium&month=2026-11&limit=200")).json()["incidents"]
        assert {one["incident"] for one in worst} > {OTHER, LATEST}
        refused = await program.get("/api/v1/incidents?month=2026-13")
        assert (refused.status_code, refused.json()["field"]) == (422, "month")


async def test_what_was_decided_in_the_shadow_is_listed_and_opens_though_nobody_was_told(tmp_path: Path) -> None:
    """Also when it is long over, and the core remembers another: the journal has it."""
    async with opening(tmp_path) as found, found.program() as program:
        works, incident = found.home.works, f"tulpatel-{AT_MS - DAY_MS}"
        known: dict[str, Any] = {"brand": "Tulpatel", "incident": incident, "scenario": "backlash", "shadow": True}
        told = [("OpenIncident", "high", "signals"), ("Page", "critical", "flowchart"), ("StandDown", "low", "calm")]
        decisions = []
        for n, (kind, severity, reason) in enumerate(told):
            known |= {"key": f"{incident}/{n}/{kind}", "at_ms": AT_MS - DAY_MS + n, "history": [3] * 18}
            known |= {"kind": kind, "severity": severity, "reason": reason}
            decisions.append(msgspec.convert(known, Decision))
        step = AT_MS // 5_000
        mark = Mark(partition=0, incarnation="a", from_step=step - 1, upto_step=step, counts={})
        seq = works.home.journal.append([(AT_MS, mark)])[-1].seq
        works.home.journal.record([(seq, one) for one in decisions], applied_seq=seq)
        works.people.know(decisions[0])
        listed = (await program.get("/api/v1/incidents?status=over")).json()["incidents"]
        assert [(one["incident"], one["severity"], one["shadow"], one["because"]) for one in listed] == [
            (incident, "critical", True, "calm")
        ]
        one = (await program.get(f"/api/v1/incidents/{incident}")).json()
        assert (one["is_open"], one["view"]["status"], one["hands"]) == (False, "closed", "not_paged")
        assert [moment["kind"] for moment in one["moments"]] == ["noticed", "paged", "end"]
        assert one["in_dutch"][1]["words"].endswith("In de schaduw besloten: niemand kreeg bericht.")
