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


@app.command(
    epilog="Examples: tocsin sources preview export.csv\n\n"
    "tocsin sources preview export.csv --map coosto.yaml --json\n\n"
    "tocsin sources preview payload.json --vendor meltwater"
)
def preview(
    file: Annotated[Path, typer.Argument(help="An export, or a payload that a vendor posts.", metavar="FILE")],
    map_file: Annotated[
        Path | None, typer.Option("--map", help="Which column is which field; without it, a map is proposed.")
    ] = None,
    vendor: Annotated[
        str, typer.Option(help="It is a payload of this vendor: meltwater, youscan, talkwalker or brandwatch.")
    ] = "",
    zone: Annotated[str, typer.Option(help="Zone of times that name none, where no map says.")] = "Europe/Amsterdam",
    rows: Annotated[int, typer.Option(min=1, max=100, help="How many of the first rows are shown.")] = 5,
    as_json: Json = False,
) -> None:
    """Show what would become of a file: how it is written, which column is what, and its first rows as stored.

    Takes nothing in. Exit status 1: something of it cannot be read, or no map is set. 2: it cannot be read at all.
    """
    from tocsin.previewing import preview_lines, previewed

    found = previewed(file, map_file, vendor, zone=zone, rows=rows, now_ms=time.time_ns() // 1_000_000)
    if as_json:
        print_json(found)
    else:
        for line in preview_lines(found):
            say(line)
    raise SystemExit(1 if found.get("bad") or found["proposed"] or found["absent"] else 0)
