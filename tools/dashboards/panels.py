"""What dashboards are built of: panels that say what they show, in which unit, and lay themselves out."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

Json = dict[str, Any]
Queries = Mapping[str, str]
"""PromQL by the legend of what it gives."""
SOURCE: Json = {"type": "prometheus", "uid": "prometheus"}
COLUMNS = 24
LETTERS = "ABCDEFGH"
SEVERAL = "All"
EVERYTHING = ".*"

Color = Literal["green", "yellow", "orange", "red", "blue"]
Bands = Sequence[tuple[float | None, Color]]
"""From which value on a figure has which colour; the first from anywhere."""

YES = {"1": {"text": "yes", "color": "green", "index": 0}, "0": {"text": "no", "color": "red", "index": 1}}
NO_TROUBLE: Bands = ((None, "green"), (1, "red"))


def row(title: str) -> Json:
    """A heading over the panels that follow."""
    return {"type": "row", "title": title, "collapsed": False, "panels": [], "size": (COLUMNS, 1)}


def stat(
    title: str,
    words: str,
    queries: Queries,
    *,
    unit: str = "short",
    bands: Bands = ((None, "green"),),
    values: Mapping[str, Json] | None = None,
    size: tuple[int, int] = (4, 4),
) -> Json:
    """One figure, or one for each series, as it is now. `bands` colour it; `values` put words in place of numbers."""
    defaults: Json = {
        "unit": unit,
        "thresholds": {"mode": "absolute", "steps": [{"value": value, "color": color} for value, color in bands]},
        "color": {"mode": "thresholds"},
        "mappings": [{"type": "value", "options": dict(values)}] if values else [],
    }
    options = {
        "reduceOptions": {"values": False, "calcs": ["lastNotNull"], "fields": ""},
        "graphMode": "none",
        "colorMode": "background",
        "justifyMode": "auto",
        "textMode": "auto",
        "orientation": "auto",
    }
    return _panel("stat", title, words, queries, defaults=defaults, options=options, size=size, instant=True)


def series(
    title: str,
    words: str,
    queries: Queries,
    *,
    unit: str = "short",
    stacked: bool = False,
    lines: Bands = (),
    size: tuple[int, int] = (8, 7),
) -> Json:
    """Values over time. `lines` are drawn where a value becomes a worry."""
    custom: Json = {
        "drawStyle": "line",
        "lineWidth": 1,
        "fillOpacity": 25 if stacked else 0,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
        "thresholdsStyle": {"mode": "dashed" if lines else "off"},
    }
    defaults: Json = {"unit": unit, "min": 0, "custom": custom}
    if lines:
        steps = [{"value": None, "color": "transparent"}, *({"value": value, "color": color} for value, color in lines)]
        defaults["thresholds"] = {"mode": "absolute", "steps": steps}
    options = {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return _panel("timeseries", title, words, queries, defaults=defaults, options=options, size=size, instant=False)


def _panel(kind: str, title: str, words: str, queries: Queries, **rest: Any) -> Json:
    """`rest`: `defaults` of the fields, `options` of the panel, its `size`, and whether it shows an `instant` alone."""
    targets = [
        {"refId": LETTERS[n], "datasource": SOURCE, "expr": " ".join(expr.split()), "legendFormat": legend}
        | ({"instant": True, "range": False} if rest["instant"] else {"range": True})
        for n, (legend, expr) in enumerate(queries.items())
    ]
    return {
        "type": kind,
        "title": title,
        "description": words,
        "datasource": SOURCE,
        "fieldConfig": {"defaults": rest["defaults"], "overrides": []},
        "options": rest["options"],
        "targets": targets,
        "size": rest["size"],
    }


def chosen(name: str, metric: str, words: str) -> Json:
    """A choice at the head of the page: values of the label `name`, as `metric` has them."""
    return {
        "name": name,
        "label": name.capitalize(),
        "description": words,
        "type": "query",
        "datasource": SOURCE,
        "query": f"label_values({metric}, {name})",
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": EVERYTHING,
        "current": {"text": [SEVERAL], "value": ["$__all"]},
        "options": [],
        "skipUrlSync": False,
    }


BRAND = chosen("brand", "tocsin_open_incidents", "The brands that are shown")
SOURCES = chosen("source", "tocsin_brand_source_heard_timestamp_seconds", "The sources that are shown")


def board(uid: str, title: str, words: str, panels: Sequence[Json], choices: Sequence[Json] = ()) -> Json:
    """A dashboard of these panels, laid out in their order."""
    return {
        "uid": uid,
        "title": title,
        "description": words,
        "tags": ["tocsin"],
        "timezone": "browser",
        "editable": False,
        "graphTooltip": 1,
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": list(choices)},
        "annotations": {"list": []},
        "links": [
            {
                "title": "Tocsin",
                "type": "dashboards",
                "tags": ["tocsin"],
                "asDropdown": True,
                "icon": "external link",
                "includeVars": True,
                "keepTime": True,
                "targetBlank": False,
                "tooltip": "",
            }
        ],
        "panels": _laid_out(panels),
    }


def _laid_out(panels: Sequence[Json]) -> list[Json]:
    """From left to right, as high as the highest of a line."""
    found, x, y, high = [], 0, 0, 0
    for number, panel in enumerate(panels, 1):
        wide, tall = panel["size"]
        if x + wide > COLUMNS:
            x, y, high = 0, y + high, 0
        place = {"h": tall, "w": wide, "x": x, "y": y}
        found.append({"id": number, "gridPos": place} | {key: value for key, value in panel.items() if key != "size"})
        x, high = x + wide, max(high, tall)
    return found
