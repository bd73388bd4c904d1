"""`tocsin learn` and `tocsin digest`: starting well."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from tocsin.terminal import Json, err, fail, print_json, say

if TYPE_CHECKING:
    from tocsin.learning import Learnt
    from tocsin.settings import Settings

Progressed = Callable[[int, int], None]

Config = Annotated[Path, typer.Option("--config", "-c", help="The configuration.")]


def learn(
    files: Annotated[list[Path], typer.Argument(help="Mention files: JSON lines, gzip or not.", metavar="FILE...")],
    config: Config = Path("tocsin.yaml"),
    as_json: Json = False,
) -> None:
    """Take past mentions into the baselines, oldest first, before the service starts. Pages nobody, ever.

    With a section `cluster` they go into the topics, before the first worker is started.
    """
    from tocsin.settings import load_settings

    settings = load_settings(config, os.environ)
    learn_files = _into_topics if settings.cluster is not None else _into_directory
    progress = Progress(
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn(), console=err
    )
    with progress:
        task = progress.add_task("learning", total=None)
        learnt = learn_files(
            settings,
            files,
            lambda done, total: progress.update(task, completed=done, total=total),
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


def _clock_ms() -> int:
    return time.time_ns() // 1_000_000


def _into_directory(settings: "Settings", files: list[Path], progress: Progressed) -> "Learnt":
    from tocsin.learning import learn

    return learn(settings, files, clock=_clock_ms, progress=progress)


def _into_topics(settings: "Settings", files: list[Path], progress: Progressed) -> "Learnt":
    from tocsin.scale_extra import lacking

    if said := lacking():
        fail(said)

    from tocsin.cli_topics import asked
    from tocsin.scaled.ground import lay
    from tocsin.scaled.learning import learn

    return asked(learn(lay(settings), files, clock=_clock_ms, progress=progress))


def digest(
    config: Config = Path("tocsin.yaml"),
    journal: Annotated[
        Path | None, typer.Option(help="Read this journal instead of the one that the configuration names.")
    ] = None,
    since: Annotated[str | None, typer.Option(help="Only what began from here on (RFC 3339).")] = None,
    until: Annotated[str | None, typer.Option(help="Only what began before this (RFC 3339).")] = None,
    to: Annotated[Path | None, typer.Option("--to", help="Write the Markdown here.")] = None,
    as_json: Json = False,
) -> None:
    """Show what `mode: shadow` would have paged: when, whom, why, and how it ended."""
    from tocsin.digest import digest as digest_of
    from tocsin.digest import markdown
    from tocsin.journal import open_existing
    from tocsin.replaying import instant
    from tocsin.settings import load_settings

    settings = load_settings(config if journal is None or config.is_file() else None, os.environ)
    since_ms, until_ms = instant("--since", since), instant("--until", until)
    held = open_existing(journal or settings.data_path / "journal.db")
    try:
        decisions = (one.decision for one in held.decisions())
        shown = digest_of(decisions, settings.zones(), since_ms=since_ms, until_ms=until_ms)
    finally:
        held.close()
    if as_json:
        print_json(msgspec.to_builtins(shown))
    elif to is not None:
        to.write_text(markdown(shown), encoding="utf-8")
        say(f"{to}: {len(shown.incidents)} incidents.")
    else:
        say(markdown(shown).rstrip())


def add_to(app: typer.Typer) -> None:
    """Make the commands part of the command line."""
    app.command(epilog="Example: tocsin learn 2025.jsonl.gz 2026.jsonl.gz --config tocsin.yaml")(learn)
    app.command(epilog="Example: tocsin digest --since 2026-11-01 --to november.md")(digest)
