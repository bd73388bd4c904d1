"""*Detection*: what detectors see, what they take for usual, and what false alarms cost."""

from tools.dashboards.panels import BRAND, Json, row, series, stat
from tools.dashboards.panels import board as made

CHOSEN = 'brand=~"$brand"'


def board() -> Json:
    """The dashboard."""
    return made(
        "tocsin-detection",
        "Tocsin: detection",
        "What detectors see, what they take for usual, how near each is to a notice, and what false alarms cost.",
        [*_now(), *_against_usual(), *_decided(), *_learnt()],
        (BRAND,),
    )


def _now() -> list[Json]:
    return [
        row("Now"),
        stat(
            "Open incidents",
            "Incidents that are under way, by brand",
            {"{{brand}}": f"max by (brand) (tocsin_open_incidents{{{CHOSEN}}})"},
            bands=((None, "green"), (1, "orange")),
            size=(8, 4),
        ),
        stat(
            "Nearest to a notice",
            "The detector that is furthest, of all brands that are chosen; 0.5 is a notice, 0.75 a page",
            {"{{brand}}: {{detector}}": f"topk(1, max by (brand, detector) (tocsin_detector_score_ratio{{{CHOSEN}}}))"},
            bands=((None, "green"), (0.5, "orange"), (0.75, "red")),
            size=(8, 4),
        ),
        stat(
            "False alarms in 30 days, of what the budget allows",
            "Incidents that somebody closed as a false alarm, against the pages a month that may be for nothing",
            {
                "{{brand}}": "sum by (brand)"
                f" (increase(tocsin_false_alarms_total{{{CHOSEN}}}[30d]))"
                " / on (brand) max by (brand) (tocsin_false_page_budget)"
            },
            unit="percentunit",
            bands=((None, "green"), (0.8, "yellow"), (1, "red")),
            size=(8, 4),
        ),
    ]


def _against_usual() -> list[Json]:
    return [
        row("Against what is usual"),
        series(
            "Posts in five minutes",
            "With what is usual at this hour, what nineteen in twenty stay below, and where a notice begins",
            {
                "{{brand}}": f"max by (brand) (tocsin_brand_posts{{{CHOSEN}}})",
                "{{brand}}: usual": f"max by (brand) (tocsin_brand_expected_posts{{{CHOSEN}}})",
                "{{brand}}: nineteen in twenty": f"max by (brand) (tocsin_brand_upper_posts{{{CHOSEN}}})",
                "{{brand}}: notice": f"max by (brand) (tocsin_brand_notice_posts{{{CHOSEN}}})",
            },
            size=(12, 8),
        ),
        series(
            "Share of negative posts",
            "Of the last hour, among those that could be judged; with what is usual",
            {
                "{{brand}}": f"max by (brand) (tocsin_brand_negative_ratio{{{CHOSEN}}})",
                "{{brand}}: usual": f"max by (brand) (tocsin_brand_usual_negative_ratio{{{CHOSEN}}})",
            },
            unit="percentunit",
            size=(12, 8),
        ),
        series(
            "Score of each detector",
            "0.5 is a notice, 0.75 enough for a page; comparable between detectors and brands",
            {"{{brand}}: {{detector}}": f"max by (brand, detector) (tocsin_detector_score_ratio{{{CHOSEN}}})"},
            lines=((0.5, "orange"), (0.75, "red")),
            size=(12, 8),
        ),
        series(
            "Measure and thresholds of each detector",
            "What is held against its thresholds, in each detector's own unit; they follow the brand's own days",
            {
                "{{brand}}: {{detector}}": f"max by (brand, detector) (tocsin_detector_value{{{CHOSEN}}})",
                "{{brand}}: {{detector}} {{level}}": "max by (brand, detector, level)"
                f" (tocsin_detector_threshold{{{CHOSEN}}} > 0)",
            },
            size=(12, 8),
        ),
    ]


def _decided() -> list[Json]:
    return [
        row("What was decided"),
        series(
            "Decisions an hour, by kind and reason",
            "Every decision has a reason of a closed list, and not to page is one",
            {"{{kind}}: {{reason}}": f"sum by (kind, reason) (increase(tocsin_decisions_total{{{CHOSEN}}}[1h]))"},
        ),
        series(
            "Incidents that ended in a day, by why",
            "calm, resolved, false_alarm, new_normal",
            {
                "{{brand}}: {{reason}}": "sum by (brand, reason)"
                f' (increase(tocsin_decisions_total{{kind="StandDown", {CHOSEN}}}[1d]))'
            },
        ),
        series(
            "False alarms, against the budget",
            "In 30 days; the line is what the brand's budget allows in a month",
            {
                "{{brand}}": f"sum by (brand) (increase(tocsin_false_alarms_total{{{CHOSEN}}}[30d]))",
                "{{brand}}: budget": f"max by (brand) (tocsin_false_page_budget{{{CHOSEN}}})",
            },
        ),
    ]


def _learnt() -> list[Json]:
    return [
        row("What was learnt"),
        series(
            "How much of its past is learnt",
            "Six hours until anything is said; three days until its rhythm is known",
            {"{{brand}}": f"max by (brand) (tocsin_brand_learnt_seconds{{{CHOSEN}}})"},
            unit="s",
            lines=((21600, "yellow"), (259200, "green")),
            size=(12, 7),
        ),
        series(
            "Detectors that may speak",
            "1 where a detector has learnt enough",
            {"{{brand}}: {{detector}}": f"max by (brand, detector) (tocsin_detector_warm{{{CHOSEN}}})"},
            size=(12, 7),
        ),
    ]
