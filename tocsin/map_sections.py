"""Maps in the configuration, and in a file of their own: which field of a payload, or which column, is which."""

import codecs
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, ValidationError

from stream.sources.column_map import NEEDED, TEXT_LIST, ColumnMap
from stream.sources.shapes import FIELDS, Rule, Shape
from stream.sources.values import Dates
from stream.strict_yaml import YamlProblem, parse, problems_from_pydantic, unknown
from tocsin.setting_sections import Section
from tocsin.setting_types import Text, Whole, Zone


class FieldSettings(Section):
    """Where one field comes from. `text: body` is short for `text: {from: [body]}`."""

    model_config = ConfigDict(populate_by_name=True)

    paths: tuple[Text, ...] = Field(
        default=(), alias="from", max_length=20, description="places to look at: the first that holds something"
    )
    join: tuple[Text, ...] = Field(default=(), max_length=20, description="places whose values are put together")
    with_: str = Field(default=" ", alias="with", max_length=10, description="what stands between joined values")
    constant: str | int | bool | None = Field(default=None, description="what it is where nothing is found")


def _spelt_out(value: Any) -> Any:
    """`body` and `[title, body]` are short for the long form."""
    if isinstance(value, str):
        return {"from": [value]}
    return {"from": value} if isinstance(value, list | tuple) else value


def _known_fields(value: dict[str, FieldSettings]) -> dict[str, FieldSettings]:
    for name in value:
        if name not in FIELDS:
            raise ValueError(unknown(name, FIELDS, "of a mention"))
    for name in NEEDED:
        if name not in value:
            raise ValueError(f"`{name}` is missing: every mention has created_at and text")
    return value


def _encoding(value: str) -> str:
    try:
        return codecs.lookup(value).name
    except LookupError:
        raise ValueError(f'"{value[:30]}" is no encoding; allowed: utf-8, windows-1252, utf-16 and others') from None


Fields = Annotated[dict[str, Annotated[FieldSettings, BeforeValidator(_spelt_out)]], AfterValidator(_known_fields)]


class PayloadSettings(Section):
    """What a sender's payload looks like, where it is not in the interchange form."""

    fields: Fields = Field(description="field of a mention: its path in an item, as `author.name` or `images.0.url`")
    items: str = Field(
        default="", description="path of the list of items; when empty, the payload is an item, a list, or JSON lines"
    )
    zone: Zone | None = Field(
        default=None, description="zone of times that name none; when absent, that of the whole file"
    )
    month_first: bool = Field(default=False, description="whether 03/04/2026 is the fourth of March")
    formats: tuple[Text, ...] = Field(
        default=(), max_length=10, description="forms of times to try first, in the letters of strptime"
    )
    html: bool = Field(default=False, description="whether texts are HTML")

    def shape(self, zone: str) -> Shape:
        """As the reader of payloads wants it; `zone` is that of the whole file."""
        rules = {name: _rule(name, one) for name, one in self.fields.items()}
        dates = Dates(self.zone or zone, self.month_first, self.formats)
        return Shape(rules, self.items, dates, self.html, digest_ids="id" not in rules)


class ColumnSettings(PayloadSettings):
    """How the exports of one tool are read: names of columns stand where paths do."""

    delimiter: str | None = Field(
        default=None, min_length=1, max_length=1, description="when absent, found out for each file"
    )
    encoding: Annotated[str, AfterValidator(_encoding)] | None = Field(
        default=None, description="when absent, found out for each file"
    )
    skip_lines: Whole | None = Field(default=None, ge=0, le=1000, description="lines before the names of the columns")

    def columns(self, zone: str) -> ColumnMap:
        """As the reader of files wants it; `zone` is that of the whole file."""
        return ColumnMap(self.shape(zone), self.delimiter, self.encoding, self.skip_lines)


def _rule(name: str, one: FieldSettings) -> Rule:
    if one.join:
        return Rule(one.join, one.with_, one.constant)
    is_text = name == TEXT_LIST[0] and len(one.paths) > 1
    return Rule(one.paths, TEXT_LIST[1] if is_text else None, one.constant)


def read_map(path: Path) -> ColumnSettings:
    """A map in a file of its own. Raises `YamlProblem`, with file, line and column."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise YamlProblem(str(path), 1, 1, f"it cannot be read ({type(error).__name__})") from None
    document = parse(text, str(path))
    if not isinstance(document.data, Mapping):
        raise document.problem((), "a map begins with `fields:`")
    try:
        return ColumnSettings.model_validate(document.data)
    except ValidationError as error:
        raise problems_from_pydantic(error, document, ColumnSettings)[0] from None
