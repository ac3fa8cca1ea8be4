"""Invitations and employers folded again from the log: every command decided again, every table held against it."""

import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from rich.progress import Progress

from services.contracts import types
from services.embedded.postgres import Postgres
from services.intake.employers.examples import ACTIVITY, COMMITTED, REGISTERED
from services.intake.invitations.examples import ACCEPTED, DECLINED, IDENTIFIED, INVITED
from services.intake.service import build
from services.kernel.envelope import to_headers
from services.kernel.http.dev_issuer import DevIssuer
from services.kernel.operations.restore import restore
from services.kernel.replay.command import Verdict, verify
from services.kernel.replay.history import History
from services.kernel.runtime.database import open_pool
from services.kernel.runtime.records import Record
from services.kernel.sealing.subject_key import KeyFound
from tests.integration.http.conftest import Ask, calling, settings_for
from tests.integration.http.test_employers import staff
from tests.integration.http.test_intake import ask, changed, keys, post, settings
from tests.integration.http.test_invitations import by, intake
from tests.integration.sealing.test_replay_and_restore import Shelf
from tests.parts.databases import Database, Databases
from tests.parts.keys import MadeKeys

__all__ = ["ask", "intake", "keys", "settings"]

DERIVED = ("invitation", "employer", "employer_commitment", "employer_activity", "employer_activity_struck")
Log = Sequence[Record]


@pytest.fixture
def stored(postgres: Postgres, _templates: dict[str, str]) -> Iterator[Database]:
    """The test's own: emptied ones have lost the row that says what was sent."""
    made = Databases(postgres, _templates)
    yield made("intake")
    made.close()


@pytest.fixture
def another(postgres: Postgres, _templates: dict[str, str]) -> Iterator[Database]:
    """A database put back from a backup that held nothing."""
    made = Databases(postgres, _templates)
    yield made("intake")
    made.close()


async def posted(client: httpx.AsyncClient, body: Any, place: str) -> str:
    answer = await post(client, body, place)
    assert answer.status_code == 201, answer.text
    return str(answer.json().get("links", {}).get("self", ""))


@pytest.fixture
async def log(intake: FastAPI, issuer: DevIssuer, stored: Database) -> Log:
    """The log of a day: one accepts, one declines, one is asked; an employer and what was done there."""
    async with calling(intake, by(issuer)) as provider:
        for number, answer in enumerate((ACCEPTED, DECLINED, None)):
            person = {
                **IDENTIFIED["person"],
                "nhs_number": f"99900000{(18, 26, 34)[number]}",
                "family_name": "abc"[number],
            }
            here = await posted(provider, changed(IDENTIFIED, person=person), "/invitations")
            await posted(provider, INVITED, f"{here}/invite")
            if answer is not None:
                await posted(provider, answer, f"{here}/{'accept' if answer is ACCEPTED else 'decline'}")
    async with calling(intake, staff(issuer)) as coach:
        here = await posted(coach, REGISTERED, "/employers")
        left = {"kind": "left", "occurred_on": "2024-11-18"}
        struck = {"kind": "activity_struck", "number": 1, "reason": "wrong_facts"}
        for body in (COMMITTED, ACTIVITY, struck, {"kind": "named", "name": None}, left):
            await posted(coach, body, f"{here}/commands")
    connection = await asyncpg.connect(stored.admin_dsn)
    try:
        rows = await connection.fetch("SELECT key, value, headers::text FROM outbox ORDER BY id")
    finally:
        await connection.close()
    return [
        Record(types.TOPIC_REFERRAL, 0, n, key.encode(), value, to_headers(json.loads(headers)))
        for n, (key, value, headers) in enumerate(rows)
    ]


async def replayed(database: Database, log: Log, keys: MadeKeys) -> Verdict:
    async def batches() -> AsyncIterator[Sequence[Record]]:
        yield log

    async def fetch(history: History) -> dict[str, KeyFound]:
        return await keys.get(history.subjects().values())

    with Progress(disable=True) as bar:
        return await verify([build()], settings_for(database), batches(), bar, fetch)


async def test_everything_but_the_referral_is_decided_again(log: Log, stored: Database, keys: MadeKeys) -> None:
    verdict = await replayed(stored, log, keys)
    assert verdict.differences == []
    found = verdict.services["intake"]
    assert (found["events"], found["decided_again"], found["folded_only"]) == (15, 14, 1)
    assert (found["accepted_on_digest"], found["keys"]) == (0, 5)


async def test_of_an_erased_person_too(log: Log, stored: Database, keys: MadeKeys, ask: Ask) -> None:
    """Nothing of an invitation is sealed: what was decided can be decided again without the person's key."""
    keys.erased.update(ask("SELECT person_id FROM invitation").split())
    verdict = await replayed(stored, log, keys)
    assert verdict.differences == []
    assert verdict.services["intake"]["decided_again"] == 14


@pytest.mark.parametrize("table", DERIVED)
async def test_a_row_that_is_not_the_log_s_is_seen(
    log: Log, stored: Database, keys: MadeKeys, ask: Ask, table: str
) -> None:
    key = ask(f"SELECT min({'invitation_id' if table == 'invitation' else 'employer_id'}) FROM {table}")
    ask(f"DELETE FROM {table} WHERE '{key}' IN (SELECT {'invitation_id' if table == 'invitation' else 'employer_id'})")
    differences = (await replayed(stored, log, keys)).differences
    assert {(d.key, d.what, d.detail) for d in differences} == {(key, "row_only_in_log", table)}


def at(log: Log, holds: Callable[[dict[str, Any]], bool]) -> int:
    return next(n for n, record in enumerate(log) if holds(json.loads(record.value or b"{}")))


def altered(log: Log, n: int, **fields: Any) -> Log:
    value = json.loads(log[n].value or b"{}") | fields
    return [*log[:n], replace(log[n], value=json.dumps(value, separators=(",", ":")).encode()), *log[n + 1 :]]


async def test_an_event_that_was_not_decided_so_is_seen(log: Log, stored: Database, keys: MadeKeys) -> None:
    invited = at(log, lambda data: data.get("state") == "invited")
    verdict = await replayed(stored, altered(log, invited, respond_by="2024-12-24"), keys)
    assert "other_bytes" in {d.what for d in verdict.differences}
    activity = at(log, lambda data: data["change"]["kind"] == "activity_recorded" if "change" in data else False)
    verdict = await replayed(stored, altered(log, activity, activities=7), keys)
    assert "other_bytes" in {d.what for d in verdict.differences}


async def test_an_answer_that_cannot_have_come_is_seen(log: Log, stored: Database, keys: MadeKeys) -> None:
    accepted = at(log, lambda data: data.get("state") == "accepted")
    verdict = await replayed(stored, altered(log, accepted, occurred_on="2025-01-30"), keys)
    found = {(d.what, d.detail) for d in verdict.differences}
    assert ("replay_failed", "ValueError") in found or any(what == "refused_on_replay" for what, _ in found)


async def test_a_restore_brings_back_all_but_the_people(
    log: Log, stored: Database, another: Database, ask: Ask
) -> None:
    pool = await open_pool(another.dsn)
    try:
        found = await restore(pool, build(), Shelf(log), actor="ann", apply=True)
    finally:
        pool.terminate()
    assert found.events == 15

    def there(sql: str) -> str:
        return another.postgres.execute(sql, another.name)

    for table in (*DERIVED, "aggregate"):
        columns = "key, sequence, state::jsonb" if table == "aggregate" else "t.*"
        rows = (
            f"SELECT {columns} FROM {table} t WHERE {'sequence > 0' if table == 'aggregate' else 'true'} ORDER BY 1, 2"
        )
        assert there(rows) == ask(rows) != "", table
    assert there("SELECT count(*) FROM invitation_details") == "0", "people come with the backup, or not at all"
    assert there("SELECT count(*) FROM employer_name") == "0"


async def test_a_restore_takes_away_who_has_answered_since_the_backup(
    log: Log, another: Database, stored: Database, ask: Ask
) -> None:
    """The backup still had the details of all three; two have answered."""
    kept = ask("SELECT i.invitation_id FROM invitation i JOIN invitation_details USING (invitation_id)")
    ids = ask("SELECT invitation_id FROM invitation").split()
    for one in ids:
        another.postgres.execute(
            "INSERT INTO invitation_details (invitation_id, family_name, given_name, birth_date, accessible_needs) "
            f"VALUES ('{one}', 'a', 'b', '1990-01-01', '[]')",
            another.name,
        )
    pool = await open_pool(another.dsn)
    try:
        await restore(pool, build(), Shelf(log), actor="ann", apply=True)
    finally:
        pool.terminate()
    assert another.postgres.execute("SELECT invitation_id FROM invitation_details", another.name) == kept
