"""``pathway employers report``: the same counts as over HTTP, as a table and as JSON; nobody is in it."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from services.cli import app
from services.intake.api import create_app
from services.intake.employers.examples import ACTIVITY, COMMITTED, REGISTERED, SOLE_TRADER
from services.kernel.http.dev_issuer import DevIssuer
from tests.integration.http.conftest import calling, settings_for
from tests.integration.http.test_employers import staff
from tests.integration.http.test_intake import post
from tests.parts.databases import Databases
from tests.parts.keys import MadeKeys

Pathway = Callable[..., Result]
NOVEMBER = ("--from", "2024-11-01", "--to", "2024-11-30")


@pytest.fixture
def pathway(database: Databases, monkeypatch: pytest.MonkeyPatch) -> Pathway:
    for name, value in database.environment("intake").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATHWAY_ENVIRONMENT", "development")
    for module in ("services.cli", "services.cli_groups"):
        monkeypatch.setattr(f"{module}.configure_logs", lambda *_, **__: None)
    return lambda *words: CliRunner().invoke(app, ["employers", "report", *words])


@pytest.fixture
def over_http(database: Databases) -> dict[str, Any]:
    """Two employers, a commitment and an activity; the report as an auditor reads it."""
    settings = settings_for(database("intake"))
    issuer = DevIssuer(settings)

    async def work() -> dict[str, Any]:
        api = create_app(settings, issuer_transport=issuer.transport(), keys=MadeKeys())
        async with api.router.lifespan_context(api):
            async with calling(api, staff(issuer)) as coach:
                made = [await post(coach, body, "/employers") for body in (REGISTERED, SOLE_TRADER)]
                for body in (COMMITTED, ACTIVITY):
                    await post(coach, body, made[0].json()["links"]["commands"])
            async with calling(api, staff(issuer, "auditor")) as auditor:
                asked = {"from": "2024-11-01", "to": "2024-11-30"}
                found: dict[str, Any] = (await auditor.get("/employers/report", params=asked)).json()
                return found

    return asyncio.run(work())


def test_the_json_is_the_report(pathway: Pathway, over_http: dict[str, Any]) -> None:
    result = pathway(*NOVEMBER, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == over_http
    assert (over_http["employers"], over_http["activities_in_all"], over_http["employees_reached"]) == (2, 1, 14)
    assert "Logistics" not in result.stdout


def test_the_tables_show_what_there_is(pathway: Pathway, over_http: dict[str, Any]) -> None:
    shown = pathway(*NOVEMBER).stdout
    for part in ("employers: 2", "By size", "medium", "micro", "By commitment", "real_living_wage", "14"):
        assert part in shown
    assert "secure_work" not in shown
    assert "Logistics" not in shown


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--from", "2024-12-01", "--to", "2024-11-30"), 1, "period_backwards"),
        ((*NOVEMBER, "--programme", "workwell-greater-manchester"), 1, "programme_unknown"),
        (("--from", "yesterday", "--to", "2024-11-30"), 2, "--from"),
        (("--from", "2024-11-01"), 2, "--to"),
    ],
)
def test_what_is_refused_is_said(pathway: Pathway, words: tuple[str, ...], code: int, says: str) -> None:
    result = pathway(*words)
    assert result.exit_code == code
    assert says in result.output


def test_one_programme(pathway: Pathway, over_http: dict[str, Any]) -> None:
    found = json.loads(pathway(*NOVEMBER, "--programme", "working-well-in-work", "--json").stdout)
    assert found == {**over_http, "programme": "working-well-in-work"}
