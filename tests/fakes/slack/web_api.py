"""The Web API methods, with Slack's answers and error words. No network: the server hands over parsed calls."""

from __future__ import annotations

from collections.abc import Callable

from tests.fakes.slack.arguments import (
    SlackRefusalError,
    content_of,
    decoded,
    in_range,
    metadata_of,
    paged,
    truthy,
    with_block_ids,
)
from tests.fakes.slack.faults import Faults, Reply
from tests.fakes.slack.files import FileStore
from tests.fakes.slack.ledger import Json, Ledger, Message
from tests.fakes.slack.rooms import Rooms
from tests.fakes.slack.scopes import GRANTED, authorise
from tests.fakes.slack.views import ViewStore
from tests.fakes.slack.workspace import BOT_ID, BOT_USER, Channel, Workspace

MAX_POST_CHARS = 40_000
MAX_UPDATE_CHARS = 4_000


class WebApi:
    """The methods of the Web API over a ledger and a workspace."""

    def __init__(
        self,
        workspace: Workspace,
        ledger: Ledger,
        faults: Faults,
        *,
        bot_token: str,
        app_token: str,
        open_socket: Callable[[], str],
    ) -> None:
        self.workspace = workspace
        self.ledger = ledger
        self.faults = faults
        self.bot_token = bot_token
        self.app_token = app_token
        self.open_socket = open_socket
        self.base = ""
        self.files = FileStore()
        self.views = ViewStore(ledger)
        self.rooms = Rooms(workspace)
        self.granted = set(GRANTED)
        """Scopes of the bot token."""
        self._methods: dict[str, Callable[[Json], Json]] = {
            "api.test": lambda _: {},
            "apps.connections.open": lambda _: {"url": self.open_socket()},
            "auth.test": self._auth_test,
            "chat.delete": self._delete,
            "chat.getPermalink": self._permalink,
            "chat.postEphemeral": self._post_ephemeral,
            "chat.postMessage": self._post_message,
            "chat.update": self._update,
            "conversations.create": self.rooms.create,
            "conversations.history": self._history,
            "conversations.info": lambda p: {"channel": self._channel(p).to_slack()},
            "conversations.invite": lambda p: self.rooms.invite(self._writable(p), p),
            "conversations.list": self._conversations,
            "conversations.open": self._open,
            "conversations.replies": self._replies,
            "conversations.setTopic": lambda p: self.rooms.set_topic(self._writable(p), p),
            "files.completeUploadExternal": self._complete_upload,
            "files.getUploadURLExternal": self._upload_url,
            "usergroups.list": self._usergroups,
            "usergroups.users.list": self.rooms.members_of_group,
            "users.info": self._user_info,
            "users.list": self._users,
            "users.lookupByEmail": self._user_by_email,
            "views.open": self.views.open,
            "views.publish": self.views.publish,
        }

    def call(self, method: str, params: Json, token: str | None) -> Reply:
        """Carry a call out and answer it; a refusal is an answer too."""
        try:
            self._authorise(method, token)
            if method not in self._methods:
                raise SlackRefusalError("unknown_method", req_method=method)
            if method != "apps.connections.open":
                authorise(method, self.workspace.channels.get(str(params.get("channel") or "")), self.granted)
            body = {"ok": True, **self._methods[method](params)}
        except SlackRefusalError as refusal:
            return Reply({"ok": False, "error": refusal.word, **refusal.extra})
        accepted = body.get("ts") if method == "chat.postMessage" else None
        return Reply(body, accepted)

    def token_ok(self, method: str, token: str | None) -> bool:
        """Whether the token is the right one for this method."""
        return token == (self.app_token if method == "apps.connections.open" else self.bot_token)

    def _authorise(self, method: str, token: str | None) -> None:
        if method == "api.test":
            return
        if not token:
            raise SlackRefusalError("not_authed")
        if self.token_ok(method, token):
            return
        known = token in {self.bot_token, self.app_token}
        raise SlackRefusalError("not_allowed_token_type" if known else "invalid_auth")

    # -- chat ------------------------------------------------------------------------------------------------------

    def _post_message(self, params: Json) -> Json:
        channel = self._writable(params)
        draft = self._draft(params, channel)
        thread_ts = params.get("thread_ts")
        if thread_ts and self.ledger.find(channel.id, str(thread_ts)) is None:
            raise SlackRefusalError("thread_not_found")
        draft.thread_ts = str(thread_ts) if thread_ts else None
        draft.reply_broadcast = truthy(params.get("reply_broadcast"))
        self.ledger.add(draft)
        shown = draft.to_slack(self.workspace.team, with_metadata=True)
        return {"channel": channel.id, "ts": draft.ts, "message": shown}

    def _draft(self, params: Json, channel: Channel) -> Message:
        text, blocks, attachments = content_of(params)
        if not text and not blocks and not attachments:
            raise SlackRefusalError("no_text")
        if len(text) > MAX_POST_CHARS:
            raise SlackRefusalError("msg_too_long")
        return Message(
            channel=channel.id,
            ts=self.ledger.next_ts(),
            accepted_at=self.ledger.clock(),
            text=text,
            blocks=with_block_ids(blocks or []),
            attachments=attachments or [],
            metadata=metadata_of(params),
            parse=params.get("parse"),
            link_names=truthy(params.get("link_names")),
            mrkdwn=truthy(params.get("mrkdwn", True)),
        )

    def _post_ephemeral(self, params: Json) -> Json:
        channel = self._writable(params)
        user = str(params.get("user") or "")
        if user not in self.workspace.users:
            raise SlackRefusalError("user_not_in_channel")
        draft = self._draft(params, channel)
        draft.ephemeral_to = user
        draft.thread_ts = params.get("thread_ts") or None
        self.ledger.add(draft)
        return {"message_ts": draft.ts}

    def _own_message(self, params: Json, refusal: str) -> Message:
        channel = self._channel(params)
        if channel.is_archived:
            raise SlackRefusalError("is_archived")
        message = self.ledger.find(channel.id, str(params.get("ts") or ""))
        if message is None:
            raise SlackRefusalError("message_not_found")
        if message.user != BOT_USER:
            raise SlackRefusalError(refusal)
        return message

    def _update(self, params: Json) -> Json:
        """An update with text and no blocks takes the blocks away; blocks stay only if neither is given."""
        message = self._own_message(params, "cant_update_message")
        text, blocks, attachments = content_of(params)
        if not text and blocks is None and attachments is None:
            raise SlackRefusalError("no_text")
        if len(text) > MAX_UPDATE_CHARS:
            raise SlackRefusalError("msg_too_long")
        metadata = metadata_of(params)
        self.ledger.edit(message)
        if blocks is not None or params.get("text") is not None:
            message.blocks = with_block_ids(blocks or [])
        if params.get("text") is not None or blocks is not None:
            message.text = text
        if attachments is not None:
            message.attachments = attachments
        if metadata is not None:
            message.metadata = metadata or None
        message.parse = params.get("parse")
        message.link_names = truthy(params.get("link_names"))
        shown = message.to_slack(self.workspace.team, with_metadata=True)
        return {"channel": message.channel, "ts": message.ts, "text": message.text, "message": shown}

    def _delete(self, params: Json) -> Json:
        message = self._own_message(params, "cant_delete_message")
        message.deleted = True
        self.ledger.touch()
        return {"channel": message.channel, "ts": message.ts}

    def _permalink(self, params: Json) -> Json:
        channel = self._channel(params)
        message = self.ledger.find(channel.id, str(params.get("message_ts") or ""))
        if message is None:
            raise SlackRefusalError("message_not_found")
        link = f"https://{self.workspace.domain}.slack.com/archives/{channel.id}/p{message.ts.replace('.', '')}"
        return {"channel": channel.id, "permalink": link}

    # -- conversations -----------------------------------------------------------------------------------------------

    def _channel(self, params: Json) -> Channel:
        channel = self.workspace.channel(str(params.get("channel") or ""))
        if channel is None:
            raise SlackRefusalError("channel_not_found")
        return channel

    def _writable(self, params: Json) -> Channel:
        channel = self._channel(params)
        if channel.is_archived:
            raise SlackRefusalError("is_archived")
        if not channel.is_member:
            raise SlackRefusalError("not_in_channel")
        return channel

    def _readable(self, params: Json) -> Channel:
        """Reading takes a channel id, never a name."""
        channel = self.workspace.channels.get(str(params.get("channel") or ""))
        if channel is None:
            raise SlackRefusalError("channel_not_found")
        if not channel.is_member:
            raise SlackRefusalError("not_in_channel")
        return channel

    def _visible(self, method: str, channel: Channel, params: Json) -> list[Message]:
        """Messages in the asked range and no younger than the history lag in force, oldest first."""
        lag = self.faults.lag(method)
        now = self.ledger.clock()
        inside = [m for m in self.ledger.live(channel.id) if in_range(m.ts, params)]
        shown = [m for m in inside if lag is None or now - m.accepted_at >= lag.delay_s]
        if lag is not None and len(shown) < len(inside):
            lag.fired += 1
        return shown

    def _shape(self, message: Message, params: Json) -> Json:
        shown = message.to_slack(self.workspace.team, with_metadata=truthy(params.get("include_all_metadata")))
        replies = [m for m in self.ledger.live(message.channel) if m.is_reply and m.thread_ts == message.ts]
        if replies:
            authors = sorted({m.user for m in replies})
            shown |= {"thread_ts": message.ts, "reply_count": len(replies), "latest_reply": replies[-1].ts}
            shown |= {"reply_users": authors, "reply_users_count": len(authors), "is_locked": False}
        if message.is_reply:
            shown["parent_user_id"] = BOT_USER
        return shown

    def _history(self, params: Json) -> Json:
        channel = self._readable(params)
        seen = self._visible("conversations.history", channel, params)
        top = [m for m in reversed(seen) if not m.is_reply or m.reply_broadcast]
        page, rest = paged(top, params, default=100)
        return {"messages": [self._shape(m, params) for m in page], "pin_count": 0, **rest}

    def _replies(self, params: Json) -> Json:
        channel = self._readable(params)
        ts = str(params.get("ts") or "")
        parent = self.ledger.find(channel.id, ts)
        if parent is None:
            raise SlackRefusalError("thread_not_found")
        root = parent.thread_ts or parent.ts
        seen = self._visible("conversations.replies", channel, params)
        thread = [m for m in seen if m.thread_ts == root and m.is_reply]
        head = [m for m in [self.ledger.find(channel.id, root)] if m is not None]
        page, rest = paged(head + thread, params, default=1000)
        return {"messages": [self._shape(m, params) for m in page], **rest}

    def _conversations(self, params: Json) -> Json:
        leave_out = truthy(params.get("exclude_archived"))
        kinds = str(params.get("types") or "public_channel").split(",")
        wanted = [
            c
            for c in self.workspace.channels.values()
            if not (leave_out and c.is_archived) and ("im" if c.dm_with else "public_channel") in kinds
        ]
        page, rest = paged(wanted, params, default=100)
        return {"channels": [c.to_slack() for c in page], "response_metadata": rest["response_metadata"]}

    def _open(self, params: Json) -> Json:
        users = str(params.get("users") or "").split(",")
        if params.get("channel"):
            return {"channel": self._channel(params).to_slack()}
        if len(users) != 1 or users[0] not in self.workspace.users:
            raise SlackRefusalError("user_not_found")
        known = f"D{users[0][1:]}" in self.workspace.channels
        channel = self.workspace.direct(users[0])
        shown = channel.to_slack() if truthy(params.get("return_im")) else {"id": channel.id}
        return {"channel": shown, "no_op": known, "already_open": known}

    # -- people --------------------------------------------------------------------------------------------------------

    def _auth_test(self, _: Json) -> Json:
        bot = self.workspace.users[BOT_USER]
        return {
            "url": f"https://{self.workspace.domain}.slack.com/",
            "team": "Acme (fake)",
            "user": bot.name,
            "team_id": self.workspace.team,
            "user_id": bot.id,
            "bot_id": BOT_ID,
            "is_enterprise_install": False,
        }

    def _user_info(self, params: Json) -> Json:
        user = self.workspace.users.get(str(params.get("user") or ""))
        if user is None:
            raise SlackRefusalError("user_not_found")
        return {"user": user.to_slack(self.workspace.team)}

    def _users(self, params: Json) -> Json:
        page, rest = paged(list(self.workspace.users.values()), params, default=200)
        members = [u.to_slack(self.workspace.team) for u in page]
        return {"members": members, "cache_ts": int(self.ledger.clock()), **rest}

    def _user_by_email(self, params: Json) -> Json:
        email = str(params.get("email") or "").lower()
        user = next((u for u in self.workspace.users.values() if u.email == email and not u.is_bot), None)
        if user is None:
            raise SlackRefusalError("users_not_found")
        return {"user": user.to_slack(self.workspace.team)}

    def _usergroups(self, params: Json) -> Json:
        named = truthy(params.get("include_users"))
        groups = self.workspace.groups.values()
        return {"usergroups": [g.to_slack(self.workspace.team, include_users=named) for g in groups]}

    # -- files ---------------------------------------------------------------------------------------------------------

    def _upload_url(self, params: Json) -> Json:
        file = self.files.expect(
            str(params.get("filename") or ""), params.get("length"), str(params.get("alt_txt") or "")
        )
        return {"upload_url": f"{self.base}/upload/v1/{file.ticket}", "file_id": file.id}

    def _complete_upload(self, params: Json) -> Json:
        channels = [c for c in [params.get("channel_id"), *str(params.get("channels") or "").split(",")] if c]
        targets = [self._writable({"channel": c}) for c in channels]
        shown = self.files.complete(decoded(params.get("files")) or [], self.base)
        for target in targets:
            message = Message(target.id, self.ledger.next_ts(), self.ledger.clock(), files=shown)
            message.text = str(params.get("initial_comment") or "")
            message.thread_ts = params.get("thread_ts") or None
            self.ledger.add(message)
        return {"files": shown}
