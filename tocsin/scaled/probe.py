"""EDGE. Asks a worker on this machine how it is, for the health check of a container: `python -m tocsin.scaled.probe`.

Needs nothing but Python, and is quick: it is started every few seconds. Exit status 0 where the worker says yes.
"""

import os
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence

ADDRESS = "http://127.0.0.1:8760"
"""Where `cluster.listen` puts a worker's health; `TOCSIN_HEALTH` names another address."""
PATIENCE_S = 4
KINDS = ("livez", "readyz")


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
    """Ask, and say what it said."""
    kind = arguments[0] if arguments else "livez"
    if len(arguments) > 1 or kind not in KINDS:
        sys.stderr.write("usage: python -m tocsin.scaled.probe [livez|readyz]\n")
        return 2
    status, words = ask(environment.get("TOCSIN_HEALTH", ADDRESS), kind)
    sys.stdout.write(words[:2000] + "\n")
    return status


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:], os.environ))
