"""The steps of a walk in Dutch: the flowchart's own words in them stay as they were written. Pure.

A step is kept in words, for it says what was so when it was taken; what we wrote in it is known by its shape. What has
none of these shapes is the flowchart's, and is left as it is.
"""

import re

_UNITS = {"d": "d", "h": "u", "m": "min", "s": "s"}
_LONG = r"\d+[dhms]"
_RESORT = ": the last resort is told"
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.DOTALL), said)
    for pattern, said in (
        (r"acknowledged", "bevestigd"),
        (rf"nobody acknowledged in (?P<long>{_LONG})", "niemand bevestigde binnen {long}"),
        (rf"(?P<who>[^:?]+) did not acknowledge in (?P<long>{_LONG})", "{who} bevestigde niet binnen {long}"),
        (rf"nobody answered in (?P<long>{_LONG})", "niemand antwoordde binnen {long}"),
        (rf"nobody approved in (?P<long>{_LONG})", "niemand keurde het goed binnen {long}"),
        (r"(?P<who>[^:?]+) acknowledged; still to come: (?P<left>.+)", "{who} bevestigde; nog te gaan: {left}"),
        (r"(?P<who>[\w.-]+) approved (?P<what>[\w.-]+)", "{who} keurde {what} goed"),
        (
            r"(?P<who>[\w.-]+) changed (?P<what>[\w.-]+), to be approved by (?P<may>.+)",
            "{who} veranderde {what}, goed te keuren door {may}",
        ),
        (
            r"offered the statement (?P<what>[\w.-]+), to be approved by (?P<may>.+)",
            "bood de verklaring {what} aan, goed te keuren door {may}",
        ),
        (
            r"nobody but its author could approve (?P<what>[\w.-]+) now",
            "niemand behalve de schrijver kon {what} nu goedkeuren",
        ),
        (r"goes on to the next rung: (?P<why>.+)", "gaat door naar de volgende trede: {why}"),
        (r"goes through (?P<what>[\w.-]+)", "gaat door {what}"),
        (
            r"told (?P<who>.+): already acknowledged, so nobody is woken",
            "{who} ingelicht: al bevestigd, dus niemand wordt opgeroepen",
        ),
        (r"paged (?P<who>[^:?]+)", "{who} opgeroepen"),
        (r"told (?P<who>[^:?]+)", "{who} ingelicht"),
        (r"briefed (?P<who>[^:?]+)", "{who} bijgepraat"),
        (r"called in (?P<who>[^:?]+)", "{who} erbij geroepen"),
        (r"asked for the channel (?P<what>\S+) with (?P<who>.+)", "vroeg om het kanaal {what} met {who}"),
        (r"asked for the channel (?P<what>\S+)", "vroeg om het kanaal {what}"),
        (r"asked (?P<who>[^:?]+): (?P<what>.+)", "gevraagd aan {who}: {what}"),
        (r"(?P<who>[\w.-]+) asked for the next one", "{who} vroeg om de volgende"),
        (r"no way to them works", "ze zijn op geen enkele manier te bereiken"),
        (r"nobody acted on the acknowledgement", "niemand deed iets na de bevestiging"),
        (rf"waits (?P<long>{_LONG})", "wacht {long}"),
        (rf"waits up to (?P<long>{_LONG}) until (?P<what>.+)", "wacht hooguit {long}, tot {what}"),
        (r"waits without a limit until (?P<what>.+)", "wacht zonder grens, tot {what}"),
        (rf"waited (?P<long>{_LONG})", "wachtte {long}"),
        (r"waited until (?P<what>.+)", "wachtte tot {what}"),
        (r"no need to wait: (?P<what>.+)", "wachten is niet nodig: {what}"),
        (
            r"repeated (?P<n>\d+) times at once, and nobody was there: goes on",
            "{n} keer meteen herhaald, en er was niemand: gaat verder",
        ),
        (r"repeated (?P<n>\d+) times: goes on", "{n} keer herhaald: gaat verder"),
        (r"repeats, (?P<n>\d+) of at most (?P<most>\d+) times", "herhaalt, {n} van hooguit {most} keer"),
        (
            r"nobody is on call for (?P<who>.+), and nobody comes after them",
            "niemand heeft dienst voor {who}, en na hen komt niemand",
        ),
        (r"nobody is on call for (?P<who>.+): skipped at once", "niemand heeft dienst voor {who}: meteen overgeslagen"),
        (r"nobody is told for now: (?P<why>.*)", "voorlopig krijgt niemand bericht: {why}"),
        (
            r"the flowchart has no entry for the scenario (?P<what>.+)",
            "het stroomschema heeft geen begin voor het scenario {what}",
        ),
        (r"the flowchart goes in circles", "het stroomschema loopt in een kring rond"),
        # What a question came to, last: a question may read like anything.
        (r"(?P<what>.+?) (?P<choice>\S+): answered before", "{what} {choice}: eerder beantwoord"),
        (r"(?P<what>.+?) (?P<holds>yes|no): (?P<why>.+)", "{what} {holds}: {why}"),
        (r"(?P<what>.+\?) (?P<choice>\S+), said (?P<who>[\w.-]+)", "{what} {choice}, zei {who}"),
    )
)


def walked(language: str, words: str) -> str:
    """A step in the language of the page.

    >>> walked("nl", "Is it an outage? no: mentions 12 >= 100 (-88)"), walked("nl", "paged pr_on_call (ana)")
    ('Is it an outage? nee: mentions 12 >= 100 (-88)', 'pr_on_call (ana) opgeroepen')
    >>> walked("nl", "nobody acknowledged in 2h"), walked("en", "nobody acknowledged in 2h")
    ('niemand bevestigde binnen 2 u', 'nobody acknowledged in 2h')
    >>> walked("nl", "no way to them works: the last resort is told"), walked("nl", "It is on record.")
    ('ze zijn op geen enkele manier te bereiken: het laatste redmiddel krijgt bericht', 'It is on record.')
    """
    if language != "nl":
        return words
    if words.endswith(_RESORT):
        return f"{_shaped(words.removesuffix(_RESORT))}: het laatste redmiddel krijgt bericht"
    return _shaped(words)


def _shaped(words: str) -> str:
    for pattern, said in _PATTERNS:
        if found := pattern.fullmatch(words):
            named = found.groupdict()
            if "long" in named:
                named["long"] = f"{named['long'][:-1]} {_UNITS[named['long'][-1]]}"
            if "holds" in named:
                named["holds"] = "ja" if named["holds"] == "yes" else "nee"
            return said.format(**named)
    return words


WHY: dict[str, str] = {
    "a risk to people or their data, volume far beyond this brand's past, and more angry people than chance brings": (
        "een risico voor mensen of hun gegevens, veel meer berichten dan dit merk ooit had, en meer boze mensen dan "
        "toeval brengt"
    ),
    "volume and anger both far beyond this brand's past, at five times the usual volume or more": (
        "veel meer berichten en veel meer boosheid dan dit merk ooit had, bij vijf keer zoveel als gewoon of meer"
    ),
    "more angry people than the page budget lets pass as chance": (
        "meer boze mensen dan het budget voor oproepen als toeval laat gelden"
    ),
    "one complaint grows as none of this brand's did": "één klacht groeit zoals geen andere over dit merk",
    "a risk to people or their data, unusual volume, and more angry people than usual": (
        "een risico voor mensen of hun gegevens, ongewoon veel berichten, en meer boze mensen dan gewoonlijk"
    ),
    "beyond what this brand's ordinary days bring": "meer dan gewone dagen van dit merk brengen",
    "the tone has turned, at no more posts than usual": "de toon is omgeslagen, bij niet meer berichten dan gewoonlijk",
    "posts speak of a data breach": "berichten gaan over een datalek",
    "posts speak of an outage": "berichten gaan over een storing",
    "posts speak of a campaign": "berichten gaan over een campagne",
    "one conversation carries it": "één gesprek draagt het",
    "many people at once": "veel mensen tegelijk",
}
"""Why it is so grave, and why it is what it is; the words of a flowchart's own table are not among them."""


def because(language: str, words: str) -> str:
    """Why an incident is told, in the language of the page.

    >>> because("nl", "many people at once; as the board wants it")
    'veel mensen tegelijk; as the board wants it'
    """
    return "; ".join(WHY.get(one, one) for one in words.split("; ")) if language == "nl" else words
