"""`tocsin sources`: where mentions come from, and whether they do."""

import os
import time
from pathlib import Path
from typing import Annotated

import typer

from tocsin.terminal import Json, print_json, say

app = typer.Typer(no_args_is_help=True, help="See where mentions come from, and whether they do.")

Config = Annotated[Path, typer.Option("--config", "-c", help="The configuration with the sources.")]


@app.callback()
def _sources() -> None:
    """See where mentions come from, and whether they do."""


@app.command(
    "list", epilog="Examples: tocsin sources list --config tocsin.yaml\n\ntocsin sources list --json | jq '.sources[]'"
)
def list_(config: Config = Path("tocsin.yaml"), as_json: Json = False) -> None:
    """Each source: how it does, when it was last heard, since when it is blind, its gaps, and what it cost.

    Says what `tocsin run` last kept, whether that runs or not. Exit status 1: a source is silent, late or capped.
    """
    from tocsin.settings import load_settings
    from tocsin.sources_shown import list_lines, listed

    rows = listed(load_settings(config, os.environ), time.time_ns() // 1_000_000)
    if as_json:
        print_json({"sources": rows})
    else:
        for line in list_lines(rows) if rows else ["No source is declared; add one under `sources:`."]:
            say(line)
    raise SystemExit(1 if any(row.get("blind_since") for row in rows) else 0)


@app.command(epilog="Examples: tocsin sources check hn --config tocsin.yaml\n\ntocsin sources check hn --json")
def check(
    name: Annotated[str, typer.Argument(help="The source, as the configuration calls it.", metavar="NAME")],
    config: Config = Path("tocsin.yaml"),
    as_json: Json = False,
) -> None:
    """Try a source's credentials, show one mention as it would be stored, and say what is missing.

    Asks the platform, as cheaply as can be; keeps nothing. Exit status 1: it does not answer, or something is missing.
    """
    from tocsin.settings import load_settings
    from tocsin.sources_shown import check_lines, checked

    found = checked(load_settings(config, os.environ), name, time.time_ns() // 1_000_000)
    if as_json:
        print_json(found)
    else:
        for line in check_lines(found):
            say(line)
    raise SystemExit(0 if found["ok"] else 1)
