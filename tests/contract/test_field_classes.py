"""What serialisers emit is what the catalogue says: fields with a class, and of what is sealed tokens alone."""

import json
import re
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from services.composition import NAMES, service_named
from services.contracts.classes import TOPICS
from services.contracts.referral import ReferralAssessed
from services.contracts.registry import EVENTS
from services.contracts.triage import Findings
from services.kernel.catalogue import load_catalogue
from services.kernel.decision import Event
from services.kernel.registry import Classes, Contract, FieldClass
from services.kernel.runtime.fold import encode
from services.kernel.sealing.content import Digest, Sealed
from services.kernel.sealing.tokens import open_plain
from services.kernel.settings import Settings
from tests.contract.generated import MARK, changes, contents, events
from tests.contract.published import CONTRACTS, Example, name_of, passing
from tests.parts.keys import key_of

SUBJECT = "ada"
NOON = datetime(2024, 11, 18, 12, tzinfo=UTC)
TOKEN = re.compile(rb'"eyJ[A-Za-z0-9_-]+\.\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+"')
DIGEST = re.compile(rb'"[0-9a-f]{64}"')
CASES = [(contract, change) for contract in CONTRACTS for change in changes(contract.model)]
NAMED = [f"{contract.name}{f'-{change.__name__}' if change else ''}" for contract, change in CASES]
FEW = settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))


def emitted(data: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value with its path as the catalogue writes it; what is null or empty holds nothing."""
    if isinstance(data, dict):
        for name, value in data.items():
            yield from emitted(value, f"{path}.{name}" if path else name)
    elif isinstance(data, list):
        for value in data:
            yield from emitted(value, f"{path}[]" if isinstance(value, dict) else path)
    elif data is not None:
        yield path, data


def class_faults(value: bytes, classes: dict[str, FieldClass]) -> Iterator[str]:
    """What a value holds that its classes do not allow."""
    for path, held in emitted(json.loads(value)):
        is_token = isinstance(held, str) and TOKEN.fullmatch(json.dumps(held).encode()) is not None
        if path not in classes:
            yield f"{path} has no class"
        elif (classes[path] is FieldClass.SEALED) != is_token:
            yield f"{path} is {classes[path]} and {'a token' if is_token else 'plain'}"


def classes_of(contract: Contract) -> dict[str, FieldClass]:
    return dict(EVENTS.classes()[contract.type])


def written(contract: Contract, data: BaseModel) -> bytes:
    return encode(Event("00000000-0000-5000-8000-000000000001", contract.type, "k", 1, data, NOON), key_of(SUBJECT))


def inside(value: Any) -> Iterator[Sealed[Any] | Digest]:
    """What a model holds sealed, and its digests."""
    if isinstance(value, Sealed | Digest):
        yield value
    elif isinstance(value, BaseModel):
        for held in value.__dict__.values():
            yield from inside(held)
    elif isinstance(value, tuple):
        for held in value:
            yield from inside(held)


def masked(value: bytes) -> bytes:
    return DIGEST.sub(b'"digest"', TOKEN.sub(b'"token"', value))


@pytest.mark.parametrize("example", passing(), ids=name_of)
def test_an_example_holds_what_the_catalogue_says(example: Example) -> None:
    data = example.contract.model.model_validate_json(example.text)
    value = json.dumps(example.data).encode()
    assert list(class_faults(value, classes_of(example.contract))) == []
    assert json.loads(data.model_dump_json()) == example.data


@pytest.mark.parametrize(("contract", "change"), CASES, ids=NAMED)
def test_any_event_holds_what_the_catalogue_says_and_no_word_of_what_is_sealed(
    contract: Contract, change: type[BaseModel] | None
) -> None:
    @FEW
    @given(events(contract.model, change))
    def holds(data: BaseModel) -> None:
        plain = [sealed._content for sealed in inside(data) if isinstance(sealed, Sealed)]
        value = written(contract, data)
        assert list(class_faults(value, classes_of(contract))) == []
        assert MARK.encode() not in value
        tokens = [(path, held) for path, held in emitted(json.loads(value)) if classes_of(contract)[path] == "sealed"]
        opened = [open_plain(token, key_of(SUBJECT), path.rsplit(".", 1)[-1], {SUBJECT}) for path, token in tokens]
        assert opened == [content.model_dump_json().encode() for content in plain]

    holds()


@pytest.mark.parametrize(("contract", "change"), CASES, ids=NAMED)
def test_two_events_that_differ_in_what_is_sealed_differ_in_tokens_and_digests_alone(
    contract: Contract, change: type[BaseModel] | None
) -> None:
    @FEW
    @given(events(contract.model, change), st.data())
    def alike(data: BaseModel, more: st.DataObject) -> None:
        first = written(contract, data)
        for held in inside(data):
            if isinstance(held, Sealed):
                held.token, held._content = None, more.draw(contents(type(held._content)))
            else:
                held.value, held._parts = None, (more.draw(st.binary(max_size=8)),)
        assert masked(written(contract, data)) == masked(first)

    alike()


def test_marks_stand_in_what_is_sealed() -> None:
    """Else the tests above would look for what is not there."""
    found = []

    @settings(max_examples=50, deadline=None, database=None)
    @given(contents(Findings))
    def look(content: Findings) -> None:
        found.append(MARK in content.model_dump_json())

    look()
    assert any(found)


# Each check, shown what it must notice.


class Whispering(ReferralAssessed):
    """An event with a plain word of what it seals."""

    hint: str


ASSESSED = next(contract for contract in CONTRACTS if contract.model is ReferralAssessed)


def test_a_word_of_what_is_sealed_is_noticed_wherever_it_stands() -> None:
    @FEW
    @given(events(ReferralAssessed), contents(Findings))
    def noticed(data: ReferralAssessed, findings: Findings) -> None:
        fields = {name: getattr(data, name) for name in ReferralAssessed.model_fields}
        value = written(ASSESSED, Whispering(**fields, hint=MARK))
        assert MARK.encode() in value
        assert list(class_faults(value, classes_of(ASSESSED))) == ["hint has no class"]
        assert "hint is open and a token" in class_faults(
            written(ASSESSED, Whispering(**fields, hint="eyJ0.." + ".".join(("a" * 16, "b", "c" * 22)))),
            {**classes_of(ASSESSED), "hint": FieldClass.OPEN},
        )

    noticed()


def test_plain_content_in_a_sealed_field_is_noticed() -> None:
    example = next(e for e in passing() if e.contract is ASSESSED and e.file.stem == "full.pass")
    for plain in ({"phq9": {"score": 12}}, "twelve", 12):
        data = example.data
        data["sealed"]["assessment"] = plain
        assert list(class_faults(json.dumps(data).encode(), classes_of(ASSESSED))) != []


# Who reads the catalogue, and where.


@pytest.fixture
def catalogue() -> Classes:
    return load_catalogue(TOPICS).classes


@pytest.mark.parametrize("name", NAMES)
def test_every_service_lets_out_by_the_classes_of_the_catalogue(name: str, catalogue: Classes) -> None:
    service = service_named(name, Settings())
    assert service.registry.classes() == catalogue
    assert {c.type for c in service.registry if c.topic == service.output} <= catalogue.keys()


def test_the_catalogue_is_installed_with_the_services() -> None:
    """A wheel that leaves it out would let nothing out."""
    root = Path(__file__).resolve().parents[2]
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    packages = project["tool"]["setuptools"]["packages"]["find"]["include"]
    assert TOPICS.relative_to(root).as_posix().replace("/", ".") in packages
