"""`tocsin review`: an incident looked back upon."""

import os
from pathlib import Path
from typing import Annotated

import typer

from tocsin.terminal import Json, print_json, say


def review(
    incident: Annotated[
        str | None, typer.Argument(help="The incident, as its card names it; without one, all are listed.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="The configuration; its data directory is read.")
    ] = None,
    journal: Annotated[Path | None, typer.Option(help="Read this journal instead, of a drill or the demo.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write it here: .html or .md; else to the screen.")] = None,
    as_html: Annotated[bool, typer.Option("--html", help="As one HTML page that needs nothing else.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="As Markdown, with its picture beside it.")] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Without what would have let people sleep, which takes a while to find.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write down how an incident went: what happened when, how long each thing took, what would have changed it."""
    from tocsin import reviewing
    from tocsin.mistakes import UsageError

    if sum((as_html, as_markdown, as_json)) > 1:
        raise UsageError("--html, --markdown and --json: one of them at a time")
    if out is not None and out.suffix not in (".html", ".htm", ".md", ".markdown"):
        raise UsageError(f"--out {out}: a review is written as .html or .md")
    path = _journal(config, journal)
    if incident is None:
        listed = reviewing.incidents(path)
        if as_json:
            import msgspec

            print_json(msgspec.to_builtins(listed))
            return
        for line in reviewing.list_lines(listed):
            say(line)
        return
    found = reviewing.review(path, incident, counterfactual=not quick)
    if as_json:
        print_json(reviewing.as_json(found))
        return
    form = (
        "html" if as_html or (not as_markdown and out is not None and out.suffix in (".html", ".htm")) else "markdown"
    )
    if out is None:
        typer.echo(reviewing.html(found) if form == "html" else reviewing.as_markdown(found), nl=False)
        return
    for file in reviewing.write(found, out, form):
        say(f"review: {file}")


def _journal(config: Path | None, journal: Path | None) -> Path:
    from tocsin.mistakes import UsageError
    from tocsin.settings import load_settings

    if journal is not None and config is not None:
        raise UsageError("--config and --journal both say where the journal is; give one of them")
    if journal is not None:
        return journal / "journal.db" if journal.is_dir() else journal
    path = config or Path("tocsin.yaml")
    if not path.is_file():
        raise UsageError(f"{path}: there is no such configuration; name one with --config, or a journal with --journal")
    return load_settings(path, os.environ).data_path / "journal.db"


def add_to(app: typer.Typer) -> None:
    """Hook the command into the program."""
    app.command(
        epilog="Examples: tocsin review\n\n"
        "tocsin review acme-1773428150000 --out review.html\n\n"
        "tocsin review --journal tocsin-demo/journal.db"
    )(review)
