"""What every test stands on."""

import contextlib
import signal

# A run that a shell put into the background ignores Ctrl-C, and so would every process that a test starts to press it.
with contextlib.suppress(ValueError):  # not in the main thread: then there is nothing to mend
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
