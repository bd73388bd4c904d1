"""`tocsin erase`: takes an author, a post or a note out of everything that is kept."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from tocsin.terminal import Json, complain, fail, print_json, say

if TYPE_CHECKING:
    from tocsin.erase_box import Told
    from tocsin.erasing import Erase, Erased
    from tocsin.settings import Settings

Config = Annotated[Path | None, typer.Option("--config", "-c", help="The configuration; default tocsin.yaml.")]

WAIT_S = 120.0
"""How long the command waits for a running service: it reads the whole log."""


def erase(
    author: Annotated[str | None, typer.Option(help="Everything by this account, as its posts name it.")] = None,
    mention: Annotated[str | None, typer.Option(metavar="ID", help="One post, as source:id.")] = None,
    note: Annotated[
        str | None, typer.Option(metavar="DIGEST", help="One note of a responder; `list` shows which there are.")
    ] = None,
    source: Annotated[str | None, typer.Option(help="Of this source alone.")] = None,
    naming: Annotated[
        bool, typer.Option("--naming", help="With --author: also what others wrote in which that name stands.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how much there is.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Erase texts and names from every store, from reviews on the disk and from cards in Slack. No count changes, and
    what was decided still verifies.
    """
    from tocsin.mistakes import UsageError
    from tocsin.settings import load_settings

    if sum(one is not None for one in (author, mention, note)) != 1:
        raise UsageError("say what is to be erased: exactly one of --author, --mention, --note")
    path = config or Path("tocsin.yaml")
    settings = load_settings(path, os.environ)
    if settings.cluster is not None:
        if note == "list":
            raise UsageError("--note list: lists what one data directory holds; in a cluster give the note's digest")
        wish = _wish(author or "", mention or "", note or "", source or "", naming=naming)
        _in_a_cluster(settings, wish, dry_run=dry_run, as_json=as_json)
    data = settings.data_path
    if not data.is_dir():
        raise UsageError(f"{data}: there is no such data directory, so nothing is kept there")
    if note == "list":
        _list_notes(data, as_json=as_json)
        return
    wish = _wish(author or "", mention or "", note or "", source or "", naming=naming)
    if dry_run:
        from tocsin.erase_directory import looked_for

        _show(wish, looked_for(data, wish), None, as_json=as_json)
    told = _asked(data, wish)
    _show(wish, told.erased, told, as_json=as_json)


def _wish(author: str, mention: str, note: str, source: str, *, naming: bool) -> "Erase":
    from tocsin.erasing import Erase
    from tocsin.mistakes import UsageError

    if not (author.strip().removeprefix("@") or mention.strip() or note.strip()):
        raise UsageError("an empty name means nobody; nothing was erased")
    if mention and not source and ":" not in mention:
        raise UsageError(f"--mention {mention[:80]!r}: give it as source:id, or name the source with --source")
    if naming and not author:
        raise UsageError("--naming goes with --author")
    if note and (len(note) < 8 or set(note.lower()) - set("0123456789abcdef")):
        raise UsageError(f"--note {note[:80]!r}: at least 8 hex digits of its digest; `--note list` shows them")
    return Erase(
        id=f"{time.time_ns()}-{os.getpid()}",
        author=author.strip(),
        mention=mention.strip(),
        note=note.strip(),
        source=source,
        naming=naming,
    )


def _asked(data: Path, wish: "Erase") -> "Told":
    """Leave the request, and see that it is done: by the service that holds the directory, else here."""
    from stream.sources.store import StoreError, lock
    from tocsin import erase_box
    from tocsin.erase_directory import erase_here

    letter = erase_box.post(data, wish)
    give_up_at, why = time.monotonic() + WAIT_S, "no answer"
    while time.monotonic() < give_up_at:
        told = erase_box.answer(letter)
        if told is not None:
            return told
        try:
            lock(data).close()
            return erase_here(data, wish)
        except StoreError as error:  # as a rule a service holds it, and takes what is in the box
            why = str(error)
            time.sleep(0.2)
    complain(
        [f"Not done within {WAIT_S:.0f} s ({why}). The request waits as {letter}, and is done as soon as it can be."]
    )
    raise SystemExit(1)


def _show(wish: "Erase", gone: "Erased", told: "Told | None", *, as_json: bool) -> None:
    import msgspec

    found = gone.anything
    if as_json:
        more = {} if told is None else {"reviews": told.reviews, "by_hand": told.by_hand, "busy": told.busy}
        print_json({"found": found, "dry_run": told is None, **msgspec.to_builtins(gone), **more})
        raise SystemExit(0 if found else 1)
    if found:
        for line in _lines(gone, told):
            say(line)
    else:
        of = f" of source {wish.source}" if wish.source else ""
        say(f"Nothing is kept of {'this note' if wish.note else 'that'}{of}; nothing was changed.")
    if gone.others:
        others = "1 post by others names" if gone.others == 1 else f"{gone.others} posts by others name"
        say(f"{others} this account and {'stays' if gone.others == 1 else 'stay'}; --naming erases those too.")
    if told is not None and (told.by_hand or told.busy):
        complain([f"{path}: quotes it and was changed by hand since; see to it yourself." for path in told.by_hand])
        complain([f"{path}: this drill still runs; ask again when it is over." for path in told.busy])
        raise SystemExit(1)
    raise SystemExit(0 if found else 1)


def _lines(gone: "Erased", told: "Told | None") -> list[str]:
    verb = "Would erase" if told is None else "Erased"
    parts = [
        _many(gone.posts, "text"),
        _many(gone.notes, "note"),
        f"{_many(gone.records, 'record')} as {'it' if gone.records == 1 else 'they'} came in" if gone.records else "",
        _many(gone.letters, "dead letter"),
    ]
    lines = [f"{verb} {', '.join(filter(None, parts))}."]
    if gone.messages:
        them = "it" if gone.messages == 1 else "them"
        lines.append(
            f"{_many(gone.messages, 'message')} in Slack may quote it: the service edits {them} as long as it runs."
        )
    for way, number in gone.beyond.items():
        lines.append(f"{_many(number, 'message')} by {way} may quote it, and cannot be called back from here.")
    if told is not None and told.reviews:
        lines += [f"Written anew: {path}" for path in told.reviews]
    return lines


def _many(number: int, what: str) -> str:
    """A number of things, in words; none: nothing."""
    return f"{number} {what}{'' if number == 1 else 's'}" if number else ""


def _list_notes(data: Path, *, as_json: bool) -> None:
    """Which notes there are, by whom and of which incident: enough to know one without its words."""
    from alerting.words import clock_text
    from stream.sources.text_store import TextStore
    from tocsin.entry import Answer, Control
    from tocsin.journal import open_existing

    texts = TextStore(data / "texts.db")
    there = set(texts.notes())
    texts.close()
    journal = open_existing(data / "journal.db")
    events = [entry.event.event for entry in journal.entries() if isinstance(entry.event, Control)]
    journal.close()
    rows = [one for one in events if isinstance(one, Answer) and one.note_digest in there]
    if as_json:
        print_json([{"note": o.note_digest, "incident": o.incident, "who": o.who, "at_ms": o.at_ms} for o in rows])
    elif not rows:
        say("There are no notes.")
    for one in () if as_json else rows:
        say(f"{one.note_digest[:16]}  {one.incident}  {one.who}, {clock_text(one.at_ms, 'UTC')} UTC")


def _in_a_cluster(settings: "Settings", wish: "Erase", *, dry_run: bool, as_json: bool) -> NoReturn:
    """Let the topics know; workers do the rest."""
    from tocsin.scale_extra import lacking

    if said := lacking():
        fail(said)

    from stream.codec import rfc3339
    from tocsin.cli_topics import asked
    from tocsin.scaled.erasing import erase as erase_there
    from tocsin.scaled.ground import lay

    sources = [one.name for one in settings.sources]
    now_ms = time.time_ns() // 1_000_000
    gone = asked(erase_there(lay(settings).brokers, sources, wish, now_ms, dry_run=dry_run))
    found = bool(gone.posts or gone.notes)
    until = {"texts_until": rfc3339(gone.texts_until_ms), "raw_until": rfc3339(gone.raw_until_ms)}
    if as_json:
        print_json({"found": found, "dry_run": dry_run, "posts": gone.posts, "notes": gone.notes, **until})
    else:
        verb = "Would erase" if dry_run else "Erased"
        what = " and ".join(filter(None, (_many(gone.posts, "text"), _many(gone.notes, "note")))) or "nothing"
        say(f"{verb} {what}; cards are edited by whoever delivers.")
        say(f"Brokers drop the texts by {until['texts_until']}, and what came in by {until['raw_until']}.")
        say("Not reached: the topic dead-letters (kept for 30 days), and messages by other ways than Slack.")
    raise SystemExit(0 if found else 1)


def hook(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(
        epilog="Examples: tocsin erase --author ann.example --dry-run\n\n"
        "tocsin erase --author @ann --source bluesky\n\n"
        "tocsin erase --mention forum:4711 --json"
    )(erase)
