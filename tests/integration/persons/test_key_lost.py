"""The vault came back from a backup that is too old: Bob's key is lost, and he is still somebody who can be erased."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from services.contracts.person_codes import ErasureReason
from services.contracts.types import PERSON_ERASED
from services.kernel.operations.audit import OperationRefused
from services.kernel.sealing.root_file import FileRootKey
from services.kernel.sealing.source import VaultSource
from services.kernel.sealing.wrapping import KeyEncryptionKeys
from services.persons.elsewhere import services_know
from services.vault.people import People
from tests.integration.persons.conftest import Pathway
from tests.integration.persons.test_export import ADA, BOB, NOBODY, NUMBER, exported, said
from tests.integration.persons.test_retention import ended, erased, go
from tests.integration.persons.world import World
from tests.parts.contents import contents

OF_BOB = ("9990000026", "Sample", "sample|bob|")
KEYS = "SELECT subject FROM subject_key WHERE wrapped IS NOT NULL"
TOMBSTONE = "SELECT count(*) FROM subject_key WHERE subject = $1 AND wrapped IS NULL AND kid IS NULL"
CONFIRM = ("retention", "hold", "confirm", "--reason", "compared with the list", "--apply")


def backed_up(world: World) -> Callable[[], None]:
    """Make a backup of the vault; returns what puts it in the vault's place."""
    vault = world.databases("vault")
    copy = f"{vault.name}_backup"
    vault.postgres.copy_database(vault.name, copy)

    def put_back() -> None:
        vault.postgres.copy_database(copy, vault.name)
        vault.postgres.drop_database(copy)

    return put_back


async def lose(world: World, work: Any) -> Any:
    """Do ``work`` between a backup of the vault and its coming back; the vault serves again."""
    put_back = backed_up(world)
    found = await work
    put_back()
    await world.ask("vault", "INSERT INTO key_serving (incarnation) VALUES (key_incarnation())")
    return found


async def referred(world: World) -> str:
    referral = await world.refer(**BOB)
    await world.flow()
    return await world.person_of(referral)


@pytest.fixture
def bob(world: World, pathway: Pathway) -> str:
    """Ada and Bob are referred and everybody has read it; the vault knows Ada alone. Returns Bob's pseudonym."""

    async def prepare() -> str:
        await world.refer()
        await world.flow()
        return str(await lose(world, referred(world)))

    found = asyncio.run(prepare())
    assert pathway(*CONFIRM).exit_code == 0
    assert asyncio.run(world.count("vault", "subject_key")) == 1
    return found


def held_of_bob(world: World) -> list[str]:
    rows = "".join(contents(world.databases("intake")).values())
    return [word for word in OF_BOB if word in rows]


@pytest.mark.parametrize("by_number", [False, True])
def test_who_lost_the_key_is_erased_and_every_service_hears_of_it(
    world: World, bob: str, pathway: Pathway, by_number: bool
) -> None:
    assert held_of_bob(world) == list(OF_BOB)
    whom, given = (NUMBER, "9990000026\n") if by_number else ((bob,), "")
    erase = ("person", "erase", *whom, "--why", "person_asked", "--json")
    assert said(pathway(*erase, input=given))["people"] == [bob]
    assert asyncio.run(erased(world)) == [], "a dry run"
    (event,) = said(pathway(*erase, "--apply", input=given))["events"]
    assert (event["type"], event["person_id"]) == (PERSON_ERASED, bob)
    assert asyncio.run(erased(world)) == [(bob, "person_asked")]
    assert asyncio.run(world.ask("vault", TOMBSTONE, bob)) == [(1,)]
    asyncio.run(world.flow())
    assert held_of_bob(world) == []
    assert not said(pathway("person", "erase", bob, *erase[-3:], "--apply"))["changed"]
    assert said(pathway("person", "show", *NUMBER, "--json", input=f"{ADA}\n"))["key_missing"] == []


def test_no_key_comes_where_the_tombstone_stands(world: World, bob: str, pathway: Pathway) -> None:
    said(pathway("person", "erase", bob, "--why", "person_asked", "--apply", "--json"))

    async def create() -> None:
        source = await VaultSource.open(world.databases.vault_dsn())
        try:
            await source.create_keys(KeyEncryptionKeys(FileRootKey(world.databases.root_key)), [bob])
        finally:
            source.close()

    asyncio.run(create())
    assert (bob,) not in asyncio.run(world.ask("vault", KEYS))


def test_everything_held_is_exported_and_says_what_cannot_be_read(
    world: World, bob: str, pathway: Pathway, tmp_path: Path
) -> None:
    found, page = exported(pathway, tmp_path, bob)
    assert found["key_missing"] == [bob]
    services = found["services"]
    (details,) = services["intake"]["referral_details"]
    assert (details["family_name"], details["nhs_number"]) == ("Sample", "9990000026")
    assert services["intake"]["referral"][0]["additional_information"] == {
        "sealed_as": "additional_information",
        "unreadable": "key_missing",
    }
    assert services["coaching"]["plan"]
    assert "key_missing" in page
    assert bob in page
    shown = said(pathway("person", "show", *NUMBER, "--json", input="9990000026\n"))
    assert (shown["person_id"], shown["key_missing"]) == (bob, [bob])


def test_a_hold_and_a_restriction_need_no_key_either(world: World, bob: str, pathway: Pathway) -> None:
    hold = ("retention", "hold", "add", bob, "--case", "c", "--reason", "letter", "--apply", "--json")
    assert said(pathway(*hold))["person_id"] == bob
    refused = pathway("person", "erase", bob, "--why", "person_asked", "--apply")
    assert (refused.exit_code, refused.stderr.split(":")[0]) == (1, "legal_hold")
    released = pathway("retention", "hold", "release", bob, "--reason", "over", "--apply", "--json")
    assert [row["person_id"] for row in json.loads(released.stdout)] == [bob]
    for act in (("restrict", "--why", "objection_pending"), ("unrestrict",)):
        assert said(pathway("person", act[0], bob, *act[1:], "--apply", "--json"))["changed"]
    merge = ("person", "merge", "--survivor-nhs-number", "-", bob, "--apply", "--json")
    merged = said(pathway(*merge, input=f"{ADA}\n"))["people"]
    assert (len(merged), bob in merged) == (2, True)
    erase = ("person", "erase", bob, "--why", "person_asked", "--apply", "--json")
    assert sorted(said(pathway(*erase))["people"]) == merged


def test_who_is_nobody_s_stays_unknown(bob: str, pathway: Pathway) -> None:
    for words in (
        ("person", "erase", NOBODY, "--why", "person_asked"),
        ("person", "show", NOBODY),
        ("person", "merge", bob, NOBODY),
        ("retention", "hold", "add", NOBODY, "--reason", "letter"),
    ):
        result = pathway(*words)
        assert (result.exit_code, result.stderr.split(":")[0]) == (1, "unknown_person"), words


async def test_without_a_word_from_the_services_a_pseudonym_is_unknown(world: World) -> None:
    lost = await lose(world, referred(world))
    async with world.people() as people:
        with pytest.raises(OperationRefused) as refused:
            await people.erase(lost, ErasureReason.PERSON_ASKED, note="", apply=False)
        assert refused.value.code == "unknown_person"
        asking = People(people.pool, people.service, "ann", knows=services_know(world.settings))
        with pytest.raises(OperationRefused) as refused:
            await asking.erase(lost, ErasureReason.PERSON_ASKED, note="", apply=True)
        assert refused.value.code == "holds_unconfirmed", "the backup may lack a hold as it lacks the key"


def test_retention_removes_who_lost_the_key(world: World, pathway: Pathway) -> None:
    lost = asyncio.run(lose(world, ended(world, **BOB)))
    assert pathway(*CONFIRM).exit_code == 0
    outcome = asyncio.run(go(world, apply=False))
    assert (outcome.due, outcome.key_lost, outcome.kept) == (1, 1, {})
    assert asyncio.run(go(world)).erased == 1
    assert asyncio.run(erased(world)) == [(lost, "retention_ended")]
    asyncio.run(world.flow())
    assert held_of_bob(world) == []
    again = asyncio.run(go(world))
    assert (again.due, again.erased) == (0, 0)
