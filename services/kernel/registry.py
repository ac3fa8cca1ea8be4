"""The contract registry: which type and major version is which model, in which topic; who may read which field."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel

Model = type[BaseModel]


class FieldClass(StrEnum):
    """Who may read a field outside our own services, the widest circle first."""

    OPEN = "open"
    RESTRICTED = "restricted"
    SEALED = "sealed"


Classes = Mapping[str, Mapping[str, FieldClass]]
"""Of each event type the class of each field, by its path."""


def nothing_classed() -> Classes:
    """Class no field: no event can leave."""
    return {}


@dataclass(frozen=True, slots=True)
class Contract:
    """One event type.

    ``type`` ends in its major (``org.example.thing.done.v1``); ``version`` is the newest version of its
    schema, ``0.x`` while it is a draft; ``producer`` is the one service that emits it.
    """

    type: str
    model: Model
    topic: str
    producer: str
    version: str = "0.1"

    @property
    def major(self) -> int:
        """The major version, read from the type's last part."""
        return int(self.type.rsplit(".v", 1)[1])

    @property
    def source(self) -> str:
        """The CloudEvents source of its events: the producer's."""
        return f"/pathway/{self.producer}"

    @property
    def name(self) -> str:
        """``subject.action``: the last two parts before the version."""
        return ".".join(self.type.split(".")[-3:-1])

    @property
    def dataschema(self) -> str:
        """The schema's address relative to the repository's root."""
        return f"/schemas/events/{self.name}/{self.version}.schema.json"


class Registry:
    """All contracts of a system, by type. Raises ValueError when a type is registered twice.

    ``classes`` reads the class of every field; it is asked when events first leave, not here. ``faults`` is what
    :mod:`services.kernel.field_classes` has found so far, by type.
    """

    def __init__(self, contracts: Iterable[Contract], classes: Callable[[], Classes] = nothing_classed) -> None:
        self.classes = classes
        self.faults: dict[str, tuple[str, ...]] = {}
        self._by_type: dict[str, Contract] = {}
        self._sources: dict[str, set[str]] = {}
        for contract in contracts:
            if contract.type in self._by_type:
                raise ValueError(f"{contract.type} is registered twice")
            self._by_type[contract.type] = contract
            self._sources.setdefault(contract.topic, set()).add(contract.source)

    def __iter__(self) -> Iterator[Contract]:
        return iter(self._by_type.values())

    def find(self, event_type: str) -> Contract | None:
        """Return the contract of ``event_type`` or None."""
        return self._by_type.get(event_type)

    def produces(self, source: str, topic: str) -> bool:
        """Tell whether a source emits any event type of a topic."""
        return source in self._sources.get(topic, ())

    def __getitem__(self, event_type: str) -> Contract:
        return self._by_type[event_type]
