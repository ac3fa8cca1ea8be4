"""Writes the four dashboards: `python deploy/observability/dashboards.py`; the JSON below is what it writes."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "dashboards"
SOURCE = {"type": "prometheus", "uid": "prometheus"}

Panel = tuple[str, str, str, str]
"""(title, unit, legend, expression)"""

BOARDS: dict[str, tuple[str, list[Panel]]] = {
    "pathway": (
        "What comes in, is decided and goes out",
        [
            ("Requests a second", "reqps", "{{service}} {{status}}",
             "sum by (service, status) (rate(http_requests_total[5m]))"),
            ("Answer time, 95 %", "s", "{{service}}",
             "histogram_quantile(0.95, sum by (service, le) (rate(http_request_seconds_bucket[5m])))"),
            ("Events decided a second", "ops", "{{service}}", "sum by (service) (rate(pathway_events_total[5m]))"),
            ("From fact to decision, 99 %", "s", "{{service}}",
             "histogram_quantile(0.99, sum by (service, le) (rate(pathway_decision_seconds_bucket[5m])))"),
            ("Published a second", "ops", "{{service}}", "sum by (service) (rate(pathway_relayed_total[5m]))"),
            ("Roles that answer", "short", "{{instance}}", 'up{job="pathway"}'),
            ("Since the canary last held", "s", "canary", "time() - max(pathway_canary_last_success)"),
            ("The canary's stages, 95 %", "s", "{{stage}}",
             "histogram_quantile(0.95, sum by (stage, le) (rate(pathway_canary_seconds_bucket[1h])))"),
        ],
    ),
    "kernel": (
        "Positions, batches, outbox, what is set aside",
        [
            ("Records behind", "short", "{{service}} {{topic}}",
             "sum by (service, topic) (max by (service, topic, partition) (pathway_position_lag))"),
            ("Positions", "short", "{{service}} {{topic}}/{{partition}}",
             "max by (service, topic, partition) (pathway_position)"),
            ("Records by what became of them", "ops", "{{service}} {{outcome}}",
             "sum by (service, outcome) (rate(pathway_records_total[5m]))"),
            ("Records in a batch, mean", "short", "{{service}}",
             "rate(pathway_batch_records_sum[5m]) / rate(pathway_batch_records_count[5m])"),
            ("Seconds of a batch, 95 %", "s", "{{service}}",
             "histogram_quantile(0.95, sum by (service, le) (rate(pathway_batch_seconds_bucket[5m])))"),
            ("Retries by cause", "ops", "{{service}} {{cause}}",
             "sum by (service, cause) (rate(pathway_retries_total[5m]))"),
            ("Outbox not sent", "short", "{{service}}", "max by (service) (pathway_outbox_unsent)"),
            ("Oldest row not sent", "s", "{{service}}", "max by (service) (pathway_outbox_oldest_seconds)"),
            ("Sends that failed", "ops", "{{service}} {{cause}}",
             "sum by (service, cause) (rate(pathway_relay_failures_total[5m]))"),
            ("Latched stops", "short", "{{service}}", "max by (service) (pathway_latched_stops)"),
            ("Stops by reason", "short", "{{service}} {{reason}}", "sum by (service, reason) (pathway_stops_total)"),
            ("Dead letters", "short", "{{service}}", "max by (service) (pathway_dead_letters_open)"),
        ],
    ),
    "money": (
        "Whether the ledger holds",
        [
            ("Trial balance, pence", "short", "pence", "max(pathway_ledger_trial_balance_pence)"),
            ("Transactions that do not reconcile", "short", "transactions", "max(pathway_reconciliation_difference)"),
            ("Outcomes decided a second", "ops", "outcomes", 'sum(rate(pathway_events_total{service="outcomes"}[5m]))'),
            ("Plan events not read by outcomes", "short", "records", 'sum(pathway_position_lag{service="outcomes"})'),
        ],
    ),
    "safety": (
        "What waits for a person",
        [
            ("Safety tasks over their time", "short", "{{service}} {{response}}",
             'max by (service, response) (pathway_safety_tasks{breached="true"})'),
            ("Safety tasks that wait", "short", "{{service}} {{response}}",
             'max by (service, response) (pathway_safety_tasks{breached="false"})'),
            ("Oldest safety task", "s", "{{service}} {{response}}",
             "max by (service, response) (pathway_safety_oldest_seconds)"),
            ("Holds that wait", "short", "holds", "max(pathway_holds_waiting)"),
            ("Oldest hold", "s", "hold", "max(pathway_holds_oldest_seconds)"),
            ("Keys that wait", "short", "{{service}}", "max by (service) (pathway_waiting_keys)"),
            ("Longest wait of a key", "s", "{{service}}", "max by (service) (pathway_oldest_wait_seconds)"),
            ("Keys that two histories claim", "short", "{{service}}", "max by (service) (pathway_stopped_keys)"),
        ],
    ),
}  # fmt: skip


def board(name: str) -> dict[str, Any]:
    """Return one dashboard as Grafana reads it."""
    title, panels = BOARDS[name]
    return {
        "uid": f"pathway-{name}",
        "title": f"Pathway: {name}",
        "description": title,
        "tags": ["pathway"],
        "schemaVersion": 39,
        "timezone": "utc",
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "panels": [_panel(number, *panel) for number, panel in enumerate(panels)],
    }


def _panel(number: int, title: str, unit: str, legend: str, expression: str) -> dict[str, Any]:
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": title,
        "datasource": SOURCE,
        "gridPos": {"h": 8, "w": 12, "x": 12 * (number % 2), "y": 8 * (number // 2)},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0 if unit != "short" else None}, "overrides": []},
        "targets": [{"refId": "A", "datasource": SOURCE, "expr": expression, "legendFormat": legend}],
    }


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for each in BOARDS:
        (FOLDER / f"{each}.json").write_text(json.dumps(board(each), indent=2) + "\n")
