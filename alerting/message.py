"""An incident's card: for Slack as Block Kit, for those without Slack as text in a box. Pure.

Nearly every word stands in a `plain_text` object, where Slack reads no markup; the two exceptions (the small chart, and
the mentions of people built from configured ids) hold nothing from outside. The limits of Block Kit hold for any input,
counted in UTF-16 units (docs.slack.dev/reference/block-kit/blocks).
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from alerting.asks import approved_blocks, draft_lines, presses, question_line, room_link
from alerting.facts import BLIND
from alerting.inert import cells, clip, mrkdwn, one_line, plain, safe_url, terminal_safe, units
from alerting.view import IncidentView, Paged, ShownPost
from alerting.why_words import ahead_line, fresh_line, sources_text, voices_text
from alerting.words import (
    byline,
    clock_text,
    coordinated_text,
    count_text,
    duration_text,
    kind_text,
    names_text,
    percent,
    promise_line,
    ratio_text,
    reason_words,
    say_line,
    sentence,
    severity_words,
    sparkline,
    thread_line,
    trend_text,
)

__all__ = [
    "BUTTONS",
    "Card",
    "action_of",
    "card",
    "console_url",
    "figures",
    "footer",
    "headline",
    "line_card",
    "page_card",
    "sentence",
    "standing",
    "steps",
    "terminal_card",
    "thread_line",
    "to_do",
    "why_now",
]

Block = dict[str, Any]

HEADER_LIMIT = 150
SECTION_LIMIT = 3000
FIELD_LIMIT = 2000
VALUE_LIMIT = 2000
TEXT_LIMIT = 3500
"""Best kept under 4,000 (docs.slack.dev/reference/methods/chat.postMessage, "Truncating content")."""
POSTS_SHOWN = 3
STEPS_SHOWN = 12
ELEMENTS_SHOWN = 10
"""In one context block."""
LINES_SHOWN = 20
"""Of a line of the story with the note that it quotes."""

BUTTONS: dict[str, tuple[str, str]] = {
    "acknowledge": ("Acknowledge", "primary"),
    "own": ("Own", ""),
    "escalate": ("Escalate", ""),
    "false_alarm": ("False alarm", "danger"),
    "resolve": ("Resolve", ""),
    "note": ("Add note", ""),
}
ASKED = ("reply", "approve", "draft")
"""What the buttons of the flowchart's own questions ask for."""
_ACTION = "tocsin."
_CONFIRM: dict[str, tuple[str, str, str]] = {
    "false_alarm": ("False alarm?", "This closes the incident for everybody, and nobody else is paged.", "Close it"),
    "resolve": ("Resolved?", "This closes the incident for everybody, and nobody else is paged.", "Close it"),
}


class Card(NamedTuple):
    """A message: what a phone shows before it is opened (`text`, mrkdwn), and the blocks."""

    text: str
    blocks: list[Block]


def action_of(action_id: str) -> str:
    """What a button of ours asks for, or "" for any other element.

    >>> action_of("tocsin.acknowledge"), action_of("tocsin.link.0"), action_of("other")
    ('acknowledge', '', '')
    """
    name = action_id.removeprefix(_ACTION).partition(".")[0]
    return name if action_id.startswith(_ACTION) and name in (*BUTTONS, *ASKED) else ""


def card(view: IncidentView, mentions: str = "") -> Card:
    """The card as it stands now. `mentions` (`<@U1> <!subteam^S1>`) is trusted: build it from configured ids alone.

    >>> view = IncidentView(brand="Acme", incident="acme-0", scenario="backlash", severity="high", opened_ms=0)
    >>> card(view).blocks[0]["text"]["text"]
    '🟠 High · Acme · backlash'
    >>> next(block for block in card(view).blocks if block["type"] == "actions")["elements"][0]["action_id"]
    'tocsin.acknowledge'
    """
    blocks = _first(view)
    blocks += [_trusted(mentions)] if mentions else []
    link = room_link(view.asks.room)
    blocks.append(_section("\n".join(who_stands(view, linked=bool(link)))))
    blocks += [_trusted(f"Channel of this crisis: {link}")] if link else []
    blocks += _pressed(view)
    blocks += _chart(view)
    fields = [f"{name}\n{value}" for name, value in figures(view)]
    blocks += [{"type": "section", "fields": [_text(f, FIELD_LIMIT) for f in fields[:10]]}] if fields else []
    blocks += _why_now(view)
    blocks += [_post_block(view, number, post) for number, post in enumerate(view.posts[:POSTS_SHOWN])]
    if view.path:
        blocks.append(_section("Why, by the flowchart\n" + "\n".join(f"• {step}" for step in steps(view))))
    promised = promises_and_advice(view)
    blocks += [_section("\n".join(promised))] if promised else []
    blocks.append({"type": "context", "elements": [_text(footer(view), SECTION_LIMIT)]})
    return Card(f"{mentions} {_fallback(view)}".strip(), blocks)


def line_card(line: str, mentions: str = "") -> Card:
    """A line of the story in the thread: the words inert, the trusted mentions after them.

    >>> line_card("Paged next: head_of_pr.", "<@U2>").text
    '<@U2> Paged next: headˍofˍpr.'
    """
    blocks = [_section(plain(line, SECTION_LIMIT, LINES_SHOWN))] + ([_trusted(mentions)] if mentions else [])
    return Card(f"{mentions} {mrkdwn(line, TEXT_LIMIT // 5, 1)}".strip(), blocks)


def page_card(view: IncidentView, line: str, trusted: str = "") -> Card:
    """The incident in short, for people who are not where its card is: why they are told, and the buttons. `trusted`
    holds mentions and the link to the card's channel, built from configured ids alone.
    """
    blocks = _first(view)
    blocks += [_section(plain(line, SECTION_LIMIT, LINES_SHOWN))] if line else []
    blocks.append(_section("\n".join(standing(view))))
    blocks += [_trusted(trusted)] if trusted else []
    blocks += _pressed(view)
    blocks.append({"type": "context", "elements": [_text(footer(view), SECTION_LIMIT)]})
    return Card(f"{trusted} {_fallback(view)}".strip(), blocks)


def _first(view: IncidentView) -> list[Block]:
    """What somebody who was woken reads first: what it is, why they are told, what to do."""
    blocks: list[Block] = [{"type": "header", "text": _text(headline(view), HEADER_LIMIT)}, _section(sentence(view))]
    todo = to_do(view)
    return [*blocks, _section(todo)] if todo else blocks


def _pressed(view: IncidentView) -> list[Block]:
    """What can be pressed: the buttons of every incident, and what the flowchart asks with those of its own."""
    buttons = [*_buttons(view), *_console_link(view)]
    return [*([{"type": "actions", "elements": buttons}] if buttons else []), *_asks(view)]


def _console_link(view: IncidentView) -> list[Block]:
    url = console_url(view)
    return [_link(url, "Open in the console", "console")] if url else []


def console_url(view: IncidentView) -> str:
    """Where the console shows the whole of it, as it may stand behind a link; "" where it has no address."""
    return safe_url(view.explanation.console_url) or ""


def to_do(view: IncidentView) -> str:
    """What the flowchart says is to be done now; "" where it says nothing, or it is over. Inert."""
    return "" if view.over else say_line(view.say)


def _trusted(text: str) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": clip(text, SECTION_LIMIT), "verbatim": True}}


def _fallback(view: IncidentView) -> str:
    return mrkdwn(f"{headline(view)}: {sentence(view)}", TEXT_LIMIT // 5, 1)


def headline(view: IncidentView) -> str:
    """How bad, whose, what kind and how it stands, on one line. Inert."""
    severity = severity_words.get(view.severity) or one_line(view.severity, 20)
    state = {"acknowledged": "Acknowledged", "contained": "Contained", "closed": "Over", "reviewed": "Reviewed"}
    words = [severity, one_line(view.brand, 60) or "?", kind_text(view)]
    if view.status in state:
        words.append(state[view.status])
    return ("DRILL · " if view.drill else "") + " · ".join(words)


def _text(text: str, limit: int) -> Block:
    return {"type": "plain_text", "text": clip(text, limit) or "-", "emoji": False}


def _section(text: str) -> Block:
    return {"type": "section", "text": _text(text, SECTION_LIMIT)}


def _chart(view: IncidentView) -> list[Block]:
    """Bars line up only in code; digits and bars of ours are all that stands in it."""
    if not view.history:
        return []
    return [_trusted(f"`{sparkline(view.history)}`  {chart_words(view)}")]


def why_now(view: IncidentView) -> list[str]:
    """At most two lines: the new words and who was first; what the next hour may bring, and what chance does. Inert."""
    return [] if view.scenario == BLIND else [line for line in (fresh_line(view), ahead_line(view)) if line]


def _why_now(view: IncidentView) -> list[Block]:
    lines = why_now(view)
    if not lines:
        return []
    block = _section("\n".join(lines))
    url = safe_url(view.explanation.first.url) if view.explanation.first is not None else None
    if url:
        block["accessory"] = _link(url, "Open first post", "first")
    return [block]


def _link(url: str, label: str, name: str) -> Block:
    return {"type": "button", "text": _text(label, 75), "url": url, "action_id": f"{_ACTION}link.{name}"}


def chart_words(view: IncidentView) -> str:
    """What the small chart shows, and where it is going."""
    last = count_text(view.history[-1])
    usual = view.expected * 10 // 12
    tenths = f"{usual // 10}" if usual >= 100 or usual % 10 == 0 else f"{usual // 10}.{usual % 10}"
    minutes = 5 * len(view.history)
    return f"posts per 5 minutes over {minutes} minutes: now {last}, usually {tenths}; {trend_text(view.history)}"


def figures(view: IncidentView) -> Iterator[tuple[str, str]]:
    """The named figures of a card. Inert."""
    facts = view.facts
    if view.scenario != BLIND:
        ratio = ratio_text(view)
        observed, expected = count_text(facts.mentions), count_text(view.expected)
        lift = f" ({ratio})" if ratio else ""
        yield "Observed and expected", f"{observed} posts in the last hour; {expected} expected{lift}"
        now, before = percent(facts.negative_share_milli), percent(facts.usual_negative_share_milli)
        yield "Sentiment", f"{now} negative now; {before} before"
        yield "Voices", voices_text(view)
    if facts.sources:
        yield "Sources", sources_text(view)
    if facts.coordinated:
        yield "Take care", coordinated_text(facts)
    if facts.reach:
        yield "Reach", f"{count_text(facts.reach)} followers of everybody who posted, added up"
    late = f"{duration_text(view.data_late_s)} behind" if view.data_late_s else "up to date"
    yield "Data", late + ("; one of our sources is blind" if facts.blind else "")


def _post_block(view: IncidentView, number: int, post: ShownPost) -> Block:
    quoted = plain(post.text, 500, 3) or "(no text)"
    url = safe_url(post.url)
    where = f"\n{one_line(post.url, 200)}" if post.url else ""
    block = _section(f"{byline(post, view.timezone, view.opened_ms)}\n“{quoted}”{where}")
    if url:
        block["accessory"] = _link(url, "Open post", str(number))
    return block


def steps(view: IncidentView) -> list[str]:
    """The walked path, each step with its margin. Inert."""
    named = [step.replace("{incident}", view.incident) for step in view.path[-STEPS_SHOWN:]]
    return [plain(step, 230, 1) or "?" for step in named]


def standing(view: IncidentView, *, linked: bool = False) -> list[str]:
    """Who was told, who has it, who is next, what was promised to whom, and what is advised. Inert."""
    return who_stands(view, linked=linked) + promises_and_advice(view)


def who_stands(view: IncidentView, *, linked: bool = False) -> list[str]:
    """Who was told, who has it, who is next; the crisis's channel, unless a link to it stands beside. Inert."""
    lines = []
    if view.acked_by:
        lines.append(f"Acknowledged by {one_line(view.acked_by, 80)}")
    if view.owner:
        lines.append(f"Owned by {one_line(view.owner, 80)}")
    if view.paged:
        lines.append("Paged: " + "; ".join(_paged_text(view, one) for one in view.paged[-8:]))
    if view.asks.awaits and view.status == "open":
        lines.append(f"Must still acknowledge: {names_text(view.asks.awaits)}")
    if view.asks.channel and not linked:
        lines.append(f"Channel of this crisis: {one_line(view.asks.channel, 80)}")
    if view.over:
        lines.append(f"Over: {reason_words[view.reason]}. Nobody else is paged.")
    elif view.status != "open":
        lines.append("Nobody else is paged.")
    elif view.next:
        at = clock_text(view.next.at_ms, view.timezone, view.opened_ms)
        lines.append(f"Next: {names_text(view.next.who)} at {at}, unless somebody acknowledges")
    else:
        lines.append("Nobody is next." if view.paged else "Nobody was paged.")
    return lines


def promises_and_advice(view: IncidentView) -> list[str]:
    """How the promises to the public stand, and what the flowchart advises about such complaints. Inert."""
    advice = [] if view.over else [f"Advice: {one_line(words, 400)}" for words in view.advice[:4]]
    return [promise_line(clock, view) for clock in view.promises] + advice


def _paged_text(view: IncidentView, one: Paged) -> str:
    state = " (acknowledged)" if one.acked else " (could not be reached)" if one.failed else ""
    return f"{one_line(one.who, 80)} at {clock_text(one.at_ms, view.timezone, view.opened_ms)}{state}"


def footer(view: IncidentView) -> str:
    """The small print: which incident, since when, why told, and how to see every post behind it. Inert."""
    drill = "DRILL: nothing of this is real. " if view.drill else ""
    incident, opened = one_line(view.incident, 120), clock_text(view.opened_ms, view.timezone)
    said = [f"{drill}{incident}", f"opened {opened}", reason_words[view.reason]]
    said += [plain(view.why, 300, 1)] if view.why else []
    said += [f"every post: tocsin mentions {incident}"] if view.scenario != BLIND else []
    return " · ".join(said)


def _asks(view: IncidentView) -> list[Block]:
    """What the flowchart asks of people, with its buttons; a statement as a draft until it is approved."""
    asks, blocks = view.asks, []
    for approval in asks.approved:
        for heading, text in approved_blocks(approval):
            blocks += [_section(heading), _section(text)]
    if view.over or not view.incident:
        return blocks
    if asks.question is not None:
        blocks.append(_section(question_line(asks.question, _until(view, asks.question.by_ms))))
    if asks.statement is not None:
        pieces = _pieces(draft_lines(asks.statement, _until(view, asks.statement.by_ms)))
        blocks.append({"type": "context", "elements": [_text(piece, SECTION_LIMIT) for piece in pieces]})
    buttons = [
        {
            "type": "button",
            "text": _text(press.label, 75),
            "action_id": f"{_ACTION}{press.action}.{number}",
            "value": press.value,
        }
        for number, press in enumerate(presses(view.incident, asks))
        if len(press.value) * 2 <= VALUE_LIMIT
    ]
    return [*blocks, {"type": "actions", "elements": buttons}] if buttons else blocks


def _pieces(lines: list[str]) -> list[str]:
    """The lines in as few texts as hold them whole, at most as many as a context block takes."""
    pieces = [""]
    for line in lines:
        longer = f"{pieces[-1]}\n{line}".strip()
        pieces = [*pieces[:-1], longer] if units(longer) <= SECTION_LIMIT else [*pieces, line]
    return pieces[:ELEMENTS_SHOWN]


def _until(view: IncidentView, at_ms: int) -> str:
    return clock_text(at_ms, view.timezone, view.opened_ms)


def _asked_paragraphs(view: IncidentView) -> Iterator[list[str]]:
    """The same for those without Slack."""
    for approval in view.asks.approved:
        for heading, text in approved_blocks(approval):
            yield [heading, *text.splitlines()]
    if view.asks.question is not None and not view.over:
        choices = " / ".join(press.label for press in presses(view.incident, view.asks) if press.action == "reply")
        yield [*question_line(view.asks.question, _until(view, view.asks.question.by_ms)).splitlines(), choices]
    if view.asks.statement is not None and not view.over:
        yield draft_lines(view.asks.statement, _until(view, view.asks.statement.by_ms))


def _buttons(view: IncidentView) -> list[Block]:
    """What still makes sense. An id that does not fit would act on another incident: then there are no buttons."""
    if view.over or not view.incident or len(view.incident) * 2 > VALUE_LIMIT:
        return []
    wanted = dict.fromkeys(BUTTONS)
    if view.status != "open":
        wanted.pop("acknowledge")
    if view.owner and view.status != "open":  # after a relapse its owner says anew that they have it
        wanted.pop("own")
    return [_button(view, name) for name in wanted]


def _button(view: IncidentView, name: str) -> Block:
    label, style = BUTTONS[name]
    button: Block = {
        "type": "button",
        "text": _text(label, 75),
        "action_id": _ACTION + name,
        "value": view.incident,
    }
    if style:
        button["style"] = style
    if name in _CONFIRM:
        title, words, yes = _CONFIRM[name]
        button["confirm"] = {
            "title": _text(title, 100),
            "text": _text(words, 300),
            "confirm": _text(yes, 30),
            "deny": _text("Not yet", 30),
        }
    return button


# ---- for those without Slack


def terminal_card(view: IncidentView, width: int = 100) -> str:
    """The card as plain text in a box, at most `width` columns wide, without colour, markup or escapes.

    >>> view = IncidentView(brand="Acme", incident="acme-0", scenario="backlash", severity="low", opened_ms=0)
    >>> print(terminal_card(view, 50).splitlines()[0])
    ┌─ ⚪ Low · Acme · backlash ─────────────────────┐
    """
    inner = max(20, min(width, 160)) - 4
    title = _fit(f"─ {headline(view)} ", inner)
    rows = [f"┌{title}{'─' * (inner + 2 - cells(title))}┐"]
    for number, paragraph in enumerate(_paragraphs(view)):
        if number:
            rows.append(f"├{'─' * (inner + 2)}┤")
        for line in paragraph:
            rows += [f"│ {row}{' ' * (inner - cells(row))} │" for row in _wrapped(line, inner)]
    rows.append(f"└{'─' * (inner + 2)}┘")
    return "\n".join(rows)


def _paragraphs(view: IncidentView) -> Iterator[list[str]]:
    todo = to_do(view)
    yield [sentence(view), *([todo] if todo else [])]
    yield who_stands(view)
    yield from _asked_paragraphs(view)
    if view.history:
        yield [sparkline(view.history), chart_words(view)]
    yield [f"{name}: {value}" for name, value in figures(view)]
    lines = why_now(view)
    if lines:
        yield lines
    for post in view.posts[:POSTS_SHOWN]:
        where = [one_line(post.url, 200)] if post.url else []
        yield [byline(post, view.timezone, view.opened_ms), f"“{plain(post.text) or '(no text)'}”", *where]
    if view.path:
        yield ["Why, by the flowchart", *(f"• {step}" for step in steps(view))]
    promised = promises_and_advice(view)
    if promised:
        yield promised
    url = console_url(view)
    yield [footer(view), *([f"In the console: {url}"] if url else [])]


def _wrapped(text: str, width: int) -> list[str]:
    """The text in rows of at most `width` columns, broken at spaces where there are any."""
    rows: list[str] = []
    for line in terminal_safe(text).split("\n"):
        row, used = "", 0
        for word in line.split(" "):
            wide = cells(word)
            if not row or used + 1 + wide <= width:
                row, used = (f"{row} {word}", used + 1 + wide) if row else (word, wide)
            else:
                rows.append(row)
                row, used = word, wide
            while used > width:
                piece = _fit(row, width, mark="")
                rows.append(piece)
                row = row[len(piece) :]
                used = cells(row)
        rows.append(row)
    return rows


def _fit(text: str, width: int, mark: str = "…") -> str:
    """As much of the beginning as fits in `width` columns; at least one character."""
    if cells(text) <= width:
        return text
    end, used = 0, cells(mark)
    while end < len(text) and used + cells(text[end]) <= width:
        used += cells(text[end])
        end += 1
    return text[: max(1, end)] + mark
