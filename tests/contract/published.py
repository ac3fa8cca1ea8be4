"""What stands under ``schemas/``, read once for the contract tests."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, ValidationError

from services.contracts.registry import EVENTS
from services.contracts.schemas import path_of
from services.kernel.registry import Contract

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "schemas"
CONTRACTS = tuple(EVENTS)

KEYWORD_OF = {
    "missing": "required",
    "null": "type",
    "wrong_type": "type",
    "wrong_value": "const",
    "unknown_code": "enum",
    "unknown_key": "enum",
    "malformed": "pattern",
    "not_a_date": "format",
    "not_a_time": "format",
    "above_maximum": "maximum",
    "below_minimum": "minimum",
    "too_many": "maxItems",
    "no_variant": "oneOf",
}
"""The reason in a failing example's name and the JSON Schema keyword that must refuse it."""


@dataclass(frozen=True)
class Example:
    """One example file. ``reason`` and ``path`` are empty for an example that passes."""

    contract: Contract
    file: Path
    reason: str = ""
    path: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return self.file.read_text("utf-8")

    @property
    def data(self) -> Any:
        return json.loads(self.text)


def _read(contract: Contract, file: Path) -> Example:
    stem, _, outcome = file.name.removesuffix(".json").rpartition(".")
    if outcome == "pass":
        return Example(contract, file)
    assert outcome == "fail", f"{file.name}: name it <case>.pass.json or <case>.<reason>-<path>.fail.json"
    reason, _, path = stem.partition(".")[2].partition("-")
    assert reason in KEYWORD_OF, f"{file.name}: no such reason; use one of {', '.join(KEYWORD_OF)}"
    return Example(contract, file, reason, tuple(path.split(".")) if path else ())


def examples_of(contract: Contract, version: str = "") -> list[Example]:
    """The examples of the version that is written now, or of another one."""
    folder = path_of(contract).parent / "examples" / (version or contract.version)
    return [_read(contract, file) for file in sorted(folder.iterdir())]


def earlier_examples(contract: Contract) -> list[Example]:
    """The passing examples of every earlier version that is kept."""
    folders = (path_of(contract).parent / "examples").iterdir()
    versions = sorted(folder.name for folder in folders if folder.name != contract.version)
    return [e for version in versions for e in examples_of(contract, version) if not e.reason]


def passing() -> list[Example]:
    return [e for contract in CONTRACTS for e in examples_of(contract) if not e.reason]


def failing() -> list[Example]:
    return [e for contract in CONTRACTS for e in examples_of(contract) if e.reason]


def name_of(value: object) -> str:
    match value:
        case Example():
            return f"{value.contract.name}/{value.file.name.removesuffix('.json')}"
        case Contract():
            return value.name
        case _:
            return str(value)


@cache
def validator(contract: Contract) -> Draft202012Validator:
    """A validator of the file as published, formats included."""
    schema = json.loads(path_of(contract).read_text("utf-8"))
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def with_causes(errors: Iterable[ValidationError]) -> Iterator[ValidationError]:
    """Errors, each followed by what led to it in the variants of a union."""
    for error in errors:
        yield error
        yield from with_causes(error.context or ())


def objects_in(data: Any) -> Iterator[dict[str, Any]]:
    """Every object inside ``data``, except the map of red flags, whose keys are codes."""
    if isinstance(data, dict):
        yield data
        for name, value in data.items():
            if name != "red_flags":
                yield from objects_in(value)
    elif isinstance(data, list):
        for value in data:
            yield from objects_in(value)
