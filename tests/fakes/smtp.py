"""A mail server on this machine (aiosmtpd), with a ledger and faults that are counted.

| fault | when | is the letter taken? |
|---|---|---|
| `mail_N`, `rcpt_N`, `data_N` | that command, or the letter, is answered with code N | no |
| `timeout_before` | no answer to MAIL | no |
| `timeout_after` | the letter is taken, and no answer comes | **yes** |
| `lost_reply` | the letter is taken, and the connection ends | **yes** |
| `reset` | the connection ends at MAIL | no |
"""

from __future__ import annotations

import asyncio
import ssl
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

LATER = {"4": "try again later", "5": "no, canary of the server"}


class FakeSmtp:
    """Listens on 127.0.0.1. `taken` holds the letters, in order; `faults` what befalls the next transactions."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, login: tuple[str, str] | None = None) -> None:
        self.taken: list[bytes] = []
        self.to: list[list[str]] = []
        self.faults: list[str] = []
        self.fired: list[str] = []
        self.connections = 0
        self.encrypted: list[bool] = []
        self._tls, self._login = tls, login
        self._server: asyncio.Server | None = None
        self._open: list[SMTP] = []

    async def __aenter__(self) -> FakeSmtp:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._protocol, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for one in self._open:
            task = one._handler_coroutine
            if task is not None and not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            if one.transport is not None:
                one.transport.abort()

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def letters(self) -> list[EmailMessage]:
        """What was taken, as a mail program reads it."""
        found = [message_from_bytes(one, policy=policy.default) for one in self.taken]
        return [one for one in found if isinstance(one, EmailMessage)]

    @property
    def keys(self) -> list[str]:
        """The letters, each once, as mailboxes that know Message-IDs show them."""
        return list(dict.fromkeys(str(one["Message-ID"]) for one in self.letters))

    def _protocol(self) -> SMTP:
        self.connections += 1
        options: dict[str, Any] = {"tls_context": self._tls, "require_starttls": self._tls is not None}
        if self._login is not None:
            options |= {
                "authenticator": self._checked,
                "auth_required": True,
                "auth_require_tls": self._tls is not None,
            }
        made = SMTP(self, enable_SMTPUTF8=False, hostname="mail.test", **options)
        self._open.append(made)
        return made

    def _checked(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _how: str, given: LoginPassword
    ) -> AuthResult:
        assert self._login is not None
        right = (given.login.decode(), given.password.decode()) == self._login
        return AuthResult(success=right, handled=False)

    def _strikes(self, *names: str) -> str:
        fault = self.faults[0] if self.faults else ""
        if not fault.startswith(names):
            return ""
        self.fired.append(self.faults.pop(0))
        return fault

    # ---- what aiosmtpd asks of its handler

    async def handle_MAIL(self, server: SMTP, _s: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        """The sender."""
        fault = self._strikes("mail_", "timeout_before", "reset")
        if fault == "timeout_before":
            await asyncio.sleep(3600)
        if fault == "reset":
            server.transport.abort()
            return "421 gone"
        if fault:
            return f"{fault[5:]} {LATER[fault[5]]}"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(
        self, _server: SMTP, _s: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """The mailbox."""
        fault = self._strikes("rcpt_")
        if fault:
            return f"{fault[5:]} {LATER[fault[5]]}"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """The letter."""
        fault = self._strikes("data_", "timeout_after", "lost_reply")
        if fault.startswith("data_"):
            return f"{fault[5:]} {LATER[fault[5]]}"
        assert isinstance(envelope.content, bytes)
        self.taken.append(envelope.content)
        self.to.append(list(envelope.rcpt_tos))
        self.encrypted.append(session.ssl is not None)
        if fault == "timeout_after":
            await asyncio.sleep(3600)
        if fault == "lost_reply":
            server.transport.abort()
        return "250 OK"
