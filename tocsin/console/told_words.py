"""What whoever pressed is told, in Dutch: the words are those of Slack, and here they follow the page's language. Pure.

Names, and what people wrote, stay as they are; words that are not known here stay English.
"""

import re
from collections.abc import Mapping

from alerting.drafts import CHANGED
from tocsin.answers import SAID
from tocsin.console import act_forms, acts

DONE: Mapping[str, str] = {
    "acknowledge": "bevestigd",
    "own": "opgepakt",
    "escalate": "opgeschaald",
    "false_alarm": "afgesloten als vals alarm",
    "resolve": "opgelost verklaard",
    "severity": "ernst ingesteld",
    "reply": "beantwoord",
    "approve": "goedgekeurd",
    "note": "genoteerd",
    "draft": "gewijzigd",
}
_WHOLE: Mapping[str, str] = {
    "Approved.": "Goedgekeurd.",
    "Already closed.": "Al afgesloten.",
    "This is not asked any more. Nothing was changed.": "Dit wordt niet meer gevraagd. Er is niets veranderd.",
    "Nobody approves their own statement. Somebody else must.": "Niemand keurt de eigen verklaring goed. Een ander "
    "moet dat doen.",
    "Nobody but you could approve it then. Nothing was changed.": "Dan zou alleen uzelf die nog kunnen goedkeuren. Er "
    "is niets veranderd.",
    CHANGED: "De tekst is intussen gewijzigd. Kijk opnieuw; hiermee is niets veranderd.",
    acts.UNKNOWN: "Dit incident is hier niet bekend.",
    acts.NOBODY: "U bent aangemeld als iemand die niet in het stroomschema staat. Alleen wie daarin staat, kan "
    "iets aan een incident doen. Er is niets veranderd.",
    acts.LATE: "Het is nog niet vastgelegd, en dat wordt nog geprobeerd. Druk opnieuw: het telt één keer.",
    acts.FAILED: "Het kon niet worden vastgelegd. Er is niets veranderd; probeer het opnieuw.",
    acts.LIFTED: "De rust is voorbij: oproepen gaan weer uit.",
    acts.NOT_HELD: "Deze rust geldt niet meer: opgeheven of voorbij. Er is niets veranderd.",
    act_forms.EMPTY: "Er staat niets in.",
    act_forms.NO_REASON: "Waarom? De reden wordt blijvend bewaard, dus noem niemand.",
}
_DONE = {english: DONE[act] for act, english in SAID.items()}
_ANY = "|".join(sorted(map(re.escape, _DONE), key=len, reverse=True))
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.DOTALL), dutch)
    for pattern, dutch in (
        (rf"(?P<did>(?i:{_ANY})) by (?P<who>[^:]+)\.", "{Did} door {who}."),
        (rf"Already (?P<did>{_ANY}) by (?P<who>[^:]+)\.", "Al {did} door {who}."),
        (rf"Already (?P<did>{_ANY}) by (?P<who>[^:]+): (?P<what>.+)\.", "Al {did} door {who}: {what}."),
        (rf"Already (?P<did>{_ANY})\.", "Al {did}."),
        (r"Answered: (?P<what>.+)\.", "Beantwoord: {what}."),
        (r"Not enough yet: (?P<who>.+) must acknowledge too\.", "Nog niet genoeg: ook {who} moet bevestigen."),
        (
            r"Noted\. Not enough yet: (?P<who>.+) must acknowledge too\.",
            "Genoteerd. Nog niet genoeg: ook {who} moet bevestigen.",
        ),
        (r"Changed\. Now (?P<who>.+) must approve it\.", "Gewijzigd. Nu moet {who} het goedkeuren."),
        (
            r"Only (?P<who>.+) can do that\. Nothing was changed\.",
            "Alleen {who} kan dat doen. Er is niets veranderd.",
        ),
        (
            r"Pages about (?P<what>.+) are held back until (?P<until>.+)\. What is critical, and our own blindness, "
            r"break through\.",
            "Oproepen over {what} worden opgehouden tot {until}. Wat kritiek is, en dat we iets niet horen, gaat wel "
            "door.",
        ),
        (
            r"Pages about (?P<what>.+) are held back until (?P<until>.+)\.",
            "Oproepen over {what} worden opgehouden tot {until}.",
        ),
        (r"At most (?P<what>\d+) characters\.", "Ten hoogste {what} tekens."),
        (r"At most (?P<what>\d+) lines\.", "Ten hoogste {what} regels."),
    )
)


def said(language: str, words: str) -> str:
    """What was said, in the language of the page.

    >>> said("nl", "Already acknowledged by ana."), said("nl", "Closed as a false alarm by ana.")
    ('Al bevestigd door ana.', 'Afgesloten als vals alarm door ana.')
    >>> said("en", "Approved."), said("nl", "Answered: not sure.")
    ('Approved.', 'Beantwoord: not sure.')
    """
    if language != "nl":
        return words
    if words in _WHOLE:
        return _WHOLE[words]
    for pattern, dutch in _PATTERNS:
        if found := pattern.fullmatch(words):
            named = found.groupdict()
            if "did" in named:
                did = _DONE[named["did"][:1].lower() + named["did"][1:]]
                named |= {"did": did, "Did": did[:1].upper() + did[1:]}
            named |= {"who": named["who"].replace(" or ", " of ")} if "who" in named else {}
            return dutch.format(**named)
    return words
