"""JSON Schema files from the event models: ``python -m services.contracts.schemas [--check]``.

The files under ``schemas/events`` are what subscribers read; a test holds them equal to the models.
``schemas/released.sha256`` lists the files that never change again (versions from 1.0); this module
refuses to touch a file that stands there.
"""

import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from services.contracts.registry import EVENTS
from services.kernel.registry import Contract

ROOT = Path(__file__).resolve().parents[2]
DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _Generator(GenerateJsonSchema):
    """Pydantic's generator without a title on every field, and with the ``kind`` of a union required."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Leave the titles to the models: a field's title would only repeat its name."""
        return False

    def field_is_required(
        self,
        field: core_schema.ModelField | core_schema.DataclassField | core_schema.TypedDictField,
        total: bool,
    ) -> bool:
        """Require a fixed value too: it has a default for whoever writes it, never for whoever reads it."""
        value = field["schema"]
        if value["type"] == "default" and value["schema"]["type"] == "literal":
            return True
        return super().field_is_required(field, total)

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> dict[str, Any]:
        """Leave defaults out: what an absent field means is said by the model that reads it."""
        return self.generate_inner(schema["schema"])


def schema_of(contract: Contract) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of an event type's ``data``."""
    body = contract.model.model_json_schema(schema_generator=_Generator)
    description = body.pop("description")
    title = body.pop("title")
    return {
        "$schema": DIALECT,
        "$id": contract.dataschema,
        "title": title,
        "description": description,
        "x-type": contract.type,
        "x-topic": contract.topic,
        "x-producer": contract.producer,
        **body,
    }


def text_of(schema: Mapping[str, Any]) -> str:
    """Return a schema as it stands in its file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def path_of(contract: Contract, root: Path = ROOT) -> Path:
    """Return where the schema file of a type stands."""
    return root / contract.dataschema.removeprefix("/")


def released(root: Path = ROOT) -> dict[str, str]:
    """Return the released files, relative to ``schemas/``, with their SHA-256 (``sha256sum`` format)."""
    lines = (root / "schemas" / "released.sha256").read_text("utf-8").splitlines()
    entries = (line.split(maxsplit=1) for line in lines if line and not line.startswith("#"))
    return {name.strip(): digest for digest, name in entries}


def release_faults(root: Path = ROOT) -> list[str]:
    """Return what is wrong with the released files: changed, missing, released drafts, unlisted releases."""
    listed = released(root)
    faults = []
    for name, digest in listed.items():
        file = root / "schemas" / name
        if file.name.startswith("0."):
            faults.append(f"{name} is a draft. Take it out of released.sha256.")
        if not file.is_file():
            faults.append(f"{name} is released and missing. Restore it.")
        elif hashlib.sha256(file.read_bytes()).hexdigest() != digest:
            faults.append(f"{name} is released and has changed. Restore it and write a new minor.")
    for file in sorted((root / "schemas" / "events").glob("*/*.schema.json")):
        name = file.relative_to(root / "schemas").as_posix()
        if not file.name.startswith("0.") and name not in listed:
            faults.append(f"{name} is no draft and not listed. Add its SHA-256 to released.sha256.")
    return faults


def differences(root: Path = ROOT) -> dict[Path, str]:
    """Return the schema files that differ from the models, with the text that they should have."""
    wanted = {path_of(contract, root): text_of(schema_of(contract)) for contract in EVENTS}
    return {p: text for p, text in wanted.items() if not p.is_file() or p.read_text("utf-8") != text}


def main(arguments: list[str], root: Path = ROOT) -> int:
    """Write the files that differ; with ``--check`` only name them and answer 1."""
    stale = differences(root)
    frozen = {root / "schemas" / name for name in released(root)}
    for path, text in stale.items():
        name = path.relative_to(root)
        if path in frozen:
            print(f"{name} is released; its model has changed. Raise the minor in the registry.")
            return 1
        if "--check" in arguments:
            print(f"{name} differs from its model. Run: python -m services.contracts.schemas")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
            print(f"wrote {name}")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
