"""Malformed payloads over every parser of every source: `python -m tests.sources.fuzz [--payloads N] [--only NAME]`.

Payloads of the platforms' true shapes are exchanged in part for oddities, cut, doubled, garbled and written in other
encodings. Held, for each: nothing is raised but what a source may raise; it is counted as a row, as bad, as refused
or, by a rule, as none of ours; what stands behind it in a stream comes through; lines for humans are short and hold no
post; no payload takes long; and when all of it is over the memory is where it was.

    python -m tests.sources.fuzz --payloads 20000
    python -m tests.sources.fuzz --payloads 1000000 --write docs/results/fuzz-sources.json
"""

import argparse
import gc
import hashlib
import json
import os
import random
import sys
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from stream.reading import MAX_UNKNOWN
from tests.sources.fuzz_parsers import Judge, Parser, parsers
from tests.sources.mutations import Mutator

LONGEST_S = 2.0
"""Processor time of one payload, be it a megabyte."""
GROWTH_BYTES = 48 << 20
"""What the process may have grown by after all payloads of one parser, its caches and the allocator's reserve with it.
"""
WARM = 200
FAILURES_SHOWN = 5


class Failure(NamedTuple):
    """A payload that broke a promise."""

    parser: str
    what: str
    payload: bytes


class Result(NamedTuple):
    """What became of the payloads of one parser."""

    parser: str
    payloads: int
    counted: Counter[str]
    """By `row`, `bad`, `other` and `refused`; with `failed` all of them."""
    cpu_s: float
    slowest_s: float
    grown_bytes: int
    failures: list[Failure]

    @property
    def problems(self) -> list[str]:
        """What was promised and is not so."""
        found = [f"{self.parser}: {one.what} for {one.payload[:300]!a}" for one in self.failures[:FAILURES_SHOWN]]
        if self.counted.total() != self.payloads:
            found.append(f"{self.parser}: {self.payloads} payloads, {self.counted.total()} counted")
        if self.slowest_s > LONGEST_S:
            found.append(f"{self.parser}: one payload took {self.slowest_s:.1f} s")
        if self.grown_bytes > GROWTH_BYTES:
            found.append(f"{self.parser}: {self.grown_bytes >> 20} MiB more than before")
        return found


def fuzzed(parser: Parser, payloads: int, seed: int) -> Result:
    """So many malformed payloads through one parser."""
    judge = Judge(parser)
    for payload in parser.payloads:
        assert judge(payload) != "failed"
    mutate = Mutator(parser.payloads, random.Random(f"{seed}/{parser.name}"))
    counted: Counter[str] = Counter()
    failures: list[Failure] = []
    began_s, slowest_s, before = time.process_time(), 0.0, 0
    for number in range(payloads):
        if number == min(WARM, payloads // 2):
            before = _held_bytes()
        payload = mutate()
        at_s = time.process_time()
        outcome = _outcome(parser, judge, payload, failures)
        slowest_s = max(slowest_s, time.process_time() - at_s)
        counted[outcome] += 1
    if len(judge.reader.unknown) > MAX_UNKNOWN + 1:
        failures.append(Failure(parser.name, "names of unknown fields without end", b""))
    cpu_s = time.process_time() - began_s
    return Result(parser.name, payloads, counted, cpu_s, slowest_s, max(0, _held_bytes() - before), failures)


def _outcome(parser: Parser, judge: Judge, payload: bytes, failures: list[Failure]) -> str:
    try:
        return judge(payload)
    except Exception as error:  # whatever it is, it is what is looked for
        where = traceback.extract_tb(error.__traceback__)[-1]
        what = f"{type(error).__name__}: {str(error)[:200]} ({Path(where.filename).name}:{where.lineno} {where.name})"
        if len(failures) < 1_000:
            failures.append(Failure(parser.name, what, payload))
        return "failed"


def _held_bytes() -> int:
    """What this process holds of the memory."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def all_fuzzed(payloads: int, seed: int, only: str = "") -> list[Result]:
    """So many over all parsers, each by its share, and at least a few."""
    chosen = [parser for parser in parsers() if only in parser.name]
    whole = sum(parser.share for parser in chosen)
    return [fuzzed(parser, max(50, -(-int(payloads * parser.share) // int(whole))), seed) for parser in chosen]


def figures(results: Sequence[Result], seed: int) -> dict[str, object]:
    """For a script, or a page."""
    return {
        "payloads": sum(result.payloads for result in results),
        "seed": seed,
        "failures": sum(result.counted["failed"] for result in results),
        "cpu_s": round(sum(result.cpu_s for result in results), 1),
        "parsers": {
            result.parser: {
                "payloads": result.payloads,
                **dict(sorted(result.counted.items())),
                "slowest_ms": round(result.slowest_s * 1000),
                "grown_mib": round(result.grown_bytes / (1 << 20), 1),
            }
            for result in results
        },
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """0: all promises hold; 1: some do not."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.sources.fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--payloads", type=int, default=20_000, help="over all parsers")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="parsers with this in their name")
    parser.add_argument("--json", action="store_true", help="print the figures as one line of JSON")
    parser.add_argument("--write", type=Path, help="write the figures to a file, where all promises hold")
    parser.add_argument("--keep", type=Path, help="a directory for the payloads that broke a promise")
    call = parser.parse_args(arguments)
    results = all_fuzzed(call.payloads, call.seed, call.only)
    told = figures(results, call.seed)
    if call.json:
        print(json.dumps(told))
    else:
        for result in results:
            print(
                f"{result.parser:18} {result.payloads:8,} payloads, {dict(sorted(result.counted.items()))}, "
                f"{result.cpu_s:.1f} s, slowest {result.slowest_s * 1000:.0f} ms, +{result.grown_bytes >> 20} MiB"
            )
    problems = [problem for result in results for problem in result.problems]
    for problem in problems:
        print(problem, file=sys.stderr)
    if call.keep is not None:
        call.keep.mkdir(exist_ok=True)
        for failure in [failure for result in results for failure in result.failures]:
            (call.keep / hashlib.sha256(failure.payload).hexdigest()[:16]).write_bytes(failure.payload)
    if call.write is not None and not problems:
        call.write.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
