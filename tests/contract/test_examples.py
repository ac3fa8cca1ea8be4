"""Every example passes, or fails for the reason in its name, by schema file and by model."""

from collections.abc import Iterator

import pytest
from jsonschema.exceptions import ValidationError as SchemaError
from pydantic import ValidationError

from services.kernel.registry import Contract
from tests.contract.published import (
    CONTRACTS,
    KEYWORD_OF,
    Example,
    examples_of,
    failing,
    name_of,
    passing,
    validator,
    with_causes,
)


@pytest.mark.parametrize("example", passing(), ids=name_of)
def test_passes(example: Example) -> None:
    validator(example.contract).validate(example.data)
    model = example.contract.model.model_validate_json(example.text, extra="forbid")
    assert example.contract.model.model_validate_json(model.model_dump_json()) == model


def _place(error: SchemaError) -> tuple[str, ...]:
    return tuple(str(part) for part in error.absolute_path)


def fails_for_its_reason(example: Example) -> bool:
    """Tell whether the schema refuses the example at its path by its keyword, and nowhere else."""
    errors = list(validator(example.contract).iter_errors(example.data))
    field = example.path[-1] if example.reason == "missing" else ""
    where = example.path[:-1] if example.reason == "missing" else example.path
    elsewhere = [error for error in errors if _place(error) != where[: len(_place(error))]]
    named = [
        error
        for error in with_causes(errors)
        if error.validator == KEYWORD_OF[example.reason]
        and _place(error) == where
        and (not field or f"'{field}' is a required" in error.message)
    ]
    return bool(named) and not elsewhere


@pytest.mark.parametrize("example", failing(), ids=name_of)
def test_the_schema_refuses_it_for_its_reason(example: Example) -> None:
    assert fails_for_its_reason(example)


@pytest.mark.parametrize("example", failing(), ids=name_of)
def test_the_model_refuses_it_at_its_path(example: Example) -> None:
    with pytest.raises(ValidationError) as refusal:
        example.contract.model.model_validate_json(example.text)
    wanted = [part for part in example.path if part]
    places = [[str(part) for part in error["loc"]] for error in refusal.value.errors()]
    assert any(_is_within(wanted, place) for place in places), places


def _is_within(wanted: list[str], place: list[str]) -> bool:
    """The model's places also name the variants of a union: ``change.corrected.facts``."""
    rest = iter(place)
    return all(part in rest for part in wanted)


def test_an_example_with_the_wrong_reason_is_seen() -> None:
    example = next(e for e in failing() if e.reason == "malformed")
    assert not fails_for_its_reason(Example(example.contract, example.file, "missing", example.path))
    assert not fails_for_its_reason(Example(example.contract, example.file, example.reason, ("work",)))


@pytest.mark.parametrize("contract", CONTRACTS, ids=name_of)
def test_every_type_has_a_full_a_bare_and_a_failing_example(contract: Contract) -> None:
    examples = examples_of(contract)
    names = {e.file.name for e in examples}
    assert "nulls.pass.json" in names
    assert any(not e.reason and e.file.name != "nulls.pass.json" for e in examples)
    assert sum(bool(e.reason) for e in examples) >= 2


def _may_be_null(contract: Contract, example: Example) -> Iterator[str]:
    """Yield the fields of an example that are not null although the schema lets them be."""

    def walk(data: object, place: tuple[str | int, ...]) -> Iterator[str]:
        if isinstance(data, dict):
            for name, value in data.items():
                if value is not None and _accepts_null(contract, example, (*place, name)):
                    yield ".".join(map(str, (*place, name)))
                else:
                    yield from walk(value, (*place, name))

    return walk(example.data, ())


def _accepts_null(contract: Contract, example: Example, place: tuple[str | int, ...]) -> bool:
    data = example.data
    holder = data
    for part in place[:-1]:
        holder = holder[part]
    holder[place[-1]] = None
    return bool(validator(contract).is_valid(data))


@pytest.mark.parametrize("contract", CONTRACTS, ids=name_of)
def test_the_bare_example_has_null_wherever_null_may_be(contract: Contract) -> None:
    bare = next(e for e in examples_of(contract) if e.file.name == "nulls.pass.json")
    assert list(_may_be_null(contract, bare)) == []
