"""*Capacity*: what it takes, how long the disk takes, what sources cost."""

from tools.dashboards.panels import SOURCES, Json, row, series, stat
from tools.dashboards.panels import board as made

JOB = 'job="tocsin"'


def _slowest(metric: str, by: str = "") -> str:
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile(0.99, sum by ({labels}) (rate({metric}_bucket[5m])))"


def board() -> Json:
    """The dashboard."""
    return made(
        "tocsin-capacity",
        "Tocsin: capacity",
        "What it takes of processor, memory and disk, how long its work takes, and what its sources cost.",
        [*_process(), *_work(), *_disk(), *_costs()],
        (SOURCES,),
    )


def _process() -> list[Json]:
    return [
        row("Processes"),
        series(
            "Processor time",
            "1 is one processor; scoring in a flood is what takes most",
            {"{{worker}} {{instance}}": f"rate(process_cpu_seconds_total{{{JOB}}}[5m])"},
            unit="percentunit",
        ),
        series(
            "Memory",
            "Of each process",
            {"{{worker}} {{instance}}": f"process_resident_memory_bytes{{{JOB}}}"},
            unit="bytes",
        ),
        series(
            "Open files",
            "Of each process, against what it may have",
            {"{{worker}} {{instance}}": f"process_open_fds{{{JOB}}} / process_max_fds{{{JOB}}}"},
            unit="percentunit",
        ),
        series(
            "Console: pages kept live",
            "Each is a stream that is open; the same frame goes to all who see the same",
            {"streams": "max(tocsin_console_streams)"},
        ),
        series(
            "Console: requests a second, by route",
            "What people and machines ask of it",
            {"{{route}}": 'sum by (route) (rate(tocsin_http_requests_total{listener="console"}[5m]))'},
            unit="reqps",
        ),
        series(
            "Looks for metrics that failed, in an hour",
            "By part; what they show is as old as the last that succeeded",
            {"{{part}}": "sum by (part) (increase(tocsin_metrics_troubles_total[1h]))"},
        ),
        stat(
            "Runs since",
            "How long ago each process began",
            {"{{worker}} {{instance}}": f"time() - process_start_time_seconds{{{JOB}}}"},
            unit="s",
            size=(12, 4),
        ),
        stat(
            "Version",
            "How many processes of each version run; two only while they are rolled",
            {
                "{{version}}, Python {{python}}, detectors: {{detectors}}": (
                    "count by (version, python, detectors) (tocsin_build_info)"
                )
            },
            bands=((None, "blue"),),
            size=(12, 4),
        ),
    ]


def _work() -> list[Json]:
    return [
        row("How long work takes"),
        series(
            "A step, slowest of a hundred",
            "Reading, scoring, journaling, deciding; more than the step itself, and it falls behind",
            {"step": _slowest("tocsin_step_seconds")},
            unit="s",
        ),
        series(
            "Entries a second, by partition",
            "What the core applies: grows with brands and active minutes, and never with posts",
            {"{{partition}}": "sum by (partition) (rate(tocsin_core_entries_total[5m]))"},
            unit="cps",
        ),
        series(
            "Requests, slowest of a hundred",
            "By listener and route",
            {"{{listener}} {{route}}": _slowest("tocsin_http_request_seconds", "listener, route")},
            unit="s",
        ),
    ]


def _disk() -> list[Json]:
    return [
        row("Disk"),
        series(
            "Writing to the journal, slowest of a hundred",
            "Until entries and decisions are on the disk: a click waits for as long",
            {"{{what}}": _slowest("tocsin_journal_append_seconds", "what")},
            unit="s",
        ),
        series(
            "Entries since the snapshot",
            "What a start has to apply again",
            {"entries": "max(tocsin_journal_entries_since_snapshot)"},
        ),
        series(
            "Age of the snapshot, and how long writing it takes",
            "The newest snapshot, by the core's time; and the slowest writing of a hundred",
            {
                "age": "time() - max(tocsin_snapshot_timestamp_seconds > 0)",
                "writing": _slowest("tocsin_snapshot_seconds"),
            },
            unit="s",
        ),
        series(
            "Stores",
            "What each file of the data directory takes",
            {"{{store}}": "max by (store) (tocsin_store_bytes)"},
            unit="bytes",
            stacked=True,
        ),
        series(
            "Write-ahead logs",
            "One that only grows has a reader that does not let go",
            {"{{store}}": "max by (store) (tocsin_store_log_bytes)"},
            unit="bytes",
        ),
        series(
            "Free on the disk",
            "Of the data directory; at nothing, senders are told 503 and nothing is lost",
            {"free": "min(tocsin_disk_free_bytes / tocsin_disk_size_bytes)"},
            unit="percentunit",
            lines=((0.1, "orange"),),
        ),
    ]


def _costs() -> list[Json]:
    chosen = 'source=~"$source"'
    return [
        row("What sources cost"),
        series(
            "In an hour, by source and unit",
            "Requests, posts, or what the platform charges for",
            {"{{source}}: {{unit}}": f"sum by (source, unit) (increase(tocsin_source_spent_total{{{chosen}}}[1h]))"},
            size=(12, 7),
        ),
        series(
            "In 30 days, by source and unit",
            "As it is kept, whatever was started anew meanwhile",
            {"{{source}}: {{unit}}": f"max by (source, unit) (tocsin_source_cost{{{chosen}}})"},
            size=(12, 7),
        ),
    ]
