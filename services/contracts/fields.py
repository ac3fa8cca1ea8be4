"""The fields of a JSON Schema as dotted paths, the way the topic catalogue classes them."""

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

SEALED = "sealed"
"""The name of every object that is one class as a whole: it becomes ciphertext, so its inside has none."""


def paths(schema: Schema) -> frozenset[str]:
    """Return the path of every field: ``programme.id``, ``package[].after``, ``sealed`` (whole).

    Objects and lists of objects are named by their fields, everything else by itself; the variants of
    a union share their paths.
    """
    return frozenset(_walk(schema, schema, ""))


def resolve(schema: Schema, root: Schema) -> Schema:
    """Follow ``$ref`` within the file. Raises KeyError when it points nowhere."""
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    return schema


def _walk(schema: Schema, root: Schema, path: str) -> Iterator[str]:
    schema = resolve(schema, root)
    variants = [resolve(v, root) for v in (*schema.get("anyOf", ()), *schema.get("oneOf", ()))]
    inner = [v for v in variants if v.get("type") != "null"]
    if inner:
        for variant in inner:
            yield from _walk(variant, root, path)
    elif "properties" in schema:
        for name, field in schema["properties"].items():
            here = f"{path}.{name}" if path else name
            if name == SEALED:
                yield here
            else:
                yield from _walk(field, root, here)
    elif "items" in schema and _holds_objects(schema["items"], root):
        yield from _walk(schema["items"], root, f"{path}[]")
    elif path:
        yield path


def _holds_objects(schema: Schema, root: Schema) -> bool:
    schema = resolve(schema, root)
    return "properties" in schema or any(
        _holds_objects(v, root) for v in (*schema.get("anyOf", ()), *schema.get("oneOf", ()))
    )
