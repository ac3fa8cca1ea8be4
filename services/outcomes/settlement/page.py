"""A statement as a page: for screen and A4 paper, one statement a page, no JavaScript, nothing loaded."""

import base64
import hashlib
from collections.abc import Sequence
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, FunctionLoader, StrictUndefined

from services.contracts.plan_codes import OutcomeKind
from services.kernel.money import pounds
from services.outcomes.domain.months import london_day, month_of
from services.outcomes.domain.statement import Statement, StatementLine, withheld_of
from services.programmes.book import ProgrammeBook
from services.programmes.tiers import Billing

_TEMPLATES: Final = files("services.outcomes.settlement") / "templates"
_KINDS: Final = {OutcomeKind.FEE: "Delivery fee", OutcomeKind.PAID: "Payment received"}
_TREATMENTS: Final = {
    "once_per_person": "paid once for a person",
    "annulled": "annulled by its reversal",
    "taken_back": "taken back",
    "claimable": "evidence awaited",
    "capped_contract": "above the contract's ceiling",
    "capped_locality": "above the locality's ceiling",
    "capped_area": "above the area's ceiling",
    "capped_national": "above the national ceiling",
    "full_contract": "beyond the contract's places",
    "full_locality": "beyond the locality's places",
    "full_area": "beyond the area's places",
    "full_national": "beyond the national places",
}


def words(code: str | None) -> str:
    """Return a code as words."""
    return "" if code is None else _TREATMENTS.get(code, code.replace("_", " "))


def what(line: StatementLine) -> str:
    """Return what a line is for: Participant, Engagement (clawback), Delivery fee."""
    if line.milestone is None:
        return _KINDS.get(line.kind, words(line.kind).capitalize())
    kind = "" if line.kind is OutcomeKind.EARNED else f" ({words(line.kind)})"
    return words(line.milestone).capitalize() + kind


def day(value: date | datetime) -> str:
    """Return a day as 3 January 2025, of a moment the London day."""
    on = london_day(value) if isinstance(value, datetime) else value
    return f"{on.day} {on:%B %Y}"


def month_name(month: str) -> str:
    """Return ``2024-11`` as November 2024."""
    return f"{month_of(month)[0]:%B %Y}"


def to_pay(line: StatementLine) -> int:
    """Return what a line adds to the balance."""
    return -line.amount_pence if line.kind is OutcomeKind.PAID else line.amount_pence - withheld_of(line)


def summary(statement: Statement) -> list[dict[str, Any]]:
    """Return a row for each thing that is paid for: what, lines, amount, withheld and to pay, in pence."""
    rows: dict[str, dict[str, Any]] = {}
    for line in statement.lines:
        nothing = {"what": what(line), "lines": 0, "amount_pence": 0, "withheld_pence": 0, "to_pay_pence": 0}
        row = rows.setdefault(what(line), nothing)
        row["lines"] += 1
        row["amount_pence"] += line.amount_pence
        row["withheld_pence"] += withheld_of(line)
        row["to_pay_pence"] += to_pay(line)
    return [rows[name] for name in sorted(rows)]


@cache
def _environment() -> Environment:
    made = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        loader=FunctionLoader(lambda name: (_TEMPLATES / name).read_text("utf-8")),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(pounds=pounds, day=day, words=words, what=what, month_name=month_name, to_pay=to_pay)
    return made


@cache
def style() -> str:
    """Return the style sheet, which stands in the page itself."""
    return (_TEMPLATES / "statement.css").read_text("utf-8")


@cache
def security_headers() -> dict[str, str]:
    """Return what a browser is told: load nothing, run nothing, keep nothing."""
    digest = base64.b64encode(hashlib.sha256(style().encode()).digest()).decode()
    return {
        "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'",
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def render(statements: Sequence[Statement], book: ProgrammeBook) -> str:
    """Return the page of a month's statements."""
    shown = [{"statement": one, **_named(one, book)} for one in statements]
    return _environment().get_template("statement.html").render(statements=shown, style=style())


def _named(statement: Statement, book: ProgrammeBook) -> dict[str, Any]:
    last = month_of(statement.month)[1]
    versions = [v for v in book if v.programme == statement.programme and v.effective_from <= last]
    version = versions[-1] if versions else None
    contract = version.tiers.contract(statement.contract) if version else None
    provider = next((p.name for p in version.providers if p.id == statement.provider), None) if version else None
    return {
        "programme": version.title if version else statement.programme,
        "provider": provider or statement.provider,
        "summary": summary(statement),
        "billing": contract.billing if contract else Billing(),
    }
