"""E-mail as a way to people. EDGE.

Each page is a letter of its own, as text and as HTML, with a Message-ID that follows from the page: a letter that had
to be sent again is the same letter, and many mailboxes show it once. All letters of an incident refer to one id that
follows from the incident, so they lie together in a mailbox. Nothing in a letter loads, leads on or runs.
"""

import asyncio
import contextlib
import hashlib
import ssl
from collections.abc import Callable
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.utils import formatdate
from typing import Literal, NamedTuple

import aiosmtplib

from alerting.delivery.posting import Reveal
from alerting.delivery.ways import Message, Outcome, Settles
from alerting.inert import one_line
from alerting.letter import header, letter_html, letter_text, subject
from alerting.mailbox import mailbox
from stream import crash

RETRY_MS = 15_000
"""A mail server that says "later" means it; greylisting wants minutes, and another way is tried meanwhile."""
GOODBYE_S = 1.0
Security = Literal["starttls", "tls", "none"]


class Server(NamedTuple):
    """The mail server that letters are handed to, and whom they are from."""

    host: str
    port: int
    sender: str
    security: Security = "starttls"
    username: str = ""
    password: Reveal | None = None
    timeout_s: float = 10.0


class EmailWay:
    """Hands letters to a mail server: `sent` means that it took one. What becomes of it there is not ours to see."""

    settles: Settles = "never"

    def __init__(self, server: Server, clock: Callable[[], int], *, tls: ssl.SSLContext | None = None) -> None:
        """`clock` gives milliseconds since 1970; `tls` takes the place of the machine's own authorities."""
        self._server = server
        self._clock = clock
        self._tls = tls

    async def post(self, message: Message) -> Outcome:
        """Hand one letter over, on a connection of its own."""
        try:
            letter, to = letter_of(message, self._server.sender, self._clock())
        except ValueError:
            return Outcome("permanent", detail="this is no address of a mailbox")
        client = self._client()
        at = _At()
        crash.here("email.post.before")
        try:
            async with asyncio.timeout(self._server.timeout_s):
                await self._hand_over(client, letter, to, at)
        except (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError) as error:
            return outcome_of(error, handed_over=at.handed_over)
        finally:
            await _goodbye(client, polite=at.done)
        crash.here("email.post.after")
        return Outcome("sent", to, message.page_id)

    async def find(self, message: Message, oldest_ms: int) -> Outcome | None:
        """A mailbox of somebody else's cannot be read."""
        return None

    async def edit(self, channel: str, ts: str, message: Message) -> Outcome:
        """A letter stays as it was sent."""
        return Outcome("sent", channel, ts)

    def _client(self) -> aiosmtplib.SMTP:
        server = self._server
        return aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.security == "tls",
            start_tls=server.security == "starttls",
            tls_context=self._tls,
            username=server.username or None,
            password=server.password() if server.username and server.password is not None else None,
            timeout=server.timeout_s,
        )

    async def _hand_over(self, client: aiosmtplib.SMTP, letter: EmailMessage, to: str, at: "_At") -> None:
        await client.connect()
        await client.mail(self._server.sender)
        await client.rcpt(to)
        at.handed_over = True
        await client.data(letter.as_bytes(policy=WIRE))
        at.done = True


class _At:
    """How far a letter came."""

    handed_over = False
    done = False


async def _goodbye(client: aiosmtplib.SMTP, *, polite: bool) -> None:
    if polite:
        with contextlib.suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
            async with asyncio.timeout(GOODBYE_S):
                await client.quit()
    client.close()


def outcome_of(error: Exception, *, handed_over: bool) -> Outcome:
    """What an error says about a letter. The detail is the server's code or the error's name, never a text.

    >>> outcome_of(aiosmtplib.SMTPRecipientRefused(550, "no such user", "a@b.example"), handed_over=False).kind
    'permanent'
    >>> outcome_of(aiosmtplib.SMTPDataError(451, "later"), handed_over=True).kind
    'not_sent'
    >>> outcome_of(TimeoutError(), handed_over=True).kind, outcome_of(TimeoutError(), handed_over=False).kind
    ('unknown', 'not_sent')
    """
    name = type(error).__name__
    if isinstance(error, aiosmtplib.SMTPResponseException) and error.code >= 400:
        if error.code >= 500:
            return Outcome("permanent", detail=f"smtp_{error.code}")
        return Outcome("not_sent", retry_ms=RETRY_MS, detail=f"smtp_{error.code}")
    if handed_over:
        return Outcome("unknown", detail=name)
    if type(error) in (aiosmtplib.SMTPException, aiosmtplib.SMTPNotSupported, ValueError):
        return Outcome("permanent", detail=name)  # it has no STARTTLS, or no login: it will have none the next time
    return Outcome("not_sent", retry_ms=RETRY_MS, detail=name)


def letter_of(message: Message, sender: str, at_ms: int) -> tuple[EmailMessage, str]:
    """The letter of a page, and the mailbox that it goes to. Raises `ValueError` where `message.to` is none.

    >>> said = Message(page_id="p1", incident="a-0", kind="page", to="anna@corp.example", text="")
    >>> letter, to = letter_of(said, "tocsin@corp.example", 0)
    >>> letter["Message-ID"], to
    ('<p1@corp.example>', 'anna@corp.example')
    """
    to = mailbox(message.to)
    domain = mailbox(sender).rpartition("@")[2]
    story = f"<{hashlib.sha256(message.incident.encode('utf-8', 'replace')).hexdigest()[:32]}@{domain}>"
    letter = EmailMessage(policy=WIRE)
    letter["From"] = Address("Tocsin", addr_spec=mailbox(sender))
    letter["To"] = Address(addr_spec=to)
    letter["Subject"] = subject(message.view) if message.view is not None else header(message.incident, 100) or "?"
    letter["Date"] = formatdate(at_ms / 1000)
    letter["Message-ID"] = f"<{message.page_id}@{domain}>"
    letter["In-Reply-To"] = story
    letter["References"] = story
    letter["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday notice answers
    if message.view is None or message.view.severity in ("high", "critical"):
        letter["Importance"] = "high"
        letter["X-Priority"] = "1"
    view = message.view
    letter.set_content(letter_text(view, message.line) if view is not None else one_line(message.incident, 200))
    if view is not None:
        letter.add_alternative(letter_html(view, message.line), subtype="html")
    return letter, to
