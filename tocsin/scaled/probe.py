"""EDGE. Asks a worker on this machine how it is, for the health check of a container: `python -m tocsin.scaled.probe`.

Needs nothing but Python, and is quick: it is started every few seconds. Exit status 0 where the worker says yes to all
that it is asked: `livez`, `readyz`, and, where it opens the console, `console`.
"""

import os
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence

ADDRESS = "http://127.0.0.1:8760"
"""Where `cluster.listen` puts a worker's health; `TOCSIN_HEALTH` names another address."""
CONSOLE = "http://127.0.0.1:8761"
"""Where the console answers; `TOCSIN_CONSOLE` names another address."""
PATIENCE_S = 4
KINDS = {
    "livez": ("TOCSIN_HEALTH", ADDRESS, "livez"),
    "readyz": ("TOCSIN_HEALTH", ADDRESS, "readyz"),
    "console": ("TOCSIN_CONSOLE", CONSOLE, "healthz"),
}
"""What may be asked: the variable and the usual address of who answers it, and the path."""


def ask(address: str, kind: str) -> tuple[int, str]:
    """`(status, words)`: 0 where the worker says yes, 1 where it says no or nothing; the words say why."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{address.rstrip('/')}/{kind}", timeout=PATIENCE_S) as answer:
            return 0, answer.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        return 1, error.read().decode("utf-8", "replace")
    except (OSError, ValueError) as error:
        return 1, f"no worker answers at {address}: {getattr(error, 'reason', error)}"


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Ask for each of these, and say what was said; 0 where all say yes."""
    kinds = arguments or ["livez"]
    if not {*kinds} <= KINDS.keys():
        sys.stderr.write(f"usage: python -m tocsin.scaled.probe [{'|'.join(KINDS)}]...\n")
        return 2
    worst = 0
    for kind in kinds:
        variable, usual, path = KINDS[kind]
        status, words = ask(environment.get(variable, usual), path)
        sys.stdout.write(words[:2000] + "\n")
        worst = max(worst, status)
    return worst


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:], os.environ))
