"""What an act may carry: read from a form or from JSON, and refused with the field that is wrong. Pure."""

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import msgspec

from alerting.facts import SCENARIOS, SEVERITIES
from alerting.inert import one_line, plain
from alerting.modals import NOTE_LIMIT, REASONS, STATEMENT_LIMIT, STATEMENT_LINES
from alerting.quiet import LONGEST_SILENCE_MS, Silence, length_ms
from stream.codec import DAY_MS
from stream.strict_yaml import unknown

ActName = Literal[
    "acknowledge",
    "own",
    "escalate",
    "false_alarm",
    "resolve",
    "severity",
    "reply",
    "approve",
    "draft",
    "note",
    "feedback",
]
ACTS: tuple[str, ...] = get_args(ActName)
FEEDBACK: dict[str, str] = {
    "was_right": "Looking back: it was right to be told.",
    "was_false_alarm": "Looking back: this was a false alarm.",
}
"""What somebody says of an incident when it is over. The journal keeps the word, as the choice of a note."""
FIELDS: dict[str, tuple[str, ...]] = {
    "acknowledge": (),
    "own": (),
    "escalate": (),
    "false_alarm": ("reason", "words"),
    "resolve": (),
    "severity": ("severity",),
    "reply": ("node", "choice"),
    "approve": ("node", "seen"),
    "draft": ("node", "seen", "texts"),
    "note": ("words",),
    "feedback": ("verdict", "words"),
}
"""Which fields of a `Form` each act looks at, besides the form's own id."""
SILENCE_FIELDS = ("brand", "last", "reason", "incident", "scenario", "severity_at_most")
EMPTY = "There is nothing in it."
NO_REASON = "Why? The reason is kept for good, so name nobody."
LONGEST_REASON = 300
LONGEST_NAME = 200


class Refused(Exception):  # noqa: N818 - what became of it
    """An act that was not taken: what whoever pressed is told, which of the fields is wrong, and what it may be."""

    def __init__(self, words: str, status: int, *, field: str = "", allowed: Sequence[str] = ()) -> None:
        super().__init__(words)
        self.words = words
        self.status = status
        """As HTTP has it: 403 for who may not, 404 for what is not there, 422 for a field, 503 for a log that fails."""
        self.field = field
        self.allowed = tuple(allowed)


class Form(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What an act may carry. Everything in it comes from outside."""

    once: str = ""
    """The form's own id: sent twice, it is one act. Without it each is an act of its own. (A field called `form` would
    hide the form itself from a page's script.)"""
    reason: str = ""
    """Why it is a false alarm, one of `alerting.modals.REASONS`; why there is to be quiet, in words."""
    words: str = ""
    """A note; what should be known next time. Kept where it can be erased."""
    severity: str = ""
    """How bad it is at least."""
    node: str = ""
    """The node of the flowchart that asks."""
    choice: str = ""
    """The answer to its question."""
    seen: str = ""
    """Which words of a statement were seen (`alerting.drafts.about`)."""
    texts: dict[str, str] = {}
    """A statement's words by language."""
    verdict: str = ""
    """Afterwards: one of `FEEDBACK`."""
    brand: str = ""
    """Whom a silence is about."""
    last: str = ""
    """How long it lasts, as 30m, 2h or 1d."""
    incident: str = ""
    """The incident alone that it is about."""
    scenario: str = ""
    """The kind of trouble alone that it is about."""
    severity_at_most: str = ""
    """What is worse breaks through."""


class Asked(msgspec.Struct, frozen=True):
    """What an act asks of the log."""

    action: str
    """One of `tocsin.entry.AnswerKind`."""
    choice: str = ""
    node: str = ""
    note: str = ""


def read_act(name: str, form: Form) -> Asked:
    """What an act of this name asks. Raises `Refused` for a field that is wrong.

    >>> read_act("false_alarm", Form(reason="bots"))
    Asked(action='false_alarm', choice='bots', node='', note='')
    >>> read_act("severity", Form(severity="hihg"))
    Traceback (most recent call last):
    tocsin.console.act_forms.Refused: `hihg` is not known as a severity; did you mean `high`? Allowed: low, medium, \
high, critical
    """
    match name:
        case "acknowledge" | "own" | "escalate" | "resolve":
            return Asked(name)
        case "false_alarm":
            if form.reason:
                _one_of("reason", form.reason, REASONS)
            return Asked(name, form.reason, note=_note(form.words, needed=False))
        case "severity":
            _one_of("severity", form.severity, SEVERITIES)
            return Asked(name)
        case "reply":
            return Asked(name, _given("choice", form.choice), _given("node", form.node))
        case "approve" | "draft":
            return Asked(name, form.seen, _given("node", form.node))
        case "note":
            return Asked(name, note=_note(form.words, needed=True))
        case "feedback":
            _one_of("verdict", form.verdict, FEEDBACK)
            words = _note(form.words, needed=False)
            return Asked("note", form.verdict, note=f"{FEEDBACK[form.verdict]}{words and f' {words}'}")
    raise Refused(unknown(one_line(name, 40), ACTS, "as an act"), 404, field="act", allowed=ACTS)


def read_silence(name: str, who: str, form: Form, now_ms: int) -> Silence:
    """The silence that `who` asks for from now on, under this name. Raises `Refused` for a field that is wrong."""
    lasts_ms = length_ms(form.last)
    if not lasts_ms:
        days = LONGEST_SILENCE_MS // DAY_MS
        allowed = ("30m", "2h", "1d", f"up to {days}d")
        raise Refused(f"How long? Allowed: {', '.join(allowed)}.", 422, field="last", allowed=allowed)
    if not form.reason.strip():
        raise Refused(NO_REASON, 422, field="reason")
    if form.scenario:
        _one_of("scenario", form.scenario, (*SCENARIOS, "blind"))
    worst = form.severity_at_most or ("critical" if form.incident else "high")
    _one_of("severity_at_most", worst, SEVERITIES)
    return Silence(
        id=name,
        brand=form.brand,
        from_ms=now_ms,
        until_ms=now_ms + lasts_ms,
        who=who,
        reason=form.reason.strip()[:LONGEST_REASON],
        scenario=form.scenario,
        severity_at_most=worst,
        incident=form.incident,
    )


def _one_of(field: str, value: str, allowed: Sequence[str] | Mapping[str, str]) -> None:
    if value not in allowed:
        names = tuple(allowed)
        raise Refused(unknown(one_line(value, 40), names, f"as a {field}"), 422, field=field, allowed=names)


def _given(field: str, value: str) -> str:
    if not value or len(value) > LONGEST_NAME:
        raise Refused(f"Which {field}?", 422, field=field)
    return value


def _note(words: str, *, needed: bool) -> str:
    if len(words) > NOTE_LIMIT:
        raise Refused(f"At most {NOTE_LIMIT} characters.", 422, field="words")
    if needed and not plain(words):
        raise Refused(EMPTY, 422, field="words")
    return words if words.strip() else ""


def check_statement(language: str, text: str) -> None:
    """Raises `Refused` where a statement's words in a language are none, or too many."""
    field = f"texts.{language}"
    if not plain(text):
        raise Refused(EMPTY, 422, field=field)
    if len(text) > STATEMENT_LIMIT:
        raise Refused(f"At most {STATEMENT_LIMIT} characters.", 422, field=field)
    if len([line for line in text.splitlines() if line.strip()]) > STATEMENT_LINES:
        raise Refused(f"At most {STATEMENT_LINES} lines.", 422, field=field)
