"""What commands write: lines for people, JSON for scripts, and the one plain line that ends a call that went wrong."""

import json
import sys
from collections.abc import Iterable
from typing import Annotated, NoReturn

import typer
from rich.console import Console

# Without emoji names: `chart.yaml:100:5` is a place in a file.
out = Console(emoji=False)
err = Console(stderr=True, emoji=False)

Json = Annotated[bool, typer.Option("--json", help="Machine-readable result on standard output.")]


def say(line: str, style: str = "") -> None:
    """One line on standard output, as it is: nothing in it is markup."""
    out.print(line, style=style or None, markup=False, highlight=False, soft_wrap=True)


def complain(lines: Iterable[str], style: str = "red") -> None:
    """Lines on standard error."""
    for line in lines:
        err.print(line, style=style, markup=False, highlight=False, soft_wrap=True)


def fail(message: str, status: int = 2) -> NoReturn:
    """Say what is wrong and leave."""
    complain(message.splitlines())
    raise SystemExit(status)


def print_json(value: object) -> None:
    """One value as one line of JSON."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
