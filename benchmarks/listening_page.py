"""What a run with every source showed, held against its bars, and the page that tells it."""

import statistics
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

FULL_RATE = 60.0
"""Posts a second of the whole of Bluesky: some five million a day; operators counted a half to two thirds of it."""
BARS = {"bluesky_lag_s": 10.0, "lag_s": 300.0, "behind_s": 15.0, "rss_growth": 0.10}
"""`lag_s`: what the service itself calls lagging; the slowest source is asked once a minute."""


class Look(NamedTuple):
    """How the service did at one moment."""

    at_s: float
    rss_mib: float
    cpu_share: float
    """Of one processor, since the last look."""
    behind_s: float
    lag_s: dict[str, float]
    """By source."""
    not_ok: tuple[str, ...]
    """Sources that were silent, lagging or capped."""
    handed: int
    """Frames that Bluesky had handed over."""
    said: int
    """Frames that it had said."""


class Heard(NamedTuple):
    """What became of one source."""

    source: str
    said: int
    stored: int
    missing: int
    doubled: int
    page_s: float | None
    """From the first post of its crisis to Slack; `None`: nobody was paged."""
    lag_s: float
    """The greatest."""


class Found(NamedTuple):
    """All that was measured."""

    looks: list[Look]
    heard: list[Heard]
    posts: int
    """Of Bluesky."""
    frames: int
    took_s: float
    bad: int
    """Dead letters."""


def figures(found: Found) -> dict[str, object]:
    """What the bars are about, and what else is worth knowing."""
    third = len(found.looks) // 3
    middle = statistics.mean(look.rss_mib for look in found.looks[third : 2 * third])
    last = statistics.mean(look.rss_mib for look in found.looks[2 * third :])
    return {
        "posts_per_s": round(found.posts / found.took_s, 1),
        "frames_per_s": round(found.frames / found.took_s, 1),
        "seconds": round(found.took_s),
        "rss_mib": round(last, 1),
        "rss_growth": round(last / middle - 1, 4),
        "rss_most_mib": round(max(look.rss_mib for look in found.looks), 1),
        "cpu_share": round(statistics.mean(look.cpu_share for look in found.looks), 3),
        "behind_s": round(max(look.behind_s for look in found.looks), 2),
        "lag_s": round(max(one.lag_s for one in found.heard), 1),
        "bluesky_lag_s": round(max(look.lag_s.get("bluesky", 0.0) for look in found.looks), 2),
        "frames_waiting": max(look.said - look.handed for look in found.looks),
        "missing": sum(one.missing for one in found.heard),
        "doubled": sum(one.doubled for one in found.heard),
        "bad": found.bad,
        "not_ok": sorted({name for look in found.looks for name in look.not_ok}),
        "unpaged": [one.source for one in found.heard if one.page_s is None],
    }


def missed_of(told: Mapping[str, object]) -> list[str]:
    """Which bars are missed. Memory is not judged before a process has run for ten minutes."""
    bars = {key: bar for key, bar in BARS.items() if key != "rss_growth" or float(str(told["seconds"])) >= 600}
    missed = [f"{key} is {told[key]}, at most {bar:g}" for key, bar in bars.items() if float(str(told[key])) > bar]
    missed += [f"{key}: {told[key]}" for key in ("missing", "doubled", "bad", "not_ok", "unpaged") if told[key]]
    return missed


def page(what: str, found: Found, told: Mapping[str, object], times: float, command: str) -> str:
    """docs/listening.md. `what` tells what was done."""
    lines = [
        f"| {one.source} | {one.said} | {one.stored} | {one.missing} | {one.doubled} | "
        f"{'nobody' if one.page_s is None else f'{one.page_s:.0f} s'} | {one.lag_s:.1f} s |"
        for one in found.heard
    ]
    return "\n".join(
        [
            "# Listening to everything at once\n",
            *what.split("\n\n", 1)[1].splitlines(),
            "",
            f"Written on {datetime.now(UTC):%Y-%m-%d} by `{command}`.\n",
            f"For {told['seconds']} s Bluesky said {told['posts_per_s']} posts a second ({times:g} x {FULL_RATE:g}),",
            f"and {told['frames_per_s']} frames a second with the likes; whenever it was looked at, at most",
            f"{told['frames_waiting']} of them were still to be read.\n",
            "| what | found | bar |",
            "|---|---|---|",
            f"| memory in the last third of the time, beside the middle third | {told['rss_mib']} MiB, "
            f"{float(str(told['rss_growth'])):+.1%} | +{BARS['rss_growth']:.0%} |",
            f"| processor, of one core | {float(str(told['cpu_share'])):.0%} | |",
            f"| how far the core was behind, at most | {told['behind_s']} s | {BARS['behind_s']:g} s |",
            f"| how late Bluesky was, at most | {told['bluesky_lag_s']} s | {BARS['bluesky_lag_s']:g} s |",
            f"| how late any source was, at most | {told['lag_s']} s | {BARS['lag_s']:g} s |",
            f"| posts of the brands that are missing, or there twice | {told['missing']}, {told['doubled']} | 0 |",
            f"| payloads that could not be read | {told['bad']} | 0 |",
            f"| crises that nobody was paged about | {len(_listed(told['unpaged']))} | 0 |",
            "",
            "A page counts from the first post of its crisis. What is asked once a minute, or comes as a file, is",
            "heard that much later.\n",
            "| source | said | stored | missing | doubled | paged after | late, at most |",
            "|---|---|---|---|---|---|---|",
            *lines,
            "",
        ]
    )


def _listed(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else []
