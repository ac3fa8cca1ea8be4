"""Topic ``person.changed``: a person was erased, restricted, or joined with another pseudonym of theirs.

The record's key is ``person_id``. Of a merge, each of the persons concerned gets an event of their own, so that a
reader who follows one key misses nothing.
"""

from typing import Annotated

from pydantic import Field

from services.contracts.base import Moment, Record, Uuid
from services.contracts.person_codes import ErasureReason, RestrictionReason

MOST_MERGED = 64
"""So many pseudonyms of one person at most."""


class PersonErased(Record):
    """The person's key is destroyed: what it sealed cannot be read again, wherever it lies.

    Whoever holds identifying rows of ``person_id`` scrubs them; ledgers and states stay.
    """

    person_id: Uuid
    erased_at: Moment
    reason: ErasureReason


class PersonRestricted(Record):
    """What is held of the person is kept and no longer used (UK GDPR Article 18)."""

    person_id: Uuid
    restricted_at: Moment
    reason: RestrictionReason


class PersonUnrestricted(Record):
    """The restriction is lifted: what is held of the person may be used again."""

    person_id: Uuid
    unrestricted_at: Moment


class PersonMerged(Record):
    """``merged`` and ``survivor`` are pseudonyms of one person; ``person_id`` is one of them.

    ``merged`` holds all that this merge moved, those of earlier merges included. Tokens sealed before it keep the id
    that they were sealed under.
    """

    person_id: Uuid
    merged_at: Moment
    survivor: Uuid
    merged: Annotated[tuple[Uuid, ...], Field(min_length=1, max_length=MOST_MERGED)]
