"""What trying a rule file found, for reading: counts without small numbers, and for those inside who changed."""

from collections.abc import Mapping
from typing import Any

from services.kernel.small_numbers import column, shown
from services.triage.domain.rule_changes import rules_changed
from services.triage.domain.rules import RuleSet
from services.triage.trying.tally import Changed, Tally


def report(tally: Tally, *, people: bool, listed: bool) -> dict[str, Any]:
    """Return all that is shown. ``people``: small numbers are hidden; ``listed``: with each that changed."""
    shows = _Shows(people=people)
    found: dict[str, Any] = {
        "old": _ref(tally.old),
        "new": _ref(tally.new),
        "files": rules_changed(tally.old, tally.new),
        "small_numbers_hidden": people,
        "compared": shows.total(tally.total),
        "changed": shows.total(len(tally.otherwise)),
        "reasons_only": shows.total(len(tally.reasons_only)),
        "not_compared": {why: shows.total(count) for why, count in tally.left.fields().items()},
        "aspects": [{"aspect": a.value, "changed": shows.count(n)} for a, n in tally.aspects().items()],
        "supports": _supports(tally, shows),
        "because": [
            {
                "rule": shift.rule,
                "before": shift.before and shift.before.value,
                "after": shift.after and shift.after.value,
                "changed": shows.count(count),
            }
            for shift, count in tally.because().items()
        ],
        "groups": [row for dimension in tally.compared for row in _groups(tally, dimension, shows)],
    }
    if listed:
        found["referrals"] = [_one(changed) for changed in (*tally.otherwise, *tally.reasons_only)]
    return found


class _Shows:
    """How counts are shown."""

    def __init__(self, *, people: bool) -> None:
        self.people = people

    def count(self, count: int) -> int | None:
        return shown(count) if self.people else count

    def total(self, count: int) -> int | None:
        """Return a total; that it is 0 says nothing of anybody."""
        return 0 if count == 0 else self.count(count)

    def column(self, counts: Mapping[str, int]) -> Mapping[str, int | None]:
        return column(counts) if self.people else counts


def _ref(rules: RuleSet) -> dict[str, str]:
    return {"ruleset": rules.ruleset, "version": rules.version, "sha256": rules.sha256}


def _supports(tally: Tally, shows: _Shows) -> list[dict[str, Any]]:
    counts = tally.supports()
    names = dict.fromkeys((*counts["added"], *counts["removed"]))
    return [
        {"support": name, "added": shows.total(counts["added"][name]), "removed": shows.total(counts["removed"][name])}
        for name in sorted(names)
    ]


def _groups(tally: Tally, dimension: str, shows: _Shows) -> list[dict[str, Any]]:
    """Return the rows of one dimension. Of a group that is too small nothing is shown."""
    compared = shows.column(tally.compared[dimension])
    changed = shows.column({group: tally.changed[dimension][group] for group in tally.compared[dimension]})
    return [
        {
            "by": dimension,
            "group": group,
            "compared": compared[group],
            "changed": None if compared[group] is None else changed[group],
        }
        for group in sorted(compared)
    ]


def _one(changed: Changed) -> dict[str, Any]:
    found = changed.difference
    return {
        "id": changed.name,
        "aspects": [aspect.value for aspect in found.aspects],
        "package": [[item.support.value for item in one.package] for one in (found.before, found.after)],
        "rules": [f"{shift.rule}: {_status(shift.before)} -> {_status(shift.after)}" for shift in changed.because],
    }


def _status(status: Any) -> str:
    return "not there" if status is None else str(status.value)
