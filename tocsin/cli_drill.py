"""`tocsin replay --drill`: from flags to a drill, and its score to the screen."""

import os
import re
import sys
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from tocsin.mistakes import UsageError
from tocsin.terminal import err, out, print_json, say

FASTEST = 600

Drill = Annotated[
    bool, typer.Option("--drill", help="Go through the real flowchart and ways to people, everything marked DRILL.")
]
Slack = Annotated[bool, typer.Option("--slack", help="With --drill: to Slack, as the configuration says.")]
Speed = Annotated[
    str | None, typer.Option(help="With --drill: how many times faster than it was; 10x by default.", metavar="60x")
]
Channel = Annotated[str | None, typer.Option(help="With --drill: where its cards go.", metavar="C0123456789")]
Story = Annotated[str | None, typer.Option(help="With --drill and no FILE: outage or viral.")]
Data = Annotated[Path | None, typer.Option(help="With --drill: an empty directory for its things.")]
Longest = Annotated[
    str | None, typer.Option("--for", help="With --drill: when it ends at the latest, as 30m.", metavar="30m")
]
Strict = Annotated[
    bool, typer.Option("--strict", help="With --drill: exit status 1 where a promise was not kept, or nobody woken.")
]


class DrillFlags(NamedTuple):
    """What was asked for beyond an ordinary replay."""

    drill: bool
    slack: bool
    speed: str | None
    channel: str | None
    story: str | None
    data: Path | None
    longest: str | None
    strict: bool

    def check(self, *, files: bool) -> bool:
        """Whether this is a drill. Raises `UsageError` for flags that belong to a drill alone."""
        flags = ("--slack", "--speed", "--channel", "--story", "--data", "--for", "--strict")
        alone = [flag for flag, value in zip(flags, self[1:], strict=True) if value]
        if not self.drill and alone:
            raise UsageError(f"{alone[0]} goes with --drill, and pages nobody without it; add --drill")
        if not self.drill and not files:
            raise UsageError("no FILE: name mention files, or rehearse a made-up crisis with --drill")
        if self.story and files:
            raise UsageError("--story makes up a crisis, and FILE is one: give one of them")
        return self.drill


def speed_of(text: str | None) -> int | None:
    """The speed that a flag names. Raises `UsageError`.

    >>> speed_of("60x"), speed_of("5"), speed_of(None)
    (60, 5, None)
    """
    if text is None:
        return None
    found = re.fullmatch(r"([0-9]{1,4})x?", text.strip())
    if found is None or not 1 <= int(found[1]) <= FASTEST:
        raise UsageError(f"--speed {text[:20]}: expected 1x to {FASTEST}x, as 60x")
    return int(found[1])


def longest_of(text: str | None) -> int | None:
    """The length of time that a flag names, in milliseconds. Raises `UsageError`.

    >>> longest_of("30m"), longest_of("90s")
    (1800000, 90000)
    """
    if text is None:
        return None
    found = re.fullmatch(r"([0-9]{1,5})([smh])", text.strip())
    length_ms = int(found[1]) * {"s": 1_000, "m": 60_000, "h": 3_600_000}[found[2]] if found else 0
    if not 1_000 <= length_ms <= 86_400_000:
        raise UsageError(f"--for {text[:20]}: expected 1s to 24h, as 30m")
    return length_ms


def drill(
    flags: DrillFlags,
    files: list[Path],
    learn: list[Path],
    config: Path | None,
    span: tuple[str | None, str | None],
    *,
    as_json: bool,
) -> int:
    """Run it; the exit status."""
    from tocsin.drill import DrillCall, run_drill, score_lines
    from tocsin.replaying import instant
    from tocsin.settings import Settings, load_settings

    settings = load_settings(config, os.environ) if config is not None else Settings()
    if flags.slack and settings.slack is None:
        where = f"{config} has no `slack:` section" if config is not None else "there is no configuration"
        raise UsageError(f"--slack: {where}; name one with --config, or leave --slack out for the terminal")
    if flags.slack and settings.cluster is not None:
        raise UsageError(
            f"--slack: {config} has a section `cluster`, whose workers hear the same app: what is pressed could reach "
            "either; take a configuration without that section, with a Slack app of its own"
        )
    if files and not settings.brands:
        raise UsageError("no brand: a drill of FILE listens for the brands of a configuration; name it with --config")
    call = DrillCall(
        settings=settings,
        files=files,
        learn=learn,
        story=flags.story or "outage",
        speed=speed_of(flags.speed),
        slack=flags.slack,
        channel=flags.channel,
        data=flags.data,
        longest_ms=longest_of(flags.longest),
        since_ms=instant("--since", span[0]),
        until_ms=instant("--until", span[1]),
        configured=config is not None,
    )
    score = run_drill(call, err if as_json else out, terminal=sys.stderr if as_json else sys.stdout)
    if as_json:
        from tocsin.reviewing import as_json as json_of

        told = json_of(score.reviewed) if score.reviewed is not None else None
        print_json({"ended": score.ended, "missed": score.missed, "directory": str(score.directory), "review": told})
    else:
        for line in score_lines(score):
            say(line)
    return 1 if flags.strict and score.missed else 0
