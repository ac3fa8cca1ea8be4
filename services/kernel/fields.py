"""The fields of a JSON Schema as dotted paths, the way the topic catalogue classes them."""

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

JOSE = "application/jose"
"""The media type (RFC 7515) of a sealed field."""
_SAYS_WHAT_IT_HOLDS = ("type", "enum", "const")


def paths(schema: Schema) -> frozenset[str]:
    """Return the path of every field: ``author.id``, ``lines[].amount``, ``sealed.note``.

    Objects and lists of objects are named by their fields, everything else by itself; the variants of
    a union share their paths.
    """
    return frozenset(path for path, _ in leaves(schema))


def leaves(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """Yield each field's path with its schema; of a list of plain values the schema of one.

    A path comes as often as variants have it. What takes names that it does not list (a map, an open object) is a leaf
    itself.
    """
    return _walk(schema, schema, "")


def is_sealed(schema: Schema) -> bool:
    """Tell whether a field's content travels sealed."""
    return schema.get("contentMediaType") == JOSE


def holds_anything(schema: Schema) -> bool:
    """Tell whether a field may hold what its schema does not say: then its class says nothing either."""
    return not any(word in schema for word in _SAYS_WHAT_IT_HOLDS) or schema.get("type") in {"object", "array"}


def resolve(schema: Schema, root: Schema) -> Schema:
    """Follow ``$ref`` within the file. Raises KeyError when it points nowhere."""
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    return schema


def _walk(schema: Schema, root: Schema, path: str) -> Iterator[tuple[str, Schema]]:
    schema = resolve(schema, root)
    inner = _variants(schema, root)
    if inner:
        for variant in inner:
            yield from _walk(variant, root, path)
    elif "properties" in schema:
        for name, field in schema["properties"].items():
            yield from _walk(field, root, f"{path}.{name}" if path else name)
        if schema.get("additionalProperties", False) is not False:
            yield path, {"type": "object"}
    elif "items" in schema:
        yield from _walk(schema["items"], root, f"{path}[]" if _holds_objects(schema["items"], root) else path)
    else:
        yield path, schema


def _variants(schema: Schema, root: Schema) -> list[Schema]:
    variants = [resolve(v, root) for v in (*schema.get("anyOf", ()), *schema.get("oneOf", ()))]
    return [v for v in variants if v.get("type") != "null"]


def _holds_objects(schema: Schema, root: Schema) -> bool:
    schema = resolve(schema, root)
    return "properties" in schema or any(_holds_objects(v, root) for v in _variants(schema, root))
