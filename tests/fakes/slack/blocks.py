"""Slack's checks on Block Kit and metadata, with the words it refuses in.

The limits are those of docs.slack.dev/reference/block-kit; a refusal is `invalid_blocks` with a pointer to each fault,
in the shape that Slack answers in.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

MAX_BLOCKS = 50
TEXT_KEYS = ("plain_text", "mrkdwn")
BLOCK_TYPES = frozenset(
    [
        "actions",
        "alert",
        "card",
        "carousel",
        "context",
        "context_actions",
        "divider",
        "file",
        "header",
        "image",
        "input",
        "markdown",
        "plan",
        "rich_text",
        "section",
        "table",
        "task_card",
        "video",
    ]
)
ELEMENT_TYPES = frozenset(
    [
        "button",
        "checkboxes",
        "datepicker",
        "datetimepicker",
        "image",
        "multi_static_select",
        "multi_users_select",
        "overflow",
        "plain_text_input",
        "radio_buttons",
        "static_select",
        "timepicker",
        "users_select",
        "channels_select",
        "conversations_select",
        "external_select",
        "workflow_button",
    ]
)
Faults = Iterator[str]


def block_faults(blocks: Any) -> list[str]:
    """What Slack would hold against these blocks, each with its JSON pointer; empty when they are fine.

    >>> block_faults([{"type": "header", "text": {"type": "mrkdwn", "text": "*no*"}}])
    ['must be plain_text [json-pointer:/blocks/0/text/type]']
    """
    if not isinstance(blocks, list):
        return ["must be an array [json-pointer:/blocks]"]
    found = []
    if len(blocks) > MAX_BLOCKS:
        found.append(f"no more than {MAX_BLOCKS} items allowed [json-pointer:/blocks]")
    seen_blocks: set[str] = set()
    for index, block in enumerate(blocks):
        where = f"/blocks/{index}"
        if not isinstance(block, dict):
            found.append(f"must be an object [json-pointer:{where}]")
            continue
        found += _one_block(block, where)
        block_id = block.get("block_id")
        if isinstance(block_id, str) and block_id in seen_blocks:
            found.append(f"`block_id` already exists [json-pointer:{where}/block_id]")
        seen_blocks.add(str(block_id))
    return found


def metadata_fault(metadata: Any) -> str | None:
    """The error word for metadata Slack refuses, or None.

    >>> metadata_fault({"event_type": "page", "event_payload": {"page_id": "p1"}}) is None
    True
    >>> metadata_fault({"event_payload": {}})
    'invalid_metadata_schema'
    """
    if not isinstance(metadata, dict):
        return "invalid_metadata_format"
    if not metadata:
        return None
    if not isinstance(metadata.get("event_type"), str) or not metadata["event_type"]:
        return "invalid_metadata_schema"
    if not isinstance(metadata.get("event_payload"), dict):
        return "invalid_metadata_schema"
    return "metadata_too_large" if len(json.dumps(metadata)) > 16_384 else None


def _one_block(block: dict[str, Any], where: str) -> Faults:
    kind = block.get("type")
    if kind not in BLOCK_TYPES:
        yield f"unsupported type: {kind} [json-pointer:{where}/type]"
        return
    yield from _length(block.get("block_id", ""), 255, f"{where}/block_id")
    check = _CHECKS.get(str(kind))
    if check is not None:
        yield from check(block, where)


def _length(value: Any, limit: int, where: str, *, at_least: int = 0) -> Faults:
    if not isinstance(value, str):
        yield f"must be a string [json-pointer:{where}]"
    elif len(value) > limit:
        yield f"must be less than {limit + 1} characters [json-pointer:{where}]"
    elif len(value) < at_least:
        yield f"must be more than {at_least - 1} characters [json-pointer:{where}]"


def _text(node: Any, limit: int, where: str, *, plain_only: bool = False) -> Faults:
    if not isinstance(node, dict):
        yield f"missing required field: text [json-pointer:{where}]"
        return
    if node.get("type") not in TEXT_KEYS:
        yield f"unsupported type: {node.get('type')} [json-pointer:{where}/type]"
    elif plain_only and node["type"] != "plain_text":
        yield f"must be plain_text [json-pointer:{where}/type]"
    yield from _length(node.get("text"), limit, f"{where}/text", at_least=1)


def _header(block: dict[str, Any], where: str) -> Faults:
    yield from _text(block.get("text"), 150, f"{where}/text", plain_only=True)


def _section(block: dict[str, Any], where: str) -> Faults:
    fields = block.get("fields")
    if "text" in block:
        yield from _text(block["text"], 3000, f"{where}/text")
    elif not fields:
        yield f"missing required field: text [json-pointer:{where}]"
    if fields is not None and (not isinstance(fields, list) or not 1 <= len(fields) <= 10):
        yield f"must have 1 to 10 items [json-pointer:{where}/fields]"
    elif fields:
        for index, one in enumerate(fields):
            yield from _text(one, 2000, f"{where}/fields/{index}")
    if "accessory" in block:
        yield from _elements([block["accessory"]], f"{where}/accessory")


def _context(block: dict[str, Any], where: str) -> Faults:
    elements = block.get("elements")
    if not isinstance(elements, list) or not 1 <= len(elements) <= 10:
        yield f"must have 1 to 10 items [json-pointer:{where}/elements]"
        return
    for index, element in enumerate(elements):
        if isinstance(element, dict) and element.get("type") == "image":
            yield from _image(element, f"{where}/elements/{index}")
        else:
            yield from _text(element, 3000, f"{where}/elements/{index}")


def _image(block: dict[str, Any], where: str) -> Faults:
    yield from _length(block.get("alt_text"), 2000, f"{where}/alt_text")
    if "slack_file" not in block:
        yield from _length(block.get("image_url"), 3000, f"{where}/image_url", at_least=1)
    if "title" in block:
        yield from _text(block["title"], 2000, f"{where}/title", plain_only=True)


def _actions(block: dict[str, Any], where: str) -> Faults:
    elements = block.get("elements")
    if not isinstance(elements, list) or not 1 <= len(elements) <= 25:
        yield f"must have 1 to 25 items [json-pointer:{where}/elements]"
        return
    yield from _elements(elements, f"{where}/elements")


def _elements(elements: list[Any], where: str) -> Faults:
    seen: set[str] = set()
    for index, element in enumerate(elements):
        here = f"{where}/{index}"
        if not isinstance(element, dict) or element.get("type") not in ELEMENT_TYPES:
            yield f"unsupported type [json-pointer:{here}/type]"
            continue
        action_id = element.get("action_id")
        if action_id is not None:
            yield from _length(action_id, 255, f"{here}/action_id", at_least=1)
            if str(action_id) in seen:
                yield f"`action_id` {str(action_id)[:40]} already exists [json-pointer:{here}/action_id]"
            seen.add(str(action_id))
        if element["type"] == "button":
            yield from _button(element, here)
        elif element["type"] in {"static_select", "overflow", "radio_buttons", "checkboxes"}:
            yield from _options(element, here)


def _button(button: dict[str, Any], where: str) -> Faults:
    yield from _text(button.get("text"), 75, f"{where}/text", plain_only=True)
    yield from _length(button.get("value", ""), 2000, f"{where}/value")
    yield from _length(button.get("url", ""), 3000, f"{where}/url")
    yield from _length(button.get("accessibility_label", ""), 75, f"{where}/accessibility_label")
    if button.get("style") not in {None, "primary", "danger"}:
        yield f"must be primary or danger [json-pointer:{where}/style]"
    confirm = button.get("confirm")
    if confirm is not None:
        yield from _text(confirm.get("title"), 100, f"{where}/confirm/title", plain_only=True)
        yield from _text(confirm.get("text"), 300, f"{where}/confirm/text")


def _options(element: dict[str, Any], where: str) -> Faults:
    options = element.get("options", [])
    groups = element.get("option_groups", [])
    if not options and not groups:
        yield f"missing required field: options [json-pointer:{where}]"
    for index, option in enumerate(options[:100]):
        yield from _text(option.get("text"), 75, f"{where}/options/{index}/text")
        yield from _length(option.get("value"), 150, f"{where}/options/{index}/value", at_least=1)


def _input(block: dict[str, Any], where: str) -> Faults:
    yield from _text(block.get("label"), 2000, f"{where}/label", plain_only=True)
    if "hint" in block:
        yield from _text(block["hint"], 2000, f"{where}/hint", plain_only=True)
    element = block.get("element")
    yield from _elements([element], f"{where}/element")
    if isinstance(element, dict) and not 0 < element.get("max_length", 3000) <= 3000:
        yield f"must be at most 3000 [json-pointer:{where}/element/max_length]"


_CHECKS: dict[str, Callable[[dict[str, Any], str], Faults]] = {
    "header": _header,
    "section": _section,
    "context": _context,
    "image": _image,
    "actions": _actions,
    "input": _input,
}
