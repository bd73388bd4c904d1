"""How a benchmark ends: figures for people or for a script, a page where every bar holds, and an exit status."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence


def quantile(delays: Sequence[float], share: float) -> float:
    """The least delay that so great a share of all does not exceed.

    >>> quantile([1.0, 2.0, 3.0, 4.0], 0.5), quantile([1.0, 2.0, 3.0, 4.0], 0.99)
    (2.0, 4.0)
    """
    return delays[max(0, min(len(delays) - 1, -(-len(delays) * round(share * 1000) // 1000) - 1))]


def conclude(call: argparse.Namespace, figures: Mapping[str, object], text: str, missed: Sequence[str]) -> int:
    """Say what was measured, and what of it misses its bar; else write the page, unless it was a quick run. `call` has
    `json`, `quick` and `out`. Returns the exit status.
    """
    print(json.dumps(figures) if call.json else text)
    if missed:
        print(f"missed: {', '.join(missed)}", file=sys.stderr)
        return 1
    if not call.quick:
        call.out.write_text(text, "utf-8")
    return 0
