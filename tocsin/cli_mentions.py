"""`tocsin mentions`: the posts behind the numbers of a card."""

from pathlib import Path
from typing import Annotated

import typer

from tocsin.terminal import Json, print_json, say


def mentions(
    incident: Annotated[str, typer.Argument(help="The incident, as its card names it.")],
    data: Annotated[Path, typer.Option(help="The data directory of a service or of the demo.")] = Path("tocsin-data"),
    word: Annotated[str, typer.Option(help="Only posts with this word or these two, since the story began.")] = "",
    source: Annotated[str, typer.Option(help="Only from this source.")] = "",
    language: Annotated[str, typer.Option(help="Only in this language, as en.")] = "",
    sentiment: Annotated[str, typer.Option(help="Only negative, neutral, positive or unscored ones.")] = "",
    author: Annotated[str, typer.Option(help="Only by this account.")] = "",
    story: Annotated[bool, typer.Option("--story", help="Since the story began, in place of the last hour.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="Show at most so many; --json gives all.")] = 50,
    as_json: Json = False,
) -> None:
    """List the posts behind the numbers of an incident's card: those of the hour before its latest finding."""
    from tocsin.mentions import Wanted, mention_lines
    from tocsin.mentions import as_json as json_of
    from tocsin.mentions import mentions as mentions_of

    wanted = Wanted(word=word, source=source, language=language, label=sentiment, author=author)
    listed = mentions_of(data, incident, wanted, story=story)
    if as_json:
        print_json(json_of(listed))
        return
    for line in mention_lines(listed, limit):
        say(line)


def add_to(app: typer.Typer) -> None:
    """Hook the command into the program."""
    app.command(
        epilog="Examples: tocsin mentions acme-1773428150000 --word refund\n\n"
        "tocsin mentions acme-1773428150000 --source bluesky --sentiment negative --json"
    )(mentions)
