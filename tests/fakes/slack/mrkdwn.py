"""A reader of Slack's mrkdwn: which parts of a message would become a mention or a link.

Slack treats every unescaped `<...>` as a control sequence: `@` and `#` name people and channels, `!` is special, and
anything else is a link (docs.slack.dev/messaging/formatting-message-text, "Retrieving messages"). What is escaped, and
all `plain_text`, stays text. Bare addresses become links unless the text object is `verbatim`, or the message's
`parse` is `none`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.fakes.slack.ledger import Message

ANGLE = re.compile(r"<([^<>]+)>")
BARE_LINK = re.compile(r"(?<![\w/@])(?:(?:https?|ftp)://|mailto:|www\.)[^\s<>|]+", re.IGNORECASE)
BARE_MENTION = re.compile(r"(?<![\w@#])(?:@[\w.-]+|#[\w-]+)")


def active_parts(message: Message | Mapping[str, Any]) -> list[str]:
    """Every part of a message that Slack would make active, in reading order; an empty list means all of it is inert.

    Takes a message of the ledger, or the arguments of chat.postMessage. The links of buttons count as well.

    >>> active_parts({"text": "hi <!channel>, see <http://x.example|here>"})
    ['<!channel>', '<http://x.example|here>']
    >>> active_parts({"text": "hi &lt;!channel&gt;"})
    []
    >>> active_parts({"blocks": [{"type": "header", "text": {"type": "plain_text", "text": "<!here> http://x.example"}}]})
    []
    >>> active_parts({"text": "see http://x.example", "parse": "none"})
    []
    """
    shown = vars(message) if isinstance(message, Message) else message
    parse = shown.get("parse")
    full = parse == "full" or bool(shown.get("link_names"))
    found: list[str] = []
    if shown.get("mrkdwn") is not False:
        found += _in_text(str(shown.get("text") or ""), auto=parse != "none", names=full)
    for block in shown.get("blocks") or []:
        found += _in_node(block)
    for attachment in shown.get("attachments") or []:
        found += _in_attachment(attachment)
    return found


def _in_text(text: str, *, auto: bool, names: bool = False) -> Iterator[str]:
    position = 0
    for match in ANGLE.finditer(text):
        yield from _in_plain(text[position : match.start()], auto=auto, names=names)
        yield match.group(0)
        position = match.end()
    yield from _in_plain(text[position:], auto=auto, names=names)


def _in_plain(text: str, *, auto: bool, names: bool) -> Iterator[str]:
    if auto:
        yield from BARE_LINK.findall(text)
    if names:
        yield from BARE_MENTION.findall(text)


def _in_node(node: Any) -> Iterator[str]:
    """Walk blocks and elements of any shape, so that an unknown block cannot hide a mention."""
    if isinstance(node, list):
        for child in node:
            yield from _in_node(child)
    elif isinstance(node, dict):
        kind = node.get("type")
        if kind == "plain_text":
            return
        if kind == "mrkdwn":
            yield from _in_text(str(node.get("text", "")), auto=not node.get("verbatim", False))
            return
        yield from _in_rich_element(node, kind)
        for key, child in node.items():
            if key not in {"metadata", "value"}:
                yield from _in_node(child)


def _in_rich_element(node: Mapping[str, Any], kind: object) -> Iterator[str]:
    if kind == "markdown":  # standard Markdown: [text](url) and <...> are both active
        yield from re.findall(r"\[[^\]]*\]\([^)]*\)", str(node.get("text", "")))
        yield from _in_text(str(node.get("text", "")), auto=True)
    named = {"user": "@{user_id}", "usergroup": "!subteam^{usergroup_id}", "channel": "#{channel_id}"}
    if kind == "broadcast":
        yield f"<!{node.get('range')}>"
    elif kind in named and f"{kind}_id" in node:
        yield "<" + named[str(kind)].format_map(node) + ">"
    elif isinstance(node.get("url"), str):
        yield f"<{node['url']}>"


def _in_attachment(attachment: Mapping[str, Any]) -> Iterator[str]:
    for key in ("pretext", "text", "title", "footer"):
        yield from _in_text(str(attachment.get(key) or ""), auto=True)
    for entry in attachment.get("fields") or []:
        yield from _in_text(str(entry.get("value") or ""), auto=True)
    for key in ("title_link", "author_link"):
        if attachment.get(key):
            yield f"<{attachment[key]}>"
    yield from _in_node(attachment.get("blocks") or [])
