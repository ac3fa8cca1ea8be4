"""Counts of people for tables that others read: small ones hidden, all others rounded, none to be had from the totals.

A count under 5 is hidden, and every other one rounded to the nearest 5; docs/domain.md says whose practice that is.
Where a total stands beside the rows, the smallest counts that could be shown are hidden too until those
hidden come to 5 or more together, which takes at least two: else the total would give them away.
"""

from collections.abc import Mapping
from typing import Final

HIDDEN_BELOW: Final = 5
ROUNDED_TO: Final = 5
HIDDEN: Final = "*"
"""How a hidden count is printed."""


def rounded(count: int) -> int:
    """Return a count to the nearest 5."""
    return (count + ROUNDED_TO // 2) // ROUNDED_TO * ROUNDED_TO


def shown(count: int) -> int | None:
    """Return a count that stands by itself as it may be shown, None where it may not."""
    return None if count < HIDDEN_BELOW else rounded(count)


def column(counts: Mapping[str, int]) -> dict[str, int | None]:
    """Return the rows of a column beside which its total stands, None for those that are hidden.

    Where all are 0 all are shown: that total says nothing of anybody.
    """
    if not any(counts.values()):
        return dict.fromkeys(counts, 0)
    hidden = {row for row, count in counts.items() if count < HIDDEN_BELOW}
    by_size = sorted(counts.keys() - hidden, key=lambda row: (counts[row], row))
    for row in by_size:
        if not hidden or sum(counts[one] for one in hidden) >= HIDDEN_BELOW:
            break
        hidden.add(row)
    return {row: None if row in hidden else rounded(count) for row, count in counts.items()}


def printed(count: int | None) -> str:
    """Return a count as it stands in a table."""
    return HIDDEN if count is None else f"{count:,}"
