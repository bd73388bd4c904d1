"""What is active in something that people see: judged by readers of their own, none of which asks `alerting.inert`.

Each judge returns what it found, in words; nothing found is what is wanted. Where ours and theirs look alike (a link of
ours, an element of ours) the judge is given what stands there with an ordinary word in every field.
"""

import functools
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from email import message_from_bytes, policy
from html.parser import HTMLParser
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from prometheus_client.parser import text_string_to_metric_families

from tests.fakes.slack.blocks import block_faults
from tests.fakes.slack.mrkdwn import active_parts

_LINKS = re.compile(
    r"(?:https?|ftp|file|wss?)://\S"
    r"|\b(?:mailto|javascript|data|vbscript|tel|sms|xmpp|skype|magnet|intent|blob|slack):\S"
    r"|\bwww[.。．｡]\w"
    r"|[\w-][.。．｡](?:[^\W\d_]{2,})"
    r"|(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,64}[.。．｡]\w"
    r"|(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])",
    re.IGNORECASE,
)
"""What chats, mail programs and renderers of Markdown make clickable by themselves."""
_MARKS = re.compile(r"[*_~`]|:[a-z0-9_+'-]{1,99}:|^\s*>", re.IGNORECASE | re.MULTILINE)
_SAFE_LINK = re.compile(r"https?://[a-z0-9.\-]+(?::\d+)?(?:[/?#][A-Za-z0-9\-._~!$&'()*+,;=:@%/?#]*)?", re.IGNORECASE)
SUBJECT_LIMIT, TEXT_LIMIT, TITLE_LIMIT, METADATA_LIMIT = 200, 4_000, 24, 3_000


def unseen(text: str, ends: str = "\n") -> Iterator[str]:
    """Characters that steer, hide or reorder, and towers of marks."""
    marks = 0
    for char in unicodedata.normalize("NFC", text):
        category = unicodedata.category(char)
        marks = marks + 1 if category[0] == "M" else 0
        if (category[0] == "C" or category in ("Zl", "Zp") or marks > 3) and char not in ends:
            yield f"U+{ord(char):04X}"


def links(text: str) -> Iterator[str]:
    """What a program would make clickable."""
    return (found[0] for found in _LINKS.finditer(text.replace("ˍ", "_")))  # as a letter it stands for that mark


def plain_text(text: str, ends: str = "\n") -> list[str]:
    """Of text that is shown as it is."""
    return list(_plain_text(text, ends))


@functools.lru_cache(20_000)
def _plain_text(text: str, ends: str) -> tuple[str, ...]:
    return (*unseen(text, ends), *links(text))


def one_line(text: str) -> list[str]:
    """Of text that is one line."""
    return plain_text(text, "")


# ---- Slack


def slack(shown: Mapping[str, Any], calm: Mapping[str, Any]) -> list[str]:
    """Of a message: `text` and `blocks`, sent as ours are, without `parse` and `link_names`."""
    ours = set(active_parts(dict(calm) | {"parse": "none"}))
    found = [part for part in active_parts(dict(shown) | {"parse": "none"}) if part not in ours and not _is_post(part)]
    text = str(shown.get("text") or "")
    found += [*block_faults(shown.get("blocks") or []), *plain_text(_without(text, ours))]
    found += _MARKS.findall(_without(text, ours))
    found += ["text too long"] if _units(text) > TEXT_LIMIT else []
    for kind, words in _texts(shown.get("blocks") or []):
        if kind == "plain_text":
            found += plain_text(words)
        elif words not in [one for _, one in _texts(calm.get("blocks") or [])]:
            found += [mark for mark in _MARKS.findall(words) if mark not in str(calm)] + list(unseen(words))
    return found


def modal(view: Mapping[str, Any], calm: Mapping[str, Any]) -> list[str]:
    """Of a modal or a Home."""
    found = slack({"blocks": view["blocks"][:50]}, {"blocks": calm["blocks"]})
    found += slack({"blocks": view["blocks"][50:]}, {"blocks": calm["blocks"]}) if view["blocks"][50:] else []
    found += ["too many blocks"] if len(view["blocks"]) > 100 else []
    found += ["title too long"] if len(view.get("title", {}).get("text", "")) > TITLE_LIMIT else []
    found += ["metadata too long"] if len(view.get("private_metadata", "")) > METADATA_LIMIT else []
    return found + (["view too long"] if len(json.dumps(view)) > 250_000 else [])


def _is_post(part: str) -> bool:
    """Whether this is the link of a button to a post, and ends where it ends."""
    return part[:1] == "<" and part[-1:] == ">" and bool(_SAFE_LINK.fullmatch(part[1:-1]))


def _without(text: str, ours: set[str]) -> str:
    for part in ours:
        text = text.replace(part, "")
    return text


def _texts(node: Any) -> Iterator[tuple[str, str]]:
    """Every text object in blocks of any shape."""
    if isinstance(node, list):
        for one in node:
            yield from _texts(one)
    elif isinstance(node, dict):
        if node.get("type") in ("plain_text", "mrkdwn"):
            yield str(node["type"]), str(node.get("text", ""))
        for name, one in node.items():
            if name not in ("value", "url"):
                yield from _texts(one)


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


# ---- pages, letters


class Page(HTMLParser):
    """What stands in HTML: elements with the names of their attributes, the values of attributes, the words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: Counter[tuple[str, tuple[str, ...]]] = Counter()
        self.values: set[tuple[str, str]] = set()
        self.words: list[str] = []
        self.other: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element."""
        self.elements[tag, tuple(name for name, _ in attrs)] += 1
        self.values |= {(name, value or "") for name, value in attrs}

    def handle_data(self, data: str) -> None:
        """Words, and what stands in a style."""
        self.words.append(data)

    def handle_comment(self, data: str) -> None:
        """Nobody writes one."""
        self.other.append(f"comment {data[:40]}")

    def handle_pi(self, data: str) -> None:
        """Nobody writes one."""
        self.other.append(f"instruction {data[:40]}")

    def unknown_decl(self, data: str) -> None:
        """Nobody writes one."""
        self.other.append(f"declaration {data[:40]}")


def html(text: str, calm: str) -> list[str]:
    """Of a page: no element, attribute or address but those of the calm one, and links to posts."""
    shown, ours = Page(text), Page(calm)
    found = [*shown.other, *(f"<{tag} {' '.join(names)}>" for tag, names in set(shown.elements) - set(ours.elements))]
    styles = {data for data in ours.words if "{" in data and len(data) > 200}
    found += [f for words in shown.words if words not in styles for f in plain_text(words)]
    for name, value in shown.values - ours.values:
        if name == "href":
            found += [] if _SAFE_LINK.fullmatch(value) else [value]
        elif name in ("aria-label", "title", "alt"):
            found += plain_text(value)
        elif name not in _DRAWN and not _ID.fullmatch(value):
            found.append(f"{name}={value[:60]}")
    return found


_DRAWN = ("d", "x", "y", "transform", "points", "clip-path", "width", "height", "style", "viewbox")
"""Numbers of a drawing, which differ with its words' length; `style` is looked at by `drawing`."""
_ID = re.compile(r"[\w#-]*")


def drawing(text: str, calm: str) -> list[str]:
    """Of an SVG: as of a page, and no address in a style."""
    shown = Page(text)
    found = [
        value for name, value in shown.values if name == "style" and re.search(r"url\(\s*[^#\s]|expression|@", value)
    ]
    return found + html(text, calm)


def letter(raw: bytes, calm: bytes) -> list[str]:
    """Of a letter as it goes over the wire: the headers of the calm one and no others, each one line, decoded."""
    shown, ours = (message_from_bytes(one, policy=policy.default) for one in (raw, calm))
    found = [] if shown.keys() == ours.keys() else [f"headers {shown.keys()}"]
    for name, value in shown.items():
        if name not in ("Content-Type", "References", "In-Reply-To"):
            found += [f"{name}: {one}" for one in unseen(str(value), "")]
        if name in ("From", "To") and str(value) != str(ours[name]):
            found.append(f"{name}: {value}")
    subject = str(shown["Subject"])
    found += list(links(subject)) + (["subject too long"] if len(subject) > SUBJECT_LIMIT else [])
    if max(map(len, raw.split(b"\r\n"))) > 998:
        found.append("a line is too long")
    parts = list(shown.iter_parts())
    found += [] if [one.get_content_type() for one in parts] == ["text/plain", "text/html"] else ["parts"]
    found += plain_text(parts[0].get_content().replace("\r\n", "\n"))
    pages = (part.get_content().replace("\r\n", "\n") for part in (parts[1], list(ours.iter_parts())[1]))
    return found + html(*pages)


# ---- Markdown, machines, terminals

_MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def markdown(text: str, calm: str) -> list[str]:
    """Of Markdown, with HTML, tables and strikethrough: no element of theirs, and links to posts alone."""
    shown, ours = list(_tokens(text)), list(_tokens(calm))
    kinds = {one.type for one in ours} | {"softbreak"}
    found = [f"{one.type} {one.content[:40]}" for one in shown if one.type not in kinds]
    for name in ("heading_open", "table_open", "tr_open", "strong_open", "image", "hr", "fence"):
        counts = [sum(one.type == name for one in tokens) for tokens in (shown, ours)]
        found += [f"{name}: {counts}"] if counts[0] != counts[1] else []
    addresses = [str(one.attrs.get("href") or one.attrs.get("src") or "") for one in shown]
    own = [str(one.attrs.get("href") or one.attrs.get("src") or "") for one in ours]
    found += [one for one in addresses if one and one not in own and not _SAFE_LINK.fullmatch(one)]
    words = [one.content for one in shown if one.type == "text"]
    return found + [
        f for one in words for f in (*plain_text(one), *re.findall(r"(?<!\w)@\w+/?\w*", one)) if f not in calm
    ]


def _tokens(text: str) -> Iterator[Token]:
    for token in _MARKDOWN.parse(text):
        yield token
        yield from token.children or []


def machine(value: Any) -> list[str]:
    """Of what a program reads: text in it is inert, for the program may show it."""
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, Mapping):
        return [f for name, one in value.items() for f in (*machine(name), *machine(one))]
    return [f for one in value for f in machine(one)] if isinstance(value, list | tuple) else []


def post(body: bytes, calm: bytes) -> list[str]:
    """Of a body of JSON: it is one object with the fields of the calm one, in plain ASCII; addresses in it are ours."""
    shown, ours = json.loads(body), json.loads(calm)
    found = [] if shown.keys() == ours.keys() else [f"fields {sorted(shown)}"]
    return found + machine(shown) + ([] if body.isascii() else ["not ASCII"])


def json_line(text: str) -> list[str]:
    """Of a line of JSON for scripts, which a person may look at on a terminal: it is one line, and steers nothing."""
    json.loads(text)
    return [f"U+{ord(char):04X}" for char in text if unicodedata.category(char)[0] == "C"]


def terminal(text: str, calm: str = "") -> list[str]:
    """Of what a terminal is sent."""
    return plain_text(text)


def log(text: str, calm: str) -> list[str]:
    """Of log lines: as many as events, and nothing that steers."""
    found = [] if text.count("\n") == calm.count("\n") else [f"{text.count(chr(10))} lines"]
    return found + list(unseen(text))


def metrics(text: str, calm: str) -> list[str]:
    """Of metrics: the samples of the calm ones and no others."""
    shown, ours = (
        Counter(sample.name for family in text_string_to_metric_families(one) for sample in family.samples)
        for one in (text, calm)
    )
    return [f"{name}" for name in set(shown) | set(ours) if shown[name] != ours[name]]


def markup_of_chats(text: str) -> list[str]:
    """Of text for any chat or pager: neither Slack, Discord, Telegram nor Mattermost reads anything in it."""
    return [*plain_text(text), *re.findall(r"[*_~`<>@|\\]|\]\(|^[#>]|^-{3,}$", text, re.MULTILINE)]
