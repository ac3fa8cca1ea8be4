"""The JSON Schema of rule files, made from the model that reads them; an editor that knows it helps who writes one.

It says what a file looks like, not all that it must hold: ``pathway rules check`` says that.
"""

import json
from typing import Any, Final

from services.programmes.conditions import Operator
from services.programmes.vocabulary import Number
from services.triage.domain.facts import FIELDS, PARAMETERS
from services.triage.domain.rules import RuleSet

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
ID: Final = "/schemas/rules.schema.json"


def rule_file_schema() -> dict[str, Any]:
    """Return the schema (2020-12)."""
    body = RuleSet.model_json_schema(by_alias=True)
    del body["properties"]["sha256"]
    body["required"].remove("sha256")
    body["$defs"]["Test"] = _test()
    _untitled(body)
    return {
        "$schema": DIALECT,
        "$id": ID,
        "title": "Matching rules",
        "description": "A file of triage's matching rules: services/triage/rules/<ruleset>-<version>.yaml.",
        **{key: value for key, value in body.items() if key not in {"title", "description"}},
    }


def schema_text() -> str:
    """Return the schema as it stands in its file."""
    return json.dumps(rule_file_schema(), indent=2, ensure_ascii=False) + "\n"


def _test() -> dict[str, Any]:
    """Return a test as a file writes it: its subject, and one operator as a key with the value beside it."""
    values = {operator.value: _value(operator) for operator in Operator}
    return {
        "type": "object",
        "description": "A comparison of one field, or one parameter, with a value.",
        "properties": {
            "field": {"enum": list(FIELDS)},
            "parameter": {"enum": list(PARAMETERS)},
            **values,
        },
        "oneOf": [{"required": ["field"]}, {"required": ["parameter"]}],
        "minProperties": 2,
        "maxProperties": 2,
        "additionalProperties": False,
    }


def _value(operator: Operator) -> dict[str, Any]:
    parameter = {"$ref": "#/$defs/Parameter"}
    fits = [kind for kind in (*FIELDS.values(), *PARAMETERS.values()) if operator in kind.operators]
    if operator is Operator.KNOWN:
        return {"type": "boolean"}
    if operator in {Operator.IN, Operator.INCLUDES_ANY}:
        return {"type": "array", "items": {"type": "string"}, "minItems": 1}
    if operator is Operator.IS:
        return {"anyOf": [{"type": "boolean"}, {"type": "string"}, parameter]}
    if all(isinstance(kind, Number) for kind in fits):
        return {"anyOf": [{"type": "integer"}, parameter]}
    return {"anyOf": [{"type": "string"}, parameter]}


def _untitled(schema: Any) -> None:
    """Take out the titles that only repeat a field's name."""
    if isinstance(schema, dict):
        if isinstance(schema.get("title"), str):
            del schema["title"]
        for value in schema.values():
            _untitled(value)
    elif isinstance(schema, list):
        for value in schema:
            _untitled(value)
