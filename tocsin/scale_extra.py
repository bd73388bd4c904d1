"""Whether the packages of the scaled deployment are there: an extra, which the embedded service lives without."""

from importlib.util import find_spec

PACKAGES = ("aiokafka", "faust", "redis")
CURE = "install Tocsin with its extra: pip install 'tocsin[scale]'"


def lacking() -> str:
    """Why no worker could run here, in one line; empty when all is there.

    >>> lacking()
    ''
    """
    names = [name for name in PACKAGES if find_spec(name) is None]
    return f"not installed here: {', '.join(names)}, which workers and topics need; {CURE}" if names else ""
