"""What the flowchart asks of people, as a card shows it: the question with its buttons, the statement and who may
approve it, the words that may be copied. Pure.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from alerting.decision import Asked, Decision
from alerting.drafts import about, with_words
from alerting.inert import one_line, plain

LANGUAGES = {"en": "English", "nl": "Dutch", "de": "German", "fr": "French", "es": "Spanish", "it": "Italian"}
STATEMENTS_KEPT = 3
TEXT_SHOWN = 2000
"""Twice what a statement may hold: what makes its addresses inert makes it longer."""
LINES_SHOWN = 20
GONE = "(The words cannot be shown: they were erased, or cannot be read now.)"
_APART = "\n"
"""Between the parts of a button's value: an incident's id is letters, digits and dashes, a node's name too."""


class Approval(msgspec.Struct, frozen=True):
    """A statement that may be copied, and who said so."""

    statement: Asked
    who: str


class Asks(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one incident asks of people now."""

    question: Asked | None = None
    statement: Asked | None = None
    """Waits for approval."""
    approved: tuple[Approval, ...] = ()
    awaits: tuple[str, ...] = ()
    """Who must still acknowledge."""
    channel: str = ""
    invited: tuple[str, ...] = ()
    """Who should be in that channel."""
    room: str = ""
    """That channel's id, once it was opened."""


def asks_after(asks: Asks, decision: Decision) -> Asks:
    """What is asked after a decision. The same decision twice gives the same."""
    change = msgspec.structs.replace
    asked = decision.asked
    if decision.kind == "StandDown":
        return change(asks, question=None, statement=None, awaits=())
    if decision.kind in ("Page", "Escalate") and decision.action != "mobilise":
        asks = change(asks, awaits=decision.awaits)
    if decision.reason == "acknowledged_in_part":
        return change(asks, awaits=decision.awaits)
    if decision.reason in ("acknowledged", "owned"):
        return change(asks, awaits=())
    waiting = asks.question or asks.statement
    if waiting is not None and decision.node and decision.node != waiting.node:
        asks = change(asks, question=None, statement=None)  # the walk has gone on from there
    if decision.reason == "answered":
        return change(asks, question=None)
    if asked is None:
        return asks
    match decision.action:
        case "ask":
            return change(asks, question=asked, statement=None)
        case "statement":
            return change(asks, statement=asked, question=None)
        case "approved":
            kept = tuple(one for one in asks.approved if one.statement.words != asked.words)
            now = Approval(asked, decision.note)
            return change(asks, statement=None, approved=(*kept, now)[-STATEMENTS_KEPT:])
        case "open_channel":
            room = asks.room if asks.channel == asked.words else ""
            return change(asks, channel=asked.words, invited=decision.targets, room=room)
        case _:
            return asks


def room_link(room: str) -> str:
    """A channel as a link in Slack's markup, or "" where this is no id of one.

    >>> room_link("C0123"), room_link("C1> <!channel")
    ('<#C0123>', '')
    """
    known = room[:1] in ("C", "G") and room.isascii() and room.isalnum() and room.isupper()
    return f"<#{room}>" if known else ""


class Press(NamedTuple):
    """A button of the flowchart: what it says, what it does, the value that comes back when it is pressed."""

    label: str
    action: str
    value: str


def presses(incident: str, asks: Asks) -> list[Press]:
    """The buttons of what is asked now.

    >>> [press.label for press in presses("acme-0", Asks(question=Asked(node="true", choices=("yes", "not_sure"))))]
    ['Yes', 'Not sure']
    """
    found = []
    if asks.question is not None:
        node = asks.question.node
        found += [
            Press(_label(choice), "reply", _APART.join((incident, node, choice))) for choice in asks.question.choices
        ]
    if asks.statement is not None:
        value = _APART.join(filter(None, (incident, asks.statement.node, about(asks.statement))))
        if all(text for _, text in asks.statement.texts):  # nobody approves what cannot be read
            found.append(Press("Approve the statement", "approve", value))
        if asks.statement.writers:
            found.append(Press("Adjust", "draft", value))
    return found


def read_value(action: str, value: str) -> tuple[str, str, str] | None:
    """Incident, node and choice of a pressed button, or nothing where the value is none of ours. Of a statement the
    choice is which words were seen.

    >>> read_value("reply", "acme-0\\ntrue\\nyes"), read_value("acknowledge", "acme-0")
    (('acme-0', 'true', 'yes'), ('acme-0', '', ''))
    """
    parts = value.split(_APART)
    wanted = {"reply": (3,), "approve": (2, 3), "draft": (2, 3)}.get(action, (1,))
    if len(parts) not in wanted or not all(parts):
        return None
    return (parts[0], *parts[1:], *[""] * (3 - len(parts)))  # type: ignore[return-value]  # three parts by now


def question_line(asked: Asked, until: str) -> str:
    """The question that waits, who is asked, and until when. Inert."""
    return f"❓ {plain(asked.words, 400, 2)}\nAsked: {_names(asked.may)}, until {until}"


def draft_lines(asked: Asked, until: str) -> list[str]:
    """A statement that nobody may use yet: each line says so, so that a copy of it says so too. Inert."""
    whose = f", as {_names(asked.authors)} wrote it," if asked.said else ""
    lines = [f"📝 Statement “{_name(asked)}”{whose} waits for approval by {_names(asked.may)}, until {until}"]
    for language, text in asked.texts:
        lines.append(f"DRAFT, not approved ({_language(language)}):")
        lines += [f"DRAFT │ {line}" for line in _shown(text).splitlines()]
    return lines


def approved_blocks(approval: Approval) -> list[tuple[str, str]]:
    """A statement to copy: heading and text per language. Inert."""
    said = f"✅ Statement “{_name(approval.statement)}”, approved by {one_line(approval.who, 60)}; a person posts it"
    return [(f"{said} ({_language(lang)})", _shown(text)) for lang, text in approval.statement.texts]


def in_words(asks: Asks, note: Callable[[str], str | None]) -> Asks:
    """What is asked with the words that people gave its statements, as far as `note` still has them by their digest."""
    approved = tuple(Approval(with_words(one.statement, note), one.who) for one in asks.approved)
    statement = with_words(asks.statement, note) if asks.statement is not None else None
    return msgspec.structs.replace(asks, statement=statement, approved=approved)


def _shown(text: str) -> str:
    return plain(text, TEXT_SHOWN, LINES_SHOWN) or GONE


def _label(choice: str) -> str:
    words = one_line(choice.replace("_", " "), 60)
    return words[:1].upper() + words[1:]


def _name(asked: Asked) -> str:
    return one_line(asked.words.replace("_", " "), 60)


def _language(code: str) -> str:
    return LANGUAGES.get(code, one_line(code, 20))


def _names(names: Sequence[str]) -> str:
    shown = [one_line(name, 40) for name in names[:6]]
    return " or ".join(shown) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
