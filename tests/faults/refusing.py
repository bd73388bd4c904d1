"""`tocsin run`, to which the system refuses to write (from SIGUSR1 on) or to sync (from SIGUSR2 on).

As on a broken disk, each such call of each of its threads is answered with EIO, by a filter that the kernel holds and
nobody lifts.

python -m tests.faults.refusing run --config tocsin.yaml
"""

import ctypes
import errno
import platform
import signal
import struct
from types import FrameType

FIRED = "the system refuses from now on to"
"""What is printed when it does."""
CALLS: dict[str, dict[str, tuple[int, ...]]] = {
    "x86_64": {"write": (18, 296), "sync": (74, 75), "seccomp": (317,)},
    "aarch64": {"write": (68, 70), "sync": (82, 83), "seccomp": (277,)},
}
"""By machine, the numbers of `pwrite64` and `pwritev`, with which files are written and nothing else; of `fsync` and
`fdatasync`; and of `seccomp`."""
SIGNALS = {signal.SIGUSR1: "write", signal.SIGUSR2: "sync"}
_NO_NEW_PRIVILEGES = 38
_SET_FILTER, _ALL_THREADS = 1, 1
_LOAD, _IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))


def _filter(numbers: tuple[int, ...]) -> bytes:
    """A program of the kernel's own little machine: these calls fail with EIO, all others go through."""
    steps = [(_LOAD, 0, 0, 0)]
    steps += [(_IF_EQUAL, len(numbers) - place, 0, number) for place, number in enumerate(numbers)]
    steps += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _ERROR | errno.EIO)]
    return b"".join(struct.pack("HBBI", *step) for step in steps)


def refuse(what: str) -> None:
    """Refuse it to every thread of this process from now on, for good."""
    calls = CALLS[platform.machine()]
    code = _filter(calls[what])
    system = ctypes.CDLL(None, use_errno=True)
    system.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    program = _Program(len(code) // 8, code)
    if system.syscall(calls["seccomp"][0], _SET_FILTER, _ALL_THREADS, ctypes.byref(program)):
        raise OSError(ctypes.get_errno(), "the system takes no filter")
    print(FIRED, what, flush=True)


def _on_signal(number: int, _: FrameType | None) -> None:
    refuse(SIGNALS[signal.Signals(number)])


def main() -> None:
    """Run it."""
    from tocsin.cli import main as tocsin

    for number in SIGNALS:
        signal.signal(number, _on_signal)
    tocsin()


if __name__ == "__main__":
    main()
