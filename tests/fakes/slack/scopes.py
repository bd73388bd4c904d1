"""Which scope each method asks of a bot token, as docs.slack.dev/reference/methods has it; any one of a set will do.

Where the scope depends on the kind of conversation, the kind is looked up: a public channel, a private one, a person.
"""

from __future__ import annotations

from tests.fakes.slack.arguments import SlackRefusalError
from tests.fakes.slack.workspace import Channel

NEEDED: dict[str, tuple[str, ...]] = {
    "chat.delete": ("chat:write",),
    "chat.postEphemeral": ("chat:write",),
    "chat.postMessage": ("chat:write",),
    "chat.update": ("chat:write",),
    "conversations.create": ("channels:manage",),
    "conversations.history": ("{kind}:history",),
    "conversations.info": ("{kind}:read",),
    "conversations.invite": ("channels:manage", "channels:write.invites"),
    "conversations.list": ("channels:read", "groups:read", "im:read", "mpim:read"),
    "conversations.open": ("im:write", "channels:manage", "groups:write", "mpim:write"),
    "conversations.replies": ("{kind}:history",),
    "conversations.setTopic": ("channels:manage", "channels:write.topic"),
    "files.completeUploadExternal": ("files:write",),
    "files.getUploadURLExternal": ("files:write",),
    "usergroups.list": ("usergroups:read",),
    "usergroups.users.list": ("usergroups:read",),
    "users.info": ("users:read",),
    "users.list": ("users:read",),
    "users.lookupByEmail": ("users:read.email",),
}
"""Methods that are not here ask for none: auth.test, chat.getPermalink, views.*."""

GRANTED = (
    *("app_mentions:read", "channels:history", "channels:manage", "channels:read", "chat:write", "commands"),
    *("files:write", "groups:history", "groups:read", "im:history", "im:read", "im:write", "usergroups:read"),
    *("metadata.message:read", "users:read", "users:read.email"),
)
"""What the fake's bot token has, unless a test takes something away."""


def kind_of(channel: Channel | None) -> str:
    """The first word of the scopes of a conversation."""
    if channel is not None and channel.dm_with is not None:
        return "im"
    return "groups" if channel is not None and channel.is_private else "channels"


def authorise(method: str, channel: Channel | None, granted: set[str]) -> None:
    """Raises SlackRefusalError `missing_scope` with what is needed and what there is, as Slack does."""
    needed = [scope.replace("{kind}", kind_of(channel)) for scope in NEEDED.get(method, ())]
    if needed and not granted.intersection(needed):
        raise SlackRefusalError("missing_scope", needed=",".join(needed), provided=",".join(sorted(granted)))
