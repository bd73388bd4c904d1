"""What pages show, made up: a night with a crisis, a calm day, a deployment that hears nothing. Times are fixed.

Whatever comes from outside is hostile where a test asks for it.
"""

from typing import Any

import msgspec

from alerting.asks import Approval, Asks
from alerting.decision import Asked
from alerting.explain import Explanation, First, FreshWord, Tally, Voice
from alerting.facts import Facts
from alerting.home import Duty
from alerting.quiet import Silence
from alerting.sla import Clock
from alerting.timeline import Moment
from alerting.view import IncidentView, NextRung, Paged, ShownPost
from alerting.words import sentence
from detectors.detector import Signal
from tocsin.brand_now import BrandFigures, Heard, SourceNow, Usual
from tocsin.console.seen import BlindSeen, BrandLine, Health, NowSeen, OpenSeen, Stands, hands_of
from tocsin.console.seen_incident import (
    IncidentSeen,
    PersonSeen,
    SeriesSeen,
    StepSeen,
    WalkSeen,
    WaySeen,
)

AT_MS = 1_795_399_200_000
"""23 November 2026, 02:00 UTC: three at night in Amsterdam."""
MINUTE_MS = 60_000
ZONE = "Europe/Amsterdam"
HISTORY = (3, 2, 4, 3, 2, 3, 5, 3, 2, 4, 3, 6, 14, 38, 71, 102, 97, 118)


def crisis_view(brand: str = "Acme Bank", **changes: Any) -> IncidentView:
    """A service outage, 12 minutes old, paged and in nobody's hands."""
    facts = Facts(
        scenario="service_outage",
        severity="high",
        mentions=412,
        expected=35,
        volume_ratio_milli=11_770,
        judged=371,
        negative=264,
        negative_share_milli=712,
        usual_negative_share_milli=120,
        voices=289,
        issues=("outage",),
        sources=("mastodon", "bluesky", "reviews"),
        reach=1_204_333,
        chance_milli=333,
    )
    volume = Signal("volume", 905, True, 412, 35, since_ms=AT_MS - 14 * MINUTE_MS, window_ms=3_600_000)
    ahead: dict[str, int | str] = {
        "next_hour": 640,
        "next_hour_low": 310,
        "next_hour_high": 1290,
        "doubling_minutes": 12,
    }
    thread = Signal("virality", 900, True, 130, 8, since_ms=AT_MS, window_ms=3_600_000, evidence=ahead)
    view = IncidentView(
        brand=brand,
        incident=f"{brand.lower().replace(' ', '-')}-{AT_MS - 12 * MINUTE_MS}",
        scenario="service_outage",
        severity="high",
        opened_ms=AT_MS - 12 * MINUTE_MS,
        updated_ms=AT_MS,
        reason="flowchart",
        say="Find out from IT whether it is true and how long it lasts; nobody denies anything before that.",
        facts=facts,
        signals=(volume, thread),
        since_ms=AT_MS - 14 * MINUTE_MS,
        explanation=explanation(),
        history=HISTORY,
        expected=35,
        posts=posts(),
        path=("Is it an outage? 412 posts, more than 100 (margin 312)", "Page pr_on_call"),
        paged=(Paged("ana", AT_MS - 12 * MINUTE_MS),),
        next=NextRung(("head_of_pr",), AT_MS + 3 * MINUTE_MS),
        timezone=ZONE,
    )
    return msgspec.structs.replace(view, **changes)


def explanation() -> Explanation:
    """What is new, and who says it."""
    return Explanation(
        words=(FreshWord("app down", 74, 5000), FreshWord("login", 51, 4000), FreshWord("salaris", 22, 3500)),
        subjects=(FreshWord("outage", 96, 5000),),
        first=First("n1", "@jan_uit_breda", AT_MS - 15 * MINUTE_MS, "https://mastodon.example/@jan/1"),
        busiest=(Voice("@storingsbot", 12),),
        loudest=(Voice("@consumentenbond", 3, 310_220),),
        sources=(Tally("mastodon", 270), Tally("bluesky", 120), Tally("reviews", 22)),
        languages=(Tally("nl", 350), Tally("en", 62)),
        people=289,
    )


def posts() -> tuple[ShownPost, ...]:
    """The three that a card shows."""
    return (
        ShownPost(
            "De app van @acmebank ligt er alweer uit, ik sta bij de kassa en kan niet betalen. Dit is de derde keer!",
            "@consumentenbond",
            "https://mastodon.example/@consumentenbond/1141",
            "mastodon",
            310_220,
            AT_MS - 9 * MINUTE_MS,
        ),
        ShownPost(
            "acme bank app down for anyone else? cannot log in since 3am",
            "nightowl",
            "https://bsky.example/profile/nightowl/post/3k",
            "bluesky",
            812,
            AT_MS - 13 * MINUTE_MS,
        ),
        ShownPost("Eén ster. Salaris gestort en ik kan er niet bij.", "", "", "reviews", None, AT_MS - 4 * MINUTE_MS),
    )


def crisis(**changes: Any) -> IncidentSeen:
    """The page of that outage."""
    view = crisis_view(**changes)
    times = tuple(AT_MS - (18 - n) * 5 * MINUTE_MS for n in range(18))
    series = SeriesSeen(
        title="Acme Bank",
        alt="",
        unit="posts per 5 min",
        times_ms=times,
        observed=HISTORY,
        expected=(2.9,) * 18,
        threshold=(9.5,) * 18,
        decided_ms=view.opened_ms,
        marks=((view.opened_ms + MINUTE_MS, "paged"),),
    )
    walk = WalkSeen(
        chart="d1",
        node="wake_pr",
        says=view.say,
        steps=(
            StepSeen("start", view.opened_ms, "Service outage: begin at “is it an outage”"),
            StepSeen("is_outage", view.opened_ms, "issues contains outage: yes (96 people say so)"),
            StepSeen("how_many", view.opened_ms, "412 posts in 60 minutes, more than 100 asks for a page: yes, by 312"),
            StepSeen("wake_pr", view.opened_ms, "Page pr_on_call (ana) by slack, phone; 15 minutes to acknowledge"),
        ),
        nodes=("start", "is_outage", "how_many", "wake_pr"),
        ahead="page",
        due_ms=view.next.at_ms if view.next else 0,
        next_node="wake_head",
        next_who=("head_of_pr",),
    )
    people = (
        PersonSeen(
            who="ana",
            name="Ana de Vries",
            at_ms=view.opened_ms,
            acked=view.acked_by == "ana",
            ways=(
                WaySeen(way="slack", state="sent", at_ms=view.opened_ms + 1000),
                WaySeen(way="phone", state="failed", at_ms=view.opened_ms + 2000, detail="busy"),
            ),
        ),
    )
    moments = (
        Moment(view.since_ms, "posts", "The first post of this story was written."),
        Moment(view.opened_ms, "noticed", "Opened, because the posts stand out from this brand's own past. 🟠 High."),
        Moment(view.opened_ms, "paged", "Paged: ana, because the flowchart asks for it. 🟠 High."),
        Moment(view.opened_ms + 2000, "delivery", "slack to ana arrived; phone to ana failed: busy."),
    )
    return IncidentSeen(
        at_ms=AT_MS,
        late_s=0,
        view=view,
        why=sentence(view),
        hands=hands_of(view),
        is_open=not view.over,
        series=series,
        walk=walk,
        people=people,
        moments=moments,
        asks=view.asks,
    )


def asking(**changes: Any) -> IncidentSeen:
    """That outage, owned, with a question and a statement of the flowchart, a promise, and one approved before."""
    statement = Asked(
        node="first_words",
        words="holding_statement",
        texts=(
            ("en", "We know that our app is not working. We are looking into it."),
            (
                "nl",
                "We weten dat onze app niet werkt. We zoeken het uit.\nMeer om 4 uur op https://status.acme.example/",
            ),
        ),
        may=("head_of_pr", "legal"),
        writers=("ana",),
        by_ms=AT_MS + 25 * MINUTE_MS,
    )
    question = Asked(
        node="is_it_true",
        words="Is it true? Ask IT before you answer.",
        choices=("yes", "no", "not_sure"),
        may=("ana", "bram"),
        by_ms=AT_MS + 8 * MINUTE_MS,
    )
    asks = Asks(question=question, statement=statement, approved=(Approval(statement, "head_of_pr"),), channel="crisis")
    owned: dict[str, Any] = {
        "status": "acknowledged",
        "acked_by": "ana",
        "owner": "ana",
        "next": None,
        "asks": asks,
        "promises": (
            Clock("first_response", AT_MS - 14 * MINUTE_MS, AT_MS + 30 * MINUTE_MS, AT_MS + 46 * MINUTE_MS),
            Clock("solution", AT_MS - 14 * MINUTE_MS, AT_MS, AT_MS + 60 * MINUTE_MS, colour="orange"),
        ),
        "advice": ("Answer where people ask: one reply under the busiest post.",),
        "facts": msgspec.structs.replace(
            crisis_view().facts, coordinated=True, repeated_share_milli=612, new_accounts=201
        ),
    }
    return crisis(**(owned | changes))


def figures(brand: str, *, loud: bool = False) -> BrandFigures:
    """A brand's last 90 minutes."""
    history = HISTORY if loud else (3, 2, 4, 3, 2, 3, 5, 3, 2, 4, 3, 2, 3, 1, 4, 3, 2, 2)
    return BrandFigures(
        brand=brand,
        at_ms=AT_MS,
        recent=Heard(history[-1], history[-1], history[-1] // 2 if loud else 0),
        hour=Heard(sum(history[-12:]), sum(history[-12:]), sum(history[-12:]) * 7 // 10 if loud else 4),
        usual=Usual(posts_milli=2900, lower=0, upper=7, notice=10, hour=35, share_milli=120),
        history=history,
        negatives=tuple(n * 7 // 10 for n in history) if loud else (0,) * 18,
        learnt_ms=86_400_000 * 30,
        is_learning=False,
        sources=(SourceNow("mastodon", "ok", AT_MS - 20_000),),
        newest_ms=AT_MS - 20_000,
    )


def listed(view: IncidentView) -> OpenSeen:
    """An incident in a list."""
    return OpenSeen(view=view, why=sentence(view), hands=hands_of(view))


def line(brand: str, stands: Stands = "calm", *open_: OpenSeen, **changes: object) -> BrandLine:
    """A brand on *Now*."""
    made = BrandLine(
        brand=brand,
        timezone=ZONE,
        stands=stands,
        is_blind=stands == "blind",
        shadow=False,
        severity=open_[0].view.severity if open_ and stands == "trouble" else "",
        figures=None if stands == "not_listening" else figures(brand, loud=stands == "trouble"),
        open=open_,
    )
    return msgspec.structs.replace(made, **changes)


def now(*lines: BrandLine, **changes: object) -> NowSeen:
    """*Now* with these brands."""
    found = [one for brand in lines for one in brand.open]
    made = NowSeen(
        at_ms=AT_MS,
        timezone=ZONE,
        late_s=0,
        undelivered=0,
        brands=lines,
        open=tuple(found),
        blind=tuple(
            BlindSeen(
                brand=one.view.brand,
                source="bluesky",
                status="silent",
                since_ms=one.view.opened_ms,
                incident=one.view.incident,
            )
            for one in found
            if one.view.scenario == "blind"
        ),
        duties=(
            Duty("pr_on_call", ("ana",), AT_MS + 5 * 3_600_000, ("bram",), ZONE),
            Duty("legal", ()),
            Duty("head_of_pr", ("chris",)),
        ),
        health=Health(heartbeat=True),
    )
    return msgspec.structs.replace(made, **changes)


def calm_day() -> NowSeen:
    """Three brands, all heard, all calm."""
    return now(line("Acme Bank"), line("Globex"), line("Initech"))


def bad_night() -> NowSeen:
    """A crisis in nobody's hands, another that is owned, a blind brand, and one of which nothing was heard."""
    first = listed(crisis_view())
    backlash = crisis_view(
        "Globex",
        scenario="backlash",
        severity="medium",
        status="acknowledged",
        acked_by="bram",
        owner="bram",
        next=None,
        drill=True,
    )
    feed = Signal(
        "feed", 1000, True, 0, 0, since_ms=AT_MS - 40 * MINUTE_MS, window_ms=0, evidence={"source": "bluesky"}
    )
    deaf = IncidentView(
        brand="Initech",
        incident=f"initech-blind-{AT_MS - 38 * MINUTE_MS}",
        scenario="blind",
        severity="medium",
        reason="source_silent",
        opened_ms=AT_MS - 38 * MINUTE_MS,
        signals=(feed,),
        timezone=ZONE,
    )
    silence = Silence("s1", "Globex", AT_MS - 60_000, AT_MS + 3_600_000, "bram", "The new advert is on air tonight")
    return now(
        line("Acme Bank", "trouble", first),
        line("Globex", "trouble", listed(backlash), silences=(silence,)),
        line("Initech", "blind", listed(deaf)),
        line("Umbrella", "not_listening"),
        line("Hooli", "learning", shadow=True),
        line("Stark Industries"),
        late_s=140,
        undelivered=2,
        health=Health(wrong=("The clock of this machine has jumped back by 40 s.",)),
    )
