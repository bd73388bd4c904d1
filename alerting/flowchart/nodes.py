"""The nodes of a crisis flowchart: each a sentence that begins with the word of its kind.

Keys are chosen so that a node reads well: *page* pr_on_call, *acknowledge within* 10m, *if not acknowledged* page_head,
*then* tell_others.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag

from alerting.flowchart.fields import Cel, ChannelName, Duration, Name, Section, Targets, Ways, Words
from stream.strict_yaml import did_you_mean

KINDS = (
    *("question", "ask", "page", "notify", "wait", "escalate", "repeat"),
    *("open_channel", "mobilise", "brief", "statement", "call", "end"),
)


class Question(Section):
    """Asks the facts, and goes one of two ways."""

    question: Words
    when: Cel
    yes: str
    no: str


TWO_TO_FIVE: dict[str, Any] = {"minProperties": 2, "maxProperties": 5}
MAX_REPEATS = 20


def _two_to_five(value: dict[str, str]) -> dict[str, str]:
    if not 2 <= len(value) <= 5:
        raise ValueError(f"a question has two to five answers, each with its node; here are {len(value)}")
    return value


def _times(value: int) -> int:
    if not 1 <= value <= MAX_REPEATS:
        raise ValueError(f"`at_most` is {value}; allowed: 1 to {MAX_REPEATS}")
    return value


class Ask(Section):
    """Asks people, with a button on the card for each answer, and waits for the first of them to press one.

    Later questions see the answer as `answers["is_it_true"] == "yes"`, by the name of this node.
    """

    ask: Words
    of: Targets
    answers: Annotated[dict[Name, str], AfterValidator(_two_to_five), Field(json_schema_extra=TWO_TO_FIVE)]
    within: Duration
    if_no_answer: str


class Page(Section):
    """Wakes people, and waits until one of them acknowledges, or with `acknowledge: everyone` all of them.

    Not in time: on to `if_not_acknowledged`. Without that it is the last rung, and waits as long as it takes.
    """

    page: Targets
    say: Words | None = None
    by: Ways = ("slack",)
    acknowledge: Literal["anyone", "everyone"] = "anyone"
    acknowledge_within: Duration | None = None
    if_not_acknowledged: str | None = None
    then: str


class Notify(Section):
    """Tells people, and goes on."""

    notify: Targets
    say: Words | None = None
    by: Ways = ("slack",)
    then: str


class Wait(Section):
    """Lets time pass, up to `wait`, or until a condition holds, whichever comes first."""

    wait: Duration | None = None
    until: Cel | None = None
    then: str


class Escalate(Section):
    """Goes on at the named node as the next rung, at once: whoever acknowledged before that counts no longer."""

    escalate: str
    because: Words


class Repeat(Section):
    """Goes back to a node, so many times at most, and then on."""

    repeat: str
    at_most: Annotated[int, AfterValidator(_times), Field(json_schema_extra={"minimum": 1, "maximum": MAX_REPEATS})]
    then: str


class OpenChannel(Section):
    """Asks for a channel of its own for this crisis, and invites people into it."""

    open_channel: ChannelName
    invite: Targets = ()
    say: Words | None = None
    then: str


class Mobilise(Section):
    """Calls in people who are not on duty. Wakes them even when somebody has acknowledged, and waits for nobody."""

    mobilise: Targets
    say: Words | None = None
    by: Ways = ("slack",)
    then: str


class Brief(Section):
    """Puts senior leadership in the picture, once. Nobody is woken and nobody needs to answer."""

    brief: Targets
    say: Words | None = None
    by: Ways = ("slack",)
    then: str


class Statement(Section):
    """Offers a holding statement. Nobody can copy it before one of `approve_by`, who is not its author, has approved.

    Nothing is ever posted in public: a person copies the words.
    """

    statement: Name
    languages: Targets = ()
    written_by: str
    approve_by: Targets
    within: Duration
    if_not_approved: str
    then: str


class Call(Section):
    """Walks a sub-chart, and goes on where its `end` comes back."""

    call: Name
    then: str


class End(Section):
    """Ends the walk, and says why."""

    end: Words


@dataclass(frozen=True)
class Enter:
    """A call, unfolded: goes into the sub-chart at once."""

    call: str
    into: str


@dataclass(frozen=True)
class Leave:
    """An `end` of a sub-chart, unfolded: goes back to the caller at once."""

    end: str
    then: str


def _one_kind(value: Any) -> Any:
    """Says which words a node can begin with, where it has none of them or two."""
    if not isinstance(value, dict):
        return value
    kinds = [kind for kind in KINDS if kind in value]
    if len(kinds) > 1:
        raise ValueError(f"a node is one thing; this one has `{kinds[0]}` and `{kinds[1]}`: make two nodes of it")
    if not kinds and "until" not in value:
        near = next((said for key in value if (said := did_you_mean(str(key), KINDS))), "")
        raise ValueError(f"a node must have one of: {', '.join(KINDS)}{near}")
    return value


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return f"<{next((kind for kind in KINDS if kind in value), 'wait')}>"
    return "<end>"


WrittenNode = (
    Question | Ask | Page | Notify | Wait | Escalate | Repeat | OpenChannel | Mobilise | Brief | Statement | Call | End
)
"""A node as it is written."""
Node = (
    Question
    | Ask
    | Page
    | Notify
    | Wait
    | Escalate
    | Repeat
    | OpenChannel
    | Mobilise
    | Brief
    | Statement
    | Enter
    | Leave
    | End
)
"""A node as it is walked: calls are unfolded."""
TaggedNode = Annotated[
    Annotated[
        Annotated[Question, Tag("<question>")]
        | Annotated[Ask, Tag("<ask>")]
        | Annotated[Page, Tag("<page>")]
        | Annotated[Notify, Tag("<notify>")]
        | Annotated[Wait, Tag("<wait>")]
        | Annotated[Escalate, Tag("<escalate>")]
        | Annotated[Repeat, Tag("<repeat>")]
        | Annotated[OpenChannel, Tag("<open_channel>")]
        | Annotated[Mobilise, Tag("<mobilise>")]
        | Annotated[Brief, Tag("<brief>")]
        | Annotated[Statement, Tag("<statement>")]
        | Annotated[Call, Tag("<call>")]
        | Annotated[End, Tag("<end>")],
        Discriminator(_kind),
    ],
    BeforeValidator(_one_kind),
]


class SubChart(Section):
    """Nodes that several places share. Its names are its own; every `end` goes back to the caller."""

    entry: str
    nodes: dict[Name, TaggedNode] = Field(min_length=1, max_length=500)


def ways_out(node: Node | WrittenNode) -> list[tuple[str, str]]:
    """Where a node can lead, as (key, node) in the order in which a reader meets them.

    An answer's key is `answers.CHOICE`. Every kind of node is named here: one that is not raises `TypeError`.
    """
    match node:
        case Question():
            return [("yes", node.yes), ("no", node.no)]
        case Ask():
            given = [(f"answers.{choice}", target) for choice, target in node.answers.items()]
            return [*given, ("if_no_answer", node.if_no_answer)]
        case Page():
            late = node.if_not_acknowledged
            return [("then", node.then), *([("if_not_acknowledged", late)] if late is not None else [])]
        case Statement():
            return [("then", node.then), ("if_not_approved", node.if_not_approved)]
        case Notify() | Wait() | OpenChannel() | Mobilise() | Brief() | Call() | Leave():
            return [("then", node.then)]
        case Escalate():
            return [("escalate", node.escalate)]
        case Repeat():
            return [("repeat", node.repeat), ("then", node.then)]
        case Enter():
            return [("into", node.into)]
        case End():
            return []
    raise TypeError(f"{type(node).__name__} is no node of a flowchart")


def told(node: Node | WrittenNode) -> tuple[str, ...]:
    """Whom a node pages, asks or tells."""
    match node:
        case Ask():
            return node.of
        case Page():
            return node.page
        case Notify():
            return node.notify
        case OpenChannel():
            return node.invite
        case Mobilise():
            return node.mobilise
        case Brief():
            return node.brief
        case Statement():
            return (node.written_by, *node.approve_by)
    return ()
