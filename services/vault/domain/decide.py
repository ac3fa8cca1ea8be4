"""Erase, restrict, unrestrict, merge: one person's part of each.

A command that finds nothing left to do yields nothing, so that it can be given again after a crash. Who belongs
together is found out before (``services/vault/people.py``): each of them gets a command of their own.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from services.contracts.base import Uuid
from services.contracts.person import (
    MOST_MERGED,
    PersonErased,
    PersonMerged,
    PersonRestricted,
    PersonUnrestricted,
)
from services.contracts.person_codes import ErasureReason, RestrictionReason
from services.contracts.types import PERSON_ERASED, PERSON_MERGED, PERSON_RESTRICTED, PERSON_UNRESTRICTED
from services.kernel.decision import Command, Draft, Event, Reason, Received, Refused
from services.vault.domain.person import NOBODY, Person


class _Fields(BaseModel):
    model_config = ConfigDict(frozen=True)


class Erase(_Fields):
    """Destroy the key, for good."""

    reason: ErasureReason


class Restrict(_Fields):
    """Stop the use of what is held."""

    reason: RestrictionReason


class Unrestrict(_Fields):
    """Allow the use again."""


class Merge(_Fields):
    """``merged`` become ``survivor``; the command goes to each of them, the survivor included."""

    survivor: Uuid
    merged: Annotated[tuple[Uuid, ...], Field(min_length=1, max_length=MOST_MERGED)]


def decide(state: Person | None, cause: Received | Command, *, policy: Any, now: datetime) -> list[Draft]:
    """Return what follows for one person. Raises Refused for who is erased; the vault takes no events."""
    if not isinstance(cause, Command):
        return []
    rule = _RULES.get(type(cause.data))
    if rule is None:
        raise Refused(Reason("unknown_command", f"the vault takes no command {cause.type!r}"), status=422)
    person = state or NOBODY
    if person.erased and not isinstance(cause.data, Erase):
        reason = Reason("person_erased", f"{cause.key} was erased; nothing more can be done with them")
        raise Refused(reason, status=410)
    return rule(person, cause.key, cause.data, now)


def _erase(person: Person, key: str, erase: Erase, now: datetime) -> list[Draft]:
    if person.erased:
        return []
    return [Draft(PERSON_ERASED, PersonErased(person_id=key, erased_at=now, reason=erase.reason))]


def _restrict(person: Person, key: str, restrict: Restrict, now: datetime) -> list[Draft]:
    if person.restricted is restrict.reason:
        return []
    return [Draft(PERSON_RESTRICTED, PersonRestricted(person_id=key, restricted_at=now, reason=restrict.reason))]


def _unrestrict(person: Person, key: str, _: Unrestrict, now: datetime) -> list[Draft]:
    if person.restricted is None:
        return []
    return [Draft(PERSON_UNRESTRICTED, PersonUnrestricted(person_id=key, unrestricted_at=now))]


def _merge(person: Person, key: str, merge: Merge, now: datetime) -> list[Draft]:
    if key == merge.survivor:
        if person.survivor is not None:
            raise Refused(Reason("person_merged", f"{key} was merged into {person.survivor} itself", "/survivor"))
        if merge.survivor in merge.merged:
            raise Refused(Reason("same_person", f"{key} cannot be merged into itself", "/merged"), status=422)
        done = set(merge.merged) <= set(person.merged)
    else:
        done = person.survivor == merge.survivor
    if done:
        return []
    merged = tuple(sorted(set(merge.merged)))
    return [
        Draft(PERSON_MERGED, PersonMerged(person_id=key, merged_at=now, survivor=merge.survivor, merged=merged)),
    ]


_RULES: dict[type[BaseModel], Callable[[Person, str, Any, datetime], list[Draft]]] = {
    Erase: _erase,
    Restrict: _restrict,
    Unrestrict: _unrestrict,
    Merge: _merge,
}


def reissue(event: Event, cause_id: str) -> Command:
    """Read the command back from the event that it led to."""
    match event.data:
        case PersonErased(reason=erasure):
            data: BaseModel = Erase(reason=erasure)
        case PersonRestricted(reason=restriction):
            data = Restrict(reason=restriction)
        case PersonUnrestricted():
            data = Unrestrict()
        case PersonMerged(survivor=survivor, merged=merged):
            data = Merge(survivor=survivor, merged=merged)
        case _:
            raise TypeError(f"the vault does not emit {event.type}")
    return Command(id=cause_id, type=command_type(data), key=event.key, data=data)


def command_type(data: BaseModel) -> str:
    """Return the name of a command."""
    return f"person.{type(data).__name__.lower()}"
