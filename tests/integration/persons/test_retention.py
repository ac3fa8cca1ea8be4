"""``pathway retention``: who and what is due, what keeps it, and that a run can be broken off anywhere."""

import asyncio
import json
import os
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from services.contracts.person_codes import ErasureReason, RestrictionReason
from services.intake.people.ending import lock_people
from services.kernel.operations.audit import OperationRefused
from services.kernel.operations.held import open_reader
from services.kernel.replay.comparing import set_aside
from services.kernel.retention import load_retention
from services.retention import report
from services.retention.cli import retention_commands
from services.retention.periods import Period, periods
from services.retention.run import Outcome, Run, open_pools
from services.vault.holds import Holds, list_holds
from services.vault.people import People
from tests.integration.persons.conftest import Pathway
from tests.integration.persons.world import REFERRED, World, years_after

BOB = {"nhs_number": "9990000026", "family_name": "Sample", "given_name": "Bob"}
EVE = {"nhs_number": "9990000034", "family_name": "Third", "given_name": "Eve"}
YOUNG = {"nhs_number": "9990000042", "family_name": "Young", "given_name": "Kim", "birth_date": "2008-06-01"}
ENDED = date(2024, 11, 18)
LATER = years_after(REFERRED, 8, days=1)
RETENTION = load_retention()
LETTER = (
    "INSERT INTO dead_letter (topic, partition, record_offset, record_key, value, headers, key, sequence, kind, code,"
    " detail, resolution, resolved_at)"
    " VALUES ('t', 0, $1, convert_to($2, 'UTF8'), $3, '[]', $2, 1, $4, 'c', 'd', $5, $6)"
)

NAMELESS = (
    "INSERT INTO dead_letter (topic, partition, record_offset, value, kind, code, detail, resolution, resolved_at)"
    " VALUES ('t', 0, 1, '\\xff', 'poison', 'c', 'd', 'discarded', $1)"
)
BROUGHT_BACK = (
    "INSERT INTO legal_hold (id, subject, reason, placed_by, placed_at) VALUES ('h', $1, 'claim', 'ann', now())"
)


async def go(
    world: World, now: datetime = LATER, *, apply: bool = True, backups: Path | None = None, **settings: str
) -> Outcome:
    found = periods(RETENTION.classes, world.settings, settings)
    async with open_pools(world.settings, RETENTION.services()) as pools:
        run = Run(world.settings, RETENTION, found, now, "ann", pools)
        return await run.run(apply=apply, key_backups=backups, progress=lambda *_: None)


async def ended(world: World, **person: Any) -> str:
    """Somebody whose referral was withdrawn on the day it came, and triage knows; returns the pseudonym."""
    referral = await world.refer(**person)
    await world.withdraw(referral)
    await world.flow()
    return await world.person_of(referral)


async def erased(world: World) -> list[tuple[str, str]]:
    return [
        (row[0], row[1]) for row in await world.ask("vault", "SELECT subject, reason FROM erasure ORDER BY subject")
    ]


async def test_whoever_is_due_is_erased_and_then_scrubbed_and_the_rest_stays(world: World) -> None:
    referral = await world.refer()
    ada = await world.person_of(referral)
    await world.flow()
    await world.coach(referral)
    await world.flow()
    await world.withdraw(referral)
    bob = await world.person_of(await world.refer(**BOB))
    await world.flow()
    ledger = await world.ledger()
    assert any(row[-1] for row in ledger if isinstance(row[-1], int)), "Ada has earned something for somebody"
    outcome = await go(world)
    assert (outcome.looked_at, outcome.due, outcome.erased) == (2, 1, 1)
    assert outcome.kept == {"a referral has not ended": 1}
    assert await erased(world) == [(ada, "retention_ended")]
    ((target, reason),) = await world.ask(
        "vault", "SELECT target, reason FROM operator_action WHERE action = 'person.erase'"
    )
    assert (target, reason) == (ada, "retention: 8 years, at least until the age of 25 after 2024-11-18")
    await world.flow()
    assert await world.ask("intake", "SELECT person_id FROM person WHERE nhs_number IS NOT NULL") == [(bob,)]
    assert await world.count("intake", "referral_details") == 1
    assert await world.count("intake", "referral") == 2, "how it stood stays, under the pseudonym"
    assert await world.ledger() == ledger
    again = await go(world)
    assert (again.due, again.erased) == (0, 0)
    assert await world.count("vault", "operator_action", "action = 'person.erase'") == 1


async def test_a_dry_run_says_what_would_go_and_changes_nothing(world: World) -> None:
    await ended(world)
    await world.flow()
    outcome = await go(world, apply=False)
    assert (outcome.due, outcome.erased, outcome.is_due) == (1, 0, True)
    goes = {name: rows for name, (rows, _) in outcome.tables.items() if rows}
    assert goes == {
        ("intake", "person"): 1,
        ("intake", "referral"): 1,
        ("intake", "referral_details"): 1,
        ("coaching", "plan_recommendation"): 1,
        ("vault", "subject_key"): 1,
        ("intake", "idempotency"): 2,
    }
    assert await erased(world) == []
    assert await world.count("intake", "idempotency") == 2
    assert await world.count("vault", "operator_action", "action LIKE 'retention%'") == 0


@pytest.mark.parametrize(("days", "due"), [(0, 0), (1, 1)])
async def test_the_last_day_of_the_period_is_still_kept(world: World, days: int, due: int) -> None:
    await ended(world)
    assert (await go(world, years_after(REFERRED, 8, days=days), apply=False)).due == due


async def test_a_later_referral_or_anything_known_later_counts(world: World) -> None:
    await ended(world)
    world.now = REFERRED + timedelta(days=200)
    second = await world.refer()
    received = "UPDATE referral SET received_at = $1"
    await world.ask("intake", received, REFERRED)
    assert (await go(world)).kept == {"a referral has not ended": 1}
    await world.withdraw(second)
    await world.flow()
    await world.ask("intake", received, world.now)
    assert (await go(world)).due == 0, "the second came 200 days later"
    await world.ask("intake", received, REFERRED)
    outcome = await go(world)
    assert (outcome.due, outcome.kept) == (0, {"something happened later": 1}), "it was withdrawn 200 days later"
    assert (await go(world, LATER + timedelta(days=200))).erased == 1


async def test_somebody_young_is_kept_until_the_age_that_is_set(world: World) -> None:
    await ended(world, **YOUNG)
    assert (await go(world)).kept == {"kept until an age": 1}
    assert (await go(world, datetime(2033, 6, 1, 12, tzinfo=UTC))).due == 0, "the 25th birthday"
    assert (await go(world, datetime(2033, 6, 2, 12, tzinfo=UTC))).erased == 1


async def test_the_period_is_a_setting(world: World) -> None:
    await ended(world)
    assert (await go(world, PATHWAY_RETENTION_HEALTH_RECORD_YEARS="20")).due == 0
    assert (await go(world, years_after(REFERRED, 20, days=1), PATHWAY_RETENTION_HEALTH_RECORD_YEARS="20")).erased == 1


async def test_a_hold_stops_all_of_it_and_its_end_lets_it_go(world: World) -> None:
    ada = await ended(world)
    referral = (await world.ask("intake", "SELECT referral_id FROM referral"))[0][0]
    for offset, key in enumerate((referral, "somebody-else")):
        await world.ask("triage", LETTER, offset, key, b"bytes", "bug", "discarded", REFERRED)
    async with world.people() as people:
        holds = Holds(people.pool, "ann")
        await holds.add(ada, case="claim 7", reason="solicitor's letter", apply=True)
        with pytest.raises(OperationRefused, match="legal hold"):
            await people.erase(ada, ErasureReason.PERSON_ASKED, note="", apply=True)
        outcome = await go(world)
        assert (outcome.due, outcome.erased, outcome.kept) == (0, 0, {"legal hold": 1})
        assert outcome.tables["triage", "dead_letter"] == (1, 1)
        left = "SELECT key FROM dead_letter WHERE value IS NOT NULL"
        assert await world.ask("triage", left) == [(referral,)]
        await holds.release(ada, case=None, reason="settled", apply=True)
        assert (await go(world)).erased == 1
        assert await world.ask("triage", left) == []
        rows = await world.ask(
            "vault",
            "SELECT action, target, reason FROM operator_action WHERE action LIKE 'hold%' AND target <> 'vault'",
        )
        assert rows == [("hold.add", ada, "solicitor's letter"), ("hold.release", ada, "settled")]


async def test_a_hold_on_one_pseudonym_holds_the_person(world: World) -> None:
    ada, bob = await ended(world), await ended(world, **BOB)
    async with world.people() as people:
        await Holds(people.pool, "ann").add(bob, case="", reason="claim", apply=True)
        await people.merge(ada, bob, note="", apply=True)
        await world.flow()
        outcome = await go(world)
        assert (outcome.due, outcome.kept) == (0, {"legal hold": 1}), "told once"
        with pytest.raises(OperationRefused, match="legal hold"):
            await people.erase(ada, ErasureReason.PERSON_ASKED, note="", apply=True)
        await Holds(people.pool, "ann").release(ada, case=None, reason="over", apply=True)
        outcome = await go(world)
        assert (outcome.due, outcome.erased) == (1, 1)
        assert [subject for subject, _ in await erased(world)] == sorted([ada, bob])


async def test_a_merged_person_is_due_only_when_all_their_referrals_are(world: World) -> None:
    ada = await ended(world)
    bob = await world.person_of(await world.refer(**BOB))
    async with world.people() as people:
        await people.merge(bob, ada, note="", apply=True)
    assert (await go(world)).kept == {"a referral has not ended": 1}
    assert await erased(world) == []


async def test_a_restricted_person_is_kept(world: World) -> None:
    ada = await ended(world)
    async with world.people() as people:
        await people.restrict(ada, RestrictionReason.NEEDED_FOR_CLAIM, note="", apply=True)
    assert (await go(world)).kept == {"use is restricted": 1}
    assert await erased(world) == []


@pytest.mark.parametrize("kept_by", ["restriction", "hold"])
async def test_who_is_restricted_or_held_in_the_last_moment_is_kept(
    world: World, monkeypatch: pytest.MonkeyPatch, kept_by: str
) -> None:
    """Between the second look and the act, which goes one after another with whoever restricts or holds."""
    ada = await ended(world)
    erase = People.erase

    async def comes_first(self: People, *words: Any, **more: Any) -> Any:
        if kept_by == "hold":
            await Holds(self.pool, "bob").add(ada, case="", reason="claim", apply=True)
        else:
            await self.restrict(ada, RestrictionReason.NEEDED_FOR_CLAIM, note="", apply=True)
        return await erase(self, *words, **more)

    monkeypatch.setattr(People, "erase", comes_first)
    outcome = await go(world)
    assert (outcome.due, outcome.erased) == (1, 0)
    assert await erased(world) == []


async def test_one_person_after_the_other_so_a_run_can_be_broken_off(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = sorted([await ended(world), await ended(world, **BOB), await ended(world, **EVE)])
    erase, calls = People.erase, iter(range(9))

    async def breaks_off(self: People, person: str, *words: Any, **more: Any) -> Any:
        if next(calls) == 1:
            raise KeyboardInterrupt
        return await erase(self, person, *words, **more)

    monkeypatch.setattr(People, "erase", breaks_off)
    with pytest.raises(KeyboardInterrupt):
        await go(world)
    assert [subject for subject, _ in await erased(world)] == people[:1]
    outcome = await go(world)
    assert (outcome.due, outcome.erased) == (2, 2)
    assert [subject for subject, _ in await erased(world)] == people


async def test_who_is_referred_again_in_the_last_moment_is_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await ended(world)
    waited: list[str] = []

    async def comes_first(connection: Any, people: Any) -> None:
        if not waited:
            waited.append(await world.refer())
        await lock_people(connection, people)

    monkeypatch.setattr("services.retention.run.lock_people", comes_first)
    outcome = await go(world)
    assert (outcome.due, outcome.erased) == (1, 0)
    assert await erased(world) == []


async def test_who_is_referred_while_being_erased_waits_and_is_somebody_new(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await ended(world)
    erase = People.erase
    coming: list[asyncio.Task[str]] = []
    waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"

    async def while_somebody_comes(self: People, *words: Any, **more: Any) -> Any:
        coming.append(asyncio.create_task(world.refer()))
        async with asyncio.timeout(20):
            while not (await world.ask("intake", waits))[0][0]:
                await world.ask("intake", "SELECT pg_sleep(0.02)")
        return await erase(self, *words, **more)

    monkeypatch.setattr(People, "erase", while_somebody_comes)
    assert (await go(world)).erased == 1
    referral = await coming[0]
    new = await world.person_of(referral)
    assert new != ada
    assert await erased(world) == [(ada, "retention_ended")]


async def test_answers_and_letters_go_by_age_and_places_stay(world: World) -> None:
    now = REFERRED + timedelta(days=91)
    await world.refer()
    fresh = "INSERT INTO idempotency (client, route, key, request_hmac, created_at) VALUES ('c', 'r', 'new', '', $1)"
    await world.ask("intake", fresh, now - timedelta(days=6))
    cases = [
        (1, "old", "bug", "discarded", REFERRED),
        (2, "old", "bug", "redriven", REFERRED),
        (3, "new", "bug", "discarded", now - timedelta(days=89)),
        (4, "open", "bug", None, None),
        (5, "stranger", "poison", "discarded", REFERRED),
    ]
    for offset, key, kind, resolution, when in cases:
        await world.ask("triage", LETTER, offset, key, b"bytes", kind, resolution, when)
    await world.ask("triage", "INSERT INTO key_position (topic, key, sequence) VALUES ('t', 'old', 1)")
    before = await aside(world)
    outcome = await go(world, now)
    assert outcome.tables["triage", "dead_letter"] == (3, 0)
    assert await aside(world) == before - {("t", "stranger", 1)}, "a replay knows what was set aside, as before"
    assert await world.ask("intake", "SELECT key FROM idempotency") == [("new",)]
    rows = await world.ask(
        "triage", "SELECT record_offset, key, value, headers, resolution FROM dead_letter ORDER BY 1"
    )
    assert [(offset, key, value) for offset, key, value, *_ in rows] == [
        (1, "old", None),
        (2, "old", None),
        (3, "new", b"bytes"),
        (4, "open", b"bytes"),
        (5, None, None),
    ], "a key of ours stays, for the replay; a stranger's text does not"
    assert [row[4] for row in rows] == ["discarded", "redriven", "discarded", None, "discarded"]
    assert await world.ask("triage", "SELECT action, detail->>'rows' FROM operator_action") == [
        ("retention.empty", "3")
    ]
    assert (await go(world, now)).tables["triage", "dead_letter"] == (0, 0)


async def aside(world: World) -> frozenset[tuple[str, str, int]]:
    async with open_reader(world.dsn("triage")) as connection:
        return await set_aside(connection)


async def test_letters_of_one_place_can_all_be_emptied(world: World) -> None:
    for value in (b"one", b"another log's"):
        await world.ask("triage", LETTER, 1, "k", value, "bug", "discarded", REFERRED)
    assert (await go(world)).tables["triage", "dead_letter"] == (2, 0)
    assert await world.count("triage", "dead_letter", "value IS NULL") == 2


async def test_a_letter_that_says_not_whose_it_is_stays_while_anybody_is_held(world: World) -> None:
    await world.ask("coaching", NAMELESS, REFERRED)
    ada = await ended(world)
    async with world.people() as people:
        await Holds(people.pool, "ann").add(ada, case="", reason="claim", apply=True)
        assert (await go(world)).tables["coaching", "dead_letter"] == (0, 1)
        await Holds(people.pool, "ann").release(ada, case=None, reason="over", apply=True)
    assert (await go(world)).tables["coaching", "dead_letter"] == (1, 0)
    assert await world.count("coaching", "dead_letter", "value IS NULL") == 1


@pytest.mark.parametrize("kept_by", ["restriction", "hold"])
async def test_nothing_is_kept_for_whoever_is_erased(world: World, kept_by: str) -> None:
    """Restricted and then erased; or erased, and a backup brings a hold back that had been released before."""
    ada = await ended(world)
    await world.ask("coaching", NAMELESS, REFERRED)
    async with world.people() as people:
        if kept_by == "restriction":
            await people.restrict(ada, RestrictionReason.OBJECTION_PENDING, note="", apply=True)
            assert (await go(world)).tables["coaching", "dead_letter"] == (0, 1)
        await people.erase(ada, ErasureReason.PERSON_ASKED, note="", apply=True)
    if kept_by == "hold":
        await world.ask("vault", BROUGHT_BACK, ada)
    assert await world.count("vault", "restriction", "restricted_at IS NOT NULL") == 0
    assert (await go(world)).tables["coaching", "dead_letter"] == (1, 0)
    assert await world.count("coaching", "dead_letter", "value IS NULL") == 1


async def test_letters_that_name_somebody_restricted_stay(world: World) -> None:
    ada = await ended(world)
    await world.ask(
        "triage", LETTER, 1, "other", b'{"person_id": "' + ada.encode() + b'"}', "bug", "discarded", REFERRED
    )
    async with world.people() as people:
        await people.restrict(ada, RestrictionReason.OBJECTION_PENDING, note="", apply=True)
        assert (await go(world)).tables["triage", "dead_letter"] == (0, 1)
        await people.unrestrict(ada, note="", apply=True)
    assert (await go(world)).tables["triage", "dead_letter"] == (1, 0)


async def test_more_rows_than_a_batch_go_in_several(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.kernel.operations.aging.BATCH", 2)
    old = "INSERT INTO idempotency (client, route, key, request_hmac, created_at) VALUES ('c', 'r', $1, '', $2)"
    for number in range(5):
        await world.ask("intake", old, str(number), REFERRED)
        await world.ask("triage", LETTER, number, "k", b"bytes", "bug", "discarded", REFERRED)
    await go(world)
    assert await world.count("intake", "idempotency") == 0
    assert await world.count("triage", "dead_letter", "value IS NOT NULL") == 0
    for service in ("intake", "triage"):
        counts = "SELECT (detail->>'rows')::int FROM operator_action WHERE action LIKE 'retention%' ORDER BY id"
        assert await world.ask(service, counts) == [(2,), (2,), (1,)]


async def test_key_backups_that_are_old_are_pruned(world: World, tmp_path: Path) -> None:
    for day in ("2024-11-01", "2032-11-18"):
        (tmp_path / f"keys-{day}.jsonl").write_text(json.dumps({"made_at": f"{day}T00:00:00Z"}) + "\n")
    outcome = await go(world, apply=False, backups=tmp_path)
    assert outcome.key_backups == [str(tmp_path / "keys-2024-11-01.jsonl")]
    assert outcome.is_due
    await go(world, backups=tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["keys-2032-11-18.jsonl"]  # noqa: PTH208  a path would block


async def test_a_backup_that_cannot_be_read_stops_nothing_and_is_told(world: World, tmp_path: Path) -> None:
    await ended(world)
    (tmp_path / "keys-1.jsonl").write_text("{}")
    (tmp_path / "keys-2.jsonl").write_text(json.dumps({"made_at": "2024-11-01T00:00:00Z"}) + "\n")
    outcome = await go(world, backups=tmp_path)
    assert (outcome.erased, outcome.key_backups) == (1, [str(tmp_path / "keys-2.jsonl")])
    rows = report.tables(RETENTION, periods(RETENTION.classes, world.settings, {}), outcome)
    assert [(row["goes"], row["kept"]) for row in rows if row["what"] == "backups of keys"] == [(1, 1)]
    assert [row for row in rows if "keys-1.jsonl does not say when it was made" in row["why"]]
    assert await world.count("vault", "operator_action", "action = 'retention.run'") == 1


async def test_after_a_restore_of_the_vault_holds_are_confirmed_first(world: World) -> None:
    await ended(world)
    note = "INSERT INTO operator_action (actor, action, target, reason) VALUES ('ann', 'restore', 'vault', '')"
    await world.ask("vault", note)
    with pytest.raises(OperationRefused) as refused:
        await go(world)
    assert refused.value.code == "holds_unconfirmed"
    assert (await go(world, apply=False)).holds_confirmed is False
    async with world.people() as people:
        assert await Holds(people.pool, "ann").confirm(reason="compared with the list", apply=True) == 0
    assert (await go(world)).erased == 1


async def test_a_vault_that_is_put_back_without_a_word_of_its_log_destroys_nothing(world: World) -> None:
    """A hold placed after the backup is gone with it, and nothing says so: nobody had to run a restore."""
    ada = await ended(world)
    vault = world.databases("vault")
    copy = f"{vault.name}_backup"
    vault.postgres.copy_database(vault.name, copy)
    async with world.people() as people:
        await Holds(people.pool, "ann").add(ada, case="claim", reason="letter", apply=True)
    vault.postgres.copy_database(copy, vault.name)
    vault.postgres.drop_database(copy)
    await world.ask("vault", "INSERT INTO key_serving (incarnation) VALUES (key_incarnation())")
    with pytest.raises(OperationRefused) as refused:
        await go(world)
    assert refused.value.code == "holds_unconfirmed"
    dry = await go(world, apply=False)
    assert (dry.due, dry.holds_confirmed) == (1, False)
    assert await erased(world) == []


async def test_nothing_is_looked_at_before_the_vault_was_held_against_its_log(world: World) -> None:
    await ended(world)
    await world.ask("vault", "DELETE FROM key_serving")
    for apply in (False, True):
        with pytest.raises(OperationRefused) as refused:
            await go(world, apply=apply)
        assert refused.value.code == "vault_unchecked"


async def test_many_pages_of_people(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for person in ({}, BOB, EVE):
        await ended(world, **person)
    monkeypatch.setattr("services.retention.due.PAGE", 1)
    outcome = await go(world)
    assert (outcome.looked_at, outcome.due, outcome.erased) == (3, 3, 3)


HELD_CASES: list[tuple[Mapping[str, Any], str]] = [
    ({"person": None, "case": None, "reason": "x"}, "nothing_named"),
    ({"person": None, "case": "none such", "reason": "x"}, "no_hold"),
    ({"person": None, "case": "c", "reason": " "}, "reason_required"),
]


async def test_holds_are_placed_once_listed_and_ended_by_case(world: World) -> None:
    ada, bob = await ended(world), await ended(world, **BOB)
    async with world.people() as people:
        holds = Holds(people.pool, "ann")
        assert (await holds.add(ada, case="c", reason="r", apply=False))["added"] is True
        assert await list_holds(people.pool) == [], "a dry run"
        assert (await holds.add(ada, case="c", reason="r", apply=True))["added"] is True
        assert (await holds.add(ada, case="c", reason="again", apply=True))["added"] is False
        await holds.add(ada, case="other", reason="r", apply=True)
        await holds.add(bob, case="c", reason="r", apply=True)
        assert [row["person_id"] for row in await list_holds(people.pool, case="c")] == [ada, bob]
        ended_now = await holds.release(None, case="c", reason="settled", apply=True)
        assert sorted(row["person_id"] for row in ended_now) == sorted([ada, bob])
        assert [(row["person_id"], row["case_name"]) for row in await list_holds(people.pool)] == [(ada, "other")]
        assert len(await list_holds(people.pool, everything=True)) == 3
        for words, code in HELD_CASES:
            with pytest.raises(OperationRefused) as refused:
                await holds.release(words["person"], case=words["case"], reason=words["reason"], apply=True)
            assert refused.value.code == code
        await holds.release(ada, case=None, reason="over", apply=True)
        await people.erase(ada, ErasureReason.PERSON_ASKED, note="", apply=True)
        with pytest.raises(OperationRefused) as refused:
            await holds.add(ada, case="", reason="r", apply=True)
        assert refused.value.code == "person_erased"


@pytest.mark.parametrize("statement", ["DELETE FROM legal_hold", "TRUNCATE legal_hold"])
async def test_a_hold_ends_and_its_row_stays(world: World, statement: str) -> None:
    with pytest.raises(Exception, match="its row stays"):
        await world.ask("vault", statement)


@pytest.fixture
def late(pathway: Pathway, world: World) -> Callable[..., Result]:
    """``pathway retention ...`` eight years and a day later."""
    app = typer.Typer()
    lookup = lambda name: (None, world.settings)  # noqa: E731
    app.add_typer(retention_commands(lookup, clock=lambda: LATER), name="retention")  # type: ignore[arg-type]  # no service is asked for
    app.command("other")(lambda: None)
    return lambda *words: CliRunner().invoke(app, ["retention", *words])


def test_the_command_says_all_and_its_exit_code_tells(world: World, late: Callable[..., Result]) -> None:
    asyncio.run(ended(world))
    dry = late("run", "--json")
    assert dry.exit_code == 3, dry.output
    found = json.loads(dry.stdout)
    assert found["people"]["people_due"] == 1
    rows = {row["what"]: row for row in found["tables"]}
    assert rows["intake.referral_details"]["goes"] == 1
    assert rows["outcomes.ledger_line"] == {
        "what": "outcomes.ledger_line",
        "class": "tax",
        "kept_for": "6 years",
        "goes": 0,
        "kept": 0,
        "why": "stays: there is no archive of the topics yet",
    }
    assert "no archive" in rows["topic plan.updated"]["why"]
    assert len(rows) == sum(len(RETENTION.tables_of(name)) for name in RETENTION.services()) + 5 + 1
    shown = late("run", "--apply")
    assert shown.exit_code == 0, shown.output
    assert "there is no archive yet" in shown.stdout
    assert late("run", "--json").exit_code == 0


def test_a_wrong_setting_exits_with_2(
    world: World, late: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATHWAY_RETENTION_TAX_YEARS", "six")
    result = late("run")
    assert (result.exit_code, "PATHWAY_RETENTION_TAX_YEARS" in result.stderr) == (2, True)


def test_holds_as_typed(world: World, pathway: Pathway) -> None:
    ada = asyncio.run(ended(world))
    words = ("retention", "hold", "add", "--nhs-number", "-", "--case", "c", "--reason", "letter")
    assert "Dry run" in pathway(*words, input="9990000018\n").stdout
    assert json.loads(pathway(*words, "--apply", "--json", input="9990000018\n").stdout)["person_id"] == ada
    assert [row["reason"] for row in json.loads(pathway("retention", "hold", "list", "--json").stdout)] == ["letter"]
    refused = pathway("person", "erase", ada, "--why", "person_asked", "--apply")
    assert (refused.exit_code, refused.stderr.split(":")[0]) == (1, "legal_hold")
    released = pathway("retention", "hold", "release", ada, "--reason", "over", "--apply", "--json")
    assert [row["person_id"] for row in json.loads(released.stdout)] == [ada]
    assert pathway("retention", "hold", "confirm", "--reason", "x").exit_code == 0
    shown = json.loads(pathway("retention", "show", "--json").stdout)
    assert {row["class"] for row in shown} == set(RETENTION.classes)


def test_a_period_without_end_never_ends() -> None:
    assert Period(None).words() == "for ever"
