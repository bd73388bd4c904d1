"""YAML without its surprises: one document of plain values, each with its place in the file.

What people write in a configuration is what they get: `no`, `on`, `1:30`, `2024-05-01`, `0612345678` and `+3161234`
stay text, only `true` and `false` are booleans (YAML 1.2), a key written twice is an error rather than a silent loss,
and anchors, aliases, tags and merge keys are refused, with which a small file could unfold into gigabytes.
"""

import math
import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from types import UnionType
from typing import Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, Tag, ValidationError

MAX_BYTES = 256 * 1024
MAX_DEPTH = 20
MAX_DIGITS = 30

Path = tuple[str | int, ...]

# YAML 1.2 core schema, less what loses characters: leading zeros, a leading plus, hexadecimal, octal, .inf and .nan.
_NULL = ("", "~", "null", "Null", "NULL")
_TRUE = ("true", "True", "TRUE")
_FALSE = ("false", "False", "FALSE")
_INT = re.compile(r"-?(0|[1-9][0-9]*)")
_NOT_YAML = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_FLOAT = re.compile(r"-?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


class YamlProblem(ValueError):  # noqa: N818 - a problem of the person who wrote the file, in the words they read
    """What is wrong with a file and where, as `file:line:column: message`."""

    def __init__(self, filename: str, line: int, column: int, message: str) -> None:
        # It quotes what somebody wrote, which may have lines and control characters of its own.
        message = "".join(c if c.isprintable() else " " if c.isspace() else "?" for c in message)
        super().__init__(f"{filename}:{line}:{column}: {message}")
        self.filename = filename
        self.line = line
        self.column = column
        self.message = message


class Document:
    """A parsed file: plain values, and where each was written."""

    def __init__(self, filename: str, text: str) -> None:
        self.filename = filename
        self.text = text
        self.data: Any = None
        self._values: dict[Path, tuple[int, int]] = {(): (1, 1)}
        self._keys: dict[Path, tuple[int, int]] = {}
        self._spans: dict[Path, tuple[int, int]] = {}

    def position(self, path: Path) -> tuple[int, int]:
        """Line and column (from 1) of the value at `path`, or of its nearest parent that exists.

        >>> document = parse("a:\\n  b: [1, 2]\\n", "x.yaml")
        >>> document.position(("a", "b", 1)), document.position(("a", "c"))
        ((2, 10), (2, 3))
        """
        while path not in self._values:
            path = path[:-1]
        return self._values[path]

    def key_position(self, path: Path) -> tuple[int, int]:
        """Line and column of the key that ends `path`; of the value where there is no such key (a list's item)."""
        return self._keys.get(path) or self.position(path)

    def text_position(self, path: Path, offset: int) -> tuple[int, int]:
        """Line and column of the character `offset` (from 0) of the text at `path`, however it was quoted or folded."""
        value: Any = self.data
        for step in path:
            value = value[step]
        start, end = self._spans[path]
        index = _index_in_source(self.text[start:end], str(value)[:offset]) + start
        before = self.text[:index]
        return before.count("\n") + 1, index - (before.rfind("\n") + 1) + 1

    def problem(self, path: Path, message: str, *, at_key: bool = False) -> YamlProblem:
        """`message` about the value (or the key) at `path`."""
        line, column = self.key_position(path) if at_key else self.position(path)
        return YamlProblem(self.filename, line, column, message)

    def has(self, path: Path) -> bool:
        """Whether the file holds a value at `path`."""
        return path in self._values

    def at(self, path: Path) -> Any:
        """What the file holds at `path`, before it means anything. Raises `LookupError` where there is nothing."""
        found = self.data
        for step in path:
            found = found[step]
        return found


def _index_in_source(source: str, before: str) -> int:
    """Where in a scalar's source its next visible character stands, after those of `before`.

    Folding and quoting change only blanks, quotes and escapes, so visible characters are counted off.
    """
    quote = source[:1] if source[:1] in "'\"" else ""
    index = 1 if quote else 0
    if source[:1] in ("|", ">"):  # a block's header is not its text
        index = source.find("\n") + 1
    visible = sum(1 for character in before if not character.isspace())
    while index < len(source):
        character = source[index]
        wide = (quote == '"' and character == "\\") or (quote == "'" and source[index : index + 2] == "''")
        if not character.isspace():
            if visible == 0:
                return index
            visible -= 1
        index += 2 if wide else 1
    return max(len(source) - 1, 0)


def parse(text: str, filename: str) -> Document:
    """Read one YAML document.

    Raises `YamlProblem` for the first thing that is wrong: broken YAML, a file of more than 256 KiB or 20 levels,
    several documents, a key twice, a key that is no text, an anchor, alias, tag or merge key.

    >>> parse("office: no\\nat: 1:30\\nhours: 8\\n", "x.yaml").data
    {'office': 'no', 'at': '1:30', 'hours': 8}
    >>> parse("a: 1\\na: 2\\n", "x.yaml")
    Traceback (most recent call last):
    ...
    stream.strict_yaml.YamlProblem: x.yaml:2:1: `a` stands here twice (first on line 1); keep one of the two
    """
    document = Document(filename, text)
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise _at_index(document, error.start, "this character is not valid Unicode; remove it") from None
    if size > MAX_BYTES:
        raise YamlProblem(filename, 1, 1, f"the file has {size} bytes; at most {MAX_BYTES} are allowed")
    if text.startswith("\ufeff"):
        text = document.text = text[1:]
    odd = _NOT_YAML.search(text)
    if odd is not None:
        raise _at_index(document, odd.start(), "this character is not allowed in YAML; remove it")
    try:
        _Reader(document, yaml.parse(text, Loader=yaml.CSafeLoader)).read()
    except yaml.MarkedYAMLError as error:
        raise _explained(document, error) from None
    return document


def _at_index(document: Document, index: int, message: str) -> YamlProblem:
    before = document.text[:index]
    column = index - (before.rfind("\n") + 1) + 1
    return YamlProblem(document.filename, before.count("\n") + 1, column, message)


def _explained(document: Document, error: yaml.MarkedYAMLError) -> YamlProblem:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    lines = document.text.splitlines() or [""]
    if line > len(lines):  # what is missing at the end is missing on the last line
        line, column = len(lines), len(lines[-1]) + 1
    at = lines[line - 1][column - 1 : column]
    said = error.problem or "this is not YAML"
    cure = "check indentation, colons and quotes"
    if at == "\t":
        said, cure = "a tab stands here", "indent with spaces"
    elif "cannot start any token" in said and at:
        said, cure = f"a value cannot begin with {at}", "put the whole value in double quotes"
    elif "mapping values are not allowed" in said:
        said, cure = "a colon stands where none can", "fix the indentation, or put a text with a colon in double quotes"
    return YamlProblem(document.filename, line, column, f"{said}; {cure}")


class _Reader:
    """Turns libyaml's events into plain values, refusing as it reads: nothing large is ever built."""

    def __init__(self, document: Document, events: Iterator[Any]) -> None:
        self._document = document
        self._events = events

    def read(self) -> None:
        seen = False
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if seen:
                    raise self._wrong(event, "a second document begins here; a file holds one, remove the `---`")
                seen = True
                if event.tags:
                    raise self._wrong(event, "a %TAG line is not allowed; remove it")
                self._document.data = self._value(next(self._events), ())

    def _value(self, event: Any, path: Path) -> Any:
        self._refuse(event, path)
        mark = event.start_mark
        self._document._values[path] = (mark.line + 1, mark.column + 1)  # noqa: SLF001 - the reader fills the document
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path)
        self._document._spans[path] = (mark.index, event.end_mark.index)  # noqa: SLF001
        return self._scalar(event)

    def _refuse(self, event: Any, path: Path) -> None:
        if isinstance(event, yaml.AliasEvent):
            raise self._wrong(event, f"the alias *{event.anchor} is not allowed; write the value out")
        if event.anchor is not None:
            raise self._wrong(event, f"the anchor &{event.anchor} is not allowed; remove it")
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            raise self._wrong(event, f"the tag {tag} is not allowed; remove it")
        if len(path) > MAX_DEPTH:
            raise self._wrong(event, f"more than {MAX_DEPTH} levels deep; at most {MAX_DEPTH} are allowed")

    def _mapping(self, path: Path) -> dict[str, Any]:
        values: dict[str, Any] = {}
        keys = self._document._keys  # noqa: SLF001
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, path)
            here = (*path, key)
            if key in values:
                first = keys[here][0]
                raise self._wrong(event, f"`{key}` stands here twice (first on line {first}); keep one of the two")
            keys[here] = (event.start_mark.line + 1, event.start_mark.column + 1)
            values[key] = self._value(next(self._events), here)
        return values

    def _key(self, event: Any, path: Path) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            if isinstance(event, yaml.AliasEvent):
                self._refuse(event, path)
            raise self._wrong(event, "a key must be text, not a list or a mapping")
        self._refuse(event, path)
        if event.style == "" and event.value == "<<":
            raise self._wrong(event, "the merge key << is not allowed; write the keys out")
        key = self._scalar(event)
        if not isinstance(key, str):
            kind = "nothing" if key is None else "true or false" if isinstance(key, bool) else "a number"
            raise self._wrong(event, f'the key `{event.value}` means {kind} in YAML; write "{event.value}" in quotes')
        return key

    def _sequence(self, path: Path) -> list[Any]:
        values: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            values.append(self._value(event, (*path, len(values))))
        return values

    def _scalar(self, event: Any) -> Any:
        text: str = event.value
        if event.style != "":
            return text
        if text in _NULL:
            return None
        if text in _TRUE or text in _FALSE:
            return text in _TRUE
        if _INT.fullmatch(text):
            if len(text) > MAX_DIGITS:
                raise self._wrong(event, f"a number of more than {MAX_DIGITS} digits; put it in quotes if it is a name")
            return int(text)
        if _FLOAT.fullmatch(text):
            number = float(text)
            if math.isinf(number):
                raise self._wrong(event, "this number is too large; put it in quotes if it is a name")
            return number
        return text

    def _wrong(self, event: Any, message: str) -> YamlProblem:
        mark = event.start_mark
        return YamlProblem(self._document.filename, mark.line + 1, mark.column + 1, message)


def did_you_mean(word: str, allowed: Sequence[str]) -> str:
    """`; did you mean ...?`, or nothing where no allowed word is near.

    >>> did_you_mean("pagee", ["page", "notify"])
    '; did you mean `page`?'
    """
    near = get_close_matches(word.lower(), allowed, n=1, cutoff=0.6)
    return f"; did you mean `{near[0]}`?" if near else ""


def unknown(word: str, allowed: Sequence[str], what: str = "here") -> str:
    """That a word is not known, the nearest one that is, and all that are.

    >>> unknown("prot", ["port", "path"])
    '`prot` is not known here; did you mean `port`? Allowed: port, path'
    """
    near = did_you_mean(word, allowed)
    listed = f"llowed: {', '.join(allowed)}" if allowed else ""
    start = f"{near} A" if near else "; a"
    return f"`{word}` is not known {what}{start if allowed else ''}{listed}"


_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list, as [one, two]",
    "tuple_type": "a list, as [one, two]",
    "dict_type": "a mapping (lines of `key: value`)",
    "model_type": "a mapping (lines of `key: value`)",
    "model_attributes_type": "a mapping (lines of `key: value`)",
}


_BOUNDS = {
    "greater_than_equal": ("at least", "ge"),
    "less_than_equal": ("at most", "le"),
    "greater_than": ("more than", "gt"),
    "less_than": ("less than", "lt"),
}
_UNITS_MS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000))


def _in_units(duration_ms: int) -> str:
    """What was written with a unit is a duration, and so are its bounds."""
    return next((f"{duration_ms // n}{unit}" for unit, n in _UNITS_MS if not duration_ms % n), f"{duration_ms}ms")


def problems_from_pydantic(
    error: ValidationError, document: Document, model: type[BaseModel] | None = None
) -> list[YamlProblem]:
    """What pydantic found, in plain words and at the place in the file where it stands, in the file's order.

    With `model` (the class that was validated) a misspelt key is answered with the keys that are allowed.

    >>> class Person(BaseModel, extra="forbid"):
    ...     name: str
    >>> document = parse("nmae: Ann\\n", "x.yaml")
    >>> try:
    ...     Person.model_validate(document.data)
    ... except ValidationError as error:
    ...     print(*problems_from_pydantic(error, document, Person), sep="\\n")
    x.yaml:1:1: `name` is missing here
    x.yaml:1:1: `nmae` is not known here; did you mean `name`? Allowed: name
    """
    found = [_problem(dict(item), document, model) for item in error.errors(include_url=False)]
    return sorted(found, key=lambda problem: (problem.line, problem.column, problem.message))


def _problem(item: dict[str, Any], document: Document, model: type[BaseModel] | None) -> YamlProblem:
    path = _written_path(item["loc"], document)
    kind: str = item["type"]
    name = _named(path)
    if kind == "extra_forbidden":
        allowed = allowed_keys(model, item["loc"][:-1]) if model else []
        return document.problem(path, unknown(str(path[-1]), allowed), at_key=True)
    if kind == "missing":
        line, column = document.key_position(path)
        return YamlProblem(document.filename, line, column, f"`{item['loc'][-1]}` is missing here")
    if kind in _WANTED:
        return document.problem(path, f"{name} is {_shown(path, item['input'])}; it must be {_WANTED[kind]}")
    if kind in ("literal_error", "enum"):
        wanted = str(item["ctx"]["expected"]).replace("'", "")
        near = did_you_mean(str(item["input"]), re.split(r", | or ", wanted))
        return document.problem(path, f"{name} is {_shown(path, item['input'])}; allowed: {wanted}{near}")
    if kind == "union_tag_invalid":
        wanted = str(item["ctx"]["expected_tags"]).replace("'", "")
        near = did_you_mean(str(item["ctx"]["tag"]), wanted.split(", "))
        said = f"`type` is {described(item['ctx']['tag'])}; allowed: {wanted}{near}"
        return document.problem((*path, "type") if document.has((*path, "type")) else path, said)
    if kind in ("value_error", "assertion_error"):
        return document.problem(path, str(item["ctx"]["error"]))
    if kind in _BOUNDS:
        bound, (words, key) = item["ctx"], _BOUNDS[kind]
        value, limit = item["input"], f"{bound[key]:g}" if isinstance(bound[key], float) else bound[key]
        written = document.at(path)
        if isinstance(written, str) and isinstance(value, int) and isinstance(limit, int):
            return document.problem(path, f"{name} is {written[:20]}; allowed: {words} {_in_units(limit)}")
        return document.problem(path, f"{name} is {_shown(path, value)}; allowed: {words} {limit}")
    if kind == "string_too_short" and item["ctx"]["min_length"] == 1:
        return document.problem(path, f"{name} is empty; leave it out, or write something")
    said = item["msg"][0].lower() + item["msg"][1:]
    return document.problem(path, f"{name} is {_shown(path, item['input'])}; {said}")


def _named(path: Path) -> str:
    if not path:
        return "the file"
    return f"entry {path[-1] + 1} of this list" if isinstance(path[-1], int) else f"`{path[-1]}`"


_SECRET = re.compile("token|secret|passw|key|dsn|credential", re.IGNORECASE)


def _shown(path: Path, value: Any) -> str:
    """The value as a message names it; what may be a secret is never repeated."""
    secret = any(isinstance(step, str) and _SECRET.search(step) for step in path)
    return "not right (it is not shown: it may be a secret)" if secret else described(value)


def _written_path(loc: Path, document: Document) -> Path:
    """pydantic's location without what it adds of its own (a union's member), as far as the file goes."""
    path: Path = ()
    for step in loc:
        if document.has((*path, step)):
            path = (*path, step)
    return path


def described(value: Any) -> str:
    """A value from a file as a message names it: short, and of what kind."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return f"{str(value).lower()} (true or false)"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return f'"{value[:60]}"'
    return "a list" if isinstance(value, list) else "a mapping"


def allowed_keys(model: type[BaseModel], loc: Path) -> list[str]:
    """The keys that `model` allows in the mapping at `loc` (a pydantic location), in the order of their declaration."""
    places: list[_Place] = [(None, model)]
    for step in loc:
        tagged = [place for place in places if place[0] == step]
        places = tagged or [inner for _, kind in places for inner in _inside(kind, step)]
    keys: list[str] = []
    for _, kind in places:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            keys += [field.alias or name for name, field in kind.model_fields.items()]
    return list(dict.fromkeys(keys))


_Place = tuple[str | None, Any]
"""A type that may stand somewhere, with its tag in a union."""


def _inside(kind: Any, step: str | int) -> list[_Place]:
    """The types that a value of type `kind` may hold under `step`."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        found = [field for name, field in kind.model_fields.items() if (field.alias or name) == step]
        return [member for field in found for member in _members(field.annotation)]
    arguments = [argument for argument in get_args(kind) if argument is not Ellipsis]
    return [member for argument in arguments[-1:] for member in _members(argument)]


def _members(annotation: Any) -> list[_Place]:
    """A union's members; the type inside `Annotated`; else the type itself."""
    if hasattr(annotation, "__metadata__"):
        tag = next((mark.tag for mark in annotation.__metadata__ if isinstance(mark, Tag)), None)
        return [(tag or inner_tag, kind) for inner_tag, kind in _members(annotation.__origin__)]
    if get_origin(annotation) in (Union, UnionType):
        return [member for argument in get_args(annotation) for member in _members(argument)]
    return [(None, annotation)]
