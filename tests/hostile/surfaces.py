"""Everything that people and programs are shown, made from fields that all hold one string, by the code that makes it.

A surface gives what it shows, piece by piece; each piece knows its judge.
"""

import asyncio
import io
import json
from collections.abc import Callable, Iterator, Mapping
from email.policy import SMTP as WIRE
from typing import Any, NamedTuple

import msgspec
import structlog
from rich.console import Console

from alerting.commands import Misread, help_lines, read_command
from alerting.decision import Asked, Decision
from alerting.delivery import apprise as apprise_way
from alerting.delivery.drill import marked
from alerting.delivery.email import letter_of
from alerting.delivery.outbox import Outbox, OutboxRow
from alerting.delivery.pagerduty import payload_of
from alerting.delivery.slack_side import _topic as topic
from alerting.delivery.slack_side import channel_name
from alerting.delivery.summary import line_of
from alerting.delivery.terminal import TerminalWay
from alerting.delivery.ways import Address, Answered, Message, Outcome, Settles
from alerting.delivery.webhook import body_of
from alerting.delivery.worker import Delivery
from alerting.escalation import slug
from alerting.explain import Explanation
from alerting.facts import BLIND
from alerting.home import Overview, home_view, private, status_lines, who_lines
from alerting.inert import mrkdwn, one_line
from alerting.message import card, line_card, page_card, terminal_card
from alerting.modals import false_alarm_modal, note_modal, said_modal, statement_modal
from alerting.review import Review, figures_of, inert_lines, quoted
from alerting.review import markdown as review_markdown
from alerting.roster_calendar import read_shifts
from alerting.timeline import Act, Sending, timeline
from alerting.view import IncidentView, ShownPost
from alerting.words import thread_line
from detectors.detector import Signal
from stream.sources.text_store import StoredPost
from tests.hostile import judges
from tests.hostile.fields import INCIDENT, NOW_MS, filled
from tocsin.digest import digest
from tocsin.digest import markdown as digest_markdown
from tocsin.drawing import Mark, Series, alt_text, svg
from tocsin.incident_series import view_series
from tocsin.logs import _FOR_PROGRAMS, PASSED, _for_people
from tocsin.mentions import Listed, mention_lines
from tocsin.metrics import Metrics
from tocsin.reviewing import IncidentLine, Reviewed, as_json, html, list_lines
from tocsin.terminal import json_line, safe


class Piece(NamedTuple):
    """One thing that is shown, and who judges it: given it, and the same with an ordinary word in every field."""

    name: str
    shown: Any
    judge: Callable[[Any, Any], list[str]]


def alone(judge: Callable[[Any], list[str]]) -> Callable[[Any, Any], list[str]]:
    """A judge that needs no ordinary one beside."""
    return lambda shown, _calm: judge(shown)


Surface = Callable[[str, str], Iterator[Piece]]


def incident_of(text: str) -> str:
    """The id of an incident of a brand of that name."""
    return f"{slug(text[:60])}-{NOW_MS}"


def view_of(text: str, only: str = "", **changes: Any) -> IncidentView:
    """An incident in which nothing but this was said."""
    given: dict[str, Any] = {"incident": incident_of(text) if not only else INCIDENT} | changes
    view: IncidentView = filled(IncidentView, text, only, **given)
    return view


def views(text: str, only: str = "") -> Iterator[IncidentView]:
    """The same incident as it stands at several times."""
    calm = msgspec.structs.replace
    view = view_of(text, only)
    yield view
    yield calm(view, status="acknowledged", drill=True)
    yield calm(view, status="closed", reason="resolved", owner="", explanation=Explanation())
    feed = Signal(
        "feed",
        900,
        True,
        0,
        9,
        since_ms=NOW_MS,
        window_ms=60_000,
        evidence={"source": _said("Signal.evidence", text, only)},
    )
    for reason in ("source_silent", "source_lagging", "source_capped"):
        yield calm(view, scenario=BLIND, reason=reason, signals=(feed,))


def _said(place: str, text: str, only: str) -> str:
    return text if only in ("", place) else "calm"


def _clean(text: str) -> str:
    """As canonical JSON can hold it: a decision has no room for half a character."""
    return text.encode("utf-8", "replace").decode()


def decisions(text: str, only: str = "") -> Iterator[Decision]:
    """The story of an incident, with everything that a decision may say."""
    asked: Asked = filled(Asked, _clean(text), only, node="node", by_ms=NOW_MS)
    changed = msgspec.structs.replace(asked, words="changed", texts=(("en", ""),), said="d2")
    story: list[dict[str, Any]] = [
        {"kind": "OpenIncident", "reason": "signals"},
        {"kind": "Page"},
        {"kind": "Page", "action": "ask", "asked": asked},
        {"kind": "Update", "reason": "answered", "asked": asked},
        {"kind": "Page", "action": "statement", "asked": asked},
        {"kind": "Update", "reason": "drafted", "action": "statement", "asked": changed},
        {"kind": "Update", "reason": "approved", "action": "approved", "asked": changed},
        {"kind": "Update", "reason": "approved", "action": "approved", "asked": asked},
        {"kind": "Notify", "action": "open_channel", "asked": asked},
        {"kind": "Page", "action": "mobilise", "asked": asked},
        {"kind": "Notify", "action": "brief", "asked": asked},
        {"kind": "Escalate", "reason": "not_acknowledged"},
        {"kind": "Update", "reason": "acknowledged_in_part"},
        {"kind": "Update", "reason": "acknowledged"},
        {"kind": "Update", "reason": "noted", "said": "d1"},
        {"kind": "Update", "reason": "severity_rose"},
        {"kind": "NoPage", "reason": "planned_event"},
        {"kind": "StandDown", "reason": "false_alarm"},
    ]
    for number, changes in enumerate(story):
        incident = incident_of(_clean(text)) if not only else INCIDENT
        given = {
            "key": f"{incident}/{number}/{changes['kind']}",
            "incident": incident,
            "at_ms": NOW_MS + 60_000 * number,
        }
        yield filled(Decision, _clean(text), only, **(given | {"asked": None} | changes))


# ---- Slack


def slack_cards(text: str, only: str = "") -> Iterator[Piece]:
    """Cards, page messages and lines of the thread, as blocks and as fallback."""
    for view in views(text, only):
        yield Piece("card", card(view, "<@U1>")._asdict(), judges.slack)
        yield Piece("page message", page_card(view, _said("line", text, only), "<@U1>")._asdict(), judges.slack)
    yield Piece("thread line", line_card(_said("line", text, only), "<@U1>")._asdict(), judges.slack)
    for decision in decisions(text, only):
        yield Piece("line of a decision", line_card(thread_line(decision), "<@U1>")._asdict(), judges.slack)
    yield Piece("topic of a channel", topic(view_of(text, only)), alone(judges.plain_text))
    yield Piece("name of a channel", channel_name(_said("Asks.channel", text, only)), alone(judges.one_line))


def slack_answers(text: str, only: str = "") -> Iterator[Piece]:
    """The App Home, the answers to `/tocsin`, modals and answers in private."""
    now: Overview = filled(Overview, text, only)
    yield Piece("home", home_view(now, "https://acme.slack.com/"), judges.modal)
    yield Piece("status", private(status_lines(now)), judges.slack)
    yield Piece("who", private(who_lines(now)), judges.slack)
    typed = _said("typed", _clean(text), only)
    for command in ("", "silence ", "silence Acme ", "silence Acme 2h ", "ack ", "status ", "ack x "):
        read = read_command(command + typed, ["Acme", _said("brand", text, only)])
        if isinstance(read, Misread):
            yield Piece(f"misread {command}", private([read.why]), judges.slack)
    yield Piece("help", private(help_lines([_said("brand", text, only)])), judges.slack)
    incident = incident_of(text) if not only else INCIDENT
    texts = (("en", _said("Asked.texts", text, only)),)  # a language is two letters, checked with the flowchart
    offered = Asked(node="node", words=_said("Asked.words", text, only), texts=texts)
    for modal in (
        false_alarm_modal(incident),
        note_modal(incident),
        statement_modal(incident, offered),
        said_modal(_said("answer", text, only)),
    ):
        yield Piece("modal", modal.get("view", modal), judges.modal)
    told = {"text": mrkdwn(_said("answer", text, only), 700, 5)}
    yield Piece("answer in private", told, judges.slack)


# ---- through delivery


class Keeping:
    """A way that keeps what it is handed, as it would have sent it."""

    settles: Settles = "repeat"

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def post(self, message: Message) -> Outcome:
        """Keep it."""
        self.messages.append(message)
        return Outcome("sent", "C1" if message.to.startswith("C") else "D1", f"1.{len(self.messages)}")

    async def find(self, message: Message, oldest_ms: int) -> Outcome | None:
        """Nothing is in doubt."""
        return None

    async def edit(self, channel: str, ts: str, message: Message) -> Outcome:
        """Keep it."""
        self.messages.append(message)
        return Outcome("sent", channel, ts)


def delivered(text: str, only: str = "") -> list[Message]:
    """What delivery hands to the ways over an incident's life, from what it takes in and reads itself."""
    way = Keeping()
    clock = [NOW_MS]
    post: ShownPost = filled(ShownPost, text, only)
    explanation: Explanation = filled(Explanation, text, only)

    async def report(_: object) -> None:
        """Nobody asks."""

    delivery = Delivery(
        Outbox(None),
        {"slack": way, "terminal": way},
        lambda: clock[0],
        report,
        lambda names: dict.fromkeys(names, post),
        lambda _who: [
            Address("ana", "slack", "C1"),
            Address("ana", "slack", "U2"),
            Address("ana", "terminal", "terminal"),
        ],
        lambda _incident: False,
        explain=lambda _view: explanation,
        note=lambda digest: ("en: " if digest == "d2" else "") + _said("note", text, only),
        say=lambda _decision: _said("IncidentView.say", _clean(text), only),
        name_of=lambda who: _said("name", _clean(text), only) if who else "",
        second_way_ms=0,
    )

    async def live() -> None:
        for decision in decisions(text, only):
            delivery.take(decision)
            if decision.kind == "Escalate":
                delivery.answered(Answered(decision.incident, "own", _said("who", _clean(text), only)))
            if decision.kind != "Page":
                await delivery.step()
            clock[0] += 60_000
        for _ in range(3):
            clock[0] += 60_000
            await delivery.step()

    asyncio.run(live())
    return way.messages


def through_delivery(text: str, only: str = "") -> Iterator[Piece]:
    """Every message of a real delivery, and the same marked as a drill's; and the summary of what was held up."""
    for message in delivered(text, only):
        kind = f"delivered {message.kind}"
        yield Piece(f"{kind} in Slack", {"text": message.text, "blocks": list(message.blocks)}, judges.slack)
        drill = marked(message)
        yield Piece(f"{kind} of a drill", {"text": drill.text, "blocks": list(drill.blocks)}, judges.slack)
        if message.words:  # they are made for the terminal alone
            yield Piece(f"{kind} in words", message.words, judges.terminal)
    yield Piece(
        "summary line", line_card(line_of(_row(text, only), view_of(text, only), NOW_MS))._asdict(), judges.slack
    )


def _row(text: str, only: str) -> OutboxRow:
    lines = tuple(one_line(_said("line", text, only), 300) for _ in range(20))
    return OutboxRow(
        page_id="p",
        brand="",
        incident=INCIDENT,
        key="",
        way="slack",
        to="C1",
        kind="story",
        folded=lines,
        wanted_ms=NOW_MS,
    )


def ways(text: str, only: str = "") -> Iterator[Piece]:
    """A page as e-mail, webhook, PagerDuty, apprise and the terminal write it."""
    line = one_line(_said("line", text, only), 300)
    for number, view in enumerate(views(text, only)):
        if number in (2, 5):  # the card has shown how those differ
            continue
        for phone in ("", "+31 6 1234 5678")[: 2 if number == 0 else 1]:
            page = Message(
                page_id="p",
                incident=view.incident,
                kind="page",
                to="a@b.example",
                text="",
                view=view,
                line=line,
                phone=phone,
            )
            yield Piece(f"webhook {number}", json.dumps(body_of(page, "page", "p")).encode(), judges.post)
            yield Piece(f"PagerDuty {number}", json.dumps(payload_of(page)).encode(), judges.post)
            for name, said in zip(("title", "body"), apprise_way._words(page), strict=True):
                yield Piece(f"apprise {name} {number}", said, alone(judges.markup_of_chats))
        if number in (0, 3):  # about the public, and about ourselves
            letter, _ = letter_of(page, "tocsin@corp.example", NOW_MS)
            yield Piece(f"letter {number}", letter.as_bytes(policy=WIRE), judges.letter)
            bare, _ = letter_of(msgspec.structs.replace(page, view=None), "tocsin@corp.example", NOW_MS)
            yield Piece(f"subject of a bare letter {number}", str(bare["Subject"]), alone(judges.one_line))
        yield Piece(f"terminal {number}", _terminal(page, view), judges.terminal)


def _terminal(page: Message, view: IncidentView) -> str:
    stream = io.StringIO()
    way = TerminalWay(stream)
    for kind, words in (("card", terminal_card(view)), ("story", page.line)):
        asyncio.run(way.post(msgspec.structs.replace(page, kind=kind, words=words)))
    return stream.getvalue()


# ---- looked back upon


def reviewed(text: str, only: str = "") -> Reviewed:
    """A review of the story."""
    told = list(decisions(text, only))
    acts = [
        filled(Act, text, only, at_ms=NOW_MS + 90_000 * number, **({"answer": answer} if answer else {}))
        for number, answer in enumerate(("acknowledge", "own", "escalate", "note", "false_alarm", "", "severity"))
    ]
    sendings = [filled(Sending, text, only, key=one.key) for one in told]
    sendings += [filled(Sending, text, only, key=one.key, outcome="sent") for one in told]
    story = timeline(told[0].incident, told, acts=acts, sendings=sendings, first_post_ms=NOW_MS - 60_000)
    post: ShownPost = filled(ShownPost, text, only)
    lines = inert_lines([_said("line", text, only)])
    review = Review(
        timeline=story,
        figures=figures_of(story, {"high": 300_000}),
        posts=(quoted(post, "UTC", NOW_MS), quoted(ShownPost("calm", url="https://ok.example/1"), "UTC", NOW_MS)),
        erased=2,
        findings=lines,
        path=inert_lines(told[1].path),
        changes=lines,
        notes=lines,
        picture="a picture",
    )
    return Reviewed(review, None)


def reviews(text: str, only: str = "") -> Iterator[Piece]:
    """A review as a page, as Markdown, as JSON, and in the list of incidents."""
    found = reviewed(text, only)
    yield Piece("review", html(found), judges.html)
    yield Piece("review in Markdown", review_markdown(found.review, "picture.svg"), judges.markdown)
    yield Piece("review in JSON", json_line(as_json(found)), alone(judges.json_line))
    listed = IncidentLine(
        incident=INCIDENT,
        brand="x",
        severity="high",
        what=_said("what", text, only),
        scenario=_said("scenario", text, only),
        is_friendly=False,
        noticed="2026-03-02T10:00:00Z",
        woken=(_said("who", text, only),),
    )
    yield Piece("list of reviews", safe("\n".join(list_lines([listed]))), judges.terminal)
    told = [msgspec.structs.replace(one, shadow=True) for one in decisions(text, only)]
    planned = msgspec.structs.replace(told[0], incident="other", reason="planned_event")
    shadow = digest([*told, planned], {})
    yield Piece("digest", digest_markdown(shadow), judges.markdown)
    yield Piece("digest in JSON", json_line(msgspec.to_builtins(shadow)), alone(judges.json_line))


def pictures(text: str, only: str = "") -> Iterator[Piece]:
    """The picture of observed against expected, as SVG and in words."""
    series = view_series(view_of(text, only))
    assert series is not None
    words = [_said(name, text, only) for name in ("mark", "title")]
    drawn = Series(
        title=words[1],
        times_ms=(NOW_MS, NOW_MS + 300_000),
        observed=(1, 9),
        expected=(2.0, 2.0),
        threshold=(5.0, 5.0),
        decided_ms=NOW_MS + 1,
        marks=(Mark(NOW_MS + 2, words[0]),),
    )
    for one in (series, drawn):
        yield Piece("picture", svg(one), judges.drawing)
        yield Piece("picture in words", alt_text(one), alone(judges.one_line))


# ---- for operators


def operators(text: str, only: str = "") -> Iterator[Piece]:
    """Terminal, log, metrics: lists of posts, faults of calendars, errors."""
    word = _said("word", text, only)
    post = StoredPost(name="n", id="x:1", source=word, text=word, created_ms=NOW_MS, author=word, url=word)
    listed = Listed(incident=INCIDENT, brand=word, timezone="UTC", from_ms=0, until_ms=NOW_MS, posts=[post])
    yield Piece("list of posts", safe("\n".join(mention_lines(listed, 5))), judges.terminal)
    yield Piece("posts in JSON", json_line({"text": word, "author": [word]}), alone(judges.json_line))
    yield Piece("error", safe(f"tocsin.yaml:1:1: {word}"), alone(lambda shown: list(judges.unseen(shown))))
    yield Piece("printed", _printed(word), alone(lambda shown: list(judges.unseen(shown))))
    for line in _calendar(_clean(word)):
        yield Piece("fault of a calendar", safe(line), alone(lambda shown: list(judges.unseen(shown))))
    yield Piece("log", logged(word), judges.log)
    yield Piece("metrics", _metrics(_clean(word)), judges.metrics)


def _printed(word: str) -> str:
    stream = io.StringIO()
    Console(file=stream, width=100).print(safe(word), markup=False, highlight=False, soft_wrap=True)
    return stream.getvalue()


def _calendar(word: str) -> list[str]:
    summary = word.replace("\\", "\\\\").replace("\r", "").replace("\n", "\\n").replace(",", "\\,").replace(";", "\\;")
    times = "DTSTART:20260302T090000Z\r\nDTEND:20260302T170000Z"
    event = f"BEGIN:VEVENT\r\nUID:1\r\n{times}\r\nSUMMARY:{summary}\r\nEND:VEVENT"
    text = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{event}\r\nEND:VCALENDAR\r\n"
    _, problems = read_shifts(text, "UTC", (NOW_MS - 10**9, NOW_MS + 10**9), {"ana": "Ana"}, "calendar")
    return problems


def logged(word: str) -> str:
    """The lines of two events about a word, as people and as programs read them."""
    stream = io.StringIO()
    for chain in (_for_people(in_colours=False), _FOR_PROGRAMS):
        # Without `Seldom`: a name that comes often is left out, and every name must be seen here.
        logger = structlog.wrap_logger(structlog.PrintLogger(stream), processors=[*PASSED, *chain])
        logger.warning("calendar", problem=word, all=[word], each={word[:40]: word})
        logger.error(word, problem="x")
    return stream.getvalue()


def _metrics(word: str) -> str:
    metrics = Metrics()
    metrics.decided(filled(Decision, word))
    metrics.took({"taken": 1}, {(word, "reason"): 1}, {word: 1})
    from prometheus_client import generate_latest

    return generate_latest(metrics.registry).decode()


SURFACES: Mapping[str, Surface] = {
    "cards": slack_cards,
    "answers": slack_answers,
    "delivery": through_delivery,
    "ways": ways,
    "reviews": reviews,
    "pictures": pictures,
    "operators": operators,
}
