"""What may be done with one person, and that a replay decides it again."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from services.contracts.person_codes import ErasureReason, RestrictionReason
from services.kernel.decision import Command, Event, Refused
from services.kernel.ids import uuid7
from services.kernel.runtime.fold import mint
from services.kernel.service import Change
from services.vault.domain.decide import Erase, Merge, Restrict, Unrestrict, command_type, decide, reissue
from services.vault.domain.person import Person, evolve
from services.vault.service import build
from services.vault.store import ERASURES, project

ADA = "0b9e0f6a-6d0c-4c1e-9f52-4a1d3c5b7e01"
BOB = "5d2f9a3c-8b1e-4f7a-a6c4-2e9b7d1f0c02"
EVE = "c3a1e7b5-2f4d-4a9c-8e6b-7d5f1a3c9b03"
NOW = datetime(2024, 12, 2, 10, 15, tzinfo=UTC)

COMMANDS = st.one_of(
    st.builds(Erase, reason=st.sampled_from(ErasureReason)),
    st.builds(Restrict, reason=st.sampled_from(RestrictionReason)),
    st.just(Unrestrict()),
    st.sampled_from(
        [Merge(survivor=ADA, merged=(BOB,)), Merge(survivor=BOB, merged=(ADA,)), Merge(survivor=ADA, merged=(BOB, EVE))]
    ),
)


def do(state: Person | None, data: BaseModel, sequence: int = 0) -> tuple[Person | None, list[Event], Command]:
    command = Command(id=uuid7(NOW), type=command_type(data), key=ADA, data=data)
    drafts = decide(state, command, policy=None, now=NOW)
    events = mint(build(), drafts, ADA, sequence, command.id, NOW)
    for event in events:
        state = evolve(state, event)
    return state, events, command


@given(st.lists(COMMANDS, max_size=8))
def test_every_event_gives_its_command_back_and_the_command_the_event(commands: list[BaseModel]) -> None:
    state: Person | None = None
    for data in commands:
        before = state
        try:
            state, events, command = do(state, data)
        except Refused:
            continue
        for event in events:
            again = reissue(event, command.id)
            assert (again.id, again.key, again.type) == (command.id, ADA, command.type)
            assert mint(build(), decide(before, again, policy=None, now=NOW), ADA, 0, command.id, NOW) == events
        assert do(state, data)[1] == [], "given again it changes nothing"


@given(st.lists(COMMANDS, max_size=6))
def test_erasing_is_the_end(commands: list[BaseModel]) -> None:
    state: Person | None = None
    for data in [Erase(reason=ErasureReason.PERSON_ASKED), *commands]:
        if isinstance(data, Erase):
            state, _, _ = do(state, data)
            continue
        with pytest.raises(Refused) as refused:
            do(state, data)
        assert refused.value.reasons[0].code == "person_erased"
    assert state is not None
    assert state.erased


@pytest.mark.parametrize(
    ("state", "merge", "code"),
    [
        (Person(survivor=EVE), Merge(survivor=ADA, merged=(BOB,)), "person_merged"),
        (None, Merge(survivor=ADA, merged=(ADA, BOB)), "same_person"),
    ],
)
def test_a_merge_that_makes_no_sense_is_refused(state: Any, merge: Merge, code: str) -> None:
    with pytest.raises(Refused) as refused:
        do(state, merge)
    assert refused.value.reasons[0].code == code


def test_a_command_of_another_service_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        do(None, Person())
    assert refused.value.status == 422


def test_the_rows_follow_from_the_event_without_its_cause() -> None:
    state, events, command = do(None, Erase(reason=ErasureReason.RETENTION_ENDED))
    assert list(project(Change(ADA, None, events, state))) == list(project(Change(ADA, command, events, state)))
    assert [row for table, row in project(Change(ADA, None, events, state)) if table is ERASURES] == [
        (ADA, events[0].id, NOW, "retention_ended")
    ]
