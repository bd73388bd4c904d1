"""What commands write: lines for people, JSON for scripts, and the one plain line that ends a call that went wrong."""

import json
import re
import sys
from collections.abc import Iterable
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from alerting.inert import terminal_safe

# Without emoji names: `chart.yaml:100:5` is a place in a file.
out = Console(emoji=False)
err = Console(stderr=True, emoji=False)

Json = Annotated[bool, typer.Option("--json", help="Machine-readable result on standard output.")]


_STEERS = re.compile(
    "[\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
    "|[\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ue000-\uf8ff\ufffe\uffff]|[\U000e0000-\U0010ffff]"
)
"""What would steer a terminal or hide in it; JSON itself escapes what is below a space."""


def safe(text: str) -> str:
    """Text as it may go to a terminal: names and words from outside may be in it, and steer nothing.

    >>> safe("there is no incident `\\x1b[2J\\u202eacme`")
    'there is no incident `acme`'
    """
    return "\n".join(terminal_safe(line) for line in text.split("\n"))


def say(line: str, style: str = "") -> None:
    """One line on standard output, as it is: nothing in it is markup."""
    out.print(safe(line), style=style or None, markup=False, highlight=False, soft_wrap=True)


def complain(lines: Iterable[str], style: str = "red") -> None:
    """Lines on standard error."""
    for line in lines:
        err.print(safe(line), style=style, markup=False, highlight=False, soft_wrap=True)


def fail(message: str, status: int = 2) -> NoReturn:
    """Say what is wrong and leave."""
    complain(message.splitlines())
    raise SystemExit(status)


def print_json(value: object) -> None:
    """One value as one line of JSON."""
    sys.stdout.write(json_line(value) + "\n")


def json_line(value: object) -> str:
    """One value as one line of JSON; what would steer a terminal is escaped, and is the same to a script.

    >>> json_line({"text": "caf\\u00e9 \\u202e"})
    '{"text": "café \\\\u202e"}'
    """
    return _STEERS.sub(lambda found: json.dumps(found[0])[1:-1], json.dumps(value, ensure_ascii=False))
