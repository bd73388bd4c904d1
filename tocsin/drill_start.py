"""EDGE. Drills that a running service starts, each as a process of its own: for `/tocsin drill`."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from stream.codec import MINUTE_MS
from tocsin.handing import DRILLS, running
from tocsin.settings import Settings


class Starter:
    """Starts drills beside a running service.

    `config` is the file of the service's configuration. The drill plays a made-up story in the drill's channel and ends
    by itself, whatever becomes of the service.
    """

    def __init__(self, config: Path, settings: Settings, clock: Callable[[], int]) -> None:
        self._config = config
        self._settings = settings
        self._clock = clock
        self._process: subprocess.Popen[bytes] | None = None

    def __call__(self, who: str) -> str:
        """Start one in a responder's name; returns what they are told. It never raises: a drill is no emergency."""
        if (self._process is not None and self._process.poll() is None) or running(
            self._settings.data_path, self._clock()
        ):
            return "A drill runs already. One at a time."
        drills = self._settings.data_path / DRILLS
        try:
            drills.mkdir(mode=0o700, parents=True, exist_ok=True)
            call = [sys.executable, "-c", "from tocsin.cli import main; main()", "replay", "--drill", "--slack"]
            with (drills / "last.log").open("wb") as log:
                self._process = subprocess.Popen(  # noqa: S603 - our own program, and a path of ours
                    [*call, "--config", str(self._config.resolve())],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
        except OSError as error:
            return f"The drill could not be started: {error.strerror}. Nothing was changed."
        drill, slack = self._settings.drill, self._settings.slack
        channel = drill.channel or (slack.channel if slack is not None else "")
        where = f"in the channel {channel}" if channel else "on the terminal"
        minutes = drill.longest // MINUTE_MS
        return (
            f"{who} started a drill {where}, {drill.speed} times as fast as life. Everything in it is marked DRILL. It "
            f"ends when the incident is resolved, or by itself after {minutes} min."
        )
