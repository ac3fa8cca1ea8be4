"""Erase, restrict, merge: one transaction, one audit row, nothing twice, and no way back."""

import asyncio
import json
from typing import Any

import asyncpg
import pytest

from services.contracts.person_codes import ErasureReason, RestrictionReason
from services.kernel.operations.audit import OperationRefused
from services.kernel.sealing.keys import ERASED, MISSING
from services.kernel.sealing.subject_key import SubjectKey
from services.kernel.sealing.tokens import open_token, seal
from services.vault.people import list_erasures
from tests.integration.vault.conftest import Vault
from tests.integration.vault.people import ADA, BOB, EVE, NOBODY

ASKED = ErasureReason.PERSON_ASKED
CONTESTED = RestrictionReason.ACCURACY_CONTESTED


async def events(vault: Vault) -> list[tuple[str, str, int]]:
    rows = await vault.ask("SELECT headers, key, sequence FROM outbox ORDER BY key, sequence")
    return [(json.loads(str(h))["type"].split(".")[3], str(k), int(str(s))) for h, k, s in rows]


async def key_of(vault: Vault, person: str) -> SubjectKey:
    found = (await vault.get(person))[person]
    assert isinstance(found, SubjectKey)
    return found


async def refused(doing: Any) -> str:
    with pytest.raises(OperationRefused) as refusal:
        await doing
    return refusal.value.code


async def test_erasing_destroys_the_key_lists_it_and_says_so_in_one_transaction(vault: Vault) -> None:
    token = seal({"note": "x"}, await key_of(vault, ADA), "note")
    done = await vault.people.erase(ADA, ASKED, note="ticket 7", apply=True)
    assert [event["type"] for event in done.events] == ["uk.workhealth.person.erased.v1"]
    assert await vault.get(ADA, BOB) == {ADA: ERASED, BOB: await key_of(vault, BOB)}
    assert await vault.ask("SELECT wrapped, kek_id FROM subject_key WHERE subject = $1", ADA) == [(None, None)]
    assert await vault.ask("SELECT subject, reason, event_id FROM erasure") == [
        (ADA, "person_asked", done.events[0]["id"])
    ]
    assert await events(vault) == [("erased", ADA, 1)]
    audit = await vault.ask("SELECT actor, action, target, reason FROM operator_action WHERE action LIKE 'person%'")
    assert audit == [("ann", "person.erase", ADA, "ticket 7")]
    assert [row["person_id"] for row in await list_erasures(vault.pool)] == [ADA]
    assert token.count(".") == 4


async def test_a_dry_run_changes_nothing_and_says_what_it_would_do(vault: Vault) -> None:
    done = await vault.people.erase(ADA, ASKED, note="", apply=False)
    assert len(done.events) == 1
    assert await events(vault) == []
    assert await vault.ask("SELECT count(*) FROM erasure") == [(0,)]
    await key_of(vault, ADA)


async def test_an_act_that_was_done_is_not_done_again(vault: Vault) -> None:
    for _ in range(2):
        await vault.people.erase(ADA, ASKED, note="", apply=True)
        await vault.people.restrict(BOB, CONTESTED, note="", apply=True)
        await vault.people.merge(EVE, BOB, note="", apply=True)
    assert await events(vault) == [
        ("erased", ADA, 1),
        ("restricted", BOB, 1),
        ("merged", BOB, 2),
        ("merged", EVE, 1),
        ("restricted", EVE, 2),
    ]
    assert await vault.ask("SELECT count(*) FROM operator_action WHERE action LIKE 'person%'") == [(3,)]


async def test_who_is_unknown_or_erased_is_refused_with_a_code(vault: Vault) -> None:
    people = vault.people
    assert await refused(people.erase(NOBODY, ASKED, note="", apply=True)) == "unknown_person"
    assert await refused(people.merge(ADA, NOBODY, note="", apply=True)) == "unknown_person"
    await people.erase(ADA, ASKED, note="", apply=True)
    assert await refused(people.restrict(ADA, CONTESTED, note="", apply=True)) == "person_erased"
    assert await refused(people.unrestrict(ADA, note="", apply=True)) == "person_erased"
    assert await refused(people.merge(ADA, BOB, note="", apply=True)) == "person_erased"
    assert await refused(people.merge(BOB, ADA, note="", apply=True)) == "person_erased"
    assert await events(vault) == [("erased", ADA, 1)], "a refused merge leaves nothing behind"


async def test_a_merged_person_s_tokens_still_open(vault: Vault) -> None:
    token = seal({"n": 1}, await key_of(vault, BOB), "note")
    await vault.people.merge(ADA, BOB, note="", apply=True)
    found = await vault.get(ADA, BOB)
    key = found[BOB]
    assert isinstance(key, SubjectKey)
    assert open_token(token, key, "note", {BOB}) == {"n": 1}


async def test_chains_of_merges_name_the_one_that_stands_for_all(vault: Vault) -> None:
    people = vault.people
    await people.merge(BOB, ADA, note="", apply=True)
    done = await people.merge(EVE, ADA, note="", apply=True)
    assert done.people == sorted([ADA, BOB, EVE])
    assert await vault.ask("SELECT subject, survivor FROM subject_alias ORDER BY subject") == [(ADA, EVE), (BOB, EVE)]
    assert (await people.merge(ADA, BOB, note="", apply=True)).events == []
    await people.erase(ADA, ASKED, note="", apply=True)
    assert set((await vault.get(ADA, BOB, EVE)).values()) == {ERASED}


async def test_a_restriction_holds_for_all_pseudonyms_and_can_be_lifted(vault: Vault) -> None:
    people = vault.people
    await people.restrict(BOB, CONTESTED, note="", apply=True)
    await people.merge(ADA, BOB, note="", apply=True)
    live = "SELECT subject, reason FROM restriction WHERE restricted_at IS NOT NULL ORDER BY subject"
    assert await vault.ask(live) == [(ADA, "accuracy_contested"), (BOB, "accuracy_contested")]
    await people.unrestrict(ADA, note="", apply=True)
    assert await vault.ask(live) == []
    assert [name for name, *_ in await events(vault)].count("unrestricted") == 2


async def test_two_merges_at_once_make_one_person_of_all(vault: Vault) -> None:
    people = vault.people
    await asyncio.gather(people.merge(ADA, BOB, note="", apply=True), people.merge(BOB, EVE, note="", apply=True))
    survivors = {row[0] for row in await vault.ask("SELECT survivor FROM subject_alias")}
    assert len(survivors) == 1
    assert await vault.ask("SELECT count(*) FROM subject_alias") == [(2,)]


async def test_nothing_is_done_before_the_vault_was_held_against_its_log(vault: Vault) -> None:
    await vault.admin.execute("DELETE FROM key_serving")
    assert await refused(vault.people.erase(ADA, ASKED, note="", apply=True)) == "vault_unchecked"
    assert await events(vault) == []


async def test_an_erased_person_who_comes_again_is_a_new_one(vault: Vault) -> None:
    await vault.people.erase(ADA, ASKED, note="", apply=True)
    await vault.create(ADA, NOBODY)
    assert (await vault.get(ADA))[ADA] is ERASED
    await key_of(vault, NOBODY)
    assert (await vault.get("never-seen"))["never-seen"] is MISSING


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE erasure SET reason = 'x'",
        "DELETE FROM erasure",
        "TRUNCATE erasure",
        "UPDATE subject_key SET wrapped = 'x', kek_id = 'k', destroyed_at = NULL WHERE destroyed_at IS NOT NULL",
        "DELETE FROM subject_key",
        "TRUNCATE subject_key",
    ],
)
@pytest.mark.parametrize("role", ["run", "owner", "superuser"])
async def test_nobody_takes_an_erasure_back(vault: Vault, role: str, statement: str) -> None:
    await vault.people.erase(ADA, ASKED, note="", apply=True)
    dsn = {"run": vault.database.dsn, "owner": vault.database.owner_dsn, "superuser": vault.database.admin_dsn}[role]
    connection = await asyncpg.connect(dsn)
    try:
        if role == "superuser":
            await connection.execute("SET session_replication_role = replica")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    finally:
        await connection.close()
    assert (await vault.get(ADA))[ADA] is ERASED
