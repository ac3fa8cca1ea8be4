"""The vault's rows that follow from its events; so a restore that folds them destroys the keys again by itself."""

from collections.abc import Iterator

from services.contracts.person import PersonErased, PersonMerged, PersonRestricted, PersonUnrestricted
from services.kernel.service import Change, Row, Table

DESTROYED = Table(
    "subject_key",
    (("subject", "text"), ("destroyed_at", "timestamptz")),
    key=1,
    on_conflict="ON CONFLICT (subject) DO UPDATE SET wrapped = NULL, kek_id = NULL, "
    "destroyed_at = coalesce(subject_key.destroyed_at, excluded.destroyed_at)",
)
"""A key that goes. Where there was none (an older backup) the row keeps one from coming back."""

ERASURES = Table(
    "erasure",
    (("subject", "text"), ("event_id", "text"), ("erased_at", "timestamptz"), ("reason", "text")),
    key=1,
    on_conflict="ON CONFLICT (subject) DO NOTHING",
)
ALIASES = Table(
    "subject_alias",
    (("subject", "text"), ("survivor", "text"), ("merged_at", "timestamptz")),
    key=1,
    on_conflict="ON CONFLICT (subject) DO UPDATE SET survivor = excluded.survivor, merged_at = excluded.merged_at",
)
RESTRICTIONS = Table(
    "restriction",
    (("subject", "text"), ("reason", "text"), ("restricted_at", "timestamptz"), ("lifted_at", "timestamptz")),
    key=1,
    on_conflict="ON CONFLICT (subject) DO UPDATE SET reason = excluded.reason, "
    "restricted_at = excluded.restricted_at, lifted_at = excluded.lifted_at",
)
TABLES = (DESTROYED, ERASURES, ALIASES, RESTRICTIONS)
DERIVED = (ERASURES, ALIASES, RESTRICTIONS)


def project(change: Change) -> Iterator[Row]:
    """Return the rows of a change."""
    for event in change.events:
        match event.data:
            case PersonErased() as erased:
                yield DESTROYED, (event.key, erased.erased_at)
                yield ERASURES, (event.key, event.id, erased.erased_at, erased.reason.value)
                # nothing is left whose use could be restricted, or that would be kept for it
                yield RESTRICTIONS, (event.key, None, None, erased.erased_at)
            case PersonRestricted() as restricted:
                yield RESTRICTIONS, (event.key, restricted.reason.value, restricted.restricted_at, None)
            case PersonUnrestricted() as lifted:
                yield RESTRICTIONS, (event.key, None, None, lifted.unrestricted_at)
            case PersonMerged(survivor=survivor) as merged if survivor != event.key:
                yield ALIASES, (event.key, survivor, merged.merged_at)
            case _:
                pass
