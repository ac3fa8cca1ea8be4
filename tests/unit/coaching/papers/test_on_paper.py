"""The pages in a real browser: A4, as many sheets as they need, with their structure for screen readers."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from services.coaching.domain.papers.permitting import View
from services.coaching.papers import sample
from tests.unit.coaching.desk import policy

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
MOST_SHEETS = {View.PARTICIPANT: 4, View.GP: 2, View.EMPLOYER: 1}
A4 = (595, 842)

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine; apt-get install chromium")


@pytest.mark.parametrize("view", View)
def test_a_page_prints_on_a4(view: View, tmp_path: Path) -> None:
    page, paper = tmp_path / "page.html", tmp_path / "page.pdf"
    page.write_text(sample.page(view, policy()), "utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    command = [str(BROWSER), *flags, "--no-pdf-header-footer", f"--print-to-pdf={paper}", page.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    printed = paper.read_bytes()
    sheets = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", printed)
    assert {(round(float(wide)), round(float(high))) for wide, high in sheets} == {A4}
    assert len(sheets) <= MOST_SHEETS[view]
    assert b"/StructTreeRoot" in printed
