"""`python -m tests.simulation --runs 1000 --seed 7`: exit 0 where every promise was kept and every fault fired."""

import argparse
import json
import sys
import time

from tests.simulation.campaign import campaign, prepared, run_one
from tests.simulation.faults import MIXES


def main() -> int:
    """Run, and say what was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", default="1", help="a number for a campaign, or NUMBER/RUN for one run of it")
    parser.add_argument("--mix", choices=sorted(MIXES), default="main")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--files", action="store_true", help="over real SQLite files")
    parser.add_argument("--verbose", action="store_true", help="tell the story of one run (with --seed NUMBER/RUN)")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with prepared() as pasts:
        if "/" in asked.seed:
            one = run_one(pasts, asked.seed, asked.mix, files=pasts.one.home / "files" if asked.files else None)
            if asked.verbose:
                print("\n".join(one.story))
            print("\n".join(one.broken) or "every promise was kept")
            return bool(one.broken)
        began_s, cpu_s = time.monotonic(), time.process_time()
        total = campaign(
            pasts, asked.runs, int(asked.seed), asked.mix, processes=asked.processes, files=asked.files,
            say=lambda line: print(line, file=sys.stderr, flush=True),
        )  # fmt: skip
        passed_s, cpu_s = time.monotonic() - began_s, time.process_time() - cpu_s
    rare = total.rare(asked.mix)
    found = {
        "runs": total.runs,
        "seed": int(asked.seed),
        "mix": asked.mix,
        "files": asked.files,
        "pages": total.pages,
        "simulated_hours": round(total.simulated_ms / 3_600_000),
        "doubles": total.doubles,
        "explained": total.explained,
        "broken": [f"{seed}: {what}" for seed, what in total.broken[:50]],
        "fired": {kind: total.fired[kind] for kind in sorted(total.fired)},
        "rare": rare,
        "seconds": round(passed_s),
    }
    if asked.json:
        print(json.dumps(found, indent=1))
    else:
        print("\n".join(found["broken"]) or "every promise was kept")
        print(f"fired: {', '.join(f'{kind} {count}' for kind, count in found['fired'].items() if 'at ' not in kind)}")
        print(
            f"{total.runs} runs, {found['simulated_hours']} h simulated, {total.doubles} doubles, "
            f"{passed_s / total.runs * 1000:.0f} ms a run"
        )
    for seed in sorted({seed for seed, _ in total.broken})[:3]:
        print(f"see it: python -m tests.simulation --mix {asked.mix} --seed {seed} --verbose", file=sys.stderr)
    if rare:
        print(f"too rare to mean anything: {', '.join(rare)}", file=sys.stderr)
    return 1 if total.broken or rare else 0


if __name__ == "__main__":
    raise SystemExit(main())
