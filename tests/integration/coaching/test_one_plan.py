"""Nobody has two plans that earn for the same days, on a real database: also where both are opened at one moment."""

import asyncio
from datetime import datetime, timedelta

import asyncpg
import httpx
import pytest

from services.coaching.domain.commands import Asked
from services.coaching.domain.reissue import COMMAND_TYPE
from services.coaching.one_plan import refuse_second
from services.kernel.decision import Command
from services.kernel.runtime.commands import Commands
from tests.integration.coaching.world import PLAN, PROGRAMME, REFERRALS, Desk, Triage, codes
from tests.parts.databases import Database
from tests.parts.keys import MadeKeys
from tests.unit.coaching.desk import COMMAND, NOW, PERSON, REFERRED_ON, SERVICE, policy

ANEW = REFERRALS[1]
ELSEWHERE = "working-well-early-help"
NOT_PAID_BESIDE = {"id": ELSEWHERE, "version": "2024.1"}
REOPENED_ON = REFERRED_ON + timedelta(days=10)
AGAIN = {"kind": "reopened", "reason": "person_returned", "occurred_on": REOPENED_ON.isoformat()}
WAITS = "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


async def closed(desk: Desk, *plans: str) -> None:
    for plan in plans:
        assert (await desk.ask("recommendation_confirmed", plan=plan, revision=1)).status_code == 200
        assert (await desk.ask("closed", plan=plan, closure="46")).status_code == 200


@pytest.fixture
def now() -> datetime:
    """A day on which a plan that was closed can still be opened again."""
    return datetime.combine(REOPENED_ON, NOW.timetz())


async def reopen(desk: Desk, plan: str = PLAN) -> httpx.Response:
    return await desk.ask(plan=plan, **AGAIN)


async def open_plans(coaching: Database) -> list[str]:
    connection = await asyncpg.connect(coaching.dsn)
    rows = await connection.fetch(
        "SELECT referral_id FROM plan WHERE person_id = $1 AND state NOT IN ('closed', 'withdrawn') ORDER BY 1", PERSON
    )
    await connection.close()
    return [row["referral_id"] for row in rows]


@pytest.mark.parametrize("confirmed", [False, True], ids=["nobody has confirmed it", "somebody has confirmed it"])
async def test_a_plan_is_not_opened_again_where_the_person_was_referred_anew(
    ada: Desk, ben: Desk, triage: Triage, *, confirmed: bool
) -> None:
    await triage(PLAN)
    await closed(ada, PLAN)
    await triage(ANEW, person_id=PERSON)
    if confirmed:
        assert (await ben.ask("recommendation_confirmed", plan=ANEW, revision=1)).status_code == 200
    before = (await ada.get(f"/plans/{PLAN}")).json()
    refused = await reopen(ada)
    assert (refused.status_code, codes(refused)) == (409, ["other_plan_open"])
    assert PROGRAMME in refused.json()["detail"]
    assert ANEW not in refused.text, "which plan it is may be another organisation's affair"
    assert (await ada.get(f"/plans/{PLAN}")).json() == before
    assert (await ben.ask("closed", plan=ANEW, closure="14")).status_code == 200
    assert (await reopen(ada)).status_code == 200


async def test_nor_where_it_was_in_a_programme_that_funds_the_same_days(ada: Desk, triage: Triage) -> None:
    assert ELSEWHERE in policy().book.overlapping(PROGRAMME, REOPENED_ON)
    await triage(PLAN)
    await closed(ada, PLAN)
    await triage(ANEW, person_id=PERSON, programme=NOT_PAID_BESIDE, locality=None, provider="another")
    refused = await reopen(ada)
    assert codes(refused) == ["other_plan_open"]
    assert ELSEWHERE in refused.json()["detail"]


async def test_what_earns_nothing_or_is_over_or_is_somebody_elses_keeps_no_plan_closed(
    ada: Desk, triage: Triage
) -> None:
    additional, withdrawn, other = REFERRALS[1:4]
    await triage(PLAN)
    await triage(additional, person_id=PERSON, linked_referral=PLAN)
    await closed(ada, PLAN)
    await triage(withdrawn, person_id=PERSON)
    assert (await ada.ask("withdrawn", plan=withdrawn, reason="changed_mind")).status_code == 200
    await triage(other)
    assert (await reopen(ada)).status_code == 200


async def test_an_additional_plan_is_opened_again_beside_the_one_that_is_paid_for(ada: Desk, triage: Triage) -> None:
    await triage(PLAN)
    await triage(ANEW, person_id=PERSON, linked_referral=PLAN)
    await closed(ada, ANEW)
    assert (await reopen(ada, ANEW)).status_code == 200


async def test_of_two_plans_opened_again_at_once_one_is(ada: Desk, triage: Triage, coaching: Database) -> None:
    for plan in REFERRALS:
        await triage(plan, person_id=PERSON)
        await closed(ada, plan)
    answers = await asyncio.gather(*(reopen(ada, plan) for plan in REFERRALS))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    assert {code for answer in answers if answer.status_code == 409 for code in codes(answer)} == {"other_plan_open"}
    assert len(await open_plans(coaching)) == 1


async def test_a_second_command_waits_for_the_first_ones_end(
    ada: Desk, triage: Triage, coaching: Database, keys: MadeKeys, now: datetime
) -> None:
    """Each plan has a lock of its own: it is the person's that lets one command see what the other is about to do."""
    for plan in (PLAN, ANEW):
        await triage(plan, person_id=PERSON)
        await closed(ada, plan)
    async with asyncpg.create_pool(coaching.dsn, min_size=1, max_size=2) as pool:
        commands = Commands(pool, SERVICE, policy(), lambda: now, keys)
        asked = COMMAND.validate_python(AGAIN)
        async with commands.begin() as tx:
            before = await tx.load(ANEW)
            done = await tx.execute(Command(tx.command_id, COMMAND_TYPE, ANEW, Asked(asked), actor="coach-ben"))
            await refuse_second(tx, asked, before, done.state)
            other = asyncio.create_task(reopen(ada))
            while not other.done() and not await pool.fetchval(WAITS):  # noqa: ASYNC110  only PostgreSQL knows who waits
                await asyncio.sleep(0)
        refused = await other
    assert (refused.status_code, codes(refused)) == (409, ["other_plan_open"])
    assert await open_plans(coaching) == [ANEW]


async def test_a_referral_on_its_way_while_the_plan_was_opened_again_is_not_taken_up(
    ada: Desk, ben: Desk, triage: Triage
) -> None:
    """Intake had read that the plan was closed, not that it goes on: nothing says that the new one is additional."""
    await triage(PLAN)
    await closed(ada, PLAN)
    assert (await reopen(ada)).status_code == 200
    await triage(ANEW, person_id=PERSON)
    confirmed = await ben.ask("recommendation_confirmed", plan=ANEW, revision=1)
    assert (confirmed.status_code, codes(confirmed)) == (409, ["other_plan_open"])
    package = [{"support": "gp"}]
    overridden = await ben.ask(
        "recommendation_overridden", plan=ANEW, revision=1, reason="person_prefers", package=package
    )
    assert (overridden.status_code, codes(overridden)) == (409, ["other_plan_open"])
    assert (await ben.get(f"/plans/{ANEW}")).json()["plan_version"] == 1
    assert (await ada.ask("closed", closure="46", occurred_on=REOPENED_ON.isoformat())).status_code == 200
    assert (await ben.ask("recommendation_confirmed", plan=ANEW, revision=1)).status_code == 200


async def test_a_later_recommendation_on_a_plan_that_counts_already_is_confirmed(ada: Desk, triage: Triage) -> None:
    """Two that count already (merged since): refusing would not unearn anything, and would stop the support."""
    await triage(PLAN)
    assert (await ada.ask("recommendation_confirmed", revision=1)).status_code == 200
    await triage(ANEW, person_id=PERSON)
    await triage(PLAN, revision=2)
    assert (await ada.ask("recommendation_confirmed", revision=2)).status_code == 200


async def test_whose_a_plan_is_stands_in_its_state_where_the_migration_takes_it_from(
    ada: Desk, triage: Triage, coaching: Database
) -> None:
    await triage(PLAN)
    await triage(ANEW, person_id=PERSON, linked_referral=PLAN)
    connection = await asyncpg.connect(coaching.dsn)
    rows = await connection.fetch(
        "SELECT p.person_id, p.additional, a.state ->> 'person_id', a.state #>> '{plan,linked_referral}' IS NOT NULL "
        "FROM plan p JOIN aggregate a ON a.key = p.referral_id ORDER BY p.referral_id"
    )
    await connection.close()
    assert [tuple(row) for row in rows] == [(PERSON, False, PERSON, False), (PERSON, True, PERSON, True)]
