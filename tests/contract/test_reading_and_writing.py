"""Producers are strict, consumers tolerant, and equal events are equal bytes."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from services.contracts.base import MAX_SAFE, Common, carry
from services.contracts.plan import PlanCounters
from services.contracts.referral import ReferralCreated, ReferralWithdrawn
from tests.contract.published import CONTRACTS, Example, name_of, objects_in, passing, validator


def full(name: str) -> Example:
    return next(e for e in passing() if e.contract.name == name and e.file.name == "full.pass.json")


@pytest.mark.parametrize("example", passing(), ids=name_of)
def test_a_reader_passes_over_fields_that_a_later_minor_adds(example: Example) -> None:
    data = example.data
    for part in list(objects_in(data)):
        part["added_in_a_later_minor"] = {"anything": [1, "x", None]}
    model = example.contract.model
    assert model.model_validate_json(json.dumps(data)) == model.model_validate_json(example.text)
    validator(example.contract).validate(data)


@pytest.mark.parametrize("example", passing(), ids=name_of)
def test_a_writer_writes_every_field_in_the_same_order(example: Example) -> None:
    model = example.contract.model.model_validate_json(example.text)
    assert json.dumps(example.data, separators=(",", ":"), ensure_ascii=False) == model.model_dump_json()


@pytest.mark.parametrize("example", passing(), ids=name_of)
def test_equal_events_are_equal_bytes_whatever_the_order_of_their_fields(example: Example) -> None:
    def reversed_fields(data: Any) -> Any:
        if isinstance(data, dict) and "saddle_numbness" not in data:
            return {name: reversed_fields(data[name]) for name in reversed(data)}
        return [reversed_fields(part) for part in data] if isinstance(data, list) else data

    model = example.contract.model
    one, other = example.data, reversed_fields(example.data)
    assert (
        model.model_validate_json(json.dumps(one)).model_dump_json()
        == model.model_validate_json(json.dumps(other)).model_dump_json()
    )


@pytest.mark.parametrize("contract", CONTRACTS, ids=name_of)
def test_no_field_of_an_event_may_be_left_out_by_its_writer(contract: Any) -> None:
    """What is not known is said to be null: a misspelt or forgotten name cannot pass as unknown."""
    example = next(e for e in passing() if e.contract == contract)
    for name in example.data:
        data = {key: value for key, value in example.data.items() if key != name}
        with pytest.raises(ValidationError):
            contract.model.model_validate_json(json.dumps(data))


def test_a_misspelt_field_is_refused_when_an_event_is_made() -> None:
    created = ReferralCreated.model_validate_json(full("referral.created").text)
    fields: dict[str, Any] = {name: getattr(created, name) for name in ReferralCreated.model_fields}
    assert ReferralCreated(**fields) == created
    fields["recieved_at"] = fields.pop("received_at")
    with pytest.raises(ValidationError, match="received_at"):
        ReferralCreated(**fields)


def test_the_common_fields_are_carried_to_the_next_event() -> None:
    created = ReferralCreated.model_validate_json(full("referral.created").text)
    withdrawn = ReferralWithdrawn.model_validate_json(full("referral.withdrawn").text)
    carried = carry(created, locality=None)
    assert carried.keys() == Common.model_fields.keys()
    made = ReferralWithdrawn(**carried, received_at=withdrawn.received_at, change=withdrawn.change)
    assert made.locality is None
    assert made.work == created.work


def test_only_common_fields_can_be_changed_on_the_way() -> None:
    created = ReferralCreated.model_validate_json(full("referral.created").text)
    with pytest.raises(TypeError, match="localty"):
        carry(created, localty=None)


@pytest.mark.parametrize("value", ["12", 12.0, 12.5, True, MAX_SAFE + 1, -1])
def test_a_number_is_a_whole_number_within_two_to_the_53(value: Any) -> None:
    with pytest.raises(ValidationError):
        PlanCounters.model_validate_json(json.dumps({"minutes": value}))
    assert PlanCounters.model_validate_json(json.dumps({"minutes": MAX_SAFE})).minutes == MAX_SAFE


def test_events_are_frozen() -> None:
    created = ReferralCreated.model_validate_json(full("referral.created").text)
    with pytest.raises(ValidationError, match="frozen"):
        created.locality = None  # type: ignore[misc]  # the test is that this is refused
