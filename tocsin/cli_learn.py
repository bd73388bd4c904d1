"""`tocsin learn` and `tocsin digest`: starting well."""

import os
import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from tocsin.terminal import Json, err, print_json, say

Config = Annotated[Path, typer.Option("--config", "-c", help="The configuration.")]


def learn(
    files: Annotated[list[Path], typer.Argument(help="Mention files: JSON lines, gzip or not.", metavar="FILE...")],
    config: Config = Path("tocsin.yaml"),
    as_json: Json = False,
) -> None:
    """Take past mentions into the baselines, oldest first, before the service starts. Pages nobody, ever."""
    from tocsin.learning import learn as learn_files
    from tocsin.settings import load_settings

    settings = load_settings(config, os.environ)
    progress = Progress(
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn(), console=err
    )
    with progress:
        task = progress.add_task("learning", total=None)
        learnt = learn_files(
            settings,
            files,
            clock=lambda: time.time_ns() // 1_000_000,
            progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    if as_json:
        print_json(msgspec.to_builtins(learnt))
        return
    for brand in learnt.brands:
        if brand.learnt or not brand.left:
            span = f" from {brand.first} to {brand.last}" if brand.learnt else ": the files hold nothing about it"
            say(f"{brand.brand}: learnt {brand.learnt} posts{span}.")
        if brand.left:
            say(f"{brand.brand}: {brand.left} posts were left: {brand.why}.")
    if learnt.dead_letters:
        say(f"{learnt.dead_letters} lines could not be read; they are kept as dead letters.")


def add_to(app: typer.Typer) -> None:
    """Make the commands part of the command line."""
    app.command(epilog="Example: tocsin learn 2025.jsonl.gz 2026.jsonl.gz --config tocsin.yaml")(learn)
