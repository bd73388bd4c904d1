"""*Workers*: what only a deployment on Kafka and Redis has."""

from tools.dashboards.panels import YES, Json, row, series, stat
from tools.dashboards.panels import board as made


def board() -> Json:
    """The dashboard."""
    return made(
        "tocsin-workers",
        "Tocsin: workers",
        "What only workers on Kafka and Redis have: roles, partitions, state, who leads. The rest is on the others.",
        [*_now(), *_intake(), *_core(), *_delivery()],
    )


def _now() -> list[Json]:
    return [
        row("Is it well?"),
        stat(
            "Ready, by role",
            "The worst of its workers. No: its /readyz says in words what it waits for",
            {"{{role}}": "min by (role) (tocsin_worker_ready)"},
            values=YES,
            bands=((None, "red"), (1, "green")),
            size=(12, 4),
        ),
        stat(
            "Decided, by what Redis has",
            "How far the slowest partition is behind, for whoever looks from outside the core",
            {"behind": "max(tocsin_decided_behind_seconds)"},
            unit="s",
            bands=((None, "green"), (20, "orange"), (60, "red")),
            size=(6, 4),
        ),
        stat(
            "Redis takes the state",
            "No: decisions and pages go on, and a core worker that starts now takes minutes",
            {"Redis": "min(tocsin_core_redis_up)"},
            values=YES,
            bands=((None, "red"), (1, "green")),
            size=(6, 4),
        ),
    ]


def _intake() -> list[Json]:
    return [
        row("Intake"),
        series(
            "Since the last seal, by input partition",
            "A few steps at rest; all decisions wait for the slowest",
            {"{{partition}}": "time() - max by (partition) (tocsin_intake_sealed_timestamp_seconds)"},
            unit="s",
            lines=((60, "red"),),
        ),
        series(
            "Partitions, by worker",
            "Input partitions that each intake worker reads",
            {"{{instance}}": "tocsin_intake_partitions"},
        ),
        series(
            "Written a second, by what",
            "Parts, controls and marks go to the core; texts to those who quote them",
            {"{{what}}": "sum by (what) (rate(tocsin_intake_written_total[5m]))"},
            unit="cps",
        ),
        series(
            "Work an hour, by what",
            "Rebalances, repeated writes, places that were found wiped or trimmed",
            {"{{what}}": 'sum by (what) (increase(tocsin_intake_work_total{what!~"records|seals|commits|beats"}[1h]))'},
        ),
        series(
            "What became of the copy in Redis of what was seen",
            "In an hour; it only shortens a start",
            {"{{what}}": "sum by (what) (increase(tocsin_intake_cover_total[1h]))"},
        ),
        series(
            "Rebalances in five minutes",
            "Times partitions were given out anew",
            {
                "core": "sum(increase(tocsin_core_rebalances_total[5m]))",
                "intake": 'sum(increase(tocsin_intake_work_total{what="rebalances"}[5m]))',
            },
        ),
    ]


def _core() -> list[Json]:
    return [
        row("Core"),
        series(
            "Entries not applied yet, by partition",
            "More than a few, and its worker is behind or gone",
            {"{{partition}}": "max by (partition) (tocsin_core_lag_entries)"},
        ),
        series(
            "What only happens when something went wrong",
            "In an hour; and the marks that wait now",
            {
                "parts dropped (a zombie's, or a repeat's)": "sum(increase(tocsin_core_dropped_parts_total[1h]))",
                "marks that reach back over another's steps": "sum(increase(tocsin_core_straddled_marks_total[1h]))",
                "marks that wait": "sum(tocsin_core_waiting_marks)",
                "ticks that force time on": "sum(increase(tocsin_core_forced_ticks_total[1h]))",
                "entries read again": "sum(increase(tocsin_core_fetched_entries_total[1h]))",
                "work begun anew": "sum(increase(tocsin_core_failures_total[1h]))",
            },
        ),
        series(
            "State in Redis: writes a second",
            "lower: refused, for a later state is there; two workers had one partition",
            {"{{outcome}}": "sum by (outcome) (rate(tocsin_core_saves_total[5m]))"},
            unit="wps",
        ),
        series(
            "Size of a partition's state",
            "Redis needs twice that, and what is said under Memory in docs/deploy.md",
            {"{{partition}}": "max by (partition) (tocsin_core_state_bytes)"},
            unit="bytes",
        ),
        series(
            "States taken up at a start, by where they were",
            "In an hour. redis: seconds; anchor: a little more; topic: all of the log",
            {"{{home}}": "sum by (home) (increase(tocsin_core_restores_total[1h]))"},
        ),
        series(
            "Partitions, by worker",
            "Partitions of entries that each core worker holds",
            {"{{instance}}": "tocsin_core_partitions"},
        ),
    ]


def _delivery() -> list[Json]:
    return [
        row("Delivery"),
        series(
            "Who leads",
            "1 on the delivery worker that sends; never on two",
            {"{{instance}}": "tocsin_delivery_leads"},
        ),
        series(
            "Age of the last probe, by lane",
            "Each lane goes through one partition of mentions and one of entries. One that grows older than two "
            "minutes is stuck, and holds the heartbeat back",
            {"{{mentions}} to {{entries}}": "max by (mentions, entries) (tocsin_probe_lane_age_seconds)"},
            unit="s",
            lines=((120, "orange"), (180, "red")),
        ),
        series(
            "Heard and not acted on yet",
            "Decisions and answers; and how old what is seen of the core is, in seconds",
            {
                "decisions and answers": "max(tocsin_delivery_waiting)",
                "the core unseen for": "max(tocsin_delivery_core_unseen_seconds)",
            },
        ),
        series(
            "Held back by the fence, in an hour",
            "Sends that were given up since another worker had taken over, or the claim was too old",
            {
                "{{reason}}": "sum by (reason) (increase(tocsin_delivery_held_back_total[1h]))",
                "takeovers": "max(increase(tocsin_delivery_takeovers_total[1h]))",
                "records that do not count": "max(increase(tocsin_delivery_late_records_total[1h]))",
            },
        ),
    ]
