"""What the vault remembers of a person beside the key: a fold of its own events.

Most people have no state at all: a key is made without an event, and nothing else happens to them here.
"""

from pydantic import BaseModel, ConfigDict

from services.contracts.person import PersonErased, PersonMerged, PersonRestricted, PersonUnrestricted
from services.contracts.person_codes import RestrictionReason
from services.kernel.decision import Event


class Person(BaseModel):
    """``survivor`` is the pseudonym that this one was merged into, ``merged`` those that were merged into this one."""

    model_config = ConfigDict(frozen=True)

    erased: bool = False
    restricted: RestrictionReason | None = None
    survivor: str | None = None
    merged: tuple[str, ...] = ()


NOBODY = Person()


def evolve(state: Person | None, event: Event) -> Person:
    """Fold one event."""
    before = state or NOBODY
    match event.data:
        case PersonErased():
            return before.model_copy(update={"erased": True, "restricted": None})
        case PersonRestricted(reason=reason):
            return before.model_copy(update={"restricted": reason})
        case PersonUnrestricted():
            return before.model_copy(update={"restricted": None})
        case PersonMerged(survivor=survivor, merged=merged) if survivor == event.key:
            return before.model_copy(update={"merged": tuple(sorted({*before.merged, *merged}))})
        case PersonMerged(survivor=survivor):
            return before.model_copy(update={"survivor": survivor, "merged": ()})
        case _:
            raise TypeError(f"the vault does not emit {event.type}")
