"""Minors live together both ways; every kind of break is seen and named."""

import copy
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from services.contracts.compatibility import BreakKind, Direction, breaks
from services.contracts.schemas import schema_of
from services.kernel.registry import Contract
from tests.contract.published import CONTRACTS, SCHEMAS, earlier_examples, name_of

Schema = dict[str, Any]


def versions(folder: Path) -> list[tuple[tuple[int, int], Path]]:
    found = []
    for file in folder.glob("*.schema.json"):
        major, minor = file.name.removesuffix(".schema.json").split(".")
        found.append(((int(major), int(minor)), file))
    return sorted(found)


def parted(folder: Path) -> list[str]:
    """The breaks between any two minors of one major; drafts (0.x) promise nothing."""
    return [
        f"{older.name} and {newer.name}: {found}"
        for (was, older), (now, newer) in itertools.combinations(versions(folder), 2)
        if was[0] == now[0] > 0
        for found in breaks(json.loads(older.read_text("utf-8")), json.loads(newer.read_text("utf-8")))
    ]


@pytest.mark.parametrize("contract", CONTRACTS, ids=name_of)
def test_every_minor_lives_with_every_earlier_one(contract: Contract) -> None:
    assert parted(SCHEMAS / "events" / contract.name) == []


@pytest.mark.parametrize("contract", CONTRACTS, ids=name_of)
def test_what_earlier_versions_wrote_is_read_today(contract: Contract) -> None:
    for example in earlier_examples(contract):
        contract.model.model_validate_json(example.text)


@pytest.mark.parametrize("contract", CONTRACTS, ids=name_of)
def test_a_schema_lives_with_itself(contract: Contract) -> None:
    assert breaks(schema_of(contract), schema_of(contract)) == ()


def test_a_minor_that_parts_from_its_second_last_is_seen(tmp_path: Path) -> None:
    first: Schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    third: Schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    for name, schema in (("1.0", first), ("1.1", first), ("1.2", third), ("2.0", {"type": "string"})):
        (tmp_path / f"{name}.schema.json").write_text(json.dumps(schema), "utf-8")
    assert [line.split(":")[0] for line in parted(tmp_path)] == [
        "1.0.schema.json and 1.2.schema.json",
        "1.1.schema.json and 1.2.schema.json",
    ]


BASE: Schema = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z]+$"},
        "count": {"type": "integer", "minimum": 0, "maximum": 10},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "when": {"type": "string", "format": "date"},
        "colour": {"$ref": "#/$defs/Colour"},
        "parts": {"type": "array", "items": {"$ref": "#/$defs/Part"}},
        "answers": {
            "type": "object",
            "propertyNames": {"$ref": "#/$defs/Colour"},
            "additionalProperties": {"type": "boolean"},
        },
        "secret": {
            "type": "string",
            "contentMediaType": "application/jose",
            "contentSchema": {
                "type": "object",
                "properties": {"colour": {"$ref": "#/$defs/Colour"}},
                "required": ["colour"],
            },
        },
        "change": {
            "discriminator": {"propertyName": "kind", "mapping": {"part": "#/$defs/Part", "other": "#/$defs/Other"}},
            "oneOf": [{"$ref": "#/$defs/Part"}, {"$ref": "#/$defs/Other"}],
        },
    },
    "required": ["name", "count", "note", "when", "colour", "parts", "answers", "secret", "change"],
    "$defs": {
        "Colour": {"type": "string", "enum": ["red", "green"]},
        "Part": {
            "type": "object",
            "properties": {"kind": {"const": "part", "type": "string"}, "size": {"type": "integer"}},
            "required": ["kind", "size"],
        },
        "Other": {
            "type": "object",
            "properties": {"kind": {"const": "other", "type": "string"}},
            "required": ["kind"],
        },
    },
}

Edit = Callable[[Schema], Any]
CASES: list[tuple[str, Edit, BreakKind, str]] = [
    ("removed", lambda s: s["properties"].pop("name"), BreakKind.FIELD_REMOVED, "name"),
    (
        "required added",
        lambda s: (s["properties"].update(extra={"type": "string"}), s["required"].append("extra")),
        BreakKind.REQUIRED_FIELD_ADDED,
        "extra",
    ),
    ("optional", lambda s: s["required"].remove("count"), BreakKind.FIELD_BECAME_OPTIONAL, "count"),
    ("type", lambda s: s["properties"].update(name={"type": "integer"}), BreakKind.TYPE_CHANGED, "name"),
    (
        "null allowed",
        lambda s: s["properties"].update(
            count={"anyOf": [s["properties"]["count"], {"type": "null"}]},
        ),
        BreakKind.NULL_ALLOWED,
        "count",
    ),
    ("null refused", lambda s: s["properties"].update(note={"type": "string"}), BreakKind.NULL_REFUSED, "note"),
    ("code added", lambda s: s["$defs"]["Colour"]["enum"].append("blue"), BreakKind.CODE_ADDED, "colour"),
    ("code removed", lambda s: s["$defs"]["Colour"]["enum"].remove("red"), BreakKind.CODE_REMOVED, "colour"),
    ("key added", lambda s: s["$defs"]["Colour"]["enum"].append("blue"), BreakKind.CODE_ADDED, "answers{}"),
    ("list lifted", lambda s: s["$defs"]["Colour"].pop("enum"), BreakKind.CODE_ADDED, "colour"),
    ("list imposed", lambda s: s["properties"]["when"].update(enum=["x"]), BreakKind.CODE_REMOVED, "when"),
    ("raised", lambda s: s["properties"]["count"].update(maximum=11), BreakKind.LIMIT_WIDENED, "count"),
    ("lowered", lambda s: s["properties"]["count"].update(maximum=9), BreakKind.LIMIT_NARROWED, "count"),
    ("floor up", lambda s: s["properties"]["count"].update(minimum=1), BreakKind.LIMIT_NARROWED, "count"),
    ("floor gone", lambda s: s["properties"]["count"].pop("minimum"), BreakKind.LIMIT_WIDENED, "count"),
    ("pattern", lambda s: s["properties"]["name"].update(pattern="^.$"), BreakKind.PATTERN_CHANGED, "name"),
    ("format", lambda s: s["properties"]["when"].pop("format"), BreakKind.PATTERN_CHANGED, "when"),
    (
        "in a list",
        lambda s: s["$defs"]["Part"]["properties"].update(size={"type": "string"}),
        BreakKind.TYPE_CHANGED,
        "parts[].size",
    ),
    (
        "in a variant",
        lambda s: s["$defs"]["Part"]["properties"].update(size={"type": "string"}),
        BreakKind.TYPE_CHANGED,
        "change<part>.size",
    ),
    (
        "in a map",
        lambda s: s["properties"]["answers"].update(additionalProperties={"type": "string"}),
        BreakKind.TYPE_CHANGED,
        "answers.*",
    ),
    (
        "sealed, code added",
        lambda s: s["$defs"]["Colour"]["enum"].append("blue"),
        BreakKind.CODE_ADDED,
        "secret().colour",
    ),
    (
        "sealed, field gone",
        lambda s: s["properties"]["secret"]["contentSchema"]["properties"].pop("colour"),
        BreakKind.FIELD_REMOVED,
        "secret().colour",
    ),
    ("no longer sealed", lambda s: s["properties"].update(secret={"type": "string"}), BreakKind.TYPE_CHANGED, "secret"),
    (
        "variant gone",
        lambda s: (
            s["properties"]["change"]["discriminator"]["mapping"].pop("other"),
            s["properties"]["change"]["oneOf"].pop(),
        ),
        BreakKind.VARIANT_REMOVED,
        "change<other>",
    ),
]
OPPOSITE = {
    BreakKind.FIELD_REMOVED: BreakKind.REQUIRED_FIELD_ADDED,
    BreakKind.REQUIRED_FIELD_ADDED: BreakKind.FIELD_REMOVED,
    BreakKind.FIELD_BECAME_OPTIONAL: BreakKind.FIELD_BECAME_REQUIRED,
    BreakKind.TYPE_CHANGED: BreakKind.TYPE_CHANGED,
    BreakKind.NULL_ALLOWED: BreakKind.NULL_REFUSED,
    BreakKind.NULL_REFUSED: BreakKind.NULL_ALLOWED,
    BreakKind.CODE_ADDED: BreakKind.CODE_REMOVED,
    BreakKind.CODE_REMOVED: BreakKind.CODE_ADDED,
    BreakKind.LIMIT_WIDENED: BreakKind.LIMIT_NARROWED,
    BreakKind.LIMIT_NARROWED: BreakKind.LIMIT_WIDENED,
    BreakKind.PATTERN_CHANGED: BreakKind.PATTERN_CHANGED,
    BreakKind.VARIANT_REMOVED: BreakKind.VARIANT_ADDED,
}


@pytest.mark.parametrize(("edit", "kind", "path"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_a_break_is_named_at_its_place_and_its_opposite_the_other_way(edit: Edit, kind: BreakKind, path: str) -> None:
    edited = copy.deepcopy(BASE)
    edit(edited)
    assert (kind, path) in [(b.kind, b.path) for b in breaks(BASE, edited)]
    assert (OPPOSITE[kind], path) in [(b.kind, b.path) for b in breaks(edited, BASE)]


def test_every_kind_of_break_is_tried() -> None:
    assert {c[2] for c in CASES} | set(OPPOSITE.values()) == set(BreakKind)


def test_an_optional_field_may_be_added() -> None:
    edited = copy.deepcopy(BASE)
    edited["properties"]["extra"] = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    assert breaks(BASE, edited) == ()


def test_a_report_reads_as_a_sentence() -> None:
    edited = copy.deepcopy(BASE)
    edited["properties"]["count"]["maximum"] = 9
    (found,) = breaks(BASE, edited)
    assert found.direction is Direction.BACKWARD
    assert str(found) == "count: limit narrowed (backward): maximum 10 to 9"
