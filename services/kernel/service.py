"""How a service describes itself to the kernel: its functions, its topics, its tables."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pydantic import TypeAdapter

from services.kernel.decision import Cause, Command, Event
from services.kernel.registry import Registry
from services.kernel.sealing.content import NotSealed
from services.kernel.settings import Settings


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the service's own that is written in bulk, in the transaction that decided.

    ``columns`` are (name, PostgreSQL type). The first ``key`` columns identify a row: of several rows
    with the same key in one batch the last is written; 0 means that every row is written (a table
    that only grows). ``on_conflict`` is the tail of the INSERT, for example
    ``ON CONFLICT (key) DO UPDATE SET state = excluded.state``. ``statement`` is run in the INSERT's place, once a
    batch, with a list for each column; ``name`` then says what it does.
    """

    name: str
    columns: tuple[tuple[str, str], ...]
    key: int = 0
    on_conflict: str = ""
    statement: str = ""


Row = tuple[Table, tuple[Any, ...]]
Look = Callable[[Any, Settings], Awaitable[None]]
"""Looks, given a pool, at what would otherwise stay silent, and says so by gauges and logs."""


def not_sealing(text: str, field: str) -> str:
    """Refuse: nothing is sealed where no key is at hand."""
    raise NotSealed(f"{field} is not sealed")


@dataclass(frozen=True, slots=True)
class Change:
    """One handled cause: what came in, which events followed, the state after them.

    ``cause`` is None when a restore folds the service's own log: rows that derive from events must not need
    it; rows that derive from inputs come back when the inputs are read again. ``seal`` makes a token of a text for a
    column, for what a cause brings that no event holds.
    """

    key: str
    cause: Cause | None
    events: Sequence[Event]
    state: Any
    seal: Callable[[str, str], str] = not_sealing


def no_rows(_: Change) -> Iterable[Row]:
    """Project nothing."""
    return ()


@dataclass(frozen=True)
class Service:
    """One service: two pure functions and where their inputs and outputs live.

    ``handles`` are the types that ``decide`` (or ``project``) wants; others in the input topics only
    advance the key's sequence. ``state`` is the model of its aggregates; where several kinds share the output
    topic, their union, told apart by a field (``Annotated[A | B, Field(discriminator="kind")]``). ``policy`` loads
    the policy book once, at start. ``project`` turns a change into rows of the service's own tables; it is called
    for every handled cause, whether or not events followed, and must be pure. ``derived`` are those of its
    ``tables`` that follow from the log alone, so that a replay can compare them. ``reissue`` reads the command back
    from the event that it led to, given the event's ``causationid``; None where an event does not hold its whole
    command. ``subject`` names whose key seals what an aggregate holds, given its state or, before there is one, a
    cause's data; None in its place: the service seals nothing. ``despite_restriction`` are the types of commands
    that a subject's restriction does not stop. Inputs of the ``reapplied`` topics are projected before a
    database is used that has not read them all, and all of them again by a restore: what they scrub must not be served
    from a backup. ``look`` is asked now and then by the worker, beside its own look.
    """

    name: str
    registry: Registry
    inputs: tuple[str, ...]
    output: str
    handles: frozenset[str]
    state: Any
    decide: Callable[..., list[Any]]
    evolve: Callable[[Any, Event], Any]
    policy: Callable[[], Any]
    project: Callable[[Change], Iterable[Row]] = no_rows
    tables: tuple[Table, ...] = field(default=())
    derived: tuple[Table, ...] = field(default=())
    reissue: Callable[[Event, str], Command | None] | None = None
    subject: Callable[[Any], str | None] | None = None
    despite_restriction: frozenset[str] = frozenset()
    reapplied: frozenset[str] = frozenset()
    look: Look | None = None

    @property
    def source(self) -> str:
        """The CloudEvents source of its events."""
        return f"/pathway/{self.name}"

    @cached_property
    def _states(self) -> TypeAdapter[Any]:
        return TypeAdapter(self.state)

    def read_state(self, text: str, context: Any = None) -> Any:
        """Return a kept state. Raises ValueError for one that nobody can read."""
        return self._states.validate_json(text, context=context)

    def subject_of(self, state: Any, data: Any) -> str | None:
        """Return whose key seals what an aggregate in ``state`` holds, or would after its first cause ``data``."""
        return None if self.subject is None else self.subject(data if state is None else state)
