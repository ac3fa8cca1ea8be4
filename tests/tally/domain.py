"""Numbers are added under a key; the tally says the sum. Some numbers are trouble, on purpose."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from services.kernel.decision import Command, Draft, Event, PolicyMissing, Reason, Received, Refused
from services.kernel.registry import Classes, Contract, FieldClass, Registry
from services.kernel.service import Change, Row, Service, Table

ADDED = "uk.example.number.added.v1"
IGNORED = "uk.example.number.ignored.v1"
COUNTED = "uk.example.tally.counted.v1"

BUG = 1_000_666
SQL_BUG = 1_000_667
SILENT = 1_000_000
NO_POLICY = 1_000_404


class Added(BaseModel):
    """A number was added."""

    model_config = ConfigDict(frozen=True)
    number: int = Field(strict=True)
    note: str = ""


class Counted(BaseModel):
    """The tally after a number."""

    model_config = ConfigDict(frozen=True)
    total: int
    count: int
    note: str = ""


class Tally(BaseModel):
    """State: the sum and how many numbers there were."""

    model_config = ConfigDict(frozen=True)
    total: int = 0
    count: int = 0


def decide(state: Tally | None, cause: Received | Command, *, policy: Any, now: datetime) -> list[Draft]:
    """Count a number, or be the trouble that the number asks for."""
    before = state or Tally()
    number = cause.data.number
    if isinstance(cause, Command) and number < 0:
        raise Refused(Reason("negative", "numbers are not negative", "/number"))
    if number == SILENT:
        return []
    if number == BUG:
        raise ZeroDivisionError("a bug")
    if number == NO_POLICY:
        raise PolicyMissing("no policy for this number")
    return [Draft(COUNTED, Counted(total=before.total + number, count=before.count + 1))]


REFUSING = Table("idempotency", (("client", "text"),))


def project(change: Change) -> list[Row]:
    """Write a row that the database refuses, for the one number that asks for it."""
    number = change.cause.data.number if change.cause else 0
    return [(REFUSING, (None,))] if number == SQL_BUG else []


def evolve(state: Tally | None, event: Event) -> Tally:
    """Fold a tally."""
    return Tally(total=event.data.total, count=event.data.count)


def classes() -> Classes:
    """Say who may read what."""
    fields = dict.fromkeys(("total", "count", "note"), FieldClass.OPEN)
    return {COUNTED: fields}


def tally_service(prefix: str = "") -> Service:
    """Build the service. ``prefix`` keeps tests apart on one broker."""
    numbers, tallies = f"{prefix}numbers", f"{prefix}tallies"
    registry = Registry(
        (
            Contract(ADDED, Added, numbers, "source"),
            Contract(IGNORED, Added, numbers, "source"),
            Contract(COUNTED, Counted, tallies, "tally"),
        ),
        classes,
    )
    return Service(
        name="tally",
        registry=registry,
        inputs=(numbers,),
        output=tallies,
        handles=frozenset({ADDED}),
        state=Tally,
        decide=decide,
        evolve=evolve,
        policy=lambda: None,
        project=project,
        tables=(REFUSING,),
    )
