"""`tocsin watch`: a second machine that says in plain words when the first falls silent, and when it is back."""

import json
import socket
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tocsin.cli import app
from tocsin.mistakes import UsageError
from tocsin.watching import Change, Finding, Looker, Teller, Watching, judged

WELL = {"status": "ok", "wrong": [], "probe": {"age_s": 7, "every_s": 60}}


class Place:
    """Something that answers, and takes what is posted."""

    def __init__(self) -> None:
        self.answer: tuple[int, bytes] = (200, json.dumps(WELL).encode())
        self.only = "/healthz"
        self.posted: list[Any] = []
        self.takes = 200
        place = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = place.answer if self.path == place.only else (404, b"not found")
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                place.posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(place.takes)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def place() -> Iterator[Place]:
    """One on this machine."""
    found = Place()
    thread = threading.Thread(target=found.server.serve_forever, args=(0.02,))
    thread.start()
    yield found
    found.server.shutdown()
    thread.join()
    found.server.server_close()


def once(*call: str) -> tuple[int, dict[str, Any]]:
    """Look once, as cron does."""
    done = CliRunner().invoke(app, ["watch", *call, "--once", "--json"])
    return done.exit_code, json.loads(done.stdout)


def test_cron_learns_from_the_status_and_a_person_from_the_words(place: Place) -> None:
    """Each way of not being well is told apart from the others, and said who is wrong."""
    status, said = once(place.url)
    assert (status, said["state"], said["words"]) == (0, "well", "all is well, and a probe came through 7 s ago")
    place.answer = 200, json.dumps(WELL | {"status": "unwell", "wrong": ["delivery stood still for 70 s"]}).encode()
    assert once(place.url) == (
        1,
        {
            "address": place.url,
            "well": False,
            "state": "unwell",
            "words": "it says itself: delivery stood still for 70 s",
        },
    )
    place.answer = 200, json.dumps(WELL | {"probe": {"age_s": 151, "every_s": 60}}).encode()
    status, said = once(f"{place.url}/healthz")
    assert (status, said["state"]) == (1, "stale")
    assert "no probe came through for 151 s: what looks after it stands still" in said["words"]
    place.answer = 200, b"<html>Please sign in</html>"
    assert once(place.url)[1]["state"] == "strange"
    place.answer = 200, b'{"console": "open"}'
    assert "give the address at which mentions come in" in once(place.url)[1]["words"]


def test_nobody_who_answers_is_found_too() -> None:
    """A port that is shut, and one that takes a call and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        shut = f"http://127.0.0.1:{taken.getsockname()[1]}"
    status, said = once(shut)
    assert (status, said["state"]) == (1, "unreachable")
    assert said["words"] == "it cannot be reached: the machine, the network between, or the process is down"


def test_one_that_takes_a_call_and_says_nothing_is_not_waited_for_without_end() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        found = Looker(f"http://127.0.0.1:{mute.getsockname()[1]}", timeout_s=0.2).look()
    assert found == Finding(
        "unreachable", "it did not answer in time: the machine, the network between, or the process is down"
    )


def test_a_worker_is_asked_whether_it_is_ready(place: Place) -> None:
    place.only, place.answer = "/readyz", (503, b'{"ready": false, "waits": {"core": ["it has no brokers yet"]}}')
    assert once(place.url)[1]["words"] == "it says that it is not ready: core: it has no brokers yet"
    place.answer = 200, b'{"ready": true, "waits": {}, "roles": {}}'
    assert once(place.url)[0] == 0


@pytest.mark.parametrize("body", [b"", b"[]", b'{"status": "ok"}', b'{"status": 1, "wrong": 2}', b"\xff", b"{" * 9_999])
def test_whatever_answers_is_judged(body: bytes) -> None:
    assert judged(200, body).state == "strange"


def test_a_short_trouble_is_told_to_nobody_and_a_long_one_once() -> None:
    """And that it is back is told only to those who heard that it was gone."""
    watching, bad, good = Watching(60), Finding("unreachable", "it is gone"), Finding("well", "all is well")
    looks = [(good, 0), (bad, 20), (bad, 40), (good, 60), (bad, 80), (bad, 140), (bad, 160), (good, 180), (good, 200)]
    told = [change for finding, at_s in looks if (change := watching.look(finding, at_s)) is not None]
    assert [(change.became, change.since_s) for change in told] == [("silent", 60), ("back", 100)]


SILENT = Change("silent", Finding("unreachable", "it cannot be reached"), 61)


def test_a_chat_and_a_program_are_told_and_told_again_where_they_did_not_hear(place: Place, tmp_path: Path) -> None:
    """The words reach the program in its environment; nothing of them is a shell's."""
    told = tmp_path / "told"
    program = tmp_path / "tell.py"
    heard = "e['TOCSIN_WATCH_BECAME'] + e['TOCSIN_WATCH_WORDS']"
    program.write_text(f"from os import environ as e\nopen({str(told)!r}, 'a').write({heard})\n")
    teller = Teller("http://a", command=f"{sys.executable} {program}", url=f"{place.url}/secret-of-a-chat")
    place.takes = 500
    wrong = teller.tell(SILENT)
    assert wrong == ["the address answered 500; it is tried again at the next look"]
    assert told.read_text() == "silentTocsin at http://a is not well for 61 s: it cannot be reached"
    place.takes = 200
    assert teller.retry() == teller.retry() == []
    assert place.posted == [{"text": SILENT.words("http://a")}] * 2
    assert told.read_text().count("silent") == 1, "who heard it is not told again"


def test_what_cannot_be_told_is_said_without_the_secret() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/secret-of-a-chat"
    wrong = " ".join(Teller("http://a", command="/no/such/program", url=url).tell(SILENT))
    assert "the command cannot be run (FileNotFoundError)" in wrong
    assert "the address does not answer (ConnectError)" in wrong
    assert "secret-of-a-chat" not in wrong


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (("ftp://a",), "ftp://a: is no address; allowed: as http://tocsin.internal:8760"),
        (("http://ann:pw@a:1",), "the address holds a user name or a password"),
        (("http://a:port",), "is no address"),
        (("http://a", "--every", "soon"), "--every soon: is no length of time"),
        (("http://a", "--every", "0s"), "allowed: 1s and more"),
        (("http://a", "--tell-env", "NOT_THERE"), "--tell-env NOT_THERE: this variable holds no address"),
    ],
)
def test_a_call_that_cannot_be_meant_is_refused_in_one_line(call: tuple[str, ...], said: str) -> None:
    done = CliRunner().invoke(app, ["watch", *call])
    assert isinstance(done.exception, UsageError)
    assert said in str(done.exception)
    assert "pw" not in str(done.exception)


def test_it_watches_until_it_is_stopped_and_tells_of_what_lasts(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the terminal each change as it is seen; the chat hears of the silence that lasted and of its end alone."""
    well = place.answer
    ill = 200, json.dumps(WELL | {"status": "unwell", "wrong": ["the core is 75 s behind the clock"]}).encode()
    answers = [well, ill, well, ill, ill, ill, ill, well, well]
    now_s = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now_s
        now_s += seconds
        answers.pop(0)
        if not answers:
            raise KeyboardInterrupt
        place.answer = answers[0]

    monkeypatch.setattr("tocsin.cli_watch.time.sleep", sleep)
    monkeypatch.setattr("tocsin.cli_watch.time.monotonic", lambda: now_s)
    monkeypatch.setenv("OPS_CHAT", f"{place.url}/secret-of-a-chat")
    done = CliRunner().invoke(app, ["watch", place.url, "--every", "20s", "--grace", "40s", "--tell-env", "OPS_CHAT"])
    behind = f"{place.url} is not well for 40 s: it says itself: the core is 75 s behind the clock"
    back = f"{place.url} is back after 80 s: all is well, and a probe came through 7 s ago"
    assert [one["text"] for one in place.posted] == [f"Tocsin at {behind}", f"Tocsin at {back}"]
    seen = [line.split()[1] for line in done.stdout.splitlines() if "  " in line]
    assert seen == ["well:", "unwell:", "well:", "unwell:", "well:"]
    assert behind in done.stdout
    assert "secret-of-a-chat" not in done.stdout
