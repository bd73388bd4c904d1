"""mrkdwn and rich text to HTML for the page: the subset that cards use, everything else escaped."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from markupsafe import Markup, escape

from tests.fakes.slack.workspace import Workspace

EMOJI = {
    "bell": "🔔",
    "busts_in_silhouette": "👥",
    "chart_with_downwards_trend": "📉",
    "chart_with_upwards_trend": "📈",
    "clock3": "🕒",
    "eyes": "👀",
    "fire": "🔥",
    "heavy_check_mark": "✔️",
    "hourglass_flowing_sand": "⏳",
    "information_source": "ℹ️",
    "large_blue_circle": "🔵",
    "large_green_circle": "🟢",
    "large_orange_circle": "🟠",
    "large_yellow_circle": "🟡",
    "link": "🔗",
    "mega": "📣",
    "no_bell": "🔕",
    "red_circle": "🔴",
    "rotating_light": "🚨",
    "speech_balloon": "💬",
    "warning": "⚠️",
    "white_check_mark": "✅",
    "x": "❌",
}
PIECES = re.compile(r"```(?P<pre>.+?)```|`(?P<code>[^`\n]+)`|<(?P<angle>[^<>]+)>", re.DOTALL)
STYLES = (
    (re.compile(r"(?<![\w*])\*(\S(?:[^*\n]*\S)?)\*(?![\w*])"), r"<b>\1</b>"),
    (re.compile(r"(?<![\w_])_(\S(?:[^_\n]*\S)?)_(?![\w_])"), r"<i>\1</i>"),
    (re.compile(r"(?<![\w~])~(\S(?:[^~\n]*\S)?)~(?![\w~])"), r"<s>\1</s>"),
)
EMOJI_WORD = re.compile(r":([a-z0-9_+-]+):")
AUTO_LINK = re.compile(r"(?<![\w/@&;\"])(?:https?://|www\.)[^\s<>\"]+[^\s<>\".,;:!?)]")
SAFE_SCHEMES = ("https://", "http://", "mailto:")


class Renderer:
    """Renders for one workspace, whose people and channels mentions are looked up in."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def text_object(self, node: Any) -> Markup:
        """A text object: `plain_text` as it is, `mrkdwn` rendered."""
        if not isinstance(node, Mapping):
            return Markup("")
        text = str(node.get("text", ""))
        if node.get("type") == "mrkdwn":
            return self.mrkdwn(text, links=not node.get("verbatim"))
        return self.plain(text)

    def plain(self, text: str) -> Markup:
        """Text with its emoji words and line ends, and nothing active."""
        return Markup(_emoji(str(escape(visible(text)))).replace("\n", "<br>"))

    def mrkdwn(self, text: str, *, links: bool = True) -> Markup:
        """mrkdwn as HTML.

        >>> print(Renderer(Workspace("T1")).mrkdwn("*hi* &lt;!here&gt; <https://x.example|look>"))
        <b>hi</b> &lt;!here&gt; <a href="https://x.example" target="_blank" rel="noreferrer">look</a>
        """
        kept: list[str] = []

        def keep(html: str) -> str:
            kept.append(html)
            return f"\x00{len(kept) - 1}\x00"

        def piece(match: re.Match[str]) -> str:
            if match["pre"] is not None:
                return keep(f"<pre>{_escaped(match['pre'].strip(chr(10)))}</pre>")
            if match["code"] is not None:
                return keep(f"<code>{_escaped(match['code'])}</code>")
            return keep(self._angle(match["angle"]))

        held = PIECES.sub(piece, visible(text))
        html = _escaped(held)
        if links:
            html = AUTO_LINK.sub(lambda m: keep(_anchor(m.group(0), m.group(0))), html)
        for pattern, by in STYLES:
            html = pattern.sub(by, html)
        html = _emoji(_quotes(html))
        return Markup(re.sub("\x00(\\d+)\x00", lambda m: kept[int(m.group(1))], html))

    def _angle(self, inside: str) -> str:
        what, _, label = inside.partition("|")
        if what.startswith("@"):
            user = self.workspace.users.get(what[1:])
            return _mention(f"@{user.name if user else label or what[1:]}")
        if what.startswith("#"):
            channel = self.workspace.channels.get(what[1:])
            return _mention(f"#{channel.name if channel else label or what[1:]}")
        if what.startswith("!subteam^"):
            group = self.workspace.groups.get(what.removeprefix("!subteam^"))
            return _mention(f"@{group.handle if group else label or 'group'}")
        if what.startswith("!date^"):
            return _escaped(label or what)
        if what.startswith("!"):
            return _mention(f"@{what[1:]}")
        return _anchor(what, label or what)

    def rich_text(self, block: Mapping[str, Any]) -> Markup:
        """A rich_text block."""
        return Markup("").join(self._rich(node) for node in block.get("elements") or [])

    def _rich(self, node: Mapping[str, Any]) -> Markup:
        wrap: dict[str, Callable[[Markup], Markup]] = {
            "rich_text_section": lambda inner: Markup("<p>{}</p>").format(inner),
            "rich_text_preformatted": lambda inner: Markup("<pre>{}</pre>").format(inner),
            "rich_text_quote": lambda inner: Markup("<blockquote>{}</blockquote>").format(inner),
            "rich_text_list": lambda inner: Markup("<ul>{}</ul>").format(inner),
        }
        kind = str(node.get("type"))
        if kind in wrap:
            children = [self._rich(child) for child in node.get("elements") or []]
            if kind == "rich_text_list":
                children = [Markup("<li>{}</li>").format(child) for child in children]
            return wrap[kind](Markup("").join(children))
        return self._rich_leaf(kind, node)

    def _rich_leaf(self, kind: str, node: Mapping[str, Any]) -> Markup:
        if kind == "emoji":
            return self.plain(f":{node.get('name')}:")
        if kind == "link":
            return Markup(_anchor(str(node.get("url")), str(node.get("text") or node.get("url"))))
        for key, sign in (("user_id", "@"), ("channel_id", "#"), ("usergroup_id", "!subteam^"), ("range", "!")):
            if key in node:
                return Markup(self._angle(f"{sign}{node[key]}"))
        shown = self.plain(str(node.get("text", "")))
        for style, tag in (("code", "code"), ("bold", "b"), ("italic", "i"), ("strike", "s")):
            if (node.get("style") or {}).get(style):
                shown = Markup(f"<{tag}>{{}}</{tag}>").format(shown)
        return shown


def visible(text: str) -> str:
    """Control characters as their pictures, so that nothing hides on the page.

    >>> visible("a\\x00b\\u202ec")
    'a␀b�c'
    """
    shown = re.sub(r"[\x00-\x08\x0b-\x1f]", lambda m: chr(0x2400 + ord(m.group(0))), text)
    shown = re.sub("[\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", "\ufffd", shown)
    return shown.encode("utf-8", "replace").decode()


def _escaped(text: str) -> str:
    """HTML for text in which only Slack's three entities are entities."""
    raw = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return str(escape(raw))


def _anchor(address: str, label: str) -> str:
    if not address.lower().startswith((*SAFE_SCHEMES, "www.")):
        return f'<span class="link">{_escaped(label)}</span>'
    whole = f"https://{address}" if address.lower().startswith("www.") else address
    return f'<a href="{_escaped(whole)}" target="_blank" rel="noreferrer">{_escaped(label)}</a>'


def _mention(text: str) -> str:
    return f'<span class="mention">{_escaped(text)}</span>'


def _emoji(html: str) -> str:
    return EMOJI_WORD.sub(lambda m: EMOJI.get(m.group(1), m.group(0)), html)


def _quotes(html: str) -> str:
    """Runs of lines that begin with `>` as one quotation, the other line ends as breaks."""
    parts: list[str] = []
    for quoted, lines in _runs(html.split("\n")):
        inner = "<br>".join(lines)
        parts.append(f"<blockquote>{inner}</blockquote>" if quoted else inner)
    glued = "<br>".join(parts)
    return glued.replace("<br><blockquote>", "<blockquote>").replace("</blockquote><br>", "</blockquote>")


def _runs(lines: list[str]) -> list[tuple[bool, list[str]]]:
    runs: list[tuple[bool, list[str]]] = []
    for line in lines:
        quoted = line.startswith("&gt;")
        shown = line.removeprefix("&gt;").removeprefix(" ") if quoted else line
        if runs and runs[-1][0] == quoted:
            runs[-1][1].append(shown)
        else:
            runs.append((quoted, [shown]))
    return runs
