"""Reads a page as a browser does before any script runs: its elements, and what is shown of their text."""

import functools
from collections.abc import Callable, Iterator, Sequence
from html.parser import HTMLParser
from typing import Any

import msgspec
from starlette.requests import Request

from tocsin.console.doors import Visitor
from tocsin.console.render import Renderer
from tocsin.console.statics import Statics
from tocsin.console.wording import load

VOID = {"meta", "link", "input", "br", "path", "img", "hr"}
ANA = Visitor(name="ana@example.org", role="responder", responder="ana", csrf="token-of-ana")
VIC = Visitor(name="vic@example.org", role="viewer", csrf="token-of-vic")
ADA = Visitor(name="ada@example.org", role="admin", csrf="token-of-ada")


class Element(msgspec.Struct):
    """One element with what is in it."""

    name: str
    attributes: dict[str, str]
    inside: "list[Element | str]"

    def all(self, fits: "Callable[[Element], bool]") -> "Iterator[Element]":
        """Every element below that fits, in the order of the page."""
        for one in self.inside:
            if isinstance(one, Element):
                if fits(one):
                    yield one
                yield from one.all(fits)

    def named(self, *names: str) -> "list[Element]":
        """Every element below of these names."""
        return list(self.all(lambda one: one.name in names))

    def of(self, *kinds: str) -> "list[Element]":
        """Every element below that has all of these classes."""
        return list(self.all(lambda one: set(kinds) <= set(one.attributes.get("class", "").split())))

    def by_id(self, name: str) -> "Element":
        """The element with this id. Raises `KeyError` where there is not exactly one."""
        found = list(self.all(lambda one: one.attributes.get("id") == name))
        if len(found) != 1:
            raise KeyError(f"{len(found)} elements have the id {name!r}")
        return found[0]

    @property
    def text(self) -> str:
        """What it says, on one line."""
        said = (one if isinstance(one, str) else f" {one.text} " for one in self.inside)
        return " ".join("".join(said).split())


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("page", {}, [])
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        if len(names) != len(set(names)):
            raise AssertionError(f"<{tag}> says something twice: {names}")
        made = Element(tag, {name: value or "" for name, value in attrs}, [])
        self._open[-1].inside.append(made)
        if tag not in VOID:
            self._open.append(made)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if self._open[-1].name != tag:
            raise AssertionError(f"</{tag}> ends <{self._open[-1].name}>")
        self._open.pop()

    def handle_data(self, data: str) -> None:
        self._open[-1].inside.append(data)

    def end(self) -> Element:
        self.close()
        if len(self._open) != 1:
            raise AssertionError(f"<{self._open[-1].name}> is not ended")
        return self.root


def read(html: str) -> Element:
    """The elements of a page. Raises `AssertionError` where they do not nest."""
    reader = _Reader()
    reader.feed(html)
    return reader.end()


@functools.cache
def renderer() -> Renderer:
    """The renderer of a deployment whose default is English."""
    return Renderer(load(), Statics())


def asked(path: str, language: str = "en", cookies: Sequence[tuple[str, str]] = ()) -> Request:
    """A browser's request for a page."""
    headers = [(b"accept-language", language.encode())]
    headers += [(b"cookie", "; ".join(f"{name}={value}" for name, value in cookies).encode())] if cookies else []
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": b"",
        "headers": headers,
        "scheme": "http",
        "server": ("127.0.0.1", 8761),
    }
    return Request(scope)


def shown(template: str, path: str, visitor: Visitor | None = ANA, language: str = "en", **context: Any) -> Element:
    """A whole page, read."""
    given: dict[str, Any] = {"told": None, "problem": "", "responders": ()} | context
    return read(bytes(renderer().page(asked(path, language), visitor, template, **given).body).decode())
