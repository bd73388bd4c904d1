"""Modals in Slack: why something is a false alarm, a note for the incident, a statement in other words. Built and read
back. Pure.

A modal carries its incident in `private_metadata`, which Slack hands back; what a person writes is hostile.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from alerting.asks import LANGUAGES
from alerting.decision import Asked
from alerting.drafts import about, kept_words
from alerting.inert import one_line, plain

Block = dict[str, Any]

FALSE_ALARM = "tocsin.modal.false_alarm"
NOTE = "tocsin.modal.note"
STATEMENT = "tocsin.modal.statement"
REASONS: dict[str, str] = {
    "not_about_us": "It is not about us",
    "known_event": "A planned event or campaign",
    "normal_talk": "Talk that is usual for us",
    "harmless": "About us, and harmless",
    "bots": "Made by machines or by one group",
    "faulty_data": "A source sent wrong data",
    "other": "Something else",
}
"""Why something was a false alarm: what goes into the journal is one of these words."""
NOTE_LIMIT = 2000
STATEMENT_LIMIT = 1000
"""As many as the flowchart's own statements may have in a language: all of it is shown to whoever approves it."""
STATEMENT_LINES = 20
_REASON = "tocsin.reason"
_WORDS = "tocsin.words"
_TEXT = "tocsin.text."


class Written(NamedTuple):
    """What a person sent with a modal."""

    action: str
    """`false_alarm`, `note` or `draft`."""
    incident: str
    reason: str = ""
    """One of `REASONS`, with `false_alarm`."""
    words: str = ""
    """Free text; of a statement as `alerting.drafts.kept_words` puts it."""
    node: str = ""
    """The node that offers the statement."""
    seen: str = ""
    """Which words of it were changed (`alerting.drafts.about`)."""


class Unfit(NamedTuple):
    """A modal that cannot be taken: which of its blocks, and what is wrong, shown beside it."""

    block: str
    why: str


def false_alarm_modal(incident: str) -> dict[str, Any]:
    """Asks why it is a false alarm, and closes the incident when it is sent.

    >>> false_alarm_modal("acme-1")["submit"]["text"]
    'Close it'
    """
    options = [{"text": _plain(words), "value": value} for value, words in REASONS.items()]
    why = {"type": "static_select", "action_id": _REASON, "placeholder": _plain("Choose"), "options": options}
    lead = "This closes the incident for everybody, and nobody else is paged."
    return _modal(
        FALSE_ALARM,
        incident,
        "False alarm",
        "Close it",
        {"type": "section", "text": _plain(f"{lead} {one_line(incident, 120)}")},
        {"type": "input", "block_id": _REASON, "label": _plain("Why is it one?"), "element": why},
        _words_block("What should we know next time?", optional=True),
    )


def note_modal(incident: str) -> dict[str, Any]:
    """Asks for a note on an incident."""
    return _modal(
        NOTE,
        incident,
        "Add a note",
        "Add",
        {"type": "section", "text": _plain(f"For everybody who works on {one_line(incident, 120)}.")},
        _words_block("Note", optional=False),
    )


def statement_modal(incident: str, offered: Asked) -> dict[str, Any]:
    """Asks for other words for a statement, in each of its languages, beginning with those that it has.

    >>> modal = statement_modal("acme-1", Asked(node="say", words="we_know", texts=(("en", "We know."),)))
    >>> modal["private_metadata"].split("\\n"), modal["blocks"][1]["element"]["initial_value"]
    (['acme-1', 'say', '', 'en'], 'We know.')
    """
    languages = [language for language, _ in offered.texts]
    name = one_line(offered.words.replace("_", " "), 60)
    lead = f"Statement “{name}”. Somebody else than you must approve your words before anybody may copy them."
    return _modal(
        STATEMENT,
        "\n".join((incident, offered.node, about(offered), *languages)),
        "Adjust a statement",
        "Offer it",
        {"type": "section", "text": _plain(lead)},
        *(_text_block(language, text) for language, text in offered.texts),
    )


def read_modal(view: Mapping[str, Any]) -> Written | Unfit | None:
    """What was sent with one of our modals, what is wrong with it, or `None` where it is none of ours. Never raises.

    >>> view = false_alarm_modal("acme-1") | {"state": {"values": {
    ...     "tocsin.reason": {"tocsin.reason": {"type": "static_select", "selected_option": {"value": "bots"}}},
    ...     "tocsin.words": {"tocsin.words": {"type": "plain_text_input", "value": None}}}}}
    >>> read_modal(view)[:4]
    ('false_alarm', 'acme-1', 'bots', '')
    """
    incident = view.get("private_metadata")
    kind = view.get("callback_id")
    if kind not in (FALSE_ALARM, NOTE, STATEMENT) or not isinstance(incident, str) or not incident:
        return None
    if kind == STATEMENT:
        return _read_statement(view, incident.split("\n"))
    words = _given(view, _WORDS, "value")
    if len(words) > NOTE_LIMIT:
        return Unfit(_WORDS, f"At most {NOTE_LIMIT} characters.")
    if kind == NOTE:
        return Written("note", incident, words=words) if words.strip() else Unfit(_WORDS, "There is nothing in it.")
    reason = _given(view, _REASON, "selected_option", "value")
    if reason not in REASONS:
        return Unfit(_REASON, "Choose one of the list.")
    return Written("false_alarm", incident, reason, words if words.strip() else "")


def _read_statement(view: Mapping[str, Any], about_it: list[str]) -> Written | Unfit | None:
    if len(about_it) < 4 or not about_it[0] or not about_it[1]:
        return None
    incident, node, seen, *languages = about_it
    texts = [(language, _given(view, _TEXT + language, "value").strip()) for language in languages]
    for language, text in texts:
        if not plain(text):
            return Unfit(_TEXT + language, "There is nothing in it.")
        if len(text) > STATEMENT_LIMIT:
            return Unfit(_TEXT + language, f"At most {STATEMENT_LIMIT} characters.")
        if len([line for line in text.splitlines() if line.strip()]) > STATEMENT_LINES:
            return Unfit(_TEXT + language, f"At most {STATEMENT_LINES} lines.")
    return Written("draft", incident, words=kept_words(texts), node=node, seen=seen)


def said_modal(words: str) -> dict[str, Any]:
    """The answer to a modal that was sent: what became of it, in its place."""
    block = {"type": "section", "text": _plain(plain(words, 1000, 5) or "-")}
    view = {"type": "modal", "title": _plain("Tocsin"), "close": _plain("Close"), "blocks": [block]}
    return {"response_action": "update", "view": view}


def unfit_answer(unfit: Unfit) -> dict[str, Any]:
    """The answer to a modal that cannot be taken: it stays open, and says what is wrong.

    >>> unfit_answer(Unfit("tocsin.words", "There is nothing in it."))
    {'response_action': 'errors', 'errors': {'tocsin.words': 'There is nothing in it.'}}
    """
    return {"response_action": "errors", "errors": {unfit.block: unfit.why}}


def _given(view: Mapping[str, Any], block: str, *keys: str) -> str:
    node: Any = view
    for key in ("state", "values", block, block, *keys):
        node = node.get(key) if isinstance(node, Mapping) else None
    return node.encode("utf-8", "replace").decode() if isinstance(node, str) else ""


def _modal(kind: str, incident: str, title: str, submit: str, *blocks: Block) -> dict[str, Any]:
    return {
        "type": "modal",
        "callback_id": kind,
        "private_metadata": incident,
        "title": _plain(title),
        "submit": _plain(submit),
        "close": _plain("Not yet"),
        "blocks": list(blocks),
    }


def _words_block(label: str, *, optional: bool) -> Block:
    field = {"type": "plain_text_input", "action_id": _WORDS, "multiline": True, "max_length": NOTE_LIMIT}
    return {"type": "input", "block_id": _WORDS, "optional": optional, "label": _plain(label), "element": field}


def _text_block(language: str, text: str) -> Block:
    name = _TEXT + language
    field = {"type": "plain_text_input", "action_id": name, "multiline": True, "max_length": STATEMENT_LIMIT}
    if text:
        field["initial_value"] = text[:STATEMENT_LIMIT]
    label = _plain(LANGUAGES.get(language, one_line(language, 20)) or "-")
    return {"type": "input", "block_id": name, "optional": False, "label": label, "element": field}


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": False}
