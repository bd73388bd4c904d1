"""Who and what the fake workspace holds: people, user groups and channels.

The ids are short (`C1`, `U1`) so that a failing test reads well; `add_*` puts in anything else a test needs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

BOT_USER = "U0TOCSIN"
BOT_ID = "B0TOCSIN"
APP_ID = "A0TOCSIN"


@dataclass
class User:
    """A person, or the app's own bot user."""

    id: str
    name: str
    real_name: str
    email: str
    tz: str = "Europe/Amsterdam"
    is_bot: bool = False
    deleted: bool = False

    def to_slack(self, team: str) -> dict[str, Any]:
        """The user object of users.info and users.list."""
        return {
            "id": self.id,
            "team_id": team,
            "name": self.name,
            "deleted": self.deleted,
            "real_name": self.real_name,
            "tz": self.tz,
            "is_bot": self.is_bot,
            "is_app_user": False,
            "profile": {
                "real_name": self.real_name,
                "display_name": self.name,
                "email": self.email,
                "team": team,
            },
        }


@dataclass
class UserGroup:
    """A group such as @pr-oncall; `users` are ids."""

    id: str
    handle: str
    name: str
    users: list[str] = field(default_factory=list)

    def to_slack(self, team: str, *, include_users: bool) -> dict[str, Any]:
        """The group object of usergroups.list."""
        shown: dict[str, Any] = {
            "id": self.id,
            "team_id": team,
            "is_usergroup": True,
            "name": self.name,
            "handle": self.handle,
            "date_delete": 0,
            "user_count": len(self.users),
        }
        if include_users:
            shown["users"] = list(self.users)
        return shown


@dataclass
class Channel:
    """A channel, or a direct message when `dm_with` names a user."""

    id: str
    name: str
    is_member: bool = True
    is_archived: bool = False
    dm_with: str | None = None
    is_private: bool = False
    creator: str = "U1"
    topic: str = ""
    members: list[str] = field(default_factory=list)
    """Who was invited since; only the app's own channels keep it."""

    def to_slack(self) -> dict[str, Any]:
        """The conversation object of conversations.info, .list and .open."""
        if self.dm_with is not None:
            return {"id": self.id, "is_im": True, "is_channel": False, "user": self.dm_with, "is_archived": False}
        return {
            "id": self.id,
            "name": self.name,
            "name_normalized": self.name,
            "is_channel": True,
            "is_im": False,
            "is_private": self.is_private,
            "creator": self.creator,
            "topic": {"value": self.topic, "creator": self.creator, "last_set": 0},
            "is_archived": self.is_archived,
            "is_member": self.is_member,
            "num_members": 3,
        }


class Workspace:
    """The people and channels of one team; starts with enough for most tests.

    `C1` crisis, `C2` ops, `C3` drills; `C4` the bot was never invited to; `C5` is archived. `U1` Ana, `U2` Bram and
    `U3` Chloe are people; `S1` is @pr-oncall.
    """

    def __init__(self, team: str) -> None:
        self.team = team
        self.domain = "acme-fake"
        self.users: dict[str, User] = {}
        self.groups: dict[str, UserGroup] = {}
        self.channels: dict[str, Channel] = {}
        self.add_user(BOT_USER, "tocsin", "Tocsin", is_bot=True)
        self.add_user("U1", "ana", "Ana Diaz")
        self.add_user("U2", "bram", "Bram de Vries")
        self.add_user("U3", "chloe", "Chloe Martin", tz="America/New_York")
        self.groups["S1"] = UserGroup("S1", "pr-oncall", "PR on-call", ["U1", "U2"])
        self.add_channel("C1", "crisis")
        self.add_channel("C2", "ops")
        self.add_channel("C3", "drills")
        self.add_channel("C4", "not-invited", is_member=False)
        self.add_channel("C5", "old-campaign", is_archived=True)

    def add_user(
        self, user_id: str, name: str, real_name: str = "", *, tz: str = "Europe/Amsterdam", is_bot: bool = False
    ) -> User:
        """Put a person in; the address is `<name>@example.com`."""
        user = User(user_id, name, real_name or name, f"{name}@example.com", tz, is_bot)
        self.users[user_id] = user
        return user

    def add_group(self, group_id: str, handle: str, users: list[str]) -> UserGroup:
        """Put a user group in."""
        group = UserGroup(group_id, handle, handle, users)
        self.groups[group_id] = group
        return group

    def add_channel(self, channel_id: str, name: str, *, is_member: bool = True, is_archived: bool = False) -> Channel:
        """Put a channel in."""
        channel = Channel(channel_id, name, is_member, is_archived)
        self.channels[channel_id] = channel
        return channel

    def channel(self, wanted: str) -> Channel | None:
        """A channel by id, by name with or without `#`, or the direct message with a user id, as Slack accepts them."""
        if wanted in self.channels:
            return self.channels[wanted]
        if wanted in self.users:
            return self.direct(wanted)
        name = wanted.removeprefix("#")
        return next((c for c in self.channels.values() if c.name == name and c.dm_with is None), None)

    def direct(self, user: str) -> Channel:
        """The direct message with a user, opened if need be."""
        channel_id = f"D{user[1:]}"
        if channel_id not in self.channels:
            self.channels[channel_id] = Channel(channel_id, self.users[user].name, dm_with=user)
        return self.channels[channel_id]
