"""``pathway caseload``: the lists, the coaches and who held a plan, as a table and as JSON."""

import asyncio
import json
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from services.coaching.caseload.cli import OVERDUE, caseload_commands
from services.coaching.service import build
from services.kernel.service import Service
from services.kernel.settings import Settings
from tests.integration.coaching.world import PLAN, PROGRAMME, PROVIDER, Desk, Triage
from tests.unit.coaching.desk import REFERRED_ON, TODAY


async def run(settings: Settings, *words: str, code: int = 0) -> str:
    """Run a command on the test's database and return what it printed."""

    def lookup(_: str) -> tuple[Service, Settings]:
        return build(), settings

    done = await asyncio.to_thread(CliRunner().invoke, caseload_commands(lookup), words)
    assert done.exit_code == code, done.output
    return "".join(line for line in done.stdout.splitlines(keepends=True) if "[warning" not in line)


async def test_the_lists_of_a_day(settings: Settings, triage: Triage, ada: Desk) -> None:
    await triage(PLAN)
    due = TODAY + timedelta(days=2)
    today = json.loads(await run(settings, "work", "--as-of", due.isoformat(), "--list", "to_contact", "--json"))
    assert [(row["referral_id"], row["due_on"], row["overdue"]) for row in today] == [(PLAN, due.isoformat(), False)]
    late = (due + timedelta(days=1)).isoformat()
    assert "to_contact" in await run(settings, "work", "--as-of", late, "--provider", PROVIDER, code=OVERDUE)
    assert json.loads(await run(settings, "work", "--as-of", late, "--provider", "big-life", "--json")) == []
    assert json.loads(await run(settings, "work", "--as-of", late, "--coach", "coach-ada", "--json")) == []
    await ada.ask("recommendation_confirmed", revision=1)
    mine = await run(settings, "work", "--as-of", late, "--coach", "coach-ada", "--json", code=OVERDUE)
    assert [row["list"] for row in json.loads(mine)] == ["to_contact"]


async def test_coaches_and_who_held_a_plan(settings: Settings, triage: Triage, ada: Desk) -> None:
    await triage(PLAN)
    await ada.ask("recommendation_confirmed", revision=1)
    told = json.loads(await run(settings, "coaches", "--programme", PROGRAMME, "--json"))
    assert [(row["coach_id"], row["registered"], row["open_plans"]) for row in told] == [("coach-ada", False, 1)]
    held = json.loads(await run(settings, "history", PLAN, "--json"))
    assert [(row["coach"], row["since_on"], row["until_on"]) for row in held] == [
        ("coach-ada", REFERRED_ON.isoformat(), None)
    ]
    shown = await run(settings, "coaches")
    assert "coach-ada" in shown, shown


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("work", "--as-of", "1999-12-31"), 2, "a day from"),
        (("work", "--list", "everything"), 2, "Invalid value"),
        (("history", "a-name"), 2, "UUID"),
        (("coaches", "--programme", "no-such"), 1, "programme_unknown"),
    ],
)
async def test_wrong_words_are_told(settings: Settings, words: tuple[str, ...], code: int, said: str) -> None:
    def lookup(_: str) -> tuple[Service, Settings]:
        return build(), settings

    done = await asyncio.to_thread(CliRunner().invoke, caseload_commands(lookup), words)
    assert (done.exit_code, said in done.output) == (code, True), done.output
