"""Whether two versions of a schema can live together, as a list of named breaks.

*Backward*: a reader of the newer version can read what was written under the older one (a replay).
*Forward*: a reader of the older version can read what is written under the newer one (a subscriber who
has not moved yet; unknown fields are ignored). Within a major every minor must be both, against every
earlier minor. What is sealed counts as well (``sealed.assessment()``): it is kept as long as the rest.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from services.kernel.fields import Schema, is_sealed, resolve


class Direction(StrEnum):
    """Whose reading breaks."""

    BACKWARD = "backward"
    FORWARD = "forward"
    BOTH = "both"


class BreakKind(StrEnum):
    """Each way in which two versions part."""

    FIELD_REMOVED = "field removed"
    REQUIRED_FIELD_ADDED = "required field added"
    FIELD_BECAME_REQUIRED = "optional field became required"
    FIELD_BECAME_OPTIONAL = "required field became optional"
    TYPE_CHANGED = "type changed"
    NULL_ALLOWED = "null allowed"
    NULL_REFUSED = "null refused"
    CODE_ADDED = "code added"
    CODE_REMOVED = "code removed"
    VARIANT_ADDED = "variant added"
    VARIANT_REMOVED = "variant removed"
    LIMIT_WIDENED = "limit widened"
    LIMIT_NARROWED = "limit narrowed"
    PATTERN_CHANGED = "pattern or format changed"


_DIRECTION: Mapping[BreakKind, Direction] = {
    BreakKind.FIELD_REMOVED: Direction.FORWARD,
    BreakKind.REQUIRED_FIELD_ADDED: Direction.BACKWARD,
    BreakKind.FIELD_BECAME_REQUIRED: Direction.BACKWARD,
    BreakKind.FIELD_BECAME_OPTIONAL: Direction.FORWARD,
    BreakKind.TYPE_CHANGED: Direction.BOTH,
    BreakKind.NULL_ALLOWED: Direction.FORWARD,
    BreakKind.NULL_REFUSED: Direction.BACKWARD,
    BreakKind.CODE_ADDED: Direction.FORWARD,
    BreakKind.CODE_REMOVED: Direction.BACKWARD,
    BreakKind.VARIANT_ADDED: Direction.FORWARD,
    BreakKind.VARIANT_REMOVED: Direction.BACKWARD,
    BreakKind.LIMIT_WIDENED: Direction.FORWARD,
    BreakKind.LIMIT_NARROWED: Direction.BACKWARD,
    BreakKind.PATTERN_CHANGED: Direction.BOTH,
}

_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")


@dataclass(frozen=True, slots=True)
class Break:
    """One break: what kind, at which field, and what exactly."""

    kind: BreakKind
    path: str
    detail: str = ""

    @property
    def direction(self) -> Direction:
        """Whose reading it breaks."""
        return _DIRECTION[self.kind]

    def __str__(self) -> str:
        return f"{self.path or 'whole event'}: {self.kind} ({self.direction}){': ' if self.detail else ''}{self.detail}"


def breaks(older: Schema, newer: Schema) -> tuple[Break, ...]:
    """Return every break between two versions of one event's schema, in the order of the fields."""
    return tuple(_Comparison(older, newer).compare(older, newer, ""))


class _Comparison:
    def __init__(self, older: Schema, newer: Schema) -> None:
        self._older = older
        self._newer = newer

    def compare(self, old: Schema, new: Schema, path: str) -> Iterator[Break]:
        old, old_null = _without_null(old, self._older)
        new, new_null = _without_null(new, self._newer)
        if new_null and not old_null:
            yield Break(BreakKind.NULL_ALLOWED, path)
        if old_null and not new_null:
            yield Break(BreakKind.NULL_REFUSED, path)
        if _shape(old) != _shape(new):
            yield Break(BreakKind.TYPE_CHANGED, path, f"{_shape(old)} to {_shape(new)}")
            return
        yield from _codes(old, new, path)
        yield from _limits(old, new, path)
        match _shape(old):
            case "union":
                yield from self._variants(old, new, path)
            case "object":
                yield from self._fields(old, new, path)
            case "map":
                yield from self.compare(old.get("propertyNames", {}), new.get("propertyNames", {}), f"{path}{{}}")
                yield from self.compare(old["additionalProperties"], new["additionalProperties"], f"{path}.*")
            case "sealed":
                yield from self.compare(old["contentSchema"], new["contentSchema"], f"{path}()")
            case "array":
                yield from self.compare(old.get("items", {}), new.get("items", {}), f"{path}[]")

    def _fields(self, old: Schema, new: Schema, path: str) -> Iterator[Break]:
        before, after = old["properties"], new["properties"]
        was, now = set(old.get("required", ())), set(new.get("required", ()))
        for name in (*before, *(name for name in after if name not in before)):
            here = f"{path}.{name}" if path else name
            if name not in after:
                yield Break(BreakKind.FIELD_REMOVED, here)
            elif name not in before:
                if name in now:
                    yield Break(BreakKind.REQUIRED_FIELD_ADDED, here)
            else:
                if name in now - was:
                    yield Break(BreakKind.FIELD_BECAME_REQUIRED, here)
                if name in was - now:
                    yield Break(BreakKind.FIELD_BECAME_OPTIONAL, here)
                yield from self.compare(before[name], after[name], here)

    def _variants(self, old: Schema, new: Schema, path: str) -> Iterator[Break]:
        before, after = _variants(old, self._older), _variants(new, self._newer)
        for name in (*before, *(name for name in after if name not in before)):
            here = f"{path}<{name}>"
            if name not in after:
                yield Break(BreakKind.VARIANT_REMOVED, here)
            elif name not in before:
                yield Break(BreakKind.VARIANT_ADDED, here)
            else:
                yield from self.compare(before[name], after[name], here)


def _without_null(schema: Schema, root: Schema) -> tuple[Schema, bool]:
    schema = resolve(schema, root)
    options = [resolve(option, root) for option in schema.get("anyOf", ())]
    if not options:
        return schema, schema.get("type") == "null"
    rest = [option for option in options if option.get("type") != "null"]
    return (rest[0] if len(rest) == 1 else {"oneOf": rest}), len(rest) < len(options)


def _shape(schema: Schema) -> str:
    if "oneOf" in schema:
        return "union"
    if "properties" in schema:
        return "object"
    if isinstance(schema.get("additionalProperties"), Mapping):
        return "map"
    if is_sealed(schema):
        return "sealed"
    return str(schema.get("type", "any"))


def _variants(schema: Schema, root: Schema) -> dict[str, Schema]:
    mapping = schema.get("discriminator", {}).get("mapping")
    if mapping:
        return {name: resolve({"$ref": reference}, root) for name, reference in mapping.items()}
    return {str(index): resolve(option, root) for index, option in enumerate(schema["oneOf"])}


def _codes(old: Schema, new: Schema, path: str) -> Iterator[Break]:
    before, after = _values(old), _values(new)
    if before is None and after is None:
        return
    if before is None:
        yield Break(BreakKind.CODE_REMOVED, path, "any value was allowed, now a list is")
    elif after is None:
        yield Break(BreakKind.CODE_ADDED, path, "a list was allowed, now any value is")
    else:
        for value in (value for value in before if value not in after):
            yield Break(BreakKind.CODE_REMOVED, path, str(value))
        for value in (value for value in after if value not in before):
            yield Break(BreakKind.CODE_ADDED, path, str(value))


def _values(schema: Schema) -> list[Any] | None:
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _limits(old: Schema, new: Schema, path: str) -> Iterator[Break]:
    for keywords, sign in ((_LOWER, 1), (_UPPER, -1)):
        for keyword in keywords:
            before, after = old.get(keyword), new.get(keyword)
            if before == after:
                continue
            narrower = after is not None and (before is None or sign * after > sign * before)
            kind = BreakKind.LIMIT_NARROWED if narrower else BreakKind.LIMIT_WIDENED
            yield Break(kind, path, f"{keyword} {before} to {after}")
    for keyword in ("pattern", "format"):
        if old.get(keyword) != new.get(keyword):
            yield Break(BreakKind.PATTERN_CHANGED, path, f"{old.get(keyword)} to {new.get(keyword)}")
