"""Writes the Grafana dashboard from the list below: one row per runbook page, so that an alert, its page and its
curves stand side by side.

    python runbooks/dashboards/generate.py [--check]
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

FILE = Path(__file__).with_name("reelplane.json")
_COLUMNS = 24
"""Width of Grafana's grid."""
_HEIGHT = 8
_SOURCE = {"type": "prometheus", "uid": "${source}"}
_HERE = 'namespace=~"$namespace"'


class Panel(NamedTuple):
    title: str
    unit: str
    """Grafana's name of the unit: short, s, percentunit, reqps."""
    targets: dict[str, str]
    """Legend -> PromQL."""
    limit: float | None = None
    """Where the alert begins."""


ROWS: dict[str, tuple[Panel, ...]] = {
    "queue-backlog": (
        Panel(
            "Jobs by state",
            "short",
            {"{{state}}": f"max by (namespace, state) (reelplane_queue_jobs{{{_HERE}}})"},
            100_000,
        ),
        Panel(
            "Time a new job waits",
            "s",
            {
                "{{namespace}}": f'max by (namespace) (reelplane_queue_jobs{{{_HERE}, state="waiting"}})'
                f" / clamp_min(sum by (namespace) (rate(reelplane_job_duration_seconds_count{{{_HERE}}}[10m])), 0.001)"
            },
            300,
        ),
        Panel(
            "Duration of an attempt",
            "s",
            {
                f"p{round(100 * share)}": f"histogram_quantile({share}, sum by (le) "
                f"(rate(reelplane_job_duration_seconds_bucket{{{_HERE}}}[$__rate_interval])))"
                for share in (0.5, 0.95, 0.99)
            },
        ),
    ),
    "cache-lost": (
        Panel(
            "Lookups by the layer that answered",
            "reqps",
            {
                "{{layer}}": f"sum by (layer) (rate(reelplane_cache_lookups_total{{{_HERE}}}[$__rate_interval]))"
            },
        ),
        Panel(
            "Hit rate",
            "percentunit",
            {
                "{{namespace}}": "sum by (namespace) "
                f'(rate(reelplane_cache_lookups_total{{{_HERE}, layer!="none"}}[15m]))'
                f" / sum by (namespace) (rate(reelplane_cache_lookups_total{{{_HERE}}}[15m]))"
            },
            0.8,
        ),
        Panel(
            "Time to first byte of the API",
            "s",
            {
                "p95 {{route}}": "histogram_quantile(0.95, sum by (le, route) "
                f"(rate(reelplane_http_request_duration_seconds_bucket{{{_HERE}}}[$__rate_interval])))"
            },
        ),
    ),
    "poison-job": (
        Panel(
            "Failed attempts by code",
            "reqps",
            {"{{code}}": f"sum by (code) (rate(reelplane_job_failures_total{{{_HERE}}}[$__rate_interval]))"},
        ),
        Panel(
            "Flights that sweeps picked up",
            "short",
            {"{{what}}": f"sum by (what) (increase(reelplane_sweeps_total{{{_HERE}}}[30m]))"},
        ),
        Panel(
            "Attempts by end",
            "reqps",
            {
                "{{outcome}}": "sum by (outcome) "
                f"(rate(reelplane_job_duration_seconds_count{{{_HERE}}}[$__rate_interval]))"
            },
        ),
    ),
    "operator-stuck": (
        Panel(
            "Keys by state",
            "short",
            {"{{kind}} {{state}}": "sum by (kind, state) (reelplane_operator_queue_keys)"},
        ),
        Panel(
            "Duration of a reconcile",
            "s",
            {
                "p99 {{kind}}": "histogram_quantile(0.99, sum by (le, kind) "
                "(rate(reelplane_operator_reconcile_duration_seconds_bucket[$__rate_interval])))"
            },
        ),
        Panel(
            "Failures and writes",
            "reqps",
            {
                "failed: {{kind}} {{reason}}": "sum by (kind, reason) "
                "(rate(reelplane_operator_reconcile_errors_total[$__rate_interval]))",
                "written: {{verb}} {{kind}}": "sum by (verb, kind) "
                "(rate(reelplane_operator_api_writes_total[$__rate_interval]))",
            },
        ),
        Panel("Replicas that lead", "short", {"leaders": "sum(reelplane_operator_leader)"}, 1),
        Panel(
            "Stalled objects",
            "short",
            {"{{kind}}": 'sum by (kind) (reelplane_operator_objects{condition="Stalled", status="True"})'},
        ),
    ),
    "region-unreachable": (
        Panel(
            "Regions by readiness",
            "short",
            {
                "{{status}}": "sum by (status) "
                '(reelplane_operator_objects{condition="Ready", kind="RegionDeployment"})'
            },
        ),
        Panel(
            "Requests without an answer",
            "reqps",
            {
                "{{verb}} {{kind}}": "sum by (verb, kind) "
                '(rate(reelplane_operator_api_requests_total{status="0"}[$__rate_interval]))'
            },
        ),
    ),
}


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana imports it."""
    return {
        "title": "Reelplane",
        "uid": "reelplane",
        "tags": ["reelplane"],
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {
            "list": [
                {"name": "source", "label": "Data source", "type": "datasource", "query": "prometheus"},
                {
                    "name": "namespace",
                    "label": "Namespace",
                    "type": "query",
                    "datasource": _SOURCE,
                    "query": "label_values(reelplane_queue_jobs, namespace)",
                    "includeAll": True,
                    "multi": True,
                },
            ]
        },
        "panels": list(_panels()),
    }


def _panels() -> Iterator[dict[str, Any]]:
    number, top = 1, 0
    for page, panels in ROWS.items():
        place = {"h": 1, "w": _COLUMNS, "x": 0, "y": top}
        yield {"id": number, "type": "row", "title": page, "gridPos": place, "collapsed": False}
        number, top = number + 1, top + 1
        per_row = 3
        width = _COLUMNS // per_row
        for index, panel in enumerate(panels):
            row, column = divmod(index, per_row)
            place = {"h": _HEIGHT, "w": width, "x": column * width, "y": top + row * _HEIGHT}
            yield _panel(number, panel, place, page)
            number += 1
        top += -(-len(panels) // per_row) * _HEIGHT


def _panel(number: int, panel: Panel, place: dict[str, int], page: str) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if panel.limit is not None:
        steps.append({"color": "red", "value": panel.limit})
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "description": f"runbooks/{page}.md",
        "datasource": _SOURCE,
        "gridPos": place,
        "fieldConfig": {
            "defaults": {
                "unit": panel.unit,
                "thresholds": {"mode": "absolute", "steps": steps},
                "custom": {"thresholdsStyle": {"mode": "line" if panel.limit is not None else "off"}},
            },
            "overrides": [],
        },
        "targets": [
            {"refId": chr(ord("A") + index), "datasource": _SOURCE, "legendFormat": legend, "expr": text}
            for index, (legend, text) in enumerate(panel.targets.items())
        ],
    }


def main(words: list[str]) -> int:
    text = json.dumps(dashboard(), indent=2) + "\n"
    if "--check" in words:
        if FILE.exists() and FILE.read_text() == text:
            return 0
        sys.stderr.write(f"{FILE.name} is stale: python {Path(__file__).name}\n")
        return 1
    FILE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
