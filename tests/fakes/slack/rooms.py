"""Channels that an app opens: created, named, with people in them. Refusals are Slack's words."""

from __future__ import annotations

import re
from typing import Any

from tests.fakes.slack.arguments import SlackRefusalError, truthy
from tests.fakes.slack.ledger import Json
from tests.fakes.slack.workspace import BOT_USER, Channel, Workspace

_NAME = re.compile(r"[a-z0-9_-]{1,80}")
MAX_INVITED = 100
MAX_TOPIC = 250


class Rooms:
    """conversations.create, .invite, .setTopic and .members over a workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def create(self, params: Json) -> Json:
        """A new public or private channel with the bot in it. A name that an archived channel has is taken too."""
        name = str(params.get("name") or "")
        if not name:
            raise SlackRefusalError("invalid_name_required")
        if len(name) > 80:
            raise SlackRefusalError("invalid_name_maxlength")
        if not _NAME.fullmatch(name):
            raise SlackRefusalError("invalid_name_specials")
        if any(one.name == name and one.dm_with is None for one in self.workspace.channels.values()):
            raise SlackRefusalError("name_taken")
        made = self.workspace.add_channel(f"C9{len(self.workspace.channels):04d}", name)
        made.creator, made.is_private = BOT_USER, truthy(params.get("is_private"))
        made.members.append(BOT_USER)
        return {"channel": made.to_slack()}

    def invite(self, channel: Channel, params: Json) -> Json:
        """Without `force` one person who cannot be invited keeps the others out too."""
        users = [one for one in str(params.get("users") or "").split(",") if one]
        if not users:
            raise SlackRefusalError("no_user")
        if len(users) > MAX_INVITED:
            raise SlackRefusalError("too_many_users")
        errors = [{"user": one, "ok": False, "error": word} for one in users if (word := self._refused(channel, one))]
        if errors and not (truthy(params.get("force")) and len(errors) < len(users)):
            raise SlackRefusalError(str(errors[0]["error"]), errors=errors)
        refused = [one["user"] for one in errors]
        channel.members += [one for one in users if one not in refused]
        return {"channel": channel.to_slack()} | ({"errors": errors} if errors else {})

    def set_topic(self, channel: Channel, params: Json) -> Json:
        """At most 250 characters."""
        topic = str(params.get("topic") or "")
        if len(topic) > MAX_TOPIC:
            raise SlackRefusalError("too_long")
        channel.topic = topic
        return {"channel": channel.to_slack()}

    def members_of_group(self, params: Json) -> Json:
        """usergroups.users.list."""
        group = self.workspace.groups.get(str(params.get("usergroup") or ""))
        if group is None:
            raise SlackRefusalError("no_such_subteam")
        return {"users": list(group.users)}

    def _refused(self, channel: Channel, user: Any) -> str:
        if user == BOT_USER:
            return "cant_invite_self"
        person = self.workspace.users.get(user)
        if person is None:
            return "user_not_found"
        if person.deleted:
            return "user_not_found"
        return "already_in_channel" if user in channel.members else ""
