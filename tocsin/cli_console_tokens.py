"""`tocsin console token`: tokens of the API, made, listed and revoked."""

import getpass
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from stream.strict_yaml import unknown
from tocsin.mistakes import UsageError
from tocsin.terminal import Json, print_json, say

if TYPE_CHECKING:
    from tocsin.console.tokens import Token, Tokens
    from tocsin.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Tokens by which programs use the console's API.")

Config = Annotated[Path | None, typer.Option("--config", "-c", help="The configuration; default tocsin.yaml.")]
Name = Annotated[str, typer.Option(help="What it is for; the audit trail calls its acts by this.")]


@app.command(
    epilog="Examples: tocsin console token create --name grafana --days 90\n\n"
    "tocsin console token create --name chatbot --role responder --responder anna --brand Acme --verb see --verb act"
)
def create(
    name: Name,
    role: Annotated[str, typer.Option(help="viewer, responder or admin.")] = "viewer",
    responder: Annotated[str | None, typer.Option(help="In whose name it acts, one of the flowchart's.")] = None,
    brand: Annotated[list[str] | None, typer.Option(help="A brand that it sees; when absent, all of them.")] = None,
    verb: Annotated[
        list[str] | None, typer.Option(help="What it may do: see, act, administer; when absent, all that its role may.")
    ] = None,
    days: Annotated[int, typer.Option(help="How long it holds, 366 at most.")] = 90,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Make a token and show it, this once: what is kept of it gives it to nobody."""
    from tocsin.console.tokens import TokenProblem

    settings = _settings(config)
    token = _token(settings, name, role, responder, brand, verb)
    tokens = _tokens(settings)
    try:
        secret = tokens.make(token, days=days)
    except TokenProblem as problem:
        raise UsageError(str(problem)) from None
    finally:
        tokens.close()
    _note(settings, "create a token", name, responder or "")
    if as_json:
        print_json({"name": name, "token": secret, "days": days})
    else:
        say(secret)


@app.command(name="list", epilog="Example: tocsin console token list --json")
def list_(config: Config = None, as_json: Json = False) -> None:
    """Show the tokens that hold: what they may do, until when, and when they were last used."""
    settings = _settings(config)
    tokens = _tokens(settings)
    try:
        found = tokens.all()
    finally:
        tokens.close()
    if as_json:
        print_json([msgspec.to_builtins(one) for one in found])
        return
    for one in found:
        say(_line(one, settings.timezone))
    if not found:
        say("There is no token.")


@app.command(epilog="Example: tocsin console token revoke --name grafana")
def revoke(name: Name, config: Config = None, as_json: Json = False) -> None:
    """Let a token be worth nothing from now on; a running service refuses it at its next request."""
    settings = _settings(config)
    tokens = _tokens(settings)
    try:
        names = [one.name for one in tokens.all()]
        if not tokens.revoke(name):
            raise UsageError(f"--name: {unknown(name[:60], names, 'as a token')}")
    finally:
        tokens.close()
    _note(settings, "revoke a token", name)
    print_json({"name": name, "revoked": True}) if as_json else say(f"The token {name} is worth nothing any more.")


def _token(
    settings: "Settings",
    name: str,
    role: str,
    responder: str | None,
    brands: list[str] | None,
    verbs: list[str] | None,
) -> "Token":
    """What is asked for, by names that there are. Raises `UsageError`."""
    from alerting.flowchart.load import load_chart
    from tocsin.checking import chart_text
    from tocsin.console.doors import ALLOWED
    from tocsin.console.tokens import Token

    _known("--role", role, list(ALLOWED), "as a role")
    for one in brands or ():
        _known("--brand", one, [brand.name for brand in settings.brands], "as a brand")
    for one in verbs or ():
        _known("--verb", one, list(ALLOWED["admin"][1:]), "as what one may do")
    if responder is not None:
        path = settings.flowchart_path
        found = load_chart(chart_text(path), str(path)).responders
        people = [one for one, known in found.items() if (known.slack or "U")[0] in "UW"]
        _known("--responder", responder, people, "as a responder of the flowchart")
    fields = {"name": name, "role": role, "responder": responder or "", "brands": brands, "verbs": verbs}
    return msgspec.convert(fields, Token)


def _known(flag: str, word: str, allowed: list[str], what: str) -> None:
    if word not in allowed:
        raise UsageError(f"{flag}: {unknown(word[:60], allowed, what)}")


def _line(one: "Token", zone: str) -> str:
    from alerting.words import clock_text

    now_ms = time.time_ns() // 1_000_000
    verbs = ", ".join(one.verbs) if one.verbs is not None else "all that it may"
    brands = ", ".join(one.brands) if one.brands is not None else "all brands"
    by = f" as {one.responder}" if one.responder else ""
    used = f"last used {clock_text(one.used_ms, zone, now_ms)}" if one.used_ms else "never used"
    return f"{one.name}  {one.role}{by}: {verbs}; {brands}; until {clock_text(one.until_ms, zone)}; {used}"


def _tokens(settings: "Settings") -> "Tokens":
    from tocsin.console.tokens import FILE, Tokens

    return Tokens(settings.data_path / FILE, lambda: time.time_ns() // 1_000_000)


def _note(settings: "Settings", what: str, name: str, responder: str = "") -> None:
    """Write it into the audit trail: who sat at the machine, and which token."""
    from tocsin.console.audit import Act, Audit

    try:
        who = getpass.getuser()
    except (KeyError, OSError):
        who = "unknown"
    trail = Audit(settings.data_path)
    try:
        trail.add(
            Act(
                at_ms=time.time_ns() // 1_000_000,
                who=who,
                how="command",
                what=f"{what}: {name}",
                outcome="done",
                as_responder=responder,
            )
        )
    finally:
        trail.close()


def _settings(config: Path | None) -> "Settings":
    from tocsin.settings import load_settings

    settings = load_settings(config or Path("tocsin.yaml"), os.environ)
    if not settings.data_path.is_dir():
        raise UsageError(f"{settings.data_path}: there is no data directory yet; start the service first (tocsin run)")
    return settings
