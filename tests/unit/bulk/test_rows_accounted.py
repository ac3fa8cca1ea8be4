"""Whatever a file holds, however it was saved: every row that is not blank is answered for, once."""

import csv
import io
from itertools import count
from typing import Any
from unittest.mock import patch

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from services.bulk.mapping import find_columns, read_map, read_row
from services.bulk.report import Report
from services.bulk.sending import Reply, Sender
from services.bulk.sheet import SEPARATORS, read_sheet, safe_text

HEADINGS = ("Surname", "First name", "Date of birth", "NHS number", "Consent", "Conditions", "Notes")
CELLS = st.sampled_from(
    [
        "Smith",
        "a,b",
        "a;b",
        "x\ny",
        'he said "hi"',
        "",
        "  ",
        "=1+1",
        "'=1",
        "-",
        "9.99E+09",
        "31/02/1980",
        "yes",
        "\t|",
    ]
) | st.text(st.characters(exclude_characters="\x00\r", codec="utf-8"), max_size=8)
STATUSES = st.sampled_from([201, 409, 422, 503])


def answer(status: int, replayed: bool) -> Reply:
    body: dict[str, Any] = {"status": "accepted", "referral_id": "r", "errors": [], "safety": None}
    return Reply(status, replayed, body)


@settings(deadline=None)
@given(
    st.lists(st.lists(CELLS, min_size=len(HEADINGS), max_size=len(HEADINGS)), min_size=1, max_size=8),
    st.sampled_from(SEPARATORS),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.booleans(),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.data(),
)
def test_rows_written_are_rows_told(
    rows: list[list[str]], separator: str, ends: str, quoting: Any, said: bool, encoding: str, data: st.DataObject
) -> None:
    made = io.StringIO(newline="")
    if ends == "\r":  # Python's writer, unlike a spreadsheet, leaves a line feed in a cell without quotes then
        quoting = csv.QUOTE_ALL
    writer = csv.writer(made, delimiter=separator, lineterminator=ends, quoting=quoting)
    writer.writerow(HEADINGS)
    writer.writerows([safe_text(cell) for cell in row] for row in rows)
    text = (f"sep={separator}{ends}" if said else "") + made.getvalue()
    sheet = read_sheet(text.encode(encoding))
    wanted = [number for number, row in enumerate(rows, 2) if any(cell.strip() for cell in row)]
    assert [row.number for row in sheet.rows] == wanted
    assert [list(row.cells) for row in sheet.rows] == [rows[number - 2] for number in wanted]

    columns = find_columns(sheet, read_map((), ("route=self",), None), "p")
    referrals = [read_row(columns, row) for row in sheet.rows]
    report, tries = Report(columns), count()

    def ask(request: Any) -> Any:
        """Some lines are answered, some cannot be done now, and the connection may be lost after any."""
        for line in range(1, len(request.body.splitlines()) + 1):
            if next(tries) < 12 and data.draw(st.booleans()):
                raise httpx.ReadError("lost")
            yield line, answer(data.draw(STATUSES), data.draw(st.booleans()))

    with patch("services.bulk.sending._Request._ask", ask), patch("time.sleep"), httpx.Client() as client:
        Sender(client, b"digest", patience=60.0).send(referrals, report.take, rehearsal=False)
    assert [result.referral.row.number for result in report.ordered()] == wanted
    assert sum(report.counts().values()) == len(wanted)
