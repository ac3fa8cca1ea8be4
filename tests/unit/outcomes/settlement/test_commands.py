"""The table of stages and commands, whole; and that what goes on changes the stage as it should."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from services.contracts.base import VersionRef
from services.kernel.decision import Command, Event, Refused
from services.outcomes.domain import settlement_asked as asked
from services.outcomes.domain.settlement_commands import ALLOWED, decide
from services.outcomes.domain.settlement_state import ContractAccount, Month, Stage, evolve

NOW = datetime(2025, 2, 3, 9, tzinfo=UTC)
ENTRY = "0192f1a0-5b1c-5d2e-9f3a-4b5c6d7e8f90"
NAMED: dict[str, Any] = {
    "programme": VersionRef(id="p", version="2024.1"), "contract": "c", "provider": "v", "month": "2025-01"
}  # fmt: skip
COMMANDS: dict[type[Any], dict[str, Any]] = {
    asked.Submit: {},
    asked.Approve: {},
    asked.Query: {"entry_id": ENTRY, "reason": "unclear"},
    asked.Release: {"entry_id": ENTRY, "reason": "seen"},
    asked.Export: {"file_sha256": "0" * 64, "payable_pence": 100, "entries": (ENTRY,)},
    asked.Remit: {"paid_on": date(2025, 2, 1), "amount_pence": 100, "reference": "B1"},
}
AFTER: dict[tuple[type[Any], Stage], Stage] = {
    (asked.Submit, Stage.DRAFT): Stage.SUBMITTED,
    (asked.Approve, Stage.SUBMITTED): Stage.APPROVED,
    (asked.Export, Stage.APPROVED): Stage.EXPORTED,
    (asked.Remit, Stage.EXPORTED): Stage.PAID,
}


def standing(stage: Stage, *, held: bool = False) -> ContractAccount:
    month = Month(
        event_id=ENTRY, version="2024.1", root="0" * 64, closing_pence=100, stage=stage, submitted_by="finance",
        approved_by="commissioner", held=(ENTRY,) if held else (), file_pence=100,
        export_id=ENTRY if stage in {Stage.EXPORTED, Stage.PAID} else None,
    )  # fmt: skip
    return ContractAccount(programme="p", provider="v", months={"2025-01": month})


def test_the_table_is_whole() -> None:
    assert set(ALLOWED) == set(COMMANDS)
    assert all(set(stages) == set(Stage) for stages in ALLOWED.values())


ONWARD: dict[type[Any], set[Stage]] = {
    asked.Submit: {Stage.DRAFT},
    asked.Approve: {Stage.SUBMITTED},
    asked.Query: {Stage.SUBMITTED, Stage.APPROVED},
    asked.Release: {Stage.SUBMITTED, Stage.APPROVED, Stage.EXPORTED, Stage.PAID},
    asked.Export: {Stage.APPROVED},
    asked.Remit: {Stage.EXPORTED},
}
"""The stages at which each goes on, said a second time: nothing leaves twice, and nothing unapproved."""


@pytest.mark.parametrize("kind", COMMANDS)
def test_it_goes_on_at_no_other_stage(kind: type[Any]) -> None:
    assert {stage for stage, code in ALLOWED[kind].items() if code is None} == ONWARD[kind]


@pytest.mark.parametrize(
    ("kind", "stage", "by"),
    [(asked.Approve, Stage.SUBMITTED, "finance"), (asked.Export, Stage.APPROVED, "commissioner")],
)
def test_two_acts_on_a_statement_need_two_persons(kind: type[Any], stage: Stage, by: str) -> None:
    command = Command("01940000-0000-7000-8000-000000000000", "settlement.x", "c", kind(**NAMED, **COMMANDS[kind]), by)
    with pytest.raises(Refused) as refused:
        decide(standing(stage), command, now=NOW)
    assert [reason.code for reason in refused.value.reasons] == ["second_person_needed"]


@pytest.mark.parametrize("kind", COMMANDS)
@pytest.mark.parametrize("stage", Stage)
def test_each_command_at_each_stage(kind: type[Any], stage: Stage) -> None:
    state = standing(stage, held=kind is asked.Release)
    command = Command("01940000-0000-7000-8000-000000000000", "settlement.x", "c", kind(**NAMED, **COMMANDS[kind]), "x")
    code = ALLOWED[kind][stage]
    if code is not None:
        with pytest.raises(Refused) as refused:
            decide(state, command, now=NOW)
        assert [reason.code for reason in refused.value.reasons] == [code]
        return
    for number, draft in enumerate(decide(state, command, now=NOW)):
        state = evolve(state, Event(ENTRY, draft.type, "c", number + 1, draft.data, NOW))
    assert state.months["2025-01"].stage is AFTER.get((kind, stage), stage)


def test_a_part_payment_leaves_it_exported() -> None:
    fields = COMMANDS[asked.Remit] | {"amount_pence": 40}
    command = Command("01940000-0000-7000-8000-000000000000", "settlement.x", "c", asked.Remit(**NAMED, **fields), "x")
    state = standing(Stage.EXPORTED)
    [draft] = decide(state, command, now=NOW)
    assert evolve(state, Event(ENTRY, draft.type, "c", 1, draft.data, NOW)).months["2025-01"].stage is Stage.EXPORTED


def test_more_than_the_file_is_not_paid() -> None:
    fields = COMMANDS[asked.Remit] | {"amount_pence": 101}
    command = Command("01940000-0000-7000-8000-000000000000", "settlement.x", "c", asked.Remit(**NAMED, **fields), "x")
    with pytest.raises(Refused, match="amount_does_not_fit"):
        decide(standing(Stage.EXPORTED), command, now=NOW)
