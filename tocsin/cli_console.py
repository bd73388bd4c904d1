"""`tocsin console`: the link that signs in, passwords for those who have one, and the audit trail."""

import getpass
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tocsin import cli_console_tokens
from tocsin.mistakes import UsageError
from tocsin.terminal import Json, complain, json_line, print_json, say

if TYPE_CHECKING:
    from tocsin.console.audit import Kept, Verdict
    from tocsin.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Sign in to the console, and see who did what there.")
app.add_typer(cli_console_tokens.app, name="token")

Config = Annotated[Path | None, typer.Option("--config", "-c", help="The configuration; default tocsin.yaml.")]


@app.callback()
def _console() -> None:
    """Sign in to the console, and see who did what there."""


@app.command(epilog="Example: tocsin console link --config tocsin.yaml")
def link(config: Config = None, as_json: Json = False) -> None:
    """Show the link that signs in to the console of this machine, for whoever may read its data directory."""
    from tocsin.console.sign_in_token import link_to, place_of, token_of

    settings = _settings(config)
    console = settings.console
    if not console.enabled:
        raise UsageError("the console is switched off (`console: enabled: false`)")
    if not console.by_token:
        raise UsageError(
            "no link signs in here, because people sign in another way; `console: token: true` would allow it besides"
        )
    base_url = console.public_url or place_of(settings.data_path) or f"http://{console.listen}"
    found = link_to(base_url, token_of(settings.data_path))
    print_json({"link": found}) if as_json else say(found)


@app.command(
    epilog="Examples: tocsin console password > ana.password\n\n"
    "echo 'a sentence that nobody guesses' | tocsin console password"
)
def password(as_json: Json = False) -> None:
    """Make of a password what the service keeps of it: for `password_env` or `password_file` of a person."""
    from tocsin.console.passwords import PasswordProblem, kept_of

    if sys.stdin.isatty():
        chosen = getpass.getpass("Password: ")
        if getpass.getpass("Once more: ") != chosen:
            raise UsageError("the two are not the same; nothing was made")
    else:
        chosen = sys.stdin.readline().rstrip("\r\n")
    try:
        kept = kept_of(chosen)
    except PasswordProblem as problem:
        raise UsageError(str(problem)) from None
    print_json({"password": kept}) if as_json else say(kept)


@app.command(
    epilog="Examples: tocsin console audit --verify\n\ntocsin console audit --last 20\n\n"
    "tocsin console audit --json > trail.jsonl"
)
def audit(
    config: Config = None,
    verify: Annotated[bool, typer.Option("--verify", help="Go through the chain; status 1 where it breaks.")] = False,
    last: Annotated[int, typer.Option(min=1, max=100_000, help="How many of the latest acts to show.")] = 50,
    as_json: Json = False,
) -> None:
    """Show who did what in the console, and whether anybody touched the trail since; with --json as JSON lines."""
    from tocsin.console.audit import existing

    settings = _settings(config)
    trail = existing(settings.data_path)
    try:
        if verify:
            raise SystemExit(_verified(settings, trail.verify(), as_json=as_json))
        for kept in reversed(trail.recent(last)):
            sys.stdout.write(_json(kept) + "\n") if as_json else say(_line(kept, settings.timezone))
    finally:
        trail.close()


def _verified(settings: "Settings", verdict: "Verdict", *, as_json: bool) -> int:
    if as_json:
        print_json({"ok": verdict.ok, "acts": verdict.acts, "chain": verdict.chain, "difference": verdict.difference})
    elif verdict.ok:
        say(f"{settings.data_path}: {verdict.acts} acts, and the chain holds: {verdict.chain}")
    else:
        complain([f"{settings.data_path}: {verdict.difference}"])
    return 0 if verdict.ok else 1


def _line(kept: "Kept", zone: str) -> str:
    from alerting.words import clock_text

    act = kept.act
    about = f" {act.incident or act.brand}" if act.incident or act.brand else ""
    by = f"{act.who}{f' as {act.as_responder}' if act.as_responder else ''} ({act.how})"
    outcome = act.outcome + (f": {act.why}" if act.why else "")
    at = clock_text(act.at_ms, zone, time.time_ns() // 1_000_000)
    return f"{kept.seq}  {at}  {by}  {act.what}{about}  {outcome}"


def _json(kept: "Kept") -> str:
    import msgspec

    return json_line({"seq": kept.seq, **msgspec.to_builtins(kept.act), "chain": kept.chain})


def _settings(config: Path | None) -> "Settings":
    from tocsin.settings import load_settings

    path = config or Path("tocsin.yaml")
    settings = load_settings(path, os.environ)
    if not settings.data_path.is_dir():
        raise UsageError(f"{settings.data_path}: there is no data directory yet; start the service first (tocsin run)")
    return settings
