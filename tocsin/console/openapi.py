"""The description of the API (OpenAPI 3.1), made from its ways in and from the structs that they answer with. Pure."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from alerting.facts import SCENARIOS, SEVERITIES
from alerting.modals import REASONS
from tocsin import __version__
from tocsin.console.act_forms import FEEDBACK, Form

if TYPE_CHECKING:
    from tocsin.console.api import Asks, Call

Json = dict[str, Any]
SCHEMAS = "#/components/schemas/"
ABOUT = (
    "What the console shows and does. Times are milliseconds since 1970, shares are thousandths. Texts of posts, "
    "authors and notes are as people wrote them: make them inert wherever they are shown."
)
_VALUES: dict[str, tuple[str, ...]] = {
    "severity": SEVERITIES,
    "severity_at_most": SEVERITIES,
    "verdict": tuple(FEEDBACK),
    "scenario": (*SCENARIOS, "blind"),
}
_REQUIRED: dict[str, tuple[str, ...]] = {
    "severity": ("severity",),
    "reply": ("node", "choice"),
    "approve": ("node",),
    "draft": ("node", "texts"),
    "note": ("words",),
    "feedback": ("verdict",),
    "silences": ("brand", "last", "reason"),
}
"""By the last word of the address."""
_IN_PATH = {
    "brand": "A brand, as the configuration calls it.",
    "incident": "An incident's id, as its card names it.",
    "silence": "A silence's id.",
}
_REFUSALS = {
    400: "The body cannot be read.",
    401: "Nobody is signed in, or the token does not hold.",
    403: "The role, or the token, does not allow this; or whoever comes is no responder of the flowchart.",
    404: "It is not there, or not theirs to see.",
    409: "It was changed meanwhile, by whom is said.",
    422: "A field is wrong: which one, and what it may be.",
    429: "Too often; `Retry-After` says when again.",
    503: "It could not be written down. Nothing was changed.",
}


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why something was refused (RFC 9457)."""

    type: str
    """A name of the reason, as `urn:tocsin:may_not`."""
    title: str
    """The reason in plain words."""
    status: int
    field: str | None = None
    """The field that is wrong."""
    allowed: list[str] | None = None
    """What it may be."""


def description(calls: Sequence["Call"]) -> Json:
    """The whole document."""
    types = list(dict.fromkeys([Problem, *(call.answers for call in calls)]))
    references, schemas = msgspec.json.schema_components(types, ref_template=f"{SCHEMAS}{{name}}")
    answers = dict(zip(types, references, strict=True))
    paths: dict[str, Json] = {}
    for call in calls:
        paths.setdefault(call.path, {})[call.method.lower()] = _operation(call, answers)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tocsin", "version": __version__, "description": ABOUT},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "made by `tocsin console token create`"}
            },
        },
        "security": [{"token": []}],
    }


def _operation(call: "Call", answers: dict[type, Json]) -> Json:
    refusals = (401, 403, 404, 422, 429) if call.method == "GET" else tuple(_REFUSALS)
    done = {"description": "Done." if call.method != "GET" else "Found.", "content": _content(answers[call.answers])}
    found: Json = {
        "operationId": _name(call),
        "summary": call.says,
        "parameters": [*_in_path(call.path), *map(_asked, call.asks)],
        "responses": {
            "200": done,
            **({"304": {"description": "As it was by `If-None-Match`."}} if call.method == "GET" else {}),
            **{str(status): _refused(status, answers[Problem]) for status in refusals},
        },
    }
    if call.fields is not None:
        body = _body(call.path.rpartition("/")[2], call.fields)
        found["requestBody"] = {"content": _content(body), "required": bool(body.get("required"))}
    return found


def _name(call: "Call") -> str:
    """A name of its own for each, which programs that are made from the document give their functions."""
    words = [word for word in re.split(r"[^a-z_]+", call.path.removeprefix("/api/v1").lower()) if word]
    return "_".join((call.method.lower(), *words))


def _in_path(path: str) -> list[Json]:
    return [
        {"name": name, "in": "path", "required": True, "description": _IN_PATH[name], "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", path)
    ]


def _asked(one: "Asks") -> Json:
    schema: Json = {"type": "integer", "minimum": 1} if one.number else {"type": "string"}
    schema |= {"enum": list(one.allowed)} if one.allowed else {}
    return {"name": one.name, "in": "query", "required": False, "description": one.says, "schema": schema}


def _body(last: str, fields: Sequence[str]) -> Json:
    """What a body may hold: some fields of `Form`, and its own id."""
    (_, schemas) = msgspec.json.schema_components([Form], ref_template=f"{SCHEMAS}{{name}}")
    known = schemas["Form"]["properties"]
    found = {name: dict(known[name]) for name in (*fields, "once")}
    for name, schema in found.items():
        if name in _VALUES:
            schema["enum"] = list(_VALUES[name])
        if name == "reason" and last == "false_alarm":
            schema["enum"] = list(REASONS)
        schema["description"] = _meaning(last, name)
        if name not in _REQUIRED.get(last, ()):
            schema["default"] = {} if name == "texts" else ""
            schema.get("enum", []).append("") if "enum" in schema else None
        else:
            schema.pop("default", None)
    body: Json = {"type": "object", "properties": found, "additionalProperties": False}
    return body | ({"required": list(_REQUIRED[last])} if last in _REQUIRED else {})


_MEANINGS = {
    "once": "An id of the caller's own, up to them: sent again with the same one, it is one act.",
    "reason": "Why; it is kept for good, so name nobody.",
    "words": "In your own words; kept where it can be erased.",
    "severity": "How bad it is at least, until it closes.",
    "node": "The node of the flowchart that asks.",
    "choice": "One of the answers that the question offers.",
    "seen": "The first 16 digits of the statement's `said`; empty while its words are the flowchart's.",
    "texts": "The statement's words, by language; every language that it has.",
    "verdict": "Whether it was right to be told.",
    "brand": "The brand that pages are held back for.",
    "last": "How long, as 30m, 2h or 1d; 30 days at most.",
    "incident": "About this incident alone, whatever its severity.",
    "scenario": "About this kind of trouble alone.",
    "severity_at_most": "What is worse breaks through; `high` where nothing is said.",
}


def _meaning(last: str, name: str) -> str:
    return "Why it is one." if (last, name) == ("false_alarm", "reason") else _MEANINGS[name]


def _content(schema: Json) -> Json:
    return {"application/json": {"schema": schema}}


def _refused(status: int, schema: Json) -> Json:
    return {"description": _REFUSALS[status], "content": {"application/problem+json": {"schema": schema}}}
