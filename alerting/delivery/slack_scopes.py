"""The scopes of the Slack app: which method asks for which, and what is lost without one.

Source: the pages of the methods on docs.slack.dev/reference/methods, and docs.slack.dev/reference/scopes. The app's
manifest, `deploy/slack/manifest.yaml`, asks for these and no others.
"""

from collections.abc import Iterable, Sequence

_HISTORY = ("channels:history", "groups:history", "im:history", "metadata.message:read")
_FIND = ("channels:read", "groups:read")

METHODS: dict[str, tuple[str, ...]] = {
    "apps.connections.open": (),
    "auth.test": (),
    "chat.getPermalink": (),
    "chat.postMessage": ("chat:write",),
    "chat.update": ("chat:write",),
    "conversations.create": ("channels:manage",),
    "conversations.history": _HISTORY,
    "conversations.info": _FIND,
    "conversations.invite": ("channels:manage",),
    "conversations.list": _FIND,
    "conversations.open": ("im:write",),
    "conversations.replies": _HISTORY,
    "conversations.setTopic": ("channels:manage",),
    "files.completeUploadExternal": ("files:write",),
    "files.getUploadURLExternal": ("files:write",),
    "usergroups.users.list": ("usergroups:read",),
    "users.info": ("users:read",),
    "views.open": (),
    "views.publish": (),
}
"""Every method that is called, with the scopes of the bot token that it needs as it is used here."""

LOST: dict[str, str] = {
    "chat:write": "nobody can be paged in Slack",
    "commands": "there is no /tocsin",
    "channels:history": "a page whose reply was lost in a public channel is sent again after minutes, perhaps twice",
    "groups:history": "a page whose reply was lost in a private channel is sent again after minutes, perhaps twice",
    "im:history": "a page whose reply was lost on its way to one person is sent again after minutes, perhaps twice",
    "metadata.message:read": "the id in a message cannot be read back: a page whose reply was lost is sent again",
    "channels:read": "public channels are not found by name, and nobody can tell whether the bot is in them",
    "groups:read": "private channels are not found by name, and nobody can tell whether the bot is in them",
    "im:write": "a page to one person whose reply was lost cannot be looked up",
    "files:write": "there is no picture in a card's thread",
    "channels:manage": "a crisis gets no channel of its own: a person is asked to open it",
    "usergroups:read": "the members of a group are not invited to a crisis's channel, nor checked",
    "users:read": "whether a responder is still in Slack cannot be checked",
}
"""Every scope that is asked for, and what does not work without it."""


def missing(granted: Iterable[str]) -> list[tuple[str, str]]:
    """The scopes that a token lacks, each with what is lost.

    >>> missing(scope for scope in LOST if scope != "files:write")
    [('files:write', "there is no picture in a card's thread")]
    """
    has = set(granted)
    return [(scope, lost) for scope, lost in LOST.items() if scope not in has]


def read_header(value: str) -> Sequence[str]:
    """The scopes of a token, as each answer of Slack names them in `x-oauth-scopes`.

    >>> read_header("chat:write, files:write,")
    ['chat:write', 'files:write']
    """
    return [scope.strip() for scope in value.split(",") if scope.strip()]
