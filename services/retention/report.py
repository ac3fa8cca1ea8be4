"""What a run says: by class and table what goes and why, and what stays and why."""

from collections.abc import Iterator, Mapping
from typing import Any

from services.kernel.retention import EndsBy, Retention
from services.retention.periods import Period
from services.retention.run import Outcome

WHY_STAYING: Mapping[EndsBy, str] = {
    EndsBy.ARCHIVING: "stays: there is no archive of the topics yet",
    EndsBy.STAYING: "stays",
}


def tables(retention: Retention, periods: Mapping[str, Period], outcome: Outcome) -> list[dict[str, Any]]:
    """Return a row for every table of every database, and for every topic."""
    return [*_tables(retention, periods, outcome), *_topics(retention, periods), *_backups(periods, outcome)]


def _tables(retention: Retention, periods: Mapping[str, Period], outcome: Outcome) -> Iterator[dict[str, Any]]:
    for service in retention.services():
        for table, entry in sorted(retention.tables_of(service).items()):
            cls = retention.classes[entry.retention_class]
            goes, kept = outcome.tables.get((service, table), (0, 0))
            if cls.ends_by is EndsBy.ERASING:
                why = f"{entry.when_over}: {periods[entry.retention_class].words()} after {cls.counts_from}"
            else:
                why = WHY_STAYING.get(cls.ends_by) or f"older than {periods[entry.retention_class].words()}"
            yield _row(f"{service}.{table}", entry.retention_class, periods, goes, kept, why)


def _topics(retention: Retention, periods: Mapping[str, Period]) -> Iterator[dict[str, Any]]:
    for name, topic in sorted(retention.topics.items()):
        why = WHY_STAYING[retention.classes[topic.retention_class].ends_by]
        yield _row(f"topic {name}", topic.retention_class, periods, 0, 0, why)


def _backups(periods: Mapping[str, Period], outcome: Outcome) -> Iterator[dict[str, Any]]:
    if outcome.key_backups is None:
        yield _row("backups of keys", "key_backups", periods, 0, 0, "not looked at: name their folder, --key-backups")
    else:
        stay = outcome.key_backups_that_stay
        why = "; ".join([f"older than {periods['key_backups'].words()}", *(f"stays: {one}" for one in stay)])
        yield _row("backups of keys", "key_backups", periods, len(outcome.key_backups), len(stay), why)


def _row(what: str, name: str, periods: Mapping[str, Period], goes: int, kept: int, why: str) -> dict[str, Any]:
    return {"what": what, "class": name, "kept_for": periods[name].words(), "goes": goes, "kept": kept, "why": why}


def people(outcome: Outcome) -> dict[str, Any]:
    """Return what became of people."""
    return {
        "pseudonyms_looked_at": outcome.looked_at,
        "people_due": outcome.due,
        "people_due_without_a_key": outcome.key_lost,
        "people_erased": outcome.erased,
        "kept_because": dict(sorted(outcome.kept.items())),
        "holds_confirmed": outcome.holds_confirmed,
    }
