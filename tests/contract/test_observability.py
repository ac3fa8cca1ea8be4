"""The table of metrics is what is exported; rules and dashboards ask for nothing else; runbooks are there."""

import importlib.util
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

from services.canary import role as canary
from services.kernel.http.metrics import Meter
from services.kernel.runtime import metrics
from services.outcomes import watch as money
from services.safety import watch as safety
from services.triage import holds
from services.triage.trying import shadow_role

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "observability"
PAGE = ROOT / "docs" / "operations" / "metrics.md"
HOMES = (metrics, money, safety, holds, shadow_role, canary)
OF_PROMETHEUS = frozenset({"up", "ALERTS"})
NAME = re.compile(r"\b((?:pathway|http)_[a-z_]+)\b")


def exported() -> set[str]:
    """The families that our processes export, a counter with its ``_total``."""
    found = [*REGISTRY.collect(), *Meter("any").registry.collect()]
    names = {f"{one.name}_total" if one.type == "counter" else one.name for one in found}
    return {name for name in names if name.startswith(("pathway_", "http_request"))}


def described(text: str) -> set[str]:
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    return {name for row in rows for name in NAME.findall(row)}


def family(name: str) -> str:
    return re.sub(r"_(bucket|sum|count)$", "", name)


def asked_for(expression: str) -> set[str]:
    return {family(name) for name in NAME.findall(re.sub(r'"[^"]*"', "", expression))}


def rules() -> list[dict[str, Any]]:
    read = yaml.safe_load((FOLDER / "rules.yml").read_text())
    return [rule for group in read["groups"] for rule in group["rules"]]


def boards() -> dict[str, dict[str, Any]]:
    return {path.stem: json.loads(path.read_text()) for path in sorted((FOLDER / "dashboards").glob("*.json"))}


def expressions() -> list[str]:
    of_boards = [one["expr"] for board in boards().values() for panel in board["panels"] for one in panel["targets"]]
    return [rule["expr"] for rule in rules()] + of_boards


def test_the_table_is_what_is_exported() -> None:
    assert HOMES
    assert described(PAGE.read_text()) == exported()


def test_a_metric_that_nobody_described_and_one_that_is_not_there_are_found() -> None:
    text = PAGE.read_text()
    assert described(text.replace("`pathway_position_lag`", "`pathway_position_lagging`")) != exported()
    assert described(text + "| `pathway_nothing` | none |\n") != exported()


def test_rules_and_dashboards_ask_for_what_is_exported() -> None:
    asked = set().union(*map(asked_for, expressions()))
    assert len(asked) > 15
    assert asked - exported() == set()
    assert asked_for('rate(pathway_nothing_bucket{service="x"}[5m])') - exported() == {"pathway_nothing"}


def test_each_runbook_is_there() -> None:
    links = [rule["annotations"]["runbook_url"] for rule in rules()]
    assert [link for link in links if not (ROOT / link).is_file()] == []
    assert {rule["labels"]["severity"] for rule in rules()} == {"page", "ticket"}


def test_the_dashboards_are_what_their_source_writes() -> None:
    spec = importlib.util.spec_from_file_location("dashboards", FOLDER / "dashboards.py")
    assert spec
    assert spec.loader
    source = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(source)
    assert boards() == {name: source.board(name) for name in source.BOARDS}
    assert set(boards()) == {"pathway", "kernel", "money", "safety"}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool on the path (Debian: prometheus)")
@pytest.mark.parametrize(
    "words",
    [
        ("check", "rules", "rules.yml"),
        ("check", "config", "prometheus.yml"),
        ("test", "rules", "rules.test.yml"),
    ],
    ids=" ".join,
)
def test_promtool_accepts(words: tuple[str, ...]) -> None:
    done = subprocess.run(["promtool", *words], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_is_tested() -> None:
    text = (FOLDER / "rules.test.yml").read_text()
    assert [rule["alert"] for rule in rules() if rule["alert"] not in text] == []
