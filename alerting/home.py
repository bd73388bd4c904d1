"""How everything stands, for people in Slack: the answers to `/tocsin status` and `who`, and the App Home. Pure.

Whatever comes from outside stands in `plain_text` objects and is inert; links are built by us.
"""

from typing import Any

import msgspec

from alerting.facts import BLIND
from alerting.inert import clip, mrkdwn, one_line, plain, safe_url, units
from alerting.quiet import Silence
from alerting.view import IncidentView
from alerting.words import clock_text, duration_text, kind_text, names_text, sentence, severity_words

Block = dict[str, Any]

HOME_BLOCKS = 90
"""Slack takes a hundred (docs.slack.dev/reference/views/home-tab-views)."""
SHOWN = 20
"""Incidents, brands and duties of each kind that are listed; the rest are counted."""
SECTION_LIMIT = 2900


class Shown(msgspec.Struct, frozen=True):
    """An open incident, and where its card is: channel and `ts` (empty: it has none yet)."""

    view: IncidentView
    channel: str = ""
    ts: str = ""


class BrandNow(msgspec.Struct, frozen=True):
    """How one brand stands."""

    brand: str
    timezone: str = "UTC"
    shadow: bool = False
    open: tuple[Shown, ...] = ()
    """Its open incidents, our own blindness about it among them."""
    silences: tuple[Silence, ...] = ()
    """Those that hold."""
    listening: bool = True
    """Whether the core has heard anything of it at all."""

    @property
    def is_blind(self) -> bool:
        """Whether we do not hear all that is said."""
        return any(one.view.scenario == BLIND for one in self.open)


class Duty(msgspec.Struct, frozen=True):
    """A role, who has it now, and who has it after that."""

    role: str
    now: tuple[str, ...] = ()
    until_ms: int = 0
    """When others have it (0: nobody said)."""
    after: tuple[str, ...] = ()
    timezone: str = "UTC"


class Overview(msgspec.Struct, frozen=True):
    """How everything stands at one moment."""

    at_ms: int
    timezone: str = "UTC"
    brands: tuple[BrandNow, ...] = ()
    duties: tuple[Duty, ...] = ()
    late_s: int = 0
    """How far what we know lies behind the clock (0: as it should be)."""
    undelivered: int = 0
    """Pages that are due and not yet known to have arrived."""


# ---- words


def brand_line(now: BrandNow, at_ms: int) -> str:
    """How a brand stands, in a line. Never "calm" where we are blind. Inert.

    >>> brand_line(BrandNow("Acme"), 0)
    'Acme: calm'
    >>> blind = IncidentView(brand="Acme", incident="acme-blind-0", scenario="blind", severity="medium", opened_ms=0)
    >>> brand_line(BrandNow("Acme", open=(Shown(blind),)), 0)
    'Acme: we are blind, so that silence does not mean calm'
    """
    trouble = [one.view for one in now.open if one.view.scenario != BLIND]
    severities = [severity_words.get(view.severity) or one_line(view.severity, 20) for view in trouble]
    said = [f"{kind_text(view)}, {severity}" for view, severity in zip(trouble, severities, strict=True)]
    if now.is_blind:
        said.append("we are blind, so that silence does not mean calm")
    if not said:
        said.append("calm" if now.listening else "nothing was heard of it yet")
    if now.shadow:
        said.append("in the shadow: nobody is told")
    for silence in now.silences[:3]:
        until = clock_text(silence.until_ms, now.timezone, at_ms)
        about = "one incident" if silence.incident else one_line(silence.scenario.replace("_", " "), 40) or "pages"
        said.append(f"quiet about {about} until {until} ({one_line(silence.who, 40)}: {plain(silence.reason, 120, 1)})")
    return f"{one_line(now.brand, 60) or '?'}: {'; '.join(said)}"


def incident_line(view: IncidentView) -> str:
    """An open incident in two lines: what it is, and whose hands it is in. Inert."""
    drill = "DRILL · " if view.drill else ""
    severity = severity_words.get(view.severity) or one_line(view.severity, 20)
    since = clock_text(view.opened_ms, view.timezone)
    head = f"{drill}{severity} · {one_line(view.brand, 60)} · {kind_text(view)} · since {since}"
    return f"{head}\n{hands_text(view)} · {one_line(view.incident, 120)}"


def hands_text(view: IncidentView) -> str:
    """In whose hands an incident is. Being acknowledged is not being owned."""
    if view.asks.awaits and view.status == "open":
        return f"must still acknowledge: {names_text(view.asks.awaits)}"
    if view.owner:
        return f"owned by {one_line(view.owner, 60)}"
    if view.status != "open" and view.acked_by:
        return f"acknowledged by {one_line(view.acked_by, 60)}, owned by nobody"
    return "in nobody's hands" if view.paged else "nobody was paged"


def status_lines(now: Overview) -> list[str]:
    """What `/tocsin status` says. Inert."""
    lines = [late_text(now), *(brand_line(one, now.at_ms) for one in now.brands[:SHOWN])]
    lines += _more(len(now.brands), "brands")
    found = _open(now)
    lines += [incident_line(one.view) for one in found[:SHOWN]]
    lines += _more(len(found), "open incidents")
    lines += [f"Blind: {sentence(one.view)}" for one in found if one.view.scenario == BLIND][:SHOWN]
    return [line for line in lines if line] + ([] if found else ["No incident is open."])


def who_lines(now: Overview) -> list[str]:
    """What `/tocsin who` says. Inert."""
    lines = [duty_line(duty, now.at_ms) for duty in now.duties[:SHOWN]] + _more(len(now.duties), "roles")
    return lines or ["The flowchart names no roles; it pages people by name."]


def duty_line(duty: Duty, at_ms: int) -> str:
    """Who has a role now, and who has it next. Inert.

    >>> duty_line(Duty("pr_on_call", ("ana",), 3_600_000, ("bram",)), 0)
    'pr on call: ana until 01:00 UTC, then bram'
    >>> duty_line(Duty("legal", ()), 0)
    'legal: nobody'
    """
    role = one_line(duty.role.replace("_", " "), 60)
    if not duty.until_ms:
        return f"{role}: {names_text(duty.now) or 'nobody'}"
    until = clock_text(duty.until_ms, duty.timezone, at_ms)
    return f"{role}: {names_text(duty.now) or 'nobody'} until {until}, then {names_text(duty.after) or 'nobody'}"


def late_text(now: Overview) -> str:
    """Whether what is said here is up to date."""
    waits = f" {now.undelivered} pages are on their way." if now.undelivered > 1 else ""
    waits = waits or (" One page is on its way." if now.undelivered else "")
    return (f"What is said here is {duration_text(now.late_s)} behind." if now.late_s else "Up to date.") + waits


def _more(number: int, what: str) -> list[str]:
    return [f"and {number - SHOWN} more {what}"] if number > SHOWN else []


def _open(now: Overview) -> list[Shown]:
    return [one for brand in now.brands for one in brand.open]


# ---- blocks


def private(lines: list[str]) -> dict[str, Any]:
    """An answer for one person's eyes, as the answer to a slash command: plain text, whatever the lines hold.

    >>> private(["<!channel>"])["blocks"][0]["text"]
    {'type': 'plain_text', 'text': '<!channel>', 'emoji': False}
    """
    blocks = [_section(text) for text in _packed(lines)[:20]]
    return {"response_type": "ephemeral", "text": mrkdwn(lines[0] if lines else "-", 300, 1), "blocks": blocks}


def _packed(lines: list[str]) -> list[str]:
    """Lines joined into as few sections as they fit in."""
    packed: list[str] = []
    for line in (clip(one, SECTION_LIMIT) for one in lines):
        if packed and units(packed[-1]) + units(line) < SECTION_LIMIT:
            packed[-1] += f"\n{line}"
        else:
            packed.append(line)
    return packed or ["-"]


def home_view(now: Overview, workspace_url: str = "") -> dict[str, Any]:
    """The App Home: what is open, who is on call, what is blind. `workspace_url` is what links to cards begin with.

    >>> [block["type"] for block in home_view(Overview(0))["blocks"]]
    ['header', 'section', 'header', 'section', 'context']
    """
    blocks: list[Block] = [_header("Open now")]
    found = _open(now)
    for shown in found[:SHOWN]:
        block = _section(incident_line(shown.view))
        if url := card_url(workspace_url, shown.channel, shown.ts):
            name = f"tocsin.link.home.{len(blocks)}"
            block["accessory"] = {"type": "button", "text": _plain("Open the card", 75), "url": url, "action_id": name}
        blocks.append(block)
    blocks += [_section(text) for text in _more(len(found), "open incidents")]
    blocks += [] if found else [_section("No incident is open.")]
    if now.brands:
        blocks.append(_header("Brands"))
        lines = [brand_line(one, now.at_ms) for one in now.brands[:SHOWN]] + _more(len(now.brands), "brands")
        blocks += [_section(text) for text in _packed(lines)]
    blind = [f"Blind: {sentence(one.view)}" for one in found if one.view.scenario == BLIND][:SHOWN]
    blocks += [_header("What we do not hear"), *(_section(text) for text in _packed(blind))] if blind else []
    blocks += [_header("On call"), *(_section(text) for text in _packed(who_lines(now)))]
    seen = f"{late_text(now)} Seen at {clock_text(now.at_ms, now.timezone)}."
    small: Block = {"type": "context", "elements": [_plain(seen, 300)]}
    return {"type": "home", "callback_id": "tocsin.home", "blocks": [*blocks[:HOME_BLOCKS], small]}


def card_url(workspace_url: str, channel: str, ts: str) -> str | None:
    """Where a message is shown, as Slack's own permalinks are built; `None` where that is not known.

    >>> card_url("https://acme.slack.com/", "C1", "1767614700.000100")
    'https://acme.slack.com/archives/C1/p1767614700000100'
    """
    if not (workspace_url and channel and ts):
        return None
    return safe_url(f"{workspace_url.rstrip('/')}/archives/{channel}/p{ts.replace('.', '')}")


def stranger_home() -> dict[str, Any]:
    """The App Home of somebody who is not a listed responder: it says nothing."""
    words = "Tocsin shows how things stand to the responders of the flowchart. You are not listed there."
    return {"type": "home", "callback_id": "tocsin.home", "blocks": [_section(words)]}


def _plain(text: str, limit: int) -> Block:
    return {"type": "plain_text", "text": clip(text, limit) or "-", "emoji": False}


def _header(text: str) -> Block:
    return {"type": "header", "text": _plain(text, 150)}


def _section(text: str) -> Block:
    return {"type": "section", "text": _plain(text, 3000)}
