"""The terms that coaching reads of a programme."""

import pytest

from services.contracts.base import VersionRef
from services.kernel.decision import PolicyMissing
from tests.unit.coaching.desk import policy


@pytest.mark.parametrize(
    ("programme", "status", "weeks"),
    [
        ("workwell-north-central-london", "employed", 8),
        ("workwell-north-central-london", "unemployed", 16),
        ("workwell-greater-manchester", "employed", 12),
        ("workwell-greater-manchester", "unemployed", 12),
        ("working-well-early-help", "self_employed", 26),
    ],
)
def test_support_lasts_as_long_as_the_file_says_for_a_work_status(programme: str, status: str, weeks: int) -> None:
    assert policy().terms(VersionRef(id=programme, version="2024.1")).length_weeks(status) == weeks


def test_a_version_that_is_not_here_is_told() -> None:
    for programme in ("workwell-nowhere", "working-well-in-work"):
        with pytest.raises(PolicyMissing, match=programme):
            policy().terms(VersionRef(id=programme, version="2024.1"))
