"""What may leave: events whose every field has a class, and of class sealed only what is a sealed field.

A field that nobody classed is a field of which nobody decided who may read it; a plain field in the place of a sealed
one is a secret in clear, in a log that is never cleaned. Tests find both before a release does. This is what
holds when they did not: a process that would emit such a type does not start, and the outbox refuses it, as a bug. A
type's model is looked at once a process (1 to 100 ms).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from services.kernel.fields import holds_anything, is_sealed, leaves
from services.kernel.registry import Contract, FieldClass, Model, Registry


class MustNotLeave(Exception):
    """An event that may not be published as it is: a bug. The message names types and fields, never a value."""


def class_faults(model: Model, classes: Mapping[str, FieldClass]) -> tuple[str, ...]:
    """Return what is wrong with the fields that ``model`` writes, one line each; none if it may leave."""
    found = leaves(model.model_json_schema(mode="serialization"))
    return tuple(dict.fromkeys(fault for path, schema in found for fault in _faults(path, schema, classes.get(path))))


def _faults(path: str, schema: Mapping[str, Any], given: FieldClass | None) -> Iterator[str]:
    if given is None:
        yield f"{path or 'the whole'} has no class"
    elif given is FieldClass.SEALED and not is_sealed(schema):
        yield f"{path} is of class sealed and not sealed"
    elif given is not FieldClass.SEALED and is_sealed(schema):
        yield f"{path} is sealed and of class {given}"
    if holds_anything(schema):
        yield f"{path or 'the whole'} may hold anything"


def let_out(registry: Registry, event_type: str, data: Any) -> None:
    """Raise MustNotLeave unless ``data`` is of the type's model and that model may leave.

    Whatever reading the classes raises goes on as it is; it is read again the next time.
    """
    contract = registry[event_type]
    if type(data) is not contract.model:
        raise MustNotLeave(f"{event_type} is no {type(data).__name__}")
    faults = _faults_of(registry, contract)
    if faults:
        raise MustNotLeave(f"{event_type}: {'; '.join(faults)}")


def check_outputs(registry: Registry, source: str) -> None:
    """Look at all that a service emits, before its first event has to wait for it.

    Raises MustNotLeave with everything that is wrong, or what reading the classes raises.
    """
    faults = [f"{c.type}: {fault}" for c in registry if c.source == source for fault in _faults_of(registry, c)]
    if faults:
        raise MustNotLeave("\n".join(faults))


def _faults_of(registry: Registry, contract: Contract) -> tuple[str, ...]:
    if contract.type not in registry.faults:
        registry.faults[contract.type] = class_faults(contract.model, registry.classes().get(contract.type, {}))
    return registry.faults[contract.type]
