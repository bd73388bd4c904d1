"""Replays recorded crises and writes docs/replays.md: `python -m benchmarks.replays [--data DIR] [--out FILE]`.

The recordings are not part of the repository (their text belongs to others); where they are absent this says so and
writes nothing. Each replay runs in a process of its own, so that its peak memory is its own.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
DATA = ROOT.parent / "shared" / "data"
PAGE = ROOT / "docs" / "replays.md"


Line = dict[str, Any]
"""A decision, as a line of a decision file."""
TELLS = ("Page", "Escalate", "Notify")
WAKES = ("Page", "Escalate")


class Expectation(NamedTuple):
    """What a person who knows what happened would want: decisions of these kinds in this time, or none of them."""

    words: str
    kinds: tuple[str, ...]
    wanted: bool
    since: str = ""
    until: str = "9999"
    blind: bool = False
    """About our own blindness, and not about the brand."""

    def found(self, lines: Sequence[Line]) -> list[Line]:
        """The decisions of which it speaks."""
        return [
            line
            for line in lines
            if line["kind"] in self.kinds
            and self.since <= line["at"] < self.until
            and (line["scenario"] == "blind") == self.blind
        ]

    def verdict(self, lines: Sequence[Line]) -> str:
        """Whether it came out as wanted, and what came first."""
        found = self.found(lines)
        what = ""
        if found:
            first = found[0]
            what = f" {first['kind']} at {_minute(first['at'])} ({first['scenario']}, {first['severity']})."
        right = bool(found) == self.wanted
        return (
            f"- **{'Right' if right else 'Wrong'}.** {self.words}{what if found else '' if right else ' Nothing came.'}"
        )


class Recording(NamedTuple):
    """A file, how it is replayed, and what a reader should know to judge the outcome."""

    name: str
    brand: str
    what: str
    """What the file holds."""
    wanted: tuple[Expectation, ...]
    since: str = ""


UNITED = "United"
RECORDINGS: tuple[Recording, ...] = (
    Recording(
        name="united_2017_after",
        brand=UNITED,
        what="An airline in the six weeks after a passenger was dragged off a plane: it begins ten days into a crisis "
        "that ebbs away, and has long gaps (17.9 days between 28 April and 16 May, and several of 10 to 24 hours).",
        wanted=(
            Expectation("While the old crisis ebbs away, nobody is woken anew.", WAKES, False, until="2017-04-26"),
            Expectation(
                "On 27 April at 19:10 a settlement is announced: ten times the posts within half an hour, and fewer of "
                "them negative than before. People are told within the hour.",
                TELLS,
                True,
                since="2017-04-27T19:10",
                until="2017-04-27T20:10",
            ),
            Expectation(
                "The settlement is news and no crisis: nobody is woken in the day after it.",
                WAKES,
                False,
                since="2017-04-27T19:10",
                until="2017-04-28T19:10",
            ),
            Expectation("Ordinary days in May: nobody is woken.", WAKES, False, since="2017-05-01"),
            Expectation("The gaps are told as our own blindness.", ("OpenIncident",), True, blind=True),
        ),
    ),
    Recording(
        name="united_2017_after",
        brand=UNITED,
        since="2017-05-16",
        what="The same, May alone: what a service that was started then would have learnt, without April's level.",
        wanted=(Expectation("Ordinary days: nobody is woken.", WAKES, False),),
    ),
    Recording(
        name="tesla_2018",
        brand="Tesla",
        what="A car maker around the launch of a car into space (6 February, 20:45). Nothing was recorded from "
        "5 February 23:59 to 6 February 22:19; it resumes at ten to fifteen times the level, and positive.",
        wanted=(
            Expectation(
                "The gap is told as our own blindness while it lasts.",
                ("OpenIncident",),
                True,
                since="2018-02-05T23:59",
                until="2018-02-06T22:19",
                blind=True,
            ),
            Expectation("The launch is no crisis: nobody is woken about the brand.", WAKES, False),
        ),
    ),
    Recording(
        name="spotify_support_2017",
        brand="Spotify",
        what="A month of ordinary support traffic, without a gap and without a crisis.",
        wanted=(
            Expectation("Nobody is woken in a month.", WAKES, False),
            Expectation("Nobody is bothered with a notice either.", ("Notify",), False),
        ),
    ),
    Recording(
        name="us_airlines_2015",
        brand="JetBlue=jetblue",
        what="Eight days of posts to airlines, of which one is looked for by its name. On 23 February at 18:15 it "
        "speaks of its “fleet on fleek”, and people pass the joke on at its cost. A week is little to learn from.",
        wanted=(
            Expectation(
                "The joke is noticed within two hours.",
                ("OpenIncident",),
                True,
                since="2015-02-23T18:15",
                until="2015-02-23T20:15",
            ),
            Expectation(
                "Somebody is told of it, without being woken.",
                ("Notify",),
                True,
                since="2015-02-23T18:15",
                until="2015-02-24T06:00",
            ),
            Expectation("Nobody is woken.", WAKES, False),
        ),
    ),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Replay all recordings and write the page; 0 also where there is nothing to replay."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.replays", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="directory of the recordings")
    parser.add_argument("--out", type=Path, default=PAGE, help="where the page goes")
    options = parser.parse_args(argv)
    absent = [r.name for r in RECORDINGS if not path_of(options.data, r).is_file()]
    if absent:
        print(f"skipped, nothing written: {options.data} does not hold {', '.join(sorted(set(absent)))}")
        return 0
    sections = []
    for recording in RECORDINGS:
        print(f"replaying {title(recording)} ...", flush=True)
        sections.append(section(recording, *replayed(options.data, recording)))
    options.out.write_text(page(sections), encoding="utf-8")
    print(f"{options.out}: written")
    return 0


def path_of(data: Path, recording: Recording) -> Path:
    """Where a recording lies."""
    return data / f"{recording.name}.jsonl.gz"


def replayed(data: Path, recording: Recording) -> tuple[dict[str, Any], list[Line]]:
    """The result of `tocsin replay --json`, run in its own process, and the decisions."""
    with tempfile.TemporaryDirectory() as scratch:
        decisions = Path(scratch) / "decisions.jsonl"
        command = [sys.executable, "-c", "from tocsin.cli import main; main()", "replay"]
        command += [str(path_of(data, recording)), "--brand", recording.brand, "--decisions", str(decisions), "--json"]
        command += ["--since", recording.since] if recording.since else []
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT)
        result: dict[str, Any] = json.loads(done.stdout)
        return result, [json.loads(line) for line in decisions.read_text("utf-8").splitlines()]


def title(recording: Recording) -> str:
    """The heading of a recording."""
    return f"{recording.name}, from {recording.since}" if recording.since else recording.name


def page(sections: Sequence[str]) -> str:
    """The whole page."""
    return "\n".join((HEAD, *sections))


HEAD = """# Replays of recorded crises

What Tocsin decides on recordings of real posts, with the shipped settings and the shipped flowchart, and nobody who
acknowledges: so every page climbs to its last rung. No post is quoted here. This page, its verdicts included, is made
by `benchmarks/replays.py`, which needs the recordings; what a person would have wanted is written there by hand.

Speed and memory are of one process on a shared machine of two cores; reading, matching, scoring, counting and deciding
are in it, as in `tocsin replay`. Peak memory is of the whole process, libraries included.
"""


def section(recording: Recording, result: dict[str, Any], lines: Sequence[Line]) -> str:
    """One recording: what it is, what was found, what to think of it."""
    m = result["mentions"]
    incidents = result["incidents"]
    paged = [i for i in incidents if i["pages"] + i["escalations"]]
    pages, rungs = (sum(i[name] for i in incidents) for name in ("pages", "escalations"))
    call = f"tocsin replay {recording.name}.jsonl.gz --brand '{recording.brand}'"
    call += f" --since {recording.since}" if recording.since else ""
    written = [
        f"## {title(recording)}",
        "",
        recording.what,
        "",
        f"    {call}",
        "",
        "| | |",
        "|---|---|",
        f"| mentions | {m['read']:,} read, {m['matched']:,} matched, {m['scored']:,} judged, "
        f"{m['unscored']:,} in a language that is not judged, {m['repeated']:,} repeated, {m['dead_lettered']:,} bad |",
        f"| incidents | {len(incidents)}, of which {len(paged)} woke somebody |",
        f"| pages | {pages}, and {rungs} to the next, as nobody acknowledged |",
        f"| blind | {result['blind']} (gaps in the recording: told to operations) |",
        f"| speed | {result['mentions_per_second']:,} mentions a second |",
        f"| peak memory | {result['peak_memory_mb']} MB |",
        "",
        *_table(incidents),
        *[one.verdict(lines) for one in recording.wanted],
        "",
    ]
    return "\n".join(written)


def _table(incidents: Sequence[dict[str, Any]]) -> list[str]:
    if not incidents:
        return ["No incident.", ""]
    rows = ["| opened (UTC) | scenario | at worst | first page | pages | ended |", "|---|---|---|---|---|---|"]
    for i in incidents:
        pages = (
            f"{i['pages']} + {i['escalations']}" if i["pages"] + i["escalations"] else f"none, {i['notices']} notices"
        )
        first = _minute(i["first_paged"]) or "-"
        ended = f"{_minute(i['closed'])}, {i['because']}" if i["closed"] else "still open"
        rows.append(f"| {_minute(i['opened'])} | {i['scenario']} | {i['severity']} | {first} | {pages} | {ended} |")
    return [*rows, ""]


def _minute(instant: str) -> str:
    return instant[:16].replace("T", " ")


if __name__ == "__main__":
    sys.exit(main())
