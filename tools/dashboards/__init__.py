"""Grafana's dashboards, written from what stands here: `python -m tools.dashboards deploy/grafana/dashboards`."""
