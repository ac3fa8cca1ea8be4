"""The tables of the page on privacy are the catalogue's."""

import shutil
from pathlib import Path

import pytest

from services.kernel.retention import ColumnClass, Retention, load_retention
from services.retention.document import PAGE, basis_of, main, texts, written


@pytest.fixture(scope="module")
def retention() -> Retention:
    return load_retention()


def test_the_page_is_the_catalogue_s(retention: Retention) -> None:
    page = PAGE.read_text("utf-8")
    assert page == written(page, retention), "run: python -m services.retention.document"


def test_every_field_of_every_topic_and_every_column_is_in_it(retention: Retention) -> None:
    found = texts(retention)
    rows = [line for line in (found["topics"] + found["columns"]).splitlines() if line.startswith("| `")]
    for name, topic in retention.topics.items():
        mine = " ".join(row for row in rows if row.startswith(f"| `{name}` "))
        assert [path for event in topic.types for path in topic.classes(event) if f"`{path}`" not in mine] == []
    for service, tables in retention.tables.items():
        for table, entry in tables.items():
            name = f"{'each' if service == 'kernel' else service}.{table}"
            mine = " ".join(row for row in rows if row.startswith(f"| `{name}` "))
            assert [column for column in entry.columns if f"`{column}`" not in mine] == []


def test_a_field_has_the_first_basis_that_fits(retention: Retention) -> None:
    assert retention.bases[basis_of(retention, "equality.sex", ColumnClass.RESTRICTED) - 1].paths
    assert not retention.bases[basis_of(retention, "asks", ColumnClass.RESTRICTED) - 1].paths


def test_a_page_that_differs_is_told_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "privacy.md"
    shutil.copy(PAGE, page)
    assert main(["--check"], page) == 0
    page.write_text(page.read_text().replace("| `health_record` |", "| `wealth_record` |"))
    assert main(["--check"], page) == 1
    assert "differs" in capsys.readouterr().out
    assert main([], page) == 0
    assert page.read_text() == PAGE.read_text()


def test_marks_that_are_missing_are_told(retention: Retention) -> None:
    with pytest.raises(ValueError, match="columns"):
        written(PAGE.read_text().replace("<!-- begin columns -->", ""), retention)


def test_the_deployer_s_part_is_marked() -> None:
    annex = PAGE.read_text().partition("## Annex")[2]
    assert annex.count("☐ deployer") > 7
