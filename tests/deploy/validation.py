"""Whether Kubernetes documents are what the API of a version takes: kinds and fields known, types right.

The server drops a misspelt field without a word unless it is asked to be strict; here it is a fault.
"""

import base64
import binascii
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator, FormatChecker, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend

Document = dict[str, Any]

SCHEMAS = Path(__file__).parent / "schemas"
VERSIONS = tuple(sorted(path.stem.removeprefix("kubernetes-") for path in SCHEMAS.glob("kubernetes-*.json")))
LARGEST = 1024 * 1024  # bytes of a ConfigMap's or a Secret's values, by the API's own limit
formats = FormatChecker(("date-time",))


@formats.checks("byte")
def is_base64(value: object) -> bool:
    """Whether a string is base64 with its padding, as a Secret's `data` must be."""
    try:
        return not isinstance(value, str) or base64.b64decode(value, validate=True) is not None
    except binascii.Error:
        return False


def unique_by_keys(
    _: Validator, keys: list[str], instance: Any, schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    """Refuse two elements of a list under one key (two ports, two variables): a server-side apply refuses them."""
    seen: list[list[Any]] = []
    for index, element in enumerate(instance if isinstance(instance, list) else []):
        if isinstance(element, dict):
            key = [element.get(each, "TCP" if each == "protocol" else None) for each in keys]
            if key in seen:
                named = ", ".join(f"{name} {value}" for name, value in zip(keys, key, strict=True) if value is not None)
                yield ValidationError(f"{named} is there twice", path=[index])
            seen.append(key)


Strict = extend(  # type: ignore[no-untyped-call]
    Draft7Validator, {"x-kubernetes-list-map-keys": unique_by_keys}
)


@cache
def validators(version: str) -> dict[str, Validator]:
    """Return a validator for each kind (`apps/v1/Deployment`) that a cluster of `version` with our operators takes."""
    if version not in VERSIONS:
        raise ValueError(f"no schemas of Kubernetes {version}: there are {', '.join(VERSIONS)}")
    core = json.loads((SCHEMAS / f"kubernetes-{version}.json").read_text())
    kinds = dict(core["kinds"])
    for path in SCHEMAS.glob("*.json"):
        if not path.stem.startswith("kubernetes-"):
            kinds |= json.loads(path.read_text())["kinds"]
    definitions = core["definitions"]
    return {
        kind: Strict({**schema, "definitions": definitions}, format_checker=formats) for kind, schema in kinds.items()
    }


def name_of(document: Mapping[str, Any]) -> str:
    """Return how a document is named in a fault: `Deployment intake-api`."""
    metadata = document.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return f"{document.get('kind', 'a document without kind')} {name or 'without name'}"


def faults(documents: Iterable[Any], version: str) -> list[str]:
    """Return everything wrong with `documents` for a cluster of `version` ("1.34"): name, pointer, what is wrong."""
    known = validators(version)
    found: list[str] = []
    seen: set[tuple[str, str, str]] = set()
    for place, document in enumerate(documents):
        if not isinstance(document, dict):
            found.append(f"document {place}: not an object")
            continue
        name = name_of(document)
        kind = f"{document.get('apiVersion')}/{document.get('kind')}"
        if kind not in known:
            found.append(f"{name}: {kind} is no kind of Kubernetes {version} or of an operator we use")
            continue
        told = (each for error in known[kind].iter_errors(document) for each in plainly(error))
        errors = sorted(told, key=lambda error: [str(step) for step in error.absolute_path])
        found += [f"{name}: {pointer(error)}: {error.message[:300]}" for error in errors]
        found += [f"{name}: {fault}" for fault in beyond_schema(document)]
        identity = (kind, *identity_of(document))
        if identity in seen:
            found.append(f"{name}: is there twice")
        seen.add(identity)
    return found


def plainly(error: ValidationError) -> Iterator[ValidationError]:
    """Yield what is wrong with the one alternative that an object's `type` chooses; else the error as it is."""
    branches: dict[Any, list[ValidationError]] = {}
    for each in error.context or []:
        branches.setdefault(each.schema_path[0], []).append(each)
    chosen = [faulty for faulty in branches.values() if not any(list(each.path) == ["type"] for each in faulty)]
    if error.validator == "oneOf" and len(chosen) == 1:
        for each in chosen[0]:
            yield from plainly(each)
    else:
        yield error


def identity_of(document: Document) -> tuple[str, str]:
    """Return namespace and name, empty where there is none."""
    metadata = document.get("metadata")
    if not isinstance(metadata, dict):
        return "", ""
    return str(metadata.get("namespace", "")), str(metadata.get("name", ""))


def beyond_schema(document: Document) -> Iterator[str]:
    """Yield faults that a schema cannot say: no name, values larger than the API keeps."""
    if not identity_of(document)[1]:
        yield "/metadata: 'name' is missing"
    if document.get("kind") in {"ConfigMap", "Secret"}:
        fields = [document.get(key) for key in ("data", "binaryData", "stringData")]
        size = sum(len(str(value).encode()) for field in fields if isinstance(field, dict) for value in field.values())
        if size > LARGEST:
            yield f"{size:,} bytes of values, more than the {LARGEST:,} that the API keeps"


def pointer(error: ValidationError) -> str:
    """Return the JSON pointer of what is wrong; the document itself is `/`."""
    return "/" + "/".join(str(step).replace("~", "~0").replace("/", "~1") for step in error.absolute_path)
