"""What happened in an incident, in Dutch: told from the same decisions, acts and reports as in English. Pure.

What people and the flowchart wrote stays as they wrote it.
"""

from alerting.decision import Decision, Reason
from alerting.inert import one_line
from alerting.timeline import Says
from alerting.view import IncidentView
from tocsin.acts_told import ERASED_NOTE
from tocsin.console import dutch

KINDS: dict[str, str] = {
    "OpenIncident": "Geopend",
    "Page": "Opgeroepen",
    "Notify": "Ingelicht",
    "Escalate": "Daarna opgeroepen",
    "Update": "Veranderd",
    "StandDown": "Afgesloten",
    "NoPage": "Niemand opgeroepen",
}
DID: dict[str, str] = {
    "acknowledge": "drukte op Bevestigen",
    "own": "drukte op Oppakken: iedereen ziet wie de leiding heeft",
    "escalate": "drukte op Opschalen en vroeg om meer mensen",
    "false_alarm": "noemde het vals alarm",
    "resolve": "verklaarde het opgelost",
    "severity": "stelde in hoe erg het is",
    "reply": "beantwoordde de vraag van het stroomschema",
    "approve": "keurde een verklaring goed",
    "note": "schreef een notitie",
    "draft": "veranderde de tekst van een verklaring",
}
ARRIVED: dict[str, str] = {
    "sent": "aangekomen",
    "unknown": "nog niet bekend of het aankwam",
    "missed": "niet aangekomen, maar andere misschien wel",
    "failed": "mislukt",
}


class Dutch(Says):
    """What a timeline says, in Dutch."""

    deeds = DID
    did_something = "deed iets"
    had_it_already = "{who} had het al"
    arrived = ARRIVED
    sent_by = "Via {way} aan {who}: {outcome}"
    after_it = "{took} na het besluit"
    messages = "{count} berichten"
    everybody = "iedereen in het kanaal"
    in_shadow = "In de schaduw besloten: niemand kreeg bericht."
    asked_for_by = "Gevraagd door {node}."

    def severity(self, code: str) -> str:
        """How grave."""
        return (dutch.SEVERITIES.get(code) or one_line(code, 20)).lower()

    def names(self, some: tuple[str, ...]) -> str:
        """A few names."""
        return dutch.names(some)

    def took(self, seconds: int) -> str:
        """How long something took."""
        return dutch.duration(seconds)

    def noted(self, note: str) -> str:
        """What somebody wrote."""
        return "(gewist)" if note == ERASED_NOTE else super().noted(note)

    def first(self, *, known: bool) -> str:
        """That it began."""
        return "Het eerste bericht van dit verhaal werd geschreven." if known else "Hier begon wat er werd gevonden."

    def noticed(self, decision: Decision, view: IncidentView) -> str:
        """That it was noticed, and why that is worth telling."""
        again = " opnieuw" if decision.reason == "flared_up" else ""
        return f"Opgemerkt{again}, {self.severity(decision.severity)}. {dutch.sentence(view)}"

    def decided(self, decision: Decision) -> str:
        """Any other decision."""
        by = one_line(decision.note, 80)
        if decision.kind == "Update" and decision.reason in ("acknowledged", "owned") and by:
            return f"{'Bevestigd' if decision.reason == 'acknowledged' else 'Opgepakt'} door {by}."
        if decision.reason == "noted":
            return f"Notitie van {by}."
        if decision.action or decision.reason in ("answered", "acknowledged_in_part"):
            return _asked(decision, by)
        tells = decision.kind not in ("StandDown", "Update")
        who = f": {dutch.names(decision.targets)}" if decision.targets and tells else ""
        because = f"{KINDS[decision.kind]}{who}, want {dutch.REASONS[decision.reason]}"
        if decision.kind == "StandDown":
            return f"{because}{f' ({by})' if by else ''}."
        return f"{because}. {self.severity(decision.severity).capitalize()}."

    def deaf(self, reason: Reason) -> str:
        """That we could not hear all from here on."""
        return f"Vanaf hier hoorden we niet alles: {dutch.REASONS[reason]}."

    def heard(self, reason: Reason) -> str:
        """That we could hear again."""
        return f"We konden alles weer horen: {dutch.REASONS[reason]}."


def _asked(decision: Decision, by: str) -> str:
    """What a step of the flowchart asked for, or what came of it."""
    who, asked = dutch.names(decision.targets), decision.asked
    words = one_line(asked.words, 200) if asked else ""
    statement = f"Verklaring “{words.replace('_', ' ')}”"
    if decision.reason == "acknowledged_in_part":
        return f"Bevestigd door {by}; nog te gaan: {dutch.names(decision.awaits)}."
    if decision.reason == "answered":
        return f"{words} {by}."
    if decision.reason == "drafted":
        waits = dutch.names(asked.may) if asked else ""
        return f"{statement} gewijzigd door {by}; de nieuwe tekst wacht op goedkeuring: {waits}."
    said = f" {one_line(decision.note, 200)}" if decision.note else ""
    return {
        "approved": f"{statement} goedgekeurd door {by}: ze mag worden overgenomen.",
        "statement": f"{statement} wacht op goedkeuring: {who}.",
        "ask": f"Gevraagd aan {who}: {words}",
        "open_channel": f"Open het kanaal {words} voor deze crisis: {who}.{said}",
        "mobilise": f"Erbij geroepen: {who}.{said}",
        "brief": f"Bijgepraat: {who}.{said}",
    }[decision.action]
