"""The schema files are what the models say, and released ones never move."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from services.contracts import schemas
from services.kernel.registry import Contract
from tests.contract.published import CONTRACTS, ROOT, SCHEMAS, name_of


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(SCHEMAS, tmp_path / "schemas")
    return tmp_path


def test_every_file_equals_its_model() -> None:
    assert schemas.differences() == {}, "run: python -m services.contracts.schemas"


def test_a_changed_file_is_seen(copy: Path) -> None:
    file = copy / "schemas/events/referral.created/0.1.schema.json"
    file.write_text(file.read_text("utf-8").replace('"maximum": 168', '"maximum": 169'), "utf-8")
    assert list(schemas.differences(copy)) == [file]


@pytest.mark.parametrize("contract", CONTRACTS, ids=name_of)
def test_a_file_is_a_valid_schema_that_says_what_it_is(contract: Contract) -> None:
    schema = json.loads(schemas.path_of(contract).read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == schemas.DIALECT
    assert schema["$id"] == contract.dataschema
    assert (schema["x-type"], schema["x-topic"], schema["x-producer"]) == (
        contract.type,
        contract.topic,
        contract.producer,
    )
    assert schema["title"]
    assert schema["description"]


@pytest.mark.parametrize("contract", CONTRACTS, ids=name_of)
def test_every_object_is_described_and_open_to_later_fields(contract: Contract) -> None:
    schema = json.loads(schemas.path_of(contract).read_text("utf-8"))
    for name, definition in {contract.name: schema, **schema.get("$defs", {})}.items():
        assert definition.get("description"), f"{name} has no description"
        if "properties" in definition:
            assert "additionalProperties" not in definition, f"{name} would refuse a later minor"


def test_nothing_is_wrong_with_the_released_files() -> None:
    assert schemas.release_faults(ROOT) == []


def _release(root: Path, name: str) -> Path:
    file = root / "schemas" / name
    if not file.is_file():
        file.write_text((file.parent / "0.1.schema.json").read_text("utf-8"), "utf-8")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    with (root / "schemas/released.sha256").open("a", encoding="utf-8") as lines:
        lines.write(f"{digest}  {name}\n")
    return file


def test_a_released_file_that_stays_is_fine(copy: Path) -> None:
    _release(copy, "events/plan.updated/1.0.schema.json")
    assert schemas.release_faults(copy) == []


def test_a_released_file_that_changes_is_refused(copy: Path) -> None:
    file = _release(copy, "events/plan.updated/1.0.schema.json")
    file.write_text(file.read_text("utf-8") + " ", "utf-8")
    assert ["has changed" in fault for fault in schemas.release_faults(copy)] == [True]


def test_a_released_file_that_goes_is_refused(copy: Path) -> None:
    _release(copy, "events/plan.updated/1.0.schema.json").unlink()
    assert ["is released and missing" in fault for fault in schemas.release_faults(copy)] == [True]


def test_a_draft_is_never_released(copy: Path) -> None:
    _release(copy, "events/plan.updated/0.1.schema.json")
    assert ["is a draft" in fault for fault in schemas.release_faults(copy)] == [True]


def test_a_release_has_to_be_listed(copy: Path) -> None:
    folder = copy / "schemas/events/plan.updated"
    shutil.copy(folder / "0.1.schema.json", folder / "1.0.schema.json")
    assert ["not listed" in fault for fault in schemas.release_faults(copy)] == [True]


def test_the_generator_does_not_write_over_a_released_file(copy: Path) -> None:
    file = copy / "schemas/events/plan.updated/0.1.schema.json"
    file.write_text("{}", "utf-8")
    _release(copy, "events/plan.updated/0.1.schema.json")
    assert schemas.main([], root=copy) == 1
    assert file.read_text("utf-8") == "{}"


def test_the_generator_writes_what_differs(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = copy / "schemas/events/plan.updated/0.1.schema.json"
    file.write_text("{}", "utf-8")
    assert schemas.main(["--check"], root=copy) == 1
    assert schemas.main([], root=copy) == 0
    assert schemas.main(["--check"], root=copy) == 0
    assert "wrote schemas/events/plan.updated/0.1.schema.json" in capsys.readouterr().out
