"""*Paging*: what is due, sent, acknowledged, escalated; and how long each took."""

from tools.dashboards.panels import BRAND, NO_TROUBLE, YES, Json, row, series, stat
from tools.dashboards.panels import board as made

CHOSEN = 'brand=~"$brand"'


def board() -> Json:
    """The dashboard."""
    return made(
        "tocsin-paging",
        "Tocsin: paging",
        "What is due, sent, acknowledged and escalated, how long each took, and what was decided not to be sent.",
        [*_now(), *_due(), *_reaching(), *_answers(), *_ourselves()],
        (BRAND,),
    )


def _now() -> list[Json]:
    return [
        row("Is anybody waiting?"),
        stat(
            "Pages that reached nobody",
            "Open incidents whose page is due and reached nobody on any way",
            {"unreached": "max(tocsin_unreached_pages * tocsin_delivery_leads)"},
            bands=NO_TROUBLE,
        ),
        stat(
            "For how long",
            "A minute and a half, and the heartbeat is withheld",
            {"unreached": "max(tocsin_unreached_seconds * tocsin_delivery_leads)"},
            unit="s",
            bands=((None, "green"), (60, "orange"), (90, "red")),
        ),
        stat(
            "Oldest in the outbox",
            "How long the oldest message waits that is due and not settled",
            {"oldest": "max(tocsin_outbox_oldest_seconds * on (instance) group_left () tocsin_delivery_leads)"},
            unit="s",
            bands=((None, "green"), (60, "orange"), (300, "red")),
        ),
        stat(
            "Somebody sends",
            "One, and never two: the service itself, or the delivery worker that leads",
            {"leads": "sum(tocsin_delivery_leads)"},
            values=YES,
            bands=((None, "red"), (1, "green"), (2, "red")),
        ),
        stat(
            "Flowchart in order",
            "No: its file is no good, and the one before it runs on",
            {"good": "1 - max(tocsin_flowchart_bad)"},
            values=YES,
            bands=((None, "red"), (1, "green")),
        ),
        stat(
            "Open incidents",
            "Of all brands",
            {"open": "sum(max by (brand) (tocsin_open_incidents))"},
            bands=((None, "green"), (1, "orange")),
        ),
    ]


def _due() -> list[Json]:
    def pages(became: str) -> str:
        return f'sum by (brand, reason) (increase(tocsin_pages_total{{became="{became}", {CHOSEN}}}[1h]))'

    return [
        row("What was decided about pages"),
        series(
            "Due in an hour, by reason",
            "Pages that somebody is to get",
            {"{{brand}}: {{reason}}": pages("due")},
        ),
        series(
            "Withheld in an hour, by reason",
            "It was decided that nobody is paged: silenced, inhibited, muted, planned_event, below_severity ...",
            {"{{brand}}: {{reason}}": pages("withheld")},
        ),
        series(
            "In the shadow in an hour, by reason",
            "Pages that would have gone out, had the brand been live",
            {"{{brand}}: {{reason}}": pages("shadow")},
        ),
    ]


def _reaching() -> list[Json]:
    return [
        row("Reaching people"),
        series(
            "Messages an hour, by way and outcome",
            "missed: it failed, and somebody else of that page was or may be reached",
            {"{{way}}: {{outcome}}": "sum by (way, outcome) (increase(tocsin_delivery_reports_total[1h]))"},
        ),
        series(
            "From the decision until it was sent",
            "Of each way: half of the messages of an hour, and all but one of a hundred",
            {
                "{{way}}: half": "histogram_quantile(0.5, sum by (le, way) (rate(tocsin_delivery_seconds_bucket[1h])))",
                "{{way}}: of a hundred": "histogram_quantile(0.99,"
                " sum by (le, way) (rate(tocsin_delivery_seconds_bucket[1h])))",
            },
            unit="s",
            lines=((300, "red"),),
        ),
        series(
            "Ways that failed somebody, in an hour",
            "lost: it reached nobody, on no way. silent: the way answered nothing for a while",
            {"{{way}}: {{became}}": "sum by (way, became) (increase(tocsin_way_troubles_total[1h]))"},
        ),
        series(
            "In the outbox, by where it stands",
            "unknown: it may have arrived, and the history of the channel is read to settle that",
            {"{{state}}": "max by (state) (tocsin_outbox_pages)"},
            stacked=True,
        ),
        series(
            "Beside the pages, in an hour",
            "Pictures and channels in Slack",
            {"{{what}}": "sum by (what) (increase(tocsin_slack_beside_total[1h]))"},
        ),
        series(
            "Console: requests a second, by status",
            "What people and machines ask of the console, by status",
            {"{{status}}": 'sum by (status) (rate(tocsin_http_requests_total{listener="console"}[5m]))'},
            unit="reqps",
        ),
    ]


def _answers() -> list[Json]:
    return [
        row("Answers"),
        series(
            "From the first page until somebody had it",
            "Half of a day's incidents, and nine of ten, by severity",
            {
                "{{severity}}: half": "histogram_quantile(0.5,"
                " sum by (le, severity) (rate(tocsin_acknowledgement_seconds_bucket[1d])))",
                "{{severity}}: nine of ten": "histogram_quantile(0.9,"
                " sum by (le, severity) (rate(tocsin_acknowledgement_seconds_bucket[1d])))",
            },
            unit="s",
            lines=((300, "orange"),),
        ),
        series(
            "Taken by somebody, in a day",
            "Incidents that somebody acknowledged, owned or ended, by severity",
            {"{{severity}}": "sum by (severity) (increase(tocsin_acknowledgement_seconds_count[1d]))"},
        ),
        series(
            "Escalated in a day, by reason",
            "not_acknowledged: nobody answered in time",
            {
                "{{brand}}: {{reason}}": "sum by (brand, reason)"
                f' (increase(tocsin_decisions_total{{kind="Escalate", {CHOSEN}}}[1d]))'
            },
        ),
    ]


def _ourselves() -> list[Json]:
    return [
        row("The alarm for our own silence"),
        series(
            "Touches of the heartbeat an hour, by what became of them",
            "withheld: not all was well. unanswered: the watcher did not answer",
            {"{{became}}": "sum by (became) (increase(tocsin_heartbeat_touches_total[1h]))"},
        ),
        series(
            "Parts that stand still",
            "For how long each has done nothing that does something at every step",
            {"{{part}}": "max by (part) (tocsin_part_silent_seconds)"},
            unit="s",
            lines=((30, "orange"),),
        ),
        series(
            "Probes an hour, by what became of them",
            "Posts of our own that go through the whole path",
            {"{{became}}": "sum by (became) (increase(tocsin_probes_total[1h]))"},
        ),
    ]
