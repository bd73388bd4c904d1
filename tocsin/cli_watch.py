"""`tocsin watch`: a second machine looks after the first."""

import os
import time
from typing import Annotated
from urllib.parse import urlsplit

import typer

from tocsin.mistakes import UsageError
from tocsin.terminal import Json, complain, print_json, say
from tocsin.watching import Finding, Looker, Teller, Watching

HELP = (
    "Look after a Tocsin from another machine, and say in plain words when it falls silent and when it is back.\n\n"
    "It asks the service's own door (`/healthz`, of a worker `/readyz`). It tells whether nobody answers, whether the "
    "service says itself that something is wrong, or whether it answers while its probes stand still. With --command "
    "or --tell-env somebody else is told too: a program, which finds TOCSIN_WATCH_BECAME (silent or back), "
    "TOCSIN_WATCH_STATE and TOCSIN_WATCH_WORDS in its environment; an address, as Slack's incoming webhooks, to which "
    '{"text": ...} is posted.\n\n'
    "Exit status: with --once 0 well, 1 not well, as cron and Nagios want it; else it runs until it is stopped. 2 the "
    "call is wrong."
)
EXAMPLES = (
    "Examples: tocsin watch http://tocsin.internal:8760\n\n"
    "tocsin watch http://tocsin.internal:8760 --every 20s --grace 90s --tell-env OPS_SLACK_WEBHOOK\n\n"
    "tocsin watch http://10.0.0.5:8760 --once --json"
)

Url = Annotated[str, typer.Argument(help="Where the service listens: its door of mentions.", metavar="URL")]
Every = Annotated[str, typer.Option(help="How often it is looked at, as 20s.")]
Grace = Annotated[str, typer.Option(help="How long it must not be well before somebody is told.")]
Command = Annotated[str, typer.Option(help="What to run when it falls silent, and when it is back.")]
TellEnv = Annotated[
    str, typer.Option(help="Variable with an address to post to then; it is a secret.", metavar="VARIABLE")
]
Once = Annotated[bool, typer.Option("--once", help="Look once and leave.")]


def watch(
    url: Url,
    every: Every = "20s",
    grace: Grace = "60s",
    command: Command = "",
    tell_env: TellEnv = "",
    once: Once = False,
    as_json: Json = False,
) -> None:
    """Watch a service. Leaves with the exit status that `HELP` explains."""
    address = _address(url)
    looker = Looker(address)
    if once:
        found = looker.look()
        looker.close()
        _show(address, found, as_json=as_json)
        raise SystemExit(0 if found.well else 1)
    every_s, grace_s = _seconds("--every", every), _seconds("--grace", grace)
    if every_s < 1:
        raise UsageError(f"--every {every}: looks at it without end; allowed: 1s and more")
    teller = Teller(address, command=command, url=_secret(tell_env))
    found = looker.look()
    _show(address, found, as_json=as_json)
    watching = Watching(grace_s)
    before = found
    while True:
        change = watching.look(found, time.monotonic())
        if found.state != before.state:
            _show(address, found, as_json=as_json)
        if change is not None and not as_json:
            say(change.words(address), style="bold")
        complain(teller.tell(change) if change is not None else teller.retry())
        before = found
        time.sleep(every_s)
        found = looker.look()


def _show(address: str, found: Finding, *, as_json: bool) -> None:
    if as_json:
        print_json({"address": address, "well": found.well, "state": found.state, "words": found.words})
        return
    at = time.strftime("%H:%M:%S")
    say(f"{at}  {found.state}: {address}: {found.words}", style="" if found.well else "red")


def _address(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UsageError(f"{url[:80]}: is no address; allowed: as http://tocsin.internal:8760") from None
    if parts.username or parts.password:
        raise UsageError("the address holds a user name or a password, which would show; /healthz asks for none")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"{url[:80]}: is no address; allowed: as http://tocsin.internal:8760")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path.rstrip('/')}".removesuffix("/healthz")


def _seconds(flag: str, value: str) -> float:
    units = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
    for unit in sorted(units, key=len, reverse=True):
        digits = value.removesuffix(unit)
        if digits != value and digits.isascii() and digits.isdecimal():
            return int(digits) * units[unit]
    raise UsageError(f"{flag} {value[:20]}: is no length of time; allowed: a number with its unit, as 20s, 2m or 500ms")


def _secret(variable: str) -> str:
    if not variable:
        return ""
    found = os.environ.get(variable, "")
    if not found.startswith(("https://", "http://")):
        raise UsageError(f"--tell-env {variable[:64]}: this variable holds no address that begins with https://")
    return found


def hook(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(help=HELP, epilog=EXAMPLES)(watch)
