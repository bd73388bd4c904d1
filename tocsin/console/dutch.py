"""What a page says in Dutch about an incident: the sentence, the reasons, times and counts. Pure.

Words that people or a flowchart wrote stay as they were written; these are the words of the interface around them.
"""

from alerting.decision import Reason
from alerting.facts import BLIND, Facts
from alerting.inert import one_line
from alerting.view import IncidentView
from alerting.words import clock_text, count_text, duration_text, heard_people, is_friendly, percent, trend_text
from stream.codec import HOUR_MS

REASONS: dict[Reason, str] = {
    "flowchart": "het stroomschema vraagt erom",
    "not_acknowledged": "niemand bevestigde op tijd",
    "asked_by_human": "iemand vroeg om meer mensen",
    "severity_rose": "het werd erger",
    "flared_up": "het laaide binnen 24 uur weer op",
    "still_going": "het gaat door",
    "source_silent": "een bron waarnaar we luisteren viel stil",
    "source_lagging": "een bron waarnaar we luisteren loopt ver achter",
    "source_capped": "een bron waarnaar we luisteren geeft maar een deel van wat er gezegd wordt",
    "delivery_failed": "de vorigen waren niet te bereiken",
    "quiet_ended": "de rust is voorbij, en het gaat nog door",
    "ack_expired": "iemand bevestigde, maar niemand handelde op tijd",
    "promise_at_risk": "de meeste tijd die we beloofden is om",
    "promise_broken": "een belofte aan het publiek is niet nagekomen",
    "set_by_human": "iemand stelde in hoe erg het is",
    "signals": "de berichten wijken af van het eigen verleden van dit merk",
    "escalated": "het stroomschema vraagt om de volgenden",
    "nobody_on_call": "niemand heeft dienst voor de vorige stap",
    "acknowledged_in_part": "een van wie allemaal moeten bevestigen deed dat",
    "answered": "iemand beantwoordde de vraag van het stroomschema",
    "approved": "iemand keurde een verklaring goed",
    "drafted": "iemand veranderde de tekst van een verklaring",
    "noted": "iemand schreef een notitie",
    "severity_fell": "het is wat bedaard",
    "acknowledged": "iemand heeft bevestigd",
    "owned": "iemand heeft het opgepakt",
    "calm": "het is een uur rustig geweest",
    "source_back": "de bron is terug",
    "false_alarm": "het was vals alarm",
    "resolved": "het is opgelost verklaard",
    "new_normal": "het duurt al een dag, en geldt nu als het nieuwe normaal",
    "mode_changed": "het merk gaat live, of de schaduw in",
    "below_severity": "het stroomschema roept bij deze ernst niemand op",
    "already_acknowledged": "iemand heeft het al",
    "planned_event": "een geplande gebeurtenis brengt zoveel berichten mee",
    "already_paged": "deze mensen zijn er al voor opgeroepen",
    "silenced": "iemand vroeg om rust",
    "inhibited": "een groter probleem dekt het af",
    "muted": "het zijn stille uren",
    "probe": "een proefbericht van ons kwam aan",
}

SCENARIOS: dict[str, str] = {
    "viral_complaint": "een klacht gaat viraal",
    "backlash": "storm van kritiek",
    "campaign_blunder": "een campagne pakt verkeerd uit",
    "data_security": "gegevensbeveiliging",
    "service_outage": "storing",
    BLIND: "we horen niet alles",
}

SEVERITIES: dict[str, str] = {"low": "Laag", "medium": "Gemiddeld", "high": "Hoog", "critical": "Kritiek"}

TRENDS: dict[str, str] = {
    "rising fast": "stijgt snel",
    "rising": "stijgt",
    "steady": "gelijk",
    "falling": "daalt",
    "too early to say": "te vroeg om te zeggen",
}
SUBJECTS: dict[str, str] = {
    "arrest": "een arrestatie",
    "boycott": "een boycot",
    "campaign": "een campagne",
    "children": "kinderen",
    "contamination": "besmetting",
    "data_breach": "een datalek",
    "death": "een overlijden",
    "delivery": "levering",
    "discrimination": "discriminatie",
    "fire": "brand",
    "fraud": "fraude",
    "harassment": "intimidatie",
    "injury": "letsel",
    "lawsuit": "een rechtszaak",
    "outage": "een storing",
    "price": "de prijs",
    "privacy": "privacy",
    "recall": "een terugroepactie",
    "safety": "veiligheid",
    "service": "de service",
    "staff_conduct": "gedrag van personeel",
    "strike": "een staking",
    "suicide": "zelfdoding",
}
"""What posts speak of, by the risk and issue classes that ship."""
MONTHS = (
    "januari", "februari", "maart", "april", "mei", "juni",
    "juli", "augustus", "september", "oktober", "november", "december",
)  # fmt: skip
_MONTHS = {"Mar": "mrt", "May": "mei", "Oct": "okt"}


def clock(at_ms: int, timezone: str, today_ms: int = 0) -> str:
    """A time of day in the brand's zone, with the date where it is another day.

    >>> clock(1_772_366_700_000, "Europe/Amsterdam", 1_772_366_700_000), clock(1_772_366_700_000, "UTC")
    ('13:05 CET', '1 mrt 12:05 UTC')
    """
    words = clock_text(at_ms, timezone, today_ms).split(" ")
    if len(words) != 4:
        return "een onbekend tijdstip" if len(words) == 3 else " ".join(words)
    return " ".join((words[0], _MONTHS.get(words[1], words[1].lower()), *words[2:]))


def duration(seconds: int) -> str:
    """How long, in its one or two greatest units.

    >>> duration(45), duration(7300)
    ('45 s', '2 u 1 min')
    """
    return duration_text(seconds).replace(" h", " u")


def count(number: int) -> str:
    """A number that a tired person reads at a glance.

    >>> count(12345)
    '12.345'
    """
    return count_text(number).replace(",", ".")


def times(ratio_milli: int) -> str:
    """How many times the usual.

    >>> times(11_770), times(2_000)
    ('11,8 keer', '2 keer')
    """
    if ratio_milli >= 100_000:
        return f"{count(ratio_milli // 1000)} keer"
    tenths = (ratio_milli + 50) // 100
    return f"{tenths // 10},{tenths % 10} keer" if tenths % 10 else f"{tenths // 10} keer"


def kind(view: IncidentView) -> str:
    """What an incident is, in a few words: its scenario, unless that speaks of an anger that is not there."""
    return kind_of(view.scenario, friendly=view.severity in ("low", "medium") and is_friendly(view.facts))


def kind_of(code: str, *, friendly: bool) -> str:
    """A scenario; in other words where nobody is angry.

    >>> kind_of("backlash", friendly=True), kind_of("service_outage", friendly=True)
    ('ongewoon veel berichten, en niet negatief', 'storing')
    """
    calmer = {
        "backlash": "ongewoon veel berichten, en niet negatief",
        "viral_complaint": "een gesprek verspreidt zich, en is niet negatief",
    }
    return (calmer.get(code) if friendly else None) or scenario(code)


def scenario(code: str) -> str:
    """A scenario in words; one that the user added as it is called.

    >>> scenario("service_outage"), scenario("recall_rumour")
    ('storing', 'recall rumour')
    """
    return SCENARIOS.get(code) or one_line(code.replace("_", " "), 40) or "iets"


def trend(history: tuple[int, ...]) -> str:
    """Where it is going.

    >>> trend((5, 5, 5, 20, 30, 40))
    'stijgt snel'
    """
    return TRENDS[trend_text(history)]


def sentence(view: IncidentView, heard_ms: int = HOUR_MS) -> str:
    """Why somebody is told, in one plain sentence or two; `heard_ms` as in English.

    >>> facts = Facts(mentions=1412, expected=35, volume_ratio_milli=11_770, negative_share_milli=640,
    ...               usual_negative_share_milli=120, voices=289, issues=("outage",))
    >>> sentence(IncidentView(brand="Acme", incident="a-0", scenario="service_outage", severity="high", opened_ms=0,
    ...                       facts=facts))
    'Acme: 1.412 berichten in het laatste uur waar 35 gewoon is (11,8 keer), 64% negatief (gewoonlijk 12%), van 289 \
verschillende mensen. Ze hebben het over een storing.'
    """
    brand, facts = one_line(view.brand, 80) or "Dit merk", view.facts
    if view.scenario == BLIND:
        return f"{brand}: {_blind(view)} Stilte betekent hier niet dat het rustig is."
    posts = "bericht" if facts.mentions == 1 else "berichten"
    said = f"{brand}: {count(facts.mentions)} {posts} in het laatste uur"
    if heard_ms < HOUR_MS:
        said += f", waarvan we {heard(heard_ms)} hebben gehoord"
    else:
        how_many = ratio(view)
        said += f" waar {count(facts.expected)} gewoon is{f' ({how_many})' if how_many else ''}"
    if facts.negative_share_milli:
        said += f", {_negative(facts)} (gewoonlijk {percent(facts.usual_negative_share_milli)})"
    if people := heard_people(facts):
        said += f", van {count(people)} {'persoon' if people == 1 else 'verschillende mensen'}"
    subjects = (*facts.risks, *(issue for issue in facts.issues if issue not in facts.risks))
    named = tuple(SUBJECTS.get(one) or one.replace("_", " ") for one in subjects)
    spoken = f" Ze hebben het over {names(named, 3)}." if named else ""
    sector = _sector(facts)
    return f"{said}.{spoken}{f' {sector}.' if sector else ''}"


def heard(heard_ms: int) -> str:
    """How long somebody has listened, where that is not long.

    >>> heard(750_000), heard(20_000)
    ('12 min', 'minder dan een minuut')
    """
    return duration(heard_ms // 60_000 * 60) if heard_ms >= 60_000 else "minder dan een minuut"


def names(some: tuple[str, ...], limit: int = 6) -> str:
    """A few names, each inert, in the order given."""
    shown = [one_line(name.removeprefix("@"), 80) or "?" for name in some[:limit]]
    return ", ".join(shown) + (f" en nog {len(some) - limit}" if len(some) > limit else "")


def ratio(view: IncidentView) -> str:
    """How many times the usual, and since when if that is not the hour of which the counts speak; "" below 1.5."""
    if view.facts.volume_ratio_milli < 1500:
        return ""
    window_ms = next((s.window_ms for s in view.signals if s.kind == "volume"), HOUR_MS)
    span = f" zoveel als gewoon in de laatste {window_ms // 60_000} minuten" if window_ms != HOUR_MS else ""
    return f"{times(view.facts.volume_ratio_milli)}{span}"


def _negative(facts: Facts) -> str:
    some = 0 < facts.judged * 10 <= facts.mentions * 9
    share = f"{'maar ' if is_friendly(facts) else ''}{percent(facts.negative_share_milli)}"
    return f"{share} negatief van de {count(facts.judged)} die we konden beoordelen" if some else f"{share} negatief"


def _sector(facts: Facts) -> str:
    if not facts.sector_milli or facts.volume_ratio_milli < 1500:
        return ""
    if not facts.sector_wide:
        return "De stijging is alleen die van ons"
    are = "stijgt" if len(facts.sector_up) == 1 else "stijgen"
    return f"{names(facts.sector_up)} {are} ook ({times(facts.sector_milli)})"


def _blind(view: IncidentView) -> str:
    feed = next((s for s in view.signals if s.kind == "feed"), None)
    source = one_line(str(feed.evidence.get("source", "")), 40) if feed else ""
    source = source or "een van onze bronnen"
    since = f" sinds {clock(feed.since_ms, view.timezone, view.opened_ms)}" if feed and feed.since_ms else ""
    if view.reason == "source_lagging":
        return f"wat {source} ons vertelt loopt ver achter{since}."
    if view.reason == "source_capped":
        return f"{source} geeft ons maar een deel van wat er gezegd wordt{since}."
    return f"we horen niets van {source}{since}." if view.reason != "source_back" else f"we horen {source} weer."
