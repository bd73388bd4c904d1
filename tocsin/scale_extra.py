"""Whether the packages of the scaled deployment are there: an extra, which the embedded service lives without."""

import sys
from importlib.util import find_spec

PACKAGES = ("aiokafka", "faust", "redis")
CURE = "install Tocsin with its extra: pip install 'tocsin[scale]'"


def lacking() -> str:
    """Why no worker could run here, in one line; empty when all is there.

    >>> lacking()
    ''
    """
    names = [name for name in PACKAGES if not _is_there(name)]
    return f"not installed here: {', '.join(names)}, which workers and topics need; {CURE}" if names else ""


def _is_there(name: str) -> bool:
    # faust, once imported, is a module without a spec, which `find_spec` takes for an error
    return sys.modules.get(name) is not None or find_spec(name) is not None
