"""Sizes, purity and descriptions of modules; each rule with a case that breaks it."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from tests.architecture import rules
from tests.architecture.files import KERNEL, SERVICES, sources, tracked

DOMAINS = sorted(SERVICES.glob("*/domain"))
MONEY = [KERNEL / "money.py", *sources(SERVICES / "outcomes" / "domain"), SERVICES / "programmes" / "model.py"]

Rule = Callable[[Path], Iterator[str]]


def faults(rule: Rule, paths: Iterable[Path]) -> list[str]:
    return [fault for path in paths for fault in rule(path)]


def test_no_module_is_above_300_lines() -> None:
    assert faults(rules.too_long, sources(SERVICES)) == []


def test_domain_code_reads_no_clock_and_draws_no_random_number() -> None:
    assert len(DOMAINS) == 5
    assert faults(rules.impure, (path for folder in DOMAINS for path in sources(folder))) == []


def test_money_is_whole_pence() -> None:
    assert faults(rules.inexact, MONEY) == []


def test_every_folder_says_what_it_owns() -> None:
    folders = {path.parent for path in tracked() if path.is_relative_to(SERVICES)}
    assert len(folders) > 20
    versions = {folder for folder in folders if folder.name == "versions"}  # a migration describes itself
    assert faults(rules.undescribed, sorted(folders - versions)) == []


def test_every_service_has_a_readme() -> None:
    owners = [folder.parent for folder in DOMAINS] + [KERNEL, SERVICES / "contracts"]
    assert [folder.name for folder in owners if not (folder / "README.md").is_file()] == []


BREAKS: list[tuple[Rule, str]] = [
    (rules.too_long, "x = 1\n" * 301),
    (rules.impure, "from datetime import datetime\nnow = datetime.now()\n"),
    (rules.impure, "from datetime import date\nday = date.today()\n"),
    (rules.impure, "import uuid\nname = uuid.uuid4()\n"),
    (rules.impure, "from services.kernel.clock import system_clock\nnow = system_clock()\n"),
    (rules.impure, "text = open('rules.yaml').read()\n"),
    (rules.inexact, "price = 0.5\n"),
    (rules.inexact, "half = amount / 2\n"),
    (rules.inexact, "amount /= 2\n"),
    (rules.inexact, "amount = float(text)\n"),
]


@pytest.mark.parametrize(("rule", "text"), BREAKS)
def test_each_rule_can_break(rule: Rule, text: str, tmp_path: Path) -> None:
    guilty = tmp_path / "guilty.py"
    guilty.write_text(text)
    assert faults(rule, [guilty])


def test_a_module_of_300_lines_is_allowed(tmp_path: Path) -> None:
    fits = tmp_path / "fits.py"
    fits.write_text("x = 1\n" * 300)
    assert faults(rules.too_long, [fits]) == []


def test_a_folder_without_a_description_is_found(tmp_path: Path) -> None:
    (tmp_path / "__init__.py").write_text("x = 1\n")
    assert faults(rules.undescribed, [tmp_path])
    (tmp_path / "README.md").write_text("\n")
    assert faults(rules.undescribed, [tmp_path])
    (tmp_path / "README.md").write_text("# What it owns\n")
    assert faults(rules.undescribed, [tmp_path]) == []


def test_data_that_does_not_say_what_it_is_is_found(tmp_path: Path) -> None:
    (tmp_path / "codes.yaml").write_text("# The codes of a list.\ncodes: []\n")
    assert faults(rules.undescribed, [tmp_path]) == []
    (tmp_path / "more.yaml").write_text("codes: []\n")
    assert faults(rules.undescribed, [tmp_path])
