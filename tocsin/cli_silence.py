"""`tocsin silence`, `tocsin severity` and `tocsin ack`: what a person tells a running service from the command line."""

import getpass
import os
import time
from pathlib import Path
from typing import Annotated

import typer

from alerting.escalation import Casebook
from alerting.facts import SCENARIOS, SEVERITIES
from alerting.flowchart.load import load_chart
from alerting.incident import Incident
from alerting.quiet import Silence, Unsilence, length_ms
from alerting.words import clock_text
from stream.codec import digest
from stream.strict_yaml import unknown
from tocsin.checking import chart_text
from tocsin.entry import Answer
from tocsin.journal import open_existing
from tocsin.letterbox import BOX, Wish, post, waiting
from tocsin.mistakes import UsageError
from tocsin.setting_types import in_units
from tocsin.settings import Settings, load_settings
from tocsin.terminal import Json, print_json, say

WAIT_S = 12
"""How long a command waits for the service to take its wish: two grid steps and a little."""

Config = Annotated[Path | None, typer.Option("--config", "-c", help="The configuration; default tocsin.yaml.")]
Who = Annotated[str | None, typer.Option(help="Who asks for it; default your login name.")]


def silence(
    brand: Annotated[str, typer.Argument(help="The brand, as it is called in the configuration.")],
    last: Annotated[str | None, typer.Option("--for", help="How long, as 30m, 2h or 1d; 30 days at most.")] = None,
    reason: Annotated[str | None, typer.Option(help="Why; it is kept in the journal for good, so name nobody.")] = None,
    incident: Annotated[str | None, typer.Option(help="This incident alone, whatever its severity.")] = None,
    scenario: Annotated[str | None, typer.Option(help="This kind of trouble alone.")] = None,
    severity_at_most: Annotated[
        str | None, typer.Option(help="Nothing worse than this; default high: what is critical breaks through.")
    ] = None,
    lift: Annotated[str | None, typer.Option(metavar="ID", help="End a silence before its time.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="Show the silences that hold.")] = False,
    who: Who = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Ask for quiet about a brand: pages are held back, written down, and looked at again when the silence ends."""
    settings = _settings(config, brand)
    if list_:
        _list(settings, brand, as_json=as_json)
        return
    at_ms = time.time_ns() // 1_000_000
    name = _who(who)
    wish: Wish
    if lift is not None:
        _must_hold(settings, brand, lift)
        wish = Unsilence(_id("lift", at_ms, lift), brand, lift, name, at_ms)
        done = f"The silence {lift} is lifted."
    else:
        if last is None or not (reason or "").strip():
            raise UsageError("a silence needs its length and its reason: --for 2h --reason 'known, being handled'")
        until_ms = at_ms + _length_ms(last)
        if incident is not None:
            _must_be_open(settings, brand, incident)
        worst = severity_at_most or ("critical" if incident else "high")
        for word, allowed, flag in ((worst, SEVERITIES, "severity"), (scenario, (*SCENARIOS, "blind"), "scenario")):
            if word is not None and word not in allowed:
                raise UsageError(unknown(word, allowed, f"as a {flag}"))
        wish = Silence(
            id=_id("silence", at_ms, brand),
            brand=brand,
            from_ms=at_ms,
            until_ms=until_ms,
            who=name,
            reason=(reason or "").strip()[:300],
            scenario=scenario or "",
            severity_at_most=worst,
            incident=incident or "",
        )
        done = f"Quiet until {clock_text(until_ms, settings.timezone, at_ms)}; lift it with --lift {wish.id}"
    _ask(settings, wish, done, as_json=as_json)


def severity(
    brand: Annotated[str, typer.Argument(help="The brand, as it is called in the configuration.")],
    incident: Annotated[str, typer.Argument(help="The incident, as its card names it.")],
    level: Annotated[str, typer.Argument(help="low, medium, high or critical.")],
    who: Who = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Say how bad an incident is: it climbs there at once, and does not fall below before it closes."""
    settings = _settings(config, brand)
    if level not in SEVERITIES:
        raise UsageError(unknown(level, SEVERITIES, "as a severity"))
    _must_be_open(settings, brand, incident)
    at_ms = time.time_ns() // 1_000_000
    wish = Answer(_id("severity", at_ms, incident), brand, incident, "severity", _who(who), at_ms, severity=level)
    _ask(settings, wish, f"{incident} is at least {level}.", as_json=as_json)


def ack(
    incident: Annotated[str, typer.Argument(help="The incident, as the page names it.")],
    who: Annotated[str | None, typer.Option(help="Which responder has it; default your login name.")] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Acknowledge an incident where Slack cannot be reached: nobody else is woken. Responders of the flowchart only."""
    settings = _settings(config)
    name = _who(who)
    responders = load_chart(chart_text(settings.flowchart_path), str(settings.flowchart_path)).responders
    people = [one for one, responder in responders.items() if (responder.slack or "U").startswith(("U", "W"))]
    if name not in people:
        raise UsageError(f"--who: {unknown(name, people, 'as a responder of the flowchart')}")
    found = {one.id: (brand, one) for brand in settings.brands for one in _open(settings, brand.name)}
    if incident not in found:
        allowed = f"open now: {', '.join(found)}" if found else "none is open now"
        raise UsageError(f"{incident[:80]!r} is no open incident; {allowed}")
    brand, one = found[incident]
    has_it = one.owner or one.acknowledged_by
    if one.is_answered and has_it:
        print_json({"id": "", "taken": False, "by": has_it}) if as_json else say(f"{has_it} has {incident} already.")
        raise SystemExit(0)
    at_ms = time.time_ns() // 1_000_000
    wish = Answer(_id("ack", at_ms, f"{incident}/{name}"), brand.name, incident, "acknowledge", name, at_ms)
    taken = _left(settings, wish)
    by = _who_has_it(settings, brand.name, incident) if taken else ""
    if by and by != name:  # somebody was faster
        print_json({"id": wish.id, "taken": False, "by": by}) if as_json else say(f"{by} has {incident} already.")
        raise SystemExit(0)
    _tell(settings, wish, f"{name} has {incident}; nobody else is woken.", taken=taken, as_json=as_json)


def _who_has_it(settings: Settings, brand: str, incident: str) -> str:
    """Who has an incident, once the core has taken in what was asked; nobody where that cannot be seen in time."""
    deadline = time.monotonic() + settings.step / 1000 + 2
    while True:
        one = next((one for one in _open(settings, brand) if one.id == incident), None)
        if one is None or one.is_answered:
            return one.owner or one.acknowledged_by if one is not None else ""
        if time.monotonic() > deadline:
            return ""
        time.sleep(0.5)


def _settings(config: Path | None, brand: str | None = None) -> Settings:
    path = config or Path("tocsin.yaml")
    settings = load_settings(path, os.environ)
    if settings.cluster is not None:
        said = "has a section `cluster`, whose workers hear no command of this machine"
        raise UsageError(f"{path}: {said}; in Slack there are /tocsin ack, /tocsin silence and the buttons of the card")
    names = [one.name for one in settings.brands]
    if brand is not None and brand not in names:
        raise UsageError(f"{path}: {unknown(brand, names, 'as a brand')}")
    if not settings.data_path.is_dir():
        raise UsageError(f"{settings.data_path}: there is no data directory yet; start the service first (tocsin run)")
    return settings


def _length_ms(text: str) -> int:
    lasts_ms = length_ms(text)
    if not lasts_ms:
        raise UsageError(f"--for: {text[:40]!r} is no such length of time; allowed: 30m, 2h, 1d, up to 30d")
    return lasts_ms


def _who(who: str | None) -> str:
    try:
        name = who or getpass.getuser()
    except (KeyError, OSError):
        name = ""
    if not name.strip():
        raise UsageError("--who: nobody is named; say who asks for it")
    return name.strip()[:60]


def _id(kind: str, at_ms: int, about: str) -> str:
    return f"{kind}-{at_ms}-{digest(f'{about}/{os.getpid()}'.encode())[:6]}"


def _ask(settings: Settings, wish: Wish, done: str, *, as_json: bool) -> None:
    """Leave a wish for the service, wait a moment for it to be taken, and say what became of it."""
    _tell(settings, wish, done, taken=_left(settings, wish), as_json=as_json)


def _left(settings: Settings, wish: Wish) -> bool:
    """Leave a wish for the service; whether it took it while we waited."""
    letter = post(settings.data_path, wish)
    deadline = time.monotonic() + WAIT_S
    while letter.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    return not letter.exists()


def _tell(settings: Settings, wish: Wish, done: str, *, taken: bool, as_json: bool) -> None:
    if as_json:
        print_json({"id": wish.id, "taken": taken})
    elif taken:
        say(done)
    else:
        letter = settings.data_path / BOX / f"{wish.id}.json"
        say(f"No service took it within {WAIT_S} s. It waits as {letter} and counts once `tocsin run` is up.")
    raise SystemExit(0 if taken else 1)


def _list(settings: Settings, brand: str, *, as_json: bool) -> None:
    at_ms = time.time_ns() // 1_000_000
    held = [one for one in _held(settings, brand) if one.until_ms > at_ms]
    asked = [one for one in waiting(settings.data_path) if isinstance(one, Silence) and one.brand == brand]
    if as_json:
        rows = [(one, True) for one in held] + [(one, False) for one in asked]
        print_json([{**_row(one), "taken": taken} for one, taken in rows])
        return
    for one in (*held, *asked):
        about = one.incident or one.scenario or "everything"
        left = in_units(max(60_000, (one.until_ms - at_ms) // 60_000 * 60_000))
        where = "" if one in held else f" (waits in {BOX}/)"
        say(f"{one.id}  {about}, up to {one.severity_at_most}, {left} more; {one.who}: {one.reason}{where}")
    if not held and not asked:
        say(f"Nobody asked for quiet about {brand}.")


def _row(one: Silence) -> dict[str, object]:
    return {name: getattr(one, name) for name in one.__struct_fields__}


def _must_be_open(settings: Settings, brand: str, incident: str) -> None:
    """A wish about an incident that is over, or that was mistyped, would change nothing: say so now."""
    found = [one.id for one in _open(settings, brand)]
    if incident not in found:
        allowed = f"open now: {', '.join(found)}" if found else "none is open now"
        raise UsageError(f"{incident[:80]!r} is no open incident of {brand}; {allowed}")


def _open(settings: Settings, brand: str) -> list[Incident]:
    book = _book(settings, brand)
    known = (book.incident, book.blind) if book is not None else ()
    return [one for one in known if one is not None and one.is_open]


def _must_hold(settings: Settings, brand: str, name: str) -> None:
    at_ms = time.time_ns() // 1_000_000
    asked = [one for one in waiting(settings.data_path) if isinstance(one, Silence) and one.brand == brand]
    found = [one.id for one in (*_held(settings, brand), *asked) if one.until_ms > at_ms]
    if name not in found:
        allowed = f"these hold: {', '.join(found)}" if found else "none holds now"
        raise UsageError(f"--lift: {name[:80]!r} is no silence of {brand}; {allowed}")


def _held(settings: Settings, brand: str) -> tuple[Silence, ...]:
    """The silences as the core knows them."""
    book = _book(settings, brand)
    return book.quieted.asked if book is not None else ()


def _book(settings: Settings, brand: str) -> Casebook | None:
    """A brand's incidents as the core knows them: its last snapshot, and what the journal holds beyond it."""
    path = settings.data_path / "journal.db"
    if not path.is_file():
        return None
    journal = open_existing(path)
    try:
        engine = journal.restored_engine(journal.contents())
        for entry in journal.entries(engine.seq):
            engine.apply(entry)
    finally:
        journal.close()
    state = engine.brands.get(brand)
    return state.book if state is not None else None


def hook(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(
        epilog="Examples: tocsin silence Acme --for 2h --reason 'known; the shop is being moved'\n\n"
        "tocsin silence Acme --list"
    )(silence)
    app.command(epilog="Example: tocsin severity Acme acme-1767614700000 critical")(severity)
    app.command(epilog="Example: tocsin ack acme-1767614700000 --who anna")(ack)
