"""`python -m tests.simulation --runs 1000 --seed 7`: exit 0 where every promise was kept and every fault fired.

`--seed 7/42 --verbose` tells run 42 of that campaign. `--order` has another order of sending in the place of ours.
"""

import argparse
import json
import sys
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

from tests.simulation.campaign import Total, campaign, prepared, run_one, shrunk
from tests.simulation.faults import MIXES
from tests.simulation.naive import RecordThenSend, SendThenRecord

ORDERS = {"ours": None, "send-then-record": SendThenRecord, "record-then-send": RecordThenSend}


def asked_for() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", default="1", help="a number for a campaign, or NUMBER/RUN for one run of it")
    parser.add_argument("--mix", choices=sorted(MIXES), default="main")
    parser.add_argument("--order", choices=sorted(ORDERS), default="ours")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--files", action="store_true", help="over real SQLite files")
    parser.add_argument("--verbose", action="store_true", help="tell the story of one run (with --seed NUMBER/RUN)")
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--go-on", action="store_true", help="count on from what the file of --write holds of the same campaign"
    )
    parser.add_argument("--write", type=Path, help="keep the result in this JSON file, beside those of other mixes")
    return parser.parse_args()


def main() -> int:
    """Run, and say what was found."""
    asked = asked_for()
    warnings.simplefilter("ignore", RuntimeWarning)  # coroutines of processes that were killed
    with prepared() as pasts:
        if "/" in asked.seed:
            files = pasts.one.home.parent / "files" if asked.files else None
            one = run_one(pasts, asked.seed, asked.mix, files=files, delivery=ORDERS[asked.order])
            if asked.verbose:
                print("\n".join(one.story))
            print("\n".join(one.broken) or "every promise was kept")
            if one.broken and not asked.files and asked.order == "ours":
                print(f"needs: {', '.join(shrunk(pasts, asked.seed, asked.mix)) or 'nothing'} to break")
            return bool(one.broken)
        before = held(asked) if asked.go_on else Total()
        spent_s = kept_of(asked).get("seconds", 0) if asked.go_on else 0
        began_s = time.monotonic() - spent_s

        def save(total: Total) -> None:
            if asked.write is not None:
                keep(asked.write, result(total, asked) | {"seconds": round(time.monotonic() - began_s)})

        total = campaign(
            pasts, asked.runs, int(asked.seed), asked.mix, processes=asked.processes, files=asked.files,
            delivery=ORDERS[asked.order], before=before, save=save,
            say=lambda line: print(line, file=sys.stderr, flush=True),
        )  # fmt: skip
    found = result(total, asked) | {"seconds": round(time.monotonic() - began_s)}
    save(total)
    show(found, asked)
    return 1 if total.broken or found["rare"] else 0


def result(total: Total, asked: argparse.Namespace) -> dict[str, Any]:
    """What was found, for a machine."""
    said = [what.partition(":")[0] for _, what in total.broken]
    return {
        "mix": asked.mix,
        "order": asked.order,
        "files": asked.files,
        "seed": int(asked.seed),
        "runs": total.runs,
        "messages": total.pages,
        "simulated_hours": round(total.simulated_ms / 3_600_000),
        "broken": {promise: said.count(promise) for promise in ("I1", "I2", "I3", "I4", "I5")},
        "examples": [f"{seed}: {what}" for seed, what in total.broken[:20]],
        "doubles": total.doubles,
        "doubles_explained": total.explained,
        "fired": {kind: total.fired[kind] for kind in sorted(total.fired)},
        "rare": total.rare(asked.mix) if asked.order == "ours" and not asked.files else [],
    }


def kept_of(asked: argparse.Namespace) -> dict[str, Any]:
    """What the file holds of this campaign; nothing where it is another one, or something was broken in it."""
    path: Path | None = asked.write
    kept = json.loads(path.read_text()) if path is not None and path.exists() else {}
    one: dict[str, Any] = kept.get(name_of(asked.mix, asked.order, files=asked.files), {})
    return one if one.get("seed") == int(asked.seed) and not any(one["broken"].values()) else {}


def held(asked: argparse.Namespace) -> Total:
    """The runs of this campaign that were made before."""
    one = kept_of(asked)
    if not one:
        return Total()
    return Total(
        runs=one["runs"],
        fired=Counter(one["fired"]),
        doubles=one["doubles"],
        explained=one["doubles_explained"],
        pages=one["messages"],
        simulated_ms=one["simulated_hours"] * 3_600_000,
    )


def name_of(mix: str, order: str, *, files: bool) -> str:
    """What a campaign is called in the file."""
    return order if order != "ours" else mix + ("_files" if files else "")


def keep(path: Path, found: dict[str, Any]) -> None:
    """Put a result into the file, in the place of an older one of its kind."""
    kept = json.loads(path.read_text()) if path.exists() else {}
    kept[name_of(found["mix"], found["order"], files=found["files"])] = found
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(dict(sorted(kept.items())), indent=1) + "\n")


def show(found: dict[str, Any], asked: argparse.Namespace) -> None:
    """What was found, for people; with `--json` for scripts."""
    if asked.json:
        print(json.dumps(found, indent=1))
        return
    print("\n".join(found["examples"]) or "every promise was kept")
    fired = found["fired"].items()
    print(f"fired: {', '.join(f'{kind} {count}' for kind, count in fired if not kind.startswith('at '))}")
    print(
        f"{found['runs']} runs, {found['simulated_hours']} h simulated, {found['doubles']} doubles, "
        f"{found['seconds'] / found['runs'] * 1000:.0f} ms a run"
    )
    if found["examples"]:
        seed = found["examples"][0].partition(":")[0]
        print(f"see it: python -m tests.simulation --mix {asked.mix} --seed {seed} --verbose", file=sys.stderr)
    if found["rare"]:
        print(f"too rare to mean anything: {', '.join(found['rare'])}", file=sys.stderr)


if __name__ == "__main__":
    raise SystemExit(main())
