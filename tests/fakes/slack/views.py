"""Modals and the App Home: views are kept so that a test can read them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.fakes.slack.arguments import SlackRefusalError
from tests.fakes.slack.blocks import block_faults
from tests.fakes.slack.ledger import Json, Ledger

TRIGGER_LIFE_S = 3.0
MAX_VIEW_BLOCKS = 100
MAX_VIEW_BYTES = 250_000
WORDS_LIMIT = 24
"""Of a modal's title and of its two buttons (docs.slack.dev/reference/views/modal-views)."""


@dataclass
class Trigger:
    """A trigger id, good for one view within three seconds of the click."""

    at: float
    used: bool = False


class ViewStore:
    """Opened and published views. Refusals are SlackRefusalError with Slack's word."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.opened: list[Json] = []
        self.home: dict[str, Json] = {}
        self.published: list[tuple[str, Json]] = []
        """Every view that was published, in order, and to whom."""
        self._triggers: dict[str, Trigger] = {}

    def new_trigger(self) -> str:
        """A trigger id for a click that happens now."""
        name = f"{len(self._triggers) + 1}.{int(self.ledger.clock() * 1000)}.fake"
        self._triggers[name] = Trigger(self.ledger.clock())
        return name

    def open(self, params: Json) -> Json:
        """views.open."""
        trigger = self._triggers.get(str(params.get("trigger_id") or ""))
        if trigger is None:
            raise SlackRefusalError("invalid_trigger_id")
        if trigger.used:
            raise SlackRefusalError("exchanged_trigger_id")
        if self.ledger.clock() - trigger.at > TRIGGER_LIFE_S:
            raise SlackRefusalError("expired_trigger_id")
        view = self._view(params, "modal")
        trigger.used = True
        self.opened.append(view)
        return {"view": view}

    def publish(self, params: Json) -> Json:
        """views.publish."""
        user = str(params.get("user_id") or "")
        if not user:
            raise SlackRefusalError("invalid_arguments")
        self.home[user] = self._view(params, "home")
        self.published.append((user, self.home[user]))
        return {"view": self.home[user]}

    def _view(self, params: Json, kind: str) -> Json:
        given: Any = params.get("view")
        try:
            view = json.loads(given) if isinstance(given, str) else given
        except ValueError:
            view = None
        if not isinstance(view, dict) or view.get("type") != kind or not isinstance(view.get("blocks"), list):
            raise SlackRefusalError("invalid_arguments")
        faults = view_faults(view)
        if faults:
            messages = [f"[ERROR] {fault}" for fault in faults]
            raise SlackRefusalError("invalid_arguments", response_metadata={"messages": messages})
        self.ledger.touch()
        return {"id": f"V{len(self.opened) + len(self.published) + 1:08d}", **view}


def view_faults(view: Json) -> list[str]:
    """What Slack would hold against a view, each with its JSON pointer; empty when it is fine.

    >>> view_faults({"type": "modal", "title": {"type": "plain_text", "text": "x" * 25}, "blocks": []})
    ['must be less than 25 characters [json-pointer:/view/title/text]']
    """
    blocks = view["blocks"]
    found = [f for start in range(0, len(blocks), 50) for f in block_faults(blocks[start : start + 50])]
    if len(blocks) > MAX_VIEW_BLOCKS:
        found.append(f"no more than {MAX_VIEW_BLOCKS} items allowed [json-pointer:/view/blocks]")
    if len(json.dumps(view)) > MAX_VIEW_BYTES:
        found.append("the view is too large [json-pointer:/view]")
    for key, limit in (("private_metadata", 3000), ("callback_id", 255)):
        if len(str(view.get(key) or "")) > limit:
            found.append(f"must be less than {limit + 1} characters [json-pointer:/view/{key}]")
    has_input = any(block.get("type") == "input" for block in blocks)
    needed = () if view["type"] == "home" else ("title", "submit") if has_input else ("title",)
    for key in dict.fromkeys((*needed, *(k for k in ("title", "submit", "close") if k in view))):
        words = view.get(key)
        if not isinstance(words, dict) or words.get("type") != "plain_text" or not words.get("text"):
            found.append(f"must be plain_text [json-pointer:/view/{key}]")
        elif len(words["text"]) > WORDS_LIMIT:
            found.append(f"must be less than {WORDS_LIMIT + 1} characters [json-pointer:/view/{key}/text]")
    return found
