"""A synthetic programme is worth nothing, whatever its file says; settlement and forecast do not take it."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from services.canary.person import PROGRAMME
from services.kernel.operations.audit import OperationRefused
from services.outcomes.settlement.terms import terms_of
from services.programmes.reader import FOLDER, check_file, load_book

FILE = FOLDER / PROGRAMME / "2024.1.yaml"
FEE = """      delivery_fee:
        - contract: pathway-canary-main
          total_pence: 1200
          first_month: 2024-10
          last_month: 2025-09
  targets: []"""
PRICE = "amount_pence: 0 "


def codes(text: str, folder: Path) -> set[str]:
    path = folder / PROGRAMME / "2024.1.yaml"
    path.parent.mkdir()
    path.write_text(text)
    return {problem.code for problem in check_file(path)}


def test_the_canary_s_file_is_synthetic_and_has_no_end() -> None:
    programme = load_book().version_for(PROGRAMME, date(2099, 1, 1))
    assert programme.synthetic
    assert {price.amount_pence for card in programme.payment.rate_cards for price in card.prices} == {0}
    assert [p.programme for p in load_book() if p.synthetic] == [PROGRAMME]


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ((PRICE, PRICE), False),
        ((PRICE, "amount_pence: 1 "), True),
        (
            (
                "  targets: []",
                FEE,
            ),
            True,
        ),
    ],
)
def test_a_synthetic_programme_with_a_price_is_refused(changed: tuple[str, str], found: bool, tmp_path: Path) -> None:
    text = FILE.read_text()
    assert changed[0] in text
    assert ("synthetic_pays" in codes(text.replace(*changed), tmp_path)) is found


def test_the_same_price_is_fine_where_people_are_real(tmp_path: Path) -> None:
    text = FILE.read_text().replace(PRICE, "amount_pence: 1 ").replace("synthetic: true\n", "")
    assert "synthetic_pays" not in codes(text, tmp_path)


def test_settlement_refuses_it() -> None:
    with pytest.raises(OperationRefused) as refused:
        terms_of(load_book(), PROGRAMME, "2024-11")
    assert refused.value.code == "programme_synthetic"
    real: Any = terms_of(load_book(), "workwell-frimley", "2024-11")
    assert real.contracts
