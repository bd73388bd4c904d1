"""Runs `tocsin` as a user does: its `main` in this process, which is quick, or the installed command in its own."""

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from unittest import mock

COMMAND = Path(sys.executable).parent / "tocsin"


class Ran(NamedTuple):
    """What a call left behind."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """What stands on standard error, without the bar that shows progress."""
        return [line for line in self.err.splitlines() if line.strip() and not line.startswith("replaying")]


def tocsin(*arguments: object, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> Ran:
    """One call in this process. What is no exit at all (an exception) comes out here, and fails the test."""
    from tocsin.cli import main

    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    status = 0
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        mock.patch.object(sys, "argv", ["tocsin", *map(str, arguments)]),
        mock.patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8")),
        mock.patch.dict(os.environ, {"COLUMNS": "200", **(env or {})}),
    ):
        try:
            main()
        except SystemExit as left:
            status = left.code if isinstance(left.code, int) else 1 if left.code else 0
        out.flush()
        err.flush()
    return Ran(status, _text(out), _text(err))


def process(
    arguments: Sequence[object], *, stdin: bytes | None = None, env: Mapping[str, str] | None = None
) -> "subprocess.Popen[bytes]":
    """The installed command, started; with `stdin` None its input is a pipe that stays open."""
    started = subprocess.Popen(
        [COMMAND, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "COLUMNS": "200", **(env or {})},
    )
    if stdin is not None:
        assert started.stdin is not None
        started.stdin.write(stdin)
        started.stdin.close()
        started.stdin = None
    return started


def ended(started: "subprocess.Popen[bytes]", *, within_s: float = 60) -> Ran:
    """Wait for a started command."""
    out, err = started.communicate(timeout=within_s)
    return Ran(started.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"))


def _text(stream: io.TextIOWrapper) -> str:
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode("utf-8", "replace")
