"""*Listening*: is it hearing, is it late, is it blind?"""

from tools.dashboards.panels import BRAND, NO_TROUBLE, SOURCES, YES, Json, row, series, stat
from tools.dashboards.panels import board as made

CHOSEN = 'brand=~"$brand"'
BOTH = 'brand=~"$brand", source=~"$source"'


def board() -> Json:
    """The dashboard."""
    return made(
        "tocsin-listening",
        "Tocsin: listening",
        "Is it hearing, is it late, is it blind? The first line says it; what is below says why.",
        [*_now(), *_posts(), *_sources(), *_door()],
        (BRAND, SOURCES),
    )


def _now() -> list[Json]:
    return [
        row("Is it hearing?"),
        stat(
            "All is well",
            "No: the heartbeat is withheld, and the watcher outside tells people. /healthz says what is wrong in words",
            {"well": "max(tocsin_well * tocsin_delivery_leads)"},
            values=YES,
            bands=((None, "red"), (1, "green")),
        ),
        stat(
            "Decisions behind the clock",
            "How far the slowest partition is behind; a step or two at rest",
            {"behind": "time() - min(tocsin_core_sealed_timestamp_seconds > 0)"},
            unit="s",
            bands=((None, "green"), (20, "orange"), (60, "red")),
        ),
        stat(
            "Age of the last probe",
            "How long ago a post of our own came through the whole path; none for three minutes is an alarm",
            {"probe": "max(tocsin_probe_age_seconds)"},
            unit="s",
            bands=((None, "green"), (120, "orange"), (180, "red")),
        ),
        stat(
            "Blind brands",
            "Brands of which not everything is heard: their quiet counts as nothing",
            {"blind": "sum(max by (brand) (tocsin_brand_blind))"},
            bands=NO_TROUBLE,
        ),
        stat(
            "Sources in trouble",
            "Sources that are silent, lagging or capped",
            {"sources": 'sum(max by (source) (tocsin_source_status{status!="ok"}))'},
            bands=NO_TROUBLE,
        ),
        stat(
            "Brands still learning",
            "Brands of which too little is known for volume to be judged",
            {"learning": 'count(max by (brand) (tocsin_detector_warm{detector="volume"}) == 0) or vector(0)'},
            bands=((None, "green"), (1, "yellow")),
        ),
    ]


def _posts() -> list[Json]:
    return [
        row("Posts"),
        series(
            "Mentions a second, by what became of them",
            "read: came in; matched: a brand's query hit it; the others say why a post does not count",
            {"{{became}}": "sum by (became) (rate(tocsin_intake_mentions_total[5m]))"},
            unit="cps",
        ),
        series(
            "Age of the newest post, by brand",
            "Freshness: since a post about the brand last came, from whatever source",
            {"{{brand}}": f"time() - max by (brand) (tocsin_brand_newest_timestamp_seconds{{{CHOSEN}}} > 0)"},
            unit="s",
        ),
        series(
            "Age of the newest post, by source",
            "Freshness: since a post about any of the brands last came from it",
            {"{{source}}": f"time() - max by (source) (tocsin_brand_source_heard_timestamp_seconds{{{BOTH}}} > 0)"},
            unit="s",
        ),
        series(
            "Records not read yet, by input partition",
            "Accepted, on the disk, and not looked at. A service has the one partition 0",
            {"{{partition}}": "max by (partition) (tocsin_intake_lag_records)"},
        ),
        series(
            "Blind for, by brand",
            "0: we hear all that is said of it",
            {"{{brand}}": f"max by (brand) (tocsin_brand_blind_seconds{{{CHOSEN}}})"},
            unit="s",
        ),
        series(
            "Dead letters an hour, by source and reason",
            "Payloads that nobody could read; the dead-letter store holds them",
            {"{{source}}: {{reason}}": "sum by (source, reason) (increase(tocsin_dead_letters_total[1h]))"},
        ),
    ]


def _sources() -> list[Json]:
    chosen = 'source=~"$source"'
    return [
        row("Sources that are listened to"),
        series(
            "Posts a second, by source",
            "Rows that a source brought and that were kept",
            {"{{source}}": f'sum by (source) (rate(tocsin_source_taken_total{{what="rows", {chosen}}}[5m]))'},
            unit="cps",
        ),
        series(
            "Lag, by source",
            "How old that was, when it came, before which nothing is missing",
            {"{{source}}": f"max by (source) (tocsin_source_lag_seconds{{{chosen}}})"},
            unit="s",
            lines=((300, "red"),),
        ),
        series(
            "Silent, lagging or capped for, by source",
            "0 while a source is ok",
            {"{{source}}": f"max by (source) (tocsin_source_blind_seconds{{{chosen}}})"},
            unit="s",
        ),
        series(
            "Since the last sign of life, by source",
            "A source that answers that there is nothing new lives",
            {"{{source}}": f"time() - max by (source) (tocsin_source_heard_timestamp_seconds{{{chosen}}} > 0)"},
            unit="s",
        ),
        series(
            "Troubles and gaps an hour, by source",
            "Connections that broke, what could not be read, and stretches that are missing",
            {
                "{{source}}: {{what}}": "sum by (source, what)"
                f' (increase(tocsin_source_taken_total{{what=~"troubles|gaps|bad", {chosen}}}[1h]))'
            },
        ),
        series(
            "How sources do",
            "1 for how each source does now",
            {"{{source}}: {{status}}": f'max by (source, status) (tocsin_source_status{{status!="ok", {chosen}}})'},
        ),
    ]


def _door() -> list[Json]:
    door = 'listener="ingest", route!~"/healthz|/metrics"'
    return [
        row("The door for those who send to us"),
        series(
            "Requests a second, by route and status",
            "503 says that the log takes nothing, 429 that a sender is too quick",
            {"{{route}} {{status}}": f"sum by (route, status) (rate(tocsin_http_requests_total{{{door}}}[5m]))"},
            unit="reqps",
        ),
        series(
            "Time until the answer, slowest of a hundred",
            "An accepted post is on the disk before its sender is answered",
            {
                "{{route}}": "histogram_quantile(0.99, sum by (le, route)"
                f" (rate(tocsin_http_request_seconds_bucket{{{door}}}[5m])))"
            },
            unit="s",
        ),
        series(
            "Refused an hour, by reason",
            "Unsigned, forged, too large, unreadable, too much at once",
            {"{{reason}}": "sum by (reason) (increase(tocsin_ingest_refused_total[1h]))"},
        ),
    ]
