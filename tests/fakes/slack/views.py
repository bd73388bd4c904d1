"""Modals and the App Home: views are kept so that a test can read them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.fakes.slack.arguments import SlackRefusalError
from tests.fakes.slack.ledger import Json, Ledger

TRIGGER_LIFE_S = 3.0


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
        return {"view": self.home[user]}

    def _view(self, params: Json, kind: str) -> Json:
        given: Any = params.get("view")
        try:
            view = json.loads(given) if isinstance(given, str) else given
        except ValueError:
            view = None
        if not isinstance(view, dict) or view.get("type") != kind or not isinstance(view.get("blocks"), list):
            raise SlackRefusalError("invalid_arguments")
        self.ledger.touch()
        return {"id": f"V{len(self.opened) + len(self.home) + 1:08d}", **view}
