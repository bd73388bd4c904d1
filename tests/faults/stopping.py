"""`tocsin run`, of which one part stops where it stands when the process is sent SIGUSR1, and all others go on.

python -m tests.faults.stopping core run --config tocsin.yaml
"""

import asyncio
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from tocsin import embedded
from tocsin.embedded import Service

FIRED = "a part was stopped:"
"""What is printed when it was."""


def _cancel(name: str) -> Callable[[Service], None]:
    """Ends a task, as a fault in it would that nobody hears of."""

    def stop(_: Service) -> None:
        (task,) = (one for one in asyncio.all_tasks() if one.get_name() == name)
        task.cancel()

    return stop


def _intake(service: Service) -> None:
    """The disk of the intake log answers no more: whoever writes waits for ever."""
    service.works.appender._append = lambda *_: threading.Event().wait()  # type: ignore[assignment, method-assign, return-value]


def _core(service: Service) -> None:
    """What the log holds is taken in no more; the log itself still grows."""

    async def never() -> None:
        await asyncio.Event().wait()

    service.works.catch_up = never  # type: ignore[method-assign]


def _console(service: Service) -> None:
    service.console.end()


PARTS: dict[str, Callable[[Service], None]] = {
    "source": _cancel("source drop"),
    "intake": _intake,
    "core": _core,
    "clock": _cancel("the clock"),
    "sender": _cancel("delivery"),
    "console": _console,
}


class Stopping(Service):
    """A service with a part that can be stopped."""

    part = ""

    async def start(self, *how: Any) -> None:
        """Start, and wait for the signal."""
        await super().start(*how)
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, self._stop_part)

    def _stop_part(self) -> None:
        PARTS[self.part](self)
        print(FIRED, self.part, flush=True)


def main() -> None:
    """Run it."""
    from tocsin.cli import main as tocsin

    Stopping.part = sys.argv.pop(1)
    embedded.Service = Stopping  # type: ignore[misc]
    tocsin()


if __name__ == "__main__":
    main()
