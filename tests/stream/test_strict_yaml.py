"""What somebody writes in a YAML file is what they get, or they are told the line on which it went wrong."""

import json
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, ValidationError

from stream.strict_yaml import Document, YamlProblem, parse, problems_from_pydantic

PLAIN = [
    ("no", "no"),
    ("on", "on"),
    ("yes", "yes"),
    ("1:30", "1:30"),
    ("2024-05-01", "2024-05-01"),
    ("010", "010"),
    ("0612345678", "0612345678"),
    ("+31201234567", "+31201234567"),
    ("0x1f", "0x1f"),
    ("1_000", "1_000"),
    (".inf", ".inf"),
    (".nan", ".nan"),
    ("10m", "10m"),
    ("true", True),
    ("False", False),
    ("null", None),
    ("~", None),
    ("", None),
    ("7", 7),
    ("-3", -3),
    ("0", 0),
    ("0.35", 0.35),
    ("1e3", 1000.0),
    ('"true"', "true"),
    ("'7'", "7"),
    ("{a: [1, x]}", {"a": [1, "x"]}),
]


@pytest.mark.parametrize(("written", "read"), PLAIN)
def test_a_value_is_what_it_looks_like(written: str, read: Any) -> None:
    value = parse(f"key: {written}\n", "f.yaml").data["key"]
    assert value == read
    assert type(value) is type(read)


REFUSED = [
    ("a: 1\nb: 2\na: 3\n", "3:1: `a` stands here twice (first on line 1); keep one of the two"),
    ("{a: 1, a: 2}", "1:8: `a` stands here twice (first on line 1); keep one of the two"),
    ("a: &x 1\nb: *x\n", "1:4: the anchor &x is not allowed; remove it"),
    ("a: *x\n", "1:4: the alias *x is not allowed; write the value out"),
    ("*x : 1\n", "1:1: the alias *x is not allowed; write the value out"),
    ("a: !!python/object:os.system x\n", "1:4: the tag !!python/object:os.system is not allowed; remove it"),
    ("%TAG ! tag:x,2000:\n---\na: 1\n", "1:1: a %TAG line is not allowed; remove it"),
    ("a:\n  <<: {b: 1}\n", "2:3: the merge key << is not allowed; write the keys out"),
    ("1: x\n", '1:1: the key `1` means a number in YAML; write "1" in quotes'),
    ("true: x\n", '1:1: the key `true` means true or false in YAML; write "true" in quotes'),
    ("? [a]\n: 1\n", "1:3: a key must be text, not a list or a mapping"),
    ("a: 1\n---\nb: 2\n", "2:1: a second document begins here; a file holds one, remove the `---`"),
    ("slack: @team\n", "1:8: a value cannot begin with @; put the whole value in double quotes"),
    ("a:\n\tb: 1\n", "2:1: a tab stands here; indent with spaces"),
    (
        "ask: Bad: really?\n",
        "1:9: a colon stands where none can; fix the indentation, or put a text with a colon in double quotes",
    ),
    ("a: [1\nb: 2\n", "2:2: did not find expected ',' or ']'; check indentation, colons and quotes"),
    ("é: é\nb: \x07\n", "2:4: this character is not allowed in YAML; remove it"),
    ("a: \ud800\n", "1:4: this character is not valid Unicode; remove it"),
    ("[" * 100_000, "1:22: more than 20 levels deep; at most 20 are allowed"),
    ("x" * 262_145, "1:1: the file has 262145 bytes; at most 262144 are allowed"),
    ("a: 1e999\n", "1:4: this number is too large; put it in quotes if it is a name"),
    ("a: " + "9" * 31, "1:4: a number of more than 30 digits; put it in quotes if it is a name"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED, ids=[message[:60] for _, message in REFUSED])
def test_what_is_refused_is_refused_at_its_place_with_its_cure(text: str, message: str) -> None:
    with pytest.raises(YamlProblem) as raised:
        parse(text, "f.yaml")
    assert str(raised.value) == f"f.yaml:{message}"


def test_a_yaml_bomb_is_refused_at_its_first_anchor() -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]\n" for i in range(20)
    )
    with pytest.raises(YamlProblem, match=r"f\.yaml:1:4: the anchor &a is not allowed"):
        parse(bomb, "f.yaml")


def test_positions_lead_to_values_keys_and_nearest_parents() -> None:
    document = parse("nodes:\n  first:\n    page: [anna, bob]\n", "f.yaml")
    assert document.position(("nodes", "first", "page", 1)) == (3, 18)
    assert document.key_position(("nodes", "first")) == (2, 3)
    assert document.position(("nodes", "first", "gone", 3)) == (3, 5)
    assert document.position(("gone",)) == (1, 1)


@pytest.mark.parametrize(
    ("text", "offset", "position"),
    [
        ("a: one two\n", 4, (1, 8)),
        ("a: 'it''s two'\n", 5, (1, 11)),
        ('a: "x \\" two"\n', 4, (1, 10)),
        ("a: >\n  one\n  two\n", 4, (3, 3)),
        ("a: |-\n    one\n    two\n", 4, (3, 5)),
        ("a: one\n  two\n", 4, (2, 3)),
        ("# é\na: é two\n", 2, (2, 6)),
    ],
)
def test_a_character_of_a_text_is_found_in_the_file_however_it_was_written(
    text: str, offset: int, position: tuple[int, int]
) -> None:
    assert parse(text, "f.yaml").text_position(("a",), offset) == position


class Source(BaseModel, extra="forbid"):
    kind: Literal["file", "http"]
    port: Annotated[int, Field(ge=1, le=65_535)] = 1
    token: str = ""


class Settings(BaseModel, extra="forbid"):
    name: str
    sources: list[Source] = []
    named: dict[str, Source] = {}
    spare: Source | None = None


def _problems(text: str) -> list[str]:
    document: Document = parse(text, "f.yaml")
    with pytest.raises(ValidationError) as raised:
        Settings.model_validate(document.data)
    return [str(problem) for problem in problems_from_pydantic(raised.value, document, Settings)]


def test_what_pydantic_finds_is_told_in_plain_words_at_its_line() -> None:
    assert _problems("nmae: x\nsources:\n  - {kind: fiel}\n  - {kind: http, port: x}\n  - 3\n") == [
        "f.yaml:1:1: `name` is missing here",
        "f.yaml:1:1: `nmae` is not known here; did you mean `name`? Allowed: name, sources, named, spare",
        'f.yaml:3:12: `kind` is "fiel"; allowed: file or http; did you mean `file`?',
        'f.yaml:4:24: `port` is "x"; it must be a whole number',
        "f.yaml:5:5: entry 3 of this list is the number 3; it must be a mapping (lines of `key: value`)",
    ]
    assert _problems("name: x\nnamed:\n  a: {kind: file, prot: 1}\nspare: {kind: file, port: 99999}\n") == [
        "f.yaml:3:19: `prot` is not known here; did you mean `port`? Allowed: kind, port, token",
        "f.yaml:4:27: `port` is the number 99999; allowed: at most 65535",
    ]


def test_what_may_be_a_secret_is_not_repeated() -> None:
    (said,) = _problems("name: x\nsources: [{kind: http, token: 123456}]\n")
    assert "123456" not in said
    assert said.endswith("`token` is not right (it is not shown: it may be a secret); it must be text")


_plain = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(10**12), 10**12), st.text("abé: #'\"\\-~{}[],&*!|>%@`", max_size=12)
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text("abc é:#-", max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=150)
@given(_plain)
def test_json_is_read_as_json(value: Any) -> None:
    assert parse(json.dumps(value, ensure_ascii=False), "f.json").data == value


@settings(max_examples=300)
@given(st.text("ab:-#'\"\\ \n\t{}[],&*!|>%@~01\x00\ud800é", max_size=60))
def test_any_text_is_read_or_refused_never_a_crash(text: str) -> None:
    found: tuple[int, int] = (1, 1)
    try:
        parse(text, "f.yaml")
    except YamlProblem as problem:
        found = (problem.line, problem.column)
    assert (1, 1) <= found <= (text.count("\n") + 1, len(text) + 1)
