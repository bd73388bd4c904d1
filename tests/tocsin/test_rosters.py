"""Calendars as they come: from files and addresses, good, bad and hostile."""

import logging
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from alerting.roster import Roster, RosterError, RosterSpec
from stream.codec import DAY_MS, parse_rfc3339
from stream.sources import guard
from tocsin import rosters
from tocsin.rosters import expand_rosters, must_renew, read_calendars

AT_MS = parse_rfc3339("2026-03-01T12:00:00Z")
GOOD = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//made up//EN
BEGIN:VEVENT
UID:1
DTSTART;TZID=Europe/Amsterdam:20260105T090000
DTEND;TZID=Europe/Amsterdam:20260112T090000
RRULE:FREQ=WEEKLY
SUMMARY:anna
END:VEVENT
END:VCALENDAR
"""


def specs(calendar: str) -> dict[str, RosterSpec]:
    """One roster that takes its shifts from a calendar."""
    return {"pr_on_call": RosterSpec.model_validate({"timezone": "Europe/Amsterdam", "calendar": calendar})}


def refusal(calendar: str, base: Path, **more: Any) -> str:
    """What is said of a calendar that cannot be had."""
    with pytest.raises(RosterError) as caught:
        read_calendars(specs(calendar), base, **more)
    return str(caught.value)


# --- files -----------------------------------------------------------------------------------------------------------


def test_a_file_lies_beside_the_chart(tmp_path: Path) -> None:
    """And a roster without a calendar reads none."""
    (tmp_path / "oncall.ics").write_text(GOOD, encoding="utf-8")
    words = {"people": "anna", "every": "1d", "hand_over": "09:00", "from": "2026-01-05"}
    more = {"turns": RosterSpec.model_validate({"timezone": "UTC", "rotation": words})}
    assert read_calendars({**specs("oncall.ics"), **more}, tmp_path) == {"pr_on_call": GOOD}


def test_a_file_that_cannot_be_read_is_told_in_one_line(tmp_path: Path) -> None:
    """With the file, what is wrong and what is allowed."""
    (tmp_path / "latin.ics").write_bytes(b"BEGIN:VCALENDAR\nSUMMARY:Ren\xe9")
    (tmp_path / "page.ics").write_text("<html>Please sign in</html>", encoding="utf-8")
    (tmp_path / "long.ics").write_bytes(b"BEGIN:VCALENDAR\n" + b" " * (2 << 20))
    missing, latin, page, long = (
        refusal(f"{name}.ics", tmp_path).replace(str(tmp_path), "") for name in ("missing", "latin", "page", "long")
    )
    assert missing == (
        "roster pr_on_call: /missing.ics: the calendar cannot be read (no such file or directory); "
        "allowed: a file beside the chart, an address that begins with https://, env:NAME"
    )
    assert latin == "roster pr_on_call: /latin.ics: byte 27 is not UTF-8, as iCalendar must be"
    assert page.endswith("/page.ics: this is no iCalendar file, which begins with BEGIN:VCALENDAR")
    assert long.endswith("this calendar has more than 2097152 bytes; let it hold on-call shifts alone")


def test_a_variable_may_hold_the_address_and_never_shows_it(tmp_path: Path) -> None:
    """Neither where it is missing nor where it holds something else."""
    assert refusal("env:ONCALL", tmp_path) == (
        "roster pr_on_call: the variable ONCALL is empty or not set; it must hold the address of the calendar"
    )
    said = refusal("env:ONCALL", tmp_path, environment={"ONCALL": "http://10.0.0.1/private-0815"})
    assert said == "roster pr_on_call: what the variable ONCALL holds is no address that begins with https://"


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    """Two rosters, two lines."""
    with pytest.raises(RosterError) as caught:
        read_calendars({"one": specs("a.ics")["pr_on_call"], "two": specs("b.ics")["pr_on_call"]}, tmp_path)
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["roster one", "roster two"]


# --- addresses -------------------------------------------------------------------------------------------------------


class Answers(BaseHTTPRequestHandler):
    """A calendar server that does what its path says."""

    asked: ClassVar[list[tuple[str, str | None]]] = []
    body = GOOD.encode()

    def do_GET(self) -> None:
        """Answer, or misbehave."""
        self.asked.append((self.path, self.headers.get("Authorization")))
        kind = self.path.split("/")[1].split("?")[0]
        if kind.startswith("to"):
            self.send_response(302)
            self.send_header("Location", {"to-good": "/good", "to-self": "/to-self", "to-http": "http://x.test/"}[kind])
            self.end_headers()
            return
        self.send_response(404 if kind == "gone" else 200)
        if kind == "packed":
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        if kind == "slow":
            for byte in self.body:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(0.05)
        elif kind == "endless":
            for _ in range(200):
                self.wfile.write(b"BEGIN:VCALENDAR\n" * 4096)
        else:
            self.wfile.write(b"<html>" if kind == "page" else self.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name the library gives it
        """Nothing."""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for this machine alone, made now."""
    folder = tmp_path_factory.mktemp("tls")
    made = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
    ]
    names = ["-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1,DNS:calendars.test"]
    subprocess.run([*made, *names, "-keyout", folder / "key", "-out", folder / "crt"], check=True, capture_output=True)
    return folder


@pytest.fixture
def server(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    """A server on this machine; gives the address of a path."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "crt", certificate / "key")
    running = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    running.socket = context.wrap_socket(running.socket, server_side=True)
    running.daemon_threads = True
    running.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that hangs up is no news
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "crt"))
    monkeypatch.setattr(Answers, "asked", [])
    monkeypatch.setattr(Answers, "body", GOOD.encode())
    yield lambda path: f"https://127.0.0.1:{running.server_port}{path}"
    running.shutdown()
    running.server_close()


def test_an_address_is_read_also_where_it_leads_on(server: Callable[[str], str], tmp_path: Path) -> None:
    """With the name and password that stand in it, and through a variable."""
    assert read_calendars(specs(server("/good")), tmp_path, allow_private=True) == {"pr_on_call": GOOD}
    assert read_calendars(specs(server("/to-good")), tmp_path, allow_private=True) == {"pr_on_call": GOOD}
    secret = server("/good").replace("https://", "https://anna:pass@")
    read_calendars(specs("env:ONCALL"), tmp_path, environment={"ONCALL": secret}, allow_private=True)
    assert Answers.asked == [("/good", None), ("/to-good", None), ("/good", None), ("/good", "Basic YW5uYTpwYXNz")]


def test_a_private_address_is_not_even_asked(server: Callable[[str], str], tmp_path: Path) -> None:
    """Whatever name it hides behind."""
    for address in (server("/good"), "https://localhost/x", "https://[::ffff:10.0.0.1]/x", "https://169.254.169.254/x"):
        said = refusal(address, tmp_path)
        assert said.endswith(
            "it lies inside a private network, which is not asked; allowed: a file beside the chart, a public address"
        )
    assert Answers.asked == []


def test_a_name_is_asked_at_the_number_that_was_looked_at(
    server: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looked up once, connected to that, and its certificate held against the name."""
    port = server("").rpartition(":")[2]
    looked_up = []

    def lookup(host: str, *_: object, **__: object) -> list[tuple[Any, ...]]:
        looked_up.append(host)
        return [(2, 1, 6, "", ("127.0.0.1", int(port)))]

    monkeypatch.setattr(guard.socket, "getaddrinfo", lookup)
    monkeypatch.setattr(guard, "is_public", lambda number: number == "127.0.0.1")
    assert read_calendars(specs(f"https://calendars.test:{port}/good"), tmp_path) == {"pr_on_call": GOOD}
    assert looked_up == ["calendars.test", "127.0.0.1"]
    assert "does not answer as it should (ConnectError)" in refusal(f"https://other.test:{port}/good", tmp_path)


BAD_ANSWERS = {
    "/gone": "it answers 404 instead of 200",
    "/to-self": "it leads on to other addresses more than 3 times",
    "/to-http": "it leads to an address without https, which is not asked",
    "/packed": "it answers compressed though asked not to",
    "/page": "this is no iCalendar file, which begins with BEGIN:VCALENDAR",
    "/endless": "this calendar has more than 2097152 bytes; let it hold on-call shifts alone",
    "/slow": "it took more than 1 seconds",
}


@pytest.mark.parametrize(("path", "said"), BAD_ANSWERS.items())
def test_a_bad_answer_is_told_without_the_address(
    path: str,
    said: str,
    server: Callable[[str], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its host alone: what stands behind it is mostly a secret. Nor does any log hold it."""
    monkeypatch.setattr(rosters, "TOTAL_SECONDS", 1)
    caplog.set_level(logging.DEBUG)
    told = refusal(server(f"{path}?token=hunter2"), tmp_path, allow_private=True)
    assert told.endswith(said)
    assert told.startswith("roster pr_on_call: calendar at ")
    assert "hunter2" not in told + caplog.text


def test_the_last_good_copy_holds_while_the_address_does_not(server: Callable[[str], str], tmp_path: Path) -> None:
    """It is kept for its owner alone, used with a warning, and replaced by the next good one only."""
    kept = tmp_path / "data" / "calendars"
    told: list[str] = []

    def read() -> str:
        found = read_calendars(specs(server("/good")), tmp_path, kept_in=kept, allow_private=True, warn=told.append)
        return found["pr_on_call"]

    assert read() == GOOD
    (copy,) = kept.iterdir()
    assert oct(copy.stat().st_mode)[-3:] == "600"
    Answers.body = b"<html>signed out</html>"
    assert read() == GOOD
    assert len(told) == 1
    assert "this is no iCalendar file" in told[0]
    assert told[0].endswith("is used")
    Answers.body = GOOD.replace("anna", "bram").encode()
    assert read() == GOOD.replace("anna", "bram") == copy.read_text(encoding="utf-8")
    assert len(told) == 1


# --- expansion and renewal -------------------------------------------------------------------------------------------


def expanded(text: str = GOOD, days: int = 0) -> dict[str, Roster]:
    """The roster as it is some days later."""
    return expand_rosters(specs("a.ics"), {"pr_on_call": text}, AT_MS + days * DAY_MS, {"anna": "Anna", "bram": "B"})


def test_rosters_are_known_400_days_ahead_and_the_same_all_day() -> None:
    """From the day before on, so that a page of last night still has its people."""
    roster = expanded()["pr_on_call"]
    assert roster.until_ms - roster.from_ms == 400 * DAY_MS
    assert roster.from_ms == parse_rfc3339("2026-02-28T00:00:00Z")
    later = expand_rosters(specs("a.ics"), {"pr_on_call": GOOD}, AT_MS + DAY_MS // 3, {"anna": "Anna"})
    assert later["pr_on_call"].as_content() == roster.as_content()


def test_rosters_are_renewed_when_somebody_else_is_on_call_or_the_end_comes_near() -> None:
    """A horizon that only moved on is no change."""
    held = expanded()
    assert [must_renew(held, expanded(days=day), AT_MS + day * DAY_MS) for day in (0, 1, 20, 28, 31)] == [
        False,
        False,
        False,
        False,
        True,
    ]
    swap = GOOD.replace("SUMMARY:anna", "EXDATE;TZID=Europe/Amsterdam:20260601T090000\nSUMMARY:anna")
    assert must_renew(held, expanded(swap, days=1), AT_MS + DAY_MS)
    past = GOOD.replace("SUMMARY:anna", "EXDATE;TZID=Europe/Amsterdam:20260216T090000\nSUMMARY:anna")
    assert not must_renew(held, expanded(past, days=1), AT_MS + DAY_MS)
    assert must_renew(held, {}, AT_MS)


def test_every_roster_that_cannot_be_expanded_is_told() -> None:
    """With the calendar's line."""
    with pytest.raises(RosterError) as caught:
        expand_rosters(specs("a.ics"), {"pr_on_call": GOOD}, AT_MS, {"hanna": "Hanna"})
    assert caught.value.problems == [
        'a.ics:4:1: the event "anna" is for "anna", who is no responder; did you mean `hanna`? An event of this '
        "calendar holds the key or the name of a responder, several with commas between (roster pr_on_call)"
    ]
