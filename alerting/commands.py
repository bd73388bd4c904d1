"""What people type after `/tocsin` in Slack: read into a command, or into words that say what is allowed. Pure."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from alerting.inert import one_line
from alerting.quiet import LONGEST_SILENCE_MS, length_ms
from stream.strict_yaml import unknown

Verb = Literal["status", "who", "silence", "ack", "drill", "help"]
ACTS: tuple[Verb, ...] = ("silence", "ack", "drill")
"""Commands that change something: each of them once, however often Slack delivers it."""
HELP: tuple[tuple[str, str], ...] = (
    ("/tocsin status", "how each brand stands, what is open, what is blind, how late we are"),
    ("/tocsin who", "who is on call now, and who is next"),
    (
        "/tocsin silence BRAND 2h REASON",
        "hold pages about a brand back; 30m, 2h or 1d, up to 30d; critical breaks through",
    ),
    ("/tocsin ack [INCIDENT]", "acknowledge; the incident may be left out where one waits"),
    ("/tocsin drill", "start a drill"),
    ("/tocsin help", "this"),
)
LONGEST_REASON = 300
_WORDS = tuple(usage.split()[1] for usage, _ in HELP)


class Command(NamedTuple):
    """What somebody asked for. `reason` is a person's free text: hostile wherever it is shown."""

    verb: Verb
    brand: str = ""
    incident: str = ""
    length_ms: int = 0
    reason: str = ""


class Misread(NamedTuple):
    """Words that are no command: what is wrong, what follows, and what is allowed. Inert."""

    why: str


def read_command(text: str, brands: Sequence[str]) -> Command | Misread:
    """The command in what was typed after `/tocsin`; brands as they are configured, found in any case.

    >>> read_command("silence acme air 2h known, the shop moves", ["Acme", "Acme Air"])
    Command(verb='silence', brand='Acme Air', incident='', length_ms=7200000, reason='known, the shop moves')
    >>> read_command("  ACK acme-1767614700000 ", [])
    Command(verb='ack', brand='', incident='acme-1767614700000', length_ms=0, reason='')
    >>> read_command("", ["Acme"]).verb
    'help'
    >>> read_command("stats", []).why
    '`stats` is not known as a command; did you mean `status`? Allowed: status, who, silence, ack, drill, help. \
Nothing was changed.'
    """
    words = text[:2000].split()
    verb = words[0].lower() if words else "help"
    rest = words[1:]
    match verb:
        case "status" | "who" | "help" | "drill" if not rest:
            return Command(verb)
        case "status" | "who" | "help" | "drill":
            return Misread(f"`{verb}` takes nothing after it. Nothing was changed.")
        case "ack":
            if len(rest) > 1:
                return Misread("ack takes one incident, or none: /tocsin ack INCIDENT. Nothing was changed.")
            return Command("ack", incident=rest[0] if rest else "")
        case "silence":
            return _silence(rest, brands)
    return Misread(f"{_unknown(verb, _WORDS, 'as a command')} Nothing was changed.")


def help_lines(brands: Sequence[str]) -> list[str]:
    """Everything that may be typed. Inert."""
    shown = ", ".join(one_line(name, 40) for name in brands[:10])
    return [f"{usage}: {meaning}" for usage, meaning in HELP] + ([f"Brands: {shown}"] if shown else [])


def _silence(words: Sequence[str], brands: Sequence[str]) -> Command | Misread:
    found = _brand(words, brands)
    if found is None:
        asked = " ".join(words[:1])
        said = _unknown(asked, brands, "as a brand") if asked else "Which brand?"
        return Misread(f"{said} Like this: /tocsin silence BRAND 2h REASON. Nothing was silenced.")
    brand, used = found
    length, reason = (words[used] if len(words) > used else ""), " ".join(words[used + 1 :])
    lasts_ms = length_ms(length)
    if not lasts_ms:
        days = LONGEST_SILENCE_MS // 86_400_000
        said = f"{one_line(length, 40)} is no length of time" if length else "How long?"
        return Misread(f"{said}; allowed: 30m, 2h, 1d, up to {days}d. Nothing was silenced.")
    if not reason:
        return Misread(
            "Why? A silence needs its reason; it is kept for good, so name nobody. Like this: "
            f"/tocsin silence {one_line(brand, 40)} {length} known, being handled. Nothing was silenced."
        )
    return Command("silence", brand=brand, length_ms=lasts_ms, reason=reason[:LONGEST_REASON])


def _brand(words: Sequence[str], brands: Sequence[str]) -> tuple[str, int] | None:
    """The brand that these words begin with, and how many of them name it; the longest name wins."""
    typed = [word.strip("\"'“”").casefold() for word in words]
    for name in sorted(brands, key=lambda one: (-len(one.split()), one)):
        parts = name.casefold().split()
        if typed[: len(parts)] == parts:
            return name, len(parts)
    return None


def _unknown(word: str, allowed: Sequence[str], what: str) -> str:
    return f"{one_line(unknown(one_line(word, 40), [one_line(a, 40) for a in allowed], what), 400)}".rstrip(".") + "."
