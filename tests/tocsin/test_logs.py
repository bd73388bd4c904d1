"""The log: one event a line, bounded, for people or for programs; nothing in it is secret, or what somebody wrote."""

import ast
import io
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.typing import FilteringBoundLogger

from tocsin.logs import A_MINUTE, LIBRARY, LONGEST, LONGEST_TRACE, Level, Libraries, hide, place_of_cards, set_up_logs

ROOT = Path(__file__).parents[2]


class Written:
    """A log of a test's own, and what was written to it."""

    def __init__(self, form: Any = "json", level: Level = "info") -> None:
        self.stream = io.StringIO()
        set_up_logs(form, level, self.stream)
        self.log: FilteringBoundLogger = structlog.get_logger("tocsin")

    @property
    def lines(self) -> list[str]:
        """Every line."""
        return self.stream.getvalue().splitlines()

    @property
    def events(self) -> list[dict[str, Any]]:
        """Every event, as programs read it."""
        return [json.loads(line) for line in self.lines]


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Whatever a test sets up is taken down."""
    root = logging.getLogger()
    kept, level = list(root.handlers), root.level
    yield
    root.handlers, _ = kept, root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def test_a_program_reads_one_object_a_line() -> None:
    """With a time of the world's, a level and the event; a person on a terminal reads a line of text."""
    written = Written()
    written.log.warning("a source is in trouble", source="hn", problem="it is\nslow", since_ms=5)
    (event,) = written.events
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", event.pop("at"))
    assert event == {
        "event": "a source is in trouble",
        "level": "warning",
        "source": "hn",
        "problem": "it is slow",
        "since_ms": 5,
    }
    text = Written("text")
    text.log.warning("a source is in trouble", source="hn")
    (line,) = text.lines
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \[warning  \] a source is in trouble +source=hn", line)


def test_where_nobody_reads_along_it_is_json() -> None:
    """A file, a pipe and a container's log are no terminal."""
    written = Written("auto")
    written.log.info("listening")
    assert written.events[0]["event"] == "listening"


def test_cards_stay_out_of_what_a_program_reads(capsys: pytest.CaptureFixture[str]) -> None:
    """Without Slack pages are drawn: beside lines of JSON on standard error, so that each line of the log is one."""
    set_up_logs()
    structlog.get_logger("tocsin").info("listening")
    print("HIGH  Tulpatel  Service outage", file=place_of_cards())
    written = capsys.readouterr()
    assert [json.loads(line)["event"] for line in written.out.splitlines()] == ["listening"]
    assert written.err == "HIGH  Tulpatel  Service outage\n"
    print("HIGH  Tulpatel  Service outage", file=place_of_cards("text"))
    assert capsys.readouterr().out == "HIGH  Tulpatel  Service outage\n"


@pytest.mark.parametrize("level", ["info", "warning", "error"])
def test_what_is_less_grave_than_was_asked_for_is_not_written(level: Level) -> None:
    written = Written(level=level)
    for name in ("debug", "info", "warning", "error"):
        getattr(written.log, name)("x")
    order = ["info", "warning", "error"]
    assert [event["level"] for event in written.events] == order[order.index(level) :]


SECRETS = [
    "xoxb-1234-abcdefg",
    "xoxe.xoxp-1-Mi0yLTEyMzQ",
    "xapp-1-A01-2-abcdef",
    "https://hooks.slack.com/services/T0/B0/XyZsecret",
    "https://hc-ping.com/eb095278-f28d-448d-87fb-7b75c171a6aa",
    "redis://:hunter22@cache:6379/0",
    "https://ann:hunter22@example.org/x",
    "Authorization: Bearer abcdefgh12345678",
    "Basic YW5uOmh1bnRlcjI=",
    "https://api.example/x?api_key=hunter22&page=2",
    "https://api.example/x?page=2&access_token=hunter22",
    "http://127.0.0.1:8761/sign-in?token=hunter22",
    "wss://wss-primary.slack.com/link/?ticket=hunter22&app_id=1",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "-----BEGIN {0}-----\nMIIEvQhunter22\n-----END {0}-----".format("PRIVATE KEY"),
]
SECRET = re.compile(r"hunter22|XyZsecret|abcdef|Mi0y|YW5u|eb095278|c2lnbmF0")


@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize("secret", SECRETS)
def test_what_has_the_shape_of_a_secret_is_not_written(secret: str, form: str) -> None:
    """Wherever it stands: in a field, a list in it, the event itself, an exception, or in what a library says."""
    assert SECRET.search(secret), "the test knows what to look for"
    written = Written(form)
    written.log.error("broken", problem=f"at {secret} it ended", each=[{"where": secret}], what=ValueError(secret))
    event = f"broken {secret}"
    written.log.error(event)
    try:
        raise ValueError(secret)
    except ValueError:
        written.log.exception("broken")
    logging.getLogger("some.library").error("cannot reach %s", secret)
    assert len(written.lines) == 4
    assert not SECRET.search(written.stream.getvalue())
    assert "(hidden)" in written.stream.getvalue()


def test_a_field_that_is_called_a_secret_is_hidden_whatever_it_holds() -> None:
    written = Written()
    written.log.info("x", token="12", api_key="34", deep={"password": "56", "port": 7}, cookie=b"89")
    (event,) = written.events
    assert {name: event[name] for name in ("token", "api_key", "deep", "cookie")} == {
        "token": "(hidden)",
        "api_key": "(hidden)",
        "deep": {"password": "(hidden)", "port": 7},
        "cookie": "(hidden)",
    }


def test_nobody_s_words_are_written() -> None:
    """Not even by mistake: a field that would hold them says how long they were."""
    written = Written()
    written.log.info("x", text="you ruined my day", author="@ann", deep={"body": b"ruined"}, posts=3, raw=b"ruined")
    (event,) = written.events
    assert (event["text"], event["author"], event["posts"]) == ("(17 characters)", "(4 characters)", 3)
    assert "ruined" not in written.stream.getvalue()
    assert "ann" not in written.stream.getvalue()


def test_what_is_no_secret_stays_readable() -> None:
    """An alarm that hides everything says nothing."""
    for said in (
        "https://tocsin.example/incidents/acme-1773428150000",
        "127.0.0.1:8760 cannot be listened on: Address already in use",
        "chart.yaml:100:5: `page` names nobody",
        "the token is not in the environment",
        "basic authentication is refused",
        "a content does not have its digest and is not used",
        "ConnectError",
    ):
        assert hide(said) == said


def test_where_a_program_failed_is_told_without_the_values_of_its_variables() -> None:
    """And in one line, of which the end stays: what failed stands there."""
    written = Written("text")

    def deep(number: int) -> None:
        words_of_somebody = "you ruined my day"
        if not number:
            raise RuntimeError(f"the bottom of {len(words_of_somebody)}")
        deep(number - 1)

    for depth in (3, 400):
        try:
            deep(depth)
        except RuntimeError:
            written.log.exception("a record was not handled", offset=7)
    assert len(written.lines) == 2
    assert all("RuntimeError: the bottom of 17" in line for line in written.lines)
    assert all(len(line) < LONGEST_TRACE + 500 for line in written.lines)
    assert "you ruined my day" not in written.stream.getvalue()


def test_what_comes_too_often_is_left_out_and_counted() -> None:
    """Numbers in its name do not make it another event; another event passes all the while."""
    written = Written()
    for number in range(1_000):
        event = f"try {number} failed"
        written.log.warning(event)
    written.log.info("listening")
    assert len(written.lines) == A_MINUTE + 1
    assert written.events[-1]["event"] == "listening"


def test_a_value_has_an_end() -> None:
    written = Written()
    written.log.info("x", problem="a" * 100_000, each=list(range(10_000)), deep={str(n): n for n in range(10_000)})
    (event,) = written.events
    assert len(event["problem"]) == LONGEST
    assert len(event["each"]) == len(event["deep"]) == 50


def test_what_libraries_say_is_one_of_our_events() -> None:
    """From warnings on; what they say in passing is not written, and what they break by is not raised here."""
    written = Written()
    logger = logging.getLogger("websockets.server")
    logger.info("connection open")
    logger.warning("Invalid HTTP request\x1b[2J received.")
    unfit = logging.LogRecord("x", logging.ERROR, "", 1, "%d", ("no number",), None)
    Libraries().emit(unfit)
    (event,) = written.events
    assert (event["event"], event["logger"], event["level"]) == (LIBRARY, "websockets.server", "warning")
    assert event["problem"] == "Invalid HTTP request received."
    assert sum(isinstance(one, Libraries) for one in logging.getLogger().handlers) == 1
    Written()
    assert sum(isinstance(one, Libraries) for one in logging.getLogger().handlers) == 1


# --- every event of the code ------------------------------------------------------------------------------------------

MADE_UP = {
    "tocsin/scaled/core_keeping.py": "one sentence, too long for its line",
    "alerting/delivery/answering.py": "the name of a way stands in it: a closed list",
    "tocsin/scaled/core_runner.py": "one of the sentences of the same file",
}
"""Files in which an event is no literal, and why its names are few all the same."""
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Every call that writes an event, with its file."""
    for package in ("stream", "alerting", "tocsin"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Attribute)
                    and node.func.attr in LEVELS
                    and isinstance(node.func.value, ast.Name)
                    and node.func.value.id in ("log", "_log")
                ):
                    yield path.relative_to(ROOT).as_posix(), node


def test_the_names_of_events_are_a_closed_list() -> None:
    """Each is a literal: what varies stands in fields, so that a name can be counted and looked for."""
    found = list(calls())
    assert len(found) > 80
    loose = {f"{path}:{node.lineno}" for path, node in found if not isinstance(node.args[0], ast.Constant)}
    assert {place.partition(":")[0] for place in loose} <= MADE_UP.keys(), sorted(loose)


def test_no_event_carries_what_somebody_wrote() -> None:
    """No field is called as words of people or secrets are; none is the text of a post."""
    bad = {"text", "body", "author", "handle", "mention", "post", "quote", "token", "secret", "password"}
    fields = {(path, node.lineno, word.arg) for path, node in calls() for word in node.keywords}
    assert {one for one in fields if one[2] in bad} == set()
