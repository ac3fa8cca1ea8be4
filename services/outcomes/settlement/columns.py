"""A statement as columns: a row for each line and, below them, one for each total."""

import csv
import io
from collections.abc import Iterable
from typing import Final

from services.outcomes.domain.statement import Statement

COLUMNS: Final = (
    *("contract", "month", "row", "entry_id", "referral_id", "milestone", "occurrence", "effective_on", "kind"),
    *("amount_pence", "payable_pence", "treatment", "reason", "rate_card", "evidence"),
)
TOTALS: Final = (
    *("opening_pence", "earned_pence", "fees_pence", "reversed_pence", "capped_pence", "paid_pence"),
    *("closing_pence", "payable_pence"),
)


def statement_csv(statements: Iterable[Statement]) -> str:
    """Return statements as CSV, UTF-8, with a heading; money in whole pence."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for found in statements:
        of = {"contract": found.contract, "month": found.month}
        for line in found.lines:
            card = line.rate_card
            writer.writerow(
                {
                    **of,
                    "row": "line",
                    **line.model_dump(mode="json", exclude={"rate_card", "evidence"}),
                    "rate_card": f"{card.id} {card.version}" if card else None,
                    "evidence": " ".join(f"{e.kind}:{e.reference}" for e in line.evidence),
                }
            )
        for name in TOTALS:
            writer.writerow({**of, "row": name, "amount_pence": getattr(found, name)})
        if found.sealed is not None:
            writer.writerow({**of, "row": "sealed_root", "reason": found.sealed.root})
    return text.getvalue()
