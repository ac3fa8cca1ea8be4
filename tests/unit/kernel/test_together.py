"""Several aggregates that take one cause take it all, or none does."""

import pytest

from services.kernel.runtime.fold import Aggregate, Output, together
from services.kernel.service import Table

KEPT, NEW = Table("kept", (("a", "text"),)), Table("new", (("a", "text"),))


def changes_all_and_fails(output: Output, first: Aggregate, second: Aggregate) -> None:
    with together(output, [first, second]):
        first.state, first.sequence, first.changed = "new", 4, True
        second.state, second.sequence, second.changed = "made", 1, True
        output.outbox.append(("t", "b", 1, "other", 0, "{}", b""))
        output.rows[KEPT].append(("more",))
        output.rows[NEW] = [("row",)]
        raise ValueError("bug")


def test_what_is_raised_leaves_aggregates_and_output_as_they_were() -> None:
    first, second = Aggregate("a", 3, "old"), Aggregate("b")
    output = Output([("t", "a", 3, "id", 0, "{}", b"")], {KEPT: [("row",)]})
    with pytest.raises(ValueError, match="bug"):
        changes_all_and_fails(output, first, second)
    assert (first.state, first.sequence, first.changed) == ("old", 3, False)
    assert (second.state, second.sequence, second.changed) == (None, 0, False)
    assert len(output.outbox) == 1
    assert output.rows == {KEPT: [("row",)]}


def test_what_goes_well_stays() -> None:
    one, output = Aggregate("a"), Output()
    with together(output, [one]):
        one.sequence = 1
    assert one.sequence == 1
