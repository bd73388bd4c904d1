"""Named crash points: seams at which a test kills the process, to prove that nothing is lost or doubled.

Used by EDGE modules on both sides of every durable write. Without `TOCSIN_CRASH_AT` a call costs two comparisons.
`TOCSIN_CRASH_AT=outbox.sent.before:3` kills the process (SIGKILL: nothing is flushed) the third time it comes by.
A simulation, whose process is a part of its own, hears of every point by `install`.
"""

import os
import signal
from collections.abc import Callable

_NAME, _, _TIMES = os.environ.get("TOCSIN_CRASH_AT", "").partition(":")
_left = int(_TIMES or "1") if _NAME else 0
_hook: Callable[[str], None] | None = None


def install(hook: Callable[[str], None] | None) -> None:
    """Tell `hook` of every point that is passed from here on (`None`: nobody); what it raises ends the work there."""
    global _hook  # noqa: PLW0603 - the one seam
    _hook = hook


def here(name: str) -> None:
    """Die here, if this is the point that the environment names."""
    global _left  # noqa: PLW0603 - the one counter of the one seam
    if _hook is not None:
        _hook(name)
    if name != _NAME:
        return
    _left -= 1
    if _left <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
