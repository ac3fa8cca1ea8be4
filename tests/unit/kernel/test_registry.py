"""The contract registry: names and addresses follow from the type."""

import pytest
from pydantic import BaseModel

from services.kernel.registry import Contract, Registry


class Thing(BaseModel):
    """Something."""


DONE = Contract("org.example.thing.done.v1", Thing, "things", "maker")
NEXT = Contract("org.example.thing.done.v12", Thing, "things", "maker", "12.3")
REGISTRY = Registry([DONE, NEXT])


def test_a_contract_s_parts_follow_from_its_type() -> None:
    assert (DONE.major, DONE.name, DONE.dataschema) == (1, "thing.done", "/schemas/events/thing.done/0.1.schema.json")
    assert (NEXT.major, NEXT.name, NEXT.dataschema) == (12, "thing.done", "/schemas/events/thing.done/12.3.schema.json")


def test_a_type_is_found_or_not() -> None:
    assert REGISTRY[DONE.type] is REGISTRY.find(DONE.type) is DONE
    assert REGISTRY.find("org.example.thing.undone.v1") is None
    assert list(REGISTRY) == [DONE, NEXT]
    with pytest.raises(KeyError):
        REGISTRY["org.example.thing.undone.v1"]


def test_a_topic_has_the_sources_of_its_types() -> None:
    assert DONE.source == "/pathway/maker"
    assert REGISTRY.produces("/pathway/maker", "things")
    assert not REGISTRY.produces("/pathway/maker", "others")
    assert not REGISTRY.produces("/pathway/taker", "things")


def test_a_type_cannot_be_registered_twice() -> None:
    with pytest.raises(ValueError, match=r"org\.example\.thing\.done\.v1 is registered twice"):
        Registry([DONE, NEXT, DONE])
