"""What the alarms say to made-up series: everything as it should be, and for each alarm what makes it ring."""

from typing import Any, NamedTuple

GOOD: dict[str, str] = {
    'up{job="tocsin", worker="intake", instance="a"}': "1x180",
    'up{job="tocsin", worker="core", instance="b"}': "1x180",
    'up{job="tocsin", worker="delivery", instance="c"}': "1x180",
    'tocsin_well{instance="c"}': "1x180",
    'tocsin_well{instance="d"}': "0x180",
    'tocsin_delivery_leads{instance="c"}': "1x180",
    'tocsin_delivery_leads{instance="d"}': "0x180",
    'tocsin_part_silent_seconds{part="journal", instance="c"}': "3x180",
    'tocsin_probe_period_seconds{instance="c"}': "60x180",
    'tocsin_part_silent_seconds{part="journal", instance="d"}': "900x180",
    'tocsin_heartbeat_touches_total{became="answered"}': "0+1x180",
    'tocsin_heartbeat_touches_total{became="unanswered"}': "1x180",
    'tocsin_http_requests_total{listener="console", route="/", method="GET", status="200"}': "0+5x180",
    'tocsin_http_requests_total{listener="console", route="/", method="GET", status="500"}': "2x180",
    'tocsin_http_requests_total{listener="ingest", route="/", method="POST", status="202"}': "0+5x180",
    'tocsin_http_requests_total{listener="ingest", route="/", method="POST", status="503"}': "2x180",
    'tocsin_http_requests_total{listener="console", route="/healthz", method="GET", status="200"}': "0+900x180",
    'tocsin_http_requests_total{listener="ingest", route="/healthz", method="GET", status="200"}': "0+900x180",
    "tocsin_clock_off_seconds": "2x180",
    'tocsin_metrics_troubles_total{part="stores"}': "1x180",
    'tocsin_intake_lag_records{partition="0"}': "300x180",
    "tocsin_intake_refuses": "0x180",
    'tocsin_core_sealed_timestamp_seconds{partition="0"}': "0+10x180",
    'tocsin_brand_blind{brand="Tulpatel"}': "0x180",
    'tocsin_source_blind_seconds{source="hn"}': "0x180",
    'tocsin_brand_newest_timestamp_seconds{brand="Tulpatel"}': "0+10x180",
    'tocsin_dead_letters_total{source="hn", reason="not_json"}': "7x180",
    'tocsin_ingest_refused_total{reason="old"}': "7x180",
    'tocsin_unreached_seconds{instance="c"}': "0x180",
    'tocsin_way_troubles_total{way="slack", became="silent"}': "1x180",
    'tocsin_way_troubles_total{way="slack", became="back"}': "1x180",
    'tocsin_way_troubles_total{way="slack", became="lost"}': "0x180",
    'tocsin_outbox_oldest_seconds{instance="c"}': "4x180",
    'tocsin_outbox_oldest_seconds{instance="d"}': "900x180",
    'tocsin_pages_total{brand="Tulpatel", reason="not_acknowledged", became="due"}': "1x180",
    "tocsin_flowchart_bad": "0x180",
    'tocsin_false_alarms_total{brand="Tulpatel"}': "0x90 1x90",
    'tocsin_false_page_budget{brand="Tulpatel"}': "1x180",
    "tocsin_disk_free_bytes": "500x180",
    "tocsin_disk_size_bytes": "1000x180",
    'tocsin_journal_append_seconds_bucket{what="entries", le="1"}': "0+10x180",
    'tocsin_journal_append_seconds_bucket{what="entries", le="2.5"}': "0+10x180",
    'tocsin_journal_append_seconds_bucket{what="entries", le="+Inf"}': "0+10x180",
    "tocsin_journal_entries_since_snapshot": "150x180",
    'tocsin_worker_alive{role="core", worker="core", instance="b"}': "1x180",
    'tocsin_worker_ready{role="core", worker="core", instance="b"}': "1x180",
    'tocsin_intake_sealed_timestamp_seconds{partition="0"}': "0+10x180",
    'tocsin_core_forced_ticks_total{partition="0"}': "2x180",
    'tocsin_core_lost_logs_total{partition="0"}': "0x180",
    'tocsin_intake_work_total{what="trimmed"}': "0x180",
    'tocsin_core_dead_entries_total{partition="0"}': "0x180",
    "tocsin_core_redis_up": "1x180",
}
"""For half an hour, a value each ten seconds."""


EVERY = "60s"
"""How often rules are looked at; not as often as in life, for it takes long."""
SELDOM = "10m"


class Case(NamedTuple):
    """What is other than it should be, and which alarms ring with it besides."""

    series: dict[str, str]
    also: tuple[str, ...] = ()
    every: str = EVERY
    at: str = "25m"


UP = 'up{{job="tocsin", worker="{}", instance="{}"}}'
CONSOLE = 'tocsin_http_requests_total{listener="console", route="/", method="GET", status="500"}'
DOOR = 'tocsin_http_requests_total{listener="ingest", route="/", method="POST", status="503"}'

BAD: dict[str, Case] = {
    "TocsinGone": Case(
        {UP.format(*one): "0x180" for one in (("intake", "a"), ("core", "b"), ("delivery", "c"))}, ("TocsinWorkerGone",)
    ),
    "TocsinUnwell": Case({'tocsin_well{instance="c"}': "0x180"}),
    "TocsinProbeMissing": Case({'tocsin_probe_age_seconds{instance="c"}': "0+10x180"}),
    "TocsinPartSilent": Case({'tocsin_part_silent_seconds{part="journal", instance="c"}': "0+10x180"}),
    "TocsinHeartbeatUnanswered": Case({'tocsin_heartbeat_touches_total{became="unanswered"}': "0+0.2x180"}),
    "TocsinConsoleFails": Case({CONSOLE: "0+1x180"}),
    "TocsinClockOff": Case({"tocsin_clock_off_seconds": "90x180"}),
    "TocsinMetricsTroubled": Case({'tocsin_metrics_troubles_total{part="stores"}': "0+1x180"}),
    "TocsinIntakeBehind": Case({'tocsin_intake_lag_records{partition="0"}': "30000x180"}),
    "TocsinIntakeRefuses": Case({"tocsin_intake_refuses": "1x180"}),
    "TocsinDecisionsLate": Case({'tocsin_core_sealed_timestamp_seconds{partition="0"}': "0+10x60 600x120"}),
    "TocsinBrandBlind": Case({'tocsin_brand_blind{brand="Tulpatel"}': "1x180"}),
    "TocsinSourceSilent": Case({'tocsin_source_blind_seconds{source="hn"}': "0+10x180"}),
    "TocsinNothingHeard": Case(
        {'tocsin_brand_newest_timestamp_seconds{brand="Tulpatel"}': "60x160"}, every=SELDOM, at="25h"
    ),
    "TocsinDeadLetters": Case({'tocsin_dead_letters_total{source="hn", reason="not_json"}': "0+1x180"}),
    "TocsinSendersRefused": Case({'tocsin_ingest_refused_total{reason="old"}': "0+1x180"}),
    "TocsinDoorFails": Case({DOOR: "0+1x180"}),
    "TocsinNobodyLeads": Case({'tocsin_delivery_leads{instance="c"}': "0x180"}),
    "TocsinPageUnreached": Case({'tocsin_unreached_seconds{instance="c"}': "0+10x180"}),
    "TocsinPageLost": Case({'tocsin_way_troubles_total{way="slack", became="lost"}': "1x180"}),
    "TocsinOutboxOld": Case({'tocsin_outbox_oldest_seconds{instance="c"}': "0+10x180"}),
    "TocsinWaySilent": Case({'tocsin_way_troubles_total{way="slack", became="silent"}': "2x180"}),
    "TocsinNobodyAcknowledges": Case(
        {'tocsin_pages_total{brand="Tulpatel", reason="not_acknowledged", became="due"}': "0+0.05x180"}
    ),
    "TocsinFlowchartBad": Case({"tocsin_flowchart_bad": "1x180"}),
    "TocsinFalseAlarmsOverBudget": Case({'tocsin_false_alarms_total{brand="Tulpatel"}': "0x90 3x90"}),
    "TocsinDiskFilling": Case({"tocsin_disk_free_bytes": "50x180"}),
    "TocsinDiskSlow": Case({'tocsin_journal_append_seconds_bucket{what="entries", le="1"}': "0x180"}),
    "TocsinSnapshotOld": Case({"tocsin_journal_entries_since_snapshot": "60000x180"}),
    "TocsinWorkerGone": Case({UP.format("delivery", "c"): "0x180"}),
    "TocsinWorkerStuck": Case({'tocsin_worker_alive{role="core", worker="core", instance="b"}': "0x180"}),
    "TocsinWorkerNotReady": Case({'tocsin_worker_ready{role="core", worker="core", instance="b"}': "0x180"}),
    "TocsinIntakeUnread": Case({'tocsin_intake_sealed_timestamp_seconds{partition="0"}': "0+10x60 600x120"}),
    "TocsinTimeForced": Case({'tocsin_core_forced_ticks_total{partition="0"}': "0+1x180"}),
    "TocsinLogLost": Case({'tocsin_core_lost_logs_total{partition="0"}': "1x180"}),
    "TocsinInputLost": Case({'tocsin_intake_work_total{what="trimmed"}': "1x180"}),
    "TocsinUnreadableEntries": Case({'tocsin_core_dead_entries_total{partition="0"}': "2x180"}),
    "TocsinRedisAway": Case({"tocsin_core_redis_up": "0x180"}),
}
"""By alarm."""

PROBES = " ".join(["0+10x5"] * 30)
"""A probe came through each minute."""


def trials(every: str) -> dict[str, Any]:
    """As `promtool test rules` reads it: in good times nothing rings, else what should, and nothing besides."""
    good = GOOD | {'tocsin_probe_age_seconds{instance="c"}': PROBES}
    tests = [_trial("all is well", good, (), "25m")] if every == EVERY else []
    for alarm, case in BAD.items():
        if case.every == every:
            around = good if every == EVERY else {}
            names = (alarm, *case.also) if around else (alarm,)
            tests.append(_trial(alarm, around | case.series, names, case.at, alone=bool(around)))
    for test in tests:
        test["interval"] = "10s" if every == EVERY else every
    return {"rule_files": ["rules.yml", "rules_workers.yml"], "evaluation_interval": every, "tests": tests}


def _trial(name: str, series: dict[str, str], rings: tuple[str, ...], at: str, *, alone: bool = True) -> dict[str, Any]:
    which = 'alertstate="firing"' if alone else f'alertstate="firing", alertname="{rings[0]}"'
    samples = [{"labels": f'{{alertname="{one}"}}', "value": 1} for one in sorted(rings)]
    return {
        "name": name,
        "input_series": [{"series": one, "values": values} for one, values in series.items()],
        "promql_expr_test": [
            {"expr": f"group by (alertname) (ALERTS{{{which}}})", "eval_time": at, "exp_samples": samples}
        ],
    }
