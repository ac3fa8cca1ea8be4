"""Which columns a file may have."""

from services.bulk.fields import Kind, all_fields, by_heading, plain
from services.contracts.assessment_codes import AssessmentPart
from services.contracts.codes import RedFlag


def test_every_part_of_an_assessment_has_its_columns_and_no_heading_means_two() -> None:
    fields, headings = all_fields(), by_heading()
    for part in AssessmentPart:
        day, edition = (f"assessment.parts.{part}.{name}" for name in ("taken_on", "version"))
        assert (fields[day].kind, fields[edition].kind) == (Kind.DATE, Kind.TEXT)
        assert headings[plain(day)] is fields[day]
    assert {fields[f"assessment.red_flags.{flag}"].kind for flag in RedFlag} == {Kind.YES_NO}
    assert headings["takenon"].path == "assessment.taken_on", "a day alone is that of the whole"
    assert headings["startmsk"].path == "assessment.start_msk.score"
    assert "assessment.named_before" not in fields, "nothing can be sent in it"
