"""The catalogue of tables is that of the migrated databases, and an export reads every table that says whose it is."""

from collections.abc import Mapping
from dataclasses import replace

import asyncpg
import pytest

from services.composition import NAMES
from services.kernel.operations.held import open_reader
from services.kernel.retention import Retention, TableEntry, load_retention
from services.persons.dossier import EXPORTS
from tests.parts.databases import Databases

TABLES = """
SELECT c.relname AS name, array_agg(a.attname::text) AS columns
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
GROUP BY c.relname
"""


async def tables_in(dsn: str) -> dict[str, set[str]]:
    connection = await asyncpg.connect(dsn)
    try:
        return {row["name"]: set(row["columns"]) for row in await connection.fetch(TABLES)}
    finally:
        await connection.close()


def differences(there: Mapping[str, set[str]], said: Mapping[str, TableEntry]) -> set[str]:
    found = {f"{name} has no entry" for name in there.keys() - said.keys()}
    found |= {f"{name} is not there" for name in said.keys() - there.keys()}
    for name in there.keys() & said.keys():
        found |= {f"{name}.{column} has no class" for column in there[name] - set(said[name].columns)}
        found |= {f"{name}.{column} is not there" for column in set(said[name].columns) - there[name]}
    return found


@pytest.fixture(scope="module")
def retention() -> Retention:
    return load_retention()


@pytest.mark.parametrize("service", NAMES)
async def test_every_table_and_column_has_its_entry(database: Databases, retention: Retention, service: str) -> None:
    there = await tables_in(database(service).admin_dsn)
    assert differences(there, retention.tables_of(service)) == set()


async def test_a_table_or_column_without_an_entry_is_seen(database: Databases, retention: Retention) -> None:
    made = database("triage")
    made.postgres.execute("CREATE TABLE forgotten (id int); ALTER TABLE triage_case ADD COLUMN mood text", made.name)
    said = dict(retention.tables_of("triage"))
    said["gone"] = said["aggregate"]
    there = await tables_in(made.admin_dsn)
    assert differences(there, said) == {"forgotten has no entry", "triage_case.mood has no class", "gone is not there"}


@pytest.mark.parametrize("service", NAMES)
async def test_an_export_reads_every_table_that_says_whose_it_is(
    database: Databases, retention: Retention, service: str
) -> None:
    async with open_reader(database(service).dsn) as connection:
        held = await EXPORTS[service](connection, ["p"], ["r"])
    mine = {name for name, entry in retention.tables_of(service).items() if entry.whose is not None}
    assert set(held) == mine


async def test_a_table_that_an_export_forgets_is_seen(database: Databases, retention: Retention) -> None:
    tables = {
        **retention.tables,
        "triage": {**retention.tables["triage"], "more": retention.tables["triage"]["triage_case"]},
    }
    async with open_reader(database("triage").dsn) as connection:
        held = await EXPORTS["triage"](connection, ["p"], ["r"])
    assert "more" in set(replace(retention, tables=tables).tables_of("triage")) - set(held)


async def test_a_reader_can_change_nothing(database: Databases) -> None:
    async with open_reader(database("intake").dsn) as connection:
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await connection.execute("DELETE FROM person")
