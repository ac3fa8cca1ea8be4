"""Audits of sealed statements: the population, the sample that both sides draw, findings, and what they say.

Findings are kept in a table that only grows. They are an auditor's words about statements and change no money: what
is wrong is taken back by whoever may, as a fact of its own.
"""

import csv
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, Final

from services.kernel.operations.audit import OperationRefused
from services.kernel.runtime.tables import Connection
from services.outcomes.domain.settlement_totals import FORM
from services.outcomes.settlement.sampling import Claim, Finding, error_rate, error_value, population_digest, sample

POPULATION: Final = """
SELECT s.entry_id, s.payable_pence FROM settlement_line s JOIN statement st USING (contract, month)
WHERE st.programme = $1 AND st.month BETWEEN $2 AND $3 AND s.payable_pence > 0
"""
RECORD: Final = """
INSERT INTO audit_finding (population, seed, size, entry_id, payable_pence, right_pence, reason, found_by)
SELECT $1, $2, $3, * FROM unnest($4::uuid[], $5::bigint[], $6::bigint[], $7::text[], $8::text[])
ON CONFLICT (population, seed, size, entry_id) DO NOTHING
"""
RECORDED: Final = """
SELECT entry_id, payable_pence, right_pence FROM audit_finding WHERE population = $1 AND seed = $2 AND size = $3
"""
COLUMNS: Final = ("entry_id", "right_pence", "reason")
_LINE_FIELDS: Final = 10


async def population(connection: Connection, programme: str, first: str, last: str) -> list[Claim]:
    """Return the payable lines of a programme's sealed statements from one month to another."""
    return [Claim(str(row[0]), row[1]) for row in await connection.fetch(POPULATION, programme, first, last)]


def population_of(texts: Iterable[str]) -> list[Claim]:
    """Return the payable lines of canonical statements, for whoever has no database. Raises OperationRefused."""
    found = []
    for text in texts:
        first, *lines = text.splitlines()
        if not first.startswith(f"{FORM}|"):
            raise OperationRefused("no_statement", "a file is no canonical statement: pathway statement --canonical")
        for line in lines:
            fields = line.split("|")
            if fields[0] != "totals" and len(fields) == _LINE_FIELDS and int(fields[8]) > 0:
                found.append(Claim(fields[1], int(fields[8])))
    return found


def drawn(claims: list[Claim], seed: int, size: int) -> dict[str, Any]:
    """Return a sample and what names it."""
    return {
        "population": population_digest(claims),
        "claims": len(claims),
        "value_pence": sum(claim.payable_pence for claim in claims),
        "seed": seed,
        "size": size,
        "sample": [asdict(claim) for claim in sample(claims, seed, size)],
    }


async def record(
    connection: Connection, claims: list[Claim], seed: int, size: int, lines: Iterable[str], by: str
) -> int:
    """Keep the findings of a file; return how many there are. Raises OperationRefused with everything that is wrong."""
    wanted = {claim.entry_id: claim.payable_pence for claim in sample(claims, seed, size)}
    reader = csv.reader(lines)
    if tuple(next(reader, ())) != COLUMNS:
        raise OperationRefused("wrong_heading", f"the first line must be {','.join(COLUMNS)}")
    rows, faults = [], []
    for row in reader:
        if len(row) != len(COLUMNS) or row[0] not in wanted or not row[1].isdecimal():
            faults.append(f"line {reader.line_num}: no claim of this sample with an amount in whole pence")
        else:
            rows.append((row[0], wanted[row[0]], int(row[1]), row[2], by))
    if faults:
        raise OperationRefused("wrong_findings", "; ".join(faults))
    columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], [], [], []]
    await connection.execute(RECORD, population_digest(claims), seed, size, *columns)
    return len(rows)


async def result(connection: Connection, claims: list[Claim], seed: int, size: int) -> dict[str, Any]:
    """Return what the findings say of the population. Raises OperationRefused while any of the sample has none."""
    rows = await connection.fetch(RECORDED, population_digest(claims), seed, size)
    findings = [Finding(str(row[0]), row[1], row[2]) for row in rows]
    missing = {claim.entry_id for claim in sample(claims, seed, size)} - {f.entry_id for f in findings}
    if missing or not findings:
        raise OperationRefused("findings_missing", f"{len(missing)} claims of the sample have no finding yet")
    wrong = [finding for finding in findings if finding.error_pence]
    value = sum(claim.payable_pence for claim in claims)
    return {
        "population": population_digest(claims),
        "claims": len(claims),
        "value_pence": value,
        "sampled": len(findings),
        "wrong": len(wrong),
        "error_rate": asdict(error_rate(len(wrong), len(findings))),
        "error_value_pence": {k: round(v) for k, v in asdict(error_value(findings, len(claims), value)).items()},
        "method": "simple random sample by hash; rate: Clopper-Pearson, 95 %; value: ratio estimate, 95 %",
    }
